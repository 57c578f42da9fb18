/* base/thread: a thread has its name and takes no signal; whoever starts it takes them as
 * before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/thread.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>

struct seen {
    char name[16];
    sigset_t mask;
};

static void *look(void *context)
{
    struct seen *seen = context;

    (void)pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
    (void)pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
    return NULL;
}

static void a_thread_takes_no_signal(void **state)
{
    struct seen seen = {.name = ""};
    sigset_t before, after;
    pthread_t thread;

    (void)state;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(thread_start(&thread, NULL, look, &seen), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&seen.mask, SIGTERM), 1);
    assert_int_equal(sigismember(&seen.mask, SIGPIPE), 1);
    assert_int_equal(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
    assert_int_equal(sigismember(&after, SIGPIPE), sigismember(&before, SIGPIPE));
}

static void a_name_is_cut_to_what_the_system_shows(void **state)
{
    struct seen seen = {.name = ""};
    pthread_t thread;

    (void)state;
    assert_int_equal(thread_start(&thread, "a name of 20 octets.", look, &seen), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(seen.name, "a name of 20 oc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_takes_no_signal),
        cmocka_unit_test(a_name_is_cut_to_what_the_system_shows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
