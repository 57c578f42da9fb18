/*
 * base/zone: every zone of the database against libc, over all transitions from 1970 to 2100;
 * and files that are none.
 */
#include "base/zone.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define FOLDER    "/usr/share/zoneinfo"
#define FROM      INT64_C(0)
#define TO        INT64_C(4102444800) /* 2100-01-01 */
#define SAMPLE_S  (INT64_C(6) * 86400 + 3607)
#define ZONES_MAX 1024

static long libc_offset(int64_t moment)
{
    const time_t at = (time_t)moment;
    struct tm shown;

    assert_non_null(localtime_r(&at, &shown));
    return shown.tm_gmtoff;
}

static void compare(const struct zone *zone, const char *name, int64_t moment)
{
    if (zone_offset(zone, moment) != libc_offset(moment)) {
        fail_msg("%s at %lld: %d, libc has %ld", name, (long long)moment,
                 (int)zone_offset(zone, moment), libc_offset(moment));
    }
}

/* Names that are one file are looked at once. */
static struct {
    uint8_t digests[ZONES_MAX][DIGEST_OCTETS];
    size_t count;
    size_t transitions;
} seen;

static void compare_zone(const char *name, const struct zone *zone)
{
    char value[512];
    int64_t at = FROM - 1;
    size_t transitions = 0;

    snprintf(value, sizeof(value), ":%s", name);
    setenv("TZ", value, 1);
    tzset();
    for (int64_t moment = FROM; moment < TO; moment += SAMPLE_S) {
        compare(zone, name, moment);
    }
    while (zone_next(zone, at, &at) && at < TO) {
        compare(zone, name, at - 1);
        compare(zone, name, at);
        compare(zone, name, at + 1);
        assert_true(++transitions < ZONE_TRANSITIONS_MAX);
    }
    seen.transitions += transitions;
}

static int on_file(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    const char *name = path + strlen(FOLDER) + 1;
    uint8_t digest[DIGEST_OCTETS];
    struct zone *zone = NULL;
    uint8_t *data;
    size_t len;

    (void)info;
    (void)place;
    /* posix/ is the same once more; right/ counts leap seconds */
    if (kind != FTW_F || strncmp(name, "posix/", 6) == 0 || strncmp(name, "right/", 6) == 0 ||
        file_read(path, 1 << 20, &data, &len) != 0) {
        return 0;
    }
    if (len > 4 && memcmp(data, "TZif", 4) == 0) {
        digest_of(data, len, NULL, digest);
        size_t i = 0;
        while (i < seen.count && memcmp(seen.digests[i], digest, sizeof(digest)) != 0) {
            i++;
        }
        if (i == seen.count) {
            assert_true(seen.count < ZONES_MAX);
            memcpy(seen.digests[seen.count++], digest, sizeof(digest));
            assert_int_equal(zone_build(data, len, &zone), 0);
            compare_zone(name, zone);
            zone_free(zone);
        }
    }
    free(data);
    return 0;
}

static void every_zone_is_as_libc_has_it(void **state)
{
    (void)state;
    assert_int_equal(nftw(FOLDER, on_file, 16, FTW_PHYS), 0);
    print_message("%zu zones, %zu transitions\n", seen.count, seen.transitions);
    assert_true(seen.count > 300 && seen.transitions > 30000);
}

static void a_file_of_leap_seconds_is_refused(void **state)
{
    struct zone *zone = NULL;

    (void)state;
    if (zone_load(FOLDER, "right/UTC", &zone) == -ENOENT) {
        skip(); /* Debian has them in a package of their own from version 13 on */
    }
    assert_int_equal(zone_load(FOLDER, "right/UTC", &zone), CORDON_E_FORMAT);
}

static void names_lead_nowhere_else(void **state)
{
    static const char *const bad[] = {"",       "/UTC",      "UTC/",           "Europe//Berlin",
                                      "../UTC", "Europe/..", "Europe/../UTC",  "Europe/Berlin ",
                                      "a.b",    "UTC\n",     "Europe\\Berlin", ":UTC"};
    char longest[ZONE_NAME_MAX + 2];
    struct zone *zone = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(zone_name_is_good(bad[i]));
        assert_int_equal(zone_load(FOLDER, bad[i], &zone), -EINVAL);
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(zone_name_is_good(longest));
    longest[ZONE_NAME_MAX] = '\0';
    assert_true(zone_name_is_good(longest));
    assert_int_equal(zone_load(FOLDER, "Europe/Berlim", &zone), -ENOENT);
    assert_int_equal(zone_load(FOLDER, "Europe", &zone), -EISDIR);
    assert_int_equal(zone_load(FOLDER, "tzdata", &zone), -ENOENT);
    assert_null(zone);
}

