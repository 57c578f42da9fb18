/* cordon pause and cordon exception: what a running daemon lets through for a while. */
#include "base/clock.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/exception.h"
#include "cli/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char pause_help[] =
    "usage: cordon pause LIST|all --for DURATION --reason TEXT [--until-restart]\n"
    "       cordon pause end LIST|all [--reason TEXT] [--until-restart]\n"
    "       cordon pause list [--json]\n"
    "       each with [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Puts a list, or all, into log mode: what it would have blocked is let through and "
    "recorded.\n"
    "In force within a second, kept over a restart, recorded as an event with who did it, and\n"
    "over by itself. DURATION: 90s, 10m, 2h or 1d, which is the most. A second pause of the "
    "same\n"
    "list replaces the first.\n"
    "--until-restart: do not keep it; for when the daemon's state directory cannot be "
    "written.\n"
    "Exit status: 0 done, 1 refused, 2 wrong usage, 3 no daemon answers.\n";

static const char exception_help[] =
    "usage: cordon exception add NAME|--rule RULE --until TIME|--for DURATION\n"
    "                        --ticket ID|--licence NO --reason TEXT [--approver WHO]\n"
    "                        [--from TIME] [--scope chain] [--exact] [--view VIEW]\n"
    "                        [--id ID] [--public-suffix] [--until-restart]\n"
    "       cordon exception remove NAME|--rule RULE|--id ID [--view VIEW] [--reason TEXT]\n"
    "                        [--until-restart]\n"
    "       cordon exception list [--json]\n"
    "       cordon exception check|sign ... FILE...   files of exceptions, each with its "
    "--help\n"
    "       each with [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Lets NAME and all below it through, whatever lists say, wherever it appears: asked for, "
    "or "
    "on\n"
    "the way of another name's answer. --scope chain: when NAME is asked for, also all that "
    "its\n"
    "answer leads to (aliases, service targets, addresses). --exact: NAME alone, nothing "
    "below.\n"
    "--public-suffix: NAME is one, such as co.uk, and the names of everybody below it are "
    "meant.\n"
    "--rule: not a name, but one rule of a list, \"LIST: block suffix NAME\" as events show "
    "it: "
    "it\n"
    "does not count, while all others do. --licence: of an authority, with or instead of a "
    "ticket.\n"
    "--approver: who has allowed it. --from: not before this time. --id: a short word for it.\n"
    "--view: for that view's clients only. TIME: YYYY-MM-DD (its beginning, UTC) or\n"
    "YYYY-MM-DDTHH:MM:SSZ, also with an offset such as +01:00; DURATION: 2h, 30d; at most 366 "
    "days.\n"
    "A second one for the same name, match and view, or rule and view, replaces the first. In "
    "force within a "
    "second,\n"
    "kept over a restart, recorded as an event with who did it, and over by itself; each use "
    "is "
    "an\n"
    "event with the ticket.\n"
    "--until-restart: do not keep it; for when the daemon's state directory cannot be "
    "written.\n"
    "Exit status: 0 done, 1 refused, 2 wrong usage, 3 no daemon answers.\n";

struct options {
    const char *command; /* "pause": for messages */
    struct cli_daemon daemon;
    bool json, until_restart, exact, public_suffix;
    const char *for_text, *until, *reason, *ticket, *scope, *view;
    const char *rule, *licence, *approver, *from, *id;
};

/* -1: go on; otherwise the exit code. */
static int parse(int argc, char **argv, const char *help, struct options *out)
{
    const struct cli_option options[] = {
        {"for", 0, &out->for_text, NULL},
        {"until", 0, &out->until, NULL},
        {"reason", 0, &out->reason, NULL},
        {"ticket", 0, &out->ticket, NULL},
        {"scope", 0, &out->scope, NULL},
        {"view", 0, &out->view, NULL},
        {"rule", 0, &out->rule, NULL},
        {"licence", 0, &out->licence, NULL},
        {"approver", 0, &out->approver, NULL},
        {"from", 0, &out->from, NULL},
        {"id", 0, &out->id, NULL},
        {"exact", 0, NULL, &out->exact},
        {"until-restart", 0, NULL, &out->until_restart},
        {"public-suffix", 0, NULL, &out->public_suffix},
        {"json", 0, NULL, &out->json},
        CLI_DAEMON_OPTIONS(&out->daemon),
    };

    return cli_options(argc, argv, out->command, help, options, CLI_COUNT(options));
}

