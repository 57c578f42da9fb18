/* daemon/control_socket.c - opening the control socket, and what is said if it cannot be. */
#include "base/error.h"
#include "base/log.h"
#include "daemon/state.h"

#include <errno.h>

int control_socket_try(struct daemon *daemon)
{
    const struct control_handler handler = {.command = commands_run, .context = daemon};
    const char *path = daemon->config->control_socket;

    if (daemon->takeover.control >= 0) { /* the predecessor still answers on it */
        const int fd = daemon->takeover.control;
        daemon->takeover.control = -1;
        return control_adopt(&daemon->loop, path, fd, &handler, &daemon->control);
    }
    return control_open(&daemon->loop, path, &handler, &daemon->control);
}

int control_socket_open(struct daemon *daemon)
{
    const char *path = daemon->config->control_socket;

    if (path == NULL) {
        return 0;
    }
    request_seed();
    const int rc = control_socket_try(daemon);
    if (rc == -EROFS || rc == -ENOSPC || rc == -EDQUOT || rc == -EIO) {
        /* These pass by themselves: no reason to answer nobody. */
        log_write(
            LOG_LEVEL_WARNING,
            "the control socket %s cannot be opened: %s. Answers go on; `cordon status` and "
            "`cordon reload` have to wait. Make room there, or make it writable: it is "
            "tried again all the time",
            path, cordon_strerror(rc));
        daemon->look.control_short = true;
        return 0;
    }
    if (rc == -EADDRINUSE) {
        log_write(LOG_LEVEL_ERROR,
                  "another cordond answers on %s: stop it, or set control.socket, "
                  "state.directory and server.listen to others",
                  path);
    } else if (rc != 0) {
        log_write(LOG_LEVEL_ERROR, "the control socket %s cannot be opened: %s", path,
                  cordon_strerror(rc));
    }
    return rc;
}
