#include "audit/output.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_US     UINT64_C(1000000) /* between two looks at where the file is */
#define FILE_MODE   0640
#define SUFFIX_MAX  16       /* ".100" and a terminator */
#define CHUNK_FILE  262144u  /* octets of one write to a file */
#define CHUNK_OTHER PIPE_BUF /* a pipe takes this whole or not at all (POSIX, write) */

enum kind {
    KIND_NONE,   /* a file that cannot be opened now */
    KIND_FILE,   /* a regular file of ours, by its path */
    KIND_OWN,    /* something else, opened by us without blocking */
    KIND_SHARED, /* standard output as we got it: its flags are others' too */
    KIND_SOCKET
};

struct audit_output {
    int fd;
    enum kind kind;
    char *path; /* NULL: standard output */
    uint64_t rotate_octets;
    unsigned keep;
    uint64_t size;        /* of the file */
    uint64_t line_start;  /* in the file: where the line that is being written begins */
    bool in_line;         /* the octet written last is not a newline */
    bool needs_newline;   /* a line was left unfinished */
    bool rotation_failed; /* until the next look */
    bool joins;           /* another process may be in the middle of a line */
    bool fault_logged;    /* of rotating or opening, until one of them works */
    uint64_t next_look_us;
};

const char *audit_output_name(const struct audit_output *output)
{
    return output->path != NULL ? output->path : "standard output";
}

int audit_output_descriptor(const struct audit_output *output)
{
    return output->fd;
}

/* A crash can have left a file with half a line at its end. */
static bool ends_in_line(const char *path, uint64_t size)
{
    char last = '\n';

    const int fd = size > 0 ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0) {
        return false;
    }
    if (pread(fd, &last, 1, (off_t)(size - 1)) != 1) {
        last = '\n';
    }
    close(fd);
    return last != '\n';
}

/* Takes the descriptor over as what the output writes to from now on. */
static int use_file(struct audit_output *output, int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        const int rc = -errno;
        close(fd);
        return rc;
    }
    if (output->fd >= 0) {
        close(output->fd);
    }
    output->fd = fd;
    output->kind = S_ISREG(status.st_mode) ? KIND_FILE : KIND_OWN;
    output->size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    output->line_start = output->size;
    output->in_line = false;
    output->needs_newline =
        output->kind == KIND_FILE && !output->joins && ends_in_line(output->path, output->size);
    return 0;
}

static int open_path(const char *path, int flags)
{
    const int fd =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags,
             FILE_MODE);
    return fd < 0 ? -errno : fd;
}

static int open_file(struct audit_output *output)
{
    const int fd = open_path(output->path, 0);

    return fd < 0 ? fd : use_file(output, fd);
}

/* Standard output may be shared with other processes, so its flags are left alone. A pipe can
 * be opened anew, with flags of our own; otherwise poll(2) says whether a chunk has room. */
static int open_standard(struct audit_output *output)
{
    struct stat status;

    if (fstat(STDOUT_FILENO, &status) != 0) {
        return -errno;
    }
    if (S_ISFIFO(status.st_mode)) {
        output->fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (output->fd >= 0) {
            output->kind = KIND_OWN;
            return 0;
        }
    }
    output->kind = S_ISSOCK(status.st_mode) ? KIND_SOCKET : KIND_SHARED;
    output->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return output->fd < 0 ? -errno : 0;
}

/* These pass by themselves, unlike a wrong path: no reason not to start. */
static bool may_pass(int error)
{
    return error == -EROFS || error == -ENOSPC || error == -EDQUOT || error == -EIO;
}

int audit_output_open(const struct audit_writer_settings *settings,
                      struct audit_output **output)
{
    struct audit_output *new = calloc(1, sizeof(*new));
    int rc = -ENOMEM;

    if (new == NULL) {
        return rc;
    }
    new->fd = -1;
    new->rotate_octets = settings->rotate_octets;
    new->keep = settings->keep;
    new->joins = settings->joins;
    if (settings->path == NULL) {
        rc = open_standard(new);
    } else {
        new->path = strdup(settings->path);
        rc = new->path != NULL ? open_file(new) : -ENOMEM;
        rc = may_pass(rc) ? 0 : rc; /* kind is KIND_NONE: tried again with each write */
    }
    if (rc != 0) {
        free(new->path);
        free(new);
        return rc;
    }
    *output = new;
    return 0;
}

