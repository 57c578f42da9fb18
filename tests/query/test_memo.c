/*
 * What a worker remembers of blocked names (query/memo.h) is what would be decided anew: by
 * policies of any kind, which come and go, whoever asks, by octets, events, counters and what
 * is shown of those that are blocked most.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/make.h"
#include "query/sides.h"

#define AHEAD    2u /* questions that take the first steps before one takes the last */
#define ROUNDS   20000u
#define LISTS    3u
#define VIEWS    4u
#define NAMES    ITEMS(names)
#define LABEL_60 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-abcdef"

static const char *const names[] = {
    "a.example",     "b.a.example", "c.b.a.example",    "d.c.b.a.example",
    "x.a.example",   "e.example",   "f.e.example",      "g.e.example",
    "h.g.e.example", "open.test",   "www.open.test",    "i.test",
    "j.i.test",      "k.j.i.test",  LABEL_60 ".i.test", LABEL_60 "." LABEL_60 ".i.test"};

static bool chance(uint64_t *random, unsigned one_in)
{
    return random_under(random, one_in) == 0;
}

/* Rules by chance; of each name one at most. */
static struct policy_list *random_list(uint64_t *random, const char *id)
{
    static const char *const actions[] = {"",
                                          "",
                                          "",
                                          " action=nxdomain",
                                          " action=nodata",
                                          " action=refused",
                                          " action=drop",
                                          " action=truncate",
                                          " action=log"};
    static const char *const matches[] = {"suffix", "suffix", "exact", "below"};
    char rules[8192] = "";
    size_t len = 0;

    for (size_t i = 0; i < NAMES; i++) {
        if (chance(random, 3)) {
            const bool pass = chance(random, 6);

            len += (size_t)snprintf(rules + len, sizeof(rules) - len, "%s %s %s%s;",
                                    pass ? "pass" : "block",
                                    matches[random_under(random, ITEMS(matches))], names[i],
                                    pass ? "" : actions[random_under(random, ITEMS(actions))]);
        }
    }
    if (chance(random, 4)) {
        len += (size_t)snprintf(
            rules + len, sizeof(rules) - len, "%s prefix 127.0.0.%u/32 trigger=client;",
            chance(random, 3) ? "pass" : "block", (unsigned)random_under(random, 8));
    }
    assert_true(len < sizeof(rules));
    return list_of(id, rules);
}

static struct policy *random_policy(uint64_t *random, uint64_t generation)
{
    static const char *const ids[LISTS] = {"l0", "l1", "l2"};
    static const enum policy_mode modes[] = {POLICY_MODE_ENFORCE, POLICY_MODE_ENFORCE,
                                             POLICY_MODE_ENFORCE, POLICY_MODE_LOG,
                                             POLICY_MODE_OFF};
    static const enum policy_action actions[] = {POLICY_ACTION_DEFAULT, POLICY_ACTION_DEFAULT,
                                                 POLICY_ACTION_SINKHOLE, POLICY_ACTION_NXDOMAIN,
                                                 POLICY_ACTION_TRUNCATE};
    struct policy_list_setting settings[VIEWS][LISTS];
    struct policy_view_setting views[VIEWS];
    struct policy_list *lists[LISTS];
    struct policy *policy = NULL;
    const struct wire_name allowed = name_of(names[random_under(random, NAMES)]);
    char view_names[VIEWS][8];
    struct report report;

