#include "audit/bodies.h"

#include "base/error.h"
#include "base/invariant.h"
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct audit_body_room {
    struct audit_block *block;
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
        free(room);
    }
}

struct audit_block *audit_body_block(struct audit_body_room *room)
{
    return room->block;
}

/* Of a body that is that of its header. */
static int look_deep(struct audit_body_room *room, const struct audit_header *header,
                     const uint8_t *body)
{
    uint8_t root[DIGEST_OCTETS];
    int result = audit_block_open(room->block, header, body, header->body_len);

    if (result == 0) {
        result = audit_block_root(room->block, root);
    }
    if (result == 0) {
        result = digest_equal(root, header->tree) ? 0 : CORDON_E_CORRUPT;
    }
    return result;
}

static enum audit_body_result verify_tree(struct audit_body_room *room,
                                          const struct audit_header *header,
                                          const uint8_t *body)
{
    switch (look_deep(room, header, body)) {
    case 0:
        return AUDIT_BODY_GOOD;
    case -ENOMEM:
        return AUDIT_BODY_NO_MEMORY;
    default:
        return AUDIT_BODY_OTHER_TREE;
    }
}

enum audit_body_result audit_body_verify(struct audit_body_room *room,
                                         const struct audit_header *header, const uint8_t *body,
                                         bool deep)
{
    if (!audit_body_is(header, body)) {
        return AUDIT_BODY_CHANGED;
    }
    return deep ? verify_tree(room, header, body) : AUDIT_BODY_GOOD;
}

/* --- threads --- */

enum slot_state {
    SLOT_FREE,
    SLOT_FILLED, /* waits for a thread */
    SLOT_TAKEN,  /* by one */
    SLOT_IS,     /* it is the body of its header, and waits again: for its tree */
    SLOT_DONE
};

struct slot {
    enum slot_state state;
    uint8_t *octets;
    size_t room;
    struct audit_body_done job;
};

/* Bodies whose digests are made at once: side by side they take a quarter of the time. */
#define AT_ONCE 8u

/* Two for each thread, one that is read while the other is verified, and those at once. */
#define SLOTS_MAX (2 * AUDIT_VERIFY_THREADS_MAX + AT_ONCE)

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

/* Takes up to AT_ONCE of those that are filled. */
static unsigned take_filled(struct audit_bodies *bodies, struct slot *taken[AT_ONCE])
{
    unsigned count = 0;

    for (unsigned i = 0; i < bodies->slot_count && count < AT_ONCE; i++) {
        if (bodies->slots[i].state == SLOT_FILLED) {
            bodies->slots[i].state = SLOT_TAKEN;
            taken[count++] = &bodies->slots[i];
        }
    }
    return count;
}

/* Whether each is the body of its header. */
static void compare(struct slot *const *slots, unsigned count)
{
    uint8_t digests[AT_ONCE][DIGEST_OCTETS];
    struct digest_buffer buffers[AT_ONCE];

    for (unsigned i = 0; i < count; i++) {
        buffers[i] =
            (struct digest_buffer){slots[i]->octets, slots[i]->job.header.body_len, digests[i]};
    }
    digest_of_uneven(buffers, count);
    for (unsigned i = 0; i < count; i++) {
        slots[i]->job.result = digest_equal(digests[i], slots[i]->job.header.body)
                                   ? AUDIT_BODY_GOOD
                                   : AUDIT_BODY_CHANGED;
    }
}

/* Both with the mutex held, which they let go meanwhile. */
static void compare_some(struct audit_bodies *bodies)
{
    struct slot *taken[AT_ONCE];
    const unsigned count = take_filled(bodies, taken);

    pthread_mutex_unlock(&bodies->mutex);
    compare(taken, count);
    pthread_mutex_lock(&bodies->mutex);
    for (unsigned i = 0; i < count; i++) {
        const bool goes_on = bodies->deep && taken[i]->job.result == AUDIT_BODY_GOOD;

        taken[i]->state = goes_on ? SLOT_IS : SLOT_DONE;
    }
    pthread_cond_broadcast(&bodies->filled);
    pthread_cond_signal(&bodies->finished);
}

static void make_tree(struct audit_bodies *bodies, struct audit_body_room *room,
                      struct slot *slot)
{
    slot->state = SLOT_TAKEN;
    pthread_mutex_unlock(&bodies->mutex);
    slot->job.result = room == NULL ? AUDIT_BODY_NO_MEMORY
                                    : verify_tree(room, &slot->job.header, slot->octets);
    pthread_mutex_lock(&bodies->mutex);
    slot->state = SLOT_DONE;
    pthread_cond_signal(&bodies->finished);
}

static void *run(void *context)
{
    struct audit_bodies *bodies = context;
    struct audit_body_room *room = audit_body_room_create();

    pthread_mutex_lock(&bodies->mutex);
    for (;;) {
        struct slot *const slot = find_slot(bodies, SLOT_IS);

        if (slot != NULL) {
            make_tree(bodies, room, slot);
        } else if (find_slot(bodies, SLOT_FILLED) != NULL) {
            compare_some(bodies);
        } else if (bodies->ends) {
            break;
        } else {
            pthread_cond_wait(&bodies->filled, &bodies->mutex);
        }
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
    bodies->slot_count = 2 * bodies->thread_count + AT_ONCE;
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
                   find_slot(bodies, SLOT_TAKEN) != NULL ||
                   find_slot(bodies, SLOT_IS) != NULL) {
            pthread_cond_wait(&bodies->finished, &bodies->mutex);
        } else {
            break;
        }
    }
    pthread_mutex_unlock(&bodies->mutex);
}
