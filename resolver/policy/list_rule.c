/* Rules of a list: one line each, fields in one order, so that a rule has one spelling. */
#include "policy/list_parser.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* FORMAT.md, "Rules". */
#define CATEGORY_MAX     32u
#define TEXT_MAX         500u
#define PREFIX4_BITS_MIN 8u
#define PREFIX6_BITS_MIN 16u
#define CLIENT6_BITS_MIN 7u /* fc00::/7: a place's own networks may be wide */

/* The part of the line that is not read yet. */
struct fields {
    struct list_parser *parser;
    const char *at;
    size_t len;
    size_t column; /* of at */
};

/* What one rule line holds, before it is known to be good. */
struct draft {
    struct policy_list_rule rule;
    uint8_t name[WIRE_NAME_MAX];
    struct address_prefix prefix; /* for POLICY_MATCH_PREFIX */
    size_t column;                /* of the name or prefix */
    const char *forced;           /* why it is on a whole public suffix */
};

static void skip(struct fields *fields, size_t count)
{
    fields->at += count;
    fields->len -= count;
    fields->column += count;
}

/* The octets up to the next space or the end. */
static size_t word_len(const struct fields *fields)
{
    const char *space = memchr(fields->at, ' ', fields->len);

    return space == NULL ? fields->len : (size_t)(space - fields->at);
}

/* Moves past a field of len octets and the one space after it. */
static bool end_field(struct fields *fields, size_t len)
{
    skip(fields, len);
    if (fields->len == 0) {
        return true;
    }
    if (fields->at[0] != ' ') {
        return list_fault(fields->parser, fields->column, "one space separates fields");
    }
    skip(fields, 1);
    if (fields->len == 0) {
        return list_fault(fields->parser, fields->column - 1,
                          "a space at the end of the line: remove it");
    }
    if (fields->at[0] == ' ') {
        return list_fault(fields->parser, fields->column,
                          "more than one space between fields: write one");
    }
    return true;
}

static bool starts_with(const struct fields *fields, const char *prefix)
{
    const size_t len = strlen(prefix);

    return fields->len >= len && memcmp(fields->at, prefix, len) == 0;
}

static bool read_what(struct fields *fields, struct draft *draft)
{
    const size_t len = word_len(fields);
    bool good;

    draft->column = fields->column;
    if (draft->rule.match == POLICY_MATCH_PREFIX) {
        good =
            list_prefix_read(fields->parser, fields->column, fields->at, len, &draft->prefix);
    } else {
        good = list_name_read(fields->parser, fields->column, fields->at, len, draft->name,
                              &draft->rule.name_len);
    }
    return good && end_field(fields, len);
}

/* KIND MATCH WHAT. */
static bool read_match(struct fields *fields, struct draft *draft)
{
    size_t len = word_len(fields);

    if (!policy_kind_parse(fields->at, len, &draft->rule.kind)) {
        return list_fault(fields->parser, fields->column,
                          "a rule begins with \"block\" or \"pass\"; after the rules comes "
                          "\"end\"");
    }
    if (!end_field(fields, len)) {
        return false;
    }
    len = word_len(fields);
    if (!policy_match_parse(fields->at, len, &draft->rule.match)) {
        return list_fault(fields->parser, fields->column,
                          "expected \"suffix\", \"exact\", \"below\" or \"prefix\"");
    }
    return end_field(fields, len) && read_what(fields, draft);
}

/* Enters the value of KEY=VALUE: *value, *len. */
static bool enter(struct fields *fields, const char *key, const char **value, size_t *len)
{
    if (!starts_with(fields, key)) {
        return list_fault(fields->parser, fields->column,
                          "expected %s here: the order is category, scope, confidence, action, "
                          "trigger, ends, evidence, note",
                          key);
    }
    *len = word_len(fields) - strlen(key);
    *value = fields->at + strlen(key);
    return true;
}

static bool read_words(struct fields *fields, struct draft *draft)
{
    struct list_parser *parser = fields->parser;
    const char *value = NULL;
    size_t len = 0;

    if (!enter(fields, "category=", &value, &len)) {
        return false;
    }
    if (!list_is_word(value, len, CATEGORY_MAX)) {
        return list_fault(parser, fields->column + 9,
                          "the category has 1 to %u of a-z, 0-9 and '-'", CATEGORY_MAX);
    }
    draft->rule.category = list_keep(parser, value, len);
    if (draft->rule.category == NULL || !end_field(fields, 9 + len) ||
        !enter(fields, "scope=", &value, &len)) {
        return false;
    }
    if (!policy_scope_parse(value, len, &draft->rule.scope)) {
        return list_fault(parser, fields->column + 6,
                          "the scope is cloud, cdn, nameserver, corporate or consumer");
    }
    if (!end_field(fields, 6 + len) || !enter(fields, "confidence=", &value, &len)) {
        return false;
    }
    if (!policy_confidence_parse(value, len, &draft->rule.confidence)) {
        return list_fault(parser, fields->column + 11, "the confidence is high, medium or low");
    }
    return end_field(fields, 11 + len);
}

