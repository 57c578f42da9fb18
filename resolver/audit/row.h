/*
 * audit/row.h - one event as columns: what a block of the audit log holds (docs/audit-log.md).
 *
 * A column is a number below 2^63 or a text of octets; what an event does not have is absent.
 * Column numbers are of the format: new ones are added at the end, none is used again.
 */
#ifndef CORDON_AUDIT_ROW_H
#define CORDON_AUDIT_ROW_H

#include "audit/limits.h"
#include "audit/varint.h"
#include "base/address.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum audit_stream {
    AUDIT_DECISIONS = 1, /* each question that a rule matched */
    AUDIT_QUERIES = 2,   /* every question */
    AUDIT_CHANGES = 3    /* what people and the daemon itself changed; gaps */
};
#define AUDIT_STREAMS 3

enum audit_column_kind {
    AUDIT_NUMBER,
    AUDIT_OCTETS
};

/* Name, number, kind, and the word for people and JSON. */
#define AUDIT_COLUMNS(X)                                                                     \
    X(TIME, 1, AUDIT_NUMBER, "time")               /* microseconds since 1970 UTC */         \
    X(EVENT, 2, AUDIT_OCTETS, "event")             /* "decision", "query", ... */            \
    X(CLIENT, 3, AUDIT_OCTETS, "client")           /* audit_client_put */                    \
    X(CLIENT_PORT, 4, AUDIT_NUMBER, "client_port") /* */                                     \
    X(TRANSPORT, 5, AUDIT_OCTETS, "transport")     /* "udp" */                               \
    X(VIEW, 6, AUDIT_OCTETS, "view")               /* its name */                            \
    X(NAME, 7, AUDIT_OCTETS, "name")               /* wire format, lower case */             \
    X(TYPE, 8, AUDIT_NUMBER, "type")               /* of the question */                     \
    X(RCODE, 9, AUDIT_NUMBER, "rcode")             /* of the answer */                       \
    X(LATENCY, 10, AUDIT_NUMBER, "latency_us")     /* microseconds */                        \
    X(CACHED, 11, AUDIT_NUMBER, "cached")          /* 0, 1 */                                \
    X(UPSTREAM, 12, AUDIT_OCTETS, "upstream")      /* audit_address_put */                   \
    X(ACTION, 13, AUDIT_OCTETS, "action")          /* "sinkhole" */                          \
    X(REDIRECT, 14, AUDIT_OCTETS, "redirect")      /* wire format */                         \
    X(MODE, 15, AUDIT_OCTETS, "mode")              /* "enforce" */                           \
    X(APPLIED, 16, AUDIT_NUMBER, "applied")        /* 0, 1 */                                \
    X(PAUSED, 17, AUDIT_NUMBER, "paused")          /* 0, 1 */                                \
    X(EXCEPTION, 18, AUDIT_OCTETS, "exception")    /* wire format */                         \
    X(TICKET, 19, AUDIT_OCTETS, "ticket")          /* of the exception */                    \
    X(BASIS, 20, AUDIT_OCTETS, "basis")            /* audit_basis_put */                     \
    X(RULE, 21, AUDIT_OCTETS, "rule")              /* "block suffix cloud.example" */        \
    X(CATEGORY, 22, AUDIT_OCTETS, "category")      /* of the rule */                         \
    X(SCOPE, 23, AUDIT_OCTETS, "scope")            /* of the rule, or of an exception */     \
    X(CONFIDENCE, 24, AUDIT_OCTETS, "confidence")  /* of the rule */                         \
    X(TRIGGER, 25, AUDIT_OCTETS, "trigger")        /* "qname" */                             \
    X(MATCHED, 26, AUDIT_OCTETS, "matched")        /* wire format: a name */                 \
    X(MATCHED_ADDRESS, 27, AUDIT_OCTETS, "matched_address") /* audit_address_put */          \
    X(HOP, 28, AUDIT_NUMBER, "hop")                         /* 0: the question */            \
    X(CHAIN, 29, AUDIT_OCTETS, "chain")               /* names in wire format, in a row */   \
    X(GENERATION, 30, AUDIT_NUMBER, "generation")     /* of the policy in force */           \
    X(WHAT, 31, AUDIT_OCTETS, "what")                 /* of a change: "pause-begun" */       \
    X(BY, 32, AUDIT_OCTETS, "by")                     /* "control", "cordond" */             \
    X(UID, 33, AUDIT_NUMBER, "uid")                   /* who asked for it */                 \
    X(USER, 34, AUDIT_OCTETS, "user")                 /* its name */                         \
    X(PID, 35, AUDIT_NUMBER, "pid")                   /* */                                  \
    X(REASON, 36, AUDIT_OCTETS, "reason")             /* in words */                         \
    X(LIST, 37, AUDIT_OCTETS, "list")                 /* id of a list, or "all" */           \
    X(SUBJECT, 38, AUDIT_OCTETS, "subject")           /* the name of an exception, a key */  \
    X(MATCH, 39, AUDIT_OCTETS, "match")               /* "suffix", "exact" */                \
    X(UNTIL, 40, AUDIT_NUMBER, "until")               /* seconds since 1970 */               \
    X(KEPT, 41, AUDIT_NUMBER, "kept")                 /* 0, 1 */                             \
    X(STREAM, 42, AUDIT_NUMBER, "stream")             /* that a gap or removal is about */   \
    X(COUNT, 43, AUDIT_NUMBER, "count")               /* events, of a gap */                 \
    X(CAUSE, 44, AUDIT_OCTETS, "cause")               /* of a gap: "disk", "ring" */         \
    X(ERROR, 45, AUDIT_NUMBER, "error")               /* errno of a gap */                   \
    X(FROM, 46, AUDIT_NUMBER, "from")                 /* first time or block */              \
    X(TO, 47, AUDIT_NUMBER, "to")                     /* last time or block */               \
    X(DIGEST, 48, AUDIT_OCTETS, "digest")             /* of a configuration or list */       \
    X(VERSION, 49, AUDIT_OCTETS, "version")           /* of the program */                   \
    X(RULE_TRIGGER, 50, AUDIT_OCTETS, "rule_trigger") /* where the rule names one */         \
    X(STATE, 51, AUDIT_OCTETS, "state")               /* "stale"; of a decision its stage */ \
    X(PUBLISHER, 52, AUDIT_OCTETS, "publisher")       /* of a list */                        \
    X(SERIAL, 53, AUDIT_NUMBER, "serial")             /* of a list that a change is about */ \
    X(DUE, 54, AUDIT_NUMBER, "due")                   /* seconds since 1970 */               \
    X(DEAD, 55, AUDIT_OCTETS, "dead")                 /* what holds for a dead list */       \
    X(EDE, 56, AUDIT_OCTETS, "ede")                   /* text of the Extended DNS Error */   \
    X(ID, 57, AUDIT_OCTETS, "id")                     /* of an exception */                  \
    X(LICENCE, 58, AUDIT_OCTETS, "licence")           /* of the exception */                 \
    X(APPROVER, 59, AUDIT_OCTETS, "approver")         /* of the exception */                 \
    X(FILE, 60, AUDIT_OCTETS, "file")                 /* that a change is about */           \
    X(BEFORE, 61, AUDIT_OCTETS, "before")             /* what SUBJECT was */                 \
    X(STALE, 62, AUDIT_NUMBER, "stale")               /* 1: CACHED, and past its time */

