/* daemon/freshness.c - lists that expire while they are in force, or that the clock cannot
 * judge. */
#include "base/log.h"
#include "daemon/state.h"

static void say_clock(const struct policy_loaded_list *list, uint64_t now_s)
{
    char now[CLOCK_TEXT_MAX];
    char made[CLOCK_TEXT_MAX];

    clock_format_s(now_s, now);
    clock_format_s(list->created_s, made);
    log_write(LOG_LEVEL_WARNING,
              "this machine's clock says %s, but list %s was made at %s: set the clock. Until "
              "then the times in events are wrong, and no list is seen to expire",
              now, list->id, made);
}

/* Says once of each list that it has become stale while we run, or cannot be judged. */
void freshness_look(struct daemon *daemon)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    const uint64_t now_s = clock_read().wall_us / 1000000;

    for (size_t i = 0; i < snapshot->list_count; i++) {
        const struct policy_loaded_list *list = &snapshot->lists[i];
        const enum policy_freshness now =
            policy_freshness_at(list->created_s, list->expires_s, now_s);
        if (now == POLICY_STALE && daemon->freshness_said[i] != POLICY_STALE) {
            log_write(LOG_LEVEL_WARNING,
                      "list %s has expired: it stays in force, but get a newer one", list->id);
        }
        if (now == POLICY_CLOCK_UNTRUSTED &&
            daemon->freshness_said[i] != POLICY_CLOCK_UNTRUSTED) {
            say_clock(list, now_s);
        }
        if (now == POLICY_FRESH && daemon->freshness_said[i] != POLICY_FRESH) {
            log_write(LOG_LEVEL_INFO, "list %s is in date", list->id);
        }
        daemon->freshness_said[i] = now;
    }
}

static void on_freshness(uv_timer_t *timer)
{
    freshness_look(timer->data);
}

void freshness_start(struct daemon *daemon)
{
    on_freshness(&daemon->freshness);
    uv_timer_start(&daemon->freshness, on_freshness, DAEMON_FRESHNESS_MS, DAEMON_FRESHNESS_MS);
}
