/* audit/recorder: disks that hang, fail or cannot be written, clocks that jump, and ends that
 * come to an end. Real files and a real thread; the log's clock is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/logs.h"
#include "audit/recorder_inside.h"
#include "audit/writing.h"

#include <errno.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>

/* In the place of the folder's own functions: one that waits, one that fails. */
struct brake {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool hangs, waits; /* to be hung; it is */
    int error;         /* of the next calls; 0: none */
    struct audit_files own;
};

static void brake_set(struct brake *brake, bool hangs, int error)
{
    pthread_mutex_lock(&brake->mutex);
    brake->hangs = hangs;
    brake->error = error;
    pthread_cond_broadcast(&brake->changed);
    pthread_mutex_unlock(&brake->mutex);
}

static bool brake_waits(struct brake *brake)
{
    pthread_mutex_lock(&brake->mutex);
    const bool waits = brake->waits;
    pthread_mutex_unlock(&brake->mutex);
    return waits;
}

static int braked_sync(void *context, int file)
{
    struct brake *brake = context;

    pthread_mutex_lock(&brake->mutex);
    while (brake->hangs) {
        brake->waits = true;
        pthread_cond_wait(&brake->changed, &brake->mutex);
    }
    brake->waits = false;
    const int error = brake->error;
    pthread_mutex_unlock(&brake->mutex);
    return error != 0 ? -error : brake->own.sync(brake->own.context, file);
}

/* The rest goes to the folder. */
static int braked_open(void *context, uint32_t number, bool create, uint64_t *size)
{
    const struct brake *brake = context;

    return brake->own.open(brake->own.context, number, create, size);
}

static void braked_close(void *context, int file)
{
    const struct brake *brake = context;

    brake->own.close(brake->own.context, file);
}

static int braked_read(void *context, int file, uint64_t at, void *out, size_t len, size_t *got)
{
    const struct brake *brake = context;

    return brake->own.read(brake->own.context, file, at, out, len, got);
}

static int braked_write(void *context, int file, uint64_t at, const void *data, size_t len,
                        size_t *done)
{
    const struct brake *brake = context;

    return brake->own.write(brake->own.context, file, at, data, len, done);
}

static int braked_cut(void *context, int file, uint64_t size)
{
    const struct brake *brake = context;

    return brake->own.cut(brake->own.context, file, size);
}

static int braked_still(void *context, uint32_t number, int file, uint64_t least)
{
    const struct brake *brake = context;

    return brake->own.still(brake->own.context, number, file, least);
}

static int braked_sync_folder(void *context)
{
    const struct brake *brake = context;

    return brake->own.sync_folder(brake->own.context);
}

static int braked_last(void *context, uint32_t *number)
{
    const struct brake *brake = context;

    return brake->own.last(brake->own.context, number);
}

static int braked_next(void *context, uint32_t from, uint32_t *number)
{
    const struct brake *brake = context;

    return brake->own.next(brake->own.context, from, number);
}

static int braked_read_head(void *context, char *out, size_t size, size_t *len)
{
    const struct brake *brake = context;

    return brake->own.read_head(brake->own.context, out, size, len);
}

static int braked_write_head(void *context, const char *text, size_t len)
{
    const struct brake *brake = context;

    return brake->own.write_head(brake->own.context, text, len);
}

static int braked_lock(void *context)
{
    const struct brake *brake = context;

    return brake->own.lock(brake->own.context);
}

static void put_brake(void *context, struct audit_files *files)
{
    struct brake *brake = context;

    brake->own = *files;
    *files = (struct audit_files){
        .context = brake,
        .open = braked_open,
        .close = braked_close,
        .read = braked_read,
        .write = braked_write,
        .cut = braked_cut,
        .sync = braked_sync,
        .still = braked_still,
        .sync_folder = braked_sync_folder,
        .last = braked_last,
        .next = braked_next,
        .read_head = braked_read_head,
        .write_head = braked_write_head,
        .lock = braked_lock,
    };
}

