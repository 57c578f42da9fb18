/*
 * ACCEPT: from what an upstream sent to what we keep and show.
 *
 * Nothing of the message is passed on as it came. The records that answer the question are
 * written anew, in the order of the chain: CNAMEs and DNAMEs hop by hop, then those of the
 * asked type at its end. Of the authority section a negative answer keeps one SOA; with DO set,
 * proofs are kept that lie in a zone which signed something that was kept. All else is dropped,
 * and so is AD. A missing CNAME below a DNAME is written (RFC 6672, 3.1).
 */
#include "query/engine.h"

#include <string.h>

#define PLACE_NONE 0xff /* else: the hop whose owner the record belongs to */

#define RRSIG_SIGNER   18 /* offset of the signer's name (RFC 4034, 3.1) */
#define SOA_OCTETS_MIN 22 /* two root names and five numbers */

/* Zones that signed what was kept: one per hop, and that of the SOA. */
#define ZONES_MAX (POLICY_HOPS_MAX + 2)

struct acceptance {
    struct query_engine *engine;
    const struct query_fetch *fetch;
    struct wire_message message;
    const struct policy_chain *chain;
    uint8_t last; /* the name of the chain whose records of the asked type are the answer */
    uint8_t hops; /* those that a DNAME may make: of an alias that was asked for too */
    struct wire_writer writer;
    uint32_t ttl_s; /* least of all that is kept */
    uint32_t negative_ttl_s;
    bool negative;
    bool has_soa;
    unsigned zone_count;
    /* Per hop: what kind of record makes it. */
    bool cname[POLICY_HOPS_MAX + 1], dname[POLICY_HOPS_MAX + 1];
    bool has_data;
    struct wire_name zones[ZONES_MAX];
};

static void fail(struct query_answer *out, const struct query_settings *settings, int ede,
                 const char *why)
{
    *out = (struct query_answer){.kind = CACHE_FAILURE,
                                 .ttl_s = settings->failure_ttl_s,
                                 .ede = ede >= 0 && ede <= INT16_MAX ? ede : WIRE_EDE_OTHER,
                                 .why = why};
}

static const char *words_of_rcode(unsigned rcode)
{
    switch (rcode) {
    case WIRE_SERVFAIL:
        return "the upstream answered SERVFAIL";
    case WIRE_REFUSED:
        return "the upstream answered REFUSED";
    default:
        return "the upstream answered with a failure";
    }
}

static uint32_t bounded_ttl(const struct acceptance *a, uint32_t ttl)
{
    const struct query_settings *settings = a->engine->settings;

    if (ttl < settings->ttl_min_s) {
        ttl = settings->ttl_min_s;
    }
    return ttl < settings->ttl_max_s ? ttl : settings->ttl_max_s;
}

static void keep_ttl(struct acceptance *a, uint32_t ttl)
{
    if (ttl < a->ttl_s) {
        a->ttl_s = ttl;
    }
}

/* What an RRSIG signs; 0 if it is too short to be one. */
static uint16_t covered_type(const struct wire_message *message,
                             const struct wire_record *record)
{
    return record->rdata_len > RRSIG_SIGNER ? wire_get16(message->octets + record->rdata) : 0;
}

/* The hop that this DNAME makes, or PLACE_NONE. */
static uint8_t place_of_dname(struct acceptance *a, const struct wire_record *record,
                              const struct wire_name *owner)
{
    struct wire_name target;
    struct wire_name joined;

    if (wire_record_name(&a->message, record, 0, &target) != WIRE_OK) {
        return PLACE_NONE;
    }
    for (uint8_t i = 0; i < a->hops; i++) {
        const struct wire_name *name = &a->chain->names[i];

        if (!a->dname[i] && name->labels > owner->labels && wire_name_is_within(name, owner) &&
            wire_name_join(name, (unsigned)(name->labels - owner->labels), &target, &joined) &&
            wire_name_equal(&joined, &a->chain->names[i + 1])) {
            a->dname[i] = true;
            return i;
        }
    }
    return PLACE_NONE;
}

static uint8_t place_on_chain(const struct acceptance *a, const struct wire_name *owner)
{
    for (uint8_t i = 0; i <= a->last; i++) {
        if (wire_name_equal(&a->chain->names[i], owner)) {
            return i;
        }
    }
    return PLACE_NONE;
}

