#include "setup/views.h"

#include "base/error.h"
#include "base/invariant.h"
#include "setup/caps.h"
#include "setup/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(CONFIG_VIEWS_MAX + 1 <= POLICY_VIEWS_MAX, "each view has a place in the policy");

/* A view as the file has it, with what it leaves out. */
struct words {
    const char *name;
    const char *place; /* for reports */
    bool log_only, deny;
    const char *action;
    const struct config_list *lists;
    size_t list_count;
    const struct config_names *allow;
    const struct config_whens *when;
    const struct config_caps *categories, *scopes, *confidence; /* whose of these count */
    unsigned targets, name_servers, client;
};

static struct words words_of(const struct config *config, size_t number)
{
    struct words words = {.name = "default",
                          .place = "policy.action",
                          .log_only = config->log_only,
                          .deny = config->deny,
                          .action = config->action,
                          .lists = config->lists,
                          .list_count = config->list_count,
                          .allow = &config->allow,
                          .when = &config->when,
                          .categories = &config->caps,
                          .scopes = &config->caps,
                          .confidence = &config->caps,
                          .targets = config->targets,
                          .name_servers = config->name_servers,
                          .client = config->client};

    if (number > 0) {
        const struct config_view *view = &config->views[number - 1];

        words.name = view->name;
        words.place = view->name;
        words.log_only = view->has_mode ? view->log_only : words.log_only;
        words.deny = view->has_default ? view->deny : words.deny;
        words.action = view->has_action ? view->action : words.action;
        words.lists = view->has_use ? view->lists : words.lists;
        words.list_count = view->has_use ? view->list_count : words.list_count;
        words.allow = view->has_allow ? &view->allow : words.allow;
        words.when = view->has_when ? &view->when : words.when;
        words.categories = view->caps.has_categories ? &view->caps : words.categories;
        words.scopes = view->caps.has_scopes ? &view->caps : words.scopes;
        words.confidence = view->caps.has_confidence ? &view->caps : words.confidence;
        words.targets = view->targets.has ? view->targets.value : words.targets;
        words.name_servers =
            view->name_servers.has ? view->name_servers.value : words.name_servers;
        words.client = view->client.has ? view->client.value : words.client;
    }
    return words;
}

/* A redirect is the view's: one target for all, which config/redirects.c has seen to. */
static void take_redirect(const struct wire_name *target, bool prefixes,
                          struct policy_view_setting *view)
{
    view->redirect = *target;
    view->redirect_prefixes = prefixes;
}

static const enum policy_mode modes[] = {[CONFIG_MODE_OFF] = POLICY_MODE_OFF,
                                         [CONFIG_MODE_LOG] = POLICY_MODE_LOG,
                                         [CONFIG_MODE_ENFORCE] = POLICY_MODE_ENFORCE};
static const enum policy_client client_words[] = {[CONFIG_CLIENT_DECIDE] = POLICY_CLIENT_DECIDE,
                                                  [CONFIG_CLIENT_PASS] = POLICY_CLIENT_PASS,
                                                  [CONFIG_CLIENT_LOG] = POLICY_CLIENT_LOG,
                                                  [CONFIG_CLIENT_BLOCK] = POLICY_CLIENT_BLOCK};

static int fill_list(const struct config_list *from, struct report *report,
                     struct policy_view_setting *view, struct policy_list_setting *to)
{
    struct wire_name target;
    bool prefixes = false;

    *to = (struct policy_list_setting){from->id, modes[from->mode], POLICY_ACTION_DEFAULT};
    if (from->action[0] != '\0' &&
        !setup_action_parse(from->action, &to->action, &target, &prefixes)) {
        report_add(report, REPORT_ERROR, from->id, 0, 0, "'%s' is no action", from->action);
        return CORDON_E_REFUSED;
    }
    if (to->action == POLICY_ACTION_REDIRECT) {
        take_redirect(&target, prefixes, view);
    }
    return 0;
}

static int fill_view(const struct words *words, struct report *report,
                     struct policy_list_setting *lists, struct policy_view_setting *view)
{
    int rc = 0;

    *view = (struct policy_view_setting){.name = words->name,
                                         .log_only = words->log_only,
                                         .action = POLICY_ACTION_SINKHOLE,
                                         .lists = lists,
                                         .deny = words->deny,
                                         .allow = words->allow->at,
                                         .allow_count = words->allow->count,
                                         .targets = modes[words->targets],
                                         .name_servers = modes[words->name_servers],
                                         .client = client_words[words->client]};
    if (words->action[0] != '\0' &&
        !setup_action_parse(words->action, &view->action, &view->redirect,
                            &view->redirect_prefixes)) {
        report_add(report, REPORT_ERROR, words->place, 0, 0, "'%s' is no action",
                   words->action);
        return CORDON_E_REFUSED;
    }
    for (size_t i = 0; i < words->list_count && rc == 0; i++) {
        if (words->lists[i].mode != CONFIG_MODE_OFF) {
            rc = fill_list(&words->lists[i], report, view, &lists[view->list_count]);
            view->list_count += rc == 0 ? 1 : 0;
        }
    }
    return rc;
}

