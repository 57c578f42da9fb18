/* The trusted keys that verbs of `cordon list` are given on the command line. */
#include "cli/cli.h"
#include "cli/list.h"
#include "trust/load.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A folder's list*.pub; anything else is taken as it is. */
void cli_list_keys_add(struct cli_list_keys *keys, const char *named)
{
    struct dirent **entries = NULL;
    const int count = scandir(named, &entries, NULL, alphasort);
    const size_t before = keys->count;

    if (count < 0) {
        if (keys->count < TRUST_KEYS_MAX) {
            keys->at[keys->count++] = named;
        }
        return;
    }
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        const size_t len = strlen(name);
        char *path = NULL;

        if (strncmp(name, "list", 4) == 0 && len > 4 && strcmp(name + len - 4, ".pub") == 0 &&
            keys->count < TRUST_KEYS_MAX && asprintf(&path, "%s/%s", named, name) > 0) {
            keys->owned[keys->count] = path;
            keys->at[keys->count++] = path;
        }
        free(entries[i]);
    }
    free(entries);
    if (keys->count == before && before < TRUST_KEYS_MAX) {
        fprintf(stderr, "cordon: the folder %s has no key list*.pub\n", named);
    }
}

int cli_list_keys_load(const struct cli_list_keys *keys, struct trust_keyring *keyring)
{
    struct report report;

    report_init(&report);
    const int rc = trust_keyring_load(keys->at, keys->count, keys->threshold, &report, keyring);
    report_print(&report, stderr);
    report_deinit(&report);
    return rc == 0 ? CLI_OK : CLI_REFUSED;
}

void cli_list_keys_free(struct cli_list_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        free(keys->owned[i]);
    }
}
