/*
 * setup/limits.h - bounds of what is told about one decision, and about all of them, and why.
 */
#ifndef CORDON_SETUP_LIMITS_H
#define CORDON_SETUP_LIMITS_H

/* Triggers of one answer that are told, and rules of one trigger; more are counted. A chain has
 * 11 hops, an answer of a CDN some 20 addresses; 20 lists may each have a rule per label. */
#define SETUP_EXPLAIN_TRIGGERS_MAX 128u
#define SETUP_EXPLAIN_RULES_MAX    128u

/* Octets of a document made by the tool: 128 triggers with some rules each take a tenth. */
#define SETUP_EXPLAIN_DOCUMENT_MAX (4u << 20)

/* Addresses of one name server that are looked at: most have two. */
#define SETUP_WHY_ADDRESSES_MAX 16u

/* Octets of one value in a line of the fingerprint, so that each line is one string of a TXT
 * record (255). What is longer is told by its hash. */
#define SETUP_FINGERPRINT_VALUE_MAX 120u
#define SETUP_FINGERPRINT_LINE_MAX  255u

/* Octets of the lines of one part that are shown: 64 views with all their words take 50 KiB,
 * 128 lists in 4 views 40 KiB. The hash is over all lines. */
#define SETUP_FINGERPRINT_SHOWN_MAX (64u << 10)

#endif
