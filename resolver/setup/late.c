#include "setup/late.h"

#include "base/error.h"
#include "policy/reread.h"
#include "policy/versions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void setup_late_free(struct setup_late *late)
{
    if (late != NULL) {
        for (size_t i = 0; i < late->count; i++) {
            policy_list_free(late->at[i].head);
        }
        report_deinit(&late->report);
        free(late->at);
        free(late);
    }
}

static struct policy_version_of version_of(const struct setup_late *late,
                                           const struct setup_late_list *list)
{
    return (struct policy_version_of){
        .folder = late->folder, .id = list->id, .serial = list->serial, .hash = list->digest};
}

/* What is known of a list; its text lies where its source says. False: the path is too long. */
static bool fill(const struct setup_trust *trust, const struct policy_load_source *source,
                 const struct policy_loaded_list *loaded, struct setup_late_list *list)
{
    const size_t whose = setup_trust_whose(trust, loaded->id);

    memset(list, 0, sizeof(*list));
    if ((size_t)snprintf(list->path, sizeof(list->path), "%s/%s.list", source->directory,
                         loaded->id) >= sizeof(list->path)) {
        return false;
    }
    memcpy(list->id, loaded->id, sizeof(list->id));
    if (whose != SETUP_TRUST_OWN) {
        snprintf(list->publisher, sizeof(list->publisher), "%s",
                 trust->config->publishers[whose].name);
    }
    list->serial = loaded->serial;
    memcpy(list->digest, loaded->hash, sizeof(list->digest));
    list->unread = loaded->unread;
    list->named = source->publisher != NULL;
    list->size = loaded->octets;
    memcpy(list->hash, loaded->verdict.hash, sizeof(list->hash));
    list->keyring = *source->keyring;
    return true;
}

static bool find_folder(const struct config *config, char folder[PATH_MAX])
{
    folder[0] = '\0';
    return config->state_directory != NULL && config->lists_keep > 0 &&
           (size_t)snprintf(folder, PATH_MAX, "%s/" POLICY_VERSIONS_FOLDER,
                            config->state_directory) < PATH_MAX;
}

int setup_late_make(const struct config *config, const struct setup_trust *trust,
                    const struct setup_request *request, const struct policy_loaded *loaded,
                    struct setup_late **late)
{
    const struct policy_load_source *source = NULL;
    struct setup_late *new = calloc(1, sizeof(*new));
    const size_t count = loaded->list_count + loaded->newer_count;

    if (new != NULL) {
        new->at = calloc(count + 1, sizeof(new->at[0])); /* not of nothing */
    }
    if (new == NULL || new->at == NULL) {
        free(new);
        return -ENOMEM;
    }
    const bool keeps = find_folder(config, new->folder);
    new->check = request->generation == 1;
    new->shipped = loaded->shipped;
    report_init(&new->report);
    for (size_t i = 0; i < count; i++) {
        const struct policy_loaded_list *list = &loaded->lists[i];
        const char *id = list->id;

        setup_trust_sources(trust, &id, 1, &source);
        if ((list->unread || (keeps && !list->held)) &&
            fill(trust, source, list, &new->at[new->count])) {
            new->count++;
        }
    }
    *late = new;
    return 0;
}

void setup_late_keep_small(struct setup_late **late, uint64_t late_octets,
                           struct report *report)
{
    struct setup_late *all = *late;
    size_t left = 0;

    for (size_t i = 0; i < all->count; i++) {
        const struct setup_late_list *list = &all->at[i];
        const struct policy_version_of version = version_of(all, list);

        if (list->unread || (late_octets > 0 && list->size >= late_octets)) {
            all->at[left++] = *list;
        } else {
            (void)policy_version_bring(&version, list->path, NULL, 0, all->check, report);
        }
    }
    all->count = left;
    if (left == 0) {
        setup_late_free(all);
        *late = NULL;
    }
}

void setup_late_run(struct setup_late *late, const _Atomic bool *give_up)
{
    for (size_t i = 0; i < late->count && !atomic_load(give_up); i++) {
        struct setup_late_list *list = &late->at[i];
        const struct policy_version_of version = version_of(late, list);
        struct policy_reread reread = {
            .path = list->path,
            .keyring = list->unread ? &list->keyring : NULL,
            .named = list->named,
            .shipped = late->shipped,
            .size = list->size,
            .keep = late->folder[0] != '\0' ? &version : NULL,
            .check = late->check,
        };

        memcpy(reread.hash, list->hash, sizeof(reread.hash));
        memcpy(reread.digest, list->digest, sizeof(reread.digest));
        list->rc = policy_reread(&reread, &late->report, &list->verdict, &list->head);
    }
}

/* --- what came of it --- */

static struct policy_loaded_list *find(struct setup_snapshot *snapshot,
                                       const struct setup_late_list *list)
{
    const size_t count = snapshot->list_count + snapshot->newer_count;

    for (size_t i = 0; i < count; i++) {
        struct policy_loaded_list *loaded = &snapshot->lists[i];

        if (loaded->unread && strcmp(loaded->id, list->id) == 0 &&
            digest_equal(loaded->hash, list->digest)) {
            return loaded;
        }
    }
    return NULL;
}

/* The first thing that was wrong with the file. */
static const char *fault_of(const struct setup_late *late, const struct setup_late_list *list)
{
    for (size_t i = 0; i < late->report.count; i++) {
        const struct report_entry *entry = &late->report.entries[i];

        if (entry->kind == REPORT_ERROR && strstr(entry->text, list->path) != NULL) {
            return entry->text;
        }
    }
    return cordon_strerror(list->rc);
}

static void note_broken(const struct setup_late *late, const struct setup_late_list *list,
                        struct setup_snapshot *snapshot)
{
    size_t at = 0;

    while (at < snapshot->broken_count &&
           strcmp(snapshot->broken[at].publisher, list->publisher) != 0) {
        at++;
    }
    if (at < SETUP_BROKEN_MAX) {
        struct setup_broken *broken = &snapshot->broken[at];

        snapshot->broken_count += at == snapshot->broken_count ? 1 : 0;
        memcpy(broken->publisher, list->publisher, sizeof(broken->publisher));
        snprintf(broken->fault, sizeof(broken->fault), "%s", fault_of(late, list));
    }
}

static void tell_one(const struct setup_late *late, const struct setup_late_list *list,
                     struct setup_snapshot *snapshot)
{
    struct policy_loaded_list *loaded = find(snapshot, list);

    if (list->rc != 0) {
        note_broken(late, list, snapshot);
    } else if (loaded != NULL) {
        loaded->verdict = list->verdict;
        loaded->unread = false;
    }
}

int setup_late_tell(struct setup_late *late, struct setup_snapshot *root,
                    struct setup_snapshot *current)
{
    int rc = 0;

    for (size_t i = 0; i < late->count; i++) {
        struct setup_late_list *list = &late->at[i];

        if (!list->unread) {
            continue;
        }
        rc = rc == 0 ? list->rc : rc;
        tell_one(late, list, root);
        if (current != root) {
            tell_one(late, list, current);
        }
        if (list->head != NULL) {
            policy_take_heads(root->policy, &list->head, 1);
            list->head = NULL;
        }
    }
    if (current != root) {
        policy_share_heads(root->policy, current->policy);
    }
    return rc;
}
