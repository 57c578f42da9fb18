#include "audit/event_kits.h"

#include "audit/varint.h"

#include <stdlib.h>
#include <string.h>

#define KITS   256u /* of a row, an action, a transport ...: some tens are in use */
#define PLACES 4u   /* of a kit, in a row: where others are, one of them goes */

/* Whatever decides the other columns. Compared as octets: no padding. */
struct key {
    uint32_t set;
    uint16_t row;
    uint8_t list, mode, action, kind, trial, view, transport, rcode, cached, flags, trigger,
        hop;
    uint8_t is_question, zero[5];
};
_Static_assert(sizeof(struct key) == 24, "no padding");

struct place {
    struct key key;
    struct audit_kit kit;   /* id 0: there is none */
    struct policy_row rule; /* borrowed from the policy */
};

struct audit_event_kits {
    const struct policy *policy; /* that these are of, */
    uint64_t generation;         /* and its number */
    uint64_t ids;                /* given so far */
    unsigned next;               /* which of its places a new one takes if none is free */
    struct place at[KITS];
};

struct audit_event_kits *audit_event_kits_create(void)
{
    return calloc(1, sizeof(struct audit_event_kits));
}

void audit_event_kits_destroy(struct audit_event_kits *kits)
{
    for (unsigned i = 0; kits != NULL && i < KITS; i++) {
        audit_kit_deinit(&kits->at[i].kit);
    }
    free(kits);
}

/* The name of a view is not of the policy alone: it is looked at. */
static bool is_of_view(const struct audit_kit *kit, const char *view_name)
{
    const struct audit_value *view = &kit->row.at[AUDIT_VIEW];
    const size_t len = strlen(view_name);

    return view->number == len && memcmp(view->octets, view_name, len) == 0;
}

/* Where it is, made or not. */
static struct place *find(struct audit_event_kits *kits, const struct key *key,
                          const char *view_name)
{
    uint64_t words[3];

    memcpy(words, key, sizeof(words));
    uint64_t mixed = words[0] ^ words[1] * UINT64_C(0x9e3779b97f4a7c15) ^
                     words[2] * UINT64_C(0xc2b2ae3d27d4eb4f);
    mixed ^= mixed >> 32; /* a product's upper octets say nothing to its lower ones */
    mixed *= UINT64_C(0xd6e8feb86659fd93);
    struct place *const row = &kits->at[(mixed >> 32) % (KITS / PLACES) * PLACES];
    for (unsigned i = 0; i < PLACES; i++) {
        if (row[i].kit.id == 0 || (memcmp(&row[i].key, key, sizeof(*key)) == 0 &&
                                   is_of_view(&row[i].kit, view_name))) {
            return &row[i]; /* the first ones are taken first */
        }
    }
    struct place *const worst = &row[kits->next++ % PLACES];
    audit_kit_deinit(&worst->kit);
    return worst;
}

/* Keeps of a row what stays: all but the columns of audit_event_row_own(). */
static const struct audit_kit *keep(struct audit_event_kits *kits, struct place *place,
                                    const struct key *key, const struct audit_row *row)
{
    place->key = *key;
    return audit_kit_make(&place->kit, ++kits->ids, row, row->present & ~AUDIT_OWN)
               ? &place->kit
               : NULL;
}

/* Those of another policy say nothing about this one. */
static void adopt(struct audit_event_kits *kits, const struct policy *policy)
{
    const uint64_t generation = policy_generation(policy);

    if (kits->policy == policy && kits->generation == generation) {
        return;
    }
    kits->policy = policy;
    kits->generation = generation;
    for (unsigned i = 0; i < KITS; i++) {
        if (kits->at[i].kit.id != 0) { /* the others have no memory yet */
            audit_kit_deinit(&kits->at[i].kit);
        }
    }
}

/* Whether there can be a kit for it: event_kits.h says what has none. */
static bool has_kit(const struct audit_event *event, const struct policy *policy,
                    const char *view_name)
{
    const struct policy_hit *hit = &event->hit;

    return view_name != NULL && event->view < policy_view_count(policy) &&
           event->generation == policy_generation(policy) &&
           hit->ground == POLICY_GROUND_RULE && hit->exception == 0 &&
           hit->action != POLICY_ACTION_REDIRECT && hit->address.family == ADDRESS_NONE;
}

static struct key key_of(const struct audit_event *event, const struct policy *policy)
{
    const struct policy_hit *hit = &event->hit;
    const bool paused = policy_hit_is_paused(policy, event->view, hit);

    return (struct key){
        .set = hit->set,
        .row = hit->row,
        .list = hit->list,
        .mode = hit->mode,
        .action = hit->action,
        .kind = hit->kind,
        .trial = hit->trial,
        .view = event->view,
        .transport = event->transport,
        .rcode = event->rcode,
        .cached = event->cached,
        .flags = (uint8_t)((event->applied ? 1 : 0) | (paused ? 2 : 0)),
        .trigger = hit->trigger,
        .hop = hit->hop,
    };
}

/* Of a rule of names the text says the matched name as far as its labels go (row.h). */
static uint8_t follows(const struct audit_event *event)
{
    const struct wire_name *matched = &event->hit.name;

    return matched->len == event->name.len &&
                   audit_octets_are(matched->octets, event->name.octets, matched->len)
               ? (uint8_t)(event->hit.labels + 1u)
               : 0;
}
_Static_assert(WIRE_LABELS_MAX < UINT8_MAX, "labels and one have an octet");

const struct audit_kit *audit_event_kits_question(struct audit_event_kits *kits,
                                                  const struct audit_question_steady *steady,
                                                  const struct policy *policy,
                                                  const char *view_name)
{
    const struct key key = {
        .view = steady->view,
        .transport = steady->transport,
        .rcode = steady->rcode,
        .cached = steady->cached,
        .is_question = 1,
    };

    adopt(kits, policy);
    struct place *const place = find(kits, &key, view_name);
    if (place->kit.id == 0) {
        struct audit_row row = {.present = 0};

        audit_question_steady(steady, view_name, &row);
        return keep(kits, place, &key, &row);
    }
    return &place->kit;
}

bool audit_event_kits_event(struct audit_event_kits *kits, const struct audit_event *event,
                            const struct policy *policy, const char *view_name,
                            struct audit_list_words *lists, struct audit_event_words *words,
                            struct audit_row *row, const struct audit_kit **kit)
{
    *kit = NULL;
    if (!has_kit(event, policy, view_name)) {
        return audit_event_row(event, policy, view_name, lists, words, row);
    }
    adopt(kits, policy);
    const struct key key = key_of(event, policy);
    struct place *const place = find(kits, &key, view_name);
    if (place->kit.id != 0) {
        audit_kit_begin(&place->kit, row);
        row->follows = follows(event);
        *kit = &place->kit;
        return audit_event_row_own(event, &place->rule, words, row);
    }
    if (!audit_event_row(event, policy, view_name, lists, words, row)) {
        return false;
    }
    if (policy_hit_row(policy, &event->hit, &place->rule)) {
        row->follows = follows(event);
        *kit = keep(kits, place, &key, row);
    }
    return true;
}
