/*
 * audit/block_make.c - events into columns, and columns into the body of a block.
 *
 * An event is added once: the octets of its numbers go to the planes of their columns, as they
 * are stored, so that a full block stays in the processor's cache; its texts to dictionaries by
 * a hash table (the text of the event before is tried first: most columns
 * hardly ever change), and its canonical form into the leaf of the events' tree, while it is at
 * hand.
 */
#include "audit/block.h"

#include "audit/filter.h"
#include "audit/tree.h"
#include "audit/varint.h"
#include "base/invariant.h"
#include "base/random.h"
#include "base/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

/* Below, zstd's own head outweighs what it saves. */
#define PACK_LEAST 48u

struct word {
    uint32_t at, len; /* in the dictionary's octets */
    uint32_t hash;
};

struct dictionary {
    uint8_t *octets;
    size_t len, size;
    struct word *words;
    uint32_t count, room;
    uint32_t *table; /* number of the word plus one; 0: free */
    uint32_t table_size;
    uint32_t last; /* word of the event before; count of none */
};

/* Of each event a number: 0 if absent, else the number, or of a text, plus one; of a time its
 * difference from the one before, which every event has. */
struct column {
    uint8_t
        *planes[8];  /* octet 0 of each number, octet 1 ...; zero behind what was put there */
    unsigned width;  /* planes that there are */
    uint32_t room;   /* octets of each */
    uint32_t filled; /* events up to the last that has one */
    uint32_t count;  /* of events that have one */
    uint64_t first;  /* number of the first that has one, plus one */
    bool same;       /* all of these are the same */
    uint64_t most;   /* no bit above its highest is set in any */
    struct dictionary words;
};

struct audit_builder {
    enum audit_stream stream;
    unsigned group;
    int level;
    uint32_t count;
    size_t text; /* octets in all dictionaries */
    uint64_t first_us, last_us, before_us;
    uint64_t used; /* bit n: column n has a value */
    struct column columns[AUDIT_COLUMN_END];
    uint8_t (*leaves)[DIGEST_OCTETS];
    uint8_t *pending; /* the events of the leaf that is not full yet */
    size_t pending_len;
    uint8_t *planes, *body;
    size_t planes_size, body_size, body_len;
    uint8_t *directory;
    size_t directory_len;
    uint32_t sections;
    uint8_t hash_key[SIPHASH_KEY_OCTETS];
    ZSTD_CCtx *zstd;
};

struct audit_builder *audit_builder_create(enum audit_stream stream, unsigned group, int level)
{
    struct audit_builder *builder = calloc(1, sizeof(*builder));

    invariant(group >= 1 && group <= AUDIT_GROUP_EVENTS_MAX);
    if (builder == NULL) {
        return NULL;
    }
    builder->stream = stream;
    builder->group = group;
    builder->level = level;
    builder->pending = malloc(AUDIT_GROUP_MAX);
    builder->leaves = malloc((AUDIT_BLOCK_EVENTS_MAX + 1u) * sizeof(*builder->leaves));
    builder->directory = malloc((size_t)AUDIT_SECTIONS_MAX * 4 * AUDIT_VARINT_MAX);
    builder->zstd = ZSTD_createCCtx();
    random_system(builder->hash_key, sizeof(builder->hash_key));
    if (builder->pending == NULL || builder->leaves == NULL || builder->directory == NULL ||
        builder->zstd == NULL) {
        audit_builder_destroy(builder);
        return NULL;
    }
    audit_builder_clear(builder);
    return builder;
}

void audit_builder_destroy(struct audit_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    for (unsigned i = 0; i < AUDIT_COLUMN_END; i++) {
        for (unsigned plane = 0; plane < builder->columns[i].width; plane++) {
            free(builder->columns[i].planes[plane]);
        }
        free(builder->columns[i].words.octets);
        free(builder->columns[i].words.words);
        free(builder->columns[i].words.table);
    }
    free(builder->leaves);
    free(builder->pending);
    free(builder->planes);
    free(builder->body);
    free(builder->directory);
    ZSTD_freeCCtx(builder->zstd);
    free(builder);
}

void audit_builder_clear(struct audit_builder *builder)
{
    for (uint64_t rest = builder->used; rest != 0; rest &= rest - 1) {
        struct column *column = &builder->columns[__builtin_ctzll(rest)];

        for (unsigned plane = 0; plane < column->width; plane++) {
            memset(column->planes[plane], 0, column->filled);
        }
        column->filled = 0;
        column->count = 0;
        column->most = 0;
        column->words.len = 0;
        column->words.count = 0;
        column->words.last = 0;
        if (column->words.table != NULL) {
            memset(column->words.table, 0, column->words.table_size * sizeof(uint32_t));
        }
    }
    builder->used = 0;
    builder->count = 0;
    builder->text = 0;
    builder->pending_len = 0;
    builder->first_us = UINT64_MAX;
    builder->last_us = 0;
    builder->before_us = 0;
}

