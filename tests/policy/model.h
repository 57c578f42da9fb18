/*
 * tests/policy/model.h - docs/precedence.md as a plain program: lists are arrays of rules,
 * names are text, every rule is looked at for every trigger. It knows nothing of images, sets,
 * views' tables or look-ups, and shares no code with the engine but the words of the enums.
 */
#ifndef CORDON_TESTS_POLICY_MODEL_H
#define CORDON_TESTS_POLICY_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/address.h"
#include "policy/rule.h"

#include <stdbool.h>
#include <string.h>

#define MODEL_LISTS      4u
#define MODEL_RULES      12u
#define MODEL_EXCEPTIONS 8u
#define MODEL_CHAIN      4u
#define MODEL_SEEN       8u
#define MODEL_EVENTS     64u
#define MODEL_CATEGORIES 3u

struct model_rule {
    enum policy_kind kind;
    enum policy_match match;
    enum policy_subject subject;
    enum policy_action action; /* DEFAULT: none named */
    enum policy_scope scope;
    enum policy_confidence confidence;
    unsigned category;
    bool ends_chain;
    const char *name;             /* for names */
    struct address_prefix prefix; /* for prefixes */
};

struct model_list {
    struct model_rule rules[MODEL_RULES];
    size_t count;
    bool paused;
};

struct model_use {
    enum policy_mode mode;
    enum policy_action action; /* DEFAULT: the view's */
    unsigned rank;             /* in the operator's order */
};

struct model_view {
    struct model_use lists[MODEL_LISTS]; /* by the number of the list */
    bool log_only, deny;
    enum policy_action action;
    const char *allow; /* one name, or NULL */
    enum policy_mode targets, name_servers;
    enum policy_client client;
    enum policy_mode categories[MODEL_CATEGORIES], scopes[2];
    enum policy_confidence log, apply;
};

struct model_exception {
    const struct model_rule *rule; /* about a rule; NULL: about a name */
    unsigned list;                 /* of the rule */
    const char *name;
    bool exact, chain;
    int view; /* -1: any */
};

struct model_policy {
    struct model_list lists[MODEL_LISTS];
    size_t list_count;
    struct model_view views[2];
    struct model_exception exceptions[MODEL_EXCEPTIONS];
    size_t exception_count;
    bool pause_all;
};

/* One thing that is looked at, in the order of the table. */
struct model_seen {
    enum policy_trigger trigger;
    unsigned hop;
    const char *name;       /* or the owner of the address */
    struct address address; /* family 0: a name */
};

struct model_question {
    unsigned view;
    bool tcp;
    struct address client;
    const char *chain[MODEL_CHAIN]; /* the name that is asked, then hops */
    size_t hops;
    struct model_seen seen[4 * MODEL_SEEN]; /* behind the hops */
    size_t seen_count;
};

struct model_event {
    enum policy_trigger trigger;
    enum policy_mode mode;
    enum policy_action action;
    const struct model_rule *rule; /* NULL: the operator's word */
    unsigned list, hop;
    bool exception;
};

struct model_answer {
    bool blocked; /* then the last event is what blocks */
    struct model_event events[MODEL_EVENTS];
    size_t count;
};

/* What is decided by one trigger. */
struct model_item {
    enum policy_trigger trigger;
    const char *name;
    struct address address;
};

static inline bool model_is_below(const char *name, const char *above)
{
    const size_t len = strlen(name), other = strlen(above);

    return len > other + 1 && name[len - other - 1] == '.' &&
           strcmp(name + len - other, above) == 0;
}

static inline unsigned model_labels_of(const char *name)
{
    unsigned labels = 1;

    for (; *name != '\0'; name++) {
        labels += *name == '.';
    }
    return labels;
}

static inline bool model_is_inside(const struct address *address,
                                   const struct address_prefix *prefix)
{
    if (address->family != prefix->family) {
        return false;
    }
    for (unsigned bit = 0; bit < prefix->bits; bit++) {
        const unsigned mask = 0x80u >> bit % 8;

        if ((address->octets[bit / 8] & mask) != (prefix->octets[bit / 8] & mask)) {
            return false;
        }
    }
    return true;
}

