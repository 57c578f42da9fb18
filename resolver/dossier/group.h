/*
 * dossier/group.h - decisions counted by a key of several parts: exact up to a bound, beyond it
 * estimated by a sketch and never mixed with what is exact.
 *
 * A table of a report is a shape: which decisions, by which of their words, in which order.
 */
#ifndef CORDON_DOSSIER_GROUP_H
#define CORDON_DOSSIER_GROUP_H

#include "dossier/event.h"
#include "dossier/table.h"

struct dossier_counter {
    uint64_t all, direct;
    uint64_t effects[DOSSIER_EFFECTS], legals[DOSSIER_LEGALS];
    uint64_t names, clients; /* that are told apart */
    uint64_t first_us, last_us;
};

enum dossier_part_kind {
    DOSSIER_PART_END,
    DOSSIER_PART_WORD, /* a text as it is */
    DOSSIER_PART_NAME,
    DOSSIER_PART_CLIENT,
    DOSSIER_PART_CHAIN,
    DOSSIER_PART_ADDRESS,
    DOSSIER_PART_LISTED, /* a word of the basis: enum audit_basis_word at `at` */
    DOSSIER_PART_BASIS,  /* all that the list said: many columns */
    DOSSIER_PART_MOMENT  /* the span of time that it fell into */
};

struct dossier_part {
    enum dossier_part_kind kind;
    size_t at; /* offsetof(struct dossier_event, ...) of a struct audit_value */
    const char *key, *title;
    bool sparse;
};

enum dossier_order {
    DOSSIER_BY_ALL, /* the greatest first, then by key */
    DOSSIER_BY_BLOCKED,
    DOSSIER_BY_KEY /* ascending: of moments */
};

#define DOSSIER_PARTS_MAX  7u
#define DOSSIER_OF_NAMES   1u /* names are told apart for each key */
#define DOSSIER_OF_CLIENTS 2u

struct dossier_shape {
    const char *key, *title, *words;                  /* of the table */
    bool (*wants)(const struct dossier_event *event); /* NULL: all */
    struct dossier_part parts[DOSSIER_PARTS_MAX];
    unsigned of;
    enum dossier_order order;
    enum dossier_chart chart;
    const char *estimated; /* key of the table of what came above the bound; NULL: none */
};

struct dossier_group; /* opaque */

/*
 * shape: borrowed. seed: 16 octets for the sketch, so that the same log gives the same report;
 * no client can know it while it asks. most: keys that are exact, at most DOSSIER_KEYS_MAX.
 * step_us: how long a moment is. NULL: no memory.
 */
struct dossier_group *dossier_group_create(const struct dossier_shape *shape,
                                           const uint8_t seed[16], size_t most,
                                           uint64_t step_us);
void dossier_group_destroy(struct dossier_group *group); /* NULL is fine */

/* False: no memory. */
bool dossier_group_add(struct dossier_group *group, const struct dossier_event *event);

size_t dossier_group_count(const struct dossier_group *group); /* keys that are exact */
/* Decisions of keys above the bound; 0: all is exact. */
uint64_t dossier_group_beyond(const struct dossier_group *group);

/* Adds the table, in its order; one of estimates and notices where it is not all exact. */
void dossier_group_tell(const struct dossier_group *group, struct dossier *dossier);

#endif
