/* cordon audit verify: two verdicts about a log, by its files and a public key alone. */
#include "audit/verify.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/audit.h"
#include "cli/audit_cosign.h"
#include "cli/audit_note.h"
#include "cli/audit_open.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cordon audit verify [--key KEY] [--checkpoint FILE] [--quick] [--age SECONDS]\n"
    "                           [--witness KEY[,KEY...] [--quorum N]] [--json] [-c CONFIG] "
    "[DIR]\n"
    "\n"
    "Says whether the audit log in DIR is as it was written (integrity), and whether all of "
    "it\n"
    "is there (completeness); of each the first fault. It needs the files and the public key,\n"
    "nothing else. Where a log was damaged, cordond begins another in a folder of DIR: each "
    "is\n"
    "verified.\n"
    "  DIR, --log DIR     the folder of the log; not said: that of the configuration\n"
    "  --key KEY          what `cordon audit key` shows on the machine that wrote it, or a "
    "file\n"
    "                     with it; not said: that of this machine\n"
    "  --checkpoint FILE  a checkpoint that somebody else has kept, or lines of audit.publish\n"
    "                     with one: the log must have it\n"
    "  --witness KEY      of witnesses (`cordon audit witness key`): they must have signed a\n"
    "                     checkpoint that the log has; says who has, and of how many blocks\n"
    "  --quorum N         so many of them; not said: all\n"
    "  --quick            look at headers, digests and signatures, without unpacking events\n"
    "  --age SECONDS      the newest checkpoint of a log that was not stopped is no older\n"
    "  --json             as a JSON document\n"
    "Exit status: 0 both hold; 1 one does not, or it cannot be read.\n";

#define OCTETS_MAX (64u << 20) /* of a checkpoint from elsewhere, or lines with one */

struct job {
    struct cli_audit_place place;
    struct audit_outside outside;
    unsigned outside_log; /* the number of its log */
    uint8_t *outside_text;
    struct cli_witnesses witnesses; /* as they were named */
    bool quick, json;
    uint64_t age_us;
};

/* What is known from elsewhere about one log: the checkpoint that was named, and the newest
 * that each witness has signed. */
struct elsewhere {
    struct audit_outside at[1 + AUDIT_WITNESSES_MAX];
    size_t count, named; /* those named are not ours to free */
    const struct trust_note_key *key;
    struct cli_witnesses witnesses;
};

static void print_finding(const char *what, const struct audit_finding *finding, FILE *out)
{
    if (finding->fault == AUDIT_SOUND) {
        fprintf(out, "  %-13s holds\n", what);
    } else {
        fprintf(out, "  %-13s DOES NOT HOLD: %s, file %" PRIu32 ", at %" PRIu64 ": %s\n", what,
                audit_fault_word(finding->fault), finding->file, finding->at, finding->text);
    }
}

static const char *s_of(uint64_t count)
{
    return count == 1 ? "" : "s";
}

