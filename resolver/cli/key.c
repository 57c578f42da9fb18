/* cordon key: key pairs in minisign's file format. */
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char generate_help[] =
    "usage: cordon key generate [--no-password | --password-fd N] NAME\n"
    "\n"
    "Writes a new key pair to NAME.pub and NAME.key (mode 0600), in the format of minisign. "
    "An\n"
    "existing file is never overwritten. Without an option the password is asked for.\n"
    "  --no-password    store the secret key in clear, as `minisign -G -W` does\n"
    "  --password-fd N  read the password, one line, from this file descriptor\n";

static const char show_help[] =
    "usage: cordon key show [--json] FILE...\n"
    "\n"
    "Shows the id of each public key (or signature's key) in FILE: "
    "16 hexadecimal digits\n"
    "(minisign leaves out leading zeros), and the line to put into a configuration.\n";

/* Creates the file; fails if it exists, so that no key is ever lost. */
static int write_new(const char *path, const char *text, size_t len, mode_t mode)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int rc = 0;

    if (fd < 0) {
        return -errno;
    }
    if (write(fd, text, len) != (ssize_t)len || fsync(fd) != 0) {
        rc = errno != 0 ? -errno : -EIO;
        unlink(path);
    }
    close(fd);
    return rc;
}

static int write_pair(const char *name, const char *password)
{
    struct trust_secret_key secret;
    struct trust_public_key public_key;
    char path[4096];
    char text[1024];
    char id[TRUST_KEY_ID_TEXT];

    if (strlen(name) > sizeof(path) - 8) {
        fprintf(stderr, "cordon key generate: the name is too long\n");
        return CLI_REFUSED;
    }
    trust_key_generate(&secret, &public_key);
    trust_key_id_format(public_key.id, id);
    size_t len = trust_secret_key_format(&secret, password, text, sizeof(text));
    trust_secret_key_wipe(&secret);
    snprintf(path, sizeof(path), "%s.key", name);
    int rc = len == 0 ? -ENOMEM : write_new(path, text, len, 0600);
    explicit_bzero(text, sizeof(text));
    if (rc == 0) {
        printf("secret key  %s (keep it off the machines that use the lists)\n", path);
        snprintf(path, sizeof(path), "%s.pub", name);
        len = trust_public_key_format(&public_key, text, sizeof(text));
        rc = write_new(path, text, len, 0644);
        if (rc != 0) {
            /* A secret key without its public half is of no use to anybody. */
            char secret_path[4096];
            snprintf(secret_path, sizeof(secret_path), "%s.key", name);
            unlink(secret_path);
        }
    }
    if (rc != 0) {
        fprintf(stderr, "cordon key generate: %s: %s%s\n", path, cordon_strerror(rc),
                rc == -EEXIST ? "; choose another name, keys are never overwritten" : "");
        return CLI_REFUSED;
    }
    printf("public key  %s\nkey id      %s\n", path, id);
    return CLI_OK;
}

static int generate(int argc, char **argv)
{
    const char *fd = NULL;
    bool no_password = false;
    int from_fd = -1;
    const struct cli_option options[] = {{"no-password", 'W', NULL, &no_password},
                                         {"password-fd", 0, &fd, NULL}};
    int code =
        cli_options(argc, argv, "key generate", generate_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_password_fd("key generate", fd, &from_fd);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    if (argc - optind != 1) {
        return cli_usage("key generate", "name the pair, for example: list-a");
    }
    if (no_password) {
        return write_pair(argv[optind], NULL);
    }
    char password[1024];
    const int rc =
        cli_password("Password for the new key", true, from_fd, password, sizeof(password));
    code = CLI_REFUSED;
    if (rc == -ENOTTY) {
        code = cli_usage("key generate", "there is no terminal to ask for a password: use "
                                         "--password-fd or --no-password");
    } else if (rc != 0) {
        fprintf(stderr, "cordon key generate: %s\n",
                rc == CORDON_E_PASSWORD ? "the two passwords differ" : cordon_strerror(rc));
    } else if (password[0] == '\0') {
        fprintf(stderr, "cordon key generate: the password is empty; --no-password says so on "
                        "purpose\n");
    } else {
        code = write_pair(argv[optind], password);
    }
    explicit_bzero(password, sizeof(password));
    return code;
}

static int show_one(const char *path, bool json)
{
    uint8_t *text = NULL;
    size_t len = 0;
    struct trust_public_key key;
    char id[TRUST_KEY_ID_TEXT];
    char line[512];
    int rc = file_read(path, TRUST_KEY_FILE_MAX, &text, &len);

    if (rc == 0) {
        rc = trust_public_key_parse((const char *)text, len, &key);
    }
    free(text);
    if (rc != 0) {
        fprintf(stderr, "cordon key show: %s: %s%s\n", path, cordon_strerror(rc),
                rc == CORDON_E_FORMAT ? "; give a .pub file" : "");
        return CLI_REFUSED;
    }
    trust_key_id_format(key.id, id);
    trust_public_key_format(&key, line, sizeof(line));
    char *base64 = strchr(line, '\n');
    base64 = base64 != NULL ? base64 + 1 : line;
    base64[strcspn(base64, "\n")] = '\0';
    if (json) {
        printf("{\"file\":\"");
        for (const char *at = path; *at != '\0'; at++) {
            printf(*at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
        }
        printf("\",\"id\":\"%s\",\"key\":\"%s\"}\n", id, base64);
    } else {
        printf("%s  %s  %s\n", id, base64, path);
    }
    return CLI_OK;
}

static int show(int argc, char **argv)
{
    bool json = false;
    int code = CLI_OK;
    const struct cli_option options[] = {{"json", 0, NULL, &json}};

    code = cli_options(argc, argv, "key show", show_help, options, CLI_COUNT(options));
    if (code != CLI_GO_ON) {
        return code;
    }
    code = CLI_OK;
    if (optind == argc) {
        return cli_usage("key show", "name at least one .pub file");
    }
    for (int i = optind; i < argc; i++) {
        const int one = show_one(argv[i], json);

        code = one != CLI_OK ? one : code;
    }
    return code;
}

int cli_key(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"generate", generate, "generate [--no-password | --password-fd N] NAME"},
        {"rotate", cli_key_rotate, "rotate --root N.root --expires TIME OLD.pub NEW.pub"},
        {"show", show, "show [--json] FILE..."},
    };

    return cli_dispatch("key", verbs, CLI_COUNT(verbs), argc, argv);
}
