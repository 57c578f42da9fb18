#include "setup/answer.h"

#include "base/text.h"
#include "local/local.h"
#include "wire/type.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 3 /* addresses of a local name: the rest is in the configuration */

/* " 192.0.2.1", or a name; nothing for other types. */
static bool add_rdata(struct text *text, uint16_t type, const uint8_t *rdata, size_t len)
{
    struct address address = {.family = type == WIRE_A ? ADDRESS_V4 : ADDRESS_V6};
    char words[WIRE_NAME_TEXT_MAX];
    struct wire_name name;
    size_t pos = 0;

    if (type == WIRE_A || type == WIRE_AAAA) {
        memcpy(address.octets, rdata, address_octets(&address));
        address_format(&address, false, words);
    } else if ((type == WIRE_PTR || type == WIRE_CNAME || type == WIRE_NS) &&
               wire_name_read(rdata, len, &pos, &name) == WIRE_OK) {
        wire_name_to_text(&name, words);
    } else {
        return false;
    }
    text_printf(text, "%s%.60s", text->len > 0 ? " " : "", words);
    return true;
}

/* What a zone has: "192.0.2.1, TTL 60 s, zone home.lan". An alias is not followed. */
static void zone_answer_of(const struct local_answer *answer, uint16_t type, struct text *text)
{
    const struct local_zones_answer *found = &answer->found;
    const uint8_t *rdata = NULL;
    char words[WIRE_NAME_TEXT_MAX];
    struct wire_name owner;
    uint32_t ttl_s = found->ttl_s;
    uint32_t soa_ttl_s = 0;
    size_t count = 0;
    size_t shown = 0;
    size_t len = 0;
    size_t at = 0;

    switch (found->kind) {
    case LOCAL_ZONES_DATA:
    case LOCAL_ZONES_ALIAS:
        text_add(text, found->type == WIRE_CNAME ? "alias of" : "");
        while (local_zones_next(answer->zones, found, &at, &rdata, &len)) {
            if (count < SHOWN_MAX && add_rdata(text, found->type, rdata, len)) {
                shown++;
            }
            count++;
        }
        if (shown == 0) {
            wire_type_format(type, words);
            text_printf(text, "%zu %s record%s", count, words, count == 1 ? "" : "s");
        } else if (shown < count) {
            text_add(text, " ...");
        }
        break;
    case LOCAL_ZONES_NOT:
    case LOCAL_ZONES_NODATA:
        text_add(text, "no data of this type");
        break;
    case LOCAL_ZONES_NXDOMAIN:
        text_add(text, "no such name");
        break;
    }
    local_zones_soa(answer->zones, found->zone, &owner, &rdata, &len, &soa_ttl_s);
    if (count == 0) {
        ttl_s = soa_ttl_s;
    }
    wire_name_to_text(&owner, words);
    text_printf(text, ", TTL %" PRIu32 " s, by the zone %.100s of local.zones", ttl_s, words);
}

static void local_answer_of(const struct local_answer *answer, uint16_t type, char *out,
                            size_t size)
{
    struct text text;

    text_init(&text, out, size);
    switch (answer->kind) {
    case LOCAL_NOT:
        return;
    case LOCAL_DATA:
        for (size_t i = 0; i < answer->count && i < SHOWN_MAX; i++) {
            add_rdata(&text, type, answer->rdata + i * answer->rdata_len, answer->rdata_len);
        }
        text_add(&text, answer->count > SHOWN_MAX ? " ..." : "");
        break;
    case LOCAL_SOA:
    case LOCAL_NS:
        text_add(&text, "the record of an empty zone");
        break;
    case LOCAL_ZONE:
        zone_answer_of(answer, type, &text);
        return;
    case LOCAL_NODATA:
        text_add(&text, "no data of this type");
        break;
    case LOCAL_NXDOMAIN:
        text_add(&text, "no such name");
        break;
    }
    text_printf(&text, ", TTL %" PRIu32 " s", answer->ttl_s);
}

void setup_answer_words(const struct setup_snapshot *snapshot, const struct setup_why *why,
                        char *out, size_t size)
{
    const struct query_settings *settings = &snapshot->settings;
    const struct query_view *view = &snapshot->views[why->view];
    const struct policy_hit *hit = &why->hits.at[why->block];
    char text[ADDRESS_TEXT_MAX];

    out[0] = '\0';
    if (why->local) {
        struct local_answer local;
        const struct query_zone *zone = query_settings_zone(settings, &why->name);

        local_find(settings->local_names, settings->local_special,
                   zone != NULL ? zone->name.labels : 0, &why->name, why->type, &local);
        local_answer_of(&local, why->type, out, size);
        return;
    }
    if (!why->blocked) {
        return;
    }
    if (hit->action == POLICY_ACTION_SINKHOLE &&
        (why->type == WIRE_A || why->type == WIRE_AAAA || why->is_address)) {
        address_format(why->type == WIRE_AAAA ? &view->sinkhole6 : &view->sinkhole4, false,
                       text);
        snprintf(out, size, "sinkhole: %s, TTL %" PRIu32 " s", text, settings->block_ttl_s);
    } else if (hit->action == POLICY_ACTION_SINKHOLE) {
        snprintf(out, size, "sinkhole: no data of this type, TTL %" PRIu32 " s",
                 settings->block_ttl_s);
    } else {
        snprintf(out, size, "%s", policy_action_name((enum policy_action)hit->action));
    }
}
