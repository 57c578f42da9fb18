/*
 * policy/load.h - from list files on disk to an image: verify, parse, merge, keep.
 *
 * For daemon and tool. Cold: reads files, allocates, takes seconds for millions of rules.
 */
#ifndef CORDON_POLICY_LOAD_H
#define CORDON_POLICY_LOAD_H

#include "base/digest.h"
#include "base/report.h"
#include "policy/image.h"
#include "policy/limits.h"
#include "trust/publisher.h"

/* Where a list comes from, and by what it counts. */
struct policy_load_source {
    const char *directory; /* where ID.list and ID.list.*.minisig are */
    const struct trust_keyring *keyring;
    const struct trust_publisher *publisher; /* must name it, as it is; NULL: keys alone */
    const struct trust_scope *scope; /* what the operator lets it speak of; NULL: of all */
};

/* A version of a list that counts in place of the one in its folder: it lies elsewhere, with
 * its signatures beside it (PATH.KEYID.minisig), and is exactly this text. */
struct policy_load_held {
    const char *path;
    uint32_t serial;
    uint8_t hash[DIGEST_OCTETS];
    /* Its hash alone is looked at: for whoever explains what was in force once, and puts
     * nothing in force. */
    bool by_hash;
    /* Whose signatures it needs; NULL: those that its source needs. */
    const struct trust_keyring *keyring;
    /* It counts beside a newer one: the one in the folder is loaded as ever, and this one as
     * well, if that is newer. */
    bool beside;
    /* The newer one, where it lies elsewhere, too (its folder is broken); NULL: in the folder.
     * It must be there: what is wrong with it is an error. */
    const struct policy_load_held *newer;
};

struct policy_load_request {
    const char *directory;  /* of the lists and their signatures, where sources is NULL */
    const char *const *ids; /* lists to load */
    size_t id_count;
    const struct trust_keyring *keyring;             /* where sources is NULL */
    const struct policy_load_source *const *sources; /* of each list */
    const struct policy_load_held *const *held; /* of each list, or NULL; NULL: none at all */
    uint64_t dead_after_s;                      /* stale for so long: dead; 0: never */
    uint64_t now_s;              /* wall clock: for warnings on expiry; 0: do not look */
    bool asked_time;             /* now_s is no clock's, but a time that somebody asks about */
    const char *cache_directory; /* where the compiled image is kept; NULL: nowhere */
    bool heads;                  /* policy_loaded.heads are wanted */
    bool shipped; /* an image that a catalogue names may be used (policy/shipped.h) */
    /* Where a text has so many octets or more, an image may count before that is read: one that
     * is signed for, of a list alone (policy/attested.h), or one that was kept
     * (policy/known.h); 0: never. */
    uint64_t late_octets;
};

enum policy_freshness {
    POLICY_FRESH,
    POLICY_STALE,           /* past `expires`: still enforced, with a warning */
    POLICY_CLOCK_UNTRUSTED, /* now is before what surely was: nothing expires */
    POLICY_DEAD             /* stale for longer than the operator bears */
};

/* How one list was loaded, for the first screen and `cordon status`. */
struct policy_loaded_list {
    char id[65];
    uint32_t serial;
    uint64_t created_s, expires_s;
    size_t rules;
    enum policy_freshness freshness;
    struct trust_verdict verdict; /* which keys signed */
    char publisher[65];           /* by whose root and catalogue it counts; "": keys alone */
    uint32_t root_version, catalogue_serial;
    uint64_t due_s;              /* the earliest `expires` of list, catalogue and root */
    uint64_t floor_s;            /* the latest time that surely was */
    uint64_t dead_after_s;       /* as in the request */
    uint8_t hash[DIGEST_OCTETS]; /* of its text */
    uint64_t octets;             /* of its text */
    bool unread; /* its text has not been looked at: signatures and catalogue say its hash */
    bool held;   /* it is the version that was asked for in request.held */
    bool folder_broken;    /* for the caller: it is from what was kept, its folder is broken */
    bool held_lost;        /* that version could not be had: this is the one in its folder */
    uint32_t newer_serial; /* of a held one: what its folder has; 0: nothing newer */
};

struct policy_loaded {
    struct policy_image *image; /* the caller's */
    /* In the order of the request; then newer ones beside those that are held. */
    struct policy_loaded_list lists[POLICY_LISTS_MAX];
    size_t list_count, newer_count;
    bool from_cache; /* the image was kept from before and still matches */
    bool shipped;    /* it is the publisher's */
    /* As many as both: header and facts of each, the caller's; NULL unless wanted. */
    struct policy_list *heads[POLICY_LISTS_MAX];
};

/*
 * Verifies every list, then parses, merges and compiles (or maps the kept image whose inputs
 * are the same, or the publisher's; a damaged one is reported as a warning and rebuilt). A list
 * whose id line differs from its file name is refused, and so is one that its publisher's
 * catalogue does not name as it is, or that speaks of what is out of its scope. 0, or the first
 * error's code with everything in the report: then nothing is loaded and out is untouched.
 * Freshness at now_s: see policy_freshness_at.
 *
 * A held version is verified under the same keys and scopes; its hash stands for the catalogue.
 * If it is gone, damaged, or signed by too few keys that still count, the one in the folder
 * counts, with a warning (held_lost): never one that is not verified, and no failure.
 *
 * Lists that are `unread` are to be read once they are in force (policy/reread.h).
 */
int policy_load(const struct policy_load_request *request, struct report *report,
                struct policy_loaded *out);

/* Frees the image and the heads of what nobody has taken over. */
void policy_loaded_drop(struct policy_loaded *loaded);

enum policy_freshness policy_freshness_at(uint64_t created_s, uint64_t expires_s,
                                          uint64_t now_s);

/* The same of a list that was loaded, by all that is signed about it. */
enum policy_freshness policy_freshness_of(const struct policy_loaded_list *list,
                                          uint64_t now_s);
/* A warning about one that is not fresh, and about one that was made after the time that is
 * asked about: then no clock is wrong. */
void policy_freshness_warn(const struct policy_loaded_list *loaded, const char *path,
                           struct report *report);
void policy_freshness_warn_at(const struct policy_loaded_list *loaded, uint64_t asked_s,
                              const char *path, struct report *report);
/* "fresh", "stale", "clock-untrusted", "dead". */
const char *policy_freshness_word(enum policy_freshness freshness);

/* Reads and verifies one list file and parses it. Its name is ID.list with the id of its id
 * line, or it is refused. 0 and *list, which is the caller's, and *verdict; or the first
 * error's code with the report, and neither is touched. */
int policy_load_list(const char *path, const struct trust_keyring *keyring,
                     struct report *report, struct policy_list **list,
                     struct trust_verdict *verdict);

#endif
