/* policy/versions: what was in force is kept whole, bounded, and never in the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"
#include "policy/versions.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static int in_a_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/cordon-versions-XXXXXX");
    return mkdtemp(folder) == NULL || chdir(folder) != 0 || mkdir("lists", 0700) != 0;
}

static int remove_it(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") != 0 || system(command) != 0;
}

static void write_text(const char *path, const char *text)
{
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), 0);
}

/* The list "one" as a publisher ships it, with two signatures and what is none. */
static struct policy_version_of ship(uint32_t serial, uint8_t hash[DIGEST_OCTETS])
{
    char text[64];

    snprintf(text, sizeof(text), "text of serial %u", serial);
    write_text("lists/one.list", text);
    write_text("lists/one.list.AA.minisig", "signature a");
    write_text("lists/one.list.BB.minisig", "signature b");
    write_text("lists/one.list.note", "no signature");
    write_text("lists/one.listing.CC.minisig", "of another");
    digest_of(text, strlen(text), NULL, hash);
    return (struct policy_version_of){
        .folder = "kept", .id = "one", .serial = serial, .hash = hash};
}

static int bring(const struct policy_version_of *what, struct report *report)
{
    return policy_version_bring(what, "lists/one.list", NULL, 0, false, report);
}

static size_t count_files(const char *ending)
{
    DIR *dir = opendir("kept/one");
    size_t count = 0;

    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL;
         entry = readdir(dir)) {
        const size_t len = strlen(entry->d_name), ends = strlen(ending);

        count += len > ends && strcmp(entry->d_name + len - ends, ending) == 0 ? 1 : 0;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static size_t find(struct policy_kept_version *out)
{
    size_t count = 0;

    assert_int_equal(policy_versions_find("kept", "one", out, &count), 0);
    return count;
}

static struct policy_kept_version found[POLICY_VERSIONS_MAX];

static void a_version_has_its_name_once_it_was_in_force(void **state)
{
    uint8_t hash[DIGEST_OCTETS], read_again[DIGEST_OCTETS];
    struct report report;
    char path[256];

    (void)state;
    report_init(&report);
    assert_int_equal(find(found), 0); /* no folder at all */
    const struct policy_version_of what = ship(5, hash);
    assert_int_equal(bring(&what, &report), 0);
    assert_int_equal(find(found), 0); /* it is brought, and was not in force yet */
    assert_int_equal(count_files(".minisig"), 2);
    policy_version_settle(&what, 3);
    assert_int_equal(find(found), 1);
    assert_int_equal(found[0].serial, 5);
    assert_int_equal(found[0].octets, strlen("text of serial 5"));
    assert_true(policy_version_path(&what, path, sizeof(path)));
    assert_int_equal(policy_version_hash(path, read_again), 0);
    assert_memory_equal(read_again, hash, DIGEST_OCTETS);
    assert_int_equal(count_files(".arriving"), 0);
    assert_int_equal(report.count, 0);

    /* Again and again: nothing is written. */
    struct stat before, after;
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(bring(&what, &report), 0);
    policy_version_settle(&what, 3);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    report_deinit(&report);
}

static void the_last_that_were_in_force_are_kept(void **state)
{
    uint8_t hash[8][DIGEST_OCTETS];
    struct report report;

    (void)state;
    report_init(&report);
    for (uint32_t serial = 1; serial <= 5; serial++) {
        const struct policy_version_of what = ship(serial, hash[serial]);

        assert_int_equal(bring(&what, &report), 0);
        policy_version_settle(&what, 3);
    }
    assert_int_equal(find(found), 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(found[i].serial, 5 - i);
    }
    assert_int_equal(count_files(".minisig"), 6);

    /* 3 is put back, then 6 comes: 4 was in force longest ago. */
    struct policy_version_of what = ship(3, hash[3]);
    policy_version_settle(&what, 3);
    what = ship(6, hash[6]);
    assert_int_equal(bring(&what, &report), 0);
    policy_version_settle(&what, 3);
    assert_int_equal(find(found), 3);
    assert_int_equal(found[0].serial, 6);
    assert_int_equal(found[1].serial, 3);
    assert_int_equal(found[2].serial, 5);
    assert_int_equal(report.count, 0);
    report_deinit(&report);
}

static void what_was_brought_in_vain_does_not_count(void **state)
{
    uint8_t hash[DIGEST_OCTETS], other[DIGEST_OCTETS];
    struct report report;

    (void)state;
    report_init(&report);
    struct policy_version_of what = ship(1, hash);
    assert_int_equal(bring(&what, &report), 0);
    const struct policy_version_of never = ship(2, other);
    policy_version_settle(&never, 3); /* not even brought */
    assert_int_equal(find(found), 0);
    what = ship(2, other);
    assert_int_equal(bring(&what, &report), 0);
    policy_version_settle(&what, 3);
    assert_int_equal(find(found), 1);
    assert_int_equal(found[0].serial, 2);
    /* After an hour nobody is still writing at the other. */
    assert_int_equal(system("touch -d '2 hours ago' kept/one/1-*"), 0);
    policy_version_settle(&what, 3);
    assert_int_equal(count_files(".arriving"), 0);
    assert_int_equal(count_files(".minisig"), 2);
    report_deinit(&report);
}

static void the_text_must_be_the_one_that_was_verified(void **state)
{
    uint8_t hash[DIGEST_OCTETS];
    struct report report;

    (void)state;
    report_init(&report);
    const struct policy_version_of what = ship(1, hash);
    write_text("lists/one.list", "text of serial 7");
    assert_int_equal(bring(&what, &report), CORDON_E_CORRUPT);
    assert_int_equal(report.warnings, 1);
    assert_non_null(strstr(report.entries[0].text, "has changed since it was verified"));
    policy_version_settle(&what, 3);
    assert_int_equal(find(found), 0);
    assert_int_equal(unlink("lists/one.list"), 0);
    assert_int_equal(bring(&what, &report), -ENOENT);
    assert_int_equal(mkfifo("lists/one.list", 0600), 0); /* nobody waits for anybody */
    assert_int_equal(bring(&what, &report), -EINVAL);
    assert_int_equal(report.errors, 0);
    report_deinit(&report);
}

static void a_damaged_one_is_named_and_written_anew(void **state)
{
    uint8_t hash[DIGEST_OCTETS], read_again[DIGEST_OCTETS];
    struct report report;
    char path[256];

    (void)state;
    report_init(&report);
    const struct policy_version_of what = ship(1, hash);
    assert_int_equal(bring(&what, &report), 0);
    policy_version_settle(&what, 3);
    assert_true(policy_version_path(&what, path, sizeof(path)));
    write_text(path, "text of serial X"); /* as long as it was */
    assert_int_equal(bring(&what, &report), 0);
    assert_int_equal(report.count, 0); /* only looked at as a whole on request */
    assert_int_equal(policy_version_bring(&what, "lists/one.list", NULL, 0, true, &report), 0);
    assert_int_equal(report.warnings, 1);
    assert_non_null(strstr(report.entries[0].text, "damaged"));
    policy_version_settle(&what, 3);
    assert_int_equal(policy_version_hash(path, read_again), 0);
    assert_memory_equal(read_again, hash, DIGEST_OCTETS);
    /* What it came from is another text by now, or gone: that says nothing of what is kept. */
    write_text("lists/one.list", "another text that is longer");
    assert_int_equal(bring(&what, &report), 0);
    assert_int_equal(unlink("lists/one.list"), 0);
    assert_int_equal(bring(&what, &report), 0);
    assert_int_equal(report.warnings, 1);
    (void)ship(1, read_again);
    write_text(path, "shorter");
    assert_int_equal(bring(&what, &report), 0);
    assert_int_equal(report.warnings, 2);
    report_deinit(&report);
}

static void names_that_are_none_are_passed_over(void **state)
{
    static const char *const names[] = {
        "one.list",
        "1.list",
        "1-.list",
        "1-0123456789abcde.list",
        "1-0123456789abcdef0.list",
        "1-0123456789ABCDEF.list",
        "x-0123456789abcdef.list",
        "-0123456789abcdef.list",
        "4294967296-0123456789abcdef.list",
        "1-0123456789abcdef.list.arriving",
        "1-0123456789abcdef.lists",
    };

    (void)state;
    assert_int_equal(mkdir("kept", 0700), 0);
    assert_int_equal(mkdir("kept/one", 0700), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];

        snprintf(path, sizeof(path), "kept/one/%s", names[i]);
        write_text(path, "x");
    }
    assert_int_equal(mkdir("kept/one/3-0123456789abcdef.list", 0700), 0);
    assert_int_equal(symlink("/etc/passwd", "kept/one/4-0123456789abcdef.list"), 0);
    assert_int_equal(find(found), 0);
    write_text("kept/one/4294967295-0123456789abcdef.list", "x");
    assert_int_equal(find(found), 1);
    assert_int_equal(found[0].serial, UINT32_MAX);
}

