/*
 * gate/gate.h - may these lists follow those that are in force? What a candidate would change,
 * decided by the engine itself under the operator's configuration, before it is activated.
 *
 * Two snapshots are made as cordond makes them, of the folder in force and of the candidate,
 * and asked the same questions. Each check has its own verdict with what it rests on. A check
 * that refuses can be overridden with a reason, which stays in the verdict; signatures,
 * ratchet, and whether the lists load at all are no matter of opinion and cannot be. Nothing is
 * written and nothing is put in force here.
 *
 * The document is described in docs/updates.md, "Gate".
 */
#ifndef CORDON_GATE_GATE_H
#define CORDON_GATE_GATE_H

#include "base/report.h"
#include "base/text.h"
#include "gate/limits.h"
#include "policy/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Of the document: a reader refuses a number that it does not know. */
#define GATE_VERSION 1

/* From good to bad. */
enum gate_verdict {
    GATE_PASS,
    GATE_SKIPPED, /* not looked at: words say why */
    GATE_WARN,
    GATE_REFUSE
};

enum gate_check {
    GATE_TRUST,     /* signatures, root, catalogue, ratchet */
    GATE_WITHDRAWN, /* a list that is in use is not there any more */
    GATE_LOADS,     /* configuration and lists make a snapshot */
    GATE_SIZE,      /* rules that come and go, by list and in all */
    GATE_PUBLIC_SUFFIX,
    GATE_MUST_RESOLVE,
    GATE_OWN_ADDRESSES,
    GATE_REPLAY, /* recorded questions, decided anew */
    GATE_CHECKS
};

/* "public-suffix"; the number of a word, false if it is none; "refuse". */
const char *gate_check_word(enum gate_check check);
bool gate_check_parse(const char *word, enum gate_check *out);
const char *gate_verdict_word(enum gate_verdict verdict);

/* A refusal that somebody takes upon himself. */
struct gate_override {
    enum gate_check check;
    const char *reason; /* borrowed */
};

/* NULL, or why it cannot be: a check that cannot be overridden, no reason, one that is longer
 * than GATE_REASON_MAX octets or no line of UTF-8. */
const char *gate_override_fault(const struct gate_override *override);

/* Borrowed for the call. */
struct gate_request {
    const char *config;    /* path of the operator's configuration; NULL: all defaults */
    const char *publisher; /* of trust.publishers, whose folder the candidate is; NULL: that of
                              lists.directory */
    const char *candidate; /* folder, whole, as a publisher ships it */
    const char *in_force;  /* folder; NULL: the one that the configuration names */
    const char *oldest;    /* the oldest kept version's folder, against which many small steps
                              are one; NULL: there is none */
    const char *ratchet;   /* folder with TRUST_RATCHET_FILE; NULL: nothing is remembered */
    const char *log;       /* folder of the audit log; NULL: that of the configuration */
    const char *suffixes;  /* the Public Suffix List as text; NULL: that of the system */
    uint64_t now_s;        /* wall clock, seconds */
    struct gate_override overrides[GATE_CHECKS];
    size_t override_count;
};

/* What a check rests on. Strings are never NULL. */
struct gate_finding {
    enum gate_verdict verdict;   /* never PASS or SKIPPED */
    char *what;                  /* a name, an address, an id of a list; "" */
    char *list;                  /* whose rule it is; "" */
    char *rule;                  /* as its list has it; "" */
    char *view;                  /* the first in which it is so; "" */
    char *schedule;              /* that must hold there for it; "" */
    char *words;                 /* in words */
    uint64_t questions, clients; /* recorded ones that it is about; 0 */
};

struct gate_result {
    enum gate_verdict verdict; /* before an override */
    bool overridden;           /* it refuses, and somebody took it upon himself */
    char *reason;              /* of the override that was asked for; NULL: none */
    char *words;               /* what was found, in a line */
    struct gate_finding findings[GATE_FINDINGS_MAX];
    size_t count;   /* of findings that are told */
    uint64_t found; /* and of all of them */
};

/* A list of either set, or both. */
struct gate_list {
    char id[65];
    bool is_old, is_new, enforced; /* in force; in the candidate; in any view, at any time */
    uint32_t old_serial, new_serial;
    uint64_t old_rules, new_rules;
    uint64_t added, removed;            /* rules; one that changes what it does is both */
    uint64_t oldest_rules, added_since; /* since the oldest kept version; 0: it has it not */
};

struct gate_outcome {
    enum gate_verdict verdict; /* PASS, WARN or REFUSE: of all, after overrides */
    char candidate[4096], in_force[4096], publisher[65]; /* folders; "" */
    uint64_t made_s;
    struct gate_result checks[GATE_CHECKS];
    struct gate_list lists[POLICY_LISTS_MAX];
    size_t list_count;
};

/*
 * Runs every check that can be run. 0 and *outcome, whatever the verdict is, freed by
 * gate_outcome_free; -EINVAL for an override that cannot be, or a publisher that the
 * configuration does not have; the code of config_read; -ENOMEM. Reported. progress of the
 * report is told how far it is.
 */
int gate_run(const struct gate_request *request, struct report *report,
             struct gate_outcome **outcome);
void gate_outcome_free(struct gate_outcome *outcome); /* NULL is fine */

/* The document as one JSON value: an element, or below key; and the table for people. */
void gate_write(struct text *out, const char *key, const struct gate_outcome *outcome);
void gate_print(const struct gate_outcome *outcome, FILE *out);

#endif
