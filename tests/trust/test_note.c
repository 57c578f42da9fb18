/* trust/note: signed notes of others are read and verified, ours are ones, and what is none is
 * refused. The vectors are those of the specification's readers: Go's sumdb/note, C2SP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trust/note.h"

#include "base/error.h"
#include "base/random.h"

#include <string.h>

#define DASH "\xe2\x80\x94 "

static const char go_key[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char go_note[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n" DASH
    "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng"
    "otpRZb6KE6RyyBwJnAM=\n";
static const char example_key[] =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
static const char example_note[] =
    "This is an example message.\n"
    "\n" DASH
    "example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXm"
    "RKuwHjG1Yu72IneyaQM=\n";

static int setup(void **state)
{
    (void)state;
    return random_library_init();
}

static int verify(const char *text, const struct trust_note_key *key, uint64_t *time_s)
{
    struct trust_note note;
    const int result = trust_note_parse(text, strlen(text), &note);

    return result != 0 ? result : trust_note_verify(&note, key, time_s);
}

static void notes_of_others_verify(void **state)
{
    char text[TRUST_NOTE_KEY_TEXT_MAX];
    struct trust_note_key go;
    struct trust_note_key example;

    (void)state;
    assert_int_equal(trust_note_key_parse(go_key, strlen(go_key), &go), 0);
    assert_int_equal(trust_note_key_parse(example_key, strlen(example_key), &example), 0);
    assert_int_equal(verify(go_note, &go, NULL), 0);
    assert_int_equal(verify(example_note, &example, NULL), 0);
    assert_int_equal(verify(example_note, &go, NULL), CORDON_E_UNTRUSTED);
    trust_note_key_format(&go, text);
    assert_string_equal(text, go_key);
}

static void a_changed_note_does_not_verify(void **state)
{
    struct trust_note_key key;
    char text[sizeof(example_note)];

    (void)state;
    assert_int_equal(trust_note_key_parse(example_key, strlen(example_key), &key), 0);
    for (size_t i = 0; i < 8 * (sizeof(text) - 1); i++) {
        memcpy(text, example_note, sizeof(text));
        text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
        if (text[i / 8] != '\0') {
            assert_int_not_equal(verify(text, &key, NULL), 0);
        }
    }
}

static void what_is_no_note_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "\n",
        "text\n",                         /* no signature */
        "text\n\n",                       /* none behind the empty line */
        "\n" DASH "a AAAAAAA=\n",         /* no text */
        "text\n\n" DASH "a AAAAAAA=",     /* no newline at the end */
        "text\n\n" DASH "a AAAAAA==\n",   /* nothing behind the id */
        "text\n\n" DASH "a AAAAAAB\n",    /* no base64 */
        "text\n\n" DASH "a AAAAAAB=\n",   /* bits that encode nothing */
        "text\n\n" DASH "a AAAAAAA= \n",  /* something behind */
        "text\n\n" DASH "a b AAAAAAA=\n", /* a space in the name */
        "text\n\n" DASH "a+b AAAAAAA=\n", /* a plus in the name */
        "text\n\n" DASH " AAAAAAA=\n",    /* no name */
        "text\n\n- a AAAAAAA=\n",         /* another dash */
        "te\txt\n\n" DASH "a AAAAAAA=\n", /* a control character */
        "te\rxt\n\n" DASH "a AAAAAAA=\n",
        "te\xffxt\n\n" DASH "a AAAAAAA=\n",   /* no UTF-8 */
        "text\n\n" DASH "a AAAAAAA=\nmore\n", /* a line that is none */
    };
    static const char good[] = "text\n\nmore\n\n" DASH "a AAAAAAA=\n" DASH "b AAAAAAA=\n";
    struct trust_note note;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (trust_note_parse(bad[i], strlen(bad[i]), &note) != CORDON_E_FORMAT) {
            fail_msg("row %zu was read", i);
        }
    }
    assert_int_equal(trust_note_parse(good, strlen(good), &note), 0);
    assert_int_equal(note.text_len, strlen("text\n\nmore\n"));
    assert_int_equal(note.count, 2);

    char many[TRUST_NOTE_SIGNATURES_MAX * 20 + 64] = "text\n\n";
    for (unsigned i = 0; i <= TRUST_NOTE_SIGNATURES_MAX; i++) {
        strcat(many, DASH "a AAAAAAA=\n");
    }
    assert_int_equal(trust_note_parse(many, strlen(many), &note), CORDON_E_LIMIT);
}

static void what_is_no_key_is_refused(void **state)
{
    static const struct {
        const char *text;
        int result;
    } rows[] = {
        {"", CORDON_E_FORMAT},
        {"PeterNeumann", CORDON_E_FORMAT},
        {"PeterNeumann+c74f20a3", CORDON_E_FORMAT},
        {"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", CORDON_E_FORMAT},
        {"PeterNeumamn+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", CORDON_E_FORMAT},
        {"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Q=", CORDON_E_FORMAT},
        {"PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", CORDON_E_FORMAT},
        {"PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
         CORDON_E_VERSION},
        {"+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", CORDON_E_FORMAT},
    };
    struct trust_note_key key;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(trust_note_key_parse(rows[i].text, strlen(rows[i].text), &key),
                         rows[i].result);
    }
    assert_int_equal(trust_note_key_make("with space", TRUST_NOTE_ED25519, key.key, &key),
                     CORDON_E_FORMAT);
}

