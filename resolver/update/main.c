/* cordon-update(8): fetches lists, looks at them, and puts them in force. */
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "cli/cli.h"
#include "update/acknowledge.h"
#include "update/backoff.h"
#include "update/journal.h"
#include "update/judge.h"
#include "update/show.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STANDARD_USER  "cordon-update"
#define HISTORY_MAX    100000u
#define HISTORY_SHOWN  20u
#define DOCUMENT_FRAME 4096u
/* Of a result without its verdict: each list of two catalogues, and every message, escaped. */
#define RESULT_FRAME (1u << 20)

static const char help[] =
    "usage: cordon update [OPTION...]\n"
    "       cordon update status [--json] [-c FILE]\n"
    "       cordon update history [--publisher NAME] [--last N] [--json] [-c FILE]\n"
    "       cordon update acknowledge --reason TEXT [-c FILE]\n"
    "\n"
    "Fetches what publishers ship from the sources of the configuration, verifies it, has the "
    "gate\n"
    "judge it, and puts it in force with one rename. Needs no cordond; one that runs takes it "
    "up.\n"
    "  --dry-run          only say what would be done; nothing is put in force or remembered\n"
    "  --once             one run, and an end: what it does anyway\n"
    "  --every            run after run, as often as update.every says; for a container\n"
    "  --publisher NAME   this publisher alone\n"
    "  --source URL       ask this source instead of those of the configuration\n"
    "  --from FOLDER      the same for a folder, as a publisher ships it\n"
    "  --override CHECK[,CHECK...]\n"
    "                     what these checks of the gate say does not stop it this once\n"
    "  --force            the same for every check that may be overridden\n"
    "  --reason TEXT      why: needed for these and for `acknowledge`, and written down\n"
    "  --rounds N         how often sources that do not answer are asked (3)\n"
    "  --json             what became of it, as JSON (docs/updates.md)\n"
    "  --quiet            say only what is wrong and what has come into force\n"
    "  -c, --config FILE  the configuration (/etc/cordon/cordon.yaml)\n"
    "Exit status: 0 in force or nothing new, 1 refused, or not done for a fault here, 2 wrong "
    "usage,\n"
    "3 no source could be reached, 4 done for some publishers.\n";

/* What the command line says. */
struct command {
    const char *config, *publisher, *source, *from, *override, *reason, *rounds, *last;
    bool dry_run, once, every, json, quiet, force;
};

/* Of one process. */
struct program {
    struct command command;
    struct update_actor actor;
    struct update_options options;
    struct config_sources named; /* --source, --from */
    char path[PATH_MAX];         /* its one */
    struct update_fetcher *fetcher;
    struct random random;
    char words[UPDATE_OVERRIDES_MAX * 32];
};

static uint64_t now_s(void *context)
{
    (void)context;
    return clock_read().wall_us / 1000000;
}

static uint64_t mono_s(void *context)
{
    (void)context;
    return clock_read().mono_us / 1000000;
}

static void wait_ms(void *context, uint64_t ms)
{
    struct timespec left = {.tv_sec = (time_t)(ms / 1000),
                            .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)context;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static enum update_got get(void *context, const struct update_wanted *wanted,
                           struct update_gotten *gotten)
{
    const struct program *program = context;

    return update_fetch(program->fetcher, wanted, gotten);
}

/* What is half done is found by the next run, so a signal ends it at once. Who is to go on
 * until one comes has then done what he was to do. */
static void end_well(int number)
{
    (void)number;
    _exit(CLI_OK);
}

static void end(int number)
{
    _exit(128 + number);
}

/* A single run dies by the signal, as whoever has sent it expects; but the first process of a
 * container has to say how it ends. */
static void heed_signals(bool every)
{
    const struct sigaction action = {.sa_handler = every           ? end_well
                                                   : getpid() == 1 ? end
                                                                   : SIG_DFL};
    const struct sigaction none = {.sa_handler = SIG_IGN};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGPIPE, &none, NULL); /* a source that hangs up is no reason to die */
}

static void name_actor(struct update_actor *actor)
{
    const struct passwd *entry = getpwuid(getuid());

    actor->uid = getuid();
    snprintf(actor->user, sizeof(actor->user), "%s", entry == NULL ? "" : entry->pw_name);
}

/* root leaves its rights: to whom the folder belongs, so that what a run by hand makes is the
 * service's, too. */
