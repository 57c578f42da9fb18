/* trust/keyring: who has signed is counted by distinct trusted keys, and by nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "trust/keyring.h"

#include "trust/workshop.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Three keys that have each signed the list, and a keyring of the first two. */
struct scene {
    struct made made[3];
    struct trust_keyring keyring;
    struct report report;
    struct trust_verdict verdict;
};

static void scene_init(struct scene *scene, unsigned threshold)
{
    memset(scene, 0, sizeof(*scene));
    for (size_t i = 0; i < 3; i++) {
        scene->made[i] = workshop_make(i == 0 ? "first" : i == 1 ? "second" : "third");
    }
    assert_int_equal(trust_keyring_add(&scene->keyring, &scene->made[0].key), 0);
    assert_int_equal(trust_keyring_add(&scene->keyring, &scene->made[1].key), 0);
    scene->keyring.threshold = threshold;
    report_init(&scene->report);
    workshop_write("a.list", list, LIST_LEN);
}

static void scene_deinit(struct scene *scene)
{
    report_deinit(&scene->report);
}

static void put(const char *path, const struct made *made)
{
    workshop_write(path, made->file, made->len);
}

static int verify(struct scene *scene, const char *path)
{
    report_deinit(&scene->report);
    return trust_verify_beside(&scene->keyring, path, LIST, LIST_LEN, &scene->report,
                               &scene->verdict);
}

/* True if an entry of this kind has all of the words. */
static bool reported(const struct scene *scene, enum report_kind kind, const char *first,
                     const char *second)
{
    for (size_t i = 0; i < scene->report.count; i++) {
        const struct report_entry *entry = &scene->report.entries[i];
        if (entry->kind == kind && strstr(entry->text, first) != NULL &&
            strstr(entry->text, second) != NULL) {
            return true;
        }
    }
    report_print(&scene->report, stderr);
    return false;
}

static void two_distinct_trusted_keys_are_enough(void **state)
{
    struct scene scene;

    scene_init(&scene, 2);
    put("a.list.one.minisig", &scene.made[0]);
    put("a.list.two.minisig", &scene.made[1]);
    assert_int_equal(verify(&scene, "a.list"), 0);
    assert_int_equal(scene.report.count, 0);
    assert_int_equal(scene.verdict.count, 2);
    assert_memory_equal(scene.verdict.ids[0], scene.made[0].key.id, TRUST_KEY_ID_OCTETS);
    assert_memory_equal(scene.verdict.ids[1], scene.made[1].key.id, TRUST_KEY_ID_OCTETS);
    assert_string_equal(scene.verdict.trusted_comment, "first");

    char path[512]; /* the same by other ways of naming it */
    snprintf(path, sizeof(path), "%s/a.list", (char *)*state);
    assert_int_equal(verify(&scene, path), 0);
    assert_int_equal(verify(&scene, "./a.list"), 0);
    scene_deinit(&scene);
}

static void the_real_minisign_can_be_both_signers(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 2);
    memset(&scene.keyring, 0, sizeof(scene.keyring));
    scene.keyring.threshold = 2;
    assert_int_equal(MINISIGN("", "-G", "-W", "-p", "1.pub", "-s", "1.key"), 0);
    assert_int_equal(MINISIGN("", "-G", "-W", "-p", "2.pub", "-s", "2.key"), 0);
    assert_int_equal(
        MINISIGN("", "-S", "-s", "1.key", "-m", "a.list", "-x", "a.list.1.minisig"), 0);
    assert_int_equal(
        MINISIGN("", "-Sl", "-s", "2.key", "-m", "a.list", "-x", "a.list.2.minisig"), 0);
    assert_int_equal(trust_keyring_add_file(&scene.keyring, "1.pub", &scene.report), 0);
    assert_int_equal(trust_keyring_add_file(&scene.keyring, "2.pub", &scene.report), 0);
    assert_int_equal(verify(&scene, "a.list"), 0);
    assert_int_equal(scene.verdict.count, 2);
    /* By its hash alone, a signature in the old form, over the text itself, is none. */
    uint8_t hash[TRUST_HASH_OCTETS];
    trust_hash(LIST, LIST_LEN, hash);
    assert_int_equal(trust_verify_beside_hashed(&scene.keyring, "a.list", NULL, 0, hash,
                                                &scene.report, &scene.verdict),
                     CORDON_E_THRESHOLD);
    assert_true(reported(&scene, REPORT_ERROR, "a.list: ", "1 of the 2 distinct"));
    scene_deinit(&scene);
}

