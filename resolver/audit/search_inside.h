/*
 * audit/search_inside.h - what search.c and search_ring.c share: a search, and its ring of
 * blocks that are looked at.
 */
#ifndef CORDON_AUDIT_SEARCH_INSIDE_H
#define CORDON_AUDIT_SEARCH_INSIDE_H

#include "audit/search.h"
#include "audit/search_match.h"

#include <pthread.h>

enum search_slot_state {
    SEARCH_SLOT_FREE,
    SEARCH_SLOT_GIVEN, /* nobody has taken it yet */
    SEARCH_SLOT_TAKEN,
    SEARCH_SLOT_DONE
};

struct search_slot {
    enum search_slot_state state;
    struct audit_header header;
    uint8_t *body;
    size_t body_size;
    struct audit_block *block;
    struct audit_matcher *matcher;
    uint32_t *hits;
    uint32_t count;
    int result;
};

#define SEARCH_SLOTS_MAX (2 * AUDIT_SEARCH_THREADS_MAX + 1u)

struct search {
    const struct audit_files *files;
    const struct audit_query *query;
    struct audit_search_way way;
    audit_found *found;
    void *context;
    struct audit_search_stats stats;
    bool stopped;

    /* The walk. */
    struct audit_reader *reader;
    uint64_t all, done;             /* octets of all files, and behind us */
    bool waits;                     /* for the event of `after` */
    uint64_t next;                  /* number of the block that is to come; 0: not known */
    struct audit_search_place here; /* behind the newest item that was one */
    bool after_damage;
    uint32_t retried; /* the file whose predecessor was looked at once more */
    bool at_place;    /* no block has come yet since the place that is gone on from */
    uint32_t reread;  /* a file that is read from its beginning once more: what was shown of it
                         is passed over */
    uint64_t *places; /* newest first: of the blocks of a file */
    size_t places_left, places_room;

    /* The ring. */
    struct search_slot slots[SEARCH_SLOTS_MAX];
    unsigned slot_count, given, taken, shown; /* counters; slot n is that of n % slot_count */
    pthread_t threads[AUDIT_SEARCH_THREADS_MAX];
    unsigned thread_count;
    pthread_mutex_t lock;
    pthread_cond_t work, done_one;
    bool ends;
};

/* search_ring.c */

/* Memory of a slot. False: there is none; deinit all the same. */
bool search_slot_init(struct search_slot *slot, const struct audit_query *query);
void search_slot_deinit(struct search_slot *slot);
/* As many threads as there can be; without any the search does their work. */
void search_start(struct search *search);
void search_end(struct search *search);
/* Reads a block, and gives it away if its filters leave it possible. 0; CORDON_E_CORRUPT: it is
 * damaged; or why the search ends. */
int search_give(struct search *search, const struct audit_item *item);
/* Takes the oldest slot that was given away, once it is done. 0, or why the search ends. */
int search_take_one(struct search *search);

#endif
