/* audit/files: the log in a real folder, and its lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/logs.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct maker maker;

static int setup_all(void **state)
{
    (void)state;
    if (random_library_init() != 0) {
        return -1;
    }
    maker_init(&maker, LOG_NAME);
    return 0;
}

static void a_log_lives_in_a_folder(void **state)
{
    char path[] = "/tmp/cordon-audit-XXXXXX";
    char name[64];
    struct audit_folder folder;
    struct audit_folder other;
    struct audit_files files;
    struct audit_files other_files;
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    struct audit_log *second = NULL;
    struct audit_verdict verdict;
    struct reading reading;
    struct stat status;

    (void)state;
    assert_non_null(mkdtemp(path));
    maker.settings.file_octets = 20000;
    for (unsigned run = 0; run < 3; run++) {
        assert_int_equal(audit_folder_open(path, &folder, &files), 0);
        assert_int_equal(audit_log_open(&files, &maker.settings, T0, run, &log, &opened), 0);
        assert_int_equal(opened.is_new, run == 0);
        assert_int_equal(audit_folder_open(path, &other, &other_files), 0);
        assert_int_equal(audit_log_open(&other_files, &maker.settings, T0, 9, &second, &opened),
                         -EBUSY);
        audit_folder_close(&other);
        for (unsigned i = 0; i < 500; i++) {
            const uint64_t now = T0 + (run * 500 + i) * UINT64_C(20000);

            assert_int_equal(add_numbered(log, AUDIT_DECISIONS, run * 500 + i, now), 0);
            assert_int_equal(audit_log_tick(log, NULL, now), 0);
        }
        assert_int_equal(audit_log_close(log, NULL, T0 + (run + 1) * UINT64_C(10000000)), 0);
        audit_folder_close(&folder);
    }
    assert_int_equal(audit_folder_open(path, &folder, &files), 0);
    verify_log(&files, &maker.key, &verdict);
    assert_true(is_sound(&verdict));
    read_log(&files, &reading);
    assert_false(reading.wrong);
    assert_int_equal(reading.events[AUDIT_DECISIONS], 1500);
    uint32_t last = 0;
    assert_int_equal(files.last(files.context, &last), 0);
    assert_true(last > 2);
    snprintf(name, sizeof(name), "%s/0000000001.cordon", path);
    assert_int_equal(stat(name, &status), 0);
    assert_int_equal(status.st_mode & 0777 & ~0640u, 0);

    /* A file with the highest number that there is does not make a reader count to it. */
    snprintf(name, sizeof(name), "%s/4294967295.cordon", path);
    FILE *far = fopen(name, "w");
    assert_non_null(far);
    fclose(far);
    verify_log(&files, &maker.key, &verdict);
    assert_int_equal(verdict.completeness.fault, AUDIT_FAULT_MISSING_FILE);
    audit_folder_close(&folder);

    char command[96];
    snprintf(command, sizeof(command), "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_lives_in_a_folder),
    };

    return cmocka_run_group_tests(tests, setup_all, NULL);
}
