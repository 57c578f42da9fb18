#include "audit/witness.h"

#include "audit/block.h"
#include "audit/lines.h"
#include "audit/recorder.h"
#include "audit/tree.h"
#include "base/error.h"
#include "base/file.h"
#include "base/invariant.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FIRST_LINE "cordon-witness-log 1\n"
#define KEY        "key "
#define SEEN_LINE  "seen "
#define NOTHING    "nothing"
#define SEEN       ".seen"
#define FORK       ".fork"

/* Octets of a file of what was seen: two lines more than the checkpoint. */
#define SEEN_MAX (AUDIT_CHECKPOINT_MAX + TRUST_NOTE_KEY_TEXT_MAX + 64u)

struct audit_witness {
    char folder[AUDIT_PATH_MAX];
    int lock; /* descriptor */
    struct trust_note_key key;
    struct trust_secret_key secret;
};

const char *audit_answer_word(enum audit_answer answer)
{
    static const char *const words[] = {
        [AUDIT_COSIGNED] = "cosigned",          [AUDIT_ANSWER_MALFORMED] = "malformed",
        [AUDIT_ANSWER_UNTRUSTED] = "untrusted", [AUDIT_ANSWER_UNKNOWN] = "unknown-origin",
        [AUDIT_ANSWER_CONFLICT] = "conflict",   [AUDIT_ANSWER_ROLLBACK] = "rollback",
        [AUDIT_ANSWER_FORK] = "fork",           [AUDIT_ANSWER_INCONSISTENT] = "inconsistent",
    };

    return words[answer];
}

unsigned audit_answer_status(enum audit_answer answer)
{
    static const unsigned statuses[] = {
        [AUDIT_COSIGNED] = 200,         [AUDIT_ANSWER_MALFORMED] = 400,
        [AUDIT_ANSWER_UNTRUSTED] = 403, [AUDIT_ANSWER_UNKNOWN] = 404,
        [AUDIT_ANSWER_CONFLICT] = 409,  [AUDIT_ANSWER_ROLLBACK] = 409,
        [AUDIT_ANSWER_FORK] = 409,      [AUDIT_ANSWER_INCONSISTENT] = 422,
    };

    return statuses[answer];
}

/* --- the folder --- */

static bool path_in(const char *folder, const char *name, char out[AUDIT_PATH_MAX])
{
    return (size_t)snprintf(out, AUDIT_PATH_MAX, "%s/%s", folder, name) < AUDIT_PATH_MAX;
}

/* What the file of a log is called: its id, since an origin may be anything. */
static bool path_of(const struct audit_witness *witness, const char *origin, const char *ending,
                    char out[AUDIT_PATH_MAX])
{
    uint8_t id[AUDIT_LOG_ID_OCTETS];
    char name[2 * AUDIT_LOG_ID_OCTETS + 16];

    audit_log_id(origin, id);
    digest_hex(id, sizeof(id), name);
    snprintf(name + 2 * sizeof(id), 16, "%s", ending);
    return path_in(witness->folder, name, out);
}

static int take_lock(struct audit_witness *witness, bool make)
{
    char path[AUDIT_PATH_MAX];

    if (!path_in(witness->folder, "lock", path)) {
        return -ENAMETOOLONG;
    }
    const int fd = file_open_regular(AT_FDCWD, path, O_RDWR | (make ? O_CREAT : 0), 0600);
    if (fd < 0) {
        return fd;
    }
    while (flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            const int result = -errno;

            close(fd);
            return result;
        }
    }
    witness->lock = fd;
    return 0;
}

/* Only one that was asked to makes a key: a signature of a new one would say nothing. */
static int open_key(struct audit_witness *witness, const char *name, bool *made)
{
    char path[AUDIT_PATH_MAX];
    char public_path[AUDIT_PATH_MAX];

    if (!path_in(witness->folder, "witness.key", path) ||
        !path_in(witness->folder, "witness.key.pub", public_path)) {
        return -ENAMETOOLONG;
    }
    const bool there = access(path, F_OK) == 0;
    if (!there && (errno != ENOENT || name == NULL)) {
        return -errno;
    }
    if (there) {
        struct trust_note_key known;
        const int result = audit_witness_key_read(public_path, &known);

        if (result != 0) {
            return result;
        }
        if (name != NULL && strcmp(known.name, name) != 0) {
            return CORDON_E_UNTRUSTED;
        }
    }
    return audit_key_open_as(path, TRUST_NOTE_COSIGNATURE, there ? NULL : name,
                             &witness->secret, &witness->key, made);
}

