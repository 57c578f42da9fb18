/* local/zones: what is found in zones that the operator wrote, and what cannot stand in one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "local/local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t hash_key[SIPHASH_KEY_OCTETS] = {4, 2};

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

/* Adds (begins, for an SOA record) what text is for its type: an address, a name, or octets. */
static const char *add(struct local_zones_builder *builder, const char *owner, uint16_t type,
                       uint32_t ttl_s, const char *text)
{
    static const uint8_t numbers[20] = {[3] = 1, [18] = 1, [19] = 44}; /* MINIMUM 300 */
    const struct wire_name name = name_of(owner);
    uint8_t rdata[2 * WIRE_NAME_MAX + sizeof(numbers)];
    struct local_zone_record record = {&name, type, ttl_s, rdata, 0};
    struct wire_name target;
    struct address address;

    if (type == WIRE_A || type == WIRE_AAAA) {
        assert_int_equal(address_parse(text, strlen(text), 0, &address), 0);
        record.rdata_len = address_octets(&address);
        memcpy(rdata, address.octets, record.rdata_len);
    } else if (type == WIRE_CNAME || type == WIRE_NS || type == WIRE_SOA) {
        target = name_of(text);
        memcpy(rdata, target.octets, target.len);
        record.rdata_len = target.len;
    } else {
        record.rdata_len = strlen(text);
        memcpy(rdata, text, record.rdata_len);
    }
    if (type != WIRE_SOA) {
        return local_zones_add(builder, &record);
    }
    memcpy(rdata + target.len, target.octets, target.len);
    memcpy(rdata + 2u * target.len, numbers, sizeof(numbers));
    record.rdata_len = 2u * target.len + sizeof(numbers);
    return local_zones_begin(builder, &record);
}

static struct local_zones *build(struct local_zones_builder *builder)
{
    static const struct local_zones_elsewhere nowhere;
    char text[WIRE_NAME_TEXT_MAX];
    const char *why = NULL;

    if (!local_zones_check(builder, &nowhere, text, &why)) {
        fail_msg("%s: %s", text, why);
    }
    struct local_zones *zones = local_zones_build(builder, hash_key);
    assert_non_null(zones);
    return zones;
}

/* The zones of most tests. */
static struct local_zones *make(void)
{
    struct local_zones_builder *builder = local_zones_builder_create();

    assert_non_null(builder);
    assert_null(add(builder, "in.home.lan", WIRE_SOA, 900, "ns.home.lan"));
    assert_null(add(builder, "x.in.home.lan", WIRE_A, 60, "192.0.2.50"));
    assert_null(add(builder, "home.lan", WIRE_SOA, 60, "ns.home.lan"));
    assert_null(add(builder, "home.lan", WIRE_NS, 60, "ns.home.lan"));
    assert_null(add(builder, "ns.home.lan", WIRE_A, 60, "192.0.2.1"));
    assert_null(add(builder, "www.home.lan", WIRE_A, 700, "192.0.2.2"));
    assert_null(add(builder, "www.home.lan", WIRE_TXT, 60, "\x02hi"));
    assert_null(add(builder, "www.home.lan", WIRE_A, 600, "192.0.2.3"));
    assert_null(add(builder, "www.home.lan", WIRE_A, 600, "192.0.2.2")); /* twice: once */
    assert_null(add(builder, "a.b.c.home.lan", WIRE_A, 60, "192.0.2.4"));
    assert_null(add(builder, "*.wild.home.lan", WIRE_A, 60, "192.0.2.5"));
    assert_null(add(builder, "deep.there.wild.home.lan", WIRE_A, 60, "192.0.2.6"));
    assert_null(add(builder, "*.alias.home.lan", WIRE_CNAME, 60, "www.home.lan"));
    assert_null(add(builder, "inner.home.lan", WIRE_CNAME, 60, "x.in.home.lan"));
    assert_null(add(builder, "long.home.lan", WIRE_A, 4000000, "192.0.2.7"));
    return build(builder);
}

