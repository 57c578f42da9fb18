/* setup/trust: a link that is turned to newer lists while they are read. What is read is of one
 * version, whichever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "setup/lists.h"

#include "trust/press.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_TEXT                                                          \
    "cordon-list 1\nid one\ntitle Test\nprovider test Test\nserial %u\n"   \
    "created 2027-01-01T00:00:00Z\nexpires 2027-06-01T00:00:00Z\nrules\n"  \
    "block suffix example.test category=test scope=cloud confidence=high " \
    "evidence=\"none\"\nend\n"

static void publish(const struct press *press, const char *folder, uint32_t serial)
{
    struct trust_catalogue *catalogue = press_catalogue(serial);
    char text[1024];

    snprintf(text, sizeof(text), LIST_TEXT, serial);
    assert_int_equal(mkdir(folder, 0700), 0);
    press_root_write(press, press_root(press, 1), folder, "01");
    press_list_write(press, folder, "one", text, "34");
    press_add(catalogue, "one", serial, text);
    press_catalogue_write(press, catalogue, folder, "34");
}

static void turn(const char *to)
{
    assert_int_equal(symlink(to, "lists.new"), 0);
    assert_int_equal(rename("lists.new", "lists"), 0);
}

static void what_is_read_is_of_one_version(void **state)
{
    static const char text[] =
        "upstreams: {servers: [192.0.2.53]}\nlists: {directory: lists, use: {one: enforce}}\n"
        "state: {directory: state}\n"
        "trust: {publishers: {other: {root: lists/1.root, directory: lists, "
        "lists: [two], providers: [test], names: [example.test]}}}\n";
    struct press press;
    struct config *config = NULL;
    struct setup_views views;
    struct setup_trust *trust = calloc(1, sizeof(*trust));
    struct policy_loaded *loaded = calloc(1, sizeof(*loaded));
    const struct setup_request request = {
        .generation = 1, .now_s = PRESS_NOW_S, .starts = true, .tolerates = true};
    char folder[256];

    (void)state;
    assert_non_null(trust);
    assert_non_null(loaded);
    press_open(&press);
    assert_non_null(getcwd(folder, sizeof(folder)));
    publish(&press, "old", 5);
    publish(&press, "new", 6);
    turn("old");
    assert_int_equal(
        config_parse(text, strlen(text), "test.yaml", folder, &press.report, &config), 0);
    assert_int_equal(setup_views_init(config, &press.report, &views), 0);
    assert_int_equal(setup_trust_open(config, &request, &press.report, trust), 0);
    turn("new");
    assert_int_equal(setup_lists_load(config, &request, &press.report, trust, &views, loaded),
                     0);
    assert_int_equal(loaded->lists[0].serial, 5);
    /* And so it is with the folder of another publisher, whose lists are none of these. */
    assert_int_equal(trust->foreign_count, 1);
    snprintf(folder + strlen(folder), sizeof(folder) - strlen(folder), "/old");
    assert_string_equal(trust->foreign[0].source.directory, folder);
    policy_loaded_drop(loaded);
    free(loaded);
    setup_trust_close(trust);
    free(trust);
    setup_views_deinit(&views);
    config_free(config);
    press_close(&press);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(what_is_read_is_of_one_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
