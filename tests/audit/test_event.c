/* audit/event: what goes into a ring comes out of it, and octets that are no record do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/event.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* Octets before the asked name, and behind the names, of a client with an IPv4 address: a
 * record with one name is both + 1 + its length. */
#define RECORD_HEAD 54
#define RECORD_TAIL 6

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

static struct address address_of(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(text, strlen(text), 0, &address), 0);
    return address;
}

/* The longest name that there is: 255 octets, its first label made different by mark. */
static struct wire_name longest_name(uint8_t mark)
{
    struct wire_name name = {.len = 255, .labels = 4};
    static const uint8_t lengths[] = {63, 63, 63, 61};
    unsigned at = 0;

    for (unsigned i = 0; i < ITEMS(lengths); i++) {
        name.at[i] = (uint8_t)at;
        name.octets[at] = lengths[i];
        memset(name.octets + at + 1, 'a', lengths[i]);
        at += 1u + lengths[i];
    }
    name.at[4] = (uint8_t)at;
    name.octets[1] = mark;
    assert_int_equal(at, 254);
    return name;
}

static void assert_name(const struct wire_name *a, const struct wire_name *b)
{
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->labels, b->labels);
    assert_memory_equal(a->octets, b->octets, a->len);
    assert_memory_equal(a->at, b->at, a->labels + 1u);
}

static struct policy_hit hit_on(const char *name, uint8_t hop)
{
    return (struct policy_hit){
        .set = 70000,
        .row = 3,
        .list = 2,
        .labels = 2,
        .trigger = hop > 0 ? POLICY_TRIGGER_HOP : POLICY_TRIGGER_QNAME,
        .hop = hop,
        .mode = POLICY_MODE_ENFORCE,
        .action = POLICY_ACTION_SINKHOLE,
        .kind = POLICY_BLOCK,
        .name = name_of(name),
    };
}

static struct audit_decision decision_on(const struct wire_name *name,
                                         const struct policy_hit *hit)
{
    return (struct audit_decision){
        .wall_us = 1800000000123456,
        .latency_us = 345,
        .generation = 0x0102030405060708,
        .client = address_of("192.0.2.77@40000"),
        .name = name,
        .type = 28,
        .transport = AUDIT_TCP,
        .view = 1,
        .rcode = 3,
        .applied = true,
        .hit = hit,
    };
}

/* Puts the decision into a fresh ring and takes it out; *len is the record's length. */
static void through_a_ring(const struct audit_decision *decision, struct audit_event *out,
                           size_t *len)
{
    struct ring *ring = ring_create(AUDIT_RING_MIN);

    assert_non_null(ring);
    assert_true(audit_event_put(ring, decision));
    const void *record = ring_peek(ring, len);
    assert_non_null(record);
    assert_true(audit_event_generation(record, *len) == decision->generation);
    assert_true(audit_event_get(record, *len, out));
    ring_release(ring);
    assert_null(ring_peek(ring, &(size_t){0}));
    ring_destroy(ring);
}

static void a_blocked_question_comes_out_as_it_went_in(void **state)
{
    const struct wire_name name = name_of("oss.cloud.example");
    const struct policy_hit hit = hit_on("oss.cloud.example", 0);
    const struct audit_decision in = decision_on(&name, &hit);
    struct audit_event out;
    size_t len = 0;

    (void)state;
    through_a_ring(&in, &out, &len);
    assert_true(out.wall_us == in.wall_us && out.generation == in.generation);
    assert_int_equal(out.latency_us, 345);
    assert_true(address_equal(&out.client, &in.client));
    assert_int_equal(out.upstream.family, ADDRESS_NONE);
    assert_int_equal(out.type, 28);
    assert_int_equal(out.transport, AUDIT_TCP);
    assert_int_equal(out.view, 1);
    assert_int_equal(out.rcode, 3);
    assert_true(out.applied);
    assert_int_equal(out.cached, AUDIT_CACHED_NOT);
    assert_name(&out.name, &name);
    assert_name(&out.hit.name, &name);
    assert_int_equal(out.hit.set, 70000);
    assert_int_equal(out.hit.row, 3);
    assert_int_equal(out.hit.list, 2);
    assert_int_equal(out.hit.labels, 2);
    assert_int_equal(out.hit.trigger, POLICY_TRIGGER_QNAME);
    assert_int_equal(out.hit.hop, 0);
    assert_int_equal(out.hit.mode, POLICY_MODE_ENFORCE);
    assert_int_equal(out.hit.action, POLICY_ACTION_SINKHOLE);
    assert_int_equal(out.hit.kind, POLICY_BLOCK);
    assert_int_equal(out.chain.count, 0);
    assert_int_equal(len,
                     RECORD_HEAD + 1 + name.len + RECORD_TAIL); /* the name is stored once */
}

