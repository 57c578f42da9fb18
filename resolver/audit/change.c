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
    [AUDIT_EXCEPTION_BEGUN] = "exception-begun",
    [AUDIT_EXCEPTION_ENDING] = "exception-ending",
    [AUDIT_EXCEPTION_RULE_GONE] = "exception-rule-gone",
    [AUDIT_LIST_ROLLED_BACK] = "list-rolled-back",
    [AUDIT_LIST_RELEASED] = "list-released",
    [AUDIT_LIST_HOLD_LOST] = "list-hold-lost",
};

/* The first octet of a record. */
#define RECORD_CHANGE     'c'
#define RECORD_EXCEPTIONS 'x'
#define RECORD_SCHEDULE   's'
#define RECORD_LIST       'l'
#define RECORD_TRUST      't'

/* Who did it, and why. */
static void write_who(struct text *text, bool by_daemon, uint32_t uid, const char *user,
                      int32_t pid, const char *reason)
{
    if (by_daemon) {
        json_string(text, "by", "cordond");
        text_add(text, ",\"uid\":null,\"user\":null,\"pid\":null");
    } else {
        json_string(text, "by", "control");
        json_uint(text, "uid", uid);
        json_string(text, "user", user);
        json_int(text, "pid", pid);
    }
    json_string(text, "reason", reason);
}

/* The fields behind "seq", each with its comma in front. */
static void write_fields(struct text *text, const struct audit_change *change)
{
    const bool is_version = change->what >= AUDIT_LIST_ROLLED_BACK;
    const bool is_list = change->what <= AUDIT_PAUSE_EXPIRED || is_version;
    char when[CLOCK_TEXT_MAX];

    text_add(text, "0"); /* stands for the number, so that a comma follows; taken away below */
    clock_format(change->wall_us, when);
    json_string(text, "time", when);
    json_string(text, "what", words[change->what]);
    write_who(text, change->by_daemon, change->uid, change->user, change->pid, change->reason);
    json_string(text, "list", is_list ? change->subject : NULL);
    json_string(text, "name", is_list || change->is_rule ? NULL : change->subject);
    json_string(text, "match", change->match);
    json_string(text, "scope", change->scope);
    json_string(text, "view", change->view);
    json_string(text, "ticket", change->ticket);
    clock_format_s(change->until_s, when);
    json_string(text, "until", is_version ? NULL : when);
    json_bool(text, "kept", change->kept);
    json_string(text, "rule", change->is_rule ? change->subject : NULL);
    json_string(text, "id", change->id);
    json_string(text, "licence", change->licence);
    json_string(text, "approver", change->approver);
    if (change->from_s != 0) {
        clock_format_s(change->from_s, when);
    }
    json_string(text, "from", change->from_s != 0 ? when : NULL);
    json_string(text, "file", change->file);
    if (is_version) {
        json_uint(text, "serial", change->serial);
        json_uint(text, "serial_before", change->serial_before);
    }
}

/* Puts fields that begin with one octet too many, which becomes the kind of the record. */
static bool put(struct ring *ring, struct text *text, char kind)
{
    char *record = text->overflow ? NULL : ring_reserve(ring, text->len);

    if (record == NULL) {
        return false;
    }
    memcpy(record, text->at, text->len);
    record[0] = kind;
    ring_commit(ring, text->len);
    return true;
}

bool audit_change_put(struct ring *ring, const struct audit_change *change)
{
    char fields[AUDIT_CHANGE_MAX];
    struct text text;

    text_init(&text, fields, sizeof(fields));
    write_fields(&text, change);
    return put(ring, &text, RECORD_CHANGE);
}

