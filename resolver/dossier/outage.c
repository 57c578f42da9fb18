/* dossier/outage.c - time without a valid policy, from runs and from what lists were. */
#include "dossier/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct outages {
    struct dossier_outage *at;
    size_t count, room;
    uint64_t from_us, to_us;
    bool no_memory;
};

static const struct {
    const char *key, *words;
} kinds[DOSSIER_OUTAGES] = {
    [DOSSIER_NOT_RUNNING] = {"not-running", "Not running: stopped, and not started again"},
    [DOSSIER_NO_SIGN] = {"no-sign-of-life",
                         "No sign of life: killed without a word, or the log ends here"},
    [DOSSIER_DEAD] = {"list-dead", "A list was out of date for longer than is borne"},
    [DOSSIER_STALE] = {"list-stale", "A list was past its expiry; it stayed in force"},
    [DOSSIER_CLOCK] = {"clock-untrusted",
                       "The clock could not be trusted, so nothing was seen to expire"},
    [DOSSIER_PAUSE] = {"paused", "Somebody had paused a list, or all of them"},
    [DOSSIER_NO_LISTS] = {"no-lists", "Running without any list in force"},
};

const char *dossier_outage_key(enum dossier_outage_kind kind)
{
    return kinds[kind].key;
}

const char *dossier_outage_words(enum dossier_outage_kind kind)
{
    return kinds[kind].words;
}

static void add(struct outages *all, enum dossier_outage_kind kind, uint64_t from_us,
                uint64_t to_us, const struct dossier_span *span)
{
    const uint64_t from = from_us > all->from_us ? from_us : all->from_us;
    const uint64_t to = to_us < all->to_us ? to_us : all->to_us;

    if (from >= to || all->no_memory) {
        return;
    }
    if (all->count == all->room) {
        const size_t room = all->room == 0 ? 64 : 2 * all->room;
        struct dossier_outage *at = realloc(all->at, room * sizeof(at[0]));

        if (at == NULL) {
            all->no_memory = true;
            return;
        }
        all->at = at;
        all->room = room;
    }
    all->at[all->count++] = (struct dossier_outage){kind, from, to, span};
}

static int compare_runs(const void *a, const void *b)
{
    const struct dossier_run *left = a, *right = b;

    return left->first_us != right->first_us ? (left->first_us < right->first_us ? -1 : 1)
           : left->session == right->session ? 0
           : left->session < right->session  ? -1
                                             : 1;
}

static uint64_t begins(const struct dossier_run *run)
{
    return run->start_us != 0 && run->start_us < run->first_us ? run->start_us : run->first_us;
}

/* Between runs. A successor that takes over starts before its predecessor has ended. */
static void of_runs(struct outages *all, const struct dossier_outline *outline)
{
    struct dossier_run *runs = calloc(outline->run_count + 1, sizeof(runs[0]));
    uint64_t end_us = 0;
    bool told = true; /* the latest end was one that the run told itself */

    if (runs == NULL) {
        all->no_memory = true;
        return;
    }
    if (outline->run_count > 0) {
        memcpy(runs, outline->runs, outline->run_count * sizeof(runs[0]));
    }
    qsort(runs, outline->run_count, sizeof(runs[0]), compare_runs);
    for (size_t i = 0; i <= outline->run_count; i++) {
        const bool is_end = i == outline->run_count;

        if (end_us != 0) {
            add(all, told ? DOSSIER_NOT_RUNNING : DOSSIER_NO_SIGN, end_us,
                is_end ? UINT64_MAX : begins(&runs[i]), NULL);
        }
        if (!is_end && dossier_run_end(&runs[i]) >= end_us) {
            end_us = dossier_run_end(&runs[i]);
            told = runs[i].stop_us != 0;
        }
    }
    free(runs);
}

