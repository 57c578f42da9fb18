/*
 * What views cost, in nanoseconds of one thread: choosing one for a client among 4, 64 and
 * 4,032 prefixes, most of them nested, with and without listeners; and deciding a name that
 * nothing speaks of, with `default: allow` and with `deny` and 1,000 allowed names. Not a test.
 *
 *     bench_views
 */
#include "base/clock.h"
#include "policy/policy.h"
#include "policy/views.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS  5 /* the best counts */
#define CHOICES 2000000u
#define CLIENTS 4096u

static void need(bool holds)
{
    if (!holds) {
        fputs("bench_views: out of memory, or a wrong answer\n", stderr);
        exit(1);
    }
}

static uint64_t now_us(void)
{
    return clock_read().mono_us;
}

/* Prefixes of 10.0.0.0/8: a quarter each of /16, /20, /24 and /28, one in the other. */
static struct policy_views *make_views(unsigned count, bool listeners)
{
    struct policy_view_place *places = calloc(count, sizeof(*places));
    struct policy_views *views = NULL;

    need(places != NULL);
    for (unsigned i = 0; i < count; i++) {
        const unsigned group = i / 4;

        places[i] = (struct policy_view_place){
            .clients = {.octets = {10, (uint8_t)(group / 16), (uint8_t)(group % 16 * 16)},
                        .bits = (uint8_t)(16 + 4 * (i % 4)),
                        .family = ADDRESS_V4},
            .view = (uint8_t)(i % 63 + 1)};
        if (i % 4 == 0) {
            places[i].clients.octets[2] = 0;
            places[i].clients.octets[1] = (uint8_t)group;
            places[i].clients.octets[0] = (uint8_t)(11 + group / 256);
        }
        if (listeners) {
            places[i].listener =
                (struct address){.octets = {192, 0, 2, 1}, .port = 53, .family = ADDRESS_V4};
        }
    }
    need(policy_views_build(places, count, NULL, &views) == 0);
    free(places);
    return views;
}

static void bench_choice(unsigned count, bool listeners)
{
    struct policy_views *views = make_views(count, listeners);
    const struct address local = {.octets = {192, 0, 2, 1}, .port = 53, .family = ADDRESS_V4};
    static struct address const none = {.family = ADDRESS_V4};
    struct address clients[CLIENTS];
    uint64_t best = UINT64_MAX;
    unsigned sum = 0;

    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = none;
        clients[i].octets[0] = 10;
        clients[i].octets[1] = (uint8_t)(i * 7919 % (count / 64 + 1));
        clients[i].octets[2] = (uint8_t)(i * 31);
        clients[i].octets[3] = (uint8_t)(i % 16);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        const uint64_t start = now_us();

        for (unsigned i = 0; i < CHOICES; i++) {
            sum += policy_views_choose(views, &clients[i % CLIENTS], &local);
        }
        const uint64_t took = now_us() - start;
        best = took < best ? took : best;
    }
    need(sum > 0);
    printf("choose a view, %4u prefixes%s  %4.0f ns\n", count,
           listeners ? " with listeners" : "               ",
           (double)best * 1000 / (double)CHOICES);
    policy_views_free(views);
}

static void bench_default(const struct policy *policy, unsigned view, const char *words)
{
    struct wire_name names[64];
    struct policy_outcome outcome;
    uint64_t best = UINT64_MAX;
    unsigned denied = 0;

    for (unsigned i = 0; i < 64; i++) {
        char text[64];
        const int len =
            snprintf(text, sizeof(text), "www.h%u.shop%u.example", i, i * 97 % 1000);

        need(wire_name_from_text(text, (size_t)len, &names[i]) == WIRE_TEXT_OK);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        const uint64_t start = now_us();

        for (unsigned i = 0; i < CHOICES; i++) {
            policy_decide_question(policy, view, &names[i % 64], &outcome);
            denied += outcome.denied;
        }
        const uint64_t took = now_us() - start;
        best = took < best ? took : best;
    }
    printf("decide a name, %-28s %4.0f ns%s\n", words, (double)best * 1000 / (double)CHOICES,
           denied > 0 ? " (denied)" : "");
}

int main(void)
{
    struct wire_name *names = calloc(1000, sizeof(*names));
    struct policy_image *image = NULL;
    struct policy *policy = NULL;

    bench_choice(4, false);
    bench_choice(64, false);
    bench_choice(4032, false);
    bench_choice(4032, true);
    need(names != NULL);
    for (unsigned i = 0; i < 1000; i++) {
        char text[64];
        const int len = snprintf(text, sizeof(text), "shop%u.example", i);

        need(wire_name_from_text(text, (size_t)len, &names[i]) == WIRE_TEXT_OK);
    }
    const struct policy_view_setting views[] = {
        {.name = "a"},
        {.name = "b", .deny = true, .allow = names, .allow_count = 1000},
        {.name = "c", .deny = true}};
    need(policy_image_build(NULL, 0, &image) == 0 &&
         policy_create(image, views, 3, 1, NULL, &policy) == 0);
    bench_default(policy, 0, "default: allow");
    bench_default(policy, 1, "default: deny, allowed");
    bench_default(policy, 2, "default: deny, not allowed");
    policy_destroy(policy);
    free(names);
    return 0;
}
