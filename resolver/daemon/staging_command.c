/* daemon/staging_command.c - stages as commands of the control socket (docs/control.md). */
#include "base/log.h"
#include "daemon/staging.h"
#include "daemon/state.h"

#include <stdio.h>
#include <string.h>

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
    if (has_end) {
        clock_format_s(of->since_s + config->stages[of->stage].for_s, when);
    }
    json_string(out, "until", has_end ? when : NULL);
    json_object_end(out);
}

void staging_write(struct text *out, const struct daemon *daemon)
{
    const struct setup_stages *stages = &daemon->staging.stages;
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);

    json_array_begin(out, "stages");
    for (size_t i = 0; i < stages->count; i++) {
        if (stages->at[i].newer != 0) {
            write_one(out, daemon, snapshot, &stages->at[i]);
        }
    }
    json_array_end(out);
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

/* The reload that follows takes it over, and tells the client: its document is that of
 * `reload`. */
bool staging_advance_command(struct daemon *daemon, struct request *request,
                             struct control_client *client, struct text *out)
{
    struct staging *staging = &daemon->staging;
    const char *list = request_text(request, "list", POLICY_LIST_ID_MAX, true);
    const char *reason = request_text(request, "reason", OVERRIDES_REASON_MAX, true);
    const bool all = request_flag(request, "all");
    char words[256];

    if (!request_end(request)) {
        return control_refuse(out, request_fault(request));
    }
    const struct setup_stages_of *of = setup_stages_find(&staging->stages, list);
    if (of == NULL || of->newer == 0) {
        snprintf(words, sizeof(words),
                 "no newer version of list %s is brought in by stages: `cordon list stages` "
                 "shows those that are",
                 list);
        return control_refuse(out, words);
    }
    if (staging->asked != STAGING_NOT_ASKED) {
        return control_refuse(out, "another list is being advanced: try again");
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
