/*
 * audit/block_make.c - columns into the body of a block: block_add.c fills them.
 */
#include "audit/block_inside.h"

#include "audit/filter.h"
#include "audit/varint.h"
#include "base/invariant.h"
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

/* Below, zstd's own head outweighs what it saves. */
#define PACK_LEAST 48u

struct audit_builder *audit_builder_create(enum audit_stream stream, int level)
{
    struct audit_builder *builder = calloc(1, sizeof(*builder));

    if (builder == NULL) {
        return NULL;
    }
    builder->stream = stream;
    builder->level = level;
    builder->hashing = audit_leaves_create();
    builder->directory = malloc((size_t)AUDIT_SECTIONS_MAX * 4 * AUDIT_VARINT_MAX);
    random_system(builder->hash_key, sizeof(builder->hash_key));
    if (builder->hashing == NULL || builder->directory == NULL) {
        audit_builder_destroy(builder);
        return NULL;
    }
    builder->used = UINT64_MAX;
    audit_builder_clear(builder);
    return builder;
}

/* All that grows with events. */
static void free_grown(struct audit_builder *builder)
{
    for (unsigned i = 0; i < AUDIT_COLUMN_END; i++) {
        for (unsigned plane = 0; plane < builder->columns[i].width; plane++) {
            free(builder->columns[i].planes[plane]);
        }
        free(builder->columns[i].words.octets);
        free(builder->columns[i].words.words);
        free(builder->columns[i].words.table);
    }
    free(builder->followers);
    free(builder->planes);
    free(builder->body);
    ZSTD_freeCCtx(builder->zstd);
}

void audit_builder_destroy(struct audit_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    free_grown(builder);
    audit_leaves_destroy(builder->hashing);
    free(builder->directory);
    free(builder);
}

void audit_builder_shrink(struct audit_builder *builder)
{
    invariant(builder->count == 0);
    free_grown(builder);
    memset(builder->columns, 0, sizeof(builder->columns));
    builder->followers = NULL;
    builder->follower_room = 0;
    builder->planes = NULL;
    builder->planes_size = 0;
    builder->body = NULL;
    builder->body_size = 0;
    builder->zstd = NULL;
    builder->used = UINT64_MAX;
    audit_builder_clear(builder);
}

void audit_builder_clear(struct audit_builder *builder)
{
    for (uint64_t rest = builder->used; rest != 0; rest &= rest - 1) {
        struct column *column = &builder->columns[__builtin_ctzll(rest)];

        for (unsigned plane = 0; plane < column->width; plane++) {
            memset(column->planes[plane], 0, column->filled);
        }
        column->constant = true;
        column->filled = 0;
        column->count = 0;
        column->most = 0;
        column->words.len = 0;
        column->words.count = 0;
        column->words.last = 0;
        memset(column->words.recent, 0, sizeof(column->words.recent));
        if (column->words.table != NULL) {
            memset(column->words.table, 0, column->words.table_size * sizeof(struct slot));
        }
    }
    memset(builder->kits, 0, sizeof(builder->kits)); /* words have other numbers now */
    if (builder->follower_room > 0) {
        memset(builder->followers, 0, builder->follower_room * sizeof(*builder->followers));
    }
    builder->used = 0;
    builder->whole = 0;
    random_system(&builder->serial, sizeof(builder->serial));
    builder->serial |= 1; /* not 0 */
    builder->count = 0;
    builder->text = 0;
    builder->first_us = UINT64_MAX;
    builder->last_us = 0;
    builder->before_us = 0;
    random_system(builder->salt, sizeof(builder->salt));
    audit_leaves_begin(builder->hashing, builder->salt, NULL);
}

uint32_t audit_builder_count(const struct audit_builder *builder)
{
    return builder->count;
}

/* --- the body --- */

/* Adds a section of `len` octets at data, packed if that is worth it. */
static bool add_section(struct audit_builder *builder, unsigned id, unsigned encoding,
                        const uint8_t *data, size_t len)
{
    const size_t bound = len >= PACK_LEAST ? ZSTD_compressBound(len) : len;
    uint8_t *at = builder->directory + builder->directory_len;
    size_t stored = len;

    invariant(builder->sections < AUDIT_SECTIONS_MAX);
    if (!audit_builder_grow((void **)&builder->body, &builder->body_size,
                            builder->body_len + bound, 1)) {
        return false;
    }
    uint8_t *out = builder->body + builder->body_len;
    if (len >= PACK_LEAST && encoding != AUDIT_RAW) {
        builder->zstd = builder->zstd == NULL ? ZSTD_createCCtx() : builder->zstd;
        if (builder->zstd == NULL) {
            return false;
        }
        stored = ZSTD_compressCCtx(builder->zstd, out, bound, data, len, builder->level);
        if (ZSTD_isError(stored)) {
            return false;
        }
    }
    if (stored < len) {
        encoding |= AUDIT_PACKED;
    } else {
        stored = len;
        if (len > 0) {
            memcpy(out, data, len);
        }
    }
    at += audit_varint_put(at, id);
    *at++ = (uint8_t)encoding;
    at += audit_varint_put(at, len);
    at += audit_varint_put(at, stored);
    builder->directory_len = (size_t)(at - builder->directory);
    builder->body_len += stored;
    builder->sections++;
    return true;
}

