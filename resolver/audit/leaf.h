/*
 * audit/leaf.h - the leaves of the tree over a block's events, each with a salt of its own.
 *
 * A leaf is BLAKE2b-256(0x00 || salt || form), the form being that of steady.h. The salt of
 * event i are octets 16 i to 16 i + 15 of the stream that ChaCha20 makes of the block's salt,
 * which lies in its body: who has neither that nor the event's own salt cannot try out what the
 * event may have been, and one event's salt tells nothing of another's.
 */
#ifndef CORDON_AUDIT_LEAF_H
#define CORDON_AUDIT_LEAF_H

#include "base/digest.h"
#include "base/random.h"

#include "audit/steady.h"

#define AUDIT_SALT_OCTETS RANDOM_SEED_OCTETS /* of a block */
#define AUDIT_LEAF_SALT   16u                /* of an event */

/* The salt of one event. */
void audit_leaf_salt(const uint8_t salt[AUDIT_SALT_OCTETS], uint32_t event,
                     uint8_t out[AUDIT_LEAF_SALT]);
/* Those of `count` events, from one on whose number AUDIT_SALTS_AT_ONCE divides. out has room
 * up to the next whole AUDIT_SALTS_AT_ONCE. */
#define AUDIT_SALTS_AT_ONCE (RANDOM_STREAM_BLOCK / AUDIT_LEAF_SALT)
void audit_leaf_salts(const uint8_t salt[AUDIT_SALT_OCTETS], uint32_t from, uint32_t count,
                      uint8_t (*out)[AUDIT_LEAF_SALT]);
/* One leaf: of such a form, or of an event that has one. */
void audit_leaf_of(const uint8_t salt[AUDIT_LEAF_SALT], const uint8_t *form, size_t len,
                   uint8_t out[DIGEST_OCTETS]);
void audit_leaf(const uint8_t salt[AUDIT_LEAF_SALT], const struct audit_row *row,
                uint8_t out[DIGEST_OCTETS]);

/* Leaves of all events of a block, one after the other, and their tree (events_tree.h): many
 * are hashed at once. */
struct audit_leaves; /* opaque */

struct audit_leaves *audit_leaves_create(void);         /* NULL: no memory */
void audit_leaves_destroy(struct audit_leaves *leaves); /* NULL is fine */

/* Begins a block with this salt. out has a place for each of its events, and is borrowed until
 * the end; NULL: the leaves are for the tree alone. */
void audit_leaves_begin(struct audit_leaves *leaves, const uint8_t salt[AUDIT_SALT_OCTETS],
                        uint8_t (*out)[DIGEST_OCTETS]);
/* Where the form of the next event goes, AUDIT_LEAF_FORM_MAX octets, and behind it what its
 * finding is made of, AUDIT_FINDING_MAX. */
uint8_t *audit_leaves_room(struct audit_leaves *leaves);
/* It is there, and has `len` octets. finding: where in it a digest is missing, which is that of
 * the found_len octets behind the form; NULL: none is. */
void audit_leaves_add(struct audit_leaves *leaves, size_t len, uint8_t *finding,
                      size_t found_len);
/* Both for a row. */
void audit_leaves_add_row(struct audit_leaves *leaves, const struct audit_row *row);
/* There are no more: out has all, and no root is to be asked for. */
void audit_leaves_end(struct audit_leaves *leaves);
/* There are no more, but one at least, and they were for the tree. */
void audit_leaves_root(struct audit_leaves *leaves, uint8_t root[DIGEST_OCTETS]);

#endif
