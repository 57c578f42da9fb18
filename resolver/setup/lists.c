#include "setup/lists.h"

#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Entries of the folder of a list's versions that are looked at: far more than are kept. */
#define KEPT_ENTRIES_MAX 1024u

/* Where each list comes from. */
struct plan {
    const struct policy_load_source *sources[POLICY_LISTS_MAX];
    const struct policy_load_held *versions[POLICY_LISTS_MAX];
    struct policy_load_held both[POLICY_LISTS_MAX];
    struct policy_load_held newer[POLICY_LISTS_MAX]; /* beside it, of a broken publisher */
    char paths[POLICY_LISTS_MAX][PATH_MAX];
    bool lost[POLICY_LISTS_MAX]; /* an older version was to count, and cannot be had */
};

static int load_by(const struct config *config, const struct setup_request *asked,
                   const struct plan *plan, const char *const *ids, size_t count,
                   struct report *report, struct policy_loaded *loaded)
{
    const struct policy_load_request request = {.ids = ids,
                                                .id_count = count,
                                                .directory = config->list_directory,
                                                .sources = plan->sources,
                                                .held = plan->versions,
                                                .dead_after_s = config->dead_after_s,
                                                .now_s = asked->now_s,
                                                .asked_time = asked->asked_time,
                                                .cache_directory = config->state_directory,
                                                .heads = true,
                                                .shipped = config->state_directory != NULL,
                                                .late_octets = asked->late_octets};

    return policy_load(&request, report, loaded);
}

/* Can this list alone be loaded as it lies there? */
static int try_one(const struct setup_trust *trust, const char *id, struct report *report)
{
    const struct policy_load_source *source = NULL;
    const struct policy_load_request request = {
        .ids = &id, .id_count = 1, .directory = "", .sources = &source};
    struct policy_loaded *loaded = calloc(1, sizeof(*loaded));

    if (loaded == NULL) {
        return -ENOMEM;
    }
    setup_trust_sources(trust, &id, 1, &source);
    const int rc = policy_load(&request, report, loaded);
    if (rc == 0) {
        policy_loaded_drop(loaded);
    }
    free(loaded);
    return rc;
}

/* Publishers of which a list cannot be loaded are broken as a whole: lists of one day belong
 * together. 0 or -ENOMEM. */
static int try_foreign(const struct setup_request *request, const struct setup_views *views,
                       struct report *report, struct setup_trust *trust)
{
    int rc = 0;

    for (size_t i = 0; request->tolerates && i < views->id_count && rc != -ENOMEM; i++) {
        const size_t whose = setup_trust_whose(trust, views->ids[i]);
        struct report faults;

        if (whose == SETUP_TRUST_OWN || trust->foreign[whose].broken) {
            continue;
        }
        report_init(&faults);
        rc = try_one(trust, views->ids[i], &faults);
        if (rc != 0 && rc != -ENOMEM) {
            report_take(report, &faults);
            setup_trust_break(trust, whose, &faults);
        }
        report_deinit(&faults);
    }
    return rc == -ENOMEM ? rc : 0;
}

/* What was accepted of a list; *of: with what else of that publisher. NULL: nothing. */
static const struct trust_mark_list *find_mark(const struct setup_trust *trust, size_t whose,
                                               const char *id, const struct trust_mark **of)
{
    const struct config *config = trust->config;
    const struct trust_ratchet *ratchet = trust->ratchet;

    for (size_t i = 0; ratchet != NULL && i < ratchet->count; i++) {
        const struct trust_mark *mark = &ratchet->marks[i];
        size_t foreign = SETUP_TRUST_OWN;

        for (size_t k = 0; k < config->publisher_count; k++) {
            foreign = strcmp(config->publishers[k].name, mark->publisher) == 0 ? k : foreign;
        }
        const struct trust_mark_list *list = trust_mark_find(mark, id);
        if (foreign == whose && list != NULL) {
            *of = mark;
            return list;
        }
    }
    return NULL;
}

