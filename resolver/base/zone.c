#include "base/zone.h"

#include "base/error.h"
#include "base/file.h"
#include "base/zone_rule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER      44u
#define TYPES_MAX   256u
#define RULE_MAX    128u     /* octets of the rule: the longest of the database has 45 */
#define OFFSET_MIN  (-89999) /* RFC 9636 section 3.2: more than -25, less than 26 hours */
#define OFFSET_MAX  93599
#define PATH_OCTETS 4096

struct zone {
    bool has_rule; /* for what comes after the last transition */
    struct zone_rule rule;
    int32_t first_s; /* before the first transition */
    size_t count;
    struct transition {
        int64_t moment;
        int32_t offset_s; /* from then on */
    } at[];
};

/* The counts of a header, in its order. */
struct counts {
    uint32_t ut, standard, leap, transitions, types, letters;
};

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The bits as a signed number. */
static int64_t read_moment(const uint8_t *at, size_t octets)
{
    if (octets == 4) {
        return (int32_t)read32(at);
    }
    return (int64_t)((uint64_t)read32(at) << 32 | read32(at + 4));
}

/* False if it is none, or one that cannot be. */
static bool read_header(const uint8_t *data, size_t len, struct counts *counts)
{
    if (len < HEADER || memcmp(data, "TZif", 4) != 0) {
        return false;
    }
    *counts = (struct counts){.ut = read32(data + 20),
                              .standard = read32(data + 24),
                              .leap = read32(data + 28),
                              .transitions = read32(data + 32),
                              .types = read32(data + 36),
                              .letters = read32(data + 40)};
    return counts->types >= 1 && counts->types <= TYPES_MAX && counts->letters >= 1 &&
           counts->letters <= ZONE_FILE_MAX && counts->leap <= ZONE_FILE_MAX &&
           counts->transitions <= ZONE_TRANSITIONS_MAX &&
           (counts->ut == 0 || counts->ut == counts->types) &&
           (counts->standard == 0 || counts->standard == counts->types);
}

/* Octets of what follows a header. */
static size_t block_size(const struct counts *counts, size_t time_octets)
{
    return (size_t)counts->transitions * (time_octets + 1) + (size_t)counts->types * 6 +
           counts->letters + (size_t)counts->leap * (time_octets + 4) + counts->standard +
           counts->ut;
}

static bool read_block(const uint8_t *data, const struct counts *counts, size_t time_octets,
                       struct zone *zone)
{
    const uint8_t *indices = data + (size_t)counts->transitions * time_octets;
    const uint8_t *types = indices + counts->transitions;

    for (size_t i = 0; i < counts->types; i++) {
        const int32_t offset = (int32_t)read32(types + i * 6);

        if (offset < OFFSET_MIN || offset > OFFSET_MAX || types[i * 6 + 4] > 1 ||
            types[i * 6 + 5] >= counts->letters) {
            return false;
        }
    }
    zone->first_s = (int32_t)read32(types);
    zone->count = counts->transitions;
    for (size_t i = 0; i < zone->count; i++) {
        zone->at[i].moment = read_moment(data + i * time_octets, time_octets);
        if (indices[i] >= counts->types ||
            (i > 0 && zone->at[i].moment <= zone->at[i - 1].moment)) {
            return false;
        }
        zone->at[i].offset_s = (int32_t)read32(types + indices[i] * 6u);
    }
    return true;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; nothing between the two: nobody knows. */
static bool read_footer(const uint8_t *data, size_t len, struct zone *zone)
{
    if (len < 2 || data[0] != '\n') {
        return false;
    }
    const uint8_t *end = memchr(data + 1, '\n', len - 1);
    const size_t size = end == NULL ? SIZE_MAX : (size_t)(end - data) - 1;
    if (size > RULE_MAX) {
        return false;
    }
    zone->has_rule = size > 0;
    return size == 0 || zone_rule_parse((const char *)data + 1, size, &zone->rule);
}

int zone_build(const uint8_t *data, size_t len, struct zone **zone)
{
    size_t time_octets = 4;
    struct counts counts;

    if (!read_header(data, len, &counts)) {
        return CORDON_E_FORMAT;
    }
    size_t block = block_size(&counts, time_octets);
    if (len - HEADER < block) {
        return CORDON_E_FORMAT;
    }
    /* From version 2 on the same follows with times of 64 bits: the first is for old readers.
     */
    const bool long_form = data[4] >= '2' && data[4] <= '4';
    if (long_form) {
        data += HEADER + block;
        len -= HEADER + block;
        time_octets = 8;
        if (!read_header(data, len, &counts)) {
            return CORDON_E_FORMAT;
        }
        block = block_size(&counts, time_octets);
    } else if (data[4] != 0) {
        return CORDON_E_FORMAT;
    }
    if (len - HEADER < block || counts.leap > 0) {
        return CORDON_E_FORMAT;
    }
    struct zone *made =
        calloc(1, sizeof(*made) + counts.transitions * sizeof(struct transition));
    if (made == NULL) {
        return -ENOMEM;
    }
    if (!read_block(data + HEADER, &counts, time_octets, made) ||
        (long_form && !read_footer(data + HEADER + block, len - HEADER - block, made))) {
        free(made);
        return CORDON_E_FORMAT;
    }
    *zone = made;
    return 0;
}

void zone_free(struct zone *zone)
{
    free(zone);
}

bool zone_name_is_good(const char *name)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        "_+-";

    if (strlen(name) > ZONE_NAME_MAX) {
        return false;
    }
    for (;;) {
        const size_t part = strspn(name, letters);

        if (part == 0 || (name[part] != '\0' && name[part] != '/')) {
            return false;
        }
        if (name[part] == '\0') {
            return true;
        }
        name += part + 1;
    }
}

int zone_load(const char *folder, const char *name, struct zone **zone)
{
    char path[PATH_OCTETS];
    uint8_t *data = NULL;
    size_t len = 0;

    const int path_len = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (!zone_name_is_good(name) || path_len < 0 || (size_t)path_len >= sizeof(path)) {
        return -EINVAL;
    }
    int rc = file_read(path, ZONE_FILE_MAX, &data, &len);
    if (rc == 0) {
        rc = zone_build(data, len, zone);
    }
    free(data);
    return rc;
}

static int64_t within(int64_t moment)
{
    return moment < ZONE_MOMENT_MIN   ? ZONE_MOMENT_MIN
           : moment > ZONE_MOMENT_MAX ? ZONE_MOMENT_MAX
                                      : moment;
}

/* How many transitions are not after the moment. */
static size_t passed(const struct zone *zone, int64_t moment)
{
    size_t low = 0;
    size_t high = zone->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (zone->at[middle].moment <= moment) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int32_t zone_offset(const struct zone *zone, int64_t moment)
{
    const int64_t at = within(moment);
    const size_t before = passed(zone, at);

    if (before == zone->count && zone->has_rule) {
        return zone_rule_offset(&zone->rule, at);
    }
    return before == 0 ? zone->first_s : zone->at[before - 1].offset_s;
}

bool zone_next(const struct zone *zone, int64_t moment, int64_t *next)
{
    const int64_t at = within(moment);
    const size_t before = passed(zone, at);

    if (before < zone->count) {
        *next = zone->at[before].moment;
        return true;
    }
    return zone->has_rule && zone_rule_next(&zone->rule, at, next);
}