struct stage {
    struct brake brake;
    struct audit_recorder *recorder;
    struct clock_now now;
    unsigned end_ms; /* that an end may take */
    char folder[40], log[64], key[64];
};

static void begin(struct stage *stage)
{
    memset(stage, 0, sizeof(*stage));
    pthread_mutex_init(&stage->brake.mutex, NULL);
    pthread_cond_init(&stage->brake.changed, NULL);
    strcpy(stage->folder, "/tmp/cordon-audit-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    snprintf(stage->log, sizeof(stage->log), "%s/audit", stage->folder);
    snprintf(stage->key, sizeof(stage->key), "%s/audit.key", stage->folder);
    stage->end_ms = PATIENCE_S * 1000u;
    stage->now = clock_read(); /* the recorder reads it once, when it is made */
}

static void start(struct stage *stage, bool refuse)
{
    const struct audit_recorder_settings settings = {
        .folder = stage->log,
        .key_file = stage->key,
        .origin = LOG_NAME,
        .takes = {false, true, true, true},
        .refuse = {false, refuse, refuse, false},
        .file_octets = 1u << 20,
        .block_us = 1000000,
        .checkpoint_us = 2000000,
        .end_ms = stage->end_ms,
        .watch_files = put_brake,
        .watch_context = &stage->brake,
    };

    stage->recorder = audit_recorder_create(&settings);
    assert_non_null(stage->recorder);
}

static void pass(struct stage *stage, uint64_t us)
{
    stage->now.mono_us += us;
    stage->now.wall_us += us;
    audit_recorder_tick(stage->recorder, NULL, stage->now);
}

static struct audit_recorder_stats *stats_now(struct stage *stage)
{
    static struct audit_recorder_stats stats; /* large */

    audit_recorder_stats(stage->recorder, &stats);
    return &stats;
}

static bool add(struct stage *stage, enum audit_stream stream, unsigned number)
{
    static struct row_store store;
    struct audit_row row;
    char name[48];

    snprintf(name, sizeof(name), "host%u.example", number);
    query_row(&store, stage->now.wall_us, number % 40, name, &row);
    return audit_recorder_add(stage->recorder, stream, &row, NULL, stage->now);
}

/* Goes on in small steps until it holds: the thread aside has its own pace. */
#define pass_until(stage, condition)                \
    do {                                            \
        for (unsigned i_ = 0; !(condition); i_++) { \
            assert_true(i_ < PATIENCE_S * 1000u);   \
            pause_ms(1);                            \
            pass(stage, 20000);                     \
        }                                           \
    } while (0)

static void end(struct stage *stage)
{
    char command[80];

    audit_recorder_destroy(stage->recorder);
    snprintf(command, sizeof(command), "rm -rf %s", stage->folder);
    assert_int_equal(system(command), 0);
    pthread_cond_destroy(&stage->brake.changed);
    pthread_mutex_destroy(&stage->brake.mutex);
}

static void expect(struct stage *stage, uint64_t queries, uint64_t gap_events)
{
    struct trust_note_key key;
    struct audit_folder folder;
    struct audit_files files;
    struct audit_verdict verdict;

    char path[80];

    snprintf(path, sizeof(path), "%s.pub", stage->key);
    assert_int_equal(audit_key_read(path, &key), 0);
    assert_int_equal(audit_folder_open(stage->log, &folder, &files), 0);
    verify_log(&files, &key, &verdict);
    if (!is_sound(&verdict)) {
        fail_msg("%s; %s", verdict.integrity.text, verdict.completeness.text);
    }
    assert_int_equal(verdict.events[AUDIT_QUERIES], queries);
    assert_int_equal(verdict.gap_events, gap_events);
    audit_folder_close(&folder);
}

static void a_disk_that_hangs_holds_up_neither_records_nor_ticks(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage);
    start(&stage, false);
    assert_int_equal(stats_now(&stage)->state, AUDIT_RECORDING);
    brake_set(&stage.brake, true, 0);
    assert_true(add(&stage, AUDIT_QUERIES, 0));
    pass_until(&stage, brake_waits(&stage.brake));
    const uint64_t before = clock_read().mono_us;
    for (unsigned i = 1; i < 1000; i++) {
        assert_true(add(&stage, AUDIT_QUERIES, i));
        pass(&stage, 10000);
    }
    assert_true(clock_read().mono_us - before < PATIENCE_S * UINT64_C(1000000));
    assert_int_equal(stats_now(&stage)->state, AUDIT_FAILING); /* for 10 s: that is told */
    assert_int_equal(stats_now(&stage)->error, -ETIMEDOUT);
    assert_int_equal(stats_now(&stage)->log.safe[AUDIT_QUERIES], 0);
    brake_set(&stage.brake, false, 0);
    pass_until(&stage, stats_now(&stage)->log.safe[AUDIT_QUERIES] == 1000);
    assert_int_equal(stats_now(&stage)->state, AUDIT_RECORDING);
    audit_recorder_end(stage.recorder, "test", NULL, stage.now);
    expect(&stage, 1000, 0);
    end(&stage);
}

