/*
 * audit/block_open.h - what block_read.c, block_steady.c and block_leaves.c share: a block that
 * is being read.
 */
#ifndef CORDON_AUDIT_BLOCK_OPEN_H
#define CORDON_AUDIT_BLOCK_OPEN_H

#include "audit/block.h"

struct section {
    uint32_t at; /* in the body; 0: there is none of this id */
    uint32_t raw, stored;
    uint8_t encoding;
};

/* A text where it lies in the dictionary, with the varint of its length in front of it. */
struct entry {
    uint32_t at, whole; /* whole: octets of both; 0: absent */
};

struct column {
    bool loaded;   /* all of it is there and was looked at */
    bool unpacked; /* the numbers' octets are there, and of a constant and of texts all is */
    bool broken;   /* it is none of the format: that is found once, not for each event */
    bool constant, is_text, deltas;
    unsigned width;        /* octets of a number */
    const uint8_t *planes; /* the lowest octet of each number, the next ones ... */
    uint8_t *unpacked_to;  /* where planes are, unless they lie in the body or in block->raw */
    size_t unpacked_size;
    uint64_t value;    /* of a constant */
    uint64_t *numbers; /* as stored: 0 absent, else plus one */
    uint32_t events;   /* that `numbers` has room for */
    uint64_t bits;     /* all that are set in any of these numbers */
    uint8_t *octets;   /* the dictionary, and AUDIT_OVERRUN more */
    size_t octets_size;
    struct entry *entries; /* the absent one, then those of the dictionary */
    uint32_t longest;      /* `whole` of them */
    uint32_t count, room;
};

/* Octets behind a dictionary that may be read, whatever they are: texts are copied in steps. */
#define AUDIT_OVERRUN 64u

/* How far the numbers of a column were made, and what was seen of them without comparing any:
 * in the top bits whether there is one. */
struct audit_making {
    uint64_t sum;   /* of deltas */
    uint64_t bits;  /* that are set in any */
    uint64_t none;  /* one is 0 */
    uint64_t large; /* one is above 2^63 */
    uint64_t over;  /* one is above the texts that there are, if none is large */
};

struct audit_block {
    struct audit_header header;
    const uint8_t *body;
    size_t have;
    struct section sections[AUDIT_SECTIONS_MAX];
    struct column columns[AUDIT_COLUMN_END];
    uint64_t present; /* columns that the block has */
    uint32_t words;   /* texts of all dictionaries that were unpacked */
    uint8_t *raw;     /* scratch for planes */
    size_t raw_size;
    struct ZSTD_DCtx_s *zstd;
};

/* Octets that are held for columns, of this block and those before. */
size_t audit_block_memory(const struct audit_block *block);

/* Of an entry that is not absent, the octets of its varint: texts are below 2^14 octets. */
static inline uint32_t audit_entry_head(const struct entry *entry)
{
    return entry->whole > 1 + 0x7f ? 2 : 1;
}

/* The octet in front of a value in a canonical form. */
static inline uint8_t audit_block_tag(const struct audit_block *block, unsigned column)
{
    return (uint8_t)(2u * column + (block->columns[column].is_text ? 1u : 0u));
}

/* The same as audit_block_load(), but numbers are not made: octets of some events' numbers are
 * sooner made to numbers again than read from memory. Of what is loaded already nothing is
 * done. */
int audit_block_unpack(struct audit_block *block, uint64_t columns);
/* The numbers of events from `from` on, of a column that is unpacked and not constant; all
 * events must come in their order. False: one of them is none of the format, or was before. */
bool audit_block_numbers(const struct audit_block *block, unsigned column, uint32_t from,
                         uint32_t count, struct audit_making *making, uint64_t *out);

/* Whether the value of a constant column is one of the format; what is set in it is noted. */
bool audit_block_is_constant(struct column *column, unsigned number);

/* The columns of `which` of event i in canonical form (audit_row_encode), straight from the
 * columns. *size: what they count for is added. Returns the end; NULL: that is too much. */
uint8_t *audit_block_form(const struct audit_block *block, uint32_t i, uint64_t which,
                          size_t *size, uint8_t *out);

/* The steady parts of a block's events (steady.h). */
struct audit_steady_parts {
    uint32_t *of; /* of each event: its place in entries */
    uint32_t count;
    struct entry *entries;
    uint8_t *octets; /* where these lie, and AUDIT_OVERRUN more */
};
/* Of a block whose steady columns are all loaded. 0; -ENOMEM; -E2BIG: there are too many to be
 * found so. audit_steady_parts_free() follows in any case. */
int audit_block_steady(const struct audit_block *block, struct audit_steady_parts *parts);
void audit_steady_parts_free(struct audit_steady_parts *parts);

/* The salt of the block: chance, which zeros are not, and behind it nothing but zeros. 0;
 * CORDON_E_CORRUPT; -EAGAIN: it is not there yet. */
int audit_block_salt(const struct audit_block *block, const uint8_t **salt);

#endif
