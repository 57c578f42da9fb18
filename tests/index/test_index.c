/* index: what it has is what the log has, whatever is done to either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/logs.h"
#include "index/index.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

static struct maker maker;
static struct disk disk;
static struct audit_files files;
static char folder[64], path[96];

#define EVENTS 600u

/* Decisions, questions and changes in blocks of some hundred, and rows of any octets. */
static int setup_all(void **state)
{
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    struct random random;
    struct row_store store;
    struct audit_row row;
    uint64_t now = T0;

    (void)state;
    if (random_library_init() != 0) {
        return -1;
    }
    chance_init(&random, 7);
    maker_init(&maker, LOG_NAME);
    maker.settings.file_octets = 12000;
    files = disk_files(&disk);
    assert_int_equal(audit_log_open(&files, &maker.settings, now, 1, &log, &opened), 0);
    for (unsigned i = 0; i < EVENTS; i++) {
        now += 10000;
        assert_int_equal(add_numbered(log, AUDIT_QUERIES, i, now), 0);
        if (i % 5 == 0) {
            assert_int_equal(add_numbered(log, AUDIT_DECISIONS, i / 5, now), 0);
            random_row(&random, &store, now, &row);
            assert_int_equal(audit_log_add(log, AUDIT_DECISIONS, &row, now), 0);
            random_row(&random, &store, now, &row);
            assert_int_equal(audit_log_add(log, AUDIT_CHANGES, &row, now), 0);
        }
        assert_int_equal(audit_log_tick(log, NULL, now), 0);
    }
    query_row(&store, now, 1, "odd\\.label.example", &row);
    assert_int_equal(audit_log_add(log, AUDIT_QUERIES, &row, now), 0);
    query_row(&store, now, 1, ".", &row);
    assert_int_equal(audit_log_add(log, AUDIT_QUERIES, &row, now), 0);
    assert_int_equal(audit_log_close(log, NULL, now), 0);
    snprintf(folder, sizeof(folder), "/tmp/cordon-index-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/index.sqlite", folder);
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    disk_free(&disk);
    (void)unlink(path);
    return rmdir(folder);
}

/* What is done to the log on its way into the index. */
struct way {
    uint64_t less;       /* this block is not there; UINT64_MAX: all are */
    uint8_t removed;     /* of this stream all were removed; 0: none */
    uint64_t changed;    /* this block has another header */
    uint8_t log_octet;   /* of the id of the log */
    bool stops;          /* after ten blocks that are new */
    bool twice;          /* the first event of each block is one of the block before */
    unsigned added, bad; /* blocks */
};
#define AS_IT_IS                                  \
    {                                             \
        .less = UINT64_MAX, .changed = UINT64_MAX \
    }

static enum index_result one_block(struct index *index, struct audit_reader *reader,
                                   struct audit_block *block, struct audit_item *item,
                                   struct way *way)
{
    struct audit_header *header = &item->header;
    const bool removed = way->removed == header->stream;
    const uint8_t *body = NULL;
    bool wanted = false;
    bool bad = false;

    assert_int_equal(audit_reader_body(reader, item, header->body_len, &body), 0);
    assert_int_equal(audit_block_open(block, header, body, header->body_len), 0);
    header->sealed_us += header->number == way->changed ? 1 : 0;
    header->log[0] ^= way->log_octet;
    header->first_event -= way->twice && header->first_event > 0 ? 1 : 0;
    enum index_result result = index_meet(index, 1, header, removed, &wanted);
    assert_false(wanted && (removed || result != INDEX_OK));
    if (wanted) {
        result = index_add(index, 1, header, block, &bad);
        way->added += !bad;
        way->bad += bad;
    }
    return result;
}

static enum index_result run_into(struct index *index, struct way *way)
{
    struct audit_reader *reader = audit_reader_create(&files, 1);
    struct audit_block *block = audit_block_create();
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    enum index_result result = INDEX_OK;

    way->added = way->bad = 0;
    while (result == INDEX_OK && audit_reader_next(reader, &item) == 0 &&
           item.kind != AUDIT_ITEM_END && !(way->stops && way->added == 10)) {
        if (item.kind == AUDIT_ITEM_BLOCK && item.header.number != way->less) {
            result = one_block(index, reader, block, &item, way);
        }
    }
    audit_block_destroy(block);
    audit_reader_destroy(reader);
    return result == INDEX_OK ? index_finish(index, !way->stops) : result;
}

static enum index_result run(struct way way, struct index_stats *stats)
{
    struct index *index = NULL;
    enum index_result result = index_open(path, false, &index);

