#include "dossier/reports.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define OF(field) offsetof(struct dossier_event, field)

static const struct {
    const char *word, *title, *words;
} names[DOSSIER_REPORTS] = {
    [DOSSIER_EXPOSURE] = {"exposure", "Exposure",
                          "Who depends on which provider, directly or through the names and "
                          "addresses that answers lead to, whether it was blocked or only "
                          "recorded."},
    [DOSSIER_BLOCKS] =
        {"blocks", "Blocks",
         "What was blocked, or would have been, for whom, by which rule of which "
         "list."},
    [DOSSIER_EXCEPTIONS] = {"exceptions", "Exceptions used",
                            "Which exceptions there were, by whose word, and what they let "
                            "through."},
    [DOSSIER_EVIDENCE] =
        {"evidence", "Evidence",
         "Whether the record holds, which lists were in force when, when there "
         "was no valid policy, who made exceptions, and how much was decided."},
};

bool dossier_report_parse(const char *word, enum dossier_report *out)
{
    for (unsigned i = 0; i < DOSSIER_REPORTS; i++) {
        if (strcmp(word, names[i].word) == 0) {
            *out = (enum dossier_report)i;
            return true;
        }
    }
    return false;
}

/* --- which decisions --- */

static bool by_list(const struct dossier_event *event)
{
    return event->has_basis;
}

static bool by_list_directly(const struct dossier_event *event)
{
    return event->has_basis && event->direct;
}

static bool by_list_through(const struct dossier_event *event)
{
    return event->has_basis && !event->direct;
}

static bool blocks(const struct dossier_event *event)
{
    return event->effect == DOSSIER_BLOCKED || event->effect == DOSSIER_WOULD ||
           event->effect == DOSSIER_PAUSED;
}

static bool blocks_by_list(const struct dossier_event *event)
{
    return event->has_basis && blocks(event);
}

/* --- parts --- */

#define PROVIDER                                                                 \
    {                                                                            \
        DOSSIER_PART_LISTED, AUDIT_BASIS_PROVIDER, "provider", "provider", false \
    }
#define CLIENT                                                     \
    {                                                              \
        DOSSIER_PART_CLIENT, OF(client), "client", "client", false \
    }
#define NAME                                                     \
    {                                                            \
        DOSSIER_PART_NAME, OF(name), "name", "name asked", false \
    }
#define TRIGGER                                                       \
    {                                                                 \
        DOSSIER_PART_WORD, OF(trigger), "trigger", "by way of", false \
    }
#define MATCHED                                                      \
    {                                                                \
        DOSSIER_PART_NAME, OF(matched), "matched", "leads to", false \
    }
#define ADDRESS                                                       \
    {                                                                 \
        DOSSIER_PART_ADDRESS, OF(address), "address", "address", true \
    }
#define MOMENT                                        \
    {                                                 \
        DOSSIER_PART_MOMENT, 0, "time", "from", false \
    }

/* --- exposure --- */

const struct dossier_shape dossier_providers = {
    .key = "providers",
    .title = "Providers",
    .words =
        "How much leads to each provider. A decision is one rule of one list that spoke of "
        "a question: where several lists speak of a provider, a question counts in each. "
        "Legal kinds are counted apart, by what the list stated at that time.",
    .wants = by_list,
    .parts = {PROVIDER,
              {DOSSIER_PART_LISTED, AUDIT_BASIS_PROVIDER_NAME, "provider_name", "in words",
               true},
              {DOSSIER_PART_LISTED, AUDIT_BASIS_PARENT_NAME, "parent_name", "owner", true}},
    .of = DOSSIER_OF_NAMES | DOSSIER_OF_CLIENTS,
    .chart = DOSSIER_BARS_LEGAL,
};

