/*
 * update/run.h - one run of the updater: for each publisher that has sources, from asking them
 * to what is in force.
 *
 * What is new is fetched and verified (update/candidate.h), judged by the gate, remembered in
 * the updater's own ratchet, kept as a version, and put in force by one rename
 * (update/store.h). Time, chance and the network are handed in.
 */
#ifndef CORDON_UPDATE_RUN_H
#define CORDON_UPDATE_RUN_H

#include "update/candidate.h"

#define UPDATE_CHANGES_MAX   TRUST_CATALOGUE_LISTS_MAX
#define UPDATE_OVERRIDES_MAX 16u
#define UPDATE_REASON_MAX    512u

/* What the operator said. All borrowed. */
struct update_options {
    const struct config *config;
    const char *config_path;              /* NULL: the default */
    const char *publisher;                /* this one alone; NULL: all that have sources */
    const struct config_sources *sources; /* instead of those of the configuration; NULL */
    unsigned rounds;
    bool dry_run;
    const char *overrides[UPDATE_OVERRIDES_MAX]; /* checks of the gate that do not count */
    size_t override_count;
    bool force; /* every check that may be overridden */
    const char *reason;
};

enum update_outcome {
    UPDATE_ACTIVATED,
    UPDATE_SAME,      /* nothing new */
    UPDATE_WOULD,     /* a dry run that would have activated */
    UPDATE_REFUSED,   /* by the gate, or since what sources have cannot be trusted */
    UPDATE_NO_SOURCE, /* none could be reached */
    UPDATE_FAULT      /* something of ours: disk, ratchet, root */
};

struct update_change {
    char id[TRUST_ID_MAX + 1];
    uint32_t from, to; /* serials; 0: not there */
};

/* What became of one publisher; of a run in which several versions were judged, what became of
 * the last of them, and of those before in `earlier`. */
struct update_result {
    char publisher[TRUST_ID_MAX + 1];
    enum update_outcome outcome;
    char source[PATH_MAX];                                 /* that was believed; "" */
    char from[UPDATE_VERSION_MAX], to[UPDATE_VERSION_MAX]; /* versions; "" */
    uint32_t from_serial, to_serial, from_root, to_root;   /* 0: not known */
    uint64_t expires_s;                                    /* of the set in force now; 0 */
    struct update_change *changes;
    size_t change_count;
    struct report report; /* everything that was said */
    char *verdict;        /* of the gate: a JSON document; NULL: it was not asked */
    char *verdict_text;   /* the same for people */
    uint64_t began_s, ended_s;
    unsigned requests;
    uint64_t octets;
    struct update_result *earlier; /* what was done or refused in this run before; NULL */
};

/* One publisher of the configuration. */
struct update_publisher {
    char name[TRUST_ID_MAX + 1];
    char pinned[PATH_MAX];
    const struct config_sources *sources;
    const char *directory;                  /* from which cordond reads */
    const struct config_publisher *foreign; /* NULL: that of lists.directory */
};

enum update_judgement {
    UPDATE_JUDGED_GOOD,
    UPDATE_JUDGED_BAD,
    UPDATE_JUDGED_NOT /* it could not be judged: a fault of ours, reported */
};

/* Judges the candidate of a publisher. has_set: there is a set in force to compare it with. */
typedef enum update_judgement update_judge_by(const struct update_options *options,
                                              const struct update_publisher *publisher,
                                              const struct update_place *place, bool has_set,
                                              const struct update_store *store, uint64_t now_s,
                                              struct update_result *result);

/* What a run needs of the world. */
struct update_world {
    uint64_t (*now_s)(void *context);  /* wall clock */
    uint64_t (*mono_s)(void *context); /* one that nobody sets */
    void (*wait_ms)(void *context, uint64_t ms);
    update_get *get;
    void *context; /* of all four */
    update_judge_by *judge;
    struct random *random;
};

/*
 * The publishers of the configuration that count: at most CONFIG_PUBLISHERS_MAX + 1, with all
 * their sources, or only that of options->publisher. A root that cannot be read is reported.
 */
size_t update_publishers(const struct update_options *options, struct report *report,
                         struct update_publisher *out);

/* The store is open. *result is freed by update_result_free, whatever became of it. */
void update_run(const struct update_options *options, const struct update_world *world,
                const struct update_store *store, const struct update_publisher *publisher,
                struct update_result *result);
void update_result_free(struct update_result *result);

const char *update_outcome_word(enum update_outcome outcome);

/* Calls it for what became of a publisher, the earliest first. */
typedef void update_each(void *context, struct update_result *result);
void update_result_each(struct update_result *result, update_each *each, void *context);

/* The exit code for all of them: 0, 1 (refused, or a fault of ours), 3 (no source), 4 (in
 * part: for some publishers; or one version came in force, and a newer one did not). */
int update_exit(const struct update_result *results, size_t count);

#endif
