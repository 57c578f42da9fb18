#include "audit/events_tree.h"

#include "base/invariant.h"

#include <string.h>

_Static_assert(AUDIT_EVENTS_AT_ONCE % (AUDIT_EVENTS_AT_ONCE / AUDIT_FAN) == 0,
               "the nodes of a level that is full have room in the one above");

void audit_events_begin(struct audit_events_tree *tree)
{
    for (unsigned i = 0; i < AUDIT_EVENTS_LEVELS; i++) {
        tree->levels[i].filled = 0;
        tree->grown[i] = false;
        for (unsigned j = 0; j < AUDIT_EVENTS_AT_ONCE / AUDIT_FAN; j++) {
            tree->levels[i].nodes[j][0] = 1;
        }
    }
}

static uint8_t *place_of(struct audit_events_level *level, uint32_t place)
{
    invariant(place < AUDIT_EVENTS_AT_ONCE);
    return level->nodes[place / AUDIT_FAN] + 1 + (size_t)(place % AUDIT_FAN) * DIGEST_OCTETS;
}

uint8_t *audit_events_place(struct audit_events_tree *tree, uint32_t ahead)
{
    return place_of(&tree->levels[0], tree->levels[0].filled + ahead);
}

/* What a level has becomes nodes of the one above. */
static void grow(struct audit_events_tree *tree, unsigned at)
{
    struct digest_buffer buffers[AUDIT_EVENTS_AT_ONCE / AUDIT_FAN];
    struct audit_events_level *level = &tree->levels[at];
    struct audit_events_level *above = level + 1;
    uint32_t count = 0;

    invariant(at + 1 < AUDIT_EVENTS_LEVELS);
    for (uint32_t done = 0; done < level->filled; done += AUDIT_FAN) {
        const uint32_t left = level->filled - done;
        const uint32_t children = left < AUDIT_FAN ? left : AUDIT_FAN;

        buffers[count] =
            (struct digest_buffer){level->nodes[count], 1 + (size_t)children * DIGEST_OCTETS,
                                   place_of(above, above->filled + count)};
        count++;
    }
    digest_of_many(buffers, count);
    above->filled += count;
    level->filled = 0;
    tree->grown[at] = true;
}

void audit_events_add(struct audit_events_tree *tree, uint32_t count)
{
    tree->levels[0].filled += count;
    for (unsigned i = 0; tree->levels[i].filled == AUDIT_EVENTS_AT_ONCE; i++) {
        grow(tree, i);
    }
}

void audit_events_end(struct audit_events_tree *tree, uint8_t root[DIGEST_OCTETS])
{
    unsigned top = 0;

    /* A level is the top if it has one place and nothing came before it. */
    for (; tree->grown[top] || tree->levels[top].filled != 1; top++) {
        invariant(top + 1 < AUDIT_EVENTS_LEVELS);
        if (tree->levels[top].filled != 0) {
            grow(tree, top);
        }
    }
    memcpy(root, place_of(&tree->levels[top], 0), DIGEST_OCTETS);
}
