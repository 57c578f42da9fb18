#include "audit/repeat.h"

#include "audit/varint.h"
#include "base/invariant.h"
#include "base/little.h"
#include "base/pages.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

/* Where to look: a row of places, each with half of a hash and the number of its repeat, plus
 * one. A row has one line of the processor's cache, or half of one. */
#define PLACES  8u
#define ROWS    4096u
#define TAG(at) ((at)&0xffff0000u)
#define ONE(at) ((at)&0xffffu)
_Static_assert(AUDIT_REPEATS < 0xffff, "a number and one have sixteen bits");
_Static_assert(PLACES *ROWS >= 2 * AUDIT_REPEATS, "most find a place that is free");

#define LINE_OCTETS 64u /* of a processor's cache */

#define OCTETS (AUDIT_REPEAT_OCTETS - offsetof(struct audit_repeat, octets))

/* So many microseconds are looked at together; when fewer were asked for, they are not worth
 * their memory. */
#define REST_US    UINT64_C(5000000)
#define REST_LEAST 1000u

#define BIT(column) (UINT64_C(1) << AUDIT_##column)
#define NEED        (BIT(TIME) | BIT(NAME) | BIT(TYPE) | BIT(LATENCY) | BIT(RULE) | BIT(MATCHED))
#define MAY         (NEED | BIT(CLIENT) | BIT(CLIENT_PORT))

struct audit_repeats {
    uint64_t keys[2]; /* of the hash: strangers choose names */
    uint32_t next;    /* the one that goes next */
    bool any;
    uint64_t asked;    /* for one, */
    uint64_t since_us; /* since then */
    uint8_t *memory;   /* of all below */
    uint32_t (*places)[PLACES];
    uint16_t *guesses; /* numbers of repeats, plus one */
    uint8_t *slots;
};

#define PLACES_OCTETS  (ROWS * PLACES * sizeof(uint32_t))
#define GUESSES_OCTETS (AUDIT_GUESSES * sizeof(uint16_t))
#define MEMORY_OCTETS \
    (PLACES_OCTETS + GUESSES_OCTETS + (size_t)AUDIT_REPEATS * AUDIT_REPEAT_OCTETS)

struct audit_repeats *audit_repeats_create(void)
{
    struct audit_repeats *repeats = calloc(1, sizeof(*repeats));
    uint8_t *memory = pages_take(MEMORY_OCTETS);

    if (repeats == NULL || memory == NULL) {
        free(repeats);
        pages_release(memory, MEMORY_OCTETS);
        return NULL;
    }
    random_system((uint8_t *)repeats->keys, sizeof(repeats->keys));
    repeats->memory = memory;
    repeats->places = (uint32_t(*)[PLACES])(void *)memory; /* of pages: for any number */
    repeats->guesses = (uint16_t *)(void *)(memory + PLACES_OCTETS);
    repeats->slots = memory + PLACES_OCTETS + GUESSES_OCTETS;
    return repeats;
}

void audit_repeats_destroy(struct audit_repeats *repeats)
{
    if (repeats != NULL) {
        pages_release(repeats->memory, MEMORY_OCTETS);
        free(repeats);
    }
}

void audit_repeats_forget(struct audit_repeats *repeats)
{
    if (repeats->any) {
        pages_give_back(repeats->memory, MEMORY_OCTETS); /* it reads as zeros: free places */
        repeats->any = false;
        repeats->next = 0;
    }
}

void audit_repeats_rest(struct audit_repeats *repeats, uint64_t now_us)
{
    if (now_us - repeats->since_us < REST_US) {
        return;
    }
    if (repeats->asked < REST_LEAST) {
        audit_repeats_forget(repeats);
    }
    repeats->asked = 0;
    repeats->since_us = now_us;
}

static struct audit_repeat *slot(const struct audit_repeats *repeats, uint32_t number)
{
    return (struct audit_repeat *)(void *)(repeats->slots +
                                           (size_t)number * AUDIT_REPEAT_OCTETS);
}

