/* audit/verify, audit/proof, audit/checkpoint: whatever is done to a log is found and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/logs.h"
#include "audit/proof.h"
#include "base/little.h"

#include <stdio.h>

static struct maker maker;
static struct disk whole; /* three files, fifteen blocks or so */
static struct disk disk;  /* a copy that was tampered with */
static struct audit_files files;

/* Frames of a file: where each begins and ends. */
struct frame {
    size_t at, end;
    enum audit_item_kind kind;
    struct audit_header header;
};

static size_t frames_of(uint32_t number, struct frame *out, size_t most)
{
    struct audit_reader *reader = audit_reader_create(&files, number);
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    size_t count = 0;

    while (audit_reader_next(reader, &item) == 0 && item.kind != AUDIT_ITEM_END &&
           item.file == number && count < most) {
        if (item.kind != AUDIT_ITEM_FILE) {
            out[count++] =
                (struct frame){(size_t)item.at, (size_t)item.end, item.kind, item.header};
        }
    }
    audit_reader_destroy(reader);
    return count;
}

static void write_log(struct disk *to, const struct maker *by, unsigned rounds,
                      uint64_t file_octets)
{
    const struct audit_files table = disk_files(to);
    struct audit_log_settings settings = by->settings;
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    uint64_t now = T0;

    settings.file_octets = file_octets;
    settings.checkpoint_blocks = 4;
    settings.secret = &by->secret;
    assert_int_equal(audit_log_open(&table, &settings, now, 77, &log, &opened), 0);
    for (unsigned i = 0; i < rounds; i++) {
        for (unsigned j = 0; j < 5; j++) {
            now += 100000;
            assert_int_equal(add_numbered(log, AUDIT_DECISIONS, 5 * i + j, now), 0);
            assert_int_equal(add_numbered(log, AUDIT_QUERIES, 5 * i + j, now), 0);
        }
        now += 1000000;
        assert_int_equal(audit_log_tick(log, NULL, now), 0);
    }
    struct audit_row row;
    change_row(now, "stop", &row);
    assert_int_equal(audit_log_add(log, AUDIT_CHANGES, &row, now), 0);
    assert_int_equal(audit_log_close(log, NULL, now), 0);
    to->locked = false;
}

static int setup_all(void **state)
{
    (void)state;
    if (random_library_init() != 0) {
        return -1;
    }
    maker_init(&maker, LOG_NAME);
    write_log(&whole, &maker, 7, 6000);
    files = disk_files(&disk);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    disk_copy(&whole, &disk);
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    disk_free(&whole);
    disk_free(&disk);
    return 0;
}

static struct audit_verdict verdict;

static void expect(enum audit_fault integrity, enum audit_fault completeness)
{
    verify_log(&files, &maker.key, &verdict);
    if (verdict.integrity.fault != integrity || verdict.completeness.fault != completeness) {
        fail_msg("integrity: %s (%s); completeness: %s (%s)",
                 audit_fault_word(verdict.integrity.fault), verdict.integrity.text,
                 audit_fault_word(verdict.completeness.fault), verdict.completeness.text);
    }
}

static void an_untouched_log_is_sound(void **state)
{
    (void)state;
    expect(AUDIT_SOUND, AUDIT_SOUND);
    assert_int_equal(verdict.files, 3);
    assert_int_equal(verdict.events[AUDIT_DECISIONS], 35);
    assert_int_equal(verdict.events[AUDIT_QUERIES], 35);
    assert_int_equal(verdict.events[AUDIT_CHANGES], 1);
    assert_int_equal(verdict.signed_blocks, verdict.blocks);
    assert_true(verdict.stopped);
    assert_int_equal(verdict.first_us, T0 + 100000);
}

static void one_bit_anywhere_is_found(void **state)
{
    static struct disk small;
    const struct audit_verify_options options = {.key = &maker.key};
    unsigned flips = 0;

    (void)state;
    disk_free(&small);
    write_log(&small, &maker, 2, 500); /* a block is more: three files */
    assert_true(small.files[3].exists);
    disk_copy(&small, &disk);
    expect(AUDIT_SOUND, AUDIT_SOUND);
    for (unsigned number = 1; number < DISK_FILES; number++) {
        for (size_t i = 0; i < 8 * disk.files[number].size; i++) {
            uint8_t *octet = &disk.files[number].data[i / 8];

            *octet = (uint8_t)(*octet ^ 1u << i % 8);
            assert_int_equal(audit_verify(&files, &options, &verdict), 0);
            if (is_sound(&verdict)) {
                fail_msg("file %u, bit %zu: not found", number, i);
            }
            const struct audit_finding *finding = verdict.integrity.fault != AUDIT_SOUND
                                                      ? &verdict.integrity
                                                      : &verdict.completeness;
            assert_true(finding->text[0] != '\0');
            assert_true(finding->file <= number + 1);
            *octet = (uint8_t)(*octet ^ 1u << i % 8);
            flips++;
        }
    }
    for (size_t i = 0; i < 8 * disk.head_len; i++) {
        disk.head[i / 8] = (char)(disk.head[i / 8] ^ 1 << i % 8);
        assert_int_equal(audit_verify(&files, &options, &verdict), 0);
        assert_false(is_sound(&verdict));
        disk.head[i / 8] = (char)(disk.head[i / 8] ^ 1 << i % 8);
    }
    assert_true(flips > 8 * 3000);
    expect(AUDIT_SOUND, AUDIT_SOUND);
    disk_free(&small);
}

