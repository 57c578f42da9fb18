/*
 * policy/kept_inside.h - what kept.c and kept_texts.c share.
 */
#ifndef CORDON_POLICY_KEPT_INSIDE_H
#define CORDON_POLICY_KEPT_INSIDE_H

#include "policy/kept.h"

/* The key of the folder, to be wiped after use. -ENOENT: there is none; CORDON_E_CORRUPT: it is
 * no key, or others could have read or written it. */
int kept_key(const char *folder, uint8_t key[DIGEST_KEY_OCTETS]);

#endif
