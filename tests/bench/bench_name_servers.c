/*
 * tests/bench/bench_name_servers.c - what rules about name servers cost a question that is
 * answered from the cache: nanoseconds a question without such a rule, with one about names and
 * with one about addresses, everything known; in a zone with four servers, behind no alias and
 * behind one.
 *
 * One engine, no sockets. Each row is the median of nine runs, in time of the processor, and
 * the rows take turns, so that a busy machine slows them alike.
 *
 * Usage: bench_name_servers [QUESTIONS]     in one run; 100000.
 */
#include "query/bench.h"

#include <time.h>

#define RUNS 9

#define RULE " category=a scope=cloud confidence=high "
#define END  "evidence=\"x\"\n"

struct row {
    const char *name, *rules, *asked;
    double ns[RUNS];
};

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    if (wire_name_from_text(text, strlen(text), &name) != WIRE_TEXT_OK) {
        abort();
    }
    return name;
}

/* Records of one type; each rdata is a name or an address, by words. */
static void keep(struct bench *bench, const char *asked, uint16_t type, const char *alias,
                 const char *const *words)
{
    const struct wire_name name = name_of(asked);
    const struct wire_name owner = name_of(alias != NULL ? alias : asked);
    const struct cache_key key = {.name = &name, .type = type};
    uint8_t octets[1024], raw[WIRE_NAME_MAX + 4];
    struct wire_writer writer;

    memcpy(raw, name.octets, name.len);
    wire_put16(raw + name.len, type);
    wire_put16(raw + name.len + 2, WIRE_IN);
    wire_writer_begin(&writer, octets, sizeof(octets), raw, name.len + 4u);
    if (alias != NULL) {
        wire_write_cname(&writer, &name, &owner, 3600);
    }
    for (; *words != NULL; words++) {
        struct address address;

        if (type == WIRE_NS) {
            const struct wire_name host = name_of(*words);

            wire_write_record(&writer, WIRE_ANSWER, &owner, type, 3600, host.octets, host.len);
        } else if (address_parse(*words, strlen(*words), 0, &address) == 0) {
            wire_write_record(&writer, WIRE_ANSWER, &owner, type, 3600, address.octets,
                              address_octets(&address));
        }
    }
    const struct cache_entry entry = {.ttl_s = 3600,
                                      .len = wire_writer_end(&writer, 0, WIRE_FLAG_QR)};
    cache_put(bench->cache, &key, bench->now.mono_us, octets, &entry);
}

static void fill(struct bench *bench)
{
    static const char *const addresses[] = {"192.0.2.1", NULL};
    static const char *const addresses6[] = {"2001:db8::1", NULL};
    static const char *const hosts[] = {"ns1.dns.example", "ns2.dns.example", "ns3.dns.example",
                                        "ns4.dns.example", NULL};

    keep(bench, "www.shop.example", WIRE_A, NULL, addresses);
    keep(bench, "shop.example", WIRE_NS, NULL, hosts);
    keep(bench, "www.far.example", WIRE_A, "edge.cdn.example", addresses);
    keep(bench, "far.example", WIRE_NS, NULL, hosts);
    keep(bench, "cdn.example", WIRE_NS, NULL, hosts);
    for (size_t i = 0; hosts[i] != NULL; i++) {
        keep(bench, hosts[i], WIRE_A, NULL, addresses);
        keep(bench, hosts[i], WIRE_AAAA, NULL, addresses6);
    }
}

static double run(struct bench *bench, const struct row *row, unsigned questions)
{
    const unsigned sent = bench->sent;

    bench_adopt(bench, row->rules);
    const clock_t before = clock(); /* of the processor: others may use it too */

    for (unsigned i = 0; i < questions; i++) {
        if (i % 32 == 0) { /* a batch */
            bench->now.mono_us += 32;
            query_engine_time(bench->engine, bench->now);
        }
        bench_question(bench, row->asked, false);
    }
    const clock_t took = clock() - before;
    if (bench->asked > 0 || bench->sent - sent != questions) {
        abort(); /* not all of it was known */
    }
    return (double)took * (1e9 / CLOCKS_PER_SEC) / questions;
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
    static const char none[] =
        "block suffix bad.example" RULE END "block prefix 198.51.100.0/24" RULE END;
    static const char names[] =
        "block suffix bad.example" RULE END "block prefix 198.51.100.0/24" RULE END
        "block suffix evil.example" RULE "trigger=nameserver " END;
    static const char both[] =
        "block suffix bad.example" RULE END "block prefix 198.51.100.0/24" RULE END
        "block suffix evil.example" RULE "trigger=nameserver " END
        "block prefix 203.0.113.0/24" RULE "trigger=nameserver " END;
    static struct row rows[] = {
        {"no rule about name servers", none, "www.shop.example", {0}},
        {"names of four servers", names, "www.shop.example", {0}},
        {"and their addresses", both, "www.shop.example", {0}},
        {"no rule, behind an alias", none, "www.far.example", {0}},
        {"names of two zones' servers", names, "www.far.example", {0}},
        {"and their addresses", both, "www.far.example", {0}},
    };
    const unsigned questions = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
    struct bench *bench = bench_create(64, 256);
    const size_t count = sizeof(rows) / sizeof(rows[0]);

    fill(bench);
    for (unsigned turn = 0; turn < RUNS; turn++) {
        for (size_t i = 0; i < count; i++) {
            rows[i].ns[turn] = run(bench, &rows[i], questions);
        }
    }
    for (size_t i = 0; i < count; i++) {
        qsort(rows[i].ns, RUNS, sizeof(rows[i].ns[0]), compare);
        printf("%-28s %6.0f ns a question\n", rows[i].name, rows[i].ns[RUNS / 2]);
    }
    bench_destroy(bench);
    return 0;
}
