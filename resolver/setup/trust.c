#include "setup/trust.h"

#include "base/error.h"
#include "base/file.h"
#include "trust/load.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The time that was seen is written down so often, where nothing else is. */
#define SEEN_EVERY_S (UINT64_C(86400))

/* A path that leads nowhere stays what it is, for the messages of those who try to read it. */
static void follow_links(const char *path, char out[PATH_MAX])
{
    if (realpath(path, out) == NULL) {
        snprintf(out, PATH_MAX, "%s", path); /* paths of the configuration fit */
    }
}

/* The root that is pinned: the one that is named, or the first of the lists' own folder if no
 * keys are named. False: keys count. */
static bool find_root(const struct config *config, const char *folder, char path[PATH_MAX])
{
    if (config->root != NULL) {
        return (size_t)snprintf(path, PATH_MAX, "%s", config->root) < PATH_MAX;
    }
    return !config->keys_given &&
           (size_t)snprintf(path, PATH_MAX, "%s/1.root", folder) < PATH_MAX &&
           access(path, F_OK) == 0;
}

static bool ratchet_path(const struct config *config, char path[PATH_MAX])
{
    return config->state_directory != NULL &&
           (size_t)snprintf(path, PATH_MAX, "%s/%s", config->state_directory,
                            TRUST_RATCHET_FILE) < PATH_MAX;
}

/* Tools that put nothing in force, and do not know what was accepted before. */
static bool only_looks(const struct config *config, const struct setup_trust *trust)
{
    return config->state_directory == NULL && trust->ratchet == NULL;
}

/* Is there anything to be remembered? Keys that the operator names are his word for today;
 * those of exceptions are others'. */
static bool remembers(const struct config *config, bool has_root)
{
    return has_root || !config->keys_given || config->publisher_count > 0 ||
           config->exception_key_count > 0;
}

/* What a daemon has accepted, for whoever only looks. */
static void look(const char *folder, struct report *report, struct setup_trust *trust)
{
    char path[PATH_MAX];
    int rc =
        (size_t)snprintf(path, sizeof(path), "%s/" TRUST_RATCHET_FILE, folder) < sizeof(path)
            ? trust_ratchet_read(path, NULL, &trust->ratchet)
            : -ENAMETOOLONG;

    if (rc != 0) {
        report_add(report, rc == -EACCES ? REPORT_NOTE : REPORT_WARNING, path, 0, 0,
                   "what cordond has accepted before cannot be read (%s): whether these lists "
                   "are older was not looked at",
                   cordon_strerror(rc));
    }
}

/* Reads what was accepted before. Where that is lost, a start goes on without it, aloud. */
static int recall(const struct config *config, const struct setup_request *request,
                  struct report *report, struct setup_trust *trust)
{
    char path[PATH_MAX];

    if (!ratchet_path(config, path)) {
        if (request->looks_in != NULL) {
            look(request->looks_in, report, trust);
        }
        return 0;
    }
    const int rc = trust_ratchet_read(path, report, &trust->ratchet);
    /* A start that could not write it down is followed by reloads that try again. */
    const bool was_lost = request->memory.unwritten && request->memory.alarm.lost_s != 0;
    if (rc == 0 || rc == -ENOMEM || (!request->starts && !was_lost)) {
        return rc;
    }
    report_add(
        report, REPORT_ERROR, path, 0, 0,
        "what was accepted before is lost: everything that verifies is taken, as on the "
        "first day, older lists, too. Compare the serials of `cordon lists` with what the "
        "publishers say by another way, then say so: `cordon trust acknowledge`");
    trust->ratchet = trust_ratchet_new();
    if (trust->ratchet == NULL) {
        return -ENOMEM;
    }
    trust->ratchet->anew = true;
    trust->ratchet->alarm.lost_s =
        request->starts ? request->now_s : request->memory.alarm.lost_s;
    trust->is_lost = true;
    return 0;
}

/* No root is named, and none is found. Where the keys that lie there are those of a root that
 * counted before, whoever took it away would have opened the way back to older lists. */
