/* setup/names: from configuration and hosts files to the table of local names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/random.h"
#include "setup/names.h"
#include "wire/type.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct place {
    char folder[32];
};

static int make_place(void **state)
{
    static const char *const files[][2] = {
        {"one", "192.0.2.1 one.lan\nnonsense\n"},
        {"two", "192.0.2.2 two.lan printer.lan\n"},
    };
    struct place *place = calloc(1, sizeof(*place));

    snprintf(place->folder, sizeof(place->folder), "/tmp/cordon-names-XXXXXX");
    if (mkdtemp(place->folder) == NULL) {
        return -1;
    }
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        snprintf(path, sizeof(path), "%s/%s", place->folder, files[i][0]);
        FILE *out = fopen(path, "w");
        if (out == NULL || fputs(files[i][1], out) < 0 || fclose(out) != 0) {
            return -1;
        }
    }
    *state = place;
    return random_library_init();
}

static int drop_place(void **state)
{
    struct place *place = *state;
    char path[64];

    snprintf(path, sizeof(path), "%s/one", place->folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/two", place->folder);
    unlink(path);
    rmdir(place->folder);
    free(place);
    return 0;
}

static int make(const struct place *place, const char *text, struct report *report,
                struct local_names **names)
{
    struct config *config = NULL;

    report_init(report);
    assert_int_equal(config_parse(text, strlen(text), "t", place->folder, NULL, &config), 0);
    const int rc = setup_names(config, report, names);
    config_free(config);
    return rc;
}

static size_t count_of(const struct local_names *names, const char *text, uint16_t type)
{
    struct local_records records = {.count = 0};
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return local_names_find(names, &name, type, &records) ? records.count : 0;
}

static void records_and_hosts_files_make_one_table(void **state)
{
    struct local_names *names;
    struct report report;

    assert_int_equal(make(*state,
                          "local: {records: {printer.lan: [192.0.2.10, \"2001:db8::10\"]}, "
                          "hosts: [one, two], ttl: 7s}",
                          &report, &names),
                     0);
    assert_int_equal(count_of(names, "printer.lan", WIRE_A), 2);
    assert_int_equal(count_of(names, "printer.lan", WIRE_AAAA), 1);
    assert_int_equal(count_of(names, "one.lan", WIRE_A), 1);
    assert_int_equal(count_of(names, "two.lan", WIRE_A), 1);
    assert_int_equal(count_of(names, "10.2.0.192.in-addr.arpa", WIRE_PTR), 1);
    assert_int_equal(local_names_ttl_s(names), 7);
    /* the line that cannot be used is named, with its file */
    assert_int_equal(report.warnings, 1);
    assert_non_null(strstr(report.entries[0].text, "/one:2: left out: \"nonsense\""));
    report_deinit(&report);
    local_names_free(names);
}

static void without_names_there_is_no_table(void **state)
{
    struct local_names *names;
    struct report report;

    assert_int_equal(make(*state, "", &report, &names), 0);
    assert_null(names);
    report_deinit(&report);
}

static void what_cannot_be_is_refused_whole(void **state)
{
    static const struct {
        const char *text;
        int rc;
        const char *words;
    } cases[] = {
        /* a file that is not there, or none */
        {"local: {hosts: [one, three]}", -ENOENT,
         "three: local.hosts: cannot be read: no such file or directory"},
        {"local: {hosts: [.]}", -EISDIR, "local.hosts: cannot be read: is a directory"},
        /* names that never have addresses, or not these */
        {"local: {records: {x.onion: 192.0.2.1}}", CORDON_E_REFUSED,
         "local.records: x.onion: names in invalid and onion never exist"},
        {"local: {records: {localhost: 192.0.2.1}}", CORDON_E_REFUSED,
         "local.records: localhost: names in localhost are this machine's alone"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct local_names *names = NULL;
        struct report report;

        assert_int_equal(make(*state, cases[i].text, &report, &names), cases[i].rc);
        assert_null(names);
        bool said = false;
        for (size_t e = 0; e < report.count; e++) {
            said = said || strcasestr(report.entries[e].text, cases[i].words) != NULL;
        }
        if (!said) {
            report_print(&report, stderr);
            fail_msg("not said: %s", cases[i].words);
        }
        report_deinit(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_and_hosts_files_make_one_table),
        cmocka_unit_test(without_names_there_is_no_table),
        cmocka_unit_test(what_cannot_be_is_refused_whole),
    };
    return cmocka_run_group_tests(tests, make_place, drop_place);
}