static void a_hash_can_be_verified_without_its_text(void **state)
{
    struct scene scene;
    uint8_t hash[TRUST_HASH_OCTETS];

    (void)state;
    scene_init(&scene, 2);
    put("a.list.one.minisig", &scene.made[0]);
    put("a.list.two.minisig", &scene.made[1]);
    assert_int_equal(unlink("a.list"), 0);
    trust_hash(LIST, LIST_LEN, hash);
    assert_int_equal(trust_verify_beside_hashed(&scene.keyring, "a.list", NULL, 0, hash,
                                                &scene.report, &scene.verdict),
                     0);
    assert_int_equal(scene.verdict.count, 2);
    assert_memory_equal(scene.verdict.hash, hash, sizeof(hash));
    for (size_t i = 0; i < sizeof(hash); i += 21) {
        hash[i] ^= 1;
        assert_int_equal(trust_verify_beside_hashed(&scene.keyring, "a.list", NULL, 0, hash,
                                                    &scene.report, &scene.verdict),
                         CORDON_E_THRESHOLD);
        hash[i] ^= 1;
    }
    scene_deinit(&scene);
}

static void one_key_is_never_counted_twice(void **state)
{
    struct scene scene;
    struct made again;

    (void)state;
    scene_init(&scene, 2);
    again = scene.made[0]; /* another signature of the same key */
    assert_int_equal(trust_sign(&again.secret, LIST, LIST_LEN, "again", again.file,
                                sizeof(again.file), &again.len),
                     0);
    put("a.list.one.minisig", &scene.made[0]);
    put("a.list.copy.minisig", &scene.made[0]);
    put("a.list.two.minisig", &again);
    assert_int_equal(verify(&scene, "a.list"), CORDON_E_THRESHOLD);
    assert_true(reported(&scene, REPORT_WARNING, "a.list.one.minisig: ", "counts once"));
    assert_true(reported(&scene, REPORT_WARNING, "a.list.two.minisig: ", "counts once"));
    assert_true(reported(&scene, REPORT_ERROR, "a.list: ", "1 of the 2 distinct"));
    scene_deinit(&scene);
}

static void a_key_cannot_enter_twice_under_two_ids(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 2);
    struct trust_public_key same_octets = scene.made[0].key;
    same_octets.id[3] ^= 1;
    assert_int_equal(trust_keyring_add(&scene.keyring, &same_octets), -EEXIST);
    struct trust_public_key same_id = scene.made[2].key;
    memcpy(same_id.id, scene.made[0].key.id, sizeof(same_id.id));
    assert_int_equal(trust_keyring_add(&scene.keyring, &same_id), -EEXIST);
    assert_int_equal(trust_keyring_add(&scene.keyring, &scene.made[1].key), -EEXIST);
    assert_int_equal(scene.keyring.count, 2);
    assert_int_equal(trust_keyring_add(&scene.keyring, &scene.made[2].key), 0);
    scene_deinit(&scene);
}

static void a_key_cannot_sign_under_the_id_of_another(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 2);
    struct made forged = scene.made[0];
    memcpy(forged.secret.id, scene.made[1].key.id, sizeof(forged.secret.id));
    assert_int_equal(trust_sign(&forged.secret, LIST, LIST_LEN, "second", forged.file,
                                sizeof(forged.file), &forged.len),
                     0);
    put("a.list.one.minisig", &scene.made[0]);
    put("a.list.two.minisig", &forged);
    assert_int_equal(verify(&scene, "a.list"), CORDON_E_THRESHOLD);
    assert_true(reported(&scene, REPORT_WARNING, "a.list.two.minisig: ", "does not verify"));
    /* It does not keep the true signature of that key from counting. */
    put("a.list.zwei.minisig", &scene.made[1]);
    assert_int_equal(verify(&scene, "a.list"), 0);
    assert_int_equal(scene.verdict.count, 2);
    scene_deinit(&scene);
}

