/* The first screen and the lists of status, from lists signed with keys of our own. */
#include "base/clock.h"
#include "base/random.h"
#include "daemon/screen.h"
#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/lists.h"

/* The caller frees it. */
static char *screen_of(const struct fixture *fixture, const struct probe_result *probes,
                       uint64_t now_s)
{
    const struct screen screen = {
        .config_path = "test.yaml",
        .config = fixture->config,
        .snapshot = fixture->snapshot,
        .listen = fixture->config->listen,
        .listen_count = fixture->config->listen_count,
        .workers = 2,
        .probes = probes,
        .now_s = now_s,
    };
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    screen_print(&screen, out);
    fclose(out);
    return text;
}

static void expect(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}

static void says_what_runs(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t now_s = CREATED_S + 3 * DAY_S;
    const struct probe_result probes[1] = {{.state = PROBE_ANSWERED, .rtt_us = 1234}};
    char key[TRUST_KEY_ID_TEXT];

    write_list(fixture, "first", RULE("exact www.first.example") RULE("suffix first.example"),
               2);
    write_list(fixture, "second", RULE("suffix second.example"), 2);
    load_well(fixture, "    first: log\n    second: enforce\n", "", now_s);
    char *text = screen_of(fixture, probes, now_s);
    expect(text, "listens on  127.0.0.1 port 5300, UDP and TCP\n            ::1 port 5300");
    expect(text, "upstreams   192.0.2.53 port 53  answers (1.2 ms)\n");
    expect(text, "first   log      serial 2025112201  2 rules");
    expect(text, "second  enforce  serial 2025112201  1 rule");
    expect(text, "3 days old, expires in 397 days");
    expect(text, "events      standard output");
    expect(text, "dig @127.0.0.1 -p 5300 second.example   # blocked by second");
    expect(text, "dig @127.0.0.1 -p 5300 example.com      # not blocked");
    for (unsigned i = 0; i < 2; i++) {
        trust_key_id_format(fixture->secret[i].id, key);
        expect(text, key);
    }
    assert_null(strstr(text, "\x1b")); /* no terminal, no colour */
    free(text);
}

static void says_when_a_list_is_past_its_time(void **state)
{
    struct fixture *fixture = *state;

    write_list(fixture, "first", RULE("suffix first.example"), 2);
    load_well(fixture, "    first: enforce\n", "", CREATED_S + DAY_S);
    static const struct {
        uint64_t now_s;
        const char *expected;
    } rows[] = {
        {CREATED_S + 2 * DAY_S, "2 days old"},
        {CREATED_S + 400 * DAY_S + 3 * DAY_S, "STALE: expired 3 days ago, still in force"},
        {CREATED_S - DAY_S, "is this machine's clock right?"}, /* before it was made */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = screen_of(fixture, NULL, rows[i].now_s);
        expect(text, rows[i].expected);
        free(text);
    }
}

static void says_that_no_upstream_can_be_reached(void **state)
{
    struct fixture *fixture = *state;
    const struct probe_result silent[1] = {{.state = PROBE_SILENT}};
    const struct probe_result failed[1] = {{.state = PROBE_FAILED, .error = -ENETUNREACH}};

    write_list(fixture, "first", RULE("suffix first.example"), 2);
    load_well(fixture, "    first: enforce\n", "", CREATED_S);
    char *text = screen_of(fixture, silent, CREATED_S);
    expect(text, "does not answer");
    expect(text, "No upstream can be reached");
    free(text);
    text = screen_of(fixture, failed, CREATED_S);
    expect(text, "unreachable: Network is unreachable");
    free(text);
    fixture->snapshot->upstreams.count = 0;
    text = screen_of(fixture, NULL, CREATED_S);
    expect(text, "names no resolver but this one");
    free(text);
}

static void takes_no_example_that_is_let_through(void **state)
{
    struct fixture *fixture = *state;
    char name[WIRE_NAME_TEXT_MAX];
    char list[65];

    /* The first rule logs, the second is passed by another list, the third is no suffix rule:
     * the fourth is the first that blocks what it says. */
    write_list(fixture, "first",
               "block suffix logged.example category=t scope=cloud confidence=high action=log "
               "evidence=\"none\"\n" RULE("suffix passed.example") RULE("exact exact.example")
                   RULE("suffix good.example"),
               2);
    write_list(fixture, "second",
               "pass suffix passed.example category=t scope=cloud confidence=high "
               "evidence=\"none\"\n",
               2);
    load_well(fixture, "    first: enforce\n    second: enforce\n", "", CREATED_S);
    assert_true(
        screen_blocked_name(fixture->snapshot, fixture->folder, name, sizeof(name), list));
    assert_string_equal(name, "good.example");
    assert_string_equal(list, "first");
}

