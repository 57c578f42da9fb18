/* trust/ratchet: what was accepted outlives the process, whenever it ends, and is never quietly
 * forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "trust/ratchet.h"

#include "trust/press.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <time.h>

#define FILE_NAME "trust.ratchet"
#define COPY_NAME FILE_NAME TRUST_RATCHET_COPY
#define KILLS     40u

/* The file says that this catalogue, with one list of the same serial, was accepted. */
static int note(const struct press *press, uint32_t serial)
{
    struct trust_ratchet *ratchet = NULL;
    struct trust_root *root = press_root(press, 3);
    struct trust_catalogue *catalogue = press_catalogue(serial);

    press_add(catalogue, "one", serial, "the text of one");
    memcpy(catalogue->hash, &serial, sizeof(serial)); /* as good as one */
    int rc = trust_ratchet_read(FILE_NAME, NULL, &ratchet);
    if (rc == 0) {
        ratchet->seen_s = PRESS_NOW_S;
        rc = trust_ratchet_note(ratchet, root, catalogue, false);
    }
    if (rc == 0) {
        rc = trust_ratchet_write(ratchet, FILE_NAME, NULL);
    }
    trust_ratchet_free(ratchet);
    trust_catalogue_free(catalogue);
    free(root);
    return rc;
}

/* The serial that the file says was accepted; 0: none; or a negative code. */
static int64_t noted(struct report *report)
{
    struct trust_ratchet *ratchet = NULL;
    int64_t serial = trust_ratchet_read(FILE_NAME, report, &ratchet);

    if (serial == 0 && ratchet->count > 0) {
        serial = ratchet->marks[0].serial;
        assert_int_equal(trust_mark_find(&ratchet->marks[0], "one")->serial, serial);
        assert_int_equal(ratchet->marks[0].root_version, 3);
        assert_int_equal(ratchet->marks[0].keys.count, 3);
        assert_int_equal(ratchet->seen_s, PRESS_NOW_S);
    }
    trust_ratchet_free(ratchet);
    return serial;
}

