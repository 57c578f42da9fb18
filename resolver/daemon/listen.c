/*
 * The listening sockets of all workers: those that somebody passes, and those that are opened.
 *
 * Two sockets of one address with SO_REUSEPORT share its questions by a hash, so a socket that
 * is closed loses what it has queued. Hence none that is passed for an address of ours is ever
 * closed: with fewer workers than before, a worker reads from several.
 */
#include "base/invariant.h"
#include "base/log.h"
#include "daemon/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of one address. */
struct inherited {
    struct net_sockets pairs[DAEMON_WORKERS_MAX];
    unsigned count;
};

/* A machine without IPv6 is no reason to serve nobody. */
static bool may_leave_out(const struct address *address, int error)
{
    return (error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT) &&
           address->family == ADDRESS_V6 && address_is_loopback(address);
}

static void close_inherited(struct inherited *inherited)
{
    for (unsigned i = 0; i < inherited->count; i++) {
        net_sockets_close(&inherited->pairs[i]);
    }
    inherited->count = 0;
}

/* All pairs that were passed for an address. 0, with a count of 0 if there are none. */
static int inherit(struct activation *passed, const struct address *address,
                   struct inherited *inherited, bool *kept)
{
    enum activation_origin origin = ACTIVATION_UNIT;
    int rc = 0;

    inherited->count = 0;
    while (rc == 0 && inherited->count < DAEMON_WORKERS_MAX) {
        rc = activation_pair(passed, address, &inherited->pairs[inherited->count], &origin,
                             stderr);
        if (rc == 0) {
            inherited->count++;
            *kept = *kept && origin == ACTIVATION_UNIT;
        }
    }
    if (rc != 0 && rc != -ENOENT) {
        close_inherited(inherited);
        return rc;
    }
    *kept = *kept && inherited->count > 0;
    return 0;
}

static int duplicate(const struct net_sockets *from, struct net_sockets *to)
{
    struct net_sockets made = {.udp = fcntl(from->udp, F_DUPFD_CLOEXEC, 3), .tcp = -1};

    made.tcp = made.udp < 0 ? -1 : fcntl(from->tcp, F_DUPFD_CLOEXEC, 3);
    if (made.tcp < 0) {
        const int error = errno;
        net_sockets_close(&made);
        return -error;
    }
    *to = made;
    return 0;
}

/* One more beside it, or the same once more: a socket of a unit stands alone, and one that
 * another user opened has no company. */
static int open_beside(const struct net_sockets *beside, const struct address *address,
                       struct net_sockets *pair)
{
    struct address at = *address;
    int shares = 0;
    socklen_t len = sizeof(shares);

    if (getsockopt(beside->udp, SOL_SOCKET, SO_REUSEPORT, &shares, &len) == 0 && shares == 1 &&
        net_sockets_open(&at, false, pair) == 0) {
        return 0;
    }
    return duplicate(beside, pair);
}

/* How many pairs of this address each worker reads from. */
static size_t pairs_each(const struct inherited *inherited, unsigned workers)
{
    invariant(workers > 0);
    return inherited->count <= workers ? 1 : (inherited->count + workers - 1) / workers;
}

/* The n-th pair of the address for a worker: its own share, then what there is beside it. */
static int fill(const struct inherited *inherited, const struct address *address,
                unsigned workers, unsigned worker, size_t n, struct net_sockets *pair)
{
    const size_t index = worker + workers * n;
    const struct net_sockets *from = &inherited->pairs[index % inherited->count];

    return index >= inherited->count && n == 0 ? open_beside(from, address, pair)
                                               : duplicate(from, pair);
}

static int fill_address(struct start_sockets *sockets, const struct inherited *inherited,
                        const struct address *address)
{
    const size_t each = pairs_each(inherited, sockets->workers);

    for (size_t n = 0; n < each; n++) {
        if (sockets->slots == NET_LISTEN_MAX) {
            log_write(
                LOG_LEVEL_WARNING,
                "so few workers cannot read from all sockets that they inherit: questions "
                "that wait in some are lost. Restart with server.workers as it was");
            return 0;
        }
        for (unsigned w = 0; w < sockets->workers; w++) {
            const int rc = fill(inherited, address, sockets->workers, w, n,
                                &sockets->pairs[w * NET_LISTEN_MAX + sockets->slots]);
            if (rc != 0) {
                start_explain_port(stderr, address, rc);
                return rc;
            }
        }
        sockets->slot[sockets->slots++] = *address;
    }
    return 0;
}

/* Opens the first pair of an address that nobody has passed, which settles its port and makes
 * sure that it is nobody else's. It becomes the one that is inherited. */
static int open_first(struct address *address, struct inherited *inherited)
{
    const int rc = net_sockets_open(address, true, &inherited->pairs[0]);

    inherited->count = rc == 0 ? 1 : 0;
    return rc;
}

