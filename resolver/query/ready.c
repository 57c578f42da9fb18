/*
 * Answers of blocked questions that are nearly ready (ready.h), and how they are written.
 */
#include "query/engine.h"

#include "base/copy.h"
#include "base/invariant.h"

#include <string.h>

/* The root's owner, type, class, TTL and RDLENGTH; code and length of an option. */
#define OPT_FIXED      11u
#define OPT_AT_FLAGS   7u
#define OPT_AT_CODE    (OPT_FIXED + 4u)
#define SOA_AT_RNAME   35u /* the pointer behind "nobody" */
#define SOA_AT_SERIAL  37u
#define SOA_AT_INVALID 19u /* what it points at: the second label of the first name */

/* Of a name with more labels the writer remembers too few to compress what follows. */
#define SOA_LABELS_MAX (WIRE_TARGETS_MAX - 2u)

static const struct wire_name invalid = {
    .octets = "\x07"
              "invalid",
    .at = {0, 8},
    .len = 9,
    .labels = 1,
};

/* A question, of which only the answer's end is kept. */
static void sample_question(uint16_t type, struct wire_question *question)
{
    static const uint8_t name[] = "\x06"
                                  "sample";

    memset(question, 0, sizeof(*question));
    memcpy(question->name.octets, name, sizeof(name));
    question->name.at[1] = sizeof(name) - 1;
    question->name.len = sizeof(name);
    question->name.labels = 1;
    question->type = type;
    question->class = WIRE_IN;
    question->has_question = true;
    question->raw_len = sizeof(name) + 4;
    memcpy(question->raw, name, sizeof(name));
    wire_put16(question->raw + sizeof(name), type);
    wire_put16(question->raw + sizeof(name) + 2, WIRE_IN);
}

static void make_record(struct query_ready_record *record, uint16_t type, uint32_t ttl_s,
                        const struct address *address, enum address_family family)
{
    uint8_t octets[WIRE_UDP_CLASSIC];
    struct wire_question question;

    record->len = 0;
    if (address->family != (uint8_t)family) {
        return;
    }
    sample_question(type, &question);
    const size_t from = WIRE_HEADER_OCTETS + (size_t)question.raw_len;
    const size_t len = wire_answer_record(octets, sizeof(octets), &question, ttl_s,
                                          address->octets, address_octets(address), NULL);
    invariant(len > from && len - from <= sizeof(record->octets));
    record->len = (uint8_t)(len - from);
    memcpy(record->octets, octets + from, record->len);
}

static void make_soa(uint8_t soa[QUERY_READY_SOA], uint32_t ttl_s)
{
    uint8_t octets[WIRE_UDP_CLASSIC];
    struct wire_question question;
    struct wire_writer writer;

    sample_question(WIRE_TXT, &question);
    const size_t from = WIRE_HEADER_OCTETS + (size_t)question.raw_len;
    wire_writer_begin(&writer, octets, sizeof(octets), question.raw, question.raw_len);
    block_write_soa(&writer, &question.name, 0, ttl_s);
    const size_t len = wire_writer_end(&writer, 0, 0);
    invariant(len == from + QUERY_READY_SOA);
    memcpy(soa, octets + from, QUERY_READY_SOA);
    invariant(wire_get16(soa + SOA_AT_RNAME) == (0xc000u | (from + SOA_AT_INVALID)));
}

static void make_opt(struct query_ready_opt *opt, const struct query_settings *settings,
                     const struct policy_said *said)
{
    const struct wire_opt what = {.udp_size = settings->udp_size,
                                  .ede = settings->ede ? WIRE_EDE_FORGED : WIRE_EDE_NONE,
                                  .ede_text = said->ede,
                                  .keepalive_100ms = -1};
    struct wire_writer writer = {.octets = opt->octets, .size = sizeof(opt->octets)};

    wire_write_opt(&writer, &what);
    invariant(!writer.overflow && writer.len <= UINT8_MAX);
    opt->len = (uint8_t)writer.len;
    opt->serial = said->serial;
    opt->code = (uint16_t)block_code(settings, said);
}

