/*
 * Zones with upstreams of their own: a number (context) goes with the question into cache key
 * and fetch, so that answers of different servers never meet.
 */
#include "query/engine.h"

const struct query_zone *query_zone_of(const struct query_engine *engine,
                                       const struct wire_name *name)
{
    const struct query_settings *settings = engine->settings;
    const struct query_zone *longest = NULL;

    for (size_t i = 0; i < settings->zone_count; i++) {
        const struct query_zone *zone = &settings->zones[i];

        if ((longest == NULL || zone->name.labels > longest->name.labels) &&
            wire_name_is_within(name, &zone->name)) {
            longest = zone;
        }
    }
    return longest;
}

bool query_is_exempt(const struct query_engine *engine, uint16_t context)
{
    const struct query_settings *settings = engine->settings;

    for (size_t i = 0; context != 0 && i < settings->zone_count; i++) {
        if (settings->zones[i].context == context) {
            return settings->zones[i].exempt;
        }
    }
    return false;
}
