#include "daemon/follow.h"

#include "base/invariant.h"
#include "base/log.h"
#include "daemon/changes.h"
#include "daemon/state.h"

#include <stdlib.h>
#include <string.h>

#define NAMED_MAX 512 /* octets of the servers in a message */

static void name_servers(const struct upstream_settings *upstreams, char *out, size_t size)
{
    char address[ADDRESS_TEXT_MAX];
    struct text text;

    text_init(&text, out, size);
    for (size_t i = 0; i < upstreams->count; i++) {
        address_format(&upstreams->servers[i].address, true, address);
        text_printf(&text, "%s%s", i == 0 ? "" : ", ", address);
    }
}

static bool is_same(const struct upstream_settings *a, const struct upstream_settings *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!endpoint_equal(&a->servers[i], &b->servers[i])) {
            return false;
        }
    }
    return true;
}

/* The servers in force stay. Said once for each time that the file changes. */
static void refuse(struct follow *follow, const struct report *report)
{
    log_write(LOG_LEVEL_WARNING,
              "%s has changed and names no server that can be asked: those of before stay%s%s",
              follow->path, report->count > 0 ? "; " : "",
              report->count > 0 ? report->entries[0].text : "");
    follow->refused = true;
}

static void read_again(struct daemon *daemon)
{
    struct follow *follow = &daemon->follow;
    const struct setup_snapshot *current = daemon_snapshot(daemon);
    char names[NAMED_MAX];
    struct report report;

    report_init(&report);
    follow->refused = false;
    if (setup_upstreams_again(daemon->config, current, &report, &follow->next) != 0) {
        follow->pending = false;
        refuse(follow, &report);
    } else if (is_same(&follow->next, &current->upstreams)) {
        follow->pending = false;
    } else {
        name_servers(&follow->next, names, sizeof(names));
        log_write(LOG_LEVEL_INFO, "%s has changed: upstreams are now %s", follow->path, names);
        follow->pending = true;
        changes_publish_soon(daemon);
    }
    report_deinit(&report);
}

static void on_quiet(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;

    invariant(daemon->magic == DAEMON_MAGIC);
    if (!daemon->stopping && daemon->follow.path != NULL) {
        read_again(daemon);
    }
}

/* Also when the file goes (status is an error) and comes back. */
static void on_change(uv_fs_poll_t *poll, int status, const uv_stat_t *before,
                      const uv_stat_t *after)
{
    struct daemon *daemon = poll->data;

    (void)status;
    (void)before;
    (void)after;
    uv_timer_start(&daemon->follow.quiet, on_quiet, DAEMON_WATCH_QUIET_MS, 0);
}

int follow_init(struct daemon *daemon)
{
    struct follow *follow = &daemon->follow;
    const int rc = uv_fs_poll_init(&daemon->loop, &follow->poll);

    uv_timer_init(&daemon->loop, &follow->quiet);
    follow->poll.data = daemon;
    follow->quiet.data = daemon;
    return rc;
}

void follow_configure(struct daemon *daemon)
{
    struct follow *follow = &daemon->follow;
    const struct config *config = daemon->config;
    const bool wanted = config->upstreams_from_system && config->follow;

    if (wanted && follow->path != NULL && strcmp(follow->path, config->resolv_conf) == 0) {
        return;
    }
    uv_fs_poll_stop(&follow->poll);
    free(follow->path);
    follow->path = wanted ? strdup(config->resolv_conf) : NULL;
    follow->refused = false;
    if (follow->path == NULL) {
        return;
    }
    const int rc =
        uv_fs_poll_start(&follow->poll, on_change, follow->path, DAEMON_FOLLOW_LOOK_MS);
    if (rc != 0) {
        log_write(LOG_LEVEL_WARNING, "changes of %s will not be noticed: %s", follow->path,
                  uv_strerror(rc));
    }
}

void follow_close(struct daemon *daemon)
{
    uv_close((uv_handle_t *)&daemon->follow.poll, NULL);
    uv_close((uv_handle_t *)&daemon->follow.quiet, NULL);
}

void follow_deinit(struct daemon *daemon)
{
    free(daemon->follow.path);
    daemon->follow.path = NULL;
}

void follow_apply(const struct daemon *daemon, struct setup_snapshot *made)
{
    if (daemon->follow.pending) {
        setup_snapshot_ask(made, &daemon->follow.next);
    }
}

void follow_published(struct daemon *daemon, bool anew)
{
    struct follow *follow = &daemon->follow;

    follow->pending = false;
    if (anew && follow->path != NULL) { /* the file may have changed since that was made */
        uv_timer_start(&follow->quiet, on_quiet, DAEMON_WATCH_QUIET_MS, 0);
    }
}

void follow_write(const struct daemon *daemon, struct text *out)
{
    const struct follow *follow = &daemon->follow;

    json_object_begin(out, "resolv_conf");
    json_string(out, "followed", follow->path);
    json_bool(out, "refused", follow->refused);
    json_object_end(out);
}
