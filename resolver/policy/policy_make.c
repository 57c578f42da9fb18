/*
 * A policy from an image and what the operator says of its lists, and one derived from another.
 * What that makes of the rules: verdicts.c.
 */
#include "policy/policy_state.h"

#include "base/invariant.h"
#include "policy/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The list's number; the count of lists if it is not there. serial 0: any. */
static size_t find_list(const struct policy_image *image, const char *id, uint32_t serial)
{
    const size_t count = policy_image_lists(image);
    struct policy_image_list list;
    size_t i = 0;

    while (i < count && (!policy_image_list_at(image, i, &list) || strcmp(list.id, id) != 0 ||
                         (serial != 0 && list.serial != serial))) {
        i++;
    }
    return i;
}

/* What the setting says of the versions of a list; all zero: nothing. */
static struct policy_version_setting version_of(const struct policy_view_setting *setting,
                                                const char *id)
{
    for (size_t i = 0; i < setting->version_count; i++) {
        if (strcmp(setting->versions[i].id, id) == 0) {
            return setting->versions[i];
        }
    }
    return (struct policy_version_setting){.id = id};
}

/* The version on trial, beside the one that counts; and those that do not count here. */
static void set_versions(const struct policy *policy, const struct policy_version_setting *from,
                         size_t counts, struct policy_view *view)
{
    const struct policy_list_state *state = &view->lists[counts];
    const size_t count = policy_image_lists(policy->image);
    const size_t on_trial =
        from->on_trial == 0 ? count : find_list(policy->image, from->id, from->on_trial);

    for (size_t i = 0; i < count && i < POLICY_LISTS_MAX; i++) {
        if (i != counts && policy->first[i] == policy->first[counts]) {
            view->lists[i] = (struct policy_list_state){
                .mode = POLICY_MODE_OFF,
                .action = state->action,
                /* What only records has nothing to compare. */
                .trial = i == on_trial && state->mode == POLICY_MODE_ENFORCE,
                .replaced = true,
                .rank = state->rank,
            };
        }
    }
}

/* Enters what the settings say. -ENOENT for a list that is not there, -EEXIST for one that is
 * named twice. */
static int set_lists(const struct policy *policy, const struct policy_view_setting *setting,
                     struct report *report, struct policy_view *view)
{
    const struct policy_image *image = policy->image;
    bool named[POLICY_LISTS_MAX] = {false};
    int rc = 0;

    for (size_t i = 0; i < setting->list_count; i++) {
        const struct policy_list_setting *list = &setting->lists[i];
        const struct policy_version_setting version = version_of(setting, list->id);
        const size_t index = find_list(image, list->id, version.counts);

        if (index >= policy_image_lists(image) || index >= POLICY_LISTS_MAX) {
            report_add(report, REPORT_ERROR, setting->name, 0, 0,
                       "the list \"%s\" is not loaded: correct its id or add its file",
                       list->id);
            rc = rc == 0 ? -ENOENT : rc;
            continue;
        }
        if (named[index]) {
            report_add(report, REPORT_ERROR, setting->name, 0, 0,
                       "the list \"%s\" is named twice: keep one", list->id);
            rc = rc == 0 ? -EEXIST : rc;
            continue;
        }
        named[index] = true;
        const bool quiet = setting->log_only && list->mode == POLICY_MODE_ENFORCE;
        view->lists[index] = (struct policy_list_state){
            .mode = (uint8_t)(quiet ? POLICY_MODE_LOG : list->mode),
            .action =
                (uint8_t)(list->action == POLICY_ACTION_DEFAULT ? view->action : list->action),
            .speaks = list->mode == POLICY_MODE_ENFORCE,
            .rank = (uint16_t)i,
        };
        set_versions(policy, &version, index, view);
    }
    return rc;
}

/* The subjects that the image has rules about. */
static unsigned subjects_of(const struct policy_image *image)
{
    const size_t sets = policy_image_sets(image);
    unsigned subjects = 0;
    struct policy_row row;

    for (uint32_t set = 0; set < sets; set++) {
        const size_t size = policy_image_set_size(image, set);

        for (size_t i = 0; i < size; i++) {
            if (policy_image_row(image, set, i, &row)) {
                subjects |= 1u << (unsigned)row.subject;
            }
        }
    }
    return subjects;
}

/* Enters what changes with the schedules. 0 or the first code. */
static int set_words(const struct policy *policy, const struct policy_view_setting *setting,
                     struct report *report, struct policy_view *view)
{
    view->action = (uint8_t)(setting->action == POLICY_ACTION_DEFAULT ? POLICY_ACTION_SINKHOLE
                                                                      : setting->action);
    view->by_default = (uint8_t)(!setting->deny      ? POLICY_MODE_OFF
                                 : setting->log_only ? POLICY_MODE_LOG
                                                     : POLICY_MODE_ENFORCE);
    memset(view->lists, 0, sizeof(view->lists));
    view->client = (uint8_t)(setting->client == POLICY_CLIENT_BLOCK && setting->log_only
                                 ? POLICY_CLIENT_LOG
                                 : setting->client);
    return set_lists(policy, setting, report, view);
}

