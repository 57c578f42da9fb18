#include "admin/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

/* Removes a socket file that nobody answers on. 0, -EADDRINUSE, -ENOTSOCK, -errno. */
static int remove_stale(const char *path, const struct sockaddr_un *address, bool replace)
{
    struct stat status;

    if (lstat(path, &status) != 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return -ENOTSOCK; /* a file of somebody else's: never removed */
    }
    if (replace) {
        return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    const int rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    const int error = rc == 0 ? 0 : errno;
    close(fd);
    if (error != ECONNREFUSED) { /* EAGAIN: it listens, and its backlog is full */
        return error == 0 || error == EAGAIN ? -EADDRINUSE : -error;
    }
    return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

/* A bound socket. The mode is set on the socket before bind(), so that the file never has a
 * wider one, whatever the umask is. The descriptor or -errno. */
static int bind_unix(const char *path, const struct sockaddr_un *address)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -errno;
    }
    if (fchmod(fd, 0660) != 0 ||
        bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
        const int error = errno;
        close(fd);
        return -error;
    }
    if (chmod(path, 0660) != 0) {
        const int error = errno;
        unlink(path);
        close(fd);
        return -error;
    }
    return fd;
}

int listen_unix(const char *path, bool replace, int *fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int rc = remove_stale(path, &address, replace);
    if (rc != 0) {
        return rc;
    }
    const int opened = bind_unix(path, &address);
    if (opened < 0) {
        return opened;
    }
    *fd = opened;
    return 0;
}

/* reuse: an option of the socket, beside SO_REUSEADDR, by which connections in TIME_WAIT do not
 * hold the port; a listener does. The descriptor, bound and not listening, or -errno. */
static int bind_tcp(const struct address *address, int reuse)
{
    static const int on = 1;
    struct sockaddr_storage storage;
    const socklen_t len = address_to_sockaddr(address, &storage);
    const int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, reuse, &on, sizeof(on)) != 0 ||
        (address->family == ADDRESS_V6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
        bind(fd, (const struct sockaddr *)&storage, len) != 0) {
        const int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int listen_tcp(const struct address *address, bool share, int *fd)
{
    if (!share) { /* one that shares nothing binds only if nobody at all listens there */
        const int alone = bind_tcp(address, SO_REUSEADDR);
        if (alone < 0) {
            return alone;
        }
        close(alone);
    }
    const int opened = bind_tcp(address, SO_REUSEPORT);
    if (opened < 0) {
        return opened;
    }
    if (listen(opened, BACKLOG) != 0) {
        const int error = errno;
        close(opened);
        return -error;
    }
    *fd = opened;
    return 0;
}
