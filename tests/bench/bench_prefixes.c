/*
 * tests/bench/bench_prefixes.c - what it costs to look an address up among the prefixes of the
 * lists: nanoseconds of one thread, the best of several rounds.
 *
 * Usage: bench_prefixes
 */
#include "policy/image.h"
#include "policy/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS    7u
#define ADDRESSES 65536u
#define TEXT_MAX  ((size_t)32 << 20)

static void need(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "bench_prefixes: %s\n", what);
        exit(1);
    }
}

/* Of this thread alone, whatever else the machine does. */
static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* A number that looks random, the same for the same i. */
static uint32_t mix(uint32_t i)
{
    i = (i ^ i >> 16) * 0x7feb352du;
    i = (i ^ i >> 15) * 0x846ca68bu;
    return i ^ i >> 16;
}

/* So many networks, IPv4 and IPv6 by turns, of the lengths that clouds announce. */
static struct policy_image *make_image(unsigned count)
{
    struct policy_list *list = NULL;
    struct policy_image *image = NULL;
    struct report report;
    char *text = malloc(TEXT_MAX);
    FILE *out;

    need(text != NULL, "out of memory");
    out = fmemopen(text, TEXT_MAX, "w");
    need(out != NULL, "out of memory");
    fprintf(out, "cordon-list 1\nid p\ntitle T\nprovider p P\nserial 1\n"
                 "created 2026-01-01T00:00:00Z\nexpires 2027-01-01T00:00:00Z\nrules\n");
    for (unsigned i = 0; i < count; i++) {
        /* Numbers that count up, so that none comes twice. */
        if (i % 2 == 0) {
            fprintf(out, "block prefix %u.%u.%u.0/24", 1 + (i / 2 >> 16), i / 2 >> 8 & 255,
                    i / 2 & 255);
        } else {
            fprintf(out, "block prefix 2400:%x:%x::/48", 1 + (i / 2 >> 16), i / 2 & 0xffff);
        }
        fprintf(out, " category=a scope=cloud confidence=high evidence=\"x\"\n");
    }
    fprintf(out, "end\n");
    const long len = ftell(out);
    need(len > 0 && fclose(out) == 0, "the list is too long");
    report_init(&report);
    need(policy_list_parse(text, (size_t)len, "p", &report, &list) == 0 &&
             policy_image_build((const struct policy_list *const *)&list, 1, &image) == 0,
         "no image");
    report_deinit(&report);
    policy_list_free(list);
    free(text);
    return image;
}

/* listed: of one of the networks; else of none. */
static struct address make_address(unsigned i, unsigned count, bool ipv6, bool listed)
{
    const unsigned number = mix(i) % (count / 2);
    struct address address = {.family = ipv6 ? ADDRESS_V6 : ADDRESS_V4};

    if (ipv6) {
        memcpy(address.octets,
               (const uint8_t[]){listed ? 0x24 : 0x20, 0, (uint8_t)((1 + (number >> 16)) >> 8),
                                 (uint8_t)(1 + (number >> 16)), (uint8_t)(number >> 8),
                                 (uint8_t)number},
               6);
        address.octets[15] = (uint8_t)i;
    } else {
        memcpy(address.octets,
               (const uint8_t[]){(uint8_t)((listed ? 1 : 101) + (number >> 16)),
                                 (uint8_t)(number >> 8), (uint8_t)number, (uint8_t)i},
               4);
    }
    return address;
}

static void look_up(const struct policy_image *image, unsigned count, bool ipv6, bool listed)
{
    static struct address addresses[ADDRESSES];
    double best = 0;
    unsigned found = 0;

    for (unsigned i = 0; i < ADDRESSES; i++) {
        addresses[i] = make_address(i, count, ipv6, listed);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        const double start = now_ns();

        for (unsigned i = 0; i < ADDRESSES; i++) {
            struct policy_matches matches;

            policy_image_find_address(image, POLICY_SUBJECT_ANSWER, &addresses[i], &matches);
            found += matches.count;
        }
        const double took = now_ns() - start;
        best = round == 0 || took < best ? took : best;
    }
    need(found == (listed ? ROUNDS * ADDRESSES : 0), "an address was found, or not, wrongly");
    printf("look an address up among %6u prefixes, %s, %-6s  %4.0f ns\n", count,
           ipv6 ? "IPv6" : "IPv4", listed ? "listed" : "not", best / ADDRESSES);
}

int main(void)
{
    static const unsigned counts[] = {1000, 100000};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct policy_image *image = make_image(counts[i]);

        for (unsigned kind = 0; kind < 4; kind++) {
            look_up(image, counts[i], kind / 2 == 1, kind % 2 == 1);
        }
        policy_image_free(image);
    }
    return 0;
}
