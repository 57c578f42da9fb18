/* Lists on disk, signed with keys of the test's own. Include cmocka before. */
#ifndef CORDON_TESTS_SUPPORT_SIGNED_H
#define CORDON_TESTS_SUPPORT_SIGNED_H

#include "base/file.h"
#include "trust/minisign.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CREATED_S 1763769600u /* 2025-11-22T00:00:00Z */
#define DAY_S     86400u

#define RULE(kind_match_name) \
    "block " kind_match_name " category=test scope=cloud confidence=high evidence=\"none\"\n"

/* The second line of a .pub file. */
static inline void signed_key_line(const struct trust_public_key *key, char out[64])
{
    char file[512];
    const size_t len = trust_public_key_format(key, file, sizeof(file));
    const char *line = memchr(file, '\n', len);

    assert_non_null(line);
    snprintf(out, 64, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
}

/* A list of these facts and rules, signed with the first so many keys. */
static inline void signed_list_write_facts(const char *folder,
                                           const struct trust_secret_key *secret,
                                           unsigned signatures, const char *id,
                                           const char *facts, const char *rules)
{
    char path[160];
    char text[4096];
    char signature[TRUST_SIGNATURE_FILE_MAX];

    const int len = snprintf(text, sizeof(text),
                             "cordon-list 1\nid %s\ntitle Test names\nprovider test Test\n"
                             "serial 2025112201\ncreated 2025-11-22T00:00:00Z\n"
                             "expires 2026-12-27T00:00:00Z\n%srules\n%send\n",
                             id, facts, rules);
    assert_true(len > 0 && (size_t)len < sizeof(text));
    snprintf(path, sizeof(path), "%s/%s.list", folder, id);
    assert_int_equal(file_write_atomic(path, text, (size_t)len, 0644), 0);
    for (unsigned i = 0; i < signatures; i++) {
        size_t signature_len = 0;
        assert_int_equal(trust_sign(&secret[i], (const uint8_t *)text, (size_t)len, "test",
                                    signature, sizeof(signature), &signature_len),
                         0);
        snprintf(path, sizeof(path), "%s/%s.list.%u.minisig", folder, id, i);
        assert_int_equal(file_write_atomic(path, signature, signature_len, 0644), 0);
    }
}

/* The same without facts. */
static inline void signed_list_write(const char *folder, const struct trust_secret_key *secret,
                                     unsigned signatures, const char *id, const char *rules)
{
    signed_list_write_facts(folder, secret, signatures, id, "", rules);
}

static inline void signed_folder_remove(const char *folder)
{
    char path[400];
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            assert_int_equal(unlink(path), 0);
        }
    }
    closedir(dir);
    assert_int_equal(rmdir(folder), 0);
}

#endif
