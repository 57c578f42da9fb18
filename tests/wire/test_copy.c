/* wire/copy: a record of one message in another: names anew, case kept, rdata checked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/notation.h"
#include "wire/writer.h"

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* Names to point at: 000c www.Example, 0010 Example, 0018 the root. */
#define FROM "1234 8180 0001 0001 0000 0000 <www.Example> 0001 0001 |"
/* Those of the copy: 000c Example, 0014 the root. */
#define TO "1234 8180 0001 0001 0000 0000 <Example> 0001 0001 |"

static uint8_t buffer[70000];

/* Copies the only record of a message into a new one of size octets. */
static int copy_into(struct wire_writer *writer, uint8_t *into, size_t size,
                     const uint8_t *octets, size_t len, uint32_t ttl)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;

    assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
    wire_cursor_start(&cursor, &message);
    assert_int_equal(wire_cursor_next(&cursor, &record), 1);
    wire_writer_begin(writer, into, size, (const uint8_t *)"\7Example\0\0\1\0\1", 13);
    return wire_copy_record(writer, WIRE_ANSWER, &message, &record, ttl);
}

static void writes_the_names_in_rdata_anew(void **state)
{
    static const struct {
        const char *from; /* owner, type, class, TTL; then RDLENGTH and rdata */
        const char *to;
    } cases[] = {
        {"c00c 0001 0001 00000009 0004 01020304",
         "03'www'c00c 0001 0001 00000007 0004 01020304"},
        {"c010 0002 0001 00000009 0006 03'nS1'c010",
         "c00c 0002 0001 00000007 0006 03'nS1'c00c"},
        {"c010 0005 0001 00000009 0004 01'x'c010", "c00c 0005 0001 00000007 0004 01'x'c00c"},
        {"c010 0005 0001 00000009 0007 <OtheR>", "c00c 0005 0001 00000007 0007 <OtheR>"},
        {"c010 000c 0001 00000009 0002 c00c", "c00c 000c 0001 00000007 0006 03'www'c00c"},
        {"c010 000f 0001 00000009 0006 000a 01'm'c010",
         "c00c 000f 0001 00000007 0006 000a 01'm'c00c"},
        {"c010 0006 0001 00000009 0018 c010 c010 {20:05}",
         "c00c 0006 0001 00000007 0018 c00c c00c {20:05}"},
        /* Written whole: their readers may not know that a name stands there (RFC 3597, 4). */
        {"c010 0027 0001 00000009 0002 c010",
         "c00c 0027 0001 00000007 0009 <Example>"}, /* DNAME */
        {"c010 0021 0001 00000009 0008 000100020003 c010",
         "c00c 0021 0001 00000007 000f 000100020003 <Example>"}, /* SRV */
        {"c010 0023 0001 00000009 000b 00010002 01's' 00 01'r' c018",
         "c00c 0023 0001 00000007 000a 00010002 01's' 00 01'r' 00"}, /* NAPTR */
        {"c010 0011 0001 00000009 0004 c010 c00c",
         "c00c 0011 0001 00000007 0016 <Example> <www.Example>"}, /* RP */
        {"c010 000e 0001 00000009 0004 c010 c010",
         "c00c 000e 0001 00000007 0012 <Example> <Example>"}, /* MINFO */
        {"c010 0007 0001 00000009 0002 c010",
         "c00c 0007 0001 00000007 0009 <Example>"}, /* MB */
        {"c010 0003 0001 00000009 0002 c010",
         "c00c 0003 0001 00000007 0009 <Example>"}, /* MD */
        {"c010 0012 0001 00000009 0004 0001 c010",
         "c00c 0012 0001 00000007 000b 0001 <Example>"}, /* AFSDB */
        {"c010 0015 0001 00000009 0004 0001 c010",
         "c00c 0015 0001 00000007 000b 0001 <Example>"}, /* RT */
        {"c010 0024 0001 00000009 0004 0001 c010",
         "c00c 0024 0001 00000007 000b 0001 <Example>"}, /* KX */
        {"c010 001a 0001 00000009 0006 0001 c010 c018",
         "c00c 001a 0001 00000007 000c 0001 <Example> <>"}, /* PX */
        {"c010 001e 0001 00000009 0004 c010 6001",
         "c00c 001e 0001 00000007 000b <Example> 6001"}, /* NXT */
        {"c010 0018 0001 00000009 0016 {18:01} c010 aabb",
         "c00c 0018 0001 00000007 001d {18:01} <Example> aabb"}, /* SIG */
        {"c010 002e 0001 00000009 001d {18:01} <eXample> aabb",
         "c00c 002e 0001 00000007 001d {18:01} <eXample> aabb"}, /* RRSIG: its case is kept */
        {"c010 002e 0001 00000009 0016 {18:01} c010 aabb",
         "c00c 002e 0001 00000007 001d {18:01} <Example> aabb"}, /* packed against the rules */
        {"c010 002f 0001 00000009 000d <B.example> 6001",
         "c00c 002f 0001 00000007 000d <B.example> 6001"},
        {"c010 0041 0001 00000009 000a 0001 c010 00030002 01bb",
         "c00c 0041 0001 00000007 0011 0001 <Example> 00030002 01bb"}, /* HTTPS, packed */
        /* Octet by octet. */
        {"c010 0010 0001 00000009 0004 03 c010 00", "c00c 0010 0001 00000007 0004 03 c010 00"},
        {"c010 ff01 0001 00000009 0002 c010", "c00c ff01 0001 00000007 0002 c010"},
        {"c010 000a 0001 00000009 0000", "c00c 000a 0001 00000007 0000"},
        {"c010 0032 0001 00000009 0003 ff00ff", "c00c 0032 0001 00000007 0003 ff00ff"},
        {"c018 0030 0001 00000009 0001 01", "00 0030 0001 00000007 0001 01"}, /* owner: root */
        {"c010 000d 0001 00000009 0004 01'a'01'b'", "c00c 000d 0001 00000007 0004 01'a'01'b'"},
        {"c010 000b 0001 00000009 0005 01020304 06",
         "c00c 000b 0001 00000007 0005 01020304 06"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        static char text[400];
        struct wire_writer writer;
        size_t len;
        size_t wanted_len;

        snprintf(text, sizeof(text), "%s%s", FROM, cases[i].from);
        uint8_t *octets = notation(text, &len);

        snprintf(text, sizeof(text), "%s%s", TO, cases[i].to);
        uint8_t *wanted = notation(text, &wanted_len);
        const int rc = copy_into(&writer, buffer, sizeof(buffer), octets, len, 7);
        const size_t got = wire_writer_end(&writer, 0x1234, 0x8180);

        if (rc != 0 || got != wanted_len || memcmp(buffer, wanted, got) != 0) {
            fail_msg("case %zu: %s: %d, %zu octets", i, cases[i].from, rc, got);
        }
        free(octets);
        free(wanted);
    }
}

static void refuses_rdata_that_is_not_its_types(void **state)
{
    static const char *const cases[] = {
        "c010 0001 0001 00000009 0003 010203",               /* A: short */
        "c010 0001 0001 00000009 0005 0102030405",           /* A: long */
        "c010 0001 0001 00000009 0000",                      /* A: nothing */
        "c010 001c 0001 00000009 0004 01020304",             /* AAAA with an IPv4 address */
        "c010 001c 0001 00000009 0011 {17:00}",              /* AAAA: long */
        "c010 0002 0001 00000009 0000",                      /* NS: no name */
        "c010 0002 0001 00000009 0003 03'ns'",               /* NS: ends inside */
        "c010 0002 0001 00000009 0001 c0",                   /* NS: half a pointer */
        "c010 0002 0001 00000009 0002 c0ff",                 /* NS: forwards */
        "c010 0002 0001 00000009 0002 c029",                 /* NS: to itself */
        "c010 0005 0001 00000009 0003 c010 00",              /* CNAME: an octet behind it */
        "c010 0005 0001 00000009 0002 4100",                 /* CNAME: a reserved label */
        "c010 0006 0001 00000009 0017 c010 c010 {19:05}",    /* SOA: short */
        "c010 0006 0001 00000009 0019 c010 c010 {21:05}",    /* SOA: long */
        "c010 0006 0001 00000009 0002 c010",                 /* SOA: one name */
        "c010 000f 0001 00000009 0001 00",                   /* MX: half a preference */
        "c010 000f 0001 00000009 0002 0001",                 /* MX: no name */
        "c010 000d 0001 00000009 0002 01'a'",                /* HINFO: one string */
        "c010 000d 0001 00000009 0005 01'a'01'b'00",         /* HINFO: three */
        "c010 0010 0001 00000009 0000",                      /* TXT: no string */
        "c010 0010 0001 00000009 0003 03'ab'",               /* TXT: beyond the record */
        "c010 0010 0001 00000009 0003 01'a'01",              /* TXT: the second one, too */
        "c010 000b 0001 00000009 0004 01020304",             /* WKS: no protocol */
        "c010 000e 0001 00000009 0002 c010",                 /* MINFO: one name */
        "c010 0021 0001 00000009 0006 000100020003",         /* SRV: no name */
        "c010 0021 0001 00000009 0004 00010002",             /* SRV: short */
        "c010 0023 0001 00000009 0008 00010002 01's' 00 00", /* NAPTR: no name */
        "c010 0023 0001 00000009 0005 00010002 05",          /* NAPTR: a string too long */
        "c010 0027 0001 00000009 0004 c010 0000",            /* DNAME: octets behind it */
        "c010 002e 0001 00000009 0012 {18:01}",              /* RRSIG: no signer */
        "c010 002e 0001 00000009 0011 {17:01}",              /* RRSIG: short */
        "c010 002f 0001 00000009 0000",                      /* NSEC: nothing */
        /* A name that ends beyond the record, though within the message. */
        "c010 002f 0001 00000009 0002 03'a' 'bc'00 {30:00}",
        "c010 0005 0001 00000009 0003 03'ab' 'c'00 {30:00}",
        "c010 0041 0001 00000009 0002 0001",     /* HTTPS: no target */
        "c010 0040 0001 00000009 0003 0001 c0",  /* SVCB: half a pointer */
        "c010 0001 0003 00000009 0004 01020304", /* A of class CH: another thing */
        "c010 0010 00ff 00000009 0001 00",       /* class ANY */
        "00 0029 0001 00000009 0000",            /* OPT is between neighbours */
    };
    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        static char text[400];
        struct wire_writer writer;
        size_t len;

        snprintf(text, sizeof(text), "%s%s", FROM, cases[i]);
        uint8_t *octets = notation(text, &len);

        if (copy_into(&writer, buffer, sizeof(buffer), octets, len, 7) != -1) {
            fail_msg("case %zu: %s", i, cases[i]);
        }
        assert_false(writer.overflow);
        assert_int_equal(writer.target_count, 1); /* only the question is there */
        assert_int_equal(wire_writer_end(&writer, 1, 0), 12 + 13);
        /* Refused for what it is, not for the room there is. */
        assert_int_equal(copy_into(&writer, buffer, 26, octets, len, 7), -1);
        assert_false(writer.overflow);
        free(octets);
    }
}

