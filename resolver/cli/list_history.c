/* cordon list history: which versions were in force when, why, and which can be put back. */
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/history.h"
#include "cli/list.h"
#include "cli/safe.h"
#include "policy/versions.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cordon list history [LIST] [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Without LIST: each set of lists that came into force here, when, why and by whose word, "
    "and\n"
    "what was new in it. With LIST: its versions, with their hashes, and whether each is "
    "kept,\n"
    "so that `cordon list rollback` can put it back. From the running daemon, else from the\n"
    "files of its state directory. --json: the sets as they were written (docs/updates.md).\n"
    "Exit status: 0 shown; 1 nothing is known, or it cannot be read; 2 wrong usage.\n";

struct show {
    struct cli_daemon daemon;
    bool json;
    const char *list; /* NULL: all */
    struct cli_history history;
    json_t *kept; /* "list", "serial", "hash" (16 digits), "octets", "last" */
};

/* --- getting it --- */

/* All pages of the daemon. CLI_OK, CLI_UNREACHABLE without a word, or the code after one. */
static int from_daemon(struct show *show)
{
    json_int_t next = 0;
    int code = CLI_OK;

    do {
        json_t *reply =
            cli_ask(&show->daemon, "list-history", json_pack("{s:I}", "from", next), &code);
        const json_t *lines = json_object_get(reply, "lines");

        if (reply != NULL) {
            code = cli_refusal("list history", reply);
        }
        if (code == CLI_OK && next == 0) {
            show->kept = json_incref(json_object_get(reply, "kept"));
        }
        for (size_t i = 0; code == CLI_OK && i < json_array_size(lines); i++) {
            const char *line = json_string_value(json_array_get(lines, i));

            if (line == NULL || cli_history_parse(line, strlen(line), &show->history) != 0) {
                code = CLI_REFUSED;
            }
        }
        next = json_integer_value(json_object_get(reply, "next"));
        json_decref(reply);
    } while (code == CLI_OK && next > 0);
    return code;
}

static void add_kept(struct show *show, const char *folder, const char *id)
{
    struct policy_kept_version *versions = calloc(POLICY_VERSIONS_MAX, sizeof(versions[0]));
    size_t count = 0;

    if (versions != NULL) {
        (void)policy_versions_find(folder, id, versions, &count);
    }
    for (size_t i = 0; i < count; i++) {
        json_t *kept = json_object();

        cli_add_string(kept, "list", id);
        json_object_set_new(kept, "serial", json_integer(versions[i].serial));
        cli_add_string(kept, "hash", versions[i].hash);
        json_object_set_new(kept, "octets", json_integer((json_int_t)versions[i].octets));
        json_array_append_new(show->kept, kept);
    }
    free(versions);
}

static int from_files(struct show *show)
{
    struct config *config = cli_config(show->daemon.config);
    char folder[PATH_MAX];

    if (config == NULL) {
        return CLI_REFUSED;
    }
    const char *state = config->state_directory;
    const int rc = state == NULL ? -ENOENT : cli_history_read(state, &show->history);
    if (rc != 0) {
        fprintf(stderr, "cordon list history: %s: %s\n",
                state == NULL ? "state.directory" : state, cordon_strerror(rc));
    } else if ((size_t)snprintf(folder, sizeof(folder), "%s/" POLICY_VERSIONS_FOLDER, state) <
               sizeof(folder)) {
        const json_t *last =
            json_array_get(show->history.sets, json_array_size(show->history.sets) - 1);
        const json_t *lists = json_object_get(last, "lists");

        show->kept = json_array();
        for (size_t i = 0; i < json_array_size(lists); i++) {
            add_kept(show, folder, cli_string_of(json_array_get(lists, i), "id"));
        }
    }
    config_free(config);
    return rc == 0 ? CLI_OK : CLI_REFUSED;
}

/* --- showing it --- */

static bool is_kept(const struct show *show, const char *id, const json_t *list)
{
    const char *hash = cli_string_of(list, "hash");

    for (size_t i = 0; i < json_array_size(show->kept); i++) {
        const json_t *kept = json_array_get(show->kept, i);

        if (strcmp(cli_string_of(kept, "list"), id) == 0 &&
            cli_number_of(kept, "serial") == cli_number_of(list, "serial") &&
            strncmp(cli_string_of(kept, "hash"), hash, POLICY_VERSION_HASH) == 0) {
            return true;
        }
    }
    return false;
}

/* Is it the same version in the same way? Either may be NULL. */
static bool is_same(const json_t *a, const json_t *b)
{
    return a != NULL && b != NULL &&
           strcmp(cli_string_of(a, "hash"), cli_string_of(b, "hash")) == 0 &&
           strcmp(cli_string_of(a, "mode"), cli_string_of(b, "mode")) == 0 &&
           json_is_true(json_object_get(a, "held")) == json_is_true(json_object_get(b, "held"));
}

/* ": rollback of shop, by root: it blocks the bank" */
static void print_cause(const json_t *set)
{
    const char *list = cli_string_of(set, "list");
    const char *reason = cli_string_of(set, "reason");
    const char *user = cli_string_of(set, "user");
    char text[600];

    printf("%s", cli_safe(cli_string_of(set, "cause"), text, sizeof(text)));
    if (list[0] != '\0') {
        printf(" of %s", cli_safe(list, text, sizeof(text)));
    }
    if (json_is_integer(json_object_get(set, "uid"))) {
        printf(", by %s", user[0] != '\0' ? cli_safe(user, text, sizeof(text)) : "uid ");
        if (user[0] == '\0') {
            printf("%" PRIu64, cli_number_of(set, "uid"));
        }
    }
    if (reason[0] != '\0') {
        printf(": %s", cli_safe(reason, text, sizeof(text)));
    }
    printf("\n");
}

