/*
 * What a question is answered by what is ready for it (query/ready.h) is octet for octet what
 * the general way would write, with the same events and counters: blocked, for each action,
 * type, view, setting and change, or from the cache; whatever the question's case, flags, EDNS
 * and transport.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/sides.h"

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))
#define VIEWS        7u
#define MANNERS      1u /* questions of each kind, all else by chance */

#define RULE(what, name, more) \
    what " suffix " name " category=a scope=cloud confidence=high" more " evidence=\"x\"\n"

static const struct {
    const char *id, *provider, *legal, *rules;
} lists[] = {
    {"l0", "prov", "",
     RULE("block", "sink.example", "") RULE("block", "nx.example", " action=nxdomain")
         RULE("block", "kept.example", " action=nxdomain") RULE("pass", "www.kept.example", "")
             RULE("block", "nodata.example", " action=nodata")
                 RULE("block", "refused.example", " action=refused")
                     RULE("block", "drop.example", " action=drop")
                         RULE("block", "tc.example", " action=truncate")
                             RULE("block", "log.example", " action=log")
                                 RULE("block", "deep.example", "")
                                     RULE("block", "deepnx.example", " action=nxdomain")},
    {"a-list-with-a-name-that-is-cut", "a-provider-with-a-name-that-is-cut",
     "legal-requirement somebody says so\n",
     RULE("block", "law.example", "") RULE("block", "lawnx.example", " action=nxdomain")
         RULE("block", "a.cordon.invalid", "") RULE("block", "nx.invalid", " action=nxdomain")
             RULE("block", "x.nobody.invalid", " action=nodata")},
    {"l2", "other", "",
     RULE("block", "sink.example", " action=nodata") RULE("block", "only2.example", "")},
};

static const char *const names[] = {"sink.example",
                                    "a.b.sink.example",
                                    "nx.example",
                                    "a.nx.example",
                                    "kept.example",
                                    "x.kept.example",
                                    "www.kept.example",
                                    "nodata.example",
                                    "refused.example",
                                    "drop.example",
                                    "tc.example",
                                    "log.example",
                                    "law.example",
                                    "b.lawnx.example",
                                    "a.cordon.invalid",
                                    "q.a.cordon.invalid",
                                    "nx.invalid",
                                    "x.nobody.invalid",
                                    "only2.example",
                                    "unlisted.example",
                                    "a.unlisted.example",
                                    "example",
                                    "."};

static const uint16_t types[] = {WIRE_A,   WIRE_AAAA, WIRE_HTTPS, WIRE_SVCB,  WIRE_TXT,
                                 WIRE_ANY, WIRE_NS,   WIRE_SOA,   WIRE_CNAME, 65280};

static struct policy_image *make_image(void)
{
    struct policy_list *parsed[COUNT(lists)] = {NULL};
    struct policy_image *image = NULL;
    struct report report;

    report_init(&report);
    for (size_t i = 0; i < COUNT(lists); i++) {
        char text[4096];
        const int len = snprintf(
            text, sizeof(text),
            "cordon-list 1\nid %s\ntitle T\nprovider %s P\nserial %u\n"
            "created 2026-01-01T00:00:00Z\nexpires 2027-01-01T00:00:00Z\n%srules\n%send\n",
            lists[i].id, lists[i].provider, i == 1 ? 4294967295u : 7u + (unsigned)i,
            lists[i].legal, lists[i].rules);

        assert_true(len > 0 && (size_t)len < sizeof(text));
        assert_int_equal(policy_list_parse(text, (size_t)len, "t", &report, &parsed[i]), 0);
    }
    assert_int_equal(
        policy_image_build((const struct policy_list *const *)parsed, COUNT(lists), &image), 0);
    for (size_t i = 0; i < COUNT(lists); i++) {
        policy_list_free(parsed[i]);
    }
    report_deinit(&report);
    return image;
}

/* Views: as it is; actions of the operator; one list recorded, another off; recorded alone;
 * denied by default; by default not existing; all its clients. */
