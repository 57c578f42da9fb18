#include "audit/log.h"

#include "audit/log_inside.h"
#include "audit/varint.h"
#include "base/error.h"
#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_pending_full(const struct audit_log *log)
{
    return log->pending_len + 2u * AUDIT_CHECKPOINT_MAX >= AUDIT_PENDING_MAX;
}

bool audit_log_is_full(const struct audit_log *log)
{
    return is_pending_full(log);
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
    return true;
}

/* Another file begins where this one is safe: the head has what the log has come to. */
void audit_log_begin_file(struct audit_log *log)
{
    struct audit_file_head head = {.state = log->state};

    invariant(log->pending_len == 0);
    if (log->handle >= 0) {
        log->files->close(log->files->context, log->handle);
        log->handle = -1;
    }
    log->file++;
    head.number = log->file;
    memcpy(head.log, log->id, sizeof(head.log));
    log->head_len = audit_file_head_put(&head, log->head);
    log->has_head = false;
    log->safe_at = 0;
}

static int write_all(struct audit_log *log, uint64_t at, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t done = 0;
        const int result =
            log->files->write(log->files->context, log->handle, at, data, len, &done);

        if (result == -EINTR) {
            continue;
        }
        if (result != 0 || done == 0) {
            return result != 0 ? result : -EIO;
        }
        at += done;
        data += done;
        len -= done;
    }
    return 0;
}

static int sync_file(struct audit_log *log)
{
    return log->settings.sync ? log->files->sync(log->files->context, log->handle) : 0;
}

/* The head is safe before the first frame is written: without it no frame has a meaning. */
static int write_head(struct audit_log *log)
{
    int result = write_all(log, 0, log->head, log->head_len);

    if (result == 0) {
        result = log->files->cut(log->files->context, log->handle, log->head_len);
    }
    if (result == 0) {
        result = sync_file(log);
    }
    if (result == 0 && log->settings.sync) {
        result = log->files->sync_folder(log->files->context);
    }
    if (result == 0) {
        log->has_head = true;
        log->safe_at = log->head_len;
        log->stats.octets += log->head_len;
    }
    return result;
}

static int write_pending(struct audit_log *log)
{
    uint64_t size = 0;
    int result = 0;

    if (log->handle < 0) {
        log->handle = log->files->open(log->files->context, log->file, !log->has_head, &size);
        if (log->handle < 0) {
            result = log->handle;
            log->handle = -1;
            return result;
        }
    }
    if (!log->has_head) {
        result = write_head(log);
    }
    if (result == 0 && log->pending_len > 0) {
        result = write_all(log, log->safe_at, log->pending, log->pending_len);
        if (result == 0) {
            result = sync_file(log);
        }
    }
    if (result != 0) {
        /* What was not synced may be there or not, and the system may have forgotten that it is
         * not: the file is opened anew, and all of it is written once more. */
        if (log->has_head) {
            (void)log->files->cut(log->files->context, log->handle, log->safe_at);
        }
        log->files->close(log->files->context, log->handle);
        log->handle = -1;
    }
    return result;
}

static int write_out(struct audit_log *log, uint64_t now_us)
{
    int result = 0;

    if (log->pending_len > 0 || !log->has_head) {
        result = write_pending(log);
        if (result == 0) {
            log->safe_at += log->pending_len;
            log->stats.octets += log->pending_len;
            log->pending_len = 0;
            memcpy(log->stats.safe, log->state.events, sizeof(log->stats.safe));
            if (log->next_len > 0) {
                memcpy(log->checkpoint, log->next, log->next_len + 1);
                log->checkpoint_len = log->next_len;
                log->next_len = 0;
                log->checkpoint_number++;
                log->head_is_old = true;
            }
        }
    }
    if (result == 0 && log->head_is_old) {
        result =
            log->files->write_head(log->files->context, log->checkpoint, log->checkpoint_len);
        log->head_is_old = result != 0;
    }
    log->stats.error = result;
    log->retry_at_us = result != 0 ? now_us + log->settings.retry_us : 0;
    return result;
}

/* --- sealing --- */

