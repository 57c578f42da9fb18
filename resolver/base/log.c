#include "base/log.h"

#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE_MAX 1024 /* octets of one message: longer ones are cut */
#define LINE_OCTETS 4096 /* PIPE_BUF of Linux: one write to a pipe stays whole */

/* True if standard error is the journal's own stream (sd-daemon(3), JOURNAL_STREAM). Asked
 * each time: standard error may be redirected, and a log line is rare. */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device = 0;
    unsigned long long inode = 0;
    struct stat status;

    return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &status) == 0 && (uint64_t)status.st_dev == device &&
           (uint64_t)status.st_ino == inode;
}

/* One attempt that does not wait. Setting O_NONBLOCK instead would change the terminal or pipe
 * for every other process that shares it. */
static void write_line(const char *line, size_t len)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t sent = send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0 && errno == ENOTSOCK && poll(&ready, 1, 0) == 1 && ready.revents == POLLOUT) {
        sent = write(STDERR_FILENO, line, len);
    }
    (void)sent; /* a lost line has nowhere to be reported */
}

void log_write(enum log_level level, const char *format, ...)
{
    static const struct {
        const char *name;
        const char *priority; /* of syslog(3) */
    } levels[] = {
        [LOG_LEVEL_ERROR] = {"error", "<3>"},
        [LOG_LEVEL_WARNING] = {"warning", "<4>"},
        [LOG_LEVEL_INFO] = {"info", "<6>"},
    };
    const int saved = errno;
    char message[MESSAGE_MAX];
    char line[LINE_OCTETS];
    struct text text;
    va_list arguments;

    va_start(arguments, format);
    const int len = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (len < 0) {
        message[0] = '\0';
    }
    text_init(&text, line, sizeof(line) - 1); /* the newline has its place in any case */
    text_printf(&text, "%s%s: ", is_journal() ? levels[level].priority : "",
                levels[level].name);
    text_add_printable(&text, message, strlen(message));
    line[text.len] = '\n';
    write_line(line, text.len + 1);
    errno = saved;
}
