#include "audit/proof.h"

#include "audit/lines.h"
#include "audit/recorder.h"
#include "base/error.h"
#include "base/little.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_LINE "c2sp.org/tlog-proof@v1\n"

enum {
    EXTRA_VERSION = 0,
    EXTRA_HEADER = 1,
    EXTRA_EVENT = EXTRA_HEADER + (int)AUDIT_HEADER_OCTETS,
    EXTRA_COUNT = EXTRA_EVENT + 4,
    EXTRA_PATH = EXTRA_COUNT + 2,
    EXTRA_MAX = EXTRA_PATH +
                (int)(AUDIT_EVENTS_PATH_MAX * DIGEST_OCTETS + AUDIT_LEAF_SALT + AUDIT_EVENT_MAX)
};

/* Of what is written there; 1 showed the events beside, too, and with 2 a leaf had all of an
 * event's octets (docs/decisions/0021). */
#define VERSION 4

/* What the first pass over the log finds. */
struct found {
    bool has_block, removed;
    uint64_t block; /* its number */
    uint8_t *extra;
    size_t extra_len;
    char note[AUDIT_CHECKPOINT_MAX + 1]; /* the newest checkpoint */
    size_t note_len;
    struct audit_checkpoint checkpoint;
};

/* The extra of event `event` of the block. */
static int make_extra(struct audit_reader *reader, const struct audit_item *item,
                      uint64_t event, struct found *found)
{
    const struct audit_header *header = &item->header;
    const uint32_t index = (uint32_t)(event - header->first_event);
    size_t form_len = 0;
    struct audit_block *block = audit_block_create();
    uint8_t(*leaves)[DIGEST_OCTETS] = malloc(AUDIT_BLOCK_EVENTS_MAX * sizeof(*leaves));
    uint8_t *extra = malloc((size_t)EXTRA_MAX);
    const uint8_t *body = NULL;
    int result = block == NULL || leaves == NULL || extra == NULL ? -ENOMEM : 0;

    if (result == 0) {
        result = audit_reader_body(reader, item, header->body_len, &body);
    }
    if (result == 0) {
        result = audit_block_open(block, header, body, header->body_len);
    }
    if (result == 0) {
        result = audit_block_load(block, UINT64_MAX);
    }
    if (result == 0) {
        result = audit_block_leaves(block, leaves);
    }
    if (result == 0) {
        const size_t count = audit_events_path(leaves, header->events, index,
                                               (uint8_t(*)[DIGEST_OCTETS])(extra + EXTRA_PATH));
        const size_t end = EXTRA_PATH + count * DIGEST_OCTETS;

        extra[EXTRA_VERSION] = VERSION;
        memcpy(extra + EXTRA_HEADER, item->octets, AUDIT_HEADER_OCTETS);
        little_put32(extra + EXTRA_EVENT, index);
        little_put16(extra + EXTRA_COUNT, (uint16_t)count);
        result = audit_block_opening(block, index, extra + end, extra + end + AUDIT_LEAF_SALT,
                                     &form_len);
        found->extra_len = end + AUDIT_LEAF_SALT + form_len;
    }
    if (result == 0) {
        found->extra = extra;
        found->has_block = true;
        found->block = header->number;
        extra = NULL;
    }
    free(extra);
    free(leaves);
    audit_block_destroy(block);
    return result;
}

static bool has_event(const struct audit_item *item, enum audit_stream stream, uint64_t event)
{
    return item->header.stream == stream && event >= item->header.first_event &&
           event - item->header.first_event < item->header.events;
}

/* Keeps a checkpoint of this key that has more than `blocks`. */
static void keep_checkpoint(const char *text, size_t len, const struct trust_note_key *key,
                            uint64_t blocks, struct found *found)
{
    struct audit_checkpoint checkpoint;
    struct trust_note note;

    if (len <= AUDIT_CHECKPOINT_MAX && trust_note_parse(text, len, &note) == 0 &&
        trust_note_verify(&note, key, NULL) == 0 &&
        audit_checkpoint_parse(&note, &checkpoint) == 0 && checkpoint.size > blocks) {
        memcpy(found->note, text, len);
        found->note[len] = '\0';
        found->note_len = len;
        found->checkpoint = checkpoint;
    }
}

static int find_event(const struct audit_files *files, const struct trust_note_key *key,
                      enum audit_stream stream, uint64_t event, struct found *found)
{
    struct audit_reader *reader = audit_reader_create(files, 1);
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    int result = reader == NULL ? -ENOMEM : 0;

