/* base/log: one whole line per call, and never a wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Standard error is one end of a pipe or socket pair while a test logs. */
struct capture {
    int saved;
    int ends[2]; /* read, write */
};

static void begin(struct capture *capture, bool stream)
{
    int rc = stream ? socketpair(AF_UNIX, SOCK_STREAM, 0, capture->ends) : pipe(capture->ends);

    assert_int_equal(rc, 0);
    capture->saved = dup(STDERR_FILENO);
    assert_true(capture->saved >= 0);
    assert_true(dup2(capture->ends[1], STDERR_FILENO) >= 0);
}

static void restore(struct capture *capture)
{
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    close(capture->ends[1]);
}

/* What was logged, with a terminator. */
static size_t end(struct capture *capture, char *out, size_t size)
{
    size_t len = 0;

    restore(capture);
    for (;;) {
        const ssize_t got = read(capture->ends[0], out + len, size - 1 - len);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    out[len] = '\0';
    close(capture->ends[0]);
    return len;
}

static void each_level_has_its_word(void **state)
{
    char out[512];
    struct capture capture;

    (void)state;
    begin(&capture, false);
    log_write(LOG_LEVEL_ERROR, "port %d is taken", 53);
    log_write(LOG_LEVEL_WARNING, "slow");
    log_write(LOG_LEVEL_INFO, "started");
    end(&capture, out, sizeof(out));
    assert_string_equal(out, "error: port 53 is taken\nwarning: slow\ninfo: started\n");
}

static void the_journal_gets_priorities(void **state)
{
    char out[512];
    char stream[64];
    struct stat status;
    struct capture capture;

    (void)state;
    begin(&capture, true);
    assert_int_equal(fstat(STDERR_FILENO, &status), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_write(LOG_LEVEL_ERROR, "one");
    log_write(LOG_LEVEL_WARNING, "two");
    log_write(LOG_LEVEL_INFO, "three");
    setenv("JOURNAL_STREAM", "1:1", 1); /* of another process: standard error was redirected */
    log_write(LOG_LEVEL_INFO, "four");
    unsetenv("JOURNAL_STREAM");
    end(&capture, out, sizeof(out));
    assert_string_equal(out, "<3>error: one\n<4>warning: two\n<6>info: three\ninfo: four\n");
}

static void a_stranger_cannot_begin_a_line(void **state)
{
    char out[512];
    struct capture capture;

    (void)state;
    begin(&capture, false);
    log_write(LOG_LEVEL_INFO, "client sent '%s'", "x\nerror: forged\x1b[2J");
    end(&capture, out, sizeof(out));
    assert_string_equal(out, "info: client sent 'x\\x0aerror: forged\\x1b[2J'\n");
}

static void a_long_message_is_cut_and_still_one_line(void **state)
{
    char many[5000];
    char out[8192];
    struct capture capture;

    (void)state;
    memset(many, '\n', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    begin(&capture, false);
    log_write(LOG_LEVEL_INFO, "%s", many);
    const size_t len = end(&capture, out, sizeof(out));
    assert_in_range(len, 1024, 4096);
    assert_ptr_equal(strchr(out, '\n'), out + len - 1);
}

static void a_full_pipe_or_socket_loses_the_line_and_does_not_wait(void **state)
{
    static char filler[1 << 16];

    (void)state;
    memset(filler, 'x', sizeof(filler));
    for (int stream = 0; stream < 2; stream++) {
        struct capture capture;
        begin(&capture, stream != 0);
        fcntl(capture.ends[1], F_SETFL, O_NONBLOCK);
        while (write(capture.ends[1], filler, sizeof(filler)) > 0) {
        }
        while (write(capture.ends[1], filler, 1) > 0) {
        }
        fcntl(capture.ends[1], F_SETFL, 0); /* a write would wait for ever now */
        errno = ERANGE;
        for (int i = 0; i < 100; i++) {
            log_write(LOG_LEVEL_INFO, "lost");
        }
        assert_int_equal(errno, ERANGE); /* the caller's errno is left alone */
        restore(&capture);
        close(capture.ends[0]);
    }
}

static void a_reader_that_went_away_kills_nobody(void **state)
{
    (void)state;
    for (int stream = 0; stream < 2; stream++) {
        struct capture capture;
        begin(&capture, stream != 0);
        close(capture.ends[0]);
        log_write(LOG_LEVEL_INFO, "nobody listens");
        restore(&capture);
    }
}

static void a_closed_standard_error_is_fine(void **state)
{
    const int saved = dup(STDERR_FILENO);

    (void)state;
    close(STDERR_FILENO);
    log_write(LOG_LEVEL_INFO, "nowhere");
    dup2(saved, STDERR_FILENO);
    close(saved);
}

static void *shout(void *argument)
{
    const char *letter = argument;

    for (int i = 0; i < 50; i++) {
        log_write(LOG_LEVEL_INFO, "%s%s%s%s%s%s%s%s", letter, letter, letter, letter, letter,
                  letter, letter, letter);
    }
    return NULL;
}

static void lines_of_two_threads_do_not_mix(void **state)
{
    static char out[1 << 16];
    pthread_t threads[2];
    struct capture capture;
    int lines = 0;

    (void)state;
    begin(&capture, false);
    assert_int_equal(pthread_create(&threads[0], NULL, shout, "a"), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, shout, "b"), 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    end(&capture, out, sizeof(out));
    for (char *rest = out, *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
        assert_true(strcmp(line, "info: aaaaaaaa") == 0 || strcmp(line, "info: bbbbbbbb") == 0);
        lines++;
    }
    assert_int_equal(lines, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_level_has_its_word),
        cmocka_unit_test(the_journal_gets_priorities),
        cmocka_unit_test(a_stranger_cannot_begin_a_line),
        cmocka_unit_test(a_long_message_is_cut_and_still_one_line),
        cmocka_unit_test(a_full_pipe_or_socket_loses_the_line_and_does_not_wait),
        cmocka_unit_test(a_reader_that_went_away_kills_nobody),
        cmocka_unit_test(a_closed_standard_error_is_fine),
        cmocka_unit_test(lines_of_two_threads_do_not_mix),
    };
    unsetenv("JOURNAL_STREAM");
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
