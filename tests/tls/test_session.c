/* tls/session: who is believed to be the server, and what a server may do to us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/session.h"

#include "base/clock.h"
#include "tls/certificates.h"

#include <errno.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* Who there is: two authorities, of which the first is believed, and servers. */
struct cast {
    struct holder root, stranger, middle;
    struct holder right, expired, early, self, foreign, below, wild, partial, common;
    struct tls_trust *trust;
    uint64_t now_s;
};

static struct holder issued(const char *names, const struct holder *issuer)
{
    return make_holder(
        (struct order){.common_name = "server", .names = names, .issuer = issuer});
}

static struct tls_trust *trust_in(const struct holder *root, bool ours)
{
    char *pem = certificate_pem(root);
    struct tls_trust *trust = NULL;

    assert_int_equal(
        tls_trust_build((const uint8_t *)pem, strlen(pem), ours, "roots", NULL, &trust), 0);
    free(pem);
    return trust;
}

static int setup(void **state)
{
    struct cast *cast = calloc(1, sizeof(*cast));

    cast->now_s = clock_read().wall_us / 1000000;
    cast->root = make_holder((struct order){.common_name = "Root", .is_ca = true});
    cast->stranger = make_holder((struct order){.common_name = "Stranger", .is_ca = true});
    cast->middle = make_holder(
        (struct order){.common_name = "Middle", .is_ca = true, .issuer = &cast->root});
    cast->right = issued("DNS:dns.test,DNS:other.test", &cast->root);
    cast->expired = make_holder((struct order){.common_name = "server",
                                               .names = "DNS:dns.test",
                                               .issuer = &cast->root,
                                               .from_s = -30 * DAY_S,
                                               .to_s = -DAY_S});
    cast->early = make_holder((struct order){.common_name = "server",
                                             .names = "DNS:dns.test",
                                             .issuer = &cast->root,
                                             .from_s = DAY_S,
                                             .to_s = 2 * DAY_S});
    cast->self = issued("DNS:dns.test", NULL);
    cast->foreign = issued("DNS:dns.test", &cast->stranger);
    cast->below = issued("DNS:dns.test", &cast->middle);
    cast->wild = issued("DNS:*.dns.test,DNS:*.test", &cast->root);
    cast->partial = issued("DNS:a*.dns.test", &cast->root);
    cast->common =
        make_holder((struct order){.common_name = "dns.test", .issuer = &cast->root});
    cast->trust = trust_in(&cast->root, false);
    *state = cast;
    return 0;
}

static int teardown(void **state)
{
    struct cast *cast = *state;
    struct holder *const all[] = {&cast->root,  &cast->stranger, &cast->middle,
                                  &cast->right, &cast->expired,  &cast->early,
                                  &cast->self,  &cast->foreign,  &cast->below,
                                  &cast->wild,  &cast->partial,  &cast->common};

    for (size_t i = 0; i < ITEMS(all); i++) {
        free_holder(all[i]);
    }
    tls_trust_release(cast->trust);
    free(cast);
    return 0;
}

static struct endpoint endpoint_of(const char *name)
{
    struct endpoint endpoint = {.transport = ENDPOINT_TLS};

    if (name != NULL) {
        assert_null(endpoint_name_read(name, endpoint.name));
    }
    return endpoint;
}

static void pin(struct endpoint *endpoint, const struct holder *holder)
{
    pin_of_holder(holder, endpoint->pins[endpoint->pin_count++]);
}

/* ---- carrying octets ---- */

/* Everything that the client has to say goes to the server. */
static void to_server(struct tls_session *session, struct peer *peer)
{
    const uint8_t *octets;
    const size_t len = tls_session_out(session, &octets);

    if (len > 0) {
        assert_int_equal(BIO_write(peer->in, octets, (int)len), (int)len);
        tls_session_sent(session, len);
    }
}

