#include "gate/gate.h"

#include "base/error.h"
#include "base/invariant.h"
#include "base/utf8.h"
#include "gate/inside.h"
#include "setup/views.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *word;
    bool can_be_overridden;
    int (*run)(struct gate_job *job);
} checks[GATE_CHECKS] = {
    [GATE_TRUST] = {"trust", false, gate_check_trust},
    [GATE_WITHDRAWN] = {"withdrawn", false, gate_check_withdrawn},
    [GATE_LOADS] = {"loads", false, gate_check_loads},
    [GATE_SIZE] = {"size", true, gate_check_size},
    [GATE_PUBLIC_SUFFIX] = {"public-suffix", true, gate_check_public_suffix},
    [GATE_MUST_RESOLVE] = {"must-resolve", true, gate_check_must_resolve},
    [GATE_OWN_ADDRESSES] = {"own-addresses", true, gate_check_own_addresses},
    [GATE_REPLAY] = {"replay", true, gate_check_replay},
};

const char *gate_check_word(enum gate_check check)
{
    return checks[check].word;
}

bool gate_check_parse(const char *word, enum gate_check *out)
{
    for (unsigned i = 0; i < GATE_CHECKS; i++) {
        if (strcmp(word, checks[i].word) == 0) {
            *out = (enum gate_check)i;
            return true;
        }
    }
    return false;
}

const char *gate_verdict_word(enum gate_verdict verdict)
{
    static const char *const words[] = {[GATE_PASS] = "pass",
                                        [GATE_SKIPPED] = "skipped",
                                        [GATE_WARN] = "warn",
                                        [GATE_REFUSE] = "refuse"};

    return words[verdict];
}

/* A line that says something: characters that people see. */
static bool is_reason(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t len = strlen(text);
    bool any = false;

    while (len > 0) {
        uint32_t point = 0;
        const size_t used = utf8_point(at, len, &point);

        if (used == 0 || point < ' ' || (point >= 0x7f && point < 0xa0) ||
            utf8_is_hidden(point)) {
            return false;
        }
        any = any || point != ' ';
        at += used;
        len -= used;
    }
    return any;
}

const char *gate_override_fault(const struct gate_override *override)
{
    if (override->check == GATE_WITHDRAWN) {
        return "cordond would not load what is left: take the list out of lists.use instead";
    }
    if (!checks[override->check].can_be_overridden) {
        return "signatures, ratchet, and whether the lists load are no matter of opinion: this "
               "check cannot be overridden";
    }
    if (override->reason == NULL || !is_reason(override->reason)) {
        return "an override needs a reason: a line of text that says why";
    }
    return strlen(override->reason) > GATE_REASON_MAX ? "the reason is longer than 512 octets"
                                                      : NULL;
}

/* Overrides that cannot be are a mistake of whoever asks, and nothing is looked at. */
static int take_overrides(const struct gate_request *request, struct report *report,
                          struct gate_outcome *outcome)
{
    for (size_t i = 0; i < request->override_count; i++) {
        const struct gate_override *override = &request->overrides[i];
        const char *fault = gate_override_fault(override);
        struct gate_result *result = &outcome->checks[override->check];

        if (fault == NULL && result->reason != NULL) {
            fault = "it is overridden twice: give one reason";
        }
        if (fault != NULL) {
            report_add(report, REPORT_ERROR, gate_check_word(override->check), 0, 0, "%s",
                       fault);
            return -EINVAL;
        }
        result->reason = strdup(override->reason);
        if (result->reason == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

char **gate_folder(struct config *config, const char *publisher)
{
    if (publisher == NULL) {
        return &config->list_directory;
    }
    for (size_t i = 0; i < config->publisher_count; i++) {
        if (strcmp(config->publishers[i].name, publisher) == 0) {
            return &config->publishers[i].directory;
        }
    }
    return NULL;
}

const char *gate_folder_of(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->publisher_count; i++) {
        const struct config_publisher *publisher = &config->publishers[i];

        for (size_t k = 0; k < publisher->list_count; k++) {
            if (strcmp(publisher->lists[k], id) == 0) {
                return publisher->directory;
            }
        }
    }
    return config->list_directory;
}

static void turn_off(struct config_list *lists, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(lists[i].id, id) == 0) {
            lists[i].mode = CONFIG_MODE_OFF;
        }
    }
}

static void turn_off_when(struct config_whens *when, const char *id)
{
    for (size_t i = 0; i < when->count; i++) {
        turn_off(when->at[i].lists, when->at[i].list_count, id);
    }
}

void gate_config_without(struct config *config, const char *id)
{
    turn_off(config->lists, config->list_count, id);
    turn_off_when(&config->when, id);
    for (size_t i = 0; i < config->view_count; i++) {
        turn_off(config->views[i].lists, config->views[i].list_count, id);
        turn_off_when(&config->views[i].when, id);
    }
}

static void leave_out_closed(char **paths, size_t *count)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++) {
        if (access(paths[i], R_OK) == 0) {
            paths[kept++] = paths[i];
        } else {
            free(paths[i]);
        }
    }
    *count = kept;
}

/* What has nothing to do with lists may lie in files that are closed to whoever runs the gate:
 * names of this place are then asked of policy, too, and TLS is not made ready. */
static void leave_out_closed_files(struct config *config)
{
    leave_out_closed(config->hosts, &config->hosts_count);
    leave_out_closed(config->zone_files, &config->zone_file_count);
    for (size_t i = 0; i < config->upstream_count; i++) {
        config->upstreams[i].transport = ENDPOINT_DO53;
    }
    for (size_t i = 0; i < config->forward_count; i++) {
        for (size_t k = 0; k < config->forward[i].count; k++) {
            config->forward[i].servers[k].transport = ENDPOINT_DO53;
        }
    }
}

