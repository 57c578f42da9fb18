/* base/ring: build with -fsanitize=thread as well as with -fsanitize=address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/ring.h"

#include "base/random.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define SIZE 4096

/* A record of len octets that can be told from every other. False if the ring is full. */
static bool put(struct ring *ring, uint32_t number, size_t len)
{
    uint8_t *at = ring_reserve(ring, len);

    if (at == NULL) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)(number * 31 + i);
    }
    ring_commit(ring, len);
    return true;
}

static bool is_record(const uint8_t *at, uint32_t number, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (at[i] != (uint8_t)(number * 31 + i)) {
            return false;
        }
    }
    return true;
}

static void records_come_out_whole_and_in_order(void **state)
{
    struct ring *ring = ring_create(SIZE);
    size_t len = 0;

    (void)state;
    assert_non_null(ring);
    assert_null(ring_peek(ring, &len));
    for (uint32_t i = 0; i < 20; i++) {
        assert_true(put(ring, i, i * 7));
    }
    for (uint32_t i = 0; i < 20; i++) {
        const uint8_t *at = ring_peek(ring, &len);
        assert_non_null(at);
        assert_int_equal(len, i * 7);
        assert_int_equal((uintptr_t)at % 8, 0);
        assert_true(is_record(at, i, len));
        assert_ptr_equal(ring_peek(ring, &len), at); /* peeking takes nothing */
        ring_release(ring);
    }
    assert_null(ring_peek(ring, &len));
    assert_int_equal(ring_used(ring), 0);
    ring_destroy(ring);
}

static size_t resident(void)
{
    unsigned long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &size, &pages), 2);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void an_empty_ring_gives_its_memory_back(void **state)
{
    enum {
        OCTETS = 64 << 20
    };
    struct ring *ring = ring_create(OCTETS);
    size_t len = 0;

    (void)state;
    for (uint32_t i = 0; ring_written(ring) < OCTETS - 8192; i++) {
        assert_true(put(ring, i, 4096));
    }
    const size_t full = resident();
    ring_trim(ring); /* not empty */
    for (uint32_t i = 0; ring_peek(ring, &len) != NULL; i++) {
        assert_true(is_record(ring_peek(ring, &len), i, 4096));
        ring_release(ring);
    }
    ring_trim(ring);
    assert_true(resident() + OCTETS / 2 < full);
    assert_true(put(ring, 1, 100));
    assert_true(is_record(ring_peek(ring, &len), 1, 100));
    ring_destroy(ring);
}

static void a_ring_gives_back_what_is_around_its_records(void **state)
{
    enum {
        OCTETS = 64 << 20,
        HALF = OCTETS / 2 / (4096 + 8)
    };
    struct ring *ring = ring_create(OCTETS);
    uint32_t first = 0;
    uint32_t next = 0;
    size_t len = 0;

    (void)state;
    assert_non_null(ring);
    while (put(ring, next, 4096)) {
        next++;
    }
    /* In its middle, then on both sides of its end. */
    for (unsigned round = 0; round < 2; round++) {
        const size_t full = resident();
        for (; next - first > 100 + round * HALF / 2; first++) {
            assert_true(is_record(ring_peek(ring, &len), first, 4096));
            ring_release(ring);
        }
        for (unsigned i = 0; round == 0 && i < 1000; i++) {
            assert_true(put(ring, next++, 4096));
            ring_release(ring_peek(ring, &len) != NULL ? ring : NULL);
            first++;
        }
        ring_trim(ring);
        assert_true(resident() + OCTETS / 4 < full);
        for (uint32_t i = first; i < next; i++) {
            assert_true(is_record(ring_peek(ring, &len), i, 4096));
            ring_release(ring);
            assert_true(put(ring, next + (i - first), 4096));
        }
        next += next - first;
        first += (next - first) / 2;
        while (put(ring, next, 4096)) {
            next++;
        }
    }
    for (; first < next; first++) {
        assert_true(is_record(ring_peek(ring, &len), first, 4096));
        ring_release(ring);
    }
    ring_destroy(ring);
}

static void a_ring_that_is_empty_at_times_touches_little(void **state)
{
    enum {
        OCTETS = 64 << 20,
        AT_ONCE = 40
    };
    struct ring *ring = ring_create(OCTETS);
    const size_t before = resident();
    uintptr_t least = UINTPTR_MAX;
    uintptr_t most = 0;
    uint32_t number = 0;
    size_t len = 0;

    (void)state;
    assert_non_null(ring);
    while (ring_written(ring) < 4 * (uint64_t)OCTETS) {
        const uint32_t first = number;

        for (uint32_t i = 0; i < 1 + first % AT_ONCE; i++) {
            assert_true(put(ring, number++, 300));
        }
        for (uint32_t i = first; i < number; i++) {
            const uint8_t *at = ring_peek(ring, &len);

            assert_true(is_record(at, i, 300));
            least = (uintptr_t)at < least ? (uintptr_t)at : least;
            most = (uintptr_t)at > most ? (uintptr_t)at : most;
            ring_release(ring);
        }
        assert_null(ring_peek(ring, &len)); /* it is seen that there is no more */
    }
    assert_true(most - least < AT_ONCE * 320);
    assert_true(resident() < before + (4 << 20));
    ring_destroy(ring);
}

