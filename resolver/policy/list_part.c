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

/* Splits "block suffix NAME trigger=WORD" into what a line begins with and what it is about. */
static enum policy_subject split(const char *rule, size_t *begins)
{
    static const char mark[] = " trigger=";
    const char *at = strstr(rule, mark);
    enum policy_subject subject = POLICY_SUBJECT_ANSWER;

    *begins = at != NULL ? (size_t)(at - rule) : strlen(rule);
    if (at != NULL) {
        const char *word = at + sizeof(mark) - 1;

        (void)policy_subject_parse(word, strlen(word), &subject);
    }
    return subject;
}

/* Parses the line if it may be the rule. -ENOENT: it is another. */
static int try_line(const char *text, size_t head, const char *line, size_t line_len,
                    const char *rule, struct policy_list **part)
{
    size_t begins;
    const enum policy_subject subject = split(rule, &begins);

    if (line_len <= begins + 1 || line[begins] != ' ' || strncasecmp(line, rule, begins) != 0) {
        return -ENOENT;
    }
    const int rc = parse(text, head, line, line_len, part);
    if (rc == 0 && ((*part)->rule_count != 1 || (*part)->rules[0].subject != subject)) {
        policy_list_free(*part);
        *part = NULL;
        return -ENOENT;
    }
    return rc;
}

int policy_list_rule(const char *text, size_t len, const char *rule, struct policy_list **part)
{
    const size_t head = head_len(text, len);
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
        const int rc = try_line(text, head, text + at, line_len, rule, part);

        if (rc == 0) {
            (*part)->rules[0].line = number;
        }
        if (rc != -ENOENT) {
            return rc;
        }
        at += line_len;
    }
    return -ENOENT;
}
