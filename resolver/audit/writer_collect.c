/*
 * audit/writer_collect.c - records out of the rings, into the audit log and the buffer of
 * lines.
 *
 * Of each worker there is a ring of decisions, and one of questions behind all of these.
 */
#include "audit/change.h"
#include "audit/writer_inside.h"
#include "base/invariant.h"
#include "base/log.h"

#include <string.h>

#define ROUND_RECORDS 4096u   /* of one stream, before the next is looked at */
#define AHEAD         3u      /* records in front of the oldest that are looked at */
#define LATE_RECORDS  256u    /* before it is asked again whether lines must stand back */
#define WARM_OCTETS   131072u /* of lines: written while they are in the processor's cache */

const struct policy *writer_policy(const struct audit_writer *writer)
{
    return writer->inputs.policy_of(writer->snapshot);
}

static unsigned ring_count(const struct audit_writer *writer)
{
    return writer->inputs.workers * (writer->inputs.questions != NULL ? 2u : 1u);
}

static struct ring *ring_at(const struct audit_writer *writer, unsigned i)
{
    const unsigned workers = writer->inputs.workers;

    return i < workers ? writer->inputs.rings[i] : writer->inputs.questions[i - workers];
}

static enum audit_stream stream_at(const struct audit_writer *writer, unsigned i)
{
    return i < writer->inputs.workers ? AUDIT_DECISIONS : AUDIT_QUERIES;
}

static bool is_recorded(const struct audit_writer *writer, enum audit_stream stream)
{
    return writer->inputs.recorder != NULL &&
           audit_recorder_takes(writer->inputs.recorder, stream);
}

/* Whether a row of it is of use to anybody. */
static bool is_wanted(const struct audit_writer *writer, enum audit_stream stream)
{
    const struct audit_tap *tap = &writer->inputs.tap;

    return is_recorded(writer, stream) || (tap->taken != NULL && tap->streams[stream]);
}

/* To the log, or to those alone who send it elsewhere. False: it must wait. */
static bool take_row(struct audit_writer *writer, enum audit_stream stream,
                     const struct audit_row *row, const struct audit_kit *kit)
{
    if (is_recorded(writer, stream)) {
        return audit_recorder_add(writer->inputs.recorder, stream, row, kit, writer->now);
    }
    audit_tap_tell(&writer->inputs.tap, stream, row);
    return true;
}

static void report_damage(struct audit_writer *writer, enum audit_stream stream)
{
    if (stream == AUDIT_DECISIONS) {
        writer_give_up(writer, 1);
    }
    if (is_recorded(writer, stream)) {
        audit_recorder_lost(writer->inputs.recorder, stream, 1, "unexplained", writer->now);
    }
    if (!writer->damage_logged) {
        writer->damage_logged = true;
        log_write(LOG_LEVEL_ERROR,
                  "events: a record that no policy in force explains was dropped: a fault of "
                  "cordond, please report it; further ones are only counted");
    }
}

/* The event of a record, with as much of the client as may be told. False: it is none. */
static bool get_event(struct audit_writer *writer, const void *record, size_t len)
{
    if (!audit_event_get(record, len, &writer->event)) {
        return false;
    }
    audit_privacy_event(writer->inputs.privacy, &writer->event);
    return true;
}

/* Of a question of the adopted policy the columns of its own, what the others come of, and the
 * name of its view. False: it is none. */
static bool make_own(struct audit_writer *writer, const void *record, size_t len,
                     struct audit_row *row, struct audit_question_steady *steady,
                     const char **view)
{
    if (!audit_question_own(record, len, &writer->words, row, steady)) {
        return false;
    }
    *view = writer->inputs.view_name(writer->snapshot, steady->view);
    if (*view == NULL) {
        return false;
    }
    audit_privacy_question(writer->inputs.privacy, &writer->words, row);
    return true;
}