void audit_output_close(struct audit_output *output)
{
    if (output != NULL) {
        if (output->fd >= 0) {
            close(output->fd);
        }
        free(output->path);
        free(output);
    }
}

int audit_output_rotate(const char *path, unsigned keep)
{
    char from[PATH_MAX + SUFFIX_MAX];
    char to[PATH_MAX + SUFFIX_MAX];

    /* The oldest goes by itself: ext4 writes a file whose name takes the place of another's to
     * the disk at once, in this thread. */
    snprintf(to, sizeof(to), "%s.%u", path, keep);
    if (unlink(to) != 0 && errno != ENOENT) {
        return -errno;
    }
    for (unsigned i = keep; i > 1; i--) {
        snprintf(from, sizeof(from), "%s.%u", path, i - 1);
        snprintf(to, sizeof(to), "%s.%u", path, i);
        if (rename(from, to) != 0 && errno != ENOENT) {
            return -errno;
        }
    }
    snprintf(to, sizeof(to), "%s.1", path);
    return rename(path, to) != 0 && errno != ENOENT ? -errno : 0;
}

/* And a new FILE begins. */
static int rotate(struct audit_output *output)
{
    char to[PATH_MAX + SUFFIX_MAX];

    const int rc = audit_output_rotate(output->path, output->keep);
    if (rc != 0) {
        return rc;
    }
    const int fd = open_path(output->path, O_EXCL);
    if (fd < 0) {
        snprintf(to, sizeof(to), "%s.1", output->path);
        /* The old file is still open and takes the next lines, under its old name. */
        if (rename(to, output->path) != 0) {
            log_write(LOG_LEVEL_WARNING, "events: %s stays under its new name %s", output->path,
                      to);
        }
        return fd;
    }
    return use_file(output, fd);
}

static void rotate_if_due(struct audit_output *output, size_t line)
{
    if (output->rotate_octets == 0 || output->size == 0 ||
        output->size + line <= output->rotate_octets || output->rotation_failed) {
        return;
    }
    const int rc = rotate(output);
    output->rotation_failed = rc != 0;
    if (rc != 0 && !output->fault_logged) {
        /* Events count for more than the bound; the next look tries again. */
        output->fault_logged = true;
        log_write(LOG_LEVEL_WARNING,
                  "events: %s cannot be rotated: %s: it grows on; is its folder writable?",
                  output->path, cordon_strerror(rc));
    } else if (rc == 0) {
        output->fault_logged = false;
    }
}

/* Another program may have moved, removed or emptied the file: then it is opened anew. 0, or
 * why nothing can be written: a file that is gone has no reader, and no other takes its place.
 */
static int look(struct audit_output *output)
{
    struct stat ours;
    struct stat named;

    if (fstat(output->fd, &ours) != 0) {
        return 0;
    }
    const bool there = stat(output->path, &named) == 0;
    if (there && named.st_dev == ours.st_dev && named.st_ino == ours.st_ino) {
        output->size = (uint64_t)ours.st_size;
        output->line_start = output->size;
        return 0;
    }
    const int rc = open_file(output);
    if (rc == 0) {
        output->fault_logged = false;
    } else if (!output->fault_logged) {
        output->fault_logged = true;
        log_write(LOG_LEVEL_WARNING, "events: %s cannot be opened anew: %s: %s", output->path,
                  cordon_strerror(rc),
                  ours.st_nlink > 0 ? "its old file is used"
                                    : "its old file was removed, so lines wait");
    }
    if (rc == 0 || ours.st_nlink > 0) {
        return 0;
    }
    close(output->fd);
    output->fd = -1;
    output->kind = KIND_NONE;
    return rc;
}

/* Octets to hand over at once: whole lines up to max, or a line that is longer alone. */
static size_t chunk_of(const char *lines, size_t len, size_t max)
{
    if (len <= max) {
        return len;
    }
    const char *last = memrchr(lines, '\n', max);
    if (last != NULL) {
        return (size_t)(last - lines) + 1;
    }
    const char *first = memchr(lines, '\n', len);
    return first != NULL ? (size_t)(first - lines) + 1 : len;
}

