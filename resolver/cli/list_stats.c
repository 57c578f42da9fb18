/*
 * cordon list stats: how many rules of which sort there are in lists, and what their image is
 * made of. Verifies nothing.
 */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/list.h"
#include "policy/image.h"
#include "policy/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cordon list stats [--quiet] [--json] LIST...\n"
    "\n"
    "Counts the rules of these lists by kind, match, action, scope, confidence, category, "
    "provider\n"
    "and depth, compiles them together, and shows what the image is made of: octets by "
    "section,\n"
    "and how many lines of the index a look-up reads. Signatures are not looked at: that is\n"
    "`cordon list verify`.\n"
    "  --quiet  do not show at a terminal how far it is\n";

struct counted {
    const char *word; /* borrowed from the lists */
    uint64_t count;
};

/* Words of one kind, each with its number. Few: categories and providers. */
struct tally {
    struct counted *items;
    size_t count, room;
    size_t last; /* the item that was counted last: mostly the next one, too */
};

struct stats {
    struct policy_list *lists[POLICY_LISTS_MAX];
    size_t list_count;
    struct tally kinds, matches, triggers, actions, scopes, confidences, categories, providers;
    struct tally facts; /* by class: a letter is never added to a designation */
    uint64_t depths[WIRE_LABELS_MAX + 1];
    uint64_t rules, public_suffixes;
    struct policy_image *image;
};

/* One row of the output for each. */
static const struct {
    const char *key;
    size_t member;
} tallies[] = {
    {"kind", offsetof(struct stats, kinds)},
    {"match", offsetof(struct stats, matches)},
    {"trigger", offsetof(struct stats, triggers)},
    {"action", offsetof(struct stats, actions)},
    {"scope", offsetof(struct stats, scopes)},
    {"confidence", offsetof(struct stats, confidences)},
    {"category", offsetof(struct stats, categories)},
    {"provider", offsetof(struct stats, providers)},
    {"facts", offsetof(struct stats, facts)},
};
#define TALLIES (sizeof(tallies) / sizeof(tallies[0]))

static struct tally *tally_at(struct stats *stats, size_t index)
{
    return (struct tally *)(void *)((char *)stats + tallies[index].member);
}

static bool add(struct tally *tally, const char *word)
{
    if (tally->last < tally->count && tally->items[tally->last].word == word) {
        tally->items[tally->last].count++;
        return true;
    }
    for (tally->last = 0; tally->last < tally->count; tally->last++) {
        if (strcmp(tally->items[tally->last].word, word) == 0) {
            tally->items[tally->last].count++;
            return true;
        }
    }
    if (tally->count == tally->room) {
        const size_t room = 2 * tally->room + 16;
        void *items = realloc(tally->items, room * sizeof(tally->items[0]));

        if (items == NULL) {
            return false;
        }
        tally->items = items;
        tally->room = room;
    }
    tally->items[tally->count].word = word;
    tally->items[tally->count++].count = 1;
    return true;
}

/* The most frequent first, then by word. */
static int compare(const void *a, const void *b)
{
    const struct counted *left = a;
    const struct counted *right = b;

    if (left->count != right->count) {
        return left->count > right->count ? -1 : 1;
    }
    return strcmp(left->word, right->word);
}

static unsigned depth_of(const struct policy_list *list, const struct policy_list_rule *rule)
{
    const uint8_t *name = list->names + rule->name;
    unsigned labels = 0;

    for (unsigned at = 0; at < rule->name_len && name[at] != 0; at += 1u + name[at]) {
        labels++;
    }
    return labels;
}

