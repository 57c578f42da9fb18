#include "audit/verify.h"

#include "audit/bodies.h"
#include "audit/removals.h"
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Checkpoints that are to be met at their size, the folder's own among them. */
#define WANTED_MAX 64u

struct verification {
    const struct audit_verify_options *options;
    struct audit_verdict *verdict;
    struct audit_reader *reader;
    struct audit_body_room *room;
    struct audit_bodies *bodies;      /* NULL: no threads */
    bool no_memory;                   /* of one of them */
    uint64_t number;                  /* of the item at hand, from 1 */
    uint64_t integrity, completeness; /* items that the findings are of */
    uint8_t id[AUDIT_LOG_ID_OCTETS];
    struct audit_state state;
    bool known;                          /* state.tree is that of all blocks before */
    bool begun;                          /* a file has been read */
    uint64_t session;                    /* of the newest block */
    bool running;                        /* a run has begun, and not yet ended */
    uint64_t stop;                       /* the block of the last stop */
    const struct audit_checkpoint *head; /* of `wanted`, that of the log's head; NULL: none */
    bool met_head, no_head;              /* it is in a file, too; there is no head */
    struct audit_checkpoint wanted[WANTED_MAX];
    size_t wanted_count;
    struct audit_removals *removals;
};

/* Of each kind the first in the order of the log stays, whenever it is found. */
__attribute__((format(printf, 6, 7))) static void find(struct verification *v,
                                                       const struct audit_item *item,
                                                       enum audit_fault fault, uint64_t from,
                                                       uint64_t to, const char *format, ...)
{
    const bool integrity = fault < AUDIT_FAULT_MISSING_FILE;
    struct audit_finding *finding =
        integrity ? &v->verdict->integrity : &v->verdict->completeness;
    uint64_t *number = integrity ? &v->integrity : &v->completeness;
    va_list arguments;

    if (finding->fault != AUDIT_SOUND && v->number >= *number) {
        return;
    }
    *number = v->number;
    finding->fault = fault;
    finding->file = item->file;
    finding->at = item->at;
    finding->from = from;
    finding->to = to;
    memset(finding->text, 0, sizeof(finding->text));
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof(finding->text), format, arguments);
    va_end(arguments);
}

#define NUMBER(value) ((unsigned long long)(value))

/* --- checkpoints --- */

/* 0; AUDIT_FAULT_KEY, AUDIT_FAULT_SIGNATURE. */
static enum audit_fault read_checkpoint(const struct verification *v, const char *text,
                                        size_t len, struct audit_checkpoint *out)
{
    struct trust_note note;

    if (trust_note_parse(text, len, &note) != 0 || audit_checkpoint_parse(&note, out) != 0) {
        return AUDIT_FAULT_SIGNATURE;
    }
    switch (trust_note_verify(&note, v->options->key, NULL)) {
    case 0:
        return strcmp(out->origin, v->options->key->name) == 0 ? AUDIT_SOUND : AUDIT_FAULT_KEY;
    case CORDON_E_UNTRUSTED:
        return AUDIT_FAULT_KEY;
    default:
        return AUDIT_FAULT_SIGNATURE;
    }
}

static bool is_root(const struct verification *v, const struct audit_checkpoint *checkpoint)
{
    uint8_t root[DIGEST_OCTETS];

    audit_tree_root(&v->state.tree, root);
    return digest_equal(root, checkpoint->root);
}

/* All that the log has up to here is signed, and so are the removals that it tells of. */
static void cover(struct verification *v)
{
    if (v->state.tree.size > v->verdict->signed_blocks) {
        v->verdict->signed_blocks = v->state.tree.size;
        audit_removals_signed(v->removals, v->state.tree.size);
    }
}