static int check_no_root(const struct config *config, const struct setup_request *request,
                         const struct setup_trust *trust, struct report *report)
{
    const struct trust_ratchet *ratchet = trust->ratchet;
    int rc = 0;

    if (config->keys_given || ratchet == NULL) {
        return 0;
    }
    for (size_t i = 0; i < ratchet->count; i++) {
        const struct trust_mark *mark = &ratchet->marks[i];
        bool elsewhere = false;

        for (size_t k = 0; k < config->publisher_count; k++) {
            elsewhere |= strcmp(config->publishers[k].name, mark->publisher) == 0;
        }
        if (!elsewhere &&
            trust_keys_shared(&mark->keys, &trust->keys) >= trust->keys.threshold) {
            report_add(report, REPORT_ERROR, config->list_directory, 0, 0,
                       "there is no 1.root, but lists of %s were accepted by one before "
                       "(%s/" TRUST_RATCHET_FILE
                       "): put it back, or name the root in trust.root; for lists of your own, "
                       "name trust.keys",
                       mark->publisher,
                       config->state_directory != NULL ? config->state_directory
                                                       : request->looks_in);
            rc = CORDON_E_REFUSED;
        }
    }
    return rc;
}

/* The scope that the operator wrote. */
static void fill_scope(const struct config_publisher *from, struct trust_scope *scope)
{
    for (size_t i = 0; i < from->provider_count; i++) {
        memcpy(scope->providers[scope->provider_count++], from->providers[i],
               sizeof(from->providers[i]));
    }
    for (size_t i = 0; i < from->names.count; i++) {
        char text[WIRE_NAME_TEXT_MAX];
        size_t len = wire_name_to_text(&from->names.at[i], text);

        len -= len > 0 && text[len - 1] == '.' ? 1 : 0;
        if (len <= TRUST_NAME_MAX) { /* an escaped name is in no list's form, and no rule's */
            memcpy(scope->names[scope->name_count], text, len);
            scope->names[scope->name_count++][len] = '\0';
        }
    }
    memcpy(scope->prefixes, from->prefixes, from->prefix_count * sizeof(from->prefixes[0]));
    scope->prefix_count = from->prefix_count;
}

_Static_assert(CONFIG_PUBLISHERS_MAX < TRUST_PUBLISHERS_MAX, "and that of lists.directory");
_Static_assert(CONFIG_PUBLISHER_SCOPE_MAX <= TRUST_SCOPE_PROVIDERS_MAX, "all providers fit");
_Static_assert(CONFIG_PUBLISHER_SCOPE_MAX <= TRUST_SCOPE_NAMES_MAX, "all names fit");
_Static_assert(CONFIG_PUBLISHER_SCOPE_MAX <= TRUST_SCOPE_PREFIXES_MAX, "all prefixes fit");

/* One that is broken has no list but those that were accepted before. */
static void fill_source(const struct config_publisher *from, const struct setup_trust *trust,
                        struct setup_foreign *foreign)
{
    fill_scope(from, &foreign->scope);
    foreign->source = (struct policy_load_source){
        .directory = foreign->folder,
        .keyring = foreign->broken ? &trust->nobody : &foreign->publisher->root->list,
        .publisher = foreign->broken ? NULL : foreign->publisher,
        .scope = &foreign->scope,
    };
}

static int open_one(const struct config *config, const struct config_publisher *from,
                    const struct setup_trust *trust, uint64_t now_s, struct report *report,
                    struct setup_foreign *foreign)
{
    const struct trust_publisher_request request = {.pinned = from->root,
                                                    .folder = foreign->folder,
                                                    .name = from->name,
                                                    .ratchet = trust->ratchet,
                                                    .now_s = now_s,
                                                    .only_looks = only_looks(config, trust)};
    const int rc = trust_publisher_open(&request, report, &foreign->publisher);

    if (rc == 0 && trust->publisher != NULL &&
        strcmp(trust->publisher->root->publisher, from->name) == 0) {
        report_add(report, REPORT_ERROR, from->root, 0, 0,
                   "%s is the publisher of lists.directory already", from->name);
        return CORDON_E_REFUSED;
    }
    return rc;
}

static int open_foreign(const struct config *config, const struct setup_request *request,
                        struct report *report, struct setup_trust *trust)
{
    int rc = 0;

    trust->foreign = calloc(config->publisher_count + 1, sizeof(trust->foreign[0]));
    if (trust->foreign == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < config->publisher_count; i++) {
        struct setup_foreign *foreign = &trust->foreign[trust->foreign_count++];
        struct report faults;

        report_init(&faults);
        follow_links(config->publishers[i].directory, foreign->folder);
        const int one =
            open_one(config, &config->publishers[i], trust, request->now_s, &faults, foreign);
        report_take(report, &faults);
        if (one == 0) {
            fill_source(&config->publishers[i], trust, foreign);
        } else if (request->tolerates && one != -ENOMEM) {
            setup_trust_break(trust, i, &faults);
        } else {
            rc = rc == 0 ? one : rc;
        }
        report_deinit(&faults);
    }
    return rc;
}

