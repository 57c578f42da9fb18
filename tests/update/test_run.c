/* update/run: which source is asked when, what is taken, what is not, and what is in force
 * then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "update/runs.h"

static void what_is_new_comes_into_force_and_unchanged_files_are_links(void **state)
{
    struct runs runs;
    struct stat first, second;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", "two", "same", NULL);
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_int_equal(runs_in_force(), 1);
    assert_int_equal(runs_accepted(), 1);
    assert_int_equal(stat("store/press/current/two.list", &first), 0);
    assert_int_equal(runs_run(&runs), UPDATE_SAME);
    assert_int_equal(runs.judged, 1);
    runs_publish(&runs, "a", 2, "one", "second", "three", "new", "two", "same", NULL);
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_int_equal(runs_in_force(), 2);
    assert_int_equal(runs.result.from_serial, 1);
    assert_int_equal(runs.result.change_count, 2);
    assert_int_equal(stat("store/press/current/two.list", &second), 0);
    assert_int_equal(first.st_ino, second.st_ino);
    runs_close(&runs);
}

static void the_first_that_answers_counts(void **state)
{
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", NULL);
    runs_publish(&runs, "b", 2, "one", "second", NULL);
    runs_sources(&runs, "a", "b");
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_string_equal(runs.asked, "a ");
    assert_int_equal(runs_in_force(), 1);
    runs.down[0] = "a";
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_string_equal(runs.asked, "a b ");
    assert_int_equal(runs_in_force(), 2);
    assert_int_equal(runs.waits, 0);
    runs_close(&runs);
}

static void one_that_failed_comes_last_for_a_while(void **state)
{
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", NULL);
    runs_publish(&runs, "b", 1, "one", "first", NULL);
    runs_sources(&runs, "a", "b");
    runs.down[0] = "a";
    runs_run(&runs);
    assert_string_equal(runs.asked, "a b ");
    runs.down[0] = NULL;
    runs_run(&runs);
    assert_string_equal(runs.asked, "b ");
    runs.now_s += UPDATE_LAST_S + 1;
    runs_run(&runs);
    assert_string_equal(runs.asked, "a ");
    /* What it asks for by itself is heard. */
    runs.down[0] = "a";
    runs.retry_after_s = 7200;
    runs_run(&runs);
    runs.down[0] = NULL;
    runs.now_s += 7100;
    runs_run(&runs);
    assert_string_equal(runs.asked, "b ");
    runs.now_s += 200;
    runs_run(&runs);
    assert_string_equal(runs.asked, "a ");
    /* A clock that was set back by years is no reason to leave it behind for years. */
    runs.down[0] = "a";
    runs_run(&runs);
    runs.down[0] = NULL;
    runs.now_s -= 3 * UPDATE_RETRY_AFTER_MAX_S;
    runs_run(&runs);
    assert_string_equal(runs.asked, "a ");
    runs_close(&runs);
}

static void all_are_asked_again_with_growing_pauses(void **state)
{
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_sources(&runs, "a", "b");
    runs.down[0] = "a";
    runs.down[1] = "b";
    assert_int_equal(runs_run(&runs), UPDATE_NO_SOURCE);
    assert_string_equal(runs.asked, "a b a b a b ");
    assert_int_equal(runs.waits, 2);
    assert_true(runs.waited_ms >= 500 + 1000 && runs.waited_ms <= 1000 + 2000);
    assert_true(runs_said(&runs, "it is down"));
    runs.options.rounds = 1;
    assert_int_equal(runs_run(&runs), UPDATE_NO_SOURCE);
    assert_int_equal(runs.waits, 0);
    assert_int_equal(runs_in_force(), 0);
    runs_close(&runs);
}