static bool add_planes(struct audit_builder *builder, unsigned i, unsigned encoding)
{
    const struct column *column = &builder->columns[i];
    const unsigned width = audit_builder_width(column->most);
    const size_t len = 1 + (size_t)width * builder->count;

    if (!audit_builder_grow((void **)&builder->planes, &builder->planes_size, len, 1)) {
        return false;
    }
    uint8_t *at = builder->planes;
    *at++ = (uint8_t)width;
    for (unsigned plane = 0; plane < width; plane++) {
        memcpy(at, column->planes[plane], column->filled);
        memset(at + column->filled, 0, builder->count - column->filled);
        at += builder->count;
    }
    return add_section(builder, AUDIT_SECTION_COLUMN + 2 * i, encoding, builder->planes, len);
}

static bool add_numbers(struct audit_builder *builder, unsigned i)
{
    struct column *column = &builder->columns[i];
    uint8_t constant[AUDIT_VARINT_MAX];

    if (column->constant && column->count == builder->count) {
        return add_section(builder, AUDIT_SECTION_COLUMN + 2 * i, AUDIT_CONSTANT, constant,
                           audit_varint_put(constant, column->first));
    }
    if (column->constant && i != AUDIT_TIME && !audit_builder_spread(column)) {
        return false;
    }
    return add_planes(builder, i, i == AUDIT_TIME ? AUDIT_DELTAS : AUDIT_PLANES);
}

static bool add_words(struct audit_builder *builder, unsigned i)
{
    const struct dictionary *words = &builder->columns[i].words;
    const size_t most = words->len + (size_t)words->count * AUDIT_VARINT_MAX;

    if (!audit_builder_grow((void **)&builder->planes, &builder->planes_size, most, 1)) {
        return false;
    }
    uint8_t *at = builder->planes;
    for (uint32_t j = 0; j < words->count; j++) {
        at += audit_varint_put(at, words->words[j].len);
        if (words->words[j].len > 0) {
            memcpy(at, words->octets + words->words[j].at, words->words[j].len);
            at += words->words[j].len;
        }
    }
    return add_section(builder, AUDIT_SECTION_COLUMN + 2 * i + 1, AUDIT_DICTIONARY,
                       builder->planes, (size_t)(at - builder->planes));
}

/* --- filters --- */

/* Keys of one word, at most. */
#define KEYS_MAX 3u

/* Distinct keys, in a table. */
struct keys {
    uint64_t *table; /* 0: free; no key is 0 */
    size_t size, count;
};

static void add_key(struct keys *keys, uint64_t key)
{
    size_t slot = key & (keys->size - 1);

    while (keys->table[slot] != 0 && keys->table[slot] != key) {
        slot = (slot + 1) & (keys->size - 1);
    }
    if (keys->table[slot] == 0) {
        keys->table[slot] = key;
        keys->count++;
    }
}

static void add_name_keys(struct keys *keys, const struct audit_value *word)
{
    struct wire_name name;
    uint64_t found[2];

    if (audit_name_get(word->octets, word->number, &name)) {
        const unsigned count = audit_filter_name(&name, found);
        for (unsigned i = 0; i < count; i++) {
            add_key(keys, found[i]);
        }
    }
}

static void add_client_keys(struct keys *keys, const struct audit_value *word)
{
    struct audit_client client;
    uint64_t found[2];

    add_key(keys, audit_filter_octets(word->octets, word->number));
    if (audit_client_get(word->octets, word->number, &client) &&
        client.kind == AUDIT_CLIENT_ADDRESS) {
        const unsigned count = audit_filter_networks(&client.address, found);
        for (unsigned i = 0; i < count; i++) {
            add_key(keys, found[i]);
        }
    }
}

static void add_basis_keys(struct keys *keys, const struct audit_value *word)
{
    struct audit_basis_view basis;

    if (audit_basis_get(word->octets, word->number, &basis)) {
        const struct audit_value *provider = &basis.word[AUDIT_BASIS_PROVIDER];
        add_key(keys, audit_filter_octets(provider->octets, provider->number));
    }
}

static struct audit_value word_at(const struct dictionary *words, uint32_t i)
{
    return (struct audit_value){words->octets + words->words[i].at, words->words[i].len};
}

/* Whether word i of both is the same, as what matched nearly always is what was asked. */
static bool is_word_of(const struct dictionary *words, const struct dictionary *other,
                       uint32_t i)
{
    return i < other->count && words->words[i].len == other->words[i].len &&
           memcmp(words->octets + words->words[i].at, other->octets + other->words[i].at,
                  words->words[i].len) == 0;
}

/* The table is where planes are put together otherwise: memory that is new for each block is
 * fetched page by page, which interrupts other processors. False: no memory. */
