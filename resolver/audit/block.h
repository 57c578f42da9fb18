/*
 * audit/block.h - a block of the audit log: its header, and the reading of its body.
 *
 * A block holds events of one stream, column by column. The header is of fixed size: digests of
 * the body, of the events' tree and of the block before, so that headers alone prove the whole.
 * Every octet that is read here may come from a stranger. docs/audit-log.md is the
 * specification.
 */
#ifndef CORDON_AUDIT_BLOCK_H
#define CORDON_AUDIT_BLOCK_H

#include "audit/kit.h"
#include "audit/leaf.h"
#include "audit/row.h"
#include "base/digest.h"

#define AUDIT_HEADER_OCTETS 256u
#define AUDIT_LOG_ID_OCTETS 16u
#define AUDIT_FORMAT        4u

/* The writer's clock was behind that of the block before. */
#define AUDIT_BLOCK_CLOCK_BACK 1u

struct audit_header {
    uint8_t stream; /* enum audit_stream */
    uint8_t flags;
    uint64_t number;            /* of the block in the log, from 0: its leaf */
    uint64_t first_event;       /* number of its first event in its stream, from 0 */
    uint32_t events;            /* at least 1 */
    uint64_t first_us, last_us; /* least and most time of its events */
    uint64_t sealed_us;         /* wall clock of the writer when it was closed */
    uint64_t session;           /* of the writer: random, another after each start */
    uint32_t file;              /* number of the file that it was written to */
    uint32_t body_len;
    uint8_t log[AUDIT_LOG_ID_OCTETS];
    uint8_t previous[DIGEST_OCTETS]; /* leaf of the block before; of block 0: zero octets */
    uint8_t body[DIGEST_OCTETS];     /* BLAKE2b-256 of the body */
    uint8_t tree[DIGEST_OCTETS];     /* root over the events */
};

void audit_header_put(const struct audit_header *header, uint8_t out[AUDIT_HEADER_OCTETS]);
/* False if the octets are no header of this format, or a number is out of its bounds. */
bool audit_header_get(const uint8_t octets[AUDIT_HEADER_OCTETS], struct audit_header *out);

/* The first octets of SHA-256 over the origin line of the log: which log a block belongs to. */
void audit_log_id(const char *origin, uint8_t out[AUDIT_LOG_ID_OCTETS]);

/* Sections of a body. A column has its numbers at 16 + 2 * column and, if it is one of texts,
 * its dictionary at 17 + 2 * column. */
enum audit_section {
    AUDIT_SECTION_NAMES = 1,    /* filter of suffixes */
    AUDIT_SECTION_CLIENTS = 2,  /* filter of clients and their networks */
    AUDIT_SECTION_PROVIDERS = 3 /* filter of providers and lists */
};
#define AUDIT_SECTION_COLUMN 16u
/* The block's salt, and zeros up to the next whole AUDIT_BODY_UNIT: the last one. A body that
 * was removed tells its length, and that is to tell little. */
#define AUDIT_SECTION_SALT 144u
#define AUDIT_BODY_UNIT    512u

enum audit_encoding {
    AUDIT_RAW = 0,       /* filters, the salt */
    AUDIT_CONSTANT = 1,  /* a varint: each event has this number */
    AUDIT_PLANES = 2,    /* width in octets, then the lowest octets of all, then the next ... */
    AUDIT_DELTAS = 3,    /* the same of differences, zigzag */
    AUDIT_DICTIONARY = 4 /* texts: a varint of the length, and octets, each */
};
#define AUDIT_PACKED 0x80u /* with zstd */

/* A body as it is read. Memory is kept from one block to the next and bounded by limits.h. */
struct audit_block; /* opaque */

struct audit_block *audit_block_create(void);        /* NULL: no memory */
void audit_block_destroy(struct audit_block *block); /* NULL is fine */

/*
 * Looks at the directory of a body of body_len octets, which is borrowed until the next call.
 * At least `have` octets of it are there: the directory and filters come first. 0;
 * CORDON_E_CORRUPT; -EAGAIN: the directory or a filter is not wholly there. Digests are not
 * checked here.
 */
int audit_block_open(struct audit_block *block, const struct audit_header *header,
                     const uint8_t *body, size_t have);
/* Whether the octets of the body are those that the header speaks of. */
bool audit_body_is(const struct audit_header *header, const uint8_t *body);

/* False if no event of the block can have it: key is of audit_filter_*(). Without such a
 * filter, true. */
bool audit_block_may_have(const struct audit_block *block, enum audit_section filter,
                          uint64_t key);

/* Octets from the body's start that have the sections of these columns (bit n: column n). */
size_t audit_block_reach(const struct audit_block *block, uint64_t columns);

