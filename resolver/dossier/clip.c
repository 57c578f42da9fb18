#include "dossier/clip.h"

#include "audit/frame.h"
#include "base/error.h"
#include "dossier/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_file(void *context, uint32_t number, bool create, uint64_t *size)
{
    struct dossier_clip *clip = context;

    if (create) {
        return -EROFS;
    }
    if (clip->clipped && number > clip->last_file) {
        return -ENOENT;
    }
    const int file = clip->inner->open(clip->inner->context, number, false, size);
    if (file >= 0 && clip->clipped && number == clip->last_file) {
        clip->last_handle = file;
        *size = *size < clip->last_end ? *size : clip->last_end;
    }
    return file;
}

static void close_file(void *context, int file)
{
    struct dossier_clip *clip = context;

    if (clip->last_handle == file) {
        clip->last_handle = -1;
    }
    clip->inner->close(clip->inner->context, file);
}

static int read_file(void *context, int file, uint64_t at, void *out, size_t len, size_t *got)
{
    struct dossier_clip *clip = context;

    if (clip->clipped && file == clip->last_handle) {
        if (at >= clip->last_end) {
            *got = 0;
            return 0;
        }
        len = len < clip->last_end - at ? len : (size_t)(clip->last_end - at);
    }
    return clip->inner->read(clip->inner->context, file, at, out, len, got);
}

static int write_file(void *context, int file, uint64_t at, const void *data, size_t len,
                      size_t *done)
{
    (void)context, (void)file, (void)at, (void)data, (void)len;
    *done = 0;
    return -EROFS;
}

static int cut_file(void *context, int file, uint64_t size)
{
    (void)context, (void)file, (void)size;
    return -EROFS;
}

static int sync_file(void *context, int file)
{
    (void)context, (void)file;
    return -EROFS;
}

static int refuse(void *context)
{
    (void)context;
    return -EROFS;
}

static int last_file(void *context, uint32_t *number)
{
    const struct dossier_clip *clip = context;
    const int rc = clip->inner->last(clip->inner->context, number);

    if (rc == 0 && clip->clipped && *number > clip->last_file) {
        *number = clip->last_file;
    }
    return rc;
}

static int next_file(void *context, uint32_t from, uint32_t *number)
{
    const struct dossier_clip *clip = context;
    const int rc = clip->inner->next(clip->inner->context, from, number);

    if (rc == 0 && clip->clipped && *number > clip->last_file) {
        *number = 0;
    }
    return rc;
}

static int read_head(void *context, char *out, size_t size, size_t *len)
{
    const struct dossier_clip *clip = context;

    if (clip->head_len == 0) {
        return -ENOENT;
    }
    if (clip->head_len > size) {
        return CORDON_E_TOO_LARGE;
    }
    memcpy(out, clip->head, clip->head_len);
    *len = clip->head_len;
    return 0;
}

static int write_head(void *context, const char *text, size_t len)
{
    (void)context, (void)text, (void)len;
    return -EROFS;
}

/* Takes this checkpoint for the end; one before to_us until a later one comes. */
static void take(struct dossier_clip *clip, const struct audit_item *item, uint64_t time_us,
                 uint64_t to_us)
{
    clip->clipped = true;
    clip->last_file = item->file;
    clip->last_end = item->end;
    clip->time_us = time_us;
    clip->first_us = clip->first_us == 0 ? time_us : clip->first_us;
    if (to_us != 0 && time_us >= to_us && item->len <= sizeof(clip->head)) {
        memcpy(clip->head, item->text, item->len);
        clip->head_len = item->len;
    }
}

static bool time_of(const struct audit_item *item, uint64_t *time_us)
{
    struct audit_checkpoint checkpoint;
    struct trust_note note;

    if (trust_note_parse(item->text, item->len, &note) != 0 ||
        audit_checkpoint_parse(&note, &checkpoint) != 0) {
        return false;
    }
    *time_us = checkpoint.time_us;
    return true;
}