void cli_audit_print_verdict(const char *folder, const struct trust_note_key *key, bool own_key,
                             const struct audit_verdict *verdict, FILE *out)
{
    char from[CLOCK_TEXT_MAX];
    char to[CLOCK_TEXT_MAX];

    fprintf(out, "%s\n", folder);
    print_finding("integrity", &verdict->integrity, out);
    print_finding("completeness", &verdict->completeness, out);
    fprintf(out,
            "  decisions %" PRIu64 ", queries %" PRIu64 ", changes %" PRIu64 "; %" PRIu64
            " block%s in %" PRIu64 " file%s",
            verdict->events[AUDIT_DECISIONS], verdict->events[AUDIT_QUERIES],
            verdict->events[AUDIT_CHANGES], verdict->blocks, s_of(verdict->blocks),
            verdict->files, s_of(verdict->files));
    if (verdict->blocks > 0) {
        clock_format_s(verdict->first_us / 1000000, from);
        clock_format_s(verdict->last_us / 1000000, to);
        fprintf(out, ", %s to %s", from, to);
    }
    fprintf(out,
            "\n  %" PRIu64 " checkpoint%s, the newest of %" PRIu64 " block%s; signed by %s%s\n",
            verdict->checkpoints, s_of(verdict->checkpoints), verdict->signed_blocks,
            s_of(verdict->signed_blocks), key->name,
            own_key ? " (the key of this machine: nobody has named one)" : "");
    if (verdict->blocks > verdict->signed_blocks) {
        const uint64_t behind = verdict->blocks - verdict->signed_blocks;

        fprintf(out,
                "  %" PRIu64
                " block%s behind the newest checkpoint: nothing proves yet who has "
                "written %s\n",
                behind, s_of(behind), behind == 1 ? "it" : "them");
    }
    if (verdict->gaps > 0) {
        fprintf(
            out, "  missing by the log's own word: %" PRIu64 " event%s, in %" PRIu64 " gap%s\n",
            verdict->gap_events, s_of(verdict->gap_events), verdict->gaps, s_of(verdict->gaps));
    }
    cli_audit_print_removed(out, verdict);
    if (verdict->unended > 0) {
        fprintf(out,
                "  %" PRIu64
                " run%s did not end in order (killed, no power, a full disk at the stop): what "
                "was answered last then may be missing\n",
                verdict->unended, s_of(verdict->unended));
    }
    fprintf(out, "  %s\n",
            verdict->stopped ? "it was stopped in order"
                             : "it was not stopped: it is being written, or was killed");
}

static void write_finding(struct text *out, const char *key,
                          const struct audit_finding *finding)
{
    json_object_begin(out, key);
    json_bool(out, "holds", finding->fault == AUDIT_SOUND);
    if (finding->fault != AUDIT_SOUND) {
        json_string(out, "fault", audit_fault_word(finding->fault));
        json_uint(out, "file", finding->file);
        json_uint(out, "at", finding->at);
        json_uint(out, "from", finding->from);
        json_uint(out, "to", finding->to);
        json_string(out, "text", finding->text);
    }
    json_object_end(out);
}

static void print_json(const char *folder, const struct elsewhere *elsewhere,
                       const struct audit_verdict *verdict)
{
    char buffer[16 * AUDIT_PATH_MAX];
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    json_object_begin(&out, NULL);
    json_string(&out, "directory", folder);
    json_string(&out, "origin", elsewhere->key->name);
    write_finding(&out, "integrity", &verdict->integrity);
    write_finding(&out, "completeness", &verdict->completeness);
    json_uint(&out, "files", verdict->files);
    json_uint(&out, "blocks", verdict->blocks);
    json_uint(&out, "checkpoints", verdict->checkpoints);
    json_uint(&out, "signed_blocks", verdict->signed_blocks);
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        json_uint(&out, audit_stream_word(stream), verdict->events[stream]);
    }
    json_uint(&out, "gaps", verdict->gaps);
    json_uint(&out, "gap_events", verdict->gap_events);
    json_uint(&out, "removed", verdict->removed);
    cli_audit_write_removed(&out, verdict);
    json_uint(&out, "unended", verdict->unended);
    json_bool(&out, "stopped", verdict->stopped);
    cli_witnesses_json(&elsewhere->witnesses, &out);
    json_object_end(&out);
    printf("%s\n", buffer);
}

/* A checkpoint that is kept beside the log: the log must have it if a witness has signed it. */
static bool take_kept(void *context, const char *note, size_t len)
{
    struct elsewhere *elsewhere = context;
    bool missing = false;

    if (audit_cosigners_look(elsewhere->witnesses.at, elsewhere->witnesses.count,
                             elsewhere->key, note, len) &&
        elsewhere->count < CLI_COUNT(elsewhere->at)) {
        char *copy = malloc(len);

        if (copy != NULL) {
            memcpy(copy, note, len);
            elsewhere->at[elsewhere->count++] = (struct audit_outside){copy, len};
        }
    }
    for (size_t i = 0; i < elsewhere->witnesses.count; i++) {
        missing = missing || elsewhere->witnesses.at[i].size == 0;
    }
    return missing;
}

