/*
 * daemon/recording.h - the audit log of this daemon: where it lies, and what of the daemon's
 * own doings it is told.
 */
#ifndef CORDON_DAEMON_RECORDING_H
#define CORDON_DAEMON_RECORDING_H

#include "audit/privacy.h"
#include "audit/recorder.h"
#include "base/text.h"
#include "config/config.h"
#include "setup/setup.h"

struct daemon;
struct audit_note;
struct control_client;
struct control_peer;
struct request;

struct recording {
    struct audit_recorder *recorder; /* NULL: nothing is recorded */
    struct audit_privacy *privacy;   /* of events, recorded or not */
    uint8_t config[DIGEST_OCTETS];   /* of the configuration in force, as it was told */
    char why_not[128];               /* nothing is recorded; "": the operator wants it so */
    const char *stop;                /* why the daemon ends; a literal */
};

/* Whether a log is wanted, and there is a place for it: its folder is then in path. */
bool recording_folder(const struct config *config, char path[AUDIT_PATH_MAX]);

/* After the folders are there and rights are dropped, before the workers; snapshot: the one
 * that they begin with. Only a lack of memory is a failure: what is wrong with the disk passes.
 * Tells of the start. 0 or -ENOMEM. */
int recording_open(struct daemon *daemon, const struct setup_snapshot *snapshot);
/* The writer has ended. */
void recording_close(struct daemon *daemon);

/* Another snapshot with a root of its own was published: which lists came and went. Both
 * borrowed for the call. */
void recording_published(struct daemon *daemon, const struct setup_snapshot *before,
                         const struct setup_snapshot *after);
/* A reload has ended: rc as in struct reload; daemon->config is in force. peer: who asked for
 * it, by the word of the kernel; NULL: files, a signal, or nobody who still waits. */
void recording_reloaded(struct daemon *daemon, int rc, const char *cause,
                        const struct control_peer *peer);

/* Puts a note of the daemon's own doings; its time is now. Nothing where nothing is recorded.
 */
void recording_tell(struct daemon *daemon, struct audit_note *note);

/* The public key of the log. False: there is none yet. */
bool recording_key(struct daemon *daemon, char out[TRUST_NOTE_KEY_TEXT_MAX]);

/* audit-forget: begins it, and says its number; status says what has come of it. */
bool recording_forget_command(struct daemon *daemon, struct request *request,
                              struct control_client *client, struct text *out);

/* "audit": object of the status document. */
void recording_write(struct daemon *daemon, struct text *out);

#endif
