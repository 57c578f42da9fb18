#include "audit/removals.h"

#include <stdlib.h>
#include <string.h>

/* Ranges of one stream that are told apart. What age and octets remove is one, each wish of
 * somebody another at most. */
#define RANGES_MAX 4096u

/* Records behind the newest checkpoint: a removal is signed before it is done, so a log has
 * three of them at most. */
#define UNSIGNED_MAX 64u

struct range {
    uint64_t from, to;
};

/* What a record says that no checkpoint covers yet. */
struct unsigned_record {
    uint64_t number; /* its block */
    uint64_t stream;
    struct range range;
};

/* By rising numbers; none touches the next. */
struct ranges {
    struct range at[RANGES_MAX];
    size_t count;
    bool more;
};

struct audit_removals {
    struct ranges gone[AUDIT_STREAMS + 1], recorded[AUDIT_STREAMS + 1];
    struct unsigned_record waits[UNSIGNED_MAX];
    size_t wait_count;
    uint64_t next[AUDIT_STREAMS + 1]; /* after the newest block of the stream */
};

struct audit_removals *audit_removals_create(void)
{
    return calloc(1, sizeof(struct audit_removals));
}

void audit_removals_destroy(struct audit_removals *removals)
{
    free(removals);
}

static void remember(struct ranges *ranges, uint64_t from, uint64_t to)
{
    size_t i = ranges->count;

    while (i > 0 && ranges->at[i - 1].from > from) {
        i--;
    }
    if (i > 0 && ranges->at[i - 1].to + 1 >= from) {
        i--;
        ranges->at[i].to = to > ranges->at[i].to ? to : ranges->at[i].to;
    } else if (ranges->count == RANGES_MAX) {
        ranges->more = true;
        return;
    } else {
        memmove(&ranges->at[i + 1], &ranges->at[i],
                (ranges->count - i) * sizeof(ranges->at[0]));
        ranges->at[i] = (struct range){from, to};
        ranges->count++;
    }
    size_t next = i + 1;
    while (next < ranges->count && ranges->at[next].from <= ranges->at[i].to + 1) {
        ranges->at[i].to =
            ranges->at[next].to > ranges->at[i].to ? ranges->at[next].to : ranges->at[i].to;
        next++;
    }
    memmove(&ranges->at[i + 1], &ranges->at[next],
            (ranges->count - next) * sizeof(ranges->at[0]));
    ranges->count -= next - i - 1;
}

void audit_removals_block(struct audit_removals *removals, const struct audit_header *header,
                          bool gone)
{
    uint64_t *next = &removals->next[header->stream];

    /* With the blocks of other streams in between, as records have it: so what follows in a
     * stream touches. */
    if (gone) {
        remember(&removals->gone[header->stream],
                 *next <= header->number ? *next : header->number, header->number);
    }
    *next = header->number + 1;
}

/* Whoever can write to the file can add a block behind the newest checkpoint, which would say
 * that what he took out was removed in order. */
static void wait_for_signature(struct audit_removals *removals, uint64_t number,
                               uint64_t stream, uint64_t from, uint64_t to)
{
    if (removals->wait_count < UNSIGNED_MAX) {
        removals->waits[removals->wait_count++] =
            (struct unsigned_record){number, stream, {from, to}};
    }
}

void audit_removals_signed(struct audit_removals *removals, uint64_t blocks)
{
    size_t left = 0;

    for (size_t i = 0; i < removals->wait_count; i++) {
        const struct unsigned_record *record = &removals->waits[i];

        if (record->number < blocks) {
            remember(&removals->recorded[record->stream], record->range.from, record->range.to);
        } else {
            removals->waits[left++] = *record;
        }
    }
    removals->wait_count = left;
}

