/* policy/image_lanes: both ways of looking at a line see the same. */
#include "policy/make.h"

#include "base/random.h"
#include "policy/image_lanes.h"

/* What the format says, slot by slot. */
static uint32_t naive_lanes(const uint8_t *line, uint64_t hash)
{
    uint32_t lanes = 0;

    for (unsigned lane = IMAGE_FIRST_LANE; lane < 32; lane++) {
        const unsigned slot = little_get16(line + (size_t)2 * lane);

        if (slot >> IMAGE_CODE_BITS == (unsigned)image_fingerprint(hash) >> IMAGE_CODE_BITS) {
            lanes |= 1u << lane;
        }
    }
    return lanes;
}

static size_t naive_before(const uint8_t *line, unsigned lane)
{
    size_t octets = 0;

    for (unsigned i = IMAGE_FIRST_LANE; i < lane; i++) {
        const unsigned code = little_get16(line + (size_t)2 * i) & IMAGE_CODE_LONG;

        octets += code == IMAGE_CODE_LONG ? IMAGE_RECORD_LONG : code + IMAGE_RECORD_MIN;
    }
    return octets;
}

static void check_line(const uint8_t *line, uint64_t hash)
{
    const uint32_t lanes = naive_lanes(line, hash);

    assert_int_equal(image_lanes_plain(line, hash), lanes);
    assert_int_equal(image_lanes(line, hash), lanes);
    for (unsigned lane = IMAGE_FIRST_LANE; lane < 32; lane++) {
        const size_t before = naive_before(line, lane);

        assert_int_equal(image_octets_before_plain(line, lane), before);
        assert_int_equal(image_octets_before(line, lane), before);
    }
}

static void random_lines_are_read_alike(void **state)
{
    uint64_t seed = 7;
    uint8_t line[IMAGE_LINE_OCTETS];

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        for (size_t k = 0; k < sizeof(line); k++) {
            line[k] = (uint8_t)random_under(&seed, 256);
        }
        const uint64_t hash =
            random_under(&seed, UINT64_C(1) << 40) << 20 | random_under(&seed, 1u << 20);
        /* Often the fingerprint is there, in the base lanes, too. */
        for (unsigned k = 0; k < i % 4; k++) {
            const unsigned lane = (unsigned)random_under(&seed, 32);

            little_put16(line + (size_t)2 * lane,
                         (uint16_t)(image_fingerprint(hash) | random_under(&seed, 64)));
        }
        check_line(line, hash);
    }
}

static void extreme_lines_are_read_alike(void **state)
{
    static const uint8_t fills[] = {0x00, 0xff, 0x3f, 0x7f, 0x80, 0xc0, 0x01};
    uint8_t line[IMAGE_LINE_OCTETS];

    (void)state;
    for (size_t i = 0; i < ITEMS(fills); i++) {
        memset(line, fills[i], sizeof(line));
        check_line(line, 0);
        check_line(line, UINT64_MAX);
        check_line(line, UINT64_C(0x80000000));
    }
}

static int start(void **state)
{
    (void)state;
    return random_library_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lines_are_read_alike),
        cmocka_unit_test(extreme_lines_are_read_alike),
    };
    return cmocka_run_group_tests_name("policy/image_lanes", tests, start, NULL);
}
