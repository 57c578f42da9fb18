/*
 * audit/log_open.c - going on with a log: where it ends, and what of its end is unfinished.
 *
 * Only what was not safe yet can be unfinished: the end of the last file. It is cut; damage
 * anywhere else is left as it is, for `verify` to name: whoever writes on would bury it.
 */
#include "audit/log_inside.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the scan of the last files is after. */
struct scan {
    const struct audit_log *log;
    struct audit_state state;
    uint64_t base; /* blocks before the file */
    uint32_t file;
    uint64_t end;    /* of what is whole in the file */
    uint64_t size;   /* of the file */
    bool found_head; /* the state was the head's at least once */
    struct audit_checkpoint head;
    bool has_checkpoint; /* `head` is to be met */
};

/* The folder's head: 0, or -ENOENT if there is none. */
static int read_checkpoint(struct audit_log *log, struct scan *scan)
{
    struct trust_note note;
    size_t len = 0;
    int result = log->files->read_head(log->files->context, log->checkpoint,
                                       sizeof(log->checkpoint), &len);

    if (result == 0) {
        log->checkpoint[len] = '\0';
        log->checkpoint_len = len;
        result = trust_note_parse(log->checkpoint, len, &note);
    }
    if (result == 0) {
        result = trust_note_verify(&note, &log->settings.key, NULL);
    }
    if (result == 0) {
        result = audit_checkpoint_parse(&note, &scan->head);
    }
    if (result != 0) {
        log->checkpoint[0] = '\0';
        log->checkpoint_len = 0;
    }
    scan->has_checkpoint = result == 0;
    return result == CORDON_E_FORMAT || result == CORDON_E_LIMIT ? CORDON_E_CORRUPT : result;
}

static void meet(struct scan *scan)
{
    uint8_t root[DIGEST_OCTETS];

    if (scan->has_checkpoint && scan->state.tree.size == scan->head.size) {
        audit_tree_root(&scan->state.tree, root);
        scan->found_head = scan->found_head || digest_equal(root, scan->head.root);
    }
}

static bool follows(const struct scan *scan, const struct audit_item *item)
{
    return item->header.number == scan->state.tree.size && item->header.file == item->file &&
           memcmp(item->header.previous, scan->state.previous, DIGEST_OCTETS) == 0 &&
           memcmp(item->header.log, scan->log->id, AUDIT_LOG_ID_OCTETS) == 0;
}

/* A body that is not whole at the very end was being written; another one is damage, which
 * does not keep the log from going on, since the header is what is built on. */
static int check_body(struct audit_reader *reader, const struct audit_item *item, bool *whole)
{
    const uint8_t *body = NULL;
    const int result = audit_reader_body(reader, item, item->header.body_len, &body);

    if (result == 0) {
        *whole = audit_body_is(&item->header, body);
    }
    return result;
}

static int scan_item(struct audit_reader *reader, const struct audit_item *item,
                     struct scan *scan)
{
    bool whole = true;
    int result = 0;

    switch (item->kind) {
    case AUDIT_ITEM_FILE:
        scan->file = item->file;
        if (item->head.number != item->file ||
            memcmp(item->head.log, scan->log->id, AUDIT_LOG_ID_OCTETS) != 0) {
            return CORDON_E_UNTRUSTED;
        }
        scan->state = item->head.state;
        scan->base = scan->state.tree.size;
        scan->end = item->end;
        meet(scan);
        return 0;
    case AUDIT_ITEM_BLOCK:
    case AUDIT_ITEM_REMOVED:
        /* First: of one that was being written a part of the header may be missing, too. */
        if (item->kind == AUDIT_ITEM_BLOCK) {
            result = check_body(reader, item, &whole);
        }
        if (result != 0 || !whole) {
            return result; /* the end is where it was: what follows decides whether that is it
                            */
        }
        if (!follows(scan, item)) {
            return CORDON_E_CORRUPT;
        }
        audit_state_add(&scan->state, &item->header, item->octets);
        scan->end = item->end;
        meet(scan);
        return 0;
    case AUDIT_ITEM_CHECKPOINT:
        scan->end = item->end;
        return 0;
    case AUDIT_ITEM_BAD:
    case AUDIT_ITEM_SHORT:
    case AUDIT_ITEM_MISSING:
    case AUDIT_ITEM_END:
        return 0;
    }
    return 0;
}

