/* setup/views_show.c - what is in force in views, for people. */
#include "setup/caps.h"
#include "setup/schedules.h"
#include "setup/views.h"

#include <stdio.h>

struct setup_view_now setup_views_now(const struct setup_snapshot *snapshot, size_t number)
{
    const struct setup_view *view = &snapshot->shown[number];
    const uint8_t variant = snapshot->moment.variants[number];

    if (variant == 0 || variant > view->when_count) {
        return (struct setup_view_now){view->log_only, view->deny, view->action};
    }
    const struct setup_view_words *words = &view->when[variant - 1];
    return (struct setup_view_now){words->log_only, words->deny, words->action};
}

bool setup_views_differ(const struct setup_snapshot *snapshot)
{
    const struct setup_view *first = &snapshot->shown[0];

    return snapshot->view_count > 1 || setup_caps_any(&first->caps) ||
           first->client != POLICY_CLIENT_DECIDE || first->targets != POLICY_MODE_LOG ||
           first->name_servers != POLICY_MODE_ENFORCE || first->when_count > 0;
}

bool setup_views_log_only(const struct setup_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->view_count; i++) {
        if (!setup_views_now(snapshot, i).log_only) {
            return false;
        }
    }
    return true;
}

static void show_places(struct text *out, const struct setup_view *view)
{
    char text[ADDRESS_TEXT_MAX];

    json_array_begin(out, "clients");
    for (size_t i = 0; i < view->client_count; i++) {
        address_prefix_format(&view->clients[i], text);
        json_string(out, NULL, text);
    }
    json_array_end(out);
    json_array_begin(out, "listen");
    for (size_t i = 0; i < view->listen_count; i++) {
        address_format(&view->listen[i], true, text);
        json_string(out, NULL, text);
    }
    json_array_end(out);
}

static void show_lists(struct text *out, const struct policy *policy, size_t number,
                       const struct setup_view *view)
{
    struct policy_image_list list;

    json_array_begin(out, "lists");
    for (size_t i = 0; i < view->list_count; i++) {
        const enum policy_mode mode =
            policy_list_mode(policy, (unsigned)number, view->lists[i]);

        if (mode != POLICY_MODE_OFF && /* else a schedule of another time has it */
            policy_image_list_at(policy_image_of(policy), view->lists[i], &list)) {
            json_object_begin(out, NULL);
            json_string(out, "id", list.id);
            json_string(out, "mode", policy_mode_name(mode));
            json_object_end(out);
        }
    }
    json_array_end(out);
}

static void show_when(struct text *out, const struct setup_snapshot *snapshot, size_t number)
{
    const struct setup_view *view = &snapshot->shown[number];

    json_string(out, "schedule", setup_schedules_of(snapshot, number));
    json_array_begin(out, "when");
    for (size_t i = 0; i < view->when_count; i++) {
        json_string(out, NULL, view->schedules[i]);
    }
    json_array_end(out);
}

void setup_views_show(struct text *out, const struct setup_snapshot *snapshot)
{
    json_array_begin(out, "views");
    for (size_t i = 0; i < snapshot->view_count; i++) {
        const struct setup_view *view = &snapshot->shown[i];
        const struct setup_view_now now = setup_views_now(snapshot, i);

        json_object_begin(out, NULL);
        json_string(out, "name", view->name);
        show_places(out, view);
        json_string(out, "mode", now.log_only ? "log" : "enforce");
        json_string(out, "action", now.action);
        json_string(out, "default", now.deny ? "deny" : "allow");
        json_bool(out, "default_paused", policy_view_is_paused(snapshot->policy, (unsigned)i));
        json_uint(out, "allowed", view->allowed);
        json_string(out, "client", policy_client_name(view->client));
        json_bool(out, "client_paused",
                  policy_view_client_is_paused(snapshot->policy, (unsigned)i));
        json_string(out, "targets", policy_mode_name(view->targets));
        json_string(out, "name_servers", policy_mode_name(view->name_servers));
        show_when(out, snapshot, i);
        setup_caps_show(out, &view->caps);
        show_lists(out, snapshot->policy, i, view);
        json_object_end(out);
    }
    json_array_end(out);
}

#define SAID_MAX 4u /* of clients, listeners and lists each: the rest is in the file */

static void say(struct text *out, size_t i, size_t count, const char *words)
{
    if (i < SAID_MAX) {
        text_printf(out, "%s%s", i == 0 ? " " : ", ", words);
    } else if (i == SAID_MAX) {
        text_printf(out, " and %zu more", count - i);
    }
}

static void say_places(struct text *out, const struct setup_view *view)
{
    char text[ADDRESS_TEXT_MAX];

    text_add(out, view->client_count > 0 ? "clients" : "all clients");
    for (size_t i = 0; i < view->client_count; i++) {
        address_prefix_format(&view->clients[i], text);
        say(out, i, view->client_count, text);
    }
    text_add(out, view->listen_count > 0 ? " at" : "");
    for (size_t i = 0; i < view->listen_count; i++) {
        address_format(&view->listen[i], true, text);
        say(out, i, view->listen_count, text);
    }
}

static void say_lists(struct text *out, const struct setup_snapshot *snapshot, size_t number)
{
    const struct setup_view *view = &snapshot->shown[number];
    const bool log_only = setup_views_now(snapshot, number).log_only;
    size_t count = 0;
    size_t said = 0;

    for (size_t i = 0; i < view->list_count; i++) {
        count += policy_list_mode(snapshot->policy, (unsigned)number, view->lists[i]) !=
                 POLICY_MODE_OFF;
    }
    text_add(out, count > 0 ? "; lists" : "; no list");
    for (size_t i = 0; i < view->list_count; i++) {
        struct policy_image_list list = {.id = "?"};
        const enum policy_mode mode =
            policy_list_mode(snapshot->policy, (unsigned)number, view->lists[i]);
        char text[96];

        if (mode != POLICY_MODE_OFF) {
            policy_image_list_at(policy_image_of(snapshot->policy), view->lists[i], &list);
            snprintf(text, sizeof(text), "%s%s", list.id,
                     mode == POLICY_MODE_LOG && !log_only ? " (log)" : "");
            say(out, said++, count, text);
        }
    }
}

void setup_views_say(struct text *out, const struct setup_snapshot *snapshot, size_t number)
{
    const struct setup_view *view = &snapshot->shown[number];
    const struct setup_view_now now = setup_views_now(snapshot, number);
    const char *schedule = setup_schedules_of(snapshot, number);

    text_printf(out, "%s: ", view->name);
    if (number > 0) {
        say_places(out, view);
    } else {
        text_add(out, snapshot->view_count > 1 ? "all others" : "all clients");
    }
    text_printf(out, "; mode %s, default %s", now.log_only ? "log" : "enforce",
                now.deny ? "deny" : "allow");
    if (now.deny) {
        text_printf(out, " but for %zu name%s", view->allowed, view->allowed == 1 ? "" : "s");
    }
    if (view->client != POLICY_CLIENT_DECIDE) {
        text_printf(out, "; clients: %s", policy_client_name(view->client));
    }
    if (view->targets != POLICY_MODE_LOG) {
        text_printf(out, "; targets %s", policy_mode_name(view->targets));
    }
    if (view->name_servers != POLICY_MODE_ENFORCE) {
        text_printf(out, "; name servers %s", policy_mode_name(view->name_servers));
    }
    say_lists(out, snapshot, number);
    setup_caps_say(out, &view->caps);
    if (view->when_count > 0) {
        text_printf(out, "; now by schedule: %s", schedule != NULL ? schedule : "none");
    }
}
