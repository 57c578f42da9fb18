/* cordon list export: verified lists in the formats of other programs. */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/invariant.h"
#include "cli/cli.h"
#include "cli/list.h"
#include "cli/output.h"
#include "export/formats.h"
#include "export/rpz.h"
#include "policy/limits.h"
#include "policy/load.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cordon list export --format FORMAT --keys DIR|FILE... [OPTION...] LIST...\n"
    "\n"
    "Writes what the lists decide together, in the order in which they are named, for another "
    "program.\n"
    "Each list is verified first. What the format cannot say is never blocked more than the "
    "lists\n"
    "block, and is told on standard error.\n"
    "  --format FORMAT  adguard, cdb, dnsmasq, domains, hosts, rpz, unbound\n"
    "  --output PATH    a file, written at once or not at all; for rpz a folder: a zone for "
    "each\n"
    "                   list, and pieces of configuration\n"
    "  --keys, --threshold, --ignore-time  as for `cordon list verify`\n"
    "  --action ACTION  of rules that name none: sinkhole (default), nxdomain, nodata, "
    "refused,\n"
    "                   drop, truncate\n"
    "  --origin ZONE    names of zones end with it (default " EXPORT_RPZ_ORIGIN ")\n"
    "  --all            tell every rule that the format cannot express, not the first of a "
    "kind\n"
    "  --strict         write nothing if there is such a rule\n";

/* Rules of one kind of loss that are told without --all. */
#define TOLD 5u

/* Notes on rules that are expressed all the same. */
static bool is_note(enum export_loss loss)
{
    return loss == EXPORT_LOSS_BASIS;
}

struct request {
    struct cli_list_keys keys;
    struct trust_keyring keyring;
    const char *format, *output, *origin;
    enum policy_action action;
    bool ignore_time, all, strict;

    struct policy_list *lists[POLICY_LISTS_MAX];
    struct trust_verdict verdicts[POLICY_LISTS_MAX];
    struct export_source sources[POLICY_LISTS_MAX];
    size_t count;
    struct export_job job;
};

/* One list, verified. False after a report. */
static bool load(struct request *request, const char *path)
{
    const uint64_t now_s = clock_read().wall_us / 1000000;
    struct policy_list **list = &request->lists[request->count];
    struct trust_verdict *verdict = &request->verdicts[request->count];
    struct report report;

    report_init(&report);
    int rc = policy_load_list(path, &request->keyring, &report, list, verdict);
    if (rc == 0) {
        request->sources[request->count] = (struct export_source){*list, verdict};
        for (size_t i = 0; i < request->count; i++) {
            if (strcmp(request->lists[i]->id, (*list)->id) == 0) {
                report_add(&report, REPORT_ERROR, path, 0, 0, "named twice");
                rc = -EEXIST;
            }
        }
        request->count++;
        if (!request->ignore_time && policy_freshness_at((*list)->created_s, (*list)->expires_s,
                                                         now_s) == POLICY_STALE) {
            report_add(&report, REPORT_ERROR, path, 0, 0,
                       "past its expiry date: get a newer one, or take it with --ignore-time");
            rc = CORDON_E_REFUSED;
        }
    } else if (report.errors == 0) {
        report_add(&report, REPORT_ERROR, path, 0, 0, "%s", cordon_strerror(rc));
    }
    report_print(&report, stderr);
    report_deinit(&report);
    return rc == 0;
}

static void lose(void *arg, enum export_loss loss, const struct export_word *word)
{
    const struct request *request = arg;
    const struct policy_list *list = request->lists[word->list];
    char what[WIRE_NAME_TEXT_MAX];

    if (request->job.losses[loss] > TOLD && !request->all) {
        return;
    }
    cli_rule_what(list, word->rule, what);
    fprintf(stderr, "%s: %s.list:%" PRIu32 ": %s %s %s%s%s: %s\n",
            is_note(loss) ? "note" : "warning", list->id, word->rule->line,
            policy_kind_name(word->rule->kind), policy_match_name(word->rule->match), what,
            word->rule->action != POLICY_ACTION_DEFAULT ? " action=" : "",
            word->rule->action != POLICY_ACTION_DEFAULT ? policy_action_name(word->rule->action)
                                                        : "",
            export_loss_words(loss));
}

