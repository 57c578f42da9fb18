#include "cli/audit_table.h"

#include "base/utf8.h"
#include "cli/safe.h"
#include "cli/terminal.h"
#include "dossier/render.h"

#include <string.h>
#include <unistd.h>

/* A column of any event, at most: of a chain of 17 names, each octet escaped. */
#define CELL_MAX 32768u

/* Below this a terminal has no room for the year and seconds of a time. */
#define WIDE 110u

struct layout {
    unsigned time, id, client, deed, name, type, ground;
    enum cli_audit_cut cut;
};

void cli_audit_table_init(struct cli_audit_table *table)
{
    unsigned rows = 0;

    *table = (struct cli_audit_table){.width = 0};
    if (isatty(STDOUT_FILENO) == 1) {
        terminal_size(&table->width, &rows);
    }
}

static struct layout layout_of(const struct cli_audit_table *table)
{
    struct layout layout = {19, 8, 15, 12, 40, 5, 30, CLI_CUT_NOT};

    if (table->width == 0) {
        return layout;
    }
    layout.cut = CLI_CUT_RIGHT;
    if (table->width < WIDE) {
        layout = (struct layout){14, 6, 13, 9, 0, 5, 0, CLI_CUT_RIGHT};
    }
    const unsigned fixed =
        layout.time + layout.id + layout.client + layout.deed + layout.type + 6;
    const unsigned rest = table->width > fixed + 20 ? table->width - fixed : 20;
    layout.name = rest / 2;
    layout.ground = rest - layout.name;
    return layout;
}

/* Columns that a text takes: one for each character of it. */
static unsigned columns_of(const char *octets, size_t len)
{
    unsigned columns = 0;

    for (size_t i = 0; i < len; i++) {
        columns += ((uint8_t)octets[i] & 0xc0) != 0x80;
    }
    return columns;
}

void cli_audit_cell(struct text *line, const char *octets, size_t len, unsigned width,
                    enum cli_audit_cut cut)
{
    unsigned columns = columns_of(octets, len);

    if (cut != CLI_CUT_NOT && columns > width && width > 0) {
        const unsigned drop = columns - width + 1;

        if (cut == CLI_CUT_LEFT) {
            for (unsigned i = 0; i < drop; i++) {
                do {
                    octets++;
                    len--;
                } while (len > 0 && ((uint8_t)*octets & 0xc0) == 0x80);
            }
            text_add(line, "~");
            text_add_octets(line, octets, len);
        } else {
            for (unsigned i = 0; i < drop; i++) {
                do {
                    len--;
                } while (len > 0 && ((uint8_t)octets[len] & 0xc0) == 0x80);
            }
            text_add_octets(line, octets, len);
            text_add(line, "~");
        }
        return;
    }
    text_add_octets(line, octets, len);
    for (; columns < width; columns++) {
        text_add(line, " ");
    }
}

static void put(struct text *line, const struct text *raw, unsigned width,
                enum cli_audit_cut cut)
{
    char safe[CELL_MAX];
    struct text words;

    text_init(&words, safe, sizeof(safe));
    cli_safe_words(&words, raw->at, raw->len);
    if (line->len > 0) {
        text_add(line, " ");
    }
    cli_audit_cell(line, safe, words.len, width, cut);
}

static void show_time(const struct audit_row *row, unsigned width, struct text *out)
{
    char whole[64];
    struct text time;

    text_init(&time, whole, sizeof(whole));
    audit_row_show(row, AUDIT_TIME, &time);
    if (time.len < 19) {
        return;
    }
    whole[10] = ' ';
    text_add_octets(out, width < 19 ? whole + 5 : whole, width < 19 ? 14 : 19);
}

/* Who: of a question the client, of a change the user or the daemon. */
static void show_who(const struct audit_row *row, struct text *out)
{
    audit_row_show(row,
                   audit_row_has(row, AUDIT_CLIENT) ? AUDIT_CLIENT
                   : audit_row_has(row, AUDIT_USER) ? AUDIT_USER
                                                    : AUDIT_BY,
                   out);
}

/* The column that says what a row is about; AUDIT_TIME: none does. */
static enum audit_column about_of(const struct audit_row *row)
{
    static const enum audit_column of_change[] = {AUDIT_LIST, AUDIT_RULE, AUDIT_SUBJECT,
                                                  AUDIT_FILE, AUDIT_VIEW, AUDIT_CAUSE};

