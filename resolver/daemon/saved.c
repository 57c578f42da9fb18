/*
 * daemon/saved.c - the cache outlives a restart, where `cache.keep` says so.
 *
 * At an orderly stop, when the workers have ended, the main thread writes what the cache holds
 * to the file `cache` in the state directory. The next start answers at once; a thread of
 * libuv's pool takes the file, removes it (names that were asked do not lie about, and no
 * answer comes back twice), looks at all of it and stores what still holds. A successor does so
 * when its predecessor has ended. Whoever flushes anything meanwhile ends it: what is forgotten
 * does not come back. A file that cannot be read or written costs the cache,
 * nothing else.
 */
#include "cache/saved.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/invariant.h"
#include "base/log.h"
#include "daemon/state.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_OCTETS 65536u

/* Of the memory that the system grants, a file that is read may take this part. */
#define GRANTED_PART 4u

struct saved_loading {
    uv_work_t work;
    struct daemon *daemon;
    char path[PATH_MAX];
    uint8_t meaning[DIGEST_OCTETS];
    uint32_t ttl_max_s;
    size_t octets_max;
    int rc;
    enum cache_load_result result;
    struct cache_loaded loaded;
};

struct saved_writing {
    struct file_new file;
    size_t used;
    uint8_t octets[BUFFER_OCTETS];
};

/* False: there is no state directory. */
static bool path_of(const struct daemon *daemon, char path[PATH_MAX])
{
    const char *folder = daemon->config->state_directory;

    return folder != NULL && snprintf(path, PATH_MAX, "%s/cache", folder) < PATH_MAX;
}

/* When it is read, all of the file is in memory beside the cache, which may have half of what
 * is granted. */
static size_t octets_max(uint64_t granted)
{
    return granted / GRANTED_PART < DAEMON_SAVED_OCTETS_MAX ? (size_t)(granted / GRANTED_PART)
                                                            : DAEMON_SAVED_OCTETS_MAX;
}

static void add_endpoint(struct digest *digest, const struct endpoint *server)
{
    char text[ENDPOINT_TEXT_MAX];
    const size_t len = endpoint_format(server, text);

    digest_add(digest, &server->pin_count, sizeof(server->pin_count));
    digest_add(digest, text, len + 1);
    digest_add(digest, server->pins, (size_t)server->pin_count * ENDPOINT_PIN_OCTETS);
}

/* Of whom an answer of each context comes. The answers of others are not ours: whoever changed
 * them had a reason. */
static void meaning_of(const struct daemon *daemon, uint8_t meaning[DIGEST_OCTETS])
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    const struct upstream_settings *upstreams = &snapshot->named;
    struct digest digest;

    digest_init(&digest, NULL, DIGEST_OCTETS);
    digest_add(&digest, &upstreams->apart, sizeof(upstreams->apart));
    for (size_t i = 0; i < upstreams->count; i++) {
        add_endpoint(&digest, &upstreams->servers[i]);
    }
    for (size_t i = 0; i < snapshot->zone_count; i++) {
        digest_add(&digest, snapshot->zones[i].name.octets, snapshot->zones[i].name.len);
        digest_add(&digest, &snapshot->zones[i].context, sizeof(snapshot->zones[i].context));
    }
    for (size_t i = 0; i < upstreams->group_count; i++) {
        digest_add(&digest, &upstreams->groups[i].context,
                   sizeof(upstreams->groups[i].context));
        digest_add(&digest, &upstreams->groups[i].servers,
                   sizeof(upstreams->groups[i].servers));
    }
    digest_end(&digest, meaning, DIGEST_OCTETS);
}

/* What is asked of the old ones may still come for as long as a question waits. */
void saved_published(struct daemon *daemon)
{
    struct saved *saved = &daemon->saved;
    uint8_t meaning[DIGEST_OCTETS];

    meaning_of(daemon, meaning);
    if (saved->known && !digest_equal(meaning, saved->meaning)) {
        saved->since_us = clock_read().mono_us +
                          daemon_snapshot(daemon)->settings.deadline_ms * UINT64_C(1000);
    }
    memcpy(saved->meaning, meaning, sizeof(meaning));
    saved->known = true;
}

/* On a thread of the pool. */
static void load(uv_work_t *work)
{
    struct saved_loading *loading = work->data;
    uint8_t *octets = NULL;
    size_t len = 0;

    loading->rc = file_take(loading->path, loading->octets_max, &octets, &len);
    if (loading->rc == 0) {
        const struct cache_loading how = {.now = clock_read(),
                                          .meaning = loading->meaning,
                                          .ttl_max_s = loading->ttl_max_s,
                                          .forgets = 0}; /* since this process began */

        loading->result =
            cache_load(loading->daemon->cache, octets, len, &how, &loading->loaded);
    }
    free(octets);
}

