/* What is known of clients that asked a moment ago is what would be found out anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/views.h"
#include "query/bench.h"

static struct address v4(uint8_t third, uint8_t last)
{
    return (struct address){
        .family = ADDRESS_V4, .octets = {127, 0, third, last}, .port = 4711};
}

/* Asks for a name that nobody knows, without RD: an answer comes at once. */
static int ask(struct bench *bench, const struct address *from, const struct address *local)
{
    uint8_t octets[512];
    struct wire_name name;
    struct query *q = query_take(bench->engine);
    int ede = WIRE_EDE_NONE;

    assert_non_null(q);
    assert_int_equal(wire_name_from_text("www.example", 11, &name), WIRE_TEXT_OK);
    const size_t len = wire_question_write(octets, sizeof(octets), 7, 0, name.octets, name.len,
                                           WIRE_A, WIRE_IN, 1232, false);
    octets[2] = 0;
    query_client_of(q)->from = *from;
    query_client_of(q)->local = *local;
    query_client_of(q)->transport = QUERY_UDP;
    query_run(bench->engine, q, octets, len);
    (void)bench_rcode(bench, &ede);
    return ede;
}

static const struct address here = {
    .family = ADDRESS_V4, .octets = {127, 0, 0, 53}, .port = 53};

/* How often the client with this last octet was counted. */
static unsigned counted(struct bench *bench, uint8_t third, uint8_t last)
{
    struct query_top_entry entries[QUERY_TOP_READ_MAX];
    const size_t count = query_tops_read(query_engine_tops(bench->engine), QUERY_TOP_CLIENTS,
                                         false, entries, QUERY_TOP_READ_MAX);

    for (size_t i = 0; i < count; i++) {
        if (entries[i].client.octets[2] == third && entries[i].client.octets[3] == last) {
            assert_int_equal(entries[i].error, 0);
            return (unsigned)entries[i].count;
        }
    }
    return 0;
}

static void each_question_is_counted_for_its_client(void **state)
{
    struct bench *bench = bench_create(8, 16);
    const struct address one = v4(0, 1), two = v4(0, 2);
    struct address other_port = one;

    (void)state;
    other_port.port = 4712;
    for (unsigned i = 0; i < 3; i++) {
        (void)ask(bench, &one, &here);
        (void)ask(bench, &other_port, &here);
        (void)ask(bench, &two, &here);
        (void)ask(bench, &two, &here);
        (void)ask(bench, &two, &here);
        if (i == 0) {
            assert_int_equal(counted(bench, 0, 1), 2);
            assert_int_equal(counted(bench, 0, 2), 3);
        }
        bench_pass(bench, 1);
    }
    assert_int_equal(counted(bench, 0, 1), 6);
    assert_int_equal(counted(bench, 0, 2), 9);
    (void)ask(bench, &one, &here);
    bench_adopt(bench, ""); /* what was not counted yet is not forgotten */
    assert_int_equal(counted(bench, 0, 1), 7);
    bench_destroy(bench);
}

/* Whose question it was counts, not who asked last. */
static void a_blocked_question_is_counted_for_its_client(void **state)
{
    struct bench *bench = bench_create(8, 16);
    struct query_engine *engine = bench->engine;
    const struct address one = v4(0, 1), two = v4(0, 2);
    struct query_top_entry entries[4];

    (void)state;
    (void)ask(bench, &one, &here);
    query_clients_count_blocked(&engine->clients, engine->tops, engine->now.mono_us, &one,
                                query_tops_hash(engine->tops, &one));
    (void)ask(bench, &two, &here);
    for (unsigned i = 0; i < 3; i++) { /* three of his had waited */
        query_clients_count_blocked(&engine->clients, engine->tops, engine->now.mono_us, &one,
                                    query_tops_hash(engine->tops, &one));
    }
    query_clients_count_blocked(&engine->clients, engine->tops, engine->now.mono_us, &two,
                                query_tops_hash(engine->tops, &two));
    assert_int_equal(query_tops_read(query_engine_tops(engine), QUERY_TOP_CLIENTS_BLOCKED,
                                     false, entries, 4),
                     2);
    assert_true(address_same_host(&entries[0].client, &one) && entries[0].count == 4);
    assert_true(address_same_host(&entries[1].client, &two) && entries[1].count == 1);
    bench_destroy(bench);
}

