/*
 * index/inside.h - what the files of index/ share.
 */
#ifndef CORDON_INDEX_INSIDE_H
#define CORDON_INDEX_INSIDE_H

#include "index/index.h"
#include "index/limits.h"

#include <sqlite3.h>

/* How a column of an event is kept. */
enum index_how {
    INDEX_NUMBER, /* as it is */
    INDEX_FLAG,   /* the same, and 0 where it is absent */
    INDEX_TEXT,   /* as it is shown */
    INDEX_WORD,   /* as it is shown, by its number in the table `words` */
    INDEX_CLIENT, /* ..., `clients` */
    INDEX_NAME,   /* ..., `names` */
    INDEX_RULE,   /* ..., `rules` */
    INDEX_BASIS   /* ..., `bases` */
};
#define INDEX_TABLES 5u /* of texts: from INDEX_WORD on */

struct index_field {
    enum audit_column column;
    enum index_how how;
    const char *name; /* in the table of rows */
    bool inside;      /* not in the view by that name */
};

/* A stream: its table of rows, and the view for people. */
struct index_stream {
    const char *rows, *view;
    char letter; /* of ids */
    const struct index_field *fields;
    size_t count;
    const char *joins; /* of the view, behind the rows `r` */
    const char *more;  /* columns of the view */
};
extern const struct index_stream index_streams[AUDIT_STREAMS + 1];
extern const char *const index_tables[INDEX_TABLES]; /* by how - INDEX_WORD */

/* schema.c: the statements that make a data base, in one text; false if it does not fit. */
bool index_schema(char *out, size_t size);
/* The statement that inserts a row: log, number, time_us, then the fields. */
bool index_insert(const struct index_stream *stream, char *out, size_t size);

enum index_statement {
    INDEX_BEGIN,
    INDEX_COMMIT,
    INDEX_ROLLBACK,
    INDEX_FIND_LOG,
    INDEX_ADD_LOG,
    INDEX_FIND_BLOCK,
    INDEX_ADD_BLOCK,
    INDEX_COUNT_BEFORE,
    INDEX_BLOCK_GONE,
    INDEX_MARK,
    INDEX_FIXED
};

/* The numbers that texts of one column of a block have in a table: looked up once. */
struct index_memo {
    int64_t *at; /* by index in the block's dictionary; 0: not looked up */
    uint32_t room;
};

#define INDEX_SMALL 256u /* numbers that are kept as words: places of the newest ones */
struct index_small {
    uint64_t number;
    int64_t id; /* 0: empty */
};

struct index {
    char path[INDEX_PATH_MAX];   /* of what is to be */
    char at[INDEX_PATH_MAX + 9]; /* of what is open: the same, or beside it */
    int lock;                    /* descriptor of the file at path */
    bool anew;
    sqlite3 *db;
    bool in_transaction;
    uint64_t held; /* events and blocks in it */
    char error[INDEX_ERROR_MAX];
    sqlite3_stmt *fixed[INDEX_FIXED];
    sqlite3_stmt *insert[AUDIT_STREAMS + 1], *overlap[AUDIT_STREAMS + 1],
        *gone[AUDIT_STREAMS + 1];
    sqlite3_stmt *find[INDEX_TABLES], *add[INDEX_TABLES];
    struct index_memo memo[AUDIT_COLUMN_END];
    struct index_small small[2][INDEX_SMALL]; /* of types, and of response codes */
    char *words;                              /* INDEX_WORDS_MAX octets */

    /* Of this run. */
    unsigned log;              /* at hand; 0: none yet */
    uint64_t seen;             /* blocks of it that the index had */
    bool compared;             /* what it has before the first new one was met */
    uint64_t before, seen_all; /* blocks that it had, and of these met */
    uint64_t added[AUDIT_STREAMS + 1], removed;
};

/* --- open.c --- */

/* What a code of SQLite is; its words are kept. */
enum index_result index_failed(struct index *index, int code);
enum index_result index_prepare(struct index *index, const char *sql, sqlite3_stmt **out);
enum index_result index_run(struct index *index, const char *sql);
/* Steps once to the end, and resets. */
enum index_result index_do(struct index *index, sqlite3_stmt *statement);
/* A row whose first column is a number. *found false: there is none. */
enum index_result index_number(struct index *index, sqlite3_stmt *statement, bool *found,
                               int64_t *number);
/* A transaction begins, unless one is under way; it ends, if it is large enough or now. */
enum index_result index_begin(struct index *index);
enum index_result index_end(struct index *index, bool now);

/* --- words.c --- */

/* The number of a text in its table, made if there is none; 0: the event has no such column. */
enum index_result index_word(struct index *index, const struct index_field *field,
                             const struct audit_block *block, uint32_t i,
                             const struct audit_row *row, int64_t *id);
/* What is kept of the block before is forgotten. False: no memory. */
bool index_words_begin(struct index *index, const struct index_stream *stream,
                       const struct audit_block *block);
/* Texts that no row refers to any more are removed. */
enum index_result index_words_collect(struct index *index);

#endif
