#include "policy/caps.h"

#include <string.h>

const char *policy_reason_name(enum policy_reason reason)
{
    static const char *const names[] = {
        [POLICY_REASON_NONE] = "none",
        [POLICY_REASON_LIST] = "list",
        [POLICY_REASON_SCHEDULE] = "schedule",
        [POLICY_REASON_VIEW] = "view",
        [POLICY_REASON_PAUSE] = "pause",
        [POLICY_REASON_CATEGORY] = "category",
        [POLICY_REASON_SCOPE] = "scope",
        [POLICY_REASON_CONFIDENCE] = "confidence",
        [POLICY_REASON_NAME_SERVERS] = "name-servers",
        [POLICY_REASON_TARGETS] = "targets",
        [POLICY_REASON_STAGE] = "stage",
    };
    return (size_t)reason < sizeof(names) / sizeof(names[0]) ? names[reason] : NULL;
}

void policy_caps_init(struct policy_caps *caps)
{
    memset(caps, 0, sizeof(*caps));
    for (size_t i = 0; i < POLICY_SCOPES; i++) {
        caps->scopes[i] = POLICY_MODE_ENFORCE;
    }
    caps->log = caps->apply = POLICY_CONFIDENCE_LOW;
}

/* What category and scope say. */
static enum policy_mode by_words(const struct policy_caps *caps, const struct policy_row *row,
                                 enum policy_reason *reason)
{
    enum policy_mode most = POLICY_MODE_ENFORCE;

    for (size_t i = 0; i < caps->category_count && row->category != NULL; i++) {
        if (strcmp(caps->categories[i].word, row->category) == 0 &&
            caps->categories[i].mode < most) {
            most = caps->categories[i].mode;
            *reason = POLICY_REASON_CATEGORY;
        }
    }
    if ((size_t)row->scope < POLICY_SCOPES && caps->scopes[row->scope] < most) {
        most = caps->scopes[row->scope];
        *reason = POLICY_REASON_SCOPE;
    }
    return most;
}

static enum policy_mode by_confidence(const struct policy_caps *caps,
                                      const struct policy_row *row)
{
    return row->confidence >= caps->apply ? POLICY_MODE_ENFORCE
           : row->confidence >= caps->log ? POLICY_MODE_LOG
                                          : POLICY_MODE_OFF;
}

enum policy_mode policy_caps_of(const struct policy_caps *caps, const struct policy_row *row,
                                enum policy_reason *reason)
{
    const enum policy_mode confidence = by_confidence(caps, row);
    enum policy_reason why = POLICY_REASON_NONE;
    enum policy_mode most = POLICY_MODE_ENFORCE;

    if (by_words(caps, row, &why) == POLICY_MODE_OFF) {
        most = POLICY_MODE_OFF;
    } else if (confidence < most) {
        most = confidence;
        why = POLICY_REASON_CONFIDENCE;
    } else {
        why = POLICY_REASON_NONE;
    }
    if (reason != NULL) {
        *reason = why;
    }
    return most;
}

bool policy_caps_record(const struct policy_caps *caps, const struct policy_row *row,
                        enum policy_reason *reason)
{
    enum policy_reason why = POLICY_REASON_NONE;
    const bool record = by_words(caps, row, &why) == POLICY_MODE_LOG &&
                        by_confidence(caps, row) != POLICY_MODE_OFF;

    if (record && reason != NULL) {
        *reason = why;
    }
    return record;
}

bool policy_caps_log(const struct policy_caps *caps)
{
    return caps->log < caps->apply;
}
