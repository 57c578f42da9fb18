/*
 * cordon/policy.h - the policy engine for other programs: open signed lists, decide names and
 * whole answers, say why.
 *
 *     struct cordon_policy_options options = {.size = sizeof(options)};
 *     options.list_directory = "/usr/share/cordon/blocklists";
 *     options.lists = uses; options.list_count = 1;      // {"huawei-cloud",
 * CORDON_MODE_ENFORCE} options.keys = keys; options.key_count = 3; options.threshold = 2; if
 * (cordon_policy_open(&options, &policy, message, sizeof(message)) != 0) ...
 *     cordon_name_from_text("obs.myhuaweicloud.com", &name);
 *     cordon_decide_name(policy, name.octets, name.len, &decision);
 *     if (decision.blocked) ...
 *
 * Threads: a policy never changes once it is open; any number of threads may decide by it at
 * once, without a lock. Whoever closes it sees to it that nobody uses it any more. Decisions
 * allocate nothing, keep nothing and touch no file. Every function is bounded whatever the
 * octets are.
 */
#ifndef CORDON_POLICY_H
#define CORDON_POLICY_H

#include <cordon/error.h>
#include <cordon/list.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CORDON_NAME_MAX      255  /* octets of a name in wire format (RFC 1035, 2.3.4) */
#define CORDON_NAME_TEXT_MAX 1025 /* of its text, the final zero included */
#define CORDON_MATCHES_MAX   4    /* of one decision; more are left out, and that is said */

struct cordon_policy; /* opaque, immutable */

/* What to do instead of the real answer. Values never change. */
enum cordon_action {
    CORDON_ACTION_DEFAULT =
        0, /* in options: sinkhole, or what the rule says; never in decisions */
    CORDON_ACTION_SINKHOLE = 1, /* addresses that lead nowhere; other types are NODATA */
    CORDON_ACTION_NXDOMAIN = 2,
    CORDON_ACTION_NODATA = 3,
    CORDON_ACTION_REFUSED = 4,
    CORDON_ACTION_DROP = 5,
    CORDON_ACTION_TRUNCATE = 6, /* TC=1 over UDP; over TCP the answer stands */
    CORDON_ACTION_REDIRECT = 7, /* a CNAME to the rule's name: cordon_match_redirect() */
    CORDON_ACTION_PASS = 8,
    CORDON_ACTION_LOG = 9 /* tell it; the answer stands */
};

/* What made a rule apply. Order of precedence: client, qname, hop, svcb, target, address,
 * name server, its address. Values never change. */
enum cordon_trigger {
    CORDON_TRIGGER_QNAME = 1,
    CORDON_TRIGGER_HOP = 2,        /* target of a CNAME or DNAME in the answer */
    CORDON_TRIGGER_SVCB = 3,       /* target of an SVCB or HTTPS record */
    CORDON_TRIGGER_ADDRESS = 4,    /* A, AAAA, or an address hint of SVCB or HTTPS */
    CORDON_TRIGGER_TARGET = 5,     /* of an MX, SRV, NS or PTR record: always in mode LOG */
    CORDON_TRIGGER_CLIENT = 6,     /* address of who asks */
    CORDON_TRIGGER_NAMESERVER = 7, /* name of a server of the zone that answered */
    CORDON_TRIGGER_NAMESERVER_ADDRESS = 8
};

struct cordon_list_use {
    const char *id;
    int mode;   /* enum cordon_mode */
    int action; /* enum cordon_action, of rules that name none; not REDIRECT */
};

struct cordon_policy_options {
    size_t size;                         /* sizeof(struct cordon_policy_options) */
    const char *list_directory;          /* with ID.list and ID.list.*.minisig */
    const struct cordon_list_use *lists; /* the earlier goes first where two say the same */
    size_t list_count;
    const char *const
        *keys; /* trusted: paths of .pub files, or the line in one that begins RW */
    size_t key_count;
    unsigned threshold;          /* distinct keys that must have signed each list; at least 1 */
    const char *cache_directory; /* where the compiled lists are kept; NULL: nowhere. Only the
                                    user of this process may be able to write there. */
    uint64_t now_s;              /* for freshness; 0: the machine's clock */

