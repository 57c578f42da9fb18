/* net/udp: datagrams over loopback, against an engine that says what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake_engine.h"

#include <errno.h>
#include <netinet/ip.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static int client_of(int family)
{
    const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    return fd;
}

static void ask(const struct fake *fake, int fd, const char *asked, uint16_t id, char kind)
{
    struct sockaddr_storage to;
    struct address address;
    uint8_t octets[64];
    const size_t len = fake_question(octets, id, kind);

    assert_int_equal(address_parse(asked, strlen(asked), fake->at.port, &address), 0);
    const socklen_t to_len = address_to_sockaddr(&address, &to);
    assert_int_equal(sendto(fd, octets, len, 0, (struct sockaddr *)&to, to_len), (ssize_t)len);
}

/* The id of the next answer, and where it came from; -1: there is none. */
static int answer_from(int fd, struct address *from)
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    uint8_t octets[NET_DATAGRAM_MAX];
    const ssize_t got =
        recvfrom(fd, octets, sizeof(octets), 0, (struct sockaddr *)&storage, &len);

    if (got < 12) {
        return -1;
    }
    assert_true(address_from_sockaddr((struct sockaddr *)&storage, from));
    assert_true((octets[2] & 0x80) != 0);
    return wire_get16(octets);
}

static void answers_come_from_the_address_that_was_asked(void **state)
{
    static const struct {
        const char *bound, *asked;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1"}, /* one address */
        {"0.0.0.0", "127.0.0.1"},   /* the wildcard, by the usual name */
        {"0.0.0.0", "127.0.0.77"},  /* and by another */
        {"127.0.0.5", "127.0.0.5"}, {"::1", "::1"}, {"::", "::1"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct address asked;
        struct address from;
        struct fake fake;

        fake_init(&fake, cases[i].bound);
        assert_int_equal(
            address_parse(cases[i].asked, strlen(cases[i].asked), fake.at.port, &asked), 0);
        const int fd = client_of(asked.family == ADDRESS_V6 ? AF_INET6 : AF_INET);
        ask(&fake, fd, cases[i].asked, 0x1234, 'a');
        fake_settle(&fake);
        assert_int_equal(answer_from(fd, &from), 0x1234);
        assert_true(address_equal(&from, &asked));
        assert_true(address_equal(&fake.last.local, &asked));
        assert_true(address_is_loopback(&fake.last.from));
        assert_int_equal(fake.last.transport, QUERY_UDP);
        assert_true(fake.last.keepalive_100ms < 0);
        assert_true(fake.turns > 0);
        assert_int_equal(answer_from(fd, &from), -1);
        close(fd);
        fake_deinit(&fake);
    }
}

static void a_burst_is_answered_whole(void **state)
{
    enum {
        BURST = 200
    };
    bool seen[BURST] = {false};
    struct address from;
    struct fake fake;
    int id;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = client_of(AF_INET);
    for (uint16_t i = 0; i < BURST; i++) {
        ask(&fake, fd, "127.0.0.1", i, 'a');
    }
    fake_settle(&fake);
    while ((id = answer_from(fd, &from)) >= 0) {
        assert_true(id < BURST && !seen[id]);
        seen[id] = true;
    }
    for (size_t i = 0; i < BURST; i++) {
        assert_true(seen[i]);
    }
    assert_int_equal(net_counters(fake.net)->udp_received, BURST);
    assert_int_equal(net_counters(fake.net)->udp_sent, BURST);
    /* 200 at once are 7 batches of 32, and no more than four of them in one callback. */
    assert_true(fake.turns >= 2);
    close(fd);
    fake_deinit(&fake);
}

static void on_timer(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static void a_flood_starves_neither_tcp_nor_timers(void **state)
{
    enum {
        FLOOD = 2000, /* as many of them as the socket holds */
        MOST = NET_BATCHES_PER_TURN * NET_BATCH
    };
    uint8_t question[2 + 64], answer[2 + 64];
    struct sockaddr_storage to;
    struct fake fake;
    uv_timer_t timer;
    bool fired = false;
    ssize_t got = -1;
    unsigned turns = 0;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = client_of(AF_INET);
    for (unsigned i = 0; i < FLOOD; i++) {
        ask(&fake, fd, "127.0.0.1", (uint16_t)i, 'a');
    }
    const int tcp = socket(AF_INET, SOCK_STREAM, 0);
    const socklen_t to_len = address_to_sockaddr(&fake.at, &to);
    assert_int_equal(connect(tcp, (struct sockaddr *)&to, to_len), 0);
    const size_t len = fake_question(question + 2, 7, 'a');
    wire_put16(question, (uint16_t)len);
    assert_int_equal(send(tcp, question, 2 + len, 0), (ssize_t)(2 + len));
    uv_timer_init(&fake.loop, &timer);
    timer.data = &fired;
    uv_timer_start(&timer, on_timer, 0, 0);

    /* Accepting and reading are a turn each; the answer leaves with the second. */
    for (; got < 0 && turns < 4; turns++) {
        ask(&fake, fd, "127.0.0.1", 1, 'a'); /* it goes on */
        uv_run(&fake.loop, UV_RUN_NOWAIT);
        assert_true(net_counters(fake.net)->udp_received <= (uint64_t)(turns + 1) * MOST);
        got = recv(tcp, answer, sizeof(answer), MSG_DONTWAIT);
    }
    assert_int_equal(got, 2 + len);
    assert_true(fired);
    assert_int_equal(net_counters(fake.net)->udp_received, (uint64_t)turns * MOST);
    uv_close((uv_handle_t *)&timer, NULL);
    close(tcp);
    close(fd);
    fake_deinit(&fake);
}

static void later_answers_leave_with_the_next_turn_of_the_loop(void **state)
{
    struct address from;
    struct fake fake;

    (void)state;
    fake_init(&fake, "0.0.0.0");
    const int first = client_of(AF_INET);
    const int second = client_of(AF_INET);
    for (uint16_t i = 0; i < 50; i++) {
        ask(&fake, i % 2 == 0 ? first : second, "127.0.0.9", i, 'w');
    }
    fake_settle(&fake);
    assert_int_equal(fake.held_count, 50);
    assert_int_equal(answer_from(first, &from), -1);
    for (uint16_t i = 50; i-- > 0;) {
        fake_answer(&fake, i); /* more than a batch: the queue empties itself */
    }
    fake_settle(&fake);
    for (uint16_t i = 50; i-- > 0;) {
        assert_int_equal(answer_from(i % 2 == 0 ? first : second, &from), i);
        assert_int_equal(from.octets[3], 9);
    }
    close(first);
    close(second);
    fake_deinit(&fake);
}

static void the_worker_may_flush_by_itself(void **state)
{
    struct address from;
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = client_of(AF_INET);
    ask(&fake, fd, "127.0.0.1", 7, 'w');
    fake_settle(&fake);
    fake_answer(&fake, 7);
    assert_int_equal(answer_from(fd, &from), -1);
    net_flush(fake.net);
    assert_int_equal(answer_from(fd, &from), 7);
    close(fd);
    fake_deinit(&fake);
}

static void what_the_kernel_has_cut_is_not_looked_at(void **state)
{
    static const struct {
        size_t len;
        size_t run, ignored;
    } cases[] = {
        {NET_DATAGRAM_MAX + 1, 0, 1}, /* one octet too many */
        {60000, 0, 1},
        {NET_DATAGRAM_MAX, 1, 0}, /* the largest */
        {0, 1, 0},                /* nothing: for the engine to drop */
        {1, 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        static uint8_t octets[60000];
        struct sockaddr_storage to;
        struct fake fake;

        fake_init(&fake, "127.0.0.1");
        const int fd = client_of(AF_INET);
        const socklen_t to_len = address_to_sockaddr(&fake.at, &to);
        octets[13] = 'd';
        assert_int_equal(sendto(fd, octets, cases[i].len, 0, (struct sockaddr *)&to, to_len),
                         (ssize_t)cases[i].len);
        fake_settle(&fake);
        assert_int_equal(fake.run, cases[i].run);
        assert_int_equal(net_counters(fake.net)->udp_ignored, cases[i].ignored);
        close(fd);
        fake_deinit(&fake);
    }
}

static void a_question_to_everybody_is_ignored(void **state)
{
    const int one = 1;
    struct fake fake;

    (void)state;
    fake_init(&fake, "0.0.0.0");
    const int fd = client_of(AF_INET);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)), 0);
    ask(&fake, fd, "127.255.255.255", 1, 'a');
    fake_settle(&fake);
    assert_int_equal(fake.run, 0);
    assert_int_equal(net_counters(fake.net)->udp_ignored, 1);
    close(fd);
    fake_deinit(&fake);
}