/* Those that speak of as many blocks as there are now. */
static void meet_wanted(struct verification *v, const struct audit_item *item)
{
    for (size_t i = 0; v->known && i < v->wanted_count; i++) {
        if (v->wanted[i].size != v->state.tree.size) {
            continue;
        }
        if (is_root(v, &v->wanted[i])) {
            cover(v);
        } else {
            find(v, item, AUDIT_FAULT_ROOT, 0, v->wanted[i].size,
                 "the first %llu blocks are not those of a signed checkpoint from elsewhere",
                 NUMBER(v->wanted[i].size));
        }
    }
}

/* NULL: it is none of this key. */
static const struct audit_checkpoint *want(struct verification *v, const char *text, size_t len,
                                           const char *whence)
{
    const struct audit_item nowhere = {.file = 0};
    struct audit_checkpoint checkpoint;
    const enum audit_fault fault = read_checkpoint(v, text, len, &checkpoint);

    if (fault != AUDIT_SOUND) {
        find(v, &nowhere, fault, 0, 0, "%s: its checkpoint is not signed by this key", whence);
        return NULL;
    }
    if (v->wanted_count == WANTED_MAX) {
        return NULL;
    }
    v->wanted[v->wanted_count] = checkpoint;
    return &v->wanted[v->wanted_count++];
}

static void look_at_checkpoint(struct verification *v, const struct audit_item *item)
{
    struct audit_checkpoint checkpoint;
    const enum audit_fault fault = read_checkpoint(v, item->text, item->len, &checkpoint);

    if (fault != AUDIT_SOUND) {
        find(v, item, fault, v->state.tree.size, v->state.tree.size,
             fault == AUDIT_FAULT_KEY ? "a checkpoint is signed by another key"
                                      : "the signature of a checkpoint does not verify");
        return;
    }
    v->verdict->checkpoints++;
    v->verdict->checkpoint_us = checkpoint.time_us;
    v->met_head = v->met_head || (v->head != NULL && v->head->size == checkpoint.size &&
                                  v->head->time_us == checkpoint.time_us);
    if (!v->known) {
        return;
    }
    if (checkpoint.size != v->state.tree.size || !is_root(v, &checkpoint)) {
        find(v, item, AUDIT_FAULT_ROOT, v->verdict->signed_blocks, checkpoint.size,
             "a signed checkpoint speaks of %llu blocks, and those here are others",
             NUMBER(checkpoint.size));
    } else {
        cover(v);
    }
}

/* --- files --- */

static bool same_state(const struct audit_state *a, const struct audit_state *b)
{
    return a->tree.size == b->tree.size && a->sealed_us == b->sealed_us &&
           memcmp(a->events, b->events, sizeof(a->events)) == 0 &&
           memcmp(a->previous, b->previous, DIGEST_OCTETS) == 0 &&
           memcmp(a->tree.at, b->tree.at, (size_t)audit_tree_count(&a->tree) * DIGEST_OCTETS) ==
               0;
}

static void look_at_file(struct verification *v, const struct audit_item *item)
{
    const struct audit_state *state = &item->head.state;
    const uint64_t before = v->state.tree.size;

    v->verdict->files++;
    if (memcmp(item->head.log, v->id, sizeof(v->id)) != 0) {
        find(v, item, AUDIT_FAULT_OTHER_LOG, before, before,
             "the file is of a log of another name");
    } else if (item->head.number != item->file) {
        find(v, item, AUDIT_FAULT_OTHER_FILE, before, before,
             "the file was written as number %u", (unsigned)item->head.number);
    } else if (state->tree.size > before) {
        find(v, item, AUDIT_FAULT_MISSING_BLOCKS, before, state->tree.size - 1,
             "blocks %llu to %llu are missing before this file", NUMBER(before),
             NUMBER(state->tree.size - 1));
    } else if (state->tree.size < before) {
        find(v, item, AUDIT_FAULT_OTHER_FILE, state->tree.size, before - 1,
             "the file begins at block %llu, which came before", NUMBER(state->tree.size));
    } else if (v->known && !same_state(state, &v->state)) {
        find(v, item, AUDIT_FAULT_CHAIN, before, before,
             "the file does not follow from the one before");
    }
    v->state = *state;
    v->known = true;
    v->begun = true;
    meet_wanted(v, item);
}

