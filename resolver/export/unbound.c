/*
 * Unbound's local zones: the closest zone above a name decides. A zone covers its own name and
 * what is below, so the two can only be told apart where the name alone is blocked: by data in
 * a transparent zone.
 */
#include "export/formats.h"

/* What Unbound does below a name. */
enum state {
    STATE_NOTHING, /* no zone */
    STATE_OPEN,
    STATE_INFORM,
    STATE_BLOCK /* + action */
};

#define DATA_TTL 60

static bool blocks(const struct export_word *word)
{
    return export_word_verdict(word) == EXPORT_BLOCK;
}

/* The type of zone; false if it answers otherwise than the action says. */
static bool zone_type(enum policy_action action, const char **type)
{
    switch (action) {
    case POLICY_ACTION_SINKHOLE:
        *type = "always_null";
        return true;
    case POLICY_ACTION_NXDOMAIN:
        *type = "always_nxdomain";
        return true;
    case POLICY_ACTION_NODATA:
        *type = "always_nodata";
        return true;
    case POLICY_ACTION_REFUSED:
        *type = "always_refuse";
        return true;
    case POLICY_ACTION_DROP:
        *type = "always_deny";
        return true;
    case POLICY_ACTION_REDIRECT:
        *type = "redirect";
        return true;
    case POLICY_ACTION_TRUNCATE:
    case POLICY_ACTION_DEFAULT:
    case POLICY_ACTION_PASS:
    case POLICY_ACTION_LOG:
        break;
    }
    *type = "always_refuse";
    return false;
}

/* The name and all below it are blocked. */
static int write_block(struct export_job *job, size_t index, const char *name, int above)
{
    const struct export_node *node = &job->set->nodes[index];
    const bool through = export_lets_through_below(job->set, index, node->key, node->key_len);
    const enum policy_action action = export_word_action(job->set, &node->below);
    const enum policy_action effective =
        action == POLICY_ACTION_NXDOMAIN && through ? POLICY_ACTION_NODATA : action;
    const int state = STATE_BLOCK + (int)effective;
    const char *type = NULL;

    /* The zone is about both. */
    if ((node->own_at || node->own_below) && node->at.rule != node->below.rule &&
        (export_word_action(job->set, &node->at) != action ||
         action == POLICY_ACTION_REDIRECT)) {
        export_lose(job, EXPORT_LOSS_ACTION, &node->at);
    }
    if (state == above && (action != POLICY_ACTION_REDIRECT || !node->own_below)) {
        return state;
    }
    if ((!zone_type(effective, &type) && node->own_below) || effective != action) {
        export_lose(job, EXPORT_LOSS_ACTION, &node->below);
    }
    fprintf(job->out, "local-zone: \"%s.\" %s\n", name, type);
    if (action == POLICY_ACTION_REDIRECT) {
        fprintf(job->out, "local-data: \"%s. %d CNAME %s%s.\"\n", name, DATA_TTL,
                node->below.rule->redirect_prefixes ? "*." : "", node->below.rule->redirect);
    }
    return state;
}

/* The name alone is blocked. */
static int write_exact(struct export_job *job, const struct export_node *node, const char *name)
{
    if (export_word_action(job->set, &node->at) != POLICY_ACTION_SINKHOLE && node->own_at) {
        export_lose(job, EXPORT_LOSS_ACTION, &node->at);
    }
    if (node->own_below && export_word_verdict(&node->below) == EXPORT_LOG) {
        export_lose(job, EXPORT_LOSS_LOG, &node->below);
    }
    fprintf(job->out, "local-zone: \"%s.\" transparent\n", name);
    fprintf(job->out, "local-data: \"%s. %d A 0.0.0.0\"\nlocal-data: \"%s. %d AAAA ::\"\n",
            name, DATA_TTL, name, DATA_TTL);
    return STATE_OPEN;
}

/* Neither the name nor what is below it is blocked. */
static int write_open(struct export_job *job, const struct export_node *node, const char *name,
                      int above)
{
    if (export_word_verdict(&node->below) == EXPORT_LOG) {
        if (above != STATE_INFORM) {
            fprintf(job->out, "local-zone: \"%s.\" inform\n", name);
        }
        return STATE_INFORM;
    }
    if (node->own_at && export_word_verdict(&node->at) == EXPORT_LOG) {
        export_lose(job, EXPORT_LOSS_LOG, &node->at);
    }
    if (above == STATE_NOTHING || above == STATE_OPEN) {
        return above;
    }
    fprintf(job->out, "local-zone: \"%s.\" always_transparent\n", name);
    return STATE_OPEN;
}

static int write_node(struct export_job *job, size_t index, int above)
{
    const struct export_node *node = &job->set->nodes[index];
    char name[WIRE_NAME_TEXT_MAX];

    export_key_text(node->key, node->key_len, name);
    if (blocks(&node->at)) {
        return blocks(&node->below) ? write_block(job, index, name, above)
                                    : write_exact(job, node, name);
    }
    if (!blocks(&node->below)) {
        return write_open(job, node, name, above);
    }
    if (node->own_at && export_word_verdict(&node->at) == EXPORT_LOG) {
        export_lose(job, EXPORT_LOSS_LOG, &node->at);
    }
    if (above < STATE_BLOCK) {
        if (node->own_below) {
            export_lose(job, EXPORT_LOSS_BELOW, &node->below);
        }
        return above;
    }
    if (node->own_at) {
        export_lose(job, EXPORT_LOSS_WIDE, &node->at);
    }
    fprintf(job->out, "local-zone: \"%s.\" always_transparent\n", name);
    return STATE_OPEN;
}

int export_unbound(struct export_job *job)
{
    const struct export_set *set = job->set;
    struct export_above above = {.count = 0};

    export_head(job->out, set, NULL, "#", "local zones of Unbound (include:)");
    fputs("server:\n", job->out);
    for (size_t i = 0; i < set->node_count; i++) {
        const int state =
            write_node(job, i, export_above_of(&above, &set->nodes[i], STATE_NOTHING));

        export_above_enter(&above, &set->nodes[i], state);
    }
    export_lose_prefixes(job);
    return 0;
}
