/*
 * audit/block_read.c - the body of a block, unpacked column by column. Nothing in it is
 * believed.
 */
#include "audit/block_open.h"

#include "audit/filter.h"
#include "audit/varint.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

_Static_assert(AUDIT_SECTION_COLUMN + 2 * AUDIT_COLUMN_END <= AUDIT_SECTION_SALT &&
                   AUDIT_SECTION_SALT < AUDIT_SECTIONS_MAX,
               "each column has two sections, and the salt is the last");

struct audit_block *audit_block_create(void)
{
    struct audit_block *block = calloc(1, sizeof(*block));

    if (block == NULL) {
        return NULL;
    }
    block->zstd = ZSTD_createDCtx();
    if (block->zstd == NULL) {
        free(block);
        return NULL;
    }
    return block;
}

static void forget_column(struct column *column)
{
    free(column->numbers);
    free(column->unpacked_to);
    free(column->octets);
    free(column->entries);
    memset(column, 0, sizeof(*column));
}

void audit_block_destroy(struct audit_block *block)
{
    if (block == NULL) {
        return;
    }
    for (unsigned i = 0; i < AUDIT_COLUMN_END; i++) {
        forget_column(&block->columns[i]);
    }
    free(block->raw);
    ZSTD_freeDCtx(block->zstd);
    free(block);
}

static bool is_known_encoding(unsigned id, uint8_t encoding)
{
    const unsigned plain = encoding & ~AUDIT_PACKED;

    if (id < AUDIT_SECTION_COLUMN || id == AUDIT_SECTION_SALT) {
        return encoding == AUDIT_RAW;
    }
    if ((id - AUDIT_SECTION_COLUMN) % 2 == 1) {
        return plain == AUDIT_DICTIONARY;
    }
    return plain == AUDIT_PLANES || plain == AUDIT_DELTAS || encoding == AUDIT_CONSTANT;
}

/* One entry of the directory. 0, CORDON_E_CORRUPT, -EAGAIN if it is not all there. */
static int read_entry(const uint8_t **at, const uint8_t *end, uint64_t *id,
                      struct section *section)
{
    uint64_t raw = 0;
    uint64_t stored = 0;

    if (end - *at < 3 * AUDIT_VARINT_MAX + 1) {
        /* Near the end of what is there: look whether it ends within. */
        const uint8_t *look = *at;
        unsigned ends = 0;

        for (unsigned i = 0; look < end && ends < 4; look++, i++) {
            ends += ends == 1 || *look < 0x80 ? 1u : 0u;
        }
        if (ends < 4) {
            return -EAGAIN;
        }
    }
    if (!audit_varint_get(at, end, id) || *at == end) {
        return CORDON_E_CORRUPT;
    }
    section->encoding = *(*at)++;
    if (!audit_varint_get(at, end, &raw) || !audit_varint_get(at, end, &stored) ||
        raw > AUDIT_SECTION_MAX || stored > raw || *id == 0 || *id >= AUDIT_SECTIONS_MAX ||
        !is_known_encoding((unsigned)*id, section->encoding) ||
        ((section->encoding & AUDIT_PACKED) == 0 && raw != stored)) {
        return CORDON_E_CORRUPT;
    }
    section->raw = (uint32_t)raw;
    section->stored = (uint32_t)stored;
    return 0;
}

/* Whether planes are of so many events, and all dictionaries together no more than one may be:
 * so that a few octets of a stranger do not become a gigabyte. */
static bool are_bounded(const struct audit_block *block, uint32_t events)
{
    uint64_t words = 0;

    for (unsigned id = AUDIT_SECTION_COLUMN; id < AUDIT_SECTION_SALT; id++) {
        const struct section *section = &block->sections[id];

        if (section->at == 0 || section->encoding == AUDIT_CONSTANT) {
            continue;
        }
        if ((id - AUDIT_SECTION_COLUMN) % 2 == 1) {
            words += section->raw;
        } else if (section->raw > 1 + 8 * (uint64_t)events) {
            return false;
        }
    }
    return words <= AUDIT_SECTION_MAX;
}

