/* The HTTP socket over real sockets, server and clients in one process. */
#include "admin/http.h"

#include "admin/limits.h"
#include "admin/listen.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* More than the kernel keeps for a reader that does not read. */
#define PAGE_LARGE (16u << 20)

struct fixture {
    char folder[64];
    char path[96]; /* of the unix socket; "" for TCP */
    struct sockaddr_in at;
    uv_loop_t loop;
    uv_async_t end;
    uv_async_t release;
    uv_thread_t thread;
    struct http *http;
    struct http_request *kept; /* /readyz is answered when release comes */
    _Atomic unsigned asked;
    char *large;
};

static void on_get(void *context, enum http_page page, struct http_request *request)
{
    struct fixture *fixture = context;

    fixture->asked++;
    switch (page) {
    case HTTP_METRICS:
        http_reply(request, 200, fixture->large, PAGE_LARGE);
        break;
    case HTTP_HEALTHZ:
        http_reply(request, 200, "ok\n", 3);
        break;
    case HTTP_READYZ:
        fixture->kept = request;
        break;
    }
}

static void on_release(uv_async_t *handle)
{
    struct fixture *fixture = handle->data;

    if (fixture->kept != NULL) {
        http_reply(fixture->kept, 503, "late\n", 5);
        fixture->kept = NULL;
    }
}

static void on_end(uv_async_t *handle)
{
    struct fixture *fixture = handle->data;

    http_close(fixture->http);
    uv_close((uv_handle_t *)&fixture->end, NULL);
    uv_close((uv_handle_t *)&fixture->release, NULL);
}

static void run_loop(void *context)
{
    struct fixture *fixture = context;

    uv_run(&fixture->loop, UV_RUN_DEFAULT);
}

static int open_tcp(struct fixture *fixture)
{
    struct address address = {.family = ADDRESS_V4, .octets = {127, 0, 0, 1}};
    socklen_t len = sizeof(fixture->at);
    int fd = -1;

    assert_int_equal(listen_tcp(&address, false, &fd), 0); /* port 0: any */
    assert_int_equal(getsockname(fd, (struct sockaddr *)&fixture->at, &len), 0);
    return fd;
}

static void start(struct fixture *fixture, bool tcp)
{
    const struct http_handler handler = {.get = on_get, .context = fixture};
    int fd = -1;

    fixture->large = malloc(PAGE_LARGE);
    assert_non_null(fixture->large);
    memset(fixture->large, 'm', PAGE_LARGE);
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/cordon-http-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    assert_int_equal(uv_async_init(&fixture->loop, &fixture->end, on_end), 0);
    assert_int_equal(uv_async_init(&fixture->loop, &fixture->release, on_release), 0);
    fixture->end.data = fixture;
    fixture->release.data = fixture;
    if (tcp) {
        fd = open_tcp(fixture);
    } else {
        snprintf(fixture->path, sizeof(fixture->path), "%s/http", fixture->folder);
        assert_int_equal(listen_unix(fixture->path, false, &fd), 0);
    }
    assert_int_equal(http_open(&fixture->loop, fd, tcp ? NULL : fixture->path, tcp, &handler,
                               &fixture->http),
                     0);
    assert_int_equal(uv_thread_create(&fixture->thread, run_loop, fixture), 0);
}

static int setup_tcp(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    assert_non_null(*state);
    start(*state, true);
    return 0;
}

static int setup_unix(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    assert_non_null(*state);
    start(*state, false);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    uv_async_send(&fixture->end);
    uv_thread_join(&fixture->thread);
    assert_int_equal(uv_loop_close(&fixture->loop), 0); /* nothing is left open */
    assert_int_equal(rmdir(fixture->folder), 0);        /* the socket file is gone */
    free(fixture->large);
    free(fixture);
    return 0;
}

static int connect_to(const struct fixture *fixture)
{
    static const struct timeval patience = {.tv_sec = 60}; /* a failure, not a hang */
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    const bool tcp = fixture->path[0] == '\0';
    const int fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(path.sun_path, fixture->path, sizeof(fixture->path));
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(
        connect(fd,
                tcp ? (const struct sockaddr *)&fixture->at : (const struct sockaddr *)&path,
                tcp ? sizeof(fixture->at) : sizeof(path)),
        0);
    return fd;
}

