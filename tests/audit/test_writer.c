/* audit/writer: real files, pipes and threads. Build with -fsanitize=thread as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/make.h"
#include "audit/writer.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

enum {
    WORKERS = 2,
    PATIENCE_S = 20, /* for what takes milliseconds on a machine that is not busy */
    TEXT_MAX = 8 << 20
};

struct snapshot {
    struct policy *policy;
    _Atomic unsigned *released;
};

struct fixture {
    struct ring *rings[WORKERS];
    _Atomic uint64_t lost[WORKERS];
    _Atomic uint64_t *lost_at[WORKERS];
    struct policy_slot *slot;
    struct policy *policies[WORKERS]; /* that each worker has adopted */
    struct audit_writer *writer;
    _Atomic unsigned released;
    char folder[40];
    char path[64];
    char *text; /* room for what was written */
};

/* The policy of a generation has the rule "block suffix gN.example" in category gN. */
static struct snapshot *make_snapshot(struct fixture *f, unsigned generation)
{
    struct snapshot *snapshot = malloc(sizeof(*snapshot));
    char rules[256];

    assert_non_null(snapshot);
    snprintf(rules, sizeof(rules),
             "block suffix g%u.example category=g%u scope=cloud confidence=high "
             "evidence=\"x\"\n",
             generation, generation);
    *snapshot = (struct snapshot){make_policy("", rules, generation, false), &f->released};
    return snapshot;
}

static void release(void *argument)
{
    struct snapshot *snapshot = argument;

    policy_destroy(snapshot->policy);
    atomic_fetch_add(snapshot->released, 1);
    free(snapshot);
}

static const struct policy *policy_of(const void *snapshot)
{
    return ((const struct snapshot *)snapshot)->policy;
}

static const char *view_name(const void *snapshot, unsigned view)
{
    (void)snapshot;
    return view == 0 ? "default" : "other";
}

static void adopt(struct fixture *f, unsigned worker)
{
    f->policies[worker] = ((const struct snapshot *)policy_slot_adopt(f->slot, worker))->policy;
}

static void set_up(struct fixture *f, size_t ring_octets)
{
    memset(f, 0, sizeof(*f));
    strcpy(f->folder, "/tmp/cordon-audit-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/events", f->folder);
    f->slot = policy_slot_create(WORKERS + 1, make_snapshot(f, 1), release);
    assert_non_null(f->slot);
    for (unsigned i = 0; i < WORKERS; i++) {
        f->rings[i] = ring_create(ring_octets);
        assert_non_null(f->rings[i]);
        f->lost_at[i] = &f->lost[i];
        adopt(f, i);
    }
    f->text = malloc(TEXT_MAX);
    assert_non_null(f->text);
}

static int start_on(struct fixture *f, const char *path, uint64_t rotate, unsigned keep)
{
    const struct audit_writer_settings settings = {
        .path = path, .rotate_octets = rotate, .keep = keep};
    const struct audit_writer_inputs inputs = {
        .rings = f->rings,
        .lost = f->lost_at,
        .workers = WORKERS,
        .slot = f->slot,
        .reader = WORKERS,
        .policy_of = policy_of,
        .view_name = view_name,
    };

    return audit_writer_start(&settings, &inputs, &f->writer);
}

