/*
 * A file system for tests of the audit log, that can fail, fill up, write less than it was
 * asked to, and stop at any call: as a kill (what was written is there) or as a power failure
 * (what was not synced is there in part).
 */
#ifndef CORDON_TESTS_AUDIT_DISK_H
#define CORDON_TESTS_AUDIT_DISK_H

#include "audit/files.h"
#include "base/error.h"
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DISK_FILES 200

struct disk_file {
    bool exists, is_known; /* known: it is there after a power failure */
    uint8_t *data;
    size_t size, room;
    uint8_t *safe; /* as it was synced last */
    size_t safe_size;
    uint8_t *old; /* whose place it took, until that is safe */
    size_t old_size;
};

struct disk {
    struct disk_file files[DISK_FILES];  /* by number */
    struct disk_file beside[DISK_FILES]; /* what they are to be replaced by; handles above */
    char head[20000];
    size_t head_len; /* 0: none */
    bool locked;
    int open_files;
    unsigned calls;   /* that change something */
    unsigned stop_at; /* the call at which all ends; 0: never */
    bool stopped;
    int fail_write, fail_sync, fail_open, fail_cut,
        fail_head; /* errno of each such call; 0: works */
    size_t most;   /* octets that one write takes; 0: all */
    size_t full;   /* octets of the whole disk; 0: no end */
};

/* By its handle. */
static inline struct disk_file *disk_at(struct disk *disk, int handle)
{
    return handle < DISK_FILES ? &disk->files[handle] : &disk->beside[handle - DISK_FILES];
}

/* Whether the call is made at all. */
static inline bool disk_goes_on(struct disk *disk, bool *last)
{
    *last = false;
    if (disk->stopped) {
        return false;
    }
    disk->calls++;
    if (disk->calls == disk->stop_at) {
        *last = true;
        disk->stopped = true;
    }
    return true;
}

static inline void disk_fit(struct disk_file *file, size_t size)
{
    if (size > file->room) {
        file->room = 2 * size;
        file->data = realloc(file->data, file->room);
        if (file->data == NULL) {
            abort();
        }
    }
    if (size > file->size) {
        memset(file->data + file->size, 0, size - file->size);
    }
    file->size = size;
}

static inline int disk_open(void *context, uint32_t number, bool create, uint64_t *size)
{
    struct disk *disk = context;
    bool last = false;

    if (disk->stopped) {
        return -EIO;
    }
    if (number >= DISK_FILES) {
        return create ? -ENOSPC : -ENOENT;
    }
    struct disk_file *file = &disk->files[number];
    if (create && !file->exists) {
        if (disk->fail_open != 0) {
            return -disk->fail_open;
        }
        if (!disk_goes_on(disk, &last)) {
            return -EIO;
        }
        file->exists = true;
        file->size = 0;
        if (last) {
            return -EIO;
        }
    }
    if (!file->exists) {
        return -ENOENT;
    }
    *size = file->size;
    disk->open_files++;
    return (int)number;
}

static inline void disk_close(void *context, int file)
{
    struct disk *disk = context;

    (void)file;
    disk->open_files--;
}

static inline int disk_read(void *context, int number, uint64_t at, void *out, size_t len,
                            size_t *got)
{
    struct disk *disk = context;
    const struct disk_file *file = disk_at(disk, number);

    if (disk->stopped) {
        return -EIO;
    }
    *got = at >= file->size ? 0 : len < file->size - at ? len : (size_t)(file->size - at);
    if (*got > 0) {
        memcpy(out, file->data + at, *got);
    }
    return 0;
}

static inline size_t disk_used(const struct disk *disk)
{
    size_t sum = 0;

    for (unsigned i = 0; i < DISK_FILES; i++) {
        sum += disk->files[i].size;
    }
    return sum;
}

