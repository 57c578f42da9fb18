/* audit/log: whatever the disk does and whenever the process ends, what was said to be safe is
 * there, the log opens, and what is missing is on the record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/logs.h"

#include <malloc.h>

/* Of libc, in the place of which this one stands. */
static unsigned trims;

int malloc_trim(size_t pad)
{
    (void)pad;
    trims++;
    return 1;
}

static struct disk disk;
static struct audit_files files;
static struct maker maker;

/* A runner without a thread: what it was given is done when it was asked about so often. */
static struct {
    void (*run)(void *argument);
    void *argument;
    unsigned asked, patience;
    bool hangs;
} later;

static void later_begin(void *context, void (*run)(void *argument), void *argument)
{
    (void)context;
    assert_null(later.run);
    later.run = run;
    later.argument = argument;
    later.asked = 0;
}

static bool later_is_done(void *context)
{
    (void)context;
    if (later.run != NULL && !later.hangs && ++later.asked > later.patience) {
        later.run(later.argument);
        later.run = NULL;
    }
    return later.run == NULL;
}

static void use_runner(unsigned patience)
{
    memset(&later, 0, sizeof(later));
    later.patience = patience;
    maker.settings.runner = (struct audit_log_runner){NULL, later_begin, later_is_done};
}

/* Ends a log whose turns another thread may run. */
static int end_log(struct audit_log *log, uint64_t now_us)
{
    int result = audit_log_flush(log, NULL, now_us);

    for (unsigned i = 0; i < 1000 && audit_log_is_writing(log); i++) {
        result = audit_log_flush(log, NULL, now_us);
    }
    audit_log_abandon(log);
    return result;
}

static int setup(void **state)
{
    (void)state;
    disk_free(&disk);
    maker.settings.runner = (struct audit_log_runner){NULL, NULL, NULL};
    files = disk_files(&disk);
    maker.settings.file_octets = 1u << 20;
    maker.settings.checkpoint_blocks = 100;
    return 0;
}

static int setup_all(void **state)
{
    (void)state;
    if (random_library_init() != 0) {
        return -1;
    }
    maker_init(&maker, LOG_NAME);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(disk.open_files, 0);
    disk_free(&disk);
    return 0;
}

static struct audit_log *open_log(uint64_t now_us, struct audit_log_opened *opened)
{
    struct audit_log *log = NULL;

    assert_int_equal(
        audit_log_open(&files, &maker.settings, now_us, now_us ^ disk.calls, &log, opened), 0);
    return log;
}

static void expect_sound(void)
{
    struct audit_verdict verdict;

    verify_log(&files, &maker.key, &verdict);
    if (!is_sound(&verdict)) {
        fail_msg("%s; %s", verdict.integrity.text, verdict.completeness.text);
    }
}

static void what_is_written_is_read_back_over_files_and_restarts(void **state)
{
    struct audit_log_opened opened;
    struct audit_verdict verdict;
    struct reading reading;
    uint64_t now = T0;

    (void)state;
    maker.settings.file_octets = 8000;
    for (unsigned run = 0; run < 4; run++) {
        struct audit_log *log = open_log(now, &opened);

        assert_int_equal(opened.is_new, run == 0);
        assert_int_equal(opened.cut_octets, 0);
        for (unsigned i = 0; i < 300; i++) {
            const uint64_t number = run * 300 + i;

            now += 50000;
            assert_int_equal(add_numbered(log, AUDIT_QUERIES, number, now), 0);
            assert_int_equal(add_numbered(log, AUDIT_DECISIONS, number, now), 0);
            assert_int_equal(audit_log_tick(log, NULL, now), 0);
        }
        assert_int_equal(add_numbered(log, AUDIT_CHANGES, run, now), 0);
        assert_int_equal(audit_log_close(log, NULL, now), 0);
        disk.locked = false;
    }
    read_log(&files, &reading);
    assert_false(reading.wrong);
    assert_int_equal(reading.events[AUDIT_QUERIES], 1200);
    assert_int_equal(reading.events[AUDIT_DECISIONS], 1200);
    assert_int_equal(reading.events[AUDIT_CHANGES], 4);
    expect_sound();
    verify_log(&files, &maker.key, &verdict);
    assert_true(verdict.files > 3);
    assert_int_equal(verdict.signed_blocks, verdict.blocks);
    assert_int_equal(verdict.events[AUDIT_DECISIONS], 1200);
}

