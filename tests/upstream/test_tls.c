/* upstream/transport_tls: a worker's transport over TLS, against a server that the test plays.
 * The sockets are real, the time is the test's: a machine that stands still changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tls/certificates.h"
#include "upstream/exchange.h"
#include "upstream/sockets.h"
#include "upstream/transport.h"
#include "wire/message.h"
#include "wire/option.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))
#define LINKS_MAX    8
#define MANY         200

static uint64_t
    loop_ms; /* of loops: as far as the transport sees, theirs passes with the test's */

uint64_t uv_now(const uv_loop_t *loop)
{
    (void)loop;
    return loop_ms;
}

/* ---- who plays ---- */

/* A connection to a server. */
struct link {
    int fd; /* -1: there is none */
    struct peer peer;
    uint8_t first; /* octet that ever came */
    uint8_t in[65536];
    size_t used;
};

/* A server on TCP, and a socket for UDP on which nothing may ever come. */
struct server {
    struct address at;
    int udp, tcp;
    bool mute; /* accepts, and says nothing */
    SSL_CTX *context;
    unsigned accepted;
    struct link links[LINKS_MAX];
};

struct stage {
    struct holder root, right, wrong;
    struct tls_trust *trust, *other_trust;
    /* of one test */
    uv_loop_t loop;
    struct timers *timers;
    struct clock_now now;
    struct random random;
    struct upstream_transport *transport;
    struct upstream_conditions *conditions;
    struct upstream *upstream;
    struct upstream_settings settings;
    size_t done, answered, server_count;
    enum query_fetch_status status;
    size_t len;
    struct address from;
    struct server servers[2];
};

void query_fetch_done(struct query_engine *engine, struct query_fetch *fetch,
                      const struct query_fetch_result *result)
{
    struct stage *stage = (struct stage *)(void *)engine;

    (void)fetch;
    stage->done++;
    stage->answered += result->status == QUERY_FETCH_ANSWER;
    stage->status = result->status;
    stage->len = result->len;
    stage->from = result->upstream;
}

bool query_fetch_may_ask(const struct query_engine *engine, const struct query_fetch *fetch)
{
    (void)engine;
    (void)fetch;
    return true;
}

void query_fetch_note(const struct query_fetch *fetch, const char *format, ...)
{
    (void)fetch;
    (void)format;
}

static struct tls_trust *trust_in(const struct holder *root)
{
    char *pem = certificate_pem(root);
    struct tls_trust *trust = NULL;

    assert_int_equal(
        tls_trust_build((const uint8_t *)pem, strlen(pem), true, "root", NULL, &trust), 0);
    free(pem);
    return trust;
}

static int setup(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));

    stage->root = make_holder((struct order){.common_name = "Root", .is_ca = true});
    stage->right = make_holder((struct order){
        .common_name = "server", .names = "DNS:dns.test", .issuer = &stage->root});
    stage->wrong = make_holder((struct order){
        .common_name = "other", .names = "DNS:other.test", .issuer = &stage->root});
    stage->trust = trust_in(&stage->root);
    stage->other_trust = trust_in(&stage->right);
    *state = stage;
    return 0;
}

static int teardown(void **state)
{
    struct stage *stage = *state;

    free_holder(&stage->root);
    free_holder(&stage->right);
    free_holder(&stage->wrong);
    tls_trust_release(stage->trust);
    tls_trust_release(stage->other_trust);
    free(stage);
    return 0;
}

static void server_init(struct server *server, const struct holder *holder)
{
    struct sockaddr_storage storage;

    memset(server, 0, sizeof(*server));
    for (size_t i = 0; i < LINKS_MAX; i++) {
        server->links[i].fd = -1;
    }
    assert_int_equal(address_parse("127.0.0.1", 9, 0, &server->at), 0);
    for (unsigned i = 0; i < 20; i++) {
        server->at.port = 0;
        socklen_t len = address_to_sockaddr(&server->at, &storage);
        server->udp = socket(storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        server->tcp = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(server->tcp, (struct sockaddr *)&storage, len), 0);
        assert_int_equal(getsockname(server->tcp, (struct sockaddr *)&storage, &len), 0);
        assert_true(address_from_sockaddr((struct sockaddr *)&storage, &server->at));
        if (bind(server->udp, (struct sockaddr *)&storage, len) == 0) {
            break;
        }
        close(server->udp);
        close(server->tcp);
    }
    assert_int_equal(listen(server->tcp, 16), 0);
    server->context = server_context(holder, NULL);
}