static void a_hop_brings_the_chain_up_to_it_and_no_further(void **state)
{
    const struct wire_name name = name_of("www.shop.example");
    const struct policy_hit hit = hit_on("edge.cloud.example", 2);
    struct audit_decision in = decision_on(&name, &hit);
    struct policy_chain chain = {.count = 4};
    struct audit_event out;
    size_t len = 0;

    (void)state;
    chain.names[0] = name;
    chain.names[1] = name_of("shop.cdn.example");
    chain.names[2] = name_of("edge.cloud.example");
    chain.names[3] = name_of("hidden.cloud.example");
    in.chain = &chain;
    in.applied = false;
    in.cached = AUDIT_CACHED_FRESH;
    in.upstream = address_of("2001:db8::53@53");
    through_a_ring(&in, &out, &len);
    assert_int_equal(out.chain.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_name(&out.chain.names[i], &chain.names[i]);
    }
    assert_name(&out.hit.name, &chain.names[2]);
    assert_false(out.applied);
    assert_int_equal(out.cached, AUDIT_CACHED_FRESH);
    in.cached = AUDIT_CACHED_STALE;
    through_a_ring(&in, &out, &len);
    assert_int_equal(out.cached, AUDIT_CACHED_STALE);
    assert_true(address_equal(&out.upstream, &in.upstream));
}

/* Each address has as many octets in the record as it needs. */
static void any_addresses_come_out_beside_each_other(void **state)
{
    const struct address any[] = {{.family = ADDRESS_NONE},
                                  address_of("192.0.2.77@40000"),
                                  address_of("2001:db8::7@1"),
                                  address_of("fe80::1%1@65535")};
    const struct wire_name name = name_of("www.a.example");
    struct policy_hit hit = hit_on("www.a.example", 0);
    struct audit_event out;
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < ITEMS(any) * ITEMS(any) * ITEMS(any); i++) {
        struct audit_decision in = decision_on(&name, &hit);

        in.client = any[i % ITEMS(any)];
        in.upstream = any[i / ITEMS(any) % ITEMS(any)];
        hit.address = any[i / ITEMS(any) / ITEMS(any)];
        hit.family = hit.address.family;
        through_a_ring(&in, &out, &len);
        assert_true(address_equal(&out.client, &in.client));
        assert_int_equal(out.client.scope, in.client.scope);
        assert_true(address_equal(&out.upstream, &in.upstream));
        assert_true(address_equal(&out.hit.address, &hit.address));
        assert_name(&out.name, &name);
    }
}

static void a_denial_by_default_is_no_rule_when_it_comes_out(void **state)
{
    const struct wire_name name = name_of("www.example.net");
    struct policy_hit hit = hit_on("www.example.net", 0);
    struct audit_event out;
    size_t len = 0;

    (void)state;
    for (unsigned ground = POLICY_GROUND_RULE; ground <= POLICY_GROUND_CLIENT; ground++) {
        hit.ground = (uint8_t)ground;
        hit.list = ground != POLICY_GROUND_RULE ? POLICY_LIST_NONE : 2;
        struct audit_decision in = decision_on(&name, &hit);
        through_a_ring(&in, &out, &len);
        assert_int_equal(out.hit.ground, ground);
        assert_int_equal(out.hit.list, hit.list);
    }
}

