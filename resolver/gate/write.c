/* gate/write.c - the verdict as a document, and as a table. */
#include "gate/gate.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

static void string_or_null(struct text *out, const char *key, const char *value)
{
    json_string(out, key, value[0] != '\0' ? value : NULL);
}

static void write_finding(struct text *out, const struct gate_finding *finding)
{
    json_object_begin(out, NULL);
    json_string(out, "verdict", gate_verdict_word(finding->verdict));
    string_or_null(out, "what", finding->what);
    string_or_null(out, "list", finding->list);
    string_or_null(out, "rule", finding->rule);
    string_or_null(out, "view", finding->view);
    string_or_null(out, "schedule", finding->schedule);
    string_or_null(out, "words", finding->words);
    if (finding->questions > 0) {
        json_uint(out, "questions", finding->questions);
        json_uint(out, "clients", finding->clients);
    }
    json_object_end(out);
}

static void write_check(struct text *out, enum gate_check check,
                        const struct gate_result *result)
{
    json_object_begin(out, NULL);
    json_string(out, "check", gate_check_word(check));
    json_string(out, "verdict", gate_verdict_word(result->verdict));
    json_string(out, "words", result->words);
    if (result->reason != NULL) {
        json_object_begin(out, "override");
        json_string(out, "reason", result->reason);
        json_bool(out, "counts", result->overridden);
        json_object_end(out);
    }
    json_uint(out, "found", result->found);
    json_array_begin(out, "findings");
    for (size_t i = 0; i < result->count; i++) {
        write_finding(out, &result->findings[i]);
    }
    json_array_end(out);
    json_object_end(out);
}

static void write_list(struct text *out, const struct gate_list *list)
{
    json_object_begin(out, NULL);
    json_string(out, "list", list->id);
    json_bool(out, "enforced", list->enforced);
    if (list->is_old) {
        json_uint(out, "old_serial", list->old_serial);
        json_uint(out, "old_rules", list->old_rules);
    }
    if (list->is_new) {
        json_uint(out, "new_serial", list->new_serial);
        json_uint(out, "new_rules", list->new_rules);
    }
    json_uint(out, "added", list->added);
    json_uint(out, "removed", list->removed);
    json_object_end(out);
}

void gate_write(struct text *out, const char *key, const struct gate_outcome *outcome)
{
    char made[CLOCK_TEXT_MAX];

    clock_format_s(outcome->made_s, made);
    json_object_begin(out, key);
    json_uint(out, "gate", GATE_VERSION);
    json_string(out, "time", made);
    json_string(out, "verdict", gate_verdict_word(outcome->verdict));
    string_or_null(out, "publisher", outcome->publisher);
    json_string(out, "candidate", outcome->candidate);
    json_string(out, "in_force", outcome->in_force);
    json_array_begin(out, "checks");
    for (unsigned i = 0; i < GATE_CHECKS; i++) {
        write_check(out, (enum gate_check)i, &outcome->checks[i]);
    }
    json_array_end(out);
    json_array_begin(out, "lists");
    for (size_t i = 0; i < outcome->list_count; i++) {
        write_list(out, &outcome->lists[i]);
    }
    json_array_end(out);
    json_object_end(out);
}

static void print_finding(const struct gate_finding *finding, FILE *out)
{
    fprintf(out, "    %s", finding->what);
    if (finding->what[0] != '\0' && finding->words[0] != '\0') {
        fputs(": ", out);
    }
    fputs(finding->words, out);
    if (finding->rule[0] != '\0') {
        fprintf(out, "%s%s of %s", finding->words[0] != '\0' ? "; " : ": ", finding->rule,
                finding->list);
    }
    if (finding->view[0] != '\0' && strcmp(finding->view, "default") != 0) {
        fprintf(out, ", view %s", finding->view);
    }
    if (finding->schedule[0] != '\0') {
        fprintf(out, ", while %s holds", finding->schedule);
    }
    fputc('\n', out);
}

static void print_check(enum gate_check check, const struct gate_result *result, FILE *out)
{
    fprintf(out, "  %-15s %-8s %s\n", gate_check_word(check),
            gate_verdict_word(result->verdict), result->words);
    for (size_t i = 0; i < result->count; i++) {
        print_finding(&result->findings[i], out);
    }
    if (result->found > result->count) {
        fprintf(out, "    and %" PRIu64 " more\n", result->found - result->count);
    }
    if (result->reason != NULL) {
        fprintf(out, "    %s: %s\n", result->overridden ? "overridden" : "override not needed",
                result->reason);
    }
}

void gate_print(const struct gate_outcome *outcome, FILE *out)
{
    fprintf(out, "candidate %s\nin force  %s\n", outcome->candidate, outcome->in_force);
    for (size_t i = 0; i < outcome->list_count; i++) {
        const struct gate_list *list = &outcome->lists[i];

        fprintf(out,
                "  %s: serial %" PRIu32 " -> %" PRIu32 ", rules %" PRIu64 " -> %" PRIu64
                " (+%" PRIu64 " -%" PRIu64 ")\n",
                list->id, list->old_serial, list->new_serial, list->old_rules, list->new_rules,
                list->added, list->removed);
    }
    for (unsigned i = 0; i < GATE_CHECKS; i++) {
        print_check((enum gate_check)i, &outcome->checks[i], out);
    }
    fprintf(out, "verdict: %s\n", gate_verdict_word(outcome->verdict));
}