static void take_out(uint32_t number, size_t at, size_t end)
{
    struct disk_file *file = &disk.files[number];

    memmove(file->data + at, file->data + end, file->size - end);
    file->size -= end - at;
}

static void put_in(uint32_t number, size_t at, const uint8_t *data, size_t len)
{
    struct disk_file *file = &disk.files[number];
    uint8_t *copy = malloc(len);

    memcpy(copy, data, len);
    disk_fit(file, file->size + len);
    memmove(file->data + at + len, file->data + at, file->size - len - at);
    memcpy(file->data + at, copy, len);
    free(copy);
}

static void a_block_that_was_taken_out_is_missing(void **state)
{
    struct frame frames[32];
    const size_t count = frames_of(2, frames, 32);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        disk_copy(&whole, &disk);
        if (frames[i].kind != AUDIT_ITEM_BLOCK) {
            continue;
        }
        take_out(2, frames[i].at, frames[i].end);
        verify_log(&files, &maker.key, &verdict);
        assert_int_equal(verdict.completeness.fault, AUDIT_FAULT_MISSING_BLOCKS);
        assert_int_equal(verdict.completeness.from, frames[i].header.number);
        assert_int_equal(verdict.completeness.to, frames[i].header.number);
    }
}

static void blocks_in_another_order_are_found(void **state)
{
    struct frame frames[32];

    (void)state;
    assert_true(frames_of(1, frames, 32) > 2);
    assert_int_equal(frames[1].kind, AUDIT_ITEM_BLOCK);
    const size_t len = frames[1].end - frames[1].at;
    uint8_t *copy = malloc(len);
    memcpy(copy, disk.files[1].data + frames[1].at, len);
    take_out(1, frames[1].at, frames[1].end);
    put_in(1, frames[0].at, copy, len);
    free(copy);
    expect(AUDIT_FAULT_ORDER, AUDIT_FAULT_MISSING_BLOCKS);
    assert_int_equal(verdict.integrity.from, 0);
}

static void a_block_that_was_put_in_is_found(void **state)
{
    struct frame frames[32];

    (void)state;
    /* One of the same log, again. */
    assert_true(frames_of(1, frames, 32) > 2);
    put_in(1, frames[1].end, disk.files[1].data + frames[0].at, frames[0].end - frames[0].at);
    expect(AUDIT_FAULT_ORDER, AUDIT_SOUND);
    assert_int_equal(verdict.integrity.at, frames[1].end);

    /* One that another has made, with the right number and the right block before it. */
    disk_copy(&whole, &disk);
    struct frame *last = &frames[frames_of(3, frames, 32) - 2];
    assert_int_equal(last->kind, AUDIT_ITEM_BLOCK);
    uint8_t *header = disk.files[3].data + last->at + AUDIT_FRAME_OCTETS;
    header[48] ^= 1; /* the time at which it was closed; the chain ends here */
    expect(AUDIT_FAULT_ROOT, AUDIT_SOUND);

    /* One of another log. */
    static struct disk other_disk;
    struct maker other;
    maker_init(&other, "other.example/audit");
    disk_free(&other_disk);
    write_log(&other_disk, &other, 7, 8400);
    disk_copy(&whole, &disk);
    assert_true(frames_of(1, frames, 32) > 2);
    const uint32_t len = little_get32(other_disk.files[1].data + frames[0].at + 8);
    put_in(1, frames[0].at, other_disk.files[1].data + frames[0].at, AUDIT_FRAME_OCTETS + len);
    verify_log(&files, &maker.key, &verdict);
    assert_int_equal(verdict.integrity.fault, AUDIT_FAULT_OTHER_LOG);
    disk_free(&other_disk);
}

/* The last checkpoint in a file. Returns its length. */
static size_t checkpoint_of(uint32_t number, char *out, size_t size)
{
    struct audit_reader *reader = audit_reader_create(&files, number);
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    size_t len = 0;

    while (audit_reader_next(reader, &item) == 0 && item.kind != AUDIT_ITEM_END &&
           item.file == number) {
        if (item.kind == AUDIT_ITEM_CHECKPOINT) {
            assert_true(item.len < size);
            memcpy(out, item.text, item.len);
            len = item.len;
        }
    }
    audit_reader_destroy(reader);
    assert_true(len > 0);
    return len;
}

