/* wire/option: options that are added to an OPT record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/message.h"
#include "wire/option.h"
#include "wire/writer.h"

#include <string.h>

/* A question for a name of that many labels "a", with an OPT record. */
static size_t question(uint8_t *octets, size_t size, unsigned labels)
{
    uint8_t name[WIRE_NAME_MAX];
    size_t len = 0;

    for (unsigned i = 0; i < labels; i++) {
        name[len++] = 1;
        name[len++] = 'a';
    }
    name[len++] = 0;
    return wire_question_write(octets, size, 7, 0, name, len, WIRE_A, WIRE_IN, 1232, true);
}

static struct wire_options options_of(const uint8_t *octets, size_t len)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;

    assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
    wire_cursor_start(&cursor, &message);
    assert_int_equal(wire_cursor_next(&cursor, &record), 1);
    assert_int_equal(record.type, WIRE_OPT);
    const struct wire_options options = {octets + record.rdata, record.rdata_len, 0};
    assert_int_equal(wire_cursor_next(&cursor, &record), 0);
    return options;
}

static void questions_of_any_length_become_whole_blocks(void **state)
{
    static const uint8_t zeros[128];

    (void)state;
    for (unsigned labels = 0; labels < 127; labels++) {
        uint8_t octets[384];
        struct wire_option option;
        size_t len = question(octets, sizeof(octets), labels);
        const size_t opt = len - WIRE_OPT_BARE_OCTETS;

        len = wire_option_add(octets, sizeof(octets), len, opt, WIRE_OPTION_KEEPALIVE, NULL, 0);
        assert_true(len > 0);
        const size_t before = len;
        memset(octets + len, 0xaa, sizeof(octets) - len);
        len = wire_option_pad(octets, sizeof(octets), len, opt, 128);
        assert_int_equal(len % 128, 0);
        assert_in_range(len, before + 4, before + 4 + 127);
        struct wire_options options = options_of(octets, len);
        assert_int_equal(wire_option_next(&options, &option), 1);
        assert_int_equal(option.code, WIRE_OPTION_KEEPALIVE);
        assert_int_equal(wire_option_next(&options, &option), 1);
        assert_int_equal(option.code, WIRE_OPTION_PADDING);
        assert_memory_equal(option.data, zeros, option.len); /* RFC 7830, 3 */
        assert_int_equal(wire_option_next(&options, &option), 0);
    }
}

static void what_does_not_fit_is_not_added(void **state)
{
    uint8_t octets[128];
    uint8_t before[128];
    const uint8_t data[4] = {1, 2, 3, 4};
    const size_t len = question(octets, sizeof(octets), 3);
    const size_t opt = len - WIRE_OPT_BARE_OCTETS;

    (void)state;
    memcpy(before, octets, sizeof(before));
    assert_int_equal(wire_option_add(octets, len, len, opt, 65001, data, 0), 0);
    assert_int_equal(wire_option_add(octets, len + 7, len, opt, 65001, data, 4), 0);
    assert_int_equal(wire_option_add(octets, len - 1, len, opt, 65001, data, 4), 0);
    assert_int_equal(wire_option_add(octets, 128, len, opt + 1, 65001, data, 4), 0);
    assert_int_equal(wire_option_add(octets, 128, len, opt, 65001, NULL, 65536), 0);
    assert_int_equal(wire_option_pad(octets, 127, len, opt, 128), 0);
    assert_memory_equal(octets, before, sizeof(before));
    assert_int_equal(wire_option_add(octets, len + 8, len, opt, 65001, data, 4), len + 8);
    assert_int_equal(wire_option_pad(octets, 128, len, opt, 128), 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_of_any_length_become_whole_blocks),
        cmocka_unit_test(what_does_not_fit_is_not_added),
    };

    return cmocka_run_group_tests_name("wire/option", tests, NULL, NULL);
}
