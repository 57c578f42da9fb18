/* wire/message: the view of an answer, record by record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/message.h"
#include "wire/notation.h"

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

#define QUESTION "<www.Example> 0001 0001 | "

static void opens_a_message_or_says_why_not(void **state)
{
    static const struct {
        const char *octets;
        enum wire_result result;
    } cases[] = {
        {"1234 8180 0001 0000 0000 0000" QUESTION, WIRE_OK},
        {"1234 8180 0000 0000 0000 0000", WIRE_OK}, /* no question, as some servers refuse */
        {"1234 8180 0001 ffff ffff ffff" QUESTION, WIRE_OK}, /* records are the cursor's */
        {"", WIRE_SHORT},
        {"1234 8180 0000 0000 0000 00", WIRE_SHORT},
        {"1234 8180 0001 0000 0000 0000", WIRE_SHORT},
        {"1234 8180 0001 0000 0000 0000 <a>", WIRE_SHORT},         /* no type */
        {"1234 8180 0001 0000 0000 0000 <a> 0001 00", WIRE_SHORT}, /* half a class */
        {"1234 8180 0001 0000 0000 0000 01'a'c009 0001 0001",
         WIRE_BAD_POINTER}, /* to the header */
        {"1234 8180 0001 0000 0000 0000 c00c 0001 0001", WIRE_BAD_POINTER},
        {"1234 8180 0001 0000 0000 0000 4100 0001 0001", WIRE_BAD_LABEL},
        {"1234 8180 0002 0000 0000 0000" QUESTION QUESTION, WIRE_BAD_COUNT},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        size_t len;
        uint8_t *octets = notation(cases[i].octets, &len);
        struct wire_message message;
        const enum wire_result result = wire_message_open(octets, len, &message);

        if (result != cases[i].result) {
            fail_msg("case %zu: %s: %d", i, cases[i].octets, (int)result);
        }
        free(octets);
    }
}

static const char answer[] = "1234 8180 0001 0002 0001 0002" QUESTION     /* 12 + 17 */
                             "c00c 0005 0001 0000003c 0006 03'cdn'c010 |" /* 29; rdata at 41 */
                             "c029 0001 0001 80000000 0004 c0000201 |"    /* 47 */
                             "c010 0006 0001 7fffffff 0017 00 c010 {20:07} |"
                             "00 0029 04d0 01 00 8000 0008 000f0004 0012 'no' |"
                             "<x> 001c 0001 00000001 0010 20010db8{11:00}01";

static void walks_the_records_of_all_sections(void **state)
{
    static const struct {
        enum wire_section section;
        uint16_t type, class, rdata_len;
        uint32_t ttl;
        const char *owner;
    } rows[] = {
        {WIRE_ANSWER, WIRE_CNAME, 1, 6, 60, "www.example"},
        {WIRE_ANSWER, WIRE_A, 1, 4, 0, "cdn.example"}, /* a TTL above 2^31 - 1 */
        {WIRE_AUTHORITY, WIRE_SOA, 1, 23, 0x7fffffff, "example"},
        {WIRE_ADDITIONAL, WIRE_OPT, 1232, 8, 0x01008000, "."},
        {WIRE_ADDITIONAL, WIRE_AAAA, 1, 16, 1, "x"},
    };
    size_t len;
    uint8_t *octets = notation(answer, &len);
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name name;
    char text[WIRE_NAME_TEXT_MAX];
    int ede = 99;

    (void)state;
    assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
    assert_int_equal(message.id, 0x1234);
    assert_int_equal(message.flags, 0x8180);
    assert_int_equal(message.body, 29);
    assert_int_equal(message.name_at, 12);
    assert_int_equal(message.type, WIRE_A);
    wire_name_to_text(&message.name, text);
    assert_string_equal(text, "www.example");

    wire_cursor_start(&cursor, &message);
    for (size_t i = 0; i < ITEMS(rows); i++) {
        assert_int_equal(wire_cursor_next(&cursor, &record), 1);
        assert_int_equal(record.section, rows[i].section);
        assert_int_equal(record.type, rows[i].type);
        assert_int_equal(record.class, rows[i].class);
        assert_int_equal(record.rdata_len, rows[i].rdata_len);
        assert_int_equal(record.ttl, rows[i].ttl);
        assert_int_equal(record.rdata, record.ttl_at + 6);
        assert_int_equal(wire_record_owner(&message, &record, &name), WIRE_OK);
        wire_name_to_text(&name, text);
        assert_string_equal(text, rows[i].owner);
    }
    assert_int_equal(wire_cursor_next(&cursor, &record), 0);
    assert_int_equal(wire_cursor_next(&cursor, &record), 0); /* and stays there */
    assert_int_equal(wire_message_rcode(&message, &ede), 16);
    assert_int_equal(ede, 18);
    free(octets);
}

