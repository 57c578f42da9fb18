/*
 * wire/type.h - numbers of record types, classes, response codes and EDNS (IANA registries).
 */
#ifndef CORDON_WIRE_TYPE_H
#define CORDON_WIRE_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type {
    WIRE_A = 1,
    WIRE_NS = 2,
    WIRE_CNAME = 5,
    WIRE_SOA = 6,
    WIRE_PTR = 12,
    WIRE_HINFO = 13,
    WIRE_MX = 15,
    WIRE_TXT = 16,
    WIRE_SIG = 24,
    WIRE_AAAA = 28,
    WIRE_SRV = 33,
    WIRE_NAPTR = 35,
    WIRE_DNAME = 39,
    WIRE_OPT = 41,
    WIRE_DS = 43,
    WIRE_RRSIG = 46,
    WIRE_NSEC = 47,
    WIRE_DNSKEY = 48,
    WIRE_NSEC3 = 50,
    WIRE_SVCB = 64,
    WIRE_HTTPS = 65,
    WIRE_TKEY = 249,
    WIRE_TSIG = 250,
    WIRE_IXFR = 251,
    WIRE_AXFR = 252,
    WIRE_MAILB = 253,
    WIRE_MAILA = 254,
    WIRE_ANY = 255
};

enum wire_class {
    WIRE_IN = 1,
    WIRE_CH = 3,
    WIRE_CLASS_ANY = 255
};

enum wire_rcode {
    WIRE_NOERROR = 0,
    WIRE_FORMERR = 1,
    WIRE_SERVFAIL = 2,
    WIRE_NXDOMAIN = 3,
    WIRE_NOTIMP = 4,
    WIRE_REFUSED = 5,
    WIRE_BADVERS = 16,
    WIRE_BADCOOKIE = 23 /* RFC 7873, 8 */
};

/* Bits of the header's second word (RFC 1035, 4.1.1; RFC 4035, 3.1.6 and 3.2.2). */
#define WIRE_FLAG_QR     0x8000u
#define WIRE_FLAG_AA     0x0400u
#define WIRE_FLAG_TC     0x0200u
#define WIRE_FLAG_RD     0x0100u
#define WIRE_FLAG_RA     0x0080u
#define WIRE_FLAG_AD     0x0020u
#define WIRE_FLAG_CD     0x0010u
#define WIRE_OPCODE_MASK 0x7800u
#define WIRE_RCODE_MASK  0x000fu

#define WIRE_HEADER_OCTETS 12
#define WIRE_MESSAGE_MAX   65535
#define WIRE_UDP_CLASSIC   512  /* without EDNS (RFC 1035, 4.2.1) */
#define WIRE_UDP_SIZE      1232 /* what we accept and send: no fragments on IPv6 (RFC 9715) */
#define WIRE_EDNS_DO       0x8000u

/* EDNS option codes. */
#define WIRE_OPTION_COOKIE    10 /* RFC 7873 */
#define WIRE_OPTION_KEEPALIVE 11 /* RFC 7828 */
#define WIRE_OPTION_PADDING   12 /* RFC 7830 */
#define WIRE_OPTION_EDE       15 /* RFC 8914 */

/* Extended DNS Errors (RFC 8914, 4). */
enum wire_ede {
    WIRE_EDE_NONE = -1,
    WIRE_EDE_OTHER = 0,
    WIRE_EDE_STALE = 3,
    WIRE_EDE_FORGED = 4,
    WIRE_EDE_CACHED_ERROR = 13,
    WIRE_EDE_NOT_READY = 14,
    WIRE_EDE_BLOCKED = 15,
    WIRE_EDE_CENSORED = 16,
    WIRE_EDE_FILTERED = 17,
    WIRE_EDE_PROHIBITED = 18,
    WIRE_EDE_STALE_NXDOMAIN = 19,
    WIRE_EDE_NO_REACHABLE = 22,
    WIRE_EDE_NETWORK_ERROR = 23,
    WIRE_EDE_INVALID_DATA = 24
};
#define WIRE_EDE_TEXT_MAX 60 /* octets of EXTRA-TEXT that we send: small answers stay small */

#define WIRE_TYPE_TEXT_MAX 16

/* "AAAA", or "TYPE64321" (RFC 3597, 5). Returns the length. */
size_t wire_type_format(uint16_t type, char out[WIRE_TYPE_TEXT_MAX]);
/* Either form, any case. */
bool wire_type_parse(const char *text, size_t len, uint16_t *type);
/* "NXDOMAIN", or "RCODE12". */
size_t wire_rcode_format(unsigned rcode, char out[WIRE_TYPE_TEXT_MAX]);
/* The IANA name of an EDE code, or "Unassigned". */
const char *wire_ede_name(int code);

/* Big-endian numbers at an octet. */
static inline uint16_t wire_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t wire_get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void wire_put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void wire_put32(uint8_t *at, uint32_t value)
{
    wire_put16(at, (uint16_t)(value >> 16));
    wire_put16(at + 2, (uint16_t)value);
}

#endif
