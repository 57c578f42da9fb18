/*
 * Follows chains and decides on arbitrary octets as an answer: a chain has no name twice and
 * keeps its bound, hits keep theirs, and a block is the last hit, of a rule that blocks. A
 * second policy, with a list in log mode beside, blocks the same.
 */
#include "require.h"

#include "policy/answer.h"
#include "policy/explain.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD(id)                                                  \
    "cordon-list 1\nid " id "\ntitle T\nprovider p P\nserial 1\n" \
    "created 2026-01-01T00:00:00Z\nexpires 2027-01-01T00:00:00Z\nrules\n"
#define WORDS " category=c scope=cdn confidence=low evidence=\"e\"\n"

static const char on[] =
    HEAD("on") "block suffix bad.test" WORDS "pass suffix good.bad.test" WORDS
               "block prefix 192.0.2.0/24" WORDS "block prefix 2001:db8::/32" WORDS "end\n";
static const char quiet[] =
    HEAD("quiet") "pass suffix bad.test" WORDS "block suffix b.test" WORDS
                  "block prefix 192.0.2.0/25" WORDS "end\n";

static struct policy *make_policy(bool with_log)
{
    struct policy_list *lists[2] = {NULL, NULL};
    struct policy_image *image = NULL;
    struct policy *policy = NULL;
    const struct policy_list_setting settings[] = {
        {"quiet", POLICY_MODE_LOG, POLICY_ACTION_DEFAULT},
        {"on", POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT},
    };
    const struct policy_view_setting view = {.name = "default",
                                             .lists = with_log ? settings : settings + 1,
                                             .list_count = with_log ? 2 : 1,
                                             .targets = POLICY_MODE_ENFORCE};

    require(policy_list_parse(on, sizeof(on) - 1, "on", NULL, &lists[0]) == 0);
    require(policy_list_parse(quiet, sizeof(quiet) - 1, "quiet", NULL, &lists[1]) == 0);
    require(policy_image_build((const struct policy_list *const *)lists, with_log ? 2 : 1,
                               &image) == 0);
    require(policy_create(image, &view, 1, 1, NULL, &policy) == 0);
    policy_list_free(lists[0]);
    policy_list_free(lists[1]);
    return policy;
}

static void check_chain(const struct wire_message *message, const struct policy_chain *chain)
{
    require(chain->count >= 1 && chain->count <= POLICY_HOPS_MAX + 1);
    require(wire_name_equal(&chain->names[0], &message->name));
    for (unsigned i = 0; i < chain->count; i++) {
        for (unsigned k = 0; k < i; k++) {
            require(!wire_name_equal(&chain->names[i], &chain->names[k]));
        }
    }
}

static void check_hits(const struct policy *policy, const struct policy_chain *chain,
                       const struct policy_hits *hits, bool blocked, uint8_t block)
{
    struct policy_row row;

    require(hits->count <= POLICY_HITS_MAX);
    require(!blocked || block + 1u == hits->count);
    for (uint8_t i = 0; i < hits->count; i++) {
        const struct policy_hit *hit = &hits->at[i];

        require(policy_hit_row(policy, hit, &row) && row.list == hit->list);
        require(hit->hop < chain->count && hit->action != POLICY_ACTION_DEFAULT);
        require(hit->kind == POLICY_BLOCK && hit->action != POLICY_ACTION_PASS);
        require((blocked && i == block) == (hit->mode == POLICY_MODE_ENFORCE));
        require((hit->trigger == POLICY_TRIGGER_ADDRESS) ==
                (hit->address.family != ADDRESS_NONE));
    }
}

/* What is explained is what is decided: the trigger that ends it, and by which rule. */
struct told {
    const struct policy *policy;
    bool blocked;
    struct policy_hit block;
};

static bool tell(void *context, const struct policy_explained *explained)
{
    struct told *told = context;
    struct policy_explained_at at;
    struct policy_finding finding;
    unsigned wins = 0;

    require(explained->not_asked == told->blocked);
    policy_explained_start(&at);
    while (policy_explained_next(told->policy, explained, &at, &finding)) {
        require(!explained->not_asked || finding.fate == POLICY_FATE_NOT_ASKED ||
                finding.fate == POLICY_FATE_OFF);
        wins += finding.fate == POLICY_FATE_WINS;
    }
    require(wins == (explained->outcome.enforced && !explained->not_asked ? 1u : 0u));
    if (!told->blocked && policy_outcome_blocks(&explained->outcome)) {
        told->blocked = true;
        told->block = explained->outcome.hit;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_message message;
    struct policy_chain chain;
    struct policy_hits plain = {.count = 0}, logged = {.count = 0};
    uint8_t block = 0, logged_block = 0;

    if (size > WIRE_MESSAGE_MAX || wire_message_open(data, size, &message) != WIRE_OK ||
        policy_chain_follow(&message, &chain) != POLICY_CHAIN_OK) {
        return 0;
    }
    check_chain(&message, &chain);
    struct policy *policy = make_policy(false);
    struct policy *with_log = make_policy(true);
    const bool blocked = policy_decide_answer(policy, 0, &message, &chain, &plain, &block);
    check_hits(policy, &chain, &plain, blocked, block);
    require(blocked ==
            policy_decide_answer(with_log, 0, &message, &chain, &logged, &logged_block));
    check_hits(with_log, &chain, &logged, blocked, logged_block);
    if (blocked) {
        const struct policy_hit *a = &plain.at[block];
        const struct policy_hit *b = &logged.at[logged_block];

        require(a->trigger == b->trigger && a->hop == b->hop && a->labels == b->labels &&
                wire_name_equal(&a->name, &b->name));
    }
    struct policy_explained_so_far so_far = {.ended = false};
    struct told told = {.policy = with_log};
    policy_explain_answer(with_log, 0, &message, &chain, &so_far, tell, &told);
    require(told.blocked == blocked);
    require(!blocked || (told.block.set == logged.at[logged_block].set &&
                         told.block.row == logged.at[logged_block].row &&
                         told.block.hop == logged.at[logged_block].hop &&
                         told.block.trigger == logged.at[logged_block].trigger));
    policy_destroy(policy);
    policy_destroy(with_log);
    return 0;
}
