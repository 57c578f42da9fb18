/* setup/trust: lists come in force by a root, a catalogue and a ratchet, or by keys alone; what
 * a publisher or a clock does wrong is refused or said, and nothing is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "setup/setup.h"

#include "trust/press.h"

#include <errno.h>
#include <sys/stat.h>

static void open_press(struct press *press)
{
    press_open(press);
    assert_int_equal(mkdir("lists", 0700), 0);
    press_root_write(press, press_root(press, 1), "lists", "01");
    press_publish(press, 7, 5, "example.test");
}

/* Makes a snapshot of this configuration; NULL: *rc says why not. memory: of what is in force;
 * NULL: nothing is. */
static struct setup_snapshot *load_as(struct press *press, const char *more, uint64_t now_s,
                                      const struct setup_memory *memory, int *rc)
{
    char folder[256];
    char text[2048];
    struct config *config = NULL;
    struct setup_snapshot *snapshot = NULL;

    assert_non_null(getcwd(folder, sizeof(folder)));
    snprintf(text, sizeof(text),
             "upstreams: {servers: [192.0.2.53]}\nlists: {directory: lists, use: {one: "
             "enforce}}\nstate: {directory: state}\n%s",
             more);
    report_deinit(&press->report);
    *rc = config_parse(text, strlen(text), "test.yaml", folder, &press->report, &config);
    if (*rc == 0) {
        const struct setup_request request = {
            .generation = 1,
            .now_s = now_s,
            .starts = memory == NULL,
            .memory = memory == NULL ? (struct setup_memory){0} : *memory,
        };
        *rc = setup_snapshot_make_for(config, &request, &press->report, &snapshot);
        if (*rc != 0) {
            config_free(config);
        }
    }
    return snapshot;
}

/* By a reload. */
static struct setup_snapshot *load_at(struct press *press, const char *more, uint64_t now_s,
                                      int *rc)
{
    static const struct setup_memory good = {.kept = true};

    return load_as(press, more, now_s, &good, rc);
}

static int load(struct press *press, const char *more)
{
    int rc = 0;

    setup_snapshot_free(load_at(press, more, PRESS_NOW_S, &rc));
    return rc;
}

static void forget(void)
{
    unlink("state/trust.ratchet");
    unlink("state/trust.ratchet" TRUST_RATCHET_COPY);
}

static bool warned(const struct press *press, const char *words)
{
    for (size_t i = 0; i < press->report.count; i++) {
        if (strstr(press->report.entries[i].text, words) != NULL) {
            return true;
        }
    }
    return false;
}

static void a_root_in_the_folder_counts_and_is_remembered(void **state)
{
    struct press press;
    int rc = 0;

    (void)state;
    open_press(&press);
    struct setup_snapshot *snapshot = load_at(&press, "", PRESS_NOW_S, &rc);
    assert_int_equal(rc, 0);
    assert_string_equal(snapshot->lists[0].publisher, "press");
    assert_int_equal(snapshot->lists[0].root_version, 1);
    assert_int_equal(snapshot->lists[0].catalogue_serial, 7);
    assert_int_equal(snapshot->lists[0].due_s, PRESS_NOW_S + 7 * PRESS_DAY_S);
    assert_int_equal(snapshot->lists[0].freshness, POLICY_FRESH);
    setup_snapshot_free(snapshot);
    assert_int_equal(access("state/trust.ratchet", F_OK), 0);
    press_publish(&press, 6, 5, "example.test");
    assert_int_equal(load(&press, ""), CORDON_E_REFUSED);
    assert_true(warned(&press, "rollback"));
    press_publish(&press, 8, 6, "example.test");
    assert_int_equal(load(&press, ""), 0);
    press_close(&press);
}

static void what_is_not_put_in_force_is_not_remembered(void **state)
{
    struct press press;
    size_t len = 0;
    size_t after_len = 0;

    (void)state;
    open_press(&press);
    assert_int_equal(load(&press, ""), 0);
    char *before = workshop_read("state/trust.ratchet", &len);
    press_publish(&press, 9, 9, "not a name"); /* signed, and no list */
    assert_int_equal(load(&press, ""), CORDON_E_REFUSED);
    char *after = workshop_read("state/trust.ratchet", &after_len);
    assert_int_equal(len, after_len);
    assert_memory_equal(before, after, len);
    free(before);
    free(after);
    press_close(&press);
}

