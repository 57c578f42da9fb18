/*
 * policy/image: equal to a naive reading of the same lists; the same octets whatever the order;
 * and no octets that make a reader leave it.
 */
#include "policy/make.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "policy/image_format.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the naive reading --- */

static struct wire_name rule_name(const struct policy_list *list,
                                  const struct policy_list_rule *rule)
{
    struct wire_name name;
    size_t pos = rule->name;

    assert_int_equal(wire_name_read(list->names, list->names_len, &pos, &name), WIRE_OK);
    return name;
}

/* How many labels (or bits) of what is looked up the rule matches; -1: it does not. */
static int rule_matches(const struct policy_list *list, const struct policy_list_rule *rule,
                        const struct wire_name *name, const struct address *address)
{
    if (rule->match == POLICY_MATCH_PREFIX) {
        const struct address_prefix *prefix = &list->prefixes[rule->name];

        return address != NULL && address_prefix_covers(prefix, address) ? prefix->bits : -1;
    }
    if (name == NULL) {
        return -1;
    }
    const struct wire_name suffix = rule_name(list, rule);
    if (!wire_name_is_within(name, &suffix) ||
        (rule->match == POLICY_MATCH_EXACT && name->labels != suffix.labels) ||
        (rule->match == POLICY_MATCH_BELOW && name->labels == suffix.labels)) {
        return -1;
    }
    return suffix.labels;
}

static bool row_is(const struct policy_image *image, const struct policy_row *row,
                   const struct policy_list *list, const struct policy_list_rule *rule)
{
    struct policy_image_list found;

    return policy_image_list_at(image, row->list, &found) && strcmp(found.id, list->id) == 0 &&
           row->kind == rule->kind && row->match == rule->match && row->scope == rule->scope &&
           row->confidence == rule->confidence && row->action == rule->action &&
           strcmp(row->category, rule->category) == 0 &&
           row->redirect_prefixes == rule->redirect_prefixes &&
           (row->redirect != NULL) == (rule->redirect != NULL);
}

/* True if the rule stands in the entry for its length. */
static bool is_found(const struct policy_image *image, const struct policy_matches *matches,
                     int labels, const struct policy_list *list,
                     const struct policy_list_rule *rule)
{
    for (unsigned i = 0; i < matches->count; i++) {
        struct policy_row row;

        for (size_t k = 0; matches->at[i].labels == labels &&
                           policy_image_row(image, matches->at[i].set, k, &row);
             k++) {
            if (row_is(image, &row, list, rule)) {
                return true;
            }
        }
    }
    return false;
}

/* Every rule that matches is found at its length, and nothing else is. */
static void same_as_naive(const struct policy_image *image, const struct policy_list **lists,
                          size_t count, const struct wire_name *name,
                          const struct address *address)
{
    struct policy_matches matches;
    size_t wanted = 0, rows = 0;

    if (name != NULL) {
        policy_image_find_name(image, name, &matches);
    } else {
        policy_image_find_address(image, POLICY_SUBJECT_ANSWER, address, &matches);
    }
    for (unsigned i = 0; i < matches.count; i++) {
        assert_true(matches.at[i].set != 0);
        assert_true(i == 0 || matches.at[i].labels > matches.at[i - 1].labels);
        rows += policy_image_set_size(image, matches.at[i].set);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < lists[i]->rule_count; k++) {
            const struct policy_list_rule *rule = &lists[i]->rules[k];
            const int labels = rule_matches(lists[i], rule, name, address);

            if (labels >= 0) {
                wanted++;
                assert_true(is_found(image, &matches, labels, lists[i], rule));
            }
        }
    }
    assert_int_equal(rows, wanted);
}

/* What pass_below must say of one list: 1: lets through by its own word, 2: leaves it to the
 * operator. */
static unsigned naive_below(const struct policy_list *list, const struct wire_name *name)
{
    unsigned bits = 0;

    for (size_t k = 0; k < list->rule_count; k++) {
        const struct policy_list_rule *rule = &list->rules[k];

        if (rule->match == POLICY_MATCH_PREFIX) {
            continue;
        }
        const struct wire_name at = rule_name(list, rule);
        if (!wire_name_is_within(&at, name) ||
            (at.labels == name->labels && rule->match != POLICY_MATCH_BELOW)) {
            continue;
        }
        if (rule->kind == POLICY_PASS || rule->action == POLICY_ACTION_PASS ||
            rule->action == POLICY_ACTION_LOG) {
            bits |= 1;
        } else if (rule->action == POLICY_ACTION_DEFAULT) {
            bits |= 2;
        }
    }
    return bits;
}

