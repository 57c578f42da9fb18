/*
 * trust/note.h - signed notes: a text and signature lines of Ed25519 keys, as transparency logs
 * and their witnesses exchange them (c2sp.org/signed-note, c2sp.org/tlog-cosignature).
 *
 * Read strictly: no control characters but newlines, canonical base64, nothing that is no
 * signature line behind the last empty line. random_library_init() has been called before.
 */
#ifndef CORDON_TRUST_NOTE_H
#define CORDON_TRUST_NOTE_H

#include "trust/minisign.h"

#include <stdbool.h>

#define TRUST_NOTE_NAME_MAX       256 /* octets of a key's name, the terminator included */
#define TRUST_NOTE_SIGNATURES_MAX 64  /* lines; the specification asks for 16 at least */
#define TRUST_NOTE_KEY_TEXT_MAX   (TRUST_NOTE_NAME_MAX + 64)

enum trust_note_kind {
    TRUST_NOTE_ED25519 = 1,    /* over the text */
    TRUST_NOTE_COSIGNATURE = 4 /* a witness's, over its time and the text */
};

/* A verifier key ("vkey"): NAME+ID+BASE64. */
struct trust_note_key {
    char name[TRUST_NOTE_NAME_MAX];
    uint8_t id[4];
    enum trust_note_kind kind;
    uint8_t key[32];
};

/* A name is 1 to 255 octets of UTF-8 without space, "+" or control characters. 0 or
 * CORDON_E_FORMAT. */
int trust_note_key_make(const char *name, enum trust_note_kind kind, const uint8_t key[32],
                        struct trust_note_key *out);
/* One vkey, without a newline (one at the end is taken). 0; CORDON_E_FORMAT, also where the id
 * is not that of name and key; CORDON_E_VERSION for a kind that is not one of these. */
int trust_note_key_parse(const char *text, size_t len, struct trust_note_key *out);
/* Returns the length. */
size_t trust_note_key_format(const struct trust_note_key *key,
                             char out[TRUST_NOTE_KEY_TEXT_MAX]);

struct trust_note_line {
    const char *name; /* in the note; not terminated */
    size_t name_len;
    uint8_t id[4];
    uint8_t octets[72]; /* a time of 8 and a signature of 64, or the signature alone */
    size_t len;         /* 0: of a kind that these octets cannot hold */
};

/* A note as read; borrows the text. */
struct trust_note {
    const char *text; /* what is signed: ends with a newline */
    size_t text_len;
    struct trust_note_line lines[TRUST_NOTE_SIGNATURES_MAX];
    size_t count;
};

/* 0, CORDON_E_FORMAT, CORDON_E_LIMIT (more signature lines). Nothing is verified. */
int trust_note_parse(const char *note, size_t len, struct trust_note *out);

/* 0 if a line of this key verifies and none of it fails; *time_s (may be NULL) is then the time
 * of a cosignature, 0 of another kind. CORDON_E_SIGNATURE if one fails; CORDON_E_UNTRUSTED if
 * there is none of this key. */
int trust_note_verify(const struct trust_note *note, const struct trust_note_key *key,
                      uint64_t *time_s);

/* The first line of this key's name and id, verified or not; NULL: there is none. */
const struct trust_note_line *trust_note_find(const struct trust_note *note,
                                              const struct trust_note_key *key);

/*
 * The signature line, with its newline, of key over a text that ends with a newline. time_s is
 * for a cosignature alone. secret belongs to key. Returns the length; 0 if it does not fit.
 */
#define TRUST_NOTE_LINE_MAX (TRUST_NOTE_NAME_MAX + 128)
size_t trust_note_sign(const struct trust_note_key *key, const struct trust_secret_key *secret,
                       uint64_t time_s, const char *text, size_t text_len,
                       char out[TRUST_NOTE_LINE_MAX]);

/* A line as it was read, with its newline. Returns the length; 0 if it is of a kind whose
 * octets were not kept. */
size_t trust_note_line_format(const struct trust_note_line *line,
                              char out[TRUST_NOTE_LINE_MAX]);

/* Base64 in its one spelling (RFC 4648, 4), for the formats around notes. out of encode has
 * 4 * (len + 2) / 3 + 1 octets. decode: false if it is not that of 1 to size octets. */
size_t trust_base64_encode(const uint8_t *data, size_t len, char *out, size_t size);
bool trust_base64_decode(const char *text, size_t text_len, uint8_t *out, size_t size,
                         size_t *len);

#endif
