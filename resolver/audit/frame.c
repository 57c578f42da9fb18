#include "audit/frame.h"

#include "base/error.h"
#include "base/invariant.h"
#include "base/little.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAGIC "CRDK"
#define FILE_MAGIC  "CRDL"

enum {
    FILE_FORMAT = 4,
    FILE_NUMBER = 8,
    FILE_COUNT = 12,
    FILE_BLOCKS = 16,
    FILE_EVENTS = 24,
    FILE_SEALED = 48,
    FILE_LOG = 56,
    FILE_PREVIOUS = 72,
    FILE_TREE = 104
};

void audit_frame_put(enum audit_frame_kind kind, uint32_t len, uint8_t out[AUDIT_FRAME_OCTETS])
{
    memcpy(out, FRAME_MAGIC, 4);
    little_put32(out + 4, (uint32_t)kind);
    little_put32(out + 8, len);
}

bool audit_frame_get(const uint8_t octets[AUDIT_FRAME_OCTETS], enum audit_frame_kind *kind,
                     uint32_t *len)
{
    const uint32_t what = little_get32(octets + 4);
    const uint32_t size = little_get32(octets + 8);

    if (memcmp(octets, FRAME_MAGIC, 4) != 0) {
        return false;
    }
    switch (what) {
    case AUDIT_FRAME_BLOCK:
        if (size <= AUDIT_HEADER_OCTETS || size > AUDIT_HEADER_OCTETS + AUDIT_BODY_MAX) {
            return false;
        }
        break;
    case AUDIT_FRAME_CHECKPOINT:
        if (size <= DIGEST_OCTETS || size > DIGEST_OCTETS + AUDIT_CHECKPOINT_MAX) {
            return false;
        }
        break;
    case AUDIT_FRAME_REMOVED:
        if (size != AUDIT_HEADER_OCTETS) {
            return false;
        }
        break;
    default:
        return false;
    }
    *kind = (enum audit_frame_kind)what;
    *len = size;
    return true;
}

void audit_state_add(struct audit_state *state, const struct audit_header *header,
                     const uint8_t octets[AUDIT_HEADER_OCTETS])
{
    audit_tree_leaf(octets, AUDIT_HEADER_OCTETS, state->previous);
    audit_tree_add(&state->tree, state->previous);
    state->events[header->stream] = header->first_event + header->events;
    state->sealed_us = header->sealed_us;
}

size_t audit_file_head_put(const struct audit_file_head *head, uint8_t out[AUDIT_FILE_HEAD_MAX])
{
    const unsigned count = audit_tree_count(&head->state.tree);
    size_t len = FILE_TREE + (size_t)count * DIGEST_OCTETS;

    memset(out, 0, AUDIT_FILE_HEAD_MAX);
    memcpy(out, FILE_MAGIC, 4);
    little_put16(out + FILE_FORMAT, AUDIT_FORMAT);
    little_put32(out + FILE_NUMBER, head->number);
    little_put32(out + FILE_COUNT, count);
    little_put64(out + FILE_BLOCKS, head->state.tree.size);
    for (size_t i = 0; i < AUDIT_STREAMS; i++) {
        little_put64(out + FILE_EVENTS + 8 * i, head->state.events[i + 1]);
    }
    little_put64(out + FILE_SEALED, head->state.sealed_us);
    memcpy(out + FILE_LOG, head->log, AUDIT_LOG_ID_OCTETS);
    memcpy(out + FILE_PREVIOUS, head->state.previous, DIGEST_OCTETS);
    memcpy(out + FILE_TREE, head->state.tree.at, (size_t)count * DIGEST_OCTETS);
    digest_of(out, len, NULL, out + len);
    return len + DIGEST_OCTETS;
}

int audit_file_head_get(const uint8_t *octets, size_t len, struct audit_file_head *out,
                        size_t *used)
{
    struct audit_file_head head = {.number = 0};
    uint8_t digest[DIGEST_OCTETS];

    if (len < FILE_TREE + DIGEST_OCTETS || memcmp(octets, FILE_MAGIC, 4) != 0 ||
        little_get16(octets + FILE_FORMAT) != AUDIT_FORMAT || octets[6] != 0 ||
        octets[7] != 0) {
        return CORDON_E_CORRUPT;
    }
    head.number = little_get32(octets + FILE_NUMBER);
    head.state.tree.size = little_get64(octets + FILE_BLOCKS);
    const unsigned count = audit_tree_count(&head.state.tree);
    const size_t size = FILE_TREE + (size_t)count * DIGEST_OCTETS;
    if (head.number == 0 || head.state.tree.size >> 62 != 0 ||
        little_get32(octets + FILE_COUNT) != count || len < size + DIGEST_OCTETS) {
        return CORDON_E_CORRUPT;
    }
    digest_of(octets, size, NULL, digest);
    if (!digest_equal(digest, octets + size)) {
        return CORDON_E_CORRUPT;
    }
    for (size_t i = 0; i < AUDIT_STREAMS; i++) {
        head.state.events[i + 1] = little_get64(octets + FILE_EVENTS + 8 * i);
    }
    head.state.sealed_us = little_get64(octets + FILE_SEALED);
    memcpy(head.log, octets + FILE_LOG, AUDIT_LOG_ID_OCTETS);
    memcpy(head.state.previous, octets + FILE_PREVIOUS, DIGEST_OCTETS);
    memcpy(head.state.tree.at, octets + FILE_TREE, (size_t)count * DIGEST_OCTETS);
    *out = head;
    *used = size + DIGEST_OCTETS;
    return 0;
}

