#include "sink/tape.h"

#include "audit/output.h"
#include "base/file.h"
#include "sink/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0640
#define LOOK_US   UINT64_C(1000000)

struct sink_tape {
    const char *path;
    uint64_t rotate_octets;
    unsigned keep;
    int fd;
    uint64_t size; /* of whole frames */
    uint64_t next_look_us;
};

/* A write that failed in its middle leaves nothing behind. */
static int put(struct sink_tape *tape, const uint8_t *octets, size_t len)
{
    const int result = file_write_to(tape->fd, octets, len);

    if (result == 0) {
        tape->size += len;
    } else if (ftruncate(tape->fd, (off_t)tape->size) == 0) {
        (void)lseek(tape->fd, (off_t)tape->size, SEEK_SET);
    }
    return result;
}

static int put_control(struct sink_tape *tape, enum frames_control control)
{
    uint8_t octets[FRAMES_CONTROL_MAX];

    return put(tape, octets, frames_put_control(control, octets));
}

static void end(struct sink_tape *tape)
{
    if (tape->fd >= 0) {
        (void)put_control(tape, FRAMES_STOP);
        close(tape->fd);
        tape->fd = -1;
    }
}

/* What is there already is somebody's record: it is moved, not overwritten. */
static int begin(struct sink_tape *tape)
{
    struct stat status;

    if (stat(tape->path, &status) == 0) {
        if (!S_ISREG(status.st_mode)) {
            return -EINVAL;
        }
        const int result = status.st_size > 0 ? audit_output_rotate(tape->path, tape->keep) : 0;
        if (result != 0) {
            return result;
        }
    }
    tape->fd =
        open(tape->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
             FILE_MODE);
    if (tape->fd < 0) {
        return -errno;
    }
    tape->size = 0;
    const int result = put_control(tape, FRAMES_START);
    if (result != 0) {
        close(tape->fd);
        tape->fd = -1;
    }
    return result;
}

int sink_tape_open(const char *path, uint64_t rotate_octets, unsigned keep,
                   struct sink_tape **tape)
{
    struct sink_tape *new = calloc(1, sizeof(*new));

    if (new == NULL) {
        return -ENOMEM;
    }
    *new = (struct sink_tape){
        .path = path, .rotate_octets = rotate_octets, .keep = keep, .fd = -1};
    const int result = begin(new);
    if (result != 0) {
        free(new);
        return result;
    }
    *tape = new;
    return 0;
}

void sink_tape_close(struct sink_tape *tape)
{
    if (tape != NULL) {
        end(tape);
        free(tape);
    }
}

/* Another program may have moved or removed the file: then another stream begins. Not if
 * somebody writes there already: that is a successor, whose file stays, and ours ends under its
 * new name.
 */
static bool is_to_begin(const struct sink_tape *tape)
{
    struct stat ours;
    struct stat named;

    if (stat(tape->path, &named) != 0) {
        return errno == ENOENT;
    }
    return named.st_size == 0 && fstat(tape->fd, &ours) == 0 &&
           (ours.st_dev != named.st_dev || ours.st_ino != named.st_ino);
}

int sink_tape_write(struct sink_tape *tape, const uint8_t *frame, size_t len, uint64_t now_us)
{
    bool moved = false;

    if (tape->fd >= 0 && now_us >= tape->next_look_us) {
        tape->next_look_us = now_us + LOOK_US;
        moved = is_to_begin(tape);
    }
    const bool is_full = tape->rotate_octets > 0 && tape->size + len > tape->rotate_octets;
    if (moved || (tape->fd >= 0 && is_full)) {
        end(tape);
    }
    const int result = tape->fd < 0 ? begin(tape) : 0;
    return result != 0 ? result : put(tape, frame, len);
}
