#include "net/inside.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <unistd.h>

/* Questions of a batch that take a step together: a processor waits for about ten places in
 * memory at a time. */
#define GROUP 4u

#define IS_MULTICAST_V4(octets) (((octets)[0] & 0xf0) == 0xe0)

/* What never changes: where addresses and octets are. */
static void prepare(struct net_batch *batch)
{
    for (size_t i = 0; i < NET_BATCH; i++) {
        struct net_datagram *datagram = &batch->datagrams[i];

        datagram->octets = (struct iovec){batch->buffers[i], NET_DATAGRAM_MAX};
        batch->headers[i].msg_hdr = (struct msghdr){.msg_name = &datagram->peer,
                                                    .msg_namelen = sizeof(datagram->peer),
                                                    .msg_iov = &datagram->octets,
                                                    .msg_iovlen = 1,
                                                    .msg_control = datagram->control.octets};
    }
}

void net_udp_prepare(struct net *net)
{
    prepare(&net->in);
    prepare(&net->out);
    net->in_used = NET_BATCH;
}

/* hot. The kernel overwrites lengths on the way in, of as many as it used. */
static void reset_in(struct net *net)
{
    for (size_t i = 0; i < net->in_used; i++) {
        struct msghdr *header = &net->in.headers[i].msg_hdr;

        header->msg_namelen = sizeof(net->in.datagrams[i].peer);
        header->msg_controllen = sizeof(net->in.datagrams[i].control.octets);
    }
    net->in_used = 0;
}

/* The address that was asked, if it is not that of the socket. False if an answer from that
 * address is impossible: it is everybody's. */
static bool read_control(struct msghdr *header, struct address *local)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            memcpy(local->octets, &info.ipi_spec_dst, 4);
            if (info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr ||
                IS_MULTICAST_V4(local->octets)) {
                return false; /* to a broadcast or multicast address */
            }
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            memcpy(local->octets, &info.ipi6_addr, 16);
            if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) {
                return false;
            }
            local->scope =
                IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? (uint32_t)info.ipi6_ifindex : 0;
        }
    }
    return true;
}

_Static_assert(offsetof(struct sockaddr_in, sin_port) ==
                   offsetof(struct sockaddr_in6, sin6_port),
               "the port is in one place");

/* hot. Whether an answer may go there. */
static bool is_answerable(const struct sockaddr_storage *peer)
{
    in_port_t port;

    memcpy(&port, (const uint8_t *)peer + offsetof(struct sockaddr_in, sin_port), sizeof(port));
    return (peer->ss_family == AF_INET || peer->ss_family == AF_INET6) && port != 0;
}

/* hot. A slot for the question of a datagram; NULL: it is not one, or there is no slot, which
 * the engine counts, and the client asks again. */
static struct query *take(struct net_udp *udp, size_t index)
{
    struct net *net = udp->net;
    struct mmsghdr *header = &net->in.headers[index];
    const struct sockaddr_storage *peer = &net->in.datagrams[index].peer;
    struct address local = udp->local;

    net->counters.udp_received++;
    if ((udp->wide && !read_control(&header->msg_hdr, &local)) ||
        (header->msg_hdr.msg_flags & MSG_TRUNC) != 0 || !is_answerable(peer)) {
        net->counters.udp_ignored++;
        return NULL;
    }
    struct query *q = query_take(net->engine);
    if (q != NULL) {
        struct query_client *client = query_client_of(q);

        /* Where it stays: to copy at once what is written in parts, a processor waits. */
        (void)address_from_sockaddr((const struct sockaddr *)peer, &client->from);
        client->local = local;
        client->transport = QUERY_UDP;
        client->owner = udp;
        client->keepalive_100ms = -1;
    }
    return q;
}

/* A batch finds its slots: as many as are never waited in. */
_Static_assert(QUERY_SLOTS / QUERY_KEPT_PART >= NET_BATCH, "see query_take()");

/* hot. Each is expected when the next one is read. A group goes near when the next one is read,
 * and on when the next one has gone near: what it asked memory for has had that time to come.
 */
