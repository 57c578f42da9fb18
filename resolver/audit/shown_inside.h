/*
 * audit/shown_inside.h - what shown.c and shown_json.c share.
 */
#ifndef CORDON_AUDIT_SHOWN_INSIDE_H
#define CORDON_AUDIT_SHOWN_INSIDE_H

#include "audit/shown.h"

/* A name in wire format, or one that was hashed; octets that are neither: "?" and hexadecimal
 * digits. Appended. */
void shown_add_name(struct text *out, const uint8_t *octets, size_t len);

/* The octets of the first of names in a row; 0: there is none that is one. */
size_t shown_first_name(const struct audit_value *chain, size_t from);

#endif
