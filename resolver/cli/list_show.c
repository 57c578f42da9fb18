/* cordon list show: what a list says, legal facts first. Verifies nothing. */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/list.h"
#include "cli/names.h"
#include "policy/list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] = "usage: cordon list show [--rules] [--json] LIST...\n"
                           "\n"
                           "Shows a list's header, its legal facts and how many rules it has "
                           "of which kind. Signatures\n"
                           "are not looked at: that is `cordon list verify`.\n"
                           "  --rules  also every rule\n";

/* True if two facts say the same of different legal persons. */
static bool is_same_but_entity(const struct policy_fact *a, const struct policy_fact *b)
{
    return a->class == b->class && strcmp(a->authority, b->authority) == 0 &&
           strcmp(a->instrument, b->instrument) == 0 && strcmp(a->citation, b->citation) == 0 &&
           strcmp(a->effective, b->effective) == 0 && strcmp(a->published, b->published) == 0 &&
           strcmp(a->state, b->state) == 0 && strcmp(a->checked, b->checked) == 0 &&
           strcmp(a->effect, b->effect) == 0 && strcmp(a->note, b->note) == 0;
}

/* A designation has both dates: one that is missing is said to be. */
static void print_date(const struct policy_fact *fact, const char *what, const char *date)
{
    const bool expected =
        fact->class == POLICY_CLASS_DESIGNATED || fact->class == POLICY_CLASS_PARENT_DESIGNATED;

    if (date[0] != '\0' || expected) {
        printf(", %s %s", what,
               date[0] != '\0' ? date : "on a day that the list does not tell");
    }
}

static void print_instrument(const struct policy_fact *fact)
{
    printf("    %s", fact->authority);
    if (fact->instrument[0] != '\0') {
        printf(", %s", fact->instrument);
    }
    if (fact->citation[0] != '\0') {
        printf(" (%s)", fact->citation);
    }
    printf("\n    state %s", fact->state);
    print_date(fact, "effective", fact->effective);
    print_date(fact, "published", fact->published);
    printf(", checked on %s\n", fact->checked);
    if (fact->effect[0] != '\0') {
        printf("    %s\n", fact->effect);
    }
    if (fact->note[0] != '\0') {
        printf("    %s\n", fact->note);
    }
}

void cli_print_facts(const struct policy_list *list)
{
    for (size_t i = 0; i < list->fact_count;) {
        const struct policy_fact *first = &list->facts[i];

        printf("\n  %s%s: %s", policy_class_name(first->class),
               first->class == POLICY_CLASS_NAMED_URGED ? " (a request, no designation)" : "",
               first->entity);
        for (i++; i < list->fact_count && is_same_but_entity(first, &list->facts[i]); i++) {
            printf("; %s", list->facts[i].entity);
        }
        printf("\n");
        print_instrument(first);
    }
}

void cli_rule_what(const struct policy_list *list, const struct policy_list_rule *rule,
                   char out[WIRE_NAME_TEXT_MAX])
{
    struct wire_name name;
    size_t at = rule->name;

    if (rule->match == POLICY_MATCH_PREFIX) {
        char text[ADDRESS_TEXT_MAX];

        address_prefix_format(&list->prefixes[rule->name], text);
        snprintf(out, WIRE_NAME_TEXT_MAX, "%s", text);
    } else if (wire_name_read(list->names, list->names_len, &at, &name) == WIRE_OK) {
        wire_name_to_text(&name, out);
    } else {
        out[0] = '\0';
    }
    if (policy_subject_name(rule->subject) != NULL) {
        const size_t used = strlen(out);

        snprintf(out + used, WIRE_NAME_TEXT_MAX - used, " trigger=%s",
                 policy_subject_name(rule->subject));
    }
}

