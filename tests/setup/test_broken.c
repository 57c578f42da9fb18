/* setup/lists: a publisher whose folder is broken costs its own lists alone, and these stay as
 * they were accepted before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "setup/lists.h"

#include "trust/press.h"

#include <errno.h>
#include <sys/stat.h>

/* One publisher in lists/ with the list "one", another in far/ with "two"; and what a daemon
 * does with them. */
struct place {
    struct press own, far;
    struct setup_snapshot *now; /* in force */
    const char *more;           /* of the configuration */
    const struct setup_held_set *held;
    uint64_t now_s;
};

static void publish(const struct press *press, const char *publisher, const char *folder,
                    const char *id, uint32_t serial, const char *name)
{
    char text[1024];
    char path[128];
    struct trust_catalogue *catalogue = press_catalogue(serial);

    snprintf(catalogue->publisher, sizeof(catalogue->publisher), "%s", publisher);
    snprintf(text, sizeof(text), PRESS_LIST, id, serial, name);
    press_list_write(press, folder, id, text, "34");
    press_add(catalogue, id, serial, text);
    press_catalogue_write(press, catalogue, folder, "34");
    /* As the daemon keeps them once they are in force. */
    mkdir("state", 0700);
    mkdir("state/lists", 0700);
    snprintf(path, sizeof(path), "state/lists/%s", id);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "state/lists/%s/%u-0123456789abcdef.list", id, serial);
    workshop_write(path, text, strlen(text));
}

static void open_place(struct place *place)
{
    memset(place, 0, sizeof(*place));
    place->more = "";
    place->now_s = PRESS_NOW_S;
    press_open(&place->own);
    press_open(&place->far);
    assert_int_equal(mkdir("lists", 0700), 0);
    assert_int_equal(mkdir("far", 0700), 0);
    press_root_write(&place->own, press_root(&place->own, 1), "lists", "01");
    struct trust_root *root = press_root(&place->far, 1);
    snprintf(root->publisher, sizeof(root->publisher), "far");
    press_root_write(&place->far, root, "far", "01");
    publish(&place->own, "press", "lists", "one", 5, "one.test");
    publish(&place->far, "far", "far", "two", 5, "two.far.test");
}

static void close_place(struct place *place)
{
    setup_snapshot_free(place->now);
    press_close(&place->far);
    press_close(&place->own);
}

/* A start, or a reload of what is in force. */
static int load(struct place *place, bool starts)
{
    char folder[256];
    char text[2048];
    struct config *config = NULL;
    struct setup_snapshot *made = NULL;
    struct report *report = &place->own.report;
    const struct setup_snapshot *before = place->now;

    assert_non_null(getcwd(folder, sizeof(folder)));
    snprintf(text, sizeof(text),
             "upstreams: {servers: [192.0.2.53]}\nstate: {directory: state}\n"
             "lists: {directory: lists, use: {one: enforce, two: enforce}%s}\n"
             "trust:\n  publishers:\n    far: {directory: far, root: far/1.root, lists: [two], "
             "providers: [test], names: [far.test]}\n",
             place->more);
    report_deinit(report);
    assert_int_equal(config_parse(text, strlen(text), "t.yaml", folder, report, &config), 0);
    const struct setup_request request = {.generation = 1,
                                          .now_s = place->now_s,
                                          .starts = starts,
                                          .tolerates = true,
                                          .held = place->held,
                                          .memory = starts ? (struct setup_memory){0}
                                                           : before->memory,
                                          .before = starts ? NULL : before};
    const int rc = setup_snapshot_make_for(config, &request, report, &made);
    if (rc != 0) {
        config_free(config);
        return rc;
    }
    setup_snapshot_free(place->now);
    place->now = made;
    return 0;
}

static bool blocks_in(const struct place *place, unsigned view, const char *text)
{
    struct wire_name name;
    struct policy_outcome outcome = {0};

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    policy_decide_question(place->now->policy, view, &name, &outcome);
    return outcome.enforced;
}

static bool blocks(const struct place *place, const char *text)
{
    return blocks_in(place, 0, text);
}

static uint32_t serial_of(const struct place *place, const char *id)
{
    for (size_t i = 0; i < place->now->list_count; i++) {
        if (strcmp(place->now->lists[i].id, id) == 0) {
            return place->now->lists[i].serial;
        }
    }
    return 0;
}

