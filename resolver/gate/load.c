/* gate/load.c - is everything there that is used, and does it load? */
#include "gate/inside.h"

#include "base/error.h"
#include "setup/trust.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool has_list(const struct config *config, const char *id)
{
    char path[PATH_MAX];

    return (size_t)snprintf(path, sizeof(path), "%s/%s.list", gate_folder_of(config, id), id) <
               sizeof(path) &&
           access(path, F_OK) == 0;
}

int gate_check_withdrawn(struct gate_job *job)
{
    struct gate_result *result = &job->outcome->checks[GATE_WITHDRAWN];
    int rc = 0;

    for (size_t i = 0; i < job->id_count && rc == 0; i++) {
        const bool is = has_list(job->candidate, job->ids[i]);
        const bool was = has_list(job->in_force, job->ids[i]);
        const bool is_its =
            strcmp(gate_folder_of(job->candidate, job->ids[i]), job->request->candidate) == 0;
        const struct gate_found found = {
            .verdict = is_its ? GATE_REFUSE : GATE_WARN, /* another publisher's */
            .what = job->ids[i],
            .list = job->ids[i],
            .words = was ? "it is in use, and the candidate does not have it: take it out of "
                           "lists.use, views and when first, if it is meant to go"
                         : "it is in use, and neither what is in force nor the candidate has "
                           "it: take it out of lists.use, views and when"};

        if (!is) {
            rc = gate_find(result, &found);
            gate_config_without(job->candidate, job->ids[i]);
        }
        if (!was) {
            gate_config_without(job->in_force, job->ids[i]);
        }
    }
    if (rc == 0 && result->found > 0) {
        return gate_say(result, "%llu lists in use are gone",
                        (unsigned long long)result->found);
    }
    return rc == 0 ? gate_say(result, "every list in use is there") : rc;
}

bool gate_is_broken(const struct gate_request *request, const struct setup_broken *broken,
                    size_t count)
{
    const char *publisher = request->publisher != NULL ? request->publisher : "";

    for (size_t i = 0; i < count; i++) {
        if (strcmp(broken[i].publisher, publisher) == 0) {
            return true;
        }
    }
    return false;
}

/* One snapshot; the configuration is then its own. 0 and NULL: it cannot be. */
static int make(struct gate_job *job, struct config **config, struct report *report,
                struct setup_snapshot **snapshot)
{
    report->progress = job->report->progress;
    report->progress_context = job->report->progress_context;
    /* What is wrong with another publisher costs its own lists, before and after. */
    const struct setup_request request = {.generation = 1,
                                          .now_s = job->request->now_s,
                                          .tolerates = true,
                                          .starts = job->request->publisher != NULL};
    const int rc = setup_snapshot_make_for(*config, &request, report, snapshot);

    if (rc == 0) {
        *config = NULL;
    } else if (rc != -ENOMEM && report->errors == 0) {
        report_add(report, REPORT_ERROR, NULL, 0, 0, "%s", cordon_strerror(rc));
    }
    return rc == -ENOMEM ? rc : 0;
}

/* What is in force may be damaged, or nothing may be: a candidate must be able to mend that. */
static int make_old(struct gate_job *job, struct gate_result *result,
                    struct setup_snapshot **snapshot)
{
    struct report report;

    report_init(&report);
    int rc = make(job, &job->in_force, &report, snapshot);
    if (rc == 0 && *snapshot == NULL) {
        const struct gate_found found = {
            .verdict = GATE_WARN,
            .what = job->folder,
            .words = "what is in force cannot be loaded: the candidate is compared with "
                     "nothing"};

        rc = gate_find(result, &found);
    }
    report_deinit(&report);
    return rc;
}

int gate_check_loads(struct gate_job *job)
{
    struct gate_result *result = &job->outcome->checks[GATE_LOADS];
    struct setup_snapshot *old = NULL, *new = NULL;
    struct report report;

    report_init(&report);
    int rc = make(job, &job->candidate, &report, &new);
    if (new != NULL && gate_is_broken(job->request, new->broken, new->broken_count)) {
        setup_snapshot_free(new);
        new = NULL;
    }
    rc = rc == 0 ? gate_find_report(result, &report, new != NULL ? GATE_WARN : GATE_REFUSE,
                                    job->request->candidate)
                 : rc;
    report_deinit(&report);
    if (rc == 0 && new == NULL) {
        result->verdict = GATE_REFUSE;
        return gate_say(result, "it does not load");
    }
    rc = rc == 0 ? make_old(job, result, &old) : rc;
    if (rc != 0) {
        setup_snapshot_free(old);
        setup_snapshot_free(new);
        return rc;
    }
    rc = gate_sides_init(&job->sides, old, new, job->request->now_s);
    rc = rc == 0 ? gate_read_lists(job) : rc;
    return rc == 0 ? gate_say(result, "%zu lists load", new->list_count) : rc;
}
