#include "daemon/recording.h"

#include "audit/change.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/state.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER   "audit"
#define KEY_FILE "audit.key"

static bool is_wanted(const struct config *config)
{
    return config->audit_decisions || config->audit_queries;
}

bool recording_folder(const struct config *config, char path[AUDIT_PATH_MAX])
{
    int len = 0;

    if (!is_wanted(config)) {
        return false;
    }
    if (config->audit_directory != NULL) {
        len = snprintf(path, AUDIT_PATH_MAX, "%s", config->audit_directory);
    } else if (config->state_directory != NULL) {
        len = snprintf(path, AUDIT_PATH_MAX, "%s/" FOLDER, config->state_directory);
    }
    return len > 0 && len < AUDIT_PATH_MAX;
}

/* --- what the log is told --- */

void recording_tell(struct daemon *daemon, struct audit_note *note)
{
    note->wall_us = clock_read().wall_us;
    if (daemon->recording.recorder == NULL) {
        return;
    }
    if (!audit_note_put(daemon->changes.ring, note)) {
        atomic_fetch_add_explicit(&daemon->changes.lost, 1, memory_order_relaxed);
    }
    if (daemon->writer != NULL) {
        audit_writer_wake(daemon->writer);
    }
}

/* Of what `cordon check --print` shows. False if out of memory. */
static bool digest_config(const struct config *config, uint8_t out[DIGEST_OCTETS])
{
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);

    if (memory == NULL) {
        return false;
    }
    config_print(config, memory);
    const bool good = fclose(memory) == 0;
    if (good) {
        digest_of(text, len, NULL, out);
    }
    free(text);
    return good;
}

/* Who asked for it; nobody: the daemon itself. */
static void add_peer(struct audit_note *note, const struct control_peer *peer)
{
    note->by_daemon = peer == NULL;
    if (peer != NULL) {
        const struct passwd *user = getpwuid(peer->uid);

        note->uid = peer->uid;
        note->user = user != NULL ? user->pw_name : NULL;
        note->pid = peer->pid;
    }
}

static void tell_config(struct daemon *daemon, const char *cause,
                        const struct control_peer *peer)
{
    uint8_t *known = daemon->recording.config;
    struct audit_note note = {.what = AUDIT_CONFIGURATION,
                              .reason = cause,
                              .file = daemon->config_path,
                              .digest = known};
    uint8_t digest[DIGEST_OCTETS];

    if (!digest_config(daemon->config, digest) || memcmp(digest, known, sizeof(digest)) == 0) {
        return;
    }
    memcpy(known, digest, sizeof(digest));
    add_peer(&note, peer);
    recording_tell(daemon, &note);
}

static const struct policy_loaded_list *loaded_of(const struct setup_snapshot *snapshot,
                                                  const char *id)
{
    for (size_t i = 0; i < snapshot->list_count; i++) {
        if (strcmp(snapshot->lists[i].id, id) == 0) {
            return &snapshot->lists[i];
        }
    }
    return NULL;
}

/* One list that came into force, with the keys that have signed it. */
static void tell_list(struct daemon *daemon, const struct setup_snapshot *snapshot,
                      const struct policy_image_list *list, const char *before)
{
    const struct policy_loaded_list *loaded = loaded_of(snapshot, list->id);
    char keys[TRUST_KEYS_MAX * TRUST_KEY_ID_TEXT + 1] = "";
    char versions[64] = "";
    size_t len = 0;
    struct audit_note note = {.what = "list-in-force",
                              .by_daemon = true,
                              .list = list->id,
                              .serial = list->serial,
                              .before = before,
                              .digest = list->digest,
                              .generation = policy_generation(snapshot->policy)};

    for (size_t i = 0; loaded != NULL && i < loaded->verdict.count; i++) {
        if (i > 0) {
            keys[len++] = ' ';
        }
        trust_key_id_format(loaded->verdict.ids[i], keys + len);
        len += TRUST_KEY_ID_TEXT - 1;
    }
    note.subject = keys[0] != '\0' ? keys : NULL;
    if (loaded != NULL && loaded->publisher[0] != '\0') {
        note.publisher = loaded->publisher;
        snprintf(versions, sizeof(versions), "root %u, catalogue %u",
                 (unsigned)loaded->root_version, (unsigned)loaded->catalogue_serial);
        note.version = versions;
    }
    recording_tell(daemon, &note);
}

static bool find_list(const struct setup_snapshot *snapshot, const char *id,
                      struct policy_image_list *out)
{
    const struct policy_image *image =
        snapshot != NULL ? policy_image_of(snapshot->policy) : NULL;

