/* setup/own: which upstreams are cordond itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "setup/own.h"

#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static struct address address_of(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(text, strlen(text), 0, &address), 0);
    return address;
}

static void finds_itself_behind_a_wildcard_only(void **state)
{
    static const struct {
        const char *server, *listen;
        bool own;
    } cases[] = {
        {"192.0.2.5@53", "0.0.0.0@53", true},      /* our address, our port */
        {"192.0.2.5@5300", "0.0.0.0@53", false},   /* another program's port */
        {"192.0.2.6@53", "0.0.0.0@53", false},     /* a neighbour */
        {"192.0.2.5@53", "127.0.0.1@53", false},   /* we do not listen there */
        {"192.0.2.5@53", "[::]@53", false},        /* IPv6 sockets take no IPv4 */
        {"[2001:db8::5]@53", "[::]@53", true},     /* the same for IPv6 */
        {"[2001:db8::6]@53", "[::]@53", false},    /* a neighbour */
        {"[2001:db8::5]@53", "0.0.0.0@53", false}, /* IPv4 sockets take no IPv6 */
    };
    const struct address own[] = {address_of("127.0.0.1"), address_of("192.0.2.5"),
                                  address_of("2001:db8::5")};

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const struct address server = address_of(cases[i].server);
        const struct address listen = address_of(cases[i].listen);

        assert_int_equal(setup_is_own(&server, &listen, 1, own, ITEMS(own)), cases[i].own);
    }
}

static void the_system_tells_a_loopback_address(void **state)
{
    struct address own[SETUP_OWN_MAX];
    const size_t count = setup_own_addresses(own, SETUP_OWN_MAX);
    bool found = false;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        found = found || address_is_loopback(&own[i]);
    }
    assert_true(found);
    assert_true(setup_own_addresses(own, 1) <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_itself_behind_a_wildcard_only),
        cmocka_unit_test(the_system_tells_a_loopback_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
