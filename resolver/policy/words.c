#include "policy/words.h"

#include <string.h>

static void add_word(struct text *text, const char *word)
{
    text_add_octets(text, word, strnlen(word, POLICY_EDE_WORD_MAX));
}

/* hot */
size_t policy_words_ede(const struct policy *policy, const struct policy_hit *hit,
                        const char *view_name, char out[POLICY_EDE_MAX])
{
    const struct policy_said *said = policy_hit_said(policy, hit);
    struct text text;

    text_init(&text, out, POLICY_EDE_MAX);
    if (hit->ground == POLICY_GROUND_DEFAULT) {
        text_add(&text, "default deny: no allowed name, view ");
        add_word(&text, view_name);
    } else if (hit->ground == POLICY_GROUND_CLIENT) {
        text_add(&text, "client denied, view ");
        add_word(&text, view_name);
    } else if (said != NULL) {
        text_add_octets(&text, said->ede, said->ede_len);
    }
    return text.len;
}

size_t policy_words_ede_list(const struct policy_image_list *list, char out[POLICY_EDE_MAX])
{
    struct text text;

    text_init(&text, out, POLICY_EDE_MAX);
    add_word(&text, list->provider);
    text_add(&text, " ");
    add_word(&text, list->id);
    text_add(&text, " ");
    text_add_uint(&text, list->serial);
    return text.len;
}

const char *policy_words_ground(enum policy_ground ground)
{
    switch (ground) {
    case POLICY_GROUND_DEFAULT:
        return "default-deny";
    case POLICY_GROUND_CLIENT:
        return "client-deny";
    case POLICY_GROUND_RULE:
        break;
    }
    return "rule";
}

size_t policy_words_matched(const struct policy_hit *hit, char out[WIRE_NAME_TEXT_MAX])
{
    return hit->address.family == ADDRESS_NONE ? wire_name_to_text(&hit->name, out)
                                               : address_format(&hit->address, false, out);
}

void policy_words_write_trigger(struct text *out, const struct policy_hit *hit)
{
    char words[WIRE_NAME_TEXT_MAX];

    json_string(out, "trigger", policy_trigger_name((enum policy_trigger)hit->trigger));
    json_string_n(out, "matched", words, policy_words_matched(hit, words));
    json_uint(out, "hop", hit->hop);
}

static void write_word(struct text *out, const char *key, const char *words)
{
    json_string(out, key, words == NULL || words[0] == '\0' ? NULL : words);
}

void policy_words_write_exception(struct text *out, const struct policy_exception *exception)
{
    char subject[POLICY_SUBJECT_MAX];

    if (exception == NULL) { /* of nearly all events: in one piece */
        json_string(out, "exception", NULL);
        text_add(out, ",\"ticket\":null,\"exception_id\":null,\"licence\":null,"
                      "\"approver\":null");
        return;
    }
    (void)policy_exception_subject(exception, subject);
    write_word(out, "exception", subject);
    write_word(out, "ticket", exception->ticket);
    write_word(out, "exception_id", exception->id);
    write_word(out, "licence", exception->licence);
    write_word(out, "approver", exception->approver);
}

void policy_words_write_basis(struct text *out, const struct policy_image_list *list)
{
    write_word(out, "provider", list->provider);
    write_word(out, "provider_name", list->provider_name);
    write_word(out, "parent_name", list->parent_name);
    write_word(out, "status_class", list->status_class);
    write_word(out, "status_entity", list->status_entity);
    write_word(out, "status_authority", list->status_authority);
    write_word(out, "status_citation", list->status_citation);
    write_word(out, "status_effective", list->status_effective);
    write_word(out, "status_state", list->status_state);
    write_word(out, "status_checked", list->status_checked);
}

void policy_words_write_list(struct text *out, const struct policy_image_list *list)
{
    write_word(out, "list", list->id);
    json_uint(out, "serial", list->serial);
}

