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
    const char *action = memmem(line, len, " action=", 8);
    const size_t head = action != NULL ? (size_t)(action - line) : len;

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

struct policy *world_policy(size_t count, const struct world_list *lists, uint64_t generation)
{
    struct policy_list *parsed[WORLD_LISTS];
    struct policy_list_setting settings[WORLD_LISTS];
    struct policy_image *image = NULL;
    struct policy *policy = NULL;
    struct report report;

    invariant(count <= WORLD_LISTS);
    for (size_t i = 0; i < count; i++) {
        parsed[i] = make_list(&lists[i]);
        settings[i] = (struct policy_list_setting){
            .id = lists[i].id,
            .mode = lists[i].mode != POLICY_MODE_OFF ? lists[i].mode : POLICY_MODE_ENFORCE,
            .action = lists[i].action};
        if (lists[i].off) {
            settings[i].mode = POLICY_MODE_OFF;
        }
    }
    invariant(policy_image_build((const struct policy_list *const *)parsed, count, &image) ==
              0);
    const struct policy_view_setting view = {.name = "default",
                                             .action = POLICY_ACTION_SINKHOLE,
                                             .lists = settings,
                                             .list_count = count};
    report_init(&report);
    const int rc = policy_create(image, &view, 1, generation, &report, &policy);
    report_print(&report, stderr);
    invariant(rc == 0);
    report_deinit(&report);
    for (size_t i = 0; i < count; i++) {
        policy_list_free(parsed[i]);
    }
    return policy;
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

void world_adopt_lists(struct world *world, size_t count, const struct world_list *lists)
{
    struct policy *policy = world_policy(count, lists, ++world->generation);

    adopt(world, policy, policy);
}

void world_change(struct world *world, const struct policy_changes *changes)
{
    struct policy *policy = NULL;

    invariant(policy_derive(world->base, changes, ++world->generation, &policy) == 0);
    adopt(world, policy, world->base);
}
