/* libcordon: from signed lists to a policy, and what is known of the lists. */
#include "base/clock.h"
#include "base/invariant.h"
#include "base/random.h"
#include "base/text.h"
#include "library/trust.h"

#include <cordon/version.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING(x)  #x
#define STRINGS(x) STRING(x)

#define US_PER_S 1000000u

_Static_assert((int)CORDON_MODE_OFF == POLICY_MODE_OFF &&
                   (int)CORDON_MODE_LOG == POLICY_MODE_LOG &&
                   (int)CORDON_MODE_ENFORCE == POLICY_MODE_ENFORCE,
               "what is public has the numbers of the engine");
_Static_assert((int)CORDON_ACTION_DEFAULT == POLICY_ACTION_DEFAULT &&
                   (int)CORDON_ACTION_SINKHOLE == POLICY_ACTION_SINKHOLE &&
                   (int)CORDON_ACTION_REDIRECT == POLICY_ACTION_REDIRECT &&
                   (int)CORDON_ACTION_LOG == POLICY_ACTION_LOG,
               "what is public has the numbers of the engine");
_Static_assert((int)CORDON_FRESH == POLICY_FRESH && (int)CORDON_STALE == POLICY_STALE &&
                   (int)CORDON_CLOCK_UNTRUSTED == POLICY_CLOCK_UNTRUSTED &&
                   (int)CORDON_DEAD == POLICY_DEAD,
               "what is public has the numbers of the engine");

const char *cordon_version(void)
{
    return STRINGS(CORDON_VERSION_MAJOR) "." STRINGS(CORDON_VERSION_MINOR) "." STRINGS(
        CORDON_VERSION_PATCH);
}

/* Every entry of the report, a line each, as far as they fit. */
static void tell(const struct report *report, int rc, char *message, size_t size)
{
    static const char *const words[] = {
        [REPORT_ERROR] = "error", [REPORT_WARNING] = "warning", [REPORT_NOTE] = "note"};
    struct text text;

    if (message == NULL || size == 0) {
        return;
    }
    text_init(&text, message, size);
    for (size_t i = 0; i < report->count; i++) {
        const struct report_entry *entry = &report->entries[i];

        text_printf(&text, "%s%s: %s", i > 0 ? "\n" : "", words[entry->kind],
                    entry->text != NULL ? entry->text : "out of memory");
    }
    if (report->errors == 0 && rc != 0) {
        text_printf(&text, "%serror: %s", report->count > 0 ? "\n" : "", cordon_strerror(rc));
    }
}

/* A root, or keys. What only a root can have is refused beside keys rather than not done. */
static bool has_trust(const struct cordon_policy_options *options)
{
    return options->root != NULL
               ? options->keys == NULL && options->key_count == 0 && options->threshold == 0
               : options->keys != NULL && options->key_count > 0 && options->threshold > 0 &&
                     options->publisher == NULL && options->state_directory == NULL;
}

static bool is_usable(const struct cordon_policy_options *options)
{
    if (options->size != sizeof(*options) || options->list_directory == NULL ||
        options->lists == NULL || options->list_count == 0 ||
        options->list_count > POLICY_LISTS_MAX || !has_trust(options)) {
        return false;
    }
    for (size_t i = 0; i < options->list_count; i++) {
        const struct cordon_list_use *use = &options->lists[i];

        if (use->id == NULL || use->mode < CORDON_MODE_OFF || use->mode > CORDON_MODE_ENFORCE ||
            use->action < CORDON_ACTION_DEFAULT || use->action > CORDON_ACTION_LOG ||
            use->action == CORDON_ACTION_REDIRECT) {
            return false;
        }
    }
    return true;
}

/* Those that are not off. */
static size_t used_lists(const struct cordon_policy_options *options, const char **ids,
                         struct policy_list_setting *settings)
{
    size_t count = 0;