static inline int disk_write(void *context, int number, uint64_t at, const void *data,
                             size_t len, size_t *done)
{
    struct disk *disk = context;
    struct disk_file *file = disk_at(disk, number);
    bool last = false;

    *done = 0;
    if (!disk_goes_on(disk, &last)) {
        return -EIO;
    }
    if (disk->fail_write != 0) {
        return -disk->fail_write;
    }
    len = disk->most != 0 && len > disk->most ? disk->most : len;
    if (last) {
        len /= 2;
    }
    if (disk->full != 0 && at + len > file->size) {
        const size_t used = disk_used(disk);
        const size_t more = (size_t)(at + len) - file->size;
        const size_t room = used < disk->full ? disk->full - used : 0;

        if (room == 0) {
            return -ENOSPC;
        }
        len -= more > room ? (more - room < len ? more - room : len) : 0;
        if (len == 0) {
            return -ENOSPC;
        }
    }
    if (at + len > file->size) {
        disk_fit(file, (size_t)(at + len));
    }
    memcpy(file->data + at, data, len);
    *done = len;
    return last ? -EIO : 0;
}

static inline int disk_cut(void *context, int number, uint64_t size)
{
    struct disk *disk = context;
    bool last = false;

    if (!disk_goes_on(disk, &last)) {
        return -EIO;
    }
    if (disk->fail_cut != 0) {
        return -disk->fail_cut;
    }
    disk_fit(disk_at(disk, number), (size_t)size);
    return last ? -EIO : 0;
}

/* What it has is what there will be after a power failure. */
static inline void disk_save(struct disk_file *file)
{
    free(file->safe);
    file->safe = malloc(file->size + 1);
    if (file->safe == NULL) {
        abort();
    }
    if (file->size > 0) {
        memcpy(file->safe, file->data, file->size);
    }
    file->safe_size = file->size;
}

static inline int disk_sync(void *context, int number)
{
    struct disk *disk = context;
    struct disk_file *file = disk_at(disk, number);
    bool last = false;

    if (!disk_goes_on(disk, &last)) {
        return -EIO;
    }
    if (disk->fail_sync != 0) {
        return -disk->fail_sync;
    }
    if (!last) { /* the last one never ends */
        disk_save(file);
    }
    return last ? -EIO : 0;
}

static inline int disk_sync_folder(void *context)
{
    struct disk *disk = context;
    bool last = false;

    if (!disk_goes_on(disk, &last)) {
        return -EIO;
    }
    for (unsigned i = 0; i < DISK_FILES && !last; i++) {
        disk->files[i].is_known = disk->files[i].exists;
        free(disk->files[i].old);
        disk->files[i].old = NULL;
    }
    return last ? -EIO : 0;
}

static inline int disk_open_beside(void *context, uint32_t number)
{
    struct disk *disk = context;
    bool last = false;

    if (!disk_goes_on(disk, &last)) {
        return -EIO;
    }
    if (disk->fail_open != 0) {
        return -disk->fail_open;
    }
    struct disk_file *file = &disk->beside[number];
    free(file->data);
    free(file->safe);
    *file = (struct disk_file){.exists = true};
    if (last) {
        return -EIO;
    }
    disk->open_files++;
    return DISK_FILES + (int)number;
}

/* A rename, then a sync of the folder: what is between the two may be the one or the other
 * after a power failure. */
static inline int disk_replace(void *context, uint32_t number)
{
    struct disk *disk = context;
    struct disk_file *file = &disk->files[number];
    struct disk_file *beside = &disk->beside[number];
    bool last = false;

    if (!disk_goes_on(disk, &last)) {
        return -EIO;
    }
    if (last || !beside->exists) {
        return -EIO;
    }
    free(file->safe);
    free(file->old);
    beside->old = file->data;
    beside->old_size = file->size;
    beside->is_known = true;
    *file = *beside;
    *beside = (struct disk_file){.exists = false};
    return disk_sync_folder(context);
}

static inline int disk_clean(void *context)
{
    struct disk *disk = context;

    if (disk->stopped) {
        return -EIO;
    }
    for (unsigned i = 0; i < DISK_FILES; i++) {
        free(disk->beside[i].data);
        free(disk->beside[i].safe);
        disk->beside[i] = (struct disk_file){.exists = false};
    }
    return 0;
}

static inline int disk_last(void *context, uint32_t *number)
{
    const struct disk *disk = context;

    *number = 0;
    for (unsigned i = 1; i < DISK_FILES; i++) {
        *number = disk->files[i].exists ? i : *number;
    }
    return disk->stopped ? -EIO : 0;
}

static inline int disk_next(void *context, uint32_t from, uint32_t *number)
{
    const struct disk *disk = context;

    *number = 0;
    for (unsigned i = DISK_FILES - 1; i >= from && i > 0; i--) {
        *number = disk->files[i].exists ? i : *number;
    }
    return disk->stopped ? -EIO : 0;
}