static void reads_names_and_addresses_inside_a_record(void **state)
{
    size_t len;
    uint8_t *octets = notation(answer, &len);
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name name;
    struct address address;
    char text[WIRE_NAME_TEXT_MAX];

    (void)state;
    assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
    wire_cursor_start(&cursor, &message);
    assert_int_equal(wire_cursor_next(&cursor, &record), 1);
    assert_int_equal(wire_record_name(&message, &record, 0, &name), WIRE_OK);
    wire_name_to_text(&name, text);
    assert_string_equal(text, "cdn.example");
    assert_int_equal(wire_record_name(&message, &record, 4, &name), WIRE_OK);
    assert_int_equal(wire_record_name(&message, &record, 5, &name),
                     WIRE_SHORT); /* its 2nd octet */
    assert_int_equal(wire_record_name(&message, &record, 6, &name), WIRE_SHORT); /* the end */
    assert_int_equal(wire_record_name(&message, &record, 7, &name), WIRE_SHORT); /* beyond */
    assert_false(wire_record_address(&message, &record, &address));              /* a CNAME */

    assert_int_equal(wire_cursor_next(&cursor, &record), 1);
    assert_true(wire_record_address(&message, &record, &address));
    assert_int_equal(address.family, ADDRESS_V4);
    assert_memory_equal(address.octets, "\xc0\0\2\1\0\0\0\0\0\0\0\0\0\0\0", 16);
    assert_int_equal(address.port, 0);
    record.rdata_len = 3;
    assert_false(wire_record_address(&message, &record, &address));
    record.rdata_len = 4;
    record.class = WIRE_CH; /* an address of another kind (RFC 1035, 3.4.1 is for IN) */
    assert_false(wire_record_address(&message, &record, &address));

    for (int i = 0; i < 3; i++) {
        assert_int_equal(wire_cursor_next(&cursor, &record), 1);
    }
    assert_true(wire_record_address(&message, &record, &address));
    assert_int_equal(address.family, ADDRESS_V6);
    assert_memory_equal(address.octets, octets + len - 16, 16);
    record.rdata_len = 4;
    assert_false(wire_record_address(&message, &record, &address));
    record.type = WIRE_A;
    record.rdata_len = 16;
    assert_false(wire_record_address(&message, &record, &address));
    free(octets);
}

/* The number of records before the walk ends; *end is how. */
static unsigned walk(const uint8_t *octets, size_t len, int *end)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    unsigned count = 0;

    assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
    wire_cursor_start(&cursor, &message);
    while ((*end = wire_cursor_next(&cursor, &record)) == 1) {
        count++;
    }
    assert_int_equal(wire_cursor_next(&cursor, &record), *end); /* a fault stays one */
    return count;
}

static void ends_at_the_first_fault(void **state)
{
#define RECORD "c00c 0001 0001 00000001 0004 7f000001 |"
    static const struct {
        const char *octets;
        unsigned records;
        int end;
    } cases[] = {
        {"1234 8180 0001 0000 0000 0000" QUESTION, 0, 0},
        {"1234 8180 0001 0002 0000 0000" QUESTION RECORD RECORD, 2, 0},
        {"1234 8180 0001 0000 0000 0002" QUESTION RECORD RECORD, 2, 0},
        {"1234 8180 0000 0001 0000 0000 <a> 0001 0001 00000001 0000", 1, 0}, /* no question */
        {"1234 8180 0001 0001 0000 0000" QUESTION RECORD RECORD, 1, -1}, /* one not counted */
        {"1234 8180 0001 0000 0000 0000" QUESTION "00", 0, -1},          /* a trailing octet */
        {"1234 8180 0001 0001 0000 0000" QUESTION RECORD "00", 1, -1},
        {"1234 8180 0001 0003 0000 0000" QUESTION RECORD RECORD, 2, -1}, /* one too few */
        {"1234 8180 0001 0001 ffff ffff" QUESTION RECORD, 1, -1},
        {"1234 8180 0001 0001 0000 0000" QUESTION "c01d 0001 0001 00000001 0000", 0,
         -1}, /* an owner that points to itself */
        {"1234 8180 0001 0001 0000 0000" QUESTION "c0ff 0001 0001 00000001 0000", 0, -1},
        {"1234 8180 0001 0001 0000 0000" QUESTION "4161 0001 0001 00000001 0000", 0, -1},
        {"1234 8180 0001 0001 0000 0000" QUESTION "c00c 0001 0001 00000001 00", 0, -1},
        {"1234 8180 0001 0001 0000 0000" QUESTION "c00c 0001 0001 00000001 0001", 0, -1},
        {"1234 8180 0001 0001 0000 0000" QUESTION "c00c 0001 0001 00000001 ffff {99:00}", 0,
         -1},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        size_t len;
        uint8_t *octets = notation(cases[i].octets, &len);
        int end;
        const unsigned records = walk(octets, len, &end);

        if (records != cases[i].records || end != cases[i].end) {
            fail_msg("case %zu: %u records, end %d", i, records, end);
        }
        free(octets);
    }
}

