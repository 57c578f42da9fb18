#include "admin/control.h"
#include "admin/limits.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "config/defaults.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* What only looks is answered at once, but where all places for clients are taken: those who
 * say nothing lose theirs after CONTROL_PATIENCE_MS. */
#define LOOK_PATIENCE_MS (CONTROL_PATIENCE_MS + 1000u)

/* A question may wait for several upstreams in turn before it fails. */
#define TRACE_PATIENCE_MS 15000u

/* A reload compiles the lists anew: seconds for millions of rules. */
#define CHANGE_PATIENCE_MS 120000u
#define CHANGE_NOTICE_MS   5000u /* whoever waits is told so */

/* The highest file descriptor that makes sense to name. */
#define FD_MAX 65535u

int cli_usage(const char *command, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "cordon %s: ", command);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n`cordon %s --help` shows how it is used.\n", command);
    return CLI_USAGE;
}

int cli_dispatch(const char *command, const struct cli_verb *verbs, size_t count, int argc,
                 char **argv)
{
    const bool help =
        argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);

    for (size_t i = 0; argc >= 2 && i < count; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    FILE *out = help ? stdout : stderr;
    if (argc >= 2 && !help) {
        fprintf(out, "cordon %s: there is no verb '%s'\n", command, argv[1]);
    }
    fprintf(out, "usage:\n");
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "  cordon %s %s\n", command, verbs[i].help);
    }
    return help ? CLI_OK : CLI_USAGE;
}

const char *cli_config_path(const char *named)
{
    const char *environment = getenv("CORDON_CONFIG");

    if (named != NULL) {
        return named;
    }
    return environment != NULL && environment[0] != '\0' ? environment : CONFIG_FILE_DEFAULT;
}

/* Who named a file knows which one; who named none has to hear where it was looked for. */
static void tell_of_missing(const char *named)
{
    const char *path = cli_config_path(named);

    if (named != NULL) {
        return;
    }
    if (strcmp(path, CONFIG_FILE_DEFAULT) == 0) {
        fprintf(stderr,
                "No configuration was named, and %s, which counts then, is not there: name one "
                "with -c FILE or in CORDON_CONFIG.\n",
                path);
    } else {
        fprintf(stderr,
                "CORDON_CONFIG names this file: name another there, or with -c FILE.\n");
    }
}

struct config *cli_config(const char *named)
{
    const char *path = cli_config_path(named);
    struct config *config = NULL;
    struct report report;

    report_init(&report);
    const int rc = config_read(path, &report, &config);
    report_print(&report, stderr);
    if (rc == -ENOENT) {
        tell_of_missing(named);
    } else if (rc != 0 && report.errors == 0) {
        fprintf(stderr, "cordon: %s: %s\n", path, cordon_strerror(rc));
    }
    report_deinit(&report);
    return rc == 0 ? config : NULL;
}

struct setup_snapshot *cli_snapshot(const char *named)
{
    return cli_snapshot_shown(named, NULL);
}

struct setup_snapshot *cli_snapshot_shown(const char *named, struct cli_progress *progress)
{
    return cli_snapshot_at(named, clock_read().wall_us / 1000000, progress);
}

struct setup_snapshot *cli_snapshot_at(const char *named, uint64_t wall_s,
                                       struct cli_progress *progress)
{
    const struct setup_request request = {.generation = 1, .now_s = wall_s};
    struct config *config = cli_config(named);

    return config == NULL ? NULL : cli_snapshot_of(config, &request, progress);
}

struct setup_snapshot *cli_snapshot_of(struct config *config,
                                       const struct setup_request *request,
                                       struct cli_progress *progress)
{
    struct setup_snapshot *snapshot = NULL;
    struct report report;