static void unlink_link(struct link *link)
{
    if (link->fd >= 0) {
        close(link->fd);
        peer_deinit(&link->peer);
        link->fd = -1;
    }
}

static void close_links(struct server *server)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        unlink_link(&server->links[i]);
    }
}

static unsigned open_links(const struct server *server)
{
    unsigned count = 0;

    for (size_t i = 0; i < LINKS_MAX; i++) {
        count += server->links[i].fd >= 0;
    }
    return count;
}

static void server_deinit(struct server *server)
{
    uint8_t octets[512];

    assert_int_equal(recv(server->udp, octets, sizeof(octets), 0), -1); /* never in clear */
    close_links(server);
    close(server->udp);
    close(server->tcp);
    SSL_CTX_free(server->context);
}

static void turn(void *context)
{
    struct stage *stage = context;

    upstream_time(stage->upstream, stage->now);
}

/* Servers that answer with these holders, all looked for as dns.test. */
static void play(struct stage *stage, const struct holder *const *holders, size_t count)
{
    const uint8_t seed[RANDOM_SEED_OCTETS] = {42};

    stage->done = stage->answered = 0;
    stage->now = clock_read();
    stage->server_count = count;
    stage->settings = (struct upstream_settings){.count = count,
                                                 .choose = UPSTREAM_ORDERED,
                                                 .letter_case = UPSTREAM_CASE_RANDOM,
                                                 .udp_size = 1232,
                                                 .trust = stage->trust};
    for (size_t i = 0; i < count; i++) {
        server_init(&stage->servers[i], holders[i]);
        stage->settings.servers[i] = (struct endpoint){
            .address = stage->servers[i].at, .transport = ENDPOINT_TLS, .name = "dns.test"};
    }
    random_init_seed(&stage->random, seed);
    assert_int_equal(uv_loop_init(&stage->loop), 0);
    stage->timers = timers_create(1024);
    stage->transport = upstream_transport_create(&stage->loop, &stage->random);
    stage->conditions = upstream_conditions_create();
    stage->upstream = upstream_create(&upstream_transport_io, stage->transport,
                                      (struct query_engine *)(void *)stage, stage->timers,
                                      &stage->random, stage->conditions, 512);
    upstream_transport_attach(stage->transport, stage->upstream);
    upstream_transport_on_turn(stage->transport, turn, stage);
    upstream_configure(stage->upstream, &stage->settings);
    turn(stage);
}

static void play_one(struct stage *stage, const struct holder *holder)
{
    play(stage, &holder, 1);
}

static void end(struct stage *stage)
{
    upstream_destroy(stage->upstream);
    upstream_conditions_destroy(stage->conditions);
    upstream_transport_close(stage->transport);
    uv_run(&stage->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&stage->loop), 0);
    timers_destroy(stage->timers);
    for (size_t i = 0; i < stage->server_count; i++) {
        server_deinit(&stage->servers[i]);
    }
}

/* ---- time passes ---- */

static void accept_link(struct server *server)
{
    const int fd = accept4(server->tcp, NULL, NULL, SOCK_NONBLOCK);

    if (fd < 0) {
        return;
    }
    server->accepted++;
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct link *link = &server->links[i];
        if (link->fd < 0) {
            link->fd = fd;
            link->used = 0;
            link->first = 0;
            peer_init(&link->peer, server->context);
            return;
        }
    }
    fail_msg("more connections than the test expects");
}

static void send_all(struct link *link)
{
    uint8_t octets[16384];
    int len;

    while (link->fd >= 0 && (len = BIO_read(link->peer.out, octets, sizeof(octets))) > 0) {
        ssize_t put = 0;
        while (put < len) {
            const ssize_t now = send(link->fd, octets + put, (size_t)(len - put), MSG_NOSIGNAL);
            if (now < 0) {
                return; /* it has gone */
            }
            put += now;
        }
    }
}

