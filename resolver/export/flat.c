/*
 * Formats that are a list of names: hosts files, which mean the name alone, and plain domains,
 * which some programs take for the name alone and others for all below it, too.
 */
#include "export/formats.h"

/* Log rules of a node that speak for themselves. */
static void lose_logs(struct export_job *job, const struct export_node *node)
{
    const bool below = node->own_below && export_word_verdict(&node->below) == EXPORT_LOG;

    if (below) {
        export_lose(job, EXPORT_LOSS_LOG, &node->below);
    }
    if (node->own_at && export_word_verdict(&node->at) == EXPORT_LOG &&
        !(below && node->at.rule == node->below.rule)) {
        export_lose(job, EXPORT_LOSS_LOG, &node->at);
    }
}

int export_hosts(struct export_job *job)
{
    const struct export_set *set = job->set;
    char name[WIRE_NAME_TEXT_MAX];

    export_head(job->out, set, NULL, "#", "hosts file, for the names alone and nothing below");
    for (size_t i = 0; i < set->node_count; i++) {
        const struct export_node *node = &set->nodes[i];

        lose_logs(job, node);
        if ((node->own_at || node->own_below) &&
            export_word_verdict(&node->at) == EXPORT_BLOCK) {
            export_key_text(node->key, node->key_len, name);
            fprintf(job->out, "0.0.0.0 %s\n:: %s\n", name, name);
            if (node->own_at && export_word_action(set, &node->at) != POLICY_ACTION_SINKHOLE) {
                export_lose(job, EXPORT_LOSS_ACTION, &node->at);
            }
        }
        if (node->own_below && export_word_verdict(&node->below) == EXPORT_BLOCK) {
            export_lose(job,
                        node->below.rule->match == POLICY_MATCH_SUFFIX ? EXPORT_LOSS_NARROW
                                                                       : EXPORT_LOSS_BELOW,
                        &node->below);
        }
    }
    export_lose_prefixes(job);
    return 0;
}

int export_domains(struct export_job *job)
{
    const struct export_set *set = job->set;
    const struct export_node *listed = NULL; /* the last that was written */
    char name[WIRE_NAME_TEXT_MAX];

    export_head(job->out, set, NULL, "#",
                "names, each of which may be blocked alone or with all below it");
    for (size_t i = 0; i < set->node_count; i++) {
        const struct export_node *node = &set->nodes[i];
        const bool at = export_word_verdict(&node->at) == EXPORT_BLOCK;
        const bool below = export_word_verdict(&node->below) == EXPORT_BLOCK;

        lose_logs(job, node);
        if (!at && !below) {
            continue;
        }
        if (!at) {
            if (node->own_below) {
                export_lose(job, EXPORT_LOSS_BELOW, &node->below);
            }
        } else if (!below) {
            if (node->own_at) {
                export_lose(job, EXPORT_LOSS_EXACT, &node->at);
            }
        } else if (export_lets_through_below(set, i, node->key, node->key_len)) {
            if (node->own_at || node->own_below) {
                export_lose(job, EXPORT_LOSS_HOLE, node->own_below ? &node->below : &node->at);
            }
        } else if (listed == NULL ||
                   !export_key_covers(listed->key, listed->key_len, node->key, node->key_len)) {
            export_key_text(node->key, node->key_len, name);
            fprintf(job->out, "%s\n", name);
            listed = node;
        }
        if (node->own_at && at && node->at.rule->action != POLICY_ACTION_DEFAULT) {
            export_lose(job, EXPORT_LOSS_ACTION, &node->at);
        }
    }
    export_lose_prefixes(job);
    return 0;
}
