/*
 * tests/bench/bench_hot_path.c - instructions of a question's way through the engine, exactly:
 * from its octets to those of the answer, without sockets. Run by tests/bench/count below
 * valgrind's callgrind, which counts what the functions replay_* do, and nothing else.
 *
 * Usage: bench_hot_path [RULES [LISTS [IMAGE]]]     made-up rules (20000) in so many lists (1)
 *
 * IMAGE: a file of the compiled lists. Where there is none it is written, else nothing is
 * compiled: valgrind would take hours for millions of rules.
 */
#include "base/file.h"
#include "bench/policy_names.h"
#include "query/bench.h"

#include <errno.h>

#define BATCH                                                                       \
    8u /* questions between two turns of the loop: as many as the bench has fetches \
        */
#define ROUNDS    500u
#define NAMES     512u /* of each kind */
#define ANSWER    512u
#define CLIENTS   64u
#define CACHE     (16u << 20) /* octets */
#define PREFIX    "203.0.113.0/24"
#define PREFIXES  500u /* of other rules */
#define IMAGE_MAX ((size_t)4 << 30)

/* Octets of a question, and of what an upstream would say. */
struct exchange {
    uint8_t question[300], answer[ANSWER];
    size_t question_len, answer_len;
};

/* What a kind of question is about. */
enum kind {
    KIND_HIT,      /* in the cache: an address */
    KIND_CHAIN,    /* in the cache: two CNAMEs, an address */
    KIND_NEGATIVE, /* in the cache: no such name */
    KIND_BLOCKED,  /* a rule's */
    KIND_HOP,      /* in the cache: a CNAME to a rule's name */
    KIND_PREFIX,   /* in the cache: an address of a rule's prefix */
    KIND_MISS,     /* asked upstream, answered with an address, kept */
    KIND_RECORDED, /* as KIND_HIT, where every question is recorded: audit.queries */
    KINDS
};

struct scene {
    struct bench *bench;
    struct ring *questions; /* of KIND_RECORDED */
    _Atomic uint64_t questions_lost;
    struct exchange *exchanges[KINDS];
};

static void need(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "bench_hot_path: %s\n", what);
        exit(1);
    }
}

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    need(wire_name_from_text(text, strlen(text), &name) == WIRE_TEXT_OK, text);
    return name;
}

static void list_id(unsigned list, char out[16])
{
    snprintf(out, 16, "t%u", list);
}

/* List number i of so many: the made-up names with the lowest numbers are spread over them. */
static struct policy_list *make_list(const struct names_source *source, uint64_t rules,
                                     unsigned lists, unsigned i)
{
    struct policy_list *list = NULL;
    struct report report;
    char *text = NULL, id[16];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    need(out != NULL, "out of memory");
    list_id(i, id);
    fprintf(out,
            "cordon-list 1\nid %s\ntitle T\nprovider p P\nserial 1\n"
            "created 2026-01-01T00:00:00Z\nexpires 2027-01-01T00:00:00Z\nrules\n",
            id);
    for (uint64_t n = i; n < rules; n += lists) {
        char name[NAME_TEXT_MAX];

        names_at(source, n, name);
        fprintf(out, "block suffix %s category=a scope=cloud confidence=high evidence=\"x\"\n",
                name);
    }
    for (unsigned n = i; n <= PREFIXES; n += lists) {
        char prefix[32];

        snprintf(prefix, sizeof(prefix), "100.%u.%u.0/24", 64 + n / 256, n % 256);
        fprintf(out, "block prefix %s category=a scope=cloud confidence=high evidence=\"x\"\n",
                n == PREFIXES ? PREFIX : prefix);
    }
    fprintf(out, "end\n");
    report_init(&report);
    need(fclose(out) == 0 && policy_list_parse(text, len, "t", &report, &list) == 0,
         "a list cannot be read");
    report_deinit(&report);
    free(text);
    return list;
}

/* All lists, compiled; from the file, or into it, if one is named. */
static struct policy_image *make_image(const struct names_source *source, uint64_t rules,
                                       unsigned lists, const char *path)
{
    struct policy_list *parsed[POLICY_LISTS_MAX] = {NULL};
    struct policy_image *image = NULL;
    uint8_t *octets = NULL;
    size_t len = 0;

    if (path != NULL && file_read(path, IMAGE_MAX, &octets, &len) == 0) {
        need(policy_image_open(octets, len, &image) == 0, "the file is no image");
        return image; /* borrows the octets until the end */
    }
    for (unsigned i = 0; i < lists; i++) {
        parsed[i] = make_list(source, rules, lists, i);
    }
    need(policy_image_build((const struct policy_list *const *)parsed, lists, &image) == 0,
         "no image");
    for (unsigned i = 0; i < lists; i++) {
        policy_list_free(parsed[i]);
    }
    if (path != NULL) {
        const uint8_t *made = policy_image_octets(image, &len);
        FILE *out = fopen(path, "we");

        need(out != NULL && fwrite(made, len, 1, out) == 1 && fclose(out) == 0,
             "the image cannot be written");
    }
    return image;
}