    for (unsigned i = 0; i < LISTS; i++) {
        lists[i] = random_list(random, ids[i]);
    }
    for (unsigned view = 0; view < VIEWS; view++) {
        for (unsigned i = 0; i < LISTS; i++) {
            settings[view][i] = (struct policy_list_setting){
                .id = ids[i],
                .mode = modes[random_under(random, ITEMS(modes))],
                .action = actions[random_under(random, ITEMS(actions))]};
        }
        snprintf(view_names[view], sizeof(view_names[view]), "v%u", view);
        views[view] = (struct policy_view_setting){
            .name = view_names[view],
            .log_only = chance(random, 8),
            .action = actions[random_under(random, ITEMS(actions))],
            .lists = settings[view],
            .list_count = LISTS,
            .deny = chance(random, 4),
            .allow = &allowed,
            .allow_count = chance(random, 2) ? 1 : 0,
            .client = chance(random, 6)   ? POLICY_CLIENT_BLOCK
                      : chance(random, 6) ? POLICY_CLIENT_LOG
                      : chance(random, 3) ? POLICY_CLIENT_PASS
                                          : POLICY_CLIENT_DECIDE};
    }
    struct policy_image *image = image_of((const struct policy_list *const *)lists, LISTS);
    report_init(&report);
    assert_int_equal(policy_create(image, views, VIEWS, generation, &report, &policy), 0);
    report_deinit(&report);
    for (unsigned i = 0; i < LISTS; i++) {
        policy_list_free(lists[i]);
    }
    return policy;
}

/* Pauses and exceptions by chance. */
static struct policy *random_change(uint64_t *random, const struct policy *base,
                                    uint64_t generation)
{
    static const char *const paused[] = {"l0"};
    struct policy_exception exceptions[2] = {{.ticket = "t"}, {.ticket = "u"}};
    struct policy_changes changes = {.pause_all = chance(random, 8),
                                     .paused = paused,
                                     .paused_count = chance(random, 3) ? 1 : 0,
                                     .exceptions = exceptions,
                                     .exception_count = random_under(random, 3)};
    struct policy *policy = NULL;

    for (unsigned i = 0; i < 2; i++) {
        const char *name = names[random_under(random, NAMES)];
        char rule[200];

        if (chance(random, 2)) {
            snprintf(rule, sizeof(rule), "l1: block suffix %s", name);
            assert_null(policy_exception_read_rule(rule, strlen(rule), &exceptions[i]));
        } else {
            exceptions[i].name = name_of(name);
            exceptions[i].exact = chance(random, 2);
        }
        exceptions[i].view =
            chance(random, 2) ? POLICY_ANY_VIEW : (uint8_t)random_under(random, VIEWS);
    }
    assert_int_equal(policy_derive(base, &changes, generation, &policy), 0);
    return policy;
}

static void open_side(struct side *side, const struct policy_views *choice)
{
    sides_open(side, 64, 256);
    side->bench->settings.choice = choice;
}

struct asked {
    uint8_t octets[512];
    size_t len;
    struct query_client client;
};

static void random_question(uint64_t *random, bool below, struct asked *out)
{
    static const uint16_t types[] = {WIRE_A, WIRE_A, WIRE_AAAA, WIRE_HTTPS, WIRE_ANY};
    struct wire_name name = name_of(names[random_under(random, NAMES)]);

    if (below && chance(random, 8)) {
        char text[400];

        snprintf(text, sizeof(text), "n%u.%s", (unsigned)random_under(random, 4),
                 names[random_under(random, NAMES)]);
        name = name_of(text);
    }
    if (chance(random, 2)) {
        name.octets[1] = (uint8_t)(name.octets[1] - 0x20);
    }
    out->len =
        wire_question_write(out->octets, sizeof(out->octets), (uint16_t)next_random(random), 0,
                            name.octets, name.len, types[random_under(random, ITEMS(types))],
                            WIRE_IN, chance(random, 4) ? 0 : 1232, chance(random, 4));
    out->client = (struct query_client){
        .from = {.family = ADDRESS_V4,
                 .octets = {127, 0, 0, (uint8_t)random_under(random, 2 * VIEWS)}},
        .transport = chance(random, 4) ? QUERY_TCP : QUERY_UDP};
}

