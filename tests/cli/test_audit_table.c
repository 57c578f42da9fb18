/* cli/audit_table: whatever a kind of change has can be read in the table, in CSV and JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/change.h"
#include "audit/removal.h"
#include "cli/audit_table.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))
#define TIME_US      UINT64_C(1795339800123456) /* 2026-11-22T09:30:00Z */
#define TIME_S       (TIME_US / 1000000)
#define COLUMNS_MAX  24

#define ACTOR AUDIT_BY, AUDIT_UID, AUDIT_USER, AUDIT_PID, AUDIT_REASON
#define OF_CHANGE                                                                       \
    ACTOR, AUDIT_SCOPE, AUDIT_MATCH, AUDIT_VIEW, AUDIT_ID, AUDIT_TICKET, AUDIT_LICENCE, \
        AUDIT_APPROVER, AUDIT_FILE, AUDIT_FROM, AUDIT_UNTIL, AUDIT_KEPT

/* The kinds of docs/audit-log.md, with what each has there. */
static const struct kind {
    const char *event, *what;
    enum audit_column columns[COLUMNS_MAX];
} kinds[] = {
    {"change", "start", {AUDIT_BY, AUDIT_VERSION, AUDIT_FILE, AUDIT_REASON}},
    {"change", "stop", {AUDIT_BY, AUDIT_VERSION, AUDIT_REASON}},
    {"change", "configuration", {ACTOR, AUDIT_DIGEST, AUDIT_FILE}},
    {"change", "reload-refused", {AUDIT_BY, AUDIT_REASON, AUDIT_SUBJECT, AUDIT_FILE}},
    {"change",
     "list-in-force",
     {AUDIT_BY, AUDIT_LIST, AUDIT_SERIAL, AUDIT_DIGEST, AUDIT_SUBJECT, AUDIT_PUBLISHER,
      AUDIT_VERSION, AUDIT_BEFORE, AUDIT_GENERATION}},
    {"change", "list-gone", {AUDIT_BY, AUDIT_LIST, AUDIT_SERIAL, AUDIT_DIGEST}},
    {"list",
     "list-state",
     {AUDIT_LIST, AUDIT_STATE, AUDIT_PUBLISHER, AUDIT_SERIAL, AUDIT_DUE, AUDIT_DEAD}},
    {"exceptions",
     "exceptions-taken",
     {AUDIT_FILE, AUDIT_ID, AUDIT_SERIAL, AUDIT_FROM, AUDIT_UNTIL, AUDIT_COUNT, AUDIT_SUBJECT}},
    {"exceptions",
     "exceptions-refused",
     {AUDIT_FILE, AUDIT_ID, AUDIT_SERIAL, AUDIT_FROM, AUDIT_UNTIL, AUDIT_COUNT, AUDIT_SUBJECT,
      AUDIT_REASON}},
    {"trust", "acknowledged", {ACTOR, AUDIT_PUBLISHER, AUDIT_SUBJECT, AUDIT_FROM}},
    {"schedule",
     "schedule",
     {AUDIT_VIEW, AUDIT_SUBJECT, AUDIT_BEFORE, AUDIT_MODE, AUDIT_ACTION, AUDIT_STATE}},
    {"change", "audit-key", {AUDIT_BY, AUDIT_SUBJECT}},
    {"change", "log-begun", {AUDIT_BY, AUDIT_FILE, AUDIT_REASON}},
    {"change", "sink-lost", {AUDIT_BY, AUDIT_SUBJECT, AUDIT_COUNT, AUDIT_STATE, AUDIT_REASON}},
    {"change", "clock-set", {AUDIT_BY, AUDIT_FROM, AUDIT_TO}},
    {"change", AUDIT_KEYS_DESTROYED, {ACTOR, AUDIT_COUNT, AUDIT_FROM, AUDIT_TO, AUDIT_CAUSE}},
    {"change",
     "gap",
     {AUDIT_BY, AUDIT_STREAM, AUDIT_COUNT, AUDIT_CAUSE, AUDIT_ERROR, AUDIT_FROM, AUDIT_TO}},
    {"change",
     "removed",
     {ACTOR, AUDIT_CAUSE, AUDIT_STREAM, AUDIT_COUNT, AUDIT_FROM, AUDIT_TO}},
    {"change", "pause-begun", {OF_CHANGE, AUDIT_LIST}},
    {"change", "exception-added", {OF_CHANGE, AUDIT_SUBJECT}},
    {"change", "exception-rule-gone", {OF_CHANGE, AUDIT_RULE}},
    {"change", "list-rolled-back", {ACTOR, AUDIT_KEPT, AUDIT_LIST, AUDIT_SERIAL, AUDIT_BEFORE}},
    {"change",
     "stage-advanced",
     {ACTOR, AUDIT_KEPT, AUDIT_LIST, AUDIT_SERIAL, AUDIT_BEFORE, AUDIT_STATE}},
};

static bool is_in_micros(const char *what)
{
    return strcmp(what, "gap") == 0 || strcmp(what, "clock-set") == 0 ||
           strcmp(what, AUDIT_KEYS_DESTROYED) == 0;
}

