/* dossier: what strangers write into a log is text in every form, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dossier/render.h"

#include <stdlib.h>
#include <string.h>

typedef void renderer(const struct dossier *dossier, FILE *out);

static void render_main_csv(const struct dossier *dossier, FILE *out)
{
    dossier_render_csv(&dossier->tables[0], out);
}

/* Not inlined: gcc 12 then takes what open_memstream made for the pointer to it, and warns. */
__attribute__((noinline)) static char *render(renderer *with, const struct dossier *dossier)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    with(dossier, out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(strlen(text), len); /* no zero octet */
    return text;
}

/* One table with one text, a number, a time and a kind. */
static struct dossier *one(const char *text, size_t len)
{
    struct dossier *dossier = dossier_create("exposure", "Exposure", "Words.");

    assert_non_null(dossier);
    dossier_fact(dossier, "provider", "provider", "%.*s", (int)len, text);
    dossier_notice(dossier, "%.*s", (int)len, text);
    dossier_table(dossier, "names", "Names", "Words of the table.");
    dossier_column(dossier, "name", "name asked", DOSSIER_TEXT);
    dossier_column(dossier, "decisions", "decisions", DOSSIER_NUMBER)->bounded = true;
    dossier_column(dossier, "time", "time", DOSSIER_TIME);
    dossier_column(dossier, "status", "status", DOSSIER_STATUS);
    dossier_column(dossier, "nothing", "nothing", DOSSIER_TEXT);
    dossier_text(dossier, text, len);
    dossier_at_least(dossier, 1234567, true);
    dossier_number(dossier, UINT64_C(1793491200000001));
    dossier_number(dossier, DOSSIER_URGED);
    dossier_absent(dossier);
    assert_false(dossier_failed(dossier));
    return dossier;
}

static bool shows(renderer *with, const char *text, const char *wanted)
{
    struct dossier *dossier = one(text, strlen(text));
    char *shown = render(with, dossier);
    const bool has = strstr(shown, wanted) != NULL;

    free(shown);
    dossier_destroy(dossier);
    return has;
}

static size_t count_of(const char *text, char what)
{
    size_t count = 0;

    for (; *text != '\0'; text++) {
        count += *text == what;
    }
    return count;
}

static void each_form_is_what_it_is_said_to_be(void **state)
{
    struct dossier *dossier = one("www.example.org", 15);
    char *csv = render(render_main_csv, dossier);
    char *json = render(dossier_render_json, dossier);

    (void)state;
    assert_string_equal(csv, "name,decisions,decisions_more,time,status,nothing\r\n"
                             "\"www.example.org\",1234567,true,2026-11-01T00:00:00.000001Z,"
                             "urged,\r\n");
    assert_string_equal(
        json, "{\"v\":1,\"report\":\"exposure\",\"facts\":[{\"key\":\"provider\",\"value\":"
              "\"www.example.org\"}],\"notices\":[\"www.example.org\"],\n\"tables\":{\n"
              "\"names\":{\"title\":\"Names\",\"left_out\":0,\"rows\":[\n"
              "{\"name\":\"www.example.org\",\"decisions\":1234567,\"decisions_more\":true,"
              "\"time\":\"2026-11-01T00:00:00.000001Z\",\"status\":\"urged\",\"nothing\":null}]"
              "}}}\n");
    free(csv);
    free(json);
    char *text = render(dossier_render_text, dossier);
    assert_string_equal(text,
                        "Exposure\n"
                        "  provider         www.example.org\n"
                        "\nTo know\n  www.example.org\n"
                        "\nNames\n"
                        "  name asked        decisions  time              status             "
                        "nothing\n"
                        "  www.example.org  1 234 567+  2026-11-01 00:00  letter that urges  "
                        "-\n");
    free(text);
    dossier_destroy(dossier);
}

