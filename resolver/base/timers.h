/*
 * base/timers.h - deadlines of one thread, in a binary heap. The caller says what time it is.
 *
 * A worker arms one system timer for timers_next(); tests move a virtual clock.
 */
#ifndef CORDON_BASE_TIMERS_H
#define CORDON_BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timers; /* opaque */

/* Embedded by its owner; zero-initialised means not armed. */
struct timer {
    uint64_t at_us;                                   /* monotonic microseconds */
    size_t index;                                     /* place in the heap + 1; 0: not armed */
    void (*fire)(struct timer *timer, void *context); /* context: the owner's */
    void *context;
};

/* Room for at most count armed timers, made at once. NULL if out of memory. */
struct timers *timers_create(size_t count);
void timers_destroy(struct timers *timers);

/* Arms (or re-arms) for at_us. -ENOSPC if count timers are armed already. */
int timers_arm(struct timers *timers, struct timer *timer, uint64_t at_us);
void timers_disarm(struct timers *timers, struct timer *timer); /* not armed: fine */

/* Fires, in order of time, every timer that is due at now_us; a timer may arm and disarm
 * others, itself included. At most as many as were armed at the call, so that it ends.
 * Returns how many fired. */
size_t timers_run(struct timers *timers, uint64_t now_us);

/* True and the earliest time, or false if none is armed. */
bool timers_next(const struct timers *timers, uint64_t *at_us);

#endif
