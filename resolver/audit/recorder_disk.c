/* audit/recorder_disk.c - a disk that takes its time: what waits for it, and for how long. */
#include "audit/recorder_inside.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>

#define HANG_US UINT64_C(5000000) /* in one turn at the disk: it is said */

const char *recorder_what_then(const struct audit_recorder *recorder)
{
    return recorder->settings.refuse[AUDIT_DECISIONS] ||
                   recorder->settings.refuse[AUDIT_QUERIES]
               ? "questions are refused"
               : "they are lost, and a gap says how many";
}

void recorder_begin_job(void *context, audit_aside_job *job, void *argument)
{
    struct audit_recorder *recorder = context;

    recorder->jobs++;
    audit_aside_begin(recorder->aside, job, argument);
}

bool recorder_is_idle(void *context)
{
    const struct audit_recorder *recorder = context;

    return audit_aside_is_done(recorder->aside);
}

/* A job that does not end is what an operator must know, though nothing has failed. */
void recorder_watch_disk(struct audit_recorder *recorder, struct clock_now now)
{
    const bool hung = recorder->hangs;

    if (recorder_is_idle(recorder) || recorder->seen_jobs != recorder->jobs) {
        recorder->seen_jobs = recorder->jobs;
        recorder->busy_us = now.mono_us;
    }
    recorder->hangs = now.mono_us - recorder->busy_us >= HANG_US;
    if (recorder->hangs && !hung) {
        log_write(LOG_LEVEL_ERROR,
                  "audit: the disk below %s has not ended a write for %u s. Answers and "
                  "reloads go on; records wait in memory; then %s",
                  recorder->folder, (unsigned)(HANG_US / 1000000),
                  recorder_what_then(recorder));
    } else if (hung && !recorder->hangs) {
        log_write(LOG_LEVEL_INFO, "audit: the disk below %s works again", recorder->folder);
    }
}

static void say_moved(struct audit_recorder *recorder)
{
    struct audit_log_stats stats;

    audit_log_stats(recorder->log, &stats);
    if (stats.moved && !recorder->said_moved) {
        log_write(LOG_LEVEL_ERROR,
                  "audit: %s is not where it was: the folder was moved, or another is in its "
                  "place. Records are written to where it is now: put it back, or restart",
                  recorder->stats.folder);
    } else if (!stats.moved && recorder->said_moved) {
        log_write(LOG_LEVEL_INFO, "audit: %s is where it was again", recorder->stats.folder);
    }
    recorder->said_moved = stats.moved;
}

void recorder_say_disk(struct audit_recorder *recorder, int error)
{
    if (error != 0 && !recorder->said_failing) {
        log_write(LOG_LEVEL_ERROR,
                  "audit: records cannot be written to %s: %s. They wait in memory; then %s. "
                  "Make room there, or make it writable: it is tried again all the time",
                  recorder->stats.folder, cordon_strerror(error), recorder_what_then(recorder));
    } else if (error == 0 && recorder->said_failing) {
        log_write(LOG_LEVEL_INFO, "audit: records are written to %s again",
                  recorder->stats.folder);
    }
    recorder->said_failing = error != 0;
    say_moved(recorder);
    if (!recorder->said_bound && recorder_is_at_bound(recorder)) {
        recorder->said_bound = true;
        log_write(LOG_LEVEL_ERROR,
                  "audit: the log in %s is as large as audit.octets lets it be: nothing but "
                  "changes is recorded any more. Move its folder away while cordond is "
                  "stopped, or raise audit.octets",
                  recorder->stats.folder);
    }
}

uint64_t recorder_until(unsigned ms)
{
    return clock_read().mono_us + ms * UINT64_C(1000);
}

bool recorder_wait(struct audit_recorder *recorder, uint64_t until_us)
{
    const uint64_t now_us = clock_read().mono_us;

    return audit_aside_wait(recorder->aside,
                            now_us < until_us ? (unsigned)((until_us - now_us) / 1000) : 0);
}

int recorder_flush(struct audit_recorder *recorder, const struct audit_in_force *in_force,
                   struct clock_now now, uint64_t until_us)
{
    int error = audit_log_flush(recorder->log, in_force, now.wall_us);

    while (audit_log_is_writing(recorder->log)) {
        if (!recorder_wait(recorder, until_us)) {
            return -ETIMEDOUT;
        }
        error = audit_log_flush(recorder->log, in_force, now.wall_us);
    }
    return error;
}

bool recorder_leave_disk(struct audit_recorder *recorder)
{
    if (!audit_aside_wait(recorder->aside, recorder->gave_up ? 0 : recorder->settings.end_ms)) {
        (void)audit_aside_stop(recorder->aside, 0);
        return false;
    }
    if (recorder->is_opening) { /* and nobody has looked since */
        recorder->log = recorder->opening.log;
    }
    if (recorder->log != NULL) {
        audit_log_abandon(recorder->log);
        recorder->log = NULL;
        audit_folder_close(&recorder->at);
    }
    return audit_aside_stop(recorder->aside, recorder->settings.end_ms);
}