static struct policy *make_policy(uint64_t generation)
{
    static const struct policy_list_setting all[] = {
        {.id = "l0", .mode = POLICY_MODE_ENFORCE},
        {.id = "a-list-with-a-name-that-is-cut", .mode = POLICY_MODE_ENFORCE},
        {.id = "l2", .mode = POLICY_MODE_ENFORCE}};
    static const struct policy_list_setting acted[] = {
        {.id = "l2", .mode = POLICY_MODE_ENFORCE, .action = POLICY_ACTION_NXDOMAIN},
        {.id = "l0", .mode = POLICY_MODE_ENFORCE, .action = POLICY_ACTION_NODATA}};
    static const struct policy_list_setting mixed[] = {
        {.id = "l0", .mode = POLICY_MODE_LOG}, {.id = "l2", .mode = POLICY_MODE_ENFORCE}};
    const struct policy_view_setting views[VIEWS] = {
        {.name = "plain", .lists = all, .list_count = COUNT(all)},
        {.name = "acted", .lists = acted, .list_count = COUNT(acted)},
        {.name = "mixed", .lists = mixed, .list_count = COUNT(mixed)},
        {.name = "recorded", .lists = all, .list_count = COUNT(all), .log_only = true},
        {.name = "denied", .lists = all, .list_count = COUNT(all), .deny = true},
        {.name = "a-view-with-a-name-that-is-cut",
         .lists = all,
         .list_count = COUNT(all),
         .deny = true,
         .action = POLICY_ACTION_NXDOMAIN},
        {.name = "clients",
         .lists = all,
         .list_count = COUNT(all),
         .client = POLICY_CLIENT_BLOCK}};
    struct policy *policy = NULL;
    struct report report;

    report_init(&report);
    assert_int_equal(policy_create(make_image(), views, VIEWS, generation, &report, &policy),
                     0);
    report_deinit(&report);
    return policy;
}

/* What people change: nothing; a name and a rule excepted; a list paused; all of them. */
static struct policy *change(const struct policy *base, unsigned which, uint64_t generation)
{
    static const char *const paused[] = {"l0"};
    struct policy_exception exceptions[2] = {{.view = POLICY_ANY_VIEW, .ticket = "t"},
                                             {.view = 0, .ticket = "u"}};
    struct policy_changes changes = {.pause_all = which == 3};
    struct policy *policy = NULL;

    assert_int_equal(wire_name_from_text("b.sink.example", 14, &exceptions[0].name),
                     WIRE_TEXT_OK);
    assert_null(policy_exception_read_rule("l0: block suffix nx.example", 27, &exceptions[1]));
    if (which == 1) {
        changes.exceptions = exceptions;
        changes.exception_count = 2;
    } else if (which == 2) {
        changes.paused = paused;
        changes.paused_count = 1;
    }
    assert_int_equal(policy_derive(base, &changes, generation, &policy), 0);
    return policy;
}

/* What the operator sets; the last has views of its own for some of the policy's alone. */
static void set(unsigned which, struct query_settings *settings)
{
#define V4                                               \
    {                                                    \
        .family = ADDRESS_V4, .octets = { 192, 0, 2, 1 } \
    }
#define V6                                                     \
    {                                                          \
        .family = ADDRESS_V6, .octets = { 0x20, 1, 0xd, 0xb8 } \
    }
#define NONE                   \
    {                          \
        .family = ADDRESS_NONE \
    }
    static const struct query_view views[] = {
        {"plain", V4, V6},   {"acted", V4, NONE},
        {"mixed", NONE, V6}, {"recorded", V6, V4},
        {"denied", V4, V6},  {"a-view-with-a-name-that-is-cut", NONE, NONE}};

    settings->ede = which != 1;
    settings->block_ede = which == 2 ? 17 : which == 3 ? 0 : WIRE_EDE_NONE;
    settings->block_ttl_s = which == 0 ? 10 : which == 3 ? 0 : 86400;
    settings->udp_size = which == 2 ? 512 : which == 3 ? 4096 : 1232;
    settings->views = views;
    settings->view_count = which == 0 ? 0 : which == 4 ? 3 : COUNT(views);
}

static size_t append(uint8_t *at, uint16_t code, const uint8_t *octets, size_t len)
{
    wire_put16(at, code);
    wire_put16(at + 2, (uint16_t)len);
    memcpy(at + 4, octets, len);
    return 4 + len;
}

