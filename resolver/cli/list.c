/* cordon list: verify, show, sign and compile block lists, offline. */
#include "cli/list.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/names.h"
#include "cli/signing.h"
#include "policy/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char sign_help[] =
    "usage: cordon list sign --key SECRET.key [--password-fd N] LIST...\n"
    "\n"
    "Checks each list's text, then writes LIST.KEYID.minisig beside it. Several signers sign "
    "in\n"
    "turn, each with its own key; `minisign -V` accepts every one of these files.\n";

static const char verify_help[] =
    "usage: cordon list verify [--keys DIR|FILE]... [--threshold N] [--ignore-time] [--json] "
    "LIST...\n"
    "\n"
    "Verifies the signatures beside each list, then its text. A list that is past its "
    "`expires`\n"
    "is reported and counts as refused unless --ignore-time is given.\n"
    "  --keys DIR|FILE  trusted keys: a .pub file, a base64 line, or a folder with list*.pub\n"
    "  --threshold N    distinct keys that must have signed (default 2)\n";

struct verify_options {
    struct trust_keyring keyring;
    struct cli_list_keys keys;
    bool ignore_time, json;
};

static void print_verified(const char *path, const struct policy_list *list,
                           const struct trust_verdict *verdict, bool json, const char *state)
{
    char id[TRUST_KEY_ID_TEXT];

    if (json) {
        printf("{\"list\":\"%s\",\"serial\":%" PRIu32
               ",\"rules\":%zu,\"state\":\"%s\",\"keys\":[",
               list->id, list->serial, list->rule_count, state);
    } else {
        printf("%s: %s serial %" PRIu32 ", %zu rules, %s, signed by", path, list->id,
               list->serial, list->rule_count, state);
    }
    for (size_t i = 0; i < verdict->count; i++) {
        trust_key_id_format(verdict->ids[i], id);
        printf(json ? "%s\"%s\"" : "%s %s", json && i > 0 ? "," : "", id);
    }
    printf(json ? "]}\n" : "\n");
}

static int verify_one(const char *path, const struct verify_options *options)
{
    struct report report;
    struct policy_list *list = NULL;
    struct trust_verdict verdict;
    const uint64_t now_s = clock_read().wall_us / 1000000;

    report_init(&report);
    int rc = policy_load_list(path, &options->keyring, &report, &list, &verdict);
    if (rc == 0) {
        rc = cli_list_check_suffixes(list, path, &report);
    }
    int code = rc == 0 ? CLI_OK : CLI_REFUSED;
    if (rc == 0) {
        const enum policy_freshness state =
            policy_freshness_at(list->created_s, list->expires_s, now_s);
        const char *word = state == POLICY_FRESH   ? "fresh"
                           : state == POLICY_STALE ? "stale"
                                                   : "clock untrusted";

        print_verified(path, list, &verdict, options->json,
                       options->ignore_time ? "time ignored" : word);
        if (state == POLICY_STALE && !options->ignore_time) {
            report_add(&report, REPORT_ERROR, path, 0, 0,
                       "past its expiry date: get a newer one, or look at it with "
                       "--ignore-time");
            code = CLI_REFUSED;
        }
    } else if (report.errors == 0) {
        report_add(&report, REPORT_ERROR, path, 0, 0, "%s", cordon_strerror(rc));
    }
    report_print(&report, stderr);
    report_deinit(&report);
    policy_list_free(list);
    return code;
}

