/* libcordon by a publisher's root: what is refused, how lists stand in time, and what is
 * remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trust/ratchet.h"

#include "trust/press.h"

#include <cordon/policy.h>

#include <errno.h>
#include <sys/stat.h>

#define MEMORY "memory/deeper" /* both folders are made */

struct place {
    struct press press;
    struct cordon_list_use use;
    struct cordon_policy_options options;
    struct cordon_policy *policy;
    char message[4096];
};

/* Text and catalogue of one serial, by the keys that each test wants. */
static void publish(const struct place *place, uint32_t serial, const char *name,
                    const char *list_keys, const char *catalogue_keys)
{
    struct trust_catalogue *catalogue = press_catalogue(serial);
    char text[1024];

    assert_int_equal(system("rm -f lists/*.minisig.old lists/one.list* lists/catalogue*"), 0);
    snprintf(text, sizeof(text), PRESS_LIST, "one", serial, name);
    press_list_write(&place->press, "lists", "one", text, list_keys);
    press_add(catalogue, "one", serial, text);
    press_catalogue_write(&place->press, catalogue, "lists", catalogue_keys);
}

static void open_place(struct place *place)
{
    memset(place, 0, sizeof(*place));
    press_open(&place->press);
    assert_int_equal(mkdir("lists", 0700), 0);
    assert_int_equal(mkdir("pinned", 0700), 0);
    press_root_write(&place->press, press_root(&place->press, 1), "pinned", "01");
    publish(place, 5, "one.test", "34", "34");
    place->use = (struct cordon_list_use){"one", CORDON_MODE_ENFORCE, CORDON_ACTION_DEFAULT};
    place->options = (struct cordon_policy_options){.size = sizeof(place->options),
                                                    .list_directory = "lists",
                                                    .lists = &place->use,
                                                    .list_count = 1,
                                                    .now_s = PRESS_NOW_S,
                                                    .root = "pinned/1.root"};
}

static void close_place(struct place *place)
{
    cordon_policy_close(place->policy);
    press_close(&place->press);
}

static int try(struct place *place)
{
    cordon_policy_close(place->policy);
    place->policy = NULL;
    return cordon_policy_open(&place->options, &place->policy, place->message,
                              sizeof(place->message));
}

static void must_open(struct place *place)
{
    if (try(place) != 0) {
        fail_msg("%s", place->message);
    }
}

static void must_refuse(struct place *place, int code, const char *words)
{
    const int rc = try(place);

    assert_null(place->policy);
    if (rc != code || strstr(place->message, words) == NULL) {
        fail_msg("%d, not '%s' but %s", rc, words, place->message);
    }
}

static bool blocks(const struct place *place, const char *text)
{
    struct cordon_decision decision = {.size = sizeof(decision)};
    struct cordon_name name;

    assert_int_equal(cordon_name_from_text(text, &name), 0);
    assert_int_equal(cordon_decide_name(place->policy, name.octets, name.len, &decision), 0);
    return decision.blocked != 0;
}

static struct cordon_trust_info trust_of(const struct place *place)
{
    struct cordon_trust_info info = {.size = sizeof(info)};

    assert_int_equal(cordon_policy_trust(place->policy, &info), 0);
    return info;
}

static void a_root_says_whose_lists_count(void **state)
{
    struct place place;
    struct cordon_list_info known = {.size = sizeof(known)};

    (void)state;
    open_place(&place);
    must_open(&place);
    assert_string_equal(place.message, "");
    assert_true(blocks(&place, "a.one.test"));
    struct cordon_trust_info info = trust_of(&place);
    assert_string_equal(info.publisher, "press");
    assert_int_equal(info.root_version, 1);
    assert_int_equal(info.catalogue_serial, 5);
    assert_int_equal(info.root_expires_s, PRESS_NOW_S + 300 * PRESS_DAY_S);
    assert_int_equal(info.catalogue_expires_s, PRESS_NOW_S + 7 * PRESS_DAY_S);
    assert_int_equal(info.memory, CORDON_MEMORY_NONE);
    assert_int_equal(cordon_policy_list(place.policy, 0, &known), 0);
    assert_int_equal(known.due_s, PRESS_NOW_S + 7 * PRESS_DAY_S); /* the catalogue's is first */
    assert_int_equal(known.keys, 2);
    info.size--;
    assert_int_equal(cordon_policy_trust(place.policy, &info), -EINVAL);

    /* the next root is followed, with other list keys */
    struct trust_root *next = press_root(&place.press, 2);
    press_role(&place.press, &next->list, "678", 2);
    press_root_write(&place.press, next, "lists", "01");
    must_refuse(&place, CORDON_E_THRESHOLD, "distinct trusted keys");
    publish(&place, 6, "two.test", "67", "67");
    must_open(&place);
    assert_int_equal(trust_of(&place).root_version, 2);
    assert_true(blocks(&place, "two.test"));
    close_place(&place);
}

