/*
 * Schedules on the virtual clock: a policy is derived when what a real zone's clock shows calls
 * for another variant, as the daemon does on its tick; answers, hits and questions that wait
 * follow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/schedule.h"
#include "support/world.h"

#include <stdio.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))
#define NAME         "www.games.example"
#define ANSWER       NAME " 300 A 192.0.2.1"
#define BLOCKED      NAME " 10 A 0.0.0.0"

static const struct world_list lists[] = {
    {.id = "games", .rules = "block suffix games.example"}};

static const struct policy_list_setting enforced[] = {
    {"games", POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT}};
static const struct policy_view_variant night[] = {{.lists = enforced, .list_count = 1}};
static const struct world_view views[] = {
    {.name = "default", .use = "games=log", .variants = night, .variant_count = 1}};

/* A world, a place's clock, and a schedule there. */
struct place {
    struct world *world;
    struct zone *zone;
    struct schedule schedule;
    uint8_t variant;
    const struct policy_changes *changes; /* of people; NULL: none */
};

static uint64_t wall_of(const char *text)
{
    uint64_t wall_s = 0;

    assert_int_equal(clock_parse(text, strlen(text), &wall_s), 0);
    return wall_s * 1000000;
}

/* What the daemon does twice a second. */
static void tick(struct place *place)
{
    static const struct policy_changes none = {.pause_all = false};
    const int64_t now = (int64_t)(place->world->now.wall_us / 1000000);
    const uint8_t variant = schedule_holds(&place->schedule, place->zone, now) ? 1 : 0;

    if (variant != place->variant) {
        struct policy_changes changes = place->changes != NULL ? *place->changes : none;

        place->variant = variant;
        changes.variants = &variant;
        world_change(place->world, &changes);
    }
}

static void pass(struct place *place, uint64_t seconds)
{
    for (uint64_t i = 0; i < 2 * seconds; i++) {
        world_pass(place->world, MILLISECONDS(500));
        tick(place);
    }
}

static void set_clock(struct place *place, const char *text)
{
    place->world->now.wall_us = wall_of(text);
    tick(place);
}

static struct place make_place(const char *zone, unsigned from, unsigned to)
{
    struct place place = {
        .world = world_create(),
        .schedule = {.days = SCHEDULE_EVERY_DAY,
                     .spans = {{(uint16_t)(from / 100 * 60 + from % 100),
                                (uint16_t)(to / 100 * 60 + to % 100)}},
                     .span_count = 1},
    };

    assert_int_equal(zone_load("/usr/share/zoneinfo", zone, &place.zone), 0);
    world_adopt_views(place.world, ITEMS(lists), lists, ITEMS(views), views);
    world_serve(place.world, NAME, WIRE_A, NAME ". 300 IN A 192.0.2.1\n");
    return place;
}

static void leave(struct place *place)
{
    world_destroy(place->world);
    zone_free(place->zone);
}

static bool is_blocked(struct place *place)
{
    const char *words = world_words(world_ask(place->world, NAME, WIRE_A));

    if (strstr(words, BLOCKED) == NULL && strstr(words, NAME " ") == NULL) {
        fail_msg("%s", words);
    }
    return strstr(words, BLOCKED) != NULL;
}

static void answers_follow_the_clock_on_the_wall(void **state)
{
    static const struct {
        const char *zone;
        unsigned from, to;
        const char *moment;
        bool blocked;
    } cases[] = {
        {"Europe/Berlin", 230, 300, "2026-03-28T01:30:00Z", true},
        {"Europe/Berlin", 230, 300, "2026-03-28T02:00:00Z", false},
        /* the hour that is skipped */
        {"Europe/Berlin", 230, 300, "2026-03-29T00:59:59Z", false},
        {"Europe/Berlin", 230, 300, "2026-03-29T01:00:00Z", false},
        {"Europe/Berlin", 230, 300, "2026-03-29T01:30:00Z", false},
        /* and the one that is repeated */
        {"Europe/Berlin", 230, 300, "2026-10-25T00:30:00Z", true},
        {"Europe/Berlin", 230, 300, "2026-10-25T01:00:00Z", false},
        {"Europe/Berlin", 230, 300, "2026-10-25T01:30:00Z", true},
        {"Europe/Berlin", 230, 300, "2026-10-25T02:00:00Z", false},
        {"America/New_York", 100, 200, "2026-11-01T05:00:00Z", true},
        {"America/New_York", 100, 200, "2026-11-01T06:59:59Z", true},
        {"America/New_York", 100, 200, "2026-11-01T07:00:00Z", false},
        {"Australia/Lord_Howe", 145, 200, "2026-04-04T14:50:00Z", true},
        {"Australia/Lord_Howe", 145, 200, "2026-04-04T15:05:00Z", false},
        {"Australia/Lord_Howe", 145, 200, "2026-04-04T15:20:00Z", true},
        {"Africa/Casablanca", 2000, 2100, "2026-02-14T19:30:00Z", true},
        {"Africa/Casablanca", 2000, 2100, "2026-02-15T19:30:00Z", false},
        {"Africa/Casablanca", 2000, 2100, "2026-02-15T20:30:00Z", true},
        {"Pacific/Apia", 2300, 2400, "2011-12-30T09:59:00Z", true},
        {"Pacific/Apia", 0, 100, "2011-12-30T10:00:00Z", true},
        {"UTC", 2200, 600, "2026-10-25T05:59:59Z", true},
        {"UTC", 2200, 600, "2026-10-25T06:00:00Z", false},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct place place = make_place(cases[i].zone, cases[i].from, cases[i].to);

        set_clock(&place, cases[i].moment);
        if (is_blocked(&place) != cases[i].blocked) {
            fail_msg("%s %04u-%04u at %s", cases[i].zone, cases[i].from, cases[i].to,
                     cases[i].moment);
        }
        leave(&place);
    }
}

