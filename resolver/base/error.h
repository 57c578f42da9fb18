/*
 * base/error.h - error codes of our own, beside negative errno values.
 *
 * Functions that can fail because of the world return int: 0 or a negative code. Codes below
 * -2000 are ours. The one table of them is what libcordon shows to other programs.
 */
#ifndef CORDON_BASE_ERROR_H
#define CORDON_BASE_ERROR_H

#include <cordon/error.h>

#endif