static void use_variant(struct policy_view *view, unsigned variant)
{
    const struct policy_words *words = &view->words[variant];

    memcpy(view->lists, words->lists, sizeof(view->lists));
    view->action = words->action;
    view->by_default = words->by_default;
    view->client = words->client;
    view->variant = (uint8_t)variant;
}

/* All that the view may say by and by, and then what it says now. 0 or the first code. */
static int set_variants(const struct policy *policy, const struct policy_view_setting *setting,
                        struct report *report, struct policy_view *view)
{
    int rc = set_words(policy, setting, report, view);

    if (setting->variant_count == 0 || rc != 0) {
        return rc;
    }
    view->words = calloc(setting->variant_count + 1, sizeof(view->words[0]));
    if (view->words == NULL) {
        return -ENOMEM;
    }
    view->variant_count = (uint8_t)setting->variant_count;
    for (size_t i = 0; i <= setting->variant_count && rc == 0; i++) {
        struct policy_view_setting other = *setting;

        if (i > 0) {
            const struct policy_view_variant *variant = &setting->variants[i - 1];

            other.log_only = variant->log_only;
            other.action = variant->action;
            other.deny = variant->deny;
            other.lists = variant->lists;
            other.list_count = variant->list_count;
            rc = set_words(policy, &other, report, view);
        }
        memcpy(view->words[i].lists, view->lists, sizeof(view->lists));
        view->words[i].action = view->action;
        view->words[i].by_default = view->by_default;
        view->words[i].client = view->client;
    }
    use_variant(view, setting->variant);
    return rc;
}

static int make_view(const struct policy *policy, const struct policy_view_setting *setting,
                     struct report *report, struct policy_view *view)
{
    const size_t number = (size_t)(view - policy->views);

    if (setting->variant_count > POLICY_VARIANTS_MAX ||
        setting->variant > setting->variant_count || setting->twin_of > number) {
        return -EINVAL;
    }
    view->origin = (uint8_t)(setting->twin_of > 0 ? setting->twin_of - 1 : number);
    view->redirect = setting->redirect;
    view->redirect_prefixes = setting->redirect_prefixes;
    view->targets = (uint8_t)setting->targets;
    view->name_servers = (uint8_t)setting->name_servers;
    policy_caps_init(&view->caps);
    if (setting->caps != NULL) {
        view->caps = *setting->caps;
        view->caps_log = policy_caps_log(&view->caps);
    }
    int rc = set_variants(policy, setting, report, view);
    if (rc == 0) {
        rc = policy_allow_build(setting->allow, setting->allow_count, &view->allow);
    }
    return rc == 0 ? policy_verdicts_make(policy, view) : rc;
}

/* Two lists of one id are versions of it: the image has the one of the lower serial first. */
static void note_versions(struct policy *policy)
{
    const size_t count = policy_image_lists(policy->image);
    struct policy_image_list list;

    for (size_t i = 0; i < count && i < POLICY_LISTS_MAX; i++) {
        policy->first[i] = (uint8_t)i;
        if (!policy_image_list_at(policy->image, i, &list)) {
            continue;
        }
        const size_t first = find_list(policy->image, list.id, 0);
        if (first < i) {
            policy->first[i] = (uint8_t)first;
            policy->versions[first] = POLICY_VERSION_HELD;
            policy->versions[i] = POLICY_VERSION_NEWER;
        }
    }
}

/* False if out of memory. */
static bool make_said(struct policy *policy)
{
    const size_t count = policy_image_lists(policy->image);
    struct policy_image_list list;

    policy->said = calloc(count + 1, sizeof(policy->said[0])); /* not of nothing */
    policy->said_count = policy->said != NULL ? count : 0;
    for (size_t i = 0; i < policy->said_count; i++) {
        struct policy_said *said = &policy->said[i];

        if (policy_image_list_at(policy->image, i, &list)) {
            said->provider = list.provider;
            said->serial = list.serial;
            said->legal = list.legal_requirement[0] != '\0';
            said->ede_len = (uint8_t)policy_words_ede_list(&list, said->ede);
        } else {
            said->provider = ""; /* a damaged image */
        }
    }
    return policy->said != NULL;
}

