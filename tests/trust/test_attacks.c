/* trust/publisher: the attacks that the specification of The Update Framework names, and the
 * mistakes that others made, one by one. docs/trust.md has the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "trust/publisher.h"

#include "trust/press.h"

#include <errno.h>
#include <sys/stat.h>

#define RATCHET "trust.ratchet"

/* An installation: what it pinned lies apart from what a mirror gives it. */
static void setup(struct press *press)
{
    press_open(press);
    assert_int_equal(mkdir("pinned", 0700), 0);
    assert_int_equal(mkdir("mirror", 0700), 0);
    press_root_write(press, press_root(press, 1), "pinned", "01");
}

/* Takes what the mirror has at this time: 0 and it is remembered, or the code of the refusal,
 * and nothing is. */
static int take_at(struct press *press, uint64_t now_s)
{
    struct trust_ratchet *ratchet = NULL;
    struct trust_publisher *publisher = NULL;
    bool changed = false;

    report_deinit(&press->report);
    assert_int_equal(trust_ratchet_read(RATCHET, &press->report, &ratchet), 0);
    const struct trust_publisher_request request = {.pinned = "pinned/1.root",
                                                    .folder = "mirror",
                                                    .name = "press",
                                                    .ratchet = ratchet,
                                                    .now_s = now_s};
    int rc = trust_publisher_open(&request, &press->report, &publisher);
    if (rc == 0) {
        rc = trust_publisher_note(publisher, now_s, ratchet, &press->report, &changed);
    }
    if (rc == 0) {
        rc = trust_ratchet_write(ratchet, RATCHET, &press->report);
    }
    trust_publisher_free(publisher);
    trust_ratchet_free(ratchet);
    return rc;
}

static int take(struct press *press)
{
    return take_at(press, PRESS_NOW_S);
}

/* A catalogue of this serial with the list "one", by the list keys 3 and 4. */
static void offer(const struct press *press, uint32_t serial, uint32_t list_serial,
                  const char *text)
{
    struct trust_catalogue *catalogue = press_catalogue(serial);

    press_add(catalogue, "one", list_serial, text);
    press_catalogue_write(press, catalogue, "mirror", "34");
}

static void arbitrary_software_needs_a_threshold_of_list_keys(void **state)
{
    static const char *const forgers[] = {"", "3", "6789", "012", "36789"};
    struct press press;

    (void)state;
    setup(&press);
    for (size_t i = 0; i < sizeof(forgers) / sizeof(forgers[0]); i++) {
        struct trust_catalogue *catalogue = press_catalogue(1);

        press_catalogue_write(&press, catalogue, "mirror", forgers[i]);
        if (take(&press) != CORDON_E_THRESHOLD) {
            fail_msg("signed by \"%s\"", forgers[i]);
        }
        workshop_remove_below("mirror");
    }
    press_close(&press);
}

static void rollback_of_the_catalogue_is_refused(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    offer(&press, 7, 1, "a");
    assert_int_equal(take(&press), 0);
    assert_int_equal(take(&press), 0); /* the same is no rollback */
    offer(&press, 6, 1, "a");
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    assert_true(press_said(&press, "rollback"));
    offer(&press, 8, 1, "a");
    assert_int_equal(take(&press), 0);
    offer(&press, 7, 1, "a");
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    press_close(&press);
}

static void rollback_of_a_list_in_a_newer_catalogue_is_refused(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    offer(&press, 7, 5, "five");
    assert_int_equal(take(&press), 0);
    offer(&press, 8, 4, "four");
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    assert_true(press_said(&press, "list one"));
    press_catalogue_write(&press, press_catalogue(8), "mirror", "34"); /* it is withdrawn */
    assert_int_equal(take(&press), 0);
    offer(&press, 9, 4, "four"); /* and is not forgotten for that */
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    offer(&press, 9, 5, "five");
    assert_int_equal(take(&press), 0);
    press_close(&press);
}

static void rollback_of_the_root_is_refused(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    offer(&press, 1, 1, "a");
    press_root_write(&press, press_root(&press, 2), "mirror", "01");
    assert_int_equal(take(&press), 0);
    assert_int_equal(rename("mirror/2.root", "hidden"), 0); /* a mirror that hides it */
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    assert_true(press_said(&press, "the root has 1, but 2"));
    assert_int_equal(rename("hidden", "mirror/2.root"), 0);
    assert_int_equal(take(&press), 0);
    press_close(&press);
}

