/* gate/find.c - findings, and what a check says of them. */
#include "gate/inside.h"

#include "policy/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool copy(char **to, const char *from)
{
    *to = strdup(from != NULL ? from : "");
    return *to != NULL;
}

int gate_find(struct gate_result *result, const struct gate_found *found)
{
    result->found++;
    if (found->verdict > result->verdict || result->verdict == GATE_SKIPPED) {
        result->verdict = found->verdict;
    }
    if (result->count == GATE_FINDINGS_MAX) {
        return 0;
    }
    struct gate_finding *finding = &result->findings[result->count++];
    finding->verdict = found->verdict;
    finding->questions = found->questions;
    finding->clients = found->clients;
    return copy(&finding->what, found->what) && copy(&finding->list, found->list) &&
                   copy(&finding->rule, found->rule) && copy(&finding->view, found->view) &&
                   copy(&finding->schedule, found->schedule) &&
                   copy(&finding->words, found->words)
               ? 0
               : -ENOMEM;
}

static int say(struct gate_result *result, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static int say(struct gate_result *result, const char *format, va_list arguments)
{
    char words[GATE_WORDS_MAX];
    struct text text;

    if (result->words != NULL) {
        return 0;
    }
    text_init(&text, words, sizeof(words));
    text_vprintf(&text, format, arguments);
    result->words = strdup(words);
    return result->words != NULL ? 0 : -ENOMEM;
}

int gate_say(struct gate_result *result, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const int rc = say(result, format, arguments);
    va_end(arguments);
    return rc;
}

int gate_skip(struct gate_result *result, const char *format, ...)
{
    va_list arguments;

    result->verdict = GATE_SKIPPED;
    va_start(arguments, format);
    const int rc = say(result, format, arguments);
    va_end(arguments);
    return rc;
}

int gate_find_report(struct gate_result *result, const struct report *report,
                     enum gate_verdict errors, const char *warnings_about)
{
    int rc = 0;

    for (size_t i = 0; i < report->count && rc == 0; i++) {
        const struct report_entry *entry = &report->entries[i];
        const struct gate_found found = {
            .verdict = entry->kind == REPORT_ERROR ? errors : GATE_WARN, .words = entry->text};

        if (entry->kind == REPORT_ERROR ||
            (entry->kind == REPORT_WARNING && strstr(entry->text, warnings_about) != NULL)) {
            rc = gate_find(result, &found);
        }
    }
    result->found += report->errors > report->count ? report->errors - report->count : 0;
    return rc;
}

/* The rule of a hit, and its list. */
static void name_rule(const struct policy *policy, const struct policy_hit *hit,
                      char rule[POLICY_RULE_TEXT_MAX], struct policy_image_list *list)
{
    struct policy_row row;

    rule[0] = '\0';
    memset(list, 0, sizeof(*list));
    if (policy_hit_row(policy, hit, &row)) {
        (void)policy_hit_rule(hit, &row, rule, POLICY_RULE_TEXT_MAX);
        (void)policy_image_list_at(policy_image_of(policy), hit->list, list);
    }
}

/* The word of the old lists that let it through, where they had one. */
static void say_before(struct text *out, const struct gate_question *question,
                       const struct gate_change *change)
{
    struct policy_outcome was = {.enforced = false};
    struct policy_image_list list;
    char rule[POLICY_RULE_TEXT_MAX];

    if (change->before == NULL) {
        return;
    }
    if (question->trigger == POLICY_TRIGGER_QNAME) {
        policy_decide_question(change->before, question->view, question->name, &was);
    } else if (question->trigger == POLICY_TRIGGER_ADDRESS) {
        policy_decide_address(change->before, question->view, question->trigger, 1,
                              question->name, question->address, &was);
    }
    if (was.enforced) {
        name_rule(change->before, &was.hit, rule, &list);
        if (rule[0] != '\0') {
            text_printf(out, "%swas let through by %s of %s %" PRIu32, out->len > 0 ? "; " : "",
                        rule, list.id, list.serial);
        }
    }
}

int gate_find_change(const struct gate_sides *sides, struct gate_result *result,
                     enum gate_verdict verdict, const char *what,
                     const struct gate_question *question, const struct gate_change *change,
                     const char *words)
{
    struct policy_image_list list;
    struct text text;
    char rule[POLICY_RULE_TEXT_MAX];
    char said[GATE_WORDS_MAX];
    char looked_at[WIRE_NAME_TEXT_MAX];

    name_rule(change->by, &change->hit, rule, &list);
    text_init(&text, said, sizeof(said));
    text_add(&text, words);
    if (change->hit.ground != POLICY_GROUND_RULE) {
        text_printf(&text, "%s%s", text.len > 0 ? "; " : "",
                    policy_words_ground((enum policy_ground)change->hit.ground));
    }
    say_before(&text, question, change);
    if (what == NULL) {
        policy_words_matched(&change->hit, looked_at);
        what = looked_at;
    }
    const struct gate_found found = {
        .verdict = verdict,
        .what = what,
        .list = list.id,
        .rule = rule,
        .view = sides->new.snapshot->shown[question->view].name,
        .schedule = gate_sides_schedule(sides, question->view, question->variant),
        .words = said};
    return gate_find(result, &found);
}
