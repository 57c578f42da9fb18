/* What is kept and shown of an upstream's answer, for how long, and how much of it fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SOA "example. 900 IN SOA a.example. b.example. 1 2 3 4 60\n"

struct row {
    const char *name;
    uint16_t type;
    unsigned rcode;
    const char *served;
    bool dnssec_ok;
    const char *words;
};

#define MALFORMED "SERVFAIL rd ra | EDE 24 the upstream's answer is malformed"

static const struct row rows[] = {
    /* additional and authority records of a positive answer are not passed on */
    {"a.example", WIRE_A, 0,
     "a.example. 60 IN A 192.0.2.1\n--\nexample. 60 IN NS ns.example.\n++\n"
     "ns.example. 60 IN A 192.0.2.53\n",
     false, "NOERROR rd ra | a.example 60 A 192.0.2.1"},
    /* records beside the chain, of another type, class or name; one TTL for the set (RFC 2181,
     * 5.2: the least) */
    {"b.example", WIRE_A, 0,
     "b.example. 60 IN A 192.0.2.1\nb.example. 60 IN TXT \"x\"\nc.example. 60 IN A 192.0.2.2\n"
     "b.example. 60 CH A 192.0.2.3\nB.EXAMPLE. 50 IN A 192.0.2.4\n",
     false, "NOERROR rd ra | b.example 50 A 192.0.2.1 | b.example 50 A 192.0.2.4"},
    /* the chain is put in order */
    {"d.example", WIRE_A, 0,
     "f.example. 60 IN A 192.0.2.1\ne.example. 60 IN CNAME f.example.\n"
     "d.example. 60 IN CNAME e.example.\n",
     false,
     "NOERROR rd ra | d.example 60 CNAME e.example | e.example 60 CNAME f.example | "
     "f.example 60 A 192.0.2.1"},
    /* the same CNAME twice is one */
    {"d.example", WIRE_A, 0,
     "d.example. 60 IN CNAME e.example.\nd.example. 60 IN CNAME e.example.\n"
     "e.example. 60 IN A 192.0.2.1\n",
     false, "NOERROR rd ra | d.example 60 CNAME e.example | e.example 60 A 192.0.2.1"},
    /* a DNAME without its CNAME gets one */
    {"x.g.example", WIRE_A, 0,
     "g.example. 70 IN DNAME h.example.\nx.h.example. 60 IN A 192.0.2.1\n", false,
     "NOERROR rd ra | g.example 70 DNAME h.example | x.g.example 70 CNAME x.h.example | "
     "x.h.example 60 A 192.0.2.1"},
    /* one with it keeps it */
    {"y.g.example", WIRE_A, 0,
     "g.example. 70 IN DNAME h.example.\ny.g.example. 0 IN CNAME y.h.example.\n"
     "y.h.example. 60 IN A 192.0.2.1\n",
     false,
     "NOERROR rd ra | g.example 70 DNAME h.example | y.g.example 0 CNAME y.h.example | "
     "y.h.example 60 A 192.0.2.1"},
    /* the alias itself */
    {"x.g.example", WIRE_CNAME, 0, "x.g.example. 60 IN CNAME x.h.example.\n", false,
     "NOERROR rd ra | x.g.example 60 CNAME x.h.example"},
    /* with the DNAME that implies it, and what signs that */
    {"z.g.example", WIRE_CNAME, 0,
     "g.example. 70 IN DNAME h.example.\n"
     "g.example. 60 IN RRSIG DNAME 13 2 70 20300101000000 20200101000000 1 example. AAAA\n"
     "z.g.example. 70 IN CNAME z.h.example.\nz.h.example. 60 IN A 192.0.2.1\n"
     "other.example. 70 IN DNAME h.example.\n",
     true,
     "NOERROR rd ra | g.example 60 DNAME h.example | g.example 60 RRSIG DNAME | "
     "z.g.example 70 CNAME z.h.example | do"},
    {"g.example", WIRE_DNAME, 0, "g.example. 70 IN DNAME h.example.\n", false,
     "NOERROR rd ra | g.example 70 DNAME h.example"},
    /* asked for through CNAMEs: at their end, where nothing is, one is, or no name */
    {"a1.example", WIRE_DNAME, 0,
     "a1.example. 60 IN CNAME a2.example.\na2.example. 60 IN CNAME a3.example.\n"
     "a3.example. 60 IN CNAME a4.example.\n--\n" SOA,
     false,
     "NOERROR rd ra | a1.example 60 CNAME a2.example | a2.example 60 CNAME a3.example | "
     "a3.example 60 CNAME a4.example | ~example 60 SOA minimum 60"},
    {"x2.example", WIRE_DNAME, WIRE_NXDOMAIN,
     "x2.example. 60 IN CNAME dang.example.\ndang.example. 60 IN CNAME gone.example.\n"
     "--\n" SOA,
     false,
     "NXDOMAIN rd ra | x2.example 60 CNAME dang.example | dang.example 60 CNAME gone.example | "
     "~example 60 SOA minimum 60"},
    {"x3.example", WIRE_DNAME, 0,
     "x3.example. 60 IN CNAME g.example.\ng.example. 70 IN DNAME h.example.\n"
     "g.example. 60 IN RRSIG DNAME 13 2 70 20300101000000 20200101000000 1 example. AAAA\n"
     "h.example. 60 IN CNAME i.example.\n",
     true,
     "NOERROR rd ra | x3.example 60 CNAME g.example | g.example 60 DNAME h.example | "
     "g.example 60 RRSIG DNAME | do"},
    /* and below another */
    {"x.g.example", WIRE_DNAME, 0,
     "g.example. 70 IN DNAME h.example.\nx.h.example. 50 IN DNAME k.example.\n", false,
     "NOERROR rd ra | g.example 70 DNAME h.example | x.g.example 70 CNAME x.h.example | "
     "x.h.example 50 DNAME k.example"},
    /* a loop, a chain that leads two ways, and data where none can be */
    {"i.example", WIRE_A, 0,
     "i.example. 60 IN CNAME j.example.\nj.example. 60 IN CNAME i.example.\n", false,
     "SERVFAIL rd ra | EDE 24 the answer's chain of names is a loop or too long"},
    {"k.example", WIRE_A, 0,
     "k.example. 60 IN CNAME l.example.\nk.example. 60 IN CNAME m.example.\n", false,
     MALFORMED},
    {"n.example", WIRE_A, WIRE_NXDOMAIN, "n.example. 60 IN A 192.0.2.1\n", false, MALFORMED},

    /* negative answers: one SOA, its TTL the least of TTL, MINIMUM and our bound */
    {"o.example", WIRE_A, WIRE_NXDOMAIN, "--\n" SOA, false,
     "NXDOMAIN rd ra | ~example 60 SOA minimum 60"},
    {"o.example", WIRE_TXT, 0, "--\nexample. 30 IN SOA a. b. 1 2 3 4 60\n", false,
     "NOERROR rd ra | ~example 30 SOA minimum 60"},
    {"o.example", WIRE_MX, 0, "--\nexample. 99999 IN SOA a. b. 1 2 3 4 99999\n", false,
     "NOERROR rd ra | ~example 3600 SOA minimum 99999"},
    /* a CNAME to nothing */
    {"p.example", WIRE_A, WIRE_NXDOMAIN, "p.example. 60 IN CNAME q.example.\n--\n" SOA, false,
     "NXDOMAIN rd ra | p.example 60 CNAME q.example | ~example 60 SOA minimum 60"},
    /* SOAs from elsewhere, two SOAs, NS records */
    {"r.example", WIRE_A, WIRE_NXDOMAIN, "--\norg. 60 IN SOA a. b. 1 2 3 4 60\n", false,
     "NXDOMAIN rd ra"},
    {"r.example", WIRE_TXT, 0, "--\nx.r.example. 60 IN SOA a. b. 1 2 3 4 60\n", false,
     "NOERROR rd ra"},
    {"r.example", WIRE_MX, 0,
     "--\nexample. 60 IN NS ns.example.\n" SOA "r.example. 60 IN SOA a. b. 1 2 3 4 5\n", false,
     "NOERROR rd ra | ~example 60 SOA minimum 60"},
    /* a referral says nothing to a client */
    {"s.example", WIRE_A, 0,
     "--\ns.example. 60 IN NS ns.s.example.\n++\nns.s.example. 60 IN A "
     "192.0.2.1\n",
     false, "NOERROR rd ra"},

    /* signatures and proofs only with DO, and only of the zone that signed */
    {"t.example", WIRE_A, 0,
     "t.example. 60 IN A 192.0.2.1\n"
     "t.example. 60 IN RRSIG A 13 2 60 20300101000000 20200101000000 1 example. AAAA\n"
     "t.example. 60 IN RRSIG MX 13 2 60 20300101000000 20200101000000 1 example. AAAA\n"
     "--\nexample. 60 IN NSEC z.example. A RRSIG NSEC\n"
     "example. 60 IN RRSIG NSEC 13 1 60 20300101000000 20200101000000 1 example. AAAA\n"
     "org. 60 IN NSEC z.org. A\n",
     true,
     "NOERROR rd ra | t.example 60 A 192.0.2.1 | t.example 60 RRSIG A | ~example 60 NSEC | "
     "~example 60 RRSIG NSEC | do"},
    {"u.example", WIRE_A, WIRE_NXDOMAIN,
     "--\n" SOA "example. 900 IN RRSIG SOA 13 1 900 20300101000000 20200101000000 1 example. "
     "AAAA\nexample. 900 IN NSEC z.example. A\nexample. 60 IN DS 1 13 2 "
     "0000000000000000000000000000000000000000000000000000000000000000\n",
     true,
     "NXDOMAIN rd ra | ~example 60 SOA minimum 60 | ~example 60 RRSIG SOA | ~example 60 NSEC | "
     "do"},
    /* an RRSIG that was asked for by its type */
    {"t.example", WIRE_RRSIG, 0,
     "t.example. 60 IN RRSIG A 13 2 60 20300101000000 20200101000000 1 example. AAAA\n", false,
     "NOERROR rd ra | t.example 60 RRSIG A"},
    /* with DO, what proves that it was made by a wildcard, and what signs the way to it */
    {"foo.w.example", WIRE_RRSIG, 0,
     "foo.w.example. 60 IN RRSIG A 13 2 60 20300101000000 20200101000000 1 example. AAAA\n"
     "--\nb.example. 60 IN NSEC x.example. A\n"
     "b.example. 60 IN RRSIG NSEC 13 2 60 20300101000000 20200101000000 1 example. AAAA\n"
     "b.org. 60 IN NSEC x.org. A\n",
     true,
     "NOERROR rd ra | foo.w.example 60 RRSIG A | ~b.example 60 NSEC | "
     "~b.example 60 RRSIG NSEC | do"},
    {"x.g.example", WIRE_RRSIG, 0,
     "g.example. 70 IN DNAME h.example.\n"
     "g.example. 70 IN RRSIG DNAME 13 2 70 20300101000000 20200101000000 1 example. AAAA\n"
     "x.h.example. 50 IN RRSIG A 13 3 50 20300101000000 20200101000000 1 example. AAAA\n",
     true,
     "NOERROR rd ra | g.example 70 DNAME h.example | g.example 70 RRSIG DNAME | "
     "x.g.example 70 CNAME x.h.example | x.h.example 50 RRSIG A | do"},
    /* neither of them without */
    {"x.g.example", WIRE_RRSIG, 0,
     "g.example. 70 IN DNAME h.example.\n"
     "g.example. 70 IN RRSIG DNAME 13 2 70 20300101000000 20200101000000 1 example. AAAA\n"
     "x.h.example. 50 IN RRSIG A 13 3 50 20300101000000 20200101000000 1 example. AAAA\n"
     "--\nb.example. 60 IN NSEC x.example. A\n",
     false,
     "NOERROR rd ra | g.example 70 DNAME h.example | x.g.example 70 CNAME x.h.example | "
     "x.h.example 50 RRSIG A"},
    /* response codes other than NOERROR and NXDOMAIN are failures */
    {"v.example", WIRE_A, WIRE_NOTIMP, "", false,
     "SERVFAIL rd ra | EDE 0 the upstream answered with a failure"},
};

