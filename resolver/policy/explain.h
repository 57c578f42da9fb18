/*
 * policy/explain.h - every rule that matches a name or an address, and what became of it.
 *
 * Read off the same verdicts that decide: the rule that wins here is the outcome of
 * policy_decide_name() and its like, never a second opinion. Nothing allocates; nothing is kept
 * of the policy but numbers, so that an explanation is good as long as its policy.
 *
 *     policy_explain_question(policy, view, &name, &explained);
 *     policy_explained_start(&at);
 *     while (policy_explained_next(policy, &explained, &at, &finding)) ...
 */
#ifndef CORDON_POLICY_EXPLAIN_H
#define CORDON_POLICY_EXPLAIN_H

#include "policy/answer.h"
#include "policy/policy.h"

/* What became of a rule that matches. */
enum policy_fate {
    POLICY_FATE_WINS,      /* it decides: blocks, passes, or makes an event */
    POLICY_FATE_RECORDED,  /* of the lists in log mode it is the one that makes the event */
    POLICY_FATE_SILENT,    /* the same, but it lets through: there is nothing to record */
    POLICY_FATE_EXCEPTION, /* it would block: an exception lets the name through */
    POLICY_FATE_EXCEPTED,  /* does not count: an exception is for this rule */
    POLICY_FATE_LONGER,    /* loses: a longer match decides */
    POLICY_FATE_PASS,      /* loses: at equal length a pass goes before a block */
    POLICY_FATE_ORDER,     /* loses: at equal length a list earlier in the order decides */
    POLICY_FATE_NARROWER,  /* loses: a rule of the same list that matches less decides */
    POLICY_FATE_OFF,       /* does not count: the view gives it no word; reason says why */
    POLICY_FATE_CHAIN,     /* does not count: a pass with chain scope came before */
    POLICY_FATE_NOT_ASKED  /* does not count: an earlier trigger has ended it */
};
#define POLICY_FATES (POLICY_FATE_NOT_ASKED + 1)

/* "wins", "longer-match" ...: for JSON and other programs. NULL for a value outside the enum.
 */
const char *policy_fate_name(enum policy_fate fate);
/* The same as a sentence for people. */
const char *policy_fate_words(enum policy_fate fate);

/* One trigger, decided. */
struct policy_explained {
    unsigned view;
    uint8_t trigger; /* enum policy_trigger */
    uint8_t hop;
    bool not_asked;         /* a trigger before it has ended the question */
    bool passed;            /* a pass before it lets the rest of the chain through */
    struct wire_name name;  /* looked at; for an address its owner */
    struct address address; /* family 0: none */
    struct policy_matches matches;
    struct policy_outcome outcome;
};

/* Who asks; as policy_decide_client(). */
void policy_explain_client(const struct policy *policy, unsigned view,
                           const struct address *address, struct policy_explained *out);
/* What is decided about the asked name; as policy_decide_question(). */
void policy_explain_question(const struct policy *policy, unsigned view,
                             const struct wire_name *name, struct policy_explained *out);
/* A name or an address that an answer leads to; asked: the name that was, whose exceptions may
 * have chain scope; NULL: unknown. */
void policy_explain_name(const struct policy *policy, unsigned view,
                         enum policy_trigger trigger, uint8_t hop, const struct wire_name *name,
                         const struct wire_name *asked, struct policy_explained *out);
void policy_explain_address(const struct policy *policy, unsigned view,
                            enum policy_trigger trigger, uint8_t hop,
                            const struct wire_name *owner, const struct address *address,
                            const struct wire_name *asked, struct policy_explained *out);

/* A rule that matches. */
struct policy_finding {
    struct policy_row row;
    struct policy_hit hit; /* names the rule; mode is that of its list in the view */
    bool paused;           /* its list is in log mode, and would be enforced but for a pause */
    enum policy_mode counts;   /* how far it counts in the view, for this trigger */
    enum policy_reason reason; /* why no further */
    enum policy_fate fate;
};

/* The fate as a sentence for people, with the reason. Static. */
const char *policy_finding_words(const struct policy_finding *finding);

struct policy_explained_at {
    unsigned match, row;
};
void policy_explained_start(struct policy_explained_at *at);
/* The next rule, longest match first; false: that was the last. */
bool policy_explained_next(const struct policy *policy,
                           const struct policy_explained *explained,
                           struct policy_explained_at *at, struct policy_finding *out);

/* How far the explanation of a question has come. */
struct policy_explained_so_far {
    bool ended;  /* a trigger has ended the question */
    bool passed; /* or has let through the rest of the chain */
};
/* Puts one trigger in its place behind those before: says whether it is still asked, and what
 * follows from it. */
void policy_explained_follow(struct policy_explained *explained,
                             struct policy_explained_so_far *so_far);

/*
 * Every trigger of an answer, in the order in which they are decided, also those that are not
 * asked any more because one before them ends it (not_asked). next is called for each; false
 * ends the walk. so_far: what the client and the asked name have come to; goes on.
 */
typedef bool policy_explain_trigger(void *context, const struct policy_explained *explained);
void policy_explain_answer(const struct policy *policy, unsigned view,
                           const struct wire_message *message, const struct policy_chain *chain,
                           struct policy_explained_so_far *so_far, policy_explain_trigger *next,
                           void *context);

/* True if the outcome is a pass that lets the rest of the chain through. */
bool policy_outcome_passes_chain(const struct policy_outcome *outcome);

#endif