/* A batch. With its memo forgotten before each question, all is decided. */
static void run_side(struct side *side, const struct asked *asked, size_t count, bool forgetful)
{
    struct query_engine *engine = side->bench->engine;
    struct query *batch[BATCH];

    memset(side->lens, 0, sizeof(side->lens));
    for (size_t i = 0; i < count; i++) {
        struct query *q = query_take(engine);

        side->slots[i] = batch[i] = q;
        query_client_of(q)->from = asked[i].client.from;
        query_client_of(q)->transport = asked[i].client.transport;
        if (forgetful) {
            query_memo_clear(engine->memo);
            query_run(engine, q, asked[i].octets, asked[i].len);
        } else {
            query_read(engine, q, asked[i].octets, asked[i].len);
            sides_step(engine, batch, i, AHEAD);
        }
    }
    if (!forgetful) {
        sides_end(engine, batch, count, AHEAD);
    }
    assert_int_equal(query_engine_in_use(engine), 0);
}

static unsigned count_known(const struct query_memo *memo)
{
    unsigned count = 0;

    for (size_t set = 0; set < QUERY_MEMO_SETS; set++) {
        for (size_t way = 0; way < QUERY_MEMO_WAYS; way++) {
            count += memo->sets[set].tags[way] != 0 ? 1 : 0;
        }
    }
    return count;
}

/* Two workers, of which one forgets. */
struct scene {
    struct side forgetful, remembering;
    struct policy_views *choice;
    struct policy *base, *policy;
    uint64_t random, generation;
};

static struct scene *open_scene(uint64_t random)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_non_null(scene);
    scene->choice = sides_choose_by_last_octet(VIEWS);
    scene->random = random;
    scene->generation = 10;
    open_side(&scene->forgetful, scene->choice);
    open_side(&scene->remembering, scene->choice);
    return scene;
}

static void close_scene(struct scene *scene)
{
    bench_destroy(scene->forgetful.bench);
    bench_destroy(scene->remembering.bench);
    policy_destroy(scene->policy);
    policy_destroy(scene->base);
    policy_views_free(scene->choice);
    free(scene);
}

/* Another policy, or the same one changed. */
static void change_policy(struct scene *scene)
{
    struct side *const sides[] = {&scene->forgetful, &scene->remembering};
    struct policy *old = scene->policy, *old_base = NULL;

    if (scene->base == NULL || chance(&scene->random, 3)) {
        old_base = scene->base;
        scene->base = random_policy(&scene->random, scene->generation++);
    }
    scene->policy = random_change(&scene->random, scene->base, scene->generation++);
    for (size_t i = 0; i < ITEMS(sides); i++) {
        query_engine_adopt(sides[i]->bench->engine, scene->policy, &sides[i]->bench->settings);
    }
    policy_destroy(old);
    policy_destroy(old_base);
}

/* below: names that are below others, too. */
static size_t ask_both(struct scene *scene, bool below, struct asked asked[BATCH])
{
    const size_t count = 1 + random_under(&scene->random, BATCH);

    for (size_t i = 0; i < count; i++) {
        random_question(&scene->random, below, &asked[i]);
    }
    run_side(&scene->forgetful, asked, count, true);
    run_side(&scene->remembering, asked, count, false);
    return count;
}

static void what_is_remembered_is_what_would_be_decided(void **state)
{
    static struct asked asked[BATCH];
    struct scene *scene = open_scene(26);
    struct side *const forgetful = &scene->forgetful, *const remembering = &scene->remembering;
    unsigned most_known = 0;

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (round % 64 == 0) {
            change_policy(scene);
        }
        const size_t count = ask_both(scene, true, asked);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(forgetful->lens[i], remembering->lens[i]);
            assert_memory_equal(forgetful->answers[i], remembering->answers[i],
                                forgetful->lens[i]);
        }
        sides_expect_same_events(forgetful, remembering);
        const unsigned now_known = count_known(remembering->bench->engine->memo);
        most_known = now_known > most_known ? now_known : most_known;
        bench_pass(forgetful->bench, 10);
        bench_pass(remembering->bench, 10);
    }
    const struct query_counters *one = query_engine_counters(forgetful->bench->engine);
    assert_memory_equal(one, query_engine_counters(remembering->bench->engine), sizeof(*one));
    /* All ways were gone. */
    assert_true(one->blocked > ROUNDS && one->denied > 5000 && one->logged > 5000);
    assert_true(one->excepted > 200 && one->cache_misses > 5000 && one->dropped > 1000);
    assert_true(most_known > NAMES);
    close_scene(scene);
}

