/*
 * setup/explain.h - everything about one decision, as one document: for auditors. Whose word
 * counted, whose did not and why, trigger by trigger, and the legal basis in full.
 *
 * One implementation for the daemon, which explains what it does now, and for the tool, which
 * explains a configuration or lists. The document is described in docs/explain.md.
 */
#ifndef CORDON_SETUP_EXPLAIN_H
#define CORDON_SETUP_EXPLAIN_H

#include "setup/why.h"

/* Of the document: a reader refuses a number that it does not know. */
#define SETUP_EXPLAIN_VERSION 1

/* What was asked, for the head of the document. */
struct setup_asked {
    const char *of;    /* "daemon", "configuration", "lists" */
    const char *path;  /* of the configuration; NULL: none */
    uint64_t time_s;   /* the moment that is explained; wall clock */
    bool asked_time;   /* it is no clock's, but one that somebody asks about */
    bool verified;     /* the signatures of the lists hold */
    bool changes;      /* pauses, and exceptions that commands have added, are known */
    size_t exceptions; /* of files, that hold then, if changes are not known */
};

/*
 * Writes the fields of docs/explain.md into an open object; those of setup_why_write() are
 * among them. why is decided.
 */
void setup_explain_write(struct text *out, const struct setup_snapshot *snapshot,
                         const struct setup_why *why, const struct setup_asked *asked);

/*
 * A snapshot of lists without a configuration: all enforced, in this order, in one view that is
 * called default. Takes over the image; heads as policy_take_heads() does; on failure both are
 * the caller's. lists: how each was loaded; NULL: nothing is known of that. 0, -errno.
 */
int setup_lists_snapshot(struct policy_image *image, const char *const *ids, size_t count,
                         struct policy_list *const *heads,
                         const struct policy_loaded_list *lists,
                         struct setup_snapshot **snapshot);

#endif
