/*
 * query/loop.h - questions of ours that come back: a forwarding loop.
 *
 * The housekeeping thread asks each upstream now and then for a name that nobody else can know,
 * TOKEN.cordon-loop-check.internal. If a worker is asked for it, that upstream asks us,
 * directly or by way of others. The name says nothing of this machine and lives for one round;
 * internal is set aside for private use, so nobody's zone is bothered. Other kinds of
 * forwarders pass it on, which an EDNS option would not survive. Tokens are written by one
 * thread, read by all workers.
 */
#ifndef CORDON_QUERY_LOOP_H
#define CORDON_QUERY_LOOP_H

#include "wire/name.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define QUERY_LOOP_TOKENS 32u /* one for each upstream that there may be: bits of seen */

struct query_loop {
    _Atomic uint64_t tokens[QUERY_LOOP_TOKENS]; /* of this round; 0: none */
    _Atomic uint32_t seen;                      /* a bit for each that came back */
};

/* The name that is asked for. */
void query_loop_name(uint64_t token, struct wire_name *name);

/* hot. True if the name is one of ours: its bit is set. Nearly always one comparison. */
bool query_loop_is_ours(struct query_loop *loop, const struct wire_name *name);

#endif
