/*
 * What the audit log costs: octets and processor time of an event, and how long searches and
 * the verification of the whole take.
 *
 * Usage: bench_audit_log [EVENTS [NAMES]]    default 10000000; NAMES: a file of domains instead
 * of audit_names.txt. Writes to a folder of its own below TMPDIR, and removes it. The mix is
 * that of audit_events.h.
 */
#include "audit/search.h"
#include "audit/verify.h"
#include "base/random.h"
#include "bench/audit_events.h"
#include "bench/audit_place.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH 1024u

static bool count_only(void *context, const struct audit_header *header,
                       struct audit_block *block, uint32_t i)
{
    (void)context;
    (void)header;
    (void)block;
    (void)i;
    return true;
}

#define ROUNDS 3 /* the fastest counts: others use this machine, too */

static void measure_way(const struct audit_files *files, const char *what,
                        const struct audit_query *query, unsigned threads)
{
    const struct audit_search_way way = {.threads = threads};
    struct audit_query with = *query;
    struct audit_search_stats stats = {.found = 0};
    double best = 0;
    double best_cpu = 0;

    with.way = &way;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const double begin = place_seconds(CLOCK_MONOTONIC);
        const double begin_cpu = place_seconds(CLOCK_PROCESS_CPUTIME_ID);

        if (audit_search(files, &with, count_only, NULL, &stats) != 0) {
            exit(1);
        }
        const double spent = place_seconds(CLOCK_MONOTONIC) - begin;
        const double spent_cpu = place_seconds(CLOCK_PROCESS_CPUTIME_ID) - begin_cpu;
        best = i == 0 || spent < best ? spent : best;
        best_cpu = i == 0 || spent_cpu < best_cpu ? spent_cpu : best_cpu;
    }
    printf(
        "search %-34s %u threads beside: %7.3f s (%.3f s of a processor), %llu found, %llu of "
        "%llu blocks opened\n",
        what, threads, best, best_cpu, (unsigned long long)stats.found,
        (unsigned long long)stats.opened, (unsigned long long)stats.blocks);
}

static void measure_search(const struct audit_files *files, const char *what,
                           const struct audit_query *query)
{
    measure_way(files, what, query, 0);
    measure_way(files, what, query, 2);
}

static void measure_searches(const struct audit_files *files, const struct audit_events *events,
                             uint64_t begin, uint64_t end)
{
    struct audit_client client = {.kind = AUDIT_CLIENT_ADDRESS,
                                  .address = audit_events_client(AUDIT_EVENTS_CLIENTS - 16)};
    struct wire_name suffix;
    struct audit_query query = {.suffix = &suffix};

    wire_name_suffix(audit_events_name(events, 0), 2, &suffix);
    measure_search(files, "by suffix, the name asked most", &query);
    suffix = *audit_events_name(events, AUDIT_EVENTS_NAMES - 7);
    measure_search(files, "by suffix, a rare one", &query);
    wire_name_from_text("not.there.invalid", 17, &suffix);
    measure_search(files, "by suffix, one that is not there", &query);
    wire_name_suffix(audit_events_name(events, 0), 1, &suffix);
    measure_search(files, "by suffix, a top-level domain", &query);
    query = (struct audit_query){.client = &client};
    measure_search(files, "by client, a rare one", &query);
    client.address = audit_events_client(1);
    measure_search(files, "by client, one who asks much", &query);
    query = (struct audit_query){.streams = 1u << AUDIT_DECISIONS,
                                 .provider = audit_events_provider(1),
                                 .from_us = begin + (end - begin) / 4,
                                 .to_us = begin + (end - begin) / 2};
    measure_search(files, "by provider and time", &query);
}

