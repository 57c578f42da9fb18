/* A small, dense zone of names that lead to each other, served by a world's upstream. */
#ifndef CORDON_TESTS_SCENARIOS_DENSE_ZONE_H
#define CORDON_TESTS_SCENARIOS_DENSE_ZONE_H

#include "support/world.h"

#include <stdio.h>
#include <string.h>

enum {
    NAMES = 39 /* a, b, c, a.a ... c.c.c below test */
};

struct zone {
    char names[NAMES][32];
    int next[NAMES]; /* the CNAME's target, always a later name; below 0: an address */
};

static inline void make_zone(struct zone *zone, struct random *random)
{
    unsigned count = 0;

    for (unsigned i = 0; i < 3; i++) {
        snprintf(zone->names[count++], 32, "%c.test", "abc"[i]);
    }
    for (unsigned parent = 0; count < NAMES; parent++) {
        for (unsigned i = 0; i < 3; i++) {
            char *name = zone->names[count++];

            name[0] = "abc"[i];
            name[1] = '.';
            memcpy(name + 2, zone->names[parent], sizeof(zone->names[parent]) - 2);
        }
    }
    for (unsigned i = 0; i < NAMES; i++) {
        const unsigned later = NAMES - i - 1;

        zone->next[i] = later > 0 && random_below(random, 2) != 0
                            ? (int)(i + 1 + random_below(random, later))
                            : -1;
    }
}

static inline void serve_zone(struct world *world, const struct zone *zone)
{
    for (unsigned i = 0; i < NAMES; i++) {
        char records[2048];
        size_t used = 0;
        unsigned at = i;

        for (unsigned hop = 0; hop < 12 && zone->next[at] >= 0; hop++) {
            used += (size_t)snprintf(records + used, sizeof(records) - used,
                                     "%s. 60 IN CNAME %s.\n", zone->names[at],
                                     zone->names[zone->next[at]]);
            at = (unsigned)zone->next[at];
        }
        snprintf(records + used, sizeof(records) - used, "%s. 60 IN A 192.0.2.%u\n",
                 zone->names[at], at + 1);
        world_serve(world, zone->names[i], WIRE_A, records);
    }
}

#endif