/* What may be wrong with what a publisher gives. */

static void list_by_root_keys(struct place *place)
{
    publish(place, 6, "two.test", "01", "34");
}

static void catalogue_by_root_keys(struct place *place)
{
    publish(place, 6, "two.test", "34", "01");
}

static void one_key_too_few(struct place *place)
{
    publish(place, 6, "two.test", "34", "3");
}

static void no_catalogue(struct place *place)
{
    (void)place;
    assert_int_equal(unlink("lists/catalogue"), 0);
}

static void list_of_another_day(struct place *place)
{
    char text[1024];

    snprintf(text, sizeof(text), PRESS_LIST, "one", 4u, "old.test");
    press_list_write(&place->press, "lists", "one", text, "34");
}

static void withdrawn(struct place *place)
{
    press_catalogue_write(&place->press, press_catalogue(6), "lists", "34");
}

static void expired_root(struct place *place)
{
    struct trust_root *root = press_root(&place->press, 2);

    root->expires_s = PRESS_NOW_S - 1;
    press_root_write(&place->press, root, "lists", "01");
}

static void root_by_one_of_two(struct place *place)
{
    press_root_write(&place->press, press_root(&place->press, 2), "lists", "0");
}

static void out_of_scope(struct place *place)
{
    struct trust_root *root = press_root(&place->press, 2);

    root->scope.all_providers = false;
    snprintf(root->scope.providers[0], sizeof(root->scope.providers[0]), "other");
    root->scope.provider_count = 1;
    press_root_write(&place->press, root, "lists", "01");
}

static void another_publisher(struct place *place)
{
    place->options.publisher = "somebody-else";
}

static void no_root(struct place *place)
{
    place->options.root = "pinned/2.root";
}

