/* audit/steady: what a leaf has of an event, as docs/audit-log.md has it, and that it is of no
 * other event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/kit.h"
#include "audit/leaf.h"
#include "audit/rows.h"

#include <stdlib.h>

static const uint8_t salt[AUDIT_LEAF_SALT] = {7, 7};

static int setup(void **state)
{
    (void)state;
    return random_library_init();
}

/* By the specification: columns in canonical form are those of the event without the others. */
static size_t specified(const struct audit_row *row, uint8_t *out)
{
    static const uint8_t own[] = {1, 3, 4, 7, 8, 10, 12, 21, 26, 27, 29};
    struct audit_row parts[2] = {*row, *row}; /* steady, own */
    uint8_t octets[1 + AUDIT_EVENT_MAX] = {2};
    uint8_t *at = out;
    uint64_t mask = 0;

    for (size_t i = 0; i < sizeof(own); i++) {
        mask |= UINT64_C(1) << own[i];
    }
    parts[0].present &= ~mask;
    parts[1].present &= mask;
    if (audit_row_has(row, 21)) {
        struct audit_row finding = *row;
        static uint8_t digest[32];

        finding.present &= UINT64_C(1) << 7 | UINT64_C(1) << 21 | UINT64_C(1) << 26;
        octets[0] = 3;
        digest_of(octets, 1 + audit_row_encode(&finding, octets + 1), NULL, digest);
        octets[0] = 2;
        parts[1].present &= ~finding.present;
        audit_row_octets(&parts[1], AUDIT_RULE, digest, sizeof(digest));
    }
    const size_t len = audit_row_encode(&parts[0], octets + 1);
    at += audit_varint_put(at, len);
    if (len <= 64) {
        memcpy(at, octets + 1, len);
        at += len;
    } else {
        digest_of(octets, 1 + len, NULL, at);
        at += 32;
    }
    return (size_t)(at - out) + audit_row_encode(&parts[1], at);
}

static void assert_as_specified(const struct audit_row *row)
{
    static uint8_t want[AUDIT_LEAF_FORM_MAX];
    static uint8_t have[AUDIT_LEAF_FORM_MAX];
    const size_t len = specified(row, want);

    assert_int_equal(audit_leaf_form(row, have), len);
    assert_memory_equal(have, want, len);
}

/* An event whose steady columns have `len` octets in canonical form: one text, or, with less
 * than two octets, none. */
static void steady_row(struct row_store *store, size_t len, struct audit_row *row)
{
    row->present = 0;
    audit_row_number(row, AUDIT_TIME, 5);
    audit_row_text(row, AUDIT_NAME, "name");
    if (len >= 2) {
        const size_t text = len - (len <= 2 + 127 ? 2 : 3);

        memset(store->octets[0], 's', text);
        audit_row_octets(row, AUDIT_REASON, store->octets[0], text);
    }
}

static void a_steady_part_is_whole_up_to_its_bound(void **state)
{
    static const size_t lens[] = {0, 2, 3, 31, 32, 33, 63, 64, 65, 66, 127, 128, 129, 131, 300};
    struct row_store *store = malloc(sizeof(*store));
    uint8_t form[AUDIT_LEAF_FORM_MAX];
    struct audit_row row;

    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        steady_row(store, lens[i], &row);
        assert_as_specified(&row);
        const size_t len = audit_leaf_form(&row, form);
        const size_t own = 2 + 2 + 4; /* the time and the name */
        const size_t whole = 1 + lens[i];
        const size_t digest = (lens[i] < 128 ? 1u : 2u) + DIGEST_OCTETS;
        assert_int_equal(len, own + (lens[i] <= AUDIT_STEADY_WHOLE ? whole : digest));
    }
    /* The longest that can be written, and the longest that a proof can have. */
    row.present = 0;
    audit_row_number(&row, AUDIT_TIME, 5);
    static const enum audit_column texts[] = {AUDIT_REASON, AUDIT_LIST, AUDIT_SUBJECT,
                                              AUDIT_FILE};
    memset(store->octets, 'l', sizeof(store->octets));
    for (unsigned i = 0; i < 4; i++) {
        const size_t len = i < 3 ? AUDIT_TEXT_MAX : AUDIT_TEXT_MAX - 14;

        audit_row_octets(&row, texts[i], store->octets[i], len);
    }
    uint8_t *const longest = malloc(AUDIT_EVENT_MAX);
    assert_int_equal(audit_row_encode(&row, longest), AUDIT_EVENT_MAX);
    assert_as_specified(&row);
    free(longest);
    free(store);
}

static void any_event_has_the_form_that_is_specified(void **state)
{
    struct row_store *store = malloc(sizeof(*store));
    struct random random;
    struct audit_row row;

    (void)state;
    chance_init(&random, 31);
    for (unsigned i = 0; i < 3000; i++) {
        random_row(&random, store, random_u64(&random) >> 1, &row);
        if (i % 3 == 0) { /* few columns: short steady parts */
            row.present &= random_u64(&random) & random_u64(&random) & random_u64(&random);
        }
        assert_as_specified(&row);
    }
    free(store);
}

static void leaves_of(const struct audit_row *a, const struct audit_row *b, bool same)
{
    uint8_t leaves[2][DIGEST_OCTETS];

    audit_leaf(salt, a, leaves[0]);
    audit_leaf(salt, b, leaves[1]);
    assert_int_equal(memcmp(leaves[0], leaves[1], DIGEST_OCTETS) == 0, same);
}

