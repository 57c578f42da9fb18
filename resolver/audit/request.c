/* What a log asks of a witness (c2sp.org/tlog-witness, add-checkpoint). */
#include "audit/frame.h"
#include "audit/lines.h"
#include "audit/tree.h"
#include "audit/witness.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OLD "old "

int audit_request_parse(const char *text, size_t len, struct audit_request *out)
{
    struct audit_lines lines = {text, len};
    const char *line = NULL;

    if (len > AUDIT_REQUEST_MAX) {
        return CORDON_E_TOO_LARGE;
    }
    if (!audit_lines_next(&lines, &line, &len) || len <= strlen(OLD) ||
        memcmp(line, OLD, strlen(OLD)) != 0 ||
        !audit_lines_number(line + strlen(OLD), len - strlen(OLD), &out->old)) {
        return CORDON_E_FORMAT;
    }
    out->count = 0;
    while (audit_lines_next(&lines, &line, &len)) {
        if (len == 0) {
            out->note = lines.at;
            out->note_len = lines.left;
            return lines.left > 0 ? 0 : CORDON_E_FORMAT;
        }
        if (out->count == AUDIT_REQUEST_PROOF_MAX ||
            !audit_lines_digest(line, len, out->proof[out->count])) {
            return CORDON_E_FORMAT;
        }
        out->count++;
    }
    return CORDON_E_FORMAT;
}

static int read_head(const struct audit_files *files, const struct trust_note_key *key,
                     char note[AUDIT_CHECKPOINT_MAX], size_t *len,
                     struct audit_checkpoint *checkpoint)
{
    struct trust_note parsed;
    int result = files->read_head(files->context, note, AUDIT_CHECKPOINT_MAX, len);

    if (result == 0) {
        result = trust_note_parse(note, *len, &parsed);
    }
    if (result == 0) {
        result = trust_note_verify(&parsed, key, NULL);
    }
    return result != 0 ? result : audit_checkpoint_parse(&parsed, checkpoint);
}

/* The way from `old` blocks to those of the checkpoint, whose root they have. */
static int make_path(const struct audit_files *files, const struct audit_checkpoint *checkpoint,
                     uint64_t old, struct audit_path *path)
{
    struct audit_reader *reader = audit_reader_create(files, 1);
    struct audit_tree *tree = calloc(1, sizeof(*tree));
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    uint8_t digest[DIGEST_OCTETS];
    int result = reader == NULL || tree == NULL ? -ENOMEM : 0;

    memset(path, 0, sizeof(*path));
    if (old > 0) {
        audit_path_begin_consistency(path, old, checkpoint->size);
    }
    while (result == 0 && tree->size < checkpoint->size) {
        result = audit_reader_next(reader, &item);
        if (result == 0 && item.kind == AUDIT_ITEM_END) {
            result = CORDON_E_CORRUPT;
        }
        if (result != 0 || (item.kind != AUDIT_ITEM_BLOCK && item.kind != AUDIT_ITEM_REMOVED)) {
            continue;
        }
        audit_tree_leaf(item.octets, AUDIT_HEADER_OCTETS, digest);
        audit_tree_add(tree, digest);
        if (old > 0) {
            audit_path_add(path, digest);
        }
    }
    if (result == 0) {
        audit_tree_root(tree, digest);
        result = digest_equal(digest, checkpoint->root) ? 0 : CORDON_E_CORRUPT;
    }
    free(tree);
    audit_reader_destroy(reader);
    return result;
}

static int write_request(uint64_t old, const struct audit_path *path, const char *note,
                         size_t note_len, char **out, size_t *len)
{
    char *buffer = malloc(AUDIT_REQUEST_MAX + 1);
    struct text text;

    if (buffer == NULL) {
        return -ENOMEM;
    }
    text_init(&text, buffer, AUDIT_REQUEST_MAX + 1);
    text_printf(&text, OLD "%llu\n", (unsigned long long)old);
    for (unsigned i = 0; i < path->count; i++) {
        audit_lines_put_digest(&text, path->at[i]);
    }
    text_add(&text, "\n");
    text_add_octets(&text, note, note_len);
    if (text.overflow) {
        free(buffer);
        return CORDON_E_TOO_LARGE;
    }
    *out = buffer;
    *len = text.len;
    return 0;
}

int audit_request_make(const struct audit_files *files, const struct trust_note_key *key,
                       uint64_t old, char **text, size_t *len)
{
    struct audit_path *path = malloc(sizeof(*path));
    char *note = malloc(AUDIT_CHECKPOINT_MAX);
    struct audit_checkpoint checkpoint;
    size_t note_len = 0;
    int result = path == NULL || note == NULL ? -ENOMEM : 0;

    if (result == 0) {
        result = read_head(files, key, note, &note_len, &checkpoint);
    }
    if (result == 0 && checkpoint.size == 0) {
        result = -ENOENT;
    }
    if (result == 0 && old > checkpoint.size) {
        result = -ERANGE;
    }
    if (result == 0) {
        result = make_path(files, &checkpoint, old, path);
    }
    if (result == 0) {
        result = write_request(old, path, note, note_len, text, len);
    }
    free(path);
    free(note);
    return result;
}
