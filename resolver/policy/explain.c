#include "policy/explain.h"

#include "base/invariant.h"
#include "policy/policy_state.h"

#include <string.h>

static const char *const fates[] = {
    [POLICY_FATE_WINS] = "wins",
    [POLICY_FATE_RECORDED] = "recorded",
    [POLICY_FATE_SILENT] = "silent",
    [POLICY_FATE_EXCEPTION] = "exception",
    [POLICY_FATE_EXCEPTED] = "excepted",
    [POLICY_FATE_LONGER] = "longer-match",
    [POLICY_FATE_PASS] = "pass-over-block",
    [POLICY_FATE_ORDER] = "list-order",
    [POLICY_FATE_NARROWER] = "narrower-match",
    [POLICY_FATE_OFF] = "off",
    [POLICY_FATE_CHAIN] = "chain-passed",
    [POLICY_FATE_NOT_ASKED] = "not-asked",
};
_Static_assert(sizeof(fates) / sizeof(fates[0]) == POLICY_FATES, "each fate has its word");

const char *policy_fate_name(enum policy_fate fate)
{
    return (unsigned)fate < POLICY_FATES ? fates[fate] : NULL;
}

/* Why it is recorded, and why it does not count at all. */
static const struct {
    const char *recorded, *off;
} reasons[] = {
#define RECORDED "is recorded: there is an event, and the answer stands, for "
#define OFF      "does not count: "
    [POLICY_REASON_NONE] = {RECORDED "its action is log", OFF "nothing gives it a word"},
    [POLICY_REASON_LIST] = {RECORDED "its list is in log mode", OFF "its list is off"},
    [POLICY_REASON_SCHEDULE] = {RECORDED "a schedule has its list in log mode now",
                                OFF "a schedule has its list off now"},
    [POLICY_REASON_VIEW] = {RECORDED "the view is in mode log", OFF "the view has it off"},
    [POLICY_REASON_PAUSE] = {RECORDED "its list is paused", OFF "its list is paused"},
    [POLICY_REASON_CATEGORY] = {RECORDED "the view only records its category",
                                OFF "the view has its category off"},
    [POLICY_REASON_SCOPE] = {RECORDED "the view only records its scope",
                             OFF "the view has its scope off"},
    [POLICY_REASON_CONFIDENCE] = {RECORDED "the view applies more confident rules alone",
                                  OFF "the view wants more confidence even to record"},
    [POLICY_REASON_NAME_SERVERS] = {RECORDED "the view only records name servers",
                                    OFF "the view does not look at name servers"},
    [POLICY_REASON_TARGETS] = {RECORDED "the view only records targets",
                               OFF "the view does not look at targets"},
    [POLICY_REASON_STAGE] = {RECORDED "it is of a version that is on trial",
                             OFF "another version of its list counts here, by a stage"},
#undef RECORDED
#undef OFF
};

const char *policy_finding_words(const struct policy_finding *finding)
{
    const size_t reason = (size_t)finding->reason < sizeof(reasons) / sizeof(reasons[0])
                              ? (size_t)finding->reason
                              : POLICY_REASON_NONE;

    switch (finding->fate) {
    case POLICY_FATE_WINS:
        return finding->hit.action == POLICY_ACTION_LOG
                   ? "wins: the longest match of the enforced lists; its action is log, so "
                     "there is an event, and the answer stands"
                   : "wins: the longest match of the enforced lists";
    case POLICY_FATE_RECORDED:
        return reasons[reason].recorded;
    case POLICY_FATE_SILENT:
        return "does nothing: it lets through, and its list is in log mode";
    case POLICY_FATE_EXCEPTION:
        return "would win: an exception lets through what it blocks";
    case POLICY_FATE_EXCEPTED:
        return "does not count: an exception is for this rule";
    case POLICY_FATE_LONGER:
        return "loses: a longer match decides";
    case POLICY_FATE_PASS:
        return "loses: at equal length a pass goes before a block";
    case POLICY_FATE_ORDER:
        return "loses: at equal length a list earlier in the order decides";
    case POLICY_FATE_NARROWER:
        return "loses: at equal length a rule of the same list that covers less decides";
    case POLICY_FATE_OFF:
        return reasons[reason].off;
    case POLICY_FATE_CHAIN:
        return "does not count: an earlier trigger lets the rest of the chain through";
    case POLICY_FATE_NOT_ASKED:
        break;
    }
    return "is not asked any more: an earlier trigger has ended it";
}