static void a_cut_end_is_found(void **state)
{
    struct frame frames[32];
    const size_t count = frames_of(3, frames, 32);

    (void)state;
    assert_true(count > 3);
    for (size_t i = 0; i < count; i++) {
        disk_copy(&whole, &disk);
        disk.files[3].size = frames[i].at; /* on the border of a frame */
        verify_log(&files, &maker.key, &verdict);
        assert_int_equal(verdict.completeness.fault, AUDIT_FAULT_CUT);
        if (frames[i].kind == AUDIT_ITEM_BLOCK) {
            assert_int_equal(verdict.completeness.from, frames[i].header.number);
        } else if (i + 1 == count) { /* a checkpoint alone: the head has it, and its blocks */
            assert_int_equal(verdict.completeness.from, verdict.blocks);
            assert_int_equal(verdict.signed_blocks, verdict.blocks);
        }
        assert_int_equal(verdict.integrity.fault, AUDIT_SOUND);
        disk_copy(&whole, &disk);
        disk.files[3].size = frames[i].end - 1;
        expect(AUDIT_SOUND, AUDIT_FAULT_UNFINISHED);
    }
    /* Without the head that is said; with an older one put back as well, the checkpoint of a
     * witness or a syslog server tells. */
    disk_copy(&whole, &disk);
    struct audit_verify_options options = {.key = &maker.key};
    const char *const witness = whole.head;
    const struct audit_outside outside = {witness, whole.head_len};
    disk.files[3].exists = false;
    disk.files[3].size = 0;
    disk.head_len = 0;
    expect(AUDIT_SOUND, AUDIT_FAULT_MISSING_FILE);
    disk.head_len = checkpoint_of(2, disk.head, sizeof(disk.head));
    expect(AUDIT_SOUND, AUDIT_SOUND); /* nothing here says otherwise */
    options.outside = &outside;
    options.outside_count = 1;
    assert_int_equal(audit_verify(&files, &options, &verdict), 0);
    assert_int_equal(verdict.completeness.fault, AUDIT_FAULT_CUT);
    /* Or the time: a log that was not stopped has a checkpoint that is not old. */
    options = (struct audit_verify_options){
        .key = &maker.key, .now_us = T0 + UINT64_C(3600000000), .age_us = 120000000};
    assert_int_equal(audit_verify(&files, &options, &verdict), 0);
    assert_int_equal(verdict.completeness.fault, AUDIT_FAULT_STALE);
    disk_copy(&whole, &disk);
    assert_int_equal(audit_verify(&files, &options, &verdict), 0);
    assert_true(is_sound(&verdict)); /* it was stopped */
}

/* Of a log in which nothing happened since the checkpoint before. */
static void an_idle_checkpoint_that_was_cut_is_missing(void **state)
{
    const uint64_t later = T0 + UINT64_C(600000000);
    struct audit_log_settings settings = maker.settings;
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    struct frame frames[32];

    (void)state;
    settings.secret = &maker.secret;
    settings.file_octets = 1u << 20;
    assert_int_equal(audit_log_open(&files, &settings, later, 78, &log, &opened), 0);
    assert_int_equal(audit_log_tick(log, NULL, later + UINT64_C(600000000)), 0);
    audit_log_abandon(log);
    disk.locked = false;
    expect(AUDIT_SOUND, AUDIT_SOUND);
    const size_t count = frames_of(3, frames, 32);
    assert_true(count > 2 && frames[count - 1].kind == AUDIT_ITEM_CHECKPOINT &&
                frames[count - 2].kind == AUDIT_ITEM_CHECKPOINT);
    disk.files[3].size = frames[count - 1].at;
    expect(AUDIT_SOUND, AUDIT_FAULT_CUT);
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= 2; number++) {
        disk_copy(&whole, &disk);
        disk.files[number].exists = false;
        expect(AUDIT_SOUND, AUDIT_FAULT_MISSING_FILE);
        assert_int_equal(verdict.completeness.file, number);
    }
    disk_copy(&whole, &disk);
    disk.files[3].exists = false;
    disk.files[3].size = 0;
    expect(AUDIT_SOUND, AUDIT_FAULT_CUT);
    for (unsigned number = 1; number <= 2; number++) {
        disk.files[number].exists = false;
    }
    verify_log(&files, &maker.key, &verdict);
    assert_int_not_equal(verdict.completeness.fault, AUDIT_SOUND);
}

