/* Images that a publisher ships: they stand for compiling where the catalogue names them, and
 * for nothing else; whatever is wrong with one, the verified text is compiled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "policy/image.h"
#include "policy/versions.h"
#include "setup/late.h"

#include "setup/snapshot.h"
#include "trust/press.h"

#include <errno.h>
#include <sys/stat.h>

#define LIST_TEXT                                                         \
    "cordon-list 1\nid %s\ntitle Test\nprovider test Test\nserial %u\n"   \
    "created 2027-01-01T00:00:00Z\nexpires 2027-06-01T00:00:00Z\nrules\n" \
    "block suffix %s category=test scope=cloud confidence=high evidence=\"none\"\nend\n"

struct scene {
    struct press press;
    struct trust_catalogue *catalogue;
    struct setup_snapshot *snapshot;
    uint8_t *octets; /* of the image of list "one" */
    size_t len;
    uint64_t late_octets; /* of the request; 0: every text is read before */
};

static uint8_t *compile(const char *text, size_t *len)
{
    struct policy_list *parsed = NULL;
    struct policy_image *image = NULL;

    assert_int_equal(policy_list_parse(text, strlen(text), "text", NULL, &parsed), 0);
    const struct policy_list *const alone[] = {parsed};
    assert_int_equal(policy_image_build(alone, 1, &image), 0);
    const uint8_t *octets = policy_image_octets(image, len);
    uint8_t *copy = malloc(*len);
    assert_non_null(copy);
    memcpy(copy, octets, *len);
    policy_image_free(image);
    policy_list_free(parsed);
    return copy;
}

/* The entry of list "one" names this image, which lies there. */
static void ship(struct scene *scene, const uint8_t *octets, size_t len)
{
    struct trust_entry *entry = &scene->catalogue->entries[0];

    entry->has_image = true;
    trust_hash(octets, len, entry->image);
    workshop_write("lists/one.image", octets, len);
}

static void add_list(struct scene *scene, const char *id, uint32_t serial, const char *name)
{
    char text[1024];

    snprintf(text, sizeof(text), LIST_TEXT, id, serial, name);
    press_list_write(&scene->press, "lists", id, text, "34");
    press_add(scene->catalogue, id, serial, text);
}

static void open_scene(struct scene *scene)
{
    char text[1024];

    memset(scene, 0, sizeof(*scene));
    press_open(&scene->press);
    assert_int_equal(mkdir("lists", 0700), 0);
    press_root_write(&scene->press, press_root(&scene->press, 1), "lists", "01");
    scene->catalogue = press_catalogue(7);
    add_list(scene, "one", 5, "example.test");
    snprintf(text, sizeof(text), LIST_TEXT, "one", 5u, "example.test");
    scene->octets = compile(text, &scene->len);
}

static void close_scene(struct scene *scene)
{
    setup_snapshot_free(scene->snapshot);
    trust_catalogue_free(scene->catalogue);
    free(scene->octets);
    press_close(&scene->press);
}

/* Writes the catalogue and loads, as the daemon does unless more says otherwise. */
static int load(struct scene *scene, const char *use, const char *more)
{
    char text[2048];

    if (scene->catalogue != NULL) {
        press_catalogue_write(&scene->press, scene->catalogue, "lists", "34");
        scene->catalogue = NULL;
    }
    snprintf(text, sizeof(text),
             "upstreams: {servers: [192.0.2.53]}\nlists: {directory: lists, use: {%s}}\n%s",
             use, more);
    return snapshot_load(&scene->press, text, scene->late_octets, &scene->snapshot);
}

#define ALONE "one: enforce"
#define STATE "state: {directory: state}\n"

static bool warned(const struct scene *scene, const char *words)
{
    for (size_t i = 0; i < scene->press.report.count; i++) {
        if (scene->press.report.entries[i].kind == REPORT_WARNING &&
            strstr(scene->press.report.entries[i].text, words) != NULL) {
            return true;
        }
    }
    return false;
}

