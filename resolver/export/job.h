/*
 * export/job.h - one export on its way: where it is written, and what the format cannot say.
 */
#ifndef CORDON_EXPORT_JOB_H
#define CORDON_EXPORT_JOB_H

#include "export/set.h"

#include <stdio.h>

/* What becomes of a rule that a format cannot express. None of them blocks a name that cordon
 * would let through; words for people are in job.c. */
enum export_loss {
    EXPORT_LOSS_ADDRESS, /* left out: a prefix of addresses */
    EXPORT_LOSS_BELOW,   /* left out: below a name, but not the name */
    EXPORT_LOSS_EXACT,   /* left out: a name alone */
    EXPORT_LOSS_HOLE,    /* left out: something below is let through */
    EXPORT_LOSS_DEPTH,   /* left out: too many exceptions within each other */
    EXPORT_LOSS_NAME,    /* left out: the format has no room for the name */
    EXPORT_LOSS_NARROW,  /* blocks the name alone, not what is below */
    EXPORT_LOSS_WIDE,    /* lets through more than it says: all below, or the name itself */
    EXPORT_LOSS_ACTION,  /* blocks, with another answer */
    EXPORT_LOSS_LOG,     /* lets through, and records nothing */
    EXPORT_LOSS_BASIS,   /* stands under another list's rule, and in its zone too */
    EXPORT_LOSS_TRIGGER, /* left out: about clients or name servers */
    EXPORT_LOSS_CHAIN,   /* lets through more than its own trigger */
    EXPORT_LOSS_CLIENT,  /* lets clients through, which forbids the export */
    EXPORT_LOSSES
};

struct export_job {
    const struct export_set *set;
    FILE *out;
    size_t losses[EXPORT_LOSSES];
    const struct policy_list_rule *last[EXPORT_LOSSES];
    /* Told of each loss. */
    void (*lose)(void *arg, enum export_loss loss, const struct export_word *word);
    void *arg;
};

/* What the loss means, to be read after the rule: "left out: ...". */
const char *export_loss_words(enum export_loss loss);

/* Counts the loss and tells it; once for names that follow each other. */
void export_lose(struct export_job *job, enum export_loss loss, const struct export_word *word);

/*
 * Writes what every export begins with: for each list in use (NULL: all) serial, provider,
 * legal status, digest and signers, and how to verify the original. Each line begins with
 * `comment`.
 */
void export_head(FILE *out, const struct export_set *set, const bool *in_use,
                 const char *comment, const char *about);

/* The same for one list, without the verification: "huawei-cloud serial 2026112201,
 * designated: ENTITY (AUTHORITY)". Cut to what fits. */
void export_basis(const struct policy_list *list, char *out, size_t size);

/* For each rule on prefixes, clients or name servers: the format knows only names. Log rules
 * among them count as such. */
void export_lose_prefixes(struct export_job *job);

#endif
