/* cordon audit forget: events, or keys of pseudonyms, are removed by somebody's wish, on the
 * record: through a running daemon, or in the folder of a log that no daemon writes to. */
#include "audit/keeper.h"
#include "audit/pseudonym.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "cli/ask.h"
#include "cli/audit.h"
#include "cli/audit_filter.h"
#include "cli/audit_open.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COMMAND    "audit forget"
#define WAIT_MS    100
#define WAITS      3000 /* five minutes; then it goes on without us */
#define FILE_MAX   (64u << 20)
#define REASON_MAX 512u

static const char help[] =
    "usage: cordon audit forget --before TIME [--stream decisions|queries]\n"
    "                           [--pseudonyms-before TIME] --reason TEXT [--json]\n"
    "                           [-c CONFIG | --socket PATH | --log DIR [--key-file FILE]]\n"
    "\n"
    "Removes events of the audit log that are older than TIME, by asking the daemon. What was\n"
    "removed, by whom and why is a record of the log; headers stay, and `cordon audit verify`\n"
    "holds. Nothing brings the events back.\n"
    "  --before TIME             YYYY-MM-DD, YYYY-MM-DDTHH:MM:SSZ, or a span: 30d ago\n"
    "  --stream STREAM           of these alone; not said: decisions and queries\n"
    "  --pseudonyms-before TIME  destroy the keys of pseudonyms of the days before: records "
    "stay,\n"
    "                            and nobody can say any more whose they are\n"
    "  --reason TEXT             why; it is recorded\n"
    "  --log DIR                 in this folder, which no daemon writes to, as its owner; the\n"
    "                            keys are found beside it, or\n"
    "  --key-file FILE           this is the secret key of the log; keys of pseudonyms are in\n"
    "                            audit-keys beside it\n"
    "Blocks are removed whole: up to audit.block-time of older events may stay.\n"
    "Exit status: 0 done, 1 refused, not done or not all, 2 wrong usage, 3 no daemon "
    "answers.\n";

struct forget {
    struct cli_daemon daemon;
    const char *before, *keys_before, *stream, *reason, *folder, *key_file;
    bool json;
    uint64_t before_s, keys_before_s;
    unsigned streams;
};

struct outcome {
    uint64_t events[AUDIT_STREAMS + 1];
    uint64_t keys;
    int left; /* why something could not be looked at, or a log not gone on with; or 0 */
};

static int report(const struct forget *forget, const struct outcome *outcome)
{
    const uint64_t decisions = outcome->events[AUDIT_DECISIONS];
    const uint64_t queries = outcome->events[AUDIT_QUERIES];

    if (forget->json) {
        printf("{\"ok\":true,\"decisions\":%" PRIu64 ",\"queries\":%" PRIu64
               ",\"keys\":%" PRIu64 "}\n",
               decisions, queries, outcome->keys);
    } else if (decisions + queries + outcome->keys == 0) { /* so there is no record either */
        puts("nothing was removed or destroyed: nothing is as old as that");
    } else {
        printf("%" PRIu64 " decisions and %" PRIu64 " queries were removed, %" PRIu64
               " keys of pseudonyms destroyed, and that is recorded\n",
               decisions, queries, outcome->keys);
    }
    return CLI_OK;
}

/* Nobody is to believe that somebody is forgotten who is not. */
static int report_part(const struct outcome *outcome, const char *error)
{
    fprintf(stderr,
            "cordon " COMMAND ": not done, or not all: %s. %" PRIu64 " decisions and %" PRIu64
            " queries were removed, %" PRIu64 " keys of pseudonyms destroyed\n",
            error, outcome->events[AUDIT_DECISIONS], outcome->events[AUDIT_QUERIES],
            outcome->keys);
    if (strcmp(error, cordon_strerror(CORDON_E_CORRUPT)) == 0 || outcome->left != 0) {
        fprintf(stderr, "What lies in a damaged part of a log, or in one that could not be "
                        "gone on with (before log-2), stays: `cordon audit verify` names the "
                        "file, and taking that away is up to you\n");
    }
    return CLI_REFUSED;
}

/* --- through the daemon --- */