static int verify(int argc, char **argv)
{
    static const struct option options[] = {
        {"keys", required_argument, NULL, 'k'},  {"threshold", required_argument, NULL, 't'},
        {"ignore-time", no_argument, NULL, 'i'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    struct verify_options chosen = {.keys.threshold = 2};
    int option;

    while ((option = getopt_long(argc, argv, "k:t:h", options, NULL)) != -1) {
        switch (option) {
        case 'k':
            cli_list_keys_add(&chosen.keys, optarg);
            break;
        case 't':
            if (!cli_number(optarg, 1, TRUST_KEYS_MAX, &chosen.keys.threshold)) {
                cli_list_keys_free(&chosen.keys);
                return cli_usage("list verify", "--threshold is from 1 to %u", TRUST_KEYS_MAX);
            }
            break;
        case 'i':
            chosen.ignore_time = true;
            break;
        case 'j':
            chosen.json = true;
            break;
        case 'h':
            fputs(verify_help, stdout);
            cli_list_keys_free(&chosen.keys);
            return CLI_OK;
        default:
            cli_list_keys_free(&chosen.keys);
            return cli_usage("list verify", "wrong option");
        }
    }
    int code = CLI_OK;
    if (optind == argc || chosen.keys.count == 0) {
        code = cli_usage("list verify",
                         "name the trusted keys with --keys, and at least one list");
    } else {
        code = cli_list_keys_load(&chosen.keys, &chosen.keyring);
    }
    for (int i = optind; code != CLI_USAGE && chosen.keyring.count > 0 && i < argc; i++) {
        const int one = verify_one(argv[i], &chosen);

        code = one != CLI_OK ? one : code;
    }
    cli_list_keys_free(&chosen.keys);
    return code;
}

/* The text is parsed before it is signed: a faulty list never gets a signature. */
static int sign_one(const char *path, const struct trust_secret_key *key, struct report *report)
{
    uint8_t *text = NULL;
    size_t len = 0;
    struct policy_list *list = NULL;
    char comment[256];
    int rc = file_read(path, POLICY_LIST_OCTETS_MAX, &text, &len);

    if (rc == 0) {
        rc = policy_list_parse((const char *)text, len, path, report, &list);
        if (rc == CORDON_E_REFUSED) {
            cli_list_note_labels((const char *)text, len, path, report);
        }
    }
    if (rc == 0) {
        rc = cli_list_check_suffixes(list, path, report);
    }
    if (rc == 0) {
        snprintf(comment, sizeof(comment), "cordon list %s serial %" PRIu32, list->id,
                 list->serial);
        rc = cli_sign_beside(path, text, len, comment, key);
    }
    policy_list_free(list);
    free(text);
    return rc;
}

static int sign(int argc, char **argv)
{
    return cli_sign_files(argc, argv, "list sign", sign_help, sign_one);
}

int cli_list(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"advance", cli_list_advance,
         "advance LIST --reason TEXT [--all] [-c CONFIG | --socket PATH]"},
        {"build", cli_list_build, "build [-c CONFIG] [--output FILE] [--quiet]"},
        {"diff", cli_list_diff, "diff [--all] [--json] OLD NEW"},
        {"export", cli_list_export,
         "export --format FORMAT --keys DIR|FILE... [--output PATH] LIST..."},

        {"gate", cli_list_gate,
         "gate [-c CONFIG] [--override CHECK --reason TEXT] [--json] FOLDER"},
        {"history", cli_list_history, "history [LIST] [-c CONFIG | --socket PATH] [--json]"},
        {"import", cli_list_import, "import rpz --id ID --provider TEXT [--output FILE] FILE"},
        {"release", cli_list_release, "release LIST --reason TEXT [-c CONFIG | --socket PATH]"},
        {"rollback", cli_list_rollback,
         "rollback LIST --to SERIAL --reason TEXT [-c CONFIG | --socket PATH]"},
        {"show", cli_list_show, "show [--rules] [--json] LIST..."},
        {"sign", sign, "sign --key SECRET.key [--password-fd N] LIST..."},
        {"stages", cli_list_stages, "stages [-c CONFIG | --socket PATH] [--json]"},
        {"stats", cli_list_stats, "stats [--quiet] [--json] LIST..."},
        {"verify", verify,
         "verify --keys DIR|FILE... [--threshold N] [--ignore-time] [--json] LIST..."},
    };

    return cli_dispatch("list", verbs, CLI_COUNT(verbs), argc, argv);
}
