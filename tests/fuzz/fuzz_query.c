/*
 * Arbitrary octets of a client and of upstreams through the whole engine, with a policy in
 * force. Input: one octet of manner, two of length, the client's message, then what upstreams
 * send, answer by answer (two octets of length each).
 *
 * In some views rules about name servers count, so that these are asked for on the way.
 *
 * Promised whatever comes: a question ends exactly once; an answer is well-formed, within its
 * limit, has the question as it was asked, neither AA nor AD; nothing about a name that is
 * blocked by itself is asked for, nor, in a view that denies, about one that nothing lets
 * through; no blocked target or address is shown.
 */
#include "base/invariant.h"
#include "policy/list.h"
#include "policy/views.h"
#include "query/query.h"
#include "wire/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX   4096
#define ANSWERS_MAX 64 /* fetches of one question, those about name servers included */
#define FETCHES_MAX 32
#define VIEWS       4

enum manner {
    MANNER_TCP = 1,
    MANNER_RAW =
        2, /* upstream octets are the whole message; else what is behind the question */
    MANNER_RELOAD = 4,   /* the policy is adopted again while the question waits */
    MANNER_STRANGER = 8, /* not in the access networks */
    MANNER_DENIED = 16,  /* in a view that denies what nothing lets through */
    MANNER_SERVERS = 32, /* in a view with rules about name servers */
    MANNER_RECORDS = 64, /* in one where they only record */
    MANNER_TIME = 128    /* time passes before each answer: nobody waits for name servers */
};

static const char list_text[] =
    "cordon-list 1\nid fuzz\ntitle A list\nprovider prov The provider\nserial 1\n"
    "created 2026-01-01T00:00:00Z\nexpires 2027-01-01T00:00:00Z\nrules\n"
    "block suffix bad.test category=a scope=cloud confidence=high evidence=\"x\"\n"
    "pass suffix ok.bad.test category=a scope=cloud confidence=high evidence=\"x\"\n"
    "block suffix re.test category=a scope=cloud confidence=high action=redirect:go.test "
    "evidence=\"x\"\n"
    "block suffix tc.test category=a scope=cloud confidence=high action=truncate "
    "evidence=\"x\"\n"
    "block suffix nx.test category=a scope=cloud confidence=high action=nxdomain "
    "evidence=\"x\"\n"
    "block prefix 198.51.100.0/24 category=a scope=cloud confidence=high evidence=\"x\"\n"
    "block prefix 2001:db8::/32 category=a scope=cloud confidence=high evidence=\"x\"\n"
    "block suffix ns.test category=a scope=cloud confidence=high trigger=nameserver "
    "evidence=\"x\"\n"
    "block prefix 203.0.113.0/24 category=a scope=cloud confidence=high trigger=nameserver "
    "evidence=\"x\"\n"
    "end\n";

struct bench {
    struct query_engine *engine;
    struct cache *cache;
    struct ring *events;
    struct timers *timers;
    struct random random;
    struct policy *policy;
    struct policy_views *choice;
    struct query_view views[VIEWS];
    bool denies; /* in the view of the question */
    struct query_settings settings;
    struct clock_now now;
    _Atomic uint64_t lost;
    struct query_fetch *fetches[FETCHES_MAX]; /* asked for and not answered, oldest first */
    size_t fetch_count;
    uint8_t out[WIRE_MESSAGE_MAX];
    size_t size, len;
    unsigned sent, released;
    struct wire_name bad, ok;
};

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    invariant(wire_name_from_text(text, strlen(text), &name) == WIRE_TEXT_OK);
    return name;
}

static bool is_bad(const struct bench *bench, const struct wire_name *name)
{
    return wire_name_is_within(name, &bench->bad) && !wire_name_is_within(name, &bench->ok);
}

/* Where nothing else is: by name, by a rule that passes, as a target, or by TCP. */
static bool is_let_through(const struct bench *bench, const struct wire_name *name)
{
    static const char *const names[] = {"open.test", "go.test", "tc.test"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct wire_name known = name_of(names[i]);

        if (wire_name_is_within(name, &known)) {
            return true;
        }
    }
    return wire_name_is_within(name, &bench->ok);
}

static uint8_t *bench_reserve(void *context, struct query *q, size_t *size)
{
    struct bench *bench = context;

    (void)q;
    *size = bench->size;
    return bench->out;
}

static void bench_send(void *context, struct query *q, size_t len)
{
    struct bench *bench = context;

    (void)q;
    bench->sent++;
    bench->len = len;
}