/* The object "audit.forgotten" of the status, once it is done. NULL after a message. */
static json_t *wait_for(const struct forget *forget, uint64_t number, int *code)
{
    static const struct timespec pause = {.tv_nsec = WAIT_MS * 1000000};

    for (unsigned i = 0; i < WAITS; i++) {
        json_t *status = cli_ask(&forget->daemon, "status", NULL, code);

        if (status == NULL) {
            return NULL;
        }
        json_t *audit = json_object_get(status, "audit");
        json_t *done = json_object_get(audit, "forgotten");
        if (cli_number_of(done, "done") >= number) {
            json_incref(done);
            json_decref(status);
            return done;
        }
        json_decref(status);
        nanosleep(&pause, NULL);
    }
    fprintf(stderr, "cordon " COMMAND ": the daemon is not done yet; it goes on\n");
    *code = CLI_REFUSED;
    return NULL;
}

static int ask_daemon(const struct forget *forget)
{
    json_t *arguments = json_object();
    int code = CLI_OK;

    if (forget->before_s != 0) {
        json_object_set_new(arguments, "before_s", json_integer((json_int_t)forget->before_s));
    }
    if (forget->keys_before_s != 0) {
        json_object_set_new(arguments, "keys_before_s",
                            json_integer((json_int_t)forget->keys_before_s));
    }
    if (forget->stream != NULL) {
        cli_add_string(arguments, "stream", forget->stream);
    }
    cli_add_string(arguments, "reason", forget->reason);
    json_t *reply = cli_ask(&forget->daemon, "audit-forget", arguments, &code);
    if (reply == NULL) {
        return code;
    }
    code = cli_refusal(COMMAND, reply);
    const uint64_t number = cli_number_of(reply, "number");
    json_decref(reply);
    json_t *done = code == CLI_OK ? wait_for(forget, number, &code) : NULL;
    if (done == NULL) {
        return code;
    }
    const struct outcome outcome = {
        .events = {0, cli_number_of(done, "decisions"), cli_number_of(done, "queries")},
        .keys = cli_number_of(done, "keys")};
    const char *error = cli_string_of(done, "error");
    code = error[0] != '\0' ? report_part(&outcome, error) : report(forget, &outcome);
    json_decref(done);
    return code;
}

/* --- in a folder --- */

struct keys {
    char file[AUDIT_PATH_MAX], folder[AUDIT_PATH_MAX];
    struct trust_secret_key secret;
    struct trust_note_key key;
};

static int open_keys(const struct forget *forget, struct keys *keys)
{
    bool made = false;
    int len = 0;

    if (forget->key_file != NULL) {
        const char *slash = strrchr(forget->key_file, '/');

        len = snprintf(keys->file, sizeof(keys->file), "%s", forget->key_file);
        snprintf(keys->folder, sizeof(keys->folder), "%.*saudit-keys",
                 slash != NULL ? (int)(slash + 1 - forget->key_file) : 0, forget->key_file);
    } else {
        len = snprintf(keys->file, sizeof(keys->file), "%s/../audit.key", forget->folder);
        snprintf(keys->folder, sizeof(keys->folder), "%s/../audit-keys", forget->folder);
    }
    int result = len < 0 || (size_t)len >= sizeof(keys->file) ? -ENAMETOOLONG : 0;
    if (result == 0 && access(keys->file, R_OK) != 0) {
        result = -errno; /* none is made here */
    }
    if (result == 0) {
        result = audit_key_open(keys->file, NULL, &keys->secret, &keys->key, &made);
    }
    if (result != 0) {
        fprintf(stderr,
                "cordon " COMMAND ": %s: %s; a removal is recorded in the log, which its "
                "secret key signs (--key-file)\n",
                keys->file, cordon_strerror(result));
        return CLI_REFUSED;
    }
    return CLI_GO_ON;
}

static void fill_actor(const struct forget *forget, struct audit_actor *actor)
{
    const struct passwd *user = getpwuid(getuid());

    *actor = (struct audit_actor){.by = "cordon",
                                  .uid = getuid(),
                                  .user = user != NULL ? user->pw_name : NULL,
                                  .pid = getpid(),
                                  .reason = forget->reason};
}

/* Events that are to go, as far as one round takes them, and keys: on the record, and safe. */
static int record(const struct forget *forget, const struct audit_files *files,
                  const struct audit_log_settings *settings, const struct audit_days *days,
                  struct audit_plan *plan)
{
    struct audit_bound bounds[AUDIT_STREAMS + 1] = {{.before_us = 0}};
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    struct audit_actor actor;
    struct audit_row row;
    uint64_t session = 0;
    const uint64_t now_us = clock_read().wall_us;