static void free_elsewhere(struct elsewhere *elsewhere)
{
    for (size_t i = elsewhere->named; i < elsewhere->count; i++) {
        free((void *)(uintptr_t)elsewhere->at[i].text);
    }
}

unsigned cli_audit_threads(void)
{
    const long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count > 1 && count < (long)AUDIT_VERIFY_THREADS_MAX ? (unsigned)count
           : count > 1                                         ? AUDIT_VERIFY_THREADS_MAX
                                                               : 0;
}

static void print_verdict(const struct job *job, const char *folder,
                          const struct elsewhere *elsewhere,
                          const struct audit_verdict *verdict)
{
    if (job->json) {
        print_json(folder, elsewhere, verdict);
    } else {
        cli_audit_print_verdict(folder, elsewhere->key, job->place.own_key, verdict, stdout);
        cli_witnesses_print(&elsewhere->witnesses, verdict->blocks);
    }
}

static int verify_one(const struct job *job, const struct cli_audit_log *log)
{
    struct audit_verify_options options = {.deep = !job->quick,
                                           .threads = cli_audit_threads(),
                                           .now_us = clock_read().wall_us,
                                           .age_us = job->age_us};
    struct audit_verdict verdict;
    struct trust_note_key key;
    struct elsewhere elsewhere = {.key = &key, .witnesses = job->witnesses};
    int rc = audit_key_of_log(&job->place.key, log->number, &key);

    if (rc == 0 && job->outside.text != NULL && log->number == job->outside_log) {
        elsewhere.at[elsewhere.count++] = job->outside;
        elsewhere.named = elsewhere.count;
        (void)audit_cosigners_look(elsewhere.witnesses.at, elsewhere.witnesses.count, &key,
                                   job->outside.text, job->outside.len);
    }
    if (rc == 0 && job->witnesses.count > 0) {
        rc = audit_cosigned_each(log->folder, take_kept, &elsewhere);
    }
    if (rc == 0) {
        options.key = &key;
        options.outside = elsewhere.at;
        options.outside_count = elsewhere.count;
        rc = audit_verify(&log->files, &options, &verdict);
    }
    free_elsewhere(&elsewhere);
    if (rc != 0) {
        return cli_audit_failed("audit verify", log->folder, rc);
    }
    print_verdict(job, log->folder, &elsewhere, &verdict);
    return verdict.integrity.fault == AUDIT_SOUND &&
                   verdict.completeness.fault == AUDIT_SOUND &&
                   cli_witnesses_hold(&elsewhere.witnesses)
               ? CLI_OK
               : CLI_REFUSED;
}

/* A log whose folder is gone, and a later one is there: a verdict as of others. */
static int say_missing(const struct job *job, const struct cli_audit_log *log)
{
    struct audit_verdict verdict = {.files = 0};
    struct trust_note_key key;
    const struct elsewhere elsewhere = {.key = &key, .witnesses = job->witnesses};
    const int rc = audit_key_of_log(&job->place.key, log->number, &key);

    if (rc != 0) {
        return cli_audit_failed("audit verify", log->folder, rc);
    }
    verdict.completeness.fault = AUDIT_FAULT_MISSING_FILE;
    snprintf(verdict.completeness.text, sizeof(verdict.completeness.text),
             "the folder of this log is gone: a later one was begun because of it, and is "
             "there");
    print_verdict(job, log->folder, &elsewhere, &verdict);
    return CLI_REFUSED;
}

