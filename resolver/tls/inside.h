/*
 * tls/inside.h - what the files of the room share. Private to the room.
 */
#ifndef CORDON_TLS_INSIDE_H
#define CORDON_TLS_INSIDE_H

#include "tls/session.h"

#include <openssl/ssl.h>

#define TLS_SESSION_MAGIC 0x746c7373u

struct tls_session {
    uint32_t magic;
    enum tls_state state;
    SSL *ssl;
    BIO *in, *out; /* ssl's */
    struct tls_trust *trust;
    const struct endpoint *server;
    struct tls_tickets *tickets;
    SSL_SESSION *earlier; /* held until the server says anything; NULL: none */
    uint64_t now_s;
    bool resumed;
    char error[TLS_ERROR_MAX];
};

/* trust.c: for new sessions. */
SSL_CTX *tls_trust_context(const struct tls_trust *trust);

/* verify.c: is this the server? For SSL_CTX_set_cert_verify_callback. */
int tls_verify(X509_STORE_CTX *chain, void *context);
/* True if the certificate's time is over. */
bool tls_is_expired(const X509 *certificate, uint64_t now_s);

/* tickets.c: for SSL_CTX_sess_set_new_cb. */
int tls_tickets_on_new(SSL *ssl, SSL_SESSION *session);
/* Keeps the session, which is taken over. */
void tls_tickets_add(struct tls_tickets *tickets, SSL_SESSION *session);
/* The newest that is of use, given to the caller; NULL: none. */
SSL_SESSION *tls_tickets_take(struct tls_tickets *tickets, const struct endpoint *server,
                              uint64_t now_s);

#endif
