/*
 * cli/options.h - the options of a subcommand, as a table.
 */
#ifndef CORDON_CLI_OPTIONS_H
#define CORDON_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* `--name WORD` puts the word at *word; `--name` alone sets *flag. One of the two is there. */
struct cli_option {
    const char *name;
    char letter; /* the short form; 0: none */
    const char **word;
    bool *flag;
};

/* Where the daemon is: what --socket and --config name; NULL: by the other, or the default. */
struct cli_daemon {
    const char *socket, *config;
};

/* The options of every subcommand that asks the daemon: for the end of its table. */
#define CLI_DAEMON_OPTIONS(daemon)            \
    {"config", 'c', &(daemon)->config, NULL}, \
    {                                         \
        "socket", 0, &(daemon)->socket, NULL  \
    }

#define CLI_OPTIONS_MAX  40u
#define CLI_COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What cli_options() says if the command is to go on. */
#define CLI_GO_ON (-1)

/* Reads the options; --help and -h print the help. optind is then that of the first word behind
 * them. The last of an option counts. CLI_GO_ON, else the exit code. command: for messages. */
int cli_options(int argc, char **argv, const char *command, const char *help,
                const struct cli_option *options, size_t count);

/* The words behind the options: at most max, the rest is refused. The first may be missing:
 * NULL. CLI_GO_ON, else the exit code. */
int cli_words(int argc, char **argv, const char *command, const char **words, size_t max);

#endif
