/*
 * daemon/monitor.h - what monitoring asks over HTTP: /metrics, /healthz, /readyz.
 *
 * healthz: every worker turns its loop. readyz: the lists in force are verified, which they are
 * from the start on, and an upstream answers: one has done so lately for a client, or answers a
 * small question that is asked now. Whatever is wrong with the HTTP socket is said in the log
 * and in status; it is no reason to serve no questions. Main thread.
 */
#ifndef CORDON_DAEMON_MONITOR_H
#define CORDON_DAEMON_MONITOR_H

#include "admin/http.h"
#include "admin/limits.h"
#include "base/text.h"
#include "daemon/probe.h"
#include "upstream/limits.h"

#include <uv.h>

struct daemon;

struct monitor {
    struct http *http; /* NULL: off, or it could not be opened */
    int fd;            /* TCP: opened while rights were there, until http has it; -1 */
    bool wanted;
    bool replaces;
    char detail[256]; /* why there is none though it is wanted */

    /* Does an upstream answer? */
    bool compared;    /* answers is of this process */
    uint64_t answers; /* of all upstreams, when last looked at */
    uint64_t heard_us;
    uint64_t probed_us;
    bool probing;
    uv_work_t probe;
    struct endpoint servers[UPSTREAM_SERVERS_MAX]; /* that are asked */
    struct probe_result results[UPSTREAM_SERVERS_MAX];
    size_t count;
    struct http_request *waiting[HTTP_CONNECTIONS_MAX];
    size_t waiting_count;
};

/* Before rights are dropped: opens the port. replaces: another cordond has it, and will end
 * when this one serves. */
void monitor_bind(struct daemon *daemon, bool replaces);
/* Opens a unix socket, and serves. */
void monitor_open(struct daemon *daemon);
/* Requests that wait are answered with 503. Also if it was never opened. */
void monitor_close(struct daemon *daemon);

/* The member "http" of the status document. */
void monitor_write(const struct daemon *daemon, struct text *out);

#endif