/* Counts of the losses. The number of rules that are not expressed whole. */
static size_t sum_up(const struct request *request)
{
    size_t sum = 0;

    for (int loss = 0; loss < EXPORT_LOSSES; loss++) {
        const size_t count = request->job.losses[loss];

        sum += is_note((enum export_loss)loss) ? 0 : count;
        if (count > TOLD && !request->all) {
            fprintf(stderr, "%s: %zu rules in all (--all tells each): %s\n",
                    is_note((enum export_loss)loss) ? "note" : "warning", count,
                    export_loss_words((enum export_loss)loss));
        }
    }
    return sum;
}

static int refuse(const struct request *request, const char *path, int rc)
{
    fprintf(stderr, "cordon list export: %s: %s\n", path != NULL ? path : request->format,
            cordon_strerror(rc));
    return CLI_REFUSED;
}

static int put(const char *path, const char *octets, size_t len)
{
    if (path != NULL) {
        return cli_output("list export", path, octets, len);
    }
    fwrite(octets, 1, len, stdout); /* whether it could be written, main() says */
    return CLI_OK;
}

static bool is_refused(const struct request *request)
{
    if (sum_up(request) > 0 && request->strict) {
        fputs("cordon list export: nothing is written (--strict)\n", stderr);
        return true;
    }
    return false;
}

static int export_file(struct request *request, const struct export_format *format)
{
    char *octets = NULL;
    size_t len = 0;
    int code = CLI_REFUSED;

    request->job.out = open_memstream(&octets, &len);
    if (request->job.out == NULL) {
        return refuse(request, NULL, -ENOMEM);
    }
    int rc = export_format_write(format, &request->job);
    if (fclose(request->job.out) != 0 && rc == 0) {
        rc = -ENOMEM;
    }
    if (rc != 0) {
        refuse(request, NULL, rc);
        if (rc == CORDON_E_REFUSED) {
            fputs("Export the lists as rpz, which knows clients, or leave those lists out.\n",
                  stderr);
        }
    } else if (!is_refused(request)) {
        code = put(request->output, octets, len);
    }
    free(octets);
    return code;
}

/* A zone as it will be written. */
struct made_zone {
    struct export_rpz_entry entry;
    char *octets;
    size_t len;
    uint32_t serial;
};

static int make_zone(struct request *request, size_t index, struct made_zone *zone)
{
    const struct policy_list *list = request->lists[index];
    int rc = export_rpz_name(list, request->origin, zone->entry.zone);

    zone->entry.list = list;
    if (rc == 0 && (size_t)snprintf(zone->entry.path, sizeof(zone->entry.path), "%s/%s.rpz",
                                    request->output, list->id) >= sizeof(zone->entry.path)) {
        rc = -ENAMETOOLONG;
    }
    request->job.out = rc == 0 ? open_memstream(&zone->octets, &zone->len) : NULL;
    if (rc == 0 && request->job.out == NULL) {
        rc = -ENOMEM;
    }
    if (rc == 0) {
        rc = export_rpz_zone(&request->job, index, zone->entry.zone, &zone->serial);
        if (fclose(request->job.out) != 0 && rc == 0) {
            rc = -ENOMEM;
        }
    }
    if (rc != 0) {
        refuse(request, list->id, rc);
        if (rc == CORDON_E_TOO_LARGE) {
            fputs("The names of zones leave no room for a name of a rule: choose a shorter "
                  "--origin.\n",
                  stderr);
        }
    }
    return rc == 0 ? CLI_OK : CLI_REFUSED;
}

/* Secondaries look at the serial alone. */
static void warn_of_serial(const struct made_zone *zone)
{
    static const char before[] = " SOA localhost. hostmaster.localhost. ";
    uint8_t *old = NULL;
    size_t len = 0;

    if (file_read(zone->entry.path, POLICY_LIST_OCTETS_MAX, &old, &len) != 0) {
        return;
    }
    const char *soa = memmem(old, len, before, sizeof(before) - 1);
    if (soa != NULL && (len != zone->len || memcmp(old, zone->octets, len) != 0) &&
        strtoul(soa + sizeof(before) - 1, NULL, 10) >= zone->serial) {
        fprintf(stderr,
                "warning: %s: the zone changes, but its serial %" PRIu32
                " is not higher: secondaries do not notice\n",
                zone->entry.path, zone->serial);
    }
    free(old);
}

