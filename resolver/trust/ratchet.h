/*
 * trust/ratchet.h - the highest versions and serials that were ever accepted, in one file that
 * outlives the process: what is older is refused from then on.
 *
 * The file is a text like a root, ends with a check over itself, and is replaced as a whole
 * (temporary file, fsync, rename, fsync of the folder) before what it remembers is put in
 * force: a process that is killed at any instant leaves the old file or the new one. A damaged
 * file is refused and never begun anew by itself, since that would be the rollback it is there
 * to stop.
 */
#ifndef CORDON_TRUST_RATCHET_H
#define CORDON_TRUST_RATCHET_H

#include "trust/catalogue.h"

#define TRUST_RATCHET_FILE "trust.ratchet" /* in the state directory */

/* What was accepted of one list. */
struct trust_mark_list {
    char id[TRUST_ID_MAX + 1];
    uint32_t serial;
    uint8_t hash[TRUST_HASH_OCTETS];
};

/* What was accepted of one publisher. */
struct trust_mark {
    char publisher[TRUST_ID_MAX + 1];
    uint32_t root_version;
    uint8_t root_hash[TRUST_HASH_OCTETS];
    uint32_t serial; /* of the catalogue */
    uint8_t hash[TRUST_HASH_OCTETS];
    struct trust_keyring keys;     /* the list keys of the root under which that was */
    struct trust_mark_list *lists; /* by id, ascending */
    size_t count;
};

struct trust_ratchet {
    uint64_t seen_s;          /* the highest time ever seen; 0: none */
    struct trust_mark *marks; /* by publisher, ascending; TRUST_PUBLISHERS_MAX have room */
    size_t count;
    uint8_t was[TRUST_HASH_OCTETS]; /* of the text that was read; zeros: there was no file */
};

/* The ratchet at path, an empty one if there is no file. Freed by trust_ratchet_free. 0;
 * CORDON_E_CORRUPT, CORDON_E_VERSION, CORDON_E_TOO_LARGE, -errno: reported with what to do. */
int trust_ratchet_read(const char *path, struct report *report, struct trust_ratchet **ratchet);
void trust_ratchet_free(struct trust_ratchet *ratchet); /* NULL is fine */

/*
 * Replaces the file. -EAGAIN if it is no longer the one that was read (another process was
 * faster: read it again and look again at what you accept); -errno; both reported. 0 once the
 * new one will outlast a power failure.
 */
int trust_ratchet_write(struct trust_ratchet *ratchet, const char *path, struct report *report);

/* For fuzzing and tests: the text alone. */
int trust_ratchet_parse(const char *text, size_t len, const char *file, struct report *report,
                        struct trust_ratchet **ratchet);
int trust_ratchet_format(const struct trust_ratchet *ratchet, char **text, size_t *len);

/* NULL if nothing was accepted of that publisher, or of that list, so far. */
const struct trust_mark *trust_ratchet_find(const struct trust_ratchet *ratchet,
                                            const char *publisher);
const struct trust_mark_list *trust_mark_find(const struct trust_mark *mark, const char *id);

/*
 * Notes that this root and this catalogue were accepted; anew: what was known of the
 * publisher's serials no longer counts. Nothing is written. 0; CORDON_E_LIMIT (more publishers
 * or lists than are remembered); -ENOMEM. On failure the ratchet is as it was.
 */
int trust_ratchet_note(struct trust_ratchet *ratchet, const struct trust_root *root,
                       const struct trust_catalogue *catalogue, bool anew);

#endif