static bool count_list(struct stats *stats, const struct policy_list *list)
{
    bool good = true;

    stats->rules += list->rule_count;
    stats->public_suffixes += list->forced_count;
    for (size_t i = 0; good && i < list->fact_count; i++) {
        good = add(&stats->facts, policy_class_name(list->facts[i].class));
    }
    for (size_t i = 0; good && i < list->rule_count; i++) {
        const struct policy_list_rule *rule = &list->rules[i];
        const char *trigger = policy_subject_name(rule->subject);
        const char *action = rule->kind == POLICY_PASS ? NULL
                             : rule->action == POLICY_ACTION_DEFAULT
                                 ? "the operator's"
                                 : policy_action_name(rule->action);

        good = add(&stats->kinds, policy_kind_name(rule->kind)) &&
               add(&stats->matches, policy_match_name(rule->match)) &&
               add(&stats->triggers, trigger != NULL ? trigger : "answer") &&
               (!rule->ends_chain || add(&stats->actions, "ends=chain")) &&
               (action == NULL || add(&stats->actions, action)) &&
               add(&stats->scopes, policy_scope_name(rule->scope)) &&
               add(&stats->confidences, policy_confidence_name(rule->confidence)) &&
               add(&stats->categories, rule->category) &&
               add(&stats->providers, list->provider_name);
        if (rule->match != POLICY_MATCH_PREFIX) {
            stats->depths[depth_of(list, rule)]++;
        }
    }
    return good;
}

static void print_words(struct stats *stats, const struct policy_image_stats *made,
                        const uint64_t chains[POLICY_IMAGE_CHAINS])
{
    const double rules = made->rules > 0 ? (double)made->rules : 1.0;
    const char *comma = "";

    printf("%zu list%s, %" PRIu64 " rules\n", stats->list_count,
           stats->list_count == 1 ? "" : "s", stats->rules);
    for (size_t i = 0; i < TALLIES; i++) {
        const struct tally *tally = tally_at(stats, i);

        printf("  %-11s", tallies[i].key);
        for (size_t k = 0; k < tally->count; k++) {
            printf("%s %s %" PRIu64, k > 0 ? "," : "", tally->items[k].word,
                   tally->items[k].count);
        }
        putchar('\n');
    }
    printf("  %-11s", "labels");
    for (unsigned i = 0; i <= WIRE_LABELS_MAX; i++) {
        if (stats->depths[i] > 0) {
            printf("%s %u: %" PRIu64, comma, i, stats->depths[i]);
            comma = ",";
        }
    }
    if (stats->public_suffixes > 0) {
        printf("\n  %" PRIu64 " whole public suffixes, with reasons", stats->public_suffixes);
    }
    printf("\nimage of %" PRIu64 " octets, %.2f a rule\n  %-11s", made->octets,
           (double)made->octets / rules, "octets");
    for (size_t i = 0; i < POLICY_IMAGE_PARTS; i++) {
        printf("%s %s %" PRIu64, i > 0 ? "," : "", made->parts[i].name, made->parts[i].octets);
    }
    printf("\n  %-11s %" PRIu64 " names, %" PRIu64 " of them above others, at most %u labels\n",
           "tree", made->nodes, made->interior, made->max_depth);
    printf("  %-11s %" PRIu64 " different rules in %" PRIu64 " sets, %" PRIu64 " classes\n",
           "rows", made->rows, made->sets, made->classes);
    printf("  %-11s", "chains");
    for (unsigned i = 0; i < POLICY_IMAGE_CHAINS; i++) {
        printf("%s %u line%s %" PRIu64, i > 0 ? "," : "", i + 1, i == 0 ? "" : "s", chains[i]);
    }
    printf("; seeds tried %u\n", made->attempt + 1);
}

static json_t *tally_json(const struct tally *tally)
{
    json_t *object = json_object();

    for (size_t i = 0; i < tally->count; i++) {
        json_object_set_new(object, tally->items[i].word,
                            json_integer((json_int_t)tally->items[i].count));
    }
    return object;
}