static void only_what_answers_the_question_is_shown(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct world *world = world_create();

        world_serve_rcode(world, row->name, row->type, row->rcode, row->served);
        struct world_reply *reply = world_ask_with(
            world, row->name, row->type, (struct world_manner){.dnssec_ok = row->dnssec_ok});
        assert_string_equal(world_words(reply), row->words);
        world_destroy(world);
    }
}

struct time_row {
    const char *served;
    unsigned rcode;
    uint32_t pass_s;
    const char *records; /* then; NULL: it is asked for again */
};

static const struct time_row time_rows[] = {
    /* the least TTL of all decides how long it is kept */
    {"w.example. 60 IN A 192.0.2.1\nw.example. 90 IN A 192.0.2.2\n", 0, 59,
     "w.example 1 A 192.0.2.1 | w.example 1 A 192.0.2.2"},
    {"w.example. 60 IN A 192.0.2.1\nw.example. 90 IN A 192.0.2.2\n", 0, 60, NULL},
    {"w.example. 600 IN CNAME x.example.\nx.example. 6 IN A 192.0.2.2\n", 0, 5,
     "w.example 595 CNAME x.example | x.example 1 A 192.0.2.2"},
    {"w.example. 600 IN CNAME x.example.\nx.example. 6 IN A 192.0.2.2\n", 0, 6, NULL},
    /* nothing is kept longer than the bound, or at all with TTL 0 or one above 2^31 - 1 */
    {"w.example. 999999 IN A 192.0.2.1\n", 0, 86399, "w.example 1 A 192.0.2.1"},
    {"w.example. 999999 IN A 192.0.2.1\n", 0, 86400, NULL},
    {"w.example. 0 IN A 192.0.2.1\n", 0, 0, NULL},
    /* negative answers */
    {"--\n" SOA, WIRE_NXDOMAIN, 59, "~example 1 SOA minimum 60"},
    {"--\n" SOA, WIRE_NXDOMAIN, 60, NULL},
    {"--\n" SOA, 0, 59, "~example 1 SOA minimum 60"},
    {"w.example. 20 IN CNAME x.example.\n--\n" SOA, 0, 19,
     "w.example 1 CNAME x.example | ~example 41 SOA minimum 60"},
    {"w.example. 20 IN CNAME x.example.\n--\n" SOA, 0, 20, NULL},
    /* without an SOA nothing is kept (RFC 2308, 5) */
    {"", WIRE_NXDOMAIN, 0, NULL},
    {"", 0, 0, NULL},
    {"w.example. 600 IN CNAME x.example.\n", 0, 0, NULL},
};

