/* config/redirects.c - a view redirects to one name: whatever it says, and when. */
#include "config/schema.h"

#include <string.h>
#include <strings.h>

#define REDIRECT "redirect:"

/* What a view has said so far. */
struct redirects {
    struct config_reader *reader;
    const char *view;
    const char *target; /* NULL: none yet */
    struct config_place place;
    bool bad; /* told of it already */
};

/* The name, as it is written, without a dot at its end. */
static size_t name_length(const char *target)
{
    const size_t length = strlen(target);

    return length > 0 && target[length - 1] == '.' ? length - 1 : length;
}

static bool is_same(const char *one, const char *other)
{
    const size_t length = name_length(one);

    return length == name_length(other) && strncasecmp(one, other, length) == 0;
}

static void take(struct redirects *seen, const char *action, struct config_place place)
{
    if (strncmp(action, REDIRECT, strlen(REDIRECT)) != 0) {
        return;
    }
    const char *target = action + strlen(REDIRECT);
    if (seen->target == NULL) {
        seen->target = target;
        seen->place = place;
    } else if (!seen->bad && !is_same(seen->target, target)) {
        seen->bad = true;
        report_add(seen->reader->report, REPORT_ERROR, seen->reader->file, place.line,
                   place.column,
                   "view %s redirects to %s here and to %s on line %zu: name one of the two in "
                   "both places, or put the clients into two views",
                   seen->view, target, seen->target, seen->place.line);
    }
}

static void take_lists(struct redirects *seen, const struct config_list *lists, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (lists[i].mode != CONFIG_MODE_OFF) {
            take(seen, lists[i].action, lists[i].place);
        }
    }
}

static void take_when(struct redirects *seen, const struct config_whens *when)
{
    for (size_t i = 0; i < when->count; i++) {
        if (when->at[i].has_action) {
            take(seen, when->at[i].action, when->at[i].place);
        }
        take_lists(seen, when->at[i].lists, when->at[i].list_count);
    }
}

void config_check_redirects(struct config_reader *reader, struct config_place action)
{
    const struct config *config = reader->config;
    struct redirects seen = {.reader = reader, .view = "default"};

    take(&seen, config->action, action);
    take_lists(&seen, config->lists, config->list_count);
    take_when(&seen, &config->when);
    for (size_t i = 0; i < config->view_count; i++) {
        const struct config_view *view = &config->views[i];

        if (view->bad || (!view->has_action && !view->has_use && !view->has_when)) {
            continue; /* as default, which was looked at */
        }
        seen = (struct redirects){.reader = reader, .view = view->name};
        if (view->has_action) {
            take(&seen, view->action, view->place);
        } else {
            take(&seen, config->action, action);
        }
        if (view->has_use) {
            take_lists(&seen, view->lists, view->list_count);
        } else {
            take_lists(&seen, config->lists, config->list_count);
        }
        take_when(&seen, view->has_when ? &view->when : &config->when);
    }
}
