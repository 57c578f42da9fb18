/* cordon explain --at, of a time that is over: by the versions that were in force then, as far
 * as the daemon has written them down and kept them (docs/updates.md, History). */
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/explain.h"
#include "cli/history.h"
#include "policy/versions.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct explain_then {
    struct setup_held held[POLICY_LISTS_MAX];
    char paths[POLICY_LISTS_MAX][PATH_MAX];
    struct setup_held_set set;
    struct cli_history history;
    const json_t *found; /* the set in force then; of history */
    json_t *document;    /* "then" */
};

static void read_hash(const char *digits, uint8_t hash[DIGEST_OCTETS])
{
    for (size_t i = 0; i < DIGEST_OCTETS; i++) {
        const char pair[3] = {digits[2 * i], digits[2 * i + 1], '\0'};

        hash[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

/* The kept text of a list of the set, whose hash is what was written down; else why not. */
static void find_version(struct explain_then *then, const char *folder, const json_t *list)
{
    const size_t at = then->set.count;
    struct setup_held *held = &then->held[at];
    uint8_t hash[DIGEST_OCTETS];

    if (at == POLICY_LISTS_MAX || json_is_true(json_object_get(list, "beside"))) {
        return;
    }
    *held = (struct setup_held){.version.by_hash = true};
    snprintf(held->id, sizeof(held->id), "%s", cli_string_of(list, "id"));
    held->version.serial = (uint32_t)cli_number_of(list, "serial");
    read_hash(cli_string_of(list, "hash"), held->version.hash);
    const struct policy_version_of what = {.folder = folder,
                                           .id = held->id,
                                           .serial = held->version.serial,
                                           .hash = held->version.hash};
    int rc = policy_version_path(&what, then->paths[at], sizeof(then->paths[at]))
                 ? policy_version_hash(then->paths[at], hash)
                 : CORDON_E_LIMIT;
    if (rc == 0 && !digest_equal(hash, held->version.hash)) {
        rc = CORDON_E_CORRUPT;
    }
    if (rc == 0) {
        held->version.path = then->paths[at];
        then->set.count++;
        return;
    }
    json_t *missing = json_object();
    cli_add_string(missing, "list", held->id);
    json_object_set_new(missing, "serial", json_integer(held->version.serial));
    cli_add_string(missing, "mode", cli_string_of(list, "mode"));
    cli_add_string(missing, "why",
                   rc == CORDON_E_CORRUPT ? "the kept text is damaged" : cordon_strerror(rc));
    json_array_append_new(json_object_get(then->document, "missing"), missing);
}

static void switch_off(struct config_list *lists, size_t count, const struct explain_then *then)
{
    for (size_t i = 0; i < count; i++) {
        if (setup_held_find(&then->set, lists[i].id) == NULL) {
            lists[i].mode = CONFIG_MODE_OFF;
        }
    }
}

static void switch_off_whens(struct config_whens *whens, const struct explain_then *then)
{
    for (size_t i = 0; i < whens->count; i++) {
        switch_off(whens->at[i].lists, whens->at[i].list_count, then);
    }
}

/* What was not in force then, or is not kept, does not count. */
static void switch_all_off(struct config *config, const struct explain_then *then)
{
    switch_off(config->lists, config->list_count, then);
    switch_off_whens(&config->when, then);
    for (size_t i = 0; i < config->view_count; i++) {
        switch_off(config->views[i].lists, config->views[i].list_count, then);
        switch_off_whens(&config->views[i].when, then);
    }
}

static void take(struct explain_then *then, const char *state, const json_t *next,
                 struct config *config)
{
    const json_t *lists = json_object_get(then->found, "lists");
    char folder[PATH_MAX];

    json_object_set_new(then->document, "known", json_true());
    json_object_set(then->document, "since", json_object_get(then->found, "time"));
    json_object_set_new(then->document, "until",
                        next == NULL ? json_null()
                                     : json_incref(json_object_get(next, "time")));
    json_object_set(then->document, "generation", json_object_get(then->found, "generation"));
    json_object_set(then->document, "cause", json_object_get(then->found, "cause"));
    json_object_set_new(then->document, "missing", json_array());
    if (snprintf(folder, sizeof(folder), "%s/" POLICY_VERSIONS_FOLDER, state) <
        (int)sizeof(folder)) {
        for (size_t i = 0; i < json_array_size(lists); i++) {
            find_version(then, folder, json_array_get(lists, i));
        }
    }
    switch_all_off(config, then);
}

struct explain_then *explain_then_open(uint64_t wall_s, struct config *config)
{
    const char *state = config->state_directory;
    const json_t *next = NULL;
    struct explain_then *then = calloc(1, sizeof(*then));

    if (then == NULL) {
        return NULL;
    }
    then->set.at = then->held;
    then->document = json_object();
    const int rc = state == NULL ? 0 : cli_history_read(state, &then->history);
    then->found = cli_history_at(&then->history, wall_s, &next);
    if (then->found != NULL) {
        take(then, state, next, config);
        return then;
    }
    json_object_set_new(then->document, "known", json_false());
    char why[64];
    snprintf(why, sizeof(why), "the history begins on %.19sZ",
             cli_string_of(json_array_get(then->history.sets, 0), "time"));
    cli_add_string(then->document, "why",
                   rc != 0                                    ? cordon_strerror(rc)
                   : json_array_size(then->history.sets) == 0 ? "there is no history"
                                                              : why);
    return then;
}

const struct setup_held_set *explain_then_set(const struct explain_then *then)
{
    return then->found != NULL ? &then->set : NULL;
}

/* Are the parts of the fingerprint those that were written down? */
static void compare(struct explain_then *then, const struct setup_snapshot *snapshot)
{
    static const enum setup_fingerprint_number parts[] = {
        SETUP_FINGERPRINT_LISTS, SETUP_FINGERPRINT_VIEWS, SETUP_FINGERPRINT_SCHEDULES,
        SETUP_FINGERPRINT_ANSWERS, SETUP_FINGERPRINT_EXEMPT};
    const json_t *fingerprint = json_object_get(then->found, "fingerprint");
    const json_t *known = json_object_get(fingerprint, "parts");
    const bool all = json_array_size(json_object_get(then->document, "missing")) == 0;
    json_t *differs = json_array();

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *name = setup_fingerprint_name(parts[i]);
        const char *was = cli_string_of(json_object_get(known, name), "hash");
        char is[SETUP_FINGERPRINT_TEXT];

        digest_hex(snapshot->fingerprint->parts[parts[i]]->hash, DIGEST_OCTETS, is);
        if ((parts[i] != SETUP_FINGERPRINT_LISTS || all) && strcmp(was, is) != 0) {
            json_t *word = json_object();

            cli_add_string(word, "part", name);
            json_array_append_new(differs, word);
        }
    }
    const bool comparable = cli_number_of(fingerprint, "format") == SETUP_FINGERPRINT_FORMAT;
    cli_add_string(then->document, "configuration",
                   !comparable                     ? "unknown"
                   : json_array_size(differs) == 0 ? "same"
                                                   : "differs");
    json_object_set_new(then->document, "differs", comparable ? differs : json_array());
    if (!comparable) {
        json_decref(differs);
    }
}

void explain_then_add(struct explain_then *then, const struct setup_snapshot *snapshot,
                      json_t *document)
{
    if (then->found != NULL && snapshot->fingerprint != NULL) {
        compare(then, snapshot);
    }
    json_object_set(document, "then", then->document);
}

void explain_then_close(struct explain_then *then)
{
    if (then != NULL) {
        json_decref(then->document);
        cli_history_free(&then->history);
        free(then);
    }
}