static void make_plain(uint8_t octets[QUERY_READY_PLAIN], const struct query_settings *settings)
{
    const struct wire_opt what = {
        .udp_size = settings->udp_size, .ede = WIRE_EDE_NONE, .keepalive_100ms = -1};
    struct wire_writer writer = {.octets = octets, .size = QUERY_READY_PLAIN};

    wire_write_opt(&writer, &what);
    invariant(!writer.overflow && writer.len == QUERY_READY_PLAIN);
}

void query_ready_make(struct query_ready *ready, const struct policy *policy,
                      const struct query_settings *settings)
{
    const unsigned views = policy_view_count(policy);

    ready->ede = settings->ede;
    ready->views = views < POLICY_VIEWS_MAX ? views : POLICY_VIEWS_MAX;
    for (unsigned i = 0; i < ready->views; i++) {
        const bool own = i < settings->view_count;
        const struct address *v4 = own ? &settings->views[i].sinkhole4 : &settings->sinkhole4;
        const struct address *v6 = own ? &settings->views[i].sinkhole6 : &settings->sinkhole6;

        make_record(&ready->a[i], WIRE_A, settings->block_ttl_s, v4, ADDRESS_V4);
        make_record(&ready->aaaa[i], WIRE_AAAA, settings->block_ttl_s, v6, ADDRESS_V6);
    }
    make_soa(ready->soa, settings->block_ttl_s);
    make_plain(ready->plain, settings);
    ready->has_plain = !settings->rotate; /* the general way does that */
    for (ready->lists = 0; ready->lists < POLICY_LISTS_MAX; ready->lists++) {
        const struct policy_hit hit = {.ground = POLICY_GROUND_RULE,
                                       .list = (uint8_t)ready->lists};
        const struct policy_said *said = policy_hit_said(policy, &hit);

        if (said == NULL) {
            break;
        }
        make_opt(&ready->opts[ready->lists], settings, said);
    }
}

/* hot. True if OPT says something of this very question. */
static bool says_more(const struct query *q)
{
    return q->cookie_verdict != QUERY_COOKIE_NONE ||
           (q->client.transport == QUERY_TCP && q->question.has_keepalive);
}

/* hot. OPT of the hit's list; NULL: it is to be written the general way. */
static const struct query_ready_opt *opt_of(const struct query_engine *engine,
                                            const struct query *q)
{
    const struct policy_hit *hit = &q->hits.at[q->block];

    return hit->ground == POLICY_GROUND_RULE && hit->list < engine->ready.lists && !says_more(q)
               ? &engine->ready.opts[hit->list]
               : NULL;
}

/*
 * hot. Writes all but the body, which is left room for: *body. False: the general way. forged:
 * the body is a record of the answer section, else one of the authority section.
 */
static bool frame(struct query_engine *engine, struct query *q,
                  const struct query_ready_opt *opt, unsigned rcode, bool forged,
                  size_t body_len, uint8_t **body)
{
    const struct wire_question *question = &q->question;
    const size_t at = WIRE_HEADER_OCTETS + (size_t)question->raw_len;
    const size_t opt_len = question->has_edns ? opt->len : 0;

    if (!respond_reserve(engine, q) || at + body_len + opt_len > q->out_size) {
        return false;
    }
    wire_put16(q->out, question->id);
    wire_put16(q->out + 2, respond_flags(q, rcode));
    wire_put32(q->out + 4, UINT32_C(1) << 16 | (forged ? 1 : 0));
    wire_put32(q->out + 8, (uint32_t)(forged ? 0 : 1) << 16 | (question->has_edns ? 1 : 0));
    copy_octets(q->out + WIRE_HEADER_OCTETS, question->raw, question->raw_len);
    *body = q->out + at;
    if (opt_len > 0) {
        uint8_t *const to = *body + body_len;

        copy_octets(to, opt->octets, opt_len);
        to[OPT_AT_FLAGS] = question->dnssec_ok ? WIRE_EDNS_DO >> 8 : 0;
        if (engine->ready.ede && !forged) {
            wire_put16(to + OPT_AT_CODE, opt->code);
        }
    }
    q->rcode = (uint8_t)rcode;
    q->out_len = at + body_len + opt_len;
    return true;
}

