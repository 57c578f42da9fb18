/* daemon/staging_command.c - stages as commands of the control socket (docs/control.md). */
#include "base/log.h"
#include "daemon/staging.h"
#include "daemon/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MAX 320u /* a sentence with an id of 64 twice */

static void write_one(struct text *out, const struct daemon *daemon,
                      const struct setup_snapshot *snapshot, const struct setup_stages_of *of)
{
    const struct setup_staged *staged = setup_staged_find(snapshot, of->id);
    const struct config *config = daemon->config;
    const bool has_end = of->stage < config->stage_count;
    char words[SETUP_STAGE_WORDS_MAX] = "";
    char when[CLOCK_TEXT_MAX];

    if (staged != NULL) {
        setup_staged_words(snapshot, staged, words);
    }
    json_object_begin(out, NULL);
    json_string(out, "list", of->id);
    json_uint(out, "serial", of->serial);
    json_uint(out, "newer", of->newer);
    json_uint(out, "stage", of->stage + 1u);
    json_uint(out, "stages", config->stage_count);
    json_string(out, "what", words[0] != '\0' ? words : NULL);
    json_uint(out, "share", staged != NULL ? staged->share : 0); /* per mille */
    json_array_begin(out, "views");
    for (size_t i = 0; staged != NULL && i < snapshot->view_count; i++) {
        if ((staged->views >> i & 1) != 0) {
            json_string(out, NULL, snapshot->views[i].name);
        }
    }
    json_array_end(out);
    clock_format_s(of->since_s, when);
    json_string(out, "since", when);
    json_uint(out, "spent_s", of->spent_s);
    json_bool(out, "waits", staged == NULL);
    if (has_end) {
        clock_format_s(clock_read().wall_us / 1000000 + setup_stages_left_s(of, config), when);
    }
    json_string(out, "until", has_end && staged != NULL ? when : NULL);
    json_object_end(out);
}

void staging_write(struct text *out, const struct daemon *daemon)
{
    const struct setup_stages *stages = &daemon->staging.stages;
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);

    json_array_begin(out, "stages");
    for (size_t i = 0; i < stages->count; i++) {
        if (stages->at[i].newer != 0 && !stages->at[i].away) {
            write_one(out, daemon, snapshot, &stages->at[i]);
        }
    }
    json_array_end(out);
    json_bool(out, "stages_unsaved", daemon->staging.unsaved);
}

void staging_write_outcome(struct text *out, const struct daemon *daemon)
{
    static const char *const words[] = {[STAGING_NEXT] = "stage",
                                        [STAGING_FOR_ALL] = "all",
                                        [STAGING_ROLLED_BACK] = "rolled-back",
                                        [STAGING_REPLACED] = "replaced",
                                        [STAGING_NOT_IN_USE] = "unused"};
    const struct staging *staging = &daemon->staging;
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    const struct setup_staged *staged = setup_staged_find(snapshot, staging->list);
    char what[SETUP_STAGE_WORDS_MAX] = "";

    if (staging->outcome == STAGING_NO_COMMAND) {
        return;
    }
    if (staging->outcome == STAGING_NEXT && staged != NULL) {
        setup_staged_words(snapshot, staged, what);
    }
    json_object_begin(out, "advanced");
    json_string(out, "list", staging->list);
    json_uint(out, "newer", staging->newer);
    json_string(out, "outcome", words[staging->outcome]);
    json_uint(out, "stage", staging->outcome == STAGING_NEXT ? staging->stage + 1u : 0);
    json_uint(out, "stages", daemon->config->stage_count);
    json_string(out, "what", what[0] != '\0' ? what : NULL);
    json_object_end(out);
}

bool staging_list_command(struct daemon *daemon, struct request *request,
                          struct control_client *client, struct text *out)
{
    (void)client;
    if (!request_end(request)) {
        return control_refuse(out, request_fault(request));
    }
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    json_uint(out, "configured", daemon->config->stage_count);
    staging_write(out, daemon);
    json_object_end(out);
    return true;
}

/* Why nothing can be advanced; "" if it can. */
static void find_hindrance(const struct daemon *daemon, const char *list,
                           const struct setup_stages_of *of, char words[WORDS_MAX])
{
    const struct holds *holds = &daemon->holding.set;
    const size_t held = holds_find(holds, list);
    const bool to_be_held =
        daemon->holding.step != HOLDING_IDLE && strcmp(daemon->holding.command.list, list) == 0;

    words[0] = '\0';
    if (to_be_held) {
        snprintf(words, WORDS_MAX,
                 "list %s is being rolled back or released: try again, if it is to be advanced "
                 "then",
                 list);
    } else if (held < holds->count) {
        snprintf(words, WORDS_MAX,
                 "list %s is rolled back to serial %" PRIu32
                 ", which ended its stages: newer versions wait until `cordon list release %s`",
                 list, holds->at[held].serial, list);
    } else if (of == NULL || of->newer == 0 || of->away) {
        snprintf(words, WORDS_MAX,
                 "no newer version of list %s is brought in by stages: `cordon list stages` "
                 "shows those that are",
                 list);
    } else if (setup_staged_find(daemon_snapshot(daemon), list) == NULL) {
        snprintf(words, WORDS_MAX,
                 "serial %" PRIu32 " of list %s cannot be had for now, since the folder of its "
                 "publisher is broken: `cordon status`",
                 of->newer, list);
    } else if (daemon->staging.asked != STAGING_NOT_ASKED) {
        snprintf(words, WORDS_MAX, "another list is being advanced: try again");
    }
}

/* The reload that follows takes it over, and tells the client: its document is that of
 * `reload`. */
bool staging_advance_command(struct daemon *daemon, struct request *request,
                             struct control_client *client, struct text *out)
{
    struct staging *staging = &daemon->staging;
    const char *list = request_text(request, "list", POLICY_LIST_ID_MAX, true);
    const char *reason = request_text(request, "reason", OVERRIDES_REASON_MAX, true);
    const bool all = request_flag(request, "all");
    char words[WORDS_MAX];

    if (!request_end(request)) {
        return control_refuse(out, request_fault(request));
    }
    const struct setup_stages_of *of = setup_stages_find(&staging->stages, list);
    find_hindrance(daemon, list, of, words);
    if (words[0] != '\0') {
        return control_refuse(out, words);
    }
    staging->by = (struct override){.uid = 0};
    changes_identify(client, &staging->by);
    snprintf(staging->by.reason, sizeof(staging->by.reason), "%s", reason);
    snprintf(staging->list, sizeof(staging->list), "%s", list);
    staging->newer = of->newer;
    staging->stage = all ? CONFIG_STAGES_MAX : of->stage + 1;
    staging->asked = STAGING_ASKED;
    if (!reload_request(daemon, RELOAD_STAGES, client)) {
        staging->asked = STAGING_NOT_ASKED;
        return control_refuse(out, "too many wait for a reload already");
    }
    return false;
}
