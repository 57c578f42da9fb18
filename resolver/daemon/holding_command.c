/* daemon/holding_command.c - rollback, release and history on the control socket, and the
 * documents. */
#include "base/error.h"
#include "daemon/state.h"
#include "policy/versions.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Has the next reload take it over. Replies later, or refuses now. */
static bool ask(struct daemon *daemon, struct control_client *client, struct text *out)
{
    struct holding *holding = &daemon->holding;
    struct override by = {0};

    changes_identify(client, &by);
    holding->command.since_s = clock_read().wall_us / 1000000;
    holding->command.uid = by.uid;
    holding->command.pid = by.pid;
    memcpy(holding->command.user, by.user, sizeof(holding->command.user));
    if (!holding->is_release && holds_put(&holding->wanted, &holding->command) != 0) {
        return control_refuse(out, "more lists than can be held are held");
    }
    holding->client = client;
    holding->step = HOLDING_ASKED;
    if (!reload_request(daemon, RELOAD_HOLDING, NULL)) {
        holding->step = HOLDING_IDLE;
        return control_refuse(out, "the daemon is stopping");
    }
    return false;
}

/* The list and the reason; what stands in the way now. False after a refusal. */
static bool take_command(struct daemon *daemon, struct request *request, uint64_t *serial,
                         struct text *out)
{
    struct holding *holding = &daemon->holding;
    const char *list = request_text(request, "list", OVERRIDES_ID_MAX, true);
    const char *reason = request_text(request, "reason", OVERRIDES_REASON_MAX, true);

    if (serial != NULL && !request_number(request, "serial", 0, UINT32_MAX, serial)) {
        request_refuse(request, "serial", "say to which serial");
    }
    if (!request_end(request)) {
        (void)control_refuse(out, request_fault(request));
        return false;
    }
    if (holding->step != HOLDING_IDLE) {
        (void)control_refuse(out, "another list is being rolled back or released: try again");
        return false;
    }
    if (holding->path == NULL) {
        (void)control_refuse(out, "there is no state.directory, hence no kept version");
        return false;
    }
    holding->wanted = holding->set;
    holding->command = (struct hold){.serial = 0};
    memcpy(holding->command.list, list, strlen(list) + 1);
    memcpy(holding->command.reason, reason, strlen(reason) + 1);
    return true;
}

/* "3, 4 and so on": what can be put back. */
static void name_versions(const struct policy_kept_version *versions, size_t count,
                          struct text *words)
{
    for (size_t i = 0; i < count; i++) {
        text_printf(words, "%s%" PRIu32, i > 0 ? ", " : "", versions[i].serial);
    }
    text_add(words, count == 0 ? "none" : "");
}

/* The version of that serial, read whole. False after a refusal. */
static bool find_version(struct daemon *daemon, uint32_t serial, struct text *out)
{
    struct holding *holding = &daemon->holding;
    struct hold *hold = &holding->command;
    struct policy_kept_version *versions = calloc(POLICY_VERSIONS_MAX, sizeof(versions[0]));
    char known[1024];
    char path[PATH_MAX];
    char hex[2 * DIGEST_OCTETS + 1];
    struct text words;
    size_t count = 0;
    size_t at = 0;

    int rc = versions == NULL
                 ? -ENOMEM
                 : policy_versions_find(holding->folder, hold->list, versions, &count);
    while (rc == 0 && at < count && versions[at].serial != serial) {
        at++;
    }
    if (rc != 0 || at == count) {
        text_init(&words, known, sizeof(known));
        name_versions(versions, count, &words);
        free(versions);
        return rc != 0
                   ? !control_refuse_words(out, "%s: %s", holding->folder, cordon_strerror(rc))
                   : !control_refuse_words(
                         out,
                         "serial %" PRIu32 " of %s is not kept: it was never in force "
                         "here, or is older than the last %" PRIu32
                         " that were (lists.keep). Kept are: %s",
                         serial, hold->list, daemon->config->lists_keep, known);
    }
    snprintf(path, sizeof(path), "%s/%s/%" PRIu32 "-%s.list", holding->folder, hold->list,
             serial, versions[at].hash);
    hold->serial = serial;
    rc = policy_version_hash(path, hold->hash);
    digest_hex(hold->hash, DIGEST_OCTETS, hex);
    if (rc == 0 && strncmp(hex, versions[at].hash, POLICY_VERSION_HASH) != 0) {
        rc = CORDON_E_CORRUPT;
    }
    free(versions);
    return rc == 0 ||
           !control_refuse_words(out, "%s: %s: nothing was changed", path,
                                 rc == CORDON_E_CORRUPT ? "it is damaged, its hash is another"
                                                        : cordon_strerror(rc));
}