static void same_below(const struct policy_image *image, const struct policy_list **lists,
                       size_t count, const struct wire_name *name)
{
    struct policy_matches matches;
    struct policy_row row;

    policy_image_find_name(image, name, &matches);
    for (size_t i = 0; i < count; i++) {
        unsigned bits = 0;

        for (size_t k = 0; policy_image_row(image, matches.pass_below, k, &row); k++) {
            struct policy_image_list list;

            assert_true(policy_image_list_at(image, row.list, &list));
            if (strcmp(list.id, lists[i]->id) == 0) {
                bits |= row.kind == POLICY_PASS ? 1 : 2;
            }
        }
        assert_int_equal(bits, naive_below(lists[i], name));
    }
}

/* --- random lists --- */

static const char *const labels[] = {"a", "b", "c", "xn--x", "obs", "cn-north-4"};
static const char *const tails[] = {"x.test", "y.test", "aliyun.example", "example.net"};

static void random_name(uint64_t *state, size_t most, char out[128])
{
    const size_t count = random_under(state, most + 1);

    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        strcat(out, labels[random_under(state, ITEMS(labels))]);
        strcat(out, ".");
    }
    strcat(out, tails[random_under(state, ITEMS(tails))]);
}

static struct policy_list *random_list(uint64_t *state, const char *id, size_t rules)
{
    static const char *const kinds[] = {"block", "block", "block", "pass"};
    static const char *const matches[] = {"suffix", "exact", "below"};
    static const char *const actions[] = {"", "", " action=log", " action=nodata",
                                          " action=redirect:*.w.example"};
    char *text = calloc(rules + 1, 200);
    char name[128], what[160], with[170];

    assert_non_null(text);
    for (size_t i = 0; i < rules; i++) {
        const char *kind = kinds[random_under(state, ITEMS(kinds))];

        if (random_under(state, 5) == 0) {
            const size_t bits = 8 + random_under(state, 25);
            const uint32_t host = (10u << 24 | (uint32_t)random_under(state, 1u << 24)) &
                                  (uint32_t)(UINT64_C(0xffffffff00000000) >> bits);
            snprintf(what, sizeof(what), "prefix %u.%u.%u.%u/%zu", host >> 24,
                     host >> 16 & 0xff, host >> 8 & 0xff, host & 0xff, bits);
        } else if (random_under(state, 8) == 0) {
            snprintf(what, sizeof(what), "prefix 2001:db8:%zx::/%zu", random_under(state, 3),
                     48 + random_under(state, 40));
        } else {
            random_name(state, 3, name);
            snprintf(what, sizeof(what), "%s %s", matches[random_under(state, ITEMS(matches))],
                     name);
        }
        snprintf(with, sizeof(with), " %s;", what);
        if (strstr(text, with) != NULL) {
            continue;
        }
        with[strlen(with) - 1] = ' ';
        if (strstr(text, with) != NULL) {
            continue;
        }
        sprintf(text + strlen(text), "%s %s%s;", kind, what,
                strcmp(kind, "pass") == 0 ? "" : actions[random_under(state, ITEMS(actions))]);
    }
    struct policy_list *list = list_of(id, text);
    free(text);
    return list;
}

static struct address random_address(uint64_t *state)
{
    char text[64];

    if (random_under(state, 3) > 0) {
        snprintf(text, sizeof(text), "10.%zu.%zu.%zu", random_under(state, 256),
                 random_under(state, 256), random_under(state, 256));
    } else {
        snprintf(text, sizeof(text), "2001:db8:%zx:%zx::%zx", random_under(state, 4),
                 random_under(state, 2) * random_under(state, 65536),
                 random_under(state, 65536));
    }
    return address_of(text);
}

static void lookups_equal_a_naive_reading(void **state)
{
    static const char *const ids[] = {"m", "a", "z", "k"};
    uint64_t seed = 77;

    (void)state;
    for (unsigned round = 0; round < 12; round++) {
        const struct policy_list *lists[4];

        for (unsigned i = 0; i < 4; i++) {
            lists[i] = random_list(&seed, ids[i], 5 + 12 * round);
        }
        struct policy_image *image = image_of(lists, 4);
        for (unsigned i = 0; i < 400; i++) {
            char text[128];

            random_name(&seed, 5, text);
            struct wire_name name = name_of(text);
            /* Also the names above it, down to the root. */
            for (unsigned keep = name.labels;; keep--) {
                struct wire_name suffix;

                wire_name_suffix(&name, keep, &suffix);
                same_as_naive(image, lists, 4, &suffix, NULL);
                if (i < 40) {
                    same_below(image, lists, 4, &suffix);
                }
                if (keep == 0) {
                    break;
                }
            }
            const struct address address = random_address(&seed);
            same_as_naive(image, lists, 4, NULL, &address);
        }
        policy_image_free(image);
        for (unsigned i = 0; i < 4; i++) {
            policy_list_free((struct policy_list *)(uintptr_t)lists[i]);
        }
    }
}