    while (result == 0) {
        result = audit_reader_next(reader, &item);
        if (result != 0 || item.kind == AUDIT_ITEM_END) {
            break;
        }
        if (item.kind == AUDIT_ITEM_CHECKPOINT) {
            keep_checkpoint(item.text, item.len, key, 0, found);
        } else if (item.kind == AUDIT_ITEM_BLOCK && !found->has_block &&
                   has_event(&item, stream, event)) {
            result = make_extra(reader, &item, event, found);
        } else if (item.kind == AUDIT_ITEM_BAD && item.version != 0) {
            result = CORDON_E_VERSION;
        } else if (item.kind == AUDIT_ITEM_REMOVED && has_event(&item, stream, event)) {
            found->removed = true;
        }
    }
    audit_reader_destroy(reader);
    return result;
}

/* The path from the block to the root of the checkpoint. */
static int make_path(const struct audit_files *files, const struct found *found,
                     struct audit_path *path)
{
    struct audit_reader *reader = audit_reader_create(files, 1);
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    uint8_t leaf[DIGEST_OCTETS];
    int result = reader == NULL ? -ENOMEM : 0;

    audit_path_begin_inclusion(path, found->block, found->checkpoint.size);
    while (result == 0 && path->next < path->size) {
        result = audit_reader_next(reader, &item);
        if (result == 0 && item.kind == AUDIT_ITEM_END) {
            result = CORDON_E_CORRUPT;
        }
        if (result == 0 && (item.kind == AUDIT_ITEM_BLOCK || item.kind == AUDIT_ITEM_REMOVED)) {
            audit_tree_leaf(item.octets, AUDIT_HEADER_OCTETS, leaf);
            audit_path_add(path, leaf);
        }
    }
    audit_reader_destroy(reader);
    return result;
}

static int write_proof(const struct found *found, const struct audit_path *path, char **out,
                       size_t *len)
{
    const size_t size = AUDIT_PROOF_MAX;
    char *buffer = malloc(size);
    char *extra = malloc(size);
    struct text text;
    int result = -ENOMEM;

    if (buffer != NULL && extra != NULL) {
        text_init(&text, buffer, size);
        text_add(&text, FIRST_LINE);
        trust_base64_encode(found->extra, found->extra_len, extra, size);
        text_printf(&text, "extra %s\nindex %llu\n", extra, (unsigned long long)found->block);
        for (unsigned i = 0; i < path->count; i++) {
            audit_lines_put_digest(&text, path->at[i]);
        }
        text_printf(&text, "\n%s", found->note);
        result = text.overflow ? CORDON_E_TOO_LARGE : 0;
    }
    free(extra);
    if (result != 0) {
        free(buffer);
        return result;
    }
    *out = buffer;
    *len = text.len;
    return 0;
}

int audit_prove(const struct audit_files *files, const struct trust_note_key *key,
                enum audit_stream stream, uint64_t event, const char *under, size_t under_len,
                char **text, size_t *len)
{
    struct found *found = calloc(1, sizeof(*found));
    struct audit_path *path = malloc(sizeof(*path));
    struct audit_proven proven;
    int result = found == NULL || path == NULL ? -ENOMEM : 0;
    char *made = NULL;
    size_t made_len = 0;

    if (result == 0) {
        result = find_event(files, key, stream, event, found);
    }
    if (result == 0 && !found->has_block) {
        result = found->removed ? -ENODATA : -ENOENT;
    }
    if (result == 0 && under != NULL) {
        keep_checkpoint(under, under_len, key, found->block, found);
    }
    if (result == 0 && (found->note_len == 0 || found->checkpoint.size <= found->block)) {
        result = -EAGAIN;
    }
    if (result == 0) {
        result = make_path(files, found, path);
    }
    if (result == 0) {
        result = write_proof(found, path, &made, &made_len);
    }
    /* What would convince nobody is not handed out. */
    if (result == 0) {
        result = audit_proof_verify(made, made_len, key, &proven);
        if (result == 0) {
            audit_proven_free(&proven);
            *text = made;
            *len = made_len;
            made = NULL;
        }
    }
    free(made);
    if (found != NULL) {
        free(found->extra);
    }
    free(found);
    free(path);
    return result;
}

/* --- verifying --- */

struct proof {
    uint8_t *extra;
    size_t extra_len;
    uint64_t index;
    uint8_t path[AUDIT_TREE_LEVELS][DIGEST_OCTETS];
    unsigned count;
    const char *note;
    size_t note_len;
};