static void what_a_spreadsheet_would_run_is_text(void **state)
{
    static const char *const formulas[] = {"=1+1",
                                           "+1",
                                           "-1",
                                           "@SUM(A1)",
                                           "\t=1",
                                           "\r=1",
                                           " =1",
                                           "|calc",
                                           "%0A",
                                           "=cmd|'/c calc'!A0",
                                           "\xef\xbc\x9d"
                                           "1",
                                           "\xef\xbc\xa0"
                                           "x"};

    (void)state;
    for (size_t i = 0; i < sizeof(formulas) / sizeof(formulas[0]); i++) {
        assert_true(shows(render_main_csv, formulas[i], "\r\n\"'"));
    }
    assert_false(shows(render_main_csv, "www.example.org", "\"'"));
    /* Where a comma is for decimals, a cell begins behind each semicolon. */
    assert_true(shows(render_main_csv, "a\\;=1+1.example", "\"a\\;'=1+1.example\""));
    assert_true(shows(render_main_csv,
                      "a; \xef\xbc\x9d"
                      "1;b",
                      "\"a;' \xef\xbc\x9d"
                      "1;b\""));
    assert_true(shows(render_main_csv, "a\x01;@b", "\"a\\x01;'@b\""));
    assert_true(shows(render_main_csv, "a\"b", "\"a\"\"b\""));
    assert_true(shows(render_main_csv, "a,b", "\"a,b\""));
    assert_true(shows(render_main_csv, "a\r\nb", "\"a\\x0d\\x0ab\""));
}

static void a_page_has_no_element_that_a_name_made(void **state)
{
    static const char *const names[] = {"<script>alert(1)</script>",
                                        "\"><img src=x onerror=alert(1)>",
                                        "' onmouseover='x",
                                        "</style><script>",
                                        "<!--",
                                        "&lt;script&gt;",
                                        "]]>",
                                        "\xc2\xa0<b>"};
    struct dossier *plain = one("x", 1);
    char *page = render(dossier_render_html, plain);

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct dossier *dossier = one(names[i], strlen(names[i]));
        char *shown = render(dossier_render_html, dossier);

        assert_int_equal(count_of(shown, '<'), count_of(page, '<'));
        assert_int_equal(count_of(shown, '>'), count_of(page, '>'));
        assert_int_equal(count_of(shown, '"'), count_of(page, '"'));
        assert_int_equal(count_of(shown, '\''), count_of(page, '\''));
        free(shown);
        dossier_destroy(dossier);
    }
    /* It needs nothing, and forbids everything. */
    assert_non_null(strstr(page, "default-src 'none'; style-src 'sha256-"));
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "http:"));
    assert_null(strstr(page, "https:"));
    assert_null(strstr(page, "url("));
    assert_null(strstr(page, "@import"));
    assert_null(strstr(page, " style="));
    assert_non_null(strstr(page, "<html lang=\"en\">"));
    assert_non_null(strstr(page, "<th scope=\"col\""));
    assert_non_null(strstr(page, "prefers-color-scheme:dark"));
    assert_non_null(strstr(page, "@media print"));
    free(page);
    dossier_destroy(plain);
    assert_true(shows(dossier_render_html, "a&b<c", "a&amp;b&lt;c"));
}

/* Escape sequences, what is invisible or turns the direction, what is no UTF-8. */
static void what_would_move_a_terminal_or_hide_is_shown_by_its_octets(void **state)
{
    static renderer *const all[] = {dossier_render_text, render_main_csv, dossier_render_html};
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"a\033[2Jb", "a\\x1b[2Jb"},
        {"a\nb", "a\\x0ab"},
        {"a\177b", "a\\x7fb"},
        {"a\xc2\x9b"
         "2Jb",
         "a\\xc2\\x9b2Jb"}, /* a C1 control */
        {"a\xe2\x80\xae"
         "b",
         "a\\xe2\\x80\\xaeb"}, /* from right to left */
        {"a\xe2\x80\x8b"
         "b",
         "a\\xe2\\x80\\x8bb"}, /* of no width */
        {"a\xff\xfe"
         "b",
         "a\\xff\\xfeb"}, /* no UTF-8 */
        {"a\xc0\xaf"
         "b",
         "a\\xc0\\xafb"},                 /* overlong */
        {"\xe4\xba\x91", "\xe4\xba\x91"}, /* a letter */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
            assert_true(shows(all[k], rows[i].text, rows[i].shown));
        }
    }
    assert_true(shows(dossier_render_json, "a\033b\"c\\d", "a\\\\x1bb\\\"c\\\\d"));
    assert_true(shows(dossier_render_json, "\xff", "\\\\xff"));
}