/* What is told of an entry beside how often. */
static bool is_same_entry(const struct query_top_entry *a, const struct query_top_entry *b,
                          enum query_top which)
{
    if (which == QUERY_TOP_NAMES) {
        return a->blocked == b->blocked && wire_name_equal(&a->name, &b->name);
    }
    if (which == QUERY_TOP_PROVIDERS) {
        return a->blocked == b->blocked && strcmp(a->provider, b->provider) == 0;
    }
    return address_equal(&a->client, &b->client);
}

/* So few that none is lost. Returns how many questions about names there were. */
static uint64_t expect_same_tops(struct scene *scene, enum query_top which, bool recent)
{
    struct query_top_entry some[QUERY_TOP_READ_MAX], others[QUERY_TOP_READ_MAX];
    const size_t count = query_tops_read(query_engine_tops(scene->forgetful.bench->engine),
                                         which, recent, some, QUERY_TOP_READ_MAX);
    uint64_t sum = 0;

    assert_true(count < QUERY_TOP_READ_MAX);
    assert_int_equal(query_tops_read(query_engine_tops(scene->remembering.bench->engine), which,
                                     recent, others, QUERY_TOP_READ_MAX),
                     count);
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;

        while (at < count && !is_same_entry(&some[i], &others[at], which)) {
            at++;
        }
        assert_true(at < count);
        assert_int_equal(some[i].count, others[at].count);
        assert_true(some[i].error == 0 && others[at].error == 0);
        sum += some[i].count;
    }
    return sum;
}

/* How often a client was blocked, by the events. */
static void tally_blocked(struct scene *scene, unsigned blocked[2 * VIEWS])
{
    struct ring *const rings[] = {scene->remembering.bench->events,
                                  scene->forgetful.bench->events};
    static struct audit_event event;
    const void *record;
    size_t len;

    for (size_t i = 0; i < ITEMS(rings); i++) {
        while ((record = ring_peek(rings[i], &len)) != NULL) {
            assert_true(audit_event_get(record, len, &event));
            blocked[event.client.octets[3]] += i == 0 && event.applied ? 1 : 0;
            ring_release(rings[i]);
        }
    }
}

static void expect_blocked(struct scene *scene, const unsigned blocked[2 * VIEWS])
{
    struct query_top_entry entries[QUERY_TOP_READ_MAX];
    const size_t count =
        query_tops_read(query_engine_tops(scene->remembering.bench->engine),
                        QUERY_TOP_CLIENTS_BLOCKED, false, entries, QUERY_TOP_READ_MAX);

    assert_int_equal(count, 2 * VIEWS);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(entries[i].count, blocked[entries[i].client.octets[3]]);
    }
}

/* In the minute in which it was asked, whatever was forgotten meanwhile. */
static void what_is_remembered_is_counted_as_what_is_decided(void **state)
{
    static struct asked asked[BATCH];
    struct scene *scene = open_scene(27);
    unsigned blocked[2 * VIEWS] = {0};

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (round % 3000 == 0) {
            change_policy(scene);
        }
        (void)ask_both(scene, false, asked);
        tally_blocked(scene, blocked);
        bench_pass(scene->forgetful.bench, 37000);
        bench_pass(scene->remembering.bench, 37000);
        if (chance(&scene->random, 5000)) {
            query_engine_trim(scene->remembering.bench->engine);
        }
        if (chance(&scene->random, 1500)) {
            const enum query_top which =
                (enum query_top)random_under(&scene->random, QUERY_TOPS);

            (void)expect_same_tops(scene, which, chance(&scene->random, 2));
        }
    }
    for (int which = 0; which < QUERY_TOPS; which++) {
        (void)expect_same_tops(scene, (enum query_top)which, true);
    }
    expect_blocked(scene, blocked);
    const uint64_t named = expect_same_tops(scene, QUERY_TOP_NAMES, false);
    const uint64_t recent = expect_same_tops(scene, QUERY_TOP_NAMES, true);
    assert_true(named > ROUNDS && recent > 0 && recent < named / 4);
    close_scene(scene);
}

