/*
 * base/thread.h - starts a thread that takes no signal: those of the process are the main
 * thread's, and a broken pipe is an error code everywhere else.
 */
#ifndef CORDON_BASE_THREAD_H
#define CORDON_BASE_THREAD_H

#include <pthread.h>

/* name: what tools of the system show, at most 15 octets of it; NULL: that of who starts it. 0
 * or -errno; then there is nothing to join. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context);

#endif