static void on_loaded(uv_work_t *work, int status)
{
    struct saved_loading *loading = work->data;
    struct daemon *daemon = loading->daemon;

    invariant(daemon->magic == DAEMON_MAGIC && status == 0);
    daemon->saved.loading = false;
    if (loading->rc != 0 && loading->rc != -ENOENT) {
        log_write(LOG_LEVEL_WARNING, "cache: %s cannot be read (%s): it begins empty",
                  loading->path, cordon_strerror(loading->rc));
    } else if (loading->rc == 0 && loading->result != CACHE_LOAD_OK) {
        log_write(LOG_LEVEL_WARNING, "cache: %s %s: it is removed, and the cache begins empty",
                  loading->path, cache_load_words(loading->result));
    } else if (loading->rc == 0) {
        log_write(LOG_LEVEL_INFO,
                  "cache: %" PRIu64 " answers are back, as they were %" PRIu64
                  " s ago; %" PRIu64 " are past their time or found no room%s",
                  loading->loaded.stored, loading->loaded.age_s, loading->loaded.passed,
                  cache_forgets(daemon->cache) == 0
                      ? ""
                      : ", or are left out, as the cache was flushed meanwhile");
    }
    free(loading);
}

void saved_load(struct daemon *daemon)
{
    struct saved_loading *loading;
    char path[PATH_MAX];

    daemon->saved.ready = true;
    saved_published(daemon);
    if (!path_of(daemon, path) || daemon->saved.loading) {
        return;
    }
    if (!daemon->config->cache_keep) {
        (void)unlink(path); /* it was on: names that were asked */
        return;
    }
    loading = calloc(1, sizeof(*loading));
    if (loading == NULL) {
        return;
    }
    loading->daemon = daemon;
    loading->ttl_max_s = daemon->config->ttl_max_s;
    loading->octets_max = octets_max(daemon->memory.limit);
    memcpy(loading->path, path, sizeof(path));
    meaning_of(daemon, loading->meaning);
    loading->work.data = loading;
    daemon->saved.loading = true;
    const int rc = uv_queue_work(&daemon->loop, &loading->work, load, on_loaded);
    invariant(rc == 0); /* it only fails without a function */
}

static int flush(struct saved_writing *writing)
{
    const int rc = file_write_to(writing->file.fd, writing->octets, writing->used);

    writing->used = 0;
    return rc;
}

static int add(void *context, const void *octets, size_t len)
{
    struct saved_writing *writing = context;
    int rc = 0;

    if (len > BUFFER_OCTETS - writing->used) {
        rc = flush(writing);
    }
    if (rc == 0 && len <= BUFFER_OCTETS) {
        memcpy(writing->octets + writing->used, octets, len);
        writing->used += len;
    }
    return rc;
}

void saved_save(struct daemon *daemon)
{
    const uint64_t began_us = clock_read().mono_us;
    struct saved_writing *writing = NULL;
    struct cache_saved saved = {0};
    uint8_t meaning[DIGEST_OCTETS];
    char path[PATH_MAX];

    if (!daemon->saved.ready || !daemon->config->cache_keep || !path_of(daemon, path)) {
        return;
    }
    while (daemon->saved.loading) { /* what was not taken in yet would be lost */
        (void)uv_run(&daemon->loop, UV_RUN_ONCE);
    }
    writing = malloc(sizeof(*writing));
    if (writing == NULL) {
        return;
    }
    writing->used = 0;
    meaning_of(daemon, meaning);
    int rc = file_new_open(&writing->file, path);
    if (rc == 0) {
        const struct cache_saving saving = {.now = clock_read(),
                                            .meaning = meaning,
                                            .octets_max = octets_max(daemon->memory.limit),
                                            .since_us = daemon->saved.since_us,
                                            .write = add,
                                            .context = writing};

        rc = cache_save(daemon->cache, &saving, &saved);
        rc = rc != 0 ? rc : flush(writing);
        rc = file_new_close(&writing->file, path, 0600, rc);
    }
    if (rc != 0) {
        log_write(LOG_LEVEL_WARNING,
                  "cache: %s cannot be written (%s): the next start begins "
                  "with an empty one",
                  path, cordon_strerror(rc));
    } else {
        log_write(LOG_LEVEL_INFO,
                  "cache: %" PRIu64 " answers are kept in %s (%" PRIu64 " octets, %" PRIu64
                  " ms)",
                  saved.answers, path, saved.octets, (clock_read().mono_us - began_us) / 1000);
    }
    free(writing);
}