static char *repeat(const char *label, size_t count, const char *tail)
{
    char *text = calloc(1, count * (strlen(label) + 1) + strlen(tail) + 1);

    assert_non_null(text);
    for (size_t i = 0; i < count; i++) {
        strcat(text, label);
        strcat(text, ".");
    }
    return strcat(text, tail);
}

static void the_longest_labels_and_names_are_found(void **state)
{
    char label[WIRE_LABEL_MAX + 1] = "", rules[4096];
    char *deep = repeat("x", 125, "t.u"); /* 127 labels, 255 octets */
    char *other = repeat("x", 124, "y.t.u");
    struct policy_matches matches;

    (void)state;
    memset(label, 'l', WIRE_LABEL_MAX);
    /* Labels of 50 to 63 octets: records on both sides of the long form. */
    int used = snprintf(rules, sizeof(rules), "block suffix %s", deep);
    for (unsigned len = 50; len <= WIRE_LABEL_MAX; len++) {
        used += snprintf(rules + used, sizeof(rules) - (size_t)used,
                         ";block suffix %.*s.example;block exact q.%.*s.example", (int)len,
                         label, (int)len, label);
    }
    struct policy_list *list = list_of("a", rules);
    const struct policy_list *lists[] = {list};
    struct policy_image *image = image_of(lists, 1);
    for (size_t i = 0; i < list->rule_count; i++) {
        const struct wire_name name = rule_name(list, &list->rules[i]);

        same_as_naive(image, lists, 1, &name, NULL);
        policy_image_find_name(image, &name, &matches);
        assert_int_equal(matches.at[matches.count - 1].labels, name.labels);
    }
    const struct wire_name longest = name_of(deep);
    assert_int_equal(longest.len, WIRE_NAME_MAX);
    assert_int_equal(longest.labels, 127);
    const struct wire_name beside = name_of(other);
    same_as_naive(image, lists, 1, &beside, NULL);
    policy_image_free(image);
    policy_list_free(list);
    free(deep);
    free(other);
}

static void many_nodes_fill_lines_and_overflow_them(void **state)
{
    enum {
        COUNT = 20000
    };
    char *rules = malloc(COUNT * 40);
    size_t used = 0;
    struct policy_image_stats stats;

    (void)state;
    assert_non_null(rules);
    for (unsigned i = 0; i < COUNT; i++) {
        used += (size_t)sprintf(rules + used, "%sblock suffix n%u.z%u.example",
                                i > 0 ? ";" : "", i, i % 97);
    }
    struct policy_list *list = list_of("a", rules);
    const struct policy_list *lists[] = {list};
    struct policy_image *image = image_of(lists, 1);
    policy_image_stats(image, &stats);
    assert_int_equal(stats.rules, COUNT);
    assert_int_equal(stats.nodes, COUNT + 97 + 1);
    assert_int_equal(stats.interior, 98);
    for (unsigned i = 0; i < COUNT; i++) {
        const struct wire_name name = rule_name(list, &list->rules[i]);
        struct policy_matches matches;

        policy_image_find_name(image, &name, &matches);
        assert_int_equal(matches.count, 1);
        assert_int_equal(matches.at[0].labels, 3);
        assert_int_equal(policy_image_line(image, 0, &name, POLICY_MATCH_SUFFIX, POLICY_BLOCK,
                                           POLICY_SUBJECT_ANSWER),
                         list->rules[i].line);
    }
    unsigned chained = 0;
    for (uint64_t i = 0; i < image->line_count; i++) {
        chained += (little_get32(image->lines + i * IMAGE_LINE_OCTETS) & IMAGE_CHAIN_BIT) != 0;
    }
    assert_true(chained > 0); /* or this test shows less than it says */
    uint64_t chains[POLICY_IMAGE_CHAINS], sum = 0;
    policy_image_chains(image, chains);
    assert_int_equal(chains[1] + chains[2] + chains[3], chained);
    assert_int_equal(chains[0] + chained, image->line_count);
    for (unsigned i = 0; i < POLICY_IMAGE_PARTS; i++) {
        sum += stats.parts[i].octets;
    }
    assert_int_equal(sum, stats.octets);
    assert_int_equal(stats.max_depth, 3);
    policy_image_free(image);
    policy_list_free(list);
    free(rules);
}