/* A block of the question; number: what it is told by. */
static struct policy_hits block_of(const struct wire_name *name, uint32_t number)
{
    return (struct policy_hits){.count = 1,
                                .at[0] = {.set = number,
                                          .labels = 1,
                                          .trigger = POLICY_TRIGGER_QNAME,
                                          .mode = POLICY_MODE_ENFORCE,
                                          .action = POLICY_ACTION_SINKHOLE,
                                          .kind = POLICY_BLOCK,
                                          .name = *name}};
}

#define NUMBERS 64u

static struct wire_name numbered(unsigned i)
{
    char text[300];

    snprintf(text, sizeof(text), "n%u.%s.example", i, i % 8 == 0 ? LABEL_60 : "x");
    return name_of(text);
}

/* So many views without a rule. */
static struct policy *views_alone(void)
{
    struct policy_view_setting views[VIEWS];
    struct policy_list *list = list_of("l", "");
    struct policy_image *image = image_of((const struct policy_list *const *)&list, 1);
    struct policy *policy = NULL;
    struct report report;

    for (unsigned i = 0; i < VIEWS; i++) {
        views[i] = (struct policy_view_setting){.name = "v"};
    }
    report_init(&report);
    assert_int_equal(policy_create(image, views, VIEWS, 1, &report, &policy), 0);
    report_deinit(&report);
    policy_list_free(list);
    return policy;
}

/* What the memo has told of names by their numbers, and what it was to. */
struct told {
    uint64_t told[NUMBERS], counted[NUMBERS];
};

static void tell(void *context, const struct wire_name *name, uint64_t times)
{
    struct told *told = context;
    unsigned i = 0;

    for (; i < NUMBERS; i++) {
        const struct wire_name other = numbered(i);

        if (wire_name_equal(&other, name)) {
            break;
        }
    }
    assert_true(i < NUMBERS && times > 0);
    told->told[i] += times;
}

/* Hashes that fall together in every way: in one set, with one tag. */
static void names_of_one_hash_are_told_apart(void **state)
{
    static const uint64_t hashes[] = {0, 1, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 7};
    struct policy *policy = views_alone();
    struct told told = {{0}, {0}};
    struct query_memo *memo = query_memo_create(tell, &told);
    uint32_t kept[NUMBERS][VIEWS] = {{0}}; /* the last number that was to be */
    uint64_t random = 7;
    unsigned found = 0;

    (void)state;
    assert_non_null(memo);
    for (uint32_t step = 1; step < 200000; step++) {
        const unsigned i = (unsigned)random_under(&random, NUMBERS);
        const unsigned view = (unsigned)random_under(&random, VIEWS);
        const struct wire_name name = numbered(i);
        const uint64_t hash = hashes[i % ITEMS(hashes)];
        struct policy_hits hits = {.count = 0};

        if (step % 5000 == 0) {
            step % 10000 == 0 ? query_memo_clear(memo) : query_memo_trim(memo);
            memset(kept, 0, sizeof(kept));
            assert_memory_equal(told.told, told.counted, sizeof(told.told));
        }
        const bool expected = query_memo_expect(memo, hash);
        const unsigned where = query_memo_find(memo, hash, view, &name, &hits);
        if (where != 0) {
            const struct wire_name other = numbered((i + 1) % NUMBERS);

            assert_false(query_memo_count(memo, where, &other));
            assert_true(query_memo_count(memo, where, &name));
            told.counted[i]++;
            assert_true(expected && query_memo_has(memo, hash, view, &name));
            assert_true(hits.count == 1 && hits.at[0].set == kept[i][view]);
            assert_true(wire_name_equal(&hits.at[0].name, &name));
            found++;
        } else {
            hits = block_of(&name, step);
            kept[i][view] = step;
            query_memo_keep(memo, hash, policy, view, &name, &hits, 0);
        }
    }
    assert_true(found > 1000);
    query_memo_settle(memo);
    query_memo_settle(memo); /* nothing twice */
    assert_memory_equal(told.told, told.counted, sizeof(told.told));
    query_memo_destroy(memo);
    policy_destroy(policy);
}