static void a_stranger_counts_for_nothing(void **state)
{
    struct scene scene;
    char id[TRUST_KEY_ID_TEXT];

    (void)state;
    scene_init(&scene, 2);
    put("a.list.one.minisig", &scene.made[0]);
    put("a.list.stranger.minisig", &scene.made[2]);
    assert_int_equal(verify(&scene, "a.list"), CORDON_E_THRESHOLD);
    trust_key_id_format(scene.made[2].key.id, id);
    assert_true(reported(&scene, REPORT_WARNING, "a.list.stranger.minisig: ", id));
    scene.keyring.threshold = 1;
    assert_int_equal(verify(&scene, "a.list"), 0);
    assert_int_equal(scene.verdict.count, 1);
    scene_deinit(&scene);
}

static void too_few_signatures_are_told_with_numbers_and_a_way_out(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 2);
    memset(&scene.verdict, 7, sizeof(scene.verdict));
    const struct trust_verdict untouched = scene.verdict;
    assert_int_equal(verify(&scene, "a.list"), CORDON_E_THRESHOLD);
    assert_true(reported(&scene, REPORT_ERROR, "a.list: 0 of the 2 distinct trusted keys",
                         "(0 signature files beside it): put the missing a.list.KEY.minisig"));
    put("a.list.one.minisig", &scene.made[0]);
    assert_int_equal(verify(&scene, "a.list"), CORDON_E_THRESHOLD);
    assert_true(reported(&scene, REPORT_ERROR, "1 of the 2", "(1 signature file beside it)"));
    scene.keyring.threshold = 3;
    put("a.list.two.minisig", &scene.made[1]);
    assert_int_equal(verify(&scene, "a.list"), CORDON_E_THRESHOLD);
    assert_true(reported(&scene, REPORT_ERROR, "3 distinct", "the keyring has 2"));
    assert_memory_equal(&scene.verdict, &untouched, sizeof(untouched));
    scene_deinit(&scene);
}

static void an_empty_keyring_trusts_nobody(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 1);
    scene.keyring.count = 0;
    put("a.list.one.minisig", &scene.made[0]);
    assert_int_equal(verify(&scene, "a.list"), CORDON_E_THRESHOLD);
    assert_true(reported(&scene, REPORT_ERROR, "a.list: ", "the keyring has 0"));
    scene_deinit(&scene);
}

static void a_list_that_changed_after_signing_is_refused(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 2);
    put("a.list.one.minisig", &scene.made[0]);
    put("a.list.two.minisig", &scene.made[1]);
    assert_int_equal(trust_verify_beside(&scene.keyring, "a.list", LIST, LIST_LEN - 1,
                                         &scene.report, &scene.verdict),
                     CORDON_E_THRESHOLD);
    assert_true(reported(&scene, REPORT_WARNING, "a.list.one.minisig: ", "does not verify"));
    assert_true(reported(&scene, REPORT_WARNING, "a.list.two.minisig: ", "does not verify"));
    assert_int_equal(scene.report.errors, 1);
    scene_deinit(&scene);
}

