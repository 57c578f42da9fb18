/*
 * sink/run.c - the thread of a sink: from its queue to its place.
 *
 *   DOWN -> OPENING -> (dnstap over a socket: GREETING) -> UP -> (FAREWELL) -> OVER
 *
 * Well: records are formatted into the outbox as far as there is room, the place takes what it
 * can, poll(2) waits for the rest or for the writer to wake us. Not: whatever fails ends the
 * connection; what was not settled is sent again over the next one. A reader that takes nothing
 * keeps its own queue full, and nothing else.
 */
#include "sink/inside.h"

#include "audit/row.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIRST_US     UINT64_C(250000)   /* after a failure */
#define MOST_US      UINT64_C(30000000) /* after many */
#define MOST_FILE_US UINT64_C(2000000)  /* of a file: looking costs nobody anything */
#define OPENING_US   UINT64_C(10000000) /* for connecting, TLS and greeting, each */
#define STALLED_US   UINT64_C(5000000)
#define GAP_US       UINT64_C(1000000) /* between two gaps that are told */
#define IDLE_MS      1000
#define PATIENCE_US  UINT64_C(2000000) /* at the end, without progress */
#define LONGEST_US   UINT64_C(5000000) /* at the end, in all */
#define FINISH_US    UINT64_C(1000000) /* for the answer to STOP */
#define PROVEN_US    UINT64_C(2000000) /* a connection that lasts so long works */
#define ROUNDS       64u               /* before the word to stop is looked for */

static bool is_framed(const struct sink *sink)
{
    return sink->settings.format == SINK_DNSTAP;
}

static bool greets(const struct sink *sink)
{
    return is_framed(sink) && sink_place_is_socket(&sink->settings);
}

/* --- what others see --- */

static bool has_work(const struct sink *sink)
{
    return sink->box.count > 0 || ring_used(sink->ring) > 0;
}

static void publish(struct sink *sink, uint64_t now_us)
{
    const bool stalled =
        sink->phase == SINK_UP && has_work(sink) && now_us - sink->progress_us >= STALLED_US;

    if (stalled && !sink->stall_logged) {
        log_write(LOG_LEVEL_WARNING,
                  "sink %s: %s takes nothing: answers go on, but events wait and then are lost",
                  sink->settings.name, sink->stats.to);
    }
    sink->stall_logged = stalled;
    pthread_mutex_lock(&sink->mutex);
    sink->stats.state = sink->phase != SINK_UP ? SINK_CONNECTING
                        : stalled              ? SINK_STALLED
                                               : SINK_SENDING;
    pthread_mutex_unlock(&sink->mutex);
}

static void say_failure(struct sink *sink, const char *words)
{
    pthread_mutex_lock(&sink->mutex);
    snprintf(sink->stats.error, sizeof(sink->stats.error), "%s", words);
    pthread_mutex_unlock(&sink->mutex);
    if (!sink->failure_logged) {
        sink->failure_logged = true;
        log_write(
            LOG_LEVEL_WARNING,
            "sink %s: %s does not work: %s. Answers go on; events wait and then are lost. "
            "It is tried again all the time",
            sink->settings.name, sink->stats.to, words);
    }
}

static uint64_t dropped_of(const struct sink *sink, unsigned stream)
{
    return atomic_load_explicit(&sink->dropped[stream], memory_order_relaxed);
}

static void say_works(struct sink *sink)
{
    uint64_t missing = 0;

    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        missing += dropped_of(sink, stream) - sink->told[stream];
    }
    pthread_mutex_lock(&sink->mutex);
    sink->stats.error[0] = '\0';
    pthread_mutex_unlock(&sink->mutex);
    sink->failures = 0;
    sink->proven = true;
    if (sink->failure_logged) {
        log_write(LOG_LEVEL_INFO, "sink %s: %s works again; %" PRIu64 " events were lost",
                  sink->settings.name, sink->stats.to, missing);
    }
    sink->failure_logged = false;
}

/* --- connecting --- */

static void fail(struct sink *sink, int error, const char *words, struct clock_now now)
{
    const uint64_t most_us = sink_place_is_socket(&sink->settings) ? MOST_US : MOST_FILE_US;

    say_failure(sink, words != NULL                  ? words
                      : sink->place.error[0] != '\0' ? sink->place.error
                      : error == -ECONNRESET         ? "the reader has ended the connection"
                                                     : cordon_strerror(error));
    sink_place_close(&sink->place);
    sink_outbox_rewind(&sink->box);
    sink->heard_len = 0;
    sink->failures++;
    sink->phase = SINK_DOWN;
    sink->next_try_us =
        now.mono_us + backoff_wait(sink->failures, FIRST_US, most_us, &sink->random);
}

