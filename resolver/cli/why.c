/* cordon why: one screen for the help desk. Is the name blocked, by what, and what can be done?
 */
#include "cli/why.h"
#include "base/address.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/names.h"
#include "setup/why.h"
#include "wire/type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cordon why NAME [TYPE] [--client IP | --view VIEW] [-c CONFIG | --socket PATH]\n"
    "                  [--json]\n"
    "\n"
    "Says in plain words whether NAME is blocked, by which list and rule, what the list says "
    "of\n"
    "the provider and on which ground, what people have let through for a while, what to do "
    "next,\n"
    "and whom to ask (policy.contact). The running daemon is asked, and lets NAME be looked up "
    "if "
    "it\n"
    "has no answer at hand, so that aliases and addresses are known. Without a daemon the\n"
    "configuration and its lists answer for the name alone. TYPE is A if it is not named.\n"
    "  --client IP   in the view of this client\n"
    "  --view VIEW   in this view\n"
    "Exit status: 0 an answer was given, whatever it is; 1 refused; 2 wrong usage.\n";

static int read_options(int argc, char **argv, struct why_request *request)
{
    const struct cli_option options[] = {{"client", 0, &request->client, NULL},
                                         {"view", 0, &request->view, NULL},
                                         {"json", 0, NULL, &request->json},
                                         CLI_DAEMON_OPTIONS(&request->daemon)};

    return cli_options(argc, argv, "why", help, options, CLI_COUNT(options));
}

/* -1 to go on, else the exit status. */
static int read_words(int argc, char **argv, struct why_request *request)
{
    if (argc < 1 || argc > 2) {
        return cli_usage("why", "name what is asked about: cordon why NAME [TYPE]");
    }
    const enum wire_text_result parsed = cli_name_read(argv[0], &request->name);
    if (parsed != WIRE_TEXT_OK) {
        return cli_usage("why", "'%s' is no name: %s", argv[0], wire_text_result_words(parsed));
    }
    if (argc == 2 && !wire_type_parse(argv[1], strlen(argv[1]), &request->type)) {
        return cli_usage("why", "'%s' is no record type", argv[1]);
    }
    request->type_words = argc == 2 ? argv[1] : "A";
    if (request->client != NULL &&
        address_parse_client(request->client, strlen(request->client),
                             &request->client_address) != 0) {
        return cli_usage("why", "'%s' is no IP address", request->client);
    }
    if (request->client != NULL && request->view != NULL) {
        return cli_usage("why", "--client and --view: name one of them");
    }
    return -1;
}

/* The document by the configuration alone, in memory that the caller frees. NULL after a
 * message. */
static char *offline_document(const struct why_request *request)
{
    const size_t size = 1u << 17;
    struct setup_snapshot *snapshot = cli_snapshot(request->daemon.config);
    struct setup_why *why = calloc(1, sizeof(*why));
    char *memory = malloc(size);
    struct text out;
    bool ok = snapshot != NULL && why != NULL && memory != NULL;

    if (ok) {
        why->name = request->name;
        why->type = request->type;
        if (request->client != NULL) {
            why->view = setup_why_view(snapshot, &request->client_address,
                                       &snapshot->config->listen[0]);
            why->client_known = true;
            why->client = request->client_address;
            why->client_allowed =
                query_settings_admit(&snapshot->settings, &request->client_address);
        } else if (request->view != NULL &&
                   !setup_why_view_named(snapshot, request->view, &why->view)) {
            fprintf(stderr, "cordon why: there is no view %s\n", request->view);
            ok = false;
        }
    }
    if (ok) {
        setup_why_decide(snapshot, why);
        text_init(&out, memory, size);
        json_object_begin(&out, NULL);
        json_bool(&out, "ok", true);
        json_bool(&out, "offline", true);
        setup_why_write(&out, snapshot, why);
        json_string(&out, "contact", snapshot->config->contact);
        json_object_end(&out);
        ok = !out.overflow;
    }
    setup_snapshot_free(snapshot);
    free(why);
    if (!ok) {
        free(memory);
        return NULL;
    }
    return memory;
}

int cli_why(int argc, char **argv)
{
    struct why_request request = {.type = WIRE_A};
    enum why_look_up looked_up = WHY_NOT_LOOKED_UP;
    int code = read_options(argc, argv, &request);

    if (code < 0) {
        code = read_words(argc - optind, argv + optind, &request);
    }
    if (code >= 0) {
        return code;
    }
    for (;;) {
        char view[OVERRIDES_ID_MAX + 1];

        code = why_ask(&request, looked_up, view);
        if (code != WHY_LOOK_UP) {
            break;
        }
        looked_up = why_let_look_up(&request, view);
    }
    if (code == CLI_UNREACHABLE) {
        char *document = offline_document(&request);

        code = document == NULL ? CLI_REFUSED : why_show_offline(&request, document);
        free(document);
    }
    return code;
}
