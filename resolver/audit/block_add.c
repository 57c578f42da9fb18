/*
 * audit/block_add.c - one event into the columns of a block.
 *
 * What all events so far have in common is kept once. Else the octets of a number go to the
 * planes of its column, as they are stored, so that a full block stays in the processor's
 * cache; a text goes to its dictionary by a hash table (the text of the event before is tried
 * first, and what followed from its name the last time is not looked for), and the event's
 * canonical form into the leaf of the events' tree, while it is at hand.
 */
#include "audit/block_inside.h"

#include "audit/varint.h"
#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>

bool audit_builder_grow(void **at, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room) {
        return true;
    }
    size_t more = *room == 0 ? 64 : *room;
    while (more < needed) {
        more *= 2;
    }
    void *moved = realloc(*at, more * size);
    if (moved == NULL) {
        return false;
    }
    *at = moved;
    *room = more;
    return true;
}

static bool grow32(void **at, uint32_t *room, size_t needed, size_t size)
{
    size_t wide = *room;

    if (!audit_builder_grow(at, &wide, needed, size)) {
        return false;
    }
    *room = (uint32_t)wide;
    return true;
}

static bool grow_table(struct dictionary *words)
{
    const uint32_t size = words->table_size == 0 ? 64 : 2 * words->table_size;
    struct slot *table = calloc(size, sizeof(*table));

    if (table == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < words->table_size; i++) {
        uint32_t at = words->table[i].hash & (size - 1);

        while (words->table[i].word != 0 && table[at].word != 0) {
            at = (at + 1) & (size - 1);
        }
        if (words->table[i].word != 0) {
            table[at] = words->table[i];
        }
    }
    free(words->table);
    words->table = table;
    words->table_size = size;
    return true;
}

/* Zero octets in a plane up to `room`. */
static bool grow_plane(uint8_t **plane, uint32_t before, uint32_t room)
{
    uint8_t *moved = realloc(*plane, room);

    if (moved == NULL) {
        return false;
    }
    memset(moved + before, 0, room - before);
    *plane = moved;
    return true;
}

/* Planes for one number more. */
static bool grow_planes(struct column *column, uint32_t count, unsigned width)
{
    uint32_t room = column->room == 0 ? 64 : column->room;

    while (room < count) {
        room *= 2;
    }
    /* Those that there are, first: if one cannot grow, the others have more than is said. */
    for (unsigned i = 0; room > column->room && i < column->width; i++) {
        if (!grow_plane(&column->planes[i], column->room, room)) {
            return false;
        }
    }
    column->room = room;
    for (; column->width < width; column->width++) {
        if (!grow_plane(&column->planes[column->width], 0, room)) {
            return false;
        }
        column->limit = column->limit << 8 | 0xff;
    }
    return true;
}

/* Room in the planes for this number of one event more. */
static inline bool make_room(struct column *column, uint32_t count, uint64_t number)
{
    return (count <= column->room && number <= column->limit) ||
           grow_planes(column, count, audit_builder_width(number));
}

bool audit_builder_spread(struct column *column)
{
    const uint64_t number = column->count > 0 ? column->first : 0;

    if (!make_room(column, column->count, number)) {
        return false;
    }
    for (unsigned plane = 0; plane < column->width && number >> 8 * plane != 0; plane++) {
        memset(column->planes[plane], (uint8_t)(number >> 8 * plane), column->count);
    }
    column->filled = column->count;
    column->most = number;
    column->constant = false;
    return true;
}

/* Room in a dictionary for a word more. */
static bool make_word_room(struct dictionary *words, size_t len)
{
    return audit_builder_grow((void **)&words->octets, &words->size, words->len + len, 1) &&
           grow32((void **)&words->words, &words->room, words->count + 1u,
                  sizeof(*words->words)) &&
           (2 * (words->count + 1u) <= words->table_size || grow_table(words));
}