static void expect_broken(const struct place *place, const char *publisher, bool left_out,
                          const char *words)
{
    assert_int_equal(place->now->broken_count, 1);
    assert_string_equal(place->now->broken[0].publisher, publisher);
    assert_int_equal(place->now->broken[0].left_out, left_out);
    if (strstr(place->now->broken[0].fault, words) == NULL) {
        fail_msg("not '%s' but %s", words, place->now->broken[0].fault);
    }
    assert_true(place->own.report.errors > 0);
}

/* What may be wrong with a folder. */

static void no_catalogue(struct place *place)
{
    (void)place;
    assert_int_equal(unlink("far/catalogue"), 0);
}

static void no_folder(struct place *place)
{
    (void)place;
    assert_int_equal(rename("far", "gone"), 0);
}

static void no_signatures(struct place *place)
{
    (void)place;
    assert_int_equal(system("rm far/two.list.*.minisig"), 0);
}

static void out_of_scope(struct place *place)
{
    publish(&place->far, "far", "far", "two", 6, "one.test");
}

static void rolled_back(struct place *place)
{
    publish(&place->far, "far", "far", "two", 4, "two.far.test");
}

static void expired(struct place *place)
{
    struct trust_root *root = press_root(&place->far, 2);

    snprintf(root->publisher, sizeof(root->publisher), "far");
    root->expires_s = PRESS_NOW_S - 1;
    press_root_write(&place->far, root, "far", "01");
    publish(&place->far, "far", "far", "two", 6, "two.far.test");
}

static const struct {
    const char *words;
    void (*make)(struct place *place);
} broken[] = {
    {"catalogue", no_catalogue},       {"1.root", no_folder},     {"two.list", no_signatures},
    {"outside of what", out_of_scope}, {"rollback", rolled_back}, {"expired on", expired},
};

static void its_lists_stay_and_others_go_on(void **state)
{
    struct place place;

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        assert_int_equal(system("rm -rf lists far gone state"), 0);
        open_place(&place);
        assert_int_equal(load(&place, true), 0);
        assert_int_equal(place.now->broken_count, 0);
        publish(&place.own, "press", "lists", "one", 6, "newer.test");
        broken[i].make(&place);
        assert_int_equal(load(&place, i % 2 == 1), 0); /* by a reload, and by a start */
        expect_broken(&place, "far", false, broken[i].words);
        assert_int_equal(serial_of(&place, "one"), 6);
        assert_int_equal(serial_of(&place, "two"), 5);
        assert_true(blocks(&place, "newer.test") && blocks(&place, "a.two.far.test"));
        assert_false(place.now->lists[1].held);
        assert_string_equal(place.now->lists[1].publisher, "far");
        assert_int_equal(load(&place, false), 0); /* and so again */
        assert_int_equal(serial_of(&place, "two"), 5);
        close_place(&place);
    }
}

static void what_is_wrong_is_not_remembered(void **state)
{
    struct place place;

    (void)state;
    open_place(&place);
    assert_int_equal(load(&place, true), 0);
    publish(&place.far, "far", "far", "two", 9, "one.test"); /* beyond its scope */
    assert_int_equal(load(&place, false), 0);
    assert_int_equal(serial_of(&place, "two"), 5);
    publish(&place.far, "far", "far", "two", 7, "better.far.test"); /* less than 9 */
    assert_int_equal(load(&place, false), 0);
    assert_int_equal(place.now->broken_count, 0);
    assert_true(blocks(&place, "better.far.test"));
    close_place(&place);
}

static void without_a_kept_version_a_reload_keeps_all(void **state)
{
    struct place place;

    (void)state;
    open_place(&place);
    assert_int_equal(load(&place, true), 0);
    publish(&place.own, "press", "lists", "one", 6, "newer.test");
    no_catalogue(&place);
    workshop_write("state/lists/two/5-0123456789abcdef.list", "another text", 12);
    assert_true(load(&place, false) != 0);
    assert_int_equal(serial_of(&place, "one"), 5);
    assert_true(press_said(&place.own, "no version that was accepted before was kept"));
    close_place(&place);
}

static void without_a_kept_version_a_start_leaves_them_out(void **state)
{
    struct place place;

    (void)state;
    open_place(&place);
    no_catalogue(&place); /* at the first start of all */
    assert_int_equal(load(&place, true), 0);
    expect_broken(&place, "far", true, "catalogue");
    assert_int_equal(serial_of(&place, "two"), 0);
    assert_true(blocks(&place, "one.test"));
    publish(&place.own, "press", "lists", "one", 6, "newer.test");
    assert_int_equal(load(&place, false), 0); /* nothing of it is in force: nothing is lost */
    expect_broken(&place, "far", true, "catalogue");
    assert_true(blocks(&place, "newer.test"));
    publish(&place.far, "far", "far", "two", 5, "two.far.test");
    assert_int_equal(load(&place, false), 0);
    assert_int_equal(place.now->broken_count, 0);
    assert_true(blocks(&place, "two.far.test"));
    close_place(&place);
}