static void an_old_file_that_was_put_back_is_found(void **state)
{
    struct frame frames[32];
    const size_t count = frames_of(2, frames, 32);

    (void)state;
    /* As it was before its last block. */
    disk.files[2].size = frames[count - 1].at;
    while (frames[count - 1].kind != AUDIT_ITEM_BLOCK) {
        frames[count - 1] = frames[count - 2];
        disk.files[2].size = frames[count - 1].at;
    }
    verify_log(&files, &maker.key, &verdict);
    assert_int_equal(verdict.completeness.fault, AUDIT_FAULT_MISSING_BLOCKS);
    assert_int_equal(verdict.integrity.fault, AUDIT_SOUND);
    /* One in the place of another. */
    disk_copy(&whole, &disk);
    disk_fit(&disk.files[2], whole.files[1].size);
    memcpy(disk.files[2].data, whole.files[1].data, whole.files[1].size);
    disk.files[2].size = whole.files[1].size;
    verify_log(&files, &maker.key, &verdict);
    assert_int_equal(verdict.integrity.fault, AUDIT_FAULT_OTHER_FILE);
    assert_int_equal(verdict.integrity.file, 2);
}

static void two_writers_are_found(void **state)
{
    struct audit_log_settings settings = maker.settings;
    struct audit_log_opened opened;
    struct audit_log *first = NULL;
    struct audit_log *second = NULL;
    uint64_t now = T0 + UINT64_C(100000000);

    (void)state;
    /* As if locks did not hold (a file system of the network): both go on from the same end. */
    assert_int_equal(audit_log_open(&files, &settings, now, 1001, &first, &opened), 0);
    disk.locked = false;
    assert_int_equal(audit_log_open(&files, &settings, now, 1002, &second, &opened), 0);
    assert_int_equal(add_numbered(first, AUDIT_DECISIONS, 35, now), 0);
    assert_int_equal(audit_log_close(first, NULL, now), 0);
    /* The second appends behind the first. */
    static struct disk aside;
    disk_copy(&whole, &aside);
    const struct audit_files aside_files = disk_files(&aside);
    audit_log_abandon(second);
    assert_int_equal(audit_log_open(&aside_files, &settings, now, 1002, &second, &opened), 0);
    assert_int_equal(add_numbered(second, AUDIT_DECISIONS, 35, now + 1), 0);
    assert_int_equal(audit_log_close(second, NULL, now), 0);
    const size_t from = whole.files[3].size;
    put_in(3, disk.files[3].size, aside.files[3].data + from, aside.files[3].size - from);
    verify_log(&files, &maker.key, &verdict);
    assert_int_equal(verdict.integrity.fault, AUDIT_FAULT_TWO_WRITERS);
    disk_free(&aside);
}

static void another_key_is_found(void **state)
{
    struct maker other;

    (void)state;
    maker_init(&other, LOG_NAME);
    verify_log(&files, &other.key, &verdict);
    assert_int_equal(verdict.integrity.fault, AUDIT_FAULT_KEY);
    /* A whole log made anew by another key of the same name. */
    disk_free(&disk);
    write_log(&disk, &other, 7, 8400);
    verify_log(&files, &maker.key, &verdict);
    assert_int_equal(verdict.integrity.fault, AUDIT_FAULT_KEY);
    verify_log(&files, &other.key, &verdict);
    assert_true(is_sound(&verdict));
}

/* A block whose header was made anew, as one who has the key may: all but what it says holds.
 */
static void resign(uint32_t number, size_t frame_at, void (*change)(struct audit_header *))
{
    struct audit_header header;
    uint8_t *octets = disk.files[number].data + frame_at + AUDIT_FRAME_OCTETS;

    assert_true(audit_header_get(octets, &header));
    change(&header);
    audit_header_put(&header, octets);
}

static void earlier(struct audit_header *header)
{
    header->sealed_us -= 50000000;
    header->flags = 0;
}

static void later_events(struct audit_header *header)
{
    header->first_event += 1;
}

static void another_tree(struct audit_header *header)
{
    header->tree[0] ^= 1;
}

static void what_the_owner_of_the_key_does_is_found_too(void **state)
{
    struct frame frames[32];
    const size_t count = frames_of(3, frames, 32);
    const struct frame *last = &frames[count - 2]; /* followed by a checkpoint alone */

    (void)state;
    assert_int_equal(last->kind, AUDIT_ITEM_BLOCK);
    disk.files[3].size = last->end;
    disk.head_len = checkpoint_of(2, disk.head, sizeof(disk.head));
    resign(3, last->at, earlier); /* time runs backwards */
    expect(AUDIT_FAULT_CLOCK, AUDIT_SOUND);
    assert_int_equal(verdict.integrity.from, last->header.number);
    disk_copy(&whole, &disk);
    disk.files[3].size = last->end;
    disk.head_len = checkpoint_of(2, disk.head, sizeof(disk.head));
    resign(3, last->at, later_events);
    expect(AUDIT_SOUND, AUDIT_FAULT_MISSING_EVENTS);
    disk_copy(&whole, &disk);
    disk.files[3].size = last->end;
    disk.head_len = checkpoint_of(2, disk.head, sizeof(disk.head));
    resign(3, last->at, another_tree);
    expect(AUDIT_FAULT_TREE, AUDIT_SOUND);
}

