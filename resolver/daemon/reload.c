/*
 * daemon/reload.c - new configuration and lists, made beside the old and swapped.
 *
 * Happy path: asked, or a file changed -> prepared by the builder -> published -> every
 * worker has adopted it -> whoever asked is told. Failures: anything wrong with the new -> the
 * old stays, the report says why, files are tried once more; a reader that does not let go of
 * the snapshot before the current one -> tried for DAEMON_PUBLISH_MOST_MS, then given up. Two
 * at once: the second begins after the first has ended, so that whoever asks gets the result of
 * a reload that began after the question.
 */
#include "base/error.h"
#include "base/invariant.h"
#include "base/log.h"
#include "daemon/notify.h"
#include "daemon/state.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void begin(struct daemon *daemon, enum reload_cause cause);

static void prepare(void *context)
{
    struct daemon *daemon = context;
    struct reload *reload = &daemon->reload;
    struct config *config = NULL;

    reload->rc = config_read(daemon->config_path, &reload->report, &config);
    if (reload->rc != 0) {
        return;
    }
    config_report_restart(daemon->started, config, daemon->config_path, &reload->report);
    sandbox_report_hidden(&daemon->sandbox, config, daemon->config_path, &reload->report);
    const struct setup_request request = {.generation = reload->generation,
                                          .now_s = clock_read().wall_us / 1000000,
                                          .memory = reload->memory,
                                          .tolerates = true,
                                          .before = reload->before,
                                          .held = reload->held,
                                          .late_octets = late_octets(daemon)};
    reload->rc = setup_snapshot_make_for(config, &request, &reload->report, &reload->snapshot);
    if (reload->rc != 0) {
        config_free(config);
        return;
    }
    /* The daemon keeps it longer than the workers keep the snapshot. */
    reload->config = reload->snapshot->config;
    reload->snapshot->config = NULL;
}

/* Messages of one kind, as an array. */
static void add_messages(struct text *out, const char *key, const struct report *report,
                         enum report_kind kind)
{
    json_array_begin(out, key);
    for (size_t i = 0; i < report->count; i++) {
        if (report->entries[i].kind == kind) {
            json_string(out, NULL, report->entries[i].text);
        }
    }
    json_array_end(out);
}

static const char *const causes[] = {
    [RELOAD_NONE] = "none",     [RELOAD_RETRY] = "retry",  [RELOAD_FILES] = "files",
    [RELOAD_STAGES] = "stages", [RELOAD_HOLDING] = "held", [RELOAD_ASKED] = "asked"};

static void make_document(struct daemon *daemon, struct text *out)
{
    const struct reload *reload = &daemon->reload;
    const struct clock_now now = clock_read();
    const struct setup_snapshot *current = daemon_snapshot(daemon);
    char when[CLOCK_TEXT_MAX];

    clock_format(now.wall_us, when);
    json_object_begin(out, NULL);
    json_bool(out, "ok", reload->rc == 0);
    json_bool(out, "partly", reload->rc == 0 && current->broken_count > 0);
    json_string(out, "cause", causes[reload->cause]);
    json_string(out, "time", when);
    json_uint(out, "milliseconds", (now.mono_us - reload->began_us) / 1000);
    json_uint(out, "generation", policy_generation(current->policy));
    setup_fingerprint_show(out, current->fingerprint, false);
    if (reload->rc != 0) {
        json_string(out, "error", cordon_strerror(reload->rc));
    }
    add_messages(out, "errors", &reload->report, REPORT_ERROR);
    add_messages(out, "warnings", &reload->report, REPORT_WARNING);
    add_messages(out, "notes", &reload->report, REPORT_NOTE);
    json_bool(out, "from_cache", current->from_cache);
    json_bool(out, "shipped", current->shipped);
    status_lists(out, current, daemon->config->dead, now.wall_us / 1000000);
    staging_write_outcome(out, daemon);
    json_object_end(out);
}

static void log_result(const struct daemon *daemon)
{
    static const enum log_level levels[] = {[REPORT_ERROR] = LOG_LEVEL_ERROR,
                                            [REPORT_WARNING] = LOG_LEVEL_WARNING,
                                            [REPORT_NOTE] = LOG_LEVEL_INFO};
    const struct reload *reload = &daemon->reload;

    for (size_t i = 0; i < reload->report.count; i++) {
        log_write(levels[reload->report.entries[i].kind], "%s", reload->report.entries[i].text);
    }
    if (reload->rc == 0) {
        log_write(LOG_LEVEL_INFO,
                  "reloaded: generation %" PRIu64 " is in force after %" PRIu64 " ms",
                  policy_generation(daemon_snapshot(daemon)->policy),
                  (clock_read().mono_us - reload->began_us) / 1000);
    } else {
        log_write(
            LOG_LEVEL_ERROR, "the reload failed (%s): generation %" PRIu64 " stays in force",
            cordon_strerror(reload->rc), policy_generation(daemon_snapshot(daemon)->policy));
    }
}