static void the_same_serial_with_another_hash_is_refused(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    offer(&press, 7, 5, "five");
    assert_int_equal(take(&press), 0);
    offer(&press, 7, 6, "six"); /* the catalogue's */
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    assert_true(press_said(&press, "another hash"));
    offer(&press, 8, 5, "other five"); /* the list's */
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    assert_true(press_said(&press, "list one in the catalogue has 5"));
    offer(&press, 8, 6, "six");
    assert_int_equal(take(&press), 0);
    struct trust_root *twin = press_root(&press, 1); /* the root's */
    snprintf(twin->title, sizeof(twin->title), "Another");
    press_root_write(&press, twin, "pinned", "01");
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    assert_true(press_said(&press, "the root has 1, as one"));
    press_close(&press);
}

/* Stolen list keys sign the highest serials that there are. */
static void fast_forward_is_recovered_from_by_new_keys(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    offer(&press, 7, 5, "five");
    assert_int_equal(take(&press), 0);
    offer(&press, UINT32_MAX, UINT32_MAX, "poison");
    assert_int_equal(take(&press), 0);
    offer(&press, 8, 6, "six"); /* the publisher cannot go on ... */
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    struct trust_root *root = press_root(&press, 2);
    press_role(&press, &root->list, "567", 2); /* ... until the stolen keys are gone */
    press_root_write(&press, root, "mirror", "01");
    struct trust_catalogue *catalogue = press_catalogue(8);
    press_add(catalogue, "one", 6, "six");
    press_catalogue_write(&press, catalogue, "mirror", "56");
    assert_int_equal(take(&press), 0);
    catalogue = press_catalogue(7); /* from there on serials count again */
    press_catalogue_write(&press, catalogue, "mirror", "56");
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    offer(&press, UINT32_MAX, UINT32_MAX, "poison"); /* and the thief is out */
    assert_int_equal(take(&press), CORDON_E_THRESHOLD);
    press_close(&press);
}

/* Keys that leave one after another, none of whose steps alone would end the old marks. */
static void fast_forward_is_recovered_from_step_by_step(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    offer(&press, UINT32_MAX, UINT32_MAX, "poison");
    assert_int_equal(take(&press), 0);
    struct trust_root *root = press_root(&press, 2);
    press_role(&press, &root->list, "456", 2);
    press_root_write(&press, root, "mirror", "01");
    press_catalogue_write(&press, press_catalogue(8), "mirror", "56");
    assert_int_equal(take(&press), CORDON_E_REFUSED); /* 4 and 5 could sign what is old */
    root = press_root(&press, 3);
    press_role(&press, &root->list, "567", 2);
    press_root_write(&press, root, "mirror", "01");
    press_catalogue_write(&press, press_catalogue(8), "mirror", "56");
    assert_int_equal(take(&press), 0);
    press_close(&press);
}

/* One new key among the old: what is old still verifies, so the marks still count. */
static void a_rotation_that_leaves_a_threshold_keeps_the_marks(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    offer(&press, 7, 5, "five");
    assert_int_equal(take(&press), 0);
    struct trust_root *root = press_root(&press, 2);
    press_role(&press, &root->list, "346", 2);
    press_root_write(&press, root, "mirror", "01");
    offer(&press, 6, 5, "five");
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    offer(&press, 7, 5, "five");
    assert_int_equal(take(&press), 0); /* the same catalogue under the new root */
    offer(&press, 6, 4, "four");       /* by 3 and 4, who are still there */
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    assert_true(press_said(&press, "rollback"));
    press_close(&press);
}

static void indefinite_freeze_is_seen(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    offer(&press, 7, 5, "five");
    assert_int_equal(take(&press), 0);
    const uint64_t expires_s = PRESS_NOW_S + 7 * PRESS_DAY_S;
    const uint64_t floor_s = PRESS_NOW_S;
    assert_int_equal(trust_state_at(expires_s, UINT64_MAX, floor_s, expires_s - 1),
                     TRUST_FRESH);
    assert_int_equal(trust_state_at(expires_s, UINT64_MAX, floor_s, expires_s), TRUST_STALE);
    assert_int_equal(trust_state_at(expires_s, UINT64_MAX, floor_s, UINT64_MAX), TRUST_STALE);
    assert_int_equal(trust_state_at(expires_s, PRESS_DAY_S, floor_s, expires_s + PRESS_DAY_S),
                     TRUST_DEAD);
    assert_int_equal(take_at(&press, expires_s + PRESS_DAY_S), 0); /* stale, and in force */
    press_close(&press);
}