static void tear_down(struct fixture *f)
{
    char command[80];

    for (unsigned i = 0; i < WORKERS; i++) {
        ring_destroy(f->rings[i]);
    }
    policy_slot_destroy(f->slot);
    free(f->text);
    snprintf(command, sizeof(command), "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
}

/* One event of a worker, of a generation: false if it found no room and was counted. */
static bool put_as(struct fixture *f, unsigned worker, const struct policy *policy,
                   uint64_t generation)
{
    char text[32];

    snprintf(text, sizeof(text), "a.g%u.example", (unsigned)policy_generation(policy));
    const struct wire_name name = make_name(text);
    const struct policy_hit hit = make_hit(policy, text, 0, POLICY_TRIGGER_QNAME);
    const struct audit_decision decision = {
        .wall_us = 1795339800000000,
        .generation = generation,
        .client = make_address("192.0.2.1@4000"),
        .name = &name,
        .type = 1,
        .applied = true,
        .hit = &hit,
    };

    if (audit_event_put(f->rings[worker], &decision)) {
        return true;
    }
    atomic_fetch_add(&f->lost[worker], 1);
    return false;
}

static bool put(struct fixture *f, unsigned worker)
{
    return put_as(f, worker, f->policies[worker], policy_generation(f->policies[worker]));
}

static void pause_ms(unsigned ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

static struct audit_writer_stats stats_of(struct fixture *f)
{
    struct audit_writer_stats stats;

    audit_writer_stats(f->writer, &stats);
    return stats;
}

/* Repeats an expression until it holds. */
#define wait_until(condition)                                                          \
    do {                                                                               \
        const uint64_t end_us = clock_read().mono_us + PATIENCE_S * UINT64_C(1000000); \
        while (!(condition)) {                                                         \
            assert_true(clock_read().mono_us < end_us);                                \
            pause_ms(1);                                                               \
        }                                                                              \
    } while (0)

/* Puts events of worker 0 until output, buffer and ring are full: how many were asked for. */
static unsigned fill(struct fixture *f)
{
    unsigned asked = 0;

    do {
        do {
            asked++;
        } while (put(f, 0));
        pause_ms(250); /* more than the writer sleeps */
        asked++;
        assert_true(asked < 100000);
    } while (put(f, 0));
    return asked;
}

static size_t read_file(struct fixture *f, const char *path)
{
    FILE *in = fopen(path, "r");

    if (in == NULL) {
        f->text[0] = '\0';
        return 0;
    }
    const size_t len = fread(f->text, 1, TEXT_MAX - 1, in);
    fclose(in);
    f->text[len] = '\0';
    return len;
}

struct tally {
    unsigned lines, decisions;
    uint64_t lost;      /* sum of the counts of lines that say so */
    unsigned last;      /* sequence number of the last line */
    unsigned unordered; /* lines whose number is not the one before and one */
    unsigned torn;      /* lines that do not begin and end as lines do */
};

/* Adds the lines of the text, whose last must be whole. */
static void add_lines(struct tally *tally, const char *text)
{
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        const char *sequence = strstr(text, "\"seq\":");

        assert_non_null(end);
        tally->lines++;
        if (strncmp(text, "{\"v\":1,\"event\":\"", 16) != 0 || end[-1] != '}' ||
            sequence == NULL || sequence > end) {
            tally->torn++;
            text = end + 1;
            continue;
        }
        const unsigned number = (unsigned)strtoul(sequence + 6, NULL, 10);
        tally->unordered += number != tally->last + 1 ? 1 : 0;
        tally->last = number;
        if (strncmp(text + 16, "decision", 8) == 0) {
            tally->decisions++;
        } else {
            const char *count = strstr(text, "\"count\":");
            assert_non_null(count);
            tally->lost += strtoull(count + 8, NULL, 10);
        }
        text = end + 1;
    }
}

static struct tally tally_of(struct fixture *f, const char *path)
{
    struct tally tally = {0};

    read_file(f, path);
    add_lines(&tally, f->text);
    return tally;
}

static void assert_all_there(const struct tally *tally, unsigned decisions)
{
    assert_int_equal(tally->decisions, decisions);
    assert_int_equal(tally->unordered, 0);
    assert_int_equal(tally->torn, 0);
}

/* ---- files ---- */

static void events_become_lines_of_a_file(void **state)
{
    struct fixture f;
    struct stat status;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    for (unsigned i = 0; i < 100; i++) {
        assert_true(put(&f, i % WORKERS));
    }
    wait_until(stats_of(&f).written == 100);
    const struct audit_writer_stats stats = stats_of(&f);
    assert_true(stats.lost_ring == 0 && stats.lost_output == 0 && stats.last_error == 0);
    assert_false(stats.stalled);
    audit_writer_stop(f.writer);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 100);
    assert_non_null(strstr(f.text, "\"rule\":\"block suffix g1.example\",\"category\":\"g1\""));
    assert_int_equal(stat(f.path, &status), 0);
    assert_int_equal(status.st_mode & 07777 & ~0640u, 0); /* nobody else reads it */
    tear_down(&f);
}

