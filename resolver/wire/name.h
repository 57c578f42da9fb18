/*
 * wire/name.h - reading domain names out of DNS messages.
 *
 * Pure: no allocation, no clock, no I/O. Every function may be called from any thread.
 */
#ifndef CORDON_WIRE_NAME_H
#define CORDON_WIRE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WIRE_NAME_MAX   255 /* octets, the root's zero octet included (RFC 1035, 2.3.4) */
#define WIRE_LABEL_MAX  63  /* octets in one label */
#define WIRE_LABELS_MAX 127 /* labels in one name, the root not counted */

enum wire_result {
    WIRE_OK = 0,
    WIRE_SHORT,       /* the message ends inside the name */
    WIRE_BAD_LABEL,   /* a length octet of the reserved kinds 0x40 or 0x80 */
    WIRE_BAD_POINTER, /* a compression pointer that does not point backwards, or too many */
    WIRE_TOO_LONG,    /* more than WIRE_NAME_MAX octets once uncompressed */
    WIRE_BAD_COUNT    /* a message with more than one question */
};

/*
 * A name, uncompressed and lower-cased (ASCII only). Plain data: copy it freely.
 * at[i] is the offset in octets of the length octet of label i, leftmost label first;
 * at[labels] is the offset of the root's zero octet, so octets + at[labels - d] is the
 * suffix that has d labels.
 */
struct wire_name {
    uint8_t octets[WIRE_NAME_MAX];
    uint8_t at[WIRE_LABELS_MAX + 1];
    uint8_t len;    /* octets used, 1 to WIRE_NAME_MAX */
    uint8_t labels; /* 0 to WIRE_LABELS_MAX */
};

/*
 * Reads the name that starts at msg[*pos].
 *
 * msg:  the whole message, borrowed for the call; msg_len is in octets.
 * pos:  in: where the name starts; out: the first octet after it. Unchanged on failure.
 * name: written on success; indeterminate on failure.
 *
 * Follows compression pointers only backwards and at most WIRE_POINTERS_MAX of them, so it
 * always ends, and soon.
 */
enum wire_result wire_name_read(const uint8_t *msg, size_t msg_len, size_t *pos,
                                struct wire_name *name);

/* The same, but the octets keep their case (RFC 4343, 4.1): for copying and for 0x20 checks.
 * Such a name must not be given to the functions below, which compare octets. */
enum wire_result wire_name_read_cased(const uint8_t *msg, size_t msg_len, size_t *pos,
                                      struct wire_name *name);

/* hot. As wire_name_read(), where a name must stand uncompressed. False: it does not, or is no
 * name; *pos is unchanged then, and *name indeterminate. */
bool wire_name_read_plain(const uint8_t *msg, size_t msg_len, size_t *pos,
                          struct wire_name *name);

/* The same checks, but nothing is kept. */
enum wire_result wire_name_skip(const uint8_t *msg, size_t msg_len, size_t *pos);

/* ASCII only: names are octets, and no locale changes what they equal (RFC 4343, 3). */
static inline uint8_t wire_lower(uint8_t octet)
{
    return (uint8_t)(octet - 'A') < 26 ? (uint8_t)(octet | 0x20) : octet;
}

#define WIRE_NAME_TEXT_MAX 1025 /* 255 octets, each at worst as \\DDD, and a terminator */

enum wire_text_result {
    WIRE_TEXT_OK = 0,
    WIRE_TEXT_EMPTY_LABEL, /* two dots in a row, or a leading dot */
    WIRE_TEXT_LONG_LABEL,  /* over WIRE_LABEL_MAX octets */
    WIRE_TEXT_LONG_NAME,   /* over WIRE_NAME_MAX octets */
    WIRE_TEXT_BAD_ESCAPE,  /* a backslash that is not \\X or \\DDD up to 255 */
    WIRE_TEXT_BAD_OCTET    /* outside printable ASCII: names are written as A-labels */
};

/*
 * Reads presentation format (RFC 1035, 5.1, with \\X and \\DDD escapes; a final dot is
 * optional; "." is the root). Lower-cased. len octets of text are read. *name is written on
 * success only.
 */
enum wire_text_result wire_name_from_text(const char *text, size_t len, struct wire_name *name);

/* What is wrong, in words for an error message. */
const char *wire_text_result_words(enum wire_text_result result);

/* Presentation format without the final dot ("." for the root), octets outside 0x21 to 0x7e
 * and the special ones escaped (RFC 4343, 2.1). Returns the length. */
size_t wire_name_to_text(const struct wire_name *name, char out[WIRE_NAME_TEXT_MAX]);

/* Whether it has labels, and all octets of these are lower-case letters, digits, hyphens and
 * low lines, as of nearly all names: its text needs no escapes, here or in JSON. */
bool wire_name_is_plain(const struct wire_name *name);
/* The last labels (at least 1) of a plain name as text, unterminated; returns the length. What
 * is behind it in out is indeterminate. */
size_t wire_name_plain_text(const struct wire_name *name, unsigned labels,
                            char out[WIRE_NAME_MAX]);

/* Octets of names, equal but for the case of letters; length octets may be among them. */
bool wire_octets_same(const uint8_t *a, const uint8_t *b, size_t len);

/* hot. As *to = *from, but only what is used of it, and some octets behind that. */
static inline void wire_name_copy(struct wire_name *to, const struct wire_name *from)
{
    uint8_t *const into = (uint8_t *)to;
    const uint8_t *const out_of = (const uint8_t *)from;

    /* In pieces of a fixed size, which are no calls. The last one may reach into what follows
     * the octets: it is copied afterwards. */
    for (size_t i = 0; i < from->len; i += 32) {
        memcpy(into + i, out_of + i, 32);
    }
    for (size_t i = 0; i <= from->labels; i += 16) {
        memcpy(into + offsetof(struct wire_name, at) + i,
               out_of + offsetof(struct wire_name, at) + i, 16);
    }
    to->len = from->len;
    to->labels = from->labels;
}

_Static_assert(offsetof(struct wire_name, octets) == 0 && sizeof(struct wire_name) >= 256 &&
                   WIRE_LABELS_MAX + 1 == 8 * 16,
               "pieces do not reach beyond a name");

bool wire_name_equal(const struct wire_name *a, const struct wire_name *b);

/* True if name equals suffix or lies below it, on label borders. */
bool wire_name_is_within(const struct wire_name *name, const struct wire_name *suffix);

/* The suffix of name that has labels labels (0: the root). labels <= name->labels. */
void wire_name_suffix(const struct wire_name *name, unsigned labels, struct wire_name *suffix);

/* prefix + suffix, for DNAME (RFC 6672) and prefixing redirects: the first count labels of name
 * followed by target. False if the result is over WIRE_NAME_MAX. */
bool wire_name_join(const struct wire_name *name, unsigned count,
                    const struct wire_name *target, struct wire_name *out);

#endif