/* The configuration with another folder; it touches no state. */
static int read_config(const struct gate_request *request, const char *folder,
                       struct config **out)
{
    struct report quiet;
    struct config *config = NULL;

    report_init(&quiet); /* what it would say has been said */
    const int rc = config_read(request->config, &quiet, &config);
    report_deinit(&quiet);
    if (rc != 0) {
        return rc;
    }
    char **at = gate_folder(config, request->publisher);
    char *copy = strdup(folder);
    if (at == NULL || copy == NULL) {
        free(copy);
        config_free(config);
        return -ENOMEM;
    }
    free(*at);
    *at = copy;
    free(config->state_directory);
    config->state_directory = NULL;
    leave_out_closed_files(config);
    *out = config;
    return 0;
}

/* The lists that any view uses at any time. */
static int find_ids(struct gate_job *job)
{
    struct setup_views views;
    int rc = setup_views_init(job->config, job->report, &views);

    for (size_t i = 0; rc == 0 && i < views.id_count; i++) {
        job->ids[i] = views.ids[i]; /* of the config, which stays */
    }
    job->id_count = rc == 0 ? views.id_count : 0;
    setup_views_deinit(&views);
    return rc;
}

static int prepare(struct gate_job *job)
{
    const struct gate_request *request = job->request;
    struct gate_outcome *outcome = job->outcome;
    int rc = config_read(request->config, job->report, &job->config);

    if (rc != 0) {
        return rc;
    }
    char **at = gate_folder(job->config, request->publisher);
    if (at == NULL) {
        report_add(job->report, REPORT_ERROR, "trust.publishers", 0, 0,
                   "there is no publisher \"%s\"", request->publisher);
        return -EINVAL;
    }
    /* Where the folder is a link that is about to be turned, it is looked at as it is now. */
    const char *folder = request->in_force != NULL ? request->in_force : *at;
    if (realpath(folder, job->folder) == NULL) {
        snprintf(job->folder, sizeof(job->folder), "%s", folder);
    }
    snprintf(outcome->in_force, sizeof(outcome->in_force), "%s", job->folder);
    snprintf(outcome->candidate, sizeof(outcome->candidate), "%s", request->candidate);
    snprintf(outcome->publisher, sizeof(outcome->publisher), "%s",
             request->publisher != NULL ? request->publisher : "");
    outcome->made_s = request->now_s;
    rc = find_ids(job);
    rc = rc == 0 ? read_config(request, request->candidate, &job->candidate) : rc;
    return rc == 0 ? read_config(request, job->folder, &job->in_force) : rc;
}

static void judge(struct gate_outcome *outcome)
{
    outcome->verdict = GATE_PASS;
    for (unsigned i = 0; i < GATE_CHECKS; i++) {
        struct gate_result *result = &outcome->checks[i];
        enum gate_verdict verdict = result->verdict;

        result->overridden = verdict == GATE_REFUSE && result->reason != NULL;
        verdict = verdict == GATE_SKIPPED ? GATE_PASS : verdict;
        verdict = result->overridden ? GATE_WARN : verdict;
        outcome->verdict = verdict > outcome->verdict ? verdict : outcome->verdict;
    }
}

/* One after the other: what is not signed as it must be is not looked at, what does not load
 * cannot be asked. */
static int run_checks(struct gate_job *job)
{
    struct gate_result *results = job->outcome->checks;
    int rc = 0;

    for (unsigned i = 0; i < GATE_CHECKS && rc == 0; i++) {
        report_progress(job->report, "checking", i, GATE_CHECKS);
        if (i > GATE_TRUST && results[GATE_TRUST].verdict == GATE_REFUSE) {
            rc = gate_skip(&results[i], "the candidate is not trusted");
        } else if (i > GATE_LOADS && job->sides.new.snapshot == NULL) {
            rc = gate_skip(&results[i], "the candidate does not load");
        } else {
            rc = checks[i].run(job);
        }
        invariant(rc != 0 || results[i].words != NULL);
    }
    return rc;
}

int gate_run(const struct gate_request *request, struct report *report,
             struct gate_outcome **outcome)
{
    struct gate_job *job = calloc(1, sizeof(*job));
    struct gate_outcome *made = calloc(1, sizeof(*made));
    int rc = job == NULL || made == NULL ? -ENOMEM : 0;

    if (rc == 0) {
        job->request = request;
        job->outcome = made;
        job->report = report;
        rc = take_overrides(request, report, made);
    }
    rc = rc == 0 ? prepare(job) : rc;
    rc = rc == 0 ? run_checks(job) : rc;
    if (rc == 0) {
        judge(made);
        *outcome = made;
        made = NULL;
    }
    if (job != NULL) {
        gate_suffix_end(job);
        gate_own_end(job);
        gate_sides_deinit(&job->sides);
        config_free(job->config);
        config_free(job->candidate);
        config_free(job->in_force);
    }
    free(job);
    gate_outcome_free(made);
    return rc;
}

void gate_outcome_free(struct gate_outcome *outcome)
{
    for (unsigned i = 0; outcome != NULL && i < GATE_CHECKS; i++) {
        struct gate_result *result = &outcome->checks[i];

        for (size_t k = 0; k < result->count; k++) {
            struct gate_finding *finding = &result->findings[k];

            free(finding->what);
            free(finding->list);
            free(finding->rule);
            free(finding->view);
            free(finding->schedule);
            free(finding->words);
        }
        free(result->reason);
        free(result->words);
    }
    free(outcome);
}
