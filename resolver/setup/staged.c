/* setup/staged.c - views while newer versions of lists are brought in by stages. */
#include "base/error.h"
#include "base/invariant.h"
#include "setup/views.h"

#include <errno.h>
#include <stdlib.h>

_Static_assert(POLICY_VIEWS_MAX <= 64, "views are bits of a word");

/* Keeps the shares sorted, the largest first. False: there are too many. */
static bool add_share(uint16_t share, struct policy_shares *shares)
{
    size_t at = 0;

    while (at < shares->count && shares->at[at] > share) {
        at++;
    }
    if (at < shares->count && shares->at[at] == share) {
        return true;
    }
    if (shares->count == POLICY_SHARES_MAX) {
        return false;
    }
    for (size_t i = shares->count++; i > at; i--) {
        shares->at[i] = shares->at[i - 1];
    }
    shares->at[at] = share;
    return true;
}

/* What a view, or a twin of it (0: itself), says of a list. */
static struct policy_version_setting version_in(const struct setup_staged *staged,
                                                const struct policy_shares *shares, size_t twin,
                                                size_t view)
{
    const bool newer = (staged->how == SETUP_NEWER_SHARE && twin > 0 &&
                        staged->share >= shares->at[twin - 1]) ||
                       (staged->how == SETUP_NEWER_VIEWS && (staged->views >> view & 1) != 0);

    return (struct policy_version_setting){
        .id = staged->id,
        .counts = newer ? staged->newer : staged->held,
        .on_trial = staged->how == SETUP_NEWER_RECORDED ? staged->newer : 0,
    };
}

int setup_views_stage(const struct setup_staged *staged, size_t count, struct report *report,
                      struct setup_views *views, struct policy_shares *shares)
{
    const size_t own = views->count;

    *shares = (struct policy_shares){.views = (uint8_t)own};
    for (size_t i = 0; i < count; i++) {
        if (staged[i].how == SETUP_NEWER_SHARE && !add_share(staged[i].share, shares)) {
            report_add(report, REPORT_ERROR, "lists.stages", 0, 0,
                       "more than %u shares of clients at a time", POLICY_SHARES_MAX);
            return CORDON_E_LIMIT;
        }
    }
    const size_t total = own * (shares->count + 1u);
    if (total > POLICY_VIEWS_MAX) {
        report_add(
            report, REPORT_ERROR, "lists.stages", 0, 0,
            "%zu views and %u shares of clients need %zu views, and %u is the most: take "
            "out views or shares",
            own, shares->count, total, POLICY_VIEWS_MAX);
        return CORDON_E_LIMIT;
    }
    if (count == 0) {
        return 0;
    }
    struct policy_view_setting *at = realloc(views->at, total * sizeof(at[0]));
    if (at == NULL) {
        return -ENOMEM;
    }
    views->at = at;
    invariant(views->versions == NULL);
    views->versions = calloc(total * count, sizeof(views->versions[0]));
    if (views->versions == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < total; i++) {
        struct policy_version_setting *versions = &views->versions[i * count];

        at[i] = at[i % own];
        at[i].twin_of = (unsigned)(i < own ? 0 : i % own + 1);
        at[i].versions = versions;
        at[i].version_count = count;
        for (size_t k = 0; k < count; k++) {
            versions[k] = version_in(&staged[k], shares, i / own, i % own);
        }
    }
    views->total = total;
    return 0;
}