/* --- blocks --- */

/* The records that verification itself needs. 0; -ENOMEM. */
static int look_at_changes(struct verification *v, const struct audit_header *header)
{
    struct audit_block *block = audit_body_block(v->room);
    struct audit_row row;
    const int result = audit_block_load(block, UINT64_MAX);

    if (result != 0) {
        return result;
    }
    for (uint32_t i = 0; i < header->events; i++) {
        audit_block_row(block, i, &row);
        const struct audit_value *what = &row.at[AUDIT_WHAT];
        const bool has = audit_row_has(&row, AUDIT_WHAT);

        if (audit_removals_row(v->removals, &row, header->number, v->verdict) && !v->running) {
            continue; /* of the tool, while no daemon ran: it stays stopped */
        }
        v->verdict->stopped = has && what->number == 4 && memcmp(what->octets, "stop", 4) == 0;
        if (has && what->number == 5 && memcmp(what->octets, "start", 5) == 0) {
            v->verdict->unended += v->running ? 1 : 0;
            v->running = true;
        } else if (v->verdict->stopped) {
            v->running = false;
        }
        v->stop = v->verdict->stopped ? header->number : v->stop;
        if (has && what->number == 3 && memcmp(what->octets, "gap", 3) == 0) {
            v->verdict->gaps++;
            v->verdict->gap_events +=
                audit_row_has(&row, AUDIT_STREAM) && audit_row_has(&row, AUDIT_COUNT)
                    ? row.at[AUDIT_COUNT].number
                    : 0;
        }
    }
    return 0;
}

/* What one body has turned out to be; also of an item that came before the one at hand. */
static void take_body(void *context, const struct audit_body_done *done)
{
    struct verification *v = context;
    const struct audit_header *header = &done->header;
    const struct audit_item item = {.file = done->file, .at = done->at};
    const uint64_t at_hand = v->number;

    v->number = done->number;
    switch (done->result) {
    case AUDIT_BODY_GOOD:
        break;
    case AUDIT_BODY_CHANGED:
        find(v, &item, AUDIT_FAULT_BODY, header->number, header->number,
             "the events of block %llu (%s) were changed", NUMBER(header->number),
             audit_stream_word(header->stream));
        break;
    case AUDIT_BODY_OTHER_TREE:
        find(v, &item, AUDIT_FAULT_TREE, header->number, header->number,
             "the events of block %llu are not those of its tree", NUMBER(header->number));
        break;
    case AUDIT_BODY_NO_MEMORY:
        v->no_memory = true;
        break;
    }
    v->number = at_hand;
}

/* Where it is read: changes, whose order counts, and what is too long to be handed on. */
static int look_here(struct verification *v, const struct audit_item *item)
{
    const struct audit_header *header = &item->header;
    const bool changes = header->stream == AUDIT_CHANGES;
    struct audit_body_done done = {
        .number = v->number, .header = *header, .file = item->file, .at = item->at};
    const uint8_t *body = NULL;
    const int result = audit_reader_body(v->reader, item, header->body_len, &body);

    if (result != 0 && result != CORDON_E_CORRUPT) {
        return result;
    }
    done.result = result != 0
                      ? AUDIT_BODY_CHANGED
                      : audit_body_verify(v->room, header, body, v->options->deep || changes);
    take_body(v, &done);
    if (changes && done.result == AUDIT_BODY_GOOD) {
        return look_at_changes(v, header);
    }
    return 0;
}

