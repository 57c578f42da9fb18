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
#include "audit/change.h"
#include "audit/publish.h"
#include "audit/writer_inside.h"
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

#define IDLE_MS            100               /* between two looks into empty rings */
#define BUSY_MS            10                /* after a look that found something */
#define SWITCH_PATIENCE_US UINT64_C(2000000) /* for an output that holds up a reload */
#define STOP_US            UINT64_C(2000000) /* for the rest, at the end */
#define JOIN_MS            5000              /* before a thread stuck in write(2) is ended */

/* The log. */

static uint64_t sum_of(_Atomic uint64_t *const *counts, unsigned workers)
{
    uint64_t sum = 0;

    for (unsigned i = 0; counts != NULL && i < workers; i++) {
        sum += atomic_load_explicit(counts[i], memory_order_relaxed);
    }
    return sum;
}

/* What workers have counted since the last time. */
static void tell_lost(struct audit_writer *writer, enum audit_stream stream,
                      enum writer_loss loss, uint64_t count)
{
    static const char *const causes[WRITER_LOSSES] = {
        [WRITER_LOST] = "ring", [WRITER_REFUSED] = "refused"};
    uint64_t *told = &writer->told[stream][loss];

    audit_recorder_lost(writer->inputs.recorder, stream, count - *told, causes[loss],
                        writer->now);
    *told = count;
}

/* The newest checkpoint, to those who keep it elsewhere. */
static void publish(struct audit_writer *writer)
{
    const struct audit_writer_inputs *in = &writer->inputs;
    const char *note = audit_recorder_checkpoint(in->recorder, &writer->published);

    if (note == NULL) {
        return;
    }
    if (in->publish_syslog) {
        const int error = audit_checkpoint_syslog(AUDIT_SYSLOG, note, writer->now.wall_us);

        if (error != 0 && !writer->syslog_logged) {
            log_write(LOG_LEVEL_WARNING, "audit: no checkpoint reaches " AUDIT_SYSLOG ": %s",
                      cordon_strerror(error));
        }
        writer->syslog_logged = error != 0;
    }
    if (in->publish_events && writer_has_room(writer)) { /* never where there are no lines */
        const size_t used =
            audit_checkpoint_line(note, writer->now.wall_us, writer->sequence + 1,
                                  writer->buffer + writer->end, writer->size - writer->end);

        invariant(used > 0); /* a checkpoint is far below a line's limit */
        writer_took_line(writer, used);
    }
}

static void end_round(struct audit_writer *writer)
{
    const struct audit_tap *tap = &writer->inputs.tap;

    if (tap->round != NULL) {
        tap->round(tap->context);
    }
}

static void tick(struct audit_writer *writer)
{
    const struct audit_writer_inputs *in = &writer->inputs;

    writer_end_keys(writer);
    if (in->recorder == NULL) {
        end_round(writer);
        return;
    }
    tell_lost(writer, AUDIT_DECISIONS, WRITER_LOST, sum_of(in->lost, in->workers));
    tell_lost(writer, AUDIT_QUERIES, WRITER_LOST, sum_of(in->questions_lost, in->workers));
    tell_lost(writer, AUDIT_DECISIONS, WRITER_REFUSED, sum_of(in->refused, in->workers));
    tell_lost(writer, AUDIT_QUERIES, WRITER_REFUSED,
              sum_of(in->questions_refused, in->workers));
    if (in->changes != NULL) {
        tell_lost(writer, AUDIT_CHANGES, WRITER_LOST,
                  atomic_load_explicit(in->changes_lost, memory_order_relaxed));
    }
    audit_recorder_tick(in->recorder, &writer->in_force, writer->now);
    end_round(writer);
    publish(writer);
}

/* Generations. */

