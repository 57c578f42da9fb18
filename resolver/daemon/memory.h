/*
 * daemon/memory.h - the memory that the system grants, and the cache, which gives way.
 *
 * All that cordond needs is taken at the start or has a bound of its own; the cache is the one
 * large thing that can do with less. At the start it takes at most half of what the process
 * may have. While a control group has a limit, its use is looked at once a second: above nine
 * tenths the cache halves, below three quarters it grows again, step by step.
 *
 * The files of the control group are opened at the start, before Landlock hides them.
 */
#ifndef CORDON_DAEMON_MEMORY_H
#define CORDON_DAEMON_MEMORY_H

#include "cache/cache.h"

#include <uv.h>

#define MEMORY_NO_LIMIT UINT64_MAX

struct memory {
    /* Of the group with the tightest limit, ours or one around it; -1: there is none. */
    int limit_fd, high_fd, usage_fd, stat_fd;
    bool version2;  /* of control groups */
    uint64_t limit; /* octets, when last looked at; MEMORY_NO_LIMIT: none */
    uint64_t used;  /* the same; without pages of files, which the kernel takes back itself */
    struct cache *cache;
    size_t full, now; /* octets that the cache may hold at best, and does now */
    uv_timer_t timer;
    bool watching;
};

/* What is freed at the end of a heap goes back to the system at once, in every thread; large
 * pieces are by themselves, and go back whole. Before there is a second thread. */
void memory_prepare(void);

/* root: "" but for tests, in front of /proc and /sys. What is not there is no limit. */
void memory_open(struct memory *memory, const char *root);
void memory_close(struct memory *memory);

/* Reads the use and the limit anew. False: there is no group with a limit. */
bool memory_look(struct memory *memory);

/* The size for the cache: what is configured, or less, with a line in the log. */
size_t memory_cache_size(const struct memory *memory, uint64_t configured);

/* Octets for each of so many rings of events. */
size_t memory_ring_size(const struct memory *memory, unsigned rings);

/* What the cache may hold next, of full, as it holds now. */
size_t memory_step(uint64_t used, uint64_t limit, size_t now, size_t full);

/* Looks once a second from here on, if there is a group with a limit. */
void memory_start(struct memory *memory, uv_loop_t *loop, struct cache *cache);
void memory_stop(struct memory *memory); /* closes the handle */

#endif
