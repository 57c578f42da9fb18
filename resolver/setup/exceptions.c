#include "setup/exceptions.h"

#include "base/error.h"
#include "setup/setup.h"
#include "trust/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who signs lists could otherwise let through what the lists do not. */
static int check_apart(const struct trust_keyring *keyring, const struct trust_keyring *lists,
                       struct report *report)
{
    char id[TRUST_KEY_ID_TEXT];

    for (size_t i = 0; i < keyring->count; i++) {
        for (size_t j = 0; j < lists->count; j++) {
            const struct trust_public_key *key = &keyring->keys[i];

            if (memcmp(key->key, lists->keys[j].key, sizeof(key->key)) == 0 ||
                memcmp(key->id, lists->keys[j].id, sizeof(key->id)) == 0) {
                trust_key_id_format(key->id, id);
                report_add(report, REPORT_ERROR, "exceptions.keys", 0, 0,
                           "the key %s signs lists: exceptions have keys of their own", id);
                return CORDON_E_REFUSED;
            }
        }
    }
    return 0;
}

/* One id is one exception, in whichever file: the later file is refused. */
static void check_ids(struct setup_exceptions *exceptions, size_t last, struct report *report)
{
    struct setup_exception_file *file = &exceptions->at[last];
    const struct policy_exception_file *here = file->loaded.file;

    for (size_t i = 0; i < last && file->loaded.file != NULL; i++) {
        const struct policy_exception_file *other = exceptions->at[i].loaded.file;

        if (other != NULL && strcmp(other->id, here->id) == 0) {
            snprintf(file->loaded.fault, sizeof(file->loaded.fault),
                     "%.400s: its id, %s, is that of %.400s: name one of them", file->path,
                     here->id, exceptions->at[i].path);
            report_add(report, REPORT_ERROR, NULL, 0, 0, "%s", file->loaded.fault);
            policy_exception_file_free(file->loaded.file);
            file->loaded.file = NULL;
        }
    }
}

static int read_files(const struct config *config, const struct trust_keyring *keyring,
                      uint64_t now_s, struct report *report, struct setup_exceptions *out)
{
    for (size_t i = 0; i < config->exception_file_count; i++) {
        struct setup_exception_file *file = &out->at[i];

        file->path = strdup(config->exception_files[i]);
        if (file->path == NULL) {
            return -ENOMEM;
        }
        out->count++;
        if (policy_exception_load(file->path, keyring, config->exceptions_signed, now_s, report,
                                  &file->loaded) == -ENOMEM) {
            return -ENOMEM;
        }
        check_ids(out, i, report);
    }
    return 0;
}

int setup_exceptions_read(const struct config *config, const struct trust_keyring *lists,
                          uint64_t now_s, struct report *report, struct setup_exceptions **out)
{
    struct setup_exceptions *made = calloc(1, sizeof(*made));
    struct trust_keyring *keyring = calloc(1, sizeof(*keyring));
    int rc = made == NULL || keyring == NULL ? -ENOMEM : 0;

    if (rc == 0 && config->exception_key_count > 0) {
        rc = trust_keyring_load((const char *const *)config->exception_keys,
                                config->exception_key_count, config->exception_threshold,
                                report, keyring);
    }
    if (rc == 0) {
        rc = check_apart(keyring, lists, report);
    }
    if (rc == 0) {
        made->required = config->exceptions_signed;
        rc = read_files(config, keyring->count > 0 ? keyring : NULL, now_s, report, made);
    }
    free(keyring);
    if (rc == 0) {
        *out = made;
    } else {
        setup_exceptions_free(made);
    }
    return rc;
}

/* An operator's own file may begin anew with any serial; a signed one is somebody's word. */
static bool is_signed(const struct setup_exception_file *file)
{
    return file->loaded.file != NULL && file->loaded.verdict.count > 0;
}

/* As a ratchet has it: the digest of a file of exceptions is half as long. */
static void hash_of(const struct policy_exception_file *file, uint8_t hash[TRUST_HASH_OCTETS])
{
    memset(hash, 0, TRUST_HASH_OCTETS);
    memcpy(hash, file->digest, sizeof(file->digest));
}