    for (size_t i = 0; image != NULL && i < policy_image_lists(image); i++) {
        if (policy_image_list_at(image, i, out) && strcmp(out->id, id) == 0) {
            return true;
        }
    }
    return false;
}

void recording_published(struct daemon *daemon, const struct setup_snapshot *before,
                         const struct setup_snapshot *after)
{
    const struct policy_image *image = policy_image_of(after->policy);
    struct policy_image_list list;
    struct policy_image_list other;
    char serial[16];

    if (daemon->recording.recorder == NULL) {
        return;
    }
    for (size_t i = 0; i < policy_image_lists(image); i++) {
        if (!policy_image_list_at(image, i, &list)) {
            continue;
        }
        const bool known = find_list(before, list.id, &other);
        if (!known || memcmp(other.digest, list.digest, sizeof(list.digest)) != 0) {
            snprintf(serial, sizeof(serial), "%u", known ? (unsigned)other.serial : 0);
            tell_list(daemon, after, &list, known ? serial : NULL);
        }
    }
    image = before != NULL ? policy_image_of(before->policy) : NULL;
    for (size_t i = 0; image != NULL && i < policy_image_lists(image); i++) {
        if (policy_image_list_at(image, i, &list) && !find_list(after, list.id, &other)) {
            recording_tell(
                daemon, &(struct audit_note){.what = "list-gone",
                                             .by_daemon = true,
                                             .list = list.id,
                                             .serial = list.serial,
                                             .digest = list.digest,
                                             .generation = policy_generation(after->policy)});
        }
    }
}

void recording_reloaded(struct daemon *daemon, int rc, const char *cause,
                        const struct control_peer *peer)
{
    if (daemon->recording.recorder == NULL) {
        return;
    }
    if (rc != 0) {
        const struct report *report = &daemon->reload.report;
        const char *first = cordon_strerror(rc);

        for (size_t i = report->count; i-- > 0;) {
            first = report->entries[i].kind == REPORT_ERROR ? report->entries[i].text : first;
        }
        struct audit_note note = {.what = "reload-refused",
                                  .reason = first,
                                  .file = daemon->config_path,
                                  .subject = cause};

        add_peer(&note, peer);
        recording_tell(daemon, &note);
        return;
    }
    tell_config(daemon, cause, peer);
}

static void tell_start(struct daemon *daemon, const struct setup_snapshot *snapshot)
{
    struct audit_recorder_stats stats;

    audit_recorder_stats(daemon->recording.recorder, &stats);
    recording_tell(daemon,
                   &(struct audit_note){.what = "start",
                                        .by_daemon = true,
                                        .reason = daemon->takeover.channel >= 0
                                                      ? "takes over from a running process"
                                                      : NULL,
                                        .file = daemon->config_path,
                                        .version = CORDON_VERSION});
    tell_config(daemon, "start", NULL);
    recording_tell(daemon,
                   &(struct audit_note){.what = "audit-key",
                                        .by_daemon = true,
                                        .subject = stats.key[0] != '\0' ? stats.key : NULL});
    recording_published(daemon, NULL, snapshot);
}

/* --- life --- */

static const enum audit_client_form forms[] = {[CONFIG_AUDIT_FULL] = AUDIT_FORM_FULL,
                                               [CONFIG_AUDIT_PREFIX] = AUDIT_FORM_PREFIX,
                                               [CONFIG_AUDIT_PSEUDONYM] = AUDIT_FORM_PSEUDONYM,
                                               [CONFIG_AUDIT_ABSENT] = AUDIT_FORM_ABSENT};

/* Also without a log: lines go through it. */
static int open_privacy(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    const char *beside =
        config->state_directory != NULL ? config->state_directory : config->audit_directory;
    const unsigned queries = config->audit_queries_client == CONFIG_AUDIT_SAME
                                 ? config->audit_client
                                 : config->audit_queries_client;
    char folder[AUDIT_PATH_MAX];
    struct audit_privacy_settings settings = {
        .prefix_v4 = config->audit_prefix_v4,
        .prefix_v6 = config->audit_prefix_v6,
        .hash_names = config->audit_names_hashed,
        .keep_us = config->audit_pseudonym_keys_s * UINT64_C(1000000),
    };

    settings.client[AUDIT_DECISIONS] = forms[config->audit_client];
    settings.client[AUDIT_QUERIES] = forms[queries];
    if (beside != NULL && audit_day_keys_folder(beside, folder, sizeof(folder))) {
        settings.folder = folder;
    }
    daemon->recording.privacy = audit_privacy_create(&settings);
    return daemon->recording.privacy != NULL ? 0 : -ENOMEM;
}

