/*
 * audit/search.c - walks through the blocks of a log, forwards or backwards, and hands them to
 * matchers: its own, or those of threads.
 *
 * Blocks stand in a ring of slots, in the order of the search. The caller's thread reads their
 * octets and gives them away at one end; at the other it takes what was found, in the same
 * order, so memory is bounded by the slots, and what is found comes as without threads.
 */
#include "audit/search_inside.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

/* A block on the way. */
static int meet(struct search *search, const struct audit_item *item)
{
    const struct audit_header *header = &item->header;
    const struct audit_search_way *way = &search->way;
    int result = 0;

    /* It may lie in what was removed: then what follows begins behind it. */
    if (search->waits && header->stream == way->after_stream &&
        (way->after >= header->first_event || !way->newest_first) &&
        (way->after < header->first_event ||
         way->after - header->first_event < header->events)) {
        search->waits = false;
        search->stats.passed = true;
    }
    if (search->waits || !audit_query_wants(search->query, header)) {
        return 0;
    }
    if (way->wants != NULL &&
        !way->wants(way->context, header, item->kind == AUDIT_ITEM_REMOVED)) {
        return 0;
    }
    search->stats.blocks++;
    if (item->kind == AUDIT_ITEM_REMOVED) {
        search->stats.removed++;
        return 0;
    }
    result = search_give(search, item);
    if (result == CORDON_E_CORRUPT) {
        search->stats.damaged++;
        result = 0;
    }
    return result;
}

static void tell(struct search *search, uint64_t octets)
{
    search->done += octets;
    if (search->way.progress != NULL &&
        !search->way.progress(search->way.context, search->done, search->all)) {
        search->stopped = true;
    }
}

/* Damage: counted, and gone on behind it. */
static void pass_damage(struct search *search, const struct audit_item *item)
{
    search->stats.damaged++;
    search->stats.version = item->version != 0 ? item->version : search->stats.version;
    search->after_damage = audit_reader_find(search->reader, item);
    search->here = (struct audit_search_place){item->file, item->end, search->next};
}

/* False for octets in the body of another block that look like one, for an old one, and for one
 * that was written to another file: a copy of that would be counted twice. */
static bool is_next(struct search *search, const struct audit_item *item)
{
    const struct audit_header *header = &item->header;

    if (header->file != item->file) {
        search->stats.damaged += search->after_damage ? 0 : 1;
        search->after_damage = true;
        return false;
    }
    if ((search->after_damage || search->reread == item->file) &&
        header->number < search->next) {
        return false;
    }
    search->after_damage = false;
    search->next = header->number + 1;
    return true;
}

/* The head of a file says how many blocks lie before it: fewer are there where a file is gone,
 * or another is in its place. */
static void enter_file(struct search *search, const struct audit_item *item)
{
    if (item->head.number == item->file && item->file != search->reread) {
        search->stats.damaged +=
            !search->after_damage && item->head.state.tree.size != search->next ? 1 : 0;
        search->after_damage = false;
        search->next = item->head.state.tree.size;
    }
}

/*
 * Forwards.
 */

/* From the beginning of the file at hand, up to where we were. */
static bool read_again(struct search *search)
{
    struct audit_reader *reader = audit_reader_create(search->files, search->here.file);

    if (reader == NULL) {
        return false;
    }
    audit_reader_destroy(search->reader);
    search->reader = reader;
    search->reread = search->here.file;
    return true;
}

/* Since it was looked at last, events were removed from the file (audit/removal.h): what is to
 * come stands elsewhere in it. */
static bool is_elsewhere(struct search *search, const struct audit_item *item)
{
    bool fits = false;

    if (!search->at_place || item->file != search->here.file) {
        return false;
    }
    switch (item->kind) {
    case AUDIT_ITEM_CHECKPOINT: /* one fits anywhere */
        return false;
    case AUDIT_ITEM_BLOCK:
    case AUDIT_ITEM_REMOVED:
        fits = item->header.number == search->next;
        break;
    case AUDIT_ITEM_FILE:
    case AUDIT_ITEM_MISSING:
    case AUDIT_ITEM_END:
        fits = true;
        break;
    case AUDIT_ITEM_SHORT: /* or it is being written: then it costs a look */
    case AUDIT_ITEM_BAD:
        break;
    }
    search->at_place = false;
    return !fits && read_again(search);
}

