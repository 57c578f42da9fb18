/*
 * tests/bench/bench_cache_trace.c - what share of questions a cache answers: this one beside
 * other ways to choose what goes, all with as many octets for entries.
 *
 * Usage: bench_cache_trace [QUESTIONS [OCTETS]]     4000000 of each trace; a cache of 16 MiB.
 *
 * Names by Zipf's law, answers and times to live as below, 2,000 questions a second of a clock
 * that is made up. Counted are questions for names that recur, after a third of the trace.
 *
 * zipf     nothing else
 * scan     from one half to three quarters of the time, nine of ten questions are for names
 * that nobody asks for again, as by a flood of random sub-domains trickle  half of all
 * questions are such ones, always shift    every twentieth part of the trace brings other names
 * to the front
 *
 * The others are models that keep no octets: one queue instead of shards, and their own
 * bookkeeping is not counted against them. "furthest" knows the future: it forgets, or does not
 * keep at all, what is asked for last of all, or only after its time. That is the optimum where
 * all entries are of one size, and near it here.
 */
#include "base/random.h"
#include "cache/cache.h"
#include "cache/inside.h"
#include "wire/writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAMES       500000u /* that recur */
#define EXPONENT    0.95
#define STEP_US     UINT64_C(500)
#define SHIFTS      20u
#define NO_ID       UINT32_MAX
#define NEVER       UINT32_MAX
#define MESSAGE_MAX 8192u

struct trace {
    const char *name;
    uint32_t *ids;  /* from NAMES on: asked for once */
    uint32_t *next; /* the place of the next question for the same name, or NEVER */
    uint32_t questions, ids_end, counted;
};

/* What is known of a name in a model. */
struct item {
    uint64_t expires_us;
    uint32_t newer, older;
    uint32_t key; /* furthest: when it is of use again */
    uint16_t blocks;
    uint8_t uses;
    uint8_t where; /* 0: not kept; 1, 2: the queue; 3: remembered without its answer */
};

struct queue {
    uint32_t newest, oldest;
    uint64_t blocks, count;
};

struct heap_row {
    uint32_t key, id;
};

struct model {
    const struct model_kind *kind;
    struct item *items;
    struct queue queues[4];
    uint64_t room; /* blocks */
    uint32_t hand; /* sieve */
    struct heap_row *heap;
    size_t heap_count, heap_room;
};

struct model_kind {
    const char *name;
    void (*hit)(struct model *model, uint32_t id);
    void (*insert)(struct model *model, uint32_t id);
    void (*evict)(struct model *model);
};

static void need(bool holds, const char *text)
{
    if (!holds) {
        fprintf(stderr, "bench_cache_trace: %s\n", text);
        exit(1);
    }
}

/* The answers: which name has which is by its number. */
static uint32_t mixed(uint32_t id)
{
    uint32_t x = id * 2654435761u;

    x ^= x >> 15;
    x *= 2246822519u;
    return x ^ (x >> 13);
}

/* Octets of the record that the answer carries. */
static unsigned rdata_of(uint32_t id)
{
    const uint32_t x = mixed(id);
    const unsigned kind = x % 100, part = (x >> 8) % 1000;

    if (id >= NAMES) {
        return 60 + part % 40; /* "no such name" */
    }
    return kind < 70   ? 16 + part % 60
           : kind < 90 ? 100 + part % 200
           : kind < 98 ? 300 + part % 700
                       : 1400 + part * 2;
}

static uint32_t ttl_of(uint32_t id)
{
    const uint32_t kind = mixed(id ^ 0x5bd1e995) % 100;

    return kind < 20 ? 60 : kind < 60 ? 300 : kind < 85 ? 3600 : 86400;
}

static void name_of(uint32_t id, struct wire_name *name)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t octets[] = "\x08........\x07"
                       "example";
    size_t at = 0;

    for (unsigned i = 0; i < 8; i++) {
        octets[1 + i] = (uint8_t)digits[(id >> (28 - 4 * i)) & 15];
    }
    need(wire_name_read(octets, sizeof(octets), &at, name) == WIRE_OK, "no name");
}

static size_t answer_of(const struct wire_name *name, uint32_t id, uint8_t *octets)
{
    static const uint8_t rdata[MESSAGE_MAX];
    uint8_t raw[WIRE_NAME_MAX + 4];
    struct wire_writer writer;

    memcpy(raw, name->octets, name->len);
    memcpy(raw + name->len, (const uint8_t[]){0, WIRE_TXT, 0, WIRE_IN}, 4);
    wire_writer_begin(&writer, octets, MESSAGE_MAX, raw, name->len + 4u);
    wire_write_record(&writer, WIRE_ANSWER, name, WIRE_TXT, ttl_of(id), rdata, rdata_of(id));
    return wire_writer_end(&writer, 0, WIRE_FLAG_QR);
}

