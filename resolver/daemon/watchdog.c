#include "daemon/watchdog.h"

#include "base/log.h"
#include "daemon/notify.h"
#include "daemon/state.h"

#define TURNS_PER_PERIOD 4u

static void ask_all(struct daemon *daemon)
{
    for (unsigned w = 0; w < daemon->worker_count; w++) {
        worker_ask_turn(daemon->workers[w]);
    }
}

static void on_watchdog(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    unsigned silent = 0;

    for (unsigned w = 0; w < daemon->worker_count; w++) {
        if (!worker_has_turned(daemon->workers[w])) {
            silent++;
            if (!daemon->watchdog_said) {
                log_write(LOG_LEVEL_ERROR,
                          "worker %u does not turn its loop: the service manager is not told "
                          "that all is well, and will restart us if it stays so",
                          w);
            }
        }
    }
    if (silent == 0) {
        notify_manager("WATCHDOG=1");
    }
    daemon->watchdog_said = silent > 0;
    ask_all(daemon);
}

void watchdog_init(struct daemon *daemon)
{
    uv_timer_init(&daemon->loop, &daemon->watchdog);
    daemon->watchdog.data = daemon;
}

void watchdog_start(struct daemon *daemon)
{
    const uint64_t turn_ms = notify_watchdog_us() / 1000 / TURNS_PER_PERIOD;

    if (turn_ms > 0) {
        ask_all(daemon);
        uv_timer_start(&daemon->watchdog, on_watchdog, turn_ms, turn_ms);
    }
}

void watchdog_close(struct daemon *daemon)
{
    uv_close((uv_handle_t *)&daemon->watchdog, NULL);
}
