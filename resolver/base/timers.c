#include "base/timers.h"

#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>

/* A binary heap: no timer is later than the two at 2i + 1 and 2i + 2. A timer knows its own
 * place, so that disarming needs no search. */
struct timers {
    size_t count;
    size_t room;
    struct timer *heap[];
};

struct timers *timers_create(size_t count)
{
    size_t size = 0;

    if (__builtin_mul_overflow(count, sizeof(struct timer *), &size) ||
        __builtin_add_overflow(size, sizeof(struct timers), &size)) {
        return NULL;
    }
    struct timers *timers = malloc(size);
    if (timers != NULL) {
        timers->count = 0;
        timers->room = count;
    }
    return timers;
}

void timers_destroy(struct timers *timers)
{
    free(timers);
}

static void put(struct timers *timers, size_t at, struct timer *timer)
{
    timers->heap[at] = timer;
    timer->index = at + 1;
}

static void move_up(struct timers *timers, size_t at)
{
    struct timer *timer = timers->heap[at];

    while (at > 0 && timers->heap[(at - 1) / 2]->at_us > timer->at_us) {
        put(timers, at, timers->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(timers, at, timer);
}

static void move_down(struct timers *timers, size_t at)
{
    struct timer *timer = timers->heap[at];

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= timers->count) {
            break;
        }
        if (child + 1 < timers->count &&
            timers->heap[child + 1]->at_us < timers->heap[child]->at_us) {
            child++;
        }
        if (timers->heap[child]->at_us >= timer->at_us) {
            break;
        }
        put(timers, at, timers->heap[child]);
        at = child;
    }
    put(timers, at, timer);
}

/* Moves the timer at a place to where its time belongs. */
static void settle(struct timers *timers, size_t at)
{
    struct timer *timer = timers->heap[at];

    move_up(timers, at);
    move_down(timers, timer->index - 1);
}

static bool is_armed_here(const struct timers *timers, const struct timer *timer)
{
    return timer->index <= timers->count && timers->heap[timer->index - 1] == timer;
}

int timers_arm(struct timers *timers, struct timer *timer, uint64_t at_us)
{
    if (timer->index != 0) {
        invariant(is_armed_here(timers, timer));
        timer->at_us = at_us;
        settle(timers, timer->index - 1);
        return 0;
    }
    if (timers->count == timers->room) {
        return -ENOSPC;
    }
    timer->at_us = at_us;
    timers->heap[timers->count] = timer;
    move_up(timers, timers->count++);
    return 0;
}

void timers_disarm(struct timers *timers, struct timer *timer)
{
    if (timer->index == 0) {
        return;
    }
    invariant(is_armed_here(timers, timer));
    const size_t at = timer->index - 1;
    timer->index = 0;
    timers->count--;
    if (at < timers->count) {
        timers->heap[at] = timers->heap[timers->count];
        timers->heap[at]->index = at + 1;
        settle(timers, at);
    }
}

size_t timers_run(struct timers *timers, uint64_t now_us)
{
    const size_t most = timers->count;
    size_t fired = 0;

    while (fired < most && timers->count > 0 && timers->heap[0]->at_us <= now_us) {
        struct timer *timer = timers->heap[0];
        timers_disarm(timers, timer);
        fired++;
        timer->fire(timer, timer->context); /* the owner may free the timer in here */
    }
    return fired;
}

bool timers_next(const struct timers *timers, uint64_t *at_us)
{
    if (timers->count == 0) {
        return false;
    }
    *at_us = timers->heap[0]->at_us;
    return true;
}