static void an_end_at_a_disk_that_hangs_comes_to_its_end(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage);
    start(&stage, false);
    for (unsigned i = 0; i < 50; i++) {
        assert_true(add(&stage, AUDIT_QUERIES, i));
    }
    pass_until(&stage, stats_now(&stage)->log.safe[AUDIT_QUERIES] == 50);
    stage.recorder->settings.end_ms = 300;
    brake_set(&stage.brake, true, 0);
    assert_true(add(&stage, AUDIT_QUERIES, 50));
    const uint64_t before = clock_read().mono_us;
    audit_recorder_end(stage.recorder, "test", NULL, stage.now);
    const uint64_t took_us = clock_read().mono_us - before;
    assert_true(took_us >= 250000 && took_us < PATIENCE_S * UINT64_C(1000000));
    assert_int_equal(stats_now(&stage)->log.safe[AUDIT_QUERIES], 50);
    /* And what was not given up on goes on: a stuck call that ends later does no harm. */
    brake_set(&stage.brake, false, 0);
    wait_until(!brake_waits(&stage.brake));
    stage.recorder->settings.end_ms = stage.end_ms; /* however slow it is now */
    audit_recorder_end(stage.recorder, "test", NULL, stage.now);
    expect(&stage, 51, 0);
    end(&stage);
}

static void a_sync_that_fails_is_done_again_and_costs_nothing(void **state)
{
    static const int errors[] = {EIO, ENOSPC, EROFS, EDQUOT};

    (void)state;
    for (unsigned i = 0; i < ITEMS(errors); i++) {
        struct stage stage;

        begin(&stage);
        start(&stage, false);
        brake_set(&stage.brake, false, errors[i]);
        for (unsigned n = 0; n < 100; n++) {
            assert_true(add(&stage, AUDIT_QUERIES, n));
        }
        /* One that takes long is told as such until then. */
        pass_until(&stage, stats_now(&stage)->error == -errors[i]);
        assert_int_equal(stats_now(&stage)->state, AUDIT_FAILING);
        brake_set(&stage.brake, false, 0);
        pass_until(&stage, stats_now(&stage)->log.safe[AUDIT_QUERIES] == 100);
        audit_recorder_end(stage.recorder, "test", NULL, stage.now);
        expect(&stage, 100, 0);
        end(&stage);
    }
}

