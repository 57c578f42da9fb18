/* cordon audit impact: what a candidate list would have done to the recorded questions. The
 * same code as in the gate before updates, for one list that need not be signed yet. */
#include "base/clock.h"
#include "base/error.h"
#include "cli/audit.h"
#include "cli/audit_filter.h"
#include "cli/audit_report.h"
#include "cli/list.h"
#include "gate/impact.h"
#include "policy/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND "audit impact"

static const char help[] =
    "usage: cordon audit impact [OPTION...] LIST\n"
    "\n"
    "Says what LIST, a file ID.list, would have blocked of the questions that were recorded,\n"
    "beside what is in force: names, clients, how often. Where no question is recorded\n"
    "(audit.queries), those count that some rule matched. LIST replaces the list of its id in\n"
    "the configuration; one that nothing enforces there is taken as enforced. Its signatures\n"
    "are not looked at, and nothing is put in force.\n" CLI_AUDIT_TIMES_HELP
    "  --from, --to TIME  the same, but a date is its beginning (UTC); not said: all\n"
    "  --format FORMAT  table (default), csv, json, html\n"
    "  --table KEY      of csv: this table (names, the only one)\n"
    "  --output PATH    a file, written at once or not at all\n"
    "  --log DIR        the folder of the log; not said: that of the configuration\n"
    "  --config FILE    the configuration\n";

struct job {
    struct audit_report_options named;
    const char *path;
    struct policy_list *list; /* the candidate */
    bool forced;              /* nothing enforces a list of this id */
    struct gate_sides sides;
    struct cli_progress progress;
    struct report report;
};

/* --- the configuration with the candidate --- */

/* True if one of them is the candidate, and enforced. */
static bool is_enforced(const struct config_list *lists, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(lists[i].id, id) == 0 && lists[i].mode == CONFIG_MODE_ENFORCE) {
            return true;
        }
    }
    return false;
}

static bool whens_enforce(const struct config_whens *whens, const char *id)
{
    for (size_t i = 0; i < whens->count; i++) {
        if (is_enforced(whens->at[i].lists, whens->at[i].list_count, id)) {
            return true;
        }
    }
    return false;
}

static bool config_enforces(const struct config *config, const char *id)
{
    if (is_enforced(config->lists, config->list_count, id) ||
        whens_enforce(&config->when, id)) {
        return true;
    }
    for (size_t i = 0; i < config->view_count; i++) {
        const struct config_view *view = &config->views[i];

        if (is_enforced(view->lists, view->list_count, id) || whens_enforce(&view->when, id)) {
            return true;
        }
    }
    return false;
}

/* Enforces it for everybody whose view has no lists of its own. False: there is no room. */
static bool enforce(struct config *config, const char *id)
{
    size_t at = 0;

    while (at < config->list_count && strcmp(config->lists[at].id, id) != 0) {
        at++;
    }
    if (at == CONFIG_LISTS_MAX) {
        return false;
    }
    if (at == config->list_count) {
        config->lists[at] = (struct config_list){.mode = CONFIG_MODE_ENFORCE};
        snprintf(config->lists[at].id, sizeof(config->lists[at].id), "%s", id);
        config->list_count++;
    }
    config->lists[at].mode = CONFIG_MODE_ENFORCE;
    return true;
}

static struct setup_snapshot *make_new(struct job *job, uint64_t now_s)
{
    struct config *config = cli_config(job->named.config);
    struct setup_held held = {
        .version = {.path = job->path, .serial = job->list->serial, .by_hash = true}};
    const struct setup_held_set set = {.at = &held, .count = 1};

    if (config == NULL) {
        return NULL;
    }
    snprintf(held.id, sizeof(held.id), "%s", job->list->id);
    memcpy(held.version.hash, job->list->digest, sizeof(held.version.hash));
    job->forced = !config_enforces(config, job->list->id);
    if (job->forced && !enforce(config, job->list->id)) {
        fprintf(stderr, "cordon " COMMAND ": the configuration has no room for a list more\n");
        config_free(config);
        return NULL;
    }
    const struct setup_request request = {.generation = 1, .now_s = now_s, .held = &set};
    struct setup_snapshot *snapshot = cli_snapshot_of(config, &request, &job->progress);
    for (size_t i = 0; snapshot != NULL && i < snapshot->list_count; i++) {
        if (strcmp(snapshot->lists[i].id, job->list->id) == 0 && snapshot->lists[i].held) {
            return snapshot;
        }
    }
    if (snapshot != NULL) {
        fprintf(stderr, "cordon " COMMAND ": %s: the configuration does not take this list\n",
                job->path);
    }
    setup_snapshot_free(snapshot);
    return NULL;
}

