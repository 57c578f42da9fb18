/* The screen of cordon why: JSON of the daemon (docs/control.md, "why") in plain words. */
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/why.h"
#include "policy/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A document as the daemon or the configuration gives it. */
struct screen {
    const struct why_request *request;
    const json_t *document;
    const char *name;
    const json_t *hit; /* the one that counts; NULL: none */
};

static bool is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static bool says(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

/* The hit that blocks, or would have; else the first. */
static const json_t *find_hit(const json_t *document)
{
    const json_t *hits = json_object_get(document, "hits");

    for (size_t i = 0; i < json_array_size(hits); i++) {
        if (is_true(json_array_get(hits, i), "applied")) {
            return json_array_get(hits, i);
        }
    }
    return json_array_size(hits) > 0 ? json_array_get(hits, 0) : NULL;
}

/* Nothing blocks the name itself, whatever else is said of it, and where it leads is not known.
 */
static bool is_unknown(const struct screen *screen)
{
    static const char *const open[] = {"free", "exception", "paused", "recorded", "passed"};
    const char *verdict = cli_string_of(screen->document, "verdict");

    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        if (says(verdict, open[i])) {
            return !is_true(screen->document, "answer_known");
        }
    }
    return false;
}

/* But it was blocked when it was looked up just now: by where its answer leads. */
static bool is_blocked_behind(const struct screen *screen)
{
    return is_unknown(screen) && is_true(screen->document, "looked_up_blocked");
}

static void print_headline(const struct screen *screen)
{
    static const struct {
        const char *verdict, *words;
    } rows[] = {
        {"blocked", "BLOCKED by cordon"},
        {"exception", "let through by an exception, until it ends"},
        {"paused", "let through: what would block it is paused"},
        {"recorded", "let through, and recorded"},
        {"log-mode", "let through, and recorded: what speaks of it is in log mode"},
        {"log-action", "let through, and recorded: the action here is log"},
        {"passed", "let through by a rule"},
        {"local", "known here: answered by this resolver itself, before any list"},
        {"exempt", "in a zone with servers of its own that lists have no say about"},
        {"free", "not blocked"},
        {"unknown", "not blocked by its own name"},
        {"behind", "BLOCKED by cordon, for where its answer leads"},
    };
    const char *verdict = cli_string_of(screen->document, "verdict");
    const json_t *hit = find_hit(screen->document);

    if (is_blocked_behind(screen)) {
        verdict = "behind";
    } else if (says(verdict, "recorded") && hit != NULL) {
        verdict = says(cli_string_of(hit, "mode"), "log") ? "log-mode" : "log-action";
    } else if (says(verdict, "free") && is_unknown(screen)) {
        verdict = "unknown";
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (says(verdict, rows[i].verdict)) {
            printf("%s %s: %s\n", screen->name, cli_string_of(screen->document, "type"),
                   rows[i].words);
        }
    }
    printf("  for clients of the view %s", cli_string_of(screen->document, "view"));
    if (screen->request->client != NULL) {
        printf("; %s belongs to it%s", screen->request->client,
               is_true(screen->document, "client_allowed")
                   ? ""
                   : ", but is in no network of access.allow: it is not answered at all");
    }
    printf("\n");
    if (is_true(screen->document, "offline")) {
        printf("  by the configuration alone: no daemon was asked, so pauses, exceptions and "
               "where the\n  name leads are not known\n");
    } else if (is_blocked_behind(screen)) {
        printf(
            "  its answer may not be kept, so which rule does it is not at hand: see below\n");
    } else if (!is_true(screen->document, "answer_known")) {
        printf(
            "  no answer is at hand (it failed, or may not be kept), so where it leads is not "
            "known\n");
    } else if (is_true(screen->document, "answer_stale")) {
        printf("  by an answer past its time: the upstreams fail or are slow, and clients are "
               "told\n  this one meanwhile\n");
    }
}

/* How the name comes to the rule. */
static void print_way(const struct screen *screen)
{
    const json_t *hit = screen->hit;
    const char *trigger = cli_string_of(hit, "trigger");
    const char *matched = cli_string_of(hit, "matched");

    if (says(trigger, "hop")) {
        printf("  It leads to %s (alias %" PRIu64 " of its answer).\n", matched,
               cli_number_of(hit, "hop"));
    } else if (says(trigger, "svcb")) {
        printf("  Its answer sends browsers to %s.\n", matched);
    } else if (says(trigger, "target")) {
        printf("  A record of its answer (MX, SRV, NS, PTR) names %s.\n", matched);
    } else if (says(trigger, "address")) {
        printf("  Its answer has the address %s.\n", matched);
    } else if (says(trigger, "client")) {
        printf("  It is the client that is meant: %s.\n", matched);
    } else if (says(trigger, "nameserver")) {
        printf("  Its zone is served by %s.\n", matched);
    } else if (says(trigger, "nameserver-address")) {
        printf("  Its zone is served from %s.\n", matched);
    }
}

