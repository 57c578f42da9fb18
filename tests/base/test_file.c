/* base/file: whole, bounded, and replaced at once or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each test has a folder of its own below the one for temporary files. */
static int make_folder(void **state)
{
    const char *parent = getenv("TMPDIR");
    char path[256];

    snprintf(path, sizeof(path), "%s/cordon-file-XXXXXX", parent != NULL ? parent : "/tmp");
    if (mkdtemp(path) == NULL || chdir(path) != 0) {
        return -1;
    }
    *state = strdup(path);
    return *state != NULL ? 0 : -1;
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);

    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char name[1024];
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        assert_int_equal(lstat(name, &status), 0);
        if (S_ISDIR(status.st_mode)) {
            remove_all(name);
        } else {
            assert_int_equal(unlink(name), 0);
        }
    }
    closedir(dir);
    assert_int_equal(rmdir(path), 0);
}

static int remove_folder(void **state)
{
    umask(022);
    remove_all(*state);
    free(*state);
    return chdir("/");
}

static unsigned files_here(void)
{
    DIR *dir = opendir(".");
    unsigned count = 0;

    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    closedir(dir);
    return count;
}

static void what_is_written_is_read(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 300000};
    static uint8_t data[300000];

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 251);
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *read_back = NULL;
        size_t len = 7;
        assert_int_equal(file_write_atomic("a", data, sizes[i], 0644), 0);
        assert_int_equal(file_read("a", sizes[i], &read_back, &len), 0);
        assert_int_equal(len, sizes[i]);
        assert_memory_equal(read_back, data, len);
        assert_int_equal(read_back[len], 0); /* the terminator */
        free(read_back);
    }
    assert_int_equal(files_here(), 1); /* nothing is left beside it */
}

static void a_file_larger_than_the_bound_is_refused(void **state)
{
    uint8_t *data = (uint8_t *)1;
    size_t len = 7;

    (void)state;
    assert_int_equal(file_write_atomic("a", "12345", 5, 0644), 0);
    assert_int_equal(file_read("a", 4, &data, &len), CORDON_E_TOO_LARGE);
    assert_int_equal(file_read("a", 0, &data, &len), CORDON_E_TOO_LARGE);
    assert_ptr_equal(data, (uint8_t *)1);
    assert_int_equal(len, 7);
    assert_int_equal(truncate("a", INT64_C(1) << 40), 0); /* sparse: a terabyte of zeros */
    assert_int_equal(file_read("a", 1 << 20, &data, &len), CORDON_E_TOO_LARGE);
    assert_int_equal(file_read("a", SIZE_MAX, &data, &len), -EINVAL);
}

static void a_file_that_hides_its_size_is_read_and_bounded_too(void **state)
{
    uint8_t *data = NULL;
    size_t len = 0;

    (void)state;
    /* Its size is said to be 0. */
    assert_int_equal(file_read("/proc/self/maps", 1 << 20, &data, &len), 0);
    assert_true(len > 1000);
    assert_int_equal(data[len], 0);
    free(data);
    assert_int_equal(file_read("/proc/self/maps", 100, &data, &len), CORDON_E_TOO_LARGE);
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    uint8_t *data = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(file_read("fifo", 100, &data, &len),
                     CORDON_E_NO_FILE); /* nobody writes to it */
    assert_int_equal(file_read("folder", 100, &data, &len), -EISDIR);
    assert_int_equal(file_read("/dev/zero", 100, &data, &len), CORDON_E_NO_FILE);
    assert_int_equal(file_read("dangling", 100, &data, &len), -ENOENT);
    static const int hows[] = {O_RDONLY,         O_WRONLY,
                               O_RDWR,           O_WRONLY | O_CREAT | O_TRUNC,
                               O_RDWR | O_CREAT, O_RDWR | O_APPEND | O_CREAT};
    static const char *const names[] = {"fifo", "folder", "dangling", "loop", "/dev/zero"};
    for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            if (file_open_regular(AT_FDCWD, names[k], hows[i], 0600) != CORDON_E_NO_FILE) {
                fail_msg("%s, opened by %#x", names[k], (unsigned)hows[i]);
            }
        }
    }
    const int fd = file_open_regular(AT_FDCWD, "regular", O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(file_open_regular(AT_FDCWD, "none", O_RDWR, 0), -ENOENT);
    assert_int_equal(file_read("loop", 100, &data, &len), -ELOOP);
    assert_int_equal(file_read("absent", 100, &data, &len), -ENOENT);
    assert_int_equal(file_read("fifo/x", 100, &data, &len), -ENOTDIR);
    assert_int_equal(file_read("", 100, &data, &len), -ENOENT);
    assert_null(data);
}

