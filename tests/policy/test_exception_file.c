/* Files of exceptions: what is accepted, and all that is refused, with its place. */
#include "policy/make.h"

#include "base/error.h"
#include "base/file.h"
#include "policy/exception_file.h"
#include "policy/exception_load.h"

#include <sys/stat.h>
#include <unistd.h>

#define HEAD                                                                          \
    "cordon-exceptions 1\nid board\nserial 7\ncreated 2026-11-22T09:00:00Z\nexpires " \
    "2027-11-22T00:00:00Z\n"
#define REST  "ticket T\napprover A\nuntil 2027-01-01T00:00:00Z\nreason r\n"
#define ONE   "exception a\nname a.example\n" REST
#define OTHER "exception b\nname b.example\n" REST

static int parse(const char *text, size_t len, struct report *report,
                 struct policy_exception_file **file)
{
    report_init(report);
    return policy_exception_file_parse(text, len, "f", report, file);
}

static void reads_all_that_there_is(void **state)
{
    static const char text[] = HEAD
        "\n# words\nexception gl-5b\nname mail.shop.example\nmatch exact\nscope chain\nview "
        "office\nlicence GL 5B\nticket CHG-1\napprover \xc3\x84. \xc3\x96st\nfrom "
        "2026-12-01T00:00:00Z\nuntil 2027-03-01T00:00:00Z\nreason it is ours\npublic-suffix "
        "all of it\nexception r\nrule shop: block below pay.example\n" REST "end\n";
    struct policy_exception_file *file = NULL;
    struct report report;

    (void)state;
    assert_int_equal(parse(text, strlen(text), &report, &file), 0);
    assert_int_equal(report.count, 0);
    assert_string_equal(file->id, "board");
    assert_int_equal(file->serial, 7);
    assert_int_equal(file->created_s, 1795338000);
    assert_int_equal(file->count, 2);
    const struct policy_exception_entry *entry = &file->entries[0];
    assert_string_equal(entry->exception.id, "gl-5b");
    assert_string_equal(entry->exception.licence, "GL 5B");
    assert_string_equal(entry->exception.ticket, "CHG-1");
    assert_string_equal(entry->exception.approver, "\xc3\x84. \xc3\x96st");
    assert_string_equal(entry->view, "office");
    assert_string_equal(entry->reason, "it is ours");
    assert_true(entry->exception.exact && entry->exception.chain && entry->public_suffix);
    assert_int_equal(entry->from_s, 1796083200);
    assert_int_equal(entry->until_s, 1803859200);
    assert_int_equal(entry->line, 8);
    entry = &file->entries[1];
    assert_true(entry->exception.is_rule && !entry->exception.chain);
    assert_int_equal(entry->exception.match, POLICY_MATCH_BELOW);
    assert_int_equal(entry->from_s, 0);
    assert_string_equal(entry->view, "");
    report_deinit(&report);
    policy_exception_file_free(file);
}

