/*
 * audit/frame, verify and search: a log that is written while it is read. Whatever the writer
 * does between two calls of a reader, nothing of it looks like damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/logs.h"
#include "audit/search.h"

#include <stdio.h>

static struct maker maker;
static struct disk whole;

/* A disk on which the rest of the log is there behind call `at`, or once somebody waits for it.
 */
static struct {
    struct disk disk;
    unsigned calls, at;
} growing;

static void one_more_call(void)
{
    if (++growing.calls == growing.at) {
        disk_copy(&whole, &growing.disk);
    }
}

static int open_growing(void *context, uint32_t number, bool create, uint64_t *size)
{
    (void)context;
    const int file = disk_open(&growing.disk, number, create, size);

    one_more_call();
    return file;
}

static int read_growing(void *context, int file, uint64_t at, void *out, size_t len,
                        size_t *got)
{
    (void)context;
    const int result = disk_read(&growing.disk, file, at, out, len, got);

    one_more_call();
    return result;
}

static int next_growing(void *context, uint32_t from, uint32_t *number)
{
    (void)context;
    const int result = disk_next(&growing.disk, from, number);

    one_more_call();
    return result;
}

static int last_growing(void *context, uint32_t *number)
{
    (void)context;
    const int result = disk_last(&growing.disk, number);

    one_more_call();
    return result;
}

static int size_growing(void *context, int file, uint64_t *size)
{
    (void)context;

    *size = growing.disk.files[file].size;
    one_more_call();
    return 0;
}

static void wait_growing(void *context)
{
    (void)context;

    if (growing.at > growing.calls) {
        growing.at = growing.calls + 1;
    }
    one_more_call();
}

static void close_growing(void *context, int file)
{
    (void)context;
    disk_close(&growing.disk, file);
}

/* The newest checkpoint when the reader begins. */
static char head[AUDIT_CHECKPOINT_MAX];
static size_t head_len;

static int read_head(void *context, char *out, size_t size, size_t *len)
{
    if (growing.calls >= growing.at) {
        return disk_read_head(&growing.disk, out, size, len);
    }
    (void)context;
    if (head_len == 0) {
        return -ENOENT;
    }
    assert_true(head_len < size);
    memcpy(out, head, head_len);
    *len = head_len;
    return 0;
}

static const struct audit_files files = {
    .context = &growing,
    .open = open_growing,
    .close = close_growing,
    .read = read_growing,
    .size = size_growing,
    .wait = wait_growing,
    .last = last_growing,
    .next = next_growing,
    .read_head = read_head,
};

static int setup_all(void **state)
{
    const struct audit_files table = disk_files(&whole);
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    uint64_t now = T0;

    (void)state;
    if (random_library_init() != 0) {
        return -1;
    }
    maker_init(&maker, LOG_NAME);
    maker.settings.file_octets = 2000;
    maker.settings.checkpoint_blocks = 2;
    maker.settings.secret = &maker.secret;
    assert_int_equal(audit_log_open(&table, &maker.settings, now, 1, &log, &opened), 0);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(add_numbered(log, AUDIT_DECISIONS, i, now), 0);
        now += 2000000;
        assert_int_equal(audit_log_tick(log, NULL, now), 0);
    }
    assert_int_equal(audit_log_close(log, NULL, now), 0);
    assert_true(whole.files[3].exists);
    assert_false(whole.files[9].exists);
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    disk_free(&whole);
    disk_free(&growing.disk);
    return 0;
}

/* The log as it was when `size` octets of file `number` were written. */
static void begin(uint32_t number, size_t size, unsigned at)
{
    disk_copy(&whole, &growing.disk);
    growing.disk.files[number].size = size;
    for (unsigned i = number + 1; i < DISK_FILES; i++) {
        growing.disk.files[i].exists = false;
    }
    growing.calls = 0;
    growing.at = at;
}

static bool count_hit(void *context, const struct audit_header *header,
                      struct audit_block *block, uint32_t i)
{
    unsigned *count = context;

    (void)header, (void)block, (void)i;
    ++*count;
    return true;
}

/* How many calls of a reader there were. */
static unsigned check(uint32_t number, size_t size, unsigned at)
{
    const struct audit_verify_options options = {.key = &maker.key};
    const struct audit_query query = {.streams = 0};
    struct audit_search_way way = {.newest_first = true};
    const struct audit_query back = {.way = &way};
    struct audit_verdict verdict;
    struct audit_search_stats stats;
    unsigned count = 0;

    begin(number, size, at);
    assert_int_equal(audit_verify(&files, &options, &verdict), 0);
    /* Of a log that has just begun there is no checkpoint yet, or no file. */
    const enum audit_fault begun =
        verdict.checkpoints == 0 && verdict.blocks > 0 ? AUDIT_FAULT_UNSIGNED : AUDIT_SOUND;
    const enum audit_fault there = verdict.files == 0 ? AUDIT_FAULT_MISSING_FILE : AUDIT_SOUND;
    if (verdict.integrity.fault != begun || verdict.completeness.fault != there) {
        fail_msg("file %u, %zu octets, the rest at call %u: %s (%s); %s (%s)", (unsigned)number,
                 size, at, audit_fault_word(verdict.integrity.fault), verdict.integrity.text,
                 audit_fault_word(verdict.completeness.fault), verdict.completeness.text);
    }
    const unsigned calls = growing.calls;
    begin(number, size, at);
    assert_int_equal(audit_search(&files, &query, count_hit, &count, &stats), 0);
    assert_int_equal(stats.damaged, 0);
    begin(number, size, at);
    assert_int_equal(audit_search(&files, &back, count_hit, &count, &stats), 0);
    assert_int_equal(stats.damaged, 0);
    return calls;
}

/* The rest comes at each call in turn. */
static unsigned check_each(uint32_t number, size_t size)
{
    unsigned at = 1;

    while (at <= check(number, size, at)) {
        at++;
    }
    return at;
}

static void nothing_that_is_written_meanwhile_looks_like_damage(void **state)
{
    const struct audit_files table = disk_files(&whole);
    struct audit_reader *reader = audit_reader_create(&table, 1);
    struct audit_item item;
    unsigned cases = 0;

    (void)state;
    assert_non_null(reader);
    cases += check_each(0, 0);
    while (audit_reader_next(reader, &item) == 0 && item.kind != AUDIT_ITEM_END) {
        const size_t octets = (size_t)(item.end - item.at);

        cases += check_each(item.file, (size_t)item.end);
        cases += check_each(item.file, (size_t)item.at + octets / 2);
        (void)check(item.file, (size_t)item.at, 2); /* a file is there, and empty */
        (void)check(item.file, (size_t)item.end - 1, 2);
        if (item.kind == AUDIT_ITEM_CHECKPOINT) {
            memcpy(head, item.text, item.len);
            head_len = item.len;
        }
    }
    audit_reader_destroy(reader);
    assert_true(cases > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_is_written_meanwhile_looks_like_damage),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
