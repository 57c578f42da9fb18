/*
 * decide - what signed lists say of names, by libcordon.
 *
 *   cc decide.c $(pkg-config --cflags --libs cordon) -o decide
 *   ./decide LISTS KEY...|N.root -- LIST... -- NAME...
 *
 * LISTS is the folder of ID.list and signatures; each KEY a .pub file, of which two must have
 * signed, or N.root the publisher's root; each LIST an id. Prints a line per name, then why:
 * each rule that matches, and the law behind a block. Exit status: 0 none is blocked; 1 some
 * are; 2 the lists cannot be used.
 */
#include <cordon/explain.h>
#include <cordon/policy.h>
#include <cordon/version.h>

#include <stdio.h>
#include <string.h>

#define ITEMS_MAX 64

/* Takes arguments up to "--" or the end. Returns how many. */
static size_t take(char ***argument, const char **out)
{
    size_t count = 0;

    while (**argument != NULL && strcmp(**argument, "--") != 0) {
        if (count < ITEMS_MAX) {
            out[count++] = **argument;
        }
        ++*argument;
    }
    *argument += **argument != NULL;
    return count;
}

/* A rule that matches: on a line of its own, with what became of it. */
static int tell_rule(void *context, const struct cordon_finding *finding)
{
    const struct cordon_policy *policy = context;
    struct cordon_list_info list = {.size = sizeof(list)};
    char words[CORDON_NAME_TEXT_MAX + 48];

    cordon_match_text(policy, &finding->match, words, sizeof(words));
    if (cordon_policy_list(policy, finding->match.list, &list) == 0) {
        printf("    %s of %s %s\n", words, list.id, finding->words);
    }
    return 0;
}

/* The legal basis in full. */
static void tell_law(const struct cordon_policy *policy, size_t list)
{
    char words[2048];

    for (size_t i = 0; i < cordon_list_facts(policy, list); i++) {
        cordon_list_fact_text(policy, list, i, words, sizeof(words));
        printf("    %s\n", words);
    }
}

static int tell(struct cordon_policy *policy, const char *text)
{
    struct cordon_decision decision = {.size = sizeof(decision)};
    struct cordon_list_info list = {.size = sizeof(list)};
    struct cordon_name name;
    char rule[CORDON_NAME_TEXT_MAX + 48];

    if (cordon_name_from_text(text, &name) != 0 ||
        cordon_decide_name(policy, name.octets, name.len, &decision) != 0) {
        printf("%s is no name\n", text);
        return 0;
    }
    if (decision.count == 0) {
        printf("%s: no rule\n", text);
    }
    for (unsigned i = 0; i < decision.count; i++) {
        const struct cordon_match *match = &decision.matches[i];

        cordon_match_text(policy, match, rule, sizeof(rule));
        if (cordon_policy_list(policy, match->list, &list) == 0) {
            printf("%s: %s%s by \"%s\" of %s, serial %u; %s: %s\n", text,
                   decision.blocked && i == decision.block ? "" : "would be, or only told: ",
                   cordon_action_name(match->action), rule, list.id, (unsigned)list.serial,
                   list.status_class, list.status_entity);
        }
    }
    cordon_explain_name(policy, 0, NULL, name.octets, name.len, tell_rule, policy);
    if (decision.blocked) {
        tell_law(policy, decision.matches[decision.block].list);
    }
    return decision.blocked;
}

/* By whose word, and how old it is. */
static void tell_trust(const struct cordon_policy *policy)
{
    struct cordon_trust_info trust = {.size = sizeof(trust)};
    struct cordon_list_info list = {.size = sizeof(list)};

    if (cordon_policy_trust(policy, &trust) == 0 && trust.publisher[0] != '\0') {
        printf("by root %u of %s, catalogue %u\n", (unsigned)trust.root_version,
               trust.publisher, (unsigned)trust.catalogue_serial);
    }
    for (size_t i = 0; cordon_policy_list(policy, i, &list) == 0; i++) {
        printf("%s is %s\n", list.id,
               cordon_freshness_name(cordon_policy_freshness(policy, i, 0)));
    }
}

int main(int argc, char **argv)
{
    struct cordon_policy_options options = {.size = sizeof(options)};
    struct cordon_list_use uses[ITEMS_MAX];
    struct cordon_policy *policy = NULL;
    const char *keys[ITEMS_MAX], *ids[ITEMS_MAX], *names[ITEMS_MAX];
    char message[2048];
    int blocked = 0;

    if (argc < 3) {
        fprintf(stderr,
                "usage: decide LISTS KEY...|N.root -- LIST... -- NAME... (libcordon %s)\n",
                cordon_version());
        return 2;
    }
    options.list_directory = argv[1];
    argv += 2;
    const size_t key_count = take(&argv, keys);
    if (key_count == 1 && strlen(keys[0]) > 5 &&
        strcmp(keys[0] + strlen(keys[0]) - 5, ".root") == 0) {
        options.root = keys[0];
    } else {
        options.keys = keys;
        options.key_count = key_count;
        options.threshold = 2;
    }
    options.list_count = take(&argv, ids);
    for (size_t i = 0; i < options.list_count; i++) {
        uses[i].id = ids[i];
        uses[i].mode = CORDON_MODE_ENFORCE;
        uses[i].action = CORDON_ACTION_DEFAULT;
    }
    options.lists = uses;
    const int rc = cordon_policy_open(&options, &policy, message, sizeof(message));
    if (message[0] != '\0') {
        fprintf(stderr, "%s\n", message);
    }
    if (rc != 0) {
        fprintf(stderr, "%s\n", cordon_strerror(rc));
        return 2;
    }
    tell_trust(policy);
    const size_t count = take(&argv, names);
    for (size_t i = 0; i < count; i++) {
        blocked |= tell(policy, names[i]);
    }
    cordon_policy_close(policy);
    return blocked;
}
