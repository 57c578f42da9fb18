/* cordon explain: every rule that matches a name, which one wins and why, and on what basis. */
#include "cli/explain.h"

#include "cli/cli.h"
#include "cli/names.h"
#include "wire/type.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: cordon explain NAME [TYPE] [--client IP [--listener ADDRESS]] [--view VIEW]\n"
    "                      [-c CONFIG] [--json]\n"
    "\n"
    "Says what the configuration and its lists decide about NAME when it is asked: every rule\n"
    "that matches, which one wins and why, and the legal facts behind it. Works without the\n"
    "daemon and without the network, so it cannot see where NAME leads: an answer whose "
    "CNAME,\n"
    "SVCB target or address is listed is decided when it arrives (`cordon query` shows that).\n"
    "NAME may also be an IP address: the prefix rules that cover it.\n"
    "  --client IP    in the view that this client gets\n"
    "  --listener ADDRESS  where it asks, as server.listen has it: ADDRESS or ADDRESS@PORT\n"
    "                      (the first there)\n"
    "  --view VIEW    in this view, whoever asks\n"
    "Exit status: 0 an answer was given, whatever it is; 1 the lists were refused; 2 wrong "
    "usage.\n";

#define DNS_PORT 53

static void decide(struct explain *ex)
{
    const struct policy *policy = ex->snapshot->policy;

    if (ex->is_address) {
        struct wire_name root;

        wire_name_from_text(".", 1, &root);
        address_format(&ex->address, false, ex->subject);
        policy_image_find_address(policy_image_of(policy), POLICY_SUBJECT_ANSWER, &ex->address,
                                  &ex->matches);
        policy_decide_address(policy, ex->view, POLICY_TRIGGER_ADDRESS, 0, &root, &ex->address,
                              &ex->outcome);
    } else {
        const struct query_settings *settings = &ex->snapshot->settings;

        wire_name_to_text(&ex->name, ex->subject);
        ex->zone = query_settings_zone(settings, &ex->name);
        local_find(settings->local_names, settings->local_special,
                   ex->zone != NULL ? ex->zone->name.labels : 0, &ex->name, ex->type,
                   &ex->local);
        if (ex->local.kind != LOCAL_NOT || (ex->zone != NULL && ex->zone->exempt)) {
            return; /* policy is not asked */
        }
        policy_image_find_name(policy_image_of(policy), &ex->name, &ex->matches);
        policy_decide_question(policy, ex->view, &ex->name, &ex->outcome);
    }
}

/* The words of the command line. */
struct explain_request {
    const char *config, *client, *listener, *view;
    struct address client_address, listener_address;
    bool json;
};

/* -1 to go on, else the exit status. */
static int read_options(int argc, char **argv, struct explain_request *request)
{
    const struct cli_option options[] = {
        {"client", 0, &request->client, NULL}, {"listener", 0, &request->listener, NULL},
        {"view", 0, &request->view, NULL},     {"config", 'c', &request->config, NULL},
        {"json", 0, NULL, &request->json},
    };
    const int code = cli_options(argc, argv, "explain", help, options, CLI_COUNT(options));

    if (code != CLI_GO_ON) {
        return code;
    }
    if (request->client != NULL &&
        address_parse_client(request->client, strlen(request->client),
                             &request->client_address) != 0) {
        return cli_usage("explain", "'%s' is no IP address", request->client);
    }
    if (request->listener != NULL &&
        (request->client == NULL || address_parse(request->listener, strlen(request->listener),
                                                  DNS_PORT, &request->listener_address) != 0)) {
        return request->client == NULL
                   ? cli_usage("explain", "--listener needs --client")
                   : cli_usage("explain", "'%s' is no ADDRESS or ADDRESS@PORT",
                               request->listener);
    }
    if (request->view != NULL && request->client != NULL) {
        return cli_usage("explain", "--client and --view: name one of them");
    }
    return -1;
}

/* What is to be explained. -1 to go on, else the exit status. */
static int read_subject(int argc, char **argv, struct explain *ex)
{
    if (argc < 1 || argc > 2) {
        return cli_usage("explain", "name what to explain");
    }
    const char *subject = argv[0];
    ex->is_address = address_parse(subject, strlen(subject), 0, &ex->address) == 0;
    const enum wire_text_result parsed =
        ex->is_address ? WIRE_TEXT_OK : cli_name_read(subject, &ex->name);
    if (parsed != WIRE_TEXT_OK) {
        return cli_usage("explain", "'%s' is no name: %s", subject,
                         wire_text_result_words(parsed));
    }
    if (argc == 2 && !wire_type_parse(argv[1], strlen(argv[1]), &ex->type)) {
        return cli_usage("explain", "'%s' is no record type", argv[1]);
    }
    return -1;
}

/* As the daemon would. False after a message: there is no such view. */
static bool choose_view(const struct explain_request *request, struct explain *ex)
{
    const struct setup_snapshot *snapshot = ex->snapshot;

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
        ex->view = policy_views_choose(snapshot->choice, &request->client_address, &local);
        return true;
    }
    while (request->view != NULL && ex->view < snapshot->view_count &&
           strcmp(snapshot->views[ex->view].name, request->view) != 0) {
        ex->view++;
    }
    if (ex->view < snapshot->view_count) {
        return true;
    }
    fprintf(stderr, "cordon explain: there is no view %s; there are", request->view);
    for (size_t i = 0; i < snapshot->view_count; i++) {
        fprintf(stderr, "%s %s", i > 0 ? "," : "", snapshot->views[i].name);
    }
    fputc('\n', stderr);
    return false;
}

int cli_explain(int argc, char **argv)
{
    struct explain_request request = {0};
    struct explain ex = {.type = WIRE_A};
    int code = read_options(argc, argv, &request);

    if (code < 0) {
        code = read_subject(argc - optind, argv + optind, &ex);
    }
    if (code >= 0) {
        return code;
    }
    ex.snapshot = cli_snapshot(request.config);
    if (ex.snapshot == NULL) {
        return CLI_REFUSED;
    }
    code = CLI_USAGE;
    if (choose_view(&request, &ex)) {
        const bool allowed =
            request.client == NULL ||
            query_settings_admit(&ex.snapshot->settings, &request.client_address);

        decide(&ex);
        if (request.json) {
            explain_print_json(&ex, request.client, allowed);
        } else {
            explain_print_words(&ex, request.client, allowed);
        }
        code = CLI_OK;
    }
    setup_snapshot_free(ex.snapshot);
    return code;
}