const struct dossier_shape dossier_bases = {
    .key = "basis",
    .title = "On what ground",
    .words =
        "What the lists stated of each provider when they decided, as recorded then. A "
        "letter that urges action is no listing, and an owner's status is not the "
        "provider's. Absence is \"no listing found in the lists named as of the day named\".",
    .wants = by_list,
    .parts = {{DOSSIER_PART_BASIS, 0, "basis", "basis", false}},
};

static const struct dossier_shape exposure_days = {
    .key = "times",
    .title = "Since when",
    .words = "Decisions over time, by legal kind.",
    .wants = by_list,
    .parts = {MOMENT},
    .of = DOSSIER_OF_NAMES | DOSSIER_OF_CLIENTS,
    .order = DOSSIER_BY_KEY,
    .chart = DOSSIER_COLUMNS_LEGAL,
};

static const struct dossier_shape exposure_clients = {
    .key = "clients",
    .title = "Who",
    .words = "Clients as they are recorded: an address, a network, or a pseudonym of one day.",
    .wants = by_list,
    .parts = {PROVIDER, CLIENT},
    .of = DOSSIER_OF_NAMES,
    .estimated = "clients_estimated",
};

static const struct dossier_shape exposure_direct = {
    .key = "direct",
    .title = "Names asked for directly",
    .words = "The name asked is itself one of the provider's.",
    .wants = by_list_directly,
    .parts = {PROVIDER, NAME},
    .of = DOSSIER_OF_CLIENTS,
    .estimated = "direct_estimated",
};

static const struct dossier_shape exposure_through = {
    .key = "through",
    .title = "Names that lead there through others",
    .words = "The name asked is somebody else's, and its answer leads to the provider: by a "
             "CNAME (hop), an SVCB or HTTPS record (svcb), an MX, SRV, NS or PTR record "
             "(target), an address, or its name servers. The chain is from the name asked on.",
    .wants = by_list_through,
    .parts = {PROVIDER,
              NAME,
              TRIGGER,
              {DOSSIER_PART_CHAIN, OF(chain), "chain", "chain", true},
              MATCHED,
              ADDRESS},
    .of = DOSSIER_OF_CLIENTS,
    .estimated = "through_estimated",
};

static const struct dossier_shape exposure_targets = {
    .key = "targets",
    .title = "Through what",
    .words = "The names and addresses of the provider that answers lead to, and how many names "
             "of others lead there.",
    .wants = by_list_through,
    .parts = {PROVIDER, TRIGGER, MATCHED, ADDRESS},
    .of = DOSSIER_OF_NAMES | DOSSIER_OF_CLIENTS,
    .estimated = "targets_estimated",
};

static const struct dossier_shape *const exposure[] = {
    &dossier_providers, &dossier_bases,    &exposure_days,    &exposure_clients,
    &exposure_direct,   &exposure_through, &exposure_targets,
};

/* --- blocks --- */

const struct dossier_shape dossier_totals = {
    .key = "totals",
    .title = "What was done",
    .words = "Decisions by whose word they are and by the action: a rule of a list (decision), "
             "or the operator's own word (default-deny, client-deny), of which no list speaks.",
    .parts = {{DOSSIER_PART_WORD, OF(ground), "ground", "whose word", false},
              {DOSSIER_PART_WORD, OF(action), "action", "action", false}},
    .of = DOSSIER_OF_NAMES | DOSSIER_OF_CLIENTS,
    .order = DOSSIER_BY_BLOCKED,
    .chart = DOSSIER_BARS_EFFECT,
};

const struct dossier_shape dossier_effect_days = {
    .key = "times",
    .title = "Over time",
    .words = "Decisions over time, by what came of them.",
    .parts = {MOMENT},
    .of = DOSSIER_OF_CLIENTS,
    .order = DOSSIER_BY_KEY,
    .chart = DOSSIER_COLUMNS_EFFECT,
};

