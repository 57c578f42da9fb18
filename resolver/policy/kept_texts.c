/*
 * What texts were when they were read and verified last: a file beside the kept images, under
 * the same key (kept.h).
 *
 *   "cordon-texts 1\n", a record for each list, a keyed digest of all that.
 *
 * Nothing of it is looked at before the digest holds, and whatever is wrong with it is no more
 * than a reason to read the texts.
 */
#include "policy/kept_inside.h"

#include "base/digest.h"
#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD        "cordon-texts 1\n"
#define HEAD_OCTETS (sizeof(HEAD) - 1)

/* A record: id, filled with zeros; octets, the highest first; both hashes. */
#define RECORD_ID     64u
#define RECORD_OCTETS (RECORD_ID + 8u + TRUST_HASH_OCTETS + DIGEST_OCTETS)
#define FILE_MAX      (HEAD_OCTETS + POLICY_LISTS_MAX * RECORD_OCTETS + DIGEST_OCTETS)

static bool texts_path(const char *folder, char path[PATH_MAX])
{
    return (size_t)snprintf(path, PATH_MAX, "%s/" POLICY_KEPT_TEXTS, folder) < PATH_MAX;
}

static void take_record(const uint8_t *at, struct policy_kept_text *text)
{
    memset(text, 0, sizeof(*text));
    memcpy(text->id, at, RECORD_ID);
    at += RECORD_ID;
    for (unsigned i = 0; i < 8; i++) {
        text->octets = text->octets << 8 | *at++;
    }
    memcpy(text->hash, at, sizeof(text->hash));
    memcpy(text->digest, at + sizeof(text->hash), sizeof(text->digest));
}

static void put_record(const struct policy_kept_text *text, uint8_t *at)
{
    memset(at, 0, RECORD_ID);
    memcpy(at, text->id, strnlen(text->id, RECORD_ID));
    at += RECORD_ID;
    for (unsigned i = 0; i < 8; i++) {
        *at++ = (uint8_t)(text->octets >> (56 - 8 * i));
    }
    memcpy(at, text->hash, sizeof(text->hash));
    memcpy(at + sizeof(text->hash), text->digest, sizeof(text->digest));
}

bool policy_kept_texts_find(const char *folder, struct policy_kept_texts *texts)
{
    uint8_t key[DIGEST_KEY_OCTETS], digest[DIGEST_OCTETS];
    char path[PATH_MAX];
    uint8_t *data = NULL;
    size_t len = 0;
    bool found = false;

    texts->count = 0;
    if (!texts_path(folder, path) || file_read(path, FILE_MAX, &data, &len) != 0) {
        return false;
    }
    if (len >= HEAD_OCTETS + DIGEST_OCTETS &&
        (len - HEAD_OCTETS - DIGEST_OCTETS) % RECORD_OCTETS == 0 &&
        kept_key(folder, key) == 0) {
        digest_of(data, len - DIGEST_OCTETS, key, digest);
        found = digest_equal(digest, data + len - DIGEST_OCTETS) &&
                memcmp(data, HEAD, HEAD_OCTETS) == 0;
        explicit_bzero(key, sizeof(key));
    }
    if (found) {
        texts->count = (len - HEAD_OCTETS - DIGEST_OCTETS) / RECORD_OCTETS;
        for (size_t i = 0; i < texts->count; i++) {
            take_record(data + HEAD_OCTETS + i * RECORD_OCTETS, &texts->at[i]);
        }
    }
    free(data);
    return found;
}

static bool are_same(const struct policy_kept_texts *a, const struct policy_kept_texts *b)
{
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->at[i].id, b->at[i].id) == 0 && a->at[i].octets == b->at[i].octets &&
               memcmp(a->at[i].hash, b->at[i].hash, sizeof(a->at[i].hash)) == 0 &&
               digest_equal(a->at[i].digest, b->at[i].digest);
    }
    return same;
}

static int write_texts(const char *folder, const struct policy_kept_texts *texts)
{
    const size_t len = HEAD_OCTETS + texts->count * RECORD_OCTETS;
    uint8_t key[DIGEST_KEY_OCTETS];
    char path[PATH_MAX];
    int rc = texts_path(folder, path) ? kept_key(folder, key) : -ENAMETOOLONG;

    if (rc != 0) {
        return rc;
    }
    uint8_t *data = malloc(len + DIGEST_OCTETS);
    if (data == NULL) {
        rc = -ENOMEM;
    } else {
        memcpy(data, HEAD, HEAD_OCTETS);
        for (size_t i = 0; i < texts->count; i++) {
            put_record(&texts->at[i], data + HEAD_OCTETS + i * RECORD_OCTETS);
        }
        digest_of(data, len, key, data + len);
        rc = file_write_atomic(path, data, len + DIGEST_OCTETS, 0600);
    }
    explicit_bzero(key, sizeof(key));
    free(data);
    return rc;
}

void policy_kept_texts_note(const char *folder, const struct policy_kept_texts *texts)
{
    struct policy_kept_texts *before = malloc(sizeof(*before));

    if (before != NULL &&
        !(policy_kept_texts_find(folder, before) && are_same(before, texts))) {
        (void)write_texts(folder, texts);
    }
    free(before);
}
