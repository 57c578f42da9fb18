#include "policy/policy.h"

#include "base/invariant.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_MAGIC 0x706f6c69u
#define NO_ROW       UINT16_MAX

/* What a set of rules means in one view: the row that wins among enforced lists, and among
 * those in log mode. */
struct verdict {
    uint16_t enforce, log; /* NO_ROW: none */
    bool speaks;           /* an enforced list has a word: also where the view makes it log */
};

/* What the operator said about a list of the image, for one view. */
struct list_state {
    uint8_t mode;   /* enum policy_mode */
    uint8_t action; /* of rules that name none; never DEFAULT */
    bool paused;    /* mode is LOG, and would be ENFORCE */
    bool speaks;    /* enforced, whatever the view's one word makes of it */
    uint16_t rank;  /* place in the order of lists */
};

struct view {
    struct list_state lists[POLICY_LISTS_MAX];
    struct verdict *verdicts; /* one a set */
    bool borrowed;            /* they are those of the policy that this one is derived from */
    struct wire_name redirect;
    bool redirect_prefixes;
    uint8_t action;             /* of the view; never DEFAULT */
    uint8_t by_default;         /* enum policy_mode: of the default to deny; OFF: allow */
    bool paused;                /* by_default is LOG, and would be ENFORCE */
    struct policy_allow *allow; /* borrowed if the policy is derived */
};

struct policy {
    uint32_t magic;
    struct policy_image *image;
    uint64_t generation;
    size_t set_count;
    size_t view_count;
    struct view *views;
    bool derived;                         /* the image is borrowed */
    struct policy_exceptions *exceptions; /* NULL: none */
};

/* True if a is what counts of two rows that match at the same length. */
static bool row_wins(const struct view *view, const struct policy_row *a,
                     const struct policy_row *b)
{
    static const uint8_t order[] = {[POLICY_MATCH_EXACT] = 0,
                                    [POLICY_MATCH_SUFFIX] = 1,
                                    [POLICY_MATCH_BELOW] = 2,
                                    [POLICY_MATCH_PREFIX] = 3};

    if (a->kind != b->kind) {
        return a->kind == POLICY_PASS;
    }
    if (a->list != b->list) {
        return view->lists[a->list].rank < view->lists[b->list].rank;
    }
    return order[a->match] < order[b->match];
}

/* The action of a row in a view, never DEFAULT. */
static enum policy_action row_action(const struct view *view, const struct policy_row *row)
{
    if (row->kind == POLICY_PASS) {
        return POLICY_ACTION_PASS;
    }
    return row->action != POLICY_ACTION_DEFAULT
               ? row->action
               : (enum policy_action)view->lists[row->list].action;
}

static bool lets_through(enum policy_action action)
{
    return action == POLICY_ACTION_PASS || action == POLICY_ACTION_LOG;
}

/* Whether a row has a word among the lists in this mode. What a paused list lets through counts
 * as if there were no pause, or pausing it could block what it passed. */
static bool row_counts(const struct view *view, const struct policy_row *row,
                       enum policy_mode mode)
{
    const struct list_state *state = &view->lists[row->list];

    return state->mode == mode || (mode == POLICY_MODE_ENFORCE && state->paused &&
                                   lets_through(row_action(view, row)));
}

/* The winner of a set among the lists in this mode, or NO_ROW. */
static uint16_t winner(const struct policy_image *image, const struct view *view, uint32_t set,
                       enum policy_mode mode)
{
    const size_t size = policy_image_set_size(image, set);
    struct policy_row best = {.list = 0};
    struct policy_row row;
    uint16_t best_index = NO_ROW;

    for (size_t i = 0; i < size; i++) {
        if (policy_image_row(image, set, i, &row) && row.list < POLICY_LISTS_MAX &&
            row_counts(view, &row, mode) &&
            (best_index == NO_ROW || row_wins(view, &row, &best))) {
            best = row;
            best_index = (uint16_t)i;
        }
    }
    return best_index;
}

/* True if an enforced list has a word in the set. The view's one word takes none of them away:
 * it is about what would be; but a paused list has only those that let through. */
static bool speaks(const struct policy_image *image, const struct view *view, uint32_t set)
{
    const size_t size = policy_image_set_size(image, set);
    struct policy_row row;

    for (size_t i = 0; i < size; i++) {
        if (policy_image_row(image, set, i, &row) && row.list < POLICY_LISTS_MAX &&
            view->lists[row.list].speaks &&
            (!view->lists[row.list].paused || lets_through(row_action(view, &row)))) {
            return true;
        }
    }
    return false;
}

