/* cordon audit witness: the witness of somebody else's audit log (docs/audit-log.md). */
#include "audit/witness.h"

#include "base/clock.h"
#include "base/error.h"
#include "cli/audit.h"
#include "cli/input.h"
#include "cli/safe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIR_OPTIONS                                                                    \
    "  --dir DIR           the folder of the witness; not said: witness in the state " \
    "directory of\n"                                                                   \
    "                      the configuration\n"                                        \
    "  -c, --config FILE   the configuration\n"

static const char key_help[] =
    "usage: cordon audit witness key [--name NAME] [--dir DIR] [-c CONFIG]\n"
    "\n"
    "Shows the public half of the key of this witness: what others need to verify what it has\n"
    "signed. With --name folder and key are made, where there are none.\n"
    "  --name NAME         of the key, without spaces: "
    "\"witness.example.net/cordon\"\n" DIR_OPTIONS;

static const char add_help[] =
    "usage: cordon audit witness add [--number N] [--dir DIR] [-c CONFIG] KEY\n"
    "\n"
    "From now on this witness signs checkpoints of the log with this key, from its beginning.\n"
    "  KEY                 what `cordon audit key` shows on the machine of the log, or a file\n"
    "                      with it\n"
    "  --number N          of its log N: the one that was begun in the folder log-N, after\n"
    "                      another was damaged\n" DIR_OPTIONS;

static const char sign_help[] =
    "usage: cordon audit witness sign [--log DIR --key KEY] [--dir DIR] [-c CONFIG] [FILE]\n"
    "\n"
    "Looks at a request (of `cordon audit cosign request`, or of another log in the format of\n"
    "c2sp.org/tlog-witness), and prints a signature if its checkpoint follows from the newest "
    "one\n"
    "that this witness has signed for that log. What it has signed is remembered before.\n"
    "  FILE                the request; not said, or \"-\": standard input\n"
    "  --log DIR           the folder of the log itself, or a copy of it, instead\n"
    "  --key KEY           of that log\n" DIR_OPTIONS
    "Exit status: 0 signed; 1 refused. Where it has seen another number of blocks than the "
    "request\n"
    "says, it prints that number.\n";

static const char show_help[] =
    "usage: cordon audit witness show [--dir DIR] [-c CONFIG] [ORIGIN]\n"
    "\n"
    "The newest checkpoint of a log that this witness has signed: for an auditor, who has\n"
    "`cordon audit verify` look for it in the log. Without ORIGIN a line about each "
    "log.\n" DIR_OPTIONS;

struct place {
    const char *config, *dir;
};

static int open_witness(const char *command, const struct place *place, const char *name,
                        struct audit_witness **out, bool *made)
{
    char folder[AUDIT_PATH_MAX];
    int len = 0;

    if (place->dir != NULL) {
        len = snprintf(folder, sizeof(folder), "%s", place->dir);
    } else {
        struct config *config = cli_config(place->config);

        if (config == NULL) {
            return CLI_REFUSED;
        }
        if (config->state_directory != NULL) {
            len = snprintf(folder, sizeof(folder), "%s/witness", config->state_directory);
        }
        config_free(config);
    }
    if (len <= 0 || len >= AUDIT_PATH_MAX) {
        return cli_usage(command, "name the folder of the witness with --dir");
    }
    const int rc = audit_witness_open(folder, name, out, made);
    if (rc != 0) {
        fprintf(stderr, "cordon %s: %s: %s%s\n", command, folder, cordon_strerror(rc),
                rc == -ENOENT              ? "; `cordon audit witness key --name NAME` makes it"
                : rc == CORDON_E_UNTRUSTED ? ": its key has another name"
                                           : "");
        return CLI_REFUSED;
    }
    return CLI_GO_ON;
}

static int run_key(int argc, char **argv)
{
    static const char command[] = "audit witness key";
    struct place place = {NULL, NULL};
    const char *name = NULL;
    char text[TRUST_NOTE_KEY_TEXT_MAX];
    struct audit_witness *witness = NULL;
    bool made = false;
    const struct cli_option options[] = {{"config", 'c', &place.config, NULL},
                                         {"dir", 0, &place.dir, NULL},
                                         {"name", 0, &name, NULL}};
    int code = cli_options(argc, argv, command, key_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, command, NULL, 0);
    }
    if (code == CLI_GO_ON) {
        code = open_witness(command, &place, name, &witness, &made);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    (void)trust_note_key_format(audit_witness_key(witness), text);
    printf("%s\n", text);
    audit_witness_close(witness);
    return CLI_OK;
}