/* Adds a time under this key. CLI_OK, or the code after a message. */
static int add_moment(const struct options *options, json_t *arguments, const char *key,
                      const char *given)
{
    char text[CLOCK_TEXT_MAX];
    uint64_t seconds = 0;

    if (!cli_time(given, &seconds)) {
        return cli_usage(options->command,
                         "'%s' is no time: YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ", given);
    }
    clock_format_s(seconds, text);
    cli_add_string(arguments, key, text);
    return CLI_OK;
}

/* Adds "from", and "until" or "for_s". CLI_OK, or the code after a message. */
static int add_time(const struct options *options, json_t *arguments)
{
    uint64_t seconds = 0;

    if (options->from != NULL) {
        const int code = add_moment(options, arguments, "from", options->from);

        if (code != CLI_OK) {
            return code;
        }
    }
    if ((options->for_text == NULL) == (options->until == NULL)) {
        return cli_usage(options->command, "say for how long: --for 10m, 2h or 1d%s",
                         strcmp(options->command, "exception") == 0
                             ? ", or --until YYYY-MM-DD (one of the two)"
                             : "");
    }
    if (options->for_text != NULL) {
        if (!cli_duration(options->for_text, &seconds)) {
            return cli_usage(options->command,
                             "'%s' is no duration: a number and s, m, h or d, such as 10m",
                             options->for_text);
        }
        json_object_set_new(arguments, "for_s", json_integer((json_int_t)seconds));
        return CLI_OK;
    }
    return add_moment(options, arguments, "until", options->until);
}

/* A text of the command line as an argument; false after a message if it is no UTF-8. */
static bool add_text(const char *command, json_t *arguments, const char *key, const char *text)
{
    if (!cli_add_string(arguments, key, text)) {
        cli_usage(command, "%s is not in UTF-8", key);
        return false;
    }
    return true;
}

/* What is to be known of an exception that is not simply in force. */
static void print_state(const json_t *entry, bool ended)
{
    static const struct {
        const char *state, *words;
    } rows[] = {
        {"waiting", "not yet: it begins"},
        {"over", "over: it counts no more"},
        {"rule-gone", "without effect: no list that is loaded has this rule (`cordon lists`)"},
        {"no-view", "without effect: there is no such view (`cordon status` shows all)"},
        {"unsigned", "without effect: only signed files of exceptions count here"},
    };
    const char *state = ended ? "" : cli_string_of(entry, "state");

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(state, rows[i].state) == 0) {
            printf("  %s%s%s\n", rows[i].words, i == 0 ? " " : "",
                   i == 0 ? cli_string_of(entry, "from") : "");
        }
    }
}

/* ended: what it was. */
static void print_entry(const json_t *entry, bool ended)
{
    static const struct {
        const char *key, *words;
    } references[] = {{"id", "id"},
                      {"ticket", "ticket"},
                      {"licence", "licence"},
                      {"approver", "approved by"}};
    const char *list = cli_string_of(entry, "list");
    const char *user = cli_string_of(entry, "user");
    const char *view = cli_string_of(entry, "view");
    char left[32];

    if (list[0] != '\0') {
        printf("%s\n", list);
    } else {
        const char *rule = cli_string_of(entry, "rule");
        const char *match = cli_string_of(entry, "match");

        printf("%s%s%s%s%s\n", rule[0] != '\0' ? "the rule " : cli_string_of(entry, "name"),
               rule[0] != '\0'               ? rule
               : strcmp(match, "exact") == 0 ? " alone"
                                             : " and all below it",
               strcmp(cli_string_of(entry, "scope"), "chain") == 0
                   ? ", with all that its answer leads to"
                   : "",
               view[0] != '\0' ? ", in view " : "", view);
    }
    print_state(entry, ended);
    printf("  %s %s, another %s%s\n", ended ? "was to last until" : "until",
           cli_string_of(entry, "until"), cli_left(cli_number_of(entry, "left_s"), left),
           json_is_true(json_object_get(entry, "kept"))
               ? ""
               : ", or until the daemon's next restart");
    for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
        if (cli_string_of(entry, references[i].key)[0] != '\0') {
            printf("  %s %s\n", references[i].words, cli_string_of(entry, references[i].key));
        }
    }
    if (cli_string_of(entry, "file")[0] != '\0') {
        printf("  in %s, since %s: %s\n", cli_string_of(entry, "file"),
               cli_string_of(entry, "since"), cli_string_of(entry, "reason"));
        return;
    }
    printf("  by %s (uid %" PRIu64 "), %s: %s\n",
           user[0] != '\0' ? user : "a user without a name", cli_number_of(entry, "uid"),
           cli_string_of(entry, "since"), cli_string_of(entry, "reason"));
    if (json_is_true(json_object_get(entry, "dormant"))) {
        printf("  without effect: there is no such list or view at the moment\n");
    }
}