static size_t find_list(const struct policy_image *image, const char *id)
{
    const size_t count = policy_image_lists(image);
    struct policy_image_list list;
    size_t i = 0;

    while (i < count && (!policy_image_list_at(image, i, &list) || strcmp(list.id, id) != 0)) {
        i++;
    }
    return i;
}

/* Enters what the settings say. -ENOENT for a list that is not there, -EEXIST for one that is
 * named twice. */
static int set_lists(const struct policy_image *image,
                     const struct policy_view_setting *setting, struct report *report,
                     struct view *view)
{
    bool named[POLICY_LISTS_MAX] = {false};
    int rc = 0;

    for (size_t i = 0; i < setting->list_count; i++) {
        const struct policy_list_setting *list = &setting->lists[i];
        const size_t index = find_list(image, list->id);

        if (index >= policy_image_lists(image) || index >= POLICY_LISTS_MAX) {
            report_add(report, REPORT_ERROR, setting->name, 0, 0,
                       "the list \"%s\" is not loaded: correct its id or add its file",
                       list->id);
            rc = rc == 0 ? -ENOENT : rc;
            continue;
        }
        if (named[index]) {
            report_add(report, REPORT_ERROR, setting->name, 0, 0,
                       "the list \"%s\" is named twice: keep one", list->id);
            rc = rc == 0 ? -EEXIST : rc;
            continue;
        }
        named[index] = true;
        const bool quiet = setting->log_only && list->mode == POLICY_MODE_ENFORCE;
        view->lists[index] = (struct list_state){
            .mode = (uint8_t)(quiet ? POLICY_MODE_LOG : list->mode),
            .action =
                (uint8_t)(list->action == POLICY_ACTION_DEFAULT ? view->action : list->action),
            .speaks = list->mode == POLICY_MODE_ENFORCE,
            .rank = (uint16_t)i,
        };
    }
    return rc;
}

/* What each set of rules means, by the modes of the lists. 0 or -ENOMEM. */
static int make_verdicts(const struct policy *policy, struct view *view)
{
    view->verdicts = malloc(policy->set_count * sizeof(view->verdicts[0]));
    view->borrowed = false;
    if (view->verdicts == NULL) {
        return -ENOMEM;
    }
    for (uint32_t set = 0; set < policy->set_count; set++) {
        view->verdicts[set] = (struct verdict){
            .enforce = winner(policy->image, view, set, POLICY_MODE_ENFORCE),
            .log = winner(policy->image, view, set, POLICY_MODE_LOG),
            .speaks = speaks(policy->image, view, set),
        };
    }
    return 0;
}

static int make_view(const struct policy *policy, const struct policy_view_setting *setting,
                     struct report *report, struct view *view)
{
    view->action = (uint8_t)(setting->action == POLICY_ACTION_DEFAULT ? POLICY_ACTION_SINKHOLE
                                                                      : setting->action);
    view->redirect = setting->redirect;
    view->redirect_prefixes = setting->redirect_prefixes;
    view->by_default = (uint8_t)(!setting->deny      ? POLICY_MODE_OFF
                                 : setting->log_only ? POLICY_MODE_LOG
                                                     : POLICY_MODE_ENFORCE);
    int rc = set_lists(policy->image, setting, report, view);
    if (rc == 0) {
        rc = policy_allow_build(setting->allow, setting->allow_count, &view->allow);
    }
    return rc == 0 ? make_verdicts(policy, view) : rc;
}

int policy_create(struct policy_image *image, const struct policy_view_setting *views,
                  size_t view_count, uint64_t generation, struct report *report,
                  struct policy **policy)
{
    if (view_count == 0 || view_count > POLICY_VIEWS_MAX) {
        return -EINVAL;
    }
    struct policy *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    *made = (struct policy){.magic = POLICY_MAGIC,
                            .image = image,
                            .generation = generation,
                            .set_count = policy_image_sets(image),
                            .view_count = view_count};
    made->views = calloc(view_count, sizeof(made->views[0]));
    int rc = made->views == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < view_count && rc != -ENOMEM; i++) {
        /* All views are looked at, so that the report has every fault. */
        const int view_rc = make_view(made, &views[i], report, &made->views[i]);

        rc = rc == 0 || view_rc == -ENOMEM ? view_rc : rc;
    }
    if (rc != 0) {
        made->image = NULL;
        policy_destroy(made);
        return rc;
    }
    *policy = made;
    return 0;
}