static void an_expired_root_takes_nothing_new(void **state)
{
    struct press press;
    const uint64_t late_s = PRESS_NOW_S + 400 * PRESS_DAY_S;

    (void)state;
    setup(&press);
    offer(&press, 7, 5, "five");
    assert_int_equal(take_at(&press, late_s), CORDON_E_REFUSED); /* not at first sight */
    assert_true(press_said(&press, "expired"));
    assert_int_equal(take(&press), 0);
    assert_int_equal(take_at(&press, late_s), 0); /* what was accepted stays */
    offer(&press, 8, 6, "six");
    assert_int_equal(take_at(&press, late_s), CORDON_E_REFUSED);
    assert_true(press_said(&press, "2.root"));
    struct trust_root *root = press_root(&press, 2);
    root->expires_s = late_s + PRESS_DAY_S;
    press_root_write(&press, root, "mirror", "01");
    assert_int_equal(take_at(&press, late_s), 0); /* the next root, and it goes on */
    press_close(&press);
}

static void endless_data_is_cut_off(void **state)
{
    static const char *const files[] = {"mirror/2.root", "mirror/catalogue"};
    struct press press;

    (void)state;
    setup(&press);
    offer(&press, 7, 5, "five");
    for (size_t i = 0; i < 2; i++) {
        press_root_write(&press, press_root(&press, 2), "mirror", "01");
        offer(&press, 7, 5, "five");
        assert_int_equal(truncate(files[i], (off_t)1 << 40), 0);
        assert_int_equal(take(&press), CORDON_E_TOO_LARGE);
    }
    press_close(&press);
}

/* Another publisher's catalogue and lists do not come in with this one's. */
static void extraneous_dependencies_are_not_taken(void **state)
{
    struct press press;
    struct press other;

    (void)state;
    setup(&press);
    press_open(&other);
    struct trust_catalogue *catalogue = press_catalogue(9);
    press_catalogue_write(&other, catalogue, "mirror", "34"); /* by keys of the other */
    assert_int_equal(take(&press), CORDON_E_THRESHOLD);
    catalogue = press_catalogue(9);
    snprintf(catalogue->publisher, sizeof(catalogue->publisher), "other");
    press_catalogue_write(&press, catalogue, "mirror", "34"); /* by keys that both trust */
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    press_close(&other);
    press_close(&press);
}

/* Lists of different days, each with good signatures. */
static void mix_and_match_is_refused(void **state)
{
    struct press press;
    struct trust_catalogue *catalogue = NULL;
    static const char monday[] = "the text of Monday";
    static const char sunday[] = "the text of Sunday";

    (void)state;
    setup(&press);
    struct trust_root *root = press_root(&press, 1);
    offer(&press, 7, 5, monday);
    assert_int_equal(trust_catalogue_read("mirror/catalogue", root, NULL, &catalogue), 0);
    const struct trust_entry *entry = trust_catalogue_find(catalogue, "one");
    assert_int_equal(
        trust_entry_check(entry, "one.list", (const uint8_t *)monday, strlen(monday), NULL), 0);
    assert_int_equal(
        trust_entry_check(entry, "one.list", (const uint8_t *)sunday, strlen(sunday), NULL),
        CORDON_E_REFUSED);
    trust_catalogue_free(catalogue);
    free(root);
    press_close(&press);
}

static void wrong_software_is_refused(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    workshop_write("mirror/catalogue", "cordon-list 1\nid one\nend\n", 25);
    press_sign(&press, "mirror/catalogue", "345"); /* signed, and no catalogue */
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    offer(&press, 1, 1, "a");
    workshop_write("mirror/2.root", "cordon-catalogue 1\nend\n", 23);
    press_sign(&press, "mirror/2.root", "012");
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    press_close(&press);
}

/* A mirror can withhold and stop, and nothing else: whatever it cuts off or swaps is refused,
 * and what is in force stays. */