static void come_up(struct sink *sink, struct clock_now now)
{
    sink->phase = SINK_UP;
    sink->progress_us = now.mono_us;
    sink->up_us = now.mono_us;
    sink->proven = sink->failures == 0;
    pthread_mutex_lock(&sink->mutex);
    sink->stats.connects++;
    pthread_mutex_unlock(&sink->mutex);
}

/* A control frame is small: it finds room in a socket that was just made, or in one whose
 * reader has taken all. */
static int send_control(struct sink *sink, enum frames_control control, struct clock_now now)
{
    uint8_t octets[FRAMES_CONTROL_MAX];
    const size_t len = frames_put_control(control, octets);
    const ssize_t put = sink_place_write(&sink->place, octets, len, now);

    return put < 0 ? (int)put : (size_t)put == len ? 0 : -EIO;
}

static void greet(struct sink *sink, struct clock_now now)
{
    if (!greets(sink)) {
        come_up(sink, now);
        return;
    }
    const int result = send_control(sink, FRAMES_READY, now);
    if (result != 0) {
        fail(sink, result, NULL, now);
        return;
    }
    sink->phase = SINK_GREETING;
    sink->deadline_us = now.mono_us + OPENING_US;
}

/* 0: *control is what the reader said; -EAGAIN: nothing yet; else -errno. */
static int hear_control(struct sink *sink, enum frames_control *control)
{
    size_t used = 0;

    for (;;) {
        switch (frames_read_control(sink->heard, sink->heard_len, control, &used)) {
        case FRAMES_CONTROL:
            sink->heard_len -= used;
            memmove(sink->heard, sink->heard + used, sink->heard_len);
            return 0;
        case FRAMES_REFUSED:
            return -EPROTO;
        case FRAMES_MORE:
            break;
        }
        const ssize_t got = sink_place_read(&sink->place, sink->heard + sink->heard_len,
                                            sizeof(sink->heard) - sink->heard_len);
        if (got < 0) {
            return (int)got;
        }
        sink->heard_len += (size_t)got;
    }
}

static void hear_accept(struct sink *sink, struct clock_now now)
{
    enum frames_control control = FRAMES_FINISH;
    int result = hear_control(sink, &control);

    if (result == -EAGAIN) {
        if (now.mono_us >= sink->deadline_us) {
            fail(sink, -ETIMEDOUT, "no answer to the greeting of dnstap in time", now);
        }
        return;
    }
    if (result == 0) {
        result = control == FRAMES_ACCEPT ? send_control(sink, FRAMES_START, now) : -EPROTO;
    }
    if (result != 0) {
        fail(sink, result,
             result == -EPROTO && sink->place.error[0] == '\0'
                 ? "the reader does not take dnstap (protobuf:dnstap.Dnstap)"
                 : NULL,
             now);
        return;
    }
    come_up(sink, now);
}

static void connecting(struct sink *sink, int result, struct clock_now now)
{
    if (result == 0) {
        greet(sink, now);
    } else if (result != -EINPROGRESS) {
        fail(sink, result, NULL, now);
    } else if (now.mono_us >= sink->deadline_us) {
        fail(sink, -ETIMEDOUT, NULL, now);
    } else {
        sink->phase = SINK_OPENING;
    }
}

/* --- sending --- */

/* Octets before a message, where the place has no boundaries of its own. Returns how many. */
static size_t put_head(const struct sink *sink, size_t len, uint8_t head[16])
{
    if (is_framed(sink)) {
        frames_put_head((uint32_t)len, head);
        return FRAMES_HEAD;
    }
    if (sink->settings.format == SINK_SYSLOG &&
        (sink->settings.way == SINK_TCP || sink->settings.way == SINK_TLS)) {
        /* Octet counting (RFC 5425, 4.3; RFC 6587, 3.4.1). */
        const int written = snprintf((char *)head, 16, "%zu ", len);

        return written > 0 ? (size_t)written : 0;
    }
    return 0;
}

/* Formats one into the outbox, which has room. False: it cannot be said in this format. */
static bool add_message(struct sink *sink, const struct sink_event *event)
{
    uint8_t head[16];
    size_t len = sink->format(event, &sink->self, sink->message,
                              sizeof(sink->message) - sizeof(head) - 1);

    if (len == 0) {
        return false;
    }
    if (sink->settings.format == SINK_SYSLOG && sink->settings.way == SINK_FILE) {
        sink->message[len++] = '\n';
    }
    sink_outbox_add(&sink->box, (uint8_t)event->stream, head, put_head(sink, len, head),
                    sink->message, len);
    return true;
}

