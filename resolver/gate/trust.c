/* gate/trust.c - signatures, root, catalogue and ratchet: what is no matter of opinion. */
#include "gate/inside.h"

#include "base/error.h"
#include "base/file.h"
#include "setup/trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Octets of a file that says whom to believe: the longest root. */
#define PIN_OCTETS_MAX TRUST_ROOT_OCTETS_MAX

static bool is_same_file(const char *a, const char *b)
{
    uint8_t *left = NULL, *right = NULL;
    size_t left_len = 0, right_len = 0;
    const bool same = file_read(a, PIN_OCTETS_MAX, &left, &left_len) == 0 &&
                      file_read(b, PIN_OCTETS_MAX, &right, &right_len) == 0 &&
                      left_len == right_len && memcmp(left, right, left_len) == 0;

    free(left);
    free(right);
    return same;
}

/* A file of the folder by which lists are believed must not change with the folder, or whoever
 * makes the candidate would say himself whose word counts. */
static void check_pin(const struct gate_job *job, const char *old, const char *name,
                      struct report *report)
{
    char new[PATH_MAX];

    if ((size_t)snprintf(new, sizeof(new), "%s/%s", job->request->candidate, name) >=
        sizeof(new)) {
        report_add(report, REPORT_ERROR, job->request->candidate, 0, 0, "the path is too long");
        return;
    }
    const bool was = access(old, F_OK) == 0, is = access(new, F_OK) == 0;
    if (was && !is) {
        report_add(report, REPORT_ERROR, new, 0, 0,
                   "is missing: by it the lists in force are believed; put it back, or name "
                   "trust.root or trust.keys");
    } else if (!was && is) {
        report_add(report, REPORT_ERROR, new, 0, 0,
                   "nobody here has pinned it: name it in trust.root, from a folder of your "
                   "own, if it is the right one");
    } else if (was && is && !is_same_file(old, new)) {
        report_add(report, REPORT_ERROR, new, 0, 0,
                   "is another than %s, by which the lists in force are believed: a root is "
                   "followed by its next version, and keys are changed by hand",
                   old);
    }
}

/* A root or key that the operator has named, where it is one of the folder itself: what he
 * named is what lies there now. */
static void check_named(const struct gate_job *job, const char *path, struct report *report)
{
    const char *folder = *gate_folder(job->config, job->request->publisher);
    const size_t len = strlen(folder);

    if (path != NULL && strncmp(path, folder, len) == 0 && path[len] == '/') {
        check_pin(job, path, path + len + 1, report);
    }
}

/* By what the publisher's lists are believed is the operator's, and not the candidate's. Where
 * he leaves it to the folder, it is what the folder in force has. */
static int pin(struct gate_job *job, struct config *config, struct report *report)
{
    char root[PATH_MAX];

    if (job->request->publisher != NULL) {
        for (size_t i = 0; i < config->publisher_count; i++) {
            if (strcmp(config->publishers[i].name, job->request->publisher) == 0) {
                check_named(job, config->publishers[i].root, report);
            }
        }
        return 0;
    }
    if (config->root != NULL) {
        check_named(job, config->root, report);
        return 0;
    }
    if (!config->keys_given &&
        (size_t)snprintf(root, sizeof(root), "%s/1.root", job->folder) < sizeof(root)) {
        check_pin(job, root, "1.root", report);
        if (access(root, F_OK) == 0) {
            config->root = strdup(root);
            return config->root != NULL ? 0 : -ENOMEM;
        }
    }
    for (size_t i = 0; i < config->key_count; i++) {
        check_named(job, config->keys[i],
                    report); /* those of the folder, where none is named */
    }
    return 0;
}

/* A list of the candidate, as its publisher signed it. */
static void check_list(const struct policy_load_source *source, const char *id,
                       struct report *report)
{
    struct trust_verdict verdict;
    char path[PATH_MAX];
    uint8_t *text = NULL;
    size_t len = 0;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s.list", source->directory, id) >=
        sizeof(path)) {
        report_add(report, REPORT_ERROR, source->directory, 0, 0, "the path is too long");
        return;
    }
    const int rc = file_read(path, POLICY_LIST_OCTETS_MAX, &text, &len);
    if (rc == -ENOENT) {
        return; /* that is for another check */
    }
    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0, "cannot be read: %s", cordon_strerror(rc));
        return;
    }
    if (trust_verify_beside(source->keyring, path, text, len, report, &verdict) == 0 &&
        source->publisher != NULL) {
        const struct trust_entry *entry =
            trust_catalogue_find(source->publisher->catalogue, id);

        if (entry != NULL) {
            (void)trust_entry_check(entry, path, text, len, report);
        }
    }
    free(text);
}