static bool blocks(const struct scene *scene, const char *text)
{
    struct policy_outcome outcome;
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    policy_decide_question(scene->snapshot->policy, 0, &name, &outcome);
    return outcome.enforced;
}

/* Loads, and is told so: the image was not used, and what the text says holds. */
static void compiled_with(struct scene *scene, const char *words)
{
    assert_int_equal(load(scene, ALONE, STATE), 0);
    assert_false(scene->snapshot->shipped);
    assert_true(words == NULL ? scene->press.report.count == 0 : warned(scene, words));
    assert_true(blocks(scene, "www.example.test"));
    assert_false(blocks(scene, "www.other.test"));
}

static void an_image_that_the_catalogue_names_is_used(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene);
    ship(&scene, scene.octets, scene.len);
    assert_int_equal(load(&scene, ALONE, STATE), 0);
    assert_true(scene.snapshot->shipped);
    assert_false(scene.snapshot->from_cache);
    assert_int_equal(scene.press.report.count, 0);
    assert_true(blocks(&scene, "www.example.test"));
    assert_false(blocks(&scene, "www.other.test"));
    assert_int_equal(scene.snapshot->lists[0].serial, 5);
    assert_int_equal(scene.snapshot->lists[0].rules, 1);
    assert_int_equal(scene.snapshot->lists[0].verdict.count, 2);
    assert_string_equal(policy_list_head_of(scene.snapshot->policy, 0)->title, "Test");
    assert_int_not_equal(access("state/image.key", F_OK), 0); /* nothing had to be kept */
    assert_int_equal(access("state/trust.ratchet", F_OK), 0);
    /* A link is fine: container platforms put one in front of every file. */
    assert_int_equal(rename("lists/one.image", "lists/behind"), 0);
    assert_int_equal(symlink("behind", "lists/one.image"), 0);
    assert_int_equal(load(&scene, ALONE, STATE), 0);
    assert_true(scene.snapshot->shipped);
    close_scene(&scene);
}

static void a_damaged_image_is_a_warning(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 4; turn++) {
        struct scene scene;

        open_scene(&scene);
        ship(&scene, scene.octets, scene.len);
        scene.octets[turn * (scene.len - 1) / 3] ^= 1;
        workshop_write("lists/one.image", scene.octets, scene.len);
        compiled_with(&scene, "not the one that the catalogue names");
        close_scene(&scene);
        assert_int_equal(system("rm -rf lists state"), 0);
    }
}

static void what_is_no_image_file_is_a_warning(void **state)
{
    static const size_t lengths[] = {0, 1, 4095, 4096};

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]) + 2; i++) {
        struct scene scene;

        open_scene(&scene);
        ship(&scene, scene.octets, scene.len);
        if (i < sizeof(lengths) / sizeof(lengths[0])) {
            workshop_write("lists/one.image", scene.octets, lengths[i]);
        } else {
            assert_int_equal(unlink("lists/one.image"), 0);
            assert_int_equal(i % 2 == 0 ? mkdir("lists/one.image", 0700)
                                        : mkfifo("lists/one.image", 0600),
                             0);
        }
        compiled_with(&scene, "the publisher's image is not used");
        close_scene(&scene);
        assert_int_equal(system("rm -rf lists state"), 0);
    }
}

/* The publisher made the text anew, and forgot the image. */
static void an_image_of_another_text_is_a_warning(void **state)
{
    static const struct {
        const char *id, *name;
        unsigned serial;
    } others[] = {
        {"one", "other.test", 5}, {"one", "example.test", 4}, {"two", "example.test", 5}};
    char text[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct scene scene;
        size_t len = 0;

        open_scene(&scene);
        snprintf(text, sizeof(text), LIST_TEXT, others[i].id, others[i].serial, others[i].name);
        uint8_t *octets = compile(text, &len);
        ship(&scene, octets, len);
        compiled_with(&scene, "made of another text");
        free(octets);
        close_scene(&scene);
        assert_int_equal(system("rm -rf lists state"), 0);
    }
}