/* Changes with this `what` in the log. */
static unsigned count_changes(struct stage *stage, const char *what)
{
    struct audit_folder folder;
    struct audit_files files;
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    unsigned count = 0;

    assert_int_equal(audit_folder_open(stage->log, &folder, &files), 0);
    struct audit_reader *reader = audit_reader_create(&files, 1);
    struct audit_block *block = audit_block_create();
    while (audit_reader_next(reader, &item) == 0 && item.kind != AUDIT_ITEM_END) {
        const uint8_t *body = NULL;

        if (item.kind != AUDIT_ITEM_BLOCK || item.header.stream != AUDIT_CHANGES) {
            continue;
        }
        assert_int_equal(audit_reader_body(reader, &item, item.header.body_len, &body), 0);
        assert_int_equal(audit_block_open(block, &item.header, body, item.header.body_len), 0);
        assert_int_equal(audit_block_load(block, UINT64_MAX), 0);
        for (uint32_t i = 0; i < item.header.events; i++) {
            struct audit_value value;

            count += audit_block_value(block, AUDIT_WHAT, i, &value) &&
                             value.number == strlen(what) &&
                             memcmp(value.octets, what, value.number) == 0
                         ? 1
                         : 0;
        }
    }
    audit_block_destroy(block);
    audit_reader_destroy(reader);
    audit_folder_close(&folder);
    return count;
}

static void clocks_that_jump_are_told_and_hold_nothing_up(void **state)
{
    static const int64_t jumps_s[] = {-3600, 86400, -86400, 7, -7, 1};
    struct stage stage;
    unsigned asked = 0;

    (void)state;
    begin(&stage);
    start(&stage, false);
    for (unsigned i = 0; i < ITEMS(jumps_s); i++) {
        for (unsigned n = 0; n < 10; n++) {
            assert_true(add(&stage, AUDIT_QUERIES, asked++));
            pass(&stage, 100000);
        }
        stage.now.wall_us = (uint64_t)((int64_t)stage.now.wall_us + jumps_s[i] * 1000000);
        assert_true(add(&stage, AUDIT_QUERIES, asked++));
        pass_until(&stage, stats_now(&stage)->log.safe[AUDIT_QUERIES] == asked);
    }
    audit_recorder_end(stage.recorder, "test", NULL, stage.now);
    expect(&stage, asked, 0);
    assert_int_equal(count_changes(&stage, "clock-set"), ITEMS(jumps_s) - 1); /* not the last */
    end(&stage);
}

/* Ways to take the newest file away from under the writer; of the log as it is then. */
static void take_away(const struct stage *stage, const char *command)
{
    char line[200];

    snprintf(line, sizeof(line), "cd %s && %s", stage->log, command);
    assert_int_equal(system(line), 0);
}

/* So many questions are safe, of those that were asked before and now. */
static void ask_until_safe(struct stage *stage, unsigned *asked, uint64_t safe)
{
    for (unsigned n = 0; n < 10; n++) {
        assert_true(add(stage, AUDIT_QUERIES, (*asked)++));
    }
    pass_until(stage, stats_now(stage)->log.safe[AUDIT_QUERIES] == safe);
}

static void what_was_written_and_is_gone_is_told_and_another_log_begun(void **state)
{
    static const struct {
        const char *command, *next; /* below the folder: the log that is written to then */
        unsigned kept;              /* questions that it has */
        bool begun;
    } ways[] = {
        {"rm 0000000001.cordon", "/log-2", 0, true},
        {": >0000000001.cordon", "/log-2", 0, true},
        {"truncate -s 500 0000000001.cordon", "/log-2", 0, true},
        {"rm 0000000001.cordon && mkdir 0000000001.cordon", "/log-2", 0, true},
        {"rm 0000000001.cordon head", "", 0, true},
        {"rm -r ../audit", "", 0, true},
        {"truncate -s -1 0000000001.cordon", "", 10, false}, /* of a checkpoint */
    };

    (void)state;
    for (unsigned i = 0; i < ITEMS(ways); i++) {
        struct stage stage;
        unsigned asked = 0;

        begin(&stage);
        start(&stage, false);
        ask_until_safe(&stage, &asked, 10);
        pass_until(&stage, stats_now(&stage)->checkpoint_us != 0);
        take_away(&stage, ways[i].command);
        assert_true(add(&stage, AUDIT_QUERIES, asked++));
        pass_until(&stage, stats_now(&stage)->state == AUDIT_FAILING);
        assert_int_equal(stats_now(&stage)->error, CORDON_E_GONE);
        pass_until(&stage, stats_now(&stage)->state == AUDIT_RECORDING);
        /* What was in memory is lost, and both the status and a gap say so. */
        pass_until(&stage, stats_now(&stage)->lost[AUDIT_QUERIES] == 1);
        ask_until_safe(&stage, &asked, ways[i].kept + 10);
        audit_recorder_end(stage.recorder, "test", NULL, stage.now);
        snprintf(stage.log + strlen(stage.log), 8, "%s", ways[i].next);
        assert_string_equal(stats_now(&stage)->folder, stage.log);
        assert_int_equal(stats_now(&stage)->log.safe[AUDIT_QUERIES], ways[i].kept + 10);
        assert_int_equal(count_changes(&stage, "log-begun"), ways[i].begun);
        assert_true(count_changes(&stage, "gap") >= 1); /* and one of what was cut */
        end(&stage);
    }
}

