/* trust/root: what a root of trust may say, and in which one form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "trust/root.h"

#include "trust/press.h"

/* A root's text with the first FROM replaced by TO, and how it is taken. */
static int parse_with(const struct press *press, const char *from, const char *to,
                      struct report *report)
{
    struct trust_root *root = press_root(press, 7);
    struct trust_root *parsed = NULL;
    char *text = NULL;
    char changed[2 * TRUST_SIGNATURE_FILE_MAX];
    size_t len = 0;

    assert_int_equal(trust_root_format(root, &text, &len), 0);
    len = workshop_replaced(text, len, from, to, changed);
    report_deinit(report);
    const int rc = trust_root_parse(changed, len, "7.root", report, &parsed);
    free(parsed);
    free(text);
    free(root);
    return rc;
}

static void a_root_reads_back(void **state)
{
    struct press press;
    struct trust_root *parsed = NULL;
    char *text = NULL;
    char *again = NULL;
    size_t len = 0;
    size_t again_len = 0;

    (void)state;
    press_open(&press);
    struct trust_root *root = press_root(&press, 7);
    root->scope.all_names = root->scope.all_providers = root->scope.all_prefixes = false;
    strcpy(root->scope.providers[root->scope.provider_count++], "one");
    strcpy(root->scope.providers[root->scope.provider_count++], "two");
    strcpy(root->scope.names[root->scope.name_count++], "example.test");
    assert_int_equal(address_prefix_parse("192.0.2.0/24", 12, &root->scope.prefixes[0]), 0);
    root->scope.prefix_count = 1;
    assert_int_equal(trust_root_format(root, &text, &len), 0);
    assert_int_equal(trust_root_parse(text, len, "7.root", &press.report, &parsed), 0);
    assert_int_equal(trust_root_format(parsed, &again, &again_len), 0);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, text, len);
    assert_string_equal(parsed->publisher, "press");
    assert_int_equal(parsed->version, 7);
    assert_int_equal(parsed->root.threshold, 2);
    assert_int_equal(parsed->list.count, 3);
    assert_true(trust_scope_has_provider(&parsed->scope, "two"));
    free(again);
    free(text);
    free(parsed);
    free(root);
    press_close(&press);
}

