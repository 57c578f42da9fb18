#include "policy/load.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "policy/kept.h"
#include "policy/list_part.h"
#include "policy/scope.h"
#include "policy/shipped.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Octets of verified texts that are kept until they are parsed. Those above are read again, so
 * that 20 million rules do not need their texts in memory all at once. */
#define TEXTS_KEPT_MAX ((size_t)64 << 20)

/* A list on its way: its text is verified before anything else looks at it. */
struct arrival {
    char path[PATH_MAX];
    uint8_t *text; /* NULL: read again when it is parsed */
    size_t len;
    struct policy_list stub; /* id and digest alone: enough to name the inputs */
    struct policy_list *list;
    struct policy_load_source source;
    bool held;
};

/* Reads a list file and verifies its signatures. The text is the caller's. */
static int read_verified(const char *path, const struct trust_keyring *keyring,
                         struct report *report, uint8_t **text, size_t *len,
                         struct trust_verdict *verdict)
{
    uint8_t *data = NULL;
    size_t data_len = 0;
    int rc = file_read(path, POLICY_LIST_OCTETS_MAX, &data, &data_len);

    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0, "the list cannot be read: %s%s",
                   cordon_strerror(rc),
                   rc == -ENOENT
                       ? ": put its file there, or take its id out of lists.use, views "
                         "and when"
                       : "");
        return rc;
    }
    rc = trust_verify_beside(keyring, path, data, data_len, report, verdict);
    if (rc != 0) {
        free(data);
        return rc;
    }
    *text = data;
    *len = data_len;
    return 0;
}

/* Signatures cover the octets of a list, not the name under which it lies there. */
static int check_name(const char *path, const struct policy_list *list, struct report *report)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    const size_t id_len = strlen(list->id);

    if (strncmp(name, list->id, id_len) == 0 && strcmp(name + id_len, ".list") == 0) {
        return 0;
    }
    report_add(report, REPORT_ERROR, path, 0, 0,
               "its id line says \"%s\": a file is named after the id of its list, %s.list",
               list->id, list->id);
    return CORDON_E_REFUSED;
}

int policy_load_list(const char *path, const struct trust_keyring *keyring,
                     struct report *report, struct policy_list **list,
                     struct trust_verdict *verdict)
{
    struct trust_verdict signers;
    struct policy_list *parsed = NULL;
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = read_verified(path, keyring, report, &text, &len, &signers);

    if (rc == 0) {
        rc = policy_list_parse((const char *)text, len, path, report, &parsed);
    }
    if (rc == 0) {
        rc = check_name(path, parsed, report);
    }
    if (rc == 0) {
        *list = parsed;
        *verdict = signers;
    } else {
        policy_list_free(parsed);
    }
    free(text);
    return rc;
}

/* Ids become file names: nothing but a-z, 0-9 and '-'. */
static bool is_id(const char *id)
{
    const size_t len = strlen(id);

    return len >= 1 && len <= 64 && id[0] != '-' &&
           strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static int check_request(const struct policy_load_request *request, struct report *report)
{
    int rc = 0;

    if (request->id_count > POLICY_LISTS_MAX) {
        report_add(report, REPORT_ERROR, request->directory, 0, 0,
                   "%zu lists are asked for, at most %u can be loaded", request->id_count,
                   POLICY_LISTS_MAX);
        return CORDON_E_LIMIT;
    }
    for (size_t i = 0; i < request->id_count; i++) {
        if (!is_id(request->ids[i])) {
            report_add(report, REPORT_ERROR, request->directory, 0, 0,
                       "\"%s\" is no id of a list: 1 to 64 of a-z, 0-9 and '-'",
                       request->ids[i]);
            rc = CORDON_E_REFUSED;
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(request->ids[i], request->ids[k]) == 0) {
                report_add(report, REPORT_ERROR, request->directory, 0, 0,
                           "the list \"%s\" is asked for twice: name it once", request->ids[i]);
                rc = -EEXIST;
            }
        }
    }
    return rc;
}

/* Is it named by its publisher's catalogue, and as it is? */
static int check_catalogue(const struct policy_load_source *source, const char *id,
                           const struct arrival *arrival, struct report *report,
                           struct policy_loaded_list *loaded)
{
    const struct trust_publisher *publisher = source->publisher;

