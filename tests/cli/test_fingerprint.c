/* cli/fingerprint and cli/compare_find: what others tell is refused unless it is whole, and
 * differences are told in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/compare_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char hash_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#define HEAD "cordon-fingerprint 1 lists "

/* Strings become a page. */
static size_t page(uint8_t *out, size_t count, const char *const *strings)
{
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t len = strlen(strings[i]);

        out[used++] = (uint8_t)len;
        memcpy(out + used, strings[i], len);
        used += len;
    }
    return used;
}

/* A page with this head behind the name of its part, and these lines. */
static bool reads(const char *head, const char *line, size_t cut)
{
    struct fingerprint_part part = {.name = "lists"};
    char fault[FINGERPRINT_FAULT_MAX] = "";
    char first[200];
    uint8_t octets[1024];
    const char *const strings[] = {first, line};

    memcpy(part.hash, hash_a, sizeof(part.hash));
    snprintf(first, sizeof(first), HEAD "%s", head);
    const size_t len = page(octets, line != NULL ? 2 : 1, strings) - cut;
    const bool good = fingerprint_read_page(octets, len, 1, &part, fault);
    assert_int_equal(good, fault[0] == '\0');
    for (const char *at = fault; *at != '\0'; at++) {
        assert_true(*at >= 0x20 && *at < 0x7f);
    }
    free(part.lines);
    return good;
}

static void pages_that_are_not_whole_are_refused(void **state)
{
    char head[200];

    (void)state;
    snprintf(head, sizeof(head), "%s 1/1 1", hash_a);
    assert_true(reads(head, "one", 0));
    assert_true(reads(head, NULL, 0));
    assert_false(reads(head, "one", 1)); /* cut */
    assert_false(reads(head, "", 0));
    assert_false(reads(head, "\x1b[2J", 0)); /* would drive a terminal */
    assert_false(reads(head, "caf\xc3\xa9", 0));
    assert_false(reads(head, "two\nlines", 0));
    assert_false(reads("", NULL, 0));
    static const char *const behind[] = {" 2/2 1",
                                         " 0/1 1",
                                         " 1/0 1",
                                         " 1/129 1",
                                         " 1/1 1000001",
                                         " 1/1 ",
                                         " 1/1 1 x",
                                         " 1/1",
                                         " -1/1 1",
                                         "/1 1",
                                         " 1/1 1e99",
                                         " 1//1 1",
                                         " 1/1 99999999999999999999"};
    for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
        snprintf(head, sizeof(head), "%s%s", hash_a, behind[i]);
        assert_false(reads(head, NULL, 0));
    }
    snprintf(head, sizeof(head), "b%s 1/1 1", hash_a + 1);
    assert_false(reads(head, NULL, 0)); /* it has changed meanwhile */
}

static bool reads_document(const char *text)
{
    struct fingerprint made = {.count = 0};
    char fault[FINGERPRINT_FAULT_MAX] = "";
    const bool good = fingerprint_read_json(text, strlen(text), &made, fault);

    assert_int_equal(good, fault[0] == '\0');
    fingerprint_deinit(&made);
    return good;
}

static void documents_that_lie_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"fingerprint\":1}",
        "{\"fingerprint\":{\"format\":2}}",
        "{\"fingerprint\":{\"format\":1}}",
        "{\"fingerprint\":{\"format\":1,\"total\":\"x\",\"parts\":{}}}",
        /* a total that is not that of no parts */
        "{\"fingerprint\":{\"format\":1,\"total\":"
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaa\",\"parts\":{}}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(reads_document(texts[i]));
    }
    /* printf 'cordon-fingerprint 1\n' | b2sum -l 256 */
    assert_true(reads_document(
        "{\"fingerprint\":{\"format\":1,\"total\":"
        "\"4ad14b63cb9e4b3ab9a82058e85c5d7dd16cdedbbd6a276c67e17c95b3573e03\",\"parts\":{}}}"));
}

/* --- words --- */

static char said[8192];

static void tell(void *context, const char *part, const char *subject, const char *a,
                 const char *b, const char *words)
{
    const size_t used = strlen(said);

    (void)context;
    (void)subject;
    (void)a;
    (void)b;
    snprintf(said + used, sizeof(said) - used, "%s: %s\n", part, words);
}

static void fill(struct fingerprint *out, const char *name, const char *lines, char fill_with)
{
    struct fingerprint_part *part = &out->parts[out->count++];

    snprintf(part->name, sizeof(part->name), "%s", name);
    memset(part->hash, fill_with, FINGERPRINT_HEX - 1);
    memset(out->total, fill_with, FINGERPRINT_HEX - 1);
    if (lines != NULL) {
        part->lines = strdup(lines);
        part->octets = strlen(lines);
        for (const char *at = lines; *at != '\0'; at++) {
            part->told += *at == '\n';
        }
        part->count = part->told;
    }
}