static void a_file_that_is_put_back_is_gone_on_with(void **state)
{
    static const char *const ways[][2] = {
        {"mv 0000000001.cordon ../away", "mv ../away 0000000001.cordon"},
        {"cp 0000000001.cordon copy && mv copy 0000000001.cordon", "true"},
    };

    (void)state;
    for (unsigned i = 0; i < ITEMS(ways); i++) {
        struct stage stage;
        unsigned asked = 0;

        begin(&stage);
        start(&stage, false);
        ask_until_safe(&stage, &asked, 10);
        take_away(&stage, ways[i][0]);
        for (unsigned n = 0; n < 10; n++) {
            assert_true(add(&stage, AUDIT_QUERIES, asked++));
        }
        pass_until(&stage, stats_now(&stage)->state == AUDIT_FAILING);
        take_away(&stage, ways[i][1]);
        ask_until_safe(&stage, &asked, 30);
        audit_recorder_end(stage.recorder, "test", NULL, stage.now);
        expect(&stage, 30, 0);
        end(&stage);
    }
}

static void a_folder_that_was_moved_is_told_and_written_to(void **state)
{
    struct stage stage;
    unsigned asked = 0;

    (void)state;
    begin(&stage);
    start(&stage, false);
    ask_until_safe(&stage, &asked, 10);
    take_away(&stage, "mv ../audit ../away && mkdir ../audit");
    ask_until_safe(&stage, &asked, 20);
    pass_until(&stage, stats_now(&stage)->state == AUDIT_FAILING);
    assert_int_equal(stats_now(&stage)->error, CORDON_E_MOVED);
    take_away(&stage, "rmdir ../audit && mv ../away ../audit");
    ask_until_safe(&stage, &asked, 30);
    pass_until(&stage, stats_now(&stage)->state == AUDIT_RECORDING);
    audit_recorder_end(stage.recorder, "test", NULL, stage.now);
    expect(&stage, 30, 0);
    end(&stage);
}

static void a_stream_that_refuses_does_so_while_there_is_no_room(void **state)
{
    struct stage stage;
    unsigned taken = 0;

    (void)state;
    begin(&stage);
    assert_int_equal(mkdir(stage.log, 0700), 0);
    char path[80];
    snprintf(path, sizeof(path), "%s/lock", stage.log);
    const int other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0); /* another process writes to it */
    start(&stage, true);
    assert_int_equal(stats_now(&stage)->state, AUDIT_WAITING);
    assert_int_equal(stats_now(&stage)->error, -EBUSY);
    while (add(&stage, AUDIT_QUERIES, taken)) {
        taken++;
        assert_true(taken < 1000000);
    }
    assert_true(taken > 100000);
    assert_false(add(&stage, AUDIT_DECISIONS, taken));
    close(other);
    pass_until(&stage,
               stats_now(&stage)->state == AUDIT_RECORDING && stats_now(&stage)->waiting == 0);
    assert_true(add(&stage, AUDIT_QUERIES, taken++));
    pass_until(&stage, stats_now(&stage)->log.safe[AUDIT_QUERIES] == taken);
    audit_recorder_end(stage.recorder, "test", NULL, stage.now);
    expect(&stage, taken, 0);
    end(&stage);
}

