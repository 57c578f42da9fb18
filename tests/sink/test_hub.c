/* sink/hub, sink/run: what the writer's thread gives is never waited for, is sent once it can
 * be, and what is lost is counted and told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink/sink.h"

#include "audit/rows.h"
#include "base/clock.h"
#include "sink/frames.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LONG_US UINT64_C(20000000) /* for a condition, on a machine that is busy */

static struct row_store store;

struct scene {
    char folder[64], path[96];
    struct sink_hub *hub;
    struct audit_tap tap;
};

static void set_up(struct scene *scene)
{
    snprintf(scene->folder, sizeof(scene->folder), "/tmp/cordon-sink-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->path, sizeof(scene->path), "%s/place", scene->folder);
    assert_int_equal(random_library_init(), 0);
}

static void start(struct scene *scene, enum sink_format format, enum sink_way way)
{
    const struct sink_settings settings = {
        .name = "test",
        .format = format,
        .way = way,
        .path = scene->path,
        .streams = {false, true, true, format != SINK_DNSTAP},
        .queue_octets = SINK_QUEUE_MIN,
        .keep = 3,
    };

    assert_int_equal(sink_hub_start(&settings, 1, "host.test", &scene->hub), 0);
    scene->tap = sink_hub_tap(scene->hub);
}

static void tear_down(struct scene *scene)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", scene->folder);
    assert_int_equal(system(command), 0);
}

static void pause_us(long us)
{
    const struct timespec pause = {.tv_nsec = us * 1000};

    nanosleep(&pause, NULL);
}

#define wait_until(condition)                                           \
    do {                                                                \
        const uint64_t wait_from_us = clock_read().mono_us;             \
        while (!(condition)) {                                          \
            assert_true(clock_read().mono_us - wait_from_us < LONG_US); \
            pause_us(2000);                                             \
        }                                                               \
    } while (0)

/* Event `number` of the log's queries: its name has the number. */
static void give(struct scene *scene, uint64_t number, bool in_log)
{
    char name[32];
    struct audit_row row;

    snprintf(name, sizeof(name), "n%u.example", (unsigned)number);
    query_row(&store, UINT64_C(1795373372000000) + number, 1, name, &row);
    scene->tap.taken(scene->tap.context,
                     &(struct audit_taken){.stream = AUDIT_QUERIES,
                                           .log = in_log ? 1 : 0,
                                           .origin = in_log ? "log.test" : NULL,
                                           .number = number,
                                           .row = &row});
    scene->tap.round(scene->tap.context);
}

static struct sink_stats stats_of(struct scene *scene)
{
    struct sink_stats stats;

    sink_hub_stats(scene->hub, 0, &stats);
    return stats;
}

static int listen_on(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%.90s", path);
    unlink(path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static int accept_one(int listener)
{
    struct pollfd ready = {.fd = listener, .events = POLLIN};

    assert_int_equal(poll(&ready, 1, (int)(LONG_US / 1000)), 1);
    return accept(listener, NULL, NULL);
}

/* Reads at least so many octets, or to the end. */
static size_t read_some(int fd, char *out, size_t size, size_t least)
{
    size_t len = 0;

    while (len < least) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, (int)(LONG_US / 1000)), 1);
        const ssize_t got = read(fd, out + len, size - len - 1);

        assert_true(got >= 0);
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    out[len] = '\0';
    return len;
}

static void a_line_has_its_id_and_its_log(void **state)
{
    struct scene scene;
    char text[4096];

    (void)state;
    set_up(&scene);
    start(&scene, SINK_JSON, SINK_FILE);
    give(&scene, 17, true);
    give(&scene, 0, false);
    sink_hub_stop(scene.hub);
    FILE *file = fopen(scene.path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(text,
                           "{\"v\":1,\"event\":\"query\",\"id\":\"q17\",\"log\":\"log.test\","
                           "\"time\":\"2026-11-22T18:49:32.000017Z\","));
    const char *second = strchr(text, '\n') + 1;
    /* No log has it: a number of this run, whose name is of chance. */
    assert_memory_equal(second, "{\"v\":1,\"event\":\"query\",\"id\":\"r", 30);
    assert_memory_equal(second + 46, "-q0\",\"log\":null,", 16);
    tear_down(&scene);
}

