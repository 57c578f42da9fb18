/* cordon audit cosign: has witnesses sign the checkpoints of an audit log of one's own. */
#include "audit/cosigned.h"
#include "audit/witness.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/audit.h"
#include "cli/audit_cosign.h"
#include "cli/input.h"
#include "cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a witness may take to answer, its connection included. */
#define PATIENCE_MS 60000u

#define LOG_OPTIONS                                                                            \
    "  --log DIR           the folder of the log; not said: the newest of the configuration\n" \
    "  --key KEY           of the log; not said: that of this machine\n"                       \
    "  -c, --config FILE   the configuration\n"

static const char request_help[] =
    "usage: cordon audit cosign request [--witness KEY | --old N] [--output FILE] [--log DIR]\n"
    "                                   [--key KEY] [-c CONFIG]\n"
    "\n"
    "Writes what a witness needs to sign the newest checkpoint: the checkpoint, and the proof "
    "that\n"
    "it follows from what the witness has seen, in the format of c2sp.org/tlog-witness.\n"
    "  --witness KEY       the witness: its newest signature that is kept says what it has "
    "seen\n"
    "  --old N             it has seen N blocks; not said: none\n"
    "  --output FILE       write it there\n" LOG_OPTIONS;

static const char add_help[] =
    "usage: cordon audit cosign add --witness KEY --request FILE [--log DIR] [--key KEY]\n"
    "                               [-c CONFIG] [ANSWER]\n"
    "\n"
    "Keeps the signature of a witness beside the log, if it is one of this witness on the\n"
    "checkpoint that it was asked to sign.\n"
    "  ANSWER              what it said; not said, or \"-\": standard input\n"
    "  --request FILE      what it was asked\n" LOG_OPTIONS;

static const char ask_help[] =
    "usage: cordon audit cosign ask --witness KEY [--log DIR] [--key KEY] [-c CONFIG] --\n"
    "                               COMMAND [ARGUMENT...]\n"
    "\n"
    "Asks a witness and keeps its signature: COMMAND gets the request on its standard input, "
    "and\n"
    "says on its standard output what the witness answers:\n"
    "  ssh witness.example cordon audit witness sign\n"
    "and cordon(1) has an example for one over HTTP (c2sp.org/tlog-witness).\n"
    "Where the witness has seen another number of blocks than was thought, it is asked once "
    "more.\n"
    "  --witness KEY       what `cordon audit witness key` shows there, or a file with "
    "it\n" LOG_OPTIONS;

struct job {
    const char *command, *config, *log, *key, *witness_named;
    struct cli_audit_place place;
    char folder[AUDIT_PATH_MAX]; /* of the log that is written */
    struct trust_note_key log_key;
    struct trust_note_key witness;
};

/* The newest log of the folder: the one that is written. */
static int find_log(struct job *job)
{
    const int code =
        cli_audit_place(job->command, job->config, job->log, job->key, &job->place);

    if (code != CLI_GO_ON) {
        return code;
    }
    const unsigned newest = audit_log_newest(job->place.folder);
    if (!audit_log_folder(job->place.folder, newest, job->folder) ||
        audit_key_of_log(&job->place.key, newest, &job->log_key) != 0) {
        return cli_usage(job->command, "the path of the folder is too long");
    }
    return CLI_GO_ON;
}

static int find_witness(struct job *job)
{
    return job->witness_named == NULL
               ? cli_usage(job->command, "name the witness with --witness KEY")
               : cli_witness_key(job->command, job->witness_named, &job->witness);
}

struct looking {
    struct audit_cosigner cosigner;
    const struct trust_note_key *log;
};

static bool look(void *context, const char *note, size_t len)
{
    struct looking *looking = context;

    audit_cosigners_look(&looking->cosigner, 1, looking->log, note, len);
    return looking->cosigner.size == 0; /* the newest comes first */
}

/* What the witness has seen as far as is known here. */
static uint64_t newest_seen(const struct job *job)
{
    struct looking looking = {{.key = job->witness}, &job->log_key};

    (void)audit_cosigned_each(job->folder, look, &looking);
    return looking.cosigner.size;
}

static int make_request(const struct job *job, uint64_t old, char **text, size_t *len)
{
    struct audit_folder at;
    struct audit_files files;
    int rc = audit_folder_open(job->folder, &at, &files);

    if (rc == 0) {
        rc = audit_request_make(&files, &job->log_key, old, text, len);
        audit_folder_close(&at);
    }
    if (rc != 0) {
        fprintf(stderr, "cordon %s: %s: %s\n", job->command, job->folder,
                rc == -ENOENT   ? "there is no checkpoint yet"
                : rc == -ERANGE ? "the witness has seen more blocks than there are: something "
                                  "was taken out of this log"
                                : cordon_strerror(rc));
        return CLI_REFUSED;
    }
    return CLI_GO_ON;
}