/* A life: three runs' worth of events, with what of them was said to be safe. */
struct life {
    uint64_t safe[AUDIT_STREAMS + 1];
    bool ended; /* at disk.stop_at */
};

static void live(struct life *life, uint64_t *now, unsigned rounds)
{
    struct audit_log_opened opened;
    struct audit_log_stats stats;
    struct audit_log *log = NULL;

    if (audit_log_open(&files, &maker.settings, *now, *now, &log, &opened) != 0) {
        life->ended = disk.stopped;
        assert_true(disk.stopped);
        return;
    }
    audit_log_stats(log, &stats);
    for (unsigned stream = 1; stream <= 2; stream++) {
        assert_true(stats.safe[stream] >= life->safe[stream]);
    }
    uint64_t number[3] = {0, stats.taken[1], stats.taken[2]};
    for (unsigned i = 0; i < rounds && !disk.stopped; i++) {
        *now += 400000;
        for (unsigned stream = 1; stream <= 2; stream++) {
            assert_int_equal(
                add_numbered(log, (enum audit_stream)stream, number[stream]++, *now), 0);
        }
        (void)audit_log_tick(log, NULL, *now);
        audit_log_stats(log, &stats);
        memcpy(life->safe, stats.safe, sizeof(life->safe));
    }
    const int result = end_log(log, *now);
    assert_true(result == 0 || disk.stopped);
    life->ended = disk.stopped;
    disk.locked = false;
}

static void stop_at_each_call(bool power)
{
    struct random random;
    unsigned stops = 0;

    chance_init(&random, 3);
    maker.settings.file_octets = 3000;
    maker.settings.checkpoint_blocks = 3;
    for (unsigned stop = 1;; stop++) {
        struct life life = {.ended = false};
        struct reading reading;
        uint64_t now = T0;

        disk_free(&disk);
        disk.stop_at = stop;
        live(&life, &now, 48);
        if (!life.ended) {
            break;
        }
        stops++;
        disk_start(&disk, power, &random);
        /* And once more while it goes on, so that a repair is stopped as well. */
        const struct life before = life;
        disk.stop_at = disk.calls + 1 + stop % 5;
        live(&life, &now, 3);
        for (unsigned stream = 1; stream <= 2; stream++) {
            assert_true(life.ended || life.safe[stream] >= before.safe[stream]);
        }
        if (life.ended) {
            memcpy(life.safe, before.safe, sizeof(life.safe));
            disk_start(&disk, power, &random);
        }
        disk.stop_at = 0;
        live(&life, &now, 3);
        assert_false(life.ended);
        read_log(&files, &reading);
        assert_false(reading.wrong);
        for (unsigned stream = 1; stream <= 2; stream++) {
            assert_true(reading.events[stream] >= life.safe[stream]);
        }
        expect_sound();
    }
    assert_true(stops > 40);
}

/* A full block's memory goes back once there is little to do, whatever has sealed the last one:
 * its time, or a signature (odd rounds); and while the disk still needs some of it that stays.
 */
