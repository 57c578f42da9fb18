/* The control socket over real unix sockets, server and clients in one process. */
#include "admin/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static int ask_control(const char *path, const char *command, unsigned timeout_ms, char **reply,
                       size_t *len)
{
    const struct control_patience patience = {.timeout_ms = timeout_ms};

    return control_ask(path, command, &patience, reply, len);
}

struct fixture {
    char folder[64];
    char path[96];
    uv_loop_t loop;
    uv_async_t end;
    uv_thread_t thread;
    struct control *control;
    _Atomic(struct control_client *) kept; /* the handler keeps one client of "later" */
    _Atomic unsigned commands;
};

static bool on_command(void *context, struct request *request, struct control_client *client,
                       struct text *out)
{
    struct fixture *fixture = context;
    const char *command = request_command(request);

    fixture->commands++;
    if (strcmp(command, "later") == 0) {
        fixture->kept = client;
        return false;
    }
    if (strcmp(command, "release") == 0 && fixture->kept != NULL) {
        control_reply(fixture->kept, "\"late\"", 6);
        fixture->kept = NULL;
    }
    if (strcmp(command, "huge") == 0) {
        while (!out->overflow) {
            text_add(out, "0123456789");
        }
        return true;
    }
    if (strcmp(command, "large") == 0) {
        for (unsigned i = 0; i < 300000; i++) {
            text_add(out, "0123456789");
        }
        return true;
    }
    if (strcmp(command, "who") == 0) {
        const struct control_peer *peer = control_peer(client);
        const char *greeting = request_text(request, "greeting", 16, true);

        if (!request_end(request)) {
            return control_refuse(out, request_fault(request));
        }
        json_array_begin(out, NULL);
        json_string(out, NULL, greeting);
        json_uint(out, NULL, peer->uid);
        json_uint(out, NULL, peer->gid);
        json_int(out, NULL, peer->pid);
        json_array_end(out);
        return true;
    }
    json_string(out, NULL, command);
    return true;
}

static void on_end(uv_async_t *handle)
{
    struct fixture *fixture = handle->data;

    control_close(fixture->control);
    uv_close((uv_handle_t *)handle, NULL);
}

static void run_loop(void *context)
{
    struct fixture *fixture = context;

    uv_run(&fixture->loop, UV_RUN_DEFAULT);
}

static int open_at(struct fixture *fixture)
{
    const struct control_handler handler = {.command = on_command, .context = fixture};

    return control_open(&fixture->loop, fixture->path, &handler, &fixture->control);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/cordon-control-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof(fixture->path), "%s/socket", fixture->folder);
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    assert_int_equal(uv_async_init(&fixture->loop, &fixture->end, on_end), 0);
    fixture->end.data = fixture;
    assert_int_equal(open_at(fixture), 0);
    assert_int_equal(uv_thread_create(&fixture->thread, run_loop, fixture), 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;

    uv_async_send(&fixture->end);
    uv_thread_join(&fixture->thread);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    assert_int_equal(stat(fixture->path, &status), -1); /* the socket file goes with it */
    assert_int_equal(rmdir(fixture->folder), 0);
    free(fixture);
    return 0;
}

/* A connected client that the test drives itself. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Reads to the end of the stream; cut at size. */
static size_t read_to_end(int fd, char *out, size_t size)
{
    size_t used = 0;

    for (;;) {
        const ssize_t got = recv(fd, out + used, size - 1 - used, 0);
        if (got <= 0) {
            out[used] = '\0';
            return used;
        }
        used += (size_t)got;
    }
}

static void answers_a_command_with_one_document(void **state)
{
    const struct fixture *fixture = *state;
    char *reply = NULL;
    size_t len = 0;

    assert_int_equal(ask_control(fixture->path, "status", 60000, &reply, &len), 0);
    assert_string_equal(reply, "\"status\"\n");
    assert_int_equal(len, strlen(reply));
    free(reply);
}

static void gives_the_handler_arguments_and_who_asks(void **state)
{
    const struct fixture *fixture = *state;
    char expected[128];
    char *reply = NULL;
    size_t len = 0;

    snprintf(expected, sizeof(expected), "[\"hello\",%u,%u,%d]\n", (unsigned)getuid(),
             (unsigned)getgid(), (int)getpid());
    assert_int_equal(
        ask_control(fixture->path, "who {\"greeting\":\"hello\"}", 60000, &reply, &len), 0);
    assert_string_equal(reply, expected);
    free(reply);
    assert_int_equal(ask_control(fixture->path, "who {\"greting\":1}", 60000, &reply, &len), 0);
    assert_string_equal(reply,
                        "{\"ok\":false,\"error\":\"greeting: this field is required\"}\n");
    free(reply);
}