static ssize_t write_shared(int fd, const char *octets, size_t len)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int before;

    if (poll(&ready, 1, 0) != 1) {
        errno = EAGAIN;
        return -1;
    }
    /* Where another process fills the pipe in between, the write blocks all the same: then
     * audit_writer_stop ends the thread here. */
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    const ssize_t put = write(fd, octets, len < PIPE_BUF ? len : PIPE_BUF);
    const int error = errno;
    pthread_setcancelstate(before, NULL);
    errno = error;
    return put;
}

static ssize_t write_once(struct audit_output *output, const char *octets, size_t len)
{
    switch (output->kind) {
    case KIND_NONE: /* opened before: see audit_output_write() */
        errno = EBADF;
        break;
    case KIND_FILE:
    case KIND_OWN:
        return write(output->fd, octets, len);
    case KIND_SHARED:
        return write_shared(output->fd, octets, len);
    case KIND_SOCKET:
        return send(output->fd, octets, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return -1;
}

/* One write: octets taken, or -errno. */
static ssize_t put(struct audit_output *output, const char *octets, size_t len)
{
    ssize_t taken;

    do {
        taken = write_once(output, octets, len);
    } while (taken < 0 && errno == EINTR);
    if (taken < 0) {
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    }
    if (taken == 0) {
        return -EIO; /* no write of more than nothing ends so */
    }
    output->size += (uint64_t)taken;
    output->in_line = octets[taken - 1] != '\n';
    const char *newline = memrchr(octets, '\n', (size_t)taken);
    if (newline != NULL) {
        output->line_start = output->size - (uint64_t)(octets + taken - (newline + 1));
    }
    return taken;
}

int audit_output_write(struct audit_output *output, const char *lines, size_t len,
                       uint64_t now_us, size_t *used)
{
    *used = 0;
    if (output->kind == KIND_NONE) {
        const int rc = open_file(output);
        if (rc != 0) {
            return rc;
        }
        output->fault_logged = false;
    }
    if (output->kind == KIND_FILE && !output->in_line && now_us >= output->next_look_us) {
        output->next_look_us = now_us + LOOK_US;
        output->rotation_failed = false;
        const int rc = look(output);
        if (rc != 0) {
            return rc;
        }
    }
    if (output->needs_newline) {
        const ssize_t taken = put(output, "\n", 1);
        if (taken < 0) {
            return (int)taken;
        }
        output->needs_newline = false;
    }
    while (*used < len) {
        const char *at = lines + *used;
        const char *newline = memchr(at, '\n', len - *used);
        const size_t line = newline != NULL ? (size_t)(newline - at) + 1 : len - *used;
        size_t max = output->kind == KIND_FILE ? CHUNK_FILE : CHUNK_OTHER;

        if (output->kind == KIND_FILE && !output->in_line) {
            rotate_if_due(output, line);
        }
        if (output->kind == KIND_FILE && output->rotate_octets > output->size &&
            output->rotate_octets - output->size < max) {
            max = (size_t)(output->rotate_octets - output->size);
        } else if (output->kind == KIND_FILE && output->rotate_octets != 0 &&
                   output->rotate_octets <= output->size && !output->rotation_failed) {
            max = line; /* rotated before the next one */
        }
        const ssize_t taken = put(output, at, chunk_of(at, len - *used, max));
        if (taken < 0) {
            return (int)taken;
        }
        *used += (size_t)taken;
    }
    return 0;
}

void audit_output_end_line(struct audit_output *output)
{
    struct stat status;

    if (!output->in_line) {
        return;
    }
    output->in_line = false;
    /* Not if somebody else has written behind it. */
    if (output->kind == KIND_FILE && fstat(output->fd, &status) == 0 &&
        (uint64_t)status.st_size == output->size &&
        ftruncate(output->fd, (off_t)output->line_start) == 0) {
        output->size = output->line_start;
    } else {
        output->needs_newline = true;
    }
}
