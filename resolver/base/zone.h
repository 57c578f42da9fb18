/*
 * base/zone.h - time zones by name: what a clock on the wall shows there at a moment.
 *
 * Reads the files of the time zone database (TZif versions 1 to 4, RFC 9636, with the rule for
 * the time after their last transition). libc's localtime() knows one zone for the whole
 * process; here each zone is an immutable object that any number of threads may ask. Moments
 * are seconds since 1970-01-01 UTC without leap seconds, as the system's clock counts them.
 */
#ifndef CORDON_BASE_ZONE_H
#define CORDON_BASE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Transitions of one zone: zic(8) itself writes no more. */
#define ZONE_TRANSITIONS_MAX 2000u

/* Octets of a file: the largest of the database has 4 KiB; with as many transitions as above,
 * in both forms, 28 KiB. */
#define ZONE_FILE_MAX (64u << 10)

/* Octets of a name: "America/Argentina/ComodRivadavia" has 32. */
#define ZONE_NAME_MAX 64u

/* Moments that are asked about: the years 1 to 9999. Others are taken for the nearest of these.
 */
#define ZONE_MOMENT_MIN INT64_C(-62135596800)
#define ZONE_MOMENT_MAX INT64_C(253402300799)

struct zone; /* opaque, immutable */

/* Takes the octets of a file; copies. 0; CORDON_E_FORMAT: it is no such file, is damaged, or
 * counts leap seconds, which the system's clock does not; -ENOMEM. */
int zone_build(const uint8_t *data, size_t len, struct zone **zone);
void zone_free(struct zone *zone); /* NULL is fine */

/* Reads the zone of this name ("Europe/Berlin") below a folder. 0; CORDON_E_FORMAT; -EINVAL if
 * it is no name; -ENOENT and other codes of file_read. */
int zone_load(const char *folder, const char *name, struct zone **zone);
/* Letters, digits and _ + - in parts between slashes: no way out of the folder. */
bool zone_name_is_good(const char *name);

/* Seconds that the clock there is ahead of UTC at a moment; less than 26 hours either way. */
int32_t zone_offset(const struct zone *zone, int64_t moment);

/* The first transition after a moment: the offset may change there. False: there is none. */
bool zone_next(const struct zone *zone, int64_t moment, int64_t *next);

#endif
