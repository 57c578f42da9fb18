/* index/write.c - blocks of the log into the tables, and out of them. */
#include "index/inside.h"

#include "audit/tree.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void leaf_of(const struct audit_header *header, uint8_t leaf[DIGEST_OCTETS])
{
    uint8_t octets[AUDIT_HEADER_OCTETS];

    audit_header_put(header, octets);
    audit_tree_leaf(octets, AUDIT_HEADER_OCTETS, leaf);
}

/* Numbers of a statement, from its first parameter on. */
static enum index_result bind_numbers(struct index *index, sqlite3_stmt *statement,
                                      const uint64_t *numbers, size_t count)
{
    int code = SQLITE_OK;

    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        code = sqlite3_bind_int64(statement, (int)i + 1, (int64_t)numbers[i]);
    }
    return code == SQLITE_OK ? INDEX_OK : index_failed(index, code);
}

/* Octets in a column of the row at hand are these. */
static bool has_octets(sqlite3_stmt *statement, int column, const uint8_t *octets, size_t len)
{
    const void *at = sqlite3_column_blob(statement, column);

    return at != NULL && (size_t)sqlite3_column_bytes(statement, column) == len &&
           memcmp(at, octets, len) == 0;
}

/* A log begins, or goes on: it is the one that the index knows by this number. */
static enum index_result enter_log(struct index *index, unsigned log,
                                   const struct audit_header *header)
{
    sqlite3_stmt *find = index->fixed[INDEX_FIND_LOG];
    sqlite3_stmt *add = index->fixed[INDEX_ADD_LOG];
    enum index_result result = bind_numbers(index, find, (const uint64_t[]){log}, 1);

    if (result != INDEX_OK) {
        return result;
    }
    const int code = sqlite3_step(find);
    if (code == SQLITE_ROW) {
        result = has_octets(find, 1, header->log, AUDIT_LOG_ID_OCTETS) ? INDEX_OK
                                                                       : INDEX_ANOTHER_LOG;
    } else if (code != SQLITE_DONE) {
        result = index_failed(index, code);
    }
    sqlite3_reset(find);
    if (result != INDEX_OK || code == SQLITE_ROW) {
        return result;
    }
    result = index_begin(index);
    if (result == INDEX_OK) {
        result = bind_numbers(index, add, (const uint64_t[]){log}, 1);
    }
    if (result == INDEX_OK) {
        sqlite3_bind_blob(add, 2, header->log, AUDIT_LOG_ID_OCTETS, SQLITE_STATIC);
        result = index_do(index, add);
    }
    return result;
}

static enum index_result note_block(struct index *index, unsigned log,
                                    const struct audit_header *header, bool removed)
{
    sqlite3_stmt *add = index->fixed[INDEX_ADD_BLOCK];
    uint8_t leaf[DIGEST_OCTETS];
    enum index_result result = index_begin(index);

    leaf_of(header, leaf);
    if (result == INDEX_OK) {
        result =
            bind_numbers(index, add,
                         (const uint64_t[]){log, header->number, header->file, header->stream,
                                            header->first_event, header->events,
                                            header->first_us, header->last_us},
                         8);
    }
    if (result != INDEX_OK) {
        return result;
    }
    sqlite3_bind_blob(add, 9, leaf, DIGEST_OCTETS, SQLITE_STATIC);
    sqlite3_bind_int(add, 10, removed ? 1 : 0);
    index->held += INDEX_HELD_BLOCK;
    return index_do(index, add);
}

/* A block that the index has was removed from the log. */
static enum index_result take_out(struct index *index, unsigned log,
                                  const struct audit_header *header)
{
    sqlite3_stmt *gone = index->gone[header->stream];
    sqlite3_stmt *mark = index->fixed[INDEX_BLOCK_GONE];
    enum index_result result = index_begin(index);

    if (result == INDEX_OK) {
        result = bind_numbers(
            index, gone,
            (const uint64_t[]){log, header->first_event, header->first_event + header->events},
            3);
    }
    if (result == INDEX_OK) {
        result = index_do(index, gone);
    }
    if (result == INDEX_OK) {
        index->removed += (uint64_t)sqlite3_changes64(index->db);
        index->held += header->events + INDEX_HELD_BLOCK;
        result = bind_numbers(index, mark, (const uint64_t[]){log, header->number}, 2);
    }
    if (result == INDEX_OK) {
        result = index_do(index, mark);
    }
    if (result == INDEX_OK) {
        result = index_do(index, index->fixed[INDEX_MARK]);
    }
    return result == INDEX_OK ? index_end(index, false) : result;
}