static int run_request(int argc, char **argv)
{
    struct job job = {.command = "audit cosign request"};
    const char *named_old = NULL;
    const char *output = NULL;
    unsigned old = 0;
    char *text = NULL;
    size_t len = 0;
    const struct cli_option options[] = {
        {"config", 'c', &job.config, NULL}, {"log", 0, &job.log, NULL},
        {"key", 0, &job.key, NULL},         {"witness", 0, &job.witness_named, NULL},
        {"old", 0, &named_old, NULL},       {"output", 0, &output, NULL}};
    int code = cli_options(argc, argv, job.command, request_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, job.command, NULL, 0);
    }
    if (code == CLI_GO_ON && named_old != NULL && job.witness_named != NULL) {
        code = cli_usage(job.command, "--witness and --old say the same");
    }
    if (code == CLI_GO_ON && named_old != NULL && !cli_number(named_old, 0, UINT32_MAX, &old)) {
        code = cli_usage(job.command, "--old %s: give a number of blocks", named_old);
    }
    if (code == CLI_GO_ON) {
        code = find_log(&job);
    }
    if (code == CLI_GO_ON && job.witness_named != NULL) {
        code = find_witness(&job);
    }
    if (code == CLI_GO_ON) {
        code = make_request(&job, job.witness_named != NULL ? newest_seen(&job) : old, &text,
                            &len);
    }
    if (code == CLI_GO_ON && output != NULL) {
        code = cli_output(job.command, output, text, len);
    } else if (code == CLI_GO_ON) {
        fwrite(text, 1, len, stdout);
        code = CLI_OK;
    }
    free(text);
    return code;
}

/* Keeps what was answered to a request. */
static int keep(const struct job *job, const char *request, size_t request_len,
                const char *answer, size_t answer_len)
{
    struct audit_request *parsed = malloc(sizeof(*parsed));
    char time[CLOCK_TEXT_MAX];
    uint64_t time_s = 0;
    int rc = parsed == NULL ? -ENOMEM : audit_request_parse(request, request_len, parsed);

    if (rc == 0) {
        rc = audit_cosigned_add(job->folder, &job->log_key, &job->witness, parsed->note,
                                parsed->note_len, answer, answer_len, &time_s);
    }
    free(parsed);
    if (rc != 0) {
        fprintf(stderr, "cordon %s: %s: %s\n", job->command, job->witness.name,
                rc == CORDON_E_UNTRUSTED
                    ? "this is no answer of that witness to a request of this log"
                : rc == CORDON_E_FORMAT ? "this is no signature"
                                        : cordon_strerror(rc));
        return CLI_REFUSED;
    }
    clock_format_s(time_s, time);
    printf("%s has signed at %s\n", job->witness.name, time);
    return CLI_OK;
}

static int run_add(int argc, char **argv)
{
    struct job job = {.command = "audit cosign add"};
    const char *request = NULL;
    const char *answer = NULL;
    uint8_t *asked = NULL;
    uint8_t *said = NULL;
    size_t asked_len = 0;
    size_t said_len = 0;
    const struct cli_option options[] = {{"config", 'c', &job.config, NULL},
                                         {"log", 0, &job.log, NULL},
                                         {"key", 0, &job.key, NULL},
                                         {"witness", 0, &job.witness_named, NULL},
                                         {"request", 0, &request, NULL}};
    int code = cli_options(argc, argv, job.command, add_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, job.command, &answer, 1);
    }
    if (code == CLI_GO_ON && request == NULL) {
        code = cli_usage(job.command, "name what the witness was asked with --request FILE");
    }
    if (code == CLI_GO_ON) {
        code = find_witness(&job);
    }
    if (code == CLI_GO_ON) {
        code = find_log(&job);
    }
    if (code == CLI_GO_ON) {
        code = cli_input(job.command, request, AUDIT_REQUEST_MAX, &asked, &asked_len);
        code = code == CLI_OK ? CLI_GO_ON : code;
    }
    if (code == CLI_GO_ON) {
        code = cli_input(job.command, answer, AUDIT_ANSWER_MAX, &said, &said_len);
        code = code == CLI_OK ? CLI_GO_ON : code;
    }
    if (code == CLI_GO_ON) {
        code = keep(&job, (const char *)asked, asked_len, (const char *)said, said_len);
    }
    free(asked);
    free(said);
    return code;
}

/* --- asking by a command --- */

