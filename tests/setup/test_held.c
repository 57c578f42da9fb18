/* setup/held: an older version counts by the operator's word, verified as ever; what is
 * remembered of newer ones is not weakened by it, and no fault of a kept version is an outage.
 */
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

#define KEPT "kept/5-x.list"

static char *list_text(const char *id, uint32_t serial, const char *name)
{
    static char text[1024];

    snprintf(text, sizeof(text), PRESS_LIST, id, serial, name);
    return text;
}

/* A folder at catalogue 8 and serial 6, and serial 5 kept aside. */
static void open_press(struct press *press)
{
    press_open(press);
    assert_int_equal(mkdir("lists", 0700), 0);
    assert_int_equal(mkdir("kept", 0700), 0);
    press_root_write(press, press_root(press, 1), "lists", "01");
    press_publish(press, 8, 6, "new.test");
    char *text = list_text("one", 5, "old.test");
    workshop_write(KEPT, text, strlen(text));
    press_sign(press, KEPT, "34");
}

static struct setup_held held_at(uint32_t serial, const char *name)
{
    const char *text = list_text("one", serial, name);
    struct setup_held held = {.id = "one", .version = {.path = KEPT, .serial = serial}};

    digest_of(text, strlen(text), NULL, held.version.hash);
    return held;
}

static struct setup_snapshot *load_more(struct press *press, const struct setup_held *held,
                                        const char *more, int *rc)
{
    const struct setup_held_set set = {.at = held, .count = held != NULL ? 1 : 0};
    const struct setup_request request = {.generation = 1, .now_s = PRESS_NOW_S, .held = &set};
    struct setup_snapshot *snapshot = NULL;
    struct config *config = NULL;
    char folder[256];
    char text[2048];

    assert_non_null(getcwd(folder, sizeof(folder)));
    snprintf(text, sizeof(text),
             "upstreams: {servers: [192.0.2.53]}\nlists: {directory: lists, use: {one: "
             "enforce}}\nstate: {directory: state}\n%s",
             more);
    report_deinit(&press->report);
    report_init(&press->report);
    *rc = config_parse(text, strlen(text), "test.yaml", folder, &press->report, &config);
    assert_int_equal(*rc, 0);
    *rc = setup_snapshot_make_for(config, &request, &press->report, &snapshot);
    if (*rc != 0) {
        config_free(config);
    }
    return snapshot;
}

static struct setup_snapshot *load(struct press *press, const struct setup_held *held, int *rc)
{
    return load_more(press, held, "", rc);
}

static bool warned(const struct press *press, const char *words)
{
    for (size_t i = 0; i < press->report.count; i++) {
        if (press->report.entries[i].kind == REPORT_WARNING &&
            strstr(press->report.entries[i].text, words) != NULL) {
            return true;
        }
    }
    return false;
}

static void the_held_version_counts_and_the_newer_one_is_remembered(void **state)
{
    struct press press;
    struct setup_held held;
    int rc = 0;

    (void)state;
    open_press(&press);
    held = held_at(5, "old.test");
    struct setup_snapshot *snapshot = load(&press, &held, &rc);
    assert_int_equal(rc, 0);
    assert_int_equal(snapshot->lists[0].serial, 5);
    assert_true(snapshot->lists[0].held);
    assert_false(snapshot->lists[0].held_lost);
    assert_int_equal(snapshot->lists[0].newer_serial, 6);
    assert_int_equal(snapshot->lists[0].verdict.count, 2);
    assert_string_equal(snapshot->lists[0].publisher, "press");
    assert_memory_equal(snapshot->lists[0].hash, held.version.hash, DIGEST_OCTETS);
    assert_int_equal(press.report.warnings, 0);
    setup_snapshot_free(snapshot);

    /* The ratchet has 6: the folder cannot go back to 5, held or not. */
    press_publish(&press, 7, 5, "old.test");
    assert_null(load(&press, &held, &rc));
    assert_int_equal(rc, CORDON_E_REFUSED);
    assert_null(load(&press, NULL, &rc));
    assert_int_equal(rc, CORDON_E_REFUSED);

    /* A newer one still is accepted, remembered, and waits; released, it counts. */
    press_publish(&press, 9, 7, "newest.test");
    snapshot = load(&press, &held, &rc);
    assert_int_equal(rc, 0);
    assert_int_equal(snapshot->lists[0].serial, 5);
    assert_int_equal(snapshot->lists[0].newer_serial, 7);
    setup_snapshot_free(snapshot);
    snapshot = load(&press, NULL, &rc);
    assert_int_equal(rc, 0);
    assert_int_equal(snapshot->lists[0].serial, 7);
    assert_false(snapshot->lists[0].held);
    setup_snapshot_free(snapshot);
    press_publish(&press, 10, 6, "new.test");
    assert_null(load(&press, &held, &rc));
    assert_int_equal(rc, CORDON_E_REFUSED);
    press_close(&press);
}

static void what_is_wrong_with_a_newer_text_does_not_touch_a_held_one(void **state)
{
    struct press press;
    struct setup_held held;
    int rc = 0;

    (void)state;
    open_press(&press);
    held = held_at(5, "old.test");
    workshop_write("lists/one.list", "no list", 7);
    struct setup_snapshot *snapshot = load(&press, &held, &rc);
    assert_int_equal(rc, 0);
    assert_int_equal(snapshot->lists[0].serial, 5);
    setup_snapshot_free(snapshot);
    assert_null(load(&press, NULL, &rc));
    press_close(&press);
}

static void write_key(const char *path, const struct trust_public_key *key)
{
    char text[TRUST_KEY_FILE_MAX];

    workshop_write(path, text, trust_public_key_format(key, text, sizeof(text)));
}