static void answers_age_and_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(time_rows); i++) {
        const struct time_row *row = &time_rows[i];
        struct world *world = world_create();

        world_serve_rcode(world, "w.example", WIRE_A, row->rcode, row->served);
        struct world_reply *first =
            world_send(world, "w.example", WIRE_A, (struct world_manner){0});
        world_pass(world, MILLISECONDS(10)); /* exactly until the answer is there */
        assert_int_equal(first->sent, 1);
        world_pass(world, SECONDS(row->pass_s));
        struct world_reply *again = world_ask(world, "w.example", WIRE_A);
        if (row->records != NULL) {
            assert_string_equal(world_records(again), row->records);
        }
        assert_int_equal(world->asked_count, row->records != NULL ? 1 : 2);
        world_destroy(world);
    }
}

static void the_operators_bounds_of_ttls_hold(void **state)
{
    struct world *world = world_create();

    (void)state;
    world->settings.ttl_min_s = 30;
    world->settings.ttl_max_s = 100;
    world->settings.negative_ttl_max_s = 7;
    world_adopt_lists(world, 0, NULL);
    world_serve(world, "w.example", WIRE_A,
                "w.example. 1 IN CNAME x.example.\nx.example. 1000 IN A 192.0.2.2\n");
    assert_string_equal(world_records(world_ask(world, "w.example", WIRE_A)),
                        "w.example 30 CNAME x.example | x.example 100 A 192.0.2.2");
    world_serve_rcode(world, "w.example", WIRE_MX, WIRE_NXDOMAIN, "--\n" SOA);
    assert_string_equal(world_records(world_ask(world, "w.example", WIRE_MX)),
                        "~example 7 SOA minimum 60");
    world_destroy(world);
}

