/*
 * cache/block.h - the memory of one shard: blocks of one size, chained, and never more of them.
 *
 * An entry is a chain of blocks, so nothing fragments and the bound is exact: all memory is
 * reserved when the cache is made, and touched only when a block is first used. Internal to
 * the cache; every call is made with the shard's lock held.
 */
#ifndef CORDON_CACHE_BLOCK_H
#define CORDON_CACHE_BLOCK_H

#include "base/invariant.h"
#include "base/same.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Octets of a block: an answer with one address takes one, unless its name is long, with a
 * chain of CNAMEs four to ten; half a block is lost per entry. */
#define CACHE_BLOCK_OCTETS 128u
#define CACHE_BLOCK_DATA   (CACHE_BLOCK_OCTETS - sizeof(uint32_t))
#define CACHE_NO_BLOCK     UINT32_MAX

struct cache_block {
    uint32_t next; /* of the same entry, or in the list of free ones; CACHE_NO_BLOCK: none */
    uint8_t octets[CACHE_BLOCK_DATA];
};

enum cache_mark {
    CACHE_MARK_NONE = 0, /* free, or not the first block of its entry */
    CACHE_MARK_HEAD = 1,
    CACHE_MARK_PROVEN = 2, /* its name was asked for again; else it is on trial */
    CACHE_MARK_USE = 4,    /* hits since it was looked at for eviction: none, one, */
    CACHE_MARK_USES = 12   /* two, or more: all bits of the number */
};

struct cache_blocks {
    struct cache_block *at;
    uint8_t *marks; /* enum cache_mark, one per block */
    uint32_t count;
    uint32_t usable; /* blocks from here on may not be used now; at most count */
    uint32_t fresh;  /* blocks from here on are not used, and in no list; at most usable */
    uint32_t free;   /* first of the list of free ones */
    uint32_t in_use;
};

/* Chains count blocks (at least 1), marks the first as a head and returns its number. The
 * caller has seen to it that as many are free. */
uint32_t cache_blocks_take(struct cache_blocks *blocks, uint32_t count);
/* Returns how many those were. */
uint32_t cache_blocks_give_back(struct cache_blocks *blocks, uint32_t head);
/* True if a block of the entry lies at or behind this one. */
bool cache_blocks_reach(const struct cache_blocks *blocks, uint32_t head, uint32_t end);
/* Sets usable; no entry reaches it. The memory of blocks behind it goes back to the system. */
void cache_blocks_limit(struct cache_blocks *blocks, uint32_t usable);

/* A place in an entry's chain, for reading or writing in order. */
struct cache_stream {
    struct cache_blocks *blocks;
    uint32_t block;
    size_t at;
};

/* hot, as reading is */
static inline void cache_stream_start(struct cache_stream *stream, struct cache_blocks *blocks,
                                      uint32_t head)
{
    stream->blocks = blocks;
    stream->block = head;
    stream->at = 0;
}

/* The octets that may be used in one piece, at most len; moves the stream past them. */
static inline uint8_t *cache_stream_piece(struct cache_stream *stream, size_t len,
                                          size_t *piece)
{
    if (stream->at == CACHE_BLOCK_DATA) {
        stream->block = stream->blocks->at[stream->block].next;
        stream->at = 0;
    }
    invariant(stream->block < stream->blocks->count);
    uint8_t *octets = stream->blocks->at[stream->block].octets + stream->at;
    *piece = CACHE_BLOCK_DATA - stream->at;
    if (*piece > len) {
        *piece = len;
    }
    stream->at += *piece;
    return octets;
}

static inline void cache_stream_read(struct cache_stream *stream, void *out, size_t len)
{
    uint8_t *to = out;

    while (len > 0) {
        size_t piece;
        const uint8_t *octets = cache_stream_piece(stream, len, &piece);

        memcpy(to, octets, piece);
        to += piece;
        len -= piece;
    }
}

/* Reads len octets and says whether they are these. */
static inline bool cache_stream_equals(struct cache_stream *stream, const uint8_t *data,
                                       size_t len)
{
    bool equal = true;

    while (len > 0 && equal) {
        size_t piece;
        const uint8_t *octets = cache_stream_piece(stream, len, &piece);

        equal = same_octets(octets, data, piece);
        data += piece;
        len -= piece;
    }
    return equal;
}

void cache_stream_write(struct cache_stream *stream, const void *data, size_t len);

#endif
