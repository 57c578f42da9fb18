#include "daemon/monitor.h"

#include "admin/listen.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/log.h"
#include "daemon/holder.h"
#include "daemon/metrics.h"
#include "daemon/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK          200
#define UNAVAILABLE 503
#define WORDS_MAX   2048 /* octets of the page of /healthz or /readyz */

static void describe(const struct config *config, char *out, size_t size)
{
    char text[ADDRESS_TEXT_MAX];

    address_format(&config->http_address, true, text);
    snprintf(out, size, "%s", config->http_socket != NULL ? config->http_socket : text);
}

/* It goes on without. */
static void fail(struct monitor *monitor, const struct config *config, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void fail(struct monitor *monitor, const struct config *config, const char *format, ...)
{
    char where[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(monitor->detail, sizeof(monitor->detail), format, arguments);
    va_end(arguments);
    describe(config, where, sizeof(where));
    log_write(
        LOG_LEVEL_ERROR,
        "http.listen: %s: %s. Questions are answered all the same; /metrics, /healthz and "
        "/readyz are not, until a restart",
        where, monitor->detail);
}

void monitor_bind(struct daemon *daemon, bool replaces)
{
    struct monitor *monitor = &daemon->monitor;
    const struct config *config = daemon->config;
    const struct address *address = &config->http_address;
    struct holder holder;

    monitor->fd = -1;
    monitor->replaces = replaces;
    monitor->wanted = config->http_socket != NULL || address->family != ADDRESS_NONE;
    if (address->family == ADDRESS_NONE) {
        return;
    }
    const int rc = listen_tcp(address, monitor->replaces, &monitor->fd);
    if (rc == -EADDRINUSE && holder_find_tcp(address, &holder) && holder.pid != 0) {
        fail(monitor, config, "%s (process %ld) holds this port: stop it, or name another port",
             holder.name, (long)holder.pid);
    } else if (rc == -EACCES || rc == -EPERM) {
        fail(monitor, config, "only root may open port %u: name one from 1024 on",
             address->port);
    } else if (rc != 0) {
        fail(monitor, config, "it cannot be opened: %s", cordon_strerror(rc));
    }
}

/* Metrics. */

static void reply_metrics(struct daemon *daemon, void *context, const struct totals *totals)
{
    static const char failed[] = "out of memory\n";
    char *memory = malloc(DAEMON_METRICS_MAX);
    struct text out;

    if (memory == NULL) {
        http_reply(context, UNAVAILABLE, failed, sizeof(failed) - 1);
        return;
    }
    text_init(&out, memory, DAEMON_METRICS_MAX);
    metrics_write(daemon, totals, &out);
    invariant(!out.overflow); /* its bound is ours: see limits.h */
    http_reply(context, OK, out.at, out.len);
    free(memory);
}

/* Health. */

static void reply_health(struct daemon *daemon, void *context, const struct totals *totals)
{
    char memory[WORDS_MAX];
    struct text out;

    (void)daemon;
    text_init(&out, memory, sizeof(memory));
    for (unsigned w = 0; w < totals->workers; w++) {
        if (!totals->up[w]) {
            text_printf(&out, "worker %u has not turned its loop for %u ms\n", w,
                        DAEMON_HEALTH_MS);
        }
    }
    if (out.len == 0) {
        text_add(&out, "ok\n");
        http_reply(context, OK, out.at, out.len);
    } else {
        http_reply(context, UNAVAILABLE, out.at, out.len);
    }
}

/* Readiness. */

static void add_lists(const struct daemon *daemon, struct text *out)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);

    text_printf(out, "lists: %zu verified, generation %" PRIu64 "\n", snapshot->list_count,
                policy_generation(snapshot->policy));
}

static void reply_ready(const struct daemon *daemon, struct http_request *request, bool ready,
                        const char *upstreams)
{
    char memory[WORDS_MAX];
    struct text out;

    text_init(&out, memory, sizeof(memory));
    text_add(&out, ready ? "ready\n" : "not ready\n");
    add_lists(daemon, &out);
    text_printf(&out, "upstreams: %s\n", upstreams);
    http_reply(request, ready ? OK : UNAVAILABLE, out.at, out.len);
}

/* By what the last question to all of them found. */
static void reply_probed(const struct daemon *daemon, struct http_request *request)
{
    const struct monitor *monitor = &daemon->monitor;
    char words[128];
    size_t answered = 0;
    size_t asked = 0;

    for (size_t i = 0; i < monitor->count; i++) {
        answered += monitor->results[i].state == PROBE_ANSWERED ? 1 : 0;
        asked += monitor->results[i].state != PROBE_NOT_DONE ? 1 : 0;
    }
    if (asked == 0) { /* over TLS: only what clients ask shows whether they answer */
        reply_ready(daemon, request, true, "no question has been asked of them lately");
        return;
    }
    snprintf(words, sizeof(words), "%zu of %zu %s", answered, asked,
             answered > 0 ? "answer"
                          : "answer: blocked and local names are answered, no others");
    reply_ready(daemon, request, answered > 0, words);
}

static void on_probe(uv_work_t *work)
{
    struct daemon *daemon = work->data;
    struct monitor *monitor = &daemon->monitor;
    struct random random;

    random_init(&random);
    probe_upstreams(monitor->servers, monitor->count, DAEMON_PROBE_MS, &random,
                    monitor->results);
}

