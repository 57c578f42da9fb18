/*
 * audit/block_again.c - into the columns of a block one event that repeats an earlier one in
 * most of them.
 *
 * What all events have in common is not touched, nor looked at; words whose numbers are known
 * are not looked for. Whatever is not that simple (the first event of a block, a column that
 * was the same until now) goes the general way, by which it becomes simple (block_add.c).
 */
#include "audit/block_put.h"

#include "base/invariant.h"

#include <errno.h>

#define BIT(column) (UINT64_C(1) << AUDIT_##column)

/* Those that the row has, and those that it may have; of these a decision has both WORDS, and a
 * question none. */
#define NEED  (BIT(TIME) | BIT(NAME) | BIT(TYPE) | BIT(LATENCY))
#define MAY   (NEED | BIT(CLIENT) | BIT(CLIENT_PORT) | BIT(UPSTREAM) | WORDS)
#define WORDS (BIT(RULE) | BIT(MATCHED))

/* The columns of the row that are texts: what each has, if that must be found. */
struct found {
    struct entry client, upstream, name, rule, matched;
};

static inline bool has(const struct audit_row *row, uint64_t which)
{
    return (row->present & which) != 0;
}

static inline size_t octets_of(const struct audit_row *row, unsigned column)
{
    return has(row, UINT64_C(1) << column) ? row->at[column].number : 0;
}

/* Octets of an event are counted as audit_row_measure() does. */
static bool is_writable(const struct audit_row *row, const struct audit_kit *kit)
{
    const size_t client = octets_of(row, AUDIT_CLIENT);
    const size_t upstream = octets_of(row, AUDIT_UPSTREAM);
    const size_t name = row->at[AUDIT_NAME].number;
    const size_t rule = octets_of(row, AUDIT_RULE);
    const size_t matched = octets_of(row, AUDIT_MATCHED);

    return row->at[AUDIT_TIME].number >> 63 == 0 &&
           (client | upstream | name | rule | matched) <= AUDIT_TEXT_MAX / 2 &&
           kit->most + client + upstream + name + rule + matched +
                   9 * (2u + AUDIT_VARINT_MAX) <=
               AUDIT_EVENT_MAX;
}

/* Whether a number can be put into a column without more ado. */
static inline bool can_take(struct audit_builder *builder, unsigned i, uint64_t number)
{
    struct column *const column = &builder->columns[i];

    if ((builder->whole >> i & 1) != 0) {
        return number == column->first;
    }
    return !column->constant && make_room(column, builder->count + 1, number);
}

/* There is room. */
static inline void take(struct audit_builder *builder, unsigned i, uint64_t number)
{
    if ((builder->whole >> i & 1) == 0) {
        builder->columns[i].count++;
        put_number(&builder->columns[i], builder->count, number);
    }
}

/* Looks for a word, and for room if it is new. False: no memory. */
static bool find(struct audit_builder *builder, unsigned i, const struct audit_value *value,
                 struct entry *entry)
{
    struct dictionary *const words = &builder->columns[i].words;

    entry->column = &builder->columns[i];
    entry->value = value;
    entry->number = find_word(builder, words, entry);
    return !entry->is_new || audit_builder_grow_words(words, value->number);
}

static inline void keep(struct audit_builder *builder, const struct entry *entry)
{
    struct dictionary *const words = &entry->column->words;

    if (entry->is_new) {
        add_word(builder, words, entry);
    }
    words->last = (uint32_t)(entry->number - 1);
}

/* aim() at what matched, which nearly always is the name: it is hashed once. */
static inline void aim_matched(const struct audit_builder *builder, const struct audit_row *row,
                               const struct entry *name, struct entry *entry)
{
    const struct dictionary *const words = &builder->columns[AUDIT_MATCHED].words;
    const struct audit_value *const value = &row->at[AUDIT_MATCHED];
    const struct audit_value *const asked = &row->at[AUDIT_NAME];

    if (!name->has_hash || value->octets != asked->octets || value->number != asked->number) {
        aim(builder, words, value, entry);
        return;
    }
    entry->has_hash = true;
    entry->hash = name->hash;
    if (words->table_size > 0) {
        __builtin_prefetch(&words->table[entry->hash & (words->table_size - 1)]);
    }
}