    assert_int_equal(result, INDEX_OK);
    result = run_into(index, &way);
    if (result == INDEX_OK && stats != NULL) {
        assert_int_equal(index_stats(index, stats), INDEX_OK);
    }
    assert_int_equal(index_close(index, result == INDEX_OK), INDEX_OK);
    return result;
}

static long long ask(const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;

    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const long long number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

static void expect_all(void)
{
    assert_int_equal(ask("SELECT count(*) FROM queries"), EVENTS + 2);
    assert_int_equal(ask("SELECT count(*) FROM decisions"), 2 * (EVENTS / 5));
    assert_int_equal(ask("SELECT count(*) FROM changes WHERE what IS NULL OR what <> 'x'"),
                     ask("SELECT count(*) FROM change_rows"));
    assert_true(ask("SELECT count(*) FROM changes") >= EVENTS / 5);
}

static int fresh(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

static void a_run_takes_everything_once(void **state)
{
    struct index_stats stats;
    struct stat status;

    (void)state;
    assert_int_equal(run((struct way)AS_IT_IS, &stats), INDEX_OK);
    assert_int_equal(stats.added[AUDIT_QUERIES], EVENTS + 2);
    assert_int_equal(stats.events[AUDIT_DECISIONS], 2 * (EVENTS / 5));
    expect_all();
    assert_int_equal(run((struct way)AS_IT_IS, &stats), INDEX_OK);
    assert_int_equal(stats.added[AUDIT_QUERIES], 0);
    assert_int_equal(stats.events[AUDIT_QUERIES], EVENTS + 2);
    expect_all();
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void a_run_goes_on_where_another_ended(void **state)
{
    struct way way = AS_IT_IS;
    struct index_stats stats;

    (void)state;
    way.stops = true;
    do {
        assert_int_equal(run(way, &stats), INDEX_OK);
    } while (stats.added[AUDIT_QUERIES] + stats.added[AUDIT_DECISIONS] +
                 stats.added[AUDIT_CHANGES] >
             0);
    expect_all();
}

static void names_are_found_from_their_end(void **state)
{
    (void)state;
    assert_int_equal(run((struct way)AS_IT_IS, NULL), INDEX_OK);
    assert_int_equal(ask("SELECT count(*) FROM queries WHERE name_key GLOB 'example.zone3.*'"),
                     ask("SELECT count(*) FROM queries WHERE name LIKE '%.zone3.example'"));
    assert_true(ask("SELECT count(*) FROM queries WHERE name_key GLOB 'example.zone3.*'") > 80);
    assert_int_equal(
        ask("SELECT count(*) FROM queries WHERE name_key = 'example.odd\\.label.'"), 1);
    assert_int_equal(ask("SELECT count(*) FROM queries WHERE name = '.' AND name_key = '.'"),
                     1);
    assert_int_equal(ask("SELECT count(*) FROM queries WHERE client = '10.0.0.7'"),
                     EVENTS / 40);
    assert_int_equal(ask("SELECT count(*) FROM decisions WHERE provider = 'one' AND "
                         "status_class = 'parent-designated' AND serial = 2026112201"),
                     EVENTS / 10);
}

static void what_was_removed_is_gone_and_comes_back(void **state)
{
    struct way way = AS_IT_IS;
    struct index_stats stats;

    (void)state;
    assert_int_equal(run(way, NULL), INDEX_OK);
    way.removed = AUDIT_QUERIES;
    assert_int_equal(run(way, &stats), INDEX_OK);
    assert_int_equal(stats.removed, EVENTS + 2);
    assert_int_equal(stats.events[AUDIT_QUERIES], 0);
    assert_int_equal(ask("SELECT count(*) FROM queries"), 0);
    assert_int_equal(ask("SELECT count(*) FROM decisions"), 2 * (EVENTS / 5));
    assert_int_equal(ask("SELECT count(*) FROM names WHERE name LIKE 'odd%'"), 0);
    assert_int_equal(ask("SELECT count(*) FROM decisions WHERE provider IS NOT NULL"),
                     EVENTS / 5);
    assert_int_equal(run(way, &stats), INDEX_OK);
    assert_int_equal(stats.removed, 0);
    way.removed = 0;
    assert_int_equal(run(way, &stats), INDEX_OK);
    assert_int_equal(stats.added[AUDIT_QUERIES], EVENTS + 2);
    expect_all();
}

static void what_was_removed_before_is_never_taken(void **state)
{
    struct way way = AS_IT_IS;
    struct index_stats stats;

    (void)state;
    way.removed = AUDIT_QUERIES;
    assert_int_equal(run(way, &stats), INDEX_OK);
    assert_int_equal(run(way, &stats), INDEX_OK);
    assert_int_equal(stats.removed, 0);
    assert_int_equal(ask("SELECT count(*) FROM queries"), 0);
}

static void another_history_is_refused(void **state)
{
    struct way changed = AS_IT_IS;
    struct way less = AS_IT_IS;
    struct way other = AS_IT_IS;

    (void)state;
    assert_int_equal(run((struct way)AS_IT_IS, NULL), INDEX_OK);
    changed.changed = 5;
    assert_int_equal(run(changed, NULL), INDEX_CHANGED);
    less.less = 5;
    assert_int_equal(run(less, NULL), INDEX_MISSING);
    other.log_octet = 1;
    assert_int_equal(run(other, NULL), INDEX_ANOTHER_LOG);
    assert_int_equal(run((struct way)AS_IT_IS, NULL), INDEX_OK);
    expect_all();
}

/* Before anything new is taken, not only at the end. */
static void what_is_missing_is_told_before_anything_is_added(void **state)
{
    struct way way = AS_IT_IS;
    struct index_stats stats;

    (void)state;
    way.stops = true;
    assert_int_equal(run(way, &stats), INDEX_OK);
    const long long before = ask("SELECT count(*) FROM blocks");
    way.less = 3;
    assert_int_equal(run(way, NULL), INDEX_MISSING);
    assert_int_equal(ask("SELECT count(*) FROM blocks"), before);
}

static void events_that_another_block_has_are_not_taken(void **state)
{
    struct way way = AS_IT_IS;
    struct index *index = NULL;

    (void)state;
    way.twice = true;
    assert_int_equal(index_open(path, false, &index), INDEX_OK);
    assert_int_equal(run_into(index, &way), INDEX_OK);
    assert_true(way.bad > 0 && way.added > 0);
    assert_int_equal(index_close(index, true), INDEX_OK);
    assert_int_equal(ask("SELECT count(*) FROM query_rows"),
                     ask("SELECT total(events) FROM blocks WHERE stream = 2"));
}

static void one_run_at_a_time(void **state)
{
    struct index *first = NULL;
    struct index *second = NULL;

    (void)state;
    assert_int_equal(index_open(path, false, &first), INDEX_OK);
    assert_int_equal(index_open(path, false, &second), INDEX_BUSY);
    assert_int_equal(index_close(second, false), INDEX_OK);
    assert_int_equal(index_open(path, true, &second), INDEX_BUSY);
    assert_int_equal(index_close(second, false), INDEX_OK);
    assert_int_equal(index_close(first, true), INDEX_OK);
    assert_int_equal(index_open(path, false, &second), INDEX_OK);
    assert_int_equal(index_close(second, true), INDEX_OK);
}

static void one_made_anew_takes_its_place_or_leaves_none(void **state)
{
    struct index *index = NULL;
    char beside[128];

    (void)state;
    snprintf(beside, sizeof(beside), "%s.rebuild", path);
    assert_int_equal(run((struct way)AS_IT_IS, NULL), INDEX_OK);
    assert_int_equal(index_open(path, true, &index), INDEX_OK);
    assert_int_equal(access(beside, F_OK), 0);
    assert_int_equal(index_close(index, false), INDEX_OK);
    assert_int_not_equal(access(beside, F_OK), 0);
    expect_all();
    assert_int_equal(index_open(path, true, &index), INDEX_OK);
    assert_int_equal(index_close(index, true), INDEX_OK);
    assert_int_not_equal(access(beside, F_OK), 0);
    assert_int_equal(ask("SELECT count(*) FROM queries"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_run_takes_everything_once, fresh),
        cmocka_unit_test_setup(a_run_goes_on_where_another_ended, fresh),
        cmocka_unit_test_setup(names_are_found_from_their_end, fresh),
        cmocka_unit_test_setup(what_was_removed_is_gone_and_comes_back, fresh),
        cmocka_unit_test_setup(what_was_removed_before_is_never_taken, fresh),
        cmocka_unit_test_setup(another_history_is_refused, fresh),
        cmocka_unit_test_setup(what_is_missing_is_told_before_anything_is_added, fresh),
        cmocka_unit_test_setup(events_that_another_block_has_are_not_taken, fresh),
        cmocka_unit_test_setup(one_run_at_a_time, fresh),
        cmocka_unit_test_setup(one_made_anew_takes_its_place_or_leaves_none, fresh),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