static void an_address_and_a_target_off_the_chain_are_kept(void **state)
{
    const struct wire_name name = name_of("www.shop.example");
    struct policy_hit hit = hit_on("svc.cloud.example", 0);
    struct audit_decision in = decision_on(&name, &hit);
    struct policy_chain chain = {.count = 1, .names = {name}};
    struct audit_event out;
    size_t len = 0;

    (void)state;
    in.chain = &chain;
    hit.trigger = POLICY_TRIGGER_SVCB; /* its target is on no chain */
    through_a_ring(&in, &out, &len);
    assert_int_equal(out.chain.count, 1);
    assert_name(&out.chain.names[0], &name);
    assert_name(&out.hit.name, &hit.name);

    hit.trigger = POLICY_TRIGGER_ADDRESS;
    hit.name = name;
    hit.address = address_of("203.0.113.9");
    hit.labels = 24;
    hit.family = ADDRESS_V4;
    through_a_ring(&in, &out, &len);
    assert_true(address_equal(&out.hit.address, &hit.address));
    assert_int_equal(out.hit.family, ADDRESS_V4);
    assert_name(&out.hit.name, &name);

    hit.address = address_of("64:ff9b::203.0.113.9"); /* by the IPv4 host that it leads to */
    through_a_ring(&in, &out, &len);
    assert_int_equal(out.hit.address.family, ADDRESS_V6);
    assert_int_equal(out.hit.family, ADDRESS_V4);
    hit.family = ADDRESS_V6;
    through_a_ring(&in, &out, &len);
    assert_int_equal(out.hit.family, ADDRESS_V6);
}

static void the_longest_record_fits_and_keeps_every_name(void **state)
{
    const struct wire_name name = longest_name('n');
    struct policy_hit hit = hit_on("x.example", POLICY_HOPS_MAX);
    struct audit_decision in = decision_on(&name, &hit);
    struct policy_chain chain = {.count = POLICY_HOPS_MAX + 1};
    struct audit_event out;
    size_t len = 0;

    (void)state;
    for (uint8_t i = 0; i <= POLICY_HOPS_MAX; i++) {
        chain.names[i] = longest_name((uint8_t)('A' + i));
    }
    hit.name = longest_name('h');
    in.chain = &chain;
    through_a_ring(&in, &out, &len);
    assert_true(len <= AUDIT_RECORD_MAX);
    assert_int_equal(len, RECORD_HEAD + (POLICY_HOPS_MAX + 3) * 256 + RECORD_TAIL);
    assert_name(&out.chain.names[POLICY_HOPS_MAX], &chain.names[POLICY_HOPS_MAX]);
    assert_name(&out.hit.name, &hit.name);
}

static void the_root_can_be_asked_for(void **state)
{
    const struct wire_name root = name_of(".");
    struct policy_hit hit = hit_on(".", 0);
    const struct audit_decision in = decision_on(&root, &hit);
    struct audit_event out;
    size_t len = 0;

    (void)state;
    hit.labels = 0;
    through_a_ring(&in, &out, &len);
    assert_name(&out.name, &root);
    assert_name(&out.hit.name, &root);
}

static void a_full_ring_refuses_and_takes_again_when_read(void **state)
{
    const struct wire_name name = name_of("oss.cloud.example");
    const struct policy_hit hit = hit_on("oss.cloud.example", 0);
    const struct audit_decision in = decision_on(&name, &hit);
    struct ring *ring = ring_create(AUDIT_RING_MIN);
    struct audit_event out;
    unsigned taken = 0;
    size_t len = 0;

    (void)state;
    while (audit_event_put(ring, &in)) {
        taken++;
        assert_true(taken < 10000);
    }
    assert_true(taken > 100);
    assert_false(audit_event_put(ring, &in)); /* and stays refused */
    for (unsigned i = 0; i < taken; i++) {
        const void *record = ring_peek(ring, &len);
        assert_non_null(record);
        assert_true(audit_event_get(record, len, &out));
        ring_release(ring);
    }
    assert_true(audit_event_put(ring, &in));
    ring_destroy(ring);
}

