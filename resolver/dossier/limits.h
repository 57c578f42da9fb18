/*
 * dossier/limits.h - bounds of what a report keeps in memory and shows, and why.
 */
#ifndef CORDON_DOSSIER_LIMITS_H
#define CORDON_DOSSIER_LIMITS_H

/* Keys of one table (names, clients, chains) that are counted exactly; those that come after
 * are estimated, and the report says so. With their counts some 12 MiB for each table. */
#define DOSSIER_KEYS_MAX 32768u

/* Pairs by which names of a client and clients of a name are told apart: 8 MiB for each table.
 * Above, such numbers are "at least". */
#define DOSSIER_PAIRS_MAX 131072u

/* Slots of a sketch for keys above the bound: whatever makes up an eighth of a set is told. */
#define DOSSIER_SKETCH_SLOTS 4096u
/* Octets of a key that a sketch takes: a provider, and a name or a client. */
#define DOSSIER_SKETCH_KEY_MAX 512u
/* Estimated keys that are told. */
#define DOSSIER_ESTIMATES_MAX 100u

/* Octets of a key of several parts, each at most a text of the log: one is made at a time. */
#define DOSSIER_KEY_MAX 32768u

/* Rows of each kind that are kept of the stream of changes: runs, lists in force, states,
 * exceptions, gaps. A log of ten years with a start a day has 3,650 runs. */
#define DOSSIER_HISTORY_MAX 16384u

/* Rows of a table in the terminal, and in HTML: a reader sees the greatest, and CSV and JSON
 * have all of them. */
#define DOSSIER_ROWS_TEXT 20u
#define DOSSIER_ROWS_HTML 200u

/* Columns, tables, notices of a report. */
#define DOSSIER_COLUMNS_MAX 40u
#define DOSSIER_TABLES_MAX  16u
#define DOSSIER_NOTICES_MAX 32u
#define DOSSIER_FACTS_MAX   24u

/* Columns of a chart over time: more cannot be told apart on a screen. */
#define DOSSIER_BUCKETS_MAX 96u

/* Checkpoints of a log that an evidence pack has: one a day, for ten years. */
#define DOSSIER_CHECKPOINTS_MAX 4096u

/* Octets of one file of an evidence pack: above, the pack is refused rather than cut. */
#define DOSSIER_FILE_MAX (256u << 20)

/* So long an event may wait for its block, at the most: audit.block-time, microseconds. */
#define DOSSIER_WAIT_US UINT64_C(3600000000)

/* Octets of a cell that people see in a terminal. */
#define DOSSIER_CELL_TEXT 64u

#endif
