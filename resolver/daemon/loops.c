#include "daemon/loops.h"

#include "base/clock.h"
#include "base/invariant.h"
#include "base/log.h"
#include "daemon/changes.h"
#include "daemon/state.h"
#include "wire/type.h"
#include "wire/writer.h"

#include <assert.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MISSING_ROUNDS 2u

static_assert(UPSTREAM_SERVERS_MAX <= QUERY_LOOP_TOKENS, "a bit for each upstream");

static void on_round(uv_timer_t *timer);

static size_t find(const struct loops *loops, const struct endpoint *server)
{
    size_t at = 0;

    while (at < loops->found_count && !endpoint_equal(&loops->found[at], server)) {
        at++;
    }
    return at;
}

bool loops_has(const struct loops *loops, const struct endpoint *server)
{
    return find(loops, server) < loops->found_count;
}

/* A round. */

static int ask(struct loops *loops, const struct endpoint *server, uint64_t token)
{
    struct sockaddr_storage address;
    const socklen_t len = address_to_sockaddr(&server->address, &address);
    struct wire_name name;
    uint8_t octets[128];

    query_loop_name(token, &name);
    const size_t size =
        wire_question_write(octets, sizeof(octets), random_u16(&loops->random), WIRE_FLAG_RD,
                            name.octets, name.len, WIRE_TXT, WIRE_IN, 1232, false);
    const int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (connect(fd, (const struct sockaddr *)&address, len) != 0 ||
                    send(fd, octets, size, MSG_NOSIGNAL) < 0)) {
        close(fd); /* unreachable: nothing comes back over it */
        return -1;
    }
    return fd;
}

static void begin_round(struct daemon *daemon)
{
    struct loops *loops = &daemon->loops;
    const struct upstream_settings *upstreams = &daemon_snapshot(daemon)->upstreams;

    loops->asking = true;
    loops->count = upstreams->count;
    memcpy(loops->servers, upstreams->servers, upstreams->count * sizeof(loops->servers[0]));
    atomic_store(&loops->shared.seen, 0);
    for (size_t i = 0; i < loops->count; i++) {
        const uint64_t token = random_u64(&loops->random);

        loops->sockets[i] = -1;
        atomic_store(&loops->shared.tokens[i], token);
        if (loops->servers[i].transport == ENDPOINT_DO53) {
            loops->sockets[i] = ask(loops, &loops->servers[i], token);
        }
    }
}

static void say_found(const struct endpoint *server)
{
    char text[ADDRESS_TEXT_MAX];

    address_format(&server->address, true, text);
    log_write(
        LOG_LEVEL_ERROR,
        "a forwarding loop: what is asked of upstream %s comes back to this resolver. It is "
        "left out until that ends. Let one of the two ask somebody else: name another "
        "server in upstreams here, or take this resolver out of the upstreams there",
        text);
}

static void say_lost(const struct endpoint *server)
{
    char text[ADDRESS_TEXT_MAX];

    address_format(&server->address, true, text);
    log_write(LOG_LEVEL_INFO,
              "upstream %s does not ask this resolver any more: it is asked again", text);
}

static void forget(struct loops *loops, size_t at)
{
    loops->found_count--;
    memmove(&loops->found[at], &loops->found[at + 1],
            (loops->found_count - at) * sizeof(loops->found[0]));
    memmove(&loops->missing[at], &loops->missing[at + 1],
            (loops->found_count - at) * sizeof(loops->missing[0]));
}

/* Those that have come back so far. True if there is a new one. */
static bool take_found(struct loops *loops)
{
    const uint32_t seen = atomic_load(&loops->shared.seen);
    bool any = false;

    for (size_t i = 0; i < loops->count; i++) {
        const size_t at = find(loops, &loops->servers[i]);

        if ((seen >> i & 1u) == 0) {
            continue;
        }
        if (at == loops->found_count && at < QUERY_LOOP_TOKENS) {
            loops->found[at] = loops->servers[i];
            loops->found_count++;
            say_found(&loops->servers[i]);
            any = true;
        }
        loops->missing[at] = 0;
    }
    return any;
}

/* Those that are left out and have not come back, or are no upstreams any more. True if one is
 * let in again. */
static bool take_lost(struct loops *loops)
{
    const uint32_t seen = atomic_load(&loops->shared.seen);
    bool any = false;

    for (size_t at = loops->found_count; at-- > 0;) {
        size_t i = 0;

        while (i < loops->count && !endpoint_equal(&loops->servers[i], &loops->found[at])) {
            i++;
        }
        if (i == loops->count) {
            forget(loops, at);
        } else if ((seen >> i & 1u) == 0 && ++loops->missing[at] >= MISSING_ROUNDS) {
            say_lost(&loops->found[at]);
            forget(loops, at);
            any = true;
        }
    }
    return any;
}

