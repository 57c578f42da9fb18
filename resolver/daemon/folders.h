/*
 * daemon/folders.h - folders of lists that are others than before: a link that is turned to
 * another version, as cordon-update(8) does, and the folders of trust.publishers.
 *
 * inotify watches what a name led to and does not see that it leads elsewhere now: so the names
 * are looked at every DAEMON_FOLDERS_LOOK_MS by stat(2) through all links. Of lists.directory
 * only that is looked at which reload.c does not see by itself; of publishers' folders every
 * change. While the lists are read for the first time, which may take long, and upstreams are
 * tried, nobody watches yet: what is in each folder before and after that is compared. Main
 * thread.
 */
#ifndef CORDON_DAEMON_FOLDERS_H
#define CORDON_DAEMON_FOLDERS_H

#include "config/config.h"

#include <uv.h>

struct daemon;

struct folders {
    struct folders_one {
        uv_fs_poll_t poll;
        char *path; /* that is looked at; NULL: none */
        bool own;   /* it is lists.directory */
        bool noted; /* where it led to before the lists were read, and what was there: */
        uint64_t device, inode, contents;
    } at[CONFIG_PUBLISHERS_MAX + 1];
};

/* The handles, in the daemon's loop. */
void folders_init(struct daemon *daemon);
/* Before the lists are read for the first time: what changes from here on is seen. */
void folders_note(struct daemon *daemon);
/* Looks at what the configuration in force names: at the start, and after each reload. */
void folders_configure(struct daemon *daemon);
void folders_close(struct daemon *daemon);
void folders_deinit(struct daemon *daemon);

#endif
