#include "daemon/tracer.h"

#include "base/clock.h"

static uint64_t clock_us(void *context)
{
    (void)context;
    return clock_read().mono_us;
}

static void give_back(struct tracer *tracer, struct tracer_job *job, bool refused)
{
    uv_async_t *reported = tracer->reported;

    job->refused = refused;
    atomic_store(&job->over, true); /* from here on it may be gone */
    uv_async_send(reported);
}

static void on_done(void *context, struct query_trace *trace)
{
    struct tracer_job *job = context;
    struct tracer *tracer = job->tracer;
    struct tracer_job **link = &tracer->running;

    (void)trace;
    while (*link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
    give_back(tracer, job, false);
}

bool tracer_ask(struct tracer *tracer, struct tracer_job *job)
{
    struct tracer_job *none = NULL;

    return atomic_compare_exchange_strong(&tracer->asked, &none, job);
}

void tracer_begin(struct tracer *tracer)
{
    struct tracer_job *job = atomic_exchange(&tracer->asked, NULL);
    struct query *q;

    if (job == NULL) {
        return;
    }
    q = query_take(tracer->engine);
    if (q == NULL) {
        give_back(tracer, job, true);
        return;
    }
    *query_client_of(q) = job->client;
    job->tracer = tracer;
    job->next = tracer->running;
    tracer->running = job;
    job->trace.clock_us = clock_us;
    job->trace.done = on_done;
    job->trace.context = job;
    query_trace_run(tracer->engine, q, &job->trace, job->question, job->question_len);
}

void tracer_end(struct tracer *tracer)
{
    struct tracer_job *job = atomic_exchange(&tracer->asked, NULL);

    if (job != NULL) {
        give_back(tracer, job, true);
    }
    while (tracer->running != NULL) {
        query_abandon(tracer->engine, tracer->running->trace.q);
    }
}