int audit_witness_open(const char *folder, const char *name, struct audit_witness **out,
                       bool *made)
{
    struct audit_witness *witness = calloc(1, sizeof(*witness));
    int result = 0;

    if (witness == NULL) {
        return -ENOMEM;
    }
    witness->lock = -1;
    if ((size_t)snprintf(witness->folder, sizeof(witness->folder), "%s", folder) >=
        sizeof(witness->folder)) {
        result = -ENAMETOOLONG;
    }
    if (result == 0 && name != NULL) {
        result = file_make_folder(folder, 0700);
    }
    if (result == 0) {
        result = take_lock(witness, name != NULL);
    }
    if (result == 0) {
        result = open_key(witness, name, made);
    }
    if (result != 0) {
        audit_witness_close(witness);
        return result;
    }
    *out = witness;
    return 0;
}

void audit_witness_close(struct audit_witness *witness)
{
    if (witness != NULL) {
        if (witness->lock >= 0) {
            close(witness->lock);
        }
        trust_secret_key_wipe(&witness->secret);
        free(witness);
    }
}

const struct trust_note_key *audit_witness_key(const struct audit_witness *witness)
{
    return &witness->key;
}

/* --- what was seen --- */

/* What the line "seen" says beside what follows: a file that has lost its end must not be one
 * that has seen nothing. */
static bool is_said(const char *line, size_t len, const struct audit_seen *seen)
{
    uint64_t size = 0;

    if (len <= strlen(SEEN_LINE) || memcmp(line, SEEN_LINE, strlen(SEEN_LINE)) != 0) {
        return false;
    }
    line += strlen(SEEN_LINE);
    len -= strlen(SEEN_LINE);
    return seen->note_len == 0
               ? len == strlen(NOTHING) && memcmp(line, NOTHING, len) == 0
               : audit_lines_number(line, len, &size) && size == seen->checkpoint.size;
}

/* The key's line, and the checkpoint if there is one: both signatures count, the log's and our
 * own. */
static int parse_seen(const struct audit_witness *witness, const char *text, size_t len,
                      struct audit_seen *out)
{
    struct audit_lines lines = {text, len};
    struct trust_note note;
    const char *line = NULL;
    const char *said = NULL;
    size_t said_len = 0;

    if (!audit_lines_next(&lines, &line, &len) || len + 1 != strlen(FIRST_LINE) ||
        memcmp(line, FIRST_LINE, len) != 0 || !audit_lines_next(&lines, &line, &len) ||
        len <= strlen(KEY) || memcmp(line, KEY, strlen(KEY)) != 0 ||
        trust_note_key_parse(line + strlen(KEY), len - strlen(KEY), &out->log) != 0 ||
        !audit_lines_next(&lines, &said, &said_len) || !audit_lines_next(&lines, &line, &len) ||
        len != 0) {
        return CORDON_E_CORRUPT;
    }
    memset(&out->checkpoint, 0, sizeof(out->checkpoint));
    out->signed_s = 0;
    out->note_len = lines.left;
    out->note[0] = '\0';
    if (lines.left == 0) {
        return is_said(said, said_len, out) ? 0 : CORDON_E_CORRUPT;
    }
    if (lines.left > AUDIT_CHECKPOINT_MAX ||
        trust_note_parse(lines.at, lines.left, &note) != 0 ||
        trust_note_verify(&note, &out->log, NULL) != 0 ||
        trust_note_verify(&note, &witness->key, &out->signed_s) != 0 ||
        audit_checkpoint_parse(&note, &out->checkpoint) != 0 ||
        strcmp(out->checkpoint.origin, out->log.name) != 0 || !is_said(said, said_len, out)) {
        return CORDON_E_CORRUPT;
    }
    memcpy(out->note, lines.at, lines.left);
    out->note[lines.left] = '\0';
    return 0;
}

static int read_seen(const struct audit_witness *witness, const char *path,
                     struct audit_seen *out)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int result = file_read(path, SEEN_MAX, &text, &len);

    if (result == 0) {
        result = parse_seen(witness, (const char *)text, len, out);
    } else if (result == CORDON_E_TOO_LARGE) {
        result = CORDON_E_CORRUPT;
    }
    free(text);
    return result;
}

