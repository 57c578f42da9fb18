/*
 * policy/policy.h - what is in force: an image and, for each view, what its sets of rules mean.
 *
 * A policy is built aside, checked, published through policy/slot.h and then immutable. The
 * decision of one trigger is: an exception; then, of the enforced lists, the longest match,
 * then pass over block, then the order of the lists; lists in log mode are decided apart and
 * never change an answer. An exception or a pass ends its own trigger only, unless it has chain
 * scope; an exception for a rule has this rule not count, and no other. The whole table is in
 * docs/precedence.md.
 *
 * A view's default may be to deny: then a name that is asked and that no enforced list speaks
 * of (block or pass) is blocked, unless the operator allows it or an exception does. That is
 * the operator's word alone: a hit of ground DEFAULT has no list and no rule. It is about the
 * asked name, never about where its answer leads: hops, SVCB targets and addresses are for the
 * rules.
 *
 * An image may have two versions of a list: the one that was in force, and a newer one that is
 * being brought in by stages. Each view says which of them counts in it. A view may have twins,
 * which are that view with other versions, for a share of its clients (policy/views.h). And a
 * newer version may be on trial in a view: it changes nothing there, and where it and the one
 * that counts would not do the same, or both would block, there is a hit that says so.
 */
#ifndef CORDON_POLICY_POLICY_H
#define CORDON_POLICY_POLICY_H

#include "policy/allow.h"
#include "policy/caps.h"
#include "policy/exceptions.h"
#include "policy/image.h"
#include "policy/limits.h"
#include "policy/rule.h"

/* What the operator said about one list, for one view. The order of these is the order of the
 * lists. */
struct policy_list_setting {
    const char *id; /* of the list */
    enum policy_mode mode;
    enum policy_action action; /* POLICY_ACTION_DEFAULT: that of the view */
};

/* What a view says instead while a schedule holds: all of it, also what is the same. */
struct policy_view_variant {
    bool log_only;
    enum policy_action action; /* POLICY_ACTION_DEFAULT: sinkhole */
    const struct policy_list_setting *lists;
    size_t list_count;
    bool deny;
};

/* Of a list of which the image has two versions: the serials of the one that counts in the
 * view, and of the one that is on trial there (0: none). */
struct policy_version_setting {
    const char *id;
    uint32_t counts, on_trial;
};

struct policy_view_setting {
    const char *name;
    bool log_only;             /* the one word: every enforced list is in log mode */
    enum policy_action action; /* default: POLICY_ACTION_SINKHOLE */
    struct wire_name redirect; /* target for action REDIRECT set by the operator */
    bool redirect_prefixes;
    const struct policy_list_setting *lists;
    size_t list_count;
    bool deny; /* what nothing speaks of is blocked by the action; with log_only recorded */
    const struct wire_name *allow; /* but not these names, and what is below them */
    size_t allow_count;
    const struct policy_caps *caps; /* NULL: none */
    const struct policy_view_variant *variants;
    size_t variant_count;          /* up to POLICY_VARIANTS_MAX */
    unsigned variant;              /* in force: 0: none of them; else its number from 1 */
    enum policy_mode targets;      /* at most this is done about MX, SRV, NS and PTR targets */
    enum policy_mode name_servers; /* and by rules about name servers */
    enum policy_client client;     /* BLOCK is by the action; with log_only it is LOG */
    const struct policy_version_setting *versions;
    size_t version_count;
    unsigned twin_of; /* number, from 1, of the view before it whose exceptions and schedules it
                         has; 0: its own */
};

struct policy; /* opaque, immutable */

/*
 * Takes over the image. Every list of a setting that the image does not have is -ENOENT and
 * named in the report; lists of the image that no setting names are off. generation is any
 * number that differs from that of the policy before. 0; -ENOENT; -EEXIST for a list named
 * twice in one view; -EINVAL for no views or more than POLICY_VIEWS_MAX, or for variants;
 * -ENOMEM. After an error the image is still the caller's.
 */
int policy_create(struct policy_image *image, const struct policy_view_setting *views,
                  size_t view_count, uint64_t generation, struct report *report,
                  struct policy **policy);
void policy_destroy(struct policy *policy); /* frees the image too; NULL is fine */