/* Whether a frame with a block of this log begins at or behind `from`: then what lies before it
 * is damage, not an unfinished end. */
static int find_later(const struct audit_files *files, const struct audit_log *log, int file,
                      uint64_t from, uint64_t size, bool *found)
{
    enum {
        WINDOW = 1 << 16,
        NEED = AUDIT_FRAME_OCTETS + AUDIT_HEADER_OCTETS
    };
    uint8_t *window = malloc(WINDOW);
    int result = window == NULL ? -ENOMEM : 0;

    *found = false;
    while (result == 0 && !*found && from + NEED <= size) {
        size_t got = 0;

        result = files->read(files->context, file, from, window, WINDOW, &got);
        if (result != 0 || got < NEED) {
            break;
        }
        for (size_t i = 0; i + NEED <= got && !*found; i++) {
            struct audit_header header;
            enum audit_frame_kind kind = AUDIT_FRAME_BLOCK;
            uint32_t len = 0;

            *found = window[i] == 'C' && audit_frame_get(window + i, &kind, &len) &&
                     from + i + AUDIT_FRAME_OCTETS + len <= size &&
                     audit_header_get(window + i + AUDIT_FRAME_OCTETS, &header) &&
                     memcmp(header.log, log->id, AUDIT_LOG_ID_OCTETS) == 0;
        }
        from += got - NEED + 1;
    }
    free(window);
    return result;
}

/* Reads file `number` to its end. *torn: its head is not whole. */
static int scan_file(struct audit_log *log, uint32_t number, struct scan *scan, bool *torn)
{
    struct audit_item item = {.kind = AUDIT_ITEM_END};
    uint64_t size = 0;
    bool broken = false;

    *torn = false;
    const int file = log->files->open(log->files->context, number, false, &size);
    if (file == CORDON_E_NO_FILE) { /* to a reader one whose head is not whole */
        return file;
    }
    if (file >= 0) {
        log->files->close(log->files->context, file);
    }
    struct audit_reader *reader = audit_reader_create(log->files, number);
    int result = reader == NULL ? -ENOMEM : 0;
    while (result == 0) {
        const uint64_t end = scan->end;

        result = audit_reader_next(reader, &item);
        if (result != 0 || item.kind == AUDIT_ITEM_END || item.file != number) {
            break;
        }
        if (item.kind == AUDIT_ITEM_MISSING) {
            result = CORDON_E_CORRUPT;
        } else if ((item.kind == AUDIT_ITEM_BAD || item.kind == AUDIT_ITEM_SHORT) &&
                   item.at == 0) {
            /* Nothing is written behind a head that is not safe. */
            *torn = item.version == 0 && item.end <= AUDIT_FILE_HEAD_MAX;
            result = *torn ? 0 : item.version != 0 ? CORDON_E_VERSION : CORDON_E_CORRUPT;
            break;
        } else if (item.kind == AUDIT_ITEM_BAD || item.kind == AUDIT_ITEM_SHORT) {
            scan->size = item.end;
            broken = true;
        } else if (broken) {
            result = CORDON_E_CORRUPT;
        } else {
            result = scan_item(reader, &item, scan);
            scan->size = item.end;
            broken = result == 0 && item.kind != AUDIT_ITEM_FILE && scan->end == end;
        }
    }
    audit_reader_destroy(reader);
    return result;
}

/* Cuts the unfinished end. */
static int repair(struct audit_log *log, const struct scan *scan,
                  struct audit_log_opened *opened)
{
    uint64_t size = 0;
    bool later = false;
    int result = log->files->open(log->files->context, scan->file, false, &size);

    if (result < 0) {
        return result;
    }
    log->turn.handle = result;
    result = 0;
    if (size > scan->end) {
        result = find_later(log->files, log, log->turn.handle, scan->end + 1, size, &later);
        if (result == 0 && later) {
            result = CORDON_E_CORRUPT;
        }
        if (result == 0) {
            result = log->files->cut(log->files->context, log->turn.handle, scan->end);
        }
        if (result == 0) {
            result = log->files->sync(log->files->context, log->turn.handle);
        }
        opened->cut_octets += size - scan->end;
    }
    return result;
}

/* The newest checkpoint must lie in what there is; one from before the last file is not looked
 * for here. */