    if (publisher == NULL) {
        return 0;
    }
    const struct trust_entry *entry = trust_catalogue_find(publisher->catalogue, id);
    if (entry == NULL) {
        report_add(report, REPORT_ERROR, arrival->path, 0, 0,
                   "catalogue %" PRIu32 " of %s has no list %s: it is not the publisher's, or "
                   "was withdrawn; take it out of lists.use",
                   publisher->catalogue->serial, publisher->root->publisher, id);
        return CORDON_E_REFUSED;
    }
    snprintf(loaded->publisher, sizeof(loaded->publisher), "%s", publisher->root->publisher);
    loaded->root_version = publisher->root->version;
    loaded->catalogue_serial = publisher->catalogue->serial;
    return trust_entry_check_hash(entry, arrival->path, loaded->verdict.hash, arrival->len,
                                  report);
}

/* What is known of a text that has been verified; it is kept if there is room. */
static int settle(struct arrival *arrival, size_t *kept, struct policy_loaded_list *loaded,
                  struct policy_list **head)
{
    arrival->stub.id = loaded->id;
    digest_of(arrival->text, arrival->len, NULL, arrival->stub.digest);
    memcpy(loaded->hash, arrival->stub.digest, sizeof(loaded->hash));
    if (head != NULL) {
        /* A faulty one is told when the whole text is read. */
        const int read = policy_list_head((const char *)arrival->text, arrival->len, head);

        if (read == -ENOMEM) {
            return read;
        }
        if (read == 0) {
            memcpy((*head)->digest, arrival->stub.digest, sizeof((*head)->digest));
        }
    }
    if (arrival->len > TEXTS_KEPT_MAX - *kept) {
        free(arrival->text);
        arrival->text = NULL;
    } else {
        *kept += arrival->len;
    }
    return 0;
}

/* Reads and verifies one list of the request. */
static int arrive(const struct policy_load_source *source, const char *id,
                  struct report *report, struct arrival *arrival,
                  struct policy_loaded_list *loaded)
{
    if (snprintf(arrival->path, sizeof(arrival->path), "%s/%s.list", source->directory, id) >=
        (int)sizeof(arrival->path)) {
        report_add(report, REPORT_ERROR, source->directory, 0, 0, "the path is too long");
        return -ENAMETOOLONG;
    }
    snprintf(loaded->id, sizeof(loaded->id), "%s", id);
    const int rc = read_verified(arrival->path, source->keyring, report, &arrival->text,
                                 &arrival->len, &loaded->verdict);
    return rc != 0 ? rc : check_catalogue(source, id, arrival, report, loaded);
}

/* Is the text that of the version, and whole? Read whole at once: what is wrong with it must be
 * known while there is another one to fall back to. */
static int check_held(const struct policy_load_held *held, const struct arrival *arrival,
                      const char *id, struct report *report, struct policy_list **list)
{
    const struct policy_load_source *source = &arrival->source;
    const struct trust_scope *scopes[] = {
        source->publisher != NULL ? &source->publisher->root->scope : NULL, source->scope};
    uint8_t hash[DIGEST_OCTETS];

    digest_of(arrival->text, arrival->len, NULL, hash);
    if (!digest_equal(hash, held->hash)) {
        report_add(report, REPORT_ERROR, arrival->path, 0, 0,
                   "it is not the text that was in force: its hash is another");
        return CORDON_E_CORRUPT;
    }
    int rc = policy_list_parse((const char *)arrival->text, arrival->len, arrival->path, report,
                               list);
    if (rc == 0 && (strcmp((*list)->id, id) != 0 || (*list)->serial != held->serial)) {
        report_add(report, REPORT_ERROR, arrival->path, 0, 0,
                   "it is serial %" PRIu32 " of %s, not serial %" PRIu32 " of %s",
                   (*list)->serial, (*list)->id, held->serial, id);
        rc = CORDON_E_REFUSED;
    }
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        if (scopes[i] != NULL && !trust_scope_is_all(scopes[i])) {
            rc = policy_list_scope_check(*list, scopes[i], arrival->path, report);
        }
    }
    return rc;
}

/* The serial of the version in the folder, where it is newer than the held one. By keys alone
 * it must be read for that; what is wrong with it is told when it is asked for. */
