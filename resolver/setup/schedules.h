/*
 * setup/schedules.h - which schedules hold, and what each view says then.
 *
 * Schedules and their zones are read with the rest of a snapshot and are immutable. A view has
 * variants, one for each line of its `when:`, and the first whose schedule holds is in force;
 * 0: none, the view is as it is without them (policy_view_setting).
 */
#ifndef CORDON_SETUP_SCHEDULES_H
#define CORDON_SETUP_SCHEDULES_H

#include "base/text.h"
#include "config/config.h"
#include "policy/limits.h"
#include "setup/setup.h"

struct setup_schedules {
    const struct config_schedule *from; /* those of the config, which is borrowed */
    struct zone *zones[CONFIG_SCHEDULES_MAX];
    size_t count;
    struct setup_when {
        uint8_t schedules[CONFIG_WHEN_MAX]; /* by variant, from 1 */
        uint8_t count;
    } when[POLICY_VIEWS_MAX];
    size_t view_count;
};

/* Reads the zones. NULL: there are no schedules. 0; -ENOMEM; CORDON_E_REFUSED with everything
 * in the report: a zone that is not there. */
int setup_schedules_make(const struct config *config, struct report *report,
                         struct setup_schedules **schedules);
void setup_schedules_free(struct setup_schedules *schedules); /* NULL is fine */

/* What is in force at a moment, wall clock. schedules NULL: no variant, for ever. */
void setup_schedules_at(const struct setup_schedules *schedules, uint64_t now_s,
                        struct setup_moment *out);

/* The schedule that makes a view what it is in a snapshot; NULL: none. */
const char *setup_schedules_of(const struct setup_snapshot *snapshot, size_t view);
/* Tells of those that will not hold: days that contradict dates, or dates that are over. */
void setup_schedules_warn(const struct setup_schedules *schedules, uint64_t now_s,
                          struct report *report);
/* When one changes: seconds; 0: not within the next 400 days. */
uint64_t setup_schedules_next(const struct setup_schedules *schedules, size_t number,
                              uint64_t now_s);

/* What holds now, and when it changes: "schedules":[...] (docs/control.md); and one in a line
 * for people, for number from 0 to before their count. */
void setup_schedules_show(struct text *out, const struct setup_snapshot *snapshot,
                          uint64_t now_s);
void setup_schedules_say(struct text *out, const struct setup_schedules *schedules,
                         size_t number, uint64_t now_s);

#endif
