#include "audit/recorder_inside.h"
#include "base/error.h"
#include "base/little.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GAP_US      UINT64_C(1000000) /* losses are gathered for so long */
#define CLOCK_US    UINT64_C(2000000) /* a jump of the clock that is told */
#define RECORD_HEAD 5u                /* in the backlog: length of the row, stream */
#define RECORD_TOLD 0x80u             /* with the stream: the tap knows of it already */

static const char *const cause_words[CAUSES] = {
    [CAUSE_RING] = "ring",   [CAUSE_REFUSED] = "refused", [CAUSE_WAITING] = "waiting",
    [CAUSE_BOUND] = "bound", [CAUSE_GONE] = "gone",       [CAUSE_OTHER] = "unexplained"};

void recorder_begin_change(struct audit_row *row, const char *what, uint64_t wall_us)
{
    row->present = 0;
    audit_row_number(row, AUDIT_TIME, wall_us);
    audit_row_text(row, AUDIT_EVENT, "change");
    audit_row_text(row, AUDIT_WHAT, what);
    audit_row_text(row, AUDIT_BY, "cordond");
}

const char *audit_recorder_word(enum audit_recorder_state state)
{
    switch (state) {
    case AUDIT_RECORDING:
        return "recording";
    case AUDIT_WAITING:
        return "waiting";
    case AUDIT_FAILING:
        return "failing";
    case AUDIT_BOUND:
        return "bound";
    }
    return "";
}

/* --- what is told --- */

/* Of all files, as they are: what was removed is not there any more. */
static uint64_t octets_of(const struct audit_recorder *recorder, uint64_t written)
{
    const uint64_t octets = recorder->octets_before + written;

    return octets > recorder->freed ? octets - recorder->freed : 0;
}

static void publish(struct audit_recorder *recorder)
{
    struct audit_recorder_stats *stats = &recorder->stats;

    pthread_mutex_lock(&recorder->mutex);
    if (recorder->log != NULL) {
        audit_log_stats(recorder->log, &stats->log);
        stats->error = recorder->hangs                             ? -ETIMEDOUT
                       : stats->log.error == 0 && stats->log.moved ? CORDON_E_MOVED
                                                                   : stats->log.error;
        stats->octets = octets_of(recorder, stats->log.octets);
        stats->state = stats->error != 0 ? AUDIT_FAILING
                       : recorder->settings.most_octets > 0 &&
                               stats->octets >= recorder->settings.most_octets
                           ? AUDIT_BOUND
                           : AUDIT_RECORDING;
    } else {
        stats->state = AUDIT_WAITING;
        stats->error = recorder->hangs ? -ETIMEDOUT : recorder->error;
    }
    for (unsigned i = 1; i <= AUDIT_STREAMS; i++) {
        stats->lost[i] = recorder->lost[i] + stats->log.lost[i];
    }
    stats->waiting = recorder->backlog_len - recorder->backlog_start;
    stats->checkpoint_us = recorder->checkpoint_us;
    stats->refused_log = recorder->refused_log;
    pthread_mutex_unlock(&recorder->mutex);
}

void audit_recorder_stats(struct audit_recorder *recorder, struct audit_recorder_stats *out)
{
    pthread_mutex_lock(&recorder->mutex);
    *out = recorder->stats;
    pthread_mutex_unlock(&recorder->mutex);
}

/* --- losses --- */

static void lose(struct audit_recorder *recorder, unsigned stream, uint64_t count,
                 enum cause cause, uint64_t wall_us)
{
    struct loss *loss = &recorder->losses[stream][cause];

    recorder->lost[stream] += count;
    if (loss->count == 0 || wall_us < loss->from_us) {
        loss->from_us = wall_us;
    }
    if (loss->count == 0 || wall_us > loss->to_us) {
        loss->to_us = wall_us;
    }
    loss->count += count;
}

void audit_recorder_lost(struct audit_recorder *recorder, enum audit_stream stream,
                         uint64_t count, const char *cause, struct clock_now now)
{
    unsigned i = 0;

    while (i < CAUSE_OTHER && strcmp(cause_words[i], cause) != 0) {
        i++;
    }
    if (count > 0) {
        lose(recorder, stream, count, (enum cause)i, now.wall_us);
    }
}