int audit_witness_seen(const struct audit_witness *witness, const char *origin,
                       struct audit_seen *out)
{
    char path[AUDIT_PATH_MAX];

    if (!path_of(witness, origin, SEEN, path)) {
        return -ENAMETOOLONG;
    }
    const int result = read_seen(witness, path, out);
    return result == 0 && strcmp(out->log.name, origin) != 0 ? CORDON_E_CORRUPT : result;
}

/* Safe on the disk when it returns 0. */
static int write_seen(const struct audit_witness *witness, const struct trust_note_key *log,
                      uint64_t blocks, const char *note)
{
    char path[AUDIT_PATH_MAX];
    char key[TRUST_NOTE_KEY_TEXT_MAX];
    char *buffer = malloc(SEEN_MAX);
    struct text text;
    int result = buffer == NULL ? -ENOMEM : 0;

    if (result == 0) {
        (void)trust_note_key_format(log, key);
        text_init(&text, buffer, SEEN_MAX);
        text_printf(&text, FIRST_LINE KEY "%s\n" SEEN_LINE, key);
        if (note[0] == '\0') {
            text_add(&text, NOTHING);
        } else {
            text_add_uint(&text, blocks);
        }
        text_printf(&text, "\n\n%s", note);
        result = text.overflow || !path_of(witness, log->name, SEEN, path) ? -ENAMETOOLONG : 0;
    }
    if (result == 0) {
        result = file_write_atomic(path, text.at, text.len, 0600);
    }
    free(buffer);
    return result;
}

static bool is_seen(const char *name)
{
    const size_t len = strlen(name);

    return len > strlen(SEEN) && name[0] != '.' && strcmp(name + len - strlen(SEEN), SEEN) == 0;
}

int audit_witness_each(const struct audit_witness *witness,
                       bool (*each)(void *context, const char *file, int error,
                                    const struct audit_seen *seen),
                       void *context)
{
    struct audit_seen *seen = malloc(sizeof(*seen));
    DIR *names = seen != NULL ? opendir(witness->folder) : NULL;
    unsigned count = 0;
    bool more = true;

    if (names == NULL) {
        const int result = seen == NULL ? -ENOMEM : -errno;

        free(seen);
        return result;
    }
    for (const struct dirent *entry = readdir(names); entry != NULL && more;
         entry = readdir(names)) {
        char path[AUDIT_PATH_MAX];

        if (!is_seen(entry->d_name) || !path_in(witness->folder, entry->d_name, path) ||
            count++ == AUDIT_WITNESS_LOGS_MAX) {
            continue;
        }
        const int error = read_seen(witness, path, seen);
        more = each(context, entry->d_name, error, error == 0 ? seen : NULL);
    }
    closedir(names);
    free(seen);
    return 0;
}

int audit_witness_add(struct audit_witness *witness, const struct trust_note_key *log)
{
    struct audit_seen *seen = malloc(sizeof(*seen));
    int result = seen == NULL ? -ENOMEM : audit_witness_seen(witness, log->name, seen);

    if (result == 0) {
        result = memcmp(seen->log.key, log->key, sizeof(log->key)) == 0 ? -EEXIST
                                                                        : CORDON_E_UNTRUSTED;
    } else if (result == -ENOENT) {
        result = write_seen(witness, log, 0, "");
    }
    free(seen);
    return result;
}

/* --- answers --- */

/* The digest of RFC 6962, 2.1, for no leaves. */
static bool is_empty_root(const uint8_t root[DIGEST_OCTETS])
{
    uint8_t empty[DIGEST_OCTETS];

    digest_sha256("", 0, empty);
    return digest_equal(root, empty);
}

static enum audit_answer judge(const struct audit_request *request,
                               const struct audit_checkpoint *newer,
                               const struct audit_checkpoint *seen)
{
    if (request->old > newer->size) {
        return AUDIT_ANSWER_MALFORMED;
    }
    if (newer->size < seen->size) {
        return AUDIT_ANSWER_ROLLBACK;
    }
    if (newer->size == seen->size && seen->size > 0 && !digest_equal(newer->root, seen->root)) {
        return AUDIT_ANSWER_FORK;
    }
    if (request->old != seen->size) {
        return AUDIT_ANSWER_CONFLICT;
    }
    if (seen->size == 0) {
        return request->count == 0 && (newer->size > 0 || is_empty_root(newer->root))
                   ? AUDIT_COSIGNED
                   : AUDIT_ANSWER_INCONSISTENT;
    }
    return audit_tree_extends(seen->size, seen->root, newer->size, newer->root,
                              (const uint8_t(*)[DIGEST_OCTETS])request->proof, request->count)
               ? AUDIT_COSIGNED
               : AUDIT_ANSWER_INCONSISTENT;
}