/* What people have changed for a while. */
struct policy_changes {
    bool pause_all; /* every list is paused, and so are the default to deny, and client BLOCK */
    const char *const
        *paused; /* ids of lists; those that the image does not have say nothing */
    size_t paused_count;
    const struct policy_exception *exceptions; /* views that there are, or POLICY_ANY_VIEW */
    size_t exception_count;
    /* For each view the variant in force, as in its setting; NULL: as in base. */
    const uint8_t *variants;
};

/*
 * The same policy with these changes, without reading or compiling anything. A paused list is
 * in log mode, but for its rules that let through, which go on doing so: a pause never blocks
 * more than before. What its other rules say is not said in a view that denies: their names are
 * denied there like any other. base is no such policy itself and is borrowed until
 * policy_destroy(*policy). 0; CORDON_E_LIMIT; -ENOMEM.
 */
int policy_derive(const struct policy *base, const struct policy_changes *changes,
                  uint64_t generation, struct policy **policy);

/* Headers and facts of its lists, in any order, for explanations: taken over. A head of a list
 * that the image does not have is freed; NULL entries say nothing. Before the policy is shared,
 * or as policy_share_heads() has it. */
void policy_take_heads(struct policy *policy, struct policy_list *const *heads, size_t count);
/* The same later, on the thread on which explanations are made, which alone looks at them: a
 * policy that was derived of base has what base was given since. */
void policy_share_heads(const struct policy *base, struct policy *derived);
/* The header and the facts of the image's list, without rules; NULL: they were not given. */
const struct policy_list *policy_list_head_of(const struct policy *policy, size_t list);

uint64_t policy_generation(const struct policy *policy);
/* Of the policy that it was derived from, or its own: policies with the same have one image. */
uint64_t policy_root_generation(const struct policy *policy);
const struct policy_image *policy_image_of(const struct policy *policy);
/* Mode of the image's list in a view; LOG for one that is paused. */
enum policy_mode policy_list_mode(const struct policy *policy, unsigned view, size_t list);
/* True if the list would be enforced in the view but for a pause. */
bool policy_list_is_paused(const struct policy *policy, unsigned view, size_t list);
/* True if the list is enforced in the view now, or in another of its variants, or would be but
 * for a pause. */
bool policy_list_is_ever_enforced(const struct policy *policy, unsigned view, size_t list);
/* The view of which this one is a twin; else itself. */
unsigned policy_view_origin(const struct policy *policy, unsigned view);
/* True if something is on trial in any view. */
bool policy_has_trial(const struct policy *policy);
/* The variant of a view that is in force; 0: none. */
unsigned policy_view_variant(const struct policy *policy, unsigned view);

/* How far a rule counts in a view, and what keeps it from more: the one reason that decides.
 * Pauses, schedules, the mode of the view and its caps are in it; exceptions, and other rules
 * that win, are not. row is of the policy's image. */
struct policy_standing {
    enum policy_mode mode; /* of its trigger's decision: OFF: it says nothing */
    enum policy_reason reason;
};
struct policy_standing policy_row_standing(const struct policy *policy, unsigned view,
                                           const struct policy_row *row);

unsigned policy_view_count(const struct policy *policy);
/* What becomes of a name that nothing speaks of: OFF: it is let through; LOG, too, with an
 * event; ENFORCE: it is denied. */
enum policy_mode policy_view_default(const struct policy *policy, unsigned view);
/* True if it would be denied but for a pause. */
bool policy_view_is_paused(const struct policy *policy, unsigned view);
/* True if the operator allows the name in the view. */
bool policy_view_allows(const struct policy *policy, unsigned view,
                        const struct wire_name *name);

/* What the view does about MX, SRV, NS and PTR targets. */
enum policy_mode policy_view_targets(const struct policy *policy, unsigned view);
/* The operator's word about all clients of the view; LOG for BLOCK that is paused. */
enum policy_client policy_view_client(const struct policy *policy, unsigned view);
/* True if they would be blocked but for a pause. */
bool policy_view_client_is_paused(const struct policy *policy, unsigned view);

/* What must be known of the name servers of the zone that answered: OFF: nothing; LOG: for
 * events alone; ENFORCE: before the answer is given. */
struct policy_name_server_use {
    enum policy_mode names;
    enum policy_mode addresses;
};
struct policy_name_server_use policy_name_server_use(const struct policy *policy,
                                                     unsigned view);