static void add_record(struct sink *sink, const void *octets, size_t len)
{
    char id[SINK_ID_MAX];
    struct sink_record record;
    struct audit_row row;

    memcpy(&record, octets, sizeof(record));
    if (!audit_row_decode((const uint8_t *)octets + sizeof(record), len - sizeof(record),
                          &row)) {
        sink_drop(sink, record.stream, clock_read().wall_us);
        return;
    }
    sink_record_id(sink->hub, &record, id);
    const struct sink_event event = {.stream = (enum audit_stream)record.stream,
                                     .id = id,
                                     .log = record.log != 0 ? sink->hub->origin : NULL,
                                     .row = &row};
    if (!add_message(sink, &event)) {
        sink_drop(sink, record.stream, row.at[AUDIT_TIME].number);
    }
}

/* What was lost, in the words of the audit log: a gap. Formats of questions alone have none. */
static void add_gaps(struct sink *sink, struct clock_now now)
{
    char id[SINK_ID_MAX];

    if (now.mono_us < sink->next_gap_us ||
        (sink->settings.format != SINK_JSON && sink->settings.format != SINK_SYSLOG)) {
        return;
    }
    const uint64_t to_us = atomic_load(&sink->last_us);
    const uint64_t from_us = atomic_exchange(&sink->first_us, 0);
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        const uint64_t dropped = dropped_of(sink, stream);
        struct audit_row row = {.present = 0};

        if (dropped == sink->told[stream] || !sink_outbox_has_room(&sink->box)) {
            continue;
        }
        audit_row_number(&row, AUDIT_TIME, now.wall_us);
        audit_row_text(&row, AUDIT_EVENT, "change");
        audit_row_text(&row, AUDIT_WHAT, "gap");
        audit_row_text(&row, AUDIT_BY, "cordond");
        audit_row_text(&row, AUDIT_SUBJECT, sink->settings.name);
        audit_row_number(&row, AUDIT_STREAM, stream);
        audit_row_number(&row, AUDIT_COUNT, dropped - sink->told[stream]);
        audit_row_text(&row, AUDIT_CAUSE, "sink");
        audit_row_number(&row, AUDIT_FROM, from_us != 0 ? from_us : now.wall_us);
        audit_row_number(&row, AUDIT_TO, to_us != 0 ? to_us : now.wall_us);
        snprintf(id, sizeof(id), "%s-g%" PRIu64 "-%s", sink->hub->run, sink->gaps++,
                 sink->settings.name);
        const struct sink_event event = {
            .stream = AUDIT_CHANGES, .id = id, .log = NULL, .row = &row};
        if (add_message(sink, &event)) {
            sink->told[stream] = dropped;
        }
        sink->next_gap_us = now.mono_us + GAP_US;
    }
}

static void fill(struct sink *sink, struct clock_now now)
{
    size_t len = 0;

    add_gaps(sink, now);
    while (sink_outbox_has_room(&sink->box)) {
        const void *record = ring_peek(sink->ring, &len);

        if (record == NULL) {
            return;
        }
        add_record(sink, record, len);
        ring_release(sink->ring);
    }
}

static void settle(struct sink *sink, struct clock_now now)
{
    if (!sink_place_is_flushed(&sink->place)) {
        return;
    }
    const uint64_t messages = sink_outbox_settle(&sink->box);
    if (messages > 0) {
        sink->progress_us = now.mono_us;
        pthread_mutex_lock(&sink->mutex);
        sink->stats.sent += messages;
        pthread_mutex_unlock(&sink->mutex);
    }
}

/* A message that is too large for a datagram will be so again. */
static void give_up_one(struct sink *sink)
{
    const uint8_t stream = sink_outbox_skip(&sink->box);

    sink_drop(sink, stream, clock_read().wall_us);
}

/* Until there is nothing left, or the place takes no more. */
static void pump(struct sink *sink, struct clock_now now)
{
    const bool one = sink_place_takes_one(&sink->settings);

    sink->more = false;
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t len = 0;

        fill(sink, now);
        const uint8_t *octets = sink_outbox_next(&sink->box, one, &len);
        const ssize_t put =
            octets != NULL ? sink_place_write(&sink->place, octets, len, now) : -EAGAIN;
        if (put > 0) {
            sink_outbox_taken(&sink->box, (size_t)put);
        } else if (put == -EMSGSIZE && one) {
            give_up_one(sink);
        } else if (put != -EAGAIN) {
            fail(sink, (int)put, NULL, now);
            return;
        }
        settle(sink, now);
        if (put == -EAGAIN) {
            return;
        }
    }
    sink->more = true;
}

/* Readers have nothing to say; that they have gone is to be known before the next event. */
static bool listen_to(struct sink *sink, struct clock_now now)
{
    uint8_t octets[SINK_READ_OCTETS];
    ssize_t got = -EAGAIN;

    if (!sink_place_is_socket(&sink->settings)) {
        return true;
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        got = sink_place_read(&sink->place, octets, sizeof(octets));
        if (got < 0) {
            break;
        }
    }
    if (got >= 0 || got == -EAGAIN) {
        return true;
    }
    fail(sink, (int)got, NULL, now);
    return false;
}

