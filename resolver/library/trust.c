#include "library/trust.h"

#include "base/error.h"
#include "base/file.h"
#include "trust/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The time that was seen is written down so often, where nothing else is. */
#define SEEN_EVERY_S UINT64_C(86400)

/* Once: a link that is turned meanwhile must not give the catalogue of one version and the
 * lists of another. A path that leads nowhere stays, for the message of who tries to read it.
 */
static int follow_links(const char *path, char out[PATH_MAX])
{
    return realpath(path, out) != NULL || (size_t)snprintf(out, PATH_MAX, "%s", path) < PATH_MAX
               ? 0
               : -ENAMETOOLONG;
}

static int open_publisher(const struct cordon_policy_options *options, uint64_t now_s,
                          struct report *report, struct library_trust *trust)
{
    int rc = 0;

    if (options->state_directory != NULL) {
        rc = (size_t)snprintf(trust->path, sizeof(trust->path), "%s/" TRUST_RATCHET_FILE,
                              options->state_directory) < sizeof(trust->path)
                 ? trust_ratchet_read(trust->path, report, &trust->ratchet)
                 : -ENAMETOOLONG;
    }
    if (rc != 0) {
        return rc;
    }
    const struct trust_publisher_request request = {.pinned = options->root,
                                                    .folder = trust->folder,
                                                    .name = options->publisher,
                                                    .ratchet = trust->ratchet,
                                                    .now_s = now_s};

    rc = trust_publisher_open(&request, report, &trust->publisher);
    if (rc == 0) {
        trust->source.publisher = trust->publisher;
        trust->source.keyring = &trust->publisher->root->list;
    }
    return rc;
}

int library_trust_open(const struct cordon_policy_options *options, uint64_t now_s,
                       struct report *report, struct library_trust *trust)
{
    memset(trust, 0, sizeof(*trust));
    const int rc = follow_links(options->list_directory, trust->folder);
    if (rc != 0) {
        return rc;
    }
    trust->source.directory = trust->folder;
    trust->source.keyring = &trust->keys;
    return options->root != NULL ? open_publisher(options, now_s, report, trust)
                                 : trust_keyring_load(options->keys, options->key_count,
                                                      options->threshold, report, &trust->keys);
}

int library_trust_keep(struct library_trust *trust, uint64_t now_s, struct report *report,
                       int *memory)
{
    struct trust_ratchet *ratchet = trust->ratchet;
    bool changed = false;

    *memory = CORDON_MEMORY_NONE;
    if (ratchet == NULL) {
        return 0;
    }
    const uint64_t seen_s = ratchet->seen_s;
    int rc = trust_publisher_note(trust->publisher, now_s, ratchet, report, &changed);
    if (rc != 0) {
        return rc;
    }
    *memory = CORDON_MEMORY_KEPT;
    if (!changed && !ratchet->uneven && ratchet->seen_s < seen_s + SEEN_EVERY_S) {
        return 0;
    }
    char *slash = strrchr(trust->path, '/');
    *slash = '\0';
    rc = file_make_folder(trust->path, 0700);
    *slash = '/';
    rc = rc == 0 ? trust_ratchet_write(ratchet, trust->path, NULL) : rc;
    if (rc != 0 && rc != -EAGAIN && changed) {
        report_add(report, REPORT_WARNING, trust->path, 0, 0,
                   "what is accepted cannot be written down (%s): after a restart, older lists "
                   "would not be noticed",
                   cordon_strerror(rc));
        *memory = CORDON_MEMORY_UNWRITTEN;
    }
    return rc == -EAGAIN ? rc : 0;
}

void library_trust_close(struct library_trust *trust)
{
    trust_publisher_free(trust->publisher);
    trust_ratchet_free(trust->ratchet);
    trust->publisher = NULL;
    trust->ratchet = NULL;
}
