#include "audit/publish.h"

#include "audit/event.h"
#include "audit/limits.h"
#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PRIORITY 85 /* authpriv.notice (RFC 5424, 6.2.1) */

size_t audit_checkpoint_line(const char *note, uint64_t wall_us, uint64_t sequence, char *out,
                             size_t size)
{
    char time[CLOCK_TEXT_MAX];
    struct text text;

    if (size == 0) {
        return 0;
    }
    text_init(&text, out, size);
    json_object_begin(&text, NULL);
    json_uint(&text, "v", AUDIT_SCHEMA_VERSION);
    json_string(&text, "event", "checkpoint");
    json_uint(&text, "seq", sequence);
    json_string_n(&text, "time", time, clock_format(wall_us, time));
    json_string(&text, "note", note);
    json_object_end(&text);
    text_add(&text, "\n");
    return text.overflow ? 0 : text.len;
}

int audit_checkpoint_syslog(const char *path, const char *note, uint64_t wall_us)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char message[2 * AUDIT_CHECKPOINT_MAX];
    const int head =
        snprintf(message, sizeof(message), "<%d>cordond[%ld]: ", PRIORITY, (long)getpid());
    const size_t len =
        audit_checkpoint_line(note, wall_us, 0, message + head, sizeof(message) - (size_t)head);

    if (len == 0 || (size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
                        sizeof(address.sun_path)) {
        return -EMSGSIZE;
    }
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    const ssize_t sent = sendto(fd, message, (size_t)head + len - 1, MSG_NOSIGNAL,
                                (const struct sockaddr *)&address, sizeof(address));
    const int result = sent < 0 ? -errno : 0;
    close(fd);
    return result;
}
