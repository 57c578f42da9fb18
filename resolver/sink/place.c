#include "sink/place.h"

#include "audit/output.h"
#include "base/report.h"
#include "base/text.h"
#include "sink/tape.h"
#include "tls/session.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEEP_IDLE_S   60    /* a reader that is gone without a word is noticed after minutes */
#define KEEP_EVERY_S  20    /* */
#define KEEP_TRIES    4     /* */
#define UNTAKEN_MS    60000 /* so long octets wait for a reader's machine to have them */
#define WORDS_DEFAULT "the server ended the TLS session"

bool sink_place_is_socket(const struct sink_settings *settings)
{
    return settings->way != SINK_FILE;
}

bool sink_place_is_datagram(const struct sink_settings *settings)
{
    return settings->way == SINK_UDP ||
           (settings->way == SINK_UNIX && settings->format == SINK_SYSLOG);
}

bool sink_place_takes_one(const struct sink_settings *settings)
{
    return sink_place_is_datagram(settings) ||
           (settings->way == SINK_FILE && settings->format == SINK_DNSTAP);
}

void sink_place_init(struct sink_place *place, const struct sink_settings *settings)
{
    *place = (struct sink_place){.settings = settings, .fd = -1};
}

/* --- opening --- */

static int open_file(struct sink_place *place)
{
    const struct sink_settings *settings = place->settings;

    if (settings->format == SINK_DNSTAP) {
        return sink_tape_open(settings->path, settings->rotate_octets, settings->keep,
                              &place->tape);
    }
    return audit_output_open(
        &(struct audit_writer_settings){.path = settings->path,
                                        .rotate_octets = settings->rotate_octets,
                                        .keep = settings->keep,
                                        .joins = settings->joins},
        &place->file);
}

/* Messages are for people who look now, and a dead reader is not waited for without end. */
static void set_manners(int fd)
{
    const int on = 1;
    const int idle_s = KEEP_IDLE_S;
    const int every_s = KEEP_EVERY_S;
    const int tries = KEEP_TRIES;
    const unsigned untaken_ms = UNTAKEN_MS;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &untaken_ms, sizeof(untaken_ms));
}

static socklen_t address_of(const struct sink_settings *settings, struct sockaddr_storage *out)
{
    if (settings->way != SINK_UNIX) {
        return address_to_sockaddr(&settings->server.address, out);
    }
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    const size_t len = strlen(settings->path);

    memcpy(local.sun_path, settings->path,
           len < sizeof(local.sun_path) ? len : sizeof(local.sun_path) - 1);
    memcpy(out, &local, sizeof(local));
    return sizeof(local);
}