/* At most step octets of what the server says go to the client. */
static size_t to_client(struct peer *peer, struct tls_session *session, size_t step)
{
    uint8_t octets[TLS_FEED_MAX];
    const int len =
        BIO_read(peer->out, octets, (int)(step < sizeof(octets) ? step : sizeof(octets)));

    if (len > 0) {
        tls_session_feed(session, octets, (size_t)len);
    }
    return len > 0 ? (size_t)len : 0;
}

/* Both sides go on until neither has anything to say; step: octets at a time. */
static void shake(struct tls_session *session, struct peer *peer, size_t step)
{
    for (unsigned round = 0; round < 20; round++) {
        to_server(session, peer);
        ERR_clear_error();
        (void)SSL_do_handshake(peer->ssl);
        while (to_client(peer, session, step) > 0) {
            uint8_t octets[16];
            if (tls_session_state(session) == TLS_OPEN) {
                assert_int_equal(tls_session_read(session, octets, sizeof(octets)), 0);
            }
        }
    }
    ERR_clear_error();
}

static enum tls_state meet(struct cast *cast, const struct endpoint *endpoint,
                           const struct holder *holder, const struct holder *chain,
                           char error[TLS_ERROR_MAX])
{
    SSL_CTX *context = server_context(holder, chain);
    struct peer peer;

    peer_init(&peer, context);
    struct tls_session *session = tls_session_create(cast->trust, endpoint, NULL, cast->now_s);
    assert_non_null(session);
    shake(session, &peer, 4096);
    const enum tls_state state = tls_session_state(session);
    snprintf(error, TLS_ERROR_MAX, "%s", tls_session_error(session));
    tls_session_destroy(session);
    peer_deinit(&peer);
    SSL_CTX_free(context);
    return state;
}

/* ---- who is believed ---- */

