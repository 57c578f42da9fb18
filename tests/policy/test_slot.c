/* policy/slot: build with -fsanitize=thread as well as with -fsanitize=address. */
#include "policy/make.h"

#include "policy/slot.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum {
    READERS = 3,
    SWAPS = 2000
};

/* What is handed over: two numbers that only agree in a snapshot that is whole and alive. */
struct snapshot {
    uint64_t number, copy;
};

static struct snapshot *snapshot_of(uint64_t number)
{
    struct snapshot *snapshot = malloc(sizeof(*snapshot));

    assert_non_null(snapshot);
    *snapshot = (struct snapshot){number, ~number};
    return snapshot;
}

static void release(void *snapshot)
{
    /* Overwritten first, so that a reader that still looks sees two numbers that disagree. */
    memset(snapshot, 0, sizeof(struct snapshot));
    free(snapshot);
}

static void an_unadopted_snapshot_is_not_freed(void **state)
{
    struct policy_slot *slot = policy_slot_create(2, snapshot_of(1), release);
    struct snapshot *third = snapshot_of(3);

    (void)state;
    assert_int_equal(policy_slot_number(slot), 1);
    assert_false(policy_slot_adopted(slot, 2, 1));
    const struct snapshot *old = policy_slot_adopt(slot, 0);
    policy_slot_adopt(slot, 1);
    assert_true(policy_slot_adopted(slot, 2, 1));

    assert_int_equal(policy_slot_publish(slot, snapshot_of(2)), 0);
    assert_int_equal(policy_slot_number(slot), 2);
    assert_false(policy_slot_reclaim(slot));
    assert_int_equal(policy_slot_publish(slot, third), -EBUSY);
    assert_int_equal(policy_slot_number(slot), 2);
    assert_int_equal(old->number, 1);
    assert_int_equal(((const struct snapshot *)policy_slot_current(slot))->number, 2);

    policy_slot_adopt(slot, 0);
    assert_false(policy_slot_reclaim(slot));
    assert_true(policy_slot_adopted(slot, 1, 2)); /* of the first reader alone */
    assert_false(policy_slot_adopted(slot, 2, 2));
    policy_slot_adopt(slot, 1);
    assert_true(policy_slot_reclaim(slot));
    assert_int_equal(policy_slot_publish(slot, third), 0);
    policy_slot_destroy(slot); /* with one retired and one current */
}

static void a_slot_without_readers_frees_at_once(void **state)
{
    struct policy_slot *slot = policy_slot_create(0, snapshot_of(1), release);

    (void)state;
    for (uint64_t i = 2; i < 10; i++) {
        assert_int_equal(policy_slot_publish(slot, snapshot_of(i)), 0);
    }
    assert_int_equal(((const struct snapshot *)policy_slot_current(slot))->number, 9);
    policy_slot_destroy(slot);
    policy_slot_destroy(NULL);
}

struct reader {
    struct policy_slot *slot;
    atomic_bool *stop;
    unsigned index;
    uint64_t last;
    bool wrong;
};

static void *read_on(void *argument)
{
    struct reader *self = argument;

    while (!atomic_load_explicit(self->stop, memory_order_relaxed)) {
        const struct snapshot *snapshot = policy_slot_adopt(self->slot, self->index);

        for (int i = 0; i < 8; i++) {
            const uint64_t number = snapshot->number;

            self->wrong |= snapshot->copy != ~number || number < self->last;
            self->last = number;
        }
        sched_yield(); /* where a real worker blocks in its loop */
    }
    return NULL;
}

static void readers_see_whole_snapshots_in_order(void **state)
{
    struct policy_slot *slot = policy_slot_create(READERS, snapshot_of(1), release);
    struct reader readers[READERS];
    pthread_t threads[READERS];
    atomic_bool stop = false;

    (void)state;
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (struct reader){slot, &stop, i, 0, false};
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
    }
    for (uint64_t number = 2; number <= SWAPS; number++) {
        struct snapshot *snapshot = snapshot_of(number);

        while (policy_slot_publish(slot, snapshot) == -EBUSY) {
            sched_yield();
        }
        assert_int_equal(policy_slot_number(slot), number);
    }
    while (!policy_slot_adopted(slot, READERS, SWAPS)) {
        sched_yield();
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(readers[i].wrong);
    }
    assert_true(policy_slot_reclaim(slot));
    policy_slot_destroy(slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unadopted_snapshot_is_not_freed),
        cmocka_unit_test(a_slot_without_readers_frees_at_once),
        cmocka_unit_test(readers_see_whole_snapshots_in_order),
    };
    return cmocka_run_group_tests_name("policy/slot", tests, NULL, NULL);
}
