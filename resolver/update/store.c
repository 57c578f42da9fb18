#include "update/store.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0755 /* what is signed is no secret, and cordond is another user */
#define FILE_MODE   0644
#define LOCK_MODE   0600
#define GONE        ".gone-" /* before the name of a version that is being removed */
#define LINK_PREFIX "versions/"
#define HASH_DIGITS 16u
_Static_assert(UPDATE_VERSION_MAX > 10 + 1 + HASH_DIGITS, "names of versions fit");
/* Versions looked at: far more than are ever kept. */
#define VERSIONS_MAX 1024u
/* Files in one version: roots, a catalogue, lists, and the signatures of each. */
#define FILES_MAX ((TRUST_ROOTS_MAX + 1 + TRUST_CATALOGUE_LISTS_MAX) * 34)

bool update_path(char out[PATH_MAX], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const int len = vsnprintf(out, PATH_MAX, format, arguments);
    va_end(arguments);
    return len >= 0 && len < PATH_MAX;
}

static int say(struct report *report, const char *path, int rc, const char *what)
{
    report_add(report, REPORT_ERROR, path, 0, 0, "%s: %s", what, cordon_strerror(rc));
    return rc;
}

int update_store_open(const char *directory, struct report *report, struct update_store *store)
{
    char path[PATH_MAX];

    if (!update_path(store->directory, "%s", directory) ||
        !update_path(path, "%s/lock", directory)) {
        return say(report, directory, -ENAMETOOLONG, "the updater's folder cannot be used");
    }
    const int rc = file_make_folder(directory, FOLDER_MODE);
    if (rc != 0) {
        return say(report, directory, rc, "the updater's folder cannot be made");
    }
    /* Whoever may read a lock may hold it, and so stop all updates: nobody else may. */
    store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
    if (store->lock >= 0 && fchmod(store->lock, LOCK_MODE) != 0) {
        close(store->lock);
        store->lock = -1;
    }
    if (store->lock < 0) {
        return say(report, path, -errno,
                   "the updater's folder cannot be written: run it as the user that it belongs "
                   "to");
    }
    if (flock(store->lock, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno == EWOULDBLOCK ? -EBUSY : -errno;

        close(store->lock);
        store->lock = -1;
        return say(report, path, error,
                   error == -EBUSY ? "another run is at work, and this one leaves it alone"
                                   : "the lock cannot be taken");
    }
    (void)file_remove_unfinished(directory);
    return 0;
}

void update_store_close(struct update_store *store)
{
    if (store->lock >= 0) {
        close(store->lock);
        store->lock = -1;
    }
}

bool update_place_name(const char *directory, const char *publisher, struct update_place *place)
{
    return update_path(place->base, "%s/%s", directory, publisher) &&
           update_path(place->current, "%s/%s/current", directory, publisher) &&
           update_path(place->versions, "%s/%s/versions", directory, publisher) &&
           update_path(place->candidate, "%s/%s/candidate", directory, publisher) &&
           update_path(place->incoming, "%s/%s/incoming", directory, publisher);
}

void update_store_clear(const char *folder, bool (*unwanted)(const char *name, void *context),
                        void *context)
{
    DIR *dir = opendir(folder);

    if (dir == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            (unwanted == NULL || unwanted(entry->d_name, context))) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    closedir(dir);
}

static void remove_version(const struct update_place *place, const char *name)
{
    char path[PATH_MAX];

    if (update_path(path, "%s/%s", place->versions, name)) {
        update_store_clear(path, NULL, NULL);
        rmdir(path);
    }
}

/* Versions that a run that was killed was about to remove. */
static void remove_gone(const struct update_place *place)
{
    DIR *dir = opendir(place->versions);

    if (dir == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strncmp(entry->d_name, GONE, sizeof(GONE) - 1) == 0) {
            remove_version(place, entry->d_name);
        }
    }
    closedir(dir);
}

/* What update_place_switch() leaves beside the link if it is killed. */
static bool is_unfinished(const char *name, void *context)
{
    (void)context;
    return strcmp(name, "current.new") == 0;
}

/* Candidates become versions by a rename, and what is removed in a folder must be its own. */
static int refuse_link(const char *folder, struct report *report)
{
    struct stat status;

    if (lstat(folder, &status) != 0 || !S_ISLNK(status.st_mode)) {
        return 0;
    }
    report_add(report, REPORT_ERROR, folder, 0, 0,
               "this is a link, and has to be a folder: remove the link; where there is too "
               "little room, update.directory may lead elsewhere");
    return -ENOTDIR;
}

int update_place_open(const struct update_store *store, const char *publisher,
                      struct report *report, struct update_place *place)
{
    int rc = update_place_name(store->directory, publisher, place) ? 0 : -ENAMETOOLONG;

