/*
 * audit/repeat.h - records that say again what another has said, but for the time, the latency
 * and the client: nearly all, where few names are blocked over and over.
 *
 * What is the same in both is one piece of their octets (audit_event_split). It leads to what
 * followed the last time: that it is a good record, the kit and the rule of its row, the words
 * of these in a block, the stencil of its line. So nothing of it is unpacked or looked for.
 * Where the worker knows the name by a number, that leads to it at once; else a hash does.
 * Pieces are compared as octets; what came of them holds for one policy with its views, and
 * all is forgotten with it. A record that has none goes the general way, and leaves one.
 *
 * Of so many at most, the oldest goes first; their memory goes back while few are asked for.
 * One thread.
 */
#ifndef CORDON_AUDIT_REPEAT_H
#define CORDON_AUDIT_REPEAT_H

#include "audit/block.h"
#include "audit/event.h"
#include "audit/kit.h"

struct audit_stencil; /* stencil.h */

struct audit_repeat {
    const struct audit_kit *kit; /* of its row, while that has this id */
    uint64_t kit_id;
    const struct audit_stencil *stencil; /* of its line, while that has this id; NULL: none */
    uint64_t stencil_id;
    struct audit_numbers numbers;
    uint32_t place; /* where it is found, plus one; 0: not in use */
    uint16_t type;
    uint16_t same_len;
    uint8_t rule_len, trigger, hop;
    uint8_t octets[]; /* the piece, then the text of the rule */
};

struct audit_repeats; /* opaque */

struct audit_repeats *audit_repeats_create(void);          /* NULL: no memory */
void audit_repeats_destroy(struct audit_repeats *repeats); /* NULL is fine */

/* That of the piece, from a record of this worker; NULL: there is none. Borrowed until the next
 * is kept. */
struct audit_repeat *audit_repeats_find(struct audit_repeats *repeats, unsigned worker,
                                        const struct audit_event_parts *parts);
/* Of a record of this worker that will be looked for soon (audit_event_guess): what it may
 * repeat begins to come from memory. */
void audit_repeats_expect(const struct audit_repeats *repeats, unsigned worker, uint32_t guess);
/* Earlier than that: what says where it is. */
void audit_repeats_approach(const struct audit_repeats *repeats, unsigned worker,
                            uint32_t guess);
/* Keeps what has come of a good record, instead of what there was. kit: of the row; row: its
 * columns beside those of the kit. Without a stencil at first. NULL: there is none for such. */
struct audit_repeat *audit_repeats_keep(struct audit_repeats *repeats,
                                        const struct audit_event_parts *parts,
                                        const struct audit_event *event,
                                        const struct audit_row *row,
                                        const struct audit_kit *kit);
/* All of them: another policy, or other views. */
void audit_repeats_forget(struct audit_repeats *repeats);
/* Now and then; now_us: of a clock that only goes on. Gives back what is of little use. */
void audit_repeats_rest(struct audit_repeats *repeats, uint64_t now_us);

/* The row of a record with these parts, as audit_builder_add_again() takes it; client is
 * memory for it. It borrows from both. */
void audit_repeat_row(const struct audit_repeat *repeat, const struct audit_event_parts *parts,
                      uint8_t client[AUDIT_ADDRESS_MAX], struct audit_row *row);

/* The asked name, which is what matched, too, in wire format; and the text of the rule. */
static inline const uint8_t *audit_repeat_name(const struct audit_repeat *repeat, size_t *len)
{
    *len = repeat->octets[AUDIT_SAME_HEAD];
    return repeat->octets + AUDIT_SAME_HEAD + 1;
}

static inline const uint8_t *audit_repeat_rule(const struct audit_repeat *repeat, size_t *len)
{
    *len = repeat->rule_len;
    return repeat->octets + repeat->same_len;
}

#endif
