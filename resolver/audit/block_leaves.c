/*
 * audit/block_leaves.c - the leaves of all events of a block, made anew from its columns.
 *
 * Some tens of events at once, and of these one column after the other: a column has its own
 * loop, which copies so many octets whatever a text has, and then goes on behind what counts.
 * So there is next to nothing to be guessed wrongly. What each event has alike is put together
 * once, and so are steady parts (block_steady.c); findings are hashed side by side before the
 * leaves that have them. Compared with what is made of each event
 * alone in tests/audit/test_block_leaves.c.
 */
#include "audit/block_open.h"

#include "audit/events_tree.h"
#include "audit/varint.h"
#include "base/error.h"
#include "base/little.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD (1u + AUDIT_LEAF_SALT) /* of a leaf's octets, before the form */

/* What is copied at once: most texts are no longer. */
#define STEP 32u
_Static_assert(STEP <= AUDIT_OVERRUN, "a step goes no further than may be read");

/* Events have a slot each, as long as the longest can be; few of the longest that there are. */
#define SLOTS_OCTETS 163840u
#define SLOT_SPARE   64u /* octets behind an event that are written and do not count */
#define SLOTS_LEAST  4u
_Static_assert(SLOTS_LEAST *(HEAD + AUDIT_EVENT_MAX + AUDIT_STEADY_MAX + 2 + DIGEST_OCTETS +
                             AUDIT_FINDING_MAX + 3 * SLOT_SPARE) <= SLOTS_OCTETS &&
                   SLOTS_LEAST % AUDIT_SALTS_AT_ONCE == 0 && STEP <= SLOT_SPARE,
               "some events always have room");

/* Numbers that are looked up instead of being written anew each time. */
#define SMALL 255u

enum part_kind {
    PART_SAME,   /* octets that each event has */
    PART_TEXT,   /* one of the dictionary, or none */
    PART_SMALL,  /* a number below SMALL, or none */
    PART_NUMBER, /* any other */
    PART_STEADY, /* the steady part of each */
    PART_FOUND,  /* of a finding, so only of events that have none */
    PART_FINDING /* those of the others */
};

/* What one column, or some that are the same for each event, adds to the forms. */
struct part {
    enum part_kind kind;
    uint8_t tag;
    unsigned number; /* of the column */
    const struct column *column;
    struct audit_making making;
    union {
        const uint32_t *small; /* its octets, the lowest first, and in the topmost how many */
        const uint64_t *found; /* its numbers of these events */
        struct {
            uint32_t at, len; /* in the octets that are the same */
        } same;
    };
};

/* The columns of findings: NAME, RULE, MATCHED. */
#define FOUND 3u

struct forming {
    struct part parts[AUDIT_COLUMN_END];
    unsigned count;
    struct part found[FOUND]; /* those that there are, if RULE is among them */
    unsigned found_count;
    size_t found_most; /* octets that a finding is made of */
    uint64_t found_numbers[FOUND][DIGEST_MANY_MAX];
    const uint64_t *rules; /* these numbers of RULE: 0: the event has no finding */
    uint8_t findings[DIGEST_MANY_MAX][DIGEST_OCTETS];
    struct audit_steady_parts steady;
    size_t most;     /* octets of the longest form that there can be */
    size_t same_len; /* of those that are the same */
    uint64_t numbers[DIGEST_MANY_MAX];
    struct audit_events_tree tree;
    uint8_t *ends[DIGEST_MANY_MAX];
    struct digest_buffer buffers[DIGEST_MANY_MAX];
    uint8_t salts[DIGEST_MANY_MAX][AUDIT_LEAF_SALT];
    uint32_t small[AUDIT_COLUMN_END][SMALL + 1];
    uint8_t same[AUDIT_LEAF_FORM_MAX + AUDIT_OVERRUN];
    uint8_t slots[SLOTS_OCTETS];
};

/* --- what there is to do --- */

/* Bits that may be set in the numbers of a column. */
static uint64_t bits_of(const struct column *column)
{
    if (column->loaded) {
        return column->bits;
    }
    return column->deltas ? UINT64_MAX : UINT64_MAX >> (64 - 8 * column->width);
}

static bool is_there(const struct column *column)
{
    return (column->loaded || column->unpacked) && bits_of(column) != 0;
}