    for (size_t i = 0; i < options->list_count; i++) {
        const struct cordon_list_use *use = &options->lists[i];

        if (use->mode != CORDON_MODE_OFF) {
            ids[count] = use->id;
            settings[count++] = (struct policy_list_setting){
                use->id, (enum policy_mode)use->mode, (enum policy_action)use->action};
        }
    }
    return count;
}

static int load(const struct cordon_policy_options *options, uint64_t now_s,
                const struct library_trust *trust, struct report *report,
                struct policy_loaded *loaded, struct policy **policy)
{
    const struct policy_load_source *sources[POLICY_LISTS_MAX];
    const char *ids[POLICY_LISTS_MAX];
    struct policy_list_setting settings[POLICY_LISTS_MAX];
    const size_t count = used_lists(options, ids, settings);
    const struct policy_view_setting view = {.name = "default",
                                             .action = POLICY_ACTION_SINKHOLE,
                                             .lists = settings,
                                             .list_count = count,
                                             .targets = POLICY_MODE_LOG,
                                             .name_servers = POLICY_MODE_OFF};
    const struct policy_load_request request = {.directory = trust->folder,
                                                .ids = ids,
                                                .id_count = count,
                                                .sources = sources,
                                                .dead_after_s = options->dead_after_s,
                                                .now_s = now_s,
                                                .cache_directory = options->cache_directory,
                                                .heads = true};

    for (size_t i = 0; i < count; i++) {
        sources[i] = &trust->source;
    }
    int rc = policy_load(&request, report, loaded);
    if (rc != 0) {
        return rc;
    }
    rc = policy_create(loaded->image, &view, 1, 1, report, policy);
    if (rc == 0) {
        policy_take_heads(*policy, loaded->heads, loaded->list_count);
    } else {
        policy_loaded_drop(loaded);
    }
    return rc;
}

static void note_trust(const struct trust_publisher *publisher, int memory,
                       struct cordon_policy *made)
{
    made->trust = (struct cordon_trust_info){
        .size = sizeof(made->trust), .publisher = made->publisher, .memory = memory};
    if (publisher != NULL) {
        snprintf(made->publisher, sizeof(made->publisher), "%s", publisher->root->publisher);
        made->trust.root_version = publisher->root->version;
        made->trust.root_expires_s = publisher->root->expires_s;
        made->trust.catalogue_serial = publisher->catalogue->serial;
        made->trust.catalogue_expires_s = publisher->catalogue->expires_s;
    }
}

/* Nothing is remembered unless every check has passed. -EAGAIN: once more. */
static int open_once(const struct cordon_policy_options *options, struct report *report,
                     struct cordon_policy *made)
{
    const uint64_t now_s =
        options->now_s != 0 ? options->now_s : clock_read().wall_us / US_PER_S;
    struct library_trust *trust = calloc(1, sizeof(*trust));
    struct policy_loaded *loaded = calloc(1, sizeof(*loaded));
    int memory = CORDON_MEMORY_NONE;
    int rc = -ENOMEM;

    if (trust == NULL || loaded == NULL) {
        goto done;
    }
    rc = library_trust_open(options, now_s, report, trust);
    rc = rc == 0 ? load(options, now_s, trust, report, loaded, &made->policy) : rc;
    rc = rc == 0 ? library_trust_keep(trust, now_s, report, &memory) : rc;
    if (rc == 0) {
        memcpy(made->loaded, loaded->lists, sizeof(made->loaded));
        made->loaded_count = loaded->list_count;
        note_trust(trust->publisher, memory, made);
    } else {
        policy_destroy(made->policy);
        made->policy = NULL;
    }
    library_trust_close(trust);
done:
    free(trust);
    free(loaded);
    return rc;
}

/* Several processes that begin at once remember the same, one after the other: as many tries as
 * there may be processes of one resolver. */
#define OPEN_TRIES 64u

