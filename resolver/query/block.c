/*
 * What a blocked question is answered: one function per action.
 *
 * Every negative answer has an SOA whose MINIMUM and TTL are the block TTL (RFC 2308, 5), so
 * that a client forgets it as soon as a forged address. NODATA is told by an SOA of the asked
 * name; NXDOMAIN by one of its parent, since an apex cannot be the name that does not exist.
 */
#include "query/engine.h"

#include "policy/words.h"

#include <stdio.h>
#include <string.h>

_Static_assert(BLOCK_TEXT_SIZE >= POLICY_EDE_MAX, "the words fit");

/* Names under `invalid.` never exist (RFC 6761, 6.4): nobody is pointed at by mistake. */
static const struct wire_name soa_mname = {.octets = "\x06"
                                                     "cordon"
                                                     "\x07"
                                                     "invalid",
                                           .at = {0, 7, 15},
                                           .len = 16,
                                           .labels = 2};
const struct wire_name query_soa_rname = {.octets = "\x06"
                                                    "nobody"
                                                    "\x07"
                                                    "invalid",
                                          .at = {0, 7, 15},
                                          .len = 16,
                                          .labels = 2};

/* NULL: of no view in particular. */
static const struct query_view *view_of(const struct query_settings *settings,
                                        const struct query *q)
{
    return q->view < settings->view_count ? &settings->views[q->view] : NULL;
}

int block_code(const struct query_settings *settings, const struct policy_said *said)
{
    const int code = said != NULL && said->legal ? WIRE_EDE_CENSORED : WIRE_EDE_BLOCKED;

    return settings->block_ede >= 0 ? settings->block_ede : code;
}

void block_write_soa(struct wire_writer *writer, const struct wire_name *owner, uint32_t serial,
                     uint32_t ttl_s)
{
    wire_write_soa(writer, WIRE_AUTHORITY, owner, &soa_mname, &query_soa_rname, serial, ttl_s);
}

int block_ede(const struct query_engine *engine, const struct query *q, bool forged,
              char text[BLOCK_TEXT_SIZE])
{
    const struct query_settings *settings = engine->settings;
    const struct query_view *view = view_of(settings, q);
    const struct policy_said *said = policy_hit_said(engine->policy, &q->hits.at[q->block]);

    policy_words_ede(engine->policy, &q->hits.at[q->block],
                     view != NULL ? view->name : "default", text);
    return forged ? WIRE_EDE_FORGED : block_code(settings, said);
}

static enum query_state block_empty(struct query_engine *engine, struct query *q,
                                    unsigned rcode, uint16_t flags)
{
    char text[BLOCK_TEXT_SIZE];
    const int ede = block_ede(engine, q, false, text);

    return respond_empty(engine, q, rcode, flags, ede, text);
}

static enum query_state block_negative(struct query_engine *engine, struct query *q,
                                       unsigned rcode)
{
    const struct policy_said *said = policy_hit_said(engine->policy, &q->hits.at[q->block]);
    const uint8_t labels = q->question.name.labels;
    struct wire_writer writer;
    struct wire_name owner;
    char text[BLOCK_TEXT_SIZE];

    if (query_ready_negative(engine, q, rcode)) {
        return QUERY_SEND;
    }
    if (!respond_begin(engine, q, &writer)) {
        q->rcode = (uint8_t)rcode;
        return QUERY_RECORD;
    }
    wire_name_suffix(&q->question.name,
                     rcode == WIRE_NXDOMAIN && labels > 0 ? labels - 1u : labels, &owner);
    const uint32_t serial = said != NULL ? said->serial : 1;
    block_write_soa(&writer, &owner, serial, engine->settings->block_ttl_s);
    const int ede = block_ede(engine, q, false, text);
    return respond_end(engine, q, &writer, rcode, ede, text);
}

enum query_state block_sinkhole(struct query_engine *engine, struct query *q)
{
    const struct query_settings *settings = engine->settings;
    const struct query_view *view = view_of(settings, q);
    const struct address *sinkhole4 = view != NULL ? &view->sinkhole4 : &settings->sinkhole4;
    const struct address *sinkhole6 = view != NULL ? &view->sinkhole6 : &settings->sinkhole6;
    const bool v4 = q->question.type == WIRE_A && sinkhole4->family == ADDRESS_V4;
    const bool v6 = q->question.type == WIRE_AAAA && sinkhole6->family == ADDRESS_V6;
    const struct address *address = v4 ? sinkhole4 : sinkhole6;
    char text[BLOCK_TEXT_SIZE];

    if (!v4 && !v6) {
        return block_negative(engine, q, WIRE_NOERROR);
    }
    if (query_ready_forged(engine, q)) {
        return QUERY_SEND;
    }
    const int ede = block_ede(engine, q, true, text);
    return respond_record(engine, q, settings->block_ttl_s, address->octets,
                          address_octets(address), ede, text);
}

/* True if names below this one are answered here, or asked for whatever policy says. */
static bool is_above_ours(const struct query_engine *engine, const struct wire_name *name)
{
    const struct query_settings *settings = engine->settings;

    for (size_t i = 0; i < settings->zone_count; i++) {
        if (settings->zones[i].exempt && wire_name_is_within(&settings->zones[i].name, name)) {
            return true;
        }
    }
    return settings->local_names != NULL && local_names_below(settings->local_names, name);
}

/* A name with something let through below it exists (RFC 8020), and so do the root and, where
 * all is denied by default, what stands right below it. */
static enum query_state block_nxdomain(struct query_engine *engine, struct query *q)
{
    const struct wire_name *name = &q->question.name;
    const bool by_default = q->hits.at[q->block].ground == POLICY_GROUND_DEFAULT;
    const bool exists = name->labels == 0 || (by_default && name->labels == 1) ||
                        is_above_ours(engine, name) ||
                        policy_passes_below(engine->policy, q->view, name);

    return block_negative(engine, q, exists ? WIRE_NOERROR : WIRE_NXDOMAIN);
}

enum query_state query_block(struct query_engine *engine, struct query *q)
{
    const struct policy_hit *hit = &q->hits.at[q->block];

    q->blocked = true;
    if (q->fetch != NULL) {
        query_leave_fetch(engine, q); /* decided anew by a reload: it waits no longer */
    }
    switch ((enum policy_action)hit->action) {
    case POLICY_ACTION_SINKHOLE:
        return block_sinkhole(engine, q);
    case POLICY_ACTION_NXDOMAIN:
        return block_nxdomain(engine, q);
    case POLICY_ACTION_NODATA:
        return block_negative(engine, q, WIRE_NOERROR);
    case POLICY_ACTION_REFUSED:
        return block_empty(engine, q, WIRE_REFUSED, 0);
    case POLICY_ACTION_DROP:
        engine->counters.dropped++;
        return QUERY_RECORD;
    case POLICY_ACTION_TRUNCATE:
        return block_empty(engine, q, WIRE_NOERROR, WIRE_FLAG_TC);
    case POLICY_ACTION_REDIRECT:
        return redirect_start(engine, q);
    case POLICY_ACTION_DEFAULT:
    case POLICY_ACTION_PASS:
    case POLICY_ACTION_LOG:
        break;
    }
    return block_sinkhole(engine, q); /* only a damaged image says so: blocked all the same */
}
