/*
 * admin/overrides.h - what people have changed for a while: pauses of lists, and exceptions.
 *
 * A set of them, how they are read from a command and from the file in which they outlast a
 * restart, and when they end. Pure: time is an argument, and nobody here opens a file.
 *
 * The file is one of admin/kept.h, of the kind "overrides", with a line of the kind "pause" or
 * "exception" for each. A line that cannot be read costs no other line.
 *
 * One ends when its time on the wall clock has come, or when it has lasted as long as was asked
 * for, whichever is first: a clock that is set back makes none longer, one that is set forward
 * ends it. Over a restart the clock on the wall alone is known, but a pause of ten minutes
 * never gets more than ten minutes from then on.
 */
#ifndef CORDON_ADMIN_OVERRIDES_H
#define CORDON_ADMIN_OVERRIDES_H

#include "admin/request.h"
#include "base/clock.h"
#include "base/report.h"
#include "base/text.h"
#include "policy/policy.h"

#define OVERRIDES_FILE_VERSION 1

#define OVERRIDES_PAUSES_MAX (POLICY_LISTS_MAX + 1) /* each list, and all */
#define OVERRIDES_MAX        (OVERRIDES_PAUSES_MAX + POLICY_EXCEPTIONS_MAX)
/* With those of files. */
#define OVERRIDES_ALL_MAX  (OVERRIDES_MAX + POLICY_EXCEPTIONS_ALL_MAX)
#define OVERRIDES_FILE_MAX ((OVERRIDES_MAX + 16) * REQUEST_LINE_MAX)

enum override_kind {
    OVERRIDE_PAUSE,
    OVERRIDE_EXCEPTION
};

struct override {
    enum override_kind kind;
    bool until_restart; /* not written to the file */
    bool warned;        /* that it ends soon has been told: not written anywhere */
    bool begun;         /* the same of its beginning */
    bool over;          /* the same of its end, where it stays in its file */
    bool rule_gone;     /* the same of its rule */
    uint64_t since_s;   /* wall clock: when it came */
    uint64_t from_s;    /* of an exception: not in force before; 0: from the first */
    uint64_t until_s;
    uint64_t last_us; /* monotonic: the end at the latest */
    uint32_t uid;     /* who began it */
    int32_t pid;
    char user[OVERRIDES_ID_MAX + 1];   /* "": unknown */
    char list[OVERRIDES_ID_MAX + 1];   /* of a pause: its id, or "all" */
    char view[OVERRIDES_ID_MAX + 1];   /* of an exception; "": every view */
    struct policy_exception exception; /* without its view; has an id */
    const char *file; /* it stands in; borrowed. NULL: a command has added it */
    char reason[OVERRIDES_REASON_MAX + 1];
};

struct overrides {
    struct override **at; /* each allocated; oldest first */
    size_t count;
    size_t room;
};

void overrides_deinit(struct overrides *set); /* one that is zero is empty */

/* The words after "cordon pause": {"list","for_s","reason","until_restart"}; after "cordon
 * exception add": {"name","match" or
 * "rule","scope","view","ticket","licence","approver","reason", "from","until" or
 * "for_s","id","until_restart"}. What is wrong becomes the request's fault; who is asking is
 * not filled in, and an id that was not given is "". Ends the request; true if all is well. */
bool override_read_pause(struct request *request, struct clock_now now, struct override *out);
bool override_read_exception(struct request *request, struct clock_now now,
                             struct override *out);
/* The name of an exception as people type it; false after a fault for this field. */
bool override_read_name(struct request *request, const char *text, struct wire_name *out);

/* True if both are about the same: one list, or in one view one name with one match, or one
 * rule. */
bool override_is_same(const struct override *a, const struct override *b);
/* The place of the one that is about the same, or count. */
size_t overrides_find(const struct overrides *set, const struct override *wanted);

/* The place of the exception with this id, or count. */
size_t overrides_find_id(const struct overrides *set, const char *id);
/* Gives an exception without an id one that none of the set has: short, and always the same for
 * the same exception. */
void overrides_name(const struct overrides *set, struct override *override);

/* Copies it to the end, in place of the one that is about the same. 0; CORDON_E_LIMIT for one
 * too many; -ENOMEM. */
int overrides_put(struct overrides *set, const struct override *override);
/* The same for one of which it is known that no other is about the same. 0 or -ENOMEM. */
int overrides_append(struct overrides *set, const struct override *override);
void overrides_remove(struct overrides *set, size_t at);
/* 0 or -ENOMEM; out is then empty. */
int overrides_copy(const struct overrides *set, struct overrides *out);

bool override_is_over(const struct override *override, struct clock_now now);
bool override_has_begun(const struct override *override, struct clock_now now);
/* Its end by the clock that cannot be set, for one that was read now. */
void override_set_last(struct override *override, struct clock_now now);

/* Reads a file's octets into an empty set, those whose time is over included. What is wrong is
 * in the report by line and costs that line alone. 0, -ENOMEM. */
int overrides_parse(const char *text, size_t len, const char *file, struct clock_now now,
                    struct report *report, struct overrides *set);

/* The text of the file. Gives memory; NULL if there is none. */
char *overrides_print(const struct overrides *set, size_t *len);

/* What it is in a document, as an object without its kind: for lists of them. state: a word, of
 * an exception. */
void override_write(struct text *out, const struct override *override, struct clock_now now,
                    const char *state);

#endif
