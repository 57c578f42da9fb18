#include "daemon/descriptors.h"

#include "base/log.h"
#include "daemon/limits.h"
#include "net/limits.h"
#include "upstream/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>

#define UPSTREAM_ALL (UPSTREAM_SOCKETS_MAX + UPSTREAM_TCP_CONNECTIONS_MAX)

bool descriptors_share(uint64_t limit, unsigned workers, size_t addresses,
                       struct descriptors *out)
{
    const uint64_t own = DAEMON_FILES_OF_WORKER + 2 * (uint64_t)addresses; /* UDP and TCP */

    *out = (struct descriptors){
        .limit = limit,
        .least = DAEMON_FILES_OF_PROCESS +
                 workers * (own + DAEMON_FILES_UPSTREAM_MIN + DAEMON_FILES_CLIENTS_MIN),
        .all =
            DAEMON_FILES_OF_PROCESS + workers * (own + UPSTREAM_ALL + NET_TCP_CONNECTIONS_MAX),
        .tcp_clients = NET_TCP_CONNECTIONS_MAX,
        .upstream_sockets = UPSTREAM_ALL,
    };
    if (limit >= out->all) {
        return true;
    }
    if (limit < out->least) {
        return false;
    }
    /* Less than all, hence no overflow. What is above the least: a quarter for clients over
     * TCP, the rest for upstreams, as most questions come over UDP and each may need several
     * sockets. */
    const unsigned share = (unsigned)((limit - DAEMON_FILES_OF_PROCESS) / workers - own);
    unsigned clients = DAEMON_FILES_CLIENTS_MIN +
                       (share - DAEMON_FILES_CLIENTS_MIN - DAEMON_FILES_UPSTREAM_MIN) / 4;
    clients = clients > NET_TCP_CONNECTIONS_MAX ? NET_TCP_CONNECTIONS_MAX : clients;
    out->tcp_clients = clients;
    out->upstream_sockets = share - clients < UPSTREAM_ALL ? share - clients : UPSTREAM_ALL;
    out->reduced = true;
    return true;
}

int descriptors_plan(unsigned workers, size_t addresses, struct descriptors *out)
{
    struct rlimit limit;
    const uint64_t now = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;

    if (!descriptors_share(now, workers, addresses, out)) {
        log_write(LOG_LEVEL_ERROR,
                  "this process may open %" PRIu64
                  " files, and %u workers on %zu addresses need "
                  "%" PRIu64 " at least: set LimitNOFILE=%" PRIu64 " in the unit, ulimit -n "
                  "%" PRIu64 " in the shell, or fewer server.workers",
                  out->limit, workers, addresses, out->least, out->all, out->all);
        return -EMFILE;
    }
    if (out->reduced) {
        log_write(LOG_LEVEL_WARNING,
                  "this process may open %" PRIu64 " files only: each worker takes %u TCP "
                  "clients instead of %u and %u sockets to upstreams instead of %u. For all of "
                  "them set LimitNOFILE=%" PRIu64 " in the unit, or ulimit -n %" PRIu64
                  " in the shell",
                  out->limit, out->tcp_clients, NET_TCP_CONNECTIONS_MAX, out->upstream_sockets,
                  UPSTREAM_ALL, out->all, out->all);
    }
    return 0;
}
