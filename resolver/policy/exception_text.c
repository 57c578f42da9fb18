/* What an exception is about, as text. */
#include "policy/exceptions.h"

#include <stdio.h>
#include <string.h>

#define LABELS_MIN 2u /* of a rule's name: lists have no others */

bool policy_exception_id_is_good(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!(text[i] >= 'a' && text[i] <= 'z') && !(text[i] >= '0' && text[i] <= '9') &&
            text[i] != '-') {
            return false;
        }
    }
    return len >= 1 && len <= POLICY_EXCEPTION_ID_MAX && text[0] != '-';
}

static bool is_list_id(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!(text[i] >= 'a' && text[i] <= 'z') && !(text[i] >= '0' && text[i] <= '9') &&
            text[i] != '-') {
            return false;
        }
    }
    return len >= 1 && len <= POLICY_LIST_ID_MAX && text[0] != '-';
}

/* The word up to the next space; moves past both. */
static size_t take_word(const char **at, size_t *len, const char **word)
{
    const char *space = memchr(*at, ' ', *len);
    const size_t used = space == NULL ? *len : (size_t)(space - *at);

    *word = *at;
    *at += used + (space == NULL ? 0 : 1);
    *len -= used + (space == NULL ? 0 : 1);
    return used;
}

static const char *read_what(const char *text, size_t len, struct policy_exception *out)
{
    if (out->match == POLICY_MATCH_PREFIX) {
        return memchr(text, '/', len) != NULL &&
                       address_prefix_parse(text, len, &out->prefix) == 0
                   ? NULL
                   : "no address prefix: write it as the list has it, 192.0.2.0/24";
    }
    const enum wire_text_result result = wire_name_from_text(text, len, &out->name);
    if (result != WIRE_TEXT_OK) {
        return wire_text_result_words(result);
    }
    return out->name.labels >= LABELS_MIN ? NULL : "a rule has a name of at least two labels";
}

/* "trigger=WORD" and no more. */
static bool read_about(const char *text, size_t len, struct policy_exception *out)
{
    static const char key[] = "trigger=";
    const size_t key_len = sizeof(key) - 1;

    return len > key_len && memcmp(text, key, key_len) == 0 &&
           policy_subject_parse(text + key_len, len - key_len, &out->about) &&
           (out->about != POLICY_SUBJECT_CLIENT || out->match == POLICY_MATCH_PREFIX);
}

const char *policy_exception_read_rule(const char *text, size_t len,
                                       struct policy_exception *out)
{
    const char *colon = memchr(text, ':', len);
    const size_t list_len = colon == NULL ? 0 : (size_t)(colon - text);
    const char *word = NULL;
    enum policy_kind kind;

    if (!is_list_id(text, list_len) || len < list_len + 2 || colon[1] != ' ') {
        return "expected \"LIST: block suffix NAME\", with the id of the list and its rule";
    }
    out->is_rule = true;
    memcpy(out->list, text, list_len);
    out->list[list_len] = '\0';
    out->name = (struct wire_name){.len = 1};
    out->prefix = (struct address_prefix){.family = ADDRESS_NONE};
    const char *at = colon + 2;
    size_t left = len - list_len - 2;
    size_t used = take_word(&at, &left, &word);
    if (!policy_kind_parse(word, used, &kind)) {
        return "after the list comes the rule as it has it: \"block suffix NAME\"";
    }
    if (kind != POLICY_BLOCK) {
        return "a pass rule blocks nothing: an exception is for a block rule";
    }
    used = take_word(&at, &left, &word);
    if (!policy_match_parse(word, used, &out->match)) {
        return "expected suffix, exact, below or prefix after \"block\"";
    }
    const char *what = NULL;
    const size_t what_len = take_word(&at, &left, &what);
    out->about = POLICY_SUBJECT_ANSWER;
    if (what + what_len < text + len && !read_about(at, left, out)) {
        return "leave away what follows the rule's name or prefix, but for trigger=client or "
               "trigger=nameserver";
    }
    return read_what(what, what_len, out);
}

size_t policy_exception_subject(const struct policy_exception *exception,
                                char out[POLICY_SUBJECT_MAX])
{
    const char *about = exception->is_rule ? policy_subject_name(exception->about) : NULL;
    char what[WIRE_NAME_TEXT_MAX];

    if (exception->is_rule && exception->match == POLICY_MATCH_PREFIX) {
        address_prefix_format(&exception->prefix, what);
    } else {
        wire_name_to_text(&exception->name, what);
    }
    const int len =
        exception->is_rule
            ? snprintf(out, POLICY_SUBJECT_MAX, "%s: %s %s %s%s%s", exception->list,
                       policy_kind_name(POLICY_BLOCK), policy_match_name(exception->match),
                       what, about != NULL ? " trigger=" : "", about != NULL ? about : "")
            : snprintf(out, POLICY_SUBJECT_MAX, "%s", what);
    return len > 0 ? (size_t)len : 0;
}

bool policy_exception_same_subject(const struct policy_exception *a,
                                   const struct policy_exception *b)
{
    if (a->is_rule != b->is_rule) {
        return false;
    }
    if (!a->is_rule) {
        return a->exact == b->exact && wire_name_equal(&a->name, &b->name);
    }
    return a->match == b->match && a->about == b->about && strcmp(a->list, b->list) == 0 &&
           (a->match == POLICY_MATCH_PREFIX
                ? a->prefix.family == b->prefix.family && a->prefix.bits == b->prefix.bits &&
                      memcmp(a->prefix.octets, b->prefix.octets, sizeof(a->prefix.octets)) == 0
                : wire_name_equal(&a->name, &b->name));
}
