/* cordon root: the root of trust of a publisher, made, signed and followed offline. */
#include "cli/root.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/signing.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char make_help[] =
    "usage: cordon root make --publisher ID --title TEXT --expires TIME\n"
    "           --root-keys KEY,KEY... --list-keys KEY,KEY... [--root-threshold N]\n"
    "           [--list-threshold N] [--providers ID,...] [--names NAME,...]\n"
    "           [--prefixes PREFIX,...] [--created TIME] [FOLDER]\n"
    "\n"
    "Writes FOLDER/1.root, unsigned: the first root of a publisher. A KEY is a .pub file or "
    "its\n"
    "base64 line. Thresholds are 2 unless they are named. Without --providers, --names and\n"
    "--prefixes the publisher may speak of all; once one is named, only of what is named.\n";

static const char show_help[] = "usage: cordon root show [--json] FILE...\n"
                                "\n"
                                "Shows what a root says, whoever signed it.\n";

static const char sign_help[] =
    "usage: cordon root sign --key SECRET.key [--password-fd N] FILE...\n"
    "\n"
    "Checks each root's text, then writes FILE.KEYID.minisig beside it. Several signers sign "
    "in\n"
    "turn: a threshold of the root keys of the version before, and of its own.\n";

static const char verify_help[] =
    "usage: cordon root verify [--folder FOLDER] [--ignore-time] [--json] PINNED\n"
    "\n"
    "Follows the roots from PINNED (N.root) along FOLDER/N+1.root ... as cordond does, and "
    "shows\n"
    "the newest. FOLDER is that of PINNED unless it is named. An expired newest root is "
    "refused\n"
    "unless --ignore-time is given.\n";

/* The words of a list "a,b,c", each handed on. False if one was refused. */
static bool each(const char *words, bool (*add)(struct trust_scope *scope, const char *word),
                 struct trust_scope *scope)
{
    char *copy = strdup(words);
    char *rest = copy;
    bool good = copy != NULL;

    for (char *word = strtok_r(copy, ",", &rest); good && word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        good = add(scope, word);
    }
    free(copy);
    return good;
}

static bool add_provider(struct trust_scope *scope, const char *word)
{
    if (scope->provider_count == TRUST_SCOPE_PROVIDERS_MAX || strlen(word) > TRUST_ID_MAX) {
        return false;
    }
    memcpy(scope->providers[scope->provider_count++], word, strlen(word) + 1);
    return true;
}

static bool add_name(struct trust_scope *scope, const char *word)
{
    if (scope->name_count == TRUST_SCOPE_NAMES_MAX || strlen(word) > TRUST_NAME_MAX) {
        return false;
    }
    memcpy(scope->names[scope->name_count++], word, strlen(word) + 1);
    return true;
}