/* What lies behind those that are the same, up to there, is so, too. */
static void keep_same(struct forming *forming, const uint8_t *end)
{
    const uint32_t len = (uint32_t)((size_t)(end - forming->same) - forming->same_len);

    if (forming->count == 0 || forming->parts[forming->count - 1].kind != PART_SAME) {
        forming->parts[forming->count++] =
            (struct part){.kind = PART_SAME, .same = {(uint32_t)forming->same_len, 0}};
    }
    forming->parts[forming->count - 1].same.len += len;
    forming->same_len += len;
}

static void add_same(struct forming *forming, const struct column *column, uint8_t tag)
{
    uint8_t *end = forming->same + forming->same_len;

    *end++ = tag;
    if (column->is_text) {
        const struct entry *entry = &column->entries[column->value];

        end = audit_octets_add(end, column->octets + entry->at, entry->whole);
    } else {
        end = audit_varint_add(end, column->value - 1);
    }
    keep_same(forming, end);
}

static void add_steady(struct forming *forming)
{
    const struct audit_steady_parts *steady = &forming->steady;

    if (steady->count == 1) {
        memcpy(forming->same, steady->octets, steady->entries[0].whole);
        keep_same(forming, forming->same + steady->entries[0].whole);
    } else {
        forming->parts[forming->count++] = (struct part){.kind = PART_STEADY};
    }
}

static void make_small(uint32_t *small, uint8_t tag, uint32_t most)
{
    small[0] = 0;
    for (uint32_t number = 1; number <= most; number++) {
        uint8_t octets[4] = {tag};
        const uint32_t len = 1 + (uint32_t)audit_varint_put(octets + 1, number - 1);

        small[number] = little_get32(octets) | len << 24;
    }
}

static void add_part(struct forming *forming, const struct audit_block *block, unsigned number)
{
    struct part *part = &forming->parts[forming->count];
    const struct column *column = &block->columns[number];
    const uint8_t tag = audit_block_tag(block, number);

    if (column->constant) {
        add_same(forming, column, tag);
        return;
    }
    *part = (struct part){.kind = PART_NUMBER, .tag = tag, .number = number, .column = column};
    if (column->is_text) {
        part->kind = PART_TEXT;
    } else if (bits_of(column) <= SMALL) {
        part->kind = PART_SMALL;
        part->small = forming->small[forming->count];
        make_small(forming->small[forming->count], tag, (uint32_t)bits_of(column));
    }
    forming->count++;
}

/* A column of findings. */
static void add_found(struct forming *forming, const struct audit_block *block, unsigned number)
{
    struct part *found = &forming->found[forming->found_count];

    *found = (struct part){.kind = PART_TEXT,
                           .tag = audit_block_tag(block, number),
                           .number = number,
                           .column = &block->columns[number]};
    if (number == AUDIT_RULE) {
        forming->rules = forming->found_numbers[forming->found_count];
        forming->parts[forming->count++] = (struct part){.kind = PART_FINDING};
    } else {
        forming->parts[forming->count] = *found;
        forming->parts[forming->count].kind = PART_FOUND;
        forming->parts[forming->count++].found = forming->found_numbers[forming->found_count];
    }
    forming->found_count++;
}

/* Whether there are findings, of which each column is one of texts. 0; -E2BIG: not each. */
static int plan_findings(struct forming *forming, const struct audit_block *block)
{
    forming->found_count = 0;
    forming->found_most = 0;
    forming->rules = NULL;
    if (!is_there(&block->columns[AUDIT_RULE])) {
        return 0;
    }
    forming->found_most = 1;
    for (uint64_t rest = block->present & AUDIT_FINDING; rest != 0; rest &= rest - 1) {
        const struct column *column = &block->columns[__builtin_ctzll(rest)];

        if (is_there(column) && !column->is_text) {
            return -E2BIG;
        }
        forming->found_most += is_there(column) ? 2u + AUDIT_VARINT_MAX + column->longest : 0;
    }
    forming->most += 2 + DIGEST_OCTETS;
    return 0;
}

/* 0; -E2BIG: each event is to be looked at, since one could be too long, or there are too many
 * steady parts; -ENOMEM. */
