#include "dossier/history.h"

#include "audit/search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    const struct dossier_request *request;
    struct dossier_outline *outline;
    struct dossier *keeper;
    struct dossier_history *history;
    const struct audit_block *block;
    uint64_t number;
    bool bad, no_memory;
};

static bool same(const struct audit_value *a, const struct audit_value *b)
{
    return a->octets != NULL && b->octets != NULL && a->number == b->number &&
           memcmp(a->octets, b->octets, a->number) == 0;
}

struct audit_value dossier_row_text(const struct audit_row *row, unsigned column)
{
    return audit_row_has(row, column) && row->at[column].octets != NULL
               ? row->at[column]
               : (struct audit_value){NULL, 0};
}

bool dossier_span_row(const struct dossier_span *span, struct audit_row *row)
{
    return audit_row_decode(span->row, span->row_len, row);
}

uint64_t dossier_run_end(const struct dossier_run *run)
{
    return run->stop_us != 0 ? run->stop_us : run->last_us;
}

static struct dossier_run *run_of(const struct dossier_outline *outline, uint64_t session)
{
    for (size_t i = outline->run_count; i > 0; i--) {
        if (outline->runs[i - 1].session == session) {
            return &outline->runs[i - 1];
        }
    }
    return NULL;
}

/* --- spans --- */

static void open_span(struct reading *all, enum dossier_span_kind kind,
                      const struct audit_header *header, const struct audit_row *row)
{
    struct dossier_history *history = all->history;
    uint8_t octets[AUDIT_EVENT_MAX];
    const size_t count = history->counts[kind];

    if (count == DOSSIER_HISTORY_MAX || !audit_row_is_writable(row)) {
        history->left_out[kind]++;
        return;
    }
    if (count == history->rooms[kind]) {
        const size_t room = count == 0 ? 64 : 2 * count;
        struct dossier_span *spans =
            realloc(history->spans[kind], room * sizeof(history->spans[kind][0]));

        if (spans == NULL) {
            all->no_memory = true;
            return;
        }
        history->spans[kind] = spans;
        history->rooms[kind] = room;
    }
    const size_t len = audit_row_encode(row, octets);
    struct dossier_span *span = &history->spans[kind][count];
    *span =
        (struct dossier_span){.from_us = row->at[AUDIT_TIME].number,
                              .session = header->session,
                              .row = (const uint8_t *)dossier_keep(all->keeper, octets, len),
                              .row_len = len};
    history->counts[kind] += span->row != NULL;
    all->no_memory |= span->row == NULL;
}

/* Ends those that go on and are about the same, by a column of texts. */
static void close_spans(struct reading *all, enum dossier_span_kind kind, unsigned column,
                        const struct audit_row *by, const char *ended)
{
    const struct audit_value what = dossier_row_text(by, column);

    for (size_t i = all->history->counts[kind]; i > 0; i--) {
        struct dossier_span *span = &all->history->spans[kind][i - 1];
        struct audit_row row;

        if (span->to_us == 0 && dossier_span_row(span, &row)) {
            const struct audit_value its = dossier_row_text(&row, column);

            if (same(&what, &its)) {
                span->to_us = by->at[AUDIT_TIME].number;
                span->ended = ended;
            }
        }
    }
}

/* What does not outlast a run, where the next one has begun to speak. */
static void close_run(struct reading *all, uint64_t but_session)
{
    for (unsigned kind = 0; kind < DOSSIER_SPAN_GAP; kind++) {
        for (size_t i = all->history->counts[kind]; i > 0; i--) {
            struct dossier_span *span = &all->history->spans[kind][i - 1];
            struct audit_row row;

            if (span->to_us != 0 || span->session == but_session ||
                !dossier_span_row(span, &row) || audit_row_get(&row, AUDIT_KEPT) != 0) {
                continue;
            }
            const struct dossier_run *run = run_of(all->outline, span->session);
            const uint64_t end = run != NULL ? dossier_run_end(run) : span->from_us;

            span->to_us = end > span->from_us ? end : span->from_us;
            span->ended = run != NULL && run->stop_us != 0 ? "stopped" : "killed";
        }
    }
}

/* --- events --- */

static bool what_is(const struct audit_row *row, const char *word)
{
    const struct audit_value what = dossier_row_text(row, AUDIT_WHAT);

    return dossier_is(&what, word);
}

static bool is_state(const struct audit_row *row, const char *word)
{
    const struct audit_value state = dossier_row_text(row, AUDIT_STATE);

    return dossier_is(&state, word);
}

static bool take_list(struct reading *all, const struct audit_header *header,
                      const struct audit_row *row)
{
    if (what_is(row, "list-in-force")) {
        close_spans(all, DOSSIER_SPAN_LIST, AUDIT_LIST, row, "newer");
        open_span(all, DOSSIER_SPAN_LIST, header, row);
    } else if (what_is(row, "list-gone")) {
        close_spans(all, DOSSIER_SPAN_LIST, AUDIT_LIST, row, "gone");
        close_spans(all, DOSSIER_SPAN_STATE, AUDIT_LIST, row, "gone");
    } else if (what_is(row, "list-state")) {
        close_spans(all, DOSSIER_SPAN_STATE, AUDIT_LIST, row, "changed");
        if (!is_state(row, "fresh")) {
            open_span(all, DOSSIER_SPAN_STATE, header, row);
        }
    } else {
        return false;
    }
    return true;
}

