/* wire/svcb: targets and address hints of SVCB and HTTPS records (RFC 9460). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/limits.h"
#include "wire/message.h"
#include "wire/notation.h"

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* An HTTPS record with this rdata. gives its message, to be freed. */
static uint8_t *open_record(const char *rdata, uint16_t type, uint16_t class,
                            struct wire_message *message, struct wire_record *record)
{
    static struct octets all;
    struct wire_cursor cursor;

    all.len = 0;
    notation_add("1234 8180 0001 0001 0000 0000 <www.example> 0041 0001", &all);
    notation_add("c00c 0000 0000 0000003c 0000", &all);
    const size_t start = all.len;

    wire_put16(all.at + start - 10, type);
    wire_put16(all.at + start - 8, class);
    notation_add(rdata, &all);
    wire_put16(all.at + start - 2, (uint16_t)(all.len - start));

    uint8_t *octets = notation_exact(&all);

    assert_int_equal(wire_message_open(octets, all.len, message), WIRE_OK);
    wire_cursor_start(&cursor, message);
    assert_int_equal(wire_cursor_next(&cursor, record), 1);
    return octets;
}

static void reads_a_service_or_refuses_it(void **state)
{
    static const struct {
        const char *rdata;
        bool ok;
        int priority;
        const char *target;
        size_t hints4, hints6;
    } cases[] = {
        {"0000 <cdn.example>", true, 0, "cdn.example", 0, 0}, /* alias */
        {"0000 <>", true, 0, ".", 0, 0},                      /* alias to nothing */
        {"0001 <>", true, 1, ".", 0, 0},                      /* service: the owner itself */
        {"ffff <CDN.Example>", true, 65535, "cdn.example", 0, 0},
        {"0001 03'cdn'c010", true, 1, "cdn.example", 0, 0}, /* compressed against the rules */
        {"0001 <> 0004 0004 c0000201", true, 1, ".", 1, 0},
        {"0001 <> 0004 0008 c0000201 c0000202 | 0006 0020 {32:20}", true, 1, ".", 2, 2},
        {"0001 <> 0001 0003 02'h2' | 0003 0002 01bb | 0006 0010 {16:20}", true, 1, ".", 0, 1},
        {"0001 <> ff00 0000", true, 1, ".", 0, 0}, /* an unknown key, empty */
        {"0000 <a> 0004 0004 c0000201", true, 0, "a", 0,
         0}, /* alias: parameters do not count */
        {"", false, 0, NULL, 0, 0},
        {"00", false, 0, NULL, 0, 0},                           /* half a priority */
        {"0001", false, 0, NULL, 0, 0},                         /* no target */
        {"0001 03'cd'", false, 0, NULL, 0, 0},                  /* it ends inside */
        {"0001 03'cdn'", false, 0, NULL, 0, 0},                 /* without a root */
        {"0001 c0ff", false, 0, NULL, 0, 0},                    /* points forwards */
        {"0001 <> 00", false, 0, NULL, 0, 0},                   /* octets behind the target */
        {"0001 <> 0004 00", false, 0, NULL, 0, 0},              /* no whole parameter */
        {"0001 <> 0001 0004 02'h2'", false, 0, NULL, 0, 0},     /* longer than the record */
        {"0001 <> 0001 0002 02'h2'", false, 0, NULL, 0, 0},     /* shorter: rubbish follows */
        {"0001 <> 0004 0000", false, 0, NULL, 0, 0},            /* no hints in a hint list */
        {"0001 <> 0004 0003 c00002", false, 0, NULL, 0, 0},     /* not a whole address */
        {"0001 <> 0004 0005 c000020101", false, 0, NULL, 0, 0}, /* one and a quarter */
        {"0001 <> 0006 0000", false, 0, NULL, 0, 0},
        {"0001 <> 0006 000f {15:20}", false, 0, NULL, 0, 0},
        {"0001 <> 0006 0004 c0000201", false, 0, NULL, 0, 0}, /* IPv4 under IPv6's key */
        {"0001 <> 0004 0004 c0000201 0004 0004 c0000202", false, 0, NULL, 0, 0}, /* twice */
        {"0001 <> 0006 0010 {16:20} 0004 0004 c0000201", false, 0, NULL, 0, 0}, /* descending */
        {"0001 <> 0000 0000 0000 0000", false, 0, NULL, 0, 0}, /* key 0 twice */
        {"0000 <a> 0004 0003 c00002", false, 0, NULL, 0, 0}, /* malformed in alias mode, too */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct wire_message message;
        struct wire_record record;
        struct wire_svcb svcb;
        char text[WIRE_NAME_TEXT_MAX];
        uint8_t *octets = open_record(cases[i].rdata, WIRE_HTTPS, WIRE_IN, &message, &record);

        if (wire_record_svcb(&message, &record, &svcb) != cases[i].ok) {
            fail_msg("case %zu: %s", i, cases[i].rdata);
        }
        if (cases[i].ok) {
            wire_name_to_text(&svcb.target, text);
            assert_string_equal(text, cases[i].target);
            assert_int_equal(svcb.priority, cases[i].priority);
            assert_int_equal(svcb.hints4_count, cases[i].hints4);
            assert_int_equal(svcb.hints6_count, cases[i].hints6);
            assert_true(svcb.hints4_count == 0 || memcmp(svcb.hints4, "\xc0\0\2\1", 4) == 0);
            assert_true(svcb.hints6_count == 0 || svcb.hints6[15] == 0x20);
        }
        free(octets);
    }
}

static void is_for_svcb_and_https_of_class_in_alone(void **state)
{
    static const struct {
        uint16_t type, class;
        bool ok;
    } cases[] = {
        {WIRE_SVCB, WIRE_IN, true},
        {WIRE_HTTPS, WIRE_IN, true},
        {WIRE_SRV, WIRE_IN, false},
        {WIRE_HTTPS, WIRE_CH, false},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct wire_message message;
        struct wire_record record;
        struct wire_svcb svcb;
        uint8_t *octets =
            open_record("0001 <a>", cases[i].type, cases[i].class, &message, &record);

        assert_int_equal(wire_record_svcb(&message, &record, &svcb), cases[i].ok);
        free(octets);
    }
}

static void refuses_more_parameters_than_there_can_be(void **state)
{
    static char rdata[16 * (WIRE_SVC_PARAMS_MAX + 2)];

    (void)state;
    for (unsigned count = WIRE_SVC_PARAMS_MAX; count <= WIRE_SVC_PARAMS_MAX + 1; count++) {
        struct wire_message message;
        struct wire_record record;
        struct wire_svcb svcb;
        size_t used = (size_t)snprintf(rdata, sizeof(rdata), "0001 <a>");

        for (unsigned key = 0; key < count; key++) {
            used +=
                (size_t)snprintf(rdata + used, sizeof(rdata) - used, "%04x 0000", key + 100);
        }
        uint8_t *octets = open_record(rdata, WIRE_SVCB, WIRE_IN, &message, &record);

        assert_int_equal(wire_record_svcb(&message, &record, &svcb),
                         count == WIRE_SVC_PARAMS_MAX);
        free(octets);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_service_or_refuses_it),
        cmocka_unit_test(is_for_svcb_and_https_of_class_in_alone),
        cmocka_unit_test(refuses_more_parameters_than_there_can_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
