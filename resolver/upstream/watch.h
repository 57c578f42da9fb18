/*
 * upstream/watch.h - what is asked and heard, told to the traces of those who wait for it
 * (query/trace.h). Private to the room. Nobody watches: a comparison each, and nothing else.
 */
#ifndef CORDON_UPSTREAM_WATCH_H
#define CORDON_UPSTREAM_WATCH_H

#include "upstream/exchange.h"
#include "upstream/verdict.h"

/* A try was sent (rc 0), or could not be. */
void upstream_watch_sent(const struct upstream_exchange *exchange,
                         const struct upstream_slot *slot, uint64_t wait_us, int rc);
/* Something came on its socket. */
void upstream_watch_verdict(const struct upstream_exchange *exchange,
                            const struct upstream_slot *slot, enum upstream_verdict verdict,
                            const uint8_t *octets, size_t len);
/* Its socket failed; or its time is over, though it stays open for a late answer. */
void upstream_watch_failed(const struct upstream_exchange *exchange,
                           const struct upstream_slot *slot, int error);
void upstream_watch_overdue(const struct upstream_exchange *exchange,
                            const struct upstream_slot *slot);

#endif
