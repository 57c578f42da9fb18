#include "base/address.h"

#include "base/error.h"
#include "base/invariant.h"

#include <arpa/inet.h>
#include <endian.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_link_local(const uint8_t octets[16])
{
    return octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80; /* fe80::/10, RFC 4291 2.5.6 */
}

/* A decimal number from 0 to max, without sign or leading zeros. */
static bool read_number(const char *text, size_t len, uint32_t max, uint32_t *value)
{
    uint64_t sum = 0;

    if (len == 0 || len > 10 || (len > 1 && text[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        sum = sum * 10 + (uint64_t)(text[i] - '0');
    }
    *value = (uint32_t)sum;
    return sum <= max;
}

/* The address alone, without zone or port. */
static bool read_plain(const char *text, size_t len, uint8_t octets[16], uint8_t *family)
{
    char copy[INET6_ADDRSTRLEN];

    if (len == 0 || len >= sizeof(copy) || memchr(text, '\0', len) != NULL) {
        return false;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    memset(octets, 0, 16);
    if (inet_pton(AF_INET, copy, octets) == 1) {
        *family = ADDRESS_V4;
        return true;
    }
    *family = ADDRESS_V6;
    return inet_pton(AF_INET6, copy, octets) == 1;
}

/* An interface by its name or its number. */
static bool read_zone(const char *text, size_t len, uint32_t *scope)
{
    char name[IF_NAMESIZE];

    if (read_number(text, len, UINT32_MAX, scope)) {
        return *scope != 0;
    }
    if (len == 0 || len >= sizeof(name) || memchr(text, '\0', len) != NULL) {
        return false;
    }
    memcpy(name, text, len);
    name[len] = '\0';
    *scope = if_nametoindex(name);
    return *scope != 0;
}

int address_parse(const char *text, size_t len, uint16_t default_port, struct address *out)
{
    struct address new = {.port = default_port};
    const char *at = memchr(text, '@', len);
    bool bracketed = false;

    if (at != NULL) {
        const size_t before = (size_t)(at - text);
        uint32_t port = 0;
        if (!read_number(at + 1, len - before - 1, UINT16_MAX, &port) || port == 0) {
            return CORDON_E_FORMAT;
        }
        new.port = (uint16_t)port;
        len = before;
    }
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        bracketed = true;
        text++;
        len -= 2;
    }
    const char *zone = memchr(text, '%', len);
    const size_t plain = zone != NULL ? (size_t)(zone - text) : len;
    if (!read_plain(text, plain, new.octets, &new.family) ||
        (bracketed && new.family != ADDRESS_V6)) {
        return CORDON_E_FORMAT;
    }
    if (zone != NULL && (new.family != ADDRESS_V6 || !is_link_local(new.octets) ||
                         !read_zone(zone + 1, len - plain - 1, &new.scope))) {
        return CORDON_E_FORMAT;
    }
    *out = new;
    return 0;
}

int address_parse_client(const char *text, size_t len, struct address *out)
{
    struct address new;

    if (memchr(text, '@', len) != NULL || address_parse(text, len, 0, &new) != 0) {
        return CORDON_E_FORMAT;
    }
    address_unmap(&new);
    *out = new;
    return 0;
}

/* In decimal, without a terminator. Returns its end. */
static char *put_number(char *at, unsigned value)
{
    char digits[10]; /* of 2^32 - 1 */
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(at, digits + first, sizeof(digits) - first);
    return at + (sizeof(digits) - first);
}

/* Addresses are in each event, and inet_ntop(3) is printf for each of their numbers. */
static char *put_v4(char *at, const uint8_t octets[4])
{
    for (unsigned i = 0; i < 4; i++) {
        at = put_number(at, octets[i]);
        *at++ = '.';
    }
    return at - 1;
}

static char *put_group(char *at, unsigned group)
{
    static const char hex[16] = "0123456789abcdef";

    for (unsigned shift = 12; shift > 0; shift -= 4) {
        if (group >> shift != 0) {
            *at++ = hex[group >> shift & 15];
        }
    }
    *at++ = hex[group & 15];
    return at;
}

/* RFC 5952: the first of the longest runs of zeros, of two groups at least, is left out. */
static char *put_v6(char *at, const uint8_t octets[16])
{
    unsigned groups[8];
    unsigned first = 8;
    unsigned len = 1;

    for (unsigned i = 0; i < 8; i++) {
        groups[i] = (unsigned)octets[2 * i] << 8 | octets[2 * i + 1];
    }
    for (unsigned i = 0; i < 8; i++) {
        unsigned end = i;

        while (end < 8 && groups[end] == 0) {
            end++;
        }
        if (end - i > len) {
            first = i;
            len = end - i;
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        if (i == first) {
            *at++ = ':';
            *at++ = ':';
            i += len - 1;
            continue;
        }
        if (i > 0 && i != first + len) {
            *at++ = ':';
        }
        if (i == 6 && first == 0 && (len == 6 || (len == 5 && groups[5] == 0xffff))) {
            return put_v4(at,
                          octets + 12); /* IPv4-compatible or -mapped, as people write them */
        }
        at = put_group(at, groups[i]);
    }
    return at;
}

static size_t format_plain(const uint8_t octets[16], uint8_t family, char out[ADDRESS_TEXT_MAX])
{
    char *end = out;

    if (family == ADDRESS_V4) {
        end = put_v4(out, octets);
    } else if (family == ADDRESS_V6) {
        end = put_v6(out, octets);
    } else {
        memcpy(out, "none", 4);
        end = out + 4;
    }
    *end = '\0';
    return (size_t)(end - out);
}

size_t address_format(const struct address *address, bool with_port, char out[ADDRESS_TEXT_MAX])
{
    size_t len = format_plain(address->octets, address->family, out);

    if (address->scope != 0) {
        char name[IF_NAMESIZE];
        if (if_indextoname(address->scope, name) == NULL) {
            snprintf(name, sizeof(name), "%u", (unsigned)address->scope); /* it has gone */
        }
        len += (size_t)snprintf(out + len, ADDRESS_TEXT_MAX - len, "%%%s", name);
    }
    if (with_port) {
        out[len++] = '@';
        len = (size_t)(put_number(out + len, address->port) - out);
        out[len] = '\0';
    }
    invariant(len < ADDRESS_TEXT_MAX);
    return len;
}

size_t address_octets(const struct address *address)
{
    return address->family == ADDRESS_V4 ? 4 : 16;
}

bool address_same_host(const struct address *a, const struct address *b)
{
    return a->family == b->family && a->scope == b->scope &&
           memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->port == b->port && address_same_host(a, b);
}

bool address_is_loopback(const struct address *address)
{
    struct address plain = *address;

    address_unmap(&plain);
    if (plain.family == ADDRESS_V4) {
        return plain.octets[0] == 127;
    }
    return plain.family == ADDRESS_V6 &&
           memcmp(plain.octets, &in6addr_loopback, sizeof(plain.octets)) == 0;
}

bool address_is_any(const struct address *address)
{
    return address->family != ADDRESS_NONE &&
           memcmp(address->octets, &in6addr_any, sizeof(address->octets)) == 0;
}

void address_unmap(struct address *address)
{
    if (address->family == ADDRESS_V6 && memcmp(address->octets, mapped, sizeof(mapped)) == 0) {
        memcpy(address->octets, address->octets + sizeof(mapped), 4);
        memset(address->octets + 4, 0, sizeof(mapped));
        address->scope = 0;
        address->family = ADDRESS_V4;
    }
}

void address_prefix_unmap(struct address_prefix *prefix)
{
    const unsigned mapped_bits = 8 * sizeof(mapped);

    if (prefix->family == ADDRESS_V6 && prefix->bits >= mapped_bits &&
        memcmp(prefix->octets, mapped, sizeof(mapped)) == 0) {
        memcpy(prefix->octets, prefix->octets + sizeof(mapped), 4);
        memset(prefix->octets + 4, 0, sizeof(mapped));
        prefix->bits = (uint8_t)(prefix->bits - mapped_bits);
        prefix->family = ADDRESS_V4;
    }
}

bool address_embedded_v4(const struct address *address, struct address *out)
{
    static const struct {
        uint8_t octets[12];
        uint8_t len; /* of the prefix; the IPv4 address stands at `at` */
        uint8_t at;
    } forms[] = {
        {{[10] = 0xff, [11] = 0xff}, 12, 12},
        {{0}, 12, 12},
        {{0x00, 0x64, 0xff, 0x9b}, 12, 12},
        {{0x20, 0x02}, 2, 2},
    };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (address->family == ADDRESS_V6 &&
            memcmp(address->octets, forms[i].octets, forms[i].len) == 0) {
            *out = (struct address){.family = ADDRESS_V4, .port = address->port};
            memcpy(out->octets, address->octets + forms[i].at, 4);
            return true;
        }
    }
    return false;
}

bool address_from_sockaddr(const struct sockaddr *from, struct address *out)
{
    if (from->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, from, sizeof(in));
        memset(out, 0, sizeof(*out));
        memcpy(out->octets, &in.sin_addr, 4);
        out->port = ntohs(in.sin_port);
        out->family = ADDRESS_V4;
        return true;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof(in6));
        memset(out, 0, sizeof(*out));
        memcpy(out->octets, &in6.sin6_addr, 16);
        out->port = ntohs(in6.sin6_port);
        out->scope = is_link_local(out->octets) ? in6.sin6_scope_id : 0;
        out->family = ADDRESS_V6;
        return true;
    }
    return false;
}

