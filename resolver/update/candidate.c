#include "update/candidate.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_SUFFIX      ".list"
#define SIGNATURE_SUFFIX ".minisig"

/* A candidate in the making. Steps return 0, or the answer that ends it, as a negative number.
 */
struct making {
    const struct update_request *request;
    struct report *report;
    struct update_offer *offer;
    struct trust_root *root; /* the newest so far */
    bool new_root;           /* which the set in force does not have */
    uint64_t began_s;        /* monotonic */
};

#define END(answer) (-(int)(answer)-1)
#define ANSWER(end) ((enum update_answer)(-(end)-1))

static int fault(struct making *making, const char *path, int rc)
{
    report_add(making->report, REPORT_ERROR, path, 0, 0, "%s", cordon_strerror(rc));
    return END(UPDATE_ANSWER_FAULT);
}

static int bad(struct making *making, const char *name, const char *words)
{
    report_add(making->report, REPORT_ERROR, making->request->source, 0, 0, "%s: %s", name,
               words);
    return END(UPDATE_ANSWER_BAD);
}

static bool ends_with(const char *name, const char *suffix)
{
    const size_t len = strlen(name);

    return len > strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0;
}

static bool is_no_list(const char *name, void *context)
{
    (void)context;
    return !ends_with(name, LIST_SUFFIX);
}

static uint64_t mono_s(const struct update_request *request)
{
    return request->mono_s == NULL ? 0 : request->mono_s(request->get_context);
}

/* Each file in good time, and all of them never: a source must not hold up the others. */
static int check_time(struct making *making)
{
    const struct update_request *request = making->request;

    if (request->mono_s == NULL || mono_s(request) - making->began_s < request->source_s) {
        return 0;
    }
    making->offer->slow = true;
    snprintf(making->offer->why, sizeof(making->offer->why),
             "its files take more than %" PRIu64 " s together", request->source_s);
    return END(UPDATE_ANSWER_UNREACHABLE);
}

/* One request. 0 and *got; an end where nothing can go on. */
static int ask(struct making *making, struct update_wanted *wanted,
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
        return END(UPDATE_ANSWER_UNREACHABLE);
    case UPDATE_TOO_LARGE:
        return bad(making, "refused", gotten->why);
    case UPDATE_UNWRITABLE:
        break;
    }
    report_add(making->report, REPORT_ERROR, request->place->base, 0, 0, "%s", gotten->why);
    return END(UPDATE_ANSWER_FAULT);
}

/* A file that is small, whole or not at all: FOLDER/NAME of the candidate. */
static int get_small(struct making *making, const char *name, uint64_t max,
                     const struct update_known *known, struct update_gotten *gotten,
                     enum update_got *got)
{
    const struct update_place *place = making->request->place;
    char part[PATH_MAX], path[PATH_MAX];

    if (!update_path(part, "%s/small.part", place->incoming) ||
        !update_path(path, "%s/%s", place->candidate, name)) {
        return fault(making, name, -ENAMETOOLONG);
    }
    const int fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return fault(making, part, -errno);
    }
    struct update_wanted wanted = {
        .name = name,
        .fd = fd,
        .max = max,
        .if_none_match = known != NULL ? known->etag : NULL,
        .if_modified_since = known != NULL && known->etag[0] == '\0' ? known->modified : NULL};
    int rc = ask(making, &wanted, gotten, got);
    if (close(fd) != 0 && rc == 0) { /* some file systems tell only now that they are full */
        rc = fault(making, part, -errno);
    }
    if (rc == 0 && *got == UPDATE_GOT && rename(part, path) != 0) {
        rc = fault(making, path, -errno);
    }
    return rc;
}