static void every_bad_signature_file_is_named(void **state)
{
    static char large[TRUST_SIGNATURE_FILE_MAX + 1];
    struct scene scene;

    (void)state;
    scene_init(&scene, 2);
    put("a.list.one.minisig", &scene.made[0]);
    put("a.list.two.minisig", &scene.made[1]);
    workshop_write("a.list.cut.minisig", scene.made[0].file, scene.made[0].len / 2);
    workshop_write("a.list.empty.minisig", "", 0);
    workshop_write("a.list.large.minisig", large, sizeof(large));
    assert_int_equal(mkdir("a.list.folder.minisig", 0700), 0);
    assert_int_equal(mkfifo("a.list.fifo.minisig", 0600), 0);
    assert_int_equal(symlink("nowhere", "a.list.link.minisig"), 0);
    assert_int_equal(verify(&scene, "a.list"), 0); /* the good ones count all the same */
    assert_int_equal(scene.verdict.count, 2);
    assert_int_equal(scene.report.warnings, 6);
    assert_true(reported(&scene, REPORT_WARNING, "a.list.cut.minisig: ", "fetch it again"));
    assert_true(reported(&scene, REPORT_WARNING, "a.list.empty.minisig: ", "fetch it again"));
    assert_true(reported(&scene, REPORT_WARNING, "a.list.large.minisig: ", "limit"));
    assert_true(reported(&scene, REPORT_WARNING, "a.list.folder.minisig: ", "cannot be read"));
    assert_true(reported(&scene, REPORT_WARNING, "a.list.fifo.minisig: ", "cannot be read"));
    assert_true(reported(&scene, REPORT_WARNING, "a.list.link.minisig: ", "cannot be read"));
    scene_deinit(&scene);
}

static void files_of_other_names_are_not_looked_at(void **state)
{
    static const char *const names[] = {
        "a.list.minisig",    /* no part that says whose it is */
        "a.list..minisig",   /* an empty one */
        "a.listone.minisig", /* of another list */
        "a.list2.one.minisig",    "aa.list.one.minisig",
        "a.list.one.minisig.bak", /* not at the end */
        "a.list.one.minisig~",    "a.list.one.MINISIG",
        "a.list.oneminisig",      ".a.list.one.minisig",
        "b.list.one.minisig",
    };
    struct scene scene;

    (void)state;
    scene_init(&scene, 1);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        put(names[i], &scene.made[0]);
    }
    assert_int_equal(verify(&scene, "a.list"), CORDON_E_THRESHOLD);
    assert_int_equal(scene.report.count, 1);
    assert_true(reported(&scene, REPORT_ERROR, "a.list: ", "(0 signature files beside it)"));
    put("a.list.o.minisig", &scene.made[0]);
    assert_int_equal(verify(&scene, "a.list"), 0);
    scene_deinit(&scene);
}

static void a_flood_of_files_is_bounded_and_told(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 1);
    for (int i = 0; i < TRUST_SIGNATURES_MAX + 5; i++) {
        char name[64];
        snprintf(name, sizeof(name), "a.list.x%03d.minisig", i);
        workshop_write(name, "junk", 4);
    }
    put("a.list.a.minisig", &scene.made[0]); /* by name the first, whatever the folder says */
    assert_int_equal(verify(&scene, "a.list"), 0);
    assert_int_equal(scene.report.warnings, TRUST_SIGNATURES_MAX);
    assert_true(reported(&scene, REPORT_WARNING, "a.list: 6 more", "at most 32"));
    assert_int_equal(unlink("a.list.a.minisig"), 0);
    put("a.list.z.minisig", &scene.made[0]); /* and the last: not looked at */
    assert_int_equal(verify(&scene, "a.list"), CORDON_E_THRESHOLD);
    assert_true(reported(&scene, REPORT_WARNING, "a.list.x031.minisig: ", "fetch it again"));
    assert_true(reported(&scene, REPORT_WARNING, "a.list: 6 more", "at most 32"));
    scene_deinit(&scene);
}

static void junk(unsigned count, const char *words)
{
    for (unsigned i = 0; i < count; i++) {
        char name[64];

        snprintf(name, sizeof(name), "a.list.%s%04u.minisig", words, i);
        workshop_write(name, "junk", 4);
    }
}

