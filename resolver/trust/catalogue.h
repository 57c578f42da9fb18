/*
 * trust/catalogue.h - what a publisher has at a time: every list with serial, size and hash,
 * under one serial and with a short expiry. The format is in docs/trust.md.
 *
 * It stops mix-and-match (lists of different days together) and freeze (a mirror that never
 * shows what is new: the catalogue expires). The list keys sign it.
 */
#ifndef CORDON_TRUST_CATALOGUE_H
#define CORDON_TRUST_CATALOGUE_H

#include "trust/root.h"

struct trust_entry {
    char id[TRUST_ID_MAX + 1];
    uint32_t serial;
    uint64_t size; /* octets of the text, 1 to TRUST_LIST_OCTETS_MAX */
    uint8_t hash[TRUST_HASH_OCTETS];
    bool has_image;
    uint8_t image[TRUST_HASH_OCTETS]; /* of the compiled list, if has_image */
};

#define TRUST_LIST_OCTETS_MAX 2147483648u /* a list has at most 2 GiB */

struct trust_catalogue {
    char publisher[TRUST_ID_MAX + 1];
    uint32_t serial;
    uint64_t created_s, expires_s;
    uint8_t hash[TRUST_HASH_OCTETS]; /* of the text */
    struct trust_entry *entries;     /* by id, ascending */
    size_t count;
};

/* As trust_root_parse; freed by trust_catalogue_free. */
int trust_catalogue_parse(const char *text, size_t len, const char *file, struct report *report,
                          struct trust_catalogue **catalogue);
void trust_catalogue_free(struct trust_catalogue *catalogue); /* NULL is fine */

/* The text; the caller frees it. 0 or -ENOMEM. */
int trust_catalogue_format(const struct trust_catalogue *catalogue, char **text, size_t *len);

/* Reads the catalogue at path: a threshold of the root's list keys must have signed it, before
 * a line of it is parsed, and it must be of the root's publisher. Neither expiry nor serial is
 * looked at. 0; CORDON_E_THRESHOLD; CORDON_E_REFUSED; the codes of file_read and parsing; all
 * reported. */
int trust_catalogue_read(const char *path, const struct trust_root *root, struct report *report,
                         struct trust_catalogue **catalogue);

/* NULL if the catalogue has no list of this id. */
const struct trust_entry *trust_catalogue_find(const struct trust_catalogue *catalogue,
                                               const char *id);

/* Is this text the one that the entry names? CORDON_E_REFUSED (reported with what differs). */
int trust_entry_check(const struct trust_entry *entry, const char *path, const uint8_t *text,
                      size_t len, struct report *report);
/* The same for a text of so many octets with this trust_hash(). */
int trust_entry_check_hash(const struct trust_entry *entry, const char *path,
                           const uint8_t hash[TRUST_HASH_OCTETS], size_t len,
                           struct report *report);

#endif
