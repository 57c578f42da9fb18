#include "audit/change.h"

#include "audit/event.h"
#include "base/clock.h"
#include "base/text.h"

#include <string.h>

static const char *const words[] = {
    [AUDIT_PAUSE_BEGUN] = "pause-begun",
    [AUDIT_PAUSE_ENDED] = "pause-ended",
    [AUDIT_PAUSE_EXPIRED] = "pause-expired",
    [AUDIT_EXCEPTION_ADDED] = "exception-added",
    [AUDIT_EXCEPTION_REMOVED] = "exception-removed",
    [AUDIT_EXCEPTION_EXPIRED] = "exception-expired",
};

/* The fields behind "seq", each with its comma in front. */
static void write_fields(struct text *text, const struct audit_change *change)
{
    const bool is_pause = change->what <= AUDIT_PAUSE_EXPIRED;
    char when[CLOCK_TEXT_MAX];

    text_add(text, "0"); /* stands for the number, so that a comma follows; taken away below */
    clock_format(change->wall_us, when);
    json_string(text, "time", when);
    json_string(text, "what", words[change->what]);
    if (change->by_daemon) {
        json_string(text, "by", "cordond");
        text_add(text, ",\"uid\":null,\"user\":null,\"pid\":null");
    } else {
        json_string(text, "by", "control");
        json_uint(text, "uid", change->uid);
        json_string(text, "user", change->user);
        json_int(text, "pid", change->pid);
    }
    json_string(text, "reason", change->reason);
    json_string(text, "list", is_pause ? change->subject : NULL);
    json_string(text, "name", is_pause ? NULL : change->subject);
    json_string(text, "match", change->match);
    json_string(text, "scope", change->scope);
    json_string(text, "view", change->view);
    json_string(text, "ticket", change->ticket);
    clock_format_s(change->until_s, when);
    json_string(text, "until", when);
    json_bool(text, "kept", change->kept);
}

bool audit_change_put(struct ring *ring, const struct audit_change *change)
{
    char fields[AUDIT_CHANGE_MAX];
    struct text text;

    text_init(&text, fields, sizeof(fields));
    write_fields(&text, change);
    void *record = text.overflow ? NULL : ring_reserve(ring, text.len - 1);
    if (record == NULL) {
        return false;
    }
    memcpy(record, fields + 1, text.len - 1);
    ring_commit(ring, text.len - 1);
    return true;
}

size_t audit_change_line(const void *record, size_t len, uint64_t sequence, char *out,
                         size_t size)
{
    struct text text;

    if (size == 0) {
        return 0;
    }
    text_init(&text, out, size);
    json_object_begin(&text, NULL);
    json_uint(&text, "v", AUDIT_SCHEMA_VERSION);
    json_string(&text, "event", "change");
    json_uint(&text, "seq", sequence);
    text_add_octets(&text, record, len);
    json_object_end(&text);
    text_add(&text, "\n");
    return text.overflow ? 0 : text.len;
}