static void count_gap(struct audit_log *log, unsigned stream, uint64_t count, const char *cause,
                      int error, uint64_t from_us, uint64_t to_us)
{
    struct audit_gap *const gaps = log->gaps[stream];
    unsigned i = 0;

    while (i + 1 < AUDIT_GAP_CAUSES && gaps[i].count > 0 && strcmp(gaps[i].cause, cause) != 0) {
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
    if (before == 0 && log->has_head && log->safe_at >= log->settings.file_octets) {
        audit_log_begin_file(log);
    }
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
        log->pending_len = before;
        give_up(log, stream, now_us);
        return -ENOMEM;
    }
    audit_builder_clear(builder);
    audit_state_add(&log->state, &header, octets);
    log->since_checkpoint++;
    log->events_since_checkpoint += header.events;
    log->stats.blocks++;
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
        log->pending_len = before;
        log->next_len = 0;
        return false;
    }
    log->next_len = len;
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

int audit_log_add(struct audit_log *log, enum audit_stream stream, const struct audit_row *row,
                  uint64_t now_us)
{
    struct audit_builder *builder = log->builders[stream];
    int result = audit_builder_add(builder, row);

    if (result == -ENOBUFS) {
        if (is_pending_full(log) && now_us >= log->retry_at_us) {
            (void)write_out(log, now_us);
        }
        result = seal(log, stream, now_us);
        if (result == 0 && now_us >= log->retry_at_us) {
            (void)write_out(log, now_us);
        }
        if (result == 0 || result == -ENOMEM) {
            result = audit_builder_add(builder, row);
        }
    }
    if (result == 0) {
        if (audit_builder_count(builder) == 1) {
            log->begun_us[stream] = now_us;
        }
        log->stats.taken[stream]++;
    } else if (result != -EINVAL) {
        const uint64_t time_us = row->at[AUDIT_TIME].number;

        count_gap(log, stream, 1, result == -ENOMEM ? "memory" : "disk",
                  result == -ENOMEM ? ENOMEM : -log->stats.error, time_us, time_us);
        log->stats.lost[stream]++;
    }
    return result;
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

static int tick(struct audit_log *log, const struct audit_in_force *in_force, uint64_t now_us,
                bool all)
{
    /* While the disk fails a gap grows; it is one record when that is over. */
    if (all || (log->stats.error == 0 && !is_pending_full(log))) {
        record_gaps(log, now_us);
    }
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        if (audit_builder_count(log->builders[stream]) > 0 &&
            (all || is_due(now_us, log->begun_us[stream], log->settings.seal_us[stream]))) {
            (void)seal(log, stream, now_us);
        }
    }
    if (!is_pending_full(log) &&
        ((all && log->since_checkpoint > 0) ||
         log->since_checkpoint >= log->settings.checkpoint_blocks ||
         (log->settings.checkpoint_events > 0 &&
          log->events_since_checkpoint >= log->settings.checkpoint_events) ||
         is_due(now_us, log->checkpoint_us, log->settings.checkpoint_us))) {
        (void)make_checkpoint(log, in_force, now_us);
    }
    if (!all && now_us < log->retry_at_us &&
        log->retry_at_us - now_us <= log->settings.retry_us) {
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
    return result;
}

void audit_log_abandon(struct audit_log *log)
{
    if (log == NULL) {
        return;
    }
    if (log->handle >= 0) {
        log->files->close(log->files->context, log->handle);
    }
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        audit_builder_destroy(log->builders[stream]);
    }
    trust_secret_key_wipe(&log->secret);
    free(log->pending);
    free(log);
}

int audit_log_close(struct audit_log *log, const struct audit_in_force *in_force,
                    uint64_t now_us)
{
    const int result = audit_log_flush(log, in_force, now_us);

    audit_log_abandon(log);
    return result;
}

void audit_log_stats(const struct audit_log *log, struct audit_log_stats *out)
{
    *out = log->stats;
    out->file = log->file;
}

const char *audit_log_checkpoint(const struct audit_log *log, uint64_t *number)
{
    *number = log->checkpoint_number;
    return log->checkpoint;
}
