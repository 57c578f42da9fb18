/*
 * query/clients.h - what was found out about clients that asked a moment ago: their view,
 * whether they may ask at all, the hash that counts them.
 *
 * All of it follows from two addresses, the policy and the settings, and most questions come
 * from someone who has just asked. So each place of a small table keeps it for one client and
 * the address that he asked; another one takes the place over. Adopting empties the table.
 * Whoever makes others share a place costs them what it would cost without.
 *
 * Questions of one client that follow each other are counted for `cordon top` together, before
 * the time is told anew.
 */
#ifndef CORDON_QUERY_CLIENTS_H
#define CORDON_QUERY_CLIENTS_H

#include "base/address.h"
#include "query/limits.h"
#include "query/tops.h"

struct query_settings;

struct query_known_client {
    struct address from;  /* family 0: nobody; the port says nothing */
    struct address local; /* that was asked */
    uint64_t hash;        /* of query_tops_hash() */
    uint8_t view;
    bool admitted; /* by the access networks */
};

struct query_clients {
    struct query_known_client at[QUERY_CLIENTS_KNOWN];
    const struct query_known_client *counted; /* NULL: nobody, and uncounted is 0 */
    uint64_t uncounted, uncounted_blocked;    /* questions of his */
};

/* hot. Of these settings, which are those of all calls since query_clients_forget(). What is
 * returned holds until the next call. */
const struct query_known_client *query_clients_know(struct query_clients *clients,
                                                    const struct query_settings *settings,
                                                    struct query_tops *tops, uint64_t now_us,
                                                    const struct address *from,
                                                    const struct address *local);

/* hot. One more question of his; now_us: since the last call of query_clients_settle() the
 * same. */
void query_clients_count(struct query_clients *clients, struct query_tops *tops,
                         uint64_t now_us, const struct query_known_client *known);

/* hot. A question of the client with this hash was blocked. */
void query_clients_count_blocked(struct query_clients *clients, struct query_tops *tops,
                                 uint64_t now_us, const struct address *client, uint64_t hash);

/* Before the time is told, or what was counted is read. */
void query_clients_settle(struct query_clients *clients, struct query_tops *tops,
                          uint64_t now_us);
/* Other settings hold from here on. */
void query_clients_forget(struct query_clients *clients, struct query_tops *tops,
                          uint64_t now_us);

#endif
