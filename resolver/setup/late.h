/*
 * setup/late.h - what may wait until lists are in force: large texts whose image counts already
 * are read and verified (policy/reread.h), and large texts are kept as versions.
 *
 * setup_snapshot_make_for() makes it where the request has late_octets; whoever puts the
 * snapshot in force takes it, has it run on a thread of low priority, and then has it told to
 * the snapshot.
 */
#ifndef CORDON_SETUP_LATE_H
#define CORDON_SETUP_LATE_H

#include "setup/setup.h"
#include "setup/trust.h"

#include <limits.h>
#include <stdatomic.h>

struct setup_late_list {
    char id[65];
    char path[PATH_MAX]; /* of its text */
    char publisher[65];  /* as in setup_broken */
    uint32_t serial;
    uint8_t digest[DIGEST_OCTETS]; /* as of the snapshot */
    bool unread;                   /* and what is signed about it: */
    bool named;                    /* by a catalogue */
    uint64_t size;
    uint8_t hash[TRUST_HASH_OCTETS];
    struct trust_keyring keyring;
    /* Once it has run. */
    int rc; /* of policy_reread() */
    struct trust_verdict verdict;
    struct policy_list *head; /* NULL: none */
};

struct setup_late {
    struct setup_late_list *at;
    size_t count;
    char folder[PATH_MAX]; /* of versions; "": none are kept */
    bool check;            /* what is kept already is compared */
    bool shipped;          /* the image in force is the publisher's */
    struct report report;  /* once it has run */
};

/* 0 and *late, with all that is to be read or kept; -ENOMEM. */
int setup_late_make(const struct config *config, const struct setup_trust *trust,
                    const struct setup_request *request, const struct policy_loaded *loaded,
                    struct setup_late **late);
/* Keeps what is not to wait, once nothing can fail any more: what cannot be kept is told, and
 * no failure. Frees it, and *late is NULL, if nothing is left for later. */
void setup_late_keep_small(struct setup_late **late, uint64_t late_octets,
                           struct report *report);
void setup_late_free(struct setup_late *late); /* NULL is fine */

/* Reads, verifies, keeps; until *give_up. Any thread. */
void setup_late_run(struct setup_late *late, const _Atomic bool *give_up);

/*
 * Tells a snapshot that is in force, and one that it was derived from (the same: it is a root),
 * who has signed what was read, and what the lists say of themselves; publishers of which a
 * text is not what was signed are broken from now on. On the thread that these belong to: who
 * decides by them looks at none of it. The first code that is not 0.
 */
int setup_late_tell(struct setup_late *late, struct setup_snapshot *root,
                    struct setup_snapshot *current);

#endif
