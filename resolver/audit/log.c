#include "audit/log.h"

#include "audit/log_inside.h"
#include "audit/varint.h"
#include "base/error.h"
#include "base/invariant.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* A block of so many has taken more memory than one is worth keeping for. */
#define GROWN_EVENTS 4096u

static bool is_pending_full(const struct audit_log *log)
{
    return log->pending_len + log->turn.len + 2u * AUDIT_CHECKPOINT_MAX >= AUDIT_PENDING_MAX;
}

bool audit_log_is_full(const struct audit_log *log)
{
    return is_pending_full(log);
}

bool audit_log_is_writing(const struct audit_log *log)
{
    return log->is_writing;
}

/* --- writing --- */

static bool append(struct audit_log *log, const void *data, size_t len)
{
    if (log->pending_len + len > log->pending_size) {
        size_t size = log->pending_size == 0 ? 65536 : log->pending_size;

        while (size < log->pending_len + len) {
            size *= 2;
        }
        uint8_t *more = realloc(log->pending, size);
        if (more == NULL) {
            return false;
        }
        log->pending = more;
        log->pending_size = size;
    }
    memcpy(log->pending + log->pending_len, data, len);
    log->pending_len += len;
    log->file_octets += len;
    return true;
}

/* Forgets what was appended last. */
static void take_back(struct audit_log *log, size_t pending_len)
{
    log->file_octets -= log->pending_len - pending_len;
    log->pending_len = pending_len;
}

/* Another file begins: the head has what the log has come to, with what is on its way to the
 * file before. */
void audit_log_begin_file(struct audit_log *log)
{
    struct audit_file_head head = {.state = log->state};

    invariant(log->pending_len == 0);
    log->file++;
    head.number = log->file;
    memcpy(head.log, log->id, sizeof(head.log));
    log->head_len = audit_file_head_put(&head, log->head);
    log->file_octets = log->head_len;
    log->begins_file = true;
    log->ends_file = false;
}

/* The next turn: what is pending. False if there is nothing to do. */
static bool make_turn(struct audit_log *log)
{
    struct audit_turn *turn = &log->turn;
    uint8_t *const data = turn->data;
    const size_t size = turn->size;

    invariant(turn->len == 0 && turn->before < 0);
    if (log->begins_file) {
        turn->before = turn->handle;
        turn->handle = -1;
        turn->file = log->file;
        turn->has_head = false;
        turn->safe_at = 0;
        memcpy(turn->head, log->head, log->head_len);
        turn->head_len = log->head_len;
        log->begins_file = false;
    }
    turn->files = log->files;
    turn->sync = log->settings.sync;
    turn->data = log->pending;
    turn->len = log->pending_len;
    turn->size = log->pending_size;
    log->pending = data;
    log->pending_len = 0;
    log->pending_size = size;
    memcpy(log->turn_events, log->state.events, sizeof(log->turn_events));
    log->has_note = log->next_len > 0;
    turn->note_len = 0;
    if (log->has_note) {
        memcpy(turn->note, log->next, log->next_len + 1);
        memcpy(log->note_events, log->next_events, sizeof(log->note_events));
        turn->note_len = log->next_len;
        log->next_len = 0;
    } else if (log->head_is_old) {
        memcpy(turn->note, log->checkpoint, log->checkpoint_len + 1);
        turn->note_len = log->checkpoint_len;
    }
    turn->is_safe = turn->len == 0 && turn->has_head;
    return !turn->is_safe || turn->note_len > 0;
}

static void end_turn(struct audit_log *log, uint64_t now_us)
{
    struct audit_turn *turn = &log->turn;

    log->is_writing = false;
    log->stats.error = turn->result;
    log->stats.moved = turn->is_moved;
    log->stats.octets += turn->octets;
    log->retry_at_us = turn->result != 0 ? now_us + log->settings.retry_us : 0;
    if (!turn->is_safe) {
        return; /* it is run again */
    }
    turn->len = 0;
    log->end_file = turn->file;
    log->end_at = turn->safe_at;
    memcpy(log->stats.safe, log->turn_events, sizeof(log->stats.safe));
    if (log->has_note) {
        memcpy(log->checkpoint, turn->note, turn->note_len + 1);
        log->checkpoint_len = turn->note_len;
        log->checkpoint_number++;
        memcpy(log->stats.signed_, log->note_events, sizeof(log->stats.signed_));
        log->has_note = false;
        log->head_is_old = true;
    }
    if (turn->result == 0 && turn->note_len > 0) {
        log->head_is_old = false;
    }
}

