/* What the tests of this room share: lists signed with keys of our own, and the snapshot made
 * of them. Include cmocka before. */
#ifndef CORDON_TESTS_DAEMON_LISTS_H
#define CORDON_TESTS_DAEMON_LISTS_H

#include "base/report.h"
#include "setup/setup.h"
#include "support/signed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    char folder[64];
    struct trust_secret_key secret[2];
    char keys[2][64]; /* base64 lines */
    struct setup_snapshot *snapshot;
    struct config *config;
    struct report report;
};

static inline void write_list(const struct fixture *fixture, const char *id, const char *rules,
                              unsigned signatures)
{
    signed_list_write(fixture->folder, fixture->secret, signatures, id, rules);
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
        signed_key_line(&key, fixture->keys[i]);
    }
    report_init(&fixture->report);
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;

    setup_snapshot_free(fixture->snapshot);
    config_free(fixture->config);
    report_deinit(&fixture->report);
    signed_folder_remove(fixture->folder);
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
