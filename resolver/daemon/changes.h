/*
 * daemon/changes.h - what people change for a while, in the running daemon: kept in a file, put
 * into force by a snapshot that shares everything with the one before, recorded, and ended when
 * its time is over.
 *
 * Happy path: a command -> checked -> written to the file -> recorded -> published -> every
 * worker has taken it -> the one who asked is told. The file is the state directory's
 * overrides.jsonl (admin/overrides.h); one that cannot be written refuses the command, unless
 * it was asked for until the next restart only. Main thread.
 */
#ifndef CORDON_DAEMON_CHANGES_H
#define CORDON_DAEMON_CHANGES_H

#include "admin/control.h"
#include "admin/overrides.h"
#include "audit/change.h"
#include "daemon/changes_exceptions.h"
#include "daemon/limits.h"
#include "setup/setup.h"

#include <stdatomic.h>
#include <uv.h>

struct daemon;

/* A client that waits for its change to be in force. */
struct change_waiter {
    struct control_client *client;
    char *document; /* without its last fields */
    size_t len;
    uint64_t began_us;
    uint64_t number; /* of the slot, that the workers must adopt; 0: not published yet */
};

struct changes {
    struct overrides set;
    struct exceptions_files files; /* exceptions of files */
    struct overrides ended;        /* exceptions of commands that are over, the newest last */
    char *path;                    /* of the file; NULL: nothing is kept */
    uint64_t generation;           /* given last to a policy */
    bool dirty;                    /* the set is not in force yet */
    bool unsaved;                  /* the file has what has expired */
    bool unsaved_said;
    bool set_aside; /* the file has what could not be read and is nowhere else: it is moved away
                       before it is written */
    uint64_t next_save_us;
    bool open; /* the timers are */
    uv_timer_t tick, step;
    struct ring *ring; /* of records; the writer is its consumer */
    _Atomic uint64_t lost;
    struct report damage; /* of the file at the start, until a change has written it anew */
    struct change_waiter waiting[DAEMON_WAITING_MAX];
    size_t waiting_count;
};

/* Before there is a slot: reads the file and makes what is to be published first of the root,
 * which it takes over on success. 0 or -ENOMEM. What is wrong with the file is logged, and does
 * not stop anything. */
int changes_open(struct daemon *daemon, struct setup_snapshot *root,
                 struct setup_snapshot **snapshot);
/* With the loop, after the slot and the workers. */
void changes_start(struct daemon *daemon);
void changes_stop(struct daemon *daemon); /* closes the timers; fine if it never started */
void changes_deinit(struct daemon *daemon);

/* The number for a policy that is made now: each has its own. */
uint64_t changes_next_generation(struct daemon *daemon);

/*
 * Publishes the root (NULL: that of the snapshot in force) with all changes, and wakes who
 * reads. 0: the root is the slot's. -EBUSY: the one before the current is still in use, try
 * again; -ENOMEM. After a failure the root is the caller's.
 */
int changes_publish(struct daemon *daemon, struct setup_snapshot *root);
/* Has the current snapshot derived and published anew as soon as readers allow. */
void changes_publish_soon(struct daemon *daemon);

/* Puts the set into force instead of the current one, which it takes over in any case: written
 * to the file unless that is not asked for, and then published. 0, or -errno of the file: then
 * nothing has changed. */
int changes_apply(struct daemon *daemon, struct overrides *set, bool keep);

/* Tells the client when all that was applied is in force: the document, an object without its
 * closing brace, gets two more fields. False: too many wait (changes_may_wait). */
bool changes_may_wait(const struct daemon *daemon);
void changes_wait(struct daemon *daemon, struct control_client *client, const struct text *out);

/* Writes the event, and a line of the log. by NULL: the daemon itself. */
void changes_record(struct daemon *daemon, enum audit_change_what what,
                    const struct override *override, const struct override *by,
                    const char *reason);

/* Fills in who asks. */
void changes_identify(const struct control_client *client, struct override *out);

/* Whether it has a say: its list is loaded, its view is there. */
bool changes_has_effect(const struct setup_snapshot *snapshot, const struct override *override);

/* What an exception is at the moment: "in-force", "waiting" (it has not begun), "over",
 * "rule-gone" (no list that is loaded has the rule), "no-view", "unsigned" (only exceptions of
 * signed files count). */
const char *changes_state(const struct daemon *daemon, const struct override *override,
                          struct clock_now now);

/* All there are: of commands, of files, and that are over. NULL: there is none of that number.
 */
const struct override *changes_at(const struct changes *changes, size_t number);

/* changes_time.c: what the time and files do to exceptions. */
/* Begins, ends and tells what it is time for. True if there is something new to publish. */
bool changes_look(struct daemon *daemon, struct clock_now now);
/* The snapshot is in force with these files, which are taken over: tells what is new. */
void changes_take_files(struct daemon *daemon, const struct setup_snapshot *snapshot,
                        struct exceptions_files *files);

/* changes_told.c: says in a snapshot that was derived with these changes what they are, for its
 * fingerprint: the first `commands` of the exceptions are of commands. 0 or -ENOMEM. */
int changes_tell(const struct exceptions_files *files, const struct policy_changes *changes,
                 size_t commands, struct setup_snapshot *derived);
/* Two logs show when two resolvers began to differ. */
void changes_log_fingerprint(const struct setup_snapshot *before,
                             const struct setup_snapshot *now);

/* changes_file.c: the file. Both need path alone. */
/* 0 or -ENOMEM; what is wrong with the file is logged and in `damage`. */
int changes_file_load(struct changes *changes, struct clock_now now);
/* 0, or a negative code, and the file is then as it was: what cannot be read or is no regular
 * file (CORDON_E_REFUSED) is never written over. */
int changes_file_save(struct changes *changes, const struct overrides *set);
const char *changes_file_words(int rc); /* what is wrong, for people */

/* changes_command.c: commands of the control socket. */
bool changes_pause_command(struct daemon *daemon, struct request *request,
                           struct control_client *client, struct text *out);
bool changes_pause_end_command(struct daemon *daemon, struct request *request,
                               struct control_client *client, struct text *out);
bool changes_exception_add_command(struct daemon *daemon, struct request *request,
                                   struct control_client *client, struct text *out);
bool changes_exception_remove_command(struct daemon *daemon, struct request *request,
                                      struct control_client *client, struct text *out);
bool changes_list_command(struct daemon *daemon, struct request *request,
                          struct control_client *client, struct text *out);
/* How many exceptions there are, by what they are at the moment. */
struct changes_counts {
    size_t in_force, waiting, over, rule_gone, without_effect;
    size_t ending;  /* of those in force, so many end within exceptions.warn */
    size_t refused; /* files */
};
struct changes_counts changes_count(const struct daemon *daemon, struct clock_now now);
/* The object "changes" of the status document. */
void changes_write(struct text *out, const struct daemon *daemon);

#endif