uint32_t audit_builder_count(const struct audit_builder *builder)
{
    return builder->count;
}

/* Room for `needed` items of `size` octets: doubled. */
static bool grow(void **at, size_t *room, size_t needed, size_t size)
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

    if (!grow(at, &wide, needed, size)) {
        return false;
    }
    *room = (uint32_t)wide;
    return true;
}

static bool grow_table(struct dictionary *words)
{
    const uint32_t size = words->table_size == 0 ? 64 : 2 * words->table_size;
    uint32_t *table = calloc(size, sizeof(*table));

    if (table == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < words->count; i++) {
        uint32_t slot = words->words[i].hash & (size - 1);

        while (table[slot] != 0) {
            slot = (slot + 1) & (size - 1);
        }
        table[slot] = i + 1;
    }
    free(words->table);
    words->table = table;
    words->table_size = size;
    return true;
}

static unsigned width_of(uint64_t most)
{
    return most == 0 ? 1 : (71u - (unsigned)__builtin_clzll(most)) / 8u;
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
    }
    return true;
}

/* Room in a column and its dictionary, so that adding cannot fail half-way. */
static bool prepare(struct column *column, uint32_t count, const struct audit_value *value,
                    uint64_t number)
{
    struct dictionary *words = &column->words;
    const unsigned width = width_of(value->octets != NULL ? words->count + 1u : number);

    if ((count > column->room || width > column->width) && !grow_planes(column, count, width)) {
        return false;
    }
    return value->octets == NULL ||
           (grow((void **)&words->octets, &words->size, words->len + value->number, 1) &&
            grow32((void **)&words->words, &words->room, words->count + 1u,
                   sizeof(*words->words)) &&
            (2 * (words->count + 1u) <= words->table_size || grow_table(words)));
}

static bool is_word(const struct dictionary *words, uint32_t i, const struct audit_value *value)
{
    return words->words[i].len == value->number &&
           (value->number == 0 ||
            memcmp(words->octets + words->words[i].at, value->octets, value->number) == 0);
}

/* The number of a text in its dictionary, which gets it if it is new. */
static uint32_t intern(struct audit_builder *builder, struct dictionary *words,
                       const struct audit_value *value)
{
    if (words->last < words->count && is_word(words, words->last, value)) {
        return words->last;
    }
    const uint32_t hash = (uint32_t)siphash13(value->octets, value->number, builder->hash_key);
    uint32_t slot = hash & (words->table_size - 1);
    while (words->table[slot] != 0) {
        const uint32_t found = words->table[slot] - 1;

        if (words->words[found].hash == hash && is_word(words, found, value)) {
            words->last = found;
            return found;
        }
        slot = (slot + 1) & (words->table_size - 1);
    }
    if (value->number > 0) {
        memcpy(words->octets + words->len, value->octets, value->number);
    }
    words->words[words->count] =
        (struct word){(uint32_t)words->len, (uint32_t)value->number, hash};
    words->len += value->number;
    builder->text += value->number;
    words->table[slot] = ++words->count;
    words->last = words->count - 1;
    return words->last;
}

static void close_leaf(struct audit_builder *builder)
{
    audit_events_leaf(builder->pending, builder->pending_len,
                      builder->leaves[(builder->count - 1) / builder->group]);
    builder->pending_len = 0;
}

static void add_leaf(struct audit_builder *builder, const struct audit_row *row)
{
    uint8_t *at = builder->pending + builder->pending_len;
    /* Most forms are below 128 octets: one octet of length. Others are moved. */
    const size_t len = audit_row_encode(row, at + 1);

    if (len < 0x80) {
        *at = (uint8_t)len;
        builder->pending_len += 1 + len;
    } else {
        uint8_t head[AUDIT_VARINT_MAX];
        const size_t octets = audit_varint_put(head, len);

        memmove(at + octets, at + 1, len);
        memcpy(at, head, octets);
        builder->pending_len += octets + len;
    }
    if (builder->count % builder->group == 0) {
        close_leaf(builder);
    }
}

/* Differences of a time are small and of either sign: workers are drained one by one. */
static uint64_t time_number(const struct audit_builder *builder, uint64_t time)
{
    const uint64_t delta = time - builder->before_us;

    /* Of numbers below 2^63, so no difference is lost. */
    return time >= builder->before_us ? delta << 1 : (~delta << 1) | 1;
}

/* number: plus one; stored: what goes to the planes. */
static void put_number(struct column *column, uint32_t event, uint64_t number, uint64_t stored)
{
    column->same = column->count == 0 || (column->same && number == column->first);
    column->first = column->count == 0 ? number : column->first;
    column->count++;
    column->filled = event + 1;
    column->most |= stored;
    for (unsigned plane = 0; stored != 0; plane++, stored >>= 8) {
        column->planes[plane][event] = (uint8_t)stored;
    }
}