/* Zones of an export before this one, which nothing names any more. */
static void tell_leftovers(const struct request *request)
{
    struct dirent **entries = NULL;
    const int count = scandir(request->output, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        const size_t len = strlen(name);
        bool known = len < 5 || strcmp(name + len - 4, ".rpz") != 0;

        for (size_t k = 0; k < request->count && !known; k++) {
            known = strlen(request->lists[k]->id) == len - 4 &&
                    memcmp(name, request->lists[k]->id, len - 4) == 0;
        }
        if (!known) {
            fprintf(stderr, "note: %s/%s is of no list of this export\n", request->output,
                    name);
        }
        free(entries[i]);
    }
    free(entries);
}

/* Zones first, then what names them. */
static int put_folder(struct request *request, struct made_zone *zones,
                      const struct export_rpz_entry *entries, const struct export_set *set)
{
    const struct export_rpz_setup *setup;
    int code = CLI_OK;
    int rc = file_make_folder(request->output, 0755);

    if (rc != 0) {
        return refuse(request, request->output, rc);
    }
    for (size_t i = 0; code == CLI_OK && i < request->count; i++) {
        warn_of_serial(&zones[i]);
        code = put(zones[i].entry.path, zones[i].octets, zones[i].len);
    }
    for (size_t i = 0; code == CLI_OK && (setup = export_rpz_setup_at(i)) != NULL; i++) {
        char path[4096];
        char *octets = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&octets, &len);

        if (out == NULL) {
            return refuse(request, NULL, -ENOMEM);
        }
        setup->write(out, set, entries, request->count);
        rc = fclose(out) == 0 ? 0 : -ENOMEM;
        if (rc == 0 && (size_t)snprintf(path, sizeof(path), "%s/%s", request->output,
                                        setup->file) >= sizeof(path)) {
            rc = -ENAMETOOLONG;
        }
        code = rc == 0 ? put(path, octets, len) : refuse(request, NULL, rc);
        free(octets);
    }
    if (code == CLI_OK) {
        tell_leftovers(request);
    }
    return code;
}

static int export_folder(struct request *request, const struct export_set *set)
{
    invariant(request->count > 0); /* no list was named: refused before */
    struct made_zone *zones = calloc(request->count, sizeof(zones[0]));
    struct export_rpz_entry *entries = calloc(request->count, sizeof(entries[0]));
    int code = zones == NULL || entries == NULL ? refuse(request, NULL, -ENOMEM) : CLI_OK;

    for (size_t i = 0; code == CLI_OK && i < request->count; i++) {
        code = make_zone(request, i, &zones[i]);
        entries[i] = zones[i].entry;
    }
    if (code == CLI_OK) {
        export_rpz_lose(&request->job);
        code = is_refused(request) ? CLI_REFUSED : put_folder(request, zones, entries, set);
    }
    for (size_t i = 0; zones != NULL && i < request->count; i++) {
        free(zones[i].octets);
    }
    free(zones);
    free(entries);
    return code;
}

static int run(struct request *request, int count, char **paths)
{
    const struct export_format *format = export_format_find(request->format);
    struct export_set *set = NULL;
    bool good = cli_list_keys_load(&request->keys, &request->keyring) == CLI_OK;
    int code = CLI_REFUSED;

    for (int i = 0; i < count && request->keyring.count > 0; i++) {
        good = load(request, paths[i]) && good;
    }
    if (!good) {
        return CLI_REFUSED;
    }
    const int rc = export_set_create(request->sources, request->count, request->action, &set);
    if (rc != 0) {
        return refuse(request, NULL, rc);
    }
    request->job.set = set;
    request->job.lose = lose;
    request->job.arg = request;
    code = format != NULL ? export_file(request, format) : export_folder(request, set);
    export_set_destroy(set);
    return code;
}