static uint32_t find_newer(const struct policy_load_source *source,
                           const struct policy_load_held *held, const char *id)
{
    char path[PATH_MAX];
    struct trust_verdict signers;
    struct policy_list *head = NULL;
    uint8_t *text = NULL;
    size_t len = 0;
    uint32_t serial = 0;

    if (source->publisher != NULL) {
        const struct trust_entry *entry =
            trust_catalogue_find(source->publisher->catalogue, id);
        serial = entry == NULL ? 0 : entry->serial;
    } else if (!held->by_hash &&
               (size_t)snprintf(path, sizeof(path), "%s/%s.list", source->directory, id) <
                   sizeof(path) &&
               read_verified(path, source->keyring, NULL, &text, &len, &signers) == 0 &&
               policy_list_head((const char *)text, len, &head) == 0) {
        serial = strcmp(head->id, id) == 0 ? head->serial : 0;
    }
    policy_list_free(head);
    free(text);
    return serial > held->serial ? serial : 0;
}

/* A version that lies elsewhere. What has been read is the arrival's, also on failure. */
static int read_held(const struct policy_load_source *source,
                     const struct policy_load_held *held, const char *id, struct report *report,
                     struct arrival *arrival, struct policy_loaded_list *loaded)
{
    const struct trust_publisher *publisher = source->publisher;
    const struct trust_keyring *keyring =
        held->keyring != NULL ? held->keyring : source->keyring;
    int rc = 0;

    if ((size_t)snprintf(arrival->path, sizeof(arrival->path), "%s", held->path) >=
        sizeof(arrival->path)) {
        return -ENAMETOOLONG;
    }
    rc = held->by_hash
             ? file_read(arrival->path, POLICY_LIST_OCTETS_MAX, &arrival->text, &arrival->len)
             : read_verified(arrival->path, keyring, report, &arrival->text, &arrival->len,
                             &loaded->verdict);
    if (rc == 0) {
        rc = check_held(held, arrival, id, report, &arrival->list);
    }
    if (rc != 0) {
        return rc;
    }
    snprintf(loaded->id, sizeof(loaded->id), "%s", id);
    arrival->held = true;
    if (publisher != NULL) {
        snprintf(loaded->publisher, sizeof(loaded->publisher), "%s",
                 publisher->root->publisher);
        loaded->root_version = publisher->root->version;
        loaded->catalogue_serial = publisher->catalogue->serial;
    }
    return 0;
}

/* The held version. What is wrong with it is a warning, and then nothing has arrived. */
static int arrive_held(const struct policy_load_source *source,
                       const struct policy_load_held *held, const char *id,
                       struct report *report, struct arrival *arrival,
                       struct policy_loaded_list *loaded)
{
    struct report faults;

    report_init(&faults);
    const int rc = read_held(source, held, id, &faults, arrival, loaded);
    if (rc == 0) {
        loaded->held = true;
        loaded->newer_serial =
            held->newer != NULL ? held->newer->serial : find_newer(source, held, id);
    } else if (rc != -ENOMEM) {
        const char *fault = faults.errors > 0 ? "see below" : cordon_strerror(rc);

        if (held->beside) {
            report_add(report, REPORT_WARNING, held->path, 0, 0,
                       "serial %" PRIu32 " of list %s, which was in force, cannot be had (%s): "
                       "the newer one in %s counts for all at once, without stages",
                       held->serial, id, fault, source->directory);
        } else {
            report_add(report, REPORT_WARNING, held->path, 0, 0,
                       "list %s is held at serial %" PRIu32
                       ", but that version cannot be had (%s): the one in %s counts instead. "
                       "Release it, or hold another: `cordon list history %s` shows which "
                       "there are",
                       id, held->serial, fault, source->directory, id);
        }
        for (size_t i = 0; i < faults.count; i++) {
            report_add(report, REPORT_WARNING, NULL, 0, 0, "%s", faults.entries[i].text);
        }
        policy_list_free(arrival->list);
        free(arrival->text);
        arrival->list = NULL;
        arrival->text = NULL;
        memset(&loaded->verdict, 0, sizeof(loaded->verdict));
        loaded->held_lost = true;
    }
    report_deinit(&faults);
    return rc;
}

