/* net/sockets: who may hold a port, and who may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct address address_of(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(text, strlen(text), 0, &address), 0);
    return address;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static int bind_foreign(const struct address *address, int type, bool share)
{
    struct sockaddr_storage storage;
    const socklen_t len = address_to_sockaddr(address, &storage);
    const int one = 1;
    const int fd = socket(storage.ss_family, type, 0);

    assert_true(fd >= 0);
    if (share) {
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
    }
    assert_int_equal(bind(fd, (struct sockaddr *)&storage, len), 0);
    if (type == SOCK_STREAM) {
        assert_int_equal(listen(fd, 1), 0);
    }
    return fd;
}

static void a_free_port_is_found_for_both_protocols(void **state)
{
    static const char *const addresses[] = {"127.0.0.1", "::1", "0.0.0.0", "::"};

    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct address address = address_of(addresses[i]);
        struct sockaddr_storage storage;
        struct address bound;
        struct net_sockets sockets;

        assert_int_equal(net_sockets_open(&address, true, &sockets), 0);
        assert_int_not_equal(address.port, 0);
        const int fds[] = {sockets.udp, sockets.tcp};
        for (size_t j = 0; j < 2; j++) {
            socklen_t len = sizeof(storage);
            assert_int_equal(getsockname(fds[j], (struct sockaddr *)&storage, &len), 0);
            assert_true(address_from_sockaddr((struct sockaddr *)&storage, &bound));
            assert_true(address_equal(&bound, &address));
            assert_true((fcntl(fds[j], F_GETFL) & O_NONBLOCK) != 0);
            assert_true((fcntl(fds[j], F_GETFD) & FD_CLOEXEC) != 0);
            assert_int_equal(option(fds[j], SOL_SOCKET, SO_REUSEPORT), 1);
        }
        assert_int_equal(option(sockets.tcp, SOL_SOCKET, SO_ACCEPTCONN), 1);
        assert_true(option(sockets.udp, SOL_SOCKET, SO_RCVBUF) > 200000);
        net_sockets_close(&sockets);
        assert_int_equal(sockets.udp, -1);
        assert_int_equal(sockets.tcp, -1);
    }
}

/* Each thing that the kernel tells beside a datagram is work for each of them. */
static void only_what_is_asked_under_several_addresses_is_told_by_which(void **state)
{
    static const struct {
        const char *bound;
        int told;
    } cases[] = {{"127.0.0.1", 0}, {"::1", 0}, {"0.0.0.0", 1}, {"::", 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address = address_of(cases[i].bound);
        struct net_sockets sockets;

        assert_int_equal(net_sockets_open(&address, true, &sockets), 0);
        if (address.family == ADDRESS_V6) {
            assert_int_equal(option(sockets.udp, IPPROTO_IPV6, IPV6_RECVPKTINFO),
                             cases[i].told);
        } else {
            assert_int_equal(option(sockets.udp, IPPROTO_IP, IP_PKTINFO), cases[i].told);
        }
        assert_int_equal(option(sockets.udp, SOL_SOCKET, SO_RXQ_OVFL), 0);
        net_sockets_close(&sockets);
    }
}

static void the_first_pair_shares_its_port_with_nobody(void **state)
{
    static const struct {
        int type;
        bool share;
    } foreign[] = {
        {SOCK_DGRAM, false},  /* another resolver's UDP socket */
        {SOCK_DGRAM, true},   /* one that would share: a second cordond */
        {SOCK_STREAM, false}, /* a listener only */
        {SOCK_STREAM, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        struct address address = address_of("127.0.0.1");
        struct net_sockets sockets;

        assert_int_equal(net_sockets_open(&address, true, &sockets), 0);
        net_sockets_close(&sockets);
        const int fd = bind_foreign(&address, foreign[i].type, foreign[i].share);
        sockets = (struct net_sockets){77, 78};
        assert_int_equal(net_sockets_open(&address, true, &sockets), -EADDRINUSE);
        assert_int_equal(sockets.udp, 77); /* untouched */
        close(fd);
        assert_int_equal(net_sockets_open(&address, true, &sockets), 0);
        net_sockets_close(&sockets);
    }
}

static void further_pairs_share_with_the_first(void **state)
{
    struct address address = address_of("127.0.0.1");
    struct net_sockets first;
    struct net_sockets second;
    struct net_sockets third;

    (void)state;
    assert_int_equal(net_sockets_open(&address, true, &first), 0);
    assert_int_equal(net_sockets_open(&address, false, &second), 0);
    assert_int_equal(net_sockets_open(&address, true, &third), -EADDRINUSE);
    net_sockets_close(&first);
    assert_int_equal(net_sockets_open(&address, true, &third), -EADDRINUSE);
    net_sockets_close(&second);
}

static void the_families_do_not_meet(void **state)
{
    struct address v6 = address_of("::");
    struct address v4 = address_of("0.0.0.0");
    struct net_sockets six;
    struct net_sockets four;

    (void)state;
    assert_int_equal(net_sockets_open(&v6, true, &six), 0);
    v4.port = v6.port;
    assert_int_equal(net_sockets_open(&v4, true, &four), 0);
    net_sockets_close(&six);
    net_sockets_close(&four);
}

static void an_old_connection_does_not_hold_the_port(void **state)
{
    struct address address = address_of("127.0.0.1");
    struct sockaddr_storage storage;
    struct net_sockets sockets;
    char octet;

    (void)state;
    assert_int_equal(net_sockets_open(&address, true, &sockets), 0);
    const socklen_t len = address_to_sockaddr(&address, &storage);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&storage, len), 0);
    const int served = accept(sockets.tcp, NULL, NULL);
    assert_true(served >= 0);
    close(served); /* the server closes first: TIME_WAIT is on its side */
    assert_int_equal(read(client, &octet, 1), 0);
    close(client);
    net_sockets_close(&sockets);
    assert_int_equal(net_sockets_open(&address, true, &sockets), 0);
    net_sockets_close(&sockets);
}