static uint16_t blocks_of(uint32_t id)
{
    /* Header, question, and a record whose owner points at the question's name. */
    const size_t octets = sizeof(struct cache_head) + 18 + 12 + 22 + 12 + rdata_of(id) + 2;

    return (uint16_t)((octets + CACHE_BLOCK_DATA - 1) / CACHE_BLOCK_DATA);
}

static void queue_add(struct model *model, unsigned which, uint32_t id)
{
    struct queue *queue = &model->queues[which];
    struct item *item = &model->items[id];

    item->where = (uint8_t)which;
    item->newer = NO_ID;
    item->older = queue->newest;
    if (queue->newest != NO_ID) {
        model->items[queue->newest].newer = id;
    } else {
        queue->oldest = id;
    }
    queue->newest = id;
    queue->blocks += item->blocks;
    queue->count++;
}

static void queue_remove(struct model *model, uint32_t id)
{
    struct item *item = &model->items[id];
    struct queue *queue = &model->queues[item->where];

    if (item->newer != NO_ID) {
        model->items[item->newer].older = item->older;
    } else {
        queue->newest = item->older;
    }
    if (item->older != NO_ID) {
        model->items[item->older].newer = item->newer;
    } else {
        queue->oldest = item->newer;
    }
    queue->blocks -= item->blocks;
    queue->count--;
    item->where = 0;
}

static void insert_first(struct model *model, uint32_t id)
{
    model->items[id].uses = 0;
    queue_add(model, 1, id);
}

static void hit_counts(struct model *model, uint32_t id)
{
    model->items[id].uses = 1;
}

/* Least recently used. */
static void lru_hit(struct model *model, uint32_t id)
{
    queue_remove(model, id);
    queue_add(model, 1, id);
}

static void lru_evict(struct model *model)
{
    queue_remove(model, model->queues[1].oldest);
}

/* CLOCK: what was used since it was last looked at gets another round. */
static void clock_evict(struct model *model)
{
    uint32_t id = model->queues[1].oldest;

    for (; model->items[id].uses != 0; id = model->queues[1].oldest) {
        model->items[id].uses = 0;
        lru_hit(model, id);
    }
    queue_remove(model, id);
}

/* SIEVE: the same, but what stays keeps its place. */
static void sieve_evict(struct model *model)
{
    uint32_t id = model->hand != NO_ID ? model->hand : model->queues[1].oldest;

    while (model->items[id].uses != 0) {
        model->items[id].uses = 0;
        id = model->items[id].newer;
        if (id == NO_ID) {
            id = model->queues[1].oldest;
        }
    }
    model->hand = model->items[id].newer;
    queue_remove(model, id);
}

/* S3-FIFO as published: a tenth for new ones, a queue for those that were asked for again, and
 * a memory of those that were not. */
static void s3_hit(struct model *model, uint32_t id)
{
    if (model->items[id].uses < 3) {
        model->items[id].uses++;
    }
}

static void s3_insert(struct model *model, uint32_t id)
{
    const bool remembered = model->items[id].where == 3;

    if (remembered) {
        queue_remove(model, id);
    }
    model->items[id].uses = 0;
    queue_add(model, remembered ? 2 : 1, id);
}

static void s3_forget_new(struct model *model, uint32_t id)
{
    queue_remove(model, id);
    queue_add(model, 3, id);
    while (model->queues[3].count > model->queues[2].count + model->queues[1].count) {
        queue_remove(model, model->queues[3].oldest);
    }
}

static void s3_evict(struct model *model)
{
    for (;;) {
        const bool new_ones =
            model->queues[1].blocks > model->room / 10 || model->queues[2].count == 0;
        const uint32_t id = model->queues[new_ones ? 1 : 2].oldest;
        struct item *item = &model->items[id];

        if (item->uses == 0 && new_ones) {
            s3_forget_new(model, id);
            return;
        }
        queue_remove(model, id);
        if (item->uses == 0) {
            return;
        }
        item->uses = new_ones ? 0 : (uint8_t)(item->uses - 1);
        queue_add(model, 2, id);
    }
}

