/* What the tests of the updater share: a publisher, mirrors in folders that can be down, a
 * clock that only moves when somebody waits, and a gate that says what it is told. Include
 * cmocka before. */
#ifndef CORDON_TESTS_UPDATE_RUNS_H
#define CORDON_TESTS_UPDATE_RUNS_H

#include "update/run.h"

#include "trust/press.h"

#include <errno.h>
#include <sys/stat.h>

struct runs {
    struct press press;
    struct config *config;
    struct config_sources sources;
    struct update_options options;
    struct update_publisher publisher;
    struct update_result result;
    struct update_world world;
    struct random random;
    uint64_t now_s, waited_ms;
    unsigned waits;
    const char *down[CONFIG_SOURCES_MAX]; /* sources that do not answer; NULL */
    uint64_t retry_after_s;               /* what they ask for */
    char asked[4096]; /* sources, each at its first file, in order: "a b " */
    enum update_judgement judgement;
    uint32_t bad_serial;   /* of a catalogue that is refused, whatever the judgement is; 0 */
    uint32_t fault_serial; /* of one that cannot be judged; 0 */
    const char *slow;      /* a source that takes slow_s for each file; NULL */
    uint64_t slow_s;
    unsigned judged;
};

static inline uint64_t runs_now(void *context)
{
    return ((struct runs *)context)->now_s;
}

static inline void runs_wait(void *context, uint64_t ms)
{
    struct runs *runs = context;

    runs->waited_ms += ms;
    runs->waits++;
    runs->now_s += ms / 1000;
}

static inline enum update_got runs_get(void *context, const struct update_wanted *wanted,
                                       struct update_gotten *gotten)
{
    struct runs *runs = context;
    const size_t len = strlen(runs->asked);
    const size_t name = strlen(wanted->source);

    if (len < name + 1 || strncmp(runs->asked + len - name - 1, wanted->source, name) != 0) {
        snprintf(runs->asked + len, sizeof(runs->asked) - len, "%s ", wanted->source);
    }
    if (runs->slow != NULL && strcmp(runs->slow, wanted->source) == 0) {
        runs->now_s += runs->slow_s;
    }
    for (size_t i = 0; i < CONFIG_SOURCES_MAX; i++) {
        if (runs->down[i] != NULL && strcmp(runs->down[i], wanted->source) == 0) {
            memset(gotten, 0, sizeof(*gotten));
            gotten->retry_after_s = runs->retry_after_s;
            snprintf(gotten->why, sizeof(gotten->why), "it is down");
            return UPDATE_UNREACHABLE;
        }
    }
    return update_fetch(NULL, wanted, gotten); /* of a folder */
}

static inline enum update_judgement runs_judge(const struct update_options *options,
                                               const struct update_publisher *publisher,
                                               const struct update_place *place, bool has_set,
                                               const struct update_store *store, uint64_t now_s,
                                               struct update_result *result)
{
    struct runs *runs = (struct runs *)(uintptr_t)options->config_path;

    (void)publisher, (void)place, (void)has_set, (void)store, (void)now_s;
    runs->judged++;
    if (runs->fault_serial != 0 && result->to_serial == runs->fault_serial) {
        return UPDATE_JUDGED_NOT;
    }
    return runs->bad_serial != 0 && result->to_serial == runs->bad_serial ? UPDATE_JUDGED_BAD
                                                                          : runs->judgement;
}

/* FOLDER as the publisher ships it: the root, a catalogue that is good for a week, and of each
 * id, until NULL, its text. */
static inline void runs_publish(struct runs *runs, const char *folder, uint32_t serial, ...)
{
    struct trust_catalogue *catalogue = press_catalogue(serial);
    va_list lists;
    const char *id;
    char root[256];
    size_t len = 0;

    (void)mkdir(folder, 0700);
    snprintf(root, sizeof(root), "%s/1.root", folder);
    char *text = workshop_read("pin/1.root", &len);
    workshop_write(root, text, len);
    press_sign(&runs->press, root, "01");
    free(text);
    va_start(lists, serial);
    while ((id = va_arg(lists, const char *)) != NULL) {
        const char *list_text = va_arg(lists, const char *);

        press_list_write(&runs->press, folder, id, list_text, "34");
        press_add(catalogue, id, serial, list_text);
    }
    va_end(lists);
    press_catalogue_write(&runs->press, catalogue, folder, "34");
}