bool policy_outcome_passes_chain(const struct policy_outcome *outcome)
{
    return outcome->enforced && outcome->hit.chain && outcome->hit.mode == POLICY_MODE_ENFORCE;
}

static void begin(unsigned view, enum policy_trigger trigger, uint8_t hop,
                  const struct wire_name *name, struct policy_explained *out)
{
    out->view = view;
    out->trigger = (uint8_t)trigger;
    out->hop = hop;
    out->not_asked = out->passed = false;
    out->name = *name;
    out->address = (struct address){.family = ADDRESS_NONE};
}

void policy_explain_client(const struct policy *policy, unsigned view,
                           const struct address *address, struct policy_explained *out)
{
    const struct wire_name root = {.len = 1};

    begin(view, POLICY_TRIGGER_CLIENT, 0, &root, out);
    out->address = *address;
    policy_image_find_address(policy->image, POLICY_SUBJECT_CLIENT, address, &out->matches);
    policy_decide_client(policy, view, address, &out->outcome);
}

void policy_explain_question(const struct policy *policy, unsigned view,
                             const struct wire_name *name, struct policy_explained *out)
{
    begin(view, POLICY_TRIGGER_QNAME, 0, name, out);
    policy_image_find_name(policy->image, name, &out->matches);
    policy_decide_question(policy, view, name, &out->outcome);
}

void policy_explain_name(const struct policy *policy, unsigned view,
                         enum policy_trigger trigger, uint8_t hop, const struct wire_name *name,
                         const struct wire_name *asked, struct policy_explained *out)
{
    begin(view, trigger, hop, name, out);
    policy_image_find_name(policy->image, name, &out->matches);
    policy_decide_name(policy, view, trigger, hop, name, &out->outcome);
    if (asked != NULL) {
        policy_except_chain(policy, view, asked, &out->outcome);
    }
}

void policy_explain_address(const struct policy *policy, unsigned view,
                            enum policy_trigger trigger, uint8_t hop,
                            const struct wire_name *owner, const struct address *address,
                            const struct wire_name *asked, struct policy_explained *out)
{
    begin(view, trigger, hop, owner, out);
    out->address = *address;
    policy_image_find_address(policy->image, policy_subject_of(trigger), address,
                              &out->matches);
    policy_decide_address(policy, view, trigger, hop, owner, address, &out->outcome);
    if (asked != NULL) {
        policy_except_chain(policy, view, asked, &out->outcome);
    }
}

void policy_explained_start(struct policy_explained_at *at)
{
    at->match = at->row = 0;
}

/* Where a hit of this look-up stands among the matches, or their count. */
static unsigned match_of(const struct policy_explained *from, const struct policy_hit *hit)
{
    unsigned i = 0;

    while (i < from->matches.count &&
           (from->matches.at[i].set != hit->set || from->matches.at[i].labels != hit->labels)) {
        i++;
    }
    return i;
}

/* The rule that counts among the lists in log mode, whether or not that makes an event. */
static bool find_logged(const struct policy_view *view, const struct policy_explained *from,
                        unsigned *match, uint16_t *row)
{
    const struct policy_verdict *verdicts =
        view->verdicts[policy_subject_of((enum policy_trigger)from->trigger)];

    for (unsigned i = from->matches.count; verdicts != NULL && i > 0; i--) {
        *row = verdicts[from->matches.at[i - 1].set].log;
        if (*row != POLICY_NO_ROW) {
            *match = i - 1;
            return true;
        }
    }
    return false;
}