/* A count that has no room for one more is left as it is, until it was told. */
static void a_full_count_is_left_to_others(void **state)
{
    const struct wire_name name = numbered(1);
    const struct policy_hits block = block_of(&name, 1);
    struct policy *policy = views_alone();
    struct told told = {{0}, {0}};
    struct query_memo *memo = query_memo_create(tell, &told);
    struct policy_hits hits = {.count = 0};

    (void)state;
    assert_non_null(memo);
    query_memo_keep(memo, 1, policy, 0, &name, &block, 0);
    const unsigned where = query_memo_find(memo, 1, 0, &name, &hits);
    assert_int_equal(where, 1);
    assert_true(query_memo_count(memo, where, &name));
    memo->entries[where - 1].count = UINT32_MAX - 1; /* four billion later */
    assert_true(query_memo_count(memo, where, &name));
    assert_false(query_memo_count(memo, where, &name));
    assert_false(query_memo_count(memo, where, &name));
    query_memo_settle(memo);
    assert_int_equal(told.told[1], UINT32_MAX);
    assert_true(query_memo_count(memo, where, &name));
    query_memo_settle(memo);
    assert_int_equal(told.told[1], UINT64_C(1) << 32);
    query_memo_destroy(memo);
    policy_destroy(policy);
}

static uint64_t hash_at(unsigned i)
{
    uint64_t state = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

    (void)next_random(&state);
    return next_random(&state);
}

/* Ten thousand names that are asked for again and again nearly all find a place, and a flood of
 * others pushes few of them out. */
static void a_flood_pushes_little_out(void **state)
{
    struct policy *policy = views_alone();
    struct told told = {{0}, {0}};
    struct query_memo *memo = query_memo_create(tell, &told);
    unsigned known[2] = {0};

    (void)state;
    assert_non_null(memo);
    for (unsigned flood = 0; flood < 2; flood++) {
        for (unsigned round = 0; round < 20; round++) {
            for (unsigned i = 0; i < 10000; i++) {
                const struct wire_name name = numbered(i * 8 + 1);
                const struct wire_name other = numbered(((round * 10000) + i) * 8 + 2);
                struct policy_hits hits = block_of(&name, i);

                if (query_memo_find(memo, hash_at(i), 0, &name, &hits)) {
                    known[flood] += round == 19 ? 1 : 0;
                } else {
                    query_memo_keep(memo, hash_at(i), policy, 0, &name, &hits, 0);
                }
                if (flood == 1) {
                    hits = block_of(&other, i);
                    query_memo_keep(memo, hash_at(round * 10000 + i + 20000), policy, 0, &other,
                                    &hits, 0);
                }
            }
        }
    }
    const struct wire_name twice = numbered(1); /* by two questions of one batch */
    const struct policy_hits both = block_of(&twice, 1);
    query_memo_clear(memo);
    query_memo_keep(memo, 1, policy, 0, &twice, &both, 0);
    query_memo_keep(memo, 1, policy, 0, &twice, &both, 0);
    assert_int_equal(count_known(memo), 1);
    query_memo_trim(memo);
    assert_int_equal(count_known(memo), 0);
    print_message("%u of 10000, and %u beside as many others\n", known[0], known[1]);
    assert_true(known[0] > 9900 && known[1] > 9400);
    query_memo_destroy(memo);
    policy_destroy(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_remembered_is_what_would_be_decided),
        cmocka_unit_test(what_is_remembered_is_counted_as_what_is_decided),
        cmocka_unit_test(names_of_one_hash_are_told_apart),
        cmocka_unit_test(a_full_count_is_left_to_others),
        cmocka_unit_test(a_flood_pushes_little_out),
    };
    return cmocka_run_group_tests_name("query/memo", tests, NULL, NULL);
}
