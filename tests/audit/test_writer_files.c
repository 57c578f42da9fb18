/* audit/writer and audit/output: files, their rotation, and disks that are full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/writing.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void events_become_lines_of_a_file(void **state)
{
    struct fixture f;
    struct stat status;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    for (unsigned i = 0; i < 100; i++) {
        assert_true(put(&f, i % WORKERS));
    }
    wait_until(stats_of(&f).written == 100);
    const struct audit_writer_stats stats = stats_of(&f);
    assert_true(stats.lost_ring == 0 && stats.lost_output == 0 && stats.last_error == 0);
    assert_false(stats.stalled);
    audit_writer_stop(f.writer, NULL);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 100);
    assert_non_null(strstr(f.text, "\"rule\":\"block suffix g1.example\",\"category\":\"g1\""));
    assert_int_equal(stat(f.path, &status), 0);
    assert_int_equal(status.st_mode & 07777 & ~0640u, 0); /* nobody else reads it */
    tear_down(&f);
}

static void stopping_writes_what_the_rings_still_hold(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 1u << 20);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    for (unsigned i = 0; i < 1000; i++) { /* more than the buffer takes at once */
        assert_true(put(&f, i % WORKERS));
    }
    audit_writer_stop(f.writer, NULL);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 1000);
    tear_down(&f);
}

static void a_file_is_continued_and_half_a_line_is_set_apart(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    FILE *out = fopen(f.path, "w");
    assert_non_null(out);
    fputs("{\"v\":1}\n{\"v\":1,\"ev", out); /* where a crash left it */
    fclose(out);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    put(&f, 0);
    audit_writer_stop(f.writer, NULL);
    read_file(&f, f.path);
    assert_int_equal(
        strncmp(f.text, "{\"v\":1}\n{\"v\":1,\"ev\n{\"v\":1,\"event\":\"decision\"", 44), 0);
    tear_down(&f);
}

static void a_file_is_rotated_by_size_between_lines(void **state)
{
    struct fixture f;
    struct tally tally = {0};
    char path[80];
    struct stat status;

    (void)state;
    set_up(&f, 1u << 20);
    assert_int_equal(start_on(&f, f.path, 4096, 3), 0);
    for (unsigned i = 0; i < 200; i++) {
        assert_true(put(&f, 0));
    }
    audit_writer_stop(f.writer, NULL);
    for (unsigned i = 4; i-- > 0;) { /* oldest first */
        snprintf(path, sizeof(path), i > 0 ? "%s.%u" : "%s", f.path, i);
        assert_int_equal(stat(path, &status), 0);
        assert_in_range(status.st_size, i > 0 ? 3000 : 1, 4096);
        read_file(&f, path);
        if (i == 3) {
            tally.last = (unsigned)strtoul(strstr(f.text, "\"seq\":") + 6, NULL, 10) - 1;
        }
        add_lines(&tally, f.text);
    }
    assert_int_equal(tally.last, 200);
    assert_int_equal(tally.unordered, 0);
    assert_int_equal(tally.torn, 0);
    snprintf(path, sizeof(path), "%s.4", f.path);
    assert_int_equal(access(path, F_OK), -1);
    tear_down(&f);
}

static void a_line_longer_than_the_bound_has_a_file_of_its_own(void **state)
{
    struct fixture f;
    char path[80];

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 10, 2), 0);
    for (unsigned i = 0; i < 3; i++) {
        put(&f, 0);
    }
    audit_writer_stop(f.writer, NULL);
    struct tally tally = {0};
    for (unsigned i = 3; i-- > 0;) {
        snprintf(path, sizeof(path), i > 0 ? "%s.%u" : "%s", f.path, i);
        read_file(&f, path);
        add_lines(&tally, f.text);
        assert_int_equal(tally.lines, 3 - i);
    }
    assert_all_there(&tally, 3);
    tear_down(&f);
}

static void a_file_that_cannot_be_rotated_grows_on(void **state)
{
    struct fixture f;
    char path[80];

    (void)state;
    set_up(&f, 1u << 20);
    snprintf(path, sizeof(path), "%s.1", f.path);
    assert_int_equal(mkdir(path, 0700), 0); /* in the way of what is renamed */
    assert_int_equal(start_on(&f, f.path, 4096, 1), 0);
    for (unsigned i = 0; i < 100; i++) {
        put(&f, 0);
    }
    audit_writer_stop(f.writer, NULL);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 100);
    tear_down(&f);
}

static void a_file_that_was_moved_away_is_begun_anew(void **state)
{
    struct fixture f;
    char path[80];

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    put(&f, 0);
    wait_until(stats_of(&f).written == 1);
    snprintf(path, sizeof(path), "%s.moved", f.path);
    assert_int_equal(rename(f.path, path), 0);
    pause_ms(1100);
    put(&f, 0);
    wait_until(access(f.path, F_OK) == 0);
    audit_writer_stop(f.writer, NULL);
    struct tally tally = tally_of(&f, path);
    read_file(&f, f.path);
    add_lines(&tally, f.text);
    assert_all_there(&tally, 2);
    tear_down(&f);
}