static void by_keys_alone_the_folder_is_looked_at_for_a_newer_one(void **state)
{
    struct press press;
    struct setup_held held;
    static const char more[] = "trust: {keys: [a.pub, b.pub], threshold: 2}\n";
    int rc = 0;

    (void)state;
    open_press(&press);
    held = held_at(5, "old.test");
    write_key("a.pub", &press.key[3]);
    write_key("b.pub", &press.key[4]);
    struct setup_snapshot *snapshot = load_more(&press, &held, more, &rc);
    assert_int_equal(rc, 0);
    assert_int_equal(snapshot->lists[0].serial, 5);
    assert_int_equal(snapshot->lists[0].newer_serial, 6);
    setup_snapshot_free(snapshot);
    press_close(&press);
}

/* Whatever has become of the kept version: the newest counts, with an alarm. */
static void a_version_that_cannot_be_had_gives_way_to_the_newest(void **state)
{
    static const struct {
        const char *what, *words;
    } cases[] = {
        {"the text is gone", "cannot be read"},
        {"one octet of it is another", "hash"},
        {"no signature is left", "have signed"},
        {"one signature of two is left", "have signed"},
        {"the signatures are those of the newer text", "have signed"},
        {"another serial under its name", "hash"},
        {"another list under its name", "serial 5 of two"},
        {"the serial that is asked for is not its own", "serial 5 of one, not serial 4"},
        {"no list", "hash"},
        {"it is beyond the publisher's scope", "outside"},
        {"its keys count no more", "have signed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct press press;
        struct setup_held held;
        char *text = NULL;
        int rc = 0;

        assert_int_equal(system("rm -rf lists kept state"), 0);
        open_press(&press);
        held = held_at(5, "old.test");
        switch (i) {
        case 0:
            assert_int_equal(unlink(KEPT), 0);
            break;
        case 1:
            text = list_text("one", 5, "olt.test");
            workshop_write(KEPT, text, strlen(text));
            press_sign(&press, KEPT, "34"); /* by the right keys even */
            break;
        case 2:
            assert_int_equal(system("rm kept/*.minisig"), 0);
            break;
        case 3:
            assert_int_equal(system("rm kept/*.minisig"), 0);
            press_sign(&press, KEPT, "3");
            break;
        case 4:
            assert_int_equal(system("cd lists && for f in one.list.*.minisig; do cp \"$f\" "
                                    "../kept/5-x.list.${f#one.list.}; done"),
                             0);
            break;
        case 5:
            text = list_text("one", 6, "new.test");
            workshop_write(KEPT, text, strlen(text));
            press_sign(&press, KEPT, "34");
            break;
        case 6:
            text = list_text("two", 5, "old.test");
            workshop_write(KEPT, text, strlen(text));
            press_sign(&press, KEPT, "34");
            digest_of(text, strlen(text), NULL, held.version.hash);
            break;
        case 7:
            held.version.serial = 4;
            break;
        case 8:
            workshop_write(KEPT, "no list", 7);
            press_sign(&press, KEPT, "34");
            break;
        case 9: {
            struct trust_root *root = press_root(&press, 2);
            root->scope.all_names = false;
            snprintf(root->scope.names[0], sizeof(root->scope.names[0]), "new.test");
            root->scope.name_count = 1;
            press_root_write(&press, root, "lists", "01");
            break;
        }
        default: {
            struct trust_root *root = press_root(&press, 2);
            press_role(&press, &root->list, "678", 2);
            press_root_write(&press, root, "lists", "01");
            struct trust_catalogue *catalogue = press_catalogue(8);
            text = list_text("one", 6, "new.test");
            press_list_write(&press, "lists", "one", text, "67");
            press_add(catalogue, "one", 6, text);
            press_catalogue_write(&press, catalogue, "lists", "67");
            break;
        }
        }
        struct setup_snapshot *snapshot = load(&press, &held, &rc);
        if (rc != 0 || snapshot->lists[0].serial != 6 || snapshot->lists[0].held ||
            !snapshot->lists[0].held_lost || !warned(&press, "is held at serial") ||
            !warned(&press, cases[i].words)) {
            report_print(&press.report, stderr);
            fail_msg("%s: rc %d", cases[i].what, rc);
        }
        assert_int_equal(press.report.errors, 0);
        assert_int_equal(snapshot->lists[0].verdict.count, 2);
        setup_snapshot_free(snapshot);
        press_close(&press);
    }
}

static void who_explains_the_past_looks_at_the_hash_alone(void **state)
{
    struct press press;
    struct setup_held held;
    int rc = 0;

    (void)state;
    open_press(&press);
    held = held_at(5, "old.test");
    held.version.by_hash = true;
    assert_int_equal(system("rm kept/*.minisig"), 0);
    struct setup_snapshot *snapshot = load(&press, &held, &rc);
    assert_int_equal(rc, 0);
    assert_int_equal(snapshot->lists[0].serial, 5);
    setup_snapshot_free(snapshot);
    held.version.hash[0] ^= 1;
    snapshot = load(&press, &held, &rc);
    assert_int_equal(rc, 0);
    assert_true(snapshot->lists[0].held_lost);
    setup_snapshot_free(snapshot);
    press_close(&press);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(the_held_version_counts_and_the_newer_one_is_remembered),
        WORKSHOP_TEST(what_is_wrong_with_a_newer_text_does_not_touch_a_held_one),
        WORKSHOP_TEST(by_keys_alone_the_folder_is_looked_at_for_a_newer_one),
        WORKSHOP_TEST(a_version_that_cannot_be_had_gives_way_to_the_newest),
        WORKSHOP_TEST(who_explains_the_past_looks_at_the_hash_alone),
    };

    return cmocka_run_group_tests(tests, workshop_library, NULL);
}
