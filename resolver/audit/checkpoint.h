/*
 * audit/checkpoint.h - what the log says about itself, signed: so many blocks, this root, at
 * this time, under this configuration and these lists (c2sp.org/tlog-checkpoint).
 *
 * Lines: origin; size; root in base64; then of cordon's own: "time" and an RFC 3339 time with
 * microseconds; "config" and 64 hexadecimal digits, where it is known; "list ID SERIAL" for
 * each list in force, in the order of the ids.
 */
#ifndef CORDON_AUDIT_CHECKPOINT_H
#define CORDON_AUDIT_CHECKPOINT_H

#include "audit/limits.h"
#include "base/clock.h"
#include "base/digest.h"
#include "trust/note.h"

struct audit_checkpoint_list {
    const char *id;
    uint64_t serial;
};

/* What holds when a checkpoint is made; borrowed for the call. */
struct audit_in_force {
    const uint8_t *config; /* DIGEST_OCTETS; NULL: not known */
    const struct audit_checkpoint_list *lists;
    size_t list_count;
};

struct audit_checkpoint {
    char origin[TRUST_NOTE_NAME_MAX];
    uint64_t size;
    uint8_t root[DIGEST_OCTETS];
    uint64_t time_us; /* 0: the line is missing */
    bool has_config;
    uint8_t config[DIGEST_OCTETS];
    unsigned lists; /* lines */
};

/* The whole signed note. key is of kind ED25519, and its name is the origin. Returns the
 * length; 0 if it does not fit. */
size_t audit_checkpoint_make(const struct audit_checkpoint *checkpoint,
                             const struct audit_in_force *in_force,
                             const struct trust_note_key *key,
                             const struct trust_secret_key *secret, char *out, size_t size);

/* Reads the text of a note that trust_note_parse has read. Extension lines of others are let
 * pass. 0 or CORDON_E_FORMAT. */
int audit_checkpoint_parse(const struct trust_note *note, struct audit_checkpoint *out);

#endif
