/* setup/explain: the document is bounded, and says how much was left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "setup/explain.h"
#include "wire/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH     100 /* labels of the deepest name */
#define ADDRESSES 200

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

/* "a.a.(...).test" with so many labels. */
static void deep_name(unsigned labels, char out[WIRE_NAME_TEXT_MAX])
{
    out[0] = '\0';
    for (unsigned i = 1; i < labels; i++) {
        strcat(out, "a.");
    }
    strcat(out, "test");
}

/* A list with a rule for each suffix of the deepest name, and one for addresses. */
static struct policy_list *make_list(const char *id)
{
    char *text = NULL;
    char name[WIRE_NAME_TEXT_MAX];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct policy_list *list = NULL;

    assert_non_null(out);
    fprintf(out,
            "cordon-list 1\nid %s\ntitle T\nprovider p P\nserial 7\ncreated "
            "2026-01-02T03:04:05Z\nexpires 2027-02-06T03:04:05Z\nfact none-found\nentity P\n"
            "authority Searched: all\nstate unverified\nchecked 2026-01-02\nrules\n",
            id);
    for (unsigned labels = 2; labels <= DEPTH; labels++) {
        deep_name(labels, name);
        fprintf(out,
                "block suffix %s category=test scope=cloud confidence=high evidence=\"e\"\n",
                name);
    }
    fprintf(out, "end\n");
    fclose(out);
    assert_int_equal(policy_list_parse(text, len, id, NULL, &list), 0);
    free(text);
    return list;
}

static struct setup_snapshot *make_snapshot(void)
{
    static const char *const ids[] = {"one", "two"};
    struct policy_list *lists[] = {make_list("one"), make_list("two")};
    struct policy_image *image = NULL;
    struct setup_snapshot *snapshot = NULL;

    assert_int_equal(policy_image_build((const struct policy_list *const *)lists, 2, &image),
                     0);
    assert_int_equal(setup_lists_snapshot(image, ids, 2, lists, NULL, &snapshot), 0);
    return snapshot;
}

static char *explain(const struct setup_snapshot *snapshot, struct setup_why *why)
{
    const struct setup_asked asked = {.of = "lists", .time_s = 1800000000};
    char *memory = malloc(SETUP_EXPLAIN_DOCUMENT_MAX);
    struct text out;

    assert_non_null(memory);
    setup_why_decide(snapshot, why);
    text_init(&out, memory, SETUP_EXPLAIN_DOCUMENT_MAX);
    json_object_begin(&out, NULL);
    setup_explain_write(&out, snapshot, why, &asked);
    json_object_end(&out);
    assert_false(out.overflow);
    return memory;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;

    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        count++;
    }
    return count;
}

static void many_rules_are_told_as_far_as_they_fit(void **state)
{
    struct setup_snapshot *snapshot = make_snapshot();
    struct setup_why *why = calloc(1, sizeof(*why));
    char name[WIRE_NAME_TEXT_MAX];

    (void)state;
    assert_non_null(why);
    deep_name(DEPTH, name);
    why->name = name_of(name);
    why->type = WIRE_A;
    char *document = explain(snapshot, why);
    assert_true(why->blocked);
    assert_int_equal(count_of(document, "\"fate\":"), SETUP_EXPLAIN_RULES_MAX);
    assert_int_equal(count_of(document, "\"fate\":\"wins\""), 1);
    assert_int_equal(count_of(document, "\"fate\":\"list-order\""), 1);
    char left_out[64];
    snprintf(left_out, sizeof(left_out), "\"rules_left_out\":%u",
             2 * (DEPTH - 1) - SETUP_EXPLAIN_RULES_MAX);
    assert_non_null(strstr(document, left_out));
    /* both lists matched, and their law is told in full */
    assert_int_equal(count_of(document, "No listing of P found as of 2026-01-02"), 2);
    free(document);
    free(why);
    setup_snapshot_free(snapshot);
}

static void many_triggers_are_told_as_far_as_they_fit(void **state)
{
    struct setup_snapshot *snapshot = make_snapshot();
    struct setup_why *why = calloc(1, sizeof(*why));
    static uint8_t octets[16384];
    struct wire_writer writer;
    uint8_t question[WIRE_NAME_MAX + 4];

    (void)state;
    assert_non_null(why);
    why->name = name_of("many.example");
    why->type = WIRE_A;
    memcpy(question, why->name.octets, why->name.len);
    wire_put16(question + why->name.len, WIRE_A);
    wire_put16(question + why->name.len + 2, WIRE_IN);
    wire_writer_begin(&writer, octets, sizeof(octets), question, why->name.len + 4u);
    for (unsigned i = 0; i < ADDRESSES; i++) {
        const uint8_t address[] = {198, 51, 100, (uint8_t)i};

        wire_write_record(&writer, WIRE_ANSWER, &why->name, WIRE_A, 60, address, 4);
    }
    why->answer_len = wire_writer_end(&writer, 1, WIRE_FLAG_QR);
    why->answer = octets;
    char *document = explain(snapshot, why);
    assert_false(why->blocked);
    assert_int_equal(count_of(document, "\"result\":"), SETUP_EXPLAIN_TRIGGERS_MAX);
    char left_out[64];
    snprintf(left_out, sizeof(left_out), "\"triggers_left_out\":%u",
             ADDRESSES + 1 - SETUP_EXPLAIN_TRIGGERS_MAX);
    assert_non_null(strstr(document, left_out));
    free(document);
    free(why);
    setup_snapshot_free(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_rules_are_told_as_far_as_they_fit),
        cmocka_unit_test(many_triggers_are_told_as_far_as_they_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
