/*
 * query/trace.h - one question that is watched: which states it went through, when, and what
 * each of them did.
 *
 * A traced question is a real one: it takes the same way through the same states, waits for the
 * same upstreams, finds and leaves its answer in the same cache, and is kept back by the same
 * policy, so a blocked name leaks no more by a trace than by a question. But nobody is
 * answered: the answer ends up in the trace. It is nobody's question either: it is in no event,
 * no count of questions, no latency, no list of clients, and no limit of a client is charged
 * with it.
 */
#ifndef CORDON_QUERY_TRACE_H
#define CORDON_QUERY_TRACE_H

#include "base/address.h"
#include "query/limits.h"
#include "wire/limits.h"
#include "wire/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct query;
struct query_engine;

struct query_trace_line {
    uint64_t at_us;   /* since the question came */
    uint32_t took_us; /* of a step */
    uint8_t state;    /* enum query_state */
    bool step;        /* the state was entered; else something that happened in it */
    char words[QUERY_TRACE_WORDS];
};

struct query_trace {
    /* Filled by the caller. */
    uint64_t (*clock_us)(void *context); /* monotonic; read twice for each state */
    /* The question is over, and the trace is the caller's again. From within the engine: only
     * to be noted down. */
    void (*done)(void *context, struct query_trace *trace);
    void *context;
    int view; /* below 0: that of the client */

    /* The engine's until then. */
    struct query *q; /* NULL when it is over */
    uint64_t began_us, took_us;
    uint64_t generation; /* of the policy that decided last */
    uint8_t view_used;
    uint8_t rcode;
    bool answered; /* else it was dropped on purpose, or given up */
    bool blocked, cached;
    struct address upstream; /* family 0: none was asked */
    size_t count;
    bool cut; /* there was no room for more lines */
    struct query_trace_line lines[QUERY_TRACE_LINES];
    size_t answer_len;
    uint8_t answer[WIRE_MESSAGE_MAX];
};

/* As query_run(), watched. The trace is borrowed until done. */
void query_trace_run(struct query_engine *engine, struct query *q, struct query_trace *trace,
                     const uint8_t *msg, size_t len);

/* The name of a state, as the lines of a trace have it. */
const char *query_state_name(unsigned state);

#endif
