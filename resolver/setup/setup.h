/*
 * setup/setup.h - configuration and lists -> what the workers are handed, for daemon and tool.
 *
 * Everything that can be wrong with either is found here, before anything is replaced, and by
 * the same code for `cordon check` and for a reload.
 */
#ifndef CORDON_SETUP_SETUP_H
#define CORDON_SETUP_SETUP_H

#include "config/config.h"
#include "local/names.h"
#include "policy/load.h"
#include "policy/policy.h"
#include "policy/views.h"
#include "query/settings.h"
#include "setup/exceptions.h"
#include "setup/fingerprint.h"
#include "setup/held.h"
#include "upstream/forward.h"

/* What a view says while a schedule holds, or without one. */
struct setup_view_words {
    bool log_only, deny;
    char action[CONFIG_ACTION_MAX];
};

/* A view as it is told to people. */
struct setup_view {
    char name[CONFIG_VIEW_NAME_MAX + 1];
    char action[CONFIG_ACTION_MAX];
    bool log_only, deny;
    struct address_prefix clients[CONFIG_VIEW_CLIENTS_MAX]; /* none: all */
    size_t client_count;
    struct address listen[CONFIG_VIEW_LISTEN_MAX]; /* none: all */
    size_t listen_count;
    size_t allowed; /* names */
    enum policy_client client;
    enum policy_mode targets, name_servers;
    uint8_t lists[POLICY_LISTS_MAX]; /* of the image, in the order of the operator */
    size_t list_count;
    struct policy_caps caps;
    struct setup_view_words when[CONFIG_WHEN_MAX]; /* by variant, from 1 */
    char schedules[CONFIG_WHEN_MAX][CONFIG_VIEW_NAME_MAX + 1];
    size_t when_count;
};

struct setup_schedules;
struct setup_late;

/* How it stands with the memory of what was accepted before (docs/trust.md). */
struct setup_memory {
    bool kept;      /* there is one */
    bool unwritten; /* what is in force is not in it: it could not be written */
    struct trust_alarm alarm;
};

/* A publisher whose folder is broken: its lists are those that were accepted before, or out. */
struct setup_broken {
    char publisher[65]; /* "": that of lists.directory */
    bool left_out;      /* no version of them was kept */
    char fault[512];    /* the first, with its place */
};
#define SETUP_BROKEN_MAX (CONFIG_PUBLISHERS_MAX + 1)

/* Which variant of each view is in force, from a moment on (wall clock, seconds) to before
 * another.
 */
struct setup_moment {
    uint8_t variants[POLICY_VIEWS_MAX]; /* as policy_view_setting has them */
    uint64_t from_s, until_s;
};

/* What is handed to the workers at once: immutable. view_count leaves out twins (policy.h),
 * which views and the policy have after all others. */
struct setup_snapshot {
    struct policy *policy;
    struct policy_views *choice; /* who belongs to which view; NULL: all to the first */
    struct query_view views[POLICY_VIEWS_MAX]; /* those of settings */
    struct setup_view *shown;                  /* by number, as many; twins have none */
    size_t view_count;
    struct setup_schedules *schedules; /* NULL: none */
    struct setup_moment moment;        /* what the policy was made for */
    struct local_names *names;         /* NULL: none */
    struct query_settings settings;
    /* What decides. Of one that was derived its root's, until setup_fingerprint_change(). */
    struct setup_fingerprint *fingerprint;
    struct query_zone zones[QUERY_ZONES_MAX]; /* those of settings */
    size_t zone_count;
    struct upstream_settings upstreams;
    uint32_t left_out;              /* of its servers: asked by nobody, for now */
    struct upstream_settings named; /* the same with all of them */
    struct config *config;
    /* How its lists were loaded: without the image, which the policy owns. */
    struct policy_loaded_list lists[POLICY_LISTS_MAX];
    size_t list_count;
    size_t newer_count; /* versions beside those that are held; they follow after list_count */
    struct setup_staged staged[POLICY_LISTS_MAX]; /* as many */
    struct policy_shares shares;                  /* of clients, that have some of them */
    bool from_cache;                              /* the image was kept from before */
    bool shipped;                                 /* it is the publisher's (policy/shipped.h) */
    struct setup_memory memory;                   /* as it was when this was made */
    struct setup_broken broken[SETUP_BROKEN_MAX];
    size_t broken_count;
    struct setup_exceptions *exceptions; /* files of them; what counts is in derived ones */
    struct setup_late *late; /* to be done once it is in force (setup/late.h); NULL: nothing */
    uint64_t made_us;        /* wall clock */
    struct setup_snapshot *root; /* whose everything but the policy this one shares; NULL */
    unsigned users;              /* of a root: itself and those that share it */
};

