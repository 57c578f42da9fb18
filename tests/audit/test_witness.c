/* audit/witness, audit/request, audit/cosigned: a witness signs what follows from what it has
 * seen and nothing else, whatever it is sent and whatever happens to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/cosigned.h"
#include "audit/logs.h"
#include "audit/proof.h"
#include "audit/recorder.h"
#include "audit/witness.h"
#include "base/text.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define WITNESS "witness.example/w"
#define NOW     UINT64_C(1790000100)

static struct maker maker;
static struct disk disk; /* the log */
static struct audit_files files;
static char folder[64]; /* of the witness */
static char beside[64]; /* of the log, for what is kept beside it */
static struct audit_witness *witness;

/* So many rounds of a block or two each, then the log goes on to be written another time. */
static void grow(struct disk *to, const struct maker *by, unsigned rounds, uint64_t from_us)
{
    const struct audit_files table = disk_files(to);
    struct audit_log_settings settings = by->settings;
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    uint64_t now = from_us;

    settings.secret = &by->secret;
    assert_int_equal(audit_log_open(&table, &settings, now, from_us, &log, &opened), 0);
    for (unsigned i = 0; i < rounds; i++) {
        now += 2000000;
        assert_int_equal(add_numbered(log, AUDIT_DECISIONS, i, now), 0);
        assert_int_equal(audit_log_tick(log, NULL, now + 1500000), 0);
    }
    assert_int_equal(audit_log_close(log, NULL, now + 3000000), 0);
    to->locked = false;
}

static uint64_t blocks_of(const struct disk *of)
{
    struct trust_note note;
    struct audit_checkpoint checkpoint;

    assert_int_equal(trust_note_parse(of->head, of->head_len, &note), 0);
    assert_int_equal(audit_checkpoint_parse(&note, &checkpoint), 0);
    return checkpoint.size;
}

static void open_witness(void)
{
    bool made = false;

    assert_int_equal(audit_witness_open(folder, WITNESS, &witness, &made), 0);
}

static int setup(void **state)
{
    (void)state;
    if (random_library_init() != 0) {
        return -1;
    }
    maker_init(&maker, LOG_NAME);
    disk_free(&disk);
    files = disk_files(&disk);
    grow(&disk, &maker, 3, T0);
    snprintf(folder, sizeof(folder), "/tmp/cordon-witness-XXXXXX");
    snprintf(beside, sizeof(beside), "/tmp/cordon-beside-XXXXXX");
    if (mkdtemp(folder) == NULL || mkdtemp(beside) == NULL) {
        return -1;
    }
    open_witness();
    return audit_witness_add(witness, &maker.key);
}

static int teardown(void **state)
{
    char command[256];

    (void)state;
    audit_witness_close(witness);
    witness = NULL;
    disk_free(&disk);
    snprintf(command, sizeof(command), "rm -rf '%s' '%s'", folder, beside);
    return system(command);
}

/* Asks with the newest checkpoint of a log. */
static void ask(const struct audit_files *of, const struct maker *by, uint64_t old,
                struct audit_reply *reply)
{
    char *text = NULL;
    size_t len = 0;

    assert_int_equal(audit_request_make(of, &by->key, old, &text, &len), 0);
    assert_int_equal(audit_witness_take(witness, text, len, NOW, reply), 0);
    free(text);
}

static void expect(const struct audit_reply *reply, enum audit_answer answer)
{
    if (reply->answer != answer) {
        fail_msg("%s instead of %s", audit_answer_word(reply->answer),
                 audit_answer_word(answer));
    }
    assert_true((reply->line[0] != '\0') == (answer == AUDIT_COSIGNED));
}

