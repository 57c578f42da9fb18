#include "wire/rotate.h"

#include "wire/name.h"
#include "wire/type.h"

#include <string.h>

#define KIND_OCTETS  4u  /* type and class, behind the owner */
#define FIXED_OCTETS 10u /* these, TTL and RDLENGTH */
#define ADDRESS_MAX  16u
#define POINTER      0xc0u

/* One record; head_len: octets of its owner, type and class. */
struct piece {
    size_t at, head_len, len;
    bool is_address;
};

/* Where an owner ends is all that has to be known of it: no pointer is followed. */
static bool skip_owner(const uint8_t *octets, size_t len, size_t *pos)
{
    while (*pos < len && octets[*pos] != 0) {
        if (octets[*pos] >= POINTER) {
            *pos += 2;
            return *pos <= len;
        }
        if (octets[*pos] > WIRE_LABEL_MAX) {
            return false;
        }
        *pos += 1u + octets[*pos];
    }
    return ++*pos <= len;
}

static bool read_piece(const uint8_t *octets, size_t len, size_t at, struct piece *out)
{
    size_t pos = at;

    if (!skip_owner(octets, len, &pos) || pos - at > WIRE_NAME_MAX ||
        len - pos < FIXED_OCTETS) {
        return false;
    }
    const uint16_t type = wire_get16(octets + pos);
    const uint16_t rdata_len = wire_get16(octets + pos + 8);

    if (rdata_len > len - pos - FIXED_OCTETS) {
        return false;
    }
    *out = (struct piece){.at = at,
                          .head_len = pos - at + KIND_OCTETS,
                          .len = pos - at + FIXED_OCTETS + rdata_len,
                          .is_address = (type == WIRE_A && rdata_len == 4) ||
                                        (type == WIRE_AAAA && rdata_len == 16)};
    return true;
}

static bool are_alike(const uint8_t *octets, const struct piece *a, const struct piece *b)
{
    return a->is_address && b->is_address && a->len == b->len && a->head_len == b->head_len &&
           memcmp(octets + a->at, octets + b->at, a->head_len) == 0;
}

bool wire_run_find(const uint8_t *octets, size_t len, size_t body, unsigned records,
                   struct wire_run *run)
{
    struct piece before = {0};
    struct piece piece;
    bool running = false;

    run->count = 0;
    for (size_t at = body; records > 0; records--, at += piece.len, before = piece) {
        if (!read_piece(octets, len, at, &piece)) {
            return false;
        }
        if (!are_alike(octets, &before, &piece)) {
            running = false;
        } else if (running) {
            run->count++;
        } else {
            *run = (struct wire_run){.at = before.at, .record_len = piece.len, .count = 2};
            running = true;
        }
    }
    return run->count > 0;
}

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
    uint8_t kept[WIRE_NAME_MAX + FIXED_OCTETS + ADDRESS_MAX];

    memcpy(kept, a, len);
    memcpy(a, b, len);
    memcpy(b, kept, len);
}

/* The order of records from..to - 1 is turned round. */
static void reverse(uint8_t *octets, const struct wire_run *run, unsigned from, unsigned to)
{
    for (; from + 1 < to; from++, to--) {
        swap(octets + run->at + from * run->record_len,
             octets + run->at + (to - 1) * run->record_len, run->record_len);
    }
}

/* Both parts, and then the whole, turned round: the parts have changed places. */
void wire_run_turn(uint8_t *octets, const struct wire_run *run, unsigned first)
{
    reverse(octets, run, 0, first);
    reverse(octets, run, first, run->count);
    reverse(octets, run, 0, run->count);
}
