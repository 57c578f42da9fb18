#include "setup/zones.h"

#include "base/error.h"
#include "base/siphash.h"
#include "local/special.h"
#include "setup/own.h"

#include <string.h>

_Static_assert(CONFIG_FORWARD_MAX <= QUERY_ZONES_MAX, "each zone has a place in the settings");
_Static_assert(CONFIG_FORWARD_MAX <= UPSTREAM_GROUPS_MAX, "each zone has a group of servers");
_Static_assert(UPSTREAM_SERVERS_MAX == 32, "a group has a bit for each server");

/* Names that nobody but us has anything to say about. `local` is in use at many sites. */
static bool is_ours_alone(const struct wire_name *zone)
{
    struct wire_name local;
    uint8_t apex;

    wire_name_from_text("local", 5, &local);
    const enum local_special special = local_special_of(zone, &apex);
    return special == LOCAL_SPECIAL_LOOPBACK || special == LOCAL_SPECIAL_EMPTY ||
           (special == LOCAL_SPECIAL_NEVER && !wire_name_is_within(zone, &local));
}

/* Its place among the servers, -1 if there is none left. */
static int place_of(struct upstream_settings *upstreams, const struct endpoint *server)
{
    for (size_t i = 0; i < upstreams->count; i++) {
        if (endpoint_equal(&upstreams->servers[i], server)) {
            return (int)i;
        }
    }
    if (upstreams->count == UPSTREAM_SERVERS_MAX) {
        return -1;
    }
    upstreams->apart |= 1u << upstreams->count;
    upstreams->servers[upstreams->count] = *server;
    return (int)upstreams->count++;
}

static bool is_reserved(uint16_t context)
{
    return context == 0 || context == QUERY_CONTEXT_LEARNED;
}

/* Not reserved, and of no other zone: by hash, and the next free number if it is taken. */
static uint16_t context_of(const struct config_zone *zone, const struct query_zone *others,
                           size_t count)
{
    static const uint8_t key[SIPHASH_KEY_OCTETS] = "zone's context";
    uint64_t hash = siphash13(zone->name.octets, zone->name.len, key);

    for (size_t i = 0; i < zone->count; i++) {
        const struct endpoint *server = &zone->servers[i];
        char text[ENDPOINT_TEXT_MAX];

        hash = hash * 31 + siphash13(text, endpoint_format(server, text), key);
        hash = hash * 31 +
               siphash13(server->pins, (size_t)server->pin_count * ENDPOINT_PIN_OCTETS, key);
    }
    uint16_t context = (uint16_t)(hash >> 32);
    for (size_t i = 0; i < count || is_reserved(context); i++) {
        if (is_reserved(context) || others[i].context == context) {
            context++;
            i = (size_t)-1; /* from the start */
        }
    }
    return context;
}

enum upstream_choose setup_choose(enum config_choose choose)
{
    static const enum upstream_choose words[] = {
        [CONFIG_CHOOSE_FASTEST] = UPSTREAM_FASTEST,
        [CONFIG_CHOOSE_ORDERED] = UPSTREAM_ORDERED,
        [CONFIG_CHOOSE_HASHED] = UPSTREAM_HASHED,
    };

    return words[choose];
}

int setup_zones(const struct config *config, struct report *report,
                struct upstream_settings *upstreams, struct query_zone *zones, size_t *count)
{
    struct address own[SETUP_OWN_MAX];
    const size_t own_count = setup_own_addresses(own, SETUP_OWN_MAX);

    for (size_t i = 0; i < config->forward_count; i++) {
        const struct config_zone *zone = &config->forward[i];
        const enum config_choose choose =
            zone->has_choose ? zone->choose : (enum config_choose)config->choose;
        struct upstream_group group = {.context = context_of(zone, zones, i),
                                       .choose = setup_choose(choose)};
        char name[WIRE_NAME_TEXT_MAX];

        wire_name_to_text(&zone->name, name);
        if (is_ours_alone(&zone->name)) {
            report_add(report, REPORT_ERROR, "upstreams.zones", 0, 0,
                       "%.300s is of special use: nobody can be asked about it", name);
            return CORDON_E_REFUSED;
        }
        for (size_t j = 0; j < zone->count; j++) {
            const struct endpoint *server = &zone->servers[j];
            char text[ADDRESS_TEXT_MAX];

            if (setup_is_own(&server->address, config->listen, config->listen_count, own,
                             own_count)) {
                address_format(&server->address, true, text);
                report_add(report, REPORT_WARNING, "upstreams.zones", 0, 0,
                           "%.300s: %s is this machine, where cordond itself listens: it is "
                           "left out, since a resolver must not ask itself",
                           name, text);
                continue;
            }
            const int place = place_of(upstreams, server);
            if (place < 0) {
                report_add(report, REPORT_ERROR, "upstreams.zones", 0, 0,
                           "%.300s: more than %u servers in all", name, UPSTREAM_SERVERS_MAX);
                return CORDON_E_REFUSED;
            }
            group.servers |= 1u << place;
            group.place[place] = (uint8_t)j;
            group.zone = zone->name;
        }
        upstreams->groups[upstreams->group_count++] = group;
        zones[i] = (struct query_zone){zone->name, group.context, zone->exempt};
    }
    *count = config->forward_count;
    return 0;
}
