/* trust/ratchet_file.c - the two files of a ratchet, and which of them counts. */
#include "base/error.h"
#include "base/file.h"
#include "trust/ratchet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The two places of a ratchet. False: the path is too long. */
struct places {
    char at[2][PATH_MAX];
};

static bool find_places(const char *path, struct places *places)
{
    return (size_t)snprintf(places->at[0], PATH_MAX, "%s", path) < PATH_MAX &&
           (size_t)snprintf(places->at[1], PATH_MAX, "%s" TRUST_RATCHET_COPY, path) < PATH_MAX;
}

/* One file. 0; -ENOENT: there is none; or what is wrong with it. */
static int read_one(const char *path, struct report *report, struct trust_ratchet **ratchet)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = file_read(path, TRUST_RATCHET_OCTETS_MAX, &text, &len);

    if (rc == 0) {
        rc = trust_ratchet_parse((const char *)text, len, path, report, ratchet);
        free(text);
    } else if (rc != -ENOENT) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "what was accepted before cannot be read: %s", cordon_strerror(rc));
    }
    return rc;
}

/* Takes the newer of two that may be NULL, and lets go of the other. */
static struct trust_ratchet *newer(struct trust_ratchet *a, struct trust_ratchet *b)
{
    const bool takes_b = a == NULL || (b != NULL && b->written > a->written);
    struct trust_ratchet *taken = takes_b ? b : a;

    taken->uneven = a == NULL || b == NULL || memcmp(a->was, b->was, sizeof(a->was)) != 0;
    trust_ratchet_free(takes_b ? a : b);
    return taken;
}

static void say_damaged(const struct places *places, size_t which, struct report *report)
{
    report_add(report, REPORT_WARNING, places->at[which], 0, 0,
               "this file remembers what was accepted before, and is damaged. Nothing is lost: "
               "%s is whole. Both are written anew with the next change; look at the disk",
               places->at[1 - which]);
}

/* Neither can be read, and there is at least one. */
static int say_lost(const struct places *places, const int rcs[2], struct report *report)
{
    const size_t first = rcs[0] == -ENOENT ? 1 : 0;
    struct trust_ratchet *none = NULL;

    for (size_t i = 0; i < 2; i++) {
        trust_ratchet_free(read_one(places->at[i], report, &none) == 0 ? none : NULL);
    }
    report_add(report, REPORT_ERROR, places->at[0], 0, 0,
               "what was accepted before cannot be read, here or in %s, so nobody can tell "
               "what is older: restore one of them from a copy, or make it readable for "
               "cordond",
               places->at[1]);
    return rcs[first];
}

int trust_ratchet_read(const char *path, struct report *report, struct trust_ratchet **ratchet)
{
    struct places places;
    struct trust_ratchet *found[2] = {NULL, NULL};
    int rcs[2];

    if (!find_places(path, &places)) {
        return -ENAMETOOLONG;
    }
    for (size_t i = 0; i < 2; i++) {
        rcs[i] = read_one(places.at[i], NULL, &found[i]);
    }
    if (rcs[0] == -ENOMEM || rcs[1] == -ENOMEM) {
        trust_ratchet_free(found[0]);
        trust_ratchet_free(found[1]);
        return -ENOMEM;
    }
    if (found[0] == NULL && found[1] == NULL) {
        if (rcs[0] != -ENOENT || rcs[1] != -ENOENT) {
            return say_lost(&places, rcs, report);
        }
        *ratchet = trust_ratchet_new();
        return *ratchet == NULL ? -ENOMEM : 0;
    }
    for (size_t i = 0; i < 2; i++) {
        if (rcs[i] != 0 && rcs[i] != -ENOENT) {
            say_damaged(&places, i, report);
        }
    }
    *ratchet = newer(found[0], found[1]);
    return 0;
}

/* Renames one file that cannot be read. 0, also if there is nothing to do, or -errno. */
static int set_one_aside(const char *path, char beside[PATH_MAX])
{
    struct trust_ratchet *whole = NULL;
    int rc = read_one(path, NULL, &whole);

    trust_ratchet_free(rc == 0 ? whole : NULL);
    beside[0] = '\0';
    if (rc == 0 || rc == -ENOENT || rc == -ENOMEM) {
        return rc == -ENOMEM ? rc : 0;
    }
    rc = file_find_damaged(path, TRUST_DAMAGED_MAX, beside, PATH_MAX);
    return rc == 0 && rename(path, beside) != 0 ? -errno : rc;
}