static void only_the_server_that_was_meant_is_believed(void **state)
{
    struct cast *cast = *state;
    const struct {
        const char *name;            /* looked for; NULL: not */
        const struct holder *holder; /* who answers */
        const struct holder *chain;  /* what it sends beside */
        const struct holder *pins[2];
        const char *error; /* how it begins; NULL: it is believed */
    } rows[] = {
        /* The name, the issuer, the time. */
        {"dns.test", &cast->right, NULL, {NULL}, NULL},
        {"other.test", &cast->right, NULL, {NULL}, NULL},
        {"a.dns.test", &cast->wild, NULL, {NULL}, NULL},
        {"dns.test", &cast->below, &cast->middle, {NULL}, NULL},
        {"evil.test",
         &cast->right,
         NULL,
         {NULL},
         "its certificate \"CN=server\" is for dns.test, other.test, not for evil.test"},
        {"a.b.dns.test",
         &cast->wild,
         NULL,
         {NULL},
         "its certificate \"CN=server\" is for *.dns.test, *.test,"},
        {"ab.dns.test",
         &cast->partial,
         NULL,
         {NULL},
         "its certificate \"CN=server\" is for a*.dns.test,"},
        {"dns.test", &cast->wild, NULL, {NULL}, "its certificate \"CN=server\" is for *.dns"},
        /* A common name is no host name (RFC 8310, 8.1). */
        {"dns.test",
         &cast->common,
         NULL,
         {NULL},
         "its certificate \"CN=dns.test\" is for no host name at all, not for dns.test"},
        {"dns.test",
         &cast->expired,
         NULL,
         {NULL},
         "its certificate \"CN=server\" has expired on 20"},
        {"dns.test",
         &cast->early,
         NULL,
         {NULL},
         "its certificate \"CN=server\" is not valid before 20"},
        {"dns.test",
         &cast->self,
         NULL,
         {NULL},
         "its certificate \"CN=server\" is signed by itself alone"},
        {"dns.test",
         &cast->foreign,
         NULL,
         {NULL},
         "its certificate \"CN=server\" has an issuer that is not among the CA certificates "
         "here: \"CN=Stranger\""},
        {"dns.test",
         &cast->foreign,
         &cast->stranger,
         {NULL},
         "the issuer's certificate \"CN=Stranger\" has an issuer that is not among"},
        {"dns.test", &cast->below, NULL, {NULL}, "its certificate \"CN=server\" has an issuer"},
        /* Pins alone: nothing but the key counts. */
        {NULL, &cast->self, NULL, {&cast->self}, NULL},
        {NULL, &cast->foreign, NULL, {&cast->self, &cast->foreign}, NULL},
        {NULL, &cast->expired, NULL, {&cast->expired}, NULL},
        {NULL,
         &cast->right,
         NULL,
         {&cast->self},
         "its public key is none of those pinned: it has sha256/"},
        /* Of a chain that nobody verified only the server's own key counts. */
        {NULL,
         &cast->foreign,
         &cast->stranger,
         {&cast->stranger},
         "its public key is none of those pinned"},
        {NULL,
         &cast->self,
         &cast->right,
         {&cast->right},
         "its public key is none of those pinned"},
        /* Both: both must hold. */
        {"dns.test", &cast->right, NULL, {&cast->right}, NULL},
        {"dns.test", &cast->right, NULL, {&cast->self, &cast->root}, NULL}, /* the issuer's */
        {"dns.test", &cast->below, &cast->middle, {&cast->middle}, NULL},
        {"dns.test", &cast->right, NULL, {&cast->self}, "its public key is none of those"},
        {"evil.test",
         &cast->right,
         NULL,
         {&cast->right},
         "its certificate \"CN=server\" is for"},
        {"dns.test",
         &cast->self,
         NULL,
         {&cast->self},
         "its certificate \"CN=server\" is signed"},
        {"dns.test",
         &cast->expired,
         NULL,
         {&cast->expired},
         "its certificate \"CN=server\" has expired"},
        /* Nothing to know it by. */
        {NULL, &cast->right, NULL, {NULL}, "TLS failed: certificate verify failed"},
    };

    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct endpoint endpoint = endpoint_of(rows[i].name);
        char error[TLS_ERROR_MAX];

        for (size_t j = 0; j < ITEMS(rows[i].pins) && rows[i].pins[j] != NULL; j++) {
            pin(&endpoint, rows[i].pins[j]);
        }
        const enum tls_state got = meet(cast, &endpoint, rows[i].holder, rows[i].chain, error);
        const enum tls_state want = rows[i].error == NULL ? TLS_OPEN : TLS_FAILED;
        if (got != want || strncmp(error, rows[i].error != NULL ? rows[i].error : "",
                                   rows[i].error != NULL ? strlen(rows[i].error) : 1) != 0) {
            fail_msg("row %zu: state %d, \"%s\"", i, (int)got, error);
        }
    }
}

static void the_time_is_the_callers(void **state)
{
    struct cast *cast = *state;
    const struct endpoint endpoint = endpoint_of("dns.test");
    const uint64_t now_s = cast->now_s;
    char error[TLS_ERROR_MAX];

    cast->now_s = now_s + 11 * DAY_S;
    assert_int_equal(meet(cast, &endpoint, &cast->right, NULL, error), TLS_FAILED);
    assert_non_null(strstr(error, "has expired on"));
    cast->now_s = 0; /* the clock of a machine without a battery */
    assert_int_equal(meet(cast, &endpoint, &cast->right, NULL, error), TLS_FAILED);
    assert_non_null(strstr(error, "clock"));
    cast->now_s = now_s + DAY_S + 3600;
    assert_int_equal(meet(cast, &endpoint, &cast->early, NULL, error), TLS_OPEN);
    cast->now_s = now_s;
}

