/*
 * sink/ocsf.c - an event as one of the Open Cybersecurity Schema Framework 1.3.0: class
 * dns_activity (4003), profile security_control. The table of what becomes what is in
 * docs/audit.md, "OCSF"; what the framework has no place for stands whole in `unmapped`, as in
 * docs/events.md: on what ground a name was blocked is never pressed into a field that means
 * something else.
 */
#include "sink/event.h"

#include "audit/shown.h"
#include "sink/limits.h"

#include <string.h>

#define CLASS       4003u
#define CATEGORY    4u
#define TRAFFIC     6u /* a question and its answer */
#define INBOUND     1u /* a client asks us */
#define RCODE_OTHER 99u

struct caption {
    unsigned id;
    const char *words;
};

static const struct caption informational = {1, "Informational"};
static const struct caption low = {2, "Low"};

static const struct caption allowed = {1, "Allowed"};
static const struct caption denied = {2, "Denied"};

/* Dispositions */
static const struct caption is_allowed = {1, "Allowed"};
static const struct caption is_blocked = {2, "Blocked"};
static const struct caption is_dropped = {6, "Dropped"};
static const struct caption is_redirected = {7, "Custom Action"};
static const struct caption is_untouched = {16, "No Action"};
static const struct caption is_logged = {17, "Logged"};

static const char *const rcodes[] = {"NoError", "FormError", "ServError", "NXDomain",
                                     "NotImp",  "Refused",   "YXDomain",  "YXRRSet",
                                     "NXRRSet", "NotAuth",   "NotZone",   "DSOTYPENI"};

static void add_caption(struct text *text, const char *key, const char *id_key,
                        struct caption caption)
{
    json_uint(text, id_key, caption.id);
    json_string(text, key, caption.words);
}

/* A column in its own words, if the event has it. */
static void add_column(struct text *text, const char *key, const struct audit_row *row,
                       enum audit_column column)
{
    char words[AUDIT_TEXT_MAX + 1];

    if (audit_row_has(row, column)) {
        json_string_n(text, key, words, audit_row_words(row, column, words));
    }
}

/* --- the class --- */

static void add_metadata(struct text *text, const struct sink_event *event,
                         const struct sink_self *self)
{
    json_object_begin(text, "metadata");
    json_string(text, "version", "1.3.0");
    json_string(text, "uid", event->id);
    json_string(text, "log_name", event->log != NULL ? event->log : self->host);
    add_column(text, "event_code", event->row, AUDIT_EVENT);
    add_column(text, "original_time", event->row, AUDIT_TIME);
    json_array_begin(text, "profiles");
    json_string(text, NULL, "security_control");
    json_array_end(text);
    json_object_begin(text, "product");
    json_string(text, "name", "cordond");
    json_string(text, "vendor_name", "cordon");
    json_string(text, "version", CORDON_VERSION);
    json_object_end(text);
    json_object_end(text);
}

static void add_query(struct text *text, const struct audit_row *row)
{
    json_object_begin(text, "query");
    add_column(text, "hostname", row, AUDIT_NAME);
    add_column(text, "type", row, AUDIT_TYPE);
    json_object_end(text);
}

static void add_rcode(struct text *text, const struct audit_row *row)
{
    const uint64_t rcode = audit_row_get(row, AUDIT_RCODE);

    if (!audit_row_has(row, AUDIT_RCODE)) {
        return;
    }
    if (rcode < sizeof(rcodes) / sizeof(rcodes[0])) {
        add_caption(text, "rcode", "rcode_id",
                    (struct caption){(unsigned)rcode, rcodes[rcode]});
    } else {
        json_uint(text, "rcode_id", RCODE_OTHER);
        add_column(text, "rcode", row, AUDIT_RCODE);
    }
}

/* A whole address is an address; a prefix or a pseudonym is a name that somebody goes by. */
static void add_client(struct text *text, const struct audit_row *row)
{
    struct audit_client client;

    if (!audit_row_has(row, AUDIT_CLIENT)) {
        return;
    }
    const bool is_address =
        audit_client_get(row->at[AUDIT_CLIENT].octets, row->at[AUDIT_CLIENT].number, &client) &&
        client.kind == AUDIT_CLIENT_ADDRESS;
    json_object_begin(text, "src_endpoint");
    add_column(text, is_address ? "ip" : "name", row, AUDIT_CLIENT);
    if (audit_row_has(row, AUDIT_CLIENT_PORT)) {
        json_uint(text, "port", row->at[AUDIT_CLIENT_PORT].number);
    }
    json_object_end(text);
}

static void add_connection(struct text *text, const struct audit_row *row)
{
    if (!audit_row_has(row, AUDIT_TRANSPORT)) {
        return;
    }
    json_object_begin(text, "connection_info");
    json_uint(text, "direction_id", INBOUND);
    json_string(text, "direction", "Inbound");
    json_uint(text, "protocol_num", audit_row_says(row, AUDIT_TRANSPORT, "tcp") ? 6 : 17);
    add_column(text, "protocol_name", row, AUDIT_TRANSPORT);
    json_object_end(text);
}