/* Each is one change of a good root. */
static const struct {
    const char *from, *to, *words;
    int rc;
} refused[] = {
    {"cordon-root 1", "cordon-root 2", "not known", CORDON_E_VERSION},
    {"cordon-root 1", "cordon-root 01", "another file", CORDON_E_REFUSED},
    {"cordon-root 1", "cordon-list 1", "another file", CORDON_E_REFUSED},
    {"cordon-root 1\n", "", "another file", CORDON_E_REFUSED},
    {"cordon-root 1\n", "cordon-root 1\r\n", "printable", CORDON_E_REFUSED},
    {"cordon-root 1\n", "cordon-root 1\n# why\n", "publisher", CORDON_E_REFUSED},
    {"cordon-root 1\n", "cordon-root 1\n\n", "publisher", CORDON_E_REFUSED},
    {"publisher press", "publisher Press", "a-z", CORDON_E_REFUSED},
    {"publisher press", "publisher -press", "a-z", CORDON_E_REFUSED},
    {"publisher press", "publisher  press", "one space", CORDON_E_REFUSED},
    {"publisher press", "publisher press ", "one space", CORDON_E_REFUSED},
    {"publisher press", "publisher ", "1 to", CORDON_E_REFUSED},
    {"publisher press", "publisher\tpress", "printable", CORDON_E_REFUSED},
    {"publisher press\n", "publisher press\npublisher press\n", "title", CORDON_E_REFUSED},
    {"title A press", "title A\xe2\x80\xaepress", "printable", CORDON_E_REFUSED},
    {"title A press", "title A\xc2\x85press", "printable", CORDON_E_REFUSED},
    {"title A press", "title A\xff press", "printable", CORDON_E_REFUSED},
    {"version 7", "version 0", "number", CORDON_E_REFUSED},
    {"version 7", "version 07", "number", CORDON_E_REFUSED},
    {"version 7", "version +7", "number", CORDON_E_REFUSED},
    {"version 7", "version 4294967296", "number", CORDON_E_REFUSED},
    {"version 7", "version 7 ", "one space", CORDON_E_REFUSED},
    {"created 20", "created 30", "before", CORDON_E_REFUSED},
    {"created 2026-12-16T08:00:00Z", "created 2026-12-16", "time", CORDON_E_REFUSED},
    {"role root 2", "role root 0", "THRESHOLD", CORDON_E_REFUSED},
    {"role root 2", "role root 4", "the role has 3", CORDON_E_REFUSED},
    {"role root 2", "role root 33", "THRESHOLD", CORDON_E_REFUSED},
    {"role root 2", "role roots 2", "THRESHOLD", CORDON_E_REFUSED},
    {"role root 2", "role list 2", "THRESHOLD", CORDON_E_REFUSED},
    {"role list 2", "role mirror 2", "THRESHOLD", CORDON_E_REFUSED},
    {"key RW", "key RV", "public key", CORDON_E_REFUSED},
    {"key RW", "keyRW", "the role has 0", CORDON_E_REFUSED},
    {"provider *\n", "", "names no provider", CORDON_E_REFUSED},
    {"provider *\n", "provider *\nprovider one\n", "not expected", CORDON_E_REFUSED},
    {"provider *\n", "provider two\nprovider one\n", "ascending", CORDON_E_REFUSED},
    {"provider *\n", "provider one\nprovider one\n", "ascending", CORDON_E_REFUSED},
    {"provider *\n", "provider one\nprovider *\n", "ascending", CORDON_E_REFUSED},
    {"name *\n", "name example.test.\n", "lower case", CORDON_E_REFUSED},
    {"name *\n", "name Example.test\n", "lower case", CORDON_E_REFUSED},
    {"name *\n", "name test\n", "two labels", CORDON_E_REFUSED},
    {"name *\n", "name .example.test\n", "lower case", CORDON_E_REFUSED},
    {"name *\n", "name example..test\n", "lower case", CORDON_E_REFUSED},
    {"name *\n",
     "name b\xc3\xbc"
     "cher.test\n",
     "lower case", CORDON_E_REFUSED},
    {"prefix *\n", "prefix 192.0.2.1/24\n", "host bits", CORDON_E_REFUSED},
    {"prefix *\n", "prefix 192.0.2.1\n", "host bits", CORDON_E_REFUSED},
    {"prefix *\n", "prefix 2001:DB8::/32\n", "host bits", CORDON_E_REFUSED},
    {"end\n", "", "cut", CORDON_E_REFUSED},
    {"end\n", "end", "cut", CORDON_E_REFUSED},
    {"end\n", "end\nend\n", "follows", CORDON_E_REFUSED},
    {"end\n", "end\n\n", "follows", CORDON_E_REFUSED},
    {"end\n", "End\n", "not expected", CORDON_E_REFUSED},
};

static void what_is_not_in_the_one_form_is_refused(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    assert_int_equal(parse_with(&press, "version 7", "version 8", &press.report), 0);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        const int rc = parse_with(&press, refused[i].from, refused[i].to, &press.report);

        if (rc != refused[i].rc || !press_said(&press, refused[i].words)) {
            fail_msg("\"%s\" for \"%s\": code %d, %s", refused[i].to, refused[i].from, rc,
                     press.report.count > 0 ? press.report.entries[0].text : "no message");
        }
    }
    press_close(&press);
}

static void every_cut_of_a_root_is_refused(void **state)
{
    struct press press;
    char *text = NULL;
    size_t len = 0;

    (void)state;
    press_open(&press);
    struct trust_root *root = press_root(&press, 1);
    assert_int_equal(trust_root_format(root, &text, &len), 0);
    for (size_t cut = 0; cut < len; cut++) {
        struct trust_root *parsed = NULL;
        char *exact = malloc(cut + 1);

        assert_non_null(exact);
        memcpy(exact, text, cut);
        assert_int_not_equal(trust_root_parse(exact, cut, "1.root", NULL, &parsed), 0);
        assert_null(parsed);
        free(exact);
    }
    free(text);
    free(root);
    press_close(&press);
}