static void a_full_disk_is_a_warning(void **state)
{
    uint8_t hash[DIGEST_OCTETS];
    struct report report;
    struct policy_version_of what = ship(1, hash);

    (void)state;
    report_init(&report);
    assert_int_equal(mkdir("kept", 0700), 0);
    if (mount("cordon-test", "kept", "tmpfs", 0, "size=1m") != 0) {
        skip(); /* not root, or not allowed here */
    }
    assert_int_equal(bring(&what, &report), 0);
    policy_version_settle(&what, 3);
    assert_int_equal(system("head -c 990000 /dev/zero >kept/filler"), 0);
    what = ship(2, hash);
    const int rc = bring(&what, &report);
    policy_version_settle(&what, 3);
    const size_t count = find(found);
    /* Full to the last octet: whatever writing says. */
    (void)!system("cat /dev/zero >kept/filler 2>kept/none");
    what = ship(3, hash);
    const int full = bring(&what, &report);
    assert_int_equal(umount("kept"), 0);
    assert_int_equal(rc, -ENOSPC);
    assert_int_equal(full, -ENOSPC);
    assert_int_equal(count, 1);
    assert_int_equal(report.errors, 0);
    assert_int_equal(report.warnings, 2);
    assert_non_null(strstr(report.entries[0].text, "are free"));
    report_deinit(&report);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, in_a_folder, remove_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_version_has_its_name_once_it_was_in_force),
        TEST(the_last_that_were_in_force_are_kept),
        TEST(what_was_brought_in_vain_does_not_count),
        TEST(the_text_must_be_the_one_that_was_verified),
        TEST(a_damaged_one_is_named_and_written_anew),
        TEST(names_that_are_none_are_passed_over),
        TEST(a_full_disk_is_a_warning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
