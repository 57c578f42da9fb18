/*
 * audit/kit.h - columns that many events have in common, put together once: their values, and
 * the steady part of a leaf.
 *
 * A row that has them says so by handing its kit over with it. Then a block finds their words
 * by the kit's id instead of by their octets, and the steady part is copied instead of made.
 */
#ifndef CORDON_AUDIT_KIT_H
#define CORDON_AUDIT_KIT_H

#include "audit/steady.h"

struct audit_kit {
    uint64_t id;          /* of these values; never used again. 0: it has none */
    uint64_t columns;     /* bit n: it has column n */
    struct audit_row row; /* of these alone; texts lie in octets */
    uint8_t *octets;      /* its form */
    size_t most;          /* octets, as they are counted against AUDIT_EVENT_MAX */
    uint32_t steady_len;  /* the steady part of whoever has no other steady columns */
    uint8_t steady[AUDIT_STEADY_MAX];
};

/* Copies these columns of a row, which it has and which can be written; what the kit had goes.
 * False: no memory, it has none then. At first a kit is zero. */
bool audit_kit_make(struct audit_kit *kit, uint64_t id, const struct audit_row *row,
                    uint64_t columns);
void audit_kit_deinit(struct audit_kit *kit);

/* A row with the columns of the kit, to which others are added. */
static inline void audit_kit_begin(const struct audit_kit *kit, struct audit_row *row)
{
    row->present = kit->columns;
    row->follows = 0;
    for (uint64_t rest = kit->columns; rest != 0; rest &= rest - 1) {
        const unsigned column = (unsigned)__builtin_ctzll(rest);

        row->at[column] = kit->row.at[column];
    }
}

/* audit_row_is_writable() of a row that has the kit's columns as the kit has them. */
bool audit_kit_is_writable(const struct audit_kit *kit, const struct audit_row *row);
/* Whether the kit's steady part is the row's. */
static inline bool audit_kit_is_steady(const struct audit_kit *kit, const struct audit_row *row)
{
    return ((row->present ^ kit->columns) & ~AUDIT_OWN) == 0;
}

/* What a leaf has of such a row, which has the columns of its own itself; *finding as that of
 * audit_own_put(). */
static inline size_t audit_kit_form(const struct audit_kit *kit, const struct audit_row *row,
                                    uint8_t *form, uint8_t **finding)
{
    memcpy(form, kit->steady, sizeof(kit->steady)); /* as many as are known here */
    return (size_t)(audit_own_put(row, form + kit->steady_len, finding) - form);
}

#endif
