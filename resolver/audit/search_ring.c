/* audit/search_ring.c - blocks of a search are read, looked at by threads, and what was found
 * is shown in the order of the blocks. */
#include "audit/search_inside.h"

#include "base/error.h"
#include "base/invariant.h"
#include "base/thread.h"

#include <errno.h>
#include <stdlib.h>

/* Of a body, what is read before its filters have spoken. */
#define FIRST_OCTETS 65536u

/*
 * Threads.
 */

static void look(struct search_slot *slot)
{
    slot->result =
        audit_matcher_find(slot->matcher, &slot->header, slot->block, slot->hits, &slot->count);
}

static void *run(void *context)
{
    struct search *search = context;

    pthread_mutex_lock(&search->lock);
    for (;;) {
        while (!search->ends && search->taken == search->given) {
            pthread_cond_wait(&search->work, &search->lock);
        }
        if (search->ends) {
            break;
        }
        struct search_slot *slot = &search->slots[search->taken++ % search->slot_count];
        slot->state = SEARCH_SLOT_TAKEN;
        pthread_mutex_unlock(&search->lock);
        look(slot);
        pthread_mutex_lock(&search->lock);
        slot->state = SEARCH_SLOT_DONE;
        pthread_cond_signal(&search->done_one);
    }
    pthread_mutex_unlock(&search->lock);
    return NULL;
}

void search_start(struct search *search)
{
    while (search->thread_count < search->way.threads &&
           thread_start(&search->threads[search->thread_count], "search", run, search) == 0) {
        search->thread_count++;
    }
}

void search_end(struct search *search)
{
    pthread_mutex_lock(&search->lock);
    search->ends = true;
    pthread_cond_broadcast(&search->work);
    pthread_mutex_unlock(&search->lock);
    for (unsigned i = 0; i < search->thread_count; i++) {
        pthread_join(search->threads[i], NULL);
    }
}

bool search_slot_init(struct search_slot *slot, const struct audit_query *query)
{
    slot->block = audit_block_create();
    slot->matcher = audit_matcher_create(query);
    slot->hits = malloc(AUDIT_BLOCK_EVENTS_MAX * sizeof(*slot->hits));
    return slot->block != NULL && slot->matcher != NULL && slot->hits != NULL;
}

void search_slot_deinit(struct search_slot *slot)
{
    audit_block_destroy(slot->block);
    audit_matcher_destroy(slot->matcher);
    free(slot->hits);
    free(slot->body);
}

/*
 * What was found.
 */

/* The events of the block that come behind that of `after`: from *first to before *end. */
static void pass_after(struct search *search, const struct audit_header *header,
                       uint32_t *first, uint32_t *end)
{
    const struct audit_search_way *way = &search->way;

    *first = 0;
    *end = header->events;
    if (way->has_after && header->stream == way->after_stream &&
        way->after >= header->first_event &&
        way->after - header->first_event < header->events) {
        const uint32_t at = (uint32_t)(way->after - header->first_event);

        *first = way->newest_first ? 0 : at + 1;
        *end = way->newest_first ? at : header->events;
    }
}

static void show_slot(struct search *search, struct search_slot *slot)
{
    uint32_t first = 0;
    uint32_t end = 0;

    pass_after(search, &slot->header, &first, &end);
    for (uint32_t k = 0; k < slot->count && !search->stopped; k++) {
        const uint32_t i = slot->hits[search->way.newest_first ? slot->count - 1 - k : k];

        if (i < first || i >= end) {
            continue;
        }
        search->stats.found++;
        search->stopped = !search->found(search->context, &slot->header, slot->block, i);
    }
    if (search->way.shown != NULL) {
        search->way.shown(search->way.context, &slot->header, slot->block);
    }
}

int search_take_one(struct search *search)
{
    invariant(search->slot_count > 0);
    struct search_slot *slot = &search->slots[search->shown % search->slot_count];
    int result = 0;

    if (search->thread_count == 0) {
        look(slot);
    } else {
        pthread_mutex_lock(&search->lock);
        while (slot->state != SEARCH_SLOT_DONE) {
            pthread_cond_wait(&search->done_one, &search->lock);
        }
        pthread_mutex_unlock(&search->lock);
    }
    slot->state = SEARCH_SLOT_FREE;
    search->shown++;
    if (slot->result == CORDON_E_CORRUPT) {
        search->stats.damaged++;
    } else if (slot->result != 0) {
        result = slot->result;
    } else if (!search->stopped) {
        show_slot(search, slot);
    }
    return result;
}

static bool grow(uint8_t **body, size_t *size, size_t wanted)
{
    if (wanted > *size) {
        uint8_t *more = realloc(*body, wanted);

        if (more == NULL) {
            return false;
        }
        *body = more;
        *size = wanted;
    }
    return true;
}

/* Reads the octets that were not read yet, and looks at the directory. */
static int read_more(struct search *search, const struct audit_item *item,
                     struct search_slot *slot, size_t *have, size_t want)
{
    int result = grow(&slot->body, &slot->body_size, want) ? 0 : -ENOMEM;

    if (result == 0) {
        result = audit_reader_part(search->reader, item, *have, want, slot->body + *have);
    }
    if (result == 0) {
        *have = want;
        result = audit_block_open(slot->block, &item->header, slot->body, want);
    }
    return result;
}

int search_give(struct search *search, const struct audit_item *item)
{
    invariant(search->slot_count > 0);
    struct search_slot *slot = &search->slots[search->given % search->slot_count];
    const size_t all = item->header.body_len;
    size_t have = 0;
    int result = 0;

    if (search->given - search->shown == search->slot_count) {
        result = search_take_one(search);
        if (result != 0 || search->stopped) {
            return result;
        }
    }
    result = read_more(search, item, slot, &have, all < FIRST_OCTETS ? all : FIRST_OCTETS);
    if (result == -EAGAIN) {
        result = read_more(search, item, slot, &have, all);
    }
    if (result != 0 || !audit_query_may_have(search->query, slot->block)) {
        return result;
    }
    if (have < all) { /* whoever wants the event may want all of it */
        result = read_more(search, item, slot, &have, all);
    }
    if (result == 0 && search->query->checked && !audit_body_is(&item->header, slot->body)) {
        result = CORDON_E_CORRUPT;
    }
    if (result != 0) {
        return result;
    }
    search->stats.opened++;
    slot->header = item->header;
    pthread_mutex_lock(&search->lock);
    slot->state = SEARCH_SLOT_GIVEN;
    search->given++;
    pthread_cond_signal(&search->work);
    pthread_mutex_unlock(&search->lock);
    return 0;
}