/* Without fsync, of which these tests would need thousands. */
static void put_at(const char *path, const char *octets, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(octets, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Into both files. */
static void put(const char *octets, size_t len)
{
    put_at(FILE_NAME, octets, len);
    put_at(COPY_NAME, octets, len);
}

static void it_reads_back(void **state)
{
    struct press press;
    struct stat status;

    (void)state;
    press_open(&press);
    assert_int_equal(noted(&press.report), 0);
    assert_int_equal(note(&press, 7), 0);
    assert_int_equal(noted(&press.report), 7);
    assert_int_equal(note(&press, 4294967295u), 0);
    assert_int_equal(noted(&press.report), 4294967295u);
    assert_int_equal(stat(FILE_NAME, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    press_close(&press);
}

static void lists_that_are_gone_are_not_forgotten(void **state)
{
    struct press press;
    struct trust_ratchet *ratchet = NULL;

    (void)state;
    press_open(&press);
    assert_int_equal(trust_ratchet_read(FILE_NAME, NULL, &ratchet), 0);
    struct trust_root *root = press_root(&press, 1);
    struct trust_catalogue *first = press_catalogue(1);
    press_add(first, "a", 5, "a");
    press_add(first, "m", 6, "m");
    struct trust_catalogue *second = press_catalogue(2);
    press_add(second, "b", 7, "b");
    press_add(second, "m", 8, "m again");
    press_add(second, "z", 9, "z");
    assert_int_equal(trust_ratchet_note(ratchet, root, first, false), 0);
    assert_int_equal(trust_ratchet_note(ratchet, root, second, false), 0);
    const struct trust_mark *mark = trust_ratchet_find(ratchet, "press");
    assert_int_equal(mark->count, 4);
    assert_int_equal(trust_mark_find(mark, "a")->serial, 5);
    assert_int_equal(trust_mark_find(mark, "m")->serial, 8);
    assert_int_equal(trust_ratchet_write(ratchet, FILE_NAME, NULL), 0);
    assert_int_equal(trust_ratchet_note(ratchet, root, second, true), 0); /* anew */
    assert_int_equal(trust_ratchet_find(ratchet, "press")->count, 3);
    trust_ratchet_free(ratchet);
    trust_catalogue_free(first);
    trust_catalogue_free(second);
    free(root);
    press_close(&press);
}

static void publishers_and_lists_have_their_bounds(void **state)
{
    struct press press;
    struct trust_ratchet *ratchet = NULL;

    (void)state;
    press_open(&press);
    assert_int_equal(trust_ratchet_read(FILE_NAME, NULL, &ratchet), 0);
    struct trust_root *root = press_root(&press, 1);
    struct trust_catalogue *catalogue = press_catalogue(1);
    for (unsigned i = TRUST_PUBLISHERS_MAX; i > 0; i--) {
        snprintf(root->publisher, sizeof(root->publisher), "p%02u", i);
        assert_int_equal(trust_ratchet_note(ratchet, root, catalogue, false), 0);
    }
    assert_int_equal(trust_ratchet_note(ratchet, root, catalogue, false), 0); /* known */
    snprintf(root->publisher, sizeof(root->publisher), "p00");
    assert_int_equal(trust_ratchet_note(ratchet, root, catalogue, false), CORDON_E_LIMIT);
    assert_int_equal(ratchet->count, TRUST_PUBLISHERS_MAX);
    snprintf(root->publisher, sizeof(root->publisher), "p01");
    unsigned marks = 0;
    for (unsigned serial = 2; marks < TRUST_MARKS_MAX; serial++) {
        catalogue->count = 0;
        catalogue->serial = serial;
        memcpy(catalogue->hash, &serial, sizeof(serial));
        for (unsigned i = 0; i < TRUST_CATALOGUE_LISTS_MAX; i++, marks++) {
            char id[TRUST_ID_MAX + 1];

            snprintf(id, sizeof(id), "%064u", marks);
            press_add(catalogue, id, 1, "a");
        }
        assert_int_equal(trust_ratchet_note(ratchet, root, catalogue, false), 0);
    }
    assert_int_equal(trust_ratchet_write(ratchet, FILE_NAME, NULL), 0); /* and it is read */
    catalogue->count = 0;
    press_add(catalogue, "one-more", 1, "a");
    assert_int_equal(trust_ratchet_note(ratchet, root, catalogue, false), CORDON_E_LIMIT);
    trust_ratchet_free(ratchet);
    assert_int_equal(trust_ratchet_read(FILE_NAME, &press.report, &ratchet), 0);
    assert_int_equal(trust_ratchet_find(ratchet, "p01")->count, TRUST_MARKS_MAX);
    trust_ratchet_free(ratchet);
    trust_catalogue_free(catalogue);
    free(root);
    press_close(&press);
}

/* One octet of both files after another is changed, or they are cut there. */
static void a_damaged_file_is_refused_and_stays(void **state)
{
    struct press press;
    size_t len = 0;

    (void)state;
    press_open(&press);
    assert_int_equal(note(&press, 7), 0);
    char *good = workshop_read(FILE_NAME, &len);
    for (size_t i = 0; i < len; i++) {
        good[i] ^= 1;
        put(good, len);
        good[i] ^= 1;
        assert_true(noted(NULL) < 0);
        if (i % 64 == 0) {
            assert_true(note(&press, 8) < 0); /* nor is it written over */
            put(good, i);
            assert_true(noted(NULL) < 0);
        }
    }
    report_deinit(&press.report);
    assert_int_equal(noted(&press.report), CORDON_E_CORRUPT);
    assert_true(press_said(&press, "restore one of them from a copy"));
    put("", 0);
    assert_int_equal(noted(NULL), CORDON_E_CORRUPT);
    put(good, len);
    assert_int_equal(noted(NULL), 7);
    assert_int_equal(truncate(FILE_NAME, (off_t)1 << 40), 0);
    assert_int_equal(truncate(COPY_NAME, (off_t)1 << 40), 0);
    assert_int_equal(noted(NULL), CORDON_E_TOO_LARGE);
    assert_int_equal(unlink(COPY_NAME), 0); /* a damaged one alone is a loss, too */
    assert_int_equal(noted(NULL), CORDON_E_TOO_LARGE);
    free(good);
    press_close(&press);
}

static void one_damaged_file_is_no_loss(void **state)
{
    static const char *const names[] = {FILE_NAME, COPY_NAME};
    struct press press;

    (void)state;
    press_open(&press);
    for (uint32_t i = 0; i < 2; i++) {
        char aside[64];
        size_t len = 0;

        assert_int_equal(note(&press, 7 + 2 * i), 0);
        put_at(names[i], "noise", 5);
        report_deinit(&press.report);
        assert_int_equal(noted(&press.report), 7 + 2 * i);
        assert_int_equal(press.report.warnings, 1);
        assert_non_null(strstr(press.report.entries[0].text, "Nothing is lost"));
        assert_int_equal(press.report.errors, 0);
        assert_int_equal(note(&press, 8 + 2 * i), 0); /* both are whole again */
        report_deinit(&press.report);
        assert_int_equal(noted(&press.report), 8 + 2 * i);
        assert_int_equal(press.report.count, 0);
        snprintf(aside, sizeof(aside), "%s.damaged", names[i]); /* what it was is kept */
        char *kept = workshop_read(aside, &len);
        assert_int_equal(len, 5);
        free(kept);
        assert_int_equal(unlink(names[i]), 0); /* nor is one that is gone */
        assert_int_equal(noted(&press.report), 8 + 2 * i);
    }
    press_close(&press);
}

/* The power fails between the two, or somebody puts an old one back. */
static void the_newer_of_two_files_counts(void **state)
{
    static const char *const names[] = {FILE_NAME, COPY_NAME};
    struct trust_ratchet *ratchet = NULL;
    struct press press;
    size_t len = 0;

    (void)state;
    press_open(&press);
    assert_int_equal(note(&press, 7), 0);
    char *old = workshop_read(FILE_NAME, &len);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(note(&press, 9), 0);
        put_at(names[i], old, len);
        assert_int_equal(noted(&press.report), 9);
        assert_int_equal(trust_ratchet_read(FILE_NAME, &press.report, &ratchet), 0);
        assert_true(ratchet->uneven);
        trust_ratchet_free(ratchet);
    }
    assert_int_equal(press.report.count, 0);
    free(old);
    press_close(&press);
}

/* One file is enough to remember by; the other is said. */
static void one_file_that_cannot_be_written_is_said(void **state)
{
    struct press press;
    struct trust_ratchet *ratchet = NULL;

    (void)state;
    press_open(&press);
    assert_int_equal(note(&press, 6), 0);
    assert_int_equal(unlink(COPY_NAME), 0);
    assert_int_equal(mkdir(COPY_NAME, 0700), 0);
    assert_int_equal(mkdir(COPY_NAME "/x", 0700), 0);
    assert_int_equal(mkdir(COPY_NAME ".damaged", 0700), 0);
    assert_int_equal(note(&press, 7), 0); /* the folder is set aside */
    assert_int_equal(access(COPY_NAME ".damaged.1/x", F_OK), 0);
    for (unsigned i = 2; i < TRUST_DAMAGED_MAX; i++) { /* until nothing is free */
        char name[64];

        snprintf(name, sizeof(name), COPY_NAME ".damaged.%u", i);
        assert_int_equal(mkdir(name, 0700), 0);
    }
    assert_int_equal(unlink(COPY_NAME), 0);
    assert_int_equal(mkdir(COPY_NAME, 0700), 0);
    assert_int_equal(trust_ratchet_read(FILE_NAME, NULL, &ratchet), 0);
    assert_int_equal(trust_ratchet_write(ratchet, FILE_NAME, &press.report), 0);
    assert_int_equal(press.report.warnings, 1);
    assert_non_null(strstr(press.report.entries[0].text, "cannot be written"));
    assert_true(ratchet->uneven);
    assert_int_equal(noted(NULL), 7);
    trust_ratchet_free(ratchet);
    press_close(&press);
}

/* As whoever goes on without what cannot be read. */
static int begin_anew(const struct press *press)
{
    struct trust_ratchet *ratchet = trust_ratchet_new();
    int rc = -ENOMEM;

    (void)press;
    if (ratchet != NULL) {
        ratchet->anew = true;
        ratchet->alarm.lost_s = PRESS_NOW_S;
        rc = trust_ratchet_write(ratchet, FILE_NAME, NULL);
    }
    trust_ratchet_free(ratchet);
    return rc;
}

static void what_is_begun_anew_keeps_what_was_there(void **state)
{
    struct press press;
    struct trust_ratchet *ratchet = NULL;
    size_t len = 0;

    (void)state;
    press_open(&press);
    assert_int_equal(note(&press, 7), 0);
    assert_int_equal(begin_anew(&press), -EAGAIN); /* it can be read */
    assert_int_equal(noted(NULL), 7);
    put("noise", 5);
    ratchet = trust_ratchet_new();
    assert_non_null(ratchet);
    assert_true(trust_ratchet_write(ratchet, FILE_NAME, NULL) < 0); /* nobody said so */
    assert_true(noted(NULL) < 0);
    ratchet->anew = true;
    ratchet->alarm.lost_s = PRESS_NOW_S;
    assert_int_equal(trust_ratchet_write(ratchet, FILE_NAME, &press.report), 0);
    assert_false(ratchet->anew || ratchet->uneven);
    trust_ratchet_free(ratchet);
    assert_true(press_said(&press, "it is kept as " FILE_NAME ".damaged"));
    free(workshop_read(COPY_NAME ".damaged", &len));
    assert_int_equal(len, 5);
    assert_int_equal(trust_ratchet_read(FILE_NAME, NULL, &ratchet), 0);
    assert_int_equal(ratchet->alarm.lost_s, PRESS_NOW_S);
    assert_int_equal(ratchet->alarm.unwritten_s, 0);
    trust_ratchet_free(ratchet);
    press_close(&press);
}

/* While nothing can be written, what is damaged says that there was a loss. */
static void what_cannot_be_begun_anew_stays_damaged(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    assert_int_equal(note(&press, 7), 0);
    put("noise", 5);
    assert_int_equal(unlink(FILE_NAME ".lock"), 0);
    assert_int_equal(mkdir(FILE_NAME ".lock", 0700), 0);
    assert_true(begin_anew(&press) < 0);
    assert_true(noted(NULL) < 0);
    press_close(&press);
}

static void files_of_exceptions_are_remembered(void **state)
{
    static const uint8_t hash[TRUST_HASH_OCTETS] = {1, 2, 3};
    struct press press;
    struct trust_ratchet *ratchet = NULL;
    char id[16];

    (void)state;
    press_open(&press);
    assert_int_equal(trust_ratchet_read(FILE_NAME, NULL, &ratchet), 0);
    for (unsigned i = TRUST_FILES_MAX; i > 0; i--) {
        snprintf(id, sizeof(id), "f%04u", (i * 77) % TRUST_FILES_MAX);
        assert_int_equal(trust_ratchet_note_file(ratchet, id, i, hash), 0);
    }
    assert_int_equal(trust_ratchet_note_file(ratchet, "more", 1, hash), CORDON_E_LIMIT);
    assert_int_equal(trust_ratchet_note_file(ratchet, "f0077", 9, hash), 0);
    assert_int_equal(trust_ratchet_write(ratchet, FILE_NAME, NULL), 0);
    trust_ratchet_free(ratchet);
    assert_int_equal(trust_ratchet_read(FILE_NAME, &press.report, &ratchet), 0);
    assert_int_equal(ratchet->file_count, TRUST_FILES_MAX);
    assert_int_equal(trust_ratchet_find_file(ratchet, "f0077")->serial, 9);
    assert_memory_equal(trust_ratchet_find_file(ratchet, "f0001")->hash, hash, sizeof(hash));
    assert_null(trust_ratchet_find_file(ratchet, "more"));
    trust_ratchet_free(ratchet);
    press_close(&press);
}

/* What cordond wrote before it had a second file is read, and written in the new form. */
static void the_form_of_before_is_read(void **state)
{
    struct press press;
    struct trust_ratchet *ratchet = NULL;
    uint8_t hash[TRUST_HASH_OCTETS];
    char text[1024];
    size_t len = 0;

    (void)state;
    press_open(&press);
    len = (size_t)snprintf(text, sizeof(text), "cordon-ratchet 1\nseen 2027-01-02T03:04:05Z\n");
    trust_hash(text, len, hash);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "check ");
    for (size_t i = 0; i < sizeof(hash); i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%02x", hash[i]);
    }
    len += (size_t)snprintf(text + len, sizeof(text) - len, "\nend\n");
    put_at(FILE_NAME, text, len);
    assert_int_equal(trust_ratchet_read(FILE_NAME, &press.report, &ratchet), 0);
    assert_int_equal(ratchet->seen_s, 1798859045);
    assert_true(ratchet->uneven);
    assert_int_equal(trust_ratchet_write(ratchet, FILE_NAME, NULL), 0);
    trust_ratchet_free(ratchet);
    char *now = workshop_read(COPY_NAME, &len);
    assert_memory_equal(now, "cordon-ratchet 2\nwritten 1\nseen", 31);
    free(now);
    assert_int_equal(press.report.count, 0);
    press_close(&press);
}

static void what_cannot_be_written_is_said(void **state)
{
    struct press press;
    struct trust_ratchet *ratchet = NULL;

    (void)state;
    press_open(&press);
    assert_int_equal(trust_ratchet_read("no-folder/trust.ratchet", NULL, &ratchet), 0);
    assert_int_equal(trust_ratchet_write(ratchet, "no-folder/trust.ratchet", &press.report),
                     -ENOENT);
    assert_true(press_said(&press, "cannot be written down"));
    trust_ratchet_free(ratchet);
    press_close(&press);
}

static void the_slower_of_two_writers_begins_again(void **state)
{
    struct press press;
    struct trust_ratchet *slow = NULL;

    (void)state;
    press_open(&press);
    assert_int_equal(note(&press, 7), 0);
    assert_int_equal(trust_ratchet_read(FILE_NAME, NULL, &slow), 0);
    assert_int_equal(note(&press, 9), 0);
    struct trust_root *root = press_root(&press, 3);
    struct trust_catalogue *catalogue = press_catalogue(8);
    assert_int_equal(trust_ratchet_note(slow, root, catalogue, false), 0);
    assert_int_equal(trust_ratchet_write(slow, FILE_NAME, &press.report), -EAGAIN);
    assert_int_equal(noted(&press.report), 9);
    trust_ratchet_free(slow);
    trust_catalogue_free(catalogue);
    free(root);
    press_close(&press);
}

/* Lets the child go up to its nth system call and kills it there. False: it ended before. */
static bool killed_at_call(const struct press *press, int (*work)(const struct press *press),
                           unsigned n)
{
    int status = 0;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0) {
            _exit(99);
        }
        _exit(work(press) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSTOPPED(status)); /* else this machine forbids to trace one's own child */
    for (unsigned stops = 0; stops < n; stops++) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            return false;
        }
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return true;
}

