#include "dossier/group.h"

#include "audit/varint.h"
#include "base/invariant.h"
#include "base/sketch.h"
#include "base/tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A key of several parts. What is absent and what is empty is one. */
struct key {
    uint8_t octets[DOSSIER_KEY_MAX];
    size_t len;
};

struct dossier_group {
    const struct dossier_shape *shape;
    uint64_t step_us;
    size_t room;
    struct tally *keys, *names, *clients;
    struct dossier_counter *at; /* by number of the key */
    struct sketch *sketch;      /* of keys above the bound; NULL: none came */
    uint8_t seed[16];
    uint64_t beyond;
    struct key key; /* that is being made */
};

struct dossier_group *dossier_group_create(const struct dossier_shape *shape,
                                           const uint8_t seed[16], size_t most,
                                           uint64_t step_us)
{
    struct dossier_group *group = calloc(1, sizeof(*group));

    invariant(most > 0 && most <= DOSSIER_KEYS_MAX && step_us > 0);
    if (group == NULL) {
        return NULL;
    }
    group->shape = shape;
    group->step_us = step_us;
    memcpy(group->seed, seed, sizeof(group->seed));
    group->keys = tally_create(most);
    group->names = tally_create(DOSSIER_PAIRS_MAX);
    group->clients = tally_create(DOSSIER_PAIRS_MAX);
    if (group->keys == NULL || group->names == NULL || group->clients == NULL) {
        dossier_group_destroy(group);
        return NULL;
    }
    return group;
}

void dossier_group_destroy(struct dossier_group *group)
{
    if (group != NULL) {
        tally_destroy(group->keys);
        tally_destroy(group->names);
        tally_destroy(group->clients);
        sketch_destroy(group->sketch);
        free(group->at);
        free(group);
    }
}

/* --- keys --- */

_Static_assert(DOSSIER_PARTS_MAX *(AUDIT_TEXT_MAX + AUDIT_VARINT_MAX) <= DOSSIER_KEY_MAX,
               "a key does not fit");

static void add_part(struct key *key, const struct audit_value *part)
{
    const size_t len = part->octets == NULL            ? 0
                       : part->number < AUDIT_TEXT_MAX ? (size_t)part->number
                                                       : AUDIT_TEXT_MAX;

    key->len += audit_varint_put(key->octets + key->len, len);
    if (len > 0) {
        memcpy(key->octets + key->len, part->octets, len);
        key->len += len;
    }
}

/* Big-endian, so that keys are in the order of time. */
static struct audit_value moment_of(const struct dossier_group *group, uint64_t time_us,
                                    uint8_t out[8])
{
    const uint64_t begins = time_us / group->step_us * group->step_us;

    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(begins >> (56 - 8 * i));
    }
    return (struct audit_value){out, 8};
}

static void make_key(struct dossier_group *group, const struct dossier_event *event)
{
    static const struct audit_value absent = {NULL, 0};

    group->key.len = 0;
    for (const struct dossier_part *part = group->shape->parts; part->kind != DOSSIER_PART_END;
         part++) {
        uint8_t octets[8];
        struct audit_value value = absent;

        switch (part->kind) {
        case DOSSIER_PART_LISTED:
            value = event->has_basis ? event->basis.word[part->at] : absent;
            break;
        case DOSSIER_PART_BASIS:
            value = event->basis_octets;
            break;
        case DOSSIER_PART_MOMENT:
            value = moment_of(group, event->time_us, octets);
            break;
        case DOSSIER_PART_END:
        case DOSSIER_PART_WORD:
        case DOSSIER_PART_NAME:
        case DOSSIER_PART_CLIENT:
        case DOSSIER_PART_CHAIN:
        case DOSSIER_PART_ADDRESS:
            memcpy(&value, (const uint8_t *)event + part->at, sizeof(value));
            break;
        }
        add_part(&group->key, &value);
    }
}

/* --- counting --- */

/* Whether the key has not come with this before. */
static bool is_new_pair(struct tally *pairs, size_t number, const struct audit_value *with,
                        bool *no_memory)
{
    uint8_t pair[sizeof(uint32_t) + AUDIT_TEXT_MAX];
    const uint32_t first = (uint32_t)number;
    bool is_new = false;

    if (with->octets == NULL || with->number > AUDIT_TEXT_MAX) {
        return false;
    }
    memcpy(pair, &first, sizeof(first));
    memcpy(pair + sizeof(first), with->octets, with->number);
    (void)tally_add(pairs, pair, sizeof(first) + (size_t)with->number, &is_new, no_memory);
    return is_new;
}