/* Whoever can write beside a list can put thousands of files there whose names come first. */
static void a_flood_of_files_does_not_hide_the_file_of_a_trusted_key(void **state)
{
    static const uint8_t tops[] = {0xa5, 0x05, 0x00}; /* of the ids: 16, 15 and 14 digits */
    char id[TRUST_KEY_ID_TEXT], name[64];

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(tops); i++) {
        const bool without_zeros = i % 2 == 1;
        struct scene scene;

        scene_init(&scene, 1);
        struct made made = workshop_make("known");
        made.secret.id[TRUST_KEY_ID_OCTETS - 2] |= 0x10;
        made.secret.id[TRUST_KEY_ID_OCTETS - 1] = tops[i / 2];
        memcpy(made.key.id, made.secret.id, sizeof(made.key.id));
        assert_int_equal(trust_sign(&made.secret, LIST, LIST_LEN, "known", made.file,
                                    sizeof(made.file), &made.len),
                         0);
        scene.keyring.count = 0;
        assert_int_equal(trust_keyring_add(&scene.keyring, &made.key), 0);
        trust_key_id_format(made.key.id, id);
        assert_int_equal(strlen(id), 16);
        const size_t zeros = without_zeros ? strspn(id, "0") : 0;
        assert_int_equal(zeros, without_zeros ? i / 2 : 0);
        junk(300, "0000");
        junk(300, "000000000000"); /* 16 digits: the ids of nobody */
        snprintf(name, sizeof(name), "a.list.%s.minisig", id + zeros);
        put(name, &made);
        assert_int_equal(verify(&scene, "a.list"), 0);
        assert_int_equal(scene.verdict.count, 1);
        assert_true(reported(&scene, REPORT_WARNING, "a.list: 568 more", "at most 32"));
        assert_int_equal(unlink(name), 0);

        /* The id with something before or behind it is a name like others: after the junk. */
        static const char *const around[][2] = {{"x", ""}, {"0", ""}, {"", "x"}, {"", ".1"}};
        for (size_t k = 0; i == 0 && k < sizeof(around) / sizeof(around[0]); k++) {
            snprintf(name, sizeof(name), "a.list.%s%s%s.minisig", around[k][0], id,
                     around[k][1]);
            put(name, &made);
            assert_int_equal(verify(&scene, "a.list"), CORDON_E_THRESHOLD);
            assert_int_equal(unlink(name), 0);
        }
        scene_deinit(&scene);
    }
}

/* A full keyring, each key with a file of either form, and junk: every key is looked at. */
static void each_key_of_a_full_keyring_is_looked_for(void **state)
{
    char id[TRUST_KEY_ID_TEXT], name[64];
    struct scene scene;

    (void)state;
    scene_init(&scene, TRUST_KEYS_MAX);
    scene.keyring.count = 0;
    junk(100, "0000");
    for (size_t i = 0; i < TRUST_KEYS_MAX; i++) {
        struct made made = workshop_make("one of many");

        made.secret.id[TRUST_KEY_ID_OCTETS - 1] = (uint8_t)(i % 2);
        memcpy(made.key.id, made.secret.id, sizeof(made.key.id));
        assert_int_equal(trust_sign(&made.secret, LIST, LIST_LEN, "one", made.file,
                                    sizeof(made.file), &made.len),
                         0);
        assert_int_equal(trust_keyring_add(&scene.keyring, &made.key), 0);
        trust_key_id_format(made.key.id, id);
        snprintf(name, sizeof(name), "a.list.%s.minisig", id);
        put(name, &made);
        snprintf(name, sizeof(name), "a.list.%s.minisig", id + strspn(id, "0"));
        workshop_write(name, "junk", 4);
    }
    assert_int_equal(verify(&scene, "a.list"), 0);
    assert_int_equal(scene.verdict.count, TRUST_KEYS_MAX);
    scene_deinit(&scene);
}

static void a_folder_that_is_not_there_is_told(void **state)
{
    static char long_path[5000];
    struct scene scene;

    (void)state;
    scene_init(&scene, 1);
    assert_int_equal(verify(&scene, "absent/a.list"), -ENOENT);
    assert_true(reported(&scene, REPORT_ERROR, "absent/a.list: ", "folder"));
    assert_int_equal(verify(&scene, "a.list/a.list"), -ENOTDIR);
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 2] = '/';
    assert_int_equal(verify(&scene, long_path), -ENAMETOOLONG);
    assert_int_equal(verify(&scene, "/a.list"), CORDON_E_THRESHOLD); /* the root is a folder */
    scene_deinit(&scene);
}