static int become_owner(const char *directory)
{
    const struct passwd *user = NULL;
    struct stat status;

    if (geteuid() != 0) {
        return 0;
    }
    if (stat(directory, &status) == 0) {
        user = status.st_uid == 0 ? NULL : getpwuid(status.st_uid);
    } else {
        user = getpwnam(STANDARD_USER);
        if (user != NULL && (mkdir(directory, 0755) != 0 ||
                             chown(directory, user->pw_uid, user->pw_gid) != 0)) {
            user = NULL;
        }
    }
    if (user == NULL) {
        return 0;
    }
    if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
        setuid(user->pw_uid) != 0) {
        return -errno;
    }
    return 0;
}

/* "a,b": each a check. */
static bool split_overrides(struct program *program)
{
    struct update_options *options = &program->options;
    char *next = NULL;

    snprintf(program->words, sizeof(program->words), "%s", program->command.override);
    for (char *word = strtok_r(program->words, ",", &next); word != NULL;
         word = strtok_r(NULL, ",", &next)) {
        if (options->override_count == UPDATE_OVERRIDES_MAX) {
            return false;
        }
        options->overrides[options->override_count++] = word;
    }
    return options->override_count > 0;
}

/* One source that was named. A path is made absolute, for the records. */
static int name_source(struct program *program, const char *named, bool folder)
{
    char *path = program->path;
    const char *fault = config_source_fault(named);

    if (fault != NULL) {
        return cli_usage("update", "'%s' %s", named, fault);
    }
    const bool is_folder = config_source_kind(named) == CONFIG_SOURCE_FOLDER;
    if (folder && !is_folder) {
        return cli_usage("update", "--from names a folder; --source names '%s'", named);
    }
    if (is_folder && realpath(named, path) == NULL) {
        fprintf(stderr, "cordon update: %s: %s\n", named, strerror(errno));
        return CLI_UNREACHABLE;
    }
    if (!is_folder) {
        snprintf(path, sizeof(program->path), "%s", named);
        for (size_t len = strlen(path); path[len - 1] == '/'; len--) {
            path[len - 1] = '\0';
        }
    }
    program->named.at[0] = path;
    program->named.count = 1;
    program->options.sources = &program->named;
    return CLI_GO_ON;
}

static int check_command(struct program *program)
{
    const struct command *command = &program->command;
    struct update_options *options = &program->options;

    if (command->once && command->every) {
        return cli_usage("update", "--once and --every are two ways");
    }
    if (command->every &&
        (command->dry_run || command->json || command->override != NULL || command->force)) {
        return cli_usage("update", "--every does not go with --dry-run, --json, --override and "
                                   "--force, which are for one run");
    }
    if (command->source != NULL && command->from != NULL) {
        return cli_usage("update", "--source and --from are two ways");
    }
    if ((command->override != NULL || command->force) != (command->reason != NULL)) {
        return cli_usage("update",
                         "--override and --force need a --reason, and it needs one of them");
    }
    if (command->reason != NULL &&
        (command->reason[0] == '\0' || strlen(command->reason) > UPDATE_REASON_MAX)) {
        return cli_usage("update", "a reason has 1 to %u octets", UPDATE_REASON_MAX);
    }
    if (command->override != NULL && !split_overrides(program)) {
        return cli_usage("update", "--override names checks of the gate, with commas between");
    }
    for (size_t i = 0; i < options->override_count; i++) {
        const char *fault = update_override_fault(options->overrides[i], command->reason);

        if (fault != NULL) {
            return cli_usage("update", "'%s' %s", options->overrides[i], fault);
        }
    }
    if (command->force) { /* the same for all that it overrides */
        const char *fault = update_override_fault("size", command->reason);

        if (fault != NULL) {
            return cli_usage("update", "--force: %s", fault);
        }
    }
    options->rounds = UPDATE_ROUNDS_STANDARD;
    if (command->rounds != NULL &&
        !cli_number(command->rounds, 1, UPDATE_ROUNDS_MAX, &options->rounds)) {
        return cli_usage("update", "--rounds is from 1 to %u", UPDATE_ROUNDS_MAX);
    }
    options->dry_run = command->dry_run;
    options->publisher = command->publisher;
    options->reason = command->reason;
    options->force = command->force;
    if (command->source != NULL) {
        return name_source(program, command->source, false);
    }
    return command->from != NULL ? name_source(program, command->from, true) : CLI_GO_ON;
}

static void measure_one(void *context, struct update_result *result)
{
    size_t *size = context;

    *size += RESULT_FRAME + (result->verdict == NULL ? 0 : strlen(result->verdict));
}

struct writing {
    const struct program *program;
    struct text out;
};

static void write_one(void *context, struct update_result *result)
{
    struct writing *writing = context;

    update_result_write(&writing->out, NULL, &writing->program->options,
                        &writing->program->actor, result);
}