bool holding_rollback_command(struct daemon *daemon, struct request *request,
                              struct control_client *client, struct text *out)
{
    struct holding *holding = &daemon->holding;
    uint64_t serial = 0;

    if (!take_command(daemon, request, &serial, out)) {
        return true;
    }
    const struct policy_loaded_list *list =
        holding_find_list(daemon_snapshot(daemon), holding->command.list);
    if (list == NULL) {
        return control_refuse_words(out, "no list %s is in use: `cordon lists` shows which are",
                                    holding->command.list);
    }
    if (!find_version(daemon, (uint32_t)serial, out)) {
        return true;
    }
    holding->is_release = false;
    holding->command.from = list->serial;
    holding->command.newest =
        list->newer_serial > list->serial ? list->newer_serial : list->serial;
    return ask(daemon, client, out);
}

bool holding_release_command(struct daemon *daemon, struct request *request,
                             struct control_client *client, struct text *out)
{
    struct holding *holding = &daemon->holding;

    if (!take_command(daemon, request, NULL, out)) {
        return true;
    }
    const size_t at = holds_find(&holding->set, holding->command.list);
    if (at == holding->set.count) {
        return control_refuse_words(out, "list %s is not held: `cordon lists` shows which are",
                                    holding->command.list);
    }
    const struct hold *hold = &holding->set.at[at];
    const struct policy_loaded_list *list =
        holding_find_list(daemon_snapshot(daemon), hold->list);
    holding->command.serial = hold->serial;
    memcpy(holding->command.hash, hold->hash, sizeof(hold->hash));
    holding->command.from = list != NULL ? list->serial : hold->serial;
    holding->is_release = true;
    holds_remove(&holding->wanted, at);
    return ask(daemon, client, out);
}

/* --- documents --- */

static void write_kept(struct text *out, const struct daemon *daemon)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    struct policy_kept_version *versions = calloc(POLICY_VERSIONS_MAX, sizeof(versions[0]));
    char when[CLOCK_TEXT_MAX];

    json_array_begin(out, "kept");
    for (size_t i = 0; versions != NULL && i < snapshot->list_count; i++) {
        size_t count = 0;

        (void)policy_versions_find(daemon->holding.folder, snapshot->lists[i].id, versions,
                                   &count);
        for (size_t v = 0; v < count; v++) {
            clock_format_s(versions[v].last_s, when);
            json_object_begin(out, NULL);
            json_string(out, "list", snapshot->lists[i].id);
            json_uint(out, "serial", versions[v].serial);
            json_string(out, "hash", versions[v].hash);
            json_uint(out, "octets", versions[v].octets);
            json_string(out, "last", when);
            json_object_end(out);
        }
    }
    json_array_end(out);
    free(versions);
}

bool holding_history_command(struct daemon *daemon, struct request *request,
                             struct control_client *client, struct text *out)
{
    uint64_t from = 0;
    uint64_t next = 0;

    (void)client;
    (void)request_number(request, "from", 0, UINT32_MAX, &from);
    if (!request_end(request)) {
        return control_refuse(out, request_fault(request));
    }
    if (daemon->holding.folder == NULL) {
        return control_refuse(out, "there is no state.directory, hence no history");
    }
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    if (from == 0) {
        write_kept(out, daemon);
    }
    json_array_begin(out, "lines");
    const int rc = history_write(out, daemon->config->state_directory, from, &next);
    json_array_end(out);
    if (rc != 0) {
        json_string(out, "fault", cordon_strerror(rc));
    }
    if (next > 0) {
        json_uint(out, "next", next);
    }
    json_object_end(out);
    return true;
}

void holding_write(struct text *out, const struct daemon *daemon)
{
    const struct holding *holding = &daemon->holding;
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);

    json_array_begin(out, "held");
    for (size_t i = 0; i < holding->set.count; i++) {
        const struct hold *hold = &holding->set.at[i];
        const struct policy_loaded_list *list = holding_find_list(snapshot, hold->list);

        json_object_begin(out, NULL);
        hold_write(out, hold);
        json_string(out, "state", list == NULL ? "unused" : list->held ? "held" : "lost");
        json_uint(out, "in_force", list != NULL ? list->serial : 0);
        json_uint(out, "newer", list != NULL ? list->newer_serial : 0);
        json_object_end(out);
    }
    json_array_end(out);
    json_array_begin(out, "held_damage");
    for (size_t i = 0; i < holding->damage.count; i++) {
        json_string(out, NULL, holding->damage.entries[i].text);
    }
    json_array_end(out);
}
