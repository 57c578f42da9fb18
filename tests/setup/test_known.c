/* Texts that were read and verified here before are in force, by the image that was kept,
 * before they are read again: several lists, and lists by keys alone. What is signed is
 * verified first, whatever is remembered; and what the texts are is found later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "policy/kept.h"
#include "setup/late.h"

#include "setup/snapshot.h"
#include "trust/press.h"

#include <errno.h>
#include <sys/stat.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))
#define KEYS         "trust: {keys: [3.pub, 4.pub, 5.pub], threshold: 2}\n"

struct scene {
    struct press press;
    struct setup_snapshot *snapshot;
    const char *trust; /* of the configuration; "": by the root in the folder */
    uint64_t late_octets;
};

static void write_key(const struct press *press, unsigned number)
{
    char file[512];
    char path[16];

    snprintf(path, sizeof(path), "%u.pub", number);
    workshop_write(path, file,
                   trust_public_key_format(&press->key[number], file, sizeof(file)));
}

static void write_list(const struct scene *scene, const char *id, uint32_t serial,
                       const char *name)
{
    char text[1024];

    snprintf(text, sizeof(text), PRESS_LIST, id, serial, name);
    press_list_write(&scene->press, "lists", id, text, "34");
}

/* A catalogue of what lies there. */
static void catalogue(const struct scene *scene, uint32_t serial, uint32_t one, uint32_t two)
{
    struct trust_catalogue *made = press_catalogue(serial);
    size_t len = 0;
    char *text = workshop_read("lists/one.list", &len);

    press_add(made, "one", one, text);
    free(text);
    text = workshop_read("lists/two.list", &len);
    press_add(made, "two", two, text);
    free(text);
    press_catalogue_write(&scene->press, made, "lists", "34");
}

/* As the daemon does. */
static int load(struct scene *scene, const char *use)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "upstreams: {servers: [192.0.2.53]}\nlists: {directory: lists, use: {%s}}\n"
             "state: {directory: state}\n%s",
             use, scene->trust);
    return snapshot_load(&scene->press, text, scene->late_octets, &scene->snapshot);
}

#define ONE  "one: enforce"
#define BOTH "one: enforce, two: enforce"

/* Both lists lie there, and have been loaded once. */
static void begin(struct scene *scene, const char *trust, const char *use)
{
    memset(scene, 0, sizeof(*scene));
    assert_int_equal(system("rm -rf lists state *.pub && mkdir lists"), 0);
    press_open(&scene->press);
    scene->trust = trust;
    scene->late_octets = 1;
    write_list(scene, "one", 5, "example.test");
    write_list(scene, "two", 3, "other.test");
    if (trust[0] == '\0') {
        press_root_write(&scene->press, press_root(&scene->press, 1), "lists", "01");
        catalogue(scene, 7, 5, 3);
    }
    for (unsigned i = 3; i < 6; i++) {
        write_key(&scene->press, i);
    }
    assert_int_equal(load(scene, use), 0);
    for (size_t i = 0; i < scene->snapshot->list_count; i++) {
        assert_false(scene->snapshot->lists[i].unread);
    }
}

static void end(struct scene *scene)
{
    setup_snapshot_free(scene->snapshot);
    press_close(&scene->press);
}

static bool blocks(const struct scene *scene, const char *text)
{
    struct policy_outcome outcome;
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    policy_decide_question(scene->snapshot->policy, 0, &name, &outcome);
    return outcome.enforced;
}

static size_t unread(const struct scene *scene)
{
    size_t count = 0;

    for (size_t i = 0; i < scene->snapshot->list_count; i++) {
        count += scene->snapshot->lists[i].unread ? 1 : 0;
    }
    return count;
}

/* What the daemon does once it is in force. */
static int read_late(struct scene *scene)
{
    const _Atomic bool give_up = false;

    setup_late_run(scene->snapshot->late, &give_up);
    return setup_late_tell(scene->snapshot->late, scene->snapshot, scene->snapshot);
}