static bool begin_keys(struct audit_builder *builder, uint64_t words, struct keys *keys)
{
    *keys = (struct keys){NULL, 64, 0};
    while (keys->size < 4 * words) { /* most have two: it is half full at most, or three */
        keys->size *= 2;
    }
    const size_t octets = keys->size * sizeof(*keys->table);
    if (!audit_builder_grow((void **)&builder->planes, &builder->planes_size, octets, 1)) {
        return false;
    }
    keys->table = (uint64_t *)(void *)builder->planes; /* of realloc(): for any number */
    memset(keys->table, 0, octets);
    return true;
}
_Static_assert(KEYS_MAX < 4, "there is a free place");

static bool add_filter(struct audit_builder *builder, unsigned id, uint64_t columns,
                       void (*add)(struct keys *, const struct audit_value *))
{
    const struct dictionary *first = NULL;
    struct keys keys;
    uint64_t count = 0;
    bool good = true;

    for (uint64_t rest = columns & builder->used; rest != 0; rest &= rest - 1) {
        count += builder->columns[__builtin_ctzll(rest)].words.count;
    }
    if (count == 0) {
        return true;
    }
    if (!begin_keys(builder, count, &keys)) {
        return false;
    }
    for (uint64_t rest = columns & builder->used; rest != 0; rest &= rest - 1) {
        const struct dictionary *words = &builder->columns[__builtin_ctzll(rest)].words;

        for (uint32_t i = 0; i < words->count; i++) {
            if (first == NULL || !is_word_of(words, first, i)) {
                const struct audit_value word = word_at(words, i);

                add(&keys, &word);
            }
        }
        first = first == NULL ? words : first;
    }
    const size_t octets = keys.count * AUDIT_FILTER_BITS_PER_KEY / 8 + 2;
    uint8_t *filter = calloc(1, octets);
    if (filter != NULL) {
        for (size_t i = 0; i < keys.size; i++) {
            if (keys.table[i] != 0) {
                audit_filter_add(filter, octets, keys.table[i]);
            }
        }
        good = add_section(builder, id, AUDIT_RAW, filter, octets);
    }
    free(filter);
    return filter != NULL && good;
}

#define BIT(column) (UINT64_C(1) << (column))

static bool add_sections(struct audit_builder *builder)
{
    if (!add_filter(builder, AUDIT_SECTION_NAMES, BIT(AUDIT_NAME) | BIT(AUDIT_MATCHED),
                    add_name_keys) ||
        !add_filter(builder, AUDIT_SECTION_CLIENTS, BIT(AUDIT_CLIENT), add_client_keys) ||
        !add_filter(builder, AUDIT_SECTION_PROVIDERS, BIT(AUDIT_BASIS), add_basis_keys)) {
        return false;
    }
    for (uint64_t rest = builder->used; rest != 0; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);

        if (!add_numbers(builder, i) ||
            (audit_column_kind(i) == AUDIT_OCTETS && !add_words(builder, i))) {
            return false;
        }
    }
    return true;
}

static size_t varint_octets(uint64_t value)
{
    uint8_t octets[AUDIT_VARINT_MAX];

    return audit_varint_put(octets, value);
}

/* The salt, and so many zeros behind it that the body has a whole number of units: the last
 * section. */
static bool add_salt(struct audit_builder *builder)
{
    uint8_t octets[AUDIT_SALT_OCTETS + 2 * AUDIT_BODY_UNIT] = {0};
    const size_t others = varint_octets(builder->sections + 1) + builder->directory_len +
                          builder->body_len + varint_octets(AUDIT_SECTION_SALT) + 1;
    size_t len = AUDIT_SALT_OCTETS;

    /* Its entry in the directory has its length, twice, and grows with it. */
    while ((others + 2 * varint_octets(len) + len) % AUDIT_BODY_UNIT != 0) {
        len++;
    }
    invariant(len <= sizeof(octets));
    memcpy(octets, builder->salt, sizeof(builder->salt));
    return add_section(builder, AUDIT_SECTION_SALT, AUDIT_RAW, octets, len);
}

int audit_builder_finish(struct audit_builder *builder, struct audit_header *header,
                         const uint8_t **body)
{
    invariant(builder->count > 0);
    audit_builder_settle(builder);
    builder->body_len = 0;
    builder->directory_len = 0;
    builder->sections = 0;
    if (!add_sections(builder) || !add_salt(builder)) {
        return -ENOMEM;
    }
    uint8_t count[AUDIT_VARINT_MAX];
    const size_t count_len = audit_varint_put(count, builder->sections);
    const size_t head = count_len + builder->directory_len;
    if (!audit_builder_grow((void **)&builder->body, &builder->body_size,
                            builder->body_len + head, 1)) {
        return -ENOMEM;
    }
    memmove(builder->body + head, builder->body, builder->body_len);
    memcpy(builder->body, count, count_len);
    memcpy(builder->body + count_len, builder->directory, builder->directory_len);
    header->stream = (uint8_t)builder->stream;
    header->events = builder->count;
    header->first_us = builder->first_us;
    header->last_us = builder->last_us;
    header->body_len = (uint32_t)(head + builder->body_len);
    digest_of(builder->body, header->body_len, NULL, header->body);
    audit_leaves_root(builder->hashing, header->tree);
    *body = builder->body;
    return 0;
}