/* Is there enough beside it? Says nothing. */
static bool is_signed(const struct trust_keyring *keyring, const char *path)
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
static int get_signature(struct making *making, const char *name,
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

/* As many as are needed, in the order of the keys. Too few: the one who verifies says so. */
static int get_signatures(struct making *making, const char *name,
                          const struct trust_keyring *keyring)
{
    char path[PATH_MAX];
    int rc = 0;

    if (!update_path(path, "%s/%s", making->request->place->candidate, name)) {
        return fault(making, name, -ENAMETOOLONG);
    }
    for (size_t i = 0; rc == 0 && i < keyring->count; i++) {
        if (i >= keyring->threshold && is_signed(keyring, path)) {
            break;
        }
        rc = get_signature(making, name, &keyring->keys[i]);
    }
    return rc;
}

/* FROM and the signatures beside it, as NAME of the candidate. */
static int copy_signed(struct making *making, const char *from, const char *name)
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
            ends_with(entry->d_name, SIGNATURE_SUFFIX)) {
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

static void drop(struct making *making, char *name)
{
    update_store_clear(making->request->place->candidate, is_of, name);
}

/* The signatures of both roots over the new one, which is in the candidate. Its own keys are
 * read only once enough of the old ones have signed it. */
static int get_root_signatures(struct making *making, const char *name, const char *path)
{
    struct trust_verdict verdict;
    struct trust_root *next = NULL;
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = get_signatures(making, name, &making->root->root);

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
        return bad(making, name, "the next root does not follow the one before");
    }
    rc = get_signatures(making, name, &next->root);
    free(next);
    return rc;
}

/* From the root so far to the next. END(UPDATE_ANSWER_SAME): there is none. */
static int follow_root(struct making *making)
{
    const struct update_request *request = making->request;
    char name[32], path[PATH_MAX], from[PATH_MAX];
    struct trust_root *next = NULL;
    struct update_gotten gotten;
    enum update_got got = UPDATE_ABSENT;

    snprintf(name, sizeof(name), "%" PRIu32 ".root", making->root->version + 1);
    if (!update_path(path, "%s/%s", request->place->candidate, name)) {
        return fault(making, name, -ENAMETOOLONG);
    }
    if (request->in_force != NULL && update_path(from, "%s/%s", request->in_force, name) &&
        copy_signed(making, from, name) == 0 &&
        trust_root_successor(making->root, path, NULL, &next) == 0) {
        free(making->root);
        making->root = next;
        return 0;
    }
    drop(making, name);
    int rc = get_small(making, name, TRUST_ROOT_OCTETS_MAX, NULL, &gotten, &got);
    if (rc == 0 && got != UPDATE_GOT) {
        return END(UPDATE_ANSWER_SAME);
    }
    rc = rc == 0 ? get_root_signatures(making, name, path) : rc;
    if (rc != 0) {
        return rc;
    }
    if (trust_root_successor(making->root, path, making->report, &next) != 0) {
        return bad(making, name, "the next root is refused");
    }
    free(making->root);
    making->root = next;
    making->new_root = true;
    return 0;
}

static int get_roots(struct making *making)
{
    const char *pinned = making->request->pinned;
    char name[32];
    int rc = trust_root_pinned(pinned, making->report, &making->root);

    if (rc != 0) {
        return END(UPDATE_ANSWER_FAULT);
    }
    snprintf(name, sizeof(name), "%" PRIu32 ".root", making->root->version);
    rc = copy_signed(making, pinned, name);
    if (rc != 0) {
        return fault(making, pinned, rc);
    }
    for (unsigned steps = 0; rc == 0; steps++) {
        if (steps == TRUST_ROOTS_MAX || making->root->version == UINT32_MAX) {
            return bad(making, name, "more roots follow than are followed: pin a newer one");
        }
        rc = follow_root(making);
    }
    return rc == END(UPDATE_ANSWER_SAME) ? 0 : rc;
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
static int get_catalogue(struct making *making, bool *same)
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
        return fault(making, name, -ENAMETOOLONG);
    }
    const struct update_known *known = usable(request, in_force);
    int rc = get_small(making, name, TRUST_CATALOGUE_OCTETS_MAX, known, &gotten, &got);
    if (rc != 0) {
        return rc;
    }
    if (got == UPDATE_ABSENT || (got == UPDATE_GOT_NOTHING && known == NULL)) {
        snprintf(offer->why, sizeof(offer->why), "%s: %.400s", name, gotten.why);
        return END(UPDATE_ANSWER_UNREACHABLE);
    }
    if (got == UPDATE_GOT_NOTHING && known != NULL) {
        rc = copy_signed(making, in_force, name);
        if (rc != 0) {
            return fault(making, in_force, rc);
        }
        memcpy(offer->etag, known->etag, sizeof(offer->etag));
        memcpy(offer->modified, known->modified, sizeof(offer->modified));
    } else {
        memcpy(offer->etag, gotten.etag, sizeof(offer->etag));
        memcpy(offer->modified, gotten.modified, sizeof(offer->modified));
    }
    if (!hash_file(path, TRUST_CATALOGUE_OCTETS_MAX, offer->hash)) {
        return fault(making, path, -EIO);
    }
    offer->has_hash = true;
    *same = request->in_force != NULL &&
            hash_file(in_force, TRUST_CATALOGUE_OCTETS_MAX, hash) &&
            memcmp(hash, offer->hash, sizeof(hash)) == 0;
    if (*same && got == UPDATE_GOT) { /* those that were enough before */
        (void)copy_signed(making, in_force, name);
    }
    return is_signed(&making->root->list, path)
               ? 0
               : get_signatures(making, name, &making->root->list);
}

