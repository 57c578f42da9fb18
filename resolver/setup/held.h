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
    SETUP_NEWER_WAITS,    /* nobody: it waits (a rollback) */
    SETUP_NEWER_RECORDED, /* nobody, but what it would do is recorded, as in mode log */
    SETUP_NEWER_SHARE,    /* a share of the clients */
    SETUP_NEWER_VIEWS     /* these views */
};

/* One list; everything is borrowed until the snapshot is made. */
struct setup_held {
    char id[POLICY_LIST_ID_MAX + 1];
    struct policy_load_held version; /* that counts */
    enum setup_newer newer;
    unsigned share;           /* SETUP_NEWER_SHARE: per mille, 1 to 999 */
    const char *const *views; /* SETUP_NEWER_VIEWS */
    size_t view_count;
};

/* All of them: at most one of each list. A list that is loaded by no view is passed over. */
struct setup_held_set {
    const struct setup_held *at;
    size_t count;
    const uint8_t
        *key; /* SIPHASH_KEY_OCTETS: who belongs to a share; NULL: there is no share */
};

/* A list of which both versions are loaded. */
struct setup_staged {
    char id[POLICY_LIST_ID_MAX + 1];
    uint32_t held, newer; /* serials */
    enum setup_newer how; /* never WAITS */
    uint16_t share;       /* per mille, of SHARE; else 0 */
    uint64_t views;       /* of VIEWS: a bit for each of that number; else 0 */
};

/* The one of this list; NULL: it is not held. set NULL: none is. */
const struct setup_held *setup_held_find(const struct setup_held_set *set, const char *id);

#endif
