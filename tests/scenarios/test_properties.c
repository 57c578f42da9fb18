/*
 * Random lists over a small, dense zone, against a decider that is too simple to be wrong: the
 * answer is what it says; nothing blocked is asked for or shown; a list in log mode, its pass
 * rules included, changes no octet of any answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenarios/dense_zone.h"

enum {
    ROUNDS = 150,
    QUESTIONS = 100, /* most names are asked again, and again, under each policy */
    RULES_MAX = 8,
    LISTS_MAX = 5
};

enum verdict {
    NO_WORD,
    PASSED,
    LOGGED,
    SUNK
};

struct rule {
    bool pass;
    bool logs;      /* action=log */
    unsigned match; /* 0 suffix, 1 exact, 2 below */
    unsigned name;
};

struct list {
    struct rule rules[RULES_MAX];
    unsigned count;
    bool log_mode;
    char text[2048];
    char id[8];
};

/* One WHAT stands once in a list, so that no list contradicts itself. */
static void make_list(struct list *list, const struct zone *zone, struct random *random,
                      unsigned number, bool log_mode)
{
    static const char *const matches[] = {"suffix", "exact", "below"};
    bool used[NAMES] = {false};
    size_t len = 0;

    list->count = 0;
    list->log_mode = log_mode;
    snprintf(list->id, sizeof(list->id), "%c%u", log_mode ? 'z' : 'e', number);
    for (unsigned i = 1 + random_below(random, RULES_MAX - 1); i > 0; i--) {
        struct rule *rule = &list->rules[list->count];
        const uint32_t dice = random_below(random, 8);

        rule->name = random_below(random, NAMES);
        rule->pass = dice < 3;
        rule->logs = dice == 3;
        rule->match = random_below(random, 3);
        if (used[rule->name]) {
            continue;
        }
        used[rule->name] = true;
        len += (size_t)snprintf(list->text + len, sizeof(list->text) - len, "%s %s %s%s\n",
                                rule->pass ? "pass" : "block", matches[rule->match],
                                zone->names[rule->name], rule->logs ? " action=log" : "");
        list->count++;
    }
}

/* Whether the rule matches, by text. */
static bool matches(const struct rule *rule, const struct zone *zone, const char *name)
{
    const char *what = zone->names[rule->name];
    const size_t len = strlen(name);
    const size_t what_len = strlen(what);
    const bool equal = strcmp(name, what) == 0;
    const bool below = len > what_len && strcmp(name + len - what_len, what) == 0 &&
                       name[len - what_len - 1] == '.';

    return (equal && rule->match != 2) || (below && rule->match != 1);
}

/* The longest match; then pass over block; then the order of the lists. */
static enum verdict decide(const struct list *lists, unsigned count, const struct zone *zone,
                           const char *name)
{
    const struct rule *best = NULL;
    size_t best_len = 0;

    for (unsigned i = 0; i < count; i++) {
        for (unsigned j = 0; j < lists[i].count && !lists[i].log_mode; j++) {
            const struct rule *rule = &lists[i].rules[j];
            const size_t len = strlen(zone->names[rule->name]);

            if (matches(rule, zone, name) && (best == NULL || len > best_len ||
                                              (len == best_len && rule->pass && !best->pass))) {
                best = rule;
                best_len = len;
            }
        }
    }
    if (best == NULL) {
        return NO_WORD;
    }
    return best->pass ? PASSED : best->logs ? LOGGED : SUNK;
}

