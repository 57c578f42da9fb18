/* base/endpoint: names and pins that are read and those that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/endpoint.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static void reads_names_as_certificates_have_them(void **state)
{
    static const struct {
        const char *text, *name, *fault; /* fault: how it begins */
    } rows[] = {
        {"dns.example", "dns.example", NULL},
        {"DNS.Example.", "dns.example", NULL},
        {"a", "a", NULL},
        {"xn--bcher-kva.example", "xn--bcher-kva.example", NULL},
        {"1dot1dot1dot1.cloud.example", "1dot1dot1dot1.cloud.example", NULL},
        {"", NULL, "is empty"},
        {".", NULL, "has an empty part"},
        {"a..b", NULL, "has an empty part"},
        {".a", NULL, "has an empty part"},
        {"a..", NULL, "has an empty part"},
        {"*.example", NULL, "is no host name"},
        {"dns_1.example", NULL, "is no host name"},
        {"dns example", NULL, "is no host name"},
        {"dns.example@853", NULL, "is no host name"},
        {"-a.example", NULL, "has a hyphen"},
        {"a-.example", NULL, "has a hyphen"},
        {"b\xc3\xbc"
         "cher.example",
         NULL, "has characters outside ASCII"},
        {"192.0.2.1", NULL, "is an address"},
        {"2001:db8::1", NULL, "is an address"},
        {"a123456789012345678901234567890123456789012345678901234567890123.example", NULL,
         "has a part of more"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        char out[ENDPOINT_NAME_MAX] = "untouched";
        const char *fault = endpoint_name_read(rows[i].text, out);
        if (rows[i].fault == NULL) {
            assert_null(fault);
            assert_string_equal(out, rows[i].name);
        } else {
            assert_non_null(fault);
            assert_memory_equal(fault, rows[i].fault, strlen(rows[i].fault));
            assert_string_equal(out, "untouched");
        }
    }
}

static void a_name_has_at_most_253_characters(void **state)
{
    char text[300];
    char out[ENDPOINT_NAME_MAX];

    (void)state;
    memset(text, 'a', sizeof(text));
    for (size_t i = 50; i < sizeof(text); i += 51) {
        text[i] = '.';
    }
    text[253] = '\0';
    assert_null(endpoint_name_read(text, out));
    assert_int_equal(strlen(out), 253);
    text[253] = 'a';
    text[254] = '\0';
    assert_non_null(endpoint_name_read(text, out));
}

static void a_pin_has_one_text(void **state)
{
    static const char *const bad[] = {
        "",
        "sha256/",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "sha1/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "SHA256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", /* as curl writes it */
        "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=", /* bits that mean nothing */
        "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
        "sha256/AAAAAAAAAAAAAAAAAAAAA=AAAAAAAAAAAAAAAAAAAAA=",
        "sha256/AAAAAAAAAAAAAAAAAAAAA-AAAAAAAAAAAAAAAAAAAAA=", /* base64url */
        "sha256/AAAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAA=",
        "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= ",
    };
    uint8_t pin[ENDPOINT_PIN_OCTETS];
    uint8_t again[ENDPOINT_PIN_OCTETS];
    char text[ENDPOINT_PIN_TEXT];

    (void)state;
    for (unsigned turn = 0; turn < 256; turn++) {
        for (unsigned i = 0; i < sizeof(pin); i++) {
            pin[i] = (uint8_t)(turn + i * 73);
        }
        endpoint_pin_format(pin, text);
        assert_int_equal(strlen(text), ENDPOINT_PIN_TEXT - 1);
        assert_true(endpoint_pin_read(text, again));
        assert_memory_equal(pin, again, sizeof(pin));
    }
    /* SHA-256 of nothing, as openssl writes it. */
    assert_true(endpoint_pin_read("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", pin));
    assert_int_equal(pin[0], 0xe3);
    assert_int_equal(pin[31], 0x55);
    for (size_t i = 0; i < ITEMS(bad); i++) {
        assert_false(endpoint_pin_read(bad[i], pin));
    }
}

static struct endpoint some_endpoint(void)
{
    struct endpoint endpoint = {.transport = ENDPOINT_TLS, .name = "dns.example"};

    assert_int_equal(address_parse("192.0.2.53", 10, 853, &endpoint.address), 0);
    return endpoint;
}

static void endpoints_differ_in_each_part(void **state)
{
    const struct endpoint one = some_endpoint();
    struct endpoint other = one;

    (void)state;
    assert_true(endpoint_equal(&one, &other));
    other.pins[0][0] = 1; /* beyond the count: no part of it */
    assert_true(endpoint_equal(&one, &other));
    other.pin_count = 1;
    assert_false(endpoint_equal(&one, &other));
    other = one;
    other.transport = ENDPOINT_DO53;
    assert_false(endpoint_equal(&one, &other));
    other = one;
    other.address.port = 53;
    assert_false(endpoint_equal(&one, &other));
    other = one;
    other.name[0] = 'x';
    assert_false(endpoint_equal(&one, &other));
}

static void writes_endpoints(void **state)
{
    struct endpoint endpoint = some_endpoint();
    char text[ENDPOINT_TEXT_MAX];

    (void)state;
    size_t len = endpoint_format(&endpoint, text);
    assert_int_equal(len, strlen(text));
    assert_string_equal(text, "tls://192.0.2.53@853#dns.example");
    endpoint.name[0] = '\0';
    endpoint_format(&endpoint, text);
    assert_string_equal(text, "tls://192.0.2.53@853");
    endpoint.transport = ENDPOINT_DO53;
    endpoint_format(&endpoint, text);
    assert_string_equal(text, "192.0.2.53@853");
    endpoint.transport = ENDPOINT_TLS;
    memset(endpoint.name, 'a', ENDPOINT_NAME_MAX - 1);
    len = endpoint_format(&endpoint, text);
    assert_int_equal(len, strlen(text));
    assert_int_equal(len, strlen("tls://192.0.2.53@853#") + 253);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_names_as_certificates_have_them),
        cmocka_unit_test(a_name_has_at_most_253_characters),
        cmocka_unit_test(a_pin_has_one_text),
        cmocka_unit_test(endpoints_differ_in_each_part),
        cmocka_unit_test(writes_endpoints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
