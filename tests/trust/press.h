/* A publisher in a folder: keys, roots, catalogues and lists, signed by whom a test says.
 * Include cmocka before. */
#ifndef CORDON_TESTS_TRUST_PRESS_H
#define CORDON_TESTS_TRUST_PRESS_H

#include "base/report.h"
#include "trust/catalogue.h"

#include "trust/workshop.h"

#include <inttypes.h>

#define PRESS_KEYS  10
#define PRESS_NOW_S UINT64_C(1800000000) /* 2027-01-15T08:00:00Z */
#define PRESS_DAY_S UINT64_C(86400)

/* A list with one rule: its id, its serial, and the name that it blocks with all below it. */
#define PRESS_LIST                                                        \
    "cordon-list 1\nid %s\ntitle Test\nprovider test Test\nserial %u\n"   \
    "created 2027-01-01T00:00:00Z\nexpires 2027-06-01T00:00:00Z\nrules\n" \
    "block suffix %s category=test scope=cloud confidence=high evidence=\"none\"\nend\n"

/* Keys 0 to 2 are for roots, 3 to 5 for lists, the others come later. */
struct press {
    struct trust_secret_key secret[PRESS_KEYS];
    struct trust_public_key key[PRESS_KEYS];
    struct report report;
};

static inline void press_open(struct press *press)
{
    for (size_t i = 0; i < PRESS_KEYS; i++) {
        trust_key_generate(&press->secret[i], &press->key[i]);
    }
    report_init(&press->report);
}

static inline void press_close(struct press *press)
{
    report_deinit(&press->report);
}

/* Is there an error with these words? */
static inline bool press_said(const struct press *press, const char *words)
{
    for (size_t i = 0; i < press->report.count; i++) {
        if (press->report.entries[i].kind == REPORT_ERROR &&
            strstr(press->report.entries[i].text, words) != NULL) {
            return true;
        }
    }
    return false;
}

/* Signs the file by these keys ("012"), in files named after the keys. */
static inline void press_sign(const struct press *press, const char *path, const char *keys)
{
    size_t len = 0;
    char *text = workshop_read(path, &len);

    for (const char *at = keys; *at != '\0'; at++) {
        const struct trust_secret_key *secret = &press->secret[*at - '0'];
        char signature[TRUST_SIGNATURE_FILE_MAX];
        char id[TRUST_KEY_ID_TEXT];
        char name[512];
        size_t signature_len = 0;

        assert_int_equal(trust_sign(secret, (const uint8_t *)text, len, "test", signature,
                                    sizeof(signature), &signature_len),
                         0);
        trust_key_id_format(secret->id, id);
        snprintf(name, sizeof(name), "%s.%s.minisig", path, id);
        workshop_write(name, signature, signature_len);
    }
    free(text);
}

static inline void press_role(const struct press *press, struct trust_keyring *keyring,
                              const char *keys, unsigned threshold)
{
    memset(keyring, 0, sizeof(*keyring));
    for (const char *at = keys; *at != '\0'; at++) {
        assert_int_equal(trust_keyring_add(keyring, &press->key[*at - '0']), 0);
    }
    keyring->threshold = threshold;
}

/* A root of two of three keys for each role, in date, with the whole scope. */
static inline struct trust_root *press_root(const struct press *press, uint32_t version)
{
    struct trust_root *root = calloc(1, sizeof(*root));

    assert_non_null(root);
    snprintf(root->publisher, sizeof(root->publisher), "press");
    snprintf(root->title, sizeof(root->title), "A press for tests");
    root->version = version;
    root->created_s = PRESS_NOW_S - 30 * PRESS_DAY_S;
    root->expires_s = PRESS_NOW_S + 300 * PRESS_DAY_S;
    press_role(press, &root->root, "012", 2);
    press_role(press, &root->list, "345", 2);
    root->scope.all_providers = root->scope.all_names = root->scope.all_prefixes = true;
    return root;
}

/* Writes N.root, signed by these keys, and frees the root. */
static inline void press_root_write(const struct press *press, struct trust_root *root,
                                    const char *folder, const char *keys)
{
    char path[256];
    char *text = NULL;
    size_t len = 0;

    assert_int_equal(trust_root_format(root, &text, &len), 0);
    snprintf(path, sizeof(path), "%s/%" PRIu32 ".root", folder, root->version);
    workshop_write(path, text, len);
    press_sign(press, path, keys);
    free(text);
    free(root);
}

/* A list as a publisher signs it: FOLDER/ID.list by these keys. Its text is the test's. */
static inline void press_list_write(const struct press *press, const char *folder,
                                    const char *id, const char *text, const char *keys)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s.list", folder, id);
    workshop_write(path, text, strlen(text));
    press_sign(press, path, keys);
}

/* An empty catalogue in date for a week; the caller frees it. */
static inline struct trust_catalogue *press_catalogue(uint32_t serial)
{
    struct trust_catalogue *catalogue = calloc(1, sizeof(*catalogue));

    assert_non_null(catalogue);
    snprintf(catalogue->publisher, sizeof(catalogue->publisher), "press");
    catalogue->serial = serial;
    catalogue->created_s = PRESS_NOW_S - PRESS_DAY_S;
    catalogue->expires_s = PRESS_NOW_S + 7 * PRESS_DAY_S;
    catalogue->entries = calloc(TRUST_CATALOGUE_LISTS_MAX + 1, sizeof(catalogue->entries[0]));
    assert_non_null(catalogue->entries);
    return catalogue;
}

/* Adds a list with this text; ids ascend. */
static inline void press_add(struct trust_catalogue *catalogue, const char *id, uint32_t serial,
                             const char *text)
{
    struct trust_entry *entry = &catalogue->entries[catalogue->count++];

    memset(entry, 0, sizeof(*entry));
    snprintf(entry->id, sizeof(entry->id), "%s", id);
    entry->serial = serial;
    entry->size = strlen(text);
    trust_hash(text, strlen(text), entry->hash);
}

/* Writes FOLDER/catalogue, signed by these keys, and frees the catalogue. */
static inline void press_catalogue_write(const struct press *press,
                                         struct trust_catalogue *catalogue, const char *folder,
                                         const char *keys)
{
    char path[256];
    char *text = NULL;
    size_t len = 0;

    assert_int_equal(trust_catalogue_format(catalogue, &text, &len), 0);
    snprintf(path, sizeof(path), "%s/catalogue", folder);
    workshop_write(path, text, len);
    press_sign(press, path, keys);
    free(text);
    trust_catalogue_free(catalogue);
}

/* The list "one" alone, with this serial and name, and a catalogue that names it: in lists/. */
static inline void press_publish(const struct press *press, uint32_t catalogue_serial,
                                 uint32_t serial, const char *name)
{
    struct trust_catalogue *catalogue = press_catalogue(catalogue_serial);
    char text[1024];

    snprintf(text, sizeof(text), PRESS_LIST, "one", serial, name);
    press_list_write(press, "lists", "one", text, "34");
    press_add(catalogue, "one", serial, text);
    press_catalogue_write(press, catalogue, "lists", "34");
}

#endif