/* A raw socket can claim to come from port 0. Needs the right to; skipped without. */
static void no_answer_can_go_to_port_0(void **state)
{
    uint8_t packet[8 + 64] = {0};
    struct sockaddr_storage to;
    struct fake fake;

    (void)state;
    const int raw = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
    if (raw < 0) {
        skip();
    }
    fake_init(&fake, "127.0.0.1");
    const size_t len = 8 + fake_question(packet + 8, 1, 'a');
    wire_put16(packet + 2, fake.at.port);
    wire_put16(packet + 4, (uint16_t)len);
    socklen_t to_len = address_to_sockaddr(&fake.at, &to);
    ((struct sockaddr_in *)&to)->sin_port = 0;
    assert_int_equal(sendto(raw, packet, len, 0, (struct sockaddr *)&to, to_len), (ssize_t)len);
    fake_settle(&fake);
    assert_int_equal(net_counters(fake.net)->udp_received, 1);
    assert_int_equal(net_counters(fake.net)->udp_ignored, 1);
    assert_int_equal(fake.run, 0);
    close(raw);
    fake_deinit(&fake);
}

static void without_a_slot_a_question_is_lost_and_the_next_is_not(void **state)
{
    struct address from;
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = client_of(AF_INET);
    fake.slots_left = 1;
    ask(&fake, fd, "127.0.0.1", 1, 'w');
    ask(&fake, fd, "127.0.0.1", 2, 'w');
    fake_settle(&fake);
    assert_int_equal(fake.run, 1);
    fake_answer(&fake, 1);
    fake_settle(&fake);
    assert_int_equal(answer_from(fd, &from), 1);
    ask(&fake, fd, "127.0.0.1", 3, 'a');
    fake_settle(&fake);
    assert_int_equal(answer_from(fd, &from), 3);
    close(fd);
    fake_deinit(&fake);
}