static void what_a_publisher_may_not_do_is_refused(void **state)
{
    static const struct {
        void (*make)(struct place *place);
        int code;
        const char *words;
    } rows[] = {
        {list_by_root_keys, CORDON_E_THRESHOLD, "one.list: 0 of the 2 distinct trusted keys"},
        {catalogue_by_root_keys, CORDON_E_THRESHOLD, "catalogue: 0 of the 2 distinct"},
        {one_key_too_few, CORDON_E_THRESHOLD, "catalogue: 1 of the 2 distinct"},
        {no_catalogue, -ENOENT, "catalogue"},
        {list_of_another_day, CORDON_E_REFUSED, "one.list"},
        {withdrawn, CORDON_E_REFUSED, "has no list one"},
        {expired_root, CORDON_E_REFUSED, "expired on"},
        {root_by_one_of_two, CORDON_E_THRESHOLD, "2.root"},
        {out_of_scope, CORDON_E_REFUSED, "may not speak"},
        {another_publisher, CORDON_E_REFUSED, "not of \"somebody-else\""},
        {no_root, -ENOENT, "2.root"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct place place;

        assert_int_equal(system("rm -rf lists pinned memory"), 0);
        open_place(&place);
        rows[i].make(&place);
        must_refuse(&place, rows[i].code, rows[i].words);
        place.options.state_directory = MEMORY; /* and so with a memory: nothing is kept */
        must_refuse(&place, rows[i].code, rows[i].words);
        assert_int_equal(access("memory", F_OK), -1);
        close_place(&place);
    }
}

static void what_is_older_than_what_was_accepted_is_refused(void **state)
{
    struct place place;

    (void)state;
    open_place(&place);
    place.options.state_directory = MEMORY;
    must_open(&place);
    assert_int_equal(trust_of(&place).memory, CORDON_MEMORY_KEPT);
    publish(&place, 6, "two.test", "34", "34");
    must_open(&place);
    publish(&place, 5, "one.test", "34", "34"); /* what was signed once */
    must_refuse(&place, CORDON_E_REFUSED, "rollback");
    publish(&place, 6, "three.test", "34", "34"); /* two texts under one number */
    must_refuse(&place, CORDON_E_REFUSED, "another hash");
    place.options.state_directory = NULL; /* without a memory nobody notices */
    publish(&place, 5, "one.test", "34", "34");
    must_open(&place);
    place.options.state_directory = MEMORY; /* what was refused is not remembered */
    publish(&place, 6, "two.test", "34", "34");
    must_open(&place);
    assert_true(blocks(&place, "two.test"));
    close_place(&place);
}

/* What was accepted under a root stays, once that has expired; nothing newer comes in. */
static void an_expired_root_lets_nothing_new_in(void **state)
{
    struct place place;

    (void)state;
    open_place(&place);
    place.options.state_directory = MEMORY;
    must_open(&place);
    place.options.now_s = PRESS_NOW_S + 301 * PRESS_DAY_S;
    must_open(&place);
    assert_non_null(strstr(place.message, "warning: "));
    assert_int_equal(cordon_policy_freshness(place.policy, 0, place.options.now_s),
                     CORDON_STALE);
    assert_true(blocks(&place, "one.test"));
    publish(&place, 6, "two.test", "34", "34");
    must_refuse(&place, CORDON_E_REFUSED, "expired on");
    close_place(&place);
}

static void how_lists_stand_in_time_can_be_asked(void **state)
{
    static const struct {
        uint64_t now_s;
        int freshness;
    } rows[] = {
        {PRESS_NOW_S, CORDON_FRESH},
        {PRESS_NOW_S + 7 * PRESS_DAY_S - 1, CORDON_FRESH},
        {PRESS_NOW_S + 7 * PRESS_DAY_S, CORDON_STALE}, /* the catalogue has expired */
        {PRESS_NOW_S + 9 * PRESS_DAY_S - 1, CORDON_STALE},
        {PRESS_NOW_S + 9 * PRESS_DAY_S, CORDON_DEAD},
        {PRESS_NOW_S - 2 * PRESS_DAY_S, CORDON_CLOCK_UNTRUSTED}, /* before it was made */
        {1, CORDON_CLOCK_UNTRUSTED},
    };
    struct place place;

    (void)state;
    open_place(&place);
    place.options.dead_after_s = 2 * PRESS_DAY_S;
    must_open(&place);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cordon_list_info known = {.size = sizeof(known)};

        assert_int_equal(cordon_policy_freshness(place.policy, 0, rows[i].now_s),
                         rows[i].freshness);
        place.options.now_s = rows[i].now_s; /* and so when it is opened then */
        must_open(&place);
        assert_int_equal(cordon_policy_list(place.policy, 0, &known), 0);
        assert_int_equal(known.freshness, rows[i].freshness);
        assert_int_equal(place.message[0] == '\0', rows[i].freshness == CORDON_FRESH);
        assert_true(blocks(&place, "one.test")); /* expiry never opens the filter */
    }
    assert_int_equal(cordon_policy_freshness(place.policy, 1, 0), -ERANGE);
    assert_string_equal(cordon_freshness_name(CORDON_DEAD), "dead");
    assert_string_equal(cordon_freshness_name(CORDON_CLOCK_UNTRUSTED), "clock-untrusted");
    assert_null(cordon_freshness_name(-1));
    assert_null(cordon_freshness_name(4));
    close_place(&place);
}

