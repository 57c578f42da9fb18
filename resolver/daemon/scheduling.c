#include "daemon/scheduling.h"

#include "base/log.h"
#include "daemon/state.h"
#include "setup/schedules.h"
#include "setup/views.h"

#include <string.h>

bool scheduling_is_due(struct daemon *daemon, struct clock_now now)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    struct scheduling *scheduling = &daemon->scheduling;
    const uint64_t now_s = now.wall_us / 1000000;

    if (snapshot->schedules == NULL ||
        (policy_generation(snapshot->policy) == scheduling->generation &&
         now_s >= scheduling->moment.from_s && now_s < scheduling->moment.until_s)) {
        return false;
    }
    scheduling->generation = policy_generation(snapshot->policy);
    setup_schedules_at(snapshot->schedules, now_s, &scheduling->moment);
    return memcmp(scheduling->moment.variants, snapshot->moment.variants,
                  sizeof(snapshot->moment.variants)) != 0;
}

/* The schedule of the view of this name; NULL: none holds, or there is no such view. */
static const char *schedule_named(const struct setup_snapshot *snapshot, const char *view)
{
    for (size_t i = 0; i < snapshot->view_count; i++) {
        if (strcmp(snapshot->shown[i].name, view) == 0) {
            return setup_schedules_of(snapshot, i);
        }
    }
    return NULL;
}

static void record(struct daemon *daemon, const struct setup_snapshot *after, size_t view,
                   const char *was, const char *is)
{
    const struct setup_view_now now = setup_views_now(after, view);
    const struct audit_schedule change = {
        .wall_us = clock_read().wall_us,
        .view = after->shown[view].name,
        .was = was,
        .is = is,
        .log_only = now.log_only,
        .deny = now.deny,
        .action = now.action,
    };

    log_write(LOG_LEVEL_INFO, "view %s: %s%s: mode %s, action %s, default %s", change.view,
              is != NULL ? "by schedule " : "no schedule holds", is != NULL ? is : "",
              now.log_only ? "log" : "enforce", now.action, now.deny ? "deny" : "allow");
    if (!audit_schedule_put(daemon->changes.ring, &change)) {
        atomic_fetch_add_explicit(&daemon->changes.lost, 1, memory_order_relaxed);
    }
}

void scheduling_record(struct daemon *daemon, const struct setup_snapshot *before,
                       const struct setup_snapshot *after)
{
    for (size_t i = 0; i < after->view_count; i++) {
        const char *was = schedule_named(before, after->shown[i].name);
        const char *is = setup_schedules_of(after, i);

        if ((was == NULL) != (is == NULL) || (was != NULL && strcmp(was, is) != 0)) {
            record(daemon, after, i, was, is);
        }
    }
}
