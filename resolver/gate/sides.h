/*
 * gate/sides.h - the lists in force and those that may follow, each as a snapshot of the same
 * configuration, and what each decides.
 */
#ifndef CORDON_GATE_SIDES_H
#define CORDON_GATE_SIDES_H

#include "gate/gate.h"
#include "setup/setup.h"

/* One of the two. All of it is NULL or 0 where nothing is in force. */
struct gate_side {
    struct setup_snapshot *snapshot;
    /* In variant n all views that have so many are in it, the others in their last; without and
     * with what files of exceptions let through now. */
    struct policy *policies[POLICY_VARIANTS_MAX + 1][2];
};

struct gate_sides {
    struct gate_side old, new;
    unsigned view_count;
    unsigned variants[POLICY_VIEWS_MAX]; /* of each view, beside variant 0 */
    unsigned variant_max;
    bool excepted; /* there are exceptions: both are asked */
};

/*
 * Takes over snapshots of one configuration. old NULL: nothing is in force. 0 or -ENOMEM; to be
 * followed by gate_sides_deinit, whatever it returns.
 */
int gate_sides_init(struct gate_sides *sides, struct setup_snapshot *old,
                    struct setup_snapshot *new, uint64_t now_s);
void gate_sides_deinit(struct gate_sides *sides);

/* What is looked at, and where. */
struct gate_question {
    enum policy_trigger trigger;
    unsigned view, variant;
    const struct wire_name *name;  /* or owner of the address */
    const struct address *address; /* of a trigger about one */
    const struct address *client;  /* of a QNAME: who asks, where that is known; else NULL */
    const struct wire_name
        *asked; /* of what an answer leads to, where it is known; else NULL */
};

/* By what it is blocked from now on, and who decided before. */
struct gate_change {
    struct policy_hit hit;
    const struct policy *by, *before; /* before NULL: nothing is in force */
};

/* Is it blocked by the new lists and was not by the old ones, with exceptions or without? A
 * name that is known here, or in an exempt zone, is not. */
bool gate_newly_blocked(const struct gate_sides *sides, const struct gate_question *question,
                        struct gate_change *change);

/* The same in any view and variant; question->view and variant are then the first in which it
 * is. */
bool gate_newly_blocked_anywhere(const struct gate_sides *sides, struct gate_question *question,
                                 struct gate_change *change);

/* The schedule of a view's variant; "": none. */
const char *gate_sides_schedule(const struct gate_sides *sides, unsigned view,
                                unsigned variant);

#endif
