/*
 * daemon/daemon.h - the place where the rooms are connected: start, workers, reload, stop.
 *
 * Threads: the main thread is the housekeeping loop (signals, control socket, reload,
 * publishing); each worker has a loop of its own; the writer of events is one more. What they
 * share is the cache, the policy slot, and counters.
 */
#ifndef CORDON_DAEMON_DAEMON_H
#define CORDON_DAEMON_DAEMON_H

#include "config/config.h"
#include "policy/load.h"
#include "policy/policy.h"
#include "query/settings.h"
#include "upstream/forward.h"

/* What is handed to the workers at once: immutable. */
struct daemon_snapshot {
    struct policy *policy;
    struct query_settings settings;
    struct upstream_settings upstreams;
    struct config *config;
    /* How its lists were loaded: without the image, which the policy owns. */
    struct policy_loaded_list lists[POLICY_LISTS_MAX];
    size_t list_count;
    bool from_cache;
    uint64_t made_us; /* wall clock */
};

/* Configuration and lists -> snapshot: everything that can be wrong is found here, before
 * anything is replaced. 0 or the first code, with the report. config is taken over on success.
 */
int daemon_snapshot_make(struct config *config, uint64_t generation, uint64_t now_s,
                         struct report *report, struct daemon_snapshot **snapshot);
void daemon_snapshot_free(void *snapshot);

/* Runs until a signal ends it. Returns the exit code of cordond(8). */
int daemon_run(const char *config_path);

#endif
