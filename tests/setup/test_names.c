/* setup/names: from configuration and hosts files to the table of local names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/random.h"
#include "local/local.h"
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

static const char *const files[][2] = {
    {"one", "192.0.2.1 one.lan\nnonsense\n"},
    {"two", "192.0.2.2 two.lan printer.lan\n"},
    {"home.zone", "$ORIGIN home.lan.\n$TTL 1h\n@ SOA ns h 1 1h 1h 1d 5m\n"
                  "nas A 192.0.2.2\n  AAAA 2001:db8::2\n*.w A 192.0.2.3\n"
                  "self A 127.0.0.1\n"},
    {"back.zone", "2.0.192.in-addr.arpa. 60 SOA a. b. 1 1h 1h 1d 5m\n"},
    {"empty.zone", "; nothing\n"},
    {"late.zone", "$TTL 60\nx.lan. A 192.0.2.1\nlan. SOA a. b. 1 2 3 4 5\n"},
    {"onion.zone", "$TTL 60\nx.onion. SOA a. b. 1 2 3 4 5\nx.onion. A 192.0.2.1\n"},
    {"faults.zone", "$TTL 60\nlan. SOA a. b. 1 2 3 4 5\nlan. A x\nlan. DNAME b.\n"},
    {"alias.zone", "$TTL 60\na.lan. SOA a. b. 1 2 3 4 5\nx.a.lan. CNAME y.ad.a.lan.\n"},
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    snprintf(place->folder, sizeof(place->folder), "/tmp/cordon-names-XXXXXX");
    if (mkdtemp(place->folder) == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
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

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[64];
        snprintf(path, sizeof(path), "%s/%s", place->folder, files[i][0]);
        unlink(path);
    }
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
        /* zones that are not there, none, or wrong, with the line */
        {"local: {zones: [three]}", -ENOENT,
         "three: local.zones: cannot be read: no such file or directory"},
        {"local: {zones: [empty.zone]}", CORDON_E_REFUSED,
         "empty.zone: local.zones: there is no record in it"},
        {"local: {zones: [late.zone]}", CORDON_E_REFUSED,
         "late.zone:2: local.zones: x.lan: the first record of a zone is its SOA"},
        {"local: {zones: [onion.zone]}", CORDON_E_REFUSED,
         "onion.zone:2: local.zones: x.onion: names in invalid and onion never exist"},
        {"local: {zones: [faults.zone]}", CORDON_E_REFUSED,
         "faults.zone:3: local.zones: an unknown type, or data that the type does not have: a "
         "record is name, TTL, class, type, data"},
        {"local: {zones: [faults.zone]}", CORDON_E_REFUSED,
         "faults.zone:4: local.zones: lan: DNAME is not supported here"},
        {"local: {zones: [home.zone, empty.zone, three]}", CORDON_E_REFUSED,
         "three: local.zones: cannot be read"}, /* all files are looked at */
        /* a name in two places: which of them is meant? */
        {"local: {zones: [home.zone], records: {new.home.lan: 192.0.2.1}}", CORDON_E_REFUSED,
         "local.records: new.home.lan: the name is in a zone of local.zones"},
        {"{local: {zones: [home.zone]}, upstreams: {zones: {home.lan: [192.0.2.1]}}}",
         CORDON_E_REFUSED, "home.lan: upstreams.zones has this zone, too"},
        {"{local: {zones: [alias.zone]}, upstreams: {zones: {ad.a.lan: [192.0.2.1]}}}",
         CORDON_E_REFUSED, "local.zones: x.a.lan: an alias (CNAME) leads out of the zones"},
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
        /* what follows an SOA record that cannot be is not told again */
        if (!said || (strstr(cases[i].text, "onion.zone") != NULL && report.errors != 1)) {
            report_print(&report, stderr);
            fail_msg("not said: %s", cases[i].words);
        }
        report_deinit(&report);
    }
}

static const char *back_to(const struct local_names *names, const char *text)
{
    static char words[WIRE_NAME_TEXT_MAX];
    struct local_answer answer;
    struct wire_name name;
    size_t pos = 0;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    local_find(names, true, 0, &name, WIRE_PTR, &answer);
    if (answer.kind != LOCAL_DATA) {
        return answer.kind == LOCAL_ZONE ? "zone" : "none";
    }
    assert_int_equal(wire_name_read(answer.rdata, answer.rdata_len, &pos, &name), WIRE_OK);
    wire_name_to_text(&name, words);
    return words;
}

static void addresses_of_zones_lead_back_to_their_names(void **state)
{
    struct local_names *names;
    struct report report;

    assert_int_equal(make(*state, "local: {zones: [home.zone], hosts: [two]}", &report, &names),
                     0);
    assert_int_equal(local_zones_count(local_names_zones(names)), 1);
    /* before those of a hosts file; not for names by a wildcard, nor of every machine */
    assert_string_equal(back_to(names, "2.2.0.192.in-addr.arpa"), "nas.home.lan");
    assert_string_equal(back_to(names,
                                "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0."
                                "1.0.0.2.ip6.arpa"),
                        "nas.home.lan");
    assert_string_equal(back_to(names, "3.2.0.192.in-addr.arpa"), "none");
    assert_string_equal(back_to(names, "1.0.0.127.in-addr.arpa"), "localhost");
    assert_int_equal(report.warnings, 0);
    report_deinit(&report);
    local_names_free(names);
    /* a reverse zone that is written down says all itself */
    assert_int_equal(make(*state, "local: {zones: [home.zone, back.zone]}", &report, &names),
                     0);
    assert_string_equal(back_to(names, "2.2.0.192.in-addr.arpa"), "zone");
    report_deinit(&report);
    local_names_free(names);
}

/* A hosts file is often somebody else's: what is in a zone is left out of it, and said. */
static void names_of_a_zone_are_left_out_of_hosts_files(void **state)
{
    const struct place *place = *state;
    struct local_names *names;
    struct report report;
    char path[64];

    snprintf(path, sizeof(path), "%s/two", place->folder);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs("192.0.2.9 nas.home.lan other.lan\n", out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(make(place, "local: {zones: [home.zone], hosts: [two]}", &report, &names),
                     0);
    assert_int_equal(report.warnings, 1);
    assert_non_null(strstr(report.entries[0].text,
                           "/two:1: left out: \"nas.home.lan\": the name is in a zone of "
                           "local.zones"));
    assert_string_equal(back_to(names, "9.2.0.192.in-addr.arpa"), "other.lan");
    report_deinit(&report);
    local_names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_and_hosts_files_make_one_table),
        cmocka_unit_test(without_names_there_is_no_table),
        cmocka_unit_test(what_cannot_be_is_refused_whole),
        cmocka_unit_test(addresses_of_zones_lead_back_to_their_names),
        cmocka_unit_test(names_of_a_zone_are_left_out_of_hosts_files),
    };
    return cmocka_run_group_tests(tests, make_place, drop_place);
}
