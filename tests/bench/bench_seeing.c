/*
 * What watching costs a question: processor time of counting a latency, a client, a blocked
 * name, and of a report's copy and merge. Not a test.
 *
 *     bench_seeing
 */
#include "base/histogram.h"
#include "base/random.h"
#include "base/siphash.h"
#include "query/tops.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define TURNS  2000000u
#define SOME   4096u /* clients and names that are asked by turns */
#define ROUNDS 5

static double cpu_ns(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return 1e9 * (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           1e3 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

struct work {
    struct histogram histogram;
    struct query_tops *tops, *other;
    struct address clients[SOME];
    struct wire_name names[SOME];
    uint32_t values[SOME];
};

static void latency(struct work *work, unsigned i)
{
    histogram_add(&work->histogram, work->values[i % SOME], 1);
}

static void client(struct work *work, unsigned i)
{
    const struct address *from = &work->clients[i % SOME];

    query_tops_client(work->tops, 1000000, from, query_tops_hash(work->tops, from), 1, 0);
}

static void same_client(struct work *work, unsigned i)
{
    const struct address *from = &work->clients[i % 16];

    query_tops_client(work->tops, 1000000, from, query_tops_hash(work->tops, from), 1, 0);
}

static void decision(struct work *work, unsigned i)
{
    static const uint8_t key[16] = "a key";
    const struct wire_name *name = &work->names[i % SOME];
    const struct address *from = &work->clients[i % 16];

    query_tops_client(work->tops, 1000000, from, query_tops_hash(work->tops, from), 0, 1);
    query_tops_name(work->tops, 1000000, name, siphash13(name->octets, name->len, key), true,
                    1);
    query_tops_list(work->tops, 1000000, 0, true);
}

static void copy(struct work *work, unsigned i)
{
    (void)i;
    query_tops_copy(work->other, work->tops, 1000000);
}

static void merge(struct work *work, unsigned i)
{
    (void)i;
    query_tops_merge(work->other, work->tops);
}

static void measure(const char *what, void (*run)(struct work *work, unsigned i),
                    struct work *work, unsigned turns)
{
    double best = 1e18;

    for (unsigned round = 0; round < ROUNDS; round++) {
        const double began = cpu_ns();

        for (unsigned i = 0; i < turns; i++) {
            run(work, i);
        }
        const double took = (cpu_ns() - began) / turns;
        best = took < best ? took : best;
    }
    printf("%-52s %10.1f ns\n", what, best);
}

int main(void)
{
    static const uint8_t key[16] = "a key";
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "bench";
    struct work *work = calloc(1, sizeof(*work));
    struct random random;

    if (work == NULL || random_library_init() != 0) {
        free(work);
        return 1;
    }
    random_init_seed(&random, seed);
    work->tops = query_tops_create(key);
    work->other = query_tops_create(key);
    query_tops_provider(work->tops, 0, "provider");
    for (unsigned i = 0; i < SOME; i++) {
        char text[64];

        const int len = snprintf(text, sizeof(text), "host%u.storage.cloud.example", i);
        (void)wire_name_from_text(text, (size_t)len, &work->names[i]);
        work->clients[i].family = ADDRESS_V4;
        random_fill(&random, work->clients[i].octets, 4);
        work->values[i] = random_below(&random, 100000);
    }
    measure("a latency into a histogram", latency, work, TURNS);
    measure("a client, of 16", same_client, work, TURNS);
    measure("a client, of 4096 (all places taken)", client, work, TURNS);
    measure("a blocked name, of 4096, with client and provider", decision, work, TURNS);
    measure("a worker's copy for a report", copy, work, 2000);
    measure("merging one worker's", merge, work, 2000);
    query_tops_destroy(work->tops);
    query_tops_destroy(work->other);
    free(work);
    return 0;
}