static void a_file_of_ours_is_believed_as_it_is(void **state)
{
    struct cast *cast = *state;
    struct tls_trust *system = cast->trust;
    const struct endpoint endpoint = endpoint_of("dns.test");
    char error[TLS_ERROR_MAX];

    /* The server's own certificate, and an issuer that is no root. */
    cast->trust = trust_in(&cast->self, true);
    assert_int_equal(meet(cast, &endpoint, &cast->self, NULL, error), TLS_OPEN);
    assert_int_equal(meet(cast, &endpoint, &cast->right, NULL, error), TLS_FAILED);
    tls_trust_release(cast->trust);
    cast->trust = trust_in(&cast->middle, true);
    assert_int_equal(meet(cast, &endpoint, &cast->below, NULL, error), TLS_OPEN);
    tls_trust_release(cast->trust);
    cast->trust = trust_in(&cast->middle, false);
    assert_int_equal(meet(cast, &endpoint, &cast->below, NULL, error), TLS_FAILED);
    tls_trust_release(cast->trust);
    cast->trust = system;
}

/* ---- what is spoken ---- */

static void old_and_weak_tls_is_refused(void **state)
{
    struct cast *cast = *state;
    static const struct {
        int version;         /* the server's newest */
        const char *ciphers; /* of TLS 1.2 */
        bool good;
    } rows[] = {
        {TLS1_3_VERSION, NULL, true},
        {TLS1_2_VERSION, NULL, true},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", true},
        {TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", true},
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES256-SHA384", false}, /* CBC */
        {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-CCM8", false},
        {TLS1_1_VERSION, "ALL:@SECLEVEL=0", false},
        {TLS1_VERSION, "ALL:@SECLEVEL=0", false},
    };
    const struct endpoint endpoint = endpoint_of("dns.test");

    for (size_t i = 0; i < ITEMS(rows); i++) {
        SSL_CTX *context = server_context(&cast->right, NULL);
        struct peer peer;

        SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context, rows[i].version);
        if (rows[i].ciphers != NULL) {
            need(SSL_CTX_set_cipher_list(context, rows[i].ciphers));
        }
        peer_init(&peer, context);
        struct tls_session *session =
            tls_session_create(cast->trust, &endpoint, NULL, cast->now_s);
        shake(session, &peer, 4096);
        if ((tls_session_state(session) == TLS_OPEN) != rows[i].good) {
            fail_msg("row %zu: %s", i, tls_session_error(session));
        }
        if (rows[i].good) {
            const unsigned char *protocol = NULL;
            unsigned int len = 0;
            SSL_get0_alpn_selected(peer.ssl, &protocol, &len);
            assert_int_equal(len, 3);
            assert_memory_equal(protocol, "dot", 3);
            assert_string_equal(SSL_get_servername(peer.ssl, TLSEXT_NAMETYPE_host_name),
                                "dns.test");
            assert_string_equal(tls_session_version(session),
                                rows[i].version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2");
        } else {
            assert_true(tls_session_error(session)[0] != '\0');
        }
        tls_session_destroy(session);
        peer_deinit(&peer);
        SSL_CTX_free(context);
    }
}

/* A pair that has met. */
struct pair {
    SSL_CTX *context;
    struct peer peer;
    struct endpoint endpoint;
    struct tls_tickets tickets;
    struct tls_session *session;
};

static void pair_connect(struct pair *pair, struct cast *cast, uint64_t now_s)
{
    peer_init(&pair->peer, pair->context);
    pair->session = tls_session_create(cast->trust, &pair->endpoint, &pair->tickets, now_s);
    shake(pair->session, &pair->peer, 4096);
    assert_int_equal(tls_session_state(pair->session), TLS_OPEN);
}

static void pair_part(struct pair *pair)
{
    tls_session_destroy(pair->session);
    peer_deinit(&pair->peer);
}

static void pair_init(struct pair *pair, struct cast *cast, int version)
{
    *pair = (struct pair){.context = server_context(&cast->right, NULL),
                          .endpoint = endpoint_of("dns.test")};
    SSL_CTX_set_max_proto_version(pair->context, version);
    pair_connect(pair, cast, cast->now_s);
}

static void pair_deinit(struct pair *pair)
{
    pair_part(pair);
    tls_tickets_clear(&pair->tickets);
    SSL_CTX_free(pair->context);
}

static void the_handshake_comes_in_any_pieces(void **state)
{
    struct cast *cast = *state;
    static const size_t steps[] = {1, 2, 7, 100, 1000, 16384};
    const struct endpoint endpoint = endpoint_of("dns.test");

    for (size_t i = 0; i < ITEMS(steps); i++) {
        SSL_CTX *context = server_context(&cast->below, &cast->middle);
        struct peer peer;

        peer_init(&peer, context);
        struct tls_session *session =
            tls_session_create(cast->trust, &endpoint, NULL, cast->now_s);
        shake(session, &peer, steps[i]);
        assert_int_equal(tls_session_state(session), TLS_OPEN);
        tls_session_destroy(session);
        peer_deinit(&peer);
        SSL_CTX_free(context);
    }
}

static void a_handshake_that_ends_early_fails_with_words(void **state)
{
    struct cast *cast = *state;
    const struct endpoint endpoint = endpoint_of("dns.test");
    SSL_CTX *context = server_context(&cast->right, NULL);
    size_t cuts = 0;

    for (size_t cut = 0; cut < 4000; cut += 97) {
        struct peer peer;
        peer_init(&peer, context);
        struct tls_session *session =
            tls_session_create(cast->trust, &endpoint, NULL, cast->now_s);
        to_server(session, &peer);
        (void)SSL_do_handshake(peer.ssl);
        if (to_client(&peer, session, cut) == cut &&
            tls_session_state(session) == TLS_HANDSHAKE) {
            assert_int_equal(tls_session_cut(session), TLS_FAILED);
            assert_string_equal(tls_session_error(session),
                                "it has closed the connection during the handshake");
            cuts++;
        }
        tls_session_destroy(session);
        peer_deinit(&peer);
    }
    assert_true(cuts > 3);
    SSL_CTX_free(context);
}

static void octets_that_are_no_tls_fail_with_words(void **state)
{
    struct cast *cast = *state;
    static const char *const rows[] = {
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "220 mail.test ESMTP\r\n",
        "\x15\x03\x03\x00\x02\x02\x28",         /* an alert: handshake failure */
        "\x16\x03\x03\xff\xff garbage garbage", /* a record beyond its size */
        "\x17\x03\x03\x00\x05hello",            /* data before the handshake */
        "\x80\x2e\x01\x03\x01",
    };
    static const size_t lens[] = {28, 21, 7, 21, 10, 5};
    const struct endpoint endpoint = endpoint_of("dns.test");

    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct tls_session *session =
            tls_session_create(cast->trust, &endpoint, NULL, cast->now_s);
        const enum tls_state got = tls_session_feed(session, (const uint8_t *)rows[i], lens[i]);
        if (got != TLS_FAILED || tls_session_error(session)[0] == '\0') {
            fail_msg("row %zu: state %d, \"%s\"", i, (int)got, tls_session_error(session));
        }
        /* Failed once is failed for good. */
        assert_int_equal(tls_session_feed(session, (const uint8_t *)rows[0], 5), TLS_FAILED);
        tls_session_destroy(session);
    }
}

/* ---- talking ---- */

static void large_answers_come_in_records(void **state)
{
    struct cast *cast = *state;
    struct pair pair;
    static uint8_t answer[200000];
    static uint8_t got[200000];
    size_t have = 0;

    pair_init(&pair, cast, TLS1_3_VERSION);
    for (size_t i = 0; i < sizeof(answer); i++) {
        answer[i] = (uint8_t)(i * 7 + i / 256);
    }
    assert_int_equal(tls_session_write(pair.session, (const uint8_t *)"question", 8), 0);
    to_server(pair.session, &pair.peer);
    assert_int_equal(SSL_read(pair.peer.ssl, got, sizeof(got)), 8);
    assert_memory_equal(got, "question", 8);
    need(SSL_write(pair.peer.ssl, answer, sizeof(answer)) == (int)sizeof(answer));
    for (size_t step = 1; to_client(&pair.peer, pair.session, step % TLS_FEED_MAX + 1) > 0;
         step += 997) {
        size_t len;
        while ((len = tls_session_read(pair.session, got + have, 5000)) > 0) {
            have += len;
        }
    }
    assert_int_equal(have, sizeof(answer));
    assert_memory_equal(got, answer, sizeof(answer));
    pair_deinit(&pair);
}

static void what_nobody_sends_does_not_grow(void **state)
{
    struct cast *cast = *state;
    struct pair pair;
    const uint8_t question[400] = {0};
    const uint8_t *octets;
    unsigned written = 0;
    int rc = 0;

    pair_init(&pair, cast, TLS1_3_VERSION);
    while (rc == 0 && written < 1000) {
        rc = tls_session_write(pair.session, question, sizeof(question));
        written += rc == 0;
    }
    assert_int_equal(rc, -EAGAIN);
    assert_in_range(written, 64, 100);
    assert_true(tls_session_out(pair.session, &octets) <= TLS_OUT_MAX);
    to_server(pair.session, &pair.peer);
    assert_int_equal(tls_session_write(pair.session, question, sizeof(question)), 0);
    pair_deinit(&pair);
}

/* A server that asks for new keys again and again, and never reads our answers. */
static void a_server_cannot_make_us_heap_up_answers(void **state)
{
    struct cast *cast = *state;
    struct pair pair;
    uint8_t octets[64];
    unsigned rounds = 0;

    pair_init(&pair, cast, TLS1_3_VERSION);
    while (tls_session_state(pair.session) == TLS_OPEN && rounds++ < 100000) {
        if (SSL_key_update(pair.peer.ssl, SSL_KEY_UPDATE_REQUESTED) != 1 ||
            SSL_do_handshake(pair.peer.ssl) != 1) {
            break;
        }
        while (to_client(&pair.peer, pair.session, TLS_FEED_MAX) > 0) {
            (void)tls_session_read(pair.session, octets, sizeof(octets));
        }
    }
    const uint8_t *out;
    assert_true(tls_session_out(pair.session, &out) <= TLS_OUT_MAX + 16384);
    assert_int_equal(tls_session_state(pair.session), TLS_FAILED);
    pair_deinit(&pair);
}

static void a_farewell_ends_it_in_order(void **state)
{
    struct cast *cast = *state;
    struct pair pair;
    uint8_t octets[16];

    /* The server's, behind an answer that is still read. */
    pair_init(&pair, cast, TLS1_3_VERSION);
    need(SSL_write(pair.peer.ssl, "answer", 6) == 6);
    (void)SSL_shutdown(pair.peer.ssl);
    to_client(&pair.peer, pair.session, 4096);
    assert_int_equal(tls_session_read(pair.session, octets, sizeof(octets)), 6);
    assert_int_equal(tls_session_read(pair.session, octets, sizeof(octets)), 0);
    assert_int_equal(tls_session_state(pair.session), TLS_CLOSED);
    assert_string_equal(tls_session_error(pair.session), "");
    assert_int_equal(tls_session_write(pair.session, octets, 4), -EPROTO);
    pair_deinit(&pair);

    /* Ours. */
    pair_init(&pair, cast, TLS1_3_VERSION);
    tls_session_close(pair.session);
    to_server(pair.session, &pair.peer);
    assert_int_equal(SSL_read(pair.peer.ssl, octets, sizeof(octets)), 0);
    assert_int_equal(SSL_get_shutdown(pair.peer.ssl) & SSL_RECEIVED_SHUTDOWN,
                     SSL_RECEIVED_SHUTDOWN);
    pair_deinit(&pair);

    /* None: the connection just ends. Messages have lengths, so nothing can be cut off. */
    pair_init(&pair, cast, TLS1_3_VERSION);
    assert_int_equal(tls_session_cut(pair.session), TLS_CLOSED);
    pair_deinit(&pair);
}

static void a_record_that_was_tampered_with_ends_it(void **state)
{
    struct cast *cast = *state;
    struct pair pair;
    uint8_t octets[64];

    pair_init(&pair, cast, TLS1_3_VERSION);
    need(SSL_write(pair.peer.ssl, "answer", 6) == 6);
    const int len = BIO_read(pair.peer.out, octets, sizeof(octets));
    assert_true(len > 20);
    octets[len - 3] ^= 1;
    tls_session_feed(pair.session, octets, (size_t)len);
    assert_int_equal(tls_session_read(pair.session, octets, sizeof(octets)), 0);
    assert_int_equal(tls_session_state(pair.session), TLS_FAILED);
    assert_non_null(strstr(tls_session_error(pair.session), "bad record mac"));
    pair_deinit(&pair);
}

/* ---- going on with earlier sessions ---- */

static void the_next_connection_goes_on_with_the_last(void **state)
{
    struct cast *cast = *state;
    static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};

    for (size_t i = 0; i < ITEMS(versions); i++) {
        struct pair pair;
        pair_init(&pair, cast, versions[i]);
        assert_false(tls_session_is_resumed(pair.session));
        assert_true(pair.tickets.count > 0);
        for (unsigned round = 0; round < 20; round++) {
            pair_part(&pair);
            pair_connect(&pair, cast, cast->now_s);
            assert_true(tls_session_is_resumed(pair.session));
            assert_int_equal(SSL_session_reused(pair.peer.ssl), 1);
            assert_in_range(pair.tickets.count, 1, TLS_TICKETS_MAX);
        }
        pair_deinit(&pair);
    }
}