bool policy_words_write_rule_alone(struct text *out, const struct policy_hit *hit,
                                   const struct policy_row *row)
{
    char words[POLICY_RULE_TEXT_MAX];
    const size_t len = policy_hit_rule(hit, row, words, sizeof(words));

    json_string_n(out, "rule", words, len);
    return len > 0;
}

void policy_words_write_row(struct text *out, const struct policy_row *row)
{
    write_word(out, "category", row->category);
    json_string(out, "scope", policy_scope_name(row->scope));
    json_string(out, "confidence", policy_confidence_name(row->confidence));
}

bool policy_words_write_rule(struct text *out, const struct policy_hit *hit,
                             const struct policy_row *row)
{
    const bool has = policy_words_write_rule_alone(out, hit, row);

    policy_words_write_row(out, row);
    return has;
}

const char *policy_words_class(const char *class)
{
    static const struct {
        const char *class, *words;
    } rows[] = {
        {"designated", "the provider's own legal person is on a list or under a rule"},
        {"parent-designated", "a company that owns the provider is; the provider itself is not "
                              "known to be"},
        {"list-mention", "named on a list of another kind"},
        {"named-urged", "named in a document that asks for action; no action follows from it"},
        {"named-no-designation-found",
         "named in such a document, and looked for in vain on the lists"},
        {"changed", "the status ended or the owner changed"},
        {"removed", "the status ended or the owner changed"},
        {"none-found", "nothing found in the lists that the fact names"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(class, rows[i].class) == 0) {
            return rows[i].words;
        }
    }
    return "";
}

/* Instrument and citation, as far as the fact has them. */
static void add_source(struct text *out, const struct policy_fact *fact)
{
    text_add(out, fact->authority);
    if (fact->instrument[0] != '\0') {
        text_printf(out, ", %s", fact->instrument);
    }
    if (fact->citation[0] != '\0') {
        text_printf(out, " (%s)", fact->citation);
    }
}

/* "is designated by", as far as the state of the fact lets it be said. */
static const char *designated_by(const struct policy_fact *fact)
{
    if (strcmp(fact->state, "removed") == 0) {
        return "was designated, and is no longer, by";
    }
    if (strcmp(fact->state, "suspended") == 0) {
        return "was designated, which is suspended, by";
    }
    if (strcmp(fact->state, "contested") == 0) {
        return "is designated, which is contested, by";
    }
    return strcmp(fact->state, "in-force") == 0 ? "is designated by"
                                                : "is said, unverified, to be designated by";
}

void policy_words_fact(const struct policy_fact *fact, const char *provider,
                       char out[POLICY_FACT_WORDS_MAX])
{
    struct text text;

    text_init(&text, out, POLICY_FACT_WORDS_MAX);
    switch (fact->class) {
    case POLICY_CLASS_DESIGNATED:
        text_printf(&text, "%s %s ", fact->entity, designated_by(fact));
        add_source(&text, fact);
        break;
    case POLICY_CLASS_PARENT_DESIGNATED:
        text_printf(&text, "%s, which owns %s, %s ", fact->entity, provider,
                    designated_by(fact));
        add_source(&text, fact);
        text_printf(&text, "; the status is the owner's, not that of %s", provider);
        break;
    case POLICY_CLASS_LIST_MENTION:
        text_printf(&text, "%s is named on a list of another kind, which is no designation: ",
                    fact->entity);
        add_source(&text, fact);
        break;
    case POLICY_CLASS_NAMED_URGED:
        text_printf(&text,
                    "action on %s is asked for, a request and no designation: ", fact->entity);
        add_source(&text, fact);
        break;
    case POLICY_CLASS_NAMED_NO_DESIGNATION_FOUND:
    case POLICY_CLASS_NONE_FOUND:
        text_printf(&text, "No listing of %s found as of %s. ", fact->entity, fact->checked);
        add_source(&text, fact);
        break;
    case POLICY_CLASS_CHANGED:
    case POLICY_CLASS_REMOVED:
        text_printf(&text,
                    "the status of %s has ended, or its owner has changed: ", fact->entity);
        add_source(&text, fact);
        break;
    }
}