static void stopping_writes_what_the_rings_still_hold(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, 1u << 20);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    for (unsigned i = 0; i < 1000; i++) { /* more than the buffer takes at once */
        assert_true(put(&f, i % WORKERS));
    }
    audit_writer_stop(f.writer);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 1000);
    tear_down(&f);
}

static void a_file_is_continued_and_half_a_line_is_set_apart(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    FILE *out = fopen(f.path, "w");
    assert_non_null(out);
    fputs("{\"v\":1}\n{\"v\":1,\"ev", out); /* where a crash left it */
    fclose(out);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    put(&f, 0);
    audit_writer_stop(f.writer);
    read_file(&f, f.path);
    assert_int_equal(
        strncmp(f.text, "{\"v\":1}\n{\"v\":1,\"ev\n{\"v\":1,\"event\":\"decision\"", 44), 0);
    tear_down(&f);
}

static void a_file_is_rotated_by_size_between_lines(void **state)
{
    struct fixture f;
    struct tally tally = {0};
    char path[80];
    struct stat status;

    (void)state;
    set_up(&f, 1u << 20);
    assert_int_equal(start_on(&f, f.path, 4096, 3), 0);
    for (unsigned i = 0; i < 200; i++) {
        assert_true(put(&f, 0));
    }
    audit_writer_stop(f.writer);
    for (unsigned i = 4; i-- > 0;) { /* oldest first */
        snprintf(path, sizeof(path), i > 0 ? "%s.%u" : "%s", f.path, i);
        assert_int_equal(stat(path, &status), 0);
        assert_in_range(status.st_size, i > 0 ? 3000 : 1, 4096);
        read_file(&f, path);
        if (i == 3) {
            tally.last = (unsigned)strtoul(strstr(f.text, "\"seq\":") + 6, NULL, 10) - 1;
        }
        add_lines(&tally, f.text);
    }
    assert_int_equal(tally.last, 200);
    assert_int_equal(tally.unordered, 0);
    assert_int_equal(tally.torn, 0);
    snprintf(path, sizeof(path), "%s.4", f.path);
    assert_int_equal(access(path, F_OK), -1);
    tear_down(&f);
}

static void a_line_longer_than_the_bound_has_a_file_of_its_own(void **state)
{
    struct fixture f;
    char path[80];

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 10, 2), 0);
    for (unsigned i = 0; i < 3; i++) {
        put(&f, 0);
    }
    audit_writer_stop(f.writer);
    struct tally tally = {0};
    for (unsigned i = 3; i-- > 0;) {
        snprintf(path, sizeof(path), i > 0 ? "%s.%u" : "%s", f.path, i);
        read_file(&f, path);
        add_lines(&tally, f.text);
        assert_int_equal(tally.lines, 3 - i);
    }
    assert_all_there(&tally, 3);
    tear_down(&f);
}

static void a_file_that_cannot_be_rotated_grows_on(void **state)
{
    struct fixture f;
    char path[80];

    (void)state;
    set_up(&f, 1u << 20);
    snprintf(path, sizeof(path), "%s.1", f.path);
    assert_int_equal(mkdir(path, 0700), 0); /* in the way of what is renamed */
    assert_int_equal(start_on(&f, f.path, 4096, 1), 0);
    for (unsigned i = 0; i < 100; i++) {
        put(&f, 0);
    }
    audit_writer_stop(f.writer);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 100);
    tear_down(&f);
}

