/*
 * policy/reread.h - the text of a list whose image counts already (policy/attested.h, known.h):
 * is it the one that was signed, and is the image of it? Cold, and long: for a thread of low
 * priority.
 *
 * It reads, hashes and compares, and verifies the signatures over what it has read; then it
 * keeps the version (policy/versions.h). Nothing that it finds changes what counts: that is for
 * whoever asks.
 */
#ifndef CORDON_POLICY_REREAD_H
#define CORDON_POLICY_REREAD_H

#include "policy/list.h"
#include "policy/versions.h"
#include "trust/keyring.h"

struct policy_reread {
    const char *path;                    /* of the text */
    const struct trust_keyring *keyring; /* who must have signed it; NULL: it was verified */
    bool named;                          /* size and hash are the catalogue's */
    bool shipped;                        /* the image is the publisher's */
    uint64_t size;
    uint8_t hash[TRUST_HASH_OCTETS];
    uint8_t digest[DIGEST_OCTETS];        /* of which the image says that it was made */
    const struct policy_version_of *keep; /* NULL: it is not kept */
    bool check;                           /* what is kept is compared, too */
};

/*
 * 0: all is well: *verdict says who has signed, and *head is the header and the facts of the
 * text, the caller's, or NULL; neither is touched where keyring is NULL. Else it is not, the
 * report says why, and nothing is kept: the code of reading; CORDON_E_REFUSED: it is not the
 * text of that hash; CORDON_E_THRESHOLD; CORDON_E_CORRUPT: the image is of another
 * text. A version that cannot be kept is a warning, and no failure.
 */
int policy_reread(const struct policy_reread *reread, struct report *report,
                  struct trust_verdict *verdict, struct policy_list **head);

#endif
