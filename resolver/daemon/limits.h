/*
 * daemon/limits.h - bounds of the housekeeping, and why.
 */
#ifndef CORDON_DAEMON_LIMITS_H
#define CORDON_DAEMON_LIMITS_H

#include "net/limits.h"

#define DAEMON_WORKERS_MAX 256u /* readers of the policy slot, and sockets per address */

/* Octets of events that a worker may be ahead of the writer, of decisions and, where each is
 * recorded, of questions: some 200,000 decisions of 150 octets, a second at the highest rate
 * of a worker, for which the system may give the writer no processor. A ring takes memory
 * for what it holds (base/ring.h), and all of them together at most this part of the memory
 * that there is: with less, they are smaller, but not below the least. */
#define DAEMON_RING_OCTETS (32u << 20)
#define DAEMON_RING_LEAST  (4u << 20)
#define DAEMON_RINGS_PART  8u

/* Memory of a worker goes back to the system once so many milliseconds have passed in which
 * fewer octets of events were written than this, and no more questions wait than that: idle,
 * for a household as for an office at night. It is looked for only after there was more. */
#define DAEMON_TRIM_MS        1000u
#define DAEMON_TRIM_OCTETS    (64u << 10)
#define DAEMON_TRIM_QUESTIONS 16u

/* Octets that are kept at the end of a thread's heap, and from which on a piece of memory is by
 * itself: glibc's own, which it would raise to 64 MiB by what is freed. */
#define DAEMON_HEAP_END (128 << 10)

/* Octets of the file that the cache is kept in, and of memory while it is read: what is beyond
 * is not kept. A cache of 64 MiB makes one of 40 or so. */
#define DAEMON_SAVED_OCTETS_MAX (256u << 20)

/* How long a stopping worker goes on for questions that wait for an upstream. */
#define DAEMON_DRAIN_MS 1000u

/* The same for a worker whose successor serves already: longer than any question waits, and
 * than a message or an answer over TCP may take. */
#define DAEMON_LEAVE_MS 8000u

/* A successor's patience with the cordond that it asks for its sockets. */
#define DAEMON_TAKEOVER_ASK_MS 5000u

/* A start's patience with another process that has the state directory: one that was told to
 * end, and answers what it has read, does so within this. */
#define DAEMON_CLAIM_WAIT_MS 5000u

/* Descriptors that a predecessor can have to give: its sockets, and the control socket. */
#define DAEMON_TAKEOVER_SOCKETS_MAX (2u * NET_LISTEN_MAX * DAEMON_WORKERS_MAX + 1u)

/* A worker's patience with a successor that is slow to take a connection. */
#define DAEMON_GIVE_MS 200

/* An upstream that is silent for this long at the start is shown as not answering. */
#define DAEMON_PROBE_MS 1000u

/* Files of lists come one by one: a reload begins when none has changed for this long, and at
 * the latest after the second number, so that a busy folder cannot put it off for ever. */
#define DAEMON_WATCH_QUIET_MS 300u
#define DAEMON_WATCH_MOST_MS  3000u

/* A link that was turned to another folder was turned at once, and what it leads to is whole:
 * what waits is the next one of the same update. */
#define DAEMON_WATCH_TURNED_MS 50u

/* A reload that a change of files began may have met a list before its signatures: it is
 * tried once more after this. */
#define DAEMON_RETRY_MS 2000u

/* Octets of a list from which on its text waits until its image is in force: those below take
 * less than 10 ms to hash, and reading them first is simpler to tell. */
#define DAEMON_LATE_OCTETS (4u << 20)

/* A folder of lists that has gone is looked for this often. */
#define DAEMON_WATCH_AGAIN_MS 10000u

/* The publisher's patience with readers of the snapshot before: a worker adopts between two
 * callbacks, the writer of events after its output has taken what came before. */
#define DAEMON_PUBLISH_STEP_MS 5u
#define DAEMON_PUBLISH_MOST_MS 10000u

/* Patience with workers that are asked for their counters; then their last are shown. */
#define DAEMON_REPORT_MS 500u

/* How often the use of memory is looked at where a control group limits it: it can grow by what
 * clients and a reload take in that time, for which a tenth of the limit is left. */
#define DAEMON_MEMORY_LOOK_MS 1000u

/* A worker that does not turn its loop for this long is stuck: nothing that it does in one go
 * takes a tenth of it. */
#define DAEMON_HEALTH_MS 2000u

/* An upstream answers if one did so within the first time; else one is asked, not more often
 * than the second. */
#define DAEMON_READY_HEARD_MS 15000u
#define DAEMON_READY_PROBE_MS 5000u

