/*
 * The server half of the HTTP socket.
 *
 * Happy path: accept -> head of the request -> the handler is asked, the connection suspended
 * -> http_reply() -> resumed -> written -> closed. Failures: anything that is no request, too
 * large or too slow -> an error page by the library or by us, or closed; a client that goes
 * away while its page is made -> the page is thrown away.
 *
 * The library has an epoll descriptor of its own, which is readable when it has something to
 * do; it says how long it may sleep. Both are handles of our loop.
 */
#include "admin/http.h"

#include "admin/limits.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/invariant.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define HTTP_MAGIC       0x68747470u
#define REQUEST_MAGIC    0x68727571u
#define HTTP_BACKLOG     16
#define HTTP_HANDLES     3 /* of the loop: poll, alarm, sweep */
#define METRICS_TYPE     "text/plain; version=0.0.4; charset=utf-8"
#define WORDS_TYPE       "text/plain; charset=utf-8"
#define TOO_LARGE        413 /* "Payload", later "Content": the library has renamed it */
#define HOST_ADDRESS_MAX 64  /* octets of an address in Host */

struct connection { /* in the list while the library has it */
    struct http *http;
    struct connection *next, *prev;
    int fd;
    uint64_t since_us;
};

struct http {
    uint32_t magic;
    struct MHD_Daemon *daemon;
    struct http_handler handler;
    uv_poll_t poll;
    uv_timer_t alarm; /* when the library next has something to do by the clock */
    uv_timer_t sweep; /* connections that have lasted too long */
    unsigned open_handles;
    struct connection *connections;
    struct http_request *requests; /* that have begun and not ended */
    bool only_local;
    bool again; /* a place has become free: the library looks for who waits when run next */
    bool closing;
    char *path; /* NULL: TCP */
    dev_t device;
    ino_t inode;
};

struct http_request {
    uint32_t magic;
    struct http *http;
    struct MHD_Connection *connection;
    struct http_request *next, *prev;
    enum http_page page;
    bool asked;     /* the handler works on it */
    bool suspended; /* the library leaves it alone */
    bool ready;     /* there is a page */
    unsigned status;
    char *body; /* NULL: out of memory */
    size_t len;
};

static const struct {
    const char *path;
    enum http_page page;
} pages[] = {
    {"/metrics", HTTP_METRICS},
    {"/healthz", HTTP_HEALTHZ},
    {"/readyz", HTTP_READYZ},
};

static void on_alarm(uv_timer_t *timer);

static const char stopping[] = "the daemon is stopping\n";

/* Answers. */

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status,
                             const char *type, struct MHD_Response *response)
{
    enum MHD_Result done = MHD_NO;

    if (response == NULL) {
        return MHD_NO; /* out of memory: the connection is closed */
    }
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") ==
            MHD_YES &&
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES &&
        (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
         MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES)) {
        done = MHD_queue_response(connection, status, response);
    }
    MHD_destroy_response(response);
    return done;
}

/* words: a literal. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status,
                              const char *words)
{
    return queue(connection, status, WORDS_TYPE,
                 MHD_create_response_from_buffer(strlen(words), (void *)(uintptr_t)words,
                                                 MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result answer(struct http_request *request)
{
    char *body = request->body;
    const bool is_metrics = request->page == HTTP_METRICS && request->status == MHD_HTTP_OK;

    if (body == NULL) {
        return refuse(request->connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
    }
    request->body = NULL; /* the response's */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(request->len, body, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(body);
    }
    return queue(request->connection, request->status, is_metrics ? METRICS_TYPE : WORDS_TYPE,
                 response);
}

/* Requests. */

/* "localhost", "127.0.0.1:9153", "[::1]:9153": what a page of the web that has turned its own
 * name into our address cannot have in its Host. */
static bool is_local_host(const char *host)
{
    char text[HOST_ADDRESS_MAX];
    struct address address;
    const char *end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
    const char *begin = host[0] == '[' ? host + 1 : host;
    size_t len = end == NULL ? strlen(begin) : (size_t)(end - begin);

    if (len == 0 || len >= sizeof(text) || (host[0] == '[' && end == NULL)) {
        return false;
    }
    memcpy(text, begin, len);
    text[len] = '\0';
    return strcasecmp(text, "localhost") == 0 || address_parse(text, len, 0, &address) == 0;
}

