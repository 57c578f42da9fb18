#include "setup/held.h"

#include <string.h>

const struct setup_held *setup_held_find(const struct setup_held_set *set, const char *id)
{
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        if (strcmp(set->at[i].id, id) == 0) {
            return &set->at[i];
        }
    }
    return NULL;
}
