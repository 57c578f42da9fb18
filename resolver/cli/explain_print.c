/* cordon explain in words: the document (docs/explain.md) for a screen of 80 columns. */
#include "cli/cli.h"
#include "cli/explain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Lines are broken for a terminal alone: what is piped on has one statement a line. */
#define COLUMNS 80

static bool is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static bool says(const json_t *object, const char *key, const char *word)
{
    return strcmp(cli_string_of(object, key), word) == 0;
}

/* Characters, of whatever length in UTF-8. */
static unsigned width_of(const char *text, size_t len)
{
    unsigned width = 0;

    for (size_t i = 0; i < len; i++) {
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return width;
}

/* Prints text, broken at spaces, behind indent columns; what follows the first line stands two
 * further in. A word that is too long for a line stands alone. */
static void print_text(unsigned indent, const char *text)
{
    const bool breaks = isatty(STDOUT_FILENO) == 1;
    unsigned column = 0;

    for (const char *at = text; *at != '\0';) {
        const size_t len = strcspn(at, " ");
        const unsigned width = width_of(at, len);

        if (column == 0) {
            column = indent;
            printf("%*s", (int)indent, "");
        } else if (breaks && column + 1 + width > COLUMNS) {
            column = indent + 2;
            printf("\n%*s", (int)column, "");
        } else {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)len, at);
        column += width;
        at += len + strspn(at + len, " ");
    }
    putchar('\n');
}

static void print_line(unsigned indent, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void print_line(unsigned indent, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;

    va_start(arguments, format);
    const int len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len >= 0) {
        print_text(indent, text);
        free(text);
    }
}

/* --- what was asked --- */

/* Of a time that is over: which versions decided, and what is not known. */
static void print_then(const json_t *then)
{
    const json_t *missing = json_object_get(then, "missing");
    const json_t *differs = json_object_get(then, "differs");

    if (json_is_false(json_object_get(then, "known"))) {
        print_line(0,
                   "NOT KNOWN which versions were in force then (%s): by the lists as they lie "
                   "there now.",
                   cli_string_of(then, "why"));
    } else if (then != NULL) {
        const char *until = cli_string_of(then, "until");

        print_line(0, "In force then: the set of %.19sZ (%s)%s%.19s%s.",
                   cli_string_of(then, "since"), cli_string_of(then, "cause"),
                   until[0] != '\0' ? ", until " : ", which still is", until,
                   until[0] != '\0' ? "Z" : "");
    }
    for (size_t i = 0; i < json_array_size(missing); i++) {
        const json_t *list = json_array_get(missing, i);

        print_line(0,
                   "NOT KNOWN what list %s said (serial %" PRIu64
                   ", mode %s then): its text is "
                   "not kept (%s), and it is left out here.",
                   cli_string_of(list, "list"), cli_number_of(list, "serial"),
                   cli_string_of(list, "mode"), cli_string_of(list, "why"));
    }
    for (size_t i = 0; i < json_array_size(differs); i++) {
        print_line(0,
                   "NOT KNOWN whether it decided so: the configuration was another then (%s); "
                   "this is by that of now.",
                   cli_string_of(json_array_get(differs, i), "part"));
    }
    if (then != NULL) {
        print_text(0, "Pauses, and exceptions of commands, that held then are in the events.");
    }
}

static void print_asked(const json_t *document)
{
    const json_t *asked = json_object_get(document, "asked");
    const json_t *lists = json_object_get(document, "lists");
    const bool daemon = says(asked, "of", "daemon");
    char *words = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&words, &len);

    if (daemon) {
        print_line(0,
                   "Asked: the daemon (cordond %s), by %s, generation %" PRIu64 " of its "
                   "policy, at %s",
                   cli_string_of(asked, "version"), cli_string_of(asked, "path"),
                   cli_number_of(asked, "generation"), cli_string_of(asked, "time"));
    } else if (says(asked, "of", "lists")) {
        print_line(0, "Asked: lists alone, all enforced, as it is at %s",
                   cli_string_of(asked, "time"));
    } else {
        print_line(0, "Asked: the configuration %s, as it is at %s",
                   cli_string_of(asked, "path"), cli_string_of(asked, "time"));
    }
    if (out == NULL) {
        return;
    }
    fprintf(out, "Lists:");
    for (size_t i = 0; i < json_array_size(lists); i++) {
        const json_t *list = json_array_get(lists, i);
        const char *freshness = cli_string_of(list, "freshness");

        fprintf(out, "%s %s serial %" PRIu64 " (%s%s%s%s)", i > 0 ? "," : "",
                cli_string_of(list, "list"), cli_number_of(list, "serial"),
                cli_string_of(list, "mode"), is_true(list, "paused") ? ", paused" : "",
                strcmp(freshness, "fresh") == 0 ? "" : ", ",
                strcmp(freshness, "fresh") == 0 ? "" : freshness);
    }
    fprintf(out, "%s", json_array_size(lists) == 0 ? " none" : "");
    fclose(out);
    print_text(0, words);
    free(words);
    print_then(json_object_get(document, "then"));
    if (says(asked, "of", "configuration")) {
        print_line(0,
                   "Exceptions: %" PRIu64 " of files hold then; pauses, and exceptions that "
                   "commands have added, are the daemon's (--live).",
                   cli_number_of(asked, "file_exceptions"));
    }
    if (!is_true(asked, "verified")) {
        print_text(0, "UNVERIFIED: nobody has looked at the signatures of these lists.");
    }
}