static void print_ground(const struct screen *screen)
{
    const json_t *hit = screen->hit;

    if (hit == NULL) {
        return;
    }
    printf("\nwhy\n");
    print_way(screen);
    if (says(cli_string_of(hit, "ground"), "client-deny")) {
        printf("  No list speaks of it. The operator says so of all clients of this view "
               "(client: block or log).\n");
        return;
    }
    if (says(cli_string_of(hit, "ground"), "default-deny")) {
        printf("  No list speaks of it. The operator lets through only what is named "
               "(default: deny).\n");
        return;
    }
    printf("  list %s, version %" PRIu64 ": %s\n", cli_string_of(hit, "list"),
           cli_number_of(hit, "serial"), cli_string_of(hit, "title"));
    printf("  rule: %s (%s)\n", cli_string_of(hit, "rule"), cli_string_of(hit, "category"));
}

static void print_provider(const struct screen *screen)
{
    const json_t *hit = screen->hit;
    const char *class = cli_string_of(hit, "status_class");
    const char *parent = cli_string_of(hit, "parent_name");
    const char *law = cli_string_of(hit, "legal_requirement");
    const char *effective = cli_string_of(hit, "status_effective");
    const char *citation = cli_string_of(hit, "status_citation");

    if (hit == NULL || cli_string_of(hit, "list")[0] == '\0') {
        return;
    }
    printf("\nwhat the list says\n  %s%s%s\n", cli_string_of(hit, "provider_name"),
           parent[0] != '\0' ? ", owned by " : "", parent);
    if (class[0] != '\0') {
        printf("  %s (%s): %s\n", class, policy_words_class(class),
               cli_string_of(hit, "status_entity"));
        printf("  %s%s%s%s%s; %s, checked %s\n", cli_string_of(hit, "status_authority"),
               citation[0] != '\0' ? ", " : "", citation,
               effective[0] != '\0' ? ", effective " : "", effective,
               cli_string_of(hit, "status_state"), cli_string_of(hit, "status_checked"));
    }
    printf("  %s%s\n", law[0] != '\0' ? "Required, as the list says, by " : "",
           law[0] != '\0' ? law
                          : "No law that the list names requires this block: it is the "
                            "operator's choice.");
}

static void print_exception(const json_t *exception)
{
    const char *name = cli_string_of(exception, "name");
    const char *ticket = cli_string_of(exception, "ticket");
    const char *licence = cli_string_of(exception, "licence");
    const char *from = cli_string_of(exception, "from");

    printf("  %s%s%s", name[0] != '\0' ? "" : "rule ",
           name[0] != '\0' ? name : cli_string_of(exception, "rule"),
           says(cli_string_of(exception, "scope"), "chain")
               ? " with all that its answer leads to"
               : "");
    if (says(cli_string_of(exception, "state"), "waiting")) {
        printf(", not before %s", from);
    }
    printf(" until %s%s%s%s%s: %s\n", cli_string_of(exception, "until"),
           ticket[0] != '\0' ? ", ticket " : "", ticket, licence[0] != '\0' ? ", licence " : "",
           licence, cli_string_of(exception, "reason"));
}

static void print_changes(const struct screen *screen)
{
    const json_t *pauses = json_object_get(screen->document, "pauses");
    const json_t *exceptions = json_object_get(screen->document, "exceptions");

    if (json_array_size(pauses) + json_array_size(exceptions) == 0) {
        return;
    }
    printf("\nlet through for a while\n");
    for (size_t i = 0; i < json_array_size(pauses); i++) {
        const json_t *pause = json_array_get(pauses, i);

        const char *list = cli_string_of(pause, "list");

        printf("  %s%s%s paused until %s by %s: %s\n", says(list, "all") ? "" : "list ",
               says(list, "all") ? "all lists" : list, says(list, "all") ? " are" : " is",
               cli_string_of(pause, "until"), cli_string_of(pause, "user"),
               cli_string_of(pause, "reason"));
    }
    for (size_t i = 0; i < json_array_size(exceptions); i++) {
        print_exception(json_array_get(exceptions, i));
    }
}

