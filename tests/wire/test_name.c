/* wire/name: what is read, what is refused, and the algebra of names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/limits.h"
#include "wire/name.h"
#include "wire/notation.h"

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

#define LABEL63 "3f{63:61}"
#define NAME255 LABEL63 LABEL63 LABEL63 "3d{61:62}00" /* 3 * 64 + 62 + 1 */

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

static void reads_a_name_or_says_why_not(void **state)
{
    static const struct {
        const char *octets;
        size_t start;
        enum wire_result result;
        size_t end;
        const char *text;
    } cases[] = {
        {"<www.example>", 0, WIRE_OK, 13, "www.example"},
        {"<>", 0, WIRE_OK, 1, "."},                        /* the root */
        {"<WwW.eXAMPLE>", 0, WIRE_OK, 13, "www.example"},  /* lower-cased */
        {"02405b00", 0, WIRE_OK, 4, "\\@["},               /* beside A and Z: kept */
        {"02dac100", 0, WIRE_OK, 4, "\\218\\193"},         /* not ASCII: kept */
        {"0400'.a'2000", 0, WIRE_OK, 6, "\\000\\.a\\032"}, /* any octet may stand in a label */
        {NAME255, 0, WIRE_OK, 255, NULL},                  /* the longest */
        {"{2:ff}<a.b>", 2, WIRE_OK, 7, "a.b"},             /* from the middle */
        {"<b.c> 01'a'c000", 5, WIRE_OK, 9, "a.b.c"},       /* a pointer to before */
        {"<b.c> c000", 5, WIRE_OK, 7, "b.c"},              /* nothing but a pointer */
        {"<c> 01'b'c000 01'a'c003", 7, WIRE_OK, 11, "a.b.c"}, /* two of them */
        {"<c> c000 c003", 5, WIRE_OK, 7, "c"},                /* a pointer to a pointer */
        {"<b.c> c002", 5, WIRE_OK, 7, "c"},                   /* into the middle of a name */
        {"<b.c> c004", 5, WIRE_OK, 7, "."},                   /* to its root */
        {"", 0, WIRE_SHORT, 0, NULL},                         /* nothing */
        {"<a>", 3, WIRE_SHORT, 3, NULL},                      /* behind the end */
        {"03'ww'", 0, WIRE_SHORT, 0, NULL},                   /* ends inside a label */
        {"03'www'", 0, WIRE_SHORT, 0, NULL},                  /* ends before the root */
        {"01'a'3f", 0, WIRE_SHORT, 0, NULL},                  /* ends at a length */
        {"00 c0", 1, WIRE_SHORT, 1, NULL},                    /* ends inside a pointer */
        {"40{64:61}00", 0, WIRE_BAD_LABEL, 0, NULL}, /* 64 octets look like kind 0x40 */
        {"41'a'00", 0, WIRE_BAD_LABEL, 0, NULL},     /* EDNS0 extended label */
        {"01'a'8000", 0, WIRE_BAD_LABEL, 0, NULL},   /* kind 0x80 */
        {"c000", 0, WIRE_BAD_POINTER, 0, NULL},      /* to itself */
        {"01'a'c000", 0, WIRE_BAD_POINTER, 0, NULL}, /* a loop of one */
        {"01'a'c004 01'b'c000", 0, WIRE_BAD_POINTER, 0, NULL}, /* forwards */
        {"01'a'c004 01'b'c000", 4, WIRE_BAD_POINTER, 4, NULL}, /* back, then to itself */
        {"c0ff", 0, WIRE_BAD_POINTER, 0, NULL},                /* behind the end */
        {LABEL63 LABEL63 LABEL63 "3e{62:62}00", 0, WIRE_TOO_LONG, 0, NULL}, /* 256 octets */
        {LABEL63 LABEL63 LABEL63 LABEL63 "00", 0, WIRE_TOO_LONG, 0, NULL},  /* 257 */
        {NAME255 "01'a'c000", 255, WIRE_TOO_LONG, 255, NULL}, /* too long by the pointer */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        size_t len;
        uint8_t *octets = notation(cases[i].octets, &len);
        struct wire_name name;
        struct wire_name cased;
        char text[WIRE_NAME_TEXT_MAX];
        size_t pos = cases[i].start;
        size_t skipped = cases[i].start;
        size_t pos_cased = cases[i].start;
        const enum wire_result result = wire_name_read(octets, len, &pos, &name);

        if (result != cases[i].result || pos != cases[i].end) {
            fail_msg("case %zu: result %d, end %zu", i, (int)result, pos);
        }
        /* The other two readers agree. */
        assert_int_equal(wire_name_skip(octets, len, &skipped), result);
        assert_int_equal(skipped, pos);
        assert_int_equal(wire_name_read_cased(octets, len, &pos_cased, &cased), result);
        assert_int_equal(pos_cased, pos);
        if (result == WIRE_OK) {
            wire_name_to_text(&name, text);
            assert_true(cases[i].text == NULL || strcmp(text, cases[i].text) == 0);
            assert_int_equal(name.at[name.labels], name.len - 1);
        }
        free(octets);
    }
}

