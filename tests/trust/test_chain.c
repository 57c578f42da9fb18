/* trust/chain: from one root to the next, each by a threshold of the old and of the new. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "trust/root.h"

#include "trust/press.h"

#include <errno.h>
#include <sys/stat.h>

/* Follows the chain from 1.root in the working folder. The version, or a negative code. */
static int64_t newest(struct press *press)
{
    struct trust_root *root = NULL;

    report_deinit(&press->report);
    const int rc = trust_root_newest("1.root", ".", &press->report, &root);
    const int64_t version = rc == 0 ? (int64_t)root->version : rc;
    free(root);
    return version;
}

static void a_pinned_root_has_signed_itself(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    assert_int_equal(newest(&press), -ENOENT);
    press_root_write(&press, press_root(&press, 1), ".", "0");
    assert_int_equal(newest(&press), CORDON_E_THRESHOLD);
    press_sign(&press, "1.root", "34"); /* list keys sign no roots */
    assert_int_equal(newest(&press), CORDON_E_THRESHOLD);
    press_sign(&press, "1.root", "1");
    assert_int_equal(newest(&press), 1);
    press_close(&press);
}

static void roots_are_followed_one_by_one(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    press_root_write(&press, press_root(&press, 1), ".", "01");
    press_root_write(&press, press_root(&press, 2), ".", "12");
    struct trust_root *third = press_root(&press, 3); /* a root key and a list key change */
    press_role(&press, &third->root, "016", 2);
    press_role(&press, &third->list, "347", 2);
    press_root_write(&press, third, ".", "01");
    struct trust_root *fourth = press_root(&press, 4); /* now by a key that 1 did not know */
    press_role(&press, &fourth->root, "016", 2);
    press_role(&press, &fourth->list, "347", 2);
    press_root_write(&press, fourth, ".", "06");
    assert_int_equal(newest(&press), 4);
    press_root_write(&press, press_root(&press, 6), ".", "01"); /* 5 is missing */
    assert_int_equal(newest(&press), 4);
    press_close(&press);
}

static void the_old_threshold_is_needed(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    press_root_write(&press, press_root(&press, 1), ".", "01");
    struct trust_root *next = press_root(&press, 2);
    press_role(&press, &next->root, "067", 2);
    press_root_write(&press, next, ".", "067"); /* one of the old, all of the new */
    assert_int_equal(newest(&press), CORDON_E_THRESHOLD);
    press_close(&press);
}

static void the_new_threshold_is_needed(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    press_root_write(&press, press_root(&press, 1), ".", "01");
    struct trust_root *next = press_root(&press, 2);
    press_role(&press, &next->root, "067", 2);
    press_root_write(&press, next, ".", "012"); /* all of the old, one of the new */
    assert_int_equal(newest(&press), CORDON_E_THRESHOLD);
    press_sign(&press, "2.root", "7");
    assert_int_equal(newest(&press), 2);

    struct trust_root *higher =
        press_root(&press, 3); /* a threshold that rises holds at once */
    press_role(&press, &higher->root, "067", 3);
    press_root_write(&press, higher, ".", "06");
    assert_int_equal(newest(&press), CORDON_E_THRESHOLD);
    press_sign(&press, "3.root", "7");
    assert_int_equal(newest(&press), 3);
    press_close(&press);
}

static void list_keys_sign_no_root(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    press_root_write(&press, press_root(&press, 1), ".", "01");
    press_root_write(&press, press_root(&press, 2), ".", "0345");
    assert_int_equal(newest(&press), CORDON_E_THRESHOLD);
    press_close(&press);
}

static void one_key_in_two_files_counts_once(void **state)
{
    struct press press;
    char id[TRUST_KEY_ID_TEXT];
    char name[64];
    size_t len = 0;

    (void)state;
    press_open(&press);
    press_root_write(&press, press_root(&press, 1), ".", "01");
    press_root_write(&press, press_root(&press, 2), ".", "0");
    trust_key_id_format(press.key[0].id, id);
    snprintf(name, sizeof(name), "2.root.%s.minisig", id);
    char *signature = workshop_read(name, &len);
    trust_key_id_format(press.key[1].id, id);
    snprintf(name, sizeof(name), "2.root.%s.minisig", id);
    workshop_write(name, signature, len);
    workshop_write("2.root.again.minisig", signature, len);
    free(signature);
    assert_int_equal(newest(&press), CORDON_E_THRESHOLD);
    press_close(&press);
}

/* The text of version `version` under the name N.root, signed by all. */
static void write_as(const struct press *press, struct trust_root *root, const char *path)
{
    char *text = NULL;
    size_t len = 0;

    assert_int_equal(trust_root_format(root, &text, &len), 0);
    workshop_write(path, text, len);
    press_sign(press, path, "012");
    free(text);
    free(root);
}

