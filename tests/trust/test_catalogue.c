/* trust/catalogue: what a publisher has at a time, and whose word that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "trust/catalogue.h"

#include "trust/press.h"

#include <errno.h>
#include <sys/stat.h>

static int read_catalogue(struct press *press)
{
    struct trust_root *root = press_root(press, 1);
    struct trust_catalogue *catalogue = NULL;

    report_deinit(&press->report);
    const int rc = trust_catalogue_read("catalogue", root, &press->report, &catalogue);
    trust_catalogue_free(catalogue);
    free(root);
    return rc;
}

static void a_catalogue_reads_back(void **state)
{
    struct press press;
    struct trust_catalogue *parsed = NULL;
    char *text = NULL;
    char *again = NULL;
    size_t len = 0;
    size_t again_len = 0;

    (void)state;
    press_open(&press);
    struct trust_catalogue *catalogue = press_catalogue(2026112201);
    press_add(catalogue, "one", 5, "the text of one");
    press_add(catalogue, "two", 4294967295u, "the text of two");
    catalogue->entries[1].has_image = true;
    memset(catalogue->entries[1].image, 0x5a, TRUST_HASH_OCTETS);
    assert_int_equal(trust_catalogue_format(catalogue, &text, &len), 0);
    assert_int_equal(trust_catalogue_parse(text, len, "catalogue", &press.report, &parsed), 0);
    assert_int_equal(trust_catalogue_format(parsed, &again, &again_len), 0);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, text, len);
    assert_int_equal(trust_catalogue_find(parsed, "one")->serial, 5);
    assert_int_equal(trust_catalogue_find(parsed, "two")->image[63], 0x5a);
    assert_null(trust_catalogue_find(parsed, "three"));
    free(again);
    free(text);
    trust_catalogue_free(parsed);
    trust_catalogue_free(catalogue);
    press_close(&press);
}

static const struct {
    const char *from, *to, *words;
    int rc;
} refused[] = {
    {"cordon-catalogue 1", "cordon-catalogue 2", "not known", CORDON_E_VERSION},
    {"cordon-catalogue 1", "cordon-root 1", "another file", CORDON_E_REFUSED},
    {"cordon-catalogue 1", "cordon-list 1", "another file", CORDON_E_REFUSED},
    {"publisher press\n", "", "publisher", CORDON_E_REFUSED},
    {"serial 7\n", "serial 0\n", "number", CORDON_E_REFUSED},
    {"serial 7\n", "serial 4294967296\n", "number", CORDON_E_REFUSED},
    {"serial 7\n", "serial 7\nserial 8\n", "created", CORDON_E_REFUSED},
    {"expires 2027", "expires 2026", "before", CORDON_E_REFUSED},
    {"list one ", "list two ", "ascending", CORDON_E_REFUSED},
    {"list one ", "list zwei ", "ascending", CORDON_E_REFUSED},
    {"list one ", "list One ", "list ID", CORDON_E_REFUSED},
    {"list one ", "list ../one ", "list ID", CORDON_E_REFUSED},
    {"list one ", "list one  ", "list ID", CORDON_E_REFUSED},
    {"serial=5", "serial=05", "list ID", CORDON_E_REFUSED},
    {"serial=5", "serial=0", "list ID", CORDON_E_REFUSED},
    {"serial=5", "serial=4294967296", "list ID", CORDON_E_REFUSED},
    {"serial=5 ", "", "list ID", CORDON_E_REFUSED},
    {"size=15", "size=0", "list ID", CORDON_E_REFUSED},
    {"size=15", "size=2147483649", "list ID", CORDON_E_REFUSED},
    {"size=15", "size=99999999999999999999", "list ID", CORDON_E_REFUSED},
    {"size=15", "octets=15", "list ID", CORDON_E_REFUSED},
    {"blake2b=", "sha256=", "list ID", CORDON_E_REFUSED},
    {"blake2b=", "blake2b=0", "list ID", CORDON_E_REFUSED},
    {"blake2b=", "blake2b=A", "list ID", CORDON_E_REFUSED},
    {" blake2b=", " blake2b= ", "list ID", CORDON_E_REFUSED},
    {"\nend\n", " image=00\nend\n", "list ID", CORDON_E_REFUSED},
    {"\nend\n", " more\nend\n", "list ID", CORDON_E_REFUSED},
    {"\nend\n", " \nend\n", "one space", CORDON_E_REFUSED},
    {"\nend\n", "\nrules\nend\n", "not expected", CORDON_E_REFUSED},
    {"\nend\n", "\n", "cut", CORDON_E_REFUSED},
    {"\nend\n", "\nend\n\n", "follows", CORDON_E_REFUSED},
};

static void what_is_not_in_the_one_form_is_refused(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct trust_catalogue *catalogue = press_catalogue(7);
        struct trust_catalogue *parsed = NULL;
        char *text = NULL;
        char changed[2 * TRUST_SIGNATURE_FILE_MAX];
        size_t len = 0;

        press_add(catalogue, "one", 5, "the text of one");
        press_add(catalogue, "two", 6, "the text of two");
        assert_int_equal(trust_catalogue_format(catalogue, &text, &len), 0);
        len = workshop_replaced(text, len, refused[i].from, refused[i].to, changed);
        report_deinit(&press.report);
        const int rc = trust_catalogue_parse(changed, len, "catalogue", &press.report, &parsed);
        if (rc != refused[i].rc || parsed != NULL || !press_said(&press, refused[i].words)) {
            fail_msg("\"%s\" for \"%s\": code %d, %s", refused[i].to, refused[i].from, rc,
                     press.report.count > 0 ? press.report.entries[0].text : "no message");
        }
        free(text);
        trust_catalogue_free(catalogue);
    }
    press_close(&press);
}

static void every_cut_of_a_catalogue_is_refused(void **state)
{
    struct trust_catalogue *catalogue = press_catalogue(7);
    char *text = NULL;
    size_t len = 0;

    (void)state;
    press_add(catalogue, "one", 5, "the text of one");
    assert_int_equal(trust_catalogue_format(catalogue, &text, &len), 0);
    for (size_t cut = 0; cut < len; cut++) {
        struct trust_catalogue *parsed = NULL;

        assert_int_not_equal(trust_catalogue_parse(text, cut, "catalogue", NULL, &parsed), 0);
        assert_null(parsed);
    }
    free(text);
    trust_catalogue_free(catalogue);
}

static void a_threshold_of_list_keys_signs_it(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    assert_int_equal(read_catalogue(&press), -ENOENT);
    press_catalogue_write(&press, press_catalogue(1), ".", "3");
    assert_int_equal(read_catalogue(&press), CORDON_E_THRESHOLD);
    press_sign(&press, "catalogue", "012"); /* root keys sign no catalogues */
    assert_int_equal(read_catalogue(&press), CORDON_E_THRESHOLD);
    press_sign(&press, "catalogue", "67"); /* nor do strangers */
    assert_int_equal(read_catalogue(&press), CORDON_E_THRESHOLD);
    press_sign(&press, "catalogue", "5");
    assert_int_equal(read_catalogue(&press), 0);
    press_close(&press);
}

