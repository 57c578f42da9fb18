/*
 * A log on a disk of tests/audit/disk.h, with keys, and what is read back from it.
 */
#ifndef CORDON_TESTS_AUDIT_LOGS_H
#define CORDON_TESTS_AUDIT_LOGS_H

#include "audit/disk.h"
#include "audit/log.h"
#include "audit/rows.h"
#include "audit/verify.h"

#define LOG_NAME "log.example/audit"
#define T0       UINT64_C(1790000000000000)

struct maker {
    struct trust_secret_key secret;
    struct trust_note_key key;
    struct audit_log_settings settings;
};

static inline void maker_init(struct maker *maker, const char *name)
{
    struct trust_public_key public_key;

    trust_key_generate(&maker->secret, &public_key);
    if (trust_note_key_make(name, TRUST_NOTE_ED25519, public_key.key, &maker->key) != 0) {
        abort();
    }
    maker->settings = (struct audit_log_settings){
        .key = maker->key,
        .secret = &maker->secret,
        .file_octets = 1u << 20,
        .seal_us = {0, 1000000, 1000000, 1000000},
        .checkpoint_blocks = 100,
        .checkpoint_us = 60000000,
        .retry_us = 1000000,
        .level = 1,
        .sync = true,
    };
}

/* Every event of a stream, checked to be number 0, 1, 2 ... by its latency or count. */
struct reading {
    uint64_t events[AUDIT_STREAMS + 1];
    uint64_t blocks;
    bool wrong;
};

static inline void read_log(const struct audit_files *files, struct reading *reading)
{
    struct audit_reader *reader = audit_reader_create(files, 1);
    struct audit_block *block = audit_block_create();
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};

    memset(reading, 0, sizeof(*reading));
    while (audit_reader_next(reader, &item) == 0 && item.kind != AUDIT_ITEM_END) {
        const uint8_t *body = NULL;

        if (item.kind != AUDIT_ITEM_BLOCK) {
            continue;
        }
        const unsigned stream = item.header.stream;
        reading->blocks++;
        if (audit_reader_body(reader, &item, item.header.body_len, &body) != 0 ||
            audit_block_open(block, &item.header, body, item.header.body_len) != 0 ||
            audit_block_load(block, UINT64_MAX) != 0) {
            reading->wrong = true;
            break;
        }
        for (uint32_t i = 0; i < item.header.events; i++) {
            struct audit_value value;

            /* Events of tests have their number as the generation. */
            if (audit_block_value(block, AUDIT_GENERATION, i, &value) &&
                value.number != reading->events[stream]) {
                reading->wrong = true;
            }
            reading->events[stream]++;
        }
    }
    audit_block_destroy(block);
    audit_reader_destroy(reader);
}

static inline int add_numbered(struct audit_log *log, enum audit_stream stream, uint64_t number,
                               uint64_t now_us)
{
    static struct row_store store; /* what is added is copied */
    struct audit_row row;
    char name[48];

    snprintf(name, sizeof(name), "host%u.zone%u.example", (unsigned)number % 50,
             (unsigned)number % 7);
    if (stream == AUDIT_QUERIES) {
        query_row(&store, now_us, (unsigned)number % 40, name, &row);
    } else if (stream == AUDIT_DECISIONS) {
        decision_row(&store, now_us, (unsigned)number % 40, name, number % 2 ? "one" : "two",
                     &row);
    } else {
        change_row(now_us, "pause-begun", &row);
    }
    audit_row_number(&row, AUDIT_GENERATION, number);
    return audit_log_add(log, stream, &row, now_us);
}

static inline void verify_log(const struct audit_files *files, const struct trust_note_key *key,
                              struct audit_verdict *verdict)
{
    struct audit_verify_options options = {.key = key, .deep = true};
    struct audit_verdict alone;

    /* Threads change the time that it takes, and nothing else. */
    memset(&alone, 0, sizeof(alone));
    if (audit_verify(files, &options, &alone) != 0) {
        abort();
    }
    options.threads = 3;
    if (audit_verify(files, &options, verdict) != 0 ||
        memcmp(&alone.integrity, &verdict->integrity, sizeof(alone.integrity)) != 0 ||
        memcmp(&alone.completeness, &verdict->completeness, sizeof(alone.completeness)) != 0 ||
        alone.blocks != verdict->blocks || alone.stopped != verdict->stopped) {
        abort();
    }
}

static inline bool is_sound(const struct audit_verdict *verdict)
{
    return verdict->integrity.fault == AUDIT_SOUND &&
           verdict->completeness.fault == AUDIT_SOUND;
}

#endif
