#include "policy/load.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "policy/arrival.h"
#include "policy/attested.h"
#include "policy/kept.h"
#include "policy/known.h"
#include "policy/scope.h"
#include "policy/shipped.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    struct arrival_text text = {0};
    int rc = arrival_read(path, keyring, report, &text, &signers);

    if (rc == 0) {
        rc = policy_list_parse((const char *)text.at, text.len, path, report, &parsed);
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
    free(text.at);
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

static int parse(struct arrival *arrival, struct report *report)
{
    int rc = arrival->list != NULL ? 0 : arrival_need_text(arrival, report);

    if (arrival->list != NULL) {
        return 0; /* its scope was looked at */
    }
    if (rc == 0) {
        rc = policy_list_parse((const char *)arrival->text.at, arrival->text.len, arrival->path,
                               report, &arrival->list);
    }
    free(arrival->text.at);
    arrival->text.at = NULL;
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

/* What the image says of the lists, and what is to be said of that. */
static int describe_all(const struct policy_load_request *request,
                        const struct arrival *arrivals, struct report *report,
                        struct policy_loaded *made)
{
    const size_t count = made->list_count + made->newer_count;
    int rc = 0;

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

/* What an image is found by. */
static void name_inputs(const struct arrival *arrivals, size_t count, uint8_t inputs[32])
{
    const struct policy_list *stubs[POLICY_LISTS_MAX] = {NULL};

    for (size_t i = 0; i < count; i++) {
        stubs[i] = &arrivals[i].stub;
    }
    policy_image_inputs(stubs, count, inputs);
}

/* The kept image; where there is none, texts that might have waited are read now. */
static int find_kept(const struct policy_load_request *request, struct arrival *arrivals,
                     struct report *report, struct policy_loaded *made, uint8_t inputs[32])
{
    const size_t count = made->list_count + made->newer_count;

    name_inputs(arrivals, count, inputs);
    if (request->cache_directory != NULL) {
        made->image = policy_kept_find(request->cache_directory, inputs, report);
        made->from_cache = made->image != NULL;
    }
    if (made->image != NULL) {
        return 0;
    }
    const int rc = arrivals_read_rest(request, report, arrivals, made);
    name_inputs(arrivals, count, inputs); /* the same, unless what was remembered was wrong */
    return rc;
}

/* All lists arrived: finds the kept image, or compiles one and keeps it. */
static int load_image(const struct policy_load_request *request, struct arrival *arrivals,
                      struct report *report, struct policy_loaded *made)
{
    const size_t count = made->list_count + made->newer_count;
    uint8_t inputs[32];
    int rc = check_scopes(arrivals, count, report);

    if (rc == 0) {
        rc = find_kept(request, arrivals, report, made, inputs);
    }
    if (rc != 0) {
        return rc;
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
    if (rc == 0 && request->cache_directory != NULL && !made->shipped) {
        known_note(request, made);
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
    if (rc == 0 && !policy_attested_load(request, report, arrivals, made)) {
        rc = arrivals_read(request, report, arrivals, made);
        if (rc == 0) {
            made->list_count = request->id_count;
            rc = load_image(request, arrivals, report, made);
        }
    }
    if (rc == 0) {
        rc = describe_all(request, arrivals, report, made);
    }
    if (rc == 0) {
        *out = *made;
    } else if (made != NULL) {
        policy_loaded_drop(made);
    }
    for (size_t i = 0; arrivals != NULL && i < 2 * request->id_count; i++) {
        free(arrivals[i].text.at);
        policy_list_free(arrivals[i].list);
    }
    free(arrivals);
    free(made);
    return rc;
}
