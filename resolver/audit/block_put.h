/*
 * audit/block_put.h - what block_add.c and block_again.c share: numbers into planes, texts into
 * dictionaries.
 */
#ifndef CORDON_AUDIT_BLOCK_PUT_H
#define CORDON_AUDIT_BLOCK_PUT_H

#include "audit/block_inside.h"
#include "audit/varint.h"

/* block_add.c. Planes for one number more; room in a dictionary for a word more. False: no
 * memory. */
bool audit_builder_grow_planes(struct column *column, uint32_t count, unsigned width);
bool audit_builder_grow_words(struct dictionary *words, size_t len);

/* Room in the planes for this number of one event more. */
static inline bool make_room(struct column *column, uint32_t count, uint64_t number)
{
    return (count <= column->room && number <= column->limit) ||
           audit_builder_grow_planes(column, count, audit_builder_width(number));
}

/* A number to the planes of a column that is not constant. */
static inline void put_number(struct column *column, uint32_t event, uint64_t stored)
{
    column->filled = event + 1;
    column->most |= stored;
    column->planes[0][event] = (uint8_t)stored;
    for (unsigned plane = 1; (stored >>= 8) != 0; plane++) {
        column->planes[plane][event] = (uint8_t)stored;
    }
}

/* These columns count for themselves again (block_inside.h: whole). */
static inline void settle(struct audit_builder *builder, uint64_t which)
{
    for (uint64_t rest = which; rest != 0; rest &= rest - 1) {
        builder->columns[__builtin_ctzll(rest)].count = builder->count;
    }
    builder->whole &= ~which;
}

/* What an event has in one column, on its way there. */
struct entry {
    struct column *column;
    const struct audit_value *value;
    uint64_t number; /* plus one; of a text, that of its word */
    uint64_t stored; /* what goes to the planes */
    uint32_t hash, guess, tag;
    bool has_hash; /* it is made already */
    bool is_new;   /* the word */
    bool is_same;  /* as all before: nothing goes anywhere */
};

static inline bool is_word(const struct dictionary *words, uint32_t i,
                           const struct audit_value *value)
{
    const struct word *word = &words->words[i];

    return word->len == value->number &&
           audit_octets_are(words->octets + word->at, value->octets, value->number);
}

/* Whether it is the word of the event before. */
static inline bool is_last(const struct dictionary *words, const struct audit_value *value)
{
    return words->last < words->count && is_word(words, words->last, value);
}

static inline uint32_t hash_of(const struct audit_builder *builder,
                               const struct audit_value *value)
{
    return (uint32_t)siphash13(value->octets, value->number, builder->hash_key);
}

/* Where it is among the recent words, and its tag there. */
static inline void guess(const struct audit_value *value, struct entry *entry)
{
    const size_t len = value->number;
    uint64_t few = len;

    if (len >= 8) {
        few += little_get64(value->octets) ^ little_get64(value->octets + len - 8) * 3;
    } else if (len >= 4) {
        few += little_get32(value->octets) | (uint64_t)little_get32(value->octets + len - 4)
                                                 << 32;
    } else if (len > 0) {
        few += (uint64_t)value->octets[0] << 8 | (uint64_t)value->octets[len - 1] << 16;
    }
    few *= UINT64_C(0x9e3779b97f4a7c15);
    entry->guess = (uint32_t)(few >> 56);
    entry->tag = (uint32_t)(few >> 24);
}
_Static_assert(AUDIT_RECENT_WORDS == 1u << (64 - 56), "a guess is one of these");

/* The number of a text plus one, or of the word that it will be. */
static inline uint64_t find_word(const struct audit_builder *builder, struct dictionary *words,
                                 struct entry *entry)
{
    const struct audit_value *value = entry->value;

    entry->is_new = false;
    if (is_last(words, value)) {
        return words->last + 1u;
    }
    guess(value, entry);
    struct recent *const recent = &words->recent[entry->guess];
    if (recent->word != 0 && recent->tag == entry->tag &&
        is_word(words, recent->word - 1, value)) {
        return recent->word;
    }
    entry->hash = entry->has_hash ? entry->hash : hash_of(builder, value);
    if (words->table_size > 0) {
        const uint32_t mask = words->table_size - 1;

        for (uint32_t at = entry->hash & mask; words->table[at].word != 0;
             at = (at + 1) & mask) {
            if (words->table[at].hash == entry->hash &&
                is_word(words, words->table[at].word - 1, value)) {
                *recent = (struct recent){words->table[at].word, entry->tag};
                return recent->word;
            }
        }
    }
    entry->is_new = true;
    return words->count + 1u;
}

/* Begins to look for a text that will be looked for soon: where its hash leads is in no near
 * cache if there are many. */
static inline void aim(const struct audit_builder *builder, const struct dictionary *words,
                       const struct audit_value *value, struct entry *entry)
{
    guess(value, entry);
    const struct recent *const recent = &words->recent[entry->guess];
    entry->has_hash = recent->word == 0 || recent->tag != entry->tag;
    if (entry->has_hash) {
        entry->hash = hash_of(builder, value);
        if (words->table_size > 0) {
            __builtin_prefetch(&words->table[entry->hash & (words->table_size - 1)]);
        }
    }
}

/* The hash of a name that was expected. */
static inline void audit_builder_recall(const struct audit_builder *builder,
                                        const struct audit_value *value, struct entry *name)
{
    guess(value, name);
    const struct expected *const expected = &builder->expected[name->guess % AUDIT_EXPECTED];

    name->has_hash = expected->len != 0 && expected->len == value->number &&
                     audit_octets_are(expected->octets, value->octets, value->number);
    name->hash = expected->hash;
}

/* There is room. */
static inline void add_word(struct audit_builder *builder, struct dictionary *words,
                            const struct entry *entry)
{
    const struct audit_value *value = entry->value;
    const uint32_t mask = words->table_size - 1;
    uint32_t at = entry->hash & mask;

    while (words->table[at].word != 0) {
        at = (at + 1) & mask;
    }
    words->words[words->count++] = (struct word){(uint32_t)words->len, (uint32_t)value->number};
    words->table[at] = (struct slot){entry->hash, words->count};
    words->recent[entry->guess] = (struct recent){words->count, entry->tag};
    if (value->number > 0) {
        memcpy(words->octets + words->len, value->octets, value->number);
    }
    words->len += value->number;
    builder->text += value->number;
}

/* Differences of a time are small and of either sign: workers are drained one by one. */
static inline uint64_t time_number(const struct audit_builder *builder, uint64_t time)
{
    const uint64_t delta = time - builder->before_us;

    /* Of numbers below 2^63, so no difference is lost. */
    return time >= builder->before_us ? delta << 1 : (~delta << 1) | 1;
}

#endif
