/*
 * audit/writer.c - one thread: records out of the rings, lines into the output.
 *
 *   rings -> (record + policy of its generation) -> buffer of lines -> output
 *
 * When the output takes nothing, the buffer fills, then the rings, then workers count what they
 * lose; nobody waits. When it works again, a line says how many are missing.
 *
 * Generations. A record's words are looked up in the policy that decided. So a record of a
 * newer generation stays in its ring until every worker has adopted that policy: from then on
 * no record of the old one can come. The rings are drained of old ones, and only then is the
 * new policy adopted here, by which the old may be freed. A reload never waits for a blocked
 * output: after SWITCH_PATIENCE_US the old records that are left are given up, and counted.
 */
#include "audit/writer.h"

#include "audit/change.h"
#include "audit/event.h"
#include "audit/output.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BUFFER_OCTETS      (4 * AUDIT_LINE_MAX) /* some hundred lines of usual length */
#define IDLE_MS            100                  /* between two looks into empty rings */
#define BUSY_MS            10                   /* after a look that found something */
#define RETRY_US           UINT64_C(1000000)    /* after an error of the output */
#define NOTICE_US          UINT64_C(1000000)    /* between two lines about lost events */
#define STALL_US           UINT64_C(1000000)    /* before a reader that does not read is news */
#define SWITCH_PATIENCE_US UINT64_C(2000000)    /* for an output that holds up a reload */
#define STOP_US            UINT64_C(2000000)    /* for the rest, at the end */
#define JOIN_MS            5000                 /* before a thread stuck in write(2) is ended */

struct audit_writer {
    struct audit_writer_inputs inputs;
    struct audit_output *output;
    pthread_t thread;
    int wake;  /* eventfd: for the thread */
    int ended; /* eventfd: the thread has nothing more to do */
    atomic_bool stop;
    _Atomic uint64_t written, lost_output;
    _Atomic int last_error;
    atomic_bool stalled;

    /* The thread's own from here on. */
    const void *snapshot; /* adopted */
    uint64_t number;      /* of the slot, when it was adopted */
    uint64_t generation;  /* of its policy */
    uint64_t sequence;
    char *buffer; /* lines from start to end wait for the output */
    size_t start, end;
    bool full;       /* a record found no room in the buffer */
    bool has_notice; /* the line at start 0 tells of lost events */
    size_t notice_len;
    uint64_t notice_ring, notice_output; /* as many as it says */
    uint64_t told_ring, told_output;     /* by all such lines */
    uint64_t next_notice_us;
    uint64_t next_try_us;  /* after an error */
    uint64_t stalled_us;   /* since when; 0: it is not */
    uint64_t switching_us; /* since when a switch waits for the output; 0: none does */
    bool stall_logged, error_logged, damage_logged;
    uint64_t lost_at_log;
    struct audit_event event; /* scratch */
};

static const struct policy *policy_of(const struct audit_writer *writer)
{
    return writer->inputs.policy_of(writer->snapshot);
}

static uint64_t lost_ring(const struct audit_writer *writer)
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

static uint64_t lost_output(const struct audit_writer *writer)
{
    return atomic_load_explicit(&writer->lost_output, memory_order_relaxed);
}

static void give_up(struct audit_writer *writer, uint64_t count)
{
    atomic_fetch_add_explicit(&writer->lost_output, count, memory_order_relaxed);
}

/* Rings to buffer. */

static void report_damage(struct audit_writer *writer)
{
    give_up(writer, 1);
    if (!writer->damage_logged) {
        writer->damage_logged = true;
        log_write(LOG_LEVEL_ERROR,
                  "events: a record that no policy in force explains was dropped: a fault of "
                  "cordond, please report it; further ones are only counted");
    }
}

static bool has_room(const struct audit_writer *writer)
{
    return BUFFER_OCTETS - writer->end >= AUDIT_LINE_MAX;
}

static void add_record(struct audit_writer *writer, const void *record, size_t len)
{
    size_t used = 0;

    if (audit_event_get(record, len, &writer->event)) {
        used = audit_event_json(&writer->event, policy_of(writer),
                                writer->inputs.view_name(writer->snapshot, writer->event.view),
                                writer->sequence + 1, writer->buffer + writer->end,
                                BUFFER_OCTETS - writer->end);
    }
    if (used == 0) {
        report_damage(writer);
        return;
    }
    writer->sequence++;
    writer->end += used;
}