    rc = rc == 0 ? file_make_folder(place->versions, FOLDER_MODE) : rc;
    rc = rc == 0 ? file_make_folder(place->candidate, FOLDER_MODE) : rc;
    rc = rc == 0 ? file_make_folder(place->incoming, FOLDER_MODE) : rc;
    if (rc != 0) {
        return say(report, place->base, rc, "the publisher's folders cannot be made");
    }
    rc = refuse_link(place->versions, report);
    rc = rc == 0 ? refuse_link(place->candidate, report) : rc;
    rc = rc == 0 ? refuse_link(place->incoming, report) : rc;
    if (rc == 0) {
        remove_gone(place);
        update_store_clear(place->base, is_unfinished, NULL);
        (void)file_remove_unfinished(place->base);
        (void)file_remove_unfinished(place->incoming);
    }
    return rc;
}

static bool is_version_name(const char *name)
{
    const size_t serial = strspn(name, "0123456789");

    return serial >= 1 && serial <= 10 && name[serial] == '-' &&
           strspn(name + serial + 1, "0123456789abcdef") == HASH_DIGITS &&
           name[serial + 1 + HASH_DIGITS] == '\0';
}

void update_place_in_force(const struct update_place *place, char version[UPDATE_VERSION_MAX])
{
    char link[PATH_MAX];
    const ssize_t len = readlink(place->current, link, sizeof(link) - 1);
    const size_t prefix = sizeof(LINK_PREFIX) - 1;

    version[0] = '\0';
    if (len <= 0) {
        return;
    }
    link[len] = '\0';
    if (strncmp(link, LINK_PREFIX, prefix) == 0 && is_version_name(link + prefix)) {
        memcpy(version, link + prefix, strlen(link + prefix) + 1);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The names of all files of a folder, in order. The caller frees *names. */
static int list_files(const char *folder, char (**names)[NAME_MAX + 1], size_t *count)
{
    DIR *dir = opendir(folder);
    char(*all)[NAME_MAX + 1] = NULL;
    size_t room = 0;
    size_t used = 0;
    int rc = 0;

    if (dir == NULL) {
        return -errno;
    }
    for (const struct dirent *entry = readdir(dir); rc == 0 && entry != NULL;
         entry = readdir(dir)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (used == room) {
            room = room == 0 ? 64 : 2 * room;
            char(*larger)[NAME_MAX + 1] =
                room > FILES_MAX ? NULL : realloc(all, room * sizeof(*all));

            if (larger == NULL) {
                rc = room > FILES_MAX ? CORDON_E_LIMIT : -ENOMEM;
                break;
            }
            all = larger;
        }
        snprintf(all[used++], sizeof(*all), "%s", entry->d_name);
    }
    closedir(dir);
    if (rc != 0) {
        free(all);
        return rc;
    }
    if (used > 0) {
        qsort(all, used, sizeof(*all), by_name);
    }
    *names = all;
    *count = used;
    return 0;
}

/* Its contents, and that they are on the disk. A file with another name has been synced under
 * that one, which is in a version. */
static int add_file(const char *folder, const char *name, struct digest *digest)
{
    char path[PATH_MAX];
    uint8_t hash[TRUST_HASH_OCTETS];
    uint8_t *data = NULL;
    size_t len = 0;
    struct stat status;

    if (!update_path(path, "%s/%s", folder, name)) {
        return -ENAMETOOLONG;
    }
    int rc = file_read(path, TRUST_LIST_OCTETS_MAX, &data, &len);
    if (rc != 0) {
        return rc;
    }
    trust_hash(data, len, hash);
    free(data);
    digest_add(digest, name, strlen(name) + 1);
    digest_add(digest, hash, sizeof(hash));
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &status) != 0 || (status.st_nlink < 2 && fsync(fd) != 0)) {
        rc = -errno;
    }
    close(fd);
    return rc;
}

