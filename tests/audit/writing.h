/* A writer with real policies, a slot and two rings, whose workers are the test itself. */
#ifndef CORDON_TESTS_AUDIT_WRITING_H
#define CORDON_TESTS_AUDIT_WRITING_H

#include "audit/make.h"
#include "audit/writer.h"
#include "base/clock.h"

#include <fcntl.h>
#include <stdlib.h>
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
    struct audit_recorder *recorder; /* NULL: there is no log */
    _Atomic unsigned released;
    char folder[40];
    char path[64];
    char *text; /* room for what was written */
};

/* The policy of a generation has the rule "block suffix gN.example" in category gN. */
static inline struct snapshot *make_snapshot(struct fixture *f, unsigned generation)
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

static inline void release(void *argument)
{
    struct snapshot *snapshot = argument;

    policy_destroy(snapshot->policy);
    atomic_fetch_add(snapshot->released, 1);
    free(snapshot);
}

static inline const struct policy *policy_of(const void *snapshot)
{
    return ((const struct snapshot *)snapshot)->policy;
}

static inline const char *view_name(const void *snapshot, unsigned view)
{
    (void)snapshot;
    return view == 0 ? "default" : NULL;
}

static inline void adopt(struct fixture *f, unsigned worker)
{
    f->policies[worker] = ((const struct snapshot *)policy_slot_adopt(f->slot, worker))->policy;
}

static inline void set_up(struct fixture *f, size_t ring_octets)
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

static inline int start_on(struct fixture *f, const char *path, uint64_t rotate, unsigned keep)
{
    const struct audit_writer_settings settings = {
        .path = path, .rotate_octets = rotate, .keep = keep};
    const struct audit_writer_inputs inputs = {
        .rings = f->rings,
        .lost = f->lost_at,
        .workers = WORKERS,
        .recorder = f->recorder,
        .slot = f->slot,
        .reader = WORKERS,
        .policy_of = policy_of,
        .view_name = view_name,
    };

    return audit_writer_start(&settings, &inputs, &f->writer);
}

static inline void tear_down(struct fixture *f)
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
static inline bool put_as(struct fixture *f, unsigned worker, const struct policy *policy,
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

static inline bool put(struct fixture *f, unsigned worker)
{
    return put_as(f, worker, f->policies[worker], policy_generation(f->policies[worker]));
}

static inline void pause_ms(unsigned ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

static inline struct audit_writer_stats stats_of(struct fixture *f)
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
static inline unsigned fill(struct fixture *f)
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

static inline size_t read_file(struct fixture *f, const char *path)
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
static inline void add_lines(struct tally *tally, const char *text)
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

static inline struct tally tally_of(struct fixture *f, const char *path)
{
    struct tally tally = {0};

    read_file(f, path);
    add_lines(&tally, f->text);
    return tally;
}

static inline void assert_all_there(const struct tally *tally, unsigned decisions)
{
    assert_int_equal(tally->decisions, decisions);
    assert_int_equal(tally->unordered, 0);
    assert_int_equal(tally->torn, 0);
}

/* The path by which the writer opens the end of a pipe with flags of its own. */
static inline void open_pipe(int ends[2], char path[32])
{
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    snprintf(path, 32, "/proc/self/fd/%d", ends[1]);
}

#endif