/* "192.0.2.1 192.0.2.2 60", "alias", "nodata home.lan 60", "nxdomain ...", "-". */
static const char *words_of(const struct local_zones *zones, const char *text, uint16_t type,
                            char words[2048])
{
    const struct wire_name name = name_of(text);
    struct local_zones_answer found;
    struct wire_name owner;
    const uint8_t *rdata = NULL;
    char zone[WIRE_NAME_TEXT_MAX];
    uint32_t ttl_s = 0;
    size_t len = 0;
    size_t at = 0;
    int used = 0;

    local_zones_find(zones, &name, type, &found);
    switch (found.kind) {
    case LOCAL_ZONES_NOT:
        return "-";
    case LOCAL_ZONES_ALIAS:
        return "alias";
    case LOCAL_ZONES_DATA:
        while (local_zones_next(zones, &found, &at, &rdata, &len)) {
            used += type == WIRE_A ? sprintf(words + used, "%u.%u.%u.%u ", rdata[0], rdata[1],
                                             rdata[2], rdata[3])
                                   : sprintf(words + used, "%zu octets ", len);
        }
        sprintf(words + used, "%u", found.ttl_s);
        return words;
    case LOCAL_ZONES_NODATA:
    case LOCAL_ZONES_NXDOMAIN:
        break;
    }
    local_zones_soa(zones, found.zone, &owner, &rdata, &len, &ttl_s);
    assert_int_equal(owner.labels, found.apex);
    wire_name_to_text(&owner, zone);
    sprintf(words, "%s %s %u", found.kind == LOCAL_ZONES_NODATA ? "nodata" : "nxdomain", zone,
            ttl_s);
    return words;
}

static void each_name_is_found_as_an_authoritative_server_finds_it(void **state)
{
    static const struct {
        const char *name;
        uint16_t type;
        const char *words;
    } rows[] = {
        {"home.lan", WIRE_SOA, "46 octets 60"},
        {"home.lan", WIRE_NS, "13 octets 60"},
        {"home.lan", WIRE_A, "nodata home.lan 60"},
        /* as they came, once each, with the smallest TTL (RFC 2181, 5.2), beside other types */
        {"www.home.lan", WIRE_A, "192.0.2.2 192.0.2.3 600"},
        {"WWW.Home.LAN", WIRE_A, "192.0.2.2 192.0.2.3 600"},
        {"www.home.lan", WIRE_TXT, "3 octets 60"},
        {"www.home.lan", WIRE_AAAA, "nodata home.lan 60"},
        {"no.home.lan", WIRE_A, "nxdomain home.lan 60"},
        {"a.www.home.lan", WIRE_A, "nxdomain home.lan 60"},
        /* what stands between exists (RFC 8020) */
        {"a.b.c.home.lan", WIRE_A, "192.0.2.4 60"},
        {"b.c.home.lan", WIRE_A, "nodata home.lan 60"},
        {"c.home.lan", WIRE_A, "nodata home.lan 60"},
        {"x.b.c.home.lan", WIRE_A, "nxdomain home.lan 60"},
        /* RFC 4592, 2.2.1: for names that do not exist, and not below those that do */
        {"some.wild.home.lan", WIRE_A, "192.0.2.5 60"},
        {"some.more.wild.home.lan", WIRE_A, "192.0.2.5 60"},
        {"some.wild.home.lan", WIRE_TXT, "nodata home.lan 60"},
        {"*.wild.home.lan", WIRE_A, "192.0.2.5 60"},
        {"wild.home.lan", WIRE_A, "nodata home.lan 60"},
        {"there.wild.home.lan", WIRE_A, "nodata home.lan 60"},
        {"other.there.wild.home.lan", WIRE_A, "nxdomain home.lan 60"},
        {"deep.there.wild.home.lan", WIRE_A, "192.0.2.6 60"},
        {"x.alias.home.lan", WIRE_A, "alias"},
        {"x.alias.home.lan", WIRE_CNAME, "14 octets 60"},
        /* the inner zone, whose MINIMUM is smaller than its SOA's TTL (RFC 2308, 3) */
        {"in.home.lan", WIRE_A, "nodata in.home.lan 300"},
        {"x.in.home.lan", WIRE_A, "192.0.2.50 60"},
        {"y.in.home.lan", WIRE_A, "nxdomain in.home.lan 300"},
        {"inner.home.lan", WIRE_A, "alias"},
        {"long.home.lan", WIRE_A, "192.0.2.7 604800"}, /* a week at most (RFC 8767, 4) */
        /* in no zone */
        {"lan", WIRE_A, "-"},
        {".", WIRE_A, "-"},
        {"xhome.lan", WIRE_A, "-"},
        {"home.lan.org", WIRE_A, "-"},
    };
    struct local_zones *zones = make();
    char words[2048];

    (void)state;
    assert_int_equal(local_zones_count(zones), 2);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *got = words_of(zones, rows[i].name, rows[i].type, words);
        if (strcmp(got, rows[i].words) != 0) {
            fail_msg("%s %u: \"%s\", not \"%s\"", rows[i].name, rows[i].type, got,
                     rows[i].words);
        }
    }
    local_zones_free(zones);
}

