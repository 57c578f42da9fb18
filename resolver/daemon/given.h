/*
 * daemon/given.h - connections of clients on their way to a worker: the main thread puts, the
 * worker takes.
 */
#ifndef CORDON_DAEMON_GIVEN_H
#define CORDON_DAEMON_GIVEN_H

#include "net/limits.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct given {
    pthread_mutex_t mutex; /* covers the rest */
    bool closed;
    size_t count;
    int fds[NET_TCP_CONNECTIONS_MAX]; /* all that a worker can have */
};

void given_init(struct given *given);
/* Owns fd from then on. False: there is no place, or nobody takes any more: it is closed. */
bool given_put(struct given *given, int fd);
/* The caller's from then on; -1: there is none. */
int given_take(struct given *given);
/* Closes what nobody took, and what comes later. */
void given_close(struct given *given);
void given_deinit(struct given *given);

#endif