static bool wants(const struct update_request *request, const struct trust_entry *entry)
{
    return request->wants == NULL || request->wants(request->wants_context, entry->id);
}

/* Has the set in force every list that is wanted? Their contents are the daemon's affair. */
static bool has_all(const struct update_request *request,
                    const struct trust_catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct trust_entry *entry = &catalogue->entries[i];
        char path[PATH_MAX];
        struct stat status;

        if (wants(request, entry) &&
            (!update_path(path, "%s/%s" LIST_SUFFIX, request->in_force, entry->id) ||
             stat(path, &status) != 0 || (uint64_t)status.st_size != entry->size)) {
            return false;
        }
    }
    return true;
}

static bool is_text_of(const struct trust_entry *entry, const char *path)
{
    uint8_t *data = NULL;
    size_t len = 0;

    if (file_read(path, entry->size, &data, &len) != 0) {
        return false;
    }
    const bool is = trust_entry_check(entry, path, data, len, NULL) == 0;
    free(data);
    return is;
}

/* The tag that came with a part, if it came from here: SOURCE LF TAG LF. */
static void read_tag(const char *path, const char *source, char tag[UPDATE_VALIDATOR_MAX])
{
    const size_t source_len = strlen(source);
    uint8_t *text = NULL;
    size_t len = 0;

    tag[0] = '\0';
    if (file_read(path, PATH_MAX + UPDATE_VALIDATOR_MAX, &text, &len) != 0) {
        return;
    }
    if (len > source_len + 2 && memcmp(text, source, source_len) == 0 &&
        text[source_len] == '\n' && text[len - 1] == '\n' &&
        len - source_len - 2 < UPDATE_VALIDATOR_MAX) {
        memcpy(tag, text + source_len + 1, len - source_len - 2);
        tag[len - source_len - 2] = '\0';
        if (strpbrk(tag, "\r\n") != NULL) {
            tag[0] = '\0';
        }
    }
    free(text);
}

static void write_tag(const char *path, const char *source, const char *tag)
{
    char text[PATH_MAX + UPDATE_VALIDATOR_MAX];
    const int len = snprintf(text, sizeof(text), "%s\n%s\n", source, tag);

    (void)unlink(path);
    if (tag[0] != '\0' && len > 0 && (size_t)len < sizeof(text)) {
        (void)file_write_atomic(path, text, (size_t)len, 0644); /* it only saves traffic */
    }
}