/* Bodies are verified by threads, and what the header of a later block says is known before:
 * the first in the log counts all the same. */
static void the_first_fault_is_the_first_in_the_log(void **state)
{
    struct frame frames[32];
    const struct frame *last = NULL;
    size_t count = frames_of(3, frames, 32);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        last = frames[i].kind == AUDIT_ITEM_BLOCK ? &frames[i] : last;
    }
    assert_non_null(last);
    disk.files[3].data[last->at + AUDIT_FRAME_OCTETS + 96] ^= 1; /* the block before it */
    expect(AUDIT_FAULT_CHAIN, AUDIT_SOUND);
    count = frames_of(1, frames, 32);
    for (size_t i = 0; i < count; i++) {
        if (frames[i].kind == AUDIT_ITEM_BLOCK && frames[i].header.stream != AUDIT_CHANGES) {
            disk.files[1].data[frames[i].end - 1] ^= 1;
            for (unsigned turn = 0; turn < 20; turn++) {
                expect(AUDIT_FAULT_BODY, AUDIT_SOUND);
                assert_int_equal(verdict.integrity.from, frames[i].header.number);
                assert_int_equal(verdict.integrity.at, frames[i].at);
            }
            disk.files[1].data[frames[i].end - 1] ^= 1;
        }
    }
}

/* One thread has several bodies at once, whose digests it makes side by side: none is taken for
 * another, and each has its tree looked at. */
static void bodies_that_are_verified_at_once_are_told_apart(void **state)
{
    const struct audit_verify_options options = {.key = &maker.key, .deep = true, .threads = 1};
    struct frame frames[32];
    const size_t count = frames_of(1, frames, 32);
    unsigned trees = 0;

    (void)state;
    for (unsigned turn = 0; turn < 100; turn++) {
        assert_int_equal(audit_verify(&files, &options, &verdict), 0);
        assert_int_equal(verdict.integrity.fault, AUDIT_SOUND);
    }
    for (size_t i = 0; i < count; i++) {
        if (frames[i].kind == AUDIT_ITEM_BLOCK && frames[i].header.stream != AUDIT_CHANGES) {
            resign(1, frames[i].at, another_tree);
            expect(AUDIT_FAULT_TREE, AUDIT_SOUND);
            assert_int_equal(verdict.integrity.from, frames[i].header.number);
            resign(1, frames[i].at, another_tree); /* as it was */
            trees++;
        }
    }
    assert_true(trees > 0);
    expect(AUDIT_SOUND, AUDIT_SOUND);
}

static void removed_events_are_to_be_recorded(void **state)
{
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    struct frame frames[32];
    struct audit_row row = {.present = 0};
    const uint64_t now = T0 + UINT64_C(100000000);

    (void)state;
    assert_true(frames_of(1, frames, 32) > 1);
    take_out(1, frames[0].at + AUDIT_FRAME_OCTETS + AUDIT_HEADER_OCTETS, frames[0].end);
    audit_frame_put(AUDIT_FRAME_REMOVED, AUDIT_HEADER_OCTETS,
                    disk.files[1].data + frames[0].at);
    expect(AUDIT_SOUND, AUDIT_FAULT_REMOVED);
    assert_int_equal(audit_log_open(&files, &maker.settings, now, 5, &log, &opened), 0);
    audit_row_number(&row, AUDIT_TIME, now);
    audit_row_text(&row, AUDIT_WHAT, "removed");
    audit_row_number(&row, AUDIT_STREAM, frames[0].header.stream);
    audit_row_number(&row, AUDIT_FROM, frames[0].header.number);
    audit_row_number(&row, AUDIT_TO, frames[0].header.number);
    assert_int_equal(audit_log_add(log, AUDIT_CHANGES, &row, now), 0);
    assert_int_equal(audit_log_close(log, NULL, now), 0);
    expect(AUDIT_SOUND, AUDIT_SOUND);
    assert_int_equal(verdict.removed, 1);
}

/* What stands behind the newest checkpoint can be written without a key. */
static void add_unsigned(const struct audit_row *row, uint64_t now)
{
    struct audit_log_opened opened;
    struct audit_log *log = NULL;

    assert_int_equal(audit_log_open(&files, &maker.settings, now, 5, &log, &opened), 0);
    assert_int_equal(audit_log_add(log, AUDIT_CHANGES, row, now), 0);
    assert_int_equal(audit_log_tick(log, NULL, now + 2000000), 0);
    audit_log_abandon(log);
    disk.locked = false;
}

