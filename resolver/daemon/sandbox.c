#include "daemon/sandbox.h"

#include "base/error.h"
#include "base/log.h"
#include "config/defaults.h"
#include "daemon/filter.h"
#include "daemon/landlock.h"
#include "tls/trust.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const step_names[SANDBOX_STEPS] = {
    [SANDBOX_USER] = "server_user",          [SANDBOX_CAPABILITIES] = "capabilities",
    [SANDBOX_NO_NEW_PRIVS] = "no_new_privs", [SANDBOX_LANDLOCK] = "landlock",
    [SANDBOX_SECCOMP] = "seccomp",
};

bool sandbox_is_instrumented(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

static void set(struct sandbox *sandbox, enum sandbox_step step, enum sandbox_state state,
                const char *detail)
{
    sandbox->steps[step].state = state;
    snprintf(sandbox->steps[step].detail, sizeof(sandbox->steps[step].detail), "%s", detail);
}

/* A step that cannot be done is no reason to serve nobody: it is said, once. */
static void miss(struct sandbox *sandbox, enum sandbox_step step, const char *why,
                 const char *what_to_do)
{
    set(sandbox, step, SANDBOX_MISSING, why);
    log_write(LOG_LEVEL_WARNING, "rights: %s is not in force (%s): %s", step_names[step], why,
              what_to_do);
}

/* Capabilities, by the kernel's own calls: two words for each set. */

#define CAP_WORDS 2

static int read_capabilities(struct __user_cap_data_struct data[CAP_WORDS])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capget, &header, data) == 0 ? 0 : -errno;
}

static int write_capabilities(const struct __user_cap_data_struct data[CAP_WORDS])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capset, &header, data) == 0 ? 0 : -errno;
}

void sandbox_bound(const struct config *config)
{
    if (!config->sandbox) {
        return;
    }
    /* Up to the first that the kernel does not know; EPERM: there is nothing to be had. */
    for (unsigned long cap = 0; cap < 64 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++) {
    }
}

/* root without DAC_OVERRIDE is a stranger in folders that belong to others: who stays root
 * keeps it, and nothing else. */
static void drop_capabilities(struct sandbox *sandbox)
{
    struct __user_cap_data_struct data[CAP_WORDS] = {{0}};
    const bool is_root = geteuid() == 0;

    int rc = read_capabilities(data);
    const uint32_t kept =
        is_root ? data[0].permitted & (1u << CAP_DAC_OVERRIDE) : 0; /* in the first word */
    memset(data, 0, sizeof(data));
    data[0].effective = kept;
    data[0].permitted = kept;
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    rc = rc != 0 ? rc : write_capabilities(data);
    if (rc != 0) {
        miss(sandbox, SANDBOX_CAPABILITIES, cordon_strerror(rc), "start it with fewer rights");
    } else if (kept != 0) {
        set(sandbox, SANDBOX_CAPABILITIES, SANDBOX_PARTLY,
            "root keeps dac_override: set server.user");
        log_write(LOG_LEVEL_INFO, "rights: it stays root, with the capability dac_override "
                                  "alone: set server.user to become another user");
    } else {
        set(sandbox, SANDBOX_CAPABILITIES, SANDBOX_ON, "none is left");
    }
}

/* Said when it was tried. */
static void look_at_user(struct sandbox *sandbox, const struct config *config)
{
    if (config->user != NULL) {
        const bool is_that = strcmp(sandbox->user, config->user) == 0;

        set(sandbox, SANDBOX_USER, is_that ? SANDBOX_ON : SANDBOX_MISSING,
            is_that ? "" : "only root can become another user");
    }
}

static void forbid_new_rights(struct sandbox *sandbox)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
        set(sandbox, SANDBOX_NO_NEW_PRIVS, SANDBOX_ON, "");
    } else {
        miss(sandbox, SANDBOX_NO_NEW_PRIVS, "the kernel is too old",
             "the next two steps need it too");
    }
}

/* Landlock. */

struct rules {
    struct landlock_rule rules[LANDLOCK_RULES_MAX];
    size_t count;
    char *texts[LANDLOCK_RULES_MAX]; /* paths of the rules, ours */
};