static void a_file_that_was_moved_away_is_begun_anew(void **state)
{
    struct fixture f;
    char path[80];

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    put(&f, 0);
    wait_until(stats_of(&f).written == 1);
    snprintf(path, sizeof(path), "%s.moved", f.path);
    assert_int_equal(rename(f.path, path), 0);
    pause_ms(1100);
    put(&f, 0);
    wait_until(access(f.path, F_OK) == 0);
    audit_writer_stop(f.writer);
    struct tally tally = tally_of(&f, path);
    read_file(&f, f.path);
    add_lines(&tally, f.text);
    assert_all_there(&tally, 2);
    tear_down(&f);
}

static void outputs_that_cannot_be_opened_are_errors(void **state)
{
    struct fixture f;
    char path[80];

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    snprintf(path, sizeof(path), "%s/none/events", f.folder);
    assert_int_equal(start_on(&f, path, 0, 1), -ENOENT);
    assert_int_equal(start_on(&f, f.folder, 0, 1), -EISDIR);
    assert_int_equal(mkfifo(f.path, 0600), 0);
    assert_int_equal(start_on(&f, f.path, 0, 1), -ENXIO); /* nobody reads it */
    assert_null(f.writer);
    tear_down(&f);
}

/* The limit on the size of files stands in for a disk that has room for part of a line. */
static void set_limit(rlim_t octets)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = octets;
    signal(SIGXFSZ, SIG_IGN); /* what this program itself prints may go to a file, too */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_line_that_was_cut_is_completed_when_there_is_room(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    set_limit(1500);
    for (unsigned i = 0; i < 20; i++) {
        assert_true(put(&f, 0));
    }
    wait_until(stats_of(&f).last_error == -EFBIG);
    assert_true(stats_of(&f).stalled);
    assert_int_equal(read_file(&f, f.path), 1500);
    set_limit(RLIM_INFINITY);
    wait_until(stats_of(&f).written == 20);
    assert_int_equal(stats_of(&f).last_error, 0);
    assert_false(stats_of(&f).stalled);
    audit_writer_stop(f.writer);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 20);
    assert_true(tally.lost == 0);
    tear_down(&f);
}

static void a_line_that_stays_cut_is_taken_back(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    set_limit(1500);
    for (unsigned i = 0; i < 20; i++) {
        assert_true(put(&f, 0));
    }
    wait_until(stats_of(&f).last_error == -EFBIG);
    audit_writer_stop(f.writer);
    set_limit(RLIM_INFINITY);
    const struct tally tally = tally_of(&f, f.path); /* the last line is whole */
    assert_in_range(tally.decisions, 1, 3);
    assert_all_there(&tally, tally.decisions);
    tear_down(&f);
}

static void a_full_disk_loses_only_what_finds_no_room(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, "/dev/full", 0, 1), 0);
    put(&f, 0);
    wait_until(stats_of(&f).last_error == -ENOSPC);
    fill(&f);
    assert_true(stats_of(&f).lost_ring == f.lost[0] && stats_of(&f).lost_output == 0);
    assert_true(stats_of(&f).written == 0);
    const uint64_t before = clock_read().mono_us;
    audit_writer_stop(f.writer);
    assert_true(clock_read().mono_us - before < 4000000);
    tear_down(&f);
}

/* ---- pipes ---- */

/* The path by which the writer opens the end of a pipe with flags of its own. */
static void open_pipe(int ends[2], char path[32])
{
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    snprintf(path, 32, "/proc/self/fd/%d", ends[1]);
}

struct reading {
    int fd;
    char *text;
    size_t len;
};

