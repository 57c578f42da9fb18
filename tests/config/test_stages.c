/* config/stages: how newer versions of lists are brought in: what is read, and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/refusal.h"

#define VIEWS "views: {pilot: {clients: [10.0.0.0/8]}, lab: {clients: [172.16.0.0/12]}}\n"

static const char all[] =
    "lists:\n  use: {a: enforce}\n  stages:\n    - {for: 1d, mode: log}\n"
    "    - {for: 90m, share: 0.5%}\n    - {for: 12h, views: [pilot, default]}\n"
    "    - {for: 2h, share: 30}\n" VIEWS;

static void stages_have_what_they_say(void **state)
{
    struct config *config = read_config(all, 0);

    (void)state;
    assert_int_equal(config->stage_count, 4);
    const struct config_stage *stages = config->stages;
    assert_int_equal(stages[0].for_s, 86400);
    assert_int_equal(stages[0].share + stages[0].view_count, 0);
    assert_int_equal(stages[1].for_s, 5400);
    assert_int_equal(stages[1].share, 5);
    assert_int_equal(stages[2].view_count, 2);
    assert_string_equal(stages[2].views[0], "pilot");
    assert_string_equal(stages[2].views[1], "default");
    assert_int_equal(stages[3].share, 300);
    config_free(config);
    config = read_config("lists: {use: {a: enforce}, stages: none}\n", 0);
    assert_int_equal(config->stage_count, 0);
    config_free(config);
    config = read_config("lists: {use: {a: enforce}}\n", 0);
    assert_int_equal(config->stage_count, 0);
    config_free(config);
}

static void what_is_printed_reads_back(void **state)
{
    struct config *config = read_config(all, 0);
    char *once = print_config(config);

    (void)state;
    assert_non_null(strstr(once,
                           "  stages:\n    - {for: 1d, mode: log}\n    - {for: 90m, share: "
                           "0.5%}\n    - {for: 12h, views: [pilot, default]}\n    - {for: "
                           "2h, share: 30%}\n"));
    config_free(config);
    config = read_config(once, 0);
    char *twice = print_config(config);
    assert_string_equal(once, twice);
    config_free(config);
    free(once);
    free(twice);
}

#define STAGES(text) "lists: {use: {a: enforce}, stages: [" text "]}\n" VIEWS

static void what_cannot_be_is_refused(void **state)
{
    static const struct refusal cases[] = {
        {STAGES("1d"), "1:37: lists.stages: expected stages: [{for: 1d, mode: log}, {for: 1d, "
                       "share: 10%}, {for: 12h, views: [pilot]}]"},
        {"lists: {use: {a: enforce}, stages: soon}\n",
         "1:36: lists.stages: expected stages: [{for: 1d, mode: log}, {for: 1d, share: 10%}, "
         "{for: 12h, views: [pilot]}]"},
        /* a stage without its time, without a way, with two */
        {STAGES("{mode: log}"), "1:37: lists.stages: a stage has its time (for: 1d) and one of "
                                "mode: log, share: 10% and views: [pilot]"},
        {STAGES("{for: 1d}"), "1:37: lists.stages: a stage has its time (for: 1d) and one of "
                              "mode: log, share: 10% and views: [pilot]"},
        {STAGES("{for: 1d, mode: log, share: 10%}"),
         "1:37: lists.stages: a stage has its time (for: 1d) and one of mode: log, share: 10% "
         "and views: [pilot]"},
        {STAGES("{for: 1d, mode: enforce}"),
         "1:53: lists.stages: \"enforce\" is not log: a stage records (mode: log), or says for "
         "whom the newer version counts (share or views)"},
        {STAGES("{for: 1d, part: 10%}"),
         "1:47: lists.stages: \"part\" is not known of a stage, "
         "only for, mode, share and views"},
        /* times */
        {STAGES("{for: 59s, mode: log}"),
         "1:43: lists.stages: 59s is out of range: from 1m to 90d"},
        {STAGES("{for: 91d, mode: log}"),
         "1:43: lists.stages: 91d is out of range: from 1m to 90d"},
        {STAGES("{for: 1, mode: log}"),
         "1:43: lists.stages: \"1\" is not a time with its unit (10s: ms s m h d)"},
        /* shares */
        {STAGES("{for: 1d, share: 0%}"), "1:54: lists.stages: \"0%\" is not a share of the "
                                         "clients: from 0.1% to 99.9%"},
        {STAGES("{for: 1d, share: 100%}"), "1:54: lists.stages: \"100%\" is not a share of the "
                                           "clients: from 0.1% to 99.9%"},
        {STAGES("{for: 1d, share: 0.05%}"), "1:54: lists.stages: \"0.05%\" is not a share of "
                                            "the clients: from 0.1% to 99.9%"},
        {STAGES("{for: 1d, share: .5%}"), "1:54: lists.stages: \".5%\" is not a share of the "
                                          "clients: from 0.1% to 99.9%"},
        {STAGES("{for: 1d, share: -1%}"), "1:54: lists.stages: \"-1%\" is not a share of the "
                                          "clients: from 0.1% to 99.9%"},
        {STAGES("{for: 1d, share: 10 %}"), "1:54: lists.stages: \"10 %\" is not a share of the "
                                           "clients: from 0.1% to 99.9%"},
        /* order: who has the newer version keeps it */
        {STAGES("{for: 1d, share: 10%}, {for: 1d, mode: log}"),
         "1:60: lists.stages: mode: log comes before stages with share or views"},
        {STAGES("{for: 1d, share: 10%}, {for: 1d, share: 10%}"),
         "1:60: lists.stages: the share is no larger than the one before: shares rise"},
        {STAGES("{for: 1d, share: 30%}, {for: 1d, views: [lab]}, {for: 1d, share: 10%}"),
         "1:85: lists.stages: the share is no larger than the one before: shares rise"},
        /* without what is kept there is nothing to go on with */
        {"lists: {use: {a: enforce}, keep: 0, stages: [{for: 1d, mode: log}]}\n",
         "1:46: lists.stages: stages need lists.keep: the version in force counts on while a "
         "newer one comes"},
        /* views */
        {STAGES("{for: 1d, views: []}"),
         "1:54: lists.stages: no view: name one, or leave the stage out"},
        {STAGES("{for: 1d, views: [polit]}"), "1:37: lists.stages: there is no view polit"},
        {STAGES("{for: 1d, views: [lab, lab]}"),
         "1:37: lists.stages: view lab has the newer version already: name it once"},
        {STAGES("{for: 1d, views: [lab]}, {for: 1d, views: [pilot, lab]}"),
         "1:62: lists.stages: view lab has the newer version already: name it once"},
    };

    (void)state;
    check_among(cases, ITEMS(cases), false);
}