static int look_at_body(struct verification *v, const struct audit_item *item)
{
    const struct audit_header *header = &item->header;

    if (v->bodies == NULL || header->stream == AUDIT_CHANGES ||
        header->body_len > AUDIT_VERIFY_BODY_MAX) {
        return look_here(v, item);
    }
    uint8_t *const room = audit_bodies_room(v->bodies, header->body_len, take_body, v);
    if (room == NULL) {
        return -ENOMEM;
    }
    const int result = audit_reader_part(v->reader, item, 0, header->body_len, room);
    if (result == CORDON_E_CORRUPT) {
        const struct audit_body_done done = {.number = v->number,
                                             .header = *header,
                                             .file = item->file,
                                             .at = item->at,
                                             .result = AUDIT_BODY_CHANGED};

        take_body(v, &done);
        return 0;
    }
    if (result == 0) {
        audit_bodies_hand(v->bodies, item, v->number);
    }
    return result;
}

/* Whether the header is the next one. */
static bool is_next(struct verification *v, const struct audit_item *item)
{
    const struct audit_header *header = &item->header;
    const uint64_t expected = v->state.tree.size;
    const uint64_t number = header->number;

    if (memcmp(header->log, v->id, sizeof(v->id)) != 0) {
        find(v, item, AUDIT_FAULT_OTHER_LOG, number, number, "block %llu is of another log",
             NUMBER(number));
    } else if (header->file != item->file) {
        find(v, item, AUDIT_FAULT_OTHER_FILE, number, number,
             "block %llu was written to file %u", NUMBER(number), (unsigned)header->file);
    } else if (number < expected && header->session != v->session) {
        find(v, item, AUDIT_FAULT_TWO_WRITERS, number, number,
             "two writers have written a block %llu", NUMBER(number));
    } else if (number < expected) {
        find(v, item, AUDIT_FAULT_ORDER, number, number,
             "block %llu comes where block %llu belongs", NUMBER(number), NUMBER(expected));
    } else if (number > expected) {
        find(v, item, AUDIT_FAULT_MISSING_BLOCKS, expected, number - 1,
             "blocks %llu to %llu are missing", NUMBER(expected), NUMBER(number - 1));
    } else if (memcmp(header->previous, v->state.previous, DIGEST_OCTETS) != 0) {
        find(v, item, AUDIT_FAULT_CHAIN, number, number,
             "block %llu does not follow from the one before: one of them was changed",
             NUMBER(number));
    } else {
        return true;
    }
    return false;
}

static int look_at_block(struct verification *v, const struct audit_item *item)
{
    const struct audit_header *header = &item->header;
    const bool next = is_next(v, item);
    int result = 0;

    if (header->number < v->state.tree.size || memcmp(header->log, v->id, sizeof(v->id)) != 0) {
        return 0; /* said already; what follows is looked at as if it were not there */
    }

    if (next && header->first_event != v->state.events[header->stream]) {
        find(v, item, AUDIT_FAULT_MISSING_EVENTS, header->number, header->number,
             "block %llu begins with event %llu of its stream, not %llu",
             NUMBER(header->number), NUMBER(header->first_event),
             NUMBER(v->state.events[header->stream]));
    }
    if (next && header->sealed_us < v->state.sealed_us &&
        (header->flags & AUDIT_BLOCK_CLOCK_BACK) == 0) {
        find(v, item, AUDIT_FAULT_CLOCK, header->number, header->number,
             "block %llu was closed before the one before it", NUMBER(header->number));
    }
    audit_removals_block(v->removals, header, item->kind == AUDIT_ITEM_REMOVED);
    if (item->kind == AUDIT_ITEM_REMOVED) {
        v->verdict->removed++;
        v->running = v->running && header->stream != AUDIT_CHANGES; /* its stop may be gone */
    } else {
        result = look_at_body(v, item);
    }
    if (v->verdict->blocks == 0 || header->first_us < v->verdict->first_us) {
        v->verdict->first_us = header->first_us;
    }
    if (header->last_us > v->verdict->last_us) {
        v->verdict->last_us = header->last_us;
    }
    v->verdict->blocks++;
    v->verdict->events[header->stream] += header->events;
    v->known = v->known && next;
    v->session = header->session;
    audit_state_add(&v->state, header, item->octets);
    v->state.tree.size = v->known ? v->state.tree.size : header->number + 1;
    meet_wanted(v, item);
    return result;
}

