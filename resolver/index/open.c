/* index/open.c - the data base: its file, its lock, its statements, its transactions. */
#include "index/inside.h"

#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "SQLite format 3"

/* Times that the file is opened anew: somebody puts another in its place. */
#define TRIES 8u

const char *index_result_words(enum index_result result)
{
    /* NOLINTBEGIN(bugprone-suspicious-missing-comma): a sentence goes on in the next line */
    static const char *const words[] = {
        [INDEX_OK] = "all is well",
        [INDEX_BUSY] = "another `cordon audit index` is at work on it; try again when it ends",
        [INDEX_IN_USE] = "somebody reads in it, and has not ended for a while; try again",
        [INDEX_NO_DATABASE] = "this file is no SQLite data base, and stays as it is",
        [INDEX_FOREIGN] = "this data base is no index of an audit log, and stays as it is",
        [INDEX_VERSION] =
            "this index has another schema than this program; --rebuild makes it anew",
        [INDEX_DAMAGED] = "this index is damaged; --rebuild makes it anew",
        [INDEX_FULL] = "the disk is full; what was indexed before is whole",
        [INDEX_FAILED] = "it cannot be written",
        [INDEX_NO_MEMORY] = "there is not enough memory",
        [INDEX_ANOTHER_LOG] =
            "this is the index of another log; --rebuild makes it one of this log",
        [INDEX_CHANGED] = ("a block of the log is not the one that was indexed: `cordon audit "
                           "verify` says whether the log is sound; --rebuild makes the index "
                           "anew"),
        [INDEX_MISSING] =
            ("blocks that were indexed are not in the log any more, without having "
             "been removed: `cordon audit verify`; --rebuild makes the index anew"),
    };
    /* NOLINTEND(bugprone-suspicious-missing-comma) */

    return words[result];
}

const char *index_error(const struct index *index)
{
    return index->error;
}

static enum index_result failed_by(struct index *index, int error)
{
    snprintf(index->error, sizeof(index->error), "%s", cordon_strerror(error));
    return error == -ENOSPC || error == -EDQUOT ? INDEX_FULL : INDEX_FAILED;
}

enum index_result index_failed(struct index *index, int code)
{
    snprintf(index->error, sizeof(index->error), "%s",
             index->db != NULL ? sqlite3_errmsg(index->db) : sqlite3_errstr(code));
    switch ((unsigned)code & 0xffu) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return INDEX_IN_USE;
    case SQLITE_NOTADB:
        return INDEX_NO_DATABASE;
    case SQLITE_CORRUPT:
        return INDEX_DAMAGED;
    case SQLITE_FULL:
        return INDEX_FULL;
    case SQLITE_NOMEM:
        return INDEX_NO_MEMORY;
    default:
        return INDEX_FAILED;
    }
}

enum index_result index_prepare(struct index *index, const char *sql, sqlite3_stmt **out)
{
    const int code =
        sqlite3_prepare_v3(index->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);

    if (code == SQLITE_ERROR) { /* a table or column that is not there */
        (void)index_failed(index, code);
        return INDEX_DAMAGED;
    }
    return code == SQLITE_OK ? INDEX_OK : index_failed(index, code);
}

enum index_result index_run(struct index *index, const char *sql)
{
    const int code = sqlite3_exec(index->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? INDEX_OK : index_failed(index, code);
}

enum index_result index_do(struct index *index, sqlite3_stmt *statement)
{
    const int code = sqlite3_step(statement);
    const enum index_result result =
        code == SQLITE_DONE || code == SQLITE_ROW ? INDEX_OK : index_failed(index, code);

    sqlite3_reset(statement);
    return result;
}

enum index_result index_number(struct index *index, sqlite3_stmt *statement, bool *found,
                               int64_t *number)
{
    const int code = sqlite3_step(statement);
    enum index_result result = INDEX_OK;

    *found = code == SQLITE_ROW;
    if (*found) {
        *number = sqlite3_column_int64(statement, 0);
    } else if (code != SQLITE_DONE) {
        result = index_failed(index, code);
    }
    sqlite3_reset(statement);
    return result;
}

enum index_result index_begin(struct index *index)
{
    enum index_result result = INDEX_OK;