static void refuses_every_shorter_part_of_an_answer(void **state)
{
    size_t whole;
    uint8_t *octets = notation(answer, &whole);

    (void)state;
    for (size_t len = 29; len <= whole; len++) {
        uint8_t *part = malloc(len);
        int end;

        assert_non_null(part);
        memcpy(part, octets, len);
        walk(part, len, &end);
        assert_int_equal(end, len == whole ? 0 : -1);
        free(part);
    }
    free(octets);
}

static void tells_the_response_code_or_that_there_is_none(void **state)
{
#define OPT(length) "00 0029 04d0 00 00 0000 00" length " "
    static const struct {
        const char *octets;
        int rcode;
        int ede; /* 99: untouched */
    } cases[] = {
        {"1234 8183 0001 0000 0000 0000" QUESTION, 3, WIRE_EDE_NONE},
        {"1234 818f 0001 0000 0000 0001" QUESTION "00 0029 04d0 ff 00 0000 0000", 4095,
         WIRE_EDE_NONE},
        {"1234 8180 0001 0000 0000 0001" QUESTION "00 0029 04d0 80 00 0000 0000", 2048,
         WIRE_EDE_NONE}, /* the upper bit is the TTL's, which must not be read as 0 here */
        {"1234 8182 0001 0000 0000 0001" QUESTION OPT("06") "000f0002 0016", 2, 22},
        {"1234 8182 0001 0000 0000 0001" QUESTION OPT("0c") "000f0002 0016 000f0002 0017", 2,
         22}, /* the first counts */
        {"1234 8182 0001 0000 0000 0001" QUESTION OPT("0e") "000a0004 01020304 000f0002 0017",
         2, 23}, /* behind another option */
        {"1234 8182 0001 0000 0000 0001" QUESTION OPT("05") "000f0001 00", -1,
         99}, /* no code */
        {"1234 8182 0001 0000 0000 0001" QUESTION OPT("0b") "000f0002 0001 000f0001 00", -1,
         99},
        {"1234 8182 0001 0000 0000 0001" QUESTION OPT("04") "000f0002", -1, 99},
        {"1234 8182 0001 0000 0000 0001" QUESTION OPT("02") "000f", -1, 99},
        {"1234 8182 0001 0000 0000 0002" QUESTION OPT("00") OPT("00"), -1, 99}, /* two */
        {"1234 8182 0001 0001 0000 0000" QUESTION OPT("00"), -1,
         99}, /* in the answer section */
        {"1234 8182 0001 0000 0000 0001" QUESTION "c00c 0029 04d0 00 00 0000 0000", -1, 99},
        {"1234 8182 0001 0000 0000 0001" QUESTION OPT("00") "00", -1,
         99}, /* a trailing octet */
        {"1234 8182 0001 0001 0000 0000" QUESTION, -1, 99},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        size_t len;
        uint8_t *octets = notation(cases[i].octets, &len);
        struct wire_message message;
        int ede = 99;

        assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
        const int rcode = wire_message_rcode(&message, &ede);

        if (rcode != cases[i].rcode || ede != cases[i].ede) {
            fail_msg("case %zu: rcode %d, ede %d", i, rcode, ede);
        }
        assert_int_equal(wire_message_rcode(&message, NULL), rcode);
        free(octets);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_a_message_or_says_why_not),
        cmocka_unit_test(walks_the_records_of_all_sections),
        cmocka_unit_test(reads_names_and_addresses_inside_a_record),
        cmocka_unit_test(ends_at_the_first_fault),
        cmocka_unit_test(refuses_every_shorter_part_of_an_answer),
        cmocka_unit_test(tells_the_response_code_or_that_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
