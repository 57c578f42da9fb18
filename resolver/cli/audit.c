/* cordon audit: the audit log (docs/audit-log.md). */
#include "cli/audit.h"

#include "base/error.h"
#include "cli/audit_open.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char key_help[] =
    "usage: cordon audit key [--json] [-c CONFIG]\n"
    "\n"
    "Shows the public half of the key that signs the audit log of this machine: what others\n"
    "need to verify it. It is made when cordond starts first.\n"
    "  -c, --config FILE  the configuration that says where the state directory is\n"
    "  --json             as a JSON document\n";

bool cli_audit_key_file(const struct config *config, char out[AUDIT_PATH_MAX])
{
    const char *folder =
        config->state_directory != NULL ? config->state_directory : config->audit_directory;

    return folder != NULL &&
           (size_t)snprintf(out, AUDIT_PATH_MAX, "%s/audit.key", folder) < AUDIT_PATH_MAX;
}

/* Its public half. */
static bool key_file(const struct config *config, char out[AUDIT_PATH_MAX])
{
    const size_t len = cli_audit_key_file(config, out) ? strlen(out) : 0;

    return len > 0 &&
           (size_t)snprintf(out + len, AUDIT_PATH_MAX - len, ".pub") < AUDIT_PATH_MAX - len;
}

static int read_own_key(const char *command, const struct config *config,
                        struct trust_note_key *key)
{
    char path[AUDIT_PATH_MAX];

    if (!key_file(config, path)) {
        fprintf(stderr, "cordon %s: the configuration has no state.directory\n", command);
        return CLI_REFUSED;
    }
    const int rc = audit_key_read(path, key);
    if (rc != 0) {
        fprintf(stderr, "cordon %s: %s: %s%s\n", command, path, cordon_strerror(rc),
                rc == -ENOENT ? "; cordond makes it when it starts first" : "");
        return CLI_REFUSED;
    }
    return CLI_GO_ON;
}

/* A file, or the key itself: one has a "+", and paths seldom do. */
static int read_named_key(const char *command, const char *named, struct trust_note_key *key)
{
    int rc = trust_note_key_parse(named, strlen(named), key);

    if (rc != 0) {
        rc = audit_key_read(named, key);
    }
    if (rc != 0) {
        fprintf(stderr,
                "cordon %s: %s: %s; give what `cordon audit key` shows, or a file with it\n",
                command, named, cordon_strerror(rc));
        return CLI_REFUSED;
    }
    return CLI_GO_ON;
}

int cli_audit_place(const char *command, const char *config_path, const char *named_folder,
                    const char *named_key, struct cli_audit_place *out)
{
    struct config *config = NULL;
    int code = CLI_GO_ON;

    if (named_folder == NULL || named_key == NULL) {
        config = cli_config(config_path);
        if (config == NULL) {
            return CLI_REFUSED;
        }
    }
    out->own_key = named_key == NULL;
    code = named_folder == NULL ? cli_audit_folder_of(command, config, out->folder)
                                : cli_audit_folder(command, NULL, named_folder, out->folder);
    if (code == CLI_GO_ON) {
        code = named_key != NULL ? read_named_key(command, named_key, &out->key)
                                 : read_own_key(command, config, &out->key);
    }
    config_free(config);
    return code;
}

int cli_audit_key(int argc, char **argv)
{
    const char *config_path = NULL;
    bool json = false;
    struct trust_note_key key;
    char text[TRUST_NOTE_KEY_TEXT_MAX];
    const struct cli_option options[] = {{"config", 'c', &config_path, NULL},
                                         {"json", 0, NULL, &json}};
    int code = cli_options(argc, argv, "audit key", key_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, "audit key", NULL, 0);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    struct config *config = cli_config(config_path);
    if (config == NULL) {
        return CLI_REFUSED;
    }
    code = read_own_key("audit key", config, &key);
    config_free(config);
    if (code != CLI_GO_ON) {
        return code;
    }
    (void)trust_note_key_format(&key, text);
    if (json) {
        printf("{\"origin\":\"%s\",\"key\":\"%s\"}\n", key.name, text);
    } else {
        printf("%s\n", text);
    }
    return CLI_OK;
}

int cli_audit(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"check", cli_audit_check,
         "check --key KEY [--witness KEY[,KEY...] [--quorum N]] [--json] [FILE]"},
        {"cosign", cli_audit_cosign, "cosign add|ask|request ..."},
        {"forget", cli_audit_forget,
         "forget --before TIME [--stream STREAM] --reason TEXT [--log DIR]"},
        {"impact", cli_audit_impact, "impact [--since SPAN] [--format FORMAT] LIST"},
#ifdef CORDON_INDEX
        {"index", cli_audit_index, "index --to FILE [--rebuild] [--json] [-c CONFIG] [DIR]"},
#endif
        {"key", cli_audit_key, "key [--json] [-c CONFIG]"},
        {"prove", cli_audit_prove,
         "prove [--output FILE] [--log DIR] [--key KEY] [-c CONFIG] ID"},
        {"report", cli_audit_report,
         "report exposure|blocks|exceptions|evidence [--from TIME] [--to TIME] [--format "
         "FORMAT]"},
        {"search", cli_audit_search, "search [FILTER]... [--json | --csv] [--log DIR]"},
        {"top", cli_audit_top, "top [clients | names | ...]... [FILTER]... [--log DIR]"},
        {"verify", cli_audit_verify, "verify [--key KEY] [--checkpoint FILE] [DIR]"},
        {"why", cli_audit_why, "why [--lists DIR] [--json] [--log DIR | -c CONFIG] ID"},
        {"witness", cli_audit_witness, "witness add|key|show|sign ..."},
    };

    return cli_dispatch("audit", verbs, CLI_COUNT(verbs), argc, argv);
}
