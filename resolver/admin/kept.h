/*
 * admin/kept.h - files of what people have decided: a comment, then a JSON object on each
 * line, read by admin/request.h; the first one is {"kind":KIND,"version":N}. Blank lines and
 * those that begin with # say nothing. Pure: nobody here opens a file.
 */
#ifndef CORDON_ADMIN_KEPT_H
#define CORDON_ADMIN_KEPT_H

#include "admin/request.h"
#include "base/text.h"

/* Takes one line, by its number from 1. A code other than 0 ends it. */
typedef int kept_take(void *context, const char *line, size_t len, size_t number);

/* Gives each line of a file's octets that says something. 0, or the code that ended it. */
int kept_each(const char *text, size_t len, kept_take *take, void *context);

/* "kind" of a line; NULL after a fault. If it is that of the head, its version has been looked
 * at, the request is ended, and *is_head is true. */
const char *kept_read_kind(struct request *request, const char *head, unsigned version,
                           bool *is_head);
/* Who did it: "uid", "pid" and "user" ("": unknown). */
void kept_read_who(struct request *request, uint32_t *uid, int32_t *pid, char *user,
                   size_t size);
void kept_write_who(struct text *out, uint32_t uid, int32_t pid, const char *user);

/* Begins the text of a file with room for so many lines: memory that kept_end gives or frees.
 * False if there is none. */
bool kept_begin(struct text *out, const char *comment, const char *head, unsigned version,
                size_t count);
/* A line is begun as an object with its kind, and ended. */
void kept_begin_one(struct text *out, const char *kind);
void kept_end_one(struct text *out);
/* The text, which is the caller's; NULL: it did not fit. */
char *kept_end(struct text *out, size_t *len);

#endif
