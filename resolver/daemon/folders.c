#include "daemon/folders.h"

#include "base/invariant.h"
#include "base/log.h"
#include "daemon/state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDERS (CONFIG_PUBLISHERS_MAX + 1)

/* Does the name lead to another folder now? */
static bool is_elsewhere(const uv_stat_t *before, const uv_stat_t *after)
{
    return before->st_dev != after->st_dev || before->st_ino != after->st_ino;
}

/* Also when a folder goes (status is an error), which changes nothing, and comes back. */
static void on_change(uv_fs_poll_t *poll, int status, const uv_stat_t *before,
                      const uv_stat_t *after)
{
    struct daemon *daemon = poll->data;
    const struct folders_one *one = (const struct folders_one *)poll; /* its first member */

    invariant(daemon->magic == DAEMON_MAGIC);
    if (status == 0 && (!one->own || is_elsewhere(before, after))) {
        reload_look_again(daemon);
    }
}

void folders_init(struct daemon *daemon)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        (void)uv_fs_poll_init(&daemon->loop, &daemon->folders.at[i].poll); /* cannot fail */
        daemon->folders.at[i].poll.data = daemon;
        daemon->folders.at[i].own = i == 0;
    }
}

static const char *path_of(const struct config *config, size_t at)
{
    return at == 0                            ? config->list_directory
           : at - 1 < config->publisher_count ? config->publishers[at - 1].directory
                                              : NULL;
}

void folders_note(struct daemon *daemon)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        struct folders_one *one = &daemon->folders.at[i];
        const char *path = path_of(daemon->config, i);
        struct stat status;

        one->noted = path != NULL && stat(path, &status) == 0;
        if (one->noted) {
            one->device = status.st_dev;
            one->inode = status.st_ino;
        }
    }
}

/* Has it been turned since it was noted? That is looked at once. */
static bool was_turned(struct folders_one *one)
{
    struct stat status;
    const bool turned = one->noted && stat(one->path, &status) == 0 &&
                        (status.st_dev != one->device || status.st_ino != one->inode);

    one->noted = false;
    return turned;
}

static void configure_one(struct daemon *daemon, struct folders_one *one, const char *path)
{
    if (path != NULL && one->path != NULL && strcmp(path, one->path) == 0) {
        return;
    }
    uv_fs_poll_stop(&one->poll);
    free(one->path);
    one->path = path == NULL ? NULL : strdup(path);
    if (one->path == NULL) {
        return;
    }
    const int rc = uv_fs_poll_start(&one->poll, on_change, one->path, DAEMON_FOLDERS_LOOK_MS);
    if (rc != 0) {
        log_write(LOG_LEVEL_WARNING, "that %s leads elsewhere will not be noticed: %s", path,
                  uv_strerror(rc));
    }
    if (was_turned(one)) {
        reload_look_again(daemon);
    }
}

void folders_configure(struct daemon *daemon)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        configure_one(daemon, &daemon->folders.at[i], path_of(daemon->config, i));
    }
}

void folders_close(struct daemon *daemon)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        uv_close((uv_handle_t *)&daemon->folders.at[i].poll, NULL);
    }
}

void folders_deinit(struct daemon *daemon)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        free(daemon->folders.at[i].path);
        daemon->folders.at[i].path = NULL;
    }
}