static void serve_link(struct server *server, struct link *link)
{
    uint8_t octets[16384];
    const ssize_t got = recv(link->fd, octets, sizeof(octets), 0);

    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        unlink_link(link);
        return;
    }
    if (got > 0) {
        link->first = link->first == 0 ? octets[0] : link->first;
        need(BIO_write(link->peer.in, octets, (int)got) == (int)got);
    }
    if (server->mute) {
        return;
    }
    ERR_clear_error();
    if (SSL_do_handshake(link->peer.ssl) == 1) {
        size_t len = 0;
        while (SSL_read_ex(link->peer.ssl, link->in + link->used, sizeof(link->in) - link->used,
                           &len) == 1) {
            link->used += len;
        }
    }
    ERR_clear_error();
    send_all(link);
}

/* Both sides go on until nothing has happened for a moment. */
static void settle(struct stage *stage)
{
    for (unsigned idle = 0; idle < 3; idle++) {
        struct pollfd ready = {uv_backend_fd(&stage->loop), POLLIN, 0};

        for (size_t i = 0; i < stage->server_count; i++) {
            struct server *server = &stage->servers[i];
            accept_link(server);
            for (size_t j = 0; j < LINKS_MAX; j++) {
                if (server->links[j].fd >= 0) {
                    serve_link(server, &server->links[j]);
                }
            }
        }
        if (poll(&ready, 1, 2) > 0) {
            idle = 0;
        }
        uv_run(&stage->loop, UV_RUN_NOWAIT);
        turn(stage);
        timers_run(stage->timers, stage->now.mono_us);
    }
}

#define STEP_MS 20

/* The same after a step of time; what the transport does now and then is done, too. */
static void step(struct stage *stage, unsigned ms)
{
    stage->now.mono_us += ms * UINT64_C(1000);
    stage->now.wall_us += ms * UINT64_C(1000);
    loop_ms += ms;
    turn(stage);
    upstream_tcp_look_after(stage->transport);
    settle(stage);
}

static void pass(struct stage *stage, unsigned ms)
{
    for (; ms > STEP_MS; ms -= STEP_MS) {
        step(stage, STEP_MS);
    }
    step(stage, ms);
}

static void until_done(struct stage *stage, size_t done)
{
    for (unsigned passed = 0; stage->done < done && passed < 20000; passed += STEP_MS) {
        step(stage, STEP_MS);
    }
    assert_int_equal(stage->done, done);
}

static void ask(struct stage *stage, struct query_fetch *fetch, const char *name)
{
    *fetch = (struct query_fetch){.type = WIRE_A, .deadline_us = stage->now.mono_us + 4000000};
    assert_int_equal(wire_name_from_text(name, strlen(name), &fetch->name), WIRE_TEXT_OK);
    turn(stage);
    assert_int_equal(upstream_ask(stage->upstream, fetch), 0);
}

/* ---- questions and answers ---- */

/* The next question on the link into question[]; its length, 0: there is none. */
static size_t take(struct link *link, uint8_t question[512])
{
    if (link->used < 2) {
        return 0;
    }
    const size_t len = wire_get16(link->in);
    assert_in_range(len, 12, 512);
    if (link->used < 2 + len) {
        return 0;
    }
    memcpy(question, link->in + 2, len);
    link->used -= 2 + len;
    memmove(link->in, link->in + 2 + len, link->used);
    return len;
}

/* The same, waited for. */
static size_t take_soon(struct stage *stage, struct link *link, uint8_t question[512])
{
    size_t len = 0;

    for (unsigned passed = 0; len == 0 && passed < 10000; passed++) {
        step(stage, 1);
        len = link->fd >= 0 ? take(link, question) : 0;
    }
    assert_true(len > 0);
    return len;
}

