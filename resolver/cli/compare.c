/* cordon compare: do two resolvers decide alike, and where do they not? */
#include "base/address.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/compare_find.h"
#include "cli/exchange.h"
#include "cli/safe.h"
#include "setup/fingerprint.h"
#include "wire/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DNS_PORT   53
#define FILE_MAX   ((size_t)16 << 20) /* a document: four times what a daemon replies */
#define ANEW_MAX   3u /* a policy that changes meanwhile is asked for again so often */
#define WAIT_MAX_S 600u
#define WAIT_S     5u
#define UDP_TRIES  2u

static const char help[] =
    "usage: cordon compare A B [OPTION...]\n"
    "\n"
    "Says whether two resolvers decide alike, by the fingerprints of their policies, and "
    "where\n"
    "not. Each of A and B is the address of a resolver, ADDRESS[@PORT], which must count this\n"
    "machine among its operators (server.operators); a file that `cordon status --json` has\n"
    "printed; or a configuration, which is checked here with its lists.\n"
    "  --timeout S    seconds to wait for an answer (default 5)\n"
    "  --json         one JSON document\n"
    "Exit status: 0 they are the same, 1 they differ, 2 wrong usage, 3 one of them says "
    "nothing.\n";

/* --- a resolver --- */

struct asking {
    struct cli_exchange exchange;
    uint8_t *octets; /* WIRE_MESSAGE_MAX */
    char fault[FINGERPRINT_FAULT_MAX];
    bool changed; /* meanwhile: to be asked anew */
};

static bool refuse(struct asking *asking, const char *words)
{
    snprintf(asking->fault, sizeof(asking->fault), "%s", words);
    return false;
}

static int exchange(struct asking *asking, size_t *len)
{
    int rc = 0;

    asking->exchange.tcp = false;
    for (unsigned i = 0; i < UDP_TRIES; i++) {
        rc = cli_exchange(&asking->exchange, asking->octets, len);
        if (rc == 0) {
            break;
        }
    }
    if (rc != 0 || (wire_get16(asking->octets + 2) & WIRE_FLAG_TC) != 0) {
        asking->exchange.tcp = true;
        rc = cli_exchange(&asking->exchange, asking->octets, len);
    }
    return rc;
}

/* Asks for a page: the RDATA of the one TXT record of the answer. */
static bool ask(struct asking *asking, const char *name, const uint8_t **rdata, size_t *len)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name owner;
    size_t octets = 0;
    bool found = false;

    if (wire_name_from_text(name, strlen(name), &asking->exchange.name) != WIRE_TEXT_OK) {
        return refuse(asking, "a part of it has no name that could be asked for");
    }
    const int rc = exchange(asking, &octets);
    if (rc != 0) {
        return refuse(asking, cordon_strerror(rc));
    }
    if (wire_message_open(asking->octets, octets, &message) != WIRE_OK) {
        return refuse(asking, "its answer is no DNS message");
    }
    const unsigned rcode = message.flags & WIRE_RCODE_MASK;
    if (rcode == WIRE_REFUSED) {
        return refuse(asking, "it refuses: this machine is in no network of its "
                              "server.operators, or it is no cordond");
    }
    if (rcode != WIRE_NOERROR) {
        asking->changed = rcode == WIRE_NXDOMAIN;
        return refuse(asking, "it has no fingerprint: it is no cordond, or an older one");
    }
    wire_cursor_start(&cursor, &message);
    while (!found && wire_cursor_next(&cursor, &record) == 1) {
        found = record.section == WIRE_ANSWER && record.type == WIRE_TXT &&
                record.class == WIRE_CH &&
                wire_record_owner(&message, &record, &owner) == WIRE_OK &&
                wire_name_equal(&owner, &asking->exchange.name);
    }
    if (!found) {
        return refuse(asking, "its answer has no fingerprint: it is no cordond");
    }
    *rdata = asking->octets + record.rdata;
    *len = record.rdata_len;
    return true;
}

