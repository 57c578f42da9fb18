#include "daemon/memory.h"

#include "base/log.h"
#include "daemon/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB      (UINT64_C(1) << 20)
#define TEXT_MAX 8192u /* memory.stat has about 2 KiB */

/* The two versions of control groups name the same things differently. */
struct names {
    const char *base, *limit, *high, *usage, *inactive, *active;
};

static const struct names version1 = {
    "/sys/fs/cgroup/memory", "memory.limit_in_bytes",  NULL,
    "memory.usage_in_bytes", "\ntotal_inactive_file ", "\ntotal_active_file ",
};
static const struct names version2 = {
    "/sys/fs/cgroup", "memory.max",       "memory.high",
    "memory.current", "\ninactive_file ", "\nactive_file ",
};

/* The whole of a small file, from its start, after a newline. False: it cannot be read. */
static bool read_text(int fd, char text[TEXT_MAX])
{
    const ssize_t got = fd < 0 ? -1 : pread(fd, text + 1, TEXT_MAX - 2, 0);

    text[0] = '\n';
    text[got < 0 ? 1 : got + 1] = '\0';
    return got > 0;
}

/* "max", and the largest number that version 1 shows, are none. */
static uint64_t number_at(const char *text)
{
    char *end = NULL;

    if (text == NULL || *text < '0' || *text > '9') {
        return MEMORY_NO_LIMIT;
    }
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    return errno != 0 || value >= INT64_MAX / 4096 * 4096 ? MEMORY_NO_LIMIT : value;
}

static uint64_t read_number(int fd)
{
    char text[TEXT_MAX];

    return read_text(fd, text) ? number_at(text + 1) : MEMORY_NO_LIMIT;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int open_in(const char *folder, const char *name)
{
    char path[PATH_MAX];

    if (name == NULL || snprintf(path, sizeof(path), "%s/%s", folder, name) >= PATH_MAX) {
        return -1;
    }
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void close_files(struct memory *memory)
{
    int *const fds[] = {&memory->limit_fd, &memory->high_fd, &memory->usage_fd,
                        &memory->stat_fd};

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (*fds[i] >= 0) {
            close(*fds[i]);
        }
        *fds[i] = -1;
    }
}

/* Keeps the files of this group if its limit is tighter. */
static void consider(struct memory *memory, const char *folder, const struct names *names)
{
    struct memory here = {
        .limit_fd = open_in(folder, names->limit),
        .high_fd = open_in(folder, names->high),
        .usage_fd = open_in(folder, names->usage),
        .stat_fd = open_in(folder, "memory.stat"),
    };

    here.limit = smaller(read_number(here.limit_fd), read_number(here.high_fd));
    if (here.usage_fd < 0 || here.limit >= memory->limit) {
        close_files(&here);
        return;
    }
    close_files(memory);
    memory->limit_fd = here.limit_fd;
    memory->high_fd = here.high_fd;
    memory->usage_fd = here.usage_fd;
    memory->stat_fd = here.stat_fd;
    memory->limit = here.limit;
    memory->version2 = names == &version2;
}

/* The group of the memory controller, from a line "ID:CONTROLLERS:PATH". */
static const struct names *parse_group(char *line, const char **path)
{
    char *controllers = strchr(line, ':');
    char *at = controllers == NULL ? NULL : strchr(controllers + 1, ':');

    if (at == NULL) {
        return NULL;
    }
    *at = '\0';
    *path = at + 1;
    at[1 + strcspn(at + 1, "\n")] = '\0';
    for (char *word = strtok(controllers + 1, ","); word != NULL; word = strtok(NULL, ",")) {
        if (strcmp(word, "memory") == 0) {
            return &version1;
        }
    }
    return controllers[1] == '\0' ? &version2 : NULL;
}

/* From the group itself up to the root of what is in view: in a container the path may be one
 * of the machine's, of which only the end is there. */
static void walk(struct memory *memory, const char *root, const char *group,
                 const struct names *names)
{
    char folder[PATH_MAX];
    const size_t base = strlen(root) + strlen(names->base);

    if (snprintf(folder, sizeof(folder), "%s%s%s", root, names->base, group) >= PATH_MAX ||
        strstr(group, "/../") != NULL) {
        return;
    }
    for (size_t len = strlen(folder); len >= base; len--) {
        if (folder[len] == '\0' || folder[len] == '/') {
            folder[len] = '\0';
            consider(memory, folder, names);
        }
    }
}

/* glibc would keep twice the largest piece that was ever freed at the end of each heap, and
 * malloc_trim() leaves that of all threads but the first. A bound that is set stays. */
void memory_prepare(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, DAEMON_HEAP_END);
    (void)mallopt(M_MMAP_THRESHOLD, DAEMON_HEAP_END);
}

void memory_open(struct memory *memory, const char *root)
{
    const struct names *found = NULL;
    char path[PATH_MAX];
    char group[PATH_MAX];
    char *line = NULL;
    size_t room = 0;

    *memory = (struct memory){
        .limit_fd = -1, .high_fd = -1, .usage_fd = -1, .stat_fd = -1, .limit = MEMORY_NO_LIMIT};
    snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    while (found != &version1 && getline(&line, &room, file) > 0) {
        const char *here = NULL;
        const struct names *names = parse_group(line, &here);

        if (names != NULL && snprintf(group, sizeof(group), "%s", here) < PATH_MAX) {
            found = names;
        }
    }
    free(line);
    fclose(file);
    if (found != NULL) {
        walk(memory, root, group, found);
    }
}

