/*
 * Filter rules of AdGuard Home and AdGuard DNS. An exception there wins over every block,
 * however long either is, and a rule with $important over one without: four ranks, which serve
 * names within names up to a depth.
 */
#include "export/formats.h"

#define RANKS 4 /* block, exception, important block, important exception */

static void write_rule(FILE *out, int rank, bool exact, const char *name)
{
    fprintf(out, "%s%s%s^%s\n", rank % 2 == 0 ? "@@" : "", exact ? "|" : "||", name,
            rank > 2 ? "$important" : "");
}

/* The lone name differs from what is around it. */
static void write_exact(struct export_job *job, const struct export_node *node,
                        const char *name, int rank)
{
    if (rank <= RANKS) {
        write_rule(job->out, rank, true, name);
    } else {
        export_lose(job, EXPORT_LOSS_DEPTH, &node->at);
    }
}

/* rank: of the rule around; odd ranks block. */
static int write_node(struct export_job *job, const struct export_node *node, int rank)
{
    const bool around = rank % 2 == 1;
    const bool at = export_word_verdict(&node->at) == EXPORT_BLOCK;
    const bool below = export_word_verdict(&node->below) == EXPORT_BLOCK;
    char name[WIRE_NAME_TEXT_MAX];

    export_key_text(node->key, node->key_len, name);
    /* AdGuard looks at the aliases of what no exception lets through. */
    if (rank == 0 && node->own_below && export_word_ends_chain(&node->below)) {
        write_rule(job->out, 2, false, name);
        if (at) {
            write_exact(job, node, name, 3);
        }
        return 2;
    }
    if (rank == 0 && !below && node->own_at && export_word_ends_chain(&node->at)) {
        write_exact(job, node, name, 2);
        return rank;
    }
    if (below == around) {
        if (at != around) {
            write_exact(job, node, name, rank + 1);
        }
        return rank;
    }
    /* A block whose own name must stay open needs a rank more. */
    if (rank + 1 > RANKS || (below && !at && rank + 2 > RANKS)) {
        export_lose(job, EXPORT_LOSS_DEPTH, at ? &node->at : &node->below);
        return rank;
    }
    write_rule(job->out, rank + 1, false, name);
    if (at != below) {
        write_exact(job, node, name, rank + 2);
    }
    return rank + 1;
}

int export_adguard(struct export_job *job)
{
    const struct export_set *set = job->set;
    struct export_above above = {.count = 0};

    export_head(job->out, set, NULL, "!", "filter rules of AdGuard Home and AdGuard DNS");
    for (size_t i = 0; i < set->node_count; i++) {
        const struct export_node *node = &set->nodes[i];
        const int rank = write_node(job, node, export_above_of(&above, node, 0));

        export_above_enter(&above, node, rank);
        if (node->own_at && export_word_verdict(&node->at) == EXPORT_BLOCK &&
            node->at.rule->action != POLICY_ACTION_DEFAULT) {
            export_lose(job, EXPORT_LOSS_ACTION, &node->at);
        } else if (node->own_below && export_word_verdict(&node->below) == EXPORT_BLOCK &&
                   node->below.rule->action != POLICY_ACTION_DEFAULT) {
            export_lose(job, EXPORT_LOSS_ACTION, &node->below);
        }
        if (node->own_below && export_word_verdict(&node->below) == EXPORT_LOG) {
            export_lose(job, EXPORT_LOSS_LOG, &node->below);
        } else if (node->own_at && export_word_verdict(&node->at) == EXPORT_LOG) {
            export_lose(job, EXPORT_LOSS_LOG, &node->at);
        }
    }
    export_lose_prefixes(job);
    return 0;
}
