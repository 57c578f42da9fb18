/*
 * cordon list diff: what a newer list changes, in words and counts. Verifies nothing.
 *
 * What a reader must not miss comes first: names that are blocked from now on.
 */
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/list.h"
#include "policy/list_pairs.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cordon list diff [--all] [--json] OLD NEW\n"
    "\n"
    "Shows what the list NEW changes against OLD: header, legal facts, and rules by what "
    "becomes\n"
    "of their names. Signatures are not looked at: that is `cordon list verify`.\n"
    "  --all  also rules of which only the evidence, note, category or the like differs\n";

/* What becomes of what a rule matches. The order is that of the output. */
enum fate {
    FATE_BLOCKED,  /* blocked from now on */
    FATE_RELEASED, /* not blocked any more */
    FATE_PASSED,   /* let through from now on */
    FATE_CAUGHT,   /* not let through any more; another rule may block it */
    FATE_LOGGED,   /* recorded from now on */
    FATE_FORGOTTEN,
    FATE_ANSWERED, /* blocked as before, with another action */
    FATE_CHAIN,    /* let through as before, and more or less of what comes after it */
    FATE_OTHER,    /* the same decision on other grounds */
    FATES
};

static const struct {
    const char *word, *title;
} fates[FATES] = {
    [FATE_BLOCKED] = {"blocked", "blocked from now on"},
    [FATE_RELEASED] = {"released", "not blocked any more"},
    [FATE_PASSED] = {"passed", "let through from now on"},
    [FATE_CAUGHT] = {"not-passed", "not let through any more: the next shorter rule decides"},
    [FATE_LOGGED] = {"logged", "recorded from now on, not blocked"},
    [FATE_FORGOTTEN] = {"not-logged", "not recorded any more"},
    [FATE_ANSWERED] = {"answered", "blocked as before, with another action"},
    [FATE_CHAIN] = {"chain", "let through as before, and more or less of what comes after it"},
    [FATE_OTHER] = {"other", "decided as before, with another category, evidence or the like"},
};

/* What a rule does to what it matches. */
enum effect {
    EFFECT_NONE,
    EFFECT_PASS,
    EFFECT_LOG,
    EFFECT_BLOCK
};

struct diff {
    struct policy_list_pairs pairs;
    bool all;
    bool json;
    size_t counts[FATES];
    json_t *changes[FATES]; /* with json */
};

static enum effect effect_of(const struct policy_list_rule *rule)
{
    if (rule == NULL) {
        return EFFECT_NONE;
    }
    if (rule->kind == POLICY_PASS || rule->action == POLICY_ACTION_PASS) {
        return EFFECT_PASS;
    }
    return rule->action == POLICY_ACTION_LOG ? EFFECT_LOG : EFFECT_BLOCK;
}

static const char *text_of(const char *text)
{
    return text != NULL ? text : "";
}

static bool has_same_grounds(const struct policy_list_rule *a, const struct policy_list_rule *b)
{
    return a->scope == b->scope && a->confidence == b->confidence &&
           strcmp(a->category, b->category) == 0 && strcmp(a->evidence, b->evidence) == 0 &&
           strcmp(a->note, b->note) == 0;
}

static bool has_same_action(const struct policy_list_rule *a, const struct policy_list_rule *b)
{
    return a->action == b->action && a->redirect_prefixes == b->redirect_prefixes &&
           strcmp(text_of(a->redirect), text_of(b->redirect)) == 0;
}

/* FATES: nothing changes. One of them may be NULL. */
static enum fate fate_of(const struct policy_list_rule *old, const struct policy_list_rule *new)
{
    const enum effect from = effect_of(old), to = effect_of(new);

    if (from != to) {
        switch (to) {
        case EFFECT_BLOCK:
            return FATE_BLOCKED;
        case EFFECT_PASS:
            return FATE_PASSED;
        case EFFECT_LOG:
            return from == EFFECT_BLOCK ? FATE_RELEASED : FATE_LOGGED;
        case EFFECT_NONE:
            return from == EFFECT_BLOCK  ? FATE_RELEASED
                   : from == EFFECT_PASS ? FATE_CAUGHT
                                         : FATE_FORGOTTEN;
        }
    }
    if (old->ends_chain != new->ends_chain) {
        return FATE_CHAIN;
    }
    if (!has_same_action(old, new)) {
        return to == EFFECT_BLOCK ? FATE_ANSWERED : FATE_OTHER;
    }
    return has_same_grounds(old, new) ? FATES : FATE_OTHER;
}

