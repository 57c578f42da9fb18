#include "trust/keyring.h"

#include "base/error.h"
#include "base/file.h"
#include "base/invariant.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".minisig"

int trust_keyring_add(struct trust_keyring *keyring, const struct trust_public_key *key)
{
    for (size_t i = 0; i < keyring->count; i++) {
        const struct trust_public_key *known = &keyring->keys[i];
        if (memcmp(known->id, key->id, sizeof(key->id)) == 0 ||
            memcmp(known->key, key->key, sizeof(key->key)) == 0) {
            return -EEXIST;
        }
    }
    if (keyring->count == TRUST_KEYS_MAX) {
        return -ENOSPC;
    }
    keyring->keys[keyring->count++] = *key;
    return 0;
}

int trust_keyring_add_file(struct trust_keyring *keyring, const char *path,
                           struct report *report)
{
    struct trust_public_key key;
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = file_read(path, TRUST_KEY_FILE_MAX, &text, &len);

    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0, "the public key cannot be read: %s",
                   cordon_strerror(rc));
        return rc;
    }
    rc = trust_public_key_parse((const char *)text, len, &key);
    free(text);
    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "this is not a public key of minisign (%s): give the .pub file, of one "
                   "comment line and one base64 line",
                   cordon_strerror(rc));
        return rc;
    }
    char id[TRUST_KEY_ID_TEXT];
    trust_key_id_format(key.id, id);
    rc = trust_keyring_add(keyring, &key);
    if (rc == -EEXIST) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "the key %s, or its id, is in the keyring already and would count once: "
                   "remove one of the two",
                   id);
    } else if (rc == -ENOSPC) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "the key %s is one more than the %d that a keyring holds: remove keys that "
                   "no longer sign",
                   id, TRUST_KEYS_MAX);
    }
    return rc;
}

/* How a file is named after the key that signed: the id with all its digits, or without leading
 * zeros, as minisign prints it. */
enum form {
    FORM_WHOLE,
    FORM_SHORT,
    FORMS
};

/* Signature files beside a list. Those named after a trusted key are looked for by name, so
 * that no other file can crowd them out; of the others, sorted, the first few are kept. */
struct beside {
    bool of_key[TRUST_KEYS_MAX][FORMS];
    char names[TRUST_SIGNATURES_MAX][NAME_MAX + 1];
    size_t count;
    size_t left_out;
    size_t looked_at; /* of either kind */
};

/* The file at path, its folder (with the slash; empty: the working directory) and its name. */
struct place {
    const char *folder;
    int folder_len;
    const char *name;
};

static struct place place_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL) {
        return (struct place){"", 0, path};
    }
    return (struct place){path, (int)(slash - path) + 1, slash + 1};
}