enum next_record {
    NEXT_NONE,
    NEXT_OURS,  /* *record is of the adopted policy */
    NEXT_NEWER, /* it waits */
    NEXT_STRAY  /* of a policy that is neither in force nor to come */
};

static enum next_record look_at(struct audit_writer *writer, unsigned ring, const void **record,
                                size_t *len)
{
    *record = ring_peek(writer->inputs.rings[ring], len);
    if (*record == NULL) {
        return NEXT_NONE;
    }
    if (audit_event_generation(*record, *len) == writer->generation) {
        return NEXT_OURS;
    }
    /* Read after the record: a worker that wrote it had seen the number of its policy. */
    return policy_slot_number(writer->inputs.slot) != writer->number ? NEXT_NEWER : NEXT_STRAY;
}

/* Changes belong to no generation: nothing keeps them waiting. True if there was any. */
static bool collect_changes(struct audit_writer *writer)
{
    struct ring *ring = writer->inputs.changes;
    bool any = false;
    size_t len = 0;

    for (const void *record = ring == NULL ? NULL : ring_peek(ring, &len); record != NULL;
         record = ring_peek(ring, &len)) {
        if (!has_room(writer)) {
            writer->full = true;
            return any;
        }
        const size_t used =
            audit_change_line(record, len, writer->sequence + 1, writer->buffer + writer->end,
                              BUFFER_OCTETS - writer->end);
        invariant(used > 0); /* a record and its head are far below a line's limit */
        writer->sequence++;
        writer->end += used;
        ring_release(ring);
        any = true;
    }
    return any;
}

/* Takes what has room. True if there was any. */
static bool collect(struct audit_writer *writer)
{
    writer->full = false;
    bool any = collect_changes(writer);

    if (writer->full) {
        return any;
    }
    for (unsigned i = 0; i < writer->inputs.workers; i++) {
        const void *record;
        size_t len = 0;
        enum next_record next = look_at(writer, i, &record, &len);

        while (next == NEXT_OURS || next == NEXT_STRAY) {
            if (!has_room(writer)) {
                writer->full = true;
                return any;
            }
            if (next == NEXT_OURS) {
                add_record(writer, record, len);
            } else {
                report_damage(writer);
            }
            ring_release(writer->inputs.rings[i]);
            any = true;
            next = look_at(writer, i, &record, &len);
        }
    }
    return any;
}

/* Gives up the records that the adopted policy explains (or all of them). */
static void drop_records(struct audit_writer *writer, bool all)
{
    for (unsigned i = 0; i < writer->inputs.workers; i++) {
        const void *record;
        size_t len = 0;
        enum next_record next = look_at(writer, i, &record, &len);

        while (next == NEXT_OURS || (all && next != NEXT_NONE)) {
            ring_release(writer->inputs.rings[i]);
            give_up(writer, 1);
            next = look_at(writer, i, &record, &len);
        }
    }
    size_t ignored = 0;
    while (all && writer->inputs.changes != NULL &&
           ring_peek(writer->inputs.changes, &ignored) != NULL) {
        ring_release(writer->inputs.changes);
        give_up(writer, 1);
    }
}

/* Generations. */

static void adopt(struct audit_writer *writer)
{
    /* The snapshot is that of the number: a newer one cannot be published before this one is
     * adopted here. */
    writer->number = policy_slot_number(writer->inputs.slot);
    writer->snapshot = policy_slot_adopt(writer->inputs.slot, writer->inputs.reader);
    writer->generation = policy_generation(policy_of(writer));
    writer->switching_us = 0;
}

static bool is_drained(struct audit_writer *writer)
{
    for (unsigned i = 0; i < writer->inputs.workers; i++) {
        const void *record;
        size_t len = 0;

        if (look_at(writer, i, &record, &len) == NEXT_OURS) {
            return false;
        }
    }
    return true;
}

/* Goes on to a newer policy if no record of the old one can come any more. */
static void switch_policy(struct audit_writer *writer, uint64_t now_us, bool workers_stopped)
{
    const uint64_t number = policy_slot_number(writer->inputs.slot);

    if (number == writer->number ||
        (!workers_stopped &&
         !policy_slot_adopted(writer->inputs.slot, writer->inputs.workers, number))) {
        return;
    }
    if (!is_drained(writer)) {
        if (writer->switching_us == 0) {
            writer->switching_us = now_us;
        }
        if (now_us - writer->switching_us < SWITCH_PATIENCE_US) {
            return;
        }
        drop_records(writer, false);
    }
    adopt(writer);
}