static inline uint64_t mix(uint64_t state, uint64_t word)
{
    state = (state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return state ^ state >> 29;
}

/* len is at least 16: a head. */
static uint64_t hash_of(const struct audit_repeats *repeats, const uint8_t *octets, size_t len)
{
    uint64_t a = repeats->keys[0] ^ len;
    uint64_t b = repeats->keys[1];

    for (size_t at = 0; at + 16 < len; at += 16) {
        a = mix(a, little_get64(octets + at));
        b = mix(b, little_get64(octets + at + 8));
    }
    a = mix(a, little_get64(octets + len - 16));
    b = mix(b, little_get64(octets + len - 8));
    return mix(a, b ^ b >> 32);
}
_Static_assert(AUDIT_SAME_HEAD >= 16, "as it is read here");

static inline bool is_same(const struct audit_repeat *repeat,
                           const struct audit_event_parts *parts)
{
    return repeat->same_len == parts->same_len &&
           memcmp(repeat->octets, parts->same, parts->same_len) == 0;
}

/* Where it is, or NULL. */
static inline uint32_t *find(const struct audit_repeats *repeats, uint64_t hash,
                             const struct audit_event_parts *parts)
{
    uint32_t *const row = repeats->places[hash % ROWS];
    const uint32_t tag = TAG((uint32_t)(hash >> 32));

    for (unsigned i = 0; i < PLACES; i++) {
        if (TAG(row[i]) == tag && ONE(row[i]) != 0 &&
            is_same(slot(repeats, ONE(row[i]) - 1), parts)) {
            return &row[i];
        }
    }
    return NULL;
}

/* Where the number is of what records of this worker with this guess repeat. The numbers of
 * each worker begin somewhere else, so that those of few are apart. */
static inline uint16_t *guessed(const struct audit_repeats *repeats, unsigned worker,
                                uint32_t guess)
{
    return &repeats->guesses[(guess + worker * 40503u) % AUDIT_GUESSES];
}

void audit_repeats_approach(const struct audit_repeats *repeats, unsigned worker,
                            uint32_t guess)
{
    __builtin_prefetch(guessed(repeats, worker, guess));
}

void audit_repeats_expect(const struct audit_repeats *repeats, unsigned worker, uint32_t guess)
{
    const unsigned number = guess != 0 ? *guessed(repeats, worker, guess) : 0;

    if (number != 0) {
        const uint8_t *const at = (const uint8_t *)slot(repeats, number - 1);

        for (size_t line = 0; line < AUDIT_REPEAT_OCTETS; line += LINE_OCTETS) {
            __builtin_prefetch(at + line);
        }
    }
}

struct audit_repeat *audit_repeats_find(struct audit_repeats *repeats, unsigned worker,
                                        const struct audit_event_parts *parts)
{
    uint16_t *const guess = parts->guess != 0 ? guessed(repeats, worker, parts->guess) : NULL;

    repeats->asked++;
    if (guess != NULL && *guess != 0) {
        struct audit_repeat *const repeat = slot(repeats, *guess - 1u);

        if (repeat->place != 0 && is_same(repeat, parts)) {
            return repeat;
        }
    }
    const uint32_t *const place =
        find(repeats, hash_of(repeats, parts->same, parts->same_len), parts);
    if (place == NULL) {
        return NULL;
    }
    if (guess != NULL) {
        *guess = (uint16_t)ONE(*place);
    }
    return slot(repeats, ONE(*place) - 1);
}

/* A place in its row for a new one; where all are taken, one of them goes. */
static uint32_t *find_room(struct audit_repeats *repeats, uint64_t hash)
{
    uint32_t *const row = repeats->places[hash % ROWS];

    for (unsigned i = 0; i < PLACES; i++) {
        if (ONE(row[i]) == 0) {
            return &row[i];
        }
    }
    uint32_t *const worst = &row[repeats->next % PLACES];
    slot(repeats, ONE(*worst) - 1)->place = 0;
    return worst;
}

/* The next one to use: who had it cannot be found any more. */
static struct audit_repeat *take(struct audit_repeats *repeats, uint64_t hash)
{
    const uint32_t number = repeats->next;
    struct audit_repeat *const repeat = slot(repeats, number);
    uint32_t *const all = repeats->places[0];

    repeats->next = (number + 1) % AUDIT_REPEATS;
    if (repeat->place != 0) {
        all[repeat->place - 1] = 0;
    }
    uint32_t *const place = find_room(repeats, hash);
    *place = TAG((uint32_t)(hash >> 32)) | (number + 1);
    repeat->place = (uint32_t)(place - all) + 1;
    repeats->any = true;
    return repeat;
}

struct audit_repeat *audit_repeats_keep(struct audit_repeats *repeats,
                                        const struct audit_event_parts *parts,
                                        const struct audit_event *event,
                                        const struct audit_row *row,
                                        const struct audit_kit *kit)
{
    const uint64_t own = row->present & ~kit->columns;
    const uint64_t hash = hash_of(repeats, parts->same, parts->same_len);
    const uint32_t *const place = find(repeats, hash, parts);

    if ((own & NEED) != NEED || (own & ~MAY) != 0 || row->at[AUDIT_RULE].number > UINT8_MAX ||
        parts->same_len + row->at[AUDIT_RULE].number > OCTETS) {
        return NULL;
    }
    struct audit_repeat *const repeat =
        place != NULL ? slot(repeats, ONE(*place) - 1) : take(repeats, hash);
    repeat->kit = kit;
    repeat->kit_id = kit->id;
    repeat->stencil = NULL;
    repeat->numbers.block = 0;
    repeat->numbers.has_finding = false;
    repeat->type = event->type;
    repeat->trigger = event->hit.trigger;
    repeat->hop = event->hit.hop;
    repeat->same_len = (uint16_t)parts->same_len;
    repeat->rule_len = (uint8_t)row->at[AUDIT_RULE].number;
    memcpy(repeat->octets, parts->same, parts->same_len);
    memcpy(repeat->octets + parts->same_len, row->at[AUDIT_RULE].octets, repeat->rule_len);
    return repeat;
}

void audit_repeat_row(const struct audit_repeat *repeat, const struct audit_event_parts *parts,
                      uint8_t client[AUDIT_ADDRESS_MAX], struct audit_row *row)
{
    size_t rule_len = 0;
    size_t name_len = 0;
    const uint8_t *const rule = audit_repeat_rule(repeat, &rule_len);
    const uint8_t *const name = audit_repeat_name(repeat, &name_len);
    const size_t client_len = audit_client_put(&parts->who, client);

    row->present = 0;
    row->follows = 0;
    audit_row_number(row, AUDIT_TIME, parts->wall_us);
    if (client_len > 0) {
        audit_row_octets(row, AUDIT_CLIENT, client, client_len);
    }
    if (parts->client.family != ADDRESS_NONE) {
        audit_row_number(row, AUDIT_CLIENT_PORT, parts->client.port);
    }
    audit_row_octets(row, AUDIT_NAME, name, name_len);
    audit_row_number(row, AUDIT_TYPE, repeat->type);
    audit_row_number(row, AUDIT_LATENCY, parts->latency_us);
    audit_row_octets(row, AUDIT_RULE, rule, rule_len);
    audit_row_octets(row, AUDIT_MATCHED, name, name_len);
}