static const struct dossier_shape block_lists = {
    .key = "lists",
    .title = "By list",
    .words = "Which lists blocked, or would have blocked.",
    .wants = blocks_by_list,
    .parts = {{DOSSIER_PART_LISTED, AUDIT_BASIS_LIST, "list", "list", false}, PROVIDER},
    .of = DOSSIER_OF_NAMES | DOSSIER_OF_CLIENTS,
    .order = DOSSIER_BY_BLOCKED,
    .chart = DOSSIER_BARS_EFFECT,
};

static const struct dossier_shape block_rules = {
    .key = "rules",
    .title = "By rule",
    .words = "Which rules blocked, or would have blocked.",
    .wants = blocks_by_list,
    .parts = {{DOSSIER_PART_LISTED, AUDIT_BASIS_LIST, "list", "list", false},
              {DOSSIER_PART_WORD, OF(rule), "rule", "rule", false},
              {DOSSIER_PART_WORD, OF(category), "category", "category", true},
              TRIGGER},
    .of = DOSSIER_OF_NAMES | DOSSIER_OF_CLIENTS,
    .order = DOSSIER_BY_BLOCKED,
    .estimated = "rules_estimated",
};

static const struct dossier_shape block_views = {
    .key = "views",
    .title = "By view",
    .words = "For which clients, as the configuration parts them.",
    .wants = blocks,
    .parts = {{DOSSIER_PART_WORD, OF(view), "view", "view", false}},
    .of = DOSSIER_OF_NAMES | DOSSIER_OF_CLIENTS,
    .order = DOSSIER_BY_BLOCKED,
};

static const struct dossier_shape block_clients = {
    .key = "clients",
    .title = "By client",
    .words = "Clients as they are recorded: an address, a network, or a pseudonym of one day.",
    .wants = blocks,
    .parts = {CLIENT, {DOSSIER_PART_WORD, OF(view), "view", "view", false}},
    .of = DOSSIER_OF_NAMES,
    .order = DOSSIER_BY_BLOCKED,
    .estimated = "clients_estimated",
};

static const struct dossier_shape block_names = {
    .key = "names",
    .title = "By name",
    .words = "Names asked for.",
    .wants = blocks,
    .parts = {NAME, PROVIDER},
    .of = DOSSIER_OF_CLIENTS,
    .order = DOSSIER_BY_BLOCKED,
    .estimated = "names_estimated",
};

static const struct dossier_shape *const blocked[] = {
    &dossier_totals, &dossier_effect_days, &block_lists, &block_rules,
    &block_views,    &block_clients,       &block_names, &dossier_bases,
};

/* --- making --- */

int dossier_shapes(struct dossier_making *making, const struct dossier_shape *const *shapes,
                   size_t count)
{
    struct dossier_group *groups[DOSSIER_SHAPES_MAX] = {NULL};
    const size_t most = making->request->most != 0 ? making->request->most : DOSSIER_KEYS_MAX;
    const uint64_t step_us = dossier_step(making->from_us, making->to_us);
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        groups[i] = dossier_group_create(shapes[i], making->outline.seed, most, step_us);
        rc = groups[i] != NULL ? 0 : -ENOMEM;
    }
    rc = rc == 0 ? dossier_gather(making->request, making->from_us, making->to_us, groups,
                                  count, &making->counts)
                 : rc;
    for (size_t i = 0; i < count; i++) {
        if (rc == 0) {
            dossier_group_tell(groups[i], making->dossier);
        }
        dossier_group_destroy(groups[i]);
    }
    return rc;
}

static void tell_facts(struct dossier_making *making)
{
    struct dossier *dossier = making->dossier;
    const struct dossier_request *request = making->request;
    char from[DOSSIER_MOMENT_MAX];
    char to[DOSSIER_MOMENT_MAX];

    for (size_t i = 0; i < request->source_count && i < 8; i++) {
        dossier_fact(dossier, "log", "audit log", "%s", request->sources[i].key.name);
    }
    dossier_fact(dossier, "from", "from", "%s", dossier_moment(making->from_us, from));
    dossier_fact(dossier, "to", "to", "%s", dossier_moment(making->to_us, to));
    if (request->provider != NULL) {
        dossier_fact(dossier, "provider", "provider", "%s", request->provider);
    }
}