struct audit_reader {
    const struct audit_files *files;
    uint32_t number; /* file at hand, or to be opened */
    int file;        /* -1: not open */
    uint64_t size, at;
    uint8_t *body;
    size_t body_size, body_have;
    char text[AUDIT_CHECKPOINT_MAX + DIGEST_OCTETS];
};

struct audit_reader *audit_reader_create(const struct audit_files *files, uint32_t first_file)
{
    struct audit_reader *reader = calloc(1, sizeof(*reader));

    if (reader != NULL) {
        reader->files = files;
        reader->number = first_file;
        reader->file = -1;
    }
    return reader;
}

static void leave_file(struct audit_reader *reader)
{
    if (reader->file >= 0) {
        reader->files->close(reader->files->context, reader->file);
        reader->file = -1;
    }
    if (reader->number != 0) {
        reader->number++; /* behind the highest that there can be comes none */
    }
}

void audit_reader_destroy(struct audit_reader *reader)
{
    if (reader != NULL) {
        leave_file(reader);
        free(reader->body);
        free(reader);
    }
}

static int read_at(const struct audit_reader *reader, uint64_t at, void *out, size_t len,
                   size_t *got)
{
    return reader->files->read(reader->files->context, reader->file, at, out, len, got);
}

/*
 * A log that is being written while it is read. Files are made in the order of their numbers,
 * and none grows once there is a later one: so what is looked at last decides, not what was
 * looked at first.
 */

/* 0, or -errno; *later: the lowest number behind that of the reader, 0 if there is none. */
static int look_behind(const struct audit_reader *reader, uint32_t *later)
{
    *later = 0;
    return reader->number == UINT32_MAX
               ? 0
               : reader->files->next(reader->files->context, reader->number + 1, later);
}

static bool has_grown(struct audit_reader *reader)
{
    uint64_t size = 0;

    if (reader->files->size == NULL ||
        reader->files->size(reader->files->context, reader->file, &size) != 0 ||
        size <= reader->size) {
        return false;
    }
    reader->size = size;
    return true;
}

/* The file ends inside of a frame: whether that is there by now, or will be in a moment. */
static bool becomes_whole(struct audit_reader *reader)
{
    for (unsigned tries = 0; reader->files->size != NULL; tries++) {
        uint32_t later = 0;
        const int result = look_behind(reader, &later);

        if (has_grown(reader)) {
            return true;
        }
        if (result != 0 || later != 0 || tries == AUDIT_READER_WAITS) {
            break;
        }
        reader->files->wait(reader->files->context);
    }
    return false;
}

/* Opens the file of the reader's number. Without one *file is -1, and the item is the end, or
 * that it is missing: then the next that there is, however far, comes next. */
static int open_next(struct audit_reader *reader, struct audit_item *item, int *file,
                     uint64_t *size)
{
    const struct audit_files *files = reader->files;
    uint32_t next = 0;

    *file = files->open(files->context, reader->number, false, size);
    if (*file == -ENOENT) {
        const int result = files->next(files->context, reader->number, &next);

        if (result != 0 || next == 0) {
            item->kind = AUDIT_ITEM_END;
            *file = -1;
            return result;
        }
        *file = files->open(files->context, reader->number, false, size); /* made meanwhile */
    }
    if (*file >= 0) {
        return 0;
    }
    const int error = *file;
    *file = -1;
    if (error == -ENOENT) {
        item->kind = AUDIT_ITEM_MISSING;
        reader->number = next;
    } else if (error == CORDON_E_NO_FILE) {
        item->kind = AUDIT_ITEM_BAD;
        item->end = 0;
        leave_file(reader);
    } else {
        return error;
    }
    return 0;
}

/* The version of the format that a file's head names; 0: this one, or it is no head. */
static uint16_t other_version(const uint8_t *head, size_t len)
{
    const bool is_head =
        len >= FILE_NUMBER && memcmp(head, FILE_MAGIC, 4) == 0 && head[6] == 0 && head[7] == 0;
    const uint16_t version = is_head ? little_get16(head + FILE_FORMAT) : 0;

    return version == AUDIT_FORMAT ? 0 : version;
}