/* A list with another mode, in its place; one that the view does not have, at the end. */
static int change_list(const struct config_list *from, struct report *report,
                       struct policy_view_setting *view, struct policy_list_setting *lists,
                       size_t *count)
{
    struct policy_list_setting changed;
    size_t at = 0;

    const int rc = fill_list(from, report, view, &changed);
    if (rc != 0) {
        return rc;
    }
    while (at < *count && strcmp(lists[at].id, from->id) != 0) {
        at++;
    }
    if (at == *count && changed.mode == POLICY_MODE_OFF) {
        return 0; /* it is off already, and perhaps nowhere loaded */
    }
    if (at == *count) {
        (*count)++;
    } else if (from->action[0] == '\0') {
        changed.action = lists[at].action;
    }
    lists[at] = changed;
    return 0;
}

/* All that the view says while a schedule holds. lists: room for those of both. */
static int fill_variant(const struct words *words, const struct config_when *when,
                        struct report *report, struct policy_list_setting *lists,
                        struct policy_view_setting *view, struct policy_view_variant *variant)
{
    struct wire_name target;
    bool prefixes = false;
    int rc = 0;

    *variant = (struct policy_view_variant){
        .log_only = when->has_mode ? when->log_only : words->log_only,
        .action = view->action,
        .lists = lists,
        .list_count = view->list_count,
        .deny = when->has_default ? when->deny : words->deny,
    };
    memcpy(lists, view->lists, view->list_count * sizeof(lists[0]));
    if (when->has_action) {
        if (!setup_action_parse(when->action, &variant->action, &target, &prefixes)) {
            report_add(report, REPORT_ERROR, words->place, 0, 0, "'%s' is no action",
                       when->action);
            return CORDON_E_REFUSED;
        }
        if (variant->action == POLICY_ACTION_REDIRECT) {
            take_redirect(&target, prefixes, view);
        }
    }
    for (size_t i = 0; i < when->list_count && rc == 0; i++) {
        rc = change_list(&when->lists[i], report, view, lists, &variant->list_count);
    }
    return rc;
}

static int add_ids(const char *view, const struct policy_list_setting *lists, size_t count,
                   struct report *report, struct setup_views *views)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;

        while (at < views->id_count && strcmp(views->ids[at], lists[i].id) != 0) {
            at++;
        }
        if (lists[i].mode == POLICY_MODE_OFF) {
            continue;
        }
        if (at == POLICY_LISTS_MAX) {
            report_add(report, REPORT_ERROR, view, 0, 0,
                       "more than %u lists in all views together", POLICY_LISTS_MAX);
            return CORDON_E_REFUSED;
        }
        if (at == views->id_count) {
            views->ids[views->id_count++] = lists[i].id;
        }
    }
    return 0;
}

/* How many lists and variants all views have together. */
static void count_words(const struct config *config, size_t *lists, size_t *variants)
{
    *lists = *variants = 0;
    for (size_t i = 0; i <= config->view_count; i++) {
        const struct words words = words_of(config, i);

        *lists += words.list_count;
        *variants += words.when->count;
        for (size_t j = 0; j < words.when->count; j++) {
            *lists += words.list_count + words.when->at[j].list_count;
        }
    }
}

/* The next view, from these places of the pools on. */
static int add_view(const struct words *words, struct report *report, struct setup_views *views,
                    size_t *used_lists, size_t *used_variants)
{
    struct policy_view_setting *view = &views->at[views->count];
    struct policy_caps *caps = &views->caps[views->count];

    int rc = fill_view(words, report, &views->lists[*used_lists], view);
    if (rc == 0) {
        *used_lists += view->list_count;
        rc = add_ids(view->name, view->lists, view->list_count, report, views);
    }
    setup_caps_fill(words->categories, words->scopes, words->confidence, caps);
    view->caps = caps;
    view->variants = &views->variants[*used_variants];
    for (size_t i = 0; i < words->when->count && rc == 0; i++) {
        struct policy_view_variant *variant = &views->variants[(*used_variants)++];

        rc = fill_variant(words, &words->when->at[i], report, &views->lists[*used_lists], view,
                          variant);
        if (rc == 0) {
            *used_lists += variant->list_count;
            view->variant_count++;
            rc = add_ids(view->name, variant->lists, variant->list_count, report, views);
        }
    }
    return rc;
}

