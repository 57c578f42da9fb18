/* audit/writer and audit/output: readers that sleep, die and come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/writing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

struct reading {
    int fd;
    char *text;
    size_t len;
};

static void *read_to_end(void *argument)
{
    struct reading *reading = argument;
    ssize_t got = 1;

    while (got > 0 && reading->len < TEXT_MAX - 1) {
        got = read(reading->fd, reading->text + reading->len, TEXT_MAX - 1 - reading->len);
        reading->len += got > 0 ? (size_t)got : 0;
    }
    reading->text[reading->len] = '\0';
    return NULL;
}

static void a_reader_that_sleeps_finds_a_line_about_what_is_missing(void **state)
{
    struct fixture f;
    struct reading reading = {0};
    struct tally tally = {0};
    pthread_t reader;
    int ends[2];
    char path[32];

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    open_pipe(ends, path);
    assert_int_equal(start_on(&f, path, 0, 1), 0);
    const unsigned asked = fill(&f);
    wait_until(stats_of(&f).stalled);
    assert_int_equal(stats_of(&f).last_error, 0);

    reading = (struct reading){.fd = ends[0], .text = f.text};
    assert_int_equal(pthread_create(&reader, NULL, read_to_end, &reading), 0);
    wait_until(stats_of(&f).written >= asked - f.lost[0] + 1); /* and the line about it */
    wait_until(!stats_of(&f).stalled);
    put(&f, 0);
    audit_writer_stop(f.writer, NULL);
    close(ends[1]);
    pthread_join(reader, NULL);
    close(ends[0]);
    add_lines(&tally, f.text);
    assert_all_there(&tally, asked - (unsigned)f.lost[0] + 1);
    assert_true(tally.lost == f.lost[0]);
    tear_down(&f);
}

static void stopping_does_not_wait_for_a_reader_that_sleeps(void **state)
{
    struct fixture f;
    int ends[2];
    char path[32];

    (void)state;
    set_up(&f, 1u << 20);
    open_pipe(ends, path);
    assert_int_equal(start_on(&f, path, 0, 1), 0);
    for (unsigned i = 0; i < 1000; i++) {
        put(&f, 0);
    }
    wait_until(stats_of(&f).stalled);
    const uint64_t before = clock_read().mono_us;
    audit_writer_stop(f.writer, NULL);
    assert_true(clock_read().mono_us - before < PATIENCE_S * UINT64_C(1000000));
    close(ends[0]);
    close(ends[1]);
    tear_down(&f);
}

static void a_reader_that_died_costs_events_and_nothing_else(void **state)
{
    struct fixture f;
    int ends[2];
    char path[32];

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    open_pipe(ends, path);
    assert_int_equal(start_on(&f, path, 0, 1), 0);
    put(&f, 0);
    wait_until(stats_of(&f).written == 1);
    close(ends[0]); /* SIGPIPE would end this program */
    for (unsigned i = 0; i < 7; i++) {
        put(&f, 1);
    }
    wait_until(stats_of(&f).lost_output == 7);
    assert_int_equal(stats_of(&f).last_error, -EPIPE);
    assert_true(stats_of(&f).written == 1 && stats_of(&f).lost_ring == 0);
    audit_writer_stop(f.writer, NULL);
    close(ends[1]);
    tear_down(&f);
}