static const char *what_is_done(const struct policy_list_rule *rule)
{
    if (rule == NULL) {
        return "no rule";
    }
    if (rule->ends_chain) {
        return "pass ends=chain";
    }
    return rule->kind == POLICY_PASS               ? policy_kind_name(rule->kind)
           : rule->action == POLICY_ACTION_DEFAULT ? policy_kind_name(rule->kind)
                                                   : policy_action_name(rule->action);
}

static void note(struct diff *diff, enum fate fate, const struct policy_list_rule *old,
                 const struct policy_list_rule *new)
{
    const struct policy_list_rule *rule = new != NULL ? new : old;
    char what[WIRE_NAME_TEXT_MAX];

    cli_rule_what(new != NULL ? diff->pairs.new.list : diff->pairs.old.list, rule, what);
    if (diff->json) {
        json_array_append_new(diff->changes[fate],
                              json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "match",
                                        policy_match_name(rule->match), "what", what, "was",
                                        what_is_done(old), "is", what_is_done(new), "category",
                                        rule->category, "confidence",
                                        policy_confidence_name(rule->confidence)));
        return;
    }
    printf("    %s %s  %s -> %s  (%s, %s, %s)\n", policy_match_name(rule->match), what,
           what_is_done(old), what_is_done(new), rule->category, policy_scope_name(rule->scope),
           policy_confidence_name(rule->confidence));
}

/* Goes through all pairs once for each fate to be shown, so that nothing has to be kept. */
static void walk(struct diff *diff, enum fate only)
{
    const struct policy_list_rule *old, *new;

    policy_list_pairs_rewind(&diff->pairs);
    while (policy_list_pairs_next(&diff->pairs, &old, &new)) {
        const enum fate fate = fate_of(old, new);

        if (fate == FATES) {
            continue;
        }
        if (only == FATES) {
            diff->counts[fate]++;
        } else if (fate == only) {
            note(diff, fate, old, new);
        }
    }
}

static bool is_shown(const struct diff *diff, enum fate fate)
{
    return diff->counts[fate] > 0 && (fate != FATE_OTHER || diff->all || diff->json);
}

/* One fact of a legal person, as it is told apart and shown. */
static void fact_text(const struct policy_fact *fact, char *out, size_t size)
{
    snprintf(out, size, "%s: %s; %s%s%s; state %s, effective %s",
             policy_class_name(fact->class), fact->entity, fact->authority,
             fact->citation[0] != '\0' ? ", " : "", fact->citation, fact->state,
             fact->effective[0] != '\0' ? fact->effective : "unknown");
}

static bool has_fact(const struct policy_list *list, const char *text)
{
    char other[4096];

    for (size_t i = 0; i < list->fact_count; i++) {
        fact_text(&list->facts[i], other, sizeof(other));
        if (strcmp(text, other) == 0) {
            return true;
        }
    }
    return false;
}

/* Documents that ask for action, from which none follows: never counted with listings. */
static bool is_letter(const struct policy_fact *fact)
{
    return fact->class == POLICY_CLASS_NAMED_URGED ||
           fact->class == POLICY_CLASS_NAMED_NO_DESIGNATION_FOUND;
}

/* Letters, or all other facts, of one list that the other has not. Returns their number. */
static size_t facts_missing(const struct policy_list *list, const struct policy_list *from,
                            bool letters, const char *sign, json_t *out)
{
    char text[4096];
    size_t count = 0;

    for (size_t i = 0; i < list->fact_count; i++) {
        fact_text(&list->facts[i], text, sizeof(text));
        if (is_letter(&list->facts[i]) == letters && !has_fact(from, text)) {
            count++;
            if (out != NULL) {
                json_array_append_new(out, json_stringn(text, strlen(text)));
            } else if (sign != NULL) {
                printf("  %s %s  %s\n", sign, letters ? "letter" : "fact", text);
            }
        }
    }
    return count;
}

/* How many there are, and each. Returns their number. */
static size_t print_facts(const struct policy_list *old, const struct policy_list *new,
                          bool letters)
{
    const size_t gone = facts_missing(old, new, letters, NULL, NULL);
    const size_t come = facts_missing(new, old, letters, NULL, NULL);

    if (gone + come > 0) {
        printf("  %s: %zu fewer, %zu more\n",
               letters ? "letters that urge action (no designation follows from one)"
                       : "legal facts",
               gone, come);
        facts_missing(old, new, letters, "-", NULL);
        facts_missing(new, old, letters, "+", NULL);
    }
    return gone + come;
}

