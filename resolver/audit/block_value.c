/*
 * audit/block_value.c - what the columns of a block that are loaded say of its events.
 */
#include "audit/block_open.h"

#include "audit/varint.h"
#include "base/error.h"

#include <errno.h>

uint64_t audit_block_index(const struct audit_block *block, unsigned column, uint32_t i)
{
    const struct column *at = &block->columns[column];

    if (!at->loaded) {
        return 0;
    }
    return at->constant ? at->value : at->numbers[i];
}

const uint64_t *audit_block_indexes(const struct audit_block *block, unsigned column)
{
    const struct column *at = &block->columns[column];

    return at->loaded && !at->constant ? at->numbers : NULL;
}

uint32_t audit_block_words(const struct audit_block *block, unsigned column)
{
    return block->columns[column].loaded ? block->columns[column].count : 0;
}

struct audit_value audit_block_word(const struct audit_block *block, unsigned column,
                                    uint32_t j)
{
    const struct column *at = &block->columns[column];

    const struct entry *entry = &at->entries[j + 1];
    const uint32_t head = audit_entry_head(entry);

    return (struct audit_value){at->octets + entry->at + head, entry->whole - head};
}

bool audit_block_value(const struct audit_block *block, unsigned column, uint32_t i,
                       struct audit_value *out)
{
    const uint64_t number = audit_block_index(block, column, i);

    if (number == 0) {
        return false;
    }
    *out = block->columns[column].is_text
               ? audit_block_word(block, column, (uint32_t)(number - 1))
               : (struct audit_value){NULL, number - 1};
    return true;
}

void audit_block_row(const struct audit_block *block, uint32_t i, struct audit_row *row)
{
    row->present = 0;
    for (uint64_t rest = block->present; rest != 0; rest &= rest - 1) {
        const unsigned column = (unsigned)__builtin_ctzll(rest);

        if (audit_block_value(block, column, i, &row->at[column])) {
            row->present |= UINT64_C(1) << column;
        }
    }
}

uint8_t *audit_block_form(const struct audit_block *block, uint32_t i, uint64_t which,
                          size_t *size, uint8_t *out)
{
    uint8_t *at = out;

    for (uint64_t rest = block->present & which; rest != 0; rest &= rest - 1) {
        const unsigned number = (unsigned)__builtin_ctzll(rest);
        const struct column *column = &block->columns[number];
        const uint64_t value = audit_block_index(block, number, i);

        if (value == 0) {
            continue;
        }
        *size += 2u + AUDIT_VARINT_MAX;
        if (column->is_text) {
            const struct entry *entry = &column->entries[value];

            *size += entry->whole - audit_entry_head(entry);
            if (*size > AUDIT_EVENT_MAX) {
                return NULL;
            }
            *at++ = audit_block_tag(block, number);
            at = audit_octets_add(at, column->octets + entry->at, entry->whole);
        } else if (*size > AUDIT_EVENT_MAX) {
            return NULL;
        } else {
            *at++ = audit_block_tag(block, number);
            at = audit_varint_add(at, value - 1);
        }
    }
    return at;
}

int audit_block_salt(const struct audit_block *block, const uint8_t **salt)
{
    const struct section *section = &block->sections[AUDIT_SECTION_SALT];
    const uint8_t *const at = block->body + section->at;
    uint8_t sums[2] = {0, 0}; /* of the salt, of what follows */

    if ((size_t)section->at + section->stored > block->have) {
        return -EAGAIN;
    }
    for (uint32_t i = 0; i < section->stored; i++) {
        sums[i < AUDIT_SALT_OCTETS ? 0 : 1] |= at[i];
    }
    *salt = at;
    return sums[0] != 0 && sums[1] == 0 ? 0 : CORDON_E_CORRUPT;
}

int audit_block_opening(const struct audit_block *block, uint32_t i,
                        uint8_t salt[AUDIT_LEAF_SALT], uint8_t *form, size_t *len)
{
    const uint8_t *of_block = NULL;
    size_t size = 0;
    const int result = audit_block_salt(block, &of_block);

    if (result != 0) {
        return result;
    }
    const uint8_t *const end = audit_block_form(block, i, UINT64_MAX, &size, form);
    if (end == NULL) {
        return CORDON_E_CORRUPT;
    }
    audit_leaf_salt(of_block, i, salt);
    *len = (size_t)(end - form);
    return 0;
}
