/* cordon explain --lists: a snapshot of lists that were named, without a configuration. */
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/explain.h"
#include "policy/load.h"
#include "setup/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_BEGINS "cordonPI" /* docs/policy-image.md */

/* What the files have. */
struct found {
    struct policy_list *lists[POLICY_LISTS_MAX];
    struct policy_loaded_list loaded[POLICY_LISTS_MAX];
    size_t count;
    struct policy_image *image;
    uint8_t *octets; /* of an image that was named */
};

static void say_fault(const char *path, const char *words)
{
    fprintf(stderr, "cordon explain: %s: %s\n", path, words);
}

/* A verified text, or any. CLI_OK, or CLI_REFUSED after a message. */
static int read_text(const char *path, const uint8_t *text, size_t len,
                     const struct trust_keyring *keyring, struct found *found)
{
    struct policy_loaded_list *loaded = &found->loaded[found->count];
    struct policy_list *list = NULL;
    struct report report;

    report_init(&report);
    const int rc = keyring == NULL
                       ? policy_list_parse((const char *)text, len, path, &report, &list)
                       : policy_load_list(path, keyring, &report, &list, &loaded->verdict);
    if (rc != 0 && report.errors == 0) {
        report_add(&report, REPORT_ERROR, path, 0, 0, "%s", cordon_strerror(rc));
    }
    report_print(&report, stderr);
    report_deinit(&report);
    if (rc != 0) {
        return CLI_REFUSED;
    }
    snprintf(loaded->id, sizeof(loaded->id), "%s", list->id);
    for (size_t i = 0; i < found->count; i++) {
        if (strcmp(found->lists[i]->id, list->id) == 0) {
            say_fault(path, "a list with this id was named before: keep one");
            policy_list_free(list);
            return CLI_REFUSED;
        }
    }
    found->lists[found->count++] = list;
    return CLI_OK;
}

/* An image, alone, whose octets are now of what was found. */
static int read_image(const struct explain_request *request, const char *path, uint8_t *octets,
                      size_t len, struct found *found)
{
    struct policy_image_list list;

    if (request->list_count > 1 || request->keys.count > 0) {
        say_fault(path, request->list_count > 1
                            ? "an image has lists of its own: name it alone"
                            : "an image has no signatures: verify the lists it is made of");
        free(octets);
        return CLI_REFUSED;
    }
    found->octets = octets;
    const int rc = policy_image_open(octets, len, &found->image);
    if (rc != 0) {
        say_fault(path, cordon_strerror(rc));
        return CLI_REFUSED;
    }
    while (found->count < POLICY_LISTS_MAX &&
           policy_image_list_at(found->image, found->count, &list)) {
        snprintf(found->loaded[found->count].id, sizeof(found->loaded[0].id), "%s", list.id);
        found->count++;
    }
    return CLI_OK;
}

static int read_one(const struct explain_request *request, const char *path,
                    const struct trust_keyring *keyring, struct found *found)
{
    uint8_t *octets = NULL;
    size_t len = 0;
    const int rc = file_read(path, POLICY_LIST_OCTETS_MAX, &octets, &len);

    if (rc != 0) {
        say_fault(path, cordon_strerror(rc));
        return CLI_REFUSED;
    }
    if (len >= strlen(IMAGE_BEGINS) &&
        memcmp(octets, IMAGE_BEGINS, strlen(IMAGE_BEGINS)) == 0) {
        return read_image(request, path, octets, len, found);
    }
    const int code = read_text(path, octets, len, keyring, found);
    free(octets);
    return code;
}

static int make(struct found *found, struct setup_snapshot **snapshot)
{
    const char *ids[POLICY_LISTS_MAX];
    struct policy_list *heads[POLICY_LISTS_MAX] = {NULL};
    int rc = 0;

    for (size_t i = 0; i < found->count; i++) {
        ids[i] = found->loaded[i].id;
        heads[i] = found->octets == NULL ? found->lists[i] : NULL;
    }
    if (found->image == NULL) {
        rc = policy_image_build((const struct policy_list *const *)found->lists, found->count,
                                &found->image);
    }
    rc = rc == 0 ? setup_lists_snapshot(found->image, ids, found->count, heads, found->loaded,
                                        snapshot)
                 : rc;
    if (rc != 0) {
        fprintf(stderr, "cordon explain: the lists cannot be compiled: %s\n",
                cordon_strerror(rc));
        return CLI_REFUSED;
    }
    found->image = NULL;
    found->count = 0; /* whole texts are as good as heads: they are the policy's now */
    return CLI_OK;
}

struct setup_snapshot *explain_lists(const struct explain_request *request, uint8_t **memory)
{
    const bool verify = request->keys.count > 0;
    struct trust_keyring *keyring = calloc(1, sizeof(*keyring));
    struct found *found = calloc(1, sizeof(*found));
    struct setup_snapshot *snapshot = NULL;
    int code = CLI_OK;

    if (found == NULL || keyring == NULL) {
        fprintf(stderr, "cordon explain: out of memory\n");
        code = CLI_REFUSED;
    } else if (verify) {
        code = cli_list_keys_load(&request->keys, keyring);
    } else {
        fprintf(stderr, "cordon explain: UNVERIFIED: the signatures of these lists were not "
                        "looked at (--keys)\n");
    }
    for (size_t i = 0; code == CLI_OK && i < request->list_count; i++) {
        code = read_one(request, request->lists[i], verify ? keyring : NULL, found);
    }
    if (code == CLI_OK) {
        (void)make(found, &snapshot); /* NULL after a message */
    }
    for (size_t i = 0; found != NULL && i < found->count; i++) {
        policy_list_free(found->lists[i]);
    }
    if (found != NULL) {
        policy_image_free(found->image);
        *memory = found->octets;
    }
    free(found);
    free(keyring);
    return snapshot;
}