static int open_address(const struct config *config, size_t i, struct activation *passed,
                        struct inherited *inherited, struct start_sockets *sockets)
{
    struct address address = config->listen[i];
    char text[ADDRESS_TEXT_MAX];
    int rc = inherit(passed, &address, inherited, &sockets->kept);

    if (rc != 0) {
        return rc;
    }
    const bool was_passed = inherited->count > 0;
    rc = was_passed ? 0 : open_first(&address, inherited);
    if (rc != 0 && may_leave_out(&address, rc) && config->listen_count > 1) {
        address_format(&address, true, text);
        log_write(LOG_LEVEL_WARNING, "%s is left out: this machine has no IPv6 loopback", text);
        return 0;
    }
    if (rc != 0) {
        start_explain_port(stderr, &address, rc);
        return rc;
    }
    sockets->passed[sockets->count] = was_passed;
    sockets->listen[sockets->count++] = address;
    rc = fill_address(sockets, inherited, &address);
    close_inherited(inherited); /* they have been duplicated */
    return rc;
}

static int keep_connections(struct activation *passed, struct start_sockets *sockets)
{
    if (passed->count == 0) {
        return 0;
    }
    sockets->connections = calloc(passed->count, sizeof(*sockets->connections));
    if (sockets->connections == NULL) {
        return -ENOMEM;
    }
    for (int fd = activation_connection(passed); fd >= 0; fd = activation_connection(passed)) {
        sockets->connections[sockets->connection_count++] = fd;
    }
    return 0;
}

/* From rows of NET_LISTEN_MAX to rows of what is used. */
static void close_up(struct start_sockets *sockets)
{
    for (unsigned w = 0; w < sockets->workers; w++) {
        for (size_t s = 0; s < sockets->slots; s++) {
            const struct net_sockets pair = sockets->pairs[w * NET_LISTEN_MAX + s];
            sockets->pairs[w * NET_LISTEN_MAX + s] = (struct net_sockets){-1, -1};
            sockets->pairs[w * sockets->slots + s] = pair;
        }
    }
}

static void say_where_from(const struct activation *passed)
{
    if (passed->unit > 0) {
        log_write(LOG_LEVEL_INFO, "the service manager has passed sockets: workers share them");
    }
    if (passed->stored > 0) {
        log_write(LOG_LEVEL_INFO,
                  "the service manager has kept %u sockets since the last start",
                  passed->stored);
    }
}

/* Also undone, where sockets come from an earlier life. */
static void steer(const struct start_sockets *sockets, bool by_processor)
{
    for (unsigned w = 0; w < sockets->workers; w++) {
        for (size_t s = 0; s < sockets->slots; s++) {
            net_sockets_steer(&sockets->pairs[w * sockets->slots + s],
                              by_processor ? (int)w : -1);
        }
    }
}

int start_sockets_open(const struct config *config, unsigned workers, struct activation *passed,
                       struct start_sockets *sockets)
{
    const size_t room = (size_t)workers * NET_LISTEN_MAX;
    struct inherited *inherited = calloc(1, sizeof(*inherited));
    unsigned dropped = 0;

    *sockets = (struct start_sockets){.workers = workers, .kept = true};
    sockets->pairs = malloc(room * sizeof(*sockets->pairs));
    int rc = inherited == NULL || sockets->pairs == NULL ? -ENOMEM : 0;
    for (size_t i = 0; sockets->pairs != NULL && i < room; i++) {
        sockets->pairs[i] = (struct net_sockets){.udp = -1, .tcp = -1};
    }
    say_where_from(passed);
    rc = rc != 0 ? rc : keep_connections(passed, sockets);
    for (size_t i = 0; rc == 0 && i < config->listen_count && i < NET_LISTEN_MAX; i++) {
        rc = open_address(config, i, passed, inherited, sockets);
    }
    const int left = activation_finish(passed, &dropped, stderr);
    rc = rc != 0 ? rc : left;
    sockets->forget = dropped > 0;
    free(inherited);
    if (rc == 0 && sockets->count == 0) {
        rc = -EADDRNOTAVAIL;
    }
    if (rc != 0) {
        sockets->slots = NET_LISTEN_MAX;
        start_sockets_close(sockets, 0);
        return rc;
    }
    close_up(sockets);
    steer(sockets, config->steer);
    return 0;
}

void start_sockets_close(struct start_sockets *sockets, unsigned first)
{
    for (size_t i = first * sockets->slots;
         sockets->pairs != NULL && i < sockets->workers * sockets->slots; i++) {
        if (sockets->pairs[i].udp >= 0 || sockets->pairs[i].tcp >= 0) {
            net_sockets_close(&sockets->pairs[i]);
        }
    }
    for (size_t i = 0; i < sockets->connection_count; i++) {
        close(sockets->connections[i]);
    }
    free(sockets->connections);
    free(sockets->pairs);
    *sockets = (struct start_sockets){0};
}
