#include "policy/attested.h"

#include "policy/shipped.h"
#include "policy/versions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Was another text verified here under this serial? Then its image may not stand for it. */
static bool is_other(const char *state, const struct trust_entry *entry,
                     const uint8_t digest[DIGEST_OCTETS])
{
    struct policy_kept_version *versions = calloc(POLICY_VERSIONS_MAX, sizeof(versions[0]));
    char hex[2 * DIGEST_OCTETS + 1];
    char folder[PATH_MAX];
    size_t count = 0;
    bool other = versions == NULL;

    if (versions != NULL && state != NULL &&
        (size_t)snprintf(folder, sizeof(folder), "%s/" POLICY_VERSIONS_FOLDER, state) <
            sizeof(folder)) {
        (void)policy_versions_find(folder, entry->id, versions, &count);
    }
    digest_hex(digest, DIGEST_OCTETS, hex);
    for (size_t i = 0; i < count; i++) {
        other |= versions[i].serial == entry->serial &&
                 strncmp(versions[i].hash, hex, POLICY_VERSION_HASH) != 0;
    }
    free(versions);
    return other;
}

/* Finds the image of the list that is signed for. NULL: as if nothing had been looked for. */
static struct policy_image *find(const struct policy_load_source *source, const char *path,
                                 const struct trust_entry *entry, const char *state,
                                 struct report *faults, struct policy_loaded_list *loaded)
{
    struct policy_image_list list;

    /* The signatures beside the list are over its hash. */
    if (trust_verify_beside_hashed(source->keyring, path, NULL, 0, entry->hash, faults,
                                   &loaded->verdict) != 0) {
        return NULL;
    }
    struct policy_image *image = policy_shipped_open(source, entry);
    if (image != NULL && policy_image_list_at(image, 0, &list) &&
        !is_other(state, entry, list.digest)) {
        memcpy(loaded->hash, list.digest, sizeof(loaded->hash));
        return image;
    }
    policy_image_free(image);
    return NULL;
}

bool policy_attested_load(const struct policy_load_request *request, struct report *report,
                          struct arrival *arrivals, struct policy_loaded *made)
{
    struct policy_loaded_list *loaded = &made->lists[0];
    struct report faults;

    if (request->late_octets == 0 || !request->shipped || request->id_count != 1 ||
        (request->held != NULL && request->held[0] != NULL)) {
        return false;
    }
    struct arrival *arrival = &arrivals[0];
    const char *id = request->ids[0];
    const struct policy_load_source source = arrival_source(request, 0);
    const struct trust_entry *entry = policy_shipped_entry(&source, id);
    if (entry == NULL || entry->size < request->late_octets ||
        (size_t)snprintf(arrival->path, sizeof(arrival->path), "%s/%s.list", source.directory,
                         id) >= sizeof(arrival->path) ||
        !arrival_is_there(arrival->path, entry->size)) { /* one of another day is told now */
        return false;
    }
    report_init(&faults);
    made->image =
        find(&source, arrival->path, entry, request->cache_directory, &faults, loaded);
    if (made->image != NULL) {
        report_take(report, &faults);
        snprintf(loaded->id, sizeof(loaded->id), "%s", id);
        loaded->octets = entry->size;
        loaded->unread = true;
        arrival_note_publisher(source.publisher, loaded);
        arrival->source = source;
        made->shipped = true;
        made->list_count = 1;
    } else {
        memset(loaded, 0, sizeof(*loaded)); /* what is wrong is told when the text is read */
    }
    report_deinit(&faults);
    return made->image != NULL;
}
