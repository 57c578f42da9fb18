/* config/resolv_conf: the servers that the machine asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
    char path[32];
    struct address found[4];
    struct report report;
};

static struct address address_of(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(text, strlen(text), 53, &address), 0);
    return address;
}

static int read_text(struct fixture *f, const char *text, size_t len,
                     const struct address *listen, size_t listen_count)
{
    strcpy(f->path, "/tmp/cordon-resolv-XXXXXX");
    const int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
    report_init(&f->report);
    const int rc = config_read_resolv_conf(f->path, listen, listen_count, f->found,
                                           ITEMS(f->found), &f->report);
    unlink(f->path);
    return rc;
}

static void lines_of_other_words_are_passed_over(void **state)
{
    static const char text[] = "# nameserver 192.0.2.1\n"
                               "; nameserver 192.0.2.2\n"
                               "search example.org\n"
                               "nameserverx 192.0.2.3\n"
                               "options edns0 trust-ad\n"
                               "  nameserver\t192.0.2.4 # the first\r\n"
                               "nameserver 2001:db8::53\n"
                               "\n"
                               "nameserver 192.0.2.4\n"
                               "nameserver ::ffff:192.0.2.5";
    struct fixture f;

    (void)state;
    assert_int_equal(read_text(&f, text, strlen(text), NULL, 0), 3);
    const struct address want[] = {address_of("192.0.2.4"), address_of("2001:db8::53"),
                                   address_of("192.0.2.5")};
    for (size_t i = 0; i < 3; i++) {
        assert_true(address_equal(&f.found[i], &want[i]));
        assert_int_equal(f.found[i].port, 53);
    }
    assert_int_equal(f.report.count, 0);
    report_deinit(&f.report);
}

static void what_is_no_address_is_left_out_with_a_warning(void **state)
{
    static const char text[] = "nameserver\n"
                               "nameserver dns.example\n"
                               "nameserver 192.0.2.300\n"
                               "nameserver 192.0.2.1@5353\n" /* the port is ours, not theirs */
                               "nameserver 2001:db8::1%lo\n"
                               "nameserver 192.0.2.9\n";
    struct fixture f;

    (void)state;
    assert_int_equal(read_text(&f, text, strlen(text), NULL, 0), 1);
    assert_int_equal(f.report.warnings, 5);
    assert_int_equal(f.report.errors, 0);
    assert_non_null(strstr(f.report.entries[1].text, ":2: nameserver dns.example: not an "
                                                     "address: left out"));
    report_deinit(&f.report);
}

static void our_own_addresses_are_left_out(void **state)
{
    static const char text[] = "nameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.1\n"
                               "nameserver 127.0.0.1\n";
    const struct address wild[] = {address_of("0.0.0.0@53")};
    const struct address exact[] = {address_of("127.0.0.1@53"), address_of("[::1]@53")};
    const struct address other_port[] = {address_of("0.0.0.0@5300"), address_of("[::1]@5300")};
    struct fixture f;

    (void)state;
    assert_int_equal(read_text(&f, text, strlen(text), wild, 1), 2);
    assert_int_equal(f.found[0].family, ADDRESS_V6);
    assert_int_equal(f.report.warnings, 2);
    assert_non_null(strstr(f.report.entries[0].text, "127.0.0.53: is this resolver itself"));
    report_deinit(&f.report);

    assert_int_equal(read_text(&f, text, strlen(text), exact, 2), 2);
    assert_int_equal(f.found[0].octets[3], 53);
    assert_int_equal(f.found[1].octets[3], 1);
    report_deinit(&f.report);

    assert_int_equal(read_text(&f, text, strlen(text), other_port, 2), 4);
    assert_int_equal(f.report.count, 0);
    report_deinit(&f.report);
}

static void more_servers_than_there_is_room_for_are_left_out(void **state)
{
    static const char text[] = "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver "
                               "192.0.2.3\nnameserver 192.0.2.4\nnameserver 192.0.2.5\n";
    struct fixture f;

    (void)state;
    assert_int_equal(read_text(&f, text, strlen(text), NULL, 0), 4);
    assert_int_equal(f.report.warnings, 1);
    report_deinit(&f.report);
}

static void files_that_are_none_are_errors(void **state)
{
    char *large = malloc((64u << 10) + 1);
    struct fixture f;

    (void)state;
    assert_int_equal(read_text(&f, "", 0, NULL, 0), 0);
    report_deinit(&f.report);
    assert_int_equal(read_text(&f, "\0\xff nameserver\0", 14, NULL, 0), 0);
    report_deinit(&f.report);
    assert_non_null(large);
    memset(large, '\n', (64u << 10) + 1);
    assert_int_equal(read_text(&f, large, (64u << 10) + 1, NULL, 0), CORDON_E_TOO_LARGE);
    assert_int_equal(f.report.warnings, 1);
    report_deinit(&f.report);
    free(large);
    assert_int_equal(config_read_resolv_conf("/proc/nonexistent", NULL, 0, f.found, 4, NULL),
                     -ENOENT);
    assert_int_equal(config_read_resolv_conf("/", NULL, 0, f.found, 4, NULL), -EISDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_other_words_are_passed_over),
        cmocka_unit_test(what_is_no_address_is_left_out_with_a_warning),
        cmocka_unit_test(our_own_addresses_are_left_out),
        cmocka_unit_test(more_servers_than_there_is_room_for_are_left_out),
        cmocka_unit_test(files_that_are_none_are_errors),
    };
    return cmocka_run_group_tests_name("config/resolv_conf", tests, NULL, NULL);
}