/* --- what becomes of it --- */

/* The hit that blocks. */
static const json_t *find_block(const json_t *document)
{
    const json_t *hits = json_object_get(document, "hits");

    for (size_t i = 0; i < json_array_size(hits); i++) {
        if (is_true(json_array_get(hits, i), "applied")) {
            return json_array_get(hits, i);
        }
    }
    return NULL;
}

/* Where its answer leads, as far as that is known. */
static void print_way(const json_t *document, bool blocked)
{
    const json_t *looked_up = json_object_get(document, "looked_up_blocked");

    if (is_true(document, "answer_stale")) {
        print_text(0, "Where it leads is by an answer past its time: the upstreams fail or are "
                      "slow, and clients are told this one meanwhile.");
    } else if (is_true(document, "answer_known")) {
        /* nothing is left to be said of it */
    } else if (!blocked && json_is_true(looked_up)) {
        print_line(
            0,
            "BLOCKED all the same, for where its answer leads: it was looked up just now. "
            "That answer may not be kept, so that its rules are not shown here: "
            "cordon trace %s %s shows them.",
            cli_string_of(document, "name"), cli_string_of(document, "type"));
    } else if (looked_up != NULL) {
        print_line(
            0,
            "Where it leads is not known: the daemon has no answer at hand (it failed, or "
            "may not be kept). cordon trace %s %s shows what becomes of it.",
            cli_string_of(document, "name"), cli_string_of(document, "type"));
    } else {
        print_text(0, "Where it leads is not known here: --live or --answer shows what becomes "
                      "of that.");
    }
}

static void print_verdict(const json_t *document)
{
    const char *schedule = cli_string_of(document, "schedule");
    const char *answer = cli_string_of(document, "answer");
    const char *client = cli_string_of(document, "client");
    const char *view = cli_string_of(document, "view");
    const json_t *block = find_block(document);

    putchar('\n');
    print_line(0, "%s %s: %s%s%s", cli_string_of(document, "name"),
               is_true(document, "is_address") ? "in an answer"
                                               : cli_string_of(document, "type"),
               cli_string_of(document, "words"), answer[0] != '\0' ? ", " : "", answer);
    if (client[0] != '\0') {
        print_line(0, "Client %s: %s", client,
                   is_true(document, "client_allowed")
                       ? "may ask"
                       : "is in no network of access.allow, and is not answered at all");
    }
    if (cli_number_of(document, "views") > 1) {
        print_line(0, "View %s%s", view,
                   client[0] == '\0' && strcmp(view, "default") == 0
                       ? " (--client or --view shows what others get)"
                       : "");
    }
    if (schedule[0] != '\0') {
        print_line(0, "The schedule %s of the view %s holds.", schedule, view);
    }
    if (block != NULL) {
        print_line(0, "Clients are told: %s", cli_string_of(block, "ede"));
        if (says(block, "ground", "default-deny")) {
            print_line(0,
                       "default: deny in view %s: neither a rule nor the operator (allow) lets "
                       "this name through. No list says anything about it.",
                       view);
        }
    }
    if (strncmp(cli_string_of(document, "words"), "allowed by the operator", 23) == 0) {
        print_line(0,
                   "default: deny in view %s lets it through, since it is, or is below, a name "
                   "of allow.",
                   view);
    }
    print_way(document, block != NULL);
    if (json_is_false(json_object_get(document, "servers_known"))) {
        print_text(0, "Not all name servers behind the answer are known: rules about them "
                      "are not decided.");
    }
}

