/* config/zone_text: zone files as they are read, and as they are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "config/zone_text.h"
#include "wire/type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* Adds "NAME TYPE TTL HEX; " for each record. */
static const char *take(void *context, const struct config_zone_record *record)
{
    FILE *out = context;
    char name[WIRE_NAME_TEXT_MAX];
    char type[32];

    wire_name_to_text(&record->name, name);
    wire_type_format(record->type, type);
    fprintf(out, "%s %s %u ", name, type, record->ttl_s);
    for (size_t i = 0; i < record->rdata_len; i++) {
        fprintf(out, "%02x", record->rdata[i]);
    }
    fputs("; ", out);
    return strncmp(name, "refuse", 6) == 0 ? "not here" : NULL;
}

/* What is read of text (len octets of it, and none behind), and the report. */
static int read_text(const char *text, size_t len, char **words, struct report *report)
{
    size_t size = 0;
    FILE *out = open_memstream(words, &size);
    char *copy = malloc(len > 0 ? len : 1);

    assert_non_null(out);
    assert_non_null(copy);
    memcpy(copy, text, len);
    report_init(report);
    const int rc = config_zone_read(copy, len, "z", report, take, out);
    free(copy);
    assert_int_equal(fclose(out), 0);
    return rc;
}

static void zone_files_are_read_as_rfc_1035_has_them(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", ""},
        {"; nothing\n\n   \n", ""},
        /* owners: relative, @, absolute, the one before; case does not count */
        {"$ORIGIN Home.LAN.\n$TTL 60\nWWW A 192.0.2.1\n  A 192.0.2.2\n@ A 192.0.2.3\n"
         "x.org. A 192.0.2.4\n",
         "www.home.lan A 60 c0000201; www.home.lan A 60 c0000202; home.lan A 60 c0000203; "
         "x.org A 60 c0000204; "},
        {"$ORIGIN a.\nx 60 A 192.0.2.1\n$ORIGIN b.\nx 60 A 192.0.2.1",
         "x.a A 60 c0000201; x.b A 60 c0000201; "},
        /* TTL before class, units, the last one stated (RFC 1035, 5.1), then $TTL
         */
        {"x. 1m IN A 192.0.2.1\nx. 2h IN A 192.0.2.2\ny. A 192.0.2.3\n$TTL 1d\ny. A 192.0.2.4\n"
         "y. 5 A 192.0.2.5\ny. A 192.0.2.6",
         "x A 60 c0000201; x A 7200 c0000202; y A 7200 c0000203; y A 86400 c0000204; "
         "y A 5 c0000205; y A 86400 c0000206; "},
        /* parentheses, comments, quotes, escapes; ends of lines of other systems */
        {"$TTL 60\r\nx. MX ( 10 ; first\r\n y. )\r\n", "x MX 60 000a017900; "},
        {"$TTL 60\nx. TXT \"a;b\" \"(\" c ; d\"\n", "x TXT 60 03613b6201280163; "},
        {"$TTL 60\nx. TXT \"a\\\"b\" c\\;d\n", "x TXT 60 0361226203633b64; "},
        {"$TTL 60\na\\.b. A 192.0.2.1\n\\097. A 192.0.2.2\n*.w. A 192.0.2.3\n",
         "a\\.b A 60 c0000201; a A 60 c0000202; *.w A 60 c0000203; "},
        /* types by number, and data without a form of its own (RFC 3597, 5) */
        {"$TTL 60\nx. TYPE65280 \\# 3 010203\ny. TYPE1 192.0.2.1\nz. A \\# 4 c0000201\n",
         "x TYPE65280 60 010203; y A 60 c0000201; z A 60 c0000201; "},
        /* numbers that fit to the last, and what only looks like one */
        {"$TTL 2147483647\nx. MX 65535 y.\n60 60 TXT 99999999999 \"9999999999\"\n",
         "x MX 2147483647 ffff017900; 60 TXT 60 "
         "0b39393939393939393939390a39393939393939393939; "},
        {"$TTL 1d2h\nx. SOA a. b. ( 4294967295 ; 99999999999\n 1w 1d 4w 4294967295 )\n",
         "x SOA 93600 016100016200ffffffff00093a80000151800024ea00ffffffff; "},
        {"$TTL 60\nx. SRV 1 2 53 y.\nx. AAAA 2001:db8::1\nx. CAA 0 issue \"c\"\n",
         "x SRV 60 000100020035017900; x AAAA 60 20010db8000000000000000000000001; "
         "x CAA 60 0005697373756563; "},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        char *words = NULL;
        struct report report;

        const int rc = read_text(cases[i].text, strlen(cases[i].text), &words, &report);
        if (rc != 0 || strcmp(words, cases[i].words) != 0) {
            report_print(&report, stderr);
            fail_msg("case %zu: code %d, \"%s\", not \"%s\"", i, rc, words, cases[i].words);
        }
        free(words);
        report_deinit(&report);
    }
}