static void print_words(struct diff *diff)
{
    const struct policy_list *old = diff->pairs.old.list, *new = diff->pairs.new.list;
    char created[CLOCK_TEXT_MAX];
    char expires[CLOCK_TEXT_MAX];
    size_t changes = 0;

    clock_format_s(new->created_s, created);
    clock_format_s(new->expires_s, expires);
    printf("%s: serial %" PRIu32 " -> %" PRIu32 ", created %s, expires %s, %zu -> %zu rules\n",
           new->id, old->serial, new->serial, created, expires, old->rule_count,
           new->rule_count);
    if (strcmp(old->title, new->title) != 0) {
        printf("  title  %s -> %s\n", old->title, new->title);
    }
    if (strcmp(old->legal_requirement, new->legal_requirement) != 0) {
        printf("  legal requirement  %s -> %s\n",
               old->legal_requirement[0] != '\0' ? old->legal_requirement : "none",
               new->legal_requirement[0] != '\0' ? new->legal_requirement : "none");
    }
    changes += print_facts(old, new, false);
    changes += print_facts(old, new, true);
    for (enum fate fate = FATE_BLOCKED; fate < FATES; fate++) {
        changes += diff->counts[fate];
        if (diff->counts[fate] > 0) {
            printf("  %zu %s%s\n", diff->counts[fate], fates[fate].title,
                   is_shown(diff, fate) ? "" : " (--all shows them)");
        }
        if (is_shown(diff, fate)) {
            walk(diff, fate);
        }
    }
    if (changes == 0) {
        puts("  no rule and no legal fact differs");
    }
}

static int print_json(struct diff *diff)
{
    const struct policy_list *old = diff->pairs.old.list, *new = diff->pairs.new.list;
    json_t *gone = json_array(), *come = json_array(), *rules = json_object();
    json_t *letters_gone = json_array(), *letters_come = json_array();

    facts_missing(old, new, false, NULL, gone);
    facts_missing(new, old, false, NULL, come);
    facts_missing(old, new, true, NULL, letters_gone);
    facts_missing(new, old, true, NULL, letters_come);
    for (enum fate fate = FATE_BLOCKED; fate < FATES; fate++) {
        diff->changes[fate] = json_array();
        walk(diff, fate);
        json_object_set_new(rules, fates[fate].word, diff->changes[fate]);
    }
    json_t *document =
        json_pack("{s:s,s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "list", new->id, "old_serial",
                  (json_int_t)old->serial, "new_serial", (json_int_t) new->serial,
                  "facts_removed", gone, "facts_added", come, "letters_removed", letters_gone,
                  "letters_added", letters_come, "rules", rules);
    if (document == NULL || json_dumpf(document, stdout, JSON_COMPACT) != 0) {
        fputs("cordon list diff: out of memory\n", stderr);
        json_decref(document);
        return CLI_REFUSED;
    }
    putchar('\n');
    json_decref(document);
    return CLI_OK;
}

static int compare_lists(struct diff *diff, const struct policy_list *old,
                         const struct policy_list *new)
{
    int code = CLI_OK;

    if (strcmp(old->id, new->id) != 0) {
        fprintf(stderr, "cordon list diff: %s and %s are different lists\n", old->id, new->id);
        return CLI_REFUSED;
    }
    if (new->serial < old->serial) {
        fprintf(stderr,
                "cordon list diff: warning: NEW has the lower serial: are the two swapped?\n");
    }
    if (policy_list_pairs_init(&diff->pairs, old, new) == 0) {
        walk(diff, FATES);
        if (diff->json) {
            code = print_json(diff);
        } else {
            print_words(diff);
        }
    } else {
        fputs("cordon list diff: out of memory\n", stderr);
        code = CLI_REFUSED;
    }
    policy_list_pairs_deinit(&diff->pairs);
    return code;
}

int cli_list_diff(int argc, char **argv)
{
    struct diff diff = {.all = false};
    struct policy_list *old = NULL, *new = NULL;
    int code = CLI_REFUSED;
    const struct cli_option options[] = {{"all", 0, NULL, &diff.all},
                                         {"json", 0, NULL, &diff.json}};

    code = cli_options(argc, argv, "list diff", help, options, CLI_COUNT(options));
    if (code != CLI_GO_ON) {
        return code;
    }
    code = CLI_REFUSED;
    if (argc - optind != 2) {
        return cli_usage("list diff", "name the old list and the new one");
    }
    old = cli_list_read("diff", argv[optind]);
    new = cli_list_read("diff", argv[optind + 1]);
    if (old != NULL && new != NULL) {
        code = compare_lists(&diff, old, new);
    }
    policy_list_free(old);
    policy_list_free(new);
    return code;
}
