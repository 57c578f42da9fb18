/* index/words.c - texts that stand once in a table of their own, and in events by a number. */
#include "index/inside.h"

#include "audit/pseudonym.h"
#include "base/invariant.h"

#include <stdlib.h>
#include <string.h>

bool index_words_begin(struct index *index, const struct index_stream *stream,
                       const struct audit_block *block)
{
    for (size_t i = 0; i < stream->count; i++) {
        const enum audit_column column = stream->fields[i].column;
        struct index_memo *memo = &index->memo[column];

        if (stream->fields[i].how < INDEX_WORD ||
            audit_column_kind(column) != (int)AUDIT_OCTETS ||
            (audit_block_columns(block) >> column & 1) == 0) {
            continue;
        }
        const uint32_t count = audit_block_words(block, column) + 1;
        if (memo->room < count) {
            int64_t *more = realloc(memo->at, count * sizeof(*more));
            if (more == NULL) {
                return false;
            }
            memo->at = more;
            memo->room = count;
        }
        memset(memo->at, 0, count * sizeof(*memo->at));
    }
    return true;
}

/* "com.example.www." of www.example.com; false: it is no name, but hashed or none. */
static bool key_of(const struct audit_value *value, struct text *out)
{
    struct wire_name name;
    struct wire_name turned;
    uint8_t octets[WIRE_NAME_MAX];
    char words[WIRE_NAME_TEXT_MAX];
    size_t len = 0;
    size_t at = 0;

    if (value->octets == NULL || !audit_name_get(value->octets, value->number, &name)) {
        return false;
    }
    for (unsigned i = name.labels; i > 0; i--) {
        const uint8_t *label = name.octets + name.at[i - 1];

        memcpy(octets + len, label, label[0] + 1u);
        len += label[0] + 1u;
    }
    octets[len++] = 0;
    if (wire_name_read(octets, len, &at, &turned) != WIRE_OK) {
        return false;
    }
    if (turned.labels > 0) {
        text_add_octets(out, words, wire_name_to_text(&turned, words));
    }
    text_add(out, ".");
    return !out->overflow;
}

/* Names with spaces between them, as an array of JSON: what is shown has no space in a name. */
static void add_chain(const char *shown, size_t len, struct text *out)
{
    size_t at = 0;

    json_array_begin(out, NULL);
    while (at < len) {
        const char *space = memchr(shown + at, ' ', len - at);
        const size_t end = space != NULL ? (size_t)(space - shown) : len;

        json_string_n(out, NULL, shown + at, end - at);
        at = end + 1;
    }
    json_array_end(out);
}

static void show(const struct audit_row *row, enum audit_column column, struct text *out)
{
    char shown[AUDIT_EVENT_MAX + 1];
    struct text text;

    if (column != AUDIT_CHAIN) {
        audit_row_show(row, column, out);
        return;
    }
    text_init(&text, shown, sizeof(shown));
    audit_row_show(row, column, &text);
    add_chain(shown, text.len, out);
}

static int bind_basis(sqlite3_stmt *add, const struct audit_row *row)
{
    struct audit_basis_view basis;
    int code = SQLITE_OK;

    if (!audit_row_basis(row, &basis)) {
        return SQLITE_OK;
    }
    for (int i = 0; i < AUDIT_BASIS_TEXTS && code == SQLITE_OK; i++) {
        const struct audit_value *word = &basis.word[i];

        if (word->octets != NULL) {
            code = sqlite3_bind_text(add, i + 2, (const char *)word->octets, (int)word->number,
                                     SQLITE_STATIC);
        }
    }
    return code == SQLITE_OK
               ? sqlite3_bind_int64(add, AUDIT_BASIS_TEXTS + 2, (int64_t)basis.serial)
               : code;
}

/* A text that is not in its table yet. */
static enum index_result make_word(struct index *index, const struct index_field *field,
                                   const struct audit_row *row, const char *words, size_t len,
                                   int64_t *id)
{
    sqlite3_stmt *add = index->add[field->how - INDEX_WORD];
    char key[WIRE_NAME_TEXT_MAX + 1];
    struct text text;
    int code = SQLITE_OK;

    text_init(&text, key, sizeof(key));
    if (field->how == INDEX_BASIS) {
        code = sqlite3_bind_blob(add, 1, words, (int)len, SQLITE_STATIC);
        code = code == SQLITE_OK ? bind_basis(add, row) : code;
    } else {
        code = sqlite3_bind_text(add, 1, words, (int)len, SQLITE_STATIC);
    }
    if (code == SQLITE_OK && field->how == INDEX_NAME &&
        key_of(&row->at[field->column], &text)) {
        code = sqlite3_bind_text(add, 2, key, (int)text.len, SQLITE_STATIC);
    }
    if (code != SQLITE_OK) {
        return index_failed(index, code);
    }
    const enum index_result result = index_do(index, add);
    sqlite3_clear_bindings(add);
    *id = sqlite3_last_insert_rowid(index->db);
    return result;
}