/* The held version of a list, if there is one and it can be had; else that of its folder. */
static int arrive_either(const struct policy_load_request *request, size_t number,
                         struct report *report, size_t *kept, struct arrival *arrival,
                         struct policy_loaded *made)
{
    const struct policy_load_held *held = request->held != NULL ? request->held[number] : NULL;
    struct policy_loaded_list *loaded = &made->lists[number];
    const char *id = request->ids[number];
    int rc = held == NULL || held->beside
                 ? -ENOENT
                 : arrive_held(&arrival->source, held, id, report, arrival, loaded);

    if (rc != 0 && rc != -ENOMEM) {
        rc = arrive(&arrival->source, id, report, arrival, loaded);
    }
    return rc != 0
               ? rc
               : settle(arrival, kept, loaded, request->heads ? &made->heads[number] : NULL);
}

/* The serial of a text that has been verified, before it is settled; 0: it has none. */
static int serial_of(const struct arrival *arrival, uint32_t *serial)
{
    struct policy_list *head = NULL;
    const int rc = policy_list_head((const char *)arrival->text, arrival->len, &head);

    *serial = rc == 0 ? head->serial : 0;
    policy_list_free(head);
    return rc == -ENOMEM ? rc : 0; /* what is wrong with it is told when it is parsed */
}

/* The version that is newer than the held one: in the folder, or elsewhere. */
static int arrive_newer(const struct policy_load_held *held, const char *id,
                        struct report *report, struct arrival *arrival,
                        struct policy_loaded_list *loaded)
{
    if (held->newer == NULL) {
        return arrive(&arrival->source, id, report, arrival, loaded);
    }
    const int rc = read_held(&arrival->source, held->newer, id, report, arrival, loaded);
    if (rc != 0 && report != NULL && report->errors == 0) {
        report_add(report, REPORT_ERROR, held->newer->path, 0, 0, "the list cannot be read: %s",
                   cordon_strerror(rc));
    }
    return rc;
}

/* Both the version of the folder and the held one that it is newer than, which goes first: the
 * newer one goes after all lists. The folder's alone, if it is not newer, or the other cannot
 * be had. */
static int arrive_both(const struct policy_load_request *request, size_t number,
                       struct report *report, size_t *kept, struct arrival *arrivals,
                       struct policy_loaded *made)
{
    const struct policy_load_held *held = request->held != NULL ? request->held[number] : NULL;
    const size_t at = request->id_count + made->newer_count;
    struct policy_loaded_list *loaded = &made->lists[number];
    const char *id = request->ids[number];
    uint32_t serial = 0;

    if (held == NULL || !held->beside) {
        return arrive_either(request, number, report, kept, &arrivals[number], made);
    }
    int rc = arrive_newer(held, id, report, &arrivals[number], loaded);
    if (rc == 0) {
        rc = serial_of(&arrivals[number], &serial);
    }
    if (rc == 0 && serial > held->serial && at == POLICY_LISTS_MAX) {
        report_add(report, REPORT_ERROR, request->directory, 0, 0,
                   "with the versions that count until newer ones do, there are more than %u "
                   "lists",
                   POLICY_LISTS_MAX);
        rc = CORDON_E_LIMIT;
    }
    if (rc == 0 && serial > held->serial) {
        struct arrival *older = &arrivals[at];

        older->source = arrivals[number].source;
        rc = arrive_held(&older->source, held, id, report, older, &made->lists[at]);
        if (rc == 0) {
            const struct arrival swap = arrivals[number];
            const struct policy_loaded_list other = *loaded;

            arrivals[number] = *older;
            *loaded = made->lists[at];
            *older = swap;
            made->lists[at] = other;
            made->newer_count++;
            rc = settle(&arrivals[at], kept, &made->lists[at],
                        request->heads ? &made->heads[at] : NULL);
        } else if (rc != -ENOMEM) {
            memset(&made->lists[at], 0, sizeof(made->lists[at]));
            loaded->held_lost = true;
            rc = 0;
        }
    }
    return rc != 0 ? rc
                   : settle(&arrivals[number], kept, loaded,
                            request->heads ? &made->heads[number] : NULL);
}