    if (audit_row_has(row, AUDIT_NAME)) {
        return AUDIT_NAME;
    }
    if (audit_row_says(row, AUDIT_EVENT, "exceptions") && audit_row_has(row, AUDIT_FILE)) {
        return AUDIT_FILE; /* its subject are keys */
    }
    if (audit_row_says(row, AUDIT_EVENT, "schedule") && audit_row_has(row, AUDIT_VIEW)) {
        return AUDIT_VIEW;
    }
    for (size_t i = 0; i < sizeof(of_change) / sizeof(of_change[0]); i++) {
        if (audit_row_has(row, of_change[i])) {
            return of_change[i];
        }
    }
    return AUDIT_TIME;
}

static void show_about(const struct audit_row *row, struct text *out)
{
    const enum audit_column about = about_of(row);

    if (about != AUDIT_TIME) {
        audit_row_show(row, about, out);
    }
}

static void add_word(struct text *out, const struct audit_value *word)
{
    if (word->octets != NULL) {
        text_add(out, out->len > 0 ? " " : "");
        text_add_octets(out, (const char *)word->octets, word->number);
    }
}

/* How far, and in which direction. */
static void add_clock(const struct audit_row *row, struct text *out)
{
    const uint64_t from = audit_row_get(row, AUDIT_FROM);
    const uint64_t to = audit_row_get(row, AUDIT_TO);
    const uint64_t far_us = to > from ? to - from : from - to;

    text_printf(out, "%s by %llu.%03llu s", to > from ? "forward" : "back",
                (unsigned long long)(far_us / 1000000),
                (unsigned long long)(far_us / 1000 % 1000));
}

/* Of a change, why, and then everything else that it has; numbers for machines are in JSON and
 * CSV alone. */
static void show_change(const struct audit_row *row, struct text *out)
{
    static const enum audit_column rest[] = {
        AUDIT_STATE,  AUDIT_VERSION, AUDIT_SERIAL,   AUDIT_SUBJECT, AUDIT_BEFORE,
        AUDIT_COUNT,  AUDIT_STREAM,  AUDIT_CAUSE,    AUDIT_ERROR,   AUDIT_FROM,
        AUDIT_TO,     AUDIT_UNTIL,   AUDIT_DUE,      AUDIT_DEAD,    AUDIT_PUBLISHER,
        AUDIT_MODE,   AUDIT_ACTION,  AUDIT_VIEW,     AUDIT_MATCH,   AUDIT_SCOPE,
        AUDIT_TICKET, AUDIT_LICENCE, AUDIT_APPROVER, AUDIT_ID,      AUDIT_KEPT,
        AUDIT_FILE,
    };
    const enum audit_column about = about_of(row);

    audit_row_show(row, AUDIT_REASON, out);
    if (audit_row_says(row, AUDIT_WHAT, "clock-set")) {
        add_clock(row, out);
    }
    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
        if (!audit_row_has(row, rest[i]) || rest[i] == about) {
            continue;
        }
        text_add(out, out->len > 0 ? ", " : "");
        text_add(out, audit_column_word(rest[i]));
        text_add(out, " ");
        audit_row_show(row, rest[i], out);
    }
}

/* On what ground: of a decision the class of the legal status, which stands first so that no
 * narrow terminal cuts it, and the provider that it is about. */
static void show_ground(const struct audit_row *row, struct text *out)
{
    struct audit_basis_view basis;

    if (audit_row_basis(row, &basis)) {
        add_word(out, &basis.word[AUDIT_BASIS_STATUS_CLASS]);
        add_word(out, &basis.word[AUDIT_BASIS_PROVIDER]);
    } else if (audit_row_has(row, AUDIT_ACTION) && !audit_row_has(row, AUDIT_WHAT)) {
        audit_row_show(row, AUDIT_EVENT, out);
    } else if (audit_row_has(row, AUDIT_WHAT)) {
        show_change(row, out);
    }
}

static void put_head(const struct layout *layout, FILE *out)
{
    const struct {
        const char *word;
        unsigned width;
    } heads[] = {{"TIME (UTC)", layout->time},
                 {"ID", layout->id},
                 {"WHO", layout->client},
                 {"WHAT", layout->deed},
                 {"ABOUT", layout->name},
                 {"TYPE", layout->type},
                 {"GROUND", 0}};
    char buffer[CELL_MAX];
    struct text line;

    text_init(&line, buffer, sizeof(buffer));
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        text_add(&line, line.len > 0 ? " " : "");
        cli_audit_cell(&line, heads[i].word, strlen(heads[i].word), heads[i].width,
                       layout->cut);
    }
    fprintf(out, "%s\n", buffer);
}