/* count TXT records of 100 octets. */
static void serve_large(struct world *world, const char *name, unsigned count)
{
    static char records[WIRE_MESSAGE_MAX * 2];
    size_t used = 0;

    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(records + used, sizeof(records) - used,
                                 "%s. 60 IN TXT \"%087u\"\n", name, i);
    }
    world_serve(world, name, WIRE_TXT, records);
}

struct size_row {
    unsigned count; /* of records: each 100 octets, and 36 octets around them without EDNS */
    struct world_manner manner;
    uint16_t limit; /* of the operator; 0: 1232 */
    bool fits;
};

static const struct size_row size_rows[] = {
    /* 512 without EDNS (RFC 1035, 4.2.1): 4 records take 433 octets, 5 take 533 */
    {4, {.no_edns = true}, 0, true},
    {5, {.no_edns = true}, 0, false},
    /* what the client advertises; below 512 counts as 512 (RFC 6891, 6.2.3) */
    {4, {.udp_size = 512}, 0, true},
    {5, {.udp_size = 512}, 0, false},
    {4, {.udp_size = 100}, 0, true},
    {7, {.udp_size = 800}, 0, true},
    {8, {.udp_size = 800}, 0, false},
    /* never above 1,232 octets, whatever is advertised */
    {11, {.udp_size = 1232}, 0, true},
    {12, {.udp_size = 4096}, 0, false},
    {12, {.udp_size = 65535}, 0, false},
    /* the operator's limit */
    {12, {.udp_size = 4096}, 1400, true},
    {5, {.udp_size = 4096}, 512, false},
    {4, {.udp_size = 4096}, 300, true}, /* 512 octets go everywhere */
    /* TCP takes it all */
    {12, {.tcp = true, .no_edns = true}, 0, true},
    {500, {.tcp = true}, 0, true},
};

static void an_answer_that_does_not_fit_is_truncated_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(size_rows); i++) {
        const struct size_row *row = &size_rows[i];
        struct world *world = world_create();

        world->settings.udp_size = row->limit != 0 ? row->limit : 1232;
        world_adopt_lists(world, 0, NULL);
        serve_large(world, "large.example", row->count);
        struct world_reply *reply =
            world_ask_with(world, "large.example", WIRE_TXT, row->manner);
        if (row->fits) {
            assert_int_equal(wire_get16(reply->octets + 6), row->count);
            assert_int_equal(reply->octets[2] & 0x02, 0);
        } else {
            assert_string_equal(world_words(reply), "NOERROR tc rd ra");
            assert_int_equal(query_engine_counters(world->engine)->truncated, 1);
        }
        world_destroy(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_answers_the_question_is_shown),
        cmocka_unit_test(answers_age_and_end),
        cmocka_unit_test(the_operators_bounds_of_ttls_hold),
        cmocka_unit_test(an_answer_that_does_not_fit_is_truncated_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
