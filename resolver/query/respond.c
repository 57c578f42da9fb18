/*
 * Writing answers, sending and recording them.
 *
 * AA is never set, nor AD: what we tell comes from elsewhere and is not validated here. RD and
 * CD are the client's, RA is set, the question section is as the client wrote it.
 */
#include "query/engine.h"

#include "base/invariant.h"

#include <stdatomic.h>
#include <string.h>

/* TTL of the HINFO record that answers ANY (RFC 8482, 4.2). */
#define ANY_TTL_S 300

/* hot */
uint16_t respond_flags(const struct query *q, unsigned rcode)
{
    return (uint16_t)(WIRE_FLAG_QR | WIRE_FLAG_RA | (rcode & WIRE_RCODE_MASK) |
                      (q->question.flags & (WIRE_FLAG_RD | WIRE_FLAG_CD)));
}

static void opt_for(const struct query_engine *engine, const struct query *q, unsigned rcode,
                    int ede, const char *ede_text, struct wire_opt *opt)
{
    const bool told = engine->settings->ede && ede >= 0;
    const bool keepalive = q->client.transport == QUERY_TCP && q->question.has_keepalive;
    const bool cookie = q->cookie_verdict != QUERY_COOKIE_NONE;

    *opt = (struct wire_opt){.udp_size = engine->settings->udp_size,
                             .dnssec_ok = q->question.dnssec_ok,
                             .rcode = rcode,
                             .ede = told ? ede : WIRE_EDE_NONE,
                             .ede_text = told ? ede_text : NULL,
                             .keepalive_100ms = keepalive ? q->client.keepalive_100ms : -1,
                             .cookie = cookie ? q->cookie : NULL,
                             .cookie_len = cookie ? sizeof(q->cookie) : 0};
}

bool respond_reserve(struct query_engine *engine, struct query *q)
{
    if (q->out != NULL) {
        return true; /* an answer was begun and thought better of */
    }
    if (q->trace == NULL) {
        q->out = engine->io->reserve(engine->io_context, q, &q->out_size);
    } else {
        q->out = q->trace->answer;
        q->out_size = sizeof(q->trace->answer);
    }
    if (q->out == NULL) {
        return false;
    }
    if (q->client.transport == QUERY_UDP) {
        size_t limit = q->question.udp_size; /* 512 without EDNS */

        if (limit > engine->settings->udp_size) {
            limit = engine->settings->udp_size;
        }
        if (limit < WIRE_UDP_CLASSIC) {
            limit = WIRE_UDP_CLASSIC;
        }
        if (q->out_size > limit) {
            q->out_size = limit;
        }
    }
    return true;
}

static enum query_state written(struct query *q, size_t len, unsigned rcode)
{
    q->out_len = len;
    q->rcode = (uint8_t)rcode;
    return len > 0 ? QUERY_SEND : QUERY_RECORD;
}

static enum query_state write_empty(const struct query_engine *engine, struct query *q,
                                    unsigned rcode, uint16_t flags, int ede,
                                    const char *ede_text)
{
    struct wire_opt opt;

    opt_for(engine, q, rcode, ede, ede_text, &opt);
    const size_t len = wire_answer_error(q->out, q->out_size, &q->question, rcode, &opt);
    if (len > 0) {
        wire_put16(q->out + 2, (uint16_t)(wire_get16(q->out + 2) | flags));
    }
    return written(q, len, rcode);
}

enum query_state respond_empty(struct query_engine *engine, struct query *q, unsigned rcode,
                               uint16_t flags, int ede, const char *ede_text)
{
    q->rcode = (uint8_t)rcode;
    if (!respond_reserve(engine, q)) {
        return QUERY_RECORD;
    }
    return write_empty(engine, q, rcode, flags, ede, ede_text);
}

/* It does not fit: the client asks again over TCP (RFC 2181, 9: nothing is half told). */
static enum query_state write_truncated(struct query_engine *engine, struct query *q,
                                        unsigned rcode)
{
    engine->counters.truncated++;
    return write_empty(engine, q, rcode, WIRE_FLAG_TC, WIRE_EDE_NONE, NULL);
}

/* RFC 8914: 3, or 19 where the name is said not to exist. */
static int ede_of_stale(struct query_engine *engine, const struct query *q, unsigned rcode)
{
    engine->counters.stale += q->trace == NULL ? 1 : 0;
    return rcode == WIRE_NXDOMAIN ? WIRE_EDE_STALE_NXDOMAIN : WIRE_EDE_STALE;
}

