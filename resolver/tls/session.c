#include "tls/session.h"

#include "base/invariant.h"
#include "base/text.h"
#include "tls/inside.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* ---- failing ---- */

static enum tls_state fail(struct tls_session *session, const char *words)
{
    struct text text;

    if (session->error[0] == '\0') {
        text_init(&text, session->error, sizeof(session->error));
        text_add_printable(&text, words, strlen(words));
    }
    session->state = TLS_FAILED;
    ERR_clear_error();
    return TLS_FAILED;
}

/* The first of the library's errors is the one that the others follow from. */
static enum tls_state fail_of_library(struct tls_session *session)
{
    const unsigned long error = ERR_peek_error();
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;
    const int number = ERR_GET_REASON(error);
    char words[TLS_ERROR_MAX];

    if (reason == NULL) {
        reason = "the connection broke";
    }
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
        snprintf(words, sizeof(words), "TLS failed: %s", reason);
    } else if (number > SSL_AD_REASON_OFFSET) {
        snprintf(words, sizeof(words), "it has ended TLS with an alert: %s", reason);
    } else if (number == SSL_R_WRONG_VERSION_NUMBER || number == SSL_R_HTTP_REQUEST ||
               number == SSL_R_PACKET_LENGTH_TOO_LONG || number == SSL_R_BAD_RECORD_TYPE) {
        snprintf(words, sizeof(words), "what it says is not TLS: %s", reason);
    } else if (number == SSL_R_UNSUPPORTED_PROTOCOL) {
        snprintf(words, sizeof(words), "it has neither TLS 1.2 nor 1.3");
    } else {
        snprintf(words, sizeof(words), "TLS failed: %s", reason);
    }
    return fail(session, words);
}

/* What became of a call into the library that returned rc. True if it waits for octets. */
static bool waits(struct tls_session *session, int rc)
{
    switch (SSL_get_error(session->ssl, rc)) {
    case SSL_ERROR_NONE:
    case SSL_ERROR_WANT_READ:
        return true;
    case SSL_ERROR_ZERO_RETURN:
        session->state = TLS_CLOSED;
        return false;
    default:
        fail_of_library(session);
        return false;
    }
}

/* ---- making ---- */

static bool make(struct tls_session *session)
{
    session->ssl = SSL_new(tls_trust_context(session->trust));
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());

    if (session->ssl == NULL || in == NULL || out == NULL) {
        BIO_free(in);
        BIO_free(out);
        return false;
    }
    BIO_set_mem_eof_return(in, -1); /* empty is not the end */
    SSL_set_bio(session->ssl, in, out);
    session->in = in;
    session->out = out;
    SSL_set_connect_state(session->ssl);
    if (session->server->transport == ENDPOINT_TLS_STREAM) {
        (void)SSL_set_alpn_protos(session->ssl, NULL, 0); /* that of DNS is the trust's */
    }
    return SSL_set_app_data(session->ssl, session) == 1;
}

static bool name_server(struct tls_session *session)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(session->ssl);
    const char *name = session->server->name;

    X509_VERIFY_PARAM_set_time(param, (time_t)session->now_s);
    if (name[0] == '\0') {
        return true;
    }
    return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 &&
           SSL_set_tlsext_host_name(session->ssl, name) == 1;
}

/* Without an earlier session the handshake is a whole one: no reason to fail. */
static void go_on_with_earlier(struct tls_session *session)
{
    if (session->tickets == NULL) {
        return;
    }
    session->earlier = tls_tickets_take(session->tickets, session->server, session->now_s);
    if (session->earlier != NULL) {
        (void)SSL_set_session(session->ssl, session->earlier);
    }
}

/* A server that is being restarted must not use up all of them by its silence. */
static void give_back_unanswered(struct tls_session *session)
{
    if (session->earlier != NULL) {
        tls_tickets_add(session->tickets, session->earlier);
        session->earlier = NULL;
    }
}

static void go_on(struct tls_session *session);

struct tls_session *tls_session_create(struct tls_trust *trust, const struct endpoint *server,
                                       struct tls_tickets *tickets, uint64_t now_s)
{
    struct tls_session *session = calloc(1, sizeof(*session));

    if (session == NULL) {
        return NULL;
    }
    session->magic = TLS_SESSION_MAGIC;
    session->trust = tls_trust_hold(trust);
    session->server = server;
    session->tickets = tickets;
    session->now_s = now_s;
    ERR_clear_error();
    if (!make(session) || !name_server(session)) {
        ERR_clear_error();
        tls_session_destroy(session);
        return NULL;
    }
    go_on_with_earlier(session);
    go_on(session);
    return session;
}

