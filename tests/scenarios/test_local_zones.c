/* Zones that the operator wrote: whole answers, and nothing about their names leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "setup/names.h"
#include "support/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char zone[] = "$ORIGIN home.lan.\n"
                           "$TTL 600\n"
                           "@ SOA ns hostmaster 1 1h 1h 1d 60\n"
                           "  NS ns\n"
                           "  MX 10 mail\n"
                           "ns A 10.0.0.1\n"
                           "mail A 10.0.0.2\n"
                           "  AAAA fd00::2\n"
                           "www CNAME web.inner\n"
                           "web.inner 30 A 10.0.0.3\n"
                           "lost CNAME none.inner\n"
                           "*.w CNAME www\n"
                           "t TXT \"hello\"\n";

/* Lets the engine adopt these options with the zone; the caller frees what it gives after the
 * world. */
static struct local_names *adopt(struct world *world, const char *text, const char *options)
{
    char path[] = "/tmp/cordon-zone-XXXXXX";
    char words[512];
    const int file = mkstemp(path);
    struct local_names *names = NULL;
    struct config *config = NULL;
    struct report report;

    assert_int_equal(random_library_init(), 0);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (int)strlen(text));
    close(file);
    snprintf(words, sizeof(words), "local: {zones: [%s], ttl: 7s%s}", path, options);
    assert_int_equal(config_parse(words, strlen(words), "t", "/", NULL, &config), 0);
    report_init(&report);
    if (setup_names(config, &report, &names) != 0) {
        report_print(&report, stderr);
        fail_msg("refused");
    }
    report_deinit(&report);
    config_free(config);
    unlink(path);
    world->settings.local_names = names;
    world_adopt(world, {.id = "l", .rules = "block suffix home.lan\nblock suffix lan.example"});
    return names;
}

#define DATA(records)   "NOERROR rd ra | " records
#define NEGATIVE(rcode) rcode " rd ra | ~home.lan 60 SOA minimum 60"

static void a_zone_is_answered_here_whole(void **state)
{
    static const struct {
        const char *name;
        uint16_t type;
        const char *words;
    } rows[] = {
        {"home.lan", WIRE_SOA, DATA("home.lan 600 SOA minimum 60")},
        {"home.lan", WIRE_NS, DATA("home.lan 600 NS ns.home.lan")},
        {"home.lan", WIRE_MX, DATA("home.lan 600 MX")},
        {"home.lan", WIRE_A, NEGATIVE("NOERROR")},
        {"home.lan", WIRE_DS, NEGATIVE("NOERROR")},
        {"mail.home.lan", WIRE_A, DATA("mail.home.lan 600 A 10.0.0.2")},
        {"mail.home.lan", WIRE_AAAA, DATA("mail.home.lan 600 AAAA fd00::2")},
        {"mail.home.lan", WIRE_HTTPS, NEGATIVE("NOERROR")},
        {"mail.home.lan", WIRE_ANY, DATA("mail.home.lan 300 HINFO RFC8482")},
        {"none.home.lan", WIRE_ANY, NEGATIVE("NXDOMAIN")},
        {"inner.home.lan", WIRE_A, NEGATIVE("NOERROR")},
        {"none.home.lan", WIRE_A, NEGATIVE("NXDOMAIN")},
        /* aliases: to their end, whatever that is; and asked for themselves */
        {"www.home.lan", WIRE_A,
         DATA("www.home.lan 600 CNAME web.inner.home.lan | web.inner.home.lan 30 A 10.0.0.3")},
        {"www.home.lan", WIRE_CNAME, DATA("www.home.lan 600 CNAME web.inner.home.lan")},
        {"www.home.lan", WIRE_AAAA,
         DATA("www.home.lan 600 CNAME web.inner.home.lan | ~home.lan 60 SOA minimum 60")},
        {"lost.home.lan", WIRE_A,
         "NXDOMAIN rd ra | lost.home.lan 600 CNAME none.inner.home.lan | ~home.lan 60 SOA "
         "minimum 60"},
        {"any.w.home.lan", WIRE_A,
         DATA("any.w.home.lan 600 CNAME www.home.lan | www.home.lan 600 CNAME "
              "web.inner.home.lan | web.inner.home.lan 30 A 10.0.0.3")},
        {"t.home.lan", WIRE_TXT, DATA("t.home.lan 600 TXT")},
        /* the way back, with the TTL of local names */
        {"2.0.0.10.in-addr.arpa", WIRE_PTR, DATA("2.0.0.10.in-addr.arpa 7 PTR mail.home.lan")},
    };
    struct world *world = world_create();
    struct local_names *names = adopt(world, zone, "");

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (unsigned manner = 0; manner < 3; manner++) {
            const struct world_manner manners[] = {{0}, {.tcp = true}, {.no_edns = true}};
            const char *words =
                world_words(world_ask_with(world, rows[i].name, rows[i].type, manners[manner]));
            if (strcmp(words, rows[i].words) != 0) {
                fail_msg("%s %u: \"%s\", not \"%s\"", rows[i].name, rows[i].type, words,
                         rows[i].words);
            }
        }
    }
    assert_int_equal(world->asked_count, 0);
    assert_int_equal(query_engine_counters(world->engine)->local, 3 * COUNT(rows));
    assert_string_equal(world_events(world), ""); /* though a list names the zone */
    world_destroy(world);
    local_names_free(names);
}