static void ask_many(struct fake *fake, int fd, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        ask(fake, fd, "127.0.0.1", (uint16_t)i, 'd');
    }
}

/* More than a turn of the loop takes: the socket is not watched until there is less, and what
 * else there is to do is done meanwhile; then the loop sleeps again. */
static void a_flood_is_read_turn_by_turn(void **state)
{
    const unsigned turn = NET_BATCHES_PER_TURN * NET_BATCH;
    struct address from;
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const struct net_counters *counters = net_counters(fake.net);
    const int fd = client_of(AF_INET);
    for (unsigned round = 0; round < 3; round++) {
        const uint64_t before = counters->udp_received;

        ask_many(&fake, fd, 3 * turn + 5);
        uv_run(&fake.loop, UV_RUN_NOWAIT);
        assert_int_equal(counters->udp_received, before + turn);
        assert_true(fake.net->udp[0].busy);
        assert_true(uv_is_active((uv_handle_t *)&fake.net->each_turn));
        assert_false(uv_is_active((uv_handle_t *)&fake.net->udp[0].poll));
        for (unsigned i = 2; i <= 3; i++) {
            uv_run(&fake.loop, UV_RUN_NOWAIT);
            assert_int_equal(counters->udp_received, before + i * turn);
        }
        fake_settle(&fake);
        assert_int_equal(counters->udp_received, before + 3 * turn + 5);
        assert_false(fake.net->udp[0].busy);
        assert_false(uv_is_active((uv_handle_t *)&fake.net->each_turn));
        assert_true(uv_is_active((uv_handle_t *)&fake.net->udp[0].poll));
        ask(&fake, fd, "127.0.0.1", (uint16_t)round, 'a');
        fake_settle(&fake);
        assert_int_equal(answer_from(fd, &from), round);
    }
    close(fd);
    fake_deinit(&fake);
}

static void on_handed(void *context, int fd)
{
    (void)context;
    close(fd);
}

/* What is left in the kernel is the successor's, in a flood, too; and the end comes within one.
 */