/* Asks for a list, or for what is missing of it, once. */
static int get_part(struct making *making, const struct trust_entry *entry, const char *part,
                    const char *tag_path, struct update_gotten *gotten, enum update_got *got)
{
    char name[TRUST_ID_MAX + sizeof(LIST_SUFFIX)];
    char tag[UPDATE_VALIDATOR_MAX];
    struct stat status;
    const int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

    if (fd < 0) {
        return fault(making, part, -errno);
    }
    snprintf(name, sizeof(name), "%s" LIST_SUFFIX, entry->id);
    read_tag(tag_path, making->request->source, tag);
    struct update_wanted wanted = {.name = name, .fd = fd, .max = entry->size, .if_range = tag};
    if (fstat(fd, &status) == 0 && (uint64_t)status.st_size < entry->size) {
        wanted.from = (uint64_t)status.st_size;
    }
    int rc = 0;
    if ((wanted.from == 0 && ftruncate(fd, 0) != 0) ||
        lseek(fd, (off_t)wanted.from, SEEK_SET) < 0) {
        rc = fault(making, part, -errno);
    }
    rc = rc == 0 ? ask(making, &wanted, gotten, got) : rc;
    if (rc == END(UPDATE_ANSWER_UNREACHABLE) && *got == UPDATE_GOT_PART) {
        write_tag(tag_path, making->request->source, gotten->etag);
    }
    close(fd);
    return rc;
}

/* Fetches a list to where it stands in the candidate. */
static int download(struct making *making, const struct trust_entry *entry, const char *path)
{
    const struct update_place *place = making->request->place;
    char part[PATH_MAX], tag_path[PATH_MAX], hash[17];
    struct update_gotten gotten = {.octets = 0};
    enum update_got got = UPDATE_ABSENT;

    digest_hex(entry->hash, 8, hash);
    if (!update_path(part, "%s/%s.%s.part", place->incoming, entry->id, hash) ||
        !update_path(tag_path, "%s/%s.%s.tag", place->incoming, entry->id, hash)) {
        return fault(making, entry->id, -ENAMETOOLONG);
    }
    for (unsigned anew = 0; anew <= UPDATE_ANEW_MAX; anew++) {
        const int rc = get_part(making, entry, part, tag_path, &gotten, &got);

        if (rc != 0) {
            return rc;
        }
        if (got == UPDATE_ABSENT) {
            return bad(making, entry->id, "the catalogue names this list, and it is not there");
        }
        if (is_text_of(entry, part)) {
            (void)unlink(tag_path);
            return rename(part, path) == 0 ? 0 : fault(making, path, -errno);
        }
        /* What had come before may be of another text. */
        (void)unlink(part);
        (void)unlink(tag_path);
        if (!gotten.resumed) {
            break;
        }
    }
    return bad(
        making, entry->id,
        "this list is not the one that the catalogue names: the two are of different days");
}

static int get_list(struct making *making, const struct trust_entry *entry)
{
    const struct update_request *request = making->request;
    const struct trust_keyring *keyring = &making->root->list;
    char name[TRUST_ID_MAX + sizeof(LIST_SUFFIX)];
    char path[PATH_MAX], in_force[PATH_MAX];
    int rc = 0;

    snprintf(name, sizeof(name), "%s" LIST_SUFFIX, entry->id);
    if (!update_path(path, "%s/%s", request->place->candidate, name) ||
        !update_path(in_force, "%s/%s", request->in_force != NULL ? request->in_force : "",
                     name)) {
        return fault(making, name, -ENAMETOOLONG);
    }
    if (!is_text_of(entry, path)) {
        (void)unlink(path);
        if (request->in_force != NULL && is_text_of(entry, in_force)) {
            rc = copy_signed(making, in_force, name);
            if (rc != 0) {
                return fault(making, path, rc);
            }
        } else {
            rc = download(making, entry, path);
        }
    }
    if (rc == 0 && !is_signed(keyring, path)) {
        rc = get_signatures(making, name, keyring);
    }
    if (rc == 0 && !is_signed(keyring, path)) {
        rc = bad(making, name, "too few of the publisher's list keys have signed it");
    }
    return rc;
}

struct listed {
    const struct update_request *request;
    const struct trust_catalogue *catalogue;
};