static int make_sides(struct job *job)
{
    const uint64_t now_s = clock_read().wall_us / 1000000;
    struct setup_snapshot *new = make_new(job, now_s);

    if (new == NULL) {
        return CLI_REFUSED;
    }
    struct setup_snapshot *old = cli_snapshot_at(job->named.config, now_s, &job->progress);
    if (old == NULL) {
        setup_snapshot_free(new);
        return CLI_REFUSED;
    }
    const int rc = gate_sides_init(&job->sides, old, new, now_s);
    return rc == 0 ? CLI_GO_ON : cli_audit_failed(COMMAND, job->path, rc);
}

/* --- what it tells --- */

static void tell_facts(const struct job *job, const struct gate_impact *impact,
                       struct dossier *dossier)
{
    const struct policy_fact *status = policy_list_status(job->list);
    char words[POLICY_FACT_WORDS_MAX] = "the list states none";
    char moment[DOSSIER_MOMENT_MAX];

    if (status != NULL) {
        policy_words_fact(status, job->list->provider_name, words);
    }
    dossier_fact(dossier, "list", "candidate", "%s, serial %" PRIu32, job->list->id,
                 job->list->serial);
    dossier_fact(dossier, "provider", "provider", "%s", job->list->provider_name);
    dossier_fact(dossier, "status", "legal status", "%s", words);
    if (impact->first_us != 0) {
        dossier_fact(dossier, "from", "first question", "%s",
                     dossier_moment(impact->first_us, moment));
        dossier_fact(dossier, "to", "last question", "%s",
                     dossier_moment(impact->last_us, moment));
    }
    dossier_fact(dossier, "questions", "questions recorded", "%" PRIu64, impact->questions);
    dossier_fact(dossier, "matched", "matches recorded", "%" PRIu64, impact->matched);
    dossier_fact(dossier, "hit", "newly blocked", "%" PRIu64, impact->hit);
    dossier_fact(dossier, "names", "names hit", "%s%" PRIu64,
                 impact->names_more ? "more than " : "", impact->names);
    dossier_fact(dossier, "clients", "clients hit", "%s%" PRIu64,
                 impact->clients_more ? "more than " : "", impact->clients);
}

static void tell_notices(const struct job *job, const struct gate_impact *impact,
                         struct dossier *dossier)
{
    dossier_notice(dossier, "The signatures of the candidate were not looked at.");
    if (job->forced) {
        dossier_notice(dossier, "The configuration enforces no list of this id: it is taken as "
                                "enforced for all whose view has no lists of its own.");
    }
    if (impact->questions == 0) {
        dossier_notice(dossier,
                       impact->matched == 0
                           ? "Nothing is recorded of these times."
                           : "Questions that no rule matched are not recorded (audit.queries): "
                             "what only the candidate would match is not seen.");
    } else {
        dossier_notice(dossier, "Where an answer would have led to is known only of questions "
                                "that some rule matched.");
    }
    if (impact->pseudonyms) {
        dossier_notice(dossier, "Clients are recorded as pseudonyms that change each day: one "
                                "machine counts as another each day.");
    }
    if (impact->undecided > 0) {
        dossier_notice(dossier,
                       "%" PRIu64 " events could not be decided anew: no name, or neither view "
                       "nor client are known.",
                       impact->undecided);
    }
    if (impact->damaged > 0) {
        dossier_notice(dossier, "Parts of the log could not be read: cordon audit verify says "
                                "where.");
    }
}

static void tell_names(const struct job *job, const struct gate_impact *impact,
                       struct dossier *dossier)
{
    char text[WIRE_NAME_TEXT_MAX];
    char address[ADDRESS_TEXT_MAX];

