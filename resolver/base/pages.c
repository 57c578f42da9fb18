#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1; the C library is older */
#endif

/* Of len octets and those in front and behind. */
static size_t with_ends(size_t len, size_t page)
{
    return ((len + page - 1) & ~(page - 1)) + 2 * page;
}

void *pages_take(size_t len)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (len == 0 || len > SIZE_MAX - 4 * page) {
        return NULL;
    }
    const size_t all = with_ends(len, page);
    uint8_t *at = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        return NULL;
    }
    if (mprotect(at + page, all - 2 * page, PROT_READ | PROT_WRITE) != 0) {
        munmap(at, all);
        return NULL;
    }
    return at + page;
}

void pages_release(void *from, size_t len)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (from != NULL) {
        munmap((uint8_t *)from - page, with_ends(len, page));
    }
}

void pages_give_back(void *from, size_t len)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t start = ((uintptr_t)from + page - 1) & ~(page - 1);
    const uintptr_t end = ((uintptr_t)from + len) & ~(page - 1);

    if (end > start) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr) */
        (void)madvise((void *)start, end - start, MADV_DONTNEED);
    }
}

void pages_make_large(void *from, size_t len)
{
    volatile uint8_t *octets = from;
    const size_t whole = len - len % PAGES_LARGE;

    if (whole == 0) {
        return;
    }
    /* Pages are joined where one of them is there. One alone is the cheapest: the system clears
     * the large page, and copies 4 KiB instead of all of it. */
    for (size_t at = 0; at < whole; at += PAGES_LARGE) {
        octets[at] = octets[at];
    }
    (void)madvise(from, whole, MADV_COLLAPSE);
}