socklen_t address_to_sockaddr(const struct address *address, struct sockaddr_storage *out)
{
    if (address->family == ADDRESS_V4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(&in.sin_addr, address->octets, 4);
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    invariant(address->family == ADDRESS_V6);
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                               .sin6_port = htons(address->port),
                               .sin6_scope_id = address->scope};
    memcpy(&in6.sin6_addr, address->octets, 16);
    memcpy(out, &in6, sizeof(in6));
    return sizeof(in6);
}

/* The mask of octet i of a prefix: 0xff inside, 0 outside, part of it at the border. */
static uint8_t mask_at(size_t i, unsigned bits)
{
    const unsigned before = (unsigned)i * 8;

    if (bits <= before) {
        return 0;
    }
    if (bits - before >= 8) {
        return 0xff;
    }
    return (uint8_t)(0xff00u >> (bits - before));
}

int address_prefix_parse(const char *text, size_t len, struct address_prefix *out)
{
    struct address_prefix new = {.bits = 0};
    const char *slash = memchr(text, '/', len);
    const size_t plain = slash != NULL ? (size_t)(slash - text) : len;

    if (!read_plain(text, plain, new.octets, &new.family)) {
        return CORDON_E_FORMAT;
    }
    uint32_t bits = new.family == ADDRESS_V4 ? 32 : 128;
    if (slash != NULL && !read_number(slash + 1, len - plain - 1, bits, &bits)) {
        return CORDON_E_FORMAT;
    }
    new.bits = (uint8_t)bits;
    for (size_t i = 0; i < sizeof(new.octets); i++) {
        if ((new.octets[i] & ~mask_at(i, bits) & 0xff) != 0) {
            return CORDON_E_FORMAT;
        }
    }
    *out = new;
    return 0;
}

