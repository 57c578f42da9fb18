/* A configuration that is read, printed, or refused. */
#ifndef CORDON_TESTS_CONFIG_REFUSAL_H
#define CORDON_TESTS_CONFIG_REFUSAL_H

#include "base/error.h"
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

#define ANY_WARNINGS SIZE_MAX

/* What is read of a text that has so many warnings and no fault. The caller frees it. */
static inline struct config *read_config(const char *text, size_t warnings)
{
    struct config *config = NULL;
    struct report report;

    report_init(&report);
    const int rc = config_parse(text, strlen(text), "t", "/etc/cordon", &report, &config);
    if (rc != 0 || (report.count != warnings && warnings != ANY_WARNINGS)) {
        report_print(&report, stderr);
        fail_msg("code %d, %zu warnings: %s", rc, report.count, text);
    }
    report_deinit(&report);
    return config;
}

/* As it is printed; the caller frees it. */
static inline char *print_config(const struct config *config)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    config_print(config, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* A text, and the one fault that it must be refused for. */
struct refusal {
    const char *text;
    const char *fault; /* the first error, without "t:" */
};

/* warnings: they may stand beside the fault. */
static inline void check_among(const struct refusal *cases, size_t count, bool warnings)
{
    for (size_t i = 0; i < count; i++) {
        struct config *config = NULL;
        struct report report;
        const char *have = NULL;

        report_init(&report);
        const int rc = config_parse(cases[i].text, strlen(cases[i].text), "t", "/etc/cordon",
                                    &report, &config);
        for (size_t j = 0; j < report.count && have == NULL; j++) {
            have = report.entries[j].kind == REPORT_ERROR ? report.entries[j].text : NULL;
        }
        if (rc != CORDON_E_REFUSED || report.errors != 1 || have == NULL ||
            strncmp(have, "t:", 2) != 0 || strcmp(have + 2, cases[i].fault) != 0 ||
            (!warnings && report.entries[0].text != have)) {
            report_print(&report, stderr);
            fail_msg("case %zu (%d): %s\n  wanted: %s", i, rc, cases[i].text, cases[i].fault);
        }
        assert_null(config);
        report_deinit(&report);
    }
}

static inline void check(const struct refusal *cases, size_t count)
{
    check_among(cases, count, false);
}

#endif
