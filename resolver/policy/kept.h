/*
 * policy/kept.h - the folder in which compiled images are kept between starts. Cold.
 *
 * An image lies there as DIGEST-OF-INPUTS.image, with a digest keyed by image.key, which only
 * the daemon's user can read. Whatever is wrong with the folder is a warning: an image can
 * always be compiled again.
 */
#ifndef CORDON_POLICY_KEPT_H
#define CORDON_POLICY_KEPT_H

#include "base/digest.h"
#include "base/report.h"
#include "policy/image.h"
#include "policy/limits.h"
#include "trust/minisign.h"

/* Images that stay in the folder: the current one, and the one before for a step back. */
#define POLICY_KEPT_MAX 2u

/* Maps the image of these inputs. NULL if there is none; a damaged one is a warning. */
struct policy_image *policy_kept_find(const char *folder, const uint8_t inputs[32],
                                      struct report *report);

/* Keeps the image, makes the folder and the key if they are missing, and removes all but the
 * newest POLICY_KEPT_MAX images. */
void policy_kept_add(const char *folder, const uint8_t inputs[32],
                     const struct policy_image *image, struct report *report);

/* Texts of lists that were read and verified here, by both of their hashes: the one that is
 * signed, and the one by which images are found. Forged they would make an image stand for
 * what it was not made of, so they are under the same key. */
#define POLICY_KEPT_TEXTS "texts.known"
struct policy_kept_text {
    char id[65];
    uint64_t octets;
    uint8_t hash[TRUST_HASH_OCTETS];
    uint8_t digest[DIGEST_OCTETS];
};
struct policy_kept_texts {
    struct policy_kept_text at[POLICY_LISTS_MAX];
    size_t count;
};

/* False, and none: there is no such file, or anything is wrong with it. */
bool policy_kept_texts_find(const char *folder, struct policy_kept_texts *texts);
/* Writes them, if others are there; where it cannot, the next start reads all texts. */
void policy_kept_texts_note(const char *folder, const struct policy_kept_texts *texts);

#endif