void reload_notify(const struct daemon *daemon)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    const bool refused = daemon->reload.rc != 0;

    if (daemon->stopping) {
        return; /* it has been told that already */
    }
    notify_manager("READY=1\nSTATUS=%s%s%sgeneration %" PRIu64 ", %zu lists",
                   refused ? "the reload was refused: " : "",
                   refused ? cordon_strerror(daemon->reload.rc) : "", refused ? "; still " : "",
                   policy_generation(snapshot->policy), snapshot->list_count);
}

/* Tells everyone, and keeps the document for `status`. */
static void tell(struct daemon *daemon)
{
    struct reload *reload = &daemon->reload;
    char *memory = malloc(DAEMON_RELOAD_DOCUMENT_MAX);
    struct text out;

    log_result(daemon);
    reload_notify(daemon);
    if (memory == NULL) {
        static const char short_of_memory[] = "{\"ok\":false,\"error\":\"out of memory\"}";
        for (size_t i = 0; i < reload->waiting_count; i++) {
            control_reply(reload->waiting[i], short_of_memory, sizeof(short_of_memory) - 1);
        }
        reload->waiting_count = 0;
        return;
    }
    text_init(&out, memory, DAEMON_RELOAD_DOCUMENT_MAX);
    make_document(daemon, &out);
    if (out.overflow) { /* 64 messages of 1 KiB and 128 lists fit: our own mistake, not fatal */
        text_init(&out, memory, DAEMON_RELOAD_DOCUMENT_MAX);
        json_object_begin(&out, NULL);
        json_bool(&out, "ok", reload->rc == 0);
        json_object_end(&out);
    }
    for (size_t i = 0; i < reload->waiting_count; i++) {
        control_reply(reload->waiting[i], out.at, out.len);
    }
    reload->waiting_count = 0;
    /* Copied: a large piece that is cut to fit would be a little further on in the heap each
     * time, and touch it all. */
    free(reload->last);
    reload->last = malloc(out.len + 1);
    if (reload->last != NULL) {
        memcpy(reload->last, out.at, out.len);
        reload->last[out.len] = '\0';
    }
    free(memory);
    reload->last_len = reload->last != NULL ? out.len : 0;
}

/* What changes files: the folder of lists. */

static void on_later(uv_timer_t *timer);

static void schedule(struct daemon *daemon, enum reload_cause cause, unsigned wait_ms)
{
    struct reload *reload = &daemon->reload;
    const uint64_t now_us = clock_read().mono_us;
    uint64_t at_us = now_us + wait_ms * 1000ull;

    if (reload->later_most_us == 0) {
        const unsigned most_ms =
            wait_ms > DAEMON_WATCH_MOST_MS ? wait_ms : DAEMON_WATCH_MOST_MS;
        reload->later_most_us = now_us + most_ms * 1000ull;
    }
    if (at_us > reload->later_most_us) {
        at_us = reload->later_most_us;
    }
    if (cause > reload->later_cause) {
        reload->later_cause = cause;
    }
    uv_timer_start(&reload->later, on_later, at_us > now_us ? (at_us - now_us) / 1000 : 0, 0);
}

/* Lists, roots, catalogues and signatures, their unfinished copies included, and the names that
 * begin with two dots, which container platforms swap as a whole. */
bool reload_is_of_interest(const char *name)
{
    return strstr(name, ".list") != NULL || strstr(name, ".root") != NULL ||
           strncmp(name, "catalogue", 9) == 0 || strncmp(name, "..", 2) == 0;
}

void reload_look_again(struct daemon *daemon, unsigned wait_ms)
{
    if (!daemon->stopping) {
        schedule(daemon, RELOAD_FILES, wait_ms);
    }
}

static void on_files(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct daemon *daemon = handle->data;
    const char *base = strrchr(daemon->reload.watched, '/');

    (void)events;
    base = base == NULL ? daemon->reload.watched : base + 1;
    if (daemon->stopping) {
        return;
    }
    /* A missing name is the folder's own. */
    if (status < 0 || name == NULL || reload_is_of_interest(name) || strcmp(name, base) == 0) {
        schedule(daemon, RELOAD_FILES, DAEMON_WATCH_QUIET_MS);
    }
}

