/*
 * daemon/probe.h - one small question to each upstream at the start, so that the first screen
 * can say whether they answer. Blocking, all in parallel, bounded by DAEMON_PROBE_MS.
 */
#ifndef CORDON_DAEMON_PROBE_H
#define CORDON_DAEMON_PROBE_H

#include "base/endpoint.h"
#include "base/random.h"

#include <stddef.h>
#include <stdint.h>

struct probe_result {
    enum probe_state {
        PROBE_NOT_DONE, /* it is reached over TLS: nothing is asked in clear */
        PROBE_ANSWERED,
        PROBE_SILENT,
        PROBE_FAILED /* error says why: no route, refused, ... */
    } state;
    uint32_t rtt_us; /* ANSWERED */
    unsigned rcode;  /* ANSWERED: of ". SOA"; a server may well refuse that and work */
    int error;       /* FAILED: negative errno */
};

void probe_upstreams(const struct endpoint *servers, size_t count, unsigned patience_ms,
                     struct random *random, struct probe_result *results);

#endif