/* Opens the file of the reader's number and reads its head. */
static int enter_file(struct audit_reader *reader, struct audit_item *item)
{
    uint8_t head[AUDIT_FILE_HEAD_MAX];
    uint64_t size = 0;
    size_t got = 0;
    size_t used = 0;
    int file = -1;

    if (reader->number == 0) {
        item->kind = AUDIT_ITEM_END;
        return 0;
    }
    int result = open_next(reader, item, &file, &size);
    if (result != 0 || file < 0) {
        return result;
    }
    reader->file = file;
    reader->size = size;
    bool whole = false;
    do {
        result = read_at(reader, 0, head, sizeof(head), &got);
        if (result != 0) {
            reader->files->close(reader->files->context, file);
            reader->file = -1;
            return result;
        }
        whole = audit_file_head_get(head, got, &item->head, &used) == 0;
        item->version = whole ? 0 : other_version(head, got);
    } while (!whole && item->version == 0 && got < sizeof(head) && becomes_whole(reader));
    item->end = reader->size;
    if (!whole) {
        item->kind = got < AUDIT_FILE_HEAD_MAX ? AUDIT_ITEM_SHORT : AUDIT_ITEM_BAD;
        leave_file(reader);
        return 0;
    }
    item->kind = AUDIT_ITEM_FILE;
    item->end = used;
    reader->at = used;
    return 0;
}

/* The content of a frame that lies wholly in the file. */
static int read_content(struct audit_reader *reader, enum audit_frame_kind kind, uint32_t len,
                        struct audit_item *item)
{
    uint8_t digest[DIGEST_OCTETS];
    size_t got = 0;
    int result = 0;

    if (kind == AUDIT_FRAME_CHECKPOINT) {
        result = read_at(reader, reader->at + AUDIT_FRAME_OCTETS, reader->text, len, &got);
        item->text = reader->text;
        item->len = len - DIGEST_OCTETS;
        digest_of(reader->text, item->len, NULL, digest);
        item->kind =
            got == len && digest_equal(digest, (const uint8_t *)reader->text + item->len)
                ? AUDIT_ITEM_CHECKPOINT
                : AUDIT_ITEM_BAD;
        return result;
    }
    result = read_at(reader, reader->at + AUDIT_FRAME_OCTETS, item->octets, AUDIT_HEADER_OCTETS,
                     &got);
    item->kind = kind == AUDIT_FRAME_BLOCK ? AUDIT_ITEM_BLOCK : AUDIT_ITEM_REMOVED;
    if (result == 0 &&
        (got != AUDIT_HEADER_OCTETS || !audit_header_get(item->octets, &item->header) ||
         (kind == AUDIT_FRAME_BLOCK && item->header.body_len != len - AUDIT_HEADER_OCTETS))) {
        item->kind = AUDIT_ITEM_BAD;
    }
    return result;
}

/* All of the file at hand that was there when it was opened has been read. The end, as of now,
 * if there is no later one; else what was added to it meanwhile comes before that. */
static int leave_at_end(struct audit_reader *reader, struct audit_item *item)
{
    uint32_t later = 0;
    const int result = look_behind(reader, &later);

    item->kind = AUDIT_ITEM_MISSING;
    if (result == 0 && later == 0 && reader->number != UINT32_MAX) {
        item->kind = AUDIT_ITEM_END;
        item->file = reader->number + 1;
    } else if (result == 0 && !has_grown(reader)) {
        leave_file(reader);
    }
    return result;
}

/* The frame at hand. *len: octets of its content, once it is known to be a whole one. */
static int read_frame(struct audit_reader *reader, struct audit_item *item, uint32_t *len)
{
    uint8_t frame[AUDIT_FRAME_OCTETS];
    enum audit_frame_kind kind = AUDIT_FRAME_BLOCK;
    size_t got = 0;
    const int result = read_at(reader, reader->at, frame, sizeof(frame), &got);

    item->end = reader->size;
    if (result != 0) {
        return result;
    }
    if (got == sizeof(frame) && !audit_frame_get(frame, &kind, len)) {
        item->kind = AUDIT_ITEM_BAD;
    } else if (got < sizeof(frame) || reader->at + AUDIT_FRAME_OCTETS + *len > reader->size) {
        item->kind = AUDIT_ITEM_SHORT;
    } else {
        return read_content(reader, kind, *len, item);
    }
    return 0;
}