/* EDNS of any kind, or none. */
static size_t put_opt(struct random *random, uint8_t *at)
{
    static const uint16_t sizes[] = {0, 512, 600, 1232, 4096, 65535};
    static const uint8_t cookie[8] = "cookie!";
    size_t len = 11;

    if (random_below(random, 4) == 0) {
        return 0;
    }
    memset(at, 0, len);
    wire_put16(at + 1, WIRE_OPT);
    wire_put16(at + 3, sizes[random_below(random, COUNT(sizes))]);
    wire_put16(at + 7, random_below(random, 2) == 0 ? WIRE_EDNS_DO : 0);
    if (random_below(random, 6) == 0) {
        len += append(at + len, WIRE_OPTION_COOKIE, cookie, sizeof(cookie));
    }
    if (random_below(random, 4) == 0) {
        len += append(at + len, WIRE_OPTION_KEEPALIVE, cookie, 0);
    }
    wire_put16(at + 9, (uint16_t)(len - 11));
    return len;
}

static size_t make_question(struct random *random, const struct wire_name *name, uint16_t type,
                            uint8_t octets[512])
{
    size_t len = WIRE_HEADER_OCTETS;
    uint16_t flags = random_below(random, 4) == 0 ? 0 : WIRE_FLAG_RD;

    flags |= random_below(random, 4) == 0 ? WIRE_FLAG_CD : 0;
    flags |= random_below(random, 8) == 0 ? WIRE_FLAG_AD | WIRE_FLAG_TC : 0;
    memset(octets, 0, 512);
    wire_put16(octets, random_u16(random));
    wire_put16(octets + 2, flags);
    wire_put16(octets + 4, 1);
    memcpy(octets + len, name->octets, name->len);
    for (unsigned i = 0; i < name->labels; i++) { /* in any case */
        for (unsigned at = 1; at <= name->octets[name->at[i]]; at++) {
            uint8_t *octet = &octets[len + name->at[i] + at];

            *octet ^= *octet >= 'a' && *octet <= 'z' && random_below(random, 2) != 0 ? 0x20 : 0;
        }
    }
    len += name->len;
    wire_put16(octets + len, type);
    wire_put16(octets + len + 2, WIRE_IN);
    len += 4;
    const size_t opt = put_opt(random, octets + len);
    octets[11] = opt > 0 ? 1 : 0;
    return len + opt;
}

static void run_side(struct side *side, const struct query_client *client, size_t room,
                     const uint8_t *octets, size_t len)
{
    struct query *q = query_take(side->bench->engine);

    side->room = room;
    side->lens[0] = 0;
    side->slots[0] = q;
    memset(side->answers[0], 0xee, 1024);
    query_client_of(q)->from = client->from;
    query_client_of(q)->transport = client->transport;
    query_client_of(q)->keepalive_100ms = client->keepalive_100ms;
    query_run(side->bench->engine, q, octets, len);
}

/* The general way: nothing is ready. */
static void open_side(struct side *side)
{
    sides_open(side, 16, 64);
    query_cookies_init(&side->bench->engine->cookies,
                       (const uint8_t[QUERY_COOKIE_KEY_OCTETS]){1});
}

static void adopt(struct side *side, const struct policy *policy, bool ready)
{
    query_engine_adopt(side->bench->engine, policy, &side->bench->settings);
    assert_int_equal(side->bench->engine->ready.lists, COUNT(lists));
    assert_true(side->bench->engine->ready.has_plain);
    if (!ready) {
        side->bench->engine->ready.lists = 0;
        side->bench->engine->ready.has_plain = false;
    }
}

static void keep(struct side *side, const struct cache_key *key, unsigned records)
{
    static const uint8_t rdata[16] = {192, 0, 2, 7};
    uint8_t octets[4096], raw[WIRE_NAME_MAX + 4];
    struct wire_writer writer;

    memcpy(raw, key->name->octets, key->name->len);
    wire_put16(raw + key->name->len, key->type);
    wire_put16(raw + key->name->len + 2, WIRE_IN);
    wire_writer_begin(&writer, octets, sizeof(octets), raw, key->name->len + 4u);
    for (unsigned i = 0; i < records; i++) {
        wire_write_record(&writer, WIRE_ANSWER, key->name, key->type, 86400 + i, rdata,
                          key->type == WIRE_A ? 4 : 16);
    }
    if (records == 0) {
        block_write_soa(&writer, key->name, 1, 86400);
    }
    const unsigned rcode = records == 0 ? WIRE_NXDOMAIN : WIRE_NOERROR;
    const struct cache_entry entry = {
        .kind = CACHE_ANSWER,
        .ttl_s = 86400,
        .ede = WIRE_EDE_NONE,
        .len = wire_writer_end(&writer, 0, (uint16_t)(WIRE_FLAG_QR | WIRE_FLAG_RA | rcode))};

    cache_put(side->bench->cache, key, side->bench->now.mono_us, octets, &entry);
}