/* A file that begins while the one before it was still being written when we looked. */
static bool goes_back(struct search *search, const struct audit_item *item)
{
    const struct audit_search_place *here = &search->here;

    if (!search->way.growing || here->file == 0 || here->file >= item->file ||
        search->retried == item->file || item->head.state.tree.size == here->blocks) {
        return false;
    }
    search->retried = item->file;
    return read_again(search);
}

static int walk_on(struct search *search, const struct audit_item *item)
{
    int result = 0;

    switch (item->kind) {
    case AUDIT_ITEM_BLOCK:
    case AUDIT_ITEM_REMOVED:
        result = is_next(search, item) ? meet(search, item) : 0;
        break;
    case AUDIT_ITEM_SHORT: /* of the last file, as far as is known, it is what is being written
                            */
        if (search->way.growing && search->retried <= item->file) {
            return 0;
        }
        pass_damage(search, item);
        return 0;
    case AUDIT_ITEM_BAD:
        pass_damage(search, item);
        return 0;
    case AUDIT_ITEM_FILE:
        enter_file(search, item);
        break;
    case AUDIT_ITEM_CHECKPOINT:
        break;
    case AUDIT_ITEM_MISSING: /* the head of the next one says so */
    case AUDIT_ITEM_END:
        return 0;
    }
    search->here = (struct audit_search_place){item->file, item->end, search->next};
    tell(search, item->end - item->at);
    return result;
}

static int walk(struct search *search)
{
    const struct audit_search_place *from = &search->way.from;
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    int result = 0;

    search->here = *from;
    search->next = from->blocks;
    search->at_place = search->way.growing && from->file != 0;
    if (from->file != 0) {
        result = audit_reader_seek(search->reader, from->file, from->at);
        result = result == -ENOENT ? 0 : result; /* then with the next that there is */
    }
    while (result == 0 && !search->stopped) {
        result = audit_reader_next(search->reader, &item);
        if (result != 0 || item.kind == AUDIT_ITEM_END) {
            break;
        }
        if (!is_elsewhere(search, &item) &&
            (item.kind != AUDIT_ITEM_FILE || !goes_back(search, &item))) {
            result = walk_on(search, &item);
        }
    }
    return result;
}

/*
 * Newest first: file by file from the last, of each the places of its blocks.
 */

#define UNKNOWN UINT64_MAX

static bool note_place(struct search *search, uint64_t at)
{
    if (search->places_left == search->places_room) {
        const size_t room = search->places_room == 0 ? 1024 : 2 * search->places_room;
        uint64_t *more = room <= AUDIT_SEARCH_PLACES_MAX
                             ? realloc(search->places, room * sizeof(*more))
                             : NULL;

        if (more == NULL) {
            return false;
        }
        search->places = more;
        search->places_room = room;
    }
    search->places[search->places_left++] = at;
    return true;
}

/* Behind what was looked at of a file, so many blocks were to have come. */
static void leave_file(struct search *search, uint64_t behind)
{
    if (behind != UNKNOWN && !search->after_damage && search->next != behind) {
        search->stats.damaged++;
    }
}

/* The places of the blocks of a file, in its order. *before: how many blocks lie before it, as
 * its head says; before that, the same of the file behind it. */
static int note_file(struct search *search, uint32_t file, uint64_t *before)
{
    const uint64_t behind = *before;
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    int result = 0;

    audit_reader_destroy(search->reader);
    search->reader = audit_reader_create(search->files, file);
    if (search->reader == NULL) {
        return -ENOMEM;
    }
    search->places_left = 0;
    search->after_damage = false;
    search->next = 0;
    *before = UNKNOWN;
    for (;;) {
        result = audit_reader_next(search->reader, &item);
        if (result != 0 || item.kind == AUDIT_ITEM_END || item.kind == AUDIT_ITEM_MISSING ||
            item.file != file) {
            leave_file(search, behind);
            return result;
        }
        if (item.kind == AUDIT_ITEM_FILE && item.head.number == file) {
            search->next = item.head.state.tree.size;
            *before = search->next;
        }
        if (item.kind == AUDIT_ITEM_BAD || item.kind == AUDIT_ITEM_SHORT) {
            pass_damage(search, &item);
        }
        if ((item.kind == AUDIT_ITEM_BLOCK || item.kind == AUDIT_ITEM_REMOVED) &&
            is_next(search, &item) && !note_place(search, item.at)) {
            return -ENOMEM;
        }
    }
}

