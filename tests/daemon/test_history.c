/* daemon/history: each set is a line, in two bounded files; a cut line costs itself alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"
#include "daemon/history.h"
#include "daemon/limits.h"

#include "daemon/lists.h"

#include <errno.h>
#include <sys/stat.h>

#define NOW_US UINT64_C(1795339800123456)

static const struct history_cause start = {.word = "start"};

static char *path_of(const struct fixture *fixture, const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", fixture->folder, name);
    return out;
}

static char *read_history(const struct fixture *fixture, const char *name, size_t *len)
{
    char path[128];
    uint8_t *text = NULL;

    assert_int_equal(
        file_read(path_of(fixture, name, path), 2 * DAEMON_HISTORY_OCTETS, &text, len), 0);
    return (char *)text;
}

static void make_set(struct fixture *fixture)
{
    write_list(fixture, "shop",
               "block suffix shop.example category=test scope=cloud confidence=high "
               "evidence=\"none\"\n",
               2);
    assert_int_equal(load(fixture, "    shop: log\n", "", 0), 0);
}

static void a_set_is_a_line_with_who_and_why(void **state)
{
    struct fixture *fixture = *state;
    const struct history_cause cause = {.word = "rollback",
                                        .list = "shop",
                                        .reason = "it blocks the \"bank\"",
                                        .by_person = true,
                                        .uid = 1000,
                                        .user = "alice",
                                        .pid = 4711};
    char hex[2 * DIGEST_OCTETS + 1];
    char expected[256];
    size_t len = 0;

    make_set(fixture);
    fixture->snapshot->lists[0].held = true;
    assert_int_equal(history_add(fixture->folder, fixture->snapshot, &cause, NOW_US), 0);
    char *text = read_history(fixture, HISTORY_FILE, &len);
    assert_non_null(strstr(text, "{\"v\":1,\"time\":\"2026-11-22T09:30:00.123456Z\","
                                 "\"generation\":7,\"cause\":\"rollback\",\"list\":\"shop\","
                                 "\"reason\":\"it blocks the \\\"bank\\\"\",\"uid\":1000,"
                                 "\"user\":\"alice\",\"pid\":4711,\"version\":\""));
    digest_hex(fixture->snapshot->lists[0].hash, DIGEST_OCTETS, hex);
    snprintf(expected, sizeof(expected),
             "\"lists\":[{\"id\":\"shop\",\"serial\":%u,\"hash\":\"%s\",\"mode\":\"log\","
             "\"held\":true}]}\n",
             fixture->snapshot->lists[0].serial, hex);
    assert_non_null(strstr(text, expected));
    free(text);
    assert_int_equal(history_add(NULL, fixture->snapshot, &cause, NOW_US), 0);
}

static void a_line_that_was_cut_off_is_ended(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    size_t len = 0;

    make_set(fixture);
    assert_int_equal(
        file_write_atomic(path_of(fixture, HISTORY_FILE, path), "{\"v\":1,", 7, 0600), 0);
    assert_int_equal(history_add(fixture->folder, fixture->snapshot, &start, NOW_US), 0);
    assert_int_equal(history_add(fixture->folder, fixture->snapshot, &start, NOW_US), 0);
    char *text = read_history(fixture, HISTORY_FILE, &len);
    assert_memory_equal(text, "{\"v\":1,\n{\"v\":1,\"time\"", 21);
    assert_int_equal(text[len - 1], '\n');
    assert_null(strstr(text, "\n\n"));
    free(text);
}

static void it_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    size_t len = 0;
    char *large = calloc(1, DAEMON_HISTORY_OCTETS);

    make_set(fixture);
    memset(large, 'x', DAEMON_HISTORY_OCTETS);
    large[DAEMON_HISTORY_OCTETS - 101] = '\n';
    path_of(fixture, HISTORY_FILE, path);
    assert_int_equal(file_write_atomic(path, large, DAEMON_HISTORY_OCTETS - 100, 0600), 0);
    assert_int_equal(history_add(fixture->folder, fixture->snapshot, &start, NOW_US), 0);
    free(large);
    char *text = read_history(fixture, HISTORY_FILE, &len);
    assert_true(len < 4000);
    free(text);
    text = read_history(fixture, HISTORY_BEFORE, &len);
    assert_int_equal(len, DAEMON_HISTORY_OCTETS - 100);
    free(text);
}

static void a_long_line_goes_without_modes_of_views(void **state)
{
    struct fixture *fixture = *state;
    char memory[4096];
    struct text out;

    write_list(fixture, "shop",
               "block suffix shop.example category=test scope=cloud confidence=high "
               "evidence=\"none\"\n",
               2);
    assert_int_equal(
        load(fixture, "    shop: enforce\n",
             "views:\n  kids:\n    clients: [192.0.2.0/24]\n    use: {shop: log}\n", 0),
        0);
    text_init(&out, memory, sizeof(memory));
    history_format(&out, fixture->snapshot, &start, NOW_US);
    assert_non_null(strstr(memory, "\"mode\":\"enforce\",\"views\":{\"kids\":\"log\"}}"));
    text_init(&out, memory, out.len - 5);
    history_format(&out, fixture->snapshot, &start, NOW_US);
    assert_false(out.overflow);
    assert_non_null(strstr(memory, "\"mode\":\"enforce\"}]}\n"));
}

static void what_is_no_file_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    char path[128];

    make_set(fixture);
    path_of(fixture, HISTORY_FILE, path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(history_add(fixture->folder, fixture->snapshot, &start, NOW_US),
                     CORDON_E_NO_FILE);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_equal(history_add(fixture->folder, fixture->snapshot, &start, NOW_US),
                     CORDON_E_NO_FILE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(history_add("/tmp/cordon-none", fixture->snapshot, &start, NOW_US),
                     -ENOENT);
}

static void it_is_told_in_pages(void **state)
{
    struct fixture *fixture = *state;
    char memory[8192];
    struct text out;
    uint64_t next = 0;
    size_t pages = 0;
    size_t lines = 0;

    make_set(fixture);
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(history_add(fixture->folder, fixture->snapshot, &start, NOW_US), 0);
    }
    do {
        text_init(&out, memory, sizeof(memory));
        json_array_begin(&out, NULL);
        assert_int_equal(history_write(&out, fixture->folder, next, &next), 0);
        json_array_end(&out);
        assert_false(out.overflow);
        for (const char *at = memory; (at = strstr(at, "\\\"cause\\\"")) != NULL; at++) {
            lines++;
        }
        pages++;
    } while (next > 0);
    assert_int_equal(lines, 30);
    assert_true(pages > 2);
    text_init(&out, memory, sizeof(memory));
    assert_int_equal(history_write(&out, "/tmp/cordon-none", 0, &next), 0); /* none so far */
    assert_int_equal(out.len, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_set_is_a_line_with_who_and_why),
        TEST(a_line_that_was_cut_off_is_ended),
        TEST(it_is_bounded),
        TEST(a_long_line_goes_without_modes_of_views),
        TEST(what_is_no_file_is_left_alone),
        TEST(it_is_told_in_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
