#include "update/memory.h"

#include "base/digest.h"
#include "base/file.h"
#include "update/backoff.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void copy_text(const json_t *object, const char *key, char *out, size_t size)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);

    if (text != NULL && json_string_length(value) < size &&
        strlen(text) == json_string_length(value)) {
        memcpy(out, text, strlen(text) + 1);
    }
}

/* As it was sent, so that it can be sent back: nothing that would end a line. */
static void copy_validator(const json_t *object, const char *key, char *out)
{
    copy_text(object, key, out, UPDATE_VALIDATOR_MAX);
    for (const char *at = out; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~') {
            out[0] = '\0';
            return;
        }
    }
}

static uint64_t number_of(const json_t *object, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(object, key));

    return value > 0 ? (uint64_t)value : 0;
}

static bool copy_hash(const json_t *object, uint8_t out[TRUST_HASH_OCTETS])
{
    const char *text = json_string_value(json_object_get(object, "catalogue"));

    return text != NULL && strlen(text) == (size_t)2 * TRUST_HASH_OCTETS &&
           digest_unhex(text, TRUST_HASH_OCTETS, out);
}

static void read_known(const json_t *object, struct update_known *known)
{
    const uint64_t failures = number_of(object, "failures");

    known->tried_s = number_of(object, "tried");
    known->answered_s = number_of(object, "answered");
    known->failures = failures < 1000 ? (unsigned)failures : 1000;
    known->last_until_s = number_of(object, "last_until");
    copy_text(object, "why", known->why, sizeof(known->why));
    copy_validator(object, "etag", known->etag);
    copy_validator(object, "modified", known->modified);
    if (!copy_hash(object, known->hash)) {
        known->etag[0] = '\0';
        known->modified[0] = '\0';
    }
}

void update_memory_parse(const char *text, size_t len, const struct config_sources *sources,
                         struct update_memory *memory)
{
    json_t *all = json_loadb(text, len, 0, NULL);
    size_t at = 0;
    json_t *one = NULL;

    memset(memory, 0, sizeof(*memory));
    json_array_foreach(all, at, one)
    {
        const char *source = json_string_value(json_object_get(one, "source"));

        for (size_t i = 0; source != NULL && i < sources->count; i++) {
            if (strcmp(sources->at[i], source) == 0) {
                read_known(one, &memory->at[i]);
            }
        }
    }
    json_decref(all);
}

void update_memory_read(const char *path, const struct config_sources *sources,
                        struct update_memory *memory)
{
    uint8_t *text = NULL;
    size_t len = 0;

    memset(memory, 0, sizeof(*memory));
    if (file_read(path, UPDATE_MEMORY_OCTETS_MAX, &text, &len) == 0) {
        update_memory_parse((const char *)text, len, sources, memory);
        free(text);
    }
}

void update_known_answered(struct update_known *known, uint64_t now_s)
{
    known->tried_s = now_s;
    known->answered_s = now_s;
    known->failures = 0;
    known->last_until_s = 0;
    known->why[0] = '\0';
}

void update_known_failed(struct update_known *known, uint64_t now_s, uint64_t retry_after_s,
                         const char *why, struct random *random)
{
    known->tried_s = now_s;
    known->failures += known->failures < 1000 ? 1 : 0;
    uint64_t wait_s =
        update_backoff(known->failures, UPDATE_LAST_S, UPDATE_LAST_MOST_S, random);
    wait_s = retry_after_s > wait_s ? retry_after_s : wait_s;
    known->last_until_s = now_s + wait_s;
    memcpy(known->why, why, strnlen(why, sizeof(known->why) - 1) + 1);
    known->why[sizeof(known->why) - 1] = '\0';
}

/* Further ahead than anything is put: the clock was set back. */
static bool is_last(const struct update_known *known, uint64_t now_s)
{
    return known->last_until_s > now_s &&
           known->last_until_s - now_s <= UPDATE_RETRY_AFTER_MAX_S;
}

void update_memory_order(const struct update_memory *memory, size_t count, uint64_t now_s,
                         size_t order[CONFIG_SOURCES_MAX])
{
    size_t used = 0;

    for (unsigned last = 0; last < 2; last++) {
        for (size_t i = 0; i < count; i++) {
            if (is_last(&memory->at[i], now_s) == (last != 0)) {
                order[used++] = i;
            }
        }
    }
}
