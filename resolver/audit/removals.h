/*
 * audit/removals.h - what is gone from a log, against what the log says was removed. For
 * verify.c.
 */
#ifndef CORDON_AUDIT_REMOVALS_H
#define CORDON_AUDIT_REMOVALS_H

#include "audit/verify.h"

struct audit_removals; /* opaque */

struct audit_removals *audit_removals_create(void); /* NULL: no memory */
void audit_removals_destroy(struct audit_removals *removals);

/* Each block in turn, with its body or without. */
void audit_removals_block(struct audit_removals *removals, const struct audit_header *header,
                          bool gone);

/* A row of changes of block `number`: those of removals and of keys that were destroyed are
 * told in the verdict. A removal is of earlier blocks. True: it was one of these. */
bool audit_removals_row(struct audit_removals *removals, const struct audit_row *row,
                        uint64_t number, struct audit_verdict *verdict);

/* A checkpoint covers the first `blocks` blocks: what they say of removals counts from now on.
 */
void audit_removals_signed(struct audit_removals *removals, uint64_t blocks);

/* Blocks that are gone, of which no signed record says so: the first of them, if there are any.
 * more: so many that they cannot be told apart. */
bool audit_removals_unrecorded(const struct audit_removals *removals, uint64_t *from,
                               uint64_t *to, bool *more);

#endif