/* What would be remembered fits: the ratchet is noted in memory alone. */
static int note(struct setup_trust *trust, uint64_t now_s, struct report *report)
{
    int rc = 0;

    if (trust->ratchet == NULL) {
        return 0;
    }
    if (trust->publisher != NULL) {
        rc = trust_publisher_note(trust->publisher, now_s, trust->ratchet, report, NULL);
    }
    for (size_t i = 0; i < trust->foreign_count && rc == 0; i++) {
        if (trust->foreign[i].publisher != NULL) {
            rc = trust_publisher_note(trust->foreign[i].publisher, now_s, trust->ratchet,
                                      report, NULL);
        }
    }
    return rc;
}

/* Roots, catalogues and ratchet. What is wrong with another publisher is a warning. */
static int open_trust(struct gate_job *job, struct config *config, struct setup_trust *trust,
                      struct report *report)
{
    const struct gate_request *request = job->request;
    /* As at a reload: a start would set a damaged ratchet aside, and nothing is written here.
     */
    const struct setup_request asked = {.now_s = request->now_s, .tolerates = true};
    struct report others;

    report_init(&others);
    int rc = setup_trust_open(config, &asked, &others, trust);
    const bool is_its =
        rc != 0 || trust->is_lost || gate_is_broken(request, trust->told, trust->told_count);
    if (rc != -ENOMEM && is_its && others.errors == 0) {
        report_add(&others, REPORT_ERROR, request->candidate, 0, 0, "%s", cordon_strerror(rc));
    }
    if (rc != -ENOMEM) {
        const int told = gate_find_report(&job->outcome->checks[GATE_TRUST], &others,
                                          is_its ? GATE_REFUSE : GATE_WARN, request->candidate);
        rc = rc == 0 && is_its ? CORDON_E_REFUSED : rc;
        rc = told != 0 ? told : rc;
    }
    report_deinit(&others);
    return rc == 0 ? note(trust, request->now_s, report) : rc;
}

static int open_and_check(struct gate_job *job, struct config *config, struct report *report)
{
    const struct policy_load_source *sources[POLICY_LISTS_MAX];
    struct setup_trust *trust = calloc(1, sizeof(*trust));

    if (trust == NULL) {
        return -ENOMEM;
    }
    const int rc = open_trust(job, config, trust, report);
    if (rc == 0) {
        setup_trust_sources(trust, job->ids, job->id_count, sources);
    }
    for (size_t i = 0; i < job->id_count && rc == 0; i++) {
        if (strcmp(gate_folder_of(config, job->ids[i]), job->request->candidate) == 0) {
            check_list(sources[i], job->ids[i], report);
        }
    }
    setup_trust_close(trust);
    free(trust);
    return rc == -ENOMEM ? rc : 0;
}

int gate_check_trust(struct gate_job *job)
{
    struct gate_result *result = &job->outcome->checks[GATE_TRUST];
    struct config *config = job->candidate;
    struct report report;

    report_init(&report);
    int rc = pin(job, config, &report);
    /* The ratchet is that of whoever fetches, and is looked at where it lies. */
    char *ratchet = job->request->ratchet != NULL ? strdup(job->request->ratchet) : NULL;
    if (rc == 0 && job->request->ratchet != NULL && ratchet == NULL) {
        rc = -ENOMEM;
    }
    if (rc == 0) {
        config->state_directory = ratchet;
        rc = open_and_check(job, config, &report);
        config->state_directory = NULL;
    }
    free(ratchet);
    rc = rc == 0 ? gate_find_report(result, &report, GATE_REFUSE, job->request->candidate) : rc;
    report_deinit(&report);
    if (rc == 0 && result->verdict == GATE_REFUSE) {
        return gate_say(result, "%llu faults", (unsigned long long)result->found);
    }
    if (rc == 0) {
        rc = gate_say(result, "signed as it must be%s",
                      job->request->ratchet != NULL
                          ? ", and not older than what was accepted"
                          : "; what was accepted before is not known here");
    }
    return rc;
}