/* Whose word a hit is. */
enum policy_ground {
    POLICY_GROUND_RULE,    /* a list's */
    POLICY_GROUND_DEFAULT, /* the operator's: `default: deny` */
    POLICY_GROUND_CLIENT   /* the operator's: `client: block` or `log` */
};

/* What has come of a trial: a hit that compares two versions of a list, and changes nothing. */
enum policy_trial {
    POLICY_TRIAL_NONE,  /* it is no such hit */
    POLICY_TRIAL_BOTH,  /* both versions block; the rule is the newer one's */
    POLICY_TRIAL_NEWER, /* the newer one alone; the rule is its own */
    POLICY_TRIAL_HELD   /* the one that counts alone; the rule is that one's */
};
#define POLICY_TRIALS (POLICY_TRIAL_HELD + 1u)

/* Which of two versions of a list a rule is of. */
enum policy_version {
    POLICY_VERSION_ONLY,
    POLICY_VERSION_HELD,
    POLICY_VERSION_NEWER
};
enum policy_version policy_list_version(const struct policy *policy, size_t list);

#define POLICY_LIST_NONE 0xffu /* a hit's list, where no list has spoken */

/* A rule that applied. By value: holds no pointer; its words come from the image of the policy
 * of that generation. */
struct policy_hit {
    uint32_t set; /* the rule is row `row` of it; set 0 and labels 0 without a rule */
    uint16_t row;
    uint8_t list;
    uint8_t labels;     /* of the matched suffix; bits of the prefix for an address */
    uint8_t trigger;    /* enum policy_trigger */
    uint8_t hop;        /* number of the hop, from 1, of the owner looked at; 0: the question */
    uint8_t mode;       /* enum policy_mode: ENFORCE or LOG */
    uint8_t action;     /* enum policy_action, never DEFAULT: what is or would be done */
    uint8_t kind;       /* enum policy_kind */
    uint8_t ground;     /* enum policy_ground */
    uint8_t match;      /* enum policy_match: of the rule */
    uint8_t trial;      /* enum policy_trial; mode is then LOG */
    bool chain;         /* a pass that lets the rest of the chain through, too */
    uint8_t family;     /* of the matched prefix: IPv4 also where `address` is an IPv6 one that
                           leads to such a host; ADDRESS_NONE for a name */
    uint16_t exception; /* number of the one that turned the action into PASS; 0: none */
    struct wire_name name;  /* the whole name looked at; of an address the name that owns it;
                               the root for CLIENT */
    struct address address; /* where policy_trigger_is_address; family 0 otherwise */
};

/* The outcome of one trigger. */
struct policy_outcome {
    bool enforced; /* an enforced list has a word here: hit is it (pass, log or block); in mode
                      LOG a block that the view caps at this trigger: it changes nothing */
    bool denied; /* the operator's own word, where no list has one: hit says so, in the mode of
                    the view */
    bool logged; /* a list in log mode has one: log_hit is it (block or log, never pass) */
    bool tried;  /* a version on trial, or the one that it would replace, blocks: trial_hit */
    struct policy_hit hit;
    struct policy_hit log_hit;
    struct policy_hit trial_hit;
};

/* hot. False: policy_decide_client() finds nothing, whoever asks. */
bool policy_view_minds_clients(const struct policy *policy, unsigned view);
/* hot. Nor does it deny by default: a name of which no rule speaks is let through. */
bool policy_view_is_open(const struct policy *policy, unsigned view);

/* hot. Decides a client by its address: by the operator's word, or else by rules. view must be
 * below the policy's views, here and below. */
void policy_decide_client(const struct policy *policy, unsigned view,
                          const struct address *address, struct policy_outcome *out);

/* hot. Decides the name that a client asked: by rules, then by the view's default. */
void policy_decide_question(const struct policy *policy, unsigned view,
                            const struct wire_name *name, struct policy_outcome *out);
/* hot. The same where policy_image_take_aim() has been called for the name and the image of
 * this policy. */
void policy_decide_aimed(const struct policy *policy, unsigned view,
                         const struct wire_name *name, struct policy_image_aim *aim,
                         struct policy_outcome *out);

/* hot. Decides one name or address by rules alone; trigger: one for which
 * policy_trigger_is_address is false, or true, and not CLIENT. Of a name server: name or owner
 * is its name. */
