/* query/origin: which zones an answer comes from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/origin.h"
#include "wire/writer.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

static void finds_the_registrable_domain(void **state)
{
    static const struct {
        const char *name, *zone;
    } rows[] = {
        {"www.example.com", "example.com"},
        {"example.com", "example.com"},
        {"com", "com"}, /* a suffix is a zone, too */
        {".", "."},
        {"a.b.c.d.e.f.g.h.example.com", "example.com"},
        {"a.b.example.co.uk", "example.co.uk"},
        {"co.uk", "co.uk"},
        {"uk", "uk"},
        /* Suffixes of companies are below a zone of theirs: not meant. */
        {"page.github.io", "github.io"},
        {"bucket.s3.amazonaws.com", "amazonaws.com"},
        {"www.example.nosuchtld", "example.nosuchtld"}, /* not in the list */
        {"host", "host"},
        {"a.b.c.kobe.jp", "b.c.kobe.jp"},     /* *.kobe.jp */
        {"www.city.kobe.jp", "city.kobe.jp"}, /* but !city.kobe.jp */
        {"x.example.xn--fiqs8s", "example.xn--fiqs8s"},
        {"a.\\001b.com", "\\001b.com"}, /* octets that no list has */
        {"x.co\\.uk", "x.co\\.uk"},     /* a dot within a label is none between labels */
        {"a.x.co\\.uk", "x.co\\.uk"},
        {"4.3.2.1.in-addr.arpa", "1.in-addr.arpa"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct wire_name name = name_of(rows[i].name);
        char text[WIRE_NAME_TEXT_MAX];
        struct wire_name zone;

        query_origin_registrable(&name, &zone);
        wire_name_to_text(&zone, text);
        assert_string_equal(text, rows[i].zone);
    }
}

/* Names of every length and number of labels, of octets of every kind. */
static void a_zone_is_always_above_its_name(void **state)
{
    uint32_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t octets[WIRE_NAME_MAX];
        struct wire_name name, zone;
        size_t at = 0, pos = 0;

        for (;;) {
            seed = seed * 1664525u + 1013904223u;
            const uint8_t len = (uint8_t)((seed >> 24) % (round % 2 == 0 ? 64 : 3));
            if (len == 0 || at + len + 2u > sizeof(octets)) {
                break;
            }
            octets[at++] = len;
            for (uint8_t i = 0; i < len; i++) {
                seed = seed * 1664525u + 1013904223u;
                octets[at++] = (uint8_t)(seed >> 24);
            }
        }
        octets[at++] = 0;
        assert_int_equal(wire_name_read(octets, at, &pos, &name), WIRE_OK);
        query_origin_registrable(&name, &zone);
        assert_true(wire_name_is_within(&name, &zone));
        assert_true(zone.labels >= (name.labels < 2 ? name.labels : 2));
    }
}

/* An answer with a CNAME, an RRSIG of its target and an SOA below, by choice. */
static size_t make(uint8_t *out, size_t size, uint16_t type, const char *signer,
                   const char *soa)
{
    const struct wire_name asked = name_of("www.shop.example");
    const struct wire_name target = name_of("e.x.cdn.example");
    uint8_t raw[WIRE_NAME_MAX + 4];
    struct wire_writer writer;

    memcpy(raw, asked.octets, asked.len);
    wire_put16(raw + asked.len, type);
    wire_put16(raw + asked.len + 2, WIRE_IN);
    wire_writer_begin(&writer, out, size, raw, asked.len + 4u);
    wire_write_cname(&writer, &asked, &target, 300);
    if (signer != NULL) {
        const struct wire_name by = name_of(signer);
        uint8_t rdata[18 + WIRE_NAME_MAX + 1] = {0};

        wire_put16(rdata, WIRE_A);
        memcpy(rdata + 18, by.octets, by.len);
        wire_write_record(&writer, WIRE_ANSWER, &target, WIRE_RRSIG, 300, rdata,
                          18u + by.len + 1u);
    }
    if (soa != NULL) {
        const struct wire_name owner = name_of(soa);

        wire_write_soa(&writer, WIRE_AUTHORITY, &owner, &owner, &owner, 1, 60);
    }
    return wire_writer_end(&writer, 1, WIRE_FLAG_QR);
}

