/*
 * index/limits.h - bounds of an index over the audit log, and why.
 */
#ifndef CORDON_INDEX_LIMITS_H
#define CORDON_INDEX_LIMITS_H

#include "audit/shown.h"

/* Octets of the path of an index. */
#define INDEX_PATH_MAX 4096u

/* Octets of what SQLite says of a failure: cut there. */
#define INDEX_ERROR_MAX 256u

/* Events of a transaction, each block counting for one more: what a kill costs is done again,
 * and a commit waits for the disk. A block is never parted: a full one has more. */
#define INDEX_HELD_MAX 65536u

/* What a block counts for: a transaction has at most a thousand of them. */
#define INDEX_HELD_BLOCK 64u

/* Octets of the page cache, in KiB: the tree of names is written to all over. */
#define INDEX_CACHE_KIB 65536

/* Milliseconds that a commit waits for those who read. */
#define INDEX_BUSY_MS 10000

/* Octets of the text of one column, or of one event as JSON. */
#define INDEX_WORDS_MAX AUDIT_JSON_MAX

/* Octets of the statements of the schema: they are our own. */
#define INDEX_SQL_MAX 32768u

#endif