static void names_of_shipped_lists_are_found(void **state)
{
    static const char *const ids[] = {"alibaba-cloud", "huawei-cloud", "tencent-cloud",
                                      "baidu-cloud"};
    static const char *const unlisted[] = {"notaliyuncs.com", "aliyuncs.com.example.org", "com",
                                           "example.com", ""};
    const struct policy_list *lists[ITEMS(ids)];

    (void)state;
    for (size_t i = 0; i < ITEMS(ids); i++) {
        char path[4096];
        uint8_t *data = NULL;
        size_t len = 0;
        struct policy_list *list = NULL;

        snprintf(path, sizeof(path), "%s/blocklists/%s.list", CORDON_TEST_ROOT, ids[i]);
        assert_int_equal(file_read(path, POLICY_LIST_OCTETS_MAX, &data, &len), 0);
        assert_int_equal(policy_list_parse((const char *)data, len, path, NULL, &list), 0);
        free(data);
        lists[i] = list;
    }
    struct policy_image *image = image_of(lists, ITEMS(ids));
    for (size_t i = 0; i < ITEMS(ids); i++) {
        for (size_t k = 0; k < lists[i]->rule_count; k++) {
            const struct policy_list_rule *rule = &lists[i]->rules[k];

            if (rule->match != POLICY_MATCH_PREFIX) {
                const struct wire_name name = rule_name(lists[i], rule);
                same_as_naive(image, lists, ITEMS(ids), &name, NULL);
            }
        }
    }
    for (size_t i = 0; i < ITEMS(unlisted); i++) {
        const struct wire_name name = name_of(unlisted[i]);
        struct policy_matches matches;

        policy_image_find_name(image, &name, &matches);
        assert_int_equal(matches.count, 0);
    }
    policy_image_free(image);
    for (size_t i = 0; i < ITEMS(ids); i++) {
        policy_list_free((struct policy_list *)(uintptr_t)lists[i]);
    }
}

static void the_image_knows_its_lists(void **state)
{
    struct policy_list *b = list_of("b", "block suffix b.example;pass exact www.b.example");
    struct policy_list *a = list_of("a", "block suffix a.example action=redirect:*.w.example");
    const struct policy_list *lists[] = {b, a};
    struct policy_image *image = image_of(lists, 2);
    struct policy_image_list list;
    struct policy_matches matches;
    struct policy_row row;

    (void)state;
    assert_int_equal(policy_image_lists(image), 2);
    assert_true(policy_image_list_at(image, 0, &list));
    assert_string_equal(list.id, "a");
    assert_string_equal(list.title, "Names of a");
    assert_string_equal(list.provider, "prov-a");
    assert_string_equal(list.provider_name, "The Provider");
    assert_string_equal(list.parent_name, "");
    assert_string_equal(list.legal_requirement, "");
    assert_string_equal(list.status_class, "");
    assert_int_equal(list.serial, 7);
    assert_int_equal(list.created_s, a->created_s);
    assert_int_equal(list.expires_s, a->expires_s);
    assert_int_equal(list.rules, 1);
    assert_memory_equal(list.digest, a->digest, 32);
    assert_true(policy_image_list_at(image, 1, &list));
    assert_string_equal(list.id, "b");
    assert_false(policy_image_list_at(image, 2, &list));

    const struct wire_name name = name_of("x.a.example");
    policy_image_find_name(image, &name, &matches);
    assert_int_equal(matches.count, 1);
    assert_true(policy_image_row(image, matches.at[0].set, 0, &row));
    assert_int_equal(row.action, POLICY_ACTION_REDIRECT);
    assert_true(row.redirect_prefixes);
    assert_int_equal(row.redirect_len, 11);
    assert_memory_equal(row.redirect,
                        "\x01w\x07"
                        "example",
                        11);
    assert_false(policy_image_row(image, matches.at[0].set, 1, &row));
    assert_false(policy_image_row(image, 0, 0, &row)); /* the empty set */
    assert_false(policy_image_row(image, UINT32_MAX, 0, &row));
    const struct wire_name www = name_of("www.b.example");
    assert_int_equal(policy_image_line(image, 1, &www, POLICY_MATCH_EXACT, POLICY_PASS,
                                       POLICY_SUBJECT_ANSWER),
                     10);
    assert_int_equal(policy_image_line(image, 1, &www, POLICY_MATCH_EXACT, POLICY_BLOCK,
                                       POLICY_SUBJECT_ANSWER),
                     0);
    assert_int_equal(policy_image_line(image, 0, &www, POLICY_MATCH_EXACT, POLICY_PASS,
                                       POLICY_SUBJECT_ANSWER),
                     0);
    assert_int_equal(policy_image_line(image, 1, &name, POLICY_MATCH_EXACT, POLICY_PASS,
                                       POLICY_SUBJECT_ANSWER),
                     0);
    policy_image_free(image);
    policy_list_free(a);
    policy_list_free(b);
}

