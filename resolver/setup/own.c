#include "setup/own.h"

#include <ifaddrs.h>

size_t setup_own_addresses(struct address *out, size_t max)
{
    struct ifaddrs *interfaces = NULL;
    size_t count = 0;

    if (getifaddrs(&interfaces) != 0) {
        return 0;
    }
    for (const struct ifaddrs *at = interfaces; at != NULL && count < max; at = at->ifa_next) {
        if (at->ifa_addr != NULL && address_from_sockaddr(at->ifa_addr, &out[count])) {
            count++;
        }
    }
    freeifaddrs(interfaces);
    return count;
}

bool setup_is_own(const struct address *server, const struct address *listen,
                  size_t listen_count, const struct address *own, size_t own_count)
{
    bool covered = false;

    for (size_t i = 0; i < listen_count; i++) {
        covered = covered || (address_is_any(&listen[i]) && listen[i].port == server->port &&
                              listen[i].family == server->family);
    }
    for (size_t i = 0; covered && i < own_count; i++) {
        if (address_same_host(server, &own[i])) {
            return true;
        }
    }
    return false;
}
