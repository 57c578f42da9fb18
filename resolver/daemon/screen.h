/*
 * daemon/screen.h - the first screen: what runs, with what, and two questions to try.
 */
#ifndef CORDON_DAEMON_SCREEN_H
#define CORDON_DAEMON_SCREEN_H

#include "daemon/probe.h"
#include "setup/setup.h"

#include <stdio.h>

struct loops;

struct screen {
    const char *config_path;
    const struct config *config;
    const struct setup_snapshot *snapshot;
    const struct address *listen; /* what was opened, or would be */
    size_t listen_count;
    unsigned workers;
    const struct probe_result *probes; /* one per upstream of the snapshot; NULL: not asked */
    const struct loops *loops;         /* NULL: not looked for */
    const char *http_detail; /* why http.listen is not served; NULL: it is, or would be */
    const char *audit_key;   /* of the audit log; NULL: not known, or nothing is recorded */
    uint64_t now_s;
    bool only_check; /* what would run, not what runs */
    bool colour;
};

void screen_print(const struct screen *screen, FILE *out);

/* A name that the policy in force blocks, taken from the first enforced list that has a plain
 * one, and written to name: one that is dropped or truncated only if no list has another.
 * False if there is none. */
bool screen_blocked_name(const struct setup_snapshot *snapshot, const char *list_directory,
                         char *name, size_t size, char list_id[65]);

/* "3 days", "5 hours", "20 s". Returns out. */
const char *screen_span(uint64_t seconds, char out[32]);

#endif