/* Watches the folder anew: the one before may have been removed or replaced as a whole. */
static void watch(struct daemon *daemon)
{
    struct reload *reload = &daemon->reload;
    const char *folder = daemon->config->list_directory;
    const bool was_watching = reload->watching;

    if (reload->watching) {
        uv_fs_event_stop(&reload->files);
        reload->watching = false;
    }
    free(reload->watched);
    reload->watched = folder == NULL ? NULL : strdup(folder);
    if (reload->watched == NULL) {
        return;
    }
    const int rc = uv_fs_event_start(&reload->files, on_files, reload->watched, 0);
    reload->watching = rc == 0;
    if (rc != 0) {
        if (was_watching || reload->generation == 0) {
            log_write(LOG_LEVEL_WARNING,
                      "changes of lists in %s are not noticed for now: %s; SIGHUP and `cordon "
                      "reload` work",
                      folder, uv_strerror(rc));
        }
        schedule(daemon, RELOAD_NONE, DAEMON_WATCH_AGAIN_MS);
    }
}

static void on_later(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    struct reload *reload = &daemon->reload;
    const bool was_watching = reload->watching;
    enum reload_cause cause = reload->later_cause;

    reload->later_cause = RELOAD_NONE;
    reload->later_most_us = 0;
    /* Before anything is read: what changes from here on is noticed, what changed before is
     * read. */
    watch(daemon);
    if (cause == RELOAD_NONE && reload->watching && !was_watching) {
        cause = RELOAD_FILES; /* the folder is back */
    }
    if (cause != RELOAD_NONE) {
        (void)reload_request(daemon, cause, NULL);
    }
}

/* The end of one reload, and perhaps the begin of the next. rc is in reload->rc. */
static void finish(struct daemon *daemon)
{
    struct reload *reload = &daemon->reload;
    const bool of_files = reload->cause == RELOAD_FILES;

    if (reload->rc != 0) {
        setup_snapshot_free(reload->snapshot);
        config_free(reload->config);
    } else {
        const bool moved =
            strcmp(reload->config->list_directory, daemon->config->list_directory) != 0;
        if (daemon->config != daemon->started) {
            config_free(daemon->config);
        }
        daemon->config = reload->config;
        alarm_take(daemon);
        follow_configure(daemon);
        folders_configure(daemon);
        if (moved) {
            watch(daemon);
            schedule(daemon, RELOAD_FILES, DAEMON_WATCH_QUIET_MS); /* changed meanwhile? */
        }
    }
    reload->snapshot = NULL;
    reload->config = NULL;
    holding_end(daemon, reload->rc == 0, causes[reload->cause], &reload->report);
    staging_end(daemon, reload->rc == 0);
    recording_reloaded(daemon, reload->rc, causes[reload->cause],
                       reload->waiting_count > 0 ? control_peer(reload->waiting[0]) : NULL);
    tell(daemon);
    report_deinit(&reload->report);
    reload->phase = RELOAD_IDLE;
    if (daemon->stopping) {
        return;
    }
    const bool partly = daemon->broken_count > 0; /* perhaps in the middle of being written */
    reload->strict = reload->strict && (reload->rc != 0 || partly);
    if ((reload->rc != 0 || partly) && of_files && reload->next == RELOAD_NONE) {
        schedule(daemon, RELOAD_RETRY, DAEMON_RETRY_MS);
    }
    if (!late_begin(daemon)) {
        reload_begin_next(daemon);
    }
}

void reload_begin_next(struct daemon *daemon)
{
    if (daemon->reload.phase == RELOAD_IDLE && daemon->reload.next != RELOAD_NONE) {
        begin(daemon, daemon->reload.next);
    }
}

static void fail(struct daemon *daemon, int rc, const char *message)
{
    report_add(&daemon->reload.report, REPORT_ERROR, daemon->config_path, 0, 0, "%s", message);
    daemon->reload.rc = rc;
    finish(daemon);
}

static void on_sweep(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;

    if (policy_slot_reclaim(daemon->slot)) {
        uv_timer_stop(timer);
        /* The builder's arena was as large as two generations and a half: without this it stays
         * so, and is a little larger after each reload that a reader has held up. */
        (void)malloc_trim(0);
    }
}

void reload_sweep(struct daemon *daemon)
{
    uv_timer_start(&daemon->reload.sweep, on_sweep, 100, 100);
}

/* Everything that waits for readers, in small steps. */
static void on_step(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    struct reload *reload = &daemon->reload;
    const bool late =
        clock_read().mono_us >= reload->ready_us + DAEMON_PUBLISH_MOST_MS * 1000ull;

    invariant(daemon->magic == DAEMON_MAGIC);
    if (reload->phase == RELOAD_PUBLISHING) {
        const int rc = changes_publish(daemon, reload->snapshot);
        if (rc != 0) {
            if (rc != -EBUSY || late) {
                uv_timer_stop(timer);
                fail(daemon, rc,
                     "the snapshot before the current one is still in use: the "
                     "output of events may be blocked (see `cordon status`)");
            }
            return;
        }
        reload->snapshot = NULL; /* the slot's now */
        reload->number = policy_slot_number(daemon->slot);
        reload->phase = RELOAD_ADOPTING;
        return;
    }
    if (policy_slot_adopted(daemon->slot, daemon->worker_count, reload->number) || late) {
        uv_timer_stop(timer);
        if (late) {
            report_add(&reload->report, REPORT_WARNING, daemon->config_path, 0, 0,
                       "a worker is slow to take the new lists");
        }
        finish(daemon);
    }
}