static void add_rule(struct rules *rules, const char *path, bool change)
{
    char *text = rules->count < LANDLOCK_RULES_MAX ? strdup(path) : NULL;

    if (text != NULL) { /* a rule less only takes more away, and the reload says so */
        rules->texts[rules->count] = text;
        rules->rules[rules->count].path = text;
        rules->rules[rules->count].what = change ? LANDLOCK_CHANGE : LANDLOCK_READ;
        rules->count++;
    }
}

static void allow_reading(struct sandbox *sandbox, struct rules *rules, const char *path)
{
    char real[PATH_MAX];

    if (realpath(path, real) == NULL) {
        return; /* not there */
    }
    for (size_t i = 0; i < sandbox->read_count; i++) {
        if (strcmp(sandbox->read[i], real) == 0) {
            return;
        }
    }
    char *kept = sandbox->read_count < SANDBOX_READ_MAX ? strdup(real) : NULL;
    if (kept != NULL) {
        sandbox->read[sandbox->read_count++] = kept;
        add_rule(rules, real, false);
    }
}

/* The folder that a path lies in: "." for a name alone. False if that is the root of all. */
static bool folder_of(const char *path, char folder[PATH_MAX])
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    if (len >= PATH_MAX || (len == 1 && path[0] == '/')) {
        return false;
    }
    snprintf(folder, PATH_MAX, "%.*s", len == 0 ? 1 : (int)len, len == 0 ? "." : path);
    return true;
}

/* A rule holds for what a folder is, not for its name: a file or folder that is replaced by a
 * rename, as updates do, is seen only if the rule is for the folder around it. Both for the
 * name and for where links lead. */
static void allow_reading_around(struct sandbox *sandbox, struct rules *rules, const char *path)
{
    char folder[PATH_MAX];
    char real[PATH_MAX];

    allow_reading(sandbox, rules, folder_of(path, folder) ? folder : path);
    if (realpath(path, real) != NULL) {
        allow_reading(sandbox, rules, folder_of(real, folder) ? folder : real);
    }
}

/* The folder, as rotation renames and makes files in it; or a device or pipe alone. */
static void allow_output(struct rules *rules, const char *path)
{
    struct stat status;
    char folder[PATH_MAX];

    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        add_rule(rules, path, true);
    } else if (folder_of(path, folder)) {
        add_rule(rules, folder, true);
    } else {
        add_rule(rules, path, true); /* in the root folder: it cannot be rotated */
    }
}

/* What a reload may read. */
static void collect_read(struct sandbox *sandbox, struct rules *rules,
                         const struct config *config, const char *config_path)
{
    allow_reading(sandbox, rules, "/etc");
    add_rule(rules, "/dev/null",
             false); /* libuv keeps one open against a lack of descriptors */
    allow_reading_around(sandbox, rules, config_path);
    allow_reading_around(sandbox, rules, config->list_directory);
    allow_reading(sandbox, rules, config->list_directory);
    allow_reading(sandbox, rules, CONFIG_ZONE_DIRECTORY); /* schedules that a reload brings */
    if (config->resolv_conf != NULL) {
        allow_reading_around(sandbox, rules, config->resolv_conf);
    }
    if (config->tls_ca != NULL) {
        allow_reading_around(sandbox, rules, config->tls_ca);
    } else if (tls_system_roots() != NULL) {
        allow_reading_around(sandbox, rules, tls_system_roots());
    }
    for (size_t i = 0; i < config->key_count; i++) {
        allow_reading_around(sandbox, rules, config->keys[i]);
    }
    for (size_t i = 0; i < config->exception_file_count; i++) {
        allow_reading_around(sandbox, rules, config->exception_files[i]);
    }
    for (size_t i = 0; i < config->exception_key_count; i++) {
        allow_reading_around(sandbox, rules, config->exception_keys[i]);
    }
    if (config->root != NULL) {
        allow_reading_around(sandbox, rules, config->root);
    }
    for (size_t i = 0; i < config->publisher_count; i++) {
        allow_reading_around(sandbox, rules, config->publishers[i].directory);
        allow_reading(sandbox, rules, config->publishers[i].directory);
        allow_reading_around(sandbox, rules, config->publishers[i].root);
    }
    for (size_t i = 0; i < config->hosts_count; i++) {
        allow_reading_around(sandbox, rules, config->hosts[i]);
    }
    for (size_t i = 0; i < config->zone_file_count; i++) {
        allow_reading_around(sandbox, rules, config->zone_files[i]);
    }
}

