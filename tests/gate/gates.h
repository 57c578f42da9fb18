/* What the tests of the gate share: a publisher, a folder in force, a candidate, a
 * configuration. Include cmocka before. */
#ifndef CORDON_TESTS_GATE_GATES_H
#define CORDON_TESTS_GATE_GATES_H

#include "base/error.h"
#include "gate/gate.h"

#include "trust/press.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>

struct gates {
    struct press press;
    struct gate_request request;
    struct gate_outcome *outcome;
    char *rules; /* room for the text of a list */
};

#define GATES_LIST_MAX (16u << 20)
#define GATES_RULE     "category=test scope=cloud confidence=high evidence=\"none\"\n"

/* The same about somebody else: "block prefix 192.0.2.0/24", "client". */
#define GATES_ABOUT(what, trigger) \
    what " category=test scope=cloud confidence=high trigger=" trigger " evidence=\"none\"\n"

/* One rule: "block suffix example.test". */
#define GATES_SAY(what) what " " GATES_RULE

static inline void gates_config(const char *more)
{
    char text[4096];

    const int len = snprintf(
        text, sizeof(text),
        "upstreams: {servers: [192.0.2.53]}\n"
        "state: {directory: state}\n%s%s",
        strstr(more, "lists:") != NULL ? "" : "lists: {directory: old, use: {one: enforce}}\n",
        more);
    assert_true(len > 0 && (size_t)len < sizeof(text));
    workshop_write("cordon.yaml", text, (size_t)len);
}

/* FOLDER as the publisher ships it: root 1, catalogue, and of each id, until NULL, its rules.
 */
static inline void gates_publish(struct gates *gates, const char *folder, uint32_t serial, ...)
{
    struct trust_catalogue *catalogue = press_catalogue(serial);
    va_list lists;
    const char *id;
    char root[256];

    (void)mkdir(folder, 0700);
    snprintf(root, sizeof(root), "%s/1.root", folder);
    if (access(root, F_OK) != 0) {
        if (strcmp(folder, "old") == 0) {
            press_root_write(&gates->press, press_root(&gates->press, 1), folder, "01");
        } else { /* the very same root */
            size_t len = 0;
            char *text = workshop_read("old/1.root", &len);
            workshop_write(root, text, len);
            press_sign(&gates->press, root, "01");
            free(text);
        }
    }
    va_start(lists, serial);
    while ((id = va_arg(lists, const char *)) != NULL) {
        const char *rules = va_arg(lists, const char *);
        const int len = snprintf(gates->rules, GATES_LIST_MAX,
                                 "cordon-list 1\nid %s\ntitle Test\nprovider test Test\n"
                                 "serial %u\ncreated 2027-01-01T00:00:00Z\n"
                                 "expires 2027-06-01T00:00:00Z\nrules\n%send\n",
                                 id, serial, rules);

        assert_true(len > 0 && (size_t)len < GATES_LIST_MAX);
        press_list_write(&gates->press, folder, id, gates->rules, "34");
        press_add(catalogue, id, serial, gates->rules);
    }
    va_end(lists);
    press_catalogue_write(&gates->press, catalogue, folder, "34");
}

/* Files of a test need not outlast it: where memory is a folder, nobody waits for a disk. */
static inline int gates_library(void **state)
{
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 0);
    }
    return workshop_library(state);
}

static inline void gates_open(struct gates *gates)
{
    memset(gates, 0, sizeof(*gates));
    press_open(&gates->press);
    gates->rules = malloc(GATES_LIST_MAX);
    assert_non_null(gates->rules);
    gates->request = (struct gate_request){
        .config = "cordon.yaml",
        .candidate = "new",
        .suffixes = "no such file", /* libpsl alone: the system's takes a while */
        .now_s = PRESS_NOW_S};
    gates_config("");
    gates_publish(gates, "old", 5, "one", GATES_SAY("block suffix example.test"), NULL);
}

static inline void gates_close(struct gates *gates)
{
    gate_outcome_free(gates->outcome);
    press_close(&gates->press);
    free(gates->rules);
}

static inline int gates_try(struct gates *gates)
{
    gate_outcome_free(gates->outcome);
    gates->outcome = NULL;
    report_deinit(&gates->press.report);
    return gate_run(&gates->request, &gates->press.report, &gates->outcome);
}

/* Runs the gate; for a test that fails, the table is on standard error. */
static inline enum gate_verdict gates_run(struct gates *gates)
{
    if (gates_try(gates) != 0) {
        report_print(&gates->press.report, stderr);
        fail_msg("the gate does not run");
    }
    if (getenv("GATES_SHOW") != NULL) {
        gate_print(gates->outcome, stderr);
    }
    return gates->outcome->verdict;
}

static inline enum gate_verdict gates_of(const struct gates *gates, enum gate_check check)
{
    return gates->outcome->checks[check].verdict;
}

/* Is there a finding of the check, or its line, with these words? */
static inline bool gates_say(const struct gates *gates, enum gate_check check,
                             const char *words)
{
    const struct gate_result *result = &gates->outcome->checks[check];
    bool said = strstr(result->words, words) != NULL;

    for (size_t i = 0; i < result->count; i++) {
        const struct gate_finding *finding = &result->findings[i];

        said = said || strstr(finding->words, words) != NULL ||
               strstr(finding->what, words) != NULL || strstr(finding->rule, words) != NULL;
    }
    return said;
}

/* Takes a refusal of one check upon itself. */
static inline void gates_override(struct gates *gates, enum gate_check check,
                                  const char *reason)
{
    gates->request.overrides[0] = (struct gate_override){check, reason};
    gates->request.override_count = 1;
}

/* So many rules: "block suffix PREFIXn.test". Borrowed until the next call with the same text.
 */
static inline void gates_rules(char *out, size_t size, const char *prefix, unsigned count)
{
    size_t used = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(out + used, size - used, GATES_SAY("block suffix %s%u.test"),
                                 prefix, i);
        assert_true(used < size);
    }
}

#endif