static void a_malicious_mirror_can_only_stand_still(void **state)
{
    struct press press;
    size_t len = 0;

    (void)state;
    setup(&press);
    offer(&press, 7, 5, "five");
    assert_int_equal(take(&press), 0);
    char *seven = workshop_read("mirror/catalogue", &len);
    offer(&press, 8, 6, "six");
    size_t eight_len = 0;
    char *eight = workshop_read("mirror/catalogue", &eight_len);
    workshop_write("mirror/catalogue", seven, len); /* with the signatures of eight */
    assert_int_equal(take(&press), CORDON_E_THRESHOLD);
    for (size_t cut = 0; cut < eight_len; cut += 7) {
        workshop_write("mirror/catalogue", eight, cut);
        assert_int_equal(take(&press), CORDON_E_THRESHOLD);
    }
    assert_int_equal(unlink("mirror/catalogue"), 0);
    assert_int_equal(take(&press), -ENOENT);
    workshop_write("mirror/catalogue", eight, eight_len);
    assert_int_equal(take(&press), 0);
    free(seven);
    free(eight);
    press_close(&press);
}

static void a_key_below_the_threshold_does_nothing(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    offer(&press, 7, 5, "five");
    assert_int_equal(take(&press), 0);
    struct trust_catalogue *catalogue = press_catalogue(8);
    workshop_remove_below("mirror");
    press_catalogue_write(&press, catalogue, "mirror", "4"); /* one stolen list key */
    assert_int_equal(take(&press), CORDON_E_THRESHOLD);
    workshop_remove_below("mirror");
    offer(&press, 8, 6, "six");
    struct trust_root *root = press_root(&press, 2);
    press_role(&press, &root->root, "789", 2);
    press_root_write(&press, root, "mirror", "0789"); /* one stolen root key */
    assert_int_equal(take(&press), CORDON_E_THRESHOLD);
    press_close(&press);
}

/* go-tuf, CVE-2022-29173, first half: versions were compared with zero, since what was trusted
 * before was not looked at. Here the mirror's files are gone, and the marks still count. */
static void cve_2022_29173_what_was_trusted_is_looked_at(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    offer(&press, 7, 5, "five");
    assert_int_equal(take(&press), 0);
    workshop_remove_below("mirror");
    offer(&press, 6, 5, "five");
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    offer(&press, 8, 4, "four");
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    /* Nor does it matter that what was trusted has expired meanwhile. */
    offer(&press, 6, 5, "five");
    assert_int_equal(take_at(&press, PRESS_NOW_S + 30 * PRESS_DAY_S), CORDON_E_REFUSED);
    press_close(&press);
}

/* go-tuf, CVE-2022-29173, second half, and tough, CVE-2025-2888: a file was kept as trusted
 * before the versions that it names were compared, so the next good one looked like a rollback.
 */
static void cve_2025_2888_what_is_refused_is_not_remembered(void **state)
{
    struct press press;
    size_t len = 0;
    size_t after_len = 0;

    (void)state;
    setup(&press);
    offer(&press, 7, 5, "five");
    assert_int_equal(take(&press), 0);
    char *before = workshop_read(RATCHET, &len);
    offer(&press, UINT32_MAX, 4, "four"); /* signed, newest, and names an older list */
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    char *after = workshop_read(RATCHET, &after_len);
    assert_int_equal(after_len, len);
    assert_memory_equal(after, before, len);
    offer(&press, 8, 6, "six");
    assert_int_equal(take(&press), 0);
    free(before);
    free(after);
    press_close(&press);
}

/* tough, CVE-2025-2885: any higher version was taken for the next root. */
static void cve_2025_2885_roots_are_not_skipped(void **state)
{
    struct press press;
    size_t len = 0;

    (void)state;
    setup(&press);
    offer(&press, 1, 1, "a");
    press_root_write(&press, press_root(&press, 3), "mirror", "01");
    char *third = workshop_read("mirror/3.root", &len);
    workshop_write("mirror/2.root", third, len);
    press_sign(&press, "mirror/2.root", "01");
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    free(third);
    press_close(&press);
}

static void a_root_of_another_publisher_is_refused(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    struct trust_root *root = press_root(&press, 1);
    snprintf(root->publisher, sizeof(root->publisher), "other");
    press_root_write(&press, root, "pinned", "01");
    offer(&press, 1, 1, "a");
    assert_int_equal(take(&press), CORDON_E_REFUSED);
    assert_true(press_said(&press, "not of \"press\""));
    press_close(&press);
}