static void every_piece_of_a_file_is_refused(void **state)
{
    struct zone *zone = NULL;
    uint8_t *data;
    size_t len;

    (void)state;
    assert_int_equal(file_read(FOLDER "/Europe/Berlin", ZONE_FILE_MAX, &data, &len), 0);
    for (size_t i = 0; i < len; i++) {
        uint8_t *part = malloc(i + 1); /* so that the sanitizer sees its end */

        memcpy(part, data, i);
        assert_int_equal(zone_build(part, i, &zone), CORDON_E_FORMAT);
        free(part);
    }
    free(data);
}

/* A file of version 2: one type at UTC+1, no transition but those given, and a rule. */
static size_t make(uint8_t *out, const int64_t *moments, size_t count, uint32_t offset,
                   const char *rule)
{
    static const uint8_t none[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                  "\0\0\0\0\0\0\0\0\1\0\0\0\1"
                                  "\0\0\0\0\0\0";
    size_t len = 44 + 6 + 1;

    memset(out, 0, 4096);
    memcpy(out, none, sizeof(none) - 1);
    memcpy(out + len, none, 44);
    out[len + 35] = (uint8_t)count;
    len += 44;
    for (size_t i = 0; i < count; i++) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            out[len + 7 - shift / 8] = (uint8_t)((uint64_t)moments[i] >> shift);
        }
        len += 8;
    }
    len += count; /* all of them to type 0 */
    out[len] = (uint8_t)(offset >> 24);
    out[len + 1] = (uint8_t)(offset >> 16);
    out[len + 2] = (uint8_t)(offset >> 8);
    out[len + 3] = (uint8_t)offset;
    len += 6 + 1;
    out[len++] = '\n';
    memcpy(out + len, rule, strlen(rule));
    len += strlen(rule);
    out[len++] = '\n';
    return len;
}

static void takes_what_it_makes_and_refuses_what_cannot_be(void **state)
{
    static const int64_t up[] = {-5, 7, 8};
    static const int64_t same[] = {7, 7};
    static const int64_t down[] = {7, -5};
    static const char *const bad_rules[] = {"CET",
                                            "CE-1",
                                            "CET-25",
                                            "CET-1CEST",
                                            "CET-1CEST,M3.5.0",
                                            "CET-1CEST,M3.5.0,M13.5.0",
                                            "CET-1CEST,M3.0.0,M10.5.0",
                                            "CET-1CEST,M3.6.0,M10.5.0",
                                            "CET-1CEST,M3.5.7,M10.5.0",
                                            "CET-1CEST,J0,J300",
                                            "CET-1CEST,J1,J366",
                                            "CET-1CEST,1,366",
                                            "CET-1CEST,M3.5.0,M10.5.0,",
                                            "CET-1CEST,M3.5.0/168,M10.5.0",
                                            "CET-1CEST,M3.5.0/1:60,M10.5.0",
                                            "<+1>-1",
                                            "<+01-1",
                                            "CET-1 ",
                                            "CET-",
                                            "CET-1:",
                                            "CET-0001",
                                            "CET-1CEST,M3.5.0,M10.5.0/",
                                            "CET-1CEST,,",
                                            "1CET",
                                            "CET-1CE,M3.5.0,M10.5.0"};
    struct zone *zone = NULL;
    uint8_t data[4096];
    size_t len;

    (void)state;
    len = make(data, up, 3, 3600, "CET-1");
    assert_int_equal(zone_build(data, len, &zone), 0);
    assert_int_equal(zone_offset(zone, INT64_MIN), 3600);
    assert_int_equal(zone_offset(zone, INT64_MAX), 3600);
    zone_free(zone);
    zone = NULL;
    for (uint32_t version = 0; version < 256; version++) {
        len = make(data, up, 3, 3600, "CET-1");
        data[4] = (uint8_t)version;
        const bool good = version == 0 || (version >= '2' && version <= '4');
        assert_int_equal(zone_build(data, len, &zone), good ? 0 : CORDON_E_FORMAT);
        zone_free(zone);
        zone = NULL;
    }
    len = make(data, same, 2, 3600, "CET-1");
    assert_int_equal(zone_build(data, len, &zone), CORDON_E_FORMAT);
    len = make(data, down, 2, 3600, "CET-1");
    assert_int_equal(zone_build(data, len, &zone), CORDON_E_FORMAT);
    len = make(data, up, 3, 93600, "CET-1"); /* 26 hours */
    assert_int_equal(zone_build(data, len, &zone), CORDON_E_FORMAT);
    len = make(data, up, 3, (uint32_t)-90000, "CET-1"); /* 25 behind */
    assert_int_equal(zone_build(data, len, &zone), CORDON_E_FORMAT);
    for (size_t i = 0; i < sizeof(bad_rules) / sizeof(bad_rules[0]); i++) {
        len = make(data, up, 3, 3600, bad_rules[i]);
        assert_int_equal(zone_build(data, len, &zone), CORDON_E_FORMAT);
    }
    len = make(data, up, 3, 3600, "CET-1");
    data[44 + 7 + 44 + 24] = 1; /* a transition to a type that is not there */
    assert_int_equal(zone_build(data, len, &zone), CORDON_E_FORMAT);
    assert_null(zone);
}

