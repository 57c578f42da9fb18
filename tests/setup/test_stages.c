/* setup/stages: how far newer versions of lists have come, by a clock that is an argument; and
 * the file that keeps it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "setup/stages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))
#define HOUR         3600u
#define NOW          1800000000u

/* What a reload has made of the list "shop": one version, or one and a newer one. */
static void come(struct setup_snapshot *snapshot, uint32_t serial, uint32_t newer,
                 unsigned stage)
{
    memset(snapshot, 0, sizeof(*snapshot));
    snapshot->list_count = 1;
    memcpy(snapshot->lists[0].id, "shop", 5);
    snapshot->lists[0].serial = serial;
    memset(snapshot->lists[0].hash, (int)serial, sizeof(snapshot->lists[0].hash));
    if (newer != 0) {
        snapshot->newer_count = 1;
        snapshot->staged[0] =
            (struct setup_staged){.held = serial, .newer = newer, .stage = stage};
        memcpy(snapshot->staged[0].id, "shop", 5);
    }
}

static void a_version_goes_from_stage_to_stage(void **state)
{
    /* What comes, when, and what it is: "" no change. */
    static const struct {
        uint64_t at_s;
        uint32_t serial, newer;
        unsigned stage;
        const char *change;
        uint64_t since_s; /* afterwards */
    } rows[] = {
        {0, 3, 0, 0, "", 0},                   /* a first start */
        {10, 3, 0, 0, "", 0},                  /* a reload without anything new */
        {100, 3, 5, 0, "begun 3 5", 100},      /* a newer one */
        {200, 3, 5, 0, "", 100},               /* a reload meanwhile */
        {4000, 3, 5, 1, "advanced 3 5", 4000}, /* its time was over */
        {5000, 3, 6, 0, "begun 3 6", 5000},    /* a still newer one begins again */
        {6000, 3, 6, 1, "advanced 3 6", 6000}, /* by command */
        {7000, 3, 0, 0, "ended 3 6", 0},       /* rolled back, or gone */
        {8000, 3, 7, 0, "begun 3 7", 8000},
        {9000, 7, 0, 0, "done 7 7", 0}, /* it counts for all */
        {9500, 7, 0, 0, "", 0},
        {9600, 9, 0, 0, "", 0}, /* without stages, which is no change of them */
    };
    struct setup_stages stages = {.count = 0};
    struct setup_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    struct setup_stages_change *changes = calloc(POLICY_LISTS_MAX, sizeof(*changes));

    (void)state;
    assert_non_null(snapshot);
    assert_non_null(changes);
    for (size_t i = 0; i < ITEMS(rows); i++) {
        static const char *const words[] = {[SETUP_STAGES_BEGUN] = "begun",
                                            [SETUP_STAGES_ADVANCED] = "advanced",
                                            [SETUP_STAGES_DONE] = "done",
                                            [SETUP_STAGES_ENDED] = "ended"};
        char have[64] = "";

        come(snapshot, rows[i].serial, rows[i].newer, rows[i].stage);
        const size_t count = setup_stages_take(&stages, snapshot, NOW + rows[i].at_s, changes);
        assert_true(count <= 1);
        if (count == 1) {
            const uint32_t newer =
                changes->after.newer != 0 ? changes->after.newer : changes->before.newer;
            snprintf(have, sizeof(have), "%s %u %u", words[changes->what],
                     changes->after.serial, newer);
        }
        assert_string_equal(have, rows[i].change);
        assert_int_equal(stages.count, 1);
        assert_int_equal(stages.at[0].serial, rows[i].serial);
        assert_int_equal(stages.at[0].newer, rows[i].newer);
        assert_int_equal(stages.at[0].since_s,
                         rows[i].since_s == 0 ? 0 : NOW + rows[i].since_s);
    }
    /* a list that is in use no more is forgotten: it comes back without stages */
    snapshot->list_count = 0;
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW, changes), 0);
    assert_int_equal(stages.count, 0);
    free(snapshot);
    free(changes);
}

