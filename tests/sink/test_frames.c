/* sink/frames: what a reader of dnstap may say, and what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/frames.h"

#include <stdio.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))
#define OURS             \
    "\0\0\0\1\0\0\0\x16" \
    "protobuf:dnstap.Dnstap"
#define OTHER          \
    "\0\0\0\1\0\0\0\5" \
    "other"

static void writes_what_the_protocol_says(void **state)
{
    uint8_t octets[FRAMES_CONTROL_MAX];

    (void)state;
    assert_int_equal(frames_put_control(FRAMES_READY, octets), 42);
    assert_memory_equal(octets, "\0\0\0\0\0\0\0\x22\0\0\0\4" OURS, 42);
    assert_int_equal(frames_put_control(FRAMES_START, octets), 42);
    assert_memory_equal(octets, "\0\0\0\0\0\0\0\x22\0\0\0\2" OURS, 42);
    assert_int_equal(frames_put_control(FRAMES_STOP, octets), 12);
    assert_memory_equal(octets, "\0\0\0\0\0\0\0\4\0\0\0\3", 12);
    frames_put_head(0x01020304, octets);
    assert_memory_equal(octets, "\1\2\3\4", 4);
}

#define CASE(text, read, control)             \
    {                                         \
        text, sizeof(text) - 1, read, control \
    }

static void takes_two_frames_of_a_reader_and_no_other(void **state)
{
    static const struct {
        const char *octets;
        size_t len;
        enum frames_read read;
        enum frames_control control;
    } cases[] = {
        CASE("\0\0\0\0\0\0\0\x22\0\0\0\1" OURS, FRAMES_CONTROL, FRAMES_ACCEPT),
        CASE("\0\0\0\0\0\0\0\4\0\0\0\1", FRAMES_CONTROL, FRAMES_ACCEPT), /* of anything */
        /* several: ours is among them */
        CASE("\0\0\0\0\0\0\0\x2f\0\0\0\1" OTHER OURS, FRAMES_CONTROL, FRAMES_ACCEPT),
        CASE("\0\0\0\0\0\0\0\4\0\0\0\5", FRAMES_CONTROL, FRAMES_FINISH),
        CASE("\0\0\0\0\0\0\0\4\0\0\0\5more", FRAMES_CONTROL, FRAMES_FINISH),
        /* not whole */
        CASE("", FRAMES_MORE, 0),
        CASE("\0\0\0\0", FRAMES_MORE, 0),
        CASE("\0\0\0\0\0\0\0", FRAMES_MORE, 0),
        CASE("\0\0\0\0\0\0\0\4\0\0\0", FRAMES_MORE, 0),
        CASE("\0\0\0\0\0\0\2\0\0\0\0\1", FRAMES_MORE, 0), /* of 512 octets, the most */
        /* takes something else */
        CASE("\0\0\0\0\0\0\0\x11\0\0\0\1" OTHER, FRAMES_REFUSED, 0),
        /* a data frame; a sender's words; a word that nobody knows */
        CASE("\0\0\0\1x", FRAMES_REFUSED, 0),
        CASE("\0\0\0\0\0\0\0\4\0\0\0\2", FRAMES_REFUSED, 0),
        CASE("\0\0\0\0\0\0\0\4\0\0\0\3", FRAMES_REFUSED, 0),
        CASE("\0\0\0\0\0\0\0\4\0\0\0\4", FRAMES_REFUSED, 0),
        CASE("\0\0\0\0\0\0\0\4\0\0\0\6", FRAMES_REFUSED, 0),
        CASE("\0\0\0\0\0\0\0\4\1\0\0\1", FRAMES_REFUSED, 0),
        /* too short for a word, too long for anything */
        CASE("\0\0\0\0\0\0\0\3\0\0\0", FRAMES_REFUSED, 0),
        CASE("\0\0\0\0\0\0\0\0", FRAMES_REFUSED, 0),
        CASE("\0\0\0\0\0\0\2\1", FRAMES_REFUSED, 0),
        CASE("\0\0\0\0\xff\xff\xff\xff", FRAMES_REFUSED, 0),
        /* fields: cut, longer than the frame, of another kind */
        CASE("\0\0\0\0\0\0\0\x8\0\0\0\1\0\0\0\1", FRAMES_REFUSED, 0),
        CASE("\0\0\0\0\0\0\0\xc\0\0\0\1\0\0\0\1\0\0\0\1", FRAMES_REFUSED, 0),
        CASE("\0\0\0\0\0\0\0\xc\0\0\0\1\0\0\0\1\xff\xff\xff\xff", FRAMES_REFUSED, 0),
        CASE("\0\0\0\0\0\0\0\xc\0\0\0\1\0\0\0\2\0\0\0\0", FRAMES_REFUSED, 0),
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        enum frames_control control = 0;
        size_t used = 0;
        const enum frames_read read = frames_read_control((const uint8_t *)cases[i].octets,
                                                          cases[i].len, &control, &used);

        if (read != cases[i].read || (read == FRAMES_CONTROL && control != cases[i].control)) {
            fail_msg("case %zu: %d, %d", i, (int)read, (int)control);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_the_protocol_says),
        cmocka_unit_test(takes_two_frames_of_a_reader_and_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
