/*
 * base/clock.h - the only door to the system's clocks. Everything else is told the time.
 */
#ifndef CORDON_BASE_CLOCK_H
#define CORDON_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* One reading of both clocks. Tests make their own. */
struct clock_now {
    uint64_t mono_us; /* microseconds, monotonic: for deadlines, ages and latency */
    uint64_t wall_us; /* microseconds since 1970-01-01 UTC: for records and expiry */
};

/* Reads both clocks. Any thread. */
struct clock_now clock_read(void);

#define CLOCK_TEXT_MAX 32

/* Writes wall_us as "2026-11-22T09:30:00.123456Z" (RFC 3339, UTC). Returns the length.
 * Later than the year 9999, which RFC 3339 cannot write, becomes its last moment. */
size_t clock_format(uint64_t wall_us, char out[CLOCK_TEXT_MAX]);

/* The same without the fraction: "2026-11-22T09:30:00Z". Returns the length. */
size_t clock_format_s(uint64_t wall_s, char out[CLOCK_TEXT_MAX]);

/*
 * Reads "2026-11-22" or "2026-11-22T09:30:00Z" (proleptic Gregorian, years 1970 to 9999;
 * no leap second) into seconds since 1970. 0, or CORDON_E_FORMAT with *wall_s untouched.
 */
int clock_parse(const char *text, size_t len, uint64_t *wall_s);

#endif