static void signs_what_follows_from_what_it_has_seen(void **state)
{
    struct audit_reply reply;
    struct trust_note note;
    char both[AUDIT_CHECKPOINT_MAX];
    uint64_t time_s = 0;
    uint64_t old = 0;

    (void)state;
    for (unsigned turn = 0; turn < 9; turn++) {
        ask(&files, &maker, old, &reply);
        expect(&reply, AUDIT_COSIGNED);
        old = blocks_of(&disk);
        assert_int_equal(reply.size, old);
        memcpy(both, disk.head, disk.head_len);
        memcpy(both + disk.head_len, reply.line, strlen(reply.line));
        assert_int_equal(trust_note_parse(both, disk.head_len + strlen(reply.line), &note), 0);
        assert_int_equal(trust_note_verify(&note, &maker.key, NULL), 0);
        assert_int_equal(trust_note_verify(&note, audit_witness_key(witness), &time_s), 0);
        assert_int_equal(time_s, NOW);
        /* It is another process from here on. */
        audit_witness_close(witness);
        open_witness();
        /* The same again: its answer may have been lost. */
        ask(&files, &maker, old, &reply);
        expect(&reply, AUDIT_COSIGNED);
        grow(&disk, &maker, turn + 1, T0 + (turn + 1) * UINT64_C(100000000));
        assert_true(blocks_of(&disk) > old);
    }
}

static void says_how_much_it_has_seen(void **state)
{
    struct audit_reply reply;
    const uint64_t seen = blocks_of(&disk);

    (void)state;
    ask(&files, &maker, 0, &reply);
    expect(&reply, AUDIT_COSIGNED);
    grow(&disk, &maker, 3, T0 + 100000000);
    for (uint64_t old = 0; old <= blocks_of(&disk); old++) {
        if (old != seen) {
            ask(&files, &maker, old, &reply);
            expect(&reply, AUDIT_ANSWER_CONFLICT);
            assert_int_equal(audit_answer_status(reply.answer), 409);
            assert_int_equal(reply.size, seen);
        }
    }
    ask(&files, &maker, seen, &reply);
    expect(&reply, AUDIT_COSIGNED);
}

static bool has_fork(void)
{
    DIR *names = opendir(folder);
    bool found = false;

    for (const struct dirent *entry = readdir(names); entry != NULL; entry = readdir(names)) {
        found = found || strstr(entry->d_name, ".fork") != NULL;
    }
    closedir(names);
    return found;
}

static void refuses_what_does_not_follow(void **state)
{
    static struct disk before;
    static struct disk other;
    struct audit_reply reply;
    struct maker forger;
    struct maker stranger;
    char *text = NULL;
    size_t len = 0;

    (void)state;
    disk_copy(&disk, &before);
    const struct audit_files before_files = disk_files(&before);
    const struct audit_files other_files = disk_files(&other);
    grow(&disk, &maker, 3, T0 + 100000000);
    const uint64_t seen = blocks_of(&disk);
    ask(&files, &maker, 0, &reply);
    expect(&reply, AUDIT_COSIGNED);

    /* Rollback: what it has seen is gone. */
    for (uint64_t old = 0; old <= blocks_of(&before); old++) {
        ask(&before_files, &maker, old, &reply);
        expect(&reply, AUDIT_ANSWER_ROLLBACK);
        assert_int_equal(reply.size, seen);
    }
    /* A fork of the same size: another history by the same key. */
    disk_free(&other);
    grow(&other, &maker, 2, T0 + 5000000);
    while (blocks_of(&other) < seen) {
        grow(&other, &maker, 1, T0 + 100000000 * blocks_of(&other));
    }
    assert_int_equal(blocks_of(&other), seen);
    assert_false(has_fork());
    ask(&other_files, &maker, seen, &reply);
    expect(&reply, AUDIT_ANSWER_FORK);
    assert_int_equal(audit_answer_status(reply.answer), 409);
    assert_true(has_fork()); /* signed by that key: a proof against its owner */
    /* The fork, grown: its proof speaks of its own history. */
    grow(&other, &maker, 3, T0 + UINT64_C(10000000000));
    ask(&other_files, &maker, seen, &reply);
    expect(&reply, AUDIT_ANSWER_INCONSISTENT);
    assert_int_equal(audit_answer_status(reply.answer), 422);
    /* Another key under the same name; and a log that it does not know. */
    maker_init(&forger, LOG_NAME);
    disk_free(&other);
    grow(&other, &forger, 9, T0);
    ask(&other_files, &forger, seen, &reply);
    expect(&reply, AUDIT_ANSWER_UNTRUSTED);
    assert_int_equal(audit_answer_status(reply.answer), 403);
    maker_init(&stranger, "stranger.example/audit");
    disk_free(&other);
    grow(&other, &stranger, 9, T0);
    ask(&other_files, &stranger, 0, &reply);
    expect(&reply, AUDIT_ANSWER_UNKNOWN);
    assert_int_equal(audit_answer_status(reply.answer), 404);
    /* More than there is. */
    text = malloc(AUDIT_REQUEST_MAX);
    len = (size_t)snprintf(text, AUDIT_REQUEST_MAX, "old %llu\n\n%.*s",
                           (unsigned long long)seen + 1, (int)disk.head_len, disk.head);
    assert_int_equal(audit_witness_take(witness, text, len, NOW, &reply), 0);
    expect(&reply, AUDIT_ANSWER_MALFORMED);
    free(text);
    /* After all that it knows what it knew. */
    grow(&disk, &maker, 1, T0 + 900000000);
    ask(&files, &maker, seen, &reply);
    expect(&reply, AUDIT_COSIGNED);
    disk_free(&before);
    disk_free(&other);
}

