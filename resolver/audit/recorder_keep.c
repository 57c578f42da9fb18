/* audit/recorder_keep.c - what a recorder removes: by the keeper of its log, and by wishes. */
#include "audit/pseudonym.h"
#include "audit/recorder_inside.h"
#include "base/error.h"

#include <errno.h>
#include <string.h>

void recorder_begin_keeping(struct audit_recorder *recorder, const char *folder)
{
    struct audit_keeper_settings settings = {
        .folder = folder, .device = recorder->at.device, .inode = recorder->at.inode};
    struct audit_log_stats stats;

    audit_log_stats(recorder->log, &stats);
    settings.newest_us = stats.sealed_us;
    memcpy(settings.keep_us, recorder->settings.keep_us, sizeof(settings.keep_us));
    memcpy(settings.octets, recorder->settings.stream_octets, sizeof(settings.octets));
    recorder->keeper = audit_keeper_create(&settings); /* NULL: nothing is removed */
    recorder->freed = 0;
}

void recorder_end_keeping(struct audit_recorder *recorder)
{
    audit_keeper_destroy(recorder->keeper);
    recorder->keeper = NULL;
}

int audit_recorder_forget(struct audit_recorder *recorder, const struct audit_wish *wish,
                          uint64_t *number)
{
    struct audit_forgotten *forgotten = &recorder->stats.forgotten;
    int result = -EBUSY;

    pthread_mutex_lock(&recorder->mutex);
    if (forgotten->asked == forgotten->done) {
        recorder->wish = *wish;
        *forgotten =
            (struct audit_forgotten){.asked = forgotten->asked + 1, .done = forgotten->done};
        *number = forgotten->asked;
        result = 0;
    }
    pthread_mutex_unlock(&recorder->mutex);
    return result;
}

static void take_wish(struct audit_recorder *recorder)
{
    pthread_mutex_lock(&recorder->mutex);
    const bool is_new = recorder->stats.forgotten.asked != recorder->taken;
    recorder->taken = recorder->stats.forgotten.asked;
    pthread_mutex_unlock(&recorder->mutex);
    if (!is_new) {
        return;
    }
    recorder->events_wanted = recorder->wish.before_us != 0 && recorder->wish.streams != 0;
    recorder->keys_wanted = recorder->wish.keys_before != 0;
    recorder->keys_told = false;
    if (recorder->events_wanted && recorder->keeper != NULL && recorder->log != NULL) {
        audit_keeper_wish(recorder->keeper, &recorder->wish);
    }
}

/* What has come of the wish, as far as it has. */
static void look_at_wish(struct audit_recorder *recorder)
{
    struct audit_forgotten *forgotten = &recorder->stats.forgotten;
    struct audit_keeper_stats stats = {.wish_done = true, .wish_error = -EAGAIN};

    if (recorder->keeper != NULL && recorder->log != NULL) {
        audit_keeper_stats(recorder->keeper, &stats);
        recorder->freed = stats.octets;
    }
    pthread_mutex_lock(&recorder->mutex);
    memcpy(recorder->stats.removed, stats.events, sizeof(stats.events));
    if (recorder->events_wanted && stats.wish_done) {
        memcpy(forgotten->events, stats.wish_events, sizeof(forgotten->events));
        forgotten->error = stats.wish_error != 0 ? stats.wish_error : forgotten->error;
        if (forgotten->error == 0 && recorder->number > 1) {
            forgotten->error = CORDON_E_CORRUPT; /* the logs before keep what they have */
        }
        recorder->events_wanted = false;
    }
    if (!recorder->events_wanted && !recorder->keys_wanted) {
        forgotten->done = recorder->taken;
    }
    pthread_mutex_unlock(&recorder->mutex);
}

void recorder_keep_tick(struct audit_recorder *recorder, const struct audit_in_force *in_force,
                        struct clock_now now)
{
    take_wish(recorder);
    if (recorder->keeper != NULL && recorder->log != NULL) {
        audit_keeper_tick(recorder->keeper, recorder->log, in_force, now);
    }
    look_at_wish(recorder);
}

uint64_t audit_recorder_keys(struct audit_recorder *recorder, const struct audit_days *days,
                             const struct audit_wish *wish, struct clock_now now)
{
    struct audit_actor actor = {.by = "cordond"};
    struct audit_log_stats stats;
    struct audit_row row;

    if (wish != NULL) {
        audit_wish_actor(wish, &actor);
    }
    audit_removal_keys_row(days, wish != NULL ? AUDIT_REMOVED_FORGET : AUDIT_REMOVED_AGE,
                           &actor, now.wall_us, &row);
    (void)audit_recorder_add(recorder, AUDIT_CHANGES, &row, NULL, now);
    if (recorder->log == NULL) {
        return UINT64_MAX;
    }
    audit_log_stats(recorder->log, &stats);
    return stats.taken[AUDIT_CHANGES];
}

bool audit_recorder_has(const struct audit_recorder *recorder, uint64_t number)
{
    struct audit_log_stats stats;

    if (recorder->log == NULL) {
        return false;
    }
    audit_log_stats(recorder->log, &stats);
    return stats.safe[AUDIT_CHANGES] >= number;
}

bool audit_recorder_wants_keys(struct audit_recorder *recorder, struct audit_wish *wish)
{
    if (!recorder->keys_wanted || recorder->keys_told) {
        return false;
    }
    recorder->keys_told = true;
    *wish = recorder->wish; /* nobody changes it until it is done */
    return true;
}

void audit_recorder_keys_gone(struct audit_recorder *recorder, unsigned count, int error)
{
    if (!recorder->keys_wanted) {
        return;
    }
    pthread_mutex_lock(&recorder->mutex);
    recorder->stats.forgotten.keys = count;
    recorder->stats.forgotten.error = error != 0 ? error : recorder->stats.forgotten.error;
    pthread_mutex_unlock(&recorder->mutex);
    recorder->keys_wanted = false;
}
