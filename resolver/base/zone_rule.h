/*
 * base/zone_rule.h - the rule of a time zone, as POSIX writes it in TZ:
 * "CET-1CEST,M3.5.0,M10.5.0/3".
 *
 * With the extensions of RFC 9636 section 3.3.1: times from -167 to 167 hours. For base/zone.c.
 */
#ifndef CORDON_BASE_ZONE_RULE_H
#define CORDON_BASE_ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The day of a year when the clock changes, and when on that day. */
struct zone_turn {
    enum {
        ZONE_TURN_JULIAN, /* Jn: day 1 to 365, 29 February is not counted */
        ZONE_TURN_DAY,    /* n: day 0 to 365 */
        ZONE_TURN_WEEKDAY /* Mm.w.d: weekday d (0: Sunday) of week w (5: the last) of month m */
    } kind;
    unsigned month, week, day;
    int32_t time_s; /* by the clock that shows until then */
};

struct zone_rule {
    int32_t standard_s; /* ahead of UTC */
    bool has_summer;    /* the rest means something */
    int32_t summer_s;
    struct zone_turn begin, end; /* of summer time, which may be earlier than standard time */
};

/* False and *rule untouched if the text is none. */
bool zone_rule_parse(const char *text, size_t len, struct zone_rule *rule);

/* As zone_offset and zone_next, by the rule alone. */
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t moment);
bool zone_rule_next(const struct zone_rule *rule, int64_t moment, int64_t *next);

#endif