static int open_socket(struct sink_place *place)
{
    const struct sink_settings *settings = place->settings;
    struct sockaddr_storage to = {0};
    const socklen_t len = address_of(settings, &to);
    const int kind = sink_place_is_datagram(settings) ? SOCK_DGRAM : SOCK_STREAM;

    place->fd = socket(to.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (place->fd < 0) {
        return -errno;
    }
    if (settings->way == SINK_TCP || settings->way == SINK_TLS) {
        set_manners(place->fd);
    }
    if (connect(place->fd, (const struct sockaddr *)&to, len) == 0) {
        return 0;
    }
    /* A unix socket whose queue of connections is full says EAGAIN: nothing is under way. */
    return errno == EINPROGRESS ? -EINPROGRESS : -errno;
}

static int tls_failed(struct sink_place *place)
{
    const char *words = tls_session_error(place->tls);

    memcpy(place->error, words[0] != '\0' ? words : WORDS_DEFAULT,
           words[0] != '\0' ? strlen(words) + 1 : sizeof(WORDS_DEFAULT));
    return -EPROTO;
}

/* Hands what TLS has to say to the socket. 0, -EAGAIN: some is left; -errno. */
static int tls_flush(struct sink_place *place)
{
    const uint8_t *octets;
    size_t len;

    while ((len = tls_session_out(place->tls, &octets)) > 0) {
        const ssize_t put = send(place->fd, octets, len, MSG_NOSIGNAL);

        if (put >= 0) {
            tls_session_sent(place->tls, (size_t)put);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

/* Takes what the socket has. 0: something came, or there is nothing for now; -errno. */
static int tls_pull(struct sink_place *place)
{
    uint8_t octets[SINK_READ_OCTETS];
    const ssize_t got = recv(place->fd, octets, sizeof(octets), 0);

    if (got < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    const enum tls_state state = got == 0 ? tls_session_cut(place->tls)
                                          : tls_session_feed(place->tls, octets, (size_t)got);
    const int sent = tls_flush(place); /* an alert, too */
    if (state == TLS_FAILED) {
        return tls_failed(place);
    }
    if (state == TLS_CLOSED) {
        return -ECONNRESET;
    }
    return sent == -EAGAIN ? 0 : sent;
}

/* The CA certificates are those that are there now: others need no restart. */
static int begin_tls(struct sink_place *place, struct clock_now now)
{
    struct tls_trust *trust = NULL;
    struct report report;

    report_init(&report);
    const int result = tls_trust_load(place->settings->ca, &report, &trust);
    if (result == 0) {
        place->tls =
            tls_session_create(trust, &place->settings->server, NULL, now.wall_us / 1000000);
        tls_trust_release(trust); /* the session holds it */
    } else if (report.count > 0) {
        snprintf(place->error, sizeof(place->error), "%.300s", report.entries[0].text);
    }
    report_deinit(&report);
    return result == 0 && place->tls == NULL ? -ENOMEM : result;
}

static int go_on_with_tls(struct sink_place *place, struct clock_now now)
{
    int result = place->tls == NULL ? begin_tls(place, now) : 0;

    if (result == 0) {
        result = tls_flush(place);
    }
    if (result == 0 || result == -EAGAIN) {
        result = tls_pull(place);
    }
    if (result != 0) {
        return result;
    }
    return tls_session_state(place->tls) == TLS_OPEN ? 0 : -EINPROGRESS;
}

int sink_place_go_on(struct sink_place *place, struct clock_now now)
{
    struct pollfd ready = {.fd = place->fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof(error);

    if (!place->connected) {
        if (poll(&ready, 1, 0) != 1) {
            return -EINPROGRESS;
        }
        if (getsockopt(place->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
            return -errno;
        }
        if (error != 0) {
            return -error;
        }
        place->connected = true;
    }
    return place->settings->way == SINK_TLS ? go_on_with_tls(place, now) : 0;
}

int sink_place_open(struct sink_place *place, struct clock_now now)
{
    place->error[0] = '\0';
    if (!sink_place_is_socket(place->settings)) {
        return open_file(place);
    }
    const int result = open_socket(place);
    if (result != 0) {
        return result;
    }
    place->connected = true;
    return sink_place_go_on(place, now);
}

void sink_place_close(struct sink_place *place)
{
    if (place->tls != NULL) {
        tls_session_close(place->tls);
        (void)tls_flush(place); /* the farewell, if there is room for it */
        tls_session_destroy(place->tls);
        place->tls = NULL;
    }
    if (place->fd >= 0) {
        close(place->fd);
        place->fd = -1;
    }
    place->connected = false;
    if (place->file != NULL) {
        audit_output_end_line(place->file);
        audit_output_close(place->file);
        place->file = NULL;
    }
    sink_tape_close(place->tape);
    place->tape = NULL;
}

/* --- octets --- */

static ssize_t write_tls(struct sink_place *place, const uint8_t *octets, size_t len)
{
    const size_t part = len < SINK_TLS_CHUNK ? len : SINK_TLS_CHUNK;
    int result = tls_session_write(place->tls, octets, part);

    if (result == -EPROTO) {
        return tls_failed(place);
    }
    const int sent = tls_flush(place);
    if (sent != 0 && sent != -EAGAIN) {
        return sent;
    }
    return result == 0 ? (ssize_t)part : result;
}

static ssize_t write_file(struct sink_place *place, const uint8_t *octets, size_t len,
                          struct clock_now now)
{
    size_t used = 0;

    if (place->tape != NULL) {
        const int result = sink_tape_write(place->tape, octets, len, now.mono_us);

        return result == 0 ? (ssize_t)len : result;
    }
    const int result =
        audit_output_write(place->file, (const char *)octets, len, now.mono_us, &used);
    return used > 0 ? (ssize_t)used : result;
}

ssize_t sink_place_write(struct sink_place *place, const uint8_t *octets, size_t len,
                         struct clock_now now)
{
    ssize_t put;

    if (place->tls != NULL) {
        return write_tls(place, octets, len);
    }
    if (place->fd < 0) {
        return write_file(place, octets, len, now);
    }
    do {
        put = send(place->fd, octets, len, MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    if (put < 0) {
        /* A datagram socket of this machine whose reader is behind says either of these. */
        return errno == ENOBUFS || errno == EWOULDBLOCK ? -EAGAIN : -errno;
    }
    return put;
}

bool sink_place_is_flushed(struct sink_place *place)
{
    return place->tls == NULL || tls_flush(place) == 0;
}

ssize_t sink_place_read(struct sink_place *place, uint8_t *out, size_t size)
{
    if (place->tls != NULL) {
        size_t got = tls_session_read(place->tls, out, size);
        const int result = got > 0 ? 0 : tls_pull(place);

        got = got > 0 ? got : tls_session_read(place->tls, out, size);
        return got > 0 ? (ssize_t)got : result != 0 ? result : -EAGAIN;
    }
    const ssize_t got = recv(place->fd, out, size, 0);
    if (got < 0) {
        return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
    }
    return got == 0 && !sink_place_is_datagram(place->settings) ? -ECONNRESET
           : got == 0                                           ? -EAGAIN
                                                                : got;
}

/* --- waiting and words --- */

int sink_place_descriptor(const struct sink_place *place)
{
    return place->file != NULL ? audit_output_descriptor(place->file) : place->fd;
}

short sink_place_events(const struct sink_place *place, bool wants_write)
{
    const uint8_t *octets;
    short events = 0;

    if (place->fd >= 0) {
        events = POLLIN;
        if (place->tls != NULL) {
            wants_write = tls_session_out(place->tls, &octets) > 0;
        } else if (!place->connected) {
            wants_write = true;
        }
    }
    return (short)(events | (wants_write ? POLLOUT : 0));
}

size_t sink_place_format(const struct sink_settings *settings, char *out, size_t size)
{
    static const char *const schemes[] = {[SINK_FILE] = "file:",
                                          [SINK_UNIX] = "unix:",
                                          [SINK_UDP] = "udp://",
                                          [SINK_TCP] = "tcp://",
                                          [SINK_TLS] = "tls://"};
    char address[ADDRESS_TEXT_MAX];
    struct text text;

    text_init(&text, out, size);
    text_add(&text, schemes[settings->way]);
    if (settings->path != NULL) {
        text_add_printable(&text, settings->path, strlen(settings->path));
    } else {
        address_format(&settings->server.address, true, address);
        text_add(&text, address);
        if (settings->server.name[0] != '\0') {
            text_add(&text, "#");
            text_add(&text, settings->server.name);
        }
    }
    return text.len;
}
