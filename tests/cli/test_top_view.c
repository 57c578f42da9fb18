/* Documents of `top` compared, and put on a screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/top_view.h"

#include <stdio.h>
#include <string.h>

static json_t *read(const char *text)
{
    json_error_t error;
    json_t *document = json_loads(text, 0, &error);

    if (document == NULL) {
        fail_msg("%s: %s", error.text, text);
    }
    return document;
}

/* A document with these numbers. */
static json_t *document(unsigned pid, unsigned uptime_ms, unsigned taken, unsigned blocked,
                        unsigned hits, const char *buckets)
{
    char text[2048];

    snprintf(text, sizeof(text),
             "{\"ok\":true,\"version\":\"1\",\"pid\":%u,\"uptime_ms\":%u,\"workers\":2,"
             "\"workers_reported\":1,\"in_flight\":3,"
             "\"questions\":{\"taken\":%u,\"blocked\":%u,\"logged\":0,\"cache_hits\":%u,"
             "\"cache_misses\":10},"
             "\"cache\":{\"entries\":5,\"octets\":2048,\"size\":4096},"
             "\"events\":{\"written\":7,\"lost_ring\":1,\"lost_output\":2,\"stalled\":false},"
             "\"upstreams\":[{\"address\":\"192.0.2.1@53\",\"health\":\"up\",\"rtt_us\":1500,"
             "\"questions\":%u,\"timeouts\":0,\"failures\":0}],"
             "\"latency\":{\"all\":{\"sum_us\":0,\"buckets\":%s}},"
             "\"recent\":{\"seconds\":70,\"names\":["
             "{\"name\":\"a.blocked.test\",\"blocked\":true,\"count\":9,\"error\":0},"
             "{\"name\":\"b.seen.test\",\"blocked\":false,\"count\":4,\"error\":0}],"
             "\"clients\":[{\"address\":\"192.0.2.9\",\"count\":11,\"error\":0}],"
             "\"providers\":[{\"provider\":\"cloud\",\"blocked\":true,\"count\":9}],"
             "\"clients_blocked\":[]}}",
             pid, uptime_ms, taken, blocked, hits, taken / 2, buckets);
    return read(text);
}

static const char *render(const json_t *before, const json_t *now, const char *trouble,
                          unsigned columns, unsigned rows)
{
    static char screen[65536];
    struct top_model model;

    top_compare(before, now, &model);
    top_render(&model, before, now, trouble, columns, rows, screen, sizeof(screen));
    return screen;
}

static void rates_are_what_came_between_the_two(void **state)
{
    json_t *before = document(1, 1000, 100, 10, 50, "[[7,100]]");
    json_t *now = document(1, 3000, 500, 20, 150, "[[7,400],[1023,100]]");
    struct top_model model;

    (void)state;
    top_compare(before, now, &model);
    assert_false(model.since_start);
    assert_true(model.seconds > 1.99 && model.seconds < 2.01);
    assert_int_equal(model.questions, 400);
    assert_int_equal(model.blocked, 10);
    assert_int_equal(model.hits, 100);
    assert_int_equal(model.misses, 0);
    assert_int_equal(histogram_total(&model.latency[TOP_ALL]), 400);
    assert_int_equal(histogram_quantile(&model.latency[TOP_ALL], 750), 7);
    assert_int_equal(histogram_quantile(&model.latency[TOP_ALL], 751), 1023);
    const char *screen = render(before, now, NULL, 100, 40);
    assert_non_null(strstr(screen, "questions     200.0/s"));
    assert_non_null(strstr(screen, "100 % hits"));
    assert_non_null(strstr(screen, "1 of 2 workers report"));
    assert_non_null(strstr(screen, "7 written, 3 lost"));
    assert_non_null(strstr(screen, "100.0/s  0 timed out"));
    assert_non_null(strstr(screen, "9 a.blocked.test"));
    assert_non_null(strstr(screen, "4 (recorded) b.seen.test"));
    assert_non_null(strstr(screen, "11 192.0.2.9"));
    assert_non_null(strstr(screen, "9 cloud"));
    json_decref(before);
    json_decref(now);
}

static void another_process_begins_anew(void **state)
{
    json_t *before = document(1, 90000, 10000, 10, 50, "[[7,10000]]");
    json_t *now = document(2, 2000, 500, 20, 150, "[[7,500]]");
    struct top_model model;

    (void)state;
    top_compare(before, now, &model);
    assert_true(model.since_start);
    assert_int_equal(model.questions, 500);
    assert_int_equal(histogram_total(&model.latency[TOP_ALL]), 500);
    top_compare(NULL, now, &model);
    assert_true(model.since_start);
    assert_non_null(strstr(render(NULL, now, NULL, 100, 40), "(since the start)"));
    json_decref(before);
    json_decref(now);
}