/* What the command line lacks; CLI_OK if nothing. */
static int check(const struct request *request, int count)
{
    const bool rpz = request->format != NULL && strcmp(request->format, "rpz") == 0;
    const struct export_format *format =
        request->format != NULL ? export_format_find(request->format) : NULL;
    struct wire_name name;

    if (format == NULL && !rpz) {
        return cli_usage("list export", "--format is adguard, cdb, dnsmasq, domains, hosts, "
                                        "rpz or unbound");
    }
    if (request->output == NULL && (rpz || (format->is_octets && isatty(STDOUT_FILENO)))) {
        return cli_usage("list export", "name %s with --output", rpz ? "a folder" : "a file");
    }
    if (wire_name_from_text(request->origin, strlen(request->origin), &name) != WIRE_TEXT_OK ||
        name.labels == 0 ||
        strspn(request->origin, "abcdefghijklmnopqrstuvwxyz0123456789-_.") !=
            strlen(request->origin) ||
        request->origin[strlen(request->origin) - 1] == '.') {
        return cli_usage("list export",
                         "--origin is a name in lower case without the final dot");
    }
    if (request->keys.count == 0 || count == 0 || count > (int)POLICY_LISTS_MAX) {
        return cli_usage("list export", "name the trusted keys with --keys, and 1 to %u lists",
                         POLICY_LISTS_MAX);
    }
    return CLI_OK;
}

static int read_option(struct request *request, int option)
{
    switch (option) {
    case 'f':
        request->format = optarg;
        return CLI_OK;
    case 'o':
        request->output = optarg;
        return CLI_OK;
    case 'O':
        request->origin = optarg;
        return CLI_OK;
    case 'k':
        cli_list_keys_add(&request->keys, optarg);
        return CLI_OK;
    case 't':
        return cli_number(optarg, 1, TRUST_KEYS_MAX, &request->keys.threshold)
                   ? CLI_OK
                   : cli_usage("list export", "--threshold is from 1 to %u", TRUST_KEYS_MAX);
    case 'a':
        return policy_action_parse(optarg, strlen(optarg), &request->action) &&
                       request->action != POLICY_ACTION_REDIRECT &&
                       request->action != POLICY_ACTION_PASS &&
                       request->action != POLICY_ACTION_LOG
                   ? CLI_OK
                   : cli_usage("list export", "--action is sinkhole, nxdomain, nodata, "
                                              "refused, drop or truncate");
    case 'i':
        request->ignore_time = true;
        return CLI_OK;
    case 'A':
        request->all = true;
        return CLI_OK;
    case 's':
        request->strict = true;
        return CLI_OK;
    default:
        return cli_usage("list export", "wrong option");
    }
}

int cli_list_export(int argc, char **argv)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"origin", required_argument, NULL, 'O'},
                                            {"keys", required_argument, NULL, 'k'},
                                            {"threshold", required_argument, NULL, 't'},
                                            {"action", required_argument, NULL, 'a'},
                                            {"ignore-time", no_argument, NULL, 'i'},
                                            {"all", no_argument, NULL, 'A'},
                                            {"strict", no_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct request *request = calloc(1, sizeof(*request));
    int code = CLI_OK;
    int option;

    if (request == NULL) {
        fputs("cordon list export: out of memory\n", stderr);
        return CLI_REFUSED;
    }
    request->keys.threshold = 2;
    request->origin = EXPORT_RPZ_ORIGIN;
    request->action = POLICY_ACTION_SINKHOLE;
    while (code == CLI_OK &&
           (option = getopt_long(argc, argv, "f:o:k:t:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            cli_list_keys_free(&request->keys);
            free(request);
            return CLI_OK;
        }
        code = read_option(request, option);
    }
    if (code == CLI_OK) {
        code = check(request, argc - optind);
    }
    if (code == CLI_OK) {
        code = run(request, argc - optind, argv + optind);
    }
    for (size_t i = 0; i < request->count; i++) {
        policy_list_free(request->lists[i]);
    }
    cli_list_keys_free(&request->keys);
    free(request);
    return code;
}