/*
 * Takes over config on success. A file of exceptions that is refused is an error in the report,
 * and no failure. state_directory NULL in it: no image is kept. now_s: wall clock in seconds,
 * for the freshness of lists, for files of exceptions and for schedules. 0, or the first code
 * with everything in the report.
 */
int setup_snapshot_make(struct config *config, uint64_t generation, uint64_t now_s,
                        struct report *report, struct setup_snapshot **snapshot);
/* The same with more to say. */
struct setup_request {
    uint64_t generation, now_s; /* as above */
    bool asked_time;            /* now_s is no clock's, but a time that somebody asks about */
    const struct setup_held_set *held; /* NULL: no list is held */
    /* Nothing is in force: without this one nobody is served. A memory of what was accepted
     * that is damaged, or cannot be written, is then an error in the report and an alarm in the
     * snapshot, and no failure. */
    bool starts;
    struct setup_memory memory; /* as it is; of a start zeros */
    /* A publisher of trust.publishers whose folder is broken costs its own lists alone: they
     * stay as they were accepted before (setup/broken.h). So does that of lists.directory, at a
     * start. What is wrong is an error in the report, and no failure. */
    bool tolerates;
    /* For whoever only looks, with state_directory NULL: the folder of what a daemon has
     * accepted, which is compared where it can be read, and never written. NULL: none. */
    const char *looks_in;
    const struct setup_snapshot *before; /* in force: the root of it; NULL: nothing is */
    /* Texts of so many octets may be read and kept once they are in force: snapshot->late,
     * which the caller takes. 0: all is done before. */
    uint64_t late_octets;
};
int setup_snapshot_make_for(struct config *config, const struct setup_request *request,
                            struct report *report, struct setup_snapshot **snapshot);
void setup_snapshot_free(void *snapshot); /* a struct setup_snapshot; NULL is fine */

/*
 * The same with what people have changed for a while: nothing is read, verified or compiled.
 * from may be such a one itself: the changes are those of its root, which lives as long as
 * anything that shares it. now_s: wall clock in seconds: the schedules that hold then are in
 * force; changes->variants is not looked at. Make and free on one thread. 0; CORDON_E_LIMIT;
 * -ENOMEM.
 */
int setup_snapshot_derive(struct setup_snapshot *from, const struct policy_changes *changes,
                          uint64_t now_s, uint64_t generation,
                          struct setup_snapshot **snapshot);

/*
 * The same with what the files of exceptions let through at that time, for whoever asks without
 * a daemon: *count of them. Those that people have added by a command, and pauses, are the
 * daemon's.
 */
int setup_snapshot_except(struct setup_snapshot *from, uint64_t now_s, uint64_t generation,
                          size_t *count, struct setup_snapshot **snapshot);
/* Those exceptions themselves: *list is the caller's to free. 0 or -ENOMEM. */
int setup_snapshot_exceptions(const struct setup_snapshot *snapshot, uint64_t now_s,
                              struct policy_exception **list, size_t *count);

/*
 * The servers that the configuration in force names now, resolv.conf read anew; TLS as in the
 * snapshot. CORDON_E_FORMAT if resolv.conf cannot be read or names none; else 0.
 */
int setup_upstreams_again(const struct config *config, const struct setup_snapshot *current,
                          struct report *report, struct upstream_settings *upstreams);
/* Has a snapshot that was derived, and not yet published, ask these; copied. */
void setup_snapshot_ask(struct setup_snapshot *derived,
                        const struct upstream_settings *upstreams);

/* Has a snapshot that nobody has yet ask none of these (a bit for each server), and all others.
 */
void setup_snapshot_leave_out(struct setup_snapshot *snapshot, uint32_t servers);

/* "sinkhole", "redirect:NAME", "redirect:*.NAME" ...: an action as lists and configuration
 * write it. False if it is none. */
bool setup_action_parse(const char *text, enum policy_action *action,
                        struct wire_name *redirect, bool *redirect_prefixes);

#endif