static void lists_that_the_catalogue_does_not_name_so_are_refused(void **state)
{
    struct press press;
    char text[1024];

    (void)state;
    open_press(&press);
    snprintf(text, sizeof(text), PRESS_LIST, "one", 6u, "example.test");
    press_list_write(&press, "lists", "one", text, "34"); /* newer than the catalogue */
    assert_int_equal(load(&press, ""), CORDON_E_REFUSED);
    assert_true(warned(&press, "different days"));
    press_catalogue_write(&press, press_catalogue(8), "lists", "34");
    assert_int_equal(load(&press, ""), CORDON_E_REFUSED);
    assert_true(warned(&press, "has no list one"));
    struct trust_catalogue *catalogue = press_catalogue(9); /* another serial than the text's */
    press_add(catalogue, "one", 77, text);
    press_catalogue_write(&press, catalogue, "lists", "34");
    assert_int_equal(load(&press, ""), CORDON_E_REFUSED);
    assert_true(warned(&press, "its serial is 6, the catalogue says 77"));
    press_close(&press);
}

static void write_key(const struct press *press, size_t key, const char *path)
{
    char file[512];

    workshop_write(path, file, trust_public_key_format(&press->key[key], file, sizeof(file)));
}

/* Whoever may write into the folder could take the root away, and with it the ratchet. */
static void a_root_that_is_gone_is_missed(void **state)
{
    struct press press;

    (void)state;
    open_press(&press);
    assert_int_equal(mkdir("lists/keys", 0700), 0);
    write_key(&press, 3, "lists/keys/list-a.pub");
    write_key(&press, 4, "lists/keys/list-b.pub");
    write_key(&press, 5, "lists/keys/list-c.pub");
    assert_int_equal(load(&press, ""), 0);
    assert_int_equal(rename("lists/1.root", "1.root"), 0);
    assert_int_equal(rename("lists/keys", "keys"), 0);
    assert_int_not_equal(load(&press, ""), 0);
    assert_true(warned(&press, "neither 1.root nor keys"));
    assert_int_equal(rename("keys", "lists/keys"), 0);
    press_publish(&press, 6, 4, "older.test");
    assert_int_equal(load(&press, ""), CORDON_E_REFUSED);
    assert_true(warned(&press, "there is no 1.root, but lists of press were accepted"));
    press_publish(&press, 8, 6, "newer.test");
    assert_int_equal(load(&press, ""), CORDON_E_REFUSED);
    assert_int_equal(load(&press, "trust: {keys: [lists/keys/list-a.pub, "
                                  "lists/keys/list-b.pub]}\n"),
                     0); /* the operator's word */
    assert_int_equal(rename("1.root", "lists/1.root"), 0);
    assert_int_equal(load(&press, ""), 0);
    assert_int_equal(unlink("lists/1.root"), 0);
    forget();
    assert_int_equal(load(&press, ""), 0); /* there never was one */
    press_close(&press);
}

static void keys_alone_are_the_simple_way(void **state)
{
    struct press press;
    char more[512];
    int rc = 0;

    (void)state;
    open_press(&press);
    write_key(&press, 3, "3.pub");
    write_key(&press, 4, "4.pub");
    snprintf(more, sizeof(more), "trust: {keys: [3.pub, 4.pub]}\n");
    assert_int_equal(unlink("lists/catalogue"), 0); /* nobody asks for it */
    struct setup_snapshot *snapshot = load_at(&press, more, PRESS_NOW_S, &rc);
    assert_int_equal(rc, 0);
    assert_string_equal(snapshot->lists[0].publisher, "");
    assert_int_equal(snapshot->lists[0].due_s, snapshot->lists[0].expires_s);
    setup_snapshot_free(snapshot);
    assert_int_equal(access("state/trust.ratchet", F_OK), -1);
    assert_int_equal(load(&press, "trust: {keys: [3.pub, 4.pub], root: lists/1.root}\n"),
                     CORDON_E_REFUSED);
    assert_int_equal(load(&press, "trust: {root: lists/1.root}\n"), -ENOENT);
    press_close(&press);
}