static void a_name_above_a_zone_has_something_below_it(void **state)
{
    struct local_zones *zones = make();
    const struct wire_name above = name_of("lan");
    const struct wire_name apex = name_of("home.lan");
    const struct wire_name inner = name_of("in.home.lan");
    const struct wire_name other = name_of("an");

    (void)state;
    assert_true(local_zones_below(zones, &above));
    assert_true(local_zones_below(zones, &apex)); /* the inner one */
    assert_false(local_zones_below(zones, &inner));
    assert_false(local_zones_below(zones, &other));
    local_zones_free(zones);
}

/* What cannot stand in the zone home.lan, which has www (A), cname (CNAME) and in (a zone). */
static void records_that_cannot_stand_in_a_zone_are_refused(void **state)
{
    static const struct {
        const char *name;
        uint16_t type;
        const char *text, *why;
    } rows[] = {
        {"home.lan", WIRE_SOA, "a", "this zone stands in another file already"},
        {"www.home.lan", WIRE_SOA, "a", "a zone around this one has names of it"},
        {".", WIRE_SOA, "a", "the root is every name"},
        {"localhost", WIRE_SOA, "a", "names in localhost are this machine's alone"},
        {"a.resolver.arpa", WIRE_SOA, "a", "names in resolver.arpa are for"},
        {"x.onion", WIRE_SOA, "a", "names in invalid and onion never exist"},
        {"other.lan", WIRE_A, "192.0.2.1", "the name is outside of the zone"},
        {"lan", WIRE_A, "192.0.2.1", "the name is outside of the zone"},
        {".", WIRE_A, "192.0.2.1", "the name is outside of the zone"},
        {"x.in.home.lan", WIRE_A, "192.0.2.1", "the name is in another zone"},
        {"in.home.lan", WIRE_TXT, "\1a", "the name is in another zone"},
        {"sub.home.lan", WIRE_NS, "a", "a delegation: use upstreams.zones"},
        {"home.lan", WIRE_DNAME, "a", "DNAME is not supported"},
        {"home.lan", WIRE_DNSKEY, "a", "signed zones are not served"},
        {"www.home.lan", WIRE_RRSIG, "a", "signed zones are not served"},
        {"www.home.lan", WIRE_NSEC, "a", "signed zones are not served"},
        {"sub.home.lan", WIRE_DS, "a", "signed zones are not served"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct local_zones_builder *builder = local_zones_builder_create();

        assert_null(add(builder, "in.home.lan", WIRE_SOA, 60, "ns.home.lan"));
        assert_null(add(builder, "home.lan", WIRE_SOA, 60, "ns.home.lan"));
        assert_null(add(builder, "www.home.lan", WIRE_A, 60, "192.0.2.1"));
        const char *why = add(builder, rows[i].name, rows[i].type, 60, rows[i].text);
        if (why == NULL || strncmp(why, rows[i].why, strlen(rows[i].why)) != 0) {
            fail_msg("%s %u: \"%s\", not \"%s\"", rows[i].name, rows[i].type,
                     why == NULL ? "taken" : why, rows[i].why);
        }
        local_zones_builder_free(builder);
    }
}

static bool is_in_sub(const void *context, const struct wire_name *name, uint8_t apex)
{
    const struct wire_name sub = name_of("sub.home.lan");

    assert_null(context);
    return sub.labels > apex && wire_name_is_within(name, &sub);
}

static void aliases_that_lead_nowhere_are_refused(void **state)
{
    static const struct {
        const char *records[3][2]; /* aliases and their targets */
        const char *name, *why;    /* of the fault; NULL: none */
    } rows[] = {
        {{{"a.home.lan", "www.home.lan"}}, NULL, NULL},
        {{{"a.home.lan", "b.home.lan"}, {"b.home.lan", "none.home.lan"}}, NULL, NULL},
        {{{"*.w.home.lan", "www.home.lan"}, {"a.home.lan", "x.w.home.lan"}}, NULL, NULL},
        {{{"a.home.lan", "example.com"}}, "a.home.lan", "an alias (CNAME) leads out"},
        {{{"a.home.lan", "lan"}}, "a.home.lan", "an alias (CNAME) leads out"},
        {{{"a.home.lan", "x.sub.home.lan"}}, "a.home.lan", "an alias (CNAME) leads out"},
        {{{"a.home.lan", "a.home.lan"}}, "a.home.lan", "aliases (CNAME) in a circle"},
        {{{"a.home.lan", "b.home.lan"}, {"b.home.lan", "a.home.lan"}},
         "a.home.lan",
         "aliases (CNAME) in a circle"},
        {{{"*.w.home.lan", "x.w.home.lan"}}, "*.w.home.lan", "aliases (CNAME) in a circle"},
        {{{"www.home.lan", "a.home.lan"}}, "www.home.lan", "an alias (CNAME) has no other"},
        {{{"home.lan", "www.home.lan"}}, "home.lan", "an alias (CNAME) has no other"},
    };
    static const struct local_zones_elsewhere elsewhere = {.is = is_in_sub};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct local_zones_builder *builder = local_zones_builder_create();
        char text[WIRE_NAME_TEXT_MAX] = "";
        const char *why = NULL;

        assert_null(add(builder, "home.lan", WIRE_SOA, 60, "ns.home.lan"));
        assert_null(add(builder, "www.home.lan", WIRE_A, 60, "192.0.2.1"));
        for (size_t r = 0; r < 3 && rows[i].records[r][0] != NULL; r++) {
            assert_null(
                add(builder, rows[i].records[r][0], WIRE_CNAME, 60, rows[i].records[r][1]));
        }
        const bool good = local_zones_check(builder, &elsewhere, text, &why);
        if (good != (rows[i].why == NULL) ||
            (!good && (strncmp(why, rows[i].why, strlen(rows[i].why)) != 0 ||
                       strcmp(text, rows[i].name) != 0))) {
            fail_msg("row %zu: %s: %s", i, text, why == NULL ? "taken" : why);
        }
        local_zones_builder_free(builder);
    }
}