static void tell_losses(struct audit_recorder *recorder, struct clock_now now, bool at_once)
{
    if (now.mono_us < recorder->next_gap_us && !at_once) {
        return;
    }
    recorder->next_gap_us = now.mono_us + GAP_US;
    for (unsigned i = 0; i < AUDIT_STREAMS * CAUSES; i++) {
        const unsigned stream = 1 + i / CAUSES;
        struct loss *loss = &recorder->losses[stream][i % CAUSES];

        audit_log_lost(recorder->log, (enum audit_stream)stream, loss->count,
                       cause_words[i % CAUSES], loss->from_us, loss->to_us);
        loss->count = 0;
    }
}

/* --- the tap --- */

void recorder_on_added(void *context, enum audit_stream stream, uint64_t number,
                       const struct audit_row *row)
{
    struct audit_recorder *recorder = context;
    const struct audit_tap *tap = &recorder->settings.tap;
    const struct audit_taken taken = {.stream = stream,
                                      .log = recorder->number,
                                      .origin = recorder->key.name,
                                      .number = number,
                                      .row = row};

    if (tap->taken != NULL && tap->streams[stream] && !recorder->quiet) {
        tap->taken(tap->context, &taken);
    }
}

/* Of one that the log does not have. */
static void tell(const struct audit_recorder *recorder, enum audit_stream stream,
                 const struct audit_row *row)
{
    audit_tap_tell(&recorder->settings.tap, stream, row);
}

/* Adds it to the log, which is open. What the log does not take is told all the same. 0 or
 * -errno. */
static int add_row(struct audit_recorder *recorder, enum audit_stream stream,
                   const struct audit_row *row, const struct audit_kit *kit, bool told,
                   struct clock_now now)
{
    recorder->quiet = told;
    const int result = audit_log_add_kit(recorder->log, stream, row, kit, now.wall_us);
    recorder->quiet = false;
    if (result != 0 && !told) {
        tell(recorder, stream, row);
    }
    return result;
}

/* The log may never be opened, and nobody is to wait for its numbers for long. */
static void backlog_tell(struct audit_recorder *recorder)
{
    struct audit_row row;

    recorder->backlog_told = true;
    for (size_t i = recorder->backlog_start; i < recorder->backlog_len;) {
        uint8_t *at = recorder->backlog + i;
        const size_t len = little_get32(at);

        if ((at[4] & RECORD_TOLD) == 0 && audit_row_decode(at + RECORD_HEAD, len, &row)) {
            tell(recorder, (enum audit_stream)at[4], &row);
        }
        at[4] |= RECORD_TOLD;
        i += RECORD_HEAD + len;
    }
}

/* --- the backlog --- */

static bool backlog_put(struct audit_recorder *recorder, unsigned stream,
                        const struct audit_row *row)
{
    uint8_t octets[AUDIT_EVENT_MAX];
    const size_t len = audit_row_encode(row, octets);

    if (recorder->backlog_start > 0) {
        recorder->backlog_len -= recorder->backlog_start;
        memmove(recorder->backlog, recorder->backlog + recorder->backlog_start,
                recorder->backlog_len);
        recorder->backlog_start = 0;
    }
    const size_t need = recorder->backlog_len + RECORD_HEAD + len;
    if (need > AUDIT_BACKLOG_MAX) {
        return false;
    }
    if (need > recorder->backlog_size) {
        size_t size = recorder->backlog_size == 0 ? 65536 : recorder->backlog_size;

        while (size < need) {
            size *= 2;
        }
        uint8_t *more = realloc(recorder->backlog, size);
        if (more == NULL) {
            return false;
        }
        recorder->backlog = more;
        recorder->backlog_size = size;
    }
    uint8_t *at = recorder->backlog + recorder->backlog_len;
    little_put32(at, (uint32_t)len);
    at[4] = (uint8_t)(stream | (recorder->backlog_told ? RECORD_TOLD : 0));
    memcpy(at + RECORD_HEAD, octets, len);
    recorder->backlog_len = need;
    if (recorder->backlog_told) {
        tell(recorder, (enum audit_stream)stream, row);
    }
    return true;
}

bool recorder_is_at_bound(const struct audit_recorder *recorder)
{
    return recorder->settings.most_octets > 0 &&
           octets_of(recorder, audit_log_octets(recorder->log)) >=
               recorder->settings.most_octets;
}

static bool has_room(const struct audit_recorder *recorder, unsigned stream)
{
    return recorder->log != NULL && !audit_log_is_full(recorder->log) &&
           (stream == AUDIT_CHANGES || !recorder_is_at_bound(recorder));
}