static void print_next(const struct screen *screen)
{
    const char *contact = cli_string_of(screen->document, "contact");
    const json_t *hit = screen->hit;

    printf("\nwhat to do\n");
    if (screen->request->client != NULL && !is_true(screen->document, "client_allowed")) {
        printf("  This client is turned away, whatever it asks: its network is not in "
               "access.allow.\n");
    } else if (says(cli_string_of(screen->document, "verdict"), "blocked")) {
        const bool own = says(cli_string_of(hit, "trigger"), "qname");
        const char *view = cli_string_of(screen->document, "view");
        const bool apart = !says(view, "default"); /* for the others nothing changes */

        printf("  Let it through for a while, in force at once:\n"
               "    cordon exception add %s%s%s%s --for 7d --ticket ID --reason TEXT\n",
               screen->name, own ? "" : " --scope chain", apart ? " --view " : "",
               apart ? view : "");
        if (own) {
            printf(
                "  Then ask `cordon why` again: what it leads to is decided apart, unless you "
                "add --scope chain.\n");
        }
        if (cli_string_of(hit, "list")[0] != '\0') {
            printf("  If it is not about one name:\n"
                   "    cordon pause %s --for 10m --reason TEXT\n",
                   cli_string_of(hit, "list"));
        }
        printf("  All rules and the evidence: cordon explain %s\n",
               own ? screen->name : cli_string_of(hit, "matched"));
    } else {
        const char *type = cli_string_of(screen->document, "type");
        const char *view = cli_string_of(screen->document, "view");

        printf("  %s: cordon trace %s%s%s%s%s\n",
               is_blocked_behind(screen) ? "See which rule of which list does it"
               : is_unknown(screen)
                   ? "See where it leads, and what becomes of it"
                   : "cordon does not stand in the way. If it fails all the same",
               screen->name, says(type, "A") ? "" : " ", says(type, "A") ? "" : type,
               says(view, "default") ? "" : " --view ", says(view, "default") ? "" : view);
    }
    printf("  Contact: %s\n",
           contact[0] != '\0'
               ? contact
               : "none is configured (policy.contact); ask who runs this resolver");
}

static int show(const struct why_request *request, const json_t *document)
{
    const struct screen screen = {.request = request,
                                  .document = document,
                                  .name = cli_string_of(document, "name"),
                                  .hit = find_hit(document)};

    if (request->json) {
        cli_print_document(document);
        return CLI_OK;
    }
    print_headline(&screen);
    print_ground(&screen);
    print_provider(&screen);
    print_changes(&screen);
    print_next(&screen);
    return CLI_OK;
}

int why_ask(const struct why_request *request, enum why_look_up looked_up,
            char view[OVERRIDES_ID_MAX + 1])
{
    const struct cli_daemon daemon = {request->daemon.socket, request->daemon.config};
    json_t *arguments = json_object();
    char name[WIRE_NAME_TEXT_MAX];
    int code = CLI_OK;

    wire_name_to_text(&request->name, name);
    cli_add_string(arguments, "name", name);
    cli_add_string(arguments, "type", request->type_words);
    if (!cli_add_string(arguments, "client", request->client) ||
        !cli_add_string(arguments, "view", request->view)) {
        json_decref(arguments);
        return cli_usage("why", "--view is not in UTF-8");
    }
    json_t *document = cli_ask(&daemon, "why", arguments, &code);
    if (document == NULL) {
        return code;
    }
    code = cli_refusal("why", document);
    const char *meant = cli_string_of(document, "view");
    const bool known = is_true(document, "answer_known") &&
                       !is_true(document, "answer_stale") &&
                       !json_is_false(json_object_get(document, "servers_known"));
    if (code == CLI_OK && looked_up == WHY_NOT_LOOKED_UP && !known &&
        strlen(meant) <= OVERRIDES_ID_MAX) {
        memcpy(view, meant, strlen(meant) + 1);
        code = WHY_LOOK_UP;
    } else if (code == CLI_OK) {
        if (looked_up != WHY_NOT_LOOKED_UP) {
            json_object_set_new(document, "looked_up_blocked",
                                json_boolean(looked_up == WHY_BLOCKED));
        }
        code = show(request, document);
    }
    json_decref(document);
    return code;
}

enum why_look_up why_let_look_up(const struct why_request *request, const char *view)
{
    json_t *arguments = json_object();
    char name[WIRE_NAME_TEXT_MAX];
    int code;

    wire_name_to_text(&request->name, name);
    cli_add_string(arguments, "name", name);
    cli_add_string(arguments, "type", request->type_words);
    cli_add_string(arguments, "client", request->client);
    cli_add_string(arguments, "view", view);
    json_t *document = cli_ask(&request->daemon, "trace", arguments, &code);
    const bool blocked = is_true(document, "blocked");

    json_decref(document);
    return blocked ? WHY_BLOCKED : WHY_LET_THROUGH;
}

int why_show_offline(const struct why_request *request, const char *document)
{
    json_error_t error;
    json_t *decoded = json_loads(document, JSON_REJECT_DUPLICATES, &error);

    if (decoded == NULL) {
        fprintf(stderr, "cordon why: %s\n", error.text);
        return CLI_REFUSED;
    }
    const int code = show(request, decoded);
    json_decref(decoded);
    return code;
}