/* Sees the end of a turn that another thread ran. True if none is under way. */
static bool look_at_turn(struct audit_log *log, uint64_t now_us)
{
    const struct audit_log_runner *runner = &log->settings.runner;

    if (log->is_writing && runner->is_done(runner->context)) {
        end_turn(log, now_us);
    }
    return !log->is_writing;
}

/* All that is sealed; or begins to. No turn is under way. */
static int write_out(struct audit_log *log, uint64_t now_us)
{
    const struct audit_log_runner *runner = &log->settings.runner;

    do {
        /* One that failed goes first, as it is: its frames are those of its file. */
        if (log->turn.is_safe && !make_turn(log)) {
            log->stats.error = 0;
            return 0;
        }
        log->is_writing = true;
        if (runner->begin != NULL) {
            runner->begin(runner->context, audit_turn_run, &log->turn);
        } else {
            audit_turn_run(&log->turn);
            end_turn(log, now_us);
        }
    } while (!log->is_writing && log->stats.error == 0 &&
             (log->pending_len > 0 || log->begins_file));
    return log->stats.error;
}

/* --- sealing --- */

/* Free, or of this cause. */
static bool takes(const struct audit_gap *gap, const char *cause)
{
    return gap->count == 0 || gap->cause == NULL || strcmp(gap->cause, cause) == 0;
}

static void count_gap(struct audit_log *log, unsigned stream, uint64_t count, const char *cause,
                      int error, uint64_t from_us, uint64_t to_us)
{
    struct audit_gap *const gaps = log->gaps[stream];
    unsigned i = 0;

    while (i + 1 < AUDIT_GAP_CAUSES && !takes(&gaps[i], cause)) {
        i++;
    }
    struct audit_gap *const gap = &gaps[i];
    if (gap->count == 0) {
        *gap = (struct audit_gap){0, from_us, to_us, cause, error};
    }
    gap->count += count;
    gap->from_us = from_us < gap->from_us ? from_us : gap->from_us;
    gap->to_us = to_us > gap->to_us ? to_us : gap->to_us;
}

/* A builder's events are given up: its memory could not be had. */
static void give_up(struct audit_log *log, unsigned stream, uint64_t now_us)
{
    const uint32_t count = audit_builder_count(log->builders[stream]);

    count_gap(log, stream, count, "memory", ENOMEM, log->begun_us[stream], now_us);
    log->stats.lost[stream] += count;
    log->stats.taken[stream] -= count;
    audit_builder_clear(log->builders[stream]);
}

/* 0; -ENOBUFS: too much waits for the disk; -ENOMEM: the events were given up. */
static int seal(struct audit_log *log, unsigned stream, uint64_t now_us)
{
    struct audit_builder *builder = log->builders[stream];
    struct audit_header header = {.flags = 0};
    uint8_t octets[AUDIT_HEADER_OCTETS];
    uint8_t frame[AUDIT_FRAME_OCTETS];
    const uint8_t *body = NULL;
    const size_t before = log->pending_len;

    if (is_pending_full(log)) {
        return -ENOBUFS;
    }
    if (before == 0 && !log->begins_file &&
        (log->ends_file || log->file_octets >= log->settings.file_octets)) {
        audit_log_begin_file(log);
    }
    log->has_grown[stream] =
        log->has_grown[stream] || audit_builder_count(builder) >= GROWN_EVENTS;
    if (audit_builder_finish(builder, &header, &body) != 0) {
        give_up(log, stream, now_us);
        return -ENOMEM;
    }
    header.number = log->state.tree.size;
    header.first_event = log->state.events[stream];
    header.sealed_us = now_us;
    header.flags = now_us < log->state.sealed_us ? AUDIT_BLOCK_CLOCK_BACK : 0;
    header.session = log->session;
    header.file = log->file;
    memcpy(header.log, log->id, sizeof(header.log));
    memcpy(header.previous, log->state.previous, DIGEST_OCTETS);
    audit_header_put(&header, octets);
    audit_frame_put(AUDIT_FRAME_BLOCK, AUDIT_HEADER_OCTETS + header.body_len, frame);
    if (!append(log, frame, sizeof(frame)) || !append(log, octets, sizeof(octets)) ||
        !append(log, body, header.body_len)) {
        take_back(log, before);
        give_up(log, stream, now_us);
        return -ENOMEM;
    }
    audit_builder_clear(builder);
    audit_state_add(&log->state, &header, octets);
    log->since_checkpoint++;
    log->events_since_checkpoint += header.events;
    log->stats.blocks++;
    log->stats.bodies[stream] += header.body_len;
    return 0;
}