static bool ask_part(struct asking *asking, struct fingerprint_part *part)
{
    const uint8_t *rdata;
    size_t len;

    part->pages = 1;
    for (unsigned page = 1; page <= part->pages; page++) {
        char name[FINGERPRINT_NAME_MAX + 64];

        snprintf(name, sizeof(name), "%u.%s.fingerprint.cordon", page, part->name);
        if (!ask(asking, name, &rdata, &len)) {
            return false;
        }
        if (!fingerprint_read_page(rdata, len, page, part, asking->fault)) {
            asking->changed = strstr(asking->fault, "meanwhile") != NULL;
            return false;
        }
    }
    return fingerprint_check_part(part, asking->fault);
}

/* All of it: two sides are compared once both are there. */
static bool ask_once(struct asking *asking, struct fingerprint *out)
{
    const uint8_t *rdata;
    size_t len;

    asking->changed = false;
    if (!ask(asking, "fingerprint.cordon", &rdata, &len)) {
        asking->changed = false;
        return false;
    }
    bool good = fingerprint_read_first(rdata, len, out, asking->fault);
    for (size_t i = 0; good && i < out->count; i++) {
        good = ask_part(asking, &out->parts[i]);
    }
    return good;
}

static bool read_resolver(const struct address *server, unsigned timeout_s,
                          struct fingerprint *out, char fault[FINGERPRINT_FAULT_MAX])
{
    struct asking asking = {.exchange = {.server = *server,
                                         .type = WIRE_TXT,
                                         .class = WIRE_CH,
                                         .edns = true,
                                         .timeout_ms = timeout_s * 1000}};
    bool good = false;

    asking.octets = malloc(WIRE_MESSAGE_MAX);
    if (asking.octets == NULL) {
        snprintf(fault, FINGERPRINT_FAULT_MAX, "out of memory");
        return false;
    }
    asking.changed = true;
    for (unsigned i = 0; !good && asking.changed && i < ANEW_MAX; i++) {
        fingerprint_deinit(out);
        good = ask_once(&asking, out);
    }
    free(asking.octets);
    snprintf(fault, FINGERPRINT_FAULT_MAX, "%s", asking.fault);
    return good;
}

/* --- files --- */

/* What is made here comes the same way as what others tell. */
static bool read_config(const char *path, struct fingerprint *out,
                        char fault[FINGERPRINT_FAULT_MAX])
{
    struct setup_snapshot *snapshot = cli_snapshot(path);
    bool good = snapshot != NULL;

    if (!good) {
        snprintf(fault, FINGERPRINT_FAULT_MAX, "the configuration, or its lists, are refused");
        return false;
    }
    const struct query_told *told = &snapshot->fingerprint->told;
    good = fingerprint_read_first(told->first.rdata, told->first.len, out, fault);
    for (size_t i = 0; good && i < told->count; i++) {
        for (unsigned page = 1; good && page <= told->parts[i].count; page++) {
            good = fingerprint_read_page(told->parts[i].pages[page - 1].rdata,
                                         told->parts[i].pages[page - 1].len, page,
                                         &out->parts[i], fault);
        }
        good = good && fingerprint_check_part(&out->parts[i], fault);
    }
    setup_snapshot_free(snapshot);
    return good;
}

static bool read_path(const char *path, struct fingerprint *out,
                      char fault[FINGERPRINT_FAULT_MAX])
{
    uint8_t *text = NULL;
    size_t len = 0;
    size_t at = 0;
    const int rc = file_read(path, FILE_MAX, &text, &len);

    if (rc != 0) {
        snprintf(fault, FINGERPRINT_FAULT_MAX, "neither an address nor a file: %s",
                 cordon_strerror(rc));
        return false;
    }
    while (at < len && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t')) {
        at++;
    }
    const bool document = at < len && text[at] == '{';
    const bool good = document ? fingerprint_read_json((const char *)text, len, out, fault)
                               : read_config(path, out, fault);
    free(text);
    return good;
}

