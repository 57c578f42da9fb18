/* cordon audit why: one event, what held when it came, and the checkpoint that covers it. */
#include "audit/search.h"
#include "base/error.h"
#include "cli/audit_scan.h"
#include "cli/audit_why.h"
#include "trust/note.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *why_then_word(enum why_then then)
{
    static const char *const words[WHY_THENS] = {
        [WHY_START] = "start",
        [WHY_CONFIGURATION] = "configuration",
        [WHY_LIST] = "list_in_force",
        [WHY_LIST_STATE] = "list_state",
        [WHY_HOLD] = "list_held",
        [WHY_STAGE] = "list_stage",
        [WHY_PAUSE_ALL] = "pause_of_all",
        [WHY_PAUSE_LIST] = "pause_of_list",
        [WHY_SCHEDULE] = "schedule",
        [WHY_EXCEPTION] = "exception",
        [WHY_GAP] = "gap_before",
    };

    return words[then];
}

static void forget(struct why_row *row)
{
    free(row->octets);
    *row = (struct why_row){.is_there = false};
}

/* 0, -ENOMEM, or CORDON_E_CORRUPT for one that is no event. */
static int copy(struct why_row *to, const struct audit_row *row, const struct audit_id *id)
{
    if (!audit_row_is_writable(row)) {
        return CORDON_E_CORRUPT;
    }
    uint8_t *octets = malloc(AUDIT_EVENT_MAX);
    if (octets == NULL) {
        return -ENOMEM;
    }
    const size_t len = audit_row_encode(row, octets);
    forget(to);
    *to = (struct why_row){.is_there = true, .id = *id, .octets = octets};
    if (!audit_row_decode(octets, len, &to->row)) {
        forget(to);
        return CORDON_E_CORRUPT;
    }
    return 0;
}

static int take_event(struct audit_reader *reader, const struct audit_item *item,
                      const struct audit_id *id, struct why_found *out)
{
    struct audit_block *block = audit_block_create();
    const uint8_t *body = NULL;
    struct audit_row row;
    int rc = block == NULL ? -ENOMEM : 0;

    if (rc == 0) {
        rc = audit_reader_body(reader, item, item->header.body_len, &body);
    }
    if (rc == 0) {
        out->body_is_good = audit_body_is(&item->header, body);
        rc = audit_block_open(block, &item->header, body, item->header.body_len);
    }
    if (rc == 0) {
        rc = cli_audit_row(block, (uint32_t)(id->event - item->header.first_event), &row);
    }
    if (rc == 0) {
        rc = copy(&out->event, &row, id);
    }
    audit_block_destroy(block);
    return rc;
}

/* The first one that speaks of more blocks than lie before this event's. */
static bool take_checkpoint(const struct audit_item *item, struct why_found *out)
{
    struct audit_checkpoint checkpoint;
    struct trust_note note;

    if (trust_note_parse(item->text, item->len, &note) != 0 ||
        audit_checkpoint_parse(&note, &checkpoint) != 0 ||
        checkpoint.size <= out->header.number) {
        return false;
    }
    out->checkpoint = checkpoint;
    out->file = item->file;
    return true;
}

static bool has_event(const struct audit_item *item, const struct audit_id *id)
{
    return item->header.stream == id->stream && id->event >= item->header.first_event &&
           id->event - item->header.first_event < item->header.events;
}

/* Walks to the event, and on to the next checkpoint. */
static int find_event(const struct audit_files *files, const struct audit_id *id,
                      struct why_found *out)
{
    struct audit_reader *reader = audit_reader_create(files, 1);
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    int rc = reader == NULL ? -ENOMEM : 0;
    bool ends = false;