static bool make_checkpoint(struct audit_log *log, const struct audit_in_force *in_force,
                            uint64_t now_us)
{
    struct audit_checkpoint checkpoint = {.size = log->state.tree.size, .time_us = now_us};
    uint8_t frame[AUDIT_FRAME_OCTETS];
    uint8_t digest[DIGEST_OCTETS];
    const size_t before = log->pending_len;

    audit_tree_root(&log->state.tree, checkpoint.root);
    const size_t len = audit_checkpoint_make(&checkpoint, in_force, &log->settings.key,
                                             &log->secret, log->next, sizeof(log->next));
    if (len == 0) {
        return false;
    }
    digest_of(log->next, len, NULL, digest);
    audit_frame_put(AUDIT_FRAME_CHECKPOINT, (uint32_t)len + DIGEST_OCTETS, frame);
    if (!append(log, frame, sizeof(frame)) || !append(log, log->next, len) ||
        !append(log, digest, sizeof(digest))) {
        take_back(log, before);
        log->next_len = 0;
        return false;
    }
    log->next_len = len;
    memcpy(log->next_events, log->state.events, sizeof(log->next_events));
    log->since_checkpoint = 0;
    log->events_since_checkpoint = 0;
    log->checkpoint_us = now_us;
    return true;
}

static int record_gap(struct audit_log *log, unsigned stream, const struct audit_gap *gap,
                      uint64_t now_us)
{
    struct audit_row row = {.present = 0};

    audit_row_number(&row, AUDIT_TIME, now_us);
    audit_row_text(&row, AUDIT_EVENT, "change");
    audit_row_text(&row, AUDIT_WHAT, "gap");
    audit_row_text(&row, AUDIT_BY, "cordond");
    audit_row_number(&row, AUDIT_STREAM, stream);
    audit_row_number(&row, AUDIT_COUNT, gap->count);
    audit_row_text(&row, AUDIT_CAUSE, gap->cause);
    if (gap->error != 0) {
        audit_row_number(&row, AUDIT_ERROR, (uint64_t)gap->error);
    }
    audit_row_number(&row, AUDIT_FROM, gap->from_us);
    audit_row_number(&row, AUDIT_TO, gap->to_us);
    return audit_log_add(log, AUDIT_CHANGES, &row, now_us);
}

/* Each gap as a record of the stream of changes. */
static void record_gaps(struct audit_log *log, uint64_t now_us)
{
    for (unsigned i = 0; i < AUDIT_STREAMS * AUDIT_GAP_CAUSES; i++) {
        const unsigned stream = 1 + i / AUDIT_GAP_CAUSES;
        struct audit_gap *gap = &log->gaps[stream][i % AUDIT_GAP_CAUSES];
        const struct audit_gap kept = *gap;

        if (kept.count == 0) {
            continue;
        }
        gap->count = 0;
        if (record_gap(log, stream, &kept, now_us) != 0) {
            /* The record of it is lost, too: both counts go on. */
            count_gap(log, stream, kept.count, kept.cause, kept.error, kept.from_us,
                      kept.to_us);
            return;
        }
    }
}

static bool has_gaps(const struct audit_log *log, unsigned stream)
{
    bool any = false;

    for (unsigned i = 0; i < AUDIT_GAP_CAUSES; i++) {
        any = any || log->gaps[stream][i].count > 0;
    }
    return any;
}

