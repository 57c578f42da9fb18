/* sink/hub.c - all sinks: their queues, which the writer's thread fills, and their threads. */
#include "sink/inside.h"

#include "audit/id.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define JOIN_MS  7000              /* for a thread that ends: longer than it takes by itself */
#define AGAIN_US UINT64_C(1000000) /* for one that was cancelled */
#define MAIN_LOG 1u

static const char *const format_words[] = {[SINK_JSON] = "json",
                                           [SINK_OCSF] = "ocsf",
                                           [SINK_DNSTAP] = "dnstap",
                                           [SINK_SYSLOG] = "syslog"};

static sink_formatter *const formatters[] = {[SINK_JSON] = sink_json,
                                             [SINK_OCSF] = sink_ocsf,
                                             [SINK_DNSTAP] = sink_dnstap,
                                             [SINK_SYSLOG] = sink_syslog};

const char *sink_format_word(enum sink_format format)
{
    return format_words[format];
}

const char *sink_state_word(enum sink_state state)
{
    switch (state) {
    case SINK_CONNECTING:
        return "connecting";
    case SINK_SENDING:
        return "sending";
    case SINK_STALLED:
        return "stalled";
    }
    return "";
}

/* --- on the writer's thread --- */

static void wake(struct sink *sink)
{
    const uint64_t one = 1;
    const ssize_t put = write(sink->wake, &one, sizeof(one));

    (void)put; /* it can only fail when it is set */
}

static void take(void *context, const struct audit_taken *taken)
{
    struct sink_hub *hub = context;
    const unsigned stream = taken->stream;
    struct sink_record record = {.number = taken->number, .log = taken->log, .stream = stream};

    if (!hub->streams[stream]) {
        return;
    }
    if (taken->log == 0) {
        record.number = hub->numbers[stream]++;
    } else if (!hub->has_origin) {
        /* Before the first record that needs it, which the ring's commit publishes. */
        snprintf(hub->origin, sizeof(hub->origin), "%s", taken->origin);
        hub->has_origin = true;
    }
    memcpy(hub->scratch, &record, sizeof(record));
    const size_t len =
        sizeof(record) + audit_row_encode(taken->row, hub->scratch + sizeof(record));
    for (size_t i = 0; i < hub->count; i++) {
        struct sink *sink = hub->sinks[i];

        if (!sink->settings.streams[stream]) {
            continue;
        }
        void *at = ring_reserve(sink->ring, len);
        if (at == NULL) {
            sink_drop(sink, stream, taken->row->at[AUDIT_TIME].number);
            continue;
        }
        memcpy(at, hub->scratch, len);
        ring_commit(sink->ring, len);
        sink->was_given = true;
    }
}

static void end_round(void *context)
{
    struct sink_hub *hub = context;

    for (size_t i = 0; i < hub->count; i++) {
        if (hub->sinks[i]->was_given) {
            hub->sinks[i]->was_given = false;
            wake(hub->sinks[i]);
        }
    }
}

struct audit_tap sink_hub_tap(struct sink_hub *hub)
{
    struct audit_tap tap = {.taken = take, .round = end_round, .context = hub};

    memcpy(tap.streams, hub->streams, sizeof(tap.streams));
    return tap;
}

void sink_record_id(const struct sink_hub *hub, const struct sink_record *record,
                    char out[SINK_ID_MAX])
{
    const struct audit_id event = {.log = record->log != 0 ? record->log : MAIN_LOG,
                                   .stream = (enum audit_stream)record->stream,
                                   .event = record->number};
    char number[AUDIT_ID_TEXT_MAX];

    (void)audit_id_format(&event, number);
    snprintf(out, SINK_ID_MAX, "%s%s%s", record->log == 0 ? hub->run : "",
             record->log == 0 ? "-" : "", number);
}

/* --- life --- */

static void destroy(struct sink *sink)
{
    if (sink == NULL) {
        return;
    }
    sink_place_close(&sink->place);
    sink_outbox_deinit(&sink->box);
    ring_destroy(sink->ring);
    free((char *)sink->settings.name);
    free((char *)sink->settings.path);
    free((char *)sink->settings.ca);
    if (sink->wake >= 0) {
        close(sink->wake);
    }
    if (sink->ended >= 0) {
        close(sink->ended);
    }
    pthread_mutex_destroy(&sink->mutex);
    free(sink);
}

static size_t message_most(const struct sink_settings *settings)
{
    return settings->way == SINK_UDP ? SINK_SYSLOG_UDP_MAX : SINK_SYSLOG_MAX;
}

static int make(struct sink_hub *hub, const struct sink_settings *settings, const char *host,
                struct sink **out)
{
    struct sink *sink = calloc(1, sizeof(*sink));