static void reads_a_line_that_comes_in_pieces(void **state)
{
    const struct fixture *fixture = *state;
    static const char line[] = "cordon/1 pieces\n";
    char out[64];
    const int fd = connect_to(fixture->path);

    for (size_t i = 0; i < sizeof(line) - 1; i++) {
        assert_int_equal(send(fd, line + i, 1, MSG_NOSIGNAL), 1);
        usleep(500);
    }
    read_to_end(fd, out, sizeof(out));
    assert_string_equal(out, "\"pieces\"\n");
    close(fd);
}

static void refuses_lines_that_are_no_command(void **state)
{
    static const struct {
        const char *line;
        size_t len;
        const char *expected; /* part of the error */
    } rows[] = {
        {"status\n", 7, "expected a line"},            /* no version */
        {"cordon/2 status\n", 16, "expected a line"},  /* a version that is not ours */
        {"\n", 1, "expected a line"},                  /* nothing */
        {"GET / HTTP/1.1\r\n", 16, "expected a line"}, /* another protocol */
        {"cordon/1 a\0b\n", 13, "zero octet"},         /* a hidden tail */
        {"CORDON/1 status\n", 16, "expected a line"},  /* case counts */
        {"cordon/1 \n", 10, "expected COMMAND"},       /* none */
        {"cordon/1 a b\n", 13, "no JSON object"},      /* words instead of arguments */
        {"cordon/1 a {\n", 13, "no JSON object"},      /* half an object */
    };
    const struct fixture *fixture = *state;
    char out[256];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int fd = connect_to(fixture->path);
        assert_int_equal(send(fd, rows[i].line, rows[i].len, MSG_NOSIGNAL), rows[i].len);
        read_to_end(fd, out, sizeof(out));
        assert_non_null(strstr(out, "\"ok\":false"));
        assert_non_null(strstr(out, rows[i].expected));
        close(fd);
    }
    assert_int_equal(fixture->commands, 0);
}

static void refuses_a_line_over_the_limit(void **state)
{
    const struct fixture *fixture = *state;
    char line[REQUEST_LINE_MAX + 10];
    char out[256];
    const int fd = connect_to(fixture->path);

    memset(line, 'a', sizeof(line));
    assert_true(send(fd, line, sizeof(line), MSG_NOSIGNAL) > 0);
    read_to_end(fd, out, sizeof(out));
    assert_non_null(strstr(out, "longer than 4096"));
    close(fd);
    assert_int_equal(fixture->commands, 0);
}

/* Whatever is still on its way to us when we refuse, the words arrive, and the stream ends
 * instead of breaking. */
static void a_refusal_is_not_lost_to_the_rest_of_the_line(void **state)
{
    const struct fixture *fixture = *state;
    static char line[100000]; /* less than a socket holds: the client writes it all first */
    char out[256];

    memset(line, 'a', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    for (unsigned i = 0; i < 20; i++) {
        const int fd = connect_to(fixture->path);
        size_t used = 0;
        ssize_t got;

        assert_int_equal(send(fd, line, sizeof(line), MSG_NOSIGNAL), sizeof(line));
        while ((got = recv(fd, out + used, sizeof(out) - 1 - used, 0)) > 0) {
            used += (size_t)got;
        }
        out[used] = '\0';
        assert_int_equal(got, 0); /* not ECONNRESET */
        assert_non_null(strstr(out, "longer than 4096"));
        assert_int_equal(send(fd, line, sizeof(line), MSG_NOSIGNAL), sizeof(line));
        close(fd);
    }
    assert_int_equal(fixture->commands, 0);
}

static void refuses_a_reply_over_the_limit(void **state)
{
    const struct fixture *fixture = *state;
    char *reply = NULL;
    size_t len = 0;

    assert_int_equal(ask_control(fixture->path, "huge", 60000, &reply, &len), 0);
    assert_non_null(strstr(reply, "larger than the limit"));
    free(reply);
}

static void gives_a_large_reply_whole(void **state)
{
    const struct fixture *fixture = *state;
    char *reply = NULL;
    size_t len = 0;

    assert_int_equal(ask_control(fixture->path, "large", 60000, &reply, &len), 0);
    assert_int_equal(len, 3000001);
    free(reply);
}

static void gives_a_late_reply_to_whom_it_belongs(void **state)
{
    const struct fixture *fixture = *state;
    char out[64];
    char *reply = NULL;
    size_t len = 0;
    const int fd = connect_to(fixture->path);

    assert_int_equal(send(fd, "cordon/1 later\n", 15, MSG_NOSIGNAL), 15);
    while (fixture->kept == NULL) { /* another client is answered meanwhile */
        assert_int_equal(ask_control(fixture->path, "hello", 60000, &reply, &len), 0);
        free(reply);
    }
    assert_int_equal(ask_control(fixture->path, "release", 60000, &reply, &len), 0);
    free(reply);
    read_to_end(fd, out, sizeof(out));
    assert_string_equal(out, "\"late\"\n");
    close(fd);
}

static void forgets_a_client_that_left_before_its_reply(void **state)
{
    const struct fixture *fixture = *state;
    char *reply = NULL;
    size_t len = 0;
    const int fd = connect_to(fixture->path);

    assert_int_equal(send(fd, "cordon/1 later\n", 15, MSG_NOSIGNAL), 15);
    while (fixture->kept == NULL) {
        usleep(1000);
    }
    close(fd);
    assert_int_equal(ask_control(fixture->path, "release", 60000, &reply, &len), 0);
    free(reply);
    assert_int_equal(ask_control(fixture->path, "still", 60000, &reply, &len), 0);
    assert_string_equal(reply, "\"still\"\n");
    free(reply);
}

static void lets_clients_over_the_limit_wait_and_come_in_later(void **state)
{
    const struct fixture *fixture = *state;
    int silent[CONTROL_CLIENTS_MAX];
    char *reply = NULL;
    size_t len = 0;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        silent[i] = connect_to(fixture->path);
    }
    assert_int_equal(ask_control(fixture->path, "hello", 300, &reply, &len), -ETIMEDOUT);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        close(silent[i]);
    }
    assert_int_equal(ask_control(fixture->path, "hello", 60000, &reply, &len), 0);
    assert_string_equal(reply, "\"hello\"\n");
    free(reply);
}