static void a_start_without_the_folder_has_what_was_accepted(void **state)
{
    struct place place;

    (void)state;
    open_place(&place);
    assert_int_equal(load(&place, true), 0);
    publish(&place.own, "press", "lists", "one", 4, "older.test"); /* somebody rolls it back */
    assert_int_equal(load(&place, false), CORDON_E_REFUSED); /* a reload keeps what runs */
    assert_int_equal(load(&place, true), 0);
    expect_broken(&place, "", false, "rollback");
    assert_true(blocks(&place, "one.test"));
    assert_false(blocks(&place, "older.test"));
    publish(&place.own, "press", "lists", "one", 6, "newer.test");
    assert_int_equal(load(&place, true), 0);
    assert_int_equal(place.now->broken_count, 0);
    assert_int_equal(system("rm lists/one.list"), 0); /* a file of it is gone */
    assert_int_equal(load(&place, true), 0);
    expect_broken(&place, "", false, "one.list");
    assert_true(blocks(&place, "newer.test"));
    close_place(&place);
}

static void a_first_start_without_lists_is_the_operators_word(void **state)
{
    struct place place;

    (void)state;
    open_place(&place);
    assert_int_equal(unlink("lists/catalogue"), 0);
    assert_true(load(&place, true) != 0);
    place.more = ", when-missing: stop";
    assert_true(load(&place, true) != 0);
    place.more = ", when-missing: pass";
    assert_int_equal(load(&place, true), 0);
    expect_broken(&place, "", true, "catalogue");
    assert_int_equal(serial_of(&place, "one"), 0);
    assert_true(blocks(&place, "two.far.test"));
    assert_false(blocks(&place, "one.test"));
    close_place(&place);
}

#define KEPT "state/lists/two/5-0123456789abcdef.list"

/* Serial 6 of "two" is in force for half of the clients, beside 5. */
static void open_staged(struct place *place, struct setup_held *held,
                        struct setup_held_set *set)
{
    static const uint8_t key[SIPHASH_KEY_OCTETS] = {1};
    size_t len = 0;

    open_place(place);
    place->more = ", stages: [{for: 1h, mode: log}, {for: 1h, share: 50%}]";
    assert_int_equal(load(place, true), 0);
    press_sign(&place->far, KEPT, "34");
    char *text = workshop_read(KEPT, &len);
    *held = (struct setup_held){.id = "two",
                                .version = {.path = KEPT, .serial = 5},
                                .newer = SETUP_NEWER_STAGED,
                                .newer_serial = 6,
                                .stage = 1};
    digest_of(text, len, NULL, held->version.hash);
    free(text);
    *set = (struct setup_held_set){.at = held, .count = 1, .key = key};
    place->held = set;
    publish(&place->far, "far", "far", "two", 6, "newer.far.test");
    assert_int_equal(load(place, false), 0);
    assert_int_equal(place->now->broken_count, 0);
    assert_int_equal(place->now->newer_count, 1);
}

static void expect_staged(const struct place *place)
{
    assert_int_equal(place->now->newer_count, 1);
    assert_int_equal(place->now->staged[0].share, 500);
    assert_int_equal(place->now->staged[0].newer, 6);
    assert_int_equal(place->now->staged[0].stage, 1);
    assert_int_equal(place->now->lists[1].serial, 5);
    assert_int_equal(place->now->lists[1].newer_serial, 6);
    assert_true(place->now->lists[1].held);
    assert_int_equal(place->now->lists[2].serial, 6);
    assert_false(place->now->lists[2].held);
    assert_string_equal(place->now->lists[2].publisher, "far");
    assert_true(blocks_in(place, 0, "two.far.test") && !blocks_in(place, 0, "newer.far.test"));
    assert_true(blocks_in(place, 1, "newer.far.test") && !blocks_in(place, 1, "two.far.test"));
}

