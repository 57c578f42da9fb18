/* cordon explain: everything about one decision, by a configuration, by lists, or by the
 * daemon.
 */
#include "cli/explain.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/names.h"
#include "cli/reply.h"
#include "setup/explain.h"
#include "wire/type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cordon explain NAME [TYPE] [--client IP [--listener ADDRESS] | --view VIEW]\n"
    "                      [-c CONFIG] [--at TIME] [--answer FILE] [--json]\n"
    "       cordon explain NAME [TYPE] --lists FILES [--keys DIR|FILE]... [--threshold N]\n"
    "                      [--at TIME] [--answer FILE] [--json]\n"
    "       cordon explain NAME [TYPE] --live [--client IP [--listener ADDRESS] | --view "
    "VIEW]\n"
    "                      [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Everything about one decision, for auditors: every rule that matches, which one wins and\n"
    "why, why the others do not, and the legal basis in full. The first lines say what was\n"
    "asked. By the configuration and its lists, without daemon and network, where NAME leads\n"
    "is not known: --answer shows it, and --live asks the running daemon, which looks NAME up\n"
    "if it has no answer at hand. NAME may be an IP address: the prefix rules that cover it.\n"
    "  --client IP         in the view that this client gets\n"
    "  --listener ADDRESS  where it asks, as server.listen has it: ADDRESS or ADDRESS@PORT\n"
    "                      (the first there)\n"
    "  --view VIEW         in this view, whoever asks\n"
    "  --at TIME           as it is at this time: YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ; of one\n"
    "                      that is over by the versions of lists that were in force then, as\n"
    "                      far as state.directory has them\n"
    "  --answer FILE       what NAME leads to: a DNS message in wire format\n"
    "  --lists FILES       by these lists alone, all enforced, in this order: texts, or an\n"
    "                      image of `cordon list build`; separated by commas, or repeated\n"
    "  --keys DIR|FILE     verify the signatures beside them: a .pub file, a base64 line, or\n"
    "                      a folder with list*.pub; without it nothing is verified\n"
    "  --threshold N       distinct keys that must have signed (default 2)\n"
    "  --live              by the running daemon, and by the answer that it gets\n"
    "Exit status: 0 an answer was given, whatever it is; 1 the lists were refused; 2 wrong\n"
    "usage; 3 no daemon answers.\n";

#define DNS_PORT 53

/* Octets of the document, and of the message that --answer names. */
#define ANSWER_MAX 65535u

/* Adds the files of one --lists. CLI_GO_ON, or the exit code. */
static int add_lists(struct explain_request *request, const char *words)
{
    while (*words != '\0') {
        const size_t len = strcspn(words, ",");

        if (len == 0 || request->list_count == POLICY_LISTS_MAX) {
            return cli_usage("explain", "--lists takes 1 to %u files, separated by commas",
                             POLICY_LISTS_MAX);
        }
        request->lists[request->list_count] = strndup(words, len);
        if (request->lists[request->list_count] == NULL) {
            fprintf(stderr, "cordon explain: out of memory\n");
            return CLI_REFUSED;
        }
        request->list_count++;
        words += len + (words[len] == ',');
    }
    return CLI_GO_ON;
}

enum option_value {
    OPTION_CLIENT = 256,
    OPTION_LISTENER,
    OPTION_VIEW,
    OPTION_AT,
    OPTION_ANSWER,
    OPTION_LISTS,
    OPTION_KEYS,
    OPTION_THRESHOLD,
    OPTION_LIVE,
    OPTION_SOCKET,
    OPTION_JSON
};

/* Takes one option. CLI_GO_ON, or the exit code. */
static int take(struct explain_request *request, int option)
{
    switch (option) {
    case OPTION_CLIENT:
        request->client = optarg;
        return CLI_GO_ON;
    case OPTION_LISTENER:
        request->listener = optarg;
        return CLI_GO_ON;
    case OPTION_VIEW:
        request->view = optarg;
        return CLI_GO_ON;
    case OPTION_AT:
        request->at = optarg;
        return CLI_GO_ON;
    case OPTION_ANSWER:
        request->answer = optarg;
        return CLI_GO_ON;
    case OPTION_LISTS:
        return optarg[0] == '\0' ? cli_usage("explain", "--lists names no file")
                                 : add_lists(request, optarg);
    case OPTION_KEYS:
        cli_list_keys_add(&request->keys, optarg);
        return CLI_GO_ON;
    case OPTION_THRESHOLD:
        return cli_number(optarg, 1, TRUST_KEYS_MAX, &request->keys.threshold)
                   ? CLI_GO_ON
                   : cli_usage("explain", "--threshold is from 1 to %u", TRUST_KEYS_MAX);
    case OPTION_LIVE:
        request->live = true;
        return CLI_GO_ON;
    case OPTION_SOCKET:
        request->daemon.socket = optarg;
        return CLI_GO_ON;
    case 'c':
        request->daemon.config = optarg;
        return CLI_GO_ON;
    case OPTION_JSON:
        request->json = true;
        return CLI_GO_ON;
    case 'h':
        fputs(help, stdout);
        return CLI_OK;
    default:
        return cli_usage("explain", "wrong option");
    }
}