/* Where a record of the answer section belongs, signatures apart. */
static uint8_t place_of_record(struct acceptance *a, const struct wire_record *record,
                               const struct wire_name *owner)
{
    const uint8_t last = a->last;
    const uint8_t place = place_on_chain(a, owner);
    struct wire_name target;

    if (place == last) {
        if (record->type != a->fetch->type) {
            return PLACE_NONE;
        }
        a->has_data = true;
        return last;
    }
    if (record->type == WIRE_DNAME) {
        return place_of_dname(a, record, owner);
    }
    if (place == PLACE_NONE || record->type != WIRE_CNAME || a->cname[place] ||
        wire_record_name(&a->message, record, 0, &target) != WIRE_OK ||
        !wire_name_equal(&target, &a->chain->names[place + 1])) {
        return PLACE_NONE;
    }
    a->cname[place] = true;
    return place;
}

/* Where a signature belongs: to something that was placed before. */
static uint8_t place_of_signature(const struct acceptance *a, const struct wire_record *record,
                                  const struct wire_name *owner)
{
    const uint16_t covered = covered_type(&a->message, record);
    const uint8_t last = a->last;
    const uint8_t place = place_on_chain(a, owner);

    if (place == last) {
        return covered == a->fetch->type && a->has_data ? last : PLACE_NONE;
    }
    if (place != PLACE_NONE && covered == WIRE_CNAME) {
        return a->cname[place] ? place : PLACE_NONE;
    }
    for (uint8_t i = 0; i < a->hops && covered == WIRE_DNAME; i++) {
        if (a->dname[i] && a->chain->names[i].labels > owner->labels &&
            wire_name_is_within(&a->chain->names[i], owner)) {
            return i;
        }
    }
    return PLACE_NONE;
}

/* The zone that signed a kept record, if it can be one. */
static void add_zone(struct acceptance *a, const struct wire_record *record,
                     const struct wire_name *owner)
{
    struct wire_name *signer = &a->zones[a->zone_count];

    if (a->zone_count + 1 < ZONES_MAX &&
        wire_record_name(&a->message, record, RRSIG_SIGNER, signer) == WIRE_OK &&
        wire_name_is_within(owner, signer)) {
        for (unsigned i = 0; i < a->zone_count; i++) {
            if (wire_name_equal(&a->zones[i], signer)) {
                return;
            }
        }
        a->zone_count++;
    }
}

/* False also for an RRSIG that was asked for by its type: that is an answer like any other. */
static bool is_signature(const struct acceptance *a, const struct wire_record *record,
                         const struct wire_name *owner)
{
    return record->type == WIRE_RRSIG &&
           (a->fetch->type != WIRE_RRSIG || !wire_name_equal(owner, &a->chain->names[a->last]));
}

/* Finds the place of every record of the answer section: first those that answer, then what
 * signs them. False: malformed. */