static void take_batch(struct net_udp *udp, size_t count)
{
    struct query_engine *engine = udp->net->engine;
    const struct net_batch *in = &udp->net->in;
    struct query *taken[NET_BATCH];
    size_t read = 0, expected = 0, near = 0, done = 0;

    for (size_t i = 0; i < count; i++) {
        struct query *q = take(udp, i);

        if (q != NULL) {
            query_read(engine, q, in->buffers[i], in->headers[i].msg_len);
            taken[read++] = q;
        }
        if (read == expected + 2) {
            query_expect(engine, taken[expected++]);
        }
        if (read == near + 2 * GROUP) {
            query_go_near(engine, taken + near, GROUP);
            near += GROUP;
        }
        if (near == done + 2 * GROUP) {
            query_go_on(engine, taken + done, GROUP);
            done += GROUP;
        }
    }
    if (expected < read) {
        query_expect(engine, taken[expected]);
    }
    query_go_near(engine, taken + near, read - near);
    query_go_on(engine, taken + done, read - done);
}

/* hot. What has come, as far as a turn of the loop goes. True: there may be more. */
static bool read_some(struct net_udp *udp)
{
    struct net *net = udp->net;
    int count = 0;

    for (unsigned i = 0; i < NET_BATCHES_PER_TURN; i++) {
        net->turn(net->context);
        reset_in(net);
        count = recvmmsg(udp->fd, net->in.headers, NET_BATCH, MSG_DONTWAIT, NULL);
        if (count < 0 && errno != EINTR) {
            break; /* EAGAIN: all read. Other errors belong to single datagrams. */
        }
        if (count > 0) {
            net->in_used = (size_t)count;
            take_batch(udp, (size_t)count);
            net_udp_flush(net);
        }
        if (count >= 0 && count < (int)NET_BATCH) {
            break;
        }
    }
    net_flush(net);
    return count == (int)NET_BATCH;
}

/*
 * A socket that has more than a turn takes is read in each turn without being watched, until
 * there is less: while epoll watches it, each answer that has left and each question that comes
 * goes through epoll's lock, which costs a hit some hundredths. The loop turns as often as it
 * would anyway, and serves everything else in between.
 */
static void begin_busy(struct net_udp *udp, uv_idle_cb each_turn)
{
    (void)uv_poll_stop(&udp->poll);
    udp->busy = true;
    if (udp->net->busy++ == 0) {
        (void)uv_idle_start(&udp->net->each_turn, each_turn);
    }
}

static void end_busy(struct net_udp *udp)
{
    if (udp->busy) {
        udp->busy = false;
        if (--udp->net->busy == 0) {
            (void)uv_idle_stop(&udp->net->each_turn);
        }
    }
}

static int watch(struct net_udp *udp);

/* hot */
static void on_each_turn(uv_idle_t *each_turn)
{
    struct net *net = each_turn->data;

    for (size_t i = 0; i < net->count; i++) {
        struct net_udp *udp = &net->udp[i];

        if (udp->busy && !read_some(udp)) {
            end_busy(udp);
            (void)watch(udp);
        }
    }
}

/* hot */
static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct net_udp *udp = poll->data;

    (void)events;
    if (status >= 0 && read_some(udp)) {
        begin_busy(udp, on_each_turn);
    }
}

static int watch(struct net_udp *udp)
{
    return uv_poll_start(&udp->poll, UV_READABLE, on_readable);
}

int net_udp_open(struct net *net, struct net_udp *udp, int fd, const struct address *local)
{
    int rc = uv_poll_init(net->loop, &udp->poll, fd);

    if (rc != 0) {
        close(fd);
        return rc;
    }
    net->handles++;
    udp->poll.data = udp;
    udp->net = net;
    udp->local = *local;
    udp->wide = net_is_wide(local);
    udp->fd = fd;
    return watch(udp);
}

static void on_closed(uv_handle_t *handle)
{
    struct net_udp *udp = handle->data;

    udp->net->handles--;
    net_free_if_closed(udp->net);
}

/* The socket has one count from its beginning, that of SO_RXQ_OVFL too; asked for with each
 * datagram it would cost each of them. It may be read at any time: no datagram must come for
 * it. */
