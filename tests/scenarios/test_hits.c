/*
 * Answers that the cache gives again and again: what is known of one from the first look at it
 * holds for as long as the lists do, and no longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"
#include "wire/writer.h"

#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static const struct world_list nothing = {.id = "n", .rules = "block suffix unrelated.test"};

/* Everything in an answer that a rule may be about. */
static const struct {
    const char *name;
    uint16_t type;
    const char *served, *rule;
    bool logs; /* a target: it is recorded, as the view says by default */
} rows[] = {
    {"a.example", WIRE_A, "a.example. 300 IN CNAME b.test.\nb.test. 300 IN A 192.0.2.1\n",
     "block suffix b.test", false},
    {"b.example", WIRE_A, "b.example. 300 IN A 198.51.100.7\n", "block prefix 198.51.100.0/24",
     false},
    {"c.example", WIRE_HTTPS, "c.example. 300 IN HTTPS 1 svc.test. alpn=h2\n",
     "block suffix svc.test", false},
    {"d.example", WIRE_HTTPS, "d.example. 300 IN HTTPS 1 . ipv4hint=198.51.100.9\n",
     "block prefix 198.51.100.9/32", false},
    {"e.example", WIRE_MX, "e.example. 300 IN MX 5 mail.test.\n", "block suffix mail.test",
     true},
};

/* So often that the answer is known. */
static void ask_again(struct world *world, const char *name, uint16_t type, const char *words)
{
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(world_words(world_ask(world, name, type)), words);
    }
}

static void a_known_answer_is_looked_at_anew_when_the_lists_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        const struct world_list list = {.id = "l", .rules = rows[i].rule};
        struct world *world = world_create();
        char before[WORLD_WORDS];

        world_serve(world, rows[i].name, rows[i].type, rows[i].served);
        world_adopt_lists(world, 1, &nothing);
        strcpy(before, world_words(world_ask(world, rows[i].name, rows[i].type)));
        ask_again(world, rows[i].name, rows[i].type, before);
        assert_string_equal(world_events(world), "");

        world_adopt_lists(world, 1, &list);
        for (unsigned j = 0; j < 3; j++) {
            struct world_reply *reply = world_ask(world, rows[i].name, rows[i].type);
            const char *words = world_words(reply);

            if (rows[i].logs ? strcmp(words, before) != 0
                             : strstr(words, "EDE 4 prov-l l 7") == NULL &&
                                   strstr(words, "EDE 15 prov-l l 7") == NULL) {
                fail_msg("%s: %s", rows[i].name, words);
            }
            assert_string_not_equal(world_events(world), "");
        }

        world_adopt_lists(world, 1, &nothing);
        ask_again(world, rows[i].name, rows[i].type, before);
        assert_string_equal(world_events(world), "");
        assert_int_equal(world_asked(world, rows[i].name), 1);
        world_destroy(world);
    }
}

/* One answer, two views of it: known only if it is no rule's business in either. */
static void a_known_answer_is_known_in_every_view(void **state)
{
    static const struct world_list lists[] = {{.id = "l", .rules = "block suffix b.test"}};
    static const struct world_view views[] = {
        {.name = "default", .use = "l=off"},
        {.name = "other", .clients = "127.0.1.0/24", .use = "l"},
    };
    const struct world_manner other = {.from = "127.0.1.9"};
    struct world *world = world_create();

    (void)state;
    world_serve(world, rows[0].name, rows[0].type, rows[0].served);
    world_adopt_views(world, 1, lists, ITEMS(views), views);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(world_records(world_ask(world, "a.example", WIRE_A)),
                            "a.example 300 CNAME b.test | b.test 300 A 192.0.2.1");
        assert_string_equal(world_records(world_ask_with(world, "a.example", WIRE_A, other)),
                            "a.example 10 A 0.0.0.0");
    }
    assert_int_equal(world->asked_count, 1);
    world_destroy(world);
}

/* A view that denies, and changes for a while, are about the asked name: no answer hides them.
 */