static void takes_the_best_known_example(void **state)
{
    struct fixture *fixture = *state;
    char name[WIRE_NAME_TEXT_MAX];
    char list[65];

    /* An unknown one, one with the first word of the id, one with all of it, one that is not
     * blocked, one that begins with all of it, and a later one. */
    write_list(fixture, "brand-cloud",
               RULE("suffix a.example") RULE("suffix brand.example")
                   RULE("suffix mybrandcloud.example") RULE("exact brandcloud.example")
                       RULE("suffix brandcloud1.example") RULE("suffix brandcloud2.example"),
               2);
    load_well(fixture, "    brand-cloud: enforce\n", "", CREATED_S);
    assert_true(
        screen_blocked_name(fixture->snapshot, fixture->folder, name, sizeof(name), list));
    assert_string_equal(name, "brandcloud1.example");
}

#define RULE_WITH(action, match_name)                                               \
    "block " match_name " category=test scope=cloud confidence=high action=" action \
    " evidence=\"none\"\n"

/* Nobody sees that a question was dropped, or that truncation led to TCP, where it passes. */
static void prefers_an_example_whose_block_can_be_seen(void **state)
{
    struct fixture *fixture = *state;
    char name[WIRE_NAME_TEXT_MAX];
    char list[65];
    static const struct {
        const char *first, *second; /* rules of the lists of these names */
        const char *name, *list;
    } rows[] = {
        /* in one list, however well another name is known */
        {RULE_WITH("drop", "suffix first.example") RULE_WITH("truncate", "suffix first.test")
             RULE_WITH("nodata", "suffix seen.example"),
         RULE("suffix second.example"), "seen.example", "first"},
        /* in another list */
        {RULE_WITH("drop", "suffix first.example"), RULE("suffix a.example"), "a.example",
         "second"},
        /* each action that gives an answer */
        {RULE_WITH("drop", "suffix first.example") RULE_WITH("nxdomain", "suffix b.example"),
         RULE("suffix a.example"), "b.example", "first"},
        {RULE_WITH("drop", "suffix first.example") RULE_WITH("refused", "suffix b.example"),
         RULE("suffix a.example"), "b.example", "first"},
        {RULE_WITH("drop", "suffix first.example")
             RULE_WITH("redirect:walled.example", "suffix b.example"),
         RULE("suffix a.example"), "b.example", "first"},
        /* where there is no other, it is one all the same */
        {RULE_WITH("truncate", "suffix a.example"), RULE_WITH("drop", "suffix b.example"),
         "a.example", "first"},
        {RULE("exact a.example"), RULE_WITH("drop", "suffix b.example"), "b.example", "second"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_list(fixture, "first", rows[i].first, 2);
        write_list(fixture, "second", rows[i].second, 2);
        load_well(fixture, "    first: enforce\n    second: enforce\n", "", CREATED_S);
        assert_true(
            screen_blocked_name(fixture->snapshot, fixture->folder, name, sizeof(name), list));
        assert_string_equal(name, rows[i].name);
        assert_string_equal(list, rows[i].list);
        setup_snapshot_free(fixture->snapshot);
        fixture->snapshot = NULL;
        config_free(fixture->config);
        fixture->config = NULL;
    }
}

/* The text may have gone since it was verified, or not have been read yet: whatever lies there
 * by now neither holds up the start nor fills the memory. */
static void what_took_the_place_of_a_list_is_no_example(void **state)
{
    struct fixture *fixture = *state;
    char name[WIRE_NAME_TEXT_MAX];
    char list[65];
    char path[PATH_MAX];

    write_list(fixture, "first", RULE("suffix first.example"), 2);
    load_well(fixture, "    first: enforce\n", "", CREATED_S);
    snprintf(path, sizeof(path), "%s/first.list", fixture->folder);
    alarm(10); /* who opens a FIFO waits for its writer */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(
        screen_blocked_name(fixture->snapshot, fixture->folder, name, sizeof(name), list));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(
        screen_blocked_name(fixture->snapshot, fixture->folder, name, sizeof(name), list));
    assert_int_equal(rmdir(path), 0);

    /* A line that never ends. */
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    close(fd);
    assert_false(
        screen_blocked_name(fixture->snapshot, fixture->folder, name, sizeof(name), list));
    alarm(0);
    assert_int_equal(unlink(path), 0);
}

static void has_no_example_if_everything_only_logs(void **state)
{
    struct fixture *fixture = *state;
    char name[WIRE_NAME_TEXT_MAX];
    char list[65];

    write_list(fixture, "first", RULE("suffix first.example"), 2);
    load_well(fixture, "    first: enforce\n", "policy:\n  mode: log\n", CREATED_S);
    assert_false(
        screen_blocked_name(fixture->snapshot, fixture->folder, name, sizeof(name), list));
    char *text = screen_of(fixture, NULL, CREATED_S);
    expect(text, "nothing is blocked, only recorded");
    expect(text, "no list is enforced");
    free(text);
}

#define NAME_SERVER_RULE                                                  \
    "block suffix dns.example category=test scope=cloud confidence=high " \
    "trigger=nameserver evidence=\"none\"\n"

static void a_list_without_names_is_still_enforced(void **state)
{
    struct fixture *fixture = *state;

    write_list(fixture, "first", NAME_SERVER_RULE, 2);
    load_well(fixture, "    first: enforce\n", "", CREATED_S);
    char *text = screen_of(fixture, NULL, CREATED_S);
    expect(text, "not blocked; the lists in force");
    assert_null(strstr(text, "no list is enforced"));
    free(text);
}

static void asks_a_wildcard_at_the_loopback(void **state)
{
    struct fixture *fixture = *state;

    write_list(fixture, "first", RULE("suffix first.example"), 2);
    load_well(fixture, "    first: enforce\n", "server:\n  listen: [0.0.0.0@5301]\n",
              CREATED_S);
    char *text = screen_of(fixture, NULL, CREATED_S);
    expect(text, "dig @127.0.0.1 -p 5301 ");
    free(text);
}

static void makes_no_snapshot_of_what_is_faulty(void **state)
{
    struct fixture *fixture = *state;

    write_list(fixture, "twice", RULE("suffix good.example"), 2);
    write_list(fixture, "once", RULE("suffix good.example"), 1);
    static const char *const uses[] = {
        "    once: enforce\n",                 /* one signature of two */
        "    twice: enforce\n    once: log\n", /* the same beside a good one */
        "    missing: enforce\n",              /* no such file */
    };
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        assert_true(load(fixture, uses[i], "", CREATED_S) < 0);
        assert_true(fixture->report.errors > 0);
        assert_null(fixture->snapshot);
        report_deinit(&fixture->report);
        report_init(&fixture->report);
        config_free(fixture->config);
        fixture->config = NULL;
    }
    load_well(fixture, "    once: off\n    twice: enforce\n", "",
              CREATED_S); /* off: not read */
}