/* --- all --- */

static void look_at_damage(struct verification *v, const struct audit_item *item, uint32_t last)
{
    const uint64_t block = v->state.tree.size;

    v->known = false;
    if (item->version != 0) {
        find(v, item, AUDIT_FAULT_VERSION, block, block,
             "the file is of version %u of the format, and this program knows version %u",
             (unsigned)item->version, AUDIT_FORMAT);
    } else if (item->kind == AUDIT_ITEM_BAD) {
        find(v, item, AUDIT_FAULT_DAMAGED, block, block,
             item->at == 0 && item->end == 0 ? "behind block %llu comes what is no file at "
                                               "all, but a link, a pipe or a folder"
                                             : "what follows block %llu is no part of a log",
             NUMBER(block));
    } else {
        find(v, item, item->file >= last ? AUDIT_FAULT_UNFINISHED : AUDIT_FAULT_DAMAGED, block,
             block, "the file ends inside of what follows block %llu", NUMBER(block));
    }
}

static int look(struct verification *v, const struct audit_item *item, uint32_t last)
{
    const uint64_t block = v->state.tree.size;

    switch (item->kind) {
    case AUDIT_ITEM_FILE:
        look_at_file(v, item);
        break;
    case AUDIT_ITEM_BLOCK:
    case AUDIT_ITEM_REMOVED:
        return look_at_block(v, item);
    case AUDIT_ITEM_CHECKPOINT:
        look_at_checkpoint(v, item);
        break;
    case AUDIT_ITEM_BAD:
    case AUDIT_ITEM_SHORT:
        look_at_damage(v, item, last);
        break;
    case AUDIT_ITEM_MISSING:
        find(v, item, AUDIT_FAULT_MISSING_FILE, block, block, "file %u is missing",
             (unsigned)item->file);
        v->known = false;
        break;
    case AUDIT_ITEM_END:
        break;
    }
    return 0;
}

static void conclude(struct verification *v, const struct audit_item *end)
{
    struct audit_verdict *verdict = v->verdict;
    uint64_t from = 0;
    uint64_t to = 0;
    bool more = false;

    for (size_t i = 0; i < v->wanted_count; i++) {
        const uint64_t size = v->wanted[i].size;

        if (size > v->state.tree.size) {
            find(v, end, AUDIT_FAULT_CUT, v->state.tree.size, size - 1,
                 "blocks %llu to %llu are missing at the end: a signed checkpoint has them",
                 NUMBER(v->state.tree.size), NUMBER(size - 1));
        }
    }
    /* The head is written once its checkpoint is safe in the newest file. */
    if (v->head != NULL && !v->met_head && v->head->size <= v->state.tree.size) {
        find(v, end, AUDIT_FAULT_CUT, v->head->size, v->head->size,
             "the newest checkpoint, of %llu blocks, is missing at the end: the head has it",
             NUMBER(v->head->size));
    }
    /* Anybody could have written a stop behind the newest checkpoint. */
    verdict->stopped = verdict->stopped && v->stop < verdict->signed_blocks;
    if (audit_removals_unrecorded(v->removals, &from, &to, &more) && more) {
        find(v, end, AUDIT_FAULT_REMOVED, 0, 0, "more removals than can be told apart");
    } else if (audit_removals_unrecorded(v->removals, &from, &to, &more)) {
        find(v, end, AUDIT_FAULT_REMOVED, from, to,
             "events of blocks %llu to %llu were removed, and no record that is signed says so",
             NUMBER(from), NUMBER(to));
    }
    if (verdict->blocks > 0 && verdict->checkpoints == 0) {
        find(v, end, AUDIT_FAULT_UNSIGNED, 0, verdict->blocks - 1,
             "there is no checkpoint that this key has signed");
    }
    if (!v->begun) {
        find(v, end, AUDIT_FAULT_MISSING_FILE, 0, 0, "there is no file of a log");
    }
    if (v->no_head) {
        find(v, end, AUDIT_FAULT_MISSING_FILE, 0, 0,
             "the head is missing, which has the newest checkpoint: the end may be cut");
    }
    if (v->options->age_us != 0 && !verdict->stopped &&
        verdict->checkpoint_us + v->options->age_us < v->options->now_us) {
        find(v, end, AUDIT_FAULT_STALE, v->state.tree.size, v->state.tree.size,
             "the newest checkpoint is %llu s old, and the log was not stopped",
             NUMBER((v->options->now_us - verdict->checkpoint_us) / 1000000));
    }
}

