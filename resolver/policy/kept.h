/*
 * policy/kept.h - the folder in which compiled images are kept between starts. Cold.
 *
 * An image lies there as DIGEST-OF-INPUTS.image, with a digest keyed by image.key, which only
 * the daemon's user can read. Whatever is wrong with the folder is a warning: an image can
 * always be compiled again.
 */
#ifndef CORDON_POLICY_KEPT_H
#define CORDON_POLICY_KEPT_H

#include "base/report.h"
#include "policy/image.h"

/* Images that stay in the folder: the current one, and the one before for a step back. */
#define POLICY_KEPT_MAX 2u

/* Maps the image of these inputs. NULL if there is none; a damaged one is a warning. */
struct policy_image *policy_kept_find(const char *folder, const uint8_t inputs[32],
                                      struct report *report);

/* Keeps the image, makes the folder and the key if they are missing, and removes all but the
 * newest POLICY_KEPT_MAX images. */
void policy_kept_add(const char *folder, const uint8_t inputs[32],
                     const struct policy_image *image, struct report *report);

#endif
