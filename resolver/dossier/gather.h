/*
 * dossier/gather.h - reads a log once for its outline, and once for what reports count.
 */
#ifndef CORDON_DOSSIER_GATHER_H
#define CORDON_DOSSIER_GATHER_H

#include "audit/files.h"
#include "base/report.h"
#include "dossier/group.h"
#include "trust/note.h"

/* One log; a folder has several where one was damaged (docs/audit-log.md). */
struct dossier_source {
    const struct audit_files *files;
    struct trust_note_key key; /* its name is the origin of the log */
};

/* Borrowed for the call. */
struct dossier_request {
    const struct dossier_source *sources; /* in the order of their numbers */
    size_t source_count;
    uint64_t from_us, to_us;     /* both included; 0: from the first, up to the last */
    const char *provider;        /* NULL: every one */
    size_t most;                 /* keys that are counted exactly; 0: DOSSIER_KEYS_MAX */
    const struct report *report; /* told how far it is; NULL: nobody is */
};

/* A run of the daemon, as far as the log has seen it. */
struct dossier_run {
    uint64_t session;
    uint64_t first_us, last_us; /* signs of life: of blocks and checkpoints */
    uint64_t start_us, stop_us; /* as it said itself; 0: it did not */
};

/* What headers and checkpoints say, without a look at events. */
struct dossier_outline {
    uint64_t first_us, last_us;                     /* of all events; 0: there are none */
    uint64_t decisions_first_us, decisions_last_us; /* of decisions */
    uint64_t blocks, removed, damaged, missing_files;
    uint64_t checkpoint_us; /* of the newest checkpoint; nobody has verified it */
    uint8_t seed[16];       /* of the first block */
    struct dossier_run *runs;
    size_t run_count, run_room;
    uint64_t runs_left_out;
};

/* Of all sources. 0; -errno; -ENOMEM. */
int dossier_outline_read(const struct dossier_request *request,
                         struct dossier_outline *outline);
void dossier_outline_deinit(struct dossier_outline *outline);
/* The times that are reported: those that were asked for, else those of the log. */
void dossier_outline_range(const struct dossier_request *request,
                           const struct dossier_outline *outline, uint64_t *from_us,
                           uint64_t *to_us);

/* How long a column of a chart over these times is: an hour, a day, a week ... */
uint64_t dossier_step(uint64_t from_us, uint64_t to_us);

struct dossier_counts {
    uint64_t decisions;                      /* that were counted */
    uint64_t pseudonyms, prefixes, nameless; /* of these: by the form of the client */
    uint64_t damaged;                        /* blocks that could not be read */
};

/* Gives the decisions of these times to each group. 0; -errno; -ENOMEM. */
int dossier_gather(const struct dossier_request *request, uint64_t from_us, uint64_t to_us,
                   struct dossier_group *const *groups, size_t count,
                   struct dossier_counts *counts);

/* "2026-11-22T09:30:00Z" */
#define DOSSIER_MOMENT_MAX 32
const char *dossier_moment(uint64_t time_us, char out[DOSSIER_MOMENT_MAX]);

#endif
