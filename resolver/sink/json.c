/* sink/json.c - an event as a line of docs/events.md, with its id and the log that has it. */
#include "sink/event.h"

#include "audit/shown.h"

size_t sink_json(const struct sink_event *event, const struct sink_self *self, char *out,
                 size_t size)
{
    struct text text;

    (void)self;
    text_init(&text, out, size);
    audit_row_json_of(event->row, event->id, event->log, &text);
    text_add(&text, "\n");
    return text.overflow ? 0 : text.len;
}
