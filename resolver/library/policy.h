/*
 * library/policy.h - inside libcordon: what a struct cordon_policy is.
 */
#ifndef CORDON_LIBRARY_POLICY_H
#define CORDON_LIBRARY_POLICY_H

#include "policy/load.h"
#include "policy/policy.h"

#include <cordon/policy.h>

/* The one view that a policy of the library has. */
#define LIBRARY_VIEW 0u

#define LIBRARY_POLICY_MAGIC 0x6c696263u

struct cordon_policy {
    uint32_t magic;
    struct policy *policy;
    struct policy_loaded_list loaded[POLICY_LISTS_MAX]; /* how each list was loaded */
    size_t loaded_count;
};

#endif
