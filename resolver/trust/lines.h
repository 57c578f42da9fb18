/*
 * trust/lines.h - the form that roots, catalogues and ratchets share: "KEY VALUE" lines in one
 * order and one spelling, so that a text that is accepted is the text that would be written.
 *
 * Lines end with LF; no comments, no empty lines; UTF-8 without control characters and without
 * characters that are invisible or move what is seen. The first fault ends the reading: these
 * texts are written by programs. Internal to the room.
 */
#ifndef CORDON_TRUST_LINES_H
#define CORDON_TRUST_LINES_H

#include "base/report.h"
#include "base/text.h"
#include "trust/minisign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINES_ID_MAX   64u  /* octets of an id of a publisher, a list or a provider */
#define LINES_NAME_MAX 253u /* octets of a name as text, without the final dot */

struct lines {
    const char *next; /* what is not yet read */
    size_t left;
    const char *at; /* the current line, without its LF; NULL: there is none */
    size_t len;
    size_t number;
    const char *file;
    struct report *report;
    int rc; /* 0; else the first fault's code, and nothing more is read */
};

/* Begins, with the first line current. */
void lines_open(struct lines *lines, const char *text, size_t len, const char *file,
                struct report *report);

/* Reports a fault of the current line. Always false. */
bool lines_fault(struct lines *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The current line is "WHAT 1" and is passed by. False after a fault; a higher version is
 * CORDON_E_VERSION. */
bool lines_first(struct lines *lines, const char *what);
/* The same with a version from 1 to most. */
bool lines_version(struct lines *lines, const char *what, uint32_t most, uint32_t *version);

/* Does the current line begin with "KEY "? */
bool lines_is(const struct lines *lines, const char *key);

/* The value of the current line, which begins with "KEY " and is passed by: at most size - 1
 * octets, and a zero. False after a fault. */
bool lines_value(struct lines *lines, const char *key, char *out, size_t size);

/* Values of one kind. False after a fault. */
bool lines_id(struct lines *lines, const char *key, char out[LINES_ID_MAX + 1]);
bool lines_number(struct lines *lines, const char *key, uint32_t *out);
bool lines_time(struct lines *lines, const char *key, uint64_t *out_s);
bool lines_key(struct lines *lines, const char *key, struct trust_public_key *out);

/* The current line is "end" and is the last. False after a fault. */
bool lines_end(struct lines *lines);

/* Parts of values. A number has no leading zero and is from 1 to max. */
bool lines_parse_number(const char *text, size_t len, uint64_t max, uint64_t *out);
bool lines_is_id(const char *text, size_t len);
/* A name in lower case without the final dot, at least two labels. */
bool lines_is_name(const char *text, size_t len);
/* 2 * len lower-case hexadecimal digits. */
bool lines_parse_hex(const char *text, size_t text_len, uint8_t *out, size_t len);

/* Writing. */
void lines_put_time(struct text *text, const char *key, uint64_t at_s);
void lines_put_key(struct text *text, const char *key, const struct trust_public_key *value);
void lines_put_hex(struct text *text, const uint8_t *octets, size_t len);

#endif
