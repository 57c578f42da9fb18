#include "policy/versions.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "policy/list.h"
#include "trust/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LIST      ".list"
#define ARRIVING  ".arriving"
#define SIGNATURE ".minisig"

#define COPY_OCTETS ((size_t)256 << 10)

/* What stands between a list's name and ".minisig": a key id has 16. */
#define SIGNER_CHARS_MAX 64u

/* Signatures of a list that are looked at when it is kept. */
#define SIGNATURES_MAX 64u

/* Nobody writes for so long at what was not finished. */
#define UNFINISHED_S 3600

/* Left free of the file system for what matters more, such as the ratchet: a twentieth, and at
 * most so many octets. */
#define RESERVE_PART   20u
#define RESERVE_OCTETS ((uint64_t)64 << 20)

bool policy_version_path(const struct policy_version_of *what, char *path, size_t size)
{
    char hex[2 * DIGEST_OCTETS + 1];

    digest_hex(what->hash, DIGEST_OCTETS, hex);
    const int len = snprintf(path, size, "%s/%s/%" PRIu32 "-%.*s" LIST, what->folder, what->id,
                             what->serial, POLICY_VERSION_HASH, hex);
    return len > 0 && (size_t)len < size;
}

/* The folder of all versions of a list. */
static bool folder_path(const struct policy_version_of *what, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%s", what->folder, what->id) < PATH_MAX;
}

/* --- reading --- */

/* Copies to a descriptor, or nowhere (-1), and gives the hash. */
static int copy(int from, int to, uint8_t hash[DIGEST_OCTETS])
{
    uint8_t *buffer = malloc(COPY_OCTETS);
    struct digest digest;
    uint64_t all = 0;
    int rc = buffer == NULL ? -ENOMEM : 0;

    digest_init(&digest, NULL, DIGEST_OCTETS);
    while (rc == 0) {
        const ssize_t got = read(from, buffer, COPY_OCTETS);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            rc = got < 0 ? -errno : 0;
            break;
        }
        all += (uint64_t)got;
        digest_add(&digest, buffer, (size_t)got);
        rc = all > POLICY_LIST_OCTETS_MAX ? CORDON_E_TOO_LARGE
             : to >= 0                    ? file_write_to(to, buffer, (size_t)got)
                                          : 0;
    }
    digest_end(&digest, hash, DIGEST_OCTETS);
    free(buffer);
    return rc;
}

/* A regular file alone, without waiting for anybody. A descriptor or -errno. */
static int open_text(const char *path, uint64_t *octets)
{
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return -EINVAL;
    }
    *octets = (uint64_t)status.st_size;
    return fd;
}

int policy_version_hash(const char *path, uint8_t hash[DIGEST_OCTETS])
{
    uint64_t octets = 0;
    const int fd = open_text(path, &octets);

    if (fd < 0) {
        return fd;
    }
    const int rc = copy(fd, -1, hash);
    close(fd);
    return rc;
}

/* --- bringing --- */

static int check_room(const char *folder, uint64_t octets, struct report *report)
{
    struct statvfs disk;

    if (statvfs(folder, &disk) != 0) {
        return 0; /* writing will show */
    }
    const uint64_t all = (uint64_t)disk.f_blocks * disk.f_frsize;
    const uint64_t free_octets = (uint64_t)disk.f_bavail * disk.f_frsize;
    const uint64_t part = all / RESERVE_PART;
    const uint64_t reserve = part < RESERVE_OCTETS ? part : RESERVE_OCTETS;

    if (free_octets >= octets + reserve) {
        return 0;
    }
    report_add(report, REPORT_WARNING, folder, 0, 0,
               "%" PRIu64 " KiB are free, of which %" PRIu64 " are left for what matters more: "
               "no version of %" PRIu64 " KiB is kept; it is in force all the same, and cannot "
               "be put back later. Make room, or set lists.keep lower",
               free_octets >> 10, reserve >> 10, octets >> 10);
    return -ENOSPC;
}

/* Copies one signature. */
static int bring_signature(const char *from, const char *to)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = file_read(from, TRUST_SIGNATURE_FILE_MAX, &text, &len);

    rc = rc == 0 ? file_write_atomic(to, text, len, 0600) : rc;
    free(text);
    return rc;
}