static void a_removal_that_nobody_has_signed_is_no_removal(void **state)
{
    struct audit_row row = {.present = 0};
    struct frame frames[32];
    const uint64_t now = T0 + UINT64_C(100000000);

    (void)state;
    assert_true(frames_of(1, frames, 32) > 1);
    take_out(1, frames[0].at + AUDIT_FRAME_OCTETS + AUDIT_HEADER_OCTETS, frames[0].end);
    audit_frame_put(AUDIT_FRAME_REMOVED, AUDIT_HEADER_OCTETS,
                    disk.files[1].data + frames[0].at);
    audit_row_number(&row, AUDIT_TIME, now);
    audit_row_text(&row, AUDIT_WHAT, "removed");
    audit_row_number(&row, AUDIT_STREAM, frames[0].header.stream);
    audit_row_number(&row, AUDIT_FROM, frames[0].header.number);
    audit_row_number(&row, AUDIT_TO, frames[0].header.number);
    add_unsigned(&row, now);
    expect(AUDIT_SOUND, AUDIT_FAULT_REMOVED);
    assert_int_equal(verdict.blocks, verdict.signed_blocks + 1);
    /* A checkpoint that comes later does. */
    change_row(now + 3000000, "start", &row);
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    assert_int_equal(audit_log_open(&files, &maker.settings, now, 6, &log, &opened), 0);
    assert_int_equal(audit_log_add(log, AUDIT_CHANGES, &row, now + 3000000), 0);
    assert_int_equal(audit_log_close(log, NULL, now + 3000000), 0);
    expect(AUDIT_SOUND, AUDIT_SOUND);
}

static void changes_are_never_removed(void **state)
{
    struct audit_row row = {.present = 0};
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    struct frame frames[32];
    const size_t count = frames_of(3, frames, 32);
    const struct frame *last = &frames[count - 2];
    const uint64_t now = T0 + UINT64_C(100000000);

    (void)state;
    assert_int_equal(last->header.stream, AUDIT_CHANGES);
    assert_int_equal(audit_log_open(&files, &maker.settings, now, 5, &log, &opened), 0);
    audit_row_number(&row, AUDIT_TIME, now);
    audit_row_text(&row, AUDIT_WHAT, "removed");
    audit_row_number(&row, AUDIT_STREAM, AUDIT_CHANGES);
    audit_row_number(&row, AUDIT_FROM, 0);
    audit_row_number(&row, AUDIT_TO, last->header.number);
    assert_int_equal(audit_log_add(log, AUDIT_CHANGES, &row, now), 0);
    assert_int_equal(audit_log_close(log, NULL, now), 0);
    expect(AUDIT_SOUND, AUDIT_SOUND);
    take_out(3, last->at + AUDIT_FRAME_OCTETS + AUDIT_HEADER_OCTETS, last->end);
    audit_frame_put(AUDIT_FRAME_REMOVED, AUDIT_HEADER_OCTETS, disk.files[3].data + last->at);
    expect(AUDIT_SOUND, AUDIT_FAULT_REMOVED);
}

/* Else whoever cuts a log needs no key to say that it was ended there. */
static void a_stop_that_nobody_has_signed_is_no_stop(void **state)
{
    struct audit_verify_options options = {
        .key = &maker.key, .now_us = T0 + UINT64_C(3600000000), .age_us = 120000000};
    struct audit_row row;

    (void)state;
    disk.files[3].exists = false;
    disk.files[3].size = 0;
    disk.head_len = checkpoint_of(2, disk.head, sizeof(disk.head));
    change_row(T0 + 20000000, "stop", &row);
    add_unsigned(&row, T0 + 20000000);
    assert_int_equal(audit_verify(&files, &options, &verdict), 0);
    assert_int_equal(verdict.completeness.fault, AUDIT_FAULT_STALE);
    assert_false(verdict.stopped);
}

static void nothing_signed_and_nothing_there_are_no_logs(void **state)
{
    struct frame frames[32];
    const size_t count = frames_of(1, frames, 32);

    (void)state;
    disk.files[2].exists = false;
    disk.files[3].exists = false;
    disk.head_len = 0;
    for (size_t i = 0; i < count; i++) {
        if (frames[i].kind == AUDIT_ITEM_CHECKPOINT) {
            disk.files[1].size = frames[i].at;
            break;
        }
    }
    expect(AUDIT_FAULT_UNSIGNED, AUDIT_SOUND);
    disk.files[1].exists = false;
    verify_log(&files, &maker.key, &verdict);
    assert_int_equal(verdict.completeness.fault, AUDIT_FAULT_MISSING_FILE);
}