static void *read_to_end(void *argument)
{
    struct reading *reading = argument;
    ssize_t got = 1;

    while (got > 0 && reading->len < TEXT_MAX - 1) {
        got = read(reading->fd, reading->text + reading->len, TEXT_MAX - 1 - reading->len);
        reading->len += got > 0 ? (size_t)got : 0;
    }
    reading->text[reading->len] = '\0';
    return NULL;
}

static void a_reader_that_sleeps_finds_a_line_about_what_is_missing(void **state)
{
    struct fixture f;
    struct reading reading = {0};
    struct tally tally = {0};
    pthread_t reader;
    int ends[2];
    char path[32];

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    open_pipe(ends, path);
    assert_int_equal(start_on(&f, path, 0, 1), 0);
    const unsigned asked = fill(&f);
    wait_until(stats_of(&f).stalled);
    assert_int_equal(stats_of(&f).last_error, 0);

    reading = (struct reading){.fd = ends[0], .text = f.text};
    assert_int_equal(pthread_create(&reader, NULL, read_to_end, &reading), 0);
    wait_until(stats_of(&f).written >= asked - f.lost[0] + 1); /* and the line about it */
    assert_false(stats_of(&f).stalled);
    put(&f, 0);
    audit_writer_stop(f.writer);
    close(ends[1]);
    pthread_join(reader, NULL);
    close(ends[0]);
    add_lines(&tally, f.text);
    assert_all_there(&tally, asked - (unsigned)f.lost[0] + 1);
    assert_true(tally.lost == f.lost[0]);
    tear_down(&f);
}

static void stopping_does_not_wait_for_a_reader_that_sleeps(void **state)
{
    struct fixture f;
    int ends[2];
    char path[32];

    (void)state;
    set_up(&f, 1u << 20);
    open_pipe(ends, path);
    assert_int_equal(start_on(&f, path, 0, 1), 0);
    for (unsigned i = 0; i < 1000; i++) {
        put(&f, 0);
    }
    wait_until(stats_of(&f).stalled);
    const uint64_t before = clock_read().mono_us;
    audit_writer_stop(f.writer);
    assert_true(clock_read().mono_us - before < 4000000);
    close(ends[0]);
    close(ends[1]);
    tear_down(&f);
}

static void a_reader_that_died_costs_events_and_nothing_else(void **state)
{
    struct fixture f;
    int ends[2];
    char path[32];

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    open_pipe(ends, path);
    assert_int_equal(start_on(&f, path, 0, 1), 0);
    put(&f, 0);
    wait_until(stats_of(&f).written == 1);
    close(ends[0]); /* SIGPIPE would end this program */
    for (unsigned i = 0; i < 7; i++) {
        put(&f, 1);
    }
    wait_until(stats_of(&f).lost_output == 7);
    assert_int_equal(stats_of(&f).last_error, -EPIPE);
    assert_true(stats_of(&f).written == 1 && stats_of(&f).lost_ring == 0);
    audit_writer_stop(f.writer);
    close(ends[1]);
    tear_down(&f);
}

