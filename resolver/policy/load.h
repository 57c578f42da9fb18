/*
 * policy/load.h - from list files on disk to an image: verify, parse, merge, keep.
 *
 * For daemon and tool. Cold: reads files, allocates, takes seconds for millions of rules.
 */
#ifndef CORDON_POLICY_LOAD_H
#define CORDON_POLICY_LOAD_H

#include "base/report.h"
#include "policy/image.h"
#include "policy/limits.h"
#include "trust/keyring.h"

struct policy_load_request {
    const char *directory;  /* where ID.list and ID.list.*.minisig are */
    const char *const *ids; /* lists to load */
    size_t id_count;
    const struct trust_keyring *keyring;
    uint64_t now_s;              /* wall clock: for warnings on expiry; 0: do not look */
    const char *cache_directory; /* where the compiled image is kept; NULL: nowhere */
    bool heads;                  /* policy_loaded.heads are wanted */
};

enum policy_freshness {
    POLICY_FRESH,
    POLICY_STALE,          /* past `expires`: still enforced, with a warning */
    POLICY_CLOCK_UNTRUSTED /* now is before `created`: nothing expires */
};

/* How one list was loaded, for the first screen and `cordon status`. */
struct policy_loaded_list {
    char id[65];
    uint32_t serial;
    uint64_t created_s, expires_s;
    size_t rules;
    enum policy_freshness freshness;
    struct trust_verdict verdict; /* which keys signed */
};

struct policy_loaded {
    struct policy_image *image; /* the caller's */
    struct policy_loaded_list lists[POLICY_LISTS_MAX];
    size_t list_count;
    bool from_cache; /* the image was kept from before and still matches */
    /* As many as lists: header and facts of each, the caller's; NULL unless wanted. */
    struct policy_list *heads[POLICY_LISTS_MAX];
};

/*
 * Verifies every list, then parses, merges and compiles (or maps the kept image whose inputs
 * are the same; a damaged kept image is reported as a warning and rebuilt). A list whose id
 * line differs from its file name is refused. 0, or the first error's code with everything in
 * the report: then nothing is loaded and out is untouched.
 * Freshness at now_s: see policy_freshness_at.
 */
int policy_load(const struct policy_load_request *request, struct report *report,
                struct policy_loaded *out);

/* Frees the image and the heads of what nobody has taken over. */
void policy_loaded_drop(struct policy_loaded *loaded);

enum policy_freshness policy_freshness_at(uint64_t created_s, uint64_t expires_s,
                                          uint64_t now_s);

/* Reads and verifies one list file and parses it. Its name is ID.list with the id of its id
 * line, or it is refused. 0 and *list, which is the caller's, and *verdict; or the first
 * error's code with the report, and neither is touched. */
int policy_load_list(const char *path, const struct trust_keyring *keyring,
                     struct report *report, struct policy_list **list,
                     struct trust_verdict *verdict);

#endif
