/* update/candidate.c - roots and catalogue of a candidate, and what comes of it. */
#include "update/candidate_inside.h"

#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIGNATURE_SUFFIX ".minisig"

int candidate_fault(struct candidate *making, const char *path, int rc)
{
    report_add(making->report, REPORT_ERROR, path, 0, 0, "%s", cordon_strerror(rc));
    return CANDIDATE_END(UPDATE_ANSWER_FAULT);
}

int candidate_bad(struct candidate *making, const char *name, const char *words)
{
    report_add(making->report, REPORT_ERROR, making->request->source, 0, 0, "%s: %s", name,
               words);
    return CANDIDATE_END(UPDATE_ANSWER_BAD);
}

bool candidate_ends_with(const char *name, const char *suffix)
{
    const size_t len = strlen(name);

    return len > strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0;
}

static bool is_no_list(const char *name, void *context)
{
    (void)context;
    return !candidate_ends_with(name, CANDIDATE_LIST);
}

static uint64_t mono_s(const struct update_request *request)
{
    return request->mono_s == NULL ? 0 : request->mono_s(request->get_context);
}

/* Each file in good time, and all of them never: a source must not hold up the others. */
static int check_time(struct candidate *making)
{
    const struct update_request *request = making->request;

    if (request->mono_s == NULL || mono_s(request) - making->began_s < request->source_s) {
        return 0;
    }
    making->offer->slow = true;
    snprintf(making->offer->why, sizeof(making->offer->why),
             "its files take more than %" PRIu64 " s together", request->source_s);
    return CANDIDATE_END(UPDATE_ANSWER_UNREACHABLE);
}

int candidate_ask(struct candidate *making, struct update_wanted *wanted,
                  struct update_gotten *gotten, enum update_got *got)
{
    const struct update_request *request = making->request;
    const int late = check_time(making);

    memset(gotten, 0, sizeof(*gotten));
    *got = UPDATE_UNREACHABLE;
    if (late != 0) {
        return late;
    }
    wanted->source = request->source;
    making->offer->requests++;
    *got = request->get(request->get_context, wanted, gotten);
    making->offer->octets +=
        gotten->octets - (gotten->resumed && gotten->octets >= wanted->from ? wanted->from : 0);
    switch (*got) {
    case UPDATE_GOT:
    case UPDATE_GOT_NOTHING:
    case UPDATE_ABSENT:
        return 0;
    case UPDATE_GOT_PART:
    case UPDATE_UNREACHABLE:
        making->offer->retry_after_s = gotten->retry_after_s;
        snprintf(making->offer->why, sizeof(making->offer->why), "%s: %.400s", wanted->name,
                 gotten->why);
        return CANDIDATE_END(UPDATE_ANSWER_UNREACHABLE);
    case UPDATE_TOO_LARGE:
        return candidate_bad(making, "refused", gotten->why);
    case UPDATE_UNWRITABLE:
        break;
    }
    report_add(making->report, REPORT_ERROR, request->place->base, 0, 0, "%s", gotten->why);
    return CANDIDATE_END(UPDATE_ANSWER_FAULT);
}

/* A file that is small, whole or not at all: FOLDER/NAME of the candidate. */
static int get_small(struct candidate *making, const char *name, uint64_t max,
                     const struct update_known *known, struct update_gotten *gotten,
                     enum update_got *got)
{
    const struct update_place *place = making->request->place;
    char part[PATH_MAX], path[PATH_MAX];

    if (!update_path(part, "%s/small.part", place->incoming) ||
        !update_path(path, "%s/%s", place->candidate, name)) {
        return candidate_fault(making, name, -ENAMETOOLONG);
    }
    const int fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return candidate_fault(making, part, -errno);
    }
    struct update_wanted wanted = {
        .name = name,
        .fd = fd,
        .max = max,
        .if_none_match = known != NULL ? known->etag : NULL,
        .if_modified_since = known != NULL && known->etag[0] == '\0' ? known->modified : NULL};
    int rc = candidate_ask(making, &wanted, gotten, got);
    if (close(fd) != 0 && rc == 0) { /* some file systems tell only now that they are full */
        rc = candidate_fault(making, part, -errno);
    }
    if (rc == 0 && *got == UPDATE_GOT && rename(part, path) != 0) {
        rc = candidate_fault(making, path, -errno);
    }
    return rc;
}

