/*
 * base/pages.h - memory from the system in one piece of its own, and memory that goes back to
 * it.
 */
#ifndef CORDON_BASE_PAGES_H
#define CORDON_BASE_PAGES_H

#include <stddef.h>

/* Memory of zeros, at the beginning of a page, of which each page is there once it is touched.
 * What lies before and behind it cannot be touched: a step too far ends the process, and the
 * system shows it as a mapping by itself. NULL if there is none. */
void *pages_take(size_t len);
void pages_release(void *from, size_t len); /* NULL is fine */

/* What the len octets from there on hold is forgotten: the whole pages among them read as zeros
 * and take no memory until they are written to again; the ends, which are shared with
 * neighbours, stay as they are. Of anonymous memory, as malloc gives it. A system call. */
void pages_give_back(void *from, size_t len);

/* A large page: of x86-64, and of aarch64 with pages of 4 KiB. Elsewhere large ones are others,
 * and the advice below is not taken. */
#define PAGES_LARGE ((size_t)2 << 20)

/* Large pages for each whole PAGES_LARGE of a mapping of shared memory, which begins at a
 * multiple of it there and in its file. What is there stays; it is cheapest where nothing is
 * yet. Where the system has no large ones (before Linux 6.1, no memory in one piece, forbidden)
 * it stays as it is. Nobody else may write meanwhile. A system call, which may wait for other
 * processors. */
void pages_make_large(void *from, size_t len);

#endif