static void a_fifo_takes_lines_again_when_a_reader_comes_back(void **state)
{
    struct fixture f;
    struct tally tally = {0};

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(mkfifo(f.path, 0600), 0);
    int fd = open(f.path, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(start_on(&f, f.path, 4096, 1), 0); /* and is not rotated */
    close(fd);
    put(&f, 0);
    wait_until(stats_of(&f).last_error == -EPIPE);
    fd = open(f.path, O_RDONLY | O_NONBLOCK);
    put(&f, 0);
    wait_until(stats_of(&f).written == 2); /* it, and the line about the one before */
    audit_writer_stop(f.writer);
    const ssize_t len = read(fd, f.text, TEXT_MAX - 1);
    assert_true(len > 0);
    f.text[len] = '\0';
    add_lines(&tally, f.text);
    assert_int_equal(tally.decisions, 1);
    assert_true(tally.lost == 1);
    close(fd);
    tear_down(&f);
}

/* Puts the descriptor in place of standard output until the writer has started. */
static void start_on_standard_output(struct fixture *f, int fd)
{
    fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
    const int rc = start_on(f, NULL, 0, 1);
    assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
    close(saved);
    assert_int_equal(rc, 0);
}

static void standard_output_can_be_a_pipe_a_socket_or_a_file(void **state)
{
    for (unsigned kind = 0; kind < 3; kind++) {
        struct fixture f;
        struct tally tally = {0};
        int ends[2];

        (void)state;
        set_up(&f, AUDIT_RING_MIN);
        if (kind == 0) {
            assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        } else if (kind == 1) {
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        } else {
            ends[1] = open(f.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            ends[0] = open(f.path, O_RDONLY | O_CLOEXEC);
            assert_true(ends[0] >= 0 && ends[1] >= 0);
        }
        start_on_standard_output(&f, ends[1]);
        for (unsigned i = 0; i < 10; i++) {
            put(&f, i % WORKERS);
        }
        audit_writer_stop(f.writer);
        /* What others share is as it was. */
        assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
        close(ends[1]);
        const ssize_t len = read(ends[0], f.text, TEXT_MAX - 1);
        assert_true(len > 0);
        f.text[len] = '\0';
        add_lines(&tally, f.text);
        assert_all_there(&tally, 10);
        close(ends[0]);
        tear_down(&f);
    }
}

/* A terminal cannot be opened anew without blocking: poll(2) alone says what it takes. */
static void a_terminal_that_is_stopped_does_not_hold_up_the_end(void **state)
{
    struct fixture f;
    struct termios mode;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    const int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0 && tcgetattr(slave, &mode) == 0);
    cfmakeraw(&mode);
    assert_int_equal(tcsetattr(slave, TCSANOW, &mode), 0);
    start_on_standard_output(&f, slave);
    put(&f, 0);
    wait_until(stats_of(&f).written == 1);
    const ssize_t len = read(master, f.text, TEXT_MAX - 1);
    assert_true(len > 0 && f.text[len - 1] == '\n');

    assert_int_equal(tcflow(slave, TCOOFF), 0);
    put(&f, 0);
    wait_until(stats_of(&f).stalled);
    const uint64_t before = clock_read().mono_us;
    audit_writer_stop(f.writer);
    assert_true(clock_read().mono_us - before < 4000000);
    close(slave);
    close(master);
    tear_down(&f);
}

static void a_socket_that_nobody_reads_does_not_hold_up_the_end(void **state)
{
    struct fixture f;
    int ends[2];

    (void)state;
    set_up(&f, 4u << 20);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    start_on_standard_output(&f, ends[1]);
    for (unsigned i = 0; i < 2000; i++) {
        put(&f, 0);
    }
    wait_until(stats_of(&f).stalled);
    close(ends[0]);
    wait_until(stats_of(&f).last_error == -EPIPE);
    audit_writer_stop(f.writer);
    close(ends[1]);
    tear_down(&f);
}

/* ---- generations ---- */

static void publish(struct fixture *f, unsigned generation)
{
    assert_int_equal(policy_slot_publish(f->slot, make_snapshot(f, generation)), 0);
    audit_writer_wake(f->writer);
}

static void a_record_is_explained_by_the_policy_that_decided(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    put(&f, 0);
    publish(&f, 2);
    adopt(&f, 0);
    put(&f, 0); /* of 2: must wait, since worker 1 still decides by 1 */
    pause_ms(300);
    assert_true(stats_of(&f).written == 1);
    assert_false(policy_slot_reclaim(f.slot));
    put(&f, 1);
    wait_until(stats_of(&f).written == 2);
    pause_ms(100);
    assert_false(policy_slot_reclaim(f.slot));
    assert_int_equal(f.released, 0);
    put(&f, 1); /* the last of 1 */
    adopt(&f, 1);
    put(&f, 1);
    wait_until(stats_of(&f).written == 5);
    wait_until(policy_slot_reclaim(f.slot));
    assert_int_equal(f.released, 1);
    assert_true(stats_of(&f).lost_output == 0);
    audit_writer_stop(f.writer);

    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 5);
    static const char *const want[] = {"g1", "g1", "g1", "g2", "g2"};
    const char *at = f.text;
    for (size_t i = 0; i < ITEMS(want); i++) {
        char part[64];
        snprintf(part, sizeof(part), "\"rule\":\"block suffix %s.example\",\"category\":\"%s\"",
                 want[i], want[i]);
        const char *next = strchr(at, '\n') + 1;
        const char *found = strstr(at, part);
        assert_true(found != NULL && found < next);
        at = next;
    }
    tear_down(&f);
}

