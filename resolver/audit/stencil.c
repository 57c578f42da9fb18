#include "audit/stencil.h"

#include "audit/decision_key.h"
#include "audit/shown.h"
#include "audit/varint.h"
#include "base/clock.h"
#include "wire/type.h"

#include <stdlib.h>
#include <string.h>

#define STENCILS      256u   /* of a row, an action, a transport ...: some tens are in use */
#define PLACES        4u     /* of a stencil, in a row: where others are, one of them goes */
#define STENCIL_MAX   16384u /* octets of what stays: lists say 1,000, at most some thousands */
#define VIEW_MAX      64u    /* octets of a view's name that has stencils */
#define SECOND_OCTETS 20u    /* "2026-11-22T09:30:00." */
#define US_PER_S      UINT64_C(1000000)
#define LAST_SECOND   UINT64_C(253402300799) /* clock.h: later ones are written as this one */
#define NAME_OCTETS   (WIRE_NAME_MAX + 16u)  /* of a plain name, and its key */
#define FIELDS_OCTETS 2048u /* of all other fields that differ: numbers, addresses, keys */

/* A line that is filled in has no more than this. */
_Static_assert(STENCIL_MAX + (POLICY_HOPS_MAX + 4u) * NAME_OCTETS + FIELDS_OCTETS <=
                   AUDIT_LINE_MAX,
               "a line has room");

struct audit_stencil {
    struct audit_decision_key key;
    char view[VIEW_MAX];         /* its name, with the terminator */
    char *octets;                /* the pieces between holes, one after the other */
    size_t size;                 /* of that memory; 0: none */
    uint64_t id;                 /* of what it is now; 0: it is not known */
    size_t end[AUDIT_HOLES + 1]; /* where each piece ends */
    struct policy_row rule;      /* borrowed from the policy */
};

struct audit_stencils {
    const struct policy *policy; /* that these are of, */
    uint64_t generation;         /* and its number */
    uint64_t ids;                /* given so far */
    uint64_t second;             /* whose text this is */
    char second_text[CLOCK_TEXT_MAX];
    unsigned next; /* which of its places a new one takes if none is free */
    struct audit_stencil at[STENCILS];
};

struct audit_stencils *audit_stencils_create(void)
{
    struct audit_stencils *stencils = calloc(1, sizeof(*stencils));

    if (stencils != NULL) {
        (void)clock_format(0, stencils->second_text);
    }
    return stencils;
}

void audit_stencils_destroy(struct audit_stencils *stencils)
{
    for (unsigned i = 0; stencils != NULL && i < STENCILS; i++) {
        free(stencils->at[i].octets);
    }
    free(stencils);
}

/* --- which one --- */

