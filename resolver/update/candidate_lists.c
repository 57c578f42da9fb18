/* update/candidate_lists.c - the lists of a candidate: which are wanted, where each comes from
 * (what is there already, the set in force, a download that goes on), and that all are as the
 * catalogue says. */
#include "update/candidate_inside.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool candidate_wants(const struct update_request *request, const struct trust_entry *entry)
{
    return request->wants == NULL || request->wants(request->wants_context, entry->id);
}

bool candidate_has_all(const struct update_request *request,
                       const struct trust_catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct trust_entry *entry = &catalogue->entries[i];
        char path[PATH_MAX];
        struct stat status;

        if (candidate_wants(request, entry) &&
            (!update_path(path, "%s/%s" CANDIDATE_LIST, request->in_force, entry->id) ||
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
static int get_part(struct candidate *making, const struct trust_entry *entry, const char *part,
                    const char *tag_path, struct update_gotten *gotten, enum update_got *got)
{
    char name[TRUST_ID_MAX + sizeof(CANDIDATE_LIST)];
    char tag[UPDATE_VALIDATOR_MAX];
    struct stat status;
    const int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

    if (fd < 0) {
        return candidate_fault(making, part, -errno);
    }
    snprintf(name, sizeof(name), "%s" CANDIDATE_LIST, entry->id);
    read_tag(tag_path, making->request->source, tag);
    struct update_wanted wanted = {.name = name, .fd = fd, .max = entry->size, .if_range = tag};
    if (fstat(fd, &status) == 0 && (uint64_t)status.st_size < entry->size) {
        wanted.from = (uint64_t)status.st_size;
    }
    int rc = 0;
    if ((wanted.from == 0 && ftruncate(fd, 0) != 0) ||
        lseek(fd, (off_t)wanted.from, SEEK_SET) < 0) {
        rc = candidate_fault(making, part, -errno);
    }
    rc = rc == 0 ? candidate_ask(making, &wanted, gotten, got) : rc;
    if (rc == CANDIDATE_END(UPDATE_ANSWER_UNREACHABLE) && *got == UPDATE_GOT_PART) {
        write_tag(tag_path, making->request->source, gotten->etag);
    }
    close(fd);
    return rc;
}

/* Fetches a list to where it stands in the candidate. */
static int download(struct candidate *making, const struct trust_entry *entry, const char *path)
{
    const struct update_place *place = making->request->place;
    char part[PATH_MAX], tag_path[PATH_MAX], hash[17];
    struct update_gotten gotten = {.octets = 0};
    enum update_got got = UPDATE_ABSENT;

    digest_hex(entry->hash, 8, hash);
    if (!update_path(part, "%s/%s.%s.part", place->incoming, entry->id, hash) ||
        !update_path(tag_path, "%s/%s.%s.tag", place->incoming, entry->id, hash)) {
        return candidate_fault(making, entry->id, -ENAMETOOLONG);
    }
    for (unsigned anew = 0; anew <= UPDATE_ANEW_MAX; anew++) {
        const int rc = get_part(making, entry, part, tag_path, &gotten, &got);

        if (rc != 0) {
            return rc;
        }
        if (got == UPDATE_ABSENT) {
            return candidate_bad(making, entry->id,
                                 "the catalogue names this list, and it is not there");
        }
        if (is_text_of(entry, part)) {
            (void)unlink(tag_path);
            return rename(part, path) == 0 ? 0 : candidate_fault(making, path, -errno);
        }
        /* What had come before may be of another text. */
        (void)unlink(part);
        (void)unlink(tag_path);
        if (!gotten.resumed) {
            break;
        }
    }
    return candidate_bad(
        making, entry->id,
        "this list is not the one that the catalogue names: the two are of different days");
}

static int get_list(struct candidate *making, const struct trust_entry *entry)
{
    const struct update_request *request = making->request;
    const struct trust_keyring *keyring = &making->root->list;
    char name[TRUST_ID_MAX + sizeof(CANDIDATE_LIST)];
    char path[PATH_MAX], in_force[PATH_MAX];
    int rc = 0;

    snprintf(name, sizeof(name), "%s" CANDIDATE_LIST, entry->id);
    if (!update_path(path, "%s/%s", request->place->candidate, name) ||
        !update_path(in_force, "%s/%s", request->in_force != NULL ? request->in_force : "",
                     name)) {
        return candidate_fault(making, name, -ENAMETOOLONG);
    }
    if (!is_text_of(entry, path)) {
        (void)unlink(path);
        if (request->in_force != NULL && is_text_of(entry, in_force)) {
            rc = candidate_copy_signed(making, in_force, name);
            if (rc != 0) {
                return candidate_fault(making, path, rc);
            }
        } else {
            rc = download(making, entry, path);
        }
    }
    if (rc == 0 && !candidate_is_signed(keyring, path)) {
        rc = candidate_get_signatures(making, name, keyring);
    }
    if (rc == 0 && !candidate_is_signed(keyring, path)) {
        rc = candidate_bad(making, name, "too few of the publisher's list keys have signed it");
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

    if (!candidate_ends_with(name, CANDIDATE_LIST)) {
        return false;
    }
    if (len - strlen(CANDIDATE_LIST) >= sizeof(id)) {
        return true;
    }
    snprintf(id, sizeof(id), "%.*s", (int)(len - strlen(CANDIDATE_LIST)), name);
    const struct trust_entry *entry = trust_catalogue_find(listed->catalogue, id);
    return entry == NULL || !candidate_wants(listed->request, entry);
}

int candidate_get_lists(struct candidate *making, const struct trust_catalogue *catalogue)
{
    struct listed listed = {making->request, catalogue};
    uint64_t octets = 0;
    int rc = 0;

    for (size_t i = 0; i < catalogue->count; i++) {
        octets += candidate_wants(making->request, &catalogue->entries[i])
                      ? catalogue->entries[i].size
                      : 0;
    }
    if (octets > making->request->octets_max) {
        report_add(making->report, REPORT_ERROR, making->request->source, 0, 0,
                   "the catalogue names lists of %" PRIu64 " octets together, and update.size "
                   "allows %" PRIu64
                   ": raise it, or fetch the lists in use alone (update.lists)",
                   octets, making->request->octets_max);
        return CANDIDATE_END(UPDATE_ANSWER_BAD);
    }
    for (size_t i = 0; rc == 0 && i < catalogue->count; i++) {
        if (candidate_wants(making->request, &catalogue->entries[i])) {
            rc = get_list(making, &catalogue->entries[i]);
        }
    }
    update_store_clear(making->request->place->candidate, is_left_over, &listed);
    return rc;
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

        if (!candidate_wants(request, entry)) {
            continue;
        }
        int one =
            update_path(path, "%s/%s" CANDIDATE_LIST, request->place->candidate, entry->id)
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
