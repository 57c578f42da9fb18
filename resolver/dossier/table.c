#include "dossier/table.h"

#include "base/invariant.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_OCTETS 65536u

struct dossier_chunk {
    struct dossier_chunk *next;
    size_t len, size;
    char at[];
};

struct dossier *dossier_create(const char *key, const char *title, const char *words)
{
    struct dossier *dossier = calloc(1, sizeof(*dossier));

    if (dossier != NULL) {
        dossier->key = key;
        dossier->title = title;
        dossier->words = words;
    }
    return dossier;
}

void dossier_destroy(struct dossier *dossier)
{
    if (dossier == NULL) {
        return;
    }
    for (size_t i = 0; i < dossier->table_count; i++) {
        free(dossier->tables[i].cells);
    }
    while (dossier->chunks != NULL) {
        struct dossier_chunk *next = dossier->chunks->next;

        free(dossier->chunks);
        dossier->chunks = next;
    }
    free(dossier);
}

const char *dossier_keep(struct dossier *dossier, const void *octets, size_t len)
{
    struct dossier_chunk *chunk = dossier->chunks;

    if (chunk == NULL || chunk->size - chunk->len < len) {
        const size_t size = len > CHUNK_OCTETS ? len : CHUNK_OCTETS;

        chunk = malloc(sizeof(*chunk) + size);
        if (chunk == NULL) {
            dossier->failed = true;
            return NULL;
        }
        *chunk = (struct dossier_chunk){.next = dossier->chunks, .size = size};
        dossier->chunks = chunk;
    }
    char *at = chunk->at + chunk->len;
    if (len > 0) {
        memcpy(at, octets, len);
    }
    chunk->len += len;
    return at;
}

__attribute__((format(printf, 3, 0))) static void keep_words(struct dossier *dossier,
                                                             struct dossier_fact *fact,
                                                             const char *format,
                                                             va_list arguments)
{
    char *words = NULL;
    const int len = vasprintf(&words, format, arguments);

    if (len < 0) {
        dossier->failed = true;
        return;
    }
    fact->text = dossier_keep(dossier, words, (size_t)len);
    fact->len = fact->text != NULL ? (size_t)len : 0;
    free(words);
}

void dossier_fact(struct dossier *dossier, const char *key, const char *title,
                  const char *format, ...)
{
    va_list arguments;

    invariant(dossier->fact_count < DOSSIER_FACTS_MAX);
    struct dossier_fact *fact = &dossier->facts[dossier->fact_count++];
    *fact = (struct dossier_fact){.key = key, .title = title};
    va_start(arguments, format);
    keep_words(dossier, fact, format, arguments);
    va_end(arguments);
}

void dossier_notice(struct dossier *dossier, const char *format, ...)
{
    va_list arguments;

    invariant(dossier->notice_count < DOSSIER_NOTICES_MAX);
    struct dossier_fact *notice = &dossier->notices[dossier->notice_count++];
    *notice = (struct dossier_fact){.key = "notice"};
    va_start(arguments, format);
    keep_words(dossier, notice, format, arguments);
    va_end(arguments);
}

struct dossier_table *dossier_table(struct dossier *dossier, const char *key, const char *title,
                                    const char *words)
{
    invariant(dossier->table_count < DOSSIER_TABLES_MAX);
    struct dossier_table *table = &dossier->tables[dossier->table_count++];

    *table = (struct dossier_table){.key = key, .title = title, .words = words};
    return table;
}

static struct dossier_table *last(struct dossier *dossier)
{
    invariant(dossier->table_count > 0);
    return &dossier->tables[dossier->table_count - 1];
}

struct dossier_column *dossier_column(struct dossier *dossier, const char *key,
                                      const char *title, enum dossier_kind kind)
{
    struct dossier_table *table = last(dossier);

    invariant(table->column_count < DOSSIER_COLUMNS_MAX && table->cell_count == 0);
    struct dossier_column *column = &table->columns[table->column_count++];
    *column = (struct dossier_column){.key = key, .title = title, .kind = kind};
    return column;
}

static void add(struct dossier *dossier, struct dossier_cell cell)
{
    struct dossier_table *table = last(dossier);

    if (dossier->failed) {
        return;
    }
    if (table->cell_count == table->cell_room) {
        const size_t room = table->cell_room == 0 ? 256 : 2 * table->cell_room;
        struct dossier_cell *cells = realloc(table->cells, room * sizeof(cells[0]));

        if (cells == NULL) {
            dossier->failed = true;
            return;
        }
        table->cells = cells;
        table->cell_room = room;
    }
    table->cells[table->cell_count++] = cell;
}

void dossier_text(struct dossier *dossier, const void *octets, size_t len)
{
    const char *text = dossier_keep(dossier, octets, len);

    add(dossier, (struct dossier_cell){.text = text, .number = len, .present = true});
}

void dossier_string(struct dossier *dossier, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        dossier_absent(dossier);
    } else {
        dossier_text(dossier, text, strlen(text));
    }
}

void dossier_at_least(struct dossier *dossier, uint64_t number, bool more)
{
    add(dossier, (struct dossier_cell){.number = number, .present = true, .more = more});
}

void dossier_number(struct dossier *dossier, uint64_t number)
{
    dossier_at_least(dossier, number, false);
}

void dossier_absent(struct dossier *dossier)
{
    add(dossier, (struct dossier_cell){.present = false});
}

size_t dossier_rows(const struct dossier_table *table)
{
    return table->column_count == 0 ? 0 : table->cell_count / table->column_count;
}

const struct dossier_cell *dossier_cell(const struct dossier_table *table, size_t row,
                                        size_t column)
{
    return &table->cells[row * table->column_count + column];
}

bool dossier_shows(const struct dossier_table *table, size_t column)
{
    const struct dossier_column *of = &table->columns[column];

    if (of->machine) {
        return false;
    }
    for (size_t row = 0; of->sparse && row < dossier_rows(table); row++) {
        const struct dossier_cell *cell = dossier_cell(table, row, column);

        if (cell->present && (of->kind == DOSSIER_TEXT || cell->number != 0)) {
            return true;
        }
    }
    return !of->sparse;
}

const struct dossier_table *dossier_find(const struct dossier *dossier, const char *key)
{
    for (size_t i = 0; i < dossier->table_count; i++) {
        if (strcmp(dossier->tables[i].key, key) == 0) {
            return &dossier->tables[i];
        }
    }
    return NULL;
}