static void what_the_system_refuses_is_told(void **state)
{
    struct address elsewhere = address_of("192.0.2.1");
    struct address documentation = address_of("2001:db8::1");
    struct net_sockets sockets = {77, 78};

    (void)state;
    assert_int_equal(net_sockets_open(&elsewhere, true, &sockets), -EADDRNOTAVAIL);
    assert_int_equal(net_sockets_open(&elsewhere, false, &sockets), -EADDRNOTAVAIL);
    assert_int_equal(net_sockets_open(&documentation, true, &sockets), -EADDRNOTAVAIL);
    assert_int_equal(elsewhere.port, 0);
    assert_int_equal(sockets.udp, 77);
    if (geteuid() != 0) {
        struct address privileged = address_of("127.0.0.1@1");
        assert_int_equal(net_sockets_open(&privileged, true, &sockets), -EACCES);
    }
}

/* What is sent to everybody would be answered from an address that nobody has asked. */
static void nobody_answers_from_a_broadcast_address(void **state)
{
    static const char *const single[] = {"127.0.0.1", "127.0.0.9", "192.0.2.77",
                                         "0.0.0.0",   "224.0.0.1", "::1"};
    static const char *const everybody[] = {"127.255.255.255", "255.255.255.255"};

    (void)state;
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        const struct address address = address_of(single[i]);
        assert_false(net_is_broadcast(&address));
    }
    for (size_t i = 0; i < sizeof(everybody) / sizeof(everybody[0]); i++) {
        struct address address = address_of(everybody[i]);
        struct net_sockets sockets = {77, 78};

        assert_true(net_is_broadcast(&address));
        assert_int_equal(net_sockets_open(&address, true, &sockets), -EADDRNOTAVAIL);
        assert_int_equal(net_sockets_open(&address, false, &sockets), -EADDRNOTAVAIL);
        assert_int_equal(sockets.udp, 77);
        /* Nor from one that somebody else has bound. */
        sockets.udp = bind_foreign(&address, SOCK_DGRAM, false);
        sockets.tcp = bind_foreign(&address, SOCK_STREAM, false);
        assert_int_equal(net_sockets_adopt(&address, &sockets), -EADDRNOTAVAIL);
        net_sockets_close(&sockets);
    }
}

/* A network with nobody else in it: between a close and a bind another test's server could take
 * the port. Where that is not allowed, the tests run beside the others. */
static void leave_the_others(void)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};

    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        return;
    }
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    (void)ioctl(fd, SIOCSIFFLAGS, &loopback);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest here[] = {
        cmocka_unit_test(what_the_system_refuses_is_told),
        cmocka_unit_test(nobody_answers_from_a_broadcast_address),
    };
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(a_free_port_is_found_for_both_protocols),
        cmocka_unit_test(only_what_is_asked_under_several_addresses_is_told_by_which),
        cmocka_unit_test(the_first_pair_shares_its_port_with_nobody),
        cmocka_unit_test(further_pairs_share_with_the_first),
        cmocka_unit_test(the_families_do_not_meet),
        cmocka_unit_test(an_old_connection_does_not_hold_the_port),
    };
    const int failed = cmocka_run_group_tests_name("net/sockets", here, NULL, NULL);

    leave_the_others();
    return failed + cmocka_run_group_tests_name("net/sockets alone", alone, NULL, NULL);
}