/* The row of a record of the adopted policy. False: it is none. */
static bool make_row(struct audit_writer *writer, enum audit_stream stream, const void *record,
                     size_t len, struct audit_row *row, const struct audit_kit **kit)
{
    struct audit_question_steady steady;
    const char *view;

    if (stream == AUDIT_QUERIES) {
        *kit = NULL;
        const bool good = make_own(writer, record, len, row, &steady, &view);
        if (good) {
            audit_question_steady(&steady, view, row);
        }
        return good;
    }
    return audit_event_kits_event(
        writer->kits, &writer->event, writer_policy(writer),
        writer->inputs.view_name(writer->snapshot, writer->event.view), writer->list_words,
        &writer->words, row, kit);
}

/* Whether records are for others than the readers of lines, too. */
static bool has_others(const struct audit_writer *writer)
{
    return writer->inputs.recorder != NULL || writer->inputs.tap.taken != NULL;
}

/* Whether a line finds room now. Beside a log or a sink, whose records do not wait for a reader
 * of lines, one for which there is none is lost if the output takes nothing. */
static bool may_add_line(struct audit_writer *writer)
{
    if (writer_has_lines(writer) && !writer_has_room(writer) &&
        (!has_others(writer) || !writer_is_blocked(writer))) {
        writer->full = true;
        return false;
    }
    return true;
}

static void add_line(struct audit_writer *writer)
{
    if (!writer_has_lines(writer)) {
        return;
    }
    if (!writer_has_room(writer)) {
        writer_give_up(writer, 1);
        return;
    }
    const size_t used = audit_stencils_line(
        writer->stencils, &writer->event, writer_policy(writer),
        writer->inputs.view_name(writer->snapshot, writer->event.view), writer->list_words,
        writer->sequence + 1, writer->buffer + writer->end, writer->size - writer->end);
    if (used == 0) {
        report_damage(writer, AUDIT_DECISIONS);
        return;
    }
    writer_took_line(writer, used);
}

/* Takes a record of a decision, without unpacking it, as one that it repeats. False: it goes
 * the general way. */
static bool take_again(struct audit_writer *writer, const struct writer_head *head)
{
    const bool has_line = !head->late && writer_has_lines(writer) && writer_has_room(writer);
    struct audit_event_parts parts;
    struct audit_row row;

    if (!is_recorded(writer, AUDIT_DECISIONS) ||
        !audit_event_split(head->record, head->len, &parts)) {
        return false;
    }
    struct audit_repeat *const repeat =
        audit_repeats_find(writer->repeats, head->worker, &parts);
    if (repeat == NULL || repeat->kit->id != repeat->kit_id) {
        return false;
    }
    audit_privacy_parts(writer->inputs.privacy, &parts);
    if (has_line && !audit_stencils_can(repeat, &parts)) {
        return false;
    }
    audit_repeat_row(repeat, &parts, writer->words.client, &row);
    if (!audit_recorder_add_again(writer->inputs.recorder, AUDIT_DECISIONS, &row, repeat->kit,
                                  &repeat->numbers)) {
        return false;
    }
    if (!has_line) {
        writer_give_up(writer, 1);
        return true;
    }
    writer_took_line(writer,
                     audit_stencils_again(writer->stencils, repeat, &parts,
                                          writer->sequence + 1, writer->buffer + writer->end));
    return true;
}

/* Keeps what has come of a record, for those that repeat it. has_line: its line was written. */
static void learn(struct audit_writer *writer, const void *record, size_t len,
                  const struct audit_row *row, const struct audit_kit *kit, bool has_line)
{
    struct audit_event_parts parts;

    if (kit == NULL || !audit_event_split(record, len, &parts)) {
        return;
    }
    struct audit_repeat *const repeat =
        audit_repeats_keep(writer->repeats, &parts, &writer->event, row, kit);
    if (repeat != NULL && has_line) {
        repeat->stencil =
            audit_stencils_of(writer->stencils, &writer->event, writer_policy(writer),
                              writer->inputs.view_name(writer->snapshot, writer->event.view),
                              &repeat->stencil_id);
    }
}

/* Whether so much waits in the ring that lines must stand back: they cost as much again as the
 * records, of which none is to be lost for their sake. */
static bool is_late(const struct audit_writer *writer, unsigned i)
{
    const struct ring *ring = ring_at(writer, i);

    return stream_at(writer, i) == AUDIT_DECISIONS && is_recorded(writer, AUDIT_DECISIONS) &&
           ring_used(ring) > ring_size(ring) / 2;
}