/* Options that do not go together. CLI_GO_ON, or the exit code. */
static int check_options(const struct explain_request *request)
{
    if (request->listener != NULL && request->client == NULL) {
        return cli_usage("explain", "--listener needs --client");
    }
    if (request->view != NULL && request->client != NULL) {
        return cli_usage("explain", "--client and --view: name one of them");
    }
    if (request->live &&
        (request->list_count > 0 || request->at != NULL || request->answer != NULL)) {
        return cli_usage("explain", "--live is what the daemon does now: without --lists, --at "
                                    "and --answer");
    }
    if (!request->live && request->daemon.socket != NULL) {
        return cli_usage("explain", "--socket needs --live");
    }
    if (request->list_count > 0 &&
        (request->client != NULL || request->view != NULL || request->daemon.config != NULL)) {
        return cli_usage("explain", "--lists have no views and no configuration: without "
                                    "--client, --view and -c");
    }
    if (request->list_count == 0 && request->keys.count > 0) {
        return cli_usage("explain", "--keys needs --lists: a configuration has its own");
    }
    return CLI_GO_ON;
}

static int read_options(int argc, char **argv, struct explain_request *request)
{
    static const struct option options[] = {
        {"client", required_argument, NULL, OPTION_CLIENT},
        {"listener", required_argument, NULL, OPTION_LISTENER},
        {"view", required_argument, NULL, OPTION_VIEW},
        {"at", required_argument, NULL, OPTION_AT},
        {"answer", required_argument, NULL, OPTION_ANSWER},
        {"lists", required_argument, NULL, OPTION_LISTS},
        {"keys", required_argument, NULL, OPTION_KEYS},
        {"threshold", required_argument, NULL, OPTION_THRESHOLD},
        {"live", no_argument, NULL, OPTION_LIVE},
        {"socket", required_argument, NULL, OPTION_SOCKET},
        {"config", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        const int code = take(request, option);

        if (code != CLI_GO_ON) {
            return code;
        }
    }
    if (request->client != NULL &&
        address_parse_client(request->client, strlen(request->client),
                             &request->client_address) != 0) {
        return cli_usage("explain", "'%s' is no IP address", request->client);
    }
    if (request->listener != NULL && address_parse(request->listener, strlen(request->listener),
                                                   DNS_PORT, &request->listener_address) != 0) {
        return cli_usage("explain", "'%s' is no ADDRESS or ADDRESS@PORT", request->listener);
    }
    request->time_s = clock_read().wall_us / 1000000;
    if (request->at != NULL && !cli_time(request->at, &request->time_s)) {
        return cli_usage("explain", "'%s' is no time: YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ",
                         request->at);
    }
    return check_options(request);
}

/* What is to be explained. CLI_GO_ON, or the exit status. */
static int read_subject(int argc, char **argv, struct explain_request *request)
{
    if (argc < 1 || argc > 2) {
        return cli_usage("explain", "name what to explain");
    }
    const char *subject = argv[0];
    request->is_address =
        address_parse_client(subject, strlen(subject), &request->address) == 0;
    const enum wire_text_result parsed = request->is_address
                                             ? wire_name_from_text(".", 1, &request->name)
                                             : cli_name_read(subject, &request->name);
    if (parsed != WIRE_TEXT_OK) {
        return cli_usage("explain", "'%s' is no name: %s", subject,
                         wire_text_result_words(parsed));
    }
    if (argc == 2 && !wire_type_parse(argv[1], strlen(argv[1]), &request->type)) {
        return cli_usage("explain", "'%s' is no record type", argv[1]);
    }
    if (request->is_address) {
        address_format(&request->address, false, request->subject);
    } else {
        wire_name_to_text(&request->name, request->subject);
    }
    wire_type_format(request->type, request->type_words);
    return CLI_GO_ON;
}

/* --- without the daemon --- */

/* As the daemon would. False after a message: there is no such view. */
static bool choose_view(const struct explain_request *request,
                        const struct setup_snapshot *snapshot, struct setup_why *why)
{
    if (request->client != NULL) {
        const struct config *config = snapshot->config;
        struct address local = request->listener_address;

        for (size_t i = 0; request->listener == NULL && i < config->listen_count; i++) {
            if (local.family == ADDRESS_NONE ||
                (local.family != request->client_address.family &&
                 config->listen[i].family == request->client_address.family)) {
                local = config->listen[i];
            }
        }
        why->view = setup_why_view(snapshot, &request->client_address, &local);
        why->client_known = true;
        why->client = request->client_address;
        why->client_allowed =
            query_settings_admit(&snapshot->settings, &request->client_address);
        return true;
    }
    if (request->view == NULL || setup_why_view_named(snapshot, request->view, &why->view)) {
        return true;
    }
    fprintf(stderr, "cordon explain: there is no view %s; there are", request->view);
    for (size_t i = 0; i < snapshot->view_count; i++) {
        fprintf(stderr, "%s %s", i > 0 ? "," : "", snapshot->views[i].name);
    }
    fputc('\n', stderr);
    return false;
}

/* The message of --answer, which must be an answer to the question. False after a message. */
static bool read_answer(const struct explain_request *request, struct setup_why *why,
                        uint8_t **octets)
{
    struct wire_message message;
    struct policy_chain chain;
    size_t len = 0;

    if (request->answer == NULL) {
        return true;
    }
    const int rc = file_read(request->answer, ANSWER_MAX, octets, &len);
    if (rc != 0) {
        fprintf(stderr, "cordon explain: %s: %s\n", request->answer, cordon_strerror(rc));
        return false;
    }
    if (wire_message_open(*octets, len, &message) != WIRE_OK ||
        policy_chain_follow(&message, &chain) != POLICY_CHAIN_OK) {
        fprintf(stderr,
                "cordon explain: %s: no DNS message in wire format, or its aliases are a "
                "circle\n",
                request->answer);
        return false;
    }
    if (request->is_address || !wire_name_equal(&message.name, &request->name) ||
        message.type != request->type) {
        char name[WIRE_NAME_TEXT_MAX];
        char type[WIRE_TYPE_TEXT_MAX];

        wire_name_to_text(&message.name, name);
        wire_type_format(message.type, type);
        fprintf(stderr, "cordon explain: %s: the answer to another question: %s %s\n",
                request->answer, name, type);
        return false;
    }
    why->answer = *octets;
    why->answer_len = len;
    return true;
}

/* The document, decoded. NULL after a message. */
static json_t *write_document(const struct explain_request *request,
                              const struct setup_snapshot *snapshot, size_t exceptions,
                              struct setup_why *why)
{
    const bool by_lists = request->list_count > 0;
    const struct setup_asked asked = {
        .of = by_lists ? "lists" : "configuration",
        .path = by_lists ? NULL : cli_config_path(request->daemon.config),
        .time_s = request->time_s,
        .asked_time = request->at != NULL,
        .verified = !by_lists || request->keys.count > 0,
        .exceptions = exceptions};
    char *memory = malloc(SETUP_EXPLAIN_DOCUMENT_MAX);
    char fault[CLI_REPLY_FAULT_MAX];
    json_t *document = NULL;
    struct text out;

    if (memory == NULL) {
        fprintf(stderr, "cordon explain: out of memory\n");
        return NULL;
    }
    setup_why_decide(snapshot, why);
    text_init(&out, memory, SETUP_EXPLAIN_DOCUMENT_MAX);
    json_object_begin(&out, NULL);
    json_bool(&out, "ok", true);
    setup_explain_write(&out, snapshot, why, &asked);
    json_object_end(&out);
    if (out.overflow) {
        fprintf(stderr, "cordon explain: the explanation is over %u octets\n",
                SETUP_EXPLAIN_DOCUMENT_MAX);
    } else {
        /* As a reply of the daemon: words of an image that nobody has verified drive no
         * terminal. */
        document = cli_reply("explain", memory, out.len, fault);
        if (document == NULL) {
            fprintf(stderr, "cordon explain: the explanation %s\n", fault);
        }
    }
    free(memory);
    return document;
}

/* By the configuration; of a time that is over, by what was in force then. */
static struct setup_snapshot *load(const struct explain_request *request,
                                   struct explain_then **then)
{
    struct config *config = cli_config(request->daemon.config);
    const bool is_over =
        request->at != NULL && request->time_s < clock_read().wall_us / 1000000;

    if (config != NULL && is_over) {
        *then = explain_then_open(request->time_s, config);
    }
    const struct setup_request asked = {.generation = 1,
                                        .now_s = request->time_s,
                                        .asked_time = request->at != NULL,
                                        .held = *then != NULL ? explain_then_set(*then) : NULL};
    return config == NULL ? NULL : cli_snapshot_of(config, &asked, NULL);
}

static int explain_offline(const struct explain_request *request, json_t **document)
{
    uint8_t *memory = NULL;
    size_t exceptions = 0;
    struct explain_then *then = NULL;
    struct setup_snapshot *root =
        request->list_count > 0 ? explain_lists(request, &memory) : load(request, &then);
    struct setup_snapshot *snapshot = NULL;
    struct setup_why *why = calloc(1, sizeof(*why));
    uint8_t *answer = NULL;
    int code = CLI_REFUSED;

    if (root != NULL &&
        setup_snapshot_except(root, request->time_s, 1, &exceptions, &snapshot) != 0) {
        fprintf(stderr, "cordon explain: out of memory\n");
    }
    if (snapshot != NULL && why != NULL) {
        why->name = request->name;
        why->is_address = request->is_address;
        why->address = request->address;
        why->type = request->type;
        if (!choose_view(request, snapshot, why)) {
            code = CLI_USAGE;
        } else if (read_answer(request, why, &answer)) {
            *document = write_document(request, snapshot, exceptions, why);
        }
    }
    if (*document != NULL) {
        explain_add_evidence(*document, request,
                             request->list_count > 0 ? NULL : snapshot->config->list_directory);
        if (then != NULL) {
            explain_then_add(then, snapshot, *document);
        }
        code = CLI_OK;
    }
    explain_then_close(then);
    setup_snapshot_free(snapshot);
    setup_snapshot_free(root);
    free(memory);
    free(answer);
    free(why);
    return code;
}

/* --- by the daemon --- */

static json_t *ask(const struct explain_request *request, int *code)
{
    json_t *arguments = json_object();

    cli_add_string(arguments, "name", request->subject);
    cli_add_string(arguments, "type", request->type_words);
    cli_add_string(arguments, "client", request->client);
    cli_add_string(arguments, "listener", request->listener);
    if (!cli_add_string(arguments, "view", request->view)) {
        json_decref(arguments);
        *code = cli_usage("explain", "--view is not in UTF-8");
        return NULL;
    }
    json_t *document = cli_ask(&request->daemon, "explain", arguments, code);
    if (document != NULL) {
        *code = cli_refusal("explain", document);
    }
    return document;
}

/* Has the daemon look the name up as if that client, or one of that view, had asked: nothing is
 * counted, and no event is written. True: it was blocked. */
static bool let_look_up(const struct explain_request *request, const char *view)
{
    json_t *arguments = json_object();
    int code;

    cli_add_string(arguments, "name", request->subject);
    cli_add_string(arguments, "type", request->type_words);
    cli_add_string(arguments, "client", request->client);
    cli_add_string(arguments, "view", view);
    json_t *document = cli_ask(&request->daemon, "trace", arguments, &code);
    const bool blocked = json_is_true(json_object_get(document, "blocked"));

    json_decref(document);
    return blocked;
}

static int explain_live(const struct explain_request *request, json_t **document)
{
    int code = CLI_OK;

    *document = ask(request, &code);
    if (code == CLI_OK && (!json_is_true(json_object_get(*document, "answer_known")) ||
                           json_is_true(json_object_get(*document, "answer_stale")) ||
                           json_is_false(json_object_get(*document, "servers_known")))) {
        const bool blocked = let_look_up(request, cli_string_of(*document, "view"));

        json_decref(*document);
        *document = ask(request, &code);
        if (code == CLI_OK) {
            json_object_set_new(*document, "looked_up_blocked", json_boolean(blocked));
        }
    }
    if (code == CLI_OK) {
        struct config *config =
            request->daemon.socket == NULL ? cli_config(request->daemon.config) : NULL;

        explain_add_evidence(*document, request,
                             config != NULL ? config->list_directory : NULL);
        config_free(config);
    }
    return code;
}

int cli_explain(int argc, char **argv)
{
    struct explain_request request = {.type = WIRE_A, .keys.threshold = 2};
    json_t *document = NULL;
    int code = read_options(argc, argv, &request);

    if (code == CLI_GO_ON) {
        code = read_subject(argc - optind, argv + optind, &request);
    }
    if (code == CLI_GO_ON) {
        code = request.live ? explain_live(&request, &document)
                            : explain_offline(&request, &document);
        if (code == CLI_OK) {
            cli_add_string(document, "client", request.client);
        }
        if (code == CLI_OK && request.json) {
            cli_print_document(document);
        } else if (code == CLI_OK) {
            explain_print(document);
        }
    }
    json_decref(document);
    for (size_t i = 0; i < request.list_count; i++) {
        free(request.lists[i]);
    }
    cli_list_keys_free(&request.keys);
    return code;
}
