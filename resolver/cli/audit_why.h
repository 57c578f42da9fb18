/*
 * cli/audit_why.h - what the audit log says of one event and of what held when it came: found
 * (audit_why_find.c), and said (audit_why.c).
 */
#ifndef CORDON_CLI_AUDIT_WHY_H
#define CORDON_CLI_AUDIT_WHY_H

#include "audit/checkpoint.h"
#include "audit/frame.h"
#include "audit/id.h"
#include "base/text.h"

/* A row that was copied out of its block. */
struct why_row {
    bool is_there;
    struct audit_id id;
    struct audit_row row; /* borrows from octets */
    uint8_t *octets;
};

/* What held when the event came, as the changes before it in the log say. */
enum why_then {
    WHY_START,         /* of the run of the daemon */
    WHY_CONFIGURATION, /* its digest */
    WHY_LIST,          /* list-in-force: the version of the list that decided */
    WHY_LIST_STATE,    /* how it stood in time: fresh, stale, dead */
    WHY_HOLD,          /* an older version of it was put in force */
    WHY_STAGE,         /* a newer version of it, for whom */
    WHY_PAUSE_ALL,
    WHY_PAUSE_LIST,
    WHY_SCHEDULE, /* that made the view what it was */
    WHY_EXCEPTION,
    WHY_GAP, /* the newest before: events that are missing */
    WHY_THENS
};
/* "list_in_force" */
const char *why_then_word(enum why_then then);

struct why_found {
    struct why_row event;
    struct audit_header header; /* of its block */
    bool body_is_good;          /* its digest is that of the header */
    struct why_row then[WHY_THENS];
    /* The first checkpoint that covers its block; size 0: none does yet. */
    struct audit_checkpoint checkpoint;
    uint32_t file; /* that it lies in */
    bool damaged;  /* a part of the log could not be read */
    bool removed;  /* the events of its block were taken out */
};

/* 0; -ENOENT: there is no such event; CORDON_E_CORRUPT: its block is damaged or was removed;
 * -errno. why_free in any case. */
int why_find(const struct audit_files *files, const struct audit_id *id, struct why_found *out);
void why_free(struct why_found *found);

#endif
