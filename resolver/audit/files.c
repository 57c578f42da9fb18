#include "audit/files.h"

#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEAD      "head"
#define HEAD_NEXT "head.next"
#define LOCK      "lock"
#define ENDING    ".cordon"
#define BESIDE    ".next" /* behind the name of a file: what it will be */
#define DIGITS    10

void audit_file_name(uint32_t number, char out[AUDIT_FILE_NAME_MAX])
{
    snprintf(out, AUDIT_FILE_NAME_MAX, "%0*u" ENDING, DIGITS, (unsigned)number);
}

static int folder_of(void *context)
{
    const struct audit_folder *folder = context;

    return folder->folder;
}

static int open_file(void *context, uint32_t number, bool create, uint64_t *size)
{
    char name[AUDIT_FILE_NAME_MAX];
    struct stat status;

    audit_file_name(number, name);
    int fd = file_open_regular(folder_of(context), name, O_RDWR | (create ? O_CREAT : 0), 0640);
    /* Readers need no more. EPERM: nobody may change it (chattr +i, +a). */
    if (!create && (fd == -EACCES || fd == -EROFS || fd == -EPERM)) {
        fd = file_open_regular(folder_of(context), name, O_RDONLY, 0);
    }
    if (fd < 0) {
        return fd;
    }
    if (fstat(fd, &status) != 0) {
        const int result = -errno;

        close(fd);
        return result;
    }
    *size = (uint64_t)status.st_size;
    return fd;
}

static void close_file(void *context, int file)
{
    (void)context;
    close(file);
}

static int read_file(void *context, int file, uint64_t at, void *out, size_t len, size_t *got)
{
    size_t sum = 0;

    (void)context;
    while (sum < len) {
        const ssize_t part = pread(file, (char *)out + sum, len - sum, (off_t)(at + sum));

        if (part < 0 && errno == EINTR) {
            continue;
        }
        if (part < 0) {
            return -errno;
        }
        if (part == 0) {
            break;
        }
        sum += (size_t)part;
    }
    *got = sum;
    return 0;
}

static int size_of_file(void *context, int file, uint64_t *size)
{
    struct stat status;

    (void)context;
    if (fstat(file, &status) != 0) {
        return -errno;
    }
    *size = (uint64_t)status.st_size;
    return 0;
}

static void wait_a_moment(void *context)
{
    const struct timespec moment = {0, 10000000};

    (void)context;
    nanosleep(&moment, NULL);
}

static int write_file(void *context, int file, uint64_t at, const void *data, size_t len,
                      size_t *done)
{
    (void)context;
    const ssize_t part = pwrite(file, data, len, (off_t)at);

    *done = part > 0 ? (size_t)part : 0;
    if (part < 0 && errno == EBADF) {
        return -EPERM; /* opened anew while nobody might change it: to read alone */
    }
    return part < 0 ? -errno : 0;
}

static int cut_file(void *context, int file, uint64_t size)
{
    (void)context;
    return ftruncate(file, (off_t)size) != 0 ? -errno : 0;
}

/* What cannot be found out is no fault: whoever ran as root may not reach the path any more. */
static bool is_moved(const struct audit_folder *folder)
{
    struct stat named;

    if (stat(folder->path, &named) != 0) {
        return errno == ENOENT || errno == ENOTDIR;
    }
    return named.st_dev != folder->device || named.st_ino != folder->inode;
}

/* Sizes and links alone: numbers of inodes are not the same for long everywhere (FUSE). */
static int look_at_file(void *context, uint32_t number, int file, uint64_t least)
{
    char name[AUDIT_FILE_NAME_MAX];
    struct stat ours;
    struct stat named;

    audit_file_name(number, name);
    if (fstat(file, &ours) != 0) {
        return -errno;
    }
    if (fstatat(folder_of(context), name, &named, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? CORDON_E_GONE : -errno;
    }
    if (ours.st_nlink == 0 || !S_ISREG(named.st_mode) || (uint64_t)ours.st_size < least ||
        (uint64_t)named.st_size < least) {
        return CORDON_E_GONE;
    }
    return is_moved(context) ? CORDON_E_MOVED : 0;
}

static int sync_file(void *context, int file)
{
    (void)context;
    return fdatasync(file) != 0 ? -errno : 0;
}

static int sync_folder(void *context)
{
    return fsync(folder_of(context)) != 0 ? -errno : 0;
}

/* 0 if the name is none of a file of a log. */
static uint32_t number_of(const char *name)
{
    uint64_t number = 0;

    if (strlen(name) != DIGITS + sizeof(ENDING) - 1 || strcmp(name + DIGITS, ENDING) != 0) {
        return 0;
    }
    for (unsigned i = 0; i < DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return 0;
        }
        number = 10 * number + (uint64_t)(name[i] - '0');
    }
    return number <= UINT32_MAX ? (uint32_t)number : 0;
}

