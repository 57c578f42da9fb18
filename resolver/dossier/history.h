/*
 * dossier/history.h - what the stream of changes says was so, from when to when: runs, lists in
 * force, lists that were out of date, pauses, exceptions; and what happened at a moment.
 *
 * All of the log is read, whatever times are asked for: what holds at the first moment began
 * before it.
 */
#ifndef CORDON_DOSSIER_HISTORY_H
#define CORDON_DOSSIER_HISTORY_H

#include "dossier/gather.h"

enum dossier_span_kind {
    DOSSIER_SPAN_LIST,      /* a version of a list in force */
    DOSSIER_SPAN_STATE,     /* a list that is not fresh */
    DOSSIER_SPAN_PAUSE,     /* a list, or all, paused by somebody */
    DOSSIER_SPAN_EXCEPTION, /* what an exception lets through */
    DOSSIER_SPAN_GAP,       /* events that are missing, or bodies that were removed */
    DOSSIER_SPAN_NOTE,      /* all else that happened */
    DOSSIER_SPAN_KINDS
};

struct dossier_span {
    uint64_t from_us, to_us; /* to_us 0: it goes on */
    uint64_t session;
    const char
        *ended; /* a literal: "newer", "gone", "stopped", "killed" ...; NULL: it goes on */
    const uint8_t *row; /* the event that began it, in its canonical form */
    size_t row_len;
};

struct dossier_history {
    struct dossier_span *spans[DOSSIER_SPAN_KINDS];
    size_t counts[DOSSIER_SPAN_KINDS], rooms[DOSSIER_SPAN_KINDS];
    uint64_t left_out[DOSSIER_SPAN_KINDS]; /* above DOSSIER_HISTORY_MAX */
    uint64_t damaged;
    uint64_t gap_events; /* that gaps say are missing */
};

/* outline: its runs are told when they said that they start and stop. keeper: whose memory the
 * rows live in. 0; -errno; -ENOMEM: then there is nothing to deinit. */
int dossier_history_read(const struct dossier_request *request, struct dossier_outline *outline,
                         struct dossier *keeper, struct dossier_history *history);
void dossier_history_deinit(struct dossier_history *history);

/* The row that began a span; false if it cannot be read (it always can). */
bool dossier_span_row(const struct dossier_span *span, struct audit_row *row);
/* A text of a row; octets NULL: it has none. */
struct audit_value dossier_row_text(const struct audit_row *row, unsigned column);

/* When a run ended: as it said, or its last sign of life. */
uint64_t dossier_run_end(const struct dossier_run *run);

/* Time without a valid policy. */
enum dossier_outage_kind {
    DOSSIER_NOT_RUNNING, /* stopped, and not yet started again */
    DOSSIER_NO_SIGN,     /* killed, or the log ends: from the last sign of life on */
    DOSSIER_DEAD,        /* a list past its time for too long */
    DOSSIER_STALE,       /* a list past its time; it was still enforced */
    DOSSIER_CLOCK,       /* the clock could not be trusted; lists were still enforced */
    DOSSIER_PAUSE,       /* somebody paused a list, or all */
    DOSSIER_NO_LISTS,    /* running, and no list in force */
    DOSSIER_OUTAGES
};
struct dossier_outage {
    enum dossier_outage_kind kind;
    uint64_t from_us, to_us;
    const struct dossier_span *span; /* that it comes from; NULL: of a run */
};
const char *dossier_outage_key(enum dossier_outage_kind kind);
const char *dossier_outage_words(enum dossier_outage_kind kind);

/* Those within these times, clipped to them, by kind and time; *out is the caller's to free. 0
 * or -ENOMEM. */
int dossier_outages(const struct dossier_outline *outline,
                    const struct dossier_history *history, uint64_t from_us, uint64_t to_us,
                    struct dossier_outage **out, size_t *count);
/* The time that those of one kind cover together. */
uint64_t dossier_outage_total(const struct dossier_outage *outages, size_t count,
                              enum dossier_outage_kind kind);

#endif
