/* dossier/exceptions.c - exceptions: by whose word they are, and what they let through. */
#include "dossier/rows.h"

#include "base/tally.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define OF(field) offsetof(struct dossier_event, field)

static bool excepted(const struct dossier_event *event)
{
    return event->effect == DOSSIER_EXCEPTED;
}

#define ID                                                  \
    {                                                       \
        DOSSIER_PART_WORD, OF(id), "id", "exception", false \
    }

static const struct dossier_shape used = {
    .key = "used",
    .title = "Exceptions that were used",
    .words = "What each exception let through, with its words as they were recorded with every "
             "decision. Legal kinds are those of what it let through.",
    .wants = excepted,
    .parts = {ID,
              {DOSSIER_PART_NAME, OF(exception), "name", "for the name", true},
              {DOSSIER_PART_WORD, OF(subject), "rule", "for the rule", true},
              {DOSSIER_PART_WORD, OF(ticket), "ticket", "ticket", true},
              {DOSSIER_PART_WORD, OF(licence), "licence", "licence", true},
              {DOSSIER_PART_WORD, OF(approver), "approver", "approver", true}},
    .of = DOSSIER_OF_NAMES | DOSSIER_OF_CLIENTS,
    .chart = DOSSIER_BARS_LEGAL,
};

static const struct dossier_shape uses = {
    .key = "uses",
    .title = "What they let through",
    .words = "Names asked for, and whose list would have blocked them.",
    .wants = excepted,
    .parts = {ID,
              {DOSSIER_PART_NAME, OF(name), "name", "name asked", false},
              {DOSSIER_PART_LISTED, AUDIT_BASIS_PROVIDER, "provider", "provider", true},
              {DOSSIER_PART_LISTED, AUDIT_BASIS_LIST, "list", "list", true},
              {DOSSIER_PART_WORD, OF(rule), "rule", "rule", true}},
    .of = DOSSIER_OF_CLIENTS,
    .estimated = "uses_estimated",
};

static const struct dossier_shape users = {
    .key = "clients",
    .title = "Who used them",
    .words = "Clients as they are recorded: an address, a network, or a pseudonym of one day.",
    .wants = excepted,
    .parts = {ID, {DOSSIER_PART_CLIENT, OF(client), "client", "client", false}},
    .of = DOSSIER_OF_NAMES,
    .estimated = "clients_estimated",
};

static const struct dossier_shape moments = {
    .key = "times",
    .title = "Over time",
    .words = "What exceptions let through, by legal kind.",
    .wants = excepted,
    .parts = {{DOSSIER_PART_MOMENT, 0, "time", "from", false}},
    .of = DOSSIER_OF_CLIENTS,
    .order = DOSSIER_BY_KEY,
    .chart = DOSSIER_COLUMNS_LEGAL,
};

const struct dossier_shape *const dossier_used = &used;

static const struct dossier_row_column record[] = {
    {AUDIT_ID, DOSSIER_ROW_TEXT, "id", "exception", false},
    {AUDIT_SUBJECT, DOSSIER_ROW_TEXT, "name", "for the name", true},
    {AUDIT_MATCH, DOSSIER_ROW_TEXT, "match", "match", true},
    {AUDIT_RULE, DOSSIER_ROW_TEXT, "rule", "for the rule", true},
    {AUDIT_SCOPE, DOSSIER_ROW_TEXT, "scope", "scope", true},
    {AUDIT_VIEW, DOSSIER_ROW_TEXT, "view", "view", true},
    {AUDIT_TICKET, DOSSIER_ROW_TEXT, "ticket", "ticket", true},
    {AUDIT_LICENCE, DOSSIER_ROW_TEXT, "licence", "licence", true},
    {AUDIT_APPROVER, DOSSIER_ROW_TEXT, "approver", "approver", true},
    {AUDIT_REASON, DOSSIER_ROW_TEXT, "reason", "reason", true},
    {AUDIT_BY, DOSSIER_ROW_TEXT, "by", "by", true},
    {AUDIT_USER, DOSSIER_ROW_TEXT, "user", "user", true},
    {AUDIT_UID, DOSSIER_ROW_SERIAL, "uid", "uid", true},
    {AUDIT_FILE, DOSSIER_ROW_TEXT, "file", "file", true},
    {AUDIT_UNTIL, DOSSIER_ROW_SECONDS, "until", "until", true},
    {0, DOSSIER_ROW_TEXT, NULL, NULL, false},
};