/* NAME.*.minisig, with at least one octet for the star. */
static bool is_signature_of(const char *name, const char *candidate)
{
    const size_t name_len = strlen(name);
    const size_t len = strlen(candidate);

    return len > name_len + 1 + strlen(SUFFIX) && memcmp(candidate, name, name_len) == 0 &&
           candidate[name_len] == '.' && strcmp(candidate + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* Sorts the name in; the last one falls out if there are too many. So what is looked at does
 * not depend on the order in which the file system lists its files. */
static void insert(struct beside *beside, const char *name)
{
    size_t at = beside->count;

    while (at > 0 && strcmp(beside->names[at - 1], name) > 0) {
        at--;
    }
    if (beside->count == TRUST_SIGNATURES_MAX) {
        beside->left_out++;
        if (at == TRUST_SIGNATURES_MAX) {
            return;
        }
    } else {
        beside->count++;
    }
    memmove(beside->names + at + 1, beside->names + at,
            (beside->count - at - 1) * sizeof(beside->names[0]));
    snprintf(beside->names[at], sizeof(beside->names[at]), "%s", name);
}

static const struct trust_public_key *find_key(const struct trust_keyring *keyring,
                                               const uint8_t id[TRUST_KEY_ID_OCTETS])
{
    for (size_t i = 0; i < keyring->count; i++) {
        if (memcmp(keyring->keys[i].id, id, TRUST_KEY_ID_OCTETS) == 0) {
            return &keyring->keys[i];
        }
    }
    return NULL;
}

/* Notes a file that is named after a trusted key. False if it is not. */
static bool note_of_key(const struct trust_keyring *keyring, const char *name,
                        const char *candidate, struct beside *beside)
{
    const char *digits = candidate + strlen(name) + 1;
    const size_t len = strlen(digits) - strlen(SUFFIX);
    uint8_t id[TRUST_KEY_ID_OCTETS];

    if (len > 2 * TRUST_KEY_ID_OCTETS || strspn(digits, "0123456789ABCDEF") != len ||
        (len < 2 * TRUST_KEY_ID_OCTETS && digits[0] == '0')) {
        return false;
    }
    const uint64_t number = strtoull(digits, NULL, 16);
    for (size_t i = 0; i < TRUST_KEY_ID_OCTETS; i++) {
        id[i] = (uint8_t)(number >> 8 * i);
    }
    const struct trust_public_key *key = find_key(keyring, id);
    if (key == NULL) {
        return false;
    }
    const enum form form = len < 2 * TRUST_KEY_ID_OCTETS ? FORM_SHORT : FORM_WHOLE;
    beside->of_key[key - keyring->keys][form] = true;
    beside->looked_at++;
    return true;
}

static int find_beside(const struct trust_keyring *keyring, const struct place *place,
                       struct beside *beside)
{
    char folder[PATH_MAX];
    int rc = 0;

    memset(beside, 0, sizeof(*beside));
    if ((size_t)place->folder_len >= sizeof(folder)) {
        return -ENAMETOOLONG;
    }
    snprintf(folder, sizeof(folder), "%.*s", place->folder_len, place->folder);
    DIR *dir = opendir(place->folder_len > 0 ? folder : ".");
    if (dir == NULL) {
        return -errno;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            rc = -errno;
            break;
        }
        if (is_signature_of(place->name, entry->d_name) &&
            !note_of_key(keyring, place->name, entry->d_name, beside)) {
            insert(beside, entry->d_name);
        }
    }
    closedir(dir);
    beside->looked_at += beside->count;
    return rc;
}

static bool has_counted(const struct trust_verdict *verdict,
                        const uint8_t id[TRUST_KEY_ID_OCTETS])
{
    for (size_t i = 0; i < verdict->count; i++) {
        if (memcmp(verdict->ids[i], id, TRUST_KEY_ID_OCTETS) == 0) {
            return true;
        }
    }
    return false;
}

static int read_signature(const char *path, struct trust_signature *signature,
                          struct report *report)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = file_read(path, TRUST_SIGNATURE_FILE_MAX, &text, &len);

    if (rc != 0) {
        report_add(report, REPORT_WARNING, path, 0, 0, "the signature cannot be read: %s",
                   cordon_strerror(rc));
        return rc;
    }
    rc = trust_signature_parse((const char *)text, len, signature);
    free(text);
    if (rc != 0) {
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "this is not a signature file of minisign (%s): fetch it again",
                   cordon_strerror(rc));
    }
    return rc;
}

/* Looks at one signature file and counts its key, if it is trusted, has not been counted and
 * verifies. */
static void count_signature(const struct trust_keyring *keyring, const char *path,
                            const uint8_t *data, size_t len, struct report *report,
                            struct trust_verdict *verdict)
{
    struct trust_signature signature;
    char id[TRUST_KEY_ID_TEXT];

    if (read_signature(path, &signature, report) != 0) {
        return;
    }
    trust_key_id_format(signature.id, id);
    const struct trust_public_key *key = find_key(keyring, signature.id);
    if (key == NULL) {
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "signed by the key %s, which is not among the trusted keys: it counts for "
                   "nothing",
                   id);
    } else if (data == NULL && !signature.prehashed) {
        return; /* over what is not here */
    } else if (has_counted(verdict, signature.id)) {
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "the key %s has signed in another file already and counts once", id);
    } else if (trust_verify_hashed(key, &signature, data, len, verdict->hash) != 0) {
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "the signature by the key %s does not verify: the list or this file was "
                   "changed after signing, or they are of different versions; fetch both again",
                   id);
    } else {
        if (verdict->count == 0) {
            memcpy(verdict->trusted_comment, signature.trusted_comment,
                   sizeof(verdict->trusted_comment));
        }
        memcpy(verdict->ids[verdict->count++], signature.id, sizeof(signature.id));
    }
}