void cli_audit_table_row(struct cli_audit_table *table, const struct audit_row *row,
                         const struct audit_id *id, FILE *out)
{
    const struct layout layout = layout_of(table);
    char buffer[4 * CELL_MAX];
    char raw[CELL_MAX];
    struct text line;
    struct text cell;

    if (!table->begun) {
        put_head(&layout, out);
        table->begun = true;
    }
    text_init(&line, buffer, sizeof(buffer));
    text_init(&cell, raw, sizeof(raw));
    show_time(row, layout.time, &cell);
    put(&line, &cell, layout.time, CLI_CUT_NOT);
    cell.len = audit_id_format(id, raw);
    put(&line, &cell, layout.id, CLI_CUT_NOT);
    text_init(&cell, raw, sizeof(raw));
    show_who(row, &cell);
    put(&line, &cell, layout.client, layout.cut);
    text_init(&cell, raw, sizeof(raw));
    audit_row_show_deed(row, &cell);
    put(&line, &cell, layout.deed, layout.cut);
    text_init(&cell, raw, sizeof(raw));
    show_about(row, &cell);
    put(&line, &cell, layout.name, layout.cut == CLI_CUT_NOT ? CLI_CUT_NOT : CLI_CUT_LEFT);
    text_init(&cell, raw, sizeof(raw));
    audit_row_show(row, AUDIT_TYPE, &cell);
    put(&line, &cell, layout.type, layout.cut);
    text_init(&cell, raw, sizeof(raw));
    show_ground(row, &cell);
    put(&line, &cell,
        layout.cut == CLI_CUT_NOT || columns_of(raw, cell.len) < layout.ground ? 0
                                                                               : layout.ground,
        layout.cut);
    while (line.len > 0 && buffer[line.len - 1] == ' ') {
        buffer[--line.len] = '\0';
    }
    fprintf(out, "%s\n", buffer);
}

/*
 * CSV.
 */

struct csv_column {
    const char *head;
    enum audit_column column;
    int basis; /* a word of the basis in place of a column; -1: none */
};

static const struct csv_column csv_columns[] = {
    {"time", AUDIT_TIME, -1},
    {"event", AUDIT_EVENT, -1},
    {"what", AUDIT_WHAT, -1},
    {"client", AUDIT_CLIENT, -1},
    {"client_port", AUDIT_CLIENT_PORT, -1},
    {"transport", AUDIT_TRANSPORT, -1},
    {"view", AUDIT_VIEW, -1},
    {"name", AUDIT_NAME, -1},
    {"type", AUDIT_TYPE, -1},
    {"rcode", AUDIT_RCODE, -1},
    {"action", AUDIT_ACTION, -1},
    {"mode", AUDIT_MODE, -1},
    {"applied", AUDIT_APPLIED, -1},
    {"paused", AUDIT_PAUSED, -1},
    {"state", AUDIT_STATE, -1},
    {"exception", AUDIT_EXCEPTION, -1},
    {"exception_id", AUDIT_ID, -1},
    {"ticket", AUDIT_TICKET, -1},
    {"licence", AUDIT_LICENCE, -1},
    {"approver", AUDIT_APPROVER, -1},
    {"provider", AUDIT_BASIS, AUDIT_BASIS_PROVIDER},
    {"provider_name", AUDIT_BASIS, AUDIT_BASIS_PROVIDER_NAME},
    {"parent_name", AUDIT_BASIS, AUDIT_BASIS_PARENT_NAME},
    {"status_class", AUDIT_BASIS, AUDIT_BASIS_STATUS_CLASS},
    {"status_entity", AUDIT_BASIS, AUDIT_BASIS_STATUS_ENTITY},
    {"status_authority", AUDIT_BASIS, AUDIT_BASIS_STATUS_AUTHORITY},
    {"status_citation", AUDIT_BASIS, AUDIT_BASIS_STATUS_CITATION},
    {"status_effective", AUDIT_BASIS, AUDIT_BASIS_STATUS_EFFECTIVE},
    {"status_state", AUDIT_BASIS, AUDIT_BASIS_STATUS_STATE},
    {"status_checked", AUDIT_BASIS, AUDIT_BASIS_STATUS_CHECKED},
    {"list", AUDIT_LIST, AUDIT_BASIS_LIST},
    {"serial", AUDIT_SERIAL, -1},
    {"rule", AUDIT_RULE, -1},
    {"category", AUDIT_CATEGORY, -1},
    {"scope", AUDIT_SCOPE, -1},
    {"confidence", AUDIT_CONFIDENCE, -1},
    {"trigger", AUDIT_TRIGGER, -1},
    {"matched", AUDIT_MATCHED, -1},
    {"hop", AUDIT_HOP, -1},
    {"chain", AUDIT_CHAIN, -1},
    {"upstream", AUDIT_UPSTREAM, -1},
    {"cached", AUDIT_CACHED, -1},
    {"latency_us", AUDIT_LATENCY, -1},
    {"ede", AUDIT_EDE, -1},
    {"by", AUDIT_BY, -1},
    {"uid", AUDIT_UID, -1},
    {"user", AUDIT_USER, -1},
    {"reason", AUDIT_REASON, -1},
    {"subject", AUDIT_SUBJECT, -1},
    {"before", AUDIT_BEFORE, -1},
    {"digest", AUDIT_DIGEST, -1},
    {"stream", AUDIT_STREAM, -1},
    {"count", AUDIT_COUNT, -1},
    {"cause", AUDIT_CAUSE, -1},
    {"from", AUDIT_FROM, -1},
    {"to", AUDIT_TO, -1},
    {"until", AUDIT_UNTIL, -1},
    {"stale", AUDIT_STALE, -1},
    {"file", AUDIT_FILE, -1},
    {"version", AUDIT_VERSION, -1},
    {"publisher", AUDIT_PUBLISHER, -1},
    {"due", AUDIT_DUE, -1},
    {"dead", AUDIT_DEAD, -1},
    {"generation", AUDIT_GENERATION, -1},
    {"match", AUDIT_MATCH, -1},
    {"kept", AUDIT_KEPT, -1},
    {"pid", AUDIT_PID, -1},
    {"error", AUDIT_ERROR, -1},
    {"redirect", AUDIT_REDIRECT, -1},
};
#define CSV_COLUMNS (sizeof(csv_columns) / sizeof(csv_columns[0]))

