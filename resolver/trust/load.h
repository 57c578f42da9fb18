/*
 * trust/load.h - a keyring from what an operator wrote: paths of .pub files or base64 lines.
 */
#ifndef CORDON_TRUST_LOAD_H
#define CORDON_TRUST_LOAD_H

#include "base/report.h"
#include "trust/keyring.h"

/*
 * Fills *keyring with the keys and the threshold. An entry of 56 base64 characters that begins
 * with "RW" is a key itself (minisign's form); anything else is the path of a .pub file. Every
 * fault is reported with the path and what to do. 0, CORDON_E_REFUSED (a key cannot be read,
 * two are the same, the threshold is 0 or above the number of keys).
 */
int trust_keyring_load(const char *const *keys, size_t count, unsigned threshold,
                       struct report *report, struct trust_keyring *keyring);

#endif
