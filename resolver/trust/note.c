#include "trust/note.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/utf8.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DASH             "\xe2\x80\x94 " /* an em dash and a space begin a signature line */
#define DASH_LEN         (sizeof(DASH) - 1)
#define COSIGNATURE_HEAD "cosignature/v1\ntime %llu\n"

enum {
    ID_OCTETS = 4,
    TIME_OCTETS = 8,
    SIGNATURE_OCTETS = 64
};

size_t trust_base64_encode(const uint8_t *data, size_t len, char *out, size_t size)
{
    const size_t needed = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);

    if (size < needed) {
        return 0;
    }
    sodium_bin2base64(out, size, data, len, sodium_base64_VARIANT_ORIGINAL);
    return needed - 1;
}

/* libsodium's decoder takes octets above 0x7f for digits, so these are looked at first. */
bool trust_base64_decode(const char *text, size_t text_len, uint8_t *out, size_t size,
                         size_t *len)
{
    size_t got = 0;

    if (text_len == 0 || text_len % 4 != 0) {
        return false;
    }
    for (size_t i = 0; i < text_len; i++) {
        if ((unsigned char)text[i] > 0x7f) {
            return false;
        }
    }
    if (sodium_base642bin(out, size, text, text_len, NULL, &got, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        got == 0) {
        return false;
    }
    *len = got;
    return true;
}

static bool is_utf8(const char *text, size_t len)
{
    uint32_t point = 0;

    for (size_t i = 0; i < len;) {
        const size_t octets = utf8_point((const uint8_t *)text + i, len - i, &point);

        if (octets == 0) {
            return false;
        }
        i += octets;
    }
    return true;
}

static bool is_name(const char *name, size_t len)
{
    if (len == 0 || len >= TRUST_NOTE_NAME_MAX || !is_utf8(name, len)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const unsigned char octet = (unsigned char)name[i];
        if (octet <= ' ' || octet == '+' || octet == 0x7f) {
            return false;
        }
    }
    return true;
}

static void make_id(struct trust_note_key *key)
{
    uint8_t data[TRUST_NOTE_NAME_MAX + 2 + 32];
    uint8_t digest[DIGEST_OCTETS];
    const size_t len = strlen(key->name);

    memcpy(data, key->name, len);
    data[len] = '\n';
    data[len + 1] = (uint8_t)key->kind;
    memcpy(data + len + 2, key->key, sizeof(key->key));
    digest_sha256(data, len + 2 + sizeof(key->key), digest);
    memcpy(key->id, digest, ID_OCTETS);
}

static int make_key(const char *name, size_t len, enum trust_note_kind kind,
                    const uint8_t key[32], struct trust_note_key *out)
{
    if (!is_name(name, len)) {
        return CORDON_E_FORMAT;
    }
    memset(out, 0, sizeof(*out));
    memcpy(out->name, name, len);
    out->kind = kind;
    memcpy(out->key, key, sizeof(out->key));
    make_id(out);
    return 0;
}

int trust_note_key_make(const char *name, enum trust_note_kind kind, const uint8_t key[32],
                        struct trust_note_key *out)
{
    return make_key(name, strlen(name), kind, key, out);
}

int trust_note_key_parse(const char *text, size_t len, struct trust_note_key *out)
{
    struct trust_note_key key;
    char hex[2 * ID_OCTETS + 1];
    uint8_t octets[1 + 32];
    size_t got = 0;

    if (len > 0 && text[len - 1] == '\n') {
        len--;
    }
    const char *const id = memchr(text, '+', len);
    if (id == NULL) {
        return CORDON_E_FORMAT;
    }
    const size_t name_len = (size_t)(id - text);
    const size_t rest = len - name_len - 1;
    if (rest < 2 * ID_OCTETS + 2 || id[1 + 2 * ID_OCTETS] != '+' ||
        !trust_base64_decode(id + 2 + 2 * ID_OCTETS, rest - 2 * ID_OCTETS - 1, octets,
                             sizeof(octets), &got)) {
        return CORDON_E_FORMAT;
    }
    if (octets[0] != TRUST_NOTE_ED25519 && octets[0] != TRUST_NOTE_COSIGNATURE) {
        return CORDON_E_VERSION;
    }
    if (got != sizeof(octets) ||
        make_key(text, name_len, (enum trust_note_kind)octets[0], octets + 1, &key) != 0) {
        return CORDON_E_FORMAT;
    }
    digest_hex(key.id, ID_OCTETS, hex);
    if (memcmp(hex, id + 1, 2 * ID_OCTETS) != 0) {
        return CORDON_E_FORMAT;
    }
    *out = key;
    return 0;
}

size_t trust_note_key_format(const struct trust_note_key *key,
                             char out[TRUST_NOTE_KEY_TEXT_MAX])
{
    char hex[2 * ID_OCTETS + 1];
    char base64[64];
    uint8_t octets[1 + 32];

    octets[0] = (uint8_t)key->kind;
    memcpy(octets + 1, key->key, sizeof(key->key));
    digest_hex(key->id, ID_OCTETS, hex);
    trust_base64_encode(octets, sizeof(octets), base64, sizeof(base64));
    return (size_t)snprintf(out, TRUST_NOTE_KEY_TEXT_MAX, "%s+%s+%s", key->name, hex, base64);
}

/* One line without its newline: dash, name, space, base64. */
static bool parse_line(const char *at, size_t len, struct trust_note_line *out)
{
    uint8_t octets[8192]; /* lines of other algorithms are well-formed too, and longer */
    size_t got = 0;

    if (len <= DASH_LEN || memcmp(at, DASH, DASH_LEN) != 0) {
        return false;
    }
    out->name = at + DASH_LEN;
    const char *const space = memchr(out->name, ' ', len - DASH_LEN);
    if (space == NULL) {
        return false;
    }
    out->name_len = (size_t)(space - out->name);
    const size_t rest = len - DASH_LEN - out->name_len - 1;
    if (!is_name(out->name, out->name_len) ||
        !trust_base64_decode(space + 1, rest, octets, sizeof(octets), &got) ||
        got < ID_OCTETS + 1) {
        return false;
    }
    memcpy(out->id, octets, ID_OCTETS);
    out->len = got - ID_OCTETS <= sizeof(out->octets) ? got - ID_OCTETS : 0;
    memcpy(out->octets, octets + ID_OCTETS, out->len);
    return true;
}

/* The start of the signature lines: behind the last empty line. NULL if there is none. */
static const char *find_lines(const char *note, size_t len)
{
    for (size_t i = len; i >= 2; i--) {
        if (note[i - 1] == '\n' && note[i - 2] == '\n') {
            return note + i;
        }
    }
    return NULL;
}

int trust_note_parse(const char *note, size_t len, struct trust_note *out)
{
    if (len == 0 || note[len - 1] != '\n' || !is_utf8(note, len)) {
        return CORDON_E_FORMAT;
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)note[i] < ' ' && note[i] != '\n') {
            return CORDON_E_FORMAT;
        }
    }
    const char *at = find_lines(note, len);
    const char *const end = note + len;
    if (at == NULL || at == end || at == note + 1) {
        return CORDON_E_FORMAT;
    }
    out->text = note;
    out->text_len = (size_t)(at - note) - 1;
    out->count = 0;
    while (at < end) {
        const char *const newline = memchr(at, '\n', (size_t)(end - at));

        if (out->count == TRUST_NOTE_SIGNATURES_MAX) {
            return CORDON_E_LIMIT;
        }
        if (!parse_line(at, (size_t)(newline - at), &out->lines[out->count])) {
            return CORDON_E_FORMAT;
        }
        out->count++;
        at = newline + 1;
    }
    return 0;
}

