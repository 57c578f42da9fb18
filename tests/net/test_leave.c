/* net/: a successor takes the sockets over: nothing that a client has sent is lost, and nothing
 * is answered twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake_engine.h"

#include <errno.h>

#define HANDED_MAX 8

struct handed {
    int fds[HANDED_MAX];
    size_t count;
};

static void on_handed(void *context, int fd)
{
    struct handed *handed = context;

    assert_true(handed->count < HANDED_MAX);
    handed->fds[handed->count++] = fd;
}

static int connect_to(struct fake *fake, int type)
{
    struct sockaddr_storage to;
    const socklen_t len = address_to_sockaddr(&fake->at, &to);
    const int fd = socket(to.ss_family, type, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
    fake_settle(fake);
    return fd;
}

static size_t frame(uint8_t out[64], uint16_t id, char kind)
{
    const size_t len = fake_question(out + 2, id, kind);

    wire_put16(out, (uint16_t)len);
    return 2 + len;
}

static void put(int fd, const void *octets, size_t len)
{
    assert_int_equal(send(fd, octets, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void ask(int fd, uint16_t id, char kind)
{
    uint8_t octets[64];

    put(fd, octets, frame(octets, id, kind));
}

/* The id of the next answer; -1: nothing has come, -2: the connection has ended. */
static int next_answer(int fd)
{
    uint8_t octets[2 + 512];
    const ssize_t got = recv(fd, octets, 2, MSG_DONTWAIT);

    if (got <= 0) {
        return got < 0 && errno == EAGAIN ? -1 : -2;
    }
    assert_int_equal(recv(fd, octets + 2, wire_get16(octets), MSG_DONTWAIT | MSG_WAITALL),
                     wire_get16(octets));
    return wire_get16(octets + 2);
}

static void an_idle_connection_goes_on_with_the_successor(void **state)
{
    struct handed handed = {.count = 0};
    struct fake before;
    struct fake after;

    (void)state;
    fake_init(&before, "127.0.0.1");
    fake_init(&after, "127.0.0.1");
    const int fd = connect_to(&before, SOCK_STREAM);
    ask(fd, 1, 'a');
    fake_settle(&before);
    assert_int_equal(next_answer(fd), 1);
    net_leave(before.net, on_handed, &handed);
    assert_int_equal(handed.count, 1);
    assert_int_equal(net_counters(before.net)->tcp_open, 0);
    ask(fd, 2, 'a'); /* while nobody reads: it waits */
    fake_settle(&before);
    assert_int_equal(before.run, 1);
    fake_deinit(&before);
    assert_int_equal(next_answer(fd), -1);
    net_adopt(after.net, handed.fds[0]);
    assert_int_equal(net_counters(after.net)->tcp_open, 1);
    fake_settle(&after);
    assert_int_equal(next_answer(fd), 2);
    ask(fd, 3, 'a');
    fake_settle(&after);
    assert_int_equal(next_answer(fd), 3);
    assert_true(address_is_loopback(&after.last.from));
    assert_int_equal(after.last.local.port, before.at.port);
    close(fd);
    fake_settle(&after);
    assert_int_equal(net_counters(after.net)->tcp_open, 0);
    fake_deinit(&after);
}

static void what_was_read_is_answered_first(void **state)
{
    struct handed handed = {.count = 0};
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_to(&fake, SOCK_STREAM);
    ask(fd, 1, 'w');
    ask(fd, 2, 'w');
    fake_settle(&fake);
    net_leave(fake.net, on_handed, &handed);
    assert_int_equal(handed.count, 0);
    fake_answer(&fake, 1);
    fake_settle(&fake);
    assert_int_equal(handed.count, 0);
    ask(fd, 3, 'a'); /* the successor's */
    fake_settle(&fake);
    fake_answer(&fake, 2);
    fake_settle(&fake);
    assert_int_equal(handed.count, 1);
    assert_int_equal(next_answer(fd), 1);
    assert_int_equal(next_answer(fd), 2);
    assert_int_equal(next_answer(fd), -1);
    assert_int_equal(fake.run, 2);
    fake_deinit(&fake);
    assert_int_equal(next_answer(fd), -1); /* still open */
    close(handed.fds[0]);
    assert_int_equal(next_answer(fd), -2);
    close(fd);
}

/* Each cut of two messages: the first is finished here, the second is not begun. */
static void a_message_that_has_begun_is_read_to_its_end(void **state)
{
    uint8_t octets[128];
    size_t len = frame(octets, 1, 'a');
    const size_t first = len;

    (void)state;
    len += frame(octets + len, 2, 'a');
    for (size_t cut = 1; cut < first; cut++) {
        struct handed handed = {.count = 0};
        uint8_t rest[128];
        struct fake fake;

        fake_init(&fake, "127.0.0.1");
        const int fd = connect_to(&fake, SOCK_STREAM);
        put(fd, octets, cut);
        fake_settle(&fake);
        net_leave(fake.net, on_handed, &handed);
        fake_settle(&fake);
        assert_int_equal(handed.count, 0);
        put(fd, octets + cut, len - cut);
        fake_settle(&fake);
        assert_int_equal(handed.count, 1);
        assert_int_equal(fake.run, 1);
        assert_int_equal(next_answer(fd), 1);
        assert_int_equal(recv(handed.fds[0], rest, sizeof(rest), MSG_DONTWAIT),
                         (ssize_t)(len - first));
        assert_memory_equal(rest, octets + first, len - first);
        close(handed.fds[0]);
        close(fd);
        fake_deinit(&fake);
    }
}