static bool read_side(const char *name, unsigned timeout_s, struct fingerprint *out)
{
    char fault[FINGERPRINT_FAULT_MAX] = "";
    char safe[512];
    struct address server;
    bool good;

    if (address_parse(name, strlen(name), DNS_PORT, &server) == 0) {
        good = read_resolver(&server, timeout_s, out, fault);
    } else {
        good = read_path(name, out, fault);
    }
    if (!good) {
        fprintf(stderr, "cordon compare: %s: %s\n", cli_safe(name, safe, sizeof(safe)), fault);
    }
    return good;
}

/* --- told --- */

struct telling {
    json_t *differences; /* NULL: for people */
    char part[FINGERPRINT_NAME_MAX + 1];
};

static void tell_people(void *context, const char *part, const char *subject, const char *a,
                        const char *b, const char *words)
{
    struct telling *telling = context;

    (void)subject;
    (void)a;
    (void)b;
    if (strcmp(telling->part, part) != 0) {
        snprintf(telling->part, sizeof(telling->part), "%s", part);
        printf("%s\n", part);
    }
    printf("  %s\n", words);
}

static void tell_program(void *context, const char *part, const char *subject, const char *a,
                         const char *b, const char *words)
{
    struct telling *telling = context;
    json_t *one = json_object();

    cli_add_string(one, "part", part);
    cli_add_string(one, "subject", subject);
    cli_add_string(one, "a", a);
    cli_add_string(one, "b", b);
    cli_add_string(one, "words", words);
    json_array_append_new(telling->differences, one);
}

static json_t *describe(const struct compare_side *side)
{
    json_t *made = json_object();

    cli_add_string(made, "name", side->name);
    cli_add_string(made, "total", side->fingerprint->total);
    return made;
}

static int compare(const struct compare_side *a, const struct compare_side *b, bool json)
{
    struct telling telling = {.differences = json ? json_array() : NULL};
    const int found = compare_find(a, b, json ? tell_program : tell_people, &telling);

    if (json) {
        json_t *document = json_object();

        json_object_set_new(document, "same", json_boolean(found == 0));
        json_object_set_new(document, "a", describe(a));
        json_object_set_new(document, "b", describe(b));
        json_object_set_new(document, "differences", telling.differences);
        cli_print_document(document);
        json_decref(document);
    } else if (found == 0) {
        printf("%s and %s decide alike: %s\n", a->name, b->name, a->fingerprint->total);
    }
    if (found < 0) {
        fprintf(stderr, "cordon compare: %s\n", cordon_strerror(found));
        return CLI_UNREACHABLE;
    }
    return found == 0 ? CLI_OK : CLI_REFUSED;
}

int cli_compare(int argc, char **argv)
{
    const char *timeout = NULL;
    const char *words[2];
    char names[2][256];
    struct fingerprint sides[2] = {{.count = 0}, {.count = 0}};
    unsigned timeout_s = WAIT_S;
    bool json = false;
    const struct cli_option options[] = {{"timeout", 0, &timeout, NULL},
                                         {"json", 0, NULL, &json}};
    int code = cli_options(argc, argv, "compare", help, options, CLI_COUNT(options));

    if (code != CLI_GO_ON) {
        return code;
    }
    code = cli_words(argc, argv, "compare", words, 2);
    if (code != CLI_GO_ON) {
        return code;
    }
    if (words[1] == NULL) {
        return cli_usage("compare", "name two resolvers, documents or configurations");
    }
    if (timeout != NULL && !cli_number(timeout, 1, WAIT_MAX_S, &timeout_s)) {
        return cli_usage("compare", "--timeout is from 1 to %u seconds", WAIT_MAX_S);
    }
    /* Both are tried, so that both faults are told. */
    const bool first = read_side(words[0], timeout_s, &sides[0]);
    const bool second = read_side(words[1], timeout_s, &sides[1]);
    code = CLI_UNREACHABLE;
    if (first && second) {
        const struct compare_side a = {cli_safe(words[0], names[0], sizeof(names[0])),
                                       &sides[0]};
        const struct compare_side b = {cli_safe(words[1], names[1], sizeof(names[1])),
                                       &sides[1]};

        code = compare(&a, &b, json);
    }
    fingerprint_deinit(&sides[0]);
    fingerprint_deinit(&sides[1]);
    return code;
}
