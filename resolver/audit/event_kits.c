#include "audit/event_kits.h"

#include "audit/decision_key.h"
#include "audit/varint.h"

#include <stdlib.h>
#include <string.h>

#define KITS   256u /* of a row, an action, a transport ...: some tens are in use */
#define PLACES 4u   /* of a kit, in a row: where others are, one of them goes */

/* Whatever decides the other columns. Compared as octets: no padding. */
struct key {
    struct audit_decision_key decision; /* of a question what it has of it, else 0 */
    uint8_t trigger, hop, is_question, zero[5];
};
_Static_assert(sizeof(struct key) == 24 && offsetof(struct key, trigger) == 16, "no padding");

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
    uint64_t more;

    memcpy(&more, &key->trigger, sizeof(more));
    struct place *const row =
        &kits->at[audit_decision_key_hash(&key->decision, more) % (KITS / PLACES) * PLACES];
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
        .decision = {.view = steady->view,
                     .transport = steady->transport,
                     .rcode = steady->rcode,
                     .cached = steady->cached},
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
    const struct key key = {
        .decision = audit_decision_key_of(event, policy),
        .trigger = event->hit.trigger,
        .hop = event->hit.hop,
    };
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