static void a_session_is_gone_on_with_no_longer_than_its_certificate(void **state)
{
    struct cast *cast = *state;
    struct pair pair;

    pair_init(&pair, cast, TLS1_3_VERSION);
    pair_part(&pair);
    pair_connect(&pair, cast, cast->now_s + TLS_TICKET_AGE_S - 60); /* still of use */
    assert_true(tls_session_is_resumed(pair.session));
    pair_part(&pair);
    pair_connect(&pair, cast, cast->now_s + TLS_TICKET_AGE_S + 60);
    assert_false(tls_session_is_resumed(pair.session));
    pair_deinit(&pair);

    /* Sessions that are no longer believed are dropped even if they are young. */
    struct holder brief = make_holder((struct order){.common_name = "server",
                                                     .names = "DNS:dns.test",
                                                     .issuer = &cast->root,
                                                     .from_s = -60,
                                                     .to_s = 3600});
    pair = (struct pair){.context = server_context(&brief, NULL),
                         .endpoint = endpoint_of("dns.test")};
    pair_connect(&pair, cast, cast->now_s);
    assert_true(pair.tickets.count > 0);
    tls_session_destroy(pair.session);
    pair.session =
        tls_session_create(cast->trust, &pair.endpoint, &pair.tickets, cast->now_s + 7200);
    assert_int_equal(pair.tickets.count, 0);
    pair_deinit(&pair);
    free_holder(&brief);
}

