/* The workers and the writer of events: made, started, and stopped so that nothing is lost. */
#include "base/error.h"
#include "base/log.h"
#include "daemon/start.h"
#include "daemon/state.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

static const struct policy *policy_of(const void *snapshot)
{
    return ((const struct setup_snapshot *)snapshot)->policy;
}

/* Whether every question makes a record: for the audit log, or to be sent. */
static bool takes_questions(const struct daemon *daemon)
{
    const struct audit_tap tap = sending_tap(daemon);

    return (daemon->recording.recorder != NULL && daemon->config->audit_queries) ||
           (tap.taken != NULL && tap.streams[AUDIT_QUERIES]);
}

int threads_make_workers(struct daemon *daemon, struct start_sockets *sockets)
{
    const bool records = daemon->recording.recorder != NULL;
    const bool questions = takes_questions(daemon);
    const size_t ring_octets =
        memory_ring_size(&daemon->memory, sockets->workers * (questions ? 2u : 1u));
    uint8_t cookie_key[QUERY_COOKIE_KEY_OCTETS];

    random_system(cookie_key, sizeof(cookie_key));
    random_system(daemon->tops_key, sizeof(daemon->tops_key));
    for (unsigned w = 0; w < sockets->workers; w++) {
        struct worker_setup setup = {
            .index = w,
            .cache = daemon->cache,
            .conditions = daemon->conditions,
            .rate = daemon->rate,
            .loop = &daemon->loops.shared,
            .slot = daemon->slot,
            .sockets = &sockets->pairs[w * sockets->slots],
            .addresses = sockets->slot,
            .count = sockets->slots,
            .tcp_clients = daemon->descriptors.tcp_clients,
            .upstream_sockets = daemon->descriptors.upstream_sockets,
            .questions = questions,
            .ring_octets = ring_octets,
            .refuse_decisions = records && daemon->config->audit_decisions &&
                                daemon->config->audit_decisions_refuse,
            .refuse_questions = records && daemon->config->audit_queries &&
                                daemon->config->audit_queries_refuse,
            .reported = &daemon->reported,
        };
        memcpy(setup.cookie_key, cookie_key, sizeof(setup.cookie_key));
        memcpy(setup.tops_key, daemon->tops_key, sizeof(setup.tops_key));
        const int rc = worker_create(&setup, &daemon->workers[w]);
        if (rc != 0) {
            start_sockets_close(sockets, w + 1);
            log_write(LOG_LEVEL_ERROR, "worker %u cannot be made: %s", w, cordon_strerror(rc));
            return rc;
        }
        daemon->worker_count++;
    }
    start_sockets_close(sockets, sockets->workers);
    return 0;
}

static int start_writer(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    const bool questions = takes_questions(daemon);
    const struct audit_writer_settings settings = {
        .none = !config_has_events(config),
        .path = config_events_file(config),
        .rotate_octets = config->events_rotate_octets,
        .keep = config->events_keep,
        .joins = daemon->takeover.channel >= 0,
    };
    const struct audit_writer_inputs inputs = {
        .rings = daemon->rings,
        .lost = daemon->lost,
        .workers = daemon->worker_count,
        .questions = questions ? daemon->questions : NULL,
        .questions_lost = questions ? daemon->questions_lost : NULL,
        .refused = daemon->refused,
        .questions_refused = questions ? daemon->questions_refused : NULL,
        .publish_events = config->audit_publish == CONFIG_PUBLISH_EVENTS ||
                          config->audit_publish == CONFIG_PUBLISH_BOTH,
        .publish_syslog = config->audit_publish == CONFIG_PUBLISH_SYSLOG ||
                          config->audit_publish == CONFIG_PUBLISH_BOTH,
        .recorder = daemon->recording.recorder,
        .privacy = daemon->recording.privacy,
        .tap = sending_tap(daemon),
        .changes = daemon->changes.ring,
        .changes_lost = &daemon->changes.lost,
        .slot = daemon->slot,
        .reader = daemon->worker_count,
        .policy_of = policy_of,
        .view_name = daemon_view_name,
    };

    for (unsigned w = 0; w < daemon->worker_count; w++) {
        struct worker_records *records = worker_records(daemon->workers[w]);

        daemon->rings[w] = records->ring;
        daemon->lost[w] = &records->lost;
        daemon->refused[w] = &records->refused;
        daemon->questions[w] = records->questions;
        daemon->questions_lost[w] = &records->questions_lost;
        daemon->questions_refused[w] = &records->questions_refused;
    }
    const int rc = audit_writer_start(&settings, &inputs, &daemon->writer);
    if (rc != 0) {
        log_write(LOG_LEVEL_ERROR, "events cannot be written to %s: %s",
                  settings.path == NULL ? "standard output" : settings.path,
                  cordon_strerror(rc));
    }
    return rc;
}

/* Threads that are started in between inherit a mask: signals are the main thread's. */
static void block_signals(sigset_t *before)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, before);
}

int threads_start(struct daemon *daemon)
{
    sigset_t before;

    block_signals(&before);
    int rc = start_writer(daemon);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (unsigned w = 0; rc == 0 && w < daemon->worker_count; w++) {
        rc = worker_start(daemon->workers[w]);
    }
    return rc;
}

void threads_stop(struct daemon *daemon)
{
    struct worker_leave leave;
    const bool leaves = keep_leave(daemon, &leave);

    for (unsigned w = 0; w < daemon->worker_count; w++) {
        if (leaves) {
            worker_leave(daemon->workers[w], &leave);
        } else {
            worker_stop(daemon->workers[w]);
        }
    }
    for (unsigned w = 0; w < daemon->worker_count; w++) {
        worker_join(daemon->workers[w]);
    }
    saved_save(daemon); /* before the successor is told that we have ended */
    if (daemon->successor.is_ready) {
        claim_release(&daemon->claim); /* it takes it when the channel is closed */
    }
    successor_deinit(&daemon->successor);
    if (daemon->writer != NULL) {
        sending_look(daemon, clock_read(), true);
        audit_writer_stop(daemon->writer, daemon->recording.stop);
        daemon->writer = NULL;
    }
    for (unsigned w = 0; w < daemon->worker_count; w++) {
        worker_destroy(daemon->workers[w]);
    }
    daemon->worker_count = 0;
    trace_deinit(daemon);
}