static void eleven_aliases_are_followed_and_not_twelve(void **state)
{
    static const struct local_zones_elsewhere nowhere;

    (void)state;
    for (unsigned aliases = 11; aliases <= 12; aliases++) {
        struct local_zones_builder *builder = local_zones_builder_create();
        char text[WIRE_NAME_TEXT_MAX];
        const char *why = NULL;

        assert_null(add(builder, "lan", WIRE_SOA, 60, "ns.lan"));
        for (unsigned i = 0; i < aliases; i++) {
            char name[16];
            char target[16];
            snprintf(name, sizeof(name), "a%u.lan", i);
            snprintf(target, sizeof(target), "a%u.lan", i + 1);
            assert_null(add(builder, name, WIRE_CNAME, 60, target));
        }
        assert_int_equal(local_zones_check(builder, &nowhere, text, &why), aliases == 11);
        local_zones_builder_free(builder);
    }
}

/* Each number of local/limits.h. */
static void a_zone_is_bounded(void **state)
{
    struct local_zones_builder *builder = local_zones_builder_create();
    const char *why = NULL;
    char text[300];
    unsigned i;

    (void)state;
    for (i = 0; i <= LOCAL_ZONES_MAX && why == NULL; i++) {
        snprintf(text, sizeof(text), "z%u", i);
        why = add(builder, text, WIRE_SOA, 60, "ns");
    }
    assert_string_equal(why, "more than 64 zones");
    assert_int_equal(i, LOCAL_ZONES_MAX + 1);
    why = NULL;
    for (i = 0; i <= LOCAL_ZONE_NAME_RECORDS_MAX && why == NULL; i++) {
        snprintf(text, sizeof(text), "192.0.%u.%u", i / 256, i % 256);
        why = add(builder, "many.z63", WIRE_A, 60, text);
    }
    assert_string_equal(why,
                        "more records of one name than an answer can hold: 256, and 48 KiB");
    assert_int_equal(i, LOCAL_ZONE_NAME_RECORDS_MAX + 1);
    memset(text, 'x', sizeof(text));
    text[250] = '\0';
    why = NULL;
    for (i = 0; i < 256 && why == NULL; i++) {
        text[0] = (char)(i == 0 ? 1 : i);
        why = add(builder, "large.z63", WIRE_TXT, 60, text);
    }
    assert_string_equal(why,
                        "more records of one name than an answer can hold: 256, and 48 KiB");
    assert_true(i > 190 && i < 200);
    local_zones_builder_free(builder);
}