/* hot */
bool query_ready_forged(struct query_engine *engine, struct query *q)
{
    const struct query_ready *ready = &engine->ready;
    const struct query_ready_opt *opt = opt_of(engine, q);
    uint8_t *body = NULL;

    if (opt == NULL || q->view >= ready->views || q->question.name.labels == 0) {
        return false;
    }
    const struct query_ready_record *record =
        q->question.type == WIRE_A ? &ready->a[q->view] : &ready->aaaa[q->view];
    if (record->len == 0 || !frame(engine, q, opt, WIRE_NOERROR, true, record->len, &body)) {
        return false;
    }
    copy_octets(body, record->octets, record->len);
    return true;
}

/* hot. Not for a name that the SOA's names could point at. */
bool query_ready_negative(struct query_engine *engine, struct query *q, unsigned rcode)
{
    const struct wire_name *name = &q->question.name;
    const struct query_ready_opt *opt = opt_of(engine, q);
    const unsigned up = rcode == WIRE_NXDOMAIN ? 1 : 0; /* labels from the asked name */
    uint8_t *body = NULL;

    if (opt == NULL || name->labels <= up || name->labels > SOA_LABELS_MAX ||
        wire_name_is_within(name, &invalid) ||
        !frame(engine, q, opt, rcode, false, QUERY_READY_SOA, &body)) {
        return false;
    }
    memcpy(body, engine->ready.soa, QUERY_READY_SOA);
    wire_put16(body, (uint16_t)(0xc000u | (WIRE_HEADER_OCTETS + (unsigned)name->at[up])));
    wire_put16(body + SOA_AT_RNAME,
               (uint16_t)(0xc000u | (WIRE_HEADER_OCTETS + (unsigned)q->question.raw_len +
                                     SOA_AT_INVALID)));
    wire_put32(body + SOA_AT_SERIAL, opt->serial);
    return true;
}

/* hot */
bool query_ready_cached(struct query_engine *engine, struct query *q)
{
    const struct query_answer *answer = &engine->answer;
    const struct wire_question *question = &q->question;
    const size_t at = WIRE_HEADER_OCTETS + (size_t)question->raw_len;
    const size_t opt_len = question->has_edns ? QUERY_READY_PLAIN : 0;

    invariant(at <= answer->len);
    if (!engine->ready.has_plain || answer->stale || says_more(q) ||
        !respond_reserve(engine, q) || answer->len + opt_len > q->out_size) {
        return false;
    }
    uint8_t *const out = q->out;
    const unsigned rcode = wire_get16(answer->octets + 2) & WIRE_RCODE_MASK;
    const unsigned more = wire_get16(answer->octets + 10) + (opt_len > 0 ? 1u : 0);

    if (more > UINT16_MAX) {
        return false;
    }
    wire_put16(out, question->id);
    wire_put16(out + 2, respond_flags(q, rcode));
    memcpy(out + 4, answer->octets + 4, 6);
    wire_put16(out + 10, (uint16_t)more);
    copy_octets(out + WIRE_HEADER_OCTETS, question->raw, question->raw_len);
    memcpy(out + at, answer->octets + at, answer->len - at);
    if (opt_len > 0) {
        memcpy(out + answer->len, engine->ready.plain, QUERY_READY_PLAIN);
        out[answer->len + OPT_AT_FLAGS] = question->dnssec_ok ? WIRE_EDNS_DO >> 8 : 0;
    }
    q->rcode = (uint8_t)rcode;
    q->out_len = answer->len + opt_len;
    return true;
}