/* Of a question. False: it must wait where it is. */
static bool take_question(struct audit_writer *writer, const void *record, size_t len)
{
    const struct audit_kit *kit = NULL;
    struct audit_question_steady steady;
    struct audit_row row;
    const char *view;

    if (!is_wanted(writer, AUDIT_QUERIES)) {
        return true;
    }
    if (!make_own(writer, record, len, &row, &steady, &view)) {
        report_damage(writer, AUDIT_QUERIES);
        return true;
    }
    if (is_recorded(writer, AUDIT_QUERIES)) {
        kit = audit_event_kits_question(writer->kits, &steady, writer_policy(writer), view);
    }
    if (kit != NULL &&
        audit_recorder_add_again(writer->inputs.recorder, AUDIT_QUERIES, &row, kit, NULL)) {
        return true;
    }
    audit_question_steady(&steady, view, &row);
    return take_row(writer, AUDIT_QUERIES, &row, kit);
}

/* Of a decision. False: it must wait where it is. */
static bool take_decision(struct audit_writer *writer, const struct writer_head *head)
{
    const void *const record = head->record;
    const size_t len = head->len;
    const bool late = head->late;
    const struct audit_kit *kit = NULL;
    struct audit_row row;

    if (!late && !may_add_line(writer)) {
        return false;
    }
    if (take_again(writer, head)) {
        return true;
    }
    if (!get_event(writer, record, len)) {
        report_damage(writer, AUDIT_DECISIONS);
        return true;
    }
    if (is_wanted(writer, AUDIT_DECISIONS)) {
        if (!make_row(writer, AUDIT_DECISIONS, record, len, &row, &kit)) {
            report_damage(writer, AUDIT_DECISIONS);
            return true;
        }
        if (!take_row(writer, AUDIT_DECISIONS, &row, kit)) {
            return false; /* its workers refuse, as soon as the ring is full */
        }
    }
    if (late) {
        writer_give_up(writer, 1);
    } else {
        add_line(writer);
    }
    learn(writer, record, len, &row, kit, !late && writer_has_lines(writer));
    return true;
}

static enum next_record look_at(struct audit_writer *writer, unsigned ring, const void **record,
                                size_t *len)
{
    *record = ring_peek(ring_at(writer, ring), len);
    if (*record == NULL) {
        return NEXT_NONE;
    }
    if (audit_event_generation(*record, *len) == writer->generation) {
        return NEXT_OURS;
    }
    /* Read after the record: a worker that wrote it had seen the number of its policy. */
    return policy_slot_number(writer->inputs.slot) != writer->number ? NEXT_NEWER : NEXT_STRAY;
}

/* A digest of the configuration is part of each checkpoint from then on. */
static void look_at_change(struct audit_writer *writer, const struct audit_row *row)
{
    const struct audit_value *what = &row->at[AUDIT_WHAT];

    if (audit_row_has(row, AUDIT_DIGEST) && row->at[AUDIT_DIGEST].number == DIGEST_OCTETS &&
        what->number == strlen(AUDIT_CONFIGURATION) &&
        memcmp(what->octets, AUDIT_CONFIGURATION, what->number) == 0) {
        memcpy(writer->config, row->at[AUDIT_DIGEST].octets, DIGEST_OCTETS);
        writer->in_force.config = writer->config;
    }
}

/* False: it must wait where it is. */
static bool take_change(struct audit_writer *writer, const void *record, size_t len)
{
    const bool has_line = writer_has_lines(writer) && audit_change_has_line(record, len);
    struct audit_row row;

    if (has_line && !may_add_line(writer)) {
        return false;
    }
    if (is_wanted(writer, AUDIT_CHANGES) && audit_change_row(record, len, &row)) {
        if (!take_row(writer, AUDIT_CHANGES, &row, NULL)) {
            return false;
        }
        look_at_change(writer, &row);
    }
    if (!has_line) {
        return true;
    }
    if (!writer_has_room(writer)) {
        writer_give_up(writer, 1);
        return true;
    }
    const size_t used =
        audit_change_line(record, len, writer->sequence + 1, writer->buffer + writer->end,
                          writer->size - writer->end);
    invariant(used > 0); /* a record and its head are far below a line's limit */
    writer_took_line(writer, used);
    return true;
}