static void after_a_load_it_goes_on_with_less(void **state)
{
    struct audit_log_opened opened;
    struct reading reading;
    uint64_t now = T0;

    (void)state;
    for (unsigned patience = 0; patience < 3; patience++) {
        disk_free(&disk);
        use_runner(patience);
        struct audit_log *log = open_log(now, &opened);

        for (unsigned round = 0; round < 4; round++) {
            const uint64_t first = round * 6000;

            for (unsigned i = 0; i < 6000; i++) {
                assert_int_equal(add_numbered(log, AUDIT_QUERIES, first + i, ++now), 0);
            }
            disk.fail_write = round == 2 ? ENOSPC : 0;
            trims = 0;
            if (round % 2 == 1) {
                (void)audit_log_flush(log, NULL, now); /* or begins to */
                (void)audit_log_tick(log, NULL, now);
                assert_int_equal(trims, 0); /* not within a load */
            }
            for (unsigned i = 0; i < 20; i++) {
                now += 4000000;
                (void)audit_log_tick(log, NULL, now);
            }
            assert_int_equal(trims, round == 2 ? 0 : 1);
        }
        assert_int_equal(end_log(log, now), 0);
        disk.locked = false;
        read_log(&files, &reading);
        assert_false(reading.wrong);
        assert_int_equal(reading.events[AUDIT_QUERIES], 24000);
        expect_sound();
    }
}

static void a_kill_at_any_call_leaves_a_log_that_opens(void **state)
{
    (void)state;
    stop_at_each_call(false);
}

static void a_power_failure_at_any_call_loses_nothing_that_was_safe(void **state)
{
    (void)state;
    stop_at_each_call(true);
}

static void both_hold_where_another_thread_has_the_disk(void **state)
{
    (void)state;
    for (unsigned patience = 0; patience < 4; patience++) {
        use_runner(patience);
        stop_at_each_call(patience % 2 == 0);
        assert_null(later.run);
    }
}

static void a_disk_that_hangs_holds_nothing_up(void **state)
{
    struct audit_log_opened opened;
    struct audit_log_stats stats;
    struct audit_verdict verdict;
    struct audit_row row;
    struct random random;
    uint8_t *text = malloc(AUDIT_TEXT_MAX);
    uint64_t now = T0;
    uint64_t taken = 0;
    int result = 0;

    (void)state;
    assert_non_null(text);
    chance_init(&random, 5);
    use_runner(0);
    maker.settings.file_octets = 300000;
    struct audit_log *log = open_log(now, &opened);
    assert_int_equal(audit_log_tick(log, NULL, now), 0);
    assert_int_equal(audit_log_tick(log, NULL, now), 0);
    later.hangs = true;
    for (unsigned i = 0; result == 0; i++) {
        assert_true(i < 20000);
        random_fill(&random, text, AUDIT_TEXT_MAX); /* so that it does not shrink */
        row.present = 0;
        audit_row_number(&row, AUDIT_TIME, now);
        audit_row_octets(&row, AUDIT_REASON, text, AUDIT_TEXT_MAX);
        result = audit_log_add(log, AUDIT_QUERIES, &row, now);
        taken += result == 0 ? 1 : 0;
        now += 1000;
        assert_int_equal(audit_log_tick(log, NULL, now), 0); /* nothing has failed yet */
    }
    assert_int_equal(result, -ENOBUFS);
    assert_true(audit_log_is_full(log) && audit_log_is_writing(log));
    assert_true(taken * AUDIT_TEXT_MAX > AUDIT_PENDING_MAX / 2);
    assert_int_equal(audit_log_flush(log, NULL, now), -EINPROGRESS);
    audit_log_stats(log, &stats);
    assert_int_equal(stats.safe[AUDIT_QUERIES], 0);
    assert_int_equal(stats.lost[AUDIT_QUERIES], 1);
    later.hangs = false;
    assert_int_equal(end_log(log, now), 0);
    expect_sound();
    verify_log(&files, &maker.key, &verdict);
    assert_int_equal(verdict.events[AUDIT_QUERIES], taken);
    assert_int_equal(verdict.gap_events, 1);
    assert_true(verdict.files > 1); /* each is begun as soon as it can be */
    free(text);
}

static void short_writes_are_gone_on_with(void **state)
{
    struct life life = {.ended = false};
    struct reading reading;
    uint64_t now = T0;

    (void)state;
    disk.most = 7;
    live(&life, &now, 10);
    read_log(&files, &reading);
    assert_false(reading.wrong);
    assert_int_equal(reading.events[AUDIT_QUERIES], 10);
    expect_sound();
}

