#include "setup/schedules.h"

#include "base/calendar.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/invariant.h"
#include "config/defaults.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(CONFIG_WHEN_MAX <= POLICY_VARIANTS_MAX, "each line of when: is a variant");

static void fill_when(const struct config *config, const struct config_whens *from,
                      struct setup_when *to)
{
    for (size_t i = 0; i < from->count; i++) {
        size_t number = 0;

        while (number < config->schedule_count &&
               strcmp(config->schedules[number].name, from->at[i].schedule) != 0) {
            number++;
        }
        invariant(number < config->schedule_count); /* config/ has looked */
        to->schedules[to->count++] = (uint8_t)number;
    }
}

static int load_zone(const struct config_schedule *schedule, struct report *report,
                     struct zone **zone)
{
    const int rc = zone_load(CONFIG_ZONE_DIRECTORY, schedule->zone, zone);
    char place[CONFIG_VIEW_NAME_MAX + 32];

    if (rc == 0 || rc == -ENOMEM) {
        return rc;
    }
    snprintf(place, sizeof(place), "schedules.%s.zone", schedule->name);
    if (rc == CORDON_E_FORMAT) {
        report_add(
            report, REPORT_ERROR, place, 0, 0,
            "%s/%s is no file of a time zone, or one that counts leap seconds: name another "
            "zone, or install the package tzdata anew",
            CONFIG_ZONE_DIRECTORY, schedule->zone);
    } else {
        report_add(report, REPORT_ERROR, place, 0, 0,
                   "there is no time zone %s (%s/%s: %s): correct the name (they are as "
                   "Europe/Berlin), or install the package tzdata%s",
                   schedule->zone, CONFIG_ZONE_DIRECTORY, schedule->zone, cordon_strerror(rc),
                   rc == -EACCES ? "; if that was done while cordond ran, restart it" : "");
    }
    return CORDON_E_REFUSED;
}

int setup_schedules_make(const struct config *config, struct report *report,
                         struct setup_schedules **schedules)
{
    int rc = 0;

    *schedules = NULL;
    if (config->schedule_count == 0) {
        return 0;
    }
    struct setup_schedules *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->from = config->schedules;
    made->count = config->schedule_count;
    made->view_count = config->view_count + 1;
    /* All are looked at, so that the report has every fault. */
    for (size_t i = 0; i < made->count && rc != -ENOMEM; i++) {
        const int one = load_zone(&made->from[i], report, &made->zones[i]);
        rc = rc == 0 || one == -ENOMEM ? one : rc;
    }
    if (rc != 0) {
        setup_schedules_free(made);
        return rc;
    }
    for (size_t i = 0; i < made->view_count; i++) {
        const struct config_view *view = i > 0 ? &config->views[i - 1] : NULL;

        fill_when(config, view != NULL && view->has_when ? &view->when : &config->when,
                  &made->when[i]);
    }
    *schedules = made;
    return 0;
}

void setup_schedules_free(struct setup_schedules *schedules)
{
    for (size_t i = 0; schedules != NULL && i < schedules->count; i++) {
        zone_free(schedules->zones[i]);
    }
    free(schedules);
}

void setup_schedules_at(const struct setup_schedules *schedules, uint64_t now_s,
                        struct setup_moment *out)
{
    bool holds[CONFIG_SCHEDULES_MAX];

    memset(out, 0, sizeof(*out));
    out->from_s = now_s;
    out->until_s = UINT64_MAX;
    if (schedules == NULL) {
        return;
    }
    const int64_t now = now_s > (uint64_t)ZONE_MOMENT_MAX ? ZONE_MOMENT_MAX : (int64_t)now_s;
    for (size_t i = 0; i < schedules->count; i++) {
        const struct schedule *times = &schedules->from[i].times;
        int64_t next;

        holds[i] = schedule_holds(times, schedules->zones[i], now);
        (void)schedule_next(times, schedules->zones[i], now, &next);
        out->until_s = (uint64_t)next < out->until_s ? (uint64_t)next : out->until_s;
    }
    for (size_t view = 0; view < schedules->view_count; view++) {
        const struct setup_when *when = &schedules->when[view];

        for (uint8_t i = 0; i < when->count && out->variants[view] == 0; i++) {
            out->variants[view] = (uint8_t)(holds[when->schedules[i]] ? i + 1 : 0);
        }
    }
}

