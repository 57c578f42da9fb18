#include "base/schedule.h"

#include "base/calendar.h"

#define DAY_S ((uint32_t)CALENDAR_DAY_S)

struct schedule_shown schedule_shown(const struct zone *zone, int64_t moment)
{
    const int64_t local = moment + zone_offset(zone, moment);
    const int64_t day = calendar_day_of(local);

    return (struct schedule_shown){day, (uint32_t)(local - day * CALENDAR_DAY_S)};
}

static bool is_in(const struct schedule_dates *dates, size_t count, int64_t day)
{
    for (size_t i = 0; i < count; i++) {
        if (day >= dates[i].from && day <= dates[i].to) {
            return true;
        }
    }
    return false;
}

/* Whether hours that begin on a day are meant. */
static bool has_day(const struct schedule *schedule, int64_t day)
{
    return (schedule->days >> calendar_weekday(day) & 1) != 0 &&
           (schedule->date_count == 0 || is_in(schedule->dates, schedule->date_count, day)) &&
           !is_in(schedule->but, schedule->but_count, day);
}

bool schedule_holds_at(const struct schedule *schedule, struct schedule_shown shown)
{
    const uint32_t minute = shown.second / 60;
    const bool today = has_day(schedule, shown.day);
    bool holds = schedule->span_count == 0 && today;

    for (size_t i = 0; i < schedule->span_count && !holds; i++) {
        const struct schedule_span *span = &schedule->spans[i];

        if (span->from < span->to) {
            holds = today && minute >= span->from && minute < span->to;
        } else {
            holds = (today && minute >= span->from) ||
                    (minute < span->to && has_day(schedule, shown.day - 1));
        }
    }
    return holds;
}

bool schedule_holds(const struct schedule *schedule, const struct zone *zone, int64_t moment)
{
    return schedule_holds_at(schedule, schedule_shown(zone, moment));
}

/* The first second of the day after this one where something may change; the next day's first
 * at the latest. */
static uint32_t next_edge(const struct schedule *schedule, uint32_t second)
{
    uint32_t edge = DAY_S;

    for (size_t i = 0; i < schedule->span_count; i++) {
        const uint32_t from = schedule->spans[i].from * 60u;
        const uint32_t to = schedule->spans[i].to * 60u;

        edge = from > second && from < edge ? from : edge;
        edge = to > second && to < edge ? to : edge;
    }
    return edge;
}

bool schedule_next(const struct schedule *schedule, const struct zone *zone, int64_t moment,
                   int64_t *next)
{
    const bool now = schedule_holds(schedule, zone, moment);
    int64_t turn = moment; /* the zone's next transition, once it is known */
    int64_t at = moment;

    while (at - moment < SCHEDULE_HORIZON_S) {
        const struct schedule_shown shown = schedule_shown(zone, at);

        if (schedule_holds_at(schedule, shown) != now) {
            *next = at;
            return true;
        }
        if (turn <= at && !zone_next(zone, at, &turn)) {
            turn = INT64_MAX;
        }
        const int64_t edge = at + (int64_t)(next_edge(schedule, shown.second) - shown.second);
        at = edge < turn ? edge : turn;
    }
    *next = at;
    return false;
}
