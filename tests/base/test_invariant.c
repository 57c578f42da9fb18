/* base/invariant: a broken promise ends the program and says where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/invariant.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_kept_promise_costs_nothing(void **state)
{
    int evaluated = 0;

    (void)state;
    invariant(++evaluated == 1);
    assert_int_equal(evaluated, 1);
}

static void a_broken_promise_aborts_with_file_and_line(void **state)
{
    char out[512] = "";
    char expected[64];
    int ends[2];
    int status = 0;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    const int line = __LINE__ + 6;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        invariant(child == 1);
        _exit(0);
    }
    close(ends[1]);
    assert_true(read(ends[0], out, sizeof(out) - 1) > 0);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    snprintf(expected, sizeof(expected), "test_invariant.c:%d: broken invariant: child == 1\n",
             line);
    assert_non_null(strstr(out, expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kept_promise_costs_nothing),
        cmocka_unit_test(a_broken_promise_aborts_with_file_and_line),
    };
    return cmocka_run_group_tests_name("base/invariant", tests, NULL, NULL);
}
