#include "audit/cosigned.h"

#include "audit/recorder.h"
#include "base/error.h"
#include "base/file.h"
#include "base/invariant.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER      "cosigned"
#define ENDING      ".checkpoint"
#define DIGITS      20
#define NAME_OCTETS (DIGITS + 1 + DIGITS + sizeof(ENDING))

/* --- adding --- */

static bool is_key(const struct trust_note_line *line, const struct trust_note_line *other)
{
    return line->name_len == other->name_len &&
           memcmp(line->name, other->name, line->name_len) == 0 &&
           memcmp(line->id, other->id, sizeof(line->id)) == 0;
}

static void add_line(struct text *text, const struct trust_note_line *line)
{
    char octets[TRUST_NOTE_LINE_MAX];

    if (trust_note_line_format(line, octets) > 0) {
        text_add(text, octets);
    }
}

/* The lines of what is kept already, but for those of the log and the witness. */
static void add_others(struct text *text, const char *path, const struct trust_note *note,
                       const struct trust_note_line *log, const struct trust_note_line *witness)
{
    struct trust_note kept;
    uint8_t *octets = NULL;
    size_t len = 0;

    if (file_read(path, AUDIT_CHECKPOINT_MAX, &octets, &len) == 0 &&
        trust_note_parse((const char *)octets, len, &kept) == 0 &&
        kept.text_len == note->text_len && memcmp(kept.text, note->text, note->text_len) == 0) {
        for (size_t i = 0; i < kept.count; i++) {
            if (!is_key(&kept.lines[i], log) && !is_key(&kept.lines[i], witness)) {
                add_line(text, &kept.lines[i]);
            }
        }
    }
    free(octets);
}

static int keep(const char *folder, const struct audit_checkpoint *checkpoint,
                const struct trust_note *note, const struct trust_note_line *log,
                const struct trust_note_line *witness)
{
    char path[AUDIT_PATH_MAX];
    char *buffer = malloc(AUDIT_CHECKPOINT_MAX);
    struct text text;
    int result = buffer == NULL ? -ENOMEM : 0;

    if (result == 0 &&
        (size_t)snprintf(path, sizeof(path), "%s/" FOLDER, folder) >= sizeof(path)) {
        result = -ENAMETOOLONG;
    }
    if (result == 0) {
        result = file_make_folder(path, 0755);
    }
    if (result == 0) {
        const int len = snprintf(path, sizeof(path), "%s/" FOLDER "/%0*llu-%0*llu" ENDING,
                                 folder, DIGITS, (unsigned long long)checkpoint->size, DIGITS,
                                 (unsigned long long)checkpoint->time_us);

        result = len < 0 || len >= AUDIT_PATH_MAX ? -ENAMETOOLONG : 0;
    }
    if (result == 0) {
        text_init(&text, buffer, AUDIT_CHECKPOINT_MAX);
        text_add_octets(&text, note->text, note->text_len);
        text_add(&text, "\n");
        add_line(&text, log);
        add_others(&text, path, note, log, witness);
        add_line(&text, witness);
        result =
            text.overflow ? CORDON_E_LIMIT : file_write_atomic(path, text.at, text.len, 0644);
    }
    free(buffer);
    return result;
}

int audit_cosigned_add(const char *folder, const struct trust_note_key *log,
                       const struct trust_note_key *witness, const char *note, size_t note_len,
                       const char *lines, size_t lines_len, uint64_t *time_s)
{
    struct audit_checkpoint checkpoint;
    struct trust_note parsed;
    char *both = malloc(note_len + lines_len + 1);
    int result = both == NULL ? -ENOMEM : 0;

    invariant(witness->kind == TRUST_NOTE_COSIGNATURE);
    if (result == 0) {
        memcpy(both, note, note_len);
        memcpy(both + note_len, lines, lines_len);
        result = trust_note_parse(both, note_len + lines_len, &parsed);
    }
    if (result == 0) {
        result = trust_note_verify(&parsed, log, NULL);
    }
    if (result == 0) {
        result = audit_checkpoint_parse(&parsed, &checkpoint);
    }
    if (result == 0 && strcmp(checkpoint.origin, log->name) != 0) {
        result = CORDON_E_UNTRUSTED;
    }
    if (result == 0) {
        result = trust_note_verify(&parsed, witness, time_s);
    }
    if (result == 0) {
        result = keep(folder, &checkpoint, &parsed, trust_note_find(&parsed, log),
                      trust_note_find(&parsed, witness));
    }
    free(both);
    return result;
}

/* --- reading --- */