void net_udp_count_drops(struct net_udp *udp)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof(info);

    if (getsockopt(udp->fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 &&
        len > SK_MEMINFO_DROPS * sizeof(info[0])) {
        udp->net->counters.udp_kernel_drops +=
            (uint32_t)(info[SK_MEMINFO_DROPS] - udp->kernel_drops);
        udp->kernel_drops = info[SK_MEMINFO_DROPS];
    }
}

void net_udp_stop_reading(struct net_udp *udp)
{
    end_busy(udp);
    (void)uv_poll_stop(&udp->poll); /* the socket stays: answers leave through it */
}

void net_udp_close(struct net_udp *udp)
{
    if (udp->net != NULL) {
        end_busy(udp);
        uv_close((uv_handle_t *)&udp->poll, on_closed);
        close(udp->fd); /* the loop no longer watches it */
        udp->fd = -1;
    }
}

/* hot */
uint8_t *net_udp_reserve(struct net *net, size_t *size)
{
    if (net->out_count == NET_BATCH) {
        net_udp_flush(net);
    }
    *size = NET_DATAGRAM_MAX;
    return (uint8_t *)net->out.buffers + net->out_used;
}

/* Leaves from the address that was asked. The way out is the routing table's, except for
 * link-local addresses, which mean nothing without their interface. */
static size_t write_control(const struct query_client *client, struct msghdr *header)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(header);

    if (client->local.family == ADDRESS_V6) {
        struct in6_pktinfo info = {.ipi6_ifindex = client->local.scope};
        memcpy(&info.ipi6_addr, client->local.octets, 16);
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        return CMSG_SPACE(sizeof(info));
    }
    struct in_pktinfo info = {.ipi_ifindex = 0};
    memcpy(&info.ipi_spec_dst, client->local.octets, 4);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(c), &info, sizeof(info));
    return CMSG_SPACE(sizeof(info));
}

/* hot */
void net_udp_send(struct net *net, const struct query_client *client, size_t len)
{
    const size_t index = net->out_count++;
    struct net_datagram *datagram = &net->out.datagrams[index];
    struct msghdr *header = &net->out.headers[index].msg_hdr;
    const struct net_udp *udp = client->owner;

    /* Answers are short: they stand close together, where the cache is warm. */
    datagram->octets = (struct iovec){(uint8_t *)net->out.buffers + net->out_used, len};
    net->out_used += (len + 63) & ~(size_t)63;
    header->msg_namelen = address_to_sockaddr(&client->from, &datagram->peer);
    header->msg_control = NULL;
    header->msg_controllen = 0;
    if (udp->wide) {
        memset(&datagram->control, 0, sizeof(datagram->control));
        header->msg_control = datagram->control.octets;
        header->msg_controllen = sizeof(datagram->control.octets);
        header->msg_controllen = write_control(client, header);
    }
    net->out_fd[index] = udp->fd;
    if (net->out_count == NET_BATCH) {
        net_udp_flush(net);
    }
}

/* Answers through one socket. One that the kernel does not take is lost, as any datagram may
 * be, and the next is tried. */
static void send_run(struct net *net, int fd, size_t first, size_t count)
{
    while (count > 0) {
        const int sent = sendmmsg(fd, net->out.headers + first, (unsigned)count, MSG_DONTWAIT);
        size_t used = 1;

        if (sent > 0) {
            net->counters.udp_sent += (unsigned)sent;
            used = (size_t)sent;
        } else if (sent < 0 && errno == EINTR) {
            continue;
        } else {
            net->counters.udp_send_failed++;
        }
        first += used;
        count -= used;
    }
}

/* hot */
void net_udp_flush(struct net *net)
{
    size_t first = 0;

    while (first < net->out_count) {
        size_t end = first + 1;

        while (end < net->out_count && net->out_fd[end] == net->out_fd[first]) {
            end++;
        }
        send_run(net, net->out_fd[first], first, end - first);
        first = end;
    }
    net->out_count = 0;
    net->out_used = 0;
}