static int plan(struct forming *forming, const struct audit_block *block)
{
    size_t all = 0;

    forming->count = 0;
    forming->most = AUDIT_STEADY_MAX;
    forming->same_len = 0;
    for (uint64_t rest = block->present; rest != 0; rest &= rest - 1) {
        const unsigned number = (unsigned)__builtin_ctzll(rest);
        const struct column *column = &block->columns[number];

        if (!is_there(column)) {
            continue;
        }
        const size_t most = 2u + AUDIT_VARINT_MAX + (column->is_text ? column->longest : 0);
        all += most;
        forming->most += (AUDIT_OWN >> number & 1) != 0 ? most : 0;
    }
    if (all > AUDIT_EVENT_MAX) {
        return -E2BIG;
    }
    int result = plan_findings(forming, block);
    if (result == 0) {
        result = audit_block_steady(block, &forming->steady);
    }
    if (result != 0) {
        return result;
    }
    add_steady(forming);
    for (uint64_t rest = block->present & AUDIT_OWN; rest != 0; rest &= rest - 1) {
        const unsigned number = (unsigned)__builtin_ctzll(rest);

        if (!is_there(&block->columns[number])) {
            continue;
        }
        if (forming->found_most > 0 && (AUDIT_FINDING >> number & 1) != 0) {
            add_found(forming, block, number);
        } else {
            add_part(forming, block, number);
        }
    }
    return 0;
}

/* --- doing it: each goes on at ends[i] --- */

static void put_same(const uint8_t *octets, uint32_t len, uint32_t count, uint8_t **ends)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t done = 0; done < len; done += STEP) {
            memcpy(ends[i] + done, octets + done, STEP);
        }
        ends[i] += len;
    }
}

static void put_steady(const struct audit_steady_parts *steady, uint32_t from, uint32_t count,
                       uint8_t **ends)
{
    const uint32_t *const of = steady->of + from;

    for (uint32_t i = 0; i < count; i++) {
        const struct entry entry = steady->entries[of[i]];
        const uint8_t *const octets = steady->octets + entry.at;

        for (uint32_t done = 0; done < entry.whole; done += STEP) {
            memcpy(ends[i] + done, octets + done, STEP);
        }
        ends[i] += entry.whole;
    }
}

static void put_texts(const struct part *part, const uint64_t *numbers, uint32_t count,
                      uint8_t **ends)
{
    const struct entry *const entries = part->column->entries;
    const uint8_t *const octets = part->column->octets;
    const uint8_t tag = part->tag;

    for (uint32_t i = 0; i < count; i++) {
        const struct entry entry = entries[numbers[i]];
        const uint8_t *const from = octets + entry.at;
        uint8_t *const at = ends[i];

        at[0] = tag;
        memcpy(at + 1, from, STEP);
        for (uint32_t done = STEP; done < entry.whole; done += STEP) {
            memcpy(at + 1 + done, from + done, STEP);
        }
        ends[i] = at + entry.whole + (entry.whole != 0);
    }
}

static void put_small(const struct part *part, const uint64_t *numbers, uint32_t count,
                      uint8_t **ends)
{
    const uint32_t *const small = part->small;

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t octets = small[numbers[i]];

        little_put32(ends[i], octets);
        ends[i] += octets >> 24;
    }
}

/* Seven bits of a number below 2^56 to each octet, none of which says that more follow. */
static inline uint64_t spread(uint64_t number)
{
    number = (number & UINT64_C(0x00fffffff0000000)) << 4 | (number & UINT64_C(0x0fffffff));
    number =
        (number & UINT64_C(0x0fffc0000fffc000)) << 2 | (number & UINT64_C(0x00003fff00003fff));
    return (number & UINT64_C(0x3f803f803f803f80)) << 1 |
           (number & UINT64_C(0x007f007f007f007f));
}

static void put_numbers(const struct part *part, const uint64_t *numbers, uint32_t count,
                        uint8_t **ends)
{
    const uint8_t tag = part->tag;

    for (uint32_t i = 0; i < count; i++) {
        const bool is_there = numbers[i] != 0;
        const uint64_t value = numbers[i] - is_there;
        uint8_t *const at = ends[i];

        at[0] = tag;
        if (value >> 56 != 0) {
            ends[i] = at + 1 + audit_varint_put(at + 1, value);
            continue;
        }
        const uint64_t octets = spread(value);
        const unsigned top =
            (63u - (unsigned)__builtin_clzll(octets | 1)) & ~7u; /* bit of the last octet */
        const uint64_t more = UINT64_C(0x8080808080808080) & ((UINT64_C(1) << top) - 1);

        little_put64(at + 1, octets | more);
        ends[i] = at + (is_there ? 2 + top / 8 : 0);
    }
}