/* The one that knows the future: a heap, whose rows that no longer hold are passed over. */
static void heap_push(struct model *model, uint32_t key, uint32_t id)
{
    if (model->heap_count == model->heap_room) {
        model->heap_room = model->heap_room * 2 + 1024;
        model->heap = realloc(model->heap, model->heap_room * sizeof(*model->heap));
        need(model->heap != NULL, "out of memory");
    }
    size_t at = model->heap_count++;

    for (; at > 0 && model->heap[(at - 1) / 2].key < key; at = (at - 1) / 2) {
        model->heap[at] = model->heap[(at - 1) / 2];
    }
    model->heap[at] = (struct heap_row){key, id};
}

static struct heap_row heap_pop(struct model *model)
{
    const struct heap_row top = model->heap[0];
    const struct heap_row last = model->heap[--model->heap_count];
    size_t at = 0;

    for (size_t child; (child = 2 * at + 1) < model->heap_count; at = child) {
        if (child + 1 < model->heap_count &&
            model->heap[child + 1].key > model->heap[child].key) {
            child++;
        }
        if (model->heap[child].key <= last.key) {
            break;
        }
        model->heap[at] = model->heap[child];
    }
    model->heap[at] = last;
    return top;
}

static void furthest_hit(struct model *model, uint32_t id)
{
    heap_push(model, model->items[id].key, id);
}

static void furthest_insert(struct model *model, uint32_t id)
{
    queue_add(model, 1, id);
    furthest_hit(model, id);
}

static void furthest_evict(struct model *model)
{
    struct heap_row row;

    do {
        row = heap_pop(model);
    } while (model->items[row.id].where == 0 || model->items[row.id].key != row.key);
    queue_remove(model, row.id);
}