/* Its old file has no name any more: nobody could read what is written there. */
static void lines_wait_for_a_file_that_was_removed_and_cannot_be_made(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    put(&f, 0);
    wait_until(stats_of(&f).written == 1);
    assert_int_equal(unlink(f.path), 0);
    assert_int_equal(mkdir(f.path, 0700), 0);
    pause_ms(1100);
    put(&f, 0);
    wait_until(stats_of(&f).last_error != 0);
    assert_int_equal(stats_of(&f).written, 1);
    assert_int_equal(rmdir(f.path), 0);
    wait_until(stats_of(&f).written == 2);
    audit_writer_stop(f.writer, NULL);
    const struct tally tally = tally_of(&f, f.path);
    assert_int_equal(tally.decisions, 1); /* and the first went with its file */
    tear_down(&f);
}

static void outputs_that_cannot_be_opened_are_errors(void **state)
{
    struct fixture f;
    char path[80];

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    snprintf(path, sizeof(path), "%s/none/events", f.folder);
    assert_int_equal(start_on(&f, path, 0, 1), -ENOENT);
    assert_int_equal(start_on(&f, f.folder, 0, 1), -EISDIR);
    assert_int_equal(mkfifo(f.path, 0600), 0);
    assert_int_equal(start_on(&f, f.path, 0, 1), -ENXIO); /* nobody reads it */
    assert_null(f.writer);
    tear_down(&f);
}

/* The limit on the size of files stands in for a disk that has room for part of a line. */
static void set_limit(rlim_t octets)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = octets;
    signal(SIGXFSZ, SIG_IGN); /* what this program itself prints may go to a file, too */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_line_that_was_cut_is_completed_when_there_is_room(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    set_limit(1500);
    for (unsigned i = 0; i < 20; i++) {
        assert_true(put(&f, 0));
    }
    wait_until(stats_of(&f).last_error == -EFBIG);
    assert_true(stats_of(&f).stalled);
    assert_int_equal(read_file(&f, f.path), 1500);
    set_limit(RLIM_INFINITY);
    wait_until(stats_of(&f).written == 20);
    wait_until(stats_of(&f).last_error == 0); /* the figures are told one by one */
    wait_until(!stats_of(&f).stalled);
    audit_writer_stop(f.writer, NULL);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 20);
    assert_true(tally.lost == 0);
    tear_down(&f);
}

static void a_line_that_stays_cut_is_taken_back(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    set_limit(1500);
    for (unsigned i = 0; i < 20; i++) {
        assert_true(put(&f, 0));
    }
    wait_until(stats_of(&f).last_error == -EFBIG);
    audit_writer_stop(f.writer, NULL);
    set_limit(RLIM_INFINITY);
    const struct tally tally = tally_of(&f, f.path); /* the last line is whole */
    assert_in_range(tally.decisions, 1, 3);
    assert_all_there(&tally, tally.decisions);
    tear_down(&f);
}

static void a_full_disk_loses_only_what_finds_no_room(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, "/dev/full", 0, 1), 0);
    put(&f, 0);
    wait_until(stats_of(&f).last_error == -ENOSPC);
    fill(&f);
    assert_true(stats_of(&f).lost_ring == f.lost[0] && stats_of(&f).lost_output == 0);
    assert_true(stats_of(&f).written == 0);
    const uint64_t before = clock_read().mono_us;
    audit_writer_stop(f.writer, NULL);
    assert_true(clock_read().mono_us - before < PATIENCE_S * UINT64_C(1000000));
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_become_lines_of_a_file),
        cmocka_unit_test(stopping_writes_what_the_rings_still_hold),
        cmocka_unit_test(a_file_is_continued_and_half_a_line_is_set_apart),
        cmocka_unit_test(a_file_is_rotated_by_size_between_lines),
        cmocka_unit_test(a_line_longer_than_the_bound_has_a_file_of_its_own),
        cmocka_unit_test(a_file_that_cannot_be_rotated_grows_on),
        cmocka_unit_test(a_file_that_was_moved_away_is_begun_anew),
        cmocka_unit_test(lines_wait_for_a_file_that_was_removed_and_cannot_be_made),
        cmocka_unit_test(outputs_that_cannot_be_opened_are_errors),
        cmocka_unit_test(a_line_that_was_cut_is_completed_when_there_is_room),
        cmocka_unit_test(a_line_that_stays_cut_is_taken_back),
        cmocka_unit_test(a_full_disk_loses_only_what_finds_no_room),
    };
    return cmocka_run_group_tests_name("audit/writer_files", tests, NULL, NULL);
}
