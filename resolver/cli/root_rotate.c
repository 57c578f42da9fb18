/* cordon root rotate, cordon key rotate: the next version of a root. */
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/root.h"
#include "cli/signing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char root_help[] =
    "usage: cordon root rotate --expires TIME [--add-root KEY,...] [--drop-root KEY,...]\n"
    "           [--add-list KEY,...] [--drop-list KEY,...] [--root-threshold N]\n"
    "           [--list-threshold N] [--created TIME] N.root\n"
    "\n"
    "Writes the next root, N+1.root, beside N.root, unsigned. A KEY is a .pub file or its "
    "base64\n"
    "line. Whoever had keys that are dropped can still have signed what is out already: "
    "`cordon\n"
    "root sign` needs a threshold of the old root keys and of the new ones.\n";

static const char key_help[] =
    "usage: cordon key rotate --root N.root --expires TIME [--created TIME] OLD.pub NEW.pub\n"
    "\n"
    "Writes the next root, N+1.root, beside N.root, unsigned, in which the one key stands "
    "where\n"
    "the other stood. Make the new key with `cordon key generate` first, sign the new root "
    "with\n"
    "`cordon root sign`, and with the new key what the old one had signed.\n";

/* Where the key is, by its octets; count if it is not there. */
static size_t find(const struct trust_keyring *keyring, const struct trust_public_key *key)
{
    size_t at = 0;

    while (at < keyring->count &&
           memcmp(keyring->keys[at].key, key->key, sizeof(key->key)) != 0) {
        at++;
    }
    return at;
}

static bool drop(const char *named, struct trust_keyring *keyring, struct report *report)
{
    struct trust_keyring keys;
    char id[TRUST_KEY_ID_TEXT];

    if (named == NULL) {
        return true;
    }
    if (!cli_keys_parse(named, &keys, report)) {
        return false;
    }
    for (size_t i = 0; i < keys.count; i++) {
        const size_t at = find(keyring, &keys.keys[i]);

        if (at == keyring->count) {
            trust_key_id_format(keys.keys[i].id, id);
            report_add(report, REPORT_ERROR, named, 0, 0, "the role has no key %s to drop", id);
            return false;
        }
        keyring->count--;
        memmove(&keyring->keys[at], &keyring->keys[at + 1],
                (keyring->count - at) * sizeof(keyring->keys[0]));
    }
    return true;
}

static bool add(const char *named, struct trust_keyring *keyring, struct report *report)
{
    struct trust_keyring keys;
    char id[TRUST_KEY_ID_TEXT];

    if (named == NULL) {
        return true;
    }
    if (!cli_keys_parse(named, &keys, report)) {
        return false;
    }
    for (size_t i = 0; i < keys.count; i++) {
        if (trust_keyring_add(keyring, &keys.keys[i]) != 0) {
            trust_key_id_format(keys.keys[i].id, id);
            report_add(report, REPORT_ERROR, named, 0, 0,
                       "the role has the key %s already, or has no room", id);
            return false;
        }
    }
    return true;
}

/* Reads N.root and makes it the next version. An exit code. */
static int begin(const char *verb, const char *path, const char *created, const char *expires,
                 struct trust_root **root)
{
    uint64_t created_s = clock_read().wall_us / 1000000;
    uint64_t expires_s = 0;

    if (!cli_time_parse(verb, "created", created, &created_s) ||
        !cli_time_parse(verb, "expires", expires, &expires_s)) {
        return CLI_USAGE;
    }
    const int code = cli_root_read(verb, path, root);
    if (code != CLI_OK) {
        return code;
    }
    (*root)->version++;
    (*root)->created_s = created_s;
    (*root)->expires_s = expires_s;
    return CLI_GO_ON;
}

/* Writes it beside the one before and says who has to sign. */
static int finish(const char *verb, const struct trust_root *root, const char *path)
{
    char folder[PATH_MAX];

    cli_root_folder(path, NULL, folder);
    const int code = cli_root_write(verb, root, folder);
    if (code == CLI_OK) {
        printf("now sign it: %u of its own root keys, and as many of those of version %" PRIu32
               " as that asks for\n",
               root->root.threshold, root->version - 1);
    }
    return code;
}