static void one_bit_of_a_request_is_one_too_many(void **state)
{
    struct audit_reply reply;
    char *text = NULL;
    size_t len = 0;
    uint64_t seen = 0;

    (void)state;
    ask(&files, &maker, 0, &reply);
    expect(&reply, AUDIT_COSIGNED);
    seen = reply.size;
    grow(&disk, &maker, 6, T0 + 100000000);
    assert_int_equal(audit_request_make(&files, &maker.key, seen, &text, &len), 0);
    for (size_t i = 0; i < 8 * len; i++) {
        text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
        assert_int_equal(audit_witness_take(witness, text, len, NOW, &reply), 0);
        if (reply.answer == AUDIT_COSIGNED) {
            fail_msg("bit %zu: signed", i);
        }
        text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
    }
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(audit_witness_take(witness, text, cut, NOW, &reply), 0);
        assert_int_not_equal(reply.answer, AUDIT_COSIGNED);
    }
    assert_int_equal(audit_witness_take(witness, text, len, NOW, &reply), 0);
    expect(&reply, AUDIT_COSIGNED);
    free(text);
}

static void what_is_no_request_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "old",
        "old \n\nx\n",
        "old 0",
        "old 0\n",
        "old 0\n\n",       /* no checkpoint */
        "old 00\n\nlog\n", /* another spelling */
        "old -1\n\nlog\n",
        "old 1234567890123456789\n\nx\n", /* more than any log has */
        "old  0\n\nlog\n",
        "Old 0\n\nlog\n",
        "old 0\r\n\r\nlog\r\n",
        "old 0\nAAAA\n\nlog\n", /* no digest */
        "old 0\nnot base64 at all, though it is long enough!\n\nlog\n",
        "\nold 0\n\nlog\n",
    };
    static struct audit_request request;
    struct audit_reply reply;
    char long_one[AUDIT_REQUEST_MAX + 2];
    struct text text;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (audit_request_parse(texts[i], strlen(texts[i]), &request) != CORDON_E_FORMAT) {
            fail_msg("taken: %s", texts[i]);
        }
        assert_int_equal(audit_witness_take(witness, texts[i], strlen(texts[i]), NOW, &reply),
                         0);
        expect(&reply, AUDIT_ANSWER_MALFORMED);
        assert_int_equal(audit_answer_status(reply.answer), 400);
    }
    /* 63 digests are a proof, 64 are not. */
    for (unsigned count = 63; count <= 64; count++) {
        text_init(&text, long_one, sizeof(long_one));
        text_add(&text, "old 1\n");
        for (unsigned i = 0; i < count; i++) {
            text_add(&text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
        }
        text_add(&text, "\nx\n");
        assert_int_equal(audit_request_parse(text.at, text.len, &request),
                         count == 63 ? 0 : CORDON_E_FORMAT);
    }
    memset(long_one, 'x', sizeof(long_one));
    assert_int_equal(audit_request_parse(long_one, AUDIT_REQUEST_MAX + 1, &request),
                     CORDON_E_TOO_LARGE);
}