static bool add_beyond(struct dossier_group *group)
{
    const struct key *key = &group->key;

    group->beyond++;
    if (key->len > DOSSIER_SKETCH_KEY_MAX) {
        return true;
    }
    if (group->sketch == NULL) {
        group->sketch =
            sketch_create(DOSSIER_SKETCH_SLOTS, DOSSIER_SKETCH_KEY_MAX, group->seed);
        if (group->sketch == NULL) {
            return false;
        }
    }
    sketch_add(group->sketch, key->octets, key->len,
               sketch_hash(group->sketch, key->octets, key->len), 1);
    return true;
}

static bool fit(struct dossier_group *group, size_t number)
{
    if (number < group->room) {
        return true;
    }
    const size_t room = group->room == 0 ? 64 : 2 * group->room;
    struct dossier_counter *at = realloc(group->at, room * sizeof(at[0]));

    if (at == NULL) {
        return false;
    }
    group->at = at;
    group->room = room;
    return true;
}

static void count(struct dossier_counter *counter, const struct dossier_event *event)
{
    counter->all++;
    counter->direct += event->direct;
    counter->effects[event->effect]++;
    counter->legals[event->legal]++;
    if (event->time_us < counter->first_us) {
        counter->first_us = event->time_us;
    }
    if (event->time_us > counter->last_us) {
        counter->last_us = event->time_us;
    }
}

bool dossier_group_add(struct dossier_group *group, const struct dossier_event *event)
{
    bool is_new = false;
    bool no_memory = false;

    if (group->shape->wants != NULL && !group->shape->wants(event)) {
        return true;
    }
    make_key(group, event);
    const size_t number =
        tally_add(group->keys, group->key.octets, group->key.len, &is_new, &no_memory);
    if (number == TALLY_NONE) {
        return !no_memory && add_beyond(group);
    }
    if (!fit(group, number)) {
        return false;
    }
    if (is_new) {
        group->at[number] = (struct dossier_counter){.first_us = UINT64_MAX};
    }
    struct dossier_counter *counter = &group->at[number];
    count(counter, event);
    if ((group->shape->of & DOSSIER_OF_NAMES) != 0) {
        counter->names += is_new_pair(group->names, number, &event->name, &no_memory);
    }
    if ((group->shape->of & DOSSIER_OF_CLIENTS) != 0) {
        counter->clients += is_new_pair(group->clients, number, &event->client, &no_memory);
    }
    return !no_memory;
}

size_t dossier_group_count(const struct dossier_group *group)
{
    return tally_count(group->keys);
}

uint64_t dossier_group_beyond(const struct dossier_group *group)
{
    return group->beyond;
}

/* --- in order --- */

struct sorted {
    const struct dossier_counter *counter;
    const uint8_t *key;
    size_t len;
    uint64_t weight;
};

static int compare(const void *a, const void *b)
{
    const struct sorted *left = a, *right = b;
    const size_t len = left->len < right->len ? left->len : right->len;

    if (left->weight != right->weight) {
        return left->weight > right->weight ? -1 : 1;
    }
    const int order = memcmp(left->key, right->key, len);
    return order != 0 ? order : left->len < right->len ? -1 : left->len > right->len;
}

/* NULL: no memory. */
static struct sorted *sort(const struct dossier_group *group, enum dossier_order order)
{
    const size_t all = tally_count(group->keys);
    struct sorted *sorted = calloc(all + 1, sizeof(sorted[0]));

    for (size_t i = 0; sorted != NULL && i < all; i++) {
        const struct dossier_counter *counter = &group->at[i];

        sorted[i].counter = counter;
        sorted[i].key = tally_key(group->keys, i, &sorted[i].len);
        sorted[i].weight = order == DOSSIER_BY_ALL       ? counter->all
                           : order == DOSSIER_BY_BLOCKED ? counter->effects[DOSSIER_BLOCKED]
                                                         : 0;
    }
    if (sorted != NULL) {
        qsort(sorted, all, sizeof(sorted[0]), compare);
    }
    return sorted;
}

/* --- cells --- */

static void basis_columns(struct dossier *dossier)
{
    dossier_column(dossier, "provider", "provider", DOSSIER_TEXT);
    dossier_column(dossier, "provider_name", "provider in words", DOSSIER_TEXT)->sparse = true;
    dossier_column(dossier, "list", "list", DOSSIER_TEXT);
    dossier_column(dossier, "serial", "serial", DOSSIER_SERIAL);
    dossier_column(dossier, "status", "status", DOSSIER_STATUS);
    dossier_column(dossier, "statement", "what the list stated", DOSSIER_TEXT);
    dossier_column(dossier, "status_class", "class", DOSSIER_TEXT)->machine = true;
    dossier_column(dossier, "status_entity", "legal person", DOSSIER_TEXT)->machine = true;
    dossier_column(dossier, "status_authority", "authority", DOSSIER_TEXT)->machine = true;
    dossier_column(dossier, "status_citation", "citation", DOSSIER_TEXT)->machine = true;
    dossier_column(dossier, "status_effective", "effective", DOSSIER_TEXT)->machine = true;
    dossier_column(dossier, "status_state", "state", DOSSIER_TEXT)->machine = true;
    dossier_column(dossier, "status_checked", "as of", DOSSIER_TEXT)->sparse = true;
}