static void a_proof_stands_alone(void **state)
{
    struct audit_proven proven;
    struct maker other;
    unsigned proofs = 0;

    (void)state;
    maker_init(&other, LOG_NAME);
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        char *text = NULL;
        size_t len = 0;

        for (uint64_t event = 0;; event++) {
            const int result = audit_prove(&files, &maker.key, (enum audit_stream)stream, event,
                                           NULL, 0, &text, &len);
            if (result == -ENOENT) {
                assert_int_equal(event, stream == AUDIT_CHANGES ? 1 : 35);
                break;
            }
            assert_int_equal(result, 0);
            assert_int_equal(audit_proof_verify(text, len, &maker.key, &proven), 0);
            assert_int_equal(proven.event, event);
            assert_int_equal(proven.header.stream, stream);
            if (stream != AUDIT_CHANGES) {
                assert_int_equal(proven.row.at[AUDIT_GENERATION].number, event);
            }
            audit_proven_free(&proven);
            assert_int_equal(audit_proof_verify(text, len, &other.key, &proven),
                             CORDON_E_UNTRUSTED);
            if (event == 17 && stream == AUDIT_DECISIONS) { /* each bit of one of them */
                for (size_t i = 0; i < 8 * len; i += 1) {
                    text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
                    assert_int_not_equal(audit_proof_verify(text, len, &maker.key, &proven), 0);
                    text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
                }
            }
            free(text);
            proofs++;
        }
    }
    assert_int_equal(proofs, 71);
    /* A damaged log proves nothing. */
    struct frame frames[32];
    char *text = NULL;
    size_t len = 0;
    assert_true(frames_of(1, frames, 32) > 1);
    disk.files[1].data[frames[0].at + AUDIT_FRAME_OCTETS + 48] ^= 1;
    assert_int_equal(audit_prove(&files, &maker.key, AUDIT_DECISIONS, 0, NULL, 0, &text, &len),
                     CORDON_E_CORRUPT);
}

/* The extra of a proof, to be changed and written again. */
struct opened {
    uint8_t octets[AUDIT_PROOF_MAX];
    size_t len;
    const char *rest; /* what follows it in the text */
};

static void open_proof(const char *text, struct opened *out)
{
    const char *const extra = strstr(text, "extra ") + 6;

    out->rest = strchr(extra, '\n');
    assert_true(trust_base64_decode(extra, (size_t)(out->rest - extra), out->octets,
                                    sizeof(out->octets), &out->len));
}

static int verify_opened(const struct opened *opened)
{
    char *text = malloc(2 * (size_t)AUDIT_PROOF_MAX);
    char *extra = malloc(2 * (size_t)AUDIT_PROOF_MAX);
    struct audit_proven proven;

    trust_base64_encode(opened->octets, opened->len, extra, 2 * (size_t)AUDIT_PROOF_MAX);
    const int len = snprintf(text, 2 * (size_t)AUDIT_PROOF_MAX,
                             "c2sp.org/tlog-proof@v1\nextra %s%s", extra, opened->rest);
    const int result = audit_proof_verify(text, (size_t)len, &maker.key, &proven);
    if (result == 0) {
        audit_proven_free(&proven);
    }
    free(text);
    free(extra);
    return result;
}

/* Where the salt begins in an extra: behind 256 + 7 octets and the digests. */
static size_t salt_at(const struct opened *opened)
{
    return 263 + (size_t)DIGEST_OCTETS * little_get16(opened->octets + 261);
}

