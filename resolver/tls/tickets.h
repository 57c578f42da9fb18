/*
 * tls/tickets.h - sessions of one server to go on with, so that the next connection needs no
 * full handshake (RFC 8446, 2.2; RFC 5077). One thread.
 *
 * Each is used for one connection, and once more only if the server said nothing on it.
 *
 * Of use only with the server, the proof and the trust they were made with: whoever changes
 * one of these clears them.
 */
#ifndef CORDON_TLS_TICKETS_H
#define CORDON_TLS_TICKETS_H

#include "tls/limits.h"

#include <stddef.h>

struct ssl_session_st;

/* All zero: none. */
struct tls_tickets {
    struct ssl_session_st *kept[TLS_TICKETS_MAX]; /* the oldest first */
    size_t count;
};

void tls_tickets_clear(struct tls_tickets *tickets);

#endif
