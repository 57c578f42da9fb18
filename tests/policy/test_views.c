/* policy/views: which view a client belongs to, against a look through all conditions. */
#include "policy/make.h"

#include "policy/views.h"

#include <errno.h>

/* "PREFIX|ADDRESS@PORT": "" for all clients of the family, or any listener. */
static struct policy_view_place place_of(const char *clients, const char *listener,
                                         uint8_t view)
{
    struct policy_view_place place = {.view = view};

    assert_int_equal(address_prefix_parse(clients, strlen(clients), &place.clients), 0);
    if (listener[0] != '\0') {
        assert_int_equal(address_parse(listener, strlen(listener), 53, &place.listener), 0);
    }
    return place;
}

static unsigned choose(const struct policy_views *views, const char *client, const char *local)
{
    const struct address from = address_of(client);
    struct address to;

    assert_int_equal(address_parse(local, strlen(local), 53, &to), 0);
    return policy_views_choose(views, &from, &to);
}

static void the_longest_prefix_then_a_listener_then_the_order_counts(void **state)
{
    const struct policy_view_place places[] = {
        place_of("10.0.0.0/8", "", 1),
        place_of("10.1.0.0/16", "192.0.2.1@53", 2),
        place_of("10.1.0.0/16", "", 3),
        place_of("10.1.2.0/24", "192.0.2.2@53", 4),
        place_of("10.1.2.3/32", "", 5),
        place_of("0.0.0.0/0", "192.0.2.3@53", 6),
        place_of("0.0.0.0/0", "0.0.0.0@54", 7),
        place_of("0.0.0.0/0", "192.0.2.3@54", 8),
        place_of("2001:db8::/32", "", 9),
        place_of("::/0", "[2001:db8::53]@53", 10),
        place_of("fe80::/10", "", 11),
        place_of("10.2.0.0/16", "192.0.2.9@55", 12),
        place_of("10.2.0.0/16", "0.0.0.0@55", 13),
    };
    static const struct {
        const char *client, *local;
        unsigned view;
    } cases[] = {
        {"10.9.9.9", "192.0.2.1@53", 1},
        {"10.1.9.9", "192.0.2.1@53", 2}, /* same prefix: the one that names a listener */
        {"10.1.9.9", "192.0.2.1@54", 3}, /* not that listener, but its port */
        {"10.1.9.9", "192.0.2.2@53", 3},
        {"10.1.2.9", "192.0.2.2@53", 4},
        {"10.1.2.9", "192.0.2.1@53", 2}, /* its listener does not hold: the next shorter one */
        {"10.1.2.9", "192.0.2.7@53", 3},
        {"10.1.2.3", "192.0.2.2@53", 5}, /* a longer prefix before a listener */
        {"11.0.0.1", "192.0.2.3@53", 6},
        {"10.1.2.3", "192.0.2.3@53", 5}, /* also before a listener of everybody's */
        {"11.0.0.1", "192.0.2.4@54", 7}, /* a wildcard: any address at that port */
        {"11.0.0.1", "192.0.2.3@54", 7}, /* both name a listener: the first in the file */
        {"10.2.0.1", "192.0.2.9@55", 12},
        {"10.2.0.1", "192.0.2.8@55", 13},
        {"11.0.0.1", "192.0.2.4@53", 0}, /* none */
        {"2001:db8::1", "[2001:db8::53]@53", 9},
        {"2001:db9::1", "[2001:db8::53]@53", 10},
        {"2001:db9::1", "[2001:db8::54]@53", 0},
        {"2001:db9::1", "[2001:db8::54]@54", 0}, /* 0.0.0.0 is of the other family */
        {"::ffff:10.9.9.9", "192.0.2.1@53", 1},  /* as a dual-stack socket would say */
        {"::a09:909", "[2001:db8::1]@53", 0},    /* the same octets are another address */
        {"::1", "[::1]@53", 0},
        {"0.0.0.0", "192.0.2.1@53", 0},
        {"255.255.255.255", "192.0.2.1@53", 0},
    };
    struct policy_views *views = NULL;

    (void)state;
    assert_int_equal(policy_views_build(places, ITEMS(places), NULL, &views), 0);
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const unsigned view = choose(views, cases[i].client, cases[i].local);

        if (view != cases[i].view) {
            fail_msg("case %zu: %s at %s: %u, not %u", i, cases[i].client, cases[i].local, view,
                     cases[i].view);
        }
    }
    policy_views_free(views);
}

static void without_conditions_there_is_the_first_view(void **state)
{
    struct policy_views *views = NULL;

    (void)state;
    assert_int_equal(policy_views_build(NULL, 0, NULL, &views), 0);
    assert_null(views);
    assert_int_equal(choose(views, "127.0.0.1", "127.0.0.1@53"), 0);
    policy_views_free(views);
}

