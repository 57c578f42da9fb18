/*
 * base/pages.h - memory that is not needed for now goes back to the system.
 */
#ifndef CORDON_BASE_PAGES_H
#define CORDON_BASE_PAGES_H

#include <stddef.h>

/* What the len octets from there on hold is forgotten: the whole pages among them read as zeros
 * and take no memory until they are written to again; the ends, which are shared with
 * neighbours, stay as they are. Of anonymous memory, as malloc gives it. A system call. */
void pages_give_back(void *from, size_t len);

#endif