static int print_json(struct stats *stats, const struct policy_image_stats *made,
                      const uint64_t chains[POLICY_IMAGE_CHAINS])
{
    json_t *labels = json_object(), *parts = json_object(), *lines = json_array();
    char number[16];

    for (unsigned i = 0; i <= WIRE_LABELS_MAX; i++) {
        if (stats->depths[i] > 0) {
            snprintf(number, sizeof(number), "%u", i);
            json_object_set_new(labels, number, json_integer((json_int_t)stats->depths[i]));
        }
    }
    for (size_t i = 0; i < POLICY_IMAGE_PARTS; i++) {
        json_object_set_new(parts, made->parts[i].name,
                            json_integer((json_int_t)made->parts[i].octets));
    }
    for (unsigned i = 0; i < POLICY_IMAGE_CHAINS; i++) {
        json_array_append_new(lines, json_integer((json_int_t)chains[i]));
    }
    json_t *document =
        json_pack("{s:I,s:I,s:I,s:o,s:{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:I}}", "lists",
                  (json_int_t)stats->list_count, "rules", (json_int_t)stats->rules,
                  "public_suffixes", (json_int_t)stats->public_suffixes, "labels", labels,
                  "image", "octets", (json_int_t)made->octets, "names", (json_int_t)made->nodes,
                  "interior", (json_int_t)made->interior, "max_labels",
                  (json_int_t)made->max_depth, "rows", (json_int_t)made->rows, "sets",
                  (json_int_t)made->sets, "classes", (json_int_t)made->classes, "parts", parts,
                  "chains", lines, "seeds", (json_int_t)made->attempt + 1);

    for (size_t i = 0; document != NULL && i < TALLIES; i++) {
        json_object_set_new(document, tallies[i].key, tally_json(tally_at(stats, i)));
    }
    if (document == NULL || json_dumpf(document, stdout, JSON_COMPACT) != 0) {
        fputs("cordon list stats: out of memory\n", stderr);
        json_decref(document);
        return CLI_REFUSED;
    }
    putchar('\n');
    json_decref(document);
    return CLI_OK;
}

/* Reads, counts and compiles. */
static int gather(struct stats *stats, char **paths, size_t count, bool quiet)
{
    struct cli_progress progress;
    struct report report;
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        stats->lists[i] = cli_list_read("stats", paths[i]);
        if (stats->lists[i] == NULL) {
            return CLI_REFUSED;
        }
        stats->list_count++;
        if (!count_list(stats, stats->lists[i])) {
            rc = -ENOMEM;
        }
    }
    report_init(&report);
    cli_progress_start(&progress, quiet);
    cli_progress_watch(&progress, &report);
    if (rc == 0) {
        rc = policy_image_build_told((const struct policy_list *const *)stats->lists, count,
                                     &report, &stats->image);
    }
    cli_progress_end(&progress);
    report_deinit(&report);
    if (rc != 0) {
        fprintf(stderr, "cordon list stats: %s\n",
                rc == -EEXIST ? "two of the lists have one id: name each once"
                              : cordon_strerror(rc));
    }
    return rc == 0 ? CLI_OK : CLI_REFUSED;
}

int cli_list_stats(int argc, char **argv)
{
    bool quiet = false, json = false;
    const struct cli_option options[] = {{"quiet", 'q', NULL, &quiet},
                                         {"json", 0, NULL, &json}};
    int code = cli_options(argc, argv, "list stats", help, options, CLI_COUNT(options));

    if (code != CLI_GO_ON) {
        return code;
    }
    if (optind == argc || (size_t)(argc - optind) > POLICY_LISTS_MAX) {
        return cli_usage("list stats", "name 1 to %u lists", POLICY_LISTS_MAX);
    }
    struct stats *stats = calloc(1, sizeof(*stats));
    if (stats == NULL) {
        fputs("cordon list stats: out of memory\n", stderr);
        return CLI_REFUSED;
    }
    code = gather(stats, argv + optind, (size_t)(argc - optind), quiet);
    if (code == CLI_OK) {
        struct policy_image_stats made;
        uint64_t chains[POLICY_IMAGE_CHAINS];

        policy_image_stats(stats->image, &made);
        policy_image_chains(stats->image, chains);
        for (size_t i = 0; i < TALLIES; i++) {
            struct tally *tally = tally_at(stats, i);

            if (tally->count > 0) {
                qsort(tally->items, tally->count, sizeof(tally->items[0]), compare);
            }
        }
        if (json) {
            code = print_json(stats, &made, chains);
        } else {
            print_words(stats, &made, chains);
        }
    }
    policy_image_free(stats->image);
    for (size_t i = 0; i < stats->list_count; i++) {
        policy_list_free(stats->lists[i]);
    }
    for (size_t i = 0; i < TALLIES; i++) {
        free(tally_at(stats, i)->items);
    }
    free(stats);
    return code;
}
