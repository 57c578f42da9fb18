/*
 * trust/signed.h - a file that counts only with the signatures beside it. Internal to the room.
 */
#ifndef CORDON_TRUST_SIGNED_H
#define CORDON_TRUST_SIGNED_H

#include "trust/keyring.h"

/* Reads at most max octets of a regular file; data is the caller's. what: "the catalogue". The
 * codes of file_read, reported. */
int signed_read(const char *path, size_t max, const char *what, struct report *report,
                uint8_t **data, size_t *len);

/* trust_verify_beside, but what is wrong with single signature files is only told if too few
 * are right: beside a root lie signatures of keys that an older or newer root names. */
int signed_verify(const struct trust_keyring *keyring, const char *path, const uint8_t *data,
                  size_t len, struct report *report, struct trust_verdict *verdict);

#endif