uint64_t setup_schedules_next(const struct setup_schedules *schedules, size_t number,
                              uint64_t now_s)
{
    const int64_t now = now_s > (uint64_t)ZONE_MOMENT_MAX ? ZONE_MOMENT_MAX : (int64_t)now_s;
    int64_t next;

    invariant(number < schedules->count);
    return schedule_next(&schedules->from[number].times, schedules->zones[number], now, &next)
               ? (uint64_t)next
               : 0;
}

static bool holds_now(const struct setup_schedules *schedules, size_t number, uint64_t now_s)
{
    const int64_t now = now_s > (uint64_t)ZONE_MOMENT_MAX ? ZONE_MOMENT_MAX : (int64_t)now_s;

    return schedule_holds(&schedules->from[number].times, schedules->zones[number], now);
}

void setup_schedules_warn(const struct setup_schedules *schedules, uint64_t now_s,
                          struct report *report)
{
    for (size_t i = 0; schedules != NULL && i < schedules->count; i++) {
        char place[CONFIG_VIEW_NAME_MAX + 32];

        if (!holds_now(schedules, i, now_s) && setup_schedules_next(schedules, i, now_s) == 0) {
            snprintf(place, sizeof(place), "schedules.%s", schedules->from[i].name);
            report_add(
                report, REPORT_WARNING, place, 0, 0,
                "does not hold in the next 400 days: are days, dates and except meant so? "
                "The first day of hours must be right by all three");
        }
    }
}

const char *setup_schedules_of(const struct setup_snapshot *snapshot, size_t view)
{
    const uint8_t variant = snapshot->moment.variants[view];

    return snapshot->schedules == NULL || variant == 0
               ? NULL
               : snapshot->schedules
                     ->from[snapshot->schedules->when[view].schedules[variant - 1]]
                     .name;
}

void setup_schedules_show(struct text *out, const struct setup_snapshot *snapshot,
                          uint64_t now_s)
{
    const struct setup_schedules *schedules = snapshot->schedules;

    json_array_begin(out, "schedules");
    for (size_t i = 0; schedules != NULL && i < schedules->count; i++) {
        const uint64_t next = setup_schedules_next(schedules, i, now_s);
        char text[CLOCK_TEXT_MAX];

        json_object_begin(out, NULL);
        json_string(out, "name", schedules->from[i].name);
        json_string(out, "zone", schedules->from[i].zone);
        json_bool(out, "holds", holds_now(schedules, i, now_s));
        clock_format_s(next, text);
        json_string(out, "changes", next != 0 ? text : NULL);
        json_object_end(out);
    }
    json_array_end(out);
}

/* "Mon 2026-11-23 06:30" by the clock of the zone. */
static void say_moment(struct text *out, const struct zone *zone, uint64_t moment_s)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    const struct schedule_shown shown = schedule_shown(zone, (int64_t)moment_s);
    const struct calendar_date date = calendar_date(shown.day);

    text_printf(out, "%s %04d-%02u-%02u %02u:%02u", days[calendar_weekday(shown.day)],
                (int)date.year, date.month, date.day, shown.second / 3600,
                shown.second / 60 % 60);
}

void setup_schedules_say(struct text *out, const struct setup_schedules *schedules,
                         size_t number, uint64_t now_s)
{
    const bool holds = holds_now(schedules, number, now_s);
    const uint64_t next = setup_schedules_next(schedules, number, now_s);

    text_printf(out, "%s: %s", schedules->from[number].name, holds ? "holds" : "does not hold");
    if (next != 0) {
        text_add(out, holds ? " until " : ", next from ");
        say_moment(out, schedules->zones[number], next);
        text_printf(out, " (%s)", schedules->from[number].zone);
    } else {
        text_printf(out, ", and that does not change (%s)", schedules->from[number].zone);
    }
}
