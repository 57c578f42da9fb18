#include "cli/names.h"

#include "base/error.h"
#include "cli/list.h"

#include <idn2.h>
#include <libpsl.h>
#include <stdio.h>
#include <string.h>

/* Octets of UTF-8 that a name of 253 octets of A-labels can come from: each character that is
 * not ASCII takes one octet of punycode at least, and 4 of UTF-8 at most. */
#define UTF8_MAX (4 * WIRE_NAME_MAX)

static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

bool cli_name_to_ascii(const char *text, char out[WIRE_NAME_TEXT_MAX])
{
    const size_t len = strlen(text);
    uint8_t *converted = NULL;
    bool good;

    if (is_ascii(text, len)) {
        good = len < WIRE_NAME_TEXT_MAX;
        if (good) {
            memcpy(out, text, len + 1);
        }
        return good;
    }
    good = len <= UTF8_MAX && idn2_lookup_u8((const uint8_t *)text, &converted,
                                             IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK;
    if (good) {
        good = strlen((const char *)converted) < WIRE_NAME_TEXT_MAX;
    }
    if (good) {
        memcpy(out, converted, strlen((const char *)converted) + 1);
    }
    idn2_free(converted);
    return good;
}

const char *cli_name_shown(const char *text, char out[WIRE_NAME_TEXT_MAX])
{
    if (is_ascii(text, strlen(text)) || !cli_name_to_ascii(text, out)) {
        return text;
    }
    fprintf(stderr, "cordon: in A-labels: %s\n", out);
    return out;
}

enum wire_text_result cli_name_read(const char *text, struct wire_name *name)
{
    char ascii[WIRE_NAME_TEXT_MAX];
    const char *shown = cli_name_shown(text, ascii);

    return wire_name_from_text(shown, strlen(shown), name);
}

#define SUFFIX_KIND (PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE)

bool cli_name_is_public_suffix(const char *text)
{
    char plain[WIRE_NAME_TEXT_MAX];
    struct wire_name name;

    if (wire_name_from_text(text, strlen(text), &name) != WIRE_TEXT_OK || name.labels < 2) {
        return false;
    }
    psl_ctx_t *suffixes = psl_latest(NULL);
    wire_name_to_text(&name, plain); /* in lower case, without a final dot */
    const bool is_one =
        suffixes != NULL && psl_is_public_suffix2(suffixes, plain, SUFFIX_KIND) != 0;
    psl_free(suffixes);
    return is_one;
}

int cli_list_check_suffixes(const struct policy_list *list, const char *path,
                            struct report *report)
{
    psl_ctx_t *suffixes = psl_latest(NULL);
    int rc = 0;

    if (suffixes == NULL) {
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "there is no Public Suffix List on this machine: rules on whole public "
                   "suffixes are not found");
        return 0;
    }
    for (size_t i = 0; i < list->rule_count; i++) {
        const struct policy_list_rule *rule = &list->rules[i];
        char name[WIRE_NAME_TEXT_MAX];

        if (rule->match != POLICY_MATCH_SUFFIX && rule->match != POLICY_MATCH_BELOW) {
            continue;
        }
        cli_rule_what(list, rule, name);
        name[strcspn(name, " ")] = '\0'; /* the name alone */
        const bool is_one = psl_is_public_suffix2(suffixes, name, SUFFIX_KIND) != 0;
        if (is_one && !rule->public_suffix) {
            report_add(report, REPORT_ERROR, path, rule->line, 0,
                       "%s is a public suffix: the names of everybody are below it. List "
                       "what is meant, or say at the end of the rule why all of them are: "
                       "public-suffix=\"REASON\"",
                       name);
            rc = CORDON_E_REFUSED;
        } else if (!is_one && rule->public_suffix) {
            report_add(report, REPORT_WARNING, path, rule->line, 0,
                       "%s is no public suffix by the list of this machine: remove the reason",
                       name);
        }
    }
    psl_free(suffixes);
    return rc;
}

/* The third word of a rule, or NULL. */
static const char *what_of(const char *line, size_t len, size_t *what_len)
{
    for (unsigned word = 0; word < 2; word++) {
        const char *space = memchr(line, ' ', len);

        if (space == NULL) {
            return NULL;
        }
        len -= (size_t)(space + 1 - line);
        line = space + 1;
    }
    const char *end = memchr(line, ' ', len);
    *what_len = end == NULL ? len : (size_t)(end - line);
    return line;
}

void cli_list_note_labels(const char *text, size_t len, const char *path, struct report *report)
{
    size_t number = 1;

    for (size_t at = 0; at < len; number++) {
        const char *lf = memchr(text + at, '\n', len - at);
        const size_t line = lf == NULL ? len - at : (size_t)(lf - text) - at;
        const bool rule = (line > 6 && memcmp(text + at, "block ", 6) == 0) ||
                          (line > 5 && memcmp(text + at, "pass ", 5) == 0);
        size_t what_len = 0;
        const char *what = rule ? what_of(text + at, line, &what_len) : NULL;

        if (what != NULL && what_len <= UTF8_MAX && !is_ascii(what, what_len)) {
            char name[UTF8_MAX + 1], ascii[WIRE_NAME_TEXT_MAX];

            memcpy(name, what, what_len);
            name[what_len] = '\0';
            if (cli_name_to_ascii(name, ascii)) {
                report_add(report, REPORT_NOTE, path, number, 0, "as A-labels: %s", ascii);
            } else {
                report_add(report, REPORT_NOTE, path, number, 0,
                           "it cannot be written as A-labels");
            }
        }
        at += line + 1;
    }
}