int setup_views_init(const struct config *config, struct report *report,
                     struct setup_views *views)
{
    const size_t count = config->view_count + 1;
    size_t lists, variants;
    size_t used_lists = 0;
    size_t used_variants = 0;
    int rc = 0;

    invariant(count > 0);
    *views = (struct setup_views){0};
    count_words(config, &lists, &variants);
    views->at = calloc(count, sizeof(views->at[0]));
    views->lists = calloc(lists + 1, sizeof(views->lists[0])); /* not of nothing */
    views->caps = calloc(count, sizeof(views->caps[0]));
    views->variants = calloc(variants + 1, sizeof(views->variants[0]));
    if (views->at == NULL || views->lists == NULL || views->caps == NULL ||
        views->variants == NULL) {
        return -ENOMEM;
    }
    for (; views->count < count && rc == 0; views->count++) {
        const struct words words = words_of(config, views->count);

        rc = add_view(&words, report, views, &used_lists, &used_variants);
    }
    views->total = views->count;
    return rc;
}

/* One set of lists of a view, or of a variant of it: all are in views->lists, which is ours to
 * change. True if the list was enforced. */
static bool bury_in(struct setup_views *views, const struct policy_list_setting *lists,
                    size_t count, const char *id, bool pass)
{
    struct policy_list_setting *own = &views->lists[lists - views->lists];
    bool enforced = false;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(own[i].id, id) == 0 && own[i].mode == POLICY_MODE_ENFORCE) {
            enforced = true;
            own[i].mode = pass ? POLICY_MODE_LOG : own[i].mode;
        }
    }
    return enforced;
}

/* Takes a list out of one set; the number that are left. */
static size_t drop_from(struct setup_views *views, const struct policy_list_setting *lists,
                        size_t count, const char *id)
{
    struct policy_list_setting *own = &views->lists[lists - views->lists];
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(own[i].id, id) != 0) {
            own[left++] = own[i];
        }
    }
    return left;
}

/* What a view says while its k-th schedule holds, which is ours. */
static struct policy_view_variant *variant_of(struct setup_views *views,
                                              const struct policy_view_setting *view, size_t k)
{
    return &views->variants[&view->variants[k] - views->variants];
}

void setup_views_leave_out(struct setup_views *views, const char *id)
{
    size_t left = 0;

    for (size_t i = 0; i < views->count; i++) {
        struct policy_view_setting *view = &views->at[i];

        for (size_t k = 0; k < view->variant_count; k++) {
            struct policy_view_variant *variant = variant_of(views, view, k);

            variant->list_count = drop_from(views, variant->lists, variant->list_count, id);
        }
        view->list_count = drop_from(views, view->lists, view->list_count, id);
    }
    for (size_t i = 0; i < views->id_count; i++) {
        if (strcmp(views->ids[i], id) != 0) {
            views->ids[left++] = views->ids[i];
        }
    }
    views->id_count = left;
}

static void refuse_all(struct setup_views *views, struct policy_view_setting *view)
{
    view->log_only = false;
    view->deny = true;
    view->allow_count = 0;
    view->action = POLICY_ACTION_REFUSED;
    for (size_t i = 0; i < view->variant_count; i++) {
        struct policy_view_variant *variant = variant_of(views, view, i);

        variant->log_only = false;
        variant->deny = true;
        variant->action = POLICY_ACTION_REFUSED;
    }
}

void setup_views_bury(struct setup_views *views, const char *id, bool refuse, bool pass,
                      struct report *report)
{
    for (size_t i = 0; i < views->count; i++) {
        struct policy_view_setting *view = &views->at[i];
        bool enforced = bury_in(views, view->lists, view->list_count, id, pass);

        for (size_t k = 0; k < view->variant_count; k++) {
            enforced |=
                bury_in(views, view->variants[k].lists, view->variants[k].list_count, id, pass);
        }
        if (enforced && (refuse || pass)) {
            report_add(report, REPORT_WARNING, id, 0, 0,
                       "the list is dead, and trust.dead is %s: in view %s %s",
                       refuse ? "refuse" : "pass", view->name,
                       refuse ? "every question is refused" : "it only records");
        }
        if (enforced && refuse) {
            refuse_all(views, view);
        }
    }
}

void setup_views_deinit(struct setup_views *views)
{
    free(views->at);
    free(views->lists);
    free(views->caps);
    free(views->variants);
    free(views->versions);
}

