/*
 * daemon/filter.h - the filter of system calls (seccomp(2)).
 */
#ifndef CORDON_DAEMON_FILTER_H
#define CORDON_DAEMON_FILTER_H

#include <stdbool.h>

/*
 * From here on only the calls of the table in filter.c work, for this thread and those that it
 * starts; any other fails with EPERM, so that nothing dies for a call that a library makes in
 * vain. New processes and programs are among the others. instrumented: also what the end of a
 * sanitizer's build needs. 0 or -errno: then nothing is filtered. Needs no_new_privs.
 */
int filter_install(bool instrumented);

#endif