static void a_version_is_exactly_one_higher(void **state)
{
    static const uint32_t versions[] = {1, 3, 4, UINT32_MAX};
    struct press press;

    (void)state;
    press_open(&press);
    press_root_write(&press, press_root(&press, 1), ".", "01");
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        write_as(&press, press_root(&press, versions[i]), "2.root");
        assert_int_equal(newest(&press), CORDON_E_REFUSED);
        assert_true(press_said(&press, "one by one"));
    }
    write_as(&press, press_root(&press, 2), "2.root");
    assert_int_equal(newest(&press), 2);
    press_close(&press);
}

static void the_publisher_stays_the_same(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    press_root_write(&press, press_root(&press, 1), ".", "01");
    struct trust_root *other = press_root(&press, 2);
    snprintf(other->publisher, sizeof(other->publisher), "other");
    write_as(&press, other, "2.root");
    assert_int_equal(newest(&press), CORDON_E_REFUSED);
    assert_true(press_said(&press, "\"other\""));
    press_close(&press);
}

static void signatures_are_verified_before_a_line_is_read(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    press_root_write(&press, press_root(&press, 1), ".", "01");
    workshop_write("2.root", "no root at all\n", 15);
    assert_int_equal(newest(&press), CORDON_E_THRESHOLD);
    for (size_t i = 0; i < press.report.count; i++) {
        assert_null(strstr(press.report.entries[i].text, "cordon-root"));
    }
    press_sign(&press, "2.root", "01");
    assert_int_equal(newest(&press), CORDON_E_REFUSED);
    press_close(&press);
}

static void an_old_root_that_expired_still_names_its_successor(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    struct trust_root *first = press_root(&press, 1);
    first->created_s = 1000;
    first->expires_s = 2000;
    press_root_write(&press, first, ".", "01");
    press_root_write(&press, press_root(&press, 2), ".", "01");
    assert_int_equal(newest(&press), 2);
    press_close(&press);
}

static void an_endless_root_is_not_read(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    press_root_write(&press, press_root(&press, 1), ".", "01");
    workshop_write("2.root", "", 0);
    assert_int_equal(truncate("2.root", (off_t)1 << 40), 0); /* a file with a hole */
    assert_int_equal(newest(&press), CORDON_E_TOO_LARGE);
    assert_int_equal(unlink("2.root"), 0);
    assert_int_equal(mkfifo("2.root", 0600), 0); /* whose end never comes */
    assert_int_equal(newest(&press), CORDON_E_NO_FILE);
    press_close(&press);
}

static void the_number_of_roots_is_bounded(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    for (uint32_t version = 1; version <= TRUST_ROOTS_MAX + 1; version++) {
        press_root_write(&press, press_root(&press, version), ".", "01");
    }
    assert_int_equal(newest(&press), TRUST_ROOTS_MAX + 1);
    press_root_write(&press, press_root(&press, TRUST_ROOTS_MAX + 2), ".", "01");
    assert_int_equal(newest(&press), CORDON_E_LIMIT);
    press_close(&press);
}

/* Real minisign signs a root, prehashed and in the old form. */
static void minisign_signs_roots(void **state)
{
    struct press press;
    struct trust_root *root = NULL;

    (void)state;
    press_open(&press);
    assert_int_equal(MINISIGN("", "-G", "-W", "-p", "m.pub", "-s", "m.key"), 0);
    assert_int_equal(MINISIGN("", "-G", "-W", "-p", "n.pub", "-s", "n.key"), 0);
    press.key[0] = workshop_read_public_key("m.pub");
    press.key[1] = workshop_read_public_key("n.pub");
    press_root_write(&press, press_root(&press, 1), ".", "");
    assert_int_equal(
        MINISIGN("", "-S", "-s", "m.key", "-m", "1.root", "-x", "1.root.m.minisig"), 0);
    assert_int_equal(
        MINISIGN("", "-S", "-l", "-s", "n.key", "-m", "1.root", "-x", "1.root.n.minisig"), 0);
    assert_int_equal(workshop_read_signature("1.root.m.minisig").prehashed, 1);
    assert_int_equal(workshop_read_signature("1.root.n.minisig").prehashed, 0);
    assert_int_equal(trust_root_newest("1.root", ".", &press.report, &root), 0);
    free(root);
    press_close(&press);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(a_pinned_root_has_signed_itself),
        WORKSHOP_TEST(roots_are_followed_one_by_one),
        WORKSHOP_TEST(the_old_threshold_is_needed),
        WORKSHOP_TEST(the_new_threshold_is_needed),
        WORKSHOP_TEST(list_keys_sign_no_root),
        WORKSHOP_TEST(one_key_in_two_files_counts_once),
        WORKSHOP_TEST(a_version_is_exactly_one_higher),
        WORKSHOP_TEST(the_publisher_stays_the_same),
        WORKSHOP_TEST(signatures_are_verified_before_a_line_is_read),
        WORKSHOP_TEST(an_old_root_that_expired_still_names_its_successor),
        WORKSHOP_TEST(an_endless_root_is_not_read),
        WORKSHOP_TEST(the_number_of_roots_is_bounded),
        WORKSHOP_TEST(minisign_signs_roots),
    };

    return cmocka_run_group_tests(tests, workshop_library, NULL);
}
