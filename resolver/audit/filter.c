#include "audit/filter.h"

#include "base/siphash.h"

#include <string.h>

#define PROBES 4u

static const uint8_t no_key[SIPHASH_KEY_OCTETS];

static uint64_t place(uint64_t key, unsigned probe, size_t octets)
{
    const uint64_t low = key & UINT32_MAX;
    const uint64_t high = (key >> 32) | 1;

    return (low + probe * high) % (8 * octets);
}

void audit_filter_add(uint8_t *filter, size_t octets, uint64_t key)
{
    for (unsigned i = 0; i < PROBES; i++) {
        const uint64_t bit = place(key, i, octets);

        filter[bit / 8] = (uint8_t)(filter[bit / 8] | 1u << bit % 8);
    }
}

bool audit_filter_has(const uint8_t *filter, size_t octets, uint64_t key)
{
    for (unsigned i = 0; i < PROBES && octets > 0; i++) {
        const uint64_t bit = place(key, i, octets);

        if ((filter[bit / 8] >> bit % 8 & 1) == 0) {
            return false;
        }
    }
    return octets > 0;
}

uint64_t audit_filter_octets(const uint8_t *octets, size_t len)
{
    const uint64_t key = siphash13(octets, len, no_key);

    return key != 0 ? key : 1;
}

unsigned audit_filter_name(const struct wire_name *name, uint64_t keys[2])
{
    unsigned count = 0;

    for (unsigned labels = 2; labels <= 3 && labels <= name->labels; labels++) {
        const uint8_t at = name->at[name->labels - labels];

        keys[count++] = audit_filter_octets(name->octets + at, (size_t)(name->len - at));
    }
    return count;
}

bool audit_filter_suffix(const struct wire_name *suffix, uint64_t *key)
{
    uint64_t keys[2];
    const unsigned count = audit_filter_name(suffix, keys);

    if (count > 0) {
        *key = keys[count - 1];
    }
    return count > 0;
}

static uint64_t network_key(const uint8_t *octets, uint8_t family, unsigned bits)
{
    uint8_t data[3 + 16] = {'p', family, (uint8_t)bits};

    memcpy(data + 3, octets, bits / 8);
    return audit_filter_octets(data, 3 + bits / 8);
}

unsigned audit_filter_networks(const struct address *address, uint64_t keys[2])
{
    const bool is_v4 = address->family == ADDRESS_V4;

    keys[0] = network_key(address->octets, address->family, is_v4 ? 16 : 48);
    keys[1] = network_key(address->octets, address->family, is_v4 ? 24 : 64);
    return 2;
}

bool audit_filter_prefix(const struct address_prefix *prefix, uint64_t *key)
{
    const bool is_v4 = prefix->family == ADDRESS_V4;
    const unsigned wide = is_v4 ? 16 : 48;
    const unsigned narrow = is_v4 ? 24 : 64;

    if (prefix->bits < wide) {
        return false;
    }
    *key = network_key(prefix->octets, prefix->family, prefix->bits >= narrow ? narrow : wide);
    return true;
}
