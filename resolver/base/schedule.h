/*
 * base/schedule.h - times of day, days of the week and dates, by the clock on the wall of a
 * zone.
 *
 * Whether a schedule holds depends on what that clock and a calendar show and on nothing else.
 * So an hour that is skipped when clocks go forward does not exist, one that is repeated when
 * they go back counts twice, and a day that a place skips has no hours. Pure; any thread.
 */
#ifndef CORDON_BASE_SCHEDULE_H
#define CORDON_BASE_SCHEDULE_H

#include "base/zone.h"

/* Of a day: mornings, breaks, afternoons, evenings and to spare. */
#define SCHEDULE_SPANS_MAX 8u
/* Ranges of dates of one kind: the holidays of some years. */
#define SCHEDULE_DATES_MAX 64u

#define SCHEDULE_DAY_MINUTES 1440u
#define SCHEDULE_EVERY_DAY   0x7fu

/* How far ahead a change is looked for: a year and what makes it longer. */
#define SCHEDULE_HORIZON_S (INT64_C(400) * 86400)

/* Minutes since midnight as the clock shows them: from the first on, the second no more. from 0
 * to 1439, to from 0 to 1440. to before from: over midnight, and the hours after it belong to
 * the day before. They are never equal. */
struct schedule_span {
    uint16_t from, to;
};

/* Days since 1970 of the first and the last (base/calendar.h). */
struct schedule_dates {
    int64_t from, to;
};

struct schedule {
    uint8_t days; /* bit 0: Monday ... 6: Sunday */
    struct schedule_span spans[SCHEDULE_SPANS_MAX];
    size_t span_count; /* 0: the whole day */
    struct schedule_dates dates[SCHEDULE_DATES_MAX];
    size_t date_count;                             /* 0: every date */
    struct schedule_dates but[SCHEDULE_DATES_MAX]; /* not on these */
    size_t but_count;
};

/* What a clock shows. */
struct schedule_shown {
    int64_t day;     /* since 1970-01-01 */
    uint32_t second; /* of the day */
};
struct schedule_shown schedule_shown(const struct zone *zone, int64_t moment);

/* By what is shown; at a moment (as for zone_offset). */
bool schedule_holds_at(const struct schedule *schedule, struct schedule_shown shown);
bool schedule_holds(const struct schedule *schedule, const struct zone *zone, int64_t moment);

/* When that changes: true, and *next is the first moment after this one at which it is
 * otherwise. False: it is not before *next, the end of what is looked at. */
bool schedule_next(const struct schedule *schedule, const struct zone *zone, int64_t moment,
                   int64_t *next);

#endif