/* Each is refused, and its report has these words: the place, and what is wrong. */
static void refuses_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", "the last line is not \"end\""},
        {"\n", "f:1:1: the first line is not"},
        {"cordon-list 1\n", "f:1:1: the first line is not"},
        {"cordon-exceptions 1\r\n", "f:1:1: the first line is not"},
        {"cordon-exceptions 10\nend\n", "f:1:19: this version of the format is newer"},
        {"cordon-exceptions 01\nend\n", "f:1:1: the first line is not"},
        {"cordon-exceptions 1\nend\n", "f:2: the header has no \"id\""},
        {HEAD, "f:6: the last line is not \"end\""},
        {HEAD "end", "f:6:4: the line does not end with LF"},
        {HEAD "end\n\n", "f:7:1: something follows \"end\""},
        {HEAD "id other\nend\n", "f:6:1: \"id\" stands in line 2 already"},
        {HEAD "title x\nend\n", "f:6:1: \"title\" is no header line"},
        {"cordon-exceptions 1\nid Board\n" ONE "end\n", "f:2:4: the id has 1 to 64"},
        {"cordon-exceptions 1\nid -b\n" ONE "end\n", "f:2:4: the id has 1 to 64"},
        {"cordon-exceptions 1\nserial 0\n" ONE "end\n", "f:2:8: the serial is a decimal"},
        {"cordon-exceptions 1\nserial 4294967296\n" ONE "end\n",
         "f:2:8: the serial is a decimal"},
        {"cordon-exceptions 1\ncreated 2026-11-22\n" ONE "end\n", "f:2:9: not a time"},
        {"cordon-exceptions 1\nid b\nserial 1\ncreated 2027-01-01T00:00:00Z\nexpires "
         "2026-01-01T00:00:00Z\nend\n",
         "f:5: it expires before it was created (line 4)"},
        {HEAD "exception\nend\n", "f:6:10: \"exception\" has no value"},
        {HEAD "exception A\n" REST "end\n", "f:6:11: the id has 1 to 32"},
        {HEAD "exception 123456789012345678901234567890123\n" REST "end\n",
         "f:6:11: the id has"},
        {HEAD "exception a\n" REST "end\n", "f:6: this exception has no name and no rule"},
        {HEAD "exception a\nname a.example\nrule l: block suffix a.example\n" REST "end\n",
         "f:8: there is a name in line 7"},
        {HEAD "exception a\nmatch exact\nrule l: block suffix a.example\n" REST "end\n",
         "f:7: the rule in line 8 has its own match"},
        {HEAD "exception a\nname a.example\nname b.example\n" REST "end\n",
         "f:8:1: \"name\" stands in line 7 already"},
        {HEAD "exception a\nname a.example\napprover A\nuntil 2027-01-01T00:00:00Z\nreason "
              "r\nend\n",
         "f:6: this exception has no ticket and no licence"},
        {HEAD
         "exception a\nname a.example\nticket T\nuntil 2027-01-01T00:00:00Z\nreason r\nend\n",
         "f:6: this exception has no approver"},
        {HEAD "exception a\nname a.example\nticket T\napprover A\nuntil "
              "2027-01-01T00:00:00Z\nend\n",
         "f:6: this exception has no reason"},
        {HEAD "exception a\nname a.example\nticket T\napprover A\nreason r\nend\n",
         "f:6: this exception has no end"},
        {HEAD "exception a\nname a.example\nticket T\napprover A\nreason r\nuntil "
              "2026-11-22T09:00:00Z\nend\n",
         "f:11: this is not after its beginning"},
        {HEAD "exception a\nname a.example\nfrom 2027-02-01T00:00:00Z\n" REST "end\n",
         "f:11: this is not after its beginning"},
        {HEAD "exception a\nname a.example\nticket T\napprover A\nreason r\nuntil "
              "2027-11-23T09:00:01Z\nend\n",
         "f:11: it would last for more than 366 days"},
        {HEAD ONE "until 2027-01-01T00:00:00Z\nend\n", "f:12:1: \"until\" stands in line 10"},
        {HEAD ONE "uid 0\nend\n", "f:12:1: \"uid\" is no line of an exception"},
        {HEAD ONE "match all\nend\n", "f:12:7: expected suffix or exact"},
        {HEAD ONE "scope all\nend\n", "f:12:7: expected own or chain"},
        {HEAD ONE "from tomorrow\nend\n", "f:12:6: not a time"},
        {HEAD ONE " scope own\nend\n", "f:12:1: a line does not begin with a space"},
        {HEAD ONE "scope  own\nend\n", "f:12:7: more than one space"},
        {HEAD ONE "scope own \nend\n", "f:12:10: a space at the end"},
        {HEAD ONE "scope\nend\n", "f:12:6: \"scope\" has no value"},
        {HEAD ONE "scope\town\nend\n", "f:12:6: tab"},
        {HEAD ONE "view a\x1b[31m\nend\n", "f:12:7: control character 0x1b"},
        {HEAD ONE "view a\xff\nend\n", "f:12:7: octet 0xff is not UTF-8"},
        {HEAD ONE "view a\xe2\x80\xae\nend\n", "f:12:7: character U+202E"},
        /* names */
        {HEAD "exception a\nname A.example\n" REST "end\n",
         "f:7:6: names are written in lower"},
        {HEAD "exception a\nname a\\.b.example\n" REST "end\n", "f:7:7: a name has only"},
        {HEAD "exception a\nname a\\046b.example\n" REST "end\n", "f:7:7: a name has only"},
        {HEAD "exception a\nname b\xc3\xbc"
              "cher.example\n" REST "end\n",
         "f:7:7: names are written as A-labels"},
        {HEAD "exception a\nname *.a.example\n" REST "end\n", "f:7:6: no wildcards"},
        {HEAD "exception a\nname a..example\n" REST "end\n", "f:7:8: an empty label"},
        {HEAD "exception a\nname .a.example\n" REST "end\n", "f:7:6: an empty label"},
        {HEAD "exception a\nname a.example.\n" REST "end\n", "f:7:15: leave out the final dot"},
        {HEAD "exception a\nname .\n" REST "end\n", "f:7:6: an empty label"},
        {HEAD "exception a\nname com\n" REST "end\n",
         "f:7:6: the name has fewer than two labels"},
        {HEAD "exception a\nname 192.0.2.1\n" REST "end\n", "f:7:6: an address is no name"},
        {HEAD "exception a\nname 2001:db8::1\n" REST "end\n", "f:7:6: an address is no name"},
        {HEAD "exception a\nname a b.example\n" REST "end\n", "f:7:7: a name has only"},
        /* rules */
        {HEAD "exception a\nrule a.example\n" REST "end\n", "f:7:6: expected \"LIST: block"},
        {HEAD "exception a\nrule l: pass suffix a.example\n" REST "end\n",
         "f:7:6: a pass rule"},
        {HEAD "exception a\nrule l: block suffix A.example\n" REST "end\n",
         "f:7:6: write it as the list has it: l: block suffix a.example"},
        {HEAD "exception a\nrule l: block suffix a.example.\n" REST "end\n",
         "f:7:6: write it as the list has it"},
        {HEAD "exception a\nrule l: block prefix 2001:DB8::/32\n" REST "end\n",
         "f:7:6: write it as the list has it: l: block prefix 2001:db8::/32"},
        {HEAD "exception a\nrule l: block prefix 192.0.2.1/24\n" REST "end\n",
         "f:7:6: no address"},
        /* twice, with both lines */
        {HEAD ONE "exception a\nname b.example\n" REST "end\n",
         "f:12: the exception in line 6 has this id"},
        {HEAD ONE "exception b\nname a.example\n" REST "end\n",
         "f:13: the exception in line 6 is for the same"},
        {HEAD ONE "exception b\nname a.example\nscope chain\n" REST "end\n",
         "f:13: the exception in line 6 is for the same"},
        {HEAD "exception a\nrule l: block suffix a.example\n" REST
              "exception b\nrule l: block suffix a.example\n" REST "end\n",
         "f:13: the exception in line 6 is for the same"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct policy_exception_file *file = NULL;
        struct report report;
        bool found = false;

        const int rc = parse(rows[i].text, strlen(rows[i].text), &report, &file);
        for (size_t j = 0; j < report.count; j++) {
            found = found || strstr(report.entries[j].text, rows[i].words) != NULL;
        }
        if (rc == 0 || file != NULL || !found) {
            report_print(&report, stderr);
            fail_msg("row %zu, %d: no \"%s\"", i, rc, rows[i].words);
        }
        report_deinit(&report);
    }
}

