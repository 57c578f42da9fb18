/* sink/outbox: what was not settled is sent again, from where a message begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/outbox.h"

#include <string.h>

static void add(struct sink_outbox *box, const char *text)
{
    assert_true(sink_outbox_has_room(box));
    sink_outbox_add(box, 1, NULL, 0, text, strlen(text));
}

static void expect_next(const struct sink_outbox *box, bool one, const char *text)
{
    size_t len = 0;
    const uint8_t *octets = sink_outbox_next(box, one, &len);

    assert_int_equal(len, strlen(text));
    if (len > 0) {
        assert_memory_equal(octets, text, len);
    }
}

static void sends_a_cut_message_again_from_its_beginning(void **state)
{
    struct sink_outbox box;
    size_t len = 0;

    (void)state;
    assert_int_equal(sink_outbox_init(&box), 0);
    add(&box, "one ");
    add(&box, "two ");
    add(&box, "three ");
    expect_next(&box, false, "one two three ");
    sink_outbox_taken(&box, 6);
    assert_int_equal(sink_outbox_settle(&box), 1);
    expect_next(&box, false, "o three ");
    sink_outbox_rewind(&box);
    expect_next(&box, false, "two three ");
    sink_outbox_taken(&box, 10);
    sink_outbox_rewind(&box); /* taken, and not handed on */
    expect_next(&box, true, "two ");
    sink_outbox_taken(&box, 10);
    assert_int_equal(sink_outbox_settle(&box), 2);
    assert_null(sink_outbox_next(&box, false, &len));
    sink_outbox_deinit(&box);
}

static void gives_up_one_and_goes_on_with_the_next(void **state)
{
    struct sink_outbox box;
    size_t len = 0;

    (void)state;
    assert_int_equal(sink_outbox_init(&box), 0);
    sink_outbox_add(&box, 2, "head", 4, "body", 4);
    add(&box, "next");
    expect_next(&box, true, "headbody");
    assert_int_equal(sink_outbox_skip(&box), 2);
    expect_next(&box, true, "next");
    assert_int_equal(sink_outbox_skip(&box), 1);
    assert_null(sink_outbox_next(&box, true, &len));
    sink_outbox_deinit(&box);
}

static void is_bounded_in_octets_and_in_messages(void **state)
{
    static char large[SINK_MESSAGE_MAX];
    struct sink_outbox box;
    unsigned count = 0;

    (void)state;
    assert_int_equal(sink_outbox_init(&box), 0);
    for (; sink_outbox_has_room(&box); count++) {
        sink_outbox_add(&box, 1, NULL, 0, large, sizeof(large));
    }
    assert_int_equal(count, SINK_BUFFER_OCTETS / SINK_MESSAGE_MAX);
    while (box.count > 0) {
        (void)sink_outbox_skip(&box);
    }
    for (count = 0; sink_outbox_has_room(&box); count++) {
        add(&box, "x");
    }
    assert_int_equal(count, SINK_BUFFER_MESSAGES);
    sink_outbox_deinit(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_a_cut_message_again_from_its_beginning),
        cmocka_unit_test(gives_up_one_and_goes_on_with_the_next),
        cmocka_unit_test(is_bounded_in_octets_and_in_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