    /*
     * A publisher's root in place of keys (docs/trust.md): the path of N.root, pinned where the
     * publisher cannot write, with its signatures beside it. list_directory then has the
     * publisher's catalogue and newer roots, too: these are followed, the catalogue names the
     * hash of every list, and the root's scope holds. NULL: keys count. With a root keys and
     * threshold are NULL and 0; without, publisher and state_directory are NULL.
     */
    const char *root;
    const char *publisher;       /* whose root it must be; NULL: whoever's it is */
    const char *state_directory; /* where is remembered what was accepted, so that nothing older
                                    is from then on (trust.ratchet): a folder of its own, which
                                    only the user of this process may write to; made if it is
                                    not there. Several processes may share it. NULL: nothing is
                                    remembered, and whoever writes the lists' folder can go back
                                    to older ones. */
    uint64_t dead_after_s;       /* lists that are stale for so long are dead; 0: never */
};

/*
 * Verifies the lists, then compiles them. Copies what it needs of options. 0; CORDON_E_REFUSED,
 * CORDON_E_THRESHOLD, -ENOENT, -ENOMEM ... after which *policy is untouched. message (may be
 * NULL) gets every fault and warning, a line each, cut to its size. Takes milliseconds to
 * seconds.
 *
 * By a root, these are refused: what is older than what was accepted, or has another hash under
 * the same number; an expired root with anything but what was accepted under it; a key of the
 * wrong role; a list that the catalogue does not name as it is (CORDON_E_REFUSED,
 * CORDON_E_THRESHOLD); a memory of which both files are damaged (CORDON_E_CORRUPT). What is
 * past its expiry otherwise is in force, with a warning: see cordon_policy_freshness. A memory
 * that cannot be written is a warning, too: see cordon_policy_trust.
 */
CORDON_API int cordon_policy_open(const struct cordon_policy_options *options,
                                  struct cordon_policy **policy, char *message,
                                  size_t message_size);
CORDON_API void cordon_policy_close(struct cordon_policy *policy); /* NULL is fine */

/* The lists that are in use, in the order of their ids: 0 to count - 1. -ERANGE beyond; -EINVAL
 * if info->size is none that this library knows. */
CORDON_API size_t cordon_policy_lists(const struct cordon_policy *policy);
CORDON_API int cordon_policy_list(const struct cordon_policy *policy, size_t index,
                                  struct cordon_list_info *info);

/* How a list stands in time (enum cordon_freshness): for a program that runs for weeks. now_s:
 * wall clock in seconds; 0: the machine's. -ERANGE for an index that is none. Any thread. */
CORDON_API int cordon_policy_freshness(const struct cordon_policy *policy, size_t index,
                                       uint64_t now_s);
/* "fresh", "stale", "clock-untrusted", "dead"; NULL for a value that is none. */
CORDON_API const char *cordon_freshness_name(int freshness);

/* Values never change. */
enum cordon_memory {
    CORDON_MEMORY_NONE = 0,     /* by keys alone, or without state_directory */
    CORDON_MEMORY_KEPT = 1,     /* what is in use is remembered */
    CORDON_MEMORY_UNWRITTEN = 2 /* it could not be: after a restart something older may pass */
};

/* By whose word the lists count. */
struct cordon_trust_info {
    size_t size;           /* in: sizeof(struct cordon_trust_info) */
    const char *publisher; /* whose root it is; "": keys alone, and all else is 0 */
    uint32_t root_version, catalogue_serial;
    uint64_t root_expires_s, catalogue_expires_s; /* seconds since 1970 */
    int memory;                                   /* enum cordon_memory */
};
/* 0; -EINVAL if info->size is none that this library knows. Strings live as long as the policy.
 */
CORDON_API int cordon_policy_trust(const struct cordon_policy *policy,
                                   struct cordon_trust_info *info);

/* A name in wire format, lower case, uncompressed. */
struct cordon_name {
    uint8_t octets[CORDON_NAME_MAX];
    uint8_t len;
};

/* From presentation format (RFC 1035, 5.1; A-labels). 0 or CORDON_E_FORMAT. */
CORDON_API int cordon_name_from_text(const char *text, struct cordon_name *name);
/* Octets that are not printable are escaped as \DDD. Returns the length of the text. */
CORDON_API size_t cordon_name_to_text(const struct cordon_name *name,
                                      char out[CORDON_NAME_TEXT_MAX]);

