/* What the tests of this room share: lists signed with keys of our own, and the snapshot made
 * of them. Include cmocka before. */
#ifndef CORDON_TESTS_DAEMON_LISTS_H
#define CORDON_TESTS_DAEMON_LISTS_H

#include "base/file.h"
#include "base/report.h"
#include "setup/setup.h"
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

struct fixture {
    char folder[64];
    struct trust_secret_key secret[2];
    char keys[2][64]; /* base64 lines */
    struct setup_snapshot *snapshot;
    struct config *config;
    struct report report;
};

/* The second line of a .pub file. */
static inline void key_line(const struct trust_public_key *key, char out[64])
{
    char file[512];
    const size_t len = trust_public_key_format(key, file, sizeof(file));
    const char *line = memchr(file, '\n', len);

    assert_non_null(line);
    snprintf(out, 64, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
}

static inline void write_list(const struct fixture *fixture, const char *id, const char *rules,
                              unsigned signatures)
{
    char path[160];
    char text[4096];
    char signature[TRUST_SIGNATURE_FILE_MAX];

    const int len = snprintf(text, sizeof(text),
                             "cordon-list 1\nid %s\ntitle Test names\nprovider test Test\n"
                             "serial 2025112201\ncreated 2025-11-22T00:00:00Z\n"
                             "expires 2026-12-27T00:00:00Z\nrules\n%send\n",
                             id, rules);
    snprintf(path, sizeof(path), "%s/%s.list", fixture->folder, id);
    assert_int_equal(file_write_atomic(path, text, (size_t)len, 0644), 0);
    for (unsigned i = 0; i < signatures; i++) {
        size_t signature_len = 0;
        assert_int_equal(trust_sign(&fixture->secret[i], (const uint8_t *)text, (size_t)len,
                                    "test", signature, sizeof(signature), &signature_len),
                         0);
        snprintf(path, sizeof(path), "%s/%s.list.%u.minisig", fixture->folder, id, i);
        assert_int_equal(file_write_atomic(path, signature, signature_len, 0644), 0);
    }
}

static inline int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct trust_public_key key;

    assert_non_null(fixture);
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/cordon-screen-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    for (unsigned i = 0; i < 2; i++) {
        trust_key_generate(&fixture->secret[i], &key);
        key_line(&key, fixture->keys[i]);
    }
    report_init(&fixture->report);
    *state = fixture;
    return 0;
}

static inline void remove_files(const char *folder)
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

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;

    setup_snapshot_free(fixture->snapshot);
    config_free(fixture->config);
    report_deinit(&fixture->report);
    remove_files(fixture->folder);
    free(fixture);
    return 0;
}

/* Configuration in memory, lists on disk. use: the lines of lists.use. */
static inline int load(struct fixture *fixture, const char *use, const char *more,
                       uint64_t now_s)
{
    char text[2048];
    const int len = snprintf(text, sizeof(text),
                             "upstreams:\n  servers: [192.0.2.53]\n"
                             "lists:\n  directory: %s\n  use:\n%s"
                             "trust:\n  keys: [\"%s\", \"%s\"]\n  threshold: 2\n%s",
                             fixture->folder, use, fixture->keys[0], fixture->keys[1], more);

    assert_true(len > 0 && (size_t)len < sizeof(text));
    int rc = config_parse(text, (size_t)len, "test.yaml", "/tmp", &fixture->report,
                          &fixture->config);
    if (rc == 0) {
        free(fixture->config->state_directory);
        fixture->config->state_directory = NULL;
        rc = setup_snapshot_make(fixture->config, 7, now_s, &fixture->report,
                                 &fixture->snapshot);
    }
    if (rc == 0) {
        fixture->snapshot->config = NULL; /* ours */
    }
    return rc;
}

static inline void load_well(struct fixture *fixture, const char *use, const char *more,
                             uint64_t now_s)
{
    const int rc = load(fixture, use, more, now_s);

    if (rc != 0) {
        report_print(&fixture->report, stderr);
    }
    assert_int_equal(rc, 0);
}

#endif