enum audit_column {
#define AUDIT_COLUMN_ENUM(name, number, kind, word) AUDIT_##name = (number),
    AUDIT_COLUMNS(AUDIT_COLUMN_ENUM)
#undef AUDIT_COLUMN_ENUM
};
#define AUDIT_COLUMN_LAST 62
#define AUDIT_COLUMN_END  64 /* above every number that this version can hold */

/* The kind of a column, or -1 if this version has none of that number. */
int audit_column_kind(unsigned column);
const char *audit_column_word(unsigned column); /* NULL: none */
const char *audit_stream_word(unsigned stream); /* "decisions"; NULL: none */

struct audit_value {
    const uint8_t *octets; /* of a text; borrowed */
    uint64_t number;       /* or its length */
};

/* Only what `present` names is set. follows is for rows with a kit (kit.h): not 0 where NAME,
 * the kit and this number say what MATCHED, the same name, and RULE are. */
struct audit_row {
    uint64_t present; /* bit n: column n */
    uint8_t follows;
    struct audit_value at[AUDIT_COLUMN_END];
};

/* A row begins with present = 0. Octets are borrowed as long as the row is used. Here, since
 * most columns of a question have a length that is known where it is made. */
static inline void audit_row_number(struct audit_row *row, enum audit_column column,
                                    uint64_t number)
{
    row->at[column] = (struct audit_value){.number = number};
    row->present |= UINT64_C(1) << column;
}

static inline void audit_row_octets(struct audit_row *row, enum audit_column column,
                                    const void *octets, size_t len)
{
    row->at[column] =
        (struct audit_value){.octets = len > 0 ? octets : (const void *)"", .number = len};
    row->present |= UINT64_C(1) << column;
}

/* NULL: absent. */
static inline void audit_row_text(struct audit_row *row, enum audit_column column,
                                  const char *text)
{
    if (text != NULL) {
        audit_row_octets(row, column, text, strlen(text));
    }
}

static inline bool audit_row_has(const struct audit_row *row, unsigned column)
{
    return (row->present >> column & 1) != 0;
}

/* The number of a column; 0 where it is absent. */
static inline uint64_t audit_row_get(const struct audit_row *row, enum audit_column column)
{
    return audit_row_has(row, column) ? row->at[column].number : 0;
}

