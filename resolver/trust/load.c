#include "trust/load.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

/* 42 octets (algorithm, id, key) in base64. */
#define KEY_LINE_OCTETS 56

static int add(struct trust_keyring *keyring, const char *key, struct report *report)
{
    struct trust_public_key parsed;

    if (strlen(key) == KEY_LINE_OCTETS && strncmp(key, "RW", 2) == 0) {
        int rc = trust_public_key_parse(key, KEY_LINE_OCTETS, &parsed);

        if (rc == 0) {
            rc = trust_keyring_add(keyring, &parsed);
        }
        if (rc != 0) {
            report_add(report, REPORT_ERROR, key, 0, 0,
                       rc == -EEXIST ? "this key is named twice: name each key once"
                                     : "this is no minisign public key: take the second line "
                                       "of the publisher's .pub file, or name the file");
        }
        return rc;
    }
    return trust_keyring_add_file(keyring, key, report);
}

int trust_keyring_load(const char *const *keys, size_t count, unsigned threshold,
                       struct report *report, struct trust_keyring *keyring)
{
    int rc = 0;
    struct trust_keyring new = {.threshold = threshold};

    for (size_t i = 0; i < count; i++) {
        if (add(&new, keys[i], report) != 0) {
            rc = CORDON_E_REFUSED;
        }
    }
    if (rc == 0 && (threshold == 0 || threshold > new.count)) {
        report_add(
            report, REPORT_ERROR, "trust.threshold", 0, 0,
            "%u signatures are asked for and %zu keys are trusted: the threshold is from "
            "1 to the number of keys",
            threshold, new.count);
        rc = CORDON_E_REFUSED;
    }
    if (rc == 0) {
        *keyring = new;
    }
    return rc;
}
