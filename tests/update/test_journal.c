/* update/journal, update/memory: what is written down has its bounds, and half a line costs
 * itself alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "update/journal.h"
#include "update/memory.h"

#include "trust/workshop.h"

#include <sys/stat.h>

static const struct update_actor actor = {.uid = 7, .user = "somebody"};

static struct update_result result_of(enum update_outcome outcome)
{
    struct update_result result = {.publisher = "press", .outcome = outcome, .began_s = 1};

    report_init(&result.report);
    return result;
}

static void add(const struct update_result *result)
{
    const struct update_options options = {.reason = NULL};

    assert_int_equal(update_journal_add(".", &options, &actor, result), 0);
}

static size_t count_lines(const char *path, const char *words)
{
    size_t len = 0;
    size_t count = 0;
    char *text = workshop_read(path, &len);

    for (char *at = text; at != NULL && at < text + len;) {
        char *end = memchr(at, '\n', (size_t)(text + len - at));

        count += memmem(at, end == NULL ? (size_t)(text + len - at) : (size_t)(end - at), words,
                        strlen(words)) != NULL;
        at = end == NULL ? NULL : end + 1;
    }
    free(text);
    return count;
}

static void half_a_line_costs_itself_alone(void **state)
{
    const struct update_result same = result_of(UPDATE_SAME);
    size_t len = 0;

    (void)state;
    add(&same);
    char *text = workshop_read(UPDATE_JOURNAL_FILE, &len);
    workshop_write(UPDATE_JOURNAL_FILE, text, len / 8); /* of a run that was killed */
    free(text);
    add(&same);
    add(&same);
    assert_int_equal(count_lines(UPDATE_JOURNAL_FILE, "\"outcome\":\"same\""), 2);
    assert_int_equal(count_lines(UPDATE_JOURNAL_FILE, ""), 3);
}

static void a_journal_that_has_grown_too_long_is_the_one_before(void **state)
{
    const struct update_result same = result_of(UPDATE_SAME);
    struct stat status;

    (void)state;
    add(&same);
    assert_int_equal(stat(UPDATE_JOURNAL_FILE, &status), 0);
    assert_int_equal(status.st_mode & 07777 & ~0640u, 0); /* it can name clients */
    assert_int_equal(truncate(UPDATE_JOURNAL_FILE, UPDATE_JOURNAL_OCTETS_MAX), 0);
    add(&same);
    assert_int_not_equal(access(UPDATE_JOURNAL_FILE ".1", F_OK), 0);
    add(&same);
    assert_int_equal(stat(UPDATE_JOURNAL_FILE ".1", &status), 0);
    assert_true(status.st_size > UPDATE_JOURNAL_OCTETS_MAX);
    assert_int_equal(count_lines(UPDATE_JOURNAL_FILE, "\"outcome\":\"same\""), 1);
}

/* The verdict, and what it says of each list, go first. */
static void a_line_that_is_too_long_is_cut_to_its_summary(void **state)
{
    struct update_result result = result_of(UPDATE_ACTIVATED);
    size_t len = 0;

    (void)state;
    result.verdict = calloc(1, UPDATE_LINE_MAX + 3);
    assert_non_null(result.verdict);
    result.verdict[0] = '"';
    memset(result.verdict + 1, 'x', UPDATE_LINE_MAX);
    result.verdict[UPDATE_LINE_MAX + 1] = '"';
    result.changes = calloc(1, sizeof(result.changes[0]));
    assert_non_null(result.changes);
    result.change_count = 1;
    report_add(&result.report, REPORT_WARNING, "a", 0, 0, "a warning");
    add(&result);
    char *text = workshop_read(UPDATE_JOURNAL_FILE, &len);
    assert_true(len < 4096 && text[len - 1] == '\n');
    assert_non_null(strstr(text, "\"outcome\":\"activated\""));
    assert_non_null(strstr(text, "a warning"));
    assert_null(strstr(text, "\"gate\""));
    free(text);
    update_result_free(&result);
}

static void the_word_of_an_operator_is_a_line(void **state)
{
    const struct update_publisher publishers[] = {{.name = "press"}, {.name = "far"}};
    const uint32_t serials[] = {5, 0};
    struct report report;
    const struct update_acknowledged what = {.time_s = 1,
                                             .reason = "a \"reason\"",
                                             .publishers = publishers,
                                             .serials = serials,
                                             .count = 2,
                                             .report = &report};

    (void)state;
    report_init(&report);
    assert_int_equal(update_journal_acknowledge(".", &actor, &what), 0);
    assert_int_equal(
        count_lines(UPDATE_JOURNAL_FILE,
                    "\"kind\":\"acknowledge\",\"time\":\"1970-01-01T00:00:01Z\",\"uid\":7,"
                    "\"user\":\"somebody\",\"reason\":\"a \\\"reason\\\"\",\"publishers\":["
                    "{\"publisher\":\"press\",\"catalogue\":5},"
                    "{\"publisher\":\"far\",\"catalogue\":0}]"),
        1);
    report_deinit(&report);
}

static void a_memory_that_is_too_large_is_as_none(void **state)
{
    static const char text[] = "[{\"source\":\"a\",\"failures\":3}]";
    const struct config_sources sources = {.at = {(char *)(uintptr_t) "a"}, .count = 1};
    struct update_memory memory;
    char *large = malloc(UPDATE_MEMORY_OCTETS_MAX + 1);

    (void)state;
    assert_non_null(large);
    memset(large, ' ', UPDATE_MEMORY_OCTETS_MAX + 1);
    memcpy(large, text, sizeof(text) - 1);
    workshop_write("memory", large, UPDATE_MEMORY_OCTETS_MAX);
    update_memory_read("memory", &sources, &memory);
    assert_int_equal(memory.at[0].failures, 3);
    workshop_write("memory", large, UPDATE_MEMORY_OCTETS_MAX + 1);
    update_memory_read("memory", &sources, &memory);
    assert_int_equal(memory.at[0].failures, 0);
    free(large);
}

/* However often it has failed: six hours at the most, and a day if it asks for it. */
static void a_source_comes_last_for_so_long_at_the_most(void **state)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = {3};
    struct update_known known = {.failures = 0};
    struct random random;
    char why[2 * UPDATE_WHY_MAX];

    (void)state;
    random_init_seed(&random, seed);
    memset(why, 'w', sizeof(why) - 1);
    why[sizeof(why) - 1] = '\0';
    for (unsigned i = 0; i < 3000; i++) {
        update_known_failed(&known, 1000000, 0, why, &random);
        assert_true(known.last_until_s >= 1000000 + UPDATE_LAST_S / 2 &&
                    known.last_until_s <= 1000000 + UPDATE_LAST_MOST_S);
    }
    assert_true(known.last_until_s >= 1000000 + UPDATE_LAST_MOST_S / 2);
    assert_int_equal(strlen(known.why), UPDATE_WHY_MAX - 1);
    update_known_answered(&known, 1000001);
    assert_true(known.failures == 0 && known.last_until_s == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(half_a_line_costs_itself_alone),
        WORKSHOP_TEST(a_journal_that_has_grown_too_long_is_the_one_before),
        WORKSHOP_TEST(a_line_that_is_too_long_is_cut_to_its_summary),
        WORKSHOP_TEST(the_word_of_an_operator_is_a_line),
        WORKSHOP_TEST(a_memory_that_is_too_large_is_as_none),
        WORKSHOP_TEST(a_source_comes_last_for_so_long_at_the_most),
    };

    return cmocka_run_group_tests(tests, workshop_library, NULL);
}