static void overflows_like_any_other_record(void **state)
{
    size_t len;
    uint8_t *octets = notation(FROM "c010 0006 0001 00000009 0018 c00c c010 {20:05}", &len);
    struct wire_writer writer;

    (void)state;
    assert_int_equal(copy_into(&writer, buffer, sizeof(buffer), octets, len, 7), 0);
    const size_t whole = wire_writer_end(&writer, 1, 0);

    for (size_t size = 0; size <= whole; size++) {
        uint8_t *small = malloc(size > 0 ? size : 1);

        assert_non_null(small);
        assert_int_equal(copy_into(&writer, small, size, octets, len, 7), 0);
        assert_int_equal(writer.overflow, size < whole);
        assert_int_equal(wire_writer_end(&writer, 1, 0), size < whole ? 0 : whole);
        assert_true(size == whole ||
                    writer.len == (size < 25 ? 0 : 25)); /* none of the record */
        free(small);
    }
    free(octets);
}

static void stays_overflown_whatever_comes(void **state)
{
    size_t len;
    size_t bad_len;
    uint8_t *octets = notation(FROM "c010 0001 0001 00000009 0004 01020304", &len);
    uint8_t *bad = notation(FROM "c010 0001 0001 00000009 0003 010203", &bad_len);
    struct wire_message message;
    struct wire_message bad_message;
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_record bad_record;
    struct wire_writer writer;

    (void)state;
    assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
    wire_cursor_start(&cursor, &message);
    assert_int_equal(wire_cursor_next(&cursor, &record), 1);
    assert_int_equal(wire_message_open(bad, bad_len, &bad_message), WIRE_OK);
    wire_cursor_start(&cursor, &bad_message);
    assert_int_equal(wire_cursor_next(&cursor, &bad_record), 1);

    wire_writer_begin(&writer, buffer, 30, NULL, 0);
    assert_int_equal(wire_copy_record(&writer, WIRE_ANSWER, &message, &record, 1), 0);
    assert_true(writer.overflow);
    assert_int_equal(wire_copy_record(&writer, WIRE_ANSWER, &bad_message, &bad_record, 1), -1);
    assert_true(writer.overflow);
    free(octets);
    free(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_names_in_rdata_anew),
        cmocka_unit_test(refuses_rdata_that_is_not_its_types),
        cmocka_unit_test(overflows_like_any_other_record),
        cmocka_unit_test(stays_overflown_whatever_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