/* More than there are places, by turns and in runs: whoever loses his place is counted. */
static void clients_that_share_a_place_are_told_apart(void **state)
{
    enum {
        MANY = 2 * QUERY_CLIENTS_KNOWN,
        RUN = 3
    };
    struct bench *bench = bench_create(8, 16);
    const struct query_known_client *places[MANY] = {NULL};
    struct query_clients *clients = &bench->engine->clients;
    unsigned shared = 0;

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        const struct address from = v4((uint8_t)(i % 2), (uint8_t)(i / 2));

        for (unsigned run = 0; run < RUN; run++) {
            (void)ask(bench, &from, &here);
        }
        places[i] = clients->counted;
        assert_non_null(places[i]);
        assert_true(address_same_host(&places[i]->from, &from));
        for (unsigned before = 0; before < i; before++) {
            shared += places[before] == places[i] ? 1 : 0;
        }
    }
    assert_true(shared > 0);
    unsigned all = 0;
    struct query_top_entry entries[MANY];
    const size_t count = query_tops_read(query_engine_tops(bench->engine), QUERY_TOP_CLIENTS,
                                         false, entries, MANY);
    for (size_t i = 0; i < count; i++) {
        all += entries[i].error == 0 ? (unsigned)entries[i].count : 0;
        assert_true(entries[i].error > 0 || entries[i].count == RUN);
    }
    assert_true(all > 0);
    bench_destroy(bench);
}

/* The same place, one after the other: nothing of the first is said of the second. */
static void one_place_is_taken_over_whole(void **state)
{
    struct bench *bench = bench_create(8, 16);
    const struct address own = v4(0, 1);
    const struct query_known_client *place;
    unsigned strangers = 0;

    (void)state;
    assert_int_equal(ask(bench, &own, &here), WIRE_EDE_OTHER);
    place = bench->engine->clients.counted;
    for (unsigned i = 0; i < 65536; i++) {
        const struct address stranger = {.family = ADDRESS_V4,
                                         .octets = {192, 0, (uint8_t)(i >> 8), (uint8_t)i}};
        const struct query_known_client *his =
            query_clients_know(&bench->engine->clients, &bench->settings, bench->engine->tops,
                               bench->now.mono_us, &stranger, &here);

        if (his == place) {
            strangers++;
            assert_int_equal(counted(bench, 0, 1), strangers); /* before he was forgotten */
            assert_false(his->admitted);
            assert_int_equal(ask(bench, &stranger, &here), WIRE_EDE_PROHIBITED);
            assert_int_equal(ask(bench, &own, &here), WIRE_EDE_OTHER);
        }
    }
    assert_true(strangers > 0);
    assert_int_equal(counted(bench, 0, 1), 1 + strangers);
    bench_destroy(bench);
}

/* Access is that of the settings in force, whoever was known before. */
static void new_settings_are_asked_anew(void **state)
{
    struct bench *bench = bench_create(8, 16);
    const struct address own = v4(0, 1);

    (void)state;
    assert_int_equal(ask(bench, &own, &here), WIRE_EDE_OTHER);
    bench->settings.access[0] =
        (struct address_prefix){.family = ADDRESS_V4, .octets = {10}, .bits = 8};
    bench_adopt(bench, "");
    assert_int_equal(ask(bench, &own, &here), WIRE_EDE_PROHIBITED);
    bench->settings.access[0] =
        (struct address_prefix){.family = ADDRESS_V4, .octets = {127}, .bits = 8};
    bench_adopt(bench, "");
    assert_int_equal(ask(bench, &own, &here), WIRE_EDE_OTHER);
    bench_destroy(bench);
}

/* A view may be that of a listener: address and port that were asked are part of what is known.
 */
static void a_client_has_the_view_of_the_listener_that_it_asks(void **state)
{
    struct address other = here, port = here, link = here;
    const struct address own = v4(0, 1);
    struct query_clients clients = {.counted = NULL};
    struct policy_views *choice = NULL;
    struct bench *bench = bench_create(8, 16);
    const struct address_prefix all = {.family = ADDRESS_V4};

    (void)state;
    other.octets[3] = 54;
    port.port = 5353;
    link.family = ADDRESS_V6;
    const struct policy_view_place places[] = {
        {.clients = all, .listener = here, .view = 1},
        {.clients = all, .listener = other, .view = 2},
        {.clients = all, .listener = port, .view = 3},
    };
    const struct address *const asked[] = {&here, &other, &port, &link};
    const unsigned views[] = {1, 2, 3, 0};

    assert_int_equal(policy_views_build(places, 3, NULL, &choice), 0);
    bench->settings.choice = choice;
    for (unsigned i = 0; i < 64; i++) {
        const unsigned at = i / 16 == 0 ? i % 4 : (i * 7 / 3) % 4;
        const struct query_known_client *known = query_clients_know(
            &clients, &bench->settings, bench->engine->tops, 1, &own, asked[at]);

        assert_int_equal(known->view, views[at]);
    }
    policy_views_free(choice);
    bench_destroy(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_question_is_counted_for_its_client),
        cmocka_unit_test(a_blocked_question_is_counted_for_its_client),
        cmocka_unit_test(clients_that_share_a_place_are_told_apart),
        cmocka_unit_test(one_place_is_taken_over_whole),
        cmocka_unit_test(new_settings_are_asked_anew),
        cmocka_unit_test(a_client_has_the_view_of_the_listener_that_it_asks),
    };
    return cmocka_run_group_tests_name("query/clients", tests, NULL, NULL);
}