/* Pauses lists of a view. True if the mode of any changes. */
static bool pause_lists(const struct policy *policy, const struct policy_changes *changes,
                        struct view *view)
{
    const size_t count = policy_image_lists(policy->image);
    bool any = false;

    for (size_t i = 0; i < count && i < POLICY_LISTS_MAX; i++) {
        struct list_state *state = &view->lists[i];
        struct policy_image_list list;
        bool paused = changes->pause_all;

        for (size_t j = 0; j < changes->paused_count && !paused; j++) {
            paused = policy_image_list_at(policy->image, i, &list) &&
                     strcmp(list.id, changes->paused[j]) == 0;
        }
        if (paused && state->mode == POLICY_MODE_ENFORCE) {
            state->mode = POLICY_MODE_LOG;
            state->paused = true;
            any = true;
        }
    }
    if (changes->pause_all && view->by_default == POLICY_MODE_ENFORCE) {
        view->by_default = POLICY_MODE_LOG;
        view->paused = true;
    }
    return any;
}

int policy_derive(const struct policy *base, const struct policy_changes *changes,
                  uint64_t generation, struct policy **policy)
{
    invariant(base->magic == POLICY_MAGIC && !base->derived);
    struct policy *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    *made = *base;
    made->generation = generation;
    made->derived = true;
    made->views = calloc(base->view_count, sizeof(made->views[0]));
    int rc = made->views == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < base->view_count && rc == 0; i++) {
        made->views[i] = base->views[i];
        made->views[i].borrowed = true;
        if (pause_lists(made, changes, &made->views[i])) {
            rc = make_verdicts(made, &made->views[i]);
        }
    }
    if (rc == 0 && changes->exception_count > 0) {
        rc = policy_exceptions_build(changes->exceptions, changes->exception_count,
                                     &made->exceptions);
    }
    if (rc != 0) {
        policy_destroy(made);
        return rc;
    }
    *policy = made;
    return 0;
}

void policy_destroy(struct policy *policy)
{
    if (policy == NULL) {
        return;
    }
    invariant(policy->magic == POLICY_MAGIC);
    for (size_t i = 0; policy->views != NULL && i < policy->view_count; i++) {
        if (!policy->views[i].borrowed) {
            free(policy->views[i].verdicts);
        }
        if (!policy->derived) {
            policy_allow_free(policy->views[i].allow);
        }
    }
    free(policy->views);
    policy_exceptions_free(policy->exceptions);
    if (!policy->derived) {
        policy_image_free(policy->image);
    }
    policy->magic = 0;
    free(policy);
}

uint64_t policy_generation(const struct policy *policy)
{
    return policy->generation;
}

const struct policy_image *policy_image_of(const struct policy *policy)
{
    return policy->image;
}

enum policy_mode policy_list_mode(const struct policy *policy, unsigned view, size_t list)
{
    invariant(view < policy->view_count);
    return list < POLICY_LISTS_MAX ? (enum policy_mode)policy->views[view].lists[list].mode
                                   : POLICY_MODE_OFF;
}

bool policy_list_is_paused(const struct policy *policy, unsigned view, size_t list)
{
    invariant(view < policy->view_count);
    return list < POLICY_LISTS_MAX && policy->views[view].lists[list].paused;
}

unsigned policy_view_count(const struct policy *policy)
{
    return (unsigned)policy->view_count;
}

enum policy_mode policy_view_default(const struct policy *policy, unsigned view)
{
    invariant(view < policy->view_count);
    return (enum policy_mode)policy->views[view].by_default;
}

bool policy_view_is_paused(const struct policy *policy, unsigned view)
{
    invariant(view < policy->view_count);
    return policy->views[view].paused;
}

bool policy_view_allows(const struct policy *policy, unsigned view,
                        const struct wire_name *name)
{
    invariant(view < policy->view_count);
    return policy_allow_covers(policy->views[view].allow, name);
}

/* What is known of a hit before any list is asked. */
struct trigger {
    enum policy_trigger trigger;
    uint8_t hop;
    const struct wire_name *name;
    const struct address *address; /* NULL: none */
    uint8_t family;                /* of the prefixes that match it */
};