int audit_reader_next(struct audit_reader *reader, struct audit_item *item)
{
    uint32_t len = 0;
    int result = 0;

    reader->body_have = 0;
    item->at = 0;
    item->version = 0;
    if (reader->file >= 0 && reader->at == reader->size) {
        result = leave_at_end(reader, item);
        if (result != 0 || item->kind == AUDIT_ITEM_END) {
            return result;
        }
    }
    item->file = reader->number;
    if (reader->file < 0) {
        return enter_file(reader, item);
    }
    item->at = reader->at;
    do {
        result = read_frame(reader, item, &len);
        if (result != 0) {
            return result;
        }
    } while (item->kind == AUDIT_ITEM_SHORT && becomes_whole(reader));
    if (item->kind == AUDIT_ITEM_BAD || item->kind == AUDIT_ITEM_SHORT) {
        leave_file(reader);
        return 0;
    }
    reader->at += AUDIT_FRAME_OCTETS + len;
    item->end = reader->at;
    return 0;
}

int audit_reader_part(struct audit_reader *reader, const struct audit_item *item, size_t from,
                      size_t to, uint8_t *out)
{
    const uint64_t at = item->at + AUDIT_FRAME_OCTETS + AUDIT_HEADER_OCTETS;
    size_t got = 0;

    invariant(item->kind == AUDIT_ITEM_BLOCK && from <= to && to <= item->header.body_len);
    const int result = read_at(reader, at + from, out, to - from, &got);
    return result == 0 && got != to - from ? CORDON_E_CORRUPT : result;
}

int audit_reader_seek(struct audit_reader *reader, uint32_t file, uint64_t at)
{
    uint64_t size = 0;
    const int opened = reader->files->open(reader->files->context, file, false, &size);

    if (opened < 0) {
        return opened;
    }
    leave_file(reader);
    reader->number = file;
    reader->file = opened;
    reader->size = size;
    reader->at = at;
    reader->body_have = 0;
    return 0;
}

/* Whether a whole block's frame with a header stands there. */
static bool is_block_at(const struct audit_reader *reader, uint64_t at)
{
    uint8_t octets[AUDIT_FRAME_OCTETS + AUDIT_HEADER_OCTETS];
    enum audit_frame_kind kind = AUDIT_FRAME_CHECKPOINT;
    struct audit_header header;
    uint32_t len = 0;
    size_t got = 0;

    return read_at(reader, at, octets, sizeof(octets), &got) == 0 && got == sizeof(octets) &&
           audit_frame_get(octets, &kind, &len) && kind == AUDIT_FRAME_BLOCK &&
           at + AUDIT_FRAME_OCTETS + len <= reader->size &&
           audit_header_get(octets + AUDIT_FRAME_OCTETS, &header) &&
           header.body_len == len - AUDIT_HEADER_OCTETS;
}

bool audit_reader_find(struct audit_reader *reader, const struct audit_item *bad)
{
    enum {
        CHUNK = 65536,
        MAGIC = sizeof(FRAME_MAGIC) - 1
    };
    size_t got = 0;

    /* A head that is damaged: its frames begin somewhere behind it. */
    if (audit_reader_seek(reader, bad->file, bad->at + 1) != 0) {
        return false;
    }
    uint8_t *octets = malloc(CHUNK);
    uint64_t at = bad->at + 1;
    bool found = false;
    while (octets != NULL && !found && read_at(reader, at, octets, CHUNK, &got) == 0 &&
           got >= MAGIC) {
        const uint8_t *here = octets;

        while (!found && here != NULL) {
            here = memmem(here, got - (size_t)(here - octets), FRAME_MAGIC, MAGIC);
            if (here != NULL) {
                reader->at = at + (uint64_t)(here - octets);
                found = is_block_at(reader, reader->at);
                here++;
            }
        }
        at += got - MAGIC + 1; /* one may begin in this piece and end in the next */
    }
    free(octets);
    if (!found) {
        leave_file(reader);
    }
    return found;
}

int audit_reader_body(struct audit_reader *reader, const struct audit_item *item, size_t want,
                      const uint8_t **body)
{
    size_t got = 0;

    invariant(item->kind == AUDIT_ITEM_BLOCK && want <= item->header.body_len);
    if (want > reader->body_size) {
        uint8_t *more = realloc(reader->body, want);

        if (more == NULL) {
            return -ENOMEM;
        }
        reader->body = more;
        reader->body_size = want;
    }
    if (want > reader->body_have) {
        const uint64_t at = item->at + AUDIT_FRAME_OCTETS + AUDIT_HEADER_OCTETS;
        const int result =
            read_at(reader, at + reader->body_have, reader->body + reader->body_have,
                    want - reader->body_have, &got);

        if (result != 0) {
            return result;
        }
        if (got != want - reader->body_have) {
            return CORDON_E_CORRUPT;
        }
        reader->body_have = want;
    }
    *body = reader->body;
    return 0;
}