/* Reads to the end of the stream; what does not fit is counted all the same. */
static size_t read_to_end(int fd, char *out, size_t size)
{
    char rest[4096];
    size_t used = 0;

    for (;;) {
        const bool fits = used < size - 1;
        const ssize_t got =
            fits ? recv(fd, out + used, size - 1 - used, 0) : recv(fd, rest, sizeof(rest), 0);
        if (got <= 0) {
            out[used < size ? used : size - 1] = '\0';
            return used;
        }
        used += (size_t)got;
    }
}

static size_t ask(const struct fixture *fixture, const char *request, size_t len, char *out,
                  size_t size)
{
    const int fd = connect_to(fixture);

    assert_int_equal(send(fd, request, len, MSG_NOSIGNAL), len);
    const size_t got = read_to_end(fd, out, size);
    close(fd);
    return got;
}

#define HOST "Host: 127.0.0.1\r\n"

static void answers_a_page(void **state)
{
    static const char get[] = "GET /healthz HTTP/1.1\r\n" HOST "\r\n";
    const struct fixture *fixture = *state;
    char out[1024];

    ask(fixture, get, sizeof(get) - 1, out, sizeof(out));
    assert_non_null(strstr(out, "HTTP/1.1 200 "));
    assert_non_null(strstr(out, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(out, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    assert_non_null(strstr(out, "\r\n\r\nok\n"));
}

static void gives_a_large_page_whole_and_its_head_alone(void **state)
{
    static const char get[] = "GET /metrics?a=b&c HTTP/1.1\r\n" HOST "\r\n";
    static const char head[] = "HEAD /metrics HTTP/1.1\r\n" HOST "\r\n";
    const struct fixture *fixture = *state;
    char out[1024];

    const size_t whole = ask(fixture, get, sizeof(get) - 1, out, sizeof(out));
    assert_non_null(strstr(out, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8"));
    const size_t alone = ask(fixture, head, sizeof(head) - 1, out, sizeof(out));
    assert_non_null(strstr(out, "\r\nContent-Length: 16777216\r\n"));
    assert_int_equal(whole - alone, PAGE_LARGE);
}

static void refuses_what_is_no_question_of_ours(void **state)
{
    static const struct {
        const char *request;
        const char *status;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", "404"},            /* no page */
        {"GET /metrics/ HTTP/1.1\r\n" HOST "\r\n", "404"},    /* no folder */
        {"GET /METRICS HTTP/1.1\r\n" HOST "\r\n", "404"},     /* case counts */
        {"GET /../metrics HTTP/1.1\r\n" HOST "\r\n", "404"},  /* no path is worked out */
        {"GET //metrics HTTP/1.1\r\n" HOST "\r\n", "404"},    /* twice the slash */
        {"GET /metrics%00x HTTP/1.1\r\n" HOST "\r\n", "404"}, /* a hidden tail */
        {"POST /metrics HTTP/1.1\r\n" HOST "\r\n", "405"},    /* nothing is taken */
        {"DELETE /metrics HTTP/1.1\r\n" HOST "\r\n", "405"},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "405"},
        {"TRACE /metrics HTTP/1.1\r\n" HOST "\r\n", "405"},
        {"BREW /metrics HTTP/1.1\r\n" HOST "\r\n", "405"}, /* no method at all */
        {"get /metrics HTTP/1.1\r\n" HOST "\r\n", "405"},  /* case counts */
        {"GET /metrics HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "413"},
        {"GET /metrics HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "413"},
        {"GET /metrics HTTP/1.1\r\n\r\n", "400"}, /* 1.1 needs a Host */
        {"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403"},
        {"GET /metrics HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", "403"},
        {"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example:9153\r\n\r\n", "403"},
        {"GET /metrics HTTP/1.1\r\nHost: [evil]\r\n\r\n", "403"},
        {"GET /metrics HTTP/1.1\r\nHost: [::1\r\n\r\n", "403"},
        {"GET /metrics HTTP/1.1\r\nHost: :80\r\n\r\n", "403"},
        {"GET /metrics HTTP/9.9\r\n" HOST "\r\n", "50"}, /* a version of the future */
        {"GET /metrics SPDY/3\r\n" HOST "\r\n", "400"},  /* another protocol */
    };
    const struct fixture *fixture = *state;
    char out[4096];
    char expected[32];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ask(fixture, rows[i].request, strlen(rows[i].request), out, sizeof(out));
        snprintf(expected, sizeof(expected), "HTTP/1.1 %s", rows[i].status);
        if (strncmp(out, expected, strlen(expected)) != 0) {
            fail_msg("row %zu: expected %s, got %.60s", i, expected, out);
        }
    }
    assert_int_equal(fixture->asked, 0);
}

static void takes_hosts_that_are_addresses(void **state)
{
    static const char *const hosts[] = {"127.0.0.1:9153", "localhost", "LocalHost:80",
                                        "[::1]:9153", "[::1]"};
    const struct fixture *fixture = *state;
    char request[256];
    char out[1024];

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        snprintf(request, sizeof(request), "GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n",
                 hosts[i]);
        ask(fixture, request, strlen(request), out, sizeof(out));
        assert_non_null(strstr(out, "HTTP/1.1 200 "));
    }
    assert_int_equal(fixture->asked, sizeof(hosts) / sizeof(hosts[0]));
}

/* The library may keep a half-closed connection until its time is over. */
static void read_a_while(int fd)
{
    static const struct timeval patience = {.tv_usec = 20000};
    char out[4096];

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    read_to_end(fd, out, sizeof(out));
}

/* Nothing of these is a request; the server must live, and ask nobody. */
static void survives_octets_that_are_no_request(void **state)
{
    static const char *const rows[] = {"\r\n\r\n\r\n\r\n",
                                       "GET\r\n\r\n",
                                       "GET /metrics\r\n\r\n",
                                       "\x16\x03\x01\x02\x00\x01",
                                       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                       ": : :\r\n\r\n",
                                       "GET /metrics HTTP/1.1\r\n: x\r\n\r\n",
                                       "GET /metrics HTTP/1.1\r\n folded\r\n\r\n"};
    const struct fixture *fixture = *state;
    unsigned seed = 1;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int fd = connect_to(fixture);
        assert_true(send(fd, rows[i], strlen(rows[i]), MSG_NOSIGNAL) > 0);
        shutdown(fd, SHUT_WR);
        read_a_while(fd);
        close(fd);
    }
    for (size_t i = 0; i < 200; i++) { /* a valid request with some octets changed */
        char request[] = "HEAD /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n";
        for (size_t n = 0; n < 1 + i % 4; n++) {
            seed = seed * 1103515245u + 12345u;
            request[(seed >> 16) % (sizeof(request) - 1)] = (char)(seed >> 8);
        }
        const int fd = connect_to(fixture);
        assert_true(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0);
        shutdown(fd, SHUT_WR);
        read_a_while(fd);
        close(fd);
    }
    answers_a_page(state);
}

static void refuses_a_head_over_the_limit(void **state)
{
    const struct fixture *fixture = *state;
    const size_t len = HTTP_MEMORY_MAX * 4;
    char *request = malloc(len);
    char out[4096];

    assert_non_null(request);
    memset(request, 'a', len);
    memcpy(request, "GET /healthz HTTP/1.1\r\n" HOST "X: ", 44);
    int fd = connect_to(fixture);
    (void)send(fd, request, len, MSG_NOSIGNAL); /* cut short when it is refused */
    read_to_end(fd, out, sizeof(out));
    close(fd);
    memcpy(request, "GET /", 5); /* the line itself */
    memset(request + 5, 'a', 40);
    fd = connect_to(fixture);
    (void)send(fd, request, len, MSG_NOSIGNAL);
    read_to_end(fd, out, sizeof(out));
    close(fd);
    free(request);
    assert_int_equal(fixture->asked, 0);
    answers_a_page(state);
}

static void answers_later_whoever_waits(void **state)
{
    static const char get[] = "GET /readyz HTTP/1.0\r\n\r\n"; /* 1.0 needs no Host */
    struct fixture *fixture = *state;
    char out[1024];
    const int fd = connect_to(fixture);

    assert_int_equal(send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL), sizeof(get) - 1);
    while (fixture->asked == 0) {
        usleep(1000);
    }
    answers_a_page(state); /* meanwhile others are */
    uv_async_send(&fixture->release);
    read_to_end(fd, out, sizeof(out));
    assert_non_null(strstr(out, " 503 "));
    assert_non_null(strstr(out, "late\n"));
    close(fd);
}

/* The page comes when its client has gone. */
static void forgets_a_client_that_has_gone(void **state)
{
    static const char get[] = "GET /readyz HTTP/1.0\r\n\r\n";
    struct fixture *fixture = *state;
    const int fd = connect_to(fixture);

    assert_int_equal(send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL), sizeof(get) - 1);
    while (fixture->asked == 0) {
        usleep(1000);
    }
    close(fd);
    uv_async_send(&fixture->release);
    answers_a_page(state);
}

/* The fixture ends with a request that nobody has answered. */
static void ends_with_a_request_that_waits(void **state)
{
    static const char get[] = "GET /readyz HTTP/1.0\r\n\r\n";
    struct fixture *fixture = *state;
    char out[1024];
    const int fd = connect_to(fixture);

    assert_int_equal(send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL), sizeof(get) - 1);
    while (fixture->asked == 0) {
        usleep(1000);
    }
    uv_async_send(&fixture->end);
    read_to_end(fd, out, sizeof(out));
    assert_non_null(strstr(out, " 503 "));
    assert_non_null(strstr(out, "stopping"));
    close(fd);
}

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