/* Sends a change and tells how it went. */
static int change(const struct options *options, const char *command, json_t *arguments,
                  const char *done, bool ended)
{
    int code = CLI_OK;
    json_t *reply = cli_ask(&options->daemon, command, arguments, &code);

    if (reply == NULL) {
        return code;
    }
    code = cli_refusal(options->command, reply);
    if (options->json) {
        cli_print_document(reply);
    } else if (code == CLI_OK) {
        const char *key = strcmp(options->command, "pause") == 0 ? "pauses" : "exceptions";
        const json_t *entries = json_object_get(reply, key);

        printf("%s%s\n", done,
               json_is_true(json_object_get(reply, "replaced")) ? ", instead of an earlier one"
                                                                : "");
        for (size_t i = 0; i < json_array_size(entries); i++) {
            print_entry(json_array_get(entries, i), ended);
        }
        if (json_is_true(json_object_get(reply, "in_force"))) {
            printf("In force after %" PRIu64 " ms; %s.\n", cli_number_of(reply, "milliseconds"),
                   ended ? "clients may use what they were answered until its time is over"
                         : "clients forget a blocked answer after policy.block-ttl");
        } else {
            printf("Recorded, and not in force yet: a thread of the daemon is held up (`cordon "
                   "status`). It follows by itself.\n");
        }
    }
    json_decref(reply);
    return code;
}

/* All pages of pauses or exceptions in one array, or NULL after a message. */
static json_t *read_all(const struct options *options, const char *key, int *code)
{
    json_t *all = json_array();
    json_int_t next = 0;

    do {
        json_t *reply =
            cli_ask(&options->daemon, "changes", json_pack("{s:I}", "from", next), code);
        if (reply != NULL) {
            *code = cli_refusal(options->command, reply);
        }
        if (*code != CLI_OK) {
            json_decref(reply);
            json_decref(all);
            return NULL;
        }
        json_array_extend(all, json_object_get(reply, key));
        next = json_integer_value(json_object_get(reply, "next"));
        json_decref(reply);
    } while (next > 0);
    return all;
}

static int list_all(const struct options *options, const char *key, const char *none)
{
    int code = CLI_OK;
    json_t *all = read_all(options, key, &code);

    if (all == NULL) {
        return code;
    }
    if (options->json) {
        cli_print_document(all);
    } else if (json_array_size(all) == 0) {
        printf("%s\n", none);
    }
    for (size_t i = 0; !options->json && i < json_array_size(all); i++) {
        print_entry(json_array_get(all, i), false);
    }
    json_decref(all);
    return code;
}

static int pause_end(const struct options *options, const char *list)
{
    json_t *arguments = json_object();

    if (!add_text("pause", arguments, "list", list) ||
        !add_text("pause", arguments, "reason", options->reason)) {
        json_decref(arguments);
        return CLI_USAGE;
    }
    json_object_set_new(arguments, "until_restart", json_boolean(options->until_restart));
    return change(options, "pause-end", arguments, "paused no more", true);
}

static int pause_begin(const struct options *options, const char *list)
{
    json_t *arguments = json_object();
    int code = CLI_OK;

    if (options->until != NULL) {
        code = cli_usage("pause", "a pause has a length: --for 10m");
    } else if (options->reason == NULL) {
        code = cli_usage("pause", "say why: --reason TEXT");
    } else {
        code = add_time(options, arguments);
    }
    if (code == CLI_OK && (!add_text("pause", arguments, "list", list) ||
                           !add_text("pause", arguments, "reason", options->reason))) {
        code = CLI_USAGE;
    }
    if (code != CLI_OK) {
        json_decref(arguments);
        return code;
    }
    json_object_set_new(arguments, "until_restart", json_boolean(options->until_restart));
    return change(options, "pause", arguments, "paused", false);
}

