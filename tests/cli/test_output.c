/* What people name with --output stays what it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "cli/output.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

static int enter_folder(void **state)
{
    char folder[] = "/tmp/cordon-output-XXXXXX";

    *state = mkdtemp(folder) == NULL ? NULL : strdup(folder);
    return *state == NULL ? -1 : chdir(*state);
}

static int leave_folder(void **state)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s", (char *)*state);
    free(*state);
    return chdir("/") == 0 ? system(command) : -1;
}

static mode_t kind_of(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

static bool holds(const char *path, const char *text)
{
    char octets[64] = {0};
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, octets, sizeof(octets) - 1);

    if (fd >= 0) {
        close(fd);
    }
    return got >= 0 && strcmp(octets, text) == 0;
}

static int put(const char *path, const char *text)
{
    return cli_output("test", path, text, strlen(text));
}

static void files_are_replaced(void **state)
{
    struct stat before, after;

    (void)state;
    assert_int_equal(put("a", "one"), CLI_OK);
    assert_true(holds("a", "one"));
    assert_int_equal(stat("a", &before), 0);
    assert_int_equal(before.st_mode & 07777, 0644);
    assert_int_equal(link("a", "kept"), 0); /* so that its number is not used again */
    assert_int_equal(put("a", "two"), CLI_OK);
    assert_int_equal(stat("a", &after), 0);
    assert_true(holds("a", "two") && holds("kept", "one"));
    assert_int_not_equal(before.st_ino, after.st_ino);
    assert_int_equal(put("none/a", "x"), CLI_REFUSED);
}

static void links_are_followed(void **state)
{
    (void)state;
    assert_int_equal(mkdir("folder", 0755), 0);
    assert_int_equal(put("folder/target", "old"), CLI_OK);
    assert_int_equal(symlink("folder/target", "link"), 0);
    assert_int_equal(symlink("link", "second"), 0);
    assert_int_equal(put("second", "new"), CLI_OK);
    assert_int_equal(kind_of("link"), S_IFLNK);
    assert_int_equal(kind_of("second"), S_IFLNK);
    assert_true(holds("folder/target", "new"));
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(put("dangling", "x"), CLI_REFUSED);
    assert_int_equal(kind_of("dangling"), S_IFLNK);
    assert_int_equal(access("nowhere", F_OK), -1);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(put("loop", "x"), CLI_REFUSED);
}

static void a_fifo_is_written_into(void **state)
{
    char got[16] = {0};

    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(symlink("fifo", "link"), 0);
    const int reader = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_int_equal(put("fifo", "one"), CLI_OK);
    assert_int_equal(put("link", "two"), CLI_OK);
    assert_int_equal(read(reader, got, sizeof(got) - 1), 6);
    assert_string_equal(got, "onetwo");
    assert_int_equal(kind_of("fifo"), S_IFIFO);
    assert_int_equal(kind_of("link"), S_IFLNK);
    close(reader);
}

/* A node of our own: that of the machine is not put at risk. */
static void a_device_is_written_into(void **state)
{
    (void)state;
    if (mknod("full", S_IFCHR | 0600, makedev(1, 7)) != 0 || access("full", W_OK) != 0) {
        skip();
    }
    const int fd = open("full", O_WRONLY | O_CLOEXEC);
    if (fd < 0) { /* a file system without devices */
        skip();
    }
    close(fd);
    assert_int_equal(put("full", "x"), CLI_REFUSED);
    assert_int_equal(kind_of("full"), S_IFCHR);
    assert_int_equal(mknod("null", S_IFCHR | 0600, makedev(1, 3)), 0);
    assert_int_equal(put("null", "x"), CLI_OK);
    assert_int_equal(kind_of("null"), S_IFCHR);
}

static void all_else_is_refused(void **state)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(mkdir("folder", 0755), 0);
    assert_int_equal(put("folder", "x"), CLI_REFUSED);
    assert_int_equal(kind_of("folder"), S_IFDIR);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(put("socket", "x"), CLI_REFUSED);
    assert_int_equal(kind_of("socket"), S_IFSOCK);
    close(fd);
    assert_int_equal(put("", "x"), CLI_REFUSED);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(files_are_replaced),     IN_FOLDER(links_are_followed),
        IN_FOLDER(a_fifo_is_written_into), IN_FOLDER(a_device_is_written_into),
        IN_FOLDER(all_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