/* How long the rule matches; 0: not at all. Every rule has two labels or bits at least. */
static inline unsigned model_matches(const struct model_rule *rule,
                                     const struct model_item *item)
{
    if (rule->subject != policy_subject_of(item->trigger) ||
        (rule->match == POLICY_MATCH_PREFIX) != policy_trigger_is_address(item->trigger)) {
        return 0;
    }
    switch (rule->match) {
    case POLICY_MATCH_PREFIX:
        return model_is_inside(&item->address, &rule->prefix) ? rule->prefix.bits : 0;
    case POLICY_MATCH_SUFFIX:
        return strcmp(item->name, rule->name) == 0 || model_is_below(item->name, rule->name)
                   ? model_labels_of(rule->name)
                   : 0;
    case POLICY_MATCH_EXACT:
        return strcmp(item->name, rule->name) == 0 ? model_labels_of(rule->name) : 0;
    case POLICY_MATCH_BELOW:
        return model_is_below(item->name, rule->name) ? model_labels_of(rule->name) : 0;
    }
    return 0;
}

/* An IPv6 address that no rule is about is the IPv4 host that it leads to. */
static inline void model_settle_address(const struct model_policy *policy,
                                        struct model_item *item)
{
    struct address v4;

    if (!policy_trigger_is_address(item->trigger) || item->trigger == POLICY_TRIGGER_CLIENT ||
        !address_embedded_v4(&item->address, &v4)) {
        return;
    }
    for (size_t l = 0; l < policy->list_count; l++) {
        for (size_t r = 0; r < policy->lists[l].count; r++) {
            if (model_matches(&policy->lists[l].rules[r], item) != 0) {
                return;
            }
        }
    }
    item->address = v4;
}

static inline enum policy_mode model_lower(enum policy_mode a, enum policy_mode b)
{
    return a < b ? a : b;
}

static inline bool model_lets_through(enum policy_action action)
{
    return action == POLICY_ACTION_PASS || action == POLICY_ACTION_LOG;
}

static inline enum policy_action model_action_of(const struct model_view *view, unsigned list,
                                                 const struct model_rule *rule)
{
    const enum policy_mode words =
        model_lower(view->categories[rule->category], view->scopes[rule->scope]);
    enum policy_action action = view->action;

    if (rule->kind == POLICY_PASS) {
        return POLICY_ACTION_PASS;
    }
    if (rule->action != POLICY_ACTION_DEFAULT) {
        action = rule->action;
    } else if (view->lists[list].action != POLICY_ACTION_DEFAULT) {
        action = view->lists[list].action;
    }
    /* Recorded instead of blocked. */
    return words == POLICY_MODE_LOG && rule->confidence >= view->log &&
                   !model_lets_through(action)
               ? POLICY_ACTION_LOG
               : action;
}

static inline enum policy_mode model_cap_of(const struct model_view *view,
                                            const struct model_rule *rule)
{
    enum policy_mode cap = rule->confidence >= view->apply ? POLICY_MODE_ENFORCE
                           : rule->confidence >= view->log ? POLICY_MODE_LOG
                                                           : POLICY_MODE_OFF;

    if (view->categories[rule->category] == POLICY_MODE_OFF ||
        view->scopes[rule->scope] == POLICY_MODE_OFF) {
        cap = POLICY_MODE_OFF;
    }
    return rule->subject == POLICY_SUBJECT_NAMESERVER ? model_lower(cap, view->name_servers)
                                                      : cap;
}

/* True if some rules of enforced lists about this subject may only log. */
static inline bool model_has_log_caps(const struct model_view *view,
                                      enum policy_subject subject)
{
    return view->log < view->apply ||
           (subject == POLICY_SUBJECT_NAMESERVER && view->name_servers == POLICY_MODE_LOG);
}

/* The mode of the list by the operator's words alone; and whether a pause makes it log. */
static inline enum policy_mode model_mode_of(const struct model_policy *policy,
                                             const struct model_view *view, unsigned list,
                                             bool *paused)
{
    enum policy_mode mode = view->lists[list].mode;

    if (view->log_only) {
        mode = model_lower(mode, POLICY_MODE_LOG);
    }
    *paused = mode == POLICY_MODE_ENFORCE && (policy->pause_all || policy->lists[list].paused);
    return *paused ? POLICY_MODE_LOG : mode;
}

