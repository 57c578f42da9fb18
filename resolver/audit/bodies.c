#include "audit/bodies.h"

#include "base/error.h"
#include "base/invariant.h"
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct audit_body_room {
    struct audit_block *block;
    uint8_t (*leaves)[DIGEST_OCTETS];
    uint32_t leaf_room;
};

struct audit_body_room *audit_body_room_create(void)
{
    struct audit_body_room *room = calloc(1, sizeof(*room));

    if (room != NULL) {
        room->block = audit_block_create();
        if (room->block == NULL) {
            free(room);
            room = NULL;
        }
    }
    return room;
}

void audit_body_room_destroy(struct audit_body_room *room)
{
    if (room != NULL) {
        audit_block_destroy(room->block);
        free(room->leaves);
        free(room);
    }
}

struct audit_block *audit_body_block(struct audit_body_room *room)
{
    return room->block;
}

/* 0; CORDON_E_CORRUPT; -ENOMEM. */
static int make_leaves(struct audit_body_room *room, uint32_t count)
{
    if (count > room->leaf_room) {
        void *more = realloc(room->leaves, count * sizeof(*room->leaves));

        if (more == NULL) {
            return -ENOMEM;
        }
        room->leaves = more;
        room->leaf_room = count;
    }
    return audit_block_leaves(room->block, room->leaves);
}

static int look_deep(struct audit_body_room *room, const struct audit_header *header,
                     const uint8_t *body)
{
    const uint32_t leaves = header->events;
    uint8_t root[DIGEST_OCTETS];
    int result = audit_block_open(room->block, header, body, header->body_len);

    if (result == 0) {
        result = audit_block_load(room->block, UINT64_MAX);
    }
    if (result == 0) {
        result = make_leaves(room, leaves);
    }
    if (result == 0) {
        audit_events_root(room->leaves, leaves, root);
        result = digest_equal(root, header->tree) ? 0 : CORDON_E_CORRUPT;
    }
    return result;
}

enum audit_body_result audit_body_verify(struct audit_body_room *room,
                                         const struct audit_header *header, const uint8_t *body,
                                         bool deep)
{
    if (!audit_body_is(header, body)) {
        return AUDIT_BODY_CHANGED;
    }
    switch (deep ? look_deep(room, header, body) : 0) {
    case 0:
        return AUDIT_BODY_GOOD;
    case -ENOMEM:
        return AUDIT_BODY_NO_MEMORY;
    default:
        return AUDIT_BODY_OTHER_TREE;
    }
}

/* --- threads --- */

enum slot_state {
    SLOT_FREE,
    SLOT_FILLED, /* waits for a thread */
    SLOT_TAKEN,
    SLOT_DONE
};

struct slot {
    enum slot_state state;
    uint8_t *octets;
    size_t room;
    struct audit_body_done job;
};

/* Two for each thread: one is read while the other is verified. */
#define SLOTS_MAX (2 * AUDIT_VERIFY_THREADS_MAX)

struct audit_bodies {
    bool deep, ends;
    unsigned thread_count, slot_count;
    pthread_t threads[AUDIT_VERIFY_THREADS_MAX];
    pthread_mutex_t mutex; /* covers states and ends */
    pthread_cond_t filled, finished;
    struct slot slots[SLOTS_MAX];
    struct slot *at_hand; /* the caller fills it */
};

static struct slot *find_slot(struct audit_bodies *bodies, enum slot_state state)
{
    for (unsigned i = 0; i < bodies->slot_count; i++) {
        if (bodies->slots[i].state == state) {
            return &bodies->slots[i];
        }
    }
    return NULL;
}

static void *run(void *context)
{
    struct audit_bodies *bodies = context;
    struct audit_body_room *room = audit_body_room_create();

    pthread_mutex_lock(&bodies->mutex);
    for (;;) {
        struct slot *slot = find_slot(bodies, SLOT_FILLED);

        if (slot == NULL && bodies->ends) {
            break;
        }
        if (slot == NULL) {
            pthread_cond_wait(&bodies->filled, &bodies->mutex);
            continue;
        }
        slot->state = SLOT_TAKEN;
        pthread_mutex_unlock(&bodies->mutex);
        slot->job.result = room == NULL ? AUDIT_BODY_NO_MEMORY
                                        : audit_body_verify(room, &slot->job.header,
                                                            slot->octets, bodies->deep);
        pthread_mutex_lock(&bodies->mutex);
        slot->state = SLOT_DONE;
        pthread_cond_signal(&bodies->finished);
    }
    pthread_mutex_unlock(&bodies->mutex);
    audit_body_room_destroy(room);
    return NULL;
}