/* Folders of its own. */
static void collect_written(struct rules *rules, const struct config *config)
{
    char folder[PATH_MAX];

    if (config->state_directory != NULL) {
        add_rule(rules, config->state_directory, true);
    }
    if (config->audit_directory != NULL) {
        add_rule(rules, config->audit_directory, true);
    }
    if (config->control_socket != NULL && folder_of(config->control_socket, folder)) {
        add_rule(rules, folder, true);
    }
    if (config->http_socket != NULL && folder_of(config->http_socket, folder)) {
        add_rule(rules, folder, true);
    }
    if (config_events_file(config) != NULL) {
        allow_output(rules, config_events_file(config));
    }
}

static void collect_sinks(struct sandbox *sandbox, struct rules *rules,
                          const struct config *config)
{
    for (size_t i = 0; i < config->sink_count; i++) {
        const struct config_sink *sink = &config->sinks[i];

        if (sink->ca != NULL) {
            allow_reading_around(sandbox, rules, sink->ca);
        } else if (sink->place == CONFIG_SINK_TLS && tls_system_roots() != NULL) {
            allow_reading_around(sandbox, rules, tls_system_roots());
        }
        if (sink->place == CONFIG_SINK_FILE) {
            allow_output(rules, sink->path);
        }
    }
}

static void collect(struct sandbox *sandbox, struct rules *rules, const struct config *config,
                    const char *config_path)
{
    collect_read(sandbox, rules, config, config_path);
    collect_written(rules, config);
    collect_sinks(sandbox, rules, config);
    if (sandbox_is_instrumented()) { /* it reads its own maps, tasks and symbols */
        add_rule(rules, "/proc", true);
        add_rule(rules, "/usr", false);
        allow_reading_around(sandbox, rules, "/proc/self/exe");
    }
}

static const char *no_landlock(int error)
{
    switch (error) {
    case -ENOSYS:
        return "the kernel has none";
    case -EOPNOTSUPP:
        return "the kernel was started without it, see lsm= of its command line";
    default:
        return cordon_strerror(error); /* somebody forbids the call */
    }
}

static void enter_landlock(struct sandbox *sandbox, const struct config *config,
                           const char *config_path)
{
    const char *manager = getenv("NOTIFY_SOCKET");
    const int version = landlock_version();
    struct rules *rules = calloc(1, sizeof(*rules));
    char detail[64];

    if (version < 0 || rules == NULL) {
        miss(sandbox, SANDBOX_LANDLOCK, rules == NULL ? "out of memory" : no_landlock(version),
             "files are protected by their owners and modes alone");
        free(rules);
        return;
    }
    collect(sandbox, rules, config, config_path);
    /* The manager's socket may be an abstract one: that must stay in reach. */
    const int rc =
        landlock_restrict(rules->rules, rules->count, manager == NULL || manager[0] != '@');
    for (size_t i = 0; i < rules->count; i++) {
        free(rules->texts[i]);
    }
    free(rules);
    if (rc != 0) {
        miss(sandbox, SANDBOX_LANDLOCK, cordon_strerror(rc),
             "files are protected by their owners and modes alone");
        return;
    }
    snprintf(detail, sizeof(detail), "version %d%s", version,
             version < 4 ? ": files only, TCP needs version 4" : "");
    set(sandbox, SANDBOX_LANDLOCK, SANDBOX_ON, detail);
}

static void enter_seccomp(struct sandbox *sandbox)
{
    const bool instrumented = sandbox_is_instrumented();
    const int rc = filter_install(instrumented);

    if (rc != 0) {
        miss(sandbox, SANDBOX_SECCOMP, cordon_strerror(rc), "every system call is possible");
    } else {
        set(sandbox, SANDBOX_SECCOMP, instrumented ? SANDBOX_PARTLY : SANDBOX_ON,
            instrumented ? "a sanitizer's build: tracing itself is allowed" : "");
    }
}

