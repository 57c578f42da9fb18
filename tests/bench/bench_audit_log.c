/*
 * What the audit log costs: octets and processor time of an event, and how long searches and
 * the verification of the whole take.
 *
 * Usage: bench_audit_log [EVENTS [NAMES]]    default 10000000; NAMES: a file with one a line,
 * made up without it. Writes to a folder of its own below TMPDIR, and removes it.
 *
 * The mix: names by Zipf's law (exponent 1) over 100,000; 2,000 clients, the first asks most;
 * A, AAAA and HTTPS as 60, 25 and 15; 85 of 100 from the cache; 8 of 100 NXDOMAIN; every
 * hundredth question also is a decision of one of four lists. A question every 50 microseconds
 * on average.
 */
#include "audit/log.h"
#include "audit/search.h"
#include "audit/verify.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define NAMES   100000u
#define CLIENTS 2000u
#define BATCH   4096u

static double cpu(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double wall(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static struct wire_name *names;
static size_t name_count;
static double *shares; /* of the names up to this one */

static void add_name(const char *text)
{
    if (name_count < NAMES &&
        wire_name_from_text(text, strlen(text), &names[name_count]) == WIRE_TEXT_OK) {
        name_count++;
    }
}

static void make_names(const char *path)
{
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    char line[512];
    double sum = 0;

    names = calloc(NAMES, sizeof(*names));
    shares = calloc(NAMES, sizeof(*shares));
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, " \n")] = '\0';
        add_name(line);
    }
    for (unsigned i = 0; file == NULL && i < NAMES; i++) {
        snprintf(line, sizeof(line), "h%x.zone%u.example%u.net", i * 2654435761u, i % 9000,
                 i % 50);
        add_name(line);
    }
    if (file != NULL) {
        fclose(file);
    }
    for (size_t i = 0; i < name_count; i++) {
        sum += 1.0 / (double)(i + 1);
        shares[i] = sum;
    }
}

