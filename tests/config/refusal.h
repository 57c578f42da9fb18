/* A table row: a text, and the one fault that it must be refused for. */
#ifndef CORDON_TESTS_CONFIG_REFUSAL_H
#define CORDON_TESTS_CONFIG_REFUSAL_H

#include "base/error.h"
#include "config/config.h"

#include <stdio.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

struct refusal {
    const char *text;
    const char *fault; /* the first error, without "t:" */
};

static inline void check(const struct refusal *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct config *config = NULL;
        struct report report;

        report_init(&report);
        const int rc = config_parse(cases[i].text, strlen(cases[i].text), "t", "/etc/cordon",
                                    &report, &config);
        if (rc != CORDON_E_REFUSED || report.count == 0 ||
            strncmp(report.entries[0].text, "t:", 2) != 0 ||
            strcmp(report.entries[0].text + 2, cases[i].fault) != 0) {
            print_error("case %zu: %s\n", i, cases[i].text);
            report_print(&report, stderr);
            fail_msg("expected: %s (code %d)", cases[i].fault, rc);
        }
        if (report.errors != 1) {
            report_print(&report, stderr);
            fail_msg("case %zu has %zu errors: %s", i, report.errors, cases[i].text);
        }
        assert_null(config);
        report_deinit(&report);
    }
}

#endif
