/* audit/fault.c - the words of docs/audit-log.md for faults. */
#include "audit/verify.h"

const char *audit_fault_word(enum audit_fault fault)
{
    static const char *const words[] = {
        [AUDIT_SOUND] = "sound",
        [AUDIT_FAULT_DAMAGED] = "damaged",
        [AUDIT_FAULT_VERSION] = "another-version",
        [AUDIT_FAULT_BODY] = "events-changed",
        [AUDIT_FAULT_TREE] = "events-tree",
        [AUDIT_FAULT_CHAIN] = "does-not-follow",
        [AUDIT_FAULT_ORDER] = "out-of-order",
        [AUDIT_FAULT_TWO_WRITERS] = "two-writers",
        [AUDIT_FAULT_OTHER_LOG] = "another-log",
        [AUDIT_FAULT_OTHER_FILE] = "another-file",
        [AUDIT_FAULT_CLOCK] = "time-backwards",
        [AUDIT_FAULT_KEY] = "another-key",
        [AUDIT_FAULT_SIGNATURE] = "bad-signature",
        [AUDIT_FAULT_ROOT] = "not-as-signed",
        [AUDIT_FAULT_UNSIGNED] = "not-signed",
        [AUDIT_FAULT_MISSING_FILE] = "missing-file",
        [AUDIT_FAULT_MISSING_BLOCKS] = "missing-blocks",
        [AUDIT_FAULT_MISSING_EVENTS] = "missing-events",
        [AUDIT_FAULT_CUT] = "cut",
        [AUDIT_FAULT_UNFINISHED] = "unfinished",
        [AUDIT_FAULT_REMOVED] = "removed-unrecorded",
        [AUDIT_FAULT_STALE] = "no-new-checkpoint",
    };

    return words[fault];
}