static size_t pick_name(struct random *random)
{
    const double at = (double)(random_u64(random) >> 11) * 0x1p-53 * shares[name_count - 1];
    size_t low = 0;
    size_t high = name_count - 1;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (shares[middle] < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct question {
    struct audit_row row;
    uint8_t client[AUDIT_ADDRESS_MAX];
    bool decision;
};

static void make_question(struct random *random, uint64_t time_us, struct question *question)
{
    static const uint8_t upstream[7] = {4, 192, 0, 2, 53, 0, 53};
    const uint32_t kind = random_below(random, 100);
    const uint32_t range = random_below(random, CLIENTS) + 1;
    const uint32_t client = random_below(random, range);
    const bool hit = random_below(random, 100) < 85;
    struct audit_row *row = &question->row;
    const struct wire_name *name = &names[pick_name(random)];

    memcpy(question->client, "\x04\x0a\x00", 3);
    question->client[3] = (uint8_t)(client >> 8);
    question->client[4] = (uint8_t)client;
    row->present = 0;
    audit_row_number(row, AUDIT_TIME, time_us);
    audit_row_text(row, AUDIT_EVENT, "query");
    audit_row_octets(row, AUDIT_CLIENT, question->client, 5);
    audit_row_text(row, AUDIT_TRANSPORT, random_below(random, 100) != 0 ? "udp" : "tcp");
    audit_row_text(row, AUDIT_VIEW, "default");
    audit_row_octets(row, AUDIT_NAME, name->octets, name->len);
    audit_row_number(row, AUDIT_TYPE, kind < 60 ? 1 : kind < 85 ? 28 : 65);
    audit_row_number(row, AUDIT_RCODE, random_below(random, 100) < 8 ? 3 : 0);
    audit_row_number(row, AUDIT_LATENCY,
                     hit ? 20 + random_below(random, 30) : 5000 + random_below(random, 30000));
    audit_row_number(row, AUDIT_CACHED, hit);
    if (!hit) {
        audit_row_octets(row, AUDIT_UPSTREAM, upstream, sizeof(upstream));
    }
    question->decision = random_below(random, 100) == 0;
}

static void decide(const struct question *question, uint32_t provider, uint8_t *basis_octets,
                   struct audit_row *row)
{
    static const char *const ids[] = {"cloud-one", "cloud-two", "cloud-three", "cloud-four"};
    const struct audit_basis basis = {.serial = 2026112201,
                                      .list = ids[provider],
                                      .provider = ids[provider],
                                      .provider_name = "Example Cloud",
                                      .parent_name = "Example Group",
                                      .status_class = "parent-designated",
                                      .status_entity = "Example Group Co., Ltd.",
                                      .status_authority = "Authority of Examples",
                                      .status_citation = "1 Ex. Reg. 23",
                                      .status_effective = "2025-01-07",
                                      .status_state = "in-force",
                                      .status_checked = "2026-11-01"};

    *row = question->row;
    audit_row_text(row, AUDIT_EVENT, "decision");
    audit_row_number(row, AUDIT_CLIENT_PORT, 1024 + row->at[AUDIT_TIME].number % 60000);
    audit_row_text(row, AUDIT_ACTION, "sinkhole");
    audit_row_text(row, AUDIT_MODE, "enforce");
    audit_row_number(row, AUDIT_APPLIED, 1);
    audit_row_number(row, AUDIT_PAUSED, 0);
    audit_row_octets(row, AUDIT_BASIS, basis_octets,
                     audit_basis_put(&basis, basis_octets, AUDIT_TEXT_MAX));
    audit_row_text(row, AUDIT_RULE, "block suffix cloud.example");
    audit_row_text(row, AUDIT_CATEGORY, "object-storage");
    audit_row_text(row, AUDIT_SCOPE, "cloud");
    audit_row_text(row, AUDIT_CONFIDENCE, "high");
    audit_row_text(row, AUDIT_TRIGGER, "qname");
    audit_row_octets(row, AUDIT_MATCHED, row->at[AUDIT_NAME].octets,
                     row->at[AUDIT_NAME].number);
    audit_row_number(row, AUDIT_HOP, 0);
}

static bool count_only(void *context, const struct audit_header *header,
                       struct audit_block *block, uint32_t i)
{
    (void)context;
    (void)header;
    (void)block;
    (void)i;
    return true;
}

static void measure_search(const struct audit_files *files, const char *what,
                           const struct audit_query *query)
{
    struct audit_search_stats stats;
    const double begin = wall();
    const double begin_cpu = cpu();

    if (audit_search(files, query, count_only, NULL, &stats) != 0) {
        exit(1);
    }
    printf("search %-34s %7.3f s (%.3f s of a processor), %llu found, %llu of %llu blocks "
           "opened\n",
           what, wall() - begin, cpu() - begin_cpu, (unsigned long long)stats.found,
           (unsigned long long)stats.opened, (unsigned long long)stats.blocks);
}

static void measure_searches(const struct audit_files *files, uint64_t begin, uint64_t end)
{
    struct audit_client client = {
        .kind = AUDIT_CLIENT_ADDRESS,
        .address = {.family = ADDRESS_V4, .octets = {10, 0, 7, 0xc0}}};
    struct wire_name suffix;
    struct audit_query query = {.suffix = &suffix};

    wire_name_suffix(&names[0], 2, &suffix);
    measure_search(files, "by suffix, the name asked most", &query);
    wire_name_suffix(&names[name_count - 7], 2, &suffix);
    measure_search(files, "by suffix, a rare one", &query);
    wire_name_from_text("not.there.invalid", 17, &suffix);
    measure_search(files, "by suffix, one that is not there", &query);
    wire_name_suffix(&names[0], 1, &suffix);
    measure_search(files, "by suffix, a top-level domain", &query);
    query = (struct audit_query){.client = &client};
    measure_search(files, "by client, a rare one", &query);
    client.address.octets[2] = 0;
    client.address.octets[3] = 1;
    measure_search(files, "by client, one who asks much", &query);
    query = (struct audit_query){.streams = 1u << AUDIT_DECISIONS,
                                 .provider = "cloud-two",
                                 .from_us = begin + (end - begin) / 4,
                                 .to_us = begin + (end - begin) / 2};
    measure_search(files, "by provider and time", &query);
}

static void measure_verify(const struct audit_files *files, const struct trust_note_key *key,
                           bool deep)
{
    const struct audit_verify_options options = {.key = key, .deep = deep};
    struct audit_verdict verdict;
    const double begin = cpu();

    if (audit_verify(files, &options, &verdict) != 0 ||
        verdict.integrity.fault != AUDIT_SOUND || verdict.completeness.fault != AUDIT_SOUND) {
        exit(1);
    }
    printf("verify %-34s %7.3f s of a processor, %llu blocks, %llu checkpoints\n",
           deep ? "all, and each block's tree anew" : "all", cpu() - begin,
           (unsigned long long)verdict.blocks, (unsigned long long)verdict.checkpoints);
}

/* Writes the events; the time of making them up is not counted. */
static uint64_t write_events(struct audit_log *log, uint64_t events, uint64_t begin,
                             double *spent, uint64_t *decisions)
{
    static struct question questions[BATCH];
    static uint8_t basis[AUDIT_TEXT_MAX];
    const uint8_t seed[RANDOM_SEED_OCTETS] = {1};
    struct random random;
    struct audit_row row;
    uint64_t now = begin;

    random_init_seed(&random, seed);
    *spent = 0;
    *decisions = 0;
    for (uint64_t done = 0; done < events; done += BATCH) {
        for (unsigned i = 0; i < BATCH; i++) {
            now += random_below(&random, 100);
            make_question(&random, now, &questions[i]);
        }
        const double start = cpu();
        for (unsigned i = 0; i < BATCH; i++) {
            if (questions[i].decision) {
                decide(&questions[i], i % 4, basis, &row);
                (*decisions)++;
                if (audit_log_add(log, AUDIT_DECISIONS, &row, now) != 0) {
                    exit(1);
                }
            }
            if (audit_log_add(log, AUDIT_QUERIES, &questions[i].row, now) != 0) {
                exit(1);
            }
        }
        if (audit_log_tick(log, NULL, now) != 0) {
            exit(1);
        }
        *spent += cpu() - start;
    }
    return now;
}

static uint64_t file_octets(const char *path)
{
    uint64_t sum = 0;

    for (uint32_t number = 1;; number++) {
        char name[AUDIT_FILE_NAME_MAX];
        char whole[256];
        struct stat status;

        audit_file_name(number, name);
        snprintf(whole, sizeof(whole), "%s/%s", path, name);
        if (stat(whole, &status) != 0) {
            return sum;
        }
        sum += (uint64_t)status.st_size;
    }
}

int main(int argc, char **argv)
{
    const uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    const uint64_t begin = UINT64_C(1790000000000000);
    const char *base = getenv("TMPDIR");
    struct trust_secret_key secret;
    struct trust_public_key public_key;
    struct audit_log_settings settings = {.secret = &secret,
                                          .file_octets = 64u << 20,
                                          .seal_us = {0, 5000000, 10000000, 1000000},
                                          .group = {0, 1, 16, 1},
                                          .checkpoint_blocks = 16,
                                          .checkpoint_us = 60000000,
                                          .retry_us = 1000000,
                                          .level = 1,
                                          .sync = true};
    struct audit_folder folder;
    struct audit_files files;
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    char path[200];
    char command[256];
    double spent = 0;
    uint64_t decisions = 0;

    snprintf(path, sizeof(path), "%s/cordon-bench-audit-XXXXXX", base != NULL ? base : "/tmp");
    make_names(argc > 2 ? argv[2] : NULL);
    if (random_library_init() != 0 || mkdtemp(path) == NULL ||
        audit_folder_open(path, &folder, &files) != 0) {
        return 1;
    }
    trust_key_generate(&secret, &public_key);
    if (trust_note_key_make("bench.example/audit", TRUST_NOTE_ED25519, public_key.key,
                            &settings.key) != 0 ||
        audit_log_open(&files, &settings, begin, 1, &log, &opened) != 0) {
        return 1;
    }
    const uint64_t end = write_events(log, events, begin, &spent, &decisions);
    const double start = cpu();
    if (audit_log_close(log, NULL, end) != 0) {
        return 1;
    }
    spent += cpu() - start;
    const uint64_t all = (events + BATCH - 1) / BATCH * BATCH;
    const uint64_t octets = file_octets(path);
    printf("write  %llu queries and %llu decisions: %.2f octets an event, %.3f us of a "
           "processor\n",
           (unsigned long long)all, (unsigned long long)decisions,
           (double)octets / (double)(all + decisions), spent * 1e6 / (double)(all + decisions));
    measure_searches(&files, begin, end);
    measure_verify(&files, &settings.key, false);
    measure_verify(&files, &settings.key, true);
    audit_folder_close(&folder);
    snprintf(command, sizeof(command), "rm -rf '%s'", path);
    free(names);
    free(shares);
    return system(command) == 0 ? 0 : 1;
}
