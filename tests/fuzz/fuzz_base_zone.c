/*
 * Feeds arbitrary octets to zone_build(). What it takes tells an offset within bounds for every
 * moment, and transitions that go forward, with the same offset between two of them.
 */
#include "require.h"

#include "base/calendar.h"
#include "base/zone.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct zone *zone, int64_t from)
{
    int64_t at = from;
    int64_t next;

    for (unsigned i = 0; i < 64 && at < ZONE_MOMENT_MAX && zone_next(zone, at, &next); i++) {
        const int32_t offset = zone_offset(zone, at);

        require(offset > -25 * 3600 && offset < 26 * 3600);
        require(next > at);
        if (next < ZONE_MOMENT_MAX && at >= ZONE_MOMENT_MIN) {
            require(zone_offset(zone, next - 1) == offset);
            require(zone_offset(zone, at + (next - at) / 2) == offset);
        }
        at = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zone *zone = NULL;

    if (zone_build(data, size, &zone) == 0) {
        check(zone, INT64_MIN);
        check(zone, ZONE_MOMENT_MIN);
        check(zone, -1);
        check(zone, INT64_C(4102444800));
        check(zone, ZONE_MOMENT_MAX - 1);
        require(zone_offset(zone, INT64_MAX) == zone_offset(zone, ZONE_MOMENT_MAX));
        zone_free(zone);
    } else {
        require(zone == NULL);
    }
    return 0;
}
