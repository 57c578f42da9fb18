#include "query/cookie.h"

#include "base/digest.h"
#include "base/siphash.h"
#include "query/limits.h"
#include "wire/type.h"

#include <endian.h>
#include <string.h>

#define VERSION    1
#define VERSION_AT 8
#define TIME_AT    12
#define HASH_AT    16

#define PERIOD_US (UINT64_C(1000000) * QUERY_COOKIE_PERIOD_S)

void query_cookies_init(struct query_cookies *cookies,
                        const uint8_t key[QUERY_COOKIE_KEY_OCTETS])
{
    memcpy(cookies->key, key, sizeof(cookies->key));
    cookies->made = false;
}

/* RFC 9018, 4.4: over everything before the hash, then the address. */
static uint64_t hash_of(const uint8_t *secret, const struct address *client,
                        const uint8_t *cookie)
{
    const size_t len = address_octets(client);
    uint8_t octets[HASH_AT + 16];

    memcpy(octets, cookie, HASH_AT);
    memcpy(octets + HASH_AT, client->octets, len);
    return htole64(siphash24(octets, HASH_AT + len, secret));
}

void query_cookie_make(const uint8_t secret[QUERY_COOKIE_SECRET_OCTETS],
                       const struct address *client,
                       const uint8_t client_part[QUERY_COOKIE_CLIENT_OCTETS], uint32_t time_s,
                       uint8_t out[QUERY_COOKIE_OCTETS])
{
    memcpy(out, client_part, QUERY_COOKIE_CLIENT_OCTETS);
    wire_put32(out + VERSION_AT, (uint32_t)VERSION << 24);
    wire_put32(out + TIME_AT, time_s);
    const uint64_t hash = hash_of(secret, client, out);
    memcpy(out + HASH_AT, &hash, sizeof(hash));
}

/* One comparison of a word: its time says nothing about where a guess is wrong. */
bool query_cookie_is_of(const uint8_t secret[QUERY_COOKIE_SECRET_OCTETS],
                        const struct address *client, const uint8_t cookie[QUERY_COOKIE_OCTETS])
{
    uint64_t hash;

    memcpy(&hash, cookie + HASH_AT, sizeof(hash));
    return cookie[VERSION_AT] == VERSION && hash == hash_of(secret, client, cookie);
}

/* The secret of a period: BLAKE2b of its number, keyed. */
static void make_secret(const struct query_cookies *cookies, uint64_t period,
                        uint8_t secret[QUERY_COOKIE_SECRET_OCTETS])
{
    const uint64_t number = htobe64(period);
    uint8_t digest[DIGEST_OCTETS];

    digest_of(&number, sizeof(number), cookies->key, digest);
    memcpy(secret, digest, QUERY_COOKIE_SECRET_OCTETS);
}

static void roll(struct query_cookies *cookies, uint64_t period)
{
    cookies->period = period;
    cookies->made = true;
    make_secret(cookies, period, cookies->secrets[0]);
    make_secret(cookies, period - 1, cookies->secrets[1]);
}

enum query_cookie_verdict query_cookies_check(struct query_cookies *cookies,
                                              const struct address *client,
                                              const uint8_t *octets, size_t len,
                                              uint64_t wall_us,
                                              uint8_t answer[QUERY_COOKIE_OCTETS])
{
    const uint64_t period = wall_us / PERIOD_US;
    const uint32_t now_s = (uint32_t)(wall_us / 1000000);
    enum query_cookie_verdict verdict =
        len > QUERY_COOKIE_CLIENT_OCTETS ? QUERY_COOKIE_INVALID : QUERY_COOKIE_NEW;

    if (!cookies->made || cookies->period != period) {
        roll(cookies, period);
    }
    if (len == QUERY_COOKIE_OCTETS) {
        /* Serial arithmetic (RFC 1982): below 0 is the future. */
        const int32_t age_s = (int32_t)(now_s - wire_get32(octets + TIME_AT));
        const bool timely =
            age_s <= (int32_t)QUERY_COOKIE_LIFE_S && age_s >= -(int32_t)QUERY_COOKIE_FUTURE_S;

        if (timely && query_cookie_is_of(cookies->secrets[0], client, octets)) {
            verdict = QUERY_COOKIE_VALID;
            if (age_s <= (int32_t)QUERY_COOKIE_RENEW_S &&
                wire_get32(octets + VERSION_AT) == (uint32_t)VERSION << 24) {
                memcpy(answer, octets, QUERY_COOKIE_OCTETS);
                return verdict;
            }
        } else if (timely && query_cookie_is_of(cookies->secrets[1], client, octets)) {
            verdict = QUERY_COOKIE_VALID;
        }
    }
    query_cookie_make(cookies->secrets[0], client, octets, now_s, answer);
    return verdict;
}
