/*
 * wire/limits.h - bounds of loops that a stranger's message could lengthen, and why.
 */
#ifndef CORDON_WIRE_LIMITS_H
#define CORDON_WIRE_LIMITS_H

/* A 64 KiB message holds at most (65535 - 12) / 11 records; the counts in the header may claim
 * more, and the walk ends at the message's end in any case. */
#define WIRE_RECORDS_MAX 5957u

/* Compression pointers in one name: as many as labels, since only a pointer that leads to a
 * label is of use. A chain of bare pointers could be 8,192 long, once for every record. */
#define WIRE_POINTERS_MAX 127u

/* Options in one OPT record: four octets each at least; real ones carry a handful. */
#define WIRE_OPTIONS_MAX 64u

/* SvcParams in one SVCB record (RFC 9460): 16-bit keys, but only some ten are assigned. */
#define WIRE_SVC_PARAMS_MAX 128u

#endif
