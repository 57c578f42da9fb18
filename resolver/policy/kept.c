#include "policy/kept_inside.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX     ".image"
#define NAME_CHARS (2 * DIGEST_OCTETS + sizeof(SUFFIX) - 1)

static bool image_path(const char *folder, const uint8_t inputs[32], char path[PATH_MAX])
{
    char hex[2 * DIGEST_OCTETS + 1];

    digest_hex(inputs, DIGEST_OCTETS, hex);
    return snprintf(path, PATH_MAX, "%s/%s" SUFFIX, folder, hex) < PATH_MAX;
}

/* Reads the key. -ENOENT if it is missing, CORDON_E_CORRUPT if it is no key or others could
 * have read or written it: whoever knows it can forge images. */
static int read_key(const char *path, uint8_t key[DIGEST_KEY_OCTETS])
{
    struct stat status;
    uint8_t *data = NULL;
    size_t len = 0;

    if (lstat(path, &status) != 0) {
        return -errno;
    }
    if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return CORDON_E_CORRUPT;
    }
    int rc = file_read(path, DIGEST_KEY_OCTETS, &data, &len);
    if (rc == CORDON_E_TOO_LARGE || (rc == 0 && len != DIGEST_KEY_OCTETS)) {
        rc = CORDON_E_CORRUPT;
    }
    if (rc == 0) {
        memcpy(key, data, DIGEST_KEY_OCTETS);
        explicit_bzero(data, len);
    }
    free(data);
    return rc;
}

static bool key_path(const char *folder, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/image.key", folder) < PATH_MAX;
}

int kept_key(const char *folder, uint8_t key[DIGEST_KEY_OCTETS])
{
    char path[PATH_MAX];

    return key_path(folder, path) ? read_key(path, key) : -ENAMETOOLONG;
}

struct policy_image *policy_kept_find(const char *folder, const uint8_t inputs[32],
                                      struct report *report)
{
    struct policy_image *image = NULL;
    uint8_t key[DIGEST_KEY_OCTETS];
    char path[PATH_MAX], key_file[PATH_MAX];

    if (!image_path(folder, inputs, path) || !key_path(folder, key_file) ||
        access(path, F_OK) != 0) {
        return NULL;
    }
    int rc = read_key(key_file, key);
    if (rc != 0) {
        report_add(report, REPORT_WARNING, key_file, 0, 0,
                   "%s: kept images cannot be checked, so the lists are compiled again",
                   cordon_strerror(rc));
        return NULL;
    }
    rc = policy_image_load(path, key, inputs, &image);
    explicit_bzero(key, sizeof(key));
    if (rc != 0) {
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "the kept image is not used (%s): the lists are compiled again",
                   cordon_strerror(rc));
        return NULL;
    }
    return image;
}

/* The key; a missing or unsafe one is made anew, which makes all kept images void. */
static int need_key(const char *folder, uint8_t key[DIGEST_KEY_OCTETS], struct report *report)
{
    char path[PATH_MAX];

    if (!key_path(folder, path)) {
        return -ENAMETOOLONG;
    }
    int rc = read_key(path, key);
    if (rc == 0) {
        return 0;
    }
    if (rc == CORDON_E_CORRUPT) {
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "not a key that only its owner can read: replaced");
    } else if (rc != -ENOENT) {
        return rc;
    }
    random_system(key, DIGEST_KEY_OCTETS);
    return file_write_atomic(path, key, DIGEST_KEY_OCTETS, 0600);
}

static bool is_image_name(const char *name)
{
    return strlen(name) == NAME_CHARS &&
           strspn(name, "0123456789abcdef") == 2 * DIGEST_OCTETS &&
           strcmp(name + 2 * DIGEST_OCTETS, SUFFIX) == 0;
}

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* Removes all images but the current one and the newest of the others. */
static void remove_old(const char *folder, const char *current)
{
    char newest[NAME_CHARS + 1] = "";
    struct timespec newest_time = {0, 0};
    DIR *dir = opendir(folder);

    if (dir == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char loser[NAME_CHARS + 1];
        struct stat status;

        if (!is_image_name(entry->d_name) || strcmp(entry->d_name, current) == 0 ||
            fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        memcpy(loser, entry->d_name, sizeof(loser));
        if (newest[0] == '\0' || is_newer(&status.st_mtim, &newest_time)) {
            memcpy(loser, newest, sizeof(loser));
            memcpy(newest, entry->d_name, sizeof(newest));
            newest_time = status.st_mtim;
        }
        if (loser[0] != '\0') {
            unlinkat(dirfd(dir), loser, 0);
        }
    }
    closedir(dir);
}

void policy_kept_add(const char *folder, const uint8_t inputs[32],
                     const struct policy_image *image, struct report *report)
{
    uint8_t key[DIGEST_KEY_OCTETS];
    char path[PATH_MAX];
    int rc = file_make_folder(folder, 0700);

    if (rc == 0) {
        (void)file_remove_unfinished(folder); /* they may be large, and would fill the disk */
        rc = need_key(folder, key, report);
    }
    if (rc == 0) {
        rc = image_path(folder, inputs, path) ? policy_image_save(image, path, key)
                                              : -ENAMETOOLONG;
    }
    explicit_bzero(key, sizeof(key));
    if (rc != 0) {
        report_add(report, REPORT_WARNING, folder, 0, 0,
                   "the compiled lists are not kept (%s): the next start compiles them again",
                   cordon_strerror(rc));
        return;
    }
    remove_old(folder, path + strlen(folder) + 1);
}