static void word_cell(struct dossier *dossier, const struct audit_value *word)
{
    if (word->octets == NULL) {
        dossier_absent(dossier);
    } else {
        dossier_text(dossier, word->octets, word->number);
    }
}

static void basis_cells(struct dossier *dossier, const struct audit_value *octets)
{
    static const enum audit_basis_word behind[] = {
        AUDIT_BASIS_STATUS_CLASS,    AUDIT_BASIS_STATUS_ENTITY,    AUDIT_BASIS_STATUS_AUTHORITY,
        AUDIT_BASIS_STATUS_CITATION, AUDIT_BASIS_STATUS_EFFECTIVE, AUDIT_BASIS_STATUS_STATE,
        AUDIT_BASIS_STATUS_CHECKED};
    struct audit_basis_view basis;
    char sentence[DOSSIER_SENTENCE_MAX];

    if (octets->octets == NULL || !audit_basis_get(octets->octets, octets->number, &basis)) {
        memset(&basis, 0, sizeof(basis));
    }
    word_cell(dossier, &basis.word[AUDIT_BASIS_PROVIDER]);
    word_cell(dossier, &basis.word[AUDIT_BASIS_PROVIDER_NAME]);
    word_cell(dossier, &basis.word[AUDIT_BASIS_LIST]);
    dossier_number(dossier, basis.serial);
    dossier_number(dossier, dossier_legal_of(&basis));
    dossier_text(dossier, sentence, dossier_legal_sentence(&basis, sentence));
    for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
        word_cell(dossier, &basis.word[behind[i]]);
    }
}

static void part_columns(const struct dossier_shape *shape, struct dossier *dossier)
{
    for (const struct dossier_part *part = shape->parts; part->kind != DOSSIER_PART_END;
         part++) {
        if (part->kind == DOSSIER_PART_BASIS) {
            basis_columns(dossier);
        } else {
            dossier_column(dossier, part->key, part->title,
                           part->kind == DOSSIER_PART_MOMENT ? DOSSIER_TIME : DOSSIER_TEXT)
                ->sparse = part->sparse;
        }
    }
}

static uint64_t moment_get(const struct audit_value *octets)
{
    uint64_t moment = 0;

    for (unsigned i = 0; i < octets->number && i < 8; i++) {
        moment = moment << 8 | octets->octets[i];
    }
    return moment;
}

static void part_cell(struct dossier *dossier, const struct dossier_part *part,
                      const struct audit_value *value)
{
    char words[DOSSIER_WORDS_MAX];
    size_t len = 0;

    if (part->kind == DOSSIER_PART_BASIS) {
        basis_cells(dossier, value);
        return;
    }
    if (value->octets == NULL) {
        dossier_absent(dossier);
        return;
    }
    switch (part->kind) {
    case DOSSIER_PART_MOMENT:
        dossier_number(dossier, moment_get(value));
        return;
    case DOSSIER_PART_NAME:
        len = dossier_name_words(value, words);
        break;
    case DOSSIER_PART_CLIENT:
        len = dossier_client_words(value, words);
        break;
    case DOSSIER_PART_CHAIN:
        len = dossier_chain_words(value, words);
        break;
    case DOSSIER_PART_ADDRESS:
        len = dossier_address_words(value, words);
        break;
    case DOSSIER_PART_END:
    case DOSSIER_PART_WORD:
    case DOSSIER_PART_LISTED:
    case DOSSIER_PART_BASIS:
        dossier_text(dossier, value->octets, value->number);
        return;
    }
    dossier_text(dossier, words, len);
}

static void part_cells(const struct dossier_shape *shape, struct dossier *dossier,
                       const uint8_t *key, size_t len)
{
    const uint8_t *at = key;

    for (const struct dossier_part *part = shape->parts; part->kind != DOSSIER_PART_END;
         part++) {
        struct audit_value value = {NULL, 0};

        if (audit_varint_get(&at, key + len, &value.number) && value.number > 0) {
            value.octets = at;
            at += value.number;
        }
        part_cell(dossier, part, &value);
    }
}