#define RATCHET "state/trust.ratchet"

static void damage(void)
{
    workshop_write(RATCHET, "cordon-ratchet 1\n", 17);
    workshop_write(RATCHET TRUST_RATCHET_COPY, "noise", 5);
}

static void a_damaged_ratchet_is_refused_and_says_what_to_do(void **state)
{
    struct press press;

    (void)state;
    open_press(&press);
    assert_int_equal(load(&press, ""), 0);
    workshop_write(RATCHET, "noise", 5); /* one of two is no loss */
    assert_int_equal(load(&press, ""), 0);
    assert_true(warned(&press, "Nothing is lost"));
    damage();
    assert_int_equal(load(&press, ""), CORDON_E_CORRUPT);
    assert_true(warned(&press, "restore one of them from a copy"));
    assert_int_equal(load(&press, ""), CORDON_E_CORRUPT); /* it is not begun anew */
    press_close(&press);
}

/* As a start does; the memory of the snapshot is given back. */
static struct setup_memory start(struct press *press)
{
    int rc = 0;
    struct setup_snapshot *snapshot = load_as(press, "", PRESS_NOW_S, NULL, &rc);

    assert_int_equal(rc, 0);
    const struct setup_memory memory = snapshot->memory;
    setup_snapshot_free(snapshot);
    return memory;
}

static void a_start_without_its_memory_goes_on_with_an_alarm(void **state)
{
    struct press press;

    (void)state;
    open_press(&press);
    struct setup_memory memory = start(&press);
    assert_true(memory.kept && memory.alarm.lost_s == 0 && !memory.unwritten);
    damage();
    press_publish(&press, 6, 4, "older.test"); /* what nobody can tell any more */
    memory = start(&press);
    assert_int_equal(memory.alarm.lost_s, PRESS_NOW_S);
    assert_false(memory.unwritten);
    assert_true(press_said(&press, "what was accepted before is lost"));
    assert_true(press_said(&press, "it is kept as"));
    assert_int_equal(access(RATCHET ".damaged", F_OK), 0);
    assert_int_equal(access(RATCHET TRUST_RATCHET_COPY ".damaged", F_OK), 0);
    memory = start(&press); /* it is remembered over restarts, and so are the new serials */
    assert_int_equal(memory.alarm.lost_s, PRESS_NOW_S);
    assert_int_equal(load(&press, ""), 0);
    press_publish(&press, 5, 3, "oldest.test");
    assert_int_equal(load(&press, ""), CORDON_E_REFUSED);
    assert_true(warned(&press, "rollback"));
    press_close(&press);
}

static void lock_is(bool taken)
{
    if (taken) { /* as good as a folder that cannot be written, for root, too */
        (void)unlink(RATCHET ".lock");
        assert_int_equal(mkdir(RATCHET ".lock", 0700), 0);
    } else {
        assert_int_equal(rmdir(RATCHET ".lock"), 0);
    }
}

/* The disk is full at such a start: the loss is there at the next one, too, and reloads go on
 * with the alarm until it can be written down. */
static void a_loss_that_cannot_be_written_down_is_not_forgotten(void **state)
{
    struct press press;
    int rc = 0;

    (void)state;
    open_press(&press);
    (void)start(&press);
    damage();
    lock_is(true);
    struct setup_memory memory = start(&press);
    assert_true(memory.unwritten && memory.alarm.lost_s == PRESS_NOW_S);
    memory = start(&press);
    assert_true(memory.unwritten && memory.alarm.lost_s == PRESS_NOW_S);
    struct setup_snapshot *snapshot = load_as(&press, "", PRESS_NOW_S + 10, &memory, &rc);
    assert_int_equal(rc, 0);
    assert_true(snapshot->memory.unwritten && snapshot->memory.alarm.lost_s == PRESS_NOW_S);
    setup_snapshot_free(snapshot);
    lock_is(false);
    snapshot = load_as(&press, "", PRESS_NOW_S + 20, &memory, &rc);
    assert_int_equal(rc, 0);
    assert_true(!snapshot->memory.unwritten && snapshot->memory.alarm.lost_s == PRESS_NOW_S);
    setup_snapshot_free(snapshot);
    assert_int_equal(start(&press).alarm.lost_s, PRESS_NOW_S);
    press_close(&press);
}