/* Every place is taken by somebody who says nothing, half a line, or reads nothing of three
 * megabytes: when they are closed the next one is answered. */
static void clients_that_stand_still_are_closed(void **state)
{
    const struct fixture *fixture = *state;
    static char out[3000002];
    int still[CONTROL_CLIENTS_MAX];
    char *reply = NULL;
    size_t len = 0;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        static const char *const said[] = {"", "cordon/1 hel", "cordon/1 large\n"};
        const size_t octets = strlen(said[i % 3]);

        still[i] = connect_to(fixture->path);
        assert_int_equal(send(still[i], said[i % 3], octets, MSG_NOSIGNAL), octets);
    }
    assert_int_equal(ask_control(fixture->path, "hello", 60000, &reply, &len), 0);
    assert_string_equal(reply, "\"hello\"\n");
    free(reply);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct pollfd closed = {.fd = still[i]}; /* before anything is read */

        assert_int_equal(poll(&closed, 1, 60000), 1);
        assert_true((closed.revents & POLLHUP) != 0);
        const size_t got = read_to_end(still[i], out, sizeof(out)); /* to the server's end */

        assert_true(i % 3 == 2 ? got > 0 && got < 3000001 : got == 0);
        close(still[i]);
    }
}

static void refuses_to_open_where_another_daemon_answers(void **state)
{
    const struct fixture *fixture = *state;
    const struct control_handler handler = {.command = on_command, .context = NULL};
    struct control *second = NULL;
    uv_loop_t loop;
    struct stat status;

    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(control_open(&loop, fixture->path, &handler, &second), -EADDRINUSE);
    assert_null(second);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(stat(fixture->path, &status), 0); /* the first one's file stays */
}

static void makes_a_socket_for_owner_and_group_alone(void **state)
{
    const struct fixture *fixture = *state;
    struct stat status;

    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
}

/* Opens and closes on a loop of its own. Returns what control_open() says. */
static int open_once(const char *path)
{
    const struct control_handler handler = {.command = on_command, .context = NULL};
    struct control *control = NULL;
    uv_loop_t loop;

    assert_int_equal(uv_loop_init(&loop), 0);
    const int rc = control_open(&loop, path, &handler, &control);
    control_close(control);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return rc;
}

static void replaces_a_socket_that_nobody_answers_on(void **state)
{
    char folder[] = "/tmp/cordon-control-XXXXXX";
    char path[64];
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(fd); /* what a daemon that was killed leaves behind */
    assert_int_equal(open_once(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void never_removes_a_file_that_is_no_socket(void **state)
{
    char folder[] = "/tmp/cordon-control-XXXXXX";
    char path[64];
    char missing[96];
    char long_path[200];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    const int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(open_once(path), -ENOTSOCK);
    assert_int_equal(unlink(path), 0);

    snprintf(missing, sizeof(missing), "%s/none/socket", folder); /* no such folder */
    assert_int_equal(open_once(missing), -ENOENT);
    memset(long_path, 'a', sizeof(long_path) - 1); /* over what sun_path holds */
    long_path[sizeof(long_path) - 1] = '\0';
    assert_int_equal(open_once(long_path), -ENAMETOOLONG);
    assert_int_equal(rmdir(folder), 0);
}

static unsigned notices;

static void count_notice(void)
{
    notices++;
}

/* Nobody accepts: at first there is room in the queue and no reply, then no room. */
static void a_daemon_that_stands_still_is_told_of_once_and_left(void **state)
{
    const struct control_patience patience = {
        .timeout_ms = 200, .notice_ms = 50, .notice = count_notice};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *reply = NULL;
    size_t len = 0;

    (void)state;
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/cordon-still-%d", (int)getpid());
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 0), 0); /* one place */
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(control_ask(address.sun_path, "hello", &patience, &reply, &len),
                         -ETIMEDOUT);
        assert_int_equal(notices, i);
    }
    assert_int_equal(ask_control(address.sun_path, "hello", 100, &reply, &len), -ETIMEDOUT);
    assert_int_equal(notices, 3);
    assert_int_equal(unlink(address.sun_path), 0);
    close(fd);
}