void setup_trust_break(struct setup_trust *trust, size_t number, const struct report *faults)
{
    const bool is_own = number == SETUP_TRUST_OWN;
    struct setup_broken *told = &trust->told[trust->told_count++];

    *told = (struct setup_broken){.left_out = false};
    for (size_t i = faults->count; i-- > 0;) { /* the first error, or whatever there is */
        if (faults->entries[i].kind == REPORT_ERROR || told->fault[0] == '\0') {
            snprintf(told->fault, sizeof(told->fault), "%s", faults->entries[i].text);
        }
    }
    if (is_own) {
        trust->broken = true;
        trust->standard.publisher = NULL;
        if (trust->keys.count == 0) { /* by keys alone, each list counts by itself */
            trust->standard.keyring = &trust->nobody;
        }
    } else {
        snprintf(told->publisher, sizeof(told->publisher), "%s",
                 trust->config->publishers[number].name);
        trust->foreign[number].broken = true;
        fill_source(&trust->config->publishers[number], trust, &trust->foreign[number]);
    }
}

int setup_trust_open(const struct config *config, const struct setup_request *request,
                     struct report *report, struct setup_trust *trust)
{
    const uint64_t now_s = request->now_s;
    char root[PATH_MAX];
    int rc = 0;

    memset(trust, 0, sizeof(*trust));
    trust->config = config;
    follow_links(config->list_directory, trust->folder);
    trust->standard.directory = trust->folder;
    trust->standard.keyring = &trust->keys;
    trust->nobody.threshold = 1;
    const bool has_root = find_root(config, trust->folder, root);
    if (remembers(config, has_root)) {
        rc = recall(config, request, report, trust);
    }
    if (rc == 0 && !has_root) {
        rc = trust_keyring_load((const char *const *)config->keys, config->key_count,
                                config->threshold, report, &trust->keys);
        if (rc != 0 && !config->keys_given) {
            report_add(report, REPORT_ERROR, config->list_directory, 0, 0,
                       "there is neither 1.root nor keys that can be used: put the publisher's "
                       "folder back, or name trust.root or trust.keys");
        }
        rc = rc == 0 ? check_no_root(config, request, trust, report) : rc;
    }
    if (rc == 0 && has_root) {
        const struct trust_publisher_request asked = {.pinned = root,
                                                      .folder = trust->folder,
                                                      .ratchet = trust->ratchet,
                                                      .now_s = now_s,
                                                      .only_looks = only_looks(config, trust)};

        struct report faults;

        report_init(&faults);
        rc = trust_publisher_open(&asked, &faults, &trust->publisher);
        report_take(report, &faults);
        if (rc != 0 && rc != -ENOMEM && request->starts && request->tolerates) {
            setup_trust_break(trust, SETUP_TRUST_OWN, &faults);
            rc = 0;
        }
        report_deinit(&faults);
    }
    if (rc == 0 && has_root && !trust->broken) {
        trust->standard.publisher = trust->publisher;
        trust->standard.keyring = &trust->publisher->root->list;
    }
    if (rc == 0 && config->publisher_count > 0) {
        rc = open_foreign(config, request, report, trust);
    }
    return rc;
}

/* Was there a file to be read? */
static bool was_there(const struct trust_ratchet *ratchet)
{
    static const uint8_t nothing[TRUST_HASH_OCTETS];

    return memcmp(ratchet->was, nothing, sizeof(nothing)) != 0;
}

static int note_one(struct setup_trust *trust, const struct trust_publisher *publisher,
                    uint64_t *until_s, struct report *report, bool *changed)
{
    const uint64_t one_s = trust_publisher_until_s(publisher);

    *until_s = one_s < *until_s ? one_s : *until_s;
    return trust_publisher_note(publisher, 0, trust->ratchet, report, changed);
}

/* Notes all publishers in the ratchet, and the time, if all of them leave it to be believed. */
static int note(struct setup_trust *trust, uint64_t now_s, struct report *report, bool *changed)
{
    uint64_t until_s = UINT64_MAX;
    int rc = trust->publisher == NULL || trust->broken
                 ? 0
                 : note_one(trust, trust->publisher, &until_s, report, changed);

    for (size_t i = 0; rc == 0 && i < trust->foreign_count; i++) {
        if (!trust->foreign[i].broken) {
            rc = note_one(trust, trust->foreign[i].publisher, &until_s, report, changed);
        }
    }
    if (rc == 0 && until_s != UINT64_MAX) {
        trust_ratchet_see(trust->ratchet, now_s, until_s);
    }
    return rc;
}

