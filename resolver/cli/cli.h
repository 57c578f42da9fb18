/*
 * cli/cli.h - cordon(1): what its subcommands share.
 *
 * A subcommand is a function that gets its own argv (argv[0] is its name) and returns an exit
 * code. Results go to standard output, faults and advice to standard error.
 */
#ifndef CORDON_CLI_CLI_H
#define CORDON_CLI_CLI_H

#include "base/report.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "config/config.h"
#include "setup/setup.h"
#include "trust/minisign.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes, as cordon(1) documents them. */
enum cli_exit {
    CLI_OK = 0,          /* done, or the answer is yes */
    CLI_REFUSED = 1,     /* the input is faulty, a check failed, or it could not be written */
    CLI_USAGE = 2,       /* the command line is wrong */
    CLI_UNREACHABLE = 3, /* no daemon or server answers */
    CLI_PARTLY = 4       /* done, but not with all of the input */
};

int cli_audit(int argc, char **argv);
int cli_catalogue(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_compare(int argc, char **argv);
int cli_root(int argc, char **argv);
int cli_list(int argc, char **argv);
int cli_key(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_query(int argc, char **argv);
int cli_pause(int argc, char **argv);
int cli_exception(int argc, char **argv);
int cli_why(int argc, char **argv);
int cli_lists(int argc, char **argv);
int cli_update(int argc, char **argv);
int cli_upstreams(int argc, char **argv);
int cli_clients(int argc, char **argv);
int cli_cache(int argc, char **argv);
int cli_trace(int argc, char **argv);
int cli_top(int argc, char **argv);
int cli_trust(int argc, char **argv);

/* A verb below a subcommand, such as `list sign`. */
struct cli_verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};
/* Runs the verb that argv[1] names; prints the verbs for --help or a wrong one. */
int cli_dispatch(const char *command, const struct cli_verb *verbs, size_t count, int argc,
                 char **argv);

/* "cordon COMMAND: message", then how to get help. Returns CLI_USAGE. */
int cli_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The configuration that was named, or $CORDON_CONFIG, or the default path. */
const char *cli_config_path(const char *named);

/* Reads the configuration and reports faults on standard error. NULL if it was refused. */
struct config *cli_config(const char *named);

/* Configuration and lists as the daemon would load them, without touching its state
 * directory. The time is the wall clock's. NULL after a report on standard error. */
struct setup_snapshot *cli_snapshot(const char *named);
/* The same while somebody is shown how far it is (NULL: nobody); ends the progress. */
struct setup_snapshot *cli_snapshot_shown(const char *named, struct cli_progress *progress);
/* The same as it is at another time (seconds since 1970). */
struct setup_snapshot *cli_snapshot_at(const char *named, uint64_t wall_s,
                                       struct cli_progress *progress);

/* The same of a configuration, which is taken over. */
struct setup_snapshot *cli_snapshot_of(struct config *config,
                                       const struct setup_request *request,
                                       struct cli_progress *progress);

/* Warns of lists of which an older version counts: held, or with a newer one on its way by
 * stages, as the files in the state directory (NULL: none) say, where they can be read. */
void cli_tell_older(const char *state, const struct setup_snapshot *snapshot,
                    struct report *report);

/* The control socket of the configuration (copied into out, which holds size octets), or the
 * one named by --socket. False after a message. */
bool cli_socket_path(const char *named_socket, const char *named_config, char *out,
                     size_t size);

/* Asks the daemon and gives the reply, which the caller frees. Prints what to do if nobody
 * answers. CLI_OK or CLI_UNREACHABLE. */
int cli_ask_daemon(const char *socket, const char *command, char **reply, size_t *len);

/* The same without a word, and with so much patience. 0 or -errno. */
int cli_ask_within(const char *socket, const char *command, unsigned timeout_ms, char **reply,
                   size_t *len);

/* Reads a password without echo from the terminal, or from the file descriptor of --password-fd
 * (one line). twice: asks again and compares. -errno, CORDON_E_PASSWORD if they differ. The
 * caller wipes out. */
int cli_password(const char *prompt, bool twice, int from_fd, char *out, size_t size);

/* The file descriptor that --password-fd names; NULL: -1, the terminal. CLI_GO_ON, else the
 * exit code after a message. */
int cli_password_fd(const char *command, const char *named, int *fd);

/* A time as people write it: YYYY-MM-DD (its beginning, UTC), or RFC 3339 with Z or an offset.
 */
bool cli_time(const char *text, uint64_t *wall_s);

/* A span as people write it, "10m": a number with s, m, h, d or w, in seconds; not 0. */
bool cli_duration(const char *text, uint64_t *seconds);

/* A decimal number from least to most, and nothing else. */
bool cli_number(const char *text, unsigned least, unsigned most, unsigned *out);

/* "3 days", "4 h": a span in words. Returns out. */
const char *cli_span(uint64_t seconds, char out[32]);

/* The same for what is left, of which the last second has begun: an hour that has just begun
 * is "60 min". Returns out. */
const char *cli_left(uint64_t seconds, char out[32]);

#endif