/* A folder that breaks while a newer version is brought in throws nobody back who has it. */
static void a_newer_version_on_its_way_stays_with_those_who_have_it(void **state)
{
    struct setup_held held;
    struct setup_held_set set;
    struct place place;

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        uint8_t before[DIGEST_OCTETS];

        if (broken[i].make == out_of_scope || broken[i].make == expired) {
            continue; /* these write another serial 6 */
        }
        assert_int_equal(system("rm -rf lists far gone state"), 0);
        open_staged(&place, &held, &set);
        expect_staged(&place);
        memcpy(before, place.now->fingerprint->total, sizeof(before));
        broken[i].make(&place);
        assert_int_equal(load(&place, i % 2 == 1), 0);
        expect_broken(&place, "far", false, broken[i].words);
        expect_staged(&place);
        assert_true(place.now->lists[1].folder_broken && place.now->lists[2].folder_broken);
        assert_memory_equal(place.now->fingerprint->total, before, sizeof(before));
        set.count = 0; /* after the last stage: the newer one for all */
        assert_int_equal(load(&place, false), 0);
        assert_int_equal(serial_of(&place, "two"), 6);
        assert_int_equal(place.now->newer_count, 0);
        close_place(&place);
    }
}

/* Its kept text is no more: the older one counts for all, and it waits. */
static void a_newer_version_that_cannot_be_had_waits(void **state)
{
    struct setup_held held;
    struct setup_held_set set;
    struct place place;

    (void)state;
    open_staged(&place, &held, &set);
    no_catalogue(&place);
    workshop_write("state/lists/two/6-0123456789abcdef.list", "another text", 12);
    for (unsigned i = 0; i < 2; i++) { /* by a reload, and by a start */
        assert_int_equal(load(&place, i == 1), 0);
        expect_broken(&place, "far", false, "catalogue");
        assert_int_equal(place.now->newer_count, 0);
        assert_int_equal(serial_of(&place, "two"), 5);
        assert_false(place.now->lists[1].held);
        assert_true(place.now->lists[1].folder_broken);
    }
    close_place(&place);
}

/* The publisher has gone back to a version that is not newer, and its folder breaks: there is
 * nothing to bring in. */
static void what_was_accepted_last_is_brought_in_only_if_it_is_newer(void **state)
{
    struct setup_held held;
    struct setup_held_set set;
    struct place place;

    (void)state;
    open_staged(&place, &held, &set);
    held.version.serial = 6;
    held.newer_serial = 7;
    held.version.path = "state/lists/two/6-0123456789abcdef.list";
    press_sign(&place.far, held.version.path, "34");
    memcpy(held.version.hash, place.now->lists[2].hash, DIGEST_OCTETS);
    no_catalogue(&place);
    assert_int_equal(load(&place, false), 0);
    assert_int_equal(place.now->newer_count, 0);
    assert_int_equal(serial_of(&place, "two"), 6);
    close_place(&place);
}

/* One second of a clock that ran wild, and one publisher whose catalogue would bear it. */
static void the_publisher_that_bears_least_says_what_a_wild_clock_is(void **state)
{
    struct place place;
    struct trust_catalogue *catalogue = press_catalogue(6);
    char *text = NULL;
    size_t len = 0;

    (void)state;
    open_place(&place);
    text = workshop_read("far/two.list", &len);
    snprintf(catalogue->publisher, sizeof(catalogue->publisher), "far");
    catalogue->expires_s = PRESS_NOW_S + 3000 * PRESS_DAY_S;
    press_add(catalogue, "two", 5, text);
    press_catalogue_write(&place.far, catalogue, "far", "34");
    free(text);
    assert_int_equal(load(&place, true), 0);
    place.now_s = PRESS_NOW_S + 500 * PRESS_DAY_S; /* more than a year behind the other's end */
    assert_int_equal(load(&place, false), 0);
    place.now_s = PRESS_NOW_S + PRESS_DAY_S;
    assert_int_equal(load(&place, false), 0);
    assert_int_equal(place.now->lists[0].freshness, POLICY_FRESH);
    assert_int_equal(place.now->lists[1].freshness, POLICY_FRESH);
    close_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(its_lists_stay_and_others_go_on),
        WORKSHOP_TEST(what_is_wrong_is_not_remembered),
        WORKSHOP_TEST(without_a_kept_version_a_reload_keeps_all),
        WORKSHOP_TEST(without_a_kept_version_a_start_leaves_them_out),
        WORKSHOP_TEST(a_start_without_the_folder_has_what_was_accepted),
        WORKSHOP_TEST(a_first_start_without_lists_is_the_operators_word),
        WORKSHOP_TEST(a_newer_version_on_its_way_stays_with_those_who_have_it),
        WORKSHOP_TEST(a_newer_version_that_cannot_be_had_waits),
        WORKSHOP_TEST(what_was_accepted_last_is_brought_in_only_if_it_is_newer),
        WORKSHOP_TEST(the_publisher_that_bears_least_says_what_a_wild_clock_is),
    };

    return cmocka_run_group_tests(tests, workshop_library, NULL);
}