static inline bool is_word(const struct dictionary *words, uint32_t i,
                           const struct audit_value *value)
{
    const struct word *word = &words->words[i];

    return word->len == value->number &&
           audit_octets_are(words->octets + word->at, value->octets, value->number);
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

static uint32_t hash_of(const struct audit_builder *builder, const struct audit_value *value)
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
    if (words->last < words->count && is_word(words, words->last, value)) {
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

/* There is room. */
static void add_word(struct audit_builder *builder, struct dictionary *words,
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
static uint64_t time_number(const struct audit_builder *builder, uint64_t time)
{
    const uint64_t delta = time - builder->before_us;

    /* Of numbers below 2^63, so no difference is lost. */
    return time >= builder->before_us ? delta << 1 : (~delta << 1) | 1;
}

/* All that can fail of a number: nothing of the event is added yet. */
static inline bool prepare_number(struct audit_builder *builder, struct entry *entry)
{
    struct column *column = entry->column;

    if (column->constant) {
        if (column->count == builder->count &&
            (column->count == 0 || entry->number == column->first)) {
            entry->is_same = true;
            return true;
        }
        if (!audit_builder_spread(column)) {
            return false;
        }
    }
    return make_room(column, builder->count + 1, entry->stored);
}

/* The same of any value; has_hash of the entry is set. */
static inline bool prepare(struct audit_builder *builder, unsigned i,
                           const struct audit_value *value, struct entry *entry)
{
    struct column *column = &builder->columns[i];

    entry->column = column;
    entry->value = value;
    entry->is_same = false;
    if (value->octets != NULL) {
        entry->number = find_word(builder, &column->words, entry);
        if (entry->is_new && !make_word_room(&column->words, value->number)) {
            return false;
        }
    } else {
        entry->number = value->number + 1;
    }
    entry->stored = entry->number;
    if (i == AUDIT_TIME) {
        entry->stored = time_number(builder, value->number);
        column->constant =
            column->constant && (column->count == 0 || entry->number == column->first);
        return make_room(column, builder->count + 1, entry->stored);
    }
    return prepare_number(builder, entry);
}

/* The same of a text whose word is known. */
static inline bool prepare_word(struct audit_builder *builder, struct column *column,
                                const struct audit_value *value, uint64_t number,
                                struct entry *entry)
{
    *entry =
        (struct entry){.column = column, .value = value, .number = number, .stored = number};
    return prepare_number(builder, entry);
}

/* The same of a column of a kit whose number is known: an event with it was added before, so of
 * a column that is constant that is the constant. */
static inline bool prepare_known(struct audit_builder *builder, struct column *column,
                                 uint64_t number)
{
    if (column->constant) {
        return column->count == builder->count ||
               (audit_builder_spread(column) && make_room(column, builder->count + 1, number));
    }
    return make_room(column, builder->count + 1, number);
}

/* A number to the planes of a column that is not constant. */
static inline void put_number(struct column *column, uint32_t event, uint64_t stored)
{
    column->filled = event + 1;
    column->most |= stored;
    for (unsigned plane = 0; stored != 0; plane++, stored >>= 8) {
        column->planes[plane][event] = (uint8_t)stored;
    }
}

static inline void put_entry(struct audit_builder *builder, const struct entry *entry)
{
    struct column *column = entry->column;
    const uint32_t event = builder->count;

    if (entry->value->octets != NULL) {
        if (entry->is_new) {
            add_word(builder, &column->words, entry);
        }
        column->words.last = (uint32_t)(entry->number - 1);
    }
    if (column->count++ == 0) {
        column->first = entry->number;
    }
    if (entry->is_same) {
        return;
    }
    put_number(column, event, entry->stored);
}

/* That is prepared. */
static inline void put_known(struct column *column, uint32_t event, uint64_t number)
{
    column->count++;
    if (!column->constant) {
        put_number(column, event, number);
    }
}

/* Keeps what the columns of the kit have come to: the event was added. */
static void learn(struct audit_builder *builder, const struct audit_kit *kit,
                  const struct entry *entries, unsigned count)
{
    const unsigned at = kit->id % AUDIT_KIT_NUMBERS;

    builder->kits[at] = kit->id;
    for (unsigned i = 0; i < count; i++) {
        builder->kit_numbers[at][entries[i].column - builder->columns] = entries[i].number;
    }
}

/* --- words that follow from others --- */

#define BIT(column) (UINT64_C(1) << (column))
#define FOLLOWING   (BIT(AUDIT_MATCHED) | BIT(AUDIT_RULE))

/* By which of its followers the words of these columns of a row are known; 0: by none. */
static uint64_t lead_of(const struct audit_row *row, const struct audit_kit *kit, uint64_t own)
{
    const uint64_t all = FOLLOWING | BIT(AUDIT_NAME);

    return kit != NULL && row->follows != 0 && (own & all) == all ? kit->id << 8 | row->follows
                                                                  : 0;
}

/* NULL: it is not known yet what follows from this name. */
static inline const struct follower *find_follower(const struct audit_builder *builder,
                                                   uint64_t lead, const struct entry *name)
{
    const uint64_t word = name->number - 1;

    return lead != 0 && word < builder->follower_room && builder->followers[word].of == lead
               ? &builder->followers[word]
               : NULL;
}

/* Keeps what followed: the event was added. Without memory it is found again the next time. */
static void keep_follower(struct audit_builder *builder, uint64_t lead,
                          const struct entry *entries, unsigned count)
{
    uint64_t numbers[AUDIT_COLUMN_END] = {0};

    for (unsigned i = 0; i < count; i++) {
        numbers[entries[i].column - builder->columns] = entries[i].number;
    }
    invariant(numbers[AUDIT_NAME] != 0); /* lead_of() */
    const uint32_t before = builder->follower_room;
    if (!grow32((void **)&builder->followers, &builder->follower_room,
                (size_t)numbers[AUDIT_NAME], sizeof(*builder->followers))) {
        return;
    }
    memset(builder->followers + before, 0,
           (builder->follower_room - before) * sizeof(*builder->followers));
    builder->followers[numbers[AUDIT_NAME] - 1] = (struct follower){
        lead, (uint32_t)numbers[AUDIT_MATCHED], (uint32_t)numbers[AUDIT_RULE]};
}

/* Prepares the columns of `own`. Returns how many; negative: no memory. *is_kept: what followed
 * is known, or nothing does. name: as aim() left it. */
static int prepare_own(struct audit_builder *builder, const struct audit_row *row, uint64_t own,
                       uint64_t lead, const struct entry *name, struct entry *entries,
                       bool *is_kept)
{
    const struct follower *follower = NULL;
    int count = 0;

    for (uint64_t rest = own; rest != 0; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);
        struct entry *const entry = &entries[count++];

        entry->has_hash = i == AUDIT_NAME && name->has_hash;
        entry->hash = name->hash;
        if (follower != NULL && (FOLLOWING & BIT(i)) != 0) {
            const uint64_t number = i == AUDIT_RULE ? follower->rule : follower->matched;

            if (!prepare_word(builder, &builder->columns[i], &row->at[i], number, entry)) {
                return -ENOMEM;
            }
        } else if (!prepare(builder, i, &row->at[i], entry)) {
            return -ENOMEM;
        }
        if (i == AUDIT_NAME) { /* before the others */
            follower = find_follower(builder, lead, entry);
        }
    }
    *is_kept = lead == 0 || follower != NULL;
    return count;
}
_Static_assert(AUDIT_NAME < AUDIT_RULE && AUDIT_NAME < AUDIT_MATCHED, "it comes first");

int audit_builder_add_kit(struct audit_builder *builder, const struct audit_row *row,
                          const struct audit_kit *kit)
{
    const unsigned at = kit != NULL ? kit->id % AUDIT_KIT_NUMBERS : 0;
    const bool known = kit != NULL && builder->kits[at] == kit->id;
    const uint64_t steady = known ? kit->columns : 0;
    const uint64_t *const numbers = builder->kit_numbers[at];
    const uint64_t lead = lead_of(row, kit, row->present & ~steady);
    struct entry name = {.has_hash = false};
    struct entry entries[AUDIT_COLUMN_END];
    bool is_kept = true;

    if (!(kit != NULL ? audit_kit_is_writable(kit, row) : audit_row_is_writable(row))) {
        return -EINVAL;
    }
    if (builder->count == AUDIT_BLOCK_EVENTS_MAX || builder->text >= AUDIT_BLOCK_TEXT_MAX) {
        return -ENOBUFS;
    }
    if (lead != 0) { /* what comes first does not need it */
        aim(builder, &builder->columns[AUDIT_NAME].words, &row->at[AUDIT_NAME], &name);
    }
    const uint64_t time = row->at[AUDIT_TIME].number;
    uint8_t *const form = audit_leaves_room(builder->hashing);
    const size_t form_len =
        kit != NULL ? audit_kit_encode(kit, row, form) : audit_row_encode(row, form);
    for (uint64_t rest = steady; rest != 0; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);

        if (!prepare_known(builder, &builder->columns[i], numbers[i])) {
            return -ENOMEM;
        }
    }
    const int prepared =
        prepare_own(builder, row, row->present & ~steady, lead, &name, entries, &is_kept);
    if (prepared < 0) {
        return prepared;
    }
    const unsigned count = (unsigned)prepared;
    builder->used |= row->present;
    for (unsigned i = 0; i < count; i++) {
        put_entry(builder, &entries[i]);
    }
    for (uint64_t rest = steady; rest != 0; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);

        put_known(&builder->columns[i], builder->count, numbers[i]);
    }
    if (kit != NULL && !known) {
        learn(builder, kit, entries, count);
    }
    if (!is_kept) {
        keep_follower(builder, lead, entries, count);
    }
    builder->first_us = time < builder->first_us ? time : builder->first_us;
    builder->last_us = time > builder->last_us ? time : builder->last_us;
    builder->before_us = time;
    builder->count++;
    audit_leaves_add(builder->hashing, form_len);
    return 0;
}

int audit_builder_add(struct audit_builder *builder, const struct audit_row *row)
{
    return audit_builder_add_kit(builder, row, NULL);
}
