/* cordon audit report evidence: the log as it was at a checkpoint, verified, and what an
 * auditor is handed about it: a report, or a pack of files with a signature. */
#include "cli/audit_report.h"

#include "base/error.h"
#include "base/file.h"
#include "cli/audit.h"
#include "cli/output.h"
#include "cli/signing.h"
#include "dossier/clip.h"
#include "dossier/pack.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND    "audit report"
#define TAR        ".tar"
#define PACK_NAME  "evidence"
#define TRANSCRIPT (1u << 20) /* octets: half a kilobyte for each log */

struct evidence {
    const struct audit_report_options *options;
    struct cli_audit_place place;
    struct audit_report_logs logs;
    struct dossier_clip *clips;     /* as many as logs */
    struct audit_verdict *verdicts; /* the same */
    struct dossier_request request;
    char *transcript;
    size_t transcript_len;
    bool holds;
};

static bool is_sound(const struct audit_verdict *verdict)
{
    return verdict->integrity.fault == AUDIT_SOUND &&
           verdict->completeness.fault == AUDIT_SOUND;
}

/* --- the log, as it was --- */

/* The end of the report: what was asked for; without that, or where no checkpoint is so late,
 * the whole second of the newest checkpoint. No clock is asked. */
static uint64_t find_end(const struct evidence *all)
{
    const uint64_t asked_us = all->options->to_us;
    uint64_t newest_us = 0;

    for (size_t i = 0; i < all->logs.count; i++) {
        newest_us = all->clips[i].time_us > newest_us ? all->clips[i].time_us : newest_us;
    }
    if (asked_us != 0 && (newest_us == 0 || asked_us <= newest_us)) {
        return asked_us;
    }
    if (asked_us != 0) {
        fprintf(stderr, "cordon " COMMAND ": the newest checkpoint is before --to: the report "
                        "ends there\n");
    }
    return newest_us / 1000000 * 1000000;
}

static int clip(struct evidence *all, uint64_t to_us)
{
    int rc = 0;

    for (size_t i = 0; i < all->logs.count && rc == 0; i++) {
        struct dossier_source *source = &all->logs.sources[i];

        rc = dossier_clip_init(&all->clips[i], &all->logs.at[i]->files, to_us);
        source->files = &all->clips[i].files;
    }
    return rc;
}

static bool has_whole_end(const struct evidence *all)
{
    for (size_t i = 0; i < all->logs.count; i++) {
        if (!all->clips[i].clipped) {
            return false;
        }
    }
    return true;
}

static int prepare(struct evidence *all)
{
    all->clips = calloc(all->logs.count, sizeof(all->clips[0]));
    all->verdicts = calloc(all->logs.count, sizeof(all->verdicts[0]));
    int rc = all->clips == NULL || all->verdicts == NULL ? -ENOMEM : 0;

    for (size_t i = 0; i < all->logs.count && rc == 0; i++) {
        rc = audit_key_of_log(&all->place.key, all->logs.at[i]->number,
                              &all->logs.sources[i].key);
    }
    rc = rc == 0 ? clip(all, all->options->to_us) : rc;
    if (rc == 0) {
        all->request.from_us = all->options->from_us;
        all->request.to_us = find_end(all);
        /* Again by the time that is printed: who asks for that gets the same. But what is
         * damaged behind the newest checkpoint is verified as it is. */
        rc = has_whole_end(all) ? clip(all, all->request.to_us) : 0;
    }
    return rc;
}

static int verify(struct evidence *all, FILE *transcript)
{
    int rc = 0;

    all->holds = true;
    for (size_t i = 0; i < all->logs.count && rc == 0; i++) {
        const struct dossier_source *source = &all->logs.sources[i];
        const struct audit_verify_options options = {
            .key = &source->key, .deep = true, .threads = cli_audit_threads()};
        char label[32];

        rc = dossier_clip_verify(&all->clips[i], &options, &all->verdicts[i]);
        if (rc == 0) {
            snprintf(label, sizeof(label), "log %u", all->logs.at[i]->number);
            cli_audit_print_verdict(label, &source->key, false, &all->verdicts[i], transcript);
            all->holds = all->holds && is_sound(&all->verdicts[i]);
        }
    }
    return rc;
}

static int look(struct evidence *all)
{
    int code = audit_report_open(all->place.folder, &all->logs);

    if (code != CLI_GO_ON) {
        return code;
    }
    FILE *transcript = open_memstream(&all->transcript, &all->transcript_len);
    if (transcript == NULL) {
        return cli_audit_failed(COMMAND, all->place.folder, -ENOMEM);
    }
    int rc = prepare(all);
    rc = rc == 0 ? verify(all, transcript) : rc;
    if (fclose(transcript) != 0 && rc == 0) {
        rc = -ENOMEM;
    }
    all->request.sources = all->logs.sources;
    all->request.source_count = all->logs.count;
    return rc == 0 ? CLI_GO_ON : cli_audit_failed(COMMAND, all->place.folder, rc);
}

/* --- the pack --- */

/* The secret key that signs: the one that was named, else that of the log, which lies where its
 * public half does. CLI_GO_ON, else the exit code. */
static int read_secret(const struct audit_report_options *options,
                       struct trust_secret_key *secret)
{
    char own[AUDIT_PATH_MAX];
    const char *path = options->sign;
    int from_fd = -1;
    int code = cli_password_fd(COMMAND, options->password_fd, &from_fd);