static int verify_all(const struct job *job)
{
    const unsigned newest = audit_log_newest(job->place.folder);
    struct cli_audit_log log;
    int code = CLI_OK;

    for (unsigned number = 1; number <= newest; number++) {
        const int rc = cli_audit_open(job->place.folder, number, &log);
        int one = CLI_OK;

        if (rc == 0) {
            one = verify_one(job, &log);
            cli_audit_close(&log);
        } else if (rc == -ENOENT && number > 1) {
            one = say_missing(job, &log);
        } else {
            one = cli_audit_failed("audit verify", log.folder, rc);
        }
        code = code == CLI_OK ? one : code;
    }
    if (job->outside_log > newest) {
        fprintf(stderr,
                "cordon audit verify: there is no log %u, which the checkpoint of --checkpoint "
                "is of\n",
                job->outside_log);
        return CLI_REFUSED;
    }
    return code;
}

/* The number of its log in the folder is that of its origin, 1 where it is of another. */
static bool is_checkpoint(struct job *job)
{
    struct audit_checkpoint checkpoint;
    struct trust_note note;
    struct trust_note_key key;

    if (trust_note_parse(job->outside.text, job->outside.len, &note) != 0 ||
        audit_checkpoint_parse(&note, &checkpoint) != 0) {
        return false;
    }
    if (audit_key_of_origin(&job->place.key, checkpoint.origin, &key, &job->outside_log) != 0) {
        job->outside_log = 1;
    }
    return true;
}

/* What is no checkpoint at all says nothing about the log. */
static int read_outside(struct job *job, const char *path)
{
    size_t len = 0;
    const int rc = file_read(path, OCTETS_MAX, &job->outside_text, &len);

    if (rc != 0) {
        fprintf(stderr, "cordon audit verify: %s: %s\n", path, cordon_strerror(rc));
        return CLI_REFUSED;
    }
    job->outside = (struct audit_outside){(const char *)job->outside_text, len};
    if (!is_checkpoint(job)) {
        job->outside.len = cli_audit_note_of_lines(job->outside_text, len);
    }
    if (!is_checkpoint(job)) {
        fprintf(stderr,
                "cordon audit verify: %s: neither a checkpoint nor lines of audit.publish with "
                "one: nothing was verified\n",
                path);
        return CLI_REFUSED;
    }
    return CLI_GO_ON;
}

int cli_audit_verify(int argc, char **argv)
{
    const char *config = NULL;
    const char *key = NULL;
    const char *checkpoint = NULL;
    const char *age = NULL;
    const char *folder = NULL;
    const char *witness = NULL;
    const char *quorum = NULL;
    const char *log = NULL;
    unsigned seconds = 0;
    struct job job = {.quick = false};
    const struct cli_option options[] = {{"config", 'c', &config, NULL},
                                         {"key", 0, &key, NULL},
                                         {"checkpoint", 0, &checkpoint, NULL},
                                         {"age", 0, &age, NULL},
                                         {"quick", 0, NULL, &job.quick},
                                         {"json", 0, NULL, &job.json},
                                         {"witness", 0, &witness, NULL},
                                         {"quorum", 0, &quorum, NULL},
                                         {"log", 0, &log, NULL}};
    int code = cli_options(argc, argv, "audit verify", help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, "audit verify", &folder, 1);
    }
    if (code == CLI_GO_ON && log != NULL && folder != NULL) {
        code = cli_usage("audit verify", "--log says the same as DIR: give one of them");
    }
    folder = log != NULL ? log : folder;
    if (code == CLI_GO_ON && age != NULL && !cli_number(age, 1, UINT32_MAX, &seconds)) {
        code = cli_usage("audit verify", "--age %s: give seconds", age);
    }
    if (code == CLI_GO_ON) {
        code = cli_audit_place("audit verify", config, folder, key, &job.place);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    job.age_us = seconds * UINT64_C(1000000);
    code = cli_witnesses("audit verify", witness, quorum, &job.place.key, &job.witnesses);
    if (code == CLI_GO_ON && checkpoint != NULL) {
        code = read_outside(&job, checkpoint);
    }
    if (code == CLI_GO_ON) {
        code = verify_all(&job);
    }
    free(job.outside_text);
    return code;
}
