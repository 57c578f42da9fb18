/*
 * dnsmasq 2.86 and later: the longest domain wins, and /..*.NAME/ is what is below a name, so
 * that everything but some actions can be said.
 */
#include "export/formats.h"

#include <string.h>

/* The answer that dnsmasq knows, after the second slash. Addresses that lead nowhere stand in
 * for the actions that it does not know. */
static const char *answer(const struct export_job *job, const struct export_word *word,
                          bool lets_through_below, bool *exact)
{
    const enum policy_action action = export_word_action(job->set, word);

    if (action == POLICY_ACTION_NXDOMAIN && !lets_through_below) {
        *exact = true;
        return "";
    }
    *exact = action == POLICY_ACTION_SINKHOLE;
    return "#";
}

static void write_one(struct export_job *job, const struct export_word *word, bool is_own,
                      const char *prefix, const char *name, bool lets_through_below)
{
    if (export_word_verdict(word) == EXPORT_BLOCK) {
        bool exact = false;
        const char *how = answer(job, word, lets_through_below, &exact);

        fprintf(job->out, "address=/%s%s/%s\n", prefix, name, how);
        if (how[0] == '#') { /* types that have no addresses are not asked for either */
            fprintf(job->out, "local=/%s%s/\n", prefix, name);
        }
        if (!exact && is_own) {
            export_lose(job, EXPORT_LOSS_ACTION, word);
        }
    } else {
        fprintf(job->out, "server=/%s%s/#\n", prefix, name);
    }
}

/* True if both words let through, or both block with the same answer. */
static bool same(const struct export_job *job, const struct export_word *a,
                 const struct export_word *b)
{
    const bool blocks = export_word_verdict(a) == EXPORT_BLOCK;

    if (blocks != (export_word_verdict(b) == EXPORT_BLOCK)) {
        return false;
    }
    return !blocks || export_word_action(job->set, a) == export_word_action(job->set, b);
}

static void write_node(struct export_job *job, size_t index, bool is_blocked_above)
{
    const struct export_node *node = &job->set->nodes[index];
    const bool at = export_word_verdict(&node->at) == EXPORT_BLOCK;
    const bool below = export_word_verdict(&node->below) == EXPORT_BLOCK;
    const bool through = export_lets_through_below(job->set, index, node->key, node->key_len);
    const bool is_covered = !node->own_at && !node->own_below; /* and says nothing new */
    char name[WIRE_NAME_TEXT_MAX];

    if ((!at && !below && !is_blocked_above) || (is_covered && !through)) {
        return;
    }
    export_key_text(node->key, node->key_len, name);
    /* /NAME/ covers what is below it, so that is said where it differs: NXDOMAIN above what
     * is let through does, too. */
    const bool splits =
        !same(job, &node->at, &node->below) ||
        (at && through && export_word_action(job->set, &node->at) == POLICY_ACTION_NXDOMAIN);
    if (at || splits || is_blocked_above) {
        if (at || is_blocked_above || !splits) {
            write_one(job, &node->at, node->own_at || is_covered, "", name, through);
        }
        if (splits) {
            write_one(job, &node->below,
                      node->own_below && (!at || node->below.rule != node->at.rule), "*.", name,
                      false);
        }
    }
}

/* Log rules let through, and that is all. */
static void lose_logs(struct export_job *job, const struct export_node *node)
{
    if (node->own_below && export_word_verdict(&node->below) == EXPORT_LOG) {
        export_lose(job, EXPORT_LOSS_LOG, &node->below);
    } else if (node->own_at && export_word_verdict(&node->at) == EXPORT_LOG) {
        export_lose(job, EXPORT_LOSS_LOG, &node->at);
    }
}

int export_dnsmasq(struct export_job *job)
{
    const struct export_set *set = job->set;
    struct export_above above = {.count = 0};

    export_head(job->out, set, NULL, "#", "dnsmasq, version 2.86 or later (conf-file=)");
    for (size_t i = 0; i < set->node_count; i++) {
        const struct export_node *node = &set->nodes[i];
        const int state = export_above_of(&above, node, 0);

        lose_logs(job, node);
        write_node(job, i, state != 0);
        export_above_enter(&above, node, export_word_verdict(&node->below) == EXPORT_BLOCK);
    }
    export_lose_prefixes(job);
    return 0;
}