/* All results as one document. */
static void print_json(const struct program *program, struct update_result *results,
                       size_t count, int code)
{
    size_t size = DOCUMENT_FRAME;

    for (size_t i = 0; i < count; i++) {
        update_result_each(&results[i], measure_one, &size);
    }
    struct writing writing = {.program = program};
    struct text *out = &writing.out;
    char *buffer = malloc(size);

    if (buffer == NULL) {
        return;
    }
    text_init(out, buffer, size);
    json_object_begin(out, NULL);
    json_uint(out, "v", 1);
    json_string(out, "kind", "update-run");
    json_uint(out, "exit", (uint64_t)code);
    json_array_begin(out, "results");
    for (size_t i = 0; i < count; i++) {
        update_result_each(&results[i], write_one, &writing);
    }
    json_array_end(out);
    json_object_end(out);
    puts(out->at);
    free(buffer);
}

/* What is said and written down of one result. */
struct telling {
    const struct program *program;
    const struct update_store *store;
};

static void tell_one(void *context, struct update_result *result)
{
    const struct telling *telling = context;
    const struct program *program = telling->program;

    if (!program->options.dry_run) {
        const int rc = update_journal_add(telling->store->directory, &program->options,
                                          &program->actor, result);

        if (rc != 0) {
            report_add(&result->report, REPORT_WARNING, telling->store->directory, 0, 0,
                       "the journal cannot be written: %s", cordon_strerror(rc));
        }
    }
    if (!program->command.json) {
        update_show_result(&program->options, result, program->command.quiet, stdout);
    }
}

/* The store is open. */
static int run_all(struct program *program, const struct update_store *store,
                   const struct update_publisher *publishers, size_t count, bool faulty)
{
    const struct update_world world = {.now_s = now_s,
                                       .mono_s = mono_s,
                                       .wait_ms = wait_ms,
                                       .get = get,
                                       .context = program,
                                       .judge = update_judge,
                                       .random = &program->random};
    struct telling telling = {program, store};
    struct update_result *results = calloc(count + 1, sizeof(*results));

    if (results == NULL) {
        return CLI_REFUSED;
    }
    for (size_t i = 0; i < count; i++) {
        update_run(&program->options, &world, store, &publishers[i], &results[i]);
        update_result_each(&results[i], tell_one, &telling);
    }
    int code = update_exit(results, count);
    if (faulty) {
        code = code == CLI_OK && count > 0 ? CLI_PARTLY
               : code == CLI_PARTLY        ? code
                                           : CLI_REFUSED;
    }
    if (program->command.json) {
        print_json(program, results, count, code);
    }
    for (size_t i = 0; i < count; i++) {
        update_result_free(&results[i]);
    }
    free(results);
    fflush(stdout);
    return code;
}

static int run_with(struct program *program, const struct config *config)
{
    const struct update_patience patience = {.connect_ms = config->update_connect_ms,
                                             .stalled_s = config->update_stalled_s,
                                             .timeout_s = config->update_timeout_s,
                                             .ca = config->update_ca,
                                             .clear = (enum config_clear)config->update_clear};
    struct update_publisher *publishers =
        calloc(CONFIG_PUBLISHERS_MAX + 1, sizeof(*publishers));
    struct update_store store = {.lock = -1};
    int code = CLI_REFUSED;
    struct report report;

    report_init(&report);
    program->options.config = config;
    program->options.config_path = cli_config_path(program->command.config);
    const int rc =
        publishers == NULL ? -ENOMEM : update_fetcher_open(&patience, &program->fetcher);
    if (rc != 0) {
        report_add(&report, REPORT_ERROR, "update", 0, 0, "%s", cordon_strerror(rc));
    } else {
        const size_t count = update_publishers(&program->options, &report, publishers);

        if (count == 0 && report.errors == 0) {
            fprintf(stderr, "cordon update: %s\n",
                    program->options.publisher != NULL
                        ? "there is no such publisher with sources"
                        : "there are no sources: update.sources names them (cordon.yaml(5))");
            code = CLI_USAGE;
        } else if (count > 0 &&
                   update_store_open(config->update_directory, &report, &store) == 0) {
            code = run_all(program, &store, publishers, count, report.errors > 0);
            update_store_close(&store);
        }
    }
    report_print(&report, stderr);
    report_deinit(&report);
    update_fetcher_close(program->fetcher);
    program->fetcher = NULL;
    free(publishers);
    return code;
}

static int run_once(struct program *program, uint64_t *every_s)
{
    struct config *config = cli_config(program->command.config);

    if (config == NULL) {
        return CLI_REFUSED;
    }
    *every_s = config->update_every_s;
    const int rc = become_owner(config->update_directory);
    int code = CLI_REFUSED;
    if (rc != 0) {
        fprintf(stderr, "cordon update: %s: its owner cannot be become: %s\n",
                config->update_directory, cordon_strerror(rc));
    } else {
        code = run_with(program, config);
    }
    config_free(config);
    return code;
}

