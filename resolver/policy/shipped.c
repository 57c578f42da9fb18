#include "policy/shipped.h"

#include "base/digest.h"
#include "base/error.h"
#include "policy/arrival.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

_Static_assert(POLICY_IMAGE_HASH == TRUST_HASH_OCTETS, "the catalogue's hash is the image's");

const struct trust_entry *policy_shipped_entry(const struct policy_load_source *source,
                                               const char *id)
{
    const struct trust_publisher *publisher = source->publisher;

    if (publisher == NULL || !arrival_speaks_of_all(source)) {
        return NULL;
    }
    const struct trust_entry *entry = trust_catalogue_find(publisher->catalogue, id);
    return entry != NULL && entry->has_image ? entry : NULL;
}

/* Is it this list, of this text, and nothing else? */
static bool is_of(const struct policy_image *image, const struct policy_list *list,
                  uint32_t serial)
{
    const struct policy_list *const alone[] = {list};
    struct policy_image_list found;
    uint8_t inputs[32];

    policy_image_inputs(alone, 1, inputs);
    return memcmp(policy_image_inputs_of(image), inputs, sizeof(inputs)) == 0 &&
           policy_image_lists(image) == 1 && policy_image_list_at(image, 0, &found) &&
           strcmp(found.id, list->id) == 0 && found.serial == serial &&
           memcmp(found.digest, list->digest, sizeof(found.digest)) == 0;
}

static int load_named(const struct policy_load_source *source, const struct trust_entry *entry,
                      char path[PATH_MAX], struct policy_image **image)
{
    return (size_t)snprintf(path, PATH_MAX, "%s/%s.image", source->directory, entry->id) <
                   PATH_MAX
               ? policy_image_load_named(path, entry->image, image)
               : -ENOENT;
}

struct policy_image *policy_shipped_open(const struct policy_load_source *source,
                                         const struct trust_entry *entry)
{
    struct policy_image *image = NULL;
    struct policy_list claimed = {.id = NULL};
    struct policy_image_list list;
    char path[PATH_MAX];
    char id[TRUST_ID_MAX + 1];

    if (load_named(source, entry, path, &image) != 0) {
        return NULL;
    }
    snprintf(id, sizeof(id), "%s", entry->id);
    claimed.id = id;
    if (policy_image_list_at(image, 0, &list)) {
        memcpy(claimed.digest, list.digest, sizeof(claimed.digest));
        if (is_of(image, &claimed, entry->serial)) {
            return image;
        }
    }
    policy_image_free(image);
    return NULL;
}

struct policy_image *policy_shipped_find(const struct policy_load_source *source,
                                         const struct policy_list *list, struct report *report)
{
    const struct trust_entry *entry = policy_shipped_entry(source, list->id);
    struct policy_image *image = NULL;
    char path[PATH_MAX];

    if (entry == NULL) {
        return NULL;
    }
    const int rc = load_named(source, entry, path, &image);
    if (rc == -ENOENT) {
        return NULL; /* whoever fetched the lists may have left it */
    }
    if (rc == 0 && is_of(image, list, entry->serial)) {
        return image;
    }
    policy_image_free(image);
    report_add(report, REPORT_WARNING, path, 0, 0,
               "the publisher's image is not used (%s): the list is compiled",
               rc == CORDON_E_CORRUPT ? "it is not the one that the catalogue names"
               : rc == 0              ? "it was made of another text"
                                      : cordon_strerror(rc));
    return NULL;
}

void policy_shipped_compare(const struct policy_load_source *source,
                            const struct policy_list *list, const struct policy_image *compiled,
                            struct report *report)
{
    const struct trust_entry *entry = policy_shipped_entry(source, list->id);
    uint8_t hash[TRUST_HASH_OCTETS];
    size_t len = 0;
    const uint8_t *octets = policy_image_octets(compiled, &len);

    if (entry == NULL) {
        return;
    }
    trust_hash(octets, len, hash);
    if (memcmp(hash, entry->image, sizeof(hash)) != 0) {
        report_add(report, REPORT_WARNING, list->id, 0, 0,
                   "the image that the catalogue names is not what the list's text is compiled "
                   "to here: it is of another version of cordon, or wrong; tell the publisher");
    }
}