static void a_reader_that_comes_back_gets_what_was_not_sent(void **state)
{
    struct scene scene;
    static char text[1 << 16];

    (void)state;
    set_up(&scene);
    start(&scene, SINK_JSON, SINK_UNIX);
    give(&scene, 1, true);
    wait_until(stats_of(&scene).error[0] != '\0'); /* nobody is there */
    int listener = listen_on(scene.path);
    int fd = accept_one(listener);
    read_some(fd, text, sizeof(text), 1);
    assert_non_null(strstr(text, "\"id\":\"q1\""));
    wait_until(stats_of(&scene).sent == 1);
    close(fd);
    close(listener);
    unlink(scene.path);
    wait_until(stats_of(&scene).state == SINK_CONNECTING); /* it is seen without an event */
    for (uint64_t i = 2; i < 20; i++) {
        give(&scene, i, true);
    }
    listener = listen_on(scene.path);
    fd = accept_one(listener);
    wait_until(stats_of(&scene).sent == 19);
    read_some(fd, text, sizeof(text), 18 * 200);
    assert_non_null(strstr(text, "\"id\":\"q2\""));
    assert_non_null(strstr(text, "\"id\":\"q19\""));
    assert_int_equal(stats_of(&scene).dropped[AUDIT_QUERIES], 0);
    assert_int_equal(stats_of(&scene).connects, 2);
    sink_hub_stop(scene.hub);
    close(fd);
    close(listener);
    tear_down(&scene);
}

/* What the gaps in a text say is missing. */
static uint64_t missing_in(const char *text)
{
    uint64_t sum = 0;

    while ((text = strstr(text, "\"what\":\"gap\"")) != NULL) {
        const char *count = strstr(text, "\"count\":");

        assert_non_null(count);
        sum += strtoull(count + 8, NULL, 10);
        text = count;
    }
    return sum;
}

static uint64_t gaps_in(const char *text)
{
    uint64_t gaps = 0;

    while ((text = strstr(text, "\"what\":\"gap\"")) != NULL) {
        text++;
        gaps++;
    }
    return gaps;
}