struct change {
    const char *add_root, *drop_root, *add_list, *drop_list, *root_threshold, *list_threshold;
};

static int apply(const struct change *change, struct trust_root *root)
{
    struct report report;

    if ((change->root_threshold != NULL &&
         !cli_number(change->root_threshold, 1, TRUST_KEYS_MAX, &root->root.threshold)) ||
        (change->list_threshold != NULL &&
         !cli_number(change->list_threshold, 1, TRUST_KEYS_MAX, &root->list.threshold))) {
        return cli_usage("root rotate", "a threshold is from 1 to %d", TRUST_KEYS_MAX);
    }
    report_init(&report);
    const bool good = drop(change->drop_root, &root->root, &report) &&
                      drop(change->drop_list, &root->list, &report) &&
                      add(change->add_root, &root->root, &report) &&
                      add(change->add_list, &root->list, &report);
    report_print(&report, stderr);
    report_deinit(&report);
    return good ? CLI_GO_ON : CLI_REFUSED;
}

int cli_root_rotate(int argc, char **argv)
{
    struct change change = {.add_root = NULL};
    const char *expires = NULL;
    const char *created = NULL;
    const char *path = NULL;
    struct trust_root *root = NULL;
    const struct cli_option options[] = {{"expires", 0, &expires, NULL},
                                         {"created", 0, &created, NULL},
                                         {"add-root", 0, &change.add_root, NULL},
                                         {"drop-root", 0, &change.drop_root, NULL},
                                         {"add-list", 0, &change.add_list, NULL},
                                         {"drop-list", 0, &change.drop_list, NULL},
                                         {"root-threshold", 0, &change.root_threshold, NULL},
                                         {"list-threshold", 0, &change.list_threshold, NULL}};
    int code = cli_options(argc, argv, "root rotate", root_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, "root rotate", &path, 1);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    if (path == NULL || expires == NULL) {
        return cli_usage("root rotate", "--expires and the root, N.root, are needed");
    }
    code = begin("root rotate", path, created, expires, &root);
    if (code == CLI_GO_ON) {
        code = apply(&change, root);
    }
    if (code == CLI_GO_ON) {
        code = finish("root rotate", root, path);
    }
    free(root);
    return code;
}

/* Puts new_key where old_key is, in whichever role. */
static bool replace(struct trust_root *root, const char *old_key, const char *new_key,
                    struct report *report)
{
    struct trust_keyring old;
    struct trust_keyring new;

    if (!cli_keys_parse(old_key, &old, report) || !cli_keys_parse(new_key, &new, report)) {
        return false;
    }
    struct trust_keyring *roles[] = {&root->root, &root->list};
    for (size_t i = 0; i < 2; i++) {
        const size_t at = find(roles[i], &old.keys[0]);

        if (at < roles[i]->count) {
            roles[i]->keys[at] = new.keys[0];
            return true;
        }
    }
    report_add(report, REPORT_ERROR, old_key, 0, 0, "this key has no role in that root");
    return false;
}

int cli_key_rotate(int argc, char **argv)
{
    const char *path = NULL;
    const char *expires = NULL;
    const char *created = NULL;
    const char *keys[2] = {NULL, NULL};
    struct trust_root *root = NULL;
    struct report report;
    const struct cli_option options[] = {{"root", 0, &path, NULL},
                                         {"expires", 0, &expires, NULL},
                                         {"created", 0, &created, NULL}};
    int code = cli_options(argc, argv, "key rotate", key_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, "key rotate", keys, 2);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    if (path == NULL || expires == NULL || keys[1] == NULL) {
        return cli_usage("key rotate", "--root, --expires, the old key and the new are needed");
    }
    code = begin("key rotate", path, created, expires, &root);
    if (code == CLI_GO_ON) {
        report_init(&report);
        code = replace(root, keys[0], keys[1], &report) ? CLI_GO_ON : CLI_REFUSED;
        report_print(&report, stderr);
        report_deinit(&report);
    }
    if (code == CLI_GO_ON) {
        code = finish("key rotate", root, path);
    }
    free(root);
    return code;
}
