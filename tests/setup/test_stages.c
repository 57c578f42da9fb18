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
    struct setup_stages_change *changes = calloc(SETUP_STAGES_LISTS_MAX, sizeof(*changes));

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
    /* a list that is in use no more, and was in force without stages, is forgotten */
    snapshot->list_count = 0;
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW, changes), 0);
    assert_int_equal(stages.count, 0);
    free(snapshot);
    free(changes);
}

/* Taken out of use, or left out for a while: it begins again when it is back, and never counts
 * for all at once. Over a restart, too. */
static void a_list_that_goes_and_comes_back_begins_again(void **state)
{
    struct setup_stages stages = {.count = 0};
    struct setup_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    struct setup_stages_change *changes = calloc(SETUP_STAGES_LISTS_MAX, sizeof(*changes));
    char *text = malloc(SETUP_STAGES_OCTETS_MAX);

    (void)state;
    assert_non_null(snapshot);
    assert_non_null(changes);
    assert_non_null(text);
    come(snapshot, 3, 0, 0);
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW, changes), 0);
    come(snapshot, 3, 5, 1);
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW, changes), 1);
    assert_true(setup_stages_spend(&stages, snapshot, 50));

    snapshot->list_count = snapshot->newer_count = 0; /* another list is in use alone */
    snapshot->lists[0].id[0] = '\0';
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW + 9, changes), 1);
    assert_int_equal(changes->what, SETUP_STAGES_ENDED);
    assert_int_equal(changes->before.newer, 5);
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW + 10, changes), 0); /* once */
    assert_int_equal(stages.count, 1);
    assert_true(stages.at[0].away);
    const size_t len = setup_stages_print(&stages, text);
    memset(&stages, 0, sizeof(stages));
    setup_stages_parse(text, len, "t", NULL, &stages);
    const struct setup_stages_of *of = setup_stages_find(&stages, "shop");
    assert_non_null(of);
    assert_true(of->away);
    assert_int_equal(of->serial, 3);
    assert_int_equal(of->newer, 5);
    assert_int_equal(of->stage, 0);
    assert_int_equal(of->spent_s, 0);

    come(snapshot, 3, 5, 0);
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW + 20, changes), 1);
    assert_int_equal(changes->what, SETUP_STAGES_BEGUN);
    assert_int_equal(stages.count, 1);
    assert_false(stages.at[0].away);
    assert_int_equal(stages.at[0].since_s, NOW + 20);
    assert_int_equal(stages.at[0].spent_s, 0);

    snapshot->list_count = snapshot->newer_count = 0; /* and back when 3 counts alone again */
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW + 30, changes), 1);
    come(snapshot, 3, 0, 0);
    assert_int_equal(setup_stages_take(&stages, snapshot, NOW + 31, changes), 0);
    assert_int_equal(stages.at[0].newer, 0);
    free(text);
    free(snapshot);
    free(changes);
}

/* As many as may be in use can go, and as many others be in use. */
static void there_is_room_for_those_that_are_away(void **state)
{
    struct setup_stages *stages = calloc(1, sizeof(*stages));
    struct setup_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    struct setup_stages_change *changes = calloc(SETUP_STAGES_LISTS_MAX, sizeof(*changes));

    (void)state;
    assert_non_null(stages);
    assert_non_null(snapshot);
    assert_non_null(changes);
    for (unsigned round = 0; round < 3; round++) {
        memset(snapshot, 0, sizeof(*snapshot));
        snapshot->list_count = snapshot->newer_count = POLICY_LISTS_MAX / 2;
        for (size_t i = 0; i < POLICY_LISTS_MAX / 2; i++) {
            snprintf(snapshot->lists[i].id, 65, "l%u-%zu", round, i);
            snapshot->lists[i].serial = 3;
            snapshot->staged[i] = (struct setup_staged){.held = 3, .newer = 5};
            memcpy(snapshot->staged[i].id, snapshot->lists[i].id, 65);
        }
        (void)setup_stages_take(stages, snapshot, NOW, changes);
        assert_int_equal(stages->count, (round + 1) * POLICY_LISTS_MAX / 2);
    }
    assert_string_equal(stages->at[0].id, "l2-0"); /* in use: first */
    assert_false(stages->at[0].away);
    for (unsigned round = 3; round < 9; round++) {
        for (size_t i = 0; i < POLICY_LISTS_MAX / 2; i++) {
            snprintf(snapshot->lists[i].id, 65, "l%u-%zu", round, i);
            memcpy(snapshot->staged[i].id, snapshot->lists[i].id, 65);
        }
        (void)setup_stages_take(stages, snapshot, NOW, changes);
        assert_true(stages->count <= SETUP_STAGES_LISTS_MAX);
    }
    assert_int_equal(stages->count, SETUP_STAGES_LISTS_MAX);
    free(stages);
    free(snapshot);
    free(changes);
}

