#include "daemon/claim.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_MS      20
#define TURNS        10 /* somebody takes the file away again and again */
#define NUMBER_CHARS 11 /* of a process, and a newline */

void claim_init(struct claim *claim)
{
    *claim = (struct claim){.fd = -1};
}

/* 0, -errno or CORDON_E_NO_FILE. */
static int open_file(struct claim *claim)
{
    int fd = file_open_regular(AT_FDCWD, claim->path, O_RDWR | O_CREAT, 0600);

    if (fd == -EROFS || fd == -EPERM) {
        const int there = file_open_regular(AT_FDCWD, claim->path, O_RDONLY, 0);

        fd = there >= 0 ? there : fd; /* it can be locked */
    }
    if (fd < 0) {
        return fd;
    }
    (void)fchmod(fd, 0600); /* whoever may read a lock may hold it */
    claim->fd = fd;
    return 0;
}

static void write_number(const struct claim *claim)
{
    char text[NUMBER_CHARS + 1];

    const int len = snprintf(text, sizeof(text), "%-10ld\n", (long)getpid());
    /* Only for people, and for --replace, which goes on if there is none. */
    (void)!pwrite(claim->fd, text, (size_t)len, 0);
}

/* Of the process that has the lock; 0: it has not said. */
static pid_t read_number(const struct claim *claim)
{
    char text[NUMBER_CHARS + 1] = "";

    const ssize_t got = pread(claim->fd, text, NUMBER_CHARS, 0);
    const long number = got > 0 ? strtol(text, NULL, 10) : 0;
    return number > 0 ? (pid_t)number : 0;
}

/* -EAGAIN: the file was taken away meanwhile. */
static int lock_file(struct claim *claim)
{
    struct stat status;

    if (flock(claim->fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    }
    if (fstat(claim->fd, &status) == 0 && status.st_nlink == 0) {
        return -EAGAIN;
    }
    claim->have = true;
    write_number(claim);
    return 0;
}

static int try_once(struct claim *claim)
{
    int rc = -EAGAIN;

    for (unsigned turn = 0; rc == -EAGAIN && turn < TURNS; turn++) {
        rc = claim->fd >= 0 ? 0 : open_file(claim);
        rc = rc != 0 ? rc : lock_file(claim);
        if (rc == -EAGAIN) {
            claim_release(claim);
        }
    }
    return rc;
}

static void refuse(const struct claim *claim, const char *folder, pid_t holder, FILE *err)
{
    char who[64] = "another cordond";

    if (holder != 0) {
        snprintf(who, sizeof(who), "another cordond (process %ld)", (long)holder);
    }
    fprintf(
        err,
        "error: the state directory %s is in use by %s, which holds %s.\n"
        "       Two at once would overwrite each other's pauses, exceptions and audit log.\n"
        "       To take its place without a lost question: cordond --replace, or restart it "
        "where it is managed (systemctl restart cordond).\n"
        "       To run both: give each a state.directory of its own.\n",
        folder, who, claim->path);
}

int claim_take(struct claim *claim, const char *folder, pid_t predecessor, unsigned wait_ms,
               FILE *err)
{
    const uint64_t until_us = clock_read().mono_us + wait_ms * UINT64_C(1000);
    bool said = false;

    if (folder == NULL || (size_t)snprintf(claim->path, sizeof(claim->path), "%s/" CLAIM_FILE,
                                           folder) >= sizeof(claim->path)) {
        return 0;
    }
    int rc = try_once(claim);
    while (rc == -EBUSY) {
        const pid_t holder = claim->fd >= 0 ? read_number(claim) : 0;

        if (predecessor != 0 && (holder == 0 || holder == predecessor)) {
            return 0; /* it ends once we are ready */
        }
        if (clock_read().mono_us >= until_us) {
            refuse(claim, folder, holder, err);
            claim_release(claim);
            return -EBUSY;
        }
        if (!said) {
            log_write(LOG_LEVEL_WARNING,
                      "%s: another process (%ld) has the state directory: waiting for its end, "
                      "for at most %u s",
                      folder, (long)holder, (wait_ms + 999) / 1000);
            said = true;
        }
        (void)poll(NULL, 0, STEP_MS);
        rc = try_once(claim);
    }
    if (rc != 0) {
        log_write(
            LOG_LEVEL_WARNING,
            "%s cannot be locked (%s): nothing keeps a second cordond from writing to the "
            "same state directory%s",
            claim->path, cordon_strerror(rc),
            rc == CORDON_E_NO_FILE ? ". Remove it, and start again" : "");
        claim_release(claim);
    }
    return 0;
}

void claim_ready(struct claim *claim)
{
    if (claim->fd >= 0 && !claim->have) {
        write_number(claim);
    }
}

bool claim_look(struct claim *claim)
{
    return claim->fd < 0 || claim->have || try_once(claim) != -EBUSY;
}

void claim_release(struct claim *claim)
{
    if (claim->fd >= 0) {
        close(claim->fd);
    }
    claim->fd = -1;
    claim->have = false;
}
