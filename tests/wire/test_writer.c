/* wire/writer: what is written can be read, compressed names included, and nothing overflows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/notation.h"
#include "wire/writer.h"

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static uint8_t buffer[70000];

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

static void begin(struct wire_writer *writer, const char *question)
{
    size_t len;
    uint8_t *raw = notation(question, &len);

    wire_writer_begin(writer, buffer, sizeof(buffer), raw, len);
    free(raw);
}

static void expect(struct wire_writer *writer, const char *octets)
{
    size_t len;
    uint8_t *wanted = notation(octets, &len);

    assert_int_equal(wire_writer_end(writer, 0x1234, 0x8180), len);
    for (size_t i = 0; i < len; i++) {
        if (buffer[i] != wanted[i]) {
            fail_msg("octet %zu is %02x, not %02x", i, buffer[i], wanted[i]);
        }
    }
    free(wanted);
}

static void points_at_the_question_and_keeps_its_case(void **state)
{
    const struct wire_name asked = name_of("www.example");
    struct wire_writer writer;

    (void)state;
    begin(&writer, "<wWw.ExamplE> 0001 0001");
    wire_write_record(&writer, WIRE_ANSWER, &asked, WIRE_A, 10, (const uint8_t *)"\177\0\0\1",
                      4);
    expect(&writer, "1234 8180 0001 0001 0000 0000 <wWw.ExamplE> 0001 0001 |"
                    "c00c 0001 0001 0000000a 0004 7f000001");
}

static void compresses_each_part_that_stands_already(void **state)
{
    const struct wire_name asked = name_of("www.example");
    const struct wire_name target = name_of("a.cdn.example");
    const struct wire_name zone = name_of("cdn.example");
    const struct wire_name other = name_of("notexample"); /* glued: shares no label */
    const struct wire_name root = name_of(".");
    struct wire_writer writer;

    (void)state;
    begin(&writer, "<www.example> 0001 0001");
    wire_write_cname(&writer, &asked, &target, 60);
    wire_write_soa(&writer, WIRE_AUTHORITY, &zone, &target, &root, 7, 10);
    wire_write_record(&writer, WIRE_ADDITIONAL, &other, WIRE_TXT, 1, (const uint8_t *)"\0", 1);
    wire_write_record(&writer, WIRE_ADDITIONAL, &other, WIRE_TXT, 1, NULL, 0);
    expect(&writer, "1234 8180 0001 0001 0001 0002 <www.example> 0001 0001 |" /* to 29 */
                    "c00c 0005 0001 0000003c 0008 01'a'03'cdn'c010 |"         /* rdata at 41 */
                    "c02b 0006 0001 0000000a 0017 c029 00 00000007 00000e10 00000258 00015180"
                    "0000000a |"
                    "<notexample> 0010 0001 00000001 0001 00 |"
                    "c054 0010 0001 00000001 0000");
}

static void has_no_question_if_none_is_given(void **state)
{
    const struct wire_name owner = name_of("a");
    struct wire_writer writer;

    (void)state;
    begin(&writer, "");
    wire_write_record(&writer, WIRE_ANSWER, &owner, WIRE_A, 1, (const uint8_t *)"\1\2\3\4", 4);
    expect(&writer, "1234 8180 0000 0001 0000 0000 <a> 0001 0001 00000001 0004 01020304");
    begin(&writer, "");
    expect(&writer, "1234 8180 0000 0000 0000 0000");
}

