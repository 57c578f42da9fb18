/* net/tcp: connections over loopback, against an engine that says what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake_engine.h"

#include <errno.h>
#include <sys/resource.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* Connected from an address of the loopback network; 0: whichever. */
static int connect_from(struct fake *fake, uint32_t source)
{
    struct sockaddr_storage to;
    const socklen_t len = address_to_sockaddr(&fake->at, &to);
    const int fd = socket(to.ss_family, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    if (source != 0) {
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {htonl(source)}};
        assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    }
    assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
    fake_settle(fake);
    return fd;
}

static int connect_to(struct fake *fake)
{
    return connect_from(fake, 0);
}

static void put(int fd, const void *octets, size_t len)
{
    assert_int_equal(send(fd, octets, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* A question with its length in front. */
static size_t frame(uint8_t out[64], uint16_t id, char kind)
{
    const size_t len = fake_question(out + 2, id, kind);

    wire_put16(out, (uint16_t)len);
    return 2 + len;
}

static void ask(int fd, uint16_t id, char kind)
{
    uint8_t octets[64];

    put(fd, octets, frame(octets, id, kind));
}

enum {
    NOTHING = -1, /* has come */
    END = -2,     /* the server has closed its side */
    RESET = -3
};

/* The id of the next answer, or what else there is. */
static int next_answer(int fd)
{
    static uint8_t octets[65535];
    uint8_t length[2];
    const ssize_t got = recv(fd, length, 2, MSG_DONTWAIT);

    if (got == 0) {
        return END;
    }
    if (got < 0) {
        return errno == ECONNRESET ? RESET : NOTHING;
    }
    assert_int_equal(got, 2);
    const size_t len = wire_get16(length);
    assert_int_equal(recv(fd, octets, len, MSG_DONTWAIT | MSG_WAITALL), (ssize_t)len);
    assert_true((octets[2] & 0x80) != 0);
    return wire_get16(octets);
}

static bool is_closed(int fd)
{
    const int next = next_answer(fd);

    return next == END || next == RESET;
}

static void a_question_is_answered_over_both_families(void **state)
{
    static const char *const addresses[] = {"127.0.0.1", "0.0.0.0", "::1", "::"};

    (void)state;
    for (size_t i = 0; i < ITEMS(addresses); i++) {
        struct fake fake;

        fake_init(&fake, addresses[i]);
        const int fd = connect_to(&fake);
        ask(fd, 0x4321, 'a');
        fake_settle(&fake);
        assert_int_equal(next_answer(fd), 0x4321);
        assert_int_equal(fake.last.transport, QUERY_TCP);
        assert_int_equal(fake.last.keepalive_100ms, 100);
        assert_true(address_is_loopback(&fake.last.from));
        assert_true(address_is_loopback(&fake.last.local));
        assert_int_equal(fake.last.local.port, fake.at.port);
        assert_true(fake.turns > 0);
        assert_int_equal(net_counters(fake.net)->tcp_accepted, 1);
        assert_int_equal(net_counters(fake.net)->tcp_questions, 1);
        assert_int_equal(net_counters(fake.net)->tcp_open, 1);
        close(fd);
        fake_settle(&fake);
        assert_int_equal(net_counters(fake.net)->tcp_open, 0);
        fake_deinit(&fake);
    }
}

static void octets_may_come_one_by_one(void **state)
{
    uint8_t octets[128];
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_to(&fake);
    size_t len = frame(octets, 1, 'a');
    len += frame(octets + len, 2, 'a');
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(fake.run, i < len / 2 ? 0 : 1);
        put(fd, octets + i, 1);
        fake_settle(&fake);
    }
    assert_int_equal(next_answer(fd), 1);
    assert_int_equal(next_answer(fd), 2);
    close(fd);
    fake_deinit(&fake);
}

static void several_may_come_at_once_and_the_last_one_cut(void **state)
{
    uint8_t octets[256];
    size_t len = 0;
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_to(&fake);
    for (uint16_t id = 1; id <= 4; id++) {
        len += frame(octets + len, id, 'a');
    }
    put(fd, octets, len - 5);
    fake_settle(&fake);
    for (int id = 1; id <= 3; id++) {
        assert_int_equal(next_answer(fd), id);
    }
    assert_int_equal(next_answer(fd), NOTHING);
    put(fd, octets + len - 5, 5);
    fake_settle(&fake);
    assert_int_equal(next_answer(fd), 4);
    close(fd);
    fake_deinit(&fake);
}

static void answers_come_in_the_order_in_which_they_are_ready(void **state)
{
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_to(&fake);
    ask(fd, 1, 'w');
    ask(fd, 2, 'a');
    ask(fd, 3, 'w');
    ask(fd, 4, 'd'); /* dropped: no answer at all */
    fake_settle(&fake);
    assert_int_equal(next_answer(fd), 2);
    assert_int_equal(next_answer(fd), NOTHING);
    fake_answer(&fake, 3);
    fake_settle(&fake);
    assert_int_equal(next_answer(fd), 3);
    fake_answer(&fake, 1);
    fake_settle(&fake);
    assert_int_equal(next_answer(fd), 1);
    close(fd);
    fake_deinit(&fake);
}

static void impossible_lengths_close_the_connection(void **state)
{
    static const struct {
        uint16_t length;
        bool close;
    } cases[] = {
        {0, true},                       /* nothing */
        {11, true},                      /* less than a header */
        {NET_TCP_MESSAGE_MAX + 1, true}, /* more than any question needs */
        {65535, true},
        {12, false}, /* a header */
        {NET_TCP_MESSAGE_MAX, false},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        static uint8_t octets[2 + 65535];
        struct fake fake;

        fake_init(&fake, "127.0.0.1");
        const int fd = connect_to(&fake);
        ask(fd, 9, 'w'); /* one that waits is abandoned with it */
        wire_put16(octets, cases[i].length);
        octets[2 + 13] = 'd';
        put(fd, octets, 2 + (cases[i].close ? 0 : (size_t)cases[i].length));
        fake_settle(&fake);
        assert_int_equal(is_closed(fd), cases[i].close);
        assert_int_equal(fake.abandoned, cases[i].close);
        assert_int_equal(fake.run, cases[i].close ? 1 : 2);
        assert_int_equal(net_counters(fake.net)->tcp_malformed, cases[i].close);
        assert_int_equal(net_counters(fake.net)->tcp_open, cases[i].close ? 0 : 1);
        close(fd);
        fake_deinit(&fake);
    }
}

static void reading_stops_at_the_pipeline_limit_and_goes_on(void **state)
{
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_to(&fake);
    for (uint16_t id = 0; id < 500; id++) {
        ask(fd, id, 'w');
    }
    fake_settle(&fake);
    assert_int_equal(fake.held_count, NET_TCP_PIPELINE_MAX);
    fake_answer(&fake, 17);
    fake_settle(&fake);
    assert_int_equal(next_answer(fd), 17);
    assert_int_equal(fake.held_count, NET_TCP_PIPELINE_MAX);
    assert_true(fake_holds(&fake, NET_TCP_PIPELINE_MAX));

    /* It is we who make it wait: that is no reason to close it. */
    fake_pass(&fake, NET_TCP_MESSAGE_MS + NET_TCP_IDLE_MS);
    assert_int_equal(net_counters(fake.net)->tcp_open, 1);
    for (uint16_t id = 0; id < 500; id++) {
        if (id != 17) {
            fake_answer(&fake, id);
            fake_settle(&fake);
            assert_int_equal(next_answer(fd), id);
        }
    }
    assert_int_equal(fake.held_count, 0);
    close(fd);
    fake_deinit(&fake);
}

static void a_client_that_has_closed_its_half_gets_its_answers(void **state)
{
    uint8_t octets[64];
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_to(&fake);
    ask(fd, 1, 'w');
    ask(fd, 2, 'a');
    ask(fd, 3, 'w');
    put(fd, octets, frame(octets, 4, 'a') - 1); /* one that never becomes whole */
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    fake_settle(&fake);
    assert_int_equal(next_answer(fd), 2);
    assert_int_equal(next_answer(fd), NOTHING);
    fake_answer(&fake, 1);
    fake_settle(&fake);
    assert_int_equal(next_answer(fd), 1);
    assert_int_equal(net_counters(fake.net)->tcp_open, 1);
    fake_answer(&fake, 3);
    fake_settle(&fake);
    assert_int_equal(next_answer(fd), 3);
    assert_true(is_closed(fd));
    assert_int_equal(net_counters(fake.net)->tcp_open, 0);
    assert_int_equal(fake.abandoned, 0);
    close(fd);
    fake_deinit(&fake);
}

static void what_a_vanished_client_asked_is_abandoned(void **state)
{
    const struct linger at_once = {1, 0};
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_to(&fake);
    const int other = connect_to(&fake);
    for (uint16_t id = 0; id < 5; id++) {
        ask(fd, id, 'w');
    }
    ask(other, 5, 'w');
    fake_settle(&fake);
    assert_int_equal(fake.held_count, 6);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close(fd); /* a reset */
    fake_settle(&fake);
    assert_int_equal(fake.abandoned, 5);
    assert_int_equal(fake.held_count, 1);
    fake_answer(&fake, 5);
    fake_settle(&fake);
    assert_int_equal(next_answer(other), 5);
    close(other);
    fake_deinit(&fake);
}

static void idle_connections_are_closed(void **state)
{
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int silent = connect_to(&fake); /* has never asked */
    const int asked = connect_to(&fake);
    const int waiting = connect_to(&fake);
    ask(asked, 1, 'a');
    ask(waiting, 2, 'w');
    fake_settle(&fake);
    assert_int_equal(next_answer(asked), 1);
    fake_pass(&fake, NET_TCP_IDLE_MS - 1000);
    assert_int_equal(net_counters(fake.net)->tcp_open, 3);
    fake_pass(&fake, NET_TCP_IDLE_MS + 100);
    assert_int_equal(net_counters(fake.net)->tcp_closed_idle, 2);
    assert_int_equal(net_counters(fake.net)->tcp_closed_slow, 0);
    assert_true(is_closed(silent));
    assert_true(is_closed(asked));
    assert_int_equal(next_answer(waiting), NOTHING); /* it waits for us, not we for it */
    fake_answer(&fake, 2);
    fake_settle(&fake);
    assert_int_equal(next_answer(waiting), 2);
    fake_pass(&fake, NET_TCP_IDLE_MS + 100);
    assert_true(is_closed(waiting));
    assert_int_equal(net_counters(fake.net)->tcp_open, 0);
    close(silent);
    close(asked);
    close(waiting);
    fake_deinit(&fake);
}

static void a_message_must_come_whole_in_time(void **state)
{
    uint8_t octets[64];
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int slow = connect_to(&fake);
    const int slower = connect_to(&fake); /* with a question that waits */
    ask(slower, 1, 'w');
    frame(octets, 2, 'a');
    put(slow, octets, 1);
    put(slower, octets, 20);
    fake_settle(&fake);
    fake_pass(&fake, NET_TCP_MESSAGE_MS - 1000);
    assert_int_equal(net_counters(fake.net)->tcp_open, 2);
    fake_pass(&fake, NET_TCP_MESSAGE_MS + 100);
    assert_int_equal(net_counters(fake.net)->tcp_open, 0);
    assert_int_equal(net_counters(fake.net)->tcp_closed_slow, 2);
    assert_int_equal(net_counters(fake.net)->tcp_closed_idle, 0);
    assert_int_equal(fake.abandoned, 1);
    assert_true(is_closed(slow));
    assert_true(is_closed(slower));
    close(slow);
    close(slower);
    fake_deinit(&fake);
}

/* Small buffers, so that a client that does not read is felt soon. */
static int connect_narrow(struct fake *fake)
{
    const int small = 4096;
    struct sockaddr_storage to;
    const socklen_t len = address_to_sockaddr(&fake->at, &to);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
    fake_settle(fake);
    return fd;
}

static int narrow_server_side(struct fake *fake)
{
    const int small = 4096;
    uv_os_fd_t fd;

    assert_int_equal(uv_fileno((uv_handle_t *)&fake->net->first->tcp, &fd), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    return fd;
}

static void a_client_that_does_not_read_is_closed(void **state)
{
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_narrow(&fake);
    narrow_server_side(&fake);
    ask(fd, 1, 'b');
    ask(fd, 2, 'w');
    fake_settle(&fake);
    assert_true(fake.net->first->is_writing);
    fake_pass(&fake, NET_TCP_WRITE_MS - 1000);
    assert_int_equal(net_counters(fake.net)->tcp_open, 1);
    /* The first looks may have seen the kernel's buffers fill. */
    for (unsigned i = 1; i <= 10 && net_counters(fake.net)->tcp_open > 0; i++) {
        fake_pass(&fake, i * (NET_TCP_WRITE_MS + 100));
    }
    assert_int_equal(net_counters(fake.net)->tcp_open, 0);
    assert_int_equal(net_counters(fake.net)->tcp_closed_slow, 1);
    assert_int_equal(fake.abandoned, 1);
    close(fd);
    fake_deinit(&fake);
}

static void one_that_reads_slowly_gets_everything(void **state)
{
    static uint8_t octets[4096];
    size_t got = 0;
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_narrow(&fake);
    narrow_server_side(&fake);
    for (uint16_t id = 0; id < 10; id++) {
        ask(fd, id, 'b');
    }
    fake_settle(&fake);
    /* Two or three fit into the queue; the other questions are taken when there is room. */
    assert_true(fake.run < 10);
    for (unsigned i = 0; got < 10 * 65537 && i < 10000; i++) {
        const ssize_t part = recv(fd, octets, sizeof(octets), MSG_DONTWAIT);
        if (part > 0) {
            got += (size_t)part;
        }
        uv_run(&fake.loop, UV_RUN_NOWAIT);
        if (i % 16 == 0) {
            fake_settle(&fake);
        }
    }
    assert_int_equal(got, 10 * 65537);
    assert_int_equal(fake.no_room, 0);
    assert_int_equal(net_counters(fake.net)->tcp_open, 1);
    close(fd);
    fake_deinit(&fake);
}

static void patience_lasts_while_something_is_read(void **state)
{
    static uint8_t octets[16384];
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_narrow(&fake);
    narrow_server_side(&fake);
    ask(fd, 1, 'b');
    ask(fd, 2, 'b');
    fake_settle(&fake);
    unsigned ms = 0;
    for (unsigned round = 0; round < 4; round++) {
        for (size_t got = 0; got < sizeof(octets);) {
            const ssize_t part = recv(fd, octets, sizeof(octets) - got, MSG_DONTWAIT);
            got += part > 0 ? (size_t)part : 0;
            fake_settle(&fake);
        }
        ms += NET_TCP_WRITE_MS + 100;
        fake_pass(&fake, ms);
        assert_int_equal(net_counters(fake.net)->tcp_open, 1);
        assert_true(fake.net->first->is_writing);
    }
    fake_pass(&fake, ms + NET_TCP_WRITE_MS + 100);
    assert_int_equal(net_counters(fake.net)->tcp_open, 0);
    assert_int_equal(net_counters(fake.net)->tcp_closed_slow, 1);
    close(fd);
    fake_deinit(&fake);
}

static void more_than_the_queue_holds_closes_the_connection(void **state)
{
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_narrow(&fake);
    narrow_server_side(&fake);
    for (uint16_t id = 0; id < 8; id++) {
        ask(fd, id, 'w');
    }
    fake_settle(&fake);
    assert_int_equal(fake.held_count, 8);
    for (uint16_t id = 0; id < 7; id++) {
        struct query **q = &fake.held;
        while (wire_get16((*q)->message) != id) {
            q = &(*q)->next_held;
        }
        (*q)->message[13] = 'b';
        fake_answer(&fake, id); /* 64 KiB each, and nobody reads */
    }
    assert_true(fake.no_room > 0); /* found out within the engine */
    assert_int_equal(fake.abandoned, 0);
    fake_settle(&fake);
    assert_int_equal(fake.abandoned, 1);
    assert_int_equal(net_counters(fake.net)->tcp_open, 0);
    close(fd);
    fake_deinit(&fake);
}

static void one_client_has_only_so_many_connections(void **state)
{
    int fds[NET_TCP_PER_CLIENT_MAX + 1];
    struct fake fake;

    (void)state;
    fake_init(&fake, "0.0.0.0");
    for (size_t i = 0; i < ITEMS(fds); i++) {
        fds[i] = connect_from(&fake, 0x7f000001);
    }
    assert_int_equal(net_counters(fake.net)->tcp_open, NET_TCP_PER_CLIENT_MAX);
    assert_int_equal(net_counters(fake.net)->tcp_refused, 1);
    assert_int_equal(net_counters(fake.net)->tcp_refused_client, 1);
    assert_true(is_closed(fds[NET_TCP_PER_CLIENT_MAX]));
    const int other = connect_from(&fake, 0x7f000002); /* somebody else is not concerned */
    ask(other, 1, 'a');
    fake_settle(&fake);
    assert_int_equal(next_answer(other), 1);
    close(fds[0]); /* and one that goes makes room */
    fake_settle(&fake);
    const int again = connect_from(&fake, 0x7f000001);
    ask(again, 2, 'a');
    fake_settle(&fake);
    assert_int_equal(next_answer(again), 2);
    close(other);
    close(again);
    for (size_t i = 1; i < ITEMS(fds); i++) {
        close(fds[i]);
    }
    fake_deinit(&fake);
}

static void at_the_limit_the_longest_idle_makes_room(void **state)
{
    static int fds[NET_TCP_CONNECTIONS_MAX];
    struct rlimit limit;
    struct fake fake;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 2 * NET_TCP_CONNECTIONS_MAX + 64) {
        skip();
    }
    fake_init(&fake, "0.0.0.0");
    for (uint32_t i = 0; i < NET_TCP_CONNECTIONS_MAX; i++) {
        fds[i] = connect_from(&fake, 0x7f000100 + i);
        ask(fds[i], (uint16_t)i, i == 0 || i >= 2 ? 'w' : 'a');
    }
    fake_settle(&fake);
    assert_int_equal(net_counters(fake.net)->tcp_open, NET_TCP_CONNECTIONS_MAX);
    assert_int_equal(next_answer(fds[1]), 1); /* only this one waits for nothing */
    const int late = connect_from(&fake, 0x7f000001);
    ask(late, 1, 'w');
    fake_settle(&fake);
    assert_true(is_closed(fds[1]));
    assert_int_equal(net_counters(fake.net)->tcp_closed_idle, 1);
    assert_int_equal(net_counters(fake.net)->tcp_open, NET_TCP_CONNECTIONS_MAX);
    const int too_late = connect_from(&fake, 0x7f000001); /* now all are busy */
    assert_true(is_closed(too_late));
    assert_int_equal(net_counters(fake.net)->tcp_refused, 1);
    close(late);
    close(too_late);
    for (size_t i = 0; i < NET_TCP_CONNECTIONS_MAX; i++) {
        close(fds[i]);
    }
    fake_deinit(&fake);
}

static void the_limit_may_be_lower(void **state)
{
    int fds[4];
    struct fake fake;

    (void)state;
    fake_init(&fake, "0.0.0.0");
    net_limit_tcp(fake.net, 3);
    for (uint32_t i = 0; i < 3; i++) {
        fds[i] = connect_from(&fake, 0x7f000100 + i);
        ask(fds[i], (uint16_t)i, i == 0 ? 'a' : 'w');
    }
    fake_settle(&fake);
    assert_int_equal(next_answer(fds[0]), 0);
    fds[3] = connect_from(&fake, 0x7f000200);
    ask(fds[3], 3, 'w');
    fake_settle(&fake);
    assert_true(is_closed(fds[0])); /* idle: it makes room */
    const int too_late = connect_from(&fake, 0x7f000201);
    assert_true(is_closed(too_late));
    assert_int_equal(net_counters(fake.net)->tcp_open, 3);
    assert_int_equal(net_counters(fake.net)->tcp_refused, 1);
    close(too_late);
    for (size_t i = 0; i < 4; i++) {
        close(fds[i]);
    }
    fake_deinit(&fake);
}

static void without_a_timer_or_a_slot_nothing_breaks(void **state)
{
    static struct timer taken[NET_TCP_CONNECTIONS_MAX];
    struct fake fake;

    (void)state;
    memset(taken, 0, sizeof(taken));
    fake_init(&fake, "127.0.0.1");
    for (size_t i = 0; i < ITEMS(taken); i++) {
        assert_int_equal(timers_arm(fake.timers, &taken[i], UINT64_MAX), 0);
    }
    int fd = connect_to(&fake);
    assert_true(is_closed(fd));
    assert_int_equal(net_counters(fake.net)->tcp_refused, 1);
    close(fd);
    timers_disarm(fake.timers, &taken[0]);
    fd = connect_to(&fake);
    fake.slots_left = 1;
    ask(fd, 1, 'w');
    ask(fd, 2, 'w'); /* no slot: lost */
    fake_settle(&fake);
    assert_int_equal(fake.run, 1);
    fake_answer(&fake, 1);
    ask(fd, 3, 'a');
    fake_settle(&fake);
    assert_int_equal(next_answer(fd), 1);
    assert_int_equal(next_answer(fd), 3);
    close(fd);
    fake_deinit(&fake);
}

static void closing_abandons_what_waits(void **state)
{
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = connect_to(&fake);
    ask(fd, 1, 'w');
    ask(fd, 2, 'w');
    fake_settle(&fake);
    assert_int_equal(fake.held_count, 2);
    net_close(fake.net);
    assert_int_equal(fake.abandoned, 2);
    fake_deinit(&fake);
    assert_true(is_closed(fd));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_answered_over_both_families),
        cmocka_unit_test(octets_may_come_one_by_one),
        cmocka_unit_test(several_may_come_at_once_and_the_last_one_cut),
        cmocka_unit_test(answers_come_in_the_order_in_which_they_are_ready),
        cmocka_unit_test(impossible_lengths_close_the_connection),
        cmocka_unit_test(reading_stops_at_the_pipeline_limit_and_goes_on),
        cmocka_unit_test(a_client_that_has_closed_its_half_gets_its_answers),
        cmocka_unit_test(what_a_vanished_client_asked_is_abandoned),
        cmocka_unit_test(idle_connections_are_closed),
        cmocka_unit_test(a_message_must_come_whole_in_time),
        cmocka_unit_test(a_client_that_does_not_read_is_closed),
        cmocka_unit_test(one_that_reads_slowly_gets_everything),
        cmocka_unit_test(patience_lasts_while_something_is_read),
        cmocka_unit_test(more_than_the_queue_holds_closes_the_connection),
        cmocka_unit_test(one_client_has_only_so_many_connections),
        cmocka_unit_test(at_the_limit_the_longest_idle_makes_room),
        cmocka_unit_test(the_limit_may_be_lower),
        cmocka_unit_test(without_a_timer_or_a_slot_nothing_breaks),
        cmocka_unit_test(closing_abandons_what_waits),
    };
    return cmocka_run_group_tests_name("net/tcp", tests, NULL, NULL);
}
