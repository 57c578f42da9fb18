/* audit/day_keys.c - the keys of pseudonyms as files: made, read, destroyed (pseudonym.h). */
#include "audit/pseudonym.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER      "audit-keys"
#define ENDING      ".key"
#define DATE_TEXT   10u
#define NAME_TEXT   (DATE_TEXT + sizeof(ENDING) - 1)
#define FILE_OCTETS (2u * DIGEST_KEY_OCTETS + 1)
#define PATH_TEXT   4200

bool audit_day_keys_folder(const char *state, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "%s/" FOLDER, state) < size;
}

static void name_of(uint32_t day, char out[NAME_TEXT + 1])
{
    char date[CLOCK_TEXT_MAX];

    clock_format_s(day * (AUDIT_DAY_US / 1000000), date);
    memcpy(out, date, DATE_TEXT);
    memcpy(out + DATE_TEXT, ENDING, sizeof(ENDING));
}

static bool day_of(const char *name, uint32_t *day)
{
    uint64_t seconds = 0;

    if (strlen(name) != NAME_TEXT || strcmp(name + DATE_TEXT, ENDING) != 0 ||
        clock_parse(name, DATE_TEXT, &seconds) != 0) {
        return false;
    }
    *day = audit_day_of(seconds * 1000000);
    return true;
}

static int path_of(const char *folder, uint32_t day, const char *ending, char out[PATH_TEXT])
{
    char name[NAME_TEXT + 1];

    name_of(day, name);
    return snprintf(out, PATH_TEXT, "%s/%s%s", folder, name, ending) < PATH_TEXT
               ? 0
               : -ENAMETOOLONG;
}

int audit_day_key_read(const char *folder, uint32_t day, uint8_t key[DIGEST_KEY_OCTETS])
{
    char path[PATH_TEXT];
    uint8_t *text = NULL;
    size_t len = 0;
    int result = path_of(folder, day, "", path);

    if (result == 0) {
        result = file_read(path, FILE_OCTETS, &text, &len);
    }
    if (result == CORDON_E_TOO_LARGE ||
        (result == 0 && (len != FILE_OCTETS || text[len - 1] != '\n' ||
                         !digest_unhex((const char *)text, DIGEST_KEY_OCTETS, key)))) {
        result = CORDON_E_FORMAT;
    }
    if (text != NULL) {
        explicit_bzero(text, len);
    }
    free(text);
    return result;
}