void tls_session_destroy(struct tls_session *session)
{
    if (session == NULL) {
        return;
    }
    invariant(session->magic == TLS_SESSION_MAGIC);
    session->magic = 0;
    give_back_unanswered(session);
    if (session->state != TLS_FAILED && session->ssl != NULL) {
        /* A connection that just ends is no reason to forget its session; one that failed
         * is. */
        SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    SSL_free(session->ssl);
    tls_trust_release(session->trust);
    free(session);
}

/* ---- going on ---- */

/* TLS 1.2 gives no new ticket when an earlier session is gone on with, and it may be used
 * again. */
static void keep_old_manner(struct tls_session *session)
{
    if (session->resumed && session->tickets != NULL &&
        SSL_version(session->ssl) < TLS1_3_VERSION) {
        SSL_SESSION *same = SSL_get1_session(session->ssl);
        if (same != NULL) {
            tls_tickets_add(session->tickets, same);
        }
    }
}

static void go_on(struct tls_session *session)
{
    ERR_clear_error();
    const int rc = SSL_do_handshake(session->ssl);
    if (rc != 1) {
        (void)waits(session, rc);
        if (session->state == TLS_CLOSED) {
            fail(session, "it has ended TLS during the handshake");
        }
        return;
    }
    if (SSL_get_verify_result(session->ssl) != X509_V_OK) {
        fail(session, "its certificate was not verified");
        return;
    }
    session->resumed = SSL_session_reused(session->ssl) == 1;
    session->state = TLS_OPEN;
    keep_old_manner(session);
}

static void check_out(struct tls_session *session)
{
    if (BIO_ctrl_pending(session->out) > TLS_OUT_MAX && session->state != TLS_FAILED) {
        fail(session, "it does not take what TLS makes us send");
    }
}

enum tls_state tls_session_feed(struct tls_session *session, const uint8_t *octets, size_t len)
{
    invariant(session->magic == TLS_SESSION_MAGIC && len <= TLS_FEED_MAX);
    if (session->state == TLS_FAILED || session->state == TLS_CLOSED || len == 0) {
        return session->state;
    }
    SSL_SESSION_free(session->earlier);
    session->earlier = NULL;
    if (BIO_ctrl_pending(session->in) + len > TLS_IN_MAX) {
        return fail(session, "its records do not end");
    }
    if (BIO_write(session->in, octets, (int)len) != (int)len) {
        return fail(session, "out of memory");
    }
    if (session->state == TLS_HANDSHAKE) {
        go_on(session);
    }
    check_out(session);
    return session->state;
}

enum tls_state tls_session_cut(struct tls_session *session)
{
    if (session->state == TLS_HANDSHAKE) {
        return fail(session, "it has closed the connection during the handshake");
    }
    if (session->state == TLS_OPEN) {
        session->state = TLS_CLOSED;
    }
    return session->state;
}

size_t tls_session_read(struct tls_session *session, uint8_t *out, size_t size)
{
    size_t got = 0;

    if (session->state != TLS_OPEN || size == 0) {
        return 0;
    }
    ERR_clear_error();
    const int rc = SSL_read_ex(session->ssl, out, size, &got);
    if (rc != 1) {
        (void)waits(session, rc);
        got = 0;
    }
    check_out(session);
    return session->state == TLS_FAILED ? 0 : got;
}

int tls_session_write(struct tls_session *session, const uint8_t *octets, size_t len)
{
    size_t put = 0;

    invariant(session->state == TLS_OPEN || session->state == TLS_FAILED ||
              session->state == TLS_CLOSED);
    if (session->state != TLS_OPEN) {
        return -EPROTO;
    }
    if (BIO_ctrl_pending(session->out) + len > TLS_OUT_MAX / 2) {
        return -EAGAIN; /* the other half is for what TLS itself sends */
    }
    ERR_clear_error();
    if (SSL_write_ex(session->ssl, octets, len, &put) != 1 || put != len) {
        fail_of_library(session);
        return -EPROTO;
    }
    return 0;
}

size_t tls_session_out(struct tls_session *session, const uint8_t **octets)
{
    char *at = NULL;
    const long len = BIO_get_mem_data(session->out, &at);

    *octets = (const uint8_t *)at;
    return len > 0 ? (size_t)len : 0;
}

void tls_session_sent(struct tls_session *session, size_t len)
{
    uint8_t gone[4096];

    while (len > 0) {
        const size_t part = len < sizeof(gone) ? len : sizeof(gone);
        const int took = BIO_read(session->out, gone, (int)part);
        invariant(took > 0);
        len -= (size_t)took;
    }
}

void tls_session_close(struct tls_session *session)
{
    if (session->state == TLS_OPEN) {
        ERR_clear_error();
        (void)SSL_shutdown(session->ssl);
        ERR_clear_error();
        session->state = TLS_CLOSED;
    }
}

enum tls_state tls_session_state(const struct tls_session *session)
{
    return session->state;
}

bool tls_session_is_resumed(const struct tls_session *session)
{
    return session->resumed;
}

const char *tls_session_version(const struct tls_session *session)
{
    return SSL_get_version(session->ssl);
}

const char *tls_session_error(const struct tls_session *session)
{
    return session->error;
}