/* The octets that a cosignature signs; the caller frees them. NULL: no memory. */
static char *cosigned(uint64_t time_s, const char *text, size_t text_len, size_t *len)
{
    char head[64];
    const int head_len =
        snprintf(head, sizeof(head), COSIGNATURE_HEAD, (unsigned long long)time_s);
    char *data = malloc((size_t)head_len + text_len);

    if (data != NULL) {
        memcpy(data, head, (size_t)head_len);
        memcpy(data + head_len, text, text_len);
        *len = (size_t)head_len + text_len;
    }
    return data;
}

static bool verify_line(const struct trust_note *note, const struct trust_note_line *line,
                        const struct trust_note_key *key, uint64_t *time_s)
{
    uint64_t time = 0;
    size_t len = 0;

    if (key->kind == TRUST_NOTE_ED25519) {
        *time_s = 0;
        return line->len == SIGNATURE_OCTETS &&
               crypto_sign_verify_detached(line->octets, (const uint8_t *)note->text,
                                           note->text_len, key->key) == 0;
    }
    if (line->len != TIME_OCTETS + SIGNATURE_OCTETS || line->octets[0] > 0x7f) {
        return false;
    }
    for (unsigned i = 0; i < TIME_OCTETS; i++) {
        time = time << 8 | line->octets[i];
    }
    char *data = cosigned(time, note->text, note->text_len, &len);
    const bool good =
        data != NULL && crypto_sign_verify_detached(line->octets + TIME_OCTETS,
                                                    (const uint8_t *)data, len, key->key) == 0;
    free(data);
    *time_s = time;
    return good;
}

