/* daemon/freshness.c - lists that expire while they are in force, or that the clock cannot
 * judge. */
#include "base/log.h"
#include "daemon/state.h"

static void say_clock(const struct policy_loaded_list *list, uint64_t now_s)
{
    const bool by_list = list->floor_s == list->created_s;
    char now[CLOCK_TEXT_MAX];
    char made[CLOCK_TEXT_MAX];

    clock_format_s(now_s, now);
    clock_format_s(list->floor_s, made);
    log_write(LOG_LEVEL_WARNING,
              "this machine's clock says %s, but %slist %s%s %s: set the clock. Until then the "
              "times in events are wrong, and no list is seen to expire",
              now, by_list ? "" : "when ", list->id,
              by_list ? " was made at" : ", or its catalogue, was looked at it was", made);
}

static void say(struct daemon *daemon, const struct policy_loaded_list *list,
                enum policy_freshness now, uint64_t now_s)
{
    switch (now) {
    case POLICY_STALE:
        log_write(LOG_LEVEL_WARNING,
                  "list %s has expired: it stays in force, but get a newer one", list->id);
        break;
    case POLICY_DEAD:
        log_write(LOG_LEVEL_ERROR,
                  "list %s is dead: it expired long ago, and trust.dead is %s; get a newer one",
                  list->id, config_dead_word(daemon->config->dead));
        break;
    case POLICY_CLOCK_UNTRUSTED:
        say_clock(list, now_s);
        break;
    case POLICY_FRESH:
        log_write(LOG_LEVEL_INFO, "list %s is in date", list->id);
        break;
    }
}

static void record(struct daemon *daemon, const struct policy_loaded_list *list,
                   enum policy_freshness now)
{
    const struct audit_list event = {
        .wall_us = clock_read().wall_us,
        .list = list->id,
        .state = policy_freshness_word(now),
        .publisher = list->publisher[0] != '\0' ? list->publisher : NULL,
        .serial = list->serial,
        .due_s = list->due_s,
        .policy = config_dead_word(daemon->config->dead),
    };

    if (daemon->changes.ring == NULL) {
        return;
    }
    if (!audit_list_put(daemon->changes.ring, &event)) {
        atomic_fetch_add_explicit(&daemon->changes.lost, 1, memory_order_relaxed);
    }
    if (daemon->writer != NULL) {
        audit_writer_wake(daemon->writer);
    }
}

/* Says once of each list that it has become stale or dead while we run, or cannot be judged. */
void freshness_look(struct daemon *daemon)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    const uint64_t now_s = clock_read().wall_us / 1000000;
    bool buried = false;

    for (size_t i = 0; i < snapshot->list_count; i++) {
        const struct policy_loaded_list *list = &snapshot->lists[i];
        const enum policy_freshness now = policy_freshness_of(list, now_s);

        if (now != daemon->freshness_said[i]) {
            say(daemon, list, now, now_s);
            record(daemon, list, now);
            buried |= (now == POLICY_DEAD) != (list->freshness == POLICY_DEAD);
        }
        daemon->freshness_said[i] = now;
    }
    /* What is done with dead lists is compiled into the policy. */
    if (buried && daemon->config->dead != CONFIG_DEAD_ENFORCE) {
        reload_request(daemon, RELOAD_FILES, NULL);
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
