#include "config/self.h"

bool config_is_self(const struct address *address, const struct address *listen)
{
    if (address->port != listen->port || address->family != listen->family) {
        return false;
    }
    return address_same_host(address, listen) ||
           (address_is_any(listen) && address_is_loopback(address));
}