/* Octets of the page of metrics: 128 lists of 7 lines, 32 upstreams of 14, 256 workers, 150
 * lines beside; 100 octets a line, 350 with the name of an upstream over TLS: 330 KiB. */
#define DAEMON_METRICS_MAX (512u << 10)

/* Whether all questions come from the gateway is looked at so often; it is said after so many
 * questions, when more than one client would have shown. Clients of the loopback may be among
 * those that ask most, hence some. */
#define DAEMON_GATEWAY_LOOK_MS   10000u
#define DAEMON_GATEWAY_QUESTIONS 100u
#define DAEMON_GATEWAY_CLIENTS   16u

/* resolv.conf is looked at so often where it is followed: a stat(2) on a thread of the pool. */
#define DAEMON_FOLLOW_LOOK_MS 1000u

/* The same for names of folders of lists, of which there are at most 16: a version that a link
 * was turned to is in force within half a second. */
#define DAEMON_FOLDERS_LOOK_MS 250u

/* How often the clock is compared with itself, and what has failed for a while is tried again.
 */
#define DAEMON_LOOK_MS 5000u

/* A clock that is further off than this from one look to the next was set; one that is
 * corrected gains or loses microseconds. */
#define DAEMON_JUMP_S 60

/* A look that comes so much too late: the process did not run. */
#define DAEMON_STOOD_MS 5000u

/* Loops. A name that comes back does so in the time of some round trips. Rounds are at the
 * second interval while there is a loop, so that nobody is left out for long after its end;
 * else the interval doubles from there, since the machines of a place start one after the
 * other, up to the third. At the start the first screen waits a moment. */
#define DAEMON_LOOP_WAIT_MS  2000u
#define DAEMON_LOOP_AGAIN_MS 15000u
#define DAEMON_LOOP_ROUND_MS 300000u
#define DAEMON_LOOP_FIRST_MS 300u

/* Lists become stale while the daemon runs: looked at this often, and when the clock was set.
 */
#define DAEMON_FRESHNESS_MS 3600000u

/* Clients that ask too often are told of this often; the first time soon. */
#define DAEMON_LIMITED_FIRST_MS 10000u
#define DAEMON_LIMITED_MS       60000u

/* What people changed for a while ends by itself: looked at this often. A file that could not
 * be written to say so is tried again after the second. */
#define DAEMON_EXPIRY_MS     500u
#define DAEMON_SAVE_AGAIN_MS 10000u

/* Files of changes that could not be read and are kept: somebody must look at them one day, and
 * a folder must not fill up. */
#define DAEMON_DAMAGED_MAX 100u

/* Octets of the document that a reload leaves: 64 messages of 1 KiB, escaped, and the lists. */
#define DAEMON_RELOAD_DOCUMENT_MAX (1u << 20)

/* Commands of the control socket that may wait for one reload: all of its clients. */
#define DAEMON_WAITING_MAX 16u

/* Who may wait for the workers' counters: all clients of the control socket, and those of the
 * HTTP socket. */
#define DAEMON_TOTALS_WAITING_MAX 48u

/* Open files beside those of the workers: standard streams, loop, control socket and its 16
 * clients, events, lists and image while they are loaded, what was inherited. */
#define DAEMON_FILES_OF_PROCESS 64u

/* Of a worker: two epoll sets, wake-up, what libuv keeps, one connection that is just being
 * accepted; beside those, two for each listen address. */
#define DAEMON_FILES_OF_WORKER 8u

/* What a worker must have at least for clients over TCP and for upstreams (of these, 64 may be
 * TCP connections): a small household. Below there is no start. */
#define DAEMON_FILES_CLIENTS_MIN  16u
#define DAEMON_FILES_UPSTREAM_MIN 128u

/* Of a name, so many entries are shown: a dozen types with DO and CD or without, in some zones.
 * A message that is longer is only told of. */
#define DAEMON_CACHED_SHOWN_MAX  64u
#define DAEMON_CACHED_OCTETS_MAX 4096u

/* Traces at a time: people look at one. Each takes 120 KiB. */
#define DAEMON_TRACES_MAX 4u

/* Octets of the history of sets, and again of the one before it: a set of 20 lists takes 4 KiB,
 * so 2,000 reloads are known, at least half of them. Of one line: 128 lists of 350 octets, and
 * as much again for modes of views. */
#define DAEMON_HISTORY_OCTETS   (4u << 20)
#define DAEMON_HISTORY_LINE_MAX (128u << 10)

/* Exceptions of commands that are over, and still shown. */
#define DAEMON_ENDED_MAX 64u

#endif