static void a_server_that_forgot_the_session_gets_a_whole_handshake(void **state)
{
    struct cast *cast = *state;
    struct pair pair;

    pair_init(&pair, cast, TLS1_3_VERSION);
    pair_part(&pair);
    SSL_CTX_free(pair.context); /* with the keys of its tickets */
    pair.context = server_context(&cast->right, NULL);
    pair_connect(&pair, cast, cast->now_s);
    assert_false(tls_session_is_resumed(pair.session));
    pair_part(&pair);
    /* And if another one sits there now, it does not get away with the old one's tickets. */
    SSL_CTX_free(pair.context);
    pair.context = server_context(&cast->foreign, NULL);
    peer_init(&pair.peer, pair.context);
    pair.session = tls_session_create(cast->trust, &pair.endpoint, &pair.tickets, cast->now_s);
    shake(pair.session, &pair.peer, 4096);
    assert_int_equal(tls_session_state(pair.session), TLS_FAILED);
    pair_deinit(&pair);
}

static void a_session_that_nobody_answered_is_kept(void **state)
{
    struct cast *cast = *state;
    struct pair pair;

    pair_init(&pair, cast, TLS1_3_VERSION);
    const size_t before = pair.tickets.count;
    for (unsigned i = 0; i < 3 * TLS_TICKETS_MAX; i++) { /* while it is being restarted */
        pair_part(&pair);
        peer_init(&pair.peer, pair.context);
        pair.session =
            tls_session_create(cast->trust, &pair.endpoint, &pair.tickets, cast->now_s);
        assert_int_equal(pair.tickets.count, before - 1);
        assert_int_equal(tls_session_cut(pair.session), TLS_FAILED);
    }
    pair_part(&pair);
    assert_int_equal(pair.tickets.count, before);
    pair_connect(&pair, cast, cast->now_s);
    assert_true(tls_session_is_resumed(pair.session));
    /* One that was answered is not used again, whatever came of it. */
    pair_part(&pair);
    peer_init(&pair.peer, pair.context);
    const size_t now = pair.tickets.count;
    pair.session = tls_session_create(cast->trust, &pair.endpoint, &pair.tickets, cast->now_s);
    assert_int_equal(tls_session_feed(pair.session, (const uint8_t *)"HTTP/1.1 400", 12),
                     TLS_FAILED);
    pair_part(&pair);
    assert_int_equal(pair.tickets.count, now - 1);
    pair_connect(&pair, cast, cast->now_s);
    pair_deinit(&pair);
}