void memory_close(struct memory *memory)
{
    close_files(memory);
}

bool memory_look(struct memory *memory)
{
    const struct names *names = memory->version2 ? &version2 : &version1;
    char text[TEXT_MAX];

    if (memory->usage_fd < 0) {
        return false;
    }
    memory->limit = smaller(read_number(memory->limit_fd), read_number(memory->high_fd));
    const uint64_t usage = read_number(memory->usage_fd);
    uint64_t files = 0;
    if (read_text(memory->stat_fd, text)) {
        const char *inactive = strstr(text, names->inactive);
        const char *active = strstr(text, names->active);

        files += inactive == NULL ? 0 : number_at(inactive + strlen(names->inactive));
        files += active == NULL ? 0 : number_at(active + strlen(names->active));
    }
    memory->used = usage == MEMORY_NO_LIMIT || files > usage ? 0 : usage - files;
    return memory->limit != MEMORY_NO_LIMIT;
}

/* What the process may have in all, and who says so. */
static uint64_t tightest(const struct memory *memory, const char **who)
{
    static const struct {
        __rlimit_resource_t resource;
        const char *who;
    } limits[] = {
        {RLIMIT_AS, "the limit of its address space (ulimit -v, LimitAS=)"},
        {RLIMIT_DATA, "the limit of its data (ulimit -d, LimitDATA=)"},
    };
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGESIZE);
    uint64_t least = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : MEMORY_NO_LIMIT;

    *who = "the memory of this machine";
    if (memory->limit < least) {
        least = memory->limit;
        *who = "the limit of its control group (MemoryMax= of the unit, --memory of the "
               "container)";
    }
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct rlimit limit;

        if (getrlimit(limits[i].resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
            limit.rlim_cur < least) {
            least = limit.rlim_cur;
            *who = limits[i].who;
        }
    }
    return least;
}

size_t memory_cache_size(const struct memory *memory, uint64_t configured)
{
    const char *who;
    const uint64_t half = tightest(memory, &who) / 2;

    if (configured <= half || configured <= CACHE_SIZE_MIN) {
        return (size_t)configured;
    }
    const uint64_t size = half < CACHE_SIZE_MIN ? CACHE_SIZE_MIN : half;
    log_write(LOG_LEVEL_WARNING,
              "cache.size is %" PRIu64 " MiB, which is more than half of %s, %" PRIu64
              " MiB: the cache takes %" PRIu64 " MiB. Set cache.size lower, or that higher",
              configured / MIB, who, 2 * half / MIB, size / MIB);
    return (size_t)size;
}

size_t memory_ring_size(const struct memory *memory, unsigned rings)
{
    const char *who;
    const uint64_t part = tightest(memory, &who) / DAEMON_RINGS_PART;
    size_t size = DAEMON_RING_OCTETS;

    while (size > DAEMON_RING_LEAST && (uint64_t)size * rings > part) {
        size /= 2;
    }
    return size;
}

size_t memory_step(uint64_t used, uint64_t limit, size_t now, size_t full)
{
    if (used > limit - limit / 10) {
        return now / 2 > CACHE_SIZE_MIN ? now / 2 : CACHE_SIZE_MIN;
    }
    if (used < limit - limit / 4 && now < full) {
        const size_t more = now + full / 16;

        return more < full ? more : full;
    }
    return now;
}

static void on_look(uv_timer_t *timer)
{
    struct memory *memory = timer->data;

    if (!memory_look(memory)) {
        memory->used = 0; /* the limit was taken away */
    }
    const size_t now = memory->now;
    const size_t next = memory_step(memory->used, memory->limit, now, memory->full);
    if (next == now) {
        return;
    }
    if (next < now && now == memory->full) {
        log_write(LOG_LEVEL_WARNING,
                  "memory is short: %" PRIu64 " of %" PRIu64
                  " MiB of the control group are in use. The cache gives way, from %zu to "
                  "%zu MiB. Give it more (MemoryMax= of the unit, --memory of the container), "
                  "or set cache.size lower",
                  memory->used / MIB, memory->limit / MIB, now / (size_t)MIB,
                  next / (size_t)MIB);
    } else if (next == memory->full) {
        log_write(LOG_LEVEL_INFO, "memory is there again: the cache may hold %zu MiB as before",
                  next / (size_t)MIB);
    }
    cache_limit(memory->cache, next);
    memory->now = next;
}

void memory_start(struct memory *memory, uv_loop_t *loop, struct cache *cache)
{
    struct cache_stats stats;

    cache_stats(cache, &stats);
    memory->cache = cache;
    memory->full = stats.size;
    memory->now = stats.size;
    if (memory_look(memory)) {
        uv_timer_init(loop, &memory->timer);
        memory->timer.data = memory;
        uv_timer_start(&memory->timer, on_look, DAEMON_MEMORY_LOOK_MS, DAEMON_MEMORY_LOOK_MS);
        memory->watching = true;
    }
}

void memory_stop(struct memory *memory)
{
    if (memory->watching) {
        memory->watching = false;
        uv_close((uv_handle_t *)&memory->timer, NULL);
    }
}