static void keeps_the_case_when_asked_to(void **state)
{
    static const uint8_t octets[] = "\3wWw\7eXaMPLE";
    struct wire_name name;
    size_t pos = 0;

    (void)state;
    assert_int_equal(wire_name_read_cased(octets, sizeof(octets), &pos, &name), WIRE_OK);
    assert_int_equal(name.len, sizeof(octets));
    assert_memory_equal(name.octets, octets, sizeof(octets));
    assert_int_equal(name.labels, 2);
    assert_int_equal(name.at[1], 4);
}

/* Every octet at every place, in names of every length and of labels of several lengths, whole
 * and behind a pointer: eight are lowered at once. */
static void lowers_capital_letters_and_nothing_else(void **state)
{
    (void)state;
    for (unsigned octet = 0; octet < 256; octet++) {
        const uint8_t lower = (uint8_t)(octet >= 'A' && octet <= 'Z' ? octet + 32 : octet);

        for (unsigned len = 1; len <= WIRE_LABEL_MAX; len++) {
            uint8_t msg[160] = {1, 'Q', (uint8_t)len};
            uint8_t want[160] = {1, 'q', (uint8_t)len};
            struct wire_name name;
            size_t pos = 0;

            memset(msg + 3, (int)octet, len);
            memset(want + 3, lower, len);
            memcpy(msg + 3 + len, "\2Ab", 4);
            memcpy(want + 3 + len, "\2ab", 4);
            assert_int_equal(wire_name_read(msg, len + 7, &pos, &name), WIRE_OK);
            assert_int_equal(pos, len + 7);
            assert_int_equal(name.len, len + 7);
            assert_memory_equal(name.octets, want, len + 7);
            memcpy(msg + len + 7, "\1Z\300\2", 4);
            pos = len + 7;
            assert_int_equal(wire_name_read(msg, len + 11, &pos, &name), WIRE_OK);
            assert_int_equal(name.len, len + 7);
            assert_memory_equal(name.octets, "\1z", 2);
            assert_memory_equal(name.octets + 2, want + 2, len + 5);
        }
    }
}

static void reads_127_labels_and_no_pointer_more_than_that(void **state)
{
    static struct octets msg;
    struct wire_name name;
    size_t pos;

    (void)state;
    /* Each label behind a pointer of its own: 127 pointers are followed. */
    msg.len = 0;
    notation_add("00", &msg);
    for (size_t i = 0, last = 0; i < WIRE_LABELS_MAX; i++) {
        const size_t here = msg.len;
        msg.at[msg.len++] = 1;
        msg.at[msg.len++] = 'x';
        msg.at[msg.len++] = (uint8_t)(0xc0 | last >> 8);
        msg.at[msg.len++] = (uint8_t)last;
        last = here;
    }
    pos = msg.len - 4;
    assert_int_equal(wire_name_read(msg.at, msg.len, &pos, &name), WIRE_OK);
    assert_int_equal(name.labels, WIRE_LABELS_MAX);
    assert_int_equal(name.len, WIRE_NAME_MAX);
    assert_int_equal(pos, msg.len);

    /* Bare pointers to pointers, each backwards: refused after as many. */
    msg.len = 0;
    notation_add("00 c000", &msg);
    for (size_t i = 1; i < 2 * WIRE_POINTERS_MAX; i++) {
        const size_t last = msg.len - 2;
        msg.at[msg.len++] = (uint8_t)(0xc0 | last >> 8);
        msg.at[msg.len++] = (uint8_t)last;
        pos = msg.len - 2;
        assert_int_equal(wire_name_read(msg.at, msg.len, &pos, &name),
                         i < WIRE_POINTERS_MAX ? WIRE_OK : WIRE_BAD_POINTER);
    }
}