static bool meets_checkpoint(const struct scan *scan)
{
    return !scan->has_checkpoint || scan->found_head || scan->head.size < scan->base;
}

static int go_on(struct audit_log *log, uint32_t last, struct audit_log_opened *opened)
{
    struct scan scan = {.log = log};
    bool torn = false;
    int result = read_checkpoint(log, &scan);

    if (result != 0 && result != -ENOENT) {
        return result;
    }
    result = scan_file(log, last, &scan, &torn);
    if (result == 0 && torn) {
        /* It was being begun: the one before is whole, and this one is begun again. */
        if (last == 1) {
            scan.file = 0;
            meet(&scan);
        } else {
            result = scan_file(log, last - 1, &scan, &torn);
            if (result == 0 && (torn || scan.size != scan.end)) {
                result = CORDON_E_CORRUPT;
            }
        }
        torn = true;
    }
    /* First of all: nothing is cut from a log that has lost what was signed. */
    if (result == 0 && !meets_checkpoint(&scan)) {
        result = CORDON_E_CORRUPT;
    }
    if (result == 0 && !torn) {
        result = repair(log, &scan, opened);
    }
    if (result != 0) {
        return result;
    }
    log->state = scan.state;
    log->file = scan.file;
    log->file_octets = scan.end;
    log->turn.file = scan.file;
    log->turn.safe_at = scan.end;
    log->turn.has_head = true;
    log->end_file = scan.file;
    log->end_at = scan.end;
    memcpy(log->stats.taken, log->state.events, sizeof(log->stats.taken));
    memcpy(log->stats.safe, log->state.events, sizeof(log->stats.safe));
    if (torn) {
        audit_log_begin_file(log);
    }
    return 0;
}

/* The gap that an unfinished end leaves: nobody knows how many events it had. */
static void record_cut(struct audit_log *log, uint64_t octets, uint64_t now_us)
{
    struct audit_row row = {.present = 0};

    audit_row_number(&row, AUDIT_TIME, now_us);
    audit_row_text(&row, AUDIT_EVENT, "change");
    audit_row_text(&row, AUDIT_WHAT, "gap");
    audit_row_text(&row, AUDIT_BY, "cordond");
    audit_row_text(&row, AUDIT_CAUSE, "unfinished");
    audit_row_number(&row, AUDIT_COUNT, octets);
    audit_row_number(&row, AUDIT_FROM, log->state.sealed_us);
    audit_row_number(&row, AUDIT_TO, now_us);
    (void)audit_log_add(log, AUDIT_CHANGES, &row, now_us);
}

static int make_builders(struct audit_log *log)
{
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        log->builders[stream] =
            audit_builder_create((enum audit_stream)stream, log->settings.level);
        if (log->builders[stream] == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* A folder without a file: what its head has signed is gone, all of it, if there is one. */
static int begin_first(struct audit_log *log)
{
    struct scan scan = {.log = log};
    const int result = read_checkpoint(log, &scan);

    if (result == -ENOENT) {
        audit_log_begin_file(log);
        return 0;
    }
    return result == 0 ? CORDON_E_CORRUPT : result;
}

int audit_log_open(const struct audit_files *files, const struct audit_log_settings *settings,
                   uint64_t now_us, uint64_t session, struct audit_log **log,
                   struct audit_log_opened *opened)
{
    struct audit_log_opened found = {.is_new = false};
    uint32_t last = 0;
    int result = files->lock(files->context);

    if (result != 0) {
        return result;
    }
    struct audit_log *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->files = files;
    made->settings = *settings;
    made->secret = *settings->secret;
    made->session = session;
    made->turn.handle = -1;
    made->turn.before = -1;
    made->turn.is_safe = true;
    made->checkpoint_us = now_us;
    audit_log_id(settings->key.name, made->id);
    result = make_builders(made);
    if (result == 0) {
        result = files->last(files->context, &last);
    }
    if (result == 0 && last == 0) {
        found.is_new = true;
        result = begin_first(made);
    } else if (result == 0) {
        result = go_on(made, last, &found);
    }
    if (result != 0) {
        audit_log_abandon(made);
        return result;
    }
    if (found.cut_octets > 0) {
        record_cut(made, found.cut_octets, now_us);
    }
    *log = made;
    *opened = found;
    return 0;
}