static void the_order_of_input_does_not_show(void **state)
{
    static const char *const ids[] = {"m", "a", "z"};
    const struct policy_list *lists[3];
    uint64_t seed = 4711;
    uint8_t inputs[32], again[32];
    size_t len = 0, other_len = 0;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        lists[i] = random_list(&seed, ids[i], 120);
    }
    struct policy_image *image = image_of(lists, 3);
    const uint8_t *octets = policy_image_octets(image, &len);
    policy_image_inputs(lists, 3, inputs);
    assert_memory_equal(inputs, octets + IMAGE_AT_INPUTS, 32);
    for (unsigned round = 0; round < 20; round++) {
        /* Lists in another order, and the rules of each shuffled. */
        for (size_t i = 3; i > 1; i--) {
            const size_t other = random_under(&seed, i);
            const struct policy_list *held = lists[i - 1];

            lists[i - 1] = lists[other];
            lists[other] = held;
        }
        for (unsigned i = 0; i < 3; i++) {
            for (size_t k = lists[i]->rule_count; k > 1; k--) {
                const size_t other = random_under(&seed, k);
                const struct policy_list_rule held = lists[i]->rules[k - 1];

                lists[i]->rules[k - 1] = lists[i]->rules[other];
                lists[i]->rules[other] = held;
            }
        }
        struct policy_image *shuffled = image_of(lists, 3);
        const uint8_t *other = policy_image_octets(shuffled, &other_len);
        assert_int_equal(len, other_len);
        assert_memory_equal(octets, other, len);
        policy_image_inputs(lists, 3, again);
        assert_memory_equal(inputs, again, 32);
        policy_image_free(shuffled);
    }
    policy_image_inputs(lists, 2, again);
    assert_memory_not_equal(inputs, again, 32);
    policy_image_free(image);
    for (unsigned i = 0; i < 3; i++) {
        policy_list_free((struct policy_list *)(uintptr_t)lists[i]);
    }
}

static void lists_that_cannot_be_merged_are_refused(void **state)
{
    struct policy_list *a = list_of("a", "block suffix a.example");
    struct policy_list *again = list_of("a", "block suffix b.example");
    const struct policy_list *both[] = {a, again};
    const struct policy_list *many[POLICY_LISTS_MAX + 1];
    struct policy_image *image = NULL;

    (void)state;
    assert_int_equal(policy_image_build(both, 2, &image), -EEXIST);
    for (size_t i = 0; i < ITEMS(many); i++) {
        many[i] = a;
    }
    assert_int_equal(policy_image_build(many, ITEMS(many), &image), CORDON_E_LIMIT);
    assert_null(image);
    /* What no list text can say: a rule on a name of one label. */
    a->rules[0].name += 2; /* "\7example" */
    a->rules[0].name_len = 9;
    assert_int_equal(policy_image_build(both, 1, &image), CORDON_E_FORMAT);
    assert_null(image);
    policy_list_free(a);
    policy_list_free(again);
    policy_image_free(NULL);
}

static void no_lists_make_an_image_that_matches_nothing(void **state)
{
    struct policy_image *image = image_of(NULL, 0);
    const struct wire_name name = name_of("a.b.example");
    const struct address address = address_of("192.0.2.1");
    struct policy_matches matches;

    (void)state;
    policy_image_find_name(image, &name, &matches);
    assert_int_equal(matches.count, 0);
    policy_image_find_address(image, POLICY_SUBJECT_ANSWER, &address, &matches);
    assert_int_equal(matches.count, 0);
    policy_image_free(image);
}

/* --- damaged images --- */

