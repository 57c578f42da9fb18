/*
 * policy/attested.h - images that count before the texts are read, by what is signed. Cold.
 *
 * The catalogue names the hash of each text and of its image, and a threshold of list keys has
 * signed it. The same number must have signed each list, which can be seen without its text: a
 * signature is over its hash. So who may say what is blocked has said it, and hashing the image
 * alone tells that this is it. What is left for later is whether the file of the text is the
 * one that was signed, and whether the image is of it: policy/reread.h.
 *
 * That counts where the text is large enough to be waited for
 * (policy_load_request.late_octets), and wherever the image could stand for it anyway
 * (policy/shipped.h): one list, by a catalogue, of a publisher that may speak of everything,
 * not held at another version. Elsewhere it is for what was kept (policy/known.h).
 */
#ifndef CORDON_POLICY_ATTESTED_H
#define CORDON_POLICY_ATTESTED_H

#include "policy/arrival.h"

/* True: made has the image, and of each list what is signed about it, `unread`; where arrivals
 * come from is noted. False: nothing was touched or said, and the texts are to be read. */
bool policy_attested_load(const struct policy_load_request *request, struct report *report,
                          struct arrival *arrivals, struct policy_loaded *made);

#endif
