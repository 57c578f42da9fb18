/*
 * daemon/follow.h - changes of /etc/resolv.conf while the word "system" stands for its servers.
 *
 * The file is looked at every DAEMON_FOLLOW_LOOK_MS by stat(2) through all links, which sees a
 * rename, a write in place, a link that is turned, and a file that a container engine has
 * mounted, where inotify on the folder sees nothing. What it names then is published beside the
 * policy in force: no list is read, no other option changes. A file that is empty, broken or
 * gone changes nothing, and is said. Main thread.
 */
#ifndef CORDON_DAEMON_FOLLOW_H
#define CORDON_DAEMON_FOLLOW_H

#include "base/text.h"
#include "upstream/forward.h"

#include <uv.h>

struct daemon;
struct setup_snapshot;

struct follow {
    uv_fs_poll_t poll;
    uv_timer_t quiet; /* the file has changed: read when it has been left alone for a while */
    char *path;       /* that is followed; NULL: none */
    bool pending;     /* next has not been published */
    bool refused;     /* the file as it is now was not taken, and that has been said */
    struct upstream_settings next;
};

/* The handles, in the daemon's loop. */
int follow_init(struct daemon *daemon);
/* Follows what the configuration in force says: at the start, and after each reload. */
void follow_configure(struct daemon *daemon);
void follow_close(struct daemon *daemon);
void follow_deinit(struct daemon *daemon);

/* For whoever publishes: puts servers that are pending into a snapshot that was derived from
 * the current one; then tells that it, or a snapshot that was made anew, has been published. */
void follow_apply(const struct daemon *daemon, struct setup_snapshot *made);
void follow_published(struct daemon *daemon, bool anew);

/* The member "resolv_conf" of the status document. */
void follow_write(const struct daemon *daemon, struct text *out);

#endif