static bool place_answers(struct acceptance *a, bool signatures)
{
    struct wire_cursor cursor;
    struct wire_record record;
    size_t index = 0;
    int more;

    wire_cursor_start(&cursor, &a->message);
    while ((more = wire_cursor_next(&cursor, &record)) > 0 && record.section == WIRE_ANSWER) {
        struct wire_name owner;

        if (index == WIRE_RECORDS_MAX) {
            return false;
        }
        uint8_t *place = &a->engine->place[index++];
        if (!signatures) {
            *place = PLACE_NONE;
        }
        if (record.class != WIRE_IN || (signatures && record.type != WIRE_RRSIG)) {
            continue;
        }
        if (wire_record_owner(&a->message, &record, &owner) != WIRE_OK) {
            return false;
        }
        if (is_signature(a, &record, &owner) != signatures) {
            continue;
        }
        *place = signatures ? place_of_signature(a, &record, &owner)
                            : place_of_record(a, &record, &owner);
        if (record.type == WIRE_RRSIG && *place != PLACE_NONE) {
            add_zone(a, &record, &owner);
        }
    }
    return more >= 0;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A hop has one set of records, or two where a DNAME makes it. */
static bool is_of_dname(const struct acceptance *a, const struct wire_record *record)
{
    return record->type == WIRE_DNAME ||
           (record->type == WIRE_RRSIG && covered_type(&a->message, record) == WIRE_DNAME);
}

/* The TTL of each set of a hop: the least in it (RFC 2181, 5.2), signatures included (RFC 4034,
 * 3). */
static void set_ttls(const struct acceptance *a, uint8_t hop, uint32_t ttls[2])
{
    struct wire_cursor cursor;
    struct wire_record record;
    size_t index = 0;

    ttls[false] = ttls[true] = UINT32_MAX;
    wire_cursor_start(&cursor, &a->message);
    while (wire_cursor_next(&cursor, &record) > 0 && record.section == WIRE_ANSWER) {
        if (a->engine->place[index++] == hop) {
            uint32_t *ttl = &ttls[is_of_dname(a, &record)];
            *ttl = least(*ttl, record.ttl);
        }
    }
}

/* A service binding is kept only if its hints could be read, and thus be judged: RFC 9460, 4.3
 * lets a resolver refuse one whose parameters are invalid. Rdata of other types is checked
 * where it is copied. */
static bool is_readable(const struct acceptance *a, const struct wire_record *record)
{
    struct wire_svcb svcb;

    return (record->type != WIRE_SVCB && record->type != WIRE_HTTPS) ||
           wire_record_svcb(&a->message, record, &svcb);
}

/* Writes the records of one hop. False: a record that would be kept is malformed. */
static bool write_hop(struct acceptance *a, uint8_t hop)
{
    /* RRSIGs that were asked for by their type are of different sets. */
    const bool apart = a->fetch->type == WIRE_RRSIG && hop == a->last;
    struct wire_cursor cursor;
    struct wire_record record;
    size_t index = 0;
    uint32_t ttls[2];

    set_ttls(a, hop, ttls);
    wire_cursor_start(&cursor, &a->message);
    while (wire_cursor_next(&cursor, &record) > 0 && record.section == WIRE_ANSWER) {
        if (a->engine->place[index++] != hop) {
            continue;
        }
        const uint32_t ttl = bounded_ttl(a, apart ? record.ttl : ttls[is_of_dname(a, &record)]);
        if (!is_readable(a, &record) ||
            wire_copy_record(&a->writer, WIRE_ANSWER, &a->message, &record, ttl) != 0) {
            return false;
        }
        keep_ttl(a, ttl);
    }
    if (hop < a->last && !a->cname[hop]) {
        wire_write_cname(&a->writer, &a->chain->names[hop], &a->chain->names[hop + 1],
                         bounded_ttl(a, ttls[true]));
    }
    return true;
}

/* The SOA of a negative answer, at or above the name that has nothing (RFC 2308, 5): without
 * one the answer is passed on, but not kept. */
static bool write_soa(struct acceptance *a)
{
    const struct wire_name *last = &a->chain->names[a->last];
    struct wire_cursor cursor;
    struct wire_record record;

    wire_cursor_start(&cursor, &a->message);
    while (!a->has_soa && wire_cursor_next(&cursor, &record) > 0) {
        struct wire_name *owner = &a->zones[a->zone_count];

        if (record.section != WIRE_AUTHORITY || record.type != WIRE_SOA ||
            record.class != WIRE_IN || record.rdata_len < SOA_OCTETS_MIN ||
            wire_record_owner(&a->message, &record, owner) != WIRE_OK ||
            !wire_name_is_within(last, owner)) {
            continue;
        }
        const size_t minimum_at = record.rdata + record.rdata_len - 4;
        const uint32_t minimum = wire_get32(a->message.octets + minimum_at);

        a->negative_ttl_s =
            least(least(record.ttl, minimum), a->engine->settings->negative_ttl_max_s);
        if (wire_copy_record(&a->writer, WIRE_AUTHORITY, &a->message, &record,
                             a->negative_ttl_s) != 0) {
            return false;
        }
        keep_ttl(a, a->negative_ttl_s);
        a->zone_count++;
        a->has_soa = true;
    }
    return true;
}

static bool is_proof(const struct acceptance *a, const struct wire_record *record)
{
    if (record->section != WIRE_AUTHORITY || record->class != WIRE_IN) {
        return false;
    }
    if (record->type != WIRE_RRSIG) {
        return record->type == WIRE_NSEC || record->type == WIRE_NSEC3;
    }
    const uint16_t covered = covered_type(&a->message, record);

    return covered == WIRE_NSEC || covered == WIRE_NSEC3 || (covered == WIRE_SOA && a->has_soa);
}

static bool write_proofs(struct acceptance *a)
{
    struct wire_cursor cursor;
    struct wire_record record;

    wire_cursor_start(&cursor, &a->message);
    while (wire_cursor_next(&cursor, &record) > 0) {
        struct wire_name owner;
        bool in_zone = false;

        if (!is_proof(a, &record) ||
            wire_record_owner(&a->message, &record, &owner) != WIRE_OK) {
            continue;
        }
        for (unsigned i = 0; i < a->zone_count; i++) {
            in_zone = in_zone || wire_name_is_within(&owner, &a->zones[i]);
        }
        if (!in_zone) {
            continue;
        }
        /* A proof is not kept for longer than what it proves (RFC 9077). */
        const uint32_t ttl =
            a->has_soa ? least(record.ttl, a->negative_ttl_s) : bounded_ttl(a, record.ttl);
        if (wire_copy_record(&a->writer, WIRE_AUTHORITY, &a->message, &record, ttl) != 0) {
            return false;
        }
        keep_ttl(a, ttl);
    }
    return true;
}

/* NULL, or what is wrong with the message as an answer to this fetch. */
static const char *check_message(struct acceptance *a, struct policy_chain *chain)
{
    const struct wire_message *message = &a->message;

    if (message->counts[0] != 1 || !wire_name_equal(&message->name, &a->fetch->name) ||
        message->type != a->fetch->type || message->class != WIRE_IN ||
        (message->flags & (WIRE_FLAG_QR | WIRE_FLAG_TC | WIRE_OPCODE_MASK)) != WIRE_FLAG_QR) {
        return "the upstream's answer is to another question";
    }
    switch (policy_chain_follow(message, chain)) {
    case POLICY_CHAIN_OK:
        return NULL;
    case POLICY_CHAIN_TOO_LONG:
        a->engine->counters.chains_too_long++;
        return "the answer's chain of names is a loop or too long";
    case POLICY_CHAIN_MALFORMED:
        break;
    }
    return "the upstream's answer is malformed";
}

/* An alias that was asked for by its type is the answer, and its target is no part of it (the
 * chain has it all the same, for the policy). CNAMEs may have led to a DNAME. */
static void find_last(struct acceptance *a)
{
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name owner;

    a->last = (uint8_t)(a->chain->count - 1);
    wire_cursor_start(&cursor, &a->message);
    while ((a->fetch->type == WIRE_CNAME || a->fetch->type == WIRE_DNAME) &&
           wire_cursor_next(&cursor, &record) > 0 && record.section == WIRE_ANSWER) {
        if (record.type == a->fetch->type && record.class == WIRE_IN &&
            wire_record_owner(&a->message, &record, &owner) == WIRE_OK) {
            const uint8_t place = place_on_chain(a, &owner);

            a->last = place != PLACE_NONE ? place : a->last;
        }
    }
}

/* Writes the whole message. False: malformed, contradictory, or too large. */
static bool write_message(struct acceptance *a, unsigned rcode, size_t *len)
{
    const struct wire_name *name = &a->fetch->name;
    uint8_t raw[WIRE_NAME_MAX + 4];

    find_last(a);
    /* A CNAME that was asked for may be what a DNAME implies, which proves it (RFC 6672,
     * 5.3.1). */
    a->hops = a->fetch->type == WIRE_CNAME ? (uint8_t)(a->chain->count - 1) : a->last;
    if (!place_answers(a, false) || (a->fetch->dnssec_ok && !place_answers(a, true)) ||
        (rcode == WIRE_NXDOMAIN && a->has_data)) {
        return false;
    }
    memcpy(raw, name->octets, name->len);
    wire_put16(raw + name->len, a->fetch->type);
    wire_put16(raw + name->len + 2, WIRE_IN);
    wire_writer_begin(&a->writer, a->engine->accepted_octets,
                      sizeof(a->engine->accepted_octets), raw, name->len + 4u);
    for (uint8_t hop = 0; hop <= a->last; hop++) {
        if (!write_hop(a, hop)) {
            return false;
        }
    }
    a->negative = !a->has_data;
    if ((a->negative && !write_soa(a)) || (a->fetch->dnssec_ok && !write_proofs(a))) {
        return false;
    }
    *len = wire_writer_end(&a->writer, 0, (uint16_t)(WIRE_FLAG_QR | rcode));
    return *len > 0;
}

/* Upstreams have answered, but not usefully: the last such answer, if there is one, says why.
 */
static void accept_rejected(const struct query_engine *engine,
                            const struct query_fetch_result *result, struct query_answer *out)
{
    struct wire_message message;
    int ede = WIRE_EDE_NONE;

    if (result->len > 0 &&
        wire_message_open(result->octets, result->len, &message) == WIRE_OK) {
        const int rcode = wire_message_rcode(&message, &ede);

        if (rcode > 0) {
            fail(out, engine->settings, ede, words_of_rcode((unsigned)rcode));
            return;
        }
    }
    fail(out, engine->settings, WIRE_EDE_NETWORK_ERROR, "no upstream gave a usable answer");
}

static void accept_octets(struct query_engine *engine, const struct query_fetch *fetch,
                          const struct query_fetch_result *result, struct query_answer *out)
{
    const struct query_settings *settings = engine->settings;
    struct acceptance a; /* the zones are written before they are read */
    int ede = WIRE_EDE_NONE;
    size_t len;

    memset(&a, 0, offsetof(struct acceptance, zones));
    a.engine = engine;
    a.fetch = fetch;
    a.chain = &engine->chain;
    a.ttl_s = UINT32_MAX;

    if (wire_message_open(result->octets, result->len, &a.message) != WIRE_OK) {
        fail(out, settings, WIRE_EDE_INVALID_DATA, "the upstream's answer is malformed");
        return;
    }
    const int rcode = wire_message_rcode(&a.message, &ede);
    if (rcode > 0 && rcode != WIRE_NXDOMAIN) {
        fail(out, settings, ede, words_of_rcode((unsigned)rcode));
        return;
    }
    const char *wrong =
        rcode < 0 ? "the upstream's answer is malformed" : check_message(&a, &engine->chain);
    if (wrong != NULL) {
        fail(out, settings, WIRE_EDE_INVALID_DATA, wrong);
        return;
    }
    if (!write_message(&a, (unsigned)rcode, &len)) {
        fail(out, settings, WIRE_EDE_INVALID_DATA, "the upstream's answer is malformed");
        return;
    }
    *out = (struct query_answer){.kind = CACHE_ANSWER,
                                 .octets = engine->accepted_octets,
                                 .len = len,
                                 .ttl_s = a.negative && !a.has_soa ? 0 : a.ttl_s,
                                 .ede = WIRE_EDE_NONE};
}

void query_accept(struct query_engine *engine, const struct query_fetch *fetch,
                  const struct query_fetch_result *result, struct query_answer *out)
{
    const struct query_settings *settings = engine->settings;

    switch (result->status) {
    case QUERY_FETCH_ANSWER:
        accept_octets(engine, fetch, result, out);
        return;
    case QUERY_FETCH_TIMEOUT:
        fail(out, settings, WIRE_EDE_NO_REACHABLE, "no upstream answered in time");
        return;
    case QUERY_FETCH_UNREACHABLE:
        fail(out, settings, WIRE_EDE_NO_REACHABLE, "the upstreams are unreachable");
        return;
    case QUERY_FETCH_UNPROVED:
        fail(out, settings, WIRE_EDE_NO_REACHABLE,
             "an upstream could not prove over TLS who it is");
        return;
    case QUERY_FETCH_REJECTED:
        accept_rejected(engine, result, out);
        return;
    case QUERY_FETCH_UNMATCHED:
        fail(out, settings, WIRE_EDE_NETWORK_ERROR,
             "no answer of the upstreams matched its question");
        return;
    case QUERY_FETCH_NO_DESCRIPTOR:
        fail(out, settings, WIRE_EDE_NO_REACHABLE, "this resolver is out of file descriptors");
        return;
    }
}
