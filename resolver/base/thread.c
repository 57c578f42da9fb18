#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NAME_OCTETS 15 /* pthread_setname_np(3) */

struct start {
    char name[NAME_OCTETS + 1];
    void *(*run)(void *);
    void *context;
};

/* It names itself: another thread would write a file of /proc, which the daemon's sandbox
 * denies.
 */
static void *begin(void *argument)
{
    struct start *start = argument;
    void *(*const run)(void *) = start->run;
    void *const context = start->context;

    if (start->name[0] != '\0') {
        (void)pthread_setname_np(pthread_self(), start->name);
    }
    free(start);
    return run(context);
}

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context)
{
    struct start *start = malloc(sizeof(*start));
    sigset_t all;
    sigset_t before;

    if (start == NULL) {
        return -ENOMEM;
    }
    snprintf(start->name, sizeof(start->name), "%.*s", NAME_OCTETS, name != NULL ? name : "");
    start->run = run;
    start->context = context;
    sigfillset(&all);
    int rc = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (rc == 0) {
        rc = pthread_create(thread, NULL, begin, start);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (rc != 0) {
        free(start);
    }
    return -rc;
}

static struct timespec time_of(uint64_t us)
{
    return (struct timespec){.tv_sec = (time_t)(us / 1000000),
                             .tv_nsec = (long)(us % 1000000 * 1000)};
}

bool thread_join_until(pthread_t thread, uint64_t until_us)
{
    const struct timespec until = time_of(until_us);

    return pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) == 0;
}

bool thread_lock_until(pthread_mutex_t *mutex, uint64_t until_us)
{
    const struct timespec until = time_of(until_us);

    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until) == 0;
}
