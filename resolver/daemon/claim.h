/*
 * daemon/claim.h - the lock on the state directory: one cordond at a time has it.
 *
 * Two of them would each write pauses, exceptions and what was accepted over the other's. The
 * lock goes with the open file and so with the process: nothing is left by one that was killed.
 * The file names the process to whoever finds it taken. What cannot be locked (a folder that is
 * read-only, a file system without locks) is no reason to answer nobody: that is said.
 *
 * A successor (daemon/takeover.h) begins while its predecessor has the lock: it goes on
 * without, writes its own number there once it is ready, and takes the lock when that one lets
 * it go.
 */
#ifndef CORDON_DAEMON_CLAIM_H
#define CORDON_DAEMON_CLAIM_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define CLAIM_FILE "cordond.lock"

struct claim {
    int fd;    /* -1: there is none */
    bool have; /* the lock */
    char path[PATH_MAX];
};

void claim_init(struct claim *claim);

/*
 * Waits for at most wait_ms if another process has it: one that ends, mostly. predecessor: the
 * process that hands over to this one, 0 without. 0, also where it cannot be locked; -EBUSY
 * after a message on err that says what to do. folder NULL: nothing happens.
 */
int claim_take(struct claim *claim, const char *folder, pid_t predecessor, unsigned wait_ms,
               FILE *err);

/* The predecessor, if there was one, has been told that this process serves. */
void claim_ready(struct claim *claim);

/* Tries again, if it is not had yet. False: another process has it. */
bool claim_look(struct claim *claim);

/* Lets it go; also if there is none. */
void claim_release(struct claim *claim);

#endif
