/* Questions of class CH: what operators are told, and that nobody else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"
#include "wire/writer.h"

#include <stdio.h>
#include <string.h>

#define OPERATOR "192.0.2.200"
#define OTHER    "198.51.100.9"

/* A page of 1,000 octets, and one of few. */
static uint8_t long_page[QUERY_TOLD_PAGE_MAX];
static const uint8_t first_page[] = "\x05total\x05parts";
static const uint8_t second_page[] = "\x06second";

static const struct query_told_page list_pages[] = {{long_page, sizeof(long_page)},
                                                    {second_page, sizeof(second_page) - 1}};
static const struct query_told_page view_pages[] = {{second_page, sizeof(second_page) - 1}};
static const struct query_told told = {
    .first = {first_page, sizeof(first_page) - 1},
    .parts = {{"lists", list_pages, 2}, {"views", view_pages, 1}},
    .count = 2};

static struct world *told_world(void)
{
    struct world *world = world_create();

    memset(long_page, 'x', sizeof(long_page));
    for (size_t at = 0; at < sizeof(long_page); at += 256) {
        long_page[at] = 255;
    }
    world->settings.told = &told;
    world->settings.operator_count = 1;
    assert_int_equal(address_prefix_parse("192.0.2.200/32", 14, &world->settings.operators[0]),
                     0);
    assert_int_equal(address_prefix_parse("0.0.0.0/0", 9, &world->settings.access[0]), 0);
    assert_int_equal(address_prefix_parse("::/0", 4, &world->settings.access[1]), 0);
    world->settings.access_count = 2;
    world_adopt(world, {.id = "l", .rules = "block suffix fingerprint.cordon"});
    return world;
}

/* The answer in words: "NOERROR 1 255", the response code and the lengths of all strings. */
static const char *ask(struct world *world, const char *name, uint16_t type, uint16_t class,
                       struct world_manner manner)
{
    static char words[512];
    uint8_t question[512];
    struct wire_name wire;
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;

    assert_int_equal(wire_name_from_text(name, strlen(name), &wire), 0);
    const size_t len = wire_question_write(
        question, sizeof(question), 77, WIRE_FLAG_RD, wire.octets, wire.len, type, class,
        manner.no_edns ? 0 : (manner.udp_size != 0 ? manner.udp_size : 1232), false);
    assert_true(len > 0);
    struct world_reply *reply = world_send_octets(world, question, len, manner);
    if (reply->sent == 0) {
        return reply->in_use ? "waits" : "nothing";
    }
    assert_int_equal(wire_message_open(reply->octets, reply->len, &message), WIRE_OK);
    assert_int_equal(message.id, 77);
    assert_int_equal(message.class, class);
    if (!manner.tcp) {
        assert_true(reply->len <= (manner.no_edns ? 512u : 1232u));
    }
    int used = snprintf(words, sizeof(words), "%s%s",
                        (message.flags & WIRE_RCODE_MASK) == WIRE_NOERROR    ? "NOERROR"
                        : (message.flags & WIRE_RCODE_MASK) == WIRE_NXDOMAIN ? "NXDOMAIN"
                        : (message.flags & WIRE_RCODE_MASK) == WIRE_REFUSED  ? "REFUSED"
                                                                             : "?",
                        (message.flags & WIRE_FLAG_TC) != 0 ? " tc" : "");
    wire_cursor_start(&cursor, &message);
    while (wire_cursor_next(&cursor, &record) == 1) {
        struct wire_name owner;

        if (record.type == WIRE_OPT) {
            continue;
        }
        assert_int_equal(record.type, WIRE_TXT);
        assert_int_equal(record.class, WIRE_CH);
        assert_int_equal(record.ttl, 0);
        assert_int_equal(record.section, WIRE_ANSWER);
        assert_int_equal(wire_record_owner(&message, &record, &owner), WIRE_OK);
        assert_true(wire_name_equal(&owner, &wire));
        for (size_t at = 0; at < record.rdata_len;
             at += 1u + reply->octets[record.rdata + at]) {
            used += snprintf(words + used, sizeof(words) - (size_t)used, " %u",
                             reply->octets[record.rdata + at]);
        }
    }
    return words;
}