static void a_full_keyring_takes_no_more(void **state)
{
    struct trust_keyring keyring = {.threshold = 1};
    struct trust_secret_key secret;
    struct trust_public_key key;

    (void)state;
    for (size_t i = 0; i < TRUST_KEYS_MAX; i++) {
        trust_key_generate(&secret, &key);
        assert_int_equal(trust_keyring_add(&keyring, &key), 0);
    }
    assert_int_equal(trust_keyring_add(&keyring, &key), -EEXIST);
    trust_key_generate(&secret, &key);
    assert_int_equal(trust_keyring_add(&keyring, &key), -ENOSPC);
    assert_int_equal(keyring.count, TRUST_KEYS_MAX);
}

static void key_files_that_are_wrong_are_named_with_a_reason(void **state)
{
    struct scene scene;
    char text[512];
    size_t len;

    (void)state;
    scene_init(&scene, 1);
    len = trust_public_key_format(&scene.made[0].key, text, sizeof(text));
    workshop_write("known.pub", text, len);
    workshop_write("cut.pub", text, len - 9);
    len = trust_secret_key_format(&scene.made[2].secret, NULL, text, sizeof(text));
    workshop_write("secret.key", text, len);
    put("signature.pub", &scene.made[2]);

    static const struct {
        const char *path;
        int rc;
        const char *reason;
    } rows[] = {
        {"absent.pub", -ENOENT, "cannot be read"},
        {"cut.pub", CORDON_E_FORMAT, "give the .pub file"},
        {"secret.key", CORDON_E_FORMAT, "give the .pub file"},
        {"signature.pub", CORDON_E_FORMAT, "give the .pub file"},
        {".", -EISDIR, "cannot be read"},
        {"known.pub", -EEXIST, "would count once"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(trust_keyring_add_file(&scene.keyring, rows[i].path, &scene.report),
                         rows[i].rc);
        assert_true(reported(&scene, REPORT_ERROR, rows[i].path, rows[i].reason));
    }
    assert_int_equal(scene.report.errors, sizeof(rows) / sizeof(rows[0]));
    assert_int_equal(scene.keyring.count, 2);
    len = trust_public_key_format(&scene.made[2].key, text, sizeof(text));
    workshop_write("new.pub", text, len);
    assert_int_equal(trust_keyring_add_file(&scene.keyring, "new.pub", &scene.report), 0);
    assert_int_equal(scene.keyring.count, 3);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(two_distinct_trusted_keys_are_enough),
        WORKSHOP_TEST(the_real_minisign_can_be_both_signers),
        WORKSHOP_TEST(a_hash_can_be_verified_without_its_text),
        WORKSHOP_TEST(one_key_is_never_counted_twice),
        WORKSHOP_TEST(a_key_cannot_enter_twice_under_two_ids),
        WORKSHOP_TEST(a_key_cannot_sign_under_the_id_of_another),
        WORKSHOP_TEST(a_stranger_counts_for_nothing),
        WORKSHOP_TEST(too_few_signatures_are_told_with_numbers_and_a_way_out),
        WORKSHOP_TEST(an_empty_keyring_trusts_nobody),
        WORKSHOP_TEST(a_list_that_changed_after_signing_is_refused),
        WORKSHOP_TEST(every_bad_signature_file_is_named),
        WORKSHOP_TEST(files_of_other_names_are_not_looked_at),
        WORKSHOP_TEST(a_flood_of_files_is_bounded_and_told),
        WORKSHOP_TEST(a_flood_of_files_does_not_hide_the_file_of_a_trusted_key),
        WORKSHOP_TEST(each_key_of_a_full_keyring_is_looked_for),
        WORKSHOP_TEST(a_folder_that_is_not_there_is_told),
        cmocka_unit_test(a_full_keyring_takes_no_more),
        WORKSHOP_TEST(key_files_that_are_wrong_are_named_with_a_reason),
    };
    return cmocka_run_group_tests_name("trust/keyring", tests, workshop_library, NULL);
}
