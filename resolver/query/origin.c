#include "query/origin.h"

#include <libpsl.h>
#include <string.h>

/* Labels of the longest public suffix of a registry, and one more for what is registered. */
#define SUFFIX_LABELS 6u

#define RRSIG_SIGNER 18 /* offset of the signer's name (RFC 4034, 3.1) */

/* The last labels of a name as text; what no registry has in a suffix becomes an underscore. */
static void suffix_text(const struct wire_name *name, unsigned labels,
                        char out[WIRE_NAME_MAX + 1])
{
    const uint8_t *at = name->octets + name->at[name->labels - labels];
    char *to = out;

    for (unsigned i = 0; i < labels; i++) {
        if (i > 0) {
            *to++ = '.';
        }
        for (uint8_t left = *at++; left > 0; left--, at++) {
            const bool plain =
                (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '-';
            *to++ = plain ? (char)*at : '_';
        }
    }
    *to = '\0';
}

void query_origin_registrable(const struct wire_name *name, struct wire_name *out)
{
    const psl_ctx_t *suffixes = psl_builtin();
    char text[WIRE_NAME_MAX + 1];
    unsigned labels = name->labels < SUFFIX_LABELS ? name->labels : SUFFIX_LABELS;

    /* From long to short: a suffix may lie below what is none. A library without a list takes
     * the last label for the suffix, as the list does where it has no rule. */
    while (labels > 1) {
        suffix_text(name, labels, text);
        if (suffixes != NULL && psl_is_public_suffix2(suffixes, text, PSL_TYPE_ICANN) != 0) {
            break;
        }
        labels--;
    }
    wire_name_suffix(name, labels < name->labels ? labels + 1 : name->labels, out);
}

/* A suffix that the list has, not one for being unlisted. */
static bool is_of_a_registry(const struct wire_name *name)
{
    const psl_ctx_t *suffixes = psl_builtin();
    char text[WIRE_NAME_MAX + 1];

    suffix_text(name, name->labels, text);
    return suffixes != NULL &&
           psl_is_public_suffix2(suffixes, text, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) != 0;
}

bool query_origin_soa(const struct wire_message *message, const struct wire_name *name,
                      struct wire_name *out)
{
    struct wire_cursor cursor;
    struct wire_record record;

    wire_cursor_start(&cursor, message);
    while (wire_cursor_next(&cursor, &record) > 0) {
        if (record.section == WIRE_AUTHORITY && record.type == WIRE_SOA &&
            wire_record_owner(message, &record, out) == WIRE_OK &&
            wire_name_is_within(name, out)) {
            return true;
        }
    }
    return false;
}

/* Who signed a record of this owner: the zone that has it. */
static bool signer_of(const struct wire_message *message, const struct wire_name *owner,
                      struct wire_name *out)
{
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name name;

    wire_cursor_start(&cursor, message);
    while (wire_cursor_next(&cursor, &record) > 0 && record.section == WIRE_ANSWER) {
        if (record.type == WIRE_RRSIG && message->type != WIRE_RRSIG &&
            wire_record_owner(message, &record, &name) == WIRE_OK &&
            wire_name_equal(&name, owner) &&
            wire_record_name(message, &record, RRSIG_SIGNER, out) == WIRE_OK &&
            wire_name_is_within(owner, out)) {
            return true;
        }
    }
    return false;
}

/* False: policy has no say about the zone of this name. */
static bool zone_of(const struct query_settings *settings, const struct wire_message *message,
                    const struct wire_name *name, bool last, struct wire_name *zone)
{
    const struct query_zone *own = query_settings_zone(settings, name);
    struct wire_name owner = *name;

    if (own != NULL && own->exempt) {
        return false;
    }
    if (last && message->type == WIRE_DS && name->labels > 0) {
        wire_name_suffix(name, name->labels - 1u, &owner);
    }
    const bool shown =
        signer_of(message, name, zone) || (last && query_origin_soa(message, name, zone));
    if (!shown) {
        query_origin_registrable(&owner, zone);
    }
    if (own != NULL && (own->name.labels > zone->labels ||
                        (!shown && own->name.labels > 0 && !is_of_a_registry(&own->name)))) {
        *zone = own->name;
    }
    return true;
}

static void add(struct query_origins *origins, const struct wire_name *zone, uint8_t hop)
{
    for (uint8_t i = 0; i < origins->count; i++) {
        if (wire_name_equal(&origins->at[i].zone, zone)) {
            return;
        }
    }
    if (origins->count == QUERY_ORIGINS_MAX) {
        origins->more = true;
        return;
    }
    origins->at[origins->count].zone = *zone;
    origins->at[origins->count++].hop = hop;
}

void query_origins_find(const struct query_settings *settings,
                        const struct wire_message *message, const struct policy_chain *chain,
                        struct query_origins *out)
{
    const bool alias = message->type == WIRE_CNAME || message->type == WIRE_DNAME;
    const uint8_t count = (uint8_t)(chain->count - (alias && chain->count > 1 ? 1 : 0));
    struct wire_name zone;

    out->count = 0;
    out->more = false;
    for (uint8_t i = 0; i < count; i++) {
        if (zone_of(settings, message, &chain->names[i], i + 1 == count, &zone)) {
            add(out, &zone, i);
        }
    }
}
