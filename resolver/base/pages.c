#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

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
