/*
 * audit/steady.h - what a leaf has of an event: its steady part, then the columns of its own,
 * some of which are one finding.
 *
 * Most columns of a decision are the same in thousands of events, and long. So they come first,
 * together, and where they have more than AUDIT_STEADY_WHOLE octets a digest stands for them,
 * which is made once for all that have them alike. The columns that differ from event to event
 * follow as they are, but for three: what was asked, by which rule it was found, and what
 * matched are the same whenever the same name is asked for, and a digest stands for them.
 * docs/audit-log.md is the specification, docs/decisions/0021 and 0022 say why.
 */
#ifndef CORDON_AUDIT_STEADY_H
#define CORDON_AUDIT_STEADY_H

#include "audit/row.h"
#include "base/digest.h"

/* The columns of an event's own; all others, also those of later versions, are steady. Of the
 * format. */
#define AUDIT_OWN_BIT(name) (UINT64_C(1) << AUDIT_##name)
#define AUDIT_OWN                                                               \
    (AUDIT_OWN_BIT(TIME) | AUDIT_OWN_BIT(CLIENT) | AUDIT_OWN_BIT(CLIENT_PORT) | \
     AUDIT_OWN_BIT(NAME) | AUDIT_OWN_BIT(TYPE) | AUDIT_OWN_BIT(LATENCY) |       \
     AUDIT_OWN_BIT(UPSTREAM) | AUDIT_OWN_BIT(RULE) | AUDIT_OWN_BIT(MATCHED) |   \
     AUDIT_OWN_BIT(MATCHED_ADDRESS) | AUDIT_OWN_BIT(CHAIN))

/* Octets of steady columns that stand there themselves: those of a question have thirty, of a
 * decision some three hundred. */
#define AUDIT_STEADY_WHOLE 64u
_Static_assert(AUDIT_STEADY_WHOLE < 0x80, "their number has one octet");
_Static_assert(AUDIT_STEADY_WHOLE >= DIGEST_OCTETS,
               "a digest is not longer than what it is of");

/* The columns of a finding, which an event with a RULE has. In its leaf RULE has a digest of
 * them, and the others are left out. Of the format. */
#define AUDIT_FINDING     (AUDIT_OWN_BIT(NAME) | AUDIT_OWN_BIT(RULE) | AUDIT_OWN_BIT(MATCHED))
#define AUDIT_FINDING_TAG (2u * AUDIT_RULE + 1u) /* and then DIGEST_OCTETS, and the digest */

/* What is hashed begins with it: leaves do with 0, nodes with 1. */
#define AUDIT_STEADY_MARK  2
#define AUDIT_FINDING_MARK 3

/* Octets of a steady part at most: a varint, and the columns or their digest. */
#define AUDIT_STEADY_MAX (1u + AUDIT_STEADY_WHOLE)

/* The steady part of a row; more octets are written at `at` than it has: one more than its
 * columns have. Returns its end. */
uint8_t *audit_steady_put(const struct audit_row *row, uint8_t *at);

/* The columns of `which` that the row has, in canonical form. */
static inline uint8_t *audit_columns_put(const struct audit_row *row, uint64_t which,
                                         uint8_t *at)
{
    for (uint64_t rest = row->present & which; rest != 0; rest &= rest - 1) {
        at = audit_row_encode_one(row, (unsigned)__builtin_ctzll(rest), at);
    }
    return at;
}

/* The columns of a row's own. Returns the end; *finding: where the digest of what
 * audit_finding_put() puts is missing; NULL: there is none. */
static inline uint8_t *audit_own_put(const struct audit_row *row, uint8_t *at,
                                     uint8_t **finding)
{
    const uint64_t before = AUDIT_OWN_BIT(RULE) - 1;

    *finding = NULL;
    if ((row->present & AUDIT_OWN_BIT(RULE)) == 0) {
        return audit_columns_put(row, AUDIT_OWN, at);
    }
    at = audit_columns_put(row, AUDIT_OWN & ~AUDIT_FINDING & before, at);
    at[0] = AUDIT_FINDING_TAG;
    at[1] = DIGEST_OCTETS;
    *finding = at + 2;
    return audit_columns_put(row, AUDIT_OWN & ~AUDIT_FINDING & ~before, at + 2 + DIGEST_OCTETS);
}
_Static_assert(AUDIT_FINDING_TAG < 0x80 && DIGEST_OCTETS < 0x80, "each has one octet");

/* What the finding of a row with a RULE is the digest of: at most AUDIT_FINDING_MAX octets.
 * Returns the end. */
#define AUDIT_FINDING_MAX (1u + AUDIT_EVENT_MAX)
static inline uint8_t *audit_finding_put(const struct audit_row *row, uint8_t *at)
{
    at[0] = AUDIT_FINDING_MARK;
    return audit_columns_put(row, AUDIT_FINDING, at + 1);
}
void audit_finding(const struct audit_row *row, uint8_t out[DIGEST_OCTETS]);

/* All: what a leaf has of an event whose canonical form has AUDIT_EVENT_MAX octets at most.
 * Returns the length. */
#define AUDIT_LEAF_FORM_MAX (AUDIT_EVENT_MAX + 1u + DIGEST_OCTETS)
size_t audit_leaf_form(const struct audit_row *row, uint8_t out[AUDIT_LEAF_FORM_MAX]);

/* Steady parts that were made lately, for events that have no kit. */
#define AUDIT_STEADY_KEPT 512u /* octets of one that is kept */
#define AUDIT_STEADIES    16u
struct audit_steadies {
    struct {
        uint32_t len; /* 0: none */
        uint8_t octets[AUDIT_STEADY_KEPT];
        uint8_t digest[DIGEST_OCTETS];
    } at[AUDIT_STEADIES];
};
/* audit_steady_put(), by these. */
uint8_t *audit_steady_find(struct audit_steadies *steadies, const struct audit_row *row,
                           uint8_t *at);

#endif
