#include "audit/privacy.h"

#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "base/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Days at hand: today, yesterday around midnight, and what a clock that is set leads to. */
#define DAYS_AT_HAND 4u
/* Pseudonyms that are remembered: a client asks again and again, and each costs two rounds of
 * BLAKE2b. A power of two. */
#define REMEMBERED 2048u
#define RETRY_US   UINT64_C(10000000)  /* to write a key that could not be written */
#define SWEEP_US   UINT64_C(600000000) /* between two looks for keys that are over */

struct day {
    bool used, kept; /* kept: its file is there */
    uint32_t day;
    uint8_t key[DIGEST_KEY_OCTETS];
};

struct remembered {
    uint32_t day; /* plus one; 0: none */
    uint8_t family;
    uint8_t octets[16];
    uint8_t pseudonym[AUDIT_PSEUDONYM_OCTETS];
};

struct audit_privacy {
    struct audit_privacy_settings settings;
    char *folder;
    struct day days[DAYS_AT_HAND];
    unsigned next_day; /* the slot that is given up next */
    struct remembered remembered[REMEMBERED];
    uint8_t hash_key[SIPHASH_KEY_OCTETS];
    uint64_t retry_at_us, sweep_at_us; /* monotonic */
    bool said;                         /* that a key cannot be written */
};

struct audit_privacy *audit_privacy_create(const struct audit_privacy_settings *settings)
{
    struct audit_privacy *privacy = calloc(1, sizeof(*privacy));

    if (privacy == NULL) {
        return NULL;
    }
    privacy->settings = *settings;
    privacy->folder = settings->folder != NULL ? strdup(settings->folder) : NULL;
    if (settings->folder != NULL && privacy->folder == NULL) {
        free(privacy);
        return NULL;
    }
    random_system(privacy->hash_key, sizeof(privacy->hash_key));
    return privacy;
}

void audit_privacy_destroy(struct audit_privacy *privacy)
{
    if (privacy != NULL) {
        explicit_bzero(privacy->days, sizeof(privacy->days));
        explicit_bzero(privacy->remembered, sizeof(privacy->remembered));
        free(privacy->folder);
        free(privacy);
    }
}

/* --- keys --- */

/* Without a disk the key is in memory: nobody can find these pseudonyms after the end, which is
 * better than an address that was to be hidden. */
static void keep_key(struct audit_privacy *privacy, struct day *day)
{
    uint8_t key[DIGEST_KEY_OCTETS];

    memcpy(key, day->key, sizeof(key));
    const int result = audit_day_key_keep(privacy->folder, day->day, key);
    explicit_bzero(key, sizeof(key));
    day->kept = result == 0;
    if (result != 0 && !privacy->said) {
        log_write(
            LOG_LEVEL_WARNING,
            "audit: the key of today's pseudonyms cannot be written to %s: %s. Records go "
            "on; unless it can be written before the end, nobody can find a client in them",
            privacy->folder, cordon_strerror(result));
    }
    privacy->said = result != 0;
}

static void begin_day(struct audit_privacy *privacy, struct day *day, uint32_t number)
{
    int result = privacy->folder != NULL ? audit_day_key_read(privacy->folder, number, day->key)
                                         : -ENOENT;

    day->used = true;
    day->day = number;
    day->kept = result == 0;
    if (result != 0) {
        random_system(day->key, sizeof(day->key));
    }
    if (result != 0 && privacy->folder != NULL) {
        keep_key(privacy, day);
        /* If another process was first, its key counts. */
        uint8_t key[DIGEST_KEY_OCTETS];
        if (day->kept && audit_day_key_read(privacy->folder, number, key) == 0) {
            memcpy(day->key, key, sizeof(key));
        }
        explicit_bzero(key, sizeof(key));
    }
}