/* What is no rule's business is in the cache: one record, many, and none. */
static void fill(struct side *side)
{
    static const char *const kept[] = {"unlisted.example", "a.unlisted.example",
                                       "www.kept.example", "log.example"};
    static const struct {
        uint16_t type;
        unsigned records;
    } sorts[] = {{WIRE_A, 1}, {WIRE_AAAA, 20}, {WIRE_TXT, 0}, {WIRE_HTTPS, 0}};

    for (unsigned i = 0; i < COUNT(kept) * COUNT(sorts) * 4; i++) {
        const unsigned sort = i / 4 % COUNT(sorts);
        struct wire_name name;
        const struct cache_key key = {.name = &name,
                                      .type = sorts[sort].type,
                                      .dnssec_ok = i % 2 != 0,
                                      .checking_disabled = i / 2 % 2 != 0};
        const char *text = kept[i / 4 / COUNT(sorts)];

        assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
        keep(side, &key, sorts[sort].records);
    }
}

/* The i-th name; the last ones have many labels, or as many octets as there can be. */
static bool name_at(unsigned i, struct wire_name *name)
{
    static const unsigned labels[] = {60, 61, 62, 63, 64, 100, 120};
    char text[WIRE_NAME_TEXT_MAX] = "";
    size_t len = 0;

    if (i < COUNT(names)) {
        assert_int_equal(wire_name_from_text(names[i], strlen(names[i]), name), WIRE_TEXT_OK);
        return true;
    }
    i -= COUNT(names);
    if (i < 2 * COUNT(labels)) {
        for (unsigned n = 2; n < labels[i / 2]; n++) {
            text[len++] = 'x';
            text[len++] = '.';
        }
        snprintf(text + len, sizeof(text) - len, "%s",
                 i % 2 == 0 ? "deep.example" : "deepnx.example");
    } else if (i < 2 * COUNT(labels) + 2) {
        for (unsigned n = 0; n < 3; n++) {
            memset(text + len, 'a' + (int)n, 63);
            len += 63;
            text[len++] = '.';
        }
        memset(text + len, 'z', 44);
        snprintf(text + len + 44, sizeof(text) - len - 44, "%s",
                 i % 2 == 0 ? ".deep.example" : ".deepnx.example");
    } else {
        return false;
    }
    assert_int_equal(wire_name_from_text(text, strlen(text), name), WIRE_TEXT_OK);
    return true;
}

static void compare(struct side *ready, struct side *general, struct random *random,
                    const struct wire_name *name, uint16_t type, uint8_t view)
{
    static const size_t rooms[] = {0, 300, 330, 345, 360, 420, 512, 4096, 4096, 4096};
    const struct query_client client = {
        .from = {.family = ADDRESS_V4, .octets = {127, 0, 0, view}},
        .transport = random_below(random, 3) == 0 ? QUERY_TCP : QUERY_UDP,
        .keepalive_100ms = random_below(random, 2) == 0 ? 100 : -1};
    const size_t room = rooms[random_below(random, COUNT(rooms))];
    uint8_t octets[512];
    const size_t len = make_question(random, name, type, octets);

    run_side(ready, &client, room, octets, len);
    run_side(general, &client, room, octets, len);
    assert_int_equal(ready->lens[0], general->lens[0]);
    assert_memory_equal(ready->answers[0], general->answers[0], ready->lens[0]);
    sides_expect_same_events(ready, general);
}