static void what_is_not_a_zone_file_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"$INCLUDE /etc/passwd\n",
         "z:1: local.zones: $INCLUDE is not supported: put it all into one file"},
        {"$TTL 60\n\n$GENERATE 1-3 a$ A 192.0.2.$\n",
         "z:3: local.zones: of the directives only $ORIGIN and $TTL, in capitals, are "
         "supported"},
        {"$ttl 60\n",
         "z:1: local.zones: of the directives only $ORIGIN and $TTL, in capitals, are "
         "supported"},
        {"$ORIGIN\n",
         "z:1: local.zones: of the directives only $ORIGIN and $TTL, in capitals, are "
         "supported"},
        {"$TTL x\n", "z:1: local.zones: $TTL without a time"},
        {"$TTL ", "z:1: local.zones: $TTL without a time"},
        {"$TTL 60\nx. TXT \"a\ny. TXT b\"\n",
         "z:2: local.zones: a quote is not closed on its line"},
        {"$TTL 60\nx. TXT \"a", "z:2: local.zones: a quote is not closed on its line"},
        {"$TTL 60\nx. TXT (a\nb\n\n", "z:2: local.zones: a parenthesis is not closed"},
        {"$TTL 60\nx. TXT a )\n",
         "z:2: local.zones: a parenthesis is closed that was not opened"},
        {"x. A 192.0.2.1\n", "z:1: local.zones: x: without a TTL: put a line like \"$TTL 1h\" "
                             "at the top"},
        {"x. 2147483648 A 192.0.2.1\n",
         "z:1: local.zones: x: a TTL of more than 2147483647 s (RFC 2181, 8)"},
        /* ldns takes each of them for a smaller number */
        {"$TTL 60\n\nc 4294967297 A 192.0.2.2\n",
         "z:3: local.zones: c: a TTL of more than 2147483647 s (RFC 2181, 8)"},
        {"$TTL 60\nx. A 192.0.2.1\n\t99999999999 A 192.0.2.2\n",
         "z:3: local.zones: x: a TTL of more than 2147483647 s (RFC 2181, 8)"},
        {"$TTL 60\nx. 4294967295 A 192.0.2.2\n",
         "z:2: local.zones: x: a TTL of more than 2147483647 s (RFC 2181, 8)"},
        {"$TTL 60\nx. ( ; one (\n 7102w IN A 192.0.2.2 )\n",
         "z:3: local.zones: x: a TTL of more than 2147483647 s (RFC 2181, 8)"},
        {"$TTL 4294967297\nx. A 192.0.2.2\n",
         "z:1: local.zones: a TTL of more than 2147483647 s (RFC 2181, 8)"},
        {"$TTL 1h4294967295\n",
         "z:1: local.zones: a TTL of more than 2147483647 s (RFC 2181, 8)"},
        {"$TTL 1hh\n", "z:1: local.zones: $TTL without a time"},
        {"$TTL 60\nx. MX 65546 m.\n",
         "z:2: local.zones: x: a number in its data that does not fit there"},
        {"$TTL 60\nx. IN MX -1 m.\n",
         "z:2: local.zones: x: a number in its data that does not fit there"},
        {"$TTL 60\nx. 1 in SRV 1 2 65536 m.\n",
         "z:2: local.zones: x: a number in its data that does not fit there"},
        {"$TTL 60\nx. CAA 257 issue \"a\"\n",
         "z:2: local.zones: x: a number in its data that does not fit there"},
        {"$TTL 60\nx. SOA a. b. (4294967296 1 1 1 1)\n",
         "z:2: local.zones: x: a number in its data that does not fit there"},
        {"$TTL 60\nx. SOA a. b. 1 1 1 1 ( ; min\n 7102w )\n", NULL},
        {"$TTL 60\nx. TYPE65546 \\# 0\n", "z:2: local.zones: x: a type of more than 65535"},
        {"$TTL 60\nx. CH TXT a\n", "z:2: local.zones: x: only the class IN is served"},
        {"$TTL 60\nx. TYPE255 \\# 0\n",
         "z:2: local.zones: x: this type is for questions and has no records"},
        {"$TTL 60\nx. TYPE41 \\# 0\n",
         "z:2: local.zones: x: this type is for questions and has no records"},
        {"$TTL 60\nx. TXT \\# 0\n", "z:2: local.zones: x: data that its type does not have"},
        {"$TTL 60\nx. SRV \\# 3 010203\n", NULL},
        {"$TTL 60\nx. CNAME \\# 2 c000\n", NULL},
        {"$TTL 60\nb\xc3\xbc. A 192.0.2.1\n",
         "z:2: local.zones: b\\195\\188: a name that is not ASCII: write it in its xn-- "
         "form"},
        {"$TTL 60\nrefuse. A 192.0.2.1\n", "z:2: local.zones: refuse: not here"},
        /* what ldns refuses */
        {"$TTL 60\n\n; comment\nx. A 192.0.2\n",
         "z:4: local.zones: an unknown type, or data that the type does not have: a record is "
         "name, TTL, class, type, data"},
        {"$TTL 60\nx. AAAA 192.0.2.1\n",
         "z:2: local.zones: an unknown type, or data that the type does not have: a record is "
         "name, TTL, class, type, data"},
        {"$TTL 60\nx. MX mail\n", NULL},
        {"$TTL 60\nx. NOSUCHTYPE a\n", NULL},
        {"$TTL 60\nx..y. A 192.0.2.1\n", NULL},
        {"$TTL 60\nx. A 192.0.2.1 192.0.2.2\n",
         "z:2: local.zones: more data than the type has"},
        {"$TTL "
         "60\nrefuse.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h.i.j.k."
         "l.m.n.o.p. A 192.0.2.1\n",
         "z:2: local.zones: "
         "refuse.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f."
         "g.h.i.j.k...: not here"},
        {"$TTL 60\nx.\n", NULL},
        {"$TTL 60\nx. IN 60 A 192.0.2.1\n", NULL}, /* ldns wants them the other way round */
        {"x", NULL},
        {"\x7f\x45\x4c\x46\x01\x02", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        char *words = NULL;
        struct report report;

        const int rc = read_text(cases[i].text, strlen(cases[i].text), &words, &report);
        if (rc != CORDON_E_REFUSED || report.errors != 1 ||
            (cases[i].fault != NULL && strcmp(report.entries[0].text, cases[i].fault) != 0)) {
            report_print(&report, stderr);
            fail_msg("case %zu: code %d, %zu errors, not: %s", i, rc, report.errors,
                     cases[i].fault);
        }
        free(words);
        report_deinit(&report);
    }
}