/* All that a reader does. What it finds is of no interest, only that it stays inside. */
static void read_all(const struct policy_image *image)
{
    static const char *const names[] = {
        "",         "example", "a.example", "x.a.example", "q.x.a.example", "long.b.example",
        "z.example"};
    static const char *const addresses[] = {"192.0.2.1", "2001:db8::1", "10.1.2.3"};
    struct policy_image_list list;
    struct policy_image_stats stats;
    struct policy_matches matches;
    struct policy_row row;
    size_t seen = 0; /* what is read is used, so that it is read */

    policy_image_stats(image, &stats);
    for (size_t i = 0; i < policy_image_lists(image); i++) {
        if (policy_image_list_at(image, i, &list)) {
            seen += strlen(list.id) + strlen(list.title) + strlen(list.status_state);
        }
    }
    for (size_t i = 0; i < ITEMS(names); i++) {
        const struct wire_name name = name_of(names[i]);

        policy_image_find_name(image, &name, &matches);
        assert_true(matches.count <= name.labels);
        assert_true(matches.pass_below == 0 || matches.pass_below < policy_image_sets(image));
        for (unsigned k = 0; k < matches.count; k++) {
            assert_true(matches.at[k].set < policy_image_sets(image));
        }
        seen += policy_image_line(image, 0, &name, POLICY_MATCH_SUFFIX, POLICY_BLOCK,
                                  POLICY_SUBJECT_ANSWER);
    }
    for (size_t i = 0; i < ITEMS(addresses); i++) {
        const struct address address = address_of(addresses[i]);

        policy_image_find_address(image, POLICY_SUBJECT_ANSWER, &address, &matches);
        assert_true(matches.count <= 128);
    }
    const size_t sets = policy_image_sets(image) < 64 ? policy_image_sets(image) : 64;
    for (uint32_t set = 0; set < sets; set++) {
        for (size_t k = 0; k < policy_image_set_size(image, set); k++) {
            if (policy_image_row(image, set, k, &row)) {
                seen += strlen(row.category) + (row.redirect == NULL ? 0 : row.redirect[0]);
            }
        }
    }
    assert_true(seen != SIZE_MAX);
}

static struct policy_image *small_image(void)
{
    char rules[512];

    snprintf(rules, sizeof(rules),
             "block suffix a.example action=redirect:w.example;pass exact x.a.example;"
             "block below %063d.b.example;block prefix 192.0.2.0/24;pass prefix 192.0.2.0/28;"
             "block prefix 2001:db8::/32",
             0);
    struct policy_list *list = list_of("a", rules);
    const struct policy_list *lists[] = {list};
    struct policy_image *image = image_of(lists, 1);
    policy_list_free(list);
    return image;
}

static void a_flipped_bit_never_leads_a_reader_outside(void **state)
{
    struct policy_image *good = small_image();
    size_t len = 0;
    const uint8_t *octets = policy_image_octets(good, &len);
    uint8_t *copy = malloc(len); /* not a mapping: the sanitizer sees its borders */
    unsigned opened = 0;

    (void)state;
    assert_non_null(copy);
    memcpy(copy, octets, len);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        struct policy_image *image = NULL;

        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (policy_image_open(copy, len, &image) == 0) {
            read_all(image);
            policy_image_free(image);
            opened++;
        }
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(opened > 0);
    policy_image_free(good);
    free(copy);
}

static void random_damage_never_leads_a_reader_outside(void **state)
{
    struct policy_image *good = small_image();
    size_t len = 0;
    const uint8_t *octets = policy_image_octets(good, &len);
    uint8_t *copy = malloc(len);
    uint64_t seed = 99;

    (void)state;
    assert_non_null(copy);
    for (unsigned round = 0; round < 4000; round++) {
        struct policy_image *image = NULL;
        const size_t damage = 1 + random_under(&seed, 64);

        memcpy(copy, octets, len);
        for (size_t i = 0; i < damage; i++) {
            /* Behind the header, where nothing is checked before it is used. */
            copy[IMAGE_HEADER_OCTETS + random_under(&seed, len - IMAGE_HEADER_OCTETS)] =
                (uint8_t)next_random(&seed);
        }
        if (policy_image_open(copy, len, &image) == 0) {
            read_all(image);
            policy_image_free(image);
        }
    }
    policy_image_free(good);
    free(copy);
}

static void a_cut_image_is_refused(void **state)
{
    struct policy_image *good = small_image();
    size_t len = 0;
    const uint8_t *octets = policy_image_octets(good, &len);

    (void)state;
    for (size_t cut = 0; cut < len; cut += cut < IMAGE_HEADER_OCTETS ? 512 : 1) {
        uint8_t *copy = malloc(cut > 0 ? cut : 1);
        struct policy_image *image = NULL;

        assert_non_null(copy);
        memcpy(copy, octets, cut);
        assert_int_equal(policy_image_open(copy, cut, &image), CORDON_E_CORRUPT);
        if (cut >= IMAGE_HEADER_OCTETS) {
            /* Also when the header claims that this is all: some section then ends outside. */
            little_put64(copy + IMAGE_AT_OCTETS, cut);
            if (policy_image_open(copy, cut, &image) == 0) {
                read_all(image);
                policy_image_free(image);
            }
        }
        free(copy);
    }
    policy_image_free(good);
}