/* The column is there, and has this very word. */
static inline bool audit_row_says(const struct audit_row *row, enum audit_column column,
                                  const char *word)
{
    const struct audit_value *value = &row->at[column];

    return audit_row_has(row, column) && value->octets != NULL &&
           value->number == strlen(word) && memcmp(value->octets, word, value->number) == 0;
}

/* Whether the row can be written: it has a time, its numbers are below 2^63, its texts at most
 * AUDIT_TEXT_MAX octets, together with the rest at most AUDIT_EVENT_MAX. */
bool audit_row_is_writable(const struct audit_row *row);
/* Whether these columns, which the row has, can be; *octets is what they count for together. */
bool audit_row_measure(const struct audit_row *row, uint64_t which, size_t *octets);
bool audit_row_equal(const struct audit_row *a, const struct audit_row *b);

/* The canonical form, which the tree of a block is made of: for each column, by its number, a
 * varint of 2 * number + kind, then the number as a varint, or length and octets. out has
 * AUDIT_EVENT_MAX octets and the row is writable. Returns the length. */
size_t audit_row_encode(const struct audit_row *row, uint8_t *out);
/* One column of it; returns its end. */
static inline uint8_t *audit_row_encode_one(const struct audit_row *row, unsigned column,
                                            uint8_t *at)
{
    const struct audit_value *value = &row->at[column];

    *at++ = (uint8_t)(2u * column + (value->octets != NULL ? 1u : 0u));
    at = audit_varint_add(at, value->number);
    return value->octets != NULL ? audit_octets_add(at, value->octets, value->number) : at;
}
/* False if the octets are no such form. Texts are borrowed from them. Columns that this version
 * does not know are kept: a later one may have made them. */
bool audit_row_decode(const uint8_t *octets, size_t len, struct audit_row *row);

/* An address: family (4 or 6), 4 or 16 octets; then, if it has one, the port in two octets,
 * network order; then, if it has one, the scope in four. */
#define AUDIT_ADDRESS_MAX 23
size_t audit_address_put(const struct address *address, bool with_port,
                         uint8_t out[AUDIT_ADDRESS_MAX]);
bool audit_address_get(const uint8_t *octets, size_t len, struct address *out);

/* A client as it is recorded: an address without port; a prefix ('p', family, bits, its
 * octets); or a keyed pseudonym ('k', the day of its key since 1970 in four octets, network
 * order, 16 octets). */
enum audit_client_kind {
    AUDIT_CLIENT_NONE,
    AUDIT_CLIENT_ADDRESS,
    AUDIT_CLIENT_PREFIX,
    AUDIT_CLIENT_PSEUDONYM
};
#define AUDIT_PSEUDONYM_OCTETS 16
struct audit_client {
    enum audit_client_kind kind;
    struct address address;
    struct address_prefix prefix;
    uint32_t day;
    uint8_t pseudonym[AUDIT_PSEUDONYM_OCTETS];
};
size_t audit_client_put(const struct audit_client *client, uint8_t out[AUDIT_ADDRESS_MAX]);
bool audit_client_get(const uint8_t *octets, size_t len, struct audit_client *out);

/* On what ground: one list as it was in force. NULL: the list says nothing. */
struct audit_basis {
    uint64_t serial;
    const char *list, *provider, *provider_name, *parent_name, *status_class, *status_entity,
        *status_authority, *status_citation, *status_effective, *status_state, *status_checked;
};
#define AUDIT_BASIS_TEXTS 11
/* As a text: the serial as a varint, then each word as a varint of its length plus one (0:
 * NULL) and its octets. Returns the length; 0 if it does not fit. */
size_t audit_basis_put(const struct audit_basis *basis, uint8_t *out, size_t size);
/* Of the words, place and length, in the order of the struct; at NULL: absent. */
struct audit_basis_view {
    uint64_t serial;
    struct audit_value word[AUDIT_BASIS_TEXTS];
};
bool audit_basis_get(const uint8_t *octets, size_t len, struct audit_basis_view *out);
/* Places of the words. */
enum audit_basis_word {
    AUDIT_BASIS_LIST,
    AUDIT_BASIS_PROVIDER,
    AUDIT_BASIS_PROVIDER_NAME,
    AUDIT_BASIS_PARENT_NAME,
    AUDIT_BASIS_STATUS_CLASS,
    AUDIT_BASIS_STATUS_ENTITY,
    AUDIT_BASIS_STATUS_AUTHORITY,
    AUDIT_BASIS_STATUS_CITATION,
    AUDIT_BASIS_STATUS_EFFECTIVE,
    AUDIT_BASIS_STATUS_STATE,
    AUDIT_BASIS_STATUS_CHECKED
};

/* True if the octets are exactly one name in wire format, lower case. */
bool audit_name_get(const uint8_t *octets, size_t len, struct wire_name *out);

#endif