/* Each file comes in time, and all of them would take hours. */
static void one_that_is_slow_does_not_hold_up_another(void **state)
{
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 2, "one", "second", "three", "second", "two", "second", NULL);
    runs_publish(&runs, "b", 2, "one", "second", "three", "second", "two", "second", NULL);
    runs_sources(&runs, "a", "b");
    runs.slow = "a";
    runs.slow_s = 300;
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_string_equal(runs.asked, "a b ");
    assert_string_equal(runs.result.source, "b");
    assert_true(runs_said(&runs, "its files take more than 1200 s together"));
    /* It is the only one: what has come is kept, and the next run goes on; nor is it asked
     * again in the same. */
    assert_int_equal(nftw("store", workshop_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
    runs_sources(&runs, "a", NULL);
    runs.now_s = PRESS_NOW_S;
    assert_int_equal(runs_run(&runs), UPDATE_NO_SOURCE);
    assert_string_equal(runs.asked, "a ");
    assert_true(runs.now_s <= PRESS_NOW_S + 1200 + 300);
    runs.slow_s = 100; /* a little faster now */
    unsigned turns = 1;
    while (runs_run(&runs) == UPDATE_NO_SOURCE) {
        assert_true(++turns < 5);
    }
    assert_int_equal(runs_in_force(), 2);
    /* Who waits longer for one file waits as long for all. */
    runs_publish(&runs, "a", 3, "one", "third", NULL);
    runs.config->update_timeout_s = 7200;
    runs.slow_s = 1000;
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    runs_close(&runs);
}

static void who_is_refused_is_not_asked_again_and_another_one_is(void **state)
{
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 5, "one", "fifth", NULL);
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    workshop_remove_below("a");
    runs_publish(&runs, "a", 4, "one", "fourth", NULL); /* a rollback */
    runs_publish(&runs, "b", 6, "one", "sixth", NULL);
    assert_int_equal(runs_run(&runs), UPDATE_REFUSED);
    assert_int_equal(runs.waits, 0);
    assert_true(runs_said(&runs, "rollback"));
    assert_int_equal(runs_in_force(), 5);
    runs_sources(&runs, "a", "b");
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_int_equal(runs_in_force(), 6);
    /* Refused and not reached: that it was refused says more. */
    runs.down[0] = "b";
    assert_int_equal(runs_run(&runs), UPDATE_REFUSED);
    runs_close(&runs);
}

static void a_mirror_that_stands_still_does_not_hold_back_another(void **state)
{
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", NULL);
    runs_publish(&runs, "b", 2, "one", "second", NULL);
    runs_sources(&runs, "a", "b");
    runs_run(&runs);
    assert_int_equal(runs_run(&runs), UPDATE_SAME);
    assert_string_equal(runs.asked, "a "); /* it is in date */
    runs.now_s += 8 * PRESS_DAY_S;
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_string_equal(runs.asked, "a b ");
    assert_int_equal(runs_in_force(), 2);
    runs_close(&runs);
}

static void what_the_gate_refuses_at_one_mirror_does_not_hold_back_another(void **state)
{
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", NULL);
    runs_publish(&runs, "b", 1, "one", "first", NULL);
    runs_publish(&runs, "c", 2, "one", "a mistake", NULL);
    runs_sources(&runs, "a", "b");
    runs_run(&runs);
    /* It is refused, and that is told, though another one has what is in force. */
    runs.bad_serial = 2;
    runs_sources(&runs, "c", "a");
    assert_int_equal(runs_run(&runs), UPDATE_REFUSED);
    assert_string_equal(runs.asked, "c a ");
    assert_string_equal(runs.result.source, "c");
    assert_int_equal(runs.result.to_serial, 2);
    assert_int_equal(runs_in_force(), 1);
    /* Nor does one that stands still say it away, once all are asked. */
    runs.now_s += 8 * PRESS_DAY_S;
    runs_sources(&runs, "a", "c");
    assert_int_equal(runs_run(&runs), UPDATE_REFUSED);
    assert_string_equal(runs.asked, "a c ");
    assert_string_equal(runs.result.source, "c");
    runs.now_s -= 8 * PRESS_DAY_S;
    /* The same again is judged once. */
    runs_publish(&runs, "b", 2, "one", "a mistake", NULL);
    runs_sources(&runs, "c", "b");
    runs.judged = 0;
    assert_int_equal(runs_run(&runs), UPDATE_REFUSED);
    assert_string_equal(runs.asked, "c b ");
    assert_int_equal(runs.judged, 1);
    /* One has the next version already, in which it is mended. */
    runs_publish(&runs, "b", 3, "one", "mended", NULL);
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_string_equal(runs.asked, "c b ");
    assert_string_equal(runs.result.source, "b");
    assert_int_equal(runs_in_force(), 3);
    runs_close(&runs);
}

