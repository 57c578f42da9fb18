/*
 * cordon/explain.h - why a decision is as it is, for auditors: every rule that matches, who
 * wins and why, who does not and why, and the legal basis in full.
 *
 *     static int tell(void *context, const struct cordon_finding *finding)
 *     {
 *         char rule[CORDON_NAME_TEXT_MAX + 48];
 *         cordon_match_text(context, &finding->match, rule, sizeof(rule));
 *         printf("%s: %s\n", rule, finding->words);
 *         return 0;
 *     }
 *     cordon_explain_name(policy, 0, NULL, name.octets, name.len, tell, policy);
 *
 * Read off the same verdicts that decide. Threads and bounds as in cordon/policy.h; nothing is
 * allocated.
 */
#ifndef CORDON_EXPLAIN_H
#define CORDON_EXPLAIN_H

#include <cordon/policy.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What became of a rule that matches. Values never change; words may be added. */
enum cordon_fate {
    CORDON_FATE_WINS = 1,      /* it decides: blocks, passes, or tells */
    CORDON_FATE_RECORDED = 2,  /* in mode LOG it is the one to tell */
    CORDON_FATE_SILENT = 3,    /* the same, but it lets through */
    CORDON_FATE_LONGER = 4,    /* loses: a longer match decides */
    CORDON_FATE_PASS = 5,      /* loses: at equal length a pass goes before a block */
    CORDON_FATE_ORDER = 6,     /* loses: at equal length an earlier list decides */
    CORDON_FATE_NARROWER = 7,  /* loses: a rule of the same list that covers less decides */
    CORDON_FATE_OFF = 8,       /* does not count */
    CORDON_FATE_CHAIN = 9,     /* does not count: a pass for the whole chain came before */
    CORDON_FATE_NOT_ASKED = 10 /* does not count: an earlier trigger has ended it */
};

/* A rule that matches. Strings are static. */
struct cordon_finding {
    size_t size;               /* sizeof(struct cordon_finding) of the library */
    struct cordon_match match; /* the rule, and what it matches: for cordon_match_rule() ... */
    int fate;                  /* enum cordon_fate */
    const char *fate_name;     /* "wins", "longer-match": as `cordon explain --json` */
    const char *words;         /* the fate as a sentence */
};

/* Called for each rule: trigger by trigger in the order of precedence, the longest match first.
 * Not 0 ends the explanation, which returns it. finding is borrowed for the call. */
typedef int cordon_explain_rule(void *context, const struct cordon_finding *finding);

/* Explains cordon_decide_name_for(), cordon_decide_address() and cordon_decide_message_for():
 * also triggers that are not asked any more. 0; what rule returned; CORDON_E_FORMAT; -EINVAL
 * for rule NULL. */
CORDON_API int cordon_explain_name(const struct cordon_policy *policy, int family,
                                   const uint8_t *client, const uint8_t *name, size_t len,
                                   cordon_explain_rule *rule, void *context);
CORDON_API int cordon_explain_address(const struct cordon_policy *policy, int family,
                                      const uint8_t *octets, cordon_explain_rule *rule,
                                      void *context);
CORDON_API int cordon_explain_message(const struct cordon_policy *policy, int family,
                                      const uint8_t *client, const uint8_t *message, size_t len,
                                      cordon_explain_rule *rule, void *context);

/* The word of a fate. NULL for a value that is none. */
CORDON_API const char *cordon_fate_name(int fate);

/* A legal fact as the list has it. Strings are UTF-8, never NULL ("" where the list says
 * nothing), and live as long as the policy. */
struct cordon_fact {
    size_t size;            /* in: sizeof(struct cordon_fact) */
    const char *fact_class; /* "designated", "parent-designated", "named-urged" ... */
    const char *entity;     /* the legal person that it is about */
    const char *authority, *instrument, *citation;
    const char *effective, *published, *checked; /* YYYY-MM-DD */
    const char *state;                           /* "in-force", "contested", "removed" ... */
    const char *effect, *note;
};

/* How many facts a list states: 0 to count - 1; 0 for a list that there is not. */
CORDON_API size_t cordon_list_facts(const struct cordon_policy *policy, size_t list);
/* 0; -ERANGE; -EINVAL if fact->size is none that this library knows. */
CORDON_API int cordon_list_fact(const struct cordon_policy *policy, size_t list, size_t index,
                                struct cordon_fact *fact);
/* The fact in one sentence that says no more than it does: a request is called a request, an
 * owner's status the owner's. Returns the length, which is below size unless it was cut; 0 for
 * a fact that there is not. */
CORDON_API size_t cordon_list_fact_text(const struct cordon_policy *policy, size_t list,
                                        size_t index, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
