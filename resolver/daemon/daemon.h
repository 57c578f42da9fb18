/*
 * daemon/daemon.h - the place where the rooms are connected: start, workers, reload, stop.
 *
 * Threads: the main thread is the housekeeping loop (signals, control socket, reload,
 * publishing); each worker has a loop of its own; the writer of events is one more, and a
 * reload is prepared on a thread of low priority (builder.h). What they share is the cache, the
 * policy slot, and counters.
 */
#ifndef CORDON_DAEMON_DAEMON_H
#define CORDON_DAEMON_DAEMON_H

#include <stdbool.h>

/* Exit codes of cordond(8). */
enum daemon_exit {
    DAEMON_EXIT_CLEAN = 0, /* stopped by a signal, or by a successor */
    DAEMON_EXIT_START = 1, /* cannot start: configuration, lists, ports, rights */
    DAEMON_EXIT_USAGE = 2  /* the command line is wrong */
};

/* Runs until a signal or a successor ends it. replace: takes the place of the cordond that
 * answers on the configured control socket, if one does (takeover.h). Returns the exit code of
 * cordond(8). random_library_init() was called before. */
int daemon_run(const char *config_path, bool replace);

/* What `cordond --check` does: reads configuration and lists, opens nothing, writes nothing,
 * and says what it would run. Returns the exit code. */
int daemon_check(const char *config_path);

#endif
