/*
 * sink/outbox.h - messages that are formatted and not sent: octets in a row, and where each
 * ends.
 *
 * What a place has taken counts as sent only when it has been handed on; until then it is sent
 * again, from the beginning of its message, if the place fails.
 */
#ifndef CORDON_SINK_OUTBOX_H
#define CORDON_SINK_OUTBOX_H

#include "sink/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SINK_OUTBOX_TAGS 4u

struct sink_outbox {
    uint8_t *octets;            /* SINK_BUFFER_OCTETS */
    size_t settled, taken, len; /* settled <= taken <= len; settled is where a message begins */
    uint32_t ends[SINK_BUFFER_MESSAGES];
    uint8_t tags[SINK_BUFFER_MESSAGES]; /* the caller's; below SINK_OUTBOX_TAGS */
    size_t first, count;                /* of ends */
};

/* 0 or -ENOMEM. */
int sink_outbox_init(struct sink_outbox *box);
void sink_outbox_deinit(struct sink_outbox *box);

/* Room for a message of SINK_MESSAGE_MAX octets. */
bool sink_outbox_has_room(const struct sink_outbox *box);
/* There is room. */
void sink_outbox_add(struct sink_outbox *box, uint8_t tag, const void *head, size_t head_len,
                     const void *message, size_t len);

/* What is to be given to the place next: of one message, or all there is. NULL: nothing. */
const uint8_t *sink_outbox_next(const struct sink_outbox *box, bool one, size_t *len);
void sink_outbox_taken(struct sink_outbox *box, size_t len);
/* All that was taken is handed on: returns how many messages that are. */
uint64_t sink_outbox_settle(struct sink_outbox *box);
/* What was taken and not settled is to be sent again. */
void sink_outbox_rewind(struct sink_outbox *box);
/* The next message, of which nothing was taken, is given up. Returns its tag. */
uint8_t sink_outbox_skip(struct sink_outbox *box);

#endif
