#include "update/judge.h"

#include "base/error.h"
#include "gate/gate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The folder of the oldest version that is kept; false: there is none but what is in force. */
static bool find_oldest(const struct update_place *place, char path[PATH_MAX])
{
    char(*names)[UPDATE_VERSION_MAX] = calloc(CONFIG_KEPT_MAX, sizeof(*names));
    size_t count = names == NULL ? 0 : update_place_list(place, names, CONFIG_KEPT_MAX);

    count = count > CONFIG_KEPT_MAX ? CONFIG_KEPT_MAX : count;
    const bool found =
        count > 1 && update_path(path, "%s/%s", place->versions, names[count - 1]);
    free(names);
    return found;
}

static void add_override(struct gate_request *request, enum gate_check check,
                         const char *reason)
{
    for (size_t i = 0; i < request->override_count; i++) {
        if (request->overrides[i].check == check) {
            return;
        }
    }
    request->overrides[request->override_count++] =
        (struct gate_override){.check = check, .reason = reason};
}

static void add_overrides(const struct update_options *options, struct gate_request *request)
{
    for (size_t i = 0; i < options->override_count; i++) {
        enum gate_check check;

        if (gate_check_parse(options->overrides[i], &check)) {
            add_override(request, check, options->reason);
        }
    }
    for (unsigned i = 0; options->force && i < GATE_CHECKS; i++) {
        const struct gate_override override = {.check = (enum gate_check)i,
                                               .reason = options->reason};

        if (gate_override_fault(&override) == NULL) {
            add_override(request, override.check, options->reason);
        }
    }
}

const char *update_override_fault(const char *word, const char *reason)
{
    struct gate_override override = {.reason = reason};

    return gate_check_parse(word, &override.check)
               ? gate_override_fault(&override)
               : "is no check of the gate (cordon-update(8) names them)";
}

/* The verdict, for machines and for people. What does not fit, or has no memory, is left out.
 */
static void keep_verdict(const struct gate_outcome *outcome, struct update_result *result)
{
    char *buffer = malloc(GATE_DOCUMENT_MAX);
    size_t len = 0;
    struct text out;

    free(result->verdict);
    free(result->verdict_text);
    result->verdict = NULL;
    result->verdict_text = NULL;
    if (buffer != NULL) {
        text_init(&out, buffer, GATE_DOCUMENT_MAX);
        gate_write(&out, NULL, outcome);
        result->verdict = out.overflow ? NULL : strdup(out.at);
        free(buffer);
    }
    FILE *file = open_memstream(&result->verdict_text, &len);
    if (file != NULL) {
        gate_print(outcome, file);
        fclose(file);
    }
}

enum update_judgement update_judge(const struct update_options *options,
                                   const struct update_publisher *publisher,
                                   const struct update_place *place, bool has_set,
                                   const struct update_store *store, uint64_t now_s,
                                   struct update_result *result)
{
    struct gate_outcome *outcome = NULL;
    char oldest[PATH_MAX];
    struct gate_request request = {
        .config = options->config_path,
        .publisher = publisher->foreign == NULL ? NULL : publisher->name,
        .candidate = place->candidate,
        .in_force = has_set ? place->current : NULL,
        .oldest = find_oldest(place, oldest) ? oldest : NULL,
        .ratchet = store->directory,
        .now_s = now_s,
    };

    add_overrides(options, &request);
    const int rc = gate_run(&request, &result->report, &outcome);
    if (rc != 0) {
        report_add(&result->report, REPORT_ERROR, place->candidate, 0, 0,
                   "the gate cannot judge it: %s", cordon_strerror(rc));
        return UPDATE_JUDGED_NOT;
    }
    keep_verdict(outcome, result);
    const bool good = outcome->verdict != GATE_REFUSE;
    gate_outcome_free(outcome);
    return good ? UPDATE_JUDGED_GOOD : UPDATE_JUDGED_BAD;
}
