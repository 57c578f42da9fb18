/*
 * policy/image.h - the compiled lists: one immutable, position-independent block of octets in
 * which a name's rules are found by a few hash probes, however many lists and rules there are.
 *
 * The layout is in docs/policy-image.md. A look-up gives, for each listed suffix of a name, the
 * *set* of rules there; which of them wins is the view's business (policy/policy.h). Readers
 * never write and never leave the block, whatever it contains.
 */
#ifndef CORDON_POLICY_IMAGE_H
#define CORDON_POLICY_IMAGE_H

#include "base/address.h"
#include "base/report.h"
#include "base/siphash.h"
#include "policy/list.h"
#include "policy/rule.h"
#include "wire/name.h"

#include <stddef.h>
#include <stdint.h>

struct policy_image; /* opaque, immutable; any number of threads may read it */

/* Sets of rules are known by number (uint32_t); 0 is the empty set. */

/*
 * Compiles lists into an image. Deterministic: the same lists, in any order, give the same
 * octets (lists are put in the order of their ids, and two versions of one in the order of
 * their serials). The lists are borrowed for the call. 0; -EEXIST if two lists have one id and
 * serial; CORDON_E_LIMIT; CORDON_E_FORMAT for a rule on a name of fewer than two labels or a
 * redirect that is no name (list text has neither); -ENOMEM.
 */
int policy_image_build(const struct policy_list *const *lists, size_t count,
                       struct policy_image **image);

/* The same for somebody who waits: report is told how far it is (base/report.h). */
int policy_image_build_told(const struct policy_list *const *lists, size_t count,
                            struct report *report, struct policy_image **image);

/*
 * Maps an image: copies the file into a sealed memory file while checking its digest under
 * key, then maps that, so that nobody can change it afterwards. inputs must equal the digest of
 * inputs that the header names. 0; CORDON_E_CORRUPT, CORDON_E_VERSION, CORDON_E_TOO_LARGE,
 * -errno.
 */
int policy_image_load(const char *path, const uint8_t key[32], const uint8_t inputs[32],
                      struct policy_image **image);

/*
 * The same for an image that somebody else made: its octets, all of the file, must have this
 * BLAKE2b-512, of which the caller knows that it is right. What it was made of is to be looked
 * at: policy_image_inputs_of. The codes of policy_image_load.
 */
#define POLICY_IMAGE_HASH 64u
int policy_image_load_named(const char *path, const uint8_t hash[POLICY_IMAGE_HASH],
                            struct policy_image **image);
/* 32 octets: the digest of the inputs, as the image says. */
const uint8_t *policy_image_inputs_of(const struct policy_image *image);

/* Writes the image with its keyed digest, atomically. 0 or -errno. */
int policy_image_save(const struct policy_image *image, const char *path,
                      const uint8_t key[32]);

/* Opens octets that are not trusted (fuzzing, tests): only the structure is checked; borrowed
 * until policy_image_free. The keyed digest is not checked. */
int policy_image_open(const uint8_t *octets, size_t len, struct policy_image **image);

void policy_image_free(struct policy_image *image); /* NULL is fine */

/* The digest of the inputs: of format version and of the texts of these lists, sorted by id. */
void policy_image_inputs(const struct policy_list *const *lists, size_t count, uint8_t out[32]);
const uint8_t *policy_image_octets(const struct policy_image *image, size_t *len);

/* A list as the image knows it. Strings are borrowed from the image. */
struct policy_image_list {
    const char *id, *title, *provider, *provider_name, *parent_name, *legal_requirement;
    const char *status_class, *status_entity, *status_authority, *status_citation,
        *status_effective, *status_checked, *status_state; /* the strongest fact, or "" */
    uint32_t serial;
    uint64_t created_s, expires_s;
    uint32_t rules;
    uint8_t digest[32];
};

size_t policy_image_lists(const struct policy_image *image);
/* False if index is out of range or the image is damaged there. */
bool policy_image_list_at(const struct policy_image *image, size_t index,
                          struct policy_image_list *out);

/* A rule in a set: which list says what. */
struct policy_row {
    uint8_t list; /* index into the image's lists */
    enum policy_kind kind;
    enum policy_match match;
    enum policy_scope scope;
    enum policy_confidence confidence;
    enum policy_action action;
    enum policy_subject subject;
    bool redirect_prefixes;
    bool ends_chain;
    const char *category;    /* borrowed from the image */
    const uint8_t *redirect; /* wire format, or NULL */
    uint8_t redirect_len;
};