static void on_probed(uv_work_t *work, int status)
{
    struct daemon *daemon = work->data;
    struct monitor *monitor = &daemon->monitor;

    (void)status;
    monitor->probing = false;
    monitor->probed_us = clock_read().mono_us;
    for (size_t i = 0; i < monitor->waiting_count; i++) {
        reply_probed(daemon, monitor->waiting[i]);
    }
    monitor->waiting_count = 0;
}

/* The upstreams are asked on a thread of the pool; the answer comes later. */
static void probe(struct daemon *daemon, struct http_request *request)
{
    const struct upstream_settings *upstreams = &daemon_snapshot(daemon)->upstreams;
    struct monitor *monitor = &daemon->monitor;

    if (!monitor->probing) {
        memcpy(monitor->servers, upstreams->servers,
               upstreams->count * sizeof(upstreams->servers[0]));
        monitor->count = upstreams->count;
        monitor->probe.data = daemon;
        if (uv_queue_work(&daemon->loop, &monitor->probe, on_probe, on_probed) != 0) {
            reply_ready(daemon, request, false, "they cannot be asked now");
            return;
        }
        monitor->probing = true;
    }
    invariant(monitor->waiting_count < HTTP_CONNECTIONS_MAX);
    monitor->waiting[monitor->waiting_count++] = request;
}

/* Has any answered a client since this was looked at last? */
static void compare_answers(struct monitor *monitor, const struct totals *totals,
                            uint64_t now_us)
{
    uint64_t answers = 0;

    for (size_t i = 0; i < totals->sum.upstream_count; i++) {
        answers += totals->sum.upstreams[i].answers;
    }
    if (monitor->compared && answers > monitor->answers) {
        monitor->heard_us = now_us;
    }
    monitor->answers = answers;
    monitor->compared = true;
}

static void reply_readiness(struct daemon *daemon, void *context, const struct totals *totals)
{
    struct monitor *monitor = &daemon->monitor;
    const uint64_t now_us = clock_read().mono_us;

    compare_answers(monitor, totals, now_us);
    if (daemon_snapshot(daemon)->upstreams.count == 0) {
        reply_ready(daemon, context, false,
                    "there is none: blocked and local names are answered, no others");
    } else if (monitor->heard_us != 0 &&
               now_us - monitor->heard_us < DAEMON_READY_HEARD_MS * 1000ull) {
        reply_ready(daemon, context, true, "they answer clients");
    } else if (!monitor->probing && monitor->probed_us != 0 &&
               now_us - monitor->probed_us < DAEMON_READY_PROBE_MS * 1000ull) {
        reply_probed(daemon, context);
    } else {
        probe(daemon, context);
    }
}

/* The socket. */

static void on_get(void *context, enum http_page page, struct http_request *request)
{
    static const char busy[] = "too many wait already\n";
    struct daemon *daemon = context;
    bool asked = false;

    invariant(daemon->magic == DAEMON_MAGIC);
    switch (page) {
    case HTTP_METRICS:
        asked = totals_ask(daemon, reply_metrics, request);
        break;
    case HTTP_HEALTHZ:
        asked = totals_ask_for(daemon, DAEMON_HEALTH_MS, reply_health, request);
        break;
    case HTTP_READYZ:
        asked = totals_ask(daemon, reply_readiness, request);
        break;
    }
    if (!asked) {
        http_reply(request, UNAVAILABLE, busy, sizeof(busy) - 1);
    }
}

void monitor_open(struct daemon *daemon)
{
    struct monitor *monitor = &daemon->monitor;
    const struct config *config = daemon->config;
    const struct http_handler handler = {.get = on_get, .context = daemon};
    int rc = 0;

    if (config->http_socket != NULL) {
        rc = listen_unix(config->http_socket, monitor->replaces, &monitor->fd);
    }
    if (monitor->fd >= 0) {
        rc = http_open(&daemon->loop, monitor->fd, config->http_socket,
                       config->http_socket == NULL && !config->http_network, &handler,
                       &monitor->http);
        monitor->fd = -1;
    }
    if (rc == -EADDRINUSE) {
        fail(monitor, config, "another program answers there: stop it, or name another path");
    } else if (rc != 0) {
        fail(monitor, config, "it cannot be opened: %s", cordon_strerror(rc));
    }
}

void monitor_close(struct daemon *daemon)
{
    struct monitor *monitor = &daemon->monitor;

    totals_forget(daemon);
    monitor->waiting_count = 0;
    http_close(monitor->http);
    monitor->http = NULL;
    if (monitor->fd >= 0) {
        close(monitor->fd);
        monitor->fd = -1;
    }
}

void monitor_write(const struct daemon *daemon, struct text *out)
{
    const struct monitor *monitor = &daemon->monitor;
    char where[256];

    describe(daemon->started, where, sizeof(where));
    json_object_begin(out, "http");
    json_string(out, "listen", monitor->wanted ? where : NULL);
    json_string(out, "state",
                monitor->http != NULL ? "on"
                : monitor->wanted     ? "failed"
                                      : "off");
    json_string(out, "detail", monitor->detail);
    json_object_end(out);
}
