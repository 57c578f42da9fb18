/* Lists and policies from a few words. */
#include "support/world.h"

#include "base/invariant.h"
#include "base/text.h"
#include "policy/image.h"
#include "policy/list.h"

#include <stdlib.h>
#include <string.h>

#define LIST_TEXT_MAX (1u << 20)

/* "block suffix a.example action=drop" with the fields that a rule needs besides. */
static void add_rule(struct text *text, const char *line, size_t len)
{
    const char *fields = memchr(line, '=', len);
    size_t head = len;

    if (fields != NULL) {
        for (head = (size_t)(fields - line); line[head] != ' '; head--) {
        }
    }

    text_add_octets(text, line, head);
    text_add(text, " category=test scope=cloud confidence=high");
    text_add_octets(text, line + head, len - head);
    text_add(text, " evidence=\"a test\"\n");
}

static struct policy_list *make_list(const struct world_list *from)
{
    char *buffer = malloc(LIST_TEXT_MAX);
    struct report report;
    struct policy_list *list = NULL;
    struct text text;

    invariant(buffer != NULL);
    text_init(&text, buffer, LIST_TEXT_MAX);
    text_printf(&text,
                "cordon-list 1\nid %s\ntitle A list\nprovider prov-%s The provider\n"
                "serial %u\ncreated 2026-01-01T00:00:00Z\nexpires 2027-01-01T00:00:00Z\n",
                from->id, from->id, from->serial != 0 ? from->serial : 7);
    if (from->legal != NULL) {
        text_printf(&text, "legal-requirement %s\n", from->legal);
    }
    text_add(&text, "rules\n");
    for (const char *at = from->rules; *at != '\0';) {
        const size_t len = strcspn(at, "\n");

        if (len > 0) {
            add_rule(&text, at, len);
        }
        at += len + (at[len] == '\n');
    }
    text_add(&text, "end\n");
    invariant(!text.overflow);
    report_init(&report);
    const int rc = policy_list_parse(text.at, text.len, from->id, &report, &list);
    report_print(&report, stderr);
    invariant(rc == 0);
    report_deinit(&report);
    free(buffer);
    return list;
}

static enum policy_mode mode_of(const struct world_list *list)
{
    if (list->off) {
        return POLICY_MODE_OFF;
    }
    return list->mode != POLICY_MODE_OFF ? list->mode : POLICY_MODE_ENFORCE;
}

/* "a b=log c=nxdomain": which lists of all, and how. */
static size_t read_use(const char *use, size_t count, const struct world_list *lists,
                       struct policy_list_setting *out)
{
    size_t used = 0;

    for (const char *at = use; *at != '\0'; at += strspn(at, " ")) {
        const size_t len = strcspn(at, " ");
        const char *equals = memchr(at, '=', len);
        const size_t id_len = equals != NULL ? (size_t)(equals - at) : len;
        const size_t word_len = equals != NULL ? len - id_len - 1 : 0;
        size_t i = 0;

        while (i < count &&
               (strlen(lists[i].id) != id_len || strncmp(lists[i].id, at, id_len) != 0)) {
            i++;
        }
        invariant(i < count && used < WORLD_LISTS);
        out[used] =
            (struct policy_list_setting){lists[i].id, mode_of(&lists[i]), lists[i].action};
        invariant(equals == NULL || policy_mode_parse(equals + 1, word_len, &out[used].mode) ||
                  policy_action_parse(equals + 1, word_len, &out[used].action));
        used++;
        at += len;
    }
    return used;
}

static size_t read_names(const char *words, struct wire_name *out)
{
    size_t used = 0;

    for (const char *at = words; at != NULL && *at != '\0'; at += strspn(at, " ")) {
        const size_t len = strcspn(at, " ");

        invariant(used < WORLD_LISTS &&
                  wire_name_from_text(at, len, &out[used++]) == WIRE_TEXT_OK);
        at += len;
    }
    return used;
}

/* What is not said is as where a configuration does not say it. */
static void read_caps(const struct world_view *view, struct policy_view_setting *out)
{
    invariant(view->targets == NULL ||
              policy_mode_parse(view->targets, strlen(view->targets), &out->targets));
    invariant(
        view->name_servers == NULL ||
        policy_mode_parse(view->name_servers, strlen(view->name_servers), &out->name_servers));
    invariant(view->client == NULL ||
              policy_client_parse(view->client, strlen(view->client), &out->client));
}

