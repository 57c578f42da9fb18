/*
 * policy/policy_state.h - what a policy is made of: for the files that make it and that decide
 * by it (policy_make.c, verdicts.c, policy.c ...), and for nobody else.
 */
#ifndef CORDON_POLICY_POLICY_STATE_H
#define CORDON_POLICY_POLICY_STATE_H

#include "policy/policy.h"

#define POLICY_MAGIC  0x706f6c69u
#define POLICY_NO_ROW UINT16_MAX

/* What a set of rules means in one view: the row that wins among enforced lists, and among
 * those in log mode. */
struct policy_verdict {
    uint16_t enforce, log; /* POLICY_NO_ROW: none */
    uint8_t enforce_action, log_action;
    bool speaks; /* an enforced list has a word: also where the view makes it log */
};

/* What the operator said about a list of the image, for one view. */
struct policy_list_state {
    uint8_t mode;   /* enum policy_mode */
    uint8_t action; /* of rules that name none; never DEFAULT */
    bool paused;    /* mode is LOG, and would be ENFORCE */
    bool speaks;    /* enforced, whatever the view's one word makes of it */
    bool trial;     /* a newer version, on trial: mode is OFF */
    bool replaced;  /* another version of it counts here: mode is OFF */
    uint16_t rank;  /* place in the order of lists */
};

/* What the versions on trial say of a set of rules, and what those say that they would replace:
 * each by themselves, as if no other list were there. */
struct policy_trial_verdict {
    uint16_t newer, held; /* POLICY_NO_ROW: nothing */
    uint8_t newer_action, held_action;
};

/* What a schedule changes in a view. */
struct policy_words {
    struct policy_list_state lists[POLICY_LISTS_MAX];
    uint8_t action, by_default, client;
};

struct policy_view {
    struct policy_list_state lists[POLICY_LISTS_MAX];
    struct policy_verdict *verdicts[POLICY_SUBJECTS]; /* one a set; NULL: no rule is about it,
                                                         but never for ANSWER */
    /* The same, NULL throughout unless something is on trial. */
    struct policy_trial_verdict *trials[POLICY_SUBJECTS];
    bool tries;    /* something is on trial */
    bool borrowed; /* they are those of the policy that this one is derived from */
    struct wire_name redirect;
    bool redirect_prefixes;
    uint8_t action;       /* of the view; never DEFAULT */
    uint8_t by_default;   /* enum policy_mode: of the default to deny; OFF: allow */
    bool paused;          /* by_default is LOG, and would be ENFORCE */
    uint8_t targets;      /* enum policy_mode: at most */
    uint8_t name_servers; /* enum policy_mode: at most */
    uint8_t client;       /* enum policy_client */
    bool client_paused;   /* client is LOG, and would be BLOCK */
    struct policy_name_server_use use;
    struct policy_allow *allow; /* borrowed if the policy is derived */
    struct policy_caps caps;
    bool caps_log;              /* some rules do no more than log by them */
    struct policy_words *words; /* by variant, 0: without one; borrowed if the policy is
                                   derived; NULL: there is no variant */
    uint8_t variant_count, variant;
    uint8_t origin; /* the view that this one is a twin of, or itself */
};

struct policy {
    uint32_t magic;
    struct policy_image *image;
    uint64_t generation;
    uint64_t root_generation; /* of what it was derived from, or its own */
    size_t set_count;
    unsigned subjects; /* a bit for each that has rules */
    size_t view_count;
    struct policy_view *views;
    bool derived;                         /* the image is borrowed */
    struct policy_exceptions *exceptions; /* NULL: none */
    /* By number of the image's list; borrowed if derived. */
    struct policy_said *said;
    size_t said_count;
    /* By number of the image's list; NULL: not given. Borrowed if derived. */
    struct policy_list *heads[POLICY_LISTS_MAX];
    /* By number of the image's list: which of two versions it is, enum policy_version, and the
     * lowest number of those of its id. */
    uint8_t versions[POLICY_LISTS_MAX], first[POLICY_LISTS_MAX];
};

/* The action of a row in a view, never DEFAULT. */
enum policy_action policy_row_action(const struct policy_view *view,
                                     const struct policy_row *row);