void setup_exceptions_compare(struct setup_exceptions *exceptions,
                              const struct trust_ratchet *ratchet, struct report *report)
{
    for (size_t i = 0; ratchet != NULL && i < exceptions->count; i++) {
        struct setup_exception_file *file = &exceptions->at[i];
        struct policy_exception_file *here = file->loaded.file;
        uint8_t hash[TRUST_HASH_OCTETS];

        if (!is_signed(file)) {
            continue;
        }
        const struct trust_mark_list *mark = trust_ratchet_find_file(ratchet, here->id);
        hash_of(here, hash);
        if (mark == NULL || here->serial > mark->serial ||
            (here->serial == mark->serial && memcmp(hash, mark->hash, sizeof(hash)) == 0)) {
            continue;
        }
        snprintf(file->loaded.fault, sizeof(file->loaded.fault),
                 here->serial < mark->serial
                     ? "%.500s: its serial, %" PRIu32
                       ", is lower than that in force before, %" PRIu32
                       ": an older file was put back"
                     : "%.500s: it has changed, and has the serial %" PRIu32
                       " still, which was accepted before with another text: give it a higher "
                       "one than %" PRIu32,
                 file->path, here->serial, mark->serial);
        report_add(report, REPORT_ERROR, NULL, 0, 0, "%s", file->loaded.fault);
        policy_exception_file_free(here);
        file->loaded.file = NULL;
    }
}

void setup_exceptions_note(const struct setup_exceptions *exceptions,
                           struct trust_ratchet *ratchet, struct report *report, bool *changed)
{
    for (size_t i = 0; i < exceptions->count; i++) {
        const struct setup_exception_file *file = &exceptions->at[i];
        const struct policy_exception_file *here = file->loaded.file;
        uint8_t hash[TRUST_HASH_OCTETS];

        if (!is_signed(file)) {
            continue;
        }
        const struct trust_mark_list *mark = trust_ratchet_find_file(ratchet, here->id);
        if (mark != NULL && mark->serial >= here->serial) {
            continue;
        }
        hash_of(here, hash);
        const int rc = trust_ratchet_note_file(ratchet, here->id, here->serial, hash);
        if (rc == 0) {
            *changed = true;
        } else {
            report_add(report, REPORT_WARNING, file->path, 0, 0,
                       "its serial cannot be remembered (%s): after a restart, an older file "
                       "would not be noticed",
                       cordon_strerror(rc));
        }
    }
}

void setup_exceptions_free(struct setup_exceptions *exceptions)
{
    for (size_t i = 0; exceptions != NULL && i < exceptions->count; i++) {
        free(exceptions->at[i].path);
        policy_exception_file_free(exceptions->at[i].loaded.file);
    }
    free(exceptions);
}

/* Those of one file that hold at the time, to the end of list. How many there are then. */
static size_t add_holding(const struct setup_snapshot *snapshot,
                          const struct policy_exception_file *file, uint64_t now_s,
                          struct policy_exception *list, size_t count)
{
    for (size_t i = 0; i < file->count && count < POLICY_EXCEPTIONS_ALL_MAX; i++) {
        const struct policy_exception_entry *entry = &file->entries[i];
        unsigned view = 0;

        while (view < snapshot->view_count && entry->view[0] != '\0' &&
               strcmp(snapshot->views[view].name, entry->view) != 0) {
            view++;
        }
        if (view < snapshot->view_count && entry->from_s <= now_s && now_s < entry->until_s) {
            list[count] = entry->exception;
            list[count++].view = (uint8_t)(entry->view[0] == '\0' ? POLICY_ANY_VIEW : view);
        }
    }
    return count;
}

int setup_snapshot_exceptions(const struct setup_snapshot *snapshot, uint64_t now_s,
                              struct policy_exception **list, size_t *count)
{
    const struct setup_exceptions *files = snapshot->exceptions;
    size_t room = 0;

    *count = 0;
    for (size_t i = 0; files != NULL && i < files->count; i++) {
        room += files->at[i].loaded.file != NULL ? files->at[i].loaded.file->count : 0;
    }
    *list = calloc(room + 1, sizeof((*list)[0]));
    if (*list == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; files != NULL && i < files->count; i++) {
        if (files->at[i].loaded.file != NULL) {
            *count = add_holding(snapshot, files->at[i].loaded.file, now_s, *list, *count);
        }
    }
    return 0;
}

int setup_snapshot_except(struct setup_snapshot *from, uint64_t now_s, uint64_t generation,
                          size_t *count, struct setup_snapshot **snapshot)
{
    struct policy_exception *list = NULL;
    int rc = setup_snapshot_exceptions(from, now_s, &list, count);

    if (rc == 0) {
        const struct policy_changes changes = {.exceptions = list, .exception_count = *count};

        rc = setup_snapshot_derive(from, &changes, now_s, generation, snapshot);
    }
    free(list);
    return rc;
}
