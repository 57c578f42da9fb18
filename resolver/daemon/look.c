#include "daemon/look.h"

#include "base/invariant.h"
#include "base/log.h"
#include "daemon/state.h"

#include <errno.h>
#include <inttypes.h>

#define US_PER_S UINT64_C(1000000)

int64_t look_jump_s(const struct clock_now *last, const struct clock_now *now)
{
    const int64_t wall_us = (int64_t)now->wall_us - (int64_t)last->wall_us;
    const int64_t mono_us = (int64_t)now->mono_us - (int64_t)last->mono_us;

    return (wall_us - mono_us) / (int64_t)US_PER_S;
}

static void look_at_clock(struct daemon *daemon, const struct clock_now *now)
{
    const int64_t jump_s = look_jump_s(&daemon->look.last, now);
    const uint64_t late_ms = (now->mono_us - daemon->look.last.mono_us) / 1000;
    char when[CLOCK_TEXT_MAX];

    if (late_ms > DAEMON_LOOK_MS + DAEMON_STOOD_MS) {
        log_write(LOG_LEVEL_WARNING,
                  "this process stood still for about %" PRIu64
                  " s: it was stopped, or the machine was paused or is overloaded. Questions "
                  "that came meanwhile are answered late",
                  (late_ms - DAEMON_LOOK_MS) / 1000);
    }
    if (jump_s >= DAEMON_JUMP_S || jump_s <= -DAEMON_JUMP_S) {
        clock_format(now->wall_us, when);
        log_write(LOG_LEVEL_WARNING,
                  "the clock of this machine was set %s by %" PRId64
                  " s and shows %s now, or the machine slept: lists are judged, and events "
                  "dated, by it. If it is wrong, set it (timedatectl). Answers are kept for as "
                  "long as before",
                  jump_s > 0 ? "forward" : "back", jump_s > 0 ? jump_s : -jump_s, when);
        freshness_look(daemon);
    }
}

static void look_at_control(struct daemon *daemon)
{
    if (!daemon->look.control_short) {
        return;
    }
    if (daemon->control == NULL && control_socket_try(daemon) == 0) {
        log_write(LOG_LEVEL_INFO, "the control socket %s is open now",
                  daemon->config->control_socket);
    }
    daemon->look.control_short = daemon->control == NULL;
}

static void on_look(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    const struct clock_now now = clock_read();

    invariant(daemon->magic == DAEMON_MAGIC);
    look_at_clock(daemon, &now);
    daemon->look.last = now;
    look_at_control(daemon);
    (void)claim_look(&daemon->claim);
    sending_look(daemon, now, false);
}

void look_init(struct daemon *daemon)
{
    uv_timer_init(&daemon->loop, &daemon->look.timer);
    daemon->look.timer.data = daemon;
}

void look_start(struct daemon *daemon)
{
    daemon->look.last = clock_read();
    on_look(&daemon->look.timer);
    uv_timer_start(&daemon->look.timer, on_look, DAEMON_LOOK_MS, DAEMON_LOOK_MS);
}

void look_close(struct daemon *daemon)
{
    uv_close((uv_handle_t *)&daemon->look.timer, NULL);
}
