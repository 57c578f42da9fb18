/*
 * audit/pseudonym.h - keyed pseudonyms of clients and names, and their keys: one for each day.
 *
 * A pseudonym is the first 16 octets of BLAKE2b with the key of the day (UTC) of the question,
 * so the same client is the same within a day, and another on the next. Who has a day's key can
 * try all addresses; when the key is destroyed nobody can, and records stay as they were
 * signed.
 *
 * A key is a file YYYY-MM-DD.key, mode 0600, in a folder of their own: 64 hexadecimal digits
 * and a newline.
 */
#ifndef CORDON_AUDIT_PSEUDONYM_H
#define CORDON_AUDIT_PSEUDONYM_H

#include "audit/row.h"
#include "base/digest.h"

#define AUDIT_DAY_US UINT64_C(86400000000)

/* Days since 1970 UTC. */
uint32_t audit_day_of(uint64_t wall_us);

/* Of an address, whole (IPv6: all 128 bits), without port and interface. */
void audit_pseudonym(const uint8_t key[DIGEST_KEY_OCTETS], const struct address *address,
                     uint8_t out[AUDIT_PSEUDONYM_OCTETS]);
/* Of a name in wire format, lower case; never that of an address. */
void audit_pseudonym_name(const uint8_t key[DIGEST_KEY_OCTETS], const uint8_t *name, size_t len,
                          uint8_t out[AUDIT_PSEUDONYM_OCTETS]);

/* A name as it is recorded where names are hashed: in the form of a client's pseudonym. No name
 * begins with 'k', which is no length of a label. */
#define AUDIT_HASHED_OCTETS (5 + AUDIT_PSEUDONYM_OCTETS)
bool audit_hashed_get(const uint8_t *octets, size_t len, uint32_t *day,
                      uint8_t out[AUDIT_PSEUDONYM_OCTETS]);

/* --- keys --- */

/* Keys of a folder that are looked at: eleven years. */
#define AUDIT_DAYS_MAX 4096u

/* The folder of keys beside the key of the log; false if it does not fit. */
bool audit_day_keys_folder(const char *state, char *out, size_t size);

/* 0; -ENOENT: there is none (any more); CORDON_E_FORMAT: it was being destroyed; -errno. */
int audit_day_key_read(const char *folder, uint32_t day, uint8_t key[DIGEST_KEY_OCTETS]);
/* Makes the folder (0700) and the file. One that is there already counts: it is then in key
 * (another process was first). 0 or -errno. */
int audit_day_key_keep(const char *folder, uint32_t day, uint8_t key[DIGEST_KEY_OCTETS]);

struct audit_days {
    unsigned count;
    uint32_t first, last; /* if count is not 0 */
};
/* The days before `before` that have a key, in *found; none without a folder. At most room of
 * them, lowest first or not, in days, which may be NULL. 0 or -errno. */
int audit_day_keys_find(const char *folder, uint32_t before, struct audit_days *found,
                        uint32_t *days, size_t room);
/* Destroys them: overwritten, synced, unlinked; then the folder is synced. *gone says which,
 * also after a failure. 0, or the first -errno. What a disk keeps of overwritten sectors is
 * beyond us (docs/audit.md, "Privacy and retention"). */
int audit_day_keys_destroy(const char *folder, uint32_t before, struct audit_days *gone);

/* --- one address over all days whose keys are there --- */

struct audit_pseudonyms; /* opaque */

/* 0 (also if there is no key at all); -EACCES: keys are there and may not be read; -errno. */
int audit_pseudonyms_create(const char *folder, const struct address *address,
                            struct audit_pseudonyms **out);
void audit_pseudonyms_destroy(struct audit_pseudonyms *pseudonyms); /* NULL is fine */
size_t audit_pseudonyms_count(const struct audit_pseudonyms *pseudonyms);
/* The i-th, by rising days: as a client, for a search. */
void audit_pseudonyms_at(const struct audit_pseudonyms *pseudonyms, size_t i,
                         struct audit_client *out);
/* Whether a recorded client is this address by its pseudonym. */
bool audit_pseudonyms_has(const struct audit_pseudonyms *pseudonyms,
                          const struct audit_client *client);

#endif
