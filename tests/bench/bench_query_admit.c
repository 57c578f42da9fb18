/*
 * tests/bench/bench_query_admit.c - what the rate of a client and its cookie cost a question
 * that is answered here: nanoseconds a question, without, with, and the difference.
 *
 * One engine, no sockets; the name is `localhost`. Each row is the median of nine runs, in time
 * of the processor, and the rows take turns, so that a busy machine slows them alike.
 *
 * Usage: bench_query_admit [QUESTIONS]     in one run; 200000.
 */
#include "query/bench.h"

#include <time.h>

#define CLIENTS 4096u
#define RUNS    9

struct row {
    const char *name;
    uint32_t per_s;
    unsigned clients;
    bool v6, cookie;
    double ns[RUNS];
};

static size_t write_question(uint8_t *octets, size_t size, const uint8_t *cookie)
{
    static const uint8_t raw[] = "\x09localhost\0\0\1\0"; /* and the class's last octet */
    uint8_t question[sizeof(raw)];
    struct wire_writer writer;
    const struct wire_opt opt = {.udp_size = 1232,
                                 .ede = WIRE_EDE_NONE,
                                 .keepalive_100ms = -1,
                                 .cookie = cookie,
                                 .cookie_len = cookie != NULL ? QUERY_COOKIE_OCTETS : 0};

    memcpy(question, raw, sizeof(raw));
    question[sizeof(raw) - 1] = 1;
    wire_writer_begin(&writer, octets, size, question, sizeof(question));
    wire_write_opt(&writer, &opt);
    return wire_writer_end(&writer, 1, WIRE_FLAG_RD);
}

static void set_client(struct address *from, const struct row *row, unsigned i)
{
    const unsigned client = i % row->clients;

    *from = (struct address){.port = 4000, .family = row->v6 ? ADDRESS_V6 : ADDRESS_V4};
    if (row->v6) {
        memcpy(from->octets, "\x20\x01\x0d\xb8", 4);
        from->octets[6] = (uint8_t)(client >> 8);
        from->octets[15] = (uint8_t)client;
    } else {
        memcpy(from->octets, (const uint8_t[]){10, 0, 0, 0}, 4);
        from->octets[2] = (uint8_t)(client >> 8);
        from->octets[3] = (uint8_t)client;
    }
}

static double run(struct bench *bench, const struct row *row, unsigned questions)
{
    uint8_t octets[256];
    uint8_t cookie[QUERY_COOKIE_OCTETS] = "clientpt";
    struct address from;

    set_client(&from, row, 0);
    bench->settings.rate_per_s = row->per_s;
    if (row->cookie) {
        query_cookies_check(&bench->engine->cookies, &from, (const uint8_t *)"clientpt", 8,
                            bench->now.wall_us, cookie);
    }
    const size_t len = write_question(octets, sizeof(octets), row->cookie ? cookie : NULL);
    const clock_t before = clock(); /* of the processor: others may use it too */

    for (unsigned i = 0; i < questions; i++) {
        struct query *q = query_take(bench->engine);

        if (q == NULL) {
            abort();
        }
        if (i % 32 == 0) { /* a batch */
            bench->now.mono_us += 32;
            query_engine_time(bench->engine, bench->now);
        }
        set_client(&query_client_of(q)->from, row, i);
        query_run(bench->engine, q, octets, len);
    }
    return (double)(clock() - before) * (1e9 / CLOCKS_PER_SEC) / questions;
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
    static const uint8_t key[SIPHASH_KEY_OCTETS] = "bench";
    static struct row rows[] = {{"no rate, one client", 0, 1, false, false, {0}},
                                {"rate, one client", 1000000, 1, false, false, {0}},
                                {"no rate, 4096 clients", 0, CLIENTS, false, false, {0}},
                                {"rate, 4096 clients", 1000000, CLIENTS, false, false, {0}},
                                {"no rate, 4096 IPv6 clients", 0, CLIENTS, true, false, {0}},
                                {"rate, 4096 IPv6 clients", 1000000, CLIENTS, true, false, {0}},
                                {"rate and cookie, one client", 1000000, 1, false, true, {0}}};
    const unsigned questions = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 200000;
    struct bench *bench = bench_create(64, 256);
    const size_t count = sizeof(rows) / sizeof(rows[0]);

    bench->engine->rate = query_rate_create(key);
    bench->settings.local_special = true;
    bench->settings.access_count = 2;
    bench->settings.access[0] = (struct address_prefix){.family = ADDRESS_V4};
    bench->settings.access[1] = (struct address_prefix){.family = ADDRESS_V6};
    for (unsigned turn = 0; turn < RUNS; turn++) {
        for (size_t i = 0; i < count; i++) {
            rows[i].ns[turn] = run(bench, &rows[i], questions);
        }
    }
    for (size_t i = 0; i < count; i++) {
        qsort(rows[i].ns, RUNS, sizeof(rows[i].ns[0]), compare);
        printf("%-28s %6.0f ns a question\n", rows[i].name, rows[i].ns[RUNS / 2]);
    }
    query_rate_destroy(bench->engine->rate);
    bench_destroy(bench);
    return 0;
}