static void one_key_in_two_files_counts_once(void **state)
{
    struct press press;
    char id[TRUST_KEY_ID_TEXT];
    char name[64];
    size_t len = 0;

    (void)state;
    press_open(&press);
    press_catalogue_write(&press, press_catalogue(1), ".", "3");
    trust_key_id_format(press.key[3].id, id);
    snprintf(name, sizeof(name), "catalogue.%s.minisig", id);
    char *signature = workshop_read(name, &len);
    trust_key_id_format(press.key[4].id, id);
    snprintf(name, sizeof(name), "catalogue.%s.minisig", id);
    workshop_write(name, signature, len);
    free(signature);
    assert_int_equal(read_catalogue(&press), CORDON_E_THRESHOLD);
    press_close(&press);
}

static void a_catalogue_of_another_publisher_is_refused(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    struct trust_catalogue *catalogue = press_catalogue(1);
    snprintf(catalogue->publisher, sizeof(catalogue->publisher), "other");
    press_catalogue_write(&press, catalogue, ".", "34");
    assert_int_equal(read_catalogue(&press), CORDON_E_REFUSED);
    assert_true(press_said(&press, "\"other\""));
    press_close(&press);
}

/* The same keys sign lists: a list, or a root, is no catalogue all the same. */
static void another_signed_file_is_no_catalogue(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    workshop_write("catalogue", "cordon-list 1\nend\n", 18);
    press_sign(&press, "catalogue", "34");
    assert_int_equal(read_catalogue(&press), CORDON_E_REFUSED);
    assert_true(press_said(&press, "another file"));
    press_close(&press);
}