/* Begins to look for words that are not known: the places of their hashes are in no near cache
 * if there are many. */
static void begin(const struct audit_builder *builder, const struct audit_row *row,
                  bool is_known, struct found *found)
{
    const struct column *const columns = builder->columns;

    found->client.has_hash = false;
    found->upstream.has_hash = false;
    if (!has(row, WORDS)) {
        audit_builder_recall(builder, &row->at[AUDIT_NAME], &found->name);
    } else if (!is_known) {
        aim(builder, &columns[AUDIT_NAME].words, &row->at[AUDIT_NAME], &found->name);
        aim(builder, &columns[AUDIT_RULE].words, &row->at[AUDIT_RULE], &found->rule);
        aim_matched(builder, row, &found->name, &found->matched);
    }
}

/* Finds the numbers of the words in this block. False: no memory. */
static bool find_numbers(struct audit_builder *builder, const struct audit_row *row,
                         struct audit_numbers *numbers, struct found *found)
{
    if (!find(builder, AUDIT_NAME, &row->at[AUDIT_NAME], &found->name)) {
        return false;
    }
    numbers->name = (uint32_t)found->name.number;
    if (!has(row, WORDS)) {
        return true;
    }
    if (!find(builder, AUDIT_RULE, &row->at[AUDIT_RULE], &found->rule) ||
        !find(builder, AUDIT_MATCHED, &row->at[AUDIT_MATCHED], &found->matched)) {
        return false;
    }
    numbers->rule = (uint32_t)found->rule.number;
    numbers->matched = (uint32_t)found->matched.number;
    return true;
}

/* A text that the row need not have. False: it cannot be put into its column without more ado,
 * or there is no memory. */
static inline bool find_text(struct audit_builder *builder, const struct audit_row *row,
                             unsigned column, struct entry *entry)
{
    const struct dictionary *const words = &builder->columns[column].words;

    if (!has(row, UINT64_C(1) << column)) {
        return true;
    }
    if (is_last(words, &row->at[column])) { /* as nearly always: without a call */
        entry->column = &builder->columns[column];
        entry->is_new = false;
        entry->number = words->last + 1u;
    } else if (!find(builder, column, &row->at[column], entry)) {
        return false;
    }
    return can_take(builder, column, entry->number);
}

static inline void take_text(struct audit_builder *builder, const struct audit_row *row,
                             unsigned column, const struct entry *entry)
{
    if (has(row, UINT64_C(1) << column)) {
        keep(builder, entry);
        take(builder, column, entry->number);
    }
}

/* Of the columns of the kit those that are not the same in all events. */
static bool can_take_kit(struct audit_builder *builder, uint64_t steady,
                         const uint64_t *numbers)
{
    for (uint64_t rest = steady; rest != 0; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);

        if (!can_take(builder, i, numbers[i])) {
            return false;
        }
    }
    return true;
}

static void take_kit(struct audit_builder *builder, uint64_t steady, const uint64_t *numbers)
{
    for (uint64_t rest = steady; rest != 0; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);

        take(builder, i, numbers[i]);
    }
}

static void take_time(struct audit_builder *builder, uint64_t time, uint64_t stored)
{
    struct column *const column = &builder->columns[AUDIT_TIME];

    column->constant = column->constant && time + 1 == column->first;
    column->count++;
    put_number(column, builder->count, stored);
    builder->first_us = time < builder->first_us ? time : builder->first_us;
    builder->last_us = time > builder->last_us ? time : builder->last_us;
    builder->before_us = time;
}

/* Puts the finding that is missing, if it is known or will be from now on, so that none is
 * missing any more; else what it is made of. Returns how many octets that has. */
static inline size_t put_finding(const struct audit_row *row, struct audit_numbers *known,
                                 uint8_t *at, uint8_t **finding)
{
    if (*finding == NULL) {
        return 0;
    }
    if (known == NULL) {
        return (size_t)(audit_finding_put(row, at) - at);
    }
    if (!known->has_finding) {
        audit_finding(row, known->finding);
        known->has_finding = true;
    }
    memcpy(*finding, known->finding, DIGEST_OCTETS);
    *finding = NULL;
    return 0;
}