/* Each view is needed once more for each share. */
static void more_than_the_limits_are_refused(void **state)
{
    static const struct {
        unsigned views, stages, lists;
        bool fits;
    } cases[] = {
        {31, 1, 1, true}, {32, 1, 1, false}, {15, 3, 1, true}, {16, 3, 1, false},
        {7, 7, 1, true},  {8, 7, 1, false},  {6, 8, 1, true},  {1, 9, 1, false},
        {1, 1, 64, true}, {1, 1, 65, false},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct config *config = NULL;
        struct report report;
        char text[16384];
        size_t used = 0;

        used += (size_t)snprintf(text + used, sizeof(text) - used, "lists:\n  use:\n");
        for (unsigned k = 0; k < cases[i].lists; k++) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, "    l%u: log\n", k);
        }
        used += (size_t)snprintf(text + used, sizeof(text) - used, "  stages:\n");
        for (unsigned k = 0; k < cases[i].stages; k++) {
            used += (size_t)snprintf(text + used, sizeof(text) - used,
                                     "    - {for: 1h, share: %u%%}\n", k + 1);
        }
        used += (size_t)snprintf(text + used, sizeof(text) - used, "views:\n");
        for (unsigned k = 0; k < cases[i].views; k++) {
            used += (size_t)snprintf(text + used, sizeof(text) - used,
                                     "  v%u: {clients: [10.%u.0.0/16]}\n", k, k);
        }
        report_init(&report);
        const int rc = config_parse(text, strlen(text), "t", "/", &report, &config);
        if ((rc == 0) != cases[i].fits || (rc != 0 && report.errors != 1)) {
            report_print(&report, stderr);
            fail_msg("case %zu", i);
        }
        if (rc == 0) {
            config_free(config);
        }
        report_deinit(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_have_what_they_say),
        cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(more_than_the_limits_are_refused),
    };
    return cmocka_run_group_tests_name("config/stages", tests, NULL, NULL);
}
