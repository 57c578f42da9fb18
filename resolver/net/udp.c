#include "net/inside.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define IS_MULTICAST_V4(octets) (((octets)[0] & 0xf0) == 0xe0)

/* Points the headers at their buffers. The kernel overwrites lengths on the way in, so this is
 * done before each batch. */
static void reset(struct net_batch *batch)
{
    for (size_t i = 0; i < NET_BATCH; i++) {
        struct net_datagram *datagram = &batch->datagrams[i];
        struct msghdr *header = &batch->headers[i].msg_hdr;

        datagram->octets = (struct iovec){batch->buffers[i], NET_DATAGRAM_MAX};
        *header = (struct msghdr){
            .msg_name = &datagram->peer,
            .msg_namelen = sizeof(datagram->peer),
            .msg_iov = &datagram->octets,
            .msg_iovlen = 1,
            .msg_control = datagram->control.octets,
            .msg_controllen = sizeof(datagram->control.octets),
        };
    }
}

/* The address that was asked, and the interface; and the kernel's count of what it dropped.
 * False if an answer from that address is impossible: it is everybody's. */
static bool read_control(struct net_udp *udp, struct msghdr *header,
                         struct query_client *client)
{
    client->local = udp->local;
    client->interface = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            memcpy(client->local.octets, &info.ipi_spec_dst, 4);
            client->interface = (uint32_t)info.ipi_ifindex;
            if (info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr ||
                IS_MULTICAST_V4(client->local.octets)) {
                return false; /* to a broadcast or multicast address */
            }
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            memcpy(client->local.octets, &info.ipi6_addr, 16);
            client->interface = (uint32_t)info.ipi6_ifindex;
            if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) {
                return false;
            }
            client->local.scope =
                IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? client->interface : 0;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t drops;
            memcpy(&drops, CMSG_DATA(c), sizeof(drops));
            udp->net->counters.udp_kernel_drops += (uint32_t)(drops - udp->kernel_drops);
            udp->kernel_drops = drops;
        }
    }
    return true;
}

/* hot */
static void take(struct net_udp *udp, size_t index)
{
    struct net *net = udp->net;
    struct net_datagram *datagram = &net->in.datagrams[index];
    struct mmsghdr *header = &net->in.headers[index];
    struct query_client client = {.transport = QUERY_UDP, .owner = udp, .keepalive_100ms = -1};

    net->counters.udp_received++;
    if (!read_control(udp, &header->msg_hdr, &client) ||
        (header->msg_hdr.msg_flags & MSG_TRUNC) != 0 ||
        !address_from_sockaddr((const struct sockaddr *)&datagram->peer, &client.from) ||
        client.from.port == 0) {
        net->counters.udp_ignored++;
        return;
    }
    struct query *q = query_take(net->engine);
    if (q == NULL) {
        return; /* counted by the engine; the client asks again */
    }
    *query_client_of(q) = client;
    query_run(net->engine, q, net->in.buffers[index], header->msg_len);
}

/* hot */
static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct net_udp *udp = poll->data;
    struct net *net = udp->net;

    (void)events;
    if (status < 0) {
        return;
    }
    for (unsigned i = 0; i < NET_BATCHES_PER_TURN; i++) {
        net->turn(net->context);
        reset(&net->in);
        int count = recvmmsg(udp->fd, net->in.headers, NET_BATCH, MSG_DONTWAIT, NULL);
        if (count < 0 && errno != EINTR) {
            break; /* EAGAIN: all read. Other errors belong to single datagrams. */
        }
        for (int j = 0; j < count; j++) {
            take(udp, (size_t)j);
        }
        net_udp_flush(net);
        if (count >= 0 && count < (int)NET_BATCH) {
            break;
        }
    }
    net_flush(net);
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
    udp->fd = fd;
    rc = uv_poll_start(&udp->poll, UV_READABLE, on_readable);
    return rc;
}

static void on_closed(uv_handle_t *handle)
{
    struct net_udp *udp = handle->data;

    udp->net->handles--;
    net_free_if_closed(udp->net);
}

void net_udp_stop_reading(struct net_udp *udp)
{
    (void)uv_poll_stop(&udp->poll); /* the socket stays: answers leave through it */
}

void net_udp_close(struct net_udp *udp)
{
    if (udp->net != NULL) {
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
    return net->out.buffers[net->out_count];
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

    datagram->octets = (struct iovec){net->out.buffers[index], len};
    memset(&datagram->control, 0, sizeof(datagram->control));
    *header = (struct msghdr){
        .msg_name = &datagram->peer,
        .msg_namelen = address_to_sockaddr(&client->from, &datagram->peer),
        .msg_iov = &datagram->octets,
        .msg_iovlen = 1,
        .msg_control = datagram->control.octets,
        .msg_controllen = sizeof(datagram->control.octets),
    };
    header->msg_controllen = write_control(client, header);
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
}