static int run_add(int argc, char **argv)
{
    static const char command[] = "audit witness add";
    struct place place = {NULL, NULL};
    const char *named = NULL;
    const char *number = NULL;
    unsigned log = 1;
    struct cli_audit_place at;
    struct audit_witness *witness = NULL;
    bool made = false;
    const struct cli_option options[] = {{"config", 'c', &place.config, NULL},
                                         {"dir", 0, &place.dir, NULL},
                                         {"number", 0, &number, NULL}};
    int code = cli_options(argc, argv, command, add_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, command, &named, 1);
    }
    if (code == CLI_GO_ON && named == NULL) {
        code = cli_usage(command, "name the key of the log");
    }
    if (code == CLI_GO_ON && number != NULL && !cli_number(number, 1, AUDIT_LOGS_MAX, &log)) {
        code = cli_usage(command, "--number %s: give a number from 1 to %u", number,
                         AUDIT_LOGS_MAX);
    }
    if (code == CLI_GO_ON) {
        code = cli_audit_place(command, NULL, ".", named, &at);
    }
    if (code == CLI_GO_ON) {
        code = open_witness(command, &place, NULL, &witness, &made);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    struct trust_note_key key;
    int rc = audit_key_of_log(&at.key, log, &key);
    rc = rc != 0 ? rc : audit_witness_add(witness, &key);
    audit_witness_close(witness);
    if (rc != 0 && rc != -EEXIST) {
        fprintf(stderr, "cordon %s: %s: %s\n", command, key.name,
                rc == CORDON_E_UNTRUSTED
                    ? "it knows a log of this name by another key; a log with a new key has a "
                      "new name"
                    : cordon_strerror(rc));
        return CLI_REFUSED;
    }
    printf("%s: %s\n", key.name, rc == 0 ? "is known from now on" : "was known");
    return CLI_OK;
}

static const char *explain(enum audit_answer answer)
{
    static const char *const words[] = {
        [AUDIT_COSIGNED] = "",
        [AUDIT_ANSWER_MALFORMED] = "this is no request",
        [AUDIT_ANSWER_UNTRUSTED] = "the checkpoint is not signed by the key of that log",
        [AUDIT_ANSWER_UNKNOWN] =
            "a log that this witness does not know; `cordon audit witness add KEY` makes it "
            "known",
        [AUDIT_ANSWER_CONFLICT] = "this witness has seen another number of blocks than the "
                                  "request says",
        [AUDIT_ANSWER_ROLLBACK] = "ROLLBACK: this witness has seen more blocks than there are "
                                  "now",
        [AUDIT_ANSWER_FORK] = "FORK: as many blocks as this witness has seen, but others; both "
                              "are signed, and the request is kept as the proof",
        [AUDIT_ANSWER_INCONSISTENT] = "NOT CONSISTENT: what this witness has seen is no "
                                      "beginning of it, or the proof is wrong",
    };

    return words[answer];
}

static int tell(const char *command, const struct audit_reply *reply)
{
    char origin[4 * TRUST_NOTE_NAME_MAX];

    if (reply->answer == AUDIT_COSIGNED) {
        printf("%s", reply->line);
        return CLI_OK;
    }
    if (audit_answer_status(reply->answer) == 409) {
        printf("%" PRIu64 "\n", reply->size);
    }
    fprintf(stderr, "cordon %s: %s: %s: %s\n", command,
            cli_safe(reply->origin[0] != '\0' ? reply->origin : "the request", origin,
                     sizeof(origin)),
            audit_answer_word(reply->answer), explain(reply->answer));
    return CLI_REFUSED;
}

/* A request made here, of a folder that can be read, from what this witness has seen. */
static int request_of_folder(const char *command, const struct audit_witness *witness,
                             const char *log, const char *key, uint8_t **text, size_t *len)
{
    struct audit_seen *seen = malloc(sizeof(*seen));
    struct cli_audit_place at;
    struct audit_folder folder;
    struct audit_files files;
    const int code = cli_audit_place(command, NULL, log, key, &at);

    if (code != CLI_GO_ON || seen == NULL) {
        free(seen);
        return code != CLI_GO_ON ? code : CLI_REFUSED;
    }
    int rc = audit_witness_seen(witness, at.key.name, seen);
    const uint64_t old = rc == 0 ? seen->checkpoint.size : 0;
    rc = rc == -ENOENT ? 0 : rc; /* it says so when it is asked */
    free(seen);
    if (rc == 0) {
        rc = audit_folder_open(log, &folder, &files);
    }
    if (rc == 0) {
        char *made = NULL;

        rc = audit_request_make(&files, &at.key, old, &made, len);
        *text = (uint8_t *)made;
        audit_folder_close(&folder);
    }
    if (rc != 0) {
        fprintf(stderr, "cordon %s: %s: %s\n", command, log,
                rc == -ERANGE ? "ROLLBACK: this witness has seen more blocks than there are now"
                              : cordon_strerror(rc));
        return CLI_REFUSED;
    }
    return CLI_OK;
}

