/* The snapshot of a configuration in words, as the daemon makes it. */
#ifndef CORDON_TESTS_SETUP_SNAPSHOT_H
#define CORDON_TESTS_SETUP_SNAPSHOT_H

#include "config/config.h"
#include "setup/setup.h"
#include "trust/press.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the place of the one before. Without a section `state` nothing is kept, as tools do, which
 * put nothing in force. Reports are those of this time alone. */
static inline int snapshot_load(struct press *press, const char *text, uint64_t late_octets,
                                struct setup_snapshot **snapshot)
{
    char folder[256];
    struct config *config = NULL;
    const struct setup_request request = {
        .generation = 1, .now_s = PRESS_NOW_S, .late_octets = late_octets};

    assert_non_null(getcwd(folder, sizeof(folder)));
    setup_snapshot_free(*snapshot);
    *snapshot = NULL;
    report_deinit(&press->report);
    assert_int_equal(
        config_parse(text, strlen(text), "test.yaml", folder, &press->report, &config), 0);
    if (strstr(text, "state:") == NULL) {
        free(config->state_directory);
        config->state_directory = NULL;
    }
    const int rc = setup_snapshot_make_for(config, &request, &press->report, snapshot);
    if (rc != 0) {
        config_free(config);
    }
    return rc;
}

#endif
