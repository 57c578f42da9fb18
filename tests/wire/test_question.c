/* wire/question: which datagrams are questions, and what each refusal is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/notation.h"
#include "wire/question.h"

#include <stdio.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* The header by its counts: one question and n additional records. */
#define HEAD(additional) "1234 0100 0001 0000 0000 00" additional " | "
#define ASK              "<www.Example> 0001 0001 | "
#define OPT(length)      "00 0029 04d0 00 00 0000 00" length " "
#define TEN              "abcdefghij"
#define L63              TEN TEN TEN TEN TEN TEN "abc"

static const struct {
    const char *octets;
    enum wire_question_result result;
    bool has_question;
    bool has_edns;
} cases[] = {
    {HEAD("00") ASK, WIRE_QUESTION_OK, true, false},
    {HEAD("01") ASK OPT("00"), WIRE_QUESTION_OK, true, true},
    {HEAD("00") "<> 0002 0001", WIRE_QUESTION_OK, true, false}, /* . NS */
    {HEAD("00") "<a> 00ff 0001", WIRE_QUESTION_OK, true,
     false}, /* ANY is for query/ to shorten */
    {HEAD("00") "<a> ffff 0001", WIRE_QUESTION_OK, true, false}, /* an unknown type */
    {"1234 87f0 0001 0000 0000 0000" ASK, WIRE_QUESTION_DROP, false, false},  /* QR=1 */
    {"1234 7ff0 0001 0000 0000 0000" ASK, WIRE_QUESTION_NOTIMP, true, false}, /* all but QR */
    {"1234 07f0 0001 0000 0000 0000" ASK, WIRE_QUESTION_OK, true,
     false}, /* AA, TC, Z: ignored */

    /* Too short to be answered. */
    {"", WIRE_QUESTION_DROP, false, false},
    {"1234", WIRE_QUESTION_DROP, false, false},
    {"1234 0100 0001 0000 0000 00", WIRE_QUESTION_DROP, false, false}, /* 11 octets */
    {"1234 0100 0001 0000 0000 0000", WIRE_QUESTION_FORMERR, false,
     false}, /* nothing follows */

    /* Opcodes. */
    {"1234 0900 0001 0000 0000 0000" ASK, WIRE_QUESTION_NOTIMP, true, false}, /* IQUERY */
    {"1234 1000 0000 0000 0000 0000", WIRE_QUESTION_NOTIMP, false, false},    /* STATUS */
    {"1234 2400 0001 0000 0000 0000" ASK, WIRE_QUESTION_NOTIMP, true, false}, /* NOTIFY */
    {"1234 2800 0001 0001 0001 0000 <a> 0006 0001 ff", WIRE_QUESTION_NOTIMP, true,
     false}, /* UPDATE: its sections are not looked at */

    /* Counts (RFC 9619). */
    {"1234 0100 0000 0000 0000 0000", WIRE_QUESTION_FORMERR, false, false},
    {"1234 0100 0000 0000 0000 0001" OPT("00"), WIRE_QUESTION_FORMERR, false, true},
    /* No question, but a cookie (RFC 7873, 5.4), and what is near it. */
    {"1234 0100 0000 0000 0000 0001" OPT("0c") "000a 0008 0102030405060708",
     WIRE_QUESTION_COOKIE, false, true},
    {"1234 0100 0000 0000 0000 0001" OPT("14") "000a 0010 01020304050607080102030405060708",
     WIRE_QUESTION_COOKIE, false, true},
    {"1234 0100 0000 0000 0000 0001" OPT("0b") "000a 0007 01020304050607",
     WIRE_QUESTION_FORMERR, false, true}, /* a cookie that is too short */
    {"1234 0100 0000 0000 0000 0001" OPT("04") "000c 0000", WIRE_QUESTION_FORMERR, false,
     true}, /* another option */
    {"1234 0100 0000 0000 0000 0001" OPT("0c") "000a 0008 0102030405060708 ff",
     WIRE_QUESTION_FORMERR, false, true}, /* an octet behind it */
    {"1234 0100 0000 0001 0000 0001 00 0001 0001 00000000 0000" OPT(
         "0c") "000a 0008 0102030405060708",
     WIRE_QUESTION_FORMERR, false, false}, /* ANCOUNT */
    {"1234 2100 0000 0000 0000 0001" OPT("0c") "000a 0008 0102030405060708",
     WIRE_QUESTION_NOTIMP, false, false}, /* NOTIFY */
    {"1234 0100 0000 0000 0000 0001 00 0029 04d0 00 01 0000 000c 000a 0008 0102030405060708",
     WIRE_QUESTION_BADVERS, false, true},
    {"1234 0100 0002 0000 0000 0000" ASK ASK, WIRE_QUESTION_FORMERR, false, false},
    {"1234 0100 ffff 0000 0000 0000" ASK, WIRE_QUESTION_FORMERR, false, false},
    {"1234 0100 0001 0001 0000 0000" ASK "c00c 0001 0001 00000000 0004 01020304",
     WIRE_QUESTION_FORMERR, true, false}, /* ANCOUNT */
    {"1234 0100 0001 0000 0001 0000" ASK "c00c 0001 0001 00000000 0004 01020304",
     WIRE_QUESTION_FORMERR, true, false},                          /* NSCOUNT */
    {HEAD("01") ASK, WIRE_QUESTION_FORMERR, true, false},          /* ARCOUNT lies */
    {HEAD("02") ASK OPT("00"), WIRE_QUESTION_FORMERR, true, true}, /* by one */
    {"1234 0100 0001 0000 0000 ffff" ASK OPT("00"), WIRE_QUESTION_FORMERR, true, true},

    /* The question's name. */
    {HEAD("00") "c00c 0001 0001", WIRE_QUESTION_FORMERR, false,
     false}, /* a pointer to itself */
    {HEAD("00") "c000 0001 0001", WIRE_QUESTION_FORMERR, false, false}, /* into the header */
    {HEAD("00") "01'a'c003 0001 0001", WIRE_QUESTION_FORMERR, false,
     false}, /* its zero there */
    {HEAD("00") "40'" L63 "d'00 0001 0001", WIRE_QUESTION_FORMERR, false,
     false}, /* 64 octets */
    {HEAD("00") "3f'" L63 "'3f'" L63 "'3f'" L63 "'3d'" TEN TEN TEN TEN TEN TEN "z'00 0001 0001",
     WIRE_QUESTION_OK, true, false}, /* a name of 255 octets */
    {HEAD("00") "3f'" L63 "'3f'" L63 "'3f'" L63 "'3e'" TEN TEN TEN TEN TEN TEN
                "zz'00 0001 0001",
     WIRE_QUESTION_FORMERR, false, false},                               /* 256 */
    {HEAD("00") "80 00 0001 0001", WIRE_QUESTION_FORMERR, false, false}, /* a reserved kind */
    {HEAD("00") "03'www'", WIRE_QUESTION_FORMERR, false, false},         /* no root */
    {HEAD("00") "<www>", WIRE_QUESTION_FORMERR, false, false},           /* no type */
    {HEAD("00") "<www> 0001 00", WIRE_QUESTION_FORMERR, false, false},   /* half a class */

    /* Types and classes that are not for us. */
    {HEAD("00") "<a> 00fc 0001", WIRE_QUESTION_REFUSED, true, false}, /* AXFR */
    {HEAD("00") "<a> 00fb 0001", WIRE_QUESTION_REFUSED, true, false}, /* IXFR */
    {"1234 0100 0001 0000 0001 0000 <a> 00fb 0001 c00c 0006 0001 00000000 0000",
     WIRE_QUESTION_REFUSED, true, false}, /* IXFR with the client's SOA (RFC 1995, 3) */
    {HEAD("00") "<a> 00fd 0001", WIRE_QUESTION_NOTIMP, true, false},           /* MAILB */
    {HEAD("00") "<a> 00fe 0001", WIRE_QUESTION_NOTIMP, true, false},           /* MAILA */
    {HEAD("00") "<a> 00fa 0001", WIRE_QUESTION_REFUSED, true, false},          /* TSIG */
    {HEAD("00") "<a> 00f9 0001", WIRE_QUESTION_REFUSED, true, false},          /* TKEY */
    {HEAD("00") "<a> 0029 0001", WIRE_QUESTION_REFUSED, true, false},          /* OPT */
    {HEAD("00") "<version.bind> 0010 0003", WIRE_QUESTION_CHAOS, true, false}, /* class CH */
    {HEAD("00") "<a> 00fc 0003", WIRE_QUESTION_REFUSED, true, false},          /* its AXFR */
    {HEAD("00") "<a> 0010 0004", WIRE_QUESTION_REFUSED, true, false},          /* HS */
    {HEAD("00") "<a> 0001 00ff", WIRE_QUESTION_REFUSED, true, false},          /* ANY */
    {HEAD("00") "<a> 0001 00fe", WIRE_QUESTION_REFUSED, true, false},          /* NONE */
    {HEAD("00") "<a> 0001 0000", WIRE_QUESTION_REFUSED, true, false},          /* reserved */
    {HEAD("00") "<a> 0001 8001", WIRE_QUESTION_REFUSED, true, false}, /* the QU bit of mDNS */
    {HEAD("01") "<a> 0010 0003" OPT("00"), WIRE_QUESTION_CHAOS, true, true}, /* EDNS is kept */

    /* EDNS. */
    {HEAD("01") ASK "00 0029 04d0 00 01 0000 0000", WIRE_QUESTION_BADVERS, true, true},
    {HEAD("01") ASK "00 0029 04d0 00 ff 0000 0001 00", WIRE_QUESTION_BADVERS, true,
     true}, /* what its options mean is unknown */
    {HEAD("01") "<a> 00fc 0001 00 0029 04d0 00 01 0000 0000", WIRE_QUESTION_BADVERS, true,
     true}, /* before AXFR: the version says how to read the rest */
    {HEAD("02") ASK OPT("00") OPT("00"), WIRE_QUESTION_FORMERR, true, true}, /* two */
    {HEAD("02") ASK "00 0029 04d0 00 01 0000 0000" OPT("00"), WIRE_QUESTION_FORMERR, true,
     true},
    {HEAD("01") ASK "<a> 0029 04d0 00 00 0000 0000", WIRE_QUESTION_FORMERR, true, false},
    {HEAD("01") ASK "c018 0029 04d0 00 00 0000 0000", WIRE_QUESTION_FORMERR, true,
     false}, /* the root, but by a pointer: RFC 6891, 6.1.2 has a zero octet */
    {HEAD("01") ASK "00 0029 04d0 00 00 0000 00", WIRE_QUESTION_FORMERR, true, false},
    {HEAD("01") ASK OPT("01"), WIRE_QUESTION_FORMERR, true, false}, /* rdata missing */
    {HEAD("01") ASK OPT("03") "000a00", WIRE_QUESTION_FORMERR, true,
     true}, /* no whole option */
    {HEAD("01") ASK OPT("04") "00030001", WIRE_QUESTION_FORMERR, true,
     true}, /* beyond the record */
    {HEAD("01") ASK OPT("05") "0003000000", WIRE_QUESTION_FORMERR, true,
     true},                                                                 /* one octet over */
    {HEAD("01") ASK OPT("05") "00030001 00", WIRE_QUESTION_OK, true, true}, /* NSID: ignored */
    {HEAD("01") ASK "00 0029 04d0 00 00 0000 0100 {256:00}", WIRE_QUESTION_OK, true,
     true}, /* 64 options, each empty */
    {HEAD("01") ASK "00 0029 04d0 00 00 0000 0104 {260:00}", WIRE_QUESTION_FORMERR, true,
     true}, /* 65 */

    /* Cookies (RFC 7873, 5.2.2). */
    {HEAD("01") ASK OPT("04") "000a0000", WIRE_QUESTION_FORMERR, true, true},
    {HEAD("01") ASK OPT("0b") "000a0007 {7:11}", WIRE_QUESTION_FORMERR, true, true},
    {HEAD("01") ASK OPT("0c") "000a0008 {8:11}", WIRE_QUESTION_OK, true, true},
    {HEAD("01") ASK OPT("0d") "000a0009 {9:11}", WIRE_QUESTION_FORMERR, true, true},
    {HEAD("01") ASK OPT("13") "000a000f {15:11}", WIRE_QUESTION_FORMERR, true, true},
    {HEAD("01") ASK OPT("14") "000a0010 {16:11}", WIRE_QUESTION_OK, true, true},
    {HEAD("01") ASK OPT("2c") "000a0028 {40:11}", WIRE_QUESTION_OK, true, true},
    {HEAD("01") ASK OPT("2d") "000a0029 {41:11}", WIRE_QUESTION_FORMERR, true, true},

    /* edns-tcp-keepalive (RFC 7828, 3.1). */
    {HEAD("01") ASK OPT("04") "000b0000", WIRE_QUESTION_OK, true, true},
    {HEAD("01") ASK OPT("06") "000b0002 0064", WIRE_QUESTION_OK, true, true},
    {HEAD("01") ASK OPT("05") "000b0001 00", WIRE_QUESTION_FORMERR, true, true},
    {HEAD("01") ASK OPT("07") "000b0003 000000", WIRE_QUESTION_FORMERR, true, true},

    /* What else may follow. */
    {HEAD("00") ASK "00", WIRE_QUESTION_FORMERR, true, false},      /* a trailing octet */
    {HEAD("00") ASK OPT("00"), WIRE_QUESTION_FORMERR, true, false}, /* an OPT not counted */
    {HEAD("01") ASK OPT("00") "ff", WIRE_QUESTION_FORMERR, true, true},
    {HEAD("02") ASK OPT("00") "<key> 00fa 00ff 00000000 0003 010203", WIRE_QUESTION_OK, true,
     true}, /* a TSIG is skipped */
    {HEAD("02") ASK "00 0018 00ff 00000000 0001 ff" OPT("00"), WIRE_QUESTION_OK, true,
     true}, /* so is a SIG(0), wherever it stands */
    {HEAD("01") ASK "c00c 0001 0001 00000000 0000", WIRE_QUESTION_OK, true, false},
    {HEAD("01") ASK "c0ff 0001 0001 00000000 0000", WIRE_QUESTION_FORMERR, true, false},
    {HEAD("01") ASK "c00c 0001 0001 00000000 0001", WIRE_QUESTION_FORMERR, true, false},
};