/* Has the file the text that was accepted? */
static bool take_kept(const char *path, const struct trust_mark_list *mark,
                      struct policy_load_held *version)
{
    uint8_t hash[TRUST_HASH_OCTETS];
    uint8_t *text = NULL;
    size_t len = 0;
    bool same = false;

    if (file_read(path, POLICY_LIST_OCTETS_MAX, &text, &len) == 0) {
        trust_hash(text, len, hash);
        same = memcmp(hash, mark->hash, sizeof(hash)) == 0;
    }
    if (same) {
        *version = (struct policy_load_held){.serial = mark->serial, .by_hash = true};
        digest_of(text, len, NULL, version->hash);
    }
    free(text);
    return same;
}

/* The kept text of what was accepted last. */
static bool find_kept(const struct setup_trust *trust, size_t whose, const char *id,
                      char path[PATH_MAX], struct policy_load_held *version)
{
    const struct trust_mark *of = NULL;
    const struct trust_mark_list *mark = find_mark(trust, whose, id, &of);
    const char *state = trust->config->state_directory;
    char folder[PATH_MAX];
    char begin[16];
    bool found = false;

    if (mark == NULL || state == NULL ||
        (size_t)snprintf(folder, sizeof(folder), "%s/" SETUP_KEPT_FOLDER "/%s", state, id) >=
            sizeof(folder)) {
        return false;
    }
    DIR *open = opendir(folder);
    if (open == NULL) {
        return false;
    }
    const int begin_len = snprintf(begin, sizeof(begin), "%" PRIu32 "-", mark->serial);
    for (unsigned i = 0; i < KEPT_ENTRIES_MAX && !found; i++) {
        const struct dirent *entry = readdir(open);

        if (entry == NULL) {
            break;
        }
        const size_t len = strlen(entry->d_name);
        found = strncmp(entry->d_name, begin, (size_t)begin_len) == 0 && len > 5 &&
                strcmp(entry->d_name + len - 5, ".list") == 0 &&
                (size_t)snprintf(path, PATH_MAX, "%s/%s", folder, entry->d_name) < PATH_MAX &&
                take_kept(path, mark, version);
    }
    closedir(open);
    version->path = path;
    return found;
}