static void writes_an_opt_record_of_the_length_it_foretold(void **state)
{
    static const uint8_t cookie[40] = {0xab, 0xcd};
    static const char sixty[] = "123456789 123456789 123456789 123456789 123456789 123456789 ";
    static const struct {
        struct wire_opt opt;
        const char *octets;
    } cases[] = {
        {{.udp_size = 1232, .ede = WIRE_EDE_NONE, .keepalive_100ms = -1},
         "00 0029 04d0 00 00 0000 0000"},
        {{.udp_size = 4096,
          .dnssec_ok = true,
          .rcode = WIRE_BADVERS,
          .ede = -1,
          .keepalive_100ms = -1},
         "00 0029 1000 01 00 8000 0000"},
        {{.udp_size = 1232, .rcode = 4095, .ede = -1, .keepalive_100ms = -1},
         "00 0029 04d0 ff 00 0000 0000"},
        {{.udp_size = 1232,
          .rcode = WIRE_NXDOMAIN,
          .ede = WIRE_EDE_OTHER,
          .keepalive_100ms = -1},
         "00 0029 04d0 00 00 0000 0006 000f0002 0000"}, /* EDE 0 is a code */
        {{.udp_size = 1232,
          .ede = 15,
          .ede_text = "no",
          .keepalive_100ms = 300,
          .cookie = cookie,
          .cookie_len = 16},
         "00 0029 04d0 00 00 0000 0022 000f0004 000f'no' 000b0002 012c 000a0010 abcd{14:00}"},
        {{.udp_size = 1232, .ede = -1, .ede_text = "text without code", .keepalive_100ms = 0},
         "00 0029 04d0 00 00 0000 0006 000b0002 0000"}, /* 0: close now */
        {{.udp_size = 1232, .ede = -1, .keepalive_100ms = 99999999},
         "00 0029 04d0 00 00 0000 0006 000b0002 ffff"},
        {{.udp_size = 1232, .ede = 15, .ede_text = sixty, .keepalive_100ms = -1},
         "00 0029 04d0 00 00 0000 0042 000f003e 000f"
         "'123456789 123456789 123456789 123456789 123456789 123456789 '"},
        {{.udp_size = 1232,
          .ede = 15,
          .ede_text = "123456789 123456789 123456789 123456789 123456789 123456789 x",
          .keepalive_100ms = -1},
         "00 0029 04d0 00 00 0000 0042 000f003e 000f"
         "'123456789 123456789 123456789 123456789 123456789 123456789 '"}, /* cut at 60 */
        {{.udp_size = 1232,
          .ede = 15,
          .ede_text = "123456789 123456789 123456789 123456789 123456789 12345678\xe4\xba\x91",
          .keepalive_100ms = -1},
         "00 0029 04d0 00 00 0000 0040 000f003c 000f"
         "'123456789 123456789 123456789 123456789 123456789 12345678'"}, /* not within a letter
                                                                           */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        static char all[400];
        struct wire_writer writer;

        begin(&writer, "<a> 0001 0001");
        const size_t before = writer.len;

        wire_write_opt(&writer, &cases[i].opt);
        assert_int_equal(writer.len - before, wire_opt_octets(&cases[i].opt));
        snprintf(all, sizeof(all), "1234 8180 0001 0000 0000 0001 <a> 0001 0001 %s",
                 cases[i].octets);
        expect(&writer, all);
    }
}

/* One message with all that the writer can write; returns wire_writer_end. */
static size_t write_all(struct wire_writer *writer, uint8_t *octets, size_t size)
{
    static const struct wire_opt opt = {.udp_size = 1232,
                                        .ede = 15,
                                        .ede_text = "blocked",
                                        .keepalive_100ms = 1,
                                        .cookie = (const uint8_t *)"12345678",
                                        .cookie_len = 8};
    const struct wire_name asked = name_of("www.example");
    const struct wire_name target = name_of("x.y.example");

    wire_writer_begin(writer, octets, size, (const uint8_t *)"\3www\7example\0\0\1\0\1", 17);
    wire_write_cname(writer, &asked, &target, 60);
    wire_write_record(writer, WIRE_ANSWER, &target, WIRE_A, 60, (const uint8_t *)"\1\2\3\4", 4);
    wire_write_soa(writer, WIRE_AUTHORITY, &target, &asked, &target, 1, 2);
    wire_write_opt(writer, &opt);
    return wire_writer_end(writer, 1, 0x8180);
}