static int sync_folder(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : 0;

    if (rc == 0 && fsync(fd) != 0 && errno != EINVAL) {
        rc = -errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

/* "SERIAL-HASH" of a folder, all of which is on the disk then. */
static int name_of(const char *folder, uint32_t serial, char version[UPDATE_VERSION_MAX])
{
    char(*names)[NAME_MAX + 1] = NULL;
    char hex[HASH_DIGITS + 1];
    uint8_t hash[DIGEST_OCTETS];
    struct digest digest;
    size_t count = 0;
    int rc = list_files(folder, &names, &count);

    digest_init(&digest, NULL, sizeof(hash));
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = add_file(folder, names[i], &digest);
    }
    free(names);
    rc = rc == 0 ? sync_folder(folder) : rc;
    if (rc == 0) {
        digest_end(&digest, hash, sizeof(hash));
        digest_hex(hash, HASH_DIGITS / 2, hex);
        snprintf(version, UPDATE_VERSION_MAX, "%" PRIu32 "-%s", serial, hex);
    }
    return rc;
}

int update_place_keep(const struct update_place *place, uint32_t serial, struct report *report,
                      char version[UPDATE_VERSION_MAX])
{
    char path[PATH_MAX];
    char name[UPDATE_VERSION_MAX];
    struct stat status;
    int rc = name_of(place->candidate, serial, name);

    if (rc == 0 && !update_path(path, "%s/%s", place->versions, name)) {
        rc = -ENAMETOOLONG;
    }
    if (rc == 0 && lstat(path, &status) == 0) {
        char found[UPDATE_VERSION_MAX] = "";

        /* Kept before; if somebody has changed it since, it goes. */
        rc = name_of(path, serial, found);
        if (rc == 0 && strcmp(found, name) == 0) {
            update_store_clear(place->candidate, NULL, NULL);
            snprintf(version, UPDATE_VERSION_MAX, "%s", name);
            return 0;
        }
        remove_version(place, name);
        rc = 0;
    }
    if (rc == 0 && rename(place->candidate, path) != 0) {
        rc = -errno;
    }
    if (rc == 0) { /* for the next source of this run; the next run would make it */
        (void)file_make_folder(place->candidate, FOLDER_MODE);
    }
    rc = rc == 0 ? sync_folder(place->versions) : rc;
    if (rc != 0) {
        return say(report, place->candidate, rc, "the new version cannot be kept");
    }
    snprintf(version, UPDATE_VERSION_MAX, "%s", name);
    return 0;
}

int update_place_switch(const struct update_place *place, const char *version,
                        struct report *report)
{
    char target[sizeof(LINK_PREFIX) + UPDATE_VERSION_MAX];
    char beside[PATH_MAX];
    struct stat status;

    snprintf(target, sizeof(target), LINK_PREFIX "%s", version);
    if (!update_path(beside, "%s.new", place->current)) {
        return say(report, place->current, -ENAMETOOLONG, "the link cannot be made");
    }
    if (lstat(place->current, &status) == 0 && !S_ISLNK(status.st_mode)) {
        return say(report, place->current, -EEXIST,
                   "this is no link, and would have to be one to the version in force: move it "
                   "away");
    }
    (void)unlink(beside);
    if (symlink(target, beside) != 0 || rename(beside, place->current) != 0) {
        const int rc = -errno;

        (void)unlink(beside);
        return say(report, place->current, rc,
                   "the new version cannot be put in force: the one before stays");
    }
    const int rc = sync_folder(place->base);
    return rc == 0 ? 0
                   : say(report, place->base, rc,
                         "the new version is in force, but may not be after a power failure");
}

struct found {
    char name[UPDATE_VERSION_MAX];
    struct timespec time;
};

static int newest_first(const void *a, const void *b)
{
    const struct found *one = a;
    const struct found *other = b;

    if (one->time.tv_sec != other->time.tv_sec) {
        return one->time.tv_sec > other->time.tv_sec ? -1 : 1;
    }
    if (one->time.tv_nsec != other->time.tv_nsec) {
        return one->time.tv_nsec > other->time.tv_nsec ? -1 : 1;
    }
    return strcmp(other->name, one->name);
}

/* By when they were put together, which is when the last file of each came. */
static size_t find_versions(const struct update_place *place, struct found *found)
{
    DIR *dir = opendir(place->versions);
    size_t count = 0;

    if (dir == NULL) {
        return 0;
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL && count < VERSIONS_MAX;
         entry = readdir(dir)) {
        struct stat status;

        if (is_version_name(entry->d_name) &&
            fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(status.st_mode)) {
            memcpy(found[count].name, entry->d_name, strlen(entry->d_name) + 1);
            found[count++].time = status.st_mtim;
        }
    }
    closedir(dir);
    if (count > 0) {
        qsort(found, count, sizeof(found[0]), newest_first);
    }
    return count;
}

size_t update_place_list(const struct update_place *place, char (*names)[UPDATE_VERSION_MAX],
                         size_t max)
{
    struct found *found = calloc(VERSIONS_MAX, sizeof(*found));
    const size_t count = found == NULL ? 0 : find_versions(place, found);

    for (size_t i = 0; i < count && i < max; i++) {
        memcpy(names[i], found[i].name, UPDATE_VERSION_MAX);
    }
    free(found);
    return count;
}

void update_place_prune(const struct update_place *place, unsigned keep)
{
    char(*names)[UPDATE_VERSION_MAX] = calloc(VERSIONS_MAX, sizeof(*names));
    char in_force[UPDATE_VERSION_MAX];
    char from[PATH_MAX], to[PATH_MAX];
    unsigned kept = 1; /* the one in force */

    update_place_in_force(place, in_force);
    const size_t count = names == NULL ? 0 : update_place_list(place, names, VERSIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], in_force) == 0 || kept++ < keep) {
            continue;
        }
        /* First its name: what is half removed is no version. */
        if (update_path(from, "%s/%s", place->versions, names[i]) &&
            update_path(to, "%s/" GONE "%s", place->versions, names[i]) &&
            rename(from, to) == 0) {
            remove_version(place, to + strlen(place->versions) + 1);
        }
    }
    free(names);
    update_store_clear(place->incoming, NULL, NULL);
}

int update_store_copy(const char *from, const char *to)
{
    uint8_t *data = NULL;
    size_t len = 0;
    struct stat status;

    /* A link is made to a file that nobody else may change in place. */
    if (lstat(from, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        (unlink(to) == 0 || errno == ENOENT) && link(from, to) == 0) {
        return 0;
    }
    int rc = file_read(from, TRUST_LIST_OCTETS_MAX, &data, &len);
    rc = rc == 0 ? file_write_atomic(to, data, len, FILE_MODE) : rc;
    free(data);
    return rc;
}