static bool is_of(const struct trust_note_line *line, const struct trust_note_key *key)
{
    return line->name_len == strlen(key->name) &&
           memcmp(line->name, key->name, line->name_len) == 0 &&
           memcmp(line->id, key->id, ID_OCTETS) == 0;
}

const struct trust_note_line *trust_note_find(const struct trust_note *note,
                                              const struct trust_note_key *key)
{
    for (size_t i = 0; i < note->count; i++) {
        if (is_of(&note->lines[i], key)) {
            return &note->lines[i];
        }
    }
    return NULL;
}

int trust_note_verify(const struct trust_note *note, const struct trust_note_key *key,
                      uint64_t *time_s)
{
    bool found = false;
    uint64_t time = 0;

    for (size_t i = 0; i < note->count; i++) {
        const struct trust_note_line *line = &note->lines[i];

        if (!is_of(line, key)) {
            continue;
        }
        if (!verify_line(note, line, key, &time)) {
            return CORDON_E_SIGNATURE;
        }
        found = true;
    }
    if (found && time_s != NULL) {
        *time_s = time;
    }
    return found ? 0 : CORDON_E_UNTRUSTED;
}

/* id and signature, at most 76 octets. */
static size_t write_line(const char *name, size_t name_len, const uint8_t *octets, size_t len,
                         char out[TRUST_NOTE_LINE_MAX])
{
    char base64[128];

    trust_base64_encode(octets, len, base64, sizeof(base64));
    const int written =
        snprintf(out, TRUST_NOTE_LINE_MAX, DASH "%.*s %s\n", (int)name_len, name, base64);
    return written > 0 && written < TRUST_NOTE_LINE_MAX ? (size_t)written : 0;
}

size_t trust_note_sign(const struct trust_note_key *key, const struct trust_secret_key *secret,
                       uint64_t time_s, const char *text, size_t text_len,
                       char out[TRUST_NOTE_LINE_MAX])
{
    uint8_t octets[ID_OCTETS + TIME_OCTETS + SIGNATURE_OCTETS];
    size_t at = ID_OCTETS;

    invariant(text_len > 0 && text[text_len - 1] == '\n');
    memcpy(octets, key->id, ID_OCTETS);
    if (key->kind == TRUST_NOTE_COSIGNATURE) {
        size_t len = 0;
        char *data = cosigned(time_s, text, text_len, &len);

        if (data == NULL) {
            return 0;
        }
        for (unsigned i = 0; i < TIME_OCTETS; i++) {
            octets[at++] = (uint8_t)(time_s >> (56 - 8 * i));
        }
        invariant(crypto_sign_detached(octets + at, NULL, (const uint8_t *)data, len,
                                       secret->secret) == 0);
        free(data);
    } else {
        invariant(crypto_sign_detached(octets + at, NULL, (const uint8_t *)text, text_len,
                                       secret->secret) == 0);
    }
    return write_line(key->name, strlen(key->name), octets, at + SIGNATURE_OCTETS, out);
}

size_t trust_note_line_format(const struct trust_note_line *line, char out[TRUST_NOTE_LINE_MAX])
{
    uint8_t octets[ID_OCTETS + sizeof(line->octets)];

    if (line->len == 0) {
        return 0;
    }
    memcpy(octets, line->id, ID_OCTETS);
    memcpy(octets + ID_OCTETS, line->octets, line->len);
    return write_line(line->name, line->name_len, octets, ID_OCTETS + line->len, out);
}