static void an_idle_writer_adopts_when_it_is_woken(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    for (unsigned generation = 2; generation < 6; generation++) {
        publish(&f, generation);
        adopt(&f, 0);
        adopt(&f, 1);
        wait_until(policy_slot_reclaim(f.slot));
    }
    audit_writer_stop(f.writer);
    tear_down(&f);
}

static void at_the_end_both_generations_are_written(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    publish(&f, 2);
    adopt(&f, 0);
    put(&f, 0);
    put(&f, 1); /* this worker stops before it adopts */
    audit_writer_stop(f.writer);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 2);
    assert_non_null(strstr(f.text, "\"category\":\"g1\""));
    assert_non_null(strstr(f.text, "\"category\":\"g2\""));
    tear_down(&f);
}

static void a_blocked_output_does_not_hold_up_a_reload(void **state)
{
    struct fixture f;
    int ends[2];
    char path[32];

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    open_pipe(ends, path);
    assert_int_equal(start_on(&f, path, 0, 1), 0);
    fill(&f);
    publish(&f, 2);
    adopt(&f, 0);
    adopt(&f, 1);
    wait_until(policy_slot_reclaim(f.slot));
    assert_true(stats_of(&f).lost_output > 0); /* what was in the ring */
    assert_int_equal(f.released, 1);
    assert_true(put(&f, 0)); /* which has room again */
    audit_writer_stop(f.writer);
    close(ends[0]);
    close(ends[1]);
    tear_down(&f);
}

static void records_that_nothing_explains_are_counted_and_passed_over(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    put_as(&f, 0, f.policies[0], 77); /* of a generation that never was */
    put(&f, 0);
    wait_until(stats_of(&f).lost_output == 1 && stats_of(&f).written >= 1);

    /* The right generation, but no record behind it. */
    void *room = ring_reserve(f.rings[0], 200);
    assert_non_null(room);
    memset(room, 0xff, 200);
    const uint64_t generation = 1;
    memcpy(room, &generation, sizeof(generation));
    ring_commit(f.rings[0], 200);
    /* Too short for anything. */
    room = ring_reserve(f.rings[0], 3);
    assert_non_null(room);
    memset(room, 0, 3);
    ring_commit(f.rings[0], 3);
    put(&f, 0);
    wait_until(stats_of(&f).lost_output == 3);
    audit_writer_stop(f.writer);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 2);
    assert_true(tally.lost == 3);
    tear_down(&f);
}

/* ---- threads ---- */

enum {
    RELOADS = 30,
    EVENTS_PER_ROUND = 5
};

struct worker {
    struct fixture *f;
    unsigned index;
    atomic_bool *stop;
    unsigned asked;
};

static void *work(void *argument)
{
    struct worker *self = argument;

    while (!atomic_load(self->stop)) {
        adopt(self->f, self->index);
        if (ring_used(self->f->rings[self->index]) > 16u << 10) {
            pause_ms(1); /* sanitizers make the writer slow: what counts is the reloads */
            continue;
        }
        for (unsigned i = 0; i < EVENTS_PER_ROUND; i++) {
            put(self->f, self->index);
            self->asked++;
        }
        pause_ms(1);
    }
    return NULL;
}