/* What waited goes first, as far as there is room. Those of refuse were answered on the promise
 * of a place: theirs are written beyond the bound, which the backlog keeps small. */
static void backlog_empty(struct audit_recorder *recorder, struct clock_now now)
{
    while (recorder->backlog_start < recorder->backlog_len) {
        const uint8_t *at = recorder->backlog + recorder->backlog_start;
        const size_t len = little_get32(at);
        const unsigned stream = at[4] & ~RECORD_TOLD;
        const bool told = (at[4] & RECORD_TOLD) != 0;
        struct audit_row row;

        if (audit_log_is_full(recorder->log)) {
            return;
        }
        if (!audit_row_decode(at + RECORD_HEAD, len, &row)) {
            lose(recorder, stream, 1, CAUSE_OTHER, now.wall_us);
        } else if (stream != AUDIT_CHANGES && !recorder->settings.refuse[stream] &&
                   recorder_is_at_bound(recorder)) {
            lose(recorder, stream, 1, CAUSE_BOUND, now.wall_us);
            if (!told) {
                tell(recorder, (enum audit_stream)stream, &row);
            }
        } else if (add_row(recorder, (enum audit_stream)stream, &row, NULL, told, now) ==
                   -EINVAL) {
            lose(recorder, stream, 1, CAUSE_OTHER, now.wall_us);
        }
        recorder->backlog_start += RECORD_HEAD + len;
    }
    recorder->backlog_start = 0;
    recorder->backlog_len = 0;
    recorder->backlog_size = 0;
    free(recorder->backlog);
    recorder->backlog = NULL;
}

/* What has found no place when there is no time left. */
static void backlog_lose(struct audit_recorder *recorder, struct clock_now now)
{
    backlog_tell(recorder);
    while (recorder->backlog_start < recorder->backlog_len) {
        const uint8_t *at = recorder->backlog + recorder->backlog_start;
        const unsigned stream = at[4] & ~RECORD_TOLD;

        lose(recorder, stream, 1, CAUSE_WAITING, now.wall_us);
        recorder->backlog_start += RECORD_HEAD + little_get32(at);
    }
}

/* --- life --- */

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

struct audit_recorder *audit_recorder_create(const struct audit_recorder_settings *settings)
{
    struct audit_recorder *recorder = calloc(1, sizeof(*recorder));
    const struct clock_now now = clock_read();

    if (recorder == NULL) {
        return NULL;
    }
    pthread_mutex_init(&recorder->mutex, NULL);
    recorder->settings = *settings;
    recorder->settings.takes[AUDIT_CHANGES] = true;
    recorder->settings.end_ms = settings->end_ms != 0 ? settings->end_ms : AUDIT_END_MS;
    recorder->folder = copy(settings->folder);
    recorder->key_file = copy(settings->key_file);
    recorder->origin = copy(settings->origin);
    recorder->since_us = now.mono_us;
    if (recorder->folder == NULL || recorder->key_file == NULL ||
        (settings->origin != NULL && recorder->origin == NULL) ||
        audit_aside_start(&recorder->aside, "audit-disk") != 0) {
        audit_recorder_destroy(recorder);
        return NULL;
    }
    (void)audit_log_folder(recorder->folder, 1, recorder->stats.folder);
    /* The first time in the call: who starts wants to know the key. */
    recorder_open_now(recorder, now);
    publish(recorder);
    return recorder;
}

void audit_recorder_destroy(struct audit_recorder *recorder)
{
    if (recorder == NULL) {
        return;
    }
    recorder_end_keeping(recorder);
    if (recorder->aside != NULL && !recorder_leave_disk(recorder)) {
        return; /* a call that hangs uses all of it until the process ends */
    }
    if (recorder->has_key) {
        trust_secret_key_wipe(&recorder->secret);
    }
    pthread_mutex_destroy(&recorder->mutex);
    free(recorder->backlog);
    free(recorder->folder);
    free(recorder->key_file);
    free(recorder->origin);
    free(recorder);
}

bool audit_recorder_takes(const struct audit_recorder *recorder, enum audit_stream stream)
{
    return recorder->settings.takes[stream];
}