struct audit_bodies *audit_bodies_create(unsigned threads, bool deep)
{
    struct audit_bodies *bodies = calloc(1, sizeof(*bodies));

    if (bodies == NULL) {
        return NULL;
    }
    threads = threads < AUDIT_VERIFY_THREADS_MAX ? threads : AUDIT_VERIFY_THREADS_MAX;
    bodies->deep = deep;
    pthread_mutex_init(&bodies->mutex, NULL);
    pthread_cond_init(&bodies->filled, NULL);
    pthread_cond_init(&bodies->finished, NULL);
    while (bodies->thread_count < threads &&
           thread_start(&bodies->threads[bodies->thread_count], "verify", run, bodies) == 0) {
        bodies->thread_count++;
    }
    if (bodies->thread_count == 0) {
        audit_bodies_destroy(bodies);
        return NULL;
    }
    pthread_mutex_lock(&bodies->mutex);
    bodies->slot_count = 2 * bodies->thread_count;
    pthread_mutex_unlock(&bodies->mutex);
    return bodies;
}

void audit_bodies_destroy(struct audit_bodies *bodies)
{
    if (bodies == NULL) {
        return;
    }
    pthread_mutex_lock(&bodies->mutex);
    bodies->ends = true;
    pthread_cond_broadcast(&bodies->filled);
    pthread_mutex_unlock(&bodies->mutex);
    for (unsigned i = 0; i < bodies->thread_count; i++) {
        pthread_join(bodies->threads[i], NULL);
    }
    for (unsigned i = 0; i < SLOTS_MAX; i++) {
        free(bodies->slots[i].octets);
    }
    pthread_cond_destroy(&bodies->filled);
    pthread_cond_destroy(&bodies->finished);
    pthread_mutex_destroy(&bodies->mutex);
    free(bodies);
}

uint8_t *audit_bodies_room(struct audit_bodies *bodies, uint32_t len,
                           void (*done)(void *context, const struct audit_body_done *done),
                           void *context)
{
    struct slot *slot = NULL;

    pthread_mutex_lock(&bodies->mutex);
    for (;;) {
        struct slot *const finished = find_slot(bodies, SLOT_DONE);

        if (finished != NULL) {
            done(context, &finished->job);
            finished->state = SLOT_FREE;
        }
        slot = find_slot(bodies, SLOT_FREE);
        if (slot != NULL) {
            break;
        }
        pthread_cond_wait(&bodies->finished, &bodies->mutex);
    }
    pthread_mutex_unlock(&bodies->mutex);
    if (slot->room < len) {
        uint8_t *more = realloc(slot->octets, len);

        if (more == NULL) {
            return NULL;
        }
        slot->octets = more;
        slot->room = len;
    }
    bodies->at_hand = slot;
    return slot->octets;
}

void audit_bodies_hand(struct audit_bodies *bodies, const struct audit_item *item,
                       uint64_t number)
{
    struct slot *slot = bodies->at_hand;

    invariant(slot != NULL && slot->room >= item->header.body_len);
    slot->job = (struct audit_body_done){
        .number = number, .header = item->header, .file = item->file, .at = item->at};
    bodies->at_hand = NULL;
    pthread_mutex_lock(&bodies->mutex);
    slot->state = SLOT_FILLED;
    pthread_cond_signal(&bodies->filled);
    pthread_mutex_unlock(&bodies->mutex);
}

void audit_bodies_finish(struct audit_bodies *bodies,
                         void (*done)(void *context, const struct audit_body_done *done),
                         void *context)
{
    pthread_mutex_lock(&bodies->mutex);
    for (;;) {
        struct slot *const finished = find_slot(bodies, SLOT_DONE);

        if (finished != NULL) {
            done(context, &finished->job);
            finished->state = SLOT_FREE;
        } else if (find_slot(bodies, SLOT_FILLED) != NULL ||
                   find_slot(bodies, SLOT_TAKEN) != NULL) {
            pthread_cond_wait(&bodies->finished, &bodies->mutex);
        } else {
            break;
        }
    }
    pthread_mutex_unlock(&bodies->mutex);
}