bool candidate_is_signed(const struct trust_keyring *keyring, const char *path)
{
    struct trust_verdict verdict;
    uint8_t *data = NULL;
    size_t len = 0;

    if (file_read(path, TRUST_LIST_OCTETS_MAX, &data, &len) != 0) {
        return false;
    }
    const bool is = trust_verify_beside(keyring, path, data, len, NULL, &verdict) == 0;
    free(data);
    return is;
}

/* The signature of one key over NAME, in a file that is named after the key, in either
 * spelling. */
static int get_signature(struct candidate *making, const char *name,
                         const struct trust_public_key *key)
{
    char file[NAME_MAX + 1];
    char id[TRUST_KEY_ID_TEXT];
    struct update_gotten gotten;
    enum update_got got = UPDATE_ABSENT;
    int rc = 0;

    trust_key_id_format(key->id, id);
    for (size_t zeros = 0; rc == 0 && got == UPDATE_ABSENT; zeros = strspn(id, "0")) {
        snprintf(file, sizeof(file), "%s.%s" SIGNATURE_SUFFIX, name, id + zeros);
        rc = get_small(making, file, TRUST_SIGNATURE_FILE_MAX, NULL, &gotten, &got);
        if (zeros > 0 || strspn(id, "0") == 0) {
            break;
        }
    }
    return rc;
}

int candidate_get_signatures(struct candidate *making, const char *name,
                             const struct trust_keyring *keyring)
{
    char path[PATH_MAX];
    int rc = 0;

    if (!update_path(path, "%s/%s", making->request->place->candidate, name)) {
        return candidate_fault(making, name, -ENAMETOOLONG);
    }
    for (size_t i = 0; rc == 0 && i < keyring->count; i++) {
        if (i >= keyring->threshold && candidate_is_signed(keyring, path)) {
            break;
        }
        rc = get_signature(making, name, &keyring->keys[i]);
    }
    return rc;
}

