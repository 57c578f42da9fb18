/*
 * SERVERS: the policy on the name servers of the zones that an answer comes from.
 *
 * What is known of them is in the cache: looked up each time, so that nothing has to be kept
 * twice or forgotten at a change of policy.
 */
#include "query/engine.h"
#include "query/learn.h"

#include <string.h>

enum known {
    KNOWN_ANSWER,
    KNOWN_FAILURE,
    KNOWN_NOT
};

/* Clients that ask for signatures have entries of their own, which tell the same. */
#define PLACES 3u

static void keys_of(const struct query_lack *what, struct cache_key keys[PLACES])
{
    for (size_t i = 0; i < PLACES; i++) {
        keys[i] = (struct cache_key){
            .name = &what->name, .type = what->type, .context = what->context};
    }
    keys[1].dnssec_ok = true;
    keys[2].context = QUERY_CONTEXT_LEARNED;
}

static bool open_learned(const struct query_engine *engine, size_t len,
                         struct wire_message *message)
{
    return wire_message_open(engine->learned_octets, len, message) == WIRE_OK &&
           message->counts[0] == 1;
}

/* Past its time: where it cannot be had anew, or what it is about is past its time as well, it
 * is better for a decision than nothing. */
static bool find_stale(struct query_engine *engine, const struct cache_key keys[PLACES],
                       struct wire_message *message)
{
    struct cache_entry entry;

    for (size_t i = 0; i < PLACES; i++) {
        if (cache_get_stale(engine->cache, &keys[i], engine->now.mono_us, 0,
                            engine->learned_octets, sizeof(engine->learned_octets), &entry) &&
            open_learned(engine, entry.len, message)) {
            return true;
        }
    }
    return false;
}

/* What the cache has. */
static enum known find(struct query_engine *engine, const struct query_lack *what, bool stale,
                       struct wire_message *message)
{
    struct cache_key keys[PLACES];
    enum known known = KNOWN_NOT;
    struct cache_entry entry;
    bool there = false;

    keys_of(what, keys);
    for (size_t i = 0; i < PLACES; i++) {
        if (!cache_get(engine->cache, &keys[i], engine->now.mono_us, engine->learned_octets,
                       sizeof(engine->learned_octets), &entry)) {
            there = there || entry.stale;
            stale = stale || entry.failed;
        } else if (entry.kind == CACHE_FAILURE) {
            known = KNOWN_FAILURE;
        } else if (open_learned(engine, entry.len, message)) {
            return KNOWN_ANSWER;
        }
    }
    return there && (stale || known == KNOWN_FAILURE) && find_stale(engine, keys, message)
               ? KNOWN_ANSWER
               : known;
}

/* Policy has a say about the name, and it is not known here. Sets its context. */
static bool is_outside(const struct query_engine *engine, struct query_lack *what)
{
    struct local_answer local;

    what->context = query_find_local(engine, &what->name, what->type, &local);
    return local.kind == LOCAL_NOT && !query_settings_exempt(engine->settings, what->context);
}

/* Whether a question about the name may leave: nothing that policy blocks or
 * denies is asked for. */
static bool may_ask(const struct query_engine *engine, unsigned view,
                    const struct query_lack *what)
{
    struct policy_outcome outcome;

    if (what->context == 0 && !engine->settings->have_upstreams) {
        return false;
    }
    policy_decide_question(engine->policy, view, &what->name, &outcome);
    return !policy_outcome_blocks(&outcome);
}

static void add_lack(struct query_engine *engine, const struct query_lack *lack)
{
    for (unsigned i = 0; i < engine->lack_count; i++) {
        if (engine->lacks[i].type == lack->type &&
            wire_name_equal(&engine->lacks[i].name, &lack->name)) {
            return;
        }
    }
    if (engine->lack_count < QUERY_LESSONS_PER_QUERY_MAX) {
        engine->lacks[engine->lack_count++] = *lack;
    }
}

/* True if message is the answer; else it is lacking, or cannot be known. */
static bool know(struct query_engine *engine, struct query_look *look, struct query_lack *what,
                 struct wire_message *message)
{
    const enum known known =
        is_outside(engine, what) ? find(engine, what, look->stale, message) : KNOWN_FAILURE;

