/*
 * tests/bench/bench_audit_writer.c - what the writer costs: processor time of its threads for
 * an event, from the workers' rings to the disk, and octets of an event.
 *
 * Usage: bench_audit_writer [--decisions] [EVENTS [NAMES]]    default 3000000; NAMES: a file of
 * domains instead of audit_names.txt. --decisions: these alone, each with its line, as if all
 * questions were blocked; without it the mix of audit_events.h, every question recorded. Writes
 * to a folder of its own below TMPDIR, and removes it.
 *
 * It is the writer of cordond itself, with lines of decisions to /dev/null beside the log. This
 * thread plays two workers; its own time is taken off that of the process.
 */
#include "audit/writer.h"
#include "base/random.h"
#include "bench/audit_events.h"
#include "bench/audit_place.h"

#include <stdio.h>
#include <stdlib.h>

#define WORKERS  2u
#define BATCH    4096u
#define RING     (8u << 20)
#define PATIENCE 4000u /* pauses of the thread that feeds, 500 us each, before it gives up */

struct scene {
    const struct policy *policy;
    struct ring *rings[WORKERS], *questions[WORKERS];
    _Atomic uint64_t lost[WORKERS], questions_lost[WORKERS];
    _Atomic uint64_t *lost_at[WORKERS], *questions_lost_at[WORKERS];
    struct policy_slot *slot;
    struct audit_recorder *recorder;
    struct audit_writer *writer;
    char folder[PLACE_MAX], log[PLACE_MAX + 16], key[PLACE_MAX + 16];
};

/* Of all threads but this one. */
static double others(void)
{
    return place_seconds(CLOCK_PROCESS_CPUTIME_ID) - place_seconds(CLOCK_THREAD_CPUTIME_ID);
}

static void keep(void *snapshot)
{
    (void)snapshot; /* the generator's */
}

static const struct policy *policy_of(const void *snapshot)
{
    return snapshot;
}

static const char *view_name(const void *snapshot, unsigned view)
{
    (void)snapshot;
    return view == 0 ? "default" : NULL;
}

static void start(struct scene *scene, struct audit_events *events)
{
    place_make(scene->folder);
    snprintf(scene->log, sizeof(scene->log), "%s/audit", scene->folder);
    snprintf(scene->key, sizeof(scene->key), "%s/audit.key", scene->folder);
    const struct audit_recorder_settings recorder = {
        .folder = scene->log,
        .key_file = scene->key,
        .origin = "bench.example/audit",
        .takes = {false, true, true, true},
        .file_octets = 64u << 20,
        .block_us = 5000000,
        .checkpoint_us = 60000000,
        .checkpoint_events = 1000000,
    };
    const struct audit_writer_settings writer = {.path = "/dev/null", .keep = 1};
    struct audit_writer_inputs inputs = {
        .rings = scene->rings,
        .lost = scene->lost_at,
        .workers = WORKERS,
        .questions = scene->questions,
        .questions_lost = scene->questions_lost_at,
        .reader = WORKERS,
        .policy_of = policy_of,
        .view_name = view_name,
    };
    for (unsigned i = 0; i < WORKERS; i++) {
        scene->rings[i] = ring_create(RING);
        scene->questions[i] = ring_create(RING);
        place_need(scene->rings[i] != NULL && scene->questions[i] != NULL, "out of memory");
        scene->lost_at[i] = &scene->lost[i];
        scene->questions_lost_at[i] = &scene->questions_lost[i];
    }
    scene->policy = audit_events_policy(events);
    scene->slot = policy_slot_create(WORKERS + 1, (void *)(uintptr_t)scene->policy, keep);
    place_need(scene->slot != NULL, "out of memory");
    inputs.slot = scene->slot;
    scene->recorder = inputs.recorder = audit_recorder_create(&recorder);
    place_need(scene->recorder != NULL &&
                   audit_writer_start(&writer, &inputs, &scene->writer) == 0,
               "the writer does not start");
}

static void pause_until_room(struct ring *ring, size_t octets)
{
    const struct timespec pause = {.tv_nsec = 500000};

    for (unsigned i = 0; !ring_has_room(ring, octets, 1); i++) {
        place_need(i < PATIENCE, "the writer takes nothing");
        nanosleep(&pause, NULL);
    }
}

/* Puts a question, and what was decided, as its worker does. */
static void put(struct scene *scene, unsigned worker, const struct audit_made *made, bool asked)
{
    if (asked) {
        pause_until_room(scene->questions[worker], AUDIT_QUESTION_MAX);
        place_need(audit_question_put(scene->questions[worker], &made->question), "no room");
    }
    if (made->decided) {
        pause_until_room(scene->rings[worker], AUDIT_RECORD_MAX);
        place_need(audit_event_put(scene->rings[worker], &made->decision), "no room");
    }
}

/* The next questions; of decisions alone those of the first time, again, at other times. */
static void make(struct audit_events *events, struct audit_made *made, bool decisions,
                 uint64_t done)
{
    for (unsigned i = 0; i < BATCH; i++) {
        if (decisions && done > 0) {
            made[i].decision.wall_us += BATCH;
            continue;
        }
        do {
            audit_events_next(events, &made[i]);
        } while (decisions && !made[i].decided);
    }
}

int main(int argc, char **argv)
{
    static struct audit_made made[BATCH];
    const bool alone = argc > 1 && strcmp(argv[1], "--decisions") == 0;
    argc -= alone;
    argv += alone;
    const uint64_t asked = argc > 1 ? strtoull(argv[1], NULL, 10) : 3000000;
    struct audit_events *events =
        audit_events_create(argc > 2 ? argv[2] : NULL, 1, UINT64_C(1790000000000000));
    struct audit_recorder_stats stats;
    struct scene scene = {0};
    uint64_t decisions = 0;

    /* As cordond does: without it hashing is not by the best way that the processor has. */
    place_need(random_library_init() == 0, "libsodium does not start");
    place_need(events != NULL, "no events");
    start(&scene, events);
    const double before = others();
    for (uint64_t done = 0; done < asked; done += BATCH) {
        make(events, made, alone, done);
        for (unsigned i = 0; i < BATCH; i++) {
            put(&scene, i % WORKERS, &made[i], !alone);
            decisions += made[i].decided ? 1 : 0;
        }
    }
    audit_writer_stop(scene.writer, "done");
    const double spent = others() - before;
    const uint64_t queries = alone ? 0 : (asked + BATCH - 1) / BATCH * BATCH;
    audit_recorder_stats(scene.recorder, &stats);
    place_need(stats.log.safe[AUDIT_QUERIES] == queries &&
                   stats.log.safe[AUDIT_DECISIONS] == decisions,
               "something is missing");
    printf(
        "writer %llu queries and %llu decisions: %.3f us of a processor an event, %.2f octets "
        "an event\n",
        (unsigned long long)queries, (unsigned long long)decisions,
        spent * 1e6 / (double)(queries + decisions),
        (double)place_octets(scene.log) / (double)(queries + decisions));
    audit_recorder_destroy(scene.recorder);
    policy_slot_destroy(scene.slot);
    for (unsigned i = 0; i < WORKERS; i++) {
        ring_destroy(scene.rings[i]);
        ring_destroy(scene.questions[i]);
    }
    audit_events_destroy(events);
    return place_remove(scene.folder);
}
