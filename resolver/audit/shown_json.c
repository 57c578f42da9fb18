/* audit/shown_json.c - an event as the JSON of docs/events.md: its fields by its kind. */
#include "audit/event.h"
#include "audit/shown_inside.h"

#include <string.h>

static void json_null(struct text *out, const char *key)
{
    json_string(out, key, NULL);
}

static void json_words(struct text *out, const char *key, const struct audit_value *value)
{
    if (value->octets != NULL) {
        json_string_n(out, key, (const char *)value->octets, value->number);
    } else {
        json_null(out, key);
    }
}

/* A column by its kind: a number, true or false, or its text; null where it is absent. */
static void json_column(const struct audit_row *row, enum audit_column column, const char *key,
                        struct text *out)
{
    char words[WIRE_NAME_TEXT_MAX];
    struct text text;

    if (!audit_row_has(row, column)) {
        json_null(out, key);
        return;
    }
    switch (column) {
    case AUDIT_CACHED:
    case AUDIT_STALE:
    case AUDIT_APPLIED:
    case AUDIT_PAUSED:
    case AUDIT_KEPT:
        json_bool(out, key, row->at[column].number != 0);
        return;
    case AUDIT_CLIENT:
    case AUDIT_NAME:
    case AUDIT_REDIRECT:
    case AUDIT_EXCEPTION:
    case AUDIT_MATCHED:
    case AUDIT_UPSTREAM:
    case AUDIT_MATCHED_ADDRESS:
    case AUDIT_TIME:
    case AUDIT_TYPE:
    case AUDIT_RCODE:
    case AUDIT_UNTIL:
    case AUDIT_DUE:
    case AUDIT_STREAM:
    case AUDIT_FROM:
    case AUDIT_TO:
        text_init(&text, words, sizeof(words));
        audit_row_show(row, column, &text);
        json_string_n(out, key, words, text.len);
        return;
    default:
        break;
    }
    if (row->at[column].octets != NULL && column == AUDIT_DIGEST) {
        json_octets(out, key, row->at[column].octets, row->at[column].number);
    } else if (row->at[column].octets != NULL) {
        json_words(out, key, &row->at[column]);
    } else {
        json_uint(out, key, row->at[column].number);
    }
}

struct field {
    enum audit_column column;
    const char *key;
};

static void json_fields(const struct audit_row *row, const struct field *fields, size_t count,
                        struct text *out)
{
    for (size_t i = 0; i < count; i++) {
        json_column(row, fields[i].column, fields[i].key, out);
    }
}
#define JSON_FIELDS(row, table, out) \
    json_fields(row, table, sizeof(table) / sizeof((table)[0]), out)

static void json_chain(const struct audit_row *row, struct text *out)
{
    const struct audit_value *chain = &row->at[AUDIT_CHAIN];
    char words[WIRE_NAME_TEXT_MAX];
    struct text text;
    size_t len = 0;

    json_array_begin(out, "chain");
    for (size_t at = 0; audit_row_has(row, AUDIT_CHAIN) && chain->octets != NULL &&
                        (len = shown_first_name(chain, at)) > 0;
         at += len) {
        text_init(&text, words, sizeof(words));
        shown_add_name(&text, chain->octets + at, len);
        json_string_n(out, NULL, words, text.len);
    }
    json_array_end(out);
}

