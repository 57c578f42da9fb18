/*
 * query/tops.h - who asks most, and what is blocked most: bounded, per worker.
 *
 * Each kind is counted since the start and over the last minute or two (two windows, of which
 * the older is forgotten when the newer is a minute old). Counting is a hash and one look-up in
 * fixed memory (base/sketch.h); others read copies.
 */
#ifndef CORDON_QUERY_TOPS_H
#define CORDON_QUERY_TOPS_H

#include "base/address.h"
#include "base/sketch.h"
#include "wire/name.h"

#include <stdbool.h>

enum query_top {
    QUERY_TOP_CLIENTS,         /* questions of clients that may ask */
    QUERY_TOP_CLIENTS_BLOCKED, /* of these, those that were blocked */
    QUERY_TOP_NAMES,           /* asked names that were blocked or would have been */
    QUERY_TOP_PROVIDERS,       /* providers of the rules that did it */
    QUERY_TOPS
};

struct query_tops; /* opaque */

/* key: 16 secret octets, the same for all that are merged. NULL if out of memory. */
struct query_tops *query_tops_create(const uint8_t key[16]);
void query_tops_destroy(struct query_tops *tops); /* NULL is fine */

/* The provider of the list with this number: id in words, copied, cut if it is longer than 62
 * octets. Whatever is counted of the list from here on is counted for it. */
void query_tops_provider(struct query_tops *tops, uint8_t list, const char *provider);

/* hot. A client's hash, for what follows. */
uint64_t query_tops_hash(const struct query_tops *tops, const struct address *client);
/* now_us, here and below: monotonic, never less than before. */

/* hot. So many questions of his; of these were blocked so many, which may have been counted
 * earlier. */
void query_tops_client(struct query_tops *tops, uint64_t now_us, const struct address *client,
                       uint64_t hash, uint64_t times, uint64_t blocked);

/* hot. So many questions about a name that policy had a word about: the answer was replaced
 * (blocked), or would have been. hash: by a secret key, the same for all that are merged. */
void query_tops_name(struct query_tops *tops, uint64_t now_us, const struct wire_name *name,
                     uint64_t hash, bool blocked, uint64_t times);
/* hot. One more question about which the list with this number had the word. */
void query_tops_list(struct query_tops *tops, uint64_t now_us, uint8_t list, bool blocked);

/* hot. Whether what is counted by then is of a new window. */
bool query_tops_is_over(const struct query_tops *tops, uint64_t now_us);

/* What was counted by list goes to its provider: before it is read. */
void query_tops_settle(struct query_tops *tops);

/* A copy for others, of the same key. Forgets what is too old first, and settles; now_us 0:
 * nothing is too old. */
void query_tops_copy(struct query_tops *to, struct query_tops *from, uint64_t now_us);
/* Adds what another worker has counted. */
void query_tops_merge(struct query_tops *to, const struct query_tops *from);

/* One of the most frequent. */
struct query_top_entry {
    uint64_t count;        /* at most so often */
    uint64_t error;        /* and at least so much less */
    bool blocked;          /* of names and providers: blocked, not only logged */
    struct address client; /* of clients; no port */
    struct wire_name name; /* of names */
    char provider[63];     /* of providers */
};

/* The first max (at most QUERY_TOP_READ_MAX) of a kind, most frequent first; recent:
 * of the last windows alone. Allocates; 0 if out of memory. */
size_t query_tops_read(const struct query_tops *tops, enum query_top which, bool recent,
                       struct query_top_entry *out, size_t max);
/* How long the recent windows have lasted by then, in microseconds. */
uint64_t query_tops_recent_us(const struct query_tops *tops, uint64_t now_us);

#endif