static void a_fifo_takes_lines_again_when_a_reader_comes_back(void **state)
{
    struct fixture f;
    struct tally tally = {0};

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(mkfifo(f.path, 0600), 0);
    int fd = open(f.path, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(start_on(&f, f.path, 4096, 1), 0); /* and is not rotated */
    close(fd);
    put(&f, 0);
    wait_until(stats_of(&f).last_error == -EPIPE);
    fd = open(f.path, O_RDONLY | O_NONBLOCK);
    put(&f, 0);
    wait_until(stats_of(&f).written == 2); /* it, and the line about the one before */
    audit_writer_stop(f.writer, NULL);
    const ssize_t len = read(fd, f.text, TEXT_MAX - 1);
    assert_true(len > 0);
    f.text[len] = '\0';
    add_lines(&tally, f.text);
    assert_int_equal(tally.decisions, 1);
    assert_true(tally.lost == 1);
    close(fd);
    tear_down(&f);
}

/* Puts the descriptor in place of standard output until the writer has started. */
static void start_on_standard_output(struct fixture *f, int fd)
{
    fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
    const int rc = start_on(f, NULL, 0, 1);
    assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
    close(saved);
    assert_int_equal(rc, 0);
}

static void standard_output_can_be_a_pipe_a_socket_or_a_file(void **state)
{
    for (unsigned kind = 0; kind < 3; kind++) {
        struct fixture f;
        struct tally tally = {0};
        int ends[2];

        (void)state;
        set_up(&f, AUDIT_RING_MIN);
        if (kind == 0) {
            assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        } else if (kind == 1) {
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        } else {
            ends[1] = open(f.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            ends[0] = open(f.path, O_RDONLY | O_CLOEXEC);
            assert_true(ends[0] >= 0 && ends[1] >= 0);
        }
        start_on_standard_output(&f, ends[1]);
        for (unsigned i = 0; i < 10; i++) {
            put(&f, i % WORKERS);
        }
        audit_writer_stop(f.writer, NULL);
        /* What others share is as it was. */
        assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
        close(ends[1]);
        const ssize_t len = read(ends[0], f.text, TEXT_MAX - 1);
        assert_true(len > 0);
        f.text[len] = '\0';
        add_lines(&tally, f.text);
        assert_all_there(&tally, 10);
        close(ends[0]);
        tear_down(&f);
    }
}

/* A terminal cannot be opened anew without blocking: poll(2) alone says what it takes. */
static void a_terminal_that_is_stopped_does_not_hold_up_the_end(void **state)
{
    struct fixture f;
    struct termios mode;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    const int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0 && tcgetattr(slave, &mode) == 0);
    cfmakeraw(&mode);
    assert_int_equal(tcsetattr(slave, TCSANOW, &mode), 0);
    start_on_standard_output(&f, slave);
    put(&f, 0);
    wait_until(stats_of(&f).written == 1);
    const ssize_t len = read(master, f.text, TEXT_MAX - 1);
    assert_true(len > 0 && f.text[len - 1] == '\n');

    assert_int_equal(tcflow(slave, TCOOFF), 0);
    put(&f, 0);
    wait_until(stats_of(&f).stalled);
    const uint64_t before = clock_read().mono_us;
    audit_writer_stop(f.writer, NULL);
    assert_true(clock_read().mono_us - before < PATIENCE_S * UINT64_C(1000000));
    close(slave);
    close(master);
    tear_down(&f);
}

static void a_socket_that_nobody_reads_does_not_hold_up_the_end(void **state)
{
    struct fixture f;
    int ends[2];

    (void)state;
    set_up(&f, 4u << 20);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    start_on_standard_output(&f, ends[1]);
    for (unsigned i = 0; i < 2000; i++) {
        put(&f, 0);
    }
    wait_until(stats_of(&f).stalled);
    close(ends[0]);
    wait_until(stats_of(&f).last_error == -EPIPE);
    audit_writer_stop(f.writer, NULL);
    close(ends[1]);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_sleeps_finds_a_line_about_what_is_missing),
        cmocka_unit_test(stopping_does_not_wait_for_a_reader_that_sleeps),
        cmocka_unit_test(a_reader_that_died_costs_events_and_nothing_else),
        cmocka_unit_test(a_fifo_takes_lines_again_when_a_reader_comes_back),
        cmocka_unit_test(standard_output_can_be_a_pipe_a_socket_or_a_file),
        cmocka_unit_test(a_terminal_that_is_stopped_does_not_hold_up_the_end),
        cmocka_unit_test(a_socket_that_nobody_reads_does_not_hold_up_the_end),
    };
    return cmocka_run_group_tests_name("audit/writer_pipes", tests, NULL, NULL);
}