static uint64_t lines_in(const char *text)
{
    uint64_t lines = 0;

    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static void a_reader_that_does_not_read_costs_its_own_queue_alone(void **state)
{
    struct scene scene;
    static char text[1 << 24];
    const uint64_t count = 40000;
    size_t len = 0;

    (void)state;
    set_up(&scene);
    const int listener = listen_on(scene.path);
    start(&scene, SINK_JSON, SINK_UNIX);
    const int fd = accept_one(listener);
    const uint64_t began_us = clock_read().mono_us;
    for (uint64_t i = 0; i < count; i++) {
        give(&scene, i, true); /* would wait for ever if anything here waited */
    }
    assert_true(clock_read().mono_us - began_us < LONG_US);
    const struct sink_stats stats = stats_of(&scene);
    assert_true(stats.dropped[AUDIT_QUERIES] > 0);
    assert_true(stats.queued <= SINK_QUEUE_MIN);
    wait_until(stats_of(&scene).state == SINK_STALLED);
    /* It reads again: it gets what there was room for, and is told how many are missing. */
    while (lines_in(text) - gaps_in(text) + missing_in(text) < count) {
        len += read_some(fd, text + len, sizeof(text) - len, 1);
    }
    assert_int_equal(lines_in(text) - gaps_in(text) + missing_in(text), count);
    assert_int_equal(missing_in(text), stats.dropped[AUDIT_QUERIES]);
    sink_hub_stop(scene.hub);
    close(fd);
    close(listener);
    tear_down(&scene);
}

static void nobody_there_is_no_reason_to_wait_at_the_end(void **state)
{
    struct scene scene;

    (void)state;
    set_up(&scene);
    start(&scene, SINK_JSON, SINK_UNIX);
    give(&scene, 1, true);
    wait_until(stats_of(&scene).error[0] != '\0');
    const uint64_t began_us = clock_read().mono_us;
    sink_hub_stop(scene.hub);
    assert_true(clock_read().mono_us - began_us < LONG_US / 4);
    tear_down(&scene);
}

static void dnstap_begins_when_its_reader_takes_it(void **state)
{
    static const uint8_t other[] = "\0\0\0\0\0\0\0\x11\0\0\0\1\0\0\0\1\0\0\0\5other";
    static const uint8_t accepts[] = "\0\0\0\0\0\0\0\4\0\0\0\1";
    static const uint8_t finish[] = "\0\0\0\0\0\0\0\4\0\0\0\5";
    struct scene scene;
    static char text[1 << 16];
    uint8_t want[FRAMES_CONTROL_MAX];

    (void)state;
    set_up(&scene);
    const int listener = listen_on(scene.path);
    start(&scene, SINK_DNSTAP, SINK_UNIX);
    give(&scene, 1, true);
    int fd = accept_one(listener);
    size_t len = frames_put_control(FRAMES_READY, want);
    assert_int_equal(read_some(fd, text, sizeof(text), len), len);
    assert_memory_equal(text, want, len);
    assert_int_equal(send(fd, other, sizeof(other) - 1, 0), sizeof(other) - 1);
    assert_int_equal(read_some(fd, text, sizeof(text), 1), 0); /* it has gone */
    close(fd);
    assert_non_null(strstr(stats_of(&scene).error, "does not take dnstap"));
    fd = accept_one(listener);
    read_some(fd, text, sizeof(text), len);
    /* In pieces. */
    for (size_t i = 0; i < sizeof(accepts) - 1; i++) {
        assert_int_equal(send(fd, accepts + i, 1, 0), 1);
    }
    len = frames_put_control(FRAMES_START, want);
    const size_t got = read_some(fd, text, sizeof(text), len + 100);
    assert_memory_equal(text, want, len);
    assert_true(got > len + FRAMES_HEAD);
    wait_until(stats_of(&scene).sent == 1);
    assert_int_equal(send(fd, finish, sizeof(finish) - 1, 0), sizeof(finish) - 1);
    sink_hub_stop(scene.hub);
    len = frames_put_control(FRAMES_STOP, want);
    const size_t rest = read_some(fd, text, sizeof(text), sizeof(text) - 1);
    assert_true(rest >= len);
    assert_memory_equal(text + rest - len, want, len);
    close(fd);
    close(listener);
    tear_down(&scene);
}

static void a_file_of_frames_is_never_appended_to(void **state)
{
    struct scene scene;
    struct stat status;
    char old[128];
    uint8_t want[FRAMES_CONTROL_MAX];
    static char text[1 << 16];

    (void)state;
    set_up(&scene);
    for (unsigned run = 0; run < 2; run++) {
        start(&scene, SINK_DNSTAP, SINK_FILE);
        give(&scene, run, true);
        wait_until(stats_of(&scene).sent == 1);
        sink_hub_stop(scene.hub);
    }
    snprintf(old, sizeof(old), "%s.1", scene.path);
    assert_int_equal(stat(old, &status), 0);
    FILE *file = fopen(scene.path, "r");
    assert_non_null(file);
    const size_t size = fread(text, 1, sizeof(text), file);
    fclose(file);
    size_t len = frames_put_control(FRAMES_START, want);
    assert_memory_equal(text, want, len);
    len = frames_put_control(FRAMES_STOP, want);
    assert_memory_equal(text + size - len, want, len);
    tear_down(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_its_id_and_its_log),
        cmocka_unit_test(a_reader_that_comes_back_gets_what_was_not_sent),
        cmocka_unit_test(a_reader_that_does_not_read_costs_its_own_queue_alone),
        cmocka_unit_test(nobody_there_is_no_reason_to_wait_at_the_end),
        cmocka_unit_test(dnstap_begins_when_its_reader_takes_it),
        cmocka_unit_test(a_file_of_frames_is_never_appended_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