static void a_stage_is_over_when_its_time_is(void **state)
{
    struct config *config = calloc(1, sizeof(*config));
    struct setup_stages stages = {
        .count = 2, .at = {{.id = "a", .newer = 5, .stage = 1, .since_s = NOW}, {.id = "b"}}};
    const struct setup_stages_of *of = &stages.at[0];

    (void)state;
    assert_non_null(config);
    config->stage_count = 2;
    config->stages[0].for_s = HOUR;
    config->stages[1].for_s = 2 * HOUR;
    assert_false(setup_stages_is_over(of, config, NOW));
    assert_false(setup_stages_is_over(of, config, NOW + 2 * HOUR - 1));
    assert_true(setup_stages_is_over(of, config, NOW + 2 * HOUR));
    assert_int_equal(setup_stages_next(&stages, config), NOW + 2 * HOUR);
    /* a clock that was set back ends nothing */
    assert_false(setup_stages_is_over(of, config, NOW - 9 * HOUR));
    /* where nothing is brought in, nothing is over */
    assert_false(setup_stages_is_over(&stages.at[1], config, UINT64_MAX));
    /* a stage that the configuration has no more */
    config->stage_count = 1;
    assert_true(setup_stages_is_over(of, config, NOW));
    stages.at[0].newer = 0;
    assert_int_equal(setup_stages_next(&stages, config), UINT64_MAX);
    free(config);
}

#define HASH "0101010101010101010101010101010101010101010101010101010101010101"

/* A folder that breaks neither ends the stages nor brings the newer version in. */
static void a_broken_folder_leaves_the_stage_as_it_is(void **state)
{
    struct setup_stages stages = {.count = 0};
    struct setup_stages_change *changes = calloc(POLICY_LISTS_MAX, sizeof(changes[0]));
    struct setup_snapshot *snapshot = calloc(1, sizeof(*snapshot));

    (void)state;
    assert_non_null(changes);
    assert_non_null(snapshot);
    come(snapshot, 3, 0, 0);
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW, changes), 0);
    come(snapshot, 3, 5, 1);
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW, changes), 1);
    come(snapshot, 3, 0, 0);
    snapshot->lists[0].folder_broken = true;
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW + 9, changes), 0);
    assert_int_equal(stages.at[0].newer, 5);
    assert_int_equal(stages.at[0].stage, 1);
    assert_int_equal(stages.at[0].since_s, NOW);
    snapshot->lists[0].held = true; /* a rollback ends them all the same */
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW + 9, changes), 1);
    assert_int_equal(stages.at[0].newer, 0);
    free(snapshot);
    free(changes);
}

/* A clock that once ran years ahead does not hold a version back for years. */
static void a_stage_of_a_wrong_clock_begins_now(void **state)
{
    struct setup_stages stages = {.at = {{.newer = 5, .since_s = NOW + 1000 * HOUR},
                                         {.newer = 6, .since_s = NOW - HOUR},
                                         {.newer = 0, .since_s = 0}},
                                  .count = 3};

    (void)state;
    assert_true(setup_stages_mend_time(&stages, NOW));
    assert_int_equal(stages.at[0].since_s, NOW);
    assert_int_equal(stages.at[1].since_s, NOW - HOUR);
    assert_int_equal(stages.at[2].since_s, 0);
    assert_false(setup_stages_mend_time(&stages, NOW));
    assert_false(setup_stages_mend_time(&stages, NOW + 1));
}