/* Before the first block that is new: those that the index has have all been met. */
static enum index_result compare_before(struct index *index, unsigned log, uint64_t number)
{
    sqlite3_stmt *count = index->fixed[INDEX_COUNT_BEFORE];
    int64_t there = 0;
    bool found = false;
    enum index_result result = bind_numbers(index, count, (const uint64_t[]){log, number}, 2);

    if (result == INDEX_OK) {
        result = index_number(index, count, &found, &there);
    }
    index->compared = true;
    return result == INDEX_OK && (uint64_t)there > index->seen ? INDEX_MISSING : result;
}

/* What the index has of this block. */
static enum index_result find_block(struct index *index, unsigned log,
                                    const struct audit_header *header, bool *known,
                                    bool *was_removed)
{
    sqlite3_stmt *find = index->fixed[INDEX_FIND_BLOCK];
    uint8_t leaf[DIGEST_OCTETS];
    enum index_result result =
        bind_numbers(index, find, (const uint64_t[]){log, header->number}, 2);

    if (result != INDEX_OK) {
        return result;
    }
    const int code = sqlite3_step(find);
    *known = code == SQLITE_ROW;
    if (*known) {
        leaf_of(header, leaf);
        *was_removed = sqlite3_column_int(find, 0) != 0;
        result = has_octets(find, 1, leaf, DIGEST_OCTETS) ? INDEX_OK : INDEX_CHANGED;
    } else if (code != SQLITE_DONE) {
        result = index_failed(index, code);
    }
    sqlite3_reset(find);
    return result;
}

enum index_result index_meet(struct index *index, unsigned log,
                             const struct audit_header *header, bool removed, bool *wanted)
{
    bool known = false;
    bool was_removed = false;
    enum index_result result = INDEX_OK;

    *wanted = false;
    if (log != index->log) {
        index->log = log;
        index->seen = 0;
        index->compared = false;
        result = enter_log(index, log, header);
    }
    if (result == INDEX_OK) {
        result = find_block(index, log, header, &known, &was_removed);
    }
    if (result != INDEX_OK) {
        return result;
    }
    /* Of one that was removed and is there again, the events are taken as those of a new one.
     */
    if (known && (removed || !was_removed)) {
        index->seen++;
        index->seen_all++;
        return removed && !was_removed ? take_out(index, log, header) : INDEX_OK;
    }
    if (known) {
        index->seen++;
        index->seen_all++;
    } else if (!index->compared) {
        result = compare_before(index, log, header->number);
    }
    if (result == INDEX_OK && removed) {
        result = note_block(index, log, header, true);
        return result == INDEX_OK ? index_end(index, false) : result;
    }
    *wanted = result == INDEX_OK;
    return result;
}

/* The event as JSON, for streams that have it. */
static int bind_json(struct index *index, sqlite3_stmt *insert, int at,
                     const struct audit_row *row, const struct audit_id *id)
{
    struct text text;

    text_init(&text, index->words, INDEX_WORDS_MAX);
    audit_row_json(row, id, &text);
    return text.overflow
               ? SQLITE_TOOBIG
               : sqlite3_bind_text(insert, at, text.at, (int)text.len, SQLITE_TRANSIENT);
}

static enum index_result bind_field(struct index *index, sqlite3_stmt *insert, int at,
                                    const struct index_field *field,
                                    const struct audit_block *block, uint32_t i,
                                    const struct audit_row *row)
{
    enum index_result result = INDEX_OK;
    int64_t id = 0;
    struct text text;
    int code = SQLITE_OK;

    if (field->how >= INDEX_WORD) {
        result = index_word(index, field, block, i, row, &id);
        code = sqlite3_bind_int64(insert, at, id);
    } else if (!audit_row_has(row, field->column)) {
        code = sqlite3_bind_null(insert, at);
    } else if (field->how == INDEX_TEXT) {
        text_init(&text, index->words, INDEX_WORDS_MAX);
        audit_row_show(row, field->column, &text);
        code = sqlite3_bind_text(insert, at, text.at, (int)text.len, SQLITE_TRANSIENT);
    } else {
        code = sqlite3_bind_int64(insert, at, (int64_t)audit_row_get(row, field->column));
    }
    return result != INDEX_OK  ? result
           : code != SQLITE_OK ? index_failed(index, code)
                               : INDEX_OK;
}

