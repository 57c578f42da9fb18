/*
 * Reports: octets of a log as a stranger may have made them (rows in their canonical form, one
 * after the other, each with its length in two octets), shown in every form. The page has no
 * element and no attribute that a text made, and no form has a control character.
 */
#include "dossier/render.h"
#include "dossier/rows.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *render(void (*with)(const struct dossier *dossier, FILE *out),
                    const struct dossier *dossier)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL) {
        abort();
    }
    with(dossier, out);
    if (fclose(out) != 0 || strlen(text) != len) {
        abort();
    }
    return text;
}

static void render_csv(const struct dossier *dossier, FILE *out)
{
    dossier_render_csv(&dossier->tables[0], out);
}

static size_t count_of(const char *text, char what)
{
    size_t count = 0;

    for (; *text != '\0'; text++) {
        count += *text == what;
    }
    return count;
}

static void check_controls(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((uint8_t)*text < 0x20 && *text != '\n' && *text != '\r') {
            abort();
        }
    }
}

/* texts: those of the rows; else as many cells with a letter in each. */
static struct dossier *make(const uint8_t *data, size_t size, bool texts)
{
    static const struct dossier_row_column columns[] = {
        {AUDIT_WHAT, DOSSIER_ROW_TEXT, "what", "what", false},
        {AUDIT_REASON, DOSSIER_ROW_TEXT, "reason", "reason", false},
        {AUDIT_DIGEST, DOSSIER_ROW_HEX, "digest", "digest", false},
        {AUDIT_STREAM, DOSSIER_ROW_STREAM, "stream", "stream", false},
        {AUDIT_UNTIL, DOSSIER_ROW_SECONDS, "until", "until", false},
        {AUDIT_KEPT, DOSSIER_ROW_FLAG, "kept", "kept", false},
        {0, DOSSIER_ROW_TEXT, NULL, NULL, false}};
    struct dossier *dossier = dossier_create("blocks", "Blocks", "Words.");
    char words[DOSSIER_WORDS_MAX];

    if (dossier == NULL) {
        abort();
    }
    dossier_table(dossier, "rows", "Rows", "Words.");
    dossier_row_columns(dossier, columns);
    dossier_column(dossier, "client", "client", DOSSIER_TEXT);
    dossier_column(dossier, "name", "name", DOSSIER_TEXT);
    dossier_column(dossier, "chain", "chain", DOSSIER_TEXT);
    while (size >= 2) {
        const size_t len = (size_t)(data[0] << 8 | data[1]) % (AUDIT_EVENT_MAX + 1);
        const size_t part = len < size - 2 ? len : size - 2;
        struct audit_row row;

        if (audit_row_decode(data + 2, part, &row) && audit_row_is_writable(&row)) {
            const struct audit_value client = dossier_row_text(&row, AUDIT_CLIENT);
            const struct audit_value name = dossier_row_text(&row, AUDIT_NAME);
            const struct audit_value chain = dossier_row_text(&row, AUDIT_CHAIN);
            const size_t before = dossier->tables[0].cell_count;

            dossier_row_cells(dossier, columns, &row);
            dossier_text(dossier, words, dossier_client_words(&client, words));
            dossier_text(dossier, words, dossier_name_words(&name, words));
            dossier_text(dossier, words, dossier_chain_words(&chain, words));
            for (size_t i = before; !texts && i < dossier->tables[0].cell_count; i++) {
                struct dossier_cell *cell = &dossier->tables[0].cells[i];

                if (cell->text != NULL) {
                    cell->text = "x";
                    cell->number = 1;
                }
            }
        }
        data += 2 + part;
        size -= 2 + part;
    }
    return dossier;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char marks[] = "<>\"'";
    struct dossier *dossier = make(data, size, true);
    struct dossier *plain = make(data, size, false);
    char *page = render(dossier_render_html, dossier);
    char *plain_page = render(dossier_render_html, plain);
    char *csv = render(render_csv, dossier);
    char *json = render(dossier_render_json, dossier);
    char *text = render(dossier_render_text, dossier);

    for (size_t i = 0; marks[i] != '\0'; i++) {
        /* "holds" has an element of its own. */
        if (strstr(page, "class=\"good\"") == NULL && strstr(page, "class=\"bad\"") == NULL &&
            count_of(page, marks[i]) != count_of(plain_page, marks[i])) {
            abort();
        }
    }
    check_controls(page);
    check_controls(csv);
    check_controls(json);
    check_controls(text);
    free(page);
    free(plain_page);
    free(csv);
    free(json);
    free(text);
    dossier_destroy(dossier);
    dossier_destroy(plain);
    return 0;
}