/* Whoever damages the file and takes the root away opens no other way. */
static void a_damaged_ratchet_and_no_root_is_an_alarm_too(void **state)
{
    struct press press;

    (void)state;
    open_press(&press);
    assert_int_equal(mkdir("lists/keys", 0700), 0);
    write_key(&press, 3, "lists/keys/list-a.pub");
    write_key(&press, 4, "lists/keys/list-b.pub");
    write_key(&press, 5, "lists/keys/list-c.pub");
    assert_int_equal(load(&press, ""), 0);
    damage();
    assert_int_equal(rename("lists/1.root", "1.root"), 0);
    assert_int_equal(start(&press).alarm.lost_s, PRESS_NOW_S);
    assert_int_equal(start(&press).alarm.lost_s, PRESS_NOW_S);
    press_close(&press);
}

static void a_ratchet_that_cannot_be_kept(void **state)
{
    struct press press;

    (void)state;
    open_press(&press);
    workshop_write("state", "a file", 6);
    assert_int_equal(load(&press, ""), -ENOTDIR);
    assert_int_equal(unlink("state"), 0);
    assert_int_equal(load(&press, ""), 0);
    lock_is(true);
    assert_int_equal(load(&press, ""), 0); /* nothing new to remember */
    press_publish(&press, 8, 6, "example.test");
    assert_int_equal(load(&press, ""), CORDON_E_NO_FILE); /* what is new would be forgotten */
    assert_true(warned(&press, "cannot be written down"));
    lock_is(false);
    assert_int_equal(load(&press, ""), 0);
    press_close(&press);
}

static void a_start_that_cannot_remember_goes_on_with_an_alarm(void **state)
{
    struct press press;
    int rc = 0;

    (void)state;
    open_press(&press);
    (void)start(&press);
    lock_is(true);
    assert_false(start(&press).unwritten); /* nothing new */
    press_publish(&press, 8, 6, "example.test");
    struct setup_memory memory = start(&press);
    assert_true(memory.unwritten);
    assert_int_equal(memory.alarm.unwritten_s, PRESS_NOW_S);
    assert_true(press_said(&press, "what is in force now is not remembered"));
    press_publish(&press, 9, 7, "example.test"); /* as it was before: no worse */
    struct setup_snapshot *snapshot = load_as(&press, "", PRESS_NOW_S + 10, &memory, &rc);
    assert_int_equal(rc, 0);
    assert_true(snapshot->memory.unwritten);
    assert_int_equal(snapshot->memory.alarm.unwritten_s, PRESS_NOW_S);
    memory = snapshot->memory;
    setup_snapshot_free(snapshot);
    lock_is(false);
    snapshot = load_as(&press, "", PRESS_NOW_S + 20, &memory, &rc);
    assert_int_equal(rc, 0);
    assert_false(snapshot->memory.unwritten); /* and it stays an alarm */
    assert_int_equal(snapshot->memory.alarm.unwritten_s, PRESS_NOW_S);
    setup_snapshot_free(snapshot);
    assert_int_equal(start(&press).alarm.unwritten_s, PRESS_NOW_S);
    press_publish(&press, 8, 6, "example.test");
    assert_int_equal(load(&press, ""), CORDON_E_REFUSED);
    press_close(&press);
}

/* What is decided about the list's name, in the only view. */
static struct policy_outcome decide(const struct setup_snapshot *snapshot, const char *text)
{
    struct wire_name name;
    struct policy_outcome outcome = {0};

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    policy_decide_question(snapshot->policy, 0, &name, &outcome);
    return outcome;
}