static void what_is_written_reads_back(void **state)
{
    struct setup_stages stages = {
        .count = 2,
        .at = {{.id = "shop", .serial = 3, .newer = 4294967295u, .stage = 7, .since_s = NOW},
               {.id = "other", .serial = 4294967295u}}};
    struct setup_stages again;
    struct report report;
    char *text = malloc(SETUP_STAGES_OCTETS_MAX);

    (void)state;
    assert_non_null(text);
    memset(stages.at[0].hash, 1, DIGEST_OCTETS);
    const size_t len = setup_stages_print(&stages, text);
    assert_int_equal(strncmp(text,
                             "cordon-stages 1\nlist shop 3 " HASH " 4294967295 7 1800000000\n",
                             strlen("cordon-stages 1\nlist shop 3 " HASH " 4294967295 7 ")),
                     0);
    report_init(&report);
    setup_stages_parse(text, len, "t", &report, &again);
    assert_int_equal(report.count, 0);
    assert_true(setup_stages_equal(&again, &stages));
    again.at[1].hash[31]++;
    assert_false(setup_stages_equal(&again, &stages));
    again.at[1].hash[31]--;
    again.count = 1;
    assert_false(setup_stages_equal(&again, &stages));
    again.count = 2;
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(again.at[i].id, stages.at[i].id);
        assert_int_equal(again.at[i].serial, stages.at[i].serial);
        assert_int_equal(again.at[i].newer, stages.at[i].newer);
        assert_int_equal(again.at[i].stage, stages.at[i].stage);
        assert_int_equal(again.at[i].since_s, stages.at[i].since_s);
        assert_memory_equal(again.at[i].hash, stages.at[i].hash, DIGEST_OCTETS);
    }
    report_deinit(&report);
    free(text);
}

/* A faulty line costs itself alone; the good one behind it counts. */
static void faulty_lines_cost_themselves(void **state)
{
    static const char *const lines[] = {
        "list",
        "list shop",
        "list shop 3",
        "lost shop 3 " HASH,
        "list Shop 3 " HASH,
        "list ../shop 3 " HASH,
        "list -shop 3 " HASH,
        "list good 3 " HASH, /* the same twice, see below */
        "list shop -3 " HASH,
        "list shop 4294967296 " HASH,
        "list shop 3 " HASH "0",
        "list shop 3 0101",
        "list shop 3 " HASH " 5",
        "list shop 3 " HASH " 5 0",
        "list shop 3 " HASH " 3 0 1800000000", /* not newer */
        "list shop 3 " HASH " 5 9 1800000000", /* more stages than there can be */
        "list shop 3 " HASH " 5 0 x",
        "list shop 3 " HASH " 5 0 1800000000 more",
        "list shop 3 " HASH " 5 0 1800000000 more and more",
        "\x01",
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(lines); i++) {
        struct setup_stages stages;
        struct report report;
        char text[1024];

        snprintf(text, sizeof(text),
                 "cordon-stages 1\nlist good 3 " HASH "\n%s\nlist last 4 " HASH, lines[i]);
        report_init(&report);
        setup_stages_parse(text, strlen(text), "t", &report, &stages);
        if (stages.count != 2 || report.count != 1 || strcmp(stages.at[1].id, "last") != 0) {
            fail_msg("row %zu: %zu lists, %zu warnings", i, stages.count, report.count);
        }
        report_deinit(&report);
    }
}

static void another_file_is_none_of_ours(void **state)
{
    static const char *const texts[] = {"cordon-stages 2\nlist good 3 " HASH "\n", "\n",
                                        "list good 3 " HASH "\n"};
    struct setup_stages stages;

    (void)state;
    for (size_t i = 0; i < ITEMS(texts); i++) {
        struct report report;

        report_init(&report);
        setup_stages_parse(texts[i], strlen(texts[i]), "t", &report, &stages);
        assert_int_equal(stages.count, 0);
        assert_int_equal(report.count, 1);
        report_deinit(&report);
    }
    setup_stages_parse("", 0, "t", NULL, &stages);
    assert_int_equal(stages.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_goes_from_stage_to_stage),
        cmocka_unit_test(a_stage_is_over_when_its_time_is),
        cmocka_unit_test(a_broken_folder_leaves_the_stage_as_it_is),
        cmocka_unit_test(a_stage_of_a_wrong_clock_begins_now),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(faulty_lines_cost_themselves),
        cmocka_unit_test(another_file_is_none_of_ours),
    };
    return cmocka_run_group_tests_name("setup/stages", tests, NULL, NULL);
}