static void of_spans(struct outages *all, const struct dossier_history *history)
{
    for (size_t i = 0; i < history->counts[DOSSIER_SPAN_STATE]; i++) {
        const struct dossier_span *span = &history->spans[DOSSIER_SPAN_STATE][i];
        struct audit_row row;

        if (dossier_span_row(span, &row)) {
            const struct audit_value state = dossier_row_text(&row, AUDIT_STATE);

            add(all,
                dossier_is(&state, "dead")    ? DOSSIER_DEAD
                : dossier_is(&state, "stale") ? DOSSIER_STALE
                                              : DOSSIER_CLOCK,
                span->from_us, span->to_us != 0 ? span->to_us : UINT64_MAX, span);
        }
    }
    for (size_t i = 0; i < history->counts[DOSSIER_SPAN_PAUSE]; i++) {
        const struct dossier_span *span = &history->spans[DOSSIER_SPAN_PAUSE][i];

        add(all, DOSSIER_PAUSE, span->from_us, span->to_us != 0 ? span->to_us : UINT64_MAX,
            span);
    }
}

static int compare_spans(const void *a, const void *b)
{
    const struct dossier_span *left = a, *right = b;

    return left->from_us == right->from_us ? 0 : left->from_us < right->from_us ? -1 : 1;
}

/* A run without any list: what its lists leave of it. */
static void without_lists(struct outages *all, const struct dossier_outline *outline,
                          const struct dossier_history *history)
{
    const size_t count = history->counts[DOSSIER_SPAN_LIST];
    struct dossier_span *spans = calloc(count + 1, sizeof(spans[0]));

    if (spans == NULL) {
        all->no_memory = true;
        return;
    }
    if (count > 0) {
        memcpy(spans, history->spans[DOSSIER_SPAN_LIST], count * sizeof(spans[0]));
    }
    qsort(spans, count, sizeof(spans[0]), compare_spans);
    for (size_t i = 0; i < outline->run_count; i++) {
        const struct dossier_run *run = &outline->runs[i];
        uint64_t at = begins(run);

        for (size_t k = 0; k < count; k++) {
            const uint64_t end = spans[k].to_us != 0 ? spans[k].to_us : UINT64_MAX;

            if (spans[k].session != run->session) {
                continue;
            }
            /* A start writes what it has within a moment. */
            if (spans[k].from_us > at + 10000000) {
                add(all, DOSSIER_NO_LISTS, at, spans[k].from_us, NULL);
            }
            at = end > at ? end : at;
        }
        if (at < dossier_run_end(run)) {
            add(all, DOSSIER_NO_LISTS, at, dossier_run_end(run), NULL);
        }
    }
    free(spans);
}

static int compare(const void *a, const void *b)
{
    const struct dossier_outage *left = a, *right = b;

    if (left->kind != right->kind) {
        return left->kind < right->kind ? -1 : 1;
    }
    if (left->from_us != right->from_us) {
        return left->from_us < right->from_us ? -1 : 1;
    }
    if (left->to_us != right->to_us) {
        return left->to_us < right->to_us ? -1 : 1;
    }
    return left->span == right->span ? 0 : left->span < right->span ? -1 : 1;
}

int dossier_outages(const struct dossier_outline *outline,
                    const struct dossier_history *history, uint64_t from_us, uint64_t to_us,
                    struct dossier_outage **out, size_t *count)
{
    struct outages all = {.from_us = from_us, .to_us = to_us};

    of_runs(&all, outline);
    of_spans(&all, history);
    without_lists(&all, outline, history);
    if (all.no_memory) {
        free(all.at);
        return -ENOMEM;
    }
    if (all.count > 0) {
        qsort(all.at, all.count, sizeof(all.at[0]), compare);
    }
    *out = all.at;
    *count = all.count;
    return 0;
}

uint64_t dossier_outage_total(const struct dossier_outage *outages, size_t count,
                              enum dossier_outage_kind kind)
{
    uint64_t sum = 0;
    uint64_t covered = 0;

    for (size_t i = 0; i < count; i++) {
        const struct dossier_outage *outage = &outages[i];

        if (outage->kind == kind && outage->to_us > covered) {
            sum += outage->to_us - (outage->from_us > covered ? outage->from_us : covered);
            covered = outage->to_us;
        }
    }
    return sum;
}
