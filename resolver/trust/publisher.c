#include "trust/publisher.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* See trust_publisher_until_s. */
#define SEEN_BEYOND_S (UINT64_C(366) * 86400)

void trust_publisher_free(struct trust_publisher *publisher)
{
    if (publisher != NULL) {
        free(publisher->root);
        trust_catalogue_free(publisher->catalogue);
        free(publisher);
    }
}

enum trust_state trust_state_at(uint64_t expires_s, uint64_t dead_after_s, uint64_t floor_s,
                                uint64_t now_s)
{
    if (now_s == 0) {
        return TRUST_FRESH;
    }
    if (now_s < floor_s) {
        return TRUST_CLOCK_UNTRUSTED;
    }
    if (now_s < expires_s) {
        return TRUST_FRESH;
    }
    return now_s - expires_s >= dead_after_s ? TRUST_DEAD : TRUST_STALE;
}

const char *trust_state_word(enum trust_state state)
{
    static const char *const words[] = {[TRUST_FRESH] = "fresh",
                                        [TRUST_STALE] = "stale",
                                        [TRUST_DEAD] = "dead",
                                        [TRUST_CLOCK_UNTRUSTED] = "clock untrusted"};

    return words[state];
}

/* A version or a serial that was accepted, beside the one that is offered. */
static int check_one(const char *what, uint32_t accepted, const uint8_t *accepted_hash,
                     uint32_t offered, const uint8_t *offered_hash, const char *folder,
                     struct report *report)
{
    if (offered < accepted) {
        report_add(report, REPORT_ERROR, folder, 0, 0,
                   "%s has %" PRIu32 ", but %" PRIu32 " was accepted before: what is older is "
                   "refused (rollback)",
                   what, offered, accepted);
        return CORDON_E_REFUSED;
    }
    if (offered == accepted && memcmp(accepted_hash, offered_hash, TRUST_HASH_OCTETS) != 0) {
        report_add(report, REPORT_ERROR, folder, 0, 0,
                   "%s has %" PRIu32 ", as one that was accepted before, but another hash: two "
                   "texts under one number; ask the publisher which is meant",
                   what, offered);
        return CORDON_E_REFUSED;
    }
    return 0;
}

/* Everything that the catalogue names, before any of it is remembered. */
static int check_serials(const struct trust_publisher *publisher, const struct trust_mark *mark,
                         const char *folder, struct report *report)
{
    const struct trust_catalogue *catalogue = publisher->catalogue;
    int rc = check_one("the catalogue", mark->serial, mark->hash, catalogue->serial,
                       catalogue->hash, folder, report);

    for (size_t i = 0; i < catalogue->count; i++) {
        const struct trust_entry *entry = &catalogue->entries[i];
        const struct trust_mark_list *list = trust_mark_find(mark, entry->id);
        char what[TRUST_ID_MAX + 32];

        if (list != NULL) {
            snprintf(what, sizeof(what), "list %s in the catalogue", entry->id);
            const int one = check_one(what, list->serial, list->hash, entry->serial,
                                      entry->hash, folder, report);
            rc = rc == 0 ? one : rc;
        }
    }
    return rc;
}

/* The newest root has expired: what was accepted under it stays, nothing else comes in. */
static int check_expired(const struct trust_publisher_request *request,
                         const struct trust_publisher *publisher, const struct trust_mark *mark,
                         struct report *report)
{
    const uint64_t now_s = request->now_s;
    const char *folder = request->folder;
    char text[CLOCK_TEXT_MAX];
    const struct trust_root *root = publisher->root;
    const struct trust_catalogue *catalogue = publisher->catalogue;

    if (now_s == 0 || !publisher->clock_ok || now_s < root->expires_s) {
        return 0;
    }
    clock_format_s(root->expires_s, text);
    if (mark != NULL && mark->root_version == root->version &&
        mark->serial == catalogue->serial &&
        memcmp(mark->hash, catalogue->hash, TRUST_HASH_OCTETS) == 0) {
        report_add(report, REPORT_WARNING, folder, 0, 0,
                   "root %" PRIu32 " of %s expired on %s: what was accepted before stays in "
                   "force, nothing newer is taken until there is another root",
                   root->version, root->publisher, text);
        return 0;
    }
    if (request->only_looks) {
        report_add(report, REPORT_WARNING, folder, 0, 0,
                   "root %" PRIu32
                   " of %s expired on %s: cordond goes on with what it accepted "
                   "before, if it did, and takes nothing else until there is another root, "
                   "%" PRIu32 ".root",
                   root->version, root->publisher, text, root->version + 1);
        return 0;
    }
    report_add(report, REPORT_ERROR, folder, 0, 0,
               "root %" PRIu32 " of %s expired on %s and is refused: get the publisher's next "
               "root, %" PRIu32 ".root, with its signatures",
               root->version, root->publisher, text, root->version + 1);
    return CORDON_E_REFUSED;
}

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Root and catalogue are read: may they follow what was accepted? */
static int check(const struct trust_publisher_request *request,
                 struct trust_publisher *publisher, struct report *report)
{
    const struct trust_root *root = publisher->root;
    const struct trust_mark *mark =
        request->ratchet == NULL ? NULL : trust_ratchet_find(request->ratchet, root->publisher);
    int rc = 0;

