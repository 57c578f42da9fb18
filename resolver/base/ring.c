#include "base/ring.h"

#include "base/invariant.h"
#include "base/pages.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * Octets are counted from the start of time: tail is how many were ever committed, head how
 * many ever released; the place of a count is its low bits. A record is one word (its length)
 * and its octets, rounded up to words. A record never wraps: where the end of the ring is too
 * near, a skip word says how far it is, and the record begins at place 0. A skip is committed
 * together with the record behind it, so the consumer never sees one alone.
 *
 * tail is stored with release and loaded with acquire, so that the consumer sees the octets of
 * what was committed; head likewise, so that the producer does not overwrite what is still
 * being read. Each side keeps a copy of the other's count and loads it again only when the
 * copy is not enough.
 *
 * An empty ring goes on at its beginning, so that it touches as much memory as there was in it
 * at once, not all that it has: place 0 is that of `base`, which the producer moves where head
 * and tail are the same. The consumer reads base only between a tail that it has loaded
 * (acquire) and the head by which it gives up what that tail brought (release). So a base that
 * was moved before is seen with that tail; and while head is behind tail nobody moves it. That
 * the ring is empty the consumer says once it sees it, on a line of its own, since that of head
 * changes with each record: it would cost the producer more than the record.
 */

#define RING_SIZE_MIN 4096
#define LINE          64
#define WORD          sizeof(uint64_t)
#define SKIP          (UINT64_C(1) << 63) /* in a record's word: the rest is a distance */

struct ring {
    /* The producer's cache line. */
    _Alignas(LINE) _Atomic uint64_t tail;
    uint64_t seen_head;
    size_t touched; /* octets from place 0 on, at most, that had memory when base was moved */
    uint64_t *word; /* of the reservation; NULL: there is none */
    uint64_t begin; /* the count behind that word */
    size_t reserved;

    /* The consumer's. */
    _Alignas(LINE) _Atomic uint64_t head;
    uint64_t seen_tail;
    size_t peeked; /* octets that ring_release will free; 0: nothing is borrowed */

    /* The consumer's, rarely written: head, when the consumer saw last that there was no more.
     */
    _Alignas(LINE) _Atomic uint64_t emptied;

    /* Set once, but for base, read by both. */
    _Alignas(LINE) uint64_t *words;
    uint64_t base; /* the count of place 0: a multiple of words */
    size_t size;
};

struct ring *ring_create(size_t size)
{
    size_t rounded = RING_SIZE_MIN;

    while (rounded < size) {
        if (rounded > SIZE_MAX / 4) {
            return NULL;
        }
        rounded *= 2;
    }
    struct ring *ring = aligned_alloc(LINE, sizeof(*ring));
    uint64_t *words = aligned_alloc(LINE, rounded);
    if (ring == NULL || words == NULL) {
        free(ring);
        free(words);
        return NULL;
    }
    *ring = (struct ring){.words = words, .size = rounded};
    atomic_init(&ring->tail, 0);
    atomic_init(&ring->head, 0);
    atomic_init(&ring->emptied, 0);
    return ring;
}

void ring_destroy(struct ring *ring)
{
    if (ring != NULL) {
        free(ring->words);
        free(ring);
    }
}

static size_t place_of(const struct ring *ring, uint64_t count)
{
    return (size_t)((count - ring->base) & (ring->size - 1));
}

static uint64_t *word_at(const struct ring *ring, uint64_t count)
{
    return &ring->words[place_of(ring, count) / WORD];
}

static size_t rounded_up(size_t len)
{
    return (len + WORD - 1) & ~(WORD - 1);
}

/* Producer: true if need octets are free behind tail. */
static bool has_room(struct ring *ring, uint64_t tail, size_t need)
{
    if (ring->size - (tail - ring->seen_head) >= need) {
        return true;
    }
    ring->seen_head = atomic_load_explicit(&ring->head, memory_order_acquire);
    return ring->size - (tail - ring->seen_head) >= need;
}

/* Producer: octets from place 0 on, at most, that have memory. */
static size_t touched(const struct ring *ring, uint64_t tail)
{
    const uint64_t since = tail - ring->base;
    const size_t most = since < ring->size ? (size_t)since : ring->size;

    return most > ring->touched ? most : ring->touched;
}

/* Producer: the next record stands at place 0. There is none. */
static void begin_anew(struct ring *ring, uint64_t tail)
{
    ring->touched = touched(ring, tail);
    ring->base = tail;
    ring->seen_head = tail;
}

