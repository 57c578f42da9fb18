/*
 * base/thread.h - starts a thread that takes no signal: those of the process are the main
 * thread's, and a broken pipe is an error code everywhere else. And waits that end, whoever
 * sets the clock meanwhile.
 */
#ifndef CORDON_BASE_THREAD_H
#define CORDON_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* name: what tools of the system show, at most 15 octets of it; NULL: that of who starts it. 0
 * or -errno; then there is nothing to join. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context);

/* Until then by clock_read().mono_us. False: it has not ended, and is still to be joined or
 * detached; somebody else holds the lock. */
bool thread_join_until(pthread_t thread, uint64_t until_us);
bool thread_lock_until(pthread_mutex_t *mutex, uint64_t until_us);

#endif
