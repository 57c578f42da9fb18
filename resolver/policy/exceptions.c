#include "policy/exceptions.h"

#include "base/error.h"
#include "base/random.h"
#include "base/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_EXCEPTION 0u

/* A suffix of the name of some exception. Every suffix of one has a node, so that a look-up
 * ends where there is none. */
struct node {
    uint64_t hash;
    uint64_t below; /* a bit for each view with an exception below this suffix */
    uint32_t owner; /* number of an exception with this suffix; 0: the node is free */
    uint32_t first; /* of the exceptions for exactly this suffix */
    uint8_t labels;
};

/* A rule that does not count. */
struct rule_slot {
    uint64_t hash;
    uint32_t first; /* of the exceptions for it, one a view; 0: the slot is free */
    uint8_t list;
};

struct policy_exceptions {
    uint8_t key[SIPHASH_KEY_OCTETS]; /* names are told to us: nobody can aim at one chain */
    struct policy_exception *list;
    uint32_t *next; /* the exception after each for the same suffix, or 0 */
    size_t count;
    struct node *nodes;
    size_t mask;
    struct rule_slot *rules;
    size_t rule_mask;
    bool any_rule, any_chain_rule;
};

_Static_assert(POLICY_VIEWS_MAX <= 64, "views are bits of a word");
_Static_assert(POLICY_EXCEPTIONS_ALL_MAX <= UINT16_MAX, "a hit has a number of 16 bits");

static uint64_t view_bits(uint8_t view)
{
    return view == POLICY_ANY_VIEW ? UINT64_MAX : UINT64_C(1) << (view & 63);
}

static bool same_suffix(const struct wire_name *a, const struct wire_name *b, unsigned labels)
{
    const uint8_t *left = a->octets + a->at[a->labels - labels];
    const uint8_t *right = b->octets + b->at[b->labels - labels];
    const size_t left_len = a->len - (size_t)(left - a->octets);

    return left_len == b->len - (size_t)(right - b->octets) &&
           memcmp(left, right, left_len) == 0;
}

/* The node of the suffix with this hash, or the free one where it would be. */
static struct node *node_of(const struct policy_exceptions *exceptions, uint64_t hash,
                            const struct wire_name *name, unsigned labels)
{
    size_t at = (size_t)hash & exceptions->mask;

    for (;;) { /* at most half of the nodes are taken */
        struct node *node = &exceptions->nodes[at];

        if (node->owner == NO_EXCEPTION ||
            (node->hash == hash && node->labels == labels &&
             same_suffix(name, &exceptions->list[node->owner - 1].name, labels))) {
            return node;
        }
        at = (at + 1) & exceptions->mask;
    }
}

/* One for a rule is not looked for by name; but what it lets through is there, so that nothing
 * above it may be said not to exist. */
static void add(struct policy_exceptions *exceptions, uint32_t number)
{
    const struct policy_exception *exception = &exceptions->list[number - 1];
    const struct wire_name *name = &exception->name;
    struct siphash state;

    siphash_init(&state, exceptions->key);
    for (unsigned labels = 1; labels <= name->labels; labels++) {
        siphash_add_label(&state, name->octets + name->at[name->labels - labels]);
        const uint64_t hash = siphash_read(&state);
        struct node *node = node_of(exceptions, hash, name, labels);

        if (node->owner == NO_EXCEPTION) {
            *node = (struct node){.hash = hash, .owner = number, .labels = (uint8_t)labels};
        }
        if (labels < name->labels) {
            node->below |= view_bits(exception->view);
        } else if (exception->is_rule) {
            /* A rule about name servers keeps no name from being there. */
            node->below |= exception->match == POLICY_MATCH_EXACT ||
                                   exception->about != POLICY_SUBJECT_ANSWER
                               ? 0
                               : view_bits(exception->view);
        } else {
            exceptions->next[number - 1] = node->first;
            node->first = number;
            node->below |= exception->exact ? 0 : view_bits(exception->view);
        }
    }
}

/* --- rules --- */

#define KEY_HEAD 5u

#define KEY_OCTETS (WIRE_NAME_MAX + KEY_HEAD)

static uint64_t hash_of_rule(const struct policy_exceptions *exceptions,
                             const struct policy_rule_key *key)
{
    uint8_t octets[KEY_OCTETS] = {key->list, (uint8_t)key->match, (uint8_t)key->about,
                                  key->family, key->bits};

    memcpy(octets + KEY_HEAD, key->what, key->len);
    return siphash13(octets, KEY_HEAD + key->len, exceptions->key);
}

static struct policy_rule_key key_of(const struct policy_exception *exception, uint8_t list)
{
    if (exception->match == POLICY_MATCH_PREFIX) {
        return (struct policy_rule_key){.list = list,
                                        .match = exception->match,
                                        .about = exception->about,
                                        .family = exception->prefix.family,
                                        .bits = exception->prefix.bits,
                                        .len = sizeof(exception->prefix.octets),
                                        .what = exception->prefix.octets};
    }
    return (struct policy_rule_key){.list = list,
                                    .match = exception->match,
                                    .about = exception->about,
                                    .len = exception->name.len,
                                    .what = exception->name.octets};
}

