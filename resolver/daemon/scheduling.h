/*
 * daemon/scheduling.h - schedules that begin and end while the daemon runs.
 *
 * On the tick of daemon/changes.h, twice a second: once the clock has left the time for which
 * the views of the snapshot in force are known, in whichever direction, it is looked what holds
 * now, and if that is otherwise, a snapshot is derived. Nothing is read. So a switch is in
 * force within a second, also after a clock was set. Main thread.
 */
#ifndef CORDON_DAEMON_SCHEDULING_H
#define CORDON_DAEMON_SCHEDULING_H

#include "base/clock.h"
#include "setup/setup.h"

struct daemon;

struct scheduling {
    uint64_t generation;        /* of the policy that was looked at last */
    struct setup_moment moment; /* what it should be */
};

/* True if the snapshot in force is not what it should be now: once for each time that this
 * begins. */
bool scheduling_is_due(struct daemon *daemon, struct clock_now now);
/* Writes an event and a line of the log for each view of which one schedule holds after, and
 * another or none before. */
void scheduling_record(struct daemon *daemon, const struct setup_snapshot *before,
                       const struct setup_snapshot *after);

#endif
