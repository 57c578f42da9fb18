/*
 * upstream/limits.h - bounds of what is asked from upstreams, and why.
 */
#ifndef CORDON_UPSTREAM_LIMITS_H
#define CORDON_UPSTREAM_LIMITS_H

#define UPSTREAM_SERVERS_MAX 32u /* configured; a site has two to four */

/* First wait for a UDP answer before the next try: about three times a slow internet path.
 * Measured round-trip times of a server shorten it, down to the second number. */
#define UPSTREAM_TRY_MS     800u
#define UPSTREAM_TRY_MIN_MS 150u

/* Tries for one fetch over all servers: with 4 s and growing waits, six is all that fits. */
#define UPSTREAM_TRIES_MAX 6u

/* Wrong answers (other id, question, case) tolerated on one socket before it is closed and the
 * question asked anew from another port: a guesser must not have unlimited tries. */
#define UPSTREAM_WRONG_MAX 16u

/* Patience for a TCP connection to an upstream, and how long an idle one is kept. */
#define UPSTREAM_TCP_CONNECT_MS 1500u
#define UPSTREAM_TCP_IDLE_MS    10000u

/* Sockets in flight per worker: one a try. */
#define UPSTREAM_SOCKETS_MAX 4096u

#endif
