/*
 * query/limits.h - bounds of one worker's questions, and why.
 */
#ifndef CORDON_QUERY_LIMITS_H
#define CORDON_QUERY_LIMITS_H

/* Slots per worker. At 4 s of patience and 1,000 unanswered questions a second a worker is
 * full; above that the upstream is down and waiting longer helps nobody. */
#define QUERY_SLOTS 4096u

/* Whoever asks for names that nobody answers holds a slot for seconds. Half of the slots (of
 * the sockets to upstreams, if there are fewer) are anybody's, so that an office behind one
 * address is not bounded while nobody else asks. Beyond that an address may hold an eighth of
 * all, and the /64 of IPv6 clients a quarter: others still find a slot. The last 64th is never
 * waited in: policy and cache answer whatever happens. */
#define QUERY_FREE_PART    2u
#define QUERY_ADDRESS_PART 8u
#define QUERY_NETWORK_PART 4u
#define QUERY_KEPT_PART    64u

/* Clients of which a worker knows view and access from their last question: a house, and the
 * busiest of an office; 4 KiB. */
#define QUERY_CLIENTS_KNOWN 64u

/* Questions in flight to upstreams per worker: joined ones share. */
#define QUERY_FETCHES 4096u

/* Moves between states for one question: the longest real path (redirect, rerun after a
 * reload) takes about 20. A question above it is answered SERVFAIL and counted. */
#define QUERY_STEPS_MAX 64u

/* Names that are asked for on behalf of one client question: its own and, policy changing
 * under it, targets of redirects. */
#define QUERY_FETCHES_PER_QUERY_MAX 8u

/* Packets to upstreams for one client question: tries, repeats and redirects together. Two
 * fetches that go through every try and repeat send 28; what needs more makes of one question
 * of a client a load on others (RFC 9520, 2.1; the NXNS and TsuNAME attacks). */
#define QUERY_PACKETS_MAX 40u

/* Zones of one answer whose name servers are judged, in the order of its chain: chains of CDNs
 * have three or four. */
#define QUERY_ORIGINS_MAX 8u

/* Name servers of a zone that are judged by name: the root has 13. Of these the addresses of
 * the first are judged, too, where a rule asks for that: most zones have two or four, and each
 * is worth two questions. */
#define QUERY_HOSTS_MAX         16u
#define QUERY_HOST_ADDRESSES_OF 4u

/* Questions about name servers that one question of a client may give rise to: names cost one
 * for each zone; addresses eight more for a zone that has four name servers. More would make of
 * one question a load on others (the NXNS attack). */
#define QUERY_LESSONS_PER_QUERY_MAX 12u

/* And all of a worker's: so many a second, and at once where there was time to save them. A
 * worker that is busy sends 1,000 questions a second upstream, so at most a tenth is for this.
 * A zone is learned once for its TTL, so 100 new zones a second are a network of thousands. */
#define QUERY_LESSONS_PER_S 100u
#define QUERY_LESSONS_BURST 200u

/* At most this part of the questions in flight (of the sockets to upstreams, if there are
 * fewer) is about name servers, so that what clients ask finds a place. */
#define QUERY_LESSONS_PART 16u

/* Packets for one question about name servers: a try at each of some upstreams. */
#define QUERY_LESSON_PACKETS_MAX 4u

/* Answers that are sent already, whose name servers are awaited for an event: a worker's,
 * beside its slots. At 30 ms for an upstream that is 17,000 a second. */
#define QUERY_LATE_MAX 512u

/* What name servers were found is remembered for so long in seconds, even where the answer may
 * not be kept: a zone with a TTL of 0 must not double the questions about it. */
#define QUERY_LEARNED_TTL_MIN_S 30u

/* At most this part of the questions in flight (of the sockets to upstreams, if there are
 * fewer) goes on after a stale answer was given, when nobody waits for it any more: where so
 * many upstreams are silent, another question tells no more. */
#define QUERY_STALE_PART 4u

/* An answer is fetched anew in the last tenth of its life if it was asked for before, and lives
 * for long enough that the tenth is a second: so upstreams are asked at most a ninth more
 * often, and popular names are never waited for. */
#define QUERY_PREFETCH_WINDOW     10u
#define QUERY_PREFETCH_LIFE_MIN_S 10u

/* At most this part of the questions in flight is such: at 30 ms for an upstream 17,000 a
 * second. More packets than for a question about name servers are not sent for one: nobody
 * waits for it, and there is an answer. */
#define QUERY_PREFETCH_PART        8u
#define QUERY_PREFETCH_PACKETS_MAX 4u

/* Octets of an answer that may wait in the worker's scratch: any DNS message. */
#define QUERY_SCRATCH_OCTETS 65536u

/* Places for those that come most often (query/tops.h), per worker and window: whatever makes
 * up more than a hundredth (names: a thirtieth) of its kind is surely there. All of a worker's
 * take 250 KiB. */
#define QUERY_TOP_CLIENT_SLOTS   512u
#define QUERY_TOP_NAME_SLOTS     128u
#define QUERY_TOP_PROVIDER_SLOTS 64u

/* Of these, as many can be read at once: a long screen. */
#define QUERY_TOP_READ_MAX 64u

/* Lines of a trace, and octets of each: the longest way through the states, each upstream tried
 * as often as may be, and the rules that had a word; a rule's text is cut. */
#define QUERY_TRACE_LINES 192u
#define QUERY_TRACE_WORDS 240u

/* Names of which a worker knows that they are blocked (query/memo.h): sets of sixteen, and the
 * octets of the longest name that finds a place, which few exceed. Of 10,000 names that are
 * asked for all the time 99 in a hundred have one. 2 MiB, of which there is as much as is used.
 * In a full set one name in so many may take the place of another, so that a flood of names
 * costs little more than deciding them. */
#define QUERY_MEMO_SETS     1024u
#define QUERY_MEMO_NAME     101u
#define QUERY_MEMO_PATIENCE 8u

/* Cookies (RFC 9018, 4.3): how long one is believed, how far the clock of another server
 * behind the same address may be ahead, and when a new one is given out. The secret lives for a
 * day; a month would do (5), but nobody has to do anything for it. */
#define QUERY_COOKIE_LIFE_S   3600u
#define QUERY_COOKIE_FUTURE_S 300u
#define QUERY_COOKIE_RENEW_S  1800u
#define QUERY_COOKIE_PERIOD_S 86400u

/* Allowance of a client: so many seconds of its rate may come at once. A page of a browser, or
 * an office that comes to work, asks in bursts. */
#define QUERY_RATE_BURST_S UINT64_C(5)

/* What a proven address may ask more than one that may be forged; and what the /64 of an IPv6
 * client may ask more than one of its addresses: a house has one /64 and some machines. */
#define QUERY_RATE_PROVEN  4u
#define QUERY_RATE_NETWORK 4u

/* Places for clients, by keyed hash: 20,480 that may be limited at the same time, in 1 MiB.
 * A lock is waited for as long as its holder needs, and given up if that one sleeps. */
#define QUERY_RATE_BUCKETS 4096u
#define QUERY_RATE_WAYS    5u
#define QUERY_RATE_SPINS   128u

/* Parts of what operators are told (told.h), octets of one page: with the question, a cookie
 * and OPT it fits into 1,232; and pages of one part: what is more is for `cordon status`. */
#define QUERY_TOLD_PARTS_MAX 12u
#define QUERY_TOLD_PAGE_MAX  1024u
#define QUERY_TOLD_PAGES_MAX 128u

#endif