/* Why the disk took nothing: it said so, or it has not come back from a call. */
static int disk_error(const struct audit_log *log)
{
    return log->stats.error != 0 ? -log->stats.error : log->is_writing ? ETIMEDOUT : 0;
}

int audit_log_add_kit(struct audit_log *log, enum audit_stream stream,
                      const struct audit_row *row, const struct audit_kit *kit, uint64_t now_us)
{
    struct audit_builder *builder = log->builders[stream];
    int result = audit_builder_add_kit(builder, row, kit);

    if (result == -ENOBUFS) {
        if (look_at_turn(log, now_us) && is_pending_full(log) && now_us >= log->retry_at_us) {
            (void)write_out(log, now_us);
        }
        result = seal(log, stream, now_us);
        if (result == 0 && look_at_turn(log, now_us) && now_us >= log->retry_at_us) {
            (void)write_out(log, now_us);
        }
        if (result == 0 || result == -ENOMEM) {
            result = audit_builder_add_kit(builder, row, kit);
        }
    }
    if (result == 0) {
        if (audit_builder_count(builder) == 1) {
            log->begun_us[stream] = now_us;
        }
        log->stats.taken[stream]++;
        if (log->settings.added != NULL) {
            log->settings.added(log->settings.added_context, stream,
                                log->stats.taken[stream] - 1, row);
        }
    } else if (result != -EINVAL) {
        const uint64_t time_us = row->at[AUDIT_TIME].number;

        count_gap(log, stream, 1, result == -ENOMEM ? "memory" : "disk",
                  result == -ENOMEM ? ENOMEM : disk_error(log), time_us, time_us);
        log->stats.lost[stream]++;
    }
    return result;
}

int audit_log_add_again(struct audit_log *log, enum audit_stream stream,
                        const struct audit_row *row, const struct audit_kit *kit,
                        struct audit_numbers *numbers)
{
    const int result = audit_builder_add_again(log->builders[stream], row, kit, numbers);

    log->stats.taken[stream] += result == 0;
    return result;
}

void audit_log_expect(struct audit_log *log, enum audit_stream stream, const uint8_t *octets,
                      size_t len)
{
    audit_builder_expect(log->builders[stream], octets, len);
}

int audit_log_add(struct audit_log *log, enum audit_stream stream, const struct audit_row *row,
                  uint64_t now_us)
{
    return audit_log_add_kit(log, stream, row, NULL, now_us);
}

void audit_log_lost(struct audit_log *log, enum audit_stream stream, uint64_t count,
                    const char *cause, uint64_t from_us, uint64_t to_us)
{
    if (count > 0) {
        count_gap(log, stream, count, cause, 0, from_us, to_us);
    }
}

/* --- time --- */

static bool is_due(uint64_t now_us, uint64_t since_us, uint64_t after_us)
{
    return now_us < since_us || now_us - since_us >= after_us; /* a clock set back: at once */
}

/* There is so little to do that the time of a block is over, and it is sealed, by that or by
 * something else, and no other has begun: what larger ones have needed goes back. */
static void shrink(struct audit_log *log, unsigned stream, uint64_t now_us)
{
    if (log->has_grown[stream] && audit_builder_count(log->builders[stream]) == 0 &&
        is_due(now_us, log->begun_us[stream], log->settings.seal_us[stream])) {
        audit_builder_shrink(log->builders[stream]);
        log->has_grown[stream] = false;
        log->trims = true;
    }
}

/* The disk has everything, and no turn runs. */
static void trim(struct audit_log *log)
{
    free(log->pending);
    log->pending = NULL;
    log->pending_size = 0;
    free(log->turn.data);
    log->turn.data = NULL;
    log->turn.size = 0;
    log->trims = false;
    (void)malloc_trim(0);
}

