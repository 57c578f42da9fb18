/*
 * tests/policy/make.h - lists, names and addresses for tests, by the parsers that the daemon
 * uses. Everything asserts: a test that cannot make its input fails.
 */
#ifndef CORDON_TESTS_POLICY_MAKE_H
#define CORDON_TESTS_POLICY_MAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/report.h"
#include "policy/list.h"
#include "policy/policy.h"
#include "wire/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* "a.example" as a name; "" is the root. */
static inline struct wire_name name_of(const char *text)
{
    struct wire_name name;
    const char *whole = text[0] == '\0' ? "." : text;

    assert_int_equal(wire_name_from_text(whole, strlen(whole), &name), WIRE_TEXT_OK);
    return name;
}

static inline struct address address_of(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(text, strlen(text), 0, &address), 0);
    return address;
}

/*
 * Writes the text of a list. rules: lines "KIND MATCH WHAT" or "KIND MATCH WHAT action=WORD
 * trigger=WORD ends=chain", separated by ';'; the other fields are filled in. Gives memory.
 */
static inline char *list_text(const char *id, const char *rules)
{
    const size_t size = 600 + 3 * strlen(id) + 40 * strlen(rules);
    char *text = malloc(size);
    size_t used;

    assert_non_null(text);
    used = (size_t)snprintf(text, size,
                            "cordon-list 1\nid %s\ntitle Names of %s\nprovider prov-%s The "
                            "Provider\nserial 7\ncreated 2026-01-02T03:04:05Z\nexpires "
                            "2027-02-06T03:04:05Z\nrules\n",
                            id, id, id);
    while (*rules != '\0') {
        const size_t len = strcspn(rules, ";");
        const char *equals = memchr(rules, '=', len);
        size_t what = len;

        for (what = equals == NULL ? len : (size_t)(equals - rules);
             equals != NULL && rules[what] != ' '; what--) {
        }

        used += (size_t)snprintf(text + used, size - used,
                                 "%.*s category=test scope=cloud confidence=high%.*s "
                                 "evidence=\"seen\"\n",
                                 (int)what, rules, (int)(len - what), rules + what);
        rules += len + (rules[len] == ';');
    }
    used += (size_t)snprintf(text + used, size - used, "end\n");
    assert_true(used < size);
    return text;
}

static inline struct policy_list *list_of(const char *id, const char *rules)
{
    char *text = list_text(id, rules);
    struct policy_list *list = NULL;
    struct report report;

    report_init(&report);
    const int rc = policy_list_parse(text, strlen(text), id, &report, &list);
    if (rc != 0) {
        report_print(&report, stderr);
    }
    report_deinit(&report);
    free(text);
    assert_int_equal(rc, 0);
    return list;
}

static inline struct policy_image *image_of(const struct policy_list *const *lists,
                                            size_t count)
{
    struct policy_image *image = NULL;

    assert_int_equal(policy_image_build(lists, count, &image), 0);
    return image;
}

/* A small generator for tests: the same seed gives the same sequence (xorshift64*). */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static inline size_t random_under(uint64_t *state, size_t bound)
{
    return (size_t)((next_random(state) >> 33) % bound);
}

#endif