static void a_known_answer_does_not_hide_what_is_said_of_the_name(void **state)
{
    static const struct world_view open = {.name = "default"};
    static const struct world_view shut = {
        .name = "default", .deny = true, .allow = "other.test"};
    struct world *world = world_create();

    (void)state;
    world_serve(world, rows[1].name, rows[1].type, rows[1].served);
    world_adopt_views(world, 1, &nothing, 1, &open);
    ask_again(world, "b.example", WIRE_A, "NOERROR rd ra | b.example 300 A 198.51.100.7");
    world_adopt_views(world, 1, &nothing, 1, &shut);
    assert_string_equal(world_records(world_ask(world, "b.example", WIRE_A)),
                        "b.example 10 A 0.0.0.0");
    world_destroy(world);
}

/* What a list says of the name alone is said each time, whatever is known of its answer. */
static void a_known_answer_does_not_hide_what_is_recorded_of_the_name(void **state)
{
    static const struct world_list lists[] = {
        {.id = "l", .rules = "block suffix b.example", .mode = POLICY_MODE_LOG},
        {.id = "off", .rules = "block suffix x.test", .off = true},
    };
    const char *const answer = "NOERROR rd ra | b.example 300 A 198.51.100.7";
    struct world *world = world_create();

    (void)state;
    world_serve(world, rows[1].name, rows[1].type, rows[1].served);
    world_adopt_lists(world, ITEMS(lists), lists);
    for (unsigned i = 0; i < 5; i++) {
        assert_string_equal(world_words(world_ask(world, "b.example", WIRE_A)), answer);
        assert_non_null(strstr(world_events(world), "b.example"));
    }
    world_adopt_lists(world, 1, &nothing);
    ask_again(world, "b.example", WIRE_A, answer);
    assert_string_equal(world_events(world), "");
    assert_int_equal(world->asked_count, 1);
    world_destroy(world);
}

/* Neither does what is said of everybody's names, or of a client, in another view. */
static void known_only_where_the_name_is_let_through(const char *rules, const char *listed)
{
    const struct world_list list = {.id = "n", .rules = rules};
    static const struct world_view views[] = {
        {.name = "default"},
        {.name = "shut", .clients = "127.0.1.0/24", .deny = true},
        {.name = "barred", .clients = "127.0.2.0/24", .client = "block"},
        {.name = "watched", .clients = "127.0.3.0/24", .deny = true, .log_only = true},
    };
    static const char *const blocked_from[] = {"127.0.1.9", "127.0.2.9"};
    const char *const answer = "b.example 300 A 198.51.100.7";
    const char *const sinkhole = "b.example 10 A 0.0.0.0";
    struct world *world = world_create();

    world_serve(world, rows[1].name, rows[1].type, rows[1].served);
    world_adopt_views(world, 1, &list, ITEMS(views), views);
    for (unsigned i = 0; i < 4; i++) {
        struct world_manner manner = {.from = "127.0.0.1"};

        assert_string_equal(world_records(world_ask(world, "b.example", WIRE_A)), answer);
        assert_string_equal(world_events(world), "");
        for (size_t j = 0; j < ITEMS(blocked_from); j++) {
            manner.from = blocked_from[j];
            assert_string_equal(
                world_records(world_ask_with(world, "b.example", WIRE_A, manner)), sinkhole);
        }
        manner.from = "127.0.4.9";
        assert_string_equal(world_records(world_ask_with(world, "b.example", WIRE_A, manner)),
                            listed != NULL ? listed : answer);
        world_events(world);
        manner.from = "127.0.3.9";
        assert_string_equal(world_records(world_ask_with(world, "b.example", WIRE_A, manner)),
                            answer);
        assert_non_null(strstr(world_events(world), "b.example"));
    }
    assert_int_equal(world->asked_count, 1);
    world_destroy(world);
}

static void a_known_answer_is_known_only_where_the_name_is_let_through(void **state)
{
    (void)state;
    known_only_where_the_name_is_let_through("block suffix unrelated.test", NULL);
    known_only_where_the_name_is_let_through("block prefix 127.0.4.0/24 trigger=client",
                                             "b.example 10 A 0.0.0.0");
}

/* A pause does not change the lists: nothing has to be looked at anew, and what was blocked and
 * is not is. */