static void a_disk_that_fails_for_a_while_costs_nothing(void **state)
{
    static const int errors[] = {ENOSPC, EROFS, EIO};

    (void)state;
    for (unsigned way = 0; way < 4; way++) {
        for (unsigned i = 0; i < 3; i++) {
            struct audit_log_opened opened;
            struct audit_log_stats stats;
            struct reading reading;
            uint64_t now = T0;

            disk_free(&disk);
            struct audit_log *log = open_log(now, &opened);
            for (unsigned number = 0; number < 60; number++) {
                const int error = number >= 10 && number < 40 ? errors[i] : 0;

                disk.fail_write = way == 0 ? error : 0;
                disk.fail_sync = way == 1 ? error : 0;
                disk.fail_head = way == 2 ? error : 0;
                disk.fail_open = way == 3 ? error : 0;
                disk.fail_cut = way == 0 && i == 2 ? error : 0;
                now += 400000;
                assert_int_equal(add_numbered(log, AUDIT_DECISIONS, number, now), 0);
                const int result = audit_log_tick(log, NULL, now);
                audit_log_stats(log, &stats);
                if (error != 0 && number > 20 && way < 2) {
                    assert_int_equal(result, -error);
                    assert_int_equal(stats.error, -error);
                    assert_true(stats.safe[AUDIT_DECISIONS] < 12);
                }
            }
            assert_int_equal(stats.error, 0);
            assert_int_equal(audit_log_close(log, NULL, now), 0);
            read_log(&files, &reading);
            assert_false(reading.wrong);
            assert_int_equal(reading.events[AUDIT_DECISIONS], 60);
            assert_int_equal(stats.lost[AUDIT_DECISIONS], 0);
            expect_sound();
        }
    }
}

static void what_has_no_room_is_counted_and_on_the_record(void **state)
{
    struct audit_log_opened opened;
    struct audit_log_stats stats;
    struct audit_verdict verdict;
    struct audit_row row;
    uint8_t *text = malloc(AUDIT_TEXT_MAX);
    struct random random;
    uint64_t now = T0;

    (void)state;
    chance_init(&random, 4);
    struct audit_log *log = open_log(now, &opened);
    disk.full = 100000;
    uint64_t lost = 0;
    while (lost < 1000) {
        random_fill(&random, text, AUDIT_TEXT_MAX); /* so that it does not shrink */
        row.present = 0;
        audit_row_number(&row, AUDIT_TIME, now);
        audit_row_octets(&row, AUDIT_REASON, text, AUDIT_TEXT_MAX);
        const int result = audit_log_add(log, AUDIT_QUERIES, &row, now);
        assert_true(result == 0 || result == -ENOBUFS);
        lost += result != 0;
        now += 1000;
        (void)audit_log_tick(log, NULL, now);
    }
    audit_log_stats(log, &stats);
    assert_int_equal(stats.lost[AUDIT_QUERIES], lost);
    assert_int_equal(stats.error, -ENOSPC);
    audit_log_lost(log, AUDIT_DECISIONS, 42, "ring", T0, now);
    disk.full = 0;
    now += maker.settings.retry_us;
    assert_int_equal(audit_log_close(log, NULL, now), 0);
    expect_sound();
    verify_log(&files, &maker.key, &verdict);
    assert_int_equal(verdict.gaps, 2);
    assert_int_equal(verdict.gap_events, lost + 42);
    assert_int_equal(verdict.events[AUDIT_QUERIES] + lost, stats.taken[AUDIT_QUERIES] + lost);
    free(text);
}

static void an_unfinished_end_is_cut_and_on_the_record(void **state)
{
    struct audit_log_opened opened;
    struct audit_verdict verdict;
    struct life life = {.ended = false};
    uint64_t now = T0;

    (void)state;
    live(&life, &now, 10);
    disk_fit(&disk.files[1], disk.files[1].size + 100);
    verify_log(&files, &maker.key, &verdict);
    assert_false(is_sound(&verdict));
    struct audit_log *log = open_log(now, &opened);
    assert_int_equal(opened.cut_octets, 100);
    assert_int_equal(audit_log_close(log, NULL, now), 0);
    expect_sound();
    verify_log(&files, &maker.key, &verdict);
    assert_int_equal(verdict.gaps, 1);
}