static void stale_lists_stay_and_dead_ones_do_as_the_operator_says(void **state)
{
    const uint64_t due_s = PRESS_NOW_S + 7 * PRESS_DAY_S;
    static const struct {
        const char *more;
        uint64_t days;
        enum policy_freshness freshness;
        bool enforced, other_refused;
    } cases[] = {
        {"", 0, POLICY_STALE, true, false},
        {"", 60, POLICY_STALE, true, false}, /* expiry alone opens nothing, ever */
        {"trust: {dead-after: 30d}\n", 29, POLICY_STALE, true, false},
        {"trust: {dead-after: 30d}\n", 30, POLICY_DEAD, true, false},
        {"trust: {dead-after: 30d, dead: enforce}\n", 30, POLICY_DEAD, true, false},
        {"trust: {dead-after: 30d, dead: pass}\n", 29, POLICY_STALE, true, false},
        {"trust: {dead-after: 30d, dead: pass}\n", 30, POLICY_DEAD, false, false},
        {"trust: {dead-after: 30d, dead: refuse}\n", 29, POLICY_STALE, true, false},
        {"trust: {dead-after: 30d, dead: refuse}\n", 30, POLICY_DEAD, true, true},
    };
    struct press press;
    int rc = 0;

    (void)state;
    open_press(&press);
    assert_int_equal(load(&press, ""), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        forget(); /* which would remember the later times */
        struct setup_snapshot *snapshot =
            load_at(&press, cases[i].more, due_s + cases[i].days * PRESS_DAY_S, &rc);

        assert_int_equal(rc, 0);
        assert_int_equal(snapshot->lists[0].freshness, cases[i].freshness);
        assert_true(warned(&press, "expired on"));
        assert_int_equal(decide(snapshot, "a.example.test").enforced, cases[i].enforced);
        const struct policy_outcome other = decide(snapshot, "elsewhere.test");
        assert_int_equal(other.denied, cases[i].other_refused);
        if (cases[i].other_refused) {
            assert_int_equal(other.hit.action, POLICY_ACTION_REFUSED);
            assert_int_equal(other.hit.mode, POLICY_MODE_ENFORCE);
        }
        setup_snapshot_free(snapshot);
    }
    press_close(&press);
}

/* `cordon check` and `cordon explain` do not know what the daemon has accepted. */
static void who_only_looks_is_warned_of_an_expired_root(void **state)
{
    const uint64_t late_s = PRESS_NOW_S + 4000 * PRESS_DAY_S;
    static const char text[] = "upstreams: {servers: [192.0.2.53]}\n"
                               "lists: {directory: lists, use: {one: enforce}}\n";
    struct config *config = NULL;
    struct setup_snapshot *snapshot = NULL;
    struct press press;
    char folder[256];
    int rc = 0;

    (void)state;
    open_press(&press);
    assert_null(load_at(&press, "", late_s, &rc)); /* the daemon, at first sight */
    assert_int_equal(rc, CORDON_E_REFUSED);
    assert_int_equal(load(&press, ""), 0);
    setup_snapshot_free(load_at(&press, "", late_s, &rc));
    assert_int_equal(rc, 0); /* it was accepted before */
    assert_non_null(getcwd(folder, sizeof(folder)));
    report_deinit(&press.report);
    assert_int_equal(
        config_parse(text, strlen(text), "test.yaml", folder, &press.report, &config), 0);
    free(config->state_directory);
    config->state_directory = NULL;
    assert_int_equal(setup_snapshot_make(config, 1, late_s, &press.report, &snapshot), 0);
    assert_true(warned(&press, "goes on with what it accepted before"));
    setup_snapshot_free(snapshot);
    press_close(&press);
}

