/*
 * daemon/daemon.c - start, run, stop: the order in which the rooms are connected.
 *
 * Happy path: configuration -> folders -> ports -> rights dropped -> lists -> cache, slot,
 * workers, writer, control socket -> threads run -> first screen -> ready -> a signal ->
 * workers drain -> the writer drains -> everything is given back in reverse.
 * Failures before "ready": said on standard error, everything undone, exit code 1.
 */
#include "daemon/daemon.h"

#include "base/error.h"
#include "base/invariant.h"
#include "base/log.h"
#include "config/defaults.h"
#include "daemon/notify.h"
#include "daemon/screen.h"
#include "daemon/start.h"
#include "daemon/state.h"
#include "daemon/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads the configuration, and says everything that is wrong with it. */
static int read_config(const char *path, struct config **config)
{
    struct report report;

    report_init(&report);
    const int rc = config_read(path, &report, config);
    report_print(&report, stderr);
    if (rc != 0 && report.errors == 0) {
        fprintf(stderr, "error: %s: %s\n", path, cordon_strerror(rc));
    }
    if (rc == -ENOENT && strcmp(path, CONFIG_FILE_DEFAULT) == 0) {
        fprintf(stderr,
                "This is the file that counts where none is named: -c FILE names one.\n");
    }
    report_deinit(&report);
    return rc;
}

/* Loads the lists. The configuration is given back beside the snapshot: it lives longer. */
static int make_snapshot(struct config *config, const struct setup_held_set *held,
                         struct setup_snapshot **snapshot)
{
    const struct setup_request request = {.generation = 1,
                                          .now_s = clock_read().wall_us / 1000000,
                                          .held = held,
                                          .starts = true,
                                          .tolerates = true,
                                          .late_octets = DAEMON_LATE_OCTETS};
    struct report report;

    report_init(&report);
    const int rc = setup_snapshot_make_for(config, &request, &report, snapshot);
    report_print(&report, stderr);
    if (rc != 0 && report.errors == 0) {
        fprintf(stderr, "error: the lists cannot be loaded: %s\n", cordon_strerror(rc));
    }
    report_deinit(&report);
    if (rc == 0) {
        (*snapshot)->config = NULL;
    }
    return rc;
}

int daemon_check(const char *config_path)
{
    struct setup_snapshot *snapshot = NULL;
    struct config *config = NULL;

    if (read_config(config_path, &config) != 0) {
        return DAEMON_EXIT_START;
    }
    free(config->state_directory); /* no image is kept: a check writes nothing */
    config->state_directory = NULL;
    if (make_snapshot(config, NULL, &snapshot) != 0) {
        config_free(config);
        return DAEMON_EXIT_START;
    }
    const struct screen screen = {
        .config_path = config_path,
        .config = config,
        .snapshot = snapshot,
        .listen = config->listen,
        .listen_count = config->listen_count,
        .workers = start_worker_count(config->workers),
        .only_check = true,
        .now_s = clock_read().wall_us / 1000000,
        .colour = isatty(STDOUT_FILENO) != 0,
    };
    screen_print(&screen, stdout);
    setup_snapshot_free(snapshot);
    config_free(config);
    return DAEMON_EXIT_CLEAN;
}

const char *daemon_view_name(const void *snapshot, unsigned view)
{
    const struct setup_snapshot *s = snapshot;

    return view < s->settings.view_count ? s->views[view].name
                                         : NULL; /* a twin's: its view's */
}

/* Signals. */

static void on_hup(uv_signal_t *handle, int number)
{
    (void)number;
    (void)reload_request(handle->data, RELOAD_ASKED, NULL);
}

static void on_end(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;

    invariant(daemon->magic == DAEMON_MAGIC);
    daemon->recording.stop = number == SIGINT ? "SIGINT" : "SIGTERM";
    log_write(LOG_LEVEL_INFO, "%s: stopping", daemon->recording.stop);
    daemon->stopping = true;
    uv_stop(&daemon->loop);
}

/* Names the client that has asked too often most, at most once a minute. */
static void on_limited(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    struct query_rate_report report;
    char text[ADDRESS_TEXT_MAX];

    query_rate_read(daemon->rate, clock_read().mono_us, true, &report);
    if (report.most > 0) {
        address_prefix_format(&report.worst, text);
        log_write(
            LOG_LEVEL_WARNING,
            "clients ask too often and are limited: %u in the last minute; the worst is "
            "%s%s, with %llu questions too many. If that is right for it, raise access.rate",
            report.limited, text, report.worst_proven ? " (a proven address)" : "",
            (unsigned long long)report.most);
    }
}