size_t audit_block_memory(const struct audit_block *block)
{
    size_t octets = block->raw_size;

    for (unsigned i = 0; i < AUDIT_COLUMN_END; i++) {
        const struct column *column = &block->columns[i];

        octets += column->events * sizeof(*column->numbers) + column->unpacked_size +
                  column->octets_size + column->room * sizeof(*column->entries);
    }
    return octets;
}

/* Columns have their places, which stay from block to block. Not for ever, where one block
 * after the other needs much for other columns. */
static void forget_much(struct audit_block *block)
{
    if (audit_block_memory(block) > AUDIT_KEPT_MAX) {
        for (unsigned i = 0; i < AUDIT_COLUMN_END; i++) {
            forget_column(&block->columns[i]);
        }
        free(block->raw);
        block->raw = NULL;
        block->raw_size = 0;
    }
}

/* Whether the columns are what their numbers say. */
static bool note_columns(struct audit_block *block)
{
    block->present = 0;
    for (unsigned i = 1; i < AUDIT_COLUMN_END; i++) {
        const struct section *numbers = &block->sections[AUDIT_SECTION_COLUMN + 2 * i];
        const struct section *words = &block->sections[AUDIT_SECTION_COLUMN + 2 * i + 1];
        const int kind = audit_column_kind(i);

        block->columns[i].loaded = false;
        block->columns[i].unpacked = false;
        block->columns[i].broken = false;
        block->columns[i].is_text = words->at != 0;
        if (numbers->at == 0) {
            if (words->at != 0) {
                return false;
            }
            continue;
        }
        if (kind >= 0 && (kind == AUDIT_OCTETS) != (words->at != 0)) {
            return false;
        }
        block->present |= UINT64_C(1) << i;
    }
    return block->sections[AUDIT_SECTION_COLUMN].at == 0 &&
           block->sections[AUDIT_SECTION_COLUMN + 1].at == 0 &&
           (block->present >> AUDIT_TIME & 1) != 0;
}

int audit_block_open(struct audit_block *block, const struct audit_header *header,
                     const uint8_t *body, size_t have)
{
    const uint8_t *at = body;
    uint64_t before = 0;
    uint64_t total = 0;
    uint64_t sections = 0;

    forget_much(block);
    have = have < header->body_len ? have : header->body_len;
    const bool whole = have == header->body_len;
    memset(block->sections, 0, sizeof(block->sections));
    block->present = 0;
    block->words = 0;
    if (!whole && have < AUDIT_VARINT_MAX) {
        return -EAGAIN;
    }
    if (!audit_varint_get(&at, body + have, &sections) || sections > AUDIT_SECTIONS_MAX) {
        return CORDON_E_CORRUPT;
    }
    for (uint64_t i = 0; i < sections; i++) {
        struct section section = {0};
        uint64_t id = 0;
        const int result = read_entry(&at, body + have, &id, &section);

        if (result != 0) {
            return result == -EAGAIN && whole ? CORDON_E_CORRUPT : result;
        }
        if (id <= before) {
            return CORDON_E_CORRUPT;
        }
        before = id;
        section.at = 1; /* it is there; its place follows */
        block->sections[id] = section;
        total += section.stored;
    }
    uint64_t place = (uint64_t)(at - body);
    if (place + total != header->body_len) {
        return CORDON_E_CORRUPT;
    }
    for (unsigned id = 0; id < AUDIT_SECTIONS_MAX; id++) {
        struct section *section = &block->sections[id];

        if (section->at != 0) {
            section->at = (uint32_t)place;
            place += section->stored;
            if (id < AUDIT_SECTION_COLUMN && place > have) {
                return -EAGAIN;
            }
        }
    }
    const struct section *salt = &block->sections[AUDIT_SECTION_SALT];
    if (!are_bounded(block, header->events) || !note_columns(block) || salt->at == 0 ||
        salt->raw < AUDIT_SALT_OCTETS) {
        return CORDON_E_CORRUPT;
    }
    block->header = *header;
    block->body = body;
    block->have = have;
    return 0;
}

