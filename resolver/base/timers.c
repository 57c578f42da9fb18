#include "base/timers.h"

#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>

/* The time stands beside the timer, which is elsewhere in memory: comparing touches the heap
 * alone. */
struct entry {
    uint64_t at_us;
    struct timer *timer;
};

/* A binary heap: no timer is later than the two at 2i + 1 and 2i + 2. A timer knows its own
 * place, so that disarming needs no search. */
struct timers {
    size_t count;
    size_t room;
    struct entry heap[];
};

struct timers *timers_create(size_t count)
{
    size_t size = 0;

    if (__builtin_mul_overflow(count, sizeof(struct entry), &size) ||
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

static void put(struct timers *timers, size_t at, struct entry entry)
{
    timers->heap[at] = entry;
    entry.timer->index = at + 1;
}

/* Both put an entry where it belongs, beginning at a place that is free: towards the root, or
 * away from it. */
static void put_up(struct timers *timers, size_t at, struct entry entry)
{
    while (at > 0 && timers->heap[(at - 1) / 2].at_us > entry.at_us) {
        put(timers, at, timers->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(timers, at, entry);
}

static void put_down(struct timers *timers, size_t at, struct entry entry)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= timers->count) {
            break;
        }
        if (child + 1 < timers->count &&
            timers->heap[child + 1].at_us < timers->heap[child].at_us) {
            child++;
        }
        if (timers->heap[child].at_us >= entry.at_us) {
            break;
        }
        put(timers, at, timers->heap[child]);
        at = child;
    }
    put(timers, at, entry);
}

/* Puts it where its time belongs; the place is free. */
static void settle(struct timers *timers, size_t at, struct entry entry)
{
    if (at > 0 && timers->heap[(at - 1) / 2].at_us > entry.at_us) {
        put_up(timers, at, entry);
    } else {
        put_down(timers, at, entry);
    }
}

static bool is_armed_here(const struct timers *timers, const struct timer *timer)
{
    return timer->index <= timers->count && timers->heap[timer->index - 1].timer == timer;
}

int timers_arm(struct timers *timers, struct timer *timer, uint64_t at_us)
{
    if (timer->index != 0) {
        invariant(is_armed_here(timers, timer));
        if (timer->at_us != at_us) {
            timer->at_us = at_us;
            settle(timers, timer->index - 1, (struct entry){at_us, timer});
        }
        return 0;
    }
    if (timers->count == timers->room) {
        return -ENOSPC;
    }
    timer->at_us = at_us;
    timers->count++;
    put_up(timers, timers->count - 1, (struct entry){at_us, timer});
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
        settle(timers, at, timers->heap[timers->count]);
    }
}

size_t timers_run(struct timers *timers, uint64_t now_us)
{
    const size_t most = timers->count;
    size_t fired = 0;

    while (fired < most && timers->count > 0 && timers->heap[0].at_us <= now_us) {
        struct timer *timer = timers->heap[0].timer;
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
    *at_us = timers->heap[0].at_us;
    return true;
}
