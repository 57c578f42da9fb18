/*
 * daemon/loops.h - upstreams that ask us back are found, said, and left out.
 *
 * A round asks each upstream in clear, over a socket of its own, for a name that only this
 * round knows (query/loop.h), and ends DAEMON_LOOP_WAIT_MS later. Whoever's name has come back
 * by then is left out until two rounds in a row have not come back. Rounds: at the start, when
 * upstreams have changed, and from time to time. Upstreams over TLS are not looked at. Main
 * thread.
 */
#ifndef CORDON_DAEMON_LOOPS_H
#define CORDON_DAEMON_LOOPS_H

#include "base/endpoint.h"
#include "base/random.h"
#include "base/text.h"
#include "query/loop.h"

#include <uv.h>

struct daemon;
struct setup_snapshot;
struct upstream_settings;

struct loops {
    struct query_loop shared; /* with the workers */
    struct random random;
    uv_timer_t timer;
    bool ready; /* to run rounds; false while the daemon starts and stops */
    bool asking;
    bool unpublished;  /* what is found has changed */
    uint64_t pause_ms; /* until the next round: it grows */
    /* Of the round: */
    struct endpoint servers[QUERY_LOOP_TOKENS];
    int sockets[QUERY_LOOP_TOKENS]; /* -1: not asked */
    size_t count;
    /* Left out: */
    struct endpoint found[QUERY_LOOP_TOKENS];
    unsigned missing[QUERY_LOOP_TOKENS]; /* rounds in a row that did not come back */
    size_t found_count;
};

void loops_init(struct daemon *daemon);
/* The first round, with the workers running: waits a moment for what comes back at once, so
 * that the first screen can say it. Goes on by itself. */
void loops_start(struct daemon *daemon);
void loops_close(struct daemon *daemon);

/* For whoever publishes: takes those that are found out of a snapshot that nobody has yet; and
 * tells that it has been published. */
void loops_apply(const struct daemon *daemon, struct setup_snapshot *snapshot);
void loops_published(struct daemon *daemon);

bool loops_has(const struct loops *loops, const struct endpoint *server);

/* The member "loops" of the status document. */
void loops_write(const struct loops *loops, struct text *out);

#endif