void policy_decide_name(const struct policy *policy, unsigned view, enum policy_trigger trigger,
                        uint8_t hop, const struct wire_name *name, struct policy_outcome *out);
void policy_decide_address(const struct policy *policy, unsigned view,
                           enum policy_trigger trigger, uint8_t hop,
                           const struct wire_name *owner, const struct address *address,
                           struct policy_outcome *out);

/* hot. For an answer to the asked name: an exception with chain scope, of it or of the rule
 * that would have blocked it, lets through what the outcome would block. */
void policy_except_chain(const struct policy *policy, unsigned view,
                         const struct wire_name *asked, struct policy_outcome *outcome);
/* hot. Whether it would let through whatever an answer leads to. */
bool policy_excepts_chain(const struct policy *policy, unsigned view,
                          const struct wire_name *asked);
/* The exception of a hit; NULL: none. Borrowed from the policy. */
const struct policy_exception *policy_hit_exception(const struct policy *policy,
                                                    const struct policy_hit *hit);

/* True if the answer to this outcome replaces the real one: an enforced block whose action is
 * neither pass nor log, or the operator's word, that are not in log mode. */
bool policy_outcome_blocks(const struct policy_outcome *outcome);

/* True for a hit that would have been enforced but for a pause. */
bool policy_hit_is_paused(const struct policy *policy, unsigned view,
                          const struct policy_hit *hit);

/* "provider list serial": 24 + 1 + 24 + 1 + 10 octets, so that the serial is never what is cut
 * (RFC 8914 wants the text short). */
#define POLICY_EDE_WORD_MAX 24u
#define POLICY_EDE_MAX      (2 * POLICY_EDE_WORD_MAX + 13u)

/* What every answer that a list's rule replaces says, ready. */
struct policy_said {
    const char *provider; /* borrowed from the image */
    uint32_t serial;
    bool legal; /* the list states a legal requirement */
    uint8_t ede_len;
    char ede[POLICY_EDE_MAX]; /* of policy_words_ede(), with a terminator */
};

/* hot. That of the hit's list, borrowed from the policy; NULL for another ground than RULE. */
const struct policy_said *policy_hit_said(const struct policy *policy,
                                          const struct policy_hit *hit);

/* The row of a hit; false if it has none (another ground than RULE), or the image is damaged.
 */
bool policy_hit_row(const struct policy *policy, const struct policy_hit *hit,
                    struct policy_row *out);

/* The rule of a hit as its list has it: "block suffix example.com", and "trigger=WORD" after it
 * where it has that. Returns the length; 0 if the hit has no such suffix or prefix, or size
 * does not do: POLICY_RULE_TEXT_MAX always does. */
#define POLICY_RULE_TEXT_MAX (WIRE_NAME_TEXT_MAX + 48)
size_t policy_hit_rule(const struct policy_hit *hit, const struct policy_row *row, char *out,
                       size_t size);
/* The prefix that matched; false if it was a name. */
bool policy_hit_prefix(const struct policy_hit *hit, struct address_prefix *out);

/* The target of a redirecting hit for the name that was asked, prefixed if the rule or view
 * says so. False if it has none or the result is over 255 octets. */
bool policy_hit_redirect(const struct policy *policy, unsigned view,
                         const struct policy_hit *hit, const struct wire_name *asked,
                         struct wire_name *out);

/* True if an enforced list has a rule below the name that lets through (a pass rule, or one
 * whose action is pass or log), or an exception covers a name there, or the operator allows one
 * there in a view that denies, so that the name exists: NXDOMAIN would deny what is below
 * (RFC 8020). */
bool policy_passes_below(const struct policy *policy, unsigned view,
                         const struct wire_name *name);

/* Everything that decided on one question: collected trigger by trigger by policy/answer.h, in
 * their order. */
struct policy_hits {
    struct policy_hit at[POLICY_HITS_MAX];
    uint8_t count;
    bool more;            /* others were left out */
    bool passed;          /* a pass with chain scope: nothing that follows blocks */
    bool truncate_passes; /* the caller's word: over TCP `truncate` lets through, with an event
                           */
};

/* For a new question: no hits yet. */
void policy_hits_start(struct policy_hits *hits, bool truncate_passes);

#endif
