/*
 * audit/files.h - the folder of an audit log: the few things that are done with files there.
 *
 * A table of functions, so that tests can have a file system that fails. Numbers of files are
 * from 1 and without gaps; number n is "NNNNNNNNNN.cordon". The newest checkpoint is in "head".
 */
#ifndef CORDON_AUDIT_FILES_H
#define CORDON_AUDIT_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AUDIT_FILE_NAME_MAX 24
void audit_file_name(uint32_t number, char out[AUDIT_FILE_NAME_MAX]);

/* All return 0 or -errno, unless it says otherwise. */
struct audit_files {
    void *context;
    /* A handle, not negative. create: makes the file if there is none. */
    int (*open)(void *context, uint32_t number, bool create, uint64_t *size);
    void (*close)(void *context, int file);
    /* Fewer octets than asked for only at the end of the file. */
    int (*read)(void *context, int file, uint64_t at, void *out, size_t len, size_t *got);
    /* For readers of a log that is being written; NULL: files do not grow while they are open.
     * The octets that an open file has by now; a moment, for what is being written to become
     * whole. */
    int (*size)(void *context, int file, uint64_t *size);
    void (*wait)(void *context);
    /* May write fewer octets; *done says how many, also after a failure. */
    int (*write)(void *context, int file, uint64_t at, const void *data, size_t len,
                 size_t *done);
    int (*cut)(void *context, int file, uint64_t size);
    /* Whether an open file is still the one of that number, and has `least` octets: 0, or
     * CORDON_E_GONE; CORDON_E_MOVED: it is, and the folder is not where it was opened. NULL:
     * nobody else has the folder. */
    int (*still)(void *context, uint32_t number, int file, uint64_t least);
    int (*sync)(void *context, int file);
    int (*sync_folder)(void *context);
    /* The highest number of a file; 0 if there is none. */
    int (*last)(void *context, uint32_t *number);
    /* The lowest that is `from` or above; 0 if there is none. */
    int (*next)(void *context, uint32_t from, uint32_t *number);
    /* The head, read and replaced as a whole. -ENOENT; CORDON_E_TOO_LARGE. */
    int (*read_head)(void *context, char *out, size_t size, size_t *len);
    int (*write_head)(void *context, const char *text, size_t len);
    /* A file beside number `number`, new and empty: it is written to, synced, closed, and then
     * takes the place of that one in one step, safely. Whoever has the old one open keeps it.
     */
    int (*open_beside)(void *context, uint32_t number);
    int (*replace)(void *context, uint32_t number);
    /* Takes away what is left beside. */
    int (*clean)(void *context);
    /* Held until the folder is closed; -EBUSY if another process has it. */
    int (*lock)(void *context);
};

struct audit_folder {
    int folder;    /* descriptor */
    int lock_file; /* -1: not locked */
    dev_t device;  /* which folder it is */
    ino_t inode;
    char path[PATH_MAX];
};

/* A folder that exists. Fills *files, whose context is *folder. */
int audit_folder_open(const char *path, struct audit_folder *folder, struct audit_files *files);
void audit_folder_close(struct audit_folder *folder);

#endif
