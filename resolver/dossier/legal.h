/*
 * dossier/legal.h - what a decision rests on and what came of it, in kinds that are counted
 * apart: each has its own column and colour, and none is ever added to another.
 */
#ifndef CORDON_DOSSIER_LEGAL_H
#define CORDON_DOSSIER_LEGAL_H

#include "audit/row.h"

/* Of the strongest fact that the list stated when it decided (docs/events.md, classes). */
enum dossier_legal {
    DOSSIER_LISTED,        /* designated, in force: the provider's own legal person */
    DOSSIER_LISTED_UNSURE, /* the same, but suspended, contested, ended or unverified */
    DOSSIER_PARENT,        /* its owner is; not the provider */
    DOSSIER_PARENT_UNSURE,
    DOSSIER_MENTION,    /* named on a list of another kind */
    DOSSIER_URGED,      /* a document asks for action; none follows from it */
    DOSSIER_NONE_FOUND, /* no listing found in the lists named, as of a day */
    DOSSIER_ENDED,      /* the status ended, or the owner changed */
    DOSSIER_UNSTATED,   /* the list states none, or a class that this version does not know */
    DOSSIER_OPERATOR,   /* no list spoke: the operator's own word (default: deny, client:) */
    DOSSIER_LEGALS
};

enum dossier_effect {
    DOSSIER_BLOCKED,  /* the answer was replaced by this rule */
    DOSSIER_WOULD,    /* mode log: it would have been */
    DOSSIER_PAUSED,   /* the same, because somebody had paused the list */
    DOSSIER_EXCEPTED, /* an exception let it through */
    DOSSIER_TRIAL,    /* a newer version of a list, on trial, would have blocked it */
    DOSSIER_RECORDED, /* action log: recorded by the list's or the operator's own wish */
    DOSSIER_OTHER,    /* enforced, but another rule decided */
    DOSSIER_EFFECTS
};

/* Keys for machines ("parent_unsure"), titles of columns, and whole words. */
const char *dossier_legal_key(enum dossier_legal legal);
const char *dossier_legal_title(enum dossier_legal legal);
const char *dossier_legal_words(enum dossier_legal legal);
const char *dossier_effect_key(enum dossier_effect effect);
const char *dossier_effect_title(enum dossier_effect effect);
const char *dossier_effect_words(enum dossier_effect effect);

/* basis NULL: no list spoke. */
enum dossier_legal dossier_legal_of(const struct audit_basis_view *basis);

/* The basis in one sentence that says no more than the list does. Octets of strangers: to be
 * escaped like any. Returns the length; cut to what fits. */
#define DOSSIER_SENTENCE_MAX 3072u
size_t dossier_legal_sentence(const struct audit_basis_view *basis,
                              char out[DOSSIER_SENTENCE_MAX]);

#endif
