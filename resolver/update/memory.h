/*
 * update/memory.h - what is remembered of sources from one run to the next:
 * PUBLISHER/sources.json.
 *
 * It saves time and traffic and decides nothing about what counts: a file that is damaged or
 * gone is as one that was never written.
 */
#ifndef CORDON_UPDATE_MEMORY_H
#define CORDON_UPDATE_MEMORY_H

#include "base/random.h"
#include "config/config.h"
#include "trust/root.h"
#include "update/limits.h"

/* Of one source. */
struct update_known {
    uint64_t tried_s, answered_s; /* wall clock; 0: never */
    unsigned failures;            /* since it answered */
    uint64_t last_until_s;        /* it comes last until then; 0: it does not */
    char why[UPDATE_WHY_MAX];     /* what was wrong; "" */
    /* What it said with the catalogue of this hash. "": nothing. */
    char etag[UPDATE_VALIDATOR_MAX], modified[UPDATE_VALIDATOR_MAX];
    uint8_t hash[TRUST_HASH_OCTETS];
};

struct update_memory {
    struct update_known at[CONFIG_SOURCES_MAX]; /* in the order of the sources */
};

void update_memory_read(const char *path, const struct config_sources *sources,
                        struct update_memory *memory);
/* The same for the text of the file: for fuzzing and tests. */
void update_memory_parse(const char *text, size_t len, const struct config_sources *sources,
                         struct update_memory *memory);
/* 0 or -errno. */
int update_memory_write(const char *path, const struct config_sources *sources,
                        const struct update_memory *memory);

/* It answered: it is as one that never failed. */
void update_known_answered(struct update_known *known, uint64_t now_s);
/* It did not, or what it sent was refused. retry_after_s: what it asked for itself; 0. */
void update_known_failed(struct update_known *known, uint64_t now_s, uint64_t retry_after_s,
                         const char *why, struct random *random);

/* In which order sources are asked: that of the configuration, but those that are to come last
 * now. */
void update_memory_order(const struct update_memory *memory, size_t count, uint64_t now_s,
                         size_t order[CONFIG_SOURCES_MAX]);

#endif