bool audit_recorder_add(struct audit_recorder *recorder, enum audit_stream stream,
                        const struct audit_row *row, const struct audit_kit *kit,
                        struct clock_now now)
{
    if (recorder->log != NULL &&
        (has_room(recorder, stream) || !recorder->settings.refuse[stream])) {
        if (stream != AUDIT_CHANGES && recorder_is_at_bound(recorder)) {
            lose(recorder, stream, 1, CAUSE_BOUND, now.wall_us);
            tell(recorder, stream, row);
        } else if (add_row(recorder, stream, row, kit, false, now) == -EINVAL) {
            lose(recorder, stream, 1, CAUSE_OTHER, now.wall_us);
        }
        return true;
    }
    if (recorder->log == NULL && backlog_put(recorder, stream, row)) {
        return true;
    }
    if (recorder->settings.refuse[stream]) {
        return false;
    }
    lose(recorder, stream, 1, CAUSE_WAITING, now.wall_us);
    tell(recorder, stream, row);
    return true;
}

bool audit_recorder_add_again(struct audit_recorder *recorder, enum audit_stream stream,
                              const struct audit_row *row, const struct audit_kit *kit,
                              struct audit_numbers *numbers)
{
    const struct audit_tap *tap = &recorder->settings.tap;

    return recorder->log != NULL && !(tap->taken != NULL && tap->streams[stream]) &&
           has_room(recorder, stream) &&
           audit_log_add_again(recorder->log, stream, row, kit, numbers) == 0;
}

void audit_recorder_expect(struct audit_recorder *recorder, enum audit_stream stream,
                           const uint8_t *octets, size_t len)
{
    if (recorder->log != NULL) {
        audit_log_expect(recorder->log, stream, octets, len);
    }
}

void audit_recorder_keep(struct audit_recorder *recorder, enum audit_stream stream,
                         const struct audit_row *row, struct clock_now now)
{
    if (!backlog_put(recorder, stream, row)) {
        lose(recorder, stream, 1, CAUSE_WAITING, now.wall_us);
        tell(recorder, stream, row);
    }
}

/* A clock that was set is part of the record: times before it mean something else. */
static void watch_clock(struct audit_recorder *recorder, struct clock_now now)
{
    const int64_t offset_us = (int64_t)now.wall_us - (int64_t)now.mono_us;
    const int64_t moved_us = offset_us - recorder->offset_us;
    struct audit_row row;

    if (recorder->has_offset &&
        (moved_us > (int64_t)CLOCK_US || moved_us < -(int64_t)CLOCK_US)) {
        recorder_begin_change(&row, "clock-set", now.wall_us);
        audit_row_number(&row, AUDIT_FROM, (uint64_t)((int64_t)now.wall_us - moved_us));
        audit_row_number(&row, AUDIT_TO, now.wall_us);
        (void)audit_recorder_add(recorder, AUDIT_CHANGES, &row, NULL, now);
    }
    recorder->has_offset = true;
    recorder->offset_us = offset_us;
}

static void look_at_checkpoint(struct audit_recorder *recorder, struct clock_now now)
{
    uint64_t number = 0;

    (void)audit_log_checkpoint(recorder->log, &number);
    if (number != recorder->checkpoint_number) {
        recorder->checkpoint_number = number;
        recorder->checkpoint_us = now.wall_us;
    }
}

void audit_recorder_tick(struct audit_recorder *recorder, const struct audit_in_force *in_force,
                         struct clock_now now)
{
    watch_clock(recorder, now);
    recorder_try_open(recorder, now);
    recorder_watch_disk(recorder, now);
    if (recorder->log == NULL && !recorder->backlog_told &&
        now.mono_us - recorder->since_us >= RECORDER_PATIENCE_US) {
        backlog_tell(recorder);
    }
    if (recorder->log != NULL) {
        recorder->backlog_told = false;
        backlog_empty(recorder, now);
        tell_losses(recorder, now, false);
        const bool sign = recorder->sign_at_us != 0 && now.mono_us >= recorder->sign_at_us;
        const int error = sign ? audit_log_flush(recorder->log, in_force, now.wall_us)
                               : audit_log_tick(recorder->log, in_force, now.wall_us);
        recorder_say_disk(recorder, error == -EINPROGRESS ? 0 : error);
        recorder->sign_at_us = sign ? 0 : recorder->sign_at_us;
        look_at_checkpoint(recorder, now);
        recorder_watch_file(recorder, error, now);
    }
    recorder_keep_tick(recorder, in_force, now);
    publish(recorder);
}