#define BY_OPERATOR       \
    (struct world_manner) \
    {                     \
        .from = OPERATOR  \
    }

static void operators_are_told_and_nothing_is_asked_elsewhere(void **state)
{
    static const struct {
        const char *name;
        uint16_t type;
        const char *answer;
    } rows[] = {
        {"fingerprint.cordon", WIRE_TXT, "NOERROR 5 5"},
        {"FingerPrint.CORDON", WIRE_TXT, "NOERROR 5 5"},
        {"fingerprint.cordon", WIRE_ANY, "NOERROR 5 5"},
        {"fingerprint.cordon", WIRE_A, "NOERROR"},
        {"lists.fingerprint.cordon", WIRE_TXT, "NOERROR 255 255 255 255"},
        {"1.lists.fingerprint.cordon", WIRE_TXT, "NOERROR 255 255 255 255"},
        {"2.lists.fingerprint.cordon", WIRE_TXT, "NOERROR 6"},
        {"views.fingerprint.cordon", WIRE_TXT, "NOERROR 6"},
        {"2.views.fingerprint.cordon", WIRE_TXT, "NXDOMAIN"},
        {"0.lists.fingerprint.cordon", WIRE_TXT, "NXDOMAIN"},
        {"01.lists.fingerprint.cordon", WIRE_TXT, "NXDOMAIN"},
        {"3.lists.fingerprint.cordon", WIRE_TXT, "NXDOMAIN"},
        {"x.lists.fingerprint.cordon", WIRE_TXT, "NXDOMAIN"},
        {"18446744073709551617.lists.fingerprint.cordon", WIRE_TXT, "NXDOMAIN"},
        {"1.1.lists.fingerprint.cordon", WIRE_TXT, "NXDOMAIN"},
        {"list.fingerprint.cordon", WIRE_TXT, "NXDOMAIN"},
        {"listss.fingerprint.cordon", WIRE_TXT, "NXDOMAIN"},
        {"1.fingerprint.cordon", WIRE_TXT, "NXDOMAIN"},
        {"cordon", WIRE_TXT, "REFUSED"},
        {"fingerprint.cordon.example", WIRE_TXT, "REFUSED"},
        {"xfingerprint.cordon", WIRE_TXT, "REFUSED"},
        {".", WIRE_TXT, "REFUSED"},
        {"version.bind", WIRE_TXT, "REFUSED"},
        {"id.server", WIRE_TXT, "REFUSED"},
        {"hostname.bind", WIRE_TXT, "REFUSED"},
        {"fingerprint.cordon", 252 /* AXFR */, "REFUSED"},
    };
    struct world *world = told_world();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *words = ask(world, rows[i].name, rows[i].type, WIRE_CH, BY_OPERATOR);

        if (strcmp(words, rows[i].answer) != 0) {
            fail_msg("%s: %s, not %s", rows[i].name, words, rows[i].answer);
        }
        /* and over TCP the same */
        struct world_manner over_tcp = BY_OPERATOR;
        over_tcp.tcp = true;
        assert_string_equal(ask(world, rows[i].name, rows[i].type, WIRE_CH, over_tcp),
                            rows[i].answer);
    }
    assert_int_equal(world_asked(world, "fingerprint.cordon"), 0);
    assert_int_equal(world->asked_count, 0);
    assert_int_equal(world->event_count, 0);
    world_destroy(world);
}

