#include "tls/tickets.h"

#include "tls/inside.h"

#include <string.h>

void tls_tickets_clear(struct tls_tickets *tickets)
{
    for (size_t i = 0; i < tickets->count; i++) {
        SSL_SESSION_free(tickets->kept[i]);
        tickets->kept[i] = NULL;
    }
    tickets->count = 0;
}

void tls_tickets_add(struct tls_tickets *tickets, SSL_SESSION *session)
{
    if (tickets->count == TLS_TICKETS_MAX) {
        SSL_SESSION_free(tickets->kept[0]);
        tickets->count--;
        memmove(&tickets->kept[0], &tickets->kept[1],
                tickets->count * sizeof(tickets->kept[0]));
    }
    tickets->kept[tickets->count++] = session;
}

/* A session is no longer gone on with than its certificate would be believed. */
static bool is_of_use(const SSL_SESSION *session, const struct endpoint *server, uint64_t now_s)
{
    const X509 *certificate = SSL_SESSION_get0_peer((SSL_SESSION *)session);
    const long made = SSL_SESSION_get_time(session);

    if (SSL_SESSION_is_resumable(session) == 0 || certificate == NULL || made < 0) {
        return false;
    }
    if (now_s > (uint64_t)made && now_s - (uint64_t)made > TLS_TICKET_AGE_S) {
        return false;
    }
    return server->name[0] == '\0' || !tls_is_expired(certificate, now_s);
}

SSL_SESSION *tls_tickets_take(struct tls_tickets *tickets, const struct endpoint *server,
                              uint64_t now_s)
{
    while (tickets->count > 0) {
        SSL_SESSION *session = tickets->kept[--tickets->count];

        tickets->kept[tickets->count] = NULL;
        if (is_of_use(session, server, now_s)) {
            return session;
        }
        SSL_SESSION_free(session);
    }
    return NULL;
}

/* 1: the session is ours now. */
int tls_tickets_on_new(SSL *ssl, SSL_SESSION *session)
{
    struct tls_session *of = SSL_get_app_data(ssl);

    if (of->tickets == NULL || of->state == TLS_FAILED) {
        return 0;
    }
    tls_tickets_add(of->tickets, session);
    return 1;
}
