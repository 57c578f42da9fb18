/*
 * daemon/look.h - every few seconds the main thread looks whether something is odd that nobody
 * tells it of: the clock was set, the process stood still, the control socket could not be
 * opened.
 */
#ifndef CORDON_DAEMON_LOOK_H
#define CORDON_DAEMON_LOOK_H

#include "base/clock.h"

#include <stdbool.h>
#include <uv.h>

struct daemon;

struct look {
    uv_timer_t timer;
    struct clock_now last;
    bool control_short; /* the socket could not be opened for a while */
};

void look_init(struct daemon *daemon); /* the handle; the loop must be open */
void look_start(struct daemon *daemon);
void look_close(struct daemon *daemon);

/* By how many seconds the clock was set since the last look, forward (above 0) or back. */
int64_t look_jump_s(const struct clock_now *last, const struct clock_now *now);

#endif
