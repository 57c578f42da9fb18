#include "base/zone_rule.h"

#include "base/calendar.h"

#include <string.h>

#define HOUR_S        3600
#define OFFSET_H_MAX  24  /* of a zone */
#define TIME_H_MAX    167 /* of a turn: a week less an hour, either way */
#define TURN_STANDARD (2 * HOUR_S)

/* What is left of the text. */
struct cursor {
    const char *at, *end;
};

static bool take(struct cursor *in, char wanted)
{
    if (in->at == in->end || *in->at != wanted) {
        return false;
    }
    in->at++;
    return true;
}

static bool is_digit(const struct cursor *in)
{
    return in->at < in->end && *in->at >= '0' && *in->at <= '9';
}

/* One to three digits, from low to high. */
static bool take_number(struct cursor *in, unsigned low, unsigned high, unsigned *out)
{
    unsigned value = 0;
    unsigned digits = 0;

    while (is_digit(in) && digits < 3) {
        value = value * 10 + (unsigned)(*in->at++ - '0');
        digits++;
    }
    *out = value;
    return digits > 0 && !is_digit(in) && value >= low && value <= high;
}

/* "CET", or "<+01>". */
static bool take_name(struct cursor *in)
{
    const char *from = in->at;

    if (take(in, '<')) {
        from = in->at;
        while (in->at < in->end && *in->at != '>') {
            in->at++;
        }
        return in->at - from >= 3 && take(in, '>');
    }
    while (in->at < in->end &&
           ((*in->at >= 'A' && *in->at <= 'Z') || (*in->at >= 'a' && *in->at <= 'z'))) {
        in->at++;
    }
    return in->at - from >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct cursor *in, unsigned most, int32_t *out)
{
    const bool minus = take(in, '-');
    unsigned hours;
    unsigned minutes = 0;
    unsigned seconds = 0;

    if (!minus) {
        (void)take(in, '+');
    }
    if (!take_number(in, 0, most, &hours) ||
        (take(in, ':') && (!take_number(in, 0, 59, &minutes) ||
                           (take(in, ':') && !take_number(in, 0, 59, &seconds))))) {
        return false;
    }
    *out = (int32_t)(hours * HOUR_S + minutes * 60 + seconds) * (minus ? -1 : 1);
    return true;
}

static bool take_turn(struct cursor *in, struct zone_turn *turn)
{
    *turn = (struct zone_turn){.kind = ZONE_TURN_DAY, .time_s = TURN_STANDARD};
    if (take(in, 'J')) {
        turn->kind = ZONE_TURN_JULIAN;
        if (!take_number(in, 1, 365, &turn->day)) {
            return false;
        }
    } else if (take(in, 'M')) {
        turn->kind = ZONE_TURN_WEEKDAY;
        if (!take_number(in, 1, 12, &turn->month) || !take(in, '.') ||
            !take_number(in, 1, 5, &turn->week) || !take(in, '.') ||
            !take_number(in, 0, 6, &turn->day)) {
            return false;
        }
    } else if (!take_number(in, 0, 365, &turn->day)) {
        return false;
    }
    return !take(in, '/') || take_time(in, TIME_H_MAX, &turn->time_s);
}

bool zone_rule_parse(const char *text, size_t len, struct zone_rule *rule)
{
    struct cursor in = {text, text + len};
    struct zone_rule made = {.has_summer = false};
    int32_t west;

    if (!take_name(&in) || !take_time(&in, OFFSET_H_MAX, &west)) {
        return false;
    }
    made.standard_s = -west;
    if (in.at < in.end) {
        made.has_summer = true;
        made.summer_s = made.standard_s + HOUR_S;
        if (!take_name(&in)) {
            return false;
        }
        if (in.at < in.end && *in.at != ',') {
            if (!take_time(&in, OFFSET_H_MAX, &west)) {
                return false;
            }
            made.summer_s = -west;
        }
        /* Without turns it would be for each system to say when they are. */
        if (!take(&in, ',') || !take_turn(&in, &made.begin) || !take(&in, ',') ||
            !take_turn(&in, &made.end) || in.at != in.end) {
            return false;
        }
    }
    *rule = made;
    return true;
}

static int64_t day_of_turn(const struct zone_turn *turn, int64_t year)
{
    const int64_t new_year = calendar_day(year, 1, 1);

    switch (turn->kind) {
    case ZONE_TURN_JULIAN:
        /* Day 60 is the first of March in every year. */
        return new_year + turn->day - 1 + (calendar_is_leap(year) && turn->day >= 60 ? 1 : 0);
    case ZONE_TURN_DAY:
        return new_year + turn->day;
    case ZONE_TURN_WEEKDAY:
        break;
    }
    const int64_t first = calendar_day(year, turn->month, 1);
    const unsigned wanted = (turn->day + 6) % 7; /* from Monday */
    unsigned in_month = (wanted + 7 - calendar_weekday(first)) % 7 + 7 * (turn->week - 1);

    while (in_month >= calendar_days_in_month(year, turn->month)) {
        in_month -= 7; /* week 5 is the last */
    }
    return first + in_month;
}

/* The moment of a turn; shown_s: how far the clock that shows until then is ahead of UTC. */
static int64_t moment_of(const struct zone_turn *turn, int64_t year, int32_t shown_s)
{
    return day_of_turn(turn, year) * CALENDAR_DAY_S + turn->time_s - shown_s;
}

/* Years around a moment: a turn can lie a week and a day beside the day that it is named for.
 */
static int64_t year_before(const struct zone_rule *rule, int64_t moment)
{
    return calendar_date(calendar_day_of(moment + rule->standard_s)).year - 1;
}

int32_t zone_rule_offset(const struct zone_rule *rule, int64_t moment)
{
    int64_t last = INT64_MIN;
    bool summer = false;

    if (!rule->has_summer) {
        return rule->standard_s;
    }
    const int64_t year = year_before(rule, moment);
    for (int64_t i = year; i <= year + 2; i++) {
        const int64_t begin = moment_of(&rule->begin, i, rule->standard_s);
        const int64_t end = moment_of(&rule->end, i, rule->summer_s);

        /* Summer time all year ends in the moment in which that of the next year begins. */
        if (begin <= moment && begin >= last) {
            last = begin;
            summer = true;
        }
        if (end <= moment && end > last) {
            last = end;
            summer = false;
        }
    }
    return summer ? rule->summer_s : rule->standard_s;
}

bool zone_rule_next(const struct zone_rule *rule, int64_t moment, int64_t *next)
{
    int64_t found = INT64_MAX;

    if (!rule->has_summer) {
        return false;
    }
    const int64_t year = year_before(rule, moment);
    for (int64_t i = year; i <= year + 3; i++) {
        const int64_t begin = moment_of(&rule->begin, i, rule->standard_s);
        const int64_t end = moment_of(&rule->end, i, rule->summer_s);

        found = begin > moment && begin < found ? begin : found;
        found = end > moment && end < found ? end : found;
    }
    *next = found;
    return found != INT64_MAX;
}