/* The text, the log's own signature and ours: what others have signed beside is not ours to
 * remember. */
static int remember(const struct audit_witness *witness, const struct trust_note_key *log,
                    uint64_t blocks, const struct trust_note *note, const char *line)
{
    char own[TRUST_NOTE_LINE_MAX];
    const struct trust_note_line *of_log = trust_note_find(note, log);
    char *buffer = malloc(AUDIT_CHECKPOINT_MAX);
    struct text text;
    int result = buffer == NULL ? -ENOMEM : 0;

    invariant(of_log != NULL); /* it has been verified */
    if (result == 0) {
        text_init(&text, buffer, AUDIT_CHECKPOINT_MAX);
        text_add_octets(&text, note->text, note->text_len);
        text_add(&text, "\n");
        result = trust_note_line_format(of_log, own) == 0 ? CORDON_E_FORMAT : 0;
    }
    if (result == 0) {
        text_add(&text, own);
        text_add(&text, line);
        result = text.overflow ? CORDON_E_TOO_LARGE : write_seen(witness, log, blocks, buffer);
    }
    free(buffer);
    return result;
}

/* What proves a fork is kept, the first of them: it is signed, and so no matter who sent it. */
static void keep_fork(const struct audit_witness *witness, const char *origin, const char *text,
                      size_t len)
{
    char path[AUDIT_PATH_MAX];

    if (path_of(witness, origin, FORK, path) && access(path, F_OK) != 0) {
        (void)file_write_atomic(path, text, len, 0600);
    }
}

static int answer(struct audit_witness *witness, const struct audit_request *request,
                  uint64_t now_s, struct audit_seen *seen, struct audit_reply *out)
{
    struct audit_checkpoint checkpoint;
    struct trust_note note;
    char line[TRUST_NOTE_LINE_MAX];

    if (trust_note_parse(request->note, request->note_len, &note) != 0 ||
        audit_checkpoint_parse(&note, &checkpoint) != 0) {
        return 0;
    }
    snprintf(out->origin, sizeof(out->origin), "%s", checkpoint.origin);
    int result = audit_witness_seen(witness, checkpoint.origin, seen);
    if (result != 0) {
        out->answer = AUDIT_ANSWER_UNKNOWN;
        return result == -ENOENT ? 0 : result;
    }
    if (trust_note_verify(&note, &seen->log, NULL) != 0) {
        out->answer = AUDIT_ANSWER_UNTRUSTED;
        return 0;
    }
    out->size = seen->checkpoint.size;
    out->answer = judge(request, &checkpoint, &seen->checkpoint);
    if (out->answer != AUDIT_COSIGNED) {
        return 0;
    }
    if (trust_note_sign(&witness->key, &witness->secret, now_s, note.text, note.text_len,
                        line) == 0) {
        return -ENOMEM;
    }
    result = remember(witness, &seen->log, checkpoint.size, &note, line);
    if (result == 0) {
        out->size = checkpoint.size;
        memcpy(out->line, line, sizeof(out->line));
    }
    return result;
}

int audit_witness_take(struct audit_witness *witness, const char *text, size_t len,
                       uint64_t now_s, struct audit_reply *out)
{
    struct audit_request *request = malloc(sizeof(*request));
    struct audit_seen *seen = malloc(sizeof(*seen));
    int result = request == NULL || seen == NULL ? -ENOMEM : 0;

    memset(out, 0, sizeof(*out));
    out->answer = AUDIT_ANSWER_MALFORMED;
    if (result == 0 && audit_request_parse(text, len, request) == 0) {
        result = answer(witness, request, now_s, seen, out);
    }
    if (result == 0 && out->answer == AUDIT_ANSWER_FORK) {
        keep_fork(witness, out->origin, text, len);
    }
    free(seen);
    free(request);
    return result;
}