static bool fill_hit(const struct policy *policy, const struct view *view,
                     const struct trigger *trigger, const struct policy_match_entry *match,
                     uint16_t index, enum policy_mode mode, struct policy_hit *hit)
{
    struct policy_row row;

    if (!policy_image_row(policy->image, match->set, index, &row)) {
        return false;
    }
    *hit = (struct policy_hit){
        .set = match->set,
        .row = (uint8_t)index,
        .list = row.list,
        .labels = match->labels,
        .trigger = (uint8_t)trigger->trigger,
        .hop = trigger->hop,
        .mode = (uint8_t)mode,
        .action = (uint8_t)row_action(view, &row),
        .kind = (uint8_t)row.kind,
        .name = *trigger->name,
    };
    if (trigger->address != NULL) {
        hit->address = *trigger->address;
        hit->family = trigger->family;
    }
    return true;
}

/* Longest match first: the first set with a verdict decides. Enforced lists and those in log
 * mode are two such searches that know nothing of each other. */
static void decide(const struct policy *policy, const struct view *view,
                   const struct policy_matches *matches, const struct trigger *trigger,
                   struct policy_outcome *out)
{
    bool log_open = true;

    for (unsigned i = matches->count; i > 0; i--) {
        const struct policy_match_entry *match = &matches->at[i - 1];
        const struct verdict verdict = view->verdicts[match->set];

        if (!out->enforced && verdict.enforce != NO_ROW) {
            out->enforced = fill_hit(policy, view, trigger, match, verdict.enforce,
                                     POLICY_MODE_ENFORCE, &out->hit);
        }
        if (log_open && verdict.log != NO_ROW) {
            log_open = false;
            /* What a paused list lets through counts among the enforced ones, with its event.
             */
            out->logged =
                fill_hit(policy, view, trigger, match, verdict.log, POLICY_MODE_LOG,
                         &out->log_hit) &&
                out->log_hit.action != POLICY_ACTION_PASS &&
                !(view->lists[out->log_hit.list].paused && lets_through(out->log_hit.action));
        }
    }
}

/* An exception comes first: looked for only where it makes a difference. */
static void except(const struct policy *policy, unsigned view, const struct wire_name *name,
                   bool chain, struct policy_outcome *out)
{
    if (policy->exceptions != NULL && policy_outcome_blocks(out)) {
        const unsigned number = policy_exceptions_find(policy->exceptions, view, name, chain);

        if (number != 0) {
            out->hit.action = POLICY_ACTION_PASS;
            out->hit.exception = (uint16_t)number;
        }
    }
}

/* hot */
void policy_except_chain(const struct policy *policy, unsigned view,
                         const struct wire_name *asked, struct policy_outcome *outcome)
{
    except(policy, view, asked, true, outcome);
}

const struct policy_exception *policy_hit_exception(const struct policy *policy,
                                                    const struct policy_hit *hit)
{
    return policy_exceptions_at(policy->exceptions, hit->exception);
}

/* True if the view's default is to deny, in whatever mode, and nothing speaks of the name. */
static bool is_denied(const struct view *view, const struct policy_matches *matches,
                      const struct wire_name *name)
{
    if (view->by_default == POLICY_MODE_OFF) {
        return false;
    }
    for (unsigned i = 0; i < matches->count; i++) {
        if (view->verdicts[matches->at[i].set].speaks) {
            return false;
        }
    }
    return !policy_allow_covers(view->allow, name);
}

/* hot */
void policy_decide_question(const struct policy *policy, unsigned view,
                            const struct wire_name *name, struct policy_outcome *out)
{
    const struct trigger what = {POLICY_TRIGGER_QNAME, 0, name, NULL, ADDRESS_NONE};
    struct policy_matches matches;

    invariant(view < policy->view_count);
    const struct view *in = &policy->views[view];
    out->enforced = out->logged = false;
    policy_image_find_name(policy->image, name, &matches);
    decide(policy, in, &matches, &what, out);
    out->denied = is_denied(in, &matches, name);
    if (out->denied) {
        out->hit = (struct policy_hit){
            .list = POLICY_LIST_NONE,
            .trigger = POLICY_TRIGGER_QNAME,
            .mode = in->by_default,
            .action = in->action,
            .kind = POLICY_BLOCK,
            .ground = POLICY_GROUND_DEFAULT,
            .name = *name,
        };
    }
    except(policy, view, name, false, out);
}

/* hot */
void policy_decide_name(const struct policy *policy, unsigned view, enum policy_trigger trigger,
                        uint8_t hop, const struct wire_name *name, struct policy_outcome *out)
{
    const struct trigger what = {trigger, hop, name, NULL, ADDRESS_NONE};
    struct policy_matches matches;

    invariant(view < policy->view_count);
    out->enforced = out->denied = out->logged = false;
    policy_image_find_name(policy->image, name, &matches);
    decide(policy, &policy->views[view], &matches, &what, out);
    except(policy, view, name, false, out);
}