static void without_a_trusted_clock_nothing_expires(void **state)
{
    struct press press;

    (void)state;
    setup(&press);
    /* Before it was made. */
    assert_int_equal(trust_state_at(2000, 0, 1500, 1499), TRUST_CLOCK_UNTRUSTED);
    assert_int_equal(trust_state_at(2000, 0, 3000, 2500), TRUST_CLOCK_UNTRUSTED);
    assert_int_equal(trust_state_at(2000, UINT64_MAX, 1500, 1500), TRUST_FRESH);
    assert_int_equal(trust_state_at(2000, UINT64_MAX, 1500, 0), TRUST_FRESH);
    offer(&press, 7, 5, "five");
    assert_int_equal(take_at(&press, 1000), 0);
    /* Before the highest time ever seen, which the ratchet has: the root has expired by then,
     * and by the clock it has not. */
    assert_int_equal(take_at(&press, PRESS_NOW_S + 5 * PRESS_DAY_S), 0);
    struct trust_ratchet *ratchet = NULL;
    struct trust_publisher *publisher = NULL;
    assert_int_equal(trust_ratchet_read(RATCHET, NULL, &ratchet), 0);
    assert_int_equal(ratchet->seen_s, PRESS_NOW_S + 5 * PRESS_DAY_S);
    const struct trust_publisher_request request = {.pinned = "pinned/1.root",
                                                    .folder = "mirror",
                                                    .ratchet = ratchet,
                                                    .now_s = PRESS_NOW_S + PRESS_DAY_S};
    assert_int_equal(trust_publisher_open(&request, NULL, &publisher), 0);
    assert_false(publisher->clock_ok);
    assert_int_equal(trust_state_at(0, 0, publisher->floor_s, request.now_s),
                     TRUST_CLOCK_UNTRUSTED);
    trust_publisher_free(publisher);
    trust_ratchet_free(ratchet);
    press_close(&press);
}

/* Else one second of a clock that ran wild would make all later time look wrong. */
static void a_clock_that_ran_wild_is_not_remembered(void **state)
{
    struct press press;
    struct trust_ratchet *ratchet = NULL;

    (void)state;
    setup(&press);
    offer(&press, 7, 5, "five");
    assert_int_equal(take(&press), 0);
    assert_int_equal(take_at(&press, PRESS_NOW_S + 20000 * PRESS_DAY_S), 0);
    assert_int_equal(trust_ratchet_read(RATCHET, NULL, &ratchet), 0);
    assert_int_equal(ratchet->seen_s, PRESS_NOW_S);
    trust_ratchet_free(ratchet);
    press_close(&press);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(arbitrary_software_needs_a_threshold_of_list_keys),
        WORKSHOP_TEST(rollback_of_the_catalogue_is_refused),
        WORKSHOP_TEST(rollback_of_a_list_in_a_newer_catalogue_is_refused),
        WORKSHOP_TEST(rollback_of_the_root_is_refused),
        WORKSHOP_TEST(the_same_serial_with_another_hash_is_refused),
        WORKSHOP_TEST(fast_forward_is_recovered_from_by_new_keys),
        WORKSHOP_TEST(fast_forward_is_recovered_from_step_by_step),
        WORKSHOP_TEST(a_rotation_that_leaves_a_threshold_keeps_the_marks),
        WORKSHOP_TEST(indefinite_freeze_is_seen),
        WORKSHOP_TEST(an_expired_root_takes_nothing_new),
        WORKSHOP_TEST(endless_data_is_cut_off),
        WORKSHOP_TEST(extraneous_dependencies_are_not_taken),
        WORKSHOP_TEST(mix_and_match_is_refused),
        WORKSHOP_TEST(wrong_software_is_refused),
        WORKSHOP_TEST(a_malicious_mirror_can_only_stand_still),
        WORKSHOP_TEST(a_key_below_the_threshold_does_nothing),
        WORKSHOP_TEST(cve_2022_29173_what_was_trusted_is_looked_at),
        WORKSHOP_TEST(cve_2025_2888_what_is_refused_is_not_remembered),
        WORKSHOP_TEST(cve_2025_2885_roots_are_not_skipped),
        WORKSHOP_TEST(a_root_of_another_publisher_is_refused),
        WORKSHOP_TEST(without_a_trusted_clock_nothing_expires),
        WORKSHOP_TEST(a_clock_that_ran_wild_is_not_remembered),
    };

    return cmocka_run_group_tests(tests, workshop_library, NULL);
}
