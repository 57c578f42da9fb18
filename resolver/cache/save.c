/* Writing the cache down (saved.h). */
#include "cache/inside.h"
#include "cache/saved_inside.h"

#include <string.h>

struct saver {
    const struct cache_saving *saving;
    struct cache_saved *saved;
    struct digest digest;
    uint64_t young_s; /* whole seconds since what was stored may be kept; 0: nothing may */
    int rc;
};

static void put64(uint8_t *at, uint64_t value)
{
    wire_put32(at, (uint32_t)(value >> 32));
    wire_put32(at + 4, (uint32_t)value);
}

static void add(struct saver *saver, const void *octets, size_t len)
{
    if (saver->rc == 0) {
        digest_add(&saver->digest, octets, len);
        saver->rc = saver->saving->write(saver->saving->context, octets, len);
        saver->saved->octets += len;
    }
}

static bool see(void *context, const struct cache_seen *seen)
{
    struct saver *saver = context;
    uint8_t row[SAVED_ROW_OCTETS];
    const size_t len = sizeof(row) + seen->name.len + seen->entry.len;

    if (seen->entry.kind == CACHE_FAILURE || seen->entry.stale ||
        seen->entry.age_s >= saver->young_s ||
        saver->saved->octets + len + SAVED_TAIL_OCTETS > saver->saving->octets_max) {
        return true;
    }
    row[0] = 1;
    row[1] = (uint8_t)((seen->dnssec_ok ? SAVED_DNSSEC_OK : 0) |
                       (seen->checking_disabled ? SAVED_CHECKING_DISABLED : 0) |
                       (seen->proven ? SAVED_PROVEN : 0));
    wire_put16(row + 2, seen->type);
    wire_put16(row + 4, seen->context);
    wire_put32(row + 6, seen->entry.ttl_s);
    row[10] = seen->name.len;
    wire_put16(row + 11, (uint16_t)seen->entry.len);
    add(saver, row, sizeof(row));
    add(saver, seen->name.octets, seen->name.len);
    add(saver, seen->octets, seen->entry.len);
    saver->saved->answers++;
    return saver->rc == 0;
}

int cache_save(struct cache *cache, const struct cache_saving *saving,
               struct cache_saved *saved)
{
    static const struct wire_name root = {.len = 1};
    const struct cache_filter all = {.name = &root, .below = true, .any_type = true};
    const uint64_t now_us = saving->now.mono_us;
    struct saver saver = {.saving = saving,
                          .saved = saved,
                          .young_s = saving->since_us == 0 ? UINT64_MAX
                                     : now_us > saving->since_us
                                         ? (now_us - saving->since_us) / CACHE_SECOND_US
                                         : 0};
    uint8_t head[SAVED_HEAD_OCTETS];
    uint8_t tail[SAVED_TAIL_OCTETS];

    *saved = (struct cache_saved){0};
    digest_init(&saver.digest, NULL, DIGEST_OCTETS);
    memcpy(head, SAVED_MAGIC, SAVED_MAGIC_OCTETS);
    put64(head + SAVED_MAGIC_OCTETS, saving->now.wall_us / 1000000);
    memcpy(head + SAVED_MAGIC_OCTETS + 8, saving->meaning, DIGEST_OCTETS);
    add(&saver, head, sizeof(head));
    if (saver.rc == 0) {
        cache_show(cache, &all, saving->now.mono_us, see, &saver);
    }
    tail[0] = 0;
    put64(tail + 1, saved->answers);
    add(&saver, tail, 9);
    digest_end(&saver.digest, tail + 9, DIGEST_OCTETS);
    if (saver.rc == 0) {
        saver.rc = saving->write(saving->context, tail + 9, DIGEST_OCTETS);
        saved->octets += DIGEST_OCTETS;
    }
    return saver.rc;
}
