#include "audit/checkpoint.h"

#include "audit/tree.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static void add_base64(struct text *text, const uint8_t digest[DIGEST_OCTETS])
{
    char base64[2 * DIGEST_OCTETS];

    trust_base64_encode(digest, DIGEST_OCTETS, base64, sizeof(base64));
    text_printf(text, "%s\n", base64);
}

size_t audit_checkpoint_make(const struct audit_checkpoint *checkpoint,
                             const struct audit_in_force *in_force,
                             const struct trust_note_key *key,
                             const struct trust_secret_key *secret, char *out, size_t size)
{
    char time[CLOCK_TEXT_MAX];
    char hex[2 * DIGEST_OCTETS + 1];
    char line[TRUST_NOTE_LINE_MAX];
    struct text text;

    invariant(key->kind == TRUST_NOTE_ED25519);
    text_init(&text, out, size);
    text_printf(&text, "%s\n%llu\n", key->name, (unsigned long long)checkpoint->size);
    add_base64(&text, checkpoint->root);
    clock_format(checkpoint->time_us, time);
    text_printf(&text, "time %s\n", time);
    if (in_force != NULL && in_force->config != NULL) {
        digest_hex(in_force->config, DIGEST_OCTETS, hex);
        text_printf(&text, "config %s\n", hex);
    }
    for (size_t i = 0; in_force != NULL && i < in_force->list_count; i++) {
        text_printf(&text, "list %s %llu\n", in_force->lists[i].id,
                    (unsigned long long)in_force->lists[i].serial);
    }
    if (text.overflow || trust_note_sign(key, secret, 0, out, text.len, line) == 0) {
        return 0;
    }
    text_add(&text, "\n");
    text_add(&text, line);
    return text.overflow ? 0 : text.len;
}

struct lines {
    const char *at;
    size_t left;
};

static bool next_line(struct lines *lines, const char **line, size_t *len)
{
    const char *const newline = lines->left > 0 ? memchr(lines->at, '\n', lines->left) : NULL;

    if (newline == NULL) {
        return false;
    }
    *line = lines->at;
    *len = (size_t)(newline - lines->at);
    lines->left -= *len + 1;
    lines->at = newline + 1;
    return true;
}

/* Digits without leading zeros, below 2^63. */
static bool parse_number(const char *at, size_t len, uint64_t *out)
{
    uint64_t value = 0;

    if (len == 0 || len > 18 || (len > 1 && at[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        value = 10 * value + (uint64_t)(at[i] - '0');
    }
    *out = value;
    return true;
}

/* "2026-11-22T09:30:00.123456Z". */
static bool parse_time(const char *at, size_t len, uint64_t *out)
{
    char whole[CLOCK_TEXT_MAX];
    uint64_t seconds = 0;
    uint64_t micros = 0;

    if (len != 27 || at[19] != '.' || at[26] != 'Z') {
        return false;
    }
    memcpy(whole, at, 19);
    whole[19] = 'Z';
    for (size_t i = 20; i < 26; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        micros = 10 * micros + (uint64_t)(at[i] - '0');
    }
    if (clock_parse(whole, 20, &seconds) != 0) {
        return false;
    }
    *out = seconds * 1000000 + micros;
    return true;
}

static bool parse_digest(const char *at, size_t len, uint8_t out[DIGEST_OCTETS])
{
    size_t got = 0;

    return trust_base64_decode(at, len, out, DIGEST_OCTETS, &got) && got == DIGEST_OCTETS;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(const char *at, size_t len, uint8_t out[DIGEST_OCTETS])
{
    if (len != 2 * (size_t)DIGEST_OCTETS) {
        return false;
    }
    for (size_t i = 0; i < DIGEST_OCTETS; i++) {
        const int high = digit_of(at[2 * i]);
        const int low = digit_of(at[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool begins(const char *at, size_t len, const char *word)
{
    return len > strlen(word) && memcmp(at, word, strlen(word)) == 0;
}

static bool parse_extension(const char *at, size_t len, struct audit_checkpoint *out)
{
    if (begins(at, len, "time ")) {
        return out->time_us == 0 && parse_time(at + 5, len - 5, &out->time_us);
    }
    if (begins(at, len, "config ")) {
        const bool first = !out->has_config;

        out->has_config = true;
        return first && parse_hex(at + 7, len - 7, out->config);
    }
    if (begins(at, len, "list ")) {
        out->lists++;
    }
    return len > 0;
}

int audit_checkpoint_parse(const struct trust_note *note, struct audit_checkpoint *out)
{
    struct lines lines = {note->text, note->text_len};
    struct audit_checkpoint got = {.size = 0};
    const char *line = NULL;
    size_t len = 0;

    if (!next_line(&lines, &line, &len) || len == 0 || len >= sizeof(got.origin)) {
        return CORDON_E_FORMAT;
    }
    memcpy(got.origin, line, len);
    if (!next_line(&lines, &line, &len) || !parse_number(line, len, &got.size) ||
        !next_line(&lines, &line, &len) || !parse_digest(line, len, got.root)) {
        return CORDON_E_FORMAT;
    }
    for (unsigned count = 0; next_line(&lines, &line, &len); count++) {
        if (count == AUDIT_CHECKPOINT_LINES_MAX || !parse_extension(line, len, &got)) {
            return CORDON_E_FORMAT;
        }
    }
    *out = got;
    return 0;
}

int audit_witness(const char *note, size_t note_len, const struct trust_note_key *log,
                  uint64_t old_size, const uint8_t old_root[DIGEST_OCTETS],
                  const uint8_t proof[][DIGEST_OCTETS], unsigned count,
                  const struct trust_note_key *witness, const struct trust_secret_key *secret,
                  uint64_t now_s, char *out, size_t *len)
{
    struct audit_checkpoint checkpoint;
    struct trust_note parsed;
    int result = trust_note_parse(note, note_len, &parsed);

    invariant(witness->kind == TRUST_NOTE_COSIGNATURE);
    if (result == 0) {
        result = trust_note_verify(&parsed, log, NULL);
    }
    if (result == 0) {
        result = audit_checkpoint_parse(&parsed, &checkpoint);
    }
    if (result != 0) {
        return result;
    }
    if (strcmp(checkpoint.origin, log->name) != 0) {
        return CORDON_E_FORMAT;
    }
    const bool follows = old_size == 0 ? count == 0
                                       : audit_tree_extends(old_size, old_root, checkpoint.size,
                                                            checkpoint.root, proof, count);
    if (!follows) {
        return CORDON_E_CORRUPT;
    }
    *len = trust_note_sign(witness, secret, now_s, parsed.text, parsed.text_len, out);
    return *len > 0 ? 0 : CORDON_E_FORMAT;
}
