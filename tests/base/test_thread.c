/* base/thread: a thread has its name and takes no signal; whoever starts it takes them as
 * before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
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

static void *wait_for_lock(void *context)
{
    pthread_mutex_lock(context);
    pthread_mutex_unlock(context);
    return NULL;
}

/* By the clock that nobody sets: times of the other one would have been over for years. */
static void a_wait_has_an_end(void **state)
{
    const uint64_t minute_us = UINT64_C(60000000);
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_t thread;

    (void)state;
    assert_true(thread_lock_until(&mutex, clock_read().mono_us + minute_us));
    assert_false(thread_lock_until(&mutex, clock_read().mono_us + 1000));
    assert_int_equal(thread_start(&thread, NULL, wait_for_lock, &mutex), 0);
    assert_false(thread_join_until(thread, clock_read().mono_us + 1000));
    pthread_mutex_unlock(&mutex);
    assert_true(thread_join_until(thread, clock_read().mono_us + minute_us));
    pthread_mutex_destroy(&mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_takes_no_signal),
        cmocka_unit_test(a_name_is_cut_to_what_the_system_shows),
        cmocka_unit_test(a_wait_has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