static inline bool model_counts(const struct model_policy *policy,
                                const struct model_view *view, unsigned list,
                                const struct model_rule *rule, enum policy_mode wanted)
{
    bool paused = false;
    const enum policy_mode mode = model_mode_of(policy, view, list, &paused);

    if (rule->subject == POLICY_SUBJECT_NAMESERVER && view->name_servers == POLICY_MODE_OFF) {
        return false;
    }
    if (!model_lets_through(model_action_of(view, list, rule))) {
        return model_lower(mode, model_cap_of(view, rule)) == wanted;
    }
    if (wanted == POLICY_MODE_ENFORCE) {
        return mode == POLICY_MODE_ENFORCE || paused;
    }
    return mode == POLICY_MODE_LOG ||
           (mode == POLICY_MODE_ENFORCE && model_has_log_caps(view, rule->subject));
}

struct model_found {
    const struct model_rule *rule; /* NULL: none */
    unsigned list, len;
};

/* True if a goes before b: longest, pass over block, order of lists, exact-suffix-below. */
static inline bool model_before(const struct model_view *view, const struct model_found *a,
                                const struct model_found *b)
{
    static const unsigned order[] = {[POLICY_MATCH_EXACT] = 0,
                                     [POLICY_MATCH_SUFFIX] = 1,
                                     [POLICY_MATCH_BELOW] = 2,
                                     [POLICY_MATCH_PREFIX] = 3};

    if (b->rule == NULL || a->len != b->len) {
        return b->rule == NULL || a->len > b->len;
    }
    if (a->rule->kind != b->rule->kind) {
        return a->rule->kind == POLICY_PASS;
    }
    if (a->list != b->list) {
        return view->lists[a->list].rank < view->lists[b->list].rank;
    }
    return order[a->rule->match] < order[b->rule->match];
}

static inline bool model_holds(const struct model_exception *exception, unsigned view)
{
    return exception->view < 0 || (unsigned)exception->view == view;
}

/* True if an exception for the rule has it not count; chain: one with chain scope. Only what
 * would block can be excepted. */
static inline bool model_is_excepted(const struct model_policy *policy, unsigned view,
                                     unsigned list, const struct model_rule *rule, bool chain)
{
    if (rule->kind == POLICY_PASS ||
        model_lets_through(model_action_of(&policy->views[view], list, rule))) {
        return false;
    }
    for (size_t i = 0; i < policy->exception_count; i++) {
        const struct model_exception *exception = &policy->exceptions[i];

        if (exception->rule == rule && model_holds(exception, view) &&
            (!chain || exception->chain)) {
            return true;
        }
    }
    return false;
}

/* The rule that counts in this mode; all: also those that are excepted. */
static inline struct model_found model_winner(const struct model_policy *policy,
                                              unsigned number, const struct model_item *item,
                                              enum policy_mode mode, bool all)
{
    const struct model_view *view = &policy->views[number];
    struct model_found best = {NULL, 0, 0};

    for (unsigned l = 0; l < policy->list_count; l++) {
        for (size_t r = 0; r < policy->lists[l].count; r++) {
            const struct model_rule *rule = &policy->lists[l].rules[r];
            const struct model_found found = {rule, l, model_matches(rule, item)};

            if (found.len != 0 && model_counts(policy, view, l, rule, mode) &&
                (all || !model_is_excepted(policy, number, l, rule, false)) &&
                model_before(view, &found, &best)) {
                best = found;
            }
        }
    }
    return best;
}

static inline bool model_is_covered(const struct model_policy *policy, unsigned view,
                                    const char *name, bool chain)
{
    for (size_t i = 0; i < policy->exception_count; i++) {
        const struct model_exception *exception = &policy->exceptions[i];

        if (exception->rule == NULL && model_holds(exception, view) &&
            (!chain || exception->chain) &&
            (strcmp(name, exception->name) == 0 ||
             (!exception->exact && model_is_below(name, exception->name)))) {
            return true;
        }
    }
    return false;
}

