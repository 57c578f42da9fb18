/* setup/staged.c - views while newer versions of lists are brought in by stages. */
#include "base/error.h"
#include "base/invariant.h"
#include "setup/views.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(POLICY_VIEWS_MAX <= 64, "views are bits of a word");

bool setup_stages_apply(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->list_count; i++) {
        if (strcmp(config->lists[i].id, id) == 0 && config->lists[i].no_stages) {
            return false;
        }
    }
    return config->stage_count > 0;
}

/* The number of a view as a bit; 0: there is none of that name. */
static uint64_t view_bit(const struct setup_views *views, const char *name)
{
    for (size_t i = 0; i < views->count; i++) {
        if (strcmp(views->at[i].name, name) == 0) {
            return UINT64_C(1) << i;
        }
    }
    return 0;
}

void setup_staged_fill(const struct config *config, const struct setup_views *views,
                       const struct setup_held *held, uint32_t newer,
                       struct setup_staged *staged)
{
    *staged = (struct setup_staged){.held = held->version.serial,
                                    .newer = newer,
                                    .stage = newer == held->newer_serial ? held->stage : 0};
    memcpy(staged->id, held->id, sizeof(staged->id));
    if (staged->stage >= config->stage_count) { /* there were more of them: it counts for all */
        staged->views = UINT64_MAX;
        return;
    }
    for (size_t i = 0; i <= staged->stage; i++) { /* who has it keeps it */
        const struct config_stage *stage = &config->stages[i];

        staged->share = stage->share > staged->share ? stage->share : staged->share;
        for (size_t k = 0; k < stage->view_count; k++) {
            staged->views |= view_bit(views, stage->views[k]);
        }
    }
}

const struct setup_staged *setup_staged_find(const struct setup_snapshot *snapshot,
                                             const char *id)
{
    for (size_t i = 0; i < snapshot->newer_count; i++) {
        if (strcmp(snapshot->staged[i].id, id) == 0) {
            return &snapshot->staged[i];
        }
    }
    return NULL;
}

enum policy_mode setup_list_mode(const struct setup_snapshot *snapshot, unsigned view,
                                 const char *id)
{
    const struct policy_image *image = policy_image_of(snapshot->policy);
    enum policy_mode mode = POLICY_MODE_OFF;
    struct policy_image_list list;

    for (size_t i = 0; i < policy_image_lists(image); i++) {
        if (policy_image_list_at(image, i, &list) && strcmp(list.id, id) == 0) {
            const enum policy_mode here = policy_list_mode(snapshot->policy, view, i);

            mode = here > mode ? here : mode;
        }
    }
    return mode;
}

void setup_staged_words(const struct setup_snapshot *snapshot,
                        const struct setup_staged *staged, char out[SETUP_STAGE_WORDS_MAX])
{
    struct text text;
    bool any = false;

    text_init(&text, out, SETUP_STAGE_WORDS_MAX);
    if (staged->share > 0) {
        text_printf(&text, "%u", staged->share / 10u);
        if (staged->share % 10 != 0) {
            text_printf(&text, ".%u", staged->share % 10u);
        }
        text_add(&text, "% of clients");
    }
    for (size_t i = 0; i < snapshot->view_count; i++) {
        if ((staged->views >> i & 1) != 0) {
            text_printf(&text, "%s%s",
                        any                 ? ", "
                        : staged->share > 0 ? " and views "
                                            : "views ",
                        snapshot->views[i].name);
            any = true;
        }
    }
    if (staged->share == 0 && !any) {
        text_add(&text, "log");
    }
}

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
    const bool newer =
        (staged->share > 0 && twin > 0 && staged->share >= shares->at[twin - 1]) ||
        (staged->views >> view & 1) != 0;

    return (struct policy_version_setting){
        .id = staged->id,
        .counts = newer ? staged->newer : staged->held,
        .on_trial = staged->share == 0 && staged->views == 0 ? staged->newer : 0,
    };
}

int setup_views_stage(const struct setup_staged *staged, size_t count, struct report *report,
                      struct setup_views *views, struct policy_shares *shares)
{
    const size_t own = views->count;

    invariant(own > 0); /* default is one */
    *shares = (struct policy_shares){.views = (uint8_t)own};
    for (size_t i = 0; i < count; i++) {
        if (staged[i].share > 0 && !add_share(staged[i].share, shares)) {
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