bool audit_block_may_have(const struct audit_block *block, enum audit_section filter,
                          uint64_t key)
{
    const struct section *section = &block->sections[filter];

    return section->at == 0 || audit_filter_has(block->body + section->at, section->raw, key);
}

uint64_t audit_block_columns(const struct audit_block *block)
{
    return block->present;
}

size_t audit_block_reach(const struct audit_block *block, uint64_t columns)
{
    size_t reach = 0;

    for (uint64_t rest = columns & block->present; rest != 0; rest &= rest - 1) {
        const unsigned id = AUDIT_SECTION_COLUMN + 2u * (unsigned)__builtin_ctzll(rest);

        for (unsigned i = id; i <= id + 1; i++) {
            const struct section *section = &block->sections[i];
            const size_t end = (size_t)section->at + section->stored;

            reach = end > reach ? end : reach;
        }
    }
    return reach;
}

/* Room for so many octets, and AUDIT_OVERRUN more. */
static bool make_room(uint8_t **buffer, size_t *size, size_t needed)
{
    if (needed > *size || *buffer == NULL) {
        uint8_t *more = realloc(*buffer, needed + AUDIT_OVERRUN);

        if (more == NULL) {
            return false;
        }
        memset(more + needed, 0, AUDIT_OVERRUN);
        *buffer = more;
        *size = needed;
    }
    return true;
}

/* The octets of a section, in place or unpacked into *buffer. */
static int unpack(struct audit_block *block, const struct section *section, uint8_t **buffer,
                  size_t *size, const uint8_t **octets)
{
    if ((size_t)section->at + section->stored > block->have) {
        return -EAGAIN;
    }
    *octets = block->body + section->at;
    if ((section->encoding & AUDIT_PACKED) == 0) {
        return 0;
    }
    if (!make_room(buffer, size, section->raw)) {
        return -ENOMEM;
    }
    const size_t got =
        ZSTD_decompressDCtx(block->zstd, *buffer, section->raw, *octets, section->stored);
    *octets = *buffer;
    return ZSTD_isError(got) || got != section->raw ? CORDON_E_CORRUPT : 0;
}

/* Numbers that are made at once: they stay in the first cache until all is done with them. */
#define AT_ONCE 1024u

/* The octets of the numbers, to a place of their own if `own`, else where the next column's
 * will be; of a constant its value. */
static int unpack_numbers(struct audit_block *block, unsigned i, bool own)
{
    const struct section *section = &block->sections[AUDIT_SECTION_COLUMN + 2 * i];
    struct column *column = &block->columns[i];
    const uint8_t *octets = NULL;
    const int result = unpack(block, section, own ? &column->unpacked_to : &block->raw,
                              own ? &column->unpacked_size : &block->raw_size, &octets);

    if (result != 0) {
        return result;
    }
    column->constant = section->encoding == AUDIT_CONSTANT;
    if (column->constant) {
        const uint8_t *at = octets;

        if (!audit_varint_get(&at, octets + section->raw, &column->value) ||
            at != octets + section->raw) {
            return CORDON_E_CORRUPT;
        }
        return audit_block_is_constant(column, i) ? 0 : CORDON_E_CORRUPT;
    }
    if (section->raw == 0 || octets[0] == 0 || octets[0] > 8 ||
        section->raw != 1 + (size_t)octets[0] * block->header.events) {
        return CORDON_E_CORRUPT;
    }
    column->deltas = (section->encoding & ~AUDIT_PACKED) == AUDIT_DELTAS;
    column->width = octets[0];
    column->planes = octets + 1;
    return 0;
}

/* The numbers of all events. */
static int make_numbers(struct audit_block *block, unsigned i)
{
    const uint32_t events = block->header.events;
    struct column *column = &block->columns[i];
    struct audit_making making = {0};

    if (events > column->events) {
        uint64_t *more = realloc(column->numbers, events * sizeof(*more));

        if (more == NULL) {
            return -ENOMEM;
        }
        column->numbers = more;
        column->events = events;
    }
    for (uint32_t from = 0; from < events; from += AT_ONCE) {
        const uint32_t left = events - from;

        if (!audit_block_numbers(block, i, from, left < AT_ONCE ? left : AT_ONCE, &making,
                                 column->numbers + from)) {
            return CORDON_E_CORRUPT;
        }
    }
    column->bits = making.bits;
    return 0;
}

