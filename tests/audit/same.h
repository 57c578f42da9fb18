/* What the audit log shows of an event is the line of docs/events.md, but for its number. */
#ifndef CORDON_TESTS_AUDIT_SAME_H
#define CORDON_TESTS_AUDIT_SAME_H

#include "audit/shown.h"

#include <string.h>

static inline void same_replace(char *text, size_t size, const char *old, const char *new)
{
    char rest[AUDIT_JSON_MAX];
    char *at = strstr(text, old);

    if (at != NULL) {
        snprintf(rest, sizeof(rest), "%s", at + strlen(old));
        snprintf(at, size - (size_t)(at - text), "%s%s", new, rest);
    }
}

/* line: as expected, with "seq":SEQUENCE. id_of: what `id` of the line is called here. */
static inline void assert_same(const struct audit_row *row, const char *line, unsigned sequence,
                               const char *id_of)
{
    const struct audit_id id = {1, AUDIT_DECISIONS, sequence};
    char have[AUDIT_JSON_MAX];
    char want[AUDIT_JSON_MAX];
    char seq[32];
    char new_id[32];
    struct text text;

    snprintf(want, sizeof(want), "%s", line);
    want[strcspn(want, "\n")] = '\0';
    same_replace(want, sizeof(want), "\"id\":", id_of);
    snprintf(seq, sizeof(seq), "\"seq\":%u", sequence);
    snprintf(new_id, sizeof(new_id), "\"id\":\"d%u\"", sequence);
    same_replace(want, sizeof(want), seq, new_id);
    text_init(&text, have, sizeof(have));
    audit_row_json(row, &id, &text);
    assert_false(text.overflow);
    assert_string_equal(have, want);
}

#endif
