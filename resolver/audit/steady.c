#include "audit/steady.h"

#include <string.h>

/* What stands for so many octets of steady columns, by their digest. */
static uint8_t *put_digest(uint8_t *at, size_t len, const uint8_t digest[DIGEST_OCTETS])
{
    at = audit_varint_add(at, len);
    memcpy(at, digest, DIGEST_OCTETS);
    return at + DIGEST_OCTETS;
}

/* The steady part of `len` octets of columns that lie behind *at. Returns its end. */
static uint8_t *end_steady(uint8_t *at, size_t len)
{
    uint8_t digest[DIGEST_OCTETS];

    if (len <= AUDIT_STEADY_WHOLE) {
        at[0] = (uint8_t)len;
        return at + 1 + len;
    }
    at[0] = AUDIT_STEADY_MARK;
    digest_of(at, 1 + len, NULL, digest);
    return put_digest(at, len, digest);
}

uint8_t *audit_steady_put(const struct audit_row *row, uint8_t *at)
{
    const uint8_t *const end = audit_columns_put(row, ~AUDIT_OWN, at + 1);

    return end_steady(at, (size_t)(end - at) - 1);
}

void audit_finding(const struct audit_row *row, uint8_t out[DIGEST_OCTETS])
{
    uint8_t octets[AUDIT_FINDING_MAX];

    digest_of(octets, (size_t)(audit_finding_put(row, octets) - octets), NULL, out);
}

size_t audit_leaf_form(const struct audit_row *row, uint8_t out[AUDIT_LEAF_FORM_MAX])
{
    uint8_t *finding = NULL;
    const uint8_t *const end = audit_own_put(row, audit_steady_put(row, out), &finding);

    if (finding != NULL) {
        audit_finding(row, finding);
    }
    return (size_t)(end - out);
}

uint8_t *audit_steady_find(struct audit_steadies *steadies, const struct audit_row *row,
                           uint8_t *at)
{
    uint8_t *const end = audit_columns_put(row, ~AUDIT_OWN, at + 1);
    const size_t len = (size_t)(end - at) - 1;

    if (len <= AUDIT_STEADY_WHOLE || len > AUDIT_STEADY_KEPT) {
        return end_steady(at, len);
    }
    /* A guess by some of its octets: where it is wrong, a digest is made. */
    uint64_t few = len;
    for (size_t i = 8; i <= 64; i += 8) {
        few = (few ^ little_get64(end - i)) * UINT64_C(0x9e3779b97f4a7c15);
    }
    const unsigned place = (unsigned)(few >> 32) % AUDIT_STEADIES;
    if (steadies->at[place].len != len ||
        memcmp(steadies->at[place].octets, at + 1, len) != 0) {
        steadies->at[place].len = (uint32_t)len;
        memcpy(steadies->at[place].octets, at + 1, len);
        at[0] = AUDIT_STEADY_MARK;
        digest_of(at, 1 + len, NULL, steadies->at[place].digest);
    }
    return put_digest(at, len, steadies->at[place].digest);
}