static enum policy_fate fate_of_loser(const struct policy *policy,
                                      const struct policy_view *view,
                                      const struct policy_explained *from, unsigned match,
                                      const struct policy_row *row, unsigned winner_match,
                                      uint16_t winner_index)
{
    struct policy_row winner;

    if (match < winner_match || winner_match >= from->matches.count ||
        !policy_image_row(policy->image, from->matches.at[winner_match].set, winner_index,
                          &winner)) {
        return POLICY_FATE_LONGER;
    }
    switch (policy_row_before(view, &winner, row)) {
    case POLICY_BEFORE_KIND:
        return POLICY_FATE_PASS;
    case POLICY_BEFORE_ORDER:
        return POLICY_FATE_ORDER;
    case POLICY_BEFORE_MATCH:
    case POLICY_BEFORE_NOT:
        break;
    }
    return POLICY_FATE_NARROWER;
}

/* It wins, but the view only records what this trigger finds. */
static enum policy_fate fate_of_capped(const struct policy_finding *found)
{
    return found->hit.action == POLICY_ACTION_PASS ? POLICY_FATE_SILENT : POLICY_FATE_RECORDED;
}

/* Of a rule that counts among the enforced lists. */
static enum policy_fate fate_of_enforced(const struct policy *policy,
                                         const struct policy_view *view,
                                         const struct policy_explained *from, unsigned match,
                                         struct policy_finding *found)
{
    const struct policy_hit *winner = &from->outcome.hit;
    const unsigned winner_match = from->outcome.enforced ? match_of(from, winner) : 0;

    if (from->outcome.enforced && match == winner_match && found->hit.row == winner->row) {
        found->hit.exception = winner->exception;
        return winner->exception != 0             ? POLICY_FATE_EXCEPTION
               : found->counts == POLICY_MODE_LOG ? fate_of_capped(found)
                                                  : POLICY_FATE_WINS;
    }
    if (from->trigger != POLICY_TRIGGER_CLIENT) { /* nobody excepts a client's rule */
        found->hit.exception =
            (uint16_t)policy_except_number(policy, from->view, &found->hit, &found->row);
    }
    if (found->hit.exception != 0) {
        return POLICY_FATE_EXCEPTED;
    }
    return fate_of_loser(policy, view, from, match, &found->row, winner_match, winner->row);
}

static enum policy_fate fate_of(const struct policy *policy, const struct policy_view *view,
                                const struct policy_explained *from, unsigned match,
                                struct policy_finding *found)
{
    const bool enforced = policy_row_counts(view, &found->row, POLICY_MODE_ENFORCE);
    unsigned winner_match = 0;
    uint16_t winner = POLICY_NO_ROW;

    if (!enforced && !policy_row_counts(view, &found->row, POLICY_MODE_LOG)) {
        return POLICY_FATE_OFF;
    }
    if (from->not_asked) {
        return POLICY_FATE_NOT_ASKED;
    }
    if (found->counts == POLICY_MODE_OFF) {
        return POLICY_FATE_OFF; /* by the trigger, whatever the rule is */
    }
    if (enforced && from->passed) {
        return POLICY_FATE_CHAIN;
    }
    if (enforced && from->trigger == POLICY_TRIGGER_CLIENT && !from->outcome.enforced) {
        return POLICY_FATE_OFF; /* the operator's word for all clients comes before */
    }
    if (enforced) {
        return fate_of_enforced(policy, view, from, match, found);
    }
    if (!find_logged(view, from, &winner_match, &winner)) {
        return POLICY_FATE_OFF; /* only a damaged image says one thing here and another there */
    }
    if (match != winner_match || found->hit.row != winner) {
        return fate_of_loser(policy, view, from, match, &found->row, winner_match, winner);
    }
    return from->outcome.logged ? POLICY_FATE_RECORDED : POLICY_FATE_SILENT;
}

