/*
 * LOCAL: what is answered here by what the place says, before policy, cache and upstreams.
 *
 * Such a name never leaves, so there is nothing that a policy could keep from anybody. And, at
 * RECHECK, answers from outside that lead inside.
 */
#include "query/engine.h"

#include "local/rebinding.h"

#define SOA_SERIAL 1

uint16_t query_find_local(const struct query_engine *engine, const struct wire_name *name,
                          uint16_t type, struct local_answer *answer)
{
    const struct query_settings *settings = engine->settings;
    const struct query_zone *zone = query_settings_zone(settings, name);

    local_find(settings->local_names, settings->local_special,
               zone != NULL ? zone->name.labels : 0, name, type, answer);
    return zone != NULL ? zone->context : 0;
}

/* Writes what a zone has. An alias is followed through the zones, where its target is (see
 * local/zones.h). Returns the response code. */
static unsigned write_zone(struct wire_writer *writer, const struct wire_name *asked,
                           uint16_t type, const struct local_answer *answer)
{
    const struct local_zones *zones = answer->zones;
    struct local_zones_answer found = answer->found;
    struct wire_name owner = *asked;
    const uint8_t *rdata = NULL;
    size_t len = 0;
    uint32_t ttl_s = 0;

    for (unsigned hop = 0; found.kind == LOCAL_ZONES_DATA || found.kind == LOCAL_ZONES_ALIAS;
         hop++) {
        size_t at = 0;
        size_t pos = 0;

        if (hop > LOCAL_ZONE_ALIASES_MAX) {
            return WIRE_SERVFAIL; /* refused at the start: never so far */
        }
        while (local_zones_next(zones, &found, &at, &rdata, &len)) {
            wire_write_record(writer, WIRE_ANSWER, &owner, found.type, found.ttl_s, rdata, len);
        }
        if (found.kind == LOCAL_ZONES_DATA) {
            return WIRE_NOERROR;
        }
        if (wire_name_read(rdata, len, &pos, &owner) != WIRE_OK) {
            return WIRE_SERVFAIL;
        }
        local_zones_find(zones, &owner, type, &found);
    }
    if (found.kind != LOCAL_ZONES_NOT) {
        local_zones_soa(zones, found.zone, &owner, &rdata, &len, &ttl_s);
        wire_write_record(writer, WIRE_AUTHORITY, &owner, WIRE_SOA, ttl_s, rdata, len);
    }
    return found.kind == LOCAL_ZONES_NXDOMAIN ? WIRE_NXDOMAIN : WIRE_NOERROR;
}

/* The records of the answer, which belong to this name. Returns the response code. */
unsigned query_write_local(struct wire_writer *writer, const struct wire_name *owner,
                           uint16_t type, const struct local_answer *answer)
{
    struct wire_name apex;

    switch (answer->kind) {
    case LOCAL_DATA:
        for (size_t i = 0; i < answer->count; i++) {
            wire_write_record(writer, WIRE_ANSWER, owner, type, answer->ttl_s,
                              answer->rdata + i * answer->rdata_len, answer->rdata_len);
        }
        return WIRE_NOERROR;
    case LOCAL_NS:
        wire_write_record(writer, WIRE_ANSWER, owner, WIRE_NS, answer->ttl_s, owner->octets,
                          owner->len);
        return WIRE_NOERROR;
    case LOCAL_ZONE:
        return write_zone(writer, owner, type, answer);
    case LOCAL_SOA:
        wire_write_soa(writer, WIRE_ANSWER, owner, owner, &query_soa_rname, SOA_SERIAL,
                       answer->ttl_s);
        return WIRE_NOERROR;
    case LOCAL_NOT:
    case LOCAL_NODATA:
    case LOCAL_NXDOMAIN:
        break;
    }
    wire_name_suffix(owner, answer->apex, &apex);
    wire_write_soa(writer, WIRE_AUTHORITY, &apex, &apex, &query_soa_rname, SOA_SERIAL,
                   answer->ttl_s);
    return answer->kind == LOCAL_NXDOMAIN ? WIRE_NXDOMAIN : WIRE_NOERROR;
}

enum query_state step_local(struct query_engine *engine, struct query *q)
{
    const struct wire_question *question = &q->question;
    struct local_answer answer;
    struct wire_writer writer;

    if (engine->loop != NULL && query_loop_is_ours(engine->loop, &question->name)) {
        return respond_empty(engine, q, WIRE_REFUSED, 0, WIRE_EDE_NONE, NULL);
    }
    q->context = query_find_local(engine, &question->name, question->type, &answer);
    if (answer.kind == LOCAL_NOT) {
        return QUERY_DECIDE;
    }
    /* After a reload: what was asked for before counts no more. */
    q->cached = AUDIT_CACHED_NOT;
    query_leave_fetch(engine, q);
    engine->counters.local++;
    if (question->type == WIRE_ANY && !local_is_nxdomain(&answer)) {
        return respond_any(engine, q);
    }
    if (!respond_begin(engine, q, &writer)) {
        q->rcode = local_is_nxdomain(&answer) ? WIRE_NXDOMAIN : WIRE_NOERROR;
        return QUERY_RECORD;
    }
    const unsigned rcode = query_write_local(&writer, &question->name, question->type, &answer);
    return respond_end(engine, q, &writer, rcode, WIRE_EDE_NONE, NULL);
}

/* The asked name decides, not the aliases on the way: it is the one that a browser trusts. */
bool query_is_rebinding(const struct query_engine *engine, const struct query *q,
                        const struct wire_message *message)
{
    const struct query_settings *settings = engine->settings;

    return settings->rebinding_protection && q->context == 0 && local_leads_inside(message) &&
           !local_in_zones(&q->question.name, settings->rebinding_allow,
                           settings->rebinding_allow_count);
}

/* NODATA: nothing of the answer can be shown, and no other resolver is to be asked instead. */
enum query_state respond_rebinding(struct query_engine *engine, struct query *q)
{
    const struct local_answer answer = {.kind = LOCAL_NODATA,
                                        .apex = q->question.name.labels,
                                        .ttl_s = engine->settings->block_ttl_s};
    struct wire_writer writer;

    engine->counters.rebinding++;
    if (!respond_begin(engine, q, &writer)) {
        return QUERY_RECORD;
    }
    query_write_local(&writer, &q->question.name, q->question.type, &answer);
    return respond_end(engine, q, &writer, WIRE_NOERROR, WIRE_EDE_BLOCKED,
                       "rebinding: the answer leads into a private network");
}