static bool erred(const struct scene *scene, const char *words)
{
    const struct report *report = &scene->snapshot->late->report;

    for (size_t i = 0; i < report->count; i++) {
        if (report->entries[i].kind == REPORT_ERROR &&
            strstr(report->entries[i].text, words) != NULL) {
            return true;
        }
    }
    return false;
}

/* Another text of the same size: it is not signed. */
static void change_text(void)
{
    size_t len = 0;
    char *text = workshop_read("lists/one.list", &len);
    char *at = strstr(text, "example.test");

    assert_non_null(at);
    memcpy(at, "changed.test", 12);
    workshop_write("lists/one.list", text, len);
    free(text);
}

static const struct {
    const char *trust, *use;
    size_t count;
} ways[] = {{"", BOTH, 2}, {KEYS, BOTH, 2}, {"", ONE, 1}, {KEYS, ONE, 1}};

static void what_was_read_before_counts_before_it_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ITEMS(ways); i++) {
        struct scene scene;
        uint8_t total[DIGEST_OCTETS];

        begin(&scene, ways[i].trust, ways[i].use);
        memcpy(total, scene.snapshot->fingerprint->total, sizeof(total));
        assert_int_equal(load(&scene, ways[i].use), 0);
        assert_int_equal(scene.press.report.count, 0);
        assert_int_equal(unread(&scene), ways[i].count);
        assert_true(scene.snapshot->from_cache && !scene.snapshot->shipped);
        assert_true(blocks(&scene, "www.example.test"));
        assert_int_equal(blocks(&scene, "www.other.test"), ways[i].count == 2);
        assert_memory_equal(total, scene.snapshot->fingerprint->total, sizeof(total));
        const struct policy_loaded_list *loaded = &scene.snapshot->lists[0];
        assert_int_equal(loaded->verdict.count, 2);
        assert_string_equal(loaded->publisher, ways[i].trust[0] == '\0' ? "press" : "");
        assert_true(loaded->serial == 5 && loaded->rules == 1 && loaded->octets > 100);
        assert_null(policy_list_head_of(scene.snapshot->policy, 0));
        assert_int_equal(read_late(&scene), 0);
        assert_int_equal(unread(&scene), 0);
        assert_int_equal(scene.snapshot->broken_count, 0);
        assert_string_equal(policy_list_head_of(scene.snapshot->policy, 0)->title, "Test");
        scene.late_octets = 0; /* as whoever reads all first */
        assert_int_equal(load(&scene, ways[i].use), 0);
        assert_int_equal(unread(&scene), 0);
        end(&scene);
    }
}

/* Whatever is missing, or not as it was, the text is read first, and its own rules hold. */
static void what_is_not_as_it_was_is_read_first(void **state)
{
    static const struct {
        const char *command; /* that makes it another */
        int rc;
    } rows[] = {
        {"rm state/texts.known", 0},
        {": >state/texts.known", 0},
        {"truncate -s -1 state/texts.known", 0},
        {"truncate -s 47 state/texts.known", 0},
        {"printf x >>state/texts.known", 0},
        {"printf x | dd of=state/texts.known bs=1 seek=17 conv=notrunc 2>/dev/null", 0},
        {"printf x | dd of=state/texts.known bs=1 seek=90 conv=notrunc 2>/dev/null", 0},
        {"rm state/texts.known; mkdir state/texts.known", 0},
        {"rm state/image.key", 0},
        {"chmod 644 state/image.key", 0},
        {"head -c 32 /dev/urandom >state/image.key", 0},
        {"rm state/*.image", 0},
        {"for i in state/*.image; do truncate -s -1 $i; done", 0},
        {"for i in state/*.image; do printf x | dd of=$i bs=1 seek=500 conv=notrunc "
         "2>/dev/null; "
         "done",
         0},
        {"rm lists/one.list", -ENOENT},
        {"echo >>lists/one.list", CORDON_E_THRESHOLD},
        {"rm lists/one.list.*", CORDON_E_THRESHOLD},
        {"rm $(ls lists/one.list.* | head -n 1)", CORDON_E_THRESHOLD},
        {"for i in lists/two.list.*; do cp $i lists/one.list${i#lists/two.list}; done",
         CORDON_E_THRESHOLD},
        {"for i in $(ls lists/one.list.*); do echo x >$i; done", CORDON_E_THRESHOLD},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows) * ITEMS(ways); i++) {
        const size_t row = i / ITEMS(ways);
        const size_t way = i % ITEMS(ways);
        struct scene scene;

        begin(&scene, ways[way].trust, ways[way].use);
        assert_int_equal(system(rows[row].command), 0);
        const int rc = load(&scene, ways[way].use);
        if (rc != rows[row].rc ||
            (rc == 0 && (unread(&scene) > 0 || !blocks(&scene, "www.example.test")))) {
            fail_msg("%s, way %zu: %d", rows[row].command, way, rc);
        }
        end(&scene);
    }
}

