/* cordon exception check and sign: files of exceptions, offline. */
#include "cli/exception.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/list.h"
#include "cli/names.h"
#include "cli/signing.h"
#include "policy/exception_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char check_help[] =
    "usage: cordon exception check [--keys DIR|FILE]... [--threshold N] [--ignore-time] "
    "FILE...\n"
    "\n"
    "Checks files of exceptions (docs/exceptions.md), and the signatures beside them if keys "
    "are\n"
    "named. A file that is past its `expires` counts as refused unless --ignore-time is "
    "given.\n"
    "  --keys DIR|FILE  keys that approve: a .pub file, a base64 line, or a folder with\n"
    "                   list*.pub\n"
    "  --threshold N    distinct keys that must have signed (default 1)\n"
    "Exit status: 0 all is well, 1 refused, 2 wrong usage.\n";

static const char sign_help[] =
    "usage: cordon exception sign --key SECRET.key [--password-fd N] FILE...\n"
    "\n"
    "Checks each file of exceptions, then writes FILE.KEYID.minisig beside it. Several "
    "approvers\n"
    "sign in turn, each with a key of their own; `minisign -V` accepts every one of these "
    "files.\n";

/* Names with U-labels, which a file never has: what they are as A-labels. */
static void note_labels(const char *text, size_t len, const char *path, struct report *report)
{
    size_t number = 1;

    for (size_t at = 0; at < len; number++) {
        const char *lf = memchr(text + at, '\n', len - at);
        const size_t line = lf == NULL ? len - at : (size_t)(lf - text) - at;
        const char *space = memrchr(text + at, ' ', line);
        char name[1024], ascii[WIRE_NAME_TEXT_MAX];

        if (space != NULL && line > 5 &&
            (memcmp(text + at, "name ", 5) == 0 || memcmp(text + at, "rule ", 5) == 0)) {
            const size_t name_len = line - (size_t)(space + 1 - (text + at));
            bool plain = true;

            for (size_t i = 1; i <= name_len; i++) {
                plain = plain && (unsigned char)space[i] < 0x80;
            }
            if (!plain && name_len < sizeof(name)) {
                memcpy(name, space + 1, name_len);
                name[name_len] = '\0';
                report_add(report, REPORT_NOTE, path, number, 0, "%s%s",
                           cli_name_to_ascii(name, ascii) ? "as A-labels: "
                                                          : "it cannot be written as A-labels",
                           cli_name_to_ascii(name, ascii) ? ascii : "");
            }
        }
        at += line + 1;
    }
}

/* The names of everybody are below a public suffix: whoever means all of them says why. */
static int check_suffixes(const struct policy_exception_file *file, const char *path,
                          struct report *report)
{
    char name[WIRE_NAME_TEXT_MAX];
    int rc = 0;

    for (size_t i = 0; i < file->count; i++) {
        const struct policy_exception_entry *entry = &file->entries[i];
        const bool covers_below = !entry->exception.is_rule && !entry->exception.exact;

        (void)wire_name_to_text(&entry->exception.name, name);
        const bool is_one = covers_below && cli_name_is_public_suffix(name);
        if (is_one && !entry->public_suffix) {
            report_add(
                report, REPORT_ERROR, path, entry->name_line, 0,
                "%s is a public suffix: the names of everybody are below it. Name what is "
                "meant, or add \"public-suffix\" with the reason",
                name);
            rc = CORDON_E_REFUSED;
        } else if (!is_one && entry->public_suffix) {
            report_add(report, REPORT_WARNING, path, entry->line, 0,
                       "this exception says why it is for a public suffix, and is for none");
        }
    }
    return rc;
}

static int check_text(const char *path, const uint8_t *text, size_t len, struct report *report,
                      struct policy_exception_file **file)
{
    int rc = policy_exception_file_parse((const char *)text, len, path, report, file);

    if (rc == CORDON_E_REFUSED) {
        note_labels((const char *)text, len, path, report);
    }
    return rc == 0 ? check_suffixes(*file, path, report) : rc;
}

/* A faulty file never gets a signature. */
static int sign_one(const char *path, const struct trust_secret_key *key, struct report *report)
{
    struct policy_exception_file *file = NULL;
    uint8_t *text = NULL;
    size_t len = 0;
    char comment[256];

    int rc = file_read(path, POLICY_EXCEPTION_FILE_OCTETS_MAX, &text, &len);
    if (rc == 0) {
        rc = check_text(path, text, len, report, &file);
    }
    if (rc == 0) {
        snprintf(comment, sizeof(comment), "cordon exceptions %s serial %" PRIu32, file->id,
                 file->serial);
        rc = cli_sign_beside(path, text, len, comment, key);
    }
    policy_exception_file_free(file);
    free(text);
    return rc;
}