static void an_image_of_another_version_is_a_warning(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene);
    scene.octets[8]++; /* the major version */
    ship(&scene, scene.octets, scene.len);
    compiled_with(&scene, cordon_strerror(CORDON_E_VERSION));
    close_scene(&scene);
}

static void an_image_that_is_missing_or_not_named_is_nothing(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene);
    ship(&scene, scene.octets, scene.len);
    assert_int_equal(unlink("lists/one.image"), 0);
    compiled_with(&scene, NULL);
    close_scene(&scene);
    assert_int_equal(system("rm -rf lists state"), 0);
    open_scene(&scene);
    workshop_write("lists/one.image", scene.octets, scene.len);
    compiled_with(&scene, NULL);
    close_scene(&scene);
}

static void of_two_lists_none_is_used(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene);
    add_list(&scene, "two", 3, "other.test");
    ship(&scene, scene.octets, scene.len);
    assert_int_equal(load(&scene, ALONE ", two: enforce", STATE), 0);
    assert_false(scene.snapshot->shipped);
    assert_true(blocks(&scene, "www.example.test"));
    assert_true(blocks(&scene, "www.other.test"));
    close_scene(&scene);
}

/* The rules of an image are not held against a scope: those of the text are. */
static void a_publisher_with_a_scope_is_read(void **state)
{
    struct scene scene;

    (void)state;
    open_scene(&scene);
    ship(&scene, scene.octets, scene.len);
    struct trust_root *root = press_root(&scene.press, 2);
    root->scope.all_names = false;
    snprintf(root->scope.names[0], sizeof(root->scope.names[0]), "example.test");
    root->scope.name_count = 1;
    press_root_write(&scene.press, root, "lists", "01");
    compiled_with(&scene, NULL);
    close_scene(&scene);
}

static void the_text_is_verified_all_the_same(void **state)
{
    struct scene scene;
    char text[1024];

    (void)state;
    open_scene(&scene);
    ship(&scene, scene.octets, scene.len);
    snprintf(text, sizeof(text), LIST_TEXT, "one", 5u, "changed.test");
    press_list_write(&scene.press, "lists", "one", text, "34"); /* not the catalogue's */
    assert_int_equal(load(&scene, ALONE, STATE), CORDON_E_REFUSED);
    close_scene(&scene);
    assert_int_equal(system("rm -rf lists state"), 0);
    open_scene(&scene);
    ship(&scene, scene.octets, scene.len);
    assert_int_equal(system("rm lists/one.list.*"), 0);
    snprintf(text, sizeof(text), LIST_TEXT, "one", 5u, "example.test");
    press_list_write(&scene.press, "lists", "one", text, "3"); /* one key is too few */
    assert_int_equal(load(&scene, ALONE, STATE), CORDON_E_THRESHOLD);
    close_scene(&scene);
}

/* Whoever only looks compiles, and says if the image is another. */
static void a_check_compares(void **state)
{
    struct scene scene;
    char text[1024];
    size_t len = 0;

    (void)state;
    open_scene(&scene);
    ship(&scene, scene.octets, scene.len);
    assert_int_equal(load(&scene, ALONE, ""), 0);
    assert_false(scene.snapshot->shipped);
    assert_false(warned(&scene, "image"));
    close_scene(&scene);
    assert_int_equal(system("rm -r lists"), 0);
    open_scene(&scene);
    snprintf(text, sizeof(text), LIST_TEXT, "one", 5u, "other.test");
    uint8_t *octets = compile(text, &len);
    memcpy(octets + 48, scene.octets + 48, 32); /* it claims the right inputs */
    ship(&scene, octets, len);
    assert_int_equal(load(&scene, ALONE, ""), 0);
    assert_true(warned(&scene, "is not what the list's text is compiled to here"));
    assert_true(blocks(&scene, "www.example.test"));
    free(octets);
    close_scene(&scene);
}

/* --- before the text is read --- */

static bool erred(const struct report *report, const char *words)
{
    for (size_t i = 0; i < report->count; i++) {
        if (report->entries[i].kind == REPORT_ERROR &&
            strstr(report->entries[i].text, words) != NULL) {
            return true;
        }
    }
    return false;
}