/* All of FROM.*.minisig, which are beside FROM. What cannot be read is no signature. */
static int bring_signatures(const char *from, const char *to)
{
    char folder[PATH_MAX];
    char source[PATH_MAX];
    char target[PATH_MAX];
    const char *slash = strrchr(from, '/');
    const char *base = slash == NULL ? from : slash + 1;
    const size_t base_len = strlen(base);
    size_t count = 0;
    int rc = 0;

    snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - from + 1),
             slash == NULL ? "." : from);
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return -errno;
    }
    for (const struct dirent *entry = readdir(dir);
         rc == 0 && entry != NULL && count < SIGNATURES_MAX; entry = readdir(dir)) {
        const size_t len = strlen(entry->d_name);
        const size_t ends = sizeof(SIGNATURE) - 1;

        if (len <= base_len + ends || len > base_len + ends + SIGNER_CHARS_MAX ||
            memcmp(entry->d_name, base, base_len) != 0 || entry->d_name[base_len] != '.' ||
            strcmp(entry->d_name + len - ends, SIGNATURE) != 0 ||
            (size_t)snprintf(source, sizeof(source), "%s/%s", folder, entry->d_name) >=
                sizeof(source) ||
            (size_t)snprintf(target, sizeof(target), "%s%s", to, entry->d_name + base_len) >=
                sizeof(target)) {
            continue;
        }
        count++;
        rc = bring_signature(source, target);
        if (rc == CORDON_E_TOO_LARGE || rc == -EINVAL || rc == CORDON_E_NO_FILE ||
            rc == -EISDIR || rc == -ENOENT) {
            rc = 0;
        }
    }
    closedir(dir);
    return rc;
}

/* Where a text is brought from: octets that were verified, or a file that was. */
struct origin {
    const uint8_t *text; /* NULL: fd */
    uint64_t octets;
    int fd;
};

static int write_text(const struct origin *origin, int to, const uint8_t wanted[DIGEST_OCTETS])
{
    uint8_t hash[DIGEST_OCTETS];

    if (origin->text != NULL) {
        return file_write_to(to, origin->text, (size_t)origin->octets);
    }
    const int rc = copy(origin->fd, to, hash);
    return rc == 0 && !digest_equal(hash, wanted) ? CORDON_E_CORRUPT : rc;
}

/* Copies the text to a file beside, which becomes `to` if it is what was verified. */
static int bring_text(const struct origin *origin, const char *to,
                      const uint8_t wanted[DIGEST_OCTETS])
{
    char beside[PATH_MAX];

    if ((size_t)snprintf(beside, sizeof(beside), "%s.XXXXXX", to) >= sizeof(beside)) {
        return -ENAMETOOLONG;
    }
    const int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int rc = write_text(origin, fd, wanted);
    rc = rc == 0 && fsync(fd) != 0 ? -errno : rc;
    rc = close(fd) != 0 && rc == 0 ? -errno : rc;
    rc = rc == 0 && rename(beside, to) != 0 ? -errno : rc;
    if (rc != 0) {
        unlink(beside);
    }
    return rc;
}

/* Is the version there already, and whole? octets: of what it is brought from. */
static bool is_there(const struct policy_version_of *what, const char *path, uint64_t octets,
                     bool check, struct report *report)
{
    struct stat status;
    uint8_t hash[DIGEST_OCTETS];

    if (lstat(path, &status) != 0) {
        return false;
    }
    /* What it is brought from may be another text by now: the hash decides. */
    const bool looks_so =
        !check && S_ISREG(status.st_mode) && (uint64_t)status.st_size == octets;
    const bool whole =
        looks_so || (S_ISREG(status.st_mode) && policy_version_hash(path, hash) == 0 &&
                     digest_equal(hash, what->hash));
    if (!whole) {
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "the kept version is damaged: it is written anew");
    }
    return whole;
}

/* The signatures come first: a text is never there without them. */
static int bring(const struct policy_version_of *what, const char *from, const char *path,
                 struct origin *origin, bool check, struct report *report)
{
    char folder[PATH_MAX];
    char arriving[PATH_MAX];
    int rc = 0;

    if (!folder_path(what, folder) ||
        (size_t)snprintf(arriving, sizeof(arriving), "%s" ARRIVING, path) >= sizeof(arriving)) {
        return -ENAMETOOLONG;
    }
    if (origin->text == NULL) {
        origin->octets = UINT64_MAX;
        origin->fd = open_text(from, &origin->octets);
        rc = origin->fd < 0 ? origin->fd : 0;
    }
    if (is_there(what, path, origin->octets, check, report)) {
        rc = 0;
    } else if (rc == 0) {
        rc = file_make_folder(folder, 0700);
        rc = rc == 0 ? check_room(folder, origin->octets, report) : rc;
        rc = rc == 0 ? bring_signatures(from, path) : rc;
        rc = rc == 0 ? bring_text(origin, arriving, what->hash) : rc;
    }
    if (origin->fd >= 0) {
        close(origin->fd);
    }
    return rc;
}

int policy_version_bring(const struct policy_version_of *what, const char *from,
                         const uint8_t *text, size_t len, bool check, struct report *report)
{
    struct origin origin = {.text = text, .octets = len, .fd = -1};
    char path[PATH_MAX];
    const size_t said = report->warnings;

    if (!policy_version_path(what, path, sizeof(path))) {
        return -ENAMETOOLONG;
    }
    const int rc = bring(what, from, path, &origin, check, report);
    if (rc != 0 && report->warnings == said) {
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "this version cannot be kept (%s): it is in force all the same, and cannot "
                   "be put back later",
                   rc == CORDON_E_CORRUPT ? "the list has changed since it was verified"
                                          : cordon_strerror(rc));
    }
    return rc;
}

/* --- what is there --- */