static void a_message_that_never_ends_is_closed_as_ever(void **state)
{
    struct handed handed = {.count = 0};
    uint8_t octets[64];
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_to(&fake, SOCK_STREAM);
    frame(octets, 1, 'a');
    put(fd, octets, 5);
    fake_settle(&fake);
    net_leave(fake.net, on_handed, &handed);
    fake_pass(&fake, NET_TCP_MESSAGE_MS + 1);
    assert_int_equal(handed.count, 0);
    assert_int_equal(net_counters(fake.net)->tcp_open, 0);
    assert_int_equal(next_answer(fd), -2);
    close(fd);
    fake_deinit(&fake);
}

static void an_impossible_message_is_not_handed_on(void **state)
{
    struct handed handed = {.count = 0};
    const uint8_t octets[2] = {0, 3};
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_to(&fake, SOCK_STREAM);
    put(fd, octets, 1);
    fake_settle(&fake);
    net_leave(fake.net, on_handed, &handed);
    put(fd, octets + 1, 1);
    fake_settle(&fake);
    assert_int_equal(handed.count, 0);
    assert_int_equal(net_counters(fake.net)->tcp_malformed, 1);
    assert_int_equal(next_answer(fd), -2);
    close(fd);
    fake_deinit(&fake);
}

/* More than may be taken at once have been read already: all are answered here. */
static void a_full_pipeline_is_emptied_first(void **state)
{
    struct handed handed = {.count = 0};
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_to(&fake, SOCK_STREAM);
    uint8_t all[(NET_TCP_PIPELINE_MAX + 10) * 64];
    size_t len = 0;
    for (unsigned id = 1; id <= NET_TCP_PIPELINE_MAX + 10; id++) {
        len += frame(all + len, (uint16_t)id, 'w');
    }
    put(fd, all, len);
    fake_settle(&fake);
    assert_int_equal(fake.held_count, NET_TCP_PIPELINE_MAX);
    net_leave(fake.net, on_handed, &handed);
    for (unsigned id = 1; id <= NET_TCP_PIPELINE_MAX + 10; id++) {
        assert_int_equal(handed.count, 0);
        assert_true(fake_holds(&fake, (uint16_t)id));
        fake_answer(&fake, (uint16_t)id);
        fake_settle(&fake);
        assert_int_equal(next_answer(fd), id);
    }
    assert_int_equal(handed.count, 1);
    close(handed.fds[0]);
    close(fd);
    fake_deinit(&fake);
}

static void datagrams_and_connections_that_come_later_are_the_successors(void **state)
{
    struct handed handed = {.count = 0};
    uint8_t octets[64];
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    /* What a successor holds. */
    const int udp = dup(fake.net->udp[0].fd);
    uv_os_fd_t listener = -1;
    assert_int_equal(uv_fileno((uv_handle_t *)&fake.net->listeners[0].tcp, &listener), 0);
    const int tcp = dup(listener);
    const int asking = connect_to(&fake, SOCK_DGRAM);
    put(asking, octets, fake_question(octets, 1, 'w'));
    fake_settle(&fake);
    assert_int_equal(fake.run, 1);
    net_leave(fake.net, on_handed, &handed);
    put(asking, octets, fake_question(octets, 2, 'a'));
    fake_settle(&fake);
    assert_int_equal(fake.run, 1);
    fake_answer(&fake, 1); /* still leaves through the socket */
    net_flush(fake.net);
    assert_int_equal(recv(asking, octets, sizeof(octets), MSG_DONTWAIT), 20);
    assert_int_equal(wire_get16(octets), 1);
    assert_int_equal(recv(udp, octets, sizeof(octets), MSG_DONTWAIT), 20);
    assert_int_equal(wire_get16(octets), 2);
    const int late = connect_to(&fake, SOCK_STREAM); /* into the backlog */
    const int accepted = accept(tcp, NULL, NULL);
    assert_true(accepted >= 0);
    assert_int_equal(net_counters(fake.net)->tcp_accepted, 0);
    fake_deinit(&fake);
    close(accepted);
    close(late);
    close(asking);
    close(udp);
    close(tcp);
}

static void what_cannot_be_adopted_is_closed(void **state)
{
    struct handed handed = {.count = 0};
    struct fake fake;
    int ends[2];

    (void)state;
    fake_init(&fake, "127.0.0.1");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    net_adopt(fake.net, ends[0]); /* no peer with an address */
    fake_settle(&fake);
    assert_int_equal(next_answer(ends[1]), -2);
    close(ends[1]);
    net_adopt(fake.net, dup(fake.net->udp[0].fd)); /* no connection */
    fake_settle(&fake);
    assert_int_equal(net_counters(fake.net)->tcp_open, 0);
    net_leave(fake.net, on_handed, &handed);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    net_adopt(fake.net, ends[0]); /* it leaves itself */
    assert_int_equal(next_answer(ends[1]), -2);
    close(ends[1]);
    assert_int_equal(net_counters(fake.net)->tcp_refused, 3);
    fake_deinit(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_connection_goes_on_with_the_successor),
        cmocka_unit_test(what_was_read_is_answered_first),
        cmocka_unit_test(a_message_that_has_begun_is_read_to_its_end),
        cmocka_unit_test(a_message_that_never_ends_is_closed_as_ever),
        cmocka_unit_test(an_impossible_message_is_not_handed_on),
        cmocka_unit_test(a_full_pipeline_is_emptied_first),
        cmocka_unit_test(datagrams_and_connections_that_come_later_are_the_successors),
        cmocka_unit_test(what_cannot_be_adopted_is_closed),
    };
    return cmocka_run_group_tests_name("net/leave", tests, NULL, NULL);
}