/* A line of the journal each, as they were. */
static void two_versions_in_one_run_are_told_as_two(void **state)
{
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", NULL);
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_null(runs.result.earlier);
    /* The first is past its day, so the second is asked, and what it has is refused. */
    runs.now_s += 8 * PRESS_DAY_S;
    runs_publish(&runs, "a", 2, "one", "second", NULL);
    runs_publish(&runs, "b", 3, "one", "third", "two", "new", NULL);
    runs_sources(&runs, "a", "b");
    runs.bad_serial = 3;
    assert_int_equal(runs_run(&runs), UPDATE_REFUSED);
    const struct update_result *last = &runs.result;
    const struct update_result *first = last->earlier;
    assert_non_null(first);
    assert_null(first->earlier);
    assert_int_equal(first->outcome, UPDATE_ACTIVATED);
    assert_string_equal(first->source, "a");
    assert_true(first->from_serial == 1 && first->to_serial == 2);
    assert_int_equal(strncmp(first->to, "2-", 2), 0);
    assert_int_equal(first->change_count, 1);
    assert_string_equal(last->source, "b");
    assert_string_equal(last->from, first->to);
    assert_string_equal(last->to, "");
    assert_true(last->from_serial == 2 && last->to_serial == 3);
    assert_true(last->from_root == 1 && last->to_root == 1);
    assert_int_equal(last->change_count, 2);
    assert_int_equal(last->expires_s, first->expires_s);
    assert_true(first->requests > 0 && last->requests > 0);
    assert_int_equal(update_exit(last, 1), 4);
    assert_int_equal(runs_in_force(), 2);
    /* Nothing came into force this time. */
    assert_int_equal(runs_run(&runs), UPDATE_REFUSED);
    assert_null(runs.result.earlier);
    assert_int_equal(update_exit(&runs.result, 1), 1);
    /* Both do. */
    runs.bad_serial = 0;
    runs_publish(&runs, "a", 4, "one", "fourth", NULL);
    runs_publish(&runs, "b", 5, "one", "fifth", NULL);
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_true(runs.result.from_serial == 4 && runs.result.to_serial == 5);
    assert_int_equal(runs.result.earlier->outcome, UPDATE_ACTIVATED);
    assert_true(runs.result.earlier->from_serial == 2 && runs.result.earlier->to_serial == 4);
    assert_int_equal(update_exit(&runs.result, 1), 0);
    /* The second cannot be judged, or is fetched in vain. */
    runs.fault_serial = 7;
    runs_publish(&runs, "a", 6, "one", "sixth", NULL);
    runs_publish(&runs, "b", 7, "one", "seventh", NULL);
    assert_int_equal(runs_run(&runs), UPDATE_FAULT);
    assert_int_equal(runs.result.earlier->outcome, UPDATE_ACTIVATED);
    assert_int_equal(runs.result.earlier->to_serial, 6);
    assert_int_equal(update_exit(&runs.result, 1), 4);
    assert_int_equal(runs_in_force(), 6);
    runs_close(&runs);
}

static void note_serial(void *context, struct update_result *result)
{
    char *text = context;

    snprintf(text + strlen(text), 64, "%s %u, ", update_outcome_word(result->outcome),
             result->to_serial);
}

static void what_was_refused_counts_if_it_is_newer_than_what_came(void **state)
{
    struct runs runs;
    char told[256] = "";

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 9, "one", "a mistake", NULL);
    runs_publish(&runs, "b", 8, "one", "eighth", NULL);
    runs_sources(&runs, "a", "b");
    runs.bad_serial = 9;
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    update_result_each(&runs.result, note_serial, told);
    assert_string_equal(told, "refused 9, activated 8, ");
    assert_int_equal(update_exit(&runs.result, 1), 4);
    runs_publish(&runs, "b", 10, "one", "mended", NULL);
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_int_equal(update_exit(&runs.result, 1), 0); /* nothing is left undone */
    assert_int_equal(runs_in_force(), 10);
    runs_close(&runs);
}

