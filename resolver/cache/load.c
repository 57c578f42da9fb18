/* Reading back what was written down (saved.h): once over all of it, then storing. */
#include "base/invariant.h"
#include "cache/inside.h"
#include "cache/saved_inside.h"
#include "wire/message.h"

#include <string.h>

struct row {
    struct wire_name name;
    struct cache_key key;
    bool proven;
    uint32_t ttl_s;
    size_t len; /* of the message, which is a copy */
    const uint8_t *message;
};

static uint64_t get64(const uint8_t *at)
{
    return (uint64_t)wire_get32(at) << 32 | wire_get32(at + 4);
}

/* An answer to exactly this question. */
static bool is_answer_to(const struct row *row)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    int more;

    if (wire_message_open(row->message, row->len, &message) != WIRE_OK ||
        message.counts[0] != 1 || (message.flags & WIRE_FLAG_QR) == 0 ||
        message.type != row->key.type || message.class != WIRE_IN ||
        !wire_name_equal(&message.name, &row->name)) {
        return false;
    }
    wire_cursor_start(&cursor, &message);
    while ((more = wire_cursor_next(&cursor, &record)) > 0) {
    }
    return more == 0;
}

/* Reads the row at *at, of which there is one. False: it is none that cache_save() writes. */
static bool read_row(const uint8_t *octets, size_t end, size_t *at, struct row *row)
{
    const uint8_t *head = octets + *at;
    size_t used = 0;

    if (end - *at < SAVED_ROW_OCTETS || head[0] != 1 || (head[1] & ~SAVED_FLAGS) != 0) {
        return false;
    }
    const size_t name_len = head[10];
    row->len = wire_get16(head + 11);
    row->ttl_s = wire_get32(head + 6);
    row->proven = (head[1] & SAVED_PROVEN) != 0;
    row->key =
        (struct cache_key){.name = &row->name,
                           .type = wire_get16(head + 2),
                           .context = wire_get16(head + 4),
                           .dnssec_ok = (head[1] & SAVED_DNSSEC_OK) != 0,
                           .checking_disabled = (head[1] & SAVED_CHECKING_DISABLED) != 0};
    if (end - *at - SAVED_ROW_OCTETS < name_len + row->len || row->ttl_s == 0) {
        return false;
    }
    const uint8_t *name = head + SAVED_ROW_OCTETS;
    row->message = name + name_len;
    *at += SAVED_ROW_OCTETS + name_len + row->len;
    return wire_name_read(name, name_len, &used, &row->name) == WIRE_OK && used == name_len &&
           row->name.len == name_len && memcmp(row->name.octets, name, name_len) == 0;
}

/* Everything but what the messages say. */
static enum cache_load_result check(const uint8_t *octets, size_t len,
                                    const struct cache_loading *loading, uint64_t *age_s)
{
    const uint64_t now_s = loading->now.wall_us / 1000000;
    uint8_t digest[DIGEST_OCTETS];

    if (len < SAVED_MAGIC_OCTETS || memcmp(octets, SAVED_KIND, SAVED_KIND_OCTETS) != 0) {
        return CACHE_LOAD_FOREIGN;
    }
    if (memcmp(octets, SAVED_MAGIC, SAVED_MAGIC_OCTETS) != 0) {
        return CACHE_LOAD_NEWER;
    }
    if (len < SAVED_HEAD_OCTETS + SAVED_TAIL_OCTETS) {
        return CACHE_LOAD_DAMAGED;
    }
    digest_of(octets, len - DIGEST_OCTETS, NULL, digest);
    if (!digest_equal(digest, octets + len - DIGEST_OCTETS)) {
        return CACHE_LOAD_DAMAGED;
    }
    const uint64_t then_s = get64(octets + SAVED_MAGIC_OCTETS);
    if (then_s > now_s) {
        return CACHE_LOAD_CLOCK;
    }
    *age_s = now_s - then_s + 2; /* neither is a whole second: never younger than it is */
    return digest_equal(octets + SAVED_MAGIC_OCTETS + 8, loading->meaning) ? CACHE_LOAD_OK
                                                                           : CACHE_LOAD_OTHER;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Lowers its TTLs, to no more than most_s; those of OPT are no time. */
static void age(uint8_t *octets, size_t len, uint32_t age_s, uint32_t most_s)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;

    invariant(wire_message_open(octets, len, &message) == WIRE_OK);
    wire_cursor_start(&cursor, &message);
    while (wire_cursor_next(&cursor, &record) > 0) {
        if (record.type != WIRE_OPT) {
            const uint32_t ttl_s = wire_get32(octets + record.ttl_at);

            wire_put32(octets + record.ttl_at,
                       ttl_s > age_s ? least(ttl_s - age_s, most_s) : 0);
        }
    }
}

static void store(struct cache *cache, const struct row *row, uint64_t age_s,
                  const struct cache_loading *loading, struct cache_loaded *loaded)
{
    uint8_t octets[WIRE_MESSAGE_MAX];
    const uint32_t ttl_s = least(row->ttl_s, loading->ttl_max_s);

    if (age_s >= ttl_s) {
        loaded->passed++;
        return;
    }
    const struct cache_entry entry = {.kind = CACHE_ANSWER,
                                      .ede = WIRE_EDE_NONE,
                                      .len = row->len,
                                      .ttl_s = ttl_s - (uint32_t)age_s};
    memcpy(octets, row->message, row->len);
    age(octets, row->len, (uint32_t)age_s, loading->ttl_max_s);
    if (cache_offer(cache, &row->key, loading->now.mono_us, octets, &entry, row->proven,
                    loading->forgets)) {
        loaded->stored++;
    } else {
        loaded->passed++;
    }
}

enum cache_load_result cache_load(struct cache *cache, const uint8_t *octets, size_t len,
                                  const struct cache_loading *loading,
                                  struct cache_loaded *loaded)
{
    uint64_t count = 0;
    uint64_t age_s = 0;
    size_t at = SAVED_HEAD_OCTETS;
    struct row row;

    *loaded = (struct cache_loaded){0};
    const enum cache_load_result result = check(octets, len, loading, &age_s);
    loaded->age_s = age_s;
    if (result != CACHE_LOAD_OK) {
        return result;
    }
    const size_t end = len - SAVED_TAIL_OCTETS;
    for (; at < end; count++) {
        if (!read_row(octets, end, &at, &row) || !is_answer_to(&row)) {
            return CACHE_LOAD_DAMAGED;
        }
    }
    if (octets[end] != 0 || get64(octets + end + 1) != count) {
        return CACHE_LOAD_DAMAGED;
    }
    for (at = SAVED_HEAD_OCTETS; at < end;) {
        invariant(read_row(octets, end, &at, &row)); /* it was a moment ago */
        store(cache, &row, age_s, loading, loaded);
    }
    return CACHE_LOAD_OK;
}

const char *cache_load_words(enum cache_load_result result)
{
    static const char *const words[] = {
        [CACHE_LOAD_OK] = "is fine",
        [CACHE_LOAD_FOREIGN] = "is no saved cache",
        [CACHE_LOAD_NEWER] = "is of another format, as of a newer version",
        [CACHE_LOAD_OTHER] = "is of other upstreams than those of now",
        [CACHE_LOAD_CLOCK] = "was written later than now: a clock was set back",
        [CACHE_LOAD_DAMAGED] = "is damaged",
    };

    return words[result];
}