int cli_exception_sign(int argc, char **argv)
{
    return cli_sign_files(argc, argv, "exception sign", sign_help, sign_one);
}

struct check_options {
    struct trust_keyring keyring;
    struct cli_list_keys keys;
    bool ignore_time;
};

static void print_file(const char *path, const struct policy_exception_loaded *loaded,
                       uint64_t now_s)
{
    const struct policy_exception_file *file = loaded->file;
    char id[TRUST_KEY_ID_TEXT];
    char subject[POLICY_SUBJECT_MAX];
    char from[CLOCK_TEXT_MAX] = "";
    char until[CLOCK_TEXT_MAX];

    clock_format_s(file->expires_s, until);
    printf("%s: %s serial %" PRIu32 ", %zu exceptions, expires %.10s, signed by", path,
           file->id, file->serial, file->count, until);
    for (size_t i = 0; i < loaded->verdict.count; i++) {
        trust_key_id_format(loaded->verdict.ids[i], id);
        printf(" %s", id);
    }
    printf(loaded->verdict.count > 0 ? "\n" : " nobody that was asked for\n");
    for (size_t i = 0; i < file->count; i++) {
        const struct policy_exception_entry *entry = &file->entries[i];
        const bool waits = now_s < entry->from_s;

        (void)policy_exception_subject(&entry->exception, subject);
        clock_format_s(entry->until_s, until);
        clock_format_s(entry->from_s, from);
        printf("  %-16s %s%s, %s%s%s until %s\n", entry->exception.id, subject,
               entry->exception.chain ? " with all that its answer leads to" : "",
               now_s >= entry->until_s ? "over,"
               : waits                 ? "not yet, from "
                                       : "in force",
               waits ? from : "", entry->view[0] != '\0' ? ", in one view" : "", until);
    }
}

static int check_one(const char *path, const struct check_options *options)
{
    const struct trust_keyring *keyring = options->keyring.count > 0 ? &options->keyring : NULL;
    const uint64_t now_s = clock_read().wall_us / 1000000;
    struct policy_exception_loaded loaded;
    struct report report;
    uint8_t *text = NULL;
    size_t len = 0;

    report_init(&report);
    int rc = policy_exception_load(path, keyring, keyring != NULL,
                                   options->ignore_time ? 0 : now_s, &report, &loaded);
    if (rc == CORDON_E_REFUSED &&
        file_read(path, POLICY_EXCEPTION_FILE_OCTETS_MAX, &text, &len) == 0) {
        note_labels((const char *)text, len, path, &report);
    }
    free(text);
    if (rc == 0) {
        rc = check_suffixes(loaded.file, path, &report);
    }
    if (rc == 0) {
        print_file(path, &loaded, now_s);
    }
    report_print(&report, stderr);
    report_deinit(&report);
    policy_exception_file_free(loaded.file);
    return rc == 0 ? CLI_OK : CLI_REFUSED;
}

/* -1: go on; otherwise the exit code. */
static int read_options(int argc, char **argv, struct check_options *chosen)
{
    static const struct option options[] = {{"keys", required_argument, NULL, 'k'},
                                            {"threshold", required_argument, NULL, 't'},
                                            {"ignore-time", no_argument, NULL, 'i'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "k:t:h", options, NULL)) != -1) {
        switch (option) {
        case 'k':
            cli_list_keys_add(&chosen->keys, optarg);
            break;
        case 't':
            if (!cli_number(optarg, 1, TRUST_KEYS_MAX, &chosen->keys.threshold)) {
                return cli_usage("exception check", "--threshold is from 1 to %u",
                                 TRUST_KEYS_MAX);
            }
            break;
        case 'i':
            chosen->ignore_time = true;
            break;
        case 'h':
            fputs(check_help, stdout);
            return CLI_OK;
        default:
            return cli_usage("exception check", "wrong option");
        }
    }
    return optind == argc ? cli_usage("exception check", "name at least one file") : -1;
}

int cli_exception_check(int argc, char **argv)
{
    struct check_options chosen = {.keys.threshold = 1};

    int code = read_options(argc, argv, &chosen);
    if (code < 0) {
        code =
            chosen.keys.count > 0 ? cli_list_keys_load(&chosen.keys, &chosen.keyring) : CLI_OK;
        for (int i = optind; code != CLI_USAGE && i < argc; i++) {
            const bool blind = chosen.keys.count > 0 && chosen.keyring.count == 0;
            const int one = blind ? CLI_REFUSED : check_one(argv[i], &chosen);

            code = one != CLI_OK ? one : code;
        }
    }
    cli_list_keys_free(&chosen.keys);
    return code;
}