/* True if a rule of an enforced list speaks of the name, as far as nothing weakens it. */
static inline bool model_is_spoken_of(const struct model_policy *policy, unsigned number,
                                      const struct model_item *item)
{
    const struct model_view *view = &policy->views[number];

    for (unsigned l = 0; l < policy->list_count; l++) {
        const bool paused = !view->log_only && (policy->pause_all || policy->lists[l].paused);

        for (size_t r = 0; r < policy->lists[l].count; r++) {
            const struct model_rule *rule = &policy->lists[l].rules[r];

            if (view->lists[l].mode == POLICY_MODE_ENFORCE && model_matches(rule, item) != 0 &&
                (view->log_only || !model_is_excepted(policy, number, l, rule, false)) &&
                (model_lets_through(model_action_of(view, l, rule)) ||
                 (!paused && model_cap_of(view, rule) == POLICY_MODE_ENFORCE))) {
                return true;
            }
        }
    }
    return false;
}

static inline void model_add_event(struct model_answer *out, struct model_event event,
                                   bool blocks)
{
    for (size_t i = 0; i < out->count && !blocks; i++) {
        if (out->events[i].rule == event.rule && out->events[i].trigger == event.trigger &&
            out->events[i].mode == event.mode) {
            return;
        }
    }
    assert_true(out->count < MODEL_EVENTS);
    out->events[out->count++] = event;
    out->blocked = blocks;
}

/* The operator's own word where no rule has one; false: he has none. */
static inline bool model_operators_word(const struct model_policy *policy,
                                        const struct model_question *q,
                                        const struct model_item *item, bool ruled,
                                        struct model_event *event)
{
    const struct model_view *view = &policy->views[q->view];
    const bool quiet = view->log_only || policy->pause_all;

    if (item->trigger == POLICY_TRIGGER_CLIENT) {
        event->mode = view->client == POLICY_CLIENT_BLOCK && !quiet ? POLICY_MODE_ENFORCE
                                                                    : POLICY_MODE_LOG;
        return view->client == POLICY_CLIENT_BLOCK || view->client == POLICY_CLIENT_LOG;
    }
    event->mode = quiet ? POLICY_MODE_LOG : POLICY_MODE_ENFORCE;
    return item->trigger == POLICY_TRIGGER_QNAME && view->deny && !ruled &&
           !model_is_spoken_of(policy, q->view, item) &&
           (view->allow == NULL ||
            (strcmp(item->name, view->allow) != 0 && !model_is_below(item->name, view->allow)));
}

/* The rule that would block does not count, if it is excepted: what then? */
static inline void model_without(const struct model_policy *policy,
                                 const struct model_question *q, const struct model_item *item,
                                 const struct model_found *winner, struct model_event *event,
                                 bool *passed)
{
    const struct model_view *view = &policy->views[q->view];

    if ((item->trigger == POLICY_TRIGGER_TARGET && view->targets == POLICY_MODE_LOG) ||
        !model_is_excepted(policy, q->view, winner->list, winner->rule, false)) {
        return;
    }
    const struct model_found next =
        model_winner(policy, q->view, item, POLICY_MODE_ENFORCE, false);
    struct model_event word = {.trigger = event->trigger, .hop = event->hop};
    if (next.rule != NULL && !model_lets_through(model_action_of(view, next.list, next.rule))) {
        event->rule = next.rule;
        event->list = next.list;
        event->action = model_action_of(view, next.list, next.rule);
    } else if (next.rule == NULL && item->trigger == POLICY_TRIGGER_QNAME &&
               model_operators_word(policy, q, item, false, &word)) {
        *event = word;
        event->action = view->action;
    } else {
        event->exception = true;
        event->action = POLICY_ACTION_PASS;
        *passed = next.rule != NULL && next.rule->kind == POLICY_PASS && next.rule->ends_chain;
    }
}

/* True if an exception for a rule, with chain scope, is what lets the asked name through. */
static inline bool model_asked_is_excepted(const struct model_policy *policy,
                                           const struct model_question *q)
{
    const struct model_item item = {
        POLICY_TRIGGER_QNAME, q->chain[0], {.family = ADDRESS_NONE}};
    const struct model_found winner =
        model_winner(policy, q->view, &item, POLICY_MODE_ENFORCE, true);
    struct model_event event = {.action = POLICY_ACTION_SINKHOLE};
    bool passed = false;

    if (winner.rule == NULL ||
        !model_is_excepted(policy, q->view, winner.list, winner.rule, true)) {
        return false;
    }
    model_without(policy, q, &item, &winner, &event, &passed);
    return event.exception;
}

