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

struct policy_exceptions {
    uint8_t key[SIPHASH_KEY_OCTETS]; /* names are told to us: nobody can aim at one chain */
    struct policy_exception *list;
    uint32_t *next; /* the exception after each for the same suffix, or 0 */
    size_t count;
    struct node *nodes;
    size_t mask;
};

_Static_assert(POLICY_VIEWS_MAX <= 64, "views are bits of a word");
_Static_assert(POLICY_EXCEPTIONS_MAX <= UINT16_MAX, "a hit has a number of 16 bits");

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
        } else {
            exceptions->next[number - 1] = node->first;
            node->first = number;
            node->below |= exception->exact ? 0 : view_bits(exception->view);
        }
    }
}

int policy_exceptions_build(const struct policy_exception *list, size_t count,
                            struct policy_exceptions **out)
{
    size_t suffixes = 0;
    size_t room = 16;

    if (count > POLICY_EXCEPTIONS_MAX) {
        return CORDON_E_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        suffixes += list[i].name.labels;
    }
    while (room < 2 * suffixes) {
        room *= 2;
    }
    struct policy_exceptions *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->list = calloc(count + 1, sizeof(made->list[0]));
    made->next = calloc(count + 1, sizeof(made->next[0]));
    made->nodes = calloc(room, sizeof(made->nodes[0]));
    if (made->list == NULL || made->next == NULL || made->nodes == NULL) {
        policy_exceptions_free(made);
        return -ENOMEM;
    }
    made->mask = room - 1;
    made->count = count;
    random_system(made->key, sizeof(made->key));
    for (size_t i = 0; i < count; i++) {
        made->list[i] = list[i];
        add(made, (uint32_t)i + 1);
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