static bool same_name(const struct wire_name *a, const struct wire_name *b)
{
    return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

/* Whether there can be a stencil for it: see stencil.h for what has none. */
static bool has_stencil(const struct audit_event *event, const struct policy *policy,
                        const char *view_name)
{
    const struct policy_hit *hit = &event->hit;

    if (hit->ground != POLICY_GROUND_RULE || view_name == NULL ||
        event->view >= policy_view_count(policy) || strlen(view_name) >= VIEW_MAX ||
        hit->exception != 0 || hit->action == POLICY_ACTION_REDIRECT ||
        hit->address.family != ADDRESS_NONE ||
        policy_trigger_is_address((enum policy_trigger)hit->trigger) || hit->labels == 0 ||
        hit->labels > hit->name.labels || event->who.address.scope != 0 ||
        event->upstream.scope != 0 || event->wall_us / US_PER_S > LAST_SECOND ||
        !wire_name_is_plain(&event->name) ||
        !(same_name(&event->name, &hit->name) || wire_name_is_plain(&hit->name))) {
        return false;
    }
    for (uint8_t i = 0; i < event->chain.count; i++) {
        if (!wire_name_is_plain(&event->chain.names[i])) {
            return false;
        }
    }
    return true;
}

/* Where it is, known or not. */
static struct audit_stencil *find(struct audit_stencils *stencils,
                                  const struct audit_decision_key *key, const char *view_name)
{
    struct audit_stencil *const row =
        &stencils->at[audit_decision_key_hash(key, 0) % (STENCILS / PLACES) * PLACES];

    for (unsigned i = 0; i < PLACES; i++) {
        if (row[i].id == 0 || (memcmp(&row[i].key, key, sizeof(*key)) == 0 &&
                               strcmp(row[i].view, view_name) == 0)) {
            return &row[i]; /* the first ones are taken first */
        }
    }
    struct audit_stencil *const worst = &row[stencils->next++ % PLACES];
    worst->id = 0;
    return worst;
}

/* Those of another policy say nothing about this one. */
static void adopt(struct audit_stencils *stencils, const struct policy *policy)
{
    const uint64_t generation = policy_generation(policy);

    if (stencils->policy == policy && stencils->generation == generation) {
        return;
    }
    stencils->policy = policy;
    stencils->generation = generation;
    for (unsigned i = 0; i < STENCILS; i++) {
        stencils->at[i].id = 0;
    }
}

/* Keeps what of a line stays. */
static void keep(struct audit_stencil *stencil, uint64_t id,
                 const struct audit_decision_key *key, const char *view_name,
                 const struct policy_row *rule, const char *line, size_t len,
                 const struct audit_holes *holes)
{
    size_t from = 0;
    size_t kept = 0;

    stencil->id = 0;
    if (stencil->size < len) {
        char *more = realloc(stencil->octets, len);

        if (more == NULL) {
            return;
        }
        stencil->octets = more;
        stencil->size = len;
    }
    for (unsigned i = 0; i <= AUDIT_HOLES; i++) {
        const size_t to = i < AUDIT_HOLES ? holes->at[i].from : len;

        memcpy(stencil->octets + kept, line + from, to - from);
        kept += to - from;
        stencil->end[i] = kept;
        from = i < AUDIT_HOLES ? holes->at[i].to : len;
    }
    stencil->key = *key;
    stencil->rule = *rule;
    memcpy(stencil->view, view_name, strlen(view_name) + 1);
    stencil->id = kept <= STENCIL_MAX ? id : 0;
}

/* --- filling in --- */

static inline char *put(char *at, const char *octets, size_t len)
{
    memcpy(at, octets, len);
    return at + len;
}

/* A literal: its length is known where this is compiled. */
static inline char *put_text(char *at, const char *text)
{
    return put(at, text, strlen(text));
}

static char *put_number(char *at, uint64_t value)
{
    char digits[20]; /* of 2^64 - 1 */
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return put(at, digits + first, sizeof(digits) - first);
}

/* Six digits, each two from a table of their own. */
static char *put_fraction(char *at, unsigned us)
{
    for (unsigned i = 6; i > 0; i -= 2) {
        const unsigned pair = us % 100;

        us /= 100;
        at[i - 1] = (char)('0' + pair % 10);
        at[i - 2] = (char)('0' + pair / 10);
    }
    return at + 6;
}

static inline char *put_name(char *at, const struct wire_name *name)
{
    return at + wire_name_plain_text(name, name->labels, at);
}

static char *put_head(struct audit_stencils *stencils, char *at, uint64_t wall_us,
                      const struct audit_client *client, uint16_t port, uint64_t sequence)
{
    const uint64_t second = wall_us / US_PER_S;
    uint8_t octets[AUDIT_ADDRESS_MAX];
    char who[AUDIT_CLIENT_TEXT_MAX];

    if (second != stencils->second) {
        stencils->second = second;
        (void)clock_format(second * US_PER_S, stencils->second_text);
    }
    at = put_text(at, ",\"seq\":");
    at = put_number(at, sequence);
    at = put_text(at, ",\"time\":\"");
    at = put(at, stencils->second_text, SECOND_OCTETS);
    at = put_fraction(at, (unsigned)(wall_us % US_PER_S));
    if (client->kind == AUDIT_CLIENT_ADDRESS) {
        at = put_text(at, "Z\",\"client\":\"");
        at += address_format(&client->address, false, at);
        at = put_text(at, "\",\"client_port\":");
        return put_number(at, port);
    }
    const struct audit_value value = {octets, audit_client_put(client, octets)};
    const size_t len = audit_client_format(&value, who);
    if (len == 0) {
        return put_text(at, "Z\",\"client\":null,\"client_port\":null");
    }
    at = put_text(at, "Z\",\"client\":\"");
    at = put(at, who, len);
    return put_text(at, "\",\"client_port\":null");
}

static char *put_type(char *at, uint16_t type)
{
    char text[WIRE_TYPE_TEXT_MAX];

    at = put_text(at, "\",\"type\":\"");
    if (type == 1) { /* nearly half of all questions */
        *at++ = 'A';
    } else {
        at = put(at, text, wire_type_format(type, text));
    }
    return put_text(at, "\"");
}

static char *put_question(char *at, const struct audit_event *event)
{
    at = put_text(at, ",\"name\":\"");
    at = put_name(at, &event->name);
    return put_type(at, event->type);
}

/* "block suffix cloud.example", as policy_hit_rule() has it. */
static char *put_rule(char *at, const struct policy_hit *hit, const struct policy_row *row)
{
    const char *kind = policy_kind_name(row->kind);
    const char *match = policy_match_name(row->match);
    const char *subject = policy_subject_name(row->subject);

    at = put_text(at, ",\"rule\":\"");
    at = put(at, kind, strlen(kind));
    *at++ = ' ';
    at = put(at, match, strlen(match));
    *at++ = ' ';
    at += wire_name_plain_text(&hit->name, hit->labels, at);
    if (subject != NULL) {
        at = put_text(at, " trigger=");
        at = put(at, subject, strlen(subject));
    }
    return put_text(at, "\"");
}

static char *put_match(char *at, const struct audit_event *event)
{
    const struct policy_hit *hit = &event->hit;
    const char *trigger = policy_trigger_name((enum policy_trigger)hit->trigger);

    at = put_text(at, ",\"trigger\":\"");
    at = put(at, trigger, strlen(trigger));
    at = put_text(at, "\",\"matched\":\"");
    at = put_name(at, &hit->name);
    at = put_text(at, "\",\"hop\":");
    at = put_number(at, hit->hop);
    at = put_text(at, ",\"chain\":[");
    for (uint8_t i = 0; i < event->chain.count; i++) {
        at = put_text(at, i > 0 ? ",\"" : "\"");
        at = put_name(at, &event->chain.names[i]);
        *at++ = '"';
    }
    if (event->upstream.family == ADDRESS_NONE) {
        return put_text(at, "],\"upstream\":null");
    }
    at = put_text(at, "],\"upstream\":\"");
    at += address_format(&event->upstream, true, at);
    return put_text(at, "\"");
}

static size_t fill(struct audit_stencils *stencils, const struct audit_stencil *stencil,
                   const struct audit_event *event, uint64_t sequence, char *out)
{
    const char *from = stencil->octets;
    char *at = out;

    for (unsigned i = 0; i <= AUDIT_HOLES; i++) {
        const char *const to = stencil->octets + stencil->end[i];

        at = put(at, from, (size_t)(to - from));
        from = to;
        switch (i) {
        case AUDIT_HOLE_HEAD:
            at = put_head(stencils, at, event->wall_us, &event->who, event->client.port,
                          sequence);
            break;
        case AUDIT_HOLE_NAME:
            at = put_question(at, event);
            break;
        case AUDIT_HOLE_RULE:
            at = put_rule(at, &event->hit, &stencil->rule);
            break;
        case AUDIT_HOLE_MATCH:
            at = put_match(at, event);
            break;
        case AUDIT_HOLE_LATENCY:
            at = put_text(at, ",\"latency_us\":");
            at = put_number(at, event->latency_us);
            break;
        default:
            break;
        }
    }
    *at = '\0';
    return (size_t)(at - out);
}

size_t audit_stencils_line(struct audit_stencils *stencils, const struct audit_event *event,
                           const struct policy *policy, const char *view_name,
                           struct audit_list_words *lists, uint64_t sequence, char *out,
                           size_t size)
{
    struct audit_holes holes;
    struct policy_row rule;

    if (size < AUDIT_LINE_MAX || !has_stencil(event, policy, view_name)) {
        return audit_event_json(event, policy, view_name, lists, sequence, out, size);
    }
    adopt(stencils, policy);
    const struct audit_decision_key key = audit_decision_key_of(event, policy);
    struct audit_stencil *const stencil = find(stencils, &key, view_name);
    if (stencil->id != 0) {
        return fill(stencils, stencil, event, sequence, out);
    }
    const size_t len =
        audit_event_json_holes(event, policy, view_name, lists, sequence, out, size, &holes);
    if (len > 0 && policy_hit_row(policy, &event->hit, &rule)) {
        keep(stencil, ++stencils->ids, &key, view_name, &rule, out, len, &holes);
    }
    return len;
}

/* --- of records that repeat others --- */

const struct audit_stencil *audit_stencils_of(struct audit_stencils *stencils,
                                              const struct audit_event *event,
                                              const struct policy *policy,
                                              const char *view_name, uint64_t *id)
{
    if (!has_stencil(event, policy, view_name)) {
        return NULL;
    }
    adopt(stencils, policy);
    const struct audit_decision_key key = audit_decision_key_of(event, policy);
    const struct audit_stencil *const stencil = find(stencils, &key, view_name);
    *id = stencil->id;
    return *id != 0 ? stencil : NULL;
}

bool audit_stencils_can(const struct audit_repeat *repeat,
                        const struct audit_event_parts *parts)
{
    return repeat->stencil != NULL && repeat->stencil->id == repeat->stencil_id &&
           parts->who.address.scope == 0 && parts->wall_us / US_PER_S <= LAST_SECOND;
}

/* The asked name, which is plain: its labels are copied with the octets of their lengths, of
 * which dots are made. */
static char *put_asked(char *at, const struct audit_repeat *repeat)
{
    size_t len = 0;
    const uint8_t *const name = audit_repeat_name(repeat, &len);

    if (len <= 1) {
        *at = '.';
        return at + 1;
    }
    (void)audit_octets_add((uint8_t *)at, name + 1, len - 2);
    for (size_t dot = name[0] + 1u; dot + 1 < len; dot += name[dot] + 1u) {
        at[dot - 1] = '.';
    }
    return at + len - 2;
}

static char *put_match_again(char *at, const struct audit_repeat *repeat)
{
    const char *trigger = policy_trigger_name((enum policy_trigger)repeat->trigger);

    at = put_text(at, ",\"trigger\":\"");
    at = put(at, trigger, strlen(trigger));
    at = put_text(at, "\",\"matched\":\"");
    at = put_asked(at, repeat);
    at = put_text(at, "\",\"hop\":");
    at = put_number(at, repeat->hop);
    return put_text(at, ",\"chain\":[],\"upstream\":null");
}

static char *put_piece(char *at, const struct audit_stencil *stencil, unsigned piece)
{
    const size_t from = piece > 0 ? stencil->end[piece - 1] : 0;

    return put(at, stencil->octets + from, stencil->end[piece] - from);
}

size_t audit_stencils_again(struct audit_stencils *stencils, const struct audit_repeat *repeat,
                            const struct audit_event_parts *parts, uint64_t sequence, char *out)
{
    const struct audit_stencil *const stencil = repeat->stencil;
    size_t len = 0;
    const uint8_t *const rule = audit_repeat_rule(repeat, &len);

    char *at = put_piece(out, stencil, AUDIT_HOLE_HEAD);
    at = put_head(stencils, at, parts->wall_us, &parts->who, parts->client.port, sequence);
    at = put_piece(at, stencil, AUDIT_HOLE_NAME);
    at = put_text(at, ",\"name\":\"");
    at = put_asked(at, repeat);
    at = put_type(at, repeat->type);
    at = put_piece(at, stencil, AUDIT_HOLE_RULE);
    at = put_text(at, ",\"rule\":\"");
    at = put(at, (const char *)rule, len);
    *at++ = '"';
    at = put_piece(at, stencil, AUDIT_HOLE_MATCH);
    at = put_match_again(at, repeat);
    at = put_piece(at, stencil, AUDIT_HOLE_LATENCY);
    at = put_text(at, ",\"latency_us\":");
    at = put_number(at, parts->latency_us);
    at = put_piece(at, stencil, AUDIT_HOLES);
    *at = '\0';
    return (size_t)(at - out);
}