static void reloads_under_load_lose_and_mix_nothing(void **state)
{
    struct fixture f;
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    atomic_bool stop = false;
    unsigned asked = 0;

    (void)state;
    set_up(&f, 1u << 20);
    assert_int_equal(start_on(&f, f.path, 4u << 20, 100), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){&f, i, &stop, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned generation = 2; generation < 2 + RELOADS; generation++) {
        struct snapshot *snapshot = make_snapshot(&f, generation);
        while (policy_slot_publish(f.slot, snapshot) == -EBUSY) {
            pause_ms(1);
        }
        audit_writer_wake(f.writer);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        asked += workers[i].asked;
    }
    audit_writer_stop(f.writer);
    assert_true(f.lost[0] + f.lost[1] == 0);

    struct tally tally = {0};
    unsigned files = 0;
    char path[80];
    snprintf(path, sizeof(path), "%s.1", f.path);
    while (access(path, F_OK) == 0) {
        snprintf(path, sizeof(path), "%s.%u", f.path, ++files + 1);
    }
    for (unsigned i = files + 1; i-- > 0;) {
        snprintf(path, sizeof(path), i > 0 ? "%s.%u" : "%s", f.path, i);
        read_file(&f, path);
        add_lines(&tally, f.text);
        for (const char *at = f.text; (at = strstr(at, "\"name\":\"a.g")) != NULL; at++) {
            const char *category = strstr(at, "\"category\":\"g");
            assert_non_null(category);
            assert_int_equal(strtoul(at + 11, NULL, 10), strtoul(category + 13, NULL, 10));
        }
    }
    assert_all_there(&tally, asked);
    print_message("%u events, %u reloads, %u files\n", asked, RELOADS, files + 1);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_become_lines_of_a_file),
        cmocka_unit_test(stopping_writes_what_the_rings_still_hold),
        cmocka_unit_test(a_file_is_continued_and_half_a_line_is_set_apart),
        cmocka_unit_test(a_file_is_rotated_by_size_between_lines),
        cmocka_unit_test(a_line_longer_than_the_bound_has_a_file_of_its_own),
        cmocka_unit_test(a_file_that_cannot_be_rotated_grows_on),
        cmocka_unit_test(a_file_that_was_moved_away_is_begun_anew),
        cmocka_unit_test(outputs_that_cannot_be_opened_are_errors),
        cmocka_unit_test(a_line_that_was_cut_is_completed_when_there_is_room),
        cmocka_unit_test(a_line_that_stays_cut_is_taken_back),
        cmocka_unit_test(a_full_disk_loses_only_what_finds_no_room),
        cmocka_unit_test(a_reader_that_sleeps_finds_a_line_about_what_is_missing),
        cmocka_unit_test(stopping_does_not_wait_for_a_reader_that_sleeps),
        cmocka_unit_test(a_reader_that_died_costs_events_and_nothing_else),
        cmocka_unit_test(a_fifo_takes_lines_again_when_a_reader_comes_back),
        cmocka_unit_test(standard_output_can_be_a_pipe_a_socket_or_a_file),
        cmocka_unit_test(a_terminal_that_is_stopped_does_not_hold_up_the_end),
        cmocka_unit_test(a_socket_that_nobody_reads_does_not_hold_up_the_end),
        cmocka_unit_test(a_record_is_explained_by_the_policy_that_decided),
        cmocka_unit_test(an_idle_writer_adopts_when_it_is_woken),
        cmocka_unit_test(at_the_end_both_generations_are_written),
        cmocka_unit_test(a_blocked_output_does_not_hold_up_a_reload),
        cmocka_unit_test(records_that_nothing_explains_are_counted_and_passed_over),
        cmocka_unit_test(reloads_under_load_lose_and_mix_nothing),
    };
    return cmocka_run_group_tests_name("audit/writer", tests, NULL, NULL);
}
