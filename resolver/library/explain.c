/* libcordon: why a decision is as it is. Nothing here allocates. */
#include "policy/explain.h"
#include "library/policy.h"
#include "policy/words.h"

#include <cordon/explain.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is public keeps its numbers. The library has no exceptions: those are the daemon's. */
static const uint8_t fates[POLICY_FATES] = {
    [POLICY_FATE_WINS] = CORDON_FATE_WINS,
    [POLICY_FATE_RECORDED] = CORDON_FATE_RECORDED,
    [POLICY_FATE_SILENT] = CORDON_FATE_SILENT,
    [POLICY_FATE_LONGER] = CORDON_FATE_LONGER,
    [POLICY_FATE_PASS] = CORDON_FATE_PASS,
    [POLICY_FATE_ORDER] = CORDON_FATE_ORDER,
    [POLICY_FATE_NARROWER] = CORDON_FATE_NARROWER,
    [POLICY_FATE_OFF] = CORDON_FATE_OFF,
    [POLICY_FATE_CHAIN] = CORDON_FATE_CHAIN,
    [POLICY_FATE_NOT_ASKED] = CORDON_FATE_NOT_ASKED,
};

/* Where an explanation stands. */
struct telling {
    const struct policy *policy;
    cordon_explain_rule *rule;
    void *context;
    struct policy_explained_so_far so_far;
    int rc;
};

/* The rules of one trigger. False: no more are wanted. */
static bool tell(void *context, const struct policy_explained *explained)
{
    struct telling *telling = context;
    struct policy_explained_at at;
    struct policy_finding found;

    policy_explained_start(&at);
    while (telling->rc == 0 && policy_explained_next(telling->policy, explained, &at, &found)) {
        struct cordon_finding finding = {.size = sizeof(finding),
                                         .fate = fates[found.fate],
                                         .fate_name = policy_fate_name(found.fate),
                                         .words = policy_finding_words(&found)};

        library_write_match(&found.hit, &finding.match);
        telling->rc = telling->rule(telling->context, &finding);
    }
    return telling->rc == 0;
}

/* One that comes before the answer: whether that is still asked for follows from it. */
static void tell_asked(struct telling *telling, struct policy_explained *explained)
{
    policy_explained_follow(explained, &telling->so_far);
    tell(telling, explained);
}

/* The client, if there is one, then the name. */
static void tell_question(struct telling *telling, const struct address *client,
                          const struct wire_name *name)
{
    struct policy_explained explained;

    if (client->family != ADDRESS_NONE) {
        policy_explain_client(telling->policy, LIBRARY_VIEW, client, &explained);
        tell_asked(telling, &explained);
    }
    policy_explain_question(telling->policy, LIBRARY_VIEW, name, &explained);
    tell_asked(telling, &explained);
}

int cordon_explain_name(const struct cordon_policy *policy, int family, const uint8_t *client,
                        const uint8_t *name, size_t len, cordon_explain_rule *rule,
                        void *context)
{
    struct telling telling = {.policy = policy->policy, .rule = rule, .context = context};
    struct address address;
    struct wire_name parsed;

    if (rule == NULL) {
        return -EINVAL;
    }
    if (!library_read_client(family, client, &address) ||
        !library_read_name(name, len, &parsed)) {
        return CORDON_E_FORMAT;
    }
    tell_question(&telling, &address, &parsed);
    return telling.rc;
}

int cordon_explain_address(const struct cordon_policy *policy, int family,
                           const uint8_t *octets, cordon_explain_rule *rule, void *context)
{
    static const struct wire_name root = {.octets = {0}, .len = 1};
    struct telling telling = {.policy = policy->policy, .rule = rule, .context = context};
    struct policy_explained explained;
    struct address address;

    if (rule == NULL) {
        return -EINVAL;
    }
    if (family == 0 || !library_read_client(family, octets, &address)) {
        return CORDON_E_FORMAT;
    }
    policy_explain_address(policy->policy, LIBRARY_VIEW, POLICY_TRIGGER_ADDRESS, 0, &root,
                           &address, NULL, &explained);
    tell_asked(&telling, &explained);
    return telling.rc;
}

int cordon_explain_message(const struct cordon_policy *policy, int family,
                           const uint8_t *client, const uint8_t *octets, size_t len,
                           cordon_explain_rule *rule, void *context)
{
    struct telling telling = {.policy = policy->policy, .rule = rule, .context = context};
    struct wire_message message;
    struct policy_chain chain;
    struct address address;

    if (rule == NULL) {
        return -EINVAL;
    }
    if (octets == NULL || !library_read_client(family, client, &address) ||
        wire_message_open(octets, len, &message) != WIRE_OK || message.counts[0] != 1 ||
        policy_chain_follow(&message, &chain) != POLICY_CHAIN_OK) {
        return CORDON_E_FORMAT;
    }
    tell_question(&telling, &address, &message.name);
    if (telling.rc == 0) {
        policy_explain_answer(policy->policy, LIBRARY_VIEW, &message, &chain, &telling.so_far,
                              tell, &telling);
    }
    return telling.rc;
}

const char *cordon_fate_name(int fate)
{
    for (unsigned i = 0; fate > 0 && i < POLICY_FATES; i++) {
        if (fates[i] == fate) {
            return policy_fate_name((enum policy_fate)i);
        }
    }
    return NULL;
}

static const struct policy_fact *fact_of(const struct cordon_policy *policy, size_t list,
                                         size_t index, const struct policy_list **head)
{
    *head = policy_list_head_of(policy->policy, list);
    return *head != NULL && index < (*head)->fact_count ? &(*head)->facts[index] : NULL;
}

size_t cordon_list_facts(const struct cordon_policy *policy, size_t list)
{
    const struct policy_list *head = policy_list_head_of(policy->policy, list);

    return head != NULL ? head->fact_count : 0;
}

int cordon_list_fact(const struct cordon_policy *policy, size_t list, size_t index,
                     struct cordon_fact *fact)
{
    const struct policy_list *head;
    const struct policy_fact *found = fact_of(policy, list, index, &head);

    if (fact->size != sizeof(*fact)) {
        return -EINVAL;
    }
    if (found == NULL) {
        return -ERANGE;
    }
    *fact = (struct cordon_fact){.size = sizeof(*fact),
                                 .fact_class = policy_class_name(found->class),
                                 .entity = found->entity,
                                 .authority = found->authority,
                                 .instrument = found->instrument,
                                 .citation = found->citation,
                                 .effective = found->effective,
                                 .published = found->published,
                                 .checked = found->checked,
                                 .state = found->state,
                                 .effect = found->effect,
                                 .note = found->note};
    return 0;
}

size_t cordon_list_fact_text(const struct cordon_policy *policy, size_t list, size_t index,
                             char *out, size_t size)
{
    char words[POLICY_FACT_WORDS_MAX];
    const struct policy_list *head;
    const struct policy_fact *found = fact_of(policy, list, index, &head);

    words[0] = '\0';
    if (found != NULL) {
        policy_words_fact(found, head->provider_name, words);
    }
    return (size_t)snprintf(out, size, "%s", words);
}