/* hot */
void policy_decide_address(const struct policy *policy, unsigned view, uint8_t hop,
                           const struct wire_name *owner, const struct address *address,
                           struct policy_outcome *out)
{
    struct trigger what = {POLICY_TRIGGER_ADDRESS, hop, owner, address, ADDRESS_NONE};
    struct policy_matches matches;

    invariant(view < policy->view_count);
    out->enforced = out->denied = out->logged = false;
    policy_image_find_address(policy->image, address, &matches);
    what.family = matches.family;
    decide(policy, &policy->views[view], &matches, &what, out);
}

bool policy_outcome_blocks(const struct policy_outcome *outcome)
{
    if (outcome->denied && outcome->hit.mode != POLICY_MODE_ENFORCE) {
        return false;
    }
    return (outcome->enforced || outcome->denied) && outcome->hit.kind == POLICY_BLOCK &&
           !lets_through(outcome->hit.action);
}

bool policy_hit_row(const struct policy *policy, const struct policy_hit *hit,
                    struct policy_row *out)
{
    return hit->ground == POLICY_GROUND_RULE &&
           policy_image_row(policy->image, hit->set, hit->row, out);
}

bool policy_hit_prefix(const struct policy_hit *hit, struct address_prefix *out)
{
    struct address host = hit->address;

    if (hit->trigger != POLICY_TRIGGER_ADDRESS || hit->address.family == ADDRESS_NONE ||
        (hit->family != hit->address.family && !address_embedded_v4(&hit->address, &host)) ||
        hit->labels > 8 * address_octets(&host)) {
        return false;
    }
    address_prefix_of(&host, hit->labels, out);
    return true;
}

size_t policy_hit_rule(const struct policy_hit *hit, const struct policy_row *row, char *out,
                       size_t size)
{
    char what[WIRE_NAME_TEXT_MAX];
    struct address_prefix prefix;
    struct wire_name suffix;

    if (hit->trigger == POLICY_TRIGGER_ADDRESS) {
        if (!policy_hit_prefix(hit, &prefix)) {
            return 0;
        }
        address_prefix_format(&prefix, what);
    } else {
        if (hit->labels > hit->name.labels) {
            return 0;
        }
        wire_name_suffix(&hit->name, hit->labels, &suffix);
        wire_name_to_text(&suffix, what);
    }
    const int len = snprintf(out, size, "%s %s %s", policy_kind_name(row->kind),
                             policy_match_name(row->match), what);
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

bool policy_hit_redirect(const struct policy *policy, unsigned view,
                         const struct policy_hit *hit, const struct wire_name *asked,
                         struct wire_name *out)
{
    struct policy_row row = {.redirect = NULL};
    struct wire_name target;
    size_t pos = 0;
    bool prefixes;

    invariant(view < policy->view_count);
    if (hit->action != POLICY_ACTION_REDIRECT ||
        (hit->ground == POLICY_GROUND_RULE && !policy_hit_row(policy, hit, &row))) {
        return false;
    }
    if (row.redirect != NULL) {
        if (wire_name_read(row.redirect, row.redirect_len, &pos, &target) != WIRE_OK ||
            pos != row.redirect_len) {
            return false;
        }
        prefixes = row.redirect_prefixes;
    } else {
        if (policy->views[view].redirect.labels == 0) {
            return false; /* the operator gave no target */
        }
        target = policy->views[view].redirect;
        prefixes = policy->views[view].redirect_prefixes;
    }
    if (prefixes) {
        return wire_name_join(asked, asked->labels, &target, out);
    }
    *out = target;
    return true;
}

bool policy_passes_below(const struct policy *policy, unsigned view,
                         const struct wire_name *name)
{
    struct policy_matches matches;
    struct policy_row row;

    invariant(view < policy->view_count);
    if (policy->exceptions != NULL && policy_exceptions_below(policy->exceptions, view, name)) {
        return true;
    }
    const struct view *in = &policy->views[view];
    if (in->by_default == POLICY_MODE_ENFORCE && policy_allow_below(in->allow, name)) {
        return true;
    }
    policy_image_find_name(policy->image, name, &matches);
    const size_t size = policy_image_set_size(policy->image, matches.pass_below);
    for (size_t i = 0; i < size; i++) {
        if (policy_image_row(policy->image, matches.pass_below, i, &row) &&
            row.list < POLICY_LISTS_MAX && row_counts(in, &row, POLICY_MODE_ENFORCE) &&
            lets_through(row_action(in, &row))) {
            return true;
        }
    }
    return false;
}
