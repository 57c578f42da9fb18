/* What RFCs ask of a forwarder and no other scenario shows; docs/rfc.md says which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NAME    "www.example"
#define RECORDS NAME " 60 A 192.0.2.1"
#define SERVED  NAME ". 60 IN A 192.0.2.1\n"
#define SOA     "example. 900 IN SOA a.example. b.example. 1 2 3 4 60\n"

/* www.example A: header with these flags and ARCOUNT, then what follows the question. */
static struct world_reply *ask_octets(struct world *world, unsigned flags,
                                      const char *additional, size_t additional_len)
{
    static const char question[] = "\x03www\x07"
                                   "example\0\0\x01\0\x01";
    const size_t question_len = sizeof(question) - 1;
    uint8_t octets[512] = {0x12, 0x34, (uint8_t)(flags >> 8), (uint8_t)flags, 0, 1};

    octets[11] = additional_len > 0 ? 1 : 0;
    memcpy(octets + 12, question, question_len);
    memcpy(octets + 12 + question_len, additional, additional_len);
    return world_send_octets(world, octets, 12 + question_len + additional_len,
                             (struct world_manner){0});
}

/* RFC 1035, 4.1.1; RFC 6840, 5.7: AD in a question only asks for AD, and we have none to give.
 */
static void header_bits_without_a_meaning_in_questions_are_ignored(void **state)
{
    static const unsigned bits[] = {WIRE_FLAG_AA,   WIRE_FLAG_TC, WIRE_FLAG_RA,
                                    0x0040 /* Z */, WIRE_FLAG_AD, 0x000f /* a response code */};

    (void)state;
    for (size_t i = 0; i < COUNT(bits); i++) {
        struct world *world = world_create();

        world_serve(world, NAME, WIRE_A, SERVED);
        for (unsigned turn = 0; turn < 2; turn++) { /* from the upstream, from the cache */
            struct world_reply *reply = ask_octets(world, WIRE_FLAG_RD | bits[i], "", 0);

            world_pass(world, SECONDS(1));
            assert_string_equal(world_words(reply), "NOERROR rd ra | " RECORDS);
            assert_int_equal(wire_get16(reply->octets + 2),
                             WIRE_FLAG_QR | WIRE_FLAG_RD | WIRE_FLAG_RA);
        }
        assert_int_equal(world->servers[0].last_flags, WIRE_FLAG_RD);
        world_destroy(world);
    }
}

/* RFC 4035, 3.2.2 and 3.2.3: nobody has validated what an upstream calls authentic. */
static void an_upstreams_ad_reaches_nobody(void **state)
{
    static const char *const words[] = {
        "NOERROR rd ra | " RECORDS, "NOERROR rd ra | " RECORDS " | do",
        "NOERROR rd ra cd | " RECORDS, "NOERROR rd ra cd | " RECORDS " | do"};
    struct world *world = world_create();

    (void)state;
    world->servers[0].manners = SERVER_SETS_AD;
    world_serve(world, NAME, WIRE_A, SERVED);
    for (unsigned i = 0; i < 8; i++) { /* each from the upstream, then from the cache */
        const struct world_manner manner = {.dnssec_ok = i & 1, .checking_disabled = i & 2};
        struct world_reply *reply = world_ask_with(world, NAME, WIRE_A, manner);

        assert_string_equal(world_words(reply), words[i & 3]);
        assert_int_equal(world->asked_count, i < 4 ? i + 1 : 4);
    }
    world_destroy(world);
}

/* RFC 6891, 6.1.3: the low four bits alone would say NOERROR or NXDOMAIN. */
static void the_upper_bits_of_a_response_code_count(void **state)
{
    static const unsigned codes[] = {16, 19, 23, 0xff0, 0xff3};

    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct world *world = world_create();

        world_serve_rcode(world, NAME, WIRE_A, codes[i],
                          (codes[i] & 15) == 0 ? SERVED : "--\n" SOA);
        assert_string_equal(world_words(world_ask(world, NAME, WIRE_A)),
                            "SERVFAIL rd ra | EDE 0 the upstream answered with a failure");
        world_destroy(world);
    }
}