/*
 * The stored message is written by us and its question section is as long as the client's, so
 * it is copied as it is: pointers stay right, and owners get the client's letter case.
 */
enum query_state respond_message(struct query_engine *engine, struct query *q,
                                 const struct wire_message *message)
{
    const unsigned rcode = message->flags & WIRE_RCODE_MASK;
    struct wire_writer writer = {.len = message->len};
    struct wire_opt opt;

    invariant(message->body == WIRE_HEADER_OCTETS + (size_t)q->question.raw_len);
    q->rcode = (uint8_t)rcode;
    if (!respond_reserve(engine, q)) {
        return QUERY_RECORD;
    }
    const int ede = engine->answer.stale ? ede_of_stale(engine, q, rcode) : WIRE_EDE_NONE;
    opt_for(engine, q, rcode, ede, NULL, &opt);
    const size_t opt_octets = q->question.has_edns ? wire_opt_octets(&opt) : 0;
    if (message->len + opt_octets > q->out_size) {
        return write_truncated(engine, q, rcode);
    }
    memcpy(q->out, message->octets, message->len);
    memcpy(q->out + WIRE_HEADER_OCTETS, q->question.raw, q->question.raw_len);
    writer.octets = q->out;
    writer.size = q->out_size;
    memcpy(writer.counts, message->counts, sizeof(writer.counts));
    if (engine->settings->rotate) {
        query_rotate(engine, q, &writer);
    }
    if (q->question.has_edns) {
        wire_write_opt(&writer, &opt);
    }
    return written(q, wire_writer_end(&writer, q->question.id, respond_flags(q, rcode)), rcode);
}

bool respond_begin(struct query_engine *engine, struct query *q, struct wire_writer *writer)
{
    if (!respond_reserve(engine, q)) {
        return false;
    }
    wire_writer_begin(writer, q->out, q->out_size, q->question.raw, q->question.raw_len);
    return true;
}

enum query_state respond_end(struct query_engine *engine, struct query *q,
                             struct wire_writer *writer, unsigned rcode, int ede,
                             const char *ede_text)
{
    struct wire_opt opt;

    if (engine->settings->rotate) {
        query_rotate(engine, q, writer);
    }
    if (q->question.has_edns) {
        opt_for(engine, q, rcode, ede, ede_text, &opt);
        wire_write_opt(writer, &opt);
    }
    const size_t len = wire_writer_end(writer, q->question.id, respond_flags(q, rcode));
    return len > 0 ? written(q, len, rcode) : write_truncated(engine, q, rcode);
}

enum query_state respond_record(struct query_engine *engine, struct query *q, uint32_t ttl_s,
                                const uint8_t *rdata, size_t rdata_len, int ede,
                                const char *ede_text)
{
    struct wire_opt opt;

    q->rcode = WIRE_NOERROR;
    if (!respond_reserve(engine, q)) {
        return QUERY_RECORD;
    }
    opt_for(engine, q, WIRE_NOERROR, ede, ede_text, &opt);
    const size_t len = wire_answer_record(q->out, q->out_size, &q->question, ttl_s, rdata,
                                          rdata_len, q->question.has_edns ? &opt : NULL);
    return len > 0 ? written(q, len, WIRE_NOERROR) : write_truncated(engine, q, WIRE_NOERROR);
}

enum query_state respond_any(struct query_engine *engine, struct query *q)
{
    static const uint8_t hinfo[] = "\x07RFC8482"; /* and an empty string: the final zero */
    struct wire_writer writer;

    if (!respond_begin(engine, q, &writer)) {
        return QUERY_RECORD;
    }
    wire_write_record(&writer, WIRE_ANSWER, &q->question.name, WIRE_HINFO, ANY_TTL_S, hinfo,
                      sizeof(hinfo));
    return respond_end(engine, q, &writer, WIRE_NOERROR, WIRE_EDE_NONE, NULL);
}

/* What a kept failure was, for the text beside EDE 13. */
static const char *words_of_cached(int ede)
{
    switch (ede) {
    case WIRE_EDE_NO_REACHABLE:
        return "a moment ago: the upstreams are unreachable";
    case WIRE_EDE_NETWORK_ERROR:
        return "a moment ago: no upstream gave a usable answer";
    case WIRE_EDE_INVALID_DATA:
        return "a moment ago: the upstream's answer was malformed";
    default:
        return "a moment ago: the upstream reported a failure";
    }
}