/* The child: never returns. */
static void run_command(char *const *argv, int in, int out)
{
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0) {
        execvp(argv[0], argv);
    }
    fprintf(stderr, "cordon audit cosign ask: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* What it says, to its end, in time. 0 or -errno. */
static int read_answer(int fd, char *out, size_t size, size_t *len)
{
    const uint64_t until = clock_read().mono_us / 1000 + PATIENCE_MS;

    *len = 0;
    while (*len < size) {
        const uint64_t now = clock_read().mono_us / 1000;
        struct pollfd at = {.fd = fd, .events = POLLIN};

        if (now >= until) {
            return -ETIMEDOUT;
        }
        const int ready = poll(&at, 1, (int)(until - now));
        if (ready < 0 && errno != EINTR) {
            return -errno;
        }
        if (ready <= 0) {
            continue;
        }
        const ssize_t got = read(fd, out + *len, size - *len);
        if (got < 0 && errno != EINTR) {
            return -errno;
        }
        if (got == 0) {
            return 0;
        }
        *len += got > 0 ? (size_t)got : 0;
    }
    return CORDON_E_TOO_LARGE;
}

/* Gives the request to the command, and takes its answer. *status: as waitpid(2) has it. */
static int exchange(char *const *argv, const char *request, size_t request_len, char *answer,
                    size_t size, size_t *len, int *status)
{
    int to[2];
    int from[2];

    if (pipe(to) != 0) {
        return -errno;
    }
    if (pipe(from) != 0) {
        const int result = -errno;

        close(to[0]);
        close(to[1]);
        return result;
    }
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        close(to[1]);
        close(from[0]);
        run_command(argv, to[0], from[1]);
    }
    int result = child < 0 ? -errno : 0;
    close(to[0]);
    close(from[1]);
    if (child > 0) {
        /* It fits into the pipe; one that does not read it says so itself. */
        void (*const before)(int) = signal(SIGPIPE, SIG_IGN);
        (void)file_write_to(to[1], request, request_len);
        signal(SIGPIPE, before);
    }
    close(to[1]);
    if (child > 0) {
        result = read_answer(from[0], answer, size, len);
        if (result != 0) {
            kill(child, SIGKILL);
        }
        while (waitpid(child, status, 0) < 0 && errno == EINTR) {
        }
    }
    close(from[0]);
    return result;
}

/* A number alone: how many blocks the witness has seen (c2sp.org/tlog-witness, 409). */
static bool is_number(const char *answer, size_t len, unsigned *out)
{
    char digits[16];

    if (len < 2 || len > sizeof(digits) || answer[len - 1] != '\n') {
        return false;
    }
    memcpy(digits, answer, len - 1);
    digits[len - 1] = '\0';
    return cli_number(digits, 0, UINT32_MAX, out);
}

static int ask(const struct job *job, char *const *argv)
{
    char answer[AUDIT_ANSWER_MAX];
    uint64_t old = newest_seen(job);
    int code = CLI_GO_ON;

    for (unsigned turn = 0; code == CLI_GO_ON; turn++) {
        char *request = NULL;
        size_t request_len = 0;
        size_t len = 0;
        unsigned seen = 0;
        int status = 0;

        code = make_request(job, old, &request, &request_len);
        const int rc = code != CLI_GO_ON ? 0
                                         : exchange(argv, request, request_len, answer,
                                                    sizeof(answer), &len, &status);
        if (rc != 0) {
            fprintf(stderr, "cordon %s: %s: %s\n", job->command, argv[0], cordon_strerror(rc));
            code = CLI_UNREACHABLE;
        } else if (code == CLI_GO_ON && turn == 0 && is_number(answer, len, &seen) &&
                   seen != old) {
            old = seen;
        } else if (code == CLI_GO_ON && (len == 0 || is_number(answer, len, &seen))) {
            fprintf(stderr, "cordon %s: %s has not signed\n", job->command, job->witness.name);
            code = len == 0 ? CLI_UNREACHABLE : CLI_REFUSED;
        } else if (code == CLI_GO_ON) {
            code = keep(job, request, request_len, answer, len);
        }
        free(request);
    }
    return code;
}

static int run_ask(int argc, char **argv)
{
    struct job job = {.command = "audit cosign ask"};
    const struct cli_option options[] = {{"config", 'c', &job.config, NULL},
                                         {"log", 0, &job.log, NULL},
                                         {"key", 0, &job.key, NULL},
                                         {"witness", 0, &job.witness_named, NULL}};
    int code = cli_options(argc, argv, job.command, ask_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON && optind == argc) {
        code = cli_usage(job.command, "name the command that reaches the witness, behind --");
    }
    if (code == CLI_GO_ON) {
        code = find_witness(&job);
    }
    if (code == CLI_GO_ON) {
        code = find_log(&job);
    }
    return code == CLI_GO_ON ? ask(&job, argv + optind) : code;
}

int cli_audit_cosign(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"add", run_add,
         "add --witness KEY --request FILE [--log DIR] [--key KEY] [-c CONFIG] [ANSWER]"},
        {"ask", run_ask,
         "ask --witness KEY [--log DIR] [--key KEY] [-c CONFIG] -- COMMAND [ARGUMENT...]"},
        {"request", run_request,
         "request [--witness KEY | --old N] [--output FILE] [--log DIR] [--key KEY] "
         "[-c CONFIG]"},
    };

    return cli_dispatch("audit cosign", verbs, CLI_COUNT(verbs), argc, argv);
}