    while (rc == 0 && !ends) {
        rc = audit_reader_next(reader, &item);
        if (rc != 0 || item.kind == AUDIT_ITEM_END) {
            break;
        }
        if (item.kind == AUDIT_ITEM_BAD || item.kind == AUDIT_ITEM_SHORT) {
            out->damaged = true;
            (void)audit_reader_find(reader, &item);
        } else if (item.kind == AUDIT_ITEM_CHECKPOINT && out->event.is_there) {
            ends = take_checkpoint(&item, out);
        } else if (item.kind == AUDIT_ITEM_REMOVED && has_event(&item, id)) {
            out->removed = true;
            rc = CORDON_E_CORRUPT;
        } else if (item.kind == AUDIT_ITEM_BLOCK && !out->event.is_there &&
                   has_event(&item, id)) {
            out->header = item.header;
            rc = take_event(reader, &item, id, out);
        }
    }
    audit_reader_destroy(reader);
    return rc == 0 && !out->event.is_there ? -ENOENT : rc;
}

/*
 * What held then.
 */

struct gathering {
    struct why_found *found;
    const struct audit_id *id;
    struct audit_value list; /* that the event is about; octets NULL: none */
    struct audit_value view, exception;
    int rc;
};

static bool same(const struct audit_row *row, enum audit_column column,
                 const struct audit_value *wanted)
{
    const struct audit_value *value = &row->at[column];

    return wanted->octets != NULL && audit_row_has(row, column) && value->octets != NULL &&
           value->number == wanted->number &&
           memcmp(value->octets, wanted->octets, wanted->number) == 0;
}

static bool is(const struct audit_row *row, enum audit_column column, const char *word)
{
    const struct audit_value wanted = {(const uint8_t *)word, strlen(word)};

    return same(row, column, &wanted);
}

/* A run begins: what the one before had, and does not outlast it, is over. */
static void begin_run(struct why_found *found)
{
    static const enum why_then over[] = {WHY_CONFIGURATION, WHY_LIST, WHY_LIST_STATE,
                                         WHY_SCHEDULE, WHY_GAP};
    static const enum why_then kept[] = {WHY_PAUSE_ALL, WHY_PAUSE_LIST, WHY_EXCEPTION};

    for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
        forget(&found->then[over[i]]);
    }
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        struct why_row *row = &found->then[kept[i]];

        if (row->is_there && audit_row_get(&row->row, AUDIT_KEPT) == 0) {
            forget(row);
        }
    }
}

/* Which of them a change is about; WHY_THENS: none. *over: it ends it. */
static enum why_then then_of(const struct gathering *gathering, const struct audit_row *row,
                             bool *over)
{
    static const struct {
        const char *what;
        enum why_then then;
        bool of_list, over;
    } rows[] = {
        {"start", WHY_START, false, false},
        {"configuration", WHY_CONFIGURATION, false, false},
        {"list-in-force", WHY_LIST, true, false},
        {"list-gone", WHY_LIST, true, true},
        {"list-state", WHY_LIST_STATE, true, false},
        {"list-rolled-back", WHY_HOLD, true, false},
        {"list-released", WHY_HOLD, true, true},
        {"list-hold-lost", WHY_HOLD, true, true},
        {"stage-begun", WHY_STAGE, true, false},
        {"stage-advanced", WHY_STAGE, true, false},
        {"stage-done", WHY_STAGE, true, true},
        {"stage-ended", WHY_STAGE, true, true},
        {"pause-begun", WHY_PAUSE_LIST, true, false},
        {"pause-ended", WHY_PAUSE_LIST, true, true},
        {"pause-expired", WHY_PAUSE_LIST, true, true},
        {"gap", WHY_GAP, false, false},
    };

    *over = false;
    if (is(row, AUDIT_WHAT, "schedule")) {
        *over = !audit_row_has(row, AUDIT_SUBJECT);
        return same(row, AUDIT_VIEW, &gathering->view) ? WHY_SCHEDULE : WHY_THENS;
    }
    if (same(row, AUDIT_ID, &gathering->exception) &&
        (is(row, AUDIT_WHAT, "exception-added") || is(row, AUDIT_WHAT, "exception-begun"))) {
        return WHY_EXCEPTION;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!is(row, AUDIT_WHAT, rows[i].what)) {
            continue;
        }
        *over = rows[i].over;
        if (rows[i].then == WHY_PAUSE_LIST && is(row, AUDIT_LIST, "all")) {
            return WHY_PAUSE_ALL;
        }
        return !rows[i].of_list || same(row, AUDIT_LIST, &gathering->list) ? rows[i].then
                                                                           : WHY_THENS;
    }
    return WHY_THENS;
}