static struct policy *make_policy(const struct names_source *source, uint64_t rules,
                                  unsigned lists, const char *path)
{
    struct policy_list_setting settings[POLICY_LISTS_MAX] = {{NULL}};
    char ids[POLICY_LISTS_MAX][16];
    const struct policy_view_setting view = {.name = "v",
                                             .action = POLICY_ACTION_SINKHOLE,
                                             .lists = settings,
                                             .list_count = lists,
                                             .name_servers = POLICY_MODE_ENFORCE};
    struct policy *policy = NULL;
    struct report report;

    for (unsigned i = 0; i < lists; i++) {
        list_id(i, ids[i]);
        settings[i] = (struct policy_list_setting){.id = ids[i], .mode = POLICY_MODE_ENFORCE};
    }
    report_init(&report);
    need(policy_create(make_image(source, rules, lists, path), &view, 1, 2, &report, &policy) ==
             0,
         "no policy");
    report_deinit(&report);
    return policy;
}

/* Question and answer number i of a kind. */
static void make_exchange(enum kind kind, unsigned i, const struct names_source *source,
                          struct exchange *out)
{
    static const uint8_t open[] = {192, 0, 2, 7}, listed_address[] = {203, 0, 113, 7};
    const uint8_t *address = kind == KIND_PREFIX ? listed_address : open;
    static const struct wire_name root = {.octets = {0}, .len = 1};
    uint8_t raw[WIRE_NAME_MAX + 4];
    char text[NAME_TEXT_MAX + 16];
    struct wire_writer writer;
    unsigned flags = WIRE_FLAG_QR | WIRE_FLAG_RD | WIRE_FLAG_RA;

    if (kind == KIND_BLOCKED) {
        char listed[NAME_TEXT_MAX];

        names_at(source, i, listed);
        snprintf(text, sizeof(text), "www.%s", listed);
    } else {
        snprintf(text, sizeof(text), "www.h%u.kind%u.example", i, (unsigned)kind);
    }
    const struct wire_name name = name_of(text);
    struct wire_name at = name;

    out->question_len =
        wire_question_write(out->question, sizeof(out->question), 7, 0, name.octets, name.len,
                            WIRE_A, WIRE_IN, 1232, false);
    memcpy(raw, name.octets, name.len);
    memcpy(raw + name.len, (const uint8_t[]){0, WIRE_A, 0, WIRE_IN}, 4);
    wire_writer_begin(&writer, out->answer, sizeof(out->answer), raw, name.len + 4u);
    for (unsigned hop = 0; hop < (kind == KIND_CHAIN ? 2 : kind == KIND_HOP ? 1 : 0); hop++) {
        char listed[NAME_TEXT_MAX];

        names_at(source, i, listed);
        if (kind == KIND_HOP) {
            snprintf(text, sizeof(text), "edge.%s", listed);
        } else {
            snprintf(text, sizeof(text), "edge%u.h%u.chain.example", hop, i);
        }
        const struct wire_name target = name_of(text);
        wire_write_cname(&writer, &at, &target, 3600);
        at = target;
    }
    if (kind == KIND_NEGATIVE) {
        const struct wire_name zone = name_of("kind2.example");

        flags |= WIRE_NXDOMAIN;
        wire_write_soa(&writer, WIRE_AUTHORITY, &zone, &root, &root, 1, 3600);
    } else {
        wire_write_record(&writer, WIRE_ANSWER, &at, WIRE_A, 3600, address, sizeof(open));
    }
    out->answer_len = wire_writer_end(&writer, 0, (uint16_t)flags);
    need(out->question_len > 0 && out->answer_len > 0, "no message");
}

static inline __attribute__((always_inline)) struct query *
read_one(struct bench *bench, const struct exchange *exchange, unsigned client)
{
    struct query *q = query_take(bench->engine);

    query_client_of(q)->from =
        (struct address){.family = ADDRESS_V4, .octets = {127, 0, 0, (uint8_t)client}};
    query_client_of(q)->transport = QUERY_UDP;
    query_read(bench->engine, q, exchange->question, exchange->question_len);
    query_expect(bench->engine, q);
    return q;
}

/* The batch of questions from number first on. A function for each kind: callgrind tells them
 * apart by their names. */
static inline __attribute__((always_inline)) void replay(struct scene *scene, enum kind kind,
                                                         unsigned first)
{
    struct bench *bench = scene->bench;

    struct query *batch[BATCH];

    for (unsigned i = 0; i < BATCH; i++) {
        batch[i] = read_one(bench, &scene->exchanges[kind][(first + i) % NAMES],
                            (first + i) % CLIENTS + 1);
    }
    query_go_near(bench->engine, batch, BATCH);
    query_go_on(bench->engine, batch, BATCH);
    if (kind == KIND_MISS) {
        for (unsigned i = 0; i < BATCH; i++) {
            const struct exchange *exchange = &scene->exchanges[kind][(first + i) % NAMES];

            bench_done(bench, i, QUERY_FETCH_ANSWER, exchange->answer, exchange->answer_len);
        }
    }
}

