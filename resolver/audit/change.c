#include "audit/change.h"

#include "audit/event.h"
#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
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
    [AUDIT_STAGE_BEGUN] = "stage-begun",
    [AUDIT_STAGE_ADVANCED] = "stage-advanced",
    [AUDIT_STAGE_DONE] = "stage-done",
    [AUDIT_STAGE_ENDED] = "stage-ended",
};

/* The first octet of a record. */
#define RECORD_CHANGE     'c'
#define RECORD_EXCEPTIONS 'x'
#define RECORD_SCHEDULE   's'
#define RECORD_LIST       'l'
#define RECORD_TRUST      't'
#define RECORD_NOTE       'n' /* it has no line */

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
    if (change->what >= AUDIT_STAGE_BEGUN) {
        json_string(text, "stage", change->stage);
    }
}

/* A record: kind, octets of the fields (4), the fields, the row in its canonical form. */
#define HEAD_OCTETS 5u

/* Puts fields that begin with one octet too many, and the row that says the same to the audit
 * log. */
static bool put(struct ring *ring, const struct text *text, const struct audit_row *row,
                char kind)
{
    const uint32_t len = (uint32_t)text->len - 1;
    uint8_t octets[AUDIT_EVENT_MAX];

    if (text->overflow || !audit_row_is_writable(row)) {
        return false;
    }
    const size_t row_len = audit_row_encode(row, octets);
    uint8_t *record = ring_reserve(ring, HEAD_OCTETS + len + row_len);
    if (record == NULL) {
        return false;
    }
    record[0] = (uint8_t)kind;
    memcpy(record + 1, &len, sizeof(len));
    memcpy(record + HEAD_OCTETS, text->at + 1, len);
    memcpy(record + HEAD_OCTETS + len, octets, row_len);
    ring_commit(ring, HEAD_OCTETS + len + row_len);
    return true;
}

/* Longer ones are cut: a part of a reason is better than none. */
static void add_words(struct audit_row *row, enum audit_column column, const char *value)
{
    if (value != NULL) {
        const size_t len = strlen(value);

        audit_row_octets(row, column, value, len < AUDIT_TEXT_MAX ? len : AUDIT_TEXT_MAX);
    }
}

static void begin_row(struct audit_row *row, const char *event, const char *what,
                      uint64_t wall_us)
{
    row->present = 0;
    audit_row_number(row, AUDIT_TIME, wall_us);
    audit_row_text(row, AUDIT_EVENT, event);
    audit_row_text(row, AUDIT_WHAT, what);
}

static void add_actor(struct audit_row *row, bool by_daemon, uint32_t uid, const char *user,
                      int32_t pid)
{
    audit_row_text(row, AUDIT_BY, by_daemon ? "cordond" : "control");
    if (!by_daemon) {
        audit_row_number(row, AUDIT_UID, uid);
        add_words(row, AUDIT_USER, user);
        audit_row_number(row, AUDIT_PID, (uint32_t)pid);
    }
}

/* serial: the room for a number in words, as long as the row is used. */
static void make_row(struct audit_row *row, const struct audit_change *change, char serial[16])
{
    const bool is_version = change->what >= AUDIT_LIST_ROLLED_BACK;
    const bool is_list = change->what <= AUDIT_PAUSE_EXPIRED || is_version;

    begin_row(row, "change", words[change->what], change->wall_us);
    add_actor(row, change->by_daemon, change->uid, change->user, change->pid);
    add_words(row, AUDIT_REASON, change->reason);
    add_words(row,
              is_list           ? AUDIT_LIST
              : change->is_rule ? AUDIT_RULE
                                : AUDIT_SUBJECT,
              change->subject);
    add_words(row, AUDIT_SCOPE, change->scope);
    add_words(row, AUDIT_MATCH, change->match);
    add_words(row, AUDIT_VIEW, change->view);
    add_words(row, AUDIT_ID, change->id);
    add_words(row, AUDIT_TICKET, change->ticket);
    add_words(row, AUDIT_LICENCE, change->licence);
    add_words(row, AUDIT_APPROVER, change->approver);
    add_words(row, AUDIT_FILE, change->file);
    if (change->from_s != 0) {
        audit_row_number(row, AUDIT_FROM, change->from_s);
    }
    if (change->until_s != 0) {
        audit_row_number(row, AUDIT_UNTIL, change->until_s);
    }
    audit_row_number(row, AUDIT_KEPT, change->kept);
    if (is_version) {
        snprintf(serial, 16, "%u", (unsigned)change->serial_before);
        audit_row_number(row, AUDIT_SERIAL, change->serial);
        audit_row_text(row, AUDIT_BEFORE, serial);
        add_words(row, AUDIT_STATE, change->stage);
    }
}