/* `cordon check`, beside a daemon that has accepted something. */
static void who_may_read_what_was_accepted_compares(void **state)
{
    static const char text[] = "upstreams: {servers: [192.0.2.53]}\n"
                               "lists: {directory: lists, use: {one: enforce}}\n";
    static const struct {
        const char *looks_in, *words;
        uint32_t serial;
        int rc;
    } cases[] = {
        {"state", "rollback", 6, CORDON_E_REFUSED},
        {NULL, NULL, 6, 0},
        {"elsewhere", NULL, 6, 0}, /* nothing was accepted there */
        {"lists/catalogue", "was not looked at", 6, 0},
        {"state", NULL, 8, 0},
    };
    struct press press;
    char folder[256];

    (void)state;
    open_press(&press);
    assert_int_equal(load(&press, ""), 0);
    assert_non_null(getcwd(folder, sizeof(folder)));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct setup_request request = {
            .generation = 1, .now_s = PRESS_NOW_S, .looks_in = cases[i].looks_in};
        struct config *config = NULL;
        struct setup_snapshot *snapshot = NULL;

        press_publish(&press, cases[i].serial, cases[i].serial, "example.test");
        report_deinit(&press.report);
        assert_int_equal(
            config_parse(text, strlen(text), "test.yaml", folder, &press.report, &config), 0);
        free(config->state_directory);
        config->state_directory = NULL;
        assert_int_equal(setup_snapshot_make_for(config, &request, &press.report, &snapshot),
                         cases[i].rc);
        assert_true(cases[i].words == NULL || warned(&press, cases[i].words));
        if (cases[i].rc != 0) {
            config_free(config);
        }
        setup_snapshot_free(snapshot);
    }
    assert_int_equal(access("elsewhere", F_OK), -1); /* and nothing is written */
    press_publish(&press, 7, 5, "example.test");
    assert_int_equal(load(&press, ""), 0);
    press_close(&press);
}

static void a_clock_before_what_was_seen_lets_nothing_expire(void **state)
{
    struct press press;
    int rc = 0;

    (void)state;
    open_press(&press);
    setup_snapshot_free(load_at(&press, "", PRESS_NOW_S + 5 * PRESS_DAY_S, &rc));
    assert_int_equal(rc, 0);
    struct setup_snapshot *snapshot = load_at(&press, "", PRESS_NOW_S + 3 * PRESS_DAY_S, &rc);
    assert_int_equal(rc, 0);
    assert_int_equal(snapshot->lists[0].freshness, POLICY_CLOCK_UNTRUSTED);
    setup_snapshot_free(snapshot);
    snapshot = load_at(&press, "trust: {dead-after: 1h, dead: pass}\n", 1000, &rc);
    assert_int_equal(rc, 0);
    assert_int_equal(snapshot->lists[0].freshness, POLICY_CLOCK_UNTRUSTED);
    assert_true(decide(snapshot, "a.example.test").enforced);
    setup_snapshot_free(snapshot);
    press_close(&press);
}

static void a_publisher_cannot_speak_beyond_its_scope(void **state)
{
    struct press press;

    (void)state;
    open_press(&press);
    struct trust_root *root = press_root(&press, 2);
    root->scope.all_names = root->scope.all_prefixes = false;
    snprintf(root->scope.names[0], sizeof(root->scope.names[0]), "example.test");
    root->scope.name_count = 1;
    press_root_write(&press, root, "lists", "01");
    assert_int_equal(load(&press, ""), 0);
    press_publish(&press, 8, 6, "notexample.test");
    assert_int_equal(load(&press, ""), CORDON_E_REFUSED);
    assert_true(warned(&press, "one.list:9: the rule is outside"));
    press_publish(&press, 9, 7, "a.example.test");
    assert_int_equal(load(&press, ""), 0);
    assert_int_equal(load(&press, ""), 0); /* also where the image was kept */
    root = press_root(&press, 3); /* a scope that shrinks holds for what is kept, too */
    root->scope.all_providers = false;
    snprintf(root->scope.providers[0], sizeof(root->scope.providers[0]), "other");
    root->scope.provider_count = 1;
    press_root_write(&press, root, "lists", "01");
    assert_int_equal(load(&press, ""), CORDON_E_REFUSED);
    assert_true(warned(&press, "may not speak"));
    press_close(&press);
}