static void report_threshold(const struct trust_keyring *keyring, const char *path,
                             const struct beside *beside, size_t verified,
                             struct report *report)
{
    if (keyring->count < keyring->threshold) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "%u distinct trusted keys must have signed, but the keyring has %zu: add "
                   "public keys or lower the threshold",
                   keyring->threshold, keyring->count);
        return;
    }
    report_add(report, REPORT_ERROR, path, 0, 0,
               "%zu of the %u distinct trusted keys that are needed have signed (%zu signature "
               "file%s beside it): put the missing %s.KEY" SUFFIX
               " beside it, or trust the key that signed",
               verified, keyring->threshold, beside->looked_at,
               beside->looked_at == 1 ? "" : "s", place_of(path).name);
}

/* Counts the signature in a file of this name. */
static int count_file(const struct trust_keyring *keyring, const struct place *place,
                      const char *name, const uint8_t *data, size_t len, struct report *report,
                      struct trust_verdict *verdict)
{
    char file[PATH_MAX];
    const int used =
        snprintf(file, sizeof(file), "%.*s%s", place->folder_len, place->folder, name);

    if (used < 0 || (size_t)used >= sizeof(file)) {
        return -ENAMETOOLONG;
    }
    count_signature(keyring, file, data, len, report, verdict);
    return 0;
}

/* Those of the trusted keys first, in the order of the keyring. */
static int count_beside(const struct trust_keyring *keyring, const struct place *place,
                        const struct beside *beside, const uint8_t *data, size_t len,
                        struct report *report, struct trust_verdict *verdict)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < FORMS * keyring->count; i++) {
        char id[TRUST_KEY_ID_TEXT];
        char name[NAME_MAX + 1];

        if (beside->of_key[i / FORMS][i % FORMS]) {
            trust_key_id_format(keyring->keys[i / FORMS].id, id);
            snprintf(name, sizeof(name), "%s.%s" SUFFIX, place->name,
                     id + (i % FORMS == FORM_SHORT ? strspn(id, "0") : 0));
            rc = count_file(keyring, place, name, data, len, report, verdict);
        }
    }
    for (size_t i = 0; rc == 0 && i < beside->count; i++) {
        rc = count_file(keyring, place, beside->names[i], data, len, report, verdict);
    }
    return rc;
}

int trust_verify_beside(const struct trust_keyring *keyring, const char *path,
                        const uint8_t *data, size_t len, struct report *report,
                        struct trust_verdict *verdict)
{
    uint8_t hash[TRUST_HASH_OCTETS];

    trust_hash(data, len, hash); /* once, however many have signed */
    return trust_verify_beside_hashed(keyring, path, data, len, hash, report, verdict);
}

int trust_verify_beside_hashed(const struct trust_keyring *keyring, const char *path,
                               const uint8_t *data, size_t len,
                               const uint8_t hash[TRUST_HASH_OCTETS], struct report *report,
                               struct trust_verdict *verdict)
{
    const struct place place = place_of(path);
    struct trust_verdict found = {.count = 0};
    struct beside beside;

    invariant(keyring->threshold >= 1);
    int rc = find_beside(keyring, &place, &beside);
    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "its folder cannot be searched for signatures: %s", cordon_strerror(rc));
        return rc;
    }
    memcpy(found.hash, hash, sizeof(found.hash));
    rc = count_beside(keyring, &place, &beside, data, len, report, &found);
    if (rc != 0) {
        return rc;
    }
    if (beside.left_out > 0) {
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "%zu more signature files beside it were not looked at: at most %d are that "
                   "are not named after a trusted key",
                   beside.left_out, TRUST_SIGNATURES_MAX);
    }
    if (found.count < keyring->threshold) {
        report_threshold(keyring, path, &beside, found.count, report);
        return CORDON_E_THRESHOLD;
    }
    *verdict = found;
    return 0;
}

int trust_signatures_beside(const char *path, size_t *count)
{
    static const struct trust_keyring nobody = {.threshold = 1};
    const struct place place = place_of(path);
    struct beside beside;

    const int rc = find_beside(&nobody, &place, &beside);
    *count = rc == 0 ? beside.looked_at + beside.left_out : 0;
    return rc;
}