static bool same_key(const struct policy_rule_key *a, const struct policy_rule_key *b)
{
    return a->list == b->list && a->match == b->match && a->about == b->about &&
           a->family == b->family && a->bits == b->bits && a->len == b->len &&
           memcmp(a->what, b->what, a->len) == 0;
}

/* The slot of the rule, or the free one where it would be. */
static struct rule_slot *slot_of(const struct policy_exceptions *exceptions, uint64_t hash,
                                 const struct policy_rule_key *key)
{
    size_t at = (size_t)hash & exceptions->rule_mask;

    for (;;) { /* at most half of the slots are taken */
        struct rule_slot *slot = &exceptions->rules[at];

        if (slot->first == NO_EXCEPTION) {
            return slot;
        }
        if (slot->hash == hash) {
            const struct policy_rule_key found =
                key_of(&exceptions->list[slot->first - 1], slot->list);

            if (same_key(&found, key)) {
                return slot;
            }
        }
        at = (at + 1) & exceptions->rule_mask;
    }
}

static bool find_list(const struct policy_image *image, const char *id, uint8_t *list)
{
    const size_t count = image == NULL ? 0 : policy_image_lists(image);
    struct policy_image_list found;

    for (size_t i = 0; i < count && i < POLICY_LISTS_MAX; i++) {
        if (policy_image_list_at(image, i, &found) && strcmp(found.id, id) == 0) {
            *list = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static void add_rule(struct policy_exceptions *exceptions, uint32_t number,
                     const struct policy_image *image)
{
    const struct policy_exception *exception = &exceptions->list[number - 1];
    uint8_t list = 0;

    if (!find_list(image, exception->list, &list)) {
        return;
    }
    const struct policy_rule_key key = key_of(exception, list);
    const uint64_t hash = hash_of_rule(exceptions, &key);
    struct rule_slot *slot = slot_of(exceptions, hash, &key);
    exceptions->next[number - 1] = slot->first;
    *slot = (struct rule_slot){.hash = hash, .first = number, .list = list};
    exceptions->any_rule = true;
    exceptions->any_chain_rule = exceptions->any_chain_rule || exception->chain;
}

/* hot */
unsigned policy_exceptions_find_rule(const struct policy_exceptions *exceptions, unsigned view,
                                     const struct policy_rule_key *key)
{
    const uint64_t hash = hash_of_rule(exceptions, key);
    uint32_t found = NO_EXCEPTION;

    for (uint32_t number = slot_of(exceptions, hash, key)->first; number != NO_EXCEPTION;
         number = exceptions->next[number - 1]) {
        const struct policy_exception *exception = &exceptions->list[number - 1];

        if ((view_bits(exception->view) >> (view & 63) & 1) != 0 &&
            (found == NO_EXCEPTION || exception->chain)) {
            found = number;
        }
    }
    return found;
}

bool policy_exceptions_have_rules(const struct policy_exceptions *exceptions, bool chain)
{
    return chain ? exceptions->any_chain_rule : exceptions->any_rule;
}

/* True if the set has such a rule of the list. */
static bool set_has(const struct policy_image *image, uint32_t set, uint8_t list,
                    const struct policy_exception *exception)
{
    const size_t size = policy_image_set_size(image, set);
    struct policy_row row;

    for (size_t i = 0; i < size; i++) {
        if (policy_image_row(image, set, i, &row) && row.list == list &&
            row.match == exception->match && row.subject == exception->about &&
            row.kind == POLICY_BLOCK) {
            return true;
        }
    }
    return false;
}

/* True if the list of this number is another version of the one before: they stand together. */
static bool is_version(const struct policy_image *image, unsigned list, const char *id)
{
    struct policy_image_list found;

    return policy_image_list_at(image, list, &found) && strcmp(found.id, id) == 0;
}

bool policy_exception_has_rule(const struct policy_exception *exception,
                               const struct policy_image *image)
{
    static const uint8_t label[] = {1, 'x'};
    struct policy_matches matches = {.count = 0};
    unsigned wanted = exception->name.labels;
    struct wire_name below;
    size_t pos = 0;
    uint8_t list = 0;

    if (!exception->is_rule || !find_list(image, exception->list, &list)) {
        return false;
    }
    if (exception->match == POLICY_MATCH_PREFIX) {
        struct address address = {.family = exception->prefix.family};

        memcpy(address.octets, exception->prefix.octets, sizeof(address.octets));
        wanted = exception->prefix.bits;
        policy_image_find_address(image, exception->about, &address, &matches);
    } else if (exception->match == POLICY_MATCH_BELOW) {
        /* Rules for what is below a name are found only from there. */
        uint8_t octets[sizeof(label) + WIRE_NAME_MAX];

        memcpy(octets, label, sizeof(label));
        memcpy(octets + sizeof(label), exception->name.octets, exception->name.len);
        if (wire_name_read(octets, sizeof(label) + exception->name.len, &pos, &below) !=
            WIRE_OK) {
            return false; /* nothing fits below it */
        }
        policy_image_find_name(image, &below, &matches);
    } else {
        policy_image_find_name(image, &exception->name, &matches);
    }
    const bool other = is_version(image, list + 1u, exception->list);
    for (unsigned i = 0; i < matches.count; i++) {
        if (matches.at[i].labels == wanted &&
            (set_has(image, matches.at[i].set, list, exception) ||
             (other && set_has(image, matches.at[i].set, (uint8_t)(list + 1), exception)))) {
            return true;
        }
    }
    return false;
}

/* --- all of them --- */

/* A power of two, and more than twice as much. */
static size_t room_for(size_t count)
{
    size_t room = 16;

    while (room < 2 * count) {
        room *= 2;
    }
    return room;
}

int policy_exceptions_build(const struct policy_exception *list, size_t count,
                            const struct policy_image *image, struct policy_exceptions **out)
{
    size_t suffixes = 0, rules = 0;

    if (count > POLICY_EXCEPTIONS_ALL_MAX) {
        return CORDON_E_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        suffixes += list[i].name.labels;
        rules += list[i].is_rule ? 1 : 0;
    }
    const size_t room = room_for(suffixes);
    const size_t rule_room = room_for(rules);
    struct policy_exceptions *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->list = calloc(count + 1, sizeof(made->list[0]));
    made->next = calloc(count + 1, sizeof(made->next[0]));
    made->nodes = calloc(room, sizeof(made->nodes[0]));
    made->rules = calloc(rule_room, sizeof(made->rules[0]));
    if (made->list == NULL || made->next == NULL || made->nodes == NULL ||
        made->rules == NULL) {
        policy_exceptions_free(made);
        return -ENOMEM;
    }
    made->mask = room - 1;
    made->rule_mask = rule_room - 1;
    made->count = count;
    random_system(made->key, sizeof(made->key));
    for (size_t i = 0; i < count; i++) {
        made->list[i] = list[i];
        add(made, (uint32_t)i + 1);
        if (list[i].is_rule) {
            add_rule(made, (uint32_t)i + 1, image);
        }
    }
    *out = made;
    return 0;
}

void policy_exceptions_free(struct policy_exceptions *exceptions)
{
    if (exceptions != NULL) {
        free(exceptions->list);
        free(exceptions->next);
        free(exceptions->nodes);
        free(exceptions->rules);
        free(exceptions);
    }
}

/* The one for exactly this suffix that counts, or 0. */
static uint32_t at_node(const struct policy_exceptions *exceptions, const struct node *node,
                        unsigned view, bool whole, bool chain)
{
    for (uint32_t number = node->first; number != NO_EXCEPTION;
         number = exceptions->next[number - 1]) {
        const struct policy_exception *exception = &exceptions->list[number - 1];

        if ((view_bits(exception->view) >> (view & 63) & 1) != 0 &&
            (whole || !exception->exact) && (exception->chain || !chain)) {
            return number;
        }
    }
    return NO_EXCEPTION;
}

/* hot */
unsigned policy_exceptions_find(const struct policy_exceptions *exceptions, unsigned view,
                                const struct wire_name *name, bool chain)
{
    uint32_t found = NO_EXCEPTION;
    struct siphash state;

    siphash_init(&state, exceptions->key);
    for (unsigned labels = 1; labels <= name->labels; labels++) {
        siphash_add_label(&state, name->octets + name->at[name->labels - labels]);
        const struct node *node = node_of(exceptions, siphash_read(&state), name, labels);
        if (node->owner == NO_EXCEPTION) {
            break;
        }
        const uint32_t here = at_node(exceptions, node, view, labels == name->labels, chain);
        found = here != NO_EXCEPTION ? here : found;
    }
    return found;
}

/* hot */
bool policy_exceptions_below(const struct policy_exceptions *exceptions, unsigned view,
                             const struct wire_name *name)
{
    struct siphash state;

    siphash_init(&state, exceptions->key);
    for (unsigned labels = 1; labels <= name->labels; labels++) {
        siphash_add_label(&state, name->octets + name->at[name->labels - labels]);
    }
    const struct node *node = node_of(exceptions, siphash_read(&state), name, name->labels);
    return node->owner != NO_EXCEPTION && (node->below >> (view & 63) & 1) != 0;
}

const struct policy_exception *policy_exceptions_at(const struct policy_exceptions *exceptions,
                                                    unsigned number)
{
    return exceptions != NULL && number != NO_EXCEPTION && number <= exceptions->count
               ? &exceptions->list[number - 1]
               : NULL;
}
