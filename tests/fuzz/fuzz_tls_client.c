/*
 * Octets of a stranger into a TLS client. Input: one octet of manner, then pairs of a length
 * and as many octets. By manner they come in place of a server's first flight; are added into
 * it, octet by octet, at the places that they name; follow a whole handshake; or are what an
 * honest server sends.
 *
 * Promises: no crash, bounded output; a failed session stays failed and has words that can be
 * printed; a session that looks for another name than the server's is never open; what an
 * honest server sends arrives as it was.
 */
#include "tls/session.h"

#include "base/clock.h"

#include "../tls/certificates.h"
#include "require.h"

#include <ctype.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum manner {
    INSTEAD,
    WITHIN,
    BEHIND,
    HONEST,
    MANNERS
};

/* Made once: keys take longer than a case. */
struct stage {
    struct holder root, server;
    SSL_CTX *context;
    struct tls_trust *trust;
    uint64_t now_s;
};

static struct stage *the_stage(void)
{
    static struct stage stage;

    if (stage.context == NULL) {
        stage.root = make_holder((struct order){.common_name = "Root", .is_ca = true});
        stage.server = make_holder((struct order){
            .common_name = "server", .names = "DNS:dns.test", .issuer = &stage.root});
        stage.context = server_context(&stage.server, NULL);
        char *pem = certificate_pem(&stage.root);
        require(tls_trust_build((const uint8_t *)pem, strlen(pem), true, "root", NULL,
                                &stage.trust) == 0);
        free(pem);
        stage.now_s = clock_read().wall_us / 1000000;
    }
    return &stage;
}

static void check(struct tls_session *session)
{
    const uint8_t *octets;
    const char *error = tls_session_error(session);

    require(tls_session_out(session, &octets) <= TLS_OUT_MAX + TLS_FEED_MAX);
    require((tls_session_state(session) == TLS_FAILED) == (error[0] != '\0'));
    for (; *error != '\0'; error++) {
        require(isprint((unsigned char)*error));
    }
}

static void feed(struct tls_session *session, const uint8_t *octets, size_t len)
{
    uint8_t plain[4096];
    const enum tls_state before = tls_session_state(session);
    const enum tls_state after = tls_session_feed(session, octets, len);

    require(before != TLS_FAILED || after == TLS_FAILED);
    while (tls_session_read(session, plain, sizeof(plain)) > 0) {
    }
    check(session);
}

/* Octets of the input in the pieces that it says. */
static void feed_pieces(struct tls_session *session, const uint8_t *data, size_t size)
{
    while (size > 0) {
        const size_t len = *data < size - 1 ? *data : size - 1;
        uint8_t *exact = malloc(len + 1);
        require(exact != NULL);
        memcpy(exact, data + 1, len);
        feed(session, exact, len);
        free(exact);
        data += 1 + len;
        size -= 1 + len;
    }
}

/* The client's octets to the server. */
static void to_server(struct tls_session *session, struct peer *peer)
{
    const uint8_t *octets;
    const size_t len = tls_session_out(session, &octets);

    if (len > 0) {
        require(BIO_write(peer->in, octets, (int)len) == (int)len);
        tls_session_sent(session, len);
    }
    ERR_clear_error();
    (void)SSL_do_handshake(peer->ssl);
    ERR_clear_error();
}

/* The server's octets to the client, each pair (place, value) of the input added in. */
static void to_client(struct peer *peer, struct tls_session *session, const uint8_t *data,
                      size_t size)
{
    uint8_t octets[TLS_FEED_MAX];
    const int len = BIO_read(peer->out, octets, sizeof(octets));

    for (size_t i = 0; len > 0 && i + 2 < size; i += 3) {
        const size_t place = (size_t)(data[i] << 8 | data[i + 1]) % (size_t)len;
        octets[place] = (uint8_t)(octets[place] + data[i + 2]);
    }
    if (len > 0) {
        feed(session, octets, (size_t)len);
    }
}

static void say_honestly(struct tls_session *session, struct peer *peer, const uint8_t *data,
                         size_t size)
{
    uint8_t octets[TLS_FEED_MAX];
    uint8_t plain[TLS_FEED_MAX];
    size_t have = 0;
    size_t got;

    if (size == 0 || size > 8192) {
        return;
    }
    require(SSL_write(peer->ssl, data, (int)size) == (int)size);
    int len;
    while ((len = BIO_read(peer->out, octets, 1000)) > 0) {
        require(tls_session_feed(session, octets, (size_t)len) == TLS_OPEN);
        while ((got = tls_session_read(session, plain + have, sizeof(plain) - have)) > 0) {
            have += got;
        }
    }
    require(have == size && memcmp(plain, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct stage *stage = the_stage();
    struct endpoint endpoint = {.transport = ENDPOINT_TLS, .name = "dns.test"};
    struct tls_tickets tickets = {.count = 0};
    struct peer peer;

    if (size == 0) {
        return 0;
    }
    const enum manner manner = data[0] % MANNERS;
    const bool other = (data[0] & 0x80) != 0; /* somebody else is looked for */
    data++;
    size--;
    if (other) {
        endpoint.name[0] = 'x';
    }
    struct tls_session *session =
        tls_session_create(stage->trust, &endpoint, &tickets, stage->now_s);
    require(session != NULL && tls_session_state(session) == TLS_HANDSHAKE);
    peer_init(&peer, stage->context);
    if (manner == INSTEAD) {
        feed_pieces(session, data, size);
        require(tls_session_state(session) != TLS_OPEN);
    } else {
        to_server(session, &peer);
        to_client(&peer, session, data, manner == WITHIN ? size : 0);
        to_server(session, &peer);
        to_client(&peer, session, NULL, 0);
        require(!other || tls_session_state(session) == TLS_FAILED);
        require(manner == WITHIN || other || tls_session_state(session) == TLS_OPEN);
    }
    if (manner == BEHIND) {
        feed_pieces(session, data, size);
    } else if (manner == HONEST && !other) {
        say_honestly(session, &peer, data, size);
    }
    tls_session_cut(session);
    check(session);
    require(tickets.count <= TLS_TICKETS_MAX);
    tls_session_destroy(session);
    tls_tickets_clear(&tickets);
    peer_deinit(&peer);
    return 0;
}
