#include "setup/setup.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/invariant.h"
#include "setup/caps.h"
#include "setup/late.h"
#include "setup/lists.h"
#include "setup/names.h"
#include "setup/own.h"
#include "setup/schedules.h"
#include "setup/trust.h"
#include "setup/views.h"
#include "setup/zones.h"
#include "tls/trust.h"
#include "wire/type.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool setup_action_parse(const char *text, enum policy_action *action,
                        struct wire_name *redirect, bool *redirect_prefixes)
{
    const char *colon = strchr(text, ':');
    const size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
    enum policy_action parsed;

    if (!policy_action_parse(text, len, &parsed) ||
        (parsed == POLICY_ACTION_REDIRECT) != (colon != NULL)) {
        return false;
    }
    if (colon != NULL) {
        const char *name = colon + 1;
        const bool prefixes = strncmp(name, "*.", 2) == 0;

        name += prefixes ? 2 : 0;
        if (wire_name_from_text(name, strlen(name), redirect) != WIRE_TEXT_OK ||
            redirect->labels == 0) {
            return false;
        }
        *redirect_prefixes = prefixes;
    }
    *action = parsed;
    return true;
}

static void fill_settings(const struct config *config, struct query_settings *settings)
{
    settings->access_count = config->access_count;
    memcpy(settings->access, config->access, config->access_count * sizeof(config->access[0]));
    settings->operator_count = config->operator_count;
    memcpy(settings->operators, config->operators,
           config->operator_count * sizeof(config->operators[0]));
    settings->refuse_silently = config->refuse_silently;
    settings->rate_per_s = config->rate;
    settings->rate_slip = config->rate_slip;
    settings->deadline_ms = config->deadline_ms;
    settings->name_server_wait_ms = config->name_server_wait_ms;
    settings->block_ttl_s = config->block_ttl_s;
    settings->sinkhole4 = config->sinkhole4;
    settings->sinkhole6 = config->sinkhole6;
    settings->ede = config->ede;
    settings->block_ede = config->block_ede >= 0 ? config->block_ede : WIRE_EDE_NONE;
    settings->udp_size = config->udp_size;
    settings->ttl_min_s = config->ttl_min_s;
    settings->ttl_max_s = config->ttl_max_s;
    settings->negative_ttl_max_s = config->negative_ttl_max_s;
    settings->failure_ttl_s = config->failure_ttl_s;
    settings->stale_max_s = config->stale_max_s;
    settings->stale_wait_ms = config->stale_wait_ms;
    settings->stale_ttl_s = config->stale_ttl_s;
    settings->stale_retry_s = config->stale_retry_s;
    settings->prefetch = config->prefetch;
    settings->rotate = config->rotate;
    settings->local_special = config->local_special;
    settings->rebinding_protection = config->rebinding_protection;
    settings->rebinding_allow = config->rebinding_allow.at; /* the snapshot has the config */
    settings->rebinding_allow_count = config->rebinding_allow.count;
}

static void add_server(struct upstream_settings *upstreams, const struct endpoint *server)
{
    for (size_t i = 0; i < upstreams->count; i++) {
        if (endpoint_equal(&upstreams->servers[i], server)) {
            return;
        }
    }
    if (upstreams->count < UPSTREAM_SERVERS_MAX) {
        upstreams->servers[upstreams->count++] = *server;
    }
}

/* An upstream that is this machine, at a port on which cordond listens, would be a loop. */
static void drop_own(const struct config *config, struct upstream_settings *upstreams,
                     struct report *report)
{
    struct address own[SETUP_OWN_MAX];
    const size_t own_count = setup_own_addresses(own, SETUP_OWN_MAX);
    size_t kept = 0;

