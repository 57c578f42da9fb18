#include "audit/pseudonym.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PSEUDONYM_WORD "pseudonym:"
#define HASHED_WORD    ".hashed:"
#define DATE_TEXT      10u /* YYYY-MM-DD */
#define HEX_TEXT       (2u * AUDIT_PSEUDONYM_OCTETS)

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

static size_t format_day(uint32_t day, const char *word,
                         const uint8_t octets[AUDIT_PSEUDONYM_OCTETS],
                         char out[AUDIT_CLIENT_TEXT_MAX])
{
    char date[CLOCK_TEXT_MAX];
    char digits[HEX_TEXT + 1];

    clock_format_s(day * (AUDIT_DAY_US / 1000000), date);
    digest_hex(octets, AUDIT_PSEUDONYM_OCTETS, digits);
    return (size_t)snprintf(out, AUDIT_CLIENT_TEXT_MAX, "%s%.*s:%s", word, (int)DATE_TEXT, date,
                            digits);
}

size_t audit_hashed_format(uint32_t day, const uint8_t hash[AUDIT_PSEUDONYM_OCTETS],
                           char out[AUDIT_CLIENT_TEXT_MAX])
{
    return format_day(day, HASHED_WORD, hash, out);
}

size_t audit_client_format(const struct audit_client *client, char out[AUDIT_CLIENT_TEXT_MAX])
{
    switch (client->kind) {
    case AUDIT_CLIENT_NONE:
        break;
    case AUDIT_CLIENT_ADDRESS:
        return address_format(&client->address, false, out);
    case AUDIT_CLIENT_PREFIX:
        return address_prefix_format(&client->prefix, out);
    case AUDIT_CLIENT_PSEUDONYM:
        return format_day(client->day, PSEUDONYM_WORD, client->pseudonym, out);
    }
    out[0] = '\0';
    return 0;
}

_Static_assert(AUDIT_CLIENT_TEXT_MAX >= ADDRESS_TEXT_MAX, "an address has no room");

/* Two lower-case digits into an octet. */
static bool get_hex(const char *text, uint8_t *out)
{
    unsigned value = 0;

    for (unsigned i = 0; i < 2; i++) {
        const char c = text[i];

        if (c >= '0' && c <= '9') {
            value = 16 * value + (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = 16 * value + 10 + (unsigned)(c - 'a');
        } else {
            return false;
        }
    }
    *out = (uint8_t)value;
    return true;
}

static bool get_digits(const char *text, size_t octets, uint8_t *out)
{
    for (size_t i = 0; i < octets; i++) {
        if (!get_hex(text + 2 * i, &out[i])) {
            return false;
        }
    }
    return true;
}

static bool get_day(const char *text, uint32_t *day)
{
    uint64_t seconds = 0;

    if (clock_parse(text, DATE_TEXT, &seconds) != 0) {
        return false;
    }
    *day = audit_day_of(seconds * 1000000);
    return true;
}

int audit_client_parse(const char *text, size_t len, struct audit_client *out)
{
    struct audit_client client = {.kind = AUDIT_CLIENT_PSEUDONYM};
    const size_t word = sizeof(PSEUDONYM_WORD) - 1;

    if (len == word + DATE_TEXT + 1 + HEX_TEXT && memcmp(text, PSEUDONYM_WORD, word) == 0) {
        if (!get_day(text + word, &client.day) || text[word + DATE_TEXT] != ':' ||
            !get_digits(text + word + DATE_TEXT + 1, AUDIT_PSEUDONYM_OCTETS,
                        client.pseudonym)) {
            return CORDON_E_FORMAT;
        }
    } else if (memchr(text, '/', len) != NULL) {
        client.kind = AUDIT_CLIENT_PREFIX;
        if (address_prefix_parse(text, len, &client.prefix) != 0) {
            return CORDON_E_FORMAT;
        }
    } else {
        client.kind = AUDIT_CLIENT_ADDRESS;
        if (address_parse_client(text, len, &client.address) != 0) {
            return CORDON_E_FORMAT;
        }
    }
    *out = client;
    return 0;
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