/* --- the profile --- */

static bool was_denied(const struct audit_row *row)
{
    return audit_row_get(row, AUDIT_APPLIED) != 0 &&
           !audit_row_says(row, AUDIT_ACTION, "truncate") &&
           !audit_row_says(row, AUDIT_ACTION, "pass") &&
           !audit_row_says(row, AUDIT_ACTION, "log");
}

static struct caption disposition_of(const struct sink_event *event)
{
    const struct audit_row *row = event->row;

    if (event->stream != AUDIT_DECISIONS) {
        return is_untouched;
    }
    if (was_denied(row)) {
        return audit_row_says(row, AUDIT_ACTION, "drop") ? is_dropped : is_blocked;
    }
    if (audit_row_get(row, AUDIT_APPLIED) != 0 &&
        audit_row_says(row, AUDIT_ACTION, "truncate")) {
        return is_redirected; /* to TCP, where it is decided again */
    }
    return audit_row_has(row, AUDIT_EXCEPTION) || audit_row_has(row, AUDIT_ID) ? is_allowed
                                                                               : is_logged;
}

static void add_confidence(struct text *text, const struct audit_row *row)
{
    static const struct {
        const char *word;
        struct caption caption;
    } all[] = {{"low", {1, "Low"}}, {"medium", {2, "Medium"}}, {"high", {3, "High"}}};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (audit_row_says(row, AUDIT_CONFIDENCE, all[i].word)) {
            add_caption(text, "confidence", "confidence_id", all[i].caption);
        }
    }
}

static void add_rule(struct text *text, const struct audit_row *row)
{
    struct audit_basis_view basis;

    if (!audit_row_has(row, AUDIT_RULE)) {
        return;
    }
    json_object_begin(text, "firewall_rule");
    add_column(text, "name", row, AUDIT_RULE);
    add_column(text, "category", row, AUDIT_CATEGORY);
    add_column(text, "type", row, AUDIT_TRIGGER);
    json_object_end(text);
    if (audit_row_basis(row, &basis) && basis.word[AUDIT_BASIS_LIST].octets != NULL) {
        const struct audit_value *list = &basis.word[AUDIT_BASIS_LIST];
        char serial[24];
        struct text number;

        text_init(&number, serial, sizeof(serial));
        text_add_uint(&number, basis.serial);
        json_object_begin(text, "policy");
        json_string_n(text, "name", (const char *)list->octets, list->number);
        json_string_n(text, "uid", (const char *)list->octets, list->number);
        json_string_n(text, "version", serial, number.len);
        json_object_end(text);
    }
}

static void add_control(struct text *text, const struct sink_event *event)
{
    const bool denies = event->stream == AUDIT_DECISIONS && was_denied(event->row);

    add_caption(text, "action", "action_id", denies ? denied : allowed);
    add_caption(text, "disposition", "disposition_id", disposition_of(event));
    json_bool(text, "is_alert", denies);
    add_confidence(text, event->row);
    add_rule(text, event->row);
}

size_t sink_ocsf(const struct sink_event *event, const struct sink_self *self, char *out,
                 size_t size)
{
    const struct audit_row *row = event->row;
    const uint64_t time_ms = audit_row_get(row, AUDIT_TIME) / 1000;
    struct text text;

    if (event->stream == AUDIT_CHANGES) {
        return 0;
    }
    text_init(&text, out, size);
    json_object_begin(&text, NULL);
    add_caption(&text, "activity_name", "activity_id", (struct caption){TRAFFIC, "Traffic"});
    add_caption(&text, "category_name", "category_uid",
                (struct caption){CATEGORY, "Network Activity"});
    add_caption(&text, "class_name", "class_uid", (struct caption){CLASS, "DNS Activity"});
    add_caption(&text, "type_name", "type_uid",
                (struct caption){CLASS * 100 + TRAFFIC, "DNS Activity: Traffic"});
    add_caption(&text, "severity", "severity_id",
                event->stream == AUDIT_DECISIONS && was_denied(row) ? low : informational);
    json_uint(&text, "time", time_ms);
    add_metadata(&text, event, self);
    add_query(&text, row);
    json_uint(&text, "query_time", time_ms);
    if (audit_row_has(row, AUDIT_LATENCY)) {
        json_uint(&text, "response_time",
                  (audit_row_get(row, AUDIT_TIME) + audit_row_get(row, AUDIT_LATENCY)) / 1000);
    }
    add_rcode(&text, row);
    add_client(&text, row);
    add_connection(&text, row);
    add_control(&text, event);
    text_add(&text, ",\"unmapped\":"); /* an object already */
    audit_row_json_of(row, event->id, event->log, &text);
    json_object_end(&text);
    text_add(&text, "\n");
    return text.overflow ? 0 : text.len;
}