/* Where the head keeps what the cases below spoil: by way of a record with known numbers. */
static size_t find_octet(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i]) {
            return i;
        }
    }
    fail_msg("the records are equal");
    return 0;
}

static size_t pack(const struct audit_decision *decision, uint8_t *out)
{
    struct ring *ring = ring_create(AUDIT_RING_MIN);
    size_t len = 0;

    assert_true(audit_event_put(ring, decision));
    const void *record = ring_peek(ring, &len);
    memcpy(out, record, len);
    ring_release(ring);
    ring_destroy(ring);
    return len;
}

static void no_cut_record_is_read(void **state)
{
    const struct wire_name name = name_of("www.shop.example");
    const struct policy_hit hit = hit_on("edge.cloud.example", 1);
    struct audit_decision in = decision_on(&name, &hit);
    struct policy_chain chain = {.count = 2};
    struct audit_event out;
    uint8_t record[AUDIT_RECORD_MAX];

    (void)state;
    chain.names[0] = name;
    chain.names[1] = name_of("other.cloud.example");
    in.chain = &chain;
    const size_t len = pack(&in, record);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *exact = malloc(cut > 0 ? cut : 1); /* one octet too many is seen by ASan */
        assert_non_null(exact);
        memcpy(exact, record, cut);
        assert_false(audit_event_get(exact, cut, &out));
        assert_true(cut >= RECORD_HEAD || audit_event_guess(exact, cut) == 0);
        free(exact);
    }
    assert_true(audit_event_get(record, len, &out));
    assert_false(audit_event_get(record, len + 1, &out)); /* an octet left over */
    assert_true(audit_event_generation(record, 7) == 0);
}

/* Of names that the worker knows, and of types that are asked for side by side, each has a
 * guess of its own; of others there is none. */
static void what_is_known_has_a_guess(void **state)
{
    static const uint16_t types[] = {1, 28, 65}; /* A, AAAA, HTTPS */
    const struct wire_name name = name_of("shop.example");
    const struct policy_hit hit = hit_on("shop.example", 0);
    struct audit_decision in = decision_on(&name, &hit);
    static bool taken[AUDIT_GUESSES];
    uint8_t record[AUDIT_RECORD_MAX];

    (void)state;
    assert_int_equal(audit_event_guess(record, pack(&in, record)), 0);
    for (in.known = 1; in.known < 300; in.known++) {
        for (size_t i = 0; i < ITEMS(types); i++) {
            in.type = types[i];
            const uint32_t guess = audit_event_guess(record, pack(&in, record));

            assert_in_range(guess, 1, AUDIT_GUESSES - 1);
            assert_false(taken[guess]);
            taken[guess] = true;
        }
    }
    in.known = UINT16_MAX;
    assert_in_range(audit_event_guess(record, pack(&in, record)), 0, AUDIT_GUESSES - 1);
}