/* Answers with an OPT record: keepalive in 100 ms, -1: none; fill octets of TXT. */
static void answer(struct link *link, const uint8_t *question, size_t len, int keepalive,
                   size_t fill)
{
    static uint8_t frame[70000];
    struct wire_message message;
    uint8_t *at = frame + 2;

    assert_int_equal(wire_message_open(question, len, &message), WIRE_OK);
    memcpy(at, question, message.body);
    wire_put16(at + 2, WIRE_FLAG_QR | WIRE_FLAG_RA);
    wire_put16(at + 10, 1);
    size_t end_at = message.body;
    if (fill > 0) {
        static const uint8_t head[] = {0xc0, 12, 0, 99, 0, 1, 0, 0, 0, 60};
        wire_put16(at + 6, 1);
        memcpy(at + end_at, head, sizeof(head));
        wire_put16(at + end_at + sizeof(head), (uint16_t)fill);
        memset(at + end_at + sizeof(head) + 2, 'x', fill);
        end_at += sizeof(head) + 2 + fill;
    }
    static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
    memcpy(at + end_at, opt, sizeof(opt));
    size_t whole = end_at + sizeof(opt);
    if (keepalive >= 0) {
        const uint8_t value[2] = {(uint8_t)(keepalive >> 8), (uint8_t)keepalive};
        whole = wire_option_add(at, 65535, whole, end_at, WIRE_OPTION_KEEPALIVE, value, 2);
        assert_true(whole > 0);
    }
    wire_put16(frame, (uint16_t)whole);
    need(SSL_write(link->peer.ssl, frame, (int)(2 + whole)) == (int)(2 + whole));
    send_all(link);
}

/* Answers all that has been asked; their number. */
static unsigned answer_all(struct stage *stage, int keepalive)
{
    unsigned count = 0;

    for (size_t i = 0; i < stage->server_count; i++) {
        for (size_t j = 0; j < LINKS_MAX; j++) {
            struct link *link = &stage->servers[i].links[j];
            uint8_t question[512];
            size_t len;
            while (link->fd >= 0 && (len = take(link, question)) > 0) {
                answer(link, question, len, keepalive, 0);
                count++;
            }
        }
    }
    settle(stage);
    return count;
}

/* All questions are answered until so many are done, the last with success. */
static void answer_until(struct stage *stage, size_t done, int keepalive)
{
    for (unsigned passed = 0; stage->done < done && passed < 10000; passed += 5) {
        step(stage, 5);
        answer_all(stage, keepalive);
    }
    assert_int_equal(stage->done, done);
    assert_int_equal(stage->status, QUERY_FETCH_ANSWER);
}

/* One question from the first to the last, answered. */
static void ask_and_answer(struct stage *stage, int keepalive)
{
    struct query_fetch fetch;

    ask(stage, &fetch, "www.example.test");
    answer_until(stage, stage->done + 1, keepalive);
}

static struct upstream_server_status status_of(struct stage *stage, size_t server)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];

    assert_true(server < upstream_status(stage->upstream, status));
    return status[server];
}

/* ---- what must be so ---- */

static void a_question_goes_over_tls_and_nowhere_else(void **state)
{
    struct stage *stage = *state;
    struct query_fetch fetch;
    uint8_t question[512];
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_option option;
    unsigned options = 0;

    play_one(stage, &stage->right);
    ask(stage, &fetch, "www.example.test");
    struct link *link = &stage->servers[0].links[0];
    const size_t len = take_soon(stage, link, question);
    assert_int_equal(stage->servers[0].accepted, 1);
    assert_int_equal(link->first, 0x16); /* a handshake is what it begins with */
    assert_int_equal(len, UPSTREAM_PADDING_BLOCK);
    assert_int_equal(wire_message_open(question, len, &message), WIRE_OK);
    /* No random case: TLS is what a forger would have to break. */
    assert_memory_equal(question + message.name_at, fetch.name.octets, fetch.name.len);
    wire_cursor_start(&cursor, &message);
    assert_int_equal(wire_cursor_next(&cursor, &record), 1);
    assert_int_equal(record.type, WIRE_OPT);
    struct wire_options all = {question + record.rdata, record.rdata_len, 0};
    while (wire_option_next(&all, &option) > 0) {
        options++;
        assert_true((option.code == WIRE_OPTION_KEEPALIVE && option.len == 0) ||
                    option.code == WIRE_OPTION_PADDING);
    }
    assert_int_equal(options, 2);
    answer(link, question, len, -1, 0);
    until_done(stage, 1);
    assert_int_equal(stage->status, QUERY_FETCH_ANSWER);
    const struct upstream_server_status status = status_of(stage, 0);
    assert_int_equal(status.health, UPSTREAM_UP);
    assert_true(status.rtt_us > 0);
    assert_int_equal(status.tls.handshakes, 1);
    assert_int_equal(status.tls.failures, 0);
    end(stage);
}