/* RFC 2181, 8: a TTL with the highest bit set is 0. */
static void a_ttl_over_31_bits_is_zero(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve(world, NAME, WIRE_A, NAME ". 2147483648 IN A 192.0.2.1\n");
    world_serve(world, NAME, WIRE_AAAA, "--\nexample. 4294967295 IN SOA a. b. 1 2 3 4 60\n");
    for (unsigned turn = 1; turn <= 2; turn++) {
        assert_string_equal(world_records(world_ask(world, NAME, WIRE_A)),
                            NAME " 0 A 192.0.2.1");
        assert_string_equal(world_records(world_ask(world, NAME, WIRE_AAAA)),
                            "~example 0 SOA minimum 60");
        assert_int_equal(world->asked_count, 2 * turn); /* never kept */
    }
    world_destroy(world);
}

/* Of the data of an RRSIG record, what stands between the type that it covers and the zone. */
#define SIGNED " 13 2 60 20300101000000 20200101000000 1 "

/* RFC 4035, 3.1.3: whoever validates behind us finds the proofs of each zone on the way: a
 * wildcard in one, a name that does not exist in the other. */
static void the_proofs_of_each_zone_on_the_way_are_kept(void **state)
{
    struct world *world = world_create();
    static const char served[] =
        "a.w.one. 60 IN CNAME gone.two.\n"
        "a.w.one. 60 IN RRSIG CNAME" SIGNED "one. AAAA\n"
        "--\n"
        "b.one. 60 IN NSEC c.one. A\n"
        "b.one. 60 IN RRSIG NSEC" SIGNED "one. AAAA\n"
        "two. 60 IN SOA a. b. 1 2 3 4 60\n"
        "two. 60 IN RRSIG SOA" SIGNED "two. AAAA\n"
        "0123456789abcdefghijklmnopqrstuv.two. 60 IN NSEC3 1 0 0 - "
        "0123456789abcdefghijklmnopqrstv0 A\n"
        "0123456789abcdefghijklmnopqrstuv.two. 60 IN RRSIG NSEC3" SIGNED "two. AAAA\n"
        /* of no zone on the way */
        "three. 60 IN NSEC d.three. A\n"
        "three. 60 IN RRSIG NSEC" SIGNED "three. AAAA\n";
    static const char proofs[] =
        "a.w.one 60 CNAME gone.two | a.w.one 60 RRSIG CNAME | ~two 60 SOA minimum 60 | "
        "~b.one 60 NSEC | ~b.one 60 RRSIG NSEC | ~two 60 RRSIG SOA | "
        "~0123456789abcdefghijklmnopqrstuv.two 60 NSEC3 | "
        "~0123456789abcdefghijklmnopqrstuv.two 60 RRSIG NSEC3";

    (void)state;
    world_serve_rcode(world, "a.w.one", WIRE_A, WIRE_NXDOMAIN, served);
    for (unsigned turn = 0; turn < 2; turn++) {
        struct world_reply *reply =
            world_ask_with(world, "a.w.one", WIRE_A, (struct world_manner){.dnssec_ok = true});
        assert_string_equal(world_records(reply), proofs);
        assert_int_equal(reply->octets[3] & 15, WIRE_NXDOMAIN);
        /* Nothing of it for who does not ask (RFC 4035, 3.2.1). */
        assert_string_equal(world_words(world_ask(world, "a.w.one", WIRE_A)),
                            "NXDOMAIN rd ra | a.w.one 60 CNAME gone.two | "
                            "~two 60 SOA minimum 60");
    }
    world_destroy(world);
}

static void each_signature_that_was_asked_for_has_its_own_ttl(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve(world, NAME, WIRE_RRSIG,
                NAME ". 60 IN RRSIG A" SIGNED "example. AAAA\n" NAME ". 30 IN RRSIG MX" SIGNED
                     "example. AAAA\n");
    assert_string_equal(world_records(world_ask(world, NAME, WIRE_RRSIG)),
                        NAME " 60 RRSIG A | " NAME " 30 RRSIG MX");
    world_destroy(world);
}

