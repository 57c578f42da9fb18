/*
 * tests/bench/bench_audit_report.c - what the report `exposure` costs over many decisions, and
 * what it costs to record clients as pseudonyms, and names hashed: processor time.
 *
 * Usage: bench_audit_report [EVENTS [NAMES]]    default 1000000; NAMES: a file of domains
 * instead of audit_names.txt. Writes to a folder of its own below TMPDIR, and removes it.
 *
 * The decisions are those of audit_events.h, some thousands again and again, each time by a
 * client as often as it asks there, over thirty days.
 */
#include "audit/privacy.h"
#include "base/random.h"
#include "bench/audit_events.h"
#include "bench/audit_place.h"
#include "dossier/reports.h"

#include <stdio.h>
#include <stdlib.h>

#define POOL    4096u
#define BEGIN   UINT64_C(1790000000000000)
#define SPAN_US (30 * UINT64_C(86400000000))
#define TICK    1024u

/* As many as ask, the first of them most. */
static struct address chance_client(struct random *random)
{
    return audit_events_client(
        random_below(random, random_below(random, AUDIT_EVENTS_CLIENTS) + 1));
}

static void write_log(const struct audit_files *files, struct audit_log_settings *settings,
                      struct audit_events *events, uint64_t count, struct random *random)
{
    static struct audit_made pool[POOL], one;
    static struct audit_made_rows rows;
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    struct address client;
    uint64_t now = BEGIN;

    for (unsigned have = 0; have < POOL;) {
        audit_events_next(events, &pool[have]);
        have += pool[have].decided;
    }
    place_need(audit_log_open(files, settings, BEGIN, 1, &log, &opened) == 0, "the log");
    for (uint64_t i = 0; i < count; i++) {
        one = pool[random_below(random, POOL)];
        now = BEGIN + SPAN_US / count * i;
        one.decision.wall_us = now;
        one.question.wall_us = now;
        client = chance_client(random);
        one.decision.client = client;
        one.question.client = &client;
        audit_events_rows(events, &one, &rows);
        place_need(audit_log_add(log, AUDIT_DECISIONS, &rows.decision, now) == 0, "an event");
        place_need(i % TICK != 0 || audit_log_tick(log, NULL, now) == 0, "the log's tick");
    }
    place_need(audit_log_close(log, NULL, now) == 0, "the log's end");
}

static void measure_report(const struct audit_files *files, const struct trust_note_key *key,
                           uint64_t count)
{
    const struct dossier_source source = {files, *key};
    const struct dossier_request request = {.sources = &source, .source_count = 1};
    struct dossier *dossier = NULL;
    const double start = place_seconds(CLOCK_PROCESS_CPUTIME_ID);

    place_need(dossier_make(DOSSIER_EXPOSURE, &request, NULL, &dossier) == 0, "the report");
    const double spent = place_seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    printf("exposure   %llu decisions: %.2f s of a processor, %.2f us each\n",
           (unsigned long long)count, spent, spent * 1e6 / (double)count);
    dossier_destroy(dossier);
}

/* clients: how many there are; more than are remembered: each costs its two hashes. */
static void measure_pseudonyms(const char *folder, uint64_t count, unsigned clients,
                               struct random *random)
{
    struct audit_privacy_settings settings = {.folder = folder, .keep_us = SPAN_US};
    struct audit_client out;

    settings.client[AUDIT_DECISIONS] = AUDIT_FORM_PSEUDONYM;
    struct audit_privacy *privacy = audit_privacy_create(&settings);
    place_need(privacy != NULL, "memory");
    const double start = place_seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t i = 0; i < count; i++) {
        const uint32_t number = random_below(random, random_below(random, clients) + 1);
        const struct address from = {
            .family = ADDRESS_V4,
            .octets = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};

        audit_privacy_client(privacy, AUDIT_DECISIONS, &from, BEGIN + i, &out);
    }
    const double spent = place_seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    printf("pseudonyms %llu events of %u clients: %.3f us of a processor each\n",
           (unsigned long long)count, clients, spent * 1e6 / (double)count);
    audit_privacy_destroy(privacy);
}

static void measure_hashes(struct audit_events *events, uint64_t count)
{
    static const uint8_t key[DIGEST_KEY_OCTETS] = {1};
    uint8_t out[AUDIT_PSEUDONYM_OCTETS];
    const double start = place_seconds(CLOCK_PROCESS_CPUTIME_ID);

    for (uint64_t i = 0; i < count; i++) {
        const struct wire_name *name =
            audit_events_name(events, (unsigned)(i % AUDIT_EVENTS_NAMES));

        audit_pseudonym_name(key, name->octets, name->len, out);
    }
    const double spent = place_seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    printf("hashing    %llu names: %.3f us of a processor each\n", (unsigned long long)count,
           spent * 1e6 / (double)count);
}

int main(int argc, char **argv)
{
    const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct trust_secret_key secret;
    struct audit_log_settings settings;
    struct audit_folder folder;
    struct audit_files files;
    struct random random;
    char path[PLACE_MAX];
    char keys[PLACE_MAX + 8];

    place_settings(&secret, &settings);
    /* A block a second at most would be one an event: they are filled as by a busy day. */
    settings.seal_us[AUDIT_DECISIONS] = SPAN_US;
    settings.checkpoint_blocks = 1024;
    settings.checkpoint_us = UINT64_C(3600000000);
    settings.sync = false;
    random_init(&random);
    struct audit_events *events = audit_events_create(argc > 2 ? argv[2] : NULL, 1, BEGIN);
    place_make(path);
    place_need(events != NULL && count > 0 && audit_folder_open(path, &folder, &files) == 0,
               "names, or a folder");
    write_log(&files, &settings, events, count, &random);
    measure_report(&files, &settings.key, count);
    audit_folder_close(&folder);
    snprintf(keys, sizeof(keys), "%s/keys", path);
    measure_pseudonyms(keys, count, AUDIT_EVENTS_CLIENTS, &random);
    measure_pseudonyms(keys, count, 1000000, &random);
    measure_hashes(events, count);
    audit_events_destroy(events);
    return place_remove(path);
}
