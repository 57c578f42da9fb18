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

enum policy_mode policy_caps_of(const struct policy_caps *caps, const struct policy_row *row,
                                enum policy_reason *reason)
{
    const enum policy_mode by_confidence = row->confidence >= caps->apply ? POLICY_MODE_ENFORCE
                                           : row->confidence >= caps->log ? POLICY_MODE_LOG
                                                                          : POLICY_MODE_OFF;
    enum policy_reason why = POLICY_REASON_NONE;
    enum policy_mode most = POLICY_MODE_ENFORCE;

    for (size_t i = 0; i < caps->category_count && row->category != NULL; i++) {
        if (strcmp(caps->categories[i].word, row->category) == 0 &&
            caps->categories[i].mode < most) {
            most = caps->categories[i].mode;
            why = POLICY_REASON_CATEGORY;
        }
    }
    if ((size_t)row->scope < POLICY_SCOPES && caps->scopes[row->scope] < most) {
        most = caps->scopes[row->scope];
        why = POLICY_REASON_SCOPE;
    }
    if (by_confidence < most) {
        most = by_confidence;
        why = POLICY_REASON_CONFIDENCE;
    }
    if (reason != NULL) {
        *reason = why;
    }
    return most;
}

bool policy_caps_log(const struct policy_caps *caps)
{
    bool any = caps->log < caps->apply;

    for (size_t i = 0; i < POLICY_SCOPES; i++) {
        any = any || caps->scopes[i] == POLICY_MODE_LOG;
    }
    for (size_t i = 0; i < caps->category_count; i++) {
        any = any || caps->categories[i].mode == POLICY_MODE_LOG;
    }
    return any;
}
