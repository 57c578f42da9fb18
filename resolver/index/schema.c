/* index/schema.c - the statements that make an index, from the tables of fields.c. */
#include "index/inside.h"

/* What is not of one stream. Row 0 of a table of texts is what does not apply. name_key: the
 * labels from the last on, a dot behind each, so that a name and all below it are one range. */
static const char fixed[] =
    "CREATE TABLE logs(log INTEGER PRIMARY KEY, id BLOB NOT NULL);"
    "CREATE TABLE blocks(log INTEGER NOT NULL, block INTEGER NOT NULL, file INTEGER NOT NULL,"
    " stream INTEGER NOT NULL, first_event INTEGER NOT NULL, events INTEGER NOT NULL,"
    " first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, leaf BLOB NOT NULL,"
    " removed INTEGER NOT NULL, PRIMARY KEY(log, block)) WITHOUT ROWID;"
    "CREATE TABLE state(to_collect INTEGER NOT NULL);"
    "INSERT INTO state VALUES(0);"
    "CREATE TABLE words(id INTEGER PRIMARY KEY, word TEXT UNIQUE);"
    "CREATE TABLE clients(id INTEGER PRIMARY KEY, client TEXT UNIQUE);"
    "CREATE TABLE names(id INTEGER PRIMARY KEY, name TEXT UNIQUE, name_key TEXT);"
    "CREATE INDEX names_by_key ON names(name_key);"
    "CREATE TABLE rules(id INTEGER PRIMARY KEY, rule TEXT UNIQUE);"
    "CREATE TABLE bases(id INTEGER PRIMARY KEY, octets BLOB UNIQUE, list TEXT, provider TEXT,"
    " provider_name TEXT, parent_name TEXT, status_class TEXT, status_entity TEXT,"
    " status_authority TEXT, status_citation TEXT, status_effective TEXT, status_state TEXT,"
    " status_checked TEXT, serial INTEGER);"
    "INSERT INTO words(id) VALUES(0);"
    "INSERT INTO clients(id) VALUES(0);"
    "INSERT INTO names(id) VALUES(0);"
    "INSERT INTO rules(id) VALUES(0);"
    "INSERT INTO bases(id) VALUES(0);";

static const char indices[] =
    "CREATE INDEX decisions_by_time ON decision_rows(time_us);"
    "CREATE INDEX decisions_by_client ON decision_rows(client, time_us);"
    "CREATE INDEX decisions_by_name ON decision_rows(name, time_us);"
    "CREATE INDEX decisions_by_matched ON decision_rows(matched_name, time_us);"
    "CREATE INDEX decisions_by_basis ON decision_rows(basis, time_us);"
    "CREATE INDEX decisions_by_rule ON decision_rows(rule, time_us);"
    "CREATE INDEX queries_by_time ON query_rows(time_us);"
    "CREATE INDEX queries_by_client ON query_rows(client, time_us);"
    "CREATE INDEX queries_by_name ON query_rows(name, time_us);"
    "CREATE INDEX changes_by_time ON change_rows(time_us);";

static void add_rows(const struct index_stream *stream, struct text *out)
{
    text_printf(out,
                "CREATE TABLE %s(log INTEGER NOT NULL, number INTEGER NOT NULL,"
                " time_us INTEGER NOT NULL",
                stream->rows);
    for (size_t i = 0; i < stream->count; i++) {
        text_printf(out, ", \"%s\" %s", stream->fields[i].name,
                    stream->fields[i].how == INDEX_TEXT ? "TEXT" : "INTEGER");
    }
    text_add(out, stream->letter == 'c' ? ", json TEXT" : "");
    text_add(out, ", PRIMARY KEY(log, number)) WITHOUT ROWID;");
}

static void add_view(const struct index_stream *stream, struct text *out)
{
    text_printf(out,
                "CREATE VIEW %s AS SELECT r.log, r.number,"
                " iif(r.log = 1, '', r.log || '-') || '%c' || r.number AS id,"
                " strftime('%%Y-%%m-%%dT%%H:%%M:%%S', r.time_us / 1000000, 'unixepoch') ||"
                " printf('.%%06dZ', r.time_us %% 1000000) AS time, r.time_us",
                stream->view, stream->letter);
    for (size_t i = 0; i < stream->count; i++) {
        const struct index_field *field = &stream->fields[i];

        if (field->inside) {
            continue;
        }
        switch (field->how) {
        case INDEX_WORD:
            text_printf(out, ", (SELECT word FROM words WHERE id = r.\"%s\") AS \"%s\"",
                        field->name, field->name);
            break;
        case INDEX_FLAG:
            text_printf(out, ", coalesce(r.\"%s\", 0) AS \"%s\"", field->name, field->name);
            break;
        default:
            text_printf(out, ", r.\"%s\"", field->name);
            break;
        }
    }
    text_printf(out, "%s FROM %s AS r%s;", stream->more, stream->rows, stream->joins);
}

bool index_schema(char *out, size_t size)
{
    struct text text;

    text_init(&text, out, size);
    text_add(&text, fixed);
    for (unsigned i = 1; i <= AUDIT_STREAMS; i++) {
        add_rows(&index_streams[i], &text);
    }
    text_add(&text, indices);
    for (unsigned i = 1; i <= AUDIT_STREAMS; i++) {
        add_view(&index_streams[i], &text);
    }
    text_printf(&text, "PRAGMA application_id = %u; PRAGMA user_version = %u;",
                (unsigned)INDEX_APPLICATION, (unsigned)INDEX_SCHEMA);
    return !text.overflow;
}

bool index_insert(const struct index_stream *stream, char *out, size_t size)
{
    const size_t more = stream->letter == 'c' ? 1 : 0;
    struct text text;

    text_init(&text, out, size);
    text_printf(&text, "INSERT INTO %s VALUES(?, ?, ?", stream->rows);
    for (size_t i = 0; i < stream->count + more; i++) {
        text_add(&text, ", ?");
    }
    text_add(&text, ")");
    return !text.overflow;
}