/* What a reader must know before numbers are repeated. */
static void tell_notices(struct dossier_making *making)
{
    const struct dossier_outline *outline = &making->outline;
    const struct dossier_counts *counts = &making->counts;
    struct dossier *dossier = making->dossier;
    char moment[DOSSIER_MOMENT_MAX];

    dossier_fact(dossier, "decisions", "decisions read", "%" PRIu64, counts->decisions);
    if (outline->blocks == 0) {
        dossier_notice(dossier, "The audit log is empty: nothing is recorded.");
    } else if (making->from_us / 1000000 < outline->first_us / 1000000) {
        dossier_notice(dossier,
                       "The log begins at %s: of the time before that nothing is known here.",
                       dossier_moment(outline->first_us, moment));
    }
    if (counts->damaged + outline->damaged + outline->missing_files > 0) {
        dossier_notice(dossier,
                       "Parts of the log are damaged or missing, and what was there is not "
                       "counted: cordon audit verify says where.");
    }
    if (outline->removed > 0) {
        dossier_notice(
            dossier,
            "The events of %" PRIu64
            " %s were removed from the log: they are not counted, and cordon audit verify "
            "says whether that is recorded.",
            outline->removed, outline->removed == 1 ? "block" : "blocks");
    }
    if (making->history.gap_events > 0) {
        dossier_notice(dossier,
                       "The log itself says that %" PRIu64
                       " events are missing, at some time: counts are at least.",
                       making->history.gap_events);
    }
    if (counts->pseudonyms > 0) {
        dossier_notice(dossier,
                       "Clients are recorded as pseudonyms that change each day: one machine "
                       "counts as another each day.");
    }
    if (counts->prefixes > 0) {
        dossier_notice(dossier, "Clients are recorded as networks: one may be many machines.");
    }
    if (counts->nameless > 0) {
        dossier_notice(dossier,
                       "%" PRIu64
                       " decisions have no client on record: they count in no number "
                       "of clients.",
                       counts->nameless);
    }
}

static int fill(enum dossier_report report, struct dossier_making *making)
{
    switch (report) {
    case DOSSIER_EXPOSURE:
        return dossier_shapes(making, exposure, sizeof(exposure) / sizeof(exposure[0]));
    case DOSSIER_BLOCKS:
        return dossier_shapes(making, blocked, sizeof(blocked) / sizeof(blocked[0]));
    case DOSSIER_EXCEPTIONS:
        return dossier_exceptions_fill(making);
    case DOSSIER_EVIDENCE:
        return dossier_evidence_fill(making);
    case DOSSIER_REPORTS:
        break;
    }
    return -EINVAL;
}

int dossier_make(enum dossier_report report, const struct dossier_request *request,
                 const struct audit_verdict *verdicts, struct dossier **out)
{
    struct dossier_making making = {.request = request, .verdicts = verdicts};
    int rc = dossier_outline_read(request, &making.outline);

    if (rc != 0) {
        return rc;
    }
    dossier_outline_range(request, &making.outline, &making.from_us, &making.to_us);
    making.dossier =
        dossier_create(names[report].word, names[report].title, names[report].words);
    rc = making.dossier == NULL ? -ENOMEM : 0;
    if (rc == 0) {
        tell_facts(&making);
        rc = dossier_history_read(request, &making.outline, making.dossier, &making.history);
    }
    if (rc == 0) {
        rc = fill(report, &making);
        tell_notices(&making);
        rc = rc == 0 && dossier_failed(making.dossier) ? -ENOMEM : rc;
    }
    dossier_history_deinit(&making.history);
    dossier_outline_deinit(&making.outline);
    if (rc != 0) {
        dossier_destroy(making.dossier);
        return rc;
    }
    *out = making.dossier;
    return 0;
}