static void figures_are_a_document(void **state)
{
    json_t *before = document(1, 1000, 100, 10, 50, "[[7,100]]");
    json_t *now = document(1, 3000, 500, 20, 150, "[[7,500]]");
    struct top_model model;

    (void)state;
    top_compare(before, now, &model);
    json_t *figures = top_figures(&model, now);
    assert_non_null(figures);
    assert_int_equal(cli_number_of(figures, "questions"), 400);
    assert_true(json_real_value(json_object_get(figures, "questions_per_s")) > 199);
    assert_true(json_real_value(json_object_get(figures, "hit_ratio")) > 0.99);
    assert_int_equal(
        cli_number_of(json_object_get(json_object_get(figures, "latency"), "all"), "count"),
        400);
    assert_ptr_equal(json_object_get(figures, "now"), now);
    json_decref(figures);
    json_decref(before);
    json_decref(now);
}

/* Every line is short enough, there are not too many, and nothing drives a terminal. */
static void check_screen(const char *screen, unsigned columns, unsigned rows)
{
    unsigned lines = 0;
    unsigned width = 0;

    for (const char *at = screen; *at != '\0'; at++) {
        if (*at == '\n') {
            lines++;
            width = 0;
        } else {
            assert_true(*at >= 0x20 && *at < 0x7f);
            assert_true(++width <= columns);
        }
    }
    assert_int_equal(width, 0);
    assert_true(lines <= rows);
}

static void it_fits_every_terminal(void **state)
{
    json_t *now = document(1, 3000, 500, 20, 150, "[[7,500]]");

    (void)state;
    for (unsigned columns = 1; columns < 300; columns += 7) {
        for (unsigned rows = 1; rows < 60; rows += 3) {
            check_screen(render(NULL, now, NULL, columns, rows), columns, rows);
        }
    }
    check_screen(render(NULL, now, NULL, 4000, 4000), 4000, 4000);
    check_screen(render(NULL, NULL, "nobody \x1b[2J answers", 40, 10), 40, 10);
    json_decref(now);
}

static void names_of_strangers_stay_text(void **state)
{
    json_t *now = read(
        "{\"version\":\"\\u001b]0;x\\u0007\",\"upstreams\":[{\"address\":\"\\u009b1m\","
        "\"health\":\"\\u001b[5m\"}],\"recent\":{"
        "\"names\":[{\"name\":\"a\\u001b[2Jb\\r\\nc\\u202ed\",\"blocked\":true,\"count\":1}],"
        "\"clients\":[{\"address\":\"\\u001bc\",\"count\":1}],"
        "\"providers\":[{\"provider\":\"p\\u0001q\\b\",\"blocked\":true,\"count\":1}]}}");

    (void)state;
    check_screen(render(NULL, now, "\x1b[31m\n", 80, 40), 80, 40);
    const char *screen = render(NULL, now, NULL, 200, 40);
    check_screen(screen, 200, 40);
    assert_non_null(strstr(screen, "a\\x1b[2Jb\\x0d\\x0ac"));
    json_decref(now);
}

static void documents_of_another_shape_do_no_harm(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"questions\":[],\"latency\":{\"all\":{\"buckets\":{}}},\"recent\":7}",
        ("{\"latency\":{\"all\":{\"sum_us\":-5,"
         "\"buckets\":[1,[],[-1,5],[5],[5,-5],[\"x\",\"y\"],"
         "[9223372036854775807,9223372036854775807]]}}}"),
        ("{\"uptime_ms\":-1,\"pid\":\"x\",\"upstreams\":[1,null,{}],"
         "\"recent\":{\"names\":[1,{}]}}"),
        "{\"questions\":{\"taken\":9223372036854775807},\"uptime_ms\":1}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
            json_t *before = strcmp(texts[i], "[]") == 0 ? NULL : read(texts[i]);
            json_t *now = read(texts[j]);
            struct top_model model;

            check_screen(render(before, now, NULL, 80, 24), 80, 24);
            top_compare(before, now, &model);
            json_decref(top_figures(&model, now));
            json_decref(before);
            json_decref(now);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_what_came_between_the_two),
        cmocka_unit_test(another_process_begins_anew),
        cmocka_unit_test(figures_are_a_document),
        cmocka_unit_test(it_fits_every_terminal),
        cmocka_unit_test(names_of_strangers_stay_text),
        cmocka_unit_test(documents_of_another_shape_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
