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

/* Down: three questions in a row without an answer, which chance loss of one in ten makes once
 * in a thousand; or blame of ten, where an answer that another server betters counts one (some
 * names fail at one server alone) and one that nobody could use counts four. Late questions in
 * a row that make a server suspect, and for how long if nothing is heard. */
#define UPSTREAM_DOWN_AFTER    3u
#define UPSTREAM_BLAME_MAX     10u
#define UPSTREAM_BLAME_HEAVY   4u
#define UPSTREAM_SUSPECT_AFTER 3u
#define UPSTREAM_SUSPECT_MS    1000u

/* In doubt: after three questions without an answer a probe decides, as long as a question is
 * waited for, since any client can ask for names to which a good server has nothing to say.
 * One in doubt is suspect until then, or the first number is over; if the probe was answered,
 * for UPSTREAM_SUSPECT_MS, doubled each time until a client's question is answered, up to 16
 * times: the probe may have come from its cache while all else hangs. */
#define UPSTREAM_DOUBT_MS       3000u
#define UPSTREAM_DOUBTS_DOUBLED 4u

/* Up again: so many good answers in a row, at least the second number apart, since a server
 * that is well for two seconds is not well yet. Others serve meanwhile; where there are none it
 * is asked all the same. Twice as many each time that it has flapped. */
#define UPSTREAM_UP_AFTER       4u
#define UPSTREAM_PROBE_AGAIN_MS 1000u

/* How long a probe is waited for: a server that is slower is of no use to a client. */
#define UPSTREAM_PROBE_MS 1000u

/* The pause before a server that is down is probed, doubled with each probe in vain: a restart
 * is over in a second, and one small question in half a minute burdens nobody. A server that
 * goes down within the third number of coming up flaps, and the first pause is four times as
 * long with each time, so that clients seldom pay for finding out again. */
#define UPSTREAM_PAUSE_MIN_MS 1000u
#define UPSTREAM_PAUSE_MAX_MS 30000u
#define UPSTREAM_STEADY_MS    60000u
#define UPSTREAM_FLAPS_MAX    3u

/* Endpoints that the workers of a process know: those of two configurations, since a third is
 * not made before all have left the first. */
#define UPSTREAM_CONDITIONS_MAX (2u * UPSTREAM_SERVERS_MAX)

/* A round-trip time above this is as good as none. */
#define UPSTREAM_RTT_MAX_US 60000000u

/* When an answer is late: after what nearly all have taken, but never before the first number
 * (a busy machine's own jitter), and the second for a server that is not measured. Over TCP it
 * is three times as much: a connection is opened first. */
#define UPSTREAM_LATE_MIN_MS 10u
#define UPSTREAM_LATE_MS     200u

/* Second questions that may be asked at once after a quiet time; then it is the configured
 * share of all questions. */
#define UPSTREAM_HEDGE_BURST 8u

/* Of fastest: each so many questions one is also asked of another server, so that a server that
 * has become faster is found; a server that is not measured yet gets more of them. */
#define UPSTREAM_EXPLORE_EVERY     64u
#define UPSTREAM_EXPLORE_NEW_EVERY 4u

/* Tries whose question has been answered by another server, but that are still watched, to know
 * what their own server would have done: per worker. */
#define UPSTREAM_WATCHED_MAX 64u

/* A measured round-trip time sets no waits after this: the path may be another one. */
#define UPSTREAM_RTT_STALE_MS 600000u

/* What a server cannot do (keep the letter case, EDNS) is tried again after this. */
#define UPSTREAM_RELEARN_MS 3600000u

/* Questions over TLS are this long or a multiple (RFC 8467, 4.1). */
#define UPSTREAM_PADDING_BLOCK 128u

/* Our longest question: header, name, type and class, OPT, padded. */
#define UPSTREAM_QUESTION_MAX 384u

/* Octets kept of an answer that is no help (SERVFAIL with its Extended DNS Error), in case that
 * no server has a better one; of a longer one only header and question are kept. */
#define UPSTREAM_REJECTED_MAX 512u

/* Patience for a TCP connection to an upstream, and how long an idle one is kept. */
#define UPSTREAM_TCP_CONNECT_MS 1500u
#define UPSTREAM_TCP_IDLE_MS    10000u