    publisher->floor_s = max(root->created_s, publisher->catalogue->created_s);
    if (request->ratchet != NULL) {
        publisher->floor_s = max(publisher->floor_s, request->ratchet->seen_s);
    }
    publisher->clock_ok = request->now_s == 0 || request->now_s >= publisher->floor_s;
    if (mark != NULL) {
        rc = check_one("the root", mark->root_version, mark->root_hash, root->version,
                       root->hash, request->folder, report);
        publisher->anew = trust_keys_shared(&mark->keys, &root->list) < root->list.threshold;
    }
    if (rc == 0 && mark != NULL && !publisher->anew) {
        rc = check_serials(publisher, mark, request->folder, report);
    }
    if (rc == 0) {
        rc = check_expired(request, publisher, mark, report);
    }
    return rc;
}

int trust_publisher_open(const struct trust_publisher_request *request, struct report *report,
                         struct trust_publisher **publisher)
{
    char path[PATH_MAX];
    struct trust_publisher *new = calloc(1, sizeof(*new));
    int rc = new == NULL ? -ENOMEM : 0;

    if (rc == 0 &&
        (size_t)snprintf(path, sizeof(path), "%s/catalogue", request->folder) >= sizeof(path)) {
        report_add(report, REPORT_ERROR, request->folder, 0, 0, "the path is too long");
        rc = -ENAMETOOLONG;
    }
    if (rc == 0) {
        rc = trust_root_newest(request->pinned, request->folder, report, &new->root);
    }
    if (rc == 0 && request->name != NULL && strcmp(request->name, new->root->publisher) != 0) {
        report_add(report, REPORT_ERROR, request->pinned, 0, 0,
                   "this is the root of the publisher \"%s\", not of \"%s\"",
                   new->root->publisher, request->name);
        rc = CORDON_E_REFUSED;
    }
    if (rc == 0) {
        rc = trust_catalogue_read(path, new->root, report, &new->catalogue);
    }
    if (rc == 0) {
        rc = check(request, new, report);
    }
    if (rc != 0) {
        trust_publisher_free(new);
        return rc;
    }
    *publisher = new;
    return 0;
}

/* Is all of it remembered already? */
static bool is_noted(const struct trust_ratchet *ratchet,
                     const struct trust_publisher *publisher)
{
    const struct trust_mark *mark = trust_ratchet_find(ratchet, publisher->root->publisher);

    return mark != NULL && !publisher->anew &&
           memcmp(mark->root_hash, publisher->root->hash, TRUST_HASH_OCTETS) == 0 &&
           memcmp(mark->hash, publisher->catalogue->hash, TRUST_HASH_OCTETS) == 0;
}

int trust_publisher_note(const struct trust_publisher *publisher, uint64_t now_s,
                         struct trust_ratchet *ratchet, struct report *report, bool *changed)
{
    if (!is_noted(ratchet, publisher)) {
        const int rc =
            trust_ratchet_note(ratchet, publisher->root, publisher->catalogue, publisher->anew);

        if (rc != 0) {
            report_add(report, REPORT_ERROR, publisher->root->publisher, 0, 0,
                       "what is accepted of this publisher cannot be remembered: %s",
                       cordon_strerror(rc));
            return rc;
        }
        if (changed != NULL) {
            *changed = true;
        }
    }
    trust_ratchet_see(ratchet, now_s, trust_publisher_until_s(publisher));
    return 0;
}

uint64_t trust_publisher_until_s(const struct trust_publisher *publisher)
{
    return publisher->catalogue->expires_s + SEEN_BEYOND_S;
}

void trust_ratchet_see(struct trust_ratchet *ratchet, uint64_t now_s, uint64_t until_s)
{
    if (now_s > ratchet->seen_s && now_s < until_s) {
        ratchet->seen_s = now_s;
    }
}