static void counter_columns(struct dossier *dossier, unsigned of)
{
    dossier_column(dossier, "decisions", "decisions", DOSSIER_NUMBER);
    dossier_column(dossier, "direct", "asked by name", DOSSIER_NUMBER)->sparse = true;
    dossier_column(dossier, "through", "through others", DOSSIER_NUMBER)->sparse = true;
    for (unsigned i = 0; i < DOSSIER_EFFECTS; i++) {
        struct dossier_column *column =
            dossier_column(dossier, dossier_effect_key((enum dossier_effect)i),
                           dossier_effect_title((enum dossier_effect)i), DOSSIER_NUMBER);

        column->tone = DOSSIER_TONE_EFFECT + i;
        column->sparse = true;
    }
    for (unsigned i = 0; i < DOSSIER_LEGALS; i++) {
        struct dossier_column *column =
            dossier_column(dossier, dossier_legal_key((enum dossier_legal)i),
                           dossier_legal_title((enum dossier_legal)i), DOSSIER_NUMBER);

        column->tone = DOSSIER_TONE_LEGAL + i;
        column->sparse = true;
    }
    if ((of & DOSSIER_OF_NAMES) != 0) {
        dossier_column(dossier, "names", "names", DOSSIER_NUMBER)->bounded = true;
    }
    if ((of & DOSSIER_OF_CLIENTS) != 0) {
        dossier_column(dossier, "clients", "clients", DOSSIER_NUMBER)->bounded = true;
    }
    dossier_column(dossier, "first", "first", DOSSIER_TIME);
    dossier_column(dossier, "last", "last", DOSSIER_TIME);
}

static void counter_cells(struct dossier *dossier, const struct dossier_group *group,
                          const struct dossier_counter *counter)
{
    const unsigned of = group->shape->of;

    dossier_number(dossier, counter->all);
    dossier_number(dossier, counter->direct);
    dossier_number(dossier, counter->all - counter->direct);
    for (unsigned i = 0; i < DOSSIER_EFFECTS; i++) {
        dossier_number(dossier, counter->effects[i]);
    }
    for (unsigned i = 0; i < DOSSIER_LEGALS; i++) {
        dossier_number(dossier, counter->legals[i]);
    }
    if ((of & DOSSIER_OF_NAMES) != 0) {
        dossier_at_least(dossier, counter->names, tally_is_full(group->names));
    }
    if ((of & DOSSIER_OF_CLIENTS) != 0) {
        dossier_at_least(dossier, counter->clients, tally_is_full(group->clients));
    }
    dossier_number(dossier, counter->first_us);
    dossier_number(dossier, counter->last_us);
}

/* What came above the bound, as far as it came often. */
static void tell_estimates(const struct dossier_group *group, struct dossier *dossier)
{
    const struct dossier_shape *shape = group->shape;
    struct sketch_entry top[DOSSIER_ESTIMATES_MAX];

    dossier_notice(dossier,
                   "%s: %zu rows are counted exactly; %" PRIu64
                   " decisions of others that came later are not in that table%s",
                   shape->title, tally_count(group->keys), group->beyond,
                   shape->estimated != NULL ? ": see the estimates" : "");
    if (shape->estimated == NULL || group->sketch == NULL) {
        return;
    }
    dossier_table(dossier, shape->estimated, "Estimates",
                  "What came after the bound of exact counting was reached, as far as it came "
                  "often: at most, and at least, so many decisions.");
    part_columns(shape, dossier);
    dossier_column(dossier, "at_most", "at most", DOSSIER_NUMBER);
    dossier_column(dossier, "at_least", "at least", DOSSIER_NUMBER);
    const size_t count = sketch_top(group->sketch, top, DOSSIER_ESTIMATES_MAX);
    for (size_t i = 0; i < count; i++) {
        part_cells(shape, dossier, top[i].key, top[i].len);
        dossier_number(dossier, top[i].count);
        dossier_number(dossier, top[i].count - top[i].error);
    }
}

void dossier_group_tell(const struct dossier_group *group, struct dossier *dossier)
{
    const struct dossier_shape *shape = group->shape;
    struct sorted *sorted = sort(group, shape->order);

    if (sorted == NULL) {
        dossier->failed = true;
        return;
    }
    struct dossier_table *table =
        dossier_table(dossier, shape->key, shape->title, shape->words);
    table->chart = shape->chart;
    table->step_us = group->step_us;
    part_columns(shape, dossier);
    counter_columns(dossier, shape->of);
    for (size_t i = 0; i < tally_count(group->keys); i++) {
        part_cells(shape, dossier, sorted[i].key, sorted[i].len);
        counter_cells(dossier, group, sorted[i].counter);
    }
    free(sorted);
    if (tally_is_full(group->names) || tally_is_full(group->clients)) {
        dossier_notice(dossier,
                       "%s: names and clients of a row are told apart up to %u pairs; these "
                       "numbers are at least",
                       shape->title, DOSSIER_PAIRS_MAX);
    }
    if (group->beyond > 0) {
        tell_estimates(group, dossier);
    }
}