static void measure_verify(const struct audit_files *files, const struct trust_note_key *key,
                           unsigned threads, bool deep)
{
    const struct audit_verify_options options = {.key = key, .deep = deep, .threads = threads};
    struct audit_verdict verdict;
    const double wall_begin = place_seconds(CLOCK_MONOTONIC);
    const double begin = place_seconds(CLOCK_PROCESS_CPUTIME_ID);

    if (audit_verify(files, &options, &verdict) != 0 ||
        verdict.integrity.fault != AUDIT_SOUND || verdict.completeness.fault != AUDIT_SOUND) {
        exit(1);
    }
    printf("verify %-34s %7.3f s (%.3f s of a processor) with %u threads, %llu blocks, %llu "
           "checkpoints\n",
           deep ? "all, and each block's tree anew" : "all",
           place_seconds(CLOCK_MONOTONIC) - wall_begin,
           place_seconds(CLOCK_PROCESS_CPUTIME_ID) - begin, threads,
           (unsigned long long)verdict.blocks, (unsigned long long)verdict.checkpoints);
}

static void add(struct audit_log *log, enum audit_stream stream, const struct audit_row *row)
{
    if (audit_log_add(log, stream, row, row->at[AUDIT_TIME].number) != 0) {
        exit(1);
    }
}

/* Writes the events; the time of making them up is not counted. Returns when the last came. */
static uint64_t write_events(struct audit_log *log, struct audit_events *made, uint64_t events,
                             double *spent, uint64_t *decisions)
{
    static struct audit_made_rows rows[BATCH];
    struct audit_made one[BATCH];
    uint64_t now = 0;

    *spent = 0;
    *decisions = 0;
    for (uint64_t done = 0; done < events; done += BATCH) {
        for (unsigned i = 0; i < BATCH; i++) {
            audit_events_next(made, &one[i]);
            audit_events_rows(made, &one[i], &rows[i]);
        }
        now = one[BATCH - 1].question.wall_us;
        const double start = place_seconds(CLOCK_PROCESS_CPUTIME_ID);
        for (unsigned i = 0; i < BATCH; i++) {
            if (one[i].decided) {
                add(log, AUDIT_DECISIONS, &rows[i].decision);
                (*decisions)++;
            }
            add(log, AUDIT_QUERIES, &rows[i].question);
        }
        if (audit_log_tick(log, NULL, now) != 0) {
            exit(1);
        }
        *spent += place_seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    }
    return now;
}

int main(int argc, char **argv)
{
    const uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    const uint64_t begin = UINT64_C(1790000000000000);
    struct trust_secret_key secret;
    struct audit_log_settings settings;
    struct audit_folder folder;
    struct audit_files files;
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    char path[PLACE_MAX];
    double spent = 0;
    uint64_t decisions = 0;

    place_settings(&secret, &settings);
    struct audit_events *made = audit_events_create(argc > 2 ? argv[2] : NULL, 1, begin);
    /* As cordond and the tool do: without it hashing is not by the best way that there is. */
    place_need(random_library_init() == 0, "libsodium does not start");
    place_make(path);
    place_need(made != NULL && audit_folder_open(path, &folder, &files) == 0 &&
                   audit_log_open(&files, &settings, begin, 1, &log, &opened) == 0,
               "names, or a log");
    const uint64_t end = write_events(log, made, events, &spent, &decisions);
    const double start = place_seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (audit_log_close(log, NULL, end) != 0) {
        return 1;
    }
    spent += place_seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    const uint64_t all = (events + BATCH - 1) / BATCH * BATCH;
    const uint64_t octets = place_octets(path);
    printf("write  %llu queries and %llu decisions: %.2f octets an event, %.3f us of a "
           "processor\n",
           (unsigned long long)all, (unsigned long long)decisions,
           (double)octets / (double)(all + decisions), spent * 1e6 / (double)(all + decisions));
    measure_searches(&files, made, begin, end);
    for (unsigned threads = 0; threads <= 2; threads += 2) {
        measure_verify(&files, &settings.key, threads, false);
        measure_verify(&files, &settings.key, threads, true);
    }
    audit_folder_close(&folder);
    audit_events_destroy(made);
    return place_remove(path);
}