/* Another publisher in a folder of its own: the list "two" about this name, its root pinned. */
static void publish_foreign(struct press *other, const char *id, const char *name,
                            const char *more_rules)
{
    char text[2048];
    struct trust_catalogue *catalogue = press_catalogue(1);

    mkdir("foreign", 0700);
    struct trust_root *root = press_root(other, 1);
    snprintf(root->publisher, sizeof(root->publisher), "other");
    press_root_write(other, root, "foreign", "01");
    snprintf(text, sizeof(text), PRESS_LIST, id, 5u, name);
    snprintf(strstr(text, "end\n"), 512, "%send\n", more_rules);
    press_list_write(other, "foreign", id, text, "34");
    snprintf(catalogue->publisher, sizeof(catalogue->publisher), "other");
    press_add(catalogue, id, 5, text);
    press_catalogue_write(other, catalogue, "foreign", "34");
    forget(); /* each is a first sight */
}

#define FOREIGN                                                                            \
    "trust:\n  publishers:\n    other: {directory: foreign, root: foreign/1.root, lists: " \
    "[two], providers: [test], names: [foreign.test], prefixes: [192.0.2.0/24]}\n"
#define USE "use: {one: enforce, two: enforce}}\n"
#define RULE_ON(what) \
    "block " what " category=test scope=cloud confidence=high evidence=\"none\"\n"

/* Loads with both lists in use. */
static struct setup_snapshot *load_both(struct press *press, const char *trust, int *rc)
{
    char more[1024];
    char folder[256];
    struct config *config = NULL;
    struct setup_snapshot *snapshot = NULL;

    assert_non_null(getcwd(folder, sizeof(folder)));
    snprintf(more, sizeof(more),
             "upstreams: {servers: [192.0.2.53]}\nlists: {directory: lists, " USE
             "state: {directory: state}\n%s",
             trust);
    report_deinit(&press->report);
    *rc = config_parse(more, strlen(more), "test.yaml", folder, &press->report, &config);
    if (*rc == 0) {
        *rc = setup_snapshot_make(config, 1, PRESS_NOW_S, &press->report, &snapshot);
        if (*rc != 0) {
            config_free(config);
        }
    }
    return snapshot;
}

static void a_foreign_publisher_has_its_own_root_and_scope(void **state)
{
    struct press press;
    struct press other;
    int rc = 0;

    (void)state;
    open_press(&press);
    press_open(&other);
    publish_foreign(&other, "two", "a.foreign.test", RULE_ON("prefix 192.0.2.128/25"));
    struct setup_snapshot *snapshot = load_both(&press, FOREIGN, &rc);
    assert_int_equal(rc, 0);
    assert_string_equal(snapshot->lists[0].publisher, "press");
    assert_string_equal(snapshot->lists[1].publisher, "other");
    assert_true(decide(snapshot, "x.a.foreign.test").enforced);
    assert_true(decide(snapshot, "example.test").enforced);
    setup_snapshot_free(snapshot);

    static const char *const outside[] = {
        RULE_ON("suffix example.test"), /* a name of the other publisher */
        RULE_ON("suffix notforeign.test"),
        RULE_ON("prefix 192.0.0.0/16"),
        RULE_ON("prefix 2001:db8::/32"),
        "block prefix 192.0.2.0/24 category=test scope=cloud confidence=high trigger=client "
        "evidence=\"none\"\n",
        "block suffix ns.foreign.test category=test scope=cloud confidence=high "
        "trigger=nameserver evidence=\"none\"\n",
        "pass suffix example.test category=test scope=cloud confidence=high "
        "evidence=\"none\"\n",
        /* An alias there could lead to any name of the others. */
        "pass suffix b.foreign.test category=test scope=cloud confidence=high ends=chain "
        "evidence=\"none\"\n",
        "pass prefix 192.0.2.0/28 category=test scope=cloud confidence=high ends=chain "
        "evidence=\"none\"\n",
    };
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        publish_foreign(&other, "two", "a.foreign.test", outside[i]);
        setup_snapshot_free(load_both(&press, FOREIGN, &rc));
        if (rc != CORDON_E_REFUSED || !warned(&press, "two.list:10: the rule is outside")) {
            fail_msg("taken, or for another reason: %s%s", outside[i],
                     press.report.count > 0 ? press.report.entries[0].text : "");
        }
    }
    press_close(&other);
    press_close(&press);
}