    fill_actor(forget, &actor);
    random_system(&session, sizeof(session));
    int result = audit_log_open(files, settings, now_us, session, &log, &opened);
    if (result != 0) {
        return result;
    }
    for (unsigned stream = 1; stream < AUDIT_CHANGES; stream++) {
        const bool wanted = (forget->streams >> stream & 1) != 0;

        bounds[stream].before_us = wanted ? forget->before_s * 1000000 : 0;
        bounds[stream].forget = true;
    }
    result = audit_removal_plan(files, NULL, bounds, NULL, plan);
    for (unsigned stream = 1; result == 0 && stream < AUDIT_CHANGES; stream++) {
        if (plan->runs[stream].blocks > 0) {
            audit_removal_row(&plan->runs[stream], &actor, now_us, &row);
            result = audit_log_add(log, AUDIT_CHANGES, &row, now_us);
        }
    }
    if (result == 0 && days->count > 0) {
        audit_removal_keys_row(days, AUDIT_REMOVED_FORGET, &actor, now_us, &row);
        result = audit_log_add(log, AUDIT_CHANGES, &row, now_us);
    }
    const int closed = audit_log_close(log, NULL, now_us);
    return result != 0 ? result : closed;
}

static bool is_ours(const struct audit_folder *at)
{
    struct stat status;

    return fstat(at->folder, &status) == 0 && status.st_uid == geteuid();
}

/* One round: what is on the record goes; 0 and *more: there may be more. */
static int do_round(const struct forget *forget, const char *folder,
                    const struct audit_log_settings *settings, const struct audit_days *days,
                    struct outcome *outcome, bool *more)
{
    struct audit_plan plan;
    struct audit_folder at;
    struct audit_files files;
    uint64_t freed = 0;
    int result = audit_folder_open(folder, &at, &files);

    *more = false;
    if (result != 0) {
        return result;
    }
    /* A file of another user would keep the daemon from going on. */
    result = is_ours(&at) ? record(forget, &files, settings, days, &plan) : -EPERM;
    if (result == 0) {
        result =
            audit_removal_apply(&files, UINT32_MAX, plan.runs + 1, AUDIT_STREAMS, NULL, &freed);
    }
    if (result == 0 && plan.damaged > 0) {
        outcome->left = CORDON_E_CORRUPT;
    }
    for (unsigned stream = 1; result == 0 && stream < AUDIT_CHANGES; stream++) {
        outcome->events[stream] += plan.runs[stream].events;
        *more = *more || plan.runs[stream].blocks > 0;
    }
    audit_folder_close(&at); /* the lock with it */
    return result;
}

/* newest: the log that is gone on with. */
static int do_log(const struct forget *forget, struct keys *keys, unsigned number, bool newest,
                  const char *folder, const struct audit_days *days, struct outcome *outcome)
{
    struct audit_log_settings settings = {.secret = &keys->secret,
                                          .file_octets = FILE_MAX,
                                          .checkpoint_blocks = UINT32_MAX,
                                          .checkpoint_us = UINT64_MAX,
                                          .level = 1,
                                          .sync = true};
    struct audit_days none = {.count = 0};
    bool more = true;
    int result = audit_key_of_log(&keys->key, number, &settings.key);

    for (bool first = true; result == 0 && more; first = false) {
        result = do_round(forget, folder, &settings, first ? days : &none, outcome, &more);
    }
    if (!newest && (result == CORDON_E_CORRUPT || result == CORDON_E_UNTRUSTED ||
                    result == CORDON_E_VERSION)) {
        outcome->left = result; /* it was left when the next one was begun */
        return 0;
    }
    if (result != 0) {
        fprintf(stderr, "cordon " COMMAND ": %s: %s\n", folder,
                result == -EBUSY   ? "a daemon writes to it: ask that, without --log"
                : result == -EPERM ? "do this as the owner of the folder, for example with "
                                     "`runuser -u cordon -- cordon audit forget ...`"
                                   : cordon_strerror(result));
    }
    return result;
}