static void private_addresses_in_a_zone_are_no_rebinding(void **state)
{
    struct world *world = world_create();

    (void)state;
    world->settings.rebinding_protection = true;
    struct local_names *names = adopt(world, zone, "");
    assert_string_equal(world_words(world_ask(world, "mail.home.lan", WIRE_A)),
                        DATA("mail.home.lan 600 A 10.0.0.2"));
    assert_int_equal(query_engine_counters(world->engine)->rebinding, 0);
    world_destroy(world);
    local_names_free(names);
}

/* The strictest of all: a page of another zone may not use an alias to lead inside. */
static void an_alias_from_outside_into_a_zone_is_not_followed(void **state)
{
    struct world *world = world_create();
    struct local_names *names = adopt(world, zone, "");

    (void)state;
    world_serve(world, "evil.example", WIRE_A, "evil.example. 60 IN CNAME mail.home.lan.\n");
    assert_string_equal(world_records(world_ask(world, "evil.example", WIRE_AAAA)), "");
    const char *words = world_words(world_ask(world, "evil.example", WIRE_A));
    assert_null(strstr(words, "10.0.0.2"));
    assert_int_equal(world_asked(world, "mail.home.lan"), 0);
    world_destroy(world);
    local_names_free(names);
}

static void a_zone_inside_that_others_serve_is_asked_of_them(void **state)
{
    struct world *world = world_create();
    struct local_names *names = adopt(world, zone, "");
    struct query_zone forwarded = {.context = 7, .exempt = true};

    (void)state;
    assert_int_equal(wire_name_from_text("ad.home.lan", 11, &forwarded.name), WIRE_TEXT_OK);
    world->settings.zones = &forwarded;
    world->settings.zone_count = 1;
    world_adopt(world, {.id = "l", .rules = "block suffix none.example"});
    world_send(world, "x.ad.home.lan", WIRE_A, (struct world_manner){0});
    assert_int_equal(query_engine_counters(world->engine)->local, 0);
    assert_string_equal(world_words(world_ask(world, "x.home.lan", WIRE_A)),
                        NEGATIVE("NXDOMAIN"));
    world_destroy(world);
    local_names_free(names);
}

/* Over UDP told so, over TCP whole: the most that one name may have. */
static void the_largest_answer_fits_over_tcp(void **state)
{
    char *text = calloc(1, 120000);
    size_t used = 0;
    struct world *world = world_create();

    (void)state;
    assert_non_null(text);
    used += (size_t)sprintf(text, "$ORIGIN home.lan.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n");
    for (unsigned i = 0; i < 191; i++) {
        used += (size_t)sprintf(text + used, "big TXT \"%03u%0252u\"\n", i, 0);
    }
    for (unsigned i = 0; i < 11; i++) { /* and the longest way to it */
        char label[64];
        memset(label, 'a' + (int)i, 63);
        label[63] = '\0';
        used += (size_t)sprintf(text + used, "%s.%s.%s CNAME ", label, label, label);
        memset(label, 'b' + (int)i, 63);
        used += i == 10 ? (size_t)sprintf(text + used, "big\n")
                        : (size_t)sprintf(text + used, "%s.%s.%s\n", label, label, label);
    }
    struct local_names *names = adopt(world, text, "");
    char first[256];
    char label[64];
    memset(label, 'a', 63);
    label[63] = '\0';
    snprintf(first, sizeof(first), "%s.%s.%s.home.lan", label, label, label);
    struct world_reply *reply = world_ask(world, first, WIRE_TXT);
    assert_string_equal(world_words(reply), "NOERROR tc rd ra");
    reply = world_ask_with(world, first, WIRE_TXT, (struct world_manner){.tcp = true});
    assert_int_equal(wire_get16(reply->octets + 2) & WIRE_FLAG_TC, 0);
    assert_int_equal(wire_get16(reply->octets + 6), 11 + 191);
    world_destroy(world);
    local_names_free(names);
    free(text);
}

static void questions_without_rd_and_from_strangers(void **state)
{
    struct world *world = world_create();
    struct local_names *names = adopt(world, zone, "");

    (void)state;
    assert_string_equal(
        world_words(world_ask_with(world, "mail.home.lan", WIRE_A,
                                   (struct world_manner){.no_recursion = true})),
        "NOERROR ra | mail.home.lan 600 A 10.0.0.2");
    assert_string_equal(
        world_words(world_ask_with(world, "mail.home.lan", WIRE_A,
                                   (struct world_manner){.from = "198.51.100.7"})),
        "REFUSED rd ra | EDE 18 this client is not in an access network");
    world_destroy(world);
    local_names_free(names);
}

static void a_redirect_into_a_zone_asks_nobody(void **state)
{
    struct world *world = world_create();
    struct local_names *names = adopt(world, zone, "");

    (void)state;
    world_adopt(world,
                {.id = "l", .rules = "block suffix bad.example action=redirect:www.home.lan"});
    const char *words = world_words(world_ask(world, "bad.example", WIRE_A));
    assert_non_null(strstr(words, "CNAME www.home.lan | www.home.lan 600 CNAME "
                                  "web.inner.home.lan | web.inner.home.lan 30 A 10.0.0.3"));
    assert_int_equal(world->asked_count, 0);
    world_destroy(world);
    local_names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_is_answered_here_whole),
        cmocka_unit_test(private_addresses_in_a_zone_are_no_rebinding),
        cmocka_unit_test(an_alias_from_outside_into_a_zone_is_not_followed),
        cmocka_unit_test(a_zone_inside_that_others_serve_is_asked_of_them),
        cmocka_unit_test(the_largest_answer_fits_over_tcp),
        cmocka_unit_test(questions_without_rd_and_from_strangers),
        cmocka_unit_test(a_redirect_into_a_zone_asks_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