static void copy_text(const struct audit_row *row, enum audit_column column, char *out,
                      size_t size)
{
    size_t len = 0;

    if (audit_row_has(row, column)) {
        len = row->at[column].number < size ? row->at[column].number : size - 1;
        memcpy(out, row->at[column].octets, len);
    }
    out[len] = '\0';
}

static void tell_act(const struct audit_row *row, unsigned stream,
                     struct audit_verdict *verdict)
{
    struct audit_act *act = &verdict->acts[verdict->act_count % AUDIT_ACTS_MAX];

    verdict->act_count++;
    act->time_us = audit_row_get(row, AUDIT_TIME);
    act->stream = (uint8_t)stream;
    act->count = audit_row_get(row, AUDIT_COUNT);
    act->until_s = audit_row_get(row, AUDIT_UNTIL);
    copy_text(row, AUDIT_USER, act->user, sizeof(act->user));
    copy_text(row, AUDIT_REASON, act->reason, sizeof(act->reason));
}

static void tell_removal(struct audit_removals *removals, const struct audit_row *row,
                         uint64_t number, struct audit_verdict *verdict)
{
    const uint64_t stream = audit_row_get(row, AUDIT_STREAM);
    const uint64_t from = audit_row_get(row, AUDIT_FROM);
    uint64_t to = audit_row_get(row, AUDIT_TO);
    unsigned cause = AUDIT_REMOVED_CAUSES;

    if (stream < 1 || stream > AUDIT_STREAMS || !audit_row_has(row, AUDIT_TO) || number == 0) {
        return;
    }
    to = to < number ? to : number - 1;
    if (from <= to) {
        wait_for_signature(removals, number, stream, from, to);
    }
    for (unsigned i = 0; i < AUDIT_REMOVED_CAUSES; i++) {
        cause =
            audit_row_says(row, AUDIT_CAUSE, audit_removal_word((enum audit_removal_cause)i))
                ? i
                : cause;
    }
    if (cause == AUDIT_REMOVED_CAUSES) {
        return;
    }
    struct audit_told_removal *told = &verdict->told[stream][cause];
    told->acts++;
    told->events += audit_row_get(row, AUDIT_COUNT);
    told->time_us = audit_row_get(row, AUDIT_TIME);
    told->until_s = audit_row_get(row, AUDIT_UNTIL);
    if (cause == AUDIT_REMOVED_FORGET) {
        tell_act(row, (unsigned)stream, verdict);
    }
}

bool audit_removals_row(struct audit_removals *removals, const struct audit_row *row,
                        uint64_t number, struct audit_verdict *verdict)
{
    if (audit_row_says(row, AUDIT_WHAT, "removed")) {
        tell_removal(removals, row, number, verdict);
        return true;
    }
    if (!audit_row_says(row, AUDIT_WHAT, AUDIT_KEYS_DESTROYED)) {
        return false;
    }
    verdict->keys_destroyed += audit_row_get(row, AUDIT_COUNT);
    if (audit_row_says(row, AUDIT_CAUSE, audit_removal_word(AUDIT_REMOVED_FORGET))) {
        tell_act(row, 0, verdict);
    }
    return true;
}

static bool is_recorded(const struct ranges *recorded, const struct range *gone)
{
    for (size_t i = 0; i < recorded->count; i++) {
        if (recorded->at[i].from <= gone->from && recorded->at[i].to >= gone->to) {
            return true;
        }
    }
    return false;
}

bool audit_removals_unrecorded(const struct audit_removals *removals, uint64_t *from,
                               uint64_t *to, bool *more)
{
    *more = false;
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        const struct ranges *gone = &removals->gone[stream];

        for (size_t i = 0; i < gone->count; i++) {
            /* Nobody may remove changes, whatever a record says. */
            if (stream == AUDIT_CHANGES ||
                !is_recorded(&removals->recorded[stream], &gone->at[i])) {
                *from = gone->at[i].from;
                *to = gone->at[i].to;
                return true;
            }
        }
        *more = *more || gone->more;
    }
    return *more;
}