/* A text that is not the one that was signed is found: that one stays, and there is an alarm.
 */
static void a_text_that_was_changed_is_found_later(void **state)
{
    (void)state;
    for (size_t i = 0; i < ITEMS(ways); i++) {
        struct scene scene;

        begin(&scene, ways[i].trust, ways[i].use);
        change_text();
        assert_int_equal(load(&scene, ways[i].use), 0);
        assert_int_equal(unread(&scene), ways[i].count);
        assert_true(blocks(&scene, "www.example.test"));
        assert_false(blocks(&scene, "www.changed.test"));
        assert_int_equal(read_late(&scene), CORDON_E_THRESHOLD);
        assert_int_equal(unread(&scene), 1);
        assert_int_equal(scene.snapshot->broken_count, 1);
        assert_string_equal(scene.snapshot->broken[0].publisher, "");
        assert_non_null(strstr(scene.snapshot->broken[0].fault, "one.list"));
        assert_true(blocks(&scene, "www.example.test"));
        scene.late_octets = 0; /* as the reload after it */
        assert_int_equal(load(&scene, ways[i].use), CORDON_E_THRESHOLD);
        end(&scene);
    }
}

/* One that is signed, and came while lists were loaded, is no alarm for long: the reload that
 * follows takes it, or says why not. */
static void a_text_that_comes_meanwhile_is_found_later(void **state)
{
    (void)state;
    for (size_t i = 0; i < ITEMS(ways); i++) {
        const bool keys = ways[i].trust[0] != '\0';
        struct scene scene;

        begin(&scene, ways[i].trust, ways[i].use);
        assert_int_equal(load(&scene, ways[i].use), 0);
        change_text();
        press_sign(&scene.press, "lists/one.list", "34");
        assert_int_equal(read_late(&scene), CORDON_E_REFUSED);
        assert_true(erred(&scene, keys ? "changed while it was loaded" : "different days"));
        assert_true(blocks(&scene, "www.example.test"));
        scene.late_octets = 0;
        assert_int_equal(load(&scene, ways[i].use), keys ? 0 : CORDON_E_REFUSED);
        assert_true(!keys || blocks(&scene, "www.changed.test"));
        end(&scene);
    }
}

/* What is remembered is no word of anybody: keys, catalogue and ratchet of now decide. */
static void who_signed_counts_as_it_does_now(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, KEYS, BOTH); /* signed by 3 and 4 */
    scene.trust = "trust: {keys: [3.pub, 5.pub], threshold: 2}\n";
    assert_int_equal(load(&scene, BOTH), CORDON_E_THRESHOLD);
    end(&scene);

    begin(&scene, KEYS, BOTH); /* an older text and its signatures are back: they count */
    write_list(&scene, "one", 4, "changed.test");
    assert_int_equal(load(&scene, BOTH), 0);
    assert_int_equal(unread(&scene), 0);
    assert_true(blocks(&scene, "www.changed.test"));
    end(&scene);

    begin(&scene, "", BOTH);
    catalogue(&scene, 6, 5, 3); /* a rollback */
    assert_int_equal(load(&scene, BOTH), CORDON_E_REFUSED);
    assert_true(press_said(&scene.press, "rollback"));
    end(&scene);

    begin(&scene, "", BOTH);
    size_t len = 0;
    char *text = workshop_read("lists/one.list", &len);
    change_text();
    catalogue(&scene, 8, 5, 3); /* names another text than the one there, of the same size */
    workshop_write("lists/one.list", text, strlen(text));
    free(text);
    assert_int_equal(load(&scene, BOTH), CORDON_E_REFUSED);
    assert_int_equal(system("rm state/trust.ratchet*"), 0); /* nor without its help */
    assert_int_equal(load(&scene, BOTH), CORDON_E_REFUSED);
    assert_true(press_said(&scene.press, "different days"));
    end(&scene);
}

