#include "local/special.h"

#include <stdio.h>
#include <string.h>

#define V4_BITS_PER_LABEL 8u
#define V6_BITS_PER_LABEL 4u
#define REVERSE_LABELS    2u /* in-addr.arpa, ip6.arpa */

/* Addresses whose reverse zones are served here: the registry of locally served zones (RFC
 * 6303, 4; RFC 7793). Their zones end at a label border at or behind the prefix. */
static const struct address_prefix private_prefixes[] = {
    {{0}, 8, ADDRESS_V4},
    {{10}, 8, ADDRESS_V4},
    {{100, 64}, 10, ADDRESS_V4},
    {{127}, 8, ADDRESS_V4},
    {{169, 254}, 16, ADDRESS_V4},
    {{172, 16}, 12, ADDRESS_V4},
    {{192, 0, 2}, 24, ADDRESS_V4},
    {{192, 168}, 16, ADDRESS_V4},
    {{198, 51, 100}, 24, ADDRESS_V4},
    {{203, 0, 113}, 24, ADDRESS_V4},
    {{255, 255, 255, 255}, 32, ADDRESS_V4},
    {{0}, 128, ADDRESS_V6},
    {{[15] = 1}, 128, ADDRESS_V6},
    {{0xfd}, 8, ADDRESS_V6},
    {{0xfe, 0x80}, 10, ADDRESS_V6},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, ADDRESS_V6},
};

/* The label that has `from_right` labels to its right is this one. */
static bool label_is(const struct wire_name *name, unsigned from_right, const char *text)
{
    const size_t len = strlen(text);

    if (from_right >= name->labels) {
        return false;
    }
    const uint8_t *label = name->octets + name->at[name->labels - 1u - from_right];
    return label[0] == len && memcmp(label + 1, text, len) == 0;
}

/* A decimal octet as inet_ntoa writes it: no leading zero, so that an address has one name. */
static bool read_octet(const uint8_t *label, uint8_t *octet)
{
    unsigned value = 0;

    if (label[0] < 1 || label[0] > 3 || (label[0] > 1 && label[1] == '0')) {
        return false;
    }
    for (unsigned i = 1; i <= label[0]; i++) {
        if (label[i] < '0' || label[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(label[i] - '0');
    }
    *octet = (uint8_t)value;
    return value <= 255;
}

static bool read_nibble(const uint8_t *label, uint8_t *nibble)
{
    if (label[0] != 1) {
        return false;
    }
    if (label[1] >= '0' && label[1] <= '9') {
        *nibble = (uint8_t)(label[1] - '0');
        return true;
    }
    *nibble = (uint8_t)(label[1] - 'a' + 10);
    return label[1] >= 'a' && label[1] <= 'f';
}

bool local_reverse_prefix(const struct wire_name *name, struct address_prefix *prefix)
{
    const bool v4 = label_is(name, 1, "in-addr");

    if (!label_is(name, 0, "arpa") || (!v4 && !label_is(name, 1, "ip6"))) {
        return false;
    }
    const unsigned most = v4 ? 4 : 32;
    unsigned count = 0;

    *prefix = (struct address_prefix){.family = v4 ? ADDRESS_V4 : ADDRESS_V6};
    for (; count < most && REVERSE_LABELS + count < name->labels; count++) {
        const uint8_t *label =
            name->octets + name->at[name->labels - 1u - REVERSE_LABELS - count];
        uint8_t value = 0;

        if (!(v4 ? read_octet(label, &value) : read_nibble(label, &value))) {
            break;
        }
        if (v4) {
            prefix->octets[count] = value;
        } else {
            prefix->octets[count / 2] |= (uint8_t)(count % 2 == 0 ? value << 4 : value);
        }
    }
    prefix->bits = (uint8_t)(count * (v4 ? V4_BITS_PER_LABEL : V6_BITS_PER_LABEL));
    return true;
}

void local_reverse_name(const struct address *address, struct wire_name *name)
{
    char text[80]; /* 32 nibbles with a dot each, and ip6.arpa */
    size_t used = 0;

    for (size_t i = address_octets(address); i-- > 0;) {
        const unsigned octet = address->octets[i];

        used += (size_t)(address->family == ADDRESS_V4
                             ? snprintf(text + used, sizeof(text) - used, "%u.", octet)
                             : snprintf(text + used, sizeof(text) - used, "%x.%x.", octet & 15u,
                                        octet >> 4));
    }
    used += (size_t)snprintf(text + used, sizeof(text) - used, "%s",
                             address->family == ADDRESS_V4 ? "in-addr.arpa" : "ip6.arpa");
    wire_name_from_text(text, used, name);
}

/* The zone of a private address that the name is in or at. */
static bool is_private_reverse(const struct wire_name *name, uint8_t *apex)
{
    struct address_prefix prefix;

    if (!local_reverse_prefix(name, &prefix)) {
        return false;
    }
    const unsigned step = prefix.family == ADDRESS_V4 ? V4_BITS_PER_LABEL : V6_BITS_PER_LABEL;
    struct address address = {.family = prefix.family};

    memcpy(address.octets, prefix.octets, sizeof(address.octets));
    for (size_t i = 0; i < sizeof(private_prefixes) / sizeof(private_prefixes[0]); i++) {
        const unsigned labels = (private_prefixes[i].bits + step - 1) / step;

        if (prefix.bits >= labels * step &&
            address_prefix_covers(&private_prefixes[i], &address)) {
            *apex = (uint8_t)(REVERSE_LABELS + labels);
            return true;
        }
    }
    return false;
}

/* hot */
enum local_special local_special_of(const struct wire_name *name, uint8_t *apex)
{
    if (name->labels == 0) {
        return LOCAL_SPECIAL_NOT;
    }
    switch (name->octets[name->at[name->labels - 1]]) { /* most names end here */
    case sizeof("arpa") - 1:
    case sizeof("local") - 1: /* and onion */
    case sizeof("invalid") - 1:
    case sizeof("localhost") - 1:
        break;
    default:
        return LOCAL_SPECIAL_NOT;
    }
    if (label_is(name, 0, "arpa")) {
        if (label_is(name, 1, "home")) {
            *apex = 2;
            return LOCAL_SPECIAL_ZONE;
        }
        if (label_is(name, 1, "resolver")) {
            *apex = 2;
            return LOCAL_SPECIAL_EMPTY;
        }
        return is_private_reverse(name, apex) ? LOCAL_SPECIAL_ZONE : LOCAL_SPECIAL_NOT;
    }
    if (label_is(name, 0, "localhost")) {
        *apex = 1;
        return LOCAL_SPECIAL_LOOPBACK;
    }
    if (label_is(name, 0, "invalid") || label_is(name, 0, "local") ||
        label_is(name, 0, "onion")) {
        *apex = 0; /* the root says that there is no such name */
        return LOCAL_SPECIAL_NEVER;
    }
    return LOCAL_SPECIAL_NOT;
}