/* Buffer to output. */

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
    writer->start = 0;
    writer->end = 0;
    writer->has_notice = false;
}

/* What waits will never be taken. */
static void discard_buffer(struct audit_writer *writer)
{
    uint64_t lines = count_lines(writer->buffer + writer->start, writer->end - writer->start);

    if (writer->has_notice && writer->start < writer->notice_len) {
        lines--; /* it will be told again */
        writer->told_ring -= writer->notice_ring;
        writer->told_output -= writer->notice_output;
    }
    give_up(writer, lines);
    audit_output_end_line(writer->output);
    empty_buffer(writer);
}

/* Tells of lost events, in a line of its own before all others. */
static void add_notice(struct audit_writer *writer, uint64_t now_us)
{
    const uint64_t ring = lost_ring(writer);
    const uint64_t output = lost_output(writer);

    if (writer->end > 0 || (ring == writer->told_ring && output == writer->told_output) ||
        now_us < writer->next_notice_us || writer->stalled_us != 0 ||
        atomic_load_explicit(&writer->last_error, memory_order_relaxed) != 0) {
        return;
    }
    writer->notice_ring = ring - writer->told_ring;
    writer->notice_output = output - writer->told_output;
    writer->end =
        audit_lost_json(clock_read().wall_us, writer->notice_ring, writer->notice_output,
                        ++writer->sequence, writer->buffer, BUFFER_OCTETS);
    invariant(writer->end > 0);
    writer->notice_len = writer->end;
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
                  (unsigned long long)(lost_ring(writer) + lost_output(writer) -
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
        writer->lost_at_log = lost_ring(writer) + lost_output(writer);
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
        writer->lost_at_log = lost_ring(writer) + lost_output(writer);
        log_write(LOG_LEVEL_WARNING,
                  "events: cannot write to %s: %s: answers go on, but events wait and then are "
                  "lost. Make room there, or make it writable: it is tried again all the time",
                  audit_output_name(writer->output), cordon_strerror(error));
    }
    /* A disk can get room again; who has closed a pipe does not come back for these lines. */
    if (error == -EPIPE || error == -ECONNRESET) {
        discard_buffer(writer);
    }
}

static void flush(struct audit_writer *writer, uint64_t now_us, bool at_once)
{
    size_t used = 0;

    if (writer->start == writer->end || (now_us < writer->next_try_us && !at_once)) {
        return;
    }
    const char *from = writer->buffer + writer->start;
    const int rc =
        audit_output_write(writer->output, from, writer->end - writer->start, now_us, &used);
    atomic_fetch_add_explicit(&writer->written, count_lines(from, used), memory_order_relaxed);
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

/* The thread. */

static void wait_for_work(struct audit_writer *writer, bool busy)
{
    struct pollfd ready[] = {
        {.fd = writer->wake, .events = POLLIN},
        {.fd = audit_output_descriptor(writer->output), .events = POLLOUT},
    };
    const bool blocked = writer->stalled_us != 0;
    const bool switching = policy_slot_number(writer->inputs.slot) != writer->number;
    int timeout = busy || switching ? BUSY_MS : IDLE_MS;
    uint64_t wakes;

    if (writer->full && !blocked &&
        atomic_load_explicit(&writer->last_error, memory_order_relaxed) == 0) {
        timeout = 0; /* there is more, and room for it */
    }
    poll(ready, blocked ? 2 : 1, timeout);
    if ((ready[0].revents & POLLIN) != 0 &&
        read(writer->wake, &wakes, sizeof(wakes)) != (ssize_t)sizeof(wakes)) {
        return; /* another wake-up took it */
    }
}

/* Everything that is left; not longer than STOP_US after the output took something last. */
static void finish(struct audit_writer *writer)
{
    struct clock_now now = clock_read();
    uint64_t end_us = now.mono_us + STOP_US;
    uint64_t seen = 0;
    bool more = true;

    while (more && now.mono_us < end_us) {
        more = collect(writer);
        switch_policy(writer, now.mono_us, true);
        writer->next_notice_us = 0;
        add_notice(writer, now.mono_us);
        flush(writer, now.mono_us, true);
        more = more || writer->full || writer->end > 0 || !is_drained(writer) ||
               (writer->inputs.changes != NULL && ring_used(writer->inputs.changes) > 0) ||
               policy_slot_number(writer->inputs.slot) != writer->number;
        if (writer->end > 0) {
            struct pollfd ready = {.fd = audit_output_descriptor(writer->output),
                                   .events = POLLOUT};
            /* A file that is full is always ready: it must not be asked without a pause. */
            poll(&ready, writer->stalled_us != 0 ? 1 : 0, BUSY_MS);
        }
        now = clock_read();
        if (atomic_load_explicit(&writer->written, memory_order_relaxed) != seen) {
            seen = atomic_load_explicit(&writer->written, memory_order_relaxed);
            end_us = now.mono_us + STOP_US;
        }
    }
}

/* It can only fail when the counter is full, and then there is a signal. */
static void signal_event(int fd)
{
    const uint64_t one = 1;
    const ssize_t put = write(fd, &one, sizeof(one));

    (void)put;
}

static void *run(void *argument)
{
    struct audit_writer *writer = argument;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    while (!atomic_load_explicit(&writer->stop, memory_order_acquire)) {
        const uint64_t now_us = clock_read().mono_us;
        const bool busy = collect(writer);

        flush(writer, now_us, false);
        switch_policy(writer, now_us, false);
        add_notice(writer, now_us);
        wait_for_work(writer, busy);
    }
    finish(writer);
    signal_event(writer->ended);
    return NULL;
}

/* The thread takes no signal: those of the process are the main thread's, and a broken pipe is
 * an error code here. */
static int start_thread(struct audit_writer *writer)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    int rc = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (rc != 0) {
        return -rc;
    }
    rc = pthread_create(&writer->thread, NULL, run, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        pthread_setname_np(writer->thread, "events");
    }
    return -rc;
}