static inline void runs_sources(struct runs *runs, const char *a, const char *b)
{
    runs->sources = (struct config_sources){.at = {(char *)(uintptr_t)a, (char *)(uintptr_t)b},
                                            .count = b == NULL ? 1 : 2};
}

/* The store is `store`, the source `a`, and nothing is in force. */
static inline void runs_open(struct runs *runs)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = {1};
    static const char text[] = "lists: {directory: /none, use: {one: log}}\n"
                               "trust: {root: /none}\n";

    memset(runs, 0, sizeof(*runs));
    press_open(&runs->press);
    assert_int_equal(config_parse(text, sizeof(text) - 1, "t", "/", NULL, &runs->config), 0);
    random_init_seed(&runs->random, seed);
    (void)mkdir("pin", 0700);
    press_root_write(&runs->press, press_root(&runs->press, 1), "pin", "01");
    runs->now_s = PRESS_NOW_S;
    runs->options = (struct update_options){.config = runs->config,
                                            .config_path = (const char *)runs,
                                            .rounds = UPDATE_ROUNDS_STANDARD};
    runs->world = (struct update_world){.now_s = runs_now,
                                        .mono_s = runs_now,
                                        .wait_ms = runs_wait,
                                        .get = runs_get,
                                        .context = runs,
                                        .judge = runs_judge,
                                        .random = &runs->random};
    runs->publisher = (struct update_publisher){.name = "press",
                                                .pinned = "pin/1.root",
                                                .sources = &runs->sources,
                                                .directory = "store/press/current"};
    runs_sources(runs, "a", NULL);
    report_init(&runs->result.report);
}

static inline void runs_close(struct runs *runs)
{
    update_result_free(&runs->result);
    config_free(runs->config);
    press_close(&runs->press);
}

static inline enum update_outcome runs_run(struct runs *runs)
{
    struct update_store store;

    update_result_free(&runs->result);
    runs->asked[0] = '\0';
    runs->waited_ms = 0;
    runs->waits = 0;
    assert_int_equal(update_store_open("store", NULL, &store), 0);
    update_run(&runs->options, &runs->world, &store, &runs->publisher, &runs->result);
    update_store_close(&store);
    return runs->result.outcome;
}

static inline bool runs_said(const struct runs *runs, const char *words)
{
    for (size_t i = 0; i < runs->result.report.count; i++) {
        if (strstr(runs->result.report.entries[i].text, words) != NULL) {
            return true;
        }
    }
    return false;
}

/* The serial in force, all of which is whole: 0 if nothing is. */
static inline uint32_t runs_in_force(void)
{
    struct trust_publisher *publisher = NULL;
    const struct trust_publisher_request request = {
        .pinned = "pin/1.root", .folder = "store/press/current", .only_looks = true};
    struct report report;

    if (access("store/press/current/catalogue", F_OK) != 0) {
        return 0;
    }
    report_init(&report);
    if (trust_publisher_open(&request, &report, &publisher) != 0) {
        report_print(&report, stderr);
        fail_msg("what is in force is not whole");
    }
    for (size_t i = 0; i < publisher->catalogue->count; i++) {
        const struct trust_entry *entry = &publisher->catalogue->entries[i];
        struct trust_verdict verdict;
        char path[256];
        size_t len = 0;

        snprintf(path, sizeof(path), "store/press/current/%s.list", entry->id);
        char *text = workshop_read(path, &len);
        assert_int_equal(trust_entry_check(entry, path, (const uint8_t *)text, len, &report),
                         0);
        assert_int_equal(trust_verify_beside(&publisher->root->list, path,
                                             (const uint8_t *)text, len, &report, &verdict),
                         0);
        free(text);
    }
    const uint32_t serial = publisher->catalogue->serial;
    trust_publisher_free(publisher);
    report_deinit(&report);
    return serial;
}

/* Of the updater's ratchet; 0: nothing was accepted. */
static inline uint32_t runs_accepted(void)
{
    struct trust_ratchet *ratchet = NULL;

    assert_int_equal(trust_ratchet_read("store/" TRUST_RATCHET_FILE, NULL, &ratchet), 0);
    const struct trust_mark *mark = trust_ratchet_find(ratchet, "press");
    const uint32_t serial = mark == NULL ? 0 : mark->serial;
    trust_ratchet_free(ratchet);
    return serial;
}

/* Files need not outlast a test: where memory is a folder, nobody waits for a disk. */
static inline int runs_library(void **state)
{
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 0);
    }
    return workshop_library(state);
}

#endif