static int note_eight(const struct press *press)
{
    return note(press, 8);
}

/* Before and after each system call of reading, checking, locking, writing, fsync and rename.
 */
static void killed_at_any_system_call_it_is_the_old_or_the_new(void **state)
{
    struct press press;
    unsigned old = 0;
    unsigned new = 0;
    size_t len = 0;

    (void)state;
    press_open(&press);
    assert_int_equal(note(&press, 7), 0);
    char *seven = workshop_read(FILE_NAME, &len);
    for (unsigned n = 1; killed_at_call(&press, note_eight, n); n++) {
        const int64_t serial = noted(&press.report);

        assert_true(serial == 7 || serial == 8);
        old += serial == 7;
        new += serial == 8;
        if (n % 8 == 0) { /* whoever comes next is not held up */
            assert_int_equal(note(&press, 8), 0);
            assert_int_equal(noted(&press.report), 8);
        }
        put(seven, len);
    }
    free(seven);
    assert_true(old > 10 && new > 2);
    assert_int_equal(noted(&press.report), 8);
    press_close(&press);
}

/* Both files are damaged, or one of them alone, and it is begun anew: there is a loss, or the
 * new one that remembers it, at any instant, and never a folder that looks like the first
 * day's. */
static void killed_while_it_is_begun_anew_the_loss_is_not_forgotten(void **state)
{
    struct press press;

    (void)state;
    press_open(&press);
    for (unsigned which = 1; which < 4; which++) {
        unsigned damaged = 0;
        unsigned new = 0;
        bool killed = true;

        for (unsigned n = 1; killed; n += 2) { /* before a call is behind the one before */
            struct trust_ratchet *ratchet = NULL;

            (void)unlink(FILE_NAME);
            (void)unlink(COPY_NAME);
            for (unsigned i = 0; i < TRUST_DAMAGED_MAX; i++) {
                char name[64];

                snprintf(name, sizeof(name), FILE_NAME ".damaged.%u", i);
                (void)unlink(i == 0 ? FILE_NAME ".damaged" : name);
                snprintf(name, sizeof(name), COPY_NAME ".damaged.%u", i);
                (void)unlink(i == 0 ? COPY_NAME ".damaged" : name);
            }
            if ((which & 1) != 0) {
                put_at(FILE_NAME, "noise", 5);
            }
            if ((which & 2) != 0) {
                put_at(COPY_NAME, "noise", 5);
            }
            killed = killed_at_call(&press, begin_anew, n);
            const int rc = trust_ratchet_read(FILE_NAME, NULL, &ratchet);
            assert_true(rc != 0 || ratchet->alarm.lost_s == PRESS_NOW_S);
            damaged += rc != 0;
            new += rc == 0;
            trust_ratchet_free(rc == 0 ? ratchet : NULL);
        }
        assert_true(damaged > 5 && new > 1);
    }
    press_close(&press);
}