static void bench_release(void *context, struct query *q)
{
    struct bench *bench = context;

    (void)q;
    bench->released++;
}

static void forget(struct bench *bench, const struct query_fetch *fetch)
{
    size_t i = 0;

    while (i < bench->fetch_count && bench->fetches[i] != fetch) {
        i++;
    }
    invariant(i < bench->fetch_count);
    bench->fetch_count--;
    memmove(&bench->fetches[i], &bench->fetches[i + 1],
            (bench->fetch_count - i) * sizeof(bench->fetches[0]));
}

static int bench_ask(void *context, struct query_fetch *fetch)
{
    struct bench *bench = context;

    invariant(query_fetch_may_ask(bench->engine, fetch));
    invariant(!is_bad(bench, &fetch->name));
    invariant(!bench->denies || is_let_through(bench, &fetch->name));
    invariant(bench->fetch_count < FETCHES_MAX);
    bench->fetches[bench->fetch_count++] = fetch;
    return 0;
}

static void bench_cancel(void *context, struct query_fetch *fetch)
{
    struct bench *bench = context;

    forget(bench, fetch);
}

static const struct query_io bench_io = {bench_reserve, bench_send, bench_release, bench_ask,
                                         bench_cancel};

static void make_policy(struct bench *bench)
{
    const struct policy_list_setting setting = {.id = "fuzz", .mode = POLICY_MODE_ENFORCE};
    const struct wire_name open = name_of("open.test");
    const struct policy_view_setting views[] = {
        {.name = "v", .action = POLICY_ACTION_SINKHOLE, .lists = &setting, .list_count = 1},
        {.name = "w",
         .action = POLICY_ACTION_NXDOMAIN,
         .lists = &setting,
         .list_count = 1,
         .deny = true,
         .allow = &open,
         .allow_count = 1},
        {.name = "s",
         .action = POLICY_ACTION_SINKHOLE,
         .lists = &setting,
         .list_count = 1,
         .name_servers = POLICY_MODE_ENFORCE},
        {.name = "r",
         .action = POLICY_ACTION_SINKHOLE,
         .lists = &setting,
         .list_count = 1,
         .name_servers = POLICY_MODE_LOG}};
    struct policy_view_place places[VIEWS - 1];
    struct policy_list *list = NULL;
    struct policy_image *image = NULL;
    struct report report;

    report_init(&report);
    invariant(policy_list_parse(list_text, sizeof(list_text) - 1, "fuzz", &report, &list) == 0);
    invariant(policy_image_build((const struct policy_list *const *)&list, 1, &image) == 0);
    for (uint8_t i = 1; i < VIEWS; i++) {
        places[i - 1] = (struct policy_view_place){
            .clients = {.octets = {127, 0, i}, .bits = 24, .family = ADDRESS_V4}, .view = i};
    }
    invariant(policy_create(image, views, VIEWS, 1, &report, &bench->policy) == 0);
    invariant(policy_views_build(places, VIEWS - 1, NULL, &bench->choice) == 0);
    for (size_t i = 0; i < VIEWS; i++) {
        bench->views[i] = (struct query_view){views[i].name, bench->settings.sinkhole4,
                                              bench->settings.sinkhole6};
    }
    bench->settings.choice = bench->choice;
    bench->settings.views = bench->views;
    bench->settings.view_count = VIEWS;
    policy_list_free(list);
    report_deinit(&report);
}

static struct bench *make_bench(void)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "fuzz";
    struct bench *bench = calloc(1, sizeof(*bench));

    invariant(bench != NULL && random_library_init() == 0);
    random_init_seed(&bench->random, seed);
    bench->cache = cache_create(CACHE_SIZE_MIN, seed);
    bench->events = ring_create(1u << 16);
    bench->timers = timers_create(256);
    bench->now = (struct clock_now){1000000, 1000000};
    bench->settings =
        (struct query_settings){.deadline_ms = 4000,
                                .name_server_wait_ms = 400,
                                .block_ttl_s = 10,
                                .sinkhole4 = {.family = ADDRESS_V4},
                                .sinkhole6 = {.family = ADDRESS_V6},
                                .access_count = 1,
                                .access[0] = {.family = ADDRESS_V4, .octets = {127}, .bits = 8},
                                .ede = true,
                                .block_ede = WIRE_EDE_NONE,
                                .udp_size = 1232,
                                .ttl_max_s = 86400,
                                .negative_ttl_max_s = 3600,
                                .failure_ttl_s = 5,
                                .stale_max_s = 86400,
                                .stale_wait_ms = 1800,
                                .stale_ttl_s = 30,
                                .stale_retry_s = 30,
                                .prefetch = true,
                                .have_upstreams = true};
    const struct query_engine_setup setup = {.io = &bench_io,
                                             .io_context = bench,
                                             .cache = bench->cache,
                                             .events = bench->events,
                                             .events_lost = &bench->lost,
                                             .timers = bench->timers,
                                             .random = &bench->random,
                                             .slots = 64};
    bench->engine = query_engine_create(&setup);
    invariant(bench->engine != NULL);
    make_policy(bench);
    query_engine_time(bench->engine, bench->now);
    query_engine_adopt(bench->engine, bench->policy, &bench->settings);
    bench->bad = name_of("bad.test");
    bench->ok = name_of("ok.bad.test");
    return bench;
}

