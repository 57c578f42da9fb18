/* What RFCs ask of a server's sockets; docs/rfc.md says which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/net.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* RFC 9715, 3.1: answers are small enough for any path, and no ICMP message of a stranger makes
 * the kernel cut them or refuse them. */
static void a_path_mtu_that_somebody_forges_changes_nothing(void **state)
{
    static const struct {
        const char *address;
        int level, name, omit;
    } cases[] = {
        {"127.0.0.1", IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT},
        {"::1", IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address;
        struct net_sockets sockets;

        assert_int_equal(address_parse(cases[i].address, strlen(cases[i].address), 0, &address),
                         0);
        assert_int_equal(net_sockets_open(&address, true, &sockets), 0);
        assert_int_equal(option(sockets.udp, cases[i].level, cases[i].name), cases[i].omit);
        net_sockets_close(&sockets);
    }
}

/* RFC 7766, 6.2.3; RFC 9210, 4.2: seconds, so that a client may ask again over the connection,
 * and every patience ends. What is announced (RFC 7828) is what is kept. */
static void patience_is_of_the_order_of_seconds(void **state)
{
    (void)state;
    assert_in_range(NET_TCP_IDLE_MS, 2000, 60000);
    assert_in_range(NET_TCP_MESSAGE_MS, 1000, 60000);
    assert_in_range(NET_TCP_WRITE_MS, 1000, 60000);
    assert_int_equal(NET_TCP_IDLE_MS % 100, 0);
    assert_true(NET_TCP_PER_CLIENT_MAX < NET_TCP_CONNECTIONS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_mtu_that_somebody_forges_changes_nothing),
        cmocka_unit_test(patience_is_of_the_order_of_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