void cli_audit_csv_head(FILE *out)
{
    fputs("id", out);
    for (size_t i = 0; i < CSV_COLUMNS; i++) {
        fprintf(out, ",%s", csv_columns[i].head);
    }
    fputs("\r\n", out);
}

void cli_audit_csv_cell(const char *octets, size_t len, FILE *out)
{
    char safe[CELL_MAX];
    struct text words;

    text_init(&words, safe, sizeof(safe));
    cli_safe_words(&words, octets, len);
    const bool is_formula = dossier_is_formula(safe, words.len);
    if (!is_formula && strpbrk(safe, "\", ;") == NULL) {
        fputs(safe, out);
        return;
    }
    fputs(is_formula ? "\"'" : "\"", out);
    for (const char *at = safe; *at != '\0'; at++) {
        if (*at == '"') {
            fputc('"', out);
        }
        fputc(*at, out);
        if (*at == ';' && dossier_is_formula(at + 1, strlen(at + 1))) {
            fputc('\'', out);
        }
    }
    fputc('"', out);
}

/* What is matched may be an address, an exception a rule, and of a list that has decided the
 * serial stands in the basis. */
static void show_csv(const struct audit_row *row, const struct audit_basis_view *basis,
                     const struct csv_column *column, struct text *out)
{
    enum audit_column from = column->column;

    if (basis != NULL && column->basis >= 0) {
        add_word(out, &basis->word[column->basis]);
    } else if (basis != NULL && from == AUDIT_SERIAL) {
        text_add_uint(out, basis->serial);
    } else {
        from = from == AUDIT_MATCHED && audit_row_has(row, AUDIT_MATCHED_ADDRESS)
                   ? AUDIT_MATCHED_ADDRESS
                   : from;
        from = from == AUDIT_EXCEPTION && !audit_row_has(row, AUDIT_EXCEPTION) &&
                       audit_row_has(row, AUDIT_ACTION)
                   ? AUDIT_SUBJECT
                   : from;
        audit_row_show(row, from, out);
    }
}

void cli_audit_csv_row(const struct audit_row *row, const struct audit_id *id, FILE *out)
{
    struct audit_basis_view basis;
    const bool has_basis = audit_row_basis(row, &basis);
    char raw[CELL_MAX];
    struct text cell;

    audit_id_format(id, raw);
    fputs(raw, out);
    for (size_t i = 0; i < CSV_COLUMNS; i++) {
        text_init(&cell, raw, sizeof(raw));
        show_csv(row, has_basis ? &basis : NULL, &csv_columns[i], &cell);
        fputc(',', out);
        cli_audit_csv_cell(raw, cell.len, out);
    }
    fputs("\r\n", out);
}