/* Room for one entry more: there are no more than events, and the absent one. */
static bool make_entry_room(struct column *column, uint32_t events)
{
    if (column->count + 1 >= column->room) {
        const uint32_t twice = column->room == 0 ? 64 : 2 * column->room;
        const uint32_t room = twice < events + 2 ? twice : events + 2;
        void *more = realloc(column->entries, room * sizeof(*column->entries));

        if (more == NULL) {
            return false;
        }
        column->entries = more;
        column->room = room;
    }
    return true;
}

static int load_words(struct audit_block *block, unsigned i)
{
    const struct section *section = &block->sections[AUDIT_SECTION_COLUMN + 2 * i + 1];
    struct column *column = &block->columns[i];
    const uint8_t *octets = NULL;
    const int result = unpack(block, section, &column->octets, &column->octets_size, &octets);

    if (result != 0) {
        return result;
    }
    if (octets != column->octets) { /* small ones are in the body: keep one place for all */
        if (!make_room(&column->octets, &column->octets_size, section->raw)) {
            return -ENOMEM;
        }
        if (section->raw > 0) {
            memcpy(column->octets, octets, section->raw);
        }
    }
    const uint8_t *at = column->octets;
    const uint8_t *const end = at + section->raw;
    const uint32_t left = AUDIT_WORDS_MAX - block->words;
    const uint32_t most = block->header.events < left ? block->header.events : left;
    column->count = 0;
    column->longest = 0;
    for (;;) {
        const uint8_t *const begin = at;
        uint64_t len = 0;

        if (!make_entry_room(column, block->header.events)) {
            return -ENOMEM;
        }
        if (at == end) {
            break;
        }
        if (!audit_varint_get(&at, end, &len) || len > (size_t)(end - at) ||
            len > AUDIT_TEXT_MAX || column->count == most) {
            return CORDON_E_CORRUPT;
        }
        at += len;
        column->count++;
        column->entries[column->count] =
            (struct entry){(uint32_t)(begin - column->octets), (uint32_t)(at - begin)};
        column->longest =
            at - begin > column->longest ? (uint32_t)(at - begin) : column->longest;
    }
    column->entries[0] = (struct entry){0, 0};
    return 0;
}

static int unpack_column(struct audit_block *block, unsigned i, bool own)
{
    int result = block->columns[i].is_text ? load_words(block, i) : 0;

    if (result == 0) {
        result = unpack_numbers(block, i, own);
    }
    if (result == 0 && block->columns[i].is_text) {
        block->words += block->columns[i].count;
    }
    block->columns[i].broken = result == CORDON_E_CORRUPT;
    return result;
}

int audit_block_unpack(struct audit_block *block, uint64_t columns)
{
    for (uint64_t rest = columns & block->present; rest != 0; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);
        struct column *column = &block->columns[i];

        if (!column->loaded && !column->unpacked) {
            const int result =
                column->broken ? CORDON_E_CORRUPT : unpack_column(block, i, true);

            if (result != 0) {
                return result;
            }
            column->unpacked = true;
            column->loaded = column->constant;
        }
    }
    return 0;
}

int audit_block_load(struct audit_block *block, uint64_t columns)
{
    for (uint64_t rest = columns & block->present; rest != 0; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);
        struct column *column = &block->columns[i];
        int result = column->broken ? CORDON_E_CORRUPT : 0;

        if (column->loaded) {
            continue;
        }
        if (result == 0 && !column->unpacked) {
            result = unpack_column(block, i, false);
        }
        if (result == 0 && !column->constant) {
            result = make_numbers(block, i);
            column->broken = result == CORDON_E_CORRUPT;
        }
        if (result != 0) {
            return result;
        }
        column->loaded = true;
    }
    return 0;
}