/* What is said of two texts of one part. */
static const char *between(const char *name, const char *a, const char *b)
{
    struct fingerprint sides[2] = {{.count = 0}, {.count = 0}};
    const struct compare_side one = {"A", &sides[0]};
    const struct compare_side two = {"B", &sides[1]};

    fill(&sides[0], name, a, 'a');
    fill(&sides[1], name, b, 'b');
    said[0] = '\0';
    assert_true(compare_find(&one, &two, tell, NULL) > 0);
    fingerprint_deinit(&sides[0]);
    fingerprint_deinit(&sides[1]);
    return said;
}

static void each_difference_has_its_words(void **state)
{
    static const struct {
        const char *part, *a, *b, *words;
    } rows[] = {
        {"lists", "list x 3 h1 log acme\n", "list x 4 h2 log acme\n",
         "lists: list x: serial 3 on A, 4 on B: A has the older one\n"},
        {"lists", "list x 4 h1 log acme\n", "list x 4 h2 log acme\n",
         "lists: list x: both have serial 4, and it is not the same text\n"},
        {"lists", "list x 4 h1 log acme\n", "list x 4 h1 log -\n",
         "lists: list x: the same text, by the root of acme on A, of - on B\n"},
        {"lists", "list x 4 h1 log acme\n", "",
         "lists: list x 4 h1 log acme: on A, not on B\n"},
        {"lists", "list x 4 h1 log -\nuse default 001 x log -\n",
         "list x 4 h1 enforce -\nuse default 001 x enforce drop\n",
         "lists: list x in view default: log on A, enforce with action drop on B\n"},
        {"lists", "use default 001 x log -\nuse default 002 y log -\n",
         "use default 001 y log -\nuse default 002 x log -\n",
         "lists: view default: its lists are in another order on A than on B\n"},
        /* one that is not there moves those behind it, and is no other order */
        {"lists", "use default 001 x log -\nuse default 002 y log -\n",
         "use default 001 y log -\n", "lists: list x in view default log: on A, not on B\n"},
        {"views", "view default action sinkhole\nview default mode log\n",
         "view default action drop\nview default mode log\n",
         "views: view default action: sinkhole on A, drop on B\n"},
        {"views", "view default mode log\nview v action drop\nview v mode log\n",
         "view default mode log\n", "views: view v: on A alone\n"},
        {"schedules", "schedule n zone UTC\n", "schedule n zone Europe/Berlin\n",
         "schedules: schedule n zone: UTC on A, Europe/Berlin on B\n"},
        {"schedules", "when v 01 n list - x log -\n", "when v 01 n list - x off -\n",
         "schedules: when v 01 n list - x log -: on A, not on B\n"
         "schedules: when v 01 n list - x off -: on B, not on A\n"},
        {"answers", "answer block-ttl 10\n", "answer block-ttl 30\n",
         "answers: answer block-ttl: 10 on A, 30 on B\n"},
        {"answers", "answer sinkhole v 0.0.0.0 ::\n", "answer sinkhole v 192.0.2.1 ::\n",
         "answers: answer sinkhole v: 0.0.0.0 :: on A, 192.0.2.1 :: on B\n"},
        {"exempt", "exempt a.example\n", "", "exempt: exempt a.example: on A, not on B\n"},
        {"exceptions", "file f 3 h1\n", "file f 2 h2\n",
         "exceptions: file f: serial 3 on A, 2 on B: B has the older one\n"},
        {"exceptions", "", "exception * rule own l: block suffix a.example\n",
         "exceptions: exception * rule own l: block suffix a.example: on B, not on A\n"},
        {"pauses", "pause x\n", "pause *\n",
         "pauses: pause x: on A, not on B\npauses: pause *: on B, not on A\n"},
        {"held", "held x 7 waits -\n", "held x 6 waits -\n",
         "held: held x: 7 waits - on A, 6 waits - on B\n"},
        /* what is not known is not passed over */
        {"later", "strange 1\n", "strange 2\n",
         "later: strange 1: on A, not on B\nlater: strange 2: on B, not on A\n"},
        {"lists", NULL, "list x 4 h1 log -\n",
         "lists: lists: they differ in what is not told\n"},
        {"lists", "list x 4 h1 log -\n", "list x 4 h1 log -\n",
         "lists: lists: they differ in what is not told\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(between(rows[i].part, rows[i].a, rows[i].b), rows[i].words);
    }
}

static void the_same_total_is_the_same(void **state)
{
    struct fingerprint side = {.count = 0};
    const struct compare_side one = {"A", &side};

    (void)state;
    fill(&side, "lists", "list x 4 h1 log -\n", 'a');
    said[0] = '\0';
    assert_int_equal(compare_find(&one, &one, tell, NULL), 0);
    assert_string_equal(said, "");
    fingerprint_deinit(&side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_that_are_not_whole_are_refused),
        cmocka_unit_test(documents_that_lie_are_refused),
        cmocka_unit_test(each_difference_has_its_words),
        cmocka_unit_test(the_same_total_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