static unsigned open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

static int ask_and_do_not_read(const struct fixture *fixture)
{
    static const char get[] = "GET /metrics HTTP/1.0\r\n\r\n";
    static const int small = 2048;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&fixture->at, sizeof(fixture->at)),
                     0);
    assert_int_equal(send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL), sizeof(get) - 1);
    while (fixture->asked == 0) {
        usleep(1000);
    }
    return fd;
}

/* One that asks and does not read, then more clients than there are places, none of which says
 * anything, and one which sends an octet now and then: all are closed in time, and who comes
 * meanwhile or after is answered. */
static void is_not_held_up_by_slow_clients(void **state)
{
    const struct fixture *fixture = *state;
    int slow[HTTP_CONNECTIONS_MAX + 4];
    char out[1024];
    const unsigned before = open_files();
    const int unread = ask_and_do_not_read(fixture);
    const uint64_t began = now_ms();

    answers_a_page(state);
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX + 4; i++) {
        slow[i] = connect_to(fixture);
    }
    struct timeval patience = {.tv_sec = 1};
    assert_int_equal(setsockopt(slow[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)),
                     0);
    bool closed = false;
    for (unsigned i = 0; !closed && i < 60; i++) {
        closed = send(slow[0], "G", 1, MSG_NOSIGNAL) != 1 ||
                 recv(slow[0], out, sizeof(out), 0) >= 0 || errno == ECONNRESET;
    }
    assert_true(closed);
    assert_true(now_ms() - began >= HTTP_CONNECTION_MS / 2); /* it was given its time */
    answers_a_page(state);
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX + 4; i++) {
        close(slow[i]);
    }
    /* Who does not read sees the end only by reading: the server's side of it is closed. */
    while (open_files() > before + 1) {
        assert_true(now_ms() - began < 10 * HTTP_CONNECTION_MS);
        usleep(10000);
    }
    assert_true(read_to_end(unread, out, sizeof(out)) < PAGE_LARGE);
    close(unread);
    answers_a_page(state);
}