static void a_header_that_promises_nonsense_is_refused(void **state)
{
    static const struct {
        size_t at;
        uint64_t value;
        unsigned octets;
        int wanted;
    } cases[] = {
        {IMAGE_AT_MAGIC, 0, 8, CORDON_E_CORRUPT},
        {IMAGE_AT_MAJOR, 1, 2, CORDON_E_VERSION},
        {IMAGE_AT_MAJOR, 3, 2, CORDON_E_VERSION},
        {IMAGE_AT_MINOR, 9, 2, 0}, /* a later minor version only adds */
        {IMAGE_AT_HEADER_OCTETS, 8192, 4, CORDON_E_CORRUPT},
        {IMAGE_AT_ENDIAN, 0x04030201, 4, CORDON_E_CORRUPT},
        {IMAGE_AT_SECTIONS, 1, 4, CORDON_E_CORRUPT},   /* required ones are missing */
        {IMAGE_AT_SECTIONS, 200, 4, CORDON_E_CORRUPT}, /* over the header's end */
        {IMAGE_AT_TABLE, 2, 4, CORDON_E_CORRUPT},      /* a section twice */
        {IMAGE_AT_TABLE, 99, 4, CORDON_E_CORRUPT},     /* unknown and required */
        {IMAGE_AT_TABLE + 8, 0, 8, CORDON_E_CORRUPT},  /* over the header */
        {IMAGE_AT_TABLE + 8, 4097, 8, CORDON_E_CORRUPT},
        {IMAGE_AT_TABLE + 8, UINT64_MAX - 63, 8, CORDON_E_CORRUPT},
        {IMAGE_AT_TABLE + 16, UINT64_MAX, 8, CORDON_E_CORRUPT},
        {IMAGE_AT_TABLE + 16, 127, 8, CORDON_E_CORRUPT}, /* not whole lists */
    };
    struct policy_image *good = small_image();
    size_t len = 0;
    const uint8_t *octets = policy_image_octets(good, &len);
    uint8_t *copy = malloc(len);

    (void)state;
    assert_non_null(copy);
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct policy_image *image = NULL;

        memcpy(copy, octets, len);
        for (unsigned k = 0; k < cases[i].octets; k++) {
            copy[cases[i].at + k] = (uint8_t)(cases[i].value >> 8 * k);
        }
        const int rc = policy_image_open(copy, len, &image);
        if (rc != cases[i].wanted) {
            fail_msg("case %zu: %d", i, rc);
        }
        policy_image_free(image);
    }
    /* Strings that do not end inside their section. */
    struct policy_image *unended = NULL;
    memcpy(copy, octets, len);
    const struct image_part *strings = &good->parts[IMAGE_STRINGS];
    copy[(size_t)(strings->at - octets) + strings->len - 1] = 'x';
    assert_int_equal(policy_image_open(copy, len, &unended), CORDON_E_CORRUPT);
    /* An unknown section that is not required is skipped: the last one becomes such a one. */
    memcpy(copy, octets, len);
    const uint32_t sections = little_get32(copy + IMAGE_AT_SECTIONS);
    uint8_t *last = copy + IMAGE_AT_TABLE + (sections - 1) * IMAGE_ENTRY;
    assert_int_equal(little_get32(last), IMAGE_ORIGINS);
    little_put32(last, 77);
    struct policy_image *image = NULL;
    assert_int_equal(policy_image_open(copy, len, &image), 0);
    read_all(image);
    policy_image_free(image);
    policy_image_free(good);
    free(copy);
}

/* --- files --- */

struct folder {
    char path[64], file[128];
};

static int open_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));

    strcpy(folder->path, "/tmp/cordon-image-XXXXXX");
    if (mkdtemp(folder->path) == NULL) {
        return -1;
    }
    snprintf(folder->file, sizeof(folder->file), "%s/a.image", folder->path);
    *state = folder;
    return 0;
}

static int close_folder(void **state)
{
    struct folder *folder = *state;

    unlink(folder->file);
    const int rc = rmdir(folder->path);
    free(folder);
    return rc;
}

static void a_saved_image_loads_with_its_key_and_inputs_alone(void **state)
{
    const struct folder *folder = *state;
    struct policy_image *image = small_image();
    struct policy_image *loaded = NULL;
    uint8_t key[32] = {1, 2, 3}, wrong[32] = {1, 2, 4}, inputs[32], other[32];
    size_t len = 0, loaded_len = 0;
    const uint8_t *octets = policy_image_octets(image, &len);
    struct stat status;

    memcpy(inputs, octets + IMAGE_AT_INPUTS, 32);
    memcpy(other, inputs, 32);
    other[31] ^= 1;
    assert_int_equal(policy_image_load(folder->file, key, inputs, &loaded), -ENOENT);
    assert_int_equal(policy_image_save(image, folder->file, key), 0);
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(policy_image_load(folder->file, wrong, inputs, &loaded), CORDON_E_CORRUPT);
    assert_int_equal(policy_image_load(folder->file, key, other, &loaded), CORDON_E_CORRUPT);
    assert_int_equal(policy_image_load(folder->path, key, inputs, &loaded), -EINVAL);
    assert_null(loaded);
    assert_int_equal(policy_image_load(folder->file, key, inputs, &loaded), 0);
    const uint8_t *copy = policy_image_octets(loaded, &loaded_len);
    assert_int_equal(len, loaded_len);
    assert_memory_equal(octets, copy, len);
    read_all(loaded);
    /* What happens to the file afterwards does not reach the image. */
    const int fd = open(folder->file, O_WRONLY | O_TRUNC);
    assert_int_equal(ftruncate(fd, (off_t)len), 0);
    close(fd);
    assert_memory_equal(octets, copy, len);
    policy_image_free(loaded);
    policy_image_free(image);
}