size_t policy_image_sets(const struct policy_image *image); /* ids are below this */
/* Number of rows of a set (0 for an id out of range), and one of them. */
size_t policy_image_set_size(const struct policy_image *image, uint32_t set);
bool policy_image_row(const struct policy_image *image, uint32_t set, size_t index,
                      struct policy_row *out);

/* What a look-up calls for each suffix of the name (or prefix over the address) that has
 * rules, shortest first. labels: of the suffix; or bits of the prefix. */
struct policy_match_entry {
    uint32_t set;
    uint8_t labels;
};

struct policy_matches {
    struct policy_match_entry at[128]; /* one per label at most, and the root; shortest first */
    uint8_t count;
    uint8_t
        family; /* of the prefixes: IPv4 also for an IPv6 address that leads to such a host */
    /* Which lists have rules below the name itself: a set of rows, 0 if none. Kind POLICY_PASS:
     * the list lets something through there by its own word (a pass rule, or action pass or
     * log). Kind POLICY_BLOCK with action DEFAULT: it has rules there that leave their action
     * to the operator. Nothing else in these rows means anything. Only for names. */
    uint32_t pass_below;
};

/* hot. No allocation, bounded time. */
void policy_image_find_name(const struct policy_image *image, const struct wire_name *name,
                            struct policy_matches *out);

/* Where names of one suffix length may be. */
struct policy_image_step {
    const uint8_t *line;
    uint64_t hash;
    size_t record;  /* offset of the first that may be it, if lanes is not 0 */
    uint32_t lanes; /* of the line; 0: there is no such name */
    uint32_t chain; /* lines before it */
};

/* A look-up that has begun: plain data that means something to the image and the name for as
 * long as they are there. */
struct policy_image_aim {
    enum policy_image_stage {
        POLICY_IMAGE_NO_AIM,
        POLICY_IMAGE_AIMED, /* the line of the last two labels comes */
        POLICY_IMAGE_NEAR,  /* it was looked at: its record comes, and the line of three */
        POLICY_IMAGE_NEARER /* that was looked at, or need not be */
    } stage;
    struct siphash first, state; /* over the last label, and all that are looked at */
    struct policy_image_step second, third;
};

/* hot. The first part of policy_image_find_name(), and the next, once or twice more: what each
 * needs of memory comes while other names are dealt with. policy_image_find_aimed() does the
 * rest, however far that went; it can be asked once. */
void policy_image_take_aim(const struct policy_image *image, const struct wire_name *name,
                           struct policy_image_aim *aim);
void policy_image_go_near(const struct policy_image *image, const struct wire_name *name,
                          struct policy_image_aim *aim);
void policy_image_find_aimed(const struct policy_image *image, const struct wire_name *name,
                             struct policy_image_aim *aim, struct policy_matches *out);
/* hot. True if it is known that nothing will be found: of most names that somebody has gone
 * near. */
static inline bool policy_image_is_missed(const struct policy_image_aim *aim)
{
    return aim->stage == POLICY_IMAGE_NEARER && aim->second.lanes == 0;
}

/* Only prefixes that have rules about the subject. A client is its address alone; every other
 * IPv6 address is also the IPv4 host that it leads to, if no rule is about itself. */
void policy_image_find_address(const struct policy_image *image, enum policy_subject subject,
                               const struct address *address, struct policy_matches *out);

/* What an image is made of: the header, then sections in the order of docs/policy-image.md. */
#define POLICY_IMAGE_PARTS  12u
#define POLICY_IMAGE_CHAINS 4u

struct policy_image_stats {
    uint64_t rules, nodes, interior, sets, rows, classes, octets, prefixes;
    unsigned max_depth; /* labels of the longest listed name */
    unsigned attempt;   /* seeds that were unlucky */
    struct {
        const char *name;
        uint64_t octets; /* with what fills it up to a multiple of 64 */
    } parts[POLICY_IMAGE_PARTS];
};
void policy_image_stats(const struct policy_image *image, struct policy_image_stats *out);
/* For each line of the index how many a look-up that begins there reads: chains[0] lines have
 * 1, and so on. Goes through the index. */
void policy_image_chains(const struct policy_image *image,
                         uint64_t chains[POLICY_IMAGE_CHAINS]);

/* The line of the rule in its list's text, for explanations: (list, matched name, match, kind,
 * subject).
 * 0 if the image has no such rule, or no lines: those of more than 65,536 rules have none. */
uint32_t policy_image_line(const struct policy_image *image, uint8_t list,
                           const struct wire_name *name, enum policy_match match,
                           enum policy_kind kind, enum policy_subject subject);

#endif