static void nothing_is_seen_before_the_commit(void **state)
{
    struct ring *ring = ring_create(SIZE);
    size_t len = 0;

    (void)state;
    assert_non_null(ring_reserve(ring, 100));
    assert_null(ring_peek(ring, &len));
    assert_int_equal(ring_used(ring), 0);
    ring_commit(ring, 100);
    assert_non_null(ring_peek(ring, &len));
    assert_int_equal(len, 100);
    ring_destroy(ring);
}

static void fewer_octets_than_reserved_give_the_rest_back(void **state)
{
    struct ring *ring = ring_create(SIZE);
    size_t len = 0;
    unsigned records = 0;

    (void)state;
    for (;;) {
        uint8_t *at = ring_reserve(ring, SIZE / 4);
        if (at == NULL) {
            break;
        }
        *at = (uint8_t)records++;
        ring_commit(ring, 1);
    }
    assert_true(records > (SIZE - SIZE / 4 - 16) / 16 - 1); /* 16 octets each, not 1032 */
    for (unsigned i = 0; i < records; i++) {
        const uint8_t *at = ring_peek(ring, &len);
        assert_non_null(at);
        assert_int_equal(len, 1);
        assert_int_equal(*at, (uint8_t)i);
        ring_release(ring);
    }
    ring_destroy(ring);
}

static void a_full_ring_refuses_and_loses_nothing(void **state)
{
    struct ring *ring = ring_create(SIZE);
    uint32_t records = 0;
    size_t len = 0;

    (void)state;
    while (put(ring, records, 100)) {
        records++;
    }
    assert_int_equal(records, SIZE / (8 + 104)); /* a word before, padded to words */
    assert_true(ring_used(ring) <= SIZE);
    assert_false(put(ring, records, 100));
    for (uint32_t i = 0; i < records; i++) {
        const uint8_t *at = ring_peek(ring, &len);
        assert_non_null(at);
        assert_true(len == 100 && is_record(at, i, len));
        ring_release(ring);
        assert_true(put(ring, records + i, 100) || i < 2); /* the skip at the end costs room */
    }
    ring_destroy(ring);
}

static void a_record_larger_than_a_quarter_is_refused(void **state)
{
    struct ring *ring = ring_create(SIZE);

    (void)state;
    assert_null(ring_reserve(ring, SIZE / 4 + 1));
    assert_null(ring_reserve(ring, SIZE_MAX));
    assert_non_null(ring_reserve(ring, SIZE / 4));
    ring_commit(ring, 0);
    ring_destroy(ring);
}

static void an_empty_ring_takes_the_largest_record_at_every_place(void **state)
{
    struct ring *ring = ring_create(SIZE);
    size_t len = 0;

    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        /* Odd steps bring the border of the ring to each possible place in a record. */
        assert_true(put(ring, i, i % 3 == 0 ? 24 : SIZE / 4 - 8 * (i % 7)));
        const uint8_t *at = ring_peek(ring, &len);
        assert_non_null(at);
        assert_true(is_record(at, i, len));
        ring_release(ring);
        assert_int_equal(ring_used(ring), 0);
    }
    ring_destroy(ring);
}

static void sizes_are_rounded_up_to_a_power_of_two(void **state)
{
    static const struct {
        size_t asked;
        size_t quarter;
    } rows[] = {{0, 1024}, {1, 1024}, {4096, 1024}, {4097, 2048}, {100000, 32768}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ring *ring = ring_create(rows[i].asked);
        assert_non_null(ring);
        assert_null(ring_reserve(ring, rows[i].quarter + 1));
        assert_non_null(ring_reserve(ring, rows[i].quarter));
        ring_destroy(ring);
    }
    assert_null(ring_create(SIZE_MAX));
    assert_null(ring_create(SIZE_MAX / 2));
    ring_destroy(NULL);
}

/* Records behind the oldest, which is borrowed, whose number is first: how many there are, if
 * all are what they should be. lengths: of number n at n % 16384. */