static void json_basis(const struct audit_row *row, struct text *out)
{
    static const char *const keys[AUDIT_BASIS_TEXTS] = {
        [AUDIT_BASIS_PROVIDER] = "provider",
        [AUDIT_BASIS_PROVIDER_NAME] = "provider_name",
        [AUDIT_BASIS_PARENT_NAME] = "parent_name",
        [AUDIT_BASIS_STATUS_CLASS] = "status_class",
        [AUDIT_BASIS_STATUS_ENTITY] = "status_entity",
        [AUDIT_BASIS_STATUS_AUTHORITY] = "status_authority",
        [AUDIT_BASIS_STATUS_CITATION] = "status_citation",
        [AUDIT_BASIS_STATUS_EFFECTIVE] = "status_effective",
        [AUDIT_BASIS_STATUS_STATE] = "status_state",
        [AUDIT_BASIS_STATUS_CHECKED] = "status_checked",
    };
    struct audit_basis_view basis;

    if (!audit_row_basis(row, &basis)) {
        memset(&basis, 0, sizeof(basis));
    }
    for (size_t i = AUDIT_BASIS_PROVIDER; i < AUDIT_BASIS_TEXTS; i++) {
        json_words(out, keys[i], &basis.word[i]);
    }
    json_words(out, "list", &basis.word[AUDIT_BASIS_LIST]);
    json_uint(out, "serial", basis.serial);
}

static const struct field of_question[] = {
    {AUDIT_CLIENT, "client"},       {AUDIT_CLIENT_PORT, "client_port"},
    {AUDIT_TRANSPORT, "transport"}, {AUDIT_VIEW, "view"},
    {AUDIT_NAME, "name"},           {AUDIT_TYPE, "type"},
};

static void json_answer(const struct audit_row *row, struct text *out)
{
    json_column(row, AUDIT_UPSTREAM, "upstream", out);
    json_column(row, AUDIT_CACHED, "cached", out);
    json_bool(out, "stale", audit_row_get(row, AUDIT_STALE) != 0);
    json_column(row, AUDIT_RCODE, "rcode", out);
    json_column(row, AUDIT_LATENCY, "latency_us", out);
}

static void json_decision(const struct audit_row *row, struct text *out)
{
    static const struct field done[] = {
        {AUDIT_ACTION, "action"},   {AUDIT_REDIRECT, "redirect"}, {AUDIT_MODE, "mode"},
        {AUDIT_APPLIED, "applied"}, {AUDIT_PAUSED, "paused"},
    };
    static const struct field permitted[] = {
        {AUDIT_TICKET, "ticket"},
        {AUDIT_ID, "exception_id"},
        {AUDIT_LICENCE, "licence"},
        {AUDIT_APPROVER, "approver"},
    };
    static const struct field rule[] = {
        {AUDIT_STATE, "stage"},           {AUDIT_RULE, "rule"},
        {AUDIT_CATEGORY, "category"},     {AUDIT_SCOPE, "scope"},
        {AUDIT_CONFIDENCE, "confidence"}, {AUDIT_TRIGGER, "trigger"},
    };

    JSON_FIELDS(row, of_question, out);
    JSON_FIELDS(row, done, out);
    json_column(row, audit_row_has(row, AUDIT_SUBJECT) ? AUDIT_SUBJECT : AUDIT_EXCEPTION,
                "exception", out);
    JSON_FIELDS(row, permitted, out);
    if (audit_row_says(row, AUDIT_EVENT, "decision")) {
        json_basis(row, out);
        JSON_FIELDS(row, rule, out);
        json_column(row,
                    audit_row_has(row, AUDIT_MATCHED_ADDRESS) ? AUDIT_MATCHED_ADDRESS
                                                              : AUDIT_MATCHED,
                    "matched", out);
        json_column(row, AUDIT_HOP, "hop", out);
        json_chain(row, out);
    }
    json_answer(row, out);
    json_column(row, AUDIT_EDE, "ede", out);
}

static void json_query(const struct audit_row *row, struct text *out)
{
    JSON_FIELDS(row, of_question, out);
    json_answer(row, out);
}

static const struct field of_actor[] = {
    {AUDIT_BY, "by"},   {AUDIT_UID, "uid"},       {AUDIT_USER, "user"},
    {AUDIT_PID, "pid"}, {AUDIT_REASON, "reason"},
};

