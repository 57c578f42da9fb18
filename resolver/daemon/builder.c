#include "daemon/builder.h"

#include "base/invariant.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

/* Of this thread alone: on Linux both calls are about threads. What the system does not let us
 * do leaves it at the usual priority. */
static void step_back(void)
{
    const struct sched_param none = {0};

    (void)sched_setscheduler(0, SCHED_BATCH, &none);
    (void)setpriority(PRIO_PROCESS, 0, BUILDER_NICE);
}

static void thread_main(void *context)
{
    struct builder *builder = context;

    (void)pthread_setname_np(pthread_self(), BUILDER_THREAD);
    step_back();
    builder->job(builder->context);
    invariant(uv_async_send(&builder->ended) == 0);
}

static void on_ended(uv_async_t *ended)
{
    struct builder *builder = ended->data;

    invariant(builder->running);
    invariant(uv_thread_join(&builder->thread) == 0);
    builder->running = false;
    if (builder->closing) {
        uv_close((uv_handle_t *)&builder->ended, NULL);
    }
    builder->done(builder->context);
}

int builder_init(struct builder *builder, uv_loop_t *loop)
{
    *builder = (struct builder){0};
    builder->ended.data = builder;
    return uv_async_init(loop, &builder->ended, on_ended);
}

int builder_run(struct builder *builder, void (*job)(void *context),
                void (*done)(void *context), void *context)
{
    sigset_t all;
    sigset_t before;

    invariant(!builder->running && !builder->closing);
    builder->job = job;
    builder->done = done;
    builder->context = context;
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const int rc = uv_thread_create(&builder->thread, thread_main, builder);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    builder->running = rc == 0;
    return rc;
}

void builder_close(struct builder *builder)
{
    builder->closing = true;
    if (!builder->running) {
        uv_close((uv_handle_t *)&builder->ended, NULL);
    }
}