int cordon_policy_open(const struct cordon_policy_options *options,
                       struct cordon_policy **policy, char *message, size_t message_size)
{
    struct report report;

    if (message != NULL && message_size > 0) {
        message[0] = '\0';
    }
    if (options == NULL || policy == NULL || !is_usable(options)) {
        return -EINVAL;
    }
    int rc = random_library_init();
    if (rc != 0) {
        return rc;
    }
    report_init(&report);
    struct cordon_policy *made = calloc(1, sizeof(*made));
    rc = made == NULL ? -ENOMEM : -EAGAIN;
    for (unsigned i = 0; i < OPEN_TRIES && rc == -EAGAIN; i++) {
        report_deinit(&report);
        report_init(&report);
        rc = open_once(options, &report, made);
    }
    tell(&report, rc, message, message_size);
    report_deinit(&report);
    if (rc == 0) {
        made->magic = LIBRARY_POLICY_MAGIC;
        *policy = made;
        made = NULL; /* it is the caller's now */
    }
    free(made);
    return rc;
}

void cordon_policy_close(struct cordon_policy *policy)
{
    if (policy != NULL) {
        invariant(policy->magic == LIBRARY_POLICY_MAGIC);
        policy_destroy(policy->policy);
        policy->magic = 0;
        free(policy);
    }
}

size_t cordon_policy_lists(const struct cordon_policy *policy)
{
    return policy_image_lists(policy_image_of(policy->policy));
}

int cordon_policy_list(const struct cordon_policy *policy, size_t index,
                       struct cordon_list_info *info)
{
    struct policy_image_list list;

    if (info->size != sizeof(*info)) {
        return -EINVAL;
    }
    if (!policy_image_list_at(policy_image_of(policy->policy), index, &list)) {
        return -ERANGE;
    }
    *info = (struct cordon_list_info){
        .size = sizeof(*info),
        .id = list.id,
        .title = list.title,
        .provider = list.provider,
        .provider_name = list.provider_name,
        .parent_name = list.parent_name,
        .legal_requirement = list.legal_requirement,
        .status_class = list.status_class,
        .status_entity = list.status_entity,
        .status_authority = list.status_authority,
        .status_citation = list.status_citation,
        .status_effective = list.status_effective,
        .status_state = list.status_state,
        .status_checked = list.status_checked,
        .serial = list.serial,
        .rules = list.rules,
        .created_s = list.created_s,
        .expires_s = list.expires_s,
        .mode = (int)policy_list_mode(policy->policy, LIBRARY_VIEW, index),
    };
    for (size_t i = 0; i < policy->loaded_count; i++) {
        if (strcmp(policy->loaded[i].id, list.id) == 0) {
            info->freshness = (int)policy->loaded[i].freshness;
            info->keys = (uint32_t)policy->loaded[i].verdict.count;
            info->due_s = policy->loaded[i].due_s;
        }
    }
    return 0;
}

int cordon_policy_freshness(const struct cordon_policy *policy, size_t index, uint64_t now_s)
{
    struct policy_image_list list;

    if (!policy_image_list_at(policy_image_of(policy->policy), index, &list)) {
        return -ERANGE;
    }
    for (size_t i = 0; i < policy->loaded_count; i++) {
        if (strcmp(policy->loaded[i].id, list.id) == 0) {
            return (int)policy_freshness_of(
                &policy->loaded[i], now_s != 0 ? now_s : clock_read().wall_us / US_PER_S);
        }
    }
    return -ERANGE;
}

int cordon_policy_trust(const struct cordon_policy *policy, struct cordon_trust_info *info)
{
    if (info->size != sizeof(*info)) {
        return -EINVAL;
    }
    *info = policy->trust;
    return 0;
}

const char *cordon_freshness_name(int freshness)
{
    return freshness >= CORDON_FRESH && freshness <= CORDON_DEAD
               ? policy_freshness_word((enum policy_freshness)freshness)
               : NULL;
}