static bool read_redirect(struct list_parser *parser, size_t column, const char *text,
                          size_t len, struct policy_list_rule *rule)
{
    uint8_t wire[WIRE_NAME_MAX];
    uint8_t wire_len = 0;

    if (len >= 2 && memcmp(text, "*.", 2) == 0) {
        rule->redirect_prefixes = true;
        text += 2;
        len -= 2;
        column += 2;
    }
    if (!list_name_read(parser, column, text, len, wire, &wire_len)) {
        return false;
    }
    rule->redirect = list_keep(parser, text, len);
    return rule->redirect != NULL;
}

static bool read_action(struct fields *fields, struct draft *draft)
{
    static const char redirect[] = "redirect:";
    const size_t redirect_len = sizeof(redirect) - 1;
    struct list_parser *parser = fields->parser;
    const char *value = NULL;
    size_t len = 0;

    if (!starts_with(fields, "action=")) {
        return true;
    }
    enter(fields, "action=", &value, &len);
    if (draft->rule.kind == POLICY_PASS) {
        return list_fault(parser, fields->column, "a pass rule has no action: remove it");
    }
    if (len >= redirect_len && memcmp(value, redirect, redirect_len) == 0) {
        draft->rule.action = POLICY_ACTION_REDIRECT;
        if (!read_redirect(parser, fields->column + 7 + redirect_len, value + redirect_len,
                           len - redirect_len, &draft->rule)) {
            return false;
        }
    } else if (!policy_action_parse(value, len, &draft->rule.action) ||
               draft->rule.action == POLICY_ACTION_REDIRECT) {
        return list_fault(parser, fields->column + 7,
                          "the action is sinkhole, nxdomain, nodata, refused, drop, truncate, "
                          "log, pass, redirect:NAME or redirect:*.NAME");
    }
    return end_field(fields, 7 + len);
}

static bool read_subject(struct fields *fields, struct draft *draft)
{
    struct list_parser *parser = fields->parser;
    const char *value = NULL;
    size_t len = 0;

    if (starts_with(fields, "trigger=")) {
        enter(fields, "trigger=", &value, &len);
        if (!policy_subject_parse(value, len, &draft->rule.subject)) {
            return list_fault(parser, fields->column + 8,
                              "the trigger is client or nameserver; a rule about the names and "
                              "addresses of answers has no such field");
        }
        if (draft->rule.subject == POLICY_SUBJECT_CLIENT &&
            draft->rule.match != POLICY_MATCH_PREFIX) {
            return list_fault(parser, fields->column,
                              "a client is known by its address: trigger=client is for a "
                              "prefix rule");
        }
        if (!end_field(fields, 8 + len)) {
            return false;
        }
    }
    if (!starts_with(fields, "ends=")) {
        return true;
    }
    enter(fields, "ends=", &value, &len);
    if (draft->rule.kind != POLICY_PASS) {
        return list_fault(parser, fields->column,
                          "only a pass rule lets the rest of a chain through: remove it");
    }
    if (len != 5 || memcmp(value, "chain", 5) != 0) {
        return list_fault(parser, fields->column + 5,
                          "the value is chain; without the field a pass ends its own trigger");
    }
    draft->rule.ends_chain = true;
    return end_field(fields, 5 + len);
}

/* How short a prefix may be is a matter of what it is about. */
static bool is_narrow(struct list_parser *parser, const struct draft *draft)
{
    const bool client = draft->rule.subject == POLICY_SUBJECT_CLIENT;
    const unsigned least = draft->prefix.family == ADDRESS_V4 ? PREFIX4_BITS_MIN
                           : client                           ? CLIENT6_BITS_MIN
                                                              : PREFIX6_BITS_MIN;

    if (draft->rule.match == POLICY_MATCH_PREFIX && draft->prefix.bits < least) {
        return list_fault(parser, draft->column,
                          "the prefix is shorter than /%u: it would cover too much", least);
    }
    return true;
}

/* KEY="TEXT" with \" and \\ as the only escapes. */
static bool read_text(struct fields *fields, const char *key, const char **out)
{
    struct list_parser *parser = fields->parser;
    char text[TEXT_MAX];
    size_t used = 0;
    size_t i = strlen(key);

    for (;; i++) {
        if (i >= fields->len) {
            return list_fault(parser, fields->column + i, "the text has no closing quote");
        }
        char c = fields->at[i];
        if (c == '"') {
            break;
        }
        if (c == '\\') {
            i++;
            if (i >= fields->len || (fields->at[i] != '"' && fields->at[i] != '\\')) {
                return list_fault(parser, fields->column + i,
                                  "the only escapes are \\\" and \\\\");
            }
            c = fields->at[i];
        }
        if (used == TEXT_MAX) {
            return list_fault(parser, fields->column + i, "the text is over %u octets",
                              TEXT_MAX);
        }
        text[used++] = c;
    }
    if (used == 0) {
        return list_fault(parser, fields->column + i, "the text is empty: say something");
    }
    *out = list_keep(parser, text, used);
    return *out != NULL && end_field(fields, i + 1);
}