static void the_same_condition_twice_is_refused(void **state)
{
    static const char *const clients[] = {"10.0.0.0/8", "::/0"};
    static const char *const listeners[] = {"", "0.0.0.0@53", "192.0.2.1@53"};

    (void)state;
    for (size_t c = 0; c < ITEMS(clients); c++) {
        for (size_t l = 0; l < ITEMS(listeners); l++) {
            const struct policy_view_place places[] = {
                place_of("10.0.0.0/9", "", 1), place_of(clients[c], listeners[l], 1),
                place_of("11.0.0.0/8", "", 2), place_of(clients[c], listeners[l], 2)};
            struct policy_views *views = NULL;

            assert_int_equal(policy_views_build(places, 3, NULL, &views), 0);
            policy_views_free(views);
            assert_int_equal(policy_views_build(places, 4, NULL, &views), -EEXIST);
            assert_null(views);
        }
    }
}

/* --- against a look through all --- */

static bool holds(const struct policy_view_place *place, const struct address *client,
                  const struct address *local)
{
    const struct address *listener = &place->listener;

    if (!address_prefix_covers(&place->clients, client)) {
        return false;
    }
    return listener->family == ADDRESS_NONE || address_equal(listener, local) ||
           (address_is_any(listener) && listener->family == local->family &&
            listener->port == local->port);
}

static unsigned look(const struct policy_view_place *places, size_t count,
                     const struct address *client, const struct address *local)
{
    const struct policy_view_place *best = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct policy_view_place *place = &places[i];

        if (!holds(place, client, local)) {
            continue;
        }
        const bool names = place->listener.family != ADDRESS_NONE;
        const bool best_names = best != NULL && best->listener.family != ADDRESS_NONE;
        if (best == NULL || place->clients.bits > best->clients.bits ||
            (place->clients.bits == best->clients.bits &&
             (names != best_names ? names : place->view < best->view))) {
            best = place;
        }
    }
    return best != NULL ? best->view : 0;
}

static struct address random_address(uint64_t *seed)
{
    struct address address = {.family = random_under(seed, 2) == 0 ? ADDRESS_V4 : ADDRESS_V6};

    /* Few values, so that prefixes nest and clients fall into them. */
    for (size_t i = 0; i < (address.family == ADDRESS_V4 ? 4u : 16u); i++) {
        address.octets[i] =
            (uint8_t)(random_under(seed, 2) * (random_under(seed, 2) ? 1 : 255));
    }
    return address;
}

static struct address random_listener(uint64_t *seed)
{
    struct address address = {.family = random_under(seed, 2) == 0 ? ADDRESS_V4 : ADDRESS_V6,
                              .port = (uint16_t)(53 + random_under(seed, 2))};

    address.octets[3] = (uint8_t)random_under(seed, 3); /* 0: the wildcard */
    return address;
}

static void it_says_what_a_look_through_all_says(void **state)
{
    uint64_t seed = 0x71e35;
    unsigned chosen = 0, asked = 0;

    (void)state;
    for (unsigned round = 0; round < 400; round++) {
        struct policy_view_place places[60];
        const size_t count = random_under(&seed, ITEMS(places)) + 1;
        struct policy_views *views = NULL;

        for (size_t i = 0; i < count; i++) {
            const struct address base = random_address(&seed);
            const unsigned most = base.family == ADDRESS_V4 ? 32 : 128;
            const unsigned bits = (unsigned)random_under(&seed, most + 1);
            struct policy_view_place *place = &places[i];

            *place = (struct policy_view_place){.view = (uint8_t)(i + 1)};
            place->clients.family = base.family;
            place->clients.bits = (uint8_t)bits;
            for (unsigned bit = 0; bit < bits; bit++) {
                place->clients.octets[bit / 8] |=
                    (uint8_t)(base.octets[bit / 8] & (0x80u >> bit % 8));
            }
            if (random_under(&seed, 2) == 0) {
                place->listener = random_listener(&seed);
            }
        }
        const int rc = policy_views_build(places, count, NULL, &views);
        if (rc == -EEXIST) {
            continue;
        }
        assert_int_equal(rc, 0);
        for (unsigned i = 0; i < 100; i++) {
            struct address client = random_address(&seed);
            const struct address local = random_listener(&seed);
            const unsigned view = policy_views_choose(views, &client, &local);

            address_unmap(&client);

            assert_int_equal(view, look(places, count, &client, &local));
            chosen += view > 0;
            asked++;
        }
        policy_views_free(views);
    }
    assert_true(asked > 10000 && chosen > asked / 4 && chosen < asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_then_a_listener_then_the_order_counts),
        cmocka_unit_test(without_conditions_there_is_the_first_view),
        cmocka_unit_test(the_same_condition_twice_is_refused),
        cmocka_unit_test(it_says_what_a_look_through_all_says),
    };
    return cmocka_run_group_tests_name("policy/views", tests, NULL, NULL);
}