static void what_is_ready_is_what_the_general_way_writes(void **state)
{
    static struct side ready, general;
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "ready";
    struct policy *base = make_policy(1000);
    struct policy_views *choice = sides_choose_by_last_octet(VIEWS);
    struct random random;
    struct wire_name name;
    uint64_t generation = 2000;

    (void)state;
    random_init_seed(&random, seed);
    open_side(&ready);
    open_side(&general);
    fill(&ready);
    fill(&general);
    for (unsigned setting = 0; setting < 5; setting++) {
        for (unsigned changed = 0; changed < 4; changed++) {
            struct policy *policy = change(base, changed, generation++);

            set(setting, &ready.bench->settings);
            set(setting, &general.bench->settings);
            ready.bench->settings.choice = general.bench->settings.choice = choice;
            adopt(&ready, policy, true);
            adopt(&general, policy, false);
            bench_pass(ready.bench, 700000000);
            bench_pass(general.bench, 700000000);
            for (unsigned i = 0; name_at(i, &name); i++) {
                for (unsigned j = 0; j < COUNT(types) * VIEWS * MANNERS; j++) {
                    compare(&ready, &general, &random, &name, types[j % COUNT(types)],
                            (uint8_t)(j / COUNT(types) % VIEWS));
                }
            }
            adopt(&ready, base, true);
            adopt(&general, base, true);
            policy_destroy(policy);
        }
    }
    const struct query_counters *one = query_engine_counters(ready.bench->engine);
    assert_memory_equal(one, query_engine_counters(general.bench->engine), sizeof(*one));
    assert_true(one->blocked > 20000 && one->logged > 3000 && one->truncated > 300);
    assert_true(one->excepted > 50 && one->denied > 500 && ready.answered == general.answered);
    assert_true(one->cache_hits > 1000);
    policy_views_free(choice);
    bench_destroy(ready.bench);
    bench_destroy(general.bench);
    policy_destroy(base);
}

/* Else nothing was compared above. */
static void what_is_ready_is_sent(void **state)
{
    static struct side side;
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "sent";
    struct policy *policy = make_policy(1);
    struct query_client client = {.from = {.family = ADDRESS_V4, .octets = {127, 0, 0, 1}}};
    const uint16_t asked[] = {WIRE_A, WIRE_AAAA, WIRE_HTTPS};
    struct random random;
    struct wire_name name;
    uint8_t octets[512];

    (void)state;
    open_side(&side);
    set(0, &side.bench->settings);
    for (size_t i = 0; i < COUNT(asked); i++) {
        for (uint8_t spoilt = 0; spoilt < 2; spoilt++) {
            random_init_seed(&random, seed);
            assert_true(name_at(0, &name));
            const size_t len = make_question(&random, &name, asked[i], octets);

            adopt(&side, policy, true);
            struct query_ready *made = &side.bench->engine->ready;
            uint8_t *const octet = i == 0   ? &made->a[0].octets[11]
                                   : i == 1 ? &made->aaaa[0].octets[11]
                                            : &made->soa[10];
            const uint8_t expected = spoilt != 0 ? 0xdd : *octet;
            *octet = expected;
            run_side(&side, &client, 4096, octets, len);
            const size_t at = WIRE_HEADER_OCTETS + name.len + 4u + (i < 2 ? 11 : 10);
            assert_true(side.lens[0] > at);
            assert_int_equal(side.answers[0][at], expected);
        }
    }
    fill(&side);
    for (uint8_t turn = 0; turn < 3; turn++) { /* looked at, known, and known and spoilt */
        uint8_t *const octet = &side.bench->engine->ready.plain[4];

        random_init_seed(&random, seed);
        assert_int_equal(wire_name_from_text("unlisted.example", 16, &name), WIRE_TEXT_OK);
        size_t len = make_question(&random, &name, WIRE_A, octets);
        if (octets[11] == 0) {
            octets[11] = 1;
            memcpy(octets + len, (const uint8_t[]){0, 0, WIRE_OPT, 2, 0, 0, 0, 0, 0, 0, 0}, 11);
            len += 11;
        }
        octets[WIRE_HEADER_OCTETS + name.len + 4 + 7] = 0; /* no DO */
        wire_put16(octets + WIRE_HEADER_OCTETS + name.len + 4 + 9, 0);
        len = WIRE_HEADER_OCTETS + name.len + 4u + 11;
        *octet ^= turn == 2 ? 0x40 : 0;
        run_side(&side, &client, 4096, octets, len);
        assert_int_equal(side.lens[0], WIRE_HEADER_OCTETS + name.len + 4u + 16 + 11);
        assert_int_equal(side.answers[0][side.lens[0] - 7], 0xd0 ^ (turn == 2 ? 0x40 : 0));
    }
    bench_destroy(side.bench);
    policy_destroy(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_ready_is_what_the_general_way_writes),
        cmocka_unit_test(what_is_ready_is_sent),
    };
    return cmocka_run_group_tests_name("query/ready", tests, NULL, NULL);
}