/* Random octets that are often names: what both readers make of them. */
static void reads_plain_names_as_the_other_reader_does(void **state)
{
    uint32_t number = 7;
    unsigned names = 0;
    uint8_t octets[400];

    (void)state;
    for (unsigned round = 0; round < 30000; round++) {
        struct wire_name slow, plain;
        size_t len = 0, slow_at, plain_at;

        for (unsigned i = 0; i < sizeof(octets); i++) {
            number = number * 1664525u + 1013904223u;
            octets[i] = (uint8_t)(number >> 16);
        }
        const size_t start = octets[399] % 16;
        for (size_t at = start; at < 300 && octets[398] % 8 != 0; at += 1u + octets[at]) {
            octets[at] = (uint8_t)(octets[at] % (octets[397] % 2 != 0 ? 8 : 64));
            octets[at] = (uint8_t)(octets[at] == 0 && octets[396] % 4 != 0 ? 1 : octets[at]);
            len = at;
        }
        if (octets[395] % 4 != 0) {
            octets[len] = 0;
        }
        len = octets[394] % 2 != 0 ? sizeof(octets) : octets[393] + start;
        /* An exact copy, so that one octet too many is seen. */
        uint8_t *msg = malloc(len > 0 ? len : 1);
        assert_non_null(msg);
        memcpy(msg, octets, len);
        slow_at = plain_at = start;
        const bool good =
            wire_name_read(msg, len, &slow_at, &slow) == WIRE_OK && slow_at - start == slow.len;
        assert_int_equal(wire_name_read_plain(msg, len, &plain_at, &plain), good);
        if (good) {
            names++;
            assert_int_equal(plain_at, slow_at);
            assert_int_equal(plain.labels, slow.labels);
            assert_memory_equal(plain.at, slow.at, slow.labels + 1u);
            assert_true(wire_name_equal(&plain, &slow));
        } else {
            assert_int_equal(plain_at, start);
        }
        free(msg);
    }
    assert_true(names > 1000 && names < 29000);
}

static void compares_whole_labels(void **state)
{
    static const struct {
        const char *name;
        const char *suffix;
        bool within;
    } cases[] = {
        {"www.example.com", "example.com", true},
        {"example.com", "example.com", true}, /* itself */
        {"example.com", ".", true},           /* all is below the root */
        {".", ".", true},
        {"notexample.com", "example.com", false},    /* glued before */
        {"example.com.net", "example.com", false},   /* a prefix */
        {"com", "example.com", false},               /* above */
        {"www.example.net", "example.com", false},   /* as long, but another */
        {"a\\.example.com", "example.com", false},   /* the dot is inside a label */
        {"a\\007example.com", "example.com", false}, /* so is what looks like a length */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const struct wire_name name = name_of(cases[i].name);
        const struct wire_name suffix = name_of(cases[i].suffix);

        if (wire_name_is_within(&name, &suffix) != cases[i].within) {
            fail_msg("case %zu: %s within %s", i, cases[i].name, cases[i].suffix);
        }
        assert_int_equal(wire_name_equal(&name, &suffix),
                         cases[i].within && name.labels == suffix.labels);
    }
}

