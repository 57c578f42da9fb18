/*
 * setup/fingerprint.h - one hash over everything that decides here, so that two resolvers can
 * be compared with one question. docs/updates.md, Fleet, has the format and its reasons.
 *
 * Each part is a set of lines of text, sorted by octets, and has a hash: BLAKE2b-256 of the
 * line "cordon-fingerprint 1 PART" and of all its lines, each with its newline. The total is
 * that of the line "cordon-fingerprint 1" and of a line "PART HASH" for each part, in the order
 * of the enum. What does not decide (paths, sizes, times, who may ask, whom this resolver asks)
 * is in none of them, nor is what a schedule makes of a view just now: its definition is.
 */
#ifndef CORDON_SETUP_FINGERPRINT_H
#define CORDON_SETUP_FINGERPRINT_H

#include "base/digest.h"
#include "config/config.h"
#include "policy/policy.h"
#include "query/told.h"
#include "setup/held.h"

/* Another number: other lines for the same policy. Hashes of two formats say nothing of each
 * other. */
#define SETUP_FINGERPRINT_FORMAT 1u
#define SETUP_FINGERPRINT_TEXT   (2 * DIGEST_OCTETS + 1) /* of a hash, with its terminator */

enum setup_fingerprint_number {
    SETUP_FINGERPRINT_LISTS,      /* texts, and which views use them, how and in which order */
    SETUP_FINGERPRINT_VIEWS,      /* whom they are for and what they say */
    SETUP_FINGERPRINT_SCHEDULES,  /* what is otherwise at which times */
    SETUP_FINGERPRINT_ANSWERS,    /* what is put in place of what is blocked */
    SETUP_FINGERPRINT_EXEMPT,     /* zones of which policy says nothing */
    SETUP_FINGERPRINT_EXCEPTIONS, /* files of them, and those of commands that are in force */
    SETUP_FINGERPRINT_PAUSES,
    SETUP_FINGERPRINT_HELD, /* lists of which an older version counts */
    SETUP_FINGERPRINT_PARTS
};

struct setup_fingerprint_part {
    uint8_t hash[DIGEST_OCTETS];
    char *lines; /* as many whole ones as SETUP_FINGERPRINT_SHOWN_MAX allows, each with its
                    newline; terminated */
    size_t shown_octets, shown; /* of these */
    size_t count;               /* of all lines */
    struct query_told_page *pages;
    uint8_t *octets; /* of the pages */
    size_t page_count;
};

/* Immutable. What does not change with people's changes is that of the root. */
struct setup_fingerprint {
    uint8_t total[DIGEST_OCTETS];
    const struct setup_fingerprint_part *parts[SETUP_FINGERPRINT_PARTS];
    struct setup_fingerprint_part
        own[SETUP_FINGERPRINT_PARTS]; /* those that are not borrowed */
    uint8_t first[QUERY_TOLD_PAGE_MAX];
    struct query_told told;
};

/* A list whose text is in force. Borrowed. */
struct setup_fingerprint_list {
    const char *id, *publisher; /* "": none */
    uint32_t serial;
    const uint8_t *hash; /* of its text: DIGEST_OCTETS */
    bool dead;
    const struct setup_held *held; /* by which this version counts; NULL: it is the folder's */
    const struct setup_staged *staged; /* for whom the newer one counts; NULL: for nobody */
};

/* A file of exceptions that is in force. Borrowed. */
struct setup_fingerprint_file {
    const char *id;
    uint32_t serial;
    const uint8_t *hash;
};

struct setup_views;

/* What is made once for a configuration and its lists. */
struct setup_fingerprint_source {
    const struct config *config;
    const struct setup_views *views; /* of this config, before dead lists are buried */
    const struct setup_fingerprint_list *lists;
    size_t list_count;
    const struct setup_fingerprint_list *newer; /* that are loaded beside those that are held */
    size_t newer_count;
    const struct setup_fingerprint_file *files;
    size_t file_count;
};

/* What people have changed since. */
struct setup_fingerprint_changes {
    const struct setup_fingerprint_file *files; /* instead of those above */
    size_t file_count;
    const struct policy_exception *exceptions; /* of commands, that are in force */
    size_t exception_count;
    bool pause_all;
    const char *const *paused; /* lists; those that are not loaded count for nothing */
    size_t paused_count;
};

/* 0 or -ENOMEM. */
int setup_fingerprint_make(const struct setup_fingerprint_source *source,
                           struct setup_fingerprint **fingerprint);

struct setup_snapshot;

/* Has a snapshot that was derived with these changes, and that nobody has yet, say so: its
 * fingerprint is its own then, and before that its root's. 0 or -ENOMEM. */
int setup_fingerprint_change(struct setup_snapshot *derived,
                             const struct setup_fingerprint_changes *changes);
void setup_fingerprint_free(struct setup_fingerprint *fingerprint); /* NULL is fine */

/* "lists", "views" ... */
const char *setup_fingerprint_name(enum setup_fingerprint_number part);

struct text;

/* The object "fingerprint" of documents (docs/control.md): "format", "total", and "parts" with
 * their hashes; with lines those, too. */
void setup_fingerprint_show(struct text *out, const struct setup_fingerprint *fingerprint,
                            bool lines);

#endif
