/*
 * daemon/staging.h - newer versions of lists are brought in by stages (lists.stages): what the
 * next snapshot is to hold for that, and when the time of a stage is over.
 *
 * Happy path: a reload finds a newer version beside the one that counts (setup/stages.h) -> it
 * is at the first stage -> STATE/stages is written, an event recorded -> the time is over, or a
 * command asks for it -> a reload with the next stage -> ... Time is that of the monotonic
 * clock, counted each second and written now and then, so that it outlasts a restart. Failures:
 * a reload that fails leaves the stage as it was, and is tried again; what cannot be written is
 * said, and a restart then goes on with what the file has; the version before that cannot be
 * had is a warning, and the newer one counts for all. Main thread.
 */
#ifndef CORDON_DAEMON_STAGING_H
#define CORDON_DAEMON_STAGING_H

#include "admin/control.h"
#include "admin/overrides.h"
#include "setup/stages.h"

struct daemon;

enum staging_asked {
    STAGING_NOT_ASKED,
    STAGING_ASKED,    /* the next reload is for it */
    STAGING_PREPARING /* the reload that runs is */
};

/* Two for each list: by a rollback, and by its stages. */
#define STAGING_HELD_MAX (POLICY_LISTS_MAX + SETUP_STAGES_LISTS_MAX)

/* What has become of a command. */
enum staging_outcome {
    STAGING_NO_COMMAND,  /* the last reload was for none, or has failed */
    STAGING_NEXT,        /* it is at the stage that was asked for */
    STAGING_FOR_ALL,     /* it counts for all */
    STAGING_ROLLED_BACK, /* an older version of its list is held meanwhile */
    STAGING_REPLACED,    /* a still newer one is brought in, or it is taken back */
    STAGING_NOT_IN_USE   /* its list is not */
};

struct staging {
    struct setup_stages stages; /* as they are in force */
    char *path;                 /* of the file; NULL: nothing is kept, and nothing is staged */
    char *folder;               /* of kept versions */
    bool unsaved, unsaved_said;
    bool has_key;
    uint8_t key[SIPHASH_KEY_OCTETS];
    uint64_t next_try_us; /* monotonic: not before, after a reload that failed */
    uint64_t counted_us;  /* monotonic: until then, time has been counted */
    uint64_t unwritten_s; /* of it, what the file does not have */

    /* A command: the list, the stage that it is to be at, and who wants it. */
    enum staging_asked asked;
    char list[POLICY_LIST_ID_MAX + 1];
    uint32_t newer; /* the version that it is about */
    unsigned stage;
    struct override by;
    enum staging_outcome outcome;

    /* What the snapshot that is being made is to hold. */
    struct setup_held held[STAGING_HELD_MAX];
    char *paths[STAGING_HELD_MAX];
    size_t path_count;
    struct setup_held_set used;
};

/* Before lists are loaded: reads the file. What is wrong with it is logged. 0 or -ENOMEM. */
int staging_open(struct daemon *daemon);
/* Writes down what was counted, for the next start or a successor. Nothing once the successor
 * has read the file. */
void staging_note(struct daemon *daemon);
void staging_deinit(struct daemon *daemon);

/* What the snapshot that is made next is to hold: this, and what stages need beside it; until
 * the next call. */
const struct setup_held_set *staging_begin(struct daemon *daemon,
                                           const struct setup_held_set *held);
/* It is in force, or the reload has failed. */
void staging_end(struct daemon *daemon, bool good);
/* Each second: counts time, and has a reload begin where that of a stage is over. */
void staging_look(struct daemon *daemon, struct clock_now now);

/* Commands of the control socket. */
bool staging_list_command(struct daemon *daemon, struct request *request,
                          struct control_client *client, struct text *out);
bool staging_advance_command(struct daemon *daemon, struct request *request,
                             struct control_client *client, struct text *out);
/* The array "stages": what is brought in now, and how far; "stages_unsaved". */
void staging_write(struct text *out, const struct daemon *daemon);
/* The object "advanced" of the document of a reload, if that was for a command. */
void staging_write_outcome(struct text *out, const struct daemon *daemon);

#endif