/* A daemon by hand: of `resets` clients it reads nothing and closes; the next one it reads, and
 * answers if it is to. */
struct replaced {
    int listener;
    unsigned resets;
    bool answers;
    unsigned read; /* how many lines */
};

static void *be_replaced(void *argument)
{
    struct replaced *replaced = argument;
    struct pollfd ready = {.events = POLLIN};
    char line[64];

    for (unsigned i = 0; i <= replaced->resets; i++) {
        const int fd = accept(replaced->listener, NULL, NULL);

        if (fd < 0) {
            return NULL; /* shut down by the test */
        }
        ready.fd = fd;
        (void)poll(&ready, 1, -1);
        if (i == replaced->resets) {
            replaced->read += recv(fd, line, sizeof(line), 0) > 0 ? 1 : 0;
            (void)send(fd, "{}\n", replaced->answers ? 3 : 0, MSG_NOSIGNAL);
        }
        close(fd);
    }
    return NULL;
}

static int ask_replaced(unsigned resets, bool answers, unsigned *read)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct replaced replaced = {.listener = fd, .resets = resets, .answers = answers};
    char *reply = NULL;
    pthread_t thread;
    size_t len = 0;

    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/cordon-replaced-%d",
             (int)getpid());
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(pthread_create(&thread, NULL, be_replaced, &replaced), 0);
    const int rc = ask_control(address.sun_path, "hello", 20000, &reply, &len);
    (void)shutdown(fd, SHUT_RDWR);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(rc == 0, reply != NULL);
    assert_int_equal(unlink(address.sun_path), 0);
    *read = replaced.read;
    free(reply);
    close(fd);
    return rc;
}

static void what_was_not_read_is_asked_of_the_successor_and_what_was_read_is_not(void **state)
{
    unsigned read = 0;

    (void)state;
    assert_int_equal(ask_replaced(1, true, &read), 0);
    assert_int_equal(read, 1);
    assert_int_equal(ask_replaced(0, false, &read), -ECONNRESET); /* it may have been done */
    assert_int_equal(read, 1);
    assert_int_equal(ask_replaced(100, true, &read), -ECONNRESET); /* not for ever */
    assert_int_equal(read, 0);
}

static void tells_the_tool_that_no_daemon_is_there(void **state)
{
    char *reply = NULL;
    size_t len = 0;
    char command[REQUEST_LINE_MAX + 1];

    (void)state;
    assert_int_equal(ask_control("/tmp/cordon-control-none", "status", 500, &reply, &len),
                     -ENOENT);
    memset(command, 'a', sizeof(command) - 1);
    command[sizeof(command) - 1] = '\0';
    assert_int_equal(ask_control("/tmp/cordon-control-none", command, 500, &reply, &len),
                     -EMSGSIZE);
    assert_null(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_a_command_with_one_document, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_the_handler_arguments_and_who_asks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(reads_a_line_that_comes_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_lines_that_are_no_command, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_line_over_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_is_not_lost_to_the_rest_of_the_line, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(refuses_a_reply_over_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_a_large_reply_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_a_late_reply_to_whom_it_belongs, setup, teardown),
        cmocka_unit_test_setup_teardown(forgets_a_client_that_left_before_its_reply, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(lets_clients_over_the_limit_wait_and_come_in_later,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(clients_that_stand_still_are_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_to_open_where_another_daemon_answers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(makes_a_socket_for_owner_and_group_alone, setup,
                                        teardown),
        cmocka_unit_test(replaces_a_socket_that_nobody_answers_on),
        cmocka_unit_test(never_removes_a_file_that_is_no_socket),
        cmocka_unit_test(a_daemon_that_stands_still_is_told_of_once_and_left),
        cmocka_unit_test(what_was_not_read_is_asked_of_the_successor_and_what_was_read_is_not),
        cmocka_unit_test(tells_the_tool_that_no_daemon_is_there),
    };

    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
