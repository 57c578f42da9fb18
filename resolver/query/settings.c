#include "query/settings.h"

const struct query_zone *query_settings_find_zone(const struct query_settings *settings,
                                                  const struct wire_name *name)
{
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

bool query_settings_zone_exempt(const struct query_settings *settings, uint16_t context)
{
    for (size_t i = 0; i < settings->zone_count; i++) {
        if (settings->zones[i].context == context) {
            return settings->zones[i].exempt;
        }
    }
    return false;
}

static bool is_among(const struct address_prefix *prefixes, size_t count,
                     const struct address *client)
{
    struct address from = *client;

    address_unmap(&from);
    for (size_t i = 0; i < count; i++) {
        if (address_prefix_covers(&prefixes[i], &from)) {
            return true;
        }
    }
    return false;
}

bool query_settings_admit(const struct query_settings *settings, const struct address *client)
{
    return is_among(settings->access, settings->access_count, client);
}

bool query_settings_is_operator(const struct query_settings *settings,
                                const struct address *client)
{
    return is_among(settings->operators, settings->operator_count, client);
}