/* For checkpoints: borrowed from the policy, as long as it is adopted. */
static void note_lists(struct audit_writer *writer)
{
    const struct policy_image *image = policy_image_of(writer_policy(writer));
    size_t count = 0;

    for (size_t i = 0; i < policy_image_lists(image) && count < POLICY_LISTS_MAX; i++) {
        struct policy_image_list list;

        if (policy_image_list_at(image, i, &list)) {
            writer->lists[count++] = (struct audit_checkpoint_list){list.id, list.serial};
        }
    }
    writer->in_force.lists = writer->lists;
    writer->in_force.list_count = count;
}

static void adopt(struct audit_writer *writer)
{
    /* The snapshot is that of the number: a newer one cannot be published before this one is
     * adopted here. */
    writer->number = policy_slot_number(writer->inputs.slot);
    writer->snapshot = policy_slot_adopt(writer->inputs.slot, writer->inputs.reader);
    writer->generation = policy_generation(writer_policy(writer));
    writer->switching_us = 0;
    audit_repeats_forget(writer->repeats); /* they are of that policy and its views */
    note_lists(writer);
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
    if (!writer_is_drained(writer)) {
        if (writer->switching_us == 0) {
            writer->switching_us = now_us;
        }
        if (now_us - writer->switching_us < SWITCH_PATIENCE_US) {
            return;
        }
        writer_drop_records(writer, false);
    }
    adopt(writer);
}

/* The thread. */

static void wait_for_work(struct audit_writer *writer, bool busy)
{
    const bool blocked = writer->stalled_us != 0;
    struct pollfd ready[] = {
        {.fd = writer->wake, .events = POLLIN},
        {.fd = blocked ? audit_output_descriptor(writer->output) : -1, .events = POLLOUT},
    };
    const bool switching = policy_slot_number(writer->inputs.slot) != writer->number;
    int timeout = busy || switching ? BUSY_MS : IDLE_MS;
    uint64_t wakes;

    if (writer->more || (writer->full && !writer_is_blocked(writer))) {
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
        const bool any = writer_collect(writer);

        tick(writer);
        switch_policy(writer, now.mono_us, true);
        writer->next_notice_us = 0;
        writer_add_notice(writer, now.mono_us);
        writer_flush(writer, now.mono_us, true);
        more = any || writer->full || writer->more || writer->end > 0 ||
               !writer_is_drained(writer) ||
               (writer->inputs.changes != NULL && ring_used(writer->inputs.changes) > 0) ||
               policy_slot_number(writer->inputs.slot) != writer->number;
        if (writer->end > 0) {
            struct pollfd ready = {.fd = audit_output_descriptor(writer->output),
                                   .events = POLLOUT};
            /* A file that is full is always ready: it must not be asked without a pause. */
            poll(&ready, writer->stalled_us != 0 ? 1 : 0, BUSY_MS);
        } else if (!any && more) {
            poll(NULL, 0, BUSY_MS); /* records that the log refuses to take */
        }
        now = clock_read();
        if (atomic_load_explicit(&writer->written, memory_order_relaxed) != seen) {
            seen = atomic_load_explicit(&writer->written, memory_order_relaxed);
            end_us = now.mono_us + STOP_US;
        }
    }
}