static bool has_body(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_CONTENT_LENGTH);

    return (length != NULL && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                       MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

static struct http_request *begin(struct http *http, struct MHD_Connection *connection,
                                  enum http_page page)
{
    struct http_request *request = calloc(1, sizeof(*request));

    if (request == NULL) {
        return NULL;
    }
    request->magic = REQUEST_MAGIC;
    request->http = http;
    request->connection = connection;
    request->page = page;
    request->next = http->requests;
    if (request->next != NULL) {
        request->next->prev = request;
    }
    http->requests = request;
    return request;
}

/* The head has been read: refused at once, or a request begins. */
static enum MHD_Result on_head(struct http *http, struct MHD_Connection *connection,
                               const char *url, const char *method, void **state)
{
    const char *host =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);

    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    if (has_body(connection)) {
        return refuse(connection, TOO_LARGE, "a request has no body here\n");
    }
    if (http->only_local && host != NULL && !is_local_host(host)) {
        return refuse(connection, MHD_HTTP_FORBIDDEN,
                      "ask by address, or as localhost (http.reach in cordon.yaml)\n");
    }
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (strcmp(url, pages[i].path) == 0) {
            *state = begin(http, connection, pages[i].page);
            return *state == NULL ? MHD_NO : MHD_YES;
        }
    }
    return refuse(connection, MHD_HTTP_NOT_FOUND, "here are /metrics, /healthz and /readyz\n");
}

/* Called for the head, when the request is whole, and when a suspended connection goes on. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_len, void **state)
{
    struct http *http = context;
    struct http_request *request = *state;

    (void)version;
    (void)upload;
    invariant(http->magic == HTTP_MAGIC);
    if (http->closing && (request == NULL || !request->ready)) {
        return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, stopping);
    }
    if (request == NULL) {
        return on_head(http, connection, url, method, state);
    }
    if (*upload_len > 0) {
        return MHD_NO; /* a body that the head did not announce */
    }
    if (!request->asked) {
        request->asked = true;
        http->handler.get(http->handler.context, request->page, request);
        if (!request->ready) {
            request->suspended = true;
            MHD_suspend_connection(connection);
            return MHD_YES;
        }
    }
    return answer(request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct http *http = context;
    struct http_request *request = *state;

    (void)connection;
    (void)code;
    if (request == NULL) {
        return; /* it was refused at its head */
    }
    invariant(request->magic == REQUEST_MAGIC);
    *state = NULL;
    if (request->next != NULL) {
        request->next->prev = request->prev;
    }
    if (request->prev != NULL) {
        request->prev->next = request->next;
    } else {
        http->requests = request->next;
    }
    request->magic = 0;
    free(request->body);
    free(request);
}

void http_reply(struct http_request *request, unsigned status, const char *body, size_t len)
{
    invariant(request->magic == REQUEST_MAGIC && request->asked && !request->ready);
    request->body = malloc(len + 1);
    request->status = status;
    request->len = len;
    request->ready = true;
    if (request->body != NULL) {
        memcpy(request->body, body, len);
    }
    if (request->suspended) {
        request->suspended = false;
        MHD_resume_connection(request->connection);
        if (!request->http->closing) { /* of that the library's descriptor says nothing */
            uv_timer_start(&request->http->alarm, on_alarm, 0, 0);
        }
    }
}

/* Connections that last too long. */

static void on_sweep(uv_timer_t *timer)
{
    struct http *http = timer->data;
    const uint64_t now_us = clock_read().mono_us;

    invariant(http->magic == HTTP_MAGIC);
    for (const struct connection *at = http->connections; at != NULL; at = at->next) {
        if (now_us - at->since_us >= HTTP_CONNECTION_MS * 1000ull) {
            shutdown(at->fd, SHUT_RDWR); /* the library sees the end of it, and closes */
        }
    }
}

static void on_opened(struct http *http, struct MHD_Connection *library, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(library, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *connection = calloc(1, sizeof(*connection));

    if (connection == NULL || info == NULL) {
        free(connection); /* then its idle time alone bounds it */
        return;
    }
    connection->http = http;
    connection->fd = info->connect_fd;
    connection->since_us = clock_read().mono_us;
    connection->next = http->connections;
    if (connection->next != NULL) {
        connection->next->prev = connection;
    } else if (!http->closing) {
        uv_timer_start(&http->sweep, on_sweep, HTTP_SWEEP_MS, HTTP_SWEEP_MS);
    }
    http->connections = connection;
    *context = connection;
}

static void on_closed(struct http *http, struct connection *connection)
{
    if (connection->next != NULL) {
        connection->next->prev = connection->prev;
    }
    if (connection->prev != NULL) {
        connection->prev->next = connection->next;
    } else {
        http->connections = connection->next;
    }
    if (http->connections == NULL && !http->closing) {
        uv_timer_stop(&http->sweep);
    }
    free(connection);
}

static void on_connection(void *context, struct MHD_Connection *library, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *http = context;

    invariant(http->magic == HTTP_MAGIC);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *state = NULL;
        on_opened(http, library, state);
    } else if (*state != NULL) {
        on_closed(http, *state);
        *state = NULL;
        http->again = true;
    }
}