/* What the client must never see in the answer section. */
static void check_record(const struct bench *bench, const struct wire_message *message,
                         const struct wire_record *record, bool redirected)
{
    struct wire_name target;
    struct address address;

    if (record->section != WIRE_ANSWER || redirected) {
        return; /* what is behind the operator's own target is the operator's choice */
    }
    if (record->type == WIRE_CNAME) {
        invariant(wire_record_name(message, record, 0, &target) == WIRE_OK);
        invariant(!is_bad(bench, &target));
    }
    if (wire_record_address(message, record, &address)) {
        invariant(address.family != ADDRESS_V4 ||
                  memcmp(address.octets, (const uint8_t[]){198, 51, 100}, 3) != 0);
        invariant(address.family != ADDRESS_V6 ||
                  memcmp(address.octets, (const uint8_t[]){0x20, 0x01, 0x0d, 0xb8}, 4) != 0);
    }
}

static void check_answer(const struct bench *bench, const struct wire_question *question,
                         bool tcp)
{
    const struct wire_name redirect = name_of("go.test");
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    bool redirected = false;
    int more;

    invariant(wire_message_open(bench->out, bench->len, &message) == WIRE_OK);
    invariant(message.id == question->id && (message.flags & WIRE_FLAG_QR) != 0);
    invariant((message.flags & (WIRE_FLAG_AA | WIRE_FLAG_AD)) == 0);
    invariant(((message.flags ^ question->flags) & (WIRE_FLAG_RD | WIRE_FLAG_CD)) == 0);
    if (question->has_question) {
        invariant(message.counts[0] == 1 && bench->len >= 12u + question->raw_len);
        invariant(memcmp(bench->out + 12, question->raw, question->raw_len) == 0);
    }
    if (!tcp) {
        invariant(bench->len <= (question->udp_size < 1232 ? question->udp_size : 1232));
    }
    wire_cursor_start(&cursor, &message);
    while ((more = wire_cursor_next(&cursor, &record)) > 0) {
        struct wire_name target;

        if (record.type == WIRE_CNAME && record.section == WIRE_ANSWER && record.ttl <= 10 &&
            wire_record_name(&message, &record, 0, &target) == WIRE_OK) {
            redirected = redirected || wire_name_equal(&target, &redirect);
        }
        check_record(bench, &message, &record, redirected);
    }
    invariant(more == 0);
}

/* The next answer of the input, behind the fetch's own question unless it is raw. */
static size_t next_answer(const struct query_fetch *fetch, bool raw, const uint8_t **data,
                          size_t *size, uint8_t *out)
{
    const struct wire_name *name = &fetch->name;
    size_t len = 0;

    if (*size < 2) {
        return 0;
    }
    size_t take = wire_get16(*data);
    *data += 2;
    *size -= 2;
    if (take > *size) {
        take = *size;
    }
    if (!raw && take >= 10) { /* flags and counts, then records */
        memset(out, 0, 12);
        memcpy(out + 2, *data, 2);
        out[2] |= 0x80;
        wire_put16(out + 4, 1);
        memcpy(out + 6, *data + 2, 6);
        memcpy(out + 12, name->octets, name->len);
        wire_put16(out + 12 + name->len, fetch->type);
        wire_put16(out + 14 + name->len, WIRE_IN);
        len = 16u + name->len;
        memcpy(out + len, *data + 8, take - 8);
        len += take - 8;
    } else {
        memcpy(out, *data, take);
        len = take;
    }
    *data += take;
    *size -= take;
    return len;
}