/* Kills a child that notes one serial after another, at moments of chance. What it has told to
 * have noted is noted. */
static void killed_in_a_loop_it_never_goes_back(void **state)
{
    struct press press;
    int64_t before = 0;

    (void)state;
    press_open(&press);
    for (unsigned i = 0; i < KILLS; i++) {
        int ends[2];
        uint32_t told = 0;
        uint32_t serial = 0;

        assert_int_equal(pipe(ends), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            for (uint32_t next = (uint32_t)before + 1;; next++) {
                if (note(&press, next) != 0 ||
                    write(ends[1], &next, sizeof(next)) != sizeof(next)) {
                    _exit(1);
                }
            }
        }
        close(ends[1]);
        assert_int_equal(read(ends[0], &told, sizeof(told)), sizeof(told)); /* it is at work */
        const struct timespec pause = {.tv_nsec = (long)(i * 7919 % 23) * 300000};
        nanosleep(&pause, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        while (read(ends[0], &serial, sizeof(serial)) == sizeof(serial)) {
            told = serial;
        }
        close(ends[0]);
        assert_int_equal(waitpid(child, NULL, 0), child);
        const int64_t after = noted(&press.report);
        assert_true(after == told || after == (int64_t)told + 1);
        assert_true(after > before);
        before = after;
    }
    press_close(&press);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(it_reads_back),
        WORKSHOP_TEST(lists_that_are_gone_are_not_forgotten),
        WORKSHOP_TEST(publishers_and_lists_have_their_bounds),
        WORKSHOP_TEST(a_damaged_file_is_refused_and_stays),
        WORKSHOP_TEST(one_damaged_file_is_no_loss),
        WORKSHOP_TEST(the_newer_of_two_files_counts),
        WORKSHOP_TEST(one_file_that_cannot_be_written_is_said),
        WORKSHOP_TEST(what_is_begun_anew_keeps_what_was_there),
        WORKSHOP_TEST(what_cannot_be_begun_anew_stays_damaged),
        WORKSHOP_TEST(files_of_exceptions_are_remembered),
        WORKSHOP_TEST(the_form_of_before_is_read),
        WORKSHOP_TEST(what_cannot_be_written_is_said),
        WORKSHOP_TEST(the_slower_of_two_writers_begins_again),
        WORKSHOP_TEST(killed_at_any_system_call_it_is_the_old_or_the_new),
        WORKSHOP_TEST(killed_while_it_is_begun_anew_the_loss_is_not_forgotten),
        WORKSHOP_TEST(killed_in_a_loop_it_never_goes_back),
    };

    return cmocka_run_group_tests(tests, workshop_library, NULL);
}