enum query_state respond_failure(struct query_engine *engine, struct query *q, int ede,
                                 const char *words)
{
    if (q->redirect != NULL) {
        return block_sinkhole(engine, q);
    }
    if (q->cached != AUDIT_CACHED_NOT) {
        words = words_of_cached(ede);
        ede = WIRE_EDE_CACHED_ERROR;
    }
    return respond_empty(engine, q, WIRE_SERVFAIL, 0, ede, words);
}

static enum query_path path_of(const struct query *q)
{
    if (q->blocked) {
        return QUERY_PATH_BLOCKED;
    }
    return q->waited                       ? QUERY_PATH_MISS
           : q->cached != AUDIT_CACHED_NOT ? QUERY_PATH_HIT
                                           : QUERY_PATH_OTHER;
}

/* hot */
static void count_latency(struct query_engine *engine, const struct query *q)
{
    const enum query_path path = path_of(q);

    if (q->received_us == engine->now.mono_us) {
        engine->untimed[path]++;
    } else {
        histogram_add(&engine->latency.by[path], engine->now.mono_us - q->received_us, 1);
    }
}

enum query_state respond_fetch_failure(struct query_engine *engine, struct query *q, int ede,
                                       const char *words)
{
    if (q->packets < QUERY_PACKETS_MAX) {
        return respond_failure(engine, q, ede, words);
    }
    engine->counters.packets_exceeded++;
    return respond_failure(engine, q, WIRE_EDE_OTHER, "the upstreams were asked too often");
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* hot. Whether what the answer is based on will find a place in its ring: nothing else writes
 * to it until RECORD, which follows at once. */
static bool can_be_recorded(struct query_engine *engine, const struct query *q)
{
    if (engine->events_refused != NULL && q->hits.count > 0 &&
        !ring_has_room(engine->events, AUDIT_RECORD_MAX, q->hits.count)) {
        count(engine->events_refused);
        return false;
    }
    if (engine->questions_refused != NULL &&
        !ring_has_room(engine->questions, AUDIT_QUESTION_MAX, 1)) {
        count(engine->questions_refused);
        return false;
    }
    return true;
}

/* The operator's word: no answer rather than one that is not recorded. */
static bool refuse_unrecorded(struct query_engine *engine, struct query *q)
{
    engine->counters.unrecorded++;
    q->unrecorded = true;
    q->hits.count = 0;
    q->blocked = false;
    return respond_empty(engine, q, WIRE_SERVFAIL, 0, WIRE_EDE_OTHER,
                         "what was decided cannot be recorded") == QUERY_SEND;
}

enum query_state step_send(struct query_engine *engine, struct query *q)
{
    const size_t codes = sizeof(engine->counters.answered) / sizeof(uint64_t);

    if (q->trace != NULL) {
        q->trace->answered = true;
        q->trace->answer_len = q->out_len;
        return QUERY_RECORD;
    }
    if (!can_be_recorded(engine, q) && !refuse_unrecorded(engine, q)) {
        return QUERY_RECORD;
    }
    const size_t code = q->rcode < codes ? q->rcode : codes - 1;
    engine->counters.answered[code]++;
    count_latency(engine, q);
    engine->io->send(engine->io_context, q, q->out_len);
    return QUERY_RECORD;
}

/* hot */
void query_count_list(struct query_engine *engine, const struct policy_hit *hit, bool blocked)
{
    if (hit->ground == POLICY_GROUND_RULE) {
        query_tops_list(engine->tops, engine->now.mono_us, hit->list, blocked);
    }
}

/* hot */
void query_count_name(struct query_engine *engine, const struct wire_name *name,
                      uint64_t name_hash, bool blocked, uint64_t times)
{
    query_tops_name(engine->tops, engine->now.mono_us, name, name_hash, blocked, times);
}

/* hot */
static void count_decision(struct query_engine *engine, const struct query *q)
{
    query_count_list(engine, &q->hits.at[q->blocked ? q->block : 0], q->blocked);
    if (q->blocked) {
        query_clients_count_blocked(&engine->clients, engine->tops, engine->now.mono_us,
                                    &q->client.from, q->client_hash);
    }
    invariant(q->known == 0 || q->blocked);
    if (q->known == 0 || !query_memo_count(engine->memo, q->known, &q->question.name)) {
        query_count_name(engine, &q->question.name, q->name_hash, q->blocked, 1);
    }
}

void query_decision_of(const struct query_engine *engine, const struct query *q,
                       struct audit_decision *out)
{
    *out = (struct audit_decision){
        .wall_us = q->wall_us,
        .latency_us = (uint32_t)(engine->now.mono_us - q->received_us),
        .known = q->known,
        .generation = policy_generation(engine->policy),
        .client = q->client.from,
        .name = &q->question.name,
        .type = q->question.type,
        .transport = q->client.transport,
        .view = q->view,
        .rcode = q->rcode,
        .cached = q->cached,
        .upstream = q->upstream,
    };
}

void query_put_events(struct query_engine *engine, const struct policy_hits *hits, int applied,
                      struct audit_decision *decision, const struct policy_chain *chain)
{
    for (uint8_t i = 0; i < hits->count; i++) {
        decision->hit = &hits->at[i];
        decision->applied = i == applied;
        decision->chain = decision->hit->hop > 0 ? chain : NULL;
        engine->counters.excepted += decision->hit->exception != 0 ? 1 : 0;
        if (decision->hit->trial != POLICY_TRIAL_NONE) {
            engine->counters.trials[decision->hit->trial]++;
        } else {
            engine->counters.logged +=
                decision->applied || decision->hit->exception != 0 ? 0 : 1;
        }
        if (!audit_event_put(engine->events, decision)) {
            count(engine->events_lost);
        }
    }
}

/* hot. Whatever became of it; a question that could not be read has no name. */
static void put_question(struct query_engine *engine, const struct query *q)
{
    if (q->wall_us == 0 || !q->question.has_question || q->unrecorded) {
        return;
    }
    const struct audit_question question = {
        .generation = policy_generation(engine->policy),
        .wall_us = q->wall_us,
        .latency_us = (uint32_t)(engine->now.mono_us - q->received_us),
        .type = q->question.type,
        .view = q->view,
        .rcode = q->rcode,
        .transport = q->client.transport,
        .cached = q->cached,
        .client = &q->client.from,
        .upstream = &q->upstream,
        .name = &q->question.name,
    };

    if (!audit_question_put(engine->questions, &question)) {
        count(engine->questions_lost);
    }
}

/* hot. An event for each rule that blocked or would have; never more than POLICY_HITS_MAX. */
static __attribute__((noinline)) void put_decision(struct query_engine *engine,
                                                   const struct query *q)
{
    const struct policy_chain *chain =
        q->redirect != NULL ? &q->redirect->chain : &engine->chain;
    struct audit_decision decision;

    engine->counters.blocked += q->blocked ? 1 : 0;
    engine->counters.denied +=
        q->blocked && q->hits.at[q->block].ground != POLICY_GROUND_RULE ? 1 : 0;
    query_decision_of(engine, q, &decision);
    count_decision(engine, q);
    query_put_events(engine, &q->hits, q->blocked ? q->block : -1, &decision, chain);
}

enum query_state step_record(struct query_engine *engine, struct query *q)
{
    if (q->trace != NULL) {
        return QUERY_FREE;
    }
    if (q->hits.count > 0) { /* who blocks is among them */
        put_decision(engine, q);
    }
    if (engine->questions != NULL) {
        put_question(engine, q);
    }
    return QUERY_FREE;
}

enum query_state step_free(struct query_engine *engine, struct query *q)
{
    struct query_learning *learning = q->learning != NULL ? query_learn_leave(engine, q) : NULL;

    if (q->prefetch && engine->settings->prefetch && !q->blocked && !q->abandoned) {
        query_prefetch(engine, q);
    }
    if (q->redirect != NULL) {
        redirect_forget(engine, q);
    }
    if (q->fetch != NULL) {
        query_leave_fetch(engine, q);
    }
    if (q->trace != NULL) {
        q->trace->done(q->trace->context, q->trace);
    } else if (!q->abandoned) {
        engine->io->release(engine->io_context, q);
    }
    pool_give_back(engine->queries, q);
    query_learn_late(engine, learning);
    return QUERY_WAIT;
}