    for (size_t i = 0; i < upstreams->count; i++) {
        const struct endpoint server = upstreams->servers[i];
        char text[ADDRESS_TEXT_MAX];

        if (setup_is_own(&server.address, config->listen, config->listen_count, own,
                         own_count)) {
            address_format(&server.address, true, text);
            report_add(
                report, REPORT_WARNING, "upstreams.servers", 0, 0,
                "%s is this machine, where cordond itself listens: it is left out, since a "
                "resolver must not ask itself",
                text);
        } else {
            upstreams->servers[kept++] = server;
        }
    }
    upstreams->count = kept;
}

/* The configured servers, then those of the system. None at all is no fault: blocked names are
 * answered all the same, and the report says so. */
static void fill_upstreams(const struct config *config, struct upstream_settings *upstreams,
                           struct report *report)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        add_server(upstreams, &config->upstreams[i]);
    }
    if (config->upstreams_from_system) {
        struct address found[CONFIG_UPSTREAM_MAX];
        const int count =
            config_read_resolv_conf(config->resolv_conf, config->listen, config->listen_count,
                                    found, CONFIG_UPSTREAM_MAX, report);

        if (count < 0) {
            report_add(report, REPORT_WARNING, config->resolv_conf, 0, 0,
                       "cannot be read (%s): name upstreams in upstreams.servers",
                       cordon_strerror(count));
        }
        for (int i = 0; i < count; i++) {
            const struct endpoint server = {.address = found[i], .transport = ENDPOINT_DO53};
            add_server(upstreams, &server);
        }
    }
    drop_own(config, upstreams, report);
    if (upstreams->count == 0) {
        report_add(report, REPORT_WARNING, "upstreams.servers", 0, 0,
                   "there is no upstream: names that are not blocked get SERVFAIL until one is "
                   "named");
    }
    upstreams->letter_case =
        config->letter_case_random ? UPSTREAM_CASE_RANDOM : UPSTREAM_CASE_PLAIN;
    upstreams->udp_size = config->udp_size;
    upstreams->hedge_percent = config->hedge_percent;
    upstreams->choose = setup_choose((enum config_choose)config->choose);
}

/* CA certificates, if there is a server to hold against them. */
static int fill_trust(const struct config *config, struct upstream_settings *upstreams,
                      struct report *report)
{
    bool any = false;
    bool by_name = false;

    for (size_t i = 0; i < upstreams->count; i++) {
        const struct endpoint *server = &upstreams->servers[i];
        any = any || server->transport == ENDPOINT_TLS;
        by_name = by_name || server->name[0] != '\0';
    }
    if (!any) {
        return 0;
    }
    return by_name ? tls_trust_load(config->tls_ca, report, &upstreams->trust)
                   : tls_trust_build(NULL, 0, false, "", NULL, &upstreams->trust);
}

/* What decides, before dead lists make of views what no file says. */
static int fill_fingerprint(const struct config *config, const struct setup_views *views,
                            const struct setup_held_set *held,
                            const struct policy_loaded *loaded, struct setup_snapshot *new)
{
    struct setup_fingerprint_list lists[POLICY_LISTS_MAX];
    struct setup_fingerprint_list newer[POLICY_LISTS_MAX];
    struct setup_fingerprint_file files[CONFIG_EXCEPTIONS_MAX];
    struct setup_fingerprint_source source = {
        .config = config, .views = views, .lists = lists, .newer = newer, .files = files};

    for (size_t i = 0; i < loaded->list_count; i++) {
        const struct policy_loaded_list *list = &loaded->lists[i];

        lists[source.list_count++] = (struct setup_fingerprint_list){
            .id = list->id,
            .publisher = list->publisher,
            .serial = list->serial,
            .hash = list->hash,
            .dead = list->freshness == POLICY_DEAD,
            .held = list->held ? setup_held_find(held, list->id) : NULL,
            .staged = setup_staged_find(new, list->id),
        };
    }
    for (size_t i = 0; i < loaded->newer_count; i++) {
        const struct policy_loaded_list *list = &loaded->lists[loaded->list_count + i];

        newer[source.newer_count++] = (struct setup_fingerprint_list){
            .id = list->id,
            .publisher = list->publisher,
            .serial = list->serial,
            .hash = list->hash,
        };
    }
    for (size_t i = 0; i < new->exceptions->count; i++) {
        const struct policy_exception_file *file = new->exceptions->at[i].loaded.file;

        if (file != NULL) {
            files[source.file_count++] =
                (struct setup_fingerprint_file){file->id, file->serial, file->digest};
        }
    }
    return setup_fingerprint_make(&source, &new->fingerprint);
}

