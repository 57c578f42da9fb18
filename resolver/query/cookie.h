/*
 * query/cookie.h - server cookies that tell whether a UDP client is where it says it is (RFC
 * 7873), in the form that servers behind one address can share (RFC 9018).
 *
 * A full cookie is the client's 8 octets, version 1, three reserved octets, the time in seconds
 * (32 bits, serial arithmetic) and a SipHash-2-4 over all of these and the client's address.
 * One is believed for an hour, and up to five minutes in the future (RFC 9018, 4.3).
 *
 * The secret changes each day. It is made of a key that never leaves the process and the number
 * of the day, so all workers have the same one at the same time and tell each other nothing;
 * the day before's still counts, which an hour's life of a cookie bounds.
 */
#ifndef CORDON_QUERY_COOKIE_H
#define CORDON_QUERY_COOKIE_H

#include "base/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUERY_COOKIE_OCTETS        24
#define QUERY_COOKIE_CLIENT_OCTETS 8
#define QUERY_COOKIE_SECRET_OCTETS 16
#define QUERY_COOKIE_KEY_OCTETS    32

enum query_cookie_verdict {
    QUERY_COOKIE_NONE,    /* no option */
    QUERY_COOKIE_NEW,     /* the client's part alone */
    QUERY_COOKIE_INVALID, /* not one of ours, or too old: as good as the client's part alone */
    QUERY_COOKIE_VALID    /* made here for this address, within the hour */
};

/* One per worker. */
struct query_cookies {
    uint8_t key[QUERY_COOKIE_KEY_OCTETS];
    bool made;                                      /* the secrets are those of this day: */
    uint64_t period;                                /* its number */
    uint8_t secrets[2][QUERY_COOKIE_SECRET_OCTETS]; /* of it, and of the one before */
};

/* key: random, and the same for all workers. */
void query_cookies_init(struct query_cookies *cookies,
                        const uint8_t key[QUERY_COOKIE_KEY_OCTETS]);

/* hot. Judges the option's len octets (8, or 16 to 40), and writes the full cookie that the
 * answer carries: the same one while it is young enough. */
enum query_cookie_verdict query_cookies_check(struct query_cookies *cookies,
                                              const struct address *client,
                                              const uint8_t *octets, size_t len,
                                              uint64_t wall_us,
                                              uint8_t answer[QUERY_COOKIE_OCTETS]);

/* The two halves of it, for one secret. out: a full cookie with the client's part, reserved
 * octets 0 and the time; and whether a full cookie was made with this secret, whenever. */
void query_cookie_make(const uint8_t secret[QUERY_COOKIE_SECRET_OCTETS],
                       const struct address *client,
                       const uint8_t client_part[QUERY_COOKIE_CLIENT_OCTETS], uint32_t time_s,
                       uint8_t out[QUERY_COOKIE_OCTETS]);
bool query_cookie_is_of(const uint8_t secret[QUERY_COOKIE_SECRET_OCTETS],
                        const struct address *client,
                        const uint8_t cookie[QUERY_COOKIE_OCTETS]);

#endif
