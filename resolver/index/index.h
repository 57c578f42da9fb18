/*
 * index/index.h - an SQLite data base over an audit log, for questions in SQL.
 *
 * The log is the truth, and the index a copy that lags: what it has of a block it notes with
 * the leaf of that block, so the next run goes on behind it, sees what was removed from the
 * log, and refuses a log that is another one. docs/audit.md, "Asking in SQL", has the schema.
 */
#ifndef CORDON_INDEX_INDEX_H
#define CORDON_INDEX_INDEX_H

#include "audit/block.h"

/* Of the schema, as user_version of the data base has it; and whose it is: application_id. */
#define INDEX_SCHEMA      1
#define INDEX_APPLICATION 0x43524458 /* "CRDX" */

enum index_result {
    INDEX_OK,
    INDEX_BUSY,        /* another run is at work on it */
    INDEX_IN_USE,      /* somebody reads in it, and does not end */
    INDEX_NO_DATABASE, /* a file that is none */
    INDEX_FOREIGN,     /* a data base of something else */
    INDEX_VERSION,     /* of another schema */
    INDEX_DAMAGED,     /* the data base */
    INDEX_FULL,        /* the disk */
    INDEX_FAILED,      /* index_error says by what */
    INDEX_NO_MEMORY,
    INDEX_ANOTHER_LOG, /* than the one that it was made of */
    INDEX_CHANGED,     /* a block that it has is another one now */
    INDEX_MISSING      /* blocks that it has are not in the log any more */
};

/* In words, for people: what it is, and what is to be done. */
const char *index_result_words(enum index_result result);

struct index; /* opaque */

/*
 * Opens the index of that path, or makes it (mode 0600). anew: makes it beside, at
 * PATH.rebuild, and index_close puts it in the place of what is there, which is replaced only
 * if it is an index of ours. *index is to be closed unless it is NULL.
 */
enum index_result index_open(const char *path, bool anew, struct index **index);

/* What SQLite or the system said of the last failure; "" if that says nothing more. */
const char *index_error(const struct index *index);

/*
 * What an index has of a block of log `log` (from 1), in the order of the log: *wanted if
 * index_add is to follow with its events. What was removed from the log is removed here.
 */
enum index_result index_meet(struct index *index, unsigned log,
                             const struct audit_header *header, bool removed, bool *wanted);

/* All events of a block. *bad: the block could not be read, or has events that another one has;
 * nothing of it was taken. */
enum index_result index_add(struct index *index, unsigned log,
                            const struct audit_header *header, struct audit_block *block,
                            bool *bad);

/* whole: all logs were gone through, so that what was not met is missing. What was added is
 * kept in either case. */
enum index_result index_finish(struct index *index, bool whole);

struct index_stats {
    uint64_t logs, blocks;              /* that it has */
    uint64_t events[AUDIT_STREAMS + 1]; /* that it has, by stream */
    uint64_t added[AUDIT_STREAMS + 1];  /* of these, by this run */
    uint64_t removed;                   /* events, by this run */
    uint64_t last_us;                   /* time of the newest event; 0: there is none */
    uint64_t octets;                    /* of the file */
};
enum index_result index_stats(struct index *index, struct index_stats *out);

/* keep: of one that was made anew: it takes its place; else it is taken away. NULL is fine.
 * After an error of it the old one is as it was. */
enum index_result index_close(struct index *index, bool keep);

#endif