static void questions_share_connections_and_come_back_in_any_order(void **state)
{
    struct stage *stage = *state;
    static struct query_fetch fetches[MANY];
    static uint8_t questions[MANY][512];
    static struct link *links[MANY];
    size_t lens[MANY];
    size_t have = 0;

    play_one(stage, &stage->right);
    for (size_t i = 0; i < MANY; i++) {
        char name[40];
        snprintf(name, sizeof(name), "n%zu.example.test", i);
        ask(stage, &fetches[i], name);
    }
    for (unsigned passed = 0; have < MANY && passed < 10000; passed++) {
        step(stage, 1);
        for (size_t j = 0; j < LINKS_MAX; j++) {
            struct link *link = &stage->servers[0].links[j];
            while (link->fd >= 0 && have < MANY &&
                   (lens[have] = take(link, questions[have])) > 0) {
                links[have++] = link;
            }
        }
    }
    assert_int_equal(have, MANY);
    assert_int_equal(stage->servers[0].accepted,
                     (MANY + UPSTREAM_TCP_PIPELINE_MAX - 1) / UPSTREAM_TCP_PIPELINE_MAX);
    while (have-- > 0) {
        answer(links[have], questions[have], lens[have], -1, 0);
    }
    until_done(stage, MANY);
    assert_int_equal(stage->answered, MANY);
    assert_int_equal(pool_in_use(stage->transport->riders), 0);
    end(stage);
}

static void a_large_answer_comes_in_many_records(void **state)
{
    struct stage *stage = *state;
    struct query_fetch fetch;
    uint8_t question[512];

    play_one(stage, &stage->right);
    ask(stage, &fetch, "www.example.test");
    struct link *link = &stage->servers[0].links[0];
    const size_t len = take_soon(stage, link, question);
    answer(link, question, len, -1, 65000);
    until_done(stage, 1);
    assert_int_equal(stage->status, QUERY_FETCH_ANSWER);
    assert_true(stage->len > 65000);
    end(stage);
}

static void a_wrong_server_gets_no_question_and_is_told_of(void **state)
{
    struct stage *stage = *state;
    struct query_fetch fetch;

    play_one(stage, &stage->wrong);
    ask(stage, &fetch, "www.example.test");
    until_done(stage, 1);
    assert_int_equal(stage->status, QUERY_FETCH_UNPROVED);
    assert_int_equal(answer_all(stage, -1), 0); /* it never saw the question */
    struct upstream_server_status status = status_of(stage, 0);
    assert_int_equal(status.tls.failures, 1);
    assert_int_equal(status.tls.handshakes, 0);
    assert_string_equal(status.tls.error, "its certificate \"CN=other\" is for other.test, not "
                                          "for dns.test");
    /* For a moment it is left in peace. */
    for (unsigned i = 0; i < 20; i++) {
        ask(stage, &fetch, "www.example.test");
        until_done(stage, 2 + i);
        assert_int_equal(stage->status, QUERY_FETCH_UNPROVED);
    }
    assert_int_equal(stage->servers[0].accepted, 1);
    /* Then it may try again, and has become the right one. */
    SSL_CTX_free(stage->servers[0].context);
    stage->servers[0].context = server_context(&stage->right, NULL);
    pass(stage, UPSTREAM_TLS_PAUSE_MS + 100);
    ask_and_answer(stage, -1);
    status = status_of(stage, 0);
    assert_string_equal(status.tls.error, "");
    assert_int_equal(status.tls.failures, 1);
    assert_int_equal(status.tls.handshakes, 1);
    end(stage);
}