static void the_exit_code_says_what_is_left_undone(void **state)
{
    static const struct {
        enum update_outcome outcomes[2];
        int code;
    } rows[] = {
        {{UPDATE_ACTIVATED, UPDATE_SAME}, 0},  {{UPDATE_WOULD, UPDATE_SAME}, 0},
        {{UPDATE_REFUSED, UPDATE_SAME}, 4},    {{UPDATE_SAME, UPDATE_NO_SOURCE}, 4},
        {{UPDATE_ACTIVATED, UPDATE_FAULT}, 4}, {{UPDATE_REFUSED, UPDATE_NO_SOURCE}, 1},
        {{UPDATE_NO_SOURCE, UPDATE_FAULT}, 1}, {{UPDATE_NO_SOURCE, UPDATE_NO_SOURCE}, 3},
    };
    static struct update_result results[2];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        results[0].outcome = rows[i].outcomes[0];
        results[1].outcome = rows[i].outcomes[1];
        assert_int_equal(update_exit(results, 2), rows[i].code);
    }
}

static void what_the_gate_refuses_is_not_remembered_and_not_fetched_twice(void **state)
{
    static const char second[] = "second, and a longer one";
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", NULL);
    runs_run(&runs);
    runs_publish(&runs, "a", 2, "one", second, NULL);
    runs.judgement = UPDATE_JUDGED_BAD;
    assert_int_equal(runs_run(&runs), UPDATE_REFUSED);
    assert_int_equal(runs_in_force(), 1);
    assert_int_equal(runs_accepted(), 1);
    const uint64_t octets = runs.result.octets;
    assert_int_equal(runs_run(&runs), UPDATE_REFUSED);
    assert_int_equal(runs.result.octets, octets - strlen(second));
    runs.judgement = UPDATE_JUDGED_NOT;
    assert_int_equal(runs_run(&runs), UPDATE_FAULT);
    assert_int_equal(runs_in_force(), 1);
    runs.judgement = UPDATE_JUDGED_GOOD;
    runs.options.dry_run = true;
    assert_int_equal(runs_run(&runs), UPDATE_WOULD);
    assert_int_equal(runs_in_force(), 1);
    assert_int_equal(runs_accepted(), 1);
    runs.options.dry_run = false;
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_int_equal(runs_in_force(), 2);
    assert_int_equal(runs_accepted(), 2);
    runs_close(&runs);
}

static void roots_are_followed_and_kept(void **state)
{
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", "two", "same", NULL);
    runs_run(&runs);
    /* Key 3 goes, key 6 comes: what is in force is signed anew under the next root. */
    struct trust_root *next = press_root(&runs.press, 2);
    press_role(&runs.press, &next->list, "456", 2);
    press_root_write(&runs.press, next, "a", "01");
    press_sign(&runs.press, "a/catalogue", "46");
    press_sign(&runs.press, "a/one.list", "46");
    assert_int_equal(runs_run(&runs), UPDATE_REFUSED); /* `two` is not */
    assert_true(runs_said(&runs, "two.list: too few"));
    assert_int_equal(runs_in_force(), 1);
    press_sign(&runs.press, "a/two.list", "46");
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_int_equal(access("store/press/current/2.root", F_OK), 0);
    assert_int_equal(runs_in_force(), 1);
    assert_int_equal(runs_run(&runs), UPDATE_SAME);
    /* A mirror that keeps the root back changes nothing: it is here. */
    assert_int_equal(unlink("a/2.root"), 0);
    assert_int_equal(runs_run(&runs), UPDATE_SAME);
    assert_int_equal(runs.result.from_root, 2);
    /* One that nobody of the old ones has signed is refused. */
    next = press_root(&runs.press, 3);
    press_role(&runs.press, &next->root, "789", 2);
    press_root_write(&runs.press, next, "a", "78");
    assert_int_equal(runs_run(&runs), UPDATE_REFUSED);
    assert_int_equal(runs_in_force(), 1);
    runs_close(&runs);
}

static void the_root_that_is_pinned_stays_the_pinned_one(void **state)
{
    struct runs runs;
    size_t len = 0;
    size_t pinned_len = 0;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", NULL);
    /* A mirror's own first root, by keys that it made itself. */
    struct trust_root *other = press_root(&runs.press, 1);
    press_role(&runs.press, &other->root, "789", 2);
    press_root_write(&runs.press, other, "a", "78");
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    char *text = workshop_read("store/press/current/1.root", &len);
    char *pinned = workshop_read("pin/1.root", &pinned_len);
    assert_int_equal(len, pinned_len);
    assert_memory_equal(text, pinned, len);
    free(text);
    free(pinned);
    runs_close(&runs);
}