int cli_pause(int argc, char **argv)
{
    struct options options = {.command = "pause"};
    const int code = parse(argc, argv, pause_help, &options);

    if (code >= 0) {
        return code;
    }
    const int words = argc - optind;
    if (options.ticket != NULL || options.scope != NULL || options.view != NULL ||
        options.exact || options.public_suffix || options.rule != NULL ||
        options.licence != NULL || options.approver != NULL || options.from != NULL ||
        options.id != NULL) {
        return cli_usage("pause",
                         "a pause is of a list: --ticket, --scope, --view, --exact, --rule and "
                         "the like are for `cordon exception`");
    }
    if (words == 1 && strcmp(argv[optind], "list") == 0) {
        return list_all(&options, "pauses", "Nothing is paused.");
    }
    if (words >= 1 && strcmp(argv[optind], "end") == 0) {
        return words == 2 ? pause_end(&options, argv[optind + 1])
                          : cli_usage("pause", "name the list whose pause ends, or all");
    }
    return words == 1 ? pause_begin(&options, argv[optind])
                      : cli_usage("pause", "name one list, or all");
}

static int exception_add(const struct options *options, const char *name)
{
    json_t *arguments = json_object();
    char ascii[WIRE_NAME_TEXT_MAX];
    const char *shown = name == NULL ? NULL : cli_name_shown(name, ascii);
    int code = CLI_OK;

    if ((options->ticket == NULL && options->licence == NULL) || options->reason == NULL) {
        code = cli_usage("exception",
                         "say by which ticket or licence, and why: --ticket ID --reason TEXT");
    } else if (name != NULL && !options->exact && !options->public_suffix &&
               cli_name_is_public_suffix(shown)) {
        code =
            cli_usage("exception",
                      "%s is a public suffix: the names of everybody are below it. Name what "
                      "is meant, or say --public-suffix if all of them are",
                      shown);
    } else {
        code = add_time(options, arguments);
    }
    if (code == CLI_OK && (!add_text("exception", arguments, "name", shown) ||
                           !add_text("exception", arguments, "rule", options->rule) ||
                           !add_text("exception", arguments, "id", options->id) ||
                           !add_text("exception", arguments, "licence", options->licence) ||
                           !add_text("exception", arguments, "approver", options->approver) ||
                           !add_text("exception", arguments, "ticket", options->ticket) ||
                           !add_text("exception", arguments, "reason", options->reason) ||
                           !add_text("exception", arguments, "scope", options->scope) ||
                           !add_text("exception", arguments, "view", options->view))) {
        code = CLI_USAGE;
    }
    if (code != CLI_OK) {
        json_decref(arguments);
        return code;
    }
    if (options->exact) {
        cli_add_string(arguments, "match", "exact");
    }
    json_object_set_new(arguments, "until_restart", json_boolean(options->until_restart));
    return change(options, "exception-add", arguments, "let through", false);
}

static int exception_remove(const struct options *options, const char *name)
{
    json_t *arguments = json_object();
    char ascii[WIRE_NAME_TEXT_MAX];

    if (!add_text("exception", arguments, "name",
                  name == NULL ? NULL : cli_name_shown(name, ascii)) ||
        !add_text("exception", arguments, "rule", options->rule) ||
        !add_text("exception", arguments, "id", options->id) ||
        !add_text("exception", arguments, "view", options->view) ||
        !add_text("exception", arguments, "reason", options->reason)) {
        json_decref(arguments);
        return CLI_USAGE;
    }
    json_object_set_new(arguments, "until_restart", json_boolean(options->until_restart));
    return change(options, "exception-remove", arguments, "let through no more", true);
}

int cli_exception(int argc, char **argv)
{
    struct options options = {.command = "exception"};

    if (argc > 1 && strcmp(argv[1], "check") == 0) {
        return cli_exception_check(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "sign") == 0) {
        return cli_exception_sign(argc - 1, argv + 1);
    }
    const int code = parse(argc, argv, exception_help, &options);

    if (code >= 0) {
        return code;
    }
    const int words = argc - optind;
    const char *verb = words >= 1 ? argv[optind] : "";
    if (strcmp(verb, "list") == 0 && words == 1) {
        return list_all(&options, "exceptions", "There is no exception.");
    }
    const bool by_id = strcmp(verb, "remove") == 0 && options.id != NULL;
    if (strcmp(verb, "add") == 0 || strcmp(verb, "remove") == 0) {
        if ((words == 2) + (options.rule != NULL) + by_id != 1 || words > 2) {
            return cli_usage("exception", "name one domain name%s",
                             verb[0] == 'a' ? " to let through, or a rule with --rule"
                                            : ", or a rule with --rule, or an --id");
        }
        const char *name = words == 2 ? argv[optind + 1] : NULL;
        return verb[0] == 'a' ? exception_add(&options, name)
                              : exception_remove(&options, name);
    }
    return cli_usage("exception", "expected add, check, list, remove or sign");
}
