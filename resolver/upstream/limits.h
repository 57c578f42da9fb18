/*
 * upstream/limits.h - bounds of what is asked from upstreams, and why.
 */
#ifndef CORDON_UPSTREAM_LIMITS_H
#define CORDON_UPSTREAM_LIMITS_H

#define UPSTREAM_GROUPS_MAX  64u /* zones with servers of their own */
#define UPSTREAM_SERVERS_MAX 32u /* configured; a site has two to four */

/* First wait for a UDP answer before the next try: about three times a slow internet path.
 * Measured round-trip times of a server shorten it, down to the second number; each further
 * try at the same server has four times as long, up to the third, so that the few there are
 * outlast a short outage. */
#define UPSTREAM_TRY_MS     800u
#define UPSTREAM_TRY_MIN_MS 150u
#define UPSTREAM_TRY_MAX_MS 2000u

/* Questions of one fetch to one server, whichever way, after which it is not tried again (RFC
 * 9520, 3.1: three over one transport). */
#define UPSTREAM_ASKED_MAX 3u

/* Tries for one fetch over all servers: with 4 s and growing waits, six is all that fits. Also
 * the sockets that one fetch may have open at a time. */
#define UPSTREAM_TRIES_MAX 6u

/* Questions repeated at the same server because of what it answered (TC, no EDNS, lost case,
 * a flood of wrong answers): the longest honest path takes four. */
#define UPSTREAM_REPEATS_MAX 8u

/* Wrong answers (other id, question, case) tolerated on one socket before it is closed and the
 * question asked anew from another port: a guesser must not have unlimited tries. */
#define UPSTREAM_WRONG_MAX 16u

/* Misses in a row after which a server is asked last, and the pause before real traffic probes
 * it again: doubled after each probe in vain. */
#define UPSTREAM_DOWN_AFTER   3u
#define UPSTREAM_REJECTS_MAX  10u /* SERVFAIL and the like in a row: it helps nobody now */
#define UPSTREAM_PAUSE_MIN_MS 1000u
#define UPSTREAM_PAUSE_MAX_MS 60000u

/* A measured round-trip time is forgotten after this, so that a server which was slow once is
 * measured again. */
#define UPSTREAM_RTT_STALE_MS 600000u

/* What a server cannot do (keep the letter case, EDNS) is tried again after this. */
#define UPSTREAM_RELEARN_MS 3600000u

/* Our longest question: header, name, type and class, OPT. */
#define UPSTREAM_QUESTION_MAX 288u

/* Octets kept of an answer that is no help (SERVFAIL with its Extended DNS Error), in case that
 * no server has a better one; of a longer one only header and question are kept. */
#define UPSTREAM_REJECTED_MAX 512u

/* Patience for a TCP connection to an upstream, and how long an idle one is kept. */
#define UPSTREAM_TCP_CONNECT_MS 1500u
#define UPSTREAM_TCP_IDLE_MS    10000u

/* A connection on which a question has waited this long since anything was answered on it gets
 * no further ones: less than a try's wait (the time for connecting), so that the question
 * itself finds another connection when it is repeated. */
#define UPSTREAM_TCP_STALL_MS 1000u

/* TCP connections per worker and server: a server that stalls one after the other is left three
 * or four within the time of a question; sixteen full ones carry 1,024 questions. */
#define UPSTREAM_TCP_PER_SERVER_MAX 16u

/* TCP connections per worker, and unanswered questions on one before another is opened. */
#define UPSTREAM_TCP_CONNECTIONS_MAX 64u
#define UPSTREAM_TCP_PIPELINE_MAX    64u

/* How often connections are looked at for the two patiences above. */
#define UPSTREAM_TCP_LOOK_MS 100u

/* Sockets in flight per worker: one a try. */
#define UPSTREAM_SOCKETS_MAX 4096u

/* That there is no descriptor for a socket is logged this often by each worker. */
#define UPSTREAM_LACK_TELL_MS 60000u

/* Ports drawn for one socket: with 2,000 of 64,512 ports in use, sixteen are all taken once in
 * 10^24 times. */
#define UPSTREAM_PORT_ATTEMPTS 16u

/* Ports below belong to services of the system (RFC 6056, 3.2). */
#define UPSTREAM_PORT_MIN 1024u

/* Datagrams read from one socket before the others have their turn. */
#define UPSTREAM_READS_MAX 32u

/* Ready sockets taken from the kernel at a time. */
#define UPSTREAM_EVENTS_MAX 64

/* Such rounds before the loop turns to clients and timers again. */
#define UPSTREAM_ROUNDS_MAX 4u

#endif