static void only_lists_in_use_if_the_operator_says_so(void **state)
{
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", "two", "second", NULL);
    runs.config->update_used_only = true;
    runs.config->update_octets = 5; /* and only what comes counts */
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_int_equal(access("store/press/current/one.list", F_OK), 0);
    assert_int_not_equal(access("store/press/current/two.list", F_OK), 0);
    assert_int_equal(runs_run(&runs), UPDATE_SAME);
    runs.config->update_used_only = false;
    assert_int_equal(runs_run(&runs), UPDATE_REFUSED);
    assert_true(runs_said(&runs, "update.size"));
    runs.config->update_octets = 100;
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED); /* the same catalogue, more of it */
    assert_int_equal(runs_in_force(), 1);
    runs_close(&runs);
}

static void a_damaged_ratchet_takes_nothing_new_and_nothing_away(void **state)
{
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", NULL);
    runs_run(&runs);
    runs_publish(&runs, "a", 2, "one", "second", NULL);
    workshop_write("store/" TRUST_RATCHET_FILE TRUST_RATCHET_COPY, "no ratchet", 10);
    workshop_write("store/" TRUST_RATCHET_FILE, "no ratchet", 10);
    assert_int_equal(runs_run(&runs), UPDATE_FAULT);
    assert_int_equal(runs_in_force(), 1);
    assert_true(runs_said(&runs, "trust.ratchet"));
    runs_close(&runs);
}

static void a_damaged_memory_is_as_none(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "[1, null, {}]",
        "[{\"source\": 7}]",
        "[{\"source\": \"a\", \"failures\": -1, \"etag\": \"\\n\"}]",
        "\xff"};
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", NULL);
    runs_run(&runs);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        workshop_write("store/press/sources.json", texts[i], strlen(texts[i]));
        assert_int_equal(runs_run(&runs), UPDATE_SAME);
    }
    runs_close(&runs);
}

static void so_many_versions_are_kept(void **state)
{
    char names[16][UPDATE_VERSION_MAX];
    struct update_place place;
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs.config->update_keep = 3;
    for (unsigned i = 1; i <= 6; i++) {
        char text[16];

        snprintf(text, sizeof(text), "text %u", i);
        runs_publish(&runs, "a", i, "one", text, NULL);
        assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    }
    assert_true(update_place_name("store", "press", &place));
    assert_int_equal(update_place_list(&place, names, 16), 3);
    assert_int_equal(strncmp(names[0], "6-", 2), 0);
    assert_int_equal(strncmp(names[2], "4-", 2), 0);
    assert_int_equal(runs_in_force(), 6);
    runs_close(&runs);
}

static void a_folder_in_the_place_of_the_link_is_left_alone(void **state)
{
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", NULL);
    assert_int_equal(file_make_folder("store/press/current", 0755), 0);
    assert_int_equal(runs_run(&runs), UPDATE_FAULT);
    assert_true(runs_said(&runs, "this is no link"));
    /* A link to what is installed is replaced, and what it led to is as it was. */
    assert_int_equal(rmdir("store/press/current"), 0);
    runs_publish(&runs, "installed", 1, "one", "first", NULL);
    assert_int_equal(symlink("../../installed", "store/press/current"), 0);
    runs_publish(&runs, "a", 2, "one", "second", NULL);
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    assert_int_equal(runs_in_force(), 2);
    assert_int_equal(access("installed/one.list", F_OK), 0);
    runs_close(&runs);
}

static void links_in_the_place_of_the_folders_are_not_followed(void **state)
{
    static const char *const folders[] = {"candidate", "incoming", "versions"};
    struct runs runs;
    char path[64], away[64];

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", NULL);
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    runs_publish(&runs, "a", 2, "one", "second", NULL);
    (void)mkdir("elsewhere", 0700);
    workshop_write("elsewhere/precious", "x", 1);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "store/press/%s", folders[i]);
        snprintf(away, sizeof(away), "store/press/%s.away", folders[i]);
        (void)rename(path, away);
        assert_int_equal(symlink("../../elsewhere", path), 0);
        assert_int_equal(runs_run(&runs), UPDATE_FAULT);
        assert_true(runs_said(&runs, "remove the link"));
        assert_int_equal(access("elsewhere/precious", F_OK), 0);
        assert_int_equal(unlink(path), 0);
        (void)rename(away, path);
        assert_int_equal(runs_in_force(), 1);
    }
    assert_int_equal(runs_run(&runs), UPDATE_ACTIVATED);
    runs_close(&runs);
}