static void accepts_or_refuses_each_datagram(void **state)
{
    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct wire_question question;
        size_t len;
        uint8_t *octets = notation(cases[i].octets, &len);
        const enum wire_question_result result = wire_question_read(octets, len, &question);

        if (result != cases[i].result || question.has_question != cases[i].has_question ||
            question.has_edns != cases[i].has_edns) {
            fail_msg("case %zu: %s: result %d, question %d, edns %d", i, cases[i].octets,
                     (int)result, question.has_question, question.has_edns);
        }
        assert_true(question.udp_size >= 512);
        free(octets);
    }
}

static void refuses_every_shorter_part_of_a_question(void **state)
{
    size_t whole;
    uint8_t *octets = notation(
        HEAD("02") ASK OPT("0c") "000a0008 {8:11} | c00c 0001 0001 00000000 0004 01020304",
        &whole);

    (void)state;
    for (size_t len = 0; len <= whole; len++) {
        struct wire_question question;
        uint8_t *part = malloc(len > 0 ? len : 1);

        assert_non_null(part);
        memcpy(part, octets, len);
        assert_int_equal(wire_question_read(part, len, &question), len < 12 ? WIRE_QUESTION_DROP
                                                                   : len < whole
                                                                       ? WIRE_QUESTION_FORMERR
                                                                       : WIRE_QUESTION_OK);
        free(part);
    }
    free(octets);
}