const char *audit_recorder_checkpoint(const struct audit_recorder *recorder, uint64_t *number)
{
    uint64_t newest = 0;
    const char *text =
        recorder->log != NULL ? audit_log_checkpoint(recorder->log, &newest) : NULL;

    if (newest == *number || newest == 0) {
        return NULL;
    }
    *number = newest;
    return text;
}

/* Losses that no gap on the disk speaks of. */
static void count_untold(const struct audit_recorder *recorder,
                         uint64_t untold[AUDIT_STREAMS + 1])
{
    struct audit_log_stats stats = {.blocks = 0};

    if (recorder->log != NULL) {
        audit_log_stats(recorder->log, &stats);
    }
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        untold[stream] = stats.untold[stream];
        for (unsigned cause = 0; cause < CAUSES; cause++) {
            untold[stream] += recorder->losses[stream][cause].count;
        }
    }
}

/* Nothing in the log can say it: this line alone does. */
static void say_lost_end(const struct audit_recorder *recorder, int error,
                         uint64_t lost[AUDIT_STREAMS + 1])
{
    struct audit_log_stats stats = {.blocks = 0};

    if (recorder->log != NULL) {
        audit_log_stats(recorder->log, &stats);
    }
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        lost[stream] += stats.taken[stream] - stats.safe[stream];
    }
    log_write(
        LOG_LEVEL_ERROR,
        "audit: the end of the log in %s was not written: %s. What was answered lately is "
        "not in it: %llu decisions, %llu queries, %llu changes",
        recorder->stats.folder,
        error == -ETIMEDOUT ? "the disk has not ended a write" : cordon_strerror(error),
        (unsigned long long)lost[AUDIT_DECISIONS], (unsigned long long)lost[AUDIT_QUERIES],
        (unsigned long long)lost[AUDIT_CHANGES]);
}

/* The last try. False: it is not open, and what waits for it is lost. */
static bool open_at_end(struct audit_recorder *recorder, struct clock_now now,
                        uint64_t until_us)
{
    uint64_t lost[AUDIT_STREAMS + 1];

    recorder_open_until(recorder, now, until_us);
    if (recorder->log == NULL) {
        backlog_lose(recorder, now);
        count_untold(recorder, lost);
        recorder->gave_up = recorder->is_opening;
        say_lost_end(recorder, recorder->is_opening ? -ETIMEDOUT : recorder->error, lost);
    }
    return recorder->log != NULL;
}

static void end_log(struct audit_recorder *recorder, const char *reason,
                    const struct audit_in_force *in_force, struct clock_now now,
                    uint64_t until_us)
{
    uint64_t untold[AUDIT_STREAMS + 1];
    struct audit_row row;
    size_t before = 0;

    do { /* in portions, if there is more than the log takes at once */
        before = recorder->backlog_len - recorder->backlog_start;
        backlog_empty(recorder, now);
        (void)recorder_flush(recorder, in_force, now, until_us);
    } while (recorder->backlog_len > recorder->backlog_start &&
             recorder->backlog_len - recorder->backlog_start < before);
    backlog_lose(recorder, now);
    count_untold(recorder, untold);
    tell_losses(recorder, now, true);
    /* Gaps first: the stop is the last record. */
    (void)recorder_flush(recorder, in_force, now, until_us);
    recorder_begin_change(&row, "stop", now.wall_us);
    audit_row_text(&row, AUDIT_VERSION, CORDON_VERSION);
    audit_row_text(&row, AUDIT_REASON, reason);
    (void)audit_log_add(recorder->log, AUDIT_CHANGES, &row, now.wall_us);
    const int error = recorder_flush(recorder, in_force, now, until_us);
    if (error != 0) {
        say_lost_end(recorder, error, untold);
        recorder->gave_up = error == -ETIMEDOUT;
    }
    look_at_checkpoint(recorder, now);
}

void audit_recorder_end(struct audit_recorder *recorder, const char *reason,
                        const struct audit_in_force *in_force, struct clock_now now)
{
    const unsigned ms = recorder->settings.end_ms;
    const uint64_t until_us = recorder_until(ms);

    recorder_end_keeping(recorder); /* the lock will be another's */
    if (recorder->log != NULL || open_at_end(recorder, now, until_us)) {
        end_log(recorder, reason, in_force, now, until_us);
    }
    publish(recorder);
}