static void a_stage_is_over_when_it_was_in_force_for_its_time(void **state)
{
    struct config *config = calloc(1, sizeof(*config));
    struct setup_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    struct setup_stages stages = {
        .count = 3,
        .at = {{.id = "shop", .serial = 3, .newer = 5, .stage = 1, .since_s = NOW},
               {.id = "b"},
               {.id = "c", .serial = 3, .newer = 5, .away = true}}};
    const struct setup_stages_of *of = &stages.at[0];

    (void)state;
    assert_non_null(config);
    assert_non_null(snapshot);
    come(snapshot, 3, 5, 1);
    config->stage_count = 2;
    config->stages[0].for_s = HOUR;
    config->stages[1].for_s = 2 * HOUR;
    assert_int_equal(setup_stages_left_s(of, config), 2 * HOUR);
    assert_true(setup_stages_spend(&stages, snapshot, 2 * HOUR - 1));
    assert_int_equal(setup_stages_left_s(of, config), 1);
    assert_int_equal(setup_stages_next_s(&stages, config), 1);
    assert_true(setup_stages_spend(&stages, snapshot, 1));
    assert_int_equal(setup_stages_next_s(&stages, config), 0);
    assert_true(setup_stages_spend(&stages, snapshot, 99 * HOUR));
    assert_int_equal(setup_stages_left_s(of, config), 0);
    /* where nothing is brought in, nothing is over */
    assert_int_equal(setup_stages_left_s(&stages.at[1], config), UINT64_MAX);
    assert_int_equal(setup_stages_left_s(&stages.at[2], config), UINT64_MAX);
    /* a stage that the configuration has no more */
    stages.at[0].spent_s = 0;
    config->stage_count = 1;
    assert_int_equal(setup_stages_left_s(of, config), 0);
    stages.at[0].newer = 0;
    assert_int_equal(setup_stages_next_s(&stages, config), UINT64_MAX);
    free(snapshot);
    free(config);
}

/* Time in which the newer version was not in force is not its time. */
static void only_time_in_force_counts(void **state)
{
    struct setup_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    struct setup_stages stages = {.count = 1,
                                  .at = {{.id = "shop", .serial = 3, .newer = 5, .stage = 1}}};

    (void)state;
    assert_non_null(snapshot);
    come(snapshot, 3, 0, 0); /* its folder is broken, and it waits */
    assert_false(setup_stages_spend(&stages, snapshot, 100));
    come(snapshot, 3, 6, 1); /* another one */
    assert_false(setup_stages_spend(&stages, snapshot, 100));
    come(snapshot, 3, 5, 0); /* at another stage */
    assert_false(setup_stages_spend(&stages, snapshot, 100));
    assert_int_equal(stages.at[0].spent_s, 0);
    come(snapshot, 3, 5, 1);
    assert_true(setup_stages_spend(&stages, snapshot, 100));
    assert_int_equal(stages.at[0].spent_s, 100);
    free(snapshot);
}

/* Whatever the wall clock says, 1970 or a year to come: a reload changes no time that was
 * spent, and each stage has its own from nothing. */
static void the_wall_clock_ends_no_stage(void **state)
{
    static const uint64_t clocks[] = {0, 100, NOW, NOW + 1000000 * (uint64_t)HOUR, NOW};
    struct setup_stages stages = {.count = 0};
    struct setup_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    struct setup_stages_change *changes = calloc(SETUP_STAGES_LISTS_MAX, sizeof(*changes));
    struct config *config = calloc(1, sizeof(*config));

    (void)state;
    assert_non_null(snapshot);
    assert_non_null(changes);
    assert_non_null(config);
    config->stage_count = 2;
    config->stages[0].for_s = config->stages[1].for_s = HOUR;
    come(snapshot, 3, 0, 0);
    (void)setup_stages_take(&stages, snapshot, NOW, changes);
    come(snapshot, 3, 5, 0);
    for (size_t i = 0; i < ITEMS(clocks); i++) {
        (void)setup_stages_take(&stages, snapshot, clocks[i], changes);
        assert_int_equal(setup_stages_next_s(&stages, config), HOUR - i);
        assert_true(setup_stages_spend(&stages, snapshot, 1));
    }
    come(snapshot, 3, 5, 1);
    (void)setup_stages_take(&stages, snapshot, NOW, changes);
    assert_int_equal(setup_stages_next_s(&stages, config), HOUR);
    free(config);
    free(snapshot);
    free(changes);
}

