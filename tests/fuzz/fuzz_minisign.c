/*
 * Feeds arbitrary octets to the readers of signatures, public keys and secret keys, or edits a
 * fresh signature or secret key file as the octets say: the first octet chooses. Beyond "does
 * not crash", what is accepted must be what would be written, nothing may be appended to it,
 * nobody without the key may forge, and no edit may go unseen.
 */
#include "base/random.h"
#include "trust/minisign.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

/* Parses the text with something appended. */
static bool still_accepted(int (*parse)(const char *text, size_t len), const char *text,
                           size_t len, char appended)
{
    char *longer = malloc(len + 1);

    require(longer != NULL);
    memcpy(longer, text, len);
    longer[len] = appended;
    const bool accepted = parse(longer, len + 1) == 0;
    free(longer);
    return accepted;
}

/* Only the last newline may come or not. */
static void require_whole(int (*parse)(const char *text, size_t len), const char *text,
                          size_t len)
{
    static const char appended[] = {'\0', '\r', ' ', 'A', '=', '\n'};

    for (size_t i = 0; i < sizeof(appended); i++) {
        require(still_accepted(parse, text, len, appended[i]) ==
                (appended[i] == '\n' && text[len - 1] != '\n'));
    }
}

static int parse_signature(const char *text, size_t len)
{
    struct trust_signature signature;

    return trust_signature_parse(text, len, &signature);
}

static void check_signature(const char *text, size_t len)
{
    static const uint8_t data[] = "a list that no input has signed";
    struct trust_signature signature;
    struct trust_secret_key secret;
    struct trust_public_key key;

    if (trust_signature_parse(text, len, &signature) != 0) {
        return;
    }
    require_whole(parse_signature, text, len);
    require(memchr(signature.trusted_comment, '\0', sizeof(signature.trusted_comment)) != NULL);
    for (const char *at = signature.trusted_comment; *at != '\0'; at++) {
        require((unsigned char)*at >= 0x20 || *at == '\t');
    }
    /* A fresh key has signed nothing, whatever id the file claims. */
    trust_key_generate(&secret, &key);
    memcpy(key.id, signature.id, sizeof(key.id));
    require(trust_verify(&key, &signature, data, sizeof(data)) != 0);
}

static int parse_public_key(const char *text, size_t len)
{
    struct trust_public_key key;

    return trust_public_key_parse(text, len, &key);
}

static void check_public_key(const char *text, size_t len)
{
    struct trust_public_key key;
    struct trust_public_key again;
    char out[512];

    if (trust_public_key_parse(text, len, &key) != 0) {
        return;
    }
    require_whole(parse_public_key, text, len);
    const size_t out_len = trust_public_key_format(&key, out, sizeof(out));
    require(out_len > 0 && trust_public_key_parse(out, out_len, &again) == 0);
    require(memcmp(&key, &again, sizeof(key)) == 0);
}

static int parse_secret_key(const char *text, size_t len)
{
    struct trust_secret_key key;

    return trust_secret_key_parse(text, len, NULL, &key);
}

static void check_secret_key(const char *text, size_t len)
{
    struct trust_secret_key key;
    struct trust_secret_key again;
    char out[512];

    /* Without a password: the cost of scrypt would be all that is measured. */
    if (trust_secret_key_parse(text, len, NULL, &key) != 0) {
        return;
    }
    require_whole(parse_secret_key, text, len);
    const size_t out_len = trust_secret_key_format(&key, NULL, out, sizeof(out));
    require(out_len > 0 && trust_secret_key_parse(out, out_len, NULL, &again) == 0);
    require(memcmp(&key, &again, sizeof(key)) == 0);
}

/* Where to edit (two octets), how many octets to take out (one), and what to put there. */
static size_t edited(const char *file, size_t len, const uint8_t *edit, size_t edit_len,
                     char out[2 * TRUST_SIGNATURE_FILE_MAX])
{
    const size_t at = edit_len >= 2 ? ((size_t)edit[0] << 8 | edit[1]) % (len + 1) : len;
    const size_t wanted = edit_len >= 3 ? edit[2] : 0;
    const size_t removed = wanted < len - at ? wanted : len - at;
    const size_t put = edit_len > 3 ? edit_len - 3 : 0;

    memcpy(out, file, at);
    memcpy(out + at, edit + edit_len - put, put);
    memcpy(out + at + put, file + at + removed, len - at - removed);
    return len - removed + put;
}

static void edit_signature(const uint8_t *edit, size_t edit_len)
{
    static const uint8_t data[] = "a list";
    struct trust_signature signature;
    struct trust_secret_key secret;
    struct trust_public_key key;
    char file[TRUST_SIGNATURE_FILE_MAX];
    char out[2 * TRUST_SIGNATURE_FILE_MAX];
    size_t len = 0;

    trust_key_generate(&secret, &key);
    require(trust_sign(&secret, data, sizeof(data), "serial 7", file, sizeof(file), &len) == 0);
    size_t out_len = edited(file, len, edit, edit_len, out);
    if (trust_signature_parse(out, out_len, &signature) != 0 ||
        trust_verify(&key, &signature, data, sizeof(data)) != 0) {
        return;
    }
    /* Only the untrusted comment and the last newline may differ. */
    const char *covered = memchr(file, '\n', len);
    const char *out_covered = memchr(out, '\n', out_len);
    require(covered != NULL && out_covered != NULL);
    len -= (size_t)(covered - file);
    out_len -= (size_t)(out_covered - out);
    require(out_len == len || out_len == len - 1);
    require(memcmp(covered, out_covered, out_len) == 0);
}

static void edit_secret_key(const uint8_t *edit, size_t edit_len)
{
    struct trust_secret_key secret;
    struct trust_secret_key again;
    struct trust_public_key key;
    char file[512];
    char out[2 * TRUST_SIGNATURE_FILE_MAX];

    trust_key_generate(&secret, &key);
    const size_t len = trust_secret_key_format(&secret, NULL, file, sizeof(file));
    const size_t out_len = edited(file, len, edit, edit_len, out);
    if (trust_secret_key_parse(out, out_len, NULL, &again) == 0) {
        require(memcmp(&secret, &again, sizeof(secret)) == 0);
        require_whole(parse_secret_key, out, out_len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > TRUST_SIGNATURE_FILE_MAX) {
        return 0;
    }
    require(random_library_init() == 0);
    const char *text = (const char *)data + 1;
    switch (data[0] % 5) {
    case 0:
        check_signature(text, size - 1);
        break;
    case 1:
        check_public_key(text, size - 1);
        break;
    case 2:
        check_secret_key(text, size - 1);
        break;
    case 3:
        edit_signature(data + 1, size - 1);
        break;
    default:
        edit_secret_key(data + 1, size - 1);
        break;
    }
    return 0;
}