static void find_seen(char path[512])
{
    DIR *names = opendir(folder);

    path[0] = '\0';
    for (const struct dirent *entry = readdir(names); entry != NULL; entry = readdir(names)) {
        if (strstr(entry->d_name, ".seen") != NULL) {
            snprintf(path, 512, "%s/%s", folder, entry->d_name);
        }
    }
    closedir(names);
    assert_true(path[0] != '\0');
}

static void put_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* What it remembers, damaged anyhow, never lets it sign a fork of what it has signed. */
static void damage_is_never_taken_for_having_seen_nothing(void **state)
{
    static struct disk other;
    static char data[AUDIT_CHECKPOINT_MAX];
    const struct audit_files other_files = disk_files(&other);
    struct audit_reply reply;
    char path[512];
    char *text = NULL;
    size_t text_len = 0;

    (void)state;
    ask(&files, &maker, 0, &reply);
    expect(&reply, AUDIT_COSIGNED);
    disk_free(&other);
    grow(&other, &maker, 7, T0 + 5000000);
    assert_int_equal(audit_request_make(&other_files, &maker.key, 0, &text, &text_len), 0);
    find_seen(path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t len = fread(data, 1, sizeof(data), file);
    fclose(file);
    for (size_t cut = 0; cut < len; cut++) {
        put_file(path, data, cut);
        const int result = audit_witness_take(witness, text, text_len, NOW, &reply);

        if (result != CORDON_E_CORRUPT) {
            fail_msg("cut at %zu: %d, %s", cut, result, audit_answer_word(reply.answer));
        }
    }
    for (size_t i = 0; i < 8 * len; i++) {
        data[i / 8] = (char)(data[i / 8] ^ 1 << i % 8);
        put_file(path, data, len);
        const int result = audit_witness_take(witness, text, text_len, NOW, &reply);

        if (result == 0 && reply.answer == AUDIT_COSIGNED) {
            fail_msg("bit %zu: signed", i);
        }
        data[i / 8] = (char)(data[i / 8] ^ 1 << i % 8);
    }
    put_file(path, data, len);
    assert_int_equal(audit_witness_take(witness, text, text_len, NOW, &reply), 0);
    expect(&reply, AUDIT_ANSWER_CONFLICT);
    free(text);
    disk_free(&other);
}

static void nothing_is_signed_that_cannot_be_remembered(void **state)
{
    struct audit_reply reply;
    char path[512];

    (void)state;
    ask(&files, &maker, 0, &reply);
    expect(&reply, AUDIT_COSIGNED);
    const uint64_t seen = reply.size;
    grow(&disk, &maker, 2, T0 + 100000000);
    char *text = NULL;
    size_t len = 0;
    assert_int_equal(audit_request_make(&files, &maker.key, seen, &text, &len), 0);
    /* The folder is gone under it: what it knows was read, what it would know has no place. */
    find_seen(path);
    char moved[512];
    snprintf(moved, sizeof(moved), "%s/kept", beside);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_not_equal(audit_witness_take(witness, text, len, NOW, &reply), 0);
    assert_true(reply.line[0] == '\0');
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(audit_witness_take(witness, text, len, NOW, &reply), 0);
    expect(&reply, AUDIT_ANSWER_UNKNOWN); /* not: it has seen nothing */
    assert_int_equal(rename(moved, path), 0);
    assert_int_equal(audit_witness_take(witness, text, len, NOW, &reply), 0);
    expect(&reply, AUDIT_COSIGNED);
    free(text);
}

static void a_log_is_known_by_one_key(void **state)
{
    struct maker other;
    static struct audit_seen seen;

    (void)state;
    assert_int_equal(audit_witness_add(witness, &maker.key), -EEXIST);
    maker_init(&other, LOG_NAME);
    assert_int_equal(audit_witness_add(witness, &other.key), CORDON_E_UNTRUSTED);
    assert_int_equal(audit_witness_seen(witness, LOG_NAME, &seen), 0);
    assert_int_equal(seen.note_len, 0);
    assert_memory_equal(seen.log.key, maker.key.key, 32);
    assert_int_equal(audit_witness_seen(witness, "other.example/audit", &seen), -ENOENT);
}

static void its_key_is_made_once_and_only_when_asked(void **state)
{
    struct audit_witness *other = NULL;
    char path[160];
    bool made = false;

    (void)state;
    const struct trust_note_key key = *audit_witness_key(witness);
    assert_int_equal(key.kind, TRUST_NOTE_COSIGNATURE);
    audit_witness_close(witness);
    witness = NULL;
    assert_int_equal(audit_witness_open(folder, "another.example/w", &other, &made),
                     CORDON_E_UNTRUSTED);
    assert_int_equal(audit_witness_open(folder, NULL, &witness, &made), 0);
    assert_false(made);
    assert_memory_equal(audit_witness_key(witness), &key, sizeof(key));
    snprintf(path, sizeof(path), "%s/nothing", beside);
    assert_int_equal(audit_witness_open(path, NULL, &other, &made), -ENOENT);
    assert_int_equal(audit_witness_open(path, WITNESS, &other, &made), 0);
    assert_true(made);
    audit_witness_close(other);
    snprintf(path, sizeof(path), "%s/nothing/witness.key", beside);
    assert_int_equal(unlink(path), 0); /* a key that is lost is not made anew unseen */
    snprintf(path, sizeof(path), "%s/nothing", beside);
    assert_int_equal(audit_witness_open(path, NULL, &other, &made), -ENOENT);
}

/* --- what the log's side keeps --- */

struct counting {
    struct audit_cosigner at[3];
    unsigned notes;
};

static bool count_notes(void *context, const char *note, size_t len)
{
    struct counting *counting = context;

    counting->notes++;
    audit_cosigners_look(counting->at, 3, &maker.key, note, len);
    return true;
}

static void signatures_are_kept_and_counted(void **state)
{
    struct trust_secret_key secrets[3];
    struct counting counting = {.notes = 0};
    struct trust_public_key public_key;
    struct trust_note note;
    char line[TRUST_NOTE_LINE_MAX];
    char name[32];
    uint64_t time_s = 0;
    uint64_t first = 0;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        trust_key_generate(&secrets[i], &public_key);
        snprintf(name, sizeof(name), "w%u.example", i);
        assert_int_equal(trust_note_key_make(name, TRUST_NOTE_COSIGNATURE, public_key.key,
                                             &counting.at[i].key),
                         0);
    }
    assert_int_equal(audit_cosigned_each(beside, count_notes, &counting), 0);
    assert_int_equal(counting.notes, 0);
    /* Two sign the first checkpoint, one of them a newer one as well; the third nothing. */
    for (unsigned i = 0; i < 3; i++) {
        const unsigned by = i == 2 ? 0 : i;

        if (i == 2) {
            first = blocks_of(&disk);
            grow(&disk, &maker, 2, T0 + 100000000);
        }
        assert_int_equal(trust_note_parse(disk.head, disk.head_len, &note), 0);
        const size_t len = trust_note_sign(&counting.at[by].key, &secrets[by], NOW + i,
                                           note.text, note.text_len, line);
        assert_int_equal(audit_cosigned_add(beside, &maker.key, &counting.at[by].key, disk.head,
                                            disk.head_len, line, len, &time_s),
                         0);
        assert_int_equal(time_s, NOW + i);
        /* As somebody else's it is none; nor cut, nor changed. */
        assert_int_equal(audit_cosigned_add(beside, &maker.key, &counting.at[2].key, disk.head,
                                            disk.head_len, line, len, &time_s),
                         CORDON_E_UNTRUSTED);
        assert_int_equal(audit_cosigned_add(beside, &maker.key, &counting.at[by].key, disk.head,
                                            disk.head_len, line, len - 1, &time_s),
                         CORDON_E_FORMAT);
        line[len - 10] = line[len - 10] == 'A' ? 'B' : 'A';
        assert_int_equal(audit_cosigned_add(beside, &maker.key, &counting.at[by].key, disk.head,
                                            disk.head_len, line, len, &time_s),
                         CORDON_E_SIGNATURE);
    }
    assert_int_equal(audit_cosigned_each(beside, count_notes, &counting), 0);
    assert_int_equal(counting.notes, 2);
    assert_int_equal(counting.at[0].size, blocks_of(&disk));
    assert_int_equal(counting.at[1].size, first);
    assert_int_equal(counting.at[2].size, 0);
    assert_int_equal(audit_cosigners_blocks(counting.at, 3, 1), blocks_of(&disk));
    assert_int_equal(audit_cosigners_blocks(counting.at, 3, 2), first);
    assert_int_equal(audit_cosigners_blocks(counting.at, 3, 3), 0);
    /* What the log has not signed is not counted, whoever else has. */
    struct maker other;
    maker_init(&other, LOG_NAME);
    assert_int_equal(trust_note_sign(&counting.at[2].key, &secrets[2], NOW, note.text,
                                     note.text_len, line) > 0,
                     1);
    assert_int_equal(audit_cosigned_add(beside, &other.key, &counting.at[2].key, disk.head,
                                        disk.head_len, line, strlen(line), &time_s),
                     CORDON_E_UNTRUSTED);
}

