#include "local/rebinding.h"

#include <string.h>

static const struct address_prefix inside[] = {
    {{0}, 8, ADDRESS_V4},           {{10}, 8, ADDRESS_V4},
    {{100, 64}, 10, ADDRESS_V4},    {{127}, 8, ADDRESS_V4},
    {{169, 254}, 16, ADDRESS_V4},   {{172, 16}, 12, ADDRESS_V4},
    {{192, 168}, 16, ADDRESS_V4},   {{[15] = 0}, 127, ADDRESS_V6}, /* :: and ::1 */
    {{0xfc}, 7, ADDRESS_V6},        {{0xfe, 0x80}, 10, ADDRESS_V6},
    {{0xfe, 0xc0}, 10, ADDRESS_V6},
};

static bool is_covered(const struct address *address)
{
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        if (address_prefix_covers(&inside[i], address)) {
            return true;
        }
    }
    return false;
}

bool local_is_inside(const struct address *address)
{
    struct address v4;

    return is_covered(address) || (address_embedded_v4(address, &v4) && is_covered(&v4));
}

static bool hints_lead_inside(const uint8_t *hints, size_t count, enum address_family family)
{
    struct address address = {.family = (uint8_t)family};
    const size_t len = address_octets(&address);

    for (size_t i = 0; i < count; i++) {
        memcpy(address.octets, hints + i * len, len);
        if (local_is_inside(&address)) {
            return true;
        }
    }
    return false;
}

static bool record_leads_inside(const struct wire_message *message,
                                const struct wire_record *record)
{
    struct address address;
    struct wire_svcb service;

    if (record->type == WIRE_A || record->type == WIRE_AAAA) {
        return wire_record_address(message, record, &address) && local_is_inside(&address);
    }
    if (record->type != WIRE_SVCB && record->type != WIRE_HTTPS) {
        return false;
    }
    /* One that we cannot read, somebody else may. */
    return !wire_record_svcb(message, record, &service) ||
           hints_lead_inside(service.hints4, service.hints4_count, ADDRESS_V4) ||
           hints_lead_inside(service.hints6, service.hints6_count, ADDRESS_V6);
}

bool local_leads_inside(const struct wire_message *message)
{
    struct wire_cursor cursor;
    struct wire_record record;
    int more;

    wire_cursor_start(&cursor, message);
    while ((more = wire_cursor_next(&cursor, &record)) > 0) {
        if (record_leads_inside(message, &record)) {
            return true;
        }
    }
    return more < 0;
}

bool local_in_zones(const struct wire_name *name, const struct wire_name *zones, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (wire_name_is_within(name, &zones[i])) {
            return true;
        }
    }
    return false;
}