static void a_file_with_any_bit_flipped_or_cut_is_refused(void **state)
{
    const struct folder *folder = *state;
    struct policy_image *image = small_image();
    struct policy_image *loaded = NULL;
    uint8_t key[32] = {9}, inputs[32];
    uint8_t *file = NULL;
    size_t len = 0;

    memcpy(inputs, policy_image_octets(image, &len) + IMAGE_AT_INPUTS, 32);
    assert_int_equal(policy_image_save(image, folder->file, key), 0);
    policy_image_free(image);
    assert_int_equal(file_read(folder->file, 1 << 20, &file, &len), 0);
    const int fd = open(folder->file, O_WRONLY);
    assert_true(fd >= 0);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        const uint8_t bad = file[bit / 8] ^ (uint8_t)(1u << bit % 8);

        assert_int_equal(pwrite(fd, &bad, 1, (off_t)(bit / 8)), 1);
        if (policy_image_load(folder->file, key, inputs, &loaded) != CORDON_E_CORRUPT) {
            fail_msg("bit %zu", bit);
        }
        assert_int_equal(pwrite(fd, &file[bit / 8], 1, (off_t)(bit / 8)), 1);
    }
    assert_int_equal(policy_image_load(folder->file, key, inputs, &loaded), 0);
    policy_image_free(loaded);
    /* One octet more, then cut at every border of a section and at some odd places. */
    assert_int_equal(pwrite(fd, "x", 1, (off_t)len), 1);
    assert_int_equal(policy_image_load(folder->file, key, inputs, &loaded), CORDON_E_CORRUPT);
    for (size_t cut = len - 1; cut > 0; cut = cut > 100 ? (cut - 1) & ~(size_t)63 : cut - 1) {
        assert_int_equal(ftruncate(fd, (off_t)cut), 0);
        assert_int_equal(policy_image_load(folder->file, key, inputs, &loaded),
                         CORDON_E_CORRUPT);
    }
    close(fd);
    free(file);
}

static void a_file_behind_a_link_or_a_pipe_is_not_opened(void **state)
{
    const struct folder *folder = *state;
    struct policy_image *loaded = NULL;
    const uint8_t key[32] = {9}, inputs[32] = {0};

    assert_int_equal(symlink("/dev/zero", folder->file), 0);
    assert_int_equal(policy_image_load(folder->file, key, inputs, &loaded), -ELOOP);
    unlink(folder->file);
    assert_int_equal(mkfifo(folder->file, 0600), 0);
    assert_int_equal(policy_image_load(folder->file, key, inputs, &loaded), -EINVAL);
}

static int start(void **state)
{
    (void)state;
    return random_library_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookups_equal_a_naive_reading),
        cmocka_unit_test(the_longest_labels_and_names_are_found),
        cmocka_unit_test(many_nodes_fill_lines_and_overflow_them),
        cmocka_unit_test(names_of_shipped_lists_are_found),
        cmocka_unit_test(the_image_knows_its_lists),
        cmocka_unit_test(the_order_of_input_does_not_show),
        cmocka_unit_test(lists_that_cannot_be_merged_are_refused),
        cmocka_unit_test(no_lists_make_an_image_that_matches_nothing),
        cmocka_unit_test(a_flipped_bit_never_leads_a_reader_outside),
        cmocka_unit_test(random_damage_never_leads_a_reader_outside),
        cmocka_unit_test(a_cut_image_is_refused),
        cmocka_unit_test(a_header_that_promises_nonsense_is_refused),
        cmocka_unit_test_setup_teardown(a_saved_image_loads_with_its_key_and_inputs_alone,
                                        open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_file_with_any_bit_flipped_or_cut_is_refused,
                                        open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_file_behind_a_link_or_a_pipe_is_not_opened,
                                        open_folder, close_folder),
    };
    return cmocka_run_group_tests_name("policy/image", tests, start, NULL);
}
