/*
 * admin/http.h - three pages over HTTP/1.1, by libmicrohttpd in our own loop.
 *
 * GET and HEAD of /metrics, /healthz and /readyz; every other path is 404, every other method
 * 405, a request with a body 413. What stands behind a "?" is ignored. One request per
 * connection. All sizes, times and numbers are bounded (admin/limits.h), and no client is
 * waited for: the library works on what is there and returns. Main thread.
 */
#ifndef CORDON_ADMIN_HTTP_H
#define CORDON_ADMIN_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct http;         /* opaque */
struct http_request; /* opaque: one request that waits for its page */

enum http_page {
    HTTP_METRICS,
    HTTP_HEALTHZ,
    HTTP_READYZ
};

struct http_handler {
    /* Makes the page now or later, and then calls http_reply() once. Not called again until
     * then for this request. */
    void (*get)(void *context, enum http_page page, struct http_request *request);
    void *context;
};

/*
 * fd: a listening or (unix) bound socket; taken over, also on failure. path: of a unix socket,
 * removed at the end if it is still ours; NULL: TCP. only_local: a Host that is neither an
 * address nor localhost is refused with 403. Copies the rest. 0 or -errno.
 */
int http_open(uv_loop_t *loop, int fd, const char *path, bool only_local,
              const struct http_handler *handler, struct http **http);

/* The page, as text; copied. status: 200 or 503. */
void http_reply(struct http_request *request, unsigned status, const char *body, size_t len);

/* Requests that wait are answered with 503, in as far as their clients take it at once, and
 * are gone. The memory goes when the loop has closed the handles. NULL is fine. */
void http_close(struct http *http);

#endif