static void open_late(struct scene *scene)
{
    open_scene(scene);
    ship(scene, scene->octets, scene->len);
    scene->late_octets = 1;
}

/* Loads by the image alone: the text is not read, whatever is in it. */
static void load_late(struct scene *scene)
{
    assert_int_equal(load(scene, ALONE, STATE), 0);
    assert_true(scene->snapshot->shipped);
    assert_true(scene->snapshot->lists[0].unread);
    assert_non_null(scene->snapshot->late);
    assert_int_equal(scene->press.report.count, 0);
    assert_true(blocks(scene, "www.example.test"));
    assert_false(blocks(scene, "www.changed.test"));
}

/* What the daemon does once it is in force. */
static int read_late(struct scene *scene)
{
    const _Atomic bool give_up = false;

    setup_late_run(scene->snapshot->late, &give_up);
    return setup_late_tell(scene->snapshot->late, scene->snapshot, scene->snapshot);
}

/* Another text of the same size. */
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

static void an_image_that_is_signed_for_counts_before_its_text(void **state)
{
    struct policy_kept_version kept[POLICY_VERSIONS_MAX];
    struct scene scene;
    size_t count = 0;

    (void)state;
    open_late(&scene);
    load_late(&scene);
    const struct policy_loaded_list *loaded = &scene.snapshot->lists[0];
    assert_int_equal(loaded->serial, 5);
    assert_int_equal(loaded->rules, 1);
    assert_int_equal(loaded->verdict.count, 2); /* over the hash that the catalogue names */
    assert_string_equal(loaded->publisher, "press");
    assert_int_equal(loaded->catalogue_serial, 7);
    assert_int_equal(access("state/trust.ratchet", F_OK), 0); /* remembered before */
    assert_int_not_equal(access("state/lists", F_OK), 0);
    assert_null(policy_list_head_of(scene.snapshot->policy, 0));
    assert_int_equal(read_late(&scene), 0);
    assert_false(loaded->unread);
    assert_int_equal(scene.snapshot->broken_count, 0);
    assert_string_equal(policy_list_head_of(scene.snapshot->policy, 0)->title, "Test");
    const struct policy_version_of version = {
        .folder = "state/lists", .id = "one", .serial = 5, .hash = loaded->hash};
    policy_version_settle(&version, 3);
    assert_int_equal(policy_versions_find("state/lists", "one", kept, &count), 0);
    assert_int_equal(count, 1);
    /* The fingerprint of what decides is the same, whichever was first. */
    uint8_t total[DIGEST_OCTETS];
    memcpy(total, scene.snapshot->fingerprint->total, sizeof(total));
    scene.late_octets = 0;
    assert_int_equal(load(&scene, ALONE, STATE), 0);
    assert_false(scene.snapshot->lists[0].unread);
    assert_null(scene.snapshot->late);
    assert_memory_equal(total, scene.snapshot->fingerprint->total, sizeof(total));
    close_scene(&scene);
}

/* It is what the publisher signed that counts; that the file is another is told. */
static void a_text_that_was_changed_is_found_later(void **state)
{
    struct scene scene;

    (void)state;
    open_late(&scene);
    change_text();
    load_late(&scene);
    assert_int_equal(read_late(&scene), CORDON_E_THRESHOLD);
    assert_true(scene.snapshot->lists[0].unread);
    assert_int_equal(scene.snapshot->broken_count, 1);
    assert_string_equal(scene.snapshot->broken[0].publisher, "");
    assert_non_null(strstr(scene.snapshot->broken[0].fault, "one.list"));
    assert_true(erred(&scene.snapshot->late->report, "of the 2 distinct"));
    assert_int_not_equal(access("state/lists", F_OK), 0); /* nothing of it is kept */
    assert_true(blocks(&scene, "www.example.test"));
    scene.late_octets = 0; /* as the reload after it */
    assert_int_equal(load(&scene, ALONE, STATE), CORDON_E_THRESHOLD);
    close_scene(&scene);
}