/* A file system may know the new length and have only some of the octets: zeros follow. */
static void a_block_of_which_any_part_is_missing_is_cut(void **state)
{
    struct audit_log_opened opened;
    struct disk whole = {.head_len = 0};
    uint64_t now = T0;
    unsigned cut = 0;

    (void)state;
    struct audit_log *log = open_log(now, &opened);
    assert_int_equal(add_numbered(log, AUDIT_DECISIONS, 0, now), 0);
    now += 2000000;
    assert_int_equal(audit_log_tick(log, NULL, now), 0);
    const size_t before = disk.files[1].size;
    assert_int_equal(add_numbered(log, AUDIT_DECISIONS, 1, now), 0);
    now += 2000000;
    assert_int_equal(audit_log_tick(log, NULL, now), 0);
    const size_t after = disk.files[1].size;
    assert_true(after > before + AUDIT_FRAME_OCTETS + AUDIT_HEADER_OCTETS);
    audit_log_abandon(log);
    disk_copy(&disk, &whole);
    for (size_t kept = before; kept < after; kept++) {
        disk_copy(&whole, &disk);
        memset(disk.files[1].data + kept, 0, after - kept);
        assert_int_equal(audit_log_open(&files, &maker.settings, now, 5, &log, &opened), 0);
        assert_true(opened.cut_octets == after - before ||
                    (opened.cut_octets == 0 && kept > after - AUDIT_BODY_UNIT));
        cut += opened.cut_octets != 0;
        audit_log_abandon(log);
        disk.locked = false;
    }
    assert_true(cut >= AUDIT_FRAME_OCTETS + AUDIT_HEADER_OCTETS);
    disk_free(&whole);
}

static void a_log_that_is_damaged_is_not_gone_on_with(void **state)
{
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    struct life life = {.ended = false};
    struct disk whole = {.head_len = 0};
    struct disk *at = &disk;
    struct maker other;
    uint64_t now = T0;

    (void)state;
    live(&life, &now, 10);
    disk_copy(at, &whole);
    /* Each octet but those of the last frames: a block or checkpoint in the middle. */
    for (size_t i = 0; i < whole.files[1].size; i += 37) {
        disk_copy(&whole, at);
        at->files[1].data[i] ^= 1;
        const int result = audit_log_open(&files, &maker.settings, now, 5, &log, &opened);
        at->locked = false;
        if (result == 0) {
            /* Of the very end, which may be unfinished; but then what was signed is still
             * there. */
            audit_log_abandon(log);
            assert_true(i > whole.files[1].size - 600);
        } else {
            assert_true(result == CORDON_E_CORRUPT || result == CORDON_E_UNTRUSTED);
            at->files[1].data[i] ^= 1;
            assert_int_equal(at->files[1].size, whole.files[1].size);
            assert_memory_equal(at->files[1].data, whole.files[1].data, whole.files[1].size);
        }
    }
    /* Shorter than what was signed. */
    disk_copy(&whole, at);
    disk_fit(&at->files[1], 3000);
    assert_int_equal(audit_log_open(&files, &maker.settings, now, 5, &log, &opened),
                     CORDON_E_CORRUPT);
    assert_int_equal(at->files[1].size, 3000);
    at->locked = false;
    /* No file at all, and a head that has signed some. */
    disk_copy(&whole, at);
    at->files[1].exists = false;
    assert_int_equal(audit_log_open(&files, &maker.settings, now, 5, &log, &opened),
                     CORDON_E_CORRUPT);
    assert_false(at->files[1].exists);
    at->locked = false;
    /* Another key, another name. */
    disk_copy(&whole, at);
    maker_init(&other, LOG_NAME);
    assert_int_equal(audit_log_open(&files, &other.settings, now, 5, &log, &opened),
                     CORDON_E_UNTRUSTED);
    at->locked = false;
    at->head_len = 0;
    maker_init(&other, "other.example/audit");
    assert_int_equal(audit_log_open(&files, &other.settings, now, 5, &log, &opened),
                     CORDON_E_UNTRUSTED);
    disk_free(&whole);
}