    /* The kept image is the daemon's: the tool compiles for itself and leaves no trace. */
    char *state = config->state_directory;
    config->state_directory = NULL;
    report_init(&report);
    if (progress != NULL) {
        cli_progress_watch(progress, &report);
    }
    const int rc = setup_snapshot_make_for(config, request, &report, &snapshot);
    if (progress != NULL) {
        cli_progress_end(progress);
    }
    if (rc == 0 && request->held == NULL) {
        cli_tell_older(state, snapshot, &report);
    }
    free(state);
    report_print(&report, stderr);
    if (rc != 0) {
        if (report.errors == 0) {
            fprintf(stderr, "cordon: %s\n", cordon_strerror(rc));
        }
        config_free(config);
    }
    report_deinit(&report);
    return rc == 0 ? snapshot : NULL;
}

bool cli_socket_path(const char *named_socket, const char *named_config, char *out, size_t size)
{
    if (named_socket != NULL) {
        return (size_t)snprintf(out, size, "%s", named_socket) < size;
    }
    struct config *config = cli_config(named_config);
    if (config == NULL) {
        return false;
    }
    const bool fits = (size_t)snprintf(out, size, "%s", config->control_socket) < size;
    config_free(config);
    return fits;
}

static void tell_of_waiting(void)
{
    fprintf(stderr,
            "cordon: the daemon has not answered yet; waiting for up to %u s in all (^C ends "
            "that; what was asked for may be done all the same)\n",
            CHANGE_PATIENCE_MS / 1000);
}

static bool is_among(const char *line, const char *const words[], size_t count)
{
    const size_t len = strcspn(line, " ");

    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i]) == len && memcmp(line, words[i], len) == 0) {
            return true;
        }
    }
    return false;
}

/* The line's first word is the command. What is not known to only look gets all the time. */
static struct control_patience patience_with(const char *line)
{
    static const char *const looks[] = {"status",  "lists",   "upstreams",
                                        "clients", "changes", "cache-show",
                                        "why",     "explain", "fingerprint"};
    static const char *const trace[] = {"trace"};

    if (is_among(line, looks, CLI_COUNT(looks))) {
        return (struct control_patience){.timeout_ms = LOOK_PATIENCE_MS};
    }
    if (is_among(line, trace, CLI_COUNT(trace))) {
        return (struct control_patience){.timeout_ms = TRACE_PATIENCE_MS};
    }
    return (struct control_patience){.timeout_ms = CHANGE_PATIENCE_MS,
                                     .notice_ms = CHANGE_NOTICE_MS,
                                     .notice = tell_of_waiting};
}

int cli_ask_daemon(const char *socket, const char *command, char **reply, size_t *len)
{
    const struct control_patience patience = patience_with(command);
    const int rc = control_ask(socket, command, &patience, reply, len);

    if (rc == 0) {
        return CLI_OK;
    }
    fprintf(stderr, "cordon: the daemon does not answer at %s: %s\n", socket,
            cordon_strerror(rc));
    if (rc == -ENOENT || rc == -ECONNREFUSED) {
        fprintf(stderr, "Is cordond running with this configuration? -c FILE or --socket PATH "
                        "name another.\n");
    } else if (rc == -EACCES || rc == -EPERM) {
        fprintf(stderr, "You may not use this socket: be root, the daemon's user, or in the "
                        "socket's group.\n");
    } else if (rc == -ETIMEDOUT) {
        fprintf(stderr,
                "Something is there, but it stands still: its log, and the machine, may "
                "say why.\n");
    }
    return CLI_UNREACHABLE;
}

int cli_ask_within(const char *socket, const char *command, unsigned timeout_ms, char **reply,
                   size_t *len)
{
    const struct control_patience patience = {.timeout_ms = timeout_ms};

    return control_ask(socket, command, &patience, reply, len);
}

static int read_line(int fd, char *out, size_t size)
{
    size_t len = 0;

    for (;;) {
        char octet;
        const ssize_t got = read(fd, &octet, 1);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -errno;
        }
        if (got == 0 || octet == '\n') {
            out[len] = '\0';
            return 0;
        }
        if (len + 1 >= size) {
            return CORDON_E_TOO_LARGE;
        }
        out[len++] = octet;
    }
}