static void a_proof_has_the_signatures_of_witnesses(void **state)
{
    struct audit_cosigner cosigner = {.key = *audit_witness_key(witness)};
    struct audit_proven proven;
    struct audit_reply reply;
    char both[AUDIT_CHECKPOINT_MAX];
    char *text = NULL;
    size_t len = 0;

    (void)state;
    ask(&files, &maker, 0, &reply);
    memcpy(both, disk.head, disk.head_len);
    const size_t both_len = disk.head_len + strlen(reply.line);
    memcpy(both + disk.head_len, reply.line, strlen(reply.line));
    grow(&disk, &maker, 3, T0 + 100000000);
    /* Event 1 lies under it, event 5 behind it: there the newest of the log is taken. */
    for (uint64_t event = 1; event <= 5; event += 4) {
        assert_int_equal(audit_prove(&files, &maker.key, AUDIT_DECISIONS, event, both, both_len,
                                     &text, &len),
                         0);
        assert_int_equal(audit_proof_verify(text, len, &maker.key, &proven), 0);
        cosigner.size = 0;
        audit_cosigners_look(&cosigner, 1, &proven.key, proven.note, proven.note_len);
        assert_int_equal(cosigner.size, event == 1 ? reply.size : 0);
        audit_proven_free(&proven);
        free(text);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(signs_what_follows_from_what_it_has_seen),
        TEST(says_how_much_it_has_seen),
        TEST(refuses_what_does_not_follow),
        TEST(one_bit_of_a_request_is_one_too_many),
        TEST(what_is_no_request_is_refused),
        TEST(damage_is_never_taken_for_having_seen_nothing),
        TEST(nothing_is_signed_that_cannot_be_remembered),
        TEST(a_log_is_known_by_one_key),
        TEST(its_key_is_made_once_and_only_when_asked),
        TEST(signatures_are_kept_and_counted),
        TEST(a_proof_has_the_signatures_of_witnesses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
