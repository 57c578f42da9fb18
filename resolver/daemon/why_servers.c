/*
 * daemon/why_servers.c - what the cache knows of the name servers behind an answer, for `why`
 * and `explain`: looked for where a question would look (query/servers.c). Nothing is asked.
 */
#include "daemon/state.h"
#include "query/origin.h"
#include "setup/why.h"

#include <stdlib.h>

bool why_find(struct daemon *daemon, const struct cache_key *key, uint64_t now_us, bool stale,
              uint8_t octets[WIRE_MESSAGE_MAX], struct cache_entry *entry)
{
    const bool found =
        stale ? cache_get_stale(daemon->cache, key, now_us, 0, octets, WIRE_MESSAGE_MAX, entry)
              : cache_get(daemon->cache, key, now_us, octets, WIRE_MESSAGE_MAX, entry);

    return found && entry->kind == CACHE_ANSWER;
}

struct looking {
    struct daemon *daemon;
    const struct setup_snapshot *snapshot;
    struct setup_why *why;
    struct setup_why_server *servers; /* those of why */
    uint8_t *octets;                  /* of one message */
    uint64_t now_us;
};

/* What the cache has of it, past its time only if the answer is, too. False: nothing, or a
 * failure. */
static bool find(struct looking *looking, const struct wire_name *name, uint16_t type,
                 struct wire_message *message)
{
    uint16_t context = 0;

    if (!setup_why_outside(looking->snapshot, name, type, &context)) {
        return false;
    }
    const struct cache_key keys[] = {
        {.name = name, .type = type, .context = context},
        {.name = name, .type = type, .context = context, .dnssec_ok = true},
        {.name = name, .type = type, .context = QUERY_CONTEXT_LEARNED},
    };
    const size_t count = sizeof(keys) / sizeof(keys[0]);
    for (size_t i = 0; i < (looking->why->answer_stale ? 2 * count : count); i++) {
        struct cache_entry entry;

        if (why_find(looking->daemon, &keys[i % count], looking->now_us, i >= count,
                     looking->octets, &entry) &&
            wire_message_open(looking->octets, entry.len, message) == WIRE_OK &&
            message->counts[0] == 1) {
            return true;
        }
    }
    return false;
}

/* The servers in the answer; how many. */
static size_t read_servers(struct looking *looking, const struct wire_message *message,
                           uint8_t hop)
{
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name owner;
    size_t count = 0;

    wire_cursor_start(&cursor, message);
    while (count < QUERY_HOSTS_MAX && looking->why->server_count < SETUP_WHY_SERVERS_MAX &&
           wire_cursor_next(&cursor, &record) > 0) {
        struct setup_why_server *server = &looking->servers[looking->why->server_count];

        if (record.section == WIRE_ANSWER && record.type == WIRE_NS &&
            wire_record_owner(message, &record, &owner) == WIRE_OK &&
            wire_name_equal(&owner, &message->name) &&
            wire_record_name(message, &record, 0, &server->name) == WIRE_OK) {
            server->hop = hop;
            server->address_count = 0;
            looking->why->server_count++;
            count++;
        }
    }
    return count;
}

/* Those of a zone. A name without any that is said to be in the zone of another is that one's.
 */
static size_t find_servers(struct looking *looking, const struct query_origin *origin)
{
    struct wire_message message;
    struct wire_name above;
    size_t count = 0;

    if (find(looking, &origin->zone, WIRE_NS, &message)) {
        count = read_servers(looking, &message, origin->hop);
        if (count == 0 && query_origin_soa(&message, &origin->zone, &above) &&
            above.labels < origin->zone.labels && find(looking, &above, WIRE_NS, &message)) {
            count = read_servers(looking, &message, origin->hop);
        }
    }
    return count;
}

/* False if not all is known. */
static bool read_addresses(struct looking *looking, struct setup_why_server *server,
                           uint16_t type)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    struct address address;

    if (!find(looking, &server->name, type, &message)) {
        return false;
    }
    wire_cursor_start(&cursor, &message);
    while (wire_cursor_next(&cursor, &record) > 0) {
        if (record.section != WIRE_ANSWER || record.type != type ||
            !wire_record_address(&message, &record, &address)) {
            continue;
        }
        if (server->address_count == SETUP_WHY_ADDRESSES_MAX) {
            return false;
        }
        server->addresses[server->address_count++] = address;
    }
    return true;
}

void why_find_servers(struct daemon *daemon, struct setup_why *why,
                      struct setup_why_server *servers)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    const struct policy_name_server_use use =
        policy_name_server_use(snapshot->policy, why->view);
    struct looking looking = {
        daemon, snapshot, why, servers, malloc(WIRE_MESSAGE_MAX), clock_read().mono_us};
    struct wire_message message;
    struct policy_chain chain;
    struct query_origins origins;

    why->servers = servers;
    why->server_count = 0;
    if (looking.octets == NULL ||
        (use.names == POLICY_MODE_OFF && use.addresses == POLICY_MODE_OFF) ||
        why->answer_len == 0 ||
        wire_message_open(why->answer, why->answer_len, &message) != WIRE_OK ||
        policy_chain_follow(&message, &chain) != POLICY_CHAIN_OK) {
        free(looking.octets);
        return;
    }
    query_origins_find(&snapshot->settings, &message, &chain, &origins);
    why->servers_unknown = origins.more;
    for (uint8_t i = 0; i < origins.count; i++) {
        const size_t first = why->server_count;
        const size_t count = find_servers(&looking, &origins.at[i]);

        why->servers_unknown = why->servers_unknown || count == 0;
        for (size_t k = 0;
             use.addresses != POLICY_MODE_OFF && k < count && k < QUERY_HOST_ADDRESSES_OF;
             k++) {
            const bool v4 = read_addresses(&looking, &servers[first + k], WIRE_A);
            const bool v6 = read_addresses(&looking, &servers[first + k], WIRE_AAAA);

            why->servers_unknown = why->servers_unknown || !v4 || !v6;
        }
    }
    free(looking.octets);
}