/* Unpacks columns (bit n: column n; those that the block does not have are absent in each of
 * its events). 0; CORDON_E_CORRUPT; -EAGAIN: not all of them are there; -ENOMEM. */
int audit_block_load(struct audit_block *block, uint64_t columns);
uint64_t audit_block_columns(const struct audit_block *block); /* that it has */

/* A loaded column of event i: false if it is absent. */
bool audit_block_value(const struct audit_block *block, unsigned column, uint32_t i,
                       struct audit_value *out);
/* The dictionary of a loaded column of texts: how many, and text j. Event i has text
 * index(i) - 1; 0: absent. */
uint32_t audit_block_words(const struct audit_block *block, unsigned column);
struct audit_value audit_block_word(const struct audit_block *block, unsigned column,
                                    uint32_t j);
uint64_t audit_block_index(const struct audit_block *block, unsigned column, uint32_t i);
/* The same of all events in a row, for whoever looks at each; NULL: it is that of event 0 for
 * all of them. Borrowed until the next load or open. */
const uint64_t *audit_block_indexes(const struct audit_block *block, unsigned column);

/* Event i, of the loaded columns; borrowed until the next load or open. */
void audit_block_row(const struct audit_block *block, uint32_t i, struct audit_row *row);

/*
 * The root of the events' tree, made anew from the events: what was written is what the header
 * speaks of if it is that of the header. Columns need not be loaded. 0; -ENOMEM;
 * CORDON_E_CORRUPT: a column is, an event's canonical form is too long, or the salt is none;
 * -EAGAIN: something is not there yet.
 */
int audit_block_root(struct audit_block *block, uint8_t root[DIGEST_OCTETS]);
/* The same, and instead of the root the leaves. */
int audit_block_leaves(struct audit_block *block, uint8_t (*leaves)[DIGEST_OCTETS]);
/* What event i's leaf is made of, of which all columns are loaded: its salt, and its canonical
 * form, which has at most AUDIT_EVENT_MAX octets. As above; *len is that of the form. */
int audit_block_opening(const struct audit_block *block, uint32_t i,
                        uint8_t salt[AUDIT_LEAF_SALT], uint8_t *form, size_t *len);

/* --- making --- */

struct audit_builder; /* opaque */

/* level: zstd's, 1 to 19. NULL: no memory. */
struct audit_builder *audit_builder_create(enum audit_stream stream, int level);
void audit_builder_destroy(struct audit_builder *builder); /* NULL is fine */

/* Copies the row. 0; -EINVAL: it cannot be written (audit_row_is_writable); -ENOBUFS: the block
 * is full and to be finished first; -ENOMEM. After an error nothing has been added. */
int audit_builder_add(struct audit_builder *builder, const struct audit_row *row);
/* The same of a row that has the columns of a kit, as the kit has them; NULL: of none. Kits of
 * one block have ids of their own. */
int audit_builder_add_kit(struct audit_builder *builder, const struct audit_row *row,
                          const struct audit_kit *kit);
/* A name, as an event will have it soon, begins to be looked for, which else waits for memory.
 * An event or two before it is time enough. */
void audit_builder_expect(struct audit_builder *builder, const uint8_t *octets, size_t len);
/* Of a name, and of the rule and the match that go with it, the words that they are in one
 * block, and their finding in any. At first zero: of none. */
struct audit_numbers {
    uint64_t block;
    uint32_t name, rule, matched; /* plus one */
    bool has_finding;
    uint8_t finding[DIGEST_OCTETS];
};
/* An event that repeats another in the columns of its kit, of which the row has nothing. Beside
 * these it has TIME, NAME, TYPE, LATENCY and, if anything, CLIENT, CLIENT_PORT, UPSTREAM, and
 * RULE with MATCHED. *numbers: of that name, rule and match; they are kept there for the next
 * time; NULL: nobody knows them.
 * 0: as audit_builder_add_kit() of the whole row. -EAGAIN: it is to be added that way, nothing
 * has been added. */
int audit_builder_add_again(struct audit_builder *builder, const struct audit_row *row,
                            const struct audit_kit *kit, struct audit_numbers *numbers);
uint32_t audit_builder_count(const struct audit_builder *builder);

/*
 * Makes the body and fills what of the header is about it: stream, events, times, body_len,
 * body, tree. *body is borrowed until the builder is used again. 0 or -ENOMEM;
 * count is not 0. audit_builder_clear follows in either case and begins the next block.
 */
int audit_builder_finish(struct audit_builder *builder, struct audit_header *header,
                         const uint8_t **body);
void audit_builder_clear(struct audit_builder *builder);

/* Frees what blocks have needed so far; the next one takes it anew. There is no event. */
void audit_builder_shrink(struct audit_builder *builder);

#endif