static void a_zero_octet_is_no_text(void **state)
{
    static const char text[] = "$TTL 60\nx. A 192.0.2.1\n\0y. A 192.0.2.1\n";
    char *words = NULL;
    struct report report;

    (void)state;
    assert_int_equal(read_text(text, sizeof(text) - 1, &words, &report), CORDON_E_REFUSED);
    assert_string_equal(report.entries[0].text, "z:3: local.zones: a zero octet: no text");
    free(words);
    report_deinit(&report);
}

static void all_faults_are_told_up_to_sixteen(void **state)
{
    static const char text[] = "$TTL 60\nx. A a\ny. A 192.0.2.1\nx. A b\n";
    char many[1024] = "$TTL 60\n";
    char *words = NULL;
    struct report report;

    (void)state;
    assert_int_equal(read_text(text, sizeof(text) - 1, &words, &report), CORDON_E_REFUSED);
    assert_string_equal(words, "y A 60 c0000201; ");
    assert_int_equal(report.errors, 2);
    free(words);
    report_deinit(&report);
    for (unsigned i = 0; i < 40; i++) {
        strcat(many, "x. A a\n");
    }
    assert_int_equal(read_text(many, strlen(many), &words, &report), CORDON_E_REFUSED);
    assert_int_equal(report.errors, CONFIG_ZONE_FAULTS_MAX);
    free(words);
    report_deinit(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zone_files_are_read_as_rfc_1035_has_them),
        cmocka_unit_test(what_is_not_a_zone_file_is_refused_with_its_line),
        cmocka_unit_test(a_zero_octet_is_no_text),
        cmocka_unit_test(all_faults_are_told_up_to_sixteen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
