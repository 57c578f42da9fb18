/* What the tests of this room share: a folder per test for temporary files, the real minisign,
 * and a list with keys and a signature of our own. Include cmocka before. */
#ifndef CORDON_TESTS_TRUST_WORKSHOP_H
#define CORDON_TESTS_TRUST_WORKSHOP_H

#include "base/file.h"
#include "base/random.h"
#include "trust/minisign.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Makes the folder and goes there. */
static inline int workshop_open(void **state)
{
    const char *parent = getenv("TMPDIR");
    char path[256];

    snprintf(path, sizeof(path), "%s/cordon-trust-XXXXXX", parent != NULL ? parent : "/tmp");
    if (mkdtemp(path) == NULL || chdir(path) != 0) {
        return -1;
    }
    *state = strdup(path);
    return *state != NULL ? 0 : -1;
}

static inline int workshop_remove(const char *path, const struct stat *status, int what,
                                  struct FTW *where)
{
    (void)status, (void)what, (void)where;
    return remove(path);
}

/* All files and folders in a folder. */
static inline int workshop_remove_inner(const char *path, const struct stat *status, int what,
                                        struct FTW *where)
{
    (void)status, (void)what;
    return where->level == 0 ? 0 : remove(path);
}

static inline void workshop_remove_below(const char *folder)
{
    assert_int_equal(nftw(folder, workshop_remove_inner, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline int workshop_close(void **state)
{
    assert_int_equal(nftw(*state, workshop_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(*state);
    return chdir("/");
}

#define WORKSHOP_TEST(name) cmocka_unit_test_setup_teardown(name, workshop_open, workshop_close)

static inline void workshop_write(const char *path, const void *data, size_t len)
{
    assert_int_equal(file_write_atomic(path, data, len, 0600), 0);
}

/* A file's contents as a string that the caller frees. Not to be inlined: gcc 12 then takes the
 * result for a pointer to the local variable that held it (-Wdangling-pointer). */
__attribute__((noinline, unused)) static char *workshop_read(const char *path, size_t *len)
{
    uint8_t *data = NULL;

    assert_int_equal(file_read(path, 1 << 20, &data, len), 0);
    return (char *)data;
}

/* Runs minisign, with the lines of input on its standard input, and returns its exit status.
 * Without minisign these tests fail rather than pass unseen. */
static inline int workshop_minisign(const char *input, const char *const arguments[])
{
    int status = 0;

    workshop_write("input", input, strlen(input));
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const int in = open("input", O_RDONLY);
        const int null = open("/dev/null", O_WRONLY);
        dup2(in, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execvp("minisign", (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 127) {
        fail_msg("minisign is not installed");
    }
    return WEXITSTATUS(status);
}

#define MINISIGN(input, ...) \
    workshop_minisign(input, (const char *const[]){"minisign", __VA_ARGS__, NULL})

/* The list that is signed. */
static const char list[] = "cordon-list 1\nid example\n";

#define LIST     ((const uint8_t *)list)
#define LIST_LEN (sizeof(list) - 1)

/* Keys and a signature file of our own, made anew for each test that wants them. */
struct made {
    struct trust_secret_key secret;
    struct trust_public_key key;
    char file[TRUST_SIGNATURE_FILE_MAX];
    size_t len;
};

static inline struct made workshop_make(const char *trusted_comment)
{
    struct made made;

    trust_key_generate(&made.secret, &made.key);
    assert_int_equal(trust_sign(&made.secret, LIST, LIST_LEN, trusted_comment, made.file,
                                sizeof(made.file), &made.len),
                     0);
    return made;
}

static inline struct trust_public_key workshop_read_public_key(const char *path)
{
    struct trust_public_key key;
    size_t len = 0;
    char *text = workshop_read(path, &len);

    assert_int_equal(trust_public_key_parse(text, len, &key), 0);
    free(text);
    return key;
}

static inline struct trust_signature workshop_read_signature(const char *path)
{
    struct trust_signature signature;
    size_t len = 0;
    char *text = workshop_read(path, &len);

    assert_int_equal(trust_signature_parse(text, len, &signature), 0);
    free(text);
    return signature;
}

/* Replaces the first occurrence of one string by another. */
static inline size_t workshop_replaced(const char *file, size_t len, const char *from,
                                       const char *to, char out[2 * TRUST_SIGNATURE_FILE_MAX])
{
    const char *at = memmem(file, len, from, strlen(from));

    assert_non_null(at);
    const size_t before = (size_t)(at - file);
    const size_t after = len - before - strlen(from);
    memcpy(out, file, before);
    memcpy(out + before, to, strlen(to));
    memcpy(out + before + strlen(to), at + strlen(from), after);
    return before + strlen(to) + after;
}

/* libsodium is set up before the first test. */
static inline int workshop_library(void **state)
{
    (void)state;
    return random_library_init();
}

#endif