static int run_sign(int argc, char **argv)
{
    static const char command[] = "audit witness sign";
    struct place place = {NULL, NULL};
    const char *file = NULL;
    const char *log = NULL;
    const char *key = NULL;
    struct audit_witness *witness = NULL;
    struct audit_reply reply;
    uint8_t *text = NULL;
    size_t len = 0;
    bool made = false;
    const struct cli_option options[] = {{"config", 'c', &place.config, NULL},
                                         {"dir", 0, &place.dir, NULL},
                                         {"log", 0, &log, NULL},
                                         {"key", 0, &key, NULL}};
    int code = cli_options(argc, argv, command, sign_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, command, &file, 1);
    }
    if (code == CLI_GO_ON &&
        ((log == NULL) != (key == NULL) || (log != NULL && file != NULL))) {
        code = cli_usage(command, "give a request, or --log and --key together");
    }
    if (code == CLI_GO_ON && log == NULL) {
        code = cli_input(command, file, AUDIT_REQUEST_MAX, &text, &len);
        code = code == CLI_OK ? CLI_GO_ON : code;
    }
    if (code == CLI_GO_ON) {
        code = open_witness(command, &place, NULL, &witness, &made);
    }
    if (code == CLI_GO_ON && log != NULL) {
        code = request_of_folder(command, witness, log, key, &text, &len);
        code = code == CLI_OK ? CLI_GO_ON : code;
    }
    if (code == CLI_GO_ON) {
        const int rc = audit_witness_take(witness, (const char *)text, len,
                                          clock_read().wall_us / 1000000, &reply);

        if (rc != 0) {
            fprintf(stderr,
                    "cordon %s: what was seen cannot be read or kept, and nothing is "
                    "signed: %s\n",
                    command, cordon_strerror(rc));
            code = CLI_REFUSED;
        } else {
            code = tell(command, &reply);
        }
    }
    audit_witness_close(witness);
    free(text);
    return code;
}

static bool print_seen(void *context, const char *file, int error,
                       const struct audit_seen *seen)
{
    int *code = context;
    char time[CLOCK_TEXT_MAX];

    if (error != 0) {
        printf("%s: %s\n", file, cordon_strerror(error));
        *code = CLI_REFUSED;
    } else if (seen->note_len == 0) {
        printf("%s  0 blocks\n", seen->log.name);
    } else {
        clock_format_s(seen->signed_s, time);
        printf("%s  %" PRIu64 " blocks, signed at %s\n", seen->log.name, seen->checkpoint.size,
               time);
    }
    return true;
}

static int run_show(int argc, char **argv)
{
    static const char command[] = "audit witness show";
    struct place place = {NULL, NULL};
    const char *origin = NULL;
    struct audit_witness *witness = NULL;
    bool made = false;
    const struct cli_option options[] = {{"config", 'c', &place.config, NULL},
                                         {"dir", 0, &place.dir, NULL}};
    int code = cli_options(argc, argv, command, show_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, command, &origin, 1);
    }
    if (code == CLI_GO_ON) {
        code = open_witness(command, &place, NULL, &witness, &made);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    struct audit_seen *seen = malloc(sizeof(*seen));
    int rc = 0;
    code = CLI_OK;
    if (origin == NULL) {
        rc = audit_witness_each(witness, print_seen, &code);
    } else if (seen == NULL) {
        rc = -ENOMEM;
    } else {
        rc = audit_witness_seen(witness, origin, seen);
        rc = rc == 0 && seen->note_len == 0 ? -ENODATA : rc;
        if (rc == 0) {
            printf("%s", seen->note);
        }
    }
    if (rc != 0) {
        fprintf(stderr, "cordon %s: %s: %s\n", command, origin != NULL ? origin : "its folder",
                rc == -ENOENT    ? "this witness does not know that log"
                : rc == -ENODATA ? "it has signed nothing yet"
                                 : cordon_strerror(rc));
        code = CLI_REFUSED;
    }
    free(seen);
    audit_witness_close(witness);
    return code;
}

int cli_audit_witness(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"add", run_add, "add [--number N] [--dir DIR] [-c CONFIG] KEY"},
        {"key", run_key, "key [--name NAME] [--dir DIR] [-c CONFIG]"},
        {"show", run_show, "show [--dir DIR] [-c CONFIG] [ORIGIN]"},
        {"sign", run_sign, "sign [--log DIR --key KEY] [--dir DIR] [-c CONFIG] [FILE]"},
    };

    return cli_dispatch("audit witness", verbs, CLI_COUNT(verbs), argc, argv);
}
