#include "policy/slot.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A cache line each: readers write their own, and only the publisher reads them all. */
struct slot_ack {
    _Alignas(64) _Atomic uint64_t number;
};

struct policy_slot {
    _Atomic(void *) current;
    _Atomic uint64_t number; /* stored after current: seeing it means seeing that snapshot */
    void *retired;           /* publisher's own */
    void (*release)(void *snapshot);
    unsigned readers;
    struct slot_ack acks[];
};

struct policy_slot *policy_slot_create(unsigned readers, void *snapshot,
                                       void (*release)(void *snapshot))
{
    const size_t size = sizeof(struct policy_slot) + readers * sizeof(struct slot_ack);
    struct policy_slot *slot = aligned_alloc(64, size);

    if (slot == NULL) {
        return NULL;
    }
    atomic_init(&slot->current, snapshot);
    atomic_init(&slot->number, 1);
    slot->retired = NULL;
    slot->release = release;
    slot->readers = readers;
    for (unsigned i = 0; i < readers; i++) {
        atomic_init(&slot->acks[i].number, 0);
    }
    return slot;
}

void policy_slot_destroy(struct policy_slot *slot)
{
    if (slot == NULL) {
        return;
    }
    if (slot->retired != NULL) {
        slot->release(slot->retired);
    }
    slot->release(atomic_load(&slot->current));
    free(slot);
}

int policy_slot_publish(struct policy_slot *slot, void *snapshot)
{
    if (!policy_slot_reclaim(slot)) {
        return -EBUSY;
    }
    slot->retired = atomic_load_explicit(&slot->current, memory_order_relaxed);
    atomic_store_explicit(&slot->current, snapshot, memory_order_release);
    atomic_fetch_add_explicit(&slot->number, 1, memory_order_release);
    return 0;
}

bool policy_slot_reclaim(struct policy_slot *slot)
{
    if (slot->retired == NULL) {
        return true;
    }
    if (!policy_slot_adopted(slot, slot->readers, policy_slot_number(slot))) {
        return false;
    }
    slot->release(slot->retired);
    slot->retired = NULL;
    return true;
}

void *policy_slot_adopt(struct policy_slot *slot, unsigned reader)
{
    /* A snapshot newer than the number is fine: the number is adopted at the next call, and
     * until then the publisher cannot retire this one, since that needs a further publish. */
    const uint64_t now = atomic_load_explicit(&slot->number, memory_order_acquire);
    void *snapshot = atomic_load_explicit(&slot->current, memory_order_acquire);

    atomic_store_explicit(&slot->acks[reader].number, now, memory_order_release);
    return snapshot;
}

uint64_t policy_slot_number(const struct policy_slot *slot)
{
    return atomic_load_explicit(&slot->number, memory_order_acquire);
}

bool policy_slot_adopted(const struct policy_slot *slot, unsigned readers, uint64_t number)
{
    for (unsigned i = 0; i < readers && i < slot->readers; i++) {
        if (atomic_load_explicit(&slot->acks[i].number, memory_order_acquire) < number) {
            return false;
        }
    }
    return true;
}

void *policy_slot_current(const struct policy_slot *slot)
{
    return atomic_load_explicit(&slot->current, memory_order_acquire);
}