static bool parse_proof(const char *text, size_t len, struct proof *proof)
{
    struct audit_lines lines = {text, len};
    const char *line = NULL;

    if (!audit_lines_next(&lines, &line, &len) || len + 1 != sizeof(FIRST_LINE) - 1 ||
        memcmp(line, FIRST_LINE, len) != 0 || !audit_lines_next(&lines, &line, &len) ||
        len < 6 || memcmp(line, "extra ", 6) != 0 ||
        !trust_base64_decode(line + 6, len - 6, proof->extra, (size_t)EXTRA_MAX,
                             &proof->extra_len) ||
        !audit_lines_next(&lines, &line, &len) || len < 6 || memcmp(line, "index ", 6) != 0 ||
        !audit_lines_number(line + 6, len - 6, &proof->index)) {
        return false;
    }
    while (audit_lines_next(&lines, &line, &len)) {
        if (len == 0) {
            proof->note = lines.at;
            proof->note_len = lines.left;
            return true;
        }
        if (proof->count == AUDIT_TREE_LEVELS ||
            !audit_lines_digest(line, len, proof->path[proof->count])) {
            return false;
        }
        proof->count++;
    }
    return false;
}

/* From the event to the tree in the header. */
static int check_extra(struct proof *proof, struct audit_proven *out)
{
    uint8_t digest[DIGEST_OCTETS];
    const uint8_t *extra = proof->extra;

    if (proof->extra_len <= EXTRA_PATH) {
        return CORDON_E_FORMAT;
    }
    if (extra[EXTRA_VERSION] != VERSION) {
        return CORDON_E_VERSION;
    }
    if (!audit_header_get(extra + EXTRA_HEADER, &out->header)) {
        return CORDON_E_FORMAT;
    }
    const uint32_t event = little_get32(extra + EXTRA_EVENT);
    const size_t count = little_get16(extra + EXTRA_COUNT);
    const size_t end = EXTRA_PATH + count * DIGEST_OCTETS;
    if (count > AUDIT_EVENTS_PATH_MAX || proof->extra_len < end + AUDIT_LEAF_SALT ||
        proof->extra_len > end + AUDIT_LEAF_SALT + AUDIT_EVENT_MAX ||
        event >= out->header.events) {
        return CORDON_E_FORMAT;
    }
    const uint8_t *const form = extra + end + AUDIT_LEAF_SALT;
    const size_t len = (size_t)(extra + proof->extra_len - form);
    if (!audit_row_decode(form, len, &out->row)) {
        return CORDON_E_CORRUPT;
    }
    audit_leaf(extra + end, &out->row, digest);
    if (!audit_events_include(digest, event, out->header.events,
                              (const uint8_t(*)[DIGEST_OCTETS])(extra + EXTRA_PATH), count,
                              out->header.tree)) {
        return CORDON_E_CORRUPT;
    }
    out->event = out->header.first_event + event;
    return 0;
}

static int check(struct proof *proof, const struct trust_note_key *key,
                 struct audit_proven *out)
{
    uint8_t leaf[DIGEST_OCTETS];
    struct trust_note note;
    int result = trust_note_parse(proof->note, proof->note_len, &note);

    if (result == 0) {
        result = audit_checkpoint_parse(&note, &out->checkpoint);
    }
    if (result == 0) {
        result = audit_key_of_origin(key, out->checkpoint.origin, &out->key, &out->log);
    }
    if (result == 0) {
        result = trust_note_verify(&note, &out->key, NULL);
    }
    if (result == 0) {
        out->note = proof->note;
        out->note_len = proof->note_len;
        result = check_extra(proof, out);
    }
    if (result != 0) {
        return result;
    }
    audit_tree_leaf(proof->extra + EXTRA_HEADER, AUDIT_HEADER_OCTETS, leaf);
    return out->header.number == proof->index &&
                   audit_tree_includes(leaf, proof->index, out->checkpoint.size,
                                       (const uint8_t(*)[DIGEST_OCTETS])proof->path,
                                       proof->count, out->checkpoint.root)
               ? 0
               : CORDON_E_CORRUPT;
}

int audit_proof_verify(const char *text, size_t len, const struct trust_note_key *key,
                       struct audit_proven *out)
{
    struct proof *proof = NULL;
    int result = 0;

    if (len > AUDIT_PROOF_MAX) {
        return CORDON_E_TOO_LARGE;
    }
    proof = calloc(1, sizeof(*proof));
    if (proof == NULL) {
        return -ENOMEM;
    }
    proof->extra = malloc((size_t)EXTRA_MAX);
    if (proof->extra == NULL) {
        result = -ENOMEM;
    } else if (!parse_proof(text, len, proof)) {
        result = CORDON_E_FORMAT;
    } else {
        result = check(proof, key, out);
    }
    if (result == 0) {
        out->octets = proof->extra;
        proof->extra = NULL;
    }
    free(proof->extra);
    free(proof);
    return result;
}

void audit_proven_free(struct audit_proven *proven)
{
    free(proven->octets);
    proven->octets = NULL;
}
