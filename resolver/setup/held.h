/*
 * setup/held.h - lists of which an older version counts, by a local decision: a rollback, or a
 * stage of a staged roll-out.
 *
 * What is held is a version that was in force here once, kept as text and signatures in the
 * state directory. It is verified again whenever lists are loaded, under the keys that count
 * then. The ratchet knows nothing of it: newer versions are accepted and remembered as ever,
 * and when the hold ends the newest counts.
 */
#ifndef CORDON_SETUP_HELD_H
#define CORDON_SETUP_HELD_H

#include "policy/load.h"

/* For whom the version in the folder counts meanwhile, where it is newer. */
enum setup_newer {
    SETUP_NEWER_WAITS, /* nobody: it waits (a rollback) */
    SETUP_NEWER_STAGED /* for whom its stage says (lists.stages); without a newer one, and where
                          there are no stages, nothing is held */
};

/* One list; everything is borrowed until the snapshot is made. */
struct setup_held {
    char id[POLICY_LIST_ID_MAX + 1];
    struct policy_load_held version; /* that counts */
    enum setup_newer newer;
    /* The number, from 0, of the stage of the newer version of this serial; any other one is at
     * the first. */
    uint32_t newer_serial;
    unsigned stage;
};

/* All of them: at most one of each list. A list that is loaded by no view is passed over. */
struct setup_held_set {
    const struct setup_held *at;
    size_t count;
    const uint8_t *key; /* SIPHASH_KEY_OCTETS: who belongs to a share; NULL: nobody does */
};

/* A list of which both versions are loaded. No share and no view: the newer one is on trial. */
struct setup_staged {
    char id[POLICY_LIST_ID_MAX + 1];
    uint32_t held, newer; /* serials */
    unsigned stage;       /* as above */
    uint16_t share;       /* of the clients that have the newer one, per mille; 0: none */
    uint64_t views;       /* whose clients have it: a bit for each of that number */
};

/* The one of this list; NULL: it is not held. set NULL: none is. */
const struct setup_held *setup_held_find(const struct setup_held_set *set, const char *id);
/* That of the list in a snapshot; NULL: one version of it counts for all. */
struct setup_snapshot;
const struct setup_staged *setup_staged_find(const struct setup_snapshot *snapshot,
                                             const char *id);

/* The mode of a list in a view, whichever version of it counts there; OFF: no such list. */
enum policy_mode setup_list_mode(const struct setup_snapshot *snapshot, unsigned view,
                                 const char *id);

/* What a stage is in words: "log", "10% of clients", "views a, b". staged is the snapshot's. */
#define SETUP_STAGE_WORDS_MAX 512u
void setup_staged_words(const struct setup_snapshot *snapshot,
                        const struct setup_staged *staged, char out[SETUP_STAGE_WORDS_MAX]);

#endif