/* Patience for a connection and its TLS handshake: another round trip or two, and the server's
 * work for its signature. */
#define UPSTREAM_TLS_CONNECT_MS 3000u

/* How long an idle connection over TLS is kept if the server says (RFC 7828) that it keeps it
 * for longer. */
#define UPSTREAM_TLS_IDLE_MAX_MS 120000u

/* After a server has proved to be the wrong one no other handshake is begun with it for so
 * long: each takes milliseconds of both, and a wrong certificate is not soon right. One that
 * has only hung up or hung is tried again at once. */
#define UPSTREAM_TLS_PAUSE_MS 1000u

/* That a server cannot prove who it is is logged this often; the words for it. */
#define UPSTREAM_TLS_TELL_MS   60000u
#define UPSTREAM_TLS_ERROR_MAX 320u

/* Servers over TLS whose sessions are remembered: those that there may be, and as many that a
 * reload has replaced while connections to them are open. */
#define UPSTREAM_TLS_PEERS_MAX (UPSTREAM_TCP_CONNECTIONS_MAX + 1u)

/* A connection on which a question has waited this long since anything was answered on it gets
 * no further ones: less than a try's wait (the time for connecting), so that the question
 * itself finds another connection when it is repeated. */
#define UPSTREAM_TCP_STALL_MS 1000u

/* A server that closes a connection under questions within this time of an answer does so by
 * its own rules (NSD's tcp-query-count): for the second time connections to it get no more
 * questions than that one carried. */
#define UPSTREAM_TCP_CUT_SOON_MS 250u
#define UPSTREAM_TCP_CARRIES_MS  60000u

/* TCP connections per worker and server: a server that stalls one after the other is left three
 * or four within the time of a question; sixteen full ones carry 1,024 questions. */
#define UPSTREAM_TCP_PER_SERVER_MAX 16u

/* TCP connections per worker, and unanswered questions on one before another is opened. */
#define UPSTREAM_TCP_CONNECTIONS_MAX 64u
#define UPSTREAM_TCP_PIPELINE_MAX    64u

/* How often connections are looked at for the two patiences above, and sockets that wait. */
#define UPSTREAM_LOOK_MS 100u

/* Sockets in flight per worker: one a try. */
#define UPSTREAM_SOCKETS_MAX 4096u

/* That there is no descriptor for a socket is logged this often by each worker. */
#define UPSTREAM_LACK_TELL_MS 60000u

/*
 * Under load sockets carry several questions (docs/decisions/0014-questions-share-sockets.md).
 *
 * One is drawn by chance of those that take further ones, never of fewer than the first number:
 * so a resolver with few questions has a new port for each, and who has learned a port has not
 * learned that of a question. It takes questions for a second, which is less than a question
 * that nobody answers keeps a port open, and so many in all that opening it costs little.
 */
#define UPSTREAM_UDP_CHOICE_MIN    64u
#define UPSTREAM_UDP_CHOICE_MAX    512u
#define UPSTREAM_UDP_QUESTIONS_MAX 64u
#define UPSTREAM_UDP_KEPT_MS       1000u

/* Questions unanswered on one socket: a bit each. Of one turn of the loop, as many as the first
 * leave by the same socket, in one system call, before another is drawn. */
#define UPSTREAM_UDP_BURST_MAX   16u
#define UPSTREAM_UDP_AT_ONCE_MAX 32u

/* Answers read at a time, and octets of each: as long as the longest that we ask for
 * (server.udp-size). One that is longer is cut, which makes it malformed. */
#define UPSTREAM_UDP_READ_MAX   16u
#define UPSTREAM_UDP_ANSWER_MAX 4096u

/* Ports drawn for one socket: with 2,000 of 64,512 ports in use, sixteen are all taken once in
 * 10^24 times. */
#define UPSTREAM_PORT_ATTEMPTS 16u

/* Ports below belong to services of the system (RFC 6056, 3.2). */
#define UPSTREAM_PORT_MIN 1024u

/* Reads from one socket before the others have their turn. */
#define UPSTREAM_READS_MAX 32u

/* Ready sockets taken from the kernel at a time. */
#define UPSTREAM_EVENTS_MAX 64

/* Such rounds before the loop turns to clients and timers again. */
#define UPSTREAM_ROUNDS_MAX 4u

#endif
