/*
 * policy/slot.h - handing a new snapshot to running readers, and freeing the old one.
 *
 * One publisher, N readers (the workers and the writer of events). A reader adopts the current
 * snapshot between two callbacks of its loop and uses it as its own until it adopts again.
 * Adopting says "I no longer use the one before", so the publisher frees the old one when all
 * have adopted. The read side has no lock, no reference count and no atomic operation.
 */
#ifndef CORDON_POLICY_SLOT_H
#define CORDON_POLICY_SLOT_H

#include <stdbool.h>
#include <stdint.h>

struct policy_slot; /* opaque */

/*
 * Makes a slot for readers 0 to readers - 1 that holds snapshot (which it takes over and frees
 * with release). NULL if out of memory: snapshot is then still the caller's.
 */
struct policy_slot *policy_slot_create(unsigned readers, void *snapshot,
                                       void (*release)(void *snapshot));

/* Frees the slot and all it holds. No reader may be running. NULL is fine. */
void policy_slot_destroy(struct policy_slot *slot);

/*
 * Publisher only. Makes snapshot the current one and takes it over; 0.
 * -EBUSY if the one before the current is still in use: snapshot stays the caller's, who tries
 * again after policy_slot_reclaim(). So at most two are ever alive. After a success, wake
 * every reader (uv_async_send) so that idle ones adopt too.
 */
int policy_slot_publish(struct policy_slot *slot, void *snapshot);

/* Publisher only. Frees the replaced snapshot if it can. True if none is left to free. */
bool policy_slot_reclaim(struct policy_slot *slot);

/* Reader only, between callbacks. Returns the current snapshot, borrowed until this reader's
 * next call; whatever it returned before may be freed from now on. */
void *policy_slot_adopt(struct policy_slot *slot, unsigned reader);

/* Any thread. The number of the current snapshot (1 for the first, one more for each
 * publish), and whether readers 0 to readers - 1 have all adopted that number or a later one.
 */
uint64_t policy_slot_number(const struct policy_slot *slot);
bool policy_slot_adopted(const struct policy_slot *slot, unsigned readers, uint64_t number);

/* The current snapshot, for the publisher's own use (status): borrowed until it publishes. */
void *policy_slot_current(const struct policy_slot *slot);

#endif