static void takes_suffixes_and_joins_them_again(void **state)
{
    const struct wire_name name = name_of("a.bc.def.example");

    (void)state;
    for (unsigned labels = 0; labels <= name.labels; labels++) {
        struct wire_name suffix;
        struct wire_name joined;
        struct wire_name again;
        size_t pos = 0;

        wire_name_suffix(&name, labels, &suffix);
        assert_int_equal(suffix.labels, labels);
        assert_true(wire_name_is_within(&name, &suffix));
        assert_int_equal(wire_name_read(suffix.octets, suffix.len, &pos, &again), WIRE_OK);
        assert_int_equal(pos, suffix.len);
        assert_memory_equal(again.at, suffix.at, labels + 1);

        assert_true(wire_name_join(&name, name.labels - labels, &suffix, &joined));
        assert_true(wire_name_equal(&joined, &name));
        assert_memory_equal(joined.at, name.at, name.labels + 1u);
    }
    struct wire_name same = name;

    wire_name_suffix(&same, 1, &same); /* onto itself */
    assert_true(wire_name_equal(&same, &(struct wire_name){"\7example", {0, 8}, 9, 1}));
}

static void refuses_to_join_over_255_octets(void **state)
{
    size_t len;
    uint8_t *octets = notation(NAME255, &len);
    const struct wire_name target = name_of("ab.cd");
    struct wire_name name;
    struct wire_name out = target;
    size_t pos = 0;

    (void)state;
    assert_int_equal(wire_name_read(octets, len, &pos, &name), WIRE_OK);
    assert_false(wire_name_join(&name, 4, &target, &out));
    assert_true(wire_name_equal(&out, &target)); /* untouched */
    assert_true(wire_name_join(&name, 3, &target, &out));
    assert_int_equal(out.labels, 5);
    assert_int_equal(out.len, 3 * 64 + 7);
    const struct wire_name one_over = {.octets = "\x3e", .at = {0, 63}, .len = 64, .labels = 1};
    assert_false(wire_name_join(&name, 3, &one_over, &out)); /* 256 */
    wire_name_suffix(&name, 1, &out);                        /* 63 octets with the root */
    assert_true(wire_name_join(&name, 3, &out, &out));
    assert_true(wire_name_equal(&out, &name)); /* 255 is still allowed */
    free(octets);
}

/* Whatever its length: of what was there before, nothing is left in what is used. */
static void copies_what_is_used_and_nothing_beyond_the_name(void **state)
{
    struct {
        struct wire_name name;
        uint8_t behind[32];
    } to;
    struct wire_name from;

    (void)state;
    for (unsigned labels = 0; labels <= WIRE_LABELS_MAX; labels++) {
        for (unsigned first = 1; first <= WIRE_LABEL_MAX; first++) {
            const size_t len = labels == 0 ? 1 : 2 * (size_t)labels + first;

            if (len > WIRE_NAME_MAX) {
                break;
            }
            memset(&from, 0x55, sizeof(from));
            memset(&to, 0xaa, sizeof(to));
            memset(from.octets, 'x', len);
            from.octets[len - 1] = 0;
            for (unsigned i = 0; i <= labels; i++) {
                from.at[i] = (uint8_t)(i == 0 ? 0 : first - 1 + 2 * i);
                from.octets[from.at[i]] = (uint8_t)(i == labels ? 0 : i == 0 ? first : 1);
            }
            from.len = (uint8_t)len;
            from.labels = (uint8_t)labels;
            wire_name_copy(&to.name, &from);
            assert_int_equal(to.name.labels, labels);
            assert_true(wire_name_equal(&to.name, &from));
            assert_memory_equal(to.name.at, from.at, labels + 1);
            for (size_t i = 0; i < sizeof(to.behind); i++) {
                assert_int_equal(to.behind[i], 0xaa);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_what_is_used_and_nothing_beyond_the_name),
        cmocka_unit_test(reads_a_name_or_says_why_not),
        cmocka_unit_test(keeps_the_case_when_asked_to),
        cmocka_unit_test(lowers_capital_letters_and_nothing_else),
        cmocka_unit_test(reads_127_labels_and_no_pointer_more_than_that),
        cmocka_unit_test(reads_plain_names_as_the_other_reader_does),
        cmocka_unit_test(compares_whole_labels),
        cmocka_unit_test(takes_suffixes_and_joins_them_again),
        cmocka_unit_test(refuses_to_join_over_255_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
