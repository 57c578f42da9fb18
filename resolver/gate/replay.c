/* gate/replay.c - the recorded questions of the last days, as the candidate would decide them.
 */
#include "gate/impact.h"
#include "gate/inside.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static int find(const struct gate_sides *sides, const struct gate_impact_name *name,
                enum gate_verdict verdict, struct gate_result *result)
{
    const bool is_address = policy_trigger_is_address(name->trigger);
    const struct gate_question question = {
        .trigger = name->trigger,
        .view = name->view,
        .variant = name->variant,
        .name = &name->via,
        .address = is_address ? &name->address : NULL,
        .asked = name->trigger == POLICY_TRIGGER_QNAME ? NULL : &name->name};
    struct gate_change change;
    char text[WIRE_NAME_TEXT_MAX], words[GATE_WORDS_MAX], via[WIRE_NAME_TEXT_MAX];
    struct text out;

    wire_name_to_text(&name->name, text);
    text_init(&out, words, sizeof(words));
    text_printf(&out, "%" PRIu64 " questions of %" PRIu64 " clients", name->questions,
                name->clients);
    if (name->trigger != POLICY_TRIGGER_QNAME) {
        wire_name_to_text(&name->via, via);
        text_printf(&out, ", by way of %s", via);
    }
    /* A client's rule blocks it, and the client is not kept with the name. */
    if (!gate_newly_blocked(sides, &question, &change)) {
        const struct gate_found found = {
            .verdict = verdict,
            .what = text,
            .view = sides->new.snapshot->shown[name->view].name,
            .schedule = gate_sides_schedule(sides, name->view, name->variant),
            .words = words,
            .questions = name->questions,
            .clients = name->clients};
        return gate_find(result, &found);
    }
    const size_t at = result->count;
    const int rc = gate_find_change(sides, result, verdict, text, &question, &change, words);
    if (rc == 0 && result->count > at) {
        result->findings[at].questions = name->questions;
        result->findings[at].clients = name->clients;
    }
    return rc;
}

static enum gate_verdict judge(const struct gate_job *job, const struct gate_impact *impact)
{
    const struct config_gate *gate = &job->config->gate;
    const bool many = (gate->replay_names > 0 && impact->names > gate->replay_names) ||
                      (gate->replay_clients > 0 && impact->clients > gate->replay_clients);

    /* Where nothing is in force, all that lists block is new, and meant. */
    return many && job->sides.old.snapshot != NULL ? GATE_REFUSE : GATE_WARN;
}

static int say(const struct gate_impact *impact, struct gate_result *result)
{
    const uint64_t looked_at = impact->questions > 0 ? impact->questions : impact->matched;
    char since[CLOCK_TEXT_MAX];

    clock_format_s(impact->first_us / 1000000, since);
    return gate_say(
        result,
        "%" PRIu64 " of %" PRIu64 " recorded %s since %s are newly blocked: %s%" PRIu64
        " names, %s%" PRIu64 " clients%s%s%s",
        impact->hit, looked_at, impact->questions > 0 ? "questions" : "matches of rules", since,
        impact->names_more ? "more than " : "", impact->names,
        impact->clients_more ? "more than " : "", impact->clients,
        impact->pseudonyms ? " (one for each day, by pseudonyms)" : "",
        impact->questions > 0
            ? ""
            : "; questions that no rule matched are not recorded (audit.queries)",
        impact->damaged > 0 ? "; parts of the log could not be read" : "");
}

static int tell(struct gate_job *job, const struct gate_impact *impact,
                struct gate_result *result)
{
    const enum gate_verdict verdict = judge(job, impact);
    int rc = 0;

    if (impact->questions + impact->matched == 0 && impact->damaged > 0) {
        const struct gate_found found = {.verdict = GATE_WARN,
                                         .words = "the audit log is damaged, and nothing could "
                                                  "be read of that time: cordon audit verify"};

        rc = gate_find(result, &found);
        return rc == 0 ? gate_say(result, "the audit log could not be read") : rc;
    }
    if (impact->questions + impact->matched == 0) {
        return gate_skip(result, "nothing is recorded of the last %u days",
                         job->config->gate.replay_s / 86400);
    }
    for (size_t i = 0; i < impact->top_count && rc == 0; i++) {
        rc = find(&job->sides, &impact->top[i], verdict, result);
    }
    result->found = impact->names;
    return rc == 0 ? say(impact, result) : rc;
}

/* The one that was named; else that of the configuration. False: there is none. */
static bool find_log(const struct gate_job *job, char path[PATH_MAX])
{
    const char *named =
        job->request->log != NULL ? job->request->log : job->config->audit_directory;
    const char *state = job->config->state_directory;
    const int len = named != NULL   ? snprintf(path, PATH_MAX, "%s", named)
                    : state != NULL ? snprintf(path, PATH_MAX, "%s/audit", state)
                                    : -1;

    /* One that may not be looked at is told as such. */
    return len > 0 && len < PATH_MAX &&
           (named != NULL || access(path, F_OK) == 0 || errno != ENOENT);
}

static int skip_unread(struct gate_result *result, const char *log, int rc)
{
    return gate_skip(result, "the audit log %s cannot be read: %s%s", log, cordon_strerror(rc),
                     rc == -EACCES ? ". Let this user read it by the group of that folder "
                                     "(cordon-audit; docs/updates.md)"
                                   : "");
}

int gate_check_replay(struct gate_job *job)
{
    struct gate_result *result = &job->outcome->checks[GATE_REPLAY];
    const uint64_t now_us = job->request->now_s * 1000000;
    const uint64_t back_us = (uint64_t)job->config->gate.replay_s * 1000000;
    struct audit_folder folder;
    struct audit_files files;
    struct gate_impact impact;

    char log[PATH_MAX];

    if (back_us == 0) {
        return gate_skip(result, "update.gate.replay is off");
    }
    if (!find_log(job, log)) {
        return gate_skip(result, "there is no audit log");
    }
    int rc = audit_folder_open(log, &folder, &files);
    if (rc != 0) {
        return skip_unread(result, log, rc);
    }
    const struct gate_impact_request request = {
        .sides = &job->sides,
        .log = &files,
        .from_us = now_us > back_us ? now_us - back_us : 0,
        .to_us = now_us + 999999, /* to the end of this second */
        .report = job->report};
    rc = gate_impact_run(&request, &impact);
    audit_folder_close(&folder);
    if (rc != 0) {
        return rc == -ENOMEM ? rc : skip_unread(result, log, rc);
    }
    rc = tell(job, &impact, result);
    gate_impact_deinit(&impact);
    return rc;
}