static int do_folder(const struct forget *forget)
{
    struct keys keys;
    struct audit_days days = {.count = 0};
    struct outcome outcome = {.keys = 0};
    char folder[AUDIT_PATH_MAX];
    int code = open_keys(forget, &keys);
    int result = 0;

    if (code != CLI_GO_ON) {
        return code;
    }
    const uint32_t before = audit_day_of(forget->keys_before_s * 1000000);
    if (before != 0) {
        result = audit_day_keys_find(keys.folder, before, &days, NULL, 0);
    }
    const unsigned newest = audit_log_newest(forget->folder);
    for (unsigned number = 1; result == 0 && number <= newest; number++) {
        if (!audit_log_folder(forget->folder, number, folder)) {
            result = -ENAMETOOLONG;
            break;
        }
        if (number > 1 && access(folder, F_OK) != 0) {
            continue;
        }
        const struct audit_days none = {.count = 0};
        result = do_log(forget, &keys, number, number == newest, folder,
                        number == newest ? &days : &none, &outcome);
    }
    trust_secret_key_wipe(&keys.secret);
    if (result == 0 && days.count > 0) {
        result = audit_day_keys_destroy(keys.folder, before, &days);
        outcome.keys = days.count;
        if (result != 0) {
            fprintf(stderr, "cordon " COMMAND ": %s: %s\n", keys.folder,
                    cordon_strerror(result));
        }
    }
    if (result == 0 && outcome.left != 0) {
        return report_part(&outcome, cordon_strerror(outcome.left));
    }
    return result == 0 ? report(forget, &outcome) : CLI_REFUSED;
}

/* --- the command --- */

/* A time, or so long ago. CLI_GO_ON, else the exit code. */
static int read_time(const char *option, const char *text, uint64_t *wall_s)
{
    const uint64_t now_us = clock_read().wall_us;
    uint64_t moment_us = 0;
    int code = cli_audit_time(COMMAND, option, text, false, now_us, &moment_us);

    if (code == CLI_GO_ON && (moment_us == 0 || moment_us > now_us + 1000000)) {
        code = cli_usage(COMMAND, "--%s %s: give a time that is over", option, text);
    }
    *wall_s = moment_us / 1000000;
    return code;
}

static int check(struct forget *forget)
{
    int code = CLI_GO_ON;

    forget->streams = 1u << AUDIT_DECISIONS | 1u << AUDIT_QUERIES;
    if (forget->before == NULL && forget->keys_before == NULL) {
        return cli_usage(COMMAND, "say what: --before or --pseudonyms-before");
    }
    if (forget->reason == NULL || forget->reason[0] == '\0' ||
        strlen(forget->reason) > REASON_MAX) {
        return cli_usage(COMMAND, "say why: --reason, of at most 512 octets");
    }
    if (forget->stream != NULL && forget->before == NULL) {
        return cli_usage(COMMAND, "--stream is for --before");
    }
    if (forget->stream != NULL && strcmp(forget->stream, "decisions") != 0 &&
        strcmp(forget->stream, "queries") != 0) {
        return cli_usage(COMMAND,
                         "--stream %s: decisions or queries; changes are never removed",
                         forget->stream);
    }
    if (forget->stream != NULL) {
        forget->streams = strcmp(forget->stream, "decisions") == 0 ? 1u << AUDIT_DECISIONS
                                                                   : 1u << AUDIT_QUERIES;
    }
    if (forget->folder != NULL && forget->daemon.socket != NULL) {
        return cli_usage(COMMAND, "--log is without a daemon, and --socket with one");
    }
    if (forget->key_file != NULL && forget->folder == NULL) {
        return cli_usage(COMMAND, "--key-file is for --log");
    }
    if (forget->before != NULL) {
        code = read_time("before", forget->before, &forget->before_s);
    }
    if (code == CLI_GO_ON && forget->keys_before != NULL) {
        code = read_time("pseudonyms-before", forget->keys_before, &forget->keys_before_s);
    }
    return code;
}

int cli_audit_forget(int argc, char **argv)
{
    struct forget forget = {.json = false};
    const struct cli_option options[] = {
        {"before", 0, &forget.before, NULL},
        {"pseudonyms-before", 0, &forget.keys_before, NULL},
        {"stream", 0, &forget.stream, NULL},
        {"reason", 0, &forget.reason, NULL},
        {"log", 0, &forget.folder, NULL},
        {"key-file", 0, &forget.key_file, NULL},
        {"json", 0, NULL, &forget.json},
        CLI_DAEMON_OPTIONS(&forget.daemon),
    };
    int code = cli_options(argc, argv, COMMAND, help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, COMMAND, NULL, 0);
    }
    if (code == CLI_GO_ON) {
        code = check(&forget);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    return forget.folder != NULL ? do_folder(&forget) : ask_daemon(&forget);
}