static bool read_evidence(struct fields *fields, struct draft *draft)
{
    if (!starts_with(fields, "evidence=\"")) {
        return list_fault(
            fields->parser, fields->column,
            "expected evidence=\"TEXT\" here: every rule says why it is there; the "
            "order is category, scope, confidence, action, trigger, ends, evidence, note");
    }
    if (!read_text(fields, "evidence=\"", &draft->rule.evidence)) {
        return false;
    }
    if (starts_with(fields, "note=\"") && !read_text(fields, "note=\"", &draft->rule.note)) {
        return false;
    }
    if (starts_with(fields, "public-suffix=\"")) {
        if (draft->rule.match != POLICY_MATCH_SUFFIX &&
            draft->rule.match != POLICY_MATCH_BELOW) {
            return list_fault(fields->parser, fields->column,
                              "only a suffix or below rule covers a whole public suffix");
        }
        if (!read_text(fields, "public-suffix=\"", &draft->forced)) {
            return false;
        }
        draft->rule.public_suffix = true;
    }
    if (fields->len > 0) {
        return list_fault(fields->parser, fields->column,
                          "only note=\"TEXT\" and public-suffix=\"REASON\" may follow the "
                          "evidence, in this order, once");
    }
    return true;
}

/* Room for one more item of this size in an array that doubles. */
static bool make_room_in(struct list_parser *parser, void **array, size_t *room, size_t count,
                         size_t more, size_t unit, size_t first)
{
    if (*room - count >= more) {
        return true;
    }
    const size_t wanted = *room == 0 ? first : 2 * *room;
    void *larger = realloc(*array, wanted * unit);

    if (larger == NULL) {
        parser->rc = -ENOMEM;
        return false;
    }
    *array = larger;
    *room = wanted;
    return true;
}

/* Room for one more rule, and its name or prefix. */
static bool make_room(struct list_parser *parser)
{
    struct policy_list *list = parser->list;
    void *rules = list->rules, *names = list->names, *prefixes = list->prefixes;
    void *forced = list->forced;
    const bool good = make_room_in(parser, &rules, &parser->rules_room, list->rule_count, 1,
                                   sizeof(list->rules[0]), 64) &&
                      make_room_in(parser, &names, &parser->names_room, list->names_len,
                                   WIRE_NAME_MAX, 1, 4096) &&
                      make_room_in(parser, &prefixes, &parser->prefixes_room,
                                   list->prefix_count, 1, sizeof(list->prefixes[0]), 16) &&
                      make_room_in(parser, &forced, &parser->forced_room, list->forced_count, 1,
                                   sizeof(list->forced[0]), 16);

    list->rules = rules;
    list->names = names;
    list->prefixes = prefixes;
    list->forced = forced;
    return good;
}

static bool add(struct list_parser *parser, struct draft *draft)
{
    struct policy_list *list = parser->list;
    struct policy_list_rule *rule = &draft->rule;

    if (list->rule_count == POLICY_LIST_RULES_MAX) {
        return list_fault(parser, 0, "more than %u rules: split the list",
                          POLICY_LIST_RULES_MAX);
    }
    if (!make_room(parser)) {
        return false;
    }
    if (rule->match == POLICY_MATCH_PREFIX) {
        rule->name = (uint32_t)list->prefix_count;
        list->prefixes[list->prefix_count++] = draft->prefix;
    } else {
        rule->name = (uint32_t)list->names_len;
        memcpy(list->names + list->names_len, draft->name, rule->name_len);
        list->names_len += rule->name_len;
    }
    if (rule->public_suffix) {
        list->forced[list->forced_count++] =
            (struct policy_list_forced){(uint32_t)list->rule_count, draft->forced};
    }
    list->rules[list->rule_count++] = *rule;
    return true;
}

bool list_rule_read(struct list_parser *parser)
{
    struct fields fields = {parser, parser->line.at, parser->line.len, 1};
    struct draft draft; /* its name is written before it is read */

    draft.forced = NULL;
    draft.rule = (struct policy_list_rule){
        .line = parser->line.number, .evidence = parser->empty, .note = parser->empty};
    return read_match(&fields, &draft) && read_words(&fields, &draft) &&
           read_action(&fields, &draft) && read_subject(&fields, &draft) &&
           is_narrow(parser, &draft) && read_evidence(&fields, &draft) && add(parser, &draft);
}