static enum index_result add_event(struct index *index, const struct audit_id *id,
                                   const struct audit_block *block, uint32_t i)
{
    const struct index_stream *stream = &index_streams[id->stream];
    sqlite3_stmt *insert = index->insert[id->stream];
    struct audit_row row;

    audit_block_row(block, i, &row);
    enum index_result result = bind_numbers(
        index, insert, (const uint64_t[]){id->log, id->event, audit_row_get(&row, AUDIT_TIME)},
        3);
    for (size_t at = 0; at < stream->count && result == INDEX_OK; at++) {
        result = bind_field(index, insert, (int)at + 4, &stream->fields[at], block, i, &row);
    }
    if (result == INDEX_OK && id->stream == AUDIT_CHANGES) {
        const int code = bind_json(index, insert, (int)stream->count + 4, &row, id);

        result = code == SQLITE_OK ? INDEX_OK : index_failed(index, code);
    }
    return result == INDEX_OK ? index_do(index, insert) : result;
}

enum index_result index_add(struct index *index, unsigned log,
                            const struct audit_header *header, struct audit_block *block,
                            bool *bad)
{
    const enum audit_stream stream = (enum audit_stream)header->stream;
    int64_t number = 0;
    bool found = false;

    *bad = audit_block_load(block, UINT64_MAX) != 0;
    if (*bad) {
        return INDEX_OK;
    }
    enum index_result result = bind_numbers(
        index, index->overlap[stream],
        (const uint64_t[]){log, header->first_event, header->first_event + header->events}, 3);
    if (result == INDEX_OK) {
        result = index_number(index, index->overlap[stream], &found, &number);
    }
    if (result != INDEX_OK || found) {
        *bad = found;
        return result;
    }
    result = index_words_begin(index, &index_streams[stream], block) ? index_begin(index)
                                                                     : INDEX_NO_MEMORY;
    for (uint32_t i = 0; i < header->events && result == INDEX_OK; i++) {
        const struct audit_id id = {log, stream, header->first_event + i};

        result = add_event(index, &id, block, i);
    }
    if (result == INDEX_OK) {
        result = note_block(index, log, header, false);
    }
    if (result != INDEX_OK) {
        return result;
    }
    index->added[stream] += header->events;
    index->held += header->events;
    return index_end(index, false);
}

static enum index_result ask(struct index *index, const char *sql, uint64_t *out)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    bool found = false;
    enum index_result result = index_prepare(index, sql, &statement);

    if (result == INDEX_OK) {
        result = index_number(index, statement, &found, &number);
    }
    sqlite3_finalize(statement);
    *out = found ? (uint64_t)number : 0;
    return result;
}

/* Texts of what was removed, in a transaction of their own. */
static enum index_result collect(struct index *index)
{
    uint64_t wanted = 0;
    enum index_result result = ask(index, "SELECT to_collect FROM state", &wanted);

    if (result != INDEX_OK || wanted == 0) {
        return result;
    }
    result = index_begin(index);
    if (result == INDEX_OK) {
        result = index_words_collect(index);
    }
    if (result == INDEX_OK) {
        result = index_run(index, "UPDATE state SET to_collect = 0");
    }
    return result == INDEX_OK ? index_end(index, true) : result;
}

static bool has_changed(const struct index *index)
{
    uint64_t events = index->removed;

    for (unsigned i = 1; i <= AUDIT_STREAMS; i++) {
        events += index->added[i];
    }
    return events > 0;
}

enum index_result index_finish(struct index *index, bool whole)
{
    enum index_result result = index_end(index, true);

    if (result == INDEX_OK) {
        result = collect(index);
    }
    if (result == INDEX_OK && has_changed(index)) {
        /* For the planner of SQLite; bounded, and then no values are among it. */
        result = index_run(index, "PRAGMA analysis_limit = 1000; ANALYZE;");
    }
    return result == INDEX_OK && whole && index->seen_all < index->before ? INDEX_MISSING
                                                                          : result;
}

enum index_result index_stats(struct index *index, struct index_stats *out)
{
    enum index_result result = ask(index, "SELECT count(*) FROM logs", &out->logs);
    char sql[128];
    struct stat status;

    if (result == INDEX_OK) {
        result = ask(index, "SELECT count(*) FROM blocks", &out->blocks);
    }
    for (unsigned i = 1; i <= AUDIT_STREAMS && result == INDEX_OK; i++) {
        snprintf(sql, sizeof(sql),
                 "SELECT total(events) FROM blocks WHERE stream = %u AND NOT removed", i);
        result = ask(index, sql, &out->events[i]);
        out->added[i] = index->added[i];
    }
    if (result == INDEX_OK) {
        result = ask(index, "SELECT max(last_us) FROM blocks WHERE NOT removed", &out->last_us);
    }
    out->removed = index->removed;
    out->octets = stat(index->at, &status) == 0 ? (uint64_t)status.st_size : 0;
    return result;
}