static const uint8_t *key_of(struct audit_privacy *privacy, uint32_t number)
{
    for (unsigned i = 0; i < DAYS_AT_HAND; i++) {
        if (privacy->days[i].used && privacy->days[i].day == number) {
            return privacy->days[i].key;
        }
    }
    struct day *day = &privacy->days[privacy->next_day];
    privacy->next_day = (privacy->next_day + 1) % DAYS_AT_HAND;
    explicit_bzero(day, sizeof(*day));
    begin_day(privacy, day, number);
    return day->key;
}

/* --- what may be told --- */

static void make_pseudonym(struct audit_privacy *privacy, const struct address *from,
                           uint32_t day, uint8_t out[AUDIT_PSEUDONYM_OCTETS])
{
    const uint64_t hash = siphash13(from->octets, sizeof(from->octets), privacy->hash_key);
    struct remembered *at = &privacy->remembered[hash % REMEMBERED];

    if (at->day != day + 1 || at->family != from->family ||
        memcmp(at->octets, from->octets, sizeof(at->octets)) != 0) {
        audit_pseudonym(key_of(privacy, day), from, at->pseudonym);
        at->day = day + 1;
        at->family = from->family;
        memcpy(at->octets, from->octets, sizeof(at->octets));
    }
    memcpy(out, at->pseudonym, AUDIT_PSEUDONYM_OCTETS);
}

void audit_privacy_client(struct audit_privacy *privacy, enum audit_stream stream,
                          const struct address *from, uint64_t wall_us,
                          struct audit_client *out)
{
    const enum audit_client_form form =
        privacy != NULL ? privacy->settings.client[stream] : AUDIT_FORM_FULL;

    memset(out, 0, sizeof(*out));
    if (from->family == ADDRESS_NONE) {
        return;
    }
    switch (form) {
    case AUDIT_FORM_FULL:
        out->kind = AUDIT_CLIENT_ADDRESS;
        out->address = *from;
        out->address.port = 0; /* it has a column of its own */
        break;
    case AUDIT_FORM_PREFIX:
        out->kind = AUDIT_CLIENT_PREFIX;
        address_prefix_of(from,
                          from->family == ADDRESS_V4 ? privacy->settings.prefix_v4
                                                     : privacy->settings.prefix_v6,
                          &out->prefix);
        break;
    case AUDIT_FORM_PSEUDONYM:
        out->kind = AUDIT_CLIENT_PSEUDONYM;
        out->day = audit_day_of(wall_us);
        make_pseudonym(privacy, from, out->day, out->pseudonym);
        break;
    case AUDIT_FORM_ABSENT:
        break;
    }
}

/* A rule about clients matched the client's own address: what may be told of that is what the
 * rule says, the first address of its network. */
static void hide_match(struct audit_event *event)
{
    struct address_prefix prefix;

    if (event->hit.trigger != POLICY_TRIGGER_CLIENT ||
        event->hit.address.family == ADDRESS_NONE) {
        return;
    }
    if (!policy_hit_prefix(&event->hit, &prefix)) {
        memset(&event->hit.address, 0, sizeof(event->hit.address));
        return;
    }
    event->hit.address = (struct address){.family = prefix.family};
    memcpy(event->hit.address.octets, prefix.octets, sizeof(prefix.octets));
    event->hit.family = prefix.family;
}

void audit_privacy_event(struct audit_privacy *privacy, struct audit_event *event)
{
    if (privacy == NULL || privacy->settings.client[AUDIT_DECISIONS] == AUDIT_FORM_FULL) {
        return;
    }
    audit_privacy_client(privacy, AUDIT_DECISIONS, &event->client, event->wall_us, &event->who);
    memset(&event->client, 0, sizeof(event->client));
    hide_match(event);
}

static void hash_name(struct audit_privacy *privacy, uint32_t day,
                      struct audit_event_words *words, struct audit_row *row)
{
    struct audit_client hashed = {.kind = AUDIT_CLIENT_PSEUDONYM, .day = day};
    const struct audit_value *name = &row->at[AUDIT_NAME];

    audit_pseudonym_name(key_of(privacy, day), name->octets, name->number, hashed.pseudonym);
    audit_row_octets(row, AUDIT_NAME, words->hashed, audit_client_put(&hashed, words->hashed));
}

