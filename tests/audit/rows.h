/*
 * Events made by chance, for tests of the audit log: each column at its edges now and then.
 */
#ifndef CORDON_TESTS_AUDIT_ROWS_H
#define CORDON_TESTS_AUDIT_ROWS_H

#include "audit/row.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

struct row_store { /* what the texts of one row borrow from */
    uint8_t octets[AUDIT_COLUMN_END][AUDIT_TEXT_MAX];
};

static inline void chance_init(struct random *random, uint8_t seed)
{
    const uint8_t octets[RANDOM_SEED_OCTETS] = {seed};

    random_init_seed(random, octets);
}

/* Any columns with any values that can be written. */
static inline void random_row(struct random *random, struct row_store *store, uint64_t time_us,
                              struct audit_row *row)
{
    size_t left = 8000;

    row->present = 0;
    audit_row_number(row, AUDIT_TIME, time_us);
    for (unsigned column = AUDIT_TIME + 1; column <= AUDIT_COLUMN_LAST; column++) {
        if (random_below(random, 3) == 0) {
            continue;
        }
        if (audit_column_kind(column) == AUDIT_NUMBER) {
            const unsigned bits = random_below(random, 64);

            audit_row_number(row, (enum audit_column)column,
                             bits == 0 ? 0 : random_u64(random) >> 1 >> (63 - bits));
        } else {
            size_t len = random_below(random, random_below(random, 50) == 0 ? 3000 : 12);

            len = len < left ? len : 0;
            left -= len;
            for (size_t i = 0; i < len; i++) {
                store->octets[column][i] = (uint8_t)random_below(random, 4);
            }
            audit_row_octets(row, (enum audit_column)column, store->octets[column], len);
        }
    }
}

/* The row of a question of client 10.0.A.B for a name. */
static inline void query_row(struct row_store *store, uint64_t time_us, unsigned client,
                             const char *text, struct audit_row *row)
{
    struct wire_name name;
    struct audit_client who = {.kind = AUDIT_CLIENT_ADDRESS,
                               .address = {.family = ADDRESS_V4, .octets = {10}}};

    who.address.octets[2] = (uint8_t)(client >> 8);
    who.address.octets[3] = (uint8_t)client;
    row->present = 0;
    if (wire_name_from_text(text, strlen(text), &name) != WIRE_TEXT_OK) {
        return;
    }
    memcpy(store->octets[AUDIT_NAME], name.octets, name.len);
    audit_row_number(row, AUDIT_TIME, time_us);
    audit_row_text(row, AUDIT_EVENT, "query");
    audit_row_octets(row, AUDIT_CLIENT, store->octets[AUDIT_CLIENT],
                     audit_client_put(&who, store->octets[AUDIT_CLIENT]));
    audit_row_text(row, AUDIT_TRANSPORT, "udp");
    audit_row_text(row, AUDIT_VIEW, "default");
    audit_row_octets(row, AUDIT_NAME, store->octets[AUDIT_NAME], name.len);
    audit_row_number(row, AUDIT_TYPE, 1);
    audit_row_number(row, AUDIT_RCODE, 0);
    audit_row_number(row, AUDIT_LATENCY, 20 + client % 7);
    audit_row_number(row, AUDIT_CACHED, 1);
}

/* The same as a decision of a provider's list. */
static inline void decision_row(struct row_store *store, uint64_t time_us, unsigned client,
                                const char *text, const char *provider, struct audit_row *row)
{
    const struct audit_basis basis = {
        .serial = 2026112201,
        .list = provider,
        .provider = provider,
        .provider_name = "Example Cloud",
        .parent_name = "Example Group",
        .status_class = "parent-designated",
        .status_entity = "Example Group Co., Ltd.",
        .status_authority = "Authority of Examples",
        .status_state = "in-force",
    };
    const size_t len = audit_basis_put(&basis, store->octets[AUDIT_BASIS], AUDIT_TEXT_MAX);

    query_row(store, time_us, client, text, row);
    audit_row_text(row, AUDIT_EVENT, "decision");
    audit_row_octets(row, AUDIT_BASIS, store->octets[AUDIT_BASIS], len);
    audit_row_text(row, AUDIT_ACTION, "sinkhole");
    audit_row_text(row, AUDIT_MODE, "enforce");
    audit_row_number(row, AUDIT_APPLIED, 1);
    audit_row_text(row, AUDIT_RULE, "block suffix cloud.example");
    audit_row_text(row, AUDIT_TRIGGER, "qname");
    audit_row_octets(row, AUDIT_MATCHED, row->at[AUDIT_NAME].octets,
                     row->at[AUDIT_NAME].number);
    audit_row_number(row, AUDIT_HOP, 0);
}

static inline void change_row(uint64_t time_us, const char *what, struct audit_row *row)
{
    row->present = 0;
    audit_row_number(row, AUDIT_TIME, time_us);
    audit_row_text(row, AUDIT_EVENT, "change");
    audit_row_text(row, AUDIT_WHAT, what);
    audit_row_text(row, AUDIT_BY, "control");
    audit_row_number(row, AUDIT_UID, 1000);
    audit_row_text(row, AUDIT_REASON, "the shop cannot pay");
}

#endif