static int ask_quietly(const char *prompt, char *out, size_t size)
{
    struct termios before;
    const bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;

    if (!terminal) {
        return -ENOTTY;
    }
    struct termios quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "%s: ", prompt);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    const int rc = read_line(STDIN_FILENO, out, size);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fprintf(stderr, "\n");
    return rc;
}

int cli_password_fd(const char *command, const char *named, int *fd)
{
    unsigned number = 0;

    *fd = -1;
    if (named != NULL) {
        if (!cli_number(named, 0, FD_MAX, &number)) {
            return cli_usage(command, "--password-fd takes a file descriptor");
        }
        *fd = (int)number;
    }
    return CLI_GO_ON;
}

int cli_password(const char *prompt, bool twice, int from_fd, char *out, size_t size)
{
    if (from_fd >= 0) {
        return read_line(from_fd, out, size);
    }
    int rc = ask_quietly(prompt, out, size);
    if (rc == 0 && twice) {
        char again[1024];

        rc = ask_quietly("Once more", again, sizeof(again));
        if (rc == 0 && strcmp(out, again) != 0) {
            rc = CORDON_E_PASSWORD;
        }
        explicit_bzero(again, sizeof(again));
    }
    return rc;
}

const char *cli_span(uint64_t seconds, char out[32])
{
    if (seconds < 120) {
        snprintf(out, 32, "%llu s", (unsigned long long)seconds);
    } else if (seconds < 7200) {
        snprintf(out, 32, "%llu min", (unsigned long long)(seconds / 60));
    } else if (seconds < 172800) {
        snprintf(out, 32, "%llu h", (unsigned long long)(seconds / 3600));
    } else {
        snprintf(out, 32, "%llu days", (unsigned long long)(seconds / 86400));
    }
    return out;
}

const char *cli_left(uint64_t seconds, char out[32])
{
    const uint64_t left = seconds + 1;
    const uint64_t unit = left < 120 ? 1 : left < 7200 ? 60 : left < 172800 ? 3600 : 86400;

    return cli_span((left + unit - 1) / unit * unit, out);
}

bool cli_duration(const char *text, uint64_t *seconds)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    char *unit = NULL;

    if (text[0] < '0' || text[0] > '9' || strlen(text) > 9) {
        return false;
    }
    const unsigned long value = strtoul(text, &unit, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (unit[0] == units[i].unit && unit[1] == '\0' && value > 0) {
            *seconds = value * units[i].seconds;
            return true;
        }
    }
    return false;
}

bool cli_number(const char *text, unsigned least, unsigned most, unsigned *out)
{
    char *end = NULL;

    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < least ||
        value > most) {
        return false;
    }
    *out = (unsigned)value;
    return true;
}

/* A time with an offset in UTC: "2026-11-29T18:00:00+01:00". False if it is none. */
static bool parse_offset(const char *text, uint64_t *seconds)
{
    char utc[] = "YYYY-MM-DDTHH:MM:SSZ";
    const size_t plain = sizeof(utc) - 2;
    unsigned hours, minutes;
    int used = 0;

    if (strlen(text) != plain + 6 || (text[plain] != '+' && text[plain] != '-') ||
        sscanf(text + plain + 1, "%2u:%2u%n", &hours, &minutes, &used) != 2 || used != 5 ||
        hours > 23 || minutes > 59) {
        return false;
    }
    memcpy(utc, text, plain);
    if (clock_parse(utc, plain + 1, seconds) != 0) {
        return false;
    }
    const uint64_t offset = hours * 3600 + minutes * 60;
    *seconds = text[plain] == '+' ? *seconds - offset : *seconds + offset;
    return true;
}

bool cli_time(const char *text, uint64_t *wall_s)
{
    return parse_offset(text, wall_s) || clock_parse(text, strlen(text), wall_s) == 0;
}