static uint32_t count_behind(const struct ring *ring, const uint8_t *oldest, uint32_t first,
                             const size_t *lengths)
{
    uint32_t count = 0;
    size_t len = 0;

    for (const uint8_t *at = ring_peek_behind(ring, oldest, &len); at != NULL;
         at = ring_peek_behind(ring, at, &len)) {
        count++;
        assert_int_equal(len, lengths[(first + count) % 16384]);
        assert_true(is_record(at, first + count, len));
    }
    return count;
}

static void behaves_like_a_queue(size_t size)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = {42};
    struct ring *ring = ring_create(size);
    static size_t lengths[16384];
    uint32_t emptied = 0;
    uint32_t first = 0;
    uint32_t next = 0;
    uint32_t refused = 0;
    uint32_t known = 0; /* records that there were when the ring was last looked into */
    struct random random;

    random_init_seed(&random, seed);
    for (int i = 0; i < 200000; i++) {
        /* At times more is put than taken, at times less, so that it is full, and empty. */
        const bool puts = random_below(&random, 8) < (i / (int)(size / 4) % 2 == 0 ? 5u : 3u);
        const size_t want = random_below(&random, SIZE / 4 + 1) >> random_below(&random, 8);
        if (i % 16 == 0) {
            ring_trim(ring); /* takes nothing from it */
        }
        if (puts) {
            if (put(ring, next, want)) {
                lengths[next++ % 16384] = want;
            } else {
                refused++;
                assert_true(ring_used(ring) + 2 * (want + 16) > size);
            }
        } else {
            size_t len = 0;
            const uint8_t *at = ring_peek(ring, &len);
            assert_int_equal(at != NULL, first != next);
            if (at != NULL) {
                assert_int_equal(len, lengths[first % 16384]);
                assert_true(is_record(at, first, len));
                known = first >= known ? next : known;
                assert_int_equal(count_behind(ring, at, first, lengths), known - first - 1);
                ring_release(ring);
                first++;
                emptied += first == next ? 1 : 0;
            }
        }
    }
    assert_true(refused > 100 && emptied > 10 && next > 10000);
    ring_destroy(ring);
}

static void behaves_like_a_queue_whatever_is_done(void **state)
{
    (void)state;
    for (size_t size = SIZE; size <= 16u * SIZE; size *= 4) {
        behaves_like_a_queue(size);
    }
}

enum {
    RECORDS = 100000
};

static void *produce(void *argument)
{
    struct ring *ring = argument;

    for (uint32_t i = 0; i < RECORDS;) {
        if (i % 64 == 0) {
            ring_trim(ring); /* while the other side looks for records */
        }
        if (put(ring, i, i % 61)) {
            i++;
        } else {
            (void)ring_used(ring);
            sched_yield();
        }
    }
    return NULL;
}

/* Small, it is full again and again; large, empty again and again, and begins anew. */
static void two_threads_agree_on_every_record(void **state)
{
    (void)state;
    for (size_t size = SIZE; size <= 256u * SIZE; size *= 16) {
        struct ring *ring = ring_create(size);
        pthread_t thread;
        uint32_t wrong = 0;

        assert_int_equal(pthread_create(&thread, NULL, produce, ring), 0);
        for (uint32_t i = 0; i < RECORDS;) {
            size_t len = 0;
            const uint8_t *at = ring_peek(ring, &len);
            if (at == NULL) {
                sched_yield();
                continue;
            }
            wrong += len == i % 61 && is_record(at, i, len) ? 0 : 1;
            wrong += ring_used(ring) > size ? 1 : 0;
            for (uint32_t ahead = i + 1;
                 (at = ring_peek_behind(ring, at, &len)) != NULL && ahead < i + 4; ahead++) {
                wrong += len == ahead % 61 && is_record(at, ahead, len) ? 0 : 1;
            }
            ring_release(ring);
            i++;
        }
        pthread_join(thread, NULL);
        assert_int_equal(wrong, 0);
        ring_destroy(ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_whole_and_in_order),
        cmocka_unit_test(an_empty_ring_gives_its_memory_back),
        cmocka_unit_test(a_ring_gives_back_what_is_around_its_records),
        cmocka_unit_test(a_ring_that_is_empty_at_times_touches_little),
        cmocka_unit_test(nothing_is_seen_before_the_commit),
        cmocka_unit_test(fewer_octets_than_reserved_give_the_rest_back),
        cmocka_unit_test(a_full_ring_refuses_and_loses_nothing),
        cmocka_unit_test(a_record_larger_than_a_quarter_is_refused),
        cmocka_unit_test(an_empty_ring_takes_the_largest_record_at_every_place),
        cmocka_unit_test(sizes_are_rounded_up_to_a_power_of_two),
        cmocka_unit_test(behaves_like_a_queue_whatever_is_done),
        cmocka_unit_test(two_threads_agree_on_every_record),
    };
    return cmocka_run_group_tests_name("base/ring", tests, NULL, NULL);
}