static int read_wanted(struct verification *v, const struct audit_files *files)
{
    char *text = malloc(AUDIT_CHECKPOINT_MAX);
    size_t len = 0;
    int result = text == NULL
                     ? -ENOMEM
                     : files->read_head(files->context, text, AUDIT_CHECKPOINT_MAX, &len);

    if (result == 0) {
        v->head = want(v, text, len, "head");
    } else if (result == CORDON_E_TOO_LARGE || result == CORDON_E_NO_FILE) {
        (void)want(v, "", 0, "head");
    }
    v->no_head = result == -ENOENT;
    free(text);
    for (size_t i = 0; i < v->options->outside_count; i++) {
        (void)want(v, v->options->outside[i].text, v->options->outside[i].len,
                   "from elsewhere");
    }
    return result == -ENOENT || result == CORDON_E_TOO_LARGE || result == CORDON_E_NO_FILE
               ? 0
               : result;
}

/* It is written behind each checkpoint: of a log that begins while it is read, it may be there
 * by now. */
static bool has_head(const struct audit_files *files)
{
    char text[1];
    size_t len = 0;

    return files->read_head(files->context, text, sizeof(text), &len) != -ENOENT;
}

static int run(struct verification *v, const struct audit_files *files)
{
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    uint32_t last = 0;
    int result = files->last(files->context, &last);

    if (result == 0) {
        result = read_wanted(v, files);
    }
    while (result == 0) {
        result = audit_reader_next(v->reader, &item);
        if (result != 0 || item.kind == AUDIT_ITEM_END) {
            break;
        }
        if (v->options->progress != NULL) {
            v->options->progress(v->options->context, item.file, item.at);
        }
        v->number++;
        result = look(v, &item, last);
    }
    if (v->bodies != NULL) {
        audit_bodies_finish(v->bodies, take_body, v);
    }
    v->number++;
    if (result == 0) {
        v->no_head = v->no_head && v->verdict->checkpoints > 1 && !has_head(files);
        conclude(v, &item);
    }
    return result == 0 && v->no_memory ? -ENOMEM : result;
}

int audit_verify(const struct audit_files *files, const struct audit_verify_options *options,
                 struct audit_verdict *verdict)
{
    struct verification *v = calloc(1, sizeof(*v));
    int result = -ENOMEM;

    if (v == NULL) {
        return result;
    }
    memset(verdict, 0, sizeof(*verdict));
    v->options = options;
    v->verdict = verdict;
    v->known = true;
    audit_log_id(options->key->name, v->id);
    v->reader = audit_reader_create(files, 1);
    v->room = audit_body_room_create();
    v->removals = audit_removals_create();
    if (options->threads > 0) { /* NULL: they cannot be had, and are not needed */
        v->bodies = audit_bodies_create(options->threads, options->deep);
    }
    if (v->reader != NULL && v->room != NULL && v->removals != NULL) {
        result = run(v, files);
    }
    audit_bodies_destroy(v->bodies);
    audit_removals_destroy(v->removals);
    audit_body_room_destroy(v->room);
    audit_reader_destroy(v->reader);
    free(v);
    return result;
}
