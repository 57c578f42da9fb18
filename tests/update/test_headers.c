/* update/headers, update/backoff: what a server says, and how long to wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "update/backoff.h"
#include "update/headers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static struct update_headers of(const char *const *lines, size_t count)
{
    struct update_headers headers;

    update_headers_init(&headers);
    for (size_t i = 0; i < count; i++) {
        assert_true(update_headers_add(&headers, lines[i], strlen(lines[i])));
    }
    return headers;
}

static void fields_that_count_are_read(void **state)
{
    static const char *const lines[] = {"HTTP/1.1 206 Partial Content\r\n",
                                        "eTag: \"a-b\"\r\n",
                                        "Last-Modified:\tSun, 22 Nov 2026 09:30:00 GMT \r\n",
                                        "CONTENT-RANGE: Bytes 5-9/10\r\n",
                                        "Content-Length: 5\r\n",
                                        "Retry-After: 120\r\n",
                                        "X-Other: x\r\n",
                                        "\r\n"};
    const struct update_headers headers = of(lines, ITEMS(lines));

    (void)state;
    assert_int_equal(headers.status, 206);
    assert_string_equal(headers.etag, "\"a-b\"");
    assert_true(update_tag_is_strong(headers.etag));
    assert_string_equal(headers.modified, "Sun, 22 Nov 2026 09:30:00 GMT");
    assert_true(headers.has_range && headers.range_from == 5 && headers.range_to == 9 &&
                headers.range_all == 10);
    assert_true(headers.has_length && headers.length == 5);
    assert_int_equal(headers.retry_after_s, 120);
}

static void each_answer_begins_anew(void **state)
{
    static const char *const lines[] = {"HTTP/1.1 302 Found\r\n", "ETag: \"old\"\r\n",
                                        "Retry-After: 9\r\n",     "\r\n",
                                        "HTTP/2 200\r\n",         "\r\n"};
    const struct update_headers headers = of(lines, ITEMS(lines));

    (void)state;
    assert_int_equal(headers.status, 200);
    assert_string_equal(headers.etag, "");
    assert_int_equal(headers.retry_after_s, 0);
}

static void what_is_damaged_is_as_not_sent(void **state)
{
    static const char *const lines[] = {
        "ETag: abc\r\n",
        "ETag: \"a\"b\"\r\n",
        "ETag: \"a\001\"\r\n",
        "ETag: w/\"a\"\r\n",
        "ETag: \"\r\n",
        "ETag\r\n",
        "ETags: \"a\"\r\n",
        "Last-Modified: \xc3\xa4\r\n",
        "Content-Length: 5x\r\n",
        "Content-Length: -5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Range: bytes 9-5/10\r\n",
        "Content-Range: bytes 5-10/10\r\n",
        "Content-Range: bytes 5-9/*\r\n",
        "Content-Range: bytes */10\r\n",
        "Content-Range: octets 5-9/10\r\n",
        "Content-Range: bytes 5-9/10 x\r\n",
        "Retry-After: Sun, 22 Nov 2026 09:30:00 GMT\r\n",
        "HTTP/1.1 99 x\r\n",
        "HTTP/1.1 600 x\r\n",
        "HTTP/1.1\r\n",
        "HTTP/1.1 \r\n",
        "\r\n",
        "",
    };
    char long_tag[UPDATE_VALIDATOR_MAX + 32];

    (void)state;
    for (size_t i = 0; i < ITEMS(lines); i++) {
        const struct update_headers headers = of(&lines[i], 1);

        if (headers.status != 0 || headers.etag[0] != '\0' || headers.modified[0] != '\0' ||
            headers.has_length || headers.has_range || headers.retry_after_s != 0) {
            fail_msg("line %zu was taken: %s", i, lines[i]);
        }
    }
    snprintf(long_tag, sizeof(long_tag), "ETag: \"%0*d\"", (int)UPDATE_VALIDATOR_MAX - 2, 1);
    const char *line = long_tag;
    assert_string_equal(of(&line, 1).etag, ""); /* one octet too many */
    snprintf(long_tag, sizeof(long_tag), "ETag: \"%0*d\"", (int)UPDATE_VALIDATOR_MAX - 3, 1);
    assert_int_equal(strlen(of(&line, 1).etag), UPDATE_VALIDATOR_MAX - 1);
    line = "ETag: W/\"a\"";
    assert_string_equal(of(&line, 1).etag, "W/\"a\"");
    assert_false(update_tag_is_strong(of(&line, 1).etag));
    line = "Retry-After: 99999999";
    assert_int_equal(of(&line, 1).retry_after_s, UPDATE_RETRY_AFTER_MAX_S);
}

static void lines_without_end_end(void **state)
{
    struct update_headers headers;
    char line[1024];
    unsigned count = 0;

    (void)state;
    memset(line, 'x', sizeof(line));
    update_headers_init(&headers);
    while (update_headers_add(&headers, line, sizeof(line))) {
        assert_true(++count < 1000);
    }
    assert_int_equal(count, UPDATE_HEADER_OCTETS_MAX / sizeof(line));
    /* A new answer does not begin anew with that. */
    assert_false(update_headers_add(&headers, "HTTP/1.1 200 OK\r\n", 17));
    char *large = calloc(1, UPDATE_HEADER_OCTETS_MAX + 1);
    assert_non_null(large);
    update_headers_init(&headers);
    assert_false(update_headers_add(&headers, large, UPDATE_HEADER_OCTETS_MAX + 1));
    free(large);
}

static void waits_double_up_to_a_bound_and_differ(void **state)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = {7};
    struct random random;
    bool differ = false;
    uint64_t first = 0;

    (void)state;
    random_init_seed(&random, seed);
    for (unsigned failures = 1; failures < 2000; failures++) {
        const uint64_t whole = failures < 10 ? UINT64_C(60) << (failures - 1) : 21600;
        const uint64_t bound = whole < 21600 ? whole : 21600;
        const uint64_t wait = update_backoff(failures, 60, 21600, &random);

        assert_true(wait >= bound / 2 && wait <= bound);
    }
    for (unsigned i = 0; i < 100; i++) {
        const uint64_t wait = update_backoff(1, 1000, 30000, &random);
        const uint64_t regular = update_regular(21600, &random);

        differ = differ || (i > 0 && wait != first);
        first = wait;
        assert_true(wait >= 500 && wait <= 1000);
        assert_true(regular >= 19440 && regular <= 23760);
    }
    assert_true(differ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_that_count_are_read),
        cmocka_unit_test(each_answer_begins_anew),
        cmocka_unit_test(what_is_damaged_is_as_not_sent),
        cmocka_unit_test(lines_without_end_end),
        cmocka_unit_test(waits_double_up_to_a_bound_and_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