/* Before the highest time that was ever seen nothing expires, whoever has turned the clock. */
static void the_highest_time_seen_is_remembered(void **state)
{
    struct place place;

    (void)state;
    open_place(&place);
    place.options.state_directory = MEMORY;
    place.options.now_s = PRESS_NOW_S + 3 * PRESS_DAY_S;
    must_open(&place);
    place.options.now_s = PRESS_NOW_S;
    must_open(&place);
    assert_int_equal(cordon_policy_freshness(place.policy, 0, PRESS_NOW_S),
                     CORDON_CLOCK_UNTRUSTED);
    close_place(&place);
}

static void
a_memory_that_is_damaged_is_refused_and_one_that_cannot_be_written_is_told(void **state)
{
    static const char *const files[] = {MEMORY "/" TRUST_RATCHET_FILE,
                                        MEMORY "/" TRUST_RATCHET_FILE TRUST_RATCHET_COPY};
    struct place place;

    (void)state;
    open_place(&place);
    place.options.state_directory = MEMORY;
    must_open(&place);
    workshop_write(files[0], "nonsense", 8); /* one is no loss */
    must_open(&place);
    assert_non_null(strstr(place.message, "warning: "));
    for (size_t i = 0; i < 2; i++) {
        workshop_write(files[i], "nonsense", 8);
    }
    must_refuse(&place, CORDON_E_CORRUPT, TRUST_RATCHET_FILE);

    place.options.state_directory = "pinned/1.root/below"; /* no folder can be there */
    assert_int_not_equal(try(&place), 0);
    assert_int_equal(system("rm -rf memory && ln -s /proc/1/none memory"), 0);
    place.options.state_directory = "memory";
    must_open(&place);
    assert_non_null(strstr(place.message, "older lists would not be noticed"));
    assert_int_equal(trust_of(&place).memory, CORDON_MEMORY_UNWRITTEN);
    close_place(&place);
}

/* As the processes of one resolver begin. */
static void several_processes_may_begin_at_once(void **state)
{
    struct place place;
    pid_t children[8];

    (void)state;
    open_place(&place);
    place.options.state_directory = MEMORY;
    for (size_t i = 0; i < 8; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            _exit(try(&place) == 0 && trust_of(&place).memory == CORDON_MEMORY_KEPT ? 0 : 1);
        }
    }
    for (size_t i = 0; i < 8; i++) {
        int status = -1;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    must_open(&place);
    close_place(&place);
}

/* What only a root can have is refused beside keys. */
static void a_root_and_keys_are_two_things(void **state)
{
    const char *const keys[] = {"RWnonsense"};
    struct place place;

    (void)state;
    open_place(&place);
    place.options.keys = keys;
    assert_int_equal(try(&place), -EINVAL);
    place.options.keys = NULL;
    place.options.key_count = 1;
    assert_int_equal(try(&place), -EINVAL);
    place.options.key_count = 0;
    place.options.threshold = 2;
    assert_int_equal(try(&place), -EINVAL);
    place.options.root = NULL;
    place.options.keys = keys;
    place.options.key_count = 1;
    place.options.state_directory = MEMORY;
    assert_int_equal(try(&place), -EINVAL);
    place.options.state_directory = NULL;
    place.options.publisher = "press";
    assert_int_equal(try(&place), -EINVAL);
    place.options.publisher = NULL;
    assert_true(try(&place) != 0 && place.message[0] != '\0'); /* the keys are looked at */
    close_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(a_root_says_whose_lists_count),
        WORKSHOP_TEST(what_a_publisher_may_not_do_is_refused),
        WORKSHOP_TEST(what_is_older_than_what_was_accepted_is_refused),
        WORKSHOP_TEST(an_expired_root_lets_nothing_new_in),
        WORKSHOP_TEST(how_lists_stand_in_time_can_be_asked),
        WORKSHOP_TEST(the_highest_time_seen_is_remembered),
        WORKSHOP_TEST(
            a_memory_that_is_damaged_is_refused_and_one_that_cannot_be_written_is_told),
        WORKSHOP_TEST(several_processes_may_begin_at_once),
        WORKSHOP_TEST(a_root_and_keys_are_two_things),
    };

    return cmocka_run_group_tests_name("library/trust", tests, workshop_library, NULL);
}