/* Run after run, until a signal. */
__attribute__((noreturn)) static void run_every(struct program *program)
{
    unsigned failures = 0;
    uint64_t every_s = UPDATE_SOON_S;

    for (;;) {
        const int code = run_once(program, &every_s);

        failures = code == CLI_OK ? 0 : failures + 1;
        wait_ms(NULL, 1000 * (failures == 0 ? update_regular(every_s, &program->random)
                                            : update_backoff(failures, UPDATE_SOON_S, every_s,
                                                             &program->random)));
    }
}

static int show(struct program *program, const char *verb)
{
    struct config *config = cli_config(program->command.config);
    unsigned last = HISTORY_SHOWN;

    if (config == NULL) {
        return CLI_REFUSED;
    }
    program->options.config = config;
    int code = CLI_USAGE;
    if (program->command.last != NULL &&
        !cli_number(program->command.last, 1, HISTORY_MAX, &last)) {
        cli_usage("update history", "--last is from 1 to %u", HISTORY_MAX);
    } else {
        code = strcmp(verb, "status") == 0
                   ? update_show_status(&program->options, program->command.json)
                   : update_show_history(&program->options, last, program->command.json);
    }
    config_free(config);
    return code;
}

/* Where what was accepted before cannot be read any more: on from what is in force. */
static int acknowledge(struct program *program)
{
    const char *reason = program->command.reason;

    if (reason == NULL || update_override_fault("size", reason) != NULL) {
        return cli_usage("update acknowledge",
                         "say why, in a line of 1 to %u octets: --reason TEXT",
                         UPDATE_REASON_MAX);
    }
    struct config *config = cli_config(program->command.config);
    if (config == NULL) {
        return CLI_REFUSED;
    }
    program->options.config = config;
    program->options.reason = reason;
    const int rc = become_owner(config->update_directory);
    int code = CLI_REFUSED;
    if (rc != 0) {
        fprintf(stderr, "cordon update: %s: its owner cannot be become: %s\n",
                config->update_directory, cordon_strerror(rc));
    } else {
        code = update_acknowledge(&program->options, &program->actor, now_s(NULL));
    }
    config_free(config);
    return code;
}

static int run(int argc, char **argv, struct program *program)
{
    struct command *command = &program->command;
    const struct cli_option options[] = {
        {"config", 'c', &command->config, NULL},   {"publisher", 0, &command->publisher, NULL},
        {"source", 0, &command->source, NULL},     {"from", 0, &command->from, NULL},
        {"override", 0, &command->override, NULL}, {"reason", 0, &command->reason, NULL},
        {"rounds", 0, &command->rounds, NULL},     {"last", 0, &command->last, NULL},
        {"dry-run", 0, NULL, &command->dry_run},   {"once", 0, NULL, &command->once},
        {"every", 0, NULL, &command->every},       {"json", 0, NULL, &command->json},
        {"quiet", 0, NULL, &command->quiet},       {"force", 0, NULL, &command->force},
    };
    const char *verb = NULL;
    int code = cli_options(argc, argv, "update", help, options, CLI_COUNT(options));

    code = code == CLI_GO_ON ? cli_words(argc, argv, "update", &verb, 1) : code;
    if (code != CLI_GO_ON) {
        return code;
    }
    if (verb != NULL && strcmp(verb, "status") != 0 && strcmp(verb, "history") != 0 &&
        strcmp(verb, "acknowledge") != 0) {
        return cli_usage("update", "'%s' is neither status, history nor acknowledge", verb);
    }
    if (verb != NULL && strcmp(verb, "acknowledge") == 0) {
        return acknowledge(program);
    }
    program->options.publisher = command->publisher;
    if (verb != NULL) {
        return show(program, verb);
    }
    code = check_command(program);
    if (code != CLI_GO_ON) {
        return code;
    }
    if (command->every) {
        heed_signals(true);
        run_every(program);
    }
    return run_once(program, &(uint64_t){0});
}

int main(int argc, char **argv)
{
    struct program *program = calloc(1, sizeof(*program));

    umask(022);
    heed_signals(false);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (program == NULL || random_library_init() != 0 || update_fetch_library() != 0) {
        fprintf(stderr, "cordon update: the libraries cannot be initialised\n");
        free(program);
        return CLI_REFUSED;
    }
    random_init(&program->random);
    name_actor(&program->actor);
    const int code = run(argc, argv, program);
    free(program);
    return fflush(stdout) != 0 && code == CLI_OK ? CLI_REFUSED : code;
}