    if (code == CLI_GO_ON && path == NULL) {
        struct config *config = cli_config(options->config);

        if (config == NULL) {
            fprintf(stderr, "Name the key that signs with --key, or say --unsigned.\n");
            return CLI_REFUSED;
        }
        code = cli_audit_key_file(config, own) ? CLI_GO_ON
                                               : cli_usage(COMMAND, "name the key that signs "
                                                                    "with --key");
        config_free(config);
        path = own;
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    if (cli_secret_read(COMMAND, path, from_fd, secret) != 0) {
        if (options->sign == NULL) {
            fprintf(stderr, "The log's own key is for the daemon: name another with --key, or "
                            "say --unsigned.\n");
        }
        return CLI_REFUSED;
    }
    return CLI_GO_ON;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text);

    return len > strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

/* "evidence-2026.tar" unpacks into a folder "evidence". */
static int write_tar(const char *path, const struct dossier_pack *pack)
{
    char *octets = NULL;
    size_t len = 0;
    const int rc = dossier_pack_tar(pack, PACK_NAME, &octets, &len);
    const int code =
        rc == 0 ? cli_output(COMMAND, path, octets, len) : cli_audit_failed(COMMAND, path, rc);

    free(octets);
    return code;
}

static bool is_empty(const char *path)
{
    DIR *folder = opendir(path);
    size_t count = 0;

    while (folder != NULL && readdir(folder) != NULL) {
        count++;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count <= 2; /* itself and the one above */
}

/* A folder that is there is empty: what lies in it already would look as if it belonged to it.
 */
static int write_folder(const char *path, const struct dossier_pack *pack)
{
    char name[AUDIT_PATH_MAX];
    int rc = file_make_folder(path, 0755);

    if (rc == 0 && !is_empty(path)) {
        fprintf(stderr, "cordon " COMMAND ": %s: the folder is not empty\n", path);
        return CLI_REFUSED;
    }
    if (rc == 0 && (size_t)snprintf(name, sizeof(name), "%s/tables", path) >= sizeof(name)) {
        rc = -ENAMETOOLONG;
    }
    rc = rc == 0 ? file_make_folder(name, 0755) : rc;
    for (size_t i = 0; i < pack->count && rc == 0; i++) {
        const struct dossier_file *file = &pack->files[i];

        rc = (size_t)snprintf(name, sizeof(name), "%s/%s", path, file->name) >= sizeof(name)
                 ? -ENAMETOOLONG
                 : file_write_atomic(name, file->data, file->len, 0644);
    }
    return rc == 0 ? CLI_OK : cli_audit_failed(COMMAND, path, rc);
}

static int give_pack(struct evidence *all)
{
    const struct audit_report_options *options = all->options;
    struct trust_secret_key secret;
    struct dossier_pack pack;
    int code = options->no_signature ? CLI_GO_ON : read_secret(options, &secret);

    if (code != CLI_GO_ON) {
        return code;
    }
    const struct dossier_pack_request request = {.request = &all->request,
                                                 .verdicts = all->verdicts,
                                                 .transcript = all->transcript,
                                                 .secret =
                                                     options->no_signature ? NULL : &secret};
    const int rc = dossier_pack_make(&request, &pack);
    if (!options->no_signature) {
        trust_secret_key_wipe(&secret);
    }
    if (rc != 0) {
        return cli_audit_failed(COMMAND, all->place.folder, rc);
    }
    code = ends_with(options->output, TAR) ? write_tar(options->output, &pack)
                                           : write_folder(options->output, &pack);
    dossier_pack_deinit(&pack);
    return code;
}

static int give_report(struct evidence *all)
{
    struct dossier *dossier = NULL;
    const int rc = dossier_make(DOSSIER_EVIDENCE, &all->request, all->verdicts, &dossier);
    const int code = rc == 0 ? audit_report_give(all->options, dossier)
                             : cli_audit_failed(COMMAND, all->place.folder, rc);

    dossier_destroy(dossier);
    return code;
}

static bool is_span(const char *text)
{
    uint64_t seconds = 0;

    return text != NULL && cli_duration(text, &seconds);
}

int audit_report_evidence(const struct audit_report_options *options)
{
    const bool packs = options->output != NULL && options->format == NULL;
    struct evidence all = {.options = options};
    int code = CLI_GO_ON;

    if (!packs && (options->sign != NULL || options->no_signature)) {
        return cli_usage(COMMAND, "a pack is signed: name it with --output, without --format");
    }
    if (packs && (is_span(options->since) || is_span(options->until) ||
                  is_span(options->from) || is_span(options->to))) {
        return cli_usage(COMMAND,
                         "a pack can be made again by anybody: name its times, not how "
                         "long ago they were");
    }
    code = cli_audit_place(COMMAND, options->config, options->folder, options->key, &all.place);
    if (code != CLI_GO_ON) {
        return code;
    }
    code = look(&all);
    if (code == CLI_GO_ON) {
        code = packs ? give_pack(&all) : give_report(&all);
    }
    if (code == CLI_OK && !all.holds) {
        fprintf(stderr, "cordon " COMMAND ": THE LOG DOES NOT HOLD; the report says where\n");
        code = CLI_REFUSED;
    }
    audit_report_close(&all.logs);
    free(all.clips);
    free(all.verdicts);
    free(all.transcript);
    return code;
}
