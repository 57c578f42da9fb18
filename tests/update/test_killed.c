/* update/store: whoever is killed, at any system call, leaves a set in force that is whole, and
 * the next run goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "update/runs.h"

#include <signal.h>
#include <sys/ptrace.h>

/* A call stops twice, before and after it. The last of a run, from before the ratchet to behind
 * the link, are taken one by one; of those before, which only fill folders that nobody reads,
 * one of so many. */
#define LAST_STOPS 150u
#define STRIDE     60u

/* Lets a run go up to its nth stop at a system call and kills it there. Returns the stops that
 * it made.
 */
static unsigned killed_at_call(struct runs *runs, unsigned n)
{
    int status = 0;
    unsigned stops = 0;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0) {
            _exit(99);
        }
        _exit(runs_run(runs) == UPDATE_ACTIVATED ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSTOPPED(status)); /* else this machine forbids to trace one's own child */
    for (; stops < n; stops++) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            return stops;
        }
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return stops;
}

/* The store as it is with the first version in force. */
static void begin_again(struct runs *runs)
{
    if (access("store", F_OK) == 0) {
        assert_int_equal(nftw("store", workshop_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
    }
    runs_sources(runs, "first", NULL);
    assert_int_equal(runs_run(runs), UPDATE_ACTIVATED);
    runs_sources(runs, "second", NULL);
}

static void killed_at_any_system_call_what_is_in_force_is_whole(void **state)
{
    struct runs runs;
    unsigned old = 0;
    unsigned new = 0;

    (void)state;
    runs_open(&runs);
    runs_publish(&runs, "first", 1, "one", "first", "two", "same", NULL);
    runs_publish(&runs, "second", 2, "one", "second", "two", "same", NULL);
    begin_again(&runs);
    const unsigned stops = killed_at_call(&runs, UINT32_MAX);
    assert_int_equal(runs_in_force(), 2);
    for (unsigned n = 1; n < stops; n += n + LAST_STOPS < stops ? STRIDE : 2) {
        begin_again(&runs);
        if (killed_at_call(&runs, n) < n) {
            break; /* it needed fewer than the first */
        }
        const uint32_t serial = runs_in_force();

        assert_true(serial == 1 || serial == 2);
        assert_true(serial == 1 || runs_accepted() == 2); /* remembered before it is in force */
        old += serial == 1;
        new += serial == 2;
        const enum update_outcome next = runs_run(&runs);
        assert_true(next == (serial == 1 ? UPDATE_ACTIVATED : UPDATE_SAME));
        assert_int_equal(runs_in_force(), 2);
    }
    assert_true(old > 20 && new > 5);
    runs_close(&runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(killed_at_any_system_call_what_is_in_force_is_whole),
    };

    return cmocka_run_group_tests(tests, runs_library, NULL);
}
