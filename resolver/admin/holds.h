/*
 * admin/holds.h - lists that somebody has rolled back: which version counts, since when, and by
 * whose word. Pure: nobody here opens a file.
 *
 * The file (held.jsonl in the state directory) is one of admin/kept.h, of the kind "holds",
 * with a line of the kind "rollback" for each. A line that cannot be read costs no other line.
 */
#ifndef CORDON_ADMIN_HOLDS_H
#define CORDON_ADMIN_HOLDS_H

#include "admin/request.h"
#include "base/digest.h"
#include "base/report.h"
#include "base/text.h"
#include "policy/limits.h"

#define HOLDS_FILE         "held.jsonl"
#define HOLDS_FILE_VERSION 1
#define HOLDS_FILE_MAX     ((POLICY_LISTS_MAX + 16) * REQUEST_LINE_MAX)

struct hold {
    char list[OVERRIDES_ID_MAX + 1];
    uint32_t serial; /* that counts */
    uint8_t hash[DIGEST_OCTETS];
    uint32_t from;   /* what was in force when that was decided */
    uint32_t newest; /* that was known then, in force or waiting */
    uint64_t since_s;
    uint32_t uid; /* who decided it */
    int32_t pid;
    char user[OVERRIDES_ID_MAX + 1]; /* "": unknown */
    char reason[OVERRIDES_REASON_MAX + 1];
};

/* At most one of each list. */
struct holds {
    struct hold at[POLICY_LISTS_MAX];
    size_t count;
};

/* The place of that of the list, or count. */
size_t holds_find(const struct holds *holds, const char *list);
/* In place of the one of the same list. 0 or CORDON_E_LIMIT. */
int holds_put(struct holds *holds, const struct hold *hold);
void holds_remove(struct holds *holds, size_t at);

/* Reads a file's octets into an empty set; what is wrong is in the report by line. */
void holds_parse(const char *text, size_t len, const char *file, struct report *report,
                 struct holds *holds);
/* The text of the file. Gives memory; NULL if there is none. */
char *holds_print(const struct holds *holds, size_t *len);

/* The fields of one, into an open object: "list", "serial", "hash", "from", "newest" (where it
 * is another than from), "since", "uid", "user", "pid", "reason". */
void hold_write(struct text *out, const struct hold *hold);

#endif