static void believes_what_an_answer_shows(void **state)
{
    static const struct {
        uint16_t type;
        const char *signer, *soa;
        const char *want[2]; /* of the asked name, and of its target */
    } rows[] = {
        {WIRE_A, NULL, NULL, {"shop.example", "cdn.example"}},
        {WIRE_A, NULL, "x.cdn.example", {"shop.example", "x.cdn.example"}},
        {WIRE_A, "x.cdn.example", NULL, {"shop.example", "x.cdn.example"}},
        /* Not above the name: not believed. */
        {WIRE_A, "evil.example", NULL, {"shop.example", "cdn.example"}},
        {WIRE_A, NULL, "evil.example", {"shop.example", "cdn.example"}},
        {WIRE_A, NULL, "shop.example", {"shop.example", "cdn.example"}},
        /* The alias alone was asked for: its target has not answered. */
        {WIRE_CNAME, NULL, NULL, {"shop.example", NULL}},
        /* DS of the last name: by the zone above it. */
        {WIRE_DS, NULL, NULL, {"shop.example", "cdn.example"}},
        {WIRE_DS, NULL, "example", {"shop.example", "example"}},
    };
    const struct query_settings settings = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t octets[1024];
        struct query_origins origins;
        struct wire_message message;
        struct policy_chain chain;
        const size_t len =
            make(octets, sizeof(octets), rows[i].type, rows[i].signer, rows[i].soa);

        assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
        assert_int_equal(policy_chain_follow(&message, &chain), POLICY_CHAIN_OK);
        query_origins_find(&settings, &message, &chain, &origins);
        assert_int_equal(origins.count, rows[i].want[1] != NULL ? 2 : 1);
        for (uint8_t j = 0; j < origins.count; j++) {
            char text[WIRE_NAME_TEXT_MAX];

            wire_name_to_text(&origins.at[j].zone, text);
            assert_string_equal(text, rows[i].want[j]);
            assert_int_equal(origins.at[j].hop, j);
        }
    }
}

/* Zones with upstreams of their own: never above them; not at all if policy has no say. */
static void zones_of_the_operator_come_first(void **state)
{
    struct query_zone zones[] = {
        {.name = name_of("x.cdn.example"), .context = 3},
        {.name = name_of("shop.example"), .context = 4, .exempt = true}};
    const struct query_settings settings = {.zones = zones, .zone_count = 2};
    uint8_t octets[1024];
    struct query_origins origins;
    struct wire_message message;
    struct policy_chain chain;
    const size_t len = make(octets, sizeof(octets), WIRE_A, NULL, NULL);

    (void)state;
    assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
    assert_int_equal(policy_chain_follow(&message, &chain), POLICY_CHAIN_OK);
    query_origins_find(&settings, &message, &chain, &origins);
    assert_int_equal(origins.count, 1);
    assert_true(wire_name_equal(&origins.at[0].zone, &zones[0].name));
    assert_int_equal(origins.at[0].hop, 1);
}

/* Each zone once, and not more than a few. */
static void counts_each_zone_once(void **state)
{
    const struct query_settings settings = {0};
    struct wire_message message = {.type = WIRE_A};
    struct query_origins origins;
    struct policy_chain chain = {.count = 0};
    uint8_t octets[WIRE_HEADER_OCTETS] = {0};

    (void)state;
    assert_int_equal(wire_message_open(octets, sizeof(octets), &message), WIRE_OK);
    for (unsigned i = 0; i < POLICY_HOPS_MAX + 1; i++) {
        char text[32];

        snprintf(text, sizeof(text), "n.z%u.example", i);
        chain.names[chain.count++] = name_of(text);
    }
    query_origins_find(&settings, &message, &chain, &origins);
    assert_int_equal(origins.count, QUERY_ORIGINS_MAX);
    assert_true(origins.more);
    for (unsigned i = 0; i < chain.count; i++) {
        chain.names[i] = name_of(i % 2 == 0 ? "a.z.example" : "b.c.z.example");
    }
    query_origins_find(&settings, &message, &chain, &origins);
    assert_int_equal(origins.count, 1);
    assert_false(origins.more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_registrable_domain),
        cmocka_unit_test(a_zone_is_always_above_its_name),
        cmocka_unit_test(believes_what_an_answer_shows),
        cmocka_unit_test(zones_of_the_operator_come_first),
        cmocka_unit_test(counts_each_zone_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