    if (known == KNOWN_NOT && may_ask(engine, look->view, what)) {
        add_lack(engine, what);
    } else if (known != KNOWN_ANSWER) {
        look->unknown = true;
    }
    return known == KNOWN_ANSWER;
}

static void read_hosts(struct query_engine *engine, const struct wire_message *message)
{
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name owner;

    engine->host_count = 0;
    wire_cursor_start(&cursor, message);
    while (engine->host_count < QUERY_HOSTS_MAX && wire_cursor_next(&cursor, &record) > 0) {
        if (record.section == WIRE_ANSWER && record.type == WIRE_NS &&
            wire_record_owner(message, &record, &owner) == WIRE_OK &&
            wire_name_equal(&owner, &message->name) &&
            wire_record_name(message, &record, 0, &engine->hosts[engine->host_count]) ==
                WIRE_OK) {
            engine->host_count++;
        }
    }
}

/* The name servers of a zone, in engine->hosts. A name without any that is said to be in the
 * zone of another is that one's; those of a name that it is an alias of are not its own. False:
 * not known (yet). */
static bool find_hosts(struct query_engine *engine, struct query_look *look,
                       const struct wire_name *zone)
{
    struct query_lack what = {.name = *zone, .type = WIRE_NS};
    struct wire_message message;
    struct wire_name above;

    engine->host_count = 0;
    if (!know(engine, look, &what, &message)) {
        return false;
    }
    read_hosts(engine, &message);
    if (engine->host_count == 0 && query_origin_soa(&message, zone, &above) &&
        above.labels < zone->labels) {
        what.name = above;
        if (!know(engine, look, &what, &message)) {
            return false;
        }
        read_hosts(engine, &message);
    }
    look->unknown = look->unknown || engine->host_count == 0;
    return engine->host_count > 0;
}

static bool add_outcome(const struct query_engine *engine, struct query_look *look,
                        struct policy_outcome *outcome)
{
    policy_except_chain(engine->policy, look->view, look->asked, outcome);
    return policy_hits_add(look->hits, outcome, look->block);
}

static bool decide_names(struct query_engine *engine, struct query_look *look, uint8_t hop)
{
    struct policy_outcome outcome;

    for (unsigned i = 0; i < engine->host_count; i++) {
        policy_decide_name(engine->policy, look->view, POLICY_TRIGGER_NAMESERVER, hop,
                           &engine->hosts[i], &outcome);
        if (add_outcome(engine, look, &outcome)) {
            return true;
        }
    }
    return false;
}

static bool decide_addresses_of(struct query_engine *engine, struct query_look *look,
                                uint8_t hop, const struct wire_name *host, uint16_t type)
{
    struct query_lack what = {.name = *host, .type = type};
    struct policy_outcome outcome;
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    struct address address;

    if (!know(engine, look, &what, &message)) {
        return false;
    }
    wire_cursor_start(&cursor, &message);
    while (wire_cursor_next(&cursor, &record) > 0) {
        if (record.section == WIRE_ANSWER && record.type == type &&
            wire_record_address(&message, &record, &address)) {
            policy_decide_address(engine->policy, look->view, POLICY_TRIGGER_NAMESERVER_ADDRESS,
                                  hop, host, &address, &outcome);
            if (add_outcome(engine, look, &outcome)) {
                return true;
            }
        }
    }
    return false;
}

static bool decide_addresses(struct query_engine *engine, struct query_look *look, uint8_t hop)
{
    for (unsigned i = 0; i < engine->host_count && i < QUERY_HOST_ADDRESSES_OF; i++) {
        if (decide_addresses_of(engine, look, hop, &engine->hosts[i], WIRE_A) ||
            decide_addresses_of(engine, look, hop, &engine->hosts[i], WIRE_AAAA)) {
            return true;
        }
    }
    return false;
}