/* Each stream has a share, so that neither takes the other's place; what is left is for
 * changes, headers and checkpoints. */
static void set_bounds(const struct config *config, struct audit_recorder_settings *settings)
{
    const uint64_t all = config->audit_octets;
    const uint64_t decisions = config->audit_queries ? all / 2 : all / 8 * 5;

    settings->keep_us[AUDIT_DECISIONS] = config->audit_keep_decisions_s * UINT64_C(1000000);
    settings->keep_us[AUDIT_QUERIES] = config->audit_keep_queries_s * UINT64_C(1000000);
    settings->stream_octets[AUDIT_DECISIONS] =
        config->audit_decisions_octets != 0 ? config->audit_decisions_octets : decisions;
    settings->stream_octets[AUDIT_QUERIES] =
        config->audit_queries_octets != 0 ? config->audit_queries_octets : all / 4;
}

int recording_open(struct daemon *daemon, const struct setup_snapshot *snapshot)
{
    const struct config *config = daemon->config;
    struct recording *recording = &daemon->recording;
    char folder[AUDIT_PATH_MAX];
    char key[AUDIT_PATH_MAX];

    if (open_privacy(daemon) != 0) {
        return -ENOMEM;
    }
    if (!recording_folder(config, folder)) {
        if (is_wanted(config)) {
            snprintf(recording->why_not, sizeof(recording->why_not),
                     "neither state.directory nor audit.directory says where");
        }
        return 0;
    }
    const char *beside =
        config->state_directory != NULL ? config->state_directory : config->audit_directory;
    if ((size_t)snprintf(key, sizeof(key), "%s/" KEY_FILE, beside) >= sizeof(key)) {
        return -ENOMEM;
    }
    struct audit_recorder_settings settings = {
        .folder = folder,
        .key_file = key,
        .origin = config->audit_origin,
        .takes = {false, config->audit_decisions, config->audit_queries, true},
        .refuse = {false, config->audit_decisions_refuse, config->audit_queries_refuse, false},
        .most_octets = config->audit_octets,
        .file_octets = config->audit_file_octets,
        .block_us = config->audit_block_s * UINT64_C(1000000),
        .checkpoint_us = config->audit_checkpoint_s * UINT64_C(1000000),
        .checkpoint_events = config->audit_checkpoint_events,
        .tap = sending_tap(daemon),
    };
    set_bounds(config, &settings);
    recording->recorder = audit_recorder_create(&settings);
    if (recording->recorder == NULL) {
        return -ENOMEM;
    }
    tell_start(daemon, snapshot);
    return 0;
}

void recording_close(struct daemon *daemon)
{
    audit_recorder_destroy(daemon->recording.recorder);
    daemon->recording.recorder = NULL;
    audit_privacy_destroy(daemon->recording.privacy);
    daemon->recording.privacy = NULL;
}

bool recording_key(struct daemon *daemon, char out[TRUST_NOTE_KEY_TEXT_MAX])
{
    struct audit_recorder *recorder = daemon->recording.recorder;
    struct audit_recorder_stats *stats = recorder != NULL ? malloc(sizeof(*stats)) : NULL;

    if (stats == NULL) {
        return false;
    }
    audit_recorder_stats(recorder, stats);
    memcpy(out, stats->key, sizeof(stats->key));
    free(stats);
    return out[0] != '\0';
}

/* --- forgetting --- */

/* The streams that the request names: bits. */
static unsigned read_streams(struct request *request)
{
    const char *named = request_text(request, "stream", 16, false);
    unsigned streams = 1u << AUDIT_DECISIONS | 1u << AUDIT_QUERIES;

    for (unsigned stream = 1; named != NULL && stream <= AUDIT_CHANGES; stream++) {
        if (strcmp(named, audit_stream_word(stream)) == 0) {
            streams = 1u << stream;
        }
    }
    if (named != NULL && (streams & (streams - 1)) != 0) {
        request_refuse(request, "stream", "decisions or queries");
    } else if (streams == 1u << AUDIT_CHANGES) {
        request_refuse(request, "stream", "changes are never removed");
    }
    return streams;
}

