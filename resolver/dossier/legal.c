#include "dossier/legal.h"

#include "policy/words.h"

#include <string.h>

_Static_assert(DOSSIER_SENTENCE_MAX >= POLICY_FACT_WORDS_MAX, "a sentence does not fit");

struct words {
    const char *key, *title, *words;
};

static const struct words legals[DOSSIER_LEGALS] = {
    [DOSSIER_LISTED] = {"listed", "listed", "Listing of the provider's own legal person"},
    [DOSSIER_LISTED_UNSURE] = {"listed_unsure", "listing in doubt",
                               "Such a listing, but suspended, contested, ended or unverified"},
    [DOSSIER_PARENT] = {"parent", "owner's status",
                        "Status of a company that owns the provider, not of the provider"},
    [DOSSIER_PARENT_UNSURE] = {"parent_unsure", "owner's, in doubt",
                               "An owner's status, but suspended, contested, ended or "
                               "unverified"},
    [DOSSIER_MENTION] = {"mention", "other list", "Named on a list of another kind"},
    [DOSSIER_URGED] = {"urged", "letter that urges",
                       "Named in a document that asks for action; no action follows from it"},
    [DOSSIER_NONE_FOUND] = {"none_found", "no listing found",
                            "No listing found in the lists named, as of the day named"},
    [DOSSIER_ENDED] = {"ended", "ended", "The status ended, or the owner changed"},
    [DOSSIER_UNSTATED] = {"unstated", "none stated", "The list states no legal status"},
    [DOSSIER_OPERATOR] = {"operator", "operator's word",
                          "No list spoke: the operator's own word"},
};

static const struct words effects[DOSSIER_EFFECTS] = {
    [DOSSIER_BLOCKED] = {"blocked", "blocked", "Blocked: the answer was replaced"},
    [DOSSIER_WOULD] = {"would_block", "would block",
                       "Would have been blocked: the list was in mode log"},
    [DOSSIER_PAUSED] = {"paused", "paused", "Would have been blocked: the list was paused"},
    [DOSSIER_EXCEPTED] = {"excepted", "let through", "Let through by an exception"},
    [DOSSIER_TRIAL] = {"trial", "on trial",
                       "On trial: what a newer version of the list would have done"},
    [DOSSIER_RECORDED] = {"recorded", "recorded only", "Recorded only, as the list wishes"},
    [DOSSIER_OTHER] = {"other", "other rule", "Another rule decided"},
};

const char *dossier_legal_key(enum dossier_legal legal)
{
    return legals[legal].key;
}

const char *dossier_legal_title(enum dossier_legal legal)
{
    return legals[legal].title;
}

const char *dossier_legal_words(enum dossier_legal legal)
{
    return legals[legal].words;
}

const char *dossier_effect_key(enum dossier_effect effect)
{
    return effects[effect].key;
}

const char *dossier_effect_title(enum dossier_effect effect)
{
    return effects[effect].title;
}

const char *dossier_effect_words(enum dossier_effect effect)
{
    return effects[effect].words;
}

static bool is(const struct audit_value *word, const char *wanted)
{
    return word->octets != NULL && word->number == strlen(wanted) &&
           memcmp(word->octets, wanted, word->number) == 0;
}

enum dossier_legal dossier_legal_of(const struct audit_basis_view *basis)
{
    if (basis == NULL) {
        return DOSSIER_OPERATOR;
    }
    const struct audit_value *class = &basis->word[AUDIT_BASIS_STATUS_CLASS];
    const bool holds = is(&basis->word[AUDIT_BASIS_STATUS_STATE], "in-force");

    if (is(class, "designated")) {
        return holds ? DOSSIER_LISTED : DOSSIER_LISTED_UNSURE;
    }
    if (is(class, "parent-designated")) {
        return holds ? DOSSIER_PARENT : DOSSIER_PARENT_UNSURE;
    }
    if (is(class, "list-mention")) {
        return DOSSIER_MENTION;
    }
    if (is(class, "named-urged")) {
        return DOSSIER_URGED;
    }
    if (is(class, "none-found") || is(class, "named-no-designation-found")) {
        return DOSSIER_NONE_FOUND;
    }
    return is(class, "changed") || is(class, "removed") ? DOSSIER_ENDED : DOSSIER_UNSTATED;
}

/* A word with a zero octet behind it; "" where there is none. */
static char *copy(const struct audit_value *word, char *out, size_t size)
{
    const size_t len = word->octets == NULL      ? 0
                       : word->number < size - 1 ? (size_t)word->number
                                                 : size - 1;

    if (len > 0) {
        memcpy(out, word->octets, len);
    }
    out[len] = '\0';
    return out;
}

size_t dossier_legal_sentence(const struct audit_basis_view *basis,
                              char out[DOSSIER_SENTENCE_MAX])
{
    char entity[512], authority[512], citation[512], state[64], checked[64], provider[256];
    unsigned class = 0;

    while (policy_class_name((enum policy_class) class) != NULL &&
           !is(&basis->word[AUDIT_BASIS_STATUS_CLASS],
               policy_class_name((enum policy_class) class))) {
        class ++;
    }
    if (policy_class_name((enum policy_class) class) == NULL) {
        static const char none[] = "The list states no legal status";

        memcpy(out, none, sizeof(none));
        return sizeof(none) - 1;
    }
    const struct policy_fact fact = {
        .class = (enum policy_class) class,
        .entity = copy(&basis->word[AUDIT_BASIS_STATUS_ENTITY], entity, sizeof(entity)),
        .authority =
            copy(&basis->word[AUDIT_BASIS_STATUS_AUTHORITY], authority, sizeof(authority)),
        .instrument = "",
        .citation = copy(&basis->word[AUDIT_BASIS_STATUS_CITATION], citation, sizeof(citation)),
        .state = copy(&basis->word[AUDIT_BASIS_STATUS_STATE], state, sizeof(state)),
        .checked = copy(&basis->word[AUDIT_BASIS_STATUS_CHECKED], checked, sizeof(checked)),
    };

    policy_words_fact(
        &fact, copy(&basis->word[AUDIT_BASIS_PROVIDER_NAME], provider, sizeof(provider)), out);
    return strlen(out);
}
