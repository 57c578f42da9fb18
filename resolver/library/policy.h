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
    char publisher[TRUST_ID_MAX + 1]; /* whose root counts; "": keys alone */
    struct cordon_trust_info trust;   /* its publisher is the one above */
};

/* For decide.c and explain.c: a name in wire format, and a client (family 0: none); false if
 * it is none. What is public about a rule that matches. */
bool library_read_name(const uint8_t *octets, size_t len, struct wire_name *name);
bool library_read_client(int family, const uint8_t *octets, struct address *client);
void library_write_match(const struct policy_hit *hit, struct cordon_match *match);

#endif