/* What is in the folder, from the first; NULL: errno says why. */
static DIR *open_names(void *context)
{
    const int fd = openat(folder_of(context), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = fd < 0 ? NULL : fdopendir(fd);

    if (names == NULL && fd >= 0) {
        const int error = errno;
        close(fd);
        errno = error;
    }
    return names;
}

/* The lowest number from `from` on, and the highest. */
static int look_through(void *context, uint32_t from, uint32_t *lowest, uint32_t *highest)
{
    DIR *names = open_names(context);

    if (names == NULL) {
        return -errno;
    }
    *lowest = 0;
    *highest = 0;
    for (const struct dirent *entry = readdir(names); entry != NULL; entry = readdir(names)) {
        const uint32_t found = number_of(entry->d_name);

        *highest = found > *highest ? found : *highest;
        if (found != 0 && found >= from && (*lowest == 0 || found < *lowest)) {
            *lowest = found;
        }
    }
    closedir(names);
    return 0;
}

static int last_file(void *context, uint32_t *number)
{
    uint32_t lowest = 0;

    return look_through(context, 0, &lowest, number);
}

static int next_file(void *context, uint32_t from, uint32_t *number)
{
    uint32_t highest = 0;

    return look_through(context, from, number, &highest);
}

static int read_head(void *context, char *out, size_t size, size_t *len)
{
    const int fd = file_open_regular(folder_of(context), HEAD, O_RDONLY, 0);
    size_t got = 0;

    if (fd < 0) {
        return fd;
    }
    int result = read_file(context, fd, 0, out, size, &got);
    close(fd);
    if (result == 0 && got == size) {
        result = CORDON_E_TOO_LARGE;
    }
    if (result == 0) {
        *len = got;
    }
    return result;
}

static int write_head(void *context, const char *text, size_t len)
{
    const int folder = folder_of(context);
    const int how = O_WRONLY | O_CREAT | O_TRUNC;
    int fd = file_open_regular(folder, HEAD_NEXT, how, 0640);

    if (fd == CORDON_E_NO_FILE && unlinkat(folder, HEAD_NEXT, 0) == 0) {
        fd = file_open_regular(folder, HEAD_NEXT, how, 0640);
    }
    if (fd < 0) {
        return fd;
    }
    int result = file_write_to(fd, text, len);
    if (result == 0 && fdatasync(fd) != 0) {
        result = -errno;
    }
    close(fd);
    if (result == 0 && renameat(folder, HEAD_NEXT, folder, HEAD) != 0) {
        result = -errno;
    }
    return result != 0 ? result : sync_folder(context);
}

static void beside_name(uint32_t number, char out[2 * AUDIT_FILE_NAME_MAX])
{
    char name[AUDIT_FILE_NAME_MAX];

    audit_file_name(number, name);
    snprintf(out, 2 * AUDIT_FILE_NAME_MAX, "%s" BESIDE, name);
}

/* Never one that is there: who has that open, a process that ends, goes on writing to a file
 * that has no name any more. */
static int open_beside(void *context, uint32_t number)
{
    const int folder = folder_of(context);
    char name[2 * AUDIT_FILE_NAME_MAX];

    beside_name(number, name);
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT) {
        return -errno;
    }
    const int fd =
        openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    return fd < 0 ? -errno : fd;
}

static int replace_file(void *context, uint32_t number)
{
    const int folder = folder_of(context);
    char beside[2 * AUDIT_FILE_NAME_MAX];
    char name[AUDIT_FILE_NAME_MAX];

    beside_name(number, beside);
    audit_file_name(number, name);
    if (renameat(folder, beside, folder, name) != 0) {
        return -errno;
    }
    return sync_folder(context);
}

static int clean_folder(void *context)
{
    DIR *names = open_names(context);
    int result = 0;

    if (names == NULL) {
        return -errno;
    }
    for (const struct dirent *entry = readdir(names); entry != NULL; entry = readdir(names)) {
        char name[2 * AUDIT_FILE_NAME_MAX];
        const size_t len = strlen(entry->d_name);

        if (len != DIGITS + sizeof(ENDING) - 1 + sizeof(BESIDE) - 1) {
            continue;
        }
        snprintf(name, sizeof(name), "%.*s", (int)(len - sizeof(BESIDE) + 1), entry->d_name);
        if (number_of(name) != 0 && strcmp(entry->d_name + strlen(name), BESIDE) == 0 &&
            unlinkat(dirfd(names), entry->d_name, 0) != 0 && errno != ENOENT) {
            result = -errno;
        }
    }
    closedir(names);
    return result;
}

static int lock_folder(void *context)
{
    struct audit_folder *folder = context;
    const int fd = file_open_regular(folder->folder, LOCK, O_RDWR | O_CREAT, 0600);

    if (fd < 0) {
        return fd;
    }
    /* Whoever may read a lock may hold it, and readers of the log must not stop its writer. */
    (void)fchmod(fd, 0600);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const int result = errno == EWOULDBLOCK ? -EBUSY : -errno;

        close(fd);
        return result;
    }
    folder->lock_file = fd;
    return 0;
}

int audit_folder_open(const char *path, struct audit_folder *folder, struct audit_files *files)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat status;

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &status) != 0) {
        const int result = -errno;

        close(fd);
        return result;
    }
    *folder = (struct audit_folder){
        .folder = fd, .lock_file = -1, .device = status.st_dev, .inode = status.st_ino};
    snprintf(folder->path, sizeof(folder->path), "%s", path);
    *files = (struct audit_files){
        .context = folder,
        .open = open_file,
        .close = close_file,
        .read = read_file,
        .size = size_of_file,
        .wait = wait_a_moment,
        .write = write_file,
        .cut = cut_file,
        .still = look_at_file,
        .sync = sync_file,
        .sync_folder = sync_folder,
        .last = last_file,
        .next = next_file,
        .read_head = read_head,
        .write_head = write_head,
        .open_beside = open_beside,
        .replace = replace_file,
        .clean = clean_folder,
        .lock = lock_folder,
    };
    return 0;
}

void audit_folder_close(struct audit_folder *folder)
{
    if (folder->lock_file >= 0) {
        close(folder->lock_file);
    }
    close(folder->folder);
}