int audit_builder_add_again(struct audit_builder *builder, const struct audit_row *row,
                            const struct audit_kit *kit, struct audit_numbers *known)
{
    const unsigned at = kit->id % AUDIT_KIT_NUMBERS;
    const uint64_t steady = kit->columns & ~builder->whole;
    const uint64_t present = row->present | kit->columns;
    const uint64_t time = row->at[AUDIT_TIME].number;
    const bool has_port = has(row, BIT(CLIENT_PORT));
    const bool has_words = has(row, WORDS);
    const uint64_t port = has_port ? row->at[AUDIT_CLIENT_PORT].number + 1 : 0;
    const uint64_t type = row->at[AUDIT_TYPE].number + 1;
    const uint64_t latency = row->at[AUDIT_LATENCY].number + 1;
    const uint64_t stored = time_number(builder, time);
    const bool is_known = known != NULL && known->block == builder->serial;
    struct audit_numbers own;
    /* Written where it stays; of this block once the event is added. */
    struct audit_numbers *const numbers = known != NULL ? known : &own;
    struct found found;

    invariant((row->present & NEED) == NEED && (row->present & ~MAY) == 0 &&
              (kit->columns & AUDIT_OWN) == 0 &&
              (!has_words || (row->present & WORDS) == WORDS));
    if (builder->count == 0 || builder->kits[at] != kit->id || !is_writable(row, kit) ||
        builder->count == AUDIT_BLOCK_EVENTS_MAX || builder->text >= AUDIT_BLOCK_TEXT_MAX) {
        return -EAGAIN;
    }
    begin(builder, row, is_known, &found);
    uint8_t *const form = audit_leaves_room(builder->hashing);
    uint8_t *finding = NULL;
    const size_t form_len = audit_kit_form(kit, row, form, &finding);
    const size_t found_len = put_finding(row, known, form + form_len, &finding);
    if ((!is_known && !find_numbers(builder, row, numbers, &found)) ||
        !make_room(&builder->columns[AUDIT_TIME], builder->count + 1, stored) ||
        !find_text(builder, row, AUDIT_CLIENT, &found.client) ||
        !find_text(builder, row, AUDIT_UPSTREAM, &found.upstream) ||
        (has_port && !can_take(builder, AUDIT_CLIENT_PORT, port)) ||
        !can_take(builder, AUDIT_NAME, numbers->name) || !can_take(builder, AUDIT_TYPE, type) ||
        !can_take(builder, AUDIT_LATENCY, latency) ||
        (has_words && (!can_take(builder, AUDIT_RULE, numbers->rule) ||
                       !can_take(builder, AUDIT_MATCHED, numbers->matched))) ||
        !can_take_kit(builder, steady, builder->kit_numbers[at])) {
        return -EAGAIN;
    }
    settle(builder, builder->whole & ~present);
    if (!is_known) {
        keep(builder, &found.name);
        if (has_words) {
            keep(builder, &found.rule);
            keep(builder, &found.matched);
        }
        numbers->block = builder->serial;
    }
    take_text(builder, row, AUDIT_CLIENT, &found.client);
    take_text(builder, row, AUDIT_UPSTREAM, &found.upstream);
    if (has_port) {
        take(builder, AUDIT_CLIENT_PORT, port);
    }
    take_time(builder, time, stored);
    take(builder, AUDIT_NAME, numbers->name);
    take(builder, AUDIT_TYPE, type);
    take(builder, AUDIT_LATENCY, latency);
    if (has_words) {
        take(builder, AUDIT_RULE, numbers->rule);
        take(builder, AUDIT_MATCHED, numbers->matched);
    }
    take_kit(builder, steady, builder->kit_numbers[at]);
    builder->used |= present;
    builder->count++;
    audit_leaves_add(builder->hashing, form_len, finding, found_len);
    return 0;
}
