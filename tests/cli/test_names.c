/* Names as people write them: U-labels, and public suffixes in lists. */
#include "policy/make.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "cli/names.h"
#include "cli/progress.h"

#include <dirent.h>

static void u_labels_become_a_labels(void **state)
{
    static const struct {
        const char *text, *ascii; /* NULL: it is no name */
    } rows[] = {
        {"a.example", "a.example"},
        {"A.Example.", "A.Example."},
        {"a\\.b.example", "a\\.b.example"},
        {"b\xc3\xbc"
         "cher.example",
         "xn--bcher-kva.example"},
        {"B\xc3\x9c"
         "CHER.example",
         "xn--bcher-kva.example"},
        {"fa\xc3\x9f.example", "xn--fa-hia.example"}, /* not fass: IDNA2008 */
        {"\xe9\x98\xbf\xe9\x87\x8c\xe4\xba\x91.example", "xn--9kqx25nv1c.example"},
        {"a\xe3\x80\x82\xc3\xbc.example", "a.xn--tda.example"}, /* an ideographic full stop */
        {"a\xc3.example", NULL},                                /* no UTF-8 */
        {"a\xe2\x80\x8d"
         "b.example",
         NULL}, /* a joiner where none may be */
        {"a\xe2\x80\xae"
         "b.example",
         NULL}, /* turns the direction of text */
        {"\xcc\x88"
         "a.example",
         NULL}, /* begins with a combining mark */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        char out[WIRE_NAME_TEXT_MAX];
        const bool good = cli_name_to_ascii(rows[i].text, out);

        if (good != (rows[i].ascii != NULL)) {
            fail_msg("%s: %s", rows[i].text, good ? out : "refused");
        }
        if (good) {
            assert_string_equal(out, rows[i].ascii);
        }
    }
}

static void names_over_the_limit_are_refused(void **state)
{
    struct wire_name name;
    char text[8 * WIRE_NAME_MAX + 1];
    char out[WIRE_NAME_TEXT_MAX];

    (void)state;
    /* Labels of 60 u-umlauts are over 63 octets as A-labels. */
    for (size_t octets = 2; octets < sizeof(text); octets += 2) {
        memcpy(text + octets - 2, "\xc3\xbc", 2);
        text[octets] = '\0';
        if (cli_name_to_ascii(text, out)) {
            assert_true(strlen(out) <= 63);
        } else {
            assert_true(octets > 100);
        }
    }
    assert_int_not_equal(cli_name_read(text, &name), WIRE_TEXT_OK);
    assert_int_equal(cli_name_read("b\xc3\xbc"
                                   "cher.example",
                                   &name),
                     WIRE_TEXT_OK);
    assert_int_equal(name.labels, 2);
}

/* What is said of a list with these rules. */
static int check(const char *rules, char said[1024])
{
    struct policy_list *list = list_of("m", rules);
    struct report report;

    report_init(&report);
    const int rc = cli_list_check_suffixes(list, "m.list", &report);
    said[0] = '\0';
    for (size_t i = 0; i < report.count; i++) {
        strncat(said, report.entries[i].text, 1023 - strlen(said));
    }
    report_deinit(&report);
    policy_list_free(list);
    return rc;
}

static void rules_on_whole_public_suffixes_are_found(void **state)
{
    char said[1024];

    (void)state;
    assert_int_equal(check("block suffix a.com.cn", said), 0);
    assert_string_equal(said, "");
    assert_int_equal(check("block suffix com.cn", said), CORDON_E_REFUSED);
    assert_non_null(strstr(said, "m.list:9: com.cn is a public suffix"));
    assert_int_equal(check("block below co.uk", said), CORDON_E_REFUSED);
    assert_int_equal(check("pass suffix co.jp", said), CORDON_E_REFUSED);
    assert_int_equal(check("block exact com.cn", said), 0); /* that name alone */
    /* By a wildcard of the list (*.ck) and its exception (!www.ck). */
    assert_int_equal(check("block suffix any.ck", said), CORDON_E_REFUSED);
    assert_int_equal(check("block suffix www.ck", said), 0);
    /* The private part: what lists of clouds are made for. */
    assert_int_equal(check("block suffix s3.amazonaws.com", said), 0);
    assert_int_equal(check("block suffix blogspot.com", said), 0);
    /* An unknown top-level domain is not taken for "everything below is public". */
    assert_int_equal(check("block suffix a.invalid", said), 0);
    assert_int_equal(check("block suffix xn--55qx5d.cn", said), CORDON_E_REFUSED); /* IDN */
}

static void no_shipped_list_is_on_a_whole_public_suffix(void **state)
{
    const char *folder = CORDON_TEST_ROOT "/blocklists";
    DIR *dir = opendir(folder);
    size_t lists = 0;

    (void)state;
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const size_t len = strlen(entry->d_name);
        struct policy_list *list = NULL;
        struct report report;
        uint8_t *text = NULL;
        size_t text_len = 0;
        char path[512];

        if (len < 5 || strcmp(entry->d_name + len - 5, ".list") != 0) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        report_init(&report);
        assert_int_equal(file_read(path, POLICY_LIST_OCTETS_MAX, &text, &text_len), 0);
        assert_int_equal(policy_list_parse((const char *)text, text_len, path, &report, &list),
                         0);
        assert_int_equal(cli_list_check_suffixes(list, path, &report), 0);
        assert_int_equal(report.warnings, 0);
        report_deinit(&report);
        policy_list_free(list);
        free(text);
        lists++;
    }
    closedir(dir);
    assert_true(lists > 40);
}

static void progress_is_one_short_line(void **state)
{
    char line[64];

    (void)state;
    assert_string_equal(cli_progress_line("compiling", 4, 10, line, sizeof(line)),
                        "compiling     40 %");
    assert_string_equal(
        cli_progress_line("reading", UINT64_MAX - 1, UINT64_MAX, line, sizeof(line)),
        "reading      100 %");
    assert_string_equal(cli_progress_line("reading", 0, 0, line, sizeof(line)),
                        "reading      100 %");
    assert_string_equal(cli_progress_line("reading", 7, 5, line, sizeof(line)),
                        "reading      100 %");
}

static int start(void **state)
{
    (void)state;
    return random_library_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(u_labels_become_a_labels),
        cmocka_unit_test(names_over_the_limit_are_refused),
        cmocka_unit_test(rules_on_whole_public_suffixes_are_found),
        cmocka_unit_test(no_shipped_list_is_on_a_whole_public_suffix),
        cmocka_unit_test(progress_is_one_short_line),
    };
    return cmocka_run_group_tests_name("cli/names", tests, start, NULL);
}