static void print_change(const char *id, const json_t *was, const json_t *is)
{
    char mode[16];

    if (is == NULL) {
        printf("  %-24s is in use no more\n", id);
    } else if (!is_same(was, is)) {
        printf("  %-24s serial %" PRIu64, id, cli_number_of(is, "serial"));
        if (was != NULL && cli_number_of(was, "serial") != cli_number_of(is, "serial")) {
            printf(" instead of %" PRIu64, cli_number_of(was, "serial"));
        }
        printf(", %s%s\n", cli_safe(cli_string_of(is, "mode"), mode, sizeof(mode)),
               json_is_true(json_object_get(is, "held")) ? ", held" : "");
    }
}

static void print_sets(const struct show *show)
{
    const json_t *before = NULL;

    for (size_t i = 0; i < json_array_size(show->history.sets); i++) {
        const json_t *set = json_array_get(show->history.sets, i);
        const json_t *lists = json_object_get(set, "lists");
        const json_t *old = json_object_get(before, "lists");

        printf("%.19sZ  generation %" PRIu64 "  ", cli_string_of(set, "time"),
               cli_number_of(set, "generation"));
        print_cause(set);
        for (size_t k = 0; k < json_array_size(lists); k++) {
            const char *id = cli_string_of(json_array_get(lists, k), "id");

            print_change(id, cli_history_list(before, id), json_array_get(lists, k));
        }
        for (size_t k = 0; k < json_array_size(old); k++) {
            const char *id = cli_string_of(json_array_get(old, k), "id");

            if (cli_history_list(set, id) == NULL) {
                print_change(id, NULL, NULL);
            }
        }
        before = set;
    }
}

/* False: it never was in force. */
static bool print_list(const struct show *show)
{
    const json_t *before = NULL;
    bool any = false;

    for (size_t i = 0; i < json_array_size(show->history.sets); i++) {
        const json_t *set = json_array_get(show->history.sets, i);
        const json_t *list = cli_history_list(set, show->list);
        char mode[16];

        if (list != NULL && !is_same(before, list)) {
            if (!any) {
                printf("%-20s %10s  %-16s %-8s %-4s %-4s %s\n", "SINCE", "SERIAL", "HASH",
                       "MODE", "KEPT", "HELD", "CAUSE");
            }
            any = true;
            printf("%.19sZ %10" PRIu64 "  %.16s %-8s %-4s %-4s ", cli_string_of(set, "time"),
                   cli_number_of(list, "serial"), cli_string_of(list, "hash"),
                   cli_safe(cli_string_of(list, "mode"), mode, sizeof(mode)),
                   is_kept(show, show->list, list) ? "yes" : "no",
                   json_is_true(json_object_get(list, "held")) ? "yes" : "-");
            print_cause(set);
        } else if (list == NULL && before != NULL) {
            printf("%.19sZ is in use no more: ", cli_string_of(set, "time"));
            print_cause(set);
        }
        before = list;
    }
    return any;
}

static void print_document(const struct show *show)
{
    json_t *document = json_object();
    json_t *sets = json_array();

    for (size_t i = 0; i < json_array_size(show->history.sets); i++) {
        json_t *set = json_array_get(show->history.sets, i);

        if (show->list == NULL || cli_history_list(set, show->list) != NULL) {
            json_array_append(sets, set);
        }
    }
    json_object_set_new(document, "ok", json_true());
    json_object_set_new(document, "sets", sets);
    json_object_set(document, "kept", show->kept);
    json_object_set_new(document, "damaged", json_integer(show->history.damaged));
    cli_print_document(document);
    json_decref(document);
}

static int print(const struct show *show)
{
    if (show->json) {
        print_document(show);
        return CLI_OK;
    }
    if (show->history.damaged > 0) {
        fprintf(stderr,
                "cordon list history: %u lines cannot be read: what they said is not known\n",
                show->history.damaged);
    }
    if (show->list != NULL && !print_list(show)) {
        fprintf(stderr, "cordon list history: %s was never in force here, as far as is known\n",
                show->list);
        return CLI_REFUSED;
    }
    if (show->list == NULL) {
        print_sets(show);
    }
    return CLI_OK;
}

int cli_list_history(int argc, char **argv)
{
    struct show show = {.json = false};
    const struct cli_option options[] = {
        {"json", 0, NULL, &show.json},
        CLI_DAEMON_OPTIONS(&show.daemon),
    };
    char socket[4096];
    char *reply = NULL;
    size_t len = 0;
    int code = cli_options(argc, argv, "list history", help, options, CLI_COUNT(options));

    code = code == CLI_GO_ON ? cli_words(argc, argv, "list history", &show.list, 1) : code;
    if (code != CLI_GO_ON) {
        return code;
    }
    if (!cli_socket_path(show.daemon.socket, show.daemon.config, socket, sizeof(socket))) {
        return CLI_REFUSED;
    }
    /* Whether anybody is there, without a word. */
    const bool runs = cli_ask_within(socket, "version", 2000, &reply, &len) == 0;
    free(reply);
    code = runs || show.daemon.socket != NULL ? from_daemon(&show) : from_files(&show);
    if (code == CLI_OK) {
        code = print(&show);
    }
    cli_history_free(&show.history);
    json_decref(show.kept);
    return code;
}
