#include "policy/arrival.h"

#include "base/error.h"
#include "base/file.h"
#include "policy/known.h"
#include "policy/list_part.h"
#include "policy/scope.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Octets of verified texts that are kept until they are parsed. Those above are read again, so
 * that 20 million rules do not need their texts in memory all at once. */
#define TEXTS_KEPT_MAX ((size_t)64 << 20)

int arrival_read(const char *path, const struct trust_keyring *keyring, struct report *report,
                 struct arrival_text *text, struct trust_verdict *verdict)
{
    struct arrival_text read = {0};
    uint8_t hash[TRUST_HASH_OCTETS];
    int rc = file_read(path, POLICY_LIST_OCTETS_MAX, &read.at, &read.len);

    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0, "the list cannot be read: %s%s",
                   cordon_strerror(rc),
                   rc == -ENOENT
                       ? ": put its file there, or take its id out of lists.use, views "
                         "and when"
                   : rc == CORDON_E_NO_FILE ? ": put its file there"
                                            : "");
        return rc;
    }
    digest_of_both(read.at, read.len, hash, read.digest);
    rc = trust_verify_beside_hashed(keyring, path, read.at, read.len, hash, report, verdict);
    if (rc != 0) {
        free(read.at);
        return rc;
    }
    *text = read;
    return 0;
}

void arrival_note_publisher(const struct trust_publisher *publisher,
                            struct policy_loaded_list *loaded)
{
    snprintf(loaded->publisher, sizeof(loaded->publisher), "%s", publisher->root->publisher);
    loaded->root_version = publisher->root->version;
    loaded->catalogue_serial = publisher->catalogue->serial;
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
    arrival_note_publisher(publisher, loaded);
    return trust_entry_check_hash(entry, arrival->path, loaded->verdict.hash, arrival->text.len,
                                  report);
}

/* What is known of a text that has been verified; it is kept if there is room. */
static int settle(struct arrival *arrival, size_t *kept, struct policy_loaded_list *loaded,
                  struct policy_list **head)
{
    arrival->stub.id = loaded->id;
    memcpy(arrival->stub.digest, arrival->text.digest, sizeof(arrival->stub.digest));
    loaded->octets = arrival->text.len;
    memcpy(loaded->hash, arrival->stub.digest, sizeof(loaded->hash));
    if (head != NULL) {
        /* A faulty one is told when the whole text is read. */
        const int read =
            policy_list_head((const char *)arrival->text.at, arrival->text.len, head);

        if (read == -ENOMEM) {
            return read;
        }
        if (read == 0) {
            memcpy((*head)->digest, arrival->stub.digest, sizeof((*head)->digest));
        }
    }
    if (arrival->text.len > TEXTS_KEPT_MAX - *kept) {
        free(arrival->text.at);
        arrival->text.at = NULL;
    } else {
        *kept += arrival->text.len;
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
    const int rc =
        arrival_read(arrival->path, source->keyring, report, &arrival->text, &loaded->verdict);
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

    if (!digest_equal(arrival->text.digest, held->hash)) {
        report_add(report, REPORT_ERROR, arrival->path, 0, 0,
                   "it is not the text that was in force: its hash is another");
        return CORDON_E_CORRUPT;
    }
    int rc = policy_list_parse((const char *)arrival->text.at, arrival->text.len, arrival->path,
                               report, list);
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
    struct arrival_text text = {0};
    uint32_t serial = 0;

    if (source->publisher != NULL) {
        const struct trust_entry *entry =
            trust_catalogue_find(source->publisher->catalogue, id);
        serial = entry == NULL ? 0 : entry->serial;
    } else if (!held->by_hash &&
               (size_t)snprintf(path, sizeof(path), "%s/%s.list", source->directory, id) <
                   sizeof(path) &&
               arrival_read(path, source->keyring, NULL, &text, &signers) == 0 &&
               policy_list_head((const char *)text.at, text.len, &head) == 0) {
        serial = strcmp(head->id, id) == 0 ? head->serial : 0;
    }
    policy_list_free(head);
    free(text.at);
    return serial > held->serial ? serial : 0;
}

/* Its octets alone. */
static int read_text(const char *path, struct arrival_text *text)
{
    const int rc = file_read(path, POLICY_LIST_OCTETS_MAX, &text->at, &text->len);

    if (rc == 0) {
        digest_of(text->at, text->len, NULL, text->digest);
    }
    return rc;
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
             ? read_text(arrival->path, &arrival->text)
             : arrival_read(arrival->path, keyring, report, &arrival->text, &loaded->verdict);
    if (rc == 0) {
        rc = check_held(held, arrival, id, report, &arrival->list);
    }
    if (rc != 0) {
        return rc;
    }
    snprintf(loaded->id, sizeof(loaded->id), "%s", id);
    arrival->held = true;
    if (publisher != NULL) {
        arrival_note_publisher(publisher, loaded);
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
        free(arrival->text.at);
        arrival->list = NULL;
        arrival->text.at = NULL;
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
    const int rc = policy_list_head((const char *)arrival->text.at, arrival->text.len, &head);

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

int arrival_need_text(struct arrival *arrival, struct report *report)
{
    if (arrival->text.at != NULL) {
        return 0;
    }
    int rc = read_text(arrival->path, &arrival->text);
    if (rc == 0) {
        rc = digest_equal(arrival->text.digest, arrival->stub.digest) ? 0 : CORDON_E_CORRUPT;
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

struct policy_load_source arrival_source(const struct policy_load_request *request, size_t i)
{
    return request->sources != NULL
               ? *request->sources[i]
               : (struct policy_load_source){.directory = request->directory,
                                             .keyring = request->keyring};
}

bool arrival_is_there(const char *path, uint64_t octets)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           (uint64_t)status.st_size == octets;
}

bool arrival_speaks_of_all(const struct policy_load_source *source)
{
    const struct trust_publisher *publisher = source->publisher;

    return (publisher == NULL || trust_scope_is_all(&publisher->root->scope)) &&
           (source->scope == NULL || trust_scope_is_all(source->scope));
}

int arrivals_read(const struct policy_load_request *request, struct report *report,
                  struct arrival *arrivals, struct policy_loaded *made)
{
    struct policy_kept_texts *known = malloc(sizeof(*known));
    size_t kept = 0;
    int rc = known == NULL ? -ENOMEM : 0;

    if (known != NULL) {
        known_find(request, known);
    }
    for (size_t i = 0; i < request->id_count && rc != -ENOMEM; i++) {
        report_progress(report, "verifying", i, request->id_count);
        arrivals[i].source = arrival_source(request, i);
        if (known_arrive(request, known, i, report, &arrivals[i], &made->lists[i])) {
            continue;
        }
        const int one = arrive_both(request, i, report, &kept, arrivals, made);

        rc = rc == 0 || one == -ENOMEM ? one : rc;
    }
    free(known);
    return rc;
}

int arrivals_read_rest(const struct policy_load_request *request, struct report *report,
                       struct arrival *arrivals, struct policy_loaded *made)
{
    size_t kept = 0;
    int rc = 0;

    for (size_t i = 0; i < made->list_count + made->newer_count; i++) {
        kept += arrivals[i].text.at != NULL ? arrivals[i].text.len : 0;
    }
    for (size_t i = 0; i < request->id_count && rc != -ENOMEM; i++) {
        if (made->lists[i].unread) {
            memset(&made->lists[i], 0, sizeof(made->lists[i]));
            const int one = arrive_both(request, i, report, &kept, arrivals, made);

            rc = rc == 0 || one == -ENOMEM ? one : rc;
        }
    }
    return rc;
}