#define HASH "0101010101010101010101010101010101010101010101010101010101010101"

/* A folder that breaks neither ends the stages nor brings the newer version in. */
static void a_broken_folder_leaves_the_stage_as_it_is(void **state)
{
    struct setup_stages stages = {.count = 0};
    struct setup_stages_change *changes = calloc(SETUP_STAGES_LISTS_MAX, sizeof(changes[0]));
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

static void what_is_written_reads_back(void **state)
{
    struct setup_stages stages = {
        .count = 3,
        .at = {{.id = "shop",
                .serial = 3,
                .newer = 4294967295u,
                .stage = 7,
                .since_s = NOW,
                .spent_s = 86399},
               {.id = "other", .serial = 4294967295u},
               {.id = "gone", .serial = 3, .newer = 5, .away = true}}};
    struct setup_stages again;
    struct report report;
    char *text = malloc(SETUP_STAGES_OCTETS_MAX);

    (void)state;
    assert_non_null(text);
    memset(stages.at[0].hash, 1, DIGEST_OCTETS);
    const size_t len = setup_stages_print(&stages, text);
    assert_int_equal(
        strncmp(
            text, "cordon-stages 1\nlist shop 3 " HASH " 4294967295 7 1800000000 86399\n",
            strlen("cordon-stages 1\nlist shop 3 " HASH " 4294967295 7 1800000000 86399\n")),
        0);
    report_init(&report);
    setup_stages_parse(text, len, "t", &report, &again);
    assert_int_equal(report.count, 0);
    assert_true(setup_stages_equal(&again, &stages));
    again.at[1].hash[31]++;
    assert_false(setup_stages_equal(&again, &stages));
    again.at[1].hash[31]--;
    again.at[0].spent_s++;
    assert_false(setup_stages_equal(&again, &stages));
    again.at[0].spent_s--;
    again.at[1].away = true;
    assert_false(setup_stages_equal(&again, &stages));
    again.at[1].away = false;
    again.count = 2;
    assert_false(setup_stages_equal(&again, &stages));
    again.count = 3;
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(again.at[i].id, stages.at[i].id);
        assert_int_equal(again.at[i].serial, stages.at[i].serial);
        assert_int_equal(again.at[i].newer, stages.at[i].newer);
        assert_int_equal(again.at[i].stage, stages.at[i].stage);
        assert_int_equal(again.at[i].since_s, stages.at[i].since_s);
        assert_int_equal(again.at[i].spent_s, stages.at[i].spent_s);
        assert_int_equal(again.at[i].away, stages.at[i].away);
        assert_memory_equal(again.at[i].hash, stages.at[i].hash, DIGEST_OCTETS);
    }
    report_deinit(&report);
    free(text);
}

/* As it was written before time in force was: a stage begins its time. */
static void a_line_without_time_in_force_has_none(void **state)
{
    static const char text[] = "cordon-stages 1\nlist shop 3 " HASH " 5 1 1800000000\n";
    struct setup_stages stages;
    struct report report;

    (void)state;
    report_init(&report);
    setup_stages_parse(text, strlen(text), "t", &report, &stages);
    assert_int_equal(report.count, 0);
    assert_int_equal(stages.count, 1);
    assert_int_equal(stages.at[0].stage, 1);
    assert_int_equal(stages.at[0].since_s, 1800000000);
    assert_int_equal(stages.at[0].spent_s, 0);
    report_deinit(&report);
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
        "list shop 3 " HASH " 5 0 1800000000 7 more",
        "list shop 3 " HASH " 5 0 1800000000 -7",
        "list shop 3 " HASH " 5 0 1800000000 1000000000000", /* 13 digits */
        "away shop 3 " HASH,
        "away shop 3 " HASH " 3", /* not newer */
        "away shop 3 " HASH " x",
        "away shop 3 " HASH " 5 0 1800000000 0",
        "away Shop 3 " HASH " 5",
        "away good 3 " HASH " 5", /* the same twice */
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
        cmocka_unit_test(a_list_that_goes_and_comes_back_begins_again),
        cmocka_unit_test(there_is_room_for_those_that_are_away),
        cmocka_unit_test(a_stage_is_over_when_it_was_in_force_for_its_time),
        cmocka_unit_test(only_time_in_force_counts),
        cmocka_unit_test(the_wall_clock_ends_no_stage),
        cmocka_unit_test(a_broken_folder_leaves_the_stage_as_it_is),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(a_line_without_time_in_force_has_none),
        cmocka_unit_test(faulty_lines_cost_themselves),
        cmocka_unit_test(another_file_is_none_of_ours),
    };
    return cmocka_run_group_tests_name("setup/stages", tests, NULL, NULL);
}
