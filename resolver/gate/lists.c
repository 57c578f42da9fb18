/* gate/lists.c - the texts of the lists: what comes and goes. */
#include "gate/inside.h"

#include "base/file.h"
#include "policy/list_pairs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int gate_list_read(const char *folder, const char *id, struct policy_list **list)
{
    char path[PATH_MAX];
    uint8_t *text = NULL;
    size_t len = 0;

    *list = NULL;
    if ((size_t)snprintf(path, sizeof(path), "%s/%s.list", folder, id) >= sizeof(path)) {
        return -ENAMETOOLONG;
    }
    int rc = file_read(path, POLICY_LIST_OCTETS_MAX, &text, &len);
    if (rc == -ENOENT) {
        return 0;
    }
    if (rc == 0) {
        rc = policy_list_parse((const char *)text, len, path, NULL, list);
    }
    free(text);
    return rc;
}

static bool does_the_same(const struct policy_list_rule *a, const struct policy_list_rule *b)
{
    return a->kind == b->kind && a->action == b->action && a->ends_chain == b->ends_chain &&
           a->redirect_prefixes == b->redirect_prefixes &&
           strcmp(a->redirect != NULL ? a->redirect : "",
                  b->redirect != NULL ? b->redirect : "") == 0;
}

/* The same in each view: a view may go by what a rule is said to be. */
static bool counts_the_same(const struct policy_list_rule *a, const struct policy_list_rule *b)
{
    return does_the_same(a, b) && a->scope == b->scope && a->confidence == b->confidence &&
           strcmp(a->category, b->category) == 0;
}

static struct policy_row row_of(const struct policy_list_rule *rule)
{
    return (struct policy_row){
        .category = rule->category, .scope = rule->scope, .confidence = rule->confidence};
}

/* May it do as much as before in each view, by what it is said to be now? */
static bool may_do_the_same(const struct setup_snapshot *snapshot,
                            const struct policy_list_rule *a, const struct policy_list_rule *b)
{
    const struct policy_row was = row_of(a), is = row_of(b);
    bool same = true;

    if (counts_the_same(a, b)) {
        return true;
    }
    for (size_t i = 0; i < snapshot->view_count && same && b->kind != POLICY_PASS; i++) {
        const struct policy_caps *caps = &snapshot->shown[i].caps;

        same = policy_caps_of(caps, &was, NULL) == policy_caps_of(caps, &is, NULL) &&
               policy_caps_record(caps, &was, NULL) == policy_caps_record(caps, &is, NULL);
    }
    return same;
}

/* A rule that does something else than before has gone, and another has come. noted: the
 * checks are told of each. */
static int count_changes(const struct policy_list *old, const struct policy_list *new,
                         struct gate_job *job, bool noted, uint64_t *added, uint64_t *removed)
{
    const struct setup_snapshot *snapshot = job->sides.new.snapshot;
    struct policy_list_pairs pairs;
    const struct policy_list_rule *was, *is;
    int rc = policy_list_pairs_init(&pairs, old, new);

    *added = *removed = 0;
    while (rc == 0 && policy_list_pairs_next(&pairs, &was, &is)) {
        const bool both = was != NULL && is != NULL;

        if (!both || !does_the_same(was, is) || !may_do_the_same(snapshot, was, is)) {
            *added += is != NULL;
            *removed += was != NULL;
        }
        if (noted && (!both || !counts_the_same(was, is))) {
            rc = gate_suffix_note(job, is != NULL ? new : old, is != NULL ? is : was);
        }
    }
    policy_list_pairs_deinit(&pairs);
    return rc;
}

static int note_addresses(struct gate_job *job, const struct policy_list *list)
{
    int rc = 0;

    for (size_t i = 0; list != NULL && i < list->rule_count && rc == 0; i++) {
        rc = gate_own_note(job, list, &list->rules[i]);
    }
    return rc;
}

/* Is the list enforced in any view, at any time? */
static bool is_enforced(const struct setup_snapshot *snapshot, const char *id)
{
    const struct policy_image *image = policy_image_of(snapshot->policy);
    struct policy_image_list list;

    for (size_t i = 0; policy_image_list_at(image, i, &list); i++) {
        for (unsigned view = 0; strcmp(list.id, id) == 0 && view < snapshot->view_count;
             view++) {
            if (policy_list_is_ever_enforced(snapshot->policy, view, i)) {
                return true;
            }
        }
    }
    return false;
}

static int look_at(struct gate_job *job, const char *id, const struct policy_list *old,
                   const struct policy_list *new, const struct policy_list *oldest)
{
    struct gate_list *entry = &job->outcome->lists[job->outcome->list_count++];
    uint64_t gone = 0;

    snprintf(entry->id, sizeof(entry->id), "%s", id);
    entry->enforced = is_enforced(job->sides.new.snapshot, id);
    if (old != NULL) {
        entry->is_old = true;
        entry->old_serial = old->serial;
        entry->old_rules = old->rule_count;
    }
    if (new != NULL) {
        entry->is_new = true;
        entry->new_serial = new->serial;
        entry->new_rules = new->rule_count;
    }
    int rc = count_changes(old, new, job, true, &entry->added, &entry->removed);
    rc = rc == 0 ? note_addresses(job, old) : rc;
    rc = rc == 0 ? note_addresses(job, new) : rc;
    if (rc == 0 && oldest != NULL) {
        entry->oldest_rules = oldest->rule_count;
        rc = count_changes(oldest, new, job, false, &entry->added_since, &gone);
    }
    return rc;
}

int gate_read_lists(struct gate_job *job)
{
    const bool has_old = job->sides.old.snapshot != NULL;
    int rc = gate_suffix_start(job);

    rc = rc == 0 ? gate_own_start(job) : rc;
    for (size_t i = 0; i < job->id_count && rc == 0; i++) {
        const char *id = job->ids[i];
        const char *folder = gate_folder_of(job->sides.new.snapshot->config, id);
        struct policy_list *old = NULL, *new = NULL, *oldest = NULL;

        report_progress(job->report, "comparing", i, job->id_count);
        rc = gate_list_read(folder, id, &new);
        if (rc == 0 && has_old) {
            rc = gate_list_read(gate_folder_of(job->sides.old.snapshot->config, id), id, &old);
        }
        /* Another publisher's list is not in that folder. What does not parse says nothing. */
        if (rc == 0 && job->request->oldest != NULL &&
            strcmp(folder, job->request->candidate) == 0 &&
            gate_list_read(job->request->oldest, id, &oldest) == -ENOMEM) {
            rc = -ENOMEM;
        }
        rc = rc == 0 ? look_at(job, id, old, new, oldest) : rc;
        policy_list_free(old);
        policy_list_free(new);
        policy_list_free(oldest);
    }
    return rc;
}
