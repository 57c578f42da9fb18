#include "base/file.h"

#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Behind the name of what is being written: six characters by chance, and an ending that nobody
 * gives to a copy of his own. */
#define CHANCE_CHARS 6u
#define ENDING       ".new"
#define ENDING_CHARS (sizeof(ENDING) - 1)

static ssize_t read_retry(int fd, void *out, size_t len)
{
    ssize_t got;

    do {
        got = read(fd, out, len);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Reads to the end of the file, which may be elsewhere than its size said: it may be written
 * to right now, and files of /proc say 0. */
static int read_all(int fd, size_t expected, size_t max, uint8_t **data, size_t *len)
{
    size_t room = expected + 1; /* one more, to see the end without another allocation */
    size_t used = 0;
    int rc = 0;
    uint8_t *buffer = malloc(room + 1);

    if (buffer == NULL) {
        return -ENOMEM;
    }
    for (;;) {
        const ssize_t got = read_retry(fd, buffer + used, room - used);
        if (got < 0) {
            rc = -errno;
            goto done;
        }
        used += (size_t)got;
        if (used > max) {
            rc = CORDON_E_TOO_LARGE;
            goto done;
        }
        if (got == 0) {
            break;
        }
        if (used == room) {
            const size_t wanted = room < max / 2 ? 2 * room + 4096 : max + 1;
            uint8_t *larger = realloc(buffer, wanted + 1);
            if (larger == NULL) {
                rc = -ENOMEM;
                goto done;
            }
            buffer = larger;
            room = wanted;
        }
    }
    buffer[used] = 0;
    *data = buffer;
    *len = used;
    buffer = NULL; /* it is the caller's now */
done:
    free(buffer);
    return rc;
}

int file_open_regular(int folder, const char *name, int how, mode_t mode)
{
    const int fd =
        openat(folder, name, how | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, mode);
    struct stat status;

    if (fd < 0) {
        return errno == ELOOP || errno == EISDIR || errno == ENXIO ? CORDON_E_NO_FILE : -errno;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return CORDON_E_NO_FILE;
    }
    return fd;
}

static int open_to_read(const char *path)
{
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

/* Closes it. */
static int read_opened(int fd, size_t max, uint8_t **data, size_t *len)
{
    struct stat status;
    int rc;

    if (fstat(fd, &status) != 0) {
        rc = -errno;
    } else if (S_ISDIR(status.st_mode)) {
        rc = -EISDIR;
    } else if (!S_ISREG(status.st_mode)) {
        rc = CORDON_E_NO_FILE;
    } else if (status.st_size < 0 || (uint64_t)status.st_size > max) {
        rc = CORDON_E_TOO_LARGE;
    } else {
        rc = read_all(fd, (size_t)status.st_size, max, data, len);
    }
    close(fd);
    return rc;
}

int file_read(const char *path, size_t max, uint8_t **data, size_t *len)
{
    const int fd = max > SIZE_MAX / 4 ? -EINVAL : open_to_read(path);

    return fd < 0 ? fd : read_opened(fd, max, data, len);
}

int file_take(const char *path, size_t max, uint8_t **data, size_t *len)
{
    const int fd = max > SIZE_MAX / 4 ? -EINVAL : open_to_read(path);

    if (fd != -ENOENT) {
        (void)unlink(path);
    }
    return fd < 0 ? fd : read_opened(fd, max, data, len);
}

int file_write_to(int fd, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0) {
        const ssize_t put = write(fd, at, len);

        if (put < 0 && errno != EINTR) {
            return -errno;
        }
        if (put > 0) {
            at += put;
            len -= (size_t)put;
        }
    }
    return 0;
}

/* A file of its own beside path, locked as long as it is being written. The descriptor or
 * -errno. */
static int open_beside(const char *path, char beside[PATH_MAX])
{
    struct stat status = {.st_nlink = 0};

    for (;;) {
        const int used = snprintf(beside, PATH_MAX, "%s.XXXXXX" ENDING, path);

        if (used < 0 || used >= PATH_MAX) {
            return -ENAMETOOLONG;
        }
        const int fd = mkostemps(beside, (int)ENDING_CHARS, O_CLOEXEC);
        if (fd < 0) {
            return -errno;
        }
        while (flock(fd, LOCK_EX) != 0 && errno == EINTR) {
        }
        if (fstat(fd, &status) != 0 || status.st_nlink > 0) {
            return fd;
        }
        close(fd); /* whoever removes leftovers came between the two */
    }
}

/* Opens the folder that holds path. The descriptor or -errno. */
static int open_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t len = slash == NULL ? 0 : (size_t)(slash - path);

    if (len >= sizeof(folder)) {
        return -ENAMETOOLONG;
    }
    memcpy(folder, path, len);
    folder[len] = '\0';
    const char *name = slash == NULL ? "." : len == 0 ? "/" : folder;
    const int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int file_new_open(struct file_new *file, const char *path)
{
    const int folder = open_folder_of(path);

    if (folder < 0) {
        return folder;
    }
    const int fd = open_beside(path, file->beside); /* mode 0600 until all is written */
    if (fd < 0) {
        close(folder);
        return fd;
    }
    file->fd = fd;
    file->folder = folder;
    return 0;
}

int file_new_close(struct file_new *file, const char *path, mode_t mode, int rc)
{
    if (rc == 0 && fchmod(file->fd, mode) != 0) {
        rc = -errno;
    }
    if (rc == 0 && fsync(file->fd) != 0) {
        rc = -errno;
    }
    if (rc == 0 && rename(file->beside, path) != 0) {
        rc = -errno;
    }
    if (rc != 0) {
        unlink(file->beside);
    }
    close(file->fd);
    /* EINVAL: a file system that has no need */
    if (rc == 0 && fsync(file->folder) != 0 && errno != EINVAL) {
        rc = -errno;
    }
    close(file->folder);
    return rc;
}

int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode)
{
    struct file_new file;
    const int rc = file_new_open(&file, path);

    return rc != 0 ? rc : file_new_close(&file, path, mode, file_write_to(file.fd, data, len));
}

static bool is_unfinished(const char *name)
{
    const size_t len = strlen(name);

    if (len <= 1 + CHANCE_CHARS + ENDING_CHARS ||
        strcmp(name + len - ENDING_CHARS, ENDING) != 0) {
        return false;
    }
    const char *chance = name + len - ENDING_CHARS - CHANCE_CHARS;
    return chance[-1] == '.' &&
           strspn(chance, "abcdefghijklmnopqrstuvwxyz"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == CHANCE_CHARS;
}

static bool remove_one(int folder, const char *name)
{
    const int fd =
        openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat status;

    if (fd < 0) {
        return false;
    }
    const bool removed = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                         status.st_uid == geteuid() && flock(fd, LOCK_SH | LOCK_NB) == 0 &&
                         unlinkat(folder, name, 0) == 0;
    close(fd);
    return removed;
}

unsigned file_remove_unfinished(const char *folder)
{
    DIR *dir = opendir(folder);
    unsigned count = 0;

    for (const struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL;
         entry = readdir(dir)) {
        count += is_unfinished(entry->d_name) && remove_one(dirfd(dir), entry->d_name);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static bool has_contents(const char *path, const void *data, size_t len)
{
    uint8_t *found = NULL;
    size_t found_len = 0;
    bool same = false;

    if (file_read(path, len, &found, &found_len) == 0) {
        same = found != NULL && found_len == len && memcmp(found, data, len) == 0;
    }
    free(found);
    return same;
}

int file_find_damaged_as(const char *path, unsigned most, const void *data, size_t len,
                         char *out, size_t size, bool *has_it)
{
    struct stat status;

    for (unsigned i = 0; i < most; i++) {
        char number[16] = "";

        if (i > 0) {
            snprintf(number, sizeof(number), ".%u", i);
        }
        const int used = snprintf(out, size, "%s.damaged%s", path, number);
        if (used < 0 || (size_t)used >= size) {
            return -ENAMETOOLONG;
        }
        const bool is_free = lstat(out, &status) != 0;
        if (is_free && errno != ENOENT) {
            return -errno;
        }
        *has_it = !is_free && data != NULL && has_contents(out, data, len);
        if (is_free || *has_it) {
            return 0;
        }
    }
    return -EEXIST;
}

int file_find_damaged(const char *path, unsigned most, char *out, size_t size)
{
    bool has_it = false;

    return file_find_damaged_as(path, most, NULL, 0, out, size, &has_it);
}

static int make_one(const char *path, mode_t mode)
{
    struct stat status;

    if (mkdir(path, mode) == 0) {
        return 0;
    }
    const int error = errno;
    /* A folder that exists is fine, also where mkdir fails for another reason first (a
     * read-only file system). */
    if (stat(path, &status) == 0) {
        return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
    }
    return -error;
}

int file_make_folder(const char *path, mode_t mode)
{
    char part[PATH_MAX];
    const size_t len = strlen(path);

    if (len == 0) {
        return -ENOENT;
    }
    if (len >= sizeof(part)) {
        return -ENAMETOOLONG;
    }
    memcpy(part, path, len + 1);
    for (size_t i = 1; i < len; i++) {
        if (part[i] == '/' && part[i - 1] != '/') {
            part[i] = '\0';
            const int rc = make_one(part, mode | S_IWUSR | S_IXUSR);
            if (rc != 0) {
                return rc;
            }
            part[i] = '/';
        }
    }
    return make_one(part, mode);
}
