#include "base/report.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void report_init(struct report *report)
{
    memset(report, 0, sizeof(*report));
}

void report_deinit(struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        free(report->entries[i].text);
    }
    memset(report, 0, sizeof(*report));
}

static void keep(struct report *report, enum report_kind kind, const char *line)
{
    if (report->count < REPORT_ENTRIES_MAX) {
        char *copy = strdup(line);
        if (copy != NULL) {
            report->entries[report->count++] = (struct report_entry){kind, copy};
        }
    }
}

void report_add(struct report *report, enum report_kind kind, const char *file, size_t line,
                size_t column, const char *format, ...)
{
    char message[REPORT_TEXT_MAX];
    char whole[REPORT_TEXT_MAX];
    struct text text;
    va_list arguments;

    if (report == NULL) {
        return;
    }
    report->errors += kind == REPORT_ERROR ? 1 : 0;
    report->warnings += kind == REPORT_WARNING ? 1 : 0;
    va_start(arguments, format);
    const int len = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (len < 0) {
        message[0] = '\0';
    }

    text_init(&text, whole, sizeof(whole));
    if (file != NULL) {
        text_add_printable(&text, file, strlen(file));
        if (line > 0) {
            text_printf(&text, ":%zu", line);
        }
        if (line > 0 && column > 0) {
            text_printf(&text, ":%zu", column);
        }
        text_add(&text, ": ");
    }
    text_add_printable(&text, message, strlen(message));
    keep(report, kind, whole);
}

void report_take(struct report *report, const struct report *from)
{
    if (report == NULL) {
        return;
    }
    report->errors += from->errors;
    report->warnings += from->warnings;
    for (size_t i = 0; i < from->count; i++) {
        keep(report, from->entries[i].kind, from->entries[i].text);
    }
}

void report_progress(const struct report *report, const char *stage, uint64_t done,
                     uint64_t all)
{
    if (report != NULL && report->progress != NULL) {
        report->progress(report->progress_context, stage, done, all);
    }
}

void report_print(const struct report *report, FILE *out)
{
    static const char *const names[] = {
        [REPORT_ERROR] = "error", [REPORT_WARNING] = "warning", [REPORT_NOTE] = "note"};
    size_t errors = report->errors;
    size_t warnings = report->warnings;

    for (size_t i = 0; i < report->count; i++) {
        const struct report_entry *entry = &report->entries[i];
        errors -= entry->kind == REPORT_ERROR ? 1 : 0;
        warnings -= entry->kind == REPORT_WARNING ? 1 : 0;
        fprintf(out, "%s: %s\n", names[entry->kind], entry->text);
    }
    if (errors + warnings > 0) {
        fprintf(out, "note: left out: %zu more errors, %zu more warnings\n", errors, warnings);
    }
}