static void numbers_that_have_no_word_are_refused(void **state)
{
    const struct wire_name name = name_of("www.shop.example");
    struct policy_hit hit = hit_on("www.shop.example", 0);
    const struct audit_decision in = decision_on(&name, &hit);
    struct policy_hit other = hit;
    struct audit_decision changed = in;
    struct audit_event out;
    uint8_t record[AUDIT_RECORD_MAX];
    uint8_t with[AUDIT_RECORD_MAX];

    (void)state;
    const size_t len = pack(&in, record);
    changed.hit = &other;
    const struct {
        uint8_t *field;
        uint8_t valid; /* finds the octet */
        uint8_t wrong;
    } cases[] = {
        {&other.trigger, POLICY_TRIGGER_SVCB, POLICY_TRIGGERS},
        {&other.mode, POLICY_MODE_LOG, POLICY_MODE_OFF}, /* off decides nothing */
        {&other.mode, POLICY_MODE_LOG, POLICY_MODE_ENFORCE + 1},
        {&other.action, POLICY_ACTION_LOG, POLICY_ACTION_DEFAULT},
        {&other.action, POLICY_ACTION_LOG, POLICY_ACTION_LOG + 1},
        {&other.kind, POLICY_PASS, POLICY_PASS + 1},
        {&other.hop, 1, POLICY_HOPS_MAX + 1},
        {&changed.transport, AUDIT_UDP, AUDIT_TCP + 1},
        {&changed.client.family, ADDRESS_V6, 5},
        {&changed.upstream.family, ADDRESS_V4, 2},
        {&other.address.family, ADDRESS_V4, 255},
    };
    for (size_t i = 0; i < ITEMS(cases); i++) {
        other = hit;
        changed = in;
        changed.hit = &other;
        *cases[i].field = cases[i].valid;
        const size_t changed_len = pack(&changed, with); /* addresses make it longer */
        assert_true(changed_len >= len);
        const size_t at = find_octet(record, with, len);
        assert_true(audit_event_get(with, changed_len, &out));
        with[at] = cases[i].wrong;
        assert_false(audit_event_get(with, changed_len, &out));
    }
    /* An exception lets through: another action beside it is none of ours. */
    other = hit;
    other.exception = 7;
    other.action = POLICY_ACTION_PASS;
    changed = in;
    changed.hit = &other;
    assert_int_equal(pack(&changed, with), len);
    assert_true(audit_event_get(with, len, &out));
    assert_int_equal(out.hit.exception, 7);
    other.action = POLICY_ACTION_SINKHOLE;
    assert_int_equal(pack(&changed, with), len);
    assert_false(audit_event_get(with, len, &out));
}

static void names_that_are_none_are_refused(void **state)
{
    const struct wire_name name = name_of("ab.cd");
    const struct policy_hit hit = hit_on("ab.cd", 0);
    const struct audit_decision in = decision_on(&name, &hit);
    static const struct {
        size_t at; /* octet after the name's length octet */
        uint8_t octet;
    } cases[] = {
        {0, 64},   /* a label longer than there are */
        {0, 0xc0}, /* a compression pointer */
        {0, 1},    /* labels that miss the end */
        {3, 3},    /* a label over the end */
        {6, 1},    /* no root at the end */
        {0, 0},    /* the root in the middle */
    };
    struct audit_event out;
    uint8_t record[AUDIT_RECORD_MAX];

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const size_t len = pack(&in, record);
        assert_int_equal(len, RECORD_HEAD + 1 + name.len + RECORD_TAIL);
        record[RECORD_HEAD + 1 + cases[i].at] = cases[i].octet;
        assert_false(audit_event_get(record, len, &out));
    }
    const size_t len = pack(&in, record);
    record[RECORD_HEAD] = 0; /* "the asked name again", where it is the asked name */
    assert_false(audit_event_get(record, len, &out));
    record[RECORD_HEAD] = 200; /* longer than the record */
    assert_false(audit_event_get(record, len, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blocked_question_comes_out_as_it_went_in),
        cmocka_unit_test(a_hop_brings_the_chain_up_to_it_and_no_further),
        cmocka_unit_test(any_addresses_come_out_beside_each_other),
        cmocka_unit_test(a_denial_by_default_is_no_rule_when_it_comes_out),
        cmocka_unit_test(an_address_and_a_target_off_the_chain_are_kept),
        cmocka_unit_test(the_longest_record_fits_and_keeps_every_name),
        cmocka_unit_test(the_root_can_be_asked_for),
        cmocka_unit_test(a_full_ring_refuses_and_takes_again_when_read),
        cmocka_unit_test(no_cut_record_is_read),
        cmocka_unit_test(what_is_known_has_a_guess),
        cmocka_unit_test(numbers_that_have_no_word_are_refused),
        cmocka_unit_test(names_that_are_none_are_refused),
    };
    return cmocka_run_group_tests_name("audit/event", tests, NULL, NULL);
}
