#include "audit/privacy.h"

#include "base/random.h"
#include "base/siphash.h"

#include <stdlib.h>
#include <string.h>

/* Pseudonyms that are remembered: a client asks again and again, and each costs two rounds of
 * BLAKE2b. A power of two. */
#define REMEMBERED 2048u
#define SWEEP_US   UINT64_C(600000000) /* between two looks for keys that are over */

struct remembered {
    uint32_t day; /* plus one; 0: none */
    uint8_t family;
    uint8_t octets[16];
    uint8_t pseudonym[AUDIT_PSEUDONYM_OCTETS];
};

struct audit_privacy {
    struct audit_privacy_settings settings;
    struct audit_keyring *ring;
    uint64_t version; /* of the ring, when the first of these was made */
    struct remembered remembered[REMEMBERED];
    uint8_t hash_key[SIPHASH_KEY_OCTETS];
    uint64_t sweep_at_us; /* monotonic */
};

struct audit_privacy *audit_privacy_create(const struct audit_privacy_settings *settings)
{
    struct audit_privacy *privacy = calloc(1, sizeof(*privacy));

    if (privacy == NULL) {
        return NULL;
    }
    privacy->settings = *settings;
    privacy->ring = audit_keyring_create(settings->folder, settings->disk);
    if (privacy->ring == NULL) {
        free(privacy);
        return NULL;
    }
    random_system(privacy->hash_key, sizeof(privacy->hash_key));
    return privacy;
}

void audit_privacy_destroy(struct audit_privacy *privacy)
{
    if (privacy != NULL) {
        audit_keyring_destroy(privacy->ring);
        explicit_bzero(privacy->remembered, sizeof(privacy->remembered));
        free(privacy);
    }
}

/* --- what may be told --- */

/* What was made with a key that is none any more. */
static void drop_old(struct audit_privacy *privacy)
{
    const uint64_t version = audit_keyring_version(privacy->ring);

    if (privacy->version != version) {
        explicit_bzero(privacy->remembered, sizeof(privacy->remembered));
        privacy->version = version;
    }
}

static void make_pseudonym(struct audit_privacy *privacy, const struct address *from,
                           uint32_t day, uint8_t out[AUDIT_PSEUDONYM_OCTETS])
{
    const uint64_t hash = siphash13(from->octets, sizeof(from->octets), privacy->hash_key);
    struct remembered *at = &privacy->remembered[hash % REMEMBERED];

    drop_old(privacy);
    if (at->day != day + 1 || at->family != from->family ||
        memcmp(at->octets, from->octets, sizeof(at->octets)) != 0) {
        audit_pseudonym(audit_keyring_key(privacy->ring, day), from, at->pseudonym);
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

void audit_privacy_parts(struct audit_privacy *privacy, struct audit_event_parts *parts)
{
    if (privacy == NULL || privacy->settings.client[AUDIT_DECISIONS] == AUDIT_FORM_FULL) {
        return;
    }
    audit_privacy_client(privacy, AUDIT_DECISIONS, &parts->client, parts->wall_us, &parts->who);
    memset(&parts->client, 0, sizeof(parts->client));
}

static void hash_name(struct audit_privacy *privacy, uint32_t day,
                      struct audit_event_words *words, struct audit_row *row)
{
    struct audit_client hashed = {.kind = AUDIT_CLIENT_PSEUDONYM, .day = day};
    const struct audit_value *name = &row->at[AUDIT_NAME];

    audit_pseudonym_name(audit_keyring_key(privacy->ring, day), name->octets, name->number,
                         hashed.pseudonym);
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

bool audit_privacy_wait(struct audit_privacy *privacy, unsigned ms)
{
    return audit_keyring_wait(privacy->ring, ms);
}

bool audit_privacy_keys(struct audit_privacy *privacy, uint32_t before,
                        struct audit_days *found)
{
    return audit_keyring_find(privacy->ring, before, found);
}

bool audit_privacy_forget(struct audit_privacy *privacy, uint32_t before, int *result,
                          struct audit_days *gone)
{
    const bool done = audit_keyring_forget(privacy->ring, before, result, gone);

    drop_old(privacy);
    return done;
}

bool audit_privacy_tick(struct audit_privacy *privacy, struct clock_now now, uint32_t *before,
                        struct audit_days *found)
{
    if (privacy == NULL) {
        return false;
    }
    audit_keyring_tick(privacy->ring, now.mono_us);
    if (now.mono_us < privacy->sweep_at_us) {
        return false;
    }
    /* A key is over when its day is, and keep_us after that. */
    const uint64_t end_us =
        now.wall_us > privacy->settings.keep_us ? now.wall_us - privacy->settings.keep_us : 0;
    *before = audit_day_of(end_us);
    if (!audit_keyring_find(privacy->ring, *before, found)) {
        return false;
    }
    privacy->sweep_at_us = now.mono_us + SWEEP_US;
    return found->count > 0;
}
