/*
 * audit/aside.h - a thread aside for calls that may hang: one job at a time, handed over by one
 * owner, who never waits for it unless it says for how long.
 *
 * Well: begin -> the thread runs the job -> is_done. A disk that hangs: is_done stays false,
 * the owner goes on without it; stop gives up after its time, and the thread is left where it
 * is.
 */
#ifndef CORDON_AUDIT_ASIDE_H
#define CORDON_AUDIT_ASIDE_H

#include <stdbool.h>

struct audit_aside; /* opaque */

typedef void audit_aside_job(void *argument);

/* Starts the thread, which takes no signal; name: at most 15 octets. 0 or -errno. */
int audit_aside_start(struct audit_aside **aside, const char *name);

/* Owner's thread, these three. Hands a job over; none is under way. argument and what it leads
 * to are the job's until it is done. */
void audit_aside_begin(struct audit_aside *aside, audit_aside_job *job, void *argument);
/* No job is under way, and what the last one did is seen. */
bool audit_aside_is_done(struct audit_aside *aside);
/* The same, waiting for it so long at most. */
bool audit_aside_wait(struct audit_aside *aside, unsigned ms);

/* Ends the thread and frees. False: its job was not done after ms; then thread, aside and what
 * the job uses must be left as they are, until the process ends. */
bool audit_aside_stop(struct audit_aside *aside, unsigned ms);

#endif