static void a_pause_begins_and_ends_over_known_answers(void **state)
{
    static const struct world_list list = {.id = "l", .rules = "block suffix b.test"};
    const char *const paused[] = {"l"};
    const struct policy_changes pause = {.paused = paused, .paused_count = 1};
    const struct policy_changes none = {0};
    struct world *world = world_create();

    (void)state;
    world_serve(world, rows[0].name, rows[0].type, rows[0].served);
    world_adopt_lists(world, 1, &list);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 3; j++) {
            assert_string_equal(world_records(world_ask(world, "a.example", WIRE_A)),
                                "a.example 10 A 0.0.0.0");
        }
        world_change(world, &pause);
        for (unsigned j = 0; j < 3; j++) {
            assert_string_equal(world_records(world_ask(world, "a.example", WIRE_A)),
                                "a.example 300 CNAME b.test | b.test 300 A 192.0.2.1");
        }
        world_change(world, &none);
    }
    world_destroy(world);
}

/* The operator's word about addresses of the place may change without a list. */
static void a_known_answer_does_not_lead_inside(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve(world, "inside.example", WIRE_A, "inside.example. 300 IN A 10.0.0.7\n");
    world->settings.rebinding_protection = false;
    world_adopt_lists(world, 1, &nothing);
    ask_again(world, "inside.example", WIRE_A, "NOERROR rd ra | inside.example 300 A 10.0.0.7");
    world->settings.rebinding_protection = true;
    assert_string_equal(world_records(world_ask(world, "inside.example", WIRE_A)),
                        "~inside.example 10 SOA minimum 10");
    assert_int_equal(world->asked_count, 1);
    world_destroy(world);
}

/* The letter case, id, flags and options are each client's, the TTL is what is left, and an
 * answer that is too large for a client is truncated: as at the first look. */
static void a_known_answer_is_made_for_who_asks(void **state)
{
    const struct world_manner no_edns = {.no_edns = true};
    const struct world_manner cd = {.checking_disabled = true};
    struct world *world = world_create();
    static const uint8_t mixed[] = "\1B\7eXample";
    uint8_t octets[64];
    char records[4096] = "";
    const size_t len = wire_question_write(octets, sizeof(octets), 7, 0, mixed, sizeof(mixed),
                                           WIRE_A, WIRE_IN, 1232, false);

    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        char line[64];

        snprintf(line, sizeof(line), "large.example. 300 IN A 198.51.100.%u\n", i);
        strcat(records, line);
    }
    world_serve(world, "large.example", WIRE_A, records);
    world_serve(world, "b.example", WIRE_A, rows[1].served);
    world_adopt_lists(world, 1, &nothing);
    for (unsigned i = 0; i < 4; i++) {
        char words[64];

        world_ask(world, "large.example", WIRE_A);
        assert_string_equal(
            world_words(world_ask_with(world, "large.example", WIRE_A, no_edns)),
            "NOERROR tc rd ra");
        snprintf(words, sizeof(words), "NOERROR rd ra | b.example %u A 198.51.100.7",
                 300 - 50 * i);
        struct world_reply *reply =
            world_send_octets(world, octets, len, (struct world_manner){0});
        world_pass(world, MILLISECONDS(100));
        assert_string_equal(world_words(reply), words);
        assert_memory_equal(reply->octets + 12, mixed, sizeof(mixed));
        snprintf(words, sizeof(words), "NOERROR rd ra cd | b.example %u A 198.51.100.7",
                 300 - 50 * i);
        assert_string_equal(world_words(world_ask_with(world, "b.example", WIRE_A, cd)), words);
        world_pass(world, SECONDS(50));
    }
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_answer_is_looked_at_anew_when_the_lists_change),
        cmocka_unit_test(a_known_answer_is_known_in_every_view),
        cmocka_unit_test(a_known_answer_does_not_hide_what_is_said_of_the_name),
        cmocka_unit_test(a_known_answer_does_not_hide_what_is_recorded_of_the_name),
        cmocka_unit_test(a_known_answer_is_known_only_where_the_name_is_let_through),
        cmocka_unit_test(a_pause_begins_and_ends_over_known_answers),
        cmocka_unit_test(a_known_answer_does_not_lead_inside),
        cmocka_unit_test(a_known_answer_is_made_for_who_asks),
    };

    return cmocka_run_group_tests_name("scenarios/hits", tests, NULL, NULL);
}