/* The file before this one; 0: there is none. By halving, since numbers may be missing. */
static int file_before(const struct search *search, uint32_t file, uint32_t *before)
{
    uint32_t low = 1;
    uint32_t high = file - 1; /* it is in low to high, if anywhere */

    *before = 0;
    while (low <= high && high != 0) {
        const uint32_t middle = low + (high - low + 1) / 2;
        uint32_t found = 0;
        const int result = search->files->next(search->files->context, middle, &found);

        if (result != 0) {
            return result;
        }
        if (found != 0 && found < file) {
            *before = found;
            low = found + 1;
        } else if (middle == low) {
            break;
        } else {
            high = middle - 1;
        }
    }
    return 0;
}

static int walk_back(struct search *search)
{
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    uint64_t before = UNKNOWN;
    uint32_t file = 0;
    int result = search->files->last(search->files->context, &file);

    while (result == 0 && file != 0 && !search->stopped) {
        result = note_file(search, file, &before);
        while (result == 0 && search->places_left > 0 && !search->stopped) {
            const uint64_t at = search->places[--search->places_left];

            result = audit_reader_seek(search->reader, file, at);
            if (result == 0) {
                result = audit_reader_next(search->reader, &item);
            }
            if (result == 0 &&
                (item.kind == AUDIT_ITEM_BLOCK || item.kind == AUDIT_ITEM_REMOVED)) {
                result = meet(search, &item);
                tell(search, item.end - item.at);
            }
        }
        if (result == 0 && !search->stopped) {
            result = file_before(search, file, &file);
            search->next = 0;
            search->after_damage = false;
            if (result == 0 && file == 0) {
                leave_file(search, before);
            }
        }
    }
    return result;
}

/* Octets of all files from that of the beginning on, for whoever waits. */
static int add_up(struct search *search)
{
    uint32_t file = search->way.from.file;
    int result = 0;

    while (search->way.progress != NULL) {
        uint64_t size = 0;

        result = search->files->next(search->files->context, file, &file);
        if (result != 0 || file == 0) {
            break;
        }
        const int opened = search->files->open(search->files->context, file, false, &size);
        if (opened >= 0) {
            search->files->close(search->files->context, opened);
            search->all += size;
        }
        if (file == UINT32_MAX) {
            break;
        }
        file++;
    }
    return result;
}

static int search_run(struct search *search)
{
    int result = add_up(search);

    search_start(search);
    if (result == 0) {
        result = search->way.newest_first ? walk_back(search) : walk(search);
    }
    while (search->shown != search->given) {
        const int one = search_take_one(search);

        result = result == 0 ? one : result;
    }
    search_end(search);
    search->stats.end = search->here; /* all before it was looked at */
    return result;
}

int audit_search(const struct audit_files *files, const struct audit_query *query,
                 audit_found *found, void *context, struct audit_search_stats *stats)
{
    struct search *search = calloc(1, sizeof(*search));
    int result = -ENOMEM;
    bool good = true;

    if (search == NULL) {
        return result;
    }
    search->files = files;
    search->query = query;
    search->found = found;
    search->context = context;
    if (query->way != NULL) {
        search->way = *query->way;
    }
    if (search->way.threads > AUDIT_SEARCH_THREADS_MAX) {
        search->way.threads = AUDIT_SEARCH_THREADS_MAX;
    }
    search->waits = search->way.has_after;
    search->slot_count = search->way.threads > 0 ? 2 * search->way.threads + 1 : 1;
    pthread_mutex_init(&search->lock, NULL);
    pthread_cond_init(&search->work, NULL);
    pthread_cond_init(&search->done_one, NULL);
    search->reader =
        audit_reader_create(files, search->way.from.file != 0 ? search->way.from.file : 1);
    for (unsigned i = 0; i < search->slot_count; i++) {
        good = search_slot_init(&search->slots[i], query) && good;
    }
    if (search->reader != NULL && good) {
        result = search_run(search);
    }
    *stats = search->stats;
    for (unsigned i = 0; i < search->slot_count; i++) {
        search_slot_deinit(&search->slots[i]);
    }
    audit_reader_destroy(search->reader);
    pthread_cond_destroy(&search->done_one);
    pthread_cond_destroy(&search->work);
    pthread_mutex_destroy(&search->lock);
    free(search->places);
    free(search);
    return result;
}