bool audit_change_put(struct ring *ring, const struct audit_change *change)
{
    char fields[AUDIT_CHANGE_MAX];
    char serial[16];
    struct audit_row row;
    struct text text;

    text_init(&text, fields, sizeof(fields));
    write_fields(&text, change);
    make_row(&row, change, serial);
    return put(ring, &text, &row, RECORD_CHANGE);
}

/* The keys that have signed, with a space between. */
static void add_keys(struct audit_row *row, const struct audit_exceptions *exceptions,
                     struct text *keys)
{
    for (size_t i = 0; i < exceptions->key_count && i < AUDIT_EXCEPTIONS_KEYS_MAX; i++) {
        text_add(keys, i > 0 ? " " : "");
        text_add(keys, exceptions->keys[i]);
    }
    if (keys->len > 0) {
        audit_row_octets(row, AUDIT_SUBJECT, keys->at, keys->len);
    }
}

static void make_exceptions_row(struct audit_row *row,
                                const struct audit_exceptions *exceptions, struct text *keys)
{
    begin_row(row, "exceptions",
              exceptions->reason == NULL ? "exceptions-taken" : "exceptions-refused",
              exceptions->wall_us);
    audit_row_text(row, AUDIT_BY, "cordond");
    add_words(row, AUDIT_FILE, exceptions->file);
    add_words(row, AUDIT_REASON, exceptions->reason);
    add_words(row, AUDIT_ID, exceptions->id);
    if (exceptions->id != NULL) {
        audit_row_number(row, AUDIT_SERIAL, exceptions->serial);
        audit_row_number(row, AUDIT_FROM, exceptions->created_s);
        audit_row_number(row, AUDIT_UNTIL, exceptions->expires_s);
    }
    audit_row_number(row, AUDIT_COUNT, exceptions->count);
    add_keys(row, exceptions, keys);
}

/* A record's line but for its beginning, whose fields go on from here. */
static void begin_line(struct text *text, char fields[AUDIT_CHANGE_MAX], uint64_t wall_us)
{
    char when[CLOCK_TEXT_MAX];

    text_init(text, fields, AUDIT_CHANGE_MAX);
    text_add(text, "0");
    clock_format(wall_us, when);
    json_string(text, "time", when);
}

bool audit_exceptions_put(struct ring *ring, const struct audit_exceptions *exceptions)
{
    const bool some = exceptions->id != NULL;
    char fields[AUDIT_CHANGE_MAX];
    char keys_text[17 * AUDIT_EXCEPTIONS_KEYS_MAX];
    char when[CLOCK_TEXT_MAX];
    struct audit_row row;
    struct text text;
    struct text keys;

    begin_line(&text, fields, exceptions->wall_us);
    text_init(&keys, keys_text, sizeof(keys_text));
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
    make_exceptions_row(&row, exceptions, &keys);
    return put(ring, &text, &row, RECORD_EXCEPTIONS);
}

bool audit_schedule_put(struct ring *ring, const struct audit_schedule *schedule)
{
    char fields[AUDIT_CHANGE_MAX];
    struct audit_row row;
    struct text text;

    begin_line(&text, fields, schedule->wall_us);
    json_string(&text, "view", schedule->view);
    json_string(&text, "schedule", schedule->is);
    json_string(&text, "before", schedule->was);
    json_string(&text, "mode", schedule->log_only ? "log" : "enforce");
    json_string(&text, "action", schedule->action);
    json_string(&text, "default", schedule->deny ? "deny" : "allow");
    begin_row(&row, "schedule", "schedule", schedule->wall_us);
    audit_row_text(&row, AUDIT_BY, "cordond");
    add_words(&row, AUDIT_VIEW, schedule->view);
    add_words(&row, AUDIT_SUBJECT, schedule->is);
    add_words(&row, AUDIT_BEFORE, schedule->was);
    audit_row_text(&row, AUDIT_MODE, schedule->log_only ? "log" : "enforce");
    add_words(&row, AUDIT_ACTION, schedule->action);
    audit_row_text(&row, AUDIT_STATE, schedule->deny ? "deny" : "allow");
    return put(ring, &text, &row, RECORD_SCHEDULE);
}

bool audit_list_put(struct ring *ring, const struct audit_list *list)
{
    char fields[AUDIT_CHANGE_MAX];
    char when[CLOCK_TEXT_MAX];
    struct audit_row row;
    struct text text;

    begin_line(&text, fields, list->wall_us);
    json_string(&text, "list", list->list);
    json_string(&text, "state", list->state);
    json_string(&text, "publisher", list->publisher);
    json_uint(&text, "serial", list->serial);
    clock_format_s(list->due_s, when);
    json_string(&text, "due", when);
    json_string(&text, "dead", list->policy);
    begin_row(&row, "list", "list-state", list->wall_us);
    audit_row_text(&row, AUDIT_BY, "cordond");
    add_words(&row, AUDIT_LIST, list->list);
    add_words(&row, AUDIT_STATE, list->state);
    add_words(&row, AUDIT_PUBLISHER, list->publisher);
    audit_row_number(&row, AUDIT_SERIAL, list->serial);
    audit_row_number(&row, AUDIT_DUE, list->due_s);
    add_words(&row, AUDIT_DEAD, list->policy);
    return put(ring, &text, &row, RECORD_LIST);
}