static void end_round(struct daemon *daemon)
{
    struct loops *loops = &daemon->loops;
    const bool found = take_found(loops);
    const bool lost = take_lost(loops);

    for (size_t i = 0; i < loops->count; i++) {
        atomic_store(&loops->shared.tokens[i], 0);
        if (loops->sockets[i] >= 0) {
            close(loops->sockets[i]);
        }
    }
    loops->asking = false;
    loops->unpublished = loops->unpublished || found || lost;
    if (loops->unpublished) {
        changes_publish_soon(daemon);
    }
}

static void on_round(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    struct loops *loops = &daemon->loops;

    invariant(daemon->magic == DAEMON_MAGIC);
    if (daemon->stopping) {
        return;
    }
    if (!loops->asking) {
        begin_round(daemon);
        uv_timer_start(timer, on_round, DAEMON_LOOP_WAIT_MS, 0);
        return;
    }
    end_round(daemon);
    loops->pause_ms = loops->found_count > 0 ? DAEMON_LOOP_AGAIN_MS : 2 * loops->pause_ms;
    if (loops->pause_ms > DAEMON_LOOP_ROUND_MS) {
        loops->pause_ms = DAEMON_LOOP_ROUND_MS;
    }
    uv_timer_start(timer, on_round, loops->pause_ms, 0);
}

void loops_init(struct daemon *daemon)
{
    struct loops *loops = &daemon->loops;

    random_init(&loops->random);
    uv_timer_init(&daemon->loop, &loops->timer);
    loops->timer.data = daemon;
}

/* Until every upstream has answered or its name has come back, but not for long. */
static void wait_a_moment(struct loops *loops)
{
    const uint64_t until_us = clock_read().mono_us + DAEMON_LOOP_FIRST_MS * 1000ull;

    for (;;) {
        struct pollfd waiting[QUERY_LOOP_TOKENS];
        const uint64_t now_us = clock_read().mono_us;
        const uint32_t seen = atomic_load(&loops->shared.seen);
        nfds_t count = 0;

        for (size_t i = 0; i < loops->count; i++) {
            if (loops->sockets[i] >= 0 && (seen >> i & 1u) == 0 &&
                recv(loops->sockets[i], (char[1]){0}, 1, MSG_DONTWAIT | MSG_PEEK) < 0) {
                waiting[count++] = (struct pollfd){.fd = loops->sockets[i], .events = POLLIN};
            }
        }
        if (count == 0 || now_us >= until_us) {
            return;
        }
        /* A name that comes back shows as an answer too: no worker has to wake us. */
        (void)poll(waiting, count, (int)((until_us - now_us + 999) / 1000));
        if (poll(waiting, count, 0) > 0 && (waiting[0].revents & (POLLERR | POLLHUP)) != 0) {
            return; /* refused: said by the probe */
        }
    }
}

void loops_start(struct daemon *daemon)
{
    struct loops *loops = &daemon->loops;

    loops->ready = true;
    loops->pause_ms = DAEMON_LOOP_AGAIN_MS / 2;
    begin_round(daemon);
    wait_a_moment(loops);
    loops->unpublished = take_found(loops);
    /* One that is found is left out as soon as the loop runs; others have more time. */
    uv_timer_start(&loops->timer, on_round, loops->unpublished ? 0 : DAEMON_LOOP_WAIT_MS, 0);
}

void loops_close(struct daemon *daemon)
{
    struct loops *loops = &daemon->loops;

    for (size_t i = 0; loops->asking && i < loops->count; i++) {
        if (loops->sockets[i] >= 0) {
            close(loops->sockets[i]);
        }
    }
    loops->asking = false;
    uv_close((uv_handle_t *)&loops->timer, NULL);
}

/* Publishing. */

void loops_apply(const struct daemon *daemon, struct setup_snapshot *snapshot)
{
    const struct loops *loops = &daemon->loops;
    uint32_t out = 0;

    for (size_t i = 0; i < snapshot->upstreams.count; i++) {
        out |= loops_has(loops, &snapshot->upstreams.servers[i]) ? UINT32_C(1) << i : 0;
    }
    setup_snapshot_leave_out(snapshot, out);
}

void loops_published(struct daemon *daemon)
{
    struct loops *loops = &daemon->loops;
    const struct upstream_settings *upstreams = &daemon_snapshot(daemon)->upstreams;
    bool same = upstreams->count == loops->count;

    for (size_t i = 0; same && i < loops->count; i++) {
        same = endpoint_equal(&upstreams->servers[i], &loops->servers[i]);
    }
    loops->unpublished = false;
    if (!same && loops->ready && !loops->asking) {
        loops->pause_ms = DAEMON_LOOP_AGAIN_MS / 2;
        uv_timer_start(&loops->timer, on_round, 0, 0);
    }
}

void loops_write(const struct loops *loops, struct text *out)
{
    char text[ADDRESS_TEXT_MAX];

    json_array_begin(out, "loops");
    for (size_t i = 0; i < loops->found_count; i++) {
        address_format(&loops->found[i].address, true, text);
        json_string(out, NULL, text);
    }
    json_array_end(out);
}