int policy_create(struct policy_image *image, const struct policy_view_setting *views,
                  size_t view_count, uint64_t generation, struct report *report,
                  struct policy **policy)
{
    if (view_count == 0 || view_count > POLICY_VIEWS_MAX) {
        return -EINVAL;
    }
    struct policy *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    *made = (struct policy){.magic = POLICY_MAGIC,
                            .image = image,
                            .generation = generation,
                            .root_generation = generation,
                            .set_count = policy_image_sets(image),
                            .subjects = subjects_of(image),
                            .view_count = view_count};
    note_versions(made);
    made->views = calloc(view_count, sizeof(made->views[0]));
    int rc = made->views == NULL || !make_said(made) ? -ENOMEM : 0;
    for (size_t i = 0; i < view_count && rc != -ENOMEM; i++) {
        /* All views are looked at, so that the report has every fault. */
        const int view_rc = make_view(made, &views[i], report, &made->views[i]);

        rc = rc == 0 || view_rc == -ENOMEM ? view_rc : rc;
    }
    if (rc != 0) {
        made->image = NULL;
        policy_destroy(made);
        return rc;
    }
    *policy = made;
    return 0;
}

/* Pauses lists of a view. True if the mode of any changes. */
static bool pause_lists(const struct policy *policy, const struct policy_changes *changes,
                        struct policy_view *view)
{
    const size_t count = policy_image_lists(policy->image);
    bool any = false;

    for (size_t i = 0; i < count && i < POLICY_LISTS_MAX; i++) {
        struct policy_list_state *state = &view->lists[i];
        struct policy_image_list list;
        bool paused = changes->pause_all;

        for (size_t j = 0; j < changes->paused_count && !paused; j++) {
            paused = policy_image_list_at(policy->image, i, &list) &&
                     strcmp(list.id, changes->paused[j]) == 0;
        }
        if (paused && state->trial) { /* what is paused blocks nothing: nothing to compare */
            state->trial = false;
            any = true;
        }
        if (paused && state->mode == POLICY_MODE_ENFORCE) {
            state->mode = POLICY_MODE_LOG;
            state->paused = true;
            any = true;
        }
    }
    if (changes->pause_all && view->by_default == POLICY_MODE_ENFORCE) {
        view->by_default = POLICY_MODE_LOG;
        view->paused = true;
    }
    if (changes->pause_all && view->client == POLICY_CLIENT_BLOCK) {
        view->client = POLICY_CLIENT_LOG;
        view->client_paused = true;
    }
    return any;
}

int policy_derive(const struct policy *base, const struct policy_changes *changes,
                  uint64_t generation, struct policy **policy)
{
    invariant(base->magic == POLICY_MAGIC && !base->derived);
    struct policy *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    *made = *base;
    made->generation = generation;
    made->derived = true;
    made->views = calloc(base->view_count, sizeof(made->views[0]));
    int rc = made->views == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < base->view_count && rc == 0; i++) {
        made->views[i] = base->views[i];
        made->views[i].borrowed = true;
        const uint8_t variant = changes->variants != NULL
                                    ? changes->variants[base->views[i].origin]
                                    : base->views[i].variant;
        const bool other = variant != base->views[i].variant;
        if (other) {
            invariant(variant <= base->views[i].variant_count);
            use_variant(&made->views[i], variant);
        }
        if (pause_lists(made, changes, &made->views[i]) || other) {
            rc = policy_verdicts_make(made, &made->views[i]);
        }
    }
    if (rc == 0 && changes->exception_count > 0) {
        rc = policy_exceptions_build(changes->exceptions, changes->exception_count, base->image,
                                     &made->exceptions);
    }
    if (rc != 0) {
        policy_destroy(made);
        return rc;
    }
    *policy = made;
    return 0;
}

void policy_take_heads(struct policy *policy, struct policy_list *const *heads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t list = heads[i] != NULL
                                ? find_list(policy->image, heads[i]->id, heads[i]->serial)
                                : POLICY_LISTS_MAX;

        if (list < POLICY_LISTS_MAX && list < policy_image_lists(policy->image) &&
            policy->heads[list] == NULL) {
            policy->heads[list] = heads[i];
        } else {
            policy_list_free(heads[i]);
        }
    }
}

void policy_share_heads(const struct policy *base, struct policy *derived)
{
    invariant(derived->derived && derived->image == base->image);
    memcpy(derived->heads, base->heads, sizeof(derived->heads));
}

void policy_destroy(struct policy *policy)
{
    if (policy == NULL) {
        return;
    }
    invariant(policy->magic == POLICY_MAGIC);
    for (size_t i = 0; policy->views != NULL && i < policy->view_count; i++) {
        policy_verdicts_free(&policy->views[i]);
        if (!policy->derived) {
            policy_allow_free(policy->views[i].allow);
            free(policy->views[i].words);
        }
    }
    free(policy->views);
    policy_exceptions_free(policy->exceptions);
    if (!policy->derived) {
        for (size_t i = 0; i < POLICY_LISTS_MAX; i++) {
            policy_list_free(policy->heads[i]);
        }
        free(policy->said);
        policy_image_free(policy->image);
    }
    policy->magic = 0;
    free(policy);
}
