/*
 * local/rebinding.h - answers from outside that lead inside.
 *
 * DNS rebinding: a web page from evil.example has its name changed to an address of the
 * reader's own network, and a browser then lets it talk to what answers there. An answer from
 * an upstream has no business to show such an address, except for zones that the operator
 * names. Pure.
 */
#ifndef CORDON_LOCAL_REBINDING_H
#define CORDON_LOCAL_REBINDING_H

#include "base/address.h"
#include "wire/message.h"

/* Of this machine or network: unspecified, loopback, link-local, private (RFC 1918, RFC 4193,
 * and the old site-local), shared by a provider's customers (RFC 6598); also an IPv4 address of
 * these kinds inside an IPv6 one: mapped, compatible, or translated by 64:ff9b::/96 (RFC 6052).
 */
bool local_is_inside(const struct address *address);

/* True if an A or AAAA record, or a hint of an SVCB or HTTPS record, in any section, shows such
 * an address. Also true for a message whose records cannot be walked. */
bool local_leads_inside(const struct wire_message *message);

/* True if name is in one of the zones. */
bool local_in_zones(const struct wire_name *name, const struct wire_name *zones, size_t count);

#endif