static void keeps_the_question_in_both_cases(void **state)
{
    struct wire_question question;
    size_t len;
    size_t raw_len;
    uint8_t *octets = notation("beef 0110 0001 0000 0000 0000 <wWw.eXample> 001c 0001", &len);
    uint8_t *raw = notation("<wWw.eXample> 001c 0001", &raw_len);
    uint8_t *lower = notation("<www.example>", &len);

    (void)state;
    assert_int_equal(wire_question_read(octets, 12 + raw_len, &question), WIRE_QUESTION_OK);
    assert_int_equal(question.id, 0xbeef);
    assert_int_equal(question.flags, WIRE_FLAG_RD | WIRE_FLAG_CD);
    assert_int_equal(question.type, WIRE_AAAA);
    assert_int_equal(question.class, WIRE_IN);
    assert_int_equal(question.raw_len, raw_len);
    assert_memory_equal(question.raw, raw, raw_len);
    assert_int_equal(question.name.len, len);
    assert_memory_equal(question.name.octets, lower, len);
    assert_int_equal(question.udp_size, 512);
    assert_int_equal(question.cookie_len, 0);
    assert_false(question.dnssec_ok || question.has_keepalive || question.has_padding);
    free(octets);
    free(raw);
    free(lower);
}

static void reads_what_edns_says(void **state)
{
    static const struct {
        const char *opt;
        uint16_t udp_size;
        bool dnssec_ok, keepalive, padding;
        uint8_t cookie_len;
    } options[] = {
        {"00 0029 04d0 00 00 0000 0000", 1232, false, false, false, 0},
        {"00 0029 ffff 00 00 8000 0000", 65535, true, false, false, 0},
        {"00 0029 0000 00 00 7fff 0000", 512, false, false, false,
         0}, /* never below; Z ignored */
        {"00 0029 01ff 00 00 0000 0000", 512, false, false, false, 0},
        {"00 0029 0201 ff 00 0000 0000", 513, false, false, false,
         0}, /* extended code: ignored */
        {"00 0029 04d0 00 00 8000 0004 000b0000", 1232, true, true, false, 0},
        {"00 0029 04d0 00 00 0000 0008 000c0004 00000000", 1232, false, false, true, 0},
        {"00 0029 04d0 00 00 0000 001c 000a0018 {24:ab}", 1232, false, false, false, 24},
        {"00 0029 04d0 00 00 0000 0018 000a0008 {8:ab} 000a0008 {8:cd}", 1232, false, false,
         false, 8}, /* the first cookie counts (RFC 7873, 5.2) */
        {"00 0029 04d0 00 00 0000 000c 000c0000 000b0000 fde90000", 1232, false, true, true, 0},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(options); i++) {
        char text[200];
        struct wire_question question;
        size_t len;

        snprintf(text, sizeof(text), "%s%s", HEAD("01") ASK, options[i].opt);
        uint8_t *octets = notation(text, &len);

        assert_int_equal(wire_question_read(octets, len, &question), WIRE_QUESTION_OK);
        assert_int_equal(question.udp_size, options[i].udp_size);
        assert_int_equal(question.dnssec_ok, options[i].dnssec_ok);
        assert_int_equal(question.has_keepalive, options[i].keepalive);
        assert_int_equal(question.has_padding, options[i].padding);
        assert_int_equal(question.cookie_len, options[i].cookie_len);
        for (size_t j = 0; j < question.cookie_len; j++) {
            assert_int_equal(question.cookie[j], 0xab);
        }
        free(octets);
    }
}