bool audit_note_put(struct ring *ring, const struct audit_note *note)
{
    char nothing[] = "0";
    const struct text text = {.at = nothing, .size = sizeof(nothing), .len = 1};
    struct audit_row row;

    begin_row(&row, "change", note->what, note->wall_us);
    add_actor(&row, note->by_daemon, note->uid, note->user, note->pid);
    add_words(&row, AUDIT_REASON, note->reason);
    add_words(&row, AUDIT_LIST, note->list);
    add_words(&row, AUDIT_PUBLISHER, note->publisher);
    add_words(&row, AUDIT_SUBJECT, note->subject);
    add_words(&row, AUDIT_BEFORE, note->before);
    add_words(&row, AUDIT_FILE, note->file);
    add_words(&row, AUDIT_STATE, note->state);
    add_words(&row, AUDIT_VERSION, note->version);
    if (note->digest != NULL) {
        audit_row_octets(&row, AUDIT_DIGEST, note->digest, DIGEST_OCTETS);
    }
    if (note->serial != 0) {
        audit_row_number(&row, AUDIT_SERIAL, note->serial);
    }
    if (note->generation != 0) {
        audit_row_number(&row, AUDIT_GENERATION, note->generation);
    }
    if (note->count != 0) {
        audit_row_number(&row, AUDIT_COUNT, note->count);
    }
    return put(ring, &text, &row, RECORD_NOTE);
}

bool audit_trust_put(struct ring *ring, const struct audit_trust *trust)
{
    char fields[AUDIT_CHANGE_MAX];
    char when[CLOCK_TEXT_MAX];
    struct audit_row row;
    struct text text;

    begin_line(&text, fields, trust->wall_us);
    json_string(&text, "what", trust->what);
    json_string(&text, "publisher", trust->publisher);
    json_string(&text, "detail", trust->detail);
    clock_format_s(trust->since_s != 0 ? trust->since_s : trust->wall_us / 1000000, when);
    json_string(&text, "since", when);
    write_who(&text, trust->by_daemon, trust->uid, trust->user, trust->pid, trust->reason);
    begin_row(&row, "trust", trust->what, trust->wall_us);
    add_actor(&row, trust->by_daemon, trust->uid, trust->user, trust->pid);
    add_words(&row, AUDIT_PUBLISHER, trust->publisher);
    add_words(&row, AUDIT_SUBJECT, trust->detail);
    add_words(&row, AUDIT_REASON, trust->reason);
    if (trust->since_s != 0) {
        audit_row_number(&row, AUDIT_FROM, trust->since_s);
    }
    return put(ring, &text, &row, RECORD_TRUST);
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

/* The fields of a record; what follows is its row. */
static bool read_fields(const uint8_t *record, size_t len, const uint8_t **fields,
                        uint32_t *fields_len)
{
    if (len < HEAD_OCTETS) {
        return false;
    }
    memcpy(fields_len, record + 1, sizeof(*fields_len));
    *fields = record + HEAD_OCTETS;
    return *fields_len <= len - HEAD_OCTETS;
}

bool audit_change_has_line(const void *record, size_t len)
{
    return len > 0 && *(const uint8_t *)record != RECORD_NOTE;
}

bool audit_change_row(const void *record, size_t len, struct audit_row *row)
{
    const uint8_t *fields = NULL;
    uint32_t fields_len = 0;

    return read_fields(record, len, &fields, &fields_len) &&
           audit_row_decode(fields + fields_len, len - HEAD_OCTETS - fields_len, row);
}

size_t audit_change_line(const void *record, size_t len, uint64_t sequence, char *out,
                         size_t size)
{
    const uint8_t *fields = NULL;
    uint32_t fields_len = 0;
    struct text text;

    if (size == 0 || !read_fields(record, len, &fields, &fields_len)) {
        return 0;
    }
    text_init(&text, out, size);
    json_object_begin(&text, NULL);
    json_uint(&text, "v", AUDIT_SCHEMA_VERSION);
    json_string(&text, "event", event_of(*(const char *)record));
    json_uint(&text, "seq", sequence);
    text_add_octets(&text, (const char *)fields, fields_len);
    json_object_end(&text);
    text_add(&text, "\n");
    return text.overflow ? 0 : text.len;
}