/* One process at a time looks whether the file is the one it read, and replaces it. The lock
 * goes with the descriptor, and with the process. */
static int take_lock(const char *path, int *fd)
{
    char name[PATH_MAX];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if ((size_t)snprintf(name, sizeof(name), "%s.lock", path) >= sizeof(name)) {
        return -ENAMETOOLONG;
    }
    *fd = file_open_regular(AT_FDCWD, name, O_RDWR | O_CREAT, 0600);
    if (*fd < 0) {
        return *fd;
    }
    if (fcntl(*fd, F_OFD_SETLK, &lock) != 0) {
        const int rc = errno == EACCES ? -EAGAIN : -errno;

        close(*fd);
        return rc;
    }
    return 0;
}

/* -EAGAIN if the files are others than were read. */
static int check_same(const struct trust_ratchet *ratchet, const char *path)
{
    struct trust_ratchet *found = NULL;
    const int rc = trust_ratchet_read(path, NULL, &found);

    if (ratchet->anew && rc != 0 && rc != -ENOMEM) {
        return 0; /* as it was */
    }
    if (rc != 0 || found == NULL) { /* one comes with the other */
        return rc;
    }
    const bool same = memcmp(found->was, ratchet->was, sizeof(found->was)) == 0;
    trust_ratchet_free(found);
    return same ? 0 : -EAGAIN;
}

/* What cannot be read there is kept beside it first. */
static int write_one(const char *path, const char *text, size_t len, struct report *report)
{
    char beside[PATH_MAX];
    const int rc = set_one_aside(path, beside);

    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0, "it cannot be set aside: %s",
                   cordon_strerror(rc));
    } else if (beside[0] != '\0') {
        report_add(report, REPORT_ERROR, path, 0, 0, "it is kept as %s", beside);
    }
    return file_write_atomic(path, text, len, 0600);
}

/* One file is enough to remember by. */
static int write_both(const struct places *places, const char *text, size_t len, bool *uneven,
                      struct report *report)
{
    int rcs[2];

    for (size_t i = 0; i < 2; i++) {
        rcs[i] = write_one(places->at[i], text, len, NULL);
    }
    for (size_t i = 0; i < 2; i++) {
        if (rcs[i] != 0 && rcs[1 - i] == 0) {
            report_add(report, REPORT_WARNING, places->at[i], 0, 0,
                       "this file cannot be written (%s): what was accepted is in %s alone",
                       cordon_strerror(rcs[i]), places->at[1 - i]);
        }
    }
    *uneven = rcs[0] != 0 || rcs[1] != 0;
    return rcs[0] != 0 && rcs[1] != 0 ? rcs[0] : 0;
}

/* Both are damaged, or the only one is: that says that there was a loss until the new one is
 * whole in the other place. */
static int write_anew(const struct places *places, const char *text, size_t len, bool *uneven,
                      struct report *report)
{
    const size_t first = access(places->at[0], F_OK) == 0 ? 1 : 0;
    const int rc = write_one(places->at[first], text, len, report);

    if (rc == 0) {
        *uneven = write_one(places->at[1 - first], text, len, report) != 0;
    }
    return rc;
}

int trust_ratchet_write(struct trust_ratchet *ratchet, const char *path, struct report *report)
{
    struct places places;
    char *text = NULL;
    size_t len = 0;
    int fd = -1;
    const uint32_t before = ratchet->written;

    ratchet->written += before < UINT32_MAX ? 1 : 0;
    int rc =
        find_places(path, &places) ? trust_ratchet_format(ratchet, &text, &len) : -ENAMETOOLONG;
    if (rc == 0) {
        rc = take_lock(path, &fd);
    }
    if (rc == 0) {
        rc = check_same(ratchet, path);
        rc = rc != 0         ? rc
             : ratchet->anew ? write_anew(&places, text, len, &ratchet->uneven, report)
                             : write_both(&places, text, len, &ratchet->uneven, report);
        close(fd);
    }
    if (rc == 0) {
        trust_hash(text, len, ratchet->was);
        ratchet->anew = false;
    } else if (rc == -EAGAIN) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "another process changes what was accepted: load again");
    } else {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "what is accepted cannot be written down (%s): make room, or make the "
                   "folder writable for cordond",
                   cordon_strerror(rc));
    }
    ratchet->written = rc == 0 ? ratchet->written : before;
    free(text);
    return rc;
}
