#include "cli/output.h"

#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const char *command, const char *path, const char *words)
{
    fprintf(stderr, "cordon %s: %s: %s\n", command, path, words);
    return CLI_REFUSED;
}

static bool is_stream(const struct stat *status)
{
    return S_ISFIFO(status->st_mode) || S_ISCHR(status->st_mode);
}

/* A FIFO waits for its reader, as it does for a shell. 0 or -errno. */
static int write_stream(const char *path, const void *data, size_t len)
{
    const int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    struct stat status;
    int rc;

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &status) != 0) {
        rc = -errno;
    } else if (!is_stream(&status)) { /* another one since we looked */
        rc = -EAGAIN;
    } else {
        rc = file_write_to(fd, data, len);
    }
    if (close(fd) != 0 && rc == 0) {
        rc = -errno;
    }
    return rc;
}

int cli_output(const char *command, const char *path, const void *data, size_t len)
{
    struct stat named, target;
    char behind[PATH_MAX];
    int rc;

    if (lstat(path, &named) != 0) {
        rc = errno == ENOENT ? file_write_atomic(path, data, len, 0644) : -errno;
        return rc == 0 ? CLI_OK : refuse(command, path, cordon_strerror(rc));
    }
    if (stat(path, &target) != 0) {
        return refuse(command, path,
                      errno == ENOENT ? "a link to nothing: name the file itself"
                                      : strerror(errno));
    }
    if (is_stream(&target)) {
        rc = write_stream(path, data, len);
    } else if (!S_ISREG(target.st_mode)) {
        return refuse(command, path, "neither a file nor a FIFO or character device");
    } else if (!S_ISLNK(named.st_mode)) {
        rc = file_write_atomic(path, data, len, 0644);
    } else if (realpath(path, behind) == NULL) {
        rc = -errno;
    } else if (stat(behind, &named) != 0 || named.st_dev != target.st_dev ||
               named.st_ino != target.st_ino) { /* a link of /proc to a file that is gone */
        return refuse(command, path, "a link to a file without a name");
    } else {
        rc = file_write_atomic(behind, data, len, 0644);
    }
    return rc == 0 ? CLI_OK : refuse(command, path, cordon_strerror(rc));
}