static void fill(const struct policy *policy, const struct policy_view *view,
                 const struct policy_explained *from, unsigned match, unsigned index,
                 struct policy_finding *out)
{
    const struct policy_list_state *list = &view->lists[out->row.list];
    const struct policy_standing standing = policy_row_standing(policy, from->view, &out->row);

    out->paused = list->paused;
    out->counts = standing.mode;
    out->reason = standing.reason;
    if (from->trigger == POLICY_TRIGGER_TARGET && view->targets < out->counts) {
        out->counts = (enum policy_mode)view->targets;
        out->reason = POLICY_REASON_TARGETS;
    }
    out->hit = (struct policy_hit){
        .set = from->matches.at[match].set,
        .row = (uint16_t)index,
        .list = out->row.list,
        .labels = from->matches.at[match].labels,
        .trigger = from->trigger,
        .hop = from->hop,
        .mode = list->mode,
        .action = (uint8_t)policy_row_action(view, &out->row),
        .kind = (uint8_t)out->row.kind,
        .name = from->name,
        .address = from->address,
    };
    if (from->address.family != ADDRESS_NONE) {
        out->hit.family = from->matches.family;
    }
    out->fate = fate_of(policy, view, from, match, out);
}

bool policy_explained_next(const struct policy *policy,
                           const struct policy_explained *explained,
                           struct policy_explained_at *at, struct policy_finding *out)
{
    invariant(explained->view < policy->view_count);
    for (; at->match < explained->matches.count; at->match++, at->row = 0) {
        const unsigned match = explained->matches.count - 1u - at->match;
        const uint32_t set = explained->matches.at[match].set;
        const size_t size = policy_image_set_size(policy->image, set);

        while (at->row < size) {
            const unsigned row = at->row++;

            if (policy_image_row(policy->image, set, row, &out->row) &&
                out->row.list < POLICY_LISTS_MAX &&
                out->row.subject ==
                    policy_subject_of((enum policy_trigger)explained->trigger)) {
                fill(policy, &policy->views[explained->view], explained, match, row, out);
                return true;
            }
        }
    }
    return false;
}

/* --- a whole answer --- */

void policy_explained_follow(struct policy_explained *explained,
                             struct policy_explained_so_far *so_far)
{
    explained->not_asked = so_far->ended;
    explained->passed = so_far->passed;
    so_far->ended =
        so_far->ended || (!so_far->passed && policy_outcome_blocks(&explained->outcome));
    so_far->passed = so_far->passed || policy_outcome_passes_chain(&explained->outcome);
}

struct answer {
    const struct policy *policy;
    unsigned view;
    const struct wire_name *asked;
    struct policy_explained_so_far *so_far;
    policy_explain_trigger *next;
    void *context;
};

/* One trigger of the walk. True: no more of them are wanted. */
static bool explain_one(void *context, const struct policy_seen *seen)
{
    struct answer *answer = context;
    struct policy_explained explained;

    if (seen->address != NULL) {
        policy_explain_address(answer->policy, answer->view, seen->trigger, seen->hop,
                               seen->name, seen->address, answer->asked, &explained);
    } else {
        policy_explain_name(answer->policy, answer->view, seen->trigger, seen->hop, seen->name,
                            answer->asked, &explained);
    }
    policy_explained_follow(&explained, answer->so_far);
    return !answer->next(answer->context, &explained);
}

void policy_explain_answer(const struct policy *policy, unsigned view,
                           const struct wire_message *message, const struct policy_chain *chain,
                           struct policy_explained_so_far *so_far, policy_explain_trigger *next,
                           void *context)
{
    struct answer answer = {policy, view, &chain->names[0], so_far, next, context};

    policy_answer_walk(message, chain, explain_one, &answer);
}