#define REPLAY(word, kind)                                                                   \
    static __attribute__((noinline)) void replay_##word(struct scene *scene, unsigned first) \
    {                                                                                        \
        replay(scene, kind, first);                                                          \
    }
REPLAY(hit, KIND_HIT)
REPLAY(chain, KIND_CHAIN)
REPLAY(negative, KIND_NEGATIVE)
REPLAY(blocked, KIND_BLOCKED)
REPLAY(hop, KIND_HOP)
REPLAY(prefix, KIND_PREFIX)
REPLAY(miss, KIND_MISS)
REPLAY(recorded, KIND_RECORDED)

static void (*const replays[KINDS])(struct scene *scene, unsigned first) = {
    [KIND_HIT] = replay_hit,           [KIND_CHAIN] = replay_chain,
    [KIND_NEGATIVE] = replay_negative, [KIND_BLOCKED] = replay_blocked,
    [KIND_HOP] = replay_hop,           [KIND_PREFIX] = replay_prefix,
    [KIND_MISS] = replay_miss,         [KIND_RECORDED] = replay_recorded};

static const char *const words[KINDS] = {"hit", "chain",  "negative", "blocked",
                                         "hop", "prefix", "miss",     "recorded"};

/* What a writer and the loop would do meanwhile. */
static void turn(const struct scene *scene)
{
    struct bench *bench = scene->bench;
    size_t len;

    while (ring_peek(bench->events, &len) != NULL) {
        ring_release(bench->events);
    }
    while (ring_peek(scene->questions, &len) != NULL) {
        ring_release(scene->questions);
    }
    bench_pass(bench, 100);
}

static void ask(struct bench *bench, const struct exchange *exchange)
{
    struct query *q = read_one(bench, exchange, 1);

    query_go_near(bench->engine, &q, 1);
    query_go_on(bench->engine, &q, 1);
}

/* All that is to be in the cache; none of it is what is counted. */
static void warm(struct scene *scene)
{
    for (unsigned kind = 0; kind < KINDS; kind++) {
        for (unsigned i = 0; i < NAMES && kind != KIND_MISS; i++) {
            const struct exchange *exchange = &scene->exchanges[kind][i];

            ask(scene->bench, exchange);
            if (kind != KIND_BLOCKED) {
                bench_done(scene->bench, 0, QUERY_FETCH_ANSWER, exchange->answer,
                           exchange->answer_len);
            }
            turn(scene);
            ask(scene->bench, exchange); /* the first look at what is kept */
            turn(scene);
        }
    }
}

int main(int argc, char **argv)
{
    const uint64_t rules = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
    const unsigned lists = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
    struct scene scene = {.bench = bench_create(64, 256)};
    struct bench *bench = scene.bench;
    struct names_source source;

    need(rules >= NAMES && lists >= 1 && lists <= POLICY_LISTS_MAX, "512 rules or more");
    need(names_open(&source, NULL), "no names");
    cache_destroy(bench->cache); /* of the least size: something would have to go */
    bench->engine->cache = bench->cache =
        cache_create(CACHE, (const uint8_t *)"instructions of a");
    scene.questions = ring_create(1u << 20);
    need(bench->cache != NULL && scene.questions != NULL, "out of memory");
    for (unsigned kind = 0; kind < KINDS; kind++) {
        scene.exchanges[kind] = calloc(NAMES, sizeof(struct exchange));
        need(scene.exchanges[kind] != NULL, "out of memory");
        for (unsigned i = 0; i < NAMES; i++) {
            make_exchange(kind, i, &source, &scene.exchanges[kind][i]);
        }
    }
    struct policy *old = bench->policy;
    bench->policy = make_policy(&source, rules, lists, argc > 3 ? argv[3] : NULL);
    query_engine_adopt(bench->engine, bench->policy, &bench->settings);
    policy_destroy(old);
    warm(&scene);
    bench->engine->questions_lost = &scene.questions_lost;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        const unsigned rounds = kind == KIND_MISS ? NAMES / BATCH : ROUNDS;
        const unsigned asked = bench->asked, sent = bench->sent;

        bench->engine->questions = kind == KIND_RECORDED ? scene.questions : NULL;
        for (unsigned round = 0; round < rounds; round++) {
            replays[kind](&scene, round * BATCH);
            turn(&scene);
        }
        need(bench->sent - sent == rounds * BATCH, "a question was not answered");
        need(bench->asked - asked == (kind == KIND_MISS ? rounds * BATCH : 0),
             "asked upstream, or not, against what was meant");
        need(atomic_load(&bench->lost) + atomic_load(&scene.questions_lost) == 0,
             "an event was lost");
        printf("%s %u\n", words[kind], rounds * BATCH);
    }
    for (unsigned kind = 0; kind < KINDS; kind++) {
        free(scene.exchanges[kind]);
    }
    names_close(&source);
    ring_destroy(scene.questions);
    bench_destroy(bench);
    return 0;
}