/* "SERIAL-HASH16.list", and what follows it. False for any other name. */
static bool parse_name(const char *name, struct policy_kept_version *version, const char **rest)
{
    uint64_t serial = 0;
    size_t at = 0;

    for (; name[at] >= '0' && name[at] <= '9' && at < 10; at++) {
        serial = 10 * serial + (uint64_t)(name[at] - '0');
    }
    if (at == 0 || serial > UINT32_MAX || name[at] != '-' ||
        strspn(name + at + 1, "0123456789abcdef") != POLICY_VERSION_HASH) {
        return false;
    }
    const char *ends = name + at + 1 + POLICY_VERSION_HASH;
    if (strncmp(ends, LIST, sizeof(LIST) - 1) != 0) {
        return false;
    }
    version->serial = (uint32_t)serial;
    memcpy(version->hash, name + at + 1, POLICY_VERSION_HASH);
    version->hash[POLICY_VERSION_HASH] = '\0';
    *rest = ends + sizeof(LIST) - 1;
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct policy_kept_version *x = a;
    const struct policy_kept_version *y = b;

    if (x->last_s != y->last_s) {
        return x->last_s > y->last_s ? -1 : 1;
    }
    if (x->last_ns != y->last_ns) {
        return x->last_ns > y->last_ns ? -1 : 1;
    }
    return x->serial != y->serial ? (x->serial > y->serial ? -1 : 1) : strcmp(x->hash, y->hash);
}

int policy_versions_find(const char *folder, const char *id,
                         struct policy_kept_version out[POLICY_VERSIONS_MAX], size_t *count)
{
    const struct policy_version_of what = {.folder = folder, .id = id};
    char path[PATH_MAX];

    *count = 0;
    if (!folder_path(&what, path)) {
        return -ENAMETOOLONG;
    }
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return errno == ENOENT ? 0 : -errno;
    }
    for (const struct dirent *entry = readdir(dir);
         entry != NULL && *count < POLICY_VERSIONS_MAX; entry = readdir(dir)) {
        struct policy_kept_version *version = &out[*count];
        struct stat status;
        const char *rest = NULL;

        if (parse_name(entry->d_name, version, &rest) && rest[0] == '\0' &&
            fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode)) {
            version->octets = (uint64_t)status.st_size;
            version->last_s = (uint64_t)status.st_mtim.tv_sec;
            version->last_ns = (uint64_t)status.st_mtim.tv_nsec;
            (*count)++;
        }
    }
    closedir(dir);
    qsort(out, *count, sizeof(out[0]), compare);
    return 0;
}

/* --- settling --- */

static bool is_one_of(const struct policy_kept_version *versions, size_t count,
                      const struct policy_kept_version *wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (versions[i].serial == wanted->serial &&
            strcmp(versions[i].hash, wanted->hash) == 0) {
            return true;
        }
    }
    return false;
}

/* Everything that belongs to none of these. What is still being written, perhaps by a successor
 * of this process, gets its time. */
static void remove_others(const char *folder, const struct policy_kept_version *stay,
                          size_t count)
{
    const int64_t now = (int64_t)(clock_read().wall_us / 1000000);
    DIR *dir = opendir(folder);

    if (dir == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        struct policy_kept_version version;
        struct stat status;
        const char *rest = NULL;

        if (!parse_name(entry->d_name, &version, &rest) ||
            fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        const bool unfinished = strncmp(rest, ARRIVING, sizeof(ARRIVING) - 1) == 0;
        const bool stays = is_one_of(stay, count, &version);
        const bool young = now - (int64_t)status.st_mtim.tv_sec < UNFINISHED_S;
        const bool is_text = rest[0] == '\0';
        if (is_text ? !stays : (unfinished || !stays) && !young) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    closedir(dir);
}

/* The signatures of what is removed go with it, whatever their age. */
static void remove_signatures(const char *folder, const struct policy_kept_version *gone)
{
    DIR *dir = opendir(folder);

    if (dir == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        struct policy_kept_version version;
        const char *rest = NULL;

        if (parse_name(entry->d_name, &version, &rest) && rest[0] != '\0' &&
            is_one_of(gone, 1, &version)) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    closedir(dir);
}

void policy_version_settle(const struct policy_version_of *what, unsigned keep)
{
    static const struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
    struct policy_kept_version versions[POLICY_VERSIONS_MAX];
    char folder[PATH_MAX];
    char path[PATH_MAX];
    char arriving[PATH_MAX];
    size_t count = 0;

    if (!folder_path(what, folder) || !policy_version_path(what, path, sizeof(path)) ||
        (size_t)snprintf(arriving, sizeof(arriving), "%s" ARRIVING, path) >= sizeof(arriving)) {
        return;
    }
    (void)rename(arriving, path);
    if (utimensat(AT_FDCWD, path, now, AT_SYMLINK_NOFOLLOW) != 0 ||
        policy_versions_find(what->folder, what->id, versions, &count) != 0) {
        return;
    }
    remove_others(folder, versions, count < keep ? count : keep); /* texts first */
    for (size_t i = keep; i < count; i++) {
        remove_signatures(folder, &versions[i]);
    }
}
