#include "gate/sides.h"

#include "policy/answer.h"
#include "setup/why.h"
#include "wire/type.h"

#include <stdlib.h>
#include <string.h>

/* The variant of each view where all are in their n-th, as far as they have so many. */
static void variants_of(const struct setup_snapshot *snapshot, unsigned number,
                        uint8_t variants[POLICY_VIEWS_MAX])
{
    memset(variants, 0, POLICY_VIEWS_MAX);
    for (size_t i = 0; i < snapshot->view_count; i++) {
        const size_t count = snapshot->shown[i].when_count;

        variants[i] = (uint8_t)(number < count ? number : count);
    }
}

static int side_init(struct gate_side *side, const struct gate_sides *sides, uint64_t now_s)
{
    const struct setup_snapshot *snapshot = side->snapshot;
    struct policy_exception *exceptions = NULL;
    size_t count = 0;
    int rc = setup_snapshot_exceptions(snapshot, now_s, &exceptions, &count);

    for (unsigned i = 0; rc == 0 && i <= sides->variant_max; i++) {
        uint8_t variants[POLICY_VIEWS_MAX];
        struct policy_changes changes = {.variants = variants};

        variants_of(snapshot, i, variants);
        rc = policy_derive(snapshot->policy, &changes, 2, &side->policies[i][0]);
        if (rc == 0 && count > 0) {
            changes.exceptions = exceptions;
            changes.exception_count = count;
            rc = policy_derive(snapshot->policy, &changes, 3, &side->policies[i][1]);
        }
    }
    free(exceptions);
    return rc;
}

int gate_sides_init(struct gate_sides *sides, struct setup_snapshot *old,
                    struct setup_snapshot *new, uint64_t now_s)
{
    memset(sides, 0, sizeof(*sides));
    sides->old.snapshot = old;
    sides->new.snapshot = new;
    sides->view_count = (unsigned)new->view_count;
    for (unsigned i = 0; i < sides->view_count; i++) {
        sides->variants[i] = (unsigned)new->shown[i].when_count;
        if (sides->variants[i] > sides->variant_max) {
            sides->variant_max = sides->variants[i];
        }
    }
    int rc = side_init(&sides->new, sides, now_s);
    if (rc == 0 && old != NULL) {
        rc = side_init(&sides->old, sides, now_s);
    }
    sides->excepted =
        rc == 0 && (sides->new.policies[0][1] != NULL || sides->old.policies[0][1] != NULL);
    return rc;
}

static void side_deinit(struct gate_side *side)
{
    for (size_t i = 0; i <= POLICY_VARIANTS_MAX; i++) {
        policy_destroy(side->policies[i][0]);
        policy_destroy(side->policies[i][1]);
    }
    setup_snapshot_free(side->snapshot);
    memset(side, 0, sizeof(*side));
}

void gate_sides_deinit(struct gate_sides *sides)
{
    side_deinit(&sides->old);
    side_deinit(&sides->new);
}

/* What the engine does at this trigger; *hit: by which it blocks. */
static bool blocks(const struct policy *policy, const struct gate_question *question,
                   struct policy_hit *hit)
{
    static const struct address nobody = {.family = ADDRESS_NONE};
    struct policy_outcome outcome;
    struct policy_hits hits;
    uint8_t block = 0;

    if (question->trigger == POLICY_TRIGGER_QNAME) {
        policy_hits_start(&hits, false);
        if (!policy_decide_asked(policy, question->view,
                                 question->client != NULL ? question->client : &nobody,
                                 question->name, NULL, &hits, &block)) {
            return false;
        }
        *hit = hits.at[block];
        return true;
    }
    if (question->trigger == POLICY_TRIGGER_CLIENT) {
        policy_decide_client(policy, question->view, question->address, &outcome);
    } else if (policy_trigger_is_address(question->trigger)) {
        policy_decide_address(policy, question->view, question->trigger, 1, question->name,
                              question->address, &outcome);
    } else {
        policy_decide_name(policy, question->view, question->trigger, 1, question->name,
                           &outcome);
    }
    if (question->asked != NULL) {
        policy_except_chain(policy, question->view, question->asked, &outcome);
    }
    *hit = outcome.hit;
    return policy_outcome_blocks(&outcome);
}

static const struct policy *policy_of(const struct gate_side *side, unsigned variant,
                                      unsigned excepted)
{
    struct policy *const *at = side->policies[variant];

    return excepted > 0 && at[1] != NULL ? at[1] : at[0];
}

bool gate_newly_blocked(const struct gate_sides *sides, const struct gate_question *question,
                        struct gate_change *change)
{
    uint16_t context;

    if (question->trigger == POLICY_TRIGGER_QNAME &&
        !setup_why_outside(sides->new.snapshot, question->name, WIRE_A, &context)) {
        return false;
    }
    for (unsigned i = 0; i < (sides->excepted ? 2u : 1u); i++) {
        struct policy_hit was;

        change->by = policy_of(&sides->new, question->variant, i);
        change->before = policy_of(&sides->old, question->variant, i);
        if (blocks(change->by, question, &change->hit) &&
            (change->before == NULL || !blocks(change->before, question, &was))) {
            return true;
        }
    }
    return false;
}

bool gate_newly_blocked_anywhere(const struct gate_sides *sides, struct gate_question *question,
                                 struct gate_change *change)
{
    for (question->view = 0; question->view < sides->view_count; question->view++) {
        for (question->variant = 0; question->variant <= sides->variants[question->view];
             question->variant++) {
            if (gate_newly_blocked(sides, question, change)) {
                return true;
            }
        }
    }
    return false;
}

const char *gate_sides_schedule(const struct gate_sides *sides, unsigned view, unsigned variant)
{
    return variant == 0 ? "" : sides->new.snapshot->shown[view].schedules[variant - 1];
}