/* Writes what must not be forgotten. Where nobody would be served without it, or it was so
 * before, a failure is an alarm. */
static int write_down(struct trust_ratchet *ratchet, const struct setup_request *request,
                      const char *path, struct report *report, struct setup_memory *memory)
{
    const int rc = trust_ratchet_write(ratchet, path, report);

    if (rc == 0 || (!request->starts && !request->memory.unwritten)) {
        return rc;
    }
    report_add(report, REPORT_ERROR, path, 0, 0,
               "what is in force now is not remembered: after a restart, lists that are older "
               "than these would not be noticed. Mend it, then `cordon reload`");
    if (ratchet->alarm.unwritten_s == 0) {
        ratchet->alarm.unwritten_s = request->now_s;
    }
    memory->unwritten = true;
    return 0;
}

/* Writes what may be missing: nothing that was accepted before is at stake. */
static void write_if_possible(struct trust_ratchet *ratchet, const struct config *config,
                              const char *path, bool changed, struct report *report)
{
    int rc = file_make_folder(config->state_directory, 0700);

    rc = rc == 0 ? trust_ratchet_write(ratchet, path, NULL) : rc;
    if (rc != 0) {
        report_add(report, REPORT_WARNING, path, 0, 0,
                   changed ? "what is accepted cannot be written down (%s): after a restart, "
                             "older lists would not be noticed"
                           : "the time cannot be written down (%s): after a restart, a clock "
                             "that is behind would be noticed less",
                   cordon_strerror(rc));
    }
}

int setup_trust_keep(struct setup_trust *trust, const struct config *config,
                     const struct setup_request *request,
                     const struct setup_exceptions *exceptions, struct report *report,
                     struct setup_memory *memory)
{
    struct trust_ratchet *ratchet = trust->ratchet;
    char path[PATH_MAX];
    bool changed = trust->is_lost;

    memset(memory, 0, sizeof(*memory));
    if (ratchet == NULL || !ratchet_path(config, path)) {
        return 0;
    }
    const uint64_t seen_s = ratchet->seen_s;
    int rc = note(trust, request->now_s, report, &changed);
    if (rc != 0) {
        return rc;
    }
    setup_exceptions_note(exceptions, ratchet, report, &changed);
    if (request->memory.unwritten && ratchet->alarm.unwritten_s == 0) {
        ratchet->alarm.unwritten_s = request->memory.alarm.unwritten_s;
        changed = true;
    }
    memory->kept = true;
    if (changed && (was_there(ratchet) || trust->is_lost)) {
        rc = write_down(ratchet, request, path, report, memory);
    } else if (changed || (was_there(ratchet) && ratchet->uneven) ||
               ratchet->seen_s >= seen_s + SEEN_EVERY_S) {
        write_if_possible(ratchet, config, path, changed, report);
    }
    memory->alarm = ratchet->alarm;
    return rc;
}

void setup_trust_close(struct setup_trust *trust)
{
    for (size_t i = 0; i < trust->foreign_count; i++) {
        trust_publisher_free(trust->foreign[i].publisher);
    }
    free(trust->foreign);
    trust->foreign = NULL;
    trust->foreign_count = 0;
    trust_publisher_free(trust->publisher);
    trust_ratchet_free(trust->ratchet);
    trust->publisher = NULL;
    trust->ratchet = NULL;
}

size_t setup_trust_whose(const struct setup_trust *trust, const char *id)
{
    for (size_t i = 0; i < trust->foreign_count; i++) {
        const struct config_publisher *publisher = &trust->config->publishers[i];

        for (size_t k = 0; k < publisher->list_count; k++) {
            if (strcmp(publisher->lists[k], id) == 0) {
                return i;
            }
        }
    }
    return SETUP_TRUST_OWN;
}

void setup_trust_sources(const struct setup_trust *trust, const char *const *ids, size_t count,
                         const struct policy_load_source **sources)
{
    for (size_t i = 0; i < count; i++) {
        const size_t whose = setup_trust_whose(trust, ids[i]);

        sources[i] =
            whose == SETUP_TRUST_OWN ? &trust->standard : &trust->foreign[whose].source;
    }
}