static void makes_a_unix_socket_for_its_group_alone(void **state)
{
    const struct fixture *fixture = *state;
    static const char get[] = "GET /healthz HTTP/1.1\r\nHost: any.name\r\n\r\n";
    struct stat status;
    char out[1024];
    int fd = -1;

    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
    ask(fixture, get, sizeof(get) - 1, out, sizeof(out)); /* any Host: no browser comes here */
    assert_non_null(strstr(out, "HTTP/1.1 200 "));
    assert_int_equal(listen_unix(fixture->path, false, &fd), -EADDRINUSE); /* not taken away */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_a_page, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(gives_a_large_page_whole_and_its_head_alone, setup_tcp,
                                        teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_question_of_ours, setup_tcp,
                                        teardown),
        cmocka_unit_test_setup_teardown(takes_hosts_that_are_addresses, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(survives_octets_that_are_no_request, setup_tcp,
                                        teardown),
        cmocka_unit_test_setup_teardown(refuses_a_head_over_the_limit, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(answers_later_whoever_waits, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(forgets_a_client_that_has_gone, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(ends_with_a_request_that_waits, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(is_not_held_up_by_slow_clients, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(answers_later_whoever_waits, setup_unix, teardown),
        cmocka_unit_test_setup_teardown(makes_a_unix_socket_for_its_group_alone, setup_unix,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