static void the_next_server_is_asked_when_one_proves_nothing(void **state)
{
    struct stage *stage = *state;
    const struct holder *const holders[] = {&stage->wrong, &stage->right};

    play(stage, holders, 2);
    for (unsigned i = 0; i < 5; i++) {
        ask_and_answer(stage, -1);
        assert_true(address_equal(&stage->from, &stage->servers[1].at));
    }
    assert_int_equal(stage->servers[0].accepted, 1);
    assert_int_equal(stage->servers[1].accepted, 1);
    assert_int_equal(status_of(stage, 0).health, UPSTREAM_DOWN);
    end(stage);
}

/* What is wrong shows from the first question on: nobody listens, or it hangs up on questions.
 */
static void a_server_that_never_answers_says_why(void **state)
{
    struct stage *stage = *state;
    struct query_fetch fetch;

    play_one(stage, &stage->right);
    close(stage->servers[0].tcp);
    stage->servers[0].tcp = -1;
    ask(stage, &fetch, "www.example.test");
    until_done(stage, 1);
    struct upstream_server_status status = status_of(stage, 0);
    assert_int_equal(status.health, UPSTREAM_UNTRIED);
    assert_int_equal(status.failure, UPSTREAM_REASON_UNREACHABLE);
    assert_int_equal(status.failure_error, -ECONNREFUSED);
    end(stage);

    play_one(stage, &stage->right);
    ask(stage, &fetch, "www.example.test");
    for (unsigned i = 0; i < 2; i++) { /* once more, over a new connection */
        uint8_t question[512];
        (void)take_soon(stage, &stage->servers[0].links[0], question);
        close_links(&stage->servers[0]);
    }
    until_done(stage, 1);
    status = status_of(stage, 0);
    assert_int_equal(status.health, UPSTREAM_UNTRIED);
    assert_int_equal(status.failure, UPSTREAM_REASON_UNREACHABLE);
    assert_int_equal(status.failure_error, -ECONNRESET);
    ask_and_answer(stage, -1);
    assert_int_equal(status_of(stage, 0).failure, UPSTREAM_REASON_NONE);
    end(stage);
}

static void a_new_connection_goes_on_with_the_old_session(void **state)
{
    struct stage *stage = *state;

    play_one(stage, &stage->right);
    for (unsigned i = 0; i < 5; i++) {
        ask_and_answer(stage, -1);
        close_links(&stage->servers[0]);
        settle(stage);
    }
    assert_int_equal(stage->servers[0].accepted, 5);
    assert_int_equal(status_of(stage, 0).tls.handshakes, 1);
    assert_int_equal(status_of(stage, 0).tls.resumed, 4);
    assert_int_equal(status_of(stage, 0).tls.failures, 0);
    end(stage);
}

static void a_question_on_a_connection_that_closes_is_asked_again(void **state)
{
    struct stage *stage = *state;
    struct query_fetch fetch;

    play_one(stage, &stage->right);
    ask_and_answer(stage, -1);
    ask(stage, &fetch, "two.example.test");
    settle(stage);
    assert_int_equal(stage->servers[0].accepted, 1);
    (void)SSL_shutdown(stage->servers[0].links[0].peer.ssl);
    send_all(&stage->servers[0].links[0]);
    unlink_link(&stage->servers[0].links[0]);
    uint8_t question[512];
    const size_t len = take_soon(stage, &stage->servers[0].links[0], question);
    assert_int_equal(stage->servers[0].accepted, 2);
    answer(&stage->servers[0].links[0], question, len, -1, 0);
    until_done(stage, 2);
    assert_int_equal(stage->status, QUERY_FETCH_ANSWER);
    assert_int_equal(status_of(stage, 0).tls.failures, 0);
    end(stage);
}

/* It answers one question of three and closes: the others are asked again, each on a connection
 * of its own, and so is what comes after them. */