static inline int disk_read_head(void *context, char *out, size_t size, size_t *len)
{
    const struct disk *disk = context;

    if (disk->stopped) {
        return -EIO;
    }
    if (disk->head_len == 0) {
        return -ENOENT;
    }
    if (disk->head_len >= size) {
        return CORDON_E_TOO_LARGE;
    }
    memcpy(out, disk->head, disk->head_len);
    *len = disk->head_len;
    return 0;
}

static inline int disk_write_head(void *context, const char *text, size_t len)
{
    struct disk *disk = context;
    bool last = false;

    if (!disk_goes_on(disk, &last)) {
        return -EIO;
    }
    if (disk->fail_head != 0) {
        return -disk->fail_head;
    }
    if (!last) {
        memcpy(disk->head, text, len);
        disk->head_len = len;
    }
    return last ? -EIO : 0;
}

static inline int disk_lock(void *context)
{
    struct disk *disk = context;

    if (disk->locked) {
        return -EBUSY;
    }
    disk->locked = true;
    return 0;
}

static inline struct audit_files disk_files(struct disk *disk)
{
    return (struct audit_files){
        .context = disk,
        .open = disk_open,
        .close = disk_close,
        .read = disk_read,
        .write = disk_write,
        .cut = disk_cut,
        .sync = disk_sync,
        .sync_folder = disk_sync_folder,
        .last = disk_last,
        .next = disk_next,
        .read_head = disk_read_head,
        .write_head = disk_write_head,
        .open_beside = disk_open_beside,
        .replace = disk_replace,
        .clean = disk_clean,
        .lock = disk_lock,
    };
}

/* The machine is there again. power: it was off; of what was not synced some octets made it,
 * and what is there now was read from the disk, so the next failure brings nothing older back.
 */
static inline void disk_start(struct disk *disk, bool power, struct random *random)
{
    for (unsigned i = 0; i < DISK_FILES && power; i++) {
        struct disk_file *file = &disk->files[i];

        if (file->old != NULL && random_below(random, 2) == 0) { /* it never took its place */
            free(file->data);
            file->data = file->old;
            file->size = file->old_size;
            file->room = file->old_size;
            file->old = NULL;
            disk_save(file);
            continue;
        }
        free(file->old);
        file->old = NULL;
        if (!file->exists || (!file->is_known && random_below(random, 2) == 0)) {
            file->exists = false;
            file->size = 0;
            disk_save(file);
            continue;
        }
        /* The file may have its new length and its old contents, or anything between. */
        const size_t size = file->size;
        const size_t kept = random_below(random, (uint32_t)size + 1);
        for (size_t at = 0; at < size; at++) {
            const uint8_t old = at < file->safe_size ? file->safe[at] : 0;

            file->data[at] = at < kept ? file->data[at] : old;
        }
        if (size < file->safe_size) {
            disk_fit(file, file->safe_size);
            memcpy(file->data + size, file->safe + size, file->safe_size - size);
        } else if (random_below(random, 2) == 0) {
            file->size = kept > file->safe_size ? kept : file->safe_size;
        }
        file->is_known = true;
        disk_save(file);
    }
    disk->stopped = false;
    disk->locked = false;
    disk->stop_at = 0;
}

static inline void disk_free(struct disk *disk)
{
    for (unsigned i = 0; i < DISK_FILES; i++) {
        free(disk->files[i].data);
        free(disk->files[i].safe);
        free(disk->files[i].old);
        free(disk->beside[i].data);
        free(disk->beside[i].safe);
    }
    memset(disk, 0, sizeof(*disk));
}

/* A copy, to be damaged. */
static inline void disk_copy(const struct disk *from, struct disk *to)
{
    disk_free(to);
    for (unsigned i = 0; i < DISK_FILES; i++) {
        to->files[i].exists = from->files[i].exists;
        disk_fit(&to->files[i], from->files[i].size);
        if (from->files[i].size > 0) {
            memcpy(to->files[i].data, from->files[i].data, from->files[i].size);
        }
    }
    memcpy(to->head, from->head, from->head_len);
    to->head_len = from->head_len;
}

#endif
