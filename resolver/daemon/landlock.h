/*
 * daemon/landlock.h - a domain of landlock(7) by its system calls: glibc has no functions.
 */
#ifndef CORDON_DAEMON_LANDLOCK_H
#define CORDON_DAEMON_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

#define LANDLOCK_RULES_MAX 160u

struct landlock_rule {
    const char *path; /* a file, or a folder with all below it; a missing one is left out */
    enum {
        LANDLOCK_READ,  /* files and folders */
        LANDLOCK_CHANGE /* that, and: write, make, replace and remove files and sockets; make
                           folders */
    } what;
};

/* The version of the kernel's interface, from 1. -ENOSYS: it has none; -EOPNOTSUPP: it is
 * switched off; any other -errno: the call is forbidden. */
int landlock_version(void);

/*
 * Forbids this thread, and those that it starts, every access to files that no rule allows, to
 * bind a TCP port, to signal processes outside and, with hide_abstract, to connect to their
 * abstract sockets; the last three as far as the version knows them. Needs no_new_privs.
 * 0 or -errno: then nothing has changed.
 */
int landlock_restrict(const struct landlock_rule *rules, size_t count, bool hide_abstract);

#endif