static void a_proof_opens_its_own_event_alone(void **state)
{
    static struct opened opened[2]; /* of two events of one block */
    static struct opened mixed;
    char *text[2];
    size_t len = 0;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(
            audit_prove(&files, &maker.key, AUDIT_QUERIES, i, NULL, 0, &text[i], &len), 0);
        open_proof(text[i], &opened[i]);
        assert_int_equal(little_get32(opened[i].octets + 257), i);
        assert_int_equal(verify_opened(&opened[i]), 0);
    }
    assert_memory_equal(opened[0].octets, opened[1].octets, 257); /* of one block, so */
    const size_t at = salt_at(&opened[0]);
    assert_int_equal(at, salt_at(&opened[1]));
    /* Behind the salt is one event, in its canonical form, and nothing else. */
    struct audit_row row;
    assert_true(audit_row_decode(opened[0].octets + at + AUDIT_LEAF_SALT,
                                 opened[0].len - at - AUDIT_LEAF_SALT, &row));
    assert_int_equal(row.at[AUDIT_GENERATION].number, 0);
    /* Whoever has guessed the neighbour cannot see it in the proof: not without its salt, and
     * not with this one's. */
    uint8_t leaf[DIGEST_OCTETS];
    const uint8_t *const guess = opened[1].octets + at + AUDIT_LEAF_SALT;
    const size_t guess_len = opened[1].len - at - AUDIT_LEAF_SALT;
    const uint8_t none[AUDIT_LEAF_SALT] = {0};
    assert_true(audit_row_decode(guess, guess_len, &row));
    audit_leaf(opened[1].octets + at, &row, leaf); /* it is the first beside */
    assert_memory_equal(leaf, opened[0].octets + 263, DIGEST_OCTETS);
    audit_leaf(opened[0].octets + at, &row, leaf);
    assert_memory_not_equal(leaf, opened[0].octets + 263, DIGEST_OCTETS);
    audit_leaf(none, &row, leaf);
    assert_memory_not_equal(leaf, opened[0].octets + 263, DIGEST_OCTETS);
    /* The salt of another, another's number, another version, no salt. */
    mixed = opened[0];
    memcpy(mixed.octets + at, opened[1].octets + at, AUDIT_LEAF_SALT);
    assert_int_equal(verify_opened(&mixed), CORDON_E_CORRUPT);
    mixed = opened[0];
    little_put32(mixed.octets + 257, 1);
    assert_int_equal(verify_opened(&mixed), CORDON_E_CORRUPT);
    little_put32(mixed.octets + 257, UINT32_MAX);
    assert_int_equal(verify_opened(&mixed), CORDON_E_FORMAT);
    for (uint8_t version = 0; version < 6; version++) {
        mixed = opened[0];
        mixed.octets[0] = version;
        assert_int_equal(verify_opened(&mixed), version == 4 ? 0 : CORDON_E_VERSION);
    }
    mixed = opened[0];
    memmove(mixed.octets + at, mixed.octets + at + AUDIT_LEAF_SALT,
            mixed.len - at - AUDIT_LEAF_SALT);
    mixed.len -= AUDIT_LEAF_SALT;
    assert_int_equal(verify_opened(&mixed), CORDON_E_CORRUPT);
    mixed = opened[0];
    mixed.len = at + AUDIT_LEAF_SALT - 1;
    assert_int_equal(verify_opened(&mixed), CORDON_E_FORMAT);
    mixed.len++; /* a salt, and no event */
    assert_int_equal(verify_opened(&mixed), CORDON_E_CORRUPT);
    free(text[0]);
    free(text[1]);
}

static void a_file_of_another_version_is_named(void **state)
{
    static const struct {
        uint8_t version;
        const char *said;
    } others[] = {{5, "version 5"}, {1, "version 1"}, {2, "version 2"}, {3, "version 3"}};
    struct audit_log_settings settings = maker.settings;
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    char *text = NULL;
    size_t len = 0;

    (void)state;
    settings.secret = &maker.secret;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        for (uint32_t number = 1; number < DISK_FILES && disk.files[number].exists; number++) {
            disk.files[number].data[4] = others[i].version;
        }
        verify_log(&files, &maker.key, &verdict);
        assert_int_equal(verdict.integrity.fault, AUDIT_FAULT_VERSION);
        assert_string_equal(audit_fault_word(verdict.integrity.fault), "another-version");
        assert_non_null(strstr(verdict.integrity.text, others[i].said));
        assert_int_equal(
            audit_prove(&files, &maker.key, AUDIT_DECISIONS, 0, NULL, 0, &text, &len),
            CORDON_E_VERSION);
        /* It is not gone on with, and nothing of it is cut, be it as short as a head. */
        assert_int_equal(audit_log_open(&files, &settings, T0, 78, &log, &opened),
                         CORDON_E_VERSION);
        disk.locked = false;
    }
    for (uint32_t number = 2; number < DISK_FILES; number++) {
        disk.files[number].exists = false;
    }
    disk.head_len = 0;
    disk.files[1].size = 136;
    assert_int_equal(audit_log_open(&files, &settings, T0, 78, &log, &opened),
                     CORDON_E_VERSION);
    assert_int_equal(disk.files[1].size, 136);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(an_untouched_log_is_sound),
        TEST(one_bit_anywhere_is_found),
        TEST(a_block_that_was_taken_out_is_missing),
        TEST(blocks_in_another_order_are_found),
        TEST(a_block_that_was_put_in_is_found),
        TEST(a_cut_end_is_found),
        TEST(an_idle_checkpoint_that_was_cut_is_missing),
        TEST(a_missing_file_is_named),
        TEST(an_old_file_that_was_put_back_is_found),
        TEST(two_writers_are_found),
        TEST(another_key_is_found),
        TEST(what_the_owner_of_the_key_does_is_found_too),
        TEST(the_first_fault_is_the_first_in_the_log),
        TEST(bodies_that_are_verified_at_once_are_told_apart),
        TEST(removed_events_are_to_be_recorded),
        TEST(a_removal_that_nobody_has_signed_is_no_removal),
        TEST(changes_are_never_removed),
        TEST(a_stop_that_nobody_has_signed_is_no_stop),
        TEST(nothing_signed_and_nothing_there_are_no_logs),
        TEST(a_proof_stands_alone),
        TEST(a_proof_opens_its_own_event_alone),
        TEST(a_file_of_another_version_is_named),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
