#include "cli/input.h"

#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One octet more than there may be tells that there are too many. */
static int read_stream(int fd, size_t max, uint8_t **data, size_t *len)
{
    uint8_t *buffer = malloc(max + 1);
    size_t got = 0;

    if (buffer == NULL) {
        return -ENOMEM;
    }
    while (got <= max) {
        const ssize_t part = read(fd, buffer + got, max + 1 - got);

        if (part < 0 && errno == EINTR) {
            continue;
        }
        if (part < 0) {
            const int result = -errno;

            free(buffer);
            return result;
        }
        if (part == 0) {
            break;
        }
        got += (size_t)part;
    }
    if (got > max) {
        free(buffer);
        return CORDON_E_TOO_LARGE;
    }
    *data = buffer;
    *len = got;
    return 0;
}

int cli_input(const char *command, const char *path, size_t max, uint8_t **data, size_t *len)
{
    const bool stream = path == NULL || strcmp(path, "-") == 0;
    const int rc =
        stream ? read_stream(STDIN_FILENO, max, data, len) : file_read(path, max, data, len);

    if (rc != 0) {
        fprintf(stderr, "cordon %s: %s: %s\n", command, stream ? "standard input" : path,
                cordon_strerror(rc));
        return CLI_REFUSED;
    }
    return CLI_OK;
}
