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

/* Why an octet cannot be in a name, in words that say what to do. */
static const char *bad_octet(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return "names are written in lower case";
    }
    if ((unsigned char)c >= 0x80) {
        return "names are written as A-labels (xn--...)";
    }
    if (c == '*') {
        return "no wildcards: \"suffix\" matches a name and all below it, \"below\" all below";
    }
    return "a name has only a-z, 0-9, '-', '_' and dots";
}

/* "oss.example" -> wire format. False after a fault. */
static bool read_name(struct list_parser *parser, size_t column, const char *text, size_t len,
                      uint8_t out[WIRE_NAME_MAX], uint8_t *out_len)
{
    size_t used = 1, label = 0, labels = 1; /* label: where its length octet stands */
    bool number = true;                     /* the label so far is digits alone */

    if (len + 2 > WIRE_NAME_MAX) {
        return list_fault(parser, column, "the name is over 253 octets");
    }
    for (size_t i = 0; i < len; i++) {
        const char c = text[i];

        if (c != '.') {
            if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') {
                return list_fault(parser, column + i, "%s", bad_octet(c));
            }
            number = number && c >= '0' && c <= '9';
            out[used++] = (uint8_t)c;
        }
        if (used - label - 1 > WIRE_LABEL_MAX) {
            return list_fault(parser, column + i, "a label is over 63 octets");
        }
        if (c == '.') {
            if (used - label - 1 == 0) {
                return list_fault(parser, column + i, "an empty label: remove the dot");
            }
            if (i + 1 == len) {
                return list_fault(parser, column + i, "leave out the final dot");
            }
            out[label] = (uint8_t)(used - label - 1);
            label = used++;
            labels++;
            number = true;
        }
    }
    if (labels < 2) {
        return list_fault(parser, column,
                          "the name has fewer than two labels: a whole top-level domain is not "
                          "listed");
    }
    if (number) {
        return list_fault(parser, column,
                          "this is an address, not a name: write it as \"prefix\" with its "
                          "length");
    }
    out[label] = (uint8_t)(used - label - 1);
    out[used++] = 0;
    *out_len = (uint8_t)used;
    return true;
}

/* Says why a prefix is refused and what it should be. */
static bool bad_prefix(struct list_parser *parser, size_t column, const char *text, size_t len,
                       size_t slash)
{
    struct address address;
    struct address_prefix prefix = {.bits = 0};
    char better[ADDRESS_TEXT_MAX];
    unsigned bits = 0;
    size_t i = slash + 1;

    while (i < len && i < slash + 4 && text[i] >= '0' && text[i] <= '9') {
        bits = bits * 10 + (unsigned)(text[i++] - '0');
    }
    if (address_parse(text, slash, 0, &address) != 0 || address.port != 0 ||
        address.scope != 0) {
        return list_fault(parser, column,
                          "not an address: write 192.0.2.0/24 or 2001:db8::/32");
    }
    if (i != len || i == slash + 1 || bits > 8 * address_octets(&address)) {
        return list_fault(parser, column + slash + 1, "the length is a number up to %zu",
                          8 * address_octets(&address));
    }
    prefix.family = address.family;
    prefix.bits = (uint8_t)bits;
    for (size_t bit = 0; bit < bits; bit++) {
        const unsigned keep = address.octets[bit / 8] & (0x80u >> bit % 8);

        prefix.octets[bit / 8] = (uint8_t)(prefix.octets[bit / 8] | keep);
    }
    address_prefix_format(&prefix, better);
    return list_fault(parser, column, "host bits are set: write %s", better);
}

/* ::ffff:0:0/96 and inside: such an address in an answer is matched as the IPv4 one it is. */
static bool is_mapped(const struct address_prefix *prefix)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return prefix->family == ADDRESS_V6 && prefix->bits >= 96 &&
           memcmp(prefix->octets, mapped, sizeof(mapped)) == 0;
}

static bool read_prefix(struct list_parser *parser, size_t column, const char *text, size_t len,
                        struct address_prefix *out)
{
    const char *slash = memchr(text, '/', len);

    if (slash == NULL) {
        return list_fault(parser, column + len,
                          "a prefix has a length: for one address write /32 or /128 after it");
    }
    if (address_prefix_parse(text, len, out) != 0) {
        return bad_prefix(parser, column, text, len, (size_t)(slash - text));
    }
    const unsigned least = out->family == ADDRESS_V4 ? PREFIX4_BITS_MIN : PREFIX6_BITS_MIN;
    if (out->bits < least) {
        return list_fault(parser, column,
                          "the prefix is shorter than /%u: it would cover too much", least);
    }
    if (is_mapped(out)) {
        return list_fault(parser, column, "an IPv4-mapped prefix: write it as an IPv4 prefix");
    }
    return true;
}

static bool read_what(struct fields *fields, struct draft *draft)
{
    const size_t len = word_len(fields);
    bool good;

    if (draft->rule.match == POLICY_MATCH_PREFIX) {
        good = read_prefix(fields->parser, fields->column, fields->at, len, &draft->prefix);
    } else {
        good = read_name(fields->parser, fields->column, fields->at, len, draft->name,
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
                          "evidence, note",
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
    if (!read_name(parser, column, text, len, wire, &wire_len)) {
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
            "order is category, scope, confidence, action, evidence, note");
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
           read_action(&fields, &draft) && read_evidence(&fields, &draft) &&
           add(parser, &draft);
}