/* What is still in a ring cannot wait any longer: the workers have stopped. */
static void end_log(struct audit_writer *writer)
{
    const char *reason = atomic_load_explicit(&writer->reason, memory_order_acquire);

    if (writer->inputs.recorder == NULL || writer->log_ended) {
        return;
    }
    writer->now = clock_read();
    writer_drop_records(writer, true);
    tick(writer);
    atomic_store_explicit(&writer->ends_log, true, memory_order_relaxed);
    audit_recorder_end(writer->inputs.recorder, reason != NULL ? reason : "stopped",
                       &writer->in_force, writer->now);
    writer->log_ended = true;
    atomic_store_explicit(&writer->ends_log, false, memory_order_relaxed);
    end_round(writer);
    publish(writer);
    writer_flush(writer, writer->now.mono_us, true);
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

    /* By the thread itself: another one would write a file of /proc, which the sandbox denies.
     */
    pthread_setname_np(pthread_self(), "events");
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    while (!atomic_load_explicit(&writer->stop, memory_order_acquire)) {
        const uint64_t now_us = clock_read().mono_us;
        const bool busy = writer_collect(writer);

        writer_flush(writer, now_us, false);
        tick(writer);
        switch_policy(writer, now_us, false);
        writer_add_notice(writer, now_us);
        if (!busy) {
            writer_rest(writer);
        }
        audit_repeats_rest(writer->repeats, now_us);
        wait_for_work(writer, busy);
    }
    finish(writer);
    end_log(writer);
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
    audit_list_words_destroy(writer->list_words);
    audit_stencils_destroy(writer->stencils);
    audit_event_kits_destroy(writer->kits);
    audit_repeats_destroy(writer->repeats);
    free(writer->heads);
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
    new->now = clock_read();
    new->wake = -1;
    new->ended = -1;
    if (!settings->none) {
        new->size = inputs->recorder != NULL || inputs->tap.taken != NULL
                        ? WRITER_QUEUE_OCTETS
                        : WRITER_BUFFER_OCTETS;
        new->buffer = malloc(new->size);
    }
    new->list_words = audit_list_words_create();
    new->stencils = audit_stencils_create();
    new->kits = audit_event_kits_create();
    new->repeats = audit_repeats_create();
    new->heads = calloc(inputs->workers, sizeof(*new->heads));
    if ((new->buffer == NULL && !settings->none) || new->list_words == NULL ||
        new->stencils == NULL || new->kits == NULL || new->repeats == NULL ||
        new->heads == NULL) {
        goto done;
    }
    for (unsigned i = 0; i < inputs->workers; i++) {
        new->heads[i].worker = i;
    }
    new->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    new->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (new->wake < 0 || new->ended < 0) {
        rc = -errno;
        goto done;
    }
    rc = settings->none ? 0 : audit_output_open(settings, &new->output);
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

void audit_writer_stop(struct audit_writer *writer, const char *reason)
{
    struct pollfd ended = {.fd = writer->ended, .events = POLLIN};
    const uint64_t before =
        writer_lost_output(writer); /* the thread gives up some on its way out */

    atomic_store_explicit(&writer->reason, reason, memory_order_release);
    atomic_store_explicit(&writer->stop, true, memory_order_release);
    audit_writer_wake(writer);
    uint64_t seen;
    int rc;
    do {
        seen = atomic_load_explicit(&writer->written, memory_order_relaxed);
        rc = poll(&ended, 1, JOIN_MS);
    } while (
        (rc < 0 && errno == EINTR) ||
        (rc == 0 && (atomic_load_explicit(&writer->written, memory_order_relaxed) != seen ||
                     atomic_load_explicit(&writer->ends_log, memory_order_relaxed))));
    if (rc != 1) {
        pthread_cancel(writer->thread); /* it is stuck in a write to a shared pipe */
    }
    pthread_join(writer->thread, NULL);
    end_log(writer); /* if the thread was ended before */
    writer_discard(writer);
    writer_drop_records(writer, true);
    if (writer_lost_output(writer) > before) {
        log_write(LOG_LEVEL_WARNING, "events: %llu were given up at the end: %s took no more",
                  (unsigned long long)(writer_lost_output(writer) - before),
                  audit_output_name(writer->output));
    }
    destroy(writer);
}

void audit_writer_stats(const struct audit_writer *writer, struct audit_writer_stats *out)
{
    out->written = atomic_load_explicit(&writer->written, memory_order_relaxed);
    out->lost_ring = writer_lost_ring(writer);
    out->lost_output = writer_lost_output(writer);
    out->last_error = atomic_load_explicit(&writer->last_error, memory_order_relaxed);
    out->stalled = atomic_load_explicit(&writer->stalled, memory_order_relaxed);
}