static void all_zones_are_bounded(void **state)
{
    struct local_zones_builder *builder = local_zones_builder_create();
    const char *why = NULL;
    char text[64];
    size_t i;

    (void)state;
    assert_null(add(builder, "lan", WIRE_SOA, 60, "ns"));
    for (i = 0; i <= LOCAL_RECORDS_MAX && why == NULL; i++) {
        snprintf(text, sizeof(text), "n%zu.lan", i);
        why = add(builder, text, WIRE_A, 60, "192.0.2.1");
    }
    assert_string_equal(why, "more than 100000 records in all zones");
    assert_int_equal(i, LOCAL_RECORDS_MAX); /* and the SOA */
    local_zones_builder_free(builder);

    builder = local_zones_builder_create();
    assert_null(add(builder, "lan", WIRE_SOA, 60, "ns"));
    why = NULL;
    for (i = 0; i <= LOCAL_RECORDS_MAX && why == NULL; i++) {
        snprintf(text, sizeof(text), "a.b.c.d.n%zu.lan", i);
        why = add(builder, text, WIRE_A, 60, "192.0.2.1");
    }
    assert_string_equal(why, "more than 400000 names in all zones, with those in between");
    assert_int_equal(i, LOCAL_ZONE_NAMES_MAX / 5);
    local_zones_builder_free(builder);
}

/* Records too long for their number: 64 MiB in 48 KiB each. */
static void the_octets_of_all_zones_are_bounded(void **state)
{
    struct local_zones_builder *builder = local_zones_builder_create();
    uint8_t *rdata = calloc(1, LOCAL_ZONE_NAME_OCTETS_MAX);
    const char *why = NULL;
    size_t i;

    (void)state;
    assert_non_null(rdata);
    assert_null(add(builder, "lan", WIRE_SOA, 60, "ns"));
    for (i = 0; i <= 2000 && why == NULL; i++) {
        char text[32];
        snprintf(text, sizeof(text), "n%zu.lan", i);
        const struct wire_name name = name_of(text);
        const struct local_zone_record record = {&name, WIRE_TXT, 60, rdata,
                                                 LOCAL_ZONE_NAME_OCTETS_MAX};
        why = local_zones_add(builder, &record);
    }
    assert_string_equal(why, "the records of all zones are more than 64 MiB");
    assert_int_equal(i, LOCAL_ZONE_OCTETS_MAX / LOCAL_ZONE_NAME_OCTETS_MAX + 1);
    free(rdata);
    local_zones_builder_free(builder);
}