bool query_look_at_servers(struct query_engine *engine, struct query_look *look)
{
    look->unknown = look->origins->more;
    for (uint8_t i = 0; i < look->origins->count && !look->hits->passed; i++) {
        const struct query_origin *origin = &look->origins->at[i];

        if (find_hosts(engine, look, &origin->zone) &&
            (look->addresses ? decide_addresses(engine, look, origin->hop)
                             : decide_names(engine, look, origin->hop))) {
            return true;
        }
    }
    return false;
}

/* What a look at both triggers has found. */
struct finding {
    bool last; /* nothing more will be learned: what there is counts */
    bool blocked;
    bool unknown;                     /* something cannot be had */
    struct query_servers_wanted now;  /* lacking, and needed before the answer */
    struct query_servers_wanted late; /* lacking, for events alone: no hit of it was kept */
};

static void look_at(struct query_engine *engine, struct query *q, bool addresses,
                    enum policy_mode mode, struct finding *finding)
{
    const struct query_mark before = query_mark_hits(q);
    struct query_look look = {.view = q->view,
                              .asked = &q->question.name,
                              .origins = &engine->origins,
                              .addresses = addresses,
                              .stale = engine->answer.stale,
                              .hits = &q->hits,
                              .block = &q->block};

    if (mode == POLICY_MODE_OFF || finding->blocked) {
        return;
    }
    engine->lack_count = 0;
    finding->blocked = query_look_at_servers(engine, &look);
    const bool lacking = !finding->blocked && engine->lack_count > 0;
    const bool late = lacking && mode == POLICY_MODE_LOG && q->trace == NULL;
    struct query_servers_wanted *wanted = late ? &finding->late : &finding->now;

    finding->unknown = finding->unknown || look.unknown || (lacking && finding->last);
    if (lacking && !finding->last) {
        wanted->names = wanted->names || !addresses;
        wanted->addresses = wanted->addresses || addresses;
    }
    if (late && !finding->last) { /* all of it comes in one event, when all is known */
        query_reset_hits(q, &before);
    }
}

static bool any(const struct query_servers_wanted *wanted)
{
    return wanted->names || wanted->addresses;
}

/* An exception with chain scope, or a pass that says so, lets all of the answer through. */
bool query_wants_servers(const struct query_engine *engine, const struct query *q)
{
    const struct policy_name_server_use use = policy_name_server_use(engine->policy, q->view);

    return (use.names != POLICY_MODE_OFF || use.addresses != POLICY_MODE_OFF) &&
           !q->hits.passed && !policy_excepts_chain(engine->policy, q->view, &q->question.name);
}

/* Both, from the hits that were there before. */
static void look_at_both(struct query_engine *engine, struct query *q,
                         const struct query_mark *before, struct finding *finding)
{
    const struct policy_name_server_use use = policy_name_server_use(engine->policy, q->view);

    query_reset_hits(q, before);
    look_at(engine, q, false, use.names, finding);
    look_at(engine, q, true, use.addresses, finding);
}

enum query_state step_servers(struct query_engine *engine, struct query *q)
{
    const struct query_mark before = query_mark_hits(q);
    struct finding finding = {.last = (q->question.flags & WIRE_FLAG_RD) == 0};
    struct wire_message message;

    if (wire_message_open(engine->answer.octets, engine->answer.len, &message) != WIRE_OK) {
        return respond_failure(engine, q, WIRE_EDE_INVALID_DATA, "the answer is malformed");
    }
    query_origins_find(engine->settings, &message, &engine->chain, &engine->origins);
    look_at_both(engine, q, &before, &finding);
    if (!finding.blocked && any(&finding.now) &&
        query_learn_wait(engine, q, &engine->origins, finding.now)) {
        query_reset_hits(q, &q->asked); /* the answer is looked at again: maybe another one */
        return QUERY_WAIT;
    }
    if (!finding.blocked && any(&finding.late) &&
        !query_learn_prepare(engine, q, &engine->origins, finding.late)) {
        finding = (struct finding){.last = true};
        look_at_both(engine, q, &before, &finding);
    }
    if (finding.blocked) {
        return query_block(engine, q);
    }
    if (finding.unknown || any(&finding.now)) {
        engine->counters.servers_unknown += q->trace == NULL ? 1 : 0;
        q->servers_unknown = true;
    }
    return respond_message(engine, q, &message);
}
