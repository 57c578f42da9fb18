/*
 * trust/root.h - the root of trust of a publisher: whose keys sign what, and of what the
 * publisher may speak. The format is in docs/trust.md.
 *
 * A root names its own successor's signers: version N + 1 counts if a threshold of the root
 * keys of version N and a threshold of its own have signed it (TUF 1.0, 5.3). Root keys and
 * list keys are disjoint, by id and by octets, so that no key serves two roles.
 */
#ifndef CORDON_TRUST_ROOT_H
#define CORDON_TRUST_ROOT_H

#include "base/address.h"
#include "base/report.h"
#include "trust/keyring.h"
#include "trust/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRUST_ID_MAX   64u
#define TRUST_NAME_MAX 253u

/* What a publisher may speak of. A count of 0 and not all: of nothing of the kind. */
struct trust_scope {
    bool all_providers, all_names, all_prefixes;
    size_t provider_count, name_count, prefix_count;
    char providers[TRUST_SCOPE_PROVIDERS_MAX][TRUST_ID_MAX + 1];
    char names[TRUST_SCOPE_NAMES_MAX][TRUST_NAME_MAX + 1]; /* each with all below it */
    struct address_prefix prefixes[TRUST_SCOPE_PREFIXES_MAX];
};

struct trust_root {
    char publisher[TRUST_ID_MAX + 1];
    char title[TRUST_TITLE_MAX + 1];
    uint32_t version;
    uint64_t created_s, expires_s;
    struct trust_keyring root; /* signs roots */
    struct trust_keyring list; /* signs lists and catalogues */
    struct trust_scope scope;
    uint8_t hash[TRUST_HASH_OCTETS]; /* BLAKE2b-512 of the text; 0 until it was parsed */
};

/*
 * Parses the text of a root. file is what messages call it. 0 and *root, which the caller
 * frees with free(); CORDON_E_REFUSED, CORDON_E_VERSION, CORDON_E_TOO_LARGE, each reported;
 * -ENOMEM. What is accepted is, octet by octet, what trust_root_format would write.
 */
int trust_root_parse(const char *text, size_t len, const char *file, struct report *report,
                     struct trust_root **root);

/* The text; the caller frees it. 0 or -ENOMEM. Does not check: parse it again for that. */
int trust_root_format(const struct trust_root *root, char **text, size_t *len);

/*
 * Reads the root at path, which the installation pinned: nobody older vouches for it, but a
 * threshold of its own root keys must have signed it all the same. 0 and *root (free());
 * CORDON_E_THRESHOLD; the codes of file_read and trust_root_parse; all reported.
 */
int trust_root_pinned(const char *path, struct report *report, struct trust_root **root);

/*
 * Reads the successor of a root: signed by a threshold of old's root keys (before a line of it
 * is parsed) and of its own, the same publisher, its version exactly one higher. Expiry is not
 * looked at: an old root that has expired may still name its successor. As trust_root_pinned.
 */
int trust_root_successor(const struct trust_root *old, const char *path, struct report *report,
                         struct trust_root **root);

/*
 * From the pinned root along folder/N.root, one version after another, until there is none.
 * The newest; its expiry is for the caller to look at. As trust_root_pinned; CORDON_E_LIMIT
 * after TRUST_ROOTS_MAX.
 */
int trust_root_newest(const char *pinned, const char *folder, struct report *report,
                      struct trust_root **root);

/* How many keys of one keyring are in another, by their octets. */
size_t trust_keys_shared(const struct trust_keyring *a, const struct trust_keyring *b);

/* The words of a scope. provider and name as the format has them, the name in lower case
 * without the final dot. */
bool trust_scope_has_provider(const struct trust_scope *scope, const char *provider);
bool trust_scope_has_name(const struct trust_scope *scope, const char *name);
bool trust_scope_has_prefix(const struct trust_scope *scope,
                            const struct address_prefix *prefix);
bool trust_scope_is_all(const struct trust_scope *scope);

#endif
