/* cordon update: the updater is a program of its own, so that this one needs no library that
 * fetches. */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "cordon-update"

int cli_update(int argc, char **argv)
{
    char path[PATH_MAX];
    const ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof(PROGRAM));

    (void)argc;
    if (len > 0) {
        path[len] = '\0';
        char *slash = strrchr(path, '/');

        memcpy(slash == NULL ? path : slash + 1, PROGRAM, sizeof(PROGRAM));
    } else { /* no /proc: beside it in the search path */
        memcpy(path, PROGRAM, sizeof(PROGRAM));
    }
    (void)fflush(stdout);
    if (len > 0) {
        execv(path, argv);
    } else {
        execvp(path, argv);
    }
    fprintf(stderr,
            "cordon update: %s: %s: the updater is not installed here; it is an image of its "
            "own among containers\n",
            path, strerror(errno));
    return CLI_REFUSED;
}