void audit_privacy_question(struct audit_privacy *privacy, struct audit_event_words *words,
                            struct audit_row *row)
{
    struct address from;

    if (privacy == NULL) {
        return;
    }
    const uint64_t wall_us = row->at[AUDIT_TIME].number;
    if (privacy->settings.client[AUDIT_QUERIES] != AUDIT_FORM_FULL &&
        audit_row_has(row, AUDIT_CLIENT)) {
        struct audit_client who = {.kind = AUDIT_CLIENT_NONE};

        if (audit_address_get(row->at[AUDIT_CLIENT].octets, row->at[AUDIT_CLIENT].number,
                              &from)) {
            audit_privacy_client(privacy, AUDIT_QUERIES, &from, wall_us, &who);
        }
        const size_t len = audit_client_put(&who, words->client);
        row->present &= ~(UINT64_C(1) << AUDIT_CLIENT | UINT64_C(1) << AUDIT_CLIENT_PORT);
        if (len > 0) {
            audit_row_octets(row, AUDIT_CLIENT, words->client, len);
        }
    }
    if (privacy->settings.hash_names && audit_row_has(row, AUDIT_NAME)) {
        hash_name(privacy, audit_day_of(wall_us), words, row);
    }
}

/* --- the end of keys --- */

/* Keys in memory, and what was made with them. */
static void forget_days(struct audit_privacy *privacy, uint32_t before)
{
    bool any = false;

    for (unsigned i = 0; i < DAYS_AT_HAND; i++) {
        if (privacy->days[i].used && privacy->days[i].day < before) {
            explicit_bzero(&privacy->days[i], sizeof(privacy->days[i]));
            any = true;
        }
    }
    if (any) {
        explicit_bzero(privacy->remembered, sizeof(privacy->remembered));
    }
}

void audit_privacy_keys(const struct audit_privacy *privacy, uint32_t before,
                        struct audit_days *found)
{
    *found = (struct audit_days){.count = 0};
    if (privacy->folder != NULL) {
        (void)audit_day_keys_find(privacy->folder, before, found, NULL, 0);
    }
}

int audit_privacy_forget(struct audit_privacy *privacy, uint32_t before,
                         struct audit_days *gone)
{
    int result = 0;

    *gone = (struct audit_days){.count = 0};
    forget_days(privacy, before);
    if (privacy->folder != NULL) {
        result = audit_day_keys_destroy(privacy->folder, before, gone);
    }
    if (result != 0) {
        log_write(LOG_LEVEL_ERROR,
                  "audit: keys of pseudonyms in %s are over and cannot be destroyed: %s",
                  privacy->folder, cordon_strerror(result));
    }
    return result;
}

static void retry_keys(struct audit_privacy *privacy, uint64_t now_us)
{
    if (now_us < privacy->retry_at_us) {
        return;
    }
    privacy->retry_at_us = now_us + RETRY_US;
    for (unsigned i = 0; i < DAYS_AT_HAND; i++) {
        if (privacy->days[i].used && !privacy->days[i].kept) {
            keep_key(privacy, &privacy->days[i]);
        }
    }
}

bool audit_privacy_tick(struct audit_privacy *privacy, struct clock_now now, uint32_t *before,
                        struct audit_days *found)
{
    if (privacy == NULL || privacy->folder == NULL) {
        return false;
    }
    retry_keys(privacy, now.mono_us);
    if (now.mono_us < privacy->sweep_at_us) {
        return false;
    }
    privacy->sweep_at_us = now.mono_us + SWEEP_US;
    /* A key is over when its day is, and keep_us after that. */
    const uint64_t end_us =
        now.wall_us > privacy->settings.keep_us ? now.wall_us - privacy->settings.keep_us : 0;
    *before = audit_day_of(end_us);
    return audit_day_keys_find(privacy->folder, *before, found, NULL, 0) == 0 &&
           found->count > 0;
}
