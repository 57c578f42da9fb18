/*
 * base/file.h - whole files, read with a bound and written atomically.
 */
#ifndef CORDON_BASE_FILE_H
#define CORDON_BASE_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens a regular file of that very name in a folder (a descriptor, or AT_FDCWD), as open()
 * does with how, and never waits: not for a pipe's other end either. The descriptor; -errno;
 * CORDON_E_NO_FILE if something else is there, a symbolic link, too. */
int file_open_regular(int folder, const char *name, int how, mode_t mode);

/*
 * Reads a regular file of at most max octets into memory that the caller frees; a zero octet
 * follows the contents (not counted). 0; -errno; -EISDIR or CORDON_E_NO_FILE if it is no
 * regular file; CORDON_E_TOO_LARGE. The file is opened without following a terminal or FIFO
 * into a block.
 */
int file_read(const char *path, size_t max, uint8_t **data, size_t *len);

/* The same of a file that is to be read once. It is removed before it is read, whatever comes
 * of that (a folder stays): a process that is killed for the memory that it takes does not meet
 * it again. */
int file_take(const char *path, size_t max, uint8_t **data, size_t *len);

/* Writes all of it, from where the descriptor stands. 0 or -errno: a part may be written. */
int file_write_to(int fd, const void *data, size_t len);

/* Writes beside path (path.XXXXXX.new, mode 0600) and renames over it, with fsync of the file
 * before and of the folder after. mode is set as it is, without the umask. 0 or -errno, and
 * then path is as it was, unless the last step failed: then it is new, but may not outlast a
 * power failure. A symbolic link at path is replaced, not followed. */
int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode);

/* The same in pieces: file_write_to() its descriptor in between. */
struct file_new {
    int fd, folder;
    char beside[PATH_MAX];
};

/* 0 or -errno, and then there is nothing to close. */
int file_new_open(struct file_new *file, const char *path);
/* rc: of the writing. Unless it is 0 what was written is removed, and it is returned. As
 * file_write_atomic(), path being the same as before. */
int file_new_close(struct file_new *file, const char *path, mode_t mode, int rc);

/* Removes what file_write_atomic() has left in a folder when its process was killed: regular
 * files of ours of that form of name alone. One that is being written is locked, and stays.
 * How many. */
unsigned file_remove_unfinished(const char *folder);

/* A name beside path that is free, for what cannot be read and is kept: path.damaged,
 * path.damaged.1 and so on, most of them in all. 0; -EEXIST: all are taken; -ENAMETOOLONG; else
 * -errno. */
int file_find_damaged(const char *path, unsigned most, char *out, size_t size);
/* The same, or the first that has these contents already: *has_it. */
int file_find_damaged_as(const char *path, unsigned most, const void *data, size_t len,
                         char *out, size_t size, bool *has_it);

/* mkdir -p for the folder itself. 0 or -errno; -ENOTDIR if a file is in the way. */
int file_make_folder(const char *path, mode_t mode);

#endif