/* A scope is held against rules, as the text has them. */
static void a_publisher_with_a_scope_is_read(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, "", BOTH);
    struct trust_root *root = press_root(&scene.press, 2);
    root->scope.all_names = false;
    snprintf(root->scope.names[0], sizeof(root->scope.names[0]), "example.test");
    snprintf(root->scope.names[1], sizeof(root->scope.names[1]), "other.test");
    root->scope.name_count = 2;
    press_root_write(&scene.press, root, "lists", "01");
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(load(&scene, BOTH), 0);
        assert_int_equal(unread(&scene), 0);
    }
    end(&scene);
}

/* Small ones are read at once, and with another of them there is no image for any. */
static void a_small_text_is_read_at_once(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, KEYS, BOTH);
    write_list(&scene, "two", 4, "a.name.that.makes.a.larger.text.other.test");
    scene.late_octets = scene.snapshot->lists[0].octets + 1;
    assert_int_equal(load(&scene, BOTH), 0);
    assert_int_equal(unread(&scene), 0);
    assert_int_equal(load(&scene, BOTH), 0);
    assert_true(unread(&scene) == 1 && scene.snapshot->lists[1].unread);
    assert_int_equal(read_late(&scene), 0);
    write_list(&scene, "one", 6, "changed.test");
    assert_int_equal(load(&scene, BOTH), 0);
    assert_int_equal(unread(&scene), 0);
    assert_true(blocks(&scene, "www.changed.test"));
    assert_true(blocks(&scene, "a.name.that.makes.a.larger.text.other.test"));
    end(&scene);
}

/* If what is remembered were wrong all the same, the text says so later. */
static void a_wrong_memory_is_found_later(void **state)
{
    static struct policy_kept_texts texts, older; /* large */
    struct scene scene;

    (void)state;
    begin(&scene, KEYS, ONE);
    assert_true(policy_kept_texts_find("state", &older));
    write_list(&scene, "one", 6, "changed.test");
    assert_int_equal(load(&scene, ONE), 0);
    assert_true(policy_kept_texts_find("state", &texts));
    assert_true(texts.count == 1 && older.count == 1);
    memcpy(texts.at[0].digest, older.at[0].digest, sizeof(texts.at[0].digest));
    policy_kept_texts_note("state", &texts);
    assert_int_equal(load(&scene, ONE), 0);
    assert_int_equal(unread(&scene), 1);
    assert_int_equal(read_late(&scene), CORDON_E_CORRUPT);
    assert_true(erred(&scene, "what the state directory says"));
    assert_int_equal(scene.snapshot->broken_count, 1);
    scene.late_octets = 0;
    assert_int_equal(load(&scene, ONE), 0);
    assert_true(blocks(&scene, "www.changed.test"));
    scene.late_octets = 1; /* and is put right by that */
    assert_int_equal(load(&scene, ONE), 0);
    assert_true(unread(&scene) == 1 && blocks(&scene, "www.changed.test"));
    assert_int_equal(read_late(&scene), 0);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(what_is_not_as_it_was_is_read_first),
        WORKSHOP_TEST(who_signed_counts_as_it_does_now),
        WORKSHOP_TEST(a_publisher_with_a_scope_is_read),
        WORKSHOP_TEST(a_text_that_was_changed_is_found_later),
        WORKSHOP_TEST(a_text_that_comes_meanwhile_is_found_later),
        WORKSHOP_TEST(a_wrong_memory_is_found_later),
        WORKSHOP_TEST(what_was_read_before_counts_before_it_is_read),
        WORKSHOP_TEST(a_small_text_is_read_at_once),
    };

    return cmocka_run_group_tests(tests, workshop_library, NULL);
}