    if (sink == NULL) {
        return -ENOMEM;
    }
    pthread_mutex_init(&sink->mutex, NULL);
    sink->hub = hub;
    sink->settings = *settings;
    sink->settings.name = strdup(settings->name);
    sink->settings.path = settings->path != NULL ? strdup(settings->path) : NULL;
    sink->settings.ca = settings->ca != NULL ? strdup(settings->ca) : NULL;
    sink->settings.server.transport = ENDPOINT_TLS_STREAM;
    sink->format = formatters[settings->format];
    sink->self = (struct sink_self){.pid = (long)getpid(),
                                    .facility = settings->facility,
                                    .enterprise = settings->enterprise,
                                    .most = message_most(settings)};
    snprintf(sink->self.host, sizeof(sink->self.host), "%s", host);
    sink->ring = ring_create((size_t)settings->queue_octets);
    sink->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sink->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sink_place_init(&sink->place, &sink->settings);
    random_init(&sink->random);
    sink->stats.name = sink->settings.name;
    sink->stats.format = settings->format;
    sink->stats.queue = (size_t)settings->queue_octets;
    const int boxed = sink_outbox_init(&sink->box);
    if (boxed != 0 || sink->ring == NULL || sink->wake < 0 || sink->ended < 0 ||
        sink->settings.name == NULL ||
        (settings->path != NULL && sink->settings.path == NULL) ||
        (settings->ca != NULL && sink->settings.ca == NULL)) {
        destroy(sink);
        return -ENOMEM;
    }
    (void)sink_place_format(&sink->settings, sink->stats.to, sizeof(sink->stats.to));
    *out = sink;
    return 0;
}

static int start(struct sink *sink)
{
    char name[16];

    snprintf(name, sizeof(name), "sink %.10s", sink->settings.name);
    const int rc = thread_start(&sink->thread, name, sink_run, sink);
    sink->runs = rc == 0;
    return rc;
}

int sink_hub_start(const struct sink_settings *settings, size_t count, const char *host,
                   struct sink_hub **hub)
{
    struct sink_hub *new = calloc(1, sizeof(*new));
    uint64_t run = 0;
    int rc = new != NULL ? 0 : -ENOMEM;

    random_system(&run, sizeof(run));
    if (rc == 0) {
        snprintf(new->run, sizeof(new->run), "r%016" PRIx64, run);
    }
    for (size_t i = 0; rc == 0 && i < count && i < SINK_MAX; i++) {
        rc = make(new, &settings[i], host, &new->sinks[i]);
        new->count += rc == 0;
        for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
            new->streams[stream] = new->streams[stream] || settings[i].streams[stream];
        }
    }
    for (size_t i = 0; rc == 0 && i < new->count; i++) {
        rc = start(new->sinks[i]);
    }
    if (rc != 0) {
        sink_hub_stop(new);
        return rc;
    }
    *hub = new;
    return 0;
}

/* True: its thread has ended. One that the disk holds is left behind with what it has: the
 * process ends anyway. */
static bool join(struct sink *sink)
{
    struct pollfd ended = {.fd = sink->ended, .events = POLLIN};
    int rc;

    do {
        rc = poll(&ended, 1, JOIN_MS);
    } while (rc < 0 && errno == EINTR);
    if (rc == 1) {
        pthread_join(sink->thread, NULL);
        return true;
    }
    pthread_cancel(sink->thread);
    if (thread_join_until(sink->thread, clock_read().mono_us + AGAIN_US)) {
        return true;
    }
    log_write(LOG_LEVEL_WARNING, "sink %s: %s holds its thread: what waits there is lost",
              sink->settings.name, sink->stats.to);
    pthread_detach(sink->thread);
    return false;
}

void sink_hub_stop(struct sink_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    for (size_t i = 0; i < hub->count; i++) {
        atomic_store_explicit(&hub->sinks[i]->stop, true, memory_order_release);
        wake(hub->sinks[i]);
    }
    bool all = true;
    for (size_t i = 0; i < hub->count; i++) {
        struct sink *sink = hub->sinks[i];

        if (sink->runs && !join(sink)) {
            all = false;
            continue;
        }
        const uint64_t lost = sink_lose_rest(sink);
        if (lost > 0) {
            log_write(LOG_LEVEL_WARNING,
                      "sink %s: %" PRIu64 " events were not sent at the end: %s took no more",
                      sink->settings.name, lost, sink->stats.to);
        }
        destroy(sink);
    }
    if (all) {
        free(hub);
    }
}

size_t sink_hub_count(const struct sink_hub *hub)
{
    return hub != NULL ? hub->count : 0;
}

void sink_hub_stats(struct sink_hub *hub, size_t i, struct sink_stats *out)
{
    struct sink *sink = hub->sinks[i];

    pthread_mutex_lock(&sink->mutex);
    *out = sink->stats;
    pthread_mutex_unlock(&sink->mutex);
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        out->dropped[stream] =
            atomic_load_explicit(&sink->dropped[stream], memory_order_relaxed);
    }
    out->queued = ring_used(sink->ring);
}