static bool add_prefix(struct trust_scope *scope, const char *word)
{
    return scope->prefix_count < TRUST_SCOPE_PREFIXES_MAX &&
           address_prefix_parse(word, strlen(word), &scope->prefixes[scope->prefix_count++]) ==
               0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int by_prefix_text(const void *a, const void *b)
{
    char a_text[ADDRESS_TEXT_MAX];
    char b_text[ADDRESS_TEXT_MAX];

    address_prefix_format(a, a_text);
    address_prefix_format(b, b_text);
    return strcmp(a_text, b_text);
}

/* What the words of --providers, --names and --prefixes say, in the order of the form. */
static int fill_scope(const char *providers, const char *names, const char *prefixes,
                      struct trust_scope *scope)
{
    const bool some = names != NULL || prefixes != NULL;

    scope->all_providers = providers == NULL;
    scope->all_names = !some;
    scope->all_prefixes = !some;
    if (providers != NULL && !each(providers, add_provider, scope)) {
        return cli_usage("root make", "--providers names ids of at most %u octets, at most %u",
                         TRUST_ID_MAX, TRUST_SCOPE_PROVIDERS_MAX);
    }
    if (names != NULL && !each(names, add_name, scope)) {
        return cli_usage("root make", "--names has names as A-labels, at most %u",
                         TRUST_SCOPE_NAMES_MAX);
    }
    if (prefixes != NULL && !each(prefixes, add_prefix, scope)) {
        return cli_usage("root make", "--prefixes has prefixes like 192.0.2.0/24, at most %u",
                         TRUST_SCOPE_PREFIXES_MAX);
    }
    qsort(scope->providers, scope->provider_count, sizeof(scope->providers[0]), by_text);
    qsort(scope->names, scope->name_count, sizeof(scope->names[0]), by_text);
    qsort(scope->prefixes, scope->prefix_count, sizeof(scope->prefixes[0]), by_prefix_text);
    return CLI_GO_ON;
}

int cli_root_write(const char *verb, const struct trust_root *root, const char *folder)
{
    char path[PATH_MAX];
    struct report report;
    struct trust_root *parsed = NULL;
    char *text = NULL;
    size_t len = 0;
    int rc = trust_root_format(root, &text, &len);

    report_init(&report);
    if ((size_t)snprintf(path, sizeof(path), "%s/%" PRIu32 ".root", folder, root->version) >=
        sizeof(path)) {
        rc = -ENAMETOOLONG;
    }
    if (rc == 0) { /* what is written is what will be read */
        rc = trust_root_parse(text, len, path, &report, &parsed);
    }
    if (rc == 0 && access(path, F_OK) == 0) {
        report_add(&report, REPORT_ERROR, path, 0, 0,
                   "it exists: a root is never written over; remove it if nobody has it yet");
        rc = -EEXIST;
    }
    if (rc == 0) {
        rc = file_write_atomic(path, text, len, 0644);
    }
    const int code = cli_reported(verb, path, rc, &report);
    if (code == CLI_OK) {
        printf("%s\n", path);
    }
    report_deinit(&report);
    free(parsed);
    free(text);
    return code;
}

struct make {
    const char *publisher, *title, *expires, *created, *root_keys, *list_keys, *root_threshold,
        *list_threshold, *providers, *names, *prefixes;
};

static int fill(const struct make *make, struct trust_root *root)
{
    struct report report;
    unsigned thresholds[2] = {2, 2};

    root->version = 1;
    root->created_s = clock_read().wall_us / 1000000;
    if (!cli_time_parse("root make", "created", make->created, &root->created_s) ||
        !cli_time_parse("root make", "expires", make->expires, &root->expires_s)) {
        return CLI_USAGE;
    }
    if ((make->root_threshold != NULL &&
         !cli_number(make->root_threshold, 1, TRUST_KEYS_MAX, &thresholds[0])) ||
        (make->list_threshold != NULL &&
         !cli_number(make->list_threshold, 1, TRUST_KEYS_MAX, &thresholds[1]))) {
        return cli_usage("root make", "a threshold is from 1 to %d", TRUST_KEYS_MAX);
    }
    if ((size_t)snprintf(root->publisher, sizeof(root->publisher), "%s", make->publisher) >=
            sizeof(root->publisher) ||
        (size_t)snprintf(root->title, sizeof(root->title), "%s", make->title) >=
            sizeof(root->title)) {
        return cli_usage("root make", "--publisher has at most %u octets, --title %u",
                         TRUST_ID_MAX, TRUST_TITLE_MAX);
    }
    const int code = fill_scope(make->providers, make->names, make->prefixes, &root->scope);
    if (code != CLI_GO_ON) {
        return code;
    }
    report_init(&report);
    const bool good = cli_keys_parse(make->root_keys, &root->root, &report) &&
                      cli_keys_parse(make->list_keys, &root->list, &report);
    report_print(&report, stderr);
    report_deinit(&report);
    root->root.threshold = thresholds[0];
    root->list.threshold = thresholds[1];
    return good ? CLI_GO_ON : CLI_REFUSED;
}

static int make_root(int argc, char **argv)
{
    struct make make = {.publisher = NULL};
    const char *folder = NULL;
    const struct cli_option options[] = {{"publisher", 0, &make.publisher, NULL},
                                         {"title", 0, &make.title, NULL},
                                         {"expires", 0, &make.expires, NULL},
                                         {"created", 0, &make.created, NULL},
                                         {"root-keys", 0, &make.root_keys, NULL},
                                         {"list-keys", 0, &make.list_keys, NULL},
                                         {"root-threshold", 0, &make.root_threshold, NULL},
                                         {"list-threshold", 0, &make.list_threshold, NULL},
                                         {"providers", 0, &make.providers, NULL},
                                         {"names", 0, &make.names, NULL},
                                         {"prefixes", 0, &make.prefixes, NULL}};
    int code = cli_options(argc, argv, "root make", make_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, "root make", &folder, 1);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    if (make.publisher == NULL || make.title == NULL || make.expires == NULL ||
        make.root_keys == NULL || make.list_keys == NULL) {
        return cli_usage("root make", "--publisher, --title, --expires, --root-keys and "
                                      "--list-keys are needed");
    }
    struct trust_root *root = calloc(1, sizeof(*root));
    if (root == NULL) {
        fprintf(stderr, "cordon root make: %s\n", cordon_strerror(-ENOMEM));
        return CLI_REFUSED;
    }
    code = fill(&make, root);
    if (code == CLI_GO_ON) {
        code = cli_root_write("root make", root, folder != NULL ? folder : ".");
    }
    free(root);
    return code;
}

int cli_root_read(const char *verb, const char *path, struct trust_root **root)
{
    struct report report;
    uint8_t *text = NULL;
    size_t len = 0;

    report_init(&report);
    int rc = file_read(path, TRUST_ROOT_OCTETS_MAX, &text, &len);
    if (rc == 0) {
        rc = trust_root_parse((const char *)text, len, path, &report, root);
    }
    const int code = cli_reported(verb, path, rc, &report);
    report_deinit(&report);
    free(text);
    return code;
}

static void print_role(const char *word, const struct trust_keyring *keyring, bool json)
{
    char id[TRUST_KEY_ID_TEXT];

    printf(json ? ",\"%s\":{\"threshold\":%u,\"keys\":[" : "  %s: %u of", word,
           keyring->threshold);
    for (size_t i = 0; i < keyring->count; i++) {
        trust_key_id_format(keyring->keys[i].id, id);
        printf(json ? "%s\"%s\"" : "%s %s", json && i > 0 ? "," : "", id);
    }
    printf(json ? "]}" : "\n");
}

void cli_root_print(const struct trust_root *root, const char *path, const char *state,
                    bool json)
{
    char created[CLOCK_TEXT_MAX];
    char expires[CLOCK_TEXT_MAX];
    const struct trust_scope *scope = &root->scope;

    clock_format_s(root->created_s, created);
    clock_format_s(root->expires_s, expires);
    if (json) { /* ids and times have no octet that JSON would escape */
        printf("{\"publisher\":\"%s\",\"version\":%" PRIu32
               ",\"created\":\"%s\",\"expires\":\"%s\",\"state\":\"%s\"",
               root->publisher, root->version, created, expires, state);
    } else {
        printf("%s: root %" PRIu32 " of %s (%s), %s to %s, %s\n", path, root->version,
               root->publisher, root->title, created, expires, state);
    }
    print_role("root", &root->root, json);
    print_role("list", &root->list, json);
    if (json) {
        printf(",\"scope_all\":%s}\n", trust_scope_is_all(scope) ? "true" : "false");
        return;
    }
    printf("  speaks of: %s", scope->all_providers ? "all providers" : "");
    for (size_t i = 0; i < scope->provider_count; i++) {
        printf("%s%s", i > 0 ? ", " : "", scope->providers[i]);
    }
    printf("; names: %s", scope->all_names ? "all" : scope->name_count == 0 ? "none" : "");
    for (size_t i = 0; i < scope->name_count; i++) {
        printf("%s%s", i > 0 ? ", " : "", scope->names[i]);
    }
    printf("; prefixes: %s", scope->all_prefixes        ? "all"
                             : scope->prefix_count == 0 ? "none"
                                                        : "");
    for (size_t i = 0; i < scope->prefix_count; i++) {
        char prefix[ADDRESS_TEXT_MAX];

        address_prefix_format(&scope->prefixes[i], prefix);
        printf("%s%s", i > 0 ? ", " : "", prefix);
    }
    printf("\n");
}

static int show(int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {{"json", 0, NULL, &json}};
    int code = cli_options(argc, argv, "root show", show_help, options, CLI_COUNT(options));

    if (code != CLI_GO_ON) {
        return code;
    }
    if (optind == argc) {
        return cli_usage("root show", "name at least one root, N.root");
    }
    code = CLI_OK;
    for (int i = optind; i < argc; i++) {
        struct trust_root *root = NULL;
        const int one = cli_root_read("root show", argv[i], &root);

        if (one == CLI_OK) {
            cli_root_print(root, argv[i], "not verified", json);
        }
        code = one != CLI_OK ? one : code;
        free(root);
    }
    return code;
}

static int sign_one(const char *path, const struct trust_secret_key *key, struct report *report)
{
    uint8_t *text = NULL;
    size_t len = 0;
    struct trust_root *root = NULL;
    char comment[256];
    int rc = file_read(path, TRUST_ROOT_OCTETS_MAX, &text, &len);

    if (rc == 0) {
        rc = trust_root_parse((const char *)text, len, path, report, &root);
    }
    if (rc == 0) {
        snprintf(comment, sizeof(comment), "cordon root of %s version %" PRIu32,
                 root->publisher, root->version);
        rc = cli_sign_beside(path, text, len, comment, key);
    }
    free(root);
    free(text);
    return rc;
}

static int sign(int argc, char **argv)
{
    return cli_sign_files(argc, argv, "root sign", sign_help, sign_one);
}

void cli_root_folder(const char *pinned, const char *named, char out[PATH_MAX])
{
    const char *slash = strrchr(pinned, '/');

    if (named != NULL) {
        snprintf(out, PATH_MAX, "%s", named);
    } else if (slash == NULL) {
        snprintf(out, PATH_MAX, ".");
    } else {
        snprintf(out, PATH_MAX, "%.*s", (int)(slash == pinned ? 1 : slash - pinned), pinned);
    }
}

static int verify(int argc, char **argv)
{
    bool json = false;
    bool ignore_time = false;
    const char *named = NULL;
    const char *pinned = NULL;
    char folder[PATH_MAX];
    struct report report;
    struct trust_root *root = NULL;
    const struct cli_option options[] = {{"folder", 0, &named, NULL},
                                         {"ignore-time", 0, NULL, &ignore_time},
                                         {"json", 0, NULL, &json}};
    int code = cli_options(argc, argv, "root verify", verify_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, "root verify", &pinned, 1);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    if (pinned == NULL) {
        return cli_usage("root verify", "name the root that is pinned, N.root");
    }
    cli_root_folder(pinned, named, folder);
    report_init(&report);
    int rc = trust_root_newest(pinned, folder, &report, &root);
    if (rc == 0) {
        const enum trust_state state =
            trust_state_at(root->expires_s, UINT64_MAX, root->created_s,
                           ignore_time ? 0 : clock_read().wall_us / 1000000);

        cli_root_print(root, pinned, ignore_time ? "time ignored" : trust_state_word(state),
                       json);
        if (state == TRUST_STALE) {
            report_add(&report, REPORT_ERROR, folder, 0, 0,
                       "root %" PRIu32 " has expired: there must be a %" PRIu32 ".root",
                       root->version, root->version + 1);
            rc = CORDON_E_REFUSED;
        }
    }
    code = cli_reported("root verify", pinned, rc, &report);
    report_deinit(&report);
    free(root);
    return code;
}

int cli_root(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"make", make_root, "make --publisher ID --title TEXT --expires TIME ... [FOLDER]"},
        {"rotate", cli_root_rotate, "rotate --expires TIME [--add-list KEY,...] ... FILE"},
        {"show", show, "show [--json] FILE..."},
        {"sign", sign, "sign --key SECRET.key [--password-fd N] FILE..."},
        {"verify", verify, "verify [--folder FOLDER] [--ignore-time] [--json] PINNED"},
    };

    return cli_dispatch("root", verbs, CLI_COUNT(verbs), argc, argv);
}