/* The numbers of some events; NULL: they are none of the format. */
static const uint64_t *numbers_of(struct forming *forming, const struct audit_block *block,
                                  struct part *part, uint32_t from, uint32_t count)
{
    if (part->column->loaded) {
        return part->column->numbers + from;
    }
    return audit_block_numbers(block, part->number, from, count, &part->making,
                               forming->numbers)
               ? forming->numbers
               : NULL;
}

/* What is part of a finding is not of the event's own. */
static void put_found(const struct part *part, const uint64_t *rules, uint32_t count,
                      uint8_t **ends)
{
    uint8_t *before[DIGEST_MANY_MAX];

    memcpy(before, ends, count * sizeof(before[0]));
    put_texts(part, part->found, count, ends);
    for (uint32_t i = 0; i < count; i++) {
        ends[i] = rules[i] != 0 ? before[i] : ends[i];
    }
}

static void put_findings(const struct forming *forming, uint32_t count, uint8_t **ends)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *const at = ends[i];

        at[0] = AUDIT_FINDING_TAG;
        at[1] = DIGEST_OCTETS;
        memcpy(at + 2, forming->findings[i], DIGEST_OCTETS);
        ends[i] = forming->rules[i] != 0 ? at + 2 + DIGEST_OCTETS : at;
    }
}

static bool put_part(struct forming *forming, const struct audit_block *block,
                     struct part *part, uint32_t from, uint32_t count)
{
    uint8_t **const ends = forming->ends;
    const uint64_t *numbers;

    switch (part->kind) {
    case PART_SAME:
        put_same(forming->same + part->same.at, part->same.len, count, ends);
        return true;
    case PART_STEADY:
        put_steady(&forming->steady, from, count, ends);
        return true;
    case PART_FOUND:
        put_found(part, forming->rules, count, ends);
        return true;
    case PART_FINDING:
        put_findings(forming, count, ends);
        return true;
    case PART_TEXT:
    case PART_SMALL:
    case PART_NUMBER:
        break;
    }
    numbers = numbers_of(forming, block, part, from, count);
    if (numbers == NULL) {
        return false;
    }
    if (part->kind == PART_TEXT) {
        put_texts(part, numbers, count, ends);
    } else if (part->kind == PART_SMALL) {
        put_small(part, numbers, count, ends);
    } else {
        put_numbers(part, numbers, count, ends);
    }
    return true;
}

/* The findings of some events, in slots of their own. False: a number is none of the format. */
static bool make_findings(struct forming *forming, const struct audit_block *block,
                          uint8_t *slots, size_t slot, uint32_t from, uint32_t count)
{
    uint8_t **const ends = forming->ends;
    uint32_t waiting = 0;

    for (uint32_t i = 0; i < count; i++) {
        slots[i * slot] = AUDIT_FINDING_MARK;
        ends[i] = slots + i * slot + 1;
    }
    for (unsigned i = 0; i < forming->found_count; i++) {
        struct part *const part = &forming->found[i];
        uint64_t *const kept = forming->found_numbers[i];
        const uint64_t *numbers =
            part->column->constant ? kept : numbers_of(forming, block, part, from, count);

        if (numbers == NULL) {
            return false;
        }
        for (uint32_t j = 0; j < count; j++) {
            kept[j] = part->column->constant ? part->column->value : numbers[j];
        }
        put_texts(part, kept, count, ends);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (forming->rules[i] != 0) {
            const uint8_t *const at = slots + i * slot;

            forming->buffers[waiting++] =
                (struct digest_buffer){at, (size_t)(ends[i] - at), forming->findings[i]};
        }
    }
    digest_of_many(forming->buffers, waiting);
    return true;
}

