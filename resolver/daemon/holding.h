/*
 * daemon/holding.h - lists that are rolled back: the command, the file that keeps the decision,
 * and what becomes of both.
 *
 * Happy path: a command -> the version is looked for -> a reload with it held -> it was
 * verified and is ready -> the decision is written to STATE/held.jsonl (admin/holds.h) ->
 * published -> recorded as an event and in the history -> the one who asked is told. Failures:
 * whatever is wrong before the decision is written refuses the command, and nothing has
 * changed. A version that cannot be had later (its file is gone, its keys count no more) is an
 * alarm, and the newest counts. Main thread.
 */
#ifndef CORDON_DAEMON_HOLDING_H
#define CORDON_DAEMON_HOLDING_H

#include "admin/control.h"
#include "admin/holds.h"
#include "daemon/history.h"

struct daemon;

enum holding_step {
    HOLDING_IDLE,
    HOLDING_ASKED,    /* the next reload is for it */
    HOLDING_PREPARING /* the reload that runs is */
};

struct holding {
    struct holds set; /* that counts, as the file has it */
    char *path;       /* of the file; NULL: nothing is kept, nothing can be held */
    char *folder;     /* of kept versions */
    struct report damage;
    bool set_aside;              /* the file has what could not be read */
    bool lost[POLICY_LISTS_MAX]; /* of the set: said that its version cannot be had */

    enum holding_step step;
    struct holds wanted; /* what the command makes of the set */
    struct hold command; /* its list, and who and why */
    bool is_release;
    struct control_client *client;

    /* What the snapshot that is being made is to hold. */
    struct setup_held held[POLICY_LISTS_MAX];
    char *paths[POLICY_LISTS_MAX];
    struct setup_held_set used;
};

/* Before lists are loaded: reads the file. What is wrong with it is logged and in `damage`. 0
 * or -ENOMEM. */
int holding_open(struct daemon *daemon);
void holding_deinit(struct daemon *daemon);

/* What the snapshot that is made next is to hold; until the next call. */
const struct setup_held_set *holding_begin(struct daemon *daemon);
/* The snapshot is made: may it be published? Writes the decision down. 0, or a code with a
 * report. */
int holding_ready(struct daemon *daemon, const struct setup_snapshot *snapshot,
                  struct report *report);
/* The reload has ended: the decision counts, or is taken back; the one who asked is told, and
 * history is written. cause: of the reload, where it was no command of ours. */
void holding_end(struct daemon *daemon, bool good, const char *cause,
                 const struct report *report);
/* The first snapshot is in force. */
void holding_started(struct daemon *daemon);

/* A list of the snapshot; NULL: no view uses it. */
const struct policy_loaded_list *holding_find_list(const struct setup_snapshot *snapshot,
                                                   const char *id);

/* holding_command.c: commands of the control socket. */
bool holding_rollback_command(struct daemon *daemon, struct request *request,
                              struct control_client *client, struct text *out);
bool holding_release_command(struct daemon *daemon, struct request *request,
                             struct control_client *client, struct text *out);
bool holding_history_command(struct daemon *daemon, struct request *request,
                             struct control_client *client, struct text *out);

/* "held" and "held_damage" of the status document. */
void holding_write(struct text *out, const struct daemon *daemon);
/* Of them, those whose version cannot be had. */
size_t holding_lost(const struct daemon *daemon);

#endif