/* The verified text, or a file with the very same octets. */
static int need_text(struct arrival *arrival, struct report *report)
{
    uint8_t digest[DIGEST_OCTETS];

    if (arrival->text != NULL) {
        return 0;
    }
    int rc = file_read(arrival->path, POLICY_LIST_OCTETS_MAX, &arrival->text, &arrival->len);
    if (rc == 0) {
        digest_of(arrival->text, arrival->len, NULL, digest);
        rc = digest_equal(digest, arrival->stub.digest) ? 0 : CORDON_E_CORRUPT;
    }
    if (rc == CORDON_E_CORRUPT) {
        report_add(report, REPORT_ERROR, arrival->path, 0, 0,
                   "the list has changed since its signatures were verified: load it again");
    } else if (rc != 0) {
        report_add(report, REPORT_ERROR, arrival->path, 0, 0, "the list cannot be read: %s",
                   cordon_strerror(rc));
    }
    return rc;
}

static int parse(struct arrival *arrival, struct report *report)
{
    int rc = arrival->list != NULL ? 0 : need_text(arrival, report);

    if (arrival->list != NULL) {
        return 0; /* its scope was looked at */
    }
    if (rc == 0) {
        rc = policy_list_parse((const char *)arrival->text, arrival->len, arrival->path, report,
                               &arrival->list);
    }
    free(arrival->text);
    arrival->text = NULL;
    return rc != 0 || arrival->held ? rc : check_name(arrival->path, arrival->list, report);
}

/* Lists that may not speak of everything are read whatever was kept: an image does not know
 * under which scope it was compiled. */
static int check_scopes(struct arrival *arrivals, size_t count, struct report *report)
{
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        const struct policy_load_source *source = &arrivals[i].source;
        const struct trust_scope *scopes[] = {
            source->publisher != NULL ? &source->publisher->root->scope : NULL, source->scope};

        for (size_t k = 0; k < 2; k++) {
            if (scopes[k] != NULL && !trust_scope_is_all(scopes[k])) {
                int one = parse(&arrivals[i], report);

                one = one != 0 ? one
                               : policy_list_scope_check(arrivals[i].list, scopes[k],
                                                         arrivals[i].path, report);
                rc = rc == 0 ? one : rc;
            }
        }
    }
    return rc;
}

static int compile(struct arrival *arrivals, size_t count, struct report *report,
                   struct policy_image **image)
{
    const struct policy_list *lists[POLICY_LISTS_MAX];
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        const int one = parse(&arrivals[i], report);

        rc = rc == 0 ? one : rc;
        lists[i] = arrivals[i].list;
    }
    if (rc != 0) {
        return rc;
    }
    rc = policy_image_build_told(lists, count, report, image);
    if (rc != 0) {
        report_add(report, REPORT_ERROR, NULL, 0, 0, "the lists cannot be compiled: %s",
                   cordon_strerror(rc));
    }
    return rc;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Copies what the image says of a list. False if it does not know it. */
static bool describe(const struct policy_image *image,
                     const struct policy_load_request *request,
                     const struct trust_publisher *publisher, struct policy_loaded_list *loaded)
{
    struct policy_image_list list;

    for (size_t i = 0; policy_image_list_at(image, i, &list); i++) {
        if (strcmp(list.id, loaded->id) == 0 && digest_equal(list.digest, loaded->hash)) {
            loaded->serial = list.serial;
            loaded->created_s = list.created_s;
            loaded->expires_s = list.expires_s;
            loaded->rules = list.rules;
            loaded->due_s = list.expires_s;
            loaded->floor_s = list.created_s;
            if (publisher != NULL) {
                loaded->due_s = least(loaded->due_s, least(publisher->catalogue->expires_s,
                                                           publisher->root->expires_s));
                loaded->floor_s =
                    list.created_s > publisher->floor_s ? list.created_s : publisher->floor_s;
            }
            loaded->floor_s = request->asked_time ? 0 : loaded->floor_s;
            loaded->freshness = policy_freshness_of(loaded, request->now_s);
            return true;
        }
    }
    return false;
}

/* The hash is the catalogue's; so must the serial be that the text says. */
static int check_serial(const struct arrival *arrival, const struct policy_loaded_list *loaded,
                        struct report *report)
{
    const struct trust_publisher *publisher = arrival->source.publisher;
    const struct trust_entry *entry =
        publisher == NULL ? NULL : trust_catalogue_find(publisher->catalogue, loaded->id);

    if (entry == NULL || arrival->held || entry->serial == loaded->serial) {
        return 0;
    }
    report_add(report, REPORT_ERROR, arrival->path, 0, 0,
               "its serial is %" PRIu32 ", the catalogue says %" PRIu32
               ": ask the publisher for another catalogue",
               loaded->serial, entry->serial);
    return CORDON_E_REFUSED;
}