static void writes_the_lists_of_status(void **state)
{
    struct fixture *fixture = *state;
    char memory[4096];
    struct text out;

    write_list(fixture, "first", RULE("suffix first.example"), 2);
    load_well(fixture, "    first: enforce\n", "", CREATED_S);
    text_init(&out, memory, sizeof(memory));
    json_object_begin(&out, NULL);
    status_lists(&out, fixture->snapshot, CONFIG_DEAD_PASS, CREATED_S + 500 * DAY_S);
    json_object_end(&out);
    assert_false(out.overflow);
    expect(memory,
           "{\"lists\":[{\"id\":\"first\",\"title\":\"Test names\",\"provider\":\"test\","
           "\"mode\":\"enforce\",\"paused\":false,\"serial\":2025112201,"
           "\"created\":\"2025-11-22T00:00:00Z\",\"expires\":\"2026-12-27T00:00:00Z\","
           "\"age_s\":43200000,\"freshness\":\"stale\",\"due\":\"2026-12-27T00:00:00Z\","
           "\"trust\":\"keys\",\"keys\":[\"");
    expect(memory, "\"rules\":1,\"staged\":0,\"held\":false}],\"rules\":1}");
}

static void writes_spans_in_words(void **state)
{
    static const struct {
        uint64_t seconds;
        const char *expected;
    } rows[] = {
        {0, "0 s"},
        {119, "119 s"},
        {120, "2 minutes"},
        {7199, "119 minutes"},
        {7200, "2 hours"},
        {2 * DAY_S - 1, "47 hours"},
        {2 * DAY_S, "2 days"},
        {400 * DAY_S, "400 days"},
    };
    char out[32];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(screen_span(rows[i].seconds, out), rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_what_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(says_when_a_list_is_past_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(says_that_no_upstream_can_be_reached, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_no_example_that_is_let_through, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_the_best_known_example, setup, teardown),
        cmocka_unit_test_setup_teardown(prefers_an_example_whose_block_can_be_seen, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_took_the_place_of_a_list_is_no_example, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(has_no_example_if_everything_only_logs, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_list_without_names_is_still_enforced, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(asks_a_wildcard_at_the_loopback, setup, teardown),
        cmocka_unit_test_setup_teardown(makes_no_snapshot_of_what_is_faulty, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_the_lists_of_status, setup, teardown),
        cmocka_unit_test(writes_spans_in_words),
    };

    if (random_library_init() != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
