/*
 * base/invariant.h - a check of our own promises, always compiled in.
 *
 * Only for our own mistakes: nothing that a packet, list or file can cause may end here.
 */
#ifndef CORDON_BASE_INVARIANT_H
#define CORDON_BASE_INVARIANT_H

/* Prints file, line and the condition to standard error, then aborts. */
_Noreturn void invariant_failed(const char *condition, const char *file, int line);

#define invariant(condition) \
    ((condition) ? (void)0 : invariant_failed(#condition, __FILE__, __LINE__))

#endif
