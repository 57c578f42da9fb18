/*
 * gate/limits.h - bounds of what is looked at, and told, before lists are put in force.
 */
#ifndef CORDON_GATE_LIMITS_H
#define CORDON_GATE_LIMITS_H

/* Findings of one check that are told; more are counted. Whoever has to look at fifty names
 * knows what a candidate is like. */
#define GATE_FINDINGS_MAX 50u

/* Octets of the reason of an override: a sentence or two, as of an exception. */
#define GATE_REASON_MAX 512u

/* Octets of a verdict as JSON: eight checks with 50 findings of at most 4 KiB. */
#define GATE_DOCUMENT_MAX (4u << 20)

/* Octets of what is said of one finding: two rules on names of 255 octets, escaped. */
#define GATE_WORDS_MAX 4096u

/* Public suffixes that are looked at: the list has some 9,500. Octets of the list as text: it
 * has a quarter of a million. */
#define GATE_SUFFIXES_MAX      65536u
#define GATE_SUFFIX_OCTETS_MAX (4u << 20)

/* Networks of the operator's own: listeners, upstreams, addresses of the machine, clients of
 * all views. */
#define GATE_GUARDS_MAX 8192u

/* Places where a rule about an own address begins or ends: lists of clouds have none. */
#define GATE_POINTS_MAX 16384u

/* Names, clients, and pairs of both that are told apart when recorded questions are decided
 * anew: some 30 MiB at the most. Whoever hits more needs no exact number. */
#define GATE_REPLAY_NAMES_MAX   16384u
#define GATE_REPLAY_CLIENTS_MAX 65536u
#define GATE_REPLAY_PAIRS_MAX   262144u

#endif