/* Lists that are dead, by the operator's word. */
static void bury(const struct config *config, const struct policy_loaded *loaded,
                 struct setup_views *views, struct report *report)
{
    for (size_t i = 0; i < loaded->list_count; i++) {
        if (loaded->lists[i].freshness == POLICY_DEAD) {
            setup_views_bury(views, loaded->lists[i].id, config->dead == CONFIG_DEAD_REFUSE,
                             config->dead == CONFIG_DEAD_PASS, report);
        }
    }
}

/* By which clients belong to a share; NULL: none does. */
static const uint8_t *share_key(const struct setup_request *request)
{
    return request->held != NULL ? request->held->key : NULL;
}

/* What is loaded in two versions, and for whom each of them counts. */
static void note_staged(const struct config *config, const struct setup_request *request,
                        const struct policy_loaded *loaded, const struct setup_views *views,
                        struct setup_snapshot *new)
{
    new->newer_count = loaded->newer_count;
    for (size_t i = 0; i < loaded->newer_count; i++) {
        const struct policy_loaded_list *newer = &loaded->lists[loaded->list_count + i];
        const struct setup_held *held = setup_held_find(request->held, newer->id);

        setup_staged_fill(config, views, held, newer->serial, &new->staged[i]);
        if (share_key(request) == NULL) {
            new->staged[i].share = 0;
        }
    }
}

/* Views as the stages have them, and who is whom. */
static int stage(const struct config *config, const struct setup_request *request,
                 struct report *report, struct setup_views *views, struct setup_snapshot *new)
{
    const uint8_t *key = share_key(request);
    int rc = setup_views_stage(new->staged, new->newer_count, report, views, &new->shares);

    if (rc == 0 && new->shares.count > 0) {
        invariant(key != NULL); /* else every share is 0: note_staged() */
        memcpy(new->shares.key, key, sizeof(new->shares.key));
    }
    return rc == 0 ? setup_views_choice(config, &new->shares, &new->choice) : rc;
}

int setup_snapshot_make(struct config *config, uint64_t generation, uint64_t now_s,
                        struct report *report, struct setup_snapshot **snapshot)
{
    const struct setup_request request = {.generation = generation, .now_s = now_s};

    return setup_snapshot_make_for(config, &request, report, snapshot);
}

/* What a snapshot is made of, on the way. */
struct making {
    struct config *config;
    const struct setup_request *request;
    struct report *report;
    struct setup_views views;
    struct setup_trust *trust;
    struct policy_loaded *loaded;
    struct setup_snapshot *new;
};

/* What the configuration alone says. */
static int read_config(struct making *making)
{
    const struct config *config = making->config;
    const uint64_t now_s = making->request->now_s;
    struct report *report = making->report;
    struct setup_snapshot *new = making->new;
    int rc = setup_schedules_make(config, report, &new->schedules);

    if (rc == 0) {
        setup_schedules_at(new->schedules, now_s, &new->moment);
        setup_schedules_warn(new->schedules, now_s, report);
        for (size_t i = 0; i < making->views.count; i++) {
            making->views.at[i].variant = new->moment.variants[i];
        }
        rc = setup_names(config, report, &new->names);
    }
    if (rc == 0) {
        fill_upstreams(config, &new->upstreams, report);
        new->settings.have_upstreams = new->upstreams.count > 0;
        rc = setup_zones(config, report, &new->upstreams, new->zones, &new->zone_count);
    }
    return rc == 0 ? fill_trust(config, &new->upstreams, report) : rc;
}