int audit_builder_add(struct audit_builder *builder, const struct audit_row *row)
{
    if (!audit_row_is_writable(row)) {
        return -EINVAL;
    }
    if (builder->count == AUDIT_BLOCK_EVENTS_MAX || builder->text >= AUDIT_BLOCK_TEXT_MAX) {
        return -ENOBUFS;
    }
    const uint64_t time = row->at[AUDIT_TIME].number;
    for (uint64_t rest = row->present; rest != 0; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);

        if (!prepare(&builder->columns[i], builder->count + 1, &row->at[i],
                     i == AUDIT_TIME ? time_number(builder, time) : row->at[i].number + 1)) {
            return -ENOMEM;
        }
    }
    builder->used |= row->present;
    for (uint64_t rest = row->present; rest != 0; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);
        struct column *column = &builder->columns[i];
        const struct audit_value *value = &row->at[i];
        const uint64_t number =
            1 +
            (value->octets != NULL ? intern(builder, &column->words, value) : value->number);

        put_number(column, builder->count, number,
                   i == AUDIT_TIME ? time_number(builder, time) : number);
    }
    builder->first_us = time < builder->first_us ? time : builder->first_us;
    builder->last_us = time > builder->last_us ? time : builder->last_us;
    builder->before_us = time;
    builder->count++;
    add_leaf(builder, row);
    return 0;
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
    if (!grow((void **)&builder->body, &builder->body_size, builder->body_len + bound, 1)) {
        return false;
    }
    uint8_t *out = builder->body + builder->body_len;
    if (len >= PACK_LEAST && encoding != AUDIT_RAW) {
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
    const unsigned width = width_of(column->most);
    const size_t len = 1 + (size_t)width * builder->count;

    if (!grow((void **)&builder->planes, &builder->planes_size, len, 1)) {
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
    const struct column *column = &builder->columns[i];
    uint8_t constant[AUDIT_VARINT_MAX];

    if (column->same && column->count == builder->count) {
        return add_section(builder, AUDIT_SECTION_COLUMN + 2 * i, AUDIT_CONSTANT, constant,
                           audit_varint_put(constant, column->first));
    }
    return add_planes(builder, i, i == AUDIT_TIME ? AUDIT_DELTAS : AUDIT_PLANES);
}

static bool add_words(struct audit_builder *builder, unsigned i)
{
    const struct dictionary *words = &builder->columns[i].words;
    const size_t most = words->len + (size_t)words->count * AUDIT_VARINT_MAX;

    if (!grow((void **)&builder->planes, &builder->planes_size, most, 1)) {
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

static bool add_filter(struct audit_builder *builder, unsigned id, uint64_t columns,
                       void (*add)(struct keys *, const struct audit_value *))
{
    struct keys keys = {NULL, 64, 0};
    uint64_t most = 0;
    bool good = true;

    for (uint64_t rest = columns & builder->used; rest != 0; rest &= rest - 1) {
        most += 3u * builder->columns[__builtin_ctzll(rest)].words.count;
    }
    if (most == 0) {
        return true;
    }
    while (keys.size < 2 * most) {
        keys.size *= 2;
    }
    keys.table = calloc(keys.size, sizeof(*keys.table));
    if (keys.table == NULL) {
        return false;
    }
    for (uint64_t rest = columns & builder->used; rest != 0; rest &= rest - 1) {
        const struct dictionary *words = &builder->columns[__builtin_ctzll(rest)].words;

        for (uint32_t i = 0; i < words->count; i++) {
            const struct audit_value word = {words->octets + words->words[i].at,
                                             words->words[i].len};
            add(&keys, &word);
        }
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
    free(keys.table);
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

int audit_builder_finish(struct audit_builder *builder, struct audit_header *header,
                         const uint8_t **body)
{
    invariant(builder->count > 0);
    if (builder->pending_len > 0) {
        close_leaf(builder);
    }
    builder->body_len = 0;
    builder->directory_len = 0;
    builder->sections = 0;
    if (!add_sections(builder) || !grow((void **)&builder->body, &builder->body_size,
                                        builder->body_len + builder->directory_len, 1)) {
        return -ENOMEM;
    }
    memmove(builder->body + builder->directory_len, builder->body, builder->body_len);
    memcpy(builder->body, builder->directory, builder->directory_len);
    header->stream = (uint8_t)builder->stream;
    header->group = (uint8_t)builder->group;
    header->events = builder->count;
    header->sections = builder->sections;
    header->first_us = builder->first_us;
    header->last_us = builder->last_us;
    header->body_len = (uint32_t)(builder->directory_len + builder->body_len);
    digest_of(builder->body, header->body_len, NULL, header->body);
    audit_events_root(builder->leaves, (builder->count + builder->group - 1) / builder->group,
                      header->tree);
    *body = builder->body;
    return 0;
}