int candidate_copy_signed(struct candidate *making, const char *from, const char *name)
{
    const char *slash = strrchr(from, '/');
    const char *base = slash == NULL ? from : slash + 1;
    const char *folder = making->request->place->candidate;
    char path[PATH_MAX], beside[PATH_MAX];

    if (!update_path(path, "%s/%s", folder, name)) {
        return -ENAMETOOLONG;
    }
    int rc = update_store_copy(from, path);
    if (!update_path(path, "%.*s", slash == NULL ? 1 : (int)(slash - from + 1),
                     slash == NULL ? "." : from)) {
        return -ENAMETOOLONG;
    }
    DIR *dir = rc == 0 ? opendir(path) : NULL;
    for (const struct dirent *entry = dir == NULL ? NULL : readdir(dir);
         rc == 0 && entry != NULL; entry = readdir(dir)) {
        const size_t len = strlen(base);

        if (strncmp(entry->d_name, base, len) == 0 && entry->d_name[len] == '.' &&
            candidate_ends_with(entry->d_name, SIGNATURE_SUFFIX)) {
            rc = update_path(path, "%.*s%s", (int)(base - from), from, entry->d_name) &&
                         update_path(beside, "%s/%s%s", folder, name, entry->d_name + len)
                     ? update_store_copy(path, beside)
                     : -ENAMETOOLONG;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return rc;
}

/* Takes NAME, and what has signed it, back out of the candidate. */
static bool is_of(const char *name, void *context)
{
    const size_t len = strlen(context);

    return strncmp(name, context, len) == 0 && (name[len] == '\0' || name[len] == '.');
}

static void drop(struct candidate *making, char *name)
{
    update_store_clear(making->request->place->candidate, is_of, name);
}

/* The signatures of both roots over the new one, which is in the candidate. Its own keys are
 * read only once enough of the old ones have signed it. */
static int get_root_signatures(struct candidate *making, const char *name, const char *path)
{
    struct trust_verdict verdict;
    struct trust_root *next = NULL;
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = candidate_get_signatures(making, name, &making->root->root);

    if (rc != 0) {
        return rc;
    }
    int code = file_read(path, TRUST_ROOT_OCTETS_MAX, &text, &len);
    if (code == 0) {
        code =
            trust_verify_beside(&making->root->root, path, text, len, making->report, &verdict);
    }
    if (code == 0) {
        code = trust_root_parse((const char *)text, len, path, making->report, &next);
    }
    free(text);
    if (code != 0) {
        return candidate_bad(making, name, "the next root does not follow the one before");
    }
    rc = candidate_get_signatures(making, name, &next->root);
    free(next);
    return rc;
}

/* From the root so far to the next. CANDIDATE_END(UPDATE_ANSWER_SAME): there is none. */
static int follow_root(struct candidate *making)
{
    const struct update_request *request = making->request;
    char name[32], path[PATH_MAX], from[PATH_MAX];
    struct trust_root *next = NULL;
    struct update_gotten gotten;
    enum update_got got = UPDATE_ABSENT;

    snprintf(name, sizeof(name), "%" PRIu32 ".root", making->root->version + 1);
    if (!update_path(path, "%s/%s", request->place->candidate, name)) {
        return candidate_fault(making, name, -ENAMETOOLONG);
    }
    if (request->in_force != NULL && update_path(from, "%s/%s", request->in_force, name) &&
        candidate_copy_signed(making, from, name) == 0 &&
        trust_root_successor(making->root, path, NULL, &next) == 0) {
        free(making->root);
        making->root = next;
        return 0;
    }
    drop(making, name);
    int rc = get_small(making, name, TRUST_ROOT_OCTETS_MAX, NULL, &gotten, &got);
    if (rc == 0 && got != UPDATE_GOT) {
        return CANDIDATE_END(UPDATE_ANSWER_SAME);
    }
    rc = rc == 0 ? get_root_signatures(making, name, path) : rc;
    if (rc != 0) {
        return rc;
    }
    if (trust_root_successor(making->root, path, making->report, &next) != 0) {
        return candidate_bad(making, name, "the next root is refused");
    }
    free(making->root);
    making->root = next;
    making->new_root = true;
    return 0;
}

static int get_roots(struct candidate *making)
{
    const char *pinned = making->request->pinned;
    char name[32];
    int rc = trust_root_pinned(pinned, making->report, &making->root);

    if (rc != 0) {
        return CANDIDATE_END(UPDATE_ANSWER_FAULT);
    }
    snprintf(name, sizeof(name), "%" PRIu32 ".root", making->root->version);
    rc = candidate_copy_signed(making, pinned, name);
    if (rc != 0) {
        return candidate_fault(making, pinned, rc);
    }
    for (unsigned steps = 0; rc == 0; steps++) {
        if (steps == TRUST_ROOTS_MAX || making->root->version == UINT32_MAX) {
            return candidate_bad(making, name,
                                 "more roots follow than are followed: pin a newer one");
        }
        rc = follow_root(making);
    }
    return rc == CANDIDATE_END(UPDATE_ANSWER_SAME) ? 0 : rc;
}

static bool hash_file(const char *path, size_t max, uint8_t hash[TRUST_HASH_OCTETS])
{
    uint8_t *data = NULL;
    size_t len = 0;

    if (file_read(path, max, &data, &len) != 0) {
        return false;
    }
    trust_hash(data, len, hash);
    free(data);
    return true;
}

/* What is remembered of the source counts if it was said with the catalogue in force. */
static const struct update_known *usable(const struct update_request *request,
                                         const char *in_force)
{
    uint8_t hash[TRUST_HASH_OCTETS];

    return request->known != NULL && request->in_force != NULL &&
                   (request->known->etag[0] != '\0' || request->known->modified[0] != '\0') &&
                   hash_file(in_force, TRUST_CATALOGUE_OCTETS_MAX, hash) &&
                   memcmp(hash, request->known->hash, sizeof(hash)) == 0
               ? request->known
               : NULL;
}

/* The catalogue, with enough signatures: that of the source, or the one in force if the source
 * says that it is still so. *same: it is the one in force. */
static int get_catalogue(struct candidate *making, bool *same)
{
    static const char name[] = "catalogue";
    const struct update_request *request = making->request;
    struct update_offer *offer = making->offer;
    char path[PATH_MAX], in_force[PATH_MAX] = "";
    uint8_t hash[TRUST_HASH_OCTETS];
    struct update_gotten gotten;
    enum update_got got;

    if (!update_path(path, "%s/%s", request->place->candidate, name) ||
        !update_path(in_force, "%s/%s", request->in_force != NULL ? request->in_force : "",
                     name)) {
        return candidate_fault(making, name, -ENAMETOOLONG);
    }
    const struct update_known *known = usable(request, in_force);
    int rc = get_small(making, name, TRUST_CATALOGUE_OCTETS_MAX, known, &gotten, &got);
    if (rc != 0) {
        return rc;
    }
    if (got == UPDATE_ABSENT || (got == UPDATE_GOT_NOTHING && known == NULL)) {
        snprintf(offer->why, sizeof(offer->why), "%s: %.400s", name, gotten.why);
        return CANDIDATE_END(UPDATE_ANSWER_UNREACHABLE);
    }
    if (got == UPDATE_GOT_NOTHING && known != NULL) {
        rc = candidate_copy_signed(making, in_force, name);
        if (rc != 0) {
            return candidate_fault(making, in_force, rc);
        }
        memcpy(offer->etag, known->etag, sizeof(offer->etag));
        memcpy(offer->modified, known->modified, sizeof(offer->modified));
    } else {
        memcpy(offer->etag, gotten.etag, sizeof(offer->etag));
        memcpy(offer->modified, gotten.modified, sizeof(offer->modified));
    }
    if (!hash_file(path, TRUST_CATALOGUE_OCTETS_MAX, offer->hash)) {
        return candidate_fault(making, path, -EIO);
    }
    offer->has_hash = true;
    *same = request->in_force != NULL &&
            hash_file(in_force, TRUST_CATALOGUE_OCTETS_MAX, hash) &&
            memcmp(hash, offer->hash, sizeof(hash)) == 0;
    if (*same && got == UPDATE_GOT) { /* those that were enough before */
        (void)candidate_copy_signed(making, in_force, name);
    }
    return candidate_is_signed(&making->root->list, path)
               ? 0
               : candidate_get_signatures(making, name, &making->root->list);
}

/* Roots and catalogue are there: may they follow? Then the lists. */
static int take(struct candidate *making, bool same)
{
    const struct update_request *request = making->request;
    struct update_offer *offer = making->offer;
    const struct trust_publisher_request open = {.pinned = request->pinned,
                                                 .folder = request->place->candidate,
                                                 .name = request->publisher,
                                                 .ratchet = request->ratchet,
                                                 .now_s = request->now_s};
    int rc = trust_publisher_open(&open, making->report, &offer->publisher);

    if (rc != 0) {
        return candidate_bad(making, "refused", "what it has may not follow what was accepted");
    }
    if (same && !making->new_root && candidate_has_all(request, offer->publisher->catalogue)) {
        return CANDIDATE_END(UPDATE_ANSWER_SAME);
    }
    rc = candidate_get_lists(making, offer->publisher->catalogue);
    if (rc == 0 && update_candidate_verify(request, offer->publisher, making->report) != 0) {
        rc = CANDIDATE_END(UPDATE_ANSWER_BAD);
    }
    return rc;
}

enum update_answer update_candidate(const struct update_request *request, struct report *report,
                                    struct update_offer *offer)
{
    struct candidate making = {.request = request, .report = report, .offer = offer};
    bool same = false;

    memset(offer, 0, sizeof(*offer));
    making.began_s = mono_s(request);
    update_store_clear(request->place->candidate, is_no_list, NULL);
    int rc = get_roots(&making);
    rc = rc == 0 ? get_catalogue(&making, &same) : rc;
    rc = rc == 0 ? take(&making, same) : rc;
    free(making.root);
    const enum update_answer answer = rc == 0 ? UPDATE_ANSWER_NEW : CANDIDATE_ANSWER(rc);
    if (answer != UPDATE_ANSWER_NEW) {
        trust_publisher_free(offer->publisher);
        offer->publisher = NULL;
    }
    if (answer == UPDATE_ANSWER_SAME) {
        update_store_clear(request->place->candidate, NULL, NULL);
    }
    return answer;
}
