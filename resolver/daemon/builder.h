/*
 * daemon/builder.h - work that takes long and must not be felt: verifying and compiling lists.
 *
 * One job at a time, on a thread that is made for it and ends with it: at nice 10, in the
 * scheduling class for batches (sched(7)), and so, since nothing else is said, at a low
 * priority for disks (ioprio_set(2): best effort, 6 of 7). Beside a worker that never sleeps on
 * the same processor it gets about a tenth of it; on an idle one all of it. Not less: with nice
 * 19 it would be 1.5 %, and a flood would keep new lists of a million rules away for minutes. A
 * thread of its own, since nobody but root may go back to a higher priority, and a thread of
 * libuv's pool has other work to do later.
 */
#ifndef CORDON_DAEMON_BUILDER_H
#define CORDON_DAEMON_BUILDER_H

#include <stdbool.h>
#include <uv.h>

#define BUILDER_NICE   10
#define BUILDER_THREAD "builder" /* its name, in /proc/PID/task/TID/comm */

struct builder {
    uv_thread_t thread;
    uv_async_t ended;
    bool running, closing;
    void (*job)(void *context);  /* on the thread */
    void (*done)(void *context); /* on the loop's, after it */
    void *context;
};

/* 0 or -errno; on a loop that has an async handle already it cannot fail. */
int builder_init(struct builder *builder, uv_loop_t *loop);
/* None may run. 0, or -errno: then nothing was begun. */
int builder_run(struct builder *builder, void (*job)(void *context),
                void (*done)(void *context), void *context);
/* Closes the handle, once a job that runs has come to its end: the loop runs until then. */
void builder_close(struct builder *builder);

#endif