static void swapped_and_cut_signatures_are_refused(void **state)
{
    struct press press;
    char id[TRUST_KEY_ID_TEXT];
    char name[64];
    size_t len = 0;

    (void)state;
    press_open(&press);
    press_catalogue_write(&press, press_catalogue(1), ".", "34");
    trust_key_id_format(press.key[3].id, id);
    snprintf(name, sizeof(name), "catalogue.%s.minisig", id);
    char *signature = workshop_read(name, &len);
    press_catalogue_write(&press, press_catalogue(2), ".", "34");
    workshop_write(name, signature, len); /* of the catalogue before */
    assert_int_equal(read_catalogue(&press), CORDON_E_THRESHOLD);
    press_sign(&press, "catalogue", "3");
    assert_int_equal(read_catalogue(&press), 0);
    free(signature);
    signature = workshop_read(name, &len);
    for (size_t cut = 0; cut + 1 < len; cut++) { /* the last newline may be missing */
        workshop_write(name, signature, cut);
        assert_int_equal(read_catalogue(&press), CORDON_E_THRESHOLD);
    }
    free(signature);
    press_close(&press);
}

static void an_endless_catalogue_is_not_read(void **state)
{
    struct press press;
    struct trust_catalogue *parsed = NULL;

    (void)state;
    press_open(&press);
    workshop_write("catalogue", "", 0);
    assert_int_equal(truncate("catalogue", (off_t)1 << 40), 0);
    assert_int_equal(read_catalogue(&press), CORDON_E_TOO_LARGE);
    assert_int_equal(unlink("catalogue"), 0);
    assert_int_equal(mkfifo("catalogue", 0600), 0);
    assert_int_equal(read_catalogue(&press), CORDON_E_NO_FILE);
    char *large = calloc(1, TRUST_CATALOGUE_OCTETS_MAX + 1);
    assert_non_null(large);
    assert_int_equal(
        trust_catalogue_parse(large, TRUST_CATALOGUE_OCTETS_MAX + 1, "x", NULL, &parsed),
        CORDON_E_TOO_LARGE);
    free(large);
    press_close(&press);
}

static void a_catalogue_names_so_many_lists(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    for (unsigned more = 0; more < 2; more++) {
        struct trust_catalogue *catalogue = press_catalogue(1);
        struct trust_catalogue *parsed = NULL;
        char *text = NULL;
        size_t len = 0;

        for (unsigned i = 0; i < TRUST_CATALOGUE_LISTS_MAX + more; i++) {
            char id[TRUST_ID_MAX + 1];

            snprintf(id, sizeof(id), "%064u", i);
            press_add(catalogue, id, 4294967295u, "a text");
        }
        assert_int_equal(trust_catalogue_format(catalogue, &text, &len), 0);
        assert_int_equal(trust_catalogue_parse(text, len, "x", &press.report, &parsed),
                         more == 0 ? 0 : CORDON_E_REFUSED);
        trust_catalogue_free(parsed);
        free(text);
        trust_catalogue_free(catalogue);
    }
    assert_true(press_said(&press, "at most 1024"));
    press_close(&press);
}

static void a_list_is_the_one_that_is_named(void **state)
{
    static const char text[] = "the text of one";
    struct press press;

    (void)state;
    press_open(&press);
    struct trust_catalogue *catalogue = press_catalogue(1);
    press_add(catalogue, "one", 1, text);
    const struct trust_entry *entry = &catalogue->entries[0];
    assert_int_equal(trust_entry_check(entry, "one.list", (const uint8_t *)text,
                                       sizeof(text) - 1, &press.report),
                     0);
    assert_int_equal(trust_entry_check(entry, "one.list", (const uint8_t *)text,
                                       sizeof(text) - 2, &press.report),
                     CORDON_E_REFUSED);
    assert_int_equal(trust_entry_check(entry, "one.list", (const uint8_t *)"the text of two",
                                       sizeof(text) - 1, &press.report),
                     CORDON_E_REFUSED);
    assert_int_equal(press.report.errors, 2);
    trust_catalogue_free(catalogue);
    press_close(&press);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(a_catalogue_reads_back),
        WORKSHOP_TEST(what_is_not_in_the_one_form_is_refused),
        WORKSHOP_TEST(every_cut_of_a_catalogue_is_refused),
        WORKSHOP_TEST(a_threshold_of_list_keys_signs_it),
        WORKSHOP_TEST(one_key_in_two_files_counts_once),
        WORKSHOP_TEST(a_catalogue_of_another_publisher_is_refused),
        WORKSHOP_TEST(another_signed_file_is_no_catalogue),
        WORKSHOP_TEST(swapped_and_cut_signatures_are_refused),
        WORKSHOP_TEST(an_endless_catalogue_is_not_read),
        WORKSHOP_TEST(a_catalogue_names_so_many_lists),
        WORKSHOP_TEST(a_list_is_the_one_that_is_named),
    };

    return cmocka_run_group_tests(tests, workshop_library, NULL);
}