static bool read_wish(struct request *request, struct audit_wish *wish)
{
    const uint64_t latest_s = clock_read().wall_us / 1000000 + 1;
    uint64_t before_s = 0;
    uint64_t keys_before_s = 0;
    const char *reason = request_text(request, "reason", sizeof(wish->reason) - 1, true);

    /* What is to come is nobody's to forget yet. */
    (void)request_number(request, "before_s", 1, latest_s, &before_s);
    (void)request_number(request, "keys_before_s", 1, latest_s + 86400, &keys_before_s);
    wish->streams = read_streams(request);
    wish->before_us = before_s * 1000000;
    wish->keys_before = audit_day_of(keys_before_s * 1000000);
    if (before_s == 0 && keys_before_s == 0) {
        request_refuse(request, NULL, "say what: before_s or keys_before_s");
    }
    if (!request_end(request)) {
        return false;
    }
    snprintf(wish->reason, sizeof(wish->reason), "%s", reason);
    return true;
}

bool recording_forget_command(struct daemon *daemon, struct request *request,
                              struct control_client *client, struct text *out)
{
    const struct control_peer *peer = control_peer(client);
    const struct passwd *user = getpwuid(peer->uid);
    struct audit_wish wish = {.uid = peer->uid, .pid = peer->pid};
    uint64_t number = 0;

    if (!read_wish(request, &wish)) {
        return control_refuse(out, request_fault(request));
    }
    if (daemon->recording.recorder == NULL) {
        return control_refuse(out, "there is no audit log");
    }
    if (user != NULL) {
        snprintf(wish.user, sizeof(wish.user), "%s", user->pw_name);
    }
    if (audit_recorder_forget(daemon->recording.recorder, &wish, &number) != 0) {
        return control_refuse(out, "what was asked for before is not done yet: try again");
    }
    if (daemon->writer != NULL) {
        audit_writer_wake(daemon->writer);
    }
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    json_uint(out, "number", number);
    json_object_end(out);
    return true;
}

/* --- status --- */

static void write_stream(struct text *out, const struct audit_recorder_stats *stats,
                         unsigned stream)
{
    json_object_begin(out, audit_stream_word(stream));
    json_uint(out, "recorded", stats->log.taken[stream]);
    json_uint(out, "safe", stats->log.safe[stream]);
    json_uint(out, "lost", stats->lost[stream]);
    json_uint(out, "removed", stats->removed[stream]);
    json_object_end(out);
}

/* In an own word where the system's, of a connection, would mislead. */
static const char *disk_error(int error)
{
    return error == 0            ? NULL
           : error == -ETIMEDOUT ? "the disk does not answer"
                                 : audit_recorder_fault(error);
}

static void write_forgotten(struct text *out, const struct audit_forgotten *forgotten)
{
    json_object_begin(out, "forgotten");
    json_uint(out, "asked", forgotten->asked);
    json_uint(out, "done", forgotten->done);
    json_uint(out, "decisions", forgotten->events[AUDIT_DECISIONS]);
    json_uint(out, "queries", forgotten->events[AUDIT_QUERIES]);
    json_uint(out, "keys", forgotten->keys);
    json_string(out, "error", disk_error(forgotten->error));
    json_object_end(out);
}

static void write_some(struct text *out, const struct audit_recorder_stats *stats)
{
    char when[CLOCK_TEXT_MAX];

    json_string(out, "error", disk_error(stats->error));
    json_string(out, "directory", stats->folder);
    json_bool(out, "another_left", stats->refused_log);
    json_uint(out, "file", stats->log.file);
    json_uint(out, "octets", stats->octets);
    json_uint(out, "waiting_octets", stats->waiting);
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        write_stream(out, stats, stream);
    }
    write_forgotten(out, &stats->forgotten);
    if (stats->checkpoint_us != 0) {
        clock_format(stats->checkpoint_us, when);
    }
    json_string(out, "checkpoint", stats->checkpoint_us != 0 ? when : NULL);
    json_string(out, "key", stats->key[0] != '\0' ? stats->key : NULL);
}

void recording_write(struct daemon *daemon, struct text *out)
{
    struct recording *recording = &daemon->recording;
    struct audit_recorder_stats *stats = malloc(sizeof(*stats));

    json_object_begin(out, "audit");
    if (recording->recorder == NULL || stats == NULL) {
        json_string(out, "state", "off");
        json_string(out, "error", recording->why_not[0] != '\0' ? recording->why_not : NULL);
    } else {
        audit_recorder_stats(recording->recorder, stats);
        json_string(out, "state", audit_recorder_word(stats->state));
        write_some(out, stats);
    }
    json_object_end(out);
    free(stats);
}