static bool is_in_force(const struct setup_request *request, const char *id)
{
    const struct setup_snapshot *before = request->before;

    for (size_t i = 0; before != NULL && i < before->list_count; i++) {
        if (strcmp(before->lists[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static struct setup_broken *told_of(struct setup_trust *trust, size_t whose)
{
    const char *name = whose == SETUP_TRUST_OWN ? "" : trust->config->publishers[whose].name;
    size_t i = 0;

    while (i + 1 < trust->told_count && strcmp(trust->told[i].publisher, name) != 0) {
        i++;
    }
    return &trust->told[i];
}

/* A list of a broken publisher of which no version was kept. */
static int leave_out(const struct config *config, const struct setup_request *request,
                     size_t whose, struct report *report, struct setup_trust *trust,
                     struct setup_views *views, const char *id)
{
    const bool stops = whose == SETUP_TRUST_OWN && config->when_missing == CONFIG_MISSING_STOP;

    if (stops || is_in_force(request, id)) {
        report_add(report, REPORT_ERROR, id, 0, 0,
                   "the list cannot be loaded, and no version that was accepted before was "
                   "kept");
        return CORDON_E_REFUSED;
    }
    report_add(report, REPORT_ERROR, id, 0, 0,
               "the list is left out: it cannot be loaded, and no version that was accepted "
               "before was kept. Nothing of it is blocked or recorded until its folder is "
               "mended, and `cordon reload`");
    told_of(trust, whose)->left_out = true;
    setup_views_leave_out(views, id);
    return 0;
}

static bool is_broken(const struct setup_trust *trust, size_t whose)
{
    return whose == SETUP_TRUST_OWN ? trust->broken : trust->foreign[whose].broken;
}

/* The older version that counts; NULL: none. For stages, and of a broken publisher, only where
 * a newer one is being brought in: that one cannot be had, and the older was accepted, too. */
static const struct setup_held *held_for(const struct config *config,
                                         const struct setup_request *request, const char *id,
                                         bool broken)
{
    const struct setup_held *held = setup_held_find(request->held, id);
    const bool staged = held != NULL && held->newer == SETUP_NEWER_STAGED;

    return staged && (!setup_stages_apply(config, id) || (broken && held->newer_serial == 0))
               ? NULL
               : held;
}

/* Can the older version be had while the folder is broken? The keys that counted when something
 * was accepted last must have signed it: what they have not signed does not come back because
 * nobody knows today's. */
static int try_held(const struct setup_trust *trust, size_t whose, const char *id,
                    struct policy_load_held *version, bool *good)
{
    const struct trust_mark *of = NULL;
    const struct policy_load_source *source = NULL;
    const struct policy_load_held *held = version;
    const struct policy_load_request request = {
        .ids = &id, .id_count = 1, .directory = "", .sources = &source, .held = &held};
    struct policy_loaded *loaded = calloc(1, sizeof(*loaded));

    *good = false;
    if (loaded == NULL) {
        return -ENOMEM;
    }
    setup_trust_sources(trust, &id, 1, &source);
    (void)find_mark(trust, whose, id, &of);
    if (of != NULL && source->keyring == &trust->nobody) {
        version->keyring = &of->keys;
    }
    const int rc = policy_load(&request, NULL, loaded);
    if (rc == 0) {
        *good = loaded->lists[0].held;
        policy_loaded_drop(loaded);
    }
    free(loaded);
    return rc == -ENOMEM ? rc : 0;
}

/* By keys alone each list counts by itself: can this one be had, though its folder is broken?
 */
static bool is_good_alone(const struct setup_trust *trust, size_t whose, const char *id)
{
    return whose == SETUP_TRUST_OWN && trust->keys.count > 0 && try_one(trust, id, NULL) == 0;
}

/* While a newer version is brought in, a folder that breaks changes nothing: what was accepted
 * last is that version, and the kept text of it goes on beside the older one. Where it cannot
 * be had, the older one counts for all. 0 or -ENOMEM. */
static int plan_beside(const struct setup_trust *trust, size_t whose, const char *id,
                       size_t number, struct plan *plan)
{
    struct policy_load_held *version = &plan->both[number];
    struct policy_load_held *newer = &plan->newer[number];
    bool good = false;
    int rc = 0;

    if (is_good_alone(trust, whose, id)) {
        version->beside = true;
        return 0;
    }
    if (find_kept(trust, whose, id, plan->paths[number], newer)) {
        rc = try_held(trust, whose, id, newer, &good);
    }
    version->beside = good;
    version->newer = good ? newer : NULL;
    return rc;
}

/* The older version that is to count. *good false: it cannot be had. 0 or -ENOMEM. */
static int plan_held(const struct setup_trust *trust, size_t whose,
                     const struct setup_held *held, size_t number, struct plan *plan,
                     bool *good)
{
    const bool staged = held->newer != SETUP_NEWER_WAITS;
    struct policy_load_held *version = &plan->both[number];
    int rc = 0;

    *version = held->version;
    *good = true;
    if (!is_broken(trust, whose)) {
        version->beside = staged;
        return 0;
    }
    if (!version->by_hash) {
        rc = try_held(trust, whose, held->id, version, good);
    }
    return rc == 0 && *good && staged ? plan_beside(trust, whose, held->id, number, plan) : rc;
}

/* Where the list comes from: its folder, an older version by somebody's decision, or what was
 * accepted before. *found false: from nowhere. 0 or -ENOMEM. */
static int plan_one(const struct setup_request *request, const struct setup_trust *trust,
                    const char *id, size_t number, struct report *report, struct plan *plan,
                    bool *found)
{
    const size_t whose = setup_trust_whose(trust, id);
    const bool broken = is_broken(trust, whose);
    const struct setup_held *held = held_for(trust->config, request, id, broken);
    struct policy_load_held *version = &plan->both[number];

    setup_trust_sources(trust, &id, 1, &plan->sources[number]);
    plan->versions[number] = NULL;
    plan->lost[number] = false;
    *found = true;
    if (held != NULL) {
        bool good = true;
        const int rc = plan_held(trust, whose, held, number, plan, &good);

        if (rc != 0) {
            return rc;
        }
        if (good) {
            plan->versions[number] = version;
            return 0;
        }
        report_add(
            report, REPORT_WARNING, version->path, 0, 0,
            "list %s is to be held at serial %" PRIu32
            ", but its folder is broken, and that version is gone, damaged, or not signed "
            "by the keys that counted last: what was accepted last counts instead",
            id, version->serial);
        plan->lost[number] = true;
    }
    if (!broken || is_good_alone(trust, whose, id)) {
        return 0;
    }
    *found = find_kept(trust, whose, id, plan->paths[number], version);
    plan->versions[number] = *found ? version : NULL;
    return 0;
}

/* What is known of lists whose folder is broken. */
static void note_broken(const struct setup_request *request, const struct setup_trust *trust,
                        const struct plan *plan, struct policy_loaded *loaded)
{
    for (size_t i = 0; i < loaded->list_count + loaded->newer_count; i++) {
        struct policy_loaded_list *list = &loaded->lists[i];
        const size_t whose = setup_trust_whose(trust, list->id);
        const struct trust_mark *of = NULL;

        if (i < loaded->list_count) {
            const struct setup_held *held = setup_held_find(request->held, list->id);
            const struct policy_load_held *version = plan->versions[i];
            const bool decided = held != NULL && held->newer == SETUP_NEWER_WAITS;
            const bool beside = version != NULL && version->beside;

            if (is_broken(trust, whose) && (plan->lost[i] || (!decided && !beside))) {
                list->held = false; /* by nobody's decision */
            }
            list->held_lost |= plan->lost[i];
        }
        list->folder_broken = is_broken(trust, whose);
        if (is_broken(trust, whose) && find_mark(trust, whose, list->id, &of) != NULL) {
            snprintf(list->publisher, sizeof(list->publisher), "%s", of->publisher);
        }
    }
}

static int load_once(const struct config *config, const struct setup_request *request,
                     struct report *report, struct setup_trust *trust,
                     struct setup_views *views, struct plan *plan, struct policy_loaded *loaded)
{
    size_t i = 0;

    while (i < views->id_count) {
        const char *id = views->ids[i];

        bool found = false;
        int rc = plan_one(request, trust, id, i, report, plan, &found);

        if (rc != 0) {
            return rc;
        }
        if (found) {
            i++;
            continue;
        }
        rc = leave_out(config, request, setup_trust_whose(trust, id), report, trust, views, id);
        if (rc != 0) {
            return rc;
        }
    }
    const int rc = load_by(config, request, plan, views->ids, views->id_count, report, loaded);
    if (rc == 0) {
        note_broken(request, trust, plan, loaded);
    }
    return rc;
}

int setup_lists_load(const struct config *config, const struct setup_request *request,
                     struct report *report, struct setup_trust *trust,
                     struct setup_views *views, struct policy_loaded *loaded)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    struct report faults;
    int rc = plan == NULL ? -ENOMEM : try_foreign(request, views, report, trust);

    if (rc != 0) {
        free(plan);
        return rc;
    }
    report_init(&faults);
    faults.progress = report != NULL ? report->progress : NULL;
    faults.progress_context = report != NULL ? report->progress_context : NULL;
    rc = load_once(config, request, &faults, trust, views, plan, loaded);
    report_take(report, &faults);
    /* Without a folder of its own that can be read, a start has what was accepted before. */
    if (rc != 0 && rc != -ENOMEM && request->starts && request->tolerates && !trust->broken &&
        (trust->publisher != NULL || config->when_missing == CONFIG_MISSING_PASS)) {
        setup_trust_break(trust, SETUP_TRUST_OWN, &faults);
        rc = load_once(config, request, report, trust, views, plan, loaded);
    }
    report_deinit(&faults);
    free(plan);
    return rc;
}