static void all_others_are_refused_whatever_they_ask(void **state)
{
    static const char *const names[] = {"fingerprint.cordon", "lists.fingerprint.cordon",
                                        "9.lists.fingerprint.cordon", "version.bind"};
    static const char *const clients[] = {OTHER, "192.0.2.201", "127.0.0.1", "2001:db8::1",
                                          "::1"};
    struct world *world = told_world();

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t k = 0; k < sizeof(clients) / sizeof(clients[0]); k++) {
            for (unsigned tcp = 0; tcp < 2; tcp++) {
                assert_string_equal(
                    ask(world, names[i], WIRE_TXT, WIRE_CH,
                        (struct world_manner){.from = clients[k], .tcp = tcp != 0}),
                    "REFUSED");
            }
        }
    }
    /* an operator behind a socket for both families is one */
    assert_string_equal(ask(world, "fingerprint.cordon", WIRE_TXT, WIRE_CH,
                            (struct world_manner){.from = "::ffff:" OPERATOR}),
                        "NOERROR 5 5");
    assert_int_equal(world->asked_count, 0);
    /* nobody is an operator, or there is nothing to be told */
    world->settings.operator_count = 0;
    assert_string_equal(ask(world, "fingerprint.cordon", WIRE_TXT, WIRE_CH, BY_OPERATOR),
                        "REFUSED");
    world->settings.operator_count = 1;
    world->settings.told = NULL;
    assert_string_equal(ask(world, "fingerprint.cordon", WIRE_TXT, WIRE_CH, BY_OPERATOR),
                        "REFUSED");
    world_destroy(world);
}

static void who_is_not_served_is_told_nothing(void **state)
{
    struct world *world = told_world();

    (void)state;
    assert_int_equal(address_prefix_parse("198.51.100.0/24", 15, &world->settings.access[0]),
                     0);
    assert_string_equal(ask(world, "fingerprint.cordon", WIRE_TXT, WIRE_CH, BY_OPERATOR),
                        "REFUSED");
    world->settings.refuse_silently = true;
    assert_string_equal(ask(world, "fingerprint.cordon", WIRE_TXT, WIRE_CH, BY_OPERATOR),
                        "nothing");
    world_destroy(world);
}

static void a_page_that_does_not_fit_is_asked_again_over_tcp(void **state)
{
    struct world *world = told_world();

    (void)state;
    assert_string_equal(ask(world, "lists.fingerprint.cordon", WIRE_TXT, WIRE_CH,
                            (struct world_manner){.from = OPERATOR, .no_edns = true}),
                        "NOERROR tc");
    assert_string_equal(
        ask(world, "lists.fingerprint.cordon", WIRE_TXT, WIRE_CH,
            (struct world_manner){.from = OPERATOR, .no_edns = true, .tcp = true}),
        "NOERROR 255 255 255 255");
    world_destroy(world);
}

static void rates_count_for_operators_too(void **state)
{
    struct world *world = told_world();
    unsigned told_so = 0;

    (void)state;
    world->settings.rate_per_s = 1;
    world->settings.rate_slip = 0;
    for (unsigned i = 0; i < 50; i++) {
        told_so += strcmp(ask(world, "fingerprint.cordon", WIRE_TXT, WIRE_CH, BY_OPERATOR),
                          "NOERROR 5 5") == 0;
    }
    assert_int_equal(told_so, 5); /* five seconds' worth */
    world_destroy(world);
}

/* The same names in class IN are names like any other: here a list blocks them. */
static void in_class_in_they_are_names_like_any_other(void **state)
{
    struct world *world = told_world();

    (void)state;
    assert_string_equal(
        world_records(world_ask_with(world, "fingerprint.cordon", WIRE_A, BY_OPERATOR)),
        "fingerprint.cordon 10 A 0.0.0.0");
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_are_told_and_nothing_is_asked_elsewhere),
        cmocka_unit_test(all_others_are_refused_whatever_they_ask),
        cmocka_unit_test(who_is_not_served_is_told_nothing),
        cmocka_unit_test(a_page_that_does_not_fit_is_asked_again_over_tcp),
        cmocka_unit_test(rates_count_for_operators_too),
        cmocka_unit_test(in_class_in_they_are_names_like_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
