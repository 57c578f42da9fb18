#include "daemon/probe.h"

#include "base/clock.h"
#include "upstream/limits.h"
#include "wire/message.h"
#include "wire/type.h"
#include "wire/writer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct probe {
    int fd; /* -1: no more */
    uint16_t id;
};

static void end(struct probe *probe)
{
    if (probe->fd >= 0) {
        close(probe->fd);
        probe->fd = -1;
    }
}

static void fail(struct probe *probe, struct probe_result *result, int error)
{
    *result = (struct probe_result){.state = PROBE_FAILED, .error = error};
    end(probe);
}

/* Asks for the SOA of the root: every resolver has it at hand. */
static void begin(struct probe *probe, const struct address *server,
                  struct probe_result *result)
{
    static const uint8_t root[1] = {0};
    uint8_t octets[64];
    struct sockaddr_storage address;
    const socklen_t address_len = address_to_sockaddr(server, &address);
    const size_t len = wire_question_write(octets, sizeof(octets), probe->id, WIRE_FLAG_RD,
                                           root, sizeof(root), WIRE_SOA, WIRE_IN, 1232, false);

    *result = (struct probe_result){.state = PROBE_SILENT};
    probe->fd =
        socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
    if (probe->fd < 0 ||
        connect(probe->fd, (const struct sockaddr *)&address, address_len) != 0 ||
        send(probe->fd, octets, len, MSG_NOSIGNAL) < 0) {
        fail(probe, result, -errno);
    }
}

static void receive(struct probe *probe, struct probe_result *result, uint64_t began_us)
{
    uint8_t octets[1500];
    struct wire_message message;
    const ssize_t got = recv(probe->fd, octets, sizeof(octets), MSG_DONTWAIT);

    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            fail(probe, result, -errno);
        }
        return;
    }
    if (wire_message_open(octets, (size_t)got, &message) != WIRE_OK ||
        message.id != probe->id || (message.flags & WIRE_FLAG_QR) == 0) {
        return; /* not the answer: it may still come */
    }
    *result = (struct probe_result){
        .state = PROBE_ANSWERED,
        .rtt_us = (uint32_t)(clock_read().mono_us - began_us),
        .rcode = message.flags & WIRE_RCODE_MASK,
    };
    end(probe);
}

void probe_upstreams(const struct endpoint *servers, size_t count, unsigned patience_ms,
                     struct random *random, struct probe_result *results)
{
    struct probe probes[UPSTREAM_SERVERS_MAX];
    struct pollfd ready[UPSTREAM_SERVERS_MAX];
    const uint64_t began_us = clock_read().mono_us;
    const uint64_t deadline_us = began_us + (uint64_t)patience_ms * 1000;

    if (count > UPSTREAM_SERVERS_MAX) {
        count = UPSTREAM_SERVERS_MAX;
    }
    for (size_t i = 0; i < count; i++) {
        probes[i] = (struct probe){.fd = -1, .id = random_u16(random)};
        results[i] = (struct probe_result){.state = PROBE_NOT_DONE};
        if (servers[i].transport == ENDPOINT_DO53) {
            begin(&probes[i], &servers[i].address, &results[i]);
        }
    }
    for (;;) {
        const uint64_t now_us = clock_read().mono_us;
        bool any = false;
        for (size_t i = 0; i < count; i++) {
            ready[i] = (struct pollfd){.fd = probes[i].fd, .events = POLLIN};
            any = any || probes[i].fd >= 0;
        }
        if (!any || now_us >= deadline_us) {
            break;
        }
        const int rc = poll(ready, count, (int)((deadline_us - now_us + 999) / 1000));
        for (size_t i = 0; rc > 0 && i < count; i++) {
            if (ready[i].revents != 0) {
                receive(&probes[i], &results[i], began_us);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        end(&probes[i]);
    }
}
