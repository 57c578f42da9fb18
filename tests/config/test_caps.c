/* config/caps: categories, scopes and confidence, of the top and of views. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/refusal.h"

#include <stdlib.h>

static const char all[] =
    "policy: {categories: {package-mirror: log, cdn: enforce, public-dns: off}, scopes: "
    "{consumer: log, cdn: off}, confidence: {log: low, apply: high}}\n"
    "views:\n  a: {clients: [10.0.0.0/8], categories: {}, scopes: {cloud: log}, confidence: "
    "{log: medium}}\n  b: {clients: [172.16.0.0/12], confidence: {apply: medium}}\n"
    "  c: {clients: [192.168.0.0/16]}\n";

static void caps_are_read_where_they_stand(void **state)
{
    struct config *config = read_config(all, 0);
    const struct config_caps *top = &config->caps;

    (void)state;
    assert_int_equal(top->category_count, 3);
    assert_string_equal(top->categories[0].word, "package-mirror");
    assert_int_equal(top->categories[0].mode, CONFIG_MODE_LOG);
    assert_int_equal(top->categories[1].mode, CONFIG_MODE_ENFORCE);
    assert_int_equal(top->categories[2].mode, CONFIG_MODE_OFF);
    static const uint8_t scopes[] = {CONFIG_MODE_ENFORCE, CONFIG_MODE_OFF, CONFIG_MODE_ENFORCE,
                                     CONFIG_MODE_ENFORCE, CONFIG_MODE_LOG};
    assert_memory_equal(top->scopes, scopes, sizeof(scopes));
    assert_true(top->log == 0 && top->apply == 2);
    const struct config_caps *a = &config->views[0].caps;
    assert_true(a->has_categories && a->has_scopes && a->has_confidence);
    assert_int_equal(a->category_count, 0);
    assert_int_equal(a->scopes[0], CONFIG_MODE_LOG);
    assert_int_equal(a->scopes[1], CONFIG_MODE_ENFORCE);
    assert_true(a->log == 1 && a->apply == 1); /* what is not said of apply is as log */
    const struct config_caps *b = &config->views[1].caps;
    assert_false(b->has_categories || b->has_scopes);
    assert_true(b->has_confidence && b->log == 0 && b->apply == 1);
    const struct config_caps *c = &config->views[2].caps;
    assert_false(c->has_categories || c->has_scopes || c->has_confidence);
    config_free(config);
}

static void without_a_word_there_is_no_cap(void **state)
{
    struct config *config = read_config("", 0);

    (void)state;
    assert_int_equal(config->caps.category_count, 0);
    for (size_t i = 0; i < CONFIG_SCOPES; i++) {
        assert_int_equal(config->caps.scopes[i], CONFIG_MODE_ENFORCE);
    }
    assert_true(config->caps.log == 0 && config->caps.apply == 0);
    config_free(config);
}

static void what_is_printed_reads_back(void **state)
{
    struct config *config = read_config(all, 0);
    char *first = print_config(config);
    struct config *again = read_config(first, 0);
    char *second = print_config(again);

    (void)state;
    assert_string_equal(first, second);
    assert_memory_equal(&config->caps, &again->caps, sizeof(config->caps));
    assert_memory_equal(&config->views[0].caps, &again->views[0].caps, sizeof(config->caps));
    free(first);
    free(second);
    config_free(config);
    config_free(again);
}

static void what_cannot_be_is_refused(void **state)
{
    static const struct refusal cases[] = {
        {"policy: {categories: [cdn]}",
         "1:22: policy.categories: expected categories with modes: {package-mirror: log, "
         "public-dns: off}"},
        {"policy: {categories: cdn}",
         "1:22: policy.categories: expected categories with modes: {package-mirror: log, "
         "public-dns: off}"},
        {"policy: {categories: {cdn: no}}",
         "1:28: policy.categories: \"no\" is not one of off, log, enforce"},
        {"policy: {categories: {cdn: }}",
         "1:28: policy.categories: expected a word, but there is nothing: leave the line out "
         "for the default"},
        {"policy: {categories: {cdn: [log]}}", "1:28: policy.categories: expected a word, but "
                                               "found a sequence [...]; an IPv6 address "
                                               "in brackets needs quotes"},
        {"policy: {categories: {CDN: log}}",
         "1:23: policy.categories: \"CDN\" is no word for a category: 1 to 32 of a-z 0-9 and "
         "-"},
        {"policy: {categories: {abcdefghijklmnopqrstuvwxyz1234567: log}}",
         "1:23: policy.categories: \"abcdefghijklmnopqrstuvwxyz1234567\" is no word for a "
         "category: 1 to 32 of a-z 0-9 and -"},
        {"policy: {categories: {\"\": log}}",
         "1:23: policy.categories: \"\" is no word for a category: 1 to 32 of a-z 0-9 and -"},
        {"policy: {categories: {cdn: log, cdn: off}}",
         "1:33: \"cdn\" stands here twice, first on line 1: keep one of them"},
        {"policy: {scopes: {consumers: log}}",
         "1:19: policy.scopes: \"consumers\" is not one of cloud, cdn, nameserver, corporate, "
         "consumer: did you mean consumer?"},
        {"policy: {scopes: {cloud: lgo}}",
         "1:26: policy.scopes: \"lgo\" is not one of off, log, enforce: did you mean log?"},
        {"policy: {scopes: cloud}",
         "1:18: policy.scopes: expected scopes with modes: {consumer: log, cdn: off}"},
        {"policy: {confidence: high}",
         "1:22: policy.confidence: expected {log: low, apply: medium}"},
        {"policy: {confidence: {log: sure}}",
         "1:28: policy.confidence: \"sure\" is not one of low, medium, high"},
        {"policy: {confidence: {block: low}}",
         "1:23: policy.confidence: \"block\" is not one of log, apply"},
        {"policy: {confidence: {log: high, apply: medium}}",
         "1:22: policy.confidence: apply: medium is below log: high: what is blocked is "
         "recorded, too; raise apply or lower log"},
        {"views: {v: {clients: [loopback], scopes: {cloud: on}}}",
         "1:50: views.NAME.scopes: \"on\" is not one of off, log, enforce"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void more_categories_than_the_limit_are_refused(void **state)
{
    char text[8192] = "policy: {categories: {";
    struct config *config = NULL;
    size_t used = strlen(text);

    (void)state;
    for (unsigned i = 0; i < CONFIG_CATEGORIES_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "c%u: log, ", i);
    }
    const size_t most = used;
    snprintf(text + used, sizeof(text) - used, "}}");
    config_free(read_config(text, 0));
    snprintf(text + most, sizeof(text) - most, "more: log}}");
    const struct refusal refused = {text,
                                    "1:22: policy.categories: 65 entries: 64 are the most"};
    check(&refused, 1);
    assert_null(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps_are_read_where_they_stand),
        cmocka_unit_test(without_a_word_there_is_no_cap),
        cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(more_categories_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