static int tick(struct audit_log *log, const struct audit_in_force *in_force, uint64_t now_us,
                bool all)
{
    const bool was_writing = log->is_writing;
    const bool is_free = look_at_turn(log, now_us);

    if (was_writing && is_free && log->stats.error != 0) {
        return log->stats.error; /* it has just failed: not at once again */
    }
    /* While the disk fails a gap grows; it is one record when that is over. */
    if (all || (log->stats.error == 0 && !is_pending_full(log))) {
        record_gaps(log, now_us);
    }
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        if (audit_builder_count(log->builders[stream]) > 0 &&
            (all || is_due(now_us, log->begun_us[stream], log->settings.seal_us[stream]))) {
            (void)seal(log, stream, now_us);
        }
        if (!all) {
            shrink(log, stream, now_us);
        }
    }
    if (log->trims && is_free && log->pending_len == 0 && log->turn.len == 0) {
        trim(log);
    }
    if (!is_pending_full(log) &&
        ((all && log->since_checkpoint > 0) ||
         log->since_checkpoint >= log->settings.checkpoint_blocks ||
         (log->settings.checkpoint_events > 0 &&
          log->events_since_checkpoint >= log->settings.checkpoint_events) ||
         is_due(now_us, log->checkpoint_us, log->settings.checkpoint_us))) {
        (void)make_checkpoint(log, in_force, now_us);
    }
    if (is_free && log->ends_file && log->pending_len == 0 && !log->begins_file) {
        audit_log_begin_file(log); /* also where nothing more is to be written */
    }
    if (!is_free || (!all && now_us < log->retry_at_us &&
                     log->retry_at_us - now_us <= log->settings.retry_us)) {
        return log->stats.error;
    }
    return write_out(log, now_us);
}

int audit_log_tick(struct audit_log *log, const struct audit_in_force *in_force,
                   uint64_t now_us)
{
    return tick(log, in_force, now_us, false);
}

int audit_log_flush(struct audit_log *log, const struct audit_in_force *in_force,
                    uint64_t now_us)
{
    int result = tick(log, in_force, now_us, true);

    /* What had no room until now. */
    for (unsigned stream = 1; result == 0 && stream <= AUDIT_STREAMS; stream++) {
        if (audit_builder_count(log->builders[stream]) > 0 || has_gaps(log, stream)) {
            result = tick(log, in_force, now_us, true);
        }
    }
    return result == 0 && log->is_writing ? -EINPROGRESS : result;
}

void audit_log_end(const struct audit_log *log, uint32_t *file, uint64_t *at)
{
    *file = log->end_file;
    *at = log->end_at;
}

uint32_t audit_log_at_file(const struct audit_log *log)
{
    return log->turn.file; /* of this thread: a turn that runs does not touch it */
}

void audit_log_end_file(struct audit_log *log)
{
    log->ends_file = true;
}

void audit_log_abandon(struct audit_log *log)
{
    if (log == NULL) {
        return;
    }
    invariant(look_at_turn(log, 0));
    if (log->turn.handle >= 0) {
        log->files->close(log->files->context, log->turn.handle);
    }
    if (log->turn.before >= 0) {
        log->files->close(log->files->context, log->turn.before);
    }
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        audit_builder_destroy(log->builders[stream]);
    }
    trust_secret_key_wipe(&log->secret);
    free(log->pending);
    free(log->turn.data);
    free(log);
}

int audit_log_close(struct audit_log *log, const struct audit_in_force *in_force,
                    uint64_t now_us)
{
    const int result = audit_log_flush(log, in_force, now_us);

    audit_log_abandon(log);
    return result;
}

uint64_t audit_log_octets(const struct audit_log *log)
{
    return log->stats.octets;
}

void audit_log_stats(const struct audit_log *log, struct audit_log_stats *out)
{
    *out = log->stats;
    out->file = log->file;
    out->sealed_us = log->state.sealed_us;
    for (unsigned i = 0; i < AUDIT_STREAMS * AUDIT_GAP_CAUSES; i++) {
        const unsigned stream = 1 + i / AUDIT_GAP_CAUSES;

        out->untold[stream] += log->gaps[stream][i % AUDIT_GAP_CAUSES].count;
    }
}

const char *audit_log_checkpoint(const struct audit_log *log, uint64_t *number)
{
    *number = log->checkpoint_number;
    return log->checkpoint;
}
