/*
 * policy/caps.h - how much rules may do in a view at most, by what their list says of them:
 * their category, their scope, and how sure it is.
 *
 * A cap lowers what a rule does, when verdicts are made: no question takes longer for it.
 * - OFF, and too little confidence: the rule has no word, or only one in log mode, and shorter
 *   rules and other lists decide.
 * - LOG by category or scope: the operator wants such names recorded instead of blocked. The
 *   rule's action is log then: it lets through what it matches, whatever shorter rules say.
 * A rule that lets through keeps its word, whatever the caps: without it a shorter rule could
 * block what it passes, and a cap never blocks more than there was without it.
 */
#ifndef CORDON_POLICY_CAPS_H
#define CORDON_POLICY_CAPS_H

#include "policy/image.h"
#include "policy/limits.h"
#include "policy/rule.h"

#define POLICY_SCOPES       (POLICY_SCOPE_CONSUMER + 1u)
#define POLICY_CATEGORY_MAX 32u /* octets of the word */

struct policy_category_cap {
    char word[POLICY_CATEGORY_MAX + 1];
    enum policy_mode mode;
};

struct policy_caps {
    struct policy_category_cap categories[POLICY_CATEGORIES_MAX];
    size_t category_count;
    enum policy_mode scopes[POLICY_SCOPES];
    enum policy_confidence log, apply; /* the least for LOG, and for ENFORCE */
};

/* Why a rule does less than its list might. */
enum policy_reason {
    POLICY_REASON_NONE,     /* it does not: it is enforced */
    POLICY_REASON_LIST,     /* the operator's mode for the list */
    POLICY_REASON_SCHEDULE, /* a schedule that holds gives the list, or the view, that mode */
    POLICY_REASON_VIEW,     /* the one word of the view: mode log */
    POLICY_REASON_PAUSE,
    POLICY_REASON_CATEGORY,
    POLICY_REASON_SCOPE,
    POLICY_REASON_CONFIDENCE,
    POLICY_REASON_NAME_SERVERS, /* `name-servers:` of the view */
    POLICY_REASON_TARGETS,      /* `targets:` of the view */
    POLICY_REASON_STAGE         /* another version of the list counts in the view */
};

/* "none", "list", "schedule" ...; NULL outside of the enum. */
const char *policy_reason_name(enum policy_reason reason);

/* No cap at all. */
void policy_caps_init(struct policy_caps *caps);
/* The most that a rule may do, but for policy_caps_record(), and which cap says so; *reason
 * (NULL is fine) is NONE for ENFORCE. */
enum policy_mode policy_caps_of(const struct policy_caps *caps, const struct policy_row *row,
                                enum policy_reason *reason);
/* True if category or scope has the rule's names let through and recorded; *reason (NULL is
 * fine) says which, and is untouched otherwise. */
bool policy_caps_record(const struct policy_caps *caps, const struct policy_row *row,
                        enum policy_reason *reason);
/* True if confidence lets rules do no more than LOG. */
bool policy_caps_log(const struct policy_caps *caps);

#endif