static void destroy(struct audit_writer *writer)
{
    if (writer->wake >= 0) {
        close(writer->wake);
    }
    if (writer->ended >= 0) {
        close(writer->ended);
    }
    audit_output_close(writer->output);
    free(writer->buffer);
    free(writer);
}

int audit_writer_start(const struct audit_writer_settings *settings,
                       const struct audit_writer_inputs *inputs, struct audit_writer **writer)
{
    struct audit_writer *new = calloc(1, sizeof(*new));
    int rc = -ENOMEM;

    if (new == NULL) {
        return rc;
    }
    new->inputs = *inputs;
    new->wake = -1;
    new->ended = -1;
    new->buffer = malloc(BUFFER_OCTETS);
    if (new->buffer == NULL) {
        goto done;
    }
    new->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    new->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (new->wake < 0 || new->ended < 0) {
        rc = -errno;
        goto done;
    }
    rc = audit_output_open(settings, &new->output);
    if (rc != 0) {
        goto done;
    }
    adopt(new);
    rc = start_thread(new);
    if (rc == 0) {
        *writer = new;
        new = NULL; /* it is the caller's now */
    }
done:
    if (new != NULL) {
        destroy(new);
    }
    return rc;
}

void audit_writer_wake(struct audit_writer *writer)
{
    signal_event(writer->wake);
}

void audit_writer_stop(struct audit_writer *writer)
{
    struct pollfd ended = {.fd = writer->ended, .events = POLLIN};
    const uint64_t before = lost_output(writer); /* the thread gives up some on its way out */

    atomic_store_explicit(&writer->stop, true, memory_order_release);
    audit_writer_wake(writer);
    uint64_t seen;
    int rc;
    do {
        seen = atomic_load_explicit(&writer->written, memory_order_relaxed);
        rc = poll(&ended, 1, JOIN_MS);
    } while ((rc < 0 && errno == EINTR) ||
             (rc == 0 && atomic_load_explicit(&writer->written, memory_order_relaxed) != seen));
    if (rc != 1) {
        pthread_cancel(writer->thread); /* it is stuck in a write to a shared pipe */
    }
    pthread_join(writer->thread, NULL);
    discard_buffer(writer);
    drop_records(writer, true);
    if (lost_output(writer) > before) {
        log_write(LOG_LEVEL_WARNING, "events: %llu were given up at the end: %s took no more",
                  (unsigned long long)(lost_output(writer) - before),
                  audit_output_name(writer->output));
    }
    destroy(writer);
}

void audit_writer_stats(const struct audit_writer *writer, struct audit_writer_stats *out)
{
    out->written = atomic_load_explicit(&writer->written, memory_order_relaxed);
    out->lost_ring = lost_ring(writer);
    out->lost_output = lost_output(writer);
    out->last_error = atomic_load_explicit(&writer->last_error, memory_order_relaxed);
    out->stalled = atomic_load_explicit(&writer->stalled, memory_order_relaxed);
}