static void a_long_cell_is_cut_in_a_terminal(void **state)
{
    char text[300];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct dossier *dossier = dossier_create("blocks", "Blocks", "Words.");
    dossier_table(dossier, "names", "Names", "Words.");
    dossier_column(dossier, "name", "name", DOSSIER_TEXT);
    dossier_string(dossier, text);
    char *shown = render(dossier_render_text, dossier);
    assert_non_null(strstr(shown, "aaa...\n"));
    assert_int_equal(count_of(shown, 'a'), DOSSIER_CELL_TEXT + 2); /* and those of the titles */
    free(shown);
    shown = render(render_main_csv, dossier);
    assert_int_equal(count_of(shown, 'a'), sizeof(text) - 1 + 1);
    free(shown);
    dossier_destroy(dossier);
}

static void people_see_the_first_rows_and_how_many_more(void **state)
{
    struct dossier *dossier = dossier_create("blocks", "Blocks", "Words.");

    (void)state;
    dossier_table(dossier, "names", "Names", "Words.")->left_out = 7;
    dossier_column(dossier, "name", "name", DOSSIER_SERIAL);
    dossier_column(dossier, "never", "never", DOSSIER_NUMBER)->sparse = true;
    dossier_column(dossier, "code", "code", DOSSIER_TEXT)->machine = true;
    for (unsigned i = 0; i < 300; i++) {
        dossier_number(dossier, 1000 + i);
        dossier_number(dossier, 0);
        dossier_string(dossier, "word");
    }
    char *text = render(dossier_render_text, dossier);
    char *page = render(dossier_render_html, dossier);
    char *csv = render(render_main_csv, dossier);
    char *json = render(dossier_render_json, dossier);
    assert_non_null(strstr(text, "and 280 more"));
    assert_non_null(strstr(text, "and 7 that were counted")); /* no form has them */
    assert_non_null(strstr(text, "1019"));
    assert_null(strstr(text, "1020"));
    assert_null(strstr(text, "never"));
    assert_null(strstr(text, "word"));
    assert_non_null(strstr(page, "And 100 more"));
    assert_non_null(strstr(page, "And 7 that were counted"));
    assert_non_null(strstr(page, "1199"));
    assert_null(strstr(page, "1200"));
    assert_int_equal(count_of(csv, '\n'), 301);
    assert_non_null(strstr(csv, "1299,0,\"word\"\r\n"));
    assert_non_null(strstr(json, "\"left_out\":7"));
    free(text);
    free(page);
    free(csv);
    free(json);
    dossier_destroy(dossier);
}

/* Bars and columns of extreme numbers stay in their picture. */
static void charts_stay_in_their_frame(void **state)
{
    struct dossier *dossier = dossier_create("exposure", "Exposure", "Words.");

    (void)state;
    struct dossier_table *table = dossier_table(dossier, "times", "Times", "Words.");
    table->chart = DOSSIER_COLUMNS_LEGAL;
    table->step_us = UINT64_C(3600000000);
    dossier_column(dossier, "time", "from", DOSSIER_TIME);
    dossier_column(dossier, "listed", "listed", DOSSIER_NUMBER)->tone = DOSSIER_TONE_LEGAL;
    dossier_column(dossier, "urged", "urged", DOSSIER_NUMBER)->tone =
        DOSSIER_TONE_LEGAL + DOSSIER_URGED;
    for (unsigned i = 0; i < 500; i++) { /* more columns than a chart has */
        dossier_number(dossier, i * table->step_us);
        dossier_number(dossier, i == 3 ? UINT64_MAX / 4 : i);
        dossier_number(dossier, 1);
    }
    char *page = render(dossier_render_html, dossier);
    const char *at = strstr(page, "<svg class=\"columns\"");
    assert_non_null(at);
    assert_non_null(strstr(at, "viewBox=\"0 0 960 1000\""));
    for (at = strstr(at, "<rect"); at != NULL; at = strstr(at + 1, "<rect")) {
        unsigned x = 0, y = 0, width = 0, height = 0;

        assert_int_equal(sscanf(strstr(at, "x="),
                                "x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\"", &x, &y, &width,
                                &height),
                         4);
        assert_true(x + width <= 960 && y <= 1000 && height <= 1000);
    }
    free(page);
    dossier_destroy(dossier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_what_it_is_said_to_be),
        cmocka_unit_test(what_a_spreadsheet_would_run_is_text),
        cmocka_unit_test(a_page_has_no_element_that_a_name_made),
        cmocka_unit_test(what_would_move_a_terminal_or_hide_is_shown_by_its_octets),
        cmocka_unit_test(a_long_cell_is_cut_in_a_terminal),
        cmocka_unit_test(people_see_the_first_rows_and_how_many_more),
        cmocka_unit_test(charts_stay_in_their_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