struct kept_name {
    char at[NAME_OCTETS];
};

static bool is_kept(const char *name)
{
    if (strlen(name) != NAME_OCTETS - 1 || name[DIGITS] != '-' ||
        strcmp(name + 2 * DIGITS + 1, ENDING) != 0) {
        return false;
    }
    for (unsigned i = 0; i < 2 * DIGITS + 1; i++) {
        if (i != DIGITS && (name[i] < '0' || name[i] > '9')) {
            return false;
        }
    }
    return true;
}

static int newest_first(const void *a, const void *b)
{
    const struct kept_name *const first = a;
    const struct kept_name *const second = b;

    return strcmp(second->at, first->at);
}

/* The names, in no order. */
static int read_names(const char *path, struct kept_name **out, size_t *count)
{
    DIR *folder = opendir(path);
    struct kept_name *names = NULL;
    size_t room = 0;
    int result = 0;

    *count = 0;
    if (folder == NULL) {
        return errno == ENOENT ? 0 : -errno;
    }
    for (const struct dirent *entry = readdir(folder);
         entry != NULL && result == 0 && *count < AUDIT_COSIGNED_MAX; entry = readdir(folder)) {
        if (!is_kept(entry->d_name)) {
            continue;
        }
        if (*count == room) {
            room = room == 0 ? 64 : 2 * room;
            struct kept_name *more = realloc(names, room * sizeof(*names));

            if (more == NULL) {
                result = -ENOMEM;
                break;
            }
            names = more;
        }
        memcpy(names[(*count)++].at, entry->d_name, NAME_OCTETS);
    }
    closedir(folder);
    if (result != 0) {
        free(names);
        return result;
    }
    *out = names;
    return 0;
}

int audit_cosigned_each(const char *folder,
                        bool (*each)(void *context, const char *note, size_t len),
                        void *context)
{
    char path[AUDIT_PATH_MAX];
    char name[AUDIT_PATH_MAX];
    struct kept_name *names = NULL;
    size_t count = 0;
    bool more = true;

    if ((size_t)snprintf(path, sizeof(path), "%s/" FOLDER, folder) >= sizeof(path)) {
        return -ENAMETOOLONG;
    }
    const int result = read_names(path, &names, &count);
    if (result != 0 || count == 0) {
        free(names);
        return result;
    }
    qsort(names, count, sizeof(*names), newest_first);
    for (size_t i = 0; i < count && i < AUDIT_COSIGNED_LOOK_MAX && more; i++) {
        uint8_t *note = NULL;
        size_t len = 0;
        const int wrote = snprintf(name, sizeof(name), "%s/%s", path, names[i].at);

        if (wrote > 0 && wrote < AUDIT_PATH_MAX &&
            file_read(name, AUDIT_CHECKPOINT_MAX, &note, &len) == 0) {
            more = each(context, (const char *)note, len);
        }
        free(note);
    }
    free(names);
    return 0;
}

/* --- counting --- */

bool audit_cosigners_look(struct audit_cosigner *cosigners, size_t count,
                          const struct trust_note_key *log, const char *note, size_t len)
{
    struct audit_checkpoint checkpoint;
    struct trust_note parsed;
    bool newer = false;

    if (trust_note_parse(note, len, &parsed) != 0 ||
        trust_note_verify(&parsed, log, NULL) != 0 ||
        audit_checkpoint_parse(&parsed, &checkpoint) != 0 ||
        strcmp(checkpoint.origin, log->name) != 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct audit_cosigner *cosigner = &cosigners[i];
        uint64_t time_s = 0;

        switch (trust_note_verify(&parsed, &cosigner->key, &time_s)) {
        case 0:
            if (checkpoint.size > cosigner->size ||
                (checkpoint.size == cosigner->size && time_s > cosigner->time_s)) {
                cosigner->size = checkpoint.size;
                cosigner->time_s = time_s;
                newer = true;
            }
            break;
        case CORDON_E_SIGNATURE:
            cosigner->bad = true;
            break;
        default:
            break; /* it has not signed this one */
        }
    }
    return newer;
}

uint64_t audit_cosigners_blocks(const struct audit_cosigner *cosigners, size_t count,
                                size_t quorum)
{
    uint64_t best = 0;

    for (size_t i = 0; i < count; i++) {
        size_t as_many = 0;

        for (size_t j = 0; j < count; j++) {
            as_many += cosigners[j].size >= cosigners[i].size ? 1 : 0;
        }
        if (as_many >= quorum && cosigners[i].size > best) {
            best = cosigners[i].size;
        }
    }
    return best;
}
