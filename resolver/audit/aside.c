#include "audit/aside.h"

#include "base/clock.h"
#include "base/invariant.h"
#include "base/thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct audit_aside {
    pthread_t thread;
    int changed;           /* eventfd: a job is done, or the thread has ended */
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t given;
    audit_aside_job *job; /* NULL: none is under way */
    void *argument;
    bool stop, ended;
};

/* It can only fail when the counter is full, and then there is a signal. */
static void tell(const struct audit_aside *aside)
{
    const uint64_t one = 1;
    const ssize_t put = write(aside->changed, &one, sizeof(one));

    (void)put;
}

static void *run(void *context)
{
    struct audit_aside *aside = context;

    pthread_mutex_lock(&aside->mutex);
    while (!aside->stop || aside->job != NULL) {
        if (aside->job == NULL) {
            pthread_cond_wait(&aside->given, &aside->mutex);
            continue;
        }
        audit_aside_job *const job = aside->job;
        void *const argument = aside->argument;
        pthread_mutex_unlock(&aside->mutex);
        job(argument);
        pthread_mutex_lock(&aside->mutex);
        aside->job = NULL;
        tell(aside);
    }
    aside->ended = true;
    tell(aside);
    pthread_mutex_unlock(&aside->mutex);
    return NULL;
}

static void deinit(struct audit_aside *aside)
{
    close(aside->changed);
    pthread_cond_destroy(&aside->given);
    pthread_mutex_destroy(&aside->mutex);
    free(aside);
}

int audit_aside_start(struct audit_aside **aside, const char *name)
{
    struct audit_aside *made = calloc(1, sizeof(*made));

    if (made == NULL) {
        return -ENOMEM;
    }
    made->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made->changed < 0) {
        const int error = -errno;
        free(made);
        return error;
    }
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->given, NULL);
    const int rc = thread_start(&made->thread, name, run, made);
    if (rc != 0) {
        deinit(made);
        return rc;
    }
    *aside = made;
    return 0;
}

void audit_aside_begin(struct audit_aside *aside, audit_aside_job *job, void *argument)
{
    pthread_mutex_lock(&aside->mutex);
    invariant(aside->job == NULL);
    aside->job = job;
    aside->argument = argument;
    pthread_cond_signal(&aside->given);
    pthread_mutex_unlock(&aside->mutex);
}

static bool is_reached(struct audit_aside *aside, bool end)
{
    pthread_mutex_lock(&aside->mutex);
    const bool reached = end ? aside->ended : aside->job == NULL;
    pthread_mutex_unlock(&aside->mutex);
    return reached;
}

/* Until no job is under way or, at the end, the thread has left its loop. Times of poll(2) are
 * spans: a clock that is set does not change them. */
static bool wait_for(struct audit_aside *aside, unsigned ms, bool end)
{
    const uint64_t until_us = clock_read().mono_us + ms * UINT64_C(1000);
    struct pollfd changed = {.fd = aside->changed, .events = POLLIN};

    for (;;) {
        const uint64_t now_us = clock_read().mono_us;
        uint64_t times;

        if (is_reached(aside, end)) {
            return true;
        }
        if (now_us >= until_us) {
            return false;
        }
        if (poll(&changed, 1, (int)((until_us - now_us + 999) / 1000)) == 1 &&
            read(aside->changed, &times, sizeof(times)) != (ssize_t)sizeof(times)) {
            return is_reached(aside, end); /* it was readable, and this thread alone reads */
        }
    }
}

bool audit_aside_is_done(struct audit_aside *aside)
{
    return is_reached(aside, false);
}

bool audit_aside_wait(struct audit_aside *aside, unsigned ms)
{
    return wait_for(aside, ms, false);
}

bool audit_aside_stop(struct audit_aside *aside, unsigned ms)
{
    pthread_mutex_lock(&aside->mutex);
    aside->stop = true;
    pthread_cond_signal(&aside->given);
    pthread_mutex_unlock(&aside->mutex);
    if (!wait_for(aside, ms, true)) {
        pthread_detach(aside->thread);
        return false;
    }
    pthread_join(aside->thread, NULL);
    deinit(aside);
    return true;
}