void sandbox_enter(struct sandbox *sandbox, const struct config *config,
                   const char *config_path)
{
    const struct passwd *user = getpwuid(geteuid());

    if (user != NULL) {
        snprintf(sandbox->user, sizeof(sandbox->user), "%s", user->pw_name);
    } else {
        snprintf(sandbox->user, sizeof(sandbox->user), "%u", (unsigned)geteuid());
    }
    look_at_user(sandbox, config);
    forbid_new_rights(sandbox);
    if (!config->sandbox) {
        return;
    }
    drop_capabilities(sandbox);
    enter_landlock(sandbox, config, config_path);
    enter_seccomp(sandbox);
}

void sandbox_deinit(struct sandbox *sandbox)
{
    for (size_t i = 0; i < sandbox->read_count; i++) {
        free(sandbox->read[i]);
    }
    sandbox->read_count = 0;
}

/* True if the path is, or may yet come to be, below a folder that can be read. */
static bool is_in_view(const struct sandbox *sandbox, const char *path)
{
    char real[PATH_MAX];

    if (realpath(path, real) == NULL) {
        return true; /* what is missing is reported as that */
    }
    for (size_t i = 0; i < sandbox->read_count; i++) {
        const size_t len = strlen(sandbox->read[i]);
        if (strncmp(real, sandbox->read[i], len) == 0 &&
            (real[len] == '/' || real[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static void report_if_hidden(const struct sandbox *sandbox, const char *path,
                             const char *option, const char *file, struct report *report)
{
    if (!is_in_view(sandbox, path)) {
        report_add(report, REPORT_WARNING, file, 0, 0,
                   "%s: %s was not in view when rights were dropped: restart to use it", option,
                   path);
    }
}

void sandbox_report_hidden(const struct sandbox *sandbox, const struct config *config,
                           const char *file, struct report *report)
{
    if (sandbox->steps[SANDBOX_LANDLOCK].state != SANDBOX_ON) {
        return;
    }
    report_if_hidden(sandbox, config->list_directory, "lists.directory", file, report);
    if (config->resolv_conf != NULL) {
        report_if_hidden(sandbox, config->resolv_conf, "upstreams.resolv-conf", file, report);
    }
    if (config->tls_ca != NULL) {
        report_if_hidden(sandbox, config->tls_ca, "upstreams.tls-ca", file, report);
    }
    for (size_t i = 0; i < config->key_count; i++) {
        report_if_hidden(sandbox, config->keys[i], "trust.keys", file, report);
    }
    for (size_t i = 0; i < config->exception_file_count; i++) {
        report_if_hidden(sandbox, config->exception_files[i], "exceptions.files", file, report);
    }
    for (size_t i = 0; i < config->exception_key_count; i++) {
        report_if_hidden(sandbox, config->exception_keys[i], "exceptions.keys", file, report);
    }
    if (config->root != NULL) {
        report_if_hidden(sandbox, config->root, "trust.root", file, report);
    }
    for (size_t i = 0; i < config->publisher_count; i++) {
        report_if_hidden(sandbox, config->publishers[i].directory, "trust.publishers", file,
                         report);
        report_if_hidden(sandbox, config->publishers[i].root, "trust.publishers", file, report);
    }
    for (size_t i = 0; i < config->hosts_count; i++) {
        report_if_hidden(sandbox, config->hosts[i], "local.hosts", file, report);
    }
    for (size_t i = 0; i < config->zone_file_count; i++) {
        report_if_hidden(sandbox, config->zone_files[i], "local.zones", file, report);
    }
}

void sandbox_write(const struct sandbox *sandbox, struct text *out)
{
    static const char *const words[] = {[SANDBOX_OFF] = "off",
                                        [SANDBOX_ON] = "on",
                                        [SANDBOX_PARTLY] = "partly",
                                        [SANDBOX_MISSING] = "missing"};

    json_object_begin(out, "rights");
    json_string(out, "user", sandbox->user);
    for (size_t i = 0; i < SANDBOX_STEPS; i++) {
        json_object_begin(out, step_names[i]);
        json_string(out, "state", words[sandbox->steps[i].state]);
        json_string(out, "detail", sandbox->steps[i].detail);
        json_object_end(out);
    }
    json_object_end(out);
}