static void a_flood_is_left_and_closed_at_any_time(void **state)
{
    const unsigned turn = NET_BATCHES_PER_TURN * NET_BATCH;

    (void)state;
    for (int leaves = 0; leaves < 2; leaves++) {
        struct fake fake;

        fake_init(&fake, "127.0.0.1");
        const int fd = client_of(AF_INET);
        ask_many(&fake, fd, 4 * turn);
        uv_run(&fake.loop, UV_RUN_NOWAIT);
        assert_true(fake.net->udp[0].busy);
        if (leaves == 1) {
            net_leave(fake.net, on_handed, NULL);
            fake_settle(&fake);
            assert_int_equal(net_counters(fake.net)->udp_received, turn);
            assert_false(uv_is_active((uv_handle_t *)&fake.net->each_turn));
        }
        close(fd);
        fake_deinit(&fake); /* nothing keeps the loop */
    }
}

static void what_the_kernel_drops_is_counted(void **state)
{
    const unsigned many = 60000;
    struct address from;
    struct fake fake;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = client_of(AF_INET);
    for (unsigned i = 0; i < many; i++) {
        ask(&fake, fd, "127.0.0.1", (uint16_t)i, 'd'); /* nobody reads */
    }
    const struct net_counters *counters = net_counters(fake.net);
    net_count_drops(fake.net); /* at any time: nothing has been read yet */
    const uint64_t drops = counters->udp_kernel_drops;
    assert_true(drops > 0);
    assert_int_equal(counters->udp_received, 0);
    fake_settle(&fake);
    assert_int_equal(counters->udp_received + drops, many);
    net_count_drops(fake.net); /* each once */
    assert_int_equal(counters->udp_kernel_drops, drops);
    ask(&fake, fd, "127.0.0.1", 1, 'a');
    fake_settle(&fake);
    assert_int_equal(answer_from(fd, &from), 1);
    close(fd);
    fake_deinit(&fake);
}

static void an_answer_that_cannot_leave_is_counted_and_the_others_leave(void **state)
{
    struct address from;
    struct fake fake;

    (void)state;
    fake_init(&fake, "0.0.0.0");
    const int fd = client_of(AF_INET);
    for (uint16_t i = 0; i < 3; i++) {
        ask(&fake, fd, "127.0.0.1", i, 'w');
    }
    fake_settle(&fake);
    for (struct query *q = fake.held; q != NULL; q = q->next_held) {
        if (wire_get16(q->message) == 1) {
            q->client.local.octets[0] = 192; /* an address that has left this machine */
        }
    }
    fake_answer(&fake, 0);
    fake_answer(&fake, 1);
    fake_answer(&fake, 2);
    fake_settle(&fake);
    assert_int_equal(net_counters(fake.net)->udp_send_failed, 1);
    assert_int_equal(answer_from(fd, &from), 0);
    assert_int_equal(answer_from(fd, &from), 2);
    close(fd);
    fake_deinit(&fake);
}

static void nothing_is_promised_after_closing(void **state)
{
    struct fake fake;
    size_t size;

    (void)state;
    fake_init(&fake, "127.0.0.1");
    const int fd = client_of(AF_INET);
    ask(&fake, fd, "127.0.0.1", 1, 'w');
    fake_settle(&fake);
    net_close(fake.net);
    assert_null(net_reserve(fake.net, fake.held, &size));
    fake_deinit(&fake); /* closing twice is fine */
    close(fd);
    net_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_from_the_address_that_was_asked),
        cmocka_unit_test(a_burst_is_answered_whole),
        cmocka_unit_test(a_flood_starves_neither_tcp_nor_timers),
        cmocka_unit_test(later_answers_leave_with_the_next_turn_of_the_loop),
        cmocka_unit_test(the_worker_may_flush_by_itself),
        cmocka_unit_test(what_the_kernel_has_cut_is_not_looked_at),
        cmocka_unit_test(a_question_to_everybody_is_ignored),
        cmocka_unit_test(no_answer_can_go_to_port_0),
        cmocka_unit_test(without_a_slot_a_question_is_lost_and_the_next_is_not),
        cmocka_unit_test(a_flood_is_read_turn_by_turn),
        cmocka_unit_test(a_flood_is_left_and_closed_at_any_time),
        cmocka_unit_test(what_the_kernel_drops_is_counted),
        cmocka_unit_test(an_answer_that_cannot_leave_is_counted_and_the_others_leave),
        cmocka_unit_test(nothing_is_promised_after_closing),
    };
    return cmocka_run_group_tests_name("net/udp", tests, NULL, NULL);
}