/* How often each id was used, by the table of uses that is there already. */
struct use_counts {
    struct tally *ids;
    uint64_t counts[DOSSIER_KEYS_MAX];
};

static bool count_uses(const struct dossier *dossier, struct use_counts *all)
{
    const struct dossier_table *table = dossier_find(dossier, used.key);
    size_t decisions = 0;
    bool is_new = false;
    bool no_memory = false;

    while (strcmp(table->columns[decisions].key, "decisions") != 0) {
        decisions++;
    }
    for (size_t row = 0; row < dossier_rows(table); row++) {
        const struct dossier_cell *id = dossier_cell(table, row, 0);

        if (id->present) {
            const size_t number =
                tally_add(all->ids, id->text, id->number, &is_new, &no_memory);

            if (number != TALLY_NONE) {
                all->counts[number] += dossier_cell(table, row, decisions)->number;
            }
        }
    }
    return !no_memory;
}

static uint64_t uses_of(struct use_counts *all, const struct audit_value *id)
{
    bool is_new = false;
    bool no_memory = false;
    const size_t number =
        id->octets == NULL ? TALLY_NONE
                           : tally_add(all->ids, id->octets, id->number, &is_new, &no_memory);

    return number == TALLY_NONE ? 0 : all->counts[number];
}

int dossier_exceptions_table(struct dossier_making *making)
{
    const struct dossier_history *history = &making->history;
    struct dossier *dossier = making->dossier;
    struct use_counts *all = calloc(1, sizeof(*all));

    if (all == NULL || (all->ids = tally_create(DOSSIER_KEYS_MAX)) == NULL ||
        !count_uses(dossier, all)) {
        tally_destroy(all != NULL ? all->ids : NULL);
        free(all);
        return -ENOMEM;
    }
    dossier_table(
        dossier, "exceptions", "Exceptions on record",
        "Who made them, why, with what approval, from when to when, and how often they "
        "were used in the times of this report. Those of signed files appear here when "
        "they begin while the daemon runs; what they let through is in the table of "
        "uses in any case.")
        ->left_out = history->left_out[DOSSIER_SPAN_EXCEPTION];
    dossier_row_columns(dossier, record);
    dossier_span_columns(dossier);
    dossier_column(dossier, "uses", "used", DOSSIER_NUMBER);
    for (size_t i = 0; i < history->counts[DOSSIER_SPAN_EXCEPTION]; i++) {
        const struct dossier_span *span = &history->spans[DOSSIER_SPAN_EXCEPTION][i];
        struct audit_row row;

        if (dossier_span_row(span, &row) && dossier_span_counts(making, span)) {
            const struct audit_value id = dossier_row_text(&row, AUDIT_ID);

            dossier_row_cells(dossier, record, &row);
            dossier_span_cells(making, span);
            dossier_number(dossier, uses_of(all, &id));
        }
    }
    tally_destroy(all->ids);
    free(all);
    return 0;
}

int dossier_exceptions_fill(struct dossier_making *making)
{
    static const struct dossier_shape *const shapes[] = {&used, &moments, &uses, &users,
                                                         &dossier_bases};
    const int rc = dossier_shapes(making, shapes, sizeof(shapes) / sizeof(shapes[0]));

    return rc == 0 ? dossier_exceptions_table(making) : rc;
}