static void a_switch_comes_within_a_second_and_needs_no_new_question_upstream(void **state)
{
    struct place place = make_place("Europe/Berlin", 230, 300);

    (void)state;
    set_clock(&place, "2026-03-28T01:29:58Z");
    assert_false(is_blocked(&place));
    pass(&place, 1);
    assert_false(is_blocked(&place));
    pass(&place, 1); /* 01:30:00 */
    assert_true(is_blocked(&place));
    set_clock(&place, "2026-03-28T01:59:59Z");
    assert_true(is_blocked(&place));
    pass(&place, 1);
    assert_false(is_blocked(&place)); /* from the cache: it was never flushed */
    assert_int_equal(world_asked(place.world, NAME), 1);
    leave(&place);
}

static void a_question_that_waits_is_decided_by_what_holds_then(void **state)
{
    struct place place = make_place("UTC", 600, 700);

    (void)state;
    place.world->servers[0].delay_us = MILLISECONDS(1500);
    /* It begins while the answer is on its way. */
    set_clock(&place, "2026-11-25T05:59:59Z");
    struct world_reply *reply =
        world_send(place.world, NAME, WIRE_A, (struct world_manner){.tcp = false});
    pass(&place, 3);
    assert_int_equal(reply->sent, 1);
    assert_non_null(strstr(world_words(reply), BLOCKED));
    leave(&place);

    /* It ends while a question waits: what was only looked up is answered. */
    place = make_place("UTC", 500, 600);
    place.world->servers[0].delay_us = MILLISECONDS(1500);
    set_clock(&place, "2026-11-25T05:59:59Z");
    assert_true(is_blocked(&place)); /* at once, and nobody is asked */
    pass(&place, 1);
    reply = world_send(place.world, NAME, WIRE_A, (struct world_manner){.tcp = false});
    pass(&place, 3);
    assert_non_null(strstr(world_words(reply), ANSWER));
    leave(&place);
}

static void clocks_that_jump_are_followed_both_ways(void **state)
{
    struct place place = make_place("Europe/Berlin", 230, 300);

    (void)state;
    set_clock(&place, "2026-03-28T01:45:00Z");
    assert_true(is_blocked(&place));
    set_clock(&place, "2036-07-01T12:00:00Z");
    assert_false(is_blocked(&place));
    set_clock(&place, "2011-01-02T01:59:59Z");
    assert_true(is_blocked(&place));
    set_clock(&place, "2011-01-01T00:00:00Z");
    assert_false(is_blocked(&place));
    leave(&place);
}

static void a_pause_holds_over_switches(void **state)
{
    const struct policy_changes paused = {.pause_all = true};
    struct place place = make_place("UTC", 600, 700);

    (void)state;
    place.changes = &paused;
    set_clock(&place, "2026-11-25T06:00:00Z");
    assert_false(is_blocked(&place));
    assert_non_null(strstr(world_events(place.world), "logged"));
    set_clock(&place, "2026-11-25T07:00:00Z");
    place.changes = NULL;
    assert_false(is_blocked(&place));
    set_clock(&place, "2026-11-26T06:00:00Z");
    assert_true(is_blocked(&place));
    leave(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_follow_the_clock_on_the_wall),
        cmocka_unit_test(a_switch_comes_within_a_second_and_needs_no_new_question_upstream),
        cmocka_unit_test(a_question_that_waits_is_decided_by_what_holds_then),
        cmocka_unit_test(clocks_that_jump_are_followed_both_ways),
        cmocka_unit_test(a_pause_holds_over_switches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
