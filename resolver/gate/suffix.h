/*
 * gate/suffix.h - public suffixes that a change of lists may have touched.
 *
 * libpsl says of a name whether it is one. Those below a rule are in the list as text alone,
 * which the system may have; without it the private ones below a rule are not found.
 */
#ifndef CORDON_GATE_SUFFIX_H
#define CORDON_GATE_SUFFIX_H

#include "gate/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set of them, as text in lower case: "co.uk", "*.ck". */
struct gate_suffixes {
    struct gate_suffix {
        char *text;
        bool registry; /* of the section of registries (ICANN); else private */
    } * at;
    size_t count, room;
};

/* Room for GATE_SUFFIXES_MAX; more are left out. 0 or -ENOMEM. */
int gate_suffixes_add(struct gate_suffixes *suffixes, const char *text, size_t len,
                      bool registry);
/* In order, each once. */
void gate_suffixes_sort(struct gate_suffixes *suffixes);
void gate_suffixes_free(struct gate_suffixes *suffixes);

/* Adds those of the list as text (https://publicsuffix.org/list/). Names that are not ASCII
 * are left out: rules have them as A-labels, which libpsl knows. 0 or -ENOMEM. */
int gate_suffixes_parse(struct gate_suffixes *suffixes, const char *text, size_t len);

/* Adds the name, and "*.NAME", if they are public suffixes. psl: a psl_ctx_t. */
int gate_suffixes_note(struct gate_suffixes *suffixes, const void *psl, const char *name);

#endif