/* Changes belong to no generation: nothing keeps them waiting. True if there was any. */
static bool collect_changes(struct audit_writer *writer)
{
    struct ring *ring = writer->inputs.changes;
    bool any = false;
    size_t len = 0;

    for (const void *record = ring == NULL ? NULL : ring_peek(ring, &len); record != NULL;
         record = ring_peek(ring, &len)) {
        if (!take_change(writer, record, len)) {
            return any;
        }
        ring_release(ring);
        any = true;
    }
    return any;
}

/* What a decision may repeat is in no near cache, nor is what says where that is: the one comes
 * of the record that was looked at last, the other of the one behind it. */
static inline void look_ahead(const struct audit_writer *writer, const struct ring *ring,
                              struct writer_head *head)
{
    size_t len = 0;

    audit_repeats_expect(writer->repeats, head->worker, head->guess);
    head->ahead = ring_peek_behind(ring, head->ahead, &len);
    head->guess = head->ahead != NULL ? audit_event_guess(head->ahead, len) : 0;
    audit_repeats_approach(writer->repeats, head->worker, head->guess);
}

/* What is behind this record in a ring begins to come: where the name of a question is in the
 * block, or what the second decision behind it may repeat: one takes less time than that. */
static void expect_next(struct audit_writer *writer, unsigned first, struct writer_head *head)
{
    const struct ring *const ring = ring_at(writer, first + head->worker);
    size_t len = 0;
    size_t name_len = 0;

    if (stream_at(writer, first) == AUDIT_DECISIONS) {
        if (head->ahead == NULL) { /* the first, or there was none for a moment */
            head->ahead = head->record;
            head->guess = 0;
            for (unsigned i = 1; i < AHEAD && head->ahead != NULL; i++) {
                look_ahead(writer, ring, head);
            }
        }
        if (head->ahead != NULL) {
            look_ahead(writer, ring, head);
        }
        return;
    }
    const void *const next = ring_peek_behind(ring, head->record, &len);
    const uint8_t *const name = next != NULL ? audit_question_name(next, len, &name_len) : NULL;
    if (name != NULL) {
        audit_recorder_expect(writer->inputs.recorder, AUDIT_QUERIES, name, name_len);
    }
}

/* first: as of find_earliest(). */
static void look_at_head(struct audit_writer *writer, unsigned first, struct writer_head *head)
{
    const unsigned ring = first + head->worker;

    head->next = look_at(writer, ring, &head->record, &head->len);
    if (head->next == NEXT_OURS && is_recorded(writer, stream_at(writer, ring))) {
        expect_next(writer, first, head);
    } else {
        head->ahead = NULL; /* or the ring would overtake it */
    }
    if (head->next == NEXT_STRAY) {
        head->answered_us = 0; /* whatever it says: out of the way */
    } else if (head->next == NEXT_OURS) {
        head->answered_us = stream_at(writer, ring) == AUDIT_DECISIONS
                                ? audit_event_answered(head->record, head->len)
                                : audit_question_answered(head->record, head->len);
    }
}

/* The ring of `first` and those of the other workers behind it whose oldest record was answered
 * first; NULL: there is none.
 *
 * What was handed over before that record was answered is not behind it: a ring that was empty
 * is looked at again after the newest of the heads was seen, until none of these has any. */
static struct writer_head *find_earliest(struct audit_writer *writer, unsigned first)
{
    const unsigned workers = writer->inputs.workers;
    struct writer_head *earliest = NULL;
    bool found = true;

    while (found) {
        found = false;
        earliest = NULL;
        for (unsigned i = 0; i < workers; i++) {
            struct writer_head *const head = &writer->heads[i];

            if (head->next == NEXT_NONE) {
                look_at_head(writer, first, head);
                found = found || (head->next != NEXT_NONE && workers > 1);
            }
            if ((head->next == NEXT_OURS || head->next == NEXT_STRAY) &&
                (earliest == NULL || head->answered_us < earliest->answered_us)) {
                earliest = head;
            }
        }
    }
    return earliest;
}