/* By the table. */
static enum index_result look_up(struct index *index, const struct index_field *field,
                                 const struct audit_row *row, int64_t *id)
{
    sqlite3_stmt *find = index->find[field->how - INDEX_WORD];
    const struct audit_value *value = &row->at[field->column];
    const char *words = index->words;
    struct text text;
    bool found = false;

    text_init(&text, index->words, INDEX_WORDS_MAX);
    if (field->how == INDEX_BASIS) {
        words = (const char *)value->octets;
        text.len = value->number;
    } else {
        show(row, field->column, &text);
    }
    const int code = field->how == INDEX_BASIS
                         ? sqlite3_bind_blob(find, 1, words, (int)text.len, SQLITE_STATIC)
                         : sqlite3_bind_text(find, 1, words, (int)text.len, SQLITE_STATIC);
    if (code != SQLITE_OK) {
        return index_failed(index, code);
    }
    const enum index_result result = index_number(index, find, &found, id);
    return result == INDEX_OK && !found ? make_word(index, field, row, words, text.len, id)
                                        : result;
}

/* A number that is shown by a word: types and response codes. */
static enum index_result look_up_small(struct index *index, const struct index_field *field,
                                       const struct audit_row *row, int64_t *id)
{
    const uint64_t number = row->at[field->column].number;
    struct index_small *small =
        &index->small[field->column == AUDIT_TYPE ? 0 : 1][number % INDEX_SMALL];
    enum index_result result = INDEX_OK;

    if (small->id == 0 || small->number != number) {
        small->id = 0;
        result = look_up(index, field, row, id);
        if (result == INDEX_OK) {
            *small = (struct index_small){number, *id};
        }
    }
    *id = small->id;
    return result;
}

enum index_result index_word(struct index *index, const struct index_field *field,
                             const struct audit_block *block, uint32_t i,
                             const struct audit_row *row, int64_t *id)
{
    enum index_result result = INDEX_OK;

    *id = 0;
    if (!audit_row_has(row, field->column)) {
        return INDEX_OK;
    }
    if (row->at[field->column].octets == NULL) {
        invariant(field->column == AUDIT_TYPE || field->column == AUDIT_RCODE);
        return look_up_small(index, field, row, id);
    }
    int64_t *known = &index->memo[field->column].at[audit_block_index(block, field->column, i)];
    if (*known == 0) {
        result = look_up(index, field, row, known);
    }
    *id = *known;
    return result;
}

/* DELETE of the rows of a table that no row of an event has in these columns. */
static void add_unused(enum index_how how, struct text *out)
{
    text_printf(out, "DELETE FROM %s WHERE id <> 0", index_tables[how - INDEX_WORD]);
    for (unsigned s = 1; s <= AUDIT_STREAMS; s++) {
        const struct index_stream *stream = &index_streams[s];

        for (size_t i = 0; i < stream->count; i++) {
            if (stream->fields[i].how != how) {
                continue;
            }
            /* The columns of words are many, and without an index: the words in use are looked
             * for once. The others have indices, and are looked up in them. */
            if (how == INDEX_WORD) {
                text_printf(out, " AND id NOT IN (SELECT \"%s\" FROM %s)",
                            stream->fields[i].name, stream->rows);
            } else {
                text_printf(
                    out, " AND NOT EXISTS (SELECT 1 FROM %s AS r WHERE r.\"%s\" = %s.id)",
                    stream->rows, stream->fields[i].name, index_tables[how - INDEX_WORD]);
            }
        }
    }
}

enum index_result index_words_collect(struct index *index)
{
    enum index_result result = INDEX_OK;
    struct text text;

    for (enum index_how how = INDEX_WORD; how <= INDEX_BASIS && result == INDEX_OK; how++) {
        text_init(&text, index->words, INDEX_WORDS_MAX);
        add_unused(how, &text);
        invariant(!text.overflow);
        result = index_run(index, text.at);
    }
    memset(index->small, 0, sizeof(index->small));
    return result;
}