    dossier_table(dossier, "names", "Names newly blocked",
                  "Names that were asked for, the most asked first, and what of their answers "
                  "the candidate blocks, where it is not the name itself.")
        ->left_out = impact->names - impact->top_count;
    dossier_column(dossier, "name", "name asked", DOSSIER_TEXT);
    dossier_column(dossier, "questions", "questions", DOSSIER_NUMBER);
    dossier_column(dossier, "clients", "clients", DOSSIER_NUMBER);
    dossier_column(dossier, "trigger", "by way of", DOSSIER_TEXT);
    dossier_column(dossier, "via", "leads to", DOSSIER_TEXT)->sparse = true;
    dossier_column(dossier, "address", "address", DOSSIER_TEXT)->sparse = true;
    dossier_column(dossier, "view", "view", DOSSIER_TEXT);
    dossier_column(dossier, "schedule", "schedule", DOSSIER_TEXT)->sparse = true;
    dossier_column(dossier, "first", "first", DOSSIER_TIME);
    dossier_column(dossier, "last", "last", DOSSIER_TIME);
    for (size_t i = 0; i < impact->top_count; i++) {
        const struct gate_impact_name *name = &impact->top[i];
        const bool itself = name->trigger == POLICY_TRIGGER_QNAME;

        dossier_text(dossier, text, wire_name_to_text(&name->name, text));
        dossier_number(dossier, name->questions);
        dossier_number(dossier, name->clients);
        dossier_string(dossier, policy_trigger_name(name->trigger));
        dossier_text(dossier, text, itself ? 0 : wire_name_to_text(&name->via, text));
        dossier_text(dossier, address,
                     name->address.family == ADDRESS_NONE
                         ? 0
                         : address_format(&name->address, false, address));
        dossier_string(dossier, job->sides.new.snapshot->shown[name->view].name);
        dossier_string(dossier, gate_sides_schedule(&job->sides, name->view, name->variant));
        dossier_number(dossier, name->first_us);
        dossier_number(dossier, name->last_us);
    }
}

static int tell(const struct job *job, const struct gate_impact *impact)
{
    struct dossier *dossier =
        dossier_create("impact", "Impact",
                       "What a candidate list would have blocked of the recorded questions, "
                       "beside what is in force.");

    if (dossier == NULL) {
        return cli_audit_failed(COMMAND, job->path, -ENOMEM);
    }
    tell_facts(job, impact, dossier);
    tell_notices(job, impact, dossier);
    tell_names(job, impact, dossier);
    const int code = dossier_failed(dossier) ? cli_audit_failed(COMMAND, job->path, -ENOMEM)
                                             : audit_report_give(&job->named, dossier);
    dossier_destroy(dossier);
    return code;
}

/* --- all logs of the folder; the newest alone is what the gate looks at, too --- */

static int replay(struct job *job, const char *folder)
{
    const uint64_t now_us = clock_read().wall_us;
    struct audit_report_logs logs;
    struct gate_impact impact;
    int code = audit_report_open(folder, &logs);

    if (code != CLI_GO_ON) {
        return code;
    }
    if (logs.count > 1) {
        fprintf(stderr,
                "cordon " COMMAND ": the folder has %zu logs: the newest is looked at\n",
                logs.count);
    }
    const struct gate_impact_request request = {
        .sides = &job->sides,
        .log = logs.sources[logs.count - 1].files,
        .from_us = job->named.from_us,
        .to_us = job->named.to_us != 0 ? job->named.to_us : now_us,
        .report = &job->report};
    cli_progress_start(&job->progress, false);
    cli_progress_watch(&job->progress, &job->report);
    const int rc = gate_impact_run(&request, &impact);
    cli_progress_end(&job->progress);
    code = rc == 0 ? tell(job, &impact) : cli_audit_failed(COMMAND, folder, rc);
    if (rc == 0) {
        gate_impact_deinit(&impact);
    }
    audit_report_close(&logs);
    return code;
}

int cli_audit_impact(int argc, char **argv)
{
    struct job job = {.path = NULL};
    struct audit_report_options *named = &job.named;
    char folder[AUDIT_PATH_MAX];
    const struct cli_option options[] = {
        {"config", 'c', &named->config, NULL}, {"log", 0, &named->folder, NULL},
        {"since", 0, &named->since, NULL},     {"until", 0, &named->until, NULL},
        {"from", 0, &named->from, NULL},       {"to", 0, &named->to, NULL},
        {"format", 0, &named->format, NULL},   {"table", 0, &named->table, NULL},
        {"output", 'o', &named->output, NULL}};
    int code = cli_options(argc, argv, COMMAND, help, options, CLI_COUNT(options));

    code = code == CLI_GO_ON ? cli_words(argc, argv, COMMAND, &job.path, 1) : code;
    if (code == CLI_GO_ON && job.path == NULL) {
        code = cli_usage(COMMAND, "name the file of a list");
    }
    code = code == CLI_GO_ON ? audit_report_check(COMMAND, named) : code;
    code = code == CLI_GO_ON ? cli_audit_folder(COMMAND, named->config, named->folder, folder)
                             : code;
    if (code != CLI_GO_ON) {
        return code;
    }
    job.list = cli_list_read("impact", job.path);
    if (job.list == NULL) {
        return CLI_REFUSED;
    }
    report_init(&job.report);
    cli_progress_start(&job.progress, false);
    code = make_sides(&job);
    code = code == CLI_GO_ON ? replay(&job, folder) : code;
    gate_sides_deinit(&job.sides);
    report_deinit(&job.report);
    policy_list_free(job.list);
    return code;
}
