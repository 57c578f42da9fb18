/* daemon/claim: one process at a time has a state directory; a killed one leaves nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/claim.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char folder[64], file[128];
    char words[1024];
    struct claim one, two;
};

static int make(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    strcpy(fixture->folder, "/tmp/cordon-test-claim.XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->file, sizeof(fixture->file), "%s/" CLAIM_FILE, fixture->folder);
    claim_init(&fixture->one);
    claim_init(&fixture->two);
    *state = fixture;
    return 0;
}

static int unmake(void **state)
{
    struct fixture *fixture = *state;

    claim_release(&fixture->one);
    claim_release(&fixture->two);
    (void)remove(fixture->file);
    assert_int_equal(rmdir(fixture->folder), 0);
    free(fixture);
    return 0;
}

/* Without patience; what it says is in fixture->words. */
static int take(struct fixture *fixture, struct claim *claim, pid_t predecessor)
{
    FILE *err = fmemopen(fixture->words, sizeof(fixture->words), "w");

    assert_non_null(err);
    const int rc = claim_take(claim, fixture->folder, predecessor, 0, err);
    fclose(err);
    return rc;
}

static void the_second_is_refused_with_the_first_by_its_number(void **state)
{
    struct fixture *fixture = *state;
    char who[32];

    assert_int_equal(take(fixture, &fixture->one, 0), 0);
    assert_true(fixture->one.have);
    assert_int_equal(take(fixture, &fixture->two, 0), -EBUSY);
    snprintf(who, sizeof(who), "(process %ld)", (long)getpid());
    assert_non_null(strstr(fixture->words, fixture->folder));
    assert_non_null(strstr(fixture->words, who));
    assert_non_null(strstr(fixture->words, "--replace"));
    assert_false(fixture->two.have);
    claim_release(&fixture->one);
    assert_int_equal(take(fixture, &fixture->two, 0), 0);
    assert_true(fixture->two.have);
}

static void a_successor_goes_on_beside_its_predecessor_and_takes_over(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(take(fixture, &fixture->one, 0), 0);
    assert_int_equal(take(fixture, &fixture->two, getpid() + 1), -EBUSY); /* of another one */
    assert_int_equal(take(fixture, &fixture->two, getpid()), 0);
    assert_false(fixture->two.have);
    assert_false(claim_look(&fixture->two));
    claim_ready(&fixture->two);
    claim_release(&fixture->one);
    assert_true(claim_look(&fixture->two));
    assert_true(fixture->two.have);
    assert_int_equal(take(fixture, &fixture->one, 0), -EBUSY);
}

static void a_killed_process_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    int told[2];
    char octet = 0;

    assert_int_equal(pipe(told), 0);
    const pid_t child = fork();
    if (child == 0) {
        alarm(120); /* it outlives no test that fails */
        octet = claim_take(&fixture->one, fixture->folder, 0, 0, stderr) == 0 ? 'y' : 'n';
        (void)!write(told[1], &octet, 1);
        for (;;) {
            pause();
        }
    }
    assert_int_equal(read(told[0], &octet, 1), 1);
    assert_int_equal(octet, 'y');
    assert_int_equal(take(fixture, &fixture->two, 0), -EBUSY);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(take(fixture, &fixture->two, 0), 0);
    assert_true(fixture->two.have);
    close(told[0]);
    close(told[1]);
}

/* What waits has it as soon as the other one ends. */
static void who_waits_for_one_that_ends_gets_it(void **state)
{
    struct fixture *fixture = *state;
    int told[2];
    char octet = 0;

    assert_int_equal(pipe(told), 0);
    const pid_t child = fork();
    if (child == 0) {
        (void)claim_take(&fixture->one, fixture->folder, 0, 0, stderr);
        (void)!write(told[1], "", 1);
        usleep(100000); /* the other one has begun to wait, or has not: both must do */
        _exit(0);
    }
    assert_int_equal(read(told[0], &octet, 1), 1);
    assert_int_equal(claim_take(&fixture->two, fixture->folder, 0, 60000, stderr), 0);
    assert_true(fixture->two.have);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(told[0]);
    close(told[1]);
}

/* A file that is taken away does not let two in that look for the new one. */
static void a_removed_file_is_made_anew(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(take(fixture, &fixture->one, 0), 0);
    assert_int_equal(take(fixture, &fixture->two, getpid()), 0);
    assert_int_equal(unlink(fixture->file), 0);
    claim_release(&fixture->one);
    (void)claim_look(&fixture->two); /* what it had open has no name any more */
    claim_release(&fixture->two);
    assert_int_equal(take(fixture, &fixture->two, 0), 0);
    assert_true(fixture->two.have);
    assert_int_equal(take(fixture, &fixture->one, 0), -EBUSY);
}

/* An outage would be worse than two at once. */
static void what_cannot_be_locked_keeps_nobody_from_starting(void **state)
{
    static const char *const kinds[] = {"pipe", "folder", "link", "none"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (i == 0) {
            assert_int_equal(mkfifo(fixture->file, 0600), 0);
        } else if (i == 1) {
            assert_int_equal(mkdir(fixture->file, 0700), 0);
        } else if (i == 2) {
            assert_int_equal(symlink("/dev/null", fixture->file), 0);
        } else {
            assert_int_equal(claim_take(&fixture->one, "/proc/self", 0, 0, stderr), 0);
            assert_int_equal(claim_take(&fixture->one, "/none/of/it", 0, 0, stderr), 0);
            assert_int_equal(claim_take(&fixture->one, NULL, 0, 0, stderr), 0);
        }
        if (i < 3) {
            assert_int_equal(take(fixture, &fixture->one, 0), 0);
        }
        assert_false(fixture->one.have);
        assert_true(claim_look(&fixture->one));
        claim_ready(&fixture->one);
        (void)remove(fixture->file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_second_is_refused_with_the_first_by_its_number,
                                        make, unmake),
        cmocka_unit_test_setup_teardown(
            a_successor_goes_on_beside_its_predecessor_and_takes_over, make, unmake),
        cmocka_unit_test_setup_teardown(a_killed_process_leaves_nothing, make, unmake),
        cmocka_unit_test_setup_teardown(who_waits_for_one_that_ends_gets_it, make, unmake),
        cmocka_unit_test_setup_teardown(a_removed_file_is_made_anew, make, unmake),
        cmocka_unit_test_setup_teardown(what_cannot_be_locked_keeps_nobody_from_starting, make,
                                        unmake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