static void show_rules(const struct policy_list *list)
{
    size_t forced = 0;

    printf("\nrules\n");
    for (size_t i = 0; i < list->rule_count; i++) {
        const struct policy_list_rule *rule = &list->rules[i];
        char what[WIRE_NAME_TEXT_MAX];

        cli_rule_what(list, rule, what);
        printf("  %s %s %s%s  %s, %s, %s%s%s\n", policy_kind_name(rule->kind),
               policy_match_name(rule->match), what, rule->ends_chain ? " ends=chain" : "",
               rule->category, policy_scope_name(rule->scope),
               policy_confidence_name(rule->confidence),
               rule->action != POLICY_ACTION_DEFAULT ? ", action " : "",
               rule->action != POLICY_ACTION_DEFAULT ? policy_action_name(rule->action) : "");
        if (rule->public_suffix) {
            printf("    a whole public suffix: %s\n", list->forced[forced++].reason);
        }
    }
}

/* Each class by itself: what a letter asks for is never added to a designation, nor is a
 * parent's listing to one of the provider. A state counts those in it alone; NULL: all. */
static size_t facts_of(const struct policy_list *list, enum policy_class of, const char *state)
{
    size_t count = 0;

    for (size_t i = 0; i < list->fact_count; i++) {
        count += list->facts[i].class == of &&
                 (state == NULL || strcmp(list->facts[i].state, state) == 0);
    }
    return count;
}

/* What does not hold for sure is said where it is counted. */
static void show_doubts(const struct policy_list *list, enum policy_class of)
{
    static const char *const states[] = {"suspended", "contested", "unverified"};
    const char *before = " (of them ";

    if (of != POLICY_CLASS_DESIGNATED && of != POLICY_CLASS_PARENT_DESIGNATED) {
        return;
    }
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        const size_t count = facts_of(list, of, states[i]);

        if (count > 0) {
            printf("%s%zu %s", before, count, states[i]);
            before = ", ";
        }
    }
    if (before[0] == ',') {
        putchar(')');
    }
}

static void show_fact_counts(const struct policy_list *list)
{
    const char *before = "\n  legal facts: ";

    for (unsigned of = 0; of <= POLICY_CLASS_NONE_FOUND; of++) {
        const size_t count = facts_of(list, (enum policy_class)of, NULL);

        if (count == 0) {
            continue;
        }
        printf("%s%s %zu", before, policy_class_name((enum policy_class)of), count);
        show_doubts(list, (enum policy_class)of);
        before = "; ";
    }
    puts(list->fact_count == 0 ? "\n  no legal facts" : "");
}

static void show_counts(const struct policy_list *list)
{
    size_t scopes[POLICY_SCOPE_CONSUMER + 1] = {0};
    size_t confidences[POLICY_CONFIDENCE_HIGH + 1] = {0};
    size_t subjects[POLICY_SUBJECTS] = {0};
    size_t logged = 0;
    size_t passes = 0;
    size_t ends = 0;

    for (size_t i = 0; i < list->rule_count; i++) {
        scopes[list->rules[i].scope]++;
        confidences[list->rules[i].confidence]++;
        logged += list->rules[i].action == POLICY_ACTION_LOG;
        passes += list->rules[i].kind == POLICY_PASS;
        subjects[list->rules[i].subject]++;
        ends += list->rules[i].ends_chain;
    }
    printf("\n  %zu rules:", list->rule_count);
    for (size_t s = 0; s < sizeof(scopes) / sizeof(scopes[0]); s++) {
        if (scopes[s] > 0) {
            printf(" %s %zu,", policy_scope_name((enum policy_scope)s), scopes[s]);
        }
    }
    printf(" confidence high %zu, medium %zu, low %zu; log only %zu, pass %zu",
           confidences[POLICY_CONFIDENCE_HIGH], confidences[POLICY_CONFIDENCE_MEDIUM],
           confidences[POLICY_CONFIDENCE_LOW], logged, passes);
    if (ends > 0) {
        printf(" (for the whole chain %zu)", ends);
    }
    if (subjects[POLICY_SUBJECT_CLIENT] > 0) {
        printf("; about clients %zu", subjects[POLICY_SUBJECT_CLIENT]);
    }
    if (subjects[POLICY_SUBJECT_NAMESERVER] > 0) {
        printf("; about name servers %zu", subjects[POLICY_SUBJECT_NAMESERVER]);
    }
    putchar('\n');
}