static void tickets_are_bounded(void **state)
{
    struct cast *cast = *state;
    struct pair pair;

    pair_init(&pair, cast, TLS1_3_VERSION);
    for (unsigned i = 0; i < 50; i++) {
        uint8_t octets[16];
        need(SSL_new_session_ticket(pair.peer.ssl));
        need(SSL_do_handshake(pair.peer.ssl));
        while (to_client(&pair.peer, pair.session, 4096) > 0) {
            (void)tls_session_read(pair.session, octets, sizeof(octets));
        }
    }
    assert_int_equal(pair.tickets.count, TLS_TICKETS_MAX);
    pair_deinit(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_server_that_was_meant_is_believed),
        cmocka_unit_test(the_time_is_the_callers),
        cmocka_unit_test(a_file_of_ours_is_believed_as_it_is),
        cmocka_unit_test(old_and_weak_tls_is_refused),
        cmocka_unit_test(the_handshake_comes_in_any_pieces),
        cmocka_unit_test(a_handshake_that_ends_early_fails_with_words),
        cmocka_unit_test(octets_that_are_no_tls_fail_with_words),
        cmocka_unit_test(large_answers_come_in_records),
        cmocka_unit_test(what_nobody_sends_does_not_grow),
        cmocka_unit_test(a_server_cannot_make_us_heap_up_answers),
        cmocka_unit_test(a_farewell_ends_it_in_order),
        cmocka_unit_test(a_record_that_was_tampered_with_ends_it),
        cmocka_unit_test(the_next_connection_goes_on_with_the_last),
        cmocka_unit_test(a_session_is_gone_on_with_no_longer_than_its_certificate),
        cmocka_unit_test(a_server_that_forgot_the_session_gets_a_whole_handshake),
        cmocka_unit_test(a_session_that_nobody_answered_is_kept),
        cmocka_unit_test(tickets_are_bounded),
    };

    return cmocka_run_group_tests_name("tls/session", tests, setup, teardown);
}
