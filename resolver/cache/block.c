#include "cache/block.h"

#include "base/invariant.h"
#include "base/pages.h"

#include <string.h>

uint32_t cache_blocks_take(struct cache_blocks *blocks, uint32_t count)
{
    uint32_t head = CACHE_NO_BLOCK;

    invariant(count > 0 && count <= blocks->usable - blocks->in_use);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = blocks->free;

        if (index != CACHE_NO_BLOCK) {
            blocks->free = blocks->at[index].next;
        } else {
            index = blocks->fresh++;
        }
        blocks->at[index].next = head; /* the chain grows at its front: the last is the head */
        blocks->marks[index] = CACHE_MARK_NONE;
        head = index;
    }
    blocks->in_use += count;
    blocks->marks[head] = CACHE_MARK_HEAD;
    return head;
}

uint32_t cache_blocks_give_back(struct cache_blocks *blocks, uint32_t head)
{
    uint32_t count = 0;

    invariant(blocks->marks[head] != CACHE_MARK_NONE);
    blocks->marks[head] = CACHE_MARK_NONE;
    for (uint32_t index = head; index != CACHE_NO_BLOCK;) {
        struct cache_block *block = &blocks->at[index];
        const uint32_t next = block->next;

        block->next = blocks->free;
        blocks->free = index;
        index = next;
        count++;
    }
    blocks->in_use -= count;
    return count;
}

bool cache_blocks_reach(const struct cache_blocks *blocks, uint32_t head, uint32_t end)
{
    uint32_t index = head;

    while (index != CACHE_NO_BLOCK && index < end) {
        index = blocks->at[index].next;
    }
    return index != CACHE_NO_BLOCK;
}

void cache_blocks_limit(struct cache_blocks *blocks, uint32_t usable)
{
    uint32_t kept = CACHE_NO_BLOCK;

    for (uint32_t index = blocks->free; index != CACHE_NO_BLOCK;) {
        const uint32_t next = blocks->at[index].next;

        if (index < usable) {
            blocks->at[index].next = kept;
            kept = index;
        }
        index = next;
    }
    blocks->free = kept;
    if (blocks->fresh > usable) {
        blocks->fresh = usable;
    }
    if (usable < blocks->usable) {
        pages_give_back(blocks->at + usable,
                        (blocks->usable - usable) * sizeof(struct cache_block));
    }
    blocks->usable = usable;
}

void cache_stream_write(struct cache_stream *stream, const void *data, size_t len)
{
    const uint8_t *from = data;

    while (len > 0) {
        size_t piece;
        uint8_t *octets = cache_stream_piece(stream, len, &piece);

        memcpy(octets, from, piece);
        from += piece;
        len -= piece;
    }
}