/* All lists arrived: finds the kept image, or compiles one and keeps it. */
static int load_image(const struct policy_load_request *request, struct arrival *arrivals,
                      struct report *report, struct policy_loaded *made)
{
    const size_t count = made->list_count + made->newer_count;
    const struct policy_list *stubs[POLICY_LISTS_MAX] = {NULL};
    uint8_t inputs[32];
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        stubs[i] = &arrivals[i].stub;
    }
    policy_image_inputs(stubs, count, inputs);
    rc = check_scopes(arrivals, count, report);
    if (rc != 0) {
        return rc;
    }
    if (request->cache_directory != NULL) {
        made->image = policy_kept_find(request->cache_directory, inputs, report);
        made->from_cache = made->image != NULL;
    }
    /* Of several lists there is one image only once they are compiled together; of a held one
     * the catalogue says nothing. */
    const bool alone = count == 1 && !arrivals[0].held;
    if (made->image == NULL && alone && request->shipped) {
        made->image = policy_shipped_find(&arrivals[0].source, &arrivals[0].stub, report);
        made->shipped = made->image != NULL;
    }
    if (made->image == NULL) {
        rc = compile(arrivals, count, report, &made->image);
        if (rc == 0 && request->cache_directory != NULL) {
            policy_kept_add(request->cache_directory, inputs, made->image, report);
        }
        if (rc == 0 && alone && !request->shipped) {
            policy_shipped_compare(&arrivals[0].source, &arrivals[0].stub, made->image, report);
        }
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        made->lists[i].dead_after_s = request->dead_after_s;
        if (!describe(made->image, request, arrivals[i].source.publisher, &made->lists[i])) {
            report_add(report, REPORT_ERROR, arrivals[i].path, 0, 0,
                       "the compiled lists do not name this list");
            rc = CORDON_E_CORRUPT;
            break;
        }
        rc = check_serial(&arrivals[i], &made->lists[i], report);
        if (request->asked_time) {
            policy_freshness_warn_at(&made->lists[i], request->now_s, arrivals[i].path, report);
        } else {
            policy_freshness_warn(&made->lists[i], arrivals[i].path, report);
        }
    }
    return rc;
}

void policy_loaded_drop(struct policy_loaded *loaded)
{
    policy_image_free(loaded->image);
    for (size_t i = 0; i < POLICY_LISTS_MAX; i++) {
        policy_list_free(loaded->heads[i]);
    }
}

/* Reads and verifies all of them, and what comes beside. */
static int arrive_all(const struct policy_load_request *request, struct report *report,
                      struct arrival *arrivals, struct policy_loaded *made)
{
    size_t kept = 0;
    int rc = 0;

    for (size_t i = 0; i < request->id_count && rc != -ENOMEM; i++) {
        report_progress(report, "verifying", i, request->id_count);
        arrivals[i].source = request->sources != NULL
                                 ? *request->sources[i]
                                 : (struct policy_load_source){.directory = request->directory,
                                                               .keyring = request->keyring};
        const int one = arrive_both(request, i, report, &kept, arrivals, made);

        rc = rc == 0 || one == -ENOMEM ? one : rc;
    }
    return rc;
}

int policy_load(const struct policy_load_request *request, struct report *report,
                struct policy_loaded *out)
{
    int rc = check_request(request, report);

    if (rc != 0) {
        return rc;
    }
    struct policy_loaded *made = calloc(1, sizeof(*made));
    struct arrival *arrivals = calloc(2 * request->id_count + 1, sizeof(arrivals[0]));

    rc = made == NULL || arrivals == NULL ? -ENOMEM : 0;
    if (rc == 0) {
        rc = arrive_all(request, report, arrivals, made);
    }
    if (rc == 0) {
        made->list_count = request->id_count;
        rc = load_image(request, arrivals, report, made);
    }
    if (rc == 0) {
        *out = *made;
    } else if (made != NULL) {
        policy_loaded_drop(made);
    }
    for (size_t i = 0; arrivals != NULL && i < 2 * request->id_count; i++) {
        free(arrivals[i].text);
        policy_list_free(arrivals[i].list);
    }
    free(arrivals);
    free(made);
    return rc;
}
