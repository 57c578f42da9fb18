/* audit/writer_lines.c - the buffer of lines, and the output that takes them or does not. */
#include "audit/writer_inside.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/log.h"
#include "base/pages.h"

#include <errno.h>
#include <string.h>

#define RETRY_US  UINT64_C(1000000) /* after an error of the output */
#define NOTICE_US UINT64_C(1000000) /* between two lines about lost events */
#define STALL_US  UINT64_C(1000000) /* before a reader that does not read is news */

uint64_t writer_lost_ring(const struct audit_writer *writer)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < writer->inputs.workers; i++) {
        sum += atomic_load_explicit(writer->inputs.lost[i], memory_order_relaxed);
    }
    if (writer->inputs.changes != NULL) {
        sum += atomic_load_explicit(writer->inputs.changes_lost, memory_order_relaxed);
    }
    return sum;
}

uint64_t writer_lost_output(const struct audit_writer *writer)
{
    return atomic_load_explicit(&writer->lost_output, memory_order_relaxed);
}

bool writer_has_lines(const struct audit_writer *writer)
{
    return writer->output != NULL;
}

void writer_give_up(struct audit_writer *writer, uint64_t count)
{
    if (!writer_has_lines(writer)) {
        return;
    }
    atomic_fetch_add_explicit(&writer->lost_output, count, memory_order_relaxed);
}

bool writer_has_room(const struct audit_writer *writer)
{
    return writer->size - writer->end >= AUDIT_LINE_MAX;
}

bool writer_is_blocked(const struct audit_writer *writer)
{
    return writer->stalled_us != 0 ||
           atomic_load_explicit(&writer->last_error, memory_order_relaxed) != 0;
}

void writer_took_line(struct audit_writer *writer, size_t used)
{
    writer->sequence++;
    writer->waiting++;
    writer->end += used;
}

static uint64_t count_lines(const char *at, size_t len)
{
    uint64_t lines = 0;

    for (const char *end = at + len; at < end; at++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL) {
            break;
        }
        lines++;
    }
    return lines;
}

static void empty_buffer(struct audit_writer *writer)
{
    writer->most = writer->end > writer->most ? writer->end : writer->most;
    writer->start = 0;
    writer->end = 0;
    writer->waiting = 0;
    writer->has_notice = false;
}

void writer_rest(struct audit_writer *writer)
{
    if (writer->end == 0 && writer->most > WRITER_BUFFER_OCTETS) {
        pages_give_back(writer->buffer, writer->size);
        writer->most = 0;
    }
}

/* What waits will never be taken. */
void writer_discard(struct audit_writer *writer)
{
    uint64_t lines = writer->waiting;

    if (writer->has_notice && writer->start < writer->notice_len) {
        lines--; /* it will be told again */
        writer->told_ring -= writer->notice_ring;
        writer->told_output -= writer->notice_output;
    }
    writer_give_up(writer, lines);
    if (writer_has_lines(writer)) {
        audit_output_end_line(writer->output);
    }
    empty_buffer(writer);
}

/* Tells of lost events, in a line of its own before all others. */
void writer_add_notice(struct audit_writer *writer, uint64_t now_us)
{
    const uint64_t ring = writer_lost_ring(writer);
    const uint64_t output = writer_lost_output(writer);

    if (!writer_has_lines(writer) || writer->end > 0 ||
        (ring == writer->told_ring && output == writer->told_output) ||
        now_us < writer->next_notice_us || writer->stalled_us != 0 ||
        atomic_load_explicit(&writer->last_error, memory_order_relaxed) != 0) {
        return;
    }
    writer->notice_ring = ring - writer->told_ring;
    writer->notice_output = output - writer->told_output;
    writer->notice_len =
        audit_lost_json(clock_read().wall_us, writer->notice_ring, writer->notice_output,
                        writer->sequence + 1, writer->buffer, writer->size);
    invariant(writer->notice_len > 0);
    writer_took_line(writer, writer->notice_len);
    writer->has_notice = true;
    writer->told_ring = ring;
    writer->told_output = output;
    writer->next_notice_us = now_us + NOTICE_US;
}

static void output_works(struct audit_writer *writer)
{
    if (writer->stall_logged || writer->error_logged) {
        log_write(LOG_LEVEL_INFO, "events: %s takes lines again; %llu events were lost",
                  audit_output_name(writer->output),
                  (unsigned long long)(writer_lost_ring(writer) + writer_lost_output(writer) -
                                       writer->lost_at_log));
    }
    writer->stall_logged = false;
    writer->error_logged = false;
    writer->stalled_us = 0;
    atomic_store_explicit(&writer->last_error, 0, memory_order_relaxed);
    atomic_store_explicit(&writer->stalled, false, memory_order_relaxed);
}

static void output_stalls(struct audit_writer *writer, uint64_t now_us)
{
    atomic_store_explicit(&writer->stalled, true, memory_order_relaxed);
    if (writer->stalled_us == 0) {
        writer->stalled_us = now_us;
    }
    if (!writer->stall_logged && now_us - writer->stalled_us >= STALL_US) {
        writer->stall_logged = true;
        writer->lost_at_log = writer_lost_ring(writer) + writer_lost_output(writer);
        log_write(LOG_LEVEL_WARNING,
                  "events: nobody reads %s: answers go on, but events wait and then are lost",
                  audit_output_name(writer->output));
    }
}

static void output_fails(struct audit_writer *writer, uint64_t now_us, int error)
{
    atomic_store_explicit(&writer->stalled, true, memory_order_relaxed);
    atomic_store_explicit(&writer->last_error, error, memory_order_relaxed);
    writer->next_try_us = now_us + RETRY_US;
    if (!writer->error_logged) {
        writer->error_logged = true;
        writer->lost_at_log = writer_lost_ring(writer) + writer_lost_output(writer);
        log_write(LOG_LEVEL_WARNING,
                  "events: cannot write to %s: %s: answers go on, but events wait and then are "
                  "lost. Make room there, or make it writable: it is tried again all the time",
                  audit_output_name(writer->output), cordon_strerror(error));
    }
    /* A disk can get room again; who has closed a pipe does not come back for these lines. */
    if (error == -EPIPE || error == -ECONNRESET) {
        writer_discard(writer);
    }
}

void writer_flush(struct audit_writer *writer, uint64_t now_us, bool at_once)
{
    size_t used = 0;

    if (writer->start == writer->end || (now_us < writer->next_try_us && !at_once)) {
        return;
    }
    const char *from = writer->buffer + writer->start;
    const int rc =
        audit_output_write(writer->output, from, writer->end - writer->start, now_us, &used);
    /* What was taken whole need not be read again. */
    const uint64_t lines = rc == 0 ? writer->waiting : count_lines(from, used);
    atomic_fetch_add_explicit(&writer->written, lines, memory_order_relaxed);
    writer->waiting -= lines;
    writer->start += used;
    if (rc == 0) {
        empty_buffer(writer);
        output_works(writer);
        return;
    }
    if (writer->start > 0 && !writer->has_notice) {
        memmove(writer->buffer, writer->buffer + writer->start, writer->end - writer->start);
        writer->end -= writer->start;
        writer->start = 0;
    }
    writer->has_notice = writer->has_notice && writer->start < writer->notice_len;
    if (rc != -EAGAIN) {
        output_fails(writer, now_us, rc);
    } else if (used > 0) {
        writer->stalled_us = 0; /* slow, but it moves */
        output_stalls(writer, now_us);
    } else {
        output_stalls(writer, now_us);
    }
}