/* A view without clients is for all of them, one without listeners for all of those. */
static size_t add_places(const struct config_view *view, uint8_t number,
                         struct policy_view_place *places)
{
    static const struct address_prefix everyone[] = {{.family = ADDRESS_V4},
                                                     {.family = ADDRESS_V6}};
    static const struct address anywhere = {.family = ADDRESS_NONE};
    const struct address_prefix *clients = view->client_count > 0 ? view->clients : everyone;
    const struct address *listen = view->listen_count > 0 ? view->listen : &anywhere;
    const size_t client_count = view->client_count > 0 ? view->client_count : 2;
    const size_t listen_count = view->listen_count > 0 ? view->listen_count : 1;

    for (size_t i = 0; i < client_count; i++) {
        for (size_t j = 0; j < listen_count; j++) {
            places[i * listen_count + j] =
                (struct policy_view_place){clients[i], listen[j], number};
        }
    }
    return client_count * listen_count;
}

int setup_views_choice(const struct config *config, const struct policy_shares *shares,
                       struct policy_views **choice)
{
    size_t count = 0;

    *choice = NULL;
    if (config->view_count == 0) {
        return policy_views_build(NULL, 0, shares, choice);
    }
    struct policy_view_place *places = calloc(
        config->view_count, sizeof(*places) * CONFIG_VIEW_CLIENTS_MAX * CONFIG_VIEW_LISTEN_MAX);
    if (places == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < config->view_count; i++) {
        count += add_places(&config->views[i], (uint8_t)(i + 1), places + count);
    }
    const int rc = policy_views_build(places, count, shares, choice);
    free(places);
    invariant(rc != -EEXIST); /* config/ has refused that */
    return rc;
}

static void add_shown(const struct policy_image *image, const struct policy_list_setting *lists,
                      size_t count, struct setup_view *view)
{
    struct policy_image_list list;

    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < policy_image_lists(image); at++) {
            if (policy_image_list_at(image, at, &list) && strcmp(list.id, lists[i].id) == 0 &&
                memchr(view->lists, (int)at, view->list_count) == NULL) {
                view->lists[view->list_count++] = (uint8_t)at;
            }
        }
    }
}

static void fill_lists(const struct policy *policy, const struct policy_view_setting *setting,
                       struct setup_view *view)
{
    const struct policy_image *image = policy_image_of(policy);

    add_shown(image, setting->lists, setting->list_count, view);
    for (size_t i = 0; i < setting->variant_count; i++) {
        add_shown(image, setting->variants[i].lists, setting->variants[i].list_count, view);
    }
}

static void fill_shown(const struct config *config, size_t number, struct setup_view *view)
{
    const struct words words = words_of(config, number);

    snprintf(view->name, sizeof(view->name), "%s", words.name);
    snprintf(view->action, sizeof(view->action), "%s", words.action);
    view->log_only = words.log_only;
    view->deny = words.deny;
    view->allowed = words.allow->count;
    view->client = client_words[words.client];
    view->targets = modes[words.targets];
    view->name_servers = modes[words.name_servers];
    view->when_count = words.when->count;
    for (size_t i = 0; i < words.when->count; i++) {
        const struct config_when *when = &words.when->at[i];

        memcpy(view->schedules[i], when->schedule, sizeof(view->schedules[i]));
        view->when[i].log_only = when->has_mode ? when->log_only : words.log_only;
        view->when[i].deny = when->has_default ? when->deny : words.deny;
        snprintf(view->when[i].action, sizeof(view->when[i].action), "%s",
                 when->has_action ? when->action : words.action);
    }
    if (number > 0) {
        const struct config_view *from = &config->views[number - 1];

        memcpy(view->clients, from->clients, sizeof(view->clients));
        memcpy(view->listen, from->listen, sizeof(view->listen));
        view->client_count = from->client_count;
        view->listen_count = from->listen_count;
    }
}

int setup_views_fill(const struct config *config, const struct setup_views *from,
                     struct setup_snapshot *snapshot)
{
    snapshot->shown = calloc(from->count, sizeof(snapshot->shown[0]));
    if (snapshot->shown == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < from->count; i++) {
        struct query_view *view = &snapshot->views[i];
        const bool own = i > 0 && config->views[i - 1].has_sinkhole;

        fill_shown(config, i, &snapshot->shown[i]);
        snapshot->shown[i].caps = from->caps[i];
        fill_lists(snapshot->policy, &from->at[i], &snapshot->shown[i]);
        view->name = snapshot->shown[i].name;
        view->sinkhole4 = own ? config->views[i - 1].sinkhole4 : config->sinkhole4;
        view->sinkhole6 = own ? config->views[i - 1].sinkhole6 : config->sinkhole6;
    }
    for (size_t i = from->count; i < from->total; i++) {
        snapshot->views[i] = snapshot->views[i % from->count];
    }
    snapshot->view_count = from->count;
    return 0;
}