/* What the client must see. *asks: whether the upstream may hear of the name. */
static void expect(const struct list *lists, unsigned count, const struct zone *zone,
                   unsigned asked, char *out, size_t size, bool *asks)
{
    size_t used = 0;
    unsigned at = asked;

    *asks = decide(lists, count, zone, zone->names[asked]) != SUNK;
    for (unsigned hop = 0;; hop++) {
        if (decide(lists, count, zone, zone->names[at]) == SUNK) {
            snprintf(out, size, "%s 10 A 0.0.0.0", zone->names[asked]);
            return;
        }
        if (hop == 12 || zone->next[at] < 0) {
            break;
        }
        used += (size_t)snprintf(out + used, size - used, "%s 60 CNAME %s | ", zone->names[at],
                                 zone->names[zone->next[at]]);
        at = (unsigned)zone->next[at];
    }
    snprintf(out + used, size - used, "%s 60 A 192.0.2.%u", zone->names[at], at + 1);
}

static void adopt(struct world *world, const struct list *lists, unsigned count, bool with_logs)
{
    struct world_list adopted[LISTS_MAX];
    unsigned used = 0;

    for (unsigned i = 0; i < count; i++) {
        if (with_logs || !lists[i].log_mode) {
            adopted[used++] = (struct world_list){
                .id = lists[i].id,
                .rules = lists[i].text,
                .mode = lists[i].log_mode ? POLICY_MODE_LOG : POLICY_MODE_ENFORCE};
        }
    }
    world_adopt_lists(world, used, adopted);
}

struct tally {
    unsigned sunk, shown, logged;
};

static void check_question(struct world *plain, struct world *logging, const struct list *lists,
                           unsigned count, const struct zone *zone, unsigned asked,
                           struct tally *tally)
{
    const size_t packets = world_asked(plain, zone->names[asked]);
    char expected[2048];
    bool asks;

    expect(lists, count, zone, asked, expected, sizeof(expected), &asks);
    struct world_reply *a = world_ask(plain, zone->names[asked], WIRE_A);
    struct world_reply *b = world_ask(logging, zone->names[asked], WIRE_A);

    assert_string_equal(world_records(a), expected);
    if (!asks) {
        assert_int_equal(world_asked(plain, zone->names[asked]), packets);
    }
    /* The same octets with the lists in log mode as without. */
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->octets, b->octets, a->len);
    assert_int_equal(plain->asked_count, logging->asked_count);
    tally->sunk += strstr(expected, "0.0.0.0") != NULL;
    tally->shown += strstr(expected, "192.0.2") != NULL;
    world_events(plain);
    world_events(logging);
    tally->logged += logging->event_count > plain->event_count;
}

static void random_lists_are_obeyed_and_log_lists_change_nothing(void **state)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "properties";
    struct random random;
    struct tally tally = {0};

    (void)state;
    random_init_seed(&random, seed);
    for (unsigned round = 0; round < ROUNDS; round += 10) {
        struct world *plain = world_create();
        struct world *logging = world_create();
        struct zone zone;

        make_zone(&zone, &random);
        serve_zone(plain, &zone);
        serve_zone(logging, &zone);
        for (unsigned i = 0; i < 10; i++) { /* ten policies, one after another */
            struct list lists[LISTS_MAX];
            const unsigned count = 1 + random_below(&random, LISTS_MAX);

            for (unsigned j = 0; j < count; j++) {
                make_list(&lists[j], &zone, &random, j, random_below(&random, 3) == 0);
            }
            adopt(plain, lists, count, false);
            adopt(logging, lists, count, true);
            plain->event_count = logging->event_count = 0;
            /* Every other time answers are in the cache from the policy before. */
            for (unsigned j = 0; j < QUESTIONS; j++) {
                check_question(plain, logging, lists, count, &zone,
                               random_below(&random, NAMES), &tally);
            }
            if (i % 2 == 1) { /* before the answers are a second old */
                cache_flush(plain->cache);
                cache_flush(logging->cache);
            }
        }
        world_destroy(plain);
        world_destroy(logging);
    }
    print_message("%u sunk, %u shown, %u with more events\n", tally.sunk, tally.shown,
                  tally.logged);
    assert_true(tally.sunk > 500 && tally.shown > 500 && tally.logged > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lists_are_obeyed_and_log_lists_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