void address_prefix_of(const struct address *address, unsigned bits, struct address_prefix *out)
{
    const size_t most = 8 * address_octets(address);

    *out = (struct address_prefix){.bits = (uint8_t)(bits < most ? bits : most),
                                   .family = address->family};
    memcpy(out->octets, address->octets, out->bits / 8);
    if (out->bits % 8 != 0) {
        out->octets[out->bits / 8] =
            (uint8_t)(address->octets[out->bits / 8] & (0xff00u >> out->bits % 8));
    }
}

size_t address_prefix_format(const struct address_prefix *prefix, char out[ADDRESS_TEXT_MAX])
{
    const size_t len = format_plain(prefix->octets, prefix->family, out);

    return len +
           (size_t)snprintf(out + len, ADDRESS_TEXT_MAX - len, "/%u", (unsigned)prefix->bits);
}

/* The bits in which eight octets differ, the first one highest. */
static uint64_t differ(const uint8_t *a, const uint8_t *b)
{
    uint64_t left, right;

    memcpy(&left, a, sizeof(left));
    memcpy(&right, b, sizeof(right));
    return be64toh(left ^ right);
}

/* hot */
bool address_prefix_covers(const struct address_prefix *prefix, const struct address *address)
{
    if (prefix->family != address->family || prefix->family == ADDRESS_NONE) {
        return false;
    }
    const uint64_t high = differ(prefix->octets, address->octets);
    if (prefix->bits <= 64) {
        return prefix->bits == 0 || high >> (64u - prefix->bits) == 0;
    }
    const unsigned rest = prefix->bits < 128 ? 128u - prefix->bits : 0;
    return high == 0 && differ(prefix->octets + 8, address->octets + 8) >> rest == 0;
}
