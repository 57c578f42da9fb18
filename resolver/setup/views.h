/*
 * setup/views.h - from what the configuration says of clients, lists and defaults to views.
 *
 * View 0 is called default and is what stands in policy: and lists:. The others follow in the
 * order of the file; what one does not say it has from there.
 */
#ifndef CORDON_SETUP_VIEWS_H
#define CORDON_SETUP_VIEWS_H

#include "base/text.h"
#include "config/config.h"
#include "policy/policy.h"
#include "policy/views.h"
#include "setup/setup.h"

struct setup_views {
    struct policy_view_setting *at; /* borrow from the config */
    size_t count;
    struct policy_list_setting *lists;    /* of all of them */
    struct policy_caps *caps;             /* of each */
    struct policy_view_variant *variants; /* of all of them */
    /* The lists that count in any view: what is to be loaded. */
    const char *ids[POLICY_LISTS_MAX];
    size_t id_count;
    size_t total;                            /* with twins: at has as many */
    struct policy_version_setting *versions; /* of all of them; NULL: no list has two */
};

/* Borrows the config. 0, or the first code with everything in the report: a redirect to two
 * names in one view, too many lists in all, -ENOMEM. To be followed by setup_views_deinit,
 * whatever it returns. */
int setup_views_init(const struct config *config, struct report *report,
                     struct setup_views *views);
void setup_views_deinit(struct setup_views *views);

/* A list that has been stale for too long, before the policy is made. pass: it only records
 * where it was enforced. refuse: the views that enforce it answer every question with REFUSED.
 * Neither: it stays as it is. What was done is a warning. */
void setup_views_bury(struct setup_views *views, const char *id, bool refuse, bool pass,
                      struct report *report);

/* A list that is not loaded: no view has it. Before setup_views_stage. */
void setup_views_leave_out(struct setup_views *views, const char *id);

/* Whether newer versions of the list are brought in by stages. */
bool setup_stages_apply(const struct config *config, const char *id);
/* Where the newer version of a held list is, and for whom it counts there. */
void setup_staged_fill(const struct config *config, const struct setup_views *views,
                       const struct setup_held *held, uint32_t newer,
                       struct setup_staged *staged);

/* The views as stages have them: each says which version of a staged list counts, and for each
 * share of clients there is a twin of each. *shares: as policy_views_build() takes them,
 * without a key. Nothing staged: nothing changes. 0; -ENOMEM; CORDON_E_LIMIT: they do not fit.
 */
int setup_views_stage(const struct setup_staged *staged, size_t count, struct report *report,
                      struct setup_views *views, struct policy_shares *shares);

/* Who belongs to which of them. shares NULL: nobody has a share. 0 or -ENOMEM. */
int setup_views_choice(const struct config *config, const struct policy_shares *shares,
                       struct policy_views **choice);

/* Fills in what questions and people need of the views: views, shown and view_count. The policy
 * is there already. Nothing borrows from the config. 0 or -ENOMEM. */
int setup_views_fill(const struct config *config, const struct setup_views *from,
                     struct setup_snapshot *snapshot);

/* What a view says now: by the schedule that holds for it, if any does. */
struct setup_view_now {
    bool log_only, deny;
    const char *action;
};
struct setup_view_now setup_views_now(const struct setup_snapshot *snapshot, size_t number);

/* False if there is no more to say than that all clients are in one view that does what the
 * lists say. */
bool setup_views_differ(const struct setup_snapshot *snapshot);

/* True if no view blocks anything: each is in mode log. */
bool setup_views_log_only(const struct setup_snapshot *snapshot);

/* What is in force, for people: "views":[...] (docs/control.md), and a view in one line. */
void setup_views_show(struct text *out, const struct setup_snapshot *snapshot);
void setup_views_say(struct text *out, const struct setup_snapshot *snapshot, size_t number);

#endif