static void never_writes_beyond_a_buffer_of_any_size(void **state)
{
    struct wire_writer writer;
    const size_t whole = write_all(&writer, buffer, sizeof(buffer));

    (void)state;
    assert_true(whole > 100);
    for (size_t size = 0; size <= whole + 3; size++) {
        uint8_t *small = malloc(size > 0 ? size : 1); /* the sanitizer watches its end */

        assert_non_null(small);
        if (write_all(&writer, small, size) == 0) {
            struct wire_message message;
            struct wire_cursor cursor;
            struct wire_record record;

            assert_true(size < whole);
            assert_true(writer.overflow);
            /* What is there is whole: nothing of the record that did not fit. */
            if (writer.len >= 12) {
                writer.overflow = false;
                const size_t len = wire_writer_end(&writer, 1, 0x8180);
                assert_int_equal(wire_message_open(small, len, &message), WIRE_OK);
                wire_cursor_start(&cursor, &message);
                while (wire_cursor_next(&cursor, &record) == 1) {
                }
                assert_int_equal(wire_cursor_next(&cursor, &record), 0);
            }
        } else {
            assert_true(size >= whole);
            assert_memory_equal(small, buffer, whole);
        }
        free(small);
    }
}

static void writes_nothing_more_once_something_did_not_fit(void **state)
{
    const struct wire_name asked = name_of("a");
    struct wire_writer writer;
    uint8_t octets[12 + 7 + 16 + 5];

    (void)state;
    memset(octets, 0xee, sizeof(octets));
    wire_writer_begin(&writer, octets, sizeof(octets), (const uint8_t *)"\1a\0\0\1\0\1", 7);
    wire_write_record(&writer, WIRE_ANSWER, &asked, WIRE_A, 1, (const uint8_t *)"\1\2\3\4", 4);
    assert_false(writer.overflow);
    wire_write_record(&writer, WIRE_ANSWER, &asked, WIRE_A, 1, (const uint8_t *)"\1\2\3\4", 4);
    assert_true(writer.overflow);
    wire_write_record(&writer, WIRE_ANSWER, &asked, WIRE_TXT, 1, NULL, 0);
    assert_int_equal(writer.len, 12 + 7 + 16);
    assert_int_equal(writer.counts[WIRE_ANSWER], 1);
    assert_int_equal(wire_writer_end(&writer, 1, 0), 0);
}

static void does_not_point_at_what_was_taken_back(void **state)
{
    const struct wire_name asked = name_of("a");
    const struct wire_name other = name_of("other.name");
    struct wire_writer writer;

    (void)state;
    wire_writer_begin(&writer, buffer, 60, (const uint8_t *)"\1a\0\0\1\0\1", 7);
    wire_write_record(&writer, WIRE_ANSWER, &other, WIRE_TXT, 1, buffer + 100, 50);
    assert_true(writer.overflow);
    assert_int_equal(writer.target_count, 1); /* the question's alone */
    writer.overflow = false;
    wire_write_cname(&writer, &asked, &other, 1);
    expect(&writer, "1234 8180 0001 0001 0000 0000 <a> 0001 0001 |"
                    "c00c 0005 0001 00000001 000c <other.name>");
}