static void turn(struct sink *sink, struct clock_now now)
{
    if (sink->phase == SINK_DOWN && now.mono_us >= sink->next_try_us) {
        sink->deadline_us = now.mono_us + OPENING_US;
        connecting(sink, sink_place_open(&sink->place, now), now);
    } else if (sink->phase == SINK_OPENING) {
        connecting(sink, sink_place_go_on(&sink->place, now), now);
    }
    if (sink->phase == SINK_GREETING) {
        hear_accept(sink, now);
    }
    if (sink->phase == SINK_UP && listen_to(sink, now)) {
        if (!sink->proven && now.mono_us - sink->up_us >= PROVEN_US) {
            say_works(sink);
        }
        pump(sink, now);
    }
}

/* --- waiting --- */

static int wait_ms(const struct sink *sink, uint64_t now_us)
{
    uint64_t until_us = now_us + (uint64_t)IDLE_MS * 1000;

    if (sink->phase == SINK_DOWN && sink->next_try_us < until_us) {
        until_us = sink->next_try_us;
    }
    return until_us > now_us ? (int)((until_us - now_us) / 1000) + 1 : 0;
}

static void wait_for_work(struct sink *sink, int timeout_ms)
{
    size_t ignored = 0;
    const bool wants_write =
        sink->phase == SINK_UP && sink_outbox_next(&sink->box, false, &ignored) != NULL;
    struct pollfd ready[] = {
        {.fd = sink->wake, .events = POLLIN},
        {.fd = sink->phase != SINK_DOWN ? sink_place_descriptor(&sink->place) : -1,
         .events = sink_place_events(&sink->place, wants_write)},
    };
    uint64_t wakes;

    if (sink->phase == SINK_UP && sink->more) {
        timeout_ms = 0;
    }
    poll(ready, 2, timeout_ms);
    if ((ready[0].revents & POLLIN) != 0 &&
        read(sink->wake, &wakes, sizeof(wakes)) != (ssize_t)sizeof(wakes)) {
        return; /* another wake-up took it */
    }
}

/* --- the end --- */

/* STOP, and FINISH by the reader: it has all. */
static void say_farewell(struct sink *sink)
{
    struct clock_now now = clock_read();
    const uint64_t end_us = now.mono_us + FINISH_US;
    enum frames_control control = FRAMES_ACCEPT;

    if (sink->phase != SINK_UP || !greets(sink) || sink->box.count > 0 ||
        send_control(sink, FRAMES_STOP, now) != 0) {
        return;
    }
    sink->phase = SINK_FAREWELL;
    while (now.mono_us < end_us && hear_control(sink, &control) == -EAGAIN) {
        wait_for_work(sink, 100);
        now = clock_read();
    }
}

static void finish(struct sink *sink)
{
    struct clock_now now = clock_read();
    const uint64_t began_us = now.mono_us;
    uint64_t seen_us = 0;
    uint64_t progress_us = began_us;

    sink->next_try_us = 0; /* once more */
    sink->next_gap_us = 0;
    turn(sink, now);
    while (has_work(sink) && sink->phase != SINK_DOWN && now.mono_us - began_us < LONGEST_US &&
           now.mono_us - progress_us < PATIENCE_US) {
        if (sink->progress_us != seen_us) {
            seen_us = sink->progress_us;
            progress_us = now.mono_us;
        }
        wait_for_work(sink, 50);
        now = clock_read();
        turn(sink, now);
    }
    say_farewell(sink);
    sink_place_close(&sink->place);
    sink->phase = SINK_OVER;
}

uint64_t sink_lose_rest(struct sink *sink)
{
    const uint64_t now_us = clock_read().wall_us;
    struct sink_record record;
    const void *octets;
    uint64_t lost = 0;
    size_t len = 0;

    sink_outbox_rewind(&sink->box);
    for (; sink->box.count > 0; lost++) {
        sink_drop(sink, sink_outbox_skip(&sink->box), now_us);
    }
    for (; (octets = ring_peek(sink->ring, &len)) != NULL; lost++) {
        memcpy(&record, octets, sizeof(record));
        sink_drop(sink, record.stream, now_us);
        ring_release(sink->ring);
    }
    return lost;
}

void *sink_run(void *argument)
{
    struct sink *sink = argument;
    const uint64_t one = 1;

    while (!atomic_load_explicit(&sink->stop, memory_order_acquire)) {
        const struct clock_now now = clock_read();

        turn(sink, now);
        publish(sink, now.mono_us);
        wait_for_work(sink, wait_ms(sink, now.mono_us));
    }
    finish(sink);
    const ssize_t put = write(sink->ended, &one, sizeof(one));
    (void)put; /* it can only fail when it is set */
    return NULL;
}