static int sync_folder(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -errno : 0;

    if (fd >= 0 && fsync(fd) != 0) {
        result = -errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

/* A file of this name alone: not one that another has put there. */
static int write_beside(const char *path, const uint8_t key[DIGEST_KEY_OCTETS])
{
    char text[FILE_OCTETS + 1];
    const int fd =
        file_open_regular(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, S_IRUSR | S_IWUSR);

    if (fd < 0) {
        return fd;
    }
    digest_hex(key, DIGEST_KEY_OCTETS, text);
    text[FILE_OCTETS - 1] = '\n';
    int result = file_write_to(fd, text, FILE_OCTETS);
    explicit_bzero(text, sizeof(text));
    if (result == 0 && fsync(fd) != 0) {
        result = -errno;
    }
    close(fd);
    return result;
}

int audit_day_key_keep(const char *folder, uint32_t day, uint8_t key[DIGEST_KEY_OCTETS])
{
    char path[PATH_TEXT];
    char beside[PATH_TEXT];
    char ending[32];
    uint64_t chance = 0;
    int result = file_make_folder(folder, 0700);

    random_system(&chance, sizeof(chance));
    snprintf(ending, sizeof(ending), ".%016llx", (unsigned long long)chance);
    result = result != 0 ? result : path_of(folder, day, "", path);
    result = result != 0 ? result : path_of(folder, day, ending, beside);
    if (result != 0) {
        return result;
    }
    result = write_beside(beside, key);
    if (result == 0 && renameat2(AT_FDCWD, beside, AT_FDCWD, path, RENAME_NOREPLACE) != 0) {
        result = -errno;
    }
    if (result == -EEXIST) {
        /* A predecessor that still runs was first, or one that was being destroyed is left. */
        result = audit_day_key_read(folder, day, key);
        if (result == CORDON_E_FORMAT || result == -ENOENT) {
            result = rename(beside, path) != 0 ? -errno : 0;
        }
    } else if (result == -EINVAL || result == -ENOSYS) { /* a file system without it */
        result = rename(beside, path) != 0 ? -errno : 0;
    }
    (void)unlink(beside); /* if it is there still */
    return result != 0 ? result : sync_folder(folder);
}

int audit_day_keys_find(const char *folder, uint32_t before, struct audit_days *found,
                        uint32_t *days, size_t room)
{
    struct audit_days sum = {.count = 0};
    DIR *names = opendir(folder);

    if (names == NULL && errno != ENOENT) {
        return -errno;
    }
    for (const struct dirent *entry = names != NULL ? readdir(names) : NULL;
         entry != NULL && sum.count < AUDIT_DAYS_MAX; entry = readdir(names)) {
        uint32_t day = 0;

        if (!day_of(entry->d_name, &day) || day >= before) {
            continue;
        }
        if (days != NULL && sum.count < room) {
            days[sum.count] = day;
        }
        sum.first = sum.count == 0 || day < sum.first ? day : sum.first;
        sum.last = sum.count == 0 || day > sum.last ? day : sum.last;
        sum.count++;
    }
    if (names != NULL) {
        closedir(names);
    }
    *found = sum;
    return 0;
}

static int overwrite(const char *path)
{
    static const char zeros[FILE_OCTETS];
    const int fd = file_open_regular(AT_FDCWD, path, O_WRONLY, 0);

    if (fd < 0) {
        return fd;
    }
    int result = file_write_to(fd, zeros, sizeof(zeros));
    if (result == 0 && fsync(fd) != 0) {
        result = -errno;
    }
    close(fd);
    return result;
}

/* Overwritten or not, it goes: a disk that is full must not keep it. */
static int destroy(const char *folder, uint32_t day)
{
    char path[PATH_TEXT];
    int result = path_of(folder, day, "", path);

    if (result != 0) {
        return result;
    }
    result = overwrite(path);
    if (unlink(path) != 0 && errno != ENOENT) {
        return result != 0 ? result : -errno;
    }
    return result == -ENOENT || result == -ENOSPC || result == -EDQUOT ? 0 : result;
}

/* Files that a process which ended was about to rename: keys, too. */
static int destroy_leftovers(const char *folder, uint32_t before)
{
    DIR *names = opendir(folder);
    int result = 0;

    for (const struct dirent *entry = names != NULL ? readdir(names) : NULL; entry != NULL;
         entry = readdir(names)) {
        char exact[NAME_TEXT + 1];
        char path[PATH_TEXT];
        uint32_t day = 0;

        if (strlen(entry->d_name) <= NAME_TEXT || entry->d_name[NAME_TEXT] != '.') {
            continue;
        }
        memcpy(exact, entry->d_name, NAME_TEXT);
        exact[NAME_TEXT] = '\0';
        if (!day_of(exact, &day) || day >= before ||
            snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= PATH_TEXT) {
            continue;
        }
        (void)overwrite(path);
        if (unlink(path) != 0 && errno != ENOENT && result == 0) {
            result = -errno;
        }
    }
    if (names != NULL) {
        closedir(names);
    }
    return result;
}

int audit_day_keys_destroy(const char *folder, uint32_t before, struct audit_days *gone)
{
    struct audit_days found;
    struct audit_days sum = {.count = 0};
    uint32_t *days = calloc(AUDIT_DAYS_MAX, sizeof(*days));
    int result = days == NULL
                     ? -ENOMEM
                     : audit_day_keys_find(folder, before, &found, days, AUDIT_DAYS_MAX);

    *gone = sum;
    if (result == 0) {
        result = destroy_leftovers(folder, before);
    }
    if (result != 0 || found.count == 0) {
        free(days);
        return result;
    }
    for (unsigned i = 0; i < found.count; i++) {
        const uint32_t day = days[i];
        const int rc = destroy(folder, day);

        result = result != 0 ? result : rc;
        if (rc == 0) {
            sum.first = sum.count == 0 || day < sum.first ? day : sum.first;
            sum.last = sum.count == 0 || day > sum.last ? day : sum.last;
            sum.count++;
        }
    }
    free(days);
    const int rc = sync_folder(folder);
    *gone = sum;
    return result != 0 ? result : rc;
}