bool audit_exceptions_put(struct ring *ring, const struct audit_exceptions *exceptions)
{
    const bool some = exceptions->id != NULL;
    char fields[AUDIT_CHANGE_MAX];
    char when[CLOCK_TEXT_MAX];
    struct text text;

    text_init(&text, fields, sizeof(fields));
    text_add(&text, "0");
    clock_format(exceptions->wall_us, when);
    json_string(&text, "time", when);
    json_string(&text, "what", exceptions->reason == NULL ? "taken" : "refused");
    json_string(&text, "file", exceptions->file);
    json_string(&text, "reason", exceptions->reason);
    json_string(&text, "id", exceptions->id);
    if (some) {
        json_uint(&text, "serial", exceptions->serial);
        clock_format_s(exceptions->created_s, when);
        json_string(&text, "created", when);
        clock_format_s(exceptions->expires_s, when);
        json_string(&text, "expires", when);
    } else {
        text_add(&text, ",\"serial\":null,\"created\":null,\"expires\":null");
    }
    json_uint(&text, "exceptions", exceptions->count);
    json_array_begin(&text, "keys");
    for (size_t i = 0; i < exceptions->key_count && i < AUDIT_EXCEPTIONS_KEYS_MAX; i++) {
        json_string(&text, NULL, exceptions->keys[i]);
    }
    json_array_end(&text);
    return put(ring, &text, RECORD_EXCEPTIONS);
}

bool audit_schedule_put(struct ring *ring, const struct audit_schedule *schedule)
{
    char fields[AUDIT_CHANGE_MAX];
    char when[CLOCK_TEXT_MAX];
    struct text text;

    text_init(&text, fields, sizeof(fields));
    text_add(&text, "0");
    clock_format(schedule->wall_us, when);
    json_string(&text, "time", when);
    json_string(&text, "view", schedule->view);
    json_string(&text, "schedule", schedule->is);
    json_string(&text, "before", schedule->was);
    json_string(&text, "mode", schedule->log_only ? "log" : "enforce");
    json_string(&text, "action", schedule->action);
    json_string(&text, "default", schedule->deny ? "deny" : "allow");
    return put(ring, &text, RECORD_SCHEDULE);
}

bool audit_list_put(struct ring *ring, const struct audit_list *list)
{
    char fields[AUDIT_CHANGE_MAX];
    char when[CLOCK_TEXT_MAX];
    struct text text;

    text_init(&text, fields, sizeof(fields));
    text_add(&text, "0");
    clock_format(list->wall_us, when);
    json_string(&text, "time", when);
    json_string(&text, "list", list->list);
    json_string(&text, "state", list->state);
    json_string(&text, "publisher", list->publisher);
    json_uint(&text, "serial", list->serial);
    clock_format_s(list->due_s, when);
    json_string(&text, "due", when);
    json_string(&text, "dead", list->policy);
    return put(ring, &text, RECORD_LIST);
}

bool audit_trust_put(struct ring *ring, const struct audit_trust *trust)
{
    char fields[AUDIT_CHANGE_MAX];
    char when[CLOCK_TEXT_MAX];
    struct text text;

    text_init(&text, fields, sizeof(fields));
    text_add(&text, "0");
    clock_format(trust->wall_us, when);
    json_string(&text, "time", when);
    json_string(&text, "what", trust->what);
    json_string(&text, "publisher", trust->publisher);
    json_string(&text, "detail", trust->detail);
    clock_format_s(trust->since_s != 0 ? trust->since_s : trust->wall_us / 1000000, when);
    json_string(&text, "since", when);
    write_who(&text, trust->by_daemon, trust->uid, trust->user, trust->pid, trust->reason);
    return put(ring, &text, RECORD_TRUST);
}

static const char *event_of(char kind)
{
    switch (kind) {
    case RECORD_EXCEPTIONS:
        return "exceptions";
    case RECORD_SCHEDULE:
        return "schedule";
    case RECORD_LIST:
        return "list";
    case RECORD_TRUST:
        return "trust";
    default:
        return "change";
    }
}

size_t audit_change_line(const void *record, size_t len, uint64_t sequence, char *out,
                         size_t size)
{
    const char *fields = record;
    struct text text;

    if (size == 0 || len == 0) {
        return 0;
    }
    text_init(&text, out, size);
    json_object_begin(&text, NULL);
    json_uint(&text, "v", AUDIT_SCHEMA_VERSION);
    json_string(&text, "event", event_of(fields[0]));
    json_uint(&text, "seq", sequence);
    text_add_octets(&text, fields + 1, len - 1);
    json_object_end(&text);
    text_add(&text, "\n");
    return text.overflow ? 0 : text.len;
}