/* "1234" as the number that it is. */
static void json_serial_before(const struct audit_row *row, struct text *out)
{
    const struct audit_value *before = &row->at[AUDIT_BEFORE];
    bool good = audit_row_has(row, AUDIT_BEFORE) && before->octets != NULL &&
                before->number > 0 && before->number <= 10;

    for (size_t i = 0; good && i < before->number; i++) {
        good = before->octets[i] >= '0' && before->octets[i] <= '9' &&
               (i > 0 || before->octets[0] != '0' || before->number == 1);
    }
    if (!good) {
        json_null(out, "serial_before");
        return;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < before->number; i++) {
        number = 10 * number + (uint64_t)(before->octets[i] - '0');
    }
    json_uint(out, "serial_before", number);
}

/* What people changed, and what came of it. */
static void json_change(const struct audit_row *row, struct text *out)
{
    static const struct field fields[] = {
        {AUDIT_LIST, "list"},       {AUDIT_SUBJECT, "name"},    {AUDIT_MATCH, "match"},
        {AUDIT_SCOPE, "scope"},     {AUDIT_VIEW, "view"},       {AUDIT_TICKET, "ticket"},
        {AUDIT_UNTIL, "until"},     {AUDIT_KEPT, "kept"},       {AUDIT_RULE, "rule"},
        {AUDIT_ID, "exception_id"}, {AUDIT_LICENCE, "licence"}, {AUDIT_APPROVER, "approver"},
        {AUDIT_FROM, "from"},       {AUDIT_FILE, "file"},
    };

    json_column(row, AUDIT_WHAT, "what", out);
    JSON_FIELDS(row, of_actor, out);
    JSON_FIELDS(row, fields, out);
    if (audit_row_has(row, AUDIT_SERIAL)) {
        json_column(row, AUDIT_SERIAL, "serial", out);
        json_serial_before(row, out);
    }
    if (audit_row_has(row, AUDIT_WHAT) && row->at[AUDIT_WHAT].number > 6 &&
        row->at[AUDIT_WHAT].octets != NULL &&
        memcmp(row->at[AUDIT_WHAT].octets, "stage-", 6) == 0) {
        json_column(row, AUDIT_STATE, "stage", out);
    }
}

/* What the log alone is told: the daemon's own doings. */
static void json_note(const struct audit_row *row, struct text *out)
{
    static const struct field fields[] = {
        {AUDIT_LIST, "list"},
        {AUDIT_SERIAL, "serial"},
        {AUDIT_PUBLISHER, "publisher"},
        {AUDIT_SUBJECT, "subject"},
        {AUDIT_BEFORE, "before"},
        {AUDIT_FILE, "file"},
        {AUDIT_STATE, "state"},
        {AUDIT_VERSION, "version"},
        {AUDIT_DIGEST, "digest"},
        {AUDIT_COUNT, "count"},
        {AUDIT_GENERATION, "generation"},
        {AUDIT_STREAM, "stream"},
        {AUDIT_CAUSE, "cause"},
        {AUDIT_ERROR, "error"},
        {AUDIT_FROM, "from"},
        {AUDIT_TO, "to"},
    };

    json_column(row, AUDIT_WHAT, "what", out);
    JSON_FIELDS(row, of_actor, out);
    JSON_FIELDS(row, fields, out);
}

static void json_exceptions(const struct audit_row *row, struct text *out)
{
    static const struct field fields[] = {
        {AUDIT_FILE, "file"},        {AUDIT_REASON, "reason"}, {AUDIT_ID, "file_id"},
        {AUDIT_SERIAL, "serial"},    {AUDIT_FROM, "created"},  {AUDIT_UNTIL, "expires"},
        {AUDIT_COUNT, "exceptions"},
    };
    const struct audit_value *keys = &row->at[AUDIT_SUBJECT];
    size_t at = 0;

    json_string(out, "what",
                audit_row_says(row, AUDIT_WHAT, "exceptions-taken") ? "taken" : "refused");
    JSON_FIELDS(row, fields, out);
    json_array_begin(out, "keys");
    while (audit_row_has(row, AUDIT_SUBJECT) && keys->octets != NULL && at < keys->number) {
        const uint8_t *space = memchr(keys->octets + at, ' ', keys->number - at);
        const size_t end = space != NULL ? (size_t)(space - keys->octets) : keys->number;

        json_string_n(out, NULL, (const char *)keys->octets + at, end - at);
        at = end + 1;
    }
    json_array_end(out);
}