static void what_a_connection_carries_is_learnt(void **state)
{
    struct stage *stage = *state;
    struct server *server = &stage->servers[0];
    struct query_fetch fetches[3];
    uint8_t questions[3][512];
    size_t lens[3];

    play_one(stage, &stage->right);
    for (size_t i = 0; i < 3; i++) {
        ask(stage, &fetches[i], i == 0 ? "a.test" : i == 1 ? "b.test" : "c.test");
    }
    for (size_t i = 0; i < 3; i++) {
        lens[i] = take_soon(stage, &server->links[0], questions[i]);
    }
    assert_int_equal(server->accepted, 1);
    answer(&server->links[0], questions[1], lens[1], -1, 0);
    close_links(server);
    until_done(stage, 1);
    answer_until(stage, 3, -1);
    assert_int_equal(stage->answered, 3);
    assert_int_equal(server->accepted, 3);
    ask_and_answer(stage, -1);
    assert_int_equal(server->accepted, 4);
    assert_int_equal(status_of(stage, 0).tls.failures, 0);
    assert_int_equal(status_of(stage, 0).health, UPSTREAM_UP);
    /* It is not believed for ever. */
    stage->upstream->servers[0].carries_until_us = stage->now.mono_us;
    ask_and_answer(stage, -1);
    ask_and_answer(stage, -1);
    assert_int_equal(server->accepted, 4);
    end(stage);
}

static void the_server_says_how_long_it_keeps_a_connection(void **state)
{
    struct stage *stage = *state;
    static const struct {
        int keepalive; /* in 100 ms; -1: it says nothing */
        bool kept;     /* after 700 ms without a question */
    } rows[] = {{-1, true}, {0, false}, {2, false}, {100, true}, {65535, true}};

    for (size_t i = 0; i < ITEMS(rows); i++) {
        play_one(stage, &stage->right);
        ask_and_answer(stage, rows[i].keepalive);
        assert_true(stage->transport->first != NULL);
        assert_true(stage->transport->first->idle_ms <= UPSTREAM_TLS_IDLE_MAX_MS);
        pass(stage, 700);
        if ((open_links(&stage->servers[0]) == 1) != rows[i].kept) {
            fail_msg("row %zu", i);
        }
        end(stage);
    }
}

static void a_handshake_has_its_time(void **state)
{
    struct stage *stage = *state;
    struct query_fetch fetch;

    play_one(stage, &stage->right);
    upstream_transport_patience(stage->transport, 200, 1000);
    stage->servers[0].mute = true;
    ask(stage, &fetch, "www.example.test");
    until_done(stage, 1);
    assert_true(stage->status == QUERY_FETCH_TIMEOUT || stage->status == QUERY_FETCH_UNPROVED);
    pass(stage, 500);
    assert_true(status_of(stage, 0).tls.failures >= 1);
    assert_string_equal(status_of(stage, 0).tls.error,
                        "no answer to the TLS handshake in time");
    assert_int_equal(pool_in_use(stage->transport->connections), 0);
    end(stage);
}

static void hang_up(struct stage *stage)
{
    struct pollfd ready = {stage->servers[0].tcp, POLLIN, 0};

    while (poll(&ready, 1, 0) == 0) {
        uv_run(&stage->loop, UV_RUN_NOWAIT);
    }
    close(accept4(stage->servers[0].tcp, NULL, NULL, 0));
}

static void a_server_that_hangs_up_in_the_handshake_is_told_of(void **state)
{
    struct stage *stage = *state;
    struct query_fetch fetch;

    play_one(stage, &stage->right);
    ask(stage, &fetch, "www.example.test");
    hang_up(stage); /* once may be a restart */
    hang_up(stage);
    until_done(stage, 1);
    assert_int_equal(stage->status, QUERY_FETCH_UNPROVED);
    assert_string_equal(status_of(stage, 0).tls.error,
                        "it has closed the connection during the handshake");
    /* No proof that it is the wrong one: it is tried at once. */
    ask_and_answer(stage, -1);
    close_links(&stage->servers[0]);
    settle(stage);
    ask(stage, &fetch, "www.example.test");
    hang_up(stage);
    answer_until(stage, stage->done + 1, -1);
    end(stage);
}