static void events_that_differ_have_other_leaves(void **state)
{
    struct row_store *store = malloc(sizeof(*store));
    struct audit_row row;
    struct audit_row other;

    (void)state;
    decision_row(store, 1000, 1, "host.cloud.example", "one", &row);
    leaves_of(&row, &row, true);
    for (unsigned column = 1; column <= AUDIT_COLUMN_LAST; column++) {
        if (!audit_row_has(&row, column)) { /* one that it does not have, be it empty */
            other = row;
            if (audit_column_kind(column) == AUDIT_OCTETS) {
                audit_row_text(&other, (enum audit_column)column, "");
            } else {
                audit_row_number(&other, (enum audit_column)column, 0);
            }
            leaves_of(&row, &other, false);
            continue;
        }
        other = row;
        other.present &= ~(UINT64_C(1) << column); /* one less */
        leaves_of(&row, &other, false);
        other = row;
        if (row.at[column].octets == NULL) {
            other.at[column].number++;
            leaves_of(&row, &other, false);
            continue;
        }
        uint8_t octets[AUDIT_TEXT_MAX];
        const size_t len = row.at[column].number;
        memcpy(octets, row.at[column].octets, len);
        other.at[column].octets = octets;
        for (size_t i = 0; i < len; i++) { /* one octet of it */
            octets[i] ^= 1;
            leaves_of(&row, &other, false);
            octets[i] ^= 1;
        }
        leaves_of(&row, &other, true);
        other.at[column].number = len - 1;
        leaves_of(&row, &other, len == 0);
    }
    /* The same long text in another column, and two texts that were one. */
    steady_row(store, 200, &row);
    other = row;
    other.present &= ~(UINT64_C(1) << AUDIT_REASON);
    audit_row_octets(&other, AUDIT_SUBJECT, store->octets[0], 197);
    leaves_of(&row, &other, false);
    other = row;
    audit_row_octets(&other, AUDIT_REASON, store->octets[0], 100);
    audit_row_octets(&other, AUDIT_SUBJECT, store->octets[0], 95);
    leaves_of(&row, &other, false);
    free(store);
}

/* Octets that are the digest of others are not taken for them, wherever they stand. */
static void a_digest_stands_for_its_own_columns_alone(void **state)
{
    struct row_store *store = malloc(sizeof(*store));
    uint8_t form[AUDIT_LEAF_FORM_MAX];
    uint8_t fake[AUDIT_LEAF_FORM_MAX];
    uint8_t plain[DIGEST_OCTETS];
    struct audit_row row;
    struct audit_row other;

    (void)state;
    steady_row(store, 100, &row);
    const size_t len = audit_leaf_form(&row, form);
    assert_int_equal(form[0], 100);
    /* Steady columns that are those 32 octets: with 30 of them as a text, which is as near as
     * it gets. */
    other = row;
    audit_row_octets(&other, AUDIT_REASON, form + 3, DIGEST_OCTETS - 2);
    assert_int_equal(audit_leaf_form(&other, fake), len);
    assert_int_equal(fake[0], DIGEST_OCTETS);
    assert_memory_equal(fake + 3, form + 3, len - 3);
    leaves_of(&row, &other, false);
    /* It is not the digest of the columns alone, nor what a leaf or a node would be of them. */
    for (unsigned mark = 0; mark < 4; mark++) {
        uint8_t octets[101] = {(uint8_t)mark};
        struct audit_row steady = row;

        steady.present &= ~AUDIT_OWN;
        assert_int_equal(audit_row_encode(&steady, octets + 1), 100);
        digest_of(octets, sizeof(octets), NULL, plain);
        assert_int_equal(memcmp(plain, form + 1, sizeof(plain)) == 0, mark == 2);
        digest_of(octets + 1, 100, NULL, plain);
        assert_memory_not_equal(plain, form + 1, sizeof(plain));
    }
    free(store);
}

/* What was made for the event before, or one much like it, is not taken for this one. */
static void parts_that_are_kept_are_those_of_the_event(void **state)
{
    struct audit_steadies *steadies = calloc(1, sizeof(*steadies));
    struct row_store *store = malloc(sizeof(*store));
    uint8_t want[1 + AUDIT_EVENT_MAX];
    uint8_t have[1 + AUDIT_EVENT_MAX];
    struct random random;
    struct audit_row row;

    (void)state;
    chance_init(&random, 32);
    for (unsigned round = 0; round < 3000; round++) {
        static const size_t lens[] = {63, 64, 65, 66, 100, 300, 511, 512, 513, 2000};
        const size_t len = lens[random_below(&random, sizeof(lens) / sizeof(lens[0]))];

        steady_row(store, len, &row);
        if (round % 3 != 0) { /* one octet of it is another, anywhere */
            const size_t text = row.at[AUDIT_REASON].number;

            store->octets[0][random_below(&random, (uint32_t)text)] =
                (uint8_t)random_below(&random, 3);
        }
        const size_t size = (size_t)(audit_steady_put(&row, want) - want);
        assert_int_equal(audit_steady_find(steadies, &row, have) - have, size);
        assert_memory_equal(have, want, size);
    }
    free(store);
    free(steadies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_part_is_whole_up_to_its_bound),
        cmocka_unit_test(any_event_has_the_form_that_is_specified),
        cmocka_unit_test(events_that_differ_have_other_leaves),
        cmocka_unit_test(a_digest_stands_for_its_own_columns_alone),
        cmocka_unit_test(parts_that_are_kept_are_those_of_the_event),
    };

    return cmocka_run_group_tests_name("audit/steady", tests, setup, NULL);
}
