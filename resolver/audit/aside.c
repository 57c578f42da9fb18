#include "audit/aside.h"

#include "base/clock.h"
#include "base/invariant.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct audit_aside {
    pthread_t thread;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t given, done;
    audit_aside_job *job; /* NULL: none is under way */
    void *argument;
    bool stop, ended;
};

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
        pthread_cond_signal(&aside->done);
    }
    aside->ended = true;
    pthread_cond_signal(&aside->done);
    pthread_mutex_unlock(&aside->mutex);
    return NULL;
}

static int start_thread(struct audit_aside *aside)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    int rc = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (rc != 0) {
        return -rc;
    }
    rc = pthread_create(&aside->thread, NULL, run, aside);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        pthread_setname_np(aside->thread, "audit-disk");
    }
    return -rc;
}

static void deinit(struct audit_aside *aside)
{
    pthread_cond_destroy(&aside->done);
    pthread_cond_destroy(&aside->given);
    pthread_mutex_destroy(&aside->mutex);
    free(aside);
}

int audit_aside_start(struct audit_aside **aside)
{
    struct audit_aside *made = calloc(1, sizeof(*made));
    pthread_condattr_t monotonic;

    if (made == NULL) {
        return -ENOMEM;
    }
    pthread_mutex_init(&made->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&made->given, NULL);
    pthread_cond_init(&made->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    const int rc = start_thread(made);
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

bool audit_aside_is_done(struct audit_aside *aside)
{
    pthread_mutex_lock(&aside->mutex);
    const bool is_done = aside->job == NULL;
    pthread_mutex_unlock(&aside->mutex);
    return is_done;
}

/* Until no job is under way or, at the end, the thread has left its loop. */
static bool wait_for(struct audit_aside *aside, unsigned ms, bool end)
{
    const uint64_t until_us = clock_read().mono_us + ms * UINT64_C(1000);
    const struct timespec until = {.tv_sec = (time_t)(until_us / 1000000),
                                   .tv_nsec = (long)(until_us % 1000000) * 1000};
    int rc = 0;

    while (rc == 0 && (end ? !aside->ended : aside->job != NULL)) {
        rc = pthread_cond_timedwait(&aside->done, &aside->mutex, &until);
    }
    return end ? aside->ended : aside->job == NULL;
}

bool audit_aside_wait(struct audit_aside *aside, unsigned ms)
{
    pthread_mutex_lock(&aside->mutex);
    const bool is_done = wait_for(aside, ms, false);
    pthread_mutex_unlock(&aside->mutex);
    return is_done;
}

bool audit_aside_stop(struct audit_aside *aside, unsigned ms)
{
    pthread_mutex_lock(&aside->mutex);
    aside->stop = true;
    pthread_cond_signal(&aside->given);
    const bool ended = wait_for(aside, ms, true);
    pthread_mutex_unlock(&aside->mutex);
    if (!ended) {
        pthread_detach(aside->thread);
        return false;
    }
    pthread_join(aside->thread, NULL);
    deinit(aside);
    return true;
}
