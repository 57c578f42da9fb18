#include "policy/list_part.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Octets up to the line "rules" and with it; 0: there is none. */
static size_t head_len(const char *text, size_t len)
{
    static const char rules[] = "\nrules\n";
    const char *found = memmem(text, len, rules, sizeof(rules) - 1);

    return found == NULL ? 0 : (size_t)(found - text) + sizeof(rules) - 1;
}

/* Parses the head, and this line (with its LF) behind it. */
static int parse(const char *text, size_t head, const char *line, size_t line_len,
                 struct policy_list **part)
{
    static const char end[] = "end\n";
    char *copy = malloc(head + line_len + sizeof(end));

    if (copy == NULL) {
        return -ENOMEM;
    }
    memcpy(copy, text, head);
    if (line_len > 0) {
        memcpy(copy + head, line, line_len);
    }
    memcpy(copy + head + line_len, end, sizeof(end));
    const int rc =
        policy_list_parse(copy, head + line_len + sizeof(end) - 1, "list", NULL, part);
    free(copy);
    return rc;
}

int policy_list_head(const char *text, size_t len, struct policy_list **head)
{
    const size_t used = head_len(text, len);

    return used == 0 ? CORDON_E_REFUSED : parse(text, used, NULL, 0, head);
}

int policy_list_rule(const char *text, size_t len, const char *rule, struct policy_list **part)
{
    const size_t head = head_len(text, len);
    const size_t rule_len = strlen(rule);
    uint32_t number = 1;

    if (head == 0) {
        return CORDON_E_REFUSED;
    }
    for (size_t i = 0; i < head; i++) {
        number += text[i] == '\n';
    }
    for (size_t at = head; at < len; number++) {
        const char *lf = memchr(text + at, '\n', len - at);
        const size_t line_len = lf == NULL ? len - at : (size_t)(lf - (text + at)) + 1;

        if (line_len > rule_len + 1 && text[at + rule_len] == ' ' &&
            strncasecmp(text + at, rule, rule_len) == 0) {
            const int rc = parse(text, head, text + at, line_len, part);

            if (rc == 0 && (*part)->rule_count == 1) {
                (*part)->rules[0].line = number;
            }
            return rc;
        }
        at += line_len;
    }
    return -ENOENT;
}
