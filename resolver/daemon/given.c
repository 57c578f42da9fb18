#include "daemon/given.h"

#include <unistd.h>

void given_init(struct given *given)
{
    pthread_mutex_init(&given->mutex, NULL);
    given->closed = false;
    given->count = 0;
}

bool given_put(struct given *given, int fd)
{
    pthread_mutex_lock(&given->mutex);
    const bool room = !given->closed && given->count < NET_TCP_CONNECTIONS_MAX;
    if (room) {
        given->fds[given->count++] = fd;
    }
    pthread_mutex_unlock(&given->mutex);
    if (!room) {
        close(fd);
    }
    return room;
}

int given_take(struct given *given)
{
    pthread_mutex_lock(&given->mutex);
    const int fd = given->count > 0 ? given->fds[--given->count] : -1;
    pthread_mutex_unlock(&given->mutex);
    return fd;
}

void given_close(struct given *given)
{
    pthread_mutex_lock(&given->mutex);
    given->closed = true;
    pthread_mutex_unlock(&given->mutex);
    for (int fd = given_take(given); fd >= 0; fd = given_take(given)) {
        close(fd);
    }
}

void given_deinit(struct given *given)
{
    given_close(given);
    pthread_mutex_destroy(&given->mutex);
}