static void answer_fetch(struct bench *bench, bool raw, const uint8_t **data, size_t *size)
{
    uint8_t octets[INPUT_MAX + 512];
    struct query_fetch *fetch = bench->fetches[0];
    const size_t len = next_answer(fetch, raw, data, size, octets);
    uint8_t *exact = malloc(len > 0 ? len : 1);
    const struct query_fetch_result result = {.status = len > 0 ? QUERY_FETCH_ANSWER
                                                                : QUERY_FETCH_TIMEOUT,
                                              .octets = exact,
                                              .len = len};

    invariant(exact != NULL);
    memcpy(exact, octets, len);
    forget(bench, fetch);
    query_fetch_done(bench->engine, fetch, &result);
    free(exact);
}

static void pass(struct bench *bench, uint64_t us)
{
    bench->now.mono_us += us;
    bench->now.wall_us += us;
    query_engine_time(bench->engine, bench->now);
    timers_run(bench->timers, bench->now.mono_us);
}

/* Whoever comes from 127.0.N.1 is in view N. */
static uint8_t view_of(unsigned manner)
{
    if ((manner & MANNER_DENIED) != 0) {
        return 1;
    }
    return (manner & MANNER_SERVERS) != 0 ? 2 : (manner & MANNER_RECORDS) != 0 ? 3 : 0;
}

static void ask(struct bench *bench, unsigned manner, const uint8_t *octets, size_t len,
                const uint8_t *data, size_t size)
{
    const bool tcp = (manner & MANNER_TCP) != 0;
    struct query *q = query_take(bench->engine);
    struct wire_question question;

    invariant(q != NULL);
    bench->sent = bench->released = 0;
    bench->denies = (manner & MANNER_DENIED) != 0;
    bench->size = tcp ? sizeof(bench->out) : 4096;
    *query_client_of(q) = (struct query_client){
        .from = {.family = ADDRESS_V4,
                 .octets = {(manner & MANNER_STRANGER) != 0 ? 10 : 127, 0, view_of(manner), 1}},
        .transport = tcp ? QUERY_TCP : QUERY_UDP,
        .keepalive_100ms = -1};
    wire_question_read(octets, len, &question);
    query_run(bench->engine, q, octets, len);
    for (unsigned i = 0; i < ANSWERS_MAX && bench->fetch_count > 0; i++) {
        if ((manner & MANNER_RELOAD) != 0) {
            query_engine_adopt(bench->engine, bench->policy, &bench->settings);
        }
        if ((manner & MANNER_TIME) != 0) {
            pass(bench, 500000);
        }
        if (bench->fetch_count > 0) {
            answer_fetch(bench, (manner & MANNER_RAW) != 0, &data, &size);
        }
    }
    invariant(bench->fetch_count == 0 && bench->released == 1 && bench->sent <= 1);
    invariant(query_engine_in_use(bench->engine) == 0);
    if (bench->sent == 1) {
        check_answer(bench, &question, tcp);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bench *bench;
    size_t len;

    if (bench == NULL) {
        bench = make_bench();
    }
    if (size < 3 || size > INPUT_MAX) {
        return -1;
    }
    const unsigned manner = data[0];
    size_t question_len = wire_get16(data + 1);
    data += 3;
    size -= 3;
    if (question_len > size) {
        question_len = size;
    }
    cache_flush(bench->cache);
    pass(bench, 10000000); /* the budget for name servers is full again */
    ask(bench, manner, data, question_len, data + question_len, size - question_len);
    /* Once more: whatever was kept is now in the cache. */
    ask(bench, manner, data, question_len, data + question_len, size - question_len);
    /* And from other views, which share the cache. */
    ask(bench, manner ^ MANNER_DENIED, data, question_len, data + question_len,
        size - question_len);
    ask(bench, (manner ^ MANNER_SERVERS) & ~(unsigned)MANNER_DENIED, data, question_len,
        data + question_len, size - question_len);
    /* Past its time, and the upstreams are silent. */
    pass(bench, 80000000000);
    for (unsigned i = 0; i < 2; i++) {
        ask(bench, manner, data, question_len, data, 0);
        ask(bench, manner ^ MANNER_DENIED, data, question_len, data, 0);
        ask(bench, (manner ^ MANNER_SERVERS) & ~(unsigned)MANNER_DENIED, data, question_len,
            data, 0);
    }
    while (ring_peek(bench->events, &len) != NULL) {
        ring_release(bench->events);
    }
    return 0;
}