    if (!index->in_transaction) {
        result = index_do(index, index->fixed[INDEX_BEGIN]);
        index->in_transaction = result == INDEX_OK;
        index->held = 0;
    }
    return result;
}

enum index_result index_end(struct index *index, bool now)
{
    enum index_result result = INDEX_OK;

    if (index->in_transaction && (now || index->held >= INDEX_HELD_MAX)) {
        result = index_do(index, index->fixed[INDEX_COMMIT]);
        index->in_transaction = result != INDEX_OK;
    }
    return result;
}

/*
 * The file.
 */

/* Opens and locks what is at the path, or makes it. */
static enum index_result lock_file(struct index *index)
{
    for (unsigned i = 0; i < TRIES; i++) {
        struct stat mine;
        struct stat there;
        const int file =
            file_open_regular(AT_FDCWD, index->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (file < 0) {
            return file == CORDON_E_NO_FILE ? INDEX_NO_DATABASE : failed_by(index, file);
        }
        if (flock(file, LOCK_EX | LOCK_NB) != 0) {
            const int error = -errno;

            close(file);
            return error == -EWOULDBLOCK ? INDEX_BUSY : failed_by(index, error);
        }
        if (fstat(file, &mine) == 0 && lstat(index->path, &there) == 0 &&
            mine.st_ino == there.st_ino && mine.st_dev == there.st_dev) {
            index->lock = file;
            return INDEX_OK;
        }
        close(file); /* another run has put its own there meanwhile */
    }
    return INDEX_BUSY;
}

/* Whether SQLite may have it: a data base, or nothing yet. Before it is made anew, also whether
 * it is ours. */
static enum index_result look_at_file(struct index *index)
{
    uint8_t head[100] = {0};
    const ssize_t got = pread(index->lock, head, sizeof(head), 0);

    if (got < 0) {
        return failed_by(index, -errno);
    }
    if (got == 0) {
        return INDEX_OK;
    }
    if (got != sizeof(head) || memcmp(head, MAGIC, sizeof(MAGIC)) != 0) {
        return INDEX_NO_DATABASE;
    }
    const uint32_t owner = (uint32_t)head[68] << 24 | (uint32_t)head[69] << 16 |
                           (uint32_t)head[70] << 8 | head[71];
    return !index->anew || owner == INDEX_APPLICATION ? INDEX_OK : INDEX_FOREIGN;
}

/* What lies beside is of a run that was ended: nobody else makes one while the lock is held. */
static enum index_result make_beside(struct index *index)
{
    char journal[sizeof(index->at) + 8];

    snprintf(journal, sizeof(journal), "%s-journal", index->at);
    if ((unlink(journal) != 0 && errno != ENOENT) ||
        (unlink(index->at) != 0 && errno != ENOENT)) {
        return failed_by(index, -errno);
    }
    const int file = open(index->at, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) {
        return failed_by(index, -errno);
    }
    close(file);
    return INDEX_OK;
}

/*
 * The data base.
 */

static enum index_result ask_number(struct index *index, const char *sql, int64_t *number)
{
    sqlite3_stmt *statement = NULL;
    bool found = false;
    enum index_result result = index_prepare(index, sql, &statement);

    *number = 0;
    if (result == INDEX_OK) {
        result = index_number(index, statement, &found, number);
    }
    sqlite3_finalize(statement);
    return result;
}

static enum index_result make_schema(struct index *index)
{
    enum index_result result = index_run(index, "BEGIN IMMEDIATE");

    if (result == INDEX_OK && !index_schema(index->words, INDEX_SQL_MAX)) {
        result = INDEX_NO_MEMORY;
    }
    if (result == INDEX_OK) {
        result = index_run(index, index->words);
    }
    return result == INDEX_OK ? index_run(index, "COMMIT") : result;
}

/* Whose it is, and of which schema. */
static enum index_result look_at_schema(struct index *index)
{
    int64_t owner = 0;
    int64_t version = 0;
    int64_t things = 0;
    enum index_result result = ask_number(index, "PRAGMA application_id", &owner);