/* Signed by all, and not the one that the catalogue names. */
static void a_text_of_another_day_is_found_later(void **state)
{
    struct scene scene;

    (void)state;
    open_late(&scene);
    load_late(&scene);
    change_text();
    press_sign(&scene.press, "lists/one.list", "34");
    assert_int_equal(read_late(&scene), CORDON_E_REFUSED);
    assert_int_equal(scene.snapshot->broken_count, 1);
    assert_true(erred(&scene.snapshot->late->report, "different days"));
    close_scene(&scene);
}

static void a_text_that_is_gone_is_found_later(void **state)
{
    struct scene scene;

    (void)state;
    open_late(&scene);
    load_late(&scene);
    assert_int_equal(unlink("lists/one.list"), 0);
    assert_int_equal(read_late(&scene), -ENOENT);
    assert_int_equal(scene.snapshot->broken_count, 1);
    assert_true(blocks(&scene, "www.example.test"));
    close_scene(&scene);
}

/* Both were signed for, but one was not made of the other: it is compiled from then on. */
static void an_image_of_another_text_is_found_later(void **state)
{
    struct scene scene;
    char text[1024];
    size_t len = 0;

    (void)state;
    open_scene(&scene);
    snprintf(text, sizeof(text), LIST_TEXT, "one", 5u, "other.test");
    uint8_t *octets = compile(text, &len);
    ship(&scene, octets, len);
    scene.late_octets = 1;
    assert_int_equal(load(&scene, ALONE, STATE), 0);
    assert_true(scene.snapshot->lists[0].unread);
    assert_int_equal(read_late(&scene), CORDON_E_CORRUPT);
    assert_int_equal(scene.snapshot->broken_count, 1);
    assert_true(erred(&scene.snapshot->late->report, "made of another text"));
    scene.late_octets = 0;
    compiled_with(&scene, "made of another text");
    /* Its text is known here now: the image is not taken again. */
    const struct policy_version_of version = {.folder = "state/lists",
                                              .id = "one",
                                              .serial = 5,
                                              .hash = scene.snapshot->lists[0].hash};
    policy_version_settle(&version, 3);
    scene.late_octets = 1; /* what was compiled is (policy/known.h) */
    assert_int_equal(load(&scene, ALONE, STATE), 0);
    assert_true(scene.snapshot->lists[0].unread && !scene.snapshot->shipped);
    assert_int_equal(read_late(&scene), 0);
    assert_true(blocks(&scene, "www.example.test"));
    free(octets);
    close_scene(&scene);
}

/* Whatever is missing for that, the text is read first, as ever. */
static void without_signatures_or_image_the_text_is_read_first(void **state)
{
    static const struct {
        const char *command; /* that takes it away */
        const char *words;   /* of a warning; NULL: none */
        int rc;
    } faults[] = {
        {"rm lists/one.image", NULL, 0},
        {"truncate -s -1 lists/one.image", "publisher's image is not used", 0},
        {"truncate -s 4000 lists/one.image", "publisher's image is not used", 0},
        {"printf x | dd of=lists/one.image bs=1 seek=5000 conv=notrunc 2>/dev/null",
         "not the one that the catalogue names", 0},
        {"echo >>lists/one.list", NULL, CORDON_E_THRESHOLD},
        {"rm lists/one.list", NULL, -ENOENT},
        {"rm lists/one.list.*", NULL, CORDON_E_THRESHOLD},
        {"rm $(ls lists/one.list.* | head -n 1)", NULL, CORDON_E_THRESHOLD},
        {"cp lists/1.root lists/catalogue", NULL, CORDON_E_THRESHOLD},
        {"sed -i 's/image=..../image=0000/' lists/catalogue", NULL, CORDON_E_THRESHOLD},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct scene scene;

        open_late(&scene);
        press_catalogue_write(&scene.press, scene.catalogue, "lists", "34");
        scene.catalogue = NULL;
        assert_int_equal(system(faults[i].command), 0);
        assert_int_equal(load(&scene, ALONE, STATE), faults[i].rc);
        if (faults[i].rc == 0) {
            assert_false(scene.snapshot->shipped);
            assert_false(scene.snapshot->lists[0].unread);
            assert_true(blocks(&scene, "www.example.test"));
            assert_true(faults[i].words == NULL || warned(&scene, faults[i].words));
        } else {
            assert_int_not_equal(access("state/trust.ratchet", F_OK), 0);
        }
        close_scene(&scene);
        assert_int_equal(system("rm -rf lists state"), 0);
    }
}