/* hot */
void *ring_reserve(struct ring *ring, size_t len)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    invariant(ring->word == NULL);
    if (len > ring->size / 4) {
        return NULL;
    }
    if (atomic_load_explicit(&ring->emptied, memory_order_acquire) == tail &&
        ring->base != tail) {
        begin_anew(ring, tail);
    }
    uint64_t *word = word_at(ring, tail);
    const size_t to_end = ring->size - place_of(ring, tail);
    const size_t need = WORD + rounded_up(len);
    const size_t skip = to_end < need ? to_end : 0;
    if (!has_room(ring, tail, skip + need)) {
        return NULL;
    }
    if (skip > 0) { /* nobody sees it before the record */
        *word = SKIP | skip;
        word = ring->words;
        tail += skip;
    }
    ring->word = word;
    ring->begin = tail + WORD;
    ring->reserved = len;
    return word + 1;
}

/* hot */
void ring_commit(struct ring *ring, size_t len)
{
    uint64_t *const word = ring->word;

    invariant(word != NULL && len <= ring->reserved);
    ring->word = NULL;
    *word = len;
    atomic_store_explicit(&ring->tail, ring->begin + rounded_up(len), memory_order_release);
}

bool ring_has_room(struct ring *ring, size_t len, unsigned count)
{
    const uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    /* One more: the end of the ring may be left out. */
    return has_room(ring, tail, (count + 1u) * (WORD + rounded_up(len)));
}

uint64_t ring_written(const struct ring *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_relaxed);
}

/* Producer. Places from on to end, where the consumer reads nothing. */
static void forget(struct ring *ring, size_t from, size_t end)
{
    if (from < end) {
        pages_give_back((uint8_t *)ring->words + from, end - from);
    }
}

void ring_trim(struct ring *ring)
{
    const uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    if (ring->word != NULL) {
        return;
    }
    ring->seen_head = atomic_load_explicit(&ring->head, memory_order_acquire);
    const size_t most = touched(ring, tail);
    const size_t first = place_of(ring, ring->seen_head);
    const size_t end = place_of(ring, tail);
    if (ring->seen_head == tail) {
        begin_anew(ring, tail);
        forget(ring, 0, most);
        ring->touched = 0;
    } else if (first < end) {
        forget(ring, 0, first);
        forget(ring, end, most);
        ring->touched = end;
    } else {
        forget(ring, end, first);
    }
}

const void *ring_peek(struct ring *ring, size_t *len)
{
    const uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    size_t skip = 0;

    if (ring->seen_tail == head) {
        ring->seen_tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (ring->seen_tail == head) {
            if (atomic_load_explicit(&ring->emptied, memory_order_relaxed) != head) {
                atomic_store_explicit(&ring->emptied, head, memory_order_release);
            }
            return NULL;
        }
    }
    const uint64_t first = *word_at(ring, head);
    if ((first & SKIP) != 0) {
        skip = (size_t)(first & ~SKIP);
    }
    const uint64_t *record = word_at(ring, head + skip);
    *len = (size_t)*record;
    ring->peeked = skip + WORD + rounded_up(*len);
    return record + 1;
}

const void *ring_peek_behind(const struct ring *ring, const void *record, size_t *len)
{
    const uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    const uint64_t *word = (const uint64_t *)record - 1;
    const size_t end = (size_t)(word - ring->words) * WORD + WORD + rounded_up((size_t)*word);
    uint64_t count = head + ((end - place_of(ring, head)) & (ring->size - 1));

    if (count == head ||
        count >= ring->seen_tail) { /* a full ring has an end where it begins */
        return NULL;
    }
    word = word_at(ring, count);
    if ((*word & SKIP) != 0) {
        count += *word & ~SKIP;
        word = word_at(ring, count);
    }
    *len = (size_t)*word;
    return word + 1;
}

void ring_release(struct ring *ring)
{
    const uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

    invariant(ring->peeked > 0);
    atomic_store_explicit(&ring->head, head + ring->peeked, memory_order_release);
    ring->peeked = 0;
}

size_t ring_used(const struct ring *ring)
{
    /* head first: it can only have grown since, so the difference is never negative; but tail
     * may have gone round meanwhile. */
    const uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    const uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    const uint64_t used = tail - head;

    return used > ring->size ? ring->size : (size_t)used;
}

size_t ring_size(const struct ring *ring)
{
    return ring->size;
}
