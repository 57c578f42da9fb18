/* base/pages: memory in one piece of its own, and what goes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pages.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The signal that ends a process which touches this; 0: none does. */
static int touch(volatile uint8_t *at)
{
    const struct rlimit none = {0, 0};
    int status = 0;
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)setrlimit(RLIMIT_CORE, &none);
        signal(SIGSEGV, SIG_DFL); /* not a sanitizer's */
        *at = 1;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static size_t resident(uint8_t *from, size_t pages, size_t page)
{
    unsigned char there[64];
    size_t count = 0;

    assert_int_equal(mincore(from, pages * page, there), 0);
    for (size_t i = 0; i < pages; i++) {
        count += there[i] & 1u;
    }
    return count;
}

static void a_step_too_far_ends_the_process(void **state)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t sizes[] = {1, page - 1, page, page + 1, 64 * page};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *at = pages_take(sizes[i]);
        const size_t whole = (sizes[i] + page - 1) / page * page;

        assert_non_null(at);
        assert_int_equal((uintptr_t)at % page, 0);
        assert_int_equal(at[0], 0);
        assert_int_equal(at[sizes[i] - 1], 0);
        assert_int_equal(touch(at), 0);
        assert_int_equal(touch(at + sizes[i] - 1), 0);
        assert_int_equal(touch(at - 1), SIGSEGV);
        assert_int_equal(touch(at + whole), SIGSEGV);
        pages_release(at, sizes[i]);
        assert_int_equal(touch(at), SIGSEGV); /* all of it has gone */
    }
    pages_release(NULL, 1);
}

static void what_there_is_not_is_not_had(void **state)
{
    (void)state;
    assert_null(pages_take(0));
    assert_null(pages_take(SIZE_MAX));
    assert_null(pages_take(SIZE_MAX / 2));
}

static void pages_come_when_they_are_touched_and_go_back(void **state)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *at = pages_take(32 * page);

    (void)state;
    assert_non_null(at);
    assert_int_equal(resident(at, 32, page), 0);
    memset(at, 0x5a, 32 * page);
    assert_int_equal(resident(at, 32, page), 32);
    pages_give_back(at + 1, 16 * page); /* whole pages alone: 1 to 15 */
    assert_int_equal(resident(at, 32, page), 17);
    assert_int_equal(at[page - 1], 0x5a);
    assert_int_equal(at[page], 0);
    assert_int_equal(at[16 * page], 0x5a);
    pages_release(at, 32 * page);
}

/* Joined or not, by the system it runs on: what is there stays, at the ends as well. */
static void nothing_is_lost_by_large_pages(void **state)
{
    const size_t len = 3 * PAGES_LARGE - 1000;
    const int file = memfd_create("pages", MFD_CLOEXEC);
    uint8_t *from = mmap(NULL, 4 * PAGES_LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(from != MAP_FAILED && file >= 0);
    assert_int_equal(ftruncate(file, (off_t)len), 0);
    uint8_t *at = mmap(from + (PAGES_LARGE - (uintptr_t)from % PAGES_LARGE) % PAGES_LARGE, len,
                       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
    assert_true(at != MAP_FAILED);
    for (size_t i = 0; i < len; i += 1000) {
        at[i] = (uint8_t)(i / 1000);
    }
    pages_make_large(at, len);
    for (size_t i = 0; i < len; i += 1000) {
        assert_int_equal(at[i], (uint8_t)(i / 1000));
        assert_int_equal(at[i + 1], 0);
    }
    pages_make_large(at, PAGES_LARGE - 1); /* none that is whole */
    assert_int_equal(at[1000], 1);
    munmap(from, 4 * PAGES_LARGE);
    close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_too_far_ends_the_process),
        cmocka_unit_test(what_there_is_not_is_not_had),
        cmocka_unit_test(pages_come_when_they_are_touched_and_go_back),
        cmocka_unit_test(nothing_is_lost_by_large_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