/* The whole way: rings that are full, a log that takes nothing, workers that may not lose. */
static void a_stop_with_full_rings_comes_to_its_end(void **state)
{
    struct fixture f;
    struct stage stage;
    char path[80];

    (void)state;
    begin(&stage);
    assert_int_equal(mkdir(stage.log, 0700), 0);
    snprintf(path, sizeof(path), "%s/lock", stage.log);
    const int other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
    stage.end_ms = 300; /* nobody opens that log */
    start(&stage, true);
    set_up(&f, 1u << 20);
    f.recorder = stage.recorder;
    assert_int_equal(start_on(&f, "/dev/null", 0, 1), 0);
    unsigned asked = 0;
    /* Until the ring stays full for longer than the writer sleeps. */
    for (unsigned refused = 0; refused < 5;) {
        const bool found_room = put(&f, 0);

        asked += found_room ? 1 : 0;
        refused = found_room ? 0 : refused + 1;
        if (!found_room) {
            pause_ms(50);
        }
        assert_true(asked < 1000000);
    }
    assert_true(asked > 10000);
    const uint64_t before = clock_read().mono_us;
    audit_writer_stop(f.writer, "test");
    assert_true(clock_read().mono_us - before < PATIENCE_S * UINT64_C(1000000));
    assert_int_equal(stats_now(&stage)->lost[AUDIT_DECISIONS], asked + f.lost[0]);
    close(other);
    tear_down(&f);
    end(&stage);
}

/* Of the two only the log may not lose any. */
static void lines_stand_back_while_a_ring_is_more_than_half_full(void **state)
{
    struct fixture f;
    struct stage stage;
    unsigned asked = 0;

    (void)state;
    begin(&stage);
    start(&stage, false);
    set_up(&f, 1u << 20);
    f.recorder = stage.recorder;
    while (ring_used(f.rings[0]) < ring_size(f.rings[0]) / 4 * 3) {
        assert_true(put(&f, 0));
        asked++;
    }
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    wait_until(stats_of(&f).written + stats_of(&f).lost_output >= asked);
    wait_until(ring_used(f.rings[0]) == 0);
    const struct audit_writer_stats stats = stats_of(&f);
    audit_writer_stop(f.writer, "test");
    const struct tally tally = tally_of(&f, f.path);
    assert_true(stats.lost_output > 0);
    assert_int_equal(stats.lost_ring, 0);
    assert_true(tally.decisions > 0);
    assert_int_equal(tally.decisions + tally.lost, asked);
    assert_int_equal(tally.lost, stats.lost_output);
    assert_int_equal(stats_now(&stage)->log.safe[AUDIT_DECISIONS], asked);
    assert_int_equal(stats_now(&stage)->lost[AUDIT_DECISIONS], 0);
    tear_down(&f);
    end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_hangs_holds_up_neither_records_nor_ticks),
        cmocka_unit_test(an_end_at_a_disk_that_hangs_comes_to_its_end),
        cmocka_unit_test(a_sync_that_fails_is_done_again_and_costs_nothing),
        cmocka_unit_test(clocks_that_jump_are_told_and_hold_nothing_up),
        cmocka_unit_test(what_was_written_and_is_gone_is_told_and_another_log_begun),
        cmocka_unit_test(a_file_that_is_put_back_is_gone_on_with),
        cmocka_unit_test(a_folder_that_was_moved_is_told_and_written_to),
        cmocka_unit_test(a_stream_that_refuses_does_so_while_there_is_no_room),
        cmocka_unit_test(a_stop_with_full_rings_comes_to_its_end),
        cmocka_unit_test(lines_stand_back_while_a_ring_is_more_than_half_full),
    };

    if (random_library_init() != 0) {
        return 1;
    }
    return cmocka_run_group_tests_name("audit/recorder", tests, NULL, NULL);
}