/* True if it would block, and the view has its category or scope recorded instead: its action
 * is LOG. *reason (NULL is fine) says which of them, and is untouched otherwise. */
bool policy_row_is_recorded(const struct policy_view *view, const struct policy_row *row,
                            enum policy_reason *reason);

/* Why the row a goes before b, if it does: both match at the same length. */
enum policy_before {
    POLICY_BEFORE_NOT,
    POLICY_BEFORE_KIND,  /* it passes, b blocks */
    POLICY_BEFORE_ORDER, /* its list is the earlier one */
    POLICY_BEFORE_MATCH  /* it is of the same list, and covers less */
};
enum policy_before policy_row_before(const struct policy_view *view, const struct policy_row *a,
                                     const struct policy_row *b);

/* True if rules of the list about the subject are in log mode in part only. */
bool policy_list_counts_twice(const struct policy_view *view, size_t list,
                              enum policy_subject subject);

/* The most that the view lets a rule do, whatever the mode of its list; *reason (NULL is fine)
 * says by what. */
enum policy_mode policy_row_most(const struct policy_view *view, const struct policy_row *row,
                                 enum policy_reason *reason);

bool policy_lets_through(enum policy_action action);

/* Whether a row has a word among the lists in this mode. What lets through in a list that is in
 * log mode in part only, by a pause or by caps of the view, counts among the enforced ones, or
 * a pause or a cap could block what it passed; and among the others, which it beats there, too.
 */
bool policy_row_counts(const struct policy_view *view, const struct policy_row *row,
                       enum policy_mode mode);

/* What is looked at, before any list is asked. */
struct policy_trigger_at {
    enum policy_trigger trigger;
    uint8_t hop;
    const struct wire_name *name;  /* NULL: none */
    const struct address *address; /* NULL: none */
    uint8_t family;                /* of the prefixes that match it */
};

/* The hit of a row of the match's set. False if the image is damaged there. */
bool policy_fill_hit(const struct policy *policy, const struct policy_trigger_at *at,
                     const struct policy_match_entry *match, uint16_t index,
                     enum policy_mode mode, uint8_t action, struct policy_hit *hit);

/* The row that wins in a set among the lists in this mode, or POLICY_NO_ROW. */
uint16_t policy_winner(const struct policy_image *image, const struct policy_view *view,
                       enum policy_subject subject, uint32_t set, enum policy_mode mode,
                       uint8_t *action);

/* What each set of rules means in the view, by the modes of its lists: makes its verdicts and
 * trials. 0, or -ENOMEM: some may be made. */
int policy_verdicts_make(const struct policy *policy, struct policy_view *view);
/* Unless they are borrowed. */
void policy_verdicts_free(struct policy_view *view);

/* What a view needs to know about name servers: sets view->use, by its lists and verdicts. */
void policy_note_uses(const struct policy *policy, struct policy_view *view);

/* trial.c. Makes view->trials and what else follows from them, after all the rest of the view.
 * 0 or -ENOMEM. */
int policy_trials_make(const struct policy *policy, struct policy_view *view);
/* hot where something is on trial. Decides it apart: sets out->tried and out->trial_hit. */
void policy_try(const struct policy *policy, unsigned view,
                const struct policy_matches *matches, const struct policy_trigger_at *at,
                struct policy_outcome *out);

/* policy_except.c. Has an enforced block of the outcome, which these matches have led to, not
 * count if its rule is excepted: the next that counts takes its place, or it lets through and
 * names the exception. False: no rule of an enforced list speaks that is not excepted. */
bool policy_except_rules(const struct policy *policy, unsigned view,
                         const struct policy_matches *matches, struct policy_outcome *out);
/* Has an exception of the name let through what the outcome would block. */
void policy_except_name(const struct policy *policy, unsigned view,
                        const struct wire_name *name, bool chain, struct policy_outcome *out);

/* The number of the exception for the rule of this hit, row, in the view; 0: none. */
unsigned policy_except_number(const struct policy *policy, unsigned view,
                              const struct policy_hit *hit, const struct policy_row *row);

#endif
