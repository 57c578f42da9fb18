#include "daemon/folders.h"

#include "base/invariant.h"
#include "base/log.h"
#include "base/siphash.h"
#include "daemon/state.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDERS (CONFIG_PUBLISHERS_MAX + 1)

/* Does the name lead to another folder now? */
static bool is_elsewhere(const uv_stat_t *before, const uv_stat_t *after)
{
    return before->st_dev != after->st_dev || before->st_ino != after->st_ino;
}

/* A folder that was moved away and made anew may still be filled. */
static bool is_link(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

/* Also when a folder goes (status is an error), which changes nothing, and comes back. */
static void on_change(uv_fs_poll_t *poll, int status, const uv_stat_t *before,
                      const uv_stat_t *after)
{
    struct daemon *daemon = poll->data;
    const struct folders_one *one = (const struct folders_one *)poll; /* its first member */

    invariant(daemon->magic == DAEMON_MAGIC);
    if (status != 0) {
        return;
    }
    if (is_elsewhere(before, after)) {
        reload_look_again(daemon,
                          is_link(one->path) ? DAEMON_WATCH_TURNED_MS : DAEMON_WATCH_QUIET_MS);
    } else if (!one->own) {
        reload_look_again(daemon, DAEMON_WATCH_QUIET_MS);
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

/* What tells one state of a file from another without reading it. */
struct mark {
    uint64_t inode, octets;
    int64_t changed_s, changed_ns;
};

/* A sum over the files that a reload would look at, in whatever order they come. */
static uint64_t contents_of(const char *path)
{
    static const uint8_t key[SIPHASH_KEY_OCTETS] = "folder of lists";
    uint64_t sum = 0;
    DIR *dir = opendir(path);

    for (const struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL;
         entry = readdir(dir)) {
        const char *name = entry->d_name;
        struct mark mark = {.inode = 0};
        struct stat status;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || !reload_is_of_interest(name)) {
            continue;
        }
        if (fstatat(dirfd(dir), name, &status, 0) == 0) {
            mark = (struct mark){.inode = status.st_ino,
                                 .octets = (uint64_t)status.st_size,
                                 .changed_s = status.st_ctim.tv_sec,
                                 .changed_ns = status.st_ctim.tv_nsec};
        }
        sum += siphash13(&mark, sizeof(mark), key) * 31 + siphash13(name, strlen(name), key);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return sum;
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
            one->contents = contents_of(path);
        }
    }
}

/* Has it been turned, or written to, since it was noted? That is looked at once. */
static bool has_changed(struct folders_one *one)
{
    struct stat status;
    const bool changed = one->noted && stat(one->path, &status) == 0 &&
                         (status.st_dev != one->device || status.st_ino != one->inode ||
                          contents_of(one->path) != one->contents);

    one->noted = false;
    return changed;
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
    if (has_changed(one)) {
        reload_look_again(daemon, DAEMON_WATCH_QUIET_MS);
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