/* A list of an earlier candidate that this one does not have. */
static bool is_left_over(const char *name, void *context)
{
    const struct listed *listed = context;
    const size_t len = strlen(name);
    char id[TRUST_ID_MAX + 1];

    if (!ends_with(name, LIST_SUFFIX)) {
        return false;
    }
    if (len - strlen(LIST_SUFFIX) >= sizeof(id)) {
        return true;
    }
    snprintf(id, sizeof(id), "%.*s", (int)(len - strlen(LIST_SUFFIX)), name);
    const struct trust_entry *entry = trust_catalogue_find(listed->catalogue, id);
    return entry == NULL || !wants(listed->request, entry);
}

static int get_lists(struct making *making, const struct trust_catalogue *catalogue)
{
    struct listed listed = {making->request, catalogue};
    uint64_t octets = 0;
    int rc = 0;

    for (size_t i = 0; i < catalogue->count; i++) {
        octets +=
            wants(making->request, &catalogue->entries[i]) ? catalogue->entries[i].size : 0;
    }
    if (octets > making->request->octets_max) {
        report_add(making->report, REPORT_ERROR, making->request->source, 0, 0,
                   "the catalogue names lists of %" PRIu64 " octets together, and update.size "
                   "allows %" PRIu64
                   ": raise it, or fetch the lists in use alone (update.lists)",
                   octets, making->request->octets_max);
        return END(UPDATE_ANSWER_BAD);
    }
    for (size_t i = 0; rc == 0 && i < catalogue->count; i++) {
        if (wants(making->request, &catalogue->entries[i])) {
            rc = get_list(making, &catalogue->entries[i]);
        }
    }
    update_store_clear(making->request->place->candidate, is_left_over, &listed);
    return rc;
}

/* Roots and catalogue are there: may they follow? Then the lists. */
static int take(struct making *making, bool same)
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
        return bad(making, "refused", "what it has may not follow what was accepted");
    }
    if (same && !making->new_root && has_all(request, offer->publisher->catalogue)) {
        return END(UPDATE_ANSWER_SAME);
    }
    rc = get_lists(making, offer->publisher->catalogue);
    if (rc == 0 && update_candidate_verify(request, offer->publisher, making->report) != 0) {
        rc = END(UPDATE_ANSWER_BAD);
    }
    return rc;
}

enum update_answer update_candidate(const struct update_request *request, struct report *report,
                                    struct update_offer *offer)
{
    struct making making = {.request = request, .report = report, .offer = offer};
    bool same = false;

    memset(offer, 0, sizeof(*offer));
    making.began_s = mono_s(request);
    update_store_clear(request->place->candidate, is_no_list, NULL);
    int rc = get_roots(&making);
    rc = rc == 0 ? get_catalogue(&making, &same) : rc;
    rc = rc == 0 ? take(&making, same) : rc;
    free(making.root);
    const enum update_answer answer = rc == 0 ? UPDATE_ANSWER_NEW : ANSWER(rc);
    if (answer != UPDATE_ANSWER_NEW) {
        trust_publisher_free(offer->publisher);
        offer->publisher = NULL;
    }
    if (answer == UPDATE_ANSWER_SAME) {
        update_store_clear(request->place->candidate, NULL, NULL);
    }
    return answer;
}

int update_candidate_verify(const struct update_request *request,
                            const struct trust_publisher *publisher, struct report *report)
{
    const struct trust_catalogue *catalogue = publisher->catalogue;
    int rc = 0;

    for (size_t i = 0; i < catalogue->count; i++) {
        const struct trust_entry *entry = &catalogue->entries[i];
        char path[PATH_MAX];
        struct trust_verdict verdict;
        uint8_t *text = NULL;
        size_t len = 0;

        if (!wants(request, entry)) {
            continue;
        }
        int one = update_path(path, "%s/%s" LIST_SUFFIX, request->place->candidate, entry->id)
                      ? file_read(path, entry->size, &text, &len)
                      : -ENAMETOOLONG;
        if (one != 0) {
            report_add(report, REPORT_ERROR, path, 0, 0, "%s", cordon_strerror(one));
        }
        one = one == 0 ? trust_entry_check(entry, path, text, len, report) : one;
        one = one == 0 ? trust_verify_beside(&publisher->root->list, path, text, len, report,
                                             &verdict)
                       : one;
        free(text);
        rc = rc == 0 ? one : rc;
    }
    return rc;
}