static struct policy *make_policy(size_t count, const struct world_list *lists,
                                  size_t view_count, const struct world_view *views,
                                  uint64_t generation)
{
    struct policy_list *parsed[WORLD_LISTS];
    struct policy_list_setting used[WORLD_VIEWS][WORLD_LISTS];
    struct wire_name allowed[WORLD_VIEWS][WORLD_LISTS];
    struct policy_view_setting settings[WORLD_VIEWS];
    struct policy_image *image = NULL;
    struct policy *policy = NULL;
    struct report report;

    invariant(count <= WORLD_LISTS && view_count <= WORLD_VIEWS);
    for (size_t i = 0; i < count; i++) {
        parsed[i] = make_list(&lists[i]);
    }
    for (size_t v = 0; v < view_count; v++) {
        const struct world_view *view = &views[v];
        size_t used_count = count;

        for (size_t i = 0; i < count; i++) {
            used[v][i] =
                (struct policy_list_setting){lists[i].id, mode_of(&lists[i]), lists[i].action};
        }
        if (view->use != NULL) {
            used_count = read_use(view->use, count, lists, used[v]);
        }
        settings[v] =
            (struct policy_view_setting){.name = view->name,
                                         .action = view->action,
                                         .log_only = view->log_only,
                                         .lists = used[v],
                                         .list_count = used_count,
                                         .deny = view->deny,
                                         .allow = allowed[v],
                                         .allow_count = read_names(view->allow, allowed[v]),
                                         .variants = view->variants,
                                         .variant_count = view->variant_count,
                                         .targets = POLICY_MODE_LOG,
                                         .name_servers = POLICY_MODE_ENFORCE};
        read_caps(view, &settings[v]);
    }
    invariant(policy_image_build((const struct policy_list *const *)parsed, count, &image) ==
              0);
    report_init(&report);
    const int rc = policy_create(image, settings, view_count, generation, &report, &policy);
    report_print(&report, stderr);
    invariant(rc == 0);
    report_deinit(&report);
    for (size_t i = 0; i < count; i++) {
        policy_list_free(parsed[i]);
    }
    return policy;
}

static const struct world_view the_view = {.name = "default", .action = POLICY_ACTION_SINKHOLE};

struct policy *world_policy(size_t count, const struct world_list *lists, uint64_t generation)
{
    return make_policy(count, lists, 1, &the_view, generation);
}

static struct policy_views *make_choice(size_t view_count, const struct world_view *views)
{
    struct policy_view_place places[2 * WORLD_VIEWS] = {0};
    struct policy_views *choice = NULL;
    size_t count = 0;

    for (size_t v = 1; v < view_count; v++) {
        struct policy_view_place place = {.view = (uint8_t)v};

        if (views[v].listen != NULL) {
            invariant(address_parse(views[v].listen, strlen(views[v].listen), 53,
                                    &place.listener) == 0);
        }
        if (views[v].clients != NULL) {
            invariant(address_prefix_parse(views[v].clients, strlen(views[v].clients),
                                           &place.clients) == 0);
            places[count++] = place;
        } else {
            place.clients.family = ADDRESS_V4;
            places[count++] = place;
            place.clients.family = ADDRESS_V6;
            places[count++] = place;
        }
    }
    invariant(policy_views_build(places, count, NULL, &choice) == 0);
    return choice;
}

/* Takes over a policy, and base if it is another one. */
static void adopt(struct world *world, struct policy *policy, struct policy *base)
{
    struct policy *const old = world->policy;
    struct policy *const old_base = world->base;

    world->policy = policy;
    world->base = base;
    query_engine_adopt(world->engine, policy, &world->settings);
    if (old != old_base) {
        policy_destroy(old);
    }
    if (old_base != base) {
        policy_destroy(old_base);
    }
}

void world_change(struct world *world, const struct policy_changes *changes)
{
    struct policy *policy = NULL;

    invariant(policy_derive(world->base, changes, ++world->generation, &policy) == 0);
    adopt(world, policy, world->base);
}

void world_adopt_views(struct world *world, size_t count, const struct world_list *lists,
                       size_t view_count, const struct world_view *views)
{
    struct policy_views *old_choice = world->choice;
    struct policy *policy = make_policy(count, lists, view_count, views, ++world->generation);

    world->choice = make_choice(view_count, views);
    for (size_t v = 0; v < view_count; v++) {
        struct query_view *view = &world->views[v];

        *view = (struct query_view){views[v].name, world->settings.sinkhole4,
                                    world->settings.sinkhole6};
        invariant(views[v].sinkhole == NULL ||
                  address_parse(views[v].sinkhole, strlen(views[v].sinkhole), 0,
                                &view->sinkhole4) == 0);
    }
    world->settings.choice = world->choice;
    world->settings.views = world->views;
    world->settings.view_count = view_count;
    adopt(world, policy, policy);
    policy_views_free(old_choice);
}

void world_adopt_lists(struct world *world, size_t count, const struct world_list *lists)
{
    world_adopt_views(world, count, lists, 1, &the_view);
}