static void points_no_farther_than_14_bits_reach(void **state)
{
    static uint8_t filler[0x3ff0];
    const struct wire_name asked = name_of("asked.example");
    const struct wire_name filled = name_of("filled.example");
    const struct wire_name last = name_of("the.last.reachable.zone");
    struct wire_writer writer;
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name name;

    (void)state;
    /* Shift the names over the border octet by octet. */
    for (size_t shift = 0; shift < 64; shift++) {
        begin(&writer, "<asked.example> 0010 0001");
        const size_t fixed = writer.len + 2 + 10 + 9 + 10;

        wire_write_record(&writer, WIRE_ANSWER, &asked, WIRE_TXT, 1, filler,
                          0x3fff - fixed - shift - 2);
        for (int i = 0; i < 3; i++) {
            wire_write_record(&writer, WIRE_ANSWER, &last, WIRE_A, 1, filler, 4);
            wire_write_record(&writer, WIRE_ANSWER, &filled, WIRE_A, 1, filler, 4);
        }
        for (unsigned i = 0; i < writer.target_count; i++) {
            assert_true(writer.targets[i] <= 0x3fff);
        }
        const size_t len = wire_writer_end(&writer, 1, 0x8180);

        assert_int_equal(wire_message_open(buffer, len, &message), WIRE_OK);
        wire_cursor_start(&cursor, &message);
        assert_int_equal(wire_cursor_next(&cursor, &record), 1);
        for (int i = 0; i < 6; i++) {
            assert_int_equal(wire_cursor_next(&cursor, &record), 1);
            assert_int_equal(wire_record_owner(&message, &record, &name), WIRE_OK);
            assert_true(wire_name_equal(&name, i % 2 == 0 ? &last : &filled));
        }
        assert_int_equal(wire_cursor_next(&cursor, &record), 0);
    }
}

static void writes_names_whole_when_its_table_is_full(void **state)
{
    struct wire_writer writer;
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name name;
    char text[WIRE_NAME_TEXT_MAX];
    char wanted[60];

    (void)state;
    begin(&writer, "<example> 0001 0001");
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++) {
            snprintf(text, sizeof(text), "n%d.m%d.example", i, i);
            const struct wire_name owner = name_of(text);
            wire_write_record(&writer, WIRE_ANSWER, &owner, WIRE_A, 1, buffer, 4);
        }
    }
    assert_int_equal(writer.target_count, WIRE_TARGETS_MAX);
    const size_t len = wire_writer_end(&writer, 1, 0x8180);

    assert_int_equal(wire_message_open(buffer, len, &message), WIRE_OK);
    wire_cursor_start(&cursor, &message);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(wire_cursor_next(&cursor, &record), 1);
        assert_int_equal(wire_record_owner(&message, &record, &name), WIRE_OK);
        wire_name_to_text(&name, text);
        snprintf(wanted, sizeof(wanted), "n%d.m%d.example", i % 100, i % 100);
        assert_string_equal(text, wanted);
    }
    assert_int_equal(wire_cursor_next(&cursor, &record), 0);
}

static void writes_no_more_than_a_message_can_be(void **state)
{
    static uint8_t filler[65535];
    const struct wire_name asked = name_of("a");
    struct wire_writer writer;

    (void)state;
    begin(&writer, "<a> 0001 0001");
    wire_write_record(&writer, WIRE_ANSWER, &asked, WIRE_TXT, 1, filler, 65535 - 19 - 12);
    assert_int_equal(wire_writer_end(&writer, 1, 0), 65535);
    begin(&writer, "<a> 0001 0001");
    wire_write_record(&writer, WIRE_ANSWER, &asked, WIRE_TXT, 1, filler, 65535 - 19 - 11);
    assert_int_equal(wire_writer_end(&writer, 1, 0), 0);
}