/* The order of who says what: see local_find(). */
static void zones_come_before_what_is_special_and_behind_what_is_forwarded(void **state)
{
    static const struct {
        const char *name;
        uint16_t type;
        unsigned forwarded;
        bool special;
        enum local_kind kind;
    } rows[] = {
        {"nas.home.arpa", WIRE_A, 0, true, LOCAL_ZONE},
        {"none.home.arpa", WIRE_A, 0, true, LOCAL_ZONE},
        {"home.arpa", WIRE_SOA, 0, true, LOCAL_ZONE},
        {"home.arpa", WIRE_DS, 0, true, LOCAL_NOT}, /* its parent's (RFC 8375, 4) */
        {"home.arpa", WIRE_DS, 0, false, LOCAL_ZONE},
        {"nas.home.arpa", WIRE_DS, 0, true, LOCAL_ZONE},
        {"arpa", WIRE_A, 0, true, LOCAL_NOT},
        /* above a zone in an empty zone: it exists */
        {"0.10.in-addr.arpa", WIRE_A, 0, true, LOCAL_NODATA},
        {"1.10.in-addr.arpa", WIRE_A, 0, true, LOCAL_NXDOMAIN},
        {"9.0.0.10.in-addr.arpa", WIRE_PTR, 0, true, LOCAL_ZONE},
        /* a zone with upstreams of its own inside, around, and the same */
        {"x.ad.corp", WIRE_A, 2, true, LOCAL_NOT},
        {"x.corp", WIRE_A, 0, true, LOCAL_ZONE},
        {"nas.home.arpa", WIRE_A, 1, true, LOCAL_ZONE},
        {"nas.home.arpa", WIRE_A, 2, true, LOCAL_NOT},
        /* localhost is as always */
        {"localhost", WIRE_A, 0, true, LOCAL_DATA},
        {"_dns.resolver.arpa", WIRE_SVCB, 0, true, LOCAL_NODATA},
    };
    struct local_zones_builder *builder = local_zones_builder_create();
    struct local_builder *names_builder = local_builder_create();
    struct local_names *names = NULL;

    (void)state;
    assert_null(add(builder, "home.arpa", WIRE_SOA, 60, "ns"));
    assert_null(add(builder, "nas.home.arpa", WIRE_A, 60, "192.0.2.1"));
    assert_null(add(builder, "0.0.10.in-addr.arpa", WIRE_SOA, 60, "ns"));
    assert_null(add(builder, "corp", WIRE_SOA, 60, "ns"));
    assert_int_equal(local_names_build(names_builder, 60, hash_key, NULL, &names), 0);
    local_builder_free(names_builder);
    local_names_take_zones(names, build(builder));
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct wire_name name = name_of(rows[i].name);
        struct local_answer answer;

        local_find(names, rows[i].special, rows[i].forwarded, &name, rows[i].type, &answer);
        if (answer.kind != rows[i].kind) {
            fail_msg("row %zu: %s: %d", i, rows[i].name, answer.kind);
        }
    }
    local_names_free(names);
}

/* A zone around them does not take them. */
static void names_for_discovery_stay_empty(void **state)
{
    struct local_zones_builder *builder = local_zones_builder_create();
    struct local_builder *names_builder = local_builder_create();
    const struct wire_name name = name_of("_dns.resolver.arpa");
    const struct wire_name other = name_of("other.arpa");
    struct local_names *names = NULL;
    struct local_answer answer;

    (void)state;
    assert_null(add(builder, "arpa", WIRE_SOA, 60, "ns"));
    assert_string_equal(add(builder, "_dns.resolver.arpa", WIRE_SVCB, 60, "x"),
                        "names in resolver.arpa are for the discovery of resolvers (RFC 9462)");
    assert_int_equal(local_names_build(names_builder, 60, hash_key, NULL, &names), 0);
    local_builder_free(names_builder);
    local_names_take_zones(names, build(builder));
    local_find(names, true, 0, &name, WIRE_SVCB, &answer);
    assert_int_equal(answer.kind, LOCAL_NODATA);
    local_find(names, true, 0, &other, WIRE_A, &answer);
    assert_int_equal(answer.kind, LOCAL_ZONE);
    local_names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_is_found_as_an_authoritative_server_finds_it),
        cmocka_unit_test(a_name_above_a_zone_has_something_below_it),
        cmocka_unit_test(records_that_cannot_stand_in_a_zone_are_refused),
        cmocka_unit_test(aliases_that_lead_nowhere_are_refused),
        cmocka_unit_test(eleven_aliases_are_followed_and_not_twelve),
        cmocka_unit_test(names_for_discovery_stay_empty),
        cmocka_unit_test(a_zone_is_bounded),
        cmocka_unit_test(all_zones_are_bounded),
        cmocka_unit_test(the_octets_of_all_zones_are_bounded),
        cmocka_unit_test(zones_come_before_what_is_special_and_behind_what_is_forwarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
