/* tls/trust: files of CA certificates, and what is no such file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/trust.h"

#include "base/error.h"
#include "tls/certificates.h"

#include <errno.h>
#include <unistd.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static struct holder make_root(const char *name)
{
    return make_holder((struct order){.common_name = name, .is_ca = true});
}

static void texts_without_certificates_are_refused(void **state)
{
    static const struct {
        const char *text;
        int code;
        const char *fault; /* in the report; NULL: nothing */
    } rows[] = {
        {"", CORDON_E_REFUSED, "there is no certificate in it"},
        {"# nothing\n", CORDON_E_REFUSED, "there is no certificate in it"},
        {"-----BEGIN CERTIFICATE-----\n", CORDON_E_REFUSED, "certificate 1 cannot be read"},
        {"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", CORDON_E_REFUSED,
         "certificate 1 cannot be read"},
        {"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", CORDON_E_REFUSED,
         "certificate 1 cannot be read"},
        /* A key is not taken for a certificate. */
        {"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n", CORDON_E_REFUSED,
         "there is no certificate in it"},
        /* Nobody is asked for a password. */
        {"-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
         "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
         "AAAAAAAAAAAAAAAAAAAAAA==\n-----END CERTIFICATE-----\n",
         CORDON_E_REFUSED, "certificate 1 cannot be read"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct tls_trust *trust = NULL;
        struct report report;

        report_init(&report);
        const int rc = tls_trust_build((const uint8_t *)rows[i].text, strlen(rows[i].text),
                                       true, "ca.pem", &report, &trust);
        if (rc != rows[i].code || report.count != 1 ||
            strstr(report.entries[0].text, rows[i].fault) == NULL) {
            report_print(&report, stderr);
            fail_msg("row %zu: code %d", i, rc);
        }
        assert_null(trust);
        report_deinit(&report);
    }
}

static void a_fault_behind_good_certificates_is_named(void **state)
{
    struct holder root = make_root("Root");
    char *pem = certificate_pem(&root);
    char text[8192];
    struct tls_trust *trust = NULL;
    struct report report;

    (void)state;
    report_init(&report);
    const int len = snprintf(text, sizeof(text), "# one\n%s# two\n%s%.60s", pem, pem, pem);
    assert_int_equal(
        tls_trust_build((const uint8_t *)text, (size_t)len, true, "ca.pem", &report, &trust),
        CORDON_E_REFUSED);
    assert_non_null(strstr(report.entries[0].text, "ca.pem: certificate 3 cannot be read"));
    assert_null(trust);
    report_deinit(&report);
    free(pem);
    free_holder(&root);
}

static void more_certificates_than_anybody_has_are_refused(void **state)
{
    struct holder root = make_root("Root");
    char *pem = certificate_pem(&root);
    const size_t each = strlen(pem);
    char *text = calloc(TLS_ROOTS_MAX + 1, each);
    struct tls_trust *trust = NULL;
    struct report report;

    (void)state;
    report_init(&report);
    for (size_t i = 0; i <= TLS_ROOTS_MAX; i++) {
        memcpy(text + i * each, pem, each);
    }
    assert_int_equal(tls_trust_build((const uint8_t *)text, (TLS_ROOTS_MAX + 1) * each, true,
                                     "ca.pem", &report, &trust),
                     CORDON_E_TOO_LARGE);
    assert_int_equal(tls_trust_build((const uint8_t *)text, TLS_ROOTS_MAX * each, true,
                                     "ca.pem", &report, &trust),
                     0);
    tls_trust_release(trust);
    report_deinit(&report);
    free(text);
    free(pem);
    free_holder(&root);
}

static void files_are_read_or_reported(void **state)
{
    char path[] = "/tmp/cordon-trust-XXXXXX";
    struct holder root = make_root("Root");
    char *pem = certificate_pem(&root);
    struct tls_trust *trust = NULL;
    struct report report;
    const int fd = mkstemp(path);

    (void)state;
    report_init(&report);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, pem, strlen(pem)), (ssize_t)strlen(pem));
    close(fd);
    assert_int_equal(tls_trust_load(path, &report, &trust), 0);
    assert_int_equal(report.count, 0);
    tls_trust_release(trust);
    trust = NULL;
    unlink(path);
    assert_int_equal(tls_trust_load(path, &report, &trust), CORDON_E_REFUSED);
    assert_non_null(strstr(report.entries[0].text, "cannot be read: No such file"));
    assert_int_equal(tls_trust_load("/tmp", &report, &trust), CORDON_E_REFUSED);
    assert_null(trust);
    report_deinit(&report);
    free(pem);
    free_holder(&root);
}

/* Whether this machine has any or not: it is no fault. */
static void the_systems_certificates_are_no_fault(void **state)
{
    struct tls_trust *trust = NULL;
    struct report report;

    (void)state;
    report_init(&report);
    assert_int_equal(tls_trust_load(NULL, &report, &trust), 0);
    assert_int_equal(report.errors, 0);
    assert_int_equal(report.warnings, tls_system_roots() == NULL ? 1 : 0);
    tls_trust_release(trust);
    trust = NULL;
    report_deinit(&report);
    report_init(&report);
    assert_int_equal(tls_trust_build(NULL, 0, false, "system", &report, &trust), 0);
    assert_int_equal(report.warnings, 1);
    assert_int_equal(report.errors, 0);
    tls_trust_release(trust);
    report_deinit(&report);
}

static void trust_is_equal_if_its_certificates_are(void **state)
{
    struct holder roots[2] = {make_root("One"), make_root("Two")};
    struct tls_trust *made[4] = {NULL};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char *pem = certificate_pem(&roots[i == 2]);
        assert_int_equal(
            tls_trust_build((const uint8_t *)pem, strlen(pem), i == 3, "x", NULL, &made[i]), 0);
        free(pem);
    }
    assert_true(tls_trust_equal(made[0], made[1]));
    assert_false(tls_trust_equal(made[0], made[2]));
    assert_false(tls_trust_equal(made[0], made[3])); /* believed in another way */
    assert_false(tls_trust_equal(made[0], NULL));
    assert_true(tls_trust_equal(NULL, NULL));
    assert_ptr_equal(tls_trust_hold(made[0]), made[0]);
    tls_trust_release(made[0]);
    for (size_t i = 0; i < 4; i++) {
        tls_trust_release(made[i]);
    }
    tls_trust_release(NULL);
    free_holder(&roots[0]);
    free_holder(&roots[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_without_certificates_are_refused),
        cmocka_unit_test(a_fault_behind_good_certificates_is_named),
        cmocka_unit_test(more_certificates_than_anybody_has_are_refused),
        cmocka_unit_test(files_are_read_or_reported),
        cmocka_unit_test(the_systems_certificates_are_no_fault),
        cmocka_unit_test(trust_is_equal_if_its_certificates_are),
    };

    return cmocka_run_group_tests_name("tls/trust", tests, NULL, NULL);
}
