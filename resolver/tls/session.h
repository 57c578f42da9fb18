/*
 * tls/session.h - the client's side of one TLS connection, without a connection: octets of the
 * network go in and come out, plain text goes in and comes out.
 *
 * Strict (RFC 8310, 5): the server's certificate must have its name, be within its time and
 * lead to a believed root (RFC 6125; subjectAltName alone, no partial wildcards); or its
 * public key must be one of the pins; or both if both are given. Otherwise the session fails
 * and says why in words.
 *
 * A session is of one thread. After tls_session_feed() plain text is read until there is none;
 * after each call what is to be sent is taken from tls_session_out().
 */
#ifndef CORDON_TLS_SESSION_H
#define CORDON_TLS_SESSION_H

#include "base/endpoint.h"
#include "tls/tickets.h"
#include "tls/trust.h"

struct tls_session; /* opaque */

enum tls_state {
    TLS_HANDSHAKE,
    TLS_OPEN,   /* the server has proved who it is */
    TLS_CLOSED, /* the server has ended it in order (close_notify) */
    TLS_FAILED  /* tls_session_error() says why */
};

/*
 * The first flight waits in tls_session_out(). server and tickets (NULL: none are kept) are
 * borrowed until tls_session_destroy(); trust is held. now_s: wall clock, against which
 * certificates are measured. NULL if out of memory.
 */
struct tls_session *tls_session_create(struct tls_trust *trust, const struct endpoint *server,
                                       struct tls_tickets *tickets, uint64_t now_s);
void tls_session_destroy(struct tls_session *session); /* NULL is fine */

enum tls_state tls_session_state(const struct tls_session *session);

/* Takes octets of the network, at most TLS_FEED_MAX, and goes on with the handshake. */
enum tls_state tls_session_feed(struct tls_session *session, const uint8_t *octets, size_t len);

/* The network has ended. What was fed before may still be read. */
enum tls_state tls_session_cut(struct tls_session *session);

/* Reads plain text; 0: there is none for now, or the state is no longer TLS_OPEN. */
size_t tls_session_read(struct tls_session *session, uint8_t *out, size_t size);

/* TLS_OPEN only. 0: all of it will be sent; -EAGAIN: nothing of it, too much waits for the
 * network; -EPROTO: the session has failed. */
int tls_session_write(struct tls_session *session, const uint8_t *octets, size_t len);

/* What is to be sent: its length, 0 for nothing; *octets is borrowed until the next call. */
size_t tls_session_out(struct tls_session *session, const uint8_t **octets);
/* So much of it has been sent. */
void tls_session_sent(struct tls_session *session, size_t len);

/* Says farewell (close_notify) if the session is open. */
void tls_session_close(struct tls_session *session);

/* It went on with an earlier session: no certificate was looked at anew. Once TLS_OPEN. */
bool tls_session_is_resumed(const struct tls_session *session);

/* "TLSv1.3", once TLS_OPEN. */
const char *tls_session_version(const struct tls_session *session);

/* Why it failed, in printable words that follow "upstream ...: "; "" if it did not. */
const char *tls_session_error(const struct tls_session *session);

#endif
