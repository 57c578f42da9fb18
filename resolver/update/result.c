/* update/result.c - what became of a run (update/run.h): its words, its exit code, its end. */
#include "base/invariant.h"
#include "update/run.h"

#include <stdlib.h>

const char *update_outcome_word(enum update_outcome outcome)
{
    static const char *const words[] = {
        [UPDATE_ACTIVATED] = "activated",  [UPDATE_SAME] = "same",
        [UPDATE_WOULD] = "would-activate", [UPDATE_REFUSED] = "refused",
        [UPDATE_NO_SOURCE] = "no-source",  [UPDATE_FAULT] = "fault"};

    return words[outcome];
}

/* Did anything come in force in this run? And is something left undone: what was refused and is
 * no older than what is in force now, or a fault? */
static void weigh(const struct update_result *result, bool *did, bool *undone)
{
    const bool good = result->outcome <= UPDATE_WOULD;

    *did = good;
    *undone = !good;
    for (const struct update_result *one = result->earlier; one != NULL; one = one->earlier) {
        *did |= one->outcome == UPDATE_ACTIVATED;
        *undone |= one->outcome == UPDATE_FAULT ||
                   (one->outcome == UPDATE_REFUSED &&
                    (one->to_serial > result->to_serial || one->to_root > result->to_root));
    }
}

int update_exit(const struct update_result *results, size_t count)
{
    size_t good = 0;
    size_t some = 0;
    size_t refused = 0;

    for (size_t i = 0; i < count; i++) {
        bool did = false;
        bool undone = false;

        weigh(&results[i], &did, &undone);
        good += did && !undone;
        some += did;
        refused += results[i].outcome == UPDATE_REFUSED || results[i].outcome == UPDATE_FAULT;
    }
    return good == count ? 0 : some > 0 ? 4 : refused > 0 ? 1 : 3;
}

static void deinit(struct update_result *result)
{
    free(result->changes);
    free(result->verdict);
    free(result->verdict_text);
    report_deinit(&result->report);
}

void update_result_free(struct update_result *result)
{
    struct update_result *one = result->earlier;

    while (one != NULL) {
        struct update_result *before = one->earlier;

        deinit(one);
        free(one);
        one = before;
    }
    deinit(result);
    result->earlier = NULL;
}

void update_result_each(struct update_result *result, update_each *each, void *context)
{
    struct update_result *all[CONFIG_SOURCES_MAX + 2];
    size_t count = 0;

    for (struct update_result *one = result; one != NULL; one = one->earlier) {
        invariant(count < sizeof(all) / sizeof(all[0]));
        all[count++] = one;
    }
    while (count > 0) {
        each(context, all[--count]);
    }
}
