#include "audit/kit.h"

#include "audit/varint.h"
#include "base/invariant.h"

#include <stdlib.h>

bool audit_kit_make(struct audit_kit *kit, uint64_t id, const struct audit_row *row,
                    uint64_t columns)
{
    struct audit_row part = {.present = columns};
    size_t most = 0;

    invariant(id != 0 && (columns & ~row->present) == 0 &&
              (columns >> AUDIT_TIME & 1) == 0); /* a time is kept as a difference */
    audit_kit_deinit(kit);
    for (uint64_t rest = columns; rest != 0; rest &= rest - 1) {
        const unsigned column = (unsigned)__builtin_ctzll(rest);

        part.at[column] = row->at[column];
    }
    if (!audit_row_measure(&part, columns, &most)) {
        return false;
    }
    uint8_t *const octets = malloc(most);
    if (octets == NULL) {
        return false;
    }
    uint8_t *at = octets;
    for (unsigned column = 0; column < AUDIT_COLUMN_END; column++) {
        kit->before[column] = (uint16_t)(at - octets);
        if (audit_row_has(&part, column)) {
            at = audit_row_encode_one(&part, column, at);
            if (part.at[column].octets != NULL) { /* the form ends with the text */
                part.at[column].octets = at - part.at[column].number;
            }
        }
    }
    kit->before[AUDIT_COLUMN_END] = (uint16_t)(at - octets);
    kit->id = id;
    kit->columns = columns;
    kit->row = part;
    kit->octets = octets;
    kit->most = most;
    return true;
}

void audit_kit_deinit(struct audit_kit *kit)
{
    free(kit->octets);
    kit->octets = NULL;
    kit->id = 0;
}

bool audit_kit_is_writable(const struct audit_kit *kit, const struct audit_row *row)
{
    size_t octets = 0;

    return audit_row_has(row, AUDIT_TIME) &&
           audit_row_measure(row, row->present & ~kit->columns, &octets) &&
           octets + kit->most <= AUDIT_EVENT_MAX;
}

size_t audit_kit_encode(const struct audit_kit *kit, const struct audit_row *row, uint8_t *out)
{
    uint8_t *at = out;
    size_t done = 0;

    for (uint64_t rest = row->present & ~kit->columns; rest != 0; rest &= rest - 1) {
        const unsigned column = (unsigned)__builtin_ctzll(rest);
        const size_t before = kit->before[column];

        at = audit_octets_add(at, kit->octets + done, before - done);
        done = before;
        at = audit_row_encode_one(row, column, at);
    }
    at = audit_octets_add(at, kit->octets + done, kit->before[AUDIT_COLUMN_END] - done);
    return (size_t)(at - out);
}