/* A value that nothing else has, and how it is shown: in words. */
static void set(struct audit_row *row, const struct kind *kind, enum audit_column column,
                char value[64], char shown[64])
{
    static const uint8_t digest[DIGEST_OCTETS] = {0xab, 0xcd, 0xef};
    uint64_t number = 1000u + column;

    snprintf(shown, 64, "%llu", (unsigned long long)number);
    switch ((int)column) {
    case AUDIT_KEPT:
        number = 1;
        strcpy(shown, "true");
        break;
    case AUDIT_STREAM:
        number = AUDIT_QUERIES;
        strcpy(shown, "queries");
        break;
    case AUDIT_UNTIL:
    case AUDIT_DUE:
    case AUDIT_FROM:
    case AUDIT_TO:
        if (strcmp(kind->what, "removed") == 0) {
            break;
        }
        number = (TIME_S + column) * (is_in_micros(kind->what) ? 1000000 : 1);
        snprintf(shown, 64, "2026-11-22T09:30:%02u", (unsigned)column);
        break;
    case AUDIT_BEFORE: /* of a list it is a number in words */
        strcpy(value, "4711");
        strcpy(shown, value);
        break;
    case AUDIT_DIGEST:
        audit_row_octets(row, column, digest, sizeof(digest));
        strcpy(shown, "abcdef0000");
        return;
    default:
        break;
    }
    if (audit_column_kind(column) == AUDIT_NUMBER) {
        audit_row_number(row, column, number);
        return;
    }
    if (column != AUDIT_BEFORE) {
        snprintf(value, 64, "the-%s-of-it", audit_column_word(column));
        strcpy(shown, value);
    }
    audit_row_text(row, column, value);
}

enum form {
    TABLE,
    CSV,
    JSON
};

static char *write_row(const struct audit_row *row, enum form form)
{
    static const struct audit_id id = {.log = 1, .stream = AUDIT_CHANGES, .event = 7};
    char *out = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&out, &len);

    assert_non_null(file);
    if (form == TABLE) {
        struct cli_audit_table table = {.width = 0};

        cli_audit_table_row(&table, row, &id, file);
    } else if (form == CSV) {
        cli_audit_csv_row(row, &id, file);
    } else {
        char room[8192];
        struct text text;

        text_init(&text, room, sizeof(room));
        audit_row_json(row, &id, &text);
        assert_false(text.overflow);
        fputs(room, file);
    }
    fclose(file);
    return out;
}

static void all_of_a_change_can_be_read(void **state)
{
    static const char *const names[] = {[TABLE] = "table", [CSV] = "CSV", [JSON] = "JSON"};

    (void)state;
    for (size_t i = 0; i < ITEMS(kinds); i++) {
        const struct kind *kind = &kinds[i];
        struct audit_row row = {.present = 0};
        char values[COLUMNS_MAX][64];
        char shown[COLUMNS_MAX][64];

        audit_row_number(&row, AUDIT_TIME, TIME_US);
        audit_row_text(&row, AUDIT_EVENT, kind->event);
        audit_row_text(&row, AUDIT_WHAT, kind->what);
        for (size_t k = 0; k < COLUMNS_MAX && kind->columns[k] != 0; k++) {
            set(&row, kind, kind->columns[k], values[k], shown[k]);
        }
        for (enum form form = TABLE; form <= JSON; form++) {
            char *text = write_row(&row, form);

            for (size_t k = 0; k < COLUMNS_MAX && kind->columns[k] != 0; k++) {
                const enum audit_column column = kind->columns[k];
                const bool is_for_machines =
                    column == AUDIT_DIGEST || column == AUDIT_PID ||
                    column == AUDIT_GENERATION || column == AUDIT_UID ||
                    (column == AUDIT_BY && kind->columns[1] == AUDIT_UID);

                if ((form != TABLE || !is_for_machines) && strstr(text, shown[k]) == NULL) {
                    fail_msg("%s: %s (%s) is not in the %s: %s", kind->what,
                             audit_column_word(column), shown[k], names[form], text);
                }
            }
            free(text);
        }
    }
}

static void a_clock_is_shown_with_how_far_it_went(void **state)
{
    static const struct {
        uint64_t from, to;
        const char *words;
    } rows[] = {
        {TIME_US, TIME_US + UINT64_C(3600000000), "forward by 3600.000 s, from 2026-"},
        {TIME_US, TIME_US - 2500000, "back by 2.500 s, from 2026-"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct audit_row row = {.present = 0};

        audit_row_number(&row, AUDIT_TIME, TIME_US);
        audit_row_text(&row, AUDIT_EVENT, "change");
        audit_row_text(&row, AUDIT_WHAT, "clock-set");
        audit_row_number(&row, AUDIT_FROM, rows[i].from);
        audit_row_number(&row, AUDIT_TO, rows[i].to);
        char *text = write_row(&row, TABLE);

        assert_non_null(strstr(text, rows[i].words));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_a_change_can_be_read),
        cmocka_unit_test(a_clock_is_shown_with_how_far_it_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
