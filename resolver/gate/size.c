/* gate/size.c - a list that grows or shrinks by a large part is not the list that it was. */
#include "gate/inside.h"

#include <inttypes.h>
#include <stdio.h>

/* Are so many of so many more than the operator bears? limit 0: any. */
static bool is_too_much(uint64_t part, uint64_t all, unsigned limit_percent, unsigned small)
{
    return limit_percent > 0 && part > small && part * 100 > all * limit_percent;
}

static int find(struct gate_result *result, const struct gate_list *list, uint64_t part,
                uint64_t all, const char *what, unsigned limit)
{
    char words[256];
    const struct gate_found found = {.verdict = list->enforced ? GATE_REFUSE : GATE_WARN,
                                     .what = list->id,
                                     .list = list->id,
                                     .words = words};

    snprintf(words, sizeof(words), "%" PRIu64 " of %" PRIu64 " rules %s, %u%% may%s", part, all,
             what, limit, list->enforced ? "" : "; it is enforced nowhere");
    return gate_find(result, &found);
}

static int check_one(const struct config_gate *gate, const struct gate_list *list,
                     struct gate_result *result)
{
    int rc = 0;

    if (list->is_old &&
        is_too_much(list->added, list->old_rules, gate->growth_percent, gate->small_rules)) {
        rc = find(result, list, list->added, list->old_rules, "come or change",
                  gate->growth_percent);
    }
    if (rc == 0 && list->is_old &&
        is_too_much(list->removed, list->old_rules, gate->shrink_percent, gate->small_rules)) {
        rc = find(result, list, list->removed, list->old_rules, "go or change",
                  gate->shrink_percent);
    }
    if (rc == 0 && list->oldest_rules > 0 &&
        is_too_much(list->added_since, list->oldest_rules, gate->drift_percent,
                    gate->small_rules)) {
        rc = find(result, list, list->added_since, list->oldest_rules,
                  "have come or changed since the oldest version that is kept",
                  gate->drift_percent);
    }
    return rc;
}

int gate_check_size(struct gate_job *job)
{
    const struct config_gate *gate = &job->config->gate;
    struct gate_outcome *outcome = job->outcome;
    struct gate_result *result = &outcome->checks[GATE_SIZE];
    struct gate_list all = {.id = "all", .is_old = true, .enforced = true};
    int rc = 0;

    if (job->sides.old.snapshot == NULL) {
        return gate_skip(result, "nothing is in force to compare with");
    }
    for (size_t i = 0; i < outcome->list_count && rc == 0; i++) {
        const struct gate_list *list = &outcome->lists[i];

        rc = check_one(gate, list, result);
        /* A list that the operator has just taken into use is his own growth. */
        if (list->enforced && list->is_old) {
            all.old_rules += list->old_rules;
            all.added += list->added;
            all.removed += list->removed;
        }
    }
    rc = rc == 0 ? check_one(gate, &all, result) : rc;
    return rc == 0 ? gate_say(result,
                              "%" PRIu64 " rules come or change and %" PRIu64
                              " go or change, of %" PRIu64 " that are enforced",
                              all.added, all.removed, all.old_rules)
                   : rc;
}