static void files_have_their_bounds(void **state)
{
    const size_t size = ZONE_FILE_MAX + 1;
    char path[] = "/tmp/cordon-zone-XXXXXX";
    uint8_t *data = calloc(1, size);
    struct zone *zone = NULL;
    char name[128];

    (void)state;
    assert_non_null(data);
    /* transitions: as many as it says must be there, and not too many */
    for (uint32_t count = ZONE_TRANSITIONS_MAX; count <= ZONE_TRANSITIONS_MAX + 1; count++) {
        (void)make(data, NULL, 0, 0, "UTC0"); /* its headers */
        const size_t header = 44 + 6 + 1;

        data[header + 34] = (uint8_t)(count >> 8);
        data[header + 35] = (uint8_t)count;
        size_t len = header + 44;
        memset(data + len, 0, size - len);
        for (uint32_t i = 0; i < count; i++) {
            data[len + 8 * i + 6] = (uint8_t)(i >> 8);
            data[len + 8 * i + 7] = (uint8_t)i;
        }
        len += count * 9 + 6 + 1;
        memcpy(data + len, "\nUTC0\n", 6);
        const int rc = zone_build(data, len + 6, &zone);
        assert_int_equal(rc, count <= ZONE_TRANSITIONS_MAX ? 0 : CORDON_E_FORMAT);
        zone_free(zone);
        zone = NULL;
    }
    /* a file that is too large is not read */
    assert_non_null(mkdtemp(path));
    snprintf(name, sizeof(name), "%s/large", path);
    FILE *out = fopen(name, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(zone_load(path, "large", &zone), CORDON_E_TOO_LARGE);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(rmdir(path), 0);
    assert_null(zone);
    free(data);
}

/* Rules that the database does not have, or only in part: libc reads them from TZ. */
static void rules_are_as_libc_has_them(void **state)
{
    static const char *const rules[] = {"CET-1CEST,M3.5.0,M10.5.0/3",
                                        "EST5EDT,M3.2.0,M11.1.0",
                                        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
                                        "IST-1GMT0,M10.5.0,M3.5.0/1",
                                        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
                                        "AAA3BBB,J60/2,J300/2",
                                        "AAA3BBB,59/2,300/2",

                                        "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
                                        "UTC0",
                                        "IST-2IDT,M3.4.4/26,M10.5.0",
                                        "EET-2EEST,M3.5.0/0,M10.5.0/0",
                                        "AAA0BBB-1:30:15,J1/0:00:01,J59/23:59:59"};
    struct zone *zone = NULL;
    uint8_t data[4096];

    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const size_t len = make(data, NULL, 0, 0, rules[i]);
        int64_t at = FROM - 1;

        assert_int_equal(zone_build(data, len, &zone), 0);
        setenv("TZ", rules[i], 1);
        tzset();
        for (int64_t moment = FROM; moment < TO; moment += SAMPLE_S / 6) {
            compare(zone, rules[i], moment);
        }
        while (zone_next(zone, at, &at) && at < TO) {
            compare(zone, rules[i], at - 1);
            compare(zone, rules[i], at);
        }
        zone_free(zone);
        zone = NULL;
    }
}

/* libc looks at the turns of the year that UTC has, and misses these. */
static void a_turn_may_be_in_another_year_of_utc(void **state)
{
    struct zone *zone = NULL;
    uint8_t data[4096];

    (void)state;
    const size_t len = make(data, NULL, 0, 0, "AAA-13BBB,M1.1.1/0,M12.5.5/24");
    assert_int_equal(zone_build(data, len, &zone), 0);
    /* 1973-01-01 was a Monday, and began at 11:00 UTC of the day before. */
    assert_int_equal(zone_offset(zone, 94647600 - 1), 13 * 3600);
    assert_int_equal(zone_offset(zone, 94647600), 14 * 3600);
    zone_free(zone);
}

static void summer_all_year_has_no_gap(void **state)
{
    struct zone *zone = NULL;
    uint8_t data[4096];

    (void)state;
    const size_t len = make(data, NULL, 0, 0, "EST5EDT,0/0,J365/25");
    assert_int_equal(zone_build(data, len, &zone), 0);
    for (int64_t moment = FROM; moment < TO; moment += 1801) {
        assert_int_equal(zone_offset(zone, moment), -4 * 3600);
    }
    zone_free(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_zone_is_as_libc_has_it),
        cmocka_unit_test(a_file_of_leap_seconds_is_refused),
        cmocka_unit_test(names_lead_nowhere_else),
        cmocka_unit_test(every_piece_of_a_file_is_refused),
        cmocka_unit_test(takes_what_it_makes_and_refuses_what_cannot_be),
        cmocka_unit_test(files_have_their_bounds),
        cmocka_unit_test(rules_are_as_libc_has_them),
        cmocka_unit_test(a_turn_may_be_in_another_year_of_utc),
        cmocka_unit_test(summer_all_year_has_no_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