static void accepts_what_only_looks_alike(void **state)
{
    static const char *const texts[] = {
        HEAD "end\n",
        HEAD ONE OTHER "end\n",
        HEAD ONE "exception b\nname a.example\nmatch exact\n" REST "end\n",
        HEAD ONE "exception b\nname a.example\nview v\n" REST "end\n",
        HEAD ONE "exception b\nrule l: block suffix a.example\n" REST "end\n",
        HEAD "exception a\nrule l: block suffix a.example\n" REST
             "exception b\nrule m: block suffix a.example\n" REST "end\n",
        HEAD "exception a\nrule l: block suffix a.example\n" REST
             "exception b\nrule l: block exact a.example\n" REST "end\n",
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(texts); i++) {
        struct policy_exception_file *file = NULL;
        struct report report;

        assert_int_equal(parse(texts[i], strlen(texts[i]), &report, &file), 0);
        report_deinit(&report);
        policy_exception_file_free(file);
    }
}

/* A text of octets, at its bound and one over it. */
static void texts_have_their_bounds(void **state)
{
    static const struct {
        const char *key;
        size_t most;
    } rows[] = {{"view", POLICY_VIEW_NAME_MAX},
                {"licence", POLICY_TICKET_MAX},
                {"public-suffix", POLICY_REASON_MAX}};

    (void)state;
    for (size_t i = 0; i < 2 * ITEMS(rows); i++) {
        const size_t len = rows[i / 2].most + i % 2;
        struct policy_exception_file *file = NULL;
        char text[2048], value[1024];
        struct report report;

        memset(value, 'x', len);
        value[len] = '\0';
        snprintf(text, sizeof(text), HEAD ONE "%s %s\nend\n", rows[i / 2].key, value);
        assert_int_equal(parse(text, strlen(text), &report, &file),
                         i % 2 == 0 ? 0 : CORDON_E_REFUSED);
        report_deinit(&report);
        policy_exception_file_free(file);
    }
}

/* Names of 253 and 254 characters (255 and 256 octets), labels of 63 and 64; a zero octet in
 * each place of a file; a file that never ends. */
