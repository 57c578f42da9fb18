/* The file of pauses and exceptions: what cannot be read is never written over. */
#include "base/error.h"
#include "base/file.h"
#include "daemon/changes.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define STRANGER 65534 /* who has no rights */

struct fixture {
    char folder[64];
    char path[96];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/cordon-changes-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof(fixture->path), "%s/overrides.jsonl", fixture->folder);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -r %s", fixture->folder);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

static void put(const char *path, const char *text)
{
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), 0);
}

/* The file beside has exactly this text; NULL: there is no such file. */
static void expect_beside(const struct fixture *fixture, const char *end, const char *text)
{
    char path[128];
    uint8_t *found = NULL;
    size_t len = 0;

    snprintf(path, sizeof(path), "%s%s", fixture->path, end);
    const int rc = file_read(path, 1u << 20, &found, &len);
    assert_int_equal(rc, text != NULL ? 0 : -ENOENT);
    if (text != NULL) {
        assert_string_equal((const char *)found, text);
    }
    free(found);
}

static struct changes load(struct fixture *fixture, size_t damage)
{
    struct changes changes = {.path = fixture->path};

    report_init(&changes.damage);
    assert_int_equal(changes_file_load(&changes, clock_read()), 0);
    assert_int_equal(changes.damage.count, damage);
    return changes;
}

static void done_with(struct changes *changes)
{
    report_deinit(&changes->damage);
    overrides_deinit(&changes->set);
}

/* Reads the file with a line that is none, then writes it. */
static void read_and_write(struct fixture *fixture)
{
    struct changes changes = load(fixture, 1);

    assert_int_equal(changes_file_save(&changes, &changes.set), 0);
    done_with(&changes);
}

static void damaged_lines_are_kept_under_a_name_of_their_own(void **state)
{
    struct fixture *fixture = *state;

    put(fixture->path, "first\n");
    read_and_write(fixture);
    expect_beside(fixture, ".damaged", "first\n");
    put(fixture->path, "second\n");
    read_and_write(fixture);
    put(fixture->path, "second\n"); /* is kept already */
    read_and_write(fixture);
    expect_beside(fixture, ".damaged", "first\n");
    expect_beside(fixture, ".damaged.1", "second\n");
    expect_beside(fixture, ".damaged.2", NULL);
}

static void a_file_without_rights_is_moved_and_not_lost(void **state)
{
    struct fixture *fixture = *state;
    const bool is_root = geteuid() == 0;

    put(fixture->path, "somebody's exceptions\n");
    assert_int_equal(chmod(fixture->path, 0), 0);
    if (is_root) {
        assert_int_equal(chown(fixture->folder, STRANGER, (gid_t)-1), 0);
        assert_int_equal(seteuid(STRANGER), 0);
    }
    struct changes changes = load(fixture, 1);
    const int rc = changes_file_save(&changes, &changes.set);
    done_with(&changes);
    struct changes again = load(fixture, 0);
    done_with(&again);
    assert_int_equal(seteuid(getuid()), 0);
    char beside[128];
    snprintf(beside, sizeof(beside), "%s.damaged", fixture->path);
    assert_int_equal(chmod(beside, 0600), 0);
    assert_int_equal(rc, 0);
    expect_beside(fixture, ".damaged", "somebody's exceptions\n");
}

static void a_file_that_is_too_large_is_moved_and_not_lost(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    char beside[128];

    put(fixture->path, "line\n");
    assert_int_equal(truncate(fixture->path, 20000000), 0);
    read_and_write(fixture);
    snprintf(beside, sizeof(beside), "%s.damaged", fixture->path);
    assert_int_equal(stat(beside, &status), 0);
    assert_int_equal(status.st_size, 20000000);
}

static void what_is_no_regular_file_is_never_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;

    for (unsigned kind = 0; kind < 3; kind++) {
        assert_int_equal(kind == 0   ? mkfifo(fixture->path, 0600)
                         : kind == 1 ? symlink("/dev/zero", fixture->path)
                                     : mkdir(fixture->path, 0700),
                         0);
        struct changes changes = load(fixture, 1);
        assert_int_equal(changes_file_save(&changes, &changes.set), CORDON_E_REFUSED);
        done_with(&changes);
        assert_int_equal(lstat(fixture->path, &status), 0);
        assert_false(S_ISREG(status.st_mode));
        assert_int_equal(remove(fixture->path), 0);
    }
}

/* Nothing is written over what could be kept nowhere. */
static void without_a_free_name_nothing_is_written(void **state)
{
    struct fixture *fixture = *state;
    char beside[128];

    for (unsigned i = 0; i < DAEMON_DAMAGED_MAX; i++) {
        snprintf(beside, sizeof(beside), i == 0 ? "%s.damaged" : "%s.damaged.%u", fixture->path,
                 i);
        put(beside, "older\n");
    }
    put(fixture->path, "newer\n");
    struct changes changes = load(fixture, 1);
    assert_int_equal(changes_file_save(&changes, &changes.set), -EEXIST);
    expect_beside(fixture, "", "newer\n");
    assert_int_equal(remove(beside), 0);
    assert_int_equal(changes_file_save(&changes, &changes.set), 0);
    expect_beside(fixture, ".damaged.99", "newer\n");
    done_with(&changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(damaged_lines_are_kept_under_a_name_of_their_own, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_without_rights_is_moved_and_not_lost, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_too_large_is_moved_and_not_lost, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_never_replaced, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_a_free_name_nothing_is_written, setup,
                                        teardown),
    };

    request_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
