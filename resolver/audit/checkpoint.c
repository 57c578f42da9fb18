#include "audit/checkpoint.h"

#include "audit/lines.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

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
    audit_lines_put_digest(&text, checkpoint->root);
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
        return first && len == 7 + 2 * (size_t)DIGEST_OCTETS &&
               digest_unhex(at + 7, DIGEST_OCTETS, out->config);
    }
    if (begins(at, len, "list ")) {
        out->lists++;
    }
    return len > 0;
}

int audit_checkpoint_parse(const struct trust_note *note, struct audit_checkpoint *out)
{
    struct audit_lines lines = {note->text, note->text_len};
    struct audit_checkpoint got = {.size = 0};
    const char *line = NULL;
    size_t len = 0;

    if (!audit_lines_next(&lines, &line, &len) || len == 0 || len >= sizeof(got.origin)) {
        return CORDON_E_FORMAT;
    }
    memcpy(got.origin, line, len);
    if (!audit_lines_next(&lines, &line, &len) || !audit_lines_number(line, len, &got.size) ||
        !audit_lines_next(&lines, &line, &len) || !audit_lines_digest(line, len, got.root)) {
        return CORDON_E_FORMAT;
    }
    for (unsigned count = 0; audit_lines_next(&lines, &line, &len); count++) {
        if (count == AUDIT_CHECKPOINT_LINES_MAX || !parse_extension(line, len, &got)) {
            return CORDON_E_FORMAT;
        }
    }
    *out = got;
    return 0;
}