static void sizes_and_zero_octets(void **state)
{
    static const struct {
        unsigned labels[5];
        bool good;
    } rows[] = {{{63, 63, 63, 61, 0}, true},
                {{63, 63, 63, 62, 0}, false},
                {{63, 7, 0, 0, 0}, true},
                {{64, 7, 0, 0, 0}, false}};
    static const char whole[] = HEAD ONE "end\n";
    struct policy_exception_file *file = NULL;
    struct report report;

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        char text[2048], name[512] = "";

        for (unsigned j = 0; rows[i].labels[j] != 0; j++) {
            const size_t used = strlen(name);

            memset(name + used, 'n', rows[i].labels[j]);
            name[used + rows[i].labels[j]] = rows[i].labels[j + 1] != 0 ? '.' : '\0';
            name[used + rows[i].labels[j] + 1] = '\0';
        }
        snprintf(text, sizeof(text), HEAD "exception a\nname %s\n" REST "end\n", name);
        assert_int_equal(parse(text, strlen(text), &report, &file),
                         rows[i].good ? 0 : CORDON_E_REFUSED);
        report_deinit(&report);
        policy_exception_file_free(file);
        file = NULL;
    }
    for (size_t i = 0; i < sizeof(whole) - 1; i++) {
        char text[sizeof(whole)];

        memcpy(text, whole, sizeof(whole));
        text[i] = '\0';
        assert_int_not_equal(parse(text, sizeof(whole) - 1, &report, &file), 0);
        report_deinit(&report);
        if (i > 0) { /* and each beginning of it */
            assert_int_not_equal(parse(whole, i, &report, &file), 0);
            report_deinit(&report);
        }
    }
    char *long_one = calloc(1, POLICY_EXCEPTION_FILE_OCTETS_MAX + 1);
    assert_non_null(long_one);
    assert_int_equal(parse(long_one, POLICY_EXCEPTION_FILE_OCTETS_MAX + 1, &report, &file),
                     CORDON_E_TOO_LARGE);
    report_deinit(&report);
    free(long_one);
}

static void takes_as_many_as_there_may_be(void **state)
{
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        char *text = NULL;
        size_t len = 0;
        struct policy_exception_file *file = NULL;
        struct report report;
        FILE *out = open_memstream(&text, &len);

        assert_non_null(out);
        fputs(HEAD, out);
        for (unsigned i = 0; i < POLICY_EXCEPTIONS_MAX + more; i++) {
            fprintf(out, "exception e%u\nname n%u.example\n" REST, i, i);
        }
        fputs("end\n", out);
        assert_int_equal(fclose(out), 0);
        assert_int_equal(parse(text, len, &report, &file), more == 0 ? 0 : CORDON_E_REFUSED);
        report_deinit(&report);
        policy_exception_file_free(file);
        free(text);
    }
}

#define NOW_S UINT64_C(1795343400) /* 2026-11-22T10:30:00Z */

static void a_file_that_is_over_is_refused(void **state)
{
    static const char text[] = HEAD ONE "end\n";
    static const struct {
        uint64_t now_s;
        bool good;
        size_t warnings;
    } rows[] = {
        {NOW_S, true, 0},       {1798761599, true, 0}, /* the exception ends at 2027-01-01 */
        {1798761600, true, 1},                /* it is over: told, and no fault of the file */
        {1826841599, true, 1},                /* the file itself */
        {1826841600, false, 0}, {0, true, 0}, /* not looked at */
        {1795337999, true, 1}};               /* made later than now: the clock */
    char path[] = "/tmp/cordon-exceptions-XXXXXX";
    const int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), 0);
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct policy_exception_loaded loaded;
        struct report report;

        report_init(&report);
        const int rc =
            policy_exception_load(path, NULL, false, rows[i].now_s, &report, &loaded);
        assert_int_equal(rc == 0, rows[i].good);
        assert_int_equal(loaded.file != NULL, rows[i].good);
        assert_int_equal(loaded.fault[0] == '\0', rows[i].good);
        assert_int_equal(report.warnings, rows[i].warnings);
        assert_int_equal(report.errors, rows[i].good ? 0 : 1);
        report_deinit(&report);
        policy_exception_file_free(loaded.file);
    }
    /* What is no file, and what never ends, is not waited for. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    for (unsigned i = 0; i < 3; i++) {
        const char *const what[] = {path, "/dev/zero", "/nonexistent/x"};
        struct policy_exception_loaded loaded;
        struct report report;

        report_init(&report);
        assert_int_not_equal(
            policy_exception_load(what[i], NULL, false, NOW_S, &report, &loaded), 0);
        assert_non_null(strstr(loaded.fault, "cannot be read"));
        report_deinit(&report);
    }
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_that_there_is),
        cmocka_unit_test(refuses_what_is_wrong),
        cmocka_unit_test(accepts_what_only_looks_alike),
        cmocka_unit_test(texts_have_their_bounds),
        cmocka_unit_test(sizes_and_zero_octets),
        cmocka_unit_test(takes_as_many_as_there_may_be),
        cmocka_unit_test(a_file_that_is_over_is_refused),
    };

    return cmocka_run_group_tests_name("policy/exception_file", tests, NULL, NULL);
}