/* An OPT record alone is read as one behind another record, whichever of its octets is another.
 */
static void an_opt_record_alone_is_read_as_any_other(void **state)
{
    static const uint8_t head[] = {0, 7,   1, 0,   0,   1,   0, 0, 0, 0, 0, 1,
                                   1, 'x', 3, 'c', 'o', 'm', 0, 0, 1, 0, 1};
    static const uint8_t other[] = {0, 0, WIRE_A, 0, 1, 0, 0, 0, 0, 0, 0};
    static const uint8_t opt[] = {0, 0, WIRE_OPT, 4, 0xd0, 0, 0, 0, 0, 0, 0};
    unsigned read = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(opt) * 256; i++) {
        uint8_t alone[sizeof(head) + sizeof(opt)];
        uint8_t behind[sizeof(alone) + sizeof(other)];
        struct wire_question one, two;

        memcpy(alone, head, sizeof(head));
        memcpy(alone + sizeof(head), opt, sizeof(opt));
        alone[sizeof(head) + i / 256] = (uint8_t)i;
        memcpy(behind, head, sizeof(head));
        memcpy(behind + sizeof(head), other, sizeof(other));
        memcpy(behind + sizeof(head) + sizeof(other), alone + sizeof(head), sizeof(opt));
        behind[11] = 2;
        const enum wire_question_result result = wire_question_read(alone, sizeof(alone), &one);

        assert_int_equal(result, wire_question_read(behind, sizeof(behind), &two));
        assert_int_equal(one.has_edns, two.has_edns);
        assert_int_equal(one.udp_size, two.udp_size);
        assert_int_equal(one.dnssec_ok, two.dnssec_ok);
        assert_int_equal(one.cookie_len, two.cookie_len);
        assert_int_equal(one.type, two.type);
        read += result == WIRE_QUESTION_OK && one.has_edns ? 1 : 0;
        assert_int_not_equal(wire_question_read(alone, sizeof(alone) - 1, &one),
                             WIRE_QUESTION_OK);
    }
    assert_true(read > 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_or_refuses_each_datagram),
        cmocka_unit_test(refuses_every_shorter_part_of_a_question),
        cmocka_unit_test(keeps_the_question_in_both_cases),
        cmocka_unit_test(reads_what_edns_says),
        cmocka_unit_test(an_opt_record_alone_is_read_as_any_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