static void ours_are_notes_and_witnesses_sign_beside(void **state)
{
    static const char text[] = "example.com/log\n3\nAAAA\n";
    struct trust_secret_key log_secret;
    struct trust_secret_key witness_secret;
    struct trust_public_key log_public;
    struct trust_public_key witness_public;
    struct trust_note_key log;
    struct trust_note_key witness;
    struct trust_note_key again;
    char line[TRUST_NOTE_LINE_MAX];
    char key_text[TRUST_NOTE_KEY_TEXT_MAX];
    char note[2048];
    uint64_t time_s = 1;

    (void)state;
    trust_key_generate(&log_secret, &log_public);
    trust_key_generate(&witness_secret, &witness_public);
    assert_int_equal(
        trust_note_key_make("example.com/log", TRUST_NOTE_ED25519, log_public.key, &log), 0);
    assert_int_equal(trust_note_key_make("witness.example/w", TRUST_NOTE_COSIGNATURE,
                                         witness_public.key, &witness),
                     0);
    strcpy(note, text);
    strcat(note, "\n");
    assert_int_not_equal(trust_note_sign(&log, &log_secret, 0, text, strlen(text), line), 0);
    strcat(note, line);
    assert_int_equal(verify(note, &witness, NULL), CORDON_E_UNTRUSTED);
    assert_int_not_equal(
        trust_note_sign(&witness, &witness_secret, 1679315147, text, strlen(text), line), 0);
    strcat(note, line);
    assert_int_equal(verify(note, &log, &time_s), 0);
    assert_int_equal(time_s, 0);
    assert_int_equal(verify(note, &witness, &time_s), 0);
    assert_int_equal(time_s, 1679315147);
    trust_note_key_format(&witness, key_text);
    assert_int_equal(trust_note_key_parse(key_text, strlen(key_text), &again), 0);
    assert_memory_equal(again.key, witness.key, sizeof(again.key));
    /* The witness's key as one of a log is another key. */
    assert_int_equal(trust_note_key_make("witness.example/w", TRUST_NOTE_ED25519,
                                         witness_public.key, &again),
                     0);
    assert_int_equal(verify(note, &again, NULL), CORDON_E_UNTRUSTED);
    /* One bad line of a known key spoils the note. */
    note[0] = 'E';
    assert_int_equal(verify(note, &log, NULL), CORDON_E_SIGNATURE);
    assert_int_equal(verify(note, &witness, NULL), CORDON_E_SIGNATURE);
}

/* What signs, as the specification of cosignatures gives it: checked octet by octet. */
static void a_cosignature_signs_its_time_and_the_text(void **state)
{
    static const char text[] = "example.com/behind-the-sofa\n20852163\n"
                               "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    static const char signed_text[] = "cosignature/v1\ntime 1679315147\n"
                                      "example.com/behind-the-sofa\n20852163\n"
                                      "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    struct trust_secret_key secret;
    struct trust_public_key public_key;
    struct trust_note_key witness;
    struct trust_note_key plain;
    char line[TRUST_NOTE_LINE_MAX];
    char other[TRUST_NOTE_LINE_MAX];
    uint8_t octets[128];
    uint8_t plain_octets[128];
    size_t len = 0;

    (void)state;
    trust_key_generate(&secret, &public_key);
    assert_int_equal(trust_note_key_make("w", TRUST_NOTE_COSIGNATURE, public_key.key, &witness),
                     0);
    assert_int_equal(trust_note_key_make("w", TRUST_NOTE_ED25519, public_key.key, &plain), 0);
    trust_note_sign(&witness, &secret, 1679315147, text, strlen(text), line);
    trust_note_sign(&plain, &secret, 0, signed_text, strlen(signed_text), other);
    line[strlen(line) - 1] = '\0';
    other[strlen(other) - 1] = '\0';
    const char *at = line + strlen(DASH "w ");
    assert_true(trust_base64_decode(at, strlen(at), octets, sizeof(octets), &len));
    assert_int_equal(len, 4 + 8 + 64);
    at = other + strlen(DASH "w ");
    assert_true(trust_base64_decode(at, strlen(at), plain_octets, sizeof(plain_octets), &len));
    assert_memory_equal(octets + 4, "\0\0\0\0\x64\x18\x50\xcb", 8);
    assert_memory_equal(octets + 12, plain_octets + 4, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_of_others_verify),
        cmocka_unit_test(a_changed_note_does_not_verify),
        cmocka_unit_test(what_is_no_note_is_refused),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(ours_are_notes_and_witnesses_sign_beside),
        cmocka_unit_test(a_cosignature_signs_its_time_and_the_text),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