static void show_words(const struct policy_list *list)
{
    char created[CLOCK_TEXT_MAX];
    char expires[CLOCK_TEXT_MAX];

    clock_format_s(list->created_s, created);
    clock_format_s(list->expires_s, expires);
    printf("%s: %s\n", list->id, list->title);
    printf("  provider %s%s%s\n", list->provider_name,
           list->parent_name[0] != '\0' ? ", owned by " : "", list->parent_name);
    printf("  serial %" PRIu32 ", created %s, expires %s\n", list->serial, created, expires);
    if (list->legal_requirement[0] != '\0') {
        printf("  legal requirement: %s\n", list->legal_requirement);
    }
    cli_print_facts(list);
    show_fact_counts(list);
    show_counts(list);
}

static void show_json(const struct policy_list *list)
{
    const struct policy_fact *status = policy_list_status(list);
    const size_t size = 65536;
    char *buffer = malloc(size);
    struct text out;

    if (buffer == NULL) {
        return;
    }
    text_init(&out, buffer, size);
    json_object_begin(&out, NULL);
    json_string(&out, "list", list->id);
    json_string(&out, "title", list->title);
    json_string(&out, "provider", list->provider);
    json_string(&out, "provider_name", list->provider_name);
    json_string(&out, "parent", list->parent_name);
    json_uint(&out, "serial", list->serial);
    json_uint(&out, "created", list->created_s);
    json_uint(&out, "expires", list->expires_s);
    json_object_begin(&out, "facts");
    for (unsigned of = 0; of <= POLICY_CLASS_NONE_FOUND; of++) {
        json_uint(&out, policy_class_name((enum policy_class)of),
                  facts_of(list, (enum policy_class)of, NULL));
    }
    json_object_end(&out);
    json_uint(&out, "designated_unverified",
              facts_of(list, POLICY_CLASS_DESIGNATED, "unverified"));
    json_uint(&out, "parent_designated_unverified",
              facts_of(list, POLICY_CLASS_PARENT_DESIGNATED, "unverified"));
    json_uint(&out, "rules", list->rule_count);
    json_string(&out, "status_class", status != NULL ? policy_class_name(status->class) : NULL);
    json_string(&out, "status_entity", status != NULL ? status->entity : NULL);
    json_string(&out, "status_authority", status != NULL ? status->authority : NULL);
    json_object_end(&out);
    printf("%s\n", buffer);
    free(buffer);
}

struct policy_list *cli_list_read(const char *verb, const char *path)
{
    uint8_t *text = NULL;
    size_t len = 0;
    struct report report;
    struct policy_list *list = NULL;

    report_init(&report);
    int rc = file_read(path, POLICY_LIST_OCTETS_MAX, &text, &len);
    if (rc == 0) {
        rc = policy_list_parse((const char *)text, len, path, &report, &list);
        if (rc == CORDON_E_REFUSED) {
            cli_list_note_labels((const char *)text, len, path, &report);
        }
    }
    report_print(&report, stderr);
    if (rc != 0 && report.errors == 0) {
        fprintf(stderr, "cordon list %s: %s: %s\n", verb, path, cordon_strerror(rc));
    }
    report_deinit(&report);
    free(text);
    return rc == 0 ? list : NULL;
}

static int show_one(const char *path, bool rules, bool json)
{
    struct policy_list *list = cli_list_read("show", path);

    if (list == NULL) {
        return CLI_REFUSED;
    }
    if (json) {
        show_json(list);
    } else {
        show_words(list);
        if (rules) {
            show_rules(list);
        }
    }
    policy_list_free(list);
    return CLI_OK;
}

int cli_list_show(int argc, char **argv)
{
    bool rules = false;
    bool json = false;
    int code = CLI_OK;
    const struct cli_option options[] = {{"rules", 0, NULL, &rules}, {"json", 0, NULL, &json}};

    code = cli_options(argc, argv, "list show", help, options, CLI_COUNT(options));
    if (code != CLI_GO_ON) {
        return code;
    }
    code = CLI_OK;
    if (optind == argc) {
        return cli_usage("list show", "name at least one list");
    }
    for (int i = optind; i < argc; i++) {
        const int one = show_one(argv[i], rules, json);

        code = one != CLI_OK ? one : code;
    }
    return code;
}