/* What one signed image stands for is one list, of a publisher with all names, in its folder.
 */
static void it_is_for_what_an_image_could_stand_for(void **state)
{
    struct scene scene;

    (void)state;
    open_late(&scene);
    struct trust_root *root = press_root(&scene.press, 2);
    root->scope.all_names = false;
    snprintf(root->scope.names[0], sizeof(root->scope.names[0]), "other.test");
    root->scope.name_count = 1;
    press_root_write(&scene.press, root, "lists", "01");
    assert_int_equal(load(&scene, ALONE, STATE), CORDON_E_REFUSED);
    close_scene(&scene);
    assert_int_equal(system("rm -rf lists state"), 0);
    open_late(&scene);
    add_list(&scene, "two", 3, "other.test");
    assert_int_equal(load(&scene, ALONE ", two: enforce", STATE), 0);
    assert_false(scene.snapshot->lists[0].unread);
    close_scene(&scene);
    assert_int_equal(system("rm -rf lists state"), 0);
    open_late(&scene);
    scene.late_octets = 1 << 20; /* it is smaller */
    assert_int_equal(load(&scene, ALONE, STATE), 0);
    assert_false(scene.snapshot->lists[0].unread);
    close_scene(&scene);
}

/* A rollback, a catalogue that names another list, an expired root: told before anything
 * counts. */
static void the_ratchet_holds_all_the_same(void **state)
{
    struct scene scene;

    (void)state;
    open_late(&scene);
    load_late(&scene);
    scene.catalogue = press_catalogue(6); /* older */
    add_list(&scene, "one", 5, "example.test");
    ship(&scene, scene.octets, scene.len);
    assert_int_equal(load(&scene, ALONE, STATE), CORDON_E_REFUSED);
    scene.catalogue = press_catalogue(8); /* newer, with an older list */
    add_list(&scene, "one", 4, "example.test");
    ship(&scene, scene.octets, scene.len);
    assert_int_equal(load(&scene, ALONE, STATE), CORDON_E_REFUSED);
    assert_true(press_said(&scene.press, "rollback"));
    close_scene(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(an_image_that_the_catalogue_names_is_used),
        WORKSHOP_TEST(a_damaged_image_is_a_warning),
        WORKSHOP_TEST(what_is_no_image_file_is_a_warning),
        WORKSHOP_TEST(an_image_of_another_text_is_a_warning),
        WORKSHOP_TEST(an_image_of_another_version_is_a_warning),
        WORKSHOP_TEST(an_image_that_is_missing_or_not_named_is_nothing),
        WORKSHOP_TEST(of_two_lists_none_is_used),
        WORKSHOP_TEST(a_publisher_with_a_scope_is_read),
        WORKSHOP_TEST(the_text_is_verified_all_the_same),
        WORKSHOP_TEST(a_check_compares),
        WORKSHOP_TEST(an_image_that_is_signed_for_counts_before_its_text),
        WORKSHOP_TEST(a_text_that_was_changed_is_found_later),
        WORKSHOP_TEST(a_text_of_another_day_is_found_later),
        WORKSHOP_TEST(a_text_that_is_gone_is_found_later),
        WORKSHOP_TEST(an_image_of_another_text_is_found_later),
        WORKSHOP_TEST(without_signatures_or_image_the_text_is_read_first),
        WORKSHOP_TEST(it_is_for_what_an_image_could_stand_for),
        WORKSHOP_TEST(the_ratchet_holds_all_the_same),
    };

    return cmocka_run_group_tests(tests, workshop_library, NULL);
}
