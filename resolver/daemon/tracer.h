/*
 * daemon/tracer.h - traces of one worker: handed to it by the main thread, and back.
 *
 * A job is the main thread's until tracer_ask(), then the worker's until `over` is set; the
 * worker sends `reported` then. The worker begins a job between two callbacks, as it adopts a
 * snapshot, and waits for nobody.
 */
#ifndef CORDON_DAEMON_TRACER_H
#define CORDON_DAEMON_TRACER_H

#include "query/query.h"
#include "query/trace.h"

#include <stdatomic.h>
#include <uv.h>

#define TRACER_QUESTION_MAX 512u /* octets of a question with EDNS */

struct tracer;

struct tracer_job {
    /* Filled by the main thread: also trace.view. */
    struct query_client client; /* who is taken to ask */
    uint8_t question[TRACER_QUESTION_MAX];
    size_t question_len;
    /* The worker's. */
    _Atomic bool over;
    bool refused; /* there was no slot for it, or the worker is ending */
    struct tracer *tracer;
    struct tracer_job *next;
    struct query_trace trace;
};

struct tracer {
    struct query_engine *engine;
    uv_async_t *reported;
    _Atomic(struct tracer_job *) asked;
    struct tracer_job *running; /* the worker's */
};

/* Main thread. False: the worker has not begun the one before. */
bool tracer_ask(struct tracer *tracer, struct tracer_job *job);

/* Worker: begins what was asked for; and gives all back, as nothing goes on any more. */
void tracer_begin(struct tracer *tracer);
void tracer_end(struct tracer *tracer);

#endif