static void on_prepared(void *context)
{
    struct daemon *daemon = context;
    struct reload *reload = &daemon->reload;

    invariant(daemon->magic == DAEMON_MAGIC && reload->phase == RELOAD_PREPARING);
    if (reload->rc == 0 && !daemon->stopping) {
        reload->rc = holding_ready(daemon, reload->snapshot, &reload->report);
    }
    if (reload->rc != 0 || daemon->stopping) {
        reload->rc = reload->rc != 0 ? reload->rc : -ECANCELED;
        finish(daemon);
        return;
    }
    reload->ready_us = clock_read().mono_us;
    reload->phase = RELOAD_PUBLISHING;
    uv_timer_start(&reload->step, on_step, 0, DAEMON_PUBLISH_STEP_MS);
}

static void begin(struct daemon *daemon, enum reload_cause cause)
{
    struct reload *reload = &daemon->reload;

    invariant(reload->phase == RELOAD_IDLE && reload->waiting_count == 0);
    memcpy(reload->waiting, reload->queued, sizeof(reload->waiting));
    reload->waiting_count = reload->queued_count;
    reload->queued_count = 0;
    reload->next = RELOAD_NONE;
    reload->cause = cause;
    reload->began_us = clock_read().mono_us;
    notify_manager("RELOADING=1\nMONOTONIC_USEC=%" PRIu64, reload->began_us);
    reload->rc = 0;
    reload->generation = changes_next_generation(daemon);
    reload->memory = daemon->accepted;
    /* It stays as long as nothing else is published, which is this reload's to do. */
    const struct setup_snapshot *current = daemon_snapshot(daemon);
    reload->before = current->root != NULL ? current->root : current;
    reload->held = staging_begin(daemon, holding_begin(daemon));
    reload->phase = RELOAD_PREPARING;
    report_init(&reload->report);
    const int rc = builder_run(&reload->builder, prepare, on_prepared, daemon);
    if (rc != 0) {
        fail(daemon, rc, "no thread for the reload");
    }
}

bool reload_request(struct daemon *daemon, enum reload_cause cause,
                    struct control_client *client)
{
    struct reload *reload = &daemon->reload;

    if (daemon->stopping || (client != NULL && reload->queued_count == DAEMON_WAITING_MAX)) {
        return false;
    }
    if (client != NULL) {
        reload->queued[reload->queued_count++] = client;
    }
    if (reload->phase == RELOAD_IDLE) {
        begin(daemon, cause);
    } else if (cause > reload->next) {
        reload->next = cause;
    }
    return true;
}

int reload_init(struct daemon *daemon)
{
    struct reload *reload = &daemon->reload;

    uv_timer_init(&daemon->loop, &reload->step);
    uv_timer_init(&daemon->loop, &reload->later);
    uv_timer_init(&daemon->loop, &reload->sweep);
    const int rc = uv_fs_event_init(&daemon->loop, &reload->files);
    invariant(builder_init(&reload->builder, &daemon->loop) == 0); /* not its first async */
    reload->step.data = daemon;
    reload->later.data = daemon;
    reload->sweep.data = daemon;
    reload->files.data = daemon;
    if (rc == 0) {
        watch(daemon);
    }
    return rc;
}

void reload_close(struct daemon *daemon)
{
    struct reload *reload = &daemon->reload;

    late_give_up(daemon);
    reload->waiting_count = 0; /* the control socket closes its clients */
    reload->queued_count = 0;
    daemon->holding.client = NULL;
    uv_close((uv_handle_t *)&reload->step, NULL);
    uv_close((uv_handle_t *)&reload->later, NULL);
    uv_close((uv_handle_t *)&reload->sweep, NULL);
    uv_close((uv_handle_t *)&reload->files, NULL);
    builder_close(&reload->builder);
}

void reload_deinit(struct daemon *daemon)
{
    struct reload *reload = &daemon->reload;

    if (reload->phase != RELOAD_IDLE) { /* it waited for readers when the end came */
        setup_snapshot_free(reload->snapshot);
        config_free(reload->config);
        report_deinit(&reload->report);
    }
    free(reload->last);
    free(reload->watched);
}
