/* What the commands that sign have in common. */
#include "cli/signing.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "trust/load.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_secret_read(const char *verb, const char *path, int fd, struct trust_secret_key *key)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = file_read(path, TRUST_KEY_FILE_MAX, &text, &len);

    if (rc == 0) {
        rc = trust_secret_key_parse((const char *)text, len, NULL, key);
    }
    if (rc == CORDON_E_PASSWORD) {
        char password[1024];

        rc = cli_password("Password of the key", false, fd, password, sizeof(password));
        if (rc == 0) {
            rc = trust_secret_key_parse((const char *)text, len, password, key);
        }
        explicit_bzero(password, sizeof(password));
    }
    if (text != NULL) {
        explicit_bzero(text, len);
    }
    free(text);
    if (rc != 0) {
        fprintf(stderr, "cordon %s: %s: %s\n", verb, path,
                rc == -ENOTTY ? "it has a password and there is no terminal: use --password-fd"
                              : cordon_strerror(rc));
    }
    return rc;
}

int cli_sign_beside(const char *path, const uint8_t *text, size_t len, const char *comment,
                    const struct trust_secret_key *key)
{
    char id[TRUST_KEY_ID_TEXT];
    char out_path[PATH_MAX];
    char out[TRUST_SIGNATURE_FILE_MAX];
    size_t out_len = 0;
    int rc = trust_sign(key, text, len, comment, out, sizeof(out), &out_len);

    trust_key_id_format(key->id, id);
    if (rc == 0 && (size_t)snprintf(out_path, sizeof(out_path), "%s.%s.minisig", path, id) >=
                       sizeof(out_path)) {
        rc = -ENAMETOOLONG;
    }
    if (rc == 0) {
        rc = file_write_atomic(out_path, out, out_len, 0644);
    }
    if (rc == 0) {
        printf("%s\n", out_path);
    }
    return rc;
}

int cli_reported(const char *verb, const char *path, int rc, struct report *report)
{
    report_print(report, stderr);
    if (rc != 0 && report->errors == 0) {
        fprintf(stderr, "cordon %s: %s: %s\n", verb, path, cordon_strerror(rc));
    }
    return rc == 0 ? CLI_OK : CLI_REFUSED;
}

int cli_sign_files(int argc, char **argv, const char *verb, const char *help,
                   int (*sign)(const char *path, const struct trust_secret_key *key,
                               struct report *report))
{
    const char *key_path = NULL;
    const char *fd = NULL;
    int from_fd = -1;
    struct trust_secret_key key;
    const struct cli_option options[] = {{"key", 'k', &key_path, NULL},
                                         {"password-fd", 0, &fd, NULL}};
    int code = cli_options(argc, argv, verb, help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_password_fd(verb, fd, &from_fd);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    if (key_path == NULL || optind == argc) {
        return cli_usage(verb, "name the secret key with --key, and at least one file");
    }
    if (cli_secret_read(verb, key_path, from_fd, &key) != 0) {
        return CLI_REFUSED;
    }
    code = CLI_OK;
    for (int i = optind; i < argc; i++) {
        struct report report;

        report_init(&report);
        const int one = cli_reported(verb, argv[i], sign(argv[i], &key, &report), &report);
        report_deinit(&report);
        code = one != CLI_OK ? one : code;
    }
    trust_secret_key_wipe(&key);
    return code;
}

bool cli_keys_parse(const char *named, struct trust_keyring *keyring, struct report *report)
{
    const char *keys[TRUST_KEYS_MAX];
    size_t count = 0;
    char *copy = strdup(named);
    char *rest = copy;

    for (char *key = strtok_r(copy, ",", &rest); key != NULL && count < TRUST_KEYS_MAX;
         key = strtok_r(NULL, ",", &rest)) {
        keys[count++] = key;
    }
    const int rc = copy == NULL
                       ? -ENOMEM
                       : trust_keyring_load(keys, count, count > 0 ? 1 : 0, report, keyring);
    free(copy);
    return rc == 0;
}

bool cli_time_parse(const char *verb, const char *option, const char *named, uint64_t *out)
{
    if (named != NULL && clock_parse(named, strlen(named), out) != 0) {
        cli_usage(verb, "--%s is a time like 2027-01-31 or 2027-01-31T00:00:00Z", option);
        return false;
    }
    return true;
}
