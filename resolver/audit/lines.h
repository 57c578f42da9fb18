/*
 * audit/lines.h - the lines of checkpoints, proofs and requests: read from texts of strangers,
 * each value in its one spelling. Internal to the room.
 */
#ifndef CORDON_AUDIT_LINES_H
#define CORDON_AUDIT_LINES_H

#include "base/digest.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit_lines {
    const char *at; /* what is not yet read */
    size_t left;
};

/* The next line, without its newline. False if there is none that ends with one. */
bool audit_lines_next(struct audit_lines *lines, const char **line, size_t *len);

/* Digits without leading zeros, at most eighteen. */
bool audit_lines_number(const char *at, size_t len, uint64_t *out);
/* Exactly one digest in base64. */
bool audit_lines_digest(const char *at, size_t len, uint8_t out[DIGEST_OCTETS]);
/* The same, written, with its newline. */
void audit_lines_put_digest(struct text *text, const uint8_t digest[DIGEST_OCTETS]);

#endif
