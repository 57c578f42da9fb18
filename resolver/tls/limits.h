/*
 * tls/limits.h - bounds of a TLS session, and why.
 */
#ifndef CORDON_TLS_LIMITS_H
#define CORDON_TLS_LIMITS_H

/* A file of CA certificates: those of a system have about 150 in 220 KiB. */
#define TLS_ROOTS_OCTETS_MAX (4u << 20)
#define TLS_ROOTS_MAX        1024u

/* Octets fed at a time, and those that may wait: one record (RFC 8446, 5.1: 2^14 and its
 * frame) that is not whole yet, and what was fed behind it. */
#define TLS_FEED_MAX (16u << 10)
#define TLS_IN_MAX   (48u << 10)

/* Octets that wait for the network to take them: some hundred questions. A server that makes
 * us answer (key updates) without reading gets no further. */
#define TLS_OUT_MAX (64u << 10)

/* A server's chain of certificates: three to five of 1 to 2 KiB. */
#define TLS_CHAIN_OCTETS_MAX (32u << 10)

/* Issuers between a server's certificate and a root. */
#define TLS_CHAIN_DEPTH_MAX 8

/* Sessions kept for one server to go on with: a server gives two at a time, and each is used
 * once (RFC 8446, C.4). They are used for a day at most, so that a certificate which is no
 * longer good is not trusted for longer. */
#define TLS_TICKETS_MAX  4u
#define TLS_TICKET_AGE_S 86400u

/* Names of a foreign certificate that a message lists. */
#define TLS_NAMES_TOLD_MAX 4u

/* The text that says why a session failed. */
#define TLS_ERROR_MAX 320u

#endif