/* --- trigger by trigger --- */

/* The exception that counts for a rule, or for a name, if there is one. */
static void print_exception(unsigned indent, const json_t *object)
{
    const char *subject = cli_string_of(object, "exception");
    const char *ticket = cli_string_of(object, "ticket");
    const char *licence = cli_string_of(object, "licence");
    const char *approver = cli_string_of(object, "approver");

    if (subject[0] != '\0') {
        print_line(indent, "exception %s for %s%s%s%s%s%s%s",
                   cli_string_of(object, "exception_id"), subject,
                   ticket[0] != '\0' ? ", ticket " : "", ticket,
                   licence[0] != '\0' ? ", licence " : "", licence,
                   approver[0] != '\0' ? ", approved by " : "", approver);
    }
}

static void print_rule(const json_t *rule)
{
    const uint64_t line = cli_number_of(rule, "line");
    const char *evidence = cli_string_of(rule, "evidence");

    print_line(4, "%s%s%s", cli_string_of(rule, "rule"),
               is_true(rule, "action_of_rule") ? " action=" : "",
               is_true(rule, "action_of_rule") ? cli_string_of(rule, "action") : "");
    print_line(6, "%s", cli_string_of(rule, "words"));
    print_exception(6, rule);
    print_line(
        6, "list %s serial %" PRIu64 " (mode %s%s), category %s, scope %s, confidence %s",
        cli_string_of(rule, "list"), cli_number_of(rule, "serial"), cli_string_of(rule, "mode"),
        is_true(rule, "paused") ? ", paused" : "", cli_string_of(rule, "category"),
        cli_string_of(rule, "scope"), cli_string_of(rule, "confidence"));
    if (evidence[0] != '\0') {
        print_line(6, "Evidence (line %" PRIu64 " of the list): %s", line, evidence);
        if (cli_string_of(rule, "note")[0] != '\0') {
            print_text(6, cli_string_of(rule, "note"));
        }
    }
}

static void print_trigger(const json_t *trigger)
{
    const json_t *rules = json_object_get(trigger, "rules");
    const uint64_t more = cli_number_of(trigger, "rules_left_out");
    char hop[32] = "";

    if (cli_number_of(trigger, "hop") > 0) {
        snprintf(hop, sizeof(hop), " (hop %" PRIu64 ")", cli_number_of(trigger, "hop"));
    }
    print_line(2, "%s %s%s: %s", cli_string_of(trigger, "trigger"),
               cli_string_of(trigger, "matched"), hop, cli_string_of(trigger, "words"));
    if (says(trigger, "result", "excepted") && json_array_size(rules) == 0) {
        print_exception(4, trigger);
    }
    for (size_t i = 0; i < json_array_size(rules); i++) {
        print_rule(json_array_get(rules, i));
    }
    if (more > 0) {
        print_line(4, "and %" PRIu64 " more rules", more);
    }
}

static void print_triggers(const json_t *document)
{
    const json_t *triggers = json_object_get(document, "triggers");
    size_t rules = 0;

    if (json_array_size(triggers) == 0) {
        return; /* policy is not asked */
    }
    printf("\nTrigger by trigger, in the order in which they count\n");
    for (size_t i = 0; i < json_array_size(triggers); i++) {
        const json_t *trigger = json_array_get(triggers, i);

        rules += json_array_size(json_object_get(trigger, "rules"));
        print_trigger(trigger);
    }
    if (cli_number_of(document, "triggers_left_out") > 0) {
        print_line(2, "and %" PRIu64 " more", cli_number_of(document, "triggers_left_out"));
    }
    if (rules == 0) {
        print_text(2, "No rule of the lists that are in use matches.");
    }
}

/* --- the law --- */

/* True if two facts say the same of different legal persons. The words have the person's name
 * in them, and nothing else of their own. */
static bool is_same_but_entity(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)a, key, value)
    {
        if (strcmp(key, "entity") != 0 && strcmp(key, "words") != 0 &&
            !json_equal(value, json_object_get(b, key))) {
            return false;
        }
    }
    return true;
}