/* False: a number is none of the format. leaves: NULL if they are only for the tree. */
static bool make_leaves(struct forming *forming, const struct audit_block *block,
                        const uint8_t *salt, uint8_t (*leaves)[DIGEST_OCTETS])
{
    const uint32_t events = block->header.events;
    const size_t slot = HEAD + forming->most + SLOT_SPARE;
    const size_t found_slot = forming->found_most > 0 ? forming->found_most + SLOT_SPARE : 0;
    uint32_t at_once = DIGEST_MANY_MAX; /* divided by two, it divides a level of the tree */

    while (at_once * (slot + found_slot) > SLOTS_OCTETS) {
        at_once /= 2;
    }
    audit_events_begin(&forming->tree);
    for (uint32_t from = 0; from < events; from += at_once) {
        const uint32_t count = events - from < at_once ? events - from : at_once;

        if (found_slot > 0 && !make_findings(forming, block, forming->slots + at_once * slot,
                                             found_slot, from, count)) {
            return false;
        }
        audit_leaf_salts(salt, from, count, forming->salts);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t *const at = forming->slots + i * slot;

            at[0] = 0;
            memcpy(at + 1, forming->salts[i], AUDIT_LEAF_SALT);
            forming->ends[i] = at + HEAD;
        }
        for (unsigned i = 0; i < forming->count; i++) {
            if (!put_part(forming, block, &forming->parts[i], from, count)) {
                return false;
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t *const at = forming->slots + i * slot;

            forming->buffers[i] = (struct digest_buffer){
                at, (size_t)(forming->ends[i] - at),
                leaves != NULL ? leaves[from + i] : audit_events_place(&forming->tree, i)};
        }
        digest_of_many(forming->buffers, count);
        if (leaves == NULL) {
            audit_events_add(&forming->tree, count);
        }
    }
    return true;
}

/* Event by event, each as long as it is. The leaves, or if there is no place for them the root.
 */
static int make_long(const struct audit_block *block, const uint8_t *salt,
                     uint8_t (*leaves)[DIGEST_OCTETS], uint8_t root[DIGEST_OCTETS])
{
    struct audit_leaves *hashing = audit_leaves_create();
    int result = 0;

    if (hashing == NULL) {
        return -ENOMEM;
    }
    audit_leaves_begin(hashing, salt, leaves);
    for (uint32_t i = 0; i < block->header.events && result == 0; i++) {
        struct audit_row row;
        size_t size = 0;

        if (audit_block_form(block, i, UINT64_MAX, &size, audit_leaves_room(hashing)) == NULL) {
            result = CORDON_E_CORRUPT;
        } else {
            audit_block_row(block, i, &row);
            audit_leaves_add_row(hashing, &row);
        }
    }
    if (leaves != NULL) {
        audit_leaves_end(hashing);
    } else if (result == 0) {
        audit_leaves_root(hashing, root);
    }
    audit_leaves_destroy(hashing);
    return result;
}

/* The same of any block. */
static int make(struct audit_block *block, uint8_t (*leaves)[DIGEST_OCTETS],
                uint8_t root[DIGEST_OCTETS])
{
    const uint8_t *salt = NULL;
    int result = audit_block_salt(block, &salt);

    if (result == 0) {
        result = audit_block_load(block, ~AUDIT_OWN); /* they are compared, event by event */
    }
    if (result == 0) {
        result = audit_block_unpack(block, UINT64_MAX);
    }
    struct forming *forming = result == 0 ? malloc(sizeof(*forming)) : NULL;
    if (forming == NULL) {
        return result == 0 ? -ENOMEM : result;
    }
    forming->steady = (struct audit_steady_parts){.of = NULL};
    result = plan(forming, block);
    if (result == 0) {
        result = make_leaves(forming, block, salt, leaves) ? 0 : CORDON_E_CORRUPT;
        if (result == 0 && leaves == NULL) {
            audit_events_end(&forming->tree, root);
        }
    } else if (result == -E2BIG) {
        result = audit_block_load(block, UINT64_MAX);
        if (result == 0) {
            result = make_long(block, salt, leaves, root);
        }
    }
    audit_steady_parts_free(&forming->steady);
    free(forming);
    return result;
}

int audit_block_leaves(struct audit_block *block, uint8_t (*leaves)[DIGEST_OCTETS])
{
    return make(block, leaves, NULL);
}

int audit_block_root(struct audit_block *block, uint8_t root[DIGEST_OCTETS])
{
    return make(block, NULL, root);
}