/* The loop. */

static void run(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;

    http->again = false;
    (void)MHD_run(http->daemon);
    if (MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES || http->again) {
        wait_ms = http->again ? 0 : wait_ms;
        uv_timer_start(&http->alarm, on_alarm, wait_ms, 0);
    } else {
        uv_timer_stop(&http->alarm);
    }
}

static void on_alarm(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status; /* of our own descriptor: there is nothing else to do about it */
    (void)events;
    run(poll->data);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;

    invariant(http->magic == HTTP_MAGIC);
    if (--http->open_handles == 0) {
        http->magic = 0;
        free(http->path);
        free(http);
    }
}

static void close_handles(struct http *http)
{
    uv_close((uv_handle_t *)&http->poll, on_handle_closed);
    uv_close((uv_handle_t *)&http->alarm, on_handle_closed);
    uv_close((uv_handle_t *)&http->sweep, on_handle_closed);
}

/* A path is compared as it was sent: "%00" in it would otherwise end it early. */
static size_t unescape_nothing(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start(struct http *http, int fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request,
                            http, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                            HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY_MAX,
                            MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP,
                            1, MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_END);
}

/* The library's descriptor as a handle. On failure only the daemon is left to stop. */
static int watch(uv_loop_t *loop, struct http *http)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    if (info == NULL) {
        return -ENOSYS;
    }
    int rc = uv_poll_init(loop, &http->poll, info->epoll_fd);
    if (rc != 0) {
        return rc;
    }
    uv_timer_init(loop, &http->alarm);
    uv_timer_init(loop, &http->sweep);
    http->poll.data = http;
    http->alarm.data = http;
    http->sweep.data = http;
    http->open_handles = HTTP_HANDLES;
    rc = uv_poll_start(&http->poll, UV_READABLE, on_poll);
    return rc;
}

static void remember_path(struct http *http, const char *path)
{
    struct stat status;

    http->path = path == NULL ? NULL : strdup(path);
    if (path != NULL && stat(path, &status) == 0) {
        http->device = status.st_dev;
        http->inode = status.st_ino;
    }
}

static void forget_path(const struct http *http)
{
    struct stat status;

    if (http->path != NULL && lstat(http->path, &status) == 0 &&
        status.st_dev == http->device && status.st_ino == http->inode) {
        unlink(http->path);
    }
}

int http_open(uv_loop_t *loop, int fd, const char *path, bool only_local,
              const struct http_handler *handler, struct http **out)
{
    struct http *http = calloc(1, sizeof(*http));

    if (http == NULL) {
        close(fd);
        return -ENOMEM;
    }
    http->magic = HTTP_MAGIC;
    http->handler = *handler;
    http->only_local = only_local;
    remember_path(http, path);
    int rc = path != NULL && listen(fd, HTTP_BACKLOG) != 0 ? -errno : 0;
    if (rc == 0) {
        http->daemon = start(http, fd);
        rc = http->daemon == NULL ? -ENOMEM : watch(loop, http);
    } else {
        close(fd);
    }
    if (rc != 0) {
        http_close(http);
        return rc;
    }
    run(http);
    *out = http;
    return 0;
}

void http_close(struct http *http)
{
    if (http == NULL) {
        return;
    }
    invariant(http->magic == HTTP_MAGIC && !http->closing);
    http->closing = true;
    forget_path(http);
    if (http->open_handles > 0) {
        uv_poll_stop(&http->poll);
    }
    if (http->daemon != NULL) {
        for (struct http_request *at = http->requests; at != NULL; at = at->next) {
            if (at->asked && !at->ready) { /* the library must not stop with these suspended */
                http_reply(at, MHD_HTTP_SERVICE_UNAVAILABLE, stopping, strlen(stopping));
            }
        }
        (void)MHD_run(http->daemon);
        MHD_stop_daemon(http->daemon);
        http->daemon = NULL;
    }
    if (http->open_handles > 0) {
        close_handles(http);
    } else {
        http->magic = 0;
        free(http->path);
        free(http);
    }
}
