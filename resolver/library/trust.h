/*
 * library/trust.h - inside libcordon: by whose word lists count, a publisher's root or keys,
 * and what was accepted of a publisher before.
 */
#ifndef CORDON_LIBRARY_TRUST_H
#define CORDON_LIBRARY_TRUST_H

#include "library/policy.h"
#include "trust/publisher.h"

#include <limits.h>

struct library_trust {
    struct trust_keyring keys;         /* without a root */
    struct trust_publisher *publisher; /* NULL: keys alone */
    struct trust_ratchet *ratchet;     /* NULL: nothing is remembered */
    char folder[PATH_MAX];             /* of the lists, links followed */
    char path[PATH_MAX];               /* of the ratchet */
    struct policy_load_source source;  /* of every list */
};

/* Reads keys; or root, catalogue and ratchet, and compares them. 0, or a code with everything
 * in the report. To be followed by library_trust_close, whatever it returns. */
int library_trust_open(const struct cordon_policy_options *options, uint64_t now_s,
                       struct report *report, struct library_trust *trust);

/* Remembers what is about to be used. 0 and *memory (enum cordon_memory), also if it cannot be
 * written; -EAGAIN: another process has remembered something meanwhile, so open it again. */
int library_trust_keep(struct library_trust *trust, uint64_t now_s, struct report *report,
                       int *memory);
void library_trust_close(struct library_trust *trust);

#endif