/* How the root is taken once it is written down. */
static int parse_root(struct press *press, struct trust_root *root)
{
    struct trust_root *parsed = NULL;
    char *text = NULL;
    size_t len = 0;

    assert_int_equal(trust_root_format(root, &text, &len), 0);
    report_deinit(&press->report);
    const int rc = trust_root_parse(text, len, "1.root", &press->report, &parsed);
    free(text);
    free(parsed);
    free(root);
    return rc;
}

static void one_key_is_never_two(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    struct trust_root *root = press_root(&press, 1);
    root->root.keys[1] = root->root.keys[0];
    assert_int_equal(parse_root(&press, root), CORDON_E_REFUSED);
    assert_true(press_said(&press, "counts once"));

    root = press_root(&press, 1); /* the same octets under another id */
    memcpy(root->root.keys[1].key, root->root.keys[0].key, 32);
    assert_int_equal(parse_root(&press, root), CORDON_E_REFUSED);

    root = press_root(&press, 1); /* another key under the same id */
    memcpy(root->root.keys[1].id, root->root.keys[0].id, TRUST_KEY_ID_OCTETS);
    assert_int_equal(parse_root(&press, root), CORDON_E_REFUSED);
    press_close(&press);
}

static void no_key_has_both_roles(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    struct trust_root *root = press_root(&press, 1);
    root->list.keys[2] = root->root.keys[0];
    assert_int_equal(parse_root(&press, root), CORDON_E_REFUSED);
    assert_true(press_said(&press, "both roles"));

    root = press_root(&press, 1);
    memcpy(root->list.keys[2].key, root->root.keys[0].key, 32);
    assert_int_equal(parse_root(&press, root), CORDON_E_REFUSED);

    root = press_root(&press, 1);
    memcpy(root->list.keys[2].id, root->root.keys[0].id, TRUST_KEY_ID_OCTETS);
    assert_int_equal(parse_root(&press, root), CORDON_E_REFUSED);
    press_close(&press);
}

static void a_root_has_its_bounds(void **state)
{
    struct press press;
    struct trust_root *parsed = NULL;

    (void)state;
    press_open(&press);
    char *large = calloc(1, TRUST_ROOT_OCTETS_MAX + 1);
    assert_non_null(large);
    assert_int_equal(
        trust_root_parse(large, TRUST_ROOT_OCTETS_MAX + 1, "x", &press.report, &parsed),
        CORDON_E_TOO_LARGE);
    free(large);

    struct trust_root *root = press_root(&press, 1); /* everything at its bound fits */
    root->scope.all_names = root->scope.all_providers = root->scope.all_prefixes = false;
    for (size_t i = 0; i < TRUST_SCOPE_PROVIDERS_MAX; i++) {
        snprintf(root->scope.providers[i], TRUST_ID_MAX + 1, "p%063zu", i);
    }
    for (size_t i = 0; i < TRUST_SCOPE_NAMES_MAX; i++) {
        snprintf(root->scope.names[i], TRUST_NAME_MAX + 1, "%063zu.%063d.%063d.%061d", i, 0, 0,
                 0);
    }
    for (size_t i = 0; i < TRUST_SCOPE_PREFIXES_MAX; i++) {
        root->scope.prefixes[i] = (struct address_prefix){
            .octets = {100, (uint8_t)(100 + i / 100), (uint8_t)(100 + i % 100)},
            .bits = 24,
            .family = ADDRESS_V4};
    }
    root->scope.provider_count = TRUST_SCOPE_PROVIDERS_MAX;
    root->scope.name_count = TRUST_SCOPE_NAMES_MAX;
    root->scope.prefix_count = TRUST_SCOPE_PREFIXES_MAX;
    struct trust_root *copy = malloc(sizeof(*copy));
    assert_non_null(copy);
    *copy = *root;
    assert_int_equal(parse_root(&press, copy), 0);
    free(root);

    char line[TRUST_LINE_MAX + 64];
    snprintf(line, sizeof(line), "title %0*d", TRUST_TITLE_MAX + 1, 0);
    assert_int_equal(parse_with(&press, "title A press for tests", line, &press.report),
                     CORDON_E_REFUSED);
    snprintf(line, sizeof(line), "title %0*d", TRUST_LINE_MAX, 0);
    assert_int_equal(parse_with(&press, "title A press for tests", line, &press.report),
                     CORDON_E_REFUSED);
    assert_true(press_said(&press, "longer than"));
    press_close(&press);
}