static void json_schedule(const struct audit_row *row, struct text *out)
{
    static const struct field fields[] = {
        {AUDIT_VIEW, "view"}, {AUDIT_SUBJECT, "schedule"}, {AUDIT_BEFORE, "before"},
        {AUDIT_MODE, "mode"}, {AUDIT_ACTION, "action"},    {AUDIT_STATE, "default"},
    };

    JSON_FIELDS(row, fields, out);
}

static void json_list(const struct audit_row *row, struct text *out)
{
    static const struct field fields[] = {
        {AUDIT_LIST, "list"},     {AUDIT_STATE, "state"}, {AUDIT_PUBLISHER, "publisher"},
        {AUDIT_SERIAL, "serial"}, {AUDIT_DUE, "due"},     {AUDIT_DEAD, "dead"},
    };

    JSON_FIELDS(row, fields, out);
}

static void json_trust(const struct audit_row *row, struct text *out)
{
    static const struct field fields[] = {
        {AUDIT_WHAT, "what"},
        {AUDIT_PUBLISHER, "publisher"},
        {AUDIT_SUBJECT, "detail"},
        {AUDIT_FROM, "since"},
    };

    JSON_FIELDS(row, fields, out);
    JSON_FIELDS(row, of_actor, out);
}

/* Of a kind that this version does not know: every column that it has a word for. */
static void json_unknown(const struct audit_row *row, struct text *out)
{
    for (unsigned column = AUDIT_EVENT + 1; column <= AUDIT_COLUMN_LAST; column++) {
        const char *word = audit_column_word(column);

        if (word != NULL && audit_row_has(row, column) && column != AUDIT_BASIS &&
            column != AUDIT_CHAIN) {
            json_column(row, (enum audit_column)column, column == AUDIT_ID ? "id_of" : word,
                        out);
        }
    }
}

/* What follows the id. */
static void json_rest(const struct audit_row *row, struct text *out)
{
    static const struct {
        const char *event;
        void (*write)(const struct audit_row *row, struct text *out);
    } kinds[] = {
        {"decision", json_decision},
        {"default-deny", json_decision},
        {"client-deny", json_decision},
        {"query", json_query},
        {"exceptions", json_exceptions},
        {"schedule", json_schedule},
        {"list", json_list},
        {"trust", json_trust},
    };
    size_t i = 0;

    json_column(row, AUDIT_TIME, "time", out);
    while (i < sizeof(kinds) / sizeof(kinds[0]) &&
           !audit_row_says(row, AUDIT_EVENT, kinds[i].event)) {
        i++;
    }
    if (i < sizeof(kinds) / sizeof(kinds[0])) {
        kinds[i].write(row, out);
    } else if (audit_row_says(row, AUDIT_EVENT, "change")) {
        (audit_row_has(row, AUDIT_KEPT) ? json_change : json_note)(row, out);
    } else {
        json_unknown(row, out);
    }
    json_object_end(out);
}

static void json_head(const struct audit_row *row, struct text *out)
{
    json_object_begin(out, NULL);
    json_uint(out, "v", AUDIT_SCHEMA_VERSION);
    json_column(row, AUDIT_EVENT, "event", out);
}

void audit_row_json(const struct audit_row *row, const struct audit_id *id, struct text *out)
{
    char words[AUDIT_ID_TEXT_MAX];

    json_head(row, out);
    json_string_n(out, "id", words, audit_id_format(id, words));
    json_rest(row, out);
}

void audit_row_json_of(const struct audit_row *row, const char *id, const char *log,
                       struct text *out)
{
    json_head(row, out);
    json_string(out, "id", id);
    json_string(out, "log", log);
    json_rest(row, out);
}