static void answers_an_error_as_the_question_allows(void **state)
{
    static const struct wire_opt told = {
        .udp_size = 1232, .rcode = 9, .ede = 18, .keepalive_100ms = -1};
    static const struct {
        const char *question;
        enum wire_question_result result;
        unsigned rcode;
        const struct wire_opt *opt;
        const char *answer;
    } cases[] = {
        {"1234 0110 0001 0000 0000 0000 <wWw> 0001 0001", WIRE_QUESTION_OK, WIRE_SERVFAIL,
         &told, "1234 8192 0001 0000 0000 0000 <wWw> 0001 0001"}, /* no EDNS: none back,
                                                                     whatever opt */
        {"1234 0000 0001 0000 0000 0001 <a> 0001 0001 00 0029 04d0 00 00 8000 0000",
         WIRE_QUESTION_OK, WIRE_REFUSED, &told,
         "1234 8085 0001 0000 0000 0001 <a> 0001 0001 00 0029 04d0 00 00 0000 0006 000f0002 "
         "0012"},
        {"1234 0000 0001 0000 0000 0001 <a> 0001 0001 00 0029 04d0 00 01 8000 0000",
         WIRE_QUESTION_BADVERS, WIRE_BADVERS, NULL,
         "1234 8080 0001 0000 0000 0001 <a> 0001 0001 00 0029 04d0 01 00 8000 0000"},
        {"1234 2500 0000 0000 0000 0000", WIRE_QUESTION_NOTIMP, WIRE_NOTIMP, NULL,
         "1234 a184 0000 0000 0000 0000"}, /* the opcode comes back */
        {"1234 0100 0001 0000 0000 0000 c00c 0001 0001", WIRE_QUESTION_FORMERR, WIRE_FORMERR,
         NULL, "1234 8181 0000 0000 0000 0000"}, /* a question that cannot be echoed */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct wire_question question;
        size_t len;
        size_t wanted_len;
        uint8_t *octets = notation(cases[i].question, &len);
        uint8_t *wanted = notation(cases[i].answer, &wanted_len);

        assert_int_equal(wire_question_read(octets, len, &question), cases[i].result);
        for (size_t size = 0; size < wanted_len; size++) {
            uint8_t *small = malloc(size > 0 ? size : 1);

            assert_non_null(small);
            assert_int_equal(
                wire_answer_error(small, size, &question, cases[i].rcode, cases[i].opt), 0);
            free(small);
        }
        len =
            wire_answer_error(buffer, sizeof(buffer), &question, cases[i].rcode, cases[i].opt);
        if (len != wanted_len || memcmp(buffer, wanted, len) != 0) {
            fail_msg("case %zu: another answer, of %zu octets", i, len);
        }
        free(octets);
        free(wanted);
    }
}

static uint32_t number; /* of a simple generator: the same on each run */

static uint32_t next(uint32_t bound)
{
    number = number * 1664525u + 1013904223u;
    return (number >> 8) % bound;
}

/* A question with a name of random labels in random case; its octets and what is read. */
static void random_question(struct wire_question *question)
{
    uint8_t octets[400] = {0, 7, 0, 0, 0, 1};
    size_t len = WIRE_HEADER_OCTETS;

    octets[2] = (uint8_t)next(2);                   /* RD */
    octets[3] = (uint8_t)(next(2) != 0 ? 0x10 : 0); /* CD */
    for (uint32_t labels = next(5); labels > 0; labels--) {
        octets[len] = (uint8_t)(1 + next(next(8) == 0 ? 63 : 12));
        for (unsigned i = 1; i <= octets[len]; i++) {
            octets[len + i] = next(4) == 0 ? (uint8_t)next(256) : (uint8_t) "aAbBzZ-1"[next(8)];
        }
        len += 1u + octets[len];
    }
    octets[len++] = 0;
    wire_put16(octets + len, next(2) != 0 ? WIRE_A : WIRE_AAAA);
    wire_put16(octets + len + 2, WIRE_IN);
    len += 4;
    assert_int_equal(wire_question_read(octets, len, question), WIRE_QUESTION_OK);
}

