/*
 * base/address.h - IP addresses with ports, and prefixes, as plain data and as text.
 */
#ifndef CORDON_BASE_ADDRESS_H
#define CORDON_BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum address_family {
    ADDRESS_NONE = 0,
    ADDRESS_V4 = 4,
    ADDRESS_V6 = 6
};

/* Plain data, no padding matters: compare with address_equal. */
struct address {
    uint8_t octets[16]; /* the first 4 for IPv4, network order; the rest 0 */
    uint32_t scope;     /* interface of a link-local IPv6 address, else 0 */
    uint16_t port;      /* host order; 0: none */
    uint8_t family;     /* enum address_family */
};

struct address_prefix {
    uint8_t octets[16]; /* host bits are 0 */
    uint8_t bits;       /* 0 to 32 or 128 */
    uint8_t family;
};

#define ADDRESS_TEXT_MAX 80 /* "[addr%scope]@port" and a terminator */

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]", "fe80::1%eth0", each with "@port" (1 to 65535)
 * if wanted. Without "@" the port is default_port. A zone is an interface of this machine, by
 * name or number, and only for link-local addresses. 0 or CORDON_E_FORMAT. len octets are
 * read. */
int address_parse(const char *text, size_t len, uint16_t default_port, struct address *out);

/* A client as people name it: one of these without a port. An IPv4-mapped one is the IPv4
 * address that its packets come from. 0 or CORDON_E_FORMAT. */
int address_parse_client(const char *text, size_t len, struct address *out);

/* "addr" alone, or "addr@port" if with_port; IPv6 in RFC 5952 form; "none" for ADDRESS_NONE.
 * Returns the length. */
size_t address_format(const struct address *address, bool with_port,
                      char out[ADDRESS_TEXT_MAX]);

/* 4 or 16 octets. */
size_t address_octets(const struct address *address);

bool address_equal(const struct address *a, const struct address *b); /* port included */
bool address_same_host(const struct address *a, const struct address *b);
bool address_is_loopback(const struct address *address);
bool address_is_any(const struct address *address);

/* An IPv4-mapped IPv6 address becomes IPv4 (a dual-stack socket reports those). */
void address_unmap(struct address *address);

/* The IPv4 host that packets to this IPv6 address end up at: IPv4-mapped (RFC 4291, 2.5.5.2),
 * IPv4-compatible (2.5.5.1), the well-known prefix of NAT64 (RFC 6052, 2.1) or 6to4 (RFC 3056,
 * 2). False if it is none of these; a NAT64 prefix of a network's own cannot be told. */
bool address_embedded_v4(const struct address *address, struct address *out);

/* False if the family is neither AF_INET nor AF_INET6. */
bool address_from_sockaddr(const struct sockaddr *from, struct address *out);
/* Writes as many octets of *out as it returns. */
socklen_t address_to_sockaddr(const struct address *address, struct sockaddr_storage *out);

/* "192.0.2.0/24" or a bare address (whole length). CORDON_E_FORMAT for host bits that are
 * set, an unknown family, a length out of range. */
int address_prefix_parse(const char *text, size_t len, struct address_prefix *out);
/* One of IPv4-mapped IPv6 addresses becomes one of IPv4: those are what is asked about. */
void address_prefix_unmap(struct address_prefix *prefix);
/* The prefix of so many bits that the address lies in; more than it has are all it has. */
void address_prefix_of(const struct address *address, unsigned bits,
                       struct address_prefix *out);
size_t address_prefix_format(const struct address_prefix *prefix, char out[ADDRESS_TEXT_MAX]);
bool address_prefix_covers(const struct address_prefix *prefix, const struct address *address);

#endif