/* One trigger. *passed: a pass for the rest of the chain has decided before. */
static inline void model_decide_item(const struct model_policy *policy,
                                     const struct model_question *q, unsigned hop,
                                     struct model_item item, bool *passed,
                                     struct model_answer *out)
{
    const struct model_view *view = &policy->views[q->view];
    struct model_event event = {.trigger = item.trigger, .hop = hop};

    if ((item.trigger == POLICY_TRIGGER_TARGET && view->targets == POLICY_MODE_OFF)) {
        return;
    }
    model_settle_address(policy, &item);
    const bool over =
        item.trigger == POLICY_TRIGGER_CLIENT && view->client != POLICY_CLIENT_DECIDE;
    const struct model_found none = {NULL, 0, 0};
    const struct model_found enforced =
        over ? none : model_winner(policy, q->view, &item, POLICY_MODE_ENFORCE, true);
    const struct model_found logged =
        over ? none : model_winner(policy, q->view, &item, POLICY_MODE_LOG, true);

    if (logged.rule != NULL) {
        const enum policy_action action = model_action_of(view, logged.list, logged.rule);
        bool paused = false;
        const enum policy_mode mode = model_mode_of(policy, view, logged.list, &paused);
        const bool partly = paused || mode == POLICY_MODE_ENFORCE;

        if (action != POLICY_ACTION_PASS && !(partly && model_lets_through(action))) {
            model_add_event(out,
                            (struct model_event){item.trigger, POLICY_MODE_LOG, action,
                                                 logged.rule, logged.list, hop, false},
                            false);
        }
    }
    if (*passed) {
        return;
    }
    if (enforced.rule != NULL) {
        event.mode = POLICY_MODE_ENFORCE;
        event.action = model_action_of(view, enforced.list, enforced.rule);
        event.rule = enforced.rule;
        event.list = enforced.list;
        *passed = enforced.rule->kind == POLICY_PASS && enforced.rule->ends_chain;
        model_without(policy, q, &item, &enforced, &event, passed);
    } else if (model_operators_word(policy, q, &item, false, &event)) {
        event.action = view->action;
    } else {
        return;
    }
    if (item.trigger == POLICY_TRIGGER_TARGET && view->targets == POLICY_MODE_LOG &&
        !model_lets_through(event.action)) {
        event.mode = POLICY_MODE_LOG;
    }
    const bool would = event.mode == POLICY_MODE_ENFORCE && !model_lets_through(event.action);
    const bool by_rule =
        would && item.trigger > POLICY_TRIGGER_QNAME && model_asked_is_excepted(policy, q);
    const bool own = item.trigger != POLICY_TRIGGER_CLIENT &&
                     !policy_trigger_is_address(item.trigger) &&
                     model_is_covered(policy, q->view, item.name, false);
    const bool chain = item.trigger > POLICY_TRIGGER_QNAME &&
                       model_is_covered(policy, q->view, q->chain[0], true);
    if (would && (own || chain || by_rule)) {
        event.exception = true;
        event.action = POLICY_ACTION_PASS;
    }
    if (event.action == POLICY_ACTION_PASS && !event.exception && event.rule != NULL) {
        return;
    }
    model_add_event(out, event,
                    would && !event.exception &&
                        !(q->tcp && event.action == POLICY_ACTION_TRUNCATE));
}

static inline void model_decide(const struct model_policy *policy,
                                const struct model_question *q, struct model_answer *out)
{
    bool passed = false;

    out->count = 0;
    out->blocked = false;
    model_decide_item(policy, q, 0, (struct model_item){POLICY_TRIGGER_CLIENT, NULL, q->client},
                      &passed, out);
    for (unsigned i = 0; i < q->hops && !out->blocked; i++) {
        model_decide_item(
            policy, q, i,
            (struct model_item){i == 0 ? POLICY_TRIGGER_QNAME : POLICY_TRIGGER_HOP,
                                q->chain[i],
                                {.family = ADDRESS_NONE}},
            &passed, out);
    }
    for (size_t i = 0; i < q->seen_count && !out->blocked; i++) {
        model_decide_item(
            policy, q, q->seen[i].hop,
            (struct model_item){q->seen[i].trigger, q->seen[i].name, q->seen[i].address},
            &passed, out);
    }
}

#endif
