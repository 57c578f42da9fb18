/*
 * audit/block_add.c - one event into the columns of a block.
 *
 * What all events so far have in common is kept once. Else the octets of a number go to the
 * planes of its column, as they are stored, so that a full block stays in the processor's
 * cache; a text goes to its dictionary by a hash table (the text of the event before is tried
 * first, and what followed from its name the last time is not looked for), and what the leaf of
 * the events' tree has of the event (steady.h) to the others that are hashed with it.
 */
#include "audit/block_put.h"

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

bool audit_builder_grow_planes(struct column *column, uint32_t count, unsigned width)
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

bool audit_builder_grow_words(struct dictionary *words, size_t len)
{
    return audit_builder_grow((void **)&words->octets, &words->size, words->len + len, 1) &&
           grow32((void **)&words->words, &words->room, words->count + 1u,
                  sizeof(*words->words)) &&
           (2 * (words->count + 1u) <= words->table_size || grow_table(words));
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
        if (entry->is_new && !audit_builder_grow_words(&column->words, value->number)) {
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

/* --- names that were expected --- */

void audit_builder_expect(struct audit_builder *builder, const uint8_t *octets, size_t len)
{
    const struct audit_value value = {octets, len};
    struct entry name;

    if (len > AUDIT_EXPECTED_OCTETS) {
        return;
    }
    aim(builder, &builder->columns[AUDIT_NAME].words, &value, &name);
    if (name.has_hash) {
        struct expected *const expected = &builder->expected[name.guess % AUDIT_EXPECTED];

        expected->hash = name.hash;
        expected->len = (uint8_t)len;
        (void)audit_octets_add(expected->octets, octets, len);
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

void audit_builder_settle(struct audit_builder *builder)
{
    settle(builder, builder->whole);
}

/* Of these columns, which the last event has, those that it has as all before. */
static void find_whole(struct audit_builder *builder, uint64_t columns)
{
    for (uint64_t rest = columns & ~(builder->whole | BIT(AUDIT_TIME)); rest != 0;
         rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);
        const struct column *const column = &builder->columns[i];

        if (column->constant && column->count == builder->count) {
            builder->whole |= UINT64_C(1) << i;
        }
    }
}

/* What the leaf has of the event; *finding as that of audit_own_put(). Returns the length. */
static inline size_t put_form(struct audit_builder *builder, const struct audit_row *row,
                              const struct audit_kit *kit, uint8_t *form, uint8_t **finding)
{
    if (kit != NULL && audit_kit_is_steady(kit, row)) {
        return audit_kit_form(kit, row, form, finding);
    }
    uint8_t *const own = audit_steady_find(&builder->steadies, row, form);
    return (size_t)(audit_own_put(row, own, finding) - form);
}

int audit_builder_add_kit(struct audit_builder *builder, const struct audit_row *row,
                          const struct audit_kit *kit)
{
    const unsigned at = kit != NULL ? kit->id % AUDIT_KIT_NUMBERS : 0;
    const bool known = kit != NULL && builder->kits[at] == kit->id;
    const uint64_t own = row->present & ~(known ? kit->columns : 0);
    /* Of a kit's columns that are the same in all events, it has that: an event had it. */
    const uint64_t steady = known ? kit->columns & ~builder->whole : 0;
    const uint64_t *const numbers = builder->kit_numbers[at];
    const uint64_t lead = lead_of(row, kit, own);
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
    } else if ((own & BIT(AUDIT_NAME)) != 0) {
        audit_builder_recall(builder, &row->at[AUDIT_NAME], &name);
    }
    const uint64_t time = row->at[AUDIT_TIME].number;
    uint8_t *const form = audit_leaves_room(builder->hashing);
    uint8_t *finding = NULL;
    const size_t form_len = put_form(builder, row, kit, form, &finding);
    uint8_t *const found = form + form_len;
    const size_t found_len =
        finding != NULL ? (size_t)(audit_finding_put(row, found) - found) : 0;
    settle(builder, builder->whole & ~(row->present & ~own));
    for (uint64_t rest = steady; rest != 0; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);

        if (!prepare_known(builder, &builder->columns[i], numbers[i])) {
            return -ENOMEM;
        }
    }
    const int prepared = prepare_own(builder, row, own, lead, &name, entries, &is_kept);
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
    find_whole(builder, row->present);
    audit_leaves_add(builder->hashing, form_len, finding, found_len);
    return 0;
}

int audit_builder_add(struct audit_builder *builder, const struct audit_row *row)
{
    return audit_builder_add_kit(builder, row, NULL);
}