static bool take_pause(struct reading *all, const struct audit_header *header,
                       const struct audit_row *row)
{
    if (what_is(row, "pause-begun")) {
        close_spans(all, DOSSIER_SPAN_PAUSE, AUDIT_LIST, row, "replaced");
        open_span(all, DOSSIER_SPAN_PAUSE, header, row);
    } else if (what_is(row, "pause-ended")) {
        close_spans(all, DOSSIER_SPAN_PAUSE, AUDIT_LIST, row, "ended");
    } else if (what_is(row, "pause-expired")) {
        close_spans(all, DOSSIER_SPAN_PAUSE, AUDIT_LIST, row, "expired");
    }
    return false; /* people did it: it is a note, too */
}

static bool take_exception(struct reading *all, const struct audit_header *header,
                           const struct audit_row *row)
{
    if (what_is(row, "exception-added") || what_is(row, "exception-begun")) {
        close_spans(all, DOSSIER_SPAN_EXCEPTION, AUDIT_ID, row, "replaced");
        open_span(all, DOSSIER_SPAN_EXCEPTION, header, row);
    } else if (what_is(row, "exception-removed")) {
        close_spans(all, DOSSIER_SPAN_EXCEPTION, AUDIT_ID, row, "removed");
    } else if (what_is(row, "exception-expired")) {
        close_spans(all, DOSSIER_SPAN_EXCEPTION, AUDIT_ID, row, "expired");
    }
    return false;
}

static void take(struct reading *all, const struct audit_header *header,
                 const struct audit_row *row)
{
    struct dossier_run *run = run_of(all->outline, header->session);

    if (what_is(row, "start")) {
        close_run(all, header->session);
        if (run != NULL && run->start_us == 0) {
            run->start_us = row->at[AUDIT_TIME].number;
        }
    } else if (what_is(row, "stop") && run != NULL) {
        run->stop_us = row->at[AUDIT_TIME].number;
    }
    if (what_is(row, "gap") || what_is(row, "removed")) {
        open_span(all, DOSSIER_SPAN_GAP, header, row);
        if (what_is(row, "gap") && audit_row_has(row, AUDIT_COUNT) &&
            audit_row_has(row, AUDIT_STREAM)) {
            all->history->gap_events += row->at[AUDIT_COUNT].number;
        }
    } else if (!take_list(all, header, row) && !take_pause(all, header, row) &&
               !take_exception(all, header, row)) {
        open_span(all, DOSSIER_SPAN_NOTE, header, row);
    }
}

static bool look_at(void *context, const struct audit_header *header, struct audit_block *block,
                    uint32_t i)
{
    struct reading *all = context;
    struct audit_row row;

    if (all->block != block || all->number != header->number) {
        all->block = block;
        all->number = header->number;
        all->bad = audit_block_load(block, UINT64_MAX) != 0;
        all->history->damaged += all->bad;
    }
    if (!all->bad) {
        audit_block_row(block, i, &row);
        if (audit_row_has(&row, AUDIT_TIME)) {
            take(all, header, &row);
        }
    }
    return !all->no_memory;
}

int dossier_history_read(const struct dossier_request *request, struct dossier_outline *outline,
                         struct dossier *keeper, struct dossier_history *history)
{
    const struct audit_search_way way = {.growing = true};
    const struct audit_query query = {.streams = 1u << AUDIT_CHANGES, .way = &way};
    struct reading all = {
        .request = request, .outline = outline, .keeper = keeper, .history = history};
    int rc = 0;

    memset(history, 0, sizeof(*history));
    for (size_t i = 0; i < request->source_count && rc == 0; i++) {
        struct audit_search_stats stats = {.blocks = 0};

        report_progress(request->report, "changes", i, request->source_count);
        all.number = UINT64_MAX;
        rc = audit_search(request->sources[i].files, &query, look_at, &all, &stats);
        rc = all.no_memory ? -ENOMEM : rc;
        history->damaged += stats.damaged;
    }
    if (rc != 0) {
        dossier_history_deinit(history);
        return rc;
    }
    const struct dossier_run *last =
        outline->run_count > 0 ? &outline->runs[outline->run_count - 1] : NULL;
    if (last != NULL) {
        /* A run that stopped has ended what it had; one that goes on has not. */
        close_run(&all, last->stop_us != 0 ? ~last->session : last->session);
    }
    return 0;
}

void dossier_history_deinit(struct dossier_history *history)
{
    for (unsigned kind = 0; kind < DOSSIER_SPAN_KINDS; kind++) {
        free(history->spans[kind]);
    }
    memset(history, 0, sizeof(*history));
}
