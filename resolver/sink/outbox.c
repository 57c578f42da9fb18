#include "sink/outbox.h"

#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int sink_outbox_init(struct sink_outbox *box)
{
    memset(box, 0, sizeof(*box));
    box->octets = malloc(SINK_BUFFER_OCTETS);
    return box->octets != NULL ? 0 : -ENOMEM;
}

void sink_outbox_deinit(struct sink_outbox *box)
{
    free(box->octets);
    box->octets = NULL;
}

bool sink_outbox_has_room(const struct sink_outbox *box)
{
    return box->first + box->count < SINK_BUFFER_MESSAGES &&
           SINK_BUFFER_OCTETS - box->len >= SINK_MESSAGE_MAX;
}

void sink_outbox_add(struct sink_outbox *box, uint8_t tag, const void *head, size_t head_len,
                     const void *message, size_t len)
{
    invariant(sink_outbox_has_room(box) && head_len + len <= SINK_MESSAGE_MAX);
    if (head_len > 0) {
        memcpy(box->octets + box->len, head, head_len);
    }
    memcpy(box->octets + box->len + head_len, message, len);
    box->len += head_len + len;
    box->tags[box->first + box->count] = tag;
    box->ends[box->first + box->count++] = (uint32_t)box->len;
}

const uint8_t *sink_outbox_next(const struct sink_outbox *box, bool one, size_t *len)
{
    if (box->taken == box->len) {
        return NULL;
    }
    *len = (one ? box->ends[box->first] : box->len) - box->taken;
    return box->octets + box->taken;
}

void sink_outbox_taken(struct sink_outbox *box, size_t len)
{
    invariant(len <= box->len - box->taken);
    box->taken += len;
}

uint64_t sink_outbox_settle(struct sink_outbox *box)
{
    uint64_t messages = 0;

    while (box->count > 0 && box->ends[box->first] <= box->taken) {
        box->settled = box->ends[box->first];
        box->first++;
        box->count--;
        messages++;
    }
    if (box->count == 0) {
        box->settled = 0;
        box->taken = 0;
        box->len = 0;
        box->first = 0;
    }
    return messages;
}

void sink_outbox_rewind(struct sink_outbox *box)
{
    box->taken = box->settled;
}

uint8_t sink_outbox_skip(struct sink_outbox *box)
{
    invariant(box->count > 0 && box->taken == box->settled);
    const uint8_t tag = box->tags[box->first];

    box->taken = box->ends[box->first];
    (void)sink_outbox_settle(box);
    return tag;
}
