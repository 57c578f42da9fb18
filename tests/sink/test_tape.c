/* sink/tape: where a file of frames ends and the next one begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/frames.h"
#include "sink/tape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAME 1000u     /* octets of each that is written */
#define ENDS  (42 + 12) /* of the frames at both ends of a file */

/* Writes so many frames to a file of its own, closes it, and says what it has become: octets of
 * FILE, and of FILE.1 unless there is none. */
static void write_frames(uint64_t rotate_octets, unsigned count, off_t size[2])
{
    char folder[] = "/tmp/cordon-tape-XXXXXX";
    char path[2][80];
    uint8_t frame[FRAME] = {0};
    struct sink_tape *tape = NULL;
    struct stat status;

    assert_non_null(mkdtemp(folder));
    snprintf(path[0], sizeof(path[0]), "%s/tape", folder);
    snprintf(path[1], sizeof(path[1]), "%s/tape.1", folder);
    frames_put_head(FRAME - FRAMES_HEAD, frame);
    assert_int_equal(sink_tape_open(path[0], rotate_octets, 1, &tape), 0);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(sink_tape_write(tape, frame, FRAME, i), 0);
    }
    sink_tape_close(tape);
    for (unsigned i = 0; i < 2; i++) {
        size[i] = stat(path[i], &status) == 0 ? status.st_size : -1;
        (void)unlink(path[i]);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void a_file_is_turned_between_frames(void **state)
{
    off_t size[2];

    (void)state;
    write_frames(4000, 3, size);
    assert_int_equal(size[0], 3 * FRAME + ENDS);
    assert_int_equal(size[1], -1);
    write_frames(4000, 5, size);
    assert_int_equal(size[0], 2 * FRAME + ENDS);
    assert_int_equal(size[1], 3 * FRAME + ENDS);
}

/* Also beyond what is the standard where nobody has said anything. */
static void one_that_is_never_turned_grows_on(void **state)
{
    const unsigned count = (65u << 20) / FRAME;
    off_t size[2];

    (void)state;
    write_frames(0, count, size);
    assert_int_equal(size[0], (off_t)count * FRAME + ENDS);
    assert_int_equal(size[1], -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_turned_between_frames),
        cmocka_unit_test(one_that_is_never_turned_grows_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