/* Some worker has made a report, or given a trace back. */
static void on_reported(uv_async_t *handle)
{
    struct daemon *daemon = handle->data;

    totals_on_reported(handle);
    if (!daemon->stopping) {
        trace_on_reported(daemon);
    }
}

/* The handles of the main loop. Only the loop, the async and the signals can fail. */
static int open_loop(struct daemon *daemon)
{
    int rc = uv_loop_init(&daemon->loop);

    if (rc != 0) {
        return rc;
    }
    rc = uv_async_init(&daemon->loop, &daemon->reported, on_reported);
    if (rc != 0) {
        (void)uv_loop_close(&daemon->loop);
        return rc;
    }
    uv_signal_init(&daemon->loop, &daemon->hup);
    uv_signal_init(&daemon->loop, &daemon->term);
    uv_signal_init(&daemon->loop, &daemon->interrupt);
    uv_timer_init(&daemon->loop, &daemon->report_patience);
    look_init(daemon);
    uv_timer_init(&daemon->loop, &daemon->freshness);
    uv_timer_init(&daemon->loop, &daemon->trace_patience);
    uv_timer_init(&daemon->loop, &daemon->limited);
    watchdog_init(daemon);
    gateway_init(daemon);
    loops_init(daemon);
    (void)follow_init(daemon); /* it cannot fail */
    folders_init(daemon);
    daemon->reported.data = daemon;
    daemon->hup.data = daemon;
    daemon->term.data = daemon;
    daemon->interrupt.data = daemon;
    daemon->report_patience.data = daemon;
    daemon->freshness.data = daemon;
    daemon->trace_patience.data = daemon;
    daemon->limited.data = daemon;
    return 0;
}

static void close_loop(struct daemon *daemon)
{
    uv_close((uv_handle_t *)&daemon->reported, NULL);
    uv_close((uv_handle_t *)&daemon->hup, NULL);
    uv_close((uv_handle_t *)&daemon->term, NULL);
    uv_close((uv_handle_t *)&daemon->interrupt, NULL);
    uv_close((uv_handle_t *)&daemon->report_patience, NULL);
    look_close(daemon);
    uv_close((uv_handle_t *)&daemon->freshness, NULL);
    uv_close((uv_handle_t *)&daemon->trace_patience, NULL);
    uv_close((uv_handle_t *)&daemon->limited, NULL);
    watchdog_close(daemon);
    gateway_close(daemon);
    loops_close(daemon);
    follow_close(daemon);
    folders_close(daemon);
    (void)uv_run(&daemon->loop, UV_RUN_DEFAULT); /* a reload that runs comes to its end */
    if (uv_loop_close(&daemon->loop) != 0) {
        log_write(LOG_LEVEL_WARNING, "the main loop left something open");
    }
}

/* As large as it may be: a smaller one is slower, none answers nobody. */
static struct cache *make_cache(const struct memory *memory, uint64_t configured)
{
    uint8_t key[16];
    size_t size = memory_cache_size(memory, configured);
    const size_t wanted = size;

    random_system(key, sizeof(key));
    struct cache *cache = cache_create(size, key);
    while (cache == NULL && size / 2 >= CACHE_SIZE_MIN) {
        size /= 2;
        cache = cache_create(size, key);
    }
    if (cache != NULL && size < wanted) {
        log_write(LOG_LEVEL_WARNING,
                  "there is no memory for a cache of %zu MiB: it takes %zu MiB. Set cache.size "
                  "lower",
                  wanted >> 20, size >> 20);
    }
    return cache;
}

static struct query_rate *make_rate(void)
{
    uint8_t key[SIPHASH_KEY_OCTETS];

    random_system(key, sizeof(key));
    return query_rate_create(key);
}

static void show_screen(struct daemon *daemon)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    char key[TRUST_NOTE_KEY_TEXT_MAX];
    struct random random;

    random_init(&random);
    probe_upstreams(snapshot->upstreams.servers, snapshot->upstreams.count, DAEMON_PROBE_MS,
                    &random, daemon->probes);
    loops_start(daemon);
    const struct screen screen = {
        .config_path = daemon->config_path,
        .config = daemon->config,
        .snapshot = snapshot,
        .listen = daemon->listen,
        .listen_count = daemon->listen_count,
        .workers = daemon->worker_count,
        .probes = daemon->probes,
        .loops = &daemon->loops,
        .http_detail = daemon->monitor.http == NULL ? daemon->monitor.detail : NULL,
        .audit_key = recording_key(daemon, key) ? key : NULL,
        .now_s = clock_read().wall_us / 1000000,
        .colour = isatty(STDERR_FILENO) != 0,
    };
    screen_print(&screen, stderr);
}