static bool is_there(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

static void what_is_taken_is_read_once(void **state)
{
    uint8_t *data = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(file_take("none", 10, &data, &len), -ENOENT);
    assert_int_equal(file_write_atomic("once", "abc", 3, 0600), 0);
    assert_int_equal(file_take("once", 10, &data, &len), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(data, "abc", 3);
    free(data);
    assert_int_equal(file_take("once", 10, &data, &len), -ENOENT);

    /* Also what cannot be read; a folder stays, and what a link leads to. */
    assert_int_equal(file_write_atomic("large", "abc", 3, 0600), 0);
    assert_int_equal(file_take("large", 2, &data, &len), CORDON_E_TOO_LARGE);
    assert_false(is_there("large"));
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(file_take("fifo", 10, &data, &len), CORDON_E_NO_FILE);
    assert_false(is_there("fifo"));
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(file_take("folder", 10, &data, &len), -EISDIR);
    assert_true(is_there("folder"));
    assert_int_equal(symlink("folder", "link"), 0);
    assert_int_equal(file_take("link", 10, &data, &len), -EISDIR);
    assert_false(is_there("link"));
    assert_true(is_there("folder"));
    assert_int_equal(rmdir("folder"), 0);
}

/* Whoever is killed while he reads, as for too much memory, does not meet it again. */
static void what_is_taken_is_gone_before_it_is_read(void **state)
{
    _Alignas(struct inotify_event) char seen[4096];
    uint8_t *data = NULL;
    size_t len = 0;
    const int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    (void)state;
    assert_true(watch >= 0);
    assert_int_equal(file_write_atomic("heavy", "abc", 3, 0600), 0);
    assert_true(inotify_add_watch(watch, ".", IN_ACCESS | IN_DELETE) >= 0);
    assert_int_equal(file_take("heavy", 10, &data, &len), 0);
    free(data);
    const ssize_t got = read(watch, seen, sizeof(seen));
    assert_true(got >= (ssize_t)sizeof(struct inotify_event));
    assert_int_equal(((const struct inotify_event *)(const void *)seen)->mask & IN_ALL_EVENTS,
                     IN_DELETE); /* the first */
    close(watch);
}

static void the_mode_is_the_one_asked_for(void **state)
{
    static const mode_t modes[] = {0600, 0644, 0666, 0400};
    struct stat status;

    (void)state;
    umask(077);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(file_write_atomic("a", "x", 1, modes[i]), 0);
        assert_int_equal(stat("a", &status), 0);
        assert_int_equal(status.st_mode & 07777, modes[i]);
    }
}

static void a_reader_of_the_old_file_keeps_the_old_file(void **state)
{
    char buffer[8] = "";

    (void)state;
    assert_int_equal(file_write_atomic("a", "old", 3, 0644), 0);
    const int fd = open("a", O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(file_write_atomic("a", "new", 3, 0644), 0);
    assert_int_equal(read(fd, buffer, sizeof(buffer)), 3);
    assert_memory_equal(buffer, "old", 3);
    close(fd);
}

static void a_write_that_fails_leaves_the_old_file_and_nothing_else(void **state)
{
    static char long_path[5000];
    char name[260];
    uint8_t *data = NULL;
    size_t len = 0;

    (void)state;
    memset(long_path, 'x', sizeof(long_path) - 1);
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(file_write_atomic("a", "old", 3, 0644), 0);
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(file_write_atomic("folder", "x", 1, 0644), -EISDIR);
    assert_int_equal(file_write_atomic("absent/a", "x", 1, 0644), -ENOENT);
    assert_int_equal(file_write_atomic("a/b", "x", 1, 0644), -ENOTDIR);
    assert_int_equal(file_write_atomic(long_path, "x", 1, 0644), -ENAMETOOLONG);
    assert_int_equal(file_write_atomic(name, "x", 1, 0644), -ENAMETOOLONG);
    assert_int_equal(files_here(), 2);
    assert_int_equal(file_read("a", 100, &data, &len), 0);
    assert_string_equal((char *)data, "old");
    free(data);
    assert_true(file_write_atomic("/proc/self/x", "x", 1, 0644) < 0);
}

static void a_disk_that_is_full_leaves_the_old_file(void **state)
{
    static const uint8_t large[100000];
    struct rlimit before;
    struct rlimit small;
    uint8_t *data = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(file_write_atomic("a", "old", 3, 0644), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 5000; /* as good as a full disk: the write ends half-way */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const int rc = file_write_atomic("a", large, sizeof(large), 0644);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, -EFBIG);
    assert_int_equal(files_here(), 1);
    assert_int_equal(file_read("a", 100, &data, &len), 0);
    assert_string_equal((char *)data, "old");
    free(data);
}

/* What a process leaves that is killed while it writes: the signal comes when the file is as
 * large as it may be. */
static void what_a_killed_process_has_left_is_removed(void **state)
{
    static const uint8_t large[100000];
    const struct rlimit small = {5000, 5000};
    const struct rlimit no_core = {0, 0};
    int status = 0;

    (void)state;
    assert_int_equal(file_write_atomic("a", "old", 3, 0644), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGXFSZ, SIG_DFL);
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)setrlimit(RLIMIT_FSIZE, &small);
        (void)file_write_atomic("a", large, sizeof(large), 0644);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(files_here(), 2);
    assert_int_equal(file_remove_unfinished("."), 1);
    assert_int_equal(files_here(), 1);
    assert_int_equal(access("a", F_OK), 0);
    assert_int_equal(file_remove_unfinished("absent"), 0);
    assert_int_equal(file_remove_unfinished("a"), 0);
}

static void nothing_else_is_taken_for_a_leftover(void **state)
{
    static const char *const names[] = {"a",
                                        "a.new",
                                        "a.aB3.new",
                                        "a.aB3-56.new",
                                        "a.aB34567.new",
                                        "aaB3456.new",
                                        ".aB3456.new",
                                        "a.aB3456",
                                        "a.aB3456.new.old",
                                        "a.backup",
                                        "a.aB3456.new~",
                                        "a.aB3456.NEW",
                                        "a. aB345.new"};
    const size_t count = sizeof(names) / sizeof(names[0]);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(file_write_atomic(names[i], "x", 1, 0600), 0);
    }
    assert_int_equal(mkdir("folder.aB3456.new", 0700), 0);
    assert_int_equal(symlink("a", "link.aB3456.new"), 0);
    assert_int_equal(mkfifo("pipe.aB3456.new", 0600), 0);
    /* One that somebody writes. */
    const int fd = open("held.aB3456.new", O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    size_t all = count + 3; /* one begins with a dot */
    if (geteuid() == 0) {   /* another one's */
        assert_int_equal(file_write_atomic("other.aB3456.new", "x", 1, 0644), 0);
        assert_int_equal(chown("other.aB3456.new", 65534, 65534), 0);
        all++;
    }
    assert_int_equal(file_remove_unfinished("."), 0);
    assert_int_equal(files_here(), all);
    close(fd);
    assert_int_equal(file_remove_unfinished("."), 1);
}

static void paths_with_and_without_folders_work(void **state)
{
    char path[512];
    uint8_t *data = NULL;
    size_t len = 0;

    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(file_write_atomic("folder/a", "1", 1, 0644), 0);
    assert_int_equal(file_write_atomic("./b", "2", 1, 0644), 0);
    snprintf(path, sizeof(path), "%s/c", (char *)*state);
    assert_int_equal(file_write_atomic(path, "3", 1, 0644), 0);
    assert_int_equal(file_read("c", 1, &data, &len), 0);
    free(data);
}

static void folders_are_made_with_all_above_them(void **state)
{
    struct stat status;
    char path[512];

    umask(0);
    assert_int_equal(file_make_folder("a/b//c/", 0750), 0);
    assert_int_equal(stat("a/b/c", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0750);
    assert_int_equal(file_make_folder("a/b/c", 0750), 0); /* again */
    assert_int_equal(file_make_folder(".", 0750), 0);
    assert_int_equal(file_make_folder("/", 0750), 0);
    snprintf(path, sizeof(path), "%s/x/y", (char *)*state);
    assert_int_equal(file_make_folder(path, 0500), 0); /* x itself must take y */
    assert_int_equal(stat("x/y", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0500);
}

static void a_folder_that_cannot_be_is_refused(void **state)
{
    static char long_path[5000];

    (void)state;
    memset(long_path, 'x', sizeof(long_path) - 1);
    assert_int_equal(file_write_atomic("file", "x", 1, 0644), 0);
    assert_int_equal(file_make_folder("file", 0750), -ENOTDIR);
    assert_int_equal(file_make_folder("file/below", 0750), -ENOTDIR);
    assert_int_equal(file_make_folder("", 0750), -ENOENT);
    assert_int_equal(file_make_folder(long_path, 0750), -ENAMETOOLONG);
    assert_true(file_make_folder("/proc/self/x", 0750) < 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(a_file_larger_than_the_bound_is_refused),
        TEST(a_file_that_hides_its_size_is_read_and_bounded_too),
        TEST(what_is_no_regular_file_is_refused_without_waiting),
        TEST(what_is_taken_is_read_once),
        TEST(what_is_taken_is_gone_before_it_is_read),
        TEST(the_mode_is_the_one_asked_for),
        TEST(a_reader_of_the_old_file_keeps_the_old_file),
        TEST(a_write_that_fails_leaves_the_old_file_and_nothing_else),
        TEST(a_disk_that_is_full_leaves_the_old_file),
        TEST(what_a_killed_process_has_left_is_removed),
        TEST(nothing_else_is_taken_for_a_leftover),
        TEST(paths_with_and_without_folders_work),
        TEST(folders_are_made_with_all_above_them),
        TEST(a_folder_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests_name("base/file", tests, NULL, NULL);
}
