/*
 * policy/versions.h - versions of lists that were in force here, kept as text and signatures:
 * so that one can be put back, and what was in force once can be explained.
 *
 * FOLDER/ID/SERIAL-HASH16.list, and its signatures beside it (....list.KEY.minisig); HASH16 is
 * the beginning of the hash of the text. A text is brought as ....list.arriving, and gets its
 * name when it has come into force: what is called .list was in force here. Its time is when it
 * last came into force. Written whole or not at all, whenever the process is killed.
 *
 * Whatever is wrong with the folder is a warning: what cannot be kept is in force all the same.
 * Cold.
 */
#ifndef CORDON_POLICY_VERSIONS_H
#define CORDON_POLICY_VERSIONS_H

#include "base/digest.h"
#include "base/report.h"
#include "policy/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_VERSIONS_FOLDER "lists" /* in the state directory */
#define POLICY_VERSION_HASH    16      /* digits of a hash in a name */

struct policy_kept_version {
    uint32_t serial;
    char hash[POLICY_VERSION_HASH + 1]; /* lower-case hexadecimal */
    uint64_t octets;                    /* of the text */
    uint64_t last_s;                    /* wall clock: when it last came into force */
    uint64_t last_ns;                   /* of that second */
};

/* What is kept, or is to be. */
struct policy_version_of {
    const char *folder; /* STATE/lists */
    const char *id;
    uint32_t serial;
    const uint8_t *hash; /* DIGEST_OCTETS: of the text */
};

/* The path of the text. False if it is too long. */
bool policy_version_path(const struct policy_version_of *what, char *path, size_t size);

/*
 * Copies the list at from, which was verified with this hash, and its signatures, unless it is
 * there. text: its len octets, which have that hash, where they are in memory; NULL: they are
 * read. check: what is there is read and compared with the hash; what is damaged is replaced,
 * with a warning. 0, or a negative code with a warning: among them -ENOSPC where the disk would
 * be too full for everything else, and CORDON_E_CORRUPT where the text at from is another by
 * now.
 */
int policy_version_bring(const struct policy_version_of *what, const char *from,
                         const uint8_t *text, size_t len, bool check, struct report *report);

/* It has come into force now: it gets its name and its time, and of this list all but the last
 * keep that were in force are removed, and what was brought in vain. Nothing if it was not
 * brought. */
void policy_version_settle(const struct policy_version_of *what, unsigned keep);

/* Those that were in force, the last first: *count of them. 0, also if there is no folder;
 * -errno. */
int policy_versions_find(const char *folder, const char *id,
                         struct policy_kept_version out[POLICY_VERSIONS_MAX], size_t *count);

/* The hash of a text that is kept, read anew. 0 or the code of reading. */
int policy_version_hash(const char *path, uint8_t hash[DIGEST_OCTETS]);

#endif