static const struct model_kind kinds[] = {
    {"LRU", lru_hit, insert_first, lru_evict},
    {"CLOCK", hit_counts, insert_first, clock_evict},
    {"SIEVE", hit_counts, insert_first, sieve_evict},
    {"S3-FIFO", s3_hit, s3_insert, s3_evict},
    {"furthest", furthest_hit, furthest_insert, furthest_evict},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool is_counted(const struct trace *trace, uint32_t i)
{
    return i >= trace->questions / 3 && trace->ids[i] < NAMES;
}

static double run_model(const struct model_kind *kind, const struct trace *trace, uint64_t room)
{
    struct model model = {.kind = kind, .room = room, .hand = NO_ID};
    uint64_t hits = 0;

    model.items = calloc(trace->ids_end, sizeof(*model.items));
    need(model.items != NULL, "out of memory");
    for (unsigned i = 0; i < 4; i++) {
        model.queues[i] = (struct queue){.newest = NO_ID, .oldest = NO_ID};
    }
    for (uint32_t i = 0; i < trace->questions; i++) {
        const uint32_t id = trace->ids[i];
        const uint64_t now_us = i * STEP_US;
        struct item *item = &model.items[id];
        const bool kept = item->where == 1 || item->where == 2;
        const bool holds = kept && now_us < item->expires_us;

        hits += holds && is_counted(trace, i) ? 1 : 0;
        if (!holds) {
            item->expires_us = now_us + ttl_of(id) * UINT64_C(1000000);
        }
        item->key = trace->next[i] != NEVER && trace->next[i] * STEP_US < item->expires_us
                        ? trace->next[i]
                        : NEVER;
        if (kept) {
            kind->hit(&model, id); /* one that is past its time is asked for as well */
            continue;
        }
        item->blocks = blocks_of(id);
        kind->insert(&model, id);
        while (model.queues[1].blocks + model.queues[2].blocks > room) {
            kind->evict(&model);
        }
    }
    free(model.items);
    free(model.heap);
    return 100.0 * (double)hits / trace->counted;
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What asking for the time costs by itself. */
static double seconds_cost(void)
{
    const double start = seconds();

    for (unsigned i = 0; i < 1000; i++) {
        (void)seconds();
    }
    return (seconds() - start) / 1001;
}

/* put_ns: of processor time, to store an answer when the cache is full. */
static double run_cache(const struct trace *trace, size_t size, uint64_t *room, double *put_ns)
{
    struct cache *cache = cache_create(size, (const uint8_t *)"a key of a bench");
    struct cache_stats stats;
    uint8_t octets[MESSAGE_MAX];
    uint64_t hits = 0, puts = 0;
    double spent = 0;

    need(cache != NULL, "no cache");
    cache_stats(cache, &stats);
    *room = (stats.limit - stats.octets) / CACHE_BLOCK_OCTETS;
    for (uint32_t i = 0; i < trace->questions; i++) {
        const uint64_t now_us = i * STEP_US;
        struct wire_name name;
        const struct cache_key key = {.name = &name, .type = WIRE_TXT};
        struct cache_entry entry;

        name_of(trace->ids[i], &name);
        if (cache_get(cache, &key, now_us, octets, sizeof(octets), &entry)) {
            hits += is_counted(trace, i) ? 1 : 0;
            continue;
        }
        entry = (struct cache_entry){.kind = CACHE_ANSWER,
                                     .ttl_s = ttl_of(trace->ids[i]),
                                     .len = answer_of(&name, trace->ids[i], octets)};
        const bool timed = i >= trace->questions / 3 && i % 16 == 0;
        const double start = timed ? seconds() : 0;
        cache_put(cache, &key, now_us, octets, &entry);
        spent += timed ? seconds() - start : 0;
        puts += timed ? 1 : 0;
    }
    cache_stats(cache, &stats);
    need(stats.octets <= stats.limit, "the cache is larger than its bound");
    cache_destroy(cache);
    *put_ns = (spent / (double)(puts > 0 ? puts : 1) - seconds_cost()) * 1e9;
    return 100.0 * (double)hits / trace->counted;
}

static uint32_t rank_of(const double *sums, double x)
{
    uint32_t low = 0, high = NAMES - 1;

    while (low < high) {
        const uint32_t middle = (low + high) / 2;

        if (sums[middle] < x) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool asks_once(const char *name, uint32_t i, uint32_t questions, uint32_t chance)
{
    if (strcmp(name, "scan") == 0) {
        return i / (questions / 4 + 1) == 2 && chance < 90;
    }
    return strcmp(name, "trickle") == 0 && chance < 50;
}

static void make_trace(struct trace *trace, const char *name, uint32_t questions,
                       const double *sums)
{
    uint8_t seed[RANDOM_SEED_OCTETS] = "cache trace";
    struct random random;

    random_init_seed(&random, seed);
    *trace = (struct trace){.name = name, .questions = questions, .ids_end = NAMES};
    trace->ids = malloc(questions * sizeof(*trace->ids));
    trace->next = malloc(questions * sizeof(*trace->next));
    need(trace->ids != NULL && trace->next != NULL, "out of memory");
    for (uint32_t i = 0; i < questions; i++) {
        const double x = (double)random_below(&random, UINT32_MAX) / UINT32_MAX;
        uint32_t id = rank_of(sums, x * sums[NAMES - 1]);

        if (asks_once(name, i, questions, random_below(&random, 100))) {
            id = trace->ids_end++;
        } else if (strcmp(name, "shift") == 0) {
            id = (id + i / (questions / SHIFTS + 1) * (NAMES / 1000)) % NAMES;
        }
        trace->ids[i] = id;
    }
    uint32_t *last = malloc(trace->ids_end * sizeof(*last));
    need(last != NULL, "out of memory");
    memset(last, 0xff, trace->ids_end * sizeof(*last));
    for (uint32_t i = questions; i-- > 0;) {
        trace->next[i] = last[trace->ids[i]];
        last[trace->ids[i]] = i;
        trace->counted += is_counted(trace, i) ? 1 : 0;
    }
    free(last);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"zipf", "scan", "trickle", "shift"};
    const uint32_t questions = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 4000000;
    const size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 16u << 20;
    double *sums = malloc(NAMES * sizeof(*sums));

    need(random_library_init() == 0 && sums != NULL && questions >= 1000, "wrong usage");
    for (uint32_t i = 0; i < NAMES; i++) {
        sums[i] = (i > 0 ? sums[i - 1] : 0) + pow(i + 1, -EXPONENT);
    }
    printf("%u questions, %zu octets; hits of 100 questions for names that recur\n%-9s",
           questions, size, "trace");
    for (unsigned i = 0; i < KINDS; i++) {
        printf(" %9s", kinds[i].name);
    }
    printf(" %9s %9s\n", "cordon", "ns a put");
    for (unsigned t = 0; t < sizeof(names) / sizeof(names[0]); t++) {
        struct trace trace;
        uint64_t room;
        double put_ns;

        make_trace(&trace, names[t], questions, sums);
        const double own = run_cache(&trace, size, &room, &put_ns);
        printf("%-9s", names[t]);
        for (unsigned i = 0; i < KINDS; i++) {
            printf(" %9.2f", run_model(&kinds[i], &trace, room));
        }
        printf(" %9.2f %9.0f\n", own, put_ns);
        fflush(stdout);
        free(trace.ids);
        free(trace.next);
    }
    free(sums);
    return 0;
}