/* A rule that applied. */
struct cordon_match {
    uint32_t list;    /* for cordon_policy_list() */
    uint32_t rule[2]; /* the library's own */
    uint8_t trigger;  /* enum cordon_trigger */
    uint8_t hop;    /* 0: the name asked; n: the n-th name that aliases lead to, or its owner */
    uint8_t mode;   /* enum cordon_mode: ENFORCE or LOG */
    uint8_t action; /* enum cordon_action: what is, or in mode LOG would be, done */
    uint8_t labels; /* of the suffix that the rule is for; bits of its prefix for an address */
    uint8_t family; /* of the address, 4 or 6; 0: none */
    uint8_t address[16];
    struct cordon_name name; /* that was looked at; for an address, the name that owns it */
};

struct cordon_decision {
    size_t size;    /* in: sizeof(struct cordon_decision) */
    int blocked;    /* 1: matches[block] replaces the answer; 0: the answer stands */
    uint32_t block; /* valid if blocked */
    uint32_t count; /* of matches worth an event: the block, and what lists in mode LOG or
                       rules with the action LOG have to say */
    int more;       /* 1: others found no place */
    struct cordon_match matches[CORDON_MATCHES_MAX];
};

/*
 * Decides by the asked name, before anything is asked. name: wire format, any case,
 * uncompressed. 0; CORDON_E_FORMAT if it is no name; -EINVAL for a wrong size. After an error
 * the decision is untouched: let such a question go the usual way.
 */
CORDON_API int cordon_decide_name(const struct cordon_policy *policy, const uint8_t *name,
                                  size_t len, struct cordon_decision *decision);

/* The same for a client, which the lists' client rules may decide first: family 4 or 6 with the
 * 4 or 16 octets of its address; 0: none. CORDON_E_FORMAT for another family, too. */
CORDON_API int cordon_decide_name_for(const struct cordon_policy *policy, int family,
                                      const uint8_t *client, const uint8_t *name, size_t len,
                                      struct cordon_decision *decision);

/* Decides by an address of an answer: family 4 or 6, with 4 or 16 octets. */
CORDON_API int cordon_decide_address(const struct cordon_policy *policy, int family,
                                     const uint8_t *octets, struct cordon_decision *decision);

/*
 * Decides a whole answer: the name in its question, then every CNAME and DNAME target, SVCB and
 * HTTPS target, address and address hint in it. message: a DNS message with one question, in
 * wire format, untrusted. 0; CORDON_E_FORMAT if it is malformed or its aliases are a circle.
 */
CORDON_API int cordon_decide_message(const struct cordon_policy *policy, const uint8_t *message,
                                     size_t len, struct cordon_decision *decision);

/* The same for a client, as above. */
CORDON_API int cordon_decide_message_for(const struct cordon_policy *policy, int family,
                                         const uint8_t *client, const uint8_t *message,
                                         size_t len, struct cordon_decision *decision);

/* What the rule of a match says. Strings live as long as the policy. */
struct cordon_rule {
    size_t size;            /* in: sizeof(struct cordon_rule) */
    const char *kind;       /* "block", "pass" */
    const char *match;      /* "suffix", "exact", "below", "prefix" */
    const char *category;   /* "object-storage" */
    const char *scope;      /* "cloud", "cdn", "nameserver", "corporate", "consumer" */
    const char *confidence; /* "high", "medium", "low" */
};

/* 0; -EINVAL for a match that is none of this policy's. */
CORDON_API int cordon_match_rule(const struct cordon_policy *policy,
                                 const struct cordon_match *match, struct cordon_rule *rule);

/* The rule as its list writes it, "block suffix cloud.example": with the list's id and serial
 * it names one line of one signed text. Returns the length, which is below size unless it was
 * cut. */
CORDON_API size_t cordon_match_text(const struct cordon_policy *policy,
                                    const struct cordon_match *match, char *out, size_t size);

/* "provider list serial", at most 60 octets: the text of an Extended DNS Error (RFC 8914). */
CORDON_API size_t cordon_match_ede(const struct cordon_policy *policy,
                                   const struct cordon_match *match, char *out, size_t size);

/* Where the action REDIRECT leads for the name that was asked. -ENOENT if nowhere. */
CORDON_API int cordon_match_redirect(const struct cordon_policy *policy,
                                     const struct cordon_match *match,
                                     const struct cordon_name *asked,
                                     struct cordon_name *target);

/* The words that lists, events and the tool cordon use: "sinkhole", "hop", "enforce". NULL for
 * a value that is none. */
CORDON_API const char *cordon_action_name(int action);
CORDON_API const char *cordon_trigger_name(int trigger);
CORDON_API const char *cordon_mode_name(int mode);

#ifdef __cplusplus
}
#endif

#endif