static void a_scope_has_only_as_many_lines(void **state)
{
    struct press press;
    char names[(TRUST_SCOPE_NAMES_MAX + 1) * 20 + 1] = "";
    size_t used = 0;

    (void)state;
    press_open(&press);
    for (unsigned i = 0; i <= TRUST_SCOPE_NAMES_MAX; i++) {
        used += (size_t)snprintf(names + used, sizeof(names) - used, "name n%03u.test\n", i);
    }
    assert_int_equal(parse_with(&press, "name *\n", names, &press.report), CORDON_E_REFUSED);
    assert_true(press_said(&press, "too many"));
    press_close(&press);
}

static void a_scope_holds_on_label_borders(void **state)
{
    struct trust_scope *scope = calloc(1, sizeof(*scope));
    struct address_prefix prefix;

    (void)state;
    assert_non_null(scope);
    assert_false(trust_scope_has_provider(scope, "one"));
    assert_false(trust_scope_has_name(scope, "example.test"));
    strcpy(scope->names[scope->name_count++], "example.test");
    strcpy(scope->providers[scope->provider_count++], "one");
    assert_true(trust_scope_has_name(scope, "example.test"));
    assert_true(trust_scope_has_name(scope, "a.b.example.test"));
    assert_false(trust_scope_has_name(scope, "notexample.test"));
    assert_false(trust_scope_has_name(scope, "test"));
    assert_false(trust_scope_has_name(scope, "example.test.other"));
    assert_true(trust_scope_has_provider(scope, "one"));
    assert_false(trust_scope_has_provider(scope, "one-more"));

    assert_int_equal(address_prefix_parse("192.0.2.0/24", 12, &scope->prefixes[0]), 0);
    scope->prefix_count = 1;
    assert_int_equal(address_prefix_parse("192.0.2.128/25", 14, &prefix), 0);
    assert_true(trust_scope_has_prefix(scope, &prefix));
    assert_int_equal(address_prefix_parse("192.0.2.0/24", 12, &prefix), 0);
    assert_true(trust_scope_has_prefix(scope, &prefix));
    assert_int_equal(address_prefix_parse("192.0.2.0/23", 12, &prefix), 0);
    assert_false(trust_scope_has_prefix(scope, &prefix));
    assert_int_equal(address_prefix_parse("192.0.3.0/24", 12, &prefix), 0);
    assert_false(trust_scope_has_prefix(scope, &prefix));
    assert_int_equal(address_prefix_parse("c000:200::/24", 13, &prefix), 0);
    assert_false(trust_scope_has_prefix(scope, &prefix));
    assert_false(trust_scope_is_all(scope));
    scope->all_names = scope->all_prefixes = scope->all_providers = true;
    assert_true(trust_scope_is_all(scope));
    free(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_root_reads_back),
        cmocka_unit_test(what_is_not_in_the_one_form_is_refused),
        cmocka_unit_test(every_cut_of_a_root_is_refused),
        cmocka_unit_test(one_key_is_never_two),
        cmocka_unit_test(no_key_has_both_roles),
        cmocka_unit_test(a_root_has_its_bounds),
        cmocka_unit_test(a_scope_has_only_as_many_lines),
        cmocka_unit_test(a_scope_holds_on_label_borders),
    };

    return cmocka_run_group_tests(tests, workshop_library, NULL);
}