static int find_end(struct dossier_clip *clip, uint64_t to_us)
{
    struct audit_reader *reader = audit_reader_create(clip->inner, 1);
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    uint64_t time_us = 0;
    bool owes = false; /* something of before to_us is behind the end */
    int rc = reader == NULL ? -ENOMEM : 0;

    while (rc == 0 && !(clip->later && time_us - to_us > DOSSIER_WAIT_US)) {
        rc = audit_reader_next(reader, &item);
        if (rc != 0 || item.kind == AUDIT_ITEM_END) {
            break;
        }
        if (item.kind == AUDIT_ITEM_CHECKPOINT && time_of(&item, &time_us)) {
            if (!clip->later || owes) {
                take(clip, &item, time_us, to_us);
            }
            owes = false;
            clip->later = clip->later || (to_us != 0 && time_us >= to_us);
            time_us = time_us > to_us ? time_us : to_us;
        } else if (clip->later) {
            owes =
                owes || ((item.kind == AUDIT_ITEM_BLOCK || item.kind == AUDIT_ITEM_REMOVED) &&
                         item.header.first_us <= to_us);
        } else if (item.kind == AUDIT_ITEM_BAD || item.kind == AUDIT_ITEM_SHORT ||
                   item.kind == AUDIT_ITEM_MISSING) {
            clip->clipped = false; /* until a later checkpoint follows */
        }
    }
    audit_reader_destroy(reader);
    return rc;
}

int dossier_clip_init(struct dossier_clip *clip, const struct audit_files *inner,
                      uint64_t to_us)
{
    memset(clip, 0, sizeof(*clip));
    clip->inner = inner;
    clip->last_handle = -1;
    clip->files = (struct audit_files){.context = clip,
                                       .open = open_file,
                                       .close = close_file,
                                       .read = read_file,
                                       .write = write_file,
                                       .cut = cut_file,
                                       .sync = sync_file,
                                       .sync_folder = refuse,
                                       .last = last_file,
                                       .next = next_file,
                                       .read_head = read_head,
                                       .write_head = write_head,
                                       .lock = refuse};
    /* Before the files: a writer writes a checkpoint there first. */
    if (inner->read_head(inner->context, clip->head, sizeof(clip->head), &clip->head_len) !=
        0) {
        clip->head_len = 0;
    }
    return find_end(clip, to_us);
}

/* A frame that is being written while it is read looks as if the file ended inside of it: it is
 * looked at again. */
#define TRIES 3

static int verify_now(const struct dossier_clip *clip,
                      const struct audit_verify_options *options, struct audit_verdict *now)
{
    int rc = 0;

    for (int i = 0; i < TRIES && rc == 0; i++) {
        rc = audit_verify(clip->inner, options, now);
        if (now->integrity.fault != AUDIT_SOUND ||
            now->completeness.fault != AUDIT_FAULT_UNFINISHED) {
            break;
        }
    }
    return rc;
}

static void take_finding(struct audit_finding *finding, const struct audit_finding *now)
{
    if (finding->fault == AUDIT_SOUND && now->fault != AUDIT_SOUND) {
        *finding = *now;
        snprintf(finding->text, sizeof(finding->text), "behind the end: %.*s",
                 (int)sizeof(finding->text) - 32, now->text);
    }
}

int dossier_clip_verify(const struct dossier_clip *clip,
                        const struct audit_verify_options *options,
                        struct audit_verdict *verdict)
{
    struct audit_verify_options inner = *options;
    struct audit_verdict *now = malloc(sizeof(*now));
    int rc = now != NULL ? verify_now(clip, options, now) : -ENOMEM;

    if (rc == 0 && !clip->clipped) {
        *verdict = *now;
    } else if (rc == 0) {
        /* Blocks of a log that holds need not be unpacked twice. */
        inner.deep = options->deep && (now->integrity.fault != AUDIT_SOUND ||
                                       now->completeness.fault != AUDIT_SOUND);
        rc = audit_verify(&clip->files, &inner, verdict);
        if (rc == 0) {
            take_finding(&verdict->integrity, &now->integrity);
            take_finding(&verdict->completeness, &now->completeness);
        }
    }
    free(now);
    return rc;
}
