/*
 * audit/block_inside.h - what block_add.c and block_make.c share: a block that is being made.
 */
#ifndef CORDON_AUDIT_BLOCK_INSIDE_H
#define CORDON_AUDIT_BLOCK_INSIDE_H

#include "audit/block.h"
#include "audit/steady.h"
#include "base/digest.h"
#include "base/siphash.h"

struct word {
    uint32_t at, len; /* in the dictionary's octets */
};

struct slot {
    uint32_t hash;
    uint32_t word; /* its number plus one; 0: free */
};

/* Words that are found without hashing them: by their first and last octets. A guess that is
 * wrong costs a comparison. Half of the names of an office are among so many, and most of what
 * else recurs. */
#define AUDIT_RECENT_WORDS 256u
struct recent {
    uint32_t word; /* plus one; 0: none */
    uint32_t
        tag; /* of these octets: most that are another word are seen without a look at it */
};

struct dictionary {
    uint8_t *octets;
    size_t len, size;
    struct word *words;
    uint32_t count, room;
    struct slot *table;
    uint32_t table_size;
    uint32_t last; /* word of the event before; count of none */
    struct recent recent[AUDIT_RECENT_WORDS];
};

/* Of each event a number: 0 if absent, else the number, or of a text, plus one; of a time its
 * difference from the one before, which every event has. */
struct column {
    uint8_t
        *planes[8];  /* octet 0 of each number, octet 1 ...; zero behind what was put there */
    bool constant;   /* all events so far have `first`, and no plane has it */
    unsigned width;  /* planes that there are */
    uint64_t limit;  /* of a number that has room in these */
    uint32_t room;   /* octets of each */
    uint32_t filled; /* events up to the last that has one */
    uint32_t count;  /* of events that have one */
    uint64_t first;  /* number of the first that has one, plus one */
    uint64_t most;   /* no bit above its highest is set in any */
    struct dictionary words;
};

/* Of a word of the names: which words follow from it, in the columns MATCHED and RULE, with the
 * kit and the number of audit_row.follows that there were last. */
struct follower {
    uint64_t of;            /* both; 0: none */
    uint32_t matched, rule; /* as they go to the planes */
};

/* Kits whose words are known, each in the place of its id: some tens are in use. */
#define AUDIT_KIT_NUMBERS 64u

/* Names that will be added soon (audit_builder_expect), by their guesses. */
#define AUDIT_EXPECTED        8u
#define AUDIT_EXPECTED_OCTETS 59u
struct expected {
    uint32_t hash;
    uint8_t len; /* 0: none */
    uint8_t octets[AUDIT_EXPECTED_OCTETS];
};

struct audit_builder {
    enum audit_stream stream;
    int level;
    uint32_t count;
    size_t text; /* octets in all dictionaries */
    uint64_t first_us, last_us, before_us;
    uint64_t used;   /* bit n: column n has a value */
    uint64_t serial; /* of this block, by chance; no other has it */
    /* Bit n: all events so far have column n, and the same number in it. Its `count` may say
     * less: it need not be touched for each. Never that of times. */
    uint64_t whole;
    struct column columns[AUDIT_COLUMN_END];
    /* Of some kits, by the place of their ids (0: none), what their columns have in this block:
     * numbers as they go to the planes. */
    uint64_t kits[AUDIT_KIT_NUMBERS];
    uint64_t kit_numbers[AUDIT_KIT_NUMBERS][AUDIT_COLUMN_END];
    struct expected expected[AUDIT_EXPECTED];
    struct follower *followers; /* by words of AUDIT_NAME, of the first so many */
    uint32_t follower_room;
    struct audit_leaves *hashing;
    struct audit_steadies steadies;
    uint8_t salt[AUDIT_SALT_OCTETS];
    uint8_t *planes, *body;
    size_t planes_size, body_size, body_len;
    uint8_t *directory;
    size_t directory_len;
    uint32_t sections;
    uint8_t hash_key[SIPHASH_KEY_OCTETS];
    struct ZSTD_CCtx_s *zstd;
};

/* Room for `needed` items of `size` octets: doubled. False: no memory. */
bool audit_builder_grow(void **at, size_t *room, size_t needed, size_t size);

/* Octets that a number needs. */
static inline unsigned audit_builder_width(uint64_t most)
{
    return most == 0 ? 1 : (71u - (unsigned)__builtin_clzll(most)) / 8u;
}

/* What was the same of all events goes to planes: of the next it is not, or it has none. False:
 * no memory, and nothing has changed. */
bool audit_builder_spread(struct column *column);
/* All columns count for themselves (whole). */
void audit_builder_settle(struct audit_builder *builder);

#endif