/* Serves until a signal comes. The workers run. */
static int serve(struct daemon *daemon)
{
    int rc = uv_signal_start(&daemon->hup, on_hup, SIGHUP);

    start_take_hangups();
    rc = rc != 0 ? rc : uv_signal_start(&daemon->term, on_end, SIGTERM);
    rc = rc != 0 ? rc : uv_signal_start(&daemon->interrupt, on_end, SIGINT);
    rc = rc != 0 ? rc : threads_start(daemon);
    if (rc != 0) {
        log_write(LOG_LEVEL_ERROR, "cannot start: %s", cordon_strerror(rc));
        return rc;
    }
    keep_started(daemon);
    takeover_ready(daemon);
    if (daemon->takeover.control >= 0) {
        (void)control_socket_open(daemon); /* from here on; there is no way back */
    }
    saved_load(daemon);
    show_screen(daemon);
    rc = reload_init(daemon);
    if (rc != 0) {
        log_write(LOG_LEVEL_WARNING, "changes of lists will not be noticed: %s",
                  cordon_strerror(rc));
    }
    changes_start(daemon);
    alarm_take(daemon);
    holding_started(daemon);
    staging_end(daemon, true); /* the first snapshot is in force */
    freshness_start(daemon);
    look_start(daemon);
    uv_timer_start(&daemon->limited, on_limited, DAEMON_LIMITED_FIRST_MS, DAEMON_LIMITED_MS);
    reload_notify(daemon);
    watchdog_start(daemon);
    gateway_start(daemon);
    follow_configure(daemon);
    folders_configure(daemon);
    memory_start(&daemon->memory, &daemon->loop, daemon->cache);
    (void)late_begin(daemon);
    (void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
    staging_note(daemon);
    notify_manager("STOPPING=1\nSTATUS=answering what is in flight");
    /* From here on a second signal ends the process at once, as signals do by default. */
    uv_signal_stop(&daemon->term);
    uv_signal_stop(&daemon->interrupt);
    control_close(daemon->control);
    daemon->control = NULL;
    memory_stop(&daemon->memory);
    successor_close(&daemon->successor);
    takeover_close(&daemon->takeover);
    reload_close(daemon);
    monitor_close(daemon);
    changes_stop(daemon);
    return 0;
}

/* The rooms that all workers share, the workers, and the control socket; then serves. The
 * snapshot and the sockets are taken over. Returns the exit code. */
static int connect_and_serve(struct daemon *daemon, struct start_sockets *sockets,
                             struct setup_snapshot *snapshot)
{
    int rc = open_loop(daemon);

    if (rc != 0) {
        log_write(LOG_LEVEL_ERROR, "no event loop: %s", cordon_strerror(rc));
        setup_snapshot_free(snapshot);
        start_sockets_close(sockets, 0);
        return DAEMON_EXIT_START;
    }
    memcpy(daemon->listen, sockets->listen, sockets->count * sizeof(daemon->listen[0]));
    daemon->listen_count = sockets->count;
    daemon->conditions = upstream_conditions_create();
    daemon->rate = make_rate();
    daemon->cache = make_cache(&daemon->memory, daemon->config->cache_octets);
    /* Readers: the workers, and the writer of events. */
    rc = changes_open(daemon, snapshot, &snapshot);
    if (rc == 0) {
        daemon->slot = policy_slot_create(sockets->workers + 1, snapshot, setup_snapshot_free);
    }
    if (daemon->slot == NULL) {
        setup_snapshot_free(snapshot);
    }
    rc = rc != 0 || daemon->slot == NULL ? rc : sending_open(daemon);
    rc = rc != 0 || daemon->slot == NULL ? rc : recording_open(daemon, daemon_snapshot(daemon));
    if (daemon->cache == NULL || daemon->conditions == NULL || daemon->rate == NULL ||
        daemon->slot == NULL) {
        log_write(LOG_LEVEL_ERROR, "out of memory: is cache.size larger than this machine?");
        rc = -ENOMEM;
    }
    rc = rc != 0 ? rc : keep_note(daemon, sockets);
    if (rc == 0) {
        rc = threads_make_workers(daemon, sockets);
    } else {
        start_sockets_close(sockets, 0);
    }
    if (rc == 0 && daemon->takeover.control < 0) { /* else it is the predecessor's yet */
        rc = control_socket_open(daemon);
    }
    if (rc == 0) {
        monitor_open(daemon);
    }
    rc = rc != 0 ? rc : serve(daemon);
    threads_stop(daemon);
    sending_close(daemon);
    recording_close(daemon);
    control_close(daemon->control); /* if serving never began */
    monitor_close(daemon);
    close_loop(daemon);
    reload_deinit(daemon);
    follow_deinit(daemon);
    folders_deinit(daemon);
    policy_slot_destroy(daemon->slot);
    query_rate_destroy(daemon->rate);
    changes_deinit(daemon);
    cache_destroy(daemon->cache);
    upstream_conditions_destroy(daemon->conditions);
    return rc == 0 ? DAEMON_EXIT_CLEAN : DAEMON_EXIT_START;
}

/* From the service manager, from a predecessor, or our own. */
static int open_sockets(struct daemon *daemon, unsigned workers, bool replace,
                        struct start_sockets *sockets)
{
    struct activation passed = {0};
    int rc = activation_take(&passed, stderr);

    if (rc == 0 && replace) {
        rc = takeover_ask(&daemon->takeover, daemon->config->control_socket, &passed, stderr);
        rc = rc == -ENOENT ? 0 : rc;
    }
    if (rc != 0) {
        unsigned dropped;
        (void)activation_finish(&passed, &dropped, stderr);
        return rc;
    }
    return start_sockets_open(daemon->config, workers, &passed, sockets);
}

int daemon_run(const char *config_path, bool replace)
{
    struct setup_snapshot *snapshot = NULL;
    struct start_sockets sockets = {0};
    int code = DAEMON_EXIT_START;
    struct daemon *daemon = calloc(1, sizeof(*daemon));

    if (daemon == NULL) {
        return code;
    }
    daemon->magic = DAEMON_MAGIC;
    daemon->config_path = config_path;
    daemon->started_at = clock_read();
    memory_prepare();
    memory_open(&daemon->memory, "");
    takeover_init(&daemon->takeover);
    successor_init(&daemon->successor);
    claim_init(&daemon->claim);
    start_process();
    if (read_config(config_path, &daemon->config) != 0) {
        goto done;
    }
    daemon->started = daemon->config;
    /* Ports before lists, and rights dropped in between: what is read and written from here on
     * is what a reload can read and write as well. */
    const unsigned workers = start_worker_count(daemon->config->workers);
    if (descriptors_plan(workers, daemon->config->listen_count, &daemon->descriptors) != 0 ||
        start_folders(daemon->config) != 0 ||
        open_sockets(daemon, workers, replace, &sockets) != 0) {
        goto done;
    }
    gateway_read(&daemon->gateway);
    monitor_bind(daemon, daemon->takeover.channel >= 0);
    sandbox_bound(daemon->config);
    if (start_drop_rights(daemon->config->user) != 0 ||
        claim_take(&daemon->claim, daemon->config->state_directory,
                   daemon->takeover.channel >= 0 ? (pid_t)daemon->takeover.pid : 0,
                   DAEMON_CLAIM_WAIT_MS, stderr) != 0) {
        start_sockets_close(&sockets, 0);
        goto done;
    }
    sandbox_enter(&daemon->sandbox, daemon->config, config_path);
    start_remove_unfinished(daemon->config);
    folders_note(daemon);
    if (holding_open(daemon) != 0 || staging_open(daemon) != 0 ||
        make_snapshot(daemon->config, staging_begin(daemon, holding_begin(daemon)),
                      &snapshot) != 0) {
        start_sockets_close(&sockets, 0);
        goto done;
    }
    code = connect_and_serve(daemon, &sockets, snapshot);
    if (code == DAEMON_EXIT_CLEAN) {
        log_write(LOG_LEVEL_INFO, "stopped");
    }
done:
    if (daemon->config != daemon->started) {
        config_free(daemon->config);
    }
    config_free(daemon->started);
    takeover_close(&daemon->takeover);
    keep_deinit(daemon);
    holding_deinit(daemon);
    staging_deinit(daemon);
    memory_close(&daemon->memory);
    claim_release(&daemon->claim);
    sandbox_deinit(&daemon->sandbox);
    free(daemon);
    return code;
}
