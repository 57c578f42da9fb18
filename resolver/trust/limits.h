/*
 * trust/limits.h - bounds of what publishers may send, and why.
 */
#ifndef CORDON_TRUST_LIMITS_H
#define CORDON_TRUST_LIMITS_H

/* Octets of a root file: 64 keys and 640 lines of scope at their longest take some 95,000; a
 * mirror that sends without end is cut off there. */
#define TRUST_ROOT_OCTETS_MAX 131072u

/* Octets of a catalogue: as many lists as one may name, each at its longest. */
#define TRUST_CATALOGUE_OCTETS_MAX 524288u

/* Lists in a catalogue: eight times what one installation can load. */
#define TRUST_CATALOGUE_LISTS_MAX 1024u

/* Roots followed in one go: one a month for twenty years. */
#define TRUST_ROOTS_MAX 240u

/* Octets of a line of a root, a catalogue or a ratchet: a list with both hashes has 375. */
#define TRUST_LINE_MAX 512u

/* Octets of a publisher's title. */
#define TRUST_TITLE_MAX 200u

/* Providers, names and address prefixes in one scope: whoever speaks of more speaks of all. */
#define TRUST_SCOPE_PROVIDERS_MAX 128u
#define TRUST_SCOPE_NAMES_MAX     256u
#define TRUST_SCOPE_PREFIXES_MAX  256u

/* Publishers in one installation, the shipped one included. */
#define TRUST_PUBLISHERS_MAX 16u

/* Lists remembered of one publisher, also those that it no longer has. */
#define TRUST_MARKS_MAX 4096u

/* Files of exceptions remembered, also those that are not named any more: several times what
 * one installation names. */
#define TRUST_FILES_MAX 256u

/* Ratchets that were damaged and are kept: somebody must look at them one day, and a folder
 * must not fill up. */
#define TRUST_DAMAGED_MAX 100u

/* Octets of the ratchet: as many marks as there may be, each at its longest. */
#define TRUST_RATCHET_OCTETS_MAX 16777216u

#endif