/* After some records: whether lines must stand back, and what there is of them to the output.
 */
static void look_around(struct audit_writer *writer, unsigned first)
{
    for (unsigned i = 0; i < writer->inputs.workers; i++) {
        writer->heads[i].late = is_late(writer, first + i);
    }
    if (writer->end - writer->start >= WARM_OCTETS && !writer_is_blocked(writer)) {
        writer_flush(writer, writer->now.mono_us, false);
    }
}

/* Takes what has room from the rings of one stream, in the order of answers, so much that the
 * other stream gets its turn. first: number of the first of these rings. */
static bool collect_rings(struct audit_writer *writer, unsigned first)
{
    const enum audit_stream stream = stream_at(writer, first);
    unsigned taken = 0;

    for (unsigned i = 0; i < writer->inputs.workers; i++) {
        writer->heads[i].next = NEXT_NONE;
        writer->heads[i].ahead = NULL;
    }
    while (taken < ROUND_RECORDS) {
        if (taken % LATE_RECORDS == 0) {
            look_around(writer, first);
        }
        struct writer_head *const head = find_earliest(writer, first);

        if (head == NULL) {
            break;
        }
        const unsigned i = first + head->worker;
        if (head->next == NEXT_STRAY) {
            report_damage(writer, stream);
        } else if (stream == AUDIT_QUERIES ? !take_question(writer, head->record, head->len)
                                           : !take_decision(writer, head)) {
            break;
        }
        ring_release(ring_at(writer, i));
        head->next = NEXT_NONE;
        taken++;
    }
    writer->more = writer->more || taken == ROUND_RECORDS;
    return taken > 0;
}

bool writer_collect(struct audit_writer *writer)
{
    writer->full = false;
    writer->more = false;
    writer->now = clock_read();
    bool any = collect_changes(writer);

    for (unsigned i = 0; i < ring_count(writer); i += writer->inputs.workers) {
        any = collect_rings(writer, i) || any;
    }
    return any;
}

/* One record that cannot wait in its ring any longer. */
static void drop_record(struct audit_writer *writer, enum audit_stream stream, bool is_ours,
                        const void *record, size_t len)
{
    const struct audit_kit *kit;
    struct audit_row row;

    if (stream == AUDIT_DECISIONS) {
        writer_give_up(writer, 1); /* the line */
    }
    if (!is_wanted(writer, stream)) {
        return;
    }
    if (is_ours && (stream != AUDIT_DECISIONS || get_event(writer, record, len)) &&
        make_row(writer, stream, record, len, &row, &kit)) {
        if (is_recorded(writer, stream)) {
            audit_recorder_keep(writer->inputs.recorder, stream, &row, writer->now);
        } else {
            audit_tap_tell(&writer->inputs.tap, stream, &row);
        }
    } else if (is_recorded(writer, stream)) {
        audit_recorder_lost(writer->inputs.recorder, stream, 1, "unexplained", writer->now);
    }
}

void writer_drop_records(struct audit_writer *writer, bool all)
{
    for (unsigned i = 0; i < ring_count(writer); i++) {
        const void *record;
        size_t len = 0;
        enum next_record next = look_at(writer, i, &record, &len);

        while (next == NEXT_OURS || (all && next != NEXT_NONE)) {
            drop_record(writer, stream_at(writer, i), next == NEXT_OURS, record, len);
            ring_release(ring_at(writer, i));
            next = look_at(writer, i, &record, &len);
        }
    }
    size_t ignored = 0;
    while (all && writer->inputs.changes != NULL &&
           ring_peek(writer->inputs.changes, &ignored) != NULL) {
        ring_release(writer->inputs.changes);
        writer_give_up(writer, 1);
    }
}

bool writer_is_drained(struct audit_writer *writer)
{
    for (unsigned i = 0; i < ring_count(writer); i++) {
        const void *record;
        size_t len = 0;

        if (look_at(writer, i, &record, &len) == NEXT_OURS) {
            return false;
        }
    }
    return true;
}
