/*
 * audit/event.h - the record of one decision, packed into a worker's ring.
 *
 * A record holds numbers and names by value, and the generation of the policy that decided; the
 * words (provider, list, legal basis) are looked up by the writer, which is a reader of the
 * policy slot and keeps that generation alive until no ring refers to it.
 */
#ifndef CORDON_AUDIT_EVENT_H
#define CORDON_AUDIT_EVENT_H

#include "audit/row.h"
#include "base/address.h"
#include "base/ring.h"
#include "policy/answer.h"
#include "policy/policy.h"

#include <stdint.h>

enum audit_transport {
    AUDIT_UDP,
    AUDIT_TCP
};

/* Whether the answer that was looked at came from the cache. */
enum audit_cached {
    AUDIT_CACHED_NOT,
    AUDIT_CACHED_FRESH,
    AUDIT_CACHED_STALE /* past its time (RFC 8767) */
};

/* What a step of the query hands over; pointers are borrowed for the call. */
struct audit_decision {
    uint64_t generation; /* of the policy */
    uint64_t wall_us;    /* when the question came */
    uint32_t latency_us; /* until it was answered */
    uint16_t known; /* a number that the worker has for what is decided of the name; 0: none */
    uint16_t type;
    uint8_t transport; /* enum audit_transport */
    uint8_t view;
    uint8_t rcode;
    uint8_t cached; /* enum audit_cached */
    bool applied;   /* this hit replaced the answer (or would have but for the mode) */
    struct address client, upstream; /* upstream: family 0: none was asked */
    const struct wire_name *name;    /* asked, lower case */
    const struct policy_hit *hit;
    const struct policy_chain *chain; /* NULL: the question itself; else names up to the hit's
                                         hop are recorded */
};

/* Octets of the longest record. A ring takes records up to a quarter of its size. */
#define AUDIT_RECORD_MAX 5120u
#define AUDIT_RING_MIN   (4 * AUDIT_RECORD_MAX)

/* hot. Packs one record. False if the ring is full: the caller counts. The ring has at least
 * AUDIT_RING_MIN octets. */
bool audit_event_put(struct ring *ring, const struct audit_decision *decision);

/* A record as the writer reads it; names are copied out. */
struct audit_event {
    uint64_t wall_us, generation;
    uint32_t latency_us;
    struct address client, upstream; /* client: family 0 where it is not to be told */
    struct audit_client who;         /* what is told of the client (privacy.h) */
    uint16_t type;
    uint8_t transport, view, rcode;
    uint8_t cached; /* enum audit_cached */
    bool applied;
    struct wire_name name;
    struct policy_hit hit;
    struct policy_chain chain; /* count 0 if none */
};

/* False if the octets are no record (a fault of ours: the caller counts and skips); *out is
 * then indeterminate. */
bool audit_event_get(const void *record, size_t len, struct audit_event *out);
/* Of a record what it has of its own, and the piece that others may have as well: octet for
 * octet the same pieces are of events that differ in nothing else. */
struct audit_event_parts {
    uint64_t wall_us;
    uint32_t latency_us;
    struct address client;   /* family 0 where it is not to be told */
    struct audit_client who; /* what is told of it, as its kind says (privacy.h) */
    const uint8_t *same;     /* borrowed from the record */
    size_t same_len;
    uint32_t guess; /* of audit_event_guess() */
};
/* Octets of the piece before the asked name, which is its length and its octets, to the end. */
#define AUDIT_SAME_HEAD 32u
/* False if the record has a chain, an upstream, or an address or a name that matched beside the
 * asked one: of those no two are alike; or if it is none. True does not say that it is one. */
bool audit_event_split(const void *record, size_t len, struct audit_event_parts *out);
/* A number below AUDIT_GUESSES that records of one worker with the same piece have, and seldom
 * one with another. 0: there is none, as of all whose name the worker does not know. */
#define AUDIT_GUESSES 65536u
uint32_t audit_event_guess(const void *record, size_t len);
/* The generation alone, without unpacking; 0 if the octets are too few. */
uint64_t audit_event_generation(const void *record, size_t len);
/* Likewise when it was answered (wall clock), by which records of several workers are put in a
 * row; of a record of a question (event_row.h) that of the second. */
uint64_t audit_event_answered(const void *record, size_t len);
uint64_t audit_question_answered(const void *record, size_t len);

/* Of the lines: a reader refuses a number that it does not know (docs/events.md). */
#define AUDIT_SCHEMA_VERSION 1

/* Octets of the longest JSON line, newline included: 17 names escaped at worst. */
#define AUDIT_LINE_MAX 65536u

struct audit_list_words; /* list_words.h */

/* One JSON line (docs/events.md) with a newline; sequence counts lines of this run. Returns
 * the length, 0 if it did not fit or the policy has no such rule. view_name NULL says that the
 * policy has no view of the event's number: 0, too. lists: where what lists say is kept from
 * one event to the next; NULL: it is put together anew. */
size_t audit_event_json(const struct audit_event *event, const struct policy *policy,
                        const char *view_name, struct audit_list_words *lists,
                        uint64_t sequence, char *out, size_t size);

/* One question, for the stream of queries: fields as in struct audit_decision, pointers
 * borrowed for the call. */
struct audit_question {
    uint64_t generation, wall_us;
    uint32_t latency_us;
    uint16_t type;
    uint8_t view, rcode, transport;
    uint8_t cached; /* enum audit_cached */
    const struct address *client, *upstream;
    const struct wire_name *name;
};

/* Octets of the longest record of a question. */
#define AUDIT_QUESTION_MAX 384u

/* hot. As audit_event_put. */
bool audit_question_put(struct ring *ring, const struct audit_question *question);

/* Which version of a list a hit is the word of, while a newer one is brought in by stages: the
 * word of docs/events.md; NULL: there is one version. The policy has such a rule. */
const char *audit_event_stage(const struct policy_hit *hit, const struct policy *policy);

/* The line that stands where events are missing: ring never got a place in a ring, output were
 * given up on the way out. Length or 0 as above. */
size_t audit_lost_json(uint64_t wall_us, uint64_t ring, uint64_t output, uint64_t sequence,
                       char *out, size_t size);

#endif
