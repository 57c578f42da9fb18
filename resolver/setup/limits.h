/*
 * setup/limits.h - bounds of what is told about one decision, and why.
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

#endif
