/*
 * audit/bodies.h - the bodies of blocks, verified beside the reading of headers: their digests,
 * and, if asked to, the trees of their events made anew. Internal to the room.
 *
 * The caller reads and hands over, threads verify, and the caller takes the results, in any
 * order: each has the number that was given with it.
 */
#ifndef CORDON_AUDIT_BODIES_H
#define CORDON_AUDIT_BODIES_H

#include "audit/frame.h"

enum audit_body_result {
    AUDIT_BODY_GOOD,
    AUDIT_BODY_CHANGED,    /* it is not that of its header */
    AUDIT_BODY_OTHER_TREE, /* its events are not those of the header's tree */
    AUDIT_BODY_NO_MEMORY
};

/* One block, as it is unpacked and looked at: what a thread needs. */
struct audit_body_room;                                     /* opaque */
struct audit_body_room *audit_body_room_create(void);       /* NULL: no memory */
void audit_body_room_destroy(struct audit_body_room *room); /* NULL is fine */
/* Verifies header->body_len octets. deep: the tree as well. */
enum audit_body_result audit_body_verify(struct audit_body_room *room,
                                         const struct audit_header *header, const uint8_t *body,
                                         bool deep);
/* The block that was found good last by a deep verification; borrowed. No column is loaded. */
struct audit_block *audit_body_block(struct audit_body_room *room);

struct audit_bodies; /* opaque */

/* threads: at least 1; fewer are made if the system has no more. NULL: no memory, or none. */
struct audit_bodies *audit_bodies_create(unsigned threads, bool deep);
void audit_bodies_destroy(struct audit_bodies *bodies); /* NULL is fine; waits for all */

struct audit_body_done {
    uint64_t number;
    struct audit_header header;
    uint32_t file; /* of the block, and its place there */
    uint64_t at;
    enum audit_body_result result;
};

/* Hands over a body: the caller has filled body_len octets of what audit_bodies_room has given,
 * which it may wait for; NULL: no memory. done: what was finished meanwhile is told there. */
uint8_t *audit_bodies_room(struct audit_bodies *bodies, uint32_t len,
                           void (*done)(void *context, const struct audit_body_done *done),
                           void *context);
void audit_bodies_hand(struct audit_bodies *bodies, const struct audit_item *item,
                       uint64_t number);
/* Waits for all that is not finished. */
void audit_bodies_finish(struct audit_bodies *bodies,
                         void (*done)(void *context, const struct audit_body_done *done),
                         void *context);

#endif