static void what_a_killed_run_has_left_is_removed(void **state)
{
    static const char *const left[] = {
        "store/trust.ratchet.a1B2c3.new", "store/trust.ratchet.copy.zzzzzz.new",
        "store/press/sources.json.000000.new", "store/press/incoming/one.tag.QQQQQQ.new",
        "store/press/current.new"};
    static const char *const stays[] = {"store/trust.ratchet.backup", "store/journal.old",
                                        "store/press/sources.json.mine"};
    struct runs runs;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "a", 1, "one", "first", NULL);
    runs_run(&runs);
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        workshop_write(left[i], "half", 4);
    }
    for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++) {
        workshop_write(stays[i], "mine", 4);
    }
    assert_int_equal(runs_run(&runs), UPDATE_SAME);
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        assert_int_not_equal(access(left[i], F_OK), 0);
    }
    for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++) {
        assert_int_equal(access(stays[i], F_OK), 0);
    }
    runs_close(&runs);
}

/* Whoever can read a lock can hold it. */
static void the_lock_is_nobody_elses(void **state)
{
    struct update_store store;
    struct stat status;

    (void)state;
    assert_int_equal(update_store_open("store", NULL, &store), 0);
    update_store_close(&store);
    assert_int_equal(chmod("store/lock", 0644), 0); /* as it was made before */
    assert_int_equal(update_store_open("store", NULL, &store), 0);
    update_store_close(&store);
    assert_int_equal(stat("store/lock", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void two_runs_at_once_are_one(void **state)
{
    struct update_store first, second;
    struct report report;

    (void)state;
    report_init(&report);
    assert_int_equal(update_store_open("store", &report, &first), 0);
    assert_int_equal(update_store_open("store", &report, &second), -EBUSY);
    assert_int_equal(report.errors, 1);
    update_store_close(&first);
    assert_int_equal(update_store_open("store", &report, &second), 0);
    update_store_close(&second);
    report_deinit(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(what_is_new_comes_into_force_and_unchanged_files_are_links),
        WORKSHOP_TEST(the_first_that_answers_counts),
        WORKSHOP_TEST(one_that_failed_comes_last_for_a_while),
        WORKSHOP_TEST(all_are_asked_again_with_growing_pauses),
        WORKSHOP_TEST(one_that_is_slow_does_not_hold_up_another),
        WORKSHOP_TEST(who_is_refused_is_not_asked_again_and_another_one_is),
        WORKSHOP_TEST(a_mirror_that_stands_still_does_not_hold_back_another),
        WORKSHOP_TEST(what_the_gate_refuses_at_one_mirror_does_not_hold_back_another),
        WORKSHOP_TEST(two_versions_in_one_run_are_told_as_two),
        WORKSHOP_TEST(what_was_refused_counts_if_it_is_newer_than_what_came),
        WORKSHOP_TEST(the_exit_code_says_what_is_left_undone),
        WORKSHOP_TEST(what_the_gate_refuses_is_not_remembered_and_not_fetched_twice),
        WORKSHOP_TEST(roots_are_followed_and_kept),
        WORKSHOP_TEST(the_root_that_is_pinned_stays_the_pinned_one),
        WORKSHOP_TEST(only_lists_in_use_if_the_operator_says_so),
        WORKSHOP_TEST(a_damaged_ratchet_takes_nothing_new_and_nothing_away),
        WORKSHOP_TEST(a_damaged_memory_is_as_none),
        WORKSHOP_TEST(so_many_versions_are_kept),
        WORKSHOP_TEST(a_folder_in_the_place_of_the_link_is_left_alone),
        WORKSHOP_TEST(links_in_the_place_of_the_folders_are_not_followed),
        WORKSHOP_TEST(what_a_killed_run_has_left_is_removed),
        WORKSHOP_TEST(the_lock_is_nobody_elses),
        WORKSHOP_TEST(two_runs_at_once_are_one),
    };

    return cmocka_run_group_tests(tests, runs_library, NULL);
}