static void a_second_writer_is_refused(void **state)
{
    struct audit_log_opened opened;
    struct audit_log *second = NULL;

    (void)state;
    struct audit_log *log = open_log(T0, &opened);
    assert_int_equal(audit_log_open(&files, &maker.settings, T0, 2, &second, &opened), -EBUSY);
    assert_int_equal(audit_log_close(log, NULL, T0), 0);
}

static void checkpoints_come_also_when_nothing_happens(void **state)
{
    static const struct audit_checkpoint_list lists[] = {{"one", 2026112201}, {"two", 7}};
    const uint8_t config[DIGEST_OCTETS] = {0xab};
    const struct audit_in_force in_force = {config, lists, 2};
    struct audit_log_opened opened;
    struct audit_checkpoint checkpoint;
    struct trust_note note;
    uint64_t number = 0;
    uint64_t now = T0;

    (void)state;
    struct audit_log *log = open_log(now, &opened);
    assert_string_equal(audit_log_checkpoint(log, &number), "");
    for (unsigned i = 0; i < 300; i++) {
        now += 1000000;
        assert_int_equal(audit_log_tick(log, &in_force, now), 0);
    }
    const char *text = audit_log_checkpoint(log, &number);
    assert_int_equal(number, 5);
    assert_int_equal(trust_note_parse(text, strlen(text), &note), 0);
    assert_int_equal(trust_note_verify(&note, &maker.key, NULL), 0);
    assert_int_equal(audit_checkpoint_parse(&note, &checkpoint), 0);
    assert_int_equal(checkpoint.size, 0);
    assert_int_equal(checkpoint.time_us, T0 + 300 * UINT64_C(1000000));
    assert_int_equal(checkpoint.lists, 2);
    assert_memory_equal(checkpoint.config, config, sizeof(config));
    assert_non_null(strstr(text, "\nlist one 2026112201\nlist two 7\n\n"));
    assert_int_equal(audit_log_close(log, &in_force, now), 0);
    expect_sound();
}

static void a_clock_set_back_is_said_in_the_block(void **state)
{
    struct audit_log_opened opened;

    (void)state;
    struct audit_log *log = open_log(T0, &opened);
    assert_int_equal(add_numbered(log, AUDIT_DECISIONS, 0, T0), 0);
    assert_int_equal(audit_log_flush(log, NULL, T0), 0);
    assert_int_equal(add_numbered(log, AUDIT_DECISIONS, 1, T0 - 5000000), 0);
    assert_int_equal(audit_log_tick(log, NULL, T0 - 4000000), 0);
    assert_int_equal(audit_log_close(log, NULL, T0 - 3000000), 0);
    expect_sound();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_back_over_files_and_restarts),
        TEST(a_kill_at_any_call_leaves_a_log_that_opens),
        TEST(after_a_load_it_goes_on_with_less),
        TEST(a_power_failure_at_any_call_loses_nothing_that_was_safe),
        TEST(both_hold_where_another_thread_has_the_disk),
        TEST(a_disk_that_hangs_holds_nothing_up),
        TEST(short_writes_are_gone_on_with),
        TEST(a_disk_that_fails_for_a_while_costs_nothing),
        TEST(what_has_no_room_is_counted_and_on_the_record),
        TEST(an_unfinished_end_is_cut_and_on_the_record),
        TEST(a_block_of_which_any_part_is_missing_is_cut),
        TEST(a_log_that_is_damaged_is_not_gone_on_with),
        TEST(a_second_writer_is_refused),
        TEST(checkpoints_come_also_when_nothing_happens),
        TEST(a_clock_set_back_is_said_in_the_block),
    };

    return cmocka_run_group_tests(tests, setup_all, NULL);
}