    if (result == INDEX_OK) {
        result = ask_number(index, "PRAGMA user_version", &version);
    }
    if (result == INDEX_OK) {
        result = ask_number(index, "SELECT count(*) FROM sqlite_schema", &things);
    }
    if (result != INDEX_OK) {
        return result;
    }
    if (owner == 0 && version == 0 && things == 0) {
        return make_schema(index);
    }
    return owner != INDEX_APPLICATION ? INDEX_FOREIGN
           : version != INDEX_SCHEMA  ? INDEX_VERSION
                                      : INDEX_OK;
}

static enum index_result open_database(struct index *index)
{
    static const char settings[] =
        /* What is removed is overwritten; a journal is gone with its transaction. */
        "PRAGMA secure_delete = ON; PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;"
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;";
    char cache[64];
    int code = sqlite3_open_v2(index->at, &index->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (code != SQLITE_OK) {
        return index_failed(index, code);
    }
    sqlite3_extended_result_codes(index->db, 1);
    sqlite3_busy_timeout(index->db, INDEX_BUSY_MS);
    /* The file may be a stranger's: none of its triggers runs here. */
    (void)sqlite3_db_config(index->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(index->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    snprintf(cache, sizeof(cache), "PRAGMA cache_size = -%d", INDEX_CACHE_KIB);
    enum index_result result = index_run(index, settings);
    if (result == INDEX_OK) {
        result = index_run(index, cache);
    }
    return result == INDEX_OK ? look_at_schema(index) : result;
}

static enum index_result prepare_fixed(struct index *index)
{
    static const char *const fixed[INDEX_FIXED] = {
        [INDEX_BEGIN] = "BEGIN IMMEDIATE",
        [INDEX_COMMIT] = "COMMIT",
        [INDEX_ROLLBACK] = "ROLLBACK",
        [INDEX_FIND_LOG] = "SELECT log, id FROM logs WHERE log = ?",
        [INDEX_ADD_LOG] = "INSERT INTO logs VALUES(?, ?)",
        [INDEX_FIND_BLOCK] = "SELECT removed, leaf FROM blocks WHERE log = ? AND block = ?",
        [INDEX_ADD_BLOCK] =
            "INSERT OR REPLACE INTO blocks VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [INDEX_COUNT_BEFORE] = "SELECT count(*) FROM blocks WHERE log = ? AND block < ?",
        [INDEX_BLOCK_GONE] = "UPDATE blocks SET removed = 1 WHERE log = ? AND block = ?",
        [INDEX_MARK] = "UPDATE state SET to_collect = 1",
    };
    enum index_result result = INDEX_OK;

    for (unsigned i = 0; i < INDEX_FIXED && result == INDEX_OK; i++) {
        result = index_prepare(index, fixed[i], &index->fixed[i]);
    }
    return result;
}

static enum index_result prepare_tables(struct index *index)
{
    static const char *const keys[INDEX_TABLES] = {"word", "client", "name", "rule", "octets"};
    static const char basis[] =
        "(octets, list, provider, provider_name, parent_name, status_class, status_entity,"
        " status_authority, status_citation, status_effective, status_state, status_checked,"
        " serial) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    static const char *const rests[INDEX_TABLES] = {"(word) VALUES(?)", "(client) VALUES(?)",
                                                    "(name, name_key) VALUES(?, ?)",
                                                    "(rule) VALUES(?)", basis};
    enum index_result result = INDEX_OK;
    char sql[512];

    for (unsigned i = 0; i < INDEX_TABLES && result == INDEX_OK; i++) {
        snprintf(sql, sizeof(sql), "SELECT id FROM %s WHERE %s = ?", index_tables[i], keys[i]);
        result = index_prepare(index, sql, &index->find[i]);
        snprintf(sql, sizeof(sql), "INSERT INTO %s%s", index_tables[i], rests[i]);
        if (result == INDEX_OK) {
            result = index_prepare(index, sql, &index->add[i]);
        }
    }
    return result;
}

static enum index_result prepare_rows(struct index *index)
{
    static const char range[] = " WHERE log = ? AND number >= ? AND number < ?";
    enum index_result result = INDEX_OK;
    char sql[1024];

    for (unsigned i = 1; i <= AUDIT_STREAMS && result == INDEX_OK; i++) {
        const char *rows = index_streams[i].rows;

        result = index_insert(&index_streams[i], sql, sizeof(sql))
                     ? index_prepare(index, sql, &index->insert[i])
                     : INDEX_NO_MEMORY;
        snprintf(sql, sizeof(sql), "SELECT 1 FROM %s%s LIMIT 1", rows, range);
        if (result == INDEX_OK) {
            result = index_prepare(index, sql, &index->overlap[i]);
        }
        snprintf(sql, sizeof(sql), "DELETE FROM %s%s", rows, range);
        if (result == INDEX_OK) {
            result = index_prepare(index, sql, &index->gone[i]);
        }
    }
    return result;
}

enum index_result index_open(const char *path, bool anew, struct index **out)
{
    struct index *index = calloc(1, sizeof(*index));
    enum index_result result = INDEX_OK;

    *out = index;
    if (index == NULL) {
        return INDEX_NO_MEMORY;
    }
    index->lock = -1;
    index->anew = anew;
    index->words = malloc(INDEX_WORDS_MAX);
    if (index->words == NULL) {
        return INDEX_NO_MEMORY;
    }
    if ((size_t)snprintf(index->path, sizeof(index->path), "%s", path) >= sizeof(index->path)) {
        return failed_by(index, -ENAMETOOLONG);
    }
    snprintf(index->at, sizeof(index->at), "%s%s", path, anew ? ".rebuild" : "");
    result = lock_file(index);
    if (result == INDEX_OK) {
        result = look_at_file(index);
    }
    if (result == INDEX_OK && anew) {
        result = make_beside(index);
    }
    if (result == INDEX_OK) {
        result = open_database(index);
    }
    if (result == INDEX_OK) {
        result = prepare_fixed(index);
    }
    if (result == INDEX_OK) {
        result = prepare_tables(index);
    }
    if (result == INDEX_OK) {
        result = prepare_rows(index);
    }
    if (result == INDEX_OK) {
        int64_t blocks = 0;

        result = ask_number(index, "SELECT count(*) FROM blocks", &blocks);
        index->before = (uint64_t)blocks;
    }
    return result;
}

static void finalize(struct index *index)
{
    for (unsigned i = 0; i < INDEX_FIXED; i++) {
        sqlite3_finalize(index->fixed[i]);
    }
    for (unsigned i = 0; i < INDEX_TABLES; i++) {
        sqlite3_finalize(index->find[i]);
        sqlite3_finalize(index->add[i]);
    }
    for (unsigned i = 1; i <= AUDIT_STREAMS; i++) {
        sqlite3_finalize(index->insert[i]);
        sqlite3_finalize(index->overlap[i]);
        sqlite3_finalize(index->gone[i]);
    }
}

/* The new one takes its place. A journal of the old one would be taken for one of the new. */
static int put_in_place(struct index *index)
{
    char path[sizeof(index->at) + 8];
    int rc = 0;

    snprintf(path, sizeof(path), "%s-journal", index->path);
    if ((unlink(path) != 0 && errno != ENOENT) || rename(index->at, index->path) != 0) {
        return -errno;
    }
    snprintf(path, sizeof(path), "%s", index->path);
    char *slash = strrchr(path, '/');
    if (slash != NULL) {
        slash[slash == path ? 1 : 0] = '\0';
    }
    const int folder = open(slash != NULL ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || fsync(folder) != 0) {
        rc = -errno;
    }
    if (folder >= 0) {
        close(folder);
    }
    return rc;
}

enum index_result index_close(struct index *index, bool keep)
{
    enum index_result result = INDEX_OK;
    struct stat status;

    if (index == NULL) {
        return INDEX_OK;
    }
    finalize(index);
    sqlite3_close(index->db); /* what is not committed is rolled back */
    if (index->anew && index->db != NULL) {
        const int rc = keep ? put_in_place(index) : 0;

        result = rc == 0 ? INDEX_OK : rc == -ENOSPC ? INDEX_FULL : INDEX_FAILED;
        if (!keep || rc != 0) {
            unlink(index->at);
        }
    }
    /* What was made for the lock alone, and is nothing yet. */
    if (!keep && index->lock >= 0 && fstat(index->lock, &status) == 0 && status.st_size == 0) {
        unlink(index->path);
    }
    if (index->lock >= 0) {
        close(index->lock);
    }
    for (unsigned i = 0; i < AUDIT_COLUMN_END; i++) {
        free(index->memo[i].at);
    }
    free(index->words);
    free(index);
    return result;
}