static bool gather(void *context, const struct audit_header *header, struct audit_block *block,
                   uint32_t i)
{
    struct gathering *gathering = context;
    struct audit_id id = {gathering->id->log, (enum audit_stream)header->stream,
                          header->first_event + i};
    struct audit_row row;
    bool over = false;

    gathering->rc = cli_audit_row(block, i, &row);
    if (gathering->rc != 0) {
        return false;
    }
    if (id.stream == gathering->id->stream && id.event >= gathering->id->event) {
        return false; /* a change is about what was before itself */
    }
    if (is(&row, AUDIT_WHAT, "start")) {
        begin_run(gathering->found);
    }
    const enum why_then then = then_of(gathering, &row, &over);
    if (then < WHY_THENS) {
        struct why_row *at = &gathering->found->then[then];

        if (over) {
            forget(at);
        } else {
            gathering->rc = copy(at, &row, &id);
        }
    }
    return gathering->rc == 0;
}

/* A pause or an exception whose end has come is over, also where nobody wrote that yet. */
static void drop_expired(struct why_found *found, uint64_t time_us)
{
    static const enum why_then ends[] = {WHY_PAUSE_ALL, WHY_PAUSE_LIST};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct why_row *row = &found->then[ends[i]];

        if (row->is_there && audit_row_has(&row->row, AUDIT_UNTIL) &&
            row->row.at[AUDIT_UNTIL].number <= time_us / 1000000) {
            forget(row);
        }
    }
}

static int find_then(const struct audit_files *files, const struct audit_id *id,
                     struct why_found *out)
{
    const struct audit_row *row = &out->event.row;
    const uint64_t time_us = row->at[AUDIT_TIME].number;
    const struct audit_query query = {.streams = 1u << AUDIT_CHANGES, .to_us = time_us};
    struct audit_search_stats stats = {.blocks = 0};
    struct gathering gathering = {.found = out, .id = id};
    struct audit_basis_view basis;

    if (audit_row_has(row, AUDIT_BASIS) && row->at[AUDIT_BASIS].octets != NULL &&
        audit_basis_get(row->at[AUDIT_BASIS].octets, row->at[AUDIT_BASIS].number, &basis)) {
        gathering.list = basis.word[AUDIT_BASIS_LIST];
    } else if (audit_row_has(row, AUDIT_LIST)) {
        gathering.list = row->at[AUDIT_LIST];
    }
    if (audit_row_has(row, AUDIT_VIEW)) {
        gathering.view = row->at[AUDIT_VIEW];
    }
    if (audit_row_has(row, AUDIT_ID)) {
        gathering.exception = row->at[AUDIT_ID];
    }
    const int rc = time_us == 0 ? 0 : audit_search(files, &query, gather, &gathering, &stats);
    out->damaged = out->damaged || stats.damaged > 0;
    drop_expired(out, time_us);
    return rc != 0 ? rc : gathering.rc;
}

int why_find(const struct audit_files *files, const struct audit_id *id, struct why_found *out)
{
    memset(out, 0, sizeof(*out));
    const int rc = find_event(files, id, out);
    return rc != 0 ? rc : find_then(files, id, out);
}

void why_free(struct why_found *found)
{
    forget(&found->event);
    for (unsigned i = 0; i < WHY_THENS; i++) {
        forget(&found->then[i]);
    }
}
