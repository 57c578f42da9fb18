#include "audit/kit.h"

#include "base/invariant.h"

#include <stdlib.h>

bool audit_kit_make(struct audit_kit *kit, uint64_t id, const struct audit_row *row,
                    uint64_t columns)
{
    struct audit_row part = {.present = columns};
    size_t most = 0;
    uint8_t steady[AUDIT_EVENT_MAX];

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
    for (uint64_t rest = columns; rest != 0; rest &= rest - 1) {
        const unsigned column = (unsigned)__builtin_ctzll(rest);

        at = audit_row_encode_one(&part, column, at);
        if (part.at[column].octets != NULL) { /* the form ends with the text */
            part.at[column].octets = at - part.at[column].number;
        }
    }
    kit->steady_len = (uint32_t)(audit_steady_put(&part, steady) - steady);
    invariant(kit->steady_len <= sizeof(kit->steady));
    memcpy(kit->steady, steady, kit->steady_len);
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
