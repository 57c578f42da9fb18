#include "setup/trust.h"

#include "base/error.h"
#include "base/file.h"
#include "trust/load.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The time that was seen is written down so often, where nothing else is. */
#define SEEN_EVERY_S (UINT64_C(86400))

/* The root that is pinned: the one that is named, or the first of the lists' own folder if no
 * keys are named. False: keys count. */
static bool find_root(const struct config *config, char path[PATH_MAX])
{
    if (config->root != NULL) {
        return (size_t)snprintf(path, PATH_MAX, "%s", config->root) < PATH_MAX;
    }
    return !config->keys_given &&
           (size_t)snprintf(path, PATH_MAX, "%s/1.root", config->list_directory) < PATH_MAX &&
           access(path, F_OK) == 0;
}

static bool ratchet_path(const struct config *config, char path[PATH_MAX])
{
    return config->state_directory != NULL &&
           (size_t)snprintf(path, PATH_MAX, "%s/%s", config->state_directory,
                            TRUST_RATCHET_FILE) < PATH_MAX;
}

int setup_trust_open(const struct config *config, uint64_t now_s, struct report *report,
                     struct setup_trust *trust)
{
    char root[PATH_MAX];
    char ratchet[PATH_MAX];
    int rc = 0;

    memset(trust, 0, sizeof(*trust));
    trust->standard.directory = config->list_directory;
    trust->standard.keyring = &trust->keys;
    if (!find_root(config, root)) {
        return trust_keyring_load((const char *const *)config->keys, config->key_count,
                                  config->threshold, report, &trust->keys);
    }
    if (ratchet_path(config, ratchet)) {
        rc = trust_ratchet_read(ratchet, report, &trust->ratchet);
    }
    if (rc == 0) {
        const struct trust_publisher_request request = {.pinned = root,
                                                        .folder = config->list_directory,
                                                        .ratchet = trust->ratchet,
                                                        .now_s = now_s};

        rc = trust_publisher_open(&request, report, &trust->publisher);
    }
    if (rc == 0) {
        trust->standard.publisher = trust->publisher;
        trust->standard.keyring = &trust->publisher->root->list;
    }
    return rc;
}

/* Was there a file to be read? */
static bool was_there(const struct trust_ratchet *ratchet)
{
    static const uint8_t nothing[TRUST_HASH_OCTETS];

    return memcmp(ratchet->was, nothing, sizeof(nothing)) != 0;
}

int setup_trust_keep(struct setup_trust *trust, const struct config *config, uint64_t now_s,
                     struct report *report)
{
    struct trust_ratchet *ratchet = trust->ratchet;
    char path[PATH_MAX];
    bool changed = false;

    if (ratchet == NULL || !ratchet_path(config, path)) {
        return 0;
    }
    const uint64_t seen_s = ratchet->seen_s;
    int rc = trust_publisher_note(trust->publisher, now_s, ratchet, report, &changed);
    if (rc != 0 || (!changed && ratchet->seen_s < seen_s + SEEN_EVERY_S)) {
        return rc;
    }
    if (was_there(ratchet) && changed) {
        return trust_ratchet_write(ratchet, path, report);
    }
    /* Nothing that was accepted before is at stake. */
    rc = file_make_folder(config->state_directory, 0700);
    rc = rc == 0 ? trust_ratchet_write(ratchet, path, NULL) : rc;
    if (rc != 0) {
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "what is accepted cannot be written down (%s): after a restart, older lists "
                   "would not be noticed",
                   cordon_strerror(rc));
    }
    return 0;
}

void setup_trust_close(struct setup_trust *trust)
{
    trust_publisher_free(trust->publisher);
    trust_ratchet_free(trust->ratchet);
    trust->publisher = NULL;
    trust->ratchet = NULL;
}

void setup_trust_sources(const struct setup_trust *trust, const char *const *ids, size_t count,
                         const struct policy_load_source **sources)
{
    (void)ids;
    for (size_t i = 0; i < count; i++) {
        sources[i] = &trust->standard;
    }
}