/* The legal persons of whom the list says the same right behind the first fact: how many. */
static size_t print_others(const json_t *facts, size_t first)
{
    const json_t *fact = json_array_get(facts, first);
    size_t count = 0;
    char *words = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&words, &len);

    if (out == NULL) {
        return 0;
    }
    for (size_t i = first + 1;
         i < json_array_size(facts) && is_same_but_entity(fact, json_array_get(facts, i));
         i++) {
        fprintf(out, "%s%s", count == 0 ? "The same holds of: " : "; ",
                cli_string_of(json_array_get(facts, i), "entity"));
        count++;
    }
    fclose(out);
    if (count > 0) {
        print_text(4, words);
    }
    free(words);
    return count;
}

/* A fact, with those behind it that differ in the legal person alone: how many it was. */
static size_t print_fact(const json_t *facts, size_t first)
{
    const json_t *fact = json_array_get(facts, first);
    const char *effective = cli_string_of(fact, "effective");
    const char *published = cli_string_of(fact, "published");

    print_line(2, "%s: %s", cli_string_of(fact, "class"), cli_string_of(fact, "words"));
    const size_t others = print_others(facts, first);
    print_line(4, "state %s%s%s%s%s, checked on %s", cli_string_of(fact, "state"),
               effective[0] != '\0' ? ", effective " : "", effective,
               published[0] != '\0' ? ", published " : "", published,
               cli_string_of(fact, "checked"));
    if (cli_string_of(fact, "effect")[0] != '\0') {
        print_line(4, "Effect: %s", cli_string_of(fact, "effect"));
    }
    if (cli_string_of(fact, "note")[0] != '\0') {
        print_line(4, "Note: %s", cli_string_of(fact, "note"));
    }
    return 1 + others;
}

static void print_law(const json_t *list)
{
    const json_t *facts = json_object_get(list, "facts");
    const char *parent = cli_string_of(list, "parent_name");
    const char *law = cli_string_of(list, "legal_requirement");

    putchar('\n');
    print_line(0, "What list %s says of %s%s%s", cli_string_of(list, "list"),
               cli_string_of(list, "provider_name"), parent[0] != '\0' ? ", owned by " : "",
               parent);
    print_line(2, "%s",
               law[0] != '\0' ? law
                              : "No law that the list names requires this block: it is the "
                                "operator's choice.");
    for (size_t i = 0; i < json_array_size(facts);) {
        i += print_fact(facts, i);
    }
    if (!is_true(list, "facts_known")) {
        print_line(2, "%s: %s; %s, %s; state %s, checked on %s",
                   cli_string_of(list, "status_class"), cli_string_of(list, "status_entity"),
                   cli_string_of(list, "status_authority"),
                   cli_string_of(list, "status_citation"), cli_string_of(list, "status_state"),
                   cli_string_of(list, "status_checked"));
        print_text(2, "An image has the strongest fact alone: the list's text has them all.");
    } else if (json_array_size(facts) == 0) {
        print_text(2, "The list states no legal fact.");
    }
}

/* --- what people have changed --- */

static void print_changes(const json_t *document)
{
    const json_t *pauses = json_object_get(document, "pauses");
    const json_t *exceptions = json_object_get(document, "exceptions");

    if (json_array_size(pauses) + json_array_size(exceptions) > 0) {
        printf("\nWhat people have changed for a while\n");
    }
    for (size_t i = 0; i < json_array_size(pauses); i++) {
        const json_t *pause = json_array_get(pauses, i);

        print_line(2, "list %s is paused until %s by %s: %s", cli_string_of(pause, "list"),
                   cli_string_of(pause, "until"), cli_string_of(pause, "user"),
                   cli_string_of(pause, "reason"));
    }
    for (size_t i = 0; i < json_array_size(exceptions); i++) {
        const json_t *exception = json_array_get(exceptions, i);
        const char *rule = cli_string_of(exception, "rule");

        print_line(2, "exception for %s until %s, ticket %s: %s",
                   rule[0] != '\0' ? rule : cli_string_of(exception, "name"),
                   cli_string_of(exception, "until"), cli_string_of(exception, "ticket"),
                   cli_string_of(exception, "reason"));
    }
}

void explain_print(const json_t *document)
{
    const json_t *lists = json_object_get(document, "lists");

    print_asked(document);
    print_verdict(document);
    print_triggers(document);
    for (size_t i = 0; i < json_array_size(lists); i++) {
        if (is_true(json_array_get(lists, i), "matched")) {
            print_law(json_array_get(lists, i));
        }
    }
    print_changes(document);
}