/* What is signed: files of exceptions, and lists. */
static int read_signed(struct making *making)
{
    const struct config *config = making->config;
    const struct setup_request *request = making->request;
    struct setup_trust *trust = making->trust;
    struct setup_exceptions **exceptions = &making->new->exceptions;
    int rc = setup_trust_open(config, request, making->report, trust);

    if (rc == 0) {
        rc = setup_exceptions_read(config, trust->standard.keyring, request->now_s,
                                   making->report, exceptions);
    }
    if (rc == 0) {
        setup_exceptions_compare(*exceptions, trust->ratchet, making->report);
        rc = setup_lists_load(config, request, making->report, trust, &making->views,
                              making->loaded);
    }
    return rc;
}

/* What decides; it takes over image and heads of what was loaded, or frees them. */
static int make_policy(struct making *making)
{
    const struct config *config = making->config;
    const struct setup_request *request = making->request;
    struct policy_loaded *loaded = making->loaded;
    struct setup_views *views = &making->views;
    struct setup_snapshot *new = making->new;

    note_staged(config, request, loaded, views, new);
    int rc = fill_fingerprint(config, views, request->held, loaded, new);
    if (rc == 0) {
        bury(config, loaded, views, making->report);
        setup_caps_check(config, loaded->image, making->report);
        rc = stage(config, request, making->report, views, new);
    }
    if (rc == 0) {
        rc = policy_create(loaded->image, views->at, views->total, request->generation,
                           making->report, &new->policy);
    }
    if (rc == 0) {
        policy_take_heads(new->policy, loaded->heads, loaded->list_count + loaded->newer_count);
    } else {
        policy_loaded_drop(loaded);
    }
    return rc;
}

/* Nothing can fail any more. */
static void complete(struct making *making)
{
    const struct policy_loaded *loaded = making->loaded;
    struct setup_snapshot *new = making->new;

    setup_late_keep_small(&new->late, making->request->late_octets, making->report);
    fill_settings(making->config, &new->settings);
    new->settings.local_names = new->names;
    new->settings.choice = new->choice;
    new->settings.views = new->views;
    new->settings.view_count = making->views.total;
    new->settings.zones = new->zones;
    new->settings.zone_count = new->zone_count;
    new->settings.told = &new->fingerprint->told;
    memcpy(new->lists, loaded->lists, sizeof(new->lists));
    new->list_count = loaded->list_count;
    new->from_cache = loaded->from_cache;
    new->shipped = loaded->shipped;
    memcpy(new->broken, making->trust->told, sizeof(new->broken));
    new->broken_count = making->trust->told_count;
    new->made_us = clock_read().wall_us;
    new->config = making->config;
    new->named = new->upstreams;
    new->users = 1;
}

/* Also one that was not completed: that has no config. */
static void free_root(struct setup_snapshot *root)
{
    policy_destroy(root->policy);
    setup_exceptions_free(root->exceptions);
    setup_fingerprint_free(root->fingerprint);
    free(root->shown);
    setup_schedules_free(root->schedules);
    policy_views_free(root->choice);
    local_names_free(root->names);
    tls_trust_release(root->upstreams.trust);
    config_free(root->config);
    setup_late_free(root->late);
    free(root);
}

int setup_snapshot_make_for(struct config *config, const struct setup_request *request,
                            struct report *report, struct setup_snapshot **snapshot)
{
    struct making making = {.config = config, .request = request, .report = report};
    int rc = setup_views_init(config, report, &making.views);

