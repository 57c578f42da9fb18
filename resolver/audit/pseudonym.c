#include "audit/pseudonym.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint32_t audit_day_of(uint64_t wall_us)
{
    return (uint32_t)(wall_us / AUDIT_DAY_US);
}

/* What is hashed begins with a letter for its kind, so that no address is ever a name. */
static void make(const uint8_t *key, char kind, const uint8_t *octets, size_t len,
                 uint8_t out[AUDIT_PSEUDONYM_OCTETS])
{
    struct digest digest;

    digest_init(&digest, key, AUDIT_PSEUDONYM_OCTETS);
    digest_add(&digest, &kind, 1);
    digest_add(&digest, octets, len);
    digest_end(&digest, out, AUDIT_PSEUDONYM_OCTETS);
}

void audit_pseudonym(const uint8_t key[DIGEST_KEY_OCTETS], const struct address *address,
                     uint8_t out[AUDIT_PSEUDONYM_OCTETS])
{
    uint8_t octets[1 + sizeof(address->octets)];
    const size_t len = address_octets(address);

    octets[0] = address->family;
    memcpy(octets + 1, address->octets, len);
    make(key, 'c', octets, 1 + len, out);
}

void audit_pseudonym_name(const uint8_t key[DIGEST_KEY_OCTETS], const uint8_t *name, size_t len,
                          uint8_t out[AUDIT_PSEUDONYM_OCTETS])
{
    make(key, 'n', name, len, out);
}

bool audit_hashed_get(const uint8_t *octets, size_t len, uint32_t *day,
                      uint8_t out[AUDIT_PSEUDONYM_OCTETS])
{
    struct audit_client client;

    if (len == 0 || octets[0] != 'k' || !audit_client_get(octets, len, &client)) {
        return false;
    }
    *day = client.day;
    memcpy(out, client.pseudonym, AUDIT_PSEUDONYM_OCTETS);
    return true;
}

/* --- one address over all days --- */

struct audit_pseudonyms {
    size_t count;
    struct audit_client at[];
};

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

int audit_pseudonyms_create(const char *folder, const struct address *address,
                            struct audit_pseudonyms **out)
{
    struct audit_days found;
    uint32_t *days = calloc(AUDIT_DAYS_MAX, sizeof(*days));
    struct audit_pseudonyms *made = NULL;
    int result = days == NULL
                     ? -ENOMEM
                     : audit_day_keys_find(folder, UINT32_MAX, &found, days, AUDIT_DAYS_MAX);

    if (result == 0) {
        made = calloc(1, sizeof(*made) + found.count * sizeof(made->at[0]));
        result = made == NULL ? -ENOMEM : 0;
    }
    if (result == 0 && found.count > 1) {
        qsort(days, found.count, sizeof(*days), by_number);
    }
    for (unsigned i = 0; result == 0 && i < found.count; i++) {
        struct audit_client *client = &made->at[made->count];
        uint8_t key[DIGEST_KEY_OCTETS];
        const int rc = audit_day_key_read(folder, days[i], key);

        if (rc == 0) {
            client->kind = AUDIT_CLIENT_PSEUDONYM;
            client->day = days[i];
            audit_pseudonym(key, address, client->pseudonym);
            explicit_bzero(key, sizeof(key));
            made->count++;
        } else if (rc != -ENOENT && rc != CORDON_E_FORMAT) { /* those are being destroyed */
            result = rc;
        }
    }
    free(days);
    if (result != 0) {
        free(made);
        return result;
    }
    *out = made;
    return 0;
}

void audit_pseudonyms_destroy(struct audit_pseudonyms *pseudonyms)
{
    free(pseudonyms);
}

size_t audit_pseudonyms_count(const struct audit_pseudonyms *pseudonyms)
{
    return pseudonyms->count;
}

void audit_pseudonyms_at(const struct audit_pseudonyms *pseudonyms, size_t i,
                         struct audit_client *out)
{
    *out = pseudonyms->at[i];
}

bool audit_pseudonyms_has(const struct audit_pseudonyms *pseudonyms,
                          const struct audit_client *client)
{
    size_t low = 0;
    size_t high = pseudonyms->count;

    while (client->kind == AUDIT_CLIENT_PSEUDONYM && low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct audit_client *at = &pseudonyms->at[middle];

        if (at->day == client->day) {
            return memcmp(at->pseudonym, client->pseudonym, AUDIT_PSEUDONYM_OCTETS) == 0;
        }
        if (at->day < client->day) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}