/* RFC 6672. */
static void dnames_that_lead_nowhere_are_failures(void **state)
{
#define TEN   "aaaaaaaaa."
#define FIFTY TEN TEN TEN TEN TEN
    static const struct {
        const char *name, *served, *words;
    } rows[] = {
        /* 2.3: the owner itself is not redirected */
        {"d.example", "d.example. 60 IN DNAME e.example.\n--\n" SOA,
         "NOERROR rd ra | ~example 60 SOA minimum 60"},
        /* 2.2: the new name would be over 255 octets */
        {FIFTY "d.example", "d.example. 60 IN DNAME " FIFTY FIFTY FIFTY FIFTY "e.example.\n",
         "SERVFAIL rd ra | EDE 24 the upstream's answer is malformed"},
        /* one that leads below itself has no end */
        {"x.d.example", "d.example. 60 IN DNAME y.d.example.\n",
         "SERVFAIL rd ra | EDE 24 the answer's chain of names is a loop or too long"},
        {"x.d.example", "d.example. 60 IN DNAME d.example.\n",
         "SERVFAIL rd ra | EDE 24 the answer's chain of names is a loop or too long"},
        /* the CNAME says something else than the DNAME */
        {"x.d.example",
         "d.example. 60 IN DNAME e.example.\nx.d.example. 60 IN CNAME x.f.example.\n",
         "SERVFAIL rd ra | EDE 24 the upstream's answer is malformed"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *world = world_create();

        world_serve(world, rows[i].name, WIRE_A, rows[i].served);
        assert_string_equal(world_words(world_ask(world, rows[i].name, WIRE_A)), rows[i].words);
        world_destroy(world);
    }
}

/* RFC 6891, 6.1.1: an OPT record belongs to one hop. RFC 7871; RFC 7828, 3.2.1: what we do not
 * do, or not over UDP, has no answer. */
static void options_of_the_client_stay_here(void **state)
{
#define OPT(length) "\0\0\x29\x04\xd0\0\0\0\0\0" length
#define ROW(octets)                \
    {                              \
        octets, sizeof(octets) - 1 \
    }
    static const struct {
        const char *octets;
        size_t len;
    } rows[] = {
        ROW(OPT("\x0b") "\0\x08\0\x07\0\x01\x18\0\xc0\0\x02"), /* ECS */
        ROW(OPT("\x04") "\0\x03\0\0"),                         /* NSID */
        ROW(OPT("\x04") "\0\x0b\0\0"),                         /* keepalive, over UDP */
        ROW(OPT("\x08") "\0\x0c\0\x04\0\0\0\0"),               /* padding */
        ROW(OPT("\x06") "\xff\xfe\0\x02hi"),                   /* unknown */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *world = world_create();
        struct wire_question question;

        world_serve(world, NAME, WIRE_A, SERVED);
        struct world_reply *reply =
            ask_octets(world, WIRE_FLAG_RD, rows[i].octets, rows[i].len);
        assert_int_equal(world->packet_count, 1);
        const struct upstream_try *sent = world->packets[0].t;
        assert_int_equal(wire_question_read(sent->octets, sent->len, &question),
                         WIRE_QUESTION_OK);
        assert_true(question.has_edns);
        assert_int_equal(wire_get16(sent->octets + sent->len - 2), 0); /* no options */
        world_pass(world, SECONDS(1));
        assert_string_equal(world_words(reply), "NOERROR rd ra | " RECORDS);
        assert_int_equal(wire_get16(reply->octets + 10), 1); /* an OPT record, no options */
        assert_int_equal(wire_get16(reply->octets + reply->len - 2), 0);
        world_destroy(world);
    }
}

/* RFC 3597, 3: the rdata of a type that nobody knows is passed on as it is. */
static void records_of_unknown_types_pass_octet_by_octet(void **state)
{
    struct world *world = world_create();
    static const uint8_t rdata[] = {0, 5, 0xc0, 0x0c, 0, 1, 0xff};

    (void)state;
    world_serve(world, NAME, 65280, NAME ". 60 IN TYPE65280 \\# 5 c00c0001ff\n");
    for (unsigned turn = 0; turn < 2; turn++) {
        struct world_reply *reply =
            world_ask_with(world, NAME, 65280, (struct world_manner){.no_edns = true});
        assert_string_equal(world_words(reply), "NOERROR rd ra | " NAME " 60 TYPE65280");
        assert_memory_equal(reply->octets + reply->len - sizeof(rdata), rdata, sizeof(rdata));
    }
    world_destroy(world);
}

/* RFC 8482, 4.2: over TCP and with DO too; never an amplifier, never a question upstream. */
static void any_has_one_small_answer_whoever_asks(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve(world, NAME, WIRE_A, SERVED);
    world_ask(world, NAME, WIRE_A); /* what is at hand does not matter either */
    for (unsigned i = 0; i < 8; i++) {
        const struct world_manner manner = {
            .tcp = i & 1, .dnssec_ok = i & 2, .no_recursion = i & 4};
        struct world_reply *reply = world_ask_with(world, NAME, WIRE_ANY, manner);

        assert_string_equal(world_records(reply), NAME " 300 HINFO RFC8482");
        assert_true(reply->len < 100);
    }
    assert_int_equal(world->asked_count, 1);
    world_destroy(world);
}

/* RFC 9520, 3.1 and 3.2: whatever kind of failure it is, few packets and then none for the time
 * that the operator has set. */
static void every_kind_of_failure_is_kept(void **state)
{
    static const struct {
        unsigned manners;
        unsigned rcode;
        const char *served;
    } rows[] = {
        {SERVER_SILENT, 0, ""},
        {SERVER_STRANGE_IDS, 0, SERVED},
        {SERVER_UNREACHABLE, 0, ""},
        {SERVER_SERVFAIL, 0, ""},
        {SERVER_REFUSED, 0, ""},
        {0, WIRE_FORMERR, ""},
        {0, WIRE_NOTIMP, ""},
        {0, WIRE_BADVERS, ""},
        {0, 6, ""},                               /* YXDOMAIN */
        {0, 0, NAME ". 60 IN CNAME " NAME ".\n"}, /* a loop */
        {0, WIRE_NXDOMAIN, SERVED},               /* contradicts itself */
    };
    static const uint32_t times_s[] = {1, 5, 30};

    (void)state;
    for (size_t i = 0; i < COUNT(rows) * COUNT(times_s); i++) {
        struct world *world = world_create();
        const size_t row = i / COUNT(times_s);
        const uint32_t time_s = times_s[i % COUNT(times_s)];

        world->settings.failure_ttl_s = time_s;
        world_adopt_lists(world, 0, NULL);
        world->servers[0].manners = rows[row].manners;
        world_serve_rcode(world, NAME, WIRE_A, rows[row].rcode, rows[row].served);
        struct world_reply *reply = world_ask(world, NAME, WIRE_A);
        assert_int_equal(reply->octets[3] & 15, WIRE_SERVFAIL);
        const size_t asked = world->asked_count;
        assert_true(asked <= 3);
        const uint64_t end = reply->sent_us + SECONDS(time_s);
        world_pass(world, end - 1 - world->now.mono_us);
        assert_int_equal(world_ask(world, NAME, WIRE_A)->octets[3] & 15, WIRE_SERVFAIL);
        assert_int_equal(world->asked_count, asked);
        world->servers[0].manners = 0;
        world_serve(world, NAME, WIRE_A, SERVED);
        world_pass(world, SECONDS(1));
        assert_string_equal(world_records(world_ask(world, NAME, WIRE_A)), RECORDS);
        world_destroy(world);
    }
}

/* RFC 8020: that a name does not exist says nothing about its parent or its siblings, and an
 * empty non-terminal exists. */
static void each_name_is_asked_for_itself(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve_rcode(world, "gone.example", WIRE_A, WIRE_NXDOMAIN, "--\n" SOA);
    world_serve(world, "empty.example", WIRE_A, "--\n" SOA);
    world_serve(world, "a.empty.example", WIRE_A, "a.empty.example. 60 IN A 192.0.2.1\n");
    world_serve(world, "example", WIRE_A, "example. 60 IN A 192.0.2.2\n");
    assert_string_equal(world_words(world_ask(world, "gone.example", WIRE_A)),
                        "NXDOMAIN rd ra | ~example 60 SOA minimum 60");
    assert_string_equal(world_words(world_ask(world, "empty.example", WIRE_A)),
                        "NOERROR rd ra | ~example 60 SOA minimum 60");
    assert_string_equal(world_records(world_ask(world, "a.empty.example", WIRE_A)),
                        "a.empty.example 60 A 192.0.2.1");
    assert_string_equal(world_records(world_ask(world, "example", WIRE_A)),
                        "example 60 A 192.0.2.2");
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_bits_without_a_meaning_in_questions_are_ignored),
        cmocka_unit_test(an_upstreams_ad_reaches_nobody),
        cmocka_unit_test(the_upper_bits_of_a_response_code_count),
        cmocka_unit_test(a_ttl_over_31_bits_is_zero),
        cmocka_unit_test(the_proofs_of_each_zone_on_the_way_are_kept),
        cmocka_unit_test(each_signature_that_was_asked_for_has_its_own_ttl),
        cmocka_unit_test(dnames_that_lead_nowhere_are_failures),
        cmocka_unit_test(options_of_the_client_stay_here),
        cmocka_unit_test(records_of_unknown_types_pass_octet_by_octet),
        cmocka_unit_test(any_has_one_small_answer_whoever_asks),
        cmocka_unit_test(every_kind_of_failure_is_kept),
        cmocka_unit_test(each_name_is_asked_for_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