    making.trust = calloc(1, sizeof(*making.trust));
    making.loaded = calloc(1, sizeof(*making.loaded));
    making.new = calloc(1, sizeof(*making.new));
    if (rc == 0 && (making.trust == NULL || making.loaded == NULL || making.new == NULL)) {
        rc = -ENOMEM;
    }
    rc = rc == 0 ? read_config(&making) : rc;
    rc = rc == 0 ? read_signed(&making) : rc;
    rc = rc == 0 ? make_policy(&making) : rc;
    if (rc == 0) {
        rc = setup_views_fill(config, &making.views, making.new);
    }
    if (rc == 0) {
        rc = setup_late_make(config, making.trust, request, making.loaded, &making.new->late);
    }
    if (rc == 0) { /* the last that can fail: what is remembered is what comes in force */
        rc = setup_trust_keep(making.trust, config, request, making.new->exceptions, report,
                              &making.new->memory);
    }
    if (rc == 0) {
        complete(&making);
        *snapshot = making.new;
    } else if (making.new != NULL) {
        free_root(making.new);
    }
    free(making.loaded);
    if (making.trust != NULL) {
        setup_trust_close(making.trust);
    }
    free(making.trust);
    setup_views_deinit(&making.views);
    return rc;
}

int setup_upstreams_again(const struct config *config, const struct setup_snapshot *current,
                          struct report *report, struct upstream_settings *upstreams)
{
    struct address found[CONFIG_UPSTREAM_MAX];
    struct query_zone zones[QUERY_ZONES_MAX]; /* as they are: the configuration is the same */
    size_t zone_count = 0;

    if (config_read_resolv_conf(config->resolv_conf, config->listen, config->listen_count,
                                found, CONFIG_UPSTREAM_MAX, report) <= 0) {
        return CORDON_E_FORMAT;
    }
    memset(upstreams, 0, sizeof(*upstreams));
    fill_upstreams(config, upstreams, report);
    if (upstreams->count == 0) {
        return CORDON_E_FORMAT;
    }
    upstreams->trust = current->upstreams.trust; /* servers over TLS are configured ones */
    return setup_zones(config, report, upstreams, zones, &zone_count);
}

void setup_snapshot_ask(struct setup_snapshot *derived,
                        const struct upstream_settings *upstreams)
{
    derived->upstreams = *upstreams;
    derived->named = *upstreams;
    derived->left_out = 0;
    derived->settings.have_upstreams = upstreams->count > 0;
}

void setup_snapshot_leave_out(struct setup_snapshot *snapshot, uint32_t servers)
{
    struct upstream_settings *upstreams = &snapshot->upstreams;

    *upstreams = snapshot->named;
    snapshot->left_out = servers;
    upstreams->apart |= servers; /* no longer among those for all names */
    for (size_t i = 0; i < upstreams->group_count; i++) {
        upstreams->groups[i].servers &= ~servers;
    }
}

/* The last one that shares it takes it down. */
static void let_go(struct setup_snapshot *root)
{
    if (--root->users == 0) {
        free_root(root);
    }
}

void setup_snapshot_free(void *snapshot)
{
    struct setup_snapshot *old = snapshot;

    if (old != NULL && old->root == NULL) {
        let_go(old);
    } else if (old != NULL) {
        policy_destroy(old->policy); /* before the one that it borrows from */
        if (old->fingerprint != old->root->fingerprint) {
            setup_fingerprint_free(old->fingerprint);
        }
        let_go(old->root);
        free(old);
    }
}

int setup_snapshot_derive(struct setup_snapshot *from, const struct policy_changes *changes,
                          uint64_t now_s, uint64_t generation, struct setup_snapshot **snapshot)
{
    struct setup_snapshot *root = from->root != NULL ? from->root : from;
    struct setup_snapshot *new = malloc(sizeof(*new));

    if (new == NULL) {
        return -ENOMEM;
    }
    *new = *root; /* what points into the root may do so: it stays */
    new->upstreams = from->named;
    new->named = from->named;
    new->left_out = 0;
    new->settings.have_upstreams = from->settings.have_upstreams;
    new->root = root;
    new->users = 0;
    new->late = NULL;
    setup_schedules_at(root->schedules, now_s, &new->moment);
    struct policy_changes timed = *changes;
    timed.variants = new->moment.variants;
    const int rc = policy_derive(root->policy, &timed, generation, &new->policy);
    if (rc != 0) {
        free(new);
        return rc;
    }
    root->users++;
    *snapshot = new;
    return 0;
}
