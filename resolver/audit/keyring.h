/*
 * audit/keyring.h - the keys of the days at hand, for whoever makes pseudonyms. Their files are
 * looked for, made and destroyed on a thread aside, so that a disk that hangs holds up nobody.
 *
 * Well: the first event of a day -> a job reads the day's key, or makes it; it is waited for,
 * but not long -> the key. Not: the disk hangs or refuses: a key of chance, in memory, which is
 * written as soon as it can be; if the folder turns out to have one for that day, that counts
 * from then on.
 *
 * One thread, the owner's.
 */
#ifndef CORDON_AUDIT_KEYRING_H
#define CORDON_AUDIT_KEYRING_H

#include "audit/pseudonym.h"

/* The files, as pseudonym.h has them; others are for tests. */
struct audit_keyring_disk {
    int (*read)(const char *folder, uint32_t day, uint8_t key[DIGEST_KEY_OCTETS]);
    int (*keep)(const char *folder, uint32_t day, uint8_t key[DIGEST_KEY_OCTETS]);
    int (*find)(const char *folder, uint32_t before, struct audit_days *found, uint32_t *days,
                size_t room);
    int (*destroy)(const char *folder, uint32_t before, struct audit_days *gone);
};

struct audit_keyring; /* opaque */

/* folder: copied; NULL: keys are in memory alone. disk NULL: the real one. NULL: no memory. */
struct audit_keyring *audit_keyring_create(const char *folder,
                                           const struct audit_keyring_disk *disk);
/* Wipes the keys in memory; those of the folder stay. NULL is fine. */
void audit_keyring_destroy(struct audit_keyring *ring);

/* The key of a day; borrowed until the next call. */
const uint8_t *audit_keyring_key(struct audit_keyring *ring, uint32_t day);
/* Another number than before: what was made with keys of before may be of others now. */
uint64_t audit_keyring_version(const struct audit_keyring *ring);

/* Takes what was done aside, and tries again what could not be written; many times a second is
 * fine. */
void audit_keyring_tick(struct audit_keyring *ring, uint64_t mono_us);

/* Nothing is being done aside; waits for it so long at most. */
bool audit_keyring_wait(struct audit_keyring *ring, unsigned ms);

/* The keys of days before this one that have a file. False: not known yet, ask again. */
bool audit_keyring_find(struct audit_keyring *ring, uint32_t before, struct audit_days *found);
/* Wipes the keys of days before this one at once, and destroys their files. False: they are
 * there still, ask again. *result: 0 or the first -errno; *gone in either case. */
bool audit_keyring_forget(struct audit_keyring *ring, uint32_t before, int *result,
                          struct audit_days *gone);

#endif
