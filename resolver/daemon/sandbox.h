/*
 * daemon/sandbox.h - rights that are given up after the ports are open, step by step.
 *
 * Order: bounding set, user (start.h), capabilities, no_new_privs, Landlock, seccomp. Every
 * step may be impossible, by an old kernel or a container that forbids it: then the rest is
 * done all the same, one line in the log says so, and `cordon status` shows it. What is left
 * afterwards is what a reload needs: reading configuration, lists and keys, writing state,
 * events and the control socket's folder, and asking servers. No port is opened, no program
 * started.
 *
 * Called by the main thread while it is the only one: threads inherit what it has.
 */
#ifndef CORDON_DAEMON_SANDBOX_H
#define CORDON_DAEMON_SANDBOX_H

#include "base/text.h"
#include "config/config.h"

/* Folders to read: two for each key, hosts file and zone, and a few. */
#define SANDBOX_READ_MAX 272u

enum sandbox_step {
    SANDBOX_USER, /* server.user; the change itself is start_drop_rights() */
    SANDBOX_CAPABILITIES,
    SANDBOX_NO_NEW_PRIVS,
    SANDBOX_LANDLOCK,
    SANDBOX_SECCOMP,
    SANDBOX_STEPS
};

enum sandbox_state {
    SANDBOX_OFF,    /* server.sandbox says so; or there is no server.user */
    SANDBOX_ON,     /* in force */
    SANDBOX_PARTLY, /* in force, with a remainder that detail names */
    SANDBOX_MISSING /* not to be had here: detail says why */
};

struct sandbox {
    char user[64]; /* who we are after all steps */
    struct {
        enum sandbox_state state;
        char detail[128]; /* may be "" */
    } steps[SANDBOX_STEPS];
    char *read[SANDBOX_READ_MAX]; /* folders below which Landlock lets us read */
    size_t read_count;
};

/* Empties the bounding set of capabilities, which only a process that may change users can do:
 * hence before start_drop_rights(). What cannot be done is left. */
void sandbox_bound(const struct config *config);

/* All other steps, as far as the configuration wants them. config_path: as it was given on the
 * command line. Nothing of this is an error. */
void sandbox_enter(struct sandbox *sandbox, const struct config *config,
                   const char *config_path);
void sandbox_deinit(struct sandbox *sandbox);

/* Warns of the places in a configuration that a reload brings which Landlock hides, so that the
 * "permission denied" that follows is understood. Any thread, sandbox unchanged. */
void sandbox_report_hidden(const struct sandbox *sandbox, const struct config *config,
                           const char *file, struct report *report);

/* The member "rights" of the status document (docs/control.md). */
void sandbox_write(const struct sandbox *sandbox, struct text *out);

/* True in a build with AddressSanitizer or ThreadSanitizer, which at its end needs to trace
 * itself: Landlock and seccomp then leave that open. */
bool sandbox_is_instrumented(void);

#endif