static void a_foreign_publisher_cannot_take_another_ones_place(void **state)
{
    struct press press;
    struct press other;
    int rc = 0;

    (void)state;
    open_press(&press);
    press_open(&other);
    publish_foreign(&other, "one", "a.foreign.test", ""); /* the same id: not asked there */
    publish_foreign(&other, "two", "a.foreign.test", "");
    struct setup_snapshot *snapshot = load_both(&press, FOREIGN, &rc);
    assert_int_equal(rc, 0);
    assert_string_equal(snapshot->lists[0].publisher, "press");
    setup_snapshot_free(snapshot);

    /* A root of the one in the place of the other. */
    press_root_write(&press, press_root(&press, 1), "foreign", "01");
    setup_snapshot_free(load_both(&press, FOREIGN, &rc));
    assert_int_equal(rc, CORDON_E_REFUSED);
    assert_true(warned(&press, "not of \"other\""));
    press_close(&other);
    press_close(&press);
}

static void a_foreign_publisher_needs_a_scope(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"other: {directory: f, root: r, lists: [two], names: [a.test]}", "has no scope"},
        {"other: {directory: f, root: r, lists: [two], providers: [test]}", "has no scope"},
        {"other: {directory: f, root: r, providers: [test], names: [a.test]}", "needs"},
        {"other: {directory: f, lists: [two], providers: [t], names: [a.test]}", "needs"},
        {"other: {root: f, lists: [two], providers: [t], names: [a.test]}", "needs"},
        {"other: {keys: f}", "is not known"},
        {"other: {lists: [Two]}", "is no id"},
        {"other: f", "expected the id"},
        {"Other: {root: f}", "expected the id"},
        {"other: {directory: f, root: r, lists: [two, two], providers: [t], names: [a.test]}",
         "named twice"},
    };
    struct press press;
    int rc = 0;

    (void)state;
    open_press(&press);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];

        snprintf(text, sizeof(text), "trust:\n  publishers:\n    %s\n", cases[i].text);
        setup_snapshot_free(load_both(&press, text, &rc));
        if (rc != CORDON_E_REFUSED || !warned(&press, cases[i].words)) {
            fail_msg("%s: %s", cases[i].text,
                     press.report.count > 0 ? press.report.entries[0].text : "taken");
        }
    }
    press_close(&press);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(a_root_in_the_folder_counts_and_is_remembered),
        WORKSHOP_TEST(what_is_not_put_in_force_is_not_remembered),
        WORKSHOP_TEST(lists_that_the_catalogue_does_not_name_so_are_refused),
        WORKSHOP_TEST(a_root_that_is_gone_is_missed),
        WORKSHOP_TEST(keys_alone_are_the_simple_way),
        WORKSHOP_TEST(a_damaged_ratchet_is_refused_and_says_what_to_do),
        WORKSHOP_TEST(a_start_without_its_memory_goes_on_with_an_alarm),
        WORKSHOP_TEST(a_loss_that_cannot_be_written_down_is_not_forgotten),
        WORKSHOP_TEST(a_damaged_ratchet_and_no_root_is_an_alarm_too),
        WORKSHOP_TEST(a_ratchet_that_cannot_be_kept),
        WORKSHOP_TEST(a_start_that_cannot_remember_goes_on_with_an_alarm),
        WORKSHOP_TEST(stale_lists_stay_and_dead_ones_do_as_the_operator_says),
        WORKSHOP_TEST(who_only_looks_is_warned_of_an_expired_root),
        WORKSHOP_TEST(who_may_read_what_was_accepted_compares),
        WORKSHOP_TEST(a_clock_before_what_was_seen_lets_nothing_expire),
        WORKSHOP_TEST(a_publisher_cannot_speak_beyond_its_scope),
        WORKSHOP_TEST(a_foreign_publisher_has_its_own_root_and_scope),
        WORKSHOP_TEST(a_foreign_publisher_cannot_take_another_ones_place),
        WORKSHOP_TEST(a_foreign_publisher_needs_a_scope),
    };

    return cmocka_run_group_tests(tests, workshop_library, NULL);
}