static void a_server_that_speaks_something_else_is_told_of(void **state)
{
    struct stage *stage = *state;
    struct query_fetch fetch;
    struct pollfd ready;

    play_one(stage, &stage->right);
    ask(stage, &fetch, "www.example.test");
    ready = (struct pollfd){stage->servers[0].tcp, POLLIN, 0};
    while (poll(&ready, 1, 0) == 0) {
        uv_run(&stage->loop, UV_RUN_NOWAIT);
    }
    const int fd = accept4(stage->servers[0].tcp, NULL, NULL, SOCK_NONBLOCK);
    /* An answer in clear, as a server without TLS might give. */
    assert_int_equal(send(fd, "\0\x0c\x12\x34\x81\x80\0\1\0\0\0\0\0\0", 14, MSG_NOSIGNAL), 14);
    until_done(stage, 1);
    assert_int_equal(stage->status, QUERY_FETCH_UNPROVED);
    assert_non_null(strstr(status_of(stage, 0).tls.error, "what it says is not TLS"));
    close(fd);
    end(stage);
}

static void other_certificates_end_what_the_old_ones_began(void **state)
{
    struct stage *stage = *state;
    char *pem = certificate_pem(&stage->root);
    struct tls_trust *same = NULL;

    /* A reload with the same certificates keeps connections. */
    play_one(stage, &stage->right);
    ask_and_answer(stage, -1);
    assert_int_equal(tls_trust_build((const uint8_t *)pem, strlen(pem), true, "x", NULL, &same),
                     0);
    stage->settings.trust = same;
    upstream_configure(stage->upstream, &stage->settings);
    tls_trust_release(same);
    ask_and_answer(stage, -1);
    assert_int_equal(stage->servers[0].accepted, 1);
    /* Other ones: neither connection nor session is of use any more. */
    stage->settings.trust = stage->other_trust;
    upstream_configure(stage->upstream, &stage->settings);
    ask_and_answer(stage, -1);
    assert_int_equal(stage->servers[0].accepted, 2);
    assert_int_equal(status_of(stage, 0).tls.handshakes, 2);
    assert_int_equal(status_of(stage, 0).tls.resumed, 0);
    pass(stage, 300);
    assert_int_equal(open_links(&stage->servers[0]), 1); /* the old one is closed */
    free(pem);
    end(stage);
}

/* A reload may replace servers again and again while connections to the old ones are open. */
static void what_is_remembered_of_servers_is_bounded(void **state)
{
    struct stage *stage = *state;

    play_one(stage, &stage->right);
    for (unsigned i = 0; i < 2 * UPSTREAM_TLS_PEERS_MAX; i++) {
        struct endpoint *server = &stage->settings.servers[0];
        pin_of_holder(&stage->right, server->pins[0]);
        server->pins[1][0] = (uint8_t)i;
        server->pin_count = 2;
        upstream_configure(stage->upstream, &stage->settings);
        ask_and_answer(stage, -1);
        close_links(&stage->servers[0]);
        settle(stage);
    }
    assert_int_equal(pool_in_use(stage->transport->connections), 0);
    end(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_goes_over_tls_and_nowhere_else),
        cmocka_unit_test(questions_share_connections_and_come_back_in_any_order),
        cmocka_unit_test(a_large_answer_comes_in_many_records),
        cmocka_unit_test(a_wrong_server_gets_no_question_and_is_told_of),
        cmocka_unit_test(the_next_server_is_asked_when_one_proves_nothing),
        cmocka_unit_test(a_server_that_never_answers_says_why),
        cmocka_unit_test(a_new_connection_goes_on_with_the_old_session),
        cmocka_unit_test(a_question_on_a_connection_that_closes_is_asked_again),
        cmocka_unit_test(what_a_connection_carries_is_learnt),
        cmocka_unit_test(the_server_says_how_long_it_keeps_a_connection),
        cmocka_unit_test(a_handshake_has_its_time),
        cmocka_unit_test(a_server_that_hangs_up_in_the_handshake_is_told_of),
        cmocka_unit_test(a_server_that_speaks_something_else_is_told_of),
        cmocka_unit_test(other_certificates_end_what_the_old_ones_began),
        cmocka_unit_test(what_is_remembered_of_servers_is_bounded),
    };

    return cmocka_run_group_tests_name("upstream/tls", tests, setup, teardown);
}