static void an_answer_in_one_go_is_that_of_the_writer(void **state)
{
    static const uint8_t rdata[16] = {192, 0, 2, 1, 5, 6, 7, 8};
    static const uint8_t cookie[24] = {1, 2, 3};
    uint8_t slow[600], fast[600];

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct wire_question question;
        struct wire_writer writer;
        const size_t rdata_len = next(2) != 0 ? 4 : 16;
        const size_t size = next(4) == 0 ? next(sizeof(slow)) : sizeof(slow);
        const bool with_opt = next(4) != 0;

        random_question(&question);
        const struct wire_opt opt = {.udp_size = 1232,
                                     .dnssec_ok = next(2) != 0,
                                     .ede = next(2) != 0 ? WIRE_EDE_FORGED : WIRE_EDE_NONE,
                                     .ede_text = next(2) != 0 ? "provider list 7" : NULL,
                                     .keepalive_100ms = next(2) != 0 ? 70000 : -1,
                                     .cookie = next(2) != 0 ? cookie : NULL,
                                     .cookie_len = sizeof(cookie)};
        wire_writer_begin(&writer, slow, size, question.raw, question.raw_len);
        wire_write_record(&writer, WIRE_ANSWER, &question.name, question.type, 10, rdata,
                          rdata_len);
        if (with_opt) {
            wire_write_opt(&writer, &opt);
        }
        const size_t len =
            wire_writer_end(&writer, question.id,
                            (uint16_t)(WIRE_FLAG_QR | WIRE_FLAG_RA |
                                       (question.flags & (WIRE_FLAG_RD | WIRE_FLAG_CD))));
        memset(fast, 0xa5, sizeof(fast));
        assert_int_equal(wire_answer_record(fast, size, &question, 10, rdata, rdata_len,
                                            with_opt ? &opt : NULL),
                         len);
        assert_memory_equal(fast, slow, len);
        for (size_t at = size; at < sizeof(fast); at++) {
            assert_int_equal(fast[at], 0xa5);
        }
    }
}

static void writes_questions_that_its_own_reader_takes(void **state)
{
    static const uint8_t raw[] = "\3wWw\7ExAmple";
    struct wire_question question;
    size_t len;

    (void)state;
    len = wire_question_write(buffer, sizeof(buffer), 0xbeef, WIRE_FLAG_CD, raw, sizeof(raw),
                              WIRE_HTTPS, WIRE_IN, 1232, true);
    assert_int_equal(len, 12 + sizeof(raw) + 4 + 11);
    assert_int_equal(wire_question_read(buffer, len, &question), WIRE_QUESTION_OK);
    assert_int_equal(question.id, 0xbeef);
    assert_int_equal(question.flags, WIRE_FLAG_RD | WIRE_FLAG_CD);
    assert_int_equal(question.type, WIRE_HTTPS);
    assert_memory_equal(question.raw, raw, sizeof(raw));
    assert_true(question.has_edns && question.dnssec_ok);
    assert_int_equal(question.udp_size, 1232);
    for (size_t size = 0; size < len; size++) {
        assert_int_equal(
            wire_question_write(buffer, size, 1, 0, raw, sizeof(raw), 1, 1, 1232, 0), 0);
    }
    len = wire_question_write(buffer, sizeof(buffer), 1, 0, raw, sizeof(raw), 1, 1, 0, false);
    assert_int_equal(len, 12 + sizeof(raw) + 4);
    assert_int_equal(wire_question_read(buffer, len, &question), WIRE_QUESTION_OK);
    assert_false(question.has_edns);
    assert_int_equal(wire_question_write(buffer, sizeof(buffer), 1, 0, raw, 0, 1, 1, 0, 0), 0);
    assert_int_equal(wire_question_write(buffer, sizeof(buffer), 1, 0, buffer, 256, 1, 1, 0, 0),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_at_the_question_and_keeps_its_case),
        cmocka_unit_test(compresses_each_part_that_stands_already),
        cmocka_unit_test(has_no_question_if_none_is_given),
        cmocka_unit_test(writes_an_opt_record_of_the_length_it_foretold),
        cmocka_unit_test(never_writes_beyond_a_buffer_of_any_size),
        cmocka_unit_test(writes_nothing_more_once_something_did_not_fit),
        cmocka_unit_test(does_not_point_at_what_was_taken_back),
        cmocka_unit_test(points_no_farther_than_14_bits_reach),
        cmocka_unit_test(writes_names_whole_when_its_table_is_full),
        cmocka_unit_test(writes_no_more_than_a_message_can_be),
        cmocka_unit_test(an_answer_in_one_go_is_that_of_the_writer),
        cmocka_unit_test(answers_an_error_as_the_question_allows),
        cmocka_unit_test(writes_questions_that_its_own_reader_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
